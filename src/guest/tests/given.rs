//! Descriptors that the process was given: only read, written, looked at and closed, and a stream only where it is a socket
//! that is connected. Whatever else is asked of one is refused.
use super::puppet::{Puppet, SCRATCH};
use super::state;
use crate::guest::{Command, Open};
use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use skep_abi::errno::{EBADF, EFAULT, EINVAL, ESPIPE};
use skep_abi::file_op as op;
use std::sync::Arc;

/// Where bytes stand: behind the record.
const DATA: u32 = SCRATCH + 1024;

fn pair(kind: SocketType) -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).expect("the system has sockets")
}

fn record(file: i64, a: i64, b: i64) -> Vec<u8> {
    let mut record: Vec<u8> = [file, a, b].iter().flat_map(|word| word.to_le_bytes()).collect();
    record.resize(40, 0);
    record
}

/// A puppet that was given these, and the handles.
fn given(list: Vec<OwnedFd>) -> (Puppet, Vec<i64>) {
    let mut state = state();
    let keep = |fd| state.keep_open(Open::Way(Arc::new(fd))).expect("there is room").raw() as i64;
    let handles = list.into_iter().map(keep).collect();
    (Puppet::new(state), handles)
}

fn ask(puppet: &mut Puppet, call: &str, op: i32, record: &[u8], bytes: u32) -> i64 {
    puppet.poke(SCRATCH, record);
    let numbers = [op as u32, SCRATCH, record.len() as u32, DATA, bytes];
    puppet.one(call, &numbers.map(i64::from))
}

fn refused(errno: i32) -> i64 {
    -i64::from(errno)
}

#[test]
fn what_was_given_is_read_and_written_and_closed() {
    let (ours, theirs) = pair(SocketType::STREAM);
    let (mut puppet, handles) = given(vec![theirs]);
    puppet.poke(DATA, b"hello");
    assert_eq!(ask(&mut puppet, "fs_call", op::WRITE, &record(handles[0], -1, 0), 5), 5);
    let mut came = [0; 16];
    assert_eq!(rustix::io::read(&ours, &mut came).expect("it came"), 5);
    rustix::io::write(&ours, b"back").expect("there is room");
    assert_eq!(ask(&mut puppet, "fs_call", op::READ, &record(handles[0], -1, 0), 16), 4);
    assert_eq!(puppet.guest.peek(DATA, 4), b"back");
    assert_eq!(ask(&mut puppet, "fs_call", op::FSTAT, &record(handles[0], 0, 0), 144), 144);
    assert_eq!(puppet.one("close", &[handles[0]]), 0);
    assert_eq!(rustix::io::read(&ours, &mut came).expect("the other end is gone"), 0);
    assert_eq!(ask(&mut puppet, "fs_call", op::READ, &record(handles[0], -1, 0), 16), refused(EBADF));
}

#[test]
fn n07_what_was_given_is_nothing_more() {
    let (_ours, theirs) = pair(SocketType::STREAM);
    let (mut puppet, handles) = given(vec![theirs]);
    let way = handles[0];
    for operation in [op::TRUNCATE, op::SYNC, op::SYNC_DATA, op::SET_MODE, op::SET_OWNER, op::SET_TIMES] {
        let answer = ask(&mut puppet, "fs_call", operation, &record(way, 0, 0), 0);
        assert!(answer < 0, "operation {operation}: {answer}");
    }
    assert_eq!(ask(&mut puppet, "fs_call", op::READ, &record(way, 0, 0), 16), refused(ESPIPE));
    assert_eq!(ask(&mut puppet, "fs_call", op::WRITE, &record(way, i64::MAX, 0), 16), refused(ESPIPE));
    assert_eq!(ask(&mut puppet, "fs_call", op::READ_FOLDER, &record(way, 9, 0), 64), refused(EBADF));
    assert_eq!(ask(&mut puppet, "fs_call", op::READ, &record(way, -1, 0), u32::MAX), refused(EFAULT));
    // Nobody was given these.
    for lie in [0, 1, 3, 4, way + 1, way ^ 1 << 30, -1, i64::MIN, i64::MAX] {
        for operation in [op::READ, op::WRITE, op::OPEN_STREAM] {
            assert_eq!(ask(&mut puppet, "fs_call", operation, &record(lie, -1, 0), 4), refused(EBADF), "handle {lie}");
        }
    }
    assert_eq!(ask(&mut puppet, "fs_queue", op::READ, &record(way, -1, i64::MAX), 0), refused(EINVAL));
    assert_eq!(ask(&mut puppet, "fs_queue", op::READ, &record(way, -1, -1), 0), refused(EINVAL));
    assert!(puppet.guest.state().outbox.is_empty());
}

#[test]
fn only_a_connected_socket_becomes_a_stream() {
    let (_ours, stream) = pair(SocketType::STREAM);
    let (_other, datagram) = pair(SocketType::DGRAM);
    let listener = OwnedFd::from(std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
    let file = OwnedFd::from(std::fs::File::open("/dev/null").expect("it is there"));
    let (mut puppet, handles) = given(vec![stream, datagram, listener, file]);
    for wrong in &handles[1..] {
        assert_eq!(ask(&mut puppet, "fs_call", op::OPEN_STREAM, &record(*wrong, 0, 0), 0), refused(EINVAL));
    }
    assert!(puppet.guest.state().outbox.is_empty());
    let stream = ask(&mut puppet, "fs_call", op::OPEN_STREAM, &record(handles[0], 0, 0), 0);
    assert!(stream > 0 && stream != handles[0], "{stream}");
    let commands = puppet.guest.state_mut().outbox.take();
    assert!(matches!(commands[..], [Command::OpenStream { .. }]), "{commands:?}");
    // A stream is no file, nor a file a stream.
    assert_eq!(ask(&mut puppet, "fs_call", op::READ, &record(stream, -1, 0), 4), refused(EBADF));
    assert_eq!(puppet.one("stream_shutdown", &[handles[0]]), refused(EBADF));
}

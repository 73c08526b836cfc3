//! R01: a rogue engine that makes calls with hostile arguments. Random ones, against a model of its handles, are the fuzz
//! target `imports`, which `tests/fuzz_smoke.rs` runs too.
use super::puppet::{MEMORY, Puppet, SCRATCH, call};
use super::{state, state_with};
use crate::guest::handles::Client;
use crate::guest::imports::FAILS;
use crate::guest::{Kind, Turn, Verdict};
use crate::policy::{Grants, Limits};
use skep_abi::errno::{EACCES, EAGAIN, EALREADY, EBADF, EBUSY, EFAULT, EINVAL, EMFILE, EMSGSIZE, ENAMETOOLONG, EPIPE};
use skep_abi::file_op;
use std::sync::Arc;

fn errno(number: i32) -> i64 {
    -i64::from(number)
}

#[test]
fn pointers_and_lengths() {
    let mut puppet = Puppet::new(state());
    let bad = [
        (MEMORY, 1),
        (MEMORY - 1, 2),
        (u32::MAX, 1),
        (u32::MAX, u32::MAX),
        (MEMORY - 8, u32::MAX - 3),
        (1, u32::MAX),
        (0, MEMORY + 1),
    ];
    for (ptr, len) in bad {
        let (ptr, len) = (i64::from(ptr), i64::from(len));
        for (name, arguments) in [
            ("random", vec![ptr, len]),
            ("log", vec![1, ptr, len]),
            ("why", vec![ptr, len]),
            ("start_info", vec![ptr, len]),
            ("env_ask", vec![ptr, len]),
            ("listen", vec![ptr, len, 80, 0, 0, 0]),
            ("listen", vec![0, 0, 80, 0, ptr, len]),
            ("net_connect", vec![ptr, len, 80, 0, 0]),
            ("net_connect", vec![ptr, len, -1, 0, 0]),
            ("fs_call", vec![i64::from(file_op::STAT), ptr, len, 0, 0]),
            ("fs_call", vec![i64::from(file_op::STAT), i64::from(SCRATCH), 40, ptr, len]),
            ("fs_watch", vec![ptr, len]),
            ("fs_queue", vec![i64::from(file_op::STAT), ptr, len, 0, 0]),
            ("fs_queue", vec![i64::from(file_op::STAT), i64::from(SCRATCH), 40, ptr, len]),
            ("udp_bind", vec![ptr, len, 8080, 0]),
            ("name_lookup", vec![ptr, len, 0, 0]),
            ("name_of", vec![ptr, len, 80]),
            ("inbox", vec![ptr, len]),
        ] {
            let answer = puppet.one(name, &arguments);
            assert!(answer < 0, "{name}({arguments:?}) = {answer}");
        }
    }
    assert!(puppet.guest.state().outbox.is_empty());
    assert_eq!(puppet.one("log", &[1, i64::from(MEMORY), 0]), 0, "no bytes at the end are no bytes");
    assert_eq!(puppet.one("why", &[i64::from(MEMORY - 4), 5]), errno(EFAULT));
}

#[test]
fn m06_numbers_are_bounded_before_anything_is_allocated() {
    let mut puppet = Puppet::new(state());
    assert_eq!(puppet.one("random", &[0, 65_537]), errno(EINVAL));
    assert_eq!(puppet.one("log", &[1, 0, 65_537]), errno(EMSGSIZE));
    assert_eq!(puppet.one("log", &[0, 0, 1]), errno(EBADF));
    assert_eq!(puppet.one("log", &[3, 0, 1]), errno(EBADF));
    assert_eq!(puppet.one("clock", &[3]), errno(EINVAL));
    assert_eq!(puppet.one("timer_arm", &[-2, 0]), errno(EINVAL));
    assert_eq!(puppet.one("inbox", &[8, 4096]), errno(EALREADY));
    assert_eq!(puppet.one("inbox", &[4, 4096]), errno(EINVAL));
    for signal in [0, -1, 9, 19, 65, i64::from(i32::MIN)] {
        assert_eq!(puppet.one("signal_watch", &[signal, 1]), errno(EINVAL));
    }
    for (port, backlog) in [(-2, 0), (65_536, 0), (i64::from(i32::MAX), 0), (i64::from(i32::MIN), 0)] {
        puppet.poke(SCRATCH, b"127.0.0.1");
        assert_eq!(puppet.one("listen", &[i64::from(SCRATCH), 9, port, backlog, 0, 0]), errno(EINVAL));
    }
    for option_bytes in [1, 39, 41, 80] {
        assert_eq!(puppet.one("listen", &[i64::from(SCRATCH), 9, 8080, 0, 0, option_bytes]), errno(EINVAL));
    }
    assert!(puppet.guest.state().outbox.is_empty());
    assert!(puppet.guest.state().handles.is_empty());
}

#[test]
fn refusals_of_the_policy_say_why() {
    let mut puppet = Puppet::new(state());
    puppet.poke(SCRATCH, b"127.0.0.1");
    let at = i64::from(SCRATCH);
    assert_eq!(puppet.one("listen", &[at, 9, 80, 0, 0, 0]), errno(EACCES));
    let len = puppet.one("why", &[at + 64, 200]);
    let why = puppet.guest.peek(SCRATCH + 64, len as u32);
    assert!(String::from_utf8_lossy(&why).contains("--allow-listen"));
    assert_eq!(puppet.one("net_connect", &[at, 9, 80, 0, 0]), errno(EACCES));
    assert_eq!(puppet.one("listen", &[at, 9, -1, 0, 0, 0]), errno(EACCES));
    assert!(puppet.one("listen", &[at, 9, 8080, 0, 0, 0]) > 0);
    for host in [&b"localhost"[..], b"127.0.0.1\0", b"\xff\xfe", b"1.2.3", b""] {
        puppet.poke(SCRATCH, host);
        assert_eq!(puppet.one("listen", &[at, host.len() as i64, 8080, 0, 0, 0]), errno(EINVAL));
    }
    let names = [&b""[..], b"\0", b"\0a\0b", b"/a\0b", b"\0\xff"].map(|name| (name, EINVAL));
    for (name, error) in names.into_iter().chain([(&b"\0in no folder"[..], EACCES)]) {
        puppet.poke(SCRATCH, name);
        let len = name.len() as i64;
        assert_eq!(puppet.one("listen", &[at, len, -1, 0, 0, 0]), errno(error), "{name:?}");
        assert_eq!(puppet.one("net_connect", &[at, len, -1, 0, 0]), errno(error), "{name:?}");
    }
}

#[test]
fn a_hidden_variable_gives_one_bit() {
    let env_hidden = ["SECRET".to_owned(), "\u{e9}".to_owned()].into();
    let mut puppet = Puppet::new(state_with(Grants { env_hidden, ..Grants::default() }, Limits::default()));
    let at = i64::from(SCRATCH);
    for (name, expected) in [
        (&b"SECRET"[..], errno(EACCES)),
        ("\u{e9}".as_bytes(), errno(EACCES)),
        (b"SECRE", 0),
        (b"SECRET\0", 0),
        (b"secret", 0),
        (b"", 0),
        (b"\xff\xfe", 0),
        (&[b'A'; 3000], 0),
    ] {
        puppet.poke(SCRATCH, name);
        assert_eq!(puppet.one("env_ask", &[at, name.len() as i64]), expected, "{name:?}");
    }
    puppet.poke(SCRATCH, b"SECRET");
    assert_eq!(puppet.one("env_ask", &[at, 6]), errno(EACCES));
    let len = puppet.one("why", &[at + 64, 200]);
    assert!(String::from_utf8_lossy(&puppet.guest.peek(SCRATCH + 64, len as u32)).contains("--allow-env=SECRET"));
}

#[test]
fn our_own_end_of_a_connection_is_judged_too() {
    let mut puppet = Puppet::new(state_with(Grants::all(), Limits::default()));
    let at = i64::from(SCRATCH);
    puppet.poke(SCRATCH, b"127.0.0.1");
    let own = |port: u32, text: &[u8]| [&[0; 4][..], &port.to_le_bytes(), text].concat();
    for (record, expected) in [
        (own(0, b"127.0.0.1"), None),
        (own(0, b""), None),
        (own(70_000, b"127.0.0.1"), Some(EINVAL)),
        (own(0, b"localhost"), Some(EINVAL)),
        (own(0, b"127.0.0.1\0"), Some(EINVAL)),
        (own(0, &[b'1'; 200]), Some(ENAMETOOLONG)),
        (vec![0; 7], Some(EINVAL)),
    ] {
        puppet.poke(SCRATCH + 64, &record);
        let answer = puppet.one("net_connect", &[at, 9, 80, at + 64, record.len() as i64]);
        assert_eq!(answer > 0, expected.is_none(), "{record:?}: {answer}");
        assert!(expected.is_none_or(|number| answer == errno(number)), "{record:?}: {answer}");
    }
    let net = crate::policy::NetRule { host: None, port: None };
    let mut puppet = Puppet::new(state_with(Grants { net: vec![net], ..Grants::default() }, Limits::default()));
    puppet.poke(SCRATCH, b"127.0.0.1");
    puppet.poke(SCRATCH + 64, &own(80, b"127.0.0.1"));
    assert_eq!(puppet.one("net_connect", &[at, 9, 80, at + 64, 17]), errno(EACCES), "a port below 1024 is a name");
}

#[test]
fn settling_yields_and_goes_on() {
    let mut puppet = Puppet::new(state());
    let program = [(call("settle"), vec![]), (call("clock"), vec![0])];
    assert_eq!(puppet.run(&program).map(|answers| answers.len()), Ok(2));
    assert_eq!(puppet.one("settle", &[]), 0);
}

#[test]
fn udp_sockets_and_names_are_judged() {
    let mut puppet = Puppet::new(state());
    let at = i64::from(SCRATCH);
    puppet.poke(SCRATCH, b"127.0.0.1");
    assert_eq!(puppet.one("udp_bind", &[at, 9, 53, 0]), errno(EACCES));
    let socket = puppet.one("udp_bind", &[at, 9, 0, 0]);
    assert!(socket > 0);
    assert_eq!(puppet.one("udp_send", &[socket, at, 9, 53, 0, 4]), errno(EACCES), "each destination is judged");
    assert_eq!(puppet.one("udp_connect", &[socket, at, 9, 53]), errno(EACCES));
    assert_eq!(puppet.one("udp_send", &[socket, 0, 0, 0, 0, 65_536]), errno(EMSGSIZE));
    for (option, value) in [(0, 0), (8, 0), (1, 2), (2, 0), (2, 256), (5, 1 << 40), (-1, 0)] {
        assert_eq!(puppet.one("udp_option", &[socket, option, value]), errno(EINVAL));
    }
    assert_eq!(puppet.one("udp_member", &[socket, at, 9, 0, 0, 1]), errno(EINVAL), "no group");
    assert_eq!(puppet.one("name_lookup", &[at, 9, 0, 0]), errno(EACCES), "asking is talking");
    assert_eq!(puppet.one("name_of", &[at, 9, 80]), errno(EACCES));
    puppet.poke(SCRATCH, b"localhost");
    assert!(puppet.one("name_lookup", &[at, 9, 0, 0]) > 0, "the one name that nobody else hears of");
    puppet.poke(SCRATCH, b"localhost.");
    assert_eq!(puppet.one("name_lookup", &[at, 10, 0, 0]), errno(EACCES));
    let mut puppet = Puppet::new(state_with(Grants::all(), Limits::default()));
    puppet.poke(SCRATCH, b"127.0.0.1");
    for family in [-1, 1, 5] {
        assert_eq!(puppet.one("name_lookup", &[at, 9, family, 0]), errno(EINVAL));
    }
    assert_eq!(puppet.one("name_lookup", &[at, 0, 0, 0]), errno(EINVAL));
    assert_eq!(puppet.one("name_of", &[at, 9, 70_000]), errno(EINVAL));
}

#[test]
fn m08_handles_have_a_limit() {
    let limits = Limits { handles: 10, ..Limits::default() };
    let mut puppet = Puppet::new(state_with(Grants::default(), limits));
    for _ in 0..10 {
        assert!(puppet.one("http_attach", &[0, 0, 0]) > 0);
    }
    assert_eq!(puppet.one("http_attach", &[0, 0, 0]), errno(EMFILE));
}

#[test]
fn writes_are_bounded_by_credit() {
    let limits = Limits { connection_pending_bytes: 100_000, ..Limits::default() };
    let mut puppet = Puppet::new(state_with(Grants::default(), limits));
    let stream = puppet.guest.state_mut().handles.insert(Kind::Stream).expect("there is room");
    let raw = stream.raw() as i64;
    assert_eq!(puppet.one("stream_write", &[raw, 0, 200_000]), 200_000, "an empty queue takes one call of any size");
    assert_eq!(puppet.one("stream_write", &[raw, 0, 1]), errno(EAGAIN));
    let state = puppet.guest.state_mut();
    assert_eq!(state.pending_total, 200_000);
    let slot = state.handles.get_mut(stream).expect("it lives");
    assert!(slot.wants_drain);
    slot.pending = 99_990;
    assert_eq!(puppet.one("stream_write", &[raw, 0, 10]), 100_000);
    assert_eq!(puppet.one("stream_write", &[raw, 0, 1]), errno(EAGAIN));
    assert_eq!(puppet.one("stream_shutdown", &[raw]), 0);
    assert_eq!(puppet.one("stream_write", &[raw, 0, 1]), errno(EPIPE));
    assert_eq!(puppet.one("stream_shutdown", &[raw]), errno(EPIPE));
}

#[test]
fn kinds_are_not_mixed_up() {
    let kinds =
        [Kind::Blob, Kind::Listener, Kind::Exchange, Kind::Connection, Kind::Attached, Kind::Stream, Kind::Datagram];
    for kind in kinds {
        let mut puppet = Puppet::new(state());
        let handle = puppet.guest.state_mut().handles.insert(kind).expect("there is room");
        if kind == Kind::Blob {
            puppet.guest.state_mut().blobs.insert(handle, Arc::from(&b"text"[..]));
        }
        let raw = handle.raw() as i64;
        for (name, arguments, takes) in [
            ("blob_len", vec![raw], &[Kind::Blob][..]),
            ("blob_read", vec![raw, 0, 0, 4], &[Kind::Blob]),
            ("listen_set", vec![raw, 0, 40], &[Kind::Listener]),
            ("http_close_idle", vec![raw], &[Kind::Listener]),
            ("http_close_all", vec![raw], &[Kind::Listener]),
            ("http_attach", vec![raw, 0, 0], &[Kind::Listener]),
            ("http_feed", vec![raw, 0, 4], &[Kind::Attached]),
            ("http_respond", vec![raw, 200, 0, 0, 0, 0, 0], &[Kind::Exchange]),
            ("http_write", vec![raw, 0, 0, 4], &[Kind::Exchange]),
            ("http_inform", vec![raw, 100, 0, 0], &[Kind::Exchange]),
            ("http_watch", vec![raw], &[Kind::Exchange]),
            ("http_conn", vec![raw], &[Kind::Exchange]),
            ("credit", vec![raw, 1], &[Kind::Exchange, Kind::Stream, Kind::Attached]),
            ("http_client", vec![raw, 0, 0], &[Kind::Stream]),
            ("stream_write", vec![raw, 0, 4], &[Kind::Stream, Kind::Connection]),
            ("traffic", vec![raw, 1], &[Kind::Connection]),
            ("stream_option", vec![raw, 4, 1], &[Kind::Connection]),
            ("stream_option", vec![raw, 1, 1], &[Kind::Stream, Kind::Connection, Kind::Attached]),
            ("udp_send", vec![raw, 0, 0, 0, 0, 4], &[Kind::Datagram]),
            ("udp_connect", vec![raw, 0, 0, 0], &[Kind::Datagram]),
            ("udp_option", vec![raw, 1, 1], &[Kind::Datagram]),
            ("http_upgrade", vec![raw], &[Kind::Exchange]),
        ] {
            let answer = puppet.one(name, &arguments);
            let expected = takes.contains(&kind);
            assert_eq!(answer >= 0, expected, "{name} of a {kind:?}: {answer}");
            assert!(expected || answer == errno(EBADF), "{name} of a {kind:?}: {answer}");
        }
    }
}

#[test]
fn file_requests_that_lie() {
    let mut puppet = Puppet::new(state());
    let at = i64::from(SCRATCH);
    for op in [0, -1, file_op::LAST + 1, i32::MAX, i32::MIN] {
        assert_eq!(puppet.one("fs_call", &[i64::from(op), at, 40, 0, 0]), errno(EINVAL));
        assert_eq!(puppet.one("fs_queue", &[i64::from(op), at, 40, 0, 0]), errno(EINVAL));
    }
    let stat = i64::from(file_op::STAT);
    for len in [0, 1, 39] {
        assert_eq!(puppet.one("fs_call", &[stat, at, len, 0, 0]), errno(EINVAL), "no whole record");
    }
    // The paths' lengths are not what follows the record.
    for (path, other) in [(4u32, 5u32), (u32::MAX, 9), (9, u32::MAX), (u32::MAX, u32::MAX)] {
        puppet.poke(SCRATCH + 32, &path.to_le_bytes());
        puppet.poke(SCRATCH + 36, &other.to_le_bytes());
        assert_eq!(puppet.one("fs_call", &[stat, at, 48, 0, 0]), errno(EFAULT));
    }
    puppet.poke(SCRATCH + 32, &[8, 0, 0, 0, 0, 0, 0, 0]);
    puppet.poke(SCRATCH + 40, b"/a\0b/c/d");
    assert_eq!(puppet.one("fs_call", &[stat, at, 48, 0, 0]), errno(EINVAL), "a null byte");
    // A handle that nothing stands behind, of every operation on one.
    puppet.poke(SCRATCH, &77u64.to_le_bytes());
    puppet.poke(SCRATCH + 32, &[0; 8]);
    for op in file_op::ON_OPEN {
        assert_eq!(puppet.one("fs_call", &[i64::from(op), at, 40, 0, 0]), errno(EBADF), "{op}");
        assert_eq!(puppet.one("fs_queue", &[i64::from(op), at, 40, 0, 0]), errno(EBADF), "{op}");
    }
    assert!(puppet.guest.state().outbox.is_empty());
}

#[test]
fn the_client_role_keeps_its_order() {
    let mut puppet = Puppet::new(state());
    let stream = puppet.guest.state_mut().handles.insert(Kind::Stream).expect("there is room");
    let raw = stream.raw() as i64;
    assert_eq!(puppet.one("http_expect", &[raw, 0]), errno(EBADF), "before http_client");
    assert_eq!(puppet.one("http_feed", &[raw, 0, 4]), errno(EBADF), "before http_client");
    assert_eq!(puppet.one("http_client", &[raw, 0, 39]), errno(EINVAL));
    assert_eq!(puppet.one("http_client", &[raw, 0, 0]), 0);
    assert_eq!(puppet.one("http_client", &[raw, 0, 0]), errno(EALREADY));
    for kind in [4, -1, i64::from(i32::MIN)] {
        assert_eq!(puppet.one("http_expect", &[raw, kind]), errno(EINVAL));
    }
    assert_eq!(puppet.one("http_expect", &[raw, 3]), 0);
    assert_eq!(puppet.one("http_expect", &[raw, 0]), 0, "it may be said again");
    assert_eq!(puppet.one("http_feed", &[raw, 0, 4]), 0);
    puppet.guest.state_mut().handles.get_mut(stream).expect("it lives").client = Client::Busy;
    assert_eq!(puppet.one("http_expect", &[raw, 0]), errno(EBUSY), "inside a response");
    let attached = puppet.one("http_attach", &[0, 0, 0]);
    assert_eq!(puppet.one("http_expect", &[attached, 0]), errno(EBADF), "it is a server's");
    assert_eq!(puppet.one("http_client", &[attached, 0, 0]), errno(EBADF));
}

#[test]
fn exit_among_other_calls() {
    let mut puppet = Puppet::new(state());
    let program = [(call("http_attach"), vec![0, 0, 0]), (call("exit"), vec![-3]), (call("clock"), vec![0])];
    assert_eq!(puppet.run(&program), Err(Turn::Ended(Verdict::Exited(-3))));
    assert_eq!(puppet.guest.state().handles.len(), 1, "its state can still be read");
}

#[test]
fn calls_of_the_host_are_granted_by_name() {
    let grants = Grants { functions: ["mine".to_owned()].into(), ..Grants::default() };
    let limits = Limits { operations: 2, call_bytes: 1000, ..Limits::default() };
    let mut puppet = Puppet::new(state_with(grants, limits));
    let at = i64::from(SCRATCH);
    let (memory, bytes) = (i64::from(MEMORY), i64::from(skep_abi::value::BYTES));
    puppet.poke(SCRATCH, b"mine!\0\xff");
    for (arguments, expected) in [
        ([at, 5, 0, 0, 0], EACCES),
        ([at, 3, 0, 0, 0], EACCES),
        ([at, 0, 0, 0, 0], EACCES),
        ([at + 5, 1, 0, 0, 0], EINVAL),
        ([at + 6, 1, 0, 0, 0], EINVAL),
        ([at, 300, 0, 0, 0], ENAMETOOLONG),
        ([memory, 4, 0, 0, 0], EFAULT),
        ([at, 4, 1, 0, 0], EINVAL),
        ([at, 4, 8, 0, 0], EINVAL),
        ([at, 4, 16, 0, 0], EINVAL),
        ([at, 4, -1, 0, 0], EINVAL),
        ([at, 4, 0x1_0004, 0, 0], EINVAL),
        ([at, 4, 0, memory, 1], EFAULT),
        ([at, 4, 0, memory - 1, 2], EFAULT),
        ([at, 4, 0, -1, 8], EFAULT),
        ([at, 4, 0, 0, 1001], EMSGSIZE),
        ([at, 4, 0, 0, -1], EMSGSIZE),
    ] {
        assert_eq!(puppet.one("host_call", &arguments), errno(expected), "{arguments:?}");
    }
    assert!(puppet.guest.state().handles.is_empty() && puppet.guest.state().outbox.is_empty());
    assert!(puppet.one("host_call", &[at, 4, bytes, 0, 1000]) > 0);
    assert!(puppet.one("host_call", &[at, 4, 0, 0, 0]) > 0);
    assert_eq!(puppet.one("host_call", &[at, 4, 0, 0, 0]), errno(EAGAIN), "two are under way");
}

#[test]
fn a_call_is_answered_once_and_by_its_own_handle() {
    let mut puppet = Puppet::new(state_with(Grants::default(), Limits { call_bytes: 1000, ..Limits::default() }));
    let blob = puppet.guest.state_mut().keep_blob(vec![1]).expect("there is room").raw() as i64;
    let call = puppet.guest.state_mut().handles.insert(Kind::Call).expect("there is room").raw() as i64;
    let memory = i64::from(MEMORY);
    for (arguments, expected) in [
        ([0, 0, 0, 0], EBADF),
        ([-1, 0, 0, 0], EBADF),
        ([blob, 0, 0, 0], EBADF),
        ([call + 1, 0, 0, 0], EBADF),
        ([call, 1, 0, 0], EINVAL),
        ([call, 16, 0, 0], EINVAL),
        ([call, i64::from(i32::MIN), 0, 0], EINVAL),
        ([call, 0, memory, 1], EFAULT),
        ([call, 0, 8, -1], EMSGSIZE),
        ([call, 0, 0, 1001], EMSGSIZE),
    ] {
        assert_eq!(puppet.one("call_reply", &arguments), errno(expected), "{arguments:?}");
    }
    assert!(puppet.guest.state().outbox.is_empty());
    assert_eq!(puppet.one("call_reply", &[call, 12, 0, 1000]), 0);
    assert_eq!(puppet.one("call_reply", &[call, 0, 0, 0]), errno(EBADF));
    assert_eq!(puppet.guest.state_mut().outbox.take().len(), 1);
}

#[test]
fn signals_are_not_for_guests_of_other_programs() {
    let mut puppet = Puppet::new(state_with(Grants { no_signals: true, ..Grants::default() }, Limits::default()));
    assert_eq!(puppet.one("signal_watch", &[15, 1]), errno(skep_abi::errno::EPERM));
    assert_eq!(puppet.one("signal_watch", &[0, 1]), errno(EINVAL));
    assert!(puppet.guest.state().outbox.is_empty());
}

#[test]
fn r03_a_panic_in_any_call_ends_only_the_guest() {
    for (index, call) in skep_abi::CALLS.iter().enumerate() {
        let mut bad = Puppet::new(state());
        FAILS.set(Some(call.name));
        let end = bad.run(&[(index, vec![0; call.params.len()])]);
        FAILS.set(None);
        let Err(Turn::Ended(Verdict::HostFault(why))) = &end else { panic!("{}: {end:?}", call.name) };
        assert!(why.contains("fail point"), "{}: {why}", call.name);
        assert_eq!(Puppet::new(state()).one("settle", &[]), 0, "the next guest lives");
    }
}

//! Descriptors that the process was given by the one that started it, beyond the standard ones: sockets, pipes, whatever its
//! own outputs were. They are waited for as standard input is, and never made non-blocking here: their flags may be shared.
//! It must not know which number a script has for one, nor who holds the other end.
use super::super::alarm::{Alarm, Bell};
use super::super::command::Command;
use super::super::handles::Kind;
use super::super::work::{Done, Open};
use super::fs::Job;
use super::fs_open::refusal;
use super::{Answer, Call, Refusal, refuse};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{SocketType, sockopt};
use skep_abi::errno::{EBADF, EINVAL, ENOMEM, ESPIPE};
use std::sync::Arc;

/// Bytes of one reading: as many as a pipe holds.
const STEP: usize = 64 << 10;

/// Bytes of one writing: as many as whatever can be written takes without waiting (POSIX's least PIPE_BUF is less, Linux's is
/// this).
const PIECE: usize = 4096;

/// Until it can be read or written, whether or not somebody made it non-blocking; or until a signal has come that ends the guest,
/// which no reading that waits by itself would notice.
fn wait(way: impl AsFd, flags: PollFlags, alarm: &Alarm) -> Answer<()> {
    let bells: Vec<&Bell> = alarm.bells().collect();
    let ends = bells.iter().map(|bell| PollFd::from_borrowed_fd(bell.end.as_fd(), PollFlags::IN));
    let mut all: Vec<PollFd<'_>> = std::iter::once(PollFd::new(&way, flags)).chain(ends).collect();
    rustix::io::retry_on_intr(|| poll(&mut all, None)).map_err(refusal)?;
    let rung = bells.iter().zip(&all[1..]).find(|(_, end)| !end.revents().is_empty());
    rung.map_or(Ok(()), |(bell, _)| Err(Refusal::Signalled(bell.signal)))
}

/// What has come, at least a byte but at the end; waits for it.
pub(super) fn read_when_ready(way: impl AsFd, out: &mut [u8], alarm: &Alarm) -> Answer<usize> {
    loop {
        wait(&way, PollFlags::IN, alarm)?;
        match rustix::io::read(&way, &mut *out) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            read => return read.map_err(refusal),
        }
    }
}

/// The same of a descriptor that was given.
pub(super) fn read_way(way: &OwnedFd, out: &mut [u8], at: i64, alarm: &Alarm) -> Answer<usize> {
    match (at, out.is_empty()) {
        (0.., _) => refuse(ESPIPE),
        (_, true) => Ok(0),
        _ => read_when_ready(way, out, alarm),
    }
}

/// The same, into bytes of its own.
pub(super) fn queued_way(job: &Job) -> Answer<Done> {
    let Some(Open::Way(way)) = &job.open else { return refuse(EBADF) };
    let cap = usize::try_from(job.b).unwrap_or(0).min(STEP);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(cap).map_err(|_| Refusal::Errno(ENOMEM))?;
    bytes.resize(cap, 0);
    let count = read_way(way, &mut bytes, job.a, &Alarm::default())?;
    bytes.truncate(count);
    Ok(Done::Bytes(bytes))
}

/// All of it; waits until it is taken.
pub(super) fn write_way(way: &OwnedFd, bytes: &[u8], at: i64, alarm: &Alarm) -> Answer<usize> {
    write_while(way, bytes, at, |_| wait(way, PollFlags::OUT, alarm).map(|()| true))
}

/// As much of it as is taken without waiting, once something is: others wait on the same thread.
pub(super) fn queued_writing(way: &OwnedFd, job: &Job) -> Answer<usize> {
    write_while(way, &job.data, job.a, |sent| match sent {
        0 => wait(way, PollFlags::OUT, &Alarm::default()).map(|()| true),
        _ => Ok(is_ready(way, PollFlags::OUT)),
    })
}

fn is_ready(way: impl AsFd, flags: PollFlags) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::io::retry_on_intr(|| poll(&mut [PollFd::new(&way, flags)], Some(&now))) == Ok(1)
}

/// Goes on while there is some left and the question, which is told how much is written, is answered with yes.
fn write_while(way: &OwnedFd, bytes: &[u8], at: i64, mut may: impl FnMut(usize) -> Answer<bool>) -> Answer<usize> {
    if at >= 0 {
        return refuse(ESPIPE);
    }
    let mut sent = 0;
    while sent < bytes.len() && may(sent)? {
        let piece = &bytes[sent..bytes.len().min(sent + PIECE)];
        match rustix::io::write(way, piece) {
            Ok(count) => sent += count,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) if sent > 0 => break,
            Err(error) => return Err(refusal(error)),
        }
    }
    Ok(sent)
}

#[cfg(target_os = "linux")]
fn is_listening(way: BorrowedFd<'_>) -> bool {
    sockopt::socket_acceptconn(way) != Ok(false)
}

/// Here a socket does not tell; one that listens has no peer.
#[cfg(not(target_os = "linux"))]
fn is_listening(way: BorrowedFd<'_>) -> bool {
    rustix::net::getpeername(way).is_err()
}

/// The socket is a stream from the end of the turn on. Only a connected one can be: anything else is `-EINVAL`.
pub(super) fn open_stream(call: &mut Call<'_>, job: &Job) -> Answer<i64> {
    let Some(Open::Way(way)) = &job.open else { return refuse(EINVAL) };
    let connected = sockopt::socket_type(way.as_fd()) == Ok(SocketType::STREAM) && !is_listening(way.as_fd());
    if !connected {
        return refuse(EINVAL);
    }
    let socket = Arc::clone(way);
    call.room(0)?;
    let stream = call.fresh(Kind::Stream)?;
    call.state().outbox.push(Command::OpenStream { stream, socket });
    Ok(stream.raw() as i64)
}

//! Descriptors that the process was given by the one that started it, beyond the standard ones: sockets, pipes, whatever its
//! own outputs were. They are waited for as standard input is, and never made non-blocking here: their flags may be shared.
//! It must not know which number a script has for one, nor who holds the other end.
use super::super::command::Command;
use super::super::handles::Kind;
use super::super::work::{Done, Open};
use super::fs::Job;
use super::fs_open::refusal;
use super::{Answer, Call, Refusal, refuse};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd as _, OwnedFd};
use rustix::io::Errno;
use rustix::net::{SocketType, sockopt};
use skep_abi::errno::{EBADF, EINVAL, ENOMEM, ESPIPE};
use std::sync::Arc;

/// Bytes of one reading: as many as a pipe holds.
const STEP: usize = 64 << 10;

/// Until it can be read or written. One that somebody made non-blocking blocks here.
fn wait(way: &OwnedFd, flags: PollFlags) -> Answer<()> {
    match poll(&mut [PollFd::new(way, flags)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(refusal(error)),
    }
}

/// What has come, at least a byte but at the end; waits for it.
pub(super) fn read_way(way: &OwnedFd, out: &mut [u8], at: i64) -> Answer<usize> {
    if at >= 0 {
        return refuse(ESPIPE);
    }
    if out.is_empty() {
        return Ok(0);
    }
    loop {
        match rustix::io::read(way, &mut *out) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait(way, PollFlags::IN)?,
            read => return read.map_err(refusal),
        }
    }
}

/// The same, into bytes of its own.
pub(super) fn queued_way(job: &Job) -> Answer<Done> {
    let Some(Open::Way(way)) = &job.open else { return refuse(EBADF) };
    let cap = usize::try_from(job.b).unwrap_or(0).min(STEP);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(cap).map_err(|_| Refusal::Errno(ENOMEM))?;
    bytes.resize(cap, 0);
    let count = read_way(way, &mut bytes, job.a)?;
    bytes.truncate(count);
    Ok(Done::Bytes(bytes))
}

/// All of it; waits until it is taken.
pub(super) fn write_way(way: &OwnedFd, bytes: &[u8], at: i64) -> Answer<usize> {
    if at >= 0 {
        return refuse(ESPIPE);
    }
    let mut sent = 0;
    while sent < bytes.len() {
        match rustix::io::write(way, &bytes[sent..]) {
            Ok(count) => sent += count,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait(way, PollFlags::OUT)?,
            Err(_) if sent > 0 => break,
            Err(error) => return Err(refusal(error)),
        }
    }
    Ok(sent)
}

/// The socket is a stream from the end of the turn on. Only a connected one can be: anything else is `-EINVAL`.
pub(super) fn open_stream(call: &mut Call<'_>, job: &Job) -> Answer<i64> {
    let Some(Open::Way(way)) = &job.open else { return refuse(EINVAL) };
    let connected = sockopt::socket_type(way.as_fd()) == Ok(SocketType::STREAM)
        && sockopt::socket_acceptconn(way.as_fd()) == Ok(false);
    if !connected {
        return refuse(EINVAL);
    }
    let socket = Arc::clone(way);
    call.room(0)?;
    let stream = call.fresh(Kind::Stream)?;
    call.state().outbox.push(Command::OpenStream { stream, socket });
    Ok(stream.raw() as i64)
}

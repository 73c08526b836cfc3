//! The program's standard input, read as it comes: what it is (pipe, terminal, file), and its flags, belong to whoever
//! began the program, so it is waited for and never made non-blocking. It must not know who waits meanwhile.
use super::super::work::Done;
use super::fs::Job;
use super::fs_open::refusal;
use super::{Answer, Refusal};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::stdio::stdin;
use skep_abi::errno::ENOMEM;

/// Bytes of one reading: as many as a pipe holds.
const STEP: usize = 64 << 10;

/// What has come, at least a byte but at the end; waits for it.
pub(super) fn read_input(job: &Job, out: &mut [u8]) -> Answer<usize> {
    job.roots.grants.input().map_err(|denied| Refusal::Denied(denied.0))?;
    if out.is_empty() {
        return Ok(0);
    }
    loop {
        match rustix::io::read(stdin(), &mut *out) {
            Err(Errno::INTR) => {}
            // Somebody else made it non-blocking: then this is what blocks.
            Err(Errno::AGAIN) => match poll(&mut [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(refusal(error)),
            },
            read => return read.map_err(refusal),
        }
    }
}

/// The same, into bytes of its own.
pub(super) fn queued_input(job: &Job) -> Answer<Done> {
    let cap = usize::try_from(job.b).unwrap_or(0).min(STEP);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(cap).map_err(|_| Refusal::Errno(ENOMEM))?;
    bytes.resize(cap, 0);
    let count = read_input(job, &mut bytes)?;
    bytes.truncate(count);
    Ok(Done::Bytes(bytes))
}

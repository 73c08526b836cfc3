//! The program's standard input, read as it comes: what it is (pipe, terminal, file), and its flags, belong to whoever
//! began the program, so it is waited for and never made non-blocking. It must not know who waits meanwhile.
use super::super::alarm::Alarm;
use super::super::work::Done;
use super::fs::Job;
use super::fs_given::read_when_ready;
use super::{Answer, Refusal};
use rustix::stdio::stdin;
use skep_abi::errno::ENOMEM;

/// Bytes of one reading: as many as a pipe holds.
const STEP: usize = 64 << 10;

/// What has come, at least a byte but at the end; waits for it.
pub(super) fn read_input(job: &Job, out: &mut [u8], alarm: &Alarm) -> Answer<usize> {
    job.roots.grants.input().map_err(|denied| Refusal::Denied(denied.0))?;
    if out.is_empty() { Ok(0) } else { read_when_ready(stdin(), out, alarm) }
}

/// The same, into bytes of its own.
pub(super) fn queued_input(job: &Job) -> Answer<Done> {
    let cap = usize::try_from(job.b).unwrap_or(0).min(STEP);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(cap).map_err(|_| Refusal::Errno(ENOMEM))?;
    bytes.resize(cap, 0);
    let count = read_input(job, &mut bytes, &Alarm::default())?;
    bytes.truncate(count);
    Ok(Done::Bytes(bytes))
}

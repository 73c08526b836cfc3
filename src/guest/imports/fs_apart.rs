//! File calls of a guest that has neighbours (row C08). What the system has in its caches is answered at once; for the rest the
//! guest is put aside in the middle of its call, a thread does it, and the loop goes on with the others. So a disk that is slow, or
//! a server of files that is gone, holds up who has asked it. It must not know threads, nor what brings the guest back.
use super::super::handles::Handle;
use super::super::memory;
use super::super::work::{Done, Lane, Open, Work};
use super::fs::{self, Job, answer};
use super::fs_file::read_open;
use super::fs_ledger::{Asked, Ledger};
use super::fs_open::{Roots, from_caches};
use super::{Answer, Call, Len, Ptr, Refusal, refuse};
use skep_abi::errno::{EACCES, EAGAIN, EINVAL};
use skep_abi::file_op as op;
use std::sync::Arc;

/// Bytes that one call reads or writes: they are copied once more than without neighbours, and what is more takes further calls.
const STEP: u32 = 1 << 20;

/// What only looks, and may find all of it in the system's caches. Not READ_LINK: the system has no way to read a link that asks no
/// disk.
const LOOKING: [i32; 8] =
    [op::OPEN, op::STAT, op::LSTAT, op::FSTAT, op::KIND, op::ACCESS, op::REAL_PATH, op::READ_FILE];

/// A call that waits for what a thread does.
pub(in crate::guest) struct Awaited {
    op: i32,
    /// Until a thread has it.
    work: Option<Work>,
    done: Option<Done>,
    /// What its snapshot depends on by this.
    asked: Option<(Asked, Arc<Roots>)>,
}

impl Awaited {
    pub fn take_work(&mut self) -> Option<Work> {
        self.work.take()
    }

    pub fn is_done(&self) -> bool {
        self.done.is_some()
    }

    pub fn end(&mut self, done: Done) {
        self.done = Some(done);
    }
}

/// Whether it is about what lies on a disk. What a parent gave is waited for as before: tenants are given nothing.
pub(super) fn may_wait(job: &Job) -> bool {
    let apart = !matches!(job.op, op::READ_INPUT | op::OPEN_STREAM | op::WINDOW_SIZE);
    apart && !matches!(job.open, Some(Open::Way(_)))
}

/// Answers from the caches, or begins to wait; then [`finish`] answers.
pub(super) fn begin(
    call: &mut Call<'_>,
    mut job: Job,
    closes: Option<Handle>,
    data: Ptr,
    data_len: Len,
) -> Answer<i64> {
    let bytes = memory::bytes_mut(call.memory, data, data_len)?;
    let step = data_len.0.min(STEP);
    match job.op {
        op::READ => match from_caches(|| read_open(&job, &mut bytes[..step as usize])) {
            Err(Refusal::Errno(EAGAIN)) => job.b = i64::from(step),
            read => return Ok(read? as i64),
        },
        op::WRITE => job.data = bytes[..step as usize].to_vec(),
        _ => {}
    }
    let asked =
        call.state().ledger.as_ref().and_then(|_| Ledger::asks(&job)).map(|asked| (asked, Arc::clone(&job.roots)));
    if LOOKING.contains(&job.op) && !changes(&job) {
        match from_caches(|| fs::run(&job)) {
            // Systems before 5.12 know no such question.
            Err(Refusal::Errno(EAGAIN | EINVAL)) => {}
            outcome => return end(call, asked, outcome, data, data_len),
        }
    }
    if let Some(handle) = closes {
        // The job has the last of it: what has no name any more goes with that, which can take long.
        call.state().let_go(handle);
    }
    let op = job.op;
    let work = Some(Work::new(Lane::Quick, move || fs::done(fs::run(&job))));
    call.state().awaited = Some(Box::new(Awaited { op, work, done: None, asked }));
    Ok(0)
}

/// The thread has done it. Without that, as when nothing was awaited, it is as if it had been interrupted.
pub(super) fn finish(call: &mut Call<'_>, data: Ptr, data_len: Len) -> Answer<i64> {
    let Some(Awaited { op, done: Some(done), asked, .. }) = call.state().awaited.take().map(|awaited| *awaited) else {
        return refuse(EAGAIN);
    };
    let outcome = match done {
        Done::Failed { errno: EACCES, why } if !why.is_empty() => Err(Refusal::Denied(why)),
        Done::Failed { errno, .. } => Err(Refusal::Errno(errno)),
        Done::Bytes(bytes) if op == op::READ => {
            return Ok(i64::from(memory::fill(call.memory, data, data_len, &bytes)?));
        }
        done => Ok(done),
    };
    end(call, asked, outcome, data, data_len)
}

fn end(
    call: &mut Call<'_>,
    asked: Option<(Asked, Arc<Roots>)>,
    outcome: Answer<Done>,
    data: Ptr,
    data_len: Len,
) -> Answer<i64> {
    if let (Some((asked, roots)), Some(ledger)) = (asked, &mut call.state().ledger) {
        ledger.note(asked, Some(&outcome), &roots);
    }
    answer(call, outcome?, data, data_len)
}

/// Opening may make a file, or empty it.
fn changes(job: &Job) -> bool {
    const ACCESS: u32 = 3;
    const CREATE: u32 = 0o100;
    const TRUNCATE: u32 = 0o1000;
    job.op == op::OPEN && job.flags & (ACCESS | CREATE | TRUNCATE) != 0
}

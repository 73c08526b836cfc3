//! How a guest ended, as its owner wants to know it. It must not know what is done about it.
use crate::guest::Verdict;
use skep_abi::reason;

/// The end of a guest.
#[derive(Debug)]
pub enum Outcome {
    /// It called exit, or had nothing left to do.
    Exited(i32),
    /// A signal that nobody watched stopped it.
    Signal(i32),
    /// The host ended it: a trap, a limit, a broken rule.
    Ended(Verdict),
    /// It was refused memory beyond its limit, and ended for it in the same turn.
    OutOfMemory(Verdict),
    /// The process that started this one is gone, or broke the channel's protocol.
    Orphaned,
}

impl Outcome {
    /// The exit code of a process that did only this.
    pub fn code(&self) -> i32 {
        match self {
            Outcome::Exited(code) | Outcome::OutOfMemory(Verdict::Exited(code)) => *code,
            Outcome::Signal(signal) => 128 + signal,
            Outcome::Ended(_) | Outcome::OutOfMemory(_) => 134,
            Outcome::Orphaned => 1,
        }
    }

    /// The boundary's number for it: one of the constants `reason`.
    pub fn reason(&self) -> u32 {
        match self {
            Outcome::Exited(_) => reason::EXIT,
            Outcome::Signal(_) => reason::SIGNAL,
            Outcome::Ended(Verdict::CpuExceeded | Verdict::Over(_) | Verdict::Overdue) => reason::DEADLINE,
            Outcome::Ended(_) => reason::TRAP,
            Outcome::OutOfMemory(_) => reason::MEMORY,
            Outcome::Orphaned => reason::PARENT_GONE,
        }
    }

    /// What the guest room's verdict means here. An uncaught error ends a script by an exit code: that it lacked memory shows
    /// in that it was refused some.
    pub(crate) fn of(verdict: Verdict, starved: bool) -> Outcome {
        match verdict {
            Verdict::Exited(0) => Outcome::Exited(0),
            Verdict::Exited(_) | Verdict::Trapped(_) | Verdict::Broken if starved => Outcome::OutOfMemory(verdict),
            Verdict::Exited(code) => Outcome::Exited(code),
            Verdict::Signalled(signal) => Outcome::Signal(signal),
            other => Outcome::Ended(other),
        }
    }
}

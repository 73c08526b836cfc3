//! How a guest ended, as its owner wants to know it. It must not know what is done about it.
use crate::guest::Verdict;

/// The end of a guest.
#[derive(Debug)]
pub enum Outcome {
    /// It called exit, or had nothing left to do.
    Exited(i32),
    /// A signal that nobody watched stopped it.
    Signal(i32),
    /// The host ended it: a trap, a limit, a broken rule.
    Ended(Verdict),
}

impl Outcome {
    /// The exit code of a process that did only this.
    pub fn code(&self) -> i32 {
        match self {
            Outcome::Exited(code) => *code,
            Outcome::Signal(signal) => 128 + signal,
            Outcome::Ended(_) => 134,
        }
    }

    /// What the guest room's verdict means here.
    pub(super) fn of(verdict: Verdict) -> Outcome {
        match verdict {
            Verdict::Exited(code) => Outcome::Exited(code),
            other => Outcome::Ended(other),
        }
    }
}

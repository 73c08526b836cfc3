//! A guest that falls asleep: how its memory differs is found piece by piece, and a thread writes it, while the guest stays as
//! it is. Whoever enters it meanwhile has it stay awake, and what was found is nobody's. When it sleeps, what is left of it is a
//! husk, whose pages go piece by piece, too. It must not know when a guest is to sleep.
use super::den::{Den, Kept};
use super::drift::{Base, Finding};
use super::guest::{AtRest, Guest};
use super::work::{Done, Lane, Work};
use anyhow::Result;
use skep_abi::errno::EIO;
use std::ops::Range;
use std::sync::Arc;

/// Pages that are given back without more ado, bytes.
const AT_ONCE: usize = 4 << 20;

/// On its way.
pub(super) struct Falling {
    at_rest: AtRest,
    base: Base,
    /// None: all has been found, and is being written.
    finding: Option<Finding>,
    runs: Vec<Range<usize>>,
    kept: Option<Arc<Kept>>,
}

/// All that is kept of it, and the pages that it had written.
pub(super) struct Written {
    pub(super) at_rest: AtRest,
    pub(super) base: Base,
    pub(super) runs: Vec<Range<usize>>,
    pub(super) kept: Arc<Kept>,
}

impl Falling {
    pub(super) fn new(at_rest: AtRest, base: Base, finding: Finding) -> Falling {
        Falling { at_rest, base, finding: Some(finding), runs: Vec::new(), kept: None }
    }

    /// Looks at so many bytes more; what is to be written when that was all.
    pub(super) fn more(&mut self, memory: &[u8], den: &Den, bytes: usize) -> Result<Option<Work>> {
        let Some(finding) = &mut self.finding else { return Ok(None) };
        if !finding.more(memory, &self.base, bytes)? {
            return Ok(None);
        }
        let Some((drift, runs)) = self.finding.take().map(Finding::over) else { return Ok(None) };
        let touched = runs.iter().map(Range::len).sum();
        let kept = Arc::new(den.keep(drift.bytes().len(), touched)?);
        (self.runs, self.kept) = (runs, Some(kept.clone()));
        // If nobody wants it any more when it is written, the file goes with this.
        let write = move || match kept.write(drift.bytes()) {
            Ok(()) => Done::Number(0),
            Err(why) => Done::Failed { errno: EIO, why: format!("{why:#}") },
        };
        Ok(Some(Work::new(Lane::Quick, write)))
    }

    /// Bytes that were found so far and are with no thread.
    pub(super) fn found(&self) -> usize {
        self.finding.as_ref().map_or(0, Finding::found)
    }

    /// Of its file, when it is being written.
    pub(super) fn number(&self) -> Option<u64> {
        self.kept.as_ref().map(|kept| kept.number)
    }

    /// What makes a sleeper; none while not all is found.
    pub(super) fn written(self) -> Option<Written> {
        let Falling { at_rest, base, runs, kept, .. } = self;
        Some(Written { at_rest, base, runs, kept: kept? })
    }
}

/// What is left of a guest that sleeps: its memory.
pub struct Husk {
    guest: Guest,
    runs: Vec<Range<usize>>,
}

impl Husk {
    pub(super) fn new(guest: Guest, runs: Vec<Range<usize>>) -> Husk {
        Husk { guest, runs }
    }

    /// Gives back so many bytes of it; whether the rest may be dropped.
    pub fn shed(&mut self, bytes: usize) -> bool {
        if self.runs.iter().map(Range::len).sum::<usize>() <= AT_ONCE {
            return true;
        }
        let mut left = bytes;
        while let Some(run) = self.runs.last_mut().filter(|_| left > 0) {
            let start = run.end.saturating_sub(left).max(run.start);
            let piece = start..run.end;
            left -= piece.len();
            run.end = start;
            if run.start >= run.end {
                self.runs.pop();
            }
            self.guest.shed(piece);
        }
        false
    }
}

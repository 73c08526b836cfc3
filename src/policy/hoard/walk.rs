//! Measuring: what a process begins with, and what others have done. Whoever walks through the folders tells what it has found; what
//! happens meanwhile is counted twice rather than never. It must not know which files are open.
use super::{DISTURBED, Hoard, Stuff, TAKEN, WALKING};
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

/// Walks in a row that may have been disturbed before the hoard is taken to be full: each could have missed something.
pub(super) const DISTURBED_MOST: u32 = 3;

/// Walks in a row during which something was taken, each followed by another without anybody's asking.
const MOVING_MOST: u32 = 3;

/// What a walk has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub bytes: u64,
    pub entries: u64,
    /// There is more than was looked at.
    pub more: bool,
}

#[derive(Default)]
pub(super) struct Walk {
    pub(super) asked: bool,
    pub(super) under_way: bool,
    pub(super) began: Option<u64>,
    /// So many in a row were disturbed.
    pub(super) disturbed: u32,
    /// So many have counted something twice, perhaps: the next comes sooner, and each after it later.
    pub(super) rough: u32,
}

impl Hoard {
    /// It is to be measured when it is time.
    pub fn ask(&self) {
        self.walk().asked = true;
    }

    /// Whether to measure it at this time, nanoseconds; then that has begun.
    pub fn begins(&self, now: u64) -> bool {
        let mut walk = self.walk();
        let gap = match walk.rough {
            0 => self.gap_ns,
            rough => self.gap_ns / 64 * (1 << (rough - 1).min(6)),
        };
        let is_time = walk.began.is_none_or(|began| now.saturating_sub(began) >= gap);
        let begins = walk.asked && !walk.under_way && is_time && !self.is_told;
        if begins {
            *walk = Walk { under_way: true, asked: false, began: Some(now), ..*walk };
            self.single(WALKING).store(1, Ordering::SeqCst);
        }
        begins
    }

    /// What had been taken when it began, and how often it was disturbed.
    pub fn mark(&self) -> [u64; 3] {
        [TAKEN, TAKEN + 1, DISTURBED].map(|at| self.single(at).load(Ordering::SeqCst))
    }

    /// So much was found, beside what was taken since the mark: some of it may have been found too, and is counted twice until
    /// it is measured again.
    pub fn measure(&self, mark: [u64; 3], found: Found) {
        let mut walk = self.walk();
        let disturbed = self.single(DISTURBED).load(Ordering::SeqCst) != mark[2];
        walk.disturbed = if disturbed { walk.disturbed.saturating_add(1) } else { 0 };
        let is_rough = disturbed || self.mark() != mark;
        walk.rough = if is_rough { walk.rough.saturating_add(1) } else { 0 };
        walk.asked |= disturbed || is_rough && walk.rough <= MOVING_MOST;
        let is_full = found.more || walk.disturbed > DISTURBED_MOST;
        for (stuff, found) in [(Stuff::Bytes, found.bytes), (Stuff::Entries, found.entries)] {
            let most = self.most[stuff as usize].load(Ordering::Acquire);
            let known = if is_full { found.max(most) } else { found };
            self.measured[stuff as usize].store(known, Ordering::Release);
            self.change(stuff, |held| {
                let taken = self.cell(TAKEN, stuff).load(Ordering::Acquire).wrapping_sub(mark[stuff as usize]);
                let known = known.saturating_add(taken);
                if disturbed { known.max(held) } else { known }
            });
        }
        walk.under_way = false;
        self.single(WALKING).store(0, Ordering::SeqCst);
    }

    /// A file of so many bytes gets another name: a walk may pass where it was before, and where it is.
    pub fn moves(&self, bytes: u64, entries: u64) {
        if self.is_walking() {
            self.overdraw(Stuff::Bytes, bytes);
            self.overdraw(Stuff::Entries, entries);
        }
    }

    /// The same of a folder, whose contents nobody knows.
    pub fn moves_folder(&self) {
        if self.is_walking() {
            self.single(DISTURBED).fetch_add(1, Ordering::SeqCst);
        }
    }

    fn is_walking(&self) -> bool {
        self.single(WALKING).load(Ordering::SeqCst) != 0
    }

    fn walk(&self) -> MutexGuard<'_, Walk> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

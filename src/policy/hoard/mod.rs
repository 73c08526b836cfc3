//! The hoard: what lies in the folders that a tenant may write, counted in bytes and entries, and how much may. It is the
//! tenant's and no instance's: all that run at once draw from it, and it outlives them. Whoever makes a file larger or a name asks
//! before, and tells after what has become of it; so what is held is never counted too low by what is told here. What others do
//! in the same folders is found by measuring again. It must not know files: callers say what they are about to do, and how large
//! a file is.
//!
//! Bytes are sizes as `stat` tells them, holes too: a hole can be filled at any time. A file's last block, and a folder's own
//! blocks, are what the number of entries bounds.
mod book;
#[cfg(test)]
mod tests;
mod walk;

use super::{Bound, Limits, Purse};
use book::Files;
pub use book::{Book, FileId, Holder, Place, Stretch};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use walk::Walk;
pub use walk::{Found, Mark, Moving};

/// Cells of one: what is held, all that was ever taken, how many walks have begun and ended, what has disturbed one, whether one is
/// asked for, what was given during one.
pub const HOARD_CELLS: usize = 8;
const HELD: usize = 0;
const TAKEN: usize = 2;
/// Odd while there is one.
const WALKS: usize = 4;
const DISTURBED: usize = 5;
const ASKED: usize = 6;
const GIVEN: usize = 7;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stuff {
    Bytes,
    Entries,
}

/// Why there is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    Bytes,
    Entries,
    /// One file's own bound.
    File,
}

enum Cells {
    Own([AtomicU64; HOARD_CELLS]),
    /// Of a tree of processes.
    OfTree(&'static [AtomicU64]),
}

/// One tenant's.
pub struct Hoard {
    cells: Cells,
    most: [AtomicU64; 2],
    file_most: AtomicU64,
    /// Processes that the tenant's instances are in: each may take its share of what was left when it was last measured.
    shares: AtomicU64,
    /// What was there then.
    measured: [AtomicU64; 2],
    /// How often each kind of fullness was met and not asked for yet.
    met: [AtomicU32; 3],
    files: Mutex<Files>,
    names: Mutex<()>,
    positions: Mutex<()>,
    walk: Mutex<Walk>,
    /// Of a tree's process.
    purse: Option<Purse>,
    /// Measuring is another process's.
    is_told: bool,
    gap_ns: u64,
}

impl Hoard {
    /// None where nothing bounds it.
    pub fn new(limits: &Limits) -> Option<Hoard> {
        Hoard::with(limits, Cells::Own(Default::default()), None)
    }

    /// Of a tree of processes, which draw from one.
    pub fn of_tree(limits: &Limits, purse: &Purse) -> Option<Hoard> {
        Hoard::with(limits, Cells::OfTree(purse.hoard()?), Some(*purse))
    }

    fn with(limits: &Limits, cells: Cells, purse: Option<Purse>) -> Option<Hoard> {
        limits.disk_bytes.or(limits.disk_entries).or(limits.disk_file_bytes)?;
        let hoard = Hoard {
            cells,
            most: Default::default(),
            file_most: AtomicU64::default(),
            shares: AtomicU64::new(1),
            measured: Default::default(),
            met: Default::default(),
            files: Mutex::default(),
            names: Mutex::default(),
            positions: Mutex::default(),
            walk: Mutex::default(),
            purse,
            is_told: purse.is_some_and(|purse| !purse.is_root()),
            gap_ns: u64::from(limits.disk_walk_ms) * 1_000_000,
        };
        hoard.set_limits(limits);
        if !hoard.is_told {
            hoard.ask();
        }
        Some(hoard)
    }

    /// Other limits from here on.
    pub fn set_limits(&self, limits: &Limits) {
        for (most, limit) in self.most.iter().zip([limits.disk_bytes, limits.disk_entries]) {
            most.store(limit.unwrap_or(u64::MAX), Ordering::Release);
        }
        self.file_most.store(limits.disk_file_bytes.unwrap_or(u64::MAX), Ordering::Release);
    }

    /// So many processes have a share each.
    pub fn divide(&self, shares: u64) {
        self.shares.store(shares.max(1), Ordering::Release);
    }

    /// Whether it is measured here for other processes too.
    pub fn is_for_others(&self) -> bool {
        self.purse.is_some() && !self.is_told
    }

    /// What is held, as far as it is known.
    pub fn held(&self, stuff: Stuff) -> u64 {
        self.cell(HELD, stuff).load(Ordering::Acquire)
    }

    /// How often each bound was met since this was last asked.
    pub fn take_met(&self) -> [(Bound, u32); 3] {
        let bounds = [Bound::DiskBytes, Bound::DiskEntries, Bound::DiskFile];
        std::array::from_fn(|at| (bounds[at], self.met[at].swap(0, Ordering::AcqRel)))
    }

    /// Names come and go one at a time while this is held: else two could each believe to have removed the last of one file.
    pub fn names(&self) -> MutexGuard<'_, ()> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same for who may not wait, as whoever has it may wait for a disk: none while somebody has it.
    pub fn try_names(&self) -> Option<MutexGuard<'_, ()>> {
        unless_taken(&self.names)
    }

    /// Descriptors that can be read and written move one at a time while this is held, before any book: who writes where one stands
    /// has asked for room there.
    pub fn position(&self) -> MutexGuard<'_, ()> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Hoard::try_names`].
    pub fn try_position(&self) -> Option<MutexGuard<'_, ()>> {
        unless_taken(&self.positions)
    }

    /// There will be a name more.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub fn enter(&self) -> Result<(), Full> {
        match self.take(Stuff::Entries, 1, 1) {
            1 => Ok(()),
            _ => Err(self.meet(Full::Entries)),
        }
    }

    /// There is a name less, or the one that was asked for has not come to be.
    pub fn leave(&self) {
        self.give(Stuff::Entries, 1);
    }

    /// What has come to be without asking.
    fn overdraw(&self, stuff: Stuff, amount: u64) {
        if amount > 0 {
            self.cell(TAKEN, stuff).fetch_add(amount, Ordering::AcqRel);
            self.change(stuff, |held| held.saturating_add(amount));
        }
    }

    /// Takes `most`, or what there is if that is at least `least`; answers how much.
    fn take(&self, stuff: Stuff, most: u64, least: u64) -> u64 {
        let may = self.may(stuff);
        let room = |held| Some(may.saturating_sub(held)).filter(|room| *room >= least).map_or(0, |room| most.min(room));
        let most = room(self.held(stuff));
        if most == 0 {
            return 0;
        }
        // Said before it is done: a walk that ends in between counts it twice, not never.
        self.cell(TAKEN, stuff).fetch_add(most, Ordering::AcqRel);
        let mut taken = 0;
        self.change(stuff, |held| {
            taken = if may.saturating_sub(held) >= least { most.min(may - held) } else { 0 };
            held + taken
        });
        taken
    }

    fn give(&self, stuff: Stuff, amount: u64) {
        if amount > 0 {
            if self.is_walking() {
                self.single(GIVEN).fetch_add(1, Ordering::SeqCst);
            }
            self.change(stuff, |held| held.saturating_sub(amount));
        }
    }

    fn change(&self, stuff: Stuff, mut with: impl FnMut(u64) -> u64) {
        let cell = self.cell(HELD, stuff);
        let mut held = cell.load(Ordering::Acquire);
        while let Err(now) = cell.compare_exchange_weak(held, with(held), Ordering::AcqRel, Ordering::Acquire) {
            held = now;
        }
    }

    /// What may be held, by this process's share of what was left.
    fn may(&self, stuff: Stuff) -> u64 {
        let most = self.most[stuff as usize].load(Ordering::Acquire);
        let measured = self.measured[stuff as usize].load(Ordering::Acquire);
        match self.shares.load(Ordering::Acquire) {
            0 | 1 => most,
            shares => measured.saturating_add(most.saturating_sub(measured) / shares),
        }
    }

    /// Counts it; perhaps there is less than is known.
    fn meet(&self, full: Full) -> Full {
        self.met[full as usize].fetch_add(1, Ordering::AcqRel);
        if full != Full::File {
            self.ask();
        }
        full
    }

    /// A cell that is no pair's.
    fn single(&self, at: usize) -> &AtomicU64 {
        match &self.cells {
            Cells::Own(cells) => &cells[at],
            Cells::OfTree(cells) => &cells[at],
        }
    }

    fn cell(&self, row: usize, stuff: Stuff) -> &AtomicU64 {
        self.single(row + stuff as usize)
    }
}

/// None while somebody has it.
fn unless_taken<T>(lock: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match lock.try_lock() {
        Ok(taken) => Some(taken),
        Err(TryLockError::Poisoned(taken)) => Some(taken.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

impl std::fmt::Debug for Hoard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hoard({} bytes, {} entries)", self.held(Stuff::Bytes), self.held(Stuff::Entries))
    }
}

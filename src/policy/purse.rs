//! The purse: what the processes of one tree have used together, in cells that all of them share. Each has a row of its own,
//! which nobody else adds to; whoever starts a process claims its row, and whoever waits for it takes the row back, with all
//! rows below. So a process that is killed, at any moment, leaves nothing behind: there is no sum that it could have left
//! half-changed, sums are made by looking. It must not know how cells are shared, nor clocks.
//!
//! Whom it binds: guests cannot reach the cells, and a guest's memory and CPU are written down by its host, so a tree of
//! scripts stays within its limits whatever they do. A *host* that has been taken over can write what it likes there: it can
//! have used nothing, or leave others nothing. It still cannot start more processes than the root allows, and the kernel's
//! limits stand behind that.
use std::sync::atomic::{AtomicU64, Ordering};

/// Rows: as many processes as a tree with limits of its own may have at once.
const ROWS: usize = 1023;

/// Cells of a row, a line of cache, so that processes do not wait for each other's.
const CELLS: usize = 8;

/// Cells in all. The first row is nobody's: what those who are gone have used, and how many rows were ever claimed. The last is
/// all of theirs: what they hold on disk (`hoard`).
pub const PURSE_CELLS: usize = (ROWS + 2) * CELLS;

/// Whose row it is: 0 nobody's, 1 one that is being taken back, else a word that is never used again.
const OWNER: usize = 0;
/// The row of whoever claimed it.
const ABOVE: usize = 1;
const MEMORY: usize = 2;
const CPU: usize = 3;
/// Bytes of its open files that have no name.
const HIDDEN: usize = 6;

/// In the first row.
const CLAIMED: usize = 4;
const WORDS: usize = 5;

const TAKEN_BACK: u64 = 1;

/// A row and the word that makes it one's own: what a child is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub number: u64,
    pub word: u64,
}

/// One process's view.
#[derive(Clone, Copy, Debug)]
pub struct Purse {
    cells: &'static [AtomicU64],
    row: Row,
}

impl Purse {
    /// Of the process at the root of a tree. None when there are too few cells.
    pub fn of_root(cells: &'static [AtomicU64]) -> Option<Purse> {
        let nobody = Purse { cells, row: Row { number: 0, word: 0 } };
        let row = nobody.claim(0)?;
        Some(Purse { row, ..nobody })
    }

    /// Of a process whose row was claimed by the one that started it; none when there is no such row.
    pub fn of_child(cells: &'static [AtomicU64], row: Row) -> Option<Purse> {
        let known = cells.len() >= PURSE_CELLS && (1..=ROWS as u64).contains(&row.number);
        known.then_some(Purse { cells, row }).filter(Purse::is_own)
    }

    /// A row for a process that is about to be started, which holds so much memory from the beginning; none when there is no
    /// row left.
    pub fn claim(&self, memory: u64) -> Option<Row> {
        if self.cells.len() < PURSE_CELLS {
            return None;
        }
        let word = TAKEN_BACK + 1 + self.cell(0, WORDS).fetch_add(1, Ordering::Relaxed);
        let free = |number: &usize| {
            let owner = self.cell(*number, OWNER);
            owner.compare_exchange(0, word, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        let number = (1..=ROWS).find(free)?;
        self.cell(0, CLAIMED).fetch_max(number as u64, Ordering::AcqRel);
        self.cell(number, CPU).store(0, Ordering::Relaxed);
        self.cell(number, MEMORY).store(memory, Ordering::Relaxed);
        self.cell(number, HIDDEN).store(0, Ordering::Relaxed);
        self.cell(number, ABOVE).store(self.row.number, Ordering::Release);
        Some(Row { number: number as u64, word })
    }

    /// A process is gone: its row is nobody's, and neither are those below it, whose processes end with it.
    pub fn take_back(&self, row: Row) {
        let number = usize::try_from(row.number).unwrap_or(0);
        let owner = self.cell(number, OWNER);
        if owner.compare_exchange(row.word, TAKEN_BACK, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return;
        }
        self.cell(number, MEMORY).store(0, Ordering::Release);
        self.cell(number, HIDDEN).store(0, Ordering::Release);
        self.cell(0, CPU).fetch_add(self.cell(number, CPU).swap(0, Ordering::AcqRel), Ordering::AcqRel);
        for below in self.rows().filter(|below| *below != number) {
            let word = self.cell(below, OWNER).load(Ordering::Acquire);
            if word > TAKEN_BACK && self.cell(below, ABOVE).load(Ordering::Acquire) == row.number {
                self.take_back(Row { number: below as u64, word });
            }
        }
        // Whoever has it next stands below nobody until he says so.
        self.cell(number, ABOVE).store(0, Ordering::Release);
        owner.store(0, Ordering::Release);
    }

    /// Whether this process may hold so many bytes of memory, where all together may hold `most`; then it does. Two that ask
    /// at once may both be refused, never both be allowed too much.
    pub fn hold(&self, bytes: u64, most: u64) -> bool {
        let cell = self.cell(self.row.number as usize, MEMORY);
        let before = cell.swap(bytes, Ordering::SeqCst);
        let within = self.is_own() && self.memory() <= most;
        if !within {
            cell.store(before, Ordering::SeqCst);
        }
        within
    }

    /// Memory that all hold together.
    pub fn memory(&self) -> u64 {
        self.rows().map(|number| self.cell(number, MEMORY).load(Ordering::SeqCst)).fold(0, u64::saturating_add)
    }

    /// This process has used so many nanoseconds of CPU more. Answers what all have used together, those who are gone too; all
    /// there is when this process is none of the tree any more.
    pub fn spend(&self, ns: u64) -> u64 {
        if !self.is_own() {
            return u64::MAX;
        }
        self.cell(self.row.number as usize, CPU).fetch_add(ns, Ordering::AcqRel);
        self.cpu()
    }

    /// CPU nanoseconds that all have used together.
    pub fn cpu(&self) -> u64 {
        let gone = self.cell(0, CPU).load(Ordering::Acquire);
        self.rows().map(|number| self.cell(number, CPU).load(Ordering::Acquire)).fold(gone, u64::saturating_add)
    }

    /// So many bytes of this process's files without a name are others now: they lie where no walk finds them, and go with it.
    pub fn hide(&self, before: u64, now: u64) {
        if before != now && self.is_own() {
            self.cell(self.row.number as usize, HIDDEN).fetch_add(now.wrapping_sub(before), Ordering::SeqCst);
        }
    }

    /// What all hide together.
    pub fn hidden(&self) -> u64 {
        self.rows().map(|number| self.cell(number, HIDDEN).load(Ordering::SeqCst)).fold(0, u64::saturating_add)
    }

    /// It is the process at the root of its tree: who claims the first row.
    pub fn is_root(&self) -> bool {
        self.row.number == 1
    }

    /// Cells of the tree's hoard.
    pub fn hoard(&self) -> Option<&'static [AtomicU64]> {
        self.cells.get((ROWS + 1) * CELLS..PURSE_CELLS)
    }

    /// It has not been taken back.
    fn is_own(&self) -> bool {
        self.cell(self.row.number as usize, OWNER).load(Ordering::SeqCst) == self.row.word
    }

    /// Rows that may be somebody's.
    fn rows(&self) -> impl Iterator<Item = usize> {
        let claimed = self.cell(0, CLAIMED).load(Ordering::Acquire);
        1..=usize::try_from(claimed).unwrap_or(ROWS).min(ROWS)
    }

    /// A cell of a row; of a row that there is not, one of the last.
    fn cell(&self, row: usize, cell: usize) -> &AtomicU64 {
        &self.cells[row.min(ROWS) * CELLS + cell]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Bucket, Rate};

    const MIB: u64 = 1 << 20;

    fn cells() -> &'static [AtomicU64] {
        let cells: Vec<AtomicU64> = (0..PURSE_CELLS).map(|_| AtomicU64::new(0)).collect();
        cells.leak()
    }

    /// A child of this one's, as its own process sees it.
    fn child(parent: &Purse, memory: u64) -> (Row, Purse) {
        let row = parent.claim(memory).expect("there are rows");
        (row, Purse::of_child(parent.cells, row).expect("it was claimed"))
    }

    #[test]
    fn p11_memory_is_one_sum_and_a_dead_childs_share_comes_back() {
        let root = Purse::of_root(cells()).expect("cells enough");
        assert!(root.hold(40 * MIB, 100 * MIB));
        let (one, first) = child(&root, 10 * MIB);
        let (_, second) = child(&root, 10 * MIB);
        assert!(first.hold(50 * MIB, 100 * MIB), "100 in all");
        assert!(!second.hold(11 * MIB, 100 * MIB), "one more is refused");
        assert!(!root.hold(41 * MIB, 100 * MIB), "to the root too");
        assert_eq!(root.memory(), 100 * MIB, "what was refused is not counted");
        let (_, below) = child(&first, 0);
        assert!(first.hold(20 * MIB, 100 * MIB) && below.hold(30 * MIB, 100 * MIB));
        // It is killed, and what it had started ends with it.
        root.take_back(one);
        assert_eq!(root.memory(), 50 * MIB);
        assert!(second.hold(60 * MIB, 100 * MIB));
        // One that has not heard of its own end yet has no row to write into.
        assert!(!first.hold(1, 100 * MIB) && !below.hold(1, 100 * MIB));
        assert_eq!((below.spend(5), first.spend(5)), (u64::MAX, u64::MAX));
        assert_eq!(root.memory(), 100 * MIB);
        root.take_back(one);
        assert_eq!(root.memory(), 100 * MIB, "a second time is none");
    }

    #[test]
    fn p11_cpu_is_one_sum_that_outlives_who_used_it() {
        let root = Purse::of_root(cells()).expect("cells enough");
        let (one, first) = child(&root, 0);
        assert_eq!((root.spend(5), first.spend(7)), (5, 12));
        root.take_back(one);
        assert_eq!(root.cpu(), 12);
        let (_, next) = child(&root, 0);
        assert_eq!(next.spend(1), 13, "its row begins anew");
    }

    #[test]
    fn p11_rows_are_bounded_and_used_again_and_no_row_can_be_guessed() {
        let root = Purse::of_root(cells()).expect("cells enough");
        let rows: Vec<Row> = std::iter::from_fn(|| root.claim(MIB)).collect();
        assert_eq!(rows.len(), ROWS - 1);
        assert!(Purse::of_child(root.cells, Row { number: 5, word: 0 }).is_none());
        assert!(Purse::of_child(root.cells, Row { number: 0, word: 0 }).is_none());
        assert!(Purse::of_child(root.cells, Row { number: u64::MAX, word: 7 }).is_none());
        assert!(Purse::of_child(&root.cells[..8], rows[0]).is_none());
        rows.iter().for_each(|row| root.take_back(*row));
        assert_eq!(root.memory(), 0);
        let again = root.claim(0).expect("all came back");
        assert!(rows.iter().all(|row| row.word != again.word));
    }

    #[test]
    fn p11_a_child_that_dies_in_the_middle_leaks_nothing() {
        let root = Purse::of_root(cells()).expect("cells enough");
        let (one, first) = child(&root, 0);
        // Its last step was the first half of asking for more than there is.
        first.cell(one.number as usize, MEMORY).store(u64::MAX, Ordering::SeqCst);
        assert!(!root.hold(1, 100 * MIB));
        root.take_back(one);
        assert!(root.hold(100 * MIB, 100 * MIB));
    }

    #[test]
    fn p11_lies_in_the_cells_are_numbers_too() {
        let cells = cells();
        let root = Purse::of_root(cells).expect("cells enough");
        let (one, _) = child(&root, 0);
        for lie in [u64::MAX, 1 << 63, 1, 0] {
            cells.iter().enumerate().filter(|(at, _)| *at >= 2 * CELLS || *at < CELLS).for_each(|(_, cell)| {
                cell.store(lie, Ordering::SeqCst);
            });
            let (_, _, _) = (root.memory(), root.cpu(), root.hold(5, 10));
            root.take_back(one);
            root.take_back(Row { number: u64::MAX, word: lie });
            let _none_or_some = root.claim(1);
        }
    }

    /// Processes on one virtual clock, each of which runs a millisecond whenever its own bucket lets it.
    #[test]
    fn p11_a_rate_of_cpu_is_the_trees() {
        const MS: u64 = 1_000_000;
        let rate = Rate { per_second: 500 * MS, burst: 100 * MS };
        let root = Purse::of_root(cells()).expect("cells enough");
        let (_, first) = child(&root, 0);
        let (_, second) = child(&first, 0);
        let mut all = [root, first, second].map(|purse| (purse, Bucket::default(), 0));
        for now in (0..10_000).map(|tick| tick * MS) {
            for (purse, bucket, seen) in &mut all {
                if !bucket.is_overdrawn(rate, now) {
                    let used = purse.spend(MS);
                    bucket.charge_late(rate, now, used - std::mem::replace(seen, used));
                }
            }
        }
        let used = root.cpu() / MS;
        // Ten seconds at half a core, and the burst; each may overdraw by what it had not heard of.
        assert!((4900..=5400).contains(&used), "{used} ms");
    }
}

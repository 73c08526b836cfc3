//! The hoard: what lies in the folders that a tenant may write, counted in bytes and entries, and how much may. It is the
//! tenant's and no instance's: all that run at once draw from it, and it outlives them. Whoever makes a file larger or a name asks
//! before, and tells after what has become of it; so what is held is never counted too low by what is told here. What others do
//! in the same folders is found by measuring again. It must not know files: callers say what they are about to do, and how large
//! a file is.
//!
//! Bytes are sizes as `stat` tells them, holes too: a hole can be filled at any time. A file's last block, and a folder's own
//! blocks, are what the number of entries bounds.
use super::{Bound, Limits, Purse};
use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

/// Cells of one: what is held, all that was ever taken, whether it is being measured, and what has disturbed that.
pub const HOARD_CELLS: usize = 6;
const HELD: usize = 0;
const TAKEN: usize = 2;
const WALKING: usize = 4;
const DISTURBED: usize = 5;

/// Walks in a row that may have been disturbed before the hoard is taken to be full: each could have missed something.
const DISTURBED_MOST: u32 = 3;

/// Walks in a row during which something was taken, each followed by another without anybody's asking.
const MOVING_MOST: u32 = 3;

/// Open files that are remembered before those that are closed are looked for.
const FILES: usize = 64;

/// Which file: its device and number.
pub type FileId = (u64, u64);

/// Keeps a file from going when its last name goes.
pub type Holder = Weak<dyn Any + Send + Sync>;

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

/// Where a writing begins.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    At(u64),
    /// At the file's end.
    End,
    /// Where the descriptor stands, which is there.
    Here(u64),
}

/// What was allowed: as much of a writing as there is room for.
#[derive(Debug)]
#[must_use = "the hoard is told what has become of it"]
pub struct Stretch {
    pub len: u64,
    file: FileId,
}

/// What a walk has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub bytes: u64,
    pub entries: u64,
    /// There is more than was looked at.
    pub more: bool,
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
    walk: Mutex<Walk>,
    /// Measuring is another process's.
    is_told: bool,
    gap_ns: u64,
}

/// Open files, and files under way.
#[derive(Default)]
struct Files {
    all: HashMap<FileId, File>,
    look_at: usize,
}

#[derive(Default)]
struct File {
    holders: Vec<Holder>,
    /// What is counted for it.
    size: u64,
    under_way: u32,
    /// Bytes of writings under way.
    waiting: u64,
    /// It has no name any more.
    nameless: bool,
}

/// What is known of open files, which nobody else looks at meanwhile: who asks for something looks at a file's size after
/// this, else it could be of before a change that is counted.
pub struct Book<'a> {
    hoard: &'a Hoard,
    files: MutexGuard<'a, Files>,
}

#[derive(Default)]
struct Walk {
    asked: bool,
    under_way: bool,
    began: Option<u64>,
    /// So many in a row were disturbed.
    disturbed: u32,
    /// So many have counted something twice, perhaps: the next comes sooner, and each after it later.
    rough: u32,
}

impl File {
    fn is_open(&mut self) -> bool {
        self.holders.retain(|holder| holder.strong_count() > 0);
        self.under_way > 0 || !self.holders.is_empty()
    }
}

impl Hoard {
    /// None where nothing bounds it.
    pub fn new(limits: &Limits) -> Option<Hoard> {
        Hoard::with(limits, Cells::Own(Default::default()), false)
    }

    /// Of a tree of processes, which draw from one.
    pub fn of_tree(limits: &Limits, purse: &Purse) -> Option<Hoard> {
        Hoard::with(limits, Cells::OfTree(purse.hoard()?), !purse.is_root())
    }

    fn with(limits: &Limits, cells: Cells, is_told: bool) -> Option<Hoard> {
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
            walk: Mutex::new(Walk { asked: true, ..Walk::default() }),
            is_told,
            gap_ns: u64::from(limits.disk_walk_ms) * 1_000_000,
        };
        hoard.set_limits(limits);
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

    /// To ask, about a file whose size is looked at next.
    pub fn book(&self) -> Book<'_> {
        Book { hoard: self, files: self.files.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// What was allowed is over, and the file is as large as `size` tells; none: it cannot be told.
    pub fn over(&self, stretch: Stretch, size: impl FnOnce() -> Option<u64>) {
        let mut book = self.book();
        let Some(file) = book.files.all.get_mut(&stretch.file) else { return };
        file.under_way = file.under_way.saturating_sub(1);
        file.waiting = file.waiting.saturating_sub(stretch.len);
        // While others are under way the size is about to change: the last one tells.
        if file.under_way > 0 {
            return;
        }
        let size = size().unwrap_or(file.size);
        let counted = std::mem::replace(&mut file.size, size);
        self.give(Stuff::Bytes, counted.saturating_sub(size));
        self.overdraw(Stuff::Bytes, size.saturating_sub(counted));
        book.forget_closed(stretch.file);
    }

    /// Files that were closed are looked for.
    #[cfg(test)]
    pub fn tidy(&self) {
        self.book().look_for_closed();
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

impl Book<'_> {
    /// A file of this size has been opened.
    pub fn opened(mut self, id: FileId, size: u64, holder: Holder) {
        if self.files.all.len() >= self.files.look_at.max(FILES) {
            self.look_for_closed();
            self.files.look_at = self.files.all.len() * 2;
        }
        self.file(id, size).holders.push(holder);
    }

    /// A file of this size has lost its last name. What is open goes when it is closed.
    pub fn lost(mut self, id: FileId, size: u64) {
        let file = self.file(id, size);
        if file.is_open() {
            file.nameless = true;
        } else {
            self.files.all.remove(&id);
            self.hoard.give(Stuff::Bytes, size);
        }
    }

    /// So many bytes are to be written into a file of this size. Answers how many may be: at least one, where it is not none
    /// that are asked for.
    ///
    /// # Errors
    /// When it, or all together, would be larger than they may.
    pub fn write(mut self, id: FileId, size: u64, place: Place, len: u64) -> Result<Stretch, Full> {
        let file = self.file(id, size);
        let before = file.size;
        let begin = match place {
            Place::At(at) => at,
            Place::End => before,
            Place::Here(at) => at.saturating_add(file.waiting),
        };
        let most = self.hoard.file_most.load(Ordering::Acquire);
        let end = begin.saturating_add(len).min(most);
        if begin >= most && len > 0 {
            return Err(self.refuse(id, Full::File));
        }
        if end > before {
            // What lies between the end and where it begins is a hole that nothing is gained by.
            let least = begin.saturating_sub(before).saturating_add(1);
            let taken = self.take_within(end - before, least);
            if taken == 0 && begin >= before {
                return Err(self.refuse(id, Full::Bytes));
            }
            self.file(id, size).size = before + taken;
        }
        let file = self.file_as_it_is(id);
        let len = end.min(file.size).saturating_sub(begin);
        file.under_way += 1;
        file.waiting = file.waiting.saturating_add(len);
        Ok(Stretch { len, file: id })
    }

    /// A file of this size is to have another.
    ///
    /// # Errors
    /// As of [`Book::write`].
    pub fn resize(mut self, id: FileId, size: u64, to: u64) -> Result<Stretch, Full> {
        let before = self.file(id, size).size;
        if to > before {
            if to > self.hoard.file_most.load(Ordering::Acquire) {
                return Err(self.refuse(id, Full::File));
            }
            if self.take_within(to - before, to - before) == 0 {
                return Err(self.refuse(id, Full::Bytes));
            }
            self.file(id, size).size = to;
        }
        self.file_as_it_is(id).under_way += 1;
        Ok(Stretch { len: 0, file: id })
    }

    fn refuse(&mut self, id: FileId, full: Full) -> Full {
        self.forget_closed(id);
        self.hoard.meet(full)
    }

    /// Bytes; files that were closed meanwhile make room.
    fn take_within(&mut self, most: u64, least: u64) -> u64 {
        match self.hoard.take(Stuff::Bytes, most, most) {
            0 => {
                self.look_for_closed();
                self.hoard.take(Stuff::Bytes, most, least)
            }
            taken => taken,
        }
    }

    fn file_as_it_is(&mut self, id: FileId) -> &mut File {
        self.files.all.entry(id).or_default()
    }

    /// What is known of a file, whose size is this if nothing is under way on it.
    fn file(&mut self, id: FileId, size: u64) -> &mut File {
        let hoard = self.hoard;
        let file = self.file_as_it_is(id);
        if !file.is_open() && file.nameless {
            // Its number is another file's.
            hoard.give(Stuff::Bytes, std::mem::take(file).size);
        }
        if file.under_way == 0 {
            file.size = size;
        }
        file
    }

    fn forget_closed(&mut self, id: FileId) {
        if let Some(file) = self.files.all.get_mut(&id)
            && !file.is_open()
        {
            let given = if file.nameless { file.size } else { 0 };
            self.files.all.remove(&id);
            self.hoard.give(Stuff::Bytes, given);
        }
    }

    fn look_for_closed(&mut self) {
        let hoard = self.hoard;
        self.files.all.retain(|_, file| {
            let stays = file.is_open();
            if !stays && file.nameless {
                hoard.give(Stuff::Bytes, file.size);
            }
            stays
        });
    }
}

/// Measuring: what a process begins with, and what others have done.
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

impl std::fmt::Debug for Hoard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hoard({} bytes, {} entries)", self.held(Stuff::Bytes), self.held(Stuff::Entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PURSE_CELLS;
    use std::sync::Arc;

    const FILE: FileId = (1, 7);

    fn limits() -> Limits {
        Limits { disk_bytes: Some(100), disk_entries: Some(3), disk_file_bytes: Some(80), ..Limits::default() }
    }

    fn hoard() -> Hoard {
        Hoard::new(&limits()).expect("there are bounds")
    }

    fn bytes(hoard: &Hoard) -> u64 {
        hoard.held(Stuff::Bytes)
    }

    /// A writing into a file of one size that makes it another.
    fn write(hoard: &Hoard, (id, size): (FileId, u64), place: Place, len: u64) -> Result<u64, Full> {
        let stretch = hoard.book().write(id, size, place, len)?;
        let begin = match place {
            Place::At(at) | Place::Here(at) => at,
            Place::End => size,
        };
        let (len, end) = (stretch.len, begin + stretch.len);
        hoard.over(stretch, || Some(size.max(end)));
        Ok(len)
    }

    #[test]
    fn f05_what_makes_a_file_larger_is_counted_once_and_no_more_is_given_than_there_is() {
        let hoard = hoard();
        assert_eq!(write(&hoard, (FILE, 0), Place::At(0), 50), Ok(50));
        assert_eq!(write(&hoard, (FILE, 50), Place::At(10), 20), Ok(20), "what is there is written over");
        assert_eq!(bytes(&hoard), 50);
        assert_eq!(write(&hoard, (FILE, 50), Place::End, 50), Ok(30), "up to one file's bound");
        assert_eq!(write(&hoard, (FILE, 80), Place::End, 1), Err(Full::File));
        assert_eq!(write(&hoard, ((1, 8), 0), Place::Here(0), 50), Ok(20), "up to what there is in all");
        assert_eq!(write(&hoard, ((1, 8), 20), Place::Here(20), 1), Err(Full::Bytes));
        assert_eq!(write(&hoard, ((1, 8), 20), Place::Here(10), 20), Ok(10), "what needs no room is written");
        assert_eq!(write(&hoard, ((1, 9), 0), Place::At(u64::MAX - 1), u64::MAX), Err(Full::File), "nothing overflows");
        let stretch = hoard.book().resize(FILE, 80, 5).expect("it becomes smaller");
        hoard.over(stretch, || Some(5));
        assert_eq!(bytes(&hoard), 25);
        assert_eq!(write(&hoard, ((1, 9), 0), Place::At(70), 1), Ok(1), "a hole counts");
        assert_eq!(bytes(&hoard), 96);
        assert!(matches!(hoard.book().resize((1, 9), 71, 76), Err(Full::Bytes)));
        assert!(matches!(hoard.book().resize((1, 9), 71, 81), Err(Full::File)));
        assert_eq!(bytes(&hoard), 96, "what was refused is not counted");
        let met = hoard.take_met().map(|(_, times)| times);
        assert_eq!((met, hoard.take_met().map(|(_, times)| times)), ([2, 0, 3], [0; 3]));
    }

    #[test]
    fn f05_names_are_counted_and_never_fewer_than_none() {
        let hoard = hoard();
        assert_eq!([(); 4].map(|()| hoard.enter()), [Ok(()), Ok(()), Ok(()), Err(Full::Entries)]);
        (0..9).for_each(|_| hoard.leave());
        assert_eq!(hoard.held(Stuff::Entries), 0);
        hoard.book().lost(FILE, u64::MAX);
        assert_eq!(bytes(&hoard), 0, "somebody else's file was removed");
    }

    #[test]
    fn f05_a_file_without_a_name_counts_until_nobody_has_it_open() {
        let (hoard, one, two) = (hoard(), Arc::new(()), Arc::new(()));
        let holder = |of: &Arc<()>| -> Holder {
            let weak: Weak<()> = Arc::downgrade(of);
            weak
        };
        hoard.book().opened(FILE, 0, holder(&one));
        hoard.book().opened(FILE, 0, holder(&two));
        assert_eq!(write(&hoard, (FILE, 0), Place::End, 60), Ok(60));
        hoard.book().lost(FILE, 60);
        drop(one);
        assert_eq!(write(&hoard, (FILE, 60), Place::End, 10), Ok(10), "it still grows");
        assert_eq!((bytes(&hoard), write(&hoard, ((1, 8), 0), Place::At(0), 40)), (70, Ok(30)));
        drop(two);
        assert_eq!(write(&hoard, ((1, 8), 30), Place::End, 40), Ok(40), "it is gone");
        assert_eq!(bytes(&hoard), 70);
        // Its number is another file's at once.
        hoard.book().opened(FILE, 3, holder(&Arc::new(())));
        hoard.book().lost(FILE, 3);
        assert_eq!(bytes(&hoard), 67);
    }

    #[test]
    fn f05_writings_under_way_are_counted_together() {
        let hoard = hoard();
        let first = hoard.book().write(FILE, 0, Place::Here(0), 30).expect("there is room");
        // The descriptor has not moved yet.
        let second = hoard.book().write(FILE, 0, Place::Here(0), 30).expect("there is room");
        assert_eq!(bytes(&hoard), 60);
        hoard.over(first, || panic!("the other one is under way"));
        hoard.over(second, || Some(55));
        assert_eq!(bytes(&hoard), 55, "one wrote less");
        let shrinks = hoard.book().resize(FILE, 55, 0).expect("it becomes smaller");
        let grows = hoard.book().write(FILE, 55, Place::At(0), 70).expect("there is room");
        hoard.over(shrinks, || Some(0));
        assert_eq!(bytes(&hoard), 70, "the last one tells");
        hoard.over(grows, || Some(70));
        assert_eq!(bytes(&hoard), 70);
    }

    #[test]
    fn f05_a_walk_finds_what_was_there_and_loses_nothing_that_happens_meanwhile() {
        let hoard = hoard();
        assert!(hoard.begins(5) && !hoard.begins(6), "once at a time");
        let mark = hoard.mark();
        assert_eq!(write(&hoard, (FILE, 0), Place::At(0), 10), Ok(10));
        hoard.measure(mark, Found { bytes: 50, entries: 2, more: false });
        assert_eq!((bytes(&hoard), hoard.held(Stuff::Entries)), (60, 2));
        let minute = 60_000_000_000;
        assert!(!hoard.begins(5 + minute / 64 - 1) && hoard.begins(5 + minute / 64), "some may be counted twice");
        hoard.measure(hoard.mark(), Found { bytes: 50, entries: 2, more: false });
        assert_eq!(bytes(&hoard), 50);
        assert!(!hoard.begins(u64::MAX), "nobody has asked");
        assert_eq!(write(&hoard, ((1, 8), 0), Place::At(0), 70), Ok(50));
        assert_eq!(write(&hoard, ((1, 8), 50), Place::End, 1), Err(Full::Bytes));
        let then = 5 + minute / 64 + minute;
        assert!(!hoard.begins(then - 1) && hoard.begins(then), "who is refused has it looked at again");
        hoard.measure(hoard.mark(), Found { bytes: 20, entries: 1, more: false });
        assert_eq!(bytes(&hoard), 20, "somebody else made room");
        hoard.ask();
        assert!(hoard.begins(then + minute));
        hoard.measure(hoard.mark(), Found { bytes: 1, entries: 1, more: true });
        assert_eq!(
            (bytes(&hoard), hoard.enter()),
            (100, Err(Full::Entries)),
            "what nobody has seen may be all there is"
        );
    }

    #[test]
    fn f05_what_moves_during_a_walk_is_not_missed() {
        let (hoard, second) = (hoard(), 1_000_000_000);
        hoard.moves(50, 1);
        assert_eq!(bytes(&hoard), 0, "nobody walks");
        assert!(hoard.begins(0));
        let mark = hoard.mark();
        hoard.moves(50, 1);
        hoard.measure(mark, Found::default());
        assert_eq!((bytes(&hoard), hoard.held(Stuff::Entries)), (50, 1));
        hoard.ask();
        for round in 1..=DISTURBED_MOST + 1 {
            assert!(hoard.begins(u64::from(round) * 60 * second), "{round}");
            let mark = hoard.mark();
            hoard.moves_folder();
            hoard.measure(mark, Found::default());
            assert_eq!(bytes(&hoard), if round > DISTURBED_MOST { 100 } else { 50 }, "{round}");
        }
    }

    #[test]
    fn f05_processes_share_what_is_left_and_a_tree_has_one_account() {
        let hoard = hoard();
        hoard.divide(4);
        assert!(hoard.begins(0));
        hoard.measure(hoard.mark(), Found { bytes: 60, entries: 0, more: false });
        assert_eq!(write(&hoard, (FILE, 60), Place::At(60), 20), Ok(10));
        let cells: Vec<AtomicU64> = (0..PURSE_CELLS).map(|_| AtomicU64::new(0)).collect();
        let cells: &'static [AtomicU64] = cells.leak();
        let root = Purse::of_root(cells).expect("cells enough");
        let child = Purse::of_child(cells, root.claim(0).expect("a row")).expect("it was claimed");
        let [parents, childs] = [root, child].map(|purse| Hoard::of_tree(&limits(), &purse).expect("there are bounds"));
        assert!(parents.begins(0) && !childs.begins(0), "the root measures for all");
        let mark = parents.mark();
        childs.moves(10, 0);
        parents.measure(mark, Found::default());
        assert_eq!(write(&childs, (FILE, 0), Place::At(0), 60), Ok(60));
        assert_eq!(write(&parents, ((1, 8), 0), Place::At(0), 60), Ok(30));
        assert_eq!((bytes(&childs), root.memory(), root.cpu()), (100, 0, 0));
        assert!(Hoard::new(&Limits::default()).is_none(), "a program has none");
    }
}

//! What is known of open files, and of what is under way on them: who makes one larger asks here, and tells what has become of it. It
//! must not know what was found by measuring.
use super::walk::has_ended;
use super::{Full, Hoard, Stuff, unless_taken};
use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError, Weak};

/// Open files that are remembered before those that are closed are looked for.
const FILES: usize = 64;

/// Which file: its device and number.
pub type FileId = (u64, u64);

/// Keeps a file from going when its last name goes.
pub type Holder = Weak<dyn Any + Send + Sync>;

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
    /// What was taken for it, and how many walks there had been then.
    grown: u64,
    walks: u64,
}

/// What is known of open files, which nobody else looks at meanwhile: who asks for something looks at a file's size after
/// this, else it could be of before a change that is counted.
pub struct Book<'a> {
    hoard: &'a Hoard,
    files: MutexGuard<'a, Files>,
}

/// Open files, and files under way.
#[derive(Default)]
pub(super) struct Files {
    all: HashMap<FileId, File>,
    look_at: usize,
    /// Bytes of those without a name, as whoever measures for this process was told.
    hidden: u64,
    /// There may be one.
    hides: bool,
}

#[derive(Default)]
struct File {
    holders: Vec<Holder>,
    /// What is counted for it.
    size: u64,
    under_way: u32,
    /// Of what is under way: walks when the first of it began, and what was taken for all of it.
    since: u64,
    grown: u64,
    /// Bytes of writings under way.
    waiting: u64,
    /// It has no name any more.
    nameless: bool,
}

impl Files {
    /// Bytes of those without a name, of what was closed since that was looked for too: both are held.
    fn nameless(&self) -> u64 {
        self.all.values().filter(|file| file.nameless).fold(0, |sum, file| sum.saturating_add(file.size))
    }
}

impl Hoard {
    /// To ask, about a file whose size is looked at next.
    pub fn book(&self) -> Book<'_> {
        Book { hoard: self, files: self.files.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    /// What was allowed is over, and the file is as large as `size` tells; none: it cannot be told.
    pub fn over(&self, stretch: Stretch, size: impl FnOnce() -> Option<u64>) {
        let mut book = self.book();
        // Before what of it was not needed is given back.
        self.landed(stretch.walks, Stuff::Bytes, stretch.grown);
        let Some(file) = book.files.all.get_mut(&stretch.file) else { return };
        file.under_way = file.under_way.saturating_sub(1);
        file.waiting = file.waiting.saturating_sub(stretch.len);
        // While others are under way the size is about to change: the last one tells.
        if file.under_way > 0 {
            return;
        }
        let size = size().unwrap_or(file.size);
        let counted = std::mem::replace(&mut file.size, size);
        let less = counted.saturating_sub(size);
        // A walk that ended meanwhile has perhaps found it smaller: only what was not needed of what was taken is given back then.
        let found = if has_ended(file.since, self.walks()) { less.saturating_sub(file.grown) } else { 0 };
        self.give(Stuff::Bytes, less - found);
        if found > 0 {
            self.ask();
        }
        self.overdraw(Stuff::Bytes, size.saturating_sub(counted));
        book.forget_closed(stretch.file);
    }

    /// The same for who may not wait, as whoever has it may wait for a disk: none while somebody has it.
    pub fn try_book(&self) -> Option<Book<'_>> {
        unless_taken(&self.files).map(|files| Book { hoard: self, files })
    }

    /// Files that were closed are looked for.
    pub fn tidy(&self) {
        self.book().look_for_closed();
    }

    /// The same where some of them may be counted by another process for this one.
    pub(super) fn tend_nameless(&self) {
        if let Some(mut book) = self.try_book().filter(|book| book.files.hides) {
            book.look_for_closed();
        }
    }
}

/// Of a process that ends its own are gone with its row of the purse; here it goes on, and has others.
impl Drop for Hoard {
    fn drop(&mut self) {
        let files = self.files.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (left, hidden) = (files.nameless(), files.hidden);
        self.purse.iter().for_each(|purse| purse.hide(hidden, 0));
        self.give(Stuff::Bytes, left);
    }
}

impl Drop for Book<'_> {
    /// What nobody can find is told to who measures for this process.
    fn drop(&mut self) {
        if let (Some(purse), true) = (self.hoard.purse, self.files.hides) {
            let nameless = self.files.nameless();
            purse.hide(std::mem::replace(&mut self.files.hidden, nameless), nameless);
            self.files.hides = self.files.all.values().any(|file| file.nameless);
        }
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

    /// A file of this size has lost its last name, which it had when so many walks had begun and ended. What is open goes when it
    /// is closed.
    pub fn lost(mut self, id: FileId, size: u64, walks: u64) {
        let file = self.file(id, size);
        if file.is_open() {
            file.nameless = true;
            self.files.hides = true;
            if self.hoard.is_told && walks != self.hoard.walks() {
                // Whoever measures has perhaps neither found it nor heard of it.
                self.hoard.overdraw(Stuff::Bytes, size);
                self.hoard.ask();
            }
        } else {
            self.files.all.remove(&id);
            // What whoever measures has perhaps not found any more is not given back twice.
            match self.hoard.is_told && has_ended(walks, self.hoard.walks()) {
                true => self.hoard.ask(),
                false => self.hoard.give(Stuff::Bytes, size),
            }
        }
    }

    /// So many bytes are to be written into a file of this size. Answers how many may be: at least one, where it is not none
    /// that are asked for.
    ///
    /// # Errors
    /// When it, or all together, would be larger than they may.
    pub fn write(mut self, id: FileId, size: u64, place: Place, len: u64) -> Result<Stretch, Full> {
        let (walks, mut grown) = (self.hoard.walks(), 0);
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
            grown = self.take_within(end - before, least);
            if grown == 0 && begin >= before {
                return Err(self.refuse(id, Full::Bytes));
            }
            self.file(id, size).size = before + grown;
        }
        let file = self.file_as_it_is(id);
        let len = end.min(file.size).saturating_sub(begin);
        file.begins(walks, grown);
        file.waiting = file.waiting.saturating_add(len);
        Ok(Stretch { len, file: id, grown, walks })
    }

    /// A file of this size is to have another.
    ///
    /// # Errors
    /// As of [`Book::write`].
    pub fn resize(mut self, id: FileId, size: u64, to: u64) -> Result<Stretch, Full> {
        let walks = self.hoard.walks();
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
        let grown = to.saturating_sub(before);
        self.file_as_it_is(id).begins(walks, grown);
        Ok(Stretch { len: 0, file: id, grown, walks })
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

    /// Bytes of files without a name, of all other processes too as they have told.
    pub(super) fn nameless(&self) -> u64 {
        let elsewhere = self.hoard.purse.map_or(0, |purse| purse.hidden().saturating_sub(self.files.hidden));
        self.files.nameless().saturating_add(elsewhere)
    }

    pub(super) fn look_for_closed(&mut self) {
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

impl File {
    fn begins(&mut self, walks: u64, grown: u64) {
        if self.under_way == 0 {
            (self.since, self.grown) = (walks, 0);
        }
        self.under_way += 1;
        self.grown = self.grown.saturating_add(grown);
    }

    fn is_open(&mut self) -> bool {
        self.holders.retain(|holder| holder.strong_count() > 0);
        self.under_way > 0 || !self.holders.is_empty()
    }
}

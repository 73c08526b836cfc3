//! Measuring: what a process begins with, and what others have done. Whoever walks through the folders tells what it has found; what
//! happens meanwhile is counted twice rather than never. It must not know which files are open.
use super::{ASKED, DISTURBED, GIVEN, Hoard, Stuff, TAKEN, WALKS};
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

/// What had been taken when a walk began, how often it was disturbed, and what was given during it.
pub type Mark = [u64; 4];

/// Something gets another name.
#[derive(Clone, Copy, Debug)]
pub struct Moving {
    walks: u64,
    bytes: u64,
    entries: u64,
    is_folder: bool,
}

#[derive(Default)]
pub(super) struct Walk {
    under_way: bool,
    /// What there was before anybody could know that it had begun.
    mark: Mark,
    began: Option<u64>,
    /// All that had been taken then.
    taken: [u64; 2],
    /// So many in a row were disturbed.
    disturbed: u32,
    /// So many have counted something twice, perhaps: the next comes sooner, and each after it later.
    rough: u32,
}

/// Walks that have begun, of those that have begun and ended.
fn begun(walks: u64) -> u64 {
    walks.div_ceil(2)
}

/// Whether a walk has ended between these.
pub(super) fn has_ended(before: u64, walks: u64) -> bool {
    before / 2 != walks / 2
}

impl Hoard {
    /// It is to be measured when it is time, by whichever process measures.
    pub fn ask(&self) {
        self.single(ASKED).store(1, Ordering::SeqCst);
    }

    /// Whether to measure it at this time, nanoseconds; then that has begun. Where others have a share it is measured without asking
    /// too, when something was written here: they have no word of that, nor this process of what they write; and in a tree, whose
    /// processes may race on the same names.
    pub fn begins(&self, now: u64) -> bool {
        if self.is_told {
            self.tend_nameless();
            return false;
        }
        let mut walk = self.walk();
        let gap = match walk.rough {
            0 => self.gap_ns,
            rough => self.gap_ns / 64 * (1 << (rough - 1).min(6)),
        };
        let is_time = walk.began.is_none_or(|began| now.saturating_sub(began) >= gap);
        let taken = [TAKEN, TAKEN + 1].map(|at| self.single(at).load(Ordering::SeqCst));
        let is_stale = (self.shares.load(Ordering::Acquire) > 1 || self.is_for_others()) && walk.taken != taken;
        let is_asked = is_stale || self.single(ASKED).load(Ordering::SeqCst) != 0;
        let begins = is_asked && !walk.under_way && is_time;
        if begins {
            *walk = Walk { under_way: true, mark: self.mark(), began: Some(now), taken, ..*walk };
            self.single(ASKED).store(0, Ordering::SeqCst);
            self.single(WALKS).store(self.walks().wrapping_add(1) | 1, Ordering::SeqCst);
        }
        begins
    }

    /// What there was when the walk under way began.
    pub fn begun_at(&self) -> Mark {
        self.walk().mark
    }

    /// What there is now.
    pub fn mark(&self) -> Mark {
        [TAKEN, TAKEN + 1, DISTURBED, GIVEN].map(|at| self.single(at).load(Ordering::SeqCst))
    }

    /// So much was found, beside what was taken since the mark: some of it may have been found too, and is counted twice until
    /// it is measured again. What is open without a name nobody finds.
    pub fn measure(&self, mark: Mark, found: Found) {
        // Nothing loses its last name between here and there.
        let _names = self.names();
        let now = self.mark();
        let mut book = self.book();
        book.look_for_closed();
        let nameless = book.nameless();
        let mut walk = self.walk();
        let disturbed = now[2] != mark[2];
        walk.disturbed = if disturbed { walk.disturbed.saturating_add(1) } else { 0 };
        walk.rough = if now != mark { walk.rough.saturating_add(1) } else { 0 };
        if disturbed || now != mark && walk.rough <= MOVING_MOST {
            self.ask();
        }
        let is_full = found.more || walk.disturbed > DISTURBED_MOST;
        for (stuff, found) in [(Stuff::Bytes, found.bytes.saturating_add(nameless)), (Stuff::Entries, found.entries)] {
            let most = self.most[stuff as usize].load(Ordering::Acquire);
            // Of what nothing bounds nobody is told that it is full.
            let known = if is_full && most < u64::MAX { found.max(most) } else { found };
            self.measured[stuff as usize].store(known, Ordering::Release);
            self.change(stuff, |held| {
                let taken = self.cell(TAKEN, stuff).load(Ordering::Acquire).wrapping_sub(mark[stuff as usize]);
                let known = known.saturating_add(taken);
                if disturbed { known.max(held) } else { known }
            });
        }
        self.ends(&mut walk);
    }

    /// The walk that has begun will not come to an end.
    pub fn gives_up(&self) {
        self.ask();
        self.ends(&mut self.walk());
    }

    fn ends(&self, walk: &mut Walk) {
        walk.under_way = false;
        self.single(WALKS).store(self.walks().wrapping_add(1) & !1, Ordering::SeqCst);
    }

    /// How many walks have begun and ended: who asks for something keeps this until it is there.
    pub fn walks(&self) -> u64 {
        self.single(WALKS).load(Ordering::SeqCst)
    }

    /// What was asked for then is there now. A walk that has begun since knows nothing of what had been taken before, and may have
    /// passed before it came: so it is counted again, until it is measured anew.
    pub fn landed(&self, walks: u64, stuff: Stuff, amount: u64) {
        if amount > 0 && begun(walks) != begun(self.walks()) {
            self.overdraw(stuff, amount);
            if !self.is_walking() {
                self.ask();
            }
        }
    }

    /// A file of so many bytes gets another name: a walk may pass where it was before, and where it is. When it has one,
    /// [`Hoard::moved`] is told.
    pub fn moves(&self, bytes: u64, entries: u64) -> Moving {
        let moving = Moving { walks: self.walks(), bytes, entries, is_folder: false };
        if self.is_walking() {
            self.overdraw(Stuff::Bytes, bytes);
            self.overdraw(Stuff::Entries, entries);
        }
        moving
    }

    /// The same of a folder, whose contents nobody knows.
    pub fn moves_folder(&self) -> Moving {
        let moving = Moving { walks: self.walks(), bytes: 0, entries: 0, is_folder: true };
        if self.is_walking() {
            self.single(DISTURBED).fetch_add(1, Ordering::SeqCst);
        }
        moving
    }

    /// It has the other name.
    pub fn moved(&self, moving: Moving) {
        let Moving { walks, bytes, entries, is_folder } = moving;
        self.landed(walks, Stuff::Bytes, bytes);
        self.landed(walks, Stuff::Entries, entries);
        if is_folder && begun(walks) != begun(self.walks()) {
            self.moves_folder();
            self.ask();
        }
    }

    pub(super) fn is_walking(&self) -> bool {
        self.walks() % 2 == 1
    }

    fn walk(&self) -> MutexGuard<'_, Walk> {
        self.walk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

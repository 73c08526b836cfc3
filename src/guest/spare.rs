//! A spare: the memory of this thread's next guest, made while nobody waits for it. Guests of one image write the same pages when
//! they start; which these are is learnt from the first few, and a spare has copies of them already. Until a guest has it nobody writes to
//! it: it holds what the image holds. It must not know who starts, nor when nobody waits.
use super::image::{Mapping, Pages, populate};
use super::layer::{push, written};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, Weak};

/// Starts of an image that are looked at.
const STARTS: u8 = 4;

/// Turns after which a guest has started: START, and what was asked of it first.
pub(super) const TURNS: u64 = 2;

/// Starts in a row of other images, after which one of these is the one to be made ready.
const OTHERS: u8 = 8;

/// Bytes of pages that a spare has copies of, at most: a start of the JavaScript guest writes 364 KiB.
const MOST: usize = 1 << 20;

thread_local! {
    static SPARE: RefCell<Spare> = RefCell::default();
}

#[derive(Default)]
struct Spare {
    /// Of this image.
    of: Weak<Pages>,
    /// Starts that were looked at, and pages that all of them have written.
    seen: u8,
    common: Vec<Range<usize>>,
    /// Starts in a row of others.
    others: u8,
    memory: Option<Mapping>,
    is_due: bool,
}

impl Spare {
    fn is_of(&self, pages: &Arc<Pages>) -> bool {
        std::ptr::eq(self.of.as_ptr(), Arc::as_ptr(pages))
    }

    fn take(&mut self, pages: &Arc<Pages>) -> Option<Mapping> {
        if self.is_of(pages) {
            self.others = 0;
            self.is_due = self.seen >= STARTS && !self.common.is_empty();
            return self.memory.take();
        }
        self.others += 1;
        if self.others >= OTHERS || self.of.strong_count() == 0 {
            *self = Spare { of: Arc::downgrade(pages), ..Spare::default() };
        }
        None
    }

    fn learn(&mut self, pages: &Arc<Pages>, memory: &[u8]) {
        if !self.is_of(pages) || self.seen >= STARTS {
            return;
        }
        let runs = memory.get(..pages.bytes).and_then(written).unwrap_or_default();
        self.common = if self.seen == 0 { at_most(runs, MOST) } else { common(&self.common, &runs) };
        self.seen += 1;
    }

    fn make(&mut self) {
        if !std::mem::take(&mut self.is_due) || self.memory.is_some() {
            return;
        }
        // A guest that finds none has its memory made then.
        self.memory = self.of.upgrade().and_then(|pages| Mapping::of(&pages, None).ok());
        let Some(memory) = &mut self.memory else { return };
        self.common.iter().for_each(|run| populate(&mut memory.bytes_mut()[run.clone()]));
    }
}

/// A guest of this image is being made: the memory that is ready for it, if one is.
pub(super) fn take(pages: &Arc<Pages>) -> Option<Mapping> {
    SPARE.with_borrow_mut(|spare| spare.take(pages))
}

/// A guest of this image has started, and its memory is this.
pub(super) fn learn(pages: &Arc<Pages>, memory: &[u8]) {
    SPARE.with_borrow_mut(|spare| spare.learn(pages, memory));
}

/// Nobody waits for this thread: what the next guest will need is made, if one has started since this was last done.
pub fn make_spare() {
    SPARE.with_borrow_mut(Spare::make);
}

/// The first of these, up to so many bytes.
fn at_most(mut runs: Vec<Range<usize>>, bytes: usize) -> Vec<Range<usize>> {
    let mut left = bytes;
    runs.retain(|run| {
        left = left.saturating_sub(run.len());
        left > 0
    });
    runs
}

/// What is in both; each in order of address.
fn common(one: &[Range<usize>], other: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut found, mut from) = (Vec::new(), 0);
    for run in one {
        from += other[from..].partition_point(|other| other.end <= run.start);
        for other in other[from..].iter().take_while(|other| other.start < run.end) {
            push(&mut found, run.start.max(other.start)..run.end.min(other.end));
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a range is meant, of bytes")]
mod tests {
    use super::super::image::PagesWriter;
    use super::*;

    const PAGE: usize = 4096;

    /// Sixteen pages, each of bytes of its own.
    fn pages() -> Arc<Pages> {
        let mut writer = PagesWriter::new(16 * PAGE).expect("there is memory for an image");
        (0..16).for_each(|page| writer.write(page * PAGE, &[page as u8 + 1; PAGE]).expect("it lies within"));
        Arc::new(writer.finish().expect("it can be sealed"))
    }

    /// A start that writes these pages; its memory.
    fn start(pages: &Arc<Pages>, writes: &[usize]) -> Mapping {
        let mut memory = take(pages).unwrap_or_else(|| Mapping::of(pages, None).expect("there is address space"));
        writes.iter().for_each(|page| memory.bytes_mut()[page * PAGE + 7] = 0xee);
        learn(pages, memory.bytes_mut());
        memory
    }

    fn own(memory: &mut Mapping) -> Vec<Range<usize>> {
        written(memory.bytes_mut()).expect("the system tells")
    }

    #[test]
    fn a_spare_has_its_own_of_what_all_have_written_and_holds_what_the_image_holds() {
        let pages = pages();
        // The first one tells of its image, and starts in a row have different pages besides.
        for others in [2, 3, 9, 10] {
            make_spare();
            let mut first = start(&pages, &[4, 5, 8, others]);
            assert!(
                own(&mut first).iter().map(Range::len).sum::<usize>() == 4 * PAGE,
                "nothing is made while it learns"
            );
        }
        start(&pages, &[1]);
        make_spare();
        let mut spare = take(&pages).expect("it was made");
        assert_eq!(own(&mut spare), [4 * PAGE..6 * PAGE, 8 * PAGE..9 * PAGE]);
        let held = pages.read(0..16 * PAGE).expect("an image can be read");
        assert!(*spare.bytes_mut() == *held, "what others have written is not there");
        make_spare();
        let mut next = take(&pages).expect("one is made for each that was taken");
        spare.bytes_mut()[5 * PAGE..6 * PAGE].fill(0xaa);
        assert!(*next.bytes_mut() == *held, "nor what is written now");
        assert!(take(&pages).is_none(), "and no more than one");
    }

    #[test]
    fn starts_that_have_written_nothing_in_common_are_given_nothing() {
        let pages = pages();
        [1, 2, 3, 4, 5, 6].iter().for_each(|page| drop(start(&pages, &[*page])));
        make_spare();
        assert!(take(&pages).is_none());
    }

    #[test]
    fn another_image_is_made_ready_when_it_alone_starts() {
        let (one, other) = (pages(), pages());
        (0..=STARTS).for_each(|_| drop(start(&one, &[4])));
        (0..2).for_each(|_| drop(start(&other, &[6])));
        make_spare();
        let mut spare = take(&one).expect("a few others do not matter");
        assert_eq!(own(&mut spare), [4 * PAGE..5 * PAGE]);
        (0..OTHERS + STARTS).for_each(|_| drop(start(&other, &[6])));
        make_spare();
        assert!(take(&one).is_none());
        let mut spare = take(&other).expect("nobody starts the first one any more");
        assert_eq!(own(&mut spare), [6 * PAGE..7 * PAGE]);
        drop((one, other));
        make_spare();
        let last = pages();
        (0..=STARTS).for_each(|_| drop(start(&last, &[4])));
        make_spare();
        assert!(take(&last).is_some(), "those that are gone are not waited for");
    }

    /// As where the kernel knows no such advice: what is not followed is made up for when the guest writes.
    #[test]
    fn a_spare_that_no_page_was_found_for_is_as_good() {
        let pages = pages();
        (0..=STARTS).for_each(|_| drop(start(&pages, &[4])));
        SPARE.with_borrow_mut(|spare| spare.common.clear());
        make_spare();
        let mut spare = take(&pages).expect("it was made");
        assert_eq!(own(&mut spare), []);
        assert!(*spare.bytes_mut() == *pages.read(0..16 * PAGE).expect("an image can be read"));
        start(&pages, &[4]);
    }

    #[test]
    fn what_is_common_and_no_more_than_may_be() {
        assert_eq!(common(&[0..4, 6..9, 20..30], &[2..7, 8..22, 25..26]), [2..4, 6..7, 8..9, 20..22, 25..26]);
        assert_eq!(common(&[0..4], &[]), []);
        assert_eq!(at_most(vec![0..4, 6..9, 20..30], 8), [0..4, 6..9]);
    }
}

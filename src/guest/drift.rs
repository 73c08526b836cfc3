//! Drift: how far a guest's memory has come from what it was mapped from, in as few bytes as it takes, and the way back. It must
//! not know why, nor where the bytes are kept; whoever reads some back must know by other means that they are ours.
//!
//! The system tells which pages were written; of those only the bytes that differ are kept. A heap that has been used touches
//! many pages, and changes few bytes in most of them: a count of references here and there.
//!
//! A drift is u64 the memory's bytes, then runs in order of address. A run is a byte with how far it is from the end of the
//! last one (five bits) and how many bytes it has (three bits), and those bytes. What of either number is more than its bits
//! can say, or just as much, follows that byte, seven bits a byte, the lowest first, all but the last with the eighth bit set.
use super::image::{Pages, give_back};
use super::layer::{Layer, push, written};
use anyhow::{Context as _, Result, ensure};
use std::ops::Range;
use std::sync::Arc;

/// Bytes of a page, and of what is compared at once within it.
const PAGE: usize = 4096;
const WORD: usize = 8;

/// Most that the two numbers of a run's first byte say.
const APART: usize = 31;
const COUNT: usize = 7;

/// Equal bytes between two that differ that are kept with them: no more than what a run of its own takes.
const GAP: usize = 1;

/// Runs that are told byte by byte: after so many whole words are kept, and with them gaps of two, which bounds the time. A
/// script of one page has some 4,000.
const FINE: usize = 1 << 16;

/// Pages compared at a time, bytes: they stay in the CPU's cache.
const STEP: usize = 128 << 10;

/// Most that is put aside: of a guest that has written more its image is to be taken, not this. Bounds the time.
const ASIDE: usize = 1024 * PAGE;

/// A page whose drift is longer than this is left in memory by [`Drift::put_aside`].
const WORTH: usize = PAGE * 3 / 4;

/// What a memory is a private mapping of, with what was put over it.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) pages: Arc<Pages>,
    pub(super) layer: Option<Arc<Layer>>,
}

impl Base {
    /// What `memory` held there at first.
    fn read(&self, at: usize, out: &mut [u8]) -> Result<()> {
        let whole = self.pages.bytes.saturating_sub(at).min(out.len());
        self.pages.read_at(at, &mut out[..whole])?;
        out[whole..].fill(0);
        self.layer.as_ref().map_or(Ok(()), |layer| layer.read_over(at, out))
    }
}

#[derive(Debug)]
pub(super) struct Drift(Vec<u8>);

/// A drift that is found piece by piece, while the memory stays as it is.
#[derive(Debug)]
pub(super) struct Finding {
    /// Pages that were written, in order; which of them is next, and where in it.
    runs: Vec<Range<usize>>,
    next: usize,
    at: usize,
    out: Writer,
}

impl Finding {
    /// How `memory` differs from what it was mapped from is to be found.
    ///
    /// # Errors
    /// When more than `most` bytes of pages were written.
    pub(super) fn begin(memory: &[u8], most: usize) -> Result<Finding> {
        // Where the system does not tell, all of it may have been.
        let runs = written(memory).unwrap_or_else(|| std::iter::once(0..memory.len()).collect());
        check(&runs, most)?;
        Ok(Finding { runs, next: 0, at: 0, out: Writer::new(memory) })
    }

    /// Looks at so many bytes more; whether that were all.
    pub(super) fn more(&mut self, memory: &[u8], base: &Base, bytes: usize) -> Result<bool> {
        let (mut left, mut old) = (bytes, Vec::new());
        while let Some(run) = self.runs.get(self.next) {
            if left == 0 {
                return Ok(false);
            }
            let start = run.start.max(self.at);
            let end = run.end.min(start + STEP.min(left));
            self.out.pieces(start, &memory[start..end], base, &mut old, usize::MAX, |_| {})?;
            left -= end - start;
            self.at = end;
            self.next += usize::from(end == run.end);
        }
        Ok(true)
    }

    /// Bytes that were found so far.
    pub(super) fn found(&self) -> usize {
        self.out.out.len()
    }

    /// What was found, and in which pages.
    pub(super) fn over(self) -> (Drift, Vec<Range<usize>>) {
        (Drift(self.out.out), self.runs)
    }
}

/// How far a drift has been applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Applied {
    /// In its bytes, and in the memory.
    from: usize,
    at: usize,
}

impl Drift {
    /// As much of it as is worth it, and gives the pages back: `memory` is less than what it was until the drift is applied. None
    /// when nothing was written, or the system does not tell what.
    ///
    /// # Errors
    /// When more than 4 MiB were written; then nothing is changed.
    pub(super) fn put_aside(memory: &mut [u8], pages: &Arc<Pages>) -> Result<Option<Drift>> {
        let Some(runs) = written(memory) else { return Ok(None) };
        if rustix::param::page_size() != PAGE || runs.is_empty() {
            return Ok(None);
        }
        // A page that is given back is what was mapped, without what was put over it.
        let base = Base { pages: pages.clone(), layer: None };
        check(&runs, ASIDE)?;
        let (mut out, mut old, mut kept) = (Writer::new(memory), Vec::new(), Vec::new());
        for run in runs {
            for start in run.clone().step_by(STEP) {
                let new = &memory[start..run.end.min(start + STEP)];
                out.pieces(start, new, &base, &mut old, WORTH, |run| push(&mut kept, run))?;
            }
        }
        kept.into_iter().for_each(|run| give_back(&mut memory[run]));
        Ok(Some(Drift(out.out)))
    }

    /// What [`Drift::bytes`] gave.
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Drift {
        Drift(bytes)
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Bytes of the memory that this is the drift of.
    pub(super) fn memory_bytes(&self) -> Result<usize> {
        let head = self.0.first_chunk().context("a drift is cut short")?;
        Ok(usize::try_from(u64::from_le_bytes(*head))?)
    }

    /// Makes a memory that is as it was at first what it was at last.
    ///
    /// # Errors
    /// When it is of another length, or a run lies outside it.
    pub(super) fn apply(&self, memory: &mut [u8]) -> Result<()> {
        self.apply_more(memory, &mut Applied::nothing(), usize::MAX).map(|_whole| ())
    }

    /// The same with so many bytes of the memory's pages; whether that was all.
    ///
    /// # Errors
    /// As [`Drift::apply`].
    pub(super) fn apply_more(&self, memory: &mut [u8], applied: &mut Applied, bytes: usize) -> Result<bool> {
        ensure!(self.memory_bytes()? == memory.len(), "a drift is of another memory");
        let (mut rest, mut left) = (self.0.get(applied.from..).unwrap_or_default(), bytes);
        while !rest.is_empty() && left > 0 {
            let (apart, count) = head(&mut rest)?;
            let content = rest.split_off(..count).context("a drift is cut short")?;
            let start = applied.at.checked_add(apart).context("a drift lies outside its memory")?;
            let out = memory.get_mut(start..).and_then(|memory| memory.get_mut(..count));
            out.context("a drift lies outside its memory")?.copy_from_slice(content);
            // Each page that is written for the first time costs a copy of it.
            let (before, end) = (applied.at.div_ceil(PAGE), start + count);
            left = left.saturating_sub(end.div_ceil(PAGE).saturating_sub(before.max(start / PAGE)) * PAGE);
            *applied = Applied { from: self.0.len() - rest.len(), at: end };
        }
        Ok(rest.is_empty())
    }
}

impl Applied {
    /// The head is no run.
    pub(super) fn nothing() -> Applied {
        Applied { from: 8, at: 0 }
    }
}

fn check(runs: &[Range<usize>], most: usize) -> Result<()> {
    let touched: usize = runs.iter().map(Range::len).sum();
    ensure!(touched <= most, "{touched} bytes were written; at most {most} are put aside");
    Ok(())
}

#[derive(Debug)]
struct Writer {
    out: Vec<u8>,
    /// Of the last run, in the memory.
    end: usize,
    runs: usize,
}

impl Writer {
    fn new(memory: &[u8]) -> Writer {
        Writer { out: (memory.len() as u64).to_le_bytes().to_vec(), end: 0, runs: 0 }
    }

    /// Compares pages from `start` on; tells which of them it holds: one that would take more than `worth` bytes is left out.
    fn pieces(
        &mut self,
        start: usize,
        new: &[u8],
        base: &Base,
        old: &mut Vec<u8>,
        worth: usize,
        mut kept: impl FnMut(Range<usize>),
    ) -> Result<()> {
        old.resize(new.len(), 0);
        base.read(start, old)?;
        for (at, (new, old)) in (start..).step_by(PAGE).zip(new.chunks(PAGE).zip(old.chunks(PAGE))) {
            if self.page(at, new, old, worth) {
                kept(at..at + new.len());
            }
        }
        Ok(())
    }

    /// Adds a page's runs, unless they take more than this; whether it has.
    fn page(&mut self, at: usize, new: &[u8], old: &[u8], worth: usize) -> bool {
        let (length, end) = (self.out.len(), self.end);
        let mut last: Option<Range<usize>> = None;
        for (word, differ) in differing(new, old) {
            let is_coarse = self.runs >= FINE;
            if is_coarse || has_no_zero(differ) {
                self.join(&mut last, at, new, word..word + WORD, if is_coarse { WORD * 2 } else { GAP });
                continue;
            }
            for place in (0..WORD).filter(|byte| differ >> (byte * 8) & 0xff != 0).map(|byte| word + byte) {
                self.join(&mut last, at, new, place..place + 1, GAP);
            }
        }
        if let Some(run) = last {
            self.run(at + run.start, &new[run]);
        }
        let is_worth = self.out.len() - length <= worth;
        if !is_worth {
            self.out.truncate(length);
            self.end = end;
        }
        is_worth
    }

    /// Adds a piece to the last run of a page, or begins another with it.
    fn join(&mut self, last: &mut Option<Range<usize>>, at: usize, new: &[u8], piece: Range<usize>, gap: usize) {
        match last {
            Some(run) if piece.start <= run.end + gap => run.end = piece.end,
            _ => {
                if let Some(run) = last.replace(piece) {
                    self.run(at + run.start, &new[run]);
                }
            }
        }
    }

    fn run(&mut self, at: usize, content: &[u8]) {
        let (apart, count) = (at - self.end, content.len());
        self.out.push((apart.min(APART) | count.min(COUNT) << 5) as u8);
        for more in [apart.checked_sub(APART), count.checked_sub(COUNT)].into_iter().flatten() {
            self.number(more);
        }
        self.out.extend_from_slice(content);
        self.end = at + count;
        self.runs += 1;
    }

    fn number(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
}

/// Words in which two pages differ: where they begin, and a byte that is not zero for each that differs.
fn differing<'a>(new: &'a [u8], old: &'a [u8]) -> impl Iterator<Item = (usize, u64)> + 'a {
    let words = |page: &'a [u8]| page.as_chunks::<WORD>().0.iter().map(|word| u64::from_le_bytes(*word));
    let differ = words(new).zip(words(old)).map(|(new, old)| new ^ old);
    (0..).step_by(WORD).zip(differ).filter(|(_, differ)| *differ != 0)
}

/// Whether none of its bytes is zero.
fn has_no_zero(word: u64) -> bool {
    const LOW: u64 = u64::from_ne_bytes([1; WORD]);
    const HIGH: u64 = LOW << 7;
    word.wrapping_sub(LOW) & !word & HIGH == 0
}

/// How far a run is from the last one, and how many bytes it has.
fn head(rest: &mut &[u8]) -> Result<(usize, usize)> {
    let first = usize::from(*rest.split_off_first().context("a drift is cut short")?);
    let mut whole = |part: usize, most: usize| {
        let more = if part == most { number(rest)? } else { 0 };
        part.checked_add(more).context("a number of a drift is too large")
    };
    Ok((whole(first & APART, APART)?, whole(first >> 5, COUNT)?))
}

fn number(rest: &mut &[u8]) -> Result<usize> {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = *rest.split_off_first().context("a drift is cut short")?;
        value |= usize::from(byte & 0x7f).checked_shl(shift).context("a number of a drift is too long")?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift(new: &[u8], old: &[u8], worth: usize) -> (Drift, bool) {
        let mut writer = Writer::new(new);
        let is_worth = writer.page(0, new, old, worth);
        (Drift::of_bytes(writer.out), is_worth)
    }

    #[test]
    fn a_page_comes_back_as_it_was() {
        let old: Vec<u8> = (0..PAGE).map(|at| at as u8).collect();
        let every_third = (0..PAGE).step_by(3).collect();
        for changes in [vec![], vec![0], vec![PAGE - 1], vec![63, 64, 65], vec![1, 200, 3000], every_third] {
            let mut new = old.clone();
            changes.iter().for_each(|at| new[*at] = !new[*at]);
            let (drift, _) = drift(&new, &old, usize::MAX);
            assert!(drift.bytes().len() <= 8 + changes.len() * 4, "{} for {}", drift.bytes().len(), changes.len());
            let mut back = old.clone();
            drift.apply(&mut back).expect("it is of this page");
            assert!(back == new, "{} changes", changes.len());
        }
        let (drift, is_worth) = drift(&[0xff; PAGE], &[0; PAGE], WORTH);
        assert!(!is_worth && drift.bytes().len() == 8, "what is all new stays");
    }

    /// Each piece is as large as it may be, and what is left is applied in the end.
    #[test]
    fn in_pieces_it_comes_to_the_same() {
        let old = vec![7; 64 * PAGE];
        let mut new = old.clone();
        // Every second page has one byte, and four pages are all new.
        (0..64).step_by(2).for_each(|page| new[page * PAGE + page] = 9);
        new[20 * PAGE..24 * PAGE].fill(3);
        let mut writer = Writer::new(&new);
        for at in (0..new.len()).step_by(PAGE) {
            writer.page(at, &new[at..at + PAGE], &old[at..at + PAGE], usize::MAX);
        }
        let drift = Drift(writer.out);
        for (bytes, steps) in [(1, 36), (4 * PAGE, 9), (usize::MAX, 1)] {
            let (mut back, mut applied, mut count) = (old.clone(), Applied::nothing(), 1);
            while !drift.apply_more(&mut back, &mut applied, bytes).expect("it is of this memory") {
                count += 1;
            }
            assert!(back == new && count <= steps, "{count} pieces of {bytes}");
        }
    }

    /// They are believed only with a code over them; still nothing that is not ours may end the host.
    #[test]
    fn bytes_that_are_no_drift_are_refused() {
        let (old, mut new) = ([0; PAGE], [0; PAGE]);
        (new[7], new[4000]) = (1, 2);
        let (drift, _) = drift(&new, &old, usize::MAX);
        assert!(drift.apply(&mut [0; 2 * PAGE]).is_err(), "another length");
        for cut in (0..drift.bytes().len()).filter(|cut| *cut != 8 && *cut != 10) {
            assert!(Drift::of_bytes(drift.bytes()[..cut].to_vec()).apply(&mut [0; PAGE]).is_err(), "cut at {cut}");
        }
        for tail in [&[0xff; 12][..], &[0x3f, 0xff, 0xff, 1, 9], &[0xe0, 0xff, 0xff, 1, 9]] {
            let lie = [&drift.bytes()[..8], tail].concat();
            assert!(Drift::of_bytes(lie).apply(&mut [0; PAGE]).is_err(), "{tail:?}");
        }
    }
}

//! Folds: what a guest that has nothing to do has written, in as few bytes as it takes, so that its pages can be given back
//! while it stays where it is. Of a page that was written for a count of references a few bytes differ from the page that it
//! was mapped from; these are kept, and put back before the guest is entered again. It must not know when that is.
//!
//! A fold is pages in order of address: u32 the page's number, u64 which of its lines of 64 bytes differ; for each of these
//! u64 which of its bytes do; then those bytes.
use super::image::{Pages, give_back};
use super::layer::{push, read_at, written};
use anyhow::Result;
use std::ops::Range;

/// Bytes of a page, and of a line: a page has as many lines as a line has bytes, and a word has bits.
const PAGE: usize = 4096;
const LINE: usize = 64;

/// A page that differs by more than this is left as it is.
const WORTH: usize = PAGE * 3 / 4;

/// Pages that are looked at: of a guest that has written more its image is to be taken, not this. Bounds the time.
const PAGES: usize = 1024;

/// What was folded away.
#[derive(Debug)]
pub(super) struct Fold(Box<[u8]>);

impl Fold {
    /// Folds what of `memory`, which was mapped from `base`, can be. None when there is nothing, it is too much, or the system
    /// does not tell what was written.
    pub(super) fn of(memory: &mut [u8], base: &Pages) -> Result<Option<Fold>> {
        let Some(runs) = written(memory) else { return Ok(None) };
        let pages = runs.iter().map(Range::len).sum::<usize>() / PAGE;
        if rustix::param::page_size() != PAGE || pages == 0 || pages > PAGES {
            return Ok(None);
        }
        let (mut fold, mut old, mut folded) = (Vec::with_capacity(pages * LINE), Vec::new(), Vec::new());
        for run in runs {
            old.clear();
            old.resize(run.len(), 0);
            let below = base.bytes.clamp(run.start, run.end) - run.start;
            read_at(base.file(), run.start as u64, &mut old[..below])?;
            for (at, old) in run.step_by(PAGE).zip(old.chunks_exact(PAGE)) {
                if fold_page(at, &memory[at..at + PAGE], old, &mut fold) {
                    push(&mut folded, at..at + PAGE);
                }
            }
        }
        // Nothing can go wrong any more.
        folded.into_iter().for_each(|run| give_back(&mut memory[run]));
        Ok(Some(Fold(fold.into_boxed_slice())))
    }

    /// Makes the memory what it was.
    pub(super) fn undo(&self, memory: &mut [u8]) {
        let mut rest = Reader(&self.0);
        while !rest.0.is_empty() {
            let at = u32::from_le_bytes(rest.take()) as usize * PAGE;
            for line in bits(u64::from_le_bytes(rest.take())) {
                let line = at + line * LINE;
                for byte in bits(u64::from_le_bytes(rest.take())) {
                    let [value] = rest.take();
                    memory[line + byte] = value;
                }
            }
        }
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// Writes down how a page differs; whether it is worth it.
fn fold_page(at: usize, page: &[u8], old: &[u8], fold: &mut Vec<u8>) -> bool {
    let lines = || page.chunks_exact(LINE).zip(old.chunks_exact(LINE));
    let differ = mask(lines().map(|(new, old)| new != old));
    if differ == 0 {
        return true;
    }
    let begun = fold.len();
    fold.extend_from_slice(&((at / PAGE) as u32).to_le_bytes());
    fold.extend_from_slice(&differ.to_le_bytes());
    for (new, old) in lines().filter(|(new, old)| new != old) {
        let differ = mask(new.iter().zip(old).map(|(new, old)| new != old));
        fold.extend_from_slice(&differ.to_le_bytes());
        fold.extend(bits(differ).map(|byte| new[byte]));
    }
    let worth = fold.len() - begun <= WORTH;
    if !worth {
        fold.truncate(begun);
    }
    worth
}

/// A bit for each of up to 64.
fn mask(each: impl Iterator<Item = bool>) -> u64 {
    each.enumerate().fold(0, |mask, (place, set)| mask | u64::from(set) << place)
}

/// The places of the bits that are set.
fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = (mask != 0).then(|| mask.trailing_zeros() as usize)?;
        mask &= mask - 1;
        Some(place)
    })
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (first, rest) = self.0.split_first_chunk().expect("a fold is whole: we wrote it");
        self.0 = rest;
        *first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_comes_back_as_it_was() {
        let old: Vec<u8> = (0..PAGE).map(|at| at as u8).collect();
        for changes in [vec![], vec![0], vec![PAGE - 1], vec![63, 64, 65], (0..PAGE / 3).collect::<Vec<_>>()] {
            let mut new = old.clone();
            changes.iter().for_each(|at| new[*at] = !new[*at]);
            let mut fold = Vec::new();
            assert!(fold_page(0, &new, &old, &mut fold));
            assert!(fold.len() <= changes.len() * 17 + 12, "{} bytes for {}", fold.len(), changes.len());
            let mut back = old.clone();
            Fold(fold.into()).undo(&mut back);
            assert!(back == new, "{} changes", changes.len());
        }
        let mut fold = vec![1];
        assert!(!fold_page(0, &[0xff; PAGE], &[0; PAGE], &mut fold), "what is all new stays");
        assert_eq!(fold, [1]);
    }
}

//! Drift: how far a guest's memory has come from the image that it was spawned from, as bytes, and the way back. It must not
//! know why, nor where the bytes are kept; whoever reads some back must know by other means that they are ours.
//!
//! The system tells which pages were written; of those only the grains that differ are kept. A heap that has been used touches
//! many pages, and changes few bytes in most of them.
use super::image::Pages;
use super::layer::{Layer, written};
use anyhow::{Context as _, Result, ensure};
use std::ops::Range;
use std::sync::Arc;

/// Bytes that are kept or left out together: a run's head is 8.
const GRAIN: usize = 32;

/// Pages compared at a time, bytes: they stay in the CPU's cache.
const STEP: usize = 128 << 10;

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

/// How `memory` differs from `base`: its length, then runs: where, how long, the bytes.
///
/// # Errors
/// When more than `most` bytes of pages were written: to tell how they differ would take too long.
pub(super) fn of(memory: &[u8], base: &Base, most: usize) -> Result<Vec<u8>> {
    // Where the system does not tell, all of it may have been.
    let runs = written(memory).unwrap_or_else(|| std::iter::once(0..memory.len()).collect());
    let touched: usize = runs.iter().map(Range::len).sum();
    ensure!(touched <= most, "{touched} bytes were written; at most {most} are put aside");
    let mut out = (memory.len() as u64).to_le_bytes().to_vec();
    let mut old = Vec::new();
    for run in runs {
        for start in run.clone().step_by(STEP) {
            let new = &memory[start..run.end.min(start + STEP)];
            old.resize(new.len(), 0);
            base.read(start, &mut old)?;
            differ(start, &old, new, &mut out);
        }
    }
    Ok(out)
}

/// Adds the runs of grains that differ.
fn differ(start: usize, old: &[u8], new: &[u8], out: &mut Vec<u8>) {
    let (mut at, mut begun) = (0, None);
    let mut end = |begun: &mut Option<usize>, at: usize| {
        if let Some(from) = begun.take() {
            out.extend_from_slice(&((start + from) as u32).to_le_bytes());
            out.extend_from_slice(&((at - from) as u32).to_le_bytes());
            out.extend_from_slice(&new[from..at]);
        }
    };
    for (old, new) in old.chunks(GRAIN).zip(new.chunks(GRAIN)) {
        if old == new {
            end(&mut begun, at);
        } else {
            begun.get_or_insert(at);
        }
        at += new.len();
    }
    end(&mut begun, at);
}

/// Bytes of the memory that this is the drift of.
pub(super) fn memory_bytes(drift: &[u8]) -> Result<usize> {
    let head = drift.first_chunk().context("a drift is cut short")?;
    Ok(usize::try_from(u64::from_le_bytes(*head))?)
}

/// Changes a memory that is as its image is.
///
/// # Errors
/// When a run lies outside it.
pub(super) fn apply(drift: &[u8], memory: &mut [u8]) -> Result<()> {
    ensure!(memory_bytes(drift)? == memory.len(), "a drift is of another memory");
    let mut rest = &drift[8..];
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize;
        let (at, len) = (number(0), number(4));
        let content = after.get(..len).context("a drift is cut short")?;
        let place = memory.get_mut(at..at + len).context("a drift lies outside its memory")?;
        place.copy_from_slice(content);
        rest = &after[len..];
    }
    ensure!(rest.is_empty(), "a drift is cut short");
    Ok(())
}

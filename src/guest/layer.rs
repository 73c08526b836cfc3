//! Layers: what a guest's memory holds that the pages it was mapped from do not, as a sealed file in memory: a head, then
//! the pages that differ. An image may be such a layer over another one's pages, so that a clone costs, and a guest that
//! sleeps keeps, what the guest has written and no more. It must not know why an image is taken.
//!
//! Which pages were written the system knows: of a private mapping of a file, those that are no longer the file's.
use super::image::BEAT_AT;
use super::image::{Pages, check_sealed, memory_file, seal, write_at};
use anyhow::{Context as _, Result, ensure};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Opens each layer's file; the last character is the format's version.
const MAGIC: &[u8; 8] = b"SKEPLAY1";

/// Bytes before the runs: the mark, u64 bytes of memory, u64 count of runs. A run is u64 its start, u64 its bytes.
const HEAD: usize = 24;
const RUN: usize = 16;

/// Most runs of a layer: beyond them a whole image costs less.
const RUNS: usize = 1 << 15;

/// Pages over others.
#[derive(Debug)]
pub(super) struct Layer {
    file: OwnedFd,
    /// Bytes of the whole memory, which may have grown beyond the pages below.
    pub(super) bytes: usize,
    pub(super) runs: Vec<Range<usize>>,
}

impl Layer {
    /// What `memory`, which was mapped from `base`, holds beyond it. None when that cannot be told, or is so much that a whole
    /// image is better.
    pub(super) fn of(memory: &[u8], base: &Pages) -> Result<Option<Arc<Layer>>> {
        let Some(mut runs) = written(&memory[..base.bytes]) else { return Ok(None) };
        drop_equal(&mut runs, memory, base)?;
        for grown in super::image::runs(&memory[base.bytes..]) {
            push(&mut runs, base.bytes + grown.start..base.bytes + grown.end);
        }
        let differs: usize = runs.iter().map(Range::len).sum();
        if differs * 2 > memory.len() || runs.len() > RUNS {
            return Ok(None);
        }
        let file = memory_file("skep-layer")?;
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&(memory.len() as u64).to_le_bytes());
        head.extend_from_slice(&(runs.len() as u64).to_le_bytes());
        for run in &runs {
            head.extend_from_slice(&(run.start as u64).to_le_bytes());
            head.extend_from_slice(&(run.len() as u64).to_le_bytes());
        }
        write_at(&file, 0, &head)?;
        let mut at = head.len() as u64;
        for run in &runs {
            write_at(&file, at, &memory[run.clone()])?;
            at += run.len() as u64;
        }
        seal(&file)?;
        Ok(Some(Arc::new(Layer { file, bytes: memory.len(), runs })))
    }

    /// What another process has made.
    ///
    /// # Errors
    /// When the file can still be changed, is no layer, or does not fit pages of so many bytes.
    pub(super) fn from_file(file: OwnedFd, base_bytes: usize) -> Result<Layer> {
        check_sealed(&file)?;
        let mut head = [0; HEAD];
        read_at(&file, 0, &mut head)?;
        ensure!(&head[..8] == MAGIC, "this is not a layer of this version");
        let (bytes, count) = (usize::try_from(long(&head, 8))?, usize::try_from(long(&head, 16))?);
        let fits = bytes <= BEAT_AT && bytes.is_multiple_of(64 << 10) && bytes >= base_bytes;
        ensure!(fits && count <= RUNS, "a layer of {bytes} bytes in {count} runs cannot be");
        let mut table = vec![0; count * RUN];
        read_at(&file, HEAD as u64, &mut table)?;
        let (mut runs, mut end, mut total) = (Vec::with_capacity(count), 0, 0_u64);
        for run in table.chunks_exact(RUN) {
            let (start, len) = (usize::try_from(long(run, 0))?, usize::try_from(long(run, 8))?);
            let next = start.checked_add(len).filter(|next| start >= end && *next > start && *next <= bytes);
            end = next.context("a run of a layer lies outside its memory, or over another")?;
            runs.push(start..end);
            total += len as u64;
        }
        let length = (HEAD + table.len()) as u64 + total;
        ensure!(rustix::fs::fstat(&file)?.st_size as u64 == length, "a layer's file has another length");
        Ok(Layer { file, bytes, runs })
    }

    /// Puts the pages into a memory that holds what is below.
    pub(super) fn read_into(&self, memory: &mut [u8]) -> Result<()> {
        ensure!(memory.len() >= self.bytes, "a layer is over a smaller memory");
        let mut at = (HEAD + self.runs.len() * RUN) as u64;
        for run in &self.runs {
            read_at(&self.file, at, &mut memory[run.clone()]).context("a layer cannot be read")?;
            at += run.len() as u64;
        }
        Ok(())
    }

    /// Puts what of it lies there over bytes that are read from below.
    pub(super) fn read_over(&self, start: usize, out: &mut [u8]) -> Result<()> {
        let end = start + out.len();
        let first = self.runs.partition_point(|run| run.end <= start);
        let before: usize = self.runs[..first].iter().map(Range::len).sum();
        let mut at = HEAD + self.runs.len() * RUN + before;
        for run in self.runs[first..].iter().take_while(|run| run.start < end) {
            let common = run.start.max(start)..run.end.min(end);
            let from = at + (common.start - run.start);
            read_at(&self.file, from as u64, &mut out[common.start - start..common.end - start])?;
            at += run.len();
        }
        Ok(())
    }

    /// Bytes of its file.
    pub(super) fn size(&self) -> Result<u64> {
        Ok(rustix::fs::fstat(&self.file)?.st_size as u64)
    }

    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Makes ready to tell which pages were written, which a process that confines itself cannot do later.
pub fn watch_writes() {
    let _known = page_map();
}

/// The system's word on each page of this process, and which process that is: a copy of it needs its own.
fn page_map() -> Option<&'static OwnedFd> {
    static MAP: OnceLock<Option<(u32, OwnedFd)>> = OnceLock::new();
    let open = || {
        use rustix::fs::{Mode, OFlags, open};
        let file = open("/proc/self/pagemap", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        Some((std::process::id(), file))
    };
    MAP.get_or_init(open).as_ref().filter(|(process, _)| *process == std::process::id()).map(|(_, file)| file)
}

/// Bits of an entry: the page is in memory, or swapped out; it is a file's.
const HERE: u64 = 1 << 63 | 1 << 62;
const OF_FILE: u64 = 1 << 61;

/// The runs of pages that were written since they were mapped privately from a file, or from nothing. None when the system does not tell.
pub(super) fn written(memory: &[u8]) -> Option<Vec<Range<usize>>> {
    let page = rustix::param::page_size();
    if !memory.as_ptr().addr().is_multiple_of(page) || !memory.len().is_multiple_of(page) {
        return None;
    }
    let map = page_map()?;
    let mut entries = vec![0; memory.len() / page * 8];
    read_at(map, (memory.as_ptr().addr() / page * 8) as u64, &mut entries).ok()?;
    let mut runs = Vec::new();
    for (index, entry) in entries.chunks_exact(8).enumerate() {
        let entry = long(entry, 0);
        if entry & HERE != 0 && entry & OF_FILE == 0 {
            push(&mut runs, index * page..(index + 1) * page);
        }
    }
    Some(runs)
}

/// Leaves out pages that were written and are as they were.
fn drop_equal(runs: &mut Vec<Range<usize>>, memory: &[u8], base: &Pages) -> Result<()> {
    let page = rustix::param::page_size();
    let (mut kept, mut old) = (Vec::with_capacity(runs.len()), Vec::new());
    for run in runs.drain(..) {
        old.resize(run.len(), 0);
        read_at(base.file(), run.start as u64, &mut old)?;
        for (old, start) in old.chunks(page).zip(run.step_by(page)) {
            if memory[start..start + old.len()] != *old {
                push(&mut kept, start..start + old.len());
            }
        }
    }
    *runs = kept;
    Ok(())
}

/// Adds a run behind all others.
pub(super) fn push(runs: &mut Vec<Range<usize>>, run: Range<usize>) {
    match runs.last_mut() {
        Some(last) if last.end == run.start => last.end = run.end,
        _ => runs.push(run),
    }
}

/// Reads all of it from there.
pub(super) fn read_at(file: impl AsFd, at: u64, out: &mut [u8]) -> Result<()> {
    let mut done = 0;
    while done < out.len() {
        let count = rustix::io::pread(&file, &mut out[done..], at + done as u64)?;
        ensure!(count > 0, "a file in memory is cut short");
        done += count;
    }
    Ok(())
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

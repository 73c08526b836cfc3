//! An image as bytes, so that it can be kept, sent and brought back: a header, then the runs of pages that are
//! not zero. It must not know where the bytes go, nor vouch for them: whoever reads an image back must know
//! by other means (the cache's MAC) that it is one of ours.
use super::image::{GlobalValue, Image, Mapping, Memory, Pages, PagesWriter, Start, populate};
use super::layer::Layer;
use anyhow::{Context as _, Result, ensure};
use rustix::fd::{BorrowedFd, OwnedFd};
use std::io::{Read, Write};
use std::ops::Range;
use std::sync::Arc;

/// Opens each image; the last character is the format's version.
const MAGIC: &[u8; 8] = b"SKEPIMG1";

/// Most mutable globals of an image.
const GLOBALS: u32 = 4096;

/// Most runs: a memory of 4 GiB where every other granule is zero.
const RUNS: u32 = 1 << 19;

/// Bytes moved at a time: they stay in the CPU's cache between reading, checking and writing.
const STEP: usize = 512 << 10;

impl Image {
    /// Writes the image.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_to(&self, out: &mut impl Write) -> Result<()> {
        if let Some(layer) = &self.layer {
            return self.joined(layer)?.write_to(out);
        }
        self.write_head(out, &self.pages.runs)?;
        for run in &self.pages.runs {
            for start in run.clone().step_by(STEP) {
                out.write_all(&self.pages.read(start..run.end.min(start + STEP))?)?;
            }
        }
        Ok(())
    }

    /// The same without a layer: whole pages.
    fn joined(&self, layer: &Layer) -> Result<Image> {
        let mut memory = self.pages.read(0..self.pages.bytes)?;
        memory.resize(layer.bytes, 0);
        layer.read_into(&mut memory)?;
        let mut pages = PagesWriter::new(memory.len())?;
        pages.write_memory(&memory)?;
        Ok(Image { pages: Arc::new(pages.finish()?), layer: None, globals: self.globals.clone(), inbox: self.inbox })
    }

    fn write_head(&self, out: &mut impl Write, runs: &[Range<usize>]) -> Result<()> {
        let (inbox, inbox_len) = self.inbox.unwrap_or((0, 0));
        out.write_all(MAGIC)?;
        out.write_all(&(self.pages.bytes as u64).to_le_bytes())?;
        for word in [inbox, inbox_len, self.globals.len() as u32, runs.len() as u32] {
            out.write_all(&word.to_le_bytes())?;
        }
        for global in &self.globals {
            out.write_all(&global.index.to_le_bytes())?;
            out.write_all(&u32::from(global.kind).to_le_bytes())?;
            out.write_all(&global.bits.to_le_bytes())?;
        }
        for run in runs {
            out.write_all(&(run.start as u64).to_le_bytes())?;
            out.write_all(&(run.len() as u64).to_le_bytes())?;
        }
        Ok(())
    }

    /// The file with the pages, each at its own address: with [`Image::head`] it is the image, for another process to map.
    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.pages.file()
    }

    /// The file with the layer over the pages.
    pub(super) fn layer_file(&self) -> Option<BorrowedFd<'_>> {
        self.layer.as_ref().map(|layer| layer.file())
    }

    /// All but the pages.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut head = Vec::new();
        self.write_head(&mut head, &[]).expect("a vector takes all");
        head
    }

    /// An image that another process made: its file, and what [`Image::head`] gave there.
    ///
    /// # Errors
    /// When a file can still be changed, or does not fit the head.
    pub(super) fn from_files(file: OwnedFd, layer: Option<OwnedFd>, head: &[u8]) -> Result<Image> {
        let mut rest = head;
        let head = Head::read_from(&mut rest)?;
        ensure!(rest.is_empty() && head.runs.is_empty(), "the head of an image is followed by something");
        let pages = Pages::of_file(file, head.bytes)?;
        let layer = layer.map(|file| Layer::from_file(file, head.bytes)).transpose()?;
        head.check(layer.as_ref().map_or(head.bytes, |layer| layer.bytes))?;
        Ok(Image { pages: Arc::new(pages), layer: layer.map(Arc::new), globals: head.globals, inbox: head.inbox })
    }

    /// A layer over these pages, with what [`Image::head`] gave of the same.
    ///
    /// # Errors
    /// When they do not fit.
    pub(super) fn over(pages: &Arc<Pages>, layer: Layer, head: &[u8]) -> Result<Image> {
        let mut rest = head;
        let head = Head::read_from(&mut rest)?;
        ensure!(rest.is_empty() && head.runs.is_empty(), "the head of an image is followed by something");
        ensure!(head.bytes == pages.bytes, "the head of an image is of other pages");
        head.check(layer.bytes)?;
        let Head { globals, inbox, .. } = head;
        Ok(Image { pages: pages.clone(), layer: Some(Arc::new(layer)), globals, inbox })
    }

    /// A code of all that it is.
    ///
    /// # Errors
    /// Those of reading its pages.
    pub(super) fn code(&self) -> Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        self.write_to(&mut hasher)?;
        Ok(hasher.finalize())
    }

    /// Reads an image back.
    ///
    /// # Errors
    /// When it is cut short or not an image, or the system has no memory for it.
    pub fn read_from(input: &mut impl Read) -> Result<Image> {
        let head = Head::read_from(input)?;
        head.check(head.bytes)?;
        let mut pages = PagesWriter::new(head.bytes)?;
        let mut buffer = vec![0; STEP];
        for run in head.runs {
            for start in run.clone().step_by(STEP) {
                let content = &mut buffer[..(run.end - start).min(STEP)];
                input.read_exact(content).context("an image is cut short")?;
                pages.write(start, content)?;
            }
        }
        Ok(Image { pages: Arc::new(pages.finish()?), layer: None, globals: head.globals, inbox: head.inbox })
    }
}

impl Start {
    /// Reads an image back as one guest's own memory: into its place, without another copy.
    ///
    /// # Errors
    /// As [`Image::read_from`].
    pub(super) fn read_from(input: &mut impl Read) -> Result<Start> {
        let head = Head::read_from(input)?;
        head.check(head.bytes)?;
        let mut mapping = Mapping::zeros(head.bytes)?;
        for run in head.runs {
            let content = mapping.bytes_mut().get_mut(run).context("a run of an image lies outside its memory")?;
            for content in content.chunks_mut(STEP) {
                populate(content);
                input.read_exact(content).context("an image is cut short")?;
            }
        }
        Ok(Start { memory: Memory::Own(mapping), globals: head.globals, inbox: head.inbox })
    }
}

/// What stands before the pages.
struct Head {
    bytes: usize,
    globals: Vec<GlobalValue>,
    inbox: Option<(u32, u32)>,
    runs: Vec<Range<usize>>,
}

impl Head {
    fn read_from(input: &mut impl Read) -> Result<Head> {
        ensure!(&array::<8>(input)? == MAGIC, "this is not an image of this version");
        let bytes = usize::try_from(long(input)?)?;
        let (inbox, inbox_len) = (word(input)?, word(input)?);
        let (global_count, run_count) = (word(input)?, word(input)?);
        ensure!(global_count <= GLOBALS && run_count <= RUNS, "an image has too many parts");
        let mut globals = Vec::new();
        for _ in 0..global_count {
            let (index, kind) = (word(input)?, u8::try_from(word(input)?)?);
            globals.push(GlobalValue { index, kind, bits: long(input)? });
        }
        let mut runs = Vec::new();
        for _ in 0..run_count {
            let (start, len) = (usize::try_from(long(input)?)?, usize::try_from(long(input)?)?);
            let end = start.checked_add(len).context("a run of an image is too long")?;
            runs.push(start..end);
        }
        Ok(Head { bytes, globals, inbox: (inbox_len > 0).then_some((inbox, inbox_len)), runs })
    }

    /// For a memory of so many bytes.
    fn check(&self, bytes: usize) -> Result<()> {
        let end = self.inbox.map_or(0, |(inbox, len)| u64::from(inbox) + u64::from(len));
        ensure!(end <= bytes as u64, "an image's inbox lies outside its memory");
        Ok(())
    }
}

fn array<const N: usize>(input: &mut impl Read) -> Result<[u8; N]> {
    let mut out = [0; N];
    input.read_exact(&mut out).context("an image is cut short")?;
    Ok(out)
}

fn word(input: &mut impl Read) -> Result<u32> {
    Ok(u32::from_le_bytes(array(input)?))
}

fn long(input: &mut impl Read) -> Result<u64> {
    Ok(u64::from_le_bytes(array(input)?))
}

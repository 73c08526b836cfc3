//! Images: all that a guest is between two turns. Its linear memory (a sealed file in memory, mapped
//! copy-on-write), its mutable globals, and where its inbox stands; the host's part (handles, policy) is
//! in `GuestState`. Starting is mapping an image; fork, hibernate and wake, hot deploy, moving to another process
//! and swapping the code under a heap are the same operations on the same type, in memory or through
//! `image_file.rs`. It must not know why an image is taken, nor what the bytes mean.
//!
//! A process with one guest needs no file: [`Start::read_from`](super::image_file) reads the pages into that guest's
//! own memory at once.
//!
//! wasmtime asks a `MemoryCreator` of the engine for memory: [`Mapper`] gives the one that was laid
//! ready in a cell of this thread just before, with the [`Beat`] of the thread behind it.
use super::drift::Base;
use super::layer::{Layer, read_at};
use super::settings::{GUARD, RESERVATION};
use super::spare;
use anyhow::{Context as _, Result, ensure};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect, munmap};
use rustix::param::page_size;
use std::cell::Cell;
use std::ffi::c_void;
use std::num::NonZero;
use std::ops::Range;
use std::path::Path;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

/// Granule in which zeros are left out of an image, bytes.
pub(super) const GRAIN: usize = 4096;

/// A huge page, bytes. Guest memory and code of a process's only guest lie at multiples of it: measured, finding 4 MiB
/// in small pages is a quarter of a start.
pub(super) const HUGE: usize = 2 << 20;

/// A mutable global: its index in the module, its type (0 i32, 1 i64, 2 f32, 3 f64), its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalValue {
    pub index: u32,
    pub kind: u8,
    pub bits: u64,
}

/// What a guest is between turns. Cloning shares the pages.
#[derive(Clone, Debug)]
pub struct Image {
    pub(super) pages: Arc<Pages>,
    /// What is over them.
    pub(super) layer: Option<Arc<Layer>>,
    pub(super) globals: Vec<GlobalValue>,
    /// Address and length of the inbox, once told.
    pub(super) inbox: Option<(u32, u32)>,
}

impl Image {
    /// Bytes of linear memory.
    pub fn memory_bytes(&self) -> u64 {
        self.layer.as_ref().map_or(self.pages.bytes, |layer| layer.bytes) as u64
    }

    /// The same image in a file on disk that nobody can open, in this folder. Where the file system keeps its files in large pieces of
    /// memory the system maps a piece at once, and reading an image costs a tenth of what it does in a file in memory. What
    /// another process is to map stays in a sealed one.
    ///
    /// # Errors
    /// When it is a layer, or the file system has no such files or no room.
    #[cfg(target_os = "linux")]
    pub(super) fn on_disk(&self, folder: &Path) -> Result<Image> {
        use rustix::fd::AsRawFd as _;
        use rustix::fs::{Mode, OFlags, ftruncate, open};
        ensure!(self.layer.is_none(), "a layer stays with its pages");
        let (whole, pages) = (&self.pages, &self.pages.runs);
        let flags = OFlags::TMPFILE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let writable = open(folder, flags, Mode::RUSR | Mode::WUSR)?;
        ftruncate(&writable, whole.bytes as u64)?;
        for run in pages {
            write_at(&writable, run.start as u64, &whole.read(run.clone())?)?;
        }
        // From here on we cannot change it either.
        let path = format!("/proc/self/fd/{}", writable.as_raw_fd());
        let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Image { pages: Arc::new(Pages { file, bytes: whole.bytes, runs: pages.clone() }), ..self.clone() })
    }

    /// There are no such files here.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn on_disk(&self, _folder: &Path) -> Result<Image> {
        anyhow::bail!("a file without a name cannot be made here")
    }

    /// Bytes that are kept for it, if nobody else has its pages: those that are not zero.
    pub fn resident_bytes(&self) -> u64 {
        self.pages.runs.iter().map(|run| run.len() as u64).sum::<u64>() + self.own_bytes()
    }

    /// Whether anything could change its pages through the descriptor that is held, for tests.
    #[cfg(test)]
    pub(super) fn can_be_written(&self) -> bool {
        rustix::io::pwrite(&self.pages.file, b"x", 0).is_ok()
    }

    /// Whether it is these pages, or a layer over them.
    pub(super) fn is_over(&self, pages: &Arc<Pages>) -> bool {
        Arc::ptr_eq(&self.pages, pages)
    }

    /// Bytes that are kept for it alone, if it is a layer over another's pages.
    pub fn own_bytes(&self) -> u64 {
        self.layer.iter().flat_map(|layer| &layer.runs).map(|run| run.len() as u64).sum()
    }
}

/// What one guest comes to life from.
pub(super) struct Start {
    pub(super) memory: Memory,
    pub(super) globals: Vec<GlobalValue>,
    pub(super) inbox: Option<(u32, u32)>,
}

/// Where a guest's memory comes from: an image that others may share, or memory that is its own already.
pub(super) enum Memory {
    Shared(Arc<Pages>, Option<Arc<Layer>>),
    Own(Mapping),
}

impl From<&Image> for Start {
    fn from(image: &Image) -> Start {
        let memory = Memory::Shared(image.pages.clone(), image.layer.clone());
        Start { memory, globals: image.globals.clone(), inbox: image.inbox }
    }
}

impl Memory {
    /// Zeros, as many as the module says.
    #[cfg(feature = "wasi")]
    pub(super) fn empty() -> Result<Memory> {
        Ok(Memory::Own(Mapping::reserve().context("no address space for a memory")?))
    }

    /// Bytes that are accessible at first.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Memory::Shared(_, Some(layer)) => layer.bytes as u64,
            Memory::Shared(pages, None) => pages.bytes as u64,
            Memory::Own(mapping) => mapping.size as u64,
        }
    }

    /// What it is a private mapping of.
    pub(super) fn base(&self) -> Option<Base> {
        match self {
            Memory::Shared(pages, layer) => Some(Base { pages: pages.clone(), layer: layer.clone() }),
            Memory::Own(_) => None,
        }
    }
}

/// The content of a memory: a sealed file that holds the runs of pages that are not zero.
#[derive(Debug)]
pub(super) struct Pages {
    file: OwnedFd,
    pub(super) bytes: usize,
    pub(super) runs: Vec<Range<usize>>,
}

/// Pages being written.
pub(super) struct PagesWriter(Pages);

impl PagesWriter {
    /// For a memory of so many bytes, all zero.
    pub(super) fn new(bytes: usize) -> Result<PagesWriter> {
        check_bytes(bytes)?;
        let file = memory_file("skep-image")?;
        rustix::fs::ftruncate(&file, bytes as u64).context("no memory for an image")?;
        Ok(PagesWriter(Pages { file, bytes, runs: Vec::new() }))
    }

    /// Writes a run; runs come in order of address.
    pub(super) fn write(&mut self, at: usize, content: &[u8]) -> Result<()> {
        let end = at.checked_add(content.len()).filter(|end| *end <= self.0.bytes);
        let end = end.context("a run of an image lies outside its memory")?;
        write_at(&self.0.file, at as u64, content)?;
        match self.0.runs.last_mut() {
            Some(last) if last.end == at => last.end = end,
            Some(last) => {
                ensure!(last.end < at, "the runs of an image overlap");
                self.0.runs.push(at..end);
            }
            None => self.0.runs.push(at..end),
        }
        Ok(())
    }

    /// Writes all that is not zero of a whole memory.
    pub(super) fn write_memory(&mut self, memory: &[u8]) -> Result<()> {
        for run in runs(memory) {
            self.write(run.start, &memory[run])?;
        }
        Ok(())
    }

    /// Seals the file: from here on nobody can change it, not even we.
    pub(super) fn finish(self) -> Result<Pages> {
        seal(&self.0.file)?;
        Ok(self.0)
    }
}

/// Nobody can change or shorten the file any more: what is mapped from it stays as it is.
#[cfg(target_os = "linux")]
pub(super) fn check_sealed(file: impl AsFd) -> Result<()> {
    use rustix::fs::{SealFlags, fcntl_get_seals};
    let needed = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK;
    let seals = fcntl_get_seals(file).context("this is no file in memory")?;
    ensure!(seals.contains(needed), "a file in memory is not sealed");
    Ok(())
}

/// Nothing tells here.
#[cfg(not(target_os = "linux"))]
pub(super) fn check_sealed(_file: impl AsFd) -> Result<()> {
    Ok(())
}

fn check_bytes(bytes: usize) -> Result<()> {
    ensure!(bytes <= BEAT_AT && bytes.is_multiple_of(64 << 10), "an image of {bytes} bytes cannot be");
    Ok(())
}

impl Pages {
    /// A file that holds a memory of so many bytes, each at its own address.
    pub(super) fn of_file(file: OwnedFd, bytes: usize) -> Result<Pages> {
        check_bytes(bytes)?;
        check_sealed(&file)?;
        ensure!(rustix::fs::fstat(&file)?.st_size as u64 == bytes as u64, "an image's file has another length");
        Ok(Pages { file, bytes, runs: std::iter::once(0..bytes).collect() })
    }

    pub(super) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Reads a run back.
    pub(super) fn read(&self, run: Range<usize>) -> Result<Vec<u8>> {
        let mut out = vec![0; run.len()];
        self.read_at(run.start, &mut out)?;
        Ok(out)
    }

    /// As [`Pages::read`], into a place of the caller's.
    pub(super) fn read_at(&self, start: usize, out: &mut [u8]) -> Result<()> {
        read_at(&self.file, start as u64, out).context("an image cannot be read")
    }
}

/// The runs of granules that are not zero.
pub(super) fn runs(memory: &[u8]) -> Vec<Range<usize>> {
    static ZERO: [u8; GRAIN] = [0; GRAIN];
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, grain) in memory.chunks(GRAIN).enumerate() {
        if *grain == ZERO[..grain.len()] {
            continue;
        }
        let start = index * GRAIN;
        match runs.last_mut() {
            Some(last) if last.end == start => last.end += grain.len(),
            _ => runs.push(start..start + grain.len()),
        }
    }
    runs
}

/// Writes all of it there.
pub(super) fn write_at(file: impl AsFd, mut at: u64, mut content: &[u8]) -> Result<()> {
    while !content.is_empty() {
        let count = rustix::io::pwrite(&file, content, at).context("no memory for an image")?;
        ensure!(count > 0, "no memory for an image");
        content = &content[count..];
        at += count as u64;
    }
    Ok(())
}

/// A file that has no name and lives in memory.
#[cfg(target_os = "linux")]
pub(super) fn memory_file(name: &str) -> Result<OwnedFd> {
    use rustix::fs::{MemfdFlags, memfd_create};
    memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).context("no memory file can be made")
}

/// Forbids every change of a file in memory.
#[cfg(target_os = "linux")]
pub(super) fn seal(file: &OwnedFd) -> Result<()> {
    use rustix::fs::{SealFlags, fcntl_add_seals};
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(file, seals).context("a memory file cannot be sealed")
}

/// A file whose name is taken away at once: nobody else can open it.
#[cfg(not(target_os = "linux"))]
pub(super) fn memory_file(name: &str) -> Result<OwnedFd> {
    use rustix::fs::{Mode, OFlags, open, unlink};
    let mut random = [0; 16];
    getrandom::fill(&mut random)?;
    let path = std::env::temp_dir().join(format!("{name}-{:032x}", u128::from_le_bytes(random)));
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(&path, flags, Mode::RUSR | Mode::WUSR).context("no memory file can be made")?;
    unlink(&path)?;
    Ok(file)
}

/// There are no seals here; the file has no name, and we do not write to it again.
#[cfg(not(target_os = "linux"))]
pub(super) fn seal(_file: &OwnedFd) -> Result<()> {
    Ok(())
}

thread_local! {
    static NEXT: Cell<Option<(Memory, Arc<Beat>)>> = const { Cell::new(None) };
}

/// Lays a memory and what is to be heard behind it ready for the instance that `make` creates on this thread.
pub(super) fn with_memory<T>(memory: Memory, beat: &Arc<Beat>, make: impl FnOnce() -> T) -> T {
    NEXT.set(Some((memory, beat.clone())));
    let made = make();
    // Not taken when making failed early.
    NEXT.set(None);
    made
}

/// Where the beat is in each guest's address space; its memory ends below. Measured: half as far again and no single instruction
/// can name it, so that each question costs a register more, which is more than the question.
pub(super) const BEAT_AT: usize = (2 << 30) - (64 << 10);

/// A word that is not zero when who runs on this thread is to tell the host. Its page is mapped into the address space of each guest of
/// the thread, where it can be read and not be written; the questions that `weave.rs` puts into the code read it.
pub(super) struct Beat {
    file: OwnedFd,
    page: NonNull<c_void>,
}

impl Beat {
    pub(super) fn new() -> Result<Beat> {
        let file = memory_file("skep-beat")?;
        rustix::fs::ftruncate(&file, page_size() as u64).context("no memory for the beat")?;
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nobody's memory; nobody shortens the file.
        let page = unsafe { mmap(null_mut(), page_size(), access, MapFlags::SHARED, &file, 0) };
        let page = NonNull::new(page.context("no address space for the beat")?);
        Ok(Beat { file, page: page.expect("the kernel does not map address zero") })
    }

    pub(super) fn word(&self) -> &AtomicU32 {
        // SAFETY: four accessible bytes, aligned as a page is, for as long as `self` lives; the host reaches them here
        // alone, and compiled code by aligned loads of four bytes.
        unsafe { AtomicU32::from_ptr(self.page.as_ptr().cast()) }
    }

    /// Who runs is to tell.
    pub(super) fn strike(&self) {
        self.word().store(1, Ordering::Relaxed);
    }

    /// It has told, or begins.
    pub(super) fn rest(&self) {
        self.word().store(0, Ordering::Relaxed);
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours; guests have their own of the same page. It cannot fail for a whole mapping.
        let _ = unsafe { munmap(self.page.as_ptr(), page_size()) };
    }
}

// SAFETY: the mapping is owned memory, of which nothing is reached but an atomic word.
unsafe impl Send for Beat {}
// SAFETY: as above.
unsafe impl Sync for Beat {}

/// Makes the engine's memories out of images.
pub(super) struct Mapper;

// SAFETY: `Mapping` hands out the layout that was asked for: `reserved` bytes of address space that stay at
// one address, guards before and after them, `byte_size` of them accessible. Behind them one page can be read: of the host's, with
// nothing in it but the beat; code that is compiled takes what it reads there for what a guest could have in its memory as well.
unsafe impl MemoryCreator for Mapper {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        if reserved.map(|bytes| bytes as u64) != Some(RESERVATION) || guard as u64 != GUARD {
            return Err("the engine asks for another layout of memory".into());
        }
        let (memory, beat) = NEXT.take().ok_or("no memory was laid ready")?;
        let mut mapping = match memory {
            Memory::Own(mapping) => mapping,
            Memory::Shared(pages, layer) => {
                let ready = if layer.is_none() { spare::take(&pages) } else { None };
                let made = ready.map_or_else(|| Mapping::of(&pages, layer.as_deref()), Ok);
                made.map_err(|error| format!("no memory for a guest: {error:#}"))?
            }
        };
        if minimum > BEAT_AT {
            return Err("a guest has at most 2 GiB of memory, and 64 KiB less".into());
        }
        if minimum > mapping.size {
            mapping.open(minimum).map_err(|error| format!("no memory for a guest: {error}"))?;
        }
        mapping.hear(&beat).map_err(|error| format!("no address space for a guest: {error}"))?;
        Ok(Box::new(mapping))
    }
}

/// One memory: guard, reservation, guard, of which the first `size` bytes after the guard are accessible; and the beat's page can be
/// read.
pub(super) struct Mapping {
    /// The whole mapping: begins before `start`, which is aligned for huge pages.
    mapped: NonNull<c_void>,
    start: NonNull<c_void>,
    size: usize,
}

const WHOLE: usize = (GUARD + RESERVATION + GUARD) as usize;

impl Mapping {
    fn reserve() -> rustix::io::Result<Mapping> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nobody's memory.
        let mapped = unsafe { mmap_anonymous(null_mut(), WHOLE + HUGE, ProtFlags::empty(), flags) }?;
        let mapped = NonNull::new(mapped).expect("the kernel does not map address zero");
        Ok(Mapping { mapped, start: mapped.map_addr(align_huge), size: 0 })
    }

    /// Address of byte `offset` of the guest's memory.
    fn at(&self, offset: usize) -> *mut c_void {
        debug_assert!(offset as u64 <= RESERVATION);
        // SAFETY: within the reservation.
        unsafe { self.start.as_ptr().byte_add(GUARD as usize + offset) }
    }

    /// An image's pages, copied when they are written to, with what is over them.
    pub(super) fn of(pages: &Pages, layer: Option<&Layer>) -> Result<Mapping> {
        let mut mapping = Mapping::reserve()?;
        if pages.bytes > 0 {
            let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
            let access = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: the range lies in our own reservation, which nobody uses yet; the file is sealed, so
            // its length stays.
            unsafe { mmap(mapping.at(0), pages.bytes, access, flags, &pages.file, 0) }?;
        }
        mapping.size = pages.bytes;
        if let Some(layer) = layer {
            mapping.open(layer.bytes.max(pages.bytes))?;
            layer.read_into(mapping.bytes_mut())?;
        }
        Ok(mapping)
    }

    /// So many zeros, to be filled in before a guest has them.
    pub(super) fn zeros(bytes: usize) -> Result<Mapping> {
        check_bytes(bytes)?;
        let mut mapping = Mapping::reserve().context("no address space for a guest")?;
        mapping.open(bytes).context("no memory for a guest")?;
        prefer_huge(mapping.start.map_addr(|address| address.saturating_add(GUARD as usize)), bytes);
        Ok(mapping)
    }

    /// Puts the beat behind the memory.
    fn hear(&mut self, beat: &Beat) -> rustix::io::Result<()> {
        let flags = MapFlags::SHARED | MapFlags::FIXED;
        // SAFETY: the range lies in our own reservation, behind all that can become accessible; it cannot be written from there, and the
        // file keeps its length.
        unsafe { mmap(self.at(BEAT_AT), page_size(), ProtFlags::READ, flags, &beat.file, 0) }?;
        Ok(())
    }

    /// The accessible part.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: `size` bytes are accessible, and as long as this is not wasmtime's nobody else knows them.
        unsafe { std::slice::from_raw_parts_mut(self.at(0).cast(), self.size) }
    }

    /// Makes the memory accessible up to `size`.
    fn open(&mut self, size: usize) -> rustix::io::Result<()> {
        // SAFETY: the range lies in our own reservation, behind what is accessible.
        unsafe { mprotect(self.at(self.size), size - self.size, MprotectFlags::READ | MprotectFlags::WRITE) }?;
        self.size = size;
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and wasmtime has let go of it. It cannot fail for a whole mapping.
        let _ = unsafe { munmap(self.mapped.as_ptr(), WHOLE + HUGE) };
    }
}

// SAFETY: the mapping is owned memory, reached only through the store that owns this.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

// SAFETY: the memory never moves, `byte_size` bytes from `as_ptr` are accessible, and nothing else is until
// `grow_to`, but for reading the beat.
unsafe impl LinearMemory for Mapping {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        BEAT_AT
    }

    fn grow_to(&mut self, size: usize) -> wasmtime::Result<()> {
        if size < self.size || size > BEAT_AT {
            return Err(wasmtime::Error::msg("memory cannot become that large"));
        }
        self.open(size).map_err(|error| wasmtime::Error::msg(error.to_string()))
    }

    fn as_ptr(&self) -> *mut u8 {
        self.at(0).cast()
    }
}

/// Maps the pages that were just taken of a memory where it stands, copied when they are written to: what the memory holds
/// stays the same, and from here on the system tells which of it was written.
pub(super) fn map_over(memory: &mut [u8], pages: &Pages) -> Result<()> {
    ensure!(memory.len() == pages.bytes && pages.bytes > 0, "the pages are those of another memory");
    let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the range is a guest's accessible memory, which is ours alone while it is borrowed here, and whole pages of a
    // `Mapping`; the file is sealed and holds the same bytes, so whoever reads or writes there sees no difference.
    unsafe { mmap(memory.as_mut_ptr().cast(), pages.bytes, access, flags, &pages.file, 0) }
        .context("a guest's memory cannot be mapped anew")?;
    Ok(())
}

/// Gives back what was written of a guest's memory: it holds what it was mapped from again, or zeros. It is advice, but the
/// kernel follows it for private mappings.
pub(super) fn give_back(memory: &mut [u8]) {
    #[cfg(target_os = "linux")]
    if !memory.is_empty() {
        use rustix::mm::{Advice, madvise};
        debug_assert!(memory.as_ptr().addr().is_multiple_of(GRAIN) && memory.len().is_multiple_of(GRAIN));
        // SAFETY: whole pages of a guest's accessible memory, borrowed here alone; they stay readable bytes, of a sealed
        // file or zeros.
        let done = unsafe { madvise(memory.as_mut_ptr().cast(), memory.len(), Advice::LinuxDontNeed) };
        done.expect("pages of a private mapping can always be given back");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = memory;
}

/// The next address where a huge page may begin.
pub(super) fn align_huge(address: NonZero<usize>) -> NonZero<usize> {
    let aligned = address.get().next_multiple_of(HUGE);
    NonZero::new(aligned).expect("not below an address that is not zero")
}

/// Asks for huge pages where whole ones fit. It is advice, as in [`populate`].
pub(super) fn prefer_huge(start: NonNull<c_void>, len: usize) {
    #[cfg(target_os = "linux")]
    {
        use rustix::mm::{Advice, madvise};
        // SAFETY: the size of pages changes nothing of what they hold.
        let _ = unsafe { madvise(start.as_ptr(), len, Advice::LinuxHugepage) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, len);
}

/// Has the system find the memory for these bytes in one go: a page fault for each page costs three times as much.
/// It is advice; what is not followed is made up for later.
pub(super) fn populate(bytes: &mut [u8]) {
    #[cfg(target_os = "linux")]
    {
        use rustix::mm::{Advice, madvise};
        let start = bytes.as_mut_ptr() as usize & !(GRAIN - 1);
        let len = bytes.as_ptr() as usize + bytes.len() - start;
        // SAFETY: finding memory for pages changes nothing of what they hold.
        let _ = unsafe { madvise(std::ptr::with_exposed_provenance_mut(start), len, Advice::LinuxPopulateWrite) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = bytes;
}

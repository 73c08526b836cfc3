//! Compiled code and warmed images between two starts: kept in the user's cache folder, found by what they were
//! made from, believed only with our signature (`vault.rs`). Whatever is wrong with a file, it is built anew. It must not
//! know how either is made.
use super::cell::{self, Cell, Code};
use super::engine::{CodeMemory, Engine, Loaded};
use super::guest::Guest;
use super::image::{Image, Start, populate};
use super::kit::{Kit, sealed};
use super::module::{library_range, take_apart};
use super::plain::{self, Plain, World as PlainWorld};
use super::state::GuestState;
use super::vault::{Bounds, Checked, Vault};
use super::warm::warm;
use crate::policy::Limits;
use anyhow::{Context as _, Result, ensure};
use rustix::fd::OwnedFd;
use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

/// Names the folder, or is `off`.
pub const FOLDER_VARIABLE: &str = "SKEP_CACHE_DIR";

/// Raised when the same guest would be warmed up or captured in another way.
const FORMAT: u32 = 2;

/// Files kept, some of each version, and their bytes.
pub(super) const BOUNDS: Bounds = Bounds { files: 48, bytes: u64::MAX };

/// Bytes read and checked at a time.
const STEP: usize = 512 << 10;

/// Name of a file in memory, as `/proc` shows it.
const CODE_FILE: &str = "skep-code";

/// What is said, once, before the engine is compiled.
pub const COMPILING: &str = "compiling the guest for this machine (once)";

/// Where compiled code and images are kept; none: nowhere.
#[derive(Clone, Debug)]
pub struct CacheFolder(pub Option<PathBuf>);

impl CacheFolder {
    /// As the environment says: `SKEP_CACHE_DIR` (`off` for none), else the user's cache folder.
    pub fn from_environment() -> CacheFolder {
        CacheFolder::choose(|name| std::env::var_os(name))
    }

    fn choose(variable: impl Fn(&str) -> Option<OsString>) -> CacheFolder {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(folder) = set(FOLDER_VARIABLE) {
            return CacheFolder((folder != "off").then(|| PathBuf::from(folder)));
        }
        let below_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
        let absolute = |path: &PathBuf| path.is_absolute();
        let xdg = set("XDG_CACHE_HOME").map(PathBuf::from).filter(absolute);
        let home = || set("HOME").map(|home| PathBuf::from(home).join(below_home)).filter(absolute);
        CacheFolder(xdg.or_else(home).map(|folder| folder.join("skep")))
    }
}

/// A guest's Wasm file, and what tells it from others.
#[derive(Clone, Copy, Debug)]
pub struct GuestFile<'a> {
    wasm: &'a [u8],
    digests: Digests,
}

/// BLAKE3 of a file without its library, and of the library alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    pub code: [u8; 32],
    pub library: [u8; 32],
}

impl Digests {
    /// Digests of a file. A third of a millisecond a megabyte: for a file that is part of the program they
    /// can be taken when it is built, see [`GuestFile::built_in`].
    pub fn of(wasm: &[u8]) -> Digests {
        let library = library_range(wasm).unwrap_or(wasm.len()..wasm.len());
        let mut code = blake3::Hasher::new();
        code.update(&wasm[..library.start]).update(&wasm[library.end..]);
        Digests { code: *code.finalize().as_bytes(), library: *blake3::hash(&wasm[library]).as_bytes() }
    }
}

impl<'a> From<&'a [u8]> for GuestFile<'a> {
    fn from(wasm: &'a [u8]) -> GuestFile<'a> {
        GuestFile { wasm, digests: Digests::of(wasm) }
    }
}

impl<'a> From<&'a Vec<u8>> for GuestFile<'a> {
    fn from(wasm: &'a Vec<u8>) -> GuestFile<'a> {
        GuestFile::from(wasm.as_slice())
    }
}

impl<'a> GuestFile<'a> {
    /// A file whose digests were taken when this program was built. Wrong ones find another guest's files: both must come
    /// from the same build step, and a test compares them.
    pub const fn built_in(wasm: &'a [u8], digests: Digests) -> GuestFile<'a> {
        GuestFile { wasm, digests }
    }

    pub fn digests(&self) -> Digests {
        self.digests
    }
}

/// Names of the two files that belong to a guest.
struct Names {
    code: String,
    image: String,
}

impl Names {
    /// From everything that decides what they hold.
    fn new(engine: &Engine, digests: &Digests) -> Names {
        let mut hasher = blake3::Hasher::new_derive_key("skep cache name v1");
        let fingerprint = engine.fingerprint();
        hasher.update(&FORMAT.to_le_bytes());
        hasher.update(&(fingerprint.len() as u64).to_le_bytes());
        hasher.update(&fingerprint);
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
        hasher.update(&digests.code);
        let code = format!("{}.code", hasher.finalize().to_hex());
        hasher.update(&digests.library);
        Names { code, image: format!("{}.image", hasher.finalize().to_hex()) }
    }
}

/// A cell for this guest: from the cache, or compiled and warmed up (and kept). `progress` is told when
/// something takes long.
///
/// # Errors
/// When the guest is refused (see `module.rs`), cannot be compiled, or fails to warm up. Never because of the cache.
pub fn load_or_build<'a>(
    engine: &Engine,
    file: impl Into<GuestFile<'a>>,
    folder: &CacheFolder,
    progress: impl FnMut(&str),
) -> Result<Cell> {
    let shelf = Shelf::new(engine, file.into(), folder);
    let code = shelf.code();
    if let Some(code) = &code
        && let Some(image) = shelf.image(Image::read_from)
    {
        return Ok(Cell::new(engine, code.clone(), image));
    }
    shelf.build(code, progress)
}

/// The only guest of a process. As [`load_or_build`] and [`Cell::spawn`], but the image is read straight into the
/// guest's memory: measured, a start costs 1.5 ms less.
///
/// # Errors
/// Those of both.
pub fn spawn<'a>(
    engine: &Engine,
    file: impl Into<GuestFile<'a>>,
    folder: &CacheFolder,
    progress: impl FnMut(&str),
    state: GuestState,
) -> Result<Guest> {
    let shelf = Shelf::new(engine, file.into(), folder);
    let code = shelf.code();
    if let Some(code) = &code
        && let Some(start) = shelf.image(Start::read_from)
    {
        return cell::spawn(engine, code, start, state).map_err(|failed| failed.1);
    }
    shelf.build(code, progress)?.spawn(state)
}

/// Whether this guest need be neither compiled nor warmed up.
pub fn is_kept<'a>(engine: &Engine, file: impl Into<GuestFile<'a>>, folder: &CacheFolder) -> bool {
    let shelf = Shelf::new(engine, file.into(), folder);
    shelf.vault.as_ref().is_some_and(|vault| vault.has(&shelf.names.code) && vault.has(&shelf.names.image))
}

/// A plain program, from the cache or compiled, with all that it is given.
///
/// # Errors
/// When the module is refused or cannot be compiled, or what is named in its world cannot be opened.
pub fn plain<'a>(
    engine: &Engine,
    file: impl Into<GuestFile<'a>>,
    folder: &CacheFolder,
    mut progress: impl FnMut(&str),
    (world, limits): (&PlainWorld, &Limits),
) -> Result<Plain> {
    let shelf = Shelf::new(engine, file.into(), folder);
    let loaded = match shelf.loaded() {
        Some(loaded) => loaded,
        None => {
            plain::check(shelf.wasm)?;
            progress(COMPILING);
            shelf.compile(shelf.wasm)?
        }
    };
    Plain::new(engine, loaded, world, limits)
}

/// Whether this plain program need not be compiled.
pub fn is_plain_kept<'a>(engine: &Engine, file: impl Into<GuestFile<'a>>, folder: &CacheFolder) -> bool {
    let shelf = Shelf::new(engine, file.into(), folder);
    shelf.vault.as_ref().is_some_and(|vault| vault.has(&shelf.names.code))
}

/// What child processes are given: the same guest as [`spawn`] starts, as files in memory.
///
/// # Errors
/// Those of [`load_or_build`].
pub fn kit<'a>(
    engine: &Engine,
    file: impl Into<GuestFile<'a>>,
    folder: &CacheFolder,
    mut progress: impl FnMut(&str),
) -> Result<Kit> {
    let shelf = Shelf::new(engine, file.into(), folder);
    if let (Some(code), Some(image)) = (shelf.code_file(), shelf.image(Image::read_from)) {
        return Ok(Kit::new(code, image));
    }
    let parts = take_apart(shelf.wasm)?;
    progress(COMPILING);
    let compiled = engine.compile(&parts.base)?;
    let code = sealed(CODE_FILE, |out| Ok(out.write_all(&compiled)?))?;
    let memory = CodeMemory::of_file(&code)?;
    let ready = Arc::new(Code::new(engine, engine.load_trusted(memory)?)?);
    Ok(Kit::new(code, warm(engine, ready, &parts, shelf.wasm)?))
}

/// One guest's two places in the cache.
struct Shelf<'a> {
    engine: &'a Engine,
    wasm: &'a [u8],
    names: Names,
    vault: Option<Vault>,
}

impl<'a> Shelf<'a> {
    fn new(engine: &'a Engine, file: GuestFile<'a>, folder: &CacheFolder) -> Shelf<'a> {
        // A folder that cannot be trusted is not used; that costs time, not correctness.
        let vault = folder.0.as_ref().and_then(|path| Vault::open(path, BOUNDS).ok());
        Shelf { engine, wasm: file.wasm, names: Names::new(engine, &file.digests), vault }
    }

    fn loaded(&self) -> Option<Loaded> {
        let memory = self.vault.as_ref()?.read(&self.names.code, read_code).ok()?;
        self.engine.load_trusted(memory).ok()
    }

    fn code(&self) -> Option<Arc<Code>> {
        Code::new(self.engine, self.loaded()?).ok().map(Arc::new)
    }

    /// Compiles, and keeps what comes of it.
    fn compile(&self, base: &[u8]) -> Result<Loaded> {
        let compiled = self.engine.compile(base)?;
        keep(self.vault.as_ref(), &self.names.code, |out| Ok(out.write_all(&compiled)?));
        let mut memory = CodeMemory::new(compiled.len())?;
        memory.bytes_mut().copy_from_slice(&compiled);
        self.engine.load_trusted(memory)
    }

    /// Checked as it is copied; what is not ours is never mapped.
    fn code_file(&self) -> Option<OwnedFd> {
        let copy = |code: &mut Checked| {
            sealed(CODE_FILE, |out| {
                let mut buffer = vec![0; STEP];
                while code.left() > 0 {
                    let count = code.read(&mut buffer)?;
                    ensure!(count > 0, "the code is cut short");
                    out.write_all(&buffer[..count])?;
                }
                Ok(())
            })
        };
        self.vault.as_ref()?.read(&self.names.code, copy).ok()
    }

    fn image<T>(&self, read: impl FnOnce(&mut Checked) -> Result<T>) -> Option<T> {
        self.vault.as_ref()?.read(&self.names.image, read).ok()
    }

    fn build(&self, code: Option<Arc<Code>>, mut progress: impl FnMut(&str)) -> Result<Cell> {
        let parts = take_apart(self.wasm)?;
        let code = match code {
            Some(code) => code,
            None => {
                progress(COMPILING);
                Arc::new(Code::new(self.engine, self.compile(&parts.base)?)?)
            }
        };
        let image = warm(self.engine, code.clone(), &parts, self.wasm)?;
        keep(self.vault.as_ref(), &self.names.image, |mut out| image.write_to(&mut out));
        Ok(Cell::new(self.engine, code, image))
    }
}

/// A full disk is no reason not to run.
fn keep(vault: Option<&Vault>, name: &str, write: impl Fn(&mut dyn std::io::Write) -> Result<()>) {
    if let Some(vault) = vault {
        let _ = vault.write(name, write);
    }
}

/// Straight into the memory that it will run from, in steps that stay in the CPU's cache between reading and checking.
fn read_code(code: &mut Checked) -> Result<CodeMemory> {
    let mut memory = CodeMemory::new(usize::try_from(code.left())?)?;
    for step in memory.bytes_mut().chunks_mut(STEP) {
        populate(step);
        code.read_exact(step).context("the code cannot be read")?;
    }
    Ok(memory)
}

//! Snapshots that outlive their process: a file each, in a folder that is this user's alone, believed only with our code over it (the
//! [`Vault`]). A file is of one tenant, and holds for the very same host, engine and image that it was taken of; whether it
//! still holds for the tenant the snapshot itself tells. Reading and writing are work for threads. It must not know when a snapshot
//! is taken, nor whose name means what.
//!
//! A file is u32 bytes of the head, the head (postcard), and the layer as it stands in memory.
use super::cache::Digests;
use super::cell::Cell;
use super::engine::Engine;
use super::kit::sealed;
use super::layer::Layer;
use super::snapshot::{Known, Snapshot};
use super::vault::{Bounds, Vault};
use super::work::{Done, Lane, Work};
use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};
use skep_abi::errno::EIO;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

/// Raised when the same snapshot would be written in another way.
const FORMAT: u32 = 1;

/// Bytes of a layer that are moved at a time.
const STEP: usize = 512 << 10;

/// Where kept snapshots are, and what they are snapshots of.
#[derive(Clone)]
pub struct Keepsakes {
    vault: Arc<Vault>,
    /// A code of host, engine, code and image.
    of: [u8; 32],
    /// Bytes of one.
    most: u64,
}

/// One tenant's place there.
#[derive(Clone)]
pub struct Keepsake {
    all: Keepsakes,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Head {
    of: [u8; 32],
    /// Of the image.
    image: Vec<u8>,
    known: Known,
    /// What whoever keeps it wants kept with it.
    beside: Vec<u8>,
}

impl Keepsakes {
    /// Those of guests of this cell, in this folder, which is made: so many, of so many bytes together, and of each.
    ///
    /// # Errors
    /// When the folder is not ours alone, or something of the host cannot be read.
    pub fn open(
        folder: &Path,
        engine: &Engine,
        digests: Digests,
        cell: &Cell,
        (files, bytes, most): (usize, u64, u64),
    ) -> Result<Keepsakes> {
        // Each may have a seal beside it.
        let vault = Vault::open(folder, Bounds { files: files * 2, bytes })?;
        let mut hasher = blake3::Hasher::new_derive_key("skep snapshot of v1");
        let fingerprint = engine.fingerprint();
        hasher.update(&FORMAT.to_le_bytes()).update(&(fingerprint.len() as u64).to_le_bytes()).update(&fingerprint);
        hasher.update(&digests.code).update(&digests.library).update(cell.image().code()?.as_bytes());
        hasher.update(&build()?);
        Ok(Keepsakes { vault: Arc::new(vault), of: *hasher.finalize().as_bytes(), most })
    }

    /// The place of whoever these words tell from all others.
    pub fn of(&self, words: &[&[u8]]) -> Keepsake {
        let mut hasher = blake3::Hasher::new_derive_key("skep snapshot name v1");
        for word in words {
            hasher.update(&(word.len() as u64).to_le_bytes()).update(word);
        }
        Keepsake { all: self.clone(), name: format!("{}.snapshot", hasher.finalize().to_hex()) }
    }
}

impl PartialEq for Keepsake {
    /// The same place.
    fn eq(&self, other: &Keepsake) -> bool {
        self.name == other.name
    }
}

/// Of the program that runs, also when another file has taken its name since.
#[cfg(target_os = "linux")]
const PROGRAM: &str = "/proc/self/exe";

/// What tells this host from another one, or another build of it.
fn build() -> Result<[u8; 32]> {
    #[cfg(target_os = "linux")]
    let file = std::fs::File::open(PROGRAM);
    #[cfg(not(target_os = "linux"))]
    let file = std::env::current_exe().and_then(std::fs::File::open);
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file.context("the program's own file")?)?;
    Ok(*hasher.finalize().as_bytes())
}

impl Keepsake {
    /// What a thread has to do to keep a snapshot, and with it these bytes.
    ///
    /// # Errors
    /// When it is no layer over what all guests begin from: then it has more of its own than that is worth.
    pub fn keeping(&self, snapshot: &Snapshot, beside: Vec<u8>) -> Result<Work> {
        let image = snapshot.cell.image();
        let layer = image.layer.clone().filter(|_| image.is_over(&snapshot.base));
        let layer = layer.context("most of its memory is its own")?;
        let head = Head { of: self.all.of, image: image.head(), known: snapshot.known.clone(), beside };
        let this = self.clone();
        Ok(self.work(move || this.keep(&head, &layer).map(|()| Done::Number(1))))
    }

    fn keep(&self, head: &Head, layer: &Layer) -> Result<()> {
        let head = postcard::to_allocvec(head).context("its head cannot be written")?;
        let size = layer.size()?;
        ensure!((head.len() as u64).saturating_add(size) <= self.all.most, "it has more bytes than may be kept");
        self.all.vault.write(&self.name, |out| {
            out.write_all(&u32::try_from(head.len())?.to_le_bytes())?;
            out.write_all(&head)?;
            let mut buffer = vec![0; STEP];
            for at in (0..size).step_by(STEP) {
                let piece = &mut buffer[..STEP.min((size - at) as usize)];
                super::layer::read_at(layer.file(), at, piece)?;
                out.write_all(piece)?;
            }
            Ok(())
        })
    }

    /// What a thread has to do to find it: the file's bytes, or 0 when there is none.
    pub fn reading(&self) -> Work {
        let this = self.clone();
        self.work(move || {
            if !this.all.vault.has(&this.name) {
                return Ok(Done::Number(0));
            }
            let most = this.all.most;
            let bytes = this.all.vault.read(&this.name, |file| {
                ensure!(file.left() <= most, "it has more bytes than may be kept");
                let mut bytes = vec![0; usize::try_from(file.left())?];
                file.read_exact(&mut bytes)?;
                Ok(bytes)
            })?;
            Ok(Done::Bytes(bytes))
        })
    }

    /// What a thread has to do that there is none.
    pub fn forgetting(&self) -> Work {
        let this = self.clone();
        self.work(move || {
            this.all.vault.remove(&this.name);
            Ok(Done::Number(0))
        })
    }

    fn work(&self, run: impl FnOnce() -> Result<Done> + Send + 'static) -> Work {
        let guarded = move || run().unwrap_or_else(|why| Done::Failed { errno: EIO, why: format!("{why:#}") });
        Work::new(Lane::Quick, guarded)
    }

    /// The snapshot that a file held, and what was kept with it.
    ///
    /// # Errors
    /// When it was taken by another host, or of another engine or image.
    pub fn snapshot(&self, bytes: &[u8], cell: &Cell) -> Result<(Snapshot, Vec<u8>)> {
        let cut = || "it is cut short";
        let (size, rest) = bytes.split_first_chunk::<4>().with_context(cut)?;
        let (head, layer) = rest.split_at_checked(u32::from_le_bytes(*size) as usize).with_context(cut)?;
        // Before all else is read: another build may have written it in another way.
        ensure!(head.starts_with(&self.all.of), "it is of another build of this program, or of its engine");
        let Head { image, known, beside, .. } = postcard::from_bytes(head).context("its head makes no sense")?;
        let base = cell.image().pages.clone();
        let file = sealed("skep-layer", |out| Ok(out.write_all(layer)?))?;
        let image = super::image::Image::over(&base, Layer::from_file(file, base.bytes)?, &image)?;
        Ok((Snapshot { cell: cell.with_image(image), base, known }, beside))
    }
}

//! A kit: compiled code and an image as two sealed files in memory. One process hands it to another of the same program,
//! which maps both and has a guest without reading, checking or copying anything; the pages are shared. With a
//! running guest's own image it is a clone of that guest. It must not know how descriptors travel, nor vouch for them:
//! who takes a kit must know by other means (the channel to its parent) that it comes from this program.
use super::cell::{Cell, Code};
use super::engine::{CodeMemory, Engine};
use super::image::{Image, memory_file, seal, write_at};
use anyhow::{Context as _, Result};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::io::Write;
use std::sync::Arc;

/// Code and an image, ready to travel. Cloning shares both.
#[derive(Clone, Debug)]
pub struct Kit {
    code: Arc<OwnedFd>,
    image: Image,
}

impl Kit {
    pub(super) fn new(code: OwnedFd, image: Image) -> Kit {
        Kit { code: Arc::new(code), image }
    }

    /// What another process sent: its files, and what [`Kit::head`] gave.
    ///
    /// # Errors
    /// When a file can still be changed, or the head does not fit it.
    pub fn from_parts(code: OwnedFd, image: OwnedFd, layer: Option<OwnedFd>, head: &[u8]) -> Result<Kit> {
        Ok(Kit { code: Arc::new(code), image: Image::from_files(image, layer, head)? })
    }

    /// The same code with another image: a clone of whoever the image was taken of.
    pub fn with_image(&self, image: Image) -> Kit {
        Kit { code: self.code.clone(), image }
    }

    /// What its guests start from.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// The same code with an image that another process sent, and what [`Kit::head`] gave there.
    ///
    /// # Errors
    /// When the file can still be changed, or the head does not fit it.
    pub fn with_image_files(&self, image: OwnedFd, layer: Option<OwnedFd>, head: &[u8]) -> Result<Kit> {
        Ok(self.with_image(Image::from_files(image, layer, head)?))
    }

    /// The file with the compiled code.
    pub fn code_file(&self) -> BorrowedFd<'_> {
        self.code.as_fd()
    }

    /// The file with the image's pages.
    pub fn image_file(&self) -> BorrowedFd<'_> {
        self.image.file()
    }

    /// The file with the layer over them, if the image has one.
    pub fn layer_file(&self) -> Option<BorrowedFd<'_>> {
        self.image.layer_file()
    }

    /// What else there is to an image: to be sent along.
    pub fn head(&self) -> Vec<u8> {
        self.image.head()
    }

    /// Maps the code and makes it ready to run.
    ///
    /// # Errors
    /// When the code was compiled by another engine, or the system has no address space.
    pub fn cell(&self, engine: &Engine) -> Result<Cell> {
        let memory = CodeMemory::of_file(&*self.code)?;
        let code = Code::new(engine, engine.load_trusted(memory)?)?;
        Ok(Cell::new(engine, Arc::new(code), self.image.clone()))
    }
}

/// A sealed file in memory of what `write` gives.
pub(super) fn sealed(name: &str, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<OwnedFd> {
    struct At(OwnedFd, u64);
    impl Write for At {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            write_at(&self.0, self.1, bytes).map_err(std::io::Error::other)?;
            self.1 += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut out = At(memory_file(name)?, 0);
    write(&mut out).context("a file in memory cannot be filled")?;
    seal(&out.0)?;
    Ok(out.0)
}

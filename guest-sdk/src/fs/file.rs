//! Open files: how they are opened, read and written, by position or part by part. It must not know folders.
use super::ask::Ask;
use super::{look, Metadata};
use crate::raw::{self, Handle};
use crate::source::{Event, Source};
use crate::{Error, Result};
use skep_abi::{errno, file_op as op};
use std::cell::RefCell;
use std::rc::Rc;

/// Makes the file, or empties it, and writes all of this.
///
/// # Errors
/// As [`read`](super::read()).
pub fn write(path: &str, bytes: impl Into<Vec<u8>>, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
    let bytes = Rc::new(bytes.into());
    OpenOptions::new().write(true).create(true).truncate(true).open(path, move |file| match file {
        Ok(file) => write_on(Rc::new(file), bytes, 0, Box::new(call)),
        Err(error) => call(Err(error)),
    })
}

type OnWritten = Box<dyn FnOnce(Result<()>)>;

/// Bytes that are handed to the host at a time.
const PIECE: usize = 1 << 20;

fn write_on(file: Rc<File>, bytes: Rc<Vec<u8>>, from: usize, call: OnWritten) {
    // One of the two is told: what is refused at once, or what is over.
    let call = Rc::new(RefCell::new(Some(call)));
    let (own, rest, told) = (file.clone(), bytes.clone(), call.clone());
    let end = bytes.len().min(from + PIECE);
    let begun = file.write(&bytes[from..end], None, move |done| {
        let call = told.borrow_mut().take();
        match (call, done) {
            (Some(call), Ok(count)) if count > 0 && from + count < rest.len() => {
                write_on(own, rest, from + count, call)
            }
            // What is left would be lost without a word.
            (Some(call), Ok(count)) if from + count < rest.len() => call(Err(Error::from_errno(errno::EIO))),
            (Some(call), done) => call(done.map(drop)),
            (None, _) => {}
        }
    });
    let call = if begun.is_err() { call.borrow_mut().take() } else { None };
    if let (Some(call), Err(error)) = (call, begun) {
        call(Err(error));
    }
}

/// A file part by part, to its end: the next is read when the one before has been dealt with.
///
/// # Errors
/// As [`read`](super::read()).
pub fn stream(path: &str, mut call: impl FnMut(Event<'_>) + 'static) -> Result<()> {
    OpenOptions::new().read(true).open(path, move |file| match file {
        Ok(file) => {
            let handle = file.handle;
            let told = Rc::new(RefCell::new(call));
            let own = told.clone();
            // The file lives as long as who is told.
            let begun = Source::read(Ask::of(op::READ, handle), move |event| {
                let _open = &file;
                (own.borrow_mut())(event)
            });
            if let Err(error) = begun {
                (told.borrow_mut())(Event::Failed(error));
            }
        }
        Err(error) => call(Event::Failed(error)),
    })
}

/// How a file is opened, as in `std::fs`.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    flags: u32,
}

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident = $bit:expr;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub fn $name(mut self, on: bool) -> OpenOptions {
            self.flags = if on { self.flags | $bit } else { self.flags & !$bit };
            self
        })*
    };
}

impl OpenOptions {
    /// Nothing is chosen.
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    /// It can be read.
    #[must_use]
    pub fn read(self, on: bool) -> OpenOptions {
        OpenOptions { read: on, ..self }
    }

    /// It can be written.
    #[must_use]
    pub fn write(self, on: bool) -> OpenOptions {
        OpenOptions { write: on, ..self }
    }

    choices! {
        /// Made if it is not there.
        create = 0o100;
        /// Made; one that is there is `EEXIST`.
        create_new = 0o300;
        /// Emptied.
        truncate = 0o1000;
        /// What is written goes to the end.
        append = 0o2000;
    }

    /// Opens it.
    ///
    /// # Errors
    /// As [`read`](super::read()).
    pub fn open(self, path: &str, call: impl FnOnce(Result<File>) + 'static) -> Result<()> {
        let writes = self.write || self.flags & 0o2000 != 0;
        let access = match (self.read, writes) {
            (true, true) => 2,
            (false, true) => 1,
            (true, false) => 0,
            (false, false) => return Err(Error::from_errno(errno::EINVAL)),
        };
        let ask = Ask { flags: self.flags | access, mode: 0o666, ..Ask::at(op::OPEN, path) };
        ask.queue(b"", move |done| call(done.map(|done| File { handle: done.handle() })))
    }
}

/// An open file; dropping it closes it. What is under way on it goes on.
#[derive(Debug)]
pub struct File {
    handle: Handle,
}

impl File {
    /// At most so many bytes, from there or from the file's own position; none at its end.
    ///
    /// # Errors
    /// As [`read`](super::read()), and `EINVAL` for more than one call may have.
    pub fn read(&self, len: usize, at: Option<u64>, call: impl FnOnce(Result<Vec<u8>>) + 'static) -> Result<()> {
        let ask = Ask { a: position(at), b: i64::try_from(len).unwrap_or(i64::MAX), ..Ask::of(op::READ, self.handle) };
        ask.queue(b"", move |done| call(done.map(|done| done.bytes())))
    }

    /// Writes there, or at the file's own position; tells how many bytes.
    ///
    /// # Errors
    /// As [`read`](super::read()), and `EMSGSIZE` for more than one call may have.
    pub fn write(
        &self,
        bytes: impl AsRef<[u8]>,
        at: Option<u64>,
        call: impl FnOnce(Result<usize>) + 'static,
    ) -> Result<()> {
        let ask = Ask { a: position(at), ..Ask::of(op::WRITE, self.handle) };
        ask.queue(bytes.as_ref(), move |done| call(done.map(|done| done.value as usize)))
    }

    /// What is known of it.
    ///
    /// # Errors
    /// As [`read`](super::read()).
    pub fn metadata(&self, call: impl FnOnce(Result<Metadata>) + 'static) -> Result<()> {
        look(Ask::of(op::FSTAT, self.handle), call)
    }

    /// Sets its length.
    ///
    /// # Errors
    /// As [`read`](super::read()).
    pub fn set_len(&self, len: u64, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
        Ask { a: position(Some(len)), ..Ask::of(op::TRUNCATE, self.handle) }.just(call)
    }

    /// Waits until all of it is on the disk.
    ///
    /// # Errors
    /// As [`read`](super::read()).
    pub fn sync_all(&self, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
        Ask::of(op::SYNC, self.handle).just(call)
    }
}

/// Beyond what a file can have it is the end of what it can.
fn position(at: Option<u64>) -> i64 {
    at.map_or(-1, |at| i64::try_from(at).unwrap_or(i64::MAX))
}

impl Drop for File {
    fn drop(&mut self) {
        let _gone = raw::close(self.handle);
    }
}

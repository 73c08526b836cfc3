//! Files and folders, under the grants to read and to write them. Names are those of `std::fs`; everything is done off the
//! loop, and told when it is over. It must not know how the host reaches a file.
//!
//! A path that is not absolute is one within the folder that the guest works in. What is not granted is `EACCES`, with
//! the flag that would grant it; what is done to a file that was opened is not asked about again.
//!
//! ```no_run
//! use skep_guest::{fs, println, task};
//!
//! fn main() {
//!     task::spawn(async {
//!         match task::wait(|then| fs::read("notes.txt", then)).await {
//!             Ok(bytes) => println!("{} bytes", bytes.len()),
//!             Err(error) => println!("{}", error), // ENOENT: no such file or directory
//!         }
//!     });
//! }
//! skep_guest::start!(main);
//! ```
mod ask;
mod file;
mod watch;

pub(crate) use ask::Ask;
pub use file::{stream, write, File, OpenOptions};
pub(crate) use watch::Watching;
pub use watch::{watch, Change, Watch};

pub use crate::source::Event;

use crate::events::{u16_at, u64_at};
use crate::Result;
use skep_abi::file_op as op;
use std::time::Duration;

/// A whole file.
///
/// # Errors
/// `EAGAIN` when too many operations are under way; so with all that is here. Everything else is told to `call`.
pub fn read(path: &str, call: impl FnOnce(Result<Vec<u8>>) + 'static) -> Result<()> {
    Ask::at(op::READ_FILE, path).queue(b"", move |done| call(done.map(|done| done.bytes())))
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A socket, FIFO or device, or what the system does not tell.
    Other,
}

/// What is known of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Bytes.
    pub len: u64,
    /// Permissions, as in octal `644`.
    pub mode: u32,
    /// Last change of its contents, since 1970.
    pub modified: Duration,
    /// Its number within its file system.
    pub inode: u64,
    /// Names that it has.
    pub links: u64,
}

impl Metadata {
    /// From a FileStat record.
    fn of(record: &[u8]) -> Metadata {
        let number = |place: usize| u64_at(record, place * 8);
        let mode = number(1) as u32;
        let kind = match mode & 0o170_000 {
            0o100_000 => Kind::File,
            0o040_000 => Kind::Folder,
            0o120_000 => Kind::Link,
            _ => Kind::Other,
        };
        // What is older than that has no number here.
        let (seconds, nanos) = (number(12), number(13).min(999_999_999) as u32);
        let modified = if seconds > i64::MAX as u64 { Duration::ZERO } else { Duration::new(seconds, nanos) };
        Metadata { kind, len: number(8), mode: mode & 0o7777, modified, inode: number(7), links: number(2) }
    }
}

fn look(ask: Ask, call: impl FnOnce(Result<Metadata>) + 'static) -> Result<()> {
    ask.queue(b"", move |done| call(done.map(|done| Metadata::of(&done.bytes()))))
}

/// What the path leads to.
///
/// # Errors
/// As [`read`].
pub fn metadata(path: &str, call: impl FnOnce(Result<Metadata>) + 'static) -> Result<()> {
    look(Ask::at(op::STAT, path), call)
}

/// The same of a link itself.
///
/// # Errors
/// As [`read`].
pub fn symlink_metadata(path: &str, call: impl FnOnce(Result<Metadata>) + 'static) -> Result<()> {
    look(Ask::at(op::LSTAT, path), call)
}

/// Names and kinds of all entries of a folder, sorted.
///
/// # Errors
/// As [`read`].
pub fn read_dir(path: &str, call: impl FnOnce(Result<Vec<(String, Kind)>>) + 'static) -> Result<()> {
    Ask::at(op::LIST, path).queue(b"", move |done| call(done.map(|done| entries(&done.bytes()))))
}

fn entries(mut bytes: &[u8]) -> Vec<(String, Kind)> {
    let mut found = Vec::new();
    while bytes.len() >= 4 {
        let kind = match bytes[0] {
            1 => Kind::File,
            2 => Kind::Folder,
            3 => Kind::Link,
            _ => Kind::Other,
        };
        let end = (4 + usize::from(u16_at(bytes, 2))).min(bytes.len());
        found.push((String::from_utf8_lossy(&bytes[4..end]).into_owned(), kind));
        bytes = &bytes[end..];
    }
    found
}

/// Makes a folder.
///
/// # Errors
/// As [`read`].
pub fn create_dir(path: &str, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
    Ask { mode: 0o777, a: 0, ..Ask::at(op::MAKE_FOLDER, path) }.just(call)
}

/// Makes a folder and those on the way to it; one that is there is no error.
///
/// # Errors
/// As [`read`].
pub fn create_dir_all(path: &str, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
    Ask { mode: 0o777, a: 0, flags: op::RECURSIVE, ..Ask::at(op::MAKE_FOLDER, path) }.just(call)
}

/// Removes what is no folder.
///
/// # Errors
/// As [`read`].
pub fn remove_file(path: &str, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
    Ask::at(op::REMOVE, path).just(call)
}

/// Removes an empty folder.
///
/// # Errors
/// As [`read`].
pub fn remove_dir(path: &str, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
    Ask::at(op::REMOVE_FOLDER, path).just(call)
}

/// Gives an entry another name, in place of what has it.
///
/// # Errors
/// As [`read`].
pub fn rename(from: &str, to: &str, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
    Ask::both(op::RENAME, from, to).just(call)
}

/// Copies a regular file.
///
/// # Errors
/// As [`read`].
pub fn copy(from: &str, to: &str, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
    Ask::both(op::COPY, from, to).just(call)
}

/// Makes `link` another name of the file.
///
/// # Errors
/// As [`read`].
pub fn hard_link(file: &str, link: &str, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
    Ask::both(op::LINK, file, link).just(call)
}

/// Makes `link` a link to the text `to`, wherever that leads.
///
/// # Errors
/// As [`read`].
pub fn symlink(to: &str, link: &str, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
    Ask { other: to.to_owned(), ..Ask::at(op::SYMLINK, link) }.just(call)
}

/// Where a link points.
///
/// # Errors
/// As [`read`].
pub fn read_link(path: &str, call: impl FnOnce(Result<String>) + 'static) -> Result<()> {
    Ask::at(op::READ_LINK, path).queue(b"", move |done| call(done.map(|done| done.text())))
}

/// The path without links and dots.
///
/// # Errors
/// As [`read`].
pub fn canonicalize(path: &str, call: impl FnOnce(Result<String>) + 'static) -> Result<()> {
    Ask::at(op::REAL_PATH, path).queue(b"", move |done| call(done.map(|done| done.text())))
}

/// Sets permissions.
///
/// # Errors
/// As [`read`].
pub fn set_mode(path: &str, mode: u32, call: impl FnOnce(Result<()>) + 'static) -> Result<()> {
    Ask { mode, ..Ask::at(op::CHANGE_MODE, path) }.just(call)
}

//! What files are asked for before they grow, and names before they are made, where that is bounded (row F05): the one place where
//! the file calls speak with the hoard. It must not know how paths are resolved, nor how much there may be.
use super::fs_open::{PATH, refusal};
use super::{Answer, Refusal, refuse};
use crate::policy::{Full, Hoard, Holder, Place};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fcntl_getfl, fstat, ftruncate, openat, statat};
use skep_abi::errno::{EDQUOT, EEXIST, EFBIG};
use std::ffi::OsStr;
use std::sync::{Arc, Weak};

/// A name in a folder.
pub(super) type Name<'a> = (&'a OwnedFd, &'a OsStr);

fn refused(full: Full) -> Refusal {
    Refusal::Errno(match full {
        Full::Bytes | Full::Entries => EDQUOT,
        Full::File => EFBIG,
    })
}

#[allow(clippy::unnecessary_cast, reason = "the fields' widths differ between systems")]
pub(super) fn id(stat: &Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}

pub(super) fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}

fn size_of(file: impl AsFd) -> Option<u64> {
    fstat(file).ok().map(|stat| stat.st_size as u64)
}

/// Writes as much of it as there is room for, by `run`, which is told how much.
pub(super) fn growing(
    hoard: Option<&Hoard>,
    file: &OwnedFd,
    at: i64,
    len: usize,
    run: impl FnOnce(usize) -> Answer<usize>,
) -> Answer<usize> {
    let Some(hoard) = hoard.filter(|_| len > 0) else { return run(len) };
    let book = hoard.book();
    let stat = fstat(file).map_err(refusal)?;
    let flags = fcntl_getfl(file).map_err(refusal)?;
    // What cannot be written is refused by the system, in its own words.
    if !is(&stat, FileType::RegularFile) || !flags.intersects(OFlags::WRONLY | OFlags::RDWR) {
        drop(book);
        return run(len);
    }
    let place = match u64::try_from(at) {
        // Linux appends wherever it is told to write.
        _ if flags.contains(OFlags::APPEND) && (at < 0 || cfg!(target_os = "linux")) => Place::End,
        Ok(at) => Place::At(at),
        Err(_) => Place::Here(rustix::fs::tell(file).map_err(refusal)?),
    };
    let stretch = book.write(id(&stat), stat.st_size as u64, place, len as u64).map_err(refused)?;
    let written = run(len.min(stretch.len as usize));
    hoard.over(stretch, || size_of(file));
    written
}

/// Makes it larger or smaller, by `run`.
pub(super) fn resizing(hoard: Option<&Hoard>, file: &OwnedFd, to: u64, run: impl FnOnce() -> Answer<()>) -> Answer<()> {
    let Some(hoard) = hoard else { return run() };
    let book = hoard.book();
    let stat = fstat(file).map_err(refusal)?;
    if !is(&stat, FileType::RegularFile) {
        drop(book);
        return run();
    }
    let stretch = book.resize(id(&stat), stat.st_size as u64, to).map_err(refused)?;
    let done = run();
    hoard.over(stretch, || size_of(file));
    done
}

pub(super) fn set_size(hoard: Option<&Hoard>, file: &OwnedFd, to: u64) -> Answer<()> {
    resizing(hoard, file, to, || ftruncate(file, to).map_err(refusal))
}

/// A file is open, and as large as it is even when it has no name any more.
pub(super) fn opened(hoard: Option<&Hoard>, file: &Arc<OwnedFd>) {
    let Some(hoard) = hoard else { return };
    let holder: Weak<OwnedFd> = Arc::downgrade(file);
    let book = hoard.book();
    if let Ok(stat) = fstat(file)
        && is(&stat, FileType::RegularFile)
    {
        book.opened(id(&stat), stat.st_size as u64, holder as Holder);
    }
}

/// Runs what may make a file where there is none.
pub(super) fn entering<T>(hoard: Option<&Hoard>, is_new: bool, run: impl FnOnce() -> Answer<T>) -> Answer<T> {
    let Some(hoard) = hoard.filter(|_| is_new) else { return run() };
    hoard.enter().map_err(refused)?;
    run().inspect_err(|_| hoard.leave())
}

/// Runs what makes this name, which is to be none yet.
pub(super) fn adding(hoard: Option<&Hoard>, (folder, name): Name<'_>, run: impl FnOnce() -> Answer<()>) -> Answer<()> {
    match entering(hoard, true, run) {
        Err(Refusal::Errno(EDQUOT)) if statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() => refuse(EEXIST),
        done => done,
    }
}

/// The same of a name for a file that has one.
pub(super) fn linking(
    hoard: Option<&Hoard>,
    from: Name<'_>,
    to: Name<'_>,
    run: impl FnOnce() -> Answer<()>,
) -> Answer<()> {
    if let (Some(hoard), Some(file)) = (hoard, held(from)) {
        hoard.moves(size_of(&file).unwrap_or(0), 0);
    }
    adding(hoard, to, run)
}

/// What the name stands for, held so that it can be looked at when the name is gone.
fn held((folder, name): Name<'_>) -> Option<OwnedFd> {
    let flags = PATH | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty()).ok()
}

/// Runs what removes this name.
pub(super) fn removing(hoard: Option<&Hoard>, name: Name<'_>, run: impl FnOnce() -> Answer<()>) -> Answer<()> {
    let Some(hoard) = hoard else { return run() };
    let names = hoard.names();
    let what = held(name);
    run()?;
    hoard.leave();
    what.iter().for_each(|what| gone(hoard, what.as_fd()));
    drop(names);
    // Only here its blocks are given back, which can take long.
    drop(what);
    Ok(())
}

/// Runs what gives a file or folder another name, where there may be something already.
pub(super) fn moving(
    hoard: Option<&Hoard>,
    from: Name<'_>,
    to: Name<'_>,
    run: impl FnOnce() -> Answer<()>,
) -> Answer<()> {
    let Some(hoard) = hoard else { return run() };
    let names = hoard.names();
    let (from, to) = (held(from), held(to));
    let stat_of = |file: &Option<OwnedFd>| file.as_ref().and_then(|file| fstat(file).ok());
    let (what, over) = (stat_of(&from), stat_of(&to));
    match &what {
        Some(stat) if is(stat, FileType::Directory) => hoard.moves_folder(),
        Some(stat) => hoard.moves(if is(stat, FileType::RegularFile) { stat.st_size as u64 } else { 0 }, 1),
        None => {}
    }
    run()?;
    let same = what.map(|stat| id(&stat)) == over.map(|stat| id(&stat));
    if let (Some(to), false) = (&to, same) {
        hoard.leave();
        gone(hoard, to.as_fd());
    }
    drop(names);
    Ok(())
}

/// It has lost a name; perhaps its last.
fn gone(hoard: &Hoard, file: BorrowedFd<'_>) {
    let book = hoard.book();
    if let Ok(stat) = fstat(file)
        && is(&stat, FileType::RegularFile)
        && stat.st_nlink == 0
    {
        book.lost(id(&stat), stat.st_size as u64);
    }
}

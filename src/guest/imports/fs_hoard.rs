//! What files are asked for before they grow, and names before they are made, where that is bounded (row F05): the one place where
//! the file calls speak with the hoard. It must not know how paths are resolved, nor how much there may be.
use super::fs_open::{PATH, is_at_once, refusal};
use super::{Answer, Refusal, refuse};
use crate::policy::{Full, Hoard, Holder, Place, Stuff};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fcntl_getfl, fstat, ftruncate, openat, statat};
use skep_abi::errno::{EAGAIN, EDQUOT, EEXIST, EFBIG};
use std::ffi::OsStr;
use std::sync::{Arc, MutexGuard, Weak};

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

/// What a thread may hold while it waits for a disk is not waited for where nothing may be.
fn locked<T>(waits: impl FnOnce() -> T, now: impl FnOnce() -> Option<T>) -> Answer<T> {
    if is_at_once() { now().ok_or(Refusal::Errno(EAGAIN)) } else { Ok(waits()) }
}

/// No name comes or goes while this is held.
pub(super) fn names(hoard: Option<&Hoard>) -> Answer<Option<MutexGuard<'_, ()>>> {
    hoard.map(|hoard| locked(|| hoard.names(), || hoard.try_names())).transpose()
}

/// Held by who reads or writes where a descriptor stands (`at` is below zero), if both can be done with it: a reading would move it
/// between the question whether there is room and the writing.
pub(super) fn position<'a>(hoard: Option<&'a Hoard>, file: &OwnedFd, at: i64) -> Answer<Option<MutexGuard<'a, ()>>> {
    let Some(hoard) = hoard.filter(|_| at < 0) else { return Ok(None) };
    if !fcntl_getfl(file).map_err(refusal)?.contains(OFlags::RDWR) {
        return Ok(None);
    }
    locked(|| hoard.position(), || hoard.try_position()).map(Some)
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
    let _stands = position(Some(hoard), file, at)?;
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
pub(super) fn opened(hoard: Option<&Hoard>, file: &Arc<OwnedFd>) -> Answer<()> {
    let Some(hoard) = hoard else { return Ok(()) };
    let holder: Weak<OwnedFd> = Arc::downgrade(file);
    let book = locked(|| hoard.book(), || hoard.try_book())?;
    if let Ok(stat) = fstat(file)
        && is(&stat, FileType::RegularFile)
    {
        book.opened(id(&stat), stat.st_size as u64, holder as Holder);
    }
    Ok(())
}

/// Runs what may make a file where there is none.
pub(super) fn entering<T>(hoard: Option<&Hoard>, is_new: bool, run: impl FnOnce() -> Answer<T>) -> Answer<T> {
    let Some(hoard) = hoard.filter(|_| is_new) else { return run() };
    let walks = hoard.walks();
    hoard.enter().map_err(refused)?;
    let done = run();
    // Before it is given back: a walk that began meanwhile may know nothing of it.
    hoard.landed(walks, Stuff::Entries, 1);
    done.inspect_err(|_| hoard.leave())
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
    let Some(hoard) = hoard else { return run() };
    let moving = held(from).map(|file| hoard.moves(size_of(&file).unwrap_or(0), 0));
    adding(Some(hoard), to, run)?;
    moving.into_iter().for_each(|moving| hoard.moved(moving));
    Ok(())
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
    let (what, walks) = (held(name), hoard.walks());
    run()?;
    hoard.leave();
    what.iter().for_each(|what| gone(hoard, what.as_fd(), walks));
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
    let (what, over, walks) = (stat_of(&from), stat_of(&to), hoard.walks());
    let moving = what.as_ref().map(|stat| match is(stat, FileType::Directory) {
        true => hoard.moves_folder(),
        false => hoard.moves(if is(stat, FileType::RegularFile) { stat.st_size as u64 } else { 0 }, 1),
    });
    run()?;
    moving.into_iter().for_each(|moving| hoard.moved(moving));
    let same = what.map(|stat| id(&stat)) == over.map(|stat| id(&stat));
    if let (Some(to), false) = (&to, same) {
        hoard.leave();
        gone(hoard, to.as_fd(), walks);
    }
    drop(names);
    Ok(())
}

/// It has lost a name since so many walks; perhaps its last.
fn gone(hoard: &Hoard, file: BorrowedFd<'_>, walks: u64) {
    let book = hoard.book();
    if let Ok(stat) = fstat(file)
        && is(&stat, FileType::RegularFile)
        && stat.st_nlink == 0
    {
        book.lost(id(&stat), stat.st_size as u64, walks);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::policy::Limits;
    use rustix::fs::{MemfdFlags, memfd_create};

    #[test]
    fn f05_a_descriptor_stands_still_between_the_question_for_room_and_the_writing() {
        let limits = Limits { disk_bytes: Some(100), ..Limits::default() };
        let hoard = Hoard::new(&limits).expect("there is a bound");
        let file = memfd_create("file", MemfdFlags::CLOEXEC).expect("a file can be made");
        let stands = |at| {
            growing(Some(&hoard), &file, at, 5, |len| {
                assert_eq!(hoard.try_position().is_none(), at < 0, "{at}");
                Ok(len)
            })
        };
        assert_eq!((stands(-1).ok(), stands(0).ok()), (Some(5), Some(5)));
        assert!(hoard.try_position().is_some());
        // What can only be read, or only be written, nobody else moves.
        let (reader, writer) = std::io::pipe().expect("a pipe can be made");
        for one in [OwnedFd::from(reader), OwnedFd::from(writer)] {
            assert!(matches!(position(Some(&hoard), &one, -1), Ok(None)));
        }
    }
}

//! Operations on the contents of files: open, read, write, copy. Only regular files and folders are ever opened. It must
//! not know how paths are resolved.
use super::super::work::{Done, Open};
use super::fs::Job;
use super::fs_hoard::{entering, growing, names, opened, position, resizing, set_size};
use super::fs_open::{is_at_once, look, open_granted, refusal};
use super::{Answer, Refusal, refuse};
use crate::policy::Hoard;
use rustix::fd::OwnedFd;
#[cfg(target_os = "linux")]
use rustix::fs::copy_file_range;
use rustix::fs::{FileType, Mode, OFlags, fchmod, fstat};
#[cfg(target_os = "linux")]
use rustix::io::Errno as Os;
#[cfg(target_os = "linux")]
use skep_abi::errno::EDQUOT;
use skep_abi::errno::{EAGAIN, EEXIST, EFBIG, EINVAL, EISDIR, ELOOP, ENODEV, ENOENT};
use skep_abi::file_op as op;
use std::sync::Arc;

/// Bytes of a file that is read whole while others wait: what is larger is a thread's.
const AT_ONCE: u64 = 1 << 20;

/// Bytes read, or copied, at a time.
const STEP: usize = 64 << 10;

/// The flags of `open` that a guest may use: its numbers (Linux's) and this system's.
fn open_flags(asked: u32) -> Answer<OFlags> {
    let access = match asked & 3 {
        0 => OFlags::RDONLY,
        1 => OFlags::WRONLY,
        2 => OFlags::RDWR,
        _ => return refuse(EINVAL),
    };
    let known = [
        (0o100, OFlags::CREATE),
        (0o200, OFlags::EXCL),
        (0o400, OFlags::empty()),
        (0o1000, OFlags::TRUNC),
        (0o2000, OFlags::APPEND),
        (0o4000, OFlags::empty()),
        (0o10000, OFlags::DSYNC),
        (0o200_000, OFlags::DIRECTORY),
        (0o400_000, OFlags::NOFOLLOW),
        #[cfg(target_os = "linux")]
        (0o40000, OFlags::DIRECT),
        #[cfg(target_os = "linux")]
        (0o1_000_000, OFlags::NOATIME),
        (0o4_000_000, OFlags::SYNC),
    ];
    let mut rest = asked & !3;
    let mut flags = access;
    for (number, flag) in known {
        if rest & number != 0 {
            rest &= !number;
            flags |= flag;
        }
    }
    if rest == 0 { Ok(flags) } else { refuse(EINVAL) }
}

fn kind(file: &OwnedFd) -> Answer<FileType> {
    Ok(FileType::from_raw_mode(fstat(file).map_err(refusal)?.st_mode))
}

/// Looked at before it is opened: opening a device can have effects, and a FIFO may wait. Answers whether it is there.
fn look_first(job: &Job, write: bool, flags: OFlags) -> Answer<bool> {
    let follow = !flags.contains(OFlags::NOFOLLOW);
    match open_granted(&job.roots, &job.path, write, look(follow), Mode::empty()) {
        Ok(entry) => match kind(&entry)? {
            FileType::RegularFile | FileType::Directory => Ok(true),
            FileType::Symlink => refuse(ELOOP),
            _ => refuse(ENODEV),
        },
        Err(Refusal::Errno(ENOENT)) if flags.contains(OFlags::CREATE) => Ok(false),
        Err(other) => Err(other),
    }
}

pub(super) fn open(job: &Job) -> Answer<Done> {
    let flags = open_flags(job.flags)?;
    let reads = !flags.intersects(OFlags::WRONLY | OFlags::RDWR);
    let write = !reads || flags.intersects(OFlags::CREATE | OFlags::TRUNC);
    if reads && flags.contains(OFlags::TRUNC) {
        return refuse(EINVAL);
    }
    if flags.contains(OFlags::CREATE | OFlags::DIRECTORY) {
        return refuse(EINVAL);
    }
    let hoard = job.roots.hoard();
    let names = names(hoard)?;
    let is_there = look_first(job, write, flags)?;
    // Not truncated while opening: first it must turn out to be a regular file.
    let how = flags.difference(OFlags::TRUNC) | OFlags::NONBLOCK;
    let mode = Mode::from_raw_mode(job.mode as rustix::fs::RawMode & 0o1777);
    let open = || open_granted(&job.roots, &job.path, write, how, mode);
    let file = Arc::new(entering(hoard, !is_there, open)?);
    let kind = kind(&file)?;
    if !matches!(kind, FileType::RegularFile | FileType::Directory) {
        return refuse(ENODEV);
    }
    opened(hoard, &file)?;
    drop(names);
    if kind == FileType::RegularFile && flags.contains(OFlags::TRUNC) {
        set_size(hoard, &file, 0)?;
    }
    Ok(Done::Opened(Open::File(file)))
}

/// Reads once from an open file of the guest's, as it asks.
pub(super) fn read_open(job: &Job, out: &mut [u8]) -> Answer<usize> {
    let file = job.file()?;
    let _stands = position(job.roots.hoard(), file, job.a)?;
    read(file, out, job.a)
}

/// Reads once, from the file's own position when `at` is below zero.
fn read(file: &OwnedFd, out: &mut [u8], at: i64) -> Answer<usize> {
    #[cfg(target_os = "linux")]
    if is_at_once() {
        return read_cached(file, out, at);
    }
    let once = |out: &mut [u8]| match u64::try_from(at) {
        Ok(at) => rustix::io::pread(file, out, at),
        Err(_) => rustix::io::read(file, out),
    };
    rustix::io::retry_on_intr(|| once(&mut *out)).map_err(refusal)
}

/// What lies in the system's memory of it, at least a byte but at its end.
#[cfg(target_os = "linux")]
fn read_cached(file: &OwnedFd, out: &mut [u8], at: i64) -> Answer<usize> {
    use rustix::io::{IoSliceMut, ReadWriteFlags, preadv2};
    // All ones stand for the file's own position.
    let at = u64::try_from(at).unwrap_or(u64::MAX);
    match preadv2(file, &mut [IoSliceMut::new(out)], at, ReadWriteFlags::NOWAIT) {
        // Not every file system can tell.
        Err(Os::AGAIN | Os::OPNOTSUPP | Os::INVAL | Os::NOSYS) => refuse(EAGAIN),
        read => read.map_err(refusal),
    }
}

/// Bytes that an operation READ needs room for: what it asks for, or less when the file has less.
pub(super) fn cap_of(job: &Job) -> usize {
    let asked = usize::try_from(job.b).unwrap_or(0);
    let size = job.file().ok().and_then(|file| fstat(file).ok()).map_or(0, |stat| stat.st_size as u64);
    // A size can be a lie (files in /proc have none): then one step is read.
    asked.min(usize::try_from(size).unwrap_or(usize::MAX).max(STEP))
}

/// Writes all of it, or as much as there is room for.
pub(super) fn write(job: &Job, bytes: &[u8]) -> Answer<usize> {
    let (file, at) = (job.file()?, job.a);
    growing(job.roots.hoard(), file, at, bytes.len(), |len| write_all(file, &bytes[..len], at))
}

/// As the system does for regular files when there is room.
fn write_all(file: &OwnedFd, bytes: &[u8], at: i64) -> Answer<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        let rest = &bytes[sent..];
        let once = || match u64::try_from(at) {
            Ok(at) => rustix::io::pwrite(file, rest, at + sent as u64),
            Err(_) => rustix::io::write(file, rest),
        };
        match rustix::io::retry_on_intr(once) {
            Ok(0) => break,
            Ok(count) => sent += count,
            Err(_) if sent > 0 => break,
            Err(error) => return Err(refusal(error)),
        }
    }
    if bytes.is_empty() {
        // Whether the file can be written to is told all the same.
        rustix::io::write(file, bytes).map_err(refusal)?;
    }
    Ok(sent)
}

pub(super) fn truncate(job: &Job) -> Answer<Done> {
    match u64::try_from(job.a) {
        Ok(len) => set_size(job.roots.hoard(), job.file()?, len).map(|()| Done::Number(0)),
        Err(_) => refuse(EINVAL),
    }
}

pub(super) fn read_file(job: &Job) -> Answer<Done> {
    let entry = open_granted(&job.roots, &job.path, false, look(true), Mode::empty())?;
    regular(&entry)?;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let file = open_granted(&job.roots, &job.path, false, flags, Mode::empty())?;
    let size = regular(&file)?;
    if size > job.file_bytes {
        return refuse(EFBIG);
    }
    if is_at_once() && size > AT_ONCE {
        return refuse(EAGAIN);
    }
    Ok(Done::Bytes(read_all(&file, size as usize, job.file_bytes)?))
}

/// Refuses anything but a regular file; answers its size.
fn regular(file: &OwnedFd) -> Answer<u64> {
    let stat = fstat(file).map_err(refusal)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat.st_size as u64),
        FileType::Directory => refuse(EISDIR),
        _ => refuse(ENODEV),
    }
}

/// Reads to the end: the size said before may be wrong (files in /proc have none).
fn read_all(file: &OwnedFd, size: usize, cap: u64) -> Answer<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size + 1);
    loop {
        let start = bytes.len();
        if start as u64 > cap {
            return refuse(EFBIG);
        }
        // The size that it told was a lie.
        if is_at_once() && start as u64 > AT_ONCE {
            return refuse(EAGAIN);
        }
        let step = STEP.min(size + STEP - start.min(size)).max(size.saturating_sub(start) + 1);
        let step = step.min(cap as usize + 1 - start);
        bytes.resize(start + step, 0);
        let count = read(file, &mut bytes[start..], -1)?;
        bytes.truncate(start + count);
        if count == 0 {
            return Ok(bytes);
        }
    }
}

pub(super) fn copy(job: &Job) -> Answer<Done> {
    let (roots, nonblock) = (&job.roots, OFlags::NONBLOCK);
    regular(&open_granted(roots, &job.path, false, look(true), Mode::empty())?)?;
    let from = Arc::new(open_granted(roots, &job.path, false, OFlags::RDONLY | nonblock, Mode::empty())?);
    regular(&from)?;
    let source = fstat(&from).map_err(refusal)?;
    let mode = Mode::from_raw_mode(source.st_mode & 0o777);
    let excl = if job.flags & op::COPY_EXCL != 0 { OFlags::EXCL } else { OFlags::empty() };
    let hoard = roots.hoard();
    let names = names(hoard)?;
    // What it reads is there until it is done, whoever removes its name meanwhile.
    opened(hoard, &from)?;
    let is_there = match open_granted(roots, &job.other, true, look(true), Mode::empty()) {
        Ok(_) if excl != OFlags::empty() => return refuse(EEXIST),
        Ok(entry) => regular(&entry).map(|_| true)?,
        Err(Refusal::Errno(ENOENT)) => false,
        Err(other) => return Err(other),
    };
    // The copy can be written while it is made, whatever its mode will be.
    let flags = OFlags::WRONLY | OFlags::CREATE | nonblock | excl;
    let open = || open_granted(roots, &job.other, true, flags, mode | Mode::WUSR);
    let to = Arc::new(entering(hoard, !is_there, open)?);
    opened(hoard, &to)?;
    drop(names);
    regular(&to)?;
    let target = fstat(&to).map_err(refusal)?;
    if (source.st_dev, source.st_ino) == (target.st_dev, target.st_ino) {
        return Ok(Done::Number(0));
    }
    fchmod(&to, mode).map_err(refusal)?;
    set_size(hoard, &to, 0)?;
    let mut is_whole = false;
    if job.flags & (op::COPY_CLONE | op::COPY_CLONE_ONLY) != 0 {
        let size = regular(&from)?;
        resizing(hoard, &to, size, || cloned(&from, &to, job.flags).map(|cloned| is_whole = cloned))?;
    }
    if is_whole { Ok(Done::Number(0)) } else { copy_bytes(hoard, &from, &to) }
}

/// Whether the file system could share the blocks.
#[cfg(target_os = "linux")]
fn cloned(from: &OwnedFd, to: &OwnedFd, flags: u32) -> Answer<bool> {
    match rustix::fs::ioctl_ficlone(to, from) {
        Ok(()) => Ok(true),
        Err(error) if flags & op::COPY_CLONE_ONLY != 0 => Err(refusal(error)),
        Err(_) => Ok(false),
    }
}

#[cfg(not(target_os = "linux"))]
fn cloned(_from: &OwnedFd, _to: &OwnedFd, flags: u32) -> Answer<bool> {
    if flags & op::COPY_CLONE_ONLY != 0 { refuse(skep_abi::errno::ENOSYS) } else { Ok(false) }
}

fn copy_bytes(hoard: Option<&Hoard>, from: &OwnedFd, to: &OwnedFd) -> Answer<Done> {
    #[cfg(target_os = "linux")]
    loop {
        // It is asked for what there is; what comes to be meanwhile is copied by hand.
        let left = regular(from)?.saturating_sub(rustix::fs::tell(from).map_err(refusal)?).min(1 << 30);
        let copied = growing(hoard, to, -1, left as usize, |len| {
            rustix::io::retry_on_intr(|| copy_file_range(from, None, to, None, len)).map_err(refusal)
        });
        match copied {
            Ok(0) => break,
            Ok(_) => {}
            Err(Refusal::Errno(errno @ (EDQUOT | EFBIG))) => return refuse(errno),
            // Between file systems, or on one that cannot: by hand, from where it stands.
            Err(_) => break,
        }
    }
    let mut buffer = vec![0; STEP];
    loop {
        let count = read(from, &mut buffer, -1)?;
        if count == 0 {
            return Ok(Done::Number(0));
        }
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let write = |len| rustix::io::retry_on_intr(|| rustix::io::write(to, &rest[..len])).map_err(refusal);
            let sent = growing(hoard, to, -1, rest.len(), write)?;
            rest = &rest[sent..];
        }
    }
}

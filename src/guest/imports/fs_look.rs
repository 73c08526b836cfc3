//! Operations that only look: what an entry is, where a path leads, what a folder holds. It must not know how paths are
//! resolved.
use super::super::work::{Done, Open};
use super::fs::Job;
use super::fs_open::{look, names_folder, open_granted, real_path, refusal};
use super::{Answer, refuse};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Access, Dir, FileType, Mode, OFlags, fstatfs, readlinkat};
use skep_abi::FileStat;
use skep_abi::errno::{EBADF, EFBIG, EINVAL};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that an entry of a listing takes beside its name while it is put in order.
const ENTRY: u64 = 48;

/// Bytes of one answer to READ_FOLDER: several of any name fit.
const FOLDER_STEP: usize = 16 << 10;

/// Where in the record nanoseconds stand: of access, change of content, change of state, birth.
const NANOSECONDS: [usize; 4] = [11, 13, 15, 17];

/// The entry a path leads to.
pub(super) fn entry(job: &Job, write: bool, follow: bool) -> Answer<OwnedFd> {
    open_granted(&job.roots, &job.path, write, look(follow), Mode::empty())
}

pub(super) fn look_at(job: &Job, follow: bool) -> Answer<Done> {
    record(&entry(job, false, follow)?, job.clock_ns)
}

pub(super) fn stat_of(job: &Job) -> Answer<Done> {
    match (&job.open, job.a) {
        (Some(Open::Way(way)), _) => record(way, job.clock_ns),
        (Some(_), _) => record(job.file()?, job.clock_ns),
        (None, 0) => record(rustix::stdio::stdin(), job.clock_ns),
        (None, 1) => record(rustix::stdio::stdout(), job.clock_ns),
        (None, 2) => record(rustix::stdio::stderr(), job.clock_ns),
        _ => refuse(EBADF),
    }
}

/// The record, word by word. The system's times are clocks too: they are told no finer than the guest's.
fn record(file: impl AsFd, clock_ns: u32) -> Answer<Done> {
    let mut words = words(file)?;
    for at in NANOSECONDS {
        words[at] -= words[at] % i64::from(clock_ns.max(1));
    }
    let mut out = Vec::with_capacity(size_of::<FileStat>());
    for word in words {
        out.extend_from_slice(&word.to_le_bytes());
    }
    Ok(Done::Bytes(out))
}

#[cfg(target_os = "linux")]
fn words(file: impl AsFd) -> Answer<[i64; 18]> {
    use rustix::fs::{AtFlags, StatxFlags, makedev, statx};
    let flags = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let stat = statx(file, c"", AtFlags::EMPTY_PATH, flags).map_err(refusal)?;
    let mut words = [
        makedev(stat.stx_dev_major, stat.stx_dev_minor) as i64,
        i64::from(stat.stx_mode),
        i64::from(stat.stx_nlink),
        i64::from(stat.stx_uid),
        i64::from(stat.stx_gid),
        makedev(stat.stx_rdev_major, stat.stx_rdev_minor) as i64,
        i64::from(stat.stx_blksize),
        stat.stx_ino as i64,
        stat.stx_size as i64,
        stat.stx_blocks as i64,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    ];
    for (at, time) in [stat.stx_atime, stat.stx_mtime, stat.stx_ctime, stat.stx_btime].iter().enumerate() {
        words[10 + 2 * at] = time.tv_sec;
        words[11 + 2 * at] = i64::from(time.tv_nsec);
    }
    Ok(words)
}

/// Without a birth time: the last change of state stands for it.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_cast, reason = "the fields' widths differ between systems")]
fn words(file: impl AsFd) -> Answer<[i64; 18]> {
    let stat = rustix::fs::fstat(file).map_err(refusal)?;
    let (changed, changed_ns) = (stat.st_ctime as i64, stat.st_ctime_nsec as i64);
    Ok([
        stat.st_dev as i64,
        stat.st_mode as i64,
        stat.st_nlink as i64,
        stat.st_uid as i64,
        stat.st_gid as i64,
        stat.st_rdev as i64,
        stat.st_blksize as i64,
        stat.st_ino as i64,
        stat.st_size as i64,
        stat.st_blocks as i64,
        stat.st_atime as i64,
        stat.st_atime_nsec as i64,
        stat.st_mtime as i64,
        stat.st_mtime_nsec as i64,
        changed,
        changed_ns,
        changed,
        changed_ns,
    ])
}

#[allow(clippy::unnecessary_cast, reason = "the fields' widths differ between systems")]
pub(super) fn space(job: &Job) -> Answer<Done> {
    let found = fstatfs(&entry(job, false, true)?).map_err(refusal)?;
    let words = [
        found.f_type as i64,
        found.f_bsize as i64,
        found.f_blocks as i64,
        found.f_bfree as i64,
        found.f_bavail as i64,
        found.f_files as i64,
        found.f_ffree as i64,
    ];
    Ok(Done::Bytes(words.iter().flat_map(|word| word.to_le_bytes()).collect()))
}

/// libuv's numbers of what an entry of a folder is.
fn number_of(kind: FileType) -> u8 {
    match kind {
        FileType::RegularFile => 1,
        FileType::Directory => 2,
        FileType::Symlink => 3,
        FileType::Fifo => 4,
        FileType::Socket => 5,
        FileType::CharacterDevice => 6,
        FileType::BlockDevice => 7,
        FileType::Unknown => 0,
    }
}

pub(super) fn kind_at(job: &Job) -> Answer<Done> {
    let stat = rustix::fs::fstat(&entry(job, false, true)?).map_err(refusal)?;
    Ok(Done::Number(u32::from(number_of(FileType::from_raw_mode(stat.st_mode)))))
}

/// The grant is judged first; then the system, for what the process itself may do.
pub(super) fn access(job: &Job) -> Answer<Done> {
    if job.mode >= 8 {
        return refuse(EINVAL);
    }
    let flags = [(4, Access::READ_OK), (2, Access::WRITE_OK), (1, Access::EXEC_OK)];
    let wanted: Access = flags.into_iter().filter(|(bit, _)| job.mode & bit != 0).map(|(_, flag)| flag).collect();
    let file = entry(job, wanted.contains(Access::WRITE_OK), true)?;
    may(&file, job, wanted)?;
    Ok(Done::Number(0))
}

#[cfg(target_os = "linux")]
fn may(file: &OwnedFd, _job: &Job, wanted: Access) -> Answer<()> {
    if wanted == Access::EXISTS {
        return Ok(());
    }
    rustix::fs::access(super::fs_entry::magic(file), wanted).map_err(refusal)
}

#[cfg(not(target_os = "linux"))]
fn may(_file: &OwnedFd, job: &Job, wanted: Access) -> Answer<()> {
    let real = real_path(&job.roots, &job.path, true, false)?;
    rustix::fs::access(&real, wanted).map_err(refusal)
}

pub(super) fn read_link(job: &Job) -> Answer<Done> {
    let (parent, name) = super::fs_entry::parent_of(job, &job.path, false)?;
    let target = readlinkat(&parent, name, Vec::new()).map_err(refusal)?;
    Ok(Done::Bytes(target.into_bytes()))
}

pub(super) fn real(job: &Job) -> Answer<Done> {
    let real = real_path(&job.roots, &job.path, true, false)?;
    // The last step may not exist, or lie outside: looking at it tells the truth inside a grant only.
    let flags = if names_folder(&job.path) { look(false) | OFlags::DIRECTORY } else { look(false) };
    open_granted(&job.roots, &real, false, flags, Mode::empty())?;
    Ok(Done::Bytes(real.as_os_str().as_bytes().to_vec()))
}

fn folder(job: &Job) -> Answer<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let folder = open_granted(&job.roots, &job.path, false, flags, Mode::empty())?;
    Dir::new(folder).map_err(refusal)
}

/// `{u8 kind, u8 0, u16 length, name}`.
fn put(out: &mut Vec<u8>, name: &[u8], kind: u8) {
    out.extend_from_slice(&[kind, 0]);
    out.extend_from_slice(&(name.len() as u16).to_le_bytes());
    out.extend_from_slice(name);
}

pub(super) fn list(job: &Job) -> Answer<Done> {
    let mut entries = Vec::new();
    let (mut bytes, mut held) = (0, 0);
    for entry in folder(job)? {
        let entry = entry.map_err(refusal)?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        bytes += name.len() as u64 + 4;
        held += name.len() as u64 + ENTRY;
        if held > job.file_bytes {
            return refuse(EFBIG);
        }
        entries.push((Box::<[u8]>::from(name), number_of(entry.file_type())));
    }
    // The kernel's order is not the same twice; ours is.
    entries.sort();
    let mut out = Vec::with_capacity(bytes as usize);
    entries.iter().for_each(|(name, kind)| put(&mut out, name, *kind));
    Ok(Done::Bytes(out))
}

pub(super) fn open_folder(job: &Job) -> Answer<Done> {
    Ok(Done::Opened(Open::Folder(Arc::new(Mutex::new(folder(job)?)))))
}

/// The next entries of an open folder, at most `a` of them; none at its end.
pub(super) fn next_entries(job: &Job) -> Answer<Done> {
    let Some(Open::Folder(folder)) = &job.open else { return refuse(EBADF) };
    let mut folder = folder.lock().unwrap_or_else(PoisonError::into_inner);
    let mut out = Vec::new();
    let mut left = job.a;
    while left > 0 && out.len() < FOLDER_STEP {
        let Some(entry) = folder.read() else { break };
        let entry = entry.map_err(refusal)?;
        let name = entry.file_name().to_bytes();
        if !matches!(name, b"." | b"..") {
            put(&mut out, name, number_of(entry.file_type()));
            left -= 1;
        }
    }
    Ok(Done::Bytes(out))
}

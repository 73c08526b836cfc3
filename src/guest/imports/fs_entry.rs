//! Operations that change what folders hold (make, remove, rename, link) and what belongs to an entry (mode, owner,
//! times). The folder is opened by the one choke point, for writing; the last step is only ever named in it, so no link
//! there is followed. It must not know how paths are resolved.
use super::super::work::Done;
use super::fs::{Job, settled};
use super::fs_hoard::{adding, linking, moving, removing};
use super::fs_look::entry;
use super::fs_open::{look, open_granted, refusal};
use super::{Answer, Refusal, refuse};
#[cfg(target_os = "linux")]
use rustix::fd::AsRawFd as _;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
#[cfg(target_os = "linux")]
use rustix::fs::{chownat, utimensat};
use rustix::fs::{fchmod, fchown, fstat, futimens, linkat, mkdirat, renameat, symlinkat, unlinkat};
use rustix::process::{getegid, geteuid, getgroups};
use skep_abi::errno::{EBUSY, EEXIST, EINVAL, EIO, ENOENT, ENOTDIR, EPERM};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// Names tried by MAKE_TEMPORARY before it gives up.
const TRIES: usize = 100;

/// The folder that a path's last step is in, and that step. A granted folder itself can be neither made nor removed: its
/// own folder is not granted.
pub(super) fn parent_of(job: &Job, path: &Path, write: bool) -> Answer<(OwnedFd, OsString)> {
    let grants = &job.roots.grants;
    if grants.folders.iter().any(|grant| grant.folder == path) {
        return refuse(if path == Path::new("/") { EINVAL } else { EBUSY });
    }
    let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
        return refuse(EINVAL);
    };
    let flags = look(true) | OFlags::DIRECTORY;
    match open_granted(&job.roots, parent, write, flags, Mode::empty()) {
        Ok(folder) => Ok((folder, name.to_owned())),
        // What is missing is told of the path that was asked for.
        Err(Refusal::Denied(why)) => Err(grants.path(path, write).err().map_or(Refusal::Denied(why), Refusal::from)),
        Err(other) => Err(other),
    }
}

/// Permissions that a guest may give: what would lend the host's own rights to others is not among them.
fn permissions(mode: u32) -> Answer<Mode> {
    if mode & 0o6000 != 0 { refuse(EPERM) } else { Ok(Mode::from_raw_mode((mode & 0o1777) as rustix::fs::RawMode)) }
}

pub(super) fn make_folder(job: &Job) -> Answer<Done> {
    make_one(job, &job.path)?;
    Ok(Done::Number(0))
}

fn make_one(job: &Job, path: &Path) -> Answer<()> {
    let (parent, name) = match parent_of(job, path, true) {
        // It is there, since it is granted, or is the way to itself.
        Err(Refusal::Errno(EBUSY | EINVAL)) => return refuse(EEXIST),
        found => found?,
    };
    let mode = Mode::from_raw_mode((job.mode & 0o1777) as rustix::fs::RawMode);
    adding(job.roots.hoard(), (&parent, &name), || mkdirat(&parent, &name, mode).map_err(refusal))
}

/// Makes what is missing on the way too; answers the first folder made, or nothing.
pub(super) fn make_folders(job: &Job) -> Answer<Done> {
    let mut missing: Vec<&Path> = Vec::new();
    let mut at: &Path = &job.path;
    loop {
        match open_granted(&job.roots, at, false, look(true), Mode::empty()) {
            Ok(found) => {
                let is_folder = FileType::from_raw_mode(fstat(&found).map_err(refusal)?.st_mode) == FileType::Directory;
                if is_folder {
                    break;
                }
                return refuse(if missing.is_empty() { EEXIST } else { ENOTDIR });
            }
            Err(Refusal::Errno(ENOENT)) if at.as_os_str().len() as i64 <= job.a => return refuse(ENOENT),
            Err(Refusal::Errno(ENOENT)) => missing.push(at),
            Err(other) => return Err(other),
        }
        match at.parent() {
            Some(parent) => at = parent,
            None => break,
        }
    }
    let mut first = None;
    for path in missing.into_iter().rev() {
        match make_one(job, path) {
            Ok(()) => first = first.or(Some(path)),
            Err(Refusal::Errno(EEXIST)) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(Done::Bytes(first.map_or(Vec::new(), |path| path.as_os_str().as_bytes().to_vec())))
}

/// Makes a folder whose name is the path and six letters more.
pub(super) fn make_temporary(job: &Job) -> Answer<Done> {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for _ in 0..TRIES {
        let mut random = [0u8; 6];
        getrandom::fill(&mut random).map_err(|_| Refusal::Errno(EIO))?;
        let mut name = job.path.as_os_str().to_owned();
        name.push(random.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()])).iter().collect::<String>());
        let path = PathBuf::from(name);
        let (parent, last) = parent_of(job, &path, true)?;
        let make = || mkdirat(&parent, &last, Mode::RWXU).map_err(refusal);
        match adding(job.roots.hoard(), (&parent, &last), make) {
            Ok(()) => return Ok(Done::Bytes(path.as_os_str().as_bytes().to_vec())),
            Err(Refusal::Errno(EEXIST)) => {}
            Err(other) => return Err(other),
        }
    }
    refuse(EEXIST)
}

pub(super) fn remove(job: &Job, folder: bool) -> Answer<Done> {
    let (parent, name) = parent_of(job, &job.path, true)?;
    let flags = if folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    let run = || unlinkat(&parent, &name, flags).map_err(refusal);
    removing(job.roots.hoard(), (&parent, &name), run).map(|()| Done::Number(0))
}

pub(super) fn rename(job: &Job) -> Answer<Done> {
    let (from, old) = parent_of(job, &job.path, true)?;
    let (to, new) = parent_of(job, &job.other, true)?;
    let run = || renameat(&from, &old, &to, &new).map_err(refusal);
    moving(job.roots.hoard(), (&from, &old), (&to, &new), run).map(|()| Done::Number(0))
}

/// Both names need an rw grant: through the new one the same file can be written.
pub(super) fn link(job: &Job) -> Answer<Done> {
    let (from, old) = parent_of(job, &job.path, true)?;
    let (to, new) = parent_of(job, &job.other, true)?;
    let run = || linkat(&from, &old, &to, &new, AtFlags::empty()).map_err(refusal);
    linking(job.roots.hoard(), (&from, &old), (&to, &new), run).map(|()| Done::Number(0))
}

/// Where a link points must be granted too, as far as its text tells: others than the guest may follow it.
pub(super) fn symlink(job: &Job) -> Answer<Done> {
    if job.other.as_os_str().is_empty() {
        return refuse(ENOENT);
    }
    let (parent, name) = parent_of(job, &job.path, true)?;
    let base = job.path.parent().unwrap_or(Path::new("/"));
    job.roots.grants.path(&plain(&base.join(&job.other)), false)?;
    let run = || symlinkat(&job.other, &parent, &name).map_err(refusal);
    adding(job.roots.hoard(), (&parent, &name), run).map(|()| Done::Number(0))
}

/// A path without dots, by its text alone.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for step in path.components() {
        match step {
            Component::ParentDir => _ = out.pop(),
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// A name for what a descriptor is open on, for calls that take no descriptor opened only to look.
#[cfg(target_os = "linux")]
pub(super) fn magic(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

pub(super) fn change_mode(job: &Job) -> Answer<Done> {
    let mode = permissions(job.mode)?;
    let file = entry(job, true, true)?;
    #[cfg(target_os = "linux")]
    return settled(rustix::fs::chmod(magic(&file), mode));
    #[cfg(not(target_os = "linux"))]
    settled(fchmod(&file, mode))
}

pub(super) fn set_mode(job: &Job) -> Answer<Done> {
    let mode = permissions(job.mode)?;
    settled(fchmod(writable(job)?, mode))
}

/// An open file whose attributes may be changed: one that an rw grant was needed for, or that its owner opened to read. A
/// file opened to read may lie in a grant that only reads.
fn writable(job: &Job) -> Answer<&OwnedFd> {
    let file = job.file()?;
    let flags = rustix::fs::fcntl_getfl(file).map_err(refusal)?;
    let writes = flags.intersects(OFlags::WRONLY | OFlags::RDWR);
    let anywhere = job.roots.grants.folders.iter().all(|grant| grant.write);
    if writes || anywhere { Ok(file) } else { refuse(EPERM) }
}

/// The owner, and its group, that a process without privileges may set: itself, and the groups it is in.
fn owners(job: &Job) -> Answer<(Option<Uid>, Option<Gid>)> {
    let id = |number: i64| u32::try_from(number).ok().filter(|id| *id != u32::MAX);
    let (owner, group) = (id(job.a), id(job.b));
    if owner.is_some_and(|id| id != geteuid().as_raw()) {
        return refuse(EPERM);
    }
    if let Some(id) = group {
        let mine = getegid().as_raw() == id;
        let member = mine || getgroups().map_err(refusal)?.iter().any(|group| group.as_raw() == id);
        if !member {
            return refuse(EPERM);
        }
    }
    Ok((owner.map(Uid::from_raw), group.map(Gid::from_raw)))
}

pub(super) fn change_owner(job: &Job, follow: bool) -> Answer<Done> {
    let file = entry(job, true, follow)?;
    let (owner, group) = owners(job)?;
    #[cfg(target_os = "linux")]
    return settled(chownat(&file, c"", owner, group, AtFlags::EMPTY_PATH));
    #[cfg(not(target_os = "linux"))]
    settled(fchown(&file, owner, group))
}

pub(super) fn set_owner(job: &Job) -> Answer<Done> {
    let file = writable(job)?;
    let (owner, group) = owners(job)?;
    settled(fchown(file, owner, group))
}

/// Seconds travel as the bits of a double.
fn time(bits: i64) -> Answer<Timespec> {
    let seconds = f64::from_bits(bits as u64);
    if !seconds.is_finite() || seconds.abs() > 9e15 {
        return refuse(EINVAL);
    }
    let whole = seconds.floor();
    // As libuv: to the microsecond, which is what a double of today's dates can tell.
    let micros = ((seconds - whole) * 1e6).round().min(999_999.0);
    Ok(Timespec { tv_sec: whole as i64, tv_nsec: micros as i64 * 1000 })
}

fn times(job: &Job) -> Answer<Timestamps> {
    Ok(Timestamps { last_access: time(job.a)?, last_modification: time(job.b)? })
}

pub(super) fn change_times(job: &Job, follow: bool) -> Answer<Done> {
    let times = times(job)?;
    let file = entry(job, true, follow)?;
    #[cfg(target_os = "linux")]
    return settled(utimensat(&file, c"", &times, AtFlags::EMPTY_PATH));
    #[cfg(not(target_os = "linux"))]
    settled(futimens(&file, &times))
}

pub(super) fn set_times(job: &Job) -> Answer<Done> {
    settled(futimens(writable(job)?, &times(job)?))
}

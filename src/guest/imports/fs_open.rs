//! Opens paths beneath granted folders: the kernel resolves, and may never leave the folder (row F rules:
//! neither by `..` nor by a link). A link that points to another grant is followed by hand, each step
//! judged anew. It must not know what is done with an opened file.
use super::{Answer, Refusal, refuse};
use crate::policy::Grants;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, open, openat, readlinkat};
use rustix::io::Errno as Os;
use skep_abi::errno as abi;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

/// Links followed in one path, as the kernel's own bound.
const LINKS: u32 = 40;

/// Opens a file or folder for reading (or writing, which needs an rw grant).
pub(super) fn open_granted(grants: &Grants, path: &Path, write: bool, flags: OFlags) -> Answer<OwnedFd> {
    match open_beneath(grants, path, write, flags, true) {
        // A link led out of the folder, or cannot be followed in one step: perhaps into another grant.
        Err(Refusal::Errno(abi::EXDEV | abi::ELOOP)) => {
            let mut real = real_path(grants, path, !flags.contains(OFlags::NOFOLLOW))?;
            if real.as_os_str().is_empty() {
                real.push("/");
            }
            open_beneath(grants, &real, write, flags | OFlags::NOFOLLOW, false)
        }
        other => other,
    }
}

fn open_beneath(grants: &Grants, path: &Path, write: bool, flags: OFlags, links: bool) -> Answer<OwnedFd> {
    let grant = grants.path(path, write)?.into_inner();
    let relative = path.strip_prefix(&grant.folder).unwrap_or(Path::new(""));
    let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
    let folder = open(&grant.folder, PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(refusal)?;
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
    let mode = if flags.contains(OFlags::CREATE) { Mode::from_raw_mode(0o666) } else { Mode::empty() };
    resolve(rustix::fd::AsFd::as_fd(&folder), relative, flags, mode, links).map_err(refusal)
}

#[cfg(target_os = "linux")]
const PATH: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const PATH: OFlags = OFlags::RDONLY;

/// Flags that open something only to look at it: devices and FIFOs are not touched by that.
pub(super) fn look(follow: bool) -> OFlags {
    let flags = PATH | OFlags::NONBLOCK;
    if follow { flags } else { flags | OFlags::NOFOLLOW }
}

#[cfg(target_os = "linux")]
fn resolve(folder: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode, links: bool) -> rustix::io::Result<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};
    let mut how = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    if !links {
        how |= ResolveFlags::NO_SYMLINKS;
    }
    // O_PATH takes only few flags besides.
    let flags = if flags.contains(PATH) { flags & (PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC) } else { flags };
    // NO_SYMLINKS refuses a link at the end even when it is only looked at.
    if !links && flags.contains(PATH | OFlags::NOFOLLOW) {
        return resolve_last(folder, path, flags, mode);
    }
    let mut tries = 8;
    loop {
        match openat2(folder, path, flags, mode, how) {
            // A rename elsewhere disturbed the kernel's check; it asks to try again.
            Err(Os::AGAIN) if tries > 0 => tries -= 1,
            other => return other,
        }
    }
}

#[cfg(target_os = "linux")]
fn resolve_last(folder: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};
    let strict = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
    let Some(name) = path.file_name() else {
        return openat2(folder, path, flags, mode, strict);
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = openat2(folder, parent, PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), strict)?;
    openat(parent, name, flags | OFlags::NOFOLLOW, mode)
}

/// Without openat2: component by component, and never through a link.
#[cfg(not(target_os = "linux"))]
fn resolve(
    folder: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    mode: Mode,
    _links: bool,
) -> rustix::io::Result<OwnedFd> {
    let mut names: Vec<&OsStr> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::CurDir => {}
            _ => return Err(Os::XDEV),
        }
    }
    let Some(last) = names.pop() else {
        return openat(folder, ".", flags, mode);
    };
    let step = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut at: Option<OwnedFd> = None;
    for name in names {
        let here = at.as_ref().map_or(folder, rustix::fd::AsFd::as_fd);
        at = Some(openat(here, name, step, Mode::empty())?);
    }
    let here = at.as_ref().map_or(folder, rustix::fd::AsFd::as_fd);
    openat(here, last, flags | OFlags::NOFOLLOW, mode)
}

/// The path without links and dots. Each step inside a grant is looked at; outside, only the way to a grant may be
/// walked, and is taken as it stands: grants are given by real paths. So nothing is learned of what lies outside.
pub(super) fn real_path(grants: &Grants, path: &Path, follow_last: bool) -> Answer<PathBuf> {
    let mut rest: VecDeque<OsString> = steps(path);
    let mut real = PathBuf::from("/");
    let mut links = 0;
    while let Some(step) = rest.pop_front() {
        if step == ".." {
            real.pop();
            continue;
        }
        let here = real.join(&step);
        let on_the_way = grants.folders.iter().any(|grant| grant.folder.starts_with(&here));
        if on_the_way {
            real = here;
            continue;
        }
        grants.path(&here, false)?;
        let last = rest.is_empty();
        match link(grants, &here)? {
            Some(target) if follow_last || !last => {
                links += 1;
                if links > LINKS {
                    return refuse(abi::ELOOP);
                }
                if target.is_absolute() {
                    real = PathBuf::from("/");
                }
                for step in steps(&target).into_iter().rev() {
                    rest.push_front(step);
                }
            }
            _ => real = here,
        }
    }
    Ok(real)
}

fn steps(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsStr::new("..").to_owned()),
        _ => None,
    };
    path.components().filter_map(name).collect()
}

/// Where a link points; none when it is something else. `path` has no link before its end.
fn link(grants: &Grants, path: &Path) -> Answer<Option<PathBuf>> {
    let grant = grants.path(path, false)?.into_inner();
    let relative = path.strip_prefix(&grant.folder).unwrap_or(Path::new(""));
    let (Some(name), Some(parent)) = (relative.file_name(), path.parent()) else {
        return Ok(None);
    };
    let parent = open_beneath(grants, parent, false, PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW, false)?;
    match readlinkat(&parent, name, Vec::new()) {
        Ok(target) => Ok(Some(PathBuf::from(OsString::from_vec(target.into_bytes())))),
        Err(Os::INVAL) => Ok(None),
        Err(error) => Err(refusal(error)),
    }
}

/// The system's error in the boundary's numbers.
pub(super) fn refusal(error: Os) -> Refusal {
    let known = [
        (Os::PERM, abi::EPERM),
        (Os::NOENT, abi::ENOENT),
        (Os::INTR, abi::EINTR),
        (Os::ACCESS, abi::EACCES),
        (Os::BUSY, abi::EBUSY),
        (Os::EXIST, abi::EEXIST),
        (Os::XDEV, abi::EXDEV),
        (Os::NOTDIR, abi::ENOTDIR),
        (Os::ISDIR, abi::EISDIR),
        (Os::INVAL, abi::EINVAL),
        (Os::NFILE, abi::ENFILE),
        (Os::MFILE, abi::EMFILE),
        (Os::FBIG, abi::EFBIG),
        (Os::NOSPC, abi::ENOSPC),
        (Os::ROFS, abi::EROFS),
        (Os::NAMETOOLONG, abi::ENAMETOOLONG),
        (Os::LOOP, abi::ELOOP),
        (Os::NOMEM, abi::ENOMEM),
        (Os::AGAIN, abi::EAGAIN),
        (Os::TXTBSY, abi::EBUSY),
        (Os::NXIO, abi::ENODEV),
        (Os::NODEV, abi::ENODEV),
    ];
    let found = known.iter().find(|(os, _)| *os == error);
    Refusal::Errno(found.map_or(abi::EIO, |(_, errno)| *errno))
}

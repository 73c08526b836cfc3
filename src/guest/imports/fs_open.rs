//! Opens paths beneath granted folders: the kernel resolves, and may never leave the folder (row F rules:
//! neither by `..` nor by a link). A link that points to another grant is followed by hand, each step
//! judged anew. It must not know what is done with an opened file.
use super::{Answer, Refusal, refuse};
use crate::policy::{FolderGrant, Grants, Hoard};
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
#[cfg(not(target_os = "linux"))]
use rustix::fs::openat;
use rustix::fs::{CWD, Mode, OFlags, readlinkat};
use rustix::io::Errno as Os;
use skep_abi::errno as abi;
use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

thread_local! {
    /// Nothing may be waited for: see [`from_caches`].
    static AT_ONCE: Cell<bool> = const { Cell::new(false) };
}

/// Runs it on what the system has in memory: `-EAGAIN` where a disk would be asked. (Attributes of what was found there are taken
/// as they stand.)
pub(super) fn from_caches<T>(run: impl FnOnce() -> Answer<T>) -> Answer<T> {
    if cfg!(not(target_os = "linux")) {
        return refuse(abi::EAGAIN);
    }
    struct Over;
    impl Drop for Over {
        fn drop(&mut self) {
            AT_ONCE.set(false);
        }
    }
    AT_ONCE.set(true);
    let _over = Over;
    run()
}

/// Whether that is how it runs now.
pub(super) fn is_at_once() -> bool {
    AT_ONCE.get()
}

/// Links followed in one path, as the kernel's own bound.
const LINKS: u32 = 40;

/// The granted folders of one guest, each opened when it is first used: a grant stands for that folder, whatever moves
/// to its path later. Shared with the threads that work for the guest.
#[derive(Debug)]
pub(in crate::guest) struct Roots {
    pub grants: Grants,
    /// What lies in those that may be written, where that is bounded.
    pub hoard: Option<Arc<Hoard>>,
    open: Vec<OnceLock<OwnedFd>>,
}

impl Roots {
    pub fn new(grants: &Grants) -> Roots {
        let open = grants.folders.iter().map(|_| OnceLock::new()).collect();
        Roots { grants: grants.clone(), hoard: None, open }
    }

    pub fn with_hoard(grants: &Grants, hoard: Option<Arc<Hoard>>) -> Roots {
        Roots { hoard, ..Roots::new(grants) }
    }

    pub fn hoard(&self) -> Option<&Hoard> {
        self.hoard.as_deref()
    }

    /// The folders that may be written, but for those that lie in another.
    pub fn writable(&self) -> impl Iterator<Item = rustix::io::Result<BorrowedFd<'_>>> {
        let all = || self.grants.folders.iter().filter(|grant| grant.write);
        let is_within = move |grant: &FolderGrant| {
            all().any(|other| grant.folder != other.folder && grant.folder.starts_with(&other.folder))
        };
        let folders: BTreeMap<&Path, &FolderGrant> =
            all().filter(move |grant| !is_within(grant)).map(|grant| (grant.folder.as_path(), grant)).collect();
        folders.into_values().map(|grant| self.of(grant))
    }

    fn of(&self, grant: &FolderGrant) -> rustix::io::Result<BorrowedFd<'_>> {
        let at = self.grants.folders.iter().position(|folder| std::ptr::eq(folder, grant));
        let place = &self.open[at.expect("the grant is one of these")];
        if place.get().is_none() {
            let folder = open_root(&grant.folder, PATH | OFlags::DIRECTORY | OFlags::CLOEXEC)?;
            // Another thread may have been first: one of the two is as good.
            let _ = place.set(folder);
        }
        Ok(place.get().expect("just set").as_fd())
    }
}

#[cfg(target_os = "linux")]
fn open_root(folder: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat2(CWD, folder, flags, Mode::empty(), cached())
}

#[cfg(not(target_os = "linux"))]
fn open_root(folder: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    openat(CWD, folder, flags, Mode::empty())
}

#[cfg(target_os = "linux")]
fn cached() -> rustix::fs::ResolveFlags {
    if is_at_once() { rustix::fs::ResolveFlags::CACHED } else { rustix::fs::ResolveFlags::empty() }
}

/// Whether a path names what it names only as a folder: it ends in a slash.
pub(super) fn names_folder(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"/")
}

/// Opens a file or folder for reading (or writing, which needs an rw grant).
pub(super) fn open_granted(roots: &Roots, path: &Path, write: bool, flags: OFlags, mode: Mode) -> Answer<OwnedFd> {
    let flags = if names_folder(path) { flags.difference(OFlags::NOFOLLOW) | OFlags::DIRECTORY } else { flags };
    match open_beneath(roots, path, write, flags, mode, true) {
        // A link led out of the folder, or cannot be followed in one step: perhaps into another grant.
        Err(Refusal::Errno(abi::EXDEV | abi::ELOOP)) => {
            let mut real = real_path(roots, path, !flags.contains(OFlags::NOFOLLOW), flags.contains(OFlags::CREATE))?;
            if real.as_os_str().is_empty() {
                real.push("/");
            }
            open_beneath(roots, &real, write, flags | OFlags::NOFOLLOW, mode, false)
        }
        // The text leads through what is not granted, to what perhaps is.
        Err(Refusal::Denied(why)) => {
            let follow = !flags.contains(OFlags::NOFOLLOW);
            match real_path(roots, path, follow, flags.contains(OFlags::CREATE)) {
                Ok(real) if real != path => open_beneath(roots, &real, write, flags | OFlags::NOFOLLOW, mode, false),
                // Whether it leads there is not in the caches.
                Err(Refusal::Errno(abi::EAGAIN)) if is_at_once() => refuse(abi::EAGAIN),
                _ => Err(Refusal::Denied(why)),
            }
        }
        other => other,
    }
}

fn open_beneath(roots: &Roots, path: &Path, write: bool, flags: OFlags, mode: Mode, links: bool) -> Answer<OwnedFd> {
    let grant = roots.grants.path(path, write)?.into_inner();
    let relative = path.strip_prefix(&grant.folder).unwrap_or(Path::new(""));
    let relative = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
    let folder = roots.of(grant).map_err(refusal)?;
    let mode = if flags.contains(OFlags::CREATE) { mode } else { Mode::empty() };
    resolve(folder, relative, flags | OFlags::CLOEXEC | OFlags::NOCTTY, mode, links).map_err(refusal)
}

#[cfg(target_os = "linux")]
pub(super) const PATH: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
pub(super) const PATH: OFlags = OFlags::RDONLY;

/// Flags that open something only to look at it: devices and FIFOs are not touched by that.
pub(super) fn look(follow: bool) -> OFlags {
    let flags = PATH | OFlags::NONBLOCK;
    if follow { flags } else { flags | OFlags::NOFOLLOW }
}

#[cfg(target_os = "linux")]
fn resolve(folder: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode, links: bool) -> rustix::io::Result<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};
    let mut how = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | cached();
    if !links {
        how |= ResolveFlags::NO_SYMLINKS;
    }
    // O_PATH takes only few flags besides.
    let flags = if flags.contains(PATH) {
        flags & (PATH | OFlags::NOFOLLOW | OFlags::DIRECTORY | OFlags::CLOEXEC)
    } else {
        flags
    };
    // NO_SYMLINKS refuses a link at the end even when it is only looked at.
    if !links && flags.contains(PATH | OFlags::NOFOLLOW) {
        return resolve_last(folder, path, flags, mode);
    }
    let mut tries = if is_at_once() { 0 } else { 8 };
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
    let strict = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS | cached();
    let Some(name) = path.file_name() else {
        return openat2(folder, path, flags, mode, strict);
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = openat2(folder, parent, PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), strict)?;
    openat2(parent, name, flags | OFlags::NOFOLLOW, mode, cached())
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
/// With `may_lack` the last step need not exist.
pub(super) fn real_path(roots: &Roots, path: &Path, follow_last: bool, may_lack: bool) -> Answer<PathBuf> {
    let grants = &roots.grants;
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
        let found = match link(roots, &here) {
            Err(Refusal::Errno(abi::ENOENT)) if last && may_lack => None,
            found => found?,
        };
        match found {
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
fn link(roots: &Roots, path: &Path) -> Answer<Option<PathBuf>> {
    let grant = roots.grants.path(path, false)?.into_inner();
    let relative = path.strip_prefix(&grant.folder).unwrap_or(Path::new(""));
    let (Some(name), Some(parent)) = (relative.file_name(), path.parent()) else {
        return Ok(None);
    };
    let parent = open_beneath(roots, parent, false, PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty(), false)?;
    #[cfg(target_os = "linux")]
    if is_at_once() {
        let flags = PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat2(&parent, name, flags, Mode::empty(), cached()).map_err(refusal)?;
    }
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
        (Os::TXTBSY, abi::ETXTBSY),
        (Os::NXIO, abi::ENXIO),
        (Os::BADF, abi::EBADF),
        (Os::NOTEMPTY, abi::ENOTEMPTY),
        (Os::SPIPE, abi::ESPIPE),
        (Os::MLINK, abi::EMLINK),
        (Os::OPNOTSUPP, abi::EOPNOTSUPP),
        (Os::OVERFLOW, abi::EOVERFLOW),
        (Os::DQUOT, abi::EDQUOT),
        (Os::NODEV, abi::ENODEV),
    ];
    let found = known.iter().find(|(os, _)| *os == error);
    Refusal::Errno(found.map_or(abi::EIO, |(_, errno)| *errno))
}

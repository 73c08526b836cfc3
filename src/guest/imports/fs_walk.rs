//! Measures the folders that a guest may write: sizes and entries, a file with several names once. It takes as long as the folders
//! are large, up to a bound, so a thread does it. It must not know what is made of the numbers.
use super::fs_hoard::{id, is};
use super::fs_open::Roots;
use crate::guest::work::{Done, Lane, Work};
use crate::policy::{Found, Grants, Hoard, Limits, Purse};
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno as Os;
use rustix::process::geteuid;
use std::collections::HashSet;
use std::ffi::CStr;
use std::sync::Arc;

/// Folders within each other: each is open while those in it are looked at.
const DEPTH: usize = 128;

/// A walk that the hoard counts as begun: it hears when nothing comes of it.
struct Begun {
    roots: Arc<Roots>,
    is_over: bool,
}

impl Begun {
    fn goes(&mut self, most: u64) {
        measure_now(&self.roots, most);
        self.is_over = true;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.is_over {
            self.roots.hoard().into_iter().for_each(Hoard::gives_up);
        }
    }
}

/// Has it done off the loop; the hoard is told.
pub(in crate::guest) fn measuring(roots: Arc<Roots>, most: u64) -> Work {
    let mut begun = Begun { roots, is_over: false };
    Work::new(Lane::Slow, move || {
        begun.goes(most);
        Done::Number(0)
    })
}

fn measure_now(roots: &Roots, most: u64) {
    if let Some(hoard) = roots.hoard() {
        hoard.measure(hoard.begun_at(), found(roots, most));
    }
}

/// Of a program with these grants that has its thread to itself: measured at once. None where nothing is bounded.
pub fn measured_hoard(grants: &Grants, limits: &Limits, purse: Option<&Purse>) -> Option<Arc<Hoard>> {
    let hoard = match purse {
        Some(purse) => Hoard::of_tree(limits, purse),
        None => Hoard::new(limits),
    };
    let hoard = Arc::new(hoard.filter(|_| grants.folders.iter().any(|grant| grant.write))?);
    if hoard.begins(0) {
        measure_now(&Roots::with_hoard(grants, Some(Arc::clone(&hoard))), limits.disk_walk_entries);
    }
    Some(hoard)
}

fn found(roots: &Roots, most: u64) -> Found {
    let mut walk = Walk { found: Found::default(), several: HashSet::new(), most };
    for root in roots.writable() {
        let owner = root.and_then(fstat).map(|stat| stat.st_uid);
        match root.and_then(|root| open(root, c".")) {
            Ok(folder) => walk.folder(folder),
            Err(error) => walk.missed(error, owner.ok()),
        }
    }
    walk.found
}

struct Walk {
    found: Found,
    /// Files with several names that were seen.
    several: HashSet<(u64, u64)>,
    most: u64,
}

fn open(folder: impl AsFd, name: &CStr) -> rustix::io::Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Dir::new(openat(folder, name, flags, Mode::empty())?)
}

impl Walk {
    fn folder(&mut self, root: Dir) {
        let mut open_ones = vec![root];
        while let Some(folder) = open_ones.last_mut() {
            let entry = match folder.read() {
                Some(Ok(entry)) => entry,
                end => {
                    self.found.more |= end.is_some();
                    open_ones.pop();
                    continue;
                }
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if self.found.entries >= self.most {
                self.found.more = true;
                return;
            }
            self.found.entries += 1;
            let stat = match folder.fd().and_then(|here| statat(here, name, AtFlags::SYMLINK_NOFOLLOW)) {
                Ok(stat) => stat,
                Err(error) => {
                    let owner = folder.stat().map(|stat| stat.st_uid);
                    self.missed(error, owner.ok());
                    continue;
                }
            };
            if is(&stat, FileType::RegularFile) {
                if stat.st_nlink < 2 || self.several.insert(id(&stat)) {
                    self.found.bytes = self.found.bytes.saturating_add(stat.st_size as u64);
                }
            } else if is(&stat, FileType::Directory) {
                let inner = folder.fd().and_then(|here| open(here, name));
                if open_ones.len() >= DEPTH {
                    self.found.more = true;
                    return;
                }
                match inner {
                    Ok(inner) => open_ones.push(inner),
                    Err(error) => self.missed(error, Some(stat.st_uid)),
                }
            }
        }
    }

    /// Something cannot be looked at. What is gone, or is no folder any more, holds nothing. In another user's folder that this one
    /// may not read no guest has put anything; its own it can close to the host as to itself. Else nobody knows what is there.
    fn missed(&mut self, error: Os, owner: Option<u32>) {
        self.found.more |= match error {
            Os::NOENT | Os::NOTDIR | Os::LOOP => false,
            Os::ACCESS => owner.is_none_or(|owner| owner == geteuid().as_raw()),
            _ => true,
        };
    }
}

//! Measures the folders that a guest may write: sizes and entries, a file with several names once. It takes as long as the folders
//! are large, up to a bound, so a thread does it. It must not know what is made of the numbers.
use super::fs_hoard::{id, is};
use super::fs_open::Roots;
use crate::guest::work::{Done, Lane, Work};
use crate::policy::{Found, Grants, Hoard, Limits, Purse};
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use std::collections::HashSet;
use std::sync::Arc;

/// Folders within each other: each is open while those in it are looked at.
const DEPTH: usize = 128;

/// Has it done off the loop; the hoard is told.
pub(in crate::guest) fn measuring(roots: Arc<Roots>, most: u64) -> Work {
    Work::new(Lane::Slow, move || {
        measure_now(&roots, most);
        Done::Number(0)
    })
}

fn measure_now(roots: &Roots, most: u64) {
    if let Some(hoard) = roots.hoard() {
        let mark = hoard.mark();
        hoard.measure(mark, found(roots, most));
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
        // One that is gone holds nothing.
        let opened = root.ok().and_then(|root| open(root, c"."));
        walk.folder(opened);
    }
    walk.found
}

struct Walk {
    found: Found,
    /// Files with several names that were seen.
    several: HashSet<(u64, u64)>,
    most: u64,
}

fn open(folder: impl AsFd, name: &std::ffi::CStr) -> Option<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Dir::new(openat(folder, name, flags, Mode::empty()).ok()?).ok()
}

impl Walk {
    fn folder(&mut self, root: Option<Dir>) {
        let mut open_ones: Vec<Dir> = root.into_iter().collect();
        while let Some(folder) = open_ones.last_mut() {
            let Some(Ok(entry)) = folder.read() else {
                open_ones.pop();
                continue;
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
            let Ok(here) = folder.fd() else { continue };
            // What is gone again is not there.
            let Ok(stat) = statat(here, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if is(&stat, FileType::RegularFile) {
                if stat.st_nlink < 2 || self.several.insert(id(&stat)) {
                    self.found.bytes = self.found.bytes.saturating_add(stat.st_size as u64);
                }
            } else if is(&stat, FileType::Directory) {
                let inner = open(here, name);
                if open_ones.len() >= DEPTH {
                    self.found.more = true;
                    return;
                }
                open_ones.extend(inner);
            }
        }
    }
}

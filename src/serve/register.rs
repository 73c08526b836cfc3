//! What was read of each folder of tenants, and what the system says of the files that it was read from: a hive that is read
//! again reads what has changed since, and takes the rest as it was. It must not know what a configuration means.
use super::tenant::Tenant;
use crate::runtime::CONFIG_FILE;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A file that was changed less than so many seconds before it was read may have been changed again within the same moment of
/// the system's clock.
const SETTLED: i64 = 2;

/// Says which script is a package's.
const PACKAGE: &str = "package.json";

/// All folders, by their paths.
#[derive(Default)]
pub struct Register(BTreeMap<PathBuf, Entry>);

/// One folder.
pub struct Entry {
    /// Files, and what the system says of each.
    seen: Vec<(PathBuf, Mark)>,
    /// While they are as they were, so is what was read.
    holds: bool,
    /// None: it is no tenant's. With the file that faults are told of.
    pub read: Option<(Arc<Tenant>, PathBuf)>,
}

/// A file at one moment; none: it is not there.
type Mark = Option<[i64; 7]>;

impl Register {
    /// Paths of all folders, in order.
    pub fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.keys()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, folder: &Path) -> Option<&Entry> {
        self.0.get(folder)
    }

    /// What was read of a folder, if that holds.
    pub fn still(&self, folder: &Path) -> Option<&Entry> {
        self.get(folder).filter(|entry| entry.holds && entry.seen.iter().all(|(path, known)| mark(path) == *known))
    }

    /// They are as they were read now; of others that are not among `all`, where these are told, nothing is known any more.
    pub fn take(&mut self, fresh: BTreeMap<PathBuf, Entry>, all: Option<&[PathBuf]>) {
        self.0.extend(fresh);
        if let Some(all) = all {
            self.0.retain(|folder, _| all.binary_search(folder).is_ok());
        }
    }
}

impl Entry {
    /// Of a folder that was read just now. What else counts, as a certificate or a link in the way to the script does, is not
    /// looked at: who has such is read each time.
    pub fn new(folder: &Path, read: Option<(Arc<Tenant>, PathBuf)>, before: Option<&Entry>) -> Entry {
        let mut paths = vec![folder.to_owned(), folder.join(CONFIG_FILE), folder.join(PACKAGE)];
        paths.extend(read.iter().map(|(tenant, _)| tenant.main.clone()));
        // What has been as it is for a while was so when it was read.
        let seen: Vec<(PathBuf, Mark)> = paths.into_iter().map(|path| (path.clone(), mark(&path))).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_secs() as i64);
        let settled = seen.iter().all(|(_, mark)| mark.is_none_or(|mark| mark[5] + SETTLED < now));
        let is_plain = match &read {
            Some((tenant, _)) => is_plain(tenant),
            None => seen[2].1.is_none(),
        };
        // What is the same is the very same.
        let known = before.and_then(|entry| entry.read.as_ref());
        let read = read.map(|(tenant, file)| match known {
            Some((known, _)) if *known == tenant => (known.clone(), file),
            _ => (tenant, file),
        });
        Entry { seen, holds: settled && is_plain, read }
    }
}

/// Whether nothing else is read of it than its folder's own files.
fn is_plain(tenant: &Tenant) -> bool {
    tenant.main.parent() == Some(&tenant.folder) && tenant.identity.is_none() && tenant.grants.folders.len() == 1
}

/// What the system says of a file, where a link leads.
pub fn mark(path: &Path) -> Mark {
    let file = std::fs::metadata(path).ok()?;
    let (mtime, ctime) = ((file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec()));
    Some([file.dev() as i64, file.ino() as i64, file.size() as i64, mtime.0, mtime.1, ctime.0, ctime.1])
}

#[cfg(test)]
mod tests {
    use super::super::config::Hive;
    use super::*;
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};

    struct Place(PathBuf);

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    impl Place {
        fn new(names: &[&str]) -> Place {
            let mut random = [0; 8];
            getrandom::fill(&mut random).expect("the system has random bytes");
            let place = Place(std::env::temp_dir().join(format!("skep-hive-{:x}", u64::from_le_bytes(random))));
            for name in names {
                place.write(&format!("{name}/index.js"), "");
                place.write(&format!("{name}/skep.toml"), "");
            }
            place
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.join(name);
            std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder can be made");
            std::fs::write(path, text).expect("it can be written");
        }
    }

    fn read(place: &Place, known: &mut Register, only: Option<&str>) -> Result<Vec<Arc<Tenant>>, String> {
        Hive::read_again(&place.0, known, only).map(|hive| hive.tenants).map_err(|fault| fault.message)
    }

    #[test]
    fn what_has_not_changed_is_the_very_same_and_what_has_is_read() {
        let place = Place::new(&["a", "b", "c"]);
        let mut known = Register::default();
        let first = read(&place, &mut known, None).expect("it is in order");
        place.write("b/skep.toml", "idle = '1s'\n");
        for only in [None, Some("b")] {
            let next = read(&place, &mut known, only).expect("it is in order");
            let same: Vec<bool> = first.iter().zip(&next).map(|(one, other)| Arc::ptr_eq(one, other)).collect();
            assert_eq!(same, [true, false, true], "{only:?}");
            assert_eq!(next[1].idle, Some(std::time::Duration::from_secs(1)));
        }
        place.write("c/skep.toml", "idle = '2s'\n");
        assert!(
            Arc::ptr_eq(&first[2], &read(&place, &mut known, Some("a")).expect("it is in order")[2]),
            "one was asked"
        );
        place.write("d/index.js", "");
        assert_eq!(read(&place, &mut known, Some("d")).expect("it is in order").len(), 4, "one that has come");
        std::fs::remove_dir_all(place.0.join("a")).expect("it was there");
        let names = |only, known: &mut Register| -> Vec<String> {
            read(&place, known, only).expect("it is in order").iter().map(|tenant| tenant.name.clone()).collect()
        };
        assert_eq!(names(Some("a"), &mut known), ["b", "c", "d"]);
        std::fs::remove_dir_all(place.0.join("b")).expect("it was there");
        assert_eq!(names(None, &mut known), ["c", "d"]);
    }

    #[test]
    fn a_fault_leaves_what_is_known_and_all_are_checked_together() {
        let place = Place::new(&["a", "b"]);
        let mut known = Register::default();
        read(&place, &mut known, None).expect("it is in order");
        place.write("b/skep.toml", "hosts = 'one'\n");
        read(&place, &mut known, Some("b")).expect("it is in order");
        place.write("a/skep.toml", "hosts = 'one'\n");
        let why = read(&place, &mut known, Some("a")).expect_err("two have a host");
        assert!(why.contains("is tenant a's already"), "{why}");
        place.write("a/skep.toml", "hosts = 5\n");
        assert!(read(&place, &mut known, Some("a")).is_err());
        place.write("a/skep.toml", "hosts = 'two'\n");
        let tenants = read(&place, &mut known, Some("a")).expect("it is in order");
        assert_eq!((&tenants[0].hosts[0], &tenants[1].hosts[0]), (&"two".to_owned(), &"one".to_owned()));
    }

    #[test]
    fn what_makes_sense_together_is_taken_together() {
        let place = Place::new(&["a", "b"]);
        let hosts = |a: &str, b: &str| {
            place.write("a/skep.toml", &format!("hosts = '{a}'\n"));
            place.write("b/skep.toml", &format!("hosts = '{b}'\n"));
        };
        hosts("one", "two");
        let mut known = Register::default();
        read(&place, &mut known, None).expect("it is in order");
        hosts("two", "one");
        let tenants = read(&place, &mut known, Some("a")).expect("it is in order");
        assert_eq!((&tenants[0].hosts[0], &tenants[1].hosts[0]), (&"two".to_owned(), &"one".to_owned()));
    }

    /// A change within the same moment of the system's clock, of the same length, is seen: who was changed a moment before it was
    /// read is read again.
    #[test]
    fn who_has_changed_lately_is_read_again() {
        let place = Place::new(&["a"]);
        place.write("a/skep.toml", "idle = '1s'\n");
        let config = place.0.join("a/skep.toml");
        let mut known = Register::default();
        read(&place, &mut known, None).expect("it is in order");
        assert!(known.still(&place.0.join("a")).is_none(), "it may change within this moment");
        place.write("a/skep.toml", "idle = '2s'\n");
        // The time of the last change of its content can be set; that of its record cannot.
        let then = Timespec { tv_sec: 1_000_000_000, tv_nsec: 0 };
        let times = Timestamps { last_access: then, last_modification: then };
        utimensat(CWD, &config, &times, AtFlags::empty()).expect("it is ours");
        assert_eq!(
            read(&place, &mut known, None).expect("it is in order")[0].idle,
            Some(std::time::Duration::from_secs(2))
        );
    }
}

//! The ledger: what a guest has been told of files, so that an image of it is used only while it would be told the same again. An
//! entry is what was asked of a path and a code of the answer; what was missing is an answer like any other. It must not know
//! what images are for.
//!
//! To ask all of it again reads each file. So where a path led, and when that was last changed, stands beside the answers: while
//! both are as they were, and the change was not so young that another one could bear the same time, the answers are taken
//! to be the same.
use super::fs::{Job, run};
use super::fs_open::{Roots, look, open_granted};
use super::{Answer, Refusal};
use crate::guest::work::Done;
use crate::policy::Limits;
use rustix::fs::{FileType, Mode, fstat};
use serde::{Deserialize, Serialize};
use skep_abi::errno::EFBIG;
use skep_abi::file_op as op;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A change that lies back less than so many seconds when it is looked at might be followed by another of the same time.
const SETTLED: i64 = 2;

/// How a file is opened only to be written: of Linux's numbers.
const WRITE_ONLY: u32 = 1;

/// Words of a file's record that reading changes: when it was last read.
const READ_AT: std::ops::Range<usize> = 80..96;

pub(in crate::guest) type Code = [u8; 32];

/// What was asked of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Question {
    op: i32,
    a: i64,
    b: i64,
    flags: u32,
    mode: u32,
}

/// Where a path leads, and when that was last changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    /// Nowhere, with this number.
    Nowhere(i32),
    There {
        file: (u64, u64),
        changed: (i64, i64),
        bytes: i64,
    },
}

/// One path.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Entry {
    answers: BTreeMap<Question, Code>,
    place: Option<Place>,
    /// While the place stays the same, so do the answers.
    settled: bool,
}

/// How much may be asked again: it is done at once, by the loop.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Bounds {
    /// Bytes of the ledger itself.
    pub bytes: usize,
    /// Bytes of files and listings, all together.
    pub told: usize,
}

/// All that a guest has been told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::guest) struct Ledger {
    entries: BTreeMap<PathBuf, Entry>,
    bounds: Bounds,
    /// Bytes that it holds, and those that the answers had.
    bytes: usize,
    told: usize,
    /// Why it says nothing: it would be too long, or a file changed while it was written.
    spoilt: Option<String>,
    file_bytes: u64,
    /// As fine as times of files are told.
    clock_ns: u32,
    /// A code of what the guest was told and may do beside.
    pub beside: Code,
}

/// An answer to come.
pub(super) struct Asked {
    path: PathBuf,
    question: Question,
    /// It was asked for something else, which answers what this question would.
    again: bool,
}

impl Ledger {
    pub(in crate::guest) fn new(bounds: Bounds, limits: &Limits, beside: Code) -> Ledger {
        let Limits { file_bytes, clock_ns, .. } = *limits;
        Ledger { entries: BTreeMap::new(), bounds, bytes: 0, told: 0, spoilt: None, file_bytes, clock_ns, beside }
    }

    /// Paths in it.
    #[cfg(test)]
    pub(in crate::guest) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What a job will tell; none when it tells nothing that another time could tell otherwise: what it changes is done once.
    pub(super) fn asks(job: &Job) -> Option<Asked> {
        let Job { op, a, b, flags, mode, .. } = *job;
        let path = job.path.clone();
        let as_is = |again| Some((op, a, b, flags, mode, again));
        let (op, a, b, flags, mode, again) = match op {
            op::STAT | op::LSTAT | op::KIND | op::ACCESS | op::READ_LINK | op::REAL_PATH | op::LIST => as_is(false),
            op::READ_FILE => as_is(false),
            // What is read through the handle is what the file holds.
            op::OPEN if flags & 3 != WRITE_ONLY => Some((op::READ_FILE, 0, 0, 0, 0, true)),
            op::OPEN_FOLDER => Some((op::LIST, 0, 0, 0, 0, true)),
            _ => None,
        }?;
        Some(Asked { path, question: Question { op, a, b, flags, mode }, again })
    }

    /// What came of it; none: a thread will tell, and what it tells by then is what would be told now, or the ledger does not
    /// hold. `roots` are the guest's: what it may not see is not looked at.
    pub(super) fn note(&mut self, asked: Asked, answer: Option<&Answer<Done>>, roots: &Arc<Roots>) {
        if self.spoilt.is_some() {
            return;
        }
        let Asked { path, question, again } = asked;
        let own = if again || answer.is_none() { Some(self.ask(&path, &question, roots)) } else { None };
        let Some(answer) = own.as_ref().or(answer) else { return };
        match answer {
            Err(Refusal::Denied(_)) => return,
            Err(Refusal::Errno(EFBIG)) => self.spoil(format!("{} is too large to be looked at again", path.display())),
            Ok(Done::Bytes(bytes)) => self.told += bytes.len(),
            _ => {}
        }
        let code = code(question.op, answer);
        match self.entries.get(&path).and_then(|entry| entry.answers.get(&question)) {
            Some(known) if *known == code => return,
            Some(_) => self.spoil(format!("{} changed while it started", path.display())),
            None => self.bytes += path.as_os_str().len() + size_of::<(PathBuf, Entry, Question, Code)>(),
        }
        if self.bytes > self.bounds.bytes || self.told > self.bounds.told {
            self.spoil("it has looked at more files than can be looked at again".into());
        }
        if self.spoilt.is_none() {
            self.entries.entry(path).or_default().answers.insert(question, code);
        }
    }

    fn spoil(&mut self, why: String) {
        self.spoilt.get_or_insert(why);
        self.entries.clear();
    }

    /// The answer of now.
    fn ask(&self, path: &Path, question: &Question, roots: &Arc<Roots>) -> Answer<Done> {
        let Question { op, a, b, flags, mode } = *question;
        run(&Job {
            op,
            path: path.to_owned(),
            other: PathBuf::new(),
            open: None,
            a,
            b,
            flags,
            mode,
            data: Vec::new(),
            file_bytes: self.file_bytes.min(self.bounds.told as u64),
            clock_ns: self.clock_ns,
            roots: Arc::clone(roots),
        })
    }

    /// Whether all would be answered as it was.
    ///
    /// # Errors
    /// Why not: for the tenant's log.
    pub(in crate::guest) fn holds(&mut self, roots: &Arc<Roots>, wall: u64) -> Result<(), String> {
        if let Some(why) = &self.spoilt {
            return Err(why.clone());
        }
        let mut entries = std::mem::take(&mut self.entries);
        let changed =
            entries.iter_mut().find_map(|(path, entry)| (!self.stays(path, entry, roots, wall)).then_some(path));
        let outcome = changed.map_or(Ok(()), |path| Err(format!("{} has changed", path.display())));
        self.entries = entries;
        outcome
    }

    fn stays(&self, path: &Path, entry: &mut Entry, roots: &Arc<Roots>, wall: u64) -> bool {
        // Before what it holds: what changes in between is another place the next time.
        let place = place(path, roots);
        if entry.settled && entry.place.as_ref() == Some(&place) {
            return true;
        }
        if !entry.answers.iter().all(|(question, known)| code(question.op, &self.ask(path, question, roots)) == *known)
        {
            return false;
        }
        entry.settled = match &place {
            // A link at the end is followed, so it may change unseen.
            _ if entry.answers.keys().any(|question| matches!(question.op, op::LSTAT | op::READ_LINK)) => false,
            Place::Nowhere(_) => true,
            Place::There { changed, .. } => changed.0 + SETTLED < (wall / 1_000_000_000) as i64,
        };
        entry.place = Some(place);
        true
    }
}

fn place(path: &Path, roots: &Arc<Roots>) -> Place {
    let entry = match open_granted(roots, path, false, look(true), Mode::empty()) {
        Ok(entry) => entry,
        Err(Refusal::Errno(errno)) => return Place::Nowhere(errno),
        Err(_) => return Place::Nowhere(0),
    };
    let Ok(stat) = fstat(&entry) else { return Place::Nowhere(0) };
    // The types differ from system to system.
    #[allow(clippy::unnecessary_cast, reason = "the fields' widths differ between systems")]
    Place::There {
        file: (stat.st_dev as u64, stat.st_ino as u64),
        changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        bytes: if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile { stat.st_size as i64 } else { 0 },
    }
}

fn code(op: i32, answer: &Answer<Done>) -> Code {
    let mut hasher = blake3::Hasher::new();
    match answer {
        Ok(Done::Bytes(bytes)) => {
            hasher.update(b"bytes");
            if matches!(op, op::STAT | op::LSTAT) && bytes.len() >= READ_AT.end {
                hasher.update(&bytes[..READ_AT.start]).update(&bytes[READ_AT.end..]);
            } else {
                hasher.update(bytes);
            }
        }
        Ok(Done::Number(number)) => drop(hasher.update(b"number").update(&number.to_le_bytes())),
        Ok(Done::Failed { errno, .. }) | Err(Refusal::Errno(errno)) => {
            hasher.update(b"errno").update(&errno.to_le_bytes());
        }
        Ok(Done::Opened(_)) | Err(Refusal::Denied(_) | Refusal::Exit(_) | Refusal::Signalled(_)) => {
            hasher.update(b"none");
        }
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{FolderGrant, Grants};
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    const NOW: u64 = 4_000_000_000_000_000_000;

    fn limits() -> Limits {
        Limits { file_bytes: 1 << 20, clock_ns: 100_000, ..Limits::default() }
    }

    /// A folder that a guest may see, and one beside it.
    struct Scene {
        folder: PathBuf,
        roots: Arc<Roots>,
        ledger: Ledger,
    }

    impl Scene {
        fn new(bounds: Bounds) -> Scene {
            let mut random = [0; 8];
            getrandom::fill(&mut random).expect("the system has random bytes");
            let folder = std::env::temp_dir().join(format!("skep-ledger-{:x}", u64::from_le_bytes(random)));
            fs::create_dir_all(folder.join("own")).expect("a folder can be made");
            let grant = FolderGrant { folder: folder.join("own"), write: false };
            let roots = Arc::new(Roots::new(&Grants { folders: vec![grant], ..Grants::default() }));
            Scene { folder, roots, ledger: Ledger::new(bounds, &limits(), [0; 32]) }
        }

        fn put(&self, name: &str, text: &str) {
            fs::write(self.folder.join(name), text).expect("it can be written");
        }

        fn job(&self, op: i32, name: &str) -> Job {
            let (path, other, roots) = (self.folder.join(name), PathBuf::new(), Arc::clone(&self.roots));
            Job {
                op,
                path,
                other,
                open: None,
                a: 0,
                b: 0,
                flags: 0,
                mode: 4,
                data: Vec::new(),
                file_bytes: limits().file_bytes,
                clock_ns: limits().clock_ns,
                roots,
            }
        }

        /// What the guest asks is noted, by a call or by a thread.
        fn asks(&mut self, op: i32, name: &str, at_once: bool) {
            let job = self.job(op, name);
            let asked = Ledger::asks(&job).expect("it tells something");
            let answer = at_once.then(|| run(&job));
            self.ledger.note(asked, answer.as_ref(), &Arc::clone(&self.roots));
        }

        fn holds(&mut self) -> bool {
            self.ledger.holds(&Arc::clone(&self.roots), NOW).is_ok()
        }
    }

    impl Drop for Scene {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    const WIDE: Bounds = Bounds { bytes: 1 << 20, told: 1 << 20 };

    #[test]
    fn times_are_asked_for_as_coarse_as_they_were_told() {
        for (op, at_once) in [(op::STAT, true), (op::LSTAT, true), (op::STAT, false), (op::LSTAT, false)] {
            let mut scene = Scene::new(WIDE);
            scene.put("own/a", "one");
            scene.asks(op, "own/a", at_once);
            scene.asks(op, "own/a", !at_once);
            assert!(scene.holds() && scene.holds());
            scene.put("own/a", "longer");
            assert!(!scene.holds());
        }
    }

    #[test]
    fn content_counts_and_not_its_time() {
        for at_once in [true, false] {
            for op in [op::READ_FILE, op::OPEN] {
                let mut scene = Scene::new(WIDE);
                scene.put("own/a", "one");
                scene.asks(op, "own/a", at_once);
                assert!(scene.holds() && scene.holds());
                scene.put("own/a", "one");
                assert!(scene.holds(), "written anew, with the same content");
                scene.put("own/a", "two");
                assert!(!scene.holds());
                scene.put("own/a", "one");
                assert!(scene.holds());
                fs::remove_file(scene.folder.join("own/a")).expect("it is there");
                assert!(!scene.holds());
            }
        }
    }

    #[test]
    fn what_was_missing_must_be_missing() {
        for op in [op::KIND, op::READ_FILE, op::STAT, op::REAL_PATH, op::OPEN, op::LIST, op::OPEN_FOLDER, op::ACCESS] {
            let mut scene = Scene::new(WIDE);
            scene.asks(op, "own/a", true);
            assert!(scene.holds(), "{op}");
            scene.put("own/a", "one");
            assert!(!scene.holds(), "{op}");
        }
    }

    #[test]
    fn folders_and_links_count_as_they_were_seen() {
        let mut scene = Scene::new(WIDE);
        scene.put("own/a", "one");
        scene.asks(op::KIND, "own", true);
        scene.put("own/b", "two");
        assert!(scene.holds(), "still a folder");
        scene.asks(op::LIST, "own", true);
        scene.put("own/c", "three");
        assert!(!scene.holds(), "it holds more");
        let mut scene = Scene::new(WIDE);
        scene.put("own/a", "one");
        scene.put("own/b", "one");
        std::os::unix::fs::symlink("a", scene.folder.join("own/link")).expect("a link can be made");
        scene.asks(op::READ_LINK, "own/link", true);
        scene.asks(op::REAL_PATH, "own/link", true);
        assert!(scene.holds());
        fs::remove_file(scene.folder.join("own/link")).expect("it is there");
        std::os::unix::fs::symlink("b", scene.folder.join("own/link")).expect("a link can be made");
        assert!(!scene.holds(), "the same content by another way");
    }

    #[test]
    fn a_young_change_is_read_again() {
        let mut scene = Scene::new(WIDE);
        scene.put("own/a", "one");
        scene.asks(op::READ_FILE, "own/a", true);
        // As if it had been looked at in the very second: nothing is settled.
        assert!(scene.ledger.holds(&Arc::clone(&scene.roots), 0).is_ok());
        assert!(scene.ledger.entries.values().all(|entry| !entry.settled));
        assert!(scene.holds());
        assert!(scene.ledger.entries.values().all(|entry| entry.settled));
    }

    #[test]
    fn what_it_may_not_see_is_not_looked_at() {
        let mut scene = Scene::new(WIDE);
        for name in ["beside", "own/../beside", "own/out"] {
            scene.asks(op::KIND, name, true);
            scene.asks(op::READ_FILE, name, false);
        }
        scene.put("beside", "of nobody's concern");
        assert!(scene.holds(), "who lies in wait for a file of others learns nothing");
        assert_eq!(scene.ledger.len(), 1);
    }

    #[test]
    fn it_is_bounded_and_says_so() {
        let mut scene = Scene::new(Bounds { bytes: 4096, told: 1 << 20 });
        (0..100).for_each(|at| scene.asks(op::KIND, &format!("own/{at}"), true));
        assert!(!scene.holds());
        assert_eq!(scene.ledger.len(), 0);
        let mut scene = Scene::new(Bounds { bytes: 1 << 20, told: 10 });
        scene.put("own/a", "eleven byte");
        scene.asks(op::READ_FILE, "own/a", true);
        assert!(!scene.holds());
        let mut scene = Scene::new(Bounds { bytes: 1 << 20, told: 10 });
        scene.put("own/a", "eleven byte");
        scene.asks(op::OPEN, "own/a", true);
        assert!(!scene.holds(), "too large to be looked at again");
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_spoils_it() {
        let mut scene = Scene::new(WIDE);
        scene.put("own/a", "one");
        scene.asks(op::READ_FILE, "own/a", true);
        scene.put("own/a", "two");
        scene.asks(op::READ_FILE, "own/a", true);
        scene.put("own/a", "one");
        assert!(!scene.holds());
    }

    #[test]
    fn a_change_is_settled_two_seconds_after_it_and_not_before() {
        let mut scene = Scene::new(WIDE);
        scene.put("own/a", "one");
        scene.asks(op::READ_FILE, "own/a", true);
        let changed = fs::metadata(scene.folder.join("own/a")).expect("it is there").ctime() as u64;
        for (after, settled) in [(0, false), (SETTLED as u64, false), (SETTLED as u64 + 1, true)] {
            assert!(scene.ledger.holds(&Arc::clone(&scene.roots), (changed + after) * 1_000_000_000).is_ok());
            assert!(scene.ledger.entries.values().all(|entry| entry.settled == settled), "{after} s");
        }
    }

    #[test]
    fn a_link_may_change_while_it_leads_to_the_same_file() {
        let mut scene = Scene::new(WIDE);
        scene.put("own/a", "one");
        fs::hard_link(scene.folder.join("own/a"), scene.folder.join("own/b")).expect("a link can be made");
        let link = scene.folder.join("own/link");
        std::os::unix::fs::symlink("a", &link).expect("a link can be made");
        scene.asks(op::READ_LINK, "own/link", true);
        assert!(scene.holds());
        fs::remove_file(&link).expect("it is there");
        std::os::unix::fs::symlink("b", &link).expect("a link can be made");
        assert!(!scene.holds());
    }
}

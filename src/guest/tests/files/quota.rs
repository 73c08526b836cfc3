//! What lies in folders that may be written is bounded (row F05): whatever a guest does in whatever order, the host's own look at
//! the folders finds what the hoard says.
use super::*;
use crate::guest::{Command, Done, Open, Work};
use crate::policy::{Bound, Hoard, Stuff};
use skep_abi::errno::{EDQUOT, ENOTEMPTY};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

const MOST: u64 = 10_000;
const ENTRIES: u64 = 12;
const FILE: u64 = 6_000;

fn bounded() -> Limits {
    let (disk_bytes, disk_entries, disk_file_bytes) = (Some(MOST), Some(ENTRIES), Some(FILE));
    Limits { disk_bytes, disk_entries, disk_file_bytes, ..Limits::default() }
}

impl Tree {
    fn bounded(&self, limits: Limits) -> Puppet {
        let grant = |name: &str, write| FolderGrant { folder: self.0.join(name), write };
        let grants = Grants { folders: vec![grant("in", false), grant("rw", true)], ..Grants::default() };
        let mut puppet = Puppet::new(state_with(grants, limits));
        puppet.measure(0);
        puppet
    }
}

impl Puppet {
    fn hoard(&self) -> Arc<Hoard> {
        self.guest.state().roots.hoard.clone().expect("there are bounds")
    }

    fn measure(&mut self, now: u64) {
        self.guest.state_mut().tend_hoard(now, true).into_iter().for_each(|work| drop(work.run()));
    }

    fn at(&mut self, file: i64, at: i64, len: i64) -> i64 {
        self.op(file_op::WRITE, &Asked { file, a: at, ..Asked::default() }, len)
    }

    fn resize(&mut self, file: i64, to: i64) -> i64 {
        self.op(file_op::TRUNCATE, &Asked { file, a: to, ..Asked::default() }, 0)
    }

    /// Begins a call; answers whether it is put aside in the middle of that.
    fn is_put_aside(&mut self, op: i32, asked: &Asked<'_>, data_len: i64) -> bool {
        let len = self.ask(asked);
        let mut line = [0i64; 10];
        let words = [call("fs_call") as i64, i64::from(op), i64::from(SCRATCH), len, i64::from(DATA), data_len];
        line[..6].copy_from_slice(&words);
        let batch: Vec<u8> = line.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.guest.deliver(&batch) == Turn::Yielded
    }

    /// What it waits for is done; answers what the call does.
    fn goes_on(&mut self) -> i64 {
        let work = self.guest.state_mut().take_awaited().expect("a thread is to do it");
        self.guest.state_mut().end_awaited(work.run());
        assert!(matches!(self.guest.resume(), Turn::Done { .. }));
        i64::from_le_bytes(self.guest.peek(ANSWERS, 8).try_into().expect("eight bytes"))
    }

    /// What it has queued for threads.
    fn take_work(&mut self) -> Vec<Work> {
        let commands = self.guest.state_mut().outbox.take();
        let work = |command| if let Command::Work { work, .. } = command { Some(work) } else { None };
        commands.into_iter().filter_map(work).collect()
    }

    fn held(&self) -> (u64, u64) {
        let hoard = self.hoard();
        hoard.tidy();
        (hoard.held(Stuff::Bytes), hoard.held(Stuff::Entries))
    }

    /// What there is, by the host's own look: files with names, and those that this guest has open without one.
    fn truth(&self, folder: &Path) -> (u64, u64) {
        let (mut sizes, mut entries, mut left) = (BTreeMap::new(), 0, vec![folder.to_owned()]);
        while let Some(folder) = left.pop() {
            for entry in fs::read_dir(folder).expect("it can be read") {
                let path = entry.expect("it can be read").path();
                let data = fs::symlink_metadata(&path).expect("it is there");
                entries += 1;
                if data.is_file() {
                    sizes.insert(data.ino(), data.len());
                } else if data.is_dir() {
                    left.push(path);
                }
            }
        }
        for open in self.guest.state().files.values() {
            if let Open::File(file) = open {
                let stat = rustix::fs::fstat(file).expect("it is open");
                if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                    sizes.insert(stat.st_ino, stat.st_size as u64);
                }
            }
        }
        (sizes.values().sum(), entries)
    }
}

#[test]
fn f05_lies_about_offsets_and_sizes_are_answered_with_errors() {
    let tree = Tree::new();
    let mut puppet = tree.bounded(bounded());
    assert_eq!(puppet.held(), (8, 1), "what was there counts");
    let (one, two) = (puppet.open(&tree.path("rw/a"), NEW), puppet.open(&tree.path("rw/a"), 0o2));
    assert!(one > 0 && two > 0);
    assert_eq!((puppet.at(one, -1, 4000), puppet.at(two, -1, 4000)), (4000, 4000), "the same bytes twice");
    assert_eq!(puppet.held(), (4008, 2));
    for at in [i64::MAX, i64::MAX - 1, 1 << 62, 6000] {
        assert_eq!(puppet.at(one, at, 100), -number(EFBIG), "{at}");
        assert_eq!(puppet.at(one, at, 0), 0, "{at}");
    }
    assert_eq!(puppet.at(one, 5999, 100), 1, "up to the file's bound");
    for to in [i64::MAX, 6001] {
        assert_eq!(puppet.resize(two, to), -number(EFBIG), "{to}");
    }
    assert_eq!(puppet.resize(two, -1), -number(EINVAL));
    assert_eq!(puppet.held(), (6008, 2), "a hole counts");
    let third = puppet.open(&tree.path("rw/b"), NEW);
    assert_eq!(puppet.at(third, 3991, 10), 1, "as much as there is room for");
    assert_eq!((puppet.at(third, -1, 10), puppet.at(third, 3992, 1)), (10, -number(EDQUOT)), "holes are filled");
    assert_eq!(puppet.resize(third, 4000), -number(EDQUOT));
    assert_eq!((puppet.resize(one, 0), puppet.resize(third, 4000)), (0, 0));
    assert_eq!(puppet.held(), (4008, 3));
    puppet.measure(0);
    let hits = |bound| puppet.guest.state().meter.hits(bound);
    assert_eq!((hits(Bound::DiskBytes), hits(Bound::DiskEntries), hits(Bound::DiskFile)), (2, 0, 6));
}

#[test]
fn f05_what_nobody_can_name_counts_until_it_is_closed() {
    let tree = Tree::new();
    let mut puppet = tree.bounded(Limits { disk_file_bytes: None, ..bounded() });
    let path = tree.path("rw/a");
    let mut open = Vec::new();
    for _ in 0..3 {
        let file = puppet.open(&path, NEW);
        assert!(file > 0);
        open.push(file);
        let sent = puppet.at(file, -1, 4000);
        assert_eq!(sent, if open.len() < 3 { 4000 } else { 1992 }, "what was removed is still there");
        assert_eq!(puppet.on_path(file_op::REMOVE, &path, 0), 0);
    }
    assert_eq!((puppet.held(), puppet.at(open[0], 4000, 1)), ((MOST, 1), -number(EDQUOT)));
    assert_eq!(puppet.one("close", &[open[1]]), 0);
    assert_eq!((puppet.at(open[0], 4000, 1), puppet.held()), (1, (6001, 1)));
    // Renamed over, it is as gone.
    assert_eq!(puppet.on_two(file_op::RENAME, &tree.path("rw/none"), &tree.path("rw/old")), number(ENOENT));
    assert_eq!(puppet.write(&path, &[1; 100], NEW), 0);
    assert_eq!(puppet.on_two(file_op::RENAME, &path, &tree.path("rw/old")), 0);
    assert_eq!(puppet.held(), (6093, 1));
    // Somebody else removes one: nothing is counted below nothing, and it is found at the next look.
    fs::remove_file(tree.path("rw/old")).expect("it can be removed");
    open.iter().for_each(|file| _ = puppet.one("close", &[*file]));
    assert_eq!(puppet.held(), (100, 1));
    puppet.hoard().ask();
    puppet.measure(3600 * 1_000_000_000);
    assert_eq!(puppet.held(), (0, 0));
}

#[test]
fn f05_names_have_a_quota_and_what_is_there_is_told_first() {
    let tree = Tree::new();
    let mut puppet = tree.bounded(bounded());
    let rw = |name: String| tree.path(&format!("rw/{name}"));
    for at in 1..ENTRIES {
        assert_eq!(puppet.on_path(file_op::MAKE_FOLDER, &rw(at.to_string()), 0), 0);
    }
    let (new, old) = (rw("new".into()), rw("old".into()));
    for op in [file_op::MAKE_FOLDER, file_op::MAKE_TEMPORARY] {
        assert_eq!(puppet.on_path(op, &new, 4096), -number(EDQUOT), "{op}");
    }
    assert_eq!(puppet.on_path(file_op::MAKE_FOLDER, &old, 0), -number(EEXIST));
    assert_eq!(puppet.on_two(file_op::LINK, &old, &new), number(EDQUOT));
    assert_eq!(puppet.on_two(file_op::LINK, &old, &rw("1".into())), number(EEXIST));
    assert_eq!(puppet.on_two(file_op::SYMLINK, &new, "old"), number(EDQUOT));
    assert_eq!(puppet.on_two(file_op::COPY, &old, &new), number(EDQUOT));
    assert_eq!(
        (puppet.write(&new, b"x", NEW), puppet.write(&old, b"longer than it was", TRUNCATE)),
        (number(EDQUOT), 0)
    );
    assert_eq!(puppet.write(&old, b" and more", APPEND), 0);
    assert_eq!(puppet.on_path(file_op::REMOVE_FOLDER, &rw("1".into()), 0), 0);
    assert_eq!((puppet.write(&new, b"x", NEW), puppet.held()), (0, (28, ENTRIES)));
}

/// A guest can close its own folders to a host that is not root, as its threads are here.
#[cfg(target_os = "linux")]
#[test]
fn f05_what_cannot_be_looked_at_may_be_all_there_is() {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    use std::os::unix::fs::PermissionsExt as _;
    let tree = Tree::new();
    let inner = tree.0.join("rw/inner");
    fs::create_dir(&inner).expect("a folder can be made");
    fs::write(inner.join("file"), [1; 1000]).expect("a file can be made");
    let mut puppet = tree.bounded(Limits { disk_entries: None, ..bounded() });
    let mut now = 0;
    let mut measured = |mode: u32| {
        fs::set_permissions(&inner, fs::Permissions::from_mode(mode)).expect("it is ours");
        now += 3600 * 1_000_000_000;
        puppet.hoard().ask();
        let work = puppet.guest.state_mut().tend_hoard(now, true).expect("it is time");
        let walk = move || {
            let root = CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            let mut sets = capabilities(None).expect("they can be asked for");
            sets.effective.remove(root);
            set_capabilities(None, sets).expect("less is always allowed");
            drop(work.run());
        };
        std::thread::spawn(walk).join().expect("it does not panic");
        puppet.held().0
    };
    assert_eq!(measured(0o700), 1008);
    // Neither listed, nor what is listed looked at.
    assert_eq!((measured(0o300), measured(0o400)), (MOST, MOST));
    assert_eq!(measured(0o700), 1008);
}

#[test]
fn f05_what_was_removed_while_it_is_open_is_not_forgotten_when_folders_are_measured() {
    let tree = Tree::new();
    let mut puppet = tree.bounded(Limits { disk_file_bytes: None, ..bounded() });
    let path = tree.path("rw/a");
    let mut open = Vec::new();
    for round in 1..4 {
        let file = puppet.open(&path, NEW);
        assert!(file > 0);
        open.push(file);
        while puppet.at(file, -1, 6000) > 0 {}
        assert_eq!(puppet.at(file, -1, 1), -number(EDQUOT));
        assert_eq!(puppet.on_path(file_op::REMOVE, &path, 0), 0);
        puppet.measure(round * 3600 * 1_000_000_000);
        assert_eq!(puppet.held(), (MOST, 1), "{round}");
        assert_eq!(puppet.at(file, 0, 100), if round == 1 { 100 } else { -number(EDQUOT) });
    }
    open.iter().for_each(|file| _ = puppet.one("close", &[*file]));
    assert_eq!(puppet.held(), (8, 1));
}

/// Threads hold what orders names, files and positions while they wait for a disk.
#[cfg(target_os = "linux")]
#[test]
fn f05_who_may_not_wait_is_put_aside_when_a_thread_has_the_quotas_books() {
    HAS_NEIGHBOURS.set(true);
    let tree = Tree::new();
    let mut puppet = tree.bounded(bounded());
    let path = tree.path("rw/old");
    let (file, hoard) = (puppet.open(&path, 0o2), puppet.hoard());
    assert!(file > 0);
    let opens = Asked { path: &path, ..Asked::default() };
    let names = hoard.names();
    assert!(puppet.is_put_aside(file_op::OPEN, &opens, 0));
    drop(names);
    assert!(puppet.goes_on() > 0);
    let book = hoard.book();
    assert!(puppet.is_put_aside(file_op::OPEN, &opens, 0));
    drop(book);
    assert!(puppet.goes_on() > 0);
    // What moves a position waits for who writes there.
    let position = hoard.position();
    assert!(puppet.is_put_aside(file_op::READ, &Asked { file, a: -1, ..Asked::default() }, 3));
    drop(position);
    assert_eq!(puppet.goes_on(), 3);
    assert_eq!(puppet.guest.peek(DATA, 3), b"old");
}

#[test]
fn f05_a_walk_that_comes_to_nothing_is_begun_again() {
    let tree = Tree::new();
    let mut puppet = tree.bounded(bounded());
    fs::write(tree.0.join("rw/more"), [1; 100]).expect("a file can be made");
    puppet.hoard().ask();
    let (hour, state) = (3600 * 1_000_000_000, puppet.guest.state_mut());
    assert!(state.tend_hoard(hour, false).is_none(), "another's is measured");
    let work = state.tend_hoard(hour, true).expect("it is time");
    assert!(state.tend_hoard(2 * hour, true).is_none(), "once at a time");
    drop(work);
    puppet.measure(3 * hour);
    assert_eq!(puppet.held(), (108, 2));
}

/// A stream of numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % sides
    }
}

#[test]
fn f05_whatever_is_done_in_whatever_order_the_hoard_holds_what_there_is() {
    let tree = Tree::new();
    let mut puppet = tree.bounded(bounded());
    let (mut dice, mut open, mut refused) = (Dice(0x5eed_0f05), Vec::new(), BTreeMap::new());
    let names = ["a", "b", "c", "old", "d", "d/a", "d/b", "e", "e/d"].map(|name| tree.path(&format!("rw/{name}")));
    for round in 0..4000 {
        let [name, other] = [0; 2].map(|_| names[dice.roll(names.len() as u64) as usize].clone());
        let (file, amount) = (open.get(dice.roll(8) as usize).copied(), dice.roll(3000) as i64);
        let answer = match (dice.roll(16), file) {
            (0..3, None) => {
                let file = puppet.open(&name, [NEW, TRUNCATE, APPEND, 0o2, 0][dice.roll(5) as usize]);
                open.extend((file > 0).then_some(file));
                file
            }
            (0..3, Some(file)) => puppet.at(file, -1, amount),
            (3..6, Some(file)) => {
                let at = dice.roll(7000) as i64;
                puppet.at(file, at, amount)
            }
            (6, Some(file)) => puppet.resize(file, amount * 2),
            (7, Some(file)) => {
                open.retain(|one| *one != file);
                puppet.one("close", &[file])
            }
            (8, _) => puppet.on_path(file_op::MAKE_FOLDER, &name, 0),
            (9, _) => puppet.on_path(file_op::REMOVE, &name, 0),
            (10, _) => puppet.on_path(file_op::REMOVE_FOLDER, &name, 0),
            (11, _) => -puppet.on_two(file_op::RENAME, &name, &other),
            (12, _) => -puppet.on_two(file_op::LINK, &name, &other),
            (13, _) => -puppet.on_two(file_op::SYMLINK, &name, "old"),
            (14, _) => -puppet.on_two(file_op::COPY, &name, &other),
            _ => -puppet.write(&name, &[7; 700], APPEND),
        };
        if answer < 0 {
            *refused.entry(-answer).or_insert(0) += 1;
        }
        let held = puppet.held();
        assert_eq!(held, puppet.truth(&tree.0.join("rw")), "round {round}");
        assert!(held.0 <= MOST && held.1 <= ENTRIES, "round {round}: {held:?}");
    }
    for errno in [EDQUOT, EFBIG, ENOENT, EEXIST, ENOTEMPTY] {
        assert!(refused.contains_key(&number(errno)), "{errno}: {refused:?}");
    }
}

#[test]
fn f05_threads_that_race_on_the_same_names_leave_nothing_behind() {
    let tree = Tree::new();
    let mut puppet = tree.bounded(Limits { operations: 10_000, ..bounded() });
    let mut dice = Dice(0x7ace);
    let names = ["a", "b", "c"].map(|name| tree.path(&format!("rw/{name}")));
    puppet.poke(DATA, &[9; 3000]);
    let files = names.clone().map(|name| puppet.open(&name, APPEND));
    for _ in 0..300 {
        for _ in 0..8 {
            let (at, other) = (dice.roll(3) as usize, dice.roll(3) as usize);
            let (name, other) = (names[at].as_str(), names[other].as_str());
            let (op, asked, data) = match dice.roll(8) {
                0..3 => (file_op::WRITE, Asked { file: files[at], a: -1, ..Asked::default() }, dice.roll(3000)),
                3 => (file_op::TRUNCATE, Asked { file: files[at], a: dice.roll(3000) as i64, ..Asked::default() }, 0),
                4 => (file_op::OPEN, Asked { path: name, flags: TRUNCATE, mode: 0o600, ..Asked::default() }, 0),
                5 => (file_op::RENAME, Asked { path: name, other, ..Asked::default() }, 0),
                6 => (file_op::COPY, Asked { path: name, other, ..Asked::default() }, 0),
                _ => (file_op::REMOVE, Asked { path: name, ..Asked::default() }, 0),
            };
            let len = puppet.ask(&asked);
            let begun = puppet.one("fs_queue", &[i64::from(op), i64::from(SCRATCH), len, i64::from(DATA), data as i64]);
            assert!(begun > 0, "{begun}");
        }
        let work = puppet.take_work();
        assert_eq!(work.len(), 8);
        let threads: Vec<_> = work.into_iter().map(|work| std::thread::spawn(move || work.run())).collect();
        for thread in threads {
            let done = thread.join().expect("no work panics");
            assert!(!matches!(done, Done::Failed { errno: EINVAL, .. }), "{done:?}");
        }
        let held = puppet.held();
        assert_eq!(held, puppet.truth(&tree.0.join("rw")));
        assert!(held.0 <= MOST && held.1 <= ENTRIES, "{held:?}");
    }
}

#[test]
fn f05_a_folder_of_many_entries_is_read_in_pieces() {
    const COUNT: usize = 100_000;
    let tree = Tree::new();
    for at in 0..COUNT {
        symlink("x", tree.0.join("in/deep").join(at.to_string())).expect("a link can be made");
    }
    let mut puppet = tree.puppet();
    let folder = puppet.on_path(file_op::OPEN_FOLDER, &tree.path("in/deep"), 0);
    assert!(folder > 0);
    let (mut seen, mut answers) = (0, 0);
    loop {
        let next = Asked { file: folder, a: i64::MAX, ..Asked::default() };
        let len = puppet.op(file_op::READ_FOLDER, &next, 20 << 10);
        assert!((0..=(16 << 10) + 260).contains(&len), "{len}");
        if len == 0 {
            break;
        }
        let bytes = puppet.guest.peek(DATA, len as u32);
        let mut at = 0;
        while at < bytes.len() {
            at += 4 + usize::from(u16::from_le_bytes([bytes[at + 2], bytes[at + 3]]));
            seen += 1;
        }
        answers += 1;
    }
    assert_eq!(seen, COUNT + 1);
    assert!(answers > 50, "{answers}");
    // Read whole, it is more than may be held at once.
    assert_eq!(puppet.on_path(file_op::LIST, &tree.path("in/deep"), 0), -number(EFBIG));
}

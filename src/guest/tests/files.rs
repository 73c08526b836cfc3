//! The file calls: nothing outside a grant can be reached, or told from what does not exist.
mod quota;

use super::puppet::{ANSWERS, Puppet, SCRATCH, call};
use super::{HAS_NEIGHBOURS, state_with};
use crate::guest::{Handle, Turn};
use crate::policy::{FolderGrant, Grants, Limits};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use skep_abi::errno::{
    EACCES, EAGAIN, EBADF, EBUSY, EEXIST, EFBIG, EINVAL, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENODEV, ENOENT, ENOTDIR,
    EPERM,
};
use skep_abi::file_op;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A tree: `in/` is granted for reading, `rw/` for writing, `out/` not at all.
struct Tree(PathBuf);

impl Tree {
    fn new() -> Tree {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system has random bytes");
        let top = std::env::temp_dir().canonicalize().expect("the folder for temporary files is there");
        let top = top.join(format!("skep-files-{:x}", u64::from_le_bytes(random)));
        for folder in ["in/deep", "rw", "out"] {
            fs::create_dir_all(top.join(folder)).expect("a folder can be made");
        }
        fs::write(top.join("in/a.txt"), "text of a").expect("a file can be made");
        fs::write(top.join("in/deep/b.txt"), "text of b").expect("a file can be made");
        fs::write(top.join("out/secret"), "secret").expect("a file can be made");
        fs::write(top.join("rw/old"), "old text").expect("a file can be made");
        Tree(top)
    }

    fn link(&self, target: impl AsRef<Path>, at: &str) {
        symlink(target, self.0.join(at)).expect("a link can be made");
    }

    fn puppet(&self) -> Puppet {
        let grant = |name: &str, write| FolderGrant { folder: self.0.join(name), write };
        let grants = Grants { folders: vec![grant("in", false), grant("rw", true)], ..Grants::default() };
        Puppet::new(state_with(grants, Limits { file_bytes: 1000, ..Limits::default() }))
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A request, as a guest lays it out.
#[derive(Default)]
struct Asked<'a> {
    file: i64,
    a: i64,
    b: i64,
    flags: u32,
    mode: u32,
    path: &'a str,
    other: &'a str,
}

impl Puppet {
    /// Puts the record and the paths at SCRATCH; answers their length.
    fn ask(&mut self, asked: &Asked<'_>) -> i64 {
        let mut record = Vec::new();
        for word in [asked.file, asked.a, asked.b] {
            record.extend_from_slice(&word.to_le_bytes());
        }
        for word in [asked.flags, asked.mode, asked.path.len() as u32, asked.other.len() as u32] {
            record.extend_from_slice(&word.to_le_bytes());
        }
        record.extend_from_slice(asked.path.as_bytes());
        record.extend_from_slice(asked.other.as_bytes());
        self.poke(SCRATCH, &record);
        record.len() as i64
    }

    /// One operation at once, with `data_len` bytes of room at DATA.
    fn op(&mut self, op: i32, asked: &Asked<'_>, data_len: i64) -> i64 {
        let len = self.ask(asked);
        self.one("fs_call", &[i64::from(op), i64::from(SCRATCH), len, i64::from(DATA), data_len])
    }

    fn on_path(&mut self, op: i32, path: &str, data_len: i64) -> i64 {
        self.op(op, &Asked { path, ..Asked::default() }, data_len)
    }

    fn on_two(&mut self, op: i32, path: &str, other: &str) -> i64 {
        -self.op(op, &Asked { path, other, ..Asked::default() }, 0)
    }

    fn read(&mut self, path: &str) -> Result<Vec<u8>, i64> {
        let blob = self.on_path(file_op::READ_FILE, path, 0);
        if blob < 0 {
            return Err(-blob);
        }
        let bytes = self.guest.state().blobs[&Handle::from_raw(blob)].to_vec();
        assert_eq!(self.one("blob_len", &[blob]), bytes.len() as i64);
        assert_eq!(self.one("close", &[blob]), 0);
        assert_eq!(self.guest.state().blob_bytes, 0);
        Ok(bytes)
    }

    fn real(&mut self, path: &str) -> Result<String, i64> {
        match self.on_path(file_op::REAL_PATH, path, 4096) {
            len @ 0.. => Ok(String::from_utf8_lossy(&self.guest.peek(DATA, len as u32)).into_owned()),
            errno => Err(-errno),
        }
    }

    fn open(&mut self, path: &str, flags: u32) -> i64 {
        self.op(file_op::OPEN, &Asked { path, flags, mode: 0o644, ..Asked::default() }, 0)
    }

    /// Opens, writes, closes; answers the first errno, or 0.
    fn write(&mut self, path: &str, data: &[u8], flags: u32) -> i64 {
        let file = self.open(path, flags);
        if file < 0 {
            return -file;
        }
        self.poke(DATA, data);
        let sent = self.op(file_op::WRITE, &Asked { file, a: -1, ..Asked::default() }, data.len() as i64);
        assert_eq!(self.one("close", &[file]), 0);
        if sent < 0 { -sent } else { 0 }
    }
}

/// Where data goes: above the request, below the puppet's answers.
const DATA: u32 = SCRATCH + 0x4000;

/// The flags of open() that `writeFile`, `appendFile` and `wx` take.
const TRUNCATE: u32 = 0o1101;
const APPEND: u32 = 0o2101;
const NEW: u32 = 0o301;

const fn number(errno: i32) -> i64 {
    errno as i64
}

#[test]
fn reads_inside_a_grant_and_nothing_else() {
    let tree = Tree::new();
    let mut puppet = tree.puppet();
    assert_eq!(puppet.read(&tree.path("in/a.txt")).as_deref(), Ok(&b"text of a"[..]));
    assert_eq!(puppet.read(&tree.path("in/deep/../deep/b.txt")).as_deref(), Ok(&b"text of b"[..]));
    assert_eq!(puppet.read(&tree.path("in/none")), Err(number(ENOENT)));
    assert_eq!(puppet.read(&tree.path("in/a.txt/x")), Err(number(ENOTDIR)));
    assert_eq!(puppet.read(&tree.path("in/deep")), Err(number(EISDIR)));
    // What exists outside and what does not look the same.
    for outside in
        ["out/secret", "out/none", "none", "in/../out/secret", "in/../out/none", "in/deep/../../out/secret", ""]
    {
        assert_eq!(puppet.read(&tree.path(outside)), Err(number(EACCES)), "{outside}");
    }
    assert_eq!(puppet.read("in/a.txt"), Err(number(EINVAL)), "paths are absolute");
    assert_eq!(puppet.read("/proc/self/mem"), Err(number(EACCES)));
    let why = puppet.guest.state().why.clone();
    assert!(why.contains("--allow-fs="), "{why}");
}

#[test]
fn what_is_closed_at_once_is_closed() {
    let tree = Tree::new();
    let mut puppet = tree.puppet();
    for _ in 0..3000 {
        let file = puppet.open(&tree.path("in/a.txt"), 0);
        assert!(file > 0, "{file}");
        assert_eq!(puppet.op(file_op::CLOSE, &Asked { file, ..Asked::default() }, 0), 0);
        assert_eq!(puppet.op(file_op::CLOSE, &Asked { file, ..Asked::default() }, 0), -number(EBADF));
    }
    assert_eq!(puppet.guest.state().files.len(), 0);
}

#[test]
fn t01_files_times_are_no_finer_than_clocks() {
    let tree = Tree::new();
    let mut puppet = tree.puppet();
    // Of the request's time; a record's nanoseconds stand at each second word from the twelfth on.
    let nanoseconds = |puppet: &mut Puppet| {
        assert_eq!(puppet.on_path(file_op::STAT, &tree.path("in/a.txt"), 4096), 144);
        let record = puppet.guest.peek(DATA, 144);
        [11, 13, 15, 17].map(|at: usize| i64::from_le_bytes(record[at * 8..][..8].try_into().expect("eight bytes")))
    };
    let fine = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    let file = std::fs::File::options().append(true).open(tree.0.join("in/a.txt")).expect("it is there");
    file.set_modified(fine).expect("its time can be set");
    assert_eq!(nanoseconds(&mut puppet)[1], 123_456_789);
    puppet.guest.state_mut().limits.clock_ns = 100_000;
    let coarse = nanoseconds(&mut puppet);
    assert_eq!(coarse[1], 123_400_000);
    assert!(coarse.iter().all(|ns| ns % 100_000 == 0), "{coarse:?}");
}

#[test]
fn links_never_leave_the_grants() {
    let tree = Tree::new();
    tree.link("../out/secret", "in/relative");
    tree.link(tree.0.join("out/secret"), "in/absolute");
    tree.link(tree.0.join("out/none"), "in/dangling-outside");
    tree.link("../out", "in/folder");
    tree.link("/proc/self/root", "in/magic");
    tree.link("loop", "in/loop");
    tree.link(tree.0.join("rw/old"), "in/other-grant");
    tree.link(tree.0.join("in/deep"), "in/same-grant");
    tree.link("deep/b.txt", "in/near");
    let mut puppet = tree.puppet();
    for name in [
        "in/relative",
        "in/absolute",
        "in/dangling-outside",
        "in/folder/secret",
        "in/folder/none",
        "in/magic/etc/passwd",
    ] {
        assert_eq!(puppet.read(&tree.path(name)), Err(number(EACCES)), "{name}");
        assert_eq!(puppet.real(&tree.path(name)), Err(number(EACCES)), "{name}");
    }
    assert_eq!(puppet.read(&tree.path("in/loop")), Err(number(ELOOP)));
    assert_eq!(puppet.read(&tree.path("in/other-grant")).as_deref(), Ok(&b"old text"[..]));
    assert_eq!(puppet.read(&tree.path("in/same-grant/b.txt")).as_deref(), Ok(&b"text of b"[..]));
    assert_eq!(puppet.read(&tree.path("in/near")).as_deref(), Ok(&b"text of b"[..]));
    assert_eq!(
        puppet.real(&tree.path("in/same-grant/../near")),
        Ok(tree.path("in/deep/b.txt")).map(|_: String| tree.path("in/deep/b.txt"))
    );
    assert_eq!(puppet.real(&tree.path("in/other-grant")), Ok(tree.path("rw/old")));
    assert_eq!(puppet.real(&tree.path("in/none")), Err(number(ENOENT)));
    assert_eq!(puppet.real(&tree.path("in")), Ok(tree.path("in")));
}

/// Somebody swaps a folder for a link out of the grant, again and again, while a file in it is read.
#[cfg(target_os = "linux")]
#[test]
fn f02_a_link_that_is_swapped_in_is_not_followed() {
    use rustix::fs::{RenameFlags, renameat_with};
    use std::sync::atomic::{AtomicBool, Ordering};
    let tree = Tree::new();
    fs::create_dir(tree.path("in/place")).expect("a folder can be made");
    fs::write(tree.path("in/place/secret"), "fine").expect("a file can be made");
    tree.link("../out", "in/link");
    let (place, link, over) = (tree.path("in/place"), tree.path("in/link"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, &place, CWD, &link, RenameFlags::EXCHANGE).expect("both are there");
            }
        });
        let mut puppet = tree.puppet();
        let (mut fine, mut refused) = (0, 0);
        for _ in 0..50_000 {
            match puppet.read(&tree.path("in/place/secret")) {
                Ok(text) if text == b"fine" => fine += 1,
                Ok(text) => over.store(text == b"secret", Ordering::Relaxed),
                Err(error) => {
                    refused += i32::from([EACCES, ENOENT, EAGAIN, ELOOP, ENOTDIR].map(number).contains(&error))
                }
            }
        }
        let seen = over.swap(true, Ordering::Relaxed);
        assert!(!seen && fine + refused == 50_000, "the secret was seen: {seen}; {fine} fine, {refused} refused");
        assert!(fine > 0 && refused > 0, "they met: {fine} fine, {refused} refused");
    });
}

#[test]
fn c08_only_regular_files_of_a_bounded_size() {
    let tree = Tree::new();
    mknodat(CWD, tree.path("in/fifo"), FileType::Fifo, Mode::RWXU, 0).expect("a FIFO can be made");
    fs::write(tree.path("in/large"), vec![b'x'; 1001]).expect("a file can be made");
    fs::write(tree.path("in/fits"), vec![b'x'; 1000]).expect("a file can be made");
    let mut puppet = tree.puppet();
    assert_eq!(puppet.read(&tree.path("in/fifo")), Err(number(ENODEV)), "and did not wait");
    assert_eq!(puppet.read(&tree.path("in/large")), Err(number(EFBIG)));
    assert_eq!(puppet.read(&tree.path("in/fits")).map(|bytes| bytes.len()), Ok(1000));
    let long = format!("{}/{}", tree.path("in"), "x".repeat(5000));
    assert_eq!(puppet.read(&long), Err(number(ENAMETOOLONG)));
    let grants = Grants { folders: vec![FolderGrant { folder: "/dev".into(), write: true }], ..Grants::default() };
    let mut devices = Puppet::new(state_with(grants, Limits::default()));
    assert_eq!(devices.read("/dev/zero"), Err(number(ENODEV)));
    assert_eq!(devices.write("/dev/null", b"x", TRUNCATE), number(ENODEV));
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_size_is_a_lie_is_read_to_its_end() {
    let grants =
        Grants { folders: vec![FolderGrant { folder: "/proc/sys/kernel".into(), write: false }], ..Grants::default() };
    let mut puppet = Puppet::new(state_with(grants, Limits::default()));
    assert_eq!(puppet.read("/proc/sys/kernel/ostype").as_deref(), Ok(&b"Linux\n"[..]));
}

#[test]
fn standard_input_is_a_power_of_its_own() {
    let mut puppet = Puppet::new(state_with(Grants::all(), Limits::default()));
    let asked = Asked::default();
    assert_eq!(puppet.op(file_op::READ_INPUT, &asked, 100), -number(EACCES), "and did not wait");
    let mut puppet = Puppet::new(state_with(Grants { input: true, ..Grants::default() }, Limits::default()));
    assert_eq!(puppet.op(file_op::READ_INPUT, &asked, 0), 0, "nothing was asked for");
    assert!(puppet.op(file_op::READ_INPUT, &asked, i64::from(u32::MAX)) < 0, "no such room, so nothing is read");
    assert!(puppet.op(file_op::READ, &asked, 100) < 0, "it is no file");
}

#[test]
fn writes_need_a_grant_of_their_own() {
    let tree = Tree::new();
    tree.link("../out/secret", "rw/link");
    tree.link("../in/a.txt", "rw/to-read-only");
    let mut puppet = tree.puppet();
    let text = |name: &str| fs::read_to_string(tree.path(name)).expect("it is there");
    assert_eq!(puppet.write(&tree.path("in/a.txt"), b"x", TRUNCATE), number(EACCES));
    assert_eq!(puppet.write(&tree.path("in/new"), b"x", NEW), number(EACCES));
    assert_eq!(puppet.write(&tree.path("out/new"), b"x", TRUNCATE), number(EACCES));
    assert_eq!(puppet.write(&tree.path("rw/link"), b"x", TRUNCATE), number(EACCES));
    assert_eq!(puppet.write(&tree.path("rw/to-read-only"), b"x", APPEND), number(EACCES));
    assert_eq!(puppet.write(&tree.path("rw/old"), b"new", TRUNCATE), 0);
    assert_eq!(text("rw/old"), "new");
    assert_eq!(puppet.write(&tree.path("rw/old"), b"er", APPEND), 0);
    assert_eq!(text("rw/old"), "newer");
    assert_eq!(puppet.write(&tree.path("rw/old"), b"x", NEW), number(EEXIST));
    assert_eq!(puppet.write(&tree.path("rw/fresh"), b"x", NEW), 0);
    assert_eq!(text("rw/fresh"), "x");
    assert_eq!(puppet.write(&tree.path("rw/old"), b"x", 3), number(EINVAL));
    assert_eq!(puppet.write(&tree.path("rw"), b"x", TRUNCATE), number(EISDIR));
    assert_eq!((text("in/a.txt"), text("out/secret")), ("text of a".into(), "secret".into()));
}

#[test]
fn stat_and_list() {
    let tree = Tree::new();
    tree.link("a.txt", "in/link");
    let mut puppet = tree.puppet();
    let mut stat = |name: &str, op: i32| {
        let answer = puppet.on_path(op, &tree.path(name), 144);
        let word = |record: &[u8], at: usize| i64::from_le_bytes(record[at..at + 8].try_into().expect("eight bytes"));
        let record = puppet.guest.peek(DATA, 144);
        (answer, word(&record, 8) >> 12, word(&record, 64))
    };
    assert_eq!(stat("in/a.txt", file_op::STAT), (144, 0o10, 9));
    assert_eq!(stat("in/link", file_op::STAT), (144, 0o10, 9));
    assert_eq!(stat("in/link", file_op::LSTAT), (144, 0o12, 5));
    assert_eq!(stat("in/deep", file_op::STAT).1, 4);
    assert_eq!(stat("in", file_op::STAT).1, 4);
    assert_eq!(stat("in/a.txt/", file_op::STAT).0, -number(ENOTDIR), "a slash at the end names a folder");
    assert_eq!(stat("out", file_op::STAT).0, -number(EACCES));
    let blob = puppet.on_path(file_op::LIST, &tree.path("in"), 0);
    let bytes = puppet.guest.state().blobs[&Handle::from_raw(blob)].to_vec();
    let mut expected = Vec::new();
    for (kind, name) in [(1, "a.txt"), (2, "deep"), (3, "link")] {
        expected.extend_from_slice(&[kind, 0, name.len() as u8, 0]);
        expected.extend_from_slice(name.as_bytes());
    }
    assert_eq!(bytes, expected);
    assert_eq!(puppet.on_path(file_op::LIST, &tree.path("in/a.txt"), 0), -number(ENOTDIR));
}

#[test]
fn what_changes_a_folder_needs_an_rw_grant_on_both_sides() {
    let tree = Tree::new();
    let mut puppet = tree.puppet();
    let (a, old, new) = (tree.path("in/a.txt"), tree.path("rw/old"), tree.path("rw/new"));
    assert_eq!(puppet.on_two(file_op::RENAME, &a, &new), number(EACCES));
    assert_eq!(puppet.on_two(file_op::RENAME, &old, &tree.path("in/new")), number(EACCES));
    assert_eq!(puppet.on_two(file_op::LINK, &a, &new), number(EACCES), "a second name could be written through");
    assert_eq!(puppet.on_two(file_op::SYMLINK, &new, "../out/secret"), number(EACCES));
    assert_eq!(puppet.on_two(file_op::SYMLINK, &new, "../in/a.txt"), 0);
    assert_eq!(puppet.write(&new, b"x", TRUNCATE), number(EACCES), "a link lends nothing");
    assert_eq!(puppet.on_two(file_op::COPY, &a, &tree.path("rw/copy")), 0);
    assert_eq!(puppet.on_two(file_op::COPY, &old, &tree.path("out/copy")), number(EACCES));
    for op in [file_op::REMOVE, file_op::REMOVE_FOLDER, file_op::CHANGE_MODE, file_op::CHANGE_TIMES] {
        assert_eq!(puppet.on_path(op, &a, 0), -number(EACCES), "{op}");
    }
    assert_eq!(puppet.on_path(file_op::REMOVE_FOLDER, &tree.path("rw"), 0), -number(EBUSY), "a grant is not its own");
    let setuid = Asked { path: &old, mode: 0o4755, ..Asked::default() };
    assert_eq!(puppet.op(file_op::CHANGE_MODE, &setuid, 0), -number(EPERM));
    assert_eq!(puppet.on_two(file_op::RENAME, &old, &tree.path("rw/renamed")), 0);
    assert_eq!(puppet.on_path(file_op::REMOVE, &tree.path("rw/renamed"), 0), 0);
}

#[test]
fn open_files_are_handles_of_one_kind_and_bounded() {
    let tree = Tree::new();
    let mut puppet = tree.puppet();
    let file = puppet.open(&tree.path("in/a.txt"), 0);
    assert!(file > 0);
    assert_eq!(puppet.open(&tree.path("in/a.txt"), 2), -number(EACCES));
    assert_eq!(puppet.open(&tree.path("rw/old"), 0o20_200_000), -number(EINVAL), "flags that are not ours to take");
    let at = |a| Asked { file, a, ..Asked::default() };
    assert_eq!(puppet.op(file_op::READ, &at(5), 100), 4);
    assert_eq!(puppet.guest.peek(DATA, 4), b"of a");
    assert_eq!(puppet.op(file_op::WRITE, &at(-1), 1), -number(EBADF), "opened to read");
    assert_eq!(puppet.op(file_op::READ_FOLDER, &at(10), 0), -number(EBADF));
    let folder = puppet.on_path(file_op::OPEN_FOLDER, &tree.path("in"), 0);
    let next = Asked { file: folder, a: 10, ..Asked::default() };
    assert!(puppet.op(file_op::READ_FOLDER, &next, 100) > 0);
    assert_eq!(puppet.op(file_op::READ, &next, 100), -number(EBADF));
    assert_eq!(puppet.one("close", &[file]), 0);
    assert_eq!(puppet.op(file_op::READ, &at(0), 100), -number(EBADF));
    assert_eq!(puppet.one("close", &[folder]), 0);
    assert!(puppet.guest.state().files.is_empty());
    let mut few = tree.puppet();
    few.guest.state_mut().limits.files = 2;
    let mut open = || few.open(&tree.path("in/a.txt"), 0);
    assert!(open() > 0 && open() > 0);
    assert_eq!(open(), -number(EMFILE));
}

#[test]
fn what_is_queued_is_bounded() {
    let tree = Tree::new();
    let mut puppet = tree.puppet();
    puppet.guest.state_mut().limits.operations = 2;
    let path = tree.path("in/a.txt");
    let len = puppet.ask(&Asked { path: &path, ..Asked::default() });
    let call = [i64::from(file_op::STAT), i64::from(SCRATCH), len, 0, 0];
    let first = puppet.one("fs_queue", &call);
    assert!(first > 0 && puppet.one("fs_queue", &call) > 0);
    assert_eq!(puppet.one("fs_queue", &call), -number(EAGAIN));
    let state = puppet.guest.state();
    assert_eq!((state.operations, state.operation_bytes), (2, 2 * path.len() as u64));
}

/// Whatever holds of calls at once holds of those that wait, and of those that find all they need in memory.
#[test]
fn calls_that_wait_for_a_thread_are_held_to_the_same() {
    HAS_NEIGHBOURS.set(true);
    let tests: [fn(); 9] = [
        reads_inside_a_grant_and_nothing_else,
        links_never_leave_the_grants,
        f02_a_link_that_is_swapped_in_is_not_followed,
        c08_only_regular_files_of_a_bounded_size,
        writes_need_a_grant_of_their_own,
        stat_and_list,
        what_changes_a_folder_needs_an_rw_grant_on_both_sides,
        open_files_are_handles_of_one_kind_and_bounded,
        standard_input_is_a_power_of_its_own,
    ];
    tests.iter().for_each(|test| test());
}

#[test]
fn c08_who_waits_for_a_disk_is_put_aside_in_the_middle_of_its_call() {
    HAS_NEIGHBOURS.set(true);
    let tree = Tree::new();
    let mut puppet = tree.puppet();
    let path = tree.path("rw/made");
    let len = puppet.ask(&Asked { path: &path, mode: 0o755, ..Asked::default() });
    let mut line = [0i64; 10];
    line[..4].copy_from_slice(&[call("fs_call") as i64, i64::from(file_op::MAKE_FOLDER), i64::from(SCRATCH), len]);
    let batch: Vec<u8> = line.iter().flat_map(|word| word.to_le_bytes()).collect();
    assert_eq!(puppet.guest.deliver(&batch), Turn::Yielded);
    assert!(puppet.guest.state().awaits() && !Path::new(&path).exists(), "nothing is done on its own thread");
    assert_eq!(puppet.guest.resume(), Turn::Yielded, "it goes on when it is answered, not before");
    let work = puppet.guest.state_mut().take_awaited().expect("a thread is to do it");
    assert!(puppet.guest.state_mut().take_awaited().is_none(), "and no other");
    puppet.guest.state_mut().end_awaited(work.run());
    assert!(matches!(puppet.guest.resume(), Turn::Done { .. }));
    let answer = puppet.guest.peek(ANSWERS, 8);
    assert_eq!((answer, Path::new(&path).is_dir()), (vec![0; 8], true));
    // One that is ended meanwhile leaves nothing behind.
    assert_eq!(puppet.guest.deliver(&batch), Turn::Yielded);
    drop(puppet);
}

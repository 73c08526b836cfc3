//! The file calls: nothing outside a grant can be reached, or told from what does not exist.
use super::puppet::{Puppet, SCRATCH};
use super::state_with;
use crate::guest::Handle;
use crate::policy::{FolderGrant, Grants, Limits};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use skep_abi::errno::{EACCES, EEXIST, EFBIG, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENODEV, ENOENT, ENOTDIR};
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

impl Puppet {
    fn path_call(&mut self, name: &str, path: &str, rest: &[i64]) -> i64 {
        self.poke(SCRATCH, path.as_bytes());
        let mut arguments = vec![i64::from(SCRATCH), path.len() as i64];
        arguments.extend_from_slice(rest);
        self.one(name, &arguments)
    }

    fn read(&mut self, path: &str) -> Result<Vec<u8>, i64> {
        let blob = self.path_call("fs_read", path, &[]);
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
        let at = i64::from(SCRATCH) + 8192;
        match self.path_call("fs_realpath", path, &[at, 4096]) {
            len @ 0.. => Ok(String::from_utf8_lossy(&self.guest.peek(at as u32, len as u32)).into_owned()),
            errno => Err(-errno),
        }
    }

    fn write(&mut self, path: &str, data: &[u8], flags: i64) -> i64 {
        let at = SCRATCH + 8192;
        self.poke(at, data);
        -self.path_call("fs_write", path, &[i64::from(at), data.len() as i64, flags])
    }
}

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
    assert_eq!(devices.write("/dev/null", b"x", 0), number(ENODEV));
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
fn writes_need_a_grant_of_their_own() {
    let tree = Tree::new();
    tree.link("../out/secret", "rw/link");
    tree.link("../in/a.txt", "rw/to-read-only");
    let mut puppet = tree.puppet();
    let text = |name: &str| fs::read_to_string(tree.path(name)).expect("it is there");
    assert_eq!(puppet.write(&tree.path("in/a.txt"), b"x", 0), number(EACCES));
    assert_eq!(puppet.write(&tree.path("in/new"), b"x", 2), number(EACCES));
    assert_eq!(puppet.write(&tree.path("out/new"), b"x", 0), number(EACCES));
    assert_eq!(puppet.write(&tree.path("rw/link"), b"x", 0), number(EACCES));
    assert_eq!(puppet.write(&tree.path("rw/to-read-only"), b"x", 1), number(EACCES));
    assert_eq!(puppet.write(&tree.path("rw/old"), b"new", 0), 0);
    assert_eq!(text("rw/old"), "new");
    assert_eq!(puppet.write(&tree.path("rw/old"), b"er", 1), 0);
    assert_eq!(text("rw/old"), "newer");
    assert_eq!(puppet.write(&tree.path("rw/old"), b"x", 2), number(EEXIST));
    assert_eq!(puppet.write(&tree.path("rw/fresh"), b"x", 2), 0);
    assert_eq!(text("rw/fresh"), "x");
    assert_eq!(puppet.write(&tree.path("rw/old"), b"x", 3), number(EINVAL));
    assert_eq!(puppet.write(&tree.path("rw"), b"x", 0), number(EISDIR));
    assert_eq!((text("in/a.txt"), text("out/secret")), ("text of a".into(), "secret".into()));
}

#[test]
fn stat_and_list() {
    let tree = Tree::new();
    tree.link("a.txt", "in/link");
    let mut puppet = tree.puppet();
    let at = SCRATCH + 8192;
    let mut stat = |name: &str, follow: i64| {
        let answer = puppet.path_call("fs_stat", &tree.path(name), &[i64::from(at), follow]);
        let record = puppet.guest.peek(at, 32);
        (answer, record[0], record[8])
    };
    assert_eq!(stat("in/a.txt", 1), (0, 1, 9));
    assert_eq!(stat("in/link", 1), (0, 1, 9));
    assert_eq!(stat("in/link", 0), (0, 3, 5));
    assert_eq!(stat("in/deep", 1).1, 2);
    assert_eq!(stat("in", 1).1, 2);
    assert_eq!(stat("out", 1).0, -number(EACCES));
    let blob = puppet.path_call("fs_list", &tree.path("in"), &[]);
    let bytes = puppet.guest.state().blobs[&Handle::from_raw(blob)].to_vec();
    let mut expected = Vec::new();
    for (kind, name) in [(1, "a.txt"), (2, "deep"), (3, "link")] {
        expected.extend_from_slice(&[kind, 0, name.len() as u8, 0]);
        expected.extend_from_slice(name.as_bytes());
    }
    assert_eq!(bytes, expected);
    assert_eq!(puppet.path_call("fs_list", &tree.path("in/a.txt"), &[]), -number(ENOTDIR));
}

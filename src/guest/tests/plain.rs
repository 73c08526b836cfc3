//! Plain programs on a thread of the test's: what they tell the hoard that a whole tree has. It must not know how their calls are carried
//! out.
use super::{engine, wasm};
use crate::guest::cache::{self, CacheFolder};
use crate::guest::{PlainEnd, PlainWorld, Preopen, Verdict};
use crate::policy::{Found, Hoard, Limits, Stuff};
use std::path::PathBuf;
use std::sync::Arc;

/// `a` is renamed to `b`, which gets `c` as another name; a folder is renamed. 3 is the one folder.
const MOVES: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link" (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "abcxy")
  (func (export "_start")
    (call $exit (i32.or (i32.or
      (call $rename (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 3) (i32.const 1) (i32.const 1))
      (call $link (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 3) (i32.const 2) (i32.const 1)))
      (call $rename (i32.const 3) (i32.const 3) (i32.const 1) (i32.const 3) (i32.const 4) (i32.const 1))))))"#;

/// Tables of buffers that cannot be read as a whole, each of which begins with one that can, for a file that may not grow.
const LIES: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "a")
  (data (i32.const 2048) "\00\04\00\00\e8\03\00\00")
  (data (i32.const 65528) "\00\04\00\00\e8\03\00\00")
  (func $is (param $told i32) (param $wanted i32)
    (if (i32.ne (local.get $told) (local.get $wanted)) (then (call $exit (i32.add (local.get $told) (i32.const 1))))))
  (func (export "_start") (local $file i32)
    (call $is (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1)
      (i64.const 0x1fffffff) (i64.const 0) (i32.const 0) (i32.const 64)) (i32.const 0))
    (local.set $file (i32.load (i32.const 64)))
    (call $is (call $fd_write (local.get $file) (i32.const 2048) (i32.const 1) (i32.const 68)) (i32.const 0))
    (call $is (call $fd_write (local.get $file) (i32.const 2048) (i32.const 1) (i32.const 68)) (i32.const 19))
    (call $is (call $fd_write (local.get $file) (i32.const 2048) (i32.const 1025) (i32.const 68)) (i32.const 28))
    (call $is (call $fd_write (local.get $file) (i32.const 65528) (i32.const 2) (i32.const 68)) (i32.const 21))
    (call $is (call $fd_pwrite (local.get $file) (i32.const 65528) (i32.const 2) (i64.const 1000) (i32.const 68)) (i32.const 21))
    (call $exit (i32.const 0))))"#;

/// A folder of the test's, gone after it.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system has random bytes");
        let dir = std::env::temp_dir().join(format!("skep-plain-{:x}", u64::from_le_bytes(random)));
        std::fs::create_dir(&dir).expect("a folder can be made");
        Dir(dir)
    }

    /// Runs it where a thousand bytes may lie, after this; answers what it draws from, and how it ended.
    fn run(&self, text: &str, before: impl FnOnce(&Hoard)) -> (Arc<Hoard>, PlainEnd) {
        let folders = vec![Preopen { folder: self.0.clone(), name: "/".into(), write: true }];
        let (world, limits) = (PlainWorld { folders, ..PlainWorld::default() }, Limits::default());
        let limits = Limits { disk_bytes: Some(1000), ..limits };
        let made = cache::plain(engine(), &wasm(text)[..], &CacheFolder(None), |_| {}, (&world, &limits));
        let mut plain = made.expect("the program can run");
        let hoard = Arc::new(Hoard::new(&limits).expect("there are bounds"));
        plain.draw_from(Arc::clone(&hoard));
        before(&hoard);
        (hoard, plain.run())
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn f05_what_a_plain_program_moves_while_its_root_measures_is_not_missed() {
    let dir = Dir::new();
    std::fs::create_dir(dir.0.join("x")).expect("a folder can be made");
    std::fs::write(dir.0.join("a"), [1; 100]).expect("a file can be made");
    let mut mark = [0; 4];
    let (hoard, end) = dir.run(MOVES, |hoard| {
        assert!(hoard.begins(0));
        mark = hoard.mark();
    });
    assert_ne!(mark[2], hoard.mark()[2], "a walk may have missed what is in the folder: {end:?}");
    let mark = [mark[0], mark[1], hoard.mark()[2], mark[3]];
    hoard.measure(mark, Found::default());
    assert_eq!((hoard.held(Stuff::Bytes), hoard.held(Stuff::Entries)), (200, 2), "{end:?}");
}

#[test]
fn f05_buffers_that_lie_are_not_written_in_part() {
    let dir = Dir::new();
    let (hoard, end) = dir.run(LIES, |_| {});
    assert!(matches!(end.verdict, Verdict::Exited(0)), "{end:?}");
    let size = std::fs::metadata(dir.0.join("a")).map(|file| file.len()).ok();
    assert_eq!((size, hoard.held(Stuff::Bytes)), (Some(1000), 1000));
}

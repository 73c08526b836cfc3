//! Plain programs on a thread of the test's: what they tell the hoard that a whole tree has. It must not know how their calls are carried
//! out.
use super::{engine, wasm};
use crate::guest::cache::{self, CacheFolder};
use crate::guest::{PlainWorld, Preopen};
use crate::policy::{Found, Hoard, Limits, Stuff};
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

#[test]
fn f05_what_a_plain_program_moves_while_its_root_measures_is_not_missed() {
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("the system has random bytes");
    let dir = std::env::temp_dir().join(format!("skep-plain-{:x}", u64::from_le_bytes(random)));
    std::fs::create_dir_all(dir.join("x")).expect("a folder can be made");
    std::fs::write(dir.join("a"), [1; 100]).expect("a file can be made");
    let folders = vec![Preopen { folder: dir.clone(), name: "/".into(), write: true }];
    let (world, limits) = (PlainWorld { folders, ..PlainWorld::default() }, Limits::default());
    let limits = Limits { disk_bytes: Some(1000), ..limits };
    let made = cache::plain(engine(), &wasm(MOVES)[..], &CacheFolder(None), |_| {}, (&world, &limits));
    let mut plain = made.expect("the program can run");
    let hoard = Arc::new(Hoard::new(&limits).expect("there are bounds"));
    plain.draw_from(Arc::clone(&hoard));
    assert!(hoard.begins(0));
    let before = hoard.mark();
    let end = plain.run();
    std::fs::remove_dir_all(&dir).expect("it can be removed");
    assert_ne!(before[2], hoard.mark()[2], "a walk may have missed what is in the folder: {end:?}");
    let mark = [before[0], before[1], hoard.mark()[2]];
    hoard.measure(mark, Found::default());
    assert_eq!((hoard.held(Stuff::Bytes), hoard.held(Stuff::Entries)), (200, 2), "{end:?}");
}

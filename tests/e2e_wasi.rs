//! Plain WASI programs, through the program: what they are given and what they are not, how they end, and that whatever they do
//! the loop of their process goes on. Made by hand, and built by each compiler that can be had. It must not know how one is run.
#[path = "support/guests.rs"]
mod guests;
mod support;

use guests::{build_c_command, compilers};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use support::{DEADLINE, Finished, finish, folder, piped, skep};

const WASI: &str = "wasi_snapshot_preview1";

/// A program of this body; `$call` stands for the calls that it imports.
fn program(calls: &[(&str, &str)], body: &str) -> PathBuf {
    let imports: String = calls
        .iter()
        .map(|(name, parameters)| {
            let result = if *name == "proc_exit" { "" } else { "(result i32)" };
            format!("(import \"{WASI}\" \"{name}\" (func ${name} (param {parameters}) {result}))\n")
        })
        .collect();
    module(&format!("(module {imports} (memory (export \"memory\") 1) {body})"))
}

fn module(text: &str) -> PathBuf {
    let file = folder().join("program.wasm");
    std::fs::write(&file, wat::parse_str(text).expect("it is well-formed")).expect("a file can be written");
    file
}

const EXIT: (&str, &str) = ("proc_exit", "i32");
const WRITE: (&str, &str) = ("fd_write", "i32 i32 i32 i32");
const READ: (&str, &str) = ("fd_read", "i32 i32 i32 i32");
const RANDOM: (&str, &str) = ("random_get", "i32 i32");
const POLL: (&str, &str) = ("poll_oneoff", "i32 i32 i32 i32");

fn run(file: &Path, options: &[&str], words: &[&str]) -> Finished {
    finish(piped(skep().arg("run").args(options).arg(file).args(words)).spawn().expect("the program starts"))
}

/// Exits with what this expression comes to.
fn code_of(calls: &[(&str, &str)], more: &str, expression: &str) -> Finished {
    let calls = [calls, &[EXIT]].concat();
    run(&program(&calls, &format!("{more} (func (export \"_start\") (call $proc_exit {expression}))")), &[], &[])
}

#[test]
fn exit_codes_are_passed_through() {
    for code in [0, 1, 42, 125, 126, 255] {
        let done = code_of(&[], "", &format!("(i32.const {code})"));
        assert_eq!((done.code, done.err.contains("stopped")), (Some(code), false), "{}", done.err);
    }
    assert_eq!(run(&program(&[], r#"(func (export "_start"))"#), &[], &[]).code, Some(0));
    let trapped = run(&program(&[], r#"(func $deep (unreachable)) (func (export "_start") (call $deep))"#), &[], &[]);
    assert!(trapped.code == Some(134) && trapped.err.contains("unreachable"), "{}", trapped.err);
    // It may have what no image could carry.
    let started = r#"(global $it (mut i32) (i32.const 0)) (func $s (global.set $it (i32.const 9))) (start $s)"#;
    assert_eq!(code_of(&[], started, "(global.get $it)").code, Some(9));
}

#[test]
fn what_is_no_program_is_refused_by_name() {
    let refused = |text: &str, reason: &str| {
        let done = run(&module(text), &[], &[]);
        assert!(done.code == Some(1) && done.err.contains(reason), "{reason}: {}", done.err);
    };
    refused(
        r#"(module (import "skep" "log" (func (param i32 i32 i32) (result i32))) (func (export "_start")))"#,
        "imports skep.log",
    );
    refused(r#"(module (import "env" "system" (func)) (func (export "_start")))"#, "imports env.system");
    refused(r#"(module (import "wasi_snapshot_preview1" "open_door" (func)) (func (export "_start")))"#, "open_door");
    refused(r#"(module (func (export "_start") (param i32)))"#, "`_start` is of a wrong type");
    refused(&format!("(module (func (export \"_start\")) {})", "(func)".repeat(60_000)), "functions");
    let large = run(&module(r#"(module (memory (export "memory") 20000) (func (export "_start")))"#), &[], &[]);
    assert!(large.code == Some(134) && large.err.contains("exceeds memory limits"), "{}", large.err);
}

#[test]
fn an_endless_loop_ends_at_its_deadline() {
    let endless = program(&[], r#"(func (export "_start") (loop $on (br $on)))"#);
    let done = run(&endless, &["--cpu=50ms"], &[]);
    assert!(done.code == Some(134) && done.err.contains("CPU budget"), "{}", done.err);
    let at_start = program(&[], r#"(func $s (loop $on (br $on))) (start $s) (func (export "_start"))"#);
    let done = run(&at_start, &["--cpu=50ms"], &[]);
    assert!(done.code == Some(134) && done.err.contains("CPU budget"), "{}", done.err);
}

#[test]
fn a_program_that_is_over_its_rate_rests() {
    let endless = program(&[], r#"(func (export "_start") (loop $on (br $on)))"#);
    let began = Instant::now();
    let done = run(&endless, &["--cpu-rate=100ms", "--cpu=200ms"], &[]);
    assert!(done.code == Some(134) && done.err.contains("CPU budget"), "{}", done.err);
    // A tenth of a second at once; the second one comes in a second.
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());
}

#[test]
fn memory_is_refused_beyond_its_limit() {
    let all = r#"(func (export "_start") (loop $on (br_if $on (i32.ne (i32.const -1) (memory.grow (i32.const 16))))) (unreachable))"#;
    let done = run(&program(&[], all), &["--memory=32M"], &[]);
    assert!(done.code == Some(134) && done.err.contains("refused more memory"), "{}", done.err);
    let deep = program(&[], r#"(func $f (call $f)) (func (export "_start") (call $f))"#);
    let done = run(&deep, &[], &[]);
    assert!(done.code == Some(134) && done.err.contains("stack"), "{}", done.err);
}

/// Lengths and places that are not there: an error for the program, or its end, and nothing of the host's.
#[test]
fn lies_about_memory_are_found_out() {
    let lies = [
        (RANDOM, "(call $random_get (i32.const 65000) (i32.const 100000))"),
        (RANDOM, "(call $random_get (i32.const 0) (i32.const -1))"),
        (RANDOM, "(call $random_get (i32.const -1) (i32.const 1))"),
        (WRITE, "(call $fd_write (i32.const 1) (i32.const 65530) (i32.const 100) (i32.const 0))"),
        (WRITE, "(call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0))"),
        (
            WRITE,
            "(block (result i32) (i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const -1))
            (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 0)))",
        ),
        (READ, "(call $fd_read (i32.const 0) (i32.const -8) (i32.const 1) (i32.const 0))"),
        (READ, "(call $fd_read (i32.const 77) (i32.const 0) (i32.const 1) (i32.const 0))"),
        (POLL, "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0))"),
        (POLL, "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))"),
        (
            ("fd_prestat_dir_name", "i32 i32 i32"),
            "(call $fd_prestat_dir_name (i32.const 3) (i32.const 65535) (i32.const -1))",
        ),
        (
            ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
            "(call $path_open (i32.const 3) (i32.const 0) (i32.const 0)
            (i32.const -1) (i32.const 0) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 0))",
        ),
        (("sock_accept", "i32 i32 i32"), "(call $sock_accept (i32.const 3) (i32.const 0) (i32.const 0))"),
    ];
    for (call, lie) in lies {
        let done = code_of(&[call], "", lie);
        let trapped = done.code == Some(134) && done.err.contains("stopped by a trap");
        let refused = done.code.is_some_and(|code| (1..128).contains(&code));
        assert!(trapped || refused, "{lie}: {:?} {}", done.code, done.err);
        assert!(!done.err.contains("fault of the host") && !done.err.contains("panicked"), "{lie}: {}", done.err);
    }
}

#[test]
fn words_and_variables_are_those_that_are_given() {
    // Exit codes: how many there are of each.
    let count = |call: &str| {
        let name = format!("{call}_sizes_get");
        let body = format!(
            "(func (export \"_start\") (drop (call ${name} (i32.const 0) (i32.const 4))) (call $proc_exit (i32.load (i32.const 0))))"
        );
        program(&[(name.as_str(), "i32 i32"), EXIT], &body)
    };
    assert_eq!(run(&count("args"), &[], &["a", "b c"]).code, Some(3));
    let environ = count("environ");
    let with = |options: &[&str]| {
        let mut command = skep();
        command.env("SECRET", "1").arg("run").args(options).arg(&environ);
        finish(piped(&mut command).spawn().expect("the program starts")).code
    };
    assert_eq!(with(&[]), Some(0));
    assert_eq!(with(&["--allow-env=SECRET,NONE_SUCH"]), Some(1));
}

/// A program that waits in a call is ended by a signal at once: the loop is not what waits.
#[test]
fn signals_end_what_blocks() {
    let said = r#"(data (i32.const 64) "in\n") (func $say (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 3))
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))"#;
    let bodies = [
        // Reads its input, which never comes.
        "(i32.store (i32.const 16) (i32.const 128)) (i32.store (i32.const 20) (i32.const 1))
            (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 8)))",
        // Sleeps for an hour: a clock that is monotonic, and a time from now.
        "(i32.store8 (i32.const 136) (i32.const 0)) (i32.store (i32.const 144) (i32.const 1)) (i64.store (i32.const 152) (i64.const 3600000000000))
            (drop (call $poll_oneoff (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 8)))",
        "(loop $on (br $on))",
    ];
    for (body, (signal, code)) in bodies.iter().zip([("TERM", 143), ("INT", 130), ("TERM", 143)]) {
        let text = format!("{said} (func (export \"_start\") (call $say) {body})");
        let file = program(&[WRITE, READ, POLL], &text);
        let mut command = skep();
        let mut child = piped(command.arg(&file)).stdin(Stdio::piped()).spawn().expect("the program starts");
        let mut line = [0; 3];
        child.stdout.as_mut().expect("it is piped").read_exact(&mut line).expect("it says that it is there");
        let stdin = child.stdin.take();
        support::signal(child.id(), signal);
        assert_eq!(finish(child).code, Some(code), "{body}");
        drop(stdin);
    }
}

#[test]
fn a_sleep_is_as_long_as_was_asked() {
    let text = "(func (export \"_start\") (i32.store (i32.const 144) (i32.const 1)) (i64.store (i32.const 152) (i64.const 20000000))
        (call $proc_exit (call $poll_oneoff (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 8))))";
    let begun = std::time::Instant::now();
    assert_eq!(run(&program(&[POLL, EXIT], text), &[], &[]).code, Some(0));
    let passed = begun.elapsed();
    assert!((std::time::Duration::from_millis(20)..DEADLINE).contains(&passed), "{passed:?}");
}

#[test]
fn a_program_is_compiled_once_and_confined_if_that_is_asked() {
    let (file, cache) = (program(&[EXIT], r#"(func (export "_start") (call $proc_exit (i32.const 5)))"#), folder());
    let start = |options: &[&str]| {
        let mut command = skep();
        command.env("SKEP_CACHE_DIR", &cache).arg("run").args(options).arg(&file);
        finish(piped(&mut command).spawn().expect("the program starts"))
    };
    let first = start(&[]);
    assert_eq!((first.code, first.err.matches("compiling").count()), (Some(5), 1), "{}", first.err);
    let second = start(&[]);
    assert_eq!((second.code, second.err.as_str()), (Some(5), ""));
    assert_eq!(start(&["--confine"]).code, Some(5));
    let checked = finish(piped(skep().arg("check").arg(&file)).spawn().expect("the program starts"));
    assert_eq!(checked.code, Some(0), "{}", checked.err);
}

/// A program by each compiler: what `guests/command.rs` and `guests/command.c` do is the same.
fn built() -> &'static [(String, PathBuf)] {
    static BUILT: OnceLock<Vec<(String, PathBuf)>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests").join(name);
        let wasi = compilers().iter().filter(|compiler| compiler.target.contains("wasi"));
        let mut built: Vec<(String, PathBuf)> = wasi
            .map(|compiler| (compiler.name.clone(), compiler.build_command(&source("command.rs"), &folder())))
            .collect();
        built.push(("C".to_owned(), build_c_command(&source("command.c"), &folder())));
        built
    })
}

#[test]
fn programs_of_every_compiler_say_hello() {
    for (name, file) in built() {
        let done = run(file, &[], &["hello", "you"]);
        assert_eq!((done.code, done.out.as_str()), (Some(0), "hello you\n"), "{name}: {}", done.err);
        let done = run(file, &["--allow-env=COLOUR"], &["env", "COLOUR"]);
        assert_eq!(done.out, "none\n", "{name}");
        let mut command = skep();
        command.env("COLOUR", "blue").args(["run", "--allow-env=COLOUR"]).arg(file).args(["env", "COLOUR"]);
        assert_eq!(finish(piped(&mut command).spawn().expect("it starts")).out, "blue\n", "{name}");
        let mut command = skep();
        command.env("COLOUR", "blue").arg("run").arg(file).args(["env", "COLOUR"]);
        assert_eq!(finish(piped(&mut command).spawn().expect("it starts")).out, "none\n", "{name}");
        assert_eq!(run(file, &[], &["exit", "7"]).code, Some(7), "{name}");
        let mut command = skep();
        let mut child = piped(command.arg(file).arg("cat")).stdin(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("it is piped").write_all(b"in and out\n").expect("it reads");
        assert_eq!(finish(child).out, "in and out\n", "{name}");
        let starved = run(file, &["--memory=32M"], &["fill"]);
        assert!(starved.code != Some(0) && starved.err.contains("refused more memory"), "{name}: {}", starved.err);
    }
}

#[test]
fn files_are_reached_beneath_granted_folders_alone() {
    for (name, file) in built() {
        let (granted, other) = (folder(), folder());
        std::fs::write(granted.join("a.txt"), "inside").expect("a file can be written");
        std::fs::write(other.join("secret.txt"), "secret").expect("a file can be written");
        std::os::unix::fs::symlink(other.join("secret.txt"), granted.join("link")).expect("a link can be made");
        std::os::unix::fs::symlink(&other, granted.join("way")).expect("a link can be made");
        let path = |folder: &Path, file: &str| folder.join(file).to_string_lossy().into_owned();
        let read_only = format!("--allow-fs={}", granted.display());
        let writable = format!("{read_only}:rw");
        let reads = |option: &str, path: &str| run(file, &[option], &["read", path]);
        assert_eq!(reads(&read_only, &path(&granted, "a.txt")).out, "inside", "{name}");
        let up =
            format!("{}/../{}/secret.txt", granted.display(), other.file_name().expect("it has one").to_string_lossy());
        for way in [path(&other, "secret.txt"), up, path(&granted, "link"), path(&granted, "way/secret.txt")] {
            for option in [&read_only, &writable] {
                let done = reads(option, &way);
                assert!(done.code == Some(1) && !done.out.contains("secret"), "{name} {way}: {}", done.out);
            }
        }
        let writes = |option: &str, path: &str| run(file, &[option], &["write", path, "new"]);
        assert_eq!(writes(&read_only, &path(&granted, "b.txt")).code, Some(1), "{name}");
        assert_eq!(writes(&read_only, &path(&granted, "a.txt")).code, Some(1), "{name}");
        let done = writes(&writable, &path(&granted, "b.txt"));
        assert_eq!(done.code, Some(0), "{name}: {}", done.err);
        assert_eq!(std::fs::read_to_string(granted.join("b.txt")).expect("it was written"), "new");
        assert_eq!(writes(&writable, &path(&granted, "way/x.txt")).code, Some(1), "{name}");
        assert_eq!(writes(&writable, &path(&other, "x.txt")).code, Some(1), "{name}");
        assert_eq!(std::fs::read_dir(&other).expect("it is there").count(), 1);
        // A relative name is one of the folder where the process stands, if that is granted.
        let here = |options: &[&str]| {
            let mut command = skep();
            command.current_dir(&granted).arg("run").args(options).arg(file).args(["read", "a.txt"]);
            finish(piped(&mut command).spawn().expect("it starts"))
        };
        assert_eq!(here(&["--allow-fs=."]).out, "inside", "{name}");
        assert_eq!(here(&[]).code, Some(1), "{name}");
        let confined = run(file, &["--confine", &writable], &["write", &path(&granted, "c.txt"), "new"]);
        assert_eq!(confined.code, Some(0), "{name}: {}", confined.err);
    }
    let done = run(&program(&[], r#"(func (export "_start"))"#), &["--allow-fs=/dev/null"], &[]);
    assert!(done.code == Some(1) && done.err.contains("folders only"), "{}", done.err);
}

/// Folder 4 is what is granted to be written: 3 is where the program stands. `$open` makes a file by the name at `at`, `$put` writes 1000 bytes until that is refused and gives
/// the number why, `$gone` removes a name; each step that goes wrong ends the program with its own number.
const PLAIN: &str = r#"(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "abcdef")
  (func $is (param $step i32) (param $told i32) (param $wanted i32)
    (if (i32.ne (local.get $told) (local.get $wanted))
      (then (call $exit (i32.add (i32.mul (local.get $step) (i32.const 100)) (local.get $told))))))
  (func $open (param $at i32) (result i32)
    (call $is (i32.const 1) (call $path_open (i32.const 4) (i32.const 0) (local.get $at) (i32.const 1) (i32.const 1)
      (i64.const 0x1fffffff) (i64.const 0) (i32.const 0) (i32.const 64)) (i32.const 0))
    (i32.load (i32.const 64)))
  (func $put (param $file i32) (result i32) (local $why i32)
    (i32.store (i32.const 32) (i32.const 1024))
    (i32.store (i32.const 36) (i32.const 1000))
    (loop $more
      (local.set $why (call $fd_write (local.get $file) (i32.const 32) (i32.const 1) (i32.const 68)))
      (br_if $more (i32.eqz (local.get $why))))
    (local.get $why))
  (func (export "_start") (local $a i32) (local $b i32)
    (local.set $a (call $open (i32.const 0)))
    (call $is (i32.const 2) (call $put (local.get $a)) (i32.const 19))
    (call $is (i32.const 3) (call $fd_pwrite (local.get $a) (i32.const 32) (i32.const 1) (i64.const 9223372036854775807) (i32.const 68)) (i32.const 19))
    (call $is (i32.const 4) (call $set_size (local.get $a) (i64.const 9223372036854775807)) (i32.const 19))
    (local.set $b (call $open (i32.const 1)))
    (call $is (i32.const 5) (call $fd_write (local.get $b) (i32.const 32) (i32.const 1) (i32.const 68)) (i32.const 19))
    (call $is (i32.const 6) (call $mkdir (i32.const 4) (i32.const 2) (i32.const 1)) (i32.const 19))
    (call $is (i32.const 7) (call $mkdir (i32.const 4) (i32.const 1) (i32.const 1)) (i32.const 20))
    (call $is (i32.const 8) (call $unlink (i32.const 4) (i32.const 0) (i32.const 1)) (i32.const 0))
    (call $is (i32.const 9) (call $fd_write (local.get $b) (i32.const 32) (i32.const 1) (i32.const 68)) (i32.const 19))
    (call $is (i32.const 10) (call $fd_close (local.get $a)) (i32.const 0))
    (call $is (i32.const 11) (call $fd_write (local.get $b) (i32.const 32) (i32.const 1) (i32.const 68)) (i32.const 0))
    (call $is (i32.const 12) (i32.load (i32.const 68)) (i32.const 1000))
    (call $is (i32.const 13) (call $set_size (local.get $b) (i64.const 7)) (i32.const 0))
    (local.set $a (call $open (i32.const 2)))
    (call $is (i32.const 14) (call $put (local.get $a)) (i32.const 19))
    (call $is (i32.const 15) (call $rename (i32.const 4) (i32.const 1) (i32.const 1) (i32.const 4) (i32.const 2) (i32.const 1)) (i32.const 0))
    (call $is (i32.const 16) (call $fd_close (local.get $a)) (i32.const 0))
    (call $is (i32.const 17) (call $put (local.get $b)) (i32.const 19))))"#;

#[test]
fn f05_a_plain_program_has_a_quota_too() {
    let dir = folder().canonicalize().expect("the folder is there");
    std::fs::write(dir.join("old"), "what was there").expect("a file can be written");
    let grant = format!("--allow-fs={}:rw", dir.display());
    let done = run(&module(PLAIN), &[&grant, "--disk=4500", "--disk-entries=3"], &[]);
    assert_eq!(done.code, Some(0), "step and number: {}", done.err);
    let sizes = ["old", "c"].map(|name| std::fs::metadata(dir.join(name)).expect("it is there").len());
    let names = std::fs::read_dir(&dir).expect("it can be read").count();
    assert_eq!((sizes, names), ([14, 4486], 2));
}

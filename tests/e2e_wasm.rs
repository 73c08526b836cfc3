//! Modules that are guests themselves, through the program: what is refused, and by which words; that another process compiles
//! what nobody vouches for. It must not know how a module is looked at.
mod support;

use skep_abi::VERSION;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use support::{Finished, Server, finish, folder, free_port, piped, skep};

fn around(more: &str) -> String {
    // Imports come first.
    let (first, last) = if more.starts_with("(import") { (more, "") } else { ("", more) };
    format!(
        r#"(module {first} (import "skep" "inbox" (func $inbox (param i32 i32) (result i32)))
          (import "skep" "exit" (func $exit (param i32) (result i32)))
          (memory (export "memory") 2)
          (func (export "_initialize") (drop (call $inbox (i32.const 4096) (i32.const 4096))))
          (func (export "skep_abi") (result i32) (i32.const {VERSION}))
          (func (export "skep_on_events") (param i32) (result i32)
            (if (i32.ne (i32.load16_u (i32.const 4124)) (i32.const 1)) (then (drop (call $exit (i32.const 5)))))
            (i32.const 0)) {last})"#
    )
}

fn module(text: &str) -> PathBuf {
    let file = folder().join("guest.wasm");
    std::fs::write(&file, wat::parse_str(text).expect("it is well-formed")).expect("a file can be written");
    file
}

fn run(file: &PathBuf, options: &[&str]) -> Finished {
    finish(piped(skep().arg("run").args(options).arg(file)).spawn().expect("the program starts"))
}

fn refused(text: &str, options: &[&str], reason: &str) {
    let done = run(&module(text), options);
    assert_eq!(done.code, Some(1), "{}", done.err);
    assert!(done.err.contains(reason), "{}", done.err);
}

#[test]
fn a_module_runs_and_is_compiled_once() {
    let (file, cache) = (module(&around("")), folder());
    let start = || finish(piped(skep().env("SKEP_CACHE_DIR", &cache).arg(&file)).spawn().expect("the program starts"));
    let first = start();
    assert_eq!((first.code, first.err.matches("compiling").count()), (Some(5), 1), "{}", first.err);
    let second = start();
    assert_eq!((second.code, second.err.as_str()), (Some(5), ""));
    let without = finish(piped(skep().env("SKEP_CACHE_DIR", "off").arg(&file)).spawn().expect("the program starts"));
    assert_eq!(without.code, Some(5), "{}", without.err);
}

#[test]
fn what_is_no_guest_is_refused_by_name() {
    refused(&around(r#"(import "skep" "open_door" (func))"#), &[], "skep.open_door");
    refused(&around(r#"(import "env" "memory" (memory 1))"#), &[], "env.memory");
    refused(&around("").replace(&format!("(i32.const {VERSION})"), "(i32.const 99)"), &[], "version 99");
    refused(
        &around("")
            .replace("(param i32) (result i32)\n            (if", "(param i64) (result i32)\n            (if")
            .replace("(i32.load16_u (i32.const 4124))", "(i32.wrap_i64 (local.get 0))"),
        &[],
        "skep_on_events",
    );
    refused(&around("").replace("\"memory\") 2", "\"memory\") 200"), &["--memory=8M"], "its limit is 8388608");
    refused(&around("").replace("\"memory\") 2", "\"memory\") 20000"), &[], "bytes of memory");
    refused(&around("(func $s) (start $s)"), &[], "start function");
}

#[test]
fn w01_what_is_too_much_is_refused_at_once() {
    let begun = Instant::now();
    let large = folder().join("large.wasm");
    let mut file = File::create(&large).expect("a file can be made");
    file.write_all(b"\0asm\x01\0\0\0").expect("it can be written");
    file.set_len(100 << 20).expect("it can be long");
    let done = run(&large, &[]);
    assert!(done.code == Some(1) && done.err.contains("larger than"), "{}", done.err);
    refused(&around(&format!("(func {})", "(drop (i32.const 1))".repeat(400_000))), &[], "function of more than");
    refused(&around(&format!("(func (local {}))", "i64 ".repeat(50_000))), &[], "locals");
    refused(&around(&"(func)".repeat(60_000)), &[], "functions");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn the_worked_example_serves_and_is_what_the_page_says() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("tests/guests/hello.wat")).expect("it is there");
    let free = free_port();
    let file = module(&text.replace("(i32.const 1337)", &format!("(i32.const {free})")));
    let mut server = Server::spawn(skep().arg("run").arg(&file));
    server.port = free;
    let until = Instant::now() + Duration::from_secs(60);
    while std::net::TcpStream::connect(("127.0.0.1", free)).is_err() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.get("/").text(), "Hello World\n");
    server.signal("TERM");
    server.end();
    // Every line of the page's example stands in the module.
    let page = std::fs::read_to_string(root.join("docs/abi.md")).expect("it is there");
    let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = text.lines().map(squeezed).collect();
    let blocks = page.split("```wat").skip(1).filter_map(|block| block.split("```").next());
    for line in blocks.flat_map(str::lines).map(squeezed).filter(|line| !line.is_empty()) {
        assert!(lines.iter().any(|other| other.contains(line.trim_end_matches(')'))), "{line} is not in hello.wat");
    }
}

#[test]
fn a_module_cut_anywhere_is_refused() {
    let whole = std::fs::read(module(&around(""))).expect("it was written");
    for cut in (8..whole.len()).step_by(whole.len() / 12) {
        let file = folder().join("cut.wasm");
        std::fs::write(&file, &whole[..cut]).expect("a file can be written");
        let done = run(&file, &[]);
        assert_eq!(done.code, Some(1), "{cut}: {}", done.err);
        assert!(!done.err.contains("panicked"), "{}", done.err);
    }
}

/// A server that takes CLIENT_ERROR for what it is not, and traps when the host lets it. `FLAGS` is those of its listener.
const MISTAKEN: &str = r#"(module
  (import "skep" "inbox" (func $inbox (param i32 i32) (result i32)))
  (import "skep" "listen" (func $listen (param i32 i32 i32 i32 i32 i32) (result i64)))
  (import "skep" "http_respond" (func $respond (param i64 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "skep" "http_write" (func $http_write (param i64 i32 i32 i32) (result i32)))
  (import "skep" "http_conn" (func $http_conn (param i64) (result i64)))
  (import "skep" "http_upgrade" (func $http_upgrade (param i64) (result i64)))
  (import "skep" "http_close_all" (func $close_all (param i64) (result i32)))
  (import "skep" "stream_write" (func $write (param i64 i32 i32) (result i32)))
  (import "skep" "stream_shutdown" (func $shutdown (param i64) (result i32)))
  (import "skep" "close" (func $close (param i64) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 1024) "127.0.0.1")
  (data (i32.const 1080) "fine")
  (data (i32.const 1100) "HTTP/1.1 418 No\0d\0aConnection: close\0d\0a\0d\0a")
  (data (i32.const 1204) "FLAGS\00\00\60\ea\00\00\e0\93\04\00\88\13\00\00")
  (global $conn (mut i64) (i64.const 0))
  (func (export "_initialize") (drop (call $inbox (i32.const 65536) (i32.const 65536))))
  (func (export "skep_abi") (result i32) (i32.const VERSION))
  (func $refused (param i64) (if (i64.ge_s (local.get 0) (i64.const 0)) (then (unreachable))))
  (func $taken (param i32) (if (i32.lt_s (local.get 0) (i32.const 0)) (then (unreachable))))
  (func $error (param $handle i64) (param $value i32)
    (call $refused (i64.extend_i32_s (call $respond (local.get $handle) (i32.const 200) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1080) (i32.const 4))))
    (call $refused (i64.extend_i32_s (call $http_write (local.get $handle) (i32.const 0) (i32.const 1080) (i32.const 4))))
    (call $refused (i64.extend_i32_s (call $close_all (local.get $handle))))
    (call $refused (call $http_conn (local.get $handle)))
    (call $refused (call $http_upgrade (local.get $handle)))
    (if (i32.lt_u (local.get $value) (i32.const 65536))
      (then
        ;; The connection's own handle went without a word; the stream is the way.
        (if (i64.eq (local.get $handle) (global.get $conn)) (then (unreachable)))
        (call $refused (i64.extend_i32_s (call $write (global.get $conn) (i32.const 1080) (i32.const 4))))
        (call $refused (i64.extend_i32_s (call $close (global.get $conn))))
        (call $taken (call $write (local.get $handle) (i32.const 1100) (i32.const 38)))
        (call $taken (call $close (local.get $handle)))
        (call $refused (i64.extend_i32_s (call $write (local.get $handle) (i32.const 1080) (i32.const 4))))
        (drop (call $close (local.get $handle))))
      (else
        ;; The host has answered: what is said now must not get between.
        (if (i64.ne (local.get $handle) (global.get $conn)) (then (unreachable)))
        (drop (call $write (local.get $handle) (i32.const 1080) (i32.const 4)))
        (drop (call $shutdown (local.get $handle)))
        (drop (call $close (local.get $handle))))))
  (func (export "skep_on_events") (param $len i32) (result i32)
    (local $at i32) (local $end i32) (local $kind i32)
    (local.set $at (i32.const 65560))
    (local.set $end (i32.add (i32.const 65536) (local.get $len)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $kind (i32.load16_u offset=4 (local.get $at)))
      (if (i32.eq (local.get $kind) (i32.const 2))
        (then (drop (call $listen (i32.const 1024) (i32.const 9) (i32.const PORT) (i32.const 511) (i32.const 1204) (i32.const 40)))))
      (if (i32.eq (local.get $kind) (i32.const 30)) (then
        (global.set $conn (call $http_conn (i64.load offset=8 (local.get $at))))
        (drop (call $respond (i64.load offset=8 (local.get $at)) (i32.const 200) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1080) (i32.const 4)))))
      (if (i32.eq (local.get $kind) (i32.const 37))
        (then (call $error (i64.load offset=8 (local.get $at)) (i32.load offset=20 (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.load (local.get $at))))
      (br $next)))
    (i32.const 0)))"#;

#[test]
fn client_error_hands_over_a_stream_or_nothing() {
    // HTTP, REQUIRE_HOST, NO_DELAY; with CLIENT_ERROR and without.
    for (flags, expected) in [("\\23\\01", "HTTP/1.1 418 No"), ("\\03\\01", "HTTP/1.1 400 Bad Request")] {
        let free = free_port();
        let text = MISTAKEN.replace("FLAGS", flags).replace("PORT", &free.to_string());
        let mut server = Server::spawn(skep().arg("run").arg(module(&text.replace("VERSION", &VERSION.to_string()))));
        server.port = free;
        let until = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", free)).is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        for _ in 0..3 {
            let mut client = server.client();
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(client.response().text(), "fine");
            client.send("GET / HTTP/1.1\nbroken\r\n\r\n");
            let answer = String::from_utf8_lossy(&client.to_end()).into_owned();
            assert!(answer.starts_with(expected), "{answer}");
        }
        assert_eq!(server.get("/").text(), "fine", "the guest lives, and so does the host");
        server.signal("TERM");
        server.end();
    }
}

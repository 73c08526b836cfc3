//! Guests of several kinds as parent and child, and several processes of one module behind an address. It must not know how
//! messages travel.
#![cfg(target_os = "linux")]
#[path = "support/guests.rs"]
mod guests;
mod support;

use guests::{build_c, build_c_command, compilers};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use support::processes::{children, lives};
use support::{Finished, Server, eventually, file, finish, folder, free_port, piped, signal, skep};

/// An example or guest, built by the first compiler that can be had; none where there is none.
fn built(name: &str) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    compilers().first().map(|compiler| compiler.build(&source, &folder()))
}

fn run(file: &Path, words: &[&str]) -> Finished {
    let mut command = skep();
    finish(piped(command.args(["run", "--allow-fork=4"]).arg(file).args(words)).spawn().expect("the program starts"))
}

#[test]
fn a_script_forks_a_module() {
    let Some(module) = built("tests/guests/family.rs") else { return };
    let here = module.parent().expect("it lies in a folder");
    let script = file(
        here,
        "main.js",
        "const { fork } = require('child_process');
        function one(left) {
          if (left === 0) return;
          const child = fork(__dirname + '/guest.wasm');
          child.on('message', (m) => { console.log(JSON.stringify(m)); child.disconnect(); });
          child.on('exit', (code, signal) => { console.log(code, signal); one(left - 1); });
          child.send({ left, text: '\u{e9}' });
        }
        one(2);",
    );
    let done = run(&script, &[]);
    let wanted = "{\"left\":2,\"text\":\"\u{e9}\"}\n3 null\n{\"left\":1,\"text\":\"\u{e9}\"}\n3 null\n";
    assert_eq!((done.code, done.out.as_str()), (Some(0), wanted), "{}", done.err);
}

#[test]
fn a_module_forks_a_script() {
    let Some(module) = built("tests/guests/family.rs") else { return };
    let script = file(
        module.parent().expect("it lies in a folder"),
        "child.js",
        "process.on('message', (m) => { process.send({ got: m, words: process.argv.slice(2) }); process.disconnect(); });",
    );
    let done = run(&module, &[&script.to_string_lossy()]);
    let lines: Vec<&str> = done.out.lines().collect();
    assert!(lines[0].starts_with("Started("), "{done:?}");
    assert_eq!(lines[1..], ["said {\"got\":{\"a\":1},\"words\":[\"word\"]}", "Exited(0)"], "{}", done.err);
}

#[test]
fn a_plain_program_is_a_child_like_others() {
    let text = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
        (func (export "_start") (call $exit (i32.const 9))))"#;
    let here = folder();
    std::fs::write(here.join("plain.wasm"), wat::parse_str(text).expect("it is well-formed"))
        .expect("it can be written");
    let script = file(
        &here,
        "main.js",
        "const { fork } = require('child_process');
        const loop = __dirname + '/plain.wasm';
        fork(loop).on('exit', (code, signal) => { console.log(code, signal); fork(loop).on('exit', (code) => console.log(code)); });",
    );
    let done = run(&script, &[]);
    assert_eq!((done.code, done.out.as_str()), (Some(0), "9 null\n9\n"), "{}", done.err);
}

/// `NODE_CHANNEL_FD` names a descriptor on which messages are lines of JSON, as Node has it.
#[test]
fn a_plain_program_has_a_channel() {
    let here = folder();
    build_c_command(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/command.c"), &here);
    let script = file(
        &here,
        "main.js",
        "const { fork } = require('child_process'), net = require('net');
        const start = (options) => fork(__dirname + '/command.wasm', ['channel'], options);
        function heard(child, count, then) {
          const all = [];
          child.on('message', (m) => {
            all.push(typeof m.heard === 'string' && m.heard.length > 100 ? m.heard.length : JSON.stringify(m.heard));
            if (all.length === count) { console.log(all.join(' ')); then(); }
          });
        }
        const ends = (child, next) => {
          let gone = 0;
          child.on('disconnect', () => gone++).on('exit', (...end) => { console.log(...end, gone); next(); });
        };
        const steps = [
          (next) => {
            const child = start();
            heard(child, 4, () => child.disconnect());
            ends(child, next);
            child.send({ a: 1, t: '\u{e9}\\n' }); child.send('x'.repeat(3 << 20)); child.send('wrong'); child.send(null);
          },
          (next) => { const child = start(); ends(child, next); child.send('close'); },
          (next) => ends(start({ serialization: 'advanced' }), next),
          (next) => { const child = start(); heard(child, 1, () => child.kill()); ends(child, next); child.send(1); },
          (next) => {
            const child = start(), sockets = [];
            heard(child, 3, () => { child.disconnect(); server.close(); });
            ends(child, next);
            const server = net.createServer((socket) => {
              sockets.push(socket);
              if (sockets.length === 2) { sockets.forEach((one, at) => child.send({ at }, one)); child.send('last'); }
            }).listen(0, '127.0.0.1', () => {
              for (let i = 0; i < 2; i++) net.connect(server.address().port, '127.0.0.1').on('error', () => {}).resume();
            });
          },
        ];
        (function next() { steps.shift()?.(next); })();",
    );
    let mut command = skep();
    let command = piped(command.args(["run", "--allow-fork=4", "--allow-net"]).arg(&script));
    let done = finish(command.spawn().expect("the program starts"));
    let wanted = "{\"a\":1,\"t\":\"\u{e9}\\n\"} 3145728 \"wrong\" null\n6 null 1\n4 null 1\n5 null 1\n1\nnull SIGTERM 1\n\
                  {\"at\":0} {\"at\":1} \"last\"\n6 null 1\n";
    assert_eq!((done.code, done.out.as_str()), (Some(0), wanted), "{}", done.err);
}

/// Pointers and numbers that lie come to errors, and nothing else; without a parent there is no such descriptor.
#[test]
fn a_plain_program_that_lies_about_its_channel() {
    let here = folder();
    let cases = [
        ("fd_read", "(i32.const 65530) (i32.const 1) (i32.const 0)", 21),
        ("fd_read", "(i32.const 0) (i32.const 5000) (i32.const 0)", 28),
        ("fd_read", "(i32.const 0) (i32.const -1) (i32.const 0)", 28),
        ("fd_write", "(i32.const 64) (i32.const 1) (i32.const 0)", 21),
        ("fd_write", "(i32.const 0) (i32.const 1) (i32.const 65534)", 21),
        ("fd_write", "(i32.const 80) (i32.const 1) (i32.const 0)", 28),
    ];
    let mut codes = Vec::new();
    for (at, (call, words, code)) in cases.into_iter().enumerate() {
        let text = format!(
            r#"(module (import "wasi_snapshot_preview1" "{call}" (func $call (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32))) (memory (export "memory") 1)
            (data (i32.const 64) "\ff\ff\00\00\02\00\00\00") (data (i32.const 80) "\60\00\00\00\02\00\00\00") (data (i32.const 96) "}}\0a")
            (func (export "_start") (call $exit (call $call (i32.const 1048576) {words}))))"#
        );
        let module = here.join(format!("{at}.wasm"));
        std::fs::write(&module, wat::parse_str(text).expect("it is well-formed")).expect("it can be written");
        codes.push(code);
    }
    let alone = run(&here.join("5.wasm"), &[]);
    assert_eq!(alone.code, Some(8), "{}", alone.err);
    let script = file(
        &here,
        "main.js",
        "const { fork } = require('child_process');
        (function next(at, codes) {
          if (at === 6) return console.log(JSON.stringify(codes));
          fork(`${__dirname}/${at}.wasm`).on('exit', (code) => next(at + 1, [...codes, code]));
        })(0, []);",
    );
    let done = run(&script, &[]);
    assert_eq!(done.out.trim(), format!("{codes:?}").replace(' ', ""), "{}", done.err);
}

/// Which worker has answered.
fn number(server: &Server) -> String {
    let text = server.get("/").text();
    let number = text.strip_prefix("Hello from worker ").unwrap_or_else(|| panic!("it says {text:?}"));
    number.trim().to_owned()
}

fn living(parent: u32) -> Vec<u32> {
    children(parent).into_iter().filter(|(_, state)| *state != 'Z').map(|(pid, _)| pid).collect()
}

#[test]
fn workers_share_an_address_and_are_replaced() {
    let Some(module) = built("guest-sdk/examples/cluster.rs") else { return };
    let mut server = Server::spawn(skep().args(["run", "--allow-fork=4"]).arg(&module).arg("0"));
    let line = server.line();
    let port = line.trim_end_matches('/').rsplit(':').next().and_then(|port| port.parse().ok());
    server.port = port.unwrap_or_else(|| panic!("it says {line:?}"));
    // Dealt in turn: each worker has the fewest that it has not begun.
    let mut seen = BTreeSet::new();
    eventually("every worker serves", || {
        seen.insert(number(&server));
        seen.len() == 4
    });
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), ["1", "2", "3", "4"]);
    let workers = living(server.pid());
    let victim = *workers.last().expect("it has workers");
    signal(victim, "KILL");
    eventually("another takes its place", || {
        let now = living(server.pid());
        !now.contains(&victim) && now.len() >= workers.len()
    });
    let mut seen = BTreeSet::new();
    eventually("every worker serves again", || {
        seen.insert(number(&server));
        seen.len() == 4
    });
    let all = living(server.pid());
    server.signal("TERM");
    assert_eq!(server.end().code, Some(143));
    eventually("no worker is left", || all.iter().all(|pid| !lives(*pid)));
}

#[test]
fn workers_in_c_share_an_address() {
    let free = free_port();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest-sdk/c/examples/cluster.c");
    let module = build_c(&source, &folder(), &format!("PORT={free}"));
    let mut server = Server::spawn(skep().args(["run", "--allow-fork=2"]).arg(&module));
    assert_eq!(server.line(), "Server running");
    server.port = free;
    for killed in [false, true] {
        if killed {
            signal(*living(server.pid()).last().expect("it has workers"), "KILL");
        }
        let mut seen = BTreeSet::new();
        eventually("both workers serve", || {
            seen.insert(number(&server));
            seen.len() == 2
        });
        assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), ["1", "2"]);
    }
}

#[test]
fn workers_need_a_grant() {
    let Some(module) = built("guest-sdk/examples/cluster.rs") else { return };
    let done = finish(piped(skep().arg("run").arg(&module)).spawn().expect("the program starts"));
    assert!(done.code != Some(0) && done.err.contains("--allow-fork"), "{}", done.err);
}

//! Files, standard input, UDP, programs and signals of guests in Rust. It must not know how the host does any of it.
#![cfg(target_os = "linux")]
#[path = "support/guests.rs"]
mod guests;
mod support;

use guests::compilers;
use std::io::Write as _;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;
use support::{Finished, Server, finish, folder, piped, skep};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/io.rs")
}

/// Of the first compiler, built once; none where there is no compiler.
fn guest() -> Option<&'static Path> {
    static GUEST: OnceLock<Option<PathBuf>> = OnceLock::new();
    GUEST.get_or_init(|| compilers().first().map(|compiler| compiler.build(&source(), &folder()))).as_deref()
}

/// Runs it in a folder of its own.
fn run_in(here: &Path, module: &Path, grants: &[&str], words: &[&str]) -> Finished {
    let mut command = skep();
    command.current_dir(here).arg("run").args(grants).arg(module).args(words);
    finish(piped(&mut command).spawn().expect("the program starts"))
}

/// What it prints, line by line.
fn lines(done: &Finished) -> Vec<&str> {
    assert!(done.code == Some(0), "{done:?}");
    done.out.lines().collect()
}

#[test]
fn files_by_every_compiler() {
    let wanted = [
        "hello",
        "true",
        "copy",
        "[(\"copy\", File), (\"link\", Link), (\"same\", File)]",
        "true",
        "File 5 600 1 true",
        "File 5 600 2 true",
    ];
    let after = [
        "Link",
        "1",
        "Je",
        "llo",
        "[]",
        "3",
        "Jelp!",
        "Err(EEXIST: file already exists)",
        "Err(EINVAL: invalid argument)",
        "2",
    ];
    for compiler in compilers() {
        let module = compiler.build(&source(), &folder());
        let here = folder();
        let grant = here.display();
        let done = run_in(&here, &module, &[&format!("--allow-fs={grant}:rw")], &["files"]);
        let told = lines(&done);
        assert_eq!(told[..7], wanted, "{}", compiler.name);
        assert!(told[7].starts_with("Folder "), "{told:?}");
        // The position that was read from is the file's own; what was written had a place of its own.
        assert_eq!(told[8..], after, "{}", compiler.name);
        assert_eq!(std::fs::read(here.join("b/a")).expect("it was left"), b"Jelp!");
    }
}

#[test]
fn what_is_not_granted_is_refused_by_name() {
    let Some(guest) = guest() else { return };
    let (here, other) = (folder(), folder());
    std::fs::write(other.join("secret"), "x").expect("it can be written");
    let secret = other.join("secret").display().to_string();
    let missing = here.join("missing").display().to_string();
    let grant = format!("--allow-fs={}", here.display());
    let done = run_in(&here, guest, &[&grant], &["refused", &secret, &missing, "../secret"]);
    let told = lines(&done);
    assert!(told[0].starts_with("Err(EACCES: ") && told[0].contains("--allow-fs="), "{told:?}");
    assert!(told[1].starts_with("Err(EACCES: ") && told[1].contains(":rw"), "{told:?}");
    assert!(told[2].starts_with("Some(\"EACCES\") Err(EACCES"), "{told:?}");
    assert!(told[3].starts_with("Err(ENOENT") && told[4].starts_with("Err(EACCES"), "{told:?}");
    assert!(told[5].starts_with("Some(\"ENOENT\") Err(ENOENT"), "{told:?}");
    assert!(told[6].starts_with("Err(EACCES"), "{told:?}");
    assert_eq!(std::fs::read(other.join("secret")).expect("it is there"), b"x");
}

#[test]
fn a_file_in_pieces_and_its_changes() {
    let Some(guest) = guest() else { return };
    let here = folder();
    std::fs::write(here.join("data"), vec![b'x'; 1_000_000]).expect("it can be written");
    let done = run_in(&here, guest, &["--allow-fs=."], &["pieces", "data"]);
    assert_eq!(lines(&done), ["held 1", "1000000 in 16"]);
    let mut server =
        Server::spawn(skep().current_dir(&here).args(["run", "--allow-fs=."]).arg(guest).args(["watch", "."]));
    assert_eq!(server.line(), "watching");
    // It watches from the end of its turn on: until then a change may go unseen.
    let mut line = None;
    support::eventually("a change is told", || {
        std::fs::write(here.join("data"), "more").expect("it can be written");
        line.get_or_insert_with(|| server.line()).starts_with("Changed(\"data\")")
    });
    std::fs::write(here.join("fresh"), "x").expect("it can be written");
    server.until("Renamed(\"fresh\")");
    assert_eq!(server.end().code, Some(0), "with the watch closed nothing is left");
}

#[test]
fn operations_are_bounded() {
    let Some(guest) = guest() else { return };
    let done = run_in(&folder(), guest, &["--allow-fs=."], &["crowd"]);
    assert_eq!(lines(&done), ["refused true", "true told"]);
}

fn fed(word: &str, pieces: &[&[u8]]) -> Option<Finished> {
    let mut command = skep();
    command.arg("run").arg(guest()?).arg(word);
    let mut child = piped(&mut command).stdin(Stdio::piped()).spawn().expect("the program starts");
    let mut input = child.stdin.take().expect("it is a pipe");
    pieces.iter().for_each(|piece| input.write_all(piece).expect("the pipe takes it"));
    drop(input);
    Some(finish(child))
}

#[test]
fn standard_input_comes_to_its_end() {
    let Some(done) = fed("input", &[b"hello"]) else { return };
    assert_eq!(lines(&done), ["data hello", "end 5"]);
    let done = fed("input", &[]).expect("it was built");
    assert_eq!(lines(&done), ["end 0"]);
    let done = fed("slow", &[&vec![b'x'; 500_000]]).expect("it was built");
    assert_eq!(lines(&done), ["held true", "end 500000"]);
}

#[test]
fn messages_over_udp() {
    let Some(guest) = guest() else { return };
    let mut server = Server::spawn(skep().args(["run", "--allow-net=127.0.0.1"]).arg(guest).arg("echo"));
    let at = server.line();
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    peer.set_read_timeout(Some(Duration::from_secs(60))).expect("a deadline");
    peer.send_to(b"hello", &at).expect("it is sent");
    let mut buffer = [0; 100];
    assert_eq!(peer.recv(&mut buffer).map(|count| buffer[..count].to_vec()).expect("an answer"), b"hello");
    let done = run_in(&folder(), guest, &[&format!("--allow-net={at}")], &["send", &at]);
    let told = lines(&done);
    assert_eq!(told[..2], ["Err(\"EACCES\")", "Err(EINVAL: invalid argument)"]);
    let rest: Vec<&str> =
        told[2..].iter().copied().filter(|line| !line.starts_with("Closed(Some(EADDRINUSE")).collect();
    assert_eq!(rest.len(), told.len() - 3, "an address that is taken: {told:?}");
    assert_eq!(rest[..3], ["true", "Err(EMSGSIZE: message too long)", "Err(EINVAL: invalid argument)"]);
    assert!(rest[3].starts_with("Err(EINVAL") && rest[4].starts_with("Err(EACCES: "), "{rest:?}");
    let last = ["sent Ok(())", "1000 true", "connected Ok(())", "sent Ok(())", "ping", "sent Ok(())", "closed None"];
    let seen: Vec<&str> = rest[5..].iter().copied().filter(|line| last.contains(line)).collect();
    assert_eq!(seen, last, "{rest:?}");
    assert_eq!(server.line(), "closed None", "the empty message has told it to");
    assert_eq!(server.end().code, Some(0));
}

#[test]
fn other_programs_are_started_and_heard() {
    let Some(guest) = guest() else { return };
    let here = folder();
    let run = |grants: &[&str], words: &[&str]| run_in(&here, guest, grants, words);
    let script = "wc -c; pwd; echo \"$GIVEN$HOME\" >&2; exit 3";
    let done = run(&["--allow-run=sh,cat"], &["spawn", "sh", "-c", script]);
    let mut told = lines(&done);
    assert_eq!(told[0], "started");
    told.sort_unstable();
    assert_eq!(told, ["/", "Exited(3)", "err value", "out 300000", "started"]);
    let done = run(&["--allow-run=sh,cat"], &["spawn", "cat"]);
    assert!(lines(&done).contains(&"out 300000 bytes"), "{done:?}");
    let done = run(&["--allow-run=cat"], &["spawn", "sh", "-c", "exit 0"]);
    assert!(done.out.starts_with("EACCES: ") && done.out.contains("--allow-run"), "{done:?}");
    let done = run(&["--allow-run"], &["spawn", "/nothing/such"]);
    assert!(done.out.contains("Failed(ENOENT"), "{done:?}");
    let done = run(&["--allow-run=sleep"], &["kill", "sleep"]);
    assert_eq!(lines(&done), ["true Ok(())", "Killed(15) Err(ESRCH: no such process)"]);
}

#[test]
fn pipes_that_nobody_looks_at_keep_nobody() {
    let Some(guest) = guest() else { return };
    let done = run_in(&folder(), guest, &["--allow-run=sh"], &["ignored", "sh", "-c", "head -c 300000 /dev/zero"]);
    let told = lines(&done);
    assert!(told.len() == 2 && told[0].starts_with("Started(") && told[1] == "Exited(0)", "{told:?}");
}

#[test]
fn signals_are_heard() {
    let Some(guest) = guest() else { return };
    let mut server = Server::spawn(skep().arg("run").arg(guest).arg("signals"));
    assert_eq!(server.line(), "Err(EINVAL: invalid argument) Err(EINVAL: invalid argument)");
    assert_eq!(server.line(), "ready");
    for count in 1..3 {
        server.signal("USR1");
        assert_eq!(server.line(), format!("signal {count}"));
    }
    server.signal("TERM");
    assert_eq!(server.end().code, Some(5));
}

#[test]
fn what_it_uses_is_bounded() {
    let Some(guest) = guest() else { return };
    let here = folder();
    let done = run_in(&here, guest, &["--cpu=50ms"], &["spin"]);
    assert!(done.code == Some(134) && done.err.contains("CPU budget"), "{done:?}");
    let done = run_in(&here, guest, &["--memory=16M"], &["grow"]);
    assert!(done.code == Some(134) && done.err.contains("memory"), "{done:?}");
}

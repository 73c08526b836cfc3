//! The README's words about guests in other languages, as they stand there: its programs are the examples', and its lines build
//! and serve them. It must not know what the lines are.
#[path = "support/guests.rs"]
mod guests;
mod support;

use guests::REQUIRED;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::{Server, eventually, finish, piped, skep};

/// Where the examples listen.
const PORT: u16 = 1337;

const RUN: &str = "target/release/skep run ";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The part about guests in other languages.
fn part() -> String {
    let page = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    let (_, rest) = page.split_once("**Guests in other languages.**").expect("it tells of guests in other languages");
    let (part, _) = rest.split_once("**Within a Rust program**").expect("and of programs after them");
    part.to_owned()
}

/// Its blocks in this language.
fn blocks(part: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    part.split(&fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block.to_owned()).collect()
}

#[test]
fn the_programs_that_are_shown_are_the_examples() {
    let part = part();
    for (language, example) in [("rust", "guest-sdk/examples/hello.rs"), ("c", "guest-sdk/c/examples/hello.c")] {
        let source = std::fs::read_to_string(root().join(example)).expect("it is there");
        let shown = blocks(&part, language);
        assert_eq!(shown.len(), 1, "{language}");
        assert!(source.contains(shown[0].trim()), "{example} is not what the README shows:\n{}", shown[0]);
    }
}

/// A line, to be run where a reader stands: at the root. Built things may lie elsewhere here.
fn shell(line: &str) -> Command {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_skep"));
    let built =
        program.parent().and_then(Path::parent).expect("it lies in a folder of its profile, within that of the target");
    let line = line.replace("target/release/skep", &program.to_string_lossy());
    let line = line.replace("target/wasm32", &built.join("wasm32").to_string_lossy());
    let mut shell = Command::new("sh");
    shell.envs(skep().get_envs().filter_map(|(key, value)| Some((key, value?))));
    shell.env("CARGO_TARGET_DIR", built).current_dir(root()).stdin(Stdio::null());
    shell.args(["-c", &format!("exec {line}")]);
    shell
}

#[test]
fn its_lines_build_and_serve() {
    let part = part();
    let (mut served, mut ran) = (0, 0);
    for block in blocks(&part, "sh") {
        let lines: Vec<&str> = block.lines().collect();
        let (last, before) = lines.split_last().expect("a block has lines");
        assert!(last.starts_with(RUN), "{last:?} runs it");
        let failed = before.iter().find(|line| !shell(line).status().expect("there is a shell").success());
        if let Some(line) = failed {
            let rust = line.starts_with("rustup ");
            assert!(rust && std::env::var_os(REQUIRED).is_none(), "{line:?} fails");
            eprintln!("{line:?} fails: guests in Rust are not tried out");
            continue;
        }
        if last.contains("--allow-fs") {
            let done = finish(piped(&mut shell(last)).spawn().expect("there is a shell"));
            let file = last.rsplit(' ').next().expect("it names a file");
            let text = std::fs::read_to_string(root().join(file)).expect("it is there");
            assert_eq!((done.code, done.out), (Some(0), text), "{last:?}: {}", done.err);
            ran += 1;
        } else {
            serves(last);
            served += 1;
        }
    }
    assert!(ran == 1 && served >= 1, "{served} served");
}

fn serves(line: &str) {
    eventually("nobody else has the examples' port", || TcpListener::bind(("127.0.0.1", PORT)).is_ok());
    let mut server = Server::spawn(&mut shell(line));
    assert!(server.line().contains("Server running"), "{line:?}");
    server.port = PORT;
    assert_eq!(server.get("/").text(), "Hello World\n", "{line:?}");
    server.signal("INT");
    assert_eq!(server.end().code, Some(130), "{line:?}");
}

//! Clones of guests that are not JavaScript: what a clone knows, what it is told, how the two talk, and what is refused. It must
//! not know how an image is taken.
#![cfg(target_os = "linux")]
#[path = "support/guests.rs"]
mod guests;
mod support;

use guests::{build_c, compilers};
use std::path::{Path, PathBuf};
use support::{Finished, finish, folder, piped, skep};

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests").join(name)
}

fn run(module: &Path, grants: &[&str], word: &str) -> Finished {
    let mut command = skep();
    finish(piped(command.arg("run").args(grants).arg(module).arg(word)).spawn().expect("the program starts"))
}

/// Two processes write: their lines, in an order of their own.
fn lines(done: &Finished) -> Vec<&str> {
    let mut lines: Vec<&str> = done.out.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_clone_in_rust_goes_on_from_the_memory_as_it_stands() {
    let Some(compiler) = compilers().first() else { return };
    let module = compiler.build(&source("clone.rs"), &folder());
    for grants in [&["--allow-fork=2"][..], &["-A"]] {
        let done = run(&module, grants, "plum");
        assert_eq!(done.code, Some(0), "{done:?}");
        let expected = [
            "Exited(7)",
            "started true",
            "the clone heard go",
            "the first heard before after clone",
            "tick before after",
            "tick before after clone",
            "word plum",
        ];
        assert_eq!(lines(&done), expected, "{}", done.err);
    }
    let denied = run(&module, &[], "plum");
    assert!(denied.out.contains("EACCES") && denied.out.contains("--allow-fork"), "{denied:?}");
    let many = run(&module, &["--allow-fork=2"], "many");
    assert_eq!((many.code, many.out.as_str()), (Some(0), "EAGAIN after true\n"), "{}", many.err);
}

#[test]
fn a_clone_in_c_goes_on_from_the_memory_as_it_stands() {
    let module = build_c(&source("clone.c"), &folder(), "NOTHING");
    let done = run(&module, &["--allow-fork=1"], "");
    assert_eq!(lines(&done), ["awake", "nine", "started", "the first heard"], "{}", done.err);
    assert_eq!(run(&module, &[], "").code, Some(13), "EACCES");
}

//! Tenants of `skep serve` whose program is a Wasm module, beside others in JavaScript: in Rust, in C, and by hand. It must not
//! know how a module comes to be a guest.
#[path = "support/guests.rs"]
mod guests;
mod support;

use guests::{build_c, compilers};
use std::path::{Path, PathBuf};
use support::serve::{Hive, ask, plain, serving, version};
use support::{Server, eventually, file, folder};

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A module that answers every request with this word of five letters.
fn hello(word: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(source("tests/guests/hello.wat")).expect("it is there");
    let text = text.replace("Hello World", &format!("{word} World"));
    wat::parse_str(text).expect("it is well-formed")
}

fn tenant(place: &Path, name: &str, module: &[u8]) {
    file(place, &format!("{name}/skep.toml"), "main = 'guest.wasm'\n");
    // As a deploy should: whole, at once.
    let whole = place.join(name).join(".next");
    std::fs::write(&whole, module).expect("a module can be written");
    std::fs::rename(whole, place.join(name).join("guest.wasm")).expect("it can be put in its place");
}

/// In one process, and over processes.
const WAYS: [&[&str]; 2] = [&[], &["--process-per-tenant"]];

fn serve(place: &Path, words: &[&str]) -> Server {
    // What was compiled before would hide the way there.
    Hive::start_after("", serving(place, words).env("SKEP_CACHE_DIR", folder())).server
}

fn get(server: &Server, tenant: &str) -> (u16, String) {
    let response = ask(&mut server.client(), &format!("{tenant}.localhost"), "/");
    (response.status, response.text())
}

fn said(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

#[test]
fn modules_and_scripts_are_served_side_by_side() {
    WAYS.iter().for_each(|words| side_by_side(words));
}

fn side_by_side(words: &[&str]) {
    let place = folder();
    file(&place, "script/index.js", &plain("script"));
    tenant(&place, "text", &hello("Hello"));
    let c = build_c(&source("guest-sdk/c/examples/hello.c"), &folder(), "PORT=80");
    tenant(&place, "c", &std::fs::read(c).expect("it was built"));
    let rust = compilers().first().map(|compiler| compiler.build(&source("guest-sdk/examples/hello.rs"), &folder()));
    if let Some(rust) = &rust {
        tenant(&place, "rust", &std::fs::read(rust).expect("it was built"));
    }
    let server = serve(&place, words);
    for _ in 0..3 {
        assert_eq!(get(&server, "text"), said(200, "Hello World\n"));
        assert_eq!(get(&server, "c"), said(200, "Hello World\n"));
        assert_eq!(get(&server, "script"), said(200, "script /"));
        if rust.is_some() {
            assert_eq!(get(&server, "rust"), said(200, "Hello World\n"));
        }
    }
}

#[test]
fn a_module_that_cannot_be_hired_is_told_of_and_its_neighbours_go_on() {
    WAYS.iter().for_each(|words| cannot_be_hired(words));
}

fn cannot_be_hired(words: &[&str]) {
    let place = folder();
    file(&place, "script/index.js", &plain("script"));
    let bomb = format!("(module {})", "(func)".repeat(60_000));
    tenant(&place, "bomb", &wat::parse_str(bomb).expect("it is well-formed"));
    tenant(&place, "cut", &hello("Hello")[..200]);
    tenant(&place, "plain", &wat::parse_str(r#"(module (func (export "_start")))"#).expect("it is well-formed"));
    let mut server = serve(&place, words);
    for name in ["bomb", "cut", "plain"] {
        assert_eq!(get(&server, name).0, 503, "{name}");
        assert_eq!(get(&server, "script"), said(200, "script /"));
    }
    let mut lines: Vec<String> = Vec::new();
    let all = |lines: &[String]| {
        let told = |part: &str| lines.iter().any(|line| line.contains(part));
        told("bomb: cannot be started: ") && told("cut: cannot be started: ") && told("plain: cannot be started: ")
    };
    while !all(&lines) {
        lines.push(server.line());
    }
    assert!(lines.iter().any(|line| line.contains("more than 50000 functions")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("plain WASI program")), "{lines:?}");
    // Mended, it serves.
    tenant(&place, "cut", &hello("Whole"));
    eventually("the mended tenant serves", || get(&server, "cut") == said(200, "Whole World\n"));
}

#[test]
fn a_new_module_takes_the_place_of_the_old_one() {
    WAYS.iter().for_each(|words| takes_the_place(words));
}

fn takes_the_place(words: &[&str]) {
    let place = folder();
    tenant(&place, "a", &hello("First"));
    let server = serve(&place, words);
    assert_eq!(get(&server, "a"), said(200, "First World\n"));
    tenant(&place, "a", &hello("Other"));
    eventually("the new module serves", || {
        let (status, text) = get(&server, "a");
        assert!(status == 200 && (text == "First World\n" || text == "Other World\n"), "{status} {text}");
        text == "Other World\n"
    });
    // From a module to a script, and nobody notices.
    file(&place, "a/index.js", &plain("script"));
    file(&place, "a/skep.toml", "main = 'index.js'\n");
    eventually("the script serves", || {
        let (status, text) = get(&server, "a");
        assert_eq!(status, 200, "{text}");
        text == "script /"
    });
}

#[test]
fn a_module_of_a_group_has_a_process_that_goes_with_it() {
    let place = folder();
    for name in ["one", "two"] {
        file(&place, &format!("{name}/index.js"), &version(1));
        file(&place, &format!("{name}/skep.toml"), "group = 'both'\n");
    }
    tenant(&place, "wasm", &hello("First"));
    file(&place, "wasm/skep.toml", "main = 'guest.wasm'\ngroup = 'both'\n");
    let mut server = serve(&place, &[]);
    let ids = |server: &Server| {
        ["one", "two"].map(|name| ask(&mut server.client(), &format!("{name}.localhost"), "/id").text())
    };
    let before = ids(&server);
    assert_eq!(get(&server, "wasm"), said(200, "First World\n"));
    // What cannot be compiled takes nobody's place.
    std::fs::write(place.join("wasm/guest.wasm"), b"\0asm\x01\0\0\0\xff").expect("it can be written");
    while !server.line().starts_with("skep: wasm: cannot be started: ") {}
    assert_eq!(get(&server, "wasm"), said(200, "First World\n"));
    tenant(&place, "wasm", &hello("Other"));
    file(&place, "wasm/skep.toml", "main = 'guest.wasm'\ngroup = 'both'\n");
    eventually("the new module serves", || {
        let (status, text) = get(&server, "wasm");
        assert!(status == 200 && (text == "First World\n" || text == "Other World\n"), "{status} {text}");
        text == "Other World\n"
    });
    assert_eq!(ids(&server), before, "the instances of others are what they were");
    server.signal("TERM");
}

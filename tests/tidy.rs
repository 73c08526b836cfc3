//! The rules of the house as a test: which room may name which, where `unsafe` may stand, how long
//! files and functions may be, that each file says what it is. It must not know what the code does.
use std::fs;
use std::path::{Path, PathBuf};

/// Words that must not occur in a room's code, and why not.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("guest-sdk/abi/src", &["std::", "wasmtime", "mio::", "unsafe {"]),
    (
        "src/proto",
        &[
            "mio::",
            "wasmtime",
            "std::fs",
            "std::net",
            "std::time",
            "crate::guest",
            "crate::reactor",
            "crate::runtime",
            "crate::policy",
            "unsafe ",
        ],
    ),
    ("src/policy", &["mio::", "wasmtime", "crate::proto", "crate::guest", "crate::reactor", "crate::runtime"]),
    ("src/time", &["mio::", "wasmtime", "crate::proto", "crate::guest", "crate::reactor", "crate::runtime"]),
    (
        "src/confine",
        &[
            "mio::",
            "wasmtime",
            "unsafe ",
            "crate::proto",
            "crate::guest",
            "crate::reactor",
            "crate::runtime",
            "crate::policy",
            "crate::time",
        ],
    ),
    (
        "src/tls",
        &[
            "mio::",
            "wasmtime",
            "unsafe ",
            "std::net",
            "std::fs",
            "std::time",
            "crate::proto",
            "crate::guest",
            "crate::reactor",
            "crate::runtime",
            "crate::policy",
        ],
    ),
    ("src/reactor", &["wasmtime", "crate::proto", "crate::guest", "crate::policy", "crate::runtime", "crate::time"]),
    ("src/embed", &["mio::", "wasmtime", "unsafe ", "crate::proto", "crate::confine", "crate::launch", "crate::cli"]),
    ("src/guest", &["mio::", "crate::reactor", "crate::proto", "crate::runtime", "TcpListener", "TcpStream"]),
    ("src/serve", &["mio::", "wasmtime", "unsafe ", "crate::proto"]),
    ("src/runtime", &["mio::", "wasmtime::", "unsafe "]),
];

/// The only files with `unsafe` code.
const UNSAFE: &[&str] = &["src/reactor/sys.rs", "src/guest/engine.rs", "src/guest/image.rs"];

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` with one of these endings, built things aside.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules"].contains(&name.as_str()) {
                found.extend(files(&path, endings));
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned()
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.starts_with("tests/") || path.contains("/test/")
}

/// Code without its tests and comments, line by line, with the line's number.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]") || text.contains("#[cfg(test)]\nmod tests;"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(at, line)| (at + 1, line))
}

#[test]
fn rooms_keep_to_themselves() {
    let mut faults = Vec::new();
    for (room, words) in FORBIDDEN {
        for path in files(&root().join(room), &[".rs"]) {
            let (file, text) = (name(&path), fs::read_to_string(&path).expect("a source file is text"));
            if is_test(&file) {
                continue;
            }
            for (line, code) in code(&text) {
                faults.extend(
                    words
                        .iter()
                        .filter(|word| code.contains(**word))
                        .map(|word| format!("{file}:{line}: `{word}` has no place in {room}")),
                );
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn unsafe_stands_where_it_may() {
    let mut faults = Vec::new();
    for path in files(&root().join("src"), &[".rs"]) {
        let (file, text) = (name(&path), fs::read_to_string(&path).expect("a source file is text"));
        if is_test(&file) {
            continue;
        }
        let lines: Vec<&str> = text.lines().collect();
        for (line, code) in code(&text)
            .filter(|(_, code)| code.contains("unsafe {") || code.contains("unsafe impl") || code.contains("unsafe fn"))
        {
            if !UNSAFE.contains(&file.as_str()) {
                faults.push(format!("{file}:{line}: unsafe outside {UNSAFE:?}: {}", code.trim()));
            }
            let near = &lines[line.saturating_sub(8)..line];
            if !near.iter().any(|line| line.contains("SAFETY") || line.contains("# Safety")) {
                faults.push(format!("{file}:{line}: unsafe without SAFETY"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn files_and_functions_are_short() {
    let mut faults = Vec::new();
    for folder in ["src", "guest-sdk", "js-guest", "tests"] {
        for path in files(&root().join(folder), &[".rs", ".c", ".h", ".js", ".mjs"]) {
            let (file, text) = (name(&path), fs::read_to_string(&path).expect("a source file is text"));
            if file.ends_with("include/skep.h") || (is_test(&file) && !file.starts_with("tests/")) {
                continue;
            }
            let lines = text
                .lines()
                .take_while(|line| *line != "#[cfg(test)]" || text.contains("#[cfg(test)]\nmod tests;"))
                .count();
            if lines > FILE_LINES {
                faults.push(format!("{file}: {lines} lines, {FILE_LINES} are the most"));
            }
            if file.ends_with(".rs") {
                long_functions(&file, &text, &mut faults);
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// rustfmt puts a function's closing brace at the indentation of its first line.
fn long_functions(file: &str, text: &str, faults: &mut Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let word = line.trim_start();
        let is_function =
            ["fn ", "pub fn ", "pub(super) fn ", "pub(crate) fn ", "pub(in crate::runtime) fn ", "async fn "]
                .iter()
                .any(|start| word.starts_with(start));
        if !is_function {
            continue;
        }
        let indent = &line[..line.len() - word.len()];
        let end = format!("{indent}}}");
        let length = lines[at..].iter().position(|line| *line == end).unwrap_or(0);
        if length > FUNCTION_LINES {
            faults.push(format!("{file}:{}: {length} lines in a function, {FUNCTION_LINES} are the most", at + 1));
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    let mut faults = Vec::new();
    for folder in ["src", "guest-sdk", "js-guest", "tests", "fuzz", "examples"] {
        for path in files(&root().join(folder), &[".rs", ".c", ".h", ".js", ".mjs"]) {
            let (file, text) = (name(&path), fs::read_to_string(&path).expect("a source file is text"));
            let first =
                text.trim_start_matches("#!/usr/bin/env node\n").trim_start_matches("'use strict';\n").trim_start();
            let says = ["//!", "/*", "//"].iter().any(|start| first.starts_with(start));
            if !says && !file.starts_with("examples/") && !file.contains("/data/") {
                faults.push(format!("{file}: does not open with what it is"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn no_bare_unwrap() {
    let mut faults = Vec::new();
    for path in files(&root().join("src"), &[".rs"]) {
        let (file, text) = (name(&path), fs::read_to_string(&path).expect("a source file is text"));
        if !is_test(&file) {
            faults.extend(
                code(&text)
                    .filter(|(_, code)| code.contains(".unwrap()"))
                    .map(|(line, _)| format!("{file}:{line}: say why it holds: expect(...)")),
            );
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The rows of the threat model's cases, by letter and number.
const ROWS: &[(char, usize)] =
    &[('C', 13), ('M', 12), ('H', 14), ('P', 11), ('F', 8), ('S', 4), ('N', 9), ('L', 3), ('T', 3), ('W', 3), ('R', 4)];

#[test]
fn every_hostile_row_is_listed_with_tests_that_exist() {
    let text = fs::read_to_string(root().join("docs/security.md")).expect("the table of rows is there");
    let is_row = |cell: &str| cell.len() == 3 && cell[1..].bytes().all(|byte| byte.is_ascii_digit());
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>())
        .filter(|cells| is_row(cells[0]))
        .collect();
    let listed: Vec<&str> = rows.iter().map(|cells| cells[0]).collect();
    let all: Vec<String> =
        ROWS.iter().flat_map(|(letter, count)| (1..=*count).map(move |row| format!("{letter}{row:02}"))).collect();
    assert_eq!(all.len(), 84);
    assert_eq!(listed, all, "each row once, in order");
    let mut code = String::new();
    for folder in ["src", "tests", "js-guest/build/test", "guest-sdk", "fuzz"] {
        for path in files(&root().join(folder), &[".rs", ".mjs"]) {
            code.push_str(&fs::read_to_string(path).expect("a source file is text"));
        }
    }
    let mut faults = Vec::new();
    for cells in &rows {
        let [row, _, tests, state] = cells[..] else { panic!("{}: four cells", cells[0]) };
        let tests: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        let exists = |name: &&str| code.contains(&format!("fn {name}()")) || code.contains(&format!("test('{name}'"));
        faults
            .extend(tests.iter().filter(|name| !exists(name)).map(|name| format!("{row}: there is no test `{name}`")));
        let holds = state.starts_with("holds") && !state.starts_with("holds by");
        if holds && tests.is_empty() {
            faults.push(format!("{row} holds, and no test shows it"));
        }
        if !["holds", "partly: ", "not yet", "not promised"].iter().any(|word| state.starts_with(word)) {
            faults.push(format!("{row}: what is «{state}»?"));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

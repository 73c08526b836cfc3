//! What is printed from the table of the boundary is not stale, and the rooms that number the same
//! things number them alike. SKEP_BLESS=1 writes the files anew. It must not know how guests use them.
use skep::proto::http1::{HeaderId, Method};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn check(file: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("SKEP_BLESS").is_some() {
        fs::write(&path, text).expect("the file can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "{file} is stale: run SKEP_BLESS=1 cargo test --release --test abi");
}

#[test]
fn c_header_is_fresh() {
    let mut text = String::new();
    skep_abi::print::c_header(&mut text).expect("writing to a String cannot fail");
    check("guest-sdk/include/skep.h", &text);
}

/// What the header declares, a line each, its comments aside.
fn declarations() -> BTreeSet<String> {
    let mut header = String::new();
    skep_abi::print::c_header(&mut header).expect("writing to a String cannot fail");
    let kept =
        header.lines().map(str::trim).filter(|line| !line.starts_with("/*") && !line.starts_with("__attribute__"));
    let (mut found, mut open, mut list) = (BTreeSet::new(), String::new(), "");
    for line in kept {
        if line.starts_with('#') {
            list = line.strip_prefix("#define ").and_then(|rest| rest.split('(').next()).unwrap_or("");
            found.extend(line.starts_with("#define ").then(|| line.to_owned()));
            continue;
        }
        // A list may grow: each of its lines is promised by itself.
        if line.starts_with("X(") {
            found.insert(format!("{list} {}", line.trim_end_matches(" \\")));
            continue;
        }
        open.push_str(line);
        open.push(' ');
        // A record's fields end in a semicolon too.
        if line.ends_with(';') && open.matches('{').count() == open.matches('}').count() {
            found.insert(std::mem::take(&mut open).trim().to_owned());
        }
    }
    found
}

/// Blessing adds to the promise; nothing takes away from it but another number.
#[test]
fn what_was_promised_under_this_number_is_there() {
    let file = format!("tests/data/abi-{}.txt", skep_abi::VERSION);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(&file);
    let (now, text) = (declarations(), fs::read_to_string(&path).unwrap_or_default());
    assert!(now.len() > 300 && now.iter().any(|line| line.starts_with("int64_t skep_listen(")), "{}", now.len());
    let mut promised: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let gone: Vec<&String> = promised.difference(&now).collect();
    assert!(gone.is_empty(), "no longer there, or changed, without another number of the boundary: {gone:#?}");
    promised.extend(now);
    let lines: Vec<String> = promised.into_iter().collect();
    check(&file, &format!("{}\n", lines.join("\n")));
}

#[test]
fn abi_doc_is_fresh() {
    let mut tables = String::new();
    skep_abi::print::markdown(&mut tables).expect("writing to a String cannot fail");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/abi.md");
    let doc = fs::read_to_string(&path).expect("docs/abi.md exists");
    let (words, _) = doc.split_once("## Calls").expect("docs/abi.md has its tables after `## Calls`");
    check("docs/abi.md", &format!("{words}{tables}"));
}

#[test]
fn methods_are_numbered_alike() {
    let ours: Vec<&[u8]> = skep_abi::names::METHODS.iter().map(|name| name.as_bytes()).collect();
    let theirs: Vec<&[u8]> = Method::ALL.iter().map(|method| method.as_bytes()).collect();
    assert_eq!(ours, theirs);
    assert_eq!(skep_abi::names::METHODS[34], "QUERY");
}

#[test]
fn field_names_are_numbered_alike() {
    let ours: Vec<&[u8]> = skep_abi::names::KNOWN_FIELDS.iter().map(|name| name.as_bytes()).collect();
    let theirs: Vec<&[u8]> = HeaderId::all().map(|(_, name)| name).collect();
    assert_eq!(ours, theirs);
    assert!(HeaderId::all().enumerate().all(|(at, (id, _))| id as usize == at + 1));
}

//! What is printed from the table of the boundary is not stale, and the rooms that number the same
//! things number them alike. SKEP_BLESS=1 writes the files anew. It must not know how guests use them.
use skep::proto::http1::{HeaderId, Method};
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

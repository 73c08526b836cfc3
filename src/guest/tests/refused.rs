//! Files that are refused before anything of them runs, by a text that names the reason.
use super::{guest_text, try_cell, wasm};
use crate::guest::cache::{CacheFolder, load_or_build};
use crate::guest::module::take_apart;
use skep_abi::VERSION;

#[track_caller]
fn refused(text: &str, reason: &str) {
    let error = format!("{:#}", try_cell(text).err().expect("it must be refused"));
    assert!(error.contains(reason), "{error}");
}

fn around(more: &str) -> String {
    format!(
        r#"(module {more} (memory (export "memory") 1)
          (func (export "skep_abi") (result i32) (i32.const {VERSION}))
          (func (export "skep_on_events") (param i32) (result i32) (i32.const 0)))"#
    )
}

#[test]
fn not_a_module() {
    let error = load_or_build(super::engine(), &b"#!/bin/sh"[..], &CacheFolder(None), |_| {});
    assert!(error.err().expect("it must be refused").to_string().contains("not a WebAssembly module"));
    let whole = wasm(&guest_text("(i32.const 0)", ""));
    let taken = |len: &usize| load_or_build(super::engine(), &whole[..*len], &CacheFolder(None), |_| {}).is_ok();
    // Without its last sections (data, names) it is still a module with all it needs.
    assert!((0..whole.len()).filter(taken).count() <= 2);
}

#[test]
fn imports() {
    refused(&around(r#"(import "skep" "open_door" (func))"#), "skep.open_door");
    refused(&around(r#"(import "wasi_snapshot_preview1" "path_open" (func (param i32) (result i32)))"#), "path_open");
    refused(&around(r#"(import "skep" "exit" (global i32))"#), "not a function");
    refused(&around(r#"(import "skep" "exit" (func (param i64)))"#), "exit");
}

#[test]
fn exports() {
    refused(r#"(module (memory (export "memory") 1))"#, "skep_abi");
    refused(&around("").replace("(param i32)", "(param i64)"), "skep_on_events");
    refused(&around("").replace(r#"(export "memory")"#, ""), "memory");
    refused(&around(r#"(func (export "_initialize") (param i32))"#), "_initialize");
}

#[test]
fn exports_of_a_wrong_type() {
    for (from, to, name) in [
        ("(param i32)", "(param i64)", "skep_on_events"),
        ("(param i32)", "", "skep_on_events"),
        (r#"(export "skep_abi") (result i32)"#, r#"(export "skep_abi") (result i64)"#, "skep_abi"),
        (r#"(func (export "skep_abi") (result i32)"#, r#"(global (export "skep_abi") i32"#, "skep_abi"),
    ] {
        let text = around("").replace(from, to).replace(&format!("(i32.const {VERSION})"), "(unreachable)");
        let text = if name == "skep_abi" && to.contains("global") { around("").replace(from, to) } else { text };
        // Told by the walk over the file, before the compiler has seen any of it.
        let error = take_apart(&wasm(&text)).expect_err("it must be refused").to_string();
        assert!(error.contains(name) && error.contains("wrong type"), "{error}");
    }
}

/// W01: each is refused by the walk, in no time.
#[test]
fn w01_compile_bombs() {
    let bomb = |text: &str, reason: &str| {
        let file = wasm(text);
        let begun = std::time::Instant::now();
        let error = take_apart(&file).expect_err("it must be refused").to_string();
        assert!(error.contains(reason), "{error}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{reason}");
    };
    bomb(&around(&format!("(func {})", "(drop (i32.const 1))".repeat(400_000))), "bytes");
    bomb(&around(&"(func)".repeat(60_000)), "functions");
    bomb(&around(&format!("(func (local {}))", "i64 ".repeat(50_000))), "locals");
    bomb(&around(&format!("(func {}{})", "block ".repeat(20_000), "end ".repeat(20_000))), "blocks");
    bomb(&around(&format!("(func (br_table {} (i32.const 0)))", "0 ".repeat(60_000))), "br_table");
    let types: String = (0..11_000).map(|n| format!("(type (func (param {})))", "i32 ".repeat(n % 100))).collect();
    bomb(&around(&types), "types");
}

#[test]
fn another_version() {
    refused(&around("").replace(&format!("(i32.const {VERSION})"), "(i32.const 99)"), "version 99");
}

#[test]
fn no_inbox() {
    refused(&around(""), "inbox");
}

#[test]
fn what_an_image_cannot_carry() {
    refused(&around("(func $s) (start $s)"), "start function");
    refused(&around("(memory 1)"), "more than one memory");
    refused(&around("(global (mut funcref) (ref.null func))"), "global");
    refused(&around(r#"(data "passive")"#), "data segment");
    refused(&around("(table $t 1 9 funcref) (func (drop (table.grow (ref.null func) (i32.const 1))))"), "tables");
    refused(&around(r#"(data $d (i32.const 0) "x") (func (data.drop $d))"#), "data segments");
    refused(&around(r#"(data (i32.const 65535) "xx")"#), "does not fit");
}

#[test]
fn features_that_are_off() {
    refused(&around("(func (drop (v128.const i32x4 0 0 0 0)))"), "compiled");
    refused(&around("(func $f (return_call $f))"), "compiled");
    refused(
        &around("").replace(r#"(memory (export "memory") 1)"#, r#"(memory (export "memory") 1 2 shared)"#),
        "shared",
    );
    refused(&around("").replace(r#"(memory (export "memory") 1)"#, r#"(memory (export "memory") i64 1)"#), "64-bit");
}

#[test]
fn warming_up_may_not_log_or_end() {
    let text = guest_text("(i32.const 0)", "")
        .replace("(i32.ne (i32.load16_u (i32.const 4124)) (i32.const 1))", "(i32.const 1)");
    let body = |body: &str| {
        text.replace(
            "(then (return (i32.const 0))))\n            (i32.const 0)",
            &format!("(then (return (i32.const 0)))) {body} (i32.const 0)"),
        )
    };
    refused(&body("(drop (call $log (i32.const 1) (i32.const 1024) (i32.const 20)))"), "hello from the guest");
    refused(&body("(drop (call $exit (i32.const 3)))"), "exited with code 3");
    refused(&body("(unreachable)"), "unreachable");
}

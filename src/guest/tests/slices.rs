//! Whatever shape a computation has that does not end, it yields; and what makes it yield is out of a guest's reach.
use super::{batch, cell, guest_text, state, try_cell, wasm, whole_turn};
use crate::guest::weave::weave;
use crate::guest::{Turn, Verdict};
use wasmparser::{Operator, Parser, Payload, Validator, WasmFeatures};

/// Runs three slices of a guest that would run for years.
fn yields(body: &str, more: &str) {
    let mut guest = cell(&guest_text(body, more)).spawn(state()).expect("a guest can be spawned");
    let mut turn = guest.deliver(&batch());
    for _ in 0..3 {
        assert_eq!(turn, Turn::Yielded);
        turn = guest.resume();
    }
}

#[test]
fn c01_loops_yield() {
    yields("(loop $on (br $on)) (i32.const 0)", "");
    yields("(loop $on (br_table $on $on (i32.const 7))) (i32.const 0)", "");
    yields("(loop $a (loop $b (br_if $b (i32.const 0)) (br $a))) (i32.const 0)", "");
    // A loop that is left upwards, from blocks.
    yields("(loop $a (block $out (block (br_if $out (i32.const 1)) (br 0))) (br $a)) (i32.const 0)", "");
}

#[test]
fn c01_calls_that_never_end_yield() {
    // 2^60 calls, sixty deep: no stack ends it.
    let fib = "(func $f (param i32) (if (local.get 0) (then
        (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1))))))";
    yields("(call $f (i32.const 60)) (i32.const 0)", fib);
    let two = "(func $f (param i32) (if (local.get 0) (then (call $g (local.get 0)) (call $g (local.get 0)))))
        (func $g (param i32) (call $f (i32.sub (local.get 0) (i32.const 1))))";
    yields("(call $f (i32.const 60)) (i32.const 0)", two);
    let table = "(type $t (func (param i32))) (table 1 funcref) (elem (i32.const 0) $f)
        (func $f (type $t) (if (local.get 0) (then
          (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))
          (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))";
    yields("(call $f (i32.const 60)) (i32.const 0)", table);
}

#[test]
fn c01_a_chain_of_functions_that_call_twice_yields() {
    // No loop and no circle: 2^60 calls all the same.
    let mut chain = "(func $f0 (drop (i32.add (i32.const 1) (i32.const 2))))".to_owned();
    for level in 1..=60 {
        chain += &format!("(func $f{level} (call $f{0}) (call $f{0}))", level - 1);
    }
    yields("(call $f60) (i32.const 0)", &chain);
}

/// The most that runs between two questions on any way through code that has no loops, by walking all of them.
fn longest(wasm: &[u8]) -> u32 {
    let mut most = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = payload.expect("it is well-formed") {
            let mut run = 0;
            let mut operators = body.get_operators_reader().expect("it is well-formed");
            while !operators.eof() {
                match operators.read().expect("it is well-formed") {
                    Operator::I32Load { memarg } if memarg.memory == 1 => run = 0,
                    _ => run += 1,
                }
                most = most.max(run);
            }
        }
    }
    most
}

#[test]
fn straight_code_asks_now_and_then_and_short_code_never() {
    let features = WasmFeatures::WASM1;
    let long = format!("(module (memory 1) (func {}))", "(drop (i32.const 1))".repeat(200_000));
    let woven = weave(&wasm(&long), features).expect("it is valid");
    let longest = longest(&woven);
    assert!((50_000..=100_010).contains(&longest), "{longest}");
    let short = "(module (memory 1) (func $a (drop (i32.const 1))) (func (call $a) (call $a)))";
    let woven = weave(&wasm(short), features).expect("it is valid");
    let text = asks_in(&woven);
    assert_eq!(text, 0, "nothing asks in short functions");
    // A way around each question is one that was counted.
    let skips =
        format!("(module (memory 1) (func (param i32) {}))", "(block (br_if 0 (local.get 0)) (nop))".repeat(90_000));
    let woven = weave(&wasm(&skips), features).expect("it is valid");
    assert!(asks_in(&woven) >= 3, "blocks that are left early count with what is run");
}

/// Questions in a module.
fn asks_in(wasm: &[u8]) -> usize {
    let mut asks = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = payload.expect("it is well-formed") {
            let mut operators = body.get_operators_reader().expect("it is well-formed");
            while !operators.eof() {
                let operator = operators.read().expect("it is well-formed");
                asks += usize::from(matches!(operator, Operator::I32Load { memarg } if memarg.memory == 1));
            }
        }
    }
    asks
}

#[test]
fn r01_what_makes_a_guest_yield_is_out_of_its_reach() {
    let refused = |body: &str, more: &str| {
        let Ok(wasm) = wat::parse_str(guest_text(body, more)) else { return };
        let cell =
            crate::guest::cache::load_or_build(super::engine(), &wasm, &crate::guest::cache::CacheFolder(None), |_| {});
        assert!(cell.is_err(), "{body} {more}");
    };
    // The beat's memory, written to, read, grown, and there already; what is called by its name.
    refused("(i64.store 1 (i32.const 0) (i64.const 9)) (i32.const 0)", "");
    refused("(drop (i64.load 1 (i32.const 0))) (i32.const 0)", "");
    refused("(drop (memory.grow 1 (i32.const 1))) (i32.const 0)", "");
    refused("(i32.const 0)", "(memory 1)");
    assert!(try_cell(r#"(module (import "skep:slices" "pause" (func)))"#).is_err());
}

#[test]
fn woven_modules_are_valid_and_do_what_they_did() {
    // Calls of imports and of its own, tables, globals, and names behind the import that was added.
    let more = "(type $t (func (param i32) (result i32))) (table 2 funcref) (elem (i32.const 0) $double $next)
        (global $g (mut i32) (i32.const 5))
        (func $double (type $t) (i32.mul (local.get 0) (i32.const 2)))
        (func $next (type $t) (global.set $g (i32.add (global.get $g) (i32.const 1))) (i32.add (local.get 0) (global.get $g)))";
    let body = "(drop (call $exit (call_indirect (type $t)
        (call_indirect (type $t) (i32.const 10) (i32.const 0)) (i32.const 1)))) (i32.const 0)";
    let text = guest_text(body, more);
    let woven = weave(&wasm(&text), WasmFeatures::WASM2).expect("it is valid");
    Validator::new_with_features(WasmFeatures::WASM2 | WasmFeatures::MULTI_MEMORY)
        .validate_all(&woven)
        .expect("what is woven is valid");
    let mut guest = cell(&text).spawn(state()).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Ended(Verdict::Exited(26)));
}

#[test]
fn a_module_without_types_imports_or_memory_is_woven_too() {
    let plain = wasm("(module (memory (export \"memory\") 1) (func (export \"f\") (loop (br 0))))");
    let woven = weave(&plain, WasmFeatures::WASM1).expect("it is valid");
    assert_eq!(asks_in(&woven), 1);
    let none = wasm("(module (memory (export \"memory\") 1))");
    weave(&none, WasmFeatures::WASM1).expect("it is valid");
    let woven =
        weave(&wasm(r#"(module (func (export "f") (loop (br 0))))"#), WasmFeatures::WASM1).expect("it is valid");
    let features = WasmFeatures::WASM1 | WasmFeatures::MULTI_MEMORY;
    Validator::new_with_features(features).validate_all(&woven).expect("what is woven is valid");
}

//! Whatever shape a computation has that does not end, it yields; and what makes it yield is out of a guest's reach.
use super::{batch, cell, guest_text, state, wasm, whole_turn};
use crate::guest::cache::{CacheFolder, load_or_build};
use crate::guest::image::BEAT_AT;
use crate::guest::weave::weave;
use crate::guest::{Engine, EngineOptions, Turn, Verdict};
use crate::policy::Limits;
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
fn each_thread_is_interrupted_with_signals_and_without() {
    let text = wasm(&guest_text("(loop $on (br $on)) (i32.const 0)", ""));
    for no_signals in [false, true] {
        let engine = Engine::new(&EngineOptions { quick_compile: true, no_signals, ..EngineOptions::default() });
        let engine = engine.expect("an engine can be made here");
        let run = || {
            let cell = load_or_build(&engine, &text, &CacheFolder(None), |_| {}).expect("the guest is accepted");
            let mut guest = cell.spawn(state()).expect("a guest can be spawned");
            assert_eq!(guest.deliver(&batch()), Turn::Yielded);
            // Another guest of the thread's has the next slice, and the first one goes on after it.
            let mut other = cell.spawn(state()).expect("a guest can be spawned");
            assert_eq!(other.deliver(&batch()), Turn::Yielded);
            drop(other);
            assert_eq!(guest.resume(), Turn::Yielded);
        };
        std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(run))));
    }
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
                    operator if is_ask(&operator) => run = 0,
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

/// Each of them may work on all of a guest's memory: never two without a question between them.
#[test]
fn work_on_ranges_of_memory_asks_each_time() {
    let fill = "(memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))";
    let straight = format!("(module (memory 1) (func {}))", fill.repeat(40));
    let called = format!("(module (memory 1) (func $f {fill}) (func {}))", "(call $f)".repeat(40));
    for module in [straight, called] {
        let woven = weave(&wasm(&module), WasmFeatures::WASM1 | WasmFeatures::BULK_MEMORY).expect("it is valid");
        assert_eq!(asks_in(&woven), 39);
    }
}

/// Questions in a module.
fn asks_in(wasm: &[u8]) -> usize {
    let mut asks = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = payload.expect("it is well-formed") {
            let mut operators = body.get_operators_reader().expect("it is well-formed");
            while !operators.eof() {
                let operator = operators.read().expect("it is well-formed");
                asks += usize::from(is_ask(&operator));
            }
        }
    }
    asks
}

/// What a question begins with.
fn is_ask(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::I32Const { value } if *value == BEAT_AT as i32)
}

#[test]
fn r01_what_makes_a_guest_yield_is_out_of_its_reach() {
    let ends = |more: &str| {
        let text = guest_text("(call $try) (i32.const 0)", &format!("(func $try (local $left i32) {more})"));
        whole_turn(&mut cell(&text).spawn(state()).expect("it can be spawned"), &batch())
    };
    let traps = |more: &str| {
        let turn = ends(more);
        assert!(matches!(turn, Turn::Ended(Verdict::Trapped(_))), "{more}: {turn:?}");
    };
    traps(&format!("(i32.store (i32.const {BEAT_AT}) (i32.const 0))"));
    traps(&format!("(i64.store8 offset=1000 (i32.const {}) (i64.const 0))", BEAT_AT - 1000));
    traps(&format!("(memory.fill (i32.const 0) (i32.const 0) (i32.const {}))", BEAT_AT + 4));
    traps(&format!("(memory.copy (i32.const 0) (i32.const {BEAT_AT}) (i32.const 4))"));
    // Around the page there is nothing to be read.
    traps(&format!("(drop (i32.load (i32.const {})))", BEAT_AT - 4));
    traps(&format!("(drop (i32.load (i32.const {})))", BEAT_AT + (64 << 10)));
    // Who asks for itself is told that there is no memory, and goes on; and nobody else's beat rests for it.
    let asks = "(local.set $left (i32.const 100)) (loop $on
        (if (i32.ne (memory.grow (i32.const -1)) (i32.const -1)) (then unreachable))
        (br_if $on (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))";
    assert_eq!(ends(asks), Turn::Done { wants: 0 });
    yields("(loop $on (drop (memory.grow (i32.const -1))) (br $on)) (i32.const 0)", "");
}

#[test]
fn no_memory_reaches_what_makes_a_guest_yield() {
    let pages = BEAT_AT >> 16;
    let text = guest_text(
        &format!(
            "(if (i32.ne (memory.grow (i32.sub (i32.const {}) (memory.size))) (i32.const -1)) (then unreachable))
            (if (i32.eq (memory.grow (i32.sub (i32.const {pages}) (memory.size))) (i32.const -1)) (then unreachable))
            (i32.store (i32.const {}) (i32.const 7)) (i32.const 0)",
            pages + 1,
            BEAT_AT - 4
        ),
        "",
    );
    let mut state = state();
    state.set_limits(Limits { memory_bytes: 4 << 30, ..state.limits.clone() });
    let turn = whole_turn(&mut cell(&text).spawn(state).expect("it can be spawned"), &batch());
    assert_eq!(turn, Turn::Done { wants: 0 });
}

#[test]
fn questions_of_a_second_loop_are_asked_although_nothing_was_stored_between() {
    // A compiler that took the second load for the first one would let it run for ever.
    let both = "(func $both (local $left i32) (local.set $left (i32.const 1000)) (loop $on
        (br_if $on (local.tee $left (i32.sub (local.get $left) (i32.const 1))))) (loop $on (br $on)))";
    yields("(call $both) (i32.const 0)", both);
    let nested =
        "(loop $a (loop $b (br_if $b (i32.const 0)) (loop $c (br_if $c (i32.const 0)) (br $a)))) (i32.const 0)";
    yields(nested, "");
}

#[test]
fn woven_modules_are_valid_and_do_what_they_did() {
    // Calls of imports and of its own, tables, globals, and names.
    let more = "(type $t (func (param i32) (result i32))) (table 2 funcref) (elem (i32.const 0) $double $next)
        (global $g (mut i32) (i32.const 5))
        (func $double (type $t) (i32.mul (local.get 0) (i32.const 2)))
        (func $next (type $t) (global.set $g (i32.add (global.get $g) (i32.const 1))) (i32.add (local.get 0) (global.get $g)))";
    let body = "(drop (call $exit (call_indirect (type $t)
        (call_indirect (type $t) (i32.const 10) (i32.const 0)) (i32.const 1)))) (i32.const 0)";
    let text = guest_text(body, more);
    let woven = weave(&wasm(&text), WasmFeatures::WASM2).expect("it is valid");
    Validator::new_with_features(WasmFeatures::WASM2).validate_all(&woven).expect("what is woven is valid");
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
    Validator::new_with_features(WasmFeatures::WASM1).validate_all(&woven).expect("what is woven is valid");
}

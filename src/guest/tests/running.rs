//! Turns: done, yielded, resumed, ended.
use super::{Counter, Faulty, batch, cell, guest_text, state, state_with, whole_turn};
use crate::guest::{Command, Guest, GuestState, Trap, TrapReason, Turn, Verdict};
use crate::policy::{Grants, Limits};
use std::time::{Duration, Instant};

fn spawn(body: &str, more: &str) -> Guest {
    cell(&guest_text(body, more)).spawn(state()).expect("a guest can be spawned")
}

fn trap(body: &str, more: &str) -> TrapReason {
    match whole_turn(&mut spawn(body, more), &batch()) {
        Turn::Ended(Verdict::Trapped(Trap { reason, .. })) => reason,
        other => panic!("a trap was expected: {other:?}"),
    }
}

#[test]
fn answers_with_what_it_wants() {
    let mut guest = spawn("(i32.const 1)", "");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 1 });
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Done { wants: 1 });
    assert_eq!(guest.state().meter.turns, 2);
}

#[test]
fn broken_is_an_ending() {
    let mut guest = spawn("(i32.const 2)", "");
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Ended(Verdict::Broken));
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Ended(Verdict::Broken));
}

#[test]
fn exit_unwinds_from_depth() {
    let deep = "(func $deep (param $n i32)
        (if (i32.eqz (local.get $n)) (then (drop (call $exit (i32.const 7))) (unreachable)))
        (call $deep (i32.sub (local.get $n) (i32.const 1))))";
    let mut guest = spawn("(call $deep (i32.const 5000)) (i32.const 0)", deep);
    assert_eq!(whole_turn(&mut guest, &batch()), Turn::Ended(Verdict::Exited(7)));
    assert_eq!(guest.resume(), Turn::Ended(Verdict::Exited(7)));
}

#[test]
fn m04_traps_have_reasons() {
    assert_eq!(trap("(unreachable)", ""), TrapReason::Unreachable);
    assert_eq!(trap("(i32.load (i32.const -8))", ""), TrapReason::MemoryOutOfBounds);
    assert_eq!(trap("(i32.load offset=4294967295 (i32.const -1))", ""), TrapReason::MemoryOutOfBounds);
    assert_eq!(trap("(i32.div_u (i32.const 1) (i32.const 0))", ""), TrapReason::Arithmetic);
    assert_eq!(trap("(call $forever) (i32.const 0)", "(func $forever (call $forever))"), TrapReason::StackOverflow);
    let table = "(table 3 funcref) (type $t (func (result i32)))";
    assert_eq!(trap("(call_indirect (type $t) (i32.const 1))", table), TrapReason::BadIndirectCall);
    assert_eq!(trap("(call_indirect (type $t) (i32.const 9))", table), TrapReason::TableOutOfBounds);
}

#[test]
fn traps_name_the_guests_functions() {
    let text = guest_text("(call $culprit) (i32.const 0)", "(func $culprit (unreachable))");
    let mut guest = cell(&text).spawn(state()).expect("a guest can be spawned");
    let Turn::Ended(Verdict::Trapped(trap)) = whole_turn(&mut guest, &batch()) else {
        panic!("a trap was expected");
    };
    assert_eq!(trap.frames.first().map(String::as_str), Some("culprit"), "{trap:?}");
}

#[test]
fn c01_an_endless_loop_yields_and_ends_at_its_budget() {
    let limits = Limits { cpu_total: Some(Duration::from_millis(40)), ..Limits::default() };
    let text = guest_text("(loop $on (br $on)) (i32.const 0)", "");
    let mut guest = cell(&text).spawn(state_with(Grants::default(), limits)).expect("a guest can be spawned");
    let start = Instant::now();
    let mut turn = guest.deliver(&batch());
    let mut slices = 1;
    while turn == Turn::Yielded {
        turn = guest.resume();
        slices += 1;
    }
    assert_eq!(turn, Turn::Ended(Verdict::CpuExceeded));
    assert!(slices >= 2, "{slices} slices");
    assert!(start.elapsed() >= Duration::from_millis(40) && start.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_outbox_is_drained_while_the_guest_has_yielded() {
    let body = "(loop $on
        (drop (call $log (i32.const 1) (i32.const 1024) (i32.const 5)))
        (br $on)) (i32.const 0)";
    let mut guest = spawn(body, "");
    assert_eq!(guest.deliver(&batch()), Turn::Yielded);
    for _ in 0..3 {
        let state: &mut GuestState = guest.state_mut();
        let commands = state.outbox.take();
        let Some(Command::Log { fd: 1, text }) = commands.first() else {
            panic!("a log was expected: {:?}", commands.first());
        };
        assert_eq!(state.outbox.bytes(*text), b"hello");
        assert_eq!(state.log_pending as usize, commands.len() * 5);
        state.log_pending = 0;
        state.outbox.recycle(commands);
        assert_eq!(guest.resume(), Turn::Yielded);
    }
    assert!(guest.is_running());
    assert!(guest.capture().is_err(), "no image in the middle of a turn");
}

#[test]
fn r02_dropped_while_yielded() {
    let cell = cell(&guest_text("(loop $on (br $on)) (i32.const 0)", ""));
    for _ in 0..5 {
        let mut guest = cell.spawn(state()).expect("a guest can be spawned");
        assert_eq!(guest.deliver(&batch()), Turn::Yielded);
        drop(guest);
    }
}

#[test]
fn two_guests_take_turns_in_the_middle_of_their_turns() {
    let cell = cell(&guest_text("(loop $on (br $on)) (i32.const 0)", ""));
    let mut guests = [(); 2].map(|()| cell.spawn(state()).expect("a guest can be spawned"));
    for guest in &mut guests {
        assert_eq!(guest.deliver(&batch()), Turn::Yielded);
    }
    for guest in guests.iter_mut().rev() {
        assert_eq!(guest.resume(), Turn::Yielded);
        assert_eq!(guest.state().meter.yields, 2);
    }
}

#[test]
fn r03_a_panic_of_the_host_ends_only_the_guest() {
    let cell = cell(&guest_text("(drop (call $random (i32.const 0) (i32.const 8))) (i32.const 0)", ""));
    let faulty = Box::new(Faulty(Counter::new(0)));
    let state_faulty = GuestState::new(Grants::default(), Limits::default(), faulty, Vec::new());
    let mut bad = cell.spawn(state_faulty).expect("a guest can be spawned");
    let Turn::Ended(Verdict::HostFault(text)) = whole_turn(&mut bad, &batch()) else {
        panic!("a fault was expected");
    };
    assert!(text.contains("fail point"), "{text}");
    let mut good = cell.spawn(state()).expect("a guest can be spawned");
    assert_eq!(whole_turn(&mut good, &batch()), Turn::Done { wants: 0 });
}

#[test]
fn c11_short_turns_use_the_budget_up_too() {
    let limits = Limits { cpu_total: Some(Duration::from_micros(500)), ..Limits::default() };
    let cell = cell(&guest_text("(i32.const 0)", ""));
    let mut guest = cell.spawn(state_with(Grants::default(), limits)).expect("a guest can be spawned");
    let end = (0..1_000_000).find_map(|_| match whole_turn(&mut guest, &batch()) {
        Turn::Done { .. } => None,
        other => Some(other),
    });
    assert_eq!(end, Some(Turn::Ended(Verdict::CpuExceeded)));
}

//! The few calls of WASI that guests may import, made with arguments that lie and with some that do not. It must not know what
//! a standard library does with them.
use super::{batch, cell, state};
use crate::guest::{Command, Turn};
use skep_abi::VERSION;

/// WASI's numbers.
const BADF: i32 = 8;
const FAULT: i32 = 21;
const INVAL: i32 = 28;
const NOSYS: i32 = 52;
const SPIPE: i32 = 70;

/// A guest that exits with a call's place, from one, when it does not answer as it should: `(call, answer)`.
fn guest(calls: &[(&str, i32)]) -> String {
    let check = |(at, (call, answer)): (usize, &(&str, i32))| {
        format!("(if (i32.ne (call {call}) (i32.const {answer})) (then (call $exit (i32.const {at}))))")
    };
    let checks: String = (1..).zip(calls).map(check).collect();
    format!(
        r#"(module
          (import "skep" "inbox" (func $inbox (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 32)
          (data (i32.const 512) "said")
          (data (i32.const 1024) "\00\02\00\00\04\00\00\00")
          (data (i32.const 1040) "\ff\ff\1f\00\ff\ff\ff\ff")
          (func (export "skep_abi") (result i32) (drop (call $inbox (i32.const 4096) (i32.const 32768))) (i32.const {VERSION}))
          (func (export "skep_on_events") (param i32) (result i32)
            (if (i32.eq (i32.load16_u (i32.const 4124)) (i32.const 1)) (then (return (i32.const 0))))
            {checks}
            (i32.const 0)))"#
    )
}

fn run(calls: &[(&str, i32)]) -> Vec<Command> {
    let mut guest = cell(&guest(calls)).spawn(state()).expect("a guest can be spawned");
    let turn = guest.deliver(&batch());
    assert!(matches!(turn, Turn::Done { .. }), "{turn:?}");
    guest.state_mut().outbox.take()
}

#[test]
fn lies_are_told_by_their_numbers() {
    let commands = run(&[
        ("$write (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 0)", BADF),
        ("$write (i32.const 3) (i32.const 1024) (i32.const 1) (i32.const 0)", BADF),
        ("$write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 0)", FAULT),
        ("$write (i32.const 1) (i32.const 2097148) (i32.const 1) (i32.const 0)", FAULT),
        ("$write (i32.const 1) (i32.const 1040) (i32.const 1) (i32.const 0)", FAULT),
        ("$write (i32.const 1) (i32.const 0) (i32.const 1025) (i32.const 0)", INVAL),
        ("$write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0)", INVAL),
        ("$random (i32.const 2097151) (i32.const 2)", FAULT),
        ("$random (i32.const 0) (i32.const -1)", FAULT),
        ("$random (i32.const 0) (i32.const 1048577)", INVAL),
        ("$time (i32.const 2) (i64.const 0) (i32.const 0)", INVAL),
        ("$time (i32.const 0) (i64.const 0) (i32.const 2097145)", FAULT),
        ("$stat (i32.const 0) (i32.const 0)", BADF),
        ("$stat (i32.const 1) (i32.const 2097146)", FAULT),
        ("$environ (i32.const -1) (i32.const 0)", FAULT),
        ("$environ (i32.const 0) (i32.const 2097149)", FAULT),
        ("$seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 0)", SPIPE),
        ("$seek (i32.const 9) (i64.const 0) (i32.const 0) (i32.const 0)", BADF),
        ("$prestat (i32.const 3) (i32.const 0)", BADF),
        ("$poll (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)", NOSYS),
    ]);
    assert!(commands.is_empty(), "nothing was asked for: {commands:?}");
}

#[test]
fn what_is_right_is_done() {
    let commands = run(&[
        ("$write (i32.const 2) (i32.const 1024) (i32.const 1) (i32.const 2048)", 0),
        ("$random (i32.const 4000) (i32.const 1048576)", 0),
        ("$time (i32.const 1) (i64.const 0) (i32.const 2056)", 0),
        ("$stat (i32.const 2) (i32.const 2064)", 0),
        ("$environ (i32.const 2100) (i32.const 2104)", 0),
    ]);
    assert!(matches!(commands[..], [Command::Log { fd: 2, .. }]), "{commands:?}");
}

//! A guest that makes any call with any arguments: the *rogue engine*. Its inbox holds a program, its memory
//! gets the answers. The text is made from the boundary's own table.
use super::super::{Cell, Guest, GuestState, Turn};
use super::{cell, whole_turn};
use skep_abi::{CALLS, Type};
use std::fmt::Write as _;

/// Bytes of its memory.
pub(super) const MEMORY: u32 = 4 << 16;

/// Where the test's own data goes; the inbox ends below it.
pub(super) const SCRATCH: u32 = 0x1_0000;

/// Where answers stand.
pub(super) const ANSWERS: u32 = 0x2_0000;

/// One call: its line in the table, its arguments.
pub(super) type Line = (usize, Vec<i64>);

/// Index of a call in the table.
pub(super) fn call(name: &str) -> usize {
    CALLS.iter().position(|call| call.name == name).expect("the call is in the table")
}

fn wat_type(ty: Type) -> &'static str {
    if matches!(ty, Type::I64 | Type::Handle) { "i64" } else { "i32" }
}

fn text() -> String {
    let mut imports = String::new();
    let mut arms = String::new();
    for (index, call) in CALLS.iter().enumerate() {
        let types: Vec<_> = call.params.iter().map(|(_, ty)| wat_type(*ty)).collect();
        let (params, result) = (types.join(" "), wat_type(call.result));
        writeln!(imports, r#"(import "skep" "{0}" (func ${0} (param {params}) (result {result})))"#, call.name)
            .expect("a string");
        write!(arms, "(if (i32.eq (i32.load (local.get $at)) (i32.const {index})) (then (i64.store (local.get $out) ")
            .expect("a string");
        let mut made = format!("(call ${}", call.name);
        for (slot, ty) in types.iter().enumerate() {
            write!(made, " ({ty}.load offset={} (local.get $at))", 8 + slot * 8).expect("a string");
        }
        made.push(')');
        let made = if result == "i32" { format!("(i64.extend_i32_s {made})") } else { made };
        writeln!(arms, "{made})))").expect("a string");
    }
    format!(
        r#"(module {imports}
          (memory (export "memory") 4 8)
          (func (export "skep_abi") (result i32)
            (drop (call $inbox (i32.const 8192) (i32.const 32768))) (i32.const 1))
          (func (export "skep_on_events") (param $len i32) (result i32)
            (local $at i32) (local $end i32) (local $out i32)
            (local.set $at (i32.const 8192))
            (local.set $out (i32.const {ANSWERS}))
            (local.set $end (i32.add (local.get $at) (local.get $len)))
            ;; A WARM batch starts with the count 1; ours with call numbers from 1000 on, or is empty.
            (if (i32.eq (i32.load (local.get $at)) (i32.const 1)) (then (if (i32.eq (i32.load16_u offset=28 (local.get $at)) (i32.const 1)) (then (return (i32.const 0))))))
            (loop $next
              (if (i32.lt_u (local.get $at) (local.get $end)) (then
                {arms}
                (local.set $out (i32.add (local.get $out) (i32.const 8)))
                (local.set $at (i32.add (local.get $at) (i32.const 80)))
                (br $next))))
            (i32.const 0)))"#
    )
}

/// The puppet and what it said last.
pub(super) struct Puppet {
    pub(super) guest: Guest,
}

/// Compiled once.
pub(super) fn puppet_cell() -> &'static Cell {
    use std::sync::OnceLock;
    static CELL: OnceLock<Cell> = OnceLock::new();
    CELL.get_or_init(|| cell(&text()))
}

impl Puppet {
    pub(super) fn new(state: GuestState) -> Puppet {
        Puppet { guest: puppet_cell().spawn(state).expect("a guest can be spawned") }
    }

    /// Runs a program; answers each call's answer, or how the guest ended.
    pub(super) fn run(&mut self, program: &[Line]) -> Result<Vec<i64>, Turn> {
        let mut batch = Vec::new();
        for (number, arguments) in program {
            let mut line = [0i64; 10];
            line[0] = *number as i64;
            line[1..=arguments.len()].copy_from_slice(arguments);
            line.iter().for_each(|word| batch.extend_from_slice(&word.to_le_bytes()));
        }
        match whole_turn(&mut self.guest, &batch) {
            Turn::Done { .. } => {}
            other => return Err(other),
        }
        let bytes = self.guest.peek(ANSWERS, program.len() as u32 * 8);
        Ok(bytes.chunks_exact(8).map(|word| i64::from_le_bytes(word.try_into().expect("eight bytes"))).collect())
    }

    /// One call.
    pub(super) fn one(&mut self, name: &str, arguments: &[i64]) -> i64 {
        self.run(&[(call(name), arguments.to_vec())]).expect("the puppet lives")[0]
    }

    /// Puts bytes into the puppet's memory.
    pub(super) fn poke(&mut self, at: u32, bytes: &[u8]) {
        self.guest.poke(at, bytes);
    }
}

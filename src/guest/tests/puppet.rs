//! A guest that makes any call with any arguments: the *rogue engine*. Its inbox holds a program, its memory
//! gets the answers. The text is made from the boundary's own table.
use super::super::{Cell, Guest, GuestState, Turn};
use super::{cell, whole_turn};
use skep_abi::CALLS;

#[path = "../../../fuzz/fuzz_targets/puppet_text.rs"]
mod puppet_text;

pub(super) use puppet_text::{ANSWERS, MEMORY, SCRATCH};

/// One call: its line in the table, its arguments.
pub(super) type Line = (usize, Vec<i64>);

/// Index of a call in the table.
pub(super) fn call(name: &str) -> usize {
    CALLS.iter().position(|call| call.name == name).expect("the call is in the table")
}

/// The puppet and what it said last.
pub(super) struct Puppet {
    pub(super) guest: Guest,
}

/// Compiled once.
pub(super) fn puppet_cell() -> &'static Cell {
    use std::sync::OnceLock;
    static CELL: OnceLock<Cell> = OnceLock::new();
    CELL.get_or_init(|| cell(&puppet_text::text(false)))
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

//! Guests written by hand, in Wasm's text format, against the room of guests. What they must not know is the runtime:
//! the tests play its part.
mod children;
mod files;
mod given;
mod hostile;
mod images;
mod kept;
mod limits;
#[cfg(feature = "wasi")]
mod plain;
mod puppet;
mod refused;
mod running;
mod slices;
mod wasi;

use super::cache::{CacheFolder, load_or_build};
use super::{Cell, Engine, EngineOptions, Entropy, Guest, GuestState, Outside, Turn};
use crate::policy::{Grants, Limits};
use skep_abi::VERSION;
use std::cell::Cell as Counter;
use std::sync::OnceLock;
use std::time::Instant;

/// One engine for all tests: compiling quickly, as most guests run for microseconds.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        Engine::new(&EngineOptions { quick_compile: true, ..EngineOptions::default() })
            .expect("an engine can be made here")
    })
}

/// The system's clock, a seeded stream.
struct Real(Instant, Entropy);

impl Outside for Real {
    fn mono(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }

    fn wall(&self) -> u64 {
        1_000
    }

    fn random(&mut self, out: &mut [u8]) {
        self.1.fill(out);
    }
}

/// A clock that does not move, and no randomness: asking for it is a fault of the host.
struct Faulty(Counter<u64>);

impl Outside for Faulty {
    fn mono(&self) -> u64 {
        self.0.get()
    }

    fn wall(&self) -> u64 {
        0
    }

    fn random(&mut self, _out: &mut [u8]) {
        panic!("the fail point of this test");
    }
}

thread_local! {
    /// Guests of this thread's test are put aside while they wait for a disk.
    static HAS_NEIGHBOURS: Counter<bool> = const { Counter::new(false) };
}

fn state_with(grants: Grants, limits: Limits) -> GuestState {
    let outside = Real(Instant::now(), Entropy::seeded(&[1; 32]));
    let mut state = GuestState::new(grants, limits, Box::new(outside), b"{\"pid\":1}".to_vec());
    state.has_neighbours = HAS_NEIGHBOURS.get();
    state
}

fn state() -> GuestState {
    state_with(Grants::default(), Limits::default())
}

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the test's guest is well-formed")
}

fn try_cell(text: &str) -> anyhow::Result<Cell> {
    load_or_build(engine(), &wasm(text), &CacheFolder(None), |_| {})
}

fn cell(text: &str) -> Cell {
    try_cell(text).expect("the test's guest is accepted")
}

/// A guest with the usual exports: `$body` is what `skep_on_events` does (parameter `$len`, result i32),
/// `$more` stands beside it.
fn guest_text(body: &str, more: &str) -> String {
    format!(
        r#"(module
          (import "skep" "inbox" (func $inbox (param i32 i32) (result i32)))
          (import "skep" "exit" (func $exit (param i32) (result i32)))
          (import "skep" "log" (func $log (param i32 i32 i32) (result i32)))
          (import "skep" "random" (func $random (param i32 i32) (result i32)))
          (memory (export "memory") 4)
          (data (i32.const 1024) "hello from the guest")
          (global $turns (mut i32) (i32.const 40))
          (func (export "skep_abi") (result i32)
            (drop (call $inbox (i32.const 4096) (i32.const 32768)))
            (i32.const {VERSION}))
          {more}
          (func $on_events (export "skep_on_events") (param $len i32) (result i32)
            (local $n i32)
            (if (i32.eqz (call $warm)) (then (return (i32.const 0))))
            {body})
          ;; Whether this is another event than WARM.
          (func $warm (result i32) (i32.ne (i32.load16_u (i32.const 4124)) (i32.const 1))))"#
    )
}

/// An empty batch.
fn batch() -> Vec<u8> {
    let mut out = vec![0; 64];
    out[4] = 24;
    out
}

/// Delivers, and resumes until the turn is over: how many slices a turn takes is the machine's affair. What it waits for is done here.
fn whole_turn(guest: &mut Guest, batch: &[u8]) -> Turn {
    let mut turn = guest.deliver(batch);
    while turn == Turn::Yielded {
        if let Some(work) = guest.state_mut().take_awaited() {
            guest.state_mut().end_awaited(work.run());
        }
        turn = guest.resume();
    }
    turn
}

//! A guest that raises signals at itself and never comes to hear them: they wait once, however often they came. It must not
//! know where they wait.
use super::calm::Paper;
use crate::guest::cache::{CacheFolder, load_or_build};
use crate::guest::{Entropy, GuestState, Surroundings};
use crate::policy::{Grants, Limits};
use crate::reactor::sim::SimNet;
use crate::runtime::{Hall, Offload};
use crate::time::VirtualClock;

/// Watches SIGUSR1, then raises it 20,000 times within its first turn, and once in every later one.
const GUEST: &str = r#"(module
  (import "skep" "inbox" (func $inbox (param i32 i32) (result i32)))
  (import "skep" "signal_watch" (func $watch (param i32 i32) (result i32)))
  (import "skep" "signal_raise" (func $raise (param i32) (result i32)))
  (memory (export "memory") 8)
  (global $left (mut i32) (i32.const 20000))
  (func (export "_initialize") (drop (call $inbox (i32.const 0x10000) (i32.const 0x10000))))
  (func (export "skep_abi") (result i32) (i32.const VERSION))
  (func (export "skep_on_events") (param $len i32) (result i32)
    ;; Not while it is warmed up: the first event's kind is 1 then.
    (if (i32.eq (i32.load16_u (i32.const 0x1001c)) (i32.const 1)) (then (return (i32.const 0))))
    (drop (call $watch (i32.const 10) (i32.const 1)))
    (loop $again
      (drop (call $raise (i32.const 10)))
      (global.set $left (i32.sub (global.get $left) (i32.const 1)))
      (br_if $again (i32.gt_s (global.get $left) (i32.const 0))))
    (i32.const 0)))"#;

const INBOX: usize = 0x10000;

#[test]
fn signals_to_oneself_do_not_pile_up() {
    let wasm =
        wat::parse_str(GUEST.replace("VERSION", &skep_abi::VERSION.to_string())).expect("the guest is well-formed");
    let cell = load_or_build(super::sim::engine(), &wasm, &CacheFolder(None), |_| {}).expect("the guest is accepted");
    let (net, clock) = (SimNet::new(1), VirtualClock::new(0));
    let mut hall =
        Hall::new(net.reactor(), clock.clone(), Paper::default().logs(), Offload::inline(), Limits::default().http);
    let outside = Box::new(Surroundings(clock, Entropy::seeded(&[0; 32])));
    hall.seat(
        cell.spawn(GuestState::new(Grants::default(), Limits::default(), outside, Vec::new())).expect("it starts"),
    );
    let (mut most, mut told) = (0, 0);
    for _ in 0..30_000 {
        hall.turn();
        let (_, seat) = hall.seats.iter().next().expect("it goes on");
        most = most.max(seat.mail.len());
        told += u32::from(!seat.mail.is_empty());
    }
    assert!(told > 20_000, "signals are raised, and told");
    assert!(most < INBOX, "{most} bytes wait");
}

//! A guest in the middle of a call that a thread does: it waits alone, and is told what came of it and nobody else is. It must not
//! know which calls these are.
use super::calm::Paper;
use super::fair::{always_busy, cell};
use crate::guest::{Cell, Done, Entropy, GuestState, Lane, Surroundings, Work};
use crate::policy::{Grants, Limits};
use crate::reactor::sim::{SimKernel, SimNet};
use crate::runtime::work::Errand;
use crate::runtime::{GuestId, GuestView, Hall, Offload, Outcome};
use crate::time::VirtualClock;
use std::sync::OnceLock;

/// Asks in each turn for a folder of the first bytes of `/x`, and is broken when it is told anything but this.
fn asks_for(bytes: usize, answer: i32) -> Cell {
    cell(&format!(
        "(i32.store (i32.const 1056) (i32.const {bytes}))
         (i32.store16 (i32.const 1064) (i32.const 0x782f))
         (if (i64.ne
               (call $fs_call (i32.const 13) (i32.const 1024) (i32.const {}) (i32.const 0) (i32.const 0))
               (i64.const {answer}))
           (then (unreachable)))
         (i32.const 1)",
        40 + bytes
    ))
}

/// One that it may not make: `-EACCES`.
fn asks() -> &'static Cell {
    static CELL: OnceLock<Cell> = OnceLock::new();
    CELL.get_or_init(|| asks_for(2, -13))
}

/// The root, which is there: `-EEXIST`.
fn asks_else() -> &'static Cell {
    static CELL: OnceLock<Cell> = OnceLock::new();
    CELL.get_or_init(|| asks_for(1, -17))
}

/// Work that nobody waits for: what is asked next is answered so many of the loop's turns later.
fn work_ahead(hall: &mut Hall<SimKernel, VirtualClock>, turns: usize) {
    /// As much as is done in one turn.
    const BUDGET: usize = 64;
    for _ in 0..turns * BUDGET {
        hall.send_on(Errand::Rest, Work::new(Lane::Quick, || Done::Number(0)));
    }
}

fn hall() -> Hall<SimKernel, VirtualClock> {
    let (net, clock) = (SimNet::new(1), VirtualClock::new(0));
    Hall::new(net.reactor(), clock, Paper::default().logs(), Offload::inline(), Limits::default().http)
}

fn seat(hall: &mut Hall<SimKernel, VirtualClock>, cell: &Cell) -> GuestId {
    let outside = Box::new(Surroundings(VirtualClock::new(0), Entropy::seeded(&[0; 32])));
    let mut state = GuestState::new(Grants::default(), Limits::default(), outside, b"{}".to_vec());
    state.has_neighbours = true;
    hall.seat(cell.spawn(state).expect("a guest can be spawned"))
}

fn view(hall: &Hall<SimKernel, VirtualClock>, guest: GuestId) -> GuestView {
    hall.view_guest(guest).expect("it lives")
}

#[test]
fn c08_who_waits_for_a_disk_waits_alone() {
    let mut hall = hall();
    let (waits, other) = (seat(&mut hall, asks()), seat(&mut hall, always_busy()));
    let turns = |hall: &Hall<SimKernel, VirtualClock>, guest| view(hall, guest).meter.turns;
    for _ in 0..20 {
        hall.turn();
    }
    // A turn of its own takes it two of the loop's: one until it asks, one when it is answered.
    let (its, others) = (turns(&hall, waits), turns(&hall, other));
    assert!((9..=11).contains(&its) && others >= 19, "{its} beside {others}");
    // However long it takes: it is not entered to look whether it is answered.
    work_ahead(&mut hall, 8);
    (0..3).for_each(|_| hall.turn());
    let (asked, others) = (view(&hall, waits).meter.yields, turns(&hall, other));
    (0..4).for_each(|_| hall.turn());
    assert_eq!((view(&hall, waits).meter.yields, turns(&hall, other)), (asked, others + 4));
    (0..10).for_each(|_| hall.turn());
    assert!(view(&hall, waits).meter.yields > asked, "it goes on");
}

#[test]
fn what_came_too_late_is_for_nobody() {
    let mut hall = hall();
    let gone = seat(&mut hall, asks());
    work_ahead(&mut hall, 4);
    while view(&hall, gone).meter.yields == 0 {
        hall.turn();
    }
    hall.dismiss(gone, Outcome::Exited(0));
    let next = seat(&mut hall, asks_else());
    assert_eq!(next, gone, "it is given the same place");
    // It waits already when the other's answer comes, and its own comes later.
    work_ahead(&mut hall, 4);
    while view(&hall, next).meter.yields == 0 {
        hall.turn();
    }
    (0..4).for_each(|_| hall.turn());
    assert_eq!((view(&hall, next).meter.yields, view(&hall, next).meter.turns), (1, 1), "it still waits");
    (0..20).for_each(|_| hall.turn());
    assert!(hall.view_guest(next).is_some_and(|view| view.meter.turns >= 5));
}

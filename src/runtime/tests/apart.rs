//! A guest in the middle of a call that a thread does: it waits alone, and is told what came of it and nobody else is. It must not
//! know which calls these are.
use super::calm::Paper;
use super::fair::{always_busy, cell};
use crate::guest::{Cell, Entropy, GuestState, Surroundings};
use crate::policy::{Grants, Limits};
use crate::reactor::sim::{SimKernel, SimNet};
use crate::runtime::{GuestId, Hall, Offload, Outcome};
use crate::time::VirtualClock;
use std::sync::OnceLock;

/// Asks for a folder that it may not make, and is broken when it is told anything but `-EACCES`.
fn asks() -> &'static Cell {
    static CELL: OnceLock<Cell> = OnceLock::new();
    CELL.get_or_init(|| {
        cell(
            "(i32.store (i32.const 1056) (i32.const 2))
             (i32.store16 (i32.const 1064) (i32.const 0x782f))
             (if (i64.ne
                   (call $fs_call (i32.const 13) (i32.const 1024) (i32.const 42) (i32.const 0) (i32.const 0))
                   (i64.const -13))
               (then (unreachable)))
             (i32.const 1)",
        )
    })
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

#[test]
fn c08_who_waits_for_a_disk_waits_alone() {
    let mut hall = hall();
    let (waits, other) = (seat(&mut hall, asks()), seat(&mut hall, always_busy()));
    let turns = |hall: &Hall<SimKernel, VirtualClock>, guest| hall.view_guest(guest).expect("it lives").meter.turns;
    for _ in 0..20 {
        hall.turn();
    }
    // A turn of its own takes it two of the loop's: one until it asks, one when it is answered.
    let (its, others) = (turns(&hall, waits), turns(&hall, other));
    assert!((9..=11).contains(&its) && others >= 19, "{its} beside {others}");
}

#[test]
fn what_came_too_late_is_for_nobody() {
    let mut hall = hall();
    let gone = seat(&mut hall, asks());
    while hall.view_guest(gone).expect("it lives").meter.yields == 0 {
        hall.turn();
    }
    hall.dismiss(gone, Outcome::Exited(0));
    // It is given the same place.
    let next = seat(&mut hall, asks());
    for _ in 0..20 {
        hall.turn();
    }
    assert!(hall.view_guest(next).is_some_and(|view| view.meter.turns >= 9));
}

//! What the host does for one guest alone (its pages given back, its sleep, its waking) is that guest's CPU, and the queue of
//! those that may doze holds nobody who is gone. They must not know how a guest's memory is put aside.
use super::calm::SECOND;
use super::hive::{HIBERNATE, Hive};
use crate::policy::Rate;
use std::time::Duration;

const UP: &str = "serve((req, res) => res.end('up'))";

/// What each look at the clock takes: whatever lies between two of them costs that.
const LOOK: Duration = Duration::from_millis(7);

/// CPU nanoseconds that the guest in the first seat has been charged.
fn charged(hive: &Hive) -> u64 {
    hive.calm.hall.seats[0].guest.state().usage.cpu.used()
}

#[cfg(target_os = "linux")]
#[test]
fn dozing_sleeping_and_waking_are_the_guests_cpu() {
    let mut hive = Hive::new(UP);
    let peer = hive.connect();
    assert_eq!(hive.ask(&peer, "/"), "up");
    // Nothing of it flows back, and it never rests.
    let rate = Rate { per_second: 0, burst: u64::MAX };
    hive.calm.hall.seats[0].guest.state_mut().limits.cpu_ns = Some(rate);
    assert_eq!((charged(&hive), hive.view().guests[0].state), (0, "idle"));
    hive.calm.clock.each_look_takes(LOOK);
    hive.pass(7 * SECOND);
    assert_eq!((charged(&hive), hive.view().guests[0].state), (LOOK.as_nanos() as u64, "dozing"));
    let dozed = charged(&hive);
    hive.pass(HIBERNATE);
    let slept = charged(&hive);
    assert!(slept >= dozed + LOOK.as_nanos() as u64 && hive.view().state == "sleeping", "{slept}");
    // It is woken and not entered: nothing is for it.
    while !hive.calm.hall.is_awake(0) {
        hive.calm.hall.turn();
    }
    assert!(charged(&hive) >= slept + LOOK.as_nanos() as u64, "{} after {slept}", charged(&hive));
}

#[test]
fn who_is_gone_is_not_looked_at_for_a_doze() {
    let mut hive = Hive::with(UP, |plan, _| plan.hibernate = None);
    let peer = hive.connect();
    for life in 0..8 {
        *hive.code.borrow_mut() = format!("serve((req, res) => res.end('{life}'))");
        hive.calm.hall.deploy(0);
        hive.pass(SECOND);
        assert_eq!(hive.ask(&peer, "/"), life.to_string());
    }
    for _ in 0..20 {
        hive.pass(SECOND);
        assert_eq!(hive.ask(&peer, "/"), "7");
    }
    assert_eq!(hive.calm.hall.dozing.len(), 1, "one guest is there");
}

//! Tenants with more instances under load and fewer after it, on the virtual clock. They must not know how load is judged.
use super::calm::SECOND;
use super::hive::Hive;
use crate::policy::{Instances, ServeLimits};
use crate::reactor::sim::SimPeer;
use std::collections::BTreeSet;
use std::time::Duration;

/// Says which instance it is, at once or after five seconds.
const HELD: &str = "const id = Math.random(); serve((req, res) => {
  if (req.url === '/late') setTimeout(() => res.end('late'), 5000); else res.end(String(id));
})";

fn hive(idle: Option<Duration>) -> Hive {
    Hive::with(HELD, |plan, _| {
        plan.instances = Instances { least: 1, most: 3, requests: 2 };
        (plan.hibernate, plan.idle) = (None, idle);
    })
}

fn instances(hive: &Hive) -> usize {
    hive.view().guests.len()
}

/// Which instances these connections are at.
fn ids(hive: &mut Hive, peers: &[SimPeer]) -> BTreeSet<String> {
    peers.iter().map(|peer| hive.ask(peer, "/")).collect()
}

/// Each of these asks for what takes five seconds.
fn load(peers: &[SimPeer]) {
    for peer in peers {
        peer.send(b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
    }
}

fn one_run() -> (String, Vec<BTreeSet<String>>) {
    let mut hive = hive(None);
    let peers: Vec<SimPeer> = (0..5).map(|_| hive.connect()).collect();
    let mut seen = vec![ids(&mut hive, &peers)];
    hive.pass(10 * SECOND);
    assert_eq!((instances(&hive), seen[0].len()), (1, 1), "what is answered at once is no load");
    load(&peers);
    let mut counts = Vec::new();
    for _ in 0..4 {
        hive.pass(SECOND);
        counts.push(instances(&hive));
    }
    assert_eq!(counts, [2, 3, 3, 3], "one more a second, no more than may be");
    for peer in &peers {
        hive.pass(SECOND);
        assert!(String::from_utf8_lossy(&peer.read_all()).ends_with("late"));
    }
    seen.push(ids(&mut hive, &peers));
    assert_eq!(seen[1].len(), 3, "connections that were there are dealt to all: {seen:?}");
    hive.pass(20 * SECOND);
    assert_eq!(instances(&hive), 3, "calm is to last");
    hive.pass(60 * SECOND);
    assert_eq!(instances(&hive), 1);
    seen.push(ids(&mut hive, &peers));
    assert_eq!(seen[2], seen[0], "the oldest stays, and has their connections");
    hive.pass(10 * SECOND);
    assert!(hive.calm.hall.idle_time().is_none_or(|span| span > SECOND), "nobody is looked at without load");
    (hive.log(), seen)
}

#[test]
fn load_brings_instances_and_calm_takes_them_and_the_same_happens_again() {
    let (log, seen) = one_run();
    let told: Vec<&str> = log.lines().collect();
    assert_eq!(
        told,
        [
            "skep: a: instances: 2: its load wants one more",
            "skep: a: instances: 3: its load wants one more",
            "skep: a: instances: 2: its load wants one fewer",
            "skep: a: instances: 1: its load wants one fewer",
        ]
    );
    assert_eq!(one_run(), (log, seen));
}

#[test]
fn load_that_comes_again_finds_instances_and_new_code_has_as_many() {
    let mut hive = hive(None);
    let peers: Vec<SimPeer> = (0..5).map(|_| hive.connect()).collect();
    load(&peers);
    hive.pass(4 * SECOND);
    assert_eq!(instances(&hive), 3);
    hive.calm.hall.deploy(0);
    hive.pass(4 * SECOND);
    assert_eq!(instances(&hive), 3, "the old ones have drained");
    for peer in &peers {
        assert!(String::from_utf8_lossy(&peer.read_all()).ends_with("late"));
    }
    assert_eq!(hive.view().starts, 6);
}

#[test]
fn one_that_waits_for_nothing_but_its_timers_is_not_waited_for() {
    let mut hive = Hive::with("setInterval(() => {}, 1000); serve((req, res) => res.end('up'))", |plan, _| {
        plan.hibernate = None;
    });
    let peer = hive.connect();
    assert_eq!(hive.ask(&peer, "/"), "up");
    hive.calm.hall.deploy(0);
    hive.pass(Duration::from_millis(500));
    assert_eq!(instances(&hive), 2, "its timers have a moment");
    hive.pass(SECOND);
    assert_eq!(instances(&hive), 1);
    assert_eq!(hive.ask(&peer, "/"), "up");
}

/// Says which instance it is, or ends.
const MORTAL: &str = "const id = Math.random(); serve((req, res) => {
  if (req.url === '/die') process.exit(7);
  res.end(String(id));
})";

/// So many instances, always.
fn fixed(count: u16, idle: Option<Duration>) -> Hive {
    Hive::with(MORTAL, |plan, _| {
        plan.instances = Instances::fixed(count);
        (plan.hibernate, plan.idle) = (None, idle);
    })
}

fn dies(hive: &mut Hive) {
    hive.connect().send(b"GET /die HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
    hive.pass(Duration::from_millis(50));
}

#[test]
fn one_of_several_that_ends_is_replaced_after_a_pause() {
    let mut hive = fixed(3, None);
    let peers: Vec<SimPeer> = (0..6).map(|_| hive.connect()).collect();
    let before = ids(&mut hive, &peers);
    assert_eq!((before.len(), instances(&hive)), (3, 3));
    dies(&mut hive);
    assert_eq!((instances(&hive), hive.view().crashes), (2, 1), "the others serve");
    hive.pass(SECOND);
    assert_eq!((instances(&hive), hive.view().starts), (3, 4));
    let peers: Vec<SimPeer> = (0..6).map(|_| hive.connect()).collect();
    let after = ids(&mut hive, &peers);
    assert_eq!((after.len(), after.intersection(&before).count()), (3, 2), "{before:?} {after:?}");
    let log = hive.log();
    let told = ["skep: a: exited with code 7", "skep: a: instances: 2 of 3 are there, others are started"];
    assert_eq!(log.lines().collect::<Vec<_>>(), told);
}

#[test]
fn what_cannot_be_replaced_is_tried_with_patience_and_the_others_serve() {
    let mut hive = fixed(3, None);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.code.replace("throw new Error('broken')".into());
    dies(&mut hive);
    hive.pass(60 * SECOND);
    let view = hive.view();
    assert_eq!((view.state, view.guests.len()), ("running", 2));
    // 100 ms, 200 ms ... 25.6 s are nine pauses in 51 s.
    assert_eq!((view.starts, view.crashes), (3 + 9, 1 + 9));
    assert_eq!(hive.log().matches("exited with code 1 before it listened").count(), 9, "{}", hive.log());
    hive.code.replace(MORTAL.into());
    hive.pass(60 * SECOND);
    assert_eq!(instances(&hive), 3);
}

#[test]
fn when_all_have_ended_the_next_request_starts_them() {
    let mut hive = fixed(2, None);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    dies(&mut hive);
    dies(&mut hive);
    hive.pass(60 * SECOND);
    assert_eq!((hive.view().state, hive.view().starts), ("stopped", 2));
    let peer = hive.connect();
    hive.ask(&peer, "/");
    assert_eq!(instances(&hive), 2);
}

/// Others of its instances are in other processes or loops.
fn one_of_several(code: &str) -> Hive {
    Hive::with(code, |plan, _| {
        (plan.hibernate, plan.idle, plan.elsewhere) = (None, Some(20 * SECOND), true);
    })
}

#[test]
fn where_others_are_elsewhere_the_last_one_here_is_replaced_too_and_not_for_ever() {
    let mut hive = one_of_several(MORTAL);
    let peer = hive.connect();
    hive.ask(&peer, "/");
    dies(&mut hive);
    hive.pass(SECOND);
    assert_eq!((instances(&hive), hive.view().starts), (1, 2), "nobody has asked for it");
    hive.pass(60 * SECOND);
    assert_eq!((hive.view().state, hive.view().starts), ("stopped", 2), "one that had nothing to do is not missed");
    let peer = hive.connect();
    hive.ask(&peer, "/");
    hive.code.replace("throw new Error('broken')".into());
    dies(&mut hive);
    hive.pass(600 * SECOND);
    // It was the second failure in a row: after 0.2 s, 0.6, 1.4, 3, 6.2 and 12.6.
    assert_eq!((hive.view().state, hive.view().starts), ("stopped", 3 + 6), "{}", hive.log());
}

#[test]
fn where_others_are_elsewhere_what_has_never_served_waits_for_a_request_all_the_same() {
    let mut hive = one_of_several("throw new Error('broken')");
    hive.connect().send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
    hive.pass(60 * SECOND);
    assert_eq!((hive.view().state, hive.view().starts), ("stopped", 1), "{}", hive.log());
}

#[test]
fn several_are_stopped_together_when_nobody_asks_for_any() {
    let mut hive = fixed(2, Some(20 * SECOND));
    let peer = hive.connect();
    for _ in 0..10 {
        // One connection is at one instance.
        hive.ask(&peer, "/");
        hive.pass(10 * SECOND);
    }
    assert_eq!((instances(&hive), hive.view().starts), (2, 2), "the other is not stopped meanwhile");
    hive.pass(30 * SECOND);
    assert_eq!((hive.view().state, hive.view().starts), ("stopped", 2));
}

#[test]
fn one_that_listens_for_its_end_is_told_once_and_has_its_farewell() {
    let mut hive = Hive::with(
        "process.on('SIGTERM', () => console.log('told')); setInterval(() => {}, 100); serve((req, res) => res.end('old'))",
        |plan, _| plan.hibernate = None,
    );
    let peer = hive.connect();
    assert_eq!(hive.ask(&peer, "/"), "old");
    *hive.code.borrow_mut() = "serve((req, res) => res.end('new'))".into();
    hive.calm.hall.deploy(0);
    hive.pass(SECOND / 2);
    assert_eq!(hive.ask(&peer, "/"), "new");
    assert_eq!(instances(&hive), 2, "it has time for what it still has to do");
    let limits = ServeLimits::default();
    hive.pass(Duration::from_millis(u64::from(limits.farewell_ms)));
    assert!(limits.farewell_ms < limits.drain_ms);
    assert_eq!((instances(&hive), hive.log().matches("told").count()), (1, 1), "{}", hive.log());
}

/// Load that goes while newer code starts takes none of that away.
#[test]
fn new_code_that_starts_is_not_what_calm_takes() {
    let mut hive = Hive::with(HELD, |plan, limits| {
        plan.instances = Instances { least: 1, most: 3, requests: 2 };
        plan.hibernate = None;
        limits.start_ms = 600_000;
    });
    let peers: Vec<SimPeer> = (0..5).map(|_| hive.connect()).collect();
    load(&peers);
    hive.pass(10 * SECOND);
    assert_eq!(instances(&hive), 3);
    hive.code.replace("setTimeout(() => serve((req, res) => res.end('new')), 120_000)".into());
    hive.calm.hall.deploy(0);
    hive.pass(100 * SECOND);
    assert_eq!(hive.log().matches("its load wants one fewer").count(), 2, "{}", hive.log());
    assert_eq!(hive.view().state, "running", "the old serves meanwhile");
    hive.pass(30 * SECOND);
    let peer = hive.connect();
    assert_eq!((hive.ask(&peer, "/").as_str(), instances(&hive)), ("new", 1), "{}", hive.log());
}

#[test]
fn what_was_not_ready_is_started_in_the_number_that_is_missing() {
    for deploys in [false, true] {
        let mut hive = fixed(3, None);
        let peers: Vec<SimPeer> = (0..6).map(|_| hive.connect()).collect();
        ids(&mut hive, &peers);
        hive.code.replace(String::new());
        dies(&mut hive);
        hive.pass(SECOND);
        assert_eq!((instances(&hive), hive.view().starts), (2, 3));
        assert_eq!(hive.log().matches("2 of 3 are there").count(), 1, "it is tried once: {}", hive.log());
        hive.code.replace(MORTAL.into());
        if deploys {
            hive.calm.hall.deploy(0);
        }
        hive.pass(2 * SECOND);
        assert_eq!((instances(&hive), hive.view().starts), (3, if deploys { 6 } else { 4 }), "{}", hive.log());
    }
}

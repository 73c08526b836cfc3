//! Tenants with more instances under load and fewer after it, on the virtual clock. They must not know how load is judged.
use super::calm::SECOND;
use super::hive::Hive;
use crate::policy::Instances;
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

//! Tenants that begin from a snapshot, on a clock of the test's: how their time goes on, and what bounds snapshots. They must not
//! know what one is made of.
use super::calm::SECOND;
use super::hive::Hive;
use std::time::Duration;

const CLOCKS: &str = "const began = performance.now(), wall = Date.now(); let fired = 'never';
  setTimeout(() => { fired = ((performance.now() - began) / 1000).toFixed(); }, 5000).unref();
  const top = Math.random();
  serve((req, res) => res.end([fired, process.uptime().toFixed(), ((Date.now() - wall) / 1000).toFixed(), top].join()));";

/// What a new life answers at first, and after six seconds; the tenant is stopped then.
fn life(hive: &mut Hive) -> [String; 2] {
    let peer = hive.connect();
    let first = hive.ask(&peer, "/");
    hive.pass(6 * SECOND);
    let second = hive.ask(&peer, "/");
    peer.close();
    hive.pass(100 * SECOND);
    assert_eq!(hive.view().state, "stopped");
    [first, second]
}

#[test]
fn monotonic_time_stands_still_between_lives_and_dates_do_not() {
    let mut hive = Hive::budding(CLOCKS, |_| {});
    let [first, second] = life(&mut hive);
    let (known, top) = first.rsplit_once(',').expect("four words");
    assert_eq!((known, second), ("never,0,0", format!("5,6,6,{top}")));
    for life_number in 1..3_u32 {
        let before = 106 * life_number;
        let [first, second] = life(&mut hive);
        assert_eq!(first, format!("never,0,{before},{top}"), "its timer has its whole time before it");
        assert_eq!(second, format!("5,6,{},{top}", before + 6));
    }
    assert_eq!(hive.view().starts, 3);
    assert_eq!(hive.log(), "");
}

#[test]
fn other_code_begins_anew() {
    let mut hive = Hive::budding(CLOCKS, |_| {});
    life(&mut hive);
    hive.code.replace("serve((req, res) => res.end('new'))".into());
    assert_eq!(life(&mut hive), ["new", "new"]);
    assert_eq!(hive.log(), "skep: a: its snapshot is gone, its code is run: its configuration has changed\n");
    assert_eq!(life(&mut hive), ["new", "new"]);
    assert_eq!(hive.view().starts, 3);
}

#[test]
fn snapshots_are_bounded() {
    let mut small = Hive::budding(CLOCKS, |limits| limits.snapshot_bytes = 4096);
    let tops = [life(&mut small), life(&mut small)].map(|[first, _]| first);
    assert_ne!(tops[0].rsplit_once(','), tops[1].rsplit_once(','));
    assert!(small.log().contains("of its memory, and a snapshot may have 4096"), "{}", small.log());
    let mut full = Hive::budding(CLOCKS, |limits| limits.snapshots_bytes = 0);
    life(&mut full);
    assert!(full.log().contains("those of all tenants have 0 bytes already"), "{}", full.log());
}

#[test]
fn who_does_not_come_to_rest_serves_when_the_time_is_over() {
    let busy = "const until = performance.now() + 3000;
      (function again() { if (performance.now() < until) setImmediate(again); })(); serve((req, res) => res.end('up'));";
    for (wait, taken) in [(5000, true), (500, false)] {
        let mut hive = Hive::budding(busy, |limits| limits.snapshot_wait_ms = wait);
        let peer = hive.connect();
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
        for _ in 0..600 {
            hive.calm.clock.advance(Duration::from_millis(10));
            hive.calm.hall.turn_within(Some(Duration::ZERO));
        }
        assert_eq!(hive.answer(&peer), "up");
        assert_eq!(hive.log().is_empty(), taken, "{}", hive.log());
    }
}

#[test]
fn who_comes_to_rest_in_the_turn_in_which_it_listens_serves_at_once() {
    let mut hive = Hive::budding("serve((req, res) => res.end('up'))", |_| {});
    let peer = hive.connect();
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
    // No longer than nothing else happens.
    hive.pass(Duration::from_millis(100));
    assert!(String::from_utf8_lossy(&peer.read_all()).ends_with("up"), "{}", hive.log());
}

//! Tenants that begin from a snapshot, on a clock of the test's: how their time goes on, and what bounds snapshots. They must not
//! know what one is made of.
use super::calm::SECOND;
use super::hive::Hive;
use std::path::PathBuf;
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

/// Listens, and has something to do for a while; then that happens.
fn busy(turns: u32, then: &str) -> String {
    format!(
        "serve((req, res) => res.end('old')); let turns = 0;
         (function again() {{ if (++turns === {turns}) {{ {then} }} setImmediate(again); }})();"
    )
}

#[test]
fn who_ends_before_its_snapshot_is_taken_ends_nobody_else() {
    for end in ["process.exit(7);", "throw new Error('broken');"] {
        let mut hive = Hive::budding(&busy(3, end), |_| {});
        let peer = hive.connect();
        peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
        hive.pass(SECOND);
        assert!(String::from_utf8_lossy(&peer.read_all()).starts_with("HTTP/1.1 503 "), "{end}");
        assert!(hive.log().contains(" before it listened"), "{}", hive.log());
        let other = hive.connect();
        hive.code.replace("serve((req, res) => res.end('up'))".into());
        assert_eq!(hive.ask(&other, "/"), "up");
    }
    // One that does not come to rest, and takes too long.
    let mut hive = Hive::budding(&busy(0, ""), |limits| (limits.snapshot_wait_ms, limits.start_ms) = (5000, 1000));
    let peer = hive.connect();
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
    for _ in 0..300 {
        hive.calm.clock.advance(Duration::from_millis(10));
        hive.calm.hall.turn_within(Some(Duration::ZERO));
    }
    assert!(hive.log().contains("has not listened within 1 s"), "{}", hive.log());
}

#[test]
fn what_was_to_be_a_snapshot_of_one_is_none_of_who_comes_after_it() {
    let mut hive = Hive::budding(&busy(0, ""), |limits| limits.snapshot_wait_ms = 5000);
    let peer = hive.connect();
    peer.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("the connection is open");
    for _ in 0..50 {
        hive.calm.clock.advance(Duration::from_millis(1));
        hive.calm.hall.turn_within(Some(Duration::ZERO));
    }
    assert_eq!(hive.view().state, "starting", "it has listened and is busy");
    hive.code.replace("setTimeout(() => serve((req, res) => res.end('new')), 500)".into());
    hive.calm.hall.deploy(0);
    hive.pass(SECOND / 4);
    assert_eq!((hive.view().state, hive.view().snapshots), ("starting", 0), "{}", hive.log());
    hive.pass(SECOND);
    assert!(String::from_utf8_lossy(&peer.read_all()).ends_with("new"), "{}", hive.log());
}

/// A folder that is there for one test.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Place {
    fn new() -> Place {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system has random bytes");
        Place(std::env::temp_dir().join(format!("skep-kept-{:x}", u64::from_le_bytes(random))))
    }

    fn snapshots(&self) -> usize {
        let names = std::fs::read_dir(&self.0).expect("it is there").map(|entry| entry.expect("it is").file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".snapshot")).count()
    }
}

const TOP: &str = "const top = Math.random(); serve((req, res) => res.end(String(top)))";

#[test]
fn what_is_not_to_be_kept_any_more_is_removed_though_nobody_has_asked_for_the_tenant() {
    let place = Place::new();
    let mut hive = Hive::keeping(TOP, &place.0);
    let top = hive.ask(&hive.connect(), "/");
    hive.pass(SECOND);
    assert_eq!(place.snapshots(), 1);
    drop(hive);
    let mut hive = Hive::keeping(TOP, &place.0);
    assert_eq!(hive.ask(&hive.connect(), "/"), top, "the next process begins there");
    drop(hive);
    let mut hive = Hive::keeping(TOP, &place.0);
    hive.reload(|plan| plan.keep = false);
    hive.pass(SECOND);
    assert_eq!((place.snapshots(), hive.view().starts), (0, 0));
    // And what is in memory when one is to be kept is kept.
    hive.ask(&hive.connect(), "/");
    hive.pass(SECOND);
    assert_eq!(place.snapshots(), 0);
    hive.reload(|plan| plan.keep = true);
    hive.pass(SECOND);
    assert_eq!((place.snapshots(), hive.log().as_str()), (1, ""));
}

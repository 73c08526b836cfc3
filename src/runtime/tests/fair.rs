//! Fairness: who runs, how long, and who rests. On the virtual clock each stretch of a guest takes what a test says; two
//! tests take real time. They must not know how the hall chooses.
use super::calm::Paper;
use super::pace::start_info;
use super::paced::Paced;
use super::sim::plain;
use crate::guest::cache::{CacheFolder, load_or_build};
use crate::guest::{Cell, Engine, EngineOptions, Entropy, GuestState, Surroundings, Verdict};
use crate::policy::{AtLimit, Bound, FolderGrant, Grants, Hoard, Limits, PURSE_CELLS, Purse, Rate, Stuff};
use crate::reactor::sim::{SimKernel, SimNet};
use crate::runtime::{GuestId, GuestView, Hall, Offload, Outcome};
use crate::time::{Clock, OsClock, VirtualClock};
use skep_abi::VERSION;
use std::cell::{Cell as Shared, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;

/// What a sleeping hall lets pass at most in one turn.
const STEP: Duration = Duration::from_millis(1);

/// A guest that has something to do in every turn (`body` answers 1 for that).
pub(super) fn cell(body: &str) -> Cell {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| {
        Engine::new(&EngineOptions { quick_compile: true, ..EngineOptions::default() })
            .expect("an engine can be made here")
    });
    let text = format!(
        r#"(module
          (import "skep" "inbox" (func $inbox (param i32 i32) (result i32)))
          (import "skep" "timer_arm" (func $timer (param i64 i32) (result i32)))
          (import "skep" "log" (func $log (param i32 i32 i32) (result i32)))
          (import "skep" "net_connect" (func $connect (param i32 i32 i32 i32 i32) (result i64)))
          (import "skep" "exit" (func $exit (param i32) (result i32)))
          (import "skep" "fs_call" (func $fs_call (param i32 i32 i32 i32 i32) (result i64)))
          (memory (export "memory") 4)
          (func (export "skep_abi") (result i32)
            (drop (call $inbox (i32.const 4096) (i32.const 32768)))
            (i32.const {VERSION}))
          (func (export "skep_on_events") (param $len i32) (result i32)
            (if (i32.eq (i32.load16_u (i32.const 4124)) (i32.const 1)) (then (return (i32.const 0))))
            {body}))"#
    );
    let wasm = wat::parse_str(text).expect("the guest is well-formed");
    load_or_build(engine, &wasm, &CacheFolder(None), |_| {}).expect("the guest is accepted")
}

/// Each stretch takes as long as it is told to, on the virtual clock; at its end something is done.
fn paced(clock: &VirtualClock, cost: &Rc<Shared<u64>>, at_end: impl Fn() + 'static) -> Box<Paced> {
    let (clock, cost) = (clock.clone(), cost.clone());
    Box::new(Paced::new(clock.clone(), move |entered| {
        at_end();
        clock.advance(Duration::from_nanos(cost.get()));
        let now = clock.now_mono().0;
        (now, now - entered)
    }))
}

struct Room {
    hall: Hall<SimKernel, VirtualClock>,
    net: SimNet,
    clock: VirtualClock,
    paper: Paper,
}

impl Room {
    fn new() -> Room {
        let (net, clock, paper) = (SimNet::new(1), VirtualClock::new(0), Paper::default());
        let logs = paper.logs();
        let hall = Hall::new(net.reactor(), clock.clone(), logs, Offload::inline(), Limits::default().http);
        let hook = clock.clone();
        net.on_idle(move |timeout| hook.advance(timeout.map_or(STEP, |span| span.min(STEP))));
        Room { hall, net, clock, paper }
    }

    /// Seats a guest each of whose stretches takes so many nanoseconds.
    fn seat(&mut self, cell: &Cell, cost: u64, limits: Limits) -> (GuestId, Rc<Shared<u64>>) {
        self.seat_with(cell, cost, limits, b"{}".to_vec())
    }

    fn seat_with(&mut self, cell: &Cell, cost: u64, limits: Limits, info: Vec<u8>) -> (GuestId, Rc<Shared<u64>>) {
        let cost = Rc::new(Shared::new(cost));
        let outside = paced(&self.clock, &cost, || {});
        let limits = Limits { slice: Duration::from_secs(3600), ..limits };
        let state = GuestState::new(Grants::default(), limits, outside, info);
        (self.hall.seat(cell.spawn(state).expect("a guest can be spawned")), cost)
    }

    /// The same as one process of a tree that is counted together.
    fn seat_in_tree(&mut self, cell: &Cell, cost: u64, limits: Limits, purse: Purse) -> GuestId {
        let outside = paced(&self.clock, &Rc::new(Shared::new(cost)), || {});
        let limits = Limits { slice: Duration::from_secs(3600), ..limits };
        let mut state = GuestState::new(Grants::default(), limits, outside, b"{}".to_vec());
        state.share(purse);
        self.hall.seat(cell.spawn(state).expect("a guest can be spawned"))
    }

    fn run_until(&mut self, moment: u64) {
        while self.clock.now_mono().0 < moment {
            self.hall.turn();
        }
    }

    fn view(&self, id: GuestId) -> GuestView {
        self.hall.view_guest(id).expect("it lives")
    }
}

pub(super) fn always_busy() -> &'static Cell {
    static CELL: OnceLock<Cell> = OnceLock::new();
    CELL.get_or_init(|| cell("(i32.const 1)"))
}

fn tenth() -> Limits {
    Limits { cpu_ns: Some(Rate { per_second: SECOND / 10, burst: 200 * MS }), ..Limits::default() }
}

#[test]
fn p11_a_trees_rate_of_cpu_is_shared_by_its_processes() {
    let cells: Vec<AtomicU64> = (0..PURSE_CELLS).map(|_| AtomicU64::new(0)).collect();
    let cells: &'static [AtomicU64] = cells.leak();
    let root = Purse::of_root(cells).expect("cells enough");
    let child = || Purse::of_child(cells, root.claim(0).expect("a row")).expect("it was claimed");
    let mut room = Room::new();
    let guests = [root, child(), child()].map(|purse| room.seat_in_tree(always_busy(), MS, tenth(), purse));
    room.run_until(20 * SECOND);
    let used: Duration = guests.iter().map(|guest| room.view(*guest).meter.cpu).sum();
    // Each may overdraw by what the others did since it last looked.
    assert!(used <= Duration::from_millis(200 + 2000 + 3 * 200), "{used:?} of CPU in 20 s");
    assert!(used >= Duration::from_millis(1900), "only {used:?}");
}

#[test]
fn p11_who_comes_late_owes_nothing_of_what_the_tree_has_used() {
    let cells: Vec<AtomicU64> = (0..PURSE_CELLS).map(|_| AtomicU64::new(0)).collect();
    let cells: &'static [AtomicU64] = cells.leak();
    let root = Purse::of_root(cells).expect("cells enough");
    root.spend(1800 * SECOND);
    let child = Purse::of_child(cells, root.claim(0).expect("a row")).expect("it was claimed");
    let mut room = Room::new();
    let guest = room.seat_in_tree(always_busy(), MS, tenth(), child);
    room.run_until(10 * SECOND);
    let used = room.view(guest).meter.cpu;
    assert!(used >= Duration::from_millis(1100), "only {used:?}");
    // What another uses from here on is owed by both.
    root.spend(SECOND / 2);
    let before = used;
    room.run_until(12 * SECOND);
    let used = room.view(guest).meter.cpu - before;
    assert!(used <= Duration::from_millis(10), "{used:?} of 200 ms, after another's 500");
}

#[test]
fn p11_what_is_missing_in_the_purse_for_a_moment_is_not_owed_again() {
    /// The cell of what the first process has used.
    const FIRST: usize = PURSE_CELLS / 1024 + 3;
    let cells: Vec<AtomicU64> = (0..PURSE_CELLS).map(|_| AtomicU64::new(0)).collect();
    let cells: &'static [AtomicU64] = cells.leak();
    let root = Purse::of_root(cells).expect("cells enough");
    root.spend(SECOND);
    let child = Purse::of_child(cells, root.claim(0).expect("a row")).expect("it was claimed");
    let mut room = Room::new();
    let guest = room.seat_in_tree(always_busy(), MS, tenth(), child);
    room.run_until(5 * SECOND);
    // As while a row is taken back.
    assert_eq!(cells[FIRST].swap(0, Relaxed), SECOND);
    room.run_until(5 * SECOND + 20 * MS);
    cells[FIRST].store(SECOND, Relaxed);
    let before = room.view(guest).meter.cpu;
    room.run_until(8 * SECOND);
    let used = room.view(guest).meter.cpu - before;
    assert!(used >= Duration::from_millis(200), "{used:?} of 300 ms");
}

#[test]
fn c11_bursts_of_a_millisecond_get_their_rate_and_no_more() {
    for cost in [MS, 10_000, 5 * MS, 900_000] {
        let mut room = Room::new();
        let (guest, _) = room.seat(always_busy(), cost, tenth());
        room.run_until(20 * SECOND);
        let meter = room.view(guest).meter;
        let most = Duration::from_millis(200 + 2000) + 2 * Duration::from_nanos(cost.max(MS));
        assert!(meter.cpu <= most, "{cost} ns each: {:?} of CPU in 20 s", meter.cpu);
        assert!(meter.cpu >= Duration::from_millis(2100), "{cost} ns each: only {:?}", meter.cpu);
        assert!(meter.rests > 10 && meter.rested > Duration::from_secs(15), "{meter:?}");
        assert!(meter.hits(Bound::Cpu) > 10);
    }
}

#[test]
fn who_rests_sleeps_and_neighbours_do_not_notice() {
    let mut room = Room::new();
    let (hog, _) = room.seat(always_busy(), 5 * MS, tenth());
    let (good, _) = room.seat(always_busy(), 20_000, Limits::default());
    room.run_until(10 * SECOND);
    let (hog, good) = (room.view(hog).meter, room.view(good).meter);
    assert!(hog.cpu <= Duration::from_millis(1210), "{:?}", hog.cpu);
    assert!(good.cpu >= Duration::from_millis(8700), "{:?}", good.cpu);
}

#[test]
fn equals_get_equal_shares_wherever_they_sit() {
    let mut room = Room::new();
    let ids: Vec<_> = (0..7).map(|_| room.seat(always_busy(), 5 * MS, Limits::default()).0).collect();
    room.run_until(7 * SECOND);
    let times: Vec<_> = ids.iter().map(|id| room.view(*id).meter.cpu.as_millis()).collect();
    let (least, most) = (times.iter().min().expect("seven"), times.iter().max().expect("seven"));
    assert!(most - least <= 10 && *least >= 980, "{times:?} ms");
}

#[test]
fn a_light_guest_waits_for_one_slice_however_many_compute() {
    let mut room = Room::new();
    let hogs: Vec<_> = (0..20).map(|_| room.seat(always_busy(), 2 * MS, Limits::default()).0).collect();
    let (good, _) = room.seat(always_busy(), 20_000, Limits::default());
    let mut longest = 0;
    let mut turns = 0;
    while turns < 2000 {
        let before = room.clock.now_mono().0;
        room.hall.turn();
        turns += 1;
        // In the first turn nobody is known to compute.
        if turns > 25 {
            longest = longest.max(room.clock.now_mono().0 - before);
        }
    }
    let meter = room.view(good).meter;
    assert!(meter.turns >= 1975, "{} of {turns} turns", meter.turns);
    assert!(longest <= 2 * MS + 40_000, "a turn of {longest} ns");
    let times: Vec<_> = hogs.iter().map(|id| room.view(*id).meter.turns).collect();
    assert!(times.iter().all(|time| (90..=110).contains(time)), "hogs share what is left: {times:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_tenant_without_anything_to_do_dozes_until_its_next_event() {
    use crate::runtime::tenants::Tenancy;
    let mut room = Room::new();
    let writes =
        cell("(i32.store (i32.const 100000) (i32.add (i32.load (i32.const 100000)) (i32.const 1))) (i32.const 0)");
    let ids: Vec<_> = (0..20).map(|_| room.seat(&writes, 1000, Limits::default()).0).collect();
    for id in &ids {
        room.hall.keep_seated(*id);
        let used = room.clock.now_mono();
        room.hall.seats[id.0 as usize].tenancy = Some(Tenancy::new(0, used));
    }
    let dozing = |room: &Room| ids.iter().filter(|id| room.view(**id).state == "dozing").count();
    room.run_until(4 * SECOND);
    assert_eq!(dozing(&room), 0);
    let told = ids[7].0 as usize;
    room.hall.seats[told].tell(skep_abi::events::TIMER, None, 0, &[]);
    room.run_until(6 * SECOND);
    assert_eq!(dozing(&room), 19, "one has had something to do");
    room.run_until(12 * SECOND);
    assert_eq!(dozing(&room), 20);
    assert!(room.hall.timers.is_empty(), "nobody looks again");
    room.hall.seats[told].tell(skep_abi::events::TIMER, None, 0, &[]);
    room.run_until(13 * SECOND);
    assert_eq!((dozing(&room), room.view(ids[7]).meter.turns), (19, 3));
}

#[test]
fn guests_that_have_nothing_to_do_cost_a_turn_nothing() {
    let mut room = Room::new();
    let idle = cell("(i32.const 0)");
    for _ in 0..200 {
        let (guest, _) = room.seat(&idle, 1000, Limits::default());
        room.hall.keep_seated(guest);
    }
    let (busy, _) = room.seat(always_busy(), 1000, Limits::default());
    (0..200).for_each(|_| room.hall.turn());
    let before = room.view(busy).meter.turns;
    for _ in 0..100 {
        room.hall.turn();
        assert!(room.hall.seats.noted() <= 2, "{} of 201 are looked at", room.hall.seats.noted());
        room.hall.seats.audit();
    }
    assert_eq!(room.view(busy).meter.turns, before + 100);
}

#[test]
fn what_comes_during_a_slice_is_answered_before_the_next() {
    let mut room = Room::new();
    room.seat_with(plain(), 0, Limits::default(), start_info(8001));
    room.hall.turn();
    let peer = room.net.connect(([127, 0, 0, 1], 8001).into()).expect("somebody listens");
    (0..3).for_each(|_| room.hall.turn());
    let (asked, seen) = (Shared::new(false), Rc::new(RefCell::new(Vec::new())));
    let told = seen.clone();
    // Slices by turns: a request comes during one, and its answer is looked for at the end of the next.
    let each = move || match asked.replace(!asked.get()) {
        false => peer.send(b"GET /n5.0.1 HTTP/1.1\r\nHost: a\r\n\r\n").expect("it is open"),
        true => told.borrow_mut().push(peer.read_all().starts_with(b"HTTP/1.1 200 ")),
    };
    let outside = paced(&room.clock, &Rc::new(Shared::new(2 * MS)), each);
    let limits = Limits { slice: Duration::from_secs(3600), ..Limits::default() };
    let state = GuestState::new(Grants::default(), limits, outside, b"{}".to_vec());
    room.hall.seat(always_busy().spawn(state).expect("a guest can be spawned"));
    (0..50).for_each(|_| room.hall.turn());
    // At first nobody is known to compute.
    let seen = seen.borrow_mut().split_off(1);
    assert_eq!(seen, vec![true; seen.len()], "all were answered at once");
    assert!(seen.len() >= 20);
}

#[test]
fn who_computes_is_not_shut_out_by_many_that_do_not() {
    let mut room = Room::new();
    for _ in 0..50 {
        room.seat(always_busy(), 900_000, Limits::default());
    }
    let (hog, _) = room.seat(always_busy(), 5 * MS, Limits::default());
    (0..1000).for_each(|_| room.hall.turn());
    assert!(room.view(hog).meter.turns >= 900, "{} turns", room.view(hog).meter.turns);
    assert!(room.hall.view().longest_turn <= Duration::from_millis(12), "{:?}", room.hall.view());
}

#[test]
fn over_its_rate_may_be_a_guests_end() {
    let mut room = Room::new();
    let limits = Limits { at_cpu: AtLimit::End, ..tenth() };
    let (guest, _) = room.seat(always_busy(), MS, limits);
    (0..300).for_each(|_| room.hall.turn());
    let (id, outcome) = room.hall.ended().expect("it has ended");
    assert_eq!(id, guest);
    assert!(matches!(outcome, Outcome::Ended(Verdict::Over(Bound::Cpu))), "{outcome:?}");
    assert_eq!(room.hall.view().timers, 0, "nothing of it is left");
}

#[test]
fn a_guest_ended_while_it_rests_leaves_no_timer_for_its_successor() {
    let mut room = Room::new();
    let (guest, _) = room.seat(always_busy(), 300 * MS, tenth());
    (0..3).for_each(|_| room.hall.turn());
    assert_eq!(room.view(guest).state, "resting");
    room.hall.dismiss(guest, Outcome::Exited(0));
    assert_eq!(room.hall.view().timers, 0);
}

#[test]
fn other_limits_hold_at_once() {
    let mut room = Room::new();
    let (guest, _) = room.seat(always_busy(), MS, tenth());
    room.run_until(5 * SECOND);
    let before = room.view(guest).meter.cpu;
    assert!(room.hall.set_limits(guest, Limits { slice: Duration::from_secs(3600), ..Limits::default() }));
    room.run_until(6 * SECOND);
    assert!(room.view(guest).meter.cpu - before >= Duration::from_millis(990), "it is free");
    assert!(room.hall.set_limits(guest, Limits { slice: Duration::from_secs(3600), ..tenth() }));
    let before = room.view(guest).meter.cpu;
    room.run_until(8 * SECOND);
    assert!(room.view(guest).meter.cpu - before <= Duration::from_millis(410), "it is bound again");
    assert!(!room.hall.set_limits(GuestId(99), Limits::default()));
}

#[test]
fn l01_a_flood_of_log_is_cut_to_its_rate_and_counted() {
    let mut room = Room::new();
    let rate = Rate { per_second: 10_000, burst: 20_000 };
    let limits = Limits { log_bytes: Some(rate), tell_limits: true, ..Limits::default() };
    let flood = cell("(drop (call $log (i32.const 1) (i32.const 0) (i32.const 1000))) (i32.const 1)");
    let (guest, _) = room.seat(&flood, MS, limits);
    room.run_until(10 * SECOND);
    let meter = room.view(guest).meter;
    assert!((119_000..=121_000).contains(&(meter.log_bytes - told(&room).len() as u64)), "{meter:?}");
    assert!(meter.log_dropped > 9_000 && meter.log_dropped_bytes == 1000 * meter.log_dropped, "{meter:?}");
    let told = told(&room);
    assert!((5..=12).contains(&told.lines().count()), "one line a second at most:\n{told}");
    assert!(told.lines().all(|line| line.starts_with("skep: at its limits: log ") && line.len() < 300), "{told}");
}

fn told(room: &Room) -> String {
    room.paper.text().split('\0').filter(|text| !text.is_empty()).collect()
}

/// The start record of `guest.wat`: its port, then ListenOptions without any timeout.
fn ask(room: &mut Room, target: &str, turns: usize) -> String {
    let peer = room.net.connect(([127, 0, 0, 1], 8001).into()).expect("somebody listens");
    peer.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes()).expect("it is open");
    let mut answer = Vec::new();
    for _ in 0..turns {
        room.hall.turn();
        answer.extend(peer.read_all());
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn requests_beyond_their_rate_are_answered_in_its_stead() {
    for (at_requests, expected) in [(AtLimit::Refuse, "HTTP/1.1 429 "), (AtLimit::Shed, "HTTP/1.1 503 ")] {
        let mut room = Room::new();
        let limits = Limits { requests: Some(Rate { per_second: 1, burst: 2 }), at_requests, ..Limits::default() };
        let (guest, _) = room.seat_with(plain(), 0, limits, start_info(8001));
        room.hall.turn();
        for path in ["/n5.0.1", "/n5.0.2"] {
            assert!(ask(&mut room, path, 6).starts_with("HTTP/1.1 200 "));
        }
        assert!(ask(&mut room, "/n5.0.3", 4).starts_with(expected));
        let now = room.clock.now_mono().0;
        room.run_until(now + SECOND);
        assert!(ask(&mut room, "/n5.0.4", 6).starts_with("HTTP/1.1 200 "), "one a second");
        let view = room.view(guest);
        assert_eq!((view.meter.hits(Bound::Requests), view.requests()), (1, 3), "the guest has heard of three");
    }
}

#[test]
fn requests_of_a_guest_that_rests_wait_or_are_shed_as_is_chosen() {
    let cases = [
        (AtLimit::Throttle, ""),
        (AtLimit::Shed, "HTTP/1.1 503 "),
        (AtLimit::Refuse, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n"),
    ];
    for (at_cpu, expected) in cases {
        let mut room = Room::new();
        let limits = Limits { at_cpu, ..tenth() };
        let (guest, cost) = room.seat_with(plain(), 0, limits, start_info(8001));
        room.hall.turn();
        assert!(ask(&mut room, "/n5.0.1", 6).starts_with("HTTP/1.1 200 "));
        cost.set(400 * MS);
        assert!(ask(&mut room, "/n5.0.2", 3).starts_with("HTTP/1.1 200 "));
        cost.set(0);
        assert_eq!(room.view(guest).state, "resting");
        // The turns of a sleeping hall may be long: the peer asks while it rests.
        let now = room.clock.now_mono().0;
        let answer = ask(&mut room, "/n5.0.3", 4);
        assert!(answer.starts_with(expected) && answer.is_empty() == expected.is_empty(), "{at_cpu:?}: {answer:?}");
        room.run_until(now + 4 * SECOND);
        assert_ne!(room.view(guest).state, "resting");
        let answer = ask(&mut room, "/n5.0.4", 6);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{at_cpu:?}: {answer:?}");
        let view = room.view(guest);
        assert_eq!(view.meter.hits(Bound::Shed), u32::from(at_cpu == AtLimit::Shed));
        assert_eq!(view.meter.hits(Bound::Refused), u32::from(at_cpu == AtLimit::Refuse));
        assert!(view.requests() >= 3 && view.responses[2] == view.requests(), "{:?}", view.responses);
        assert!(view.latencies.quantile(1.0) >= 400_000, "the slow one is seen");
        assert!(view.recent.total() <= view.latencies.total());
    }
}

#[test]
fn bytes_out_over_their_rate_make_it_rest() {
    let mut room = Room::new();
    let limits = Limits { bytes_out: Some(Rate { per_second: 1000, burst: 2000 }), ..Limits::default() };
    let (guest, _) = room.seat_with(plain(), 0, limits, start_info(8001));
    room.hall.turn();
    assert!(ask(&mut room, "/n3000.0.1", 6).starts_with("HTTP/1.1 200 "));
    assert_eq!(room.view(guest).state, "resting");
    assert_eq!(room.view(guest).meter.hits(Bound::BytesOut), 1);
    let now = room.clock.now_mono().0;
    room.run_until(now + 4 * SECOND);
    assert!(ask(&mut room, "/n1.0.2", 6).starts_with("HTTP/1.1 200 "));
}

#[test]
fn f05_what_two_may_write_is_measured_though_both_rest_while_the_first_is() {
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("the system has random bytes");
    let base = std::env::temp_dir().join(format!("skep-fair-{:x}", u64::from_le_bytes(random)));
    let limits = Limits { disk_bytes: Some(10_000), ..Limits::default() };
    let mut room = Room::new();
    let hoards = ["a", "b"].map(|name| {
        let folder = base.join(name);
        std::fs::create_dir_all(&folder).expect("it can be made");
        std::fs::write(folder.join("file"), [0; 1000]).expect("it can be written");
        let mut grants = Grants::default();
        grants.folders.push(FolderGrant { folder, write: true });
        let hoard = Arc::new(Hoard::new(&limits).expect("there are bounds"));
        let outside = paced(&room.clock, &Rc::new(Shared::new(MS)), || {});
        let limits = Limits { slice: Duration::from_secs(3600), ..limits.clone() };
        let mut state = GuestState::new(grants, limits, outside, b"{}".to_vec());
        state.draw_from(Some(Arc::clone(&hoard)));
        // It lives, and is not entered again.
        let waits = cell("(drop (call $timer (i64.const 0x7fffffffffffffff) (i32.const 1))) (i32.const 0)");
        room.hall.seat(waits.spawn(state).expect("a guest can be spawned"));
        hoard
    });
    (0..20).for_each(|_| room.hall.turn_within(Some(Duration::ZERO)));
    std::fs::remove_dir_all(&base).expect("it is there");
    assert_eq!(hoards.map(|hoard| hoard.held(Stuff::Bytes)), [1000, 1000]);
}

fn real(hall: &mut Hall<SimKernel, OsClock>, clock: &OsClock, cell: &Cell, limits: Limits) -> GuestId {
    let outside = Box::new(Surroundings(clock.clone(), Entropy::seeded(&[0; 32])));
    let state = GuestState::new(Grants::default(), limits, outside, b"{}".to_vec());
    hall.seat(cell.spawn(state).expect("a guest can be spawned"))
}

#[test]
fn c01_an_endless_loop_leaves_its_neighbour_a_turn_after_each_slice() {
    let (net, clock) = (SimNet::new(1), OsClock::new());
    let logs = Paper::default().logs();
    let mut hall = Hall::new(net.reactor(), clock.clone(), logs, Offload::inline(), Limits::default().http);
    let hog = real(&mut hall, &clock, &cell("(loop $on (br $on)) (i32.const 1)"), Limits::default());
    let good = real(&mut hall, &clock, always_busy(), Limits::default());
    let began = clock.now_mono();
    while hall.view_guest(hog).expect("it lives").meter.yields < 40 {
        hall.turn();
        assert!(clock.now_mono().since(began) < Duration::from_secs(60), "slices do not end");
    }
    let passed = clock.now_mono().since(began);
    let (hog, good) = (hall.view_guest(hog).expect("it lives"), hall.view_guest(good).expect("it lives"));
    assert!(good.meter.turns >= 38, "{} turns beside 40 slices", good.meter.turns);
    assert_eq!(hog.state, "running");
    assert!(hog.meter.cpu <= passed && hog.meter.cpu >= Duration::from_millis(5), "{:?} of CPU", hog.meter.cpu);
}

#[test]
fn an_endless_loop_uses_its_rate_and_no_more_in_real_time() {
    let (net, clock) = (SimNet::new(1), OsClock::new());
    let logs = Paper::default().logs();
    let mut hall = Hall::new(net.reactor(), clock.clone(), logs, Offload::inline(), Limits::default().http);
    let limits = Limits { cpu_ns: Some(Rate { per_second: SECOND / 10, burst: 20 * MS }), ..Limits::default() };
    let hog = real(&mut hall, &clock, &cell("(loop $on (br $on)) (i32.const 1)"), limits);
    let began = clock.now_mono();
    while hall.view_guest(hog).expect("it lives").meter.rests < 5 {
        hall.turn();
        assert!(clock.now_mono().since(began) < Duration::from_secs(60), "it does not rest");
    }
    let meter = hall.view_guest(hog).expect("it lives").meter;
    let passed = clock.now_mono().since(began);
    // The burst, the rate, and what its last slice may add, however late a busy machine ends it.
    let most = Duration::from_millis(20) + passed / 10 + meter.longest;
    assert!(meter.cpu <= most, "{:?} of CPU in {passed:?}: {meter:?}", meter.cpu);
}

/// Connects to 127.0.0.1:9 so many times, prints a line, and does this.
fn connects(count: u32, then: &str) -> Cell {
    let body = format!(
        r#"(if (i32.load (i32.const 8)) (then (return (i32.const 0))))
          (i64.store (i32.const 16) (i64.const 0x2e302e302e373231))
          (i32.store8 (i32.const 24) (i32.const 0x31))
          (loop $on
            (drop (call $connect (i32.const 16) (i32.const 9) (i32.const 9) (i32.const 0) (i32.const 0)))
            (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
            (br_if $on (i32.lt_u (i32.load (i32.const 8)) (i32.const {count}))))
          (i32.store (i32.const 16) (i32.const 0x0a444e45))
          (drop (call $log (i32.const 1) (i32.const 16) (i32.const 4)))
          {then}"#
    );
    cell(&body)
}

#[test]
fn what_a_guest_asks_for_at_once_is_carried_out_over_several_turns_in_its_order() {
    let mut room = Room::new();
    let there = SocketAddr::from(([127, 0, 0, 1], 9));
    room.net.silence(there);
    let outside = paced(&room.clock, &Rc::new(Shared::new(0)), || {});
    let limits = Limits { slice: Duration::from_secs(3600), ..Limits::default() };
    let state = GuestState::new(Grants::all(), limits, outside, b"{}".to_vec());
    let guest = room.hall.seat(connects(40, "(i32.const 0)").spawn(state).expect("a guest can be spawned"));
    let mut seen = Vec::new();
    for _ in 0..12 {
        room.hall.turn();
        seen.push((room.hall.view().streams, room.paper.text().contains("END")));
        assert_eq!(room.hall.view_guest(guest).expect("it lives").sockets, 40);
    }
    seen.dedup();
    assert_eq!(seen, [(16, false), (32, false), (40, true)]);
}

#[test]
fn what_a_guest_has_asked_for_is_done_when_it_ends_itself_or_is_ended() {
    for itself in [true, false] {
        let mut room = Room::new();
        room.net.silence(SocketAddr::from(([127, 0, 0, 1], 9)));
        let outside = paced(&room.clock, &Rc::new(Shared::new(0)), || {});
        let limits = Limits { slice: Duration::from_secs(3600), ..Limits::default() };
        let state = GuestState::new(Grants::all(), limits, outside, b"{}".to_vec());
        let then = if itself { "(drop (call $exit (i32.const 3))) (unreachable)" } else { "(i32.const 0)" };
        let guest = room.hall.seat(connects(40, then).spawn(state).expect("a guest can be spawned"));
        while room.hall.view().streams == 0 && room.hall.view().guests > 0 {
            room.hall.turn();
        }
        if !itself {
            assert!(!room.paper.text().contains("END"), "it has more to do");
            room.hall.end(guest, 3);
        }
        assert_eq!(
            room.hall.ended().map(|(id, outcome)| (id, format!("{outcome:?}"))),
            Some((guest, "Exited(3)".into()))
        );
        room.hall.turn_within(Some(Duration::ZERO));
        assert!(room.paper.text().contains("END"));
        assert_eq!((room.hall.view().streams, room.hall.view().guests), (0, 0));
    }
}

//! What a front's connections may do before a tenant has them, on the virtual clock: each limit of `ServeLimits` that holds
//! visitors, waiting requests and starts is reached. It must not know how the hall keeps its books.
use super::calm::Calm;
use super::pace::start_info;
use super::sim::{engine, plain};
use crate::guest::cache::{CacheFolder, load_or_build};
use crate::guest::{Cell, Entropy, GuestState, Surroundings};
use crate::policy::{AtLimit, Grants, Instances, Limits, ServeLimits};
use crate::reactor::Errno;
use crate::reactor::sim::SimPeer;
use crate::runtime::{
    Again, Believed, FrontKind, FrontPlan, Hired, Hirer, Keeper, Manners, NotHired, Plan, Reload, Routes,
};
use crate::time::{Clock as _, Mono, VirtualClock};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const AT: ([u8; 4], u16) = ([127, 0, 0, 1], 80);
const FRONT: FrontPlan = FrontPlan {
    at: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), AT.1),
    kind: FrontKind::Shared,
    proxied: false,
};

/// Waits for a timer that is far away, and never listens.
const MUTE: &str = r#"(module
  (import "skep" "inbox" (func $inbox (param i32 i32) (result i32)))
  (import "skep" "timer_arm" (func $timer (param i64 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "skep_abi") (result i32)
    (drop (call $inbox (i32.const 4096) (i32.const 32768)))
    (i32.const VERSION))
  (func (export "skep_on_events") (param $len i32) (result i32)
    (if (i32.eq (i32.load16_u (i32.const 4124)) (i32.const 1)) (then (return (i32.const 0))))
    (drop (call $timer (i64.const 0x7fffffffffffffff) (i32.const 1)))
    (i32.const 0)))"#;

fn mute() -> Cell {
    let wasm =
        wat::parse_str(MUTE.replace("VERSION", &skep_abi::VERSION.to_string())).expect("the guest is well-formed");
    load_or_build(engine(), &wasm, &CacheFolder(None), |_| {}).expect("the guest is accepted")
}

/// `guest.wat` with a small inbox.
fn small() -> Cell {
    let inbox = "(call $inbox (global.get $inbox_at) (i32.const 0x60000))";
    let text = include_str!("guest.wat").replace(inbox, "(call $inbox (global.get $inbox_at) (i32.const 0x1000))");
    let wasm = wat::parse_str(text).expect("the guest is well-formed");
    load_or_build(engine(), &wasm, &CacheFolder(None), |_| {}).expect("the guest is accepted")
}

/// Tenants by what becomes of them: the last are as many that never listen.
const NAMES: [&str; 5] = ["good", "mute", "none", "compiled", "small"];
const MANY: usize = 20;

/// Tenant 0 serves, tenant 1 never listens, tenant 2 cannot be started, tenant 3 is being compiled, tenant 4 has a small inbox.
struct Bees {
    clock: VirtualClock,
    mute: Cell,
    small: Cell,
    limits: Limits,
    /// Why the third cannot be started; else it never listens.
    compiled: Rc<RefCell<Option<NotHired>>>,
    /// It is named no more when all is read again.
    leaves: Option<u32>,
}

impl Hirer for Bees {
    fn limits(&mut self, _: u32) -> Option<Limits> {
        None
    }

    fn hire(&mut self, tenant: u32) -> Result<Hired, NotHired> {
        let outside = Box::new(Surroundings(self.clock.clone(), Entropy::seeded(&[0; 32])));
        let state = GuestState::new(
            Grants { listen_virtual: true, ..Grants::default() },
            self.limits.clone(),
            outside,
            start_info(AT.1),
        );
        let cell = match tenant {
            0 => plain(),
            3 => match self.compiled.borrow().clone() {
                Some(why) => return Err(why),
                None => &self.mute,
            },
            4 => &self.small,
            // A start takes its time.
            5.. => {
                self.clock.advance(Duration::from_millis(1));
                &self.mute
            }
            1 => &self.mute,
            2 => return Err(NotHired::Failed("there is no script".into())),
        };
        cell.spawn(state).map_err(|error| NotHired::Failed(format!("{error:#}")))
    }

    fn folders(&mut self, _tenant: u32) -> Vec<OwnedFd> {
        Vec::new()
    }
}

impl Keeper for Bees {
    fn hirer(&mut self) -> &mut dyn Hirer {
        self
    }

    fn reload(&mut self, _what: Again) -> Result<Reload, String> {
        let (routes, mut plans) = configured();
        plans.retain(|(number, _)| Some(*number) != self.leaves);
        let deploy = plans.iter().map(|(number, _)| *number).collect();
        Ok(Reload {
            notes: Vec::new(),
            routes: Some(routes),
            plans,
            gone: self.leaves.into_iter().collect(),
            deploy,
            acceptor: None,
            fronts: vec![FRONT],
            manners: Manners::default(),
            cordons: Vec::new(),
        })
    }
}

fn configured() -> (Routes, Vec<(u32, Plan)>) {
    let mut routes = Routes::default();
    let names = NAMES.into_iter().map(str::to_owned).chain((0..MANY).map(|number| format!("many{number}")));
    let plan = |(number, name): (u32, String)| {
        assert_eq!(routes.add(&name, "/", number), None);
        let instances = Instances::fixed(1);
        (number, Plan { name, instances, idle: None, hibernate: None, keep: false, elsewhere: false })
    };
    let plans = (0..).zip(names).map(plan).collect();
    (routes, plans)
}

fn serving(limits: ServeLimits) -> Calm {
    serving_with(limits, Limits::default())
}

/// Its guests have these limits.
fn serving_with(limits: ServeLimits, of_guests: Limits) -> Calm {
    serving_while(limits, of_guests, &Rc::new(RefCell::new(Some(NotHired::NotYet))))
}

/// And one is compiled, or not.
fn serving_while(limits: ServeLimits, of_guests: Limits, compiled: &Rc<RefCell<Option<NotHired>>>) -> Calm {
    let mut calm = Calm::new(0);
    let (routes, plans) = configured();
    let bees = Bees {
        clock: calm.clock.clone(),
        mute: mute(),
        small: small(),
        limits: of_guests,
        compiled: compiled.clone(),
        leaves: Some(1),
    };
    calm.hall.open_tenants(Box::new(bees), limits, routes, plans);
    calm.hall.add_front(FRONT).expect("the address is free");
    calm
}

fn visit(calm: &mut Calm, bytes: &str) -> SimPeer {
    let peer = calm.net.connect(SocketAddr::from(AT)).expect("somebody listens");
    peer.send(bytes.as_bytes()).expect("the connection is open");
    calm.pass(SECOND);
    peer
}

fn request(host: &str) -> String {
    format!("GET /n5.0.1 HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

fn answer(peer: &SimPeer) -> String {
    String::from_utf8_lossy(&peer.read_all()).into_owned()
}

#[test]
fn a_request_starts_its_tenant_and_strangers_are_told() {
    let mut calm = serving(ServeLimits::default());
    let peer = visit(&mut calm, &request("good"));
    assert!(answer(&peer).starts_with("HTTP/1.1 200 "));
    let peer = visit(&mut calm, &request("nobody"));
    assert!(answer(&peer).starts_with("HTTP/1.1 404 "));
    let peer = visit(&mut calm, "GET / HTTP/1.1\r\nHost : good\r\n\r\n");
    assert!(answer(&peer).starts_with("HTTP/1.1 400 "));
}

#[test]
fn visitors_beyond_the_bound_are_reset() {
    let mut calm = serving(ServeLimits { visitors: 2, ..ServeLimits::default() });
    let (first, second) = (visit(&mut calm, "G"), visit(&mut calm, "G"));
    let third = visit(&mut calm, "G");
    assert!(third.saw_reset().is_some() && first.saw_reset().is_none() && second.saw_reset().is_none());
    drop(first);
    calm.pass(SECOND);
    let fourth = visit(&mut calm, &request("good"));
    assert!(answer(&fourth).starts_with("HTTP/1.1 200 "), "there is room again");
}

#[test]
fn heads_that_many_hold_together_are_bounded() {
    let mut calm = serving(ServeLimits { visitor_bytes: 300, ..ServeLimits::default() });
    let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(60));
    let first = visit(&mut calm, &long);
    let second = visit(&mut calm, &long);
    assert!(answer(&second).starts_with("HTTP/1.1 503 "), "the second goes over what both may hold");
    assert!(answer(&first).is_empty() && !first.saw_end());
}

#[test]
fn requests_that_wait_hold_no_more_together_either() {
    let mut calm = serving(ServeLimits { visitor_bytes: 300, ..ServeLimits::default() });
    let body = format!("POST / HTTP/1.1\r\nHost: mute\r\nContent-Length: 200\r\n\r\n{}", "x".repeat(120));
    let first = visit(&mut calm, &body);
    let second = visit(&mut calm, &body);
    assert!(answer(&second).starts_with("HTTP/1.1 503 "), "the second goes over what both may hold");
    assert!(answer(&first).is_empty() && !first.saw_end());
    let third = visit(&mut calm, "GET /n5.0.1 HTTP/1.1\r\nHost: good\r\n\r\n");
    assert!(answer(&third).starts_with("HTTP/1.1 200 "), "what was turned away holds nothing");
}

#[test]
fn who_is_slow_with_its_head_or_silent_is_let_go() {
    let mut calm = serving(ServeLimits { head_ms: 5000, ..ServeLimits::default() });
    let (slow, silent) = (visit(&mut calm, "GET / HTTP/1.1\r\n"), visit(&mut calm, ""));
    calm.pass(2 * SECOND);
    assert!(answer(&slow).is_empty() && !silent.saw_end());
    calm.pass(3 * SECOND);
    assert!(answer(&slow).starts_with("HTTP/1.1 408 "));
    assert!(silent.saw_end() || silent.saw_reset().is_some());
}

#[test]
fn requests_wait_for_a_start_in_bounded_number_and_time() {
    let limits = ServeLimits { waiting: 1, start_ms: 10_000, ..ServeLimits::default() };
    let mut calm = serving(limits);
    let first = visit(&mut calm, &request("mute"));
    let second = visit(&mut calm, &request("mute"));
    assert!(answer(&second).starts_with("HTTP/1.1 503 "), "one may wait");
    assert!(answer(&first).is_empty());
    let mut late = String::new();
    while late.is_empty() {
        calm.pass(SECOND / 10);
        late = answer(&first);
    }
    assert!(calm.clock.now_mono() >= Mono(10 * SECOND.as_nanos() as u64), "not before its time");
    assert!(late.starts_with("HTTP/1.1 503 ") && late.contains("Retry-After: "), "{late}");
    // It has failed, and is not tried again at once: the answer does not wait.
    let third = visit(&mut calm, &request("mute"));
    let refused = answer(&third);
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("Retry-After: "), "{refused}");
    // Others do not notice.
    let other = visit(&mut calm, &request("good"));
    assert!(answer(&other).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_tenant_that_cannot_be_started_is_a_503() {
    let mut calm = serving(ServeLimits::default());
    let peer = visit(&mut calm, &request("none"));
    assert!(answer(&peer).starts_with("HTTP/1.1 503 "));
}

#[test]
fn an_operators_stop_holds_one_that_is_being_compiled_and_who_waits_is_told() {
    let mut calm = serving(ServeLimits::default());
    let peer = visit(&mut calm, &request("compiled"));
    assert!(answer(&peer).is_empty());
    calm.hall.hold_tenant(3);
    calm.pass(SECOND);
    let told = answer(&peer);
    assert!(told.starts_with("HTTP/1.1 503 ") && told.contains("Retry-After: 60\r\n"), "{told}");
    let state = calm.hall.view_tenants().into_iter().find(|view| view.number == 3).expect("it is configured").state;
    assert_eq!(state, "stopped", "nothing is to start it any more");
}

#[test]
fn who_waits_for_what_cannot_be_compiled_is_told_when_that_is_known() {
    let limits = || (ServeLimits::default(), Limits::default());
    let failed = || Some(NotHired::Failed("it is no module".into()));
    let compiled = Rc::new(RefCell::new(Some(NotHired::NotYet)));
    let mut calm = serving_while(limits().0, limits().1, &compiled);
    let peer = visit(&mut calm, &request("compiled"));
    assert!(answer(&peer).is_empty());
    compiled.replace(failed());
    calm.pass(SECOND);
    assert!(answer(&peer).starts_with("HTTP/1.1 503 "), "it is looked at again meanwhile");
    // Code that cannot be started takes the place of one that was starting.
    let compiled = Rc::new(RefCell::new(None));
    let mut calm = serving_while(limits().0, limits().1, &compiled);
    let peer = visit(&mut calm, &request("compiled"));
    compiled.replace(failed());
    calm.hall.deploy(3);
    calm.hall.turn_within(Some(Duration::ZERO));
    assert!(answer(&peer).starts_with("HTTP/1.1 503 "));
}

#[test]
fn who_waits_for_a_tenant_that_leaves_is_told_at_once() {
    let mut calm = serving(ServeLimits::default());
    let peer = visit(&mut calm, &request("mute"));
    assert!(answer(&peer).is_empty());
    calm.hall.reload_tenants(Again::Changes);
    calm.hall.turn_within(Some(Duration::ZERO));
    assert!(answer(&peer).starts_with("HTTP/1.1 503 "));
}

#[test]
fn many_starts_at_once_are_spread_over_turns() {
    let mut calm = serving(ServeLimits::default());
    let ask = |number| {
        let peer = calm.net.connect(SocketAddr::from(AT)).expect("somebody listens");
        peer.send(request(&format!("many{number}")).as_bytes()).expect("the connection is open");
        peer
    };
    let _peers: Vec<SimPeer> = (0..MANY).map(ask).collect();
    let starts = |calm: &Calm| -> Vec<u64> {
        let all = calm.hall.view_tenants();
        all.iter().filter(|view| view.name.starts_with("many")).map(|view| view.starts).collect()
    };
    calm.pass(SECOND);
    assert_eq!(starts(&calm), [1; MANY]);
    // Each takes a millisecond.
    assert!(calm.hall.view().longest_turn <= Duration::from_millis(6), "{:?}", calm.hall.view().longest_turn);
    calm.hall.reload_tenants(Again::All);
    calm.pass(SECOND);
    assert_eq!(starts(&calm), [2; MANY], "new code");
    assert!(calm.hall.view().longest_turn <= Duration::from_millis(6), "{:?}", calm.hall.view().longest_turn);
}

#[test]
fn a_head_that_grows_beyond_the_inbox_by_what_is_told_is_refused_and_ends_nobody() {
    let mut calm = serving(ServeLimits::default());
    calm.hall.set_manners(Manners { forwarded: Some(Believed::Sender), trace: false });
    let list = "192.0.2.1, ".repeat(176);
    let long = format!("GET /n5.0.1 HTTP/1.1\r\nHost: small\r\nX-Forwarded-For: {list}192.0.2.1\r\n\r\n");
    let peer = visit(&mut calm, &request("small"));
    assert!(answer(&peer).starts_with("HTTP/1.1 200 "));
    let peer = visit(&mut calm, &long);
    assert!(answer(&peer).starts_with("HTTP/1.1 431 "), "it is told twice as long as it is");
    let peer = visit(&mut calm, &request("small"));
    assert!(answer(&peer).starts_with("HTTP/1.1 200 "));
    assert_eq!(calm.hall.view_tenants().iter().map(|view| view.starts).max(), Some(1), "the same guest");
}

#[test]
fn connections_beyond_a_guests_number_are_answered_as_is_chosen() {
    for (at_connections, expected) in [(AtLimit::Shed, "HTTP/1.1 503 "), (AtLimit::Refuse, "HTTP/1.1 429 ")] {
        let mut calm =
            serving_with(ServeLimits::default(), Limits { connections: 1, at_connections, ..Limits::default() });
        let first = visit(&mut calm, &request("good"));
        assert!(answer(&first).starts_with("HTTP/1.1 200 "));
        let second = visit(&mut calm, &request("good"));
        let told = answer(&second);
        assert!(told.starts_with(expected) && told.contains("Retry-After: 1\r\n"), "{told}");
        drop((first, second));
        calm.pass(SECOND);
        let third = visit(&mut calm, &request("good"));
        assert!(answer(&third).starts_with("HTTP/1.1 200 "), "there is room again");
    }
}

/// An address that one tenant had is another's, or all tenants', without being closed in between.
#[test]
fn an_address_changes_hands() {
    let mut calm = serving(ServeLimits::default());
    let at = SocketAddr::from(([127, 0, 0, 1], 81));
    let front = |kind| FrontPlan { at, kind, proxied: false };
    let to = |calm: &mut Calm| {
        let peer = calm.net.connect(at).expect("somebody listens");
        peer.send(request("nobody").as_bytes()).expect("the connection is open");
        calm.pass(SECOND);
        answer(&peer)
    };
    let mut waits = None;
    for (kind, expected) in [
        // It cannot be started, and its port speaks whatever it would.
        (FrontKind::Only(2), ""),
        (FrontKind::Only(0), "HTTP/1.1 200 "),
        (FrontKind::Shared, "HTTP/1.1 404 "),
        (FrontKind::Only(2), ""),
    ] {
        let opened = calm.hall.arrange_fronts(&[FRONT, front(kind)]).expect("it is ours");
        assert_eq!(opened.len(), usize::from(waits.is_none()), "one listener is for all of them");
        assert_eq!(to(&mut calm).get(..13).unwrap_or_default(), expected, "{kind:?}");
        waits = Some(calm.net.connect(at).expect("somebody listens"));
        calm.pass(SECOND);
    }
    let both = [FRONT, front(FrontKind::Only(0)), front(FrontKind::Shared)];
    assert_eq!(calm.hall.arrange_fronts(&both), Err((at, Errno::EADDRINUSE)), "one of them can have it");
    assert_eq!(to(&mut calm), "", "all is as it was");
    let elsewhere = FrontPlan { at: SocketAddr::from(([127, 0, 0, 1], 82)), ..front(FrontKind::Shared) };
    calm.hall.arrange_fronts(&[FRONT, elsewhere]).expect("the address is free");
    assert!(calm.net.connect(at).is_err(), "nobody listens there any more");
}

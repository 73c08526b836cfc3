//! One run of the simulation: a hall with one or two guests, a network, peers, and the clock that only
//! moves when nothing is under way. It must not know what any peer is after.
use super::exchange::{HEADERS_TIMEOUT, KEEP_ALIVE, KEEP_ALIVE_BUFFER, REQUEST_TIMEOUT, Wishes};
use super::peers::{Character, Peer, Weather, Wish, mix};
use crate::guest::{Cell, Entropy, GuestState, Surroundings};
use crate::policy::{Grants, Limits};
use crate::reactor::sim::{Faults, Rng, SimKernel, SimNet};
use crate::runtime::{GuestId, Hall, LogSink, Logs, Offload, Outcome};
use crate::time::{Clock, Mono, VirtualClock};
use skep_abi::listen;
use std::cell::Cell as Shared;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// Turns that a run may take: one that needs more goes round in circles.
const TURNS: u64 = 60_000;

/// Virtual time by which every peer must have what it waits for, ms.
const PATIENCE: u64 = 120_000;

/// 2026-01-01.
const WALL: u64 = 1_767_225_600_000_000_000;

/// Which server stands behind the port.
#[derive(Clone, Copy)]
pub(super) enum Server<'a> {
    /// `guest.wat`.
    Plain(&'a Cell),
    /// `server.js` in the JavaScript guest.
    Script(&'a Cell),
}

/// What a run showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trace {
    pub digest: u64,
    pub answered: usize,
    pub turns: u64,
    pub ms: u64,
}

/// The kind of run, drawn from the seed.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    faults: Faults,
    /// Descriptors of the process, if they are to run out.
    fds: Option<usize>,
    peers: usize,
    guests: usize,
    flags: u32,
    /// The second guest traps at this turn.
    trap_at: Option<u64>,
    /// The operator's signal comes at this turn.
    signal_at: Option<u64>,
    limits: Limits,
    large: bool,
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Plan { faults, fds, peers, guests, flags, trap_at, signal_at, limits, large } = self;
        write!(
            f,
            "{faults:?} fds {fds:?} peers {peers} guests {guests} flags {flags:#x} trap {trap_at:?} signal {signal_at:?} "
        )?;
        write!(f, "pipelined {} batch {} large {large}", limits.http.pipelined, limits.batch_events)
    }
}

impl Plan {
    pub fn draw(dice: &mut Rng, script: bool) -> Plan {
        // Edges for nothing may make up for one that was lost: half the runs do without.
        let spurious = if dice.below(2) == 0 { 0 } else { 200 };
        let mut faults = match dice.below(4) {
            0 => Faults::default(),
            _ => Faults { spurious, ..Faults::lossless() },
        };
        let mut fds = None;
        match dice.below(5) {
            0 => faults = Faults { reset: 10, aborted: 50, no_fd: 100, ..faults },
            1 => fds = Some(4 + dice.below(6)),
            _ => {}
        }
        let mut limits = Limits { slice: Duration::from_secs(3600), ..Limits::default() };
        if dice.below(3) == 0 {
            limits.http.pipelined = 1 + dice.below(4) as u32;
            limits.batch_events = 1 + dice.below(5) as u32;
        }
        let guests = if script { 1 } else { 1 + usize::from(dice.below(3) == 0) };
        let curt = !script && dice.below(6) == 0;
        Plan {
            faults,
            fds,
            peers: 1 + dice.below(12),
            guests,
            flags: listen::HTTP
                | listen::HALF_OPEN
                | listen::REQUIRE_HOST
                | listen::NO_DELAY
                | if script { 0 } else { listen::UPGRADE }
                | if curt { listen::CLIENT_ERROR } else { 0 },
            trap_at: (guests == 2 && dice.below(2) == 0).then(|| dice.below(200) as u64),
            signal_at: (dice.below(8) == 0).then(|| dice.below(150) as u64),
            limits,
            large: dice.below(3) == 0,
        }
    }

    fn is_lossy(&self) -> bool {
        self.fds.is_some() || self.faults.reset + self.faults.aborted + self.faults.no_fd > 0
    }
}

/// A guest that prints has something to complain of.
struct Complaints;

impl LogSink for Complaints {
    fn write(&mut self, _fd: u8, bytes: &[u8]) -> std::io::Result<usize> {
        eprintln!("the guest says: {}", String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn wait(&mut self, _fd: u8) {}
}

/// One run.
pub(super) struct World {
    plan: Plan,
    net: SimNet,
    clock: VirtualClock,
    hall: Hall<SimKernel, VirtualClock>,
    dice: Rng,
    peers: Vec<(Peer, usize)>,
    born: usize,
    doomed: bool,
    leaving: bool,
    /// How far time may move when nothing is under way; none: as far as the hall sleeps.
    patience: Rc<Shared<Option<u64>>>,
    /// Nothing would ever happen any more.
    stuck: Rc<Shared<bool>>,
    digest: u64,
    answered: usize,
    turns: u64,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}\nat {} ms, turn {}\n{}", self.plan, self.ms(), self.turns, self.hall.books());
        }
    }
}

fn port(guest: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8001 + guest as u16))
}

impl World {
    pub fn new(seed: u64, server: Server<'_>) -> World {
        let net = SimNet::new(seed);
        let mut dice = net.fork_dice();
        let plan = Plan::draw(&mut dice, matches!(server, Server::Script(_)));
        let clock = VirtualClock::new(WALL);
        let mut hall = Hall::new(
            net.reactor(),
            clock.clone(),
            Logs::new(Box::new(Complaints)),
            Offload::inline(),
            plan.limits.http,
        );
        hall.handle_signal(15).expect("the simulation has signals");
        for guest in 0..plan.guests {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&seed.to_le_bytes());
            let outside = Box::new(Surroundings(clock.clone(), Entropy::seeded(&bytes)));
            let (cell, info) = match server {
                Server::Plain(cell) => (cell, plain_info(port(guest).port(), plan.flags)),
                Server::Script(cell) => (cell, script_info()),
            };
            let state = GuestState::new(Grants::default(), plan.limits.clone(), outside, info);
            hall.seat(cell.spawn(state).expect("a guest can be spawned"));
        }
        let (patience, stuck) = (Rc::new(Shared::new(Some(0))), Rc::new(Shared::new(false)));
        let (hook_clock, limit, lost) = (clock.clone(), patience.clone(), stuck.clone());
        net.on_idle(move |timeout| match (timeout, limit.get().map(Duration::from_nanos)) {
            (Some(timeout), Some(limit)) => hook_clock.advance(timeout.min(limit)),
            (Some(span), None) | (None, Some(span)) => hook_clock.advance(span),
            (None, None) => lost.set(true),
        });
        let peers = Vec::new();
        World {
            plan,
            net,
            clock,
            hall,
            dice,
            peers,
            born: 0,
            doomed: false,
            leaving: false,
            patience,
            stuck,
            digest: seed,
            answered: 0,
            turns: 0,
        }
    }

    fn ms(&self) -> u64 {
        self.clock.now_mono().0 / 1_000_000
    }

    /// The whole run.
    pub fn run(mut self) -> Trace {
        // Guests open their listeners first; faults come after.
        while self.net.connect(port(self.plan.guests - 1)).is_err() {
            self.turn();
            assert!(self.turns < 1000, "the guests do not listen");
        }
        self.net.faults(self.plan.faults.clone());
        if let Some(fds) = self.plan.fds {
            self.net.limit_fds(0, self.net.fds(0) + fds);
        }
        loop {
            let wish = self.step_peers();
            if wish == Wish::Done && self.born == self.plan.peers {
                break;
            }
            if self.hall.seats.is_empty() {
                return self.left();
            }
            self.wait_for(wish);
            self.turn();
            if self.stuck.get() || self.ms() > PATIENCE || self.turns > TURNS {
                let waiting: Vec<String> = self.peers.iter().map(|(peer, _)| peer.standing()).collect();
                panic!("they wait for ever, at {} ms, turn {}\n{}", self.ms(), self.turns, waiting.join("\n"));
            }
        }
        self.settle()
    }

    /// Lets time pass as the peers wish.
    fn wait_for(&mut self, wish: Wish) {
        let small = self.dice.below(3_000_000) as u64;
        let more_to_come = self.born < self.plan.peers;
        self.patience.set(match wish {
            Wish::Now => Some(small),
            _ if more_to_come => Some(small),
            Wish::At(ms) => Some((Mono(ms * 1_000_000).since(self.clock.now_mono())).as_nanos() as u64),
            Wish::Never | Wish::Done => None,
        });
    }

    /// What goes on besides: peers come, clocks jump, signals are sent.
    fn happen(&mut self) {
        if self.born < self.plan.peers && self.dice.below(4) == 0 {
            self.bear();
        }
        if self.dice.below(200) == 0 {
            self.clock.set_wall(WALL + self.dice.below(7200) as u64 * 1_000_000_000);
        }
        if self.plan.trap_at == Some(self.turns) && !self.doomed {
            self.doomed = true;
            if let Ok(killer) = self.net.connect(port(1)) {
                let _gone = killer.send(b"GET /k0.0.0 HTTP/1.1\r\nHost: a\r\n\r\n");
            }
        }
        if self.plan.signal_at == Some(self.turns) && !self.leaving {
            self.leaving = true;
            self.born = self.plan.peers;
            self.net.raise(15);
        }
    }

    fn bear(&mut self) {
        const CROWD: [Character; 16] = [
            Character::Good,
            Character::Good,
            Character::Good,
            Character::Good,
            Character::Good,
            Character::HalfCloser,
            Character::HalfCloser,
            Character::Waiter,
            Character::Lazy,
            Character::Lazy,
            Character::Liar,
            Character::Liar,
            Character::Resetter,
            Character::NonReader,
            Character::SlowHead,
            Character::Idle,
        ];
        let mut character = CROWD[self.dice.below(CROWD.len())];
        if character == Character::SlowHead && self.dice.below(2) == 0 {
            character = Character::SlowBody;
        }
        let guest = self.dice.below(self.plan.guests);
        let upgrade = self.plan.flags & listen::UPGRADE != 0;
        let wishes = Wishes { last: true, upgrade, large: self.plan.large };
        let weather = self.weather(guest);
        self.born += 1;
        if let Some(peer) = Peer::new(&self.net, port(guest), character, self.born, &weather, wishes, &mut self.dice) {
            self.peers.push((peer, guest));
        } else {
            assert!(self.leaving || (self.doomed && guest == 1), "nobody listens");
        }
    }

    fn weather(&self, guest: usize) -> Weather {
        let doomed = guest == 1 && self.plan.trap_at.is_some();
        Weather {
            lossy: self.plan.is_lossy() || doomed,
            leaving: self.leaving,
            curt: self.plan.flags & listen::CLIENT_ERROR != 0,
            ms: self.ms(),
        }
    }

    /// One step of every peer; the most urgent wish.
    fn step_peers(&mut self) -> Wish {
        self.happen();
        let mut urgent = Wish::Done;
        let mut peers = std::mem::take(&mut self.peers);
        peers.retain_mut(|(peer, guest)| {
            let weather = self.weather(*guest);
            let wish = peer.step(&mut self.dice, &weather).unwrap_or_else(|error| {
                panic!("a {:?} peer at {} ms, turn {}: {error}", peer.character, self.ms(), self.turns)
            });
            urgent = match (urgent, wish) {
                (Wish::Now, _) | (_, Wish::Now) => Wish::Now,
                (Wish::At(one), Wish::At(other)) => Wish::At(one.min(other)),
                (Wish::At(at), _) | (_, Wish::At(at)) => Wish::At(at),
                (Wish::Never, _) | (_, Wish::Never) => Wish::Never,
                (Wish::Done, Wish::Done) => Wish::Done,
            };
            if wish == Wish::Done {
                self.answered += peer.answered();
                mix(&mut self.digest, &peer.digest.to_le_bytes());
            }
            wish != Wish::Done
        });
        self.peers = peers;
        urgent
    }

    fn turn(&mut self) {
        self.turns += 1;
        self.hall.turn();
        self.hall.audit();
        while let Some((guest, outcome)) = self.hall.ended() {
            self.judge(guest, &outcome);
        }
    }

    /// Guests end only when they are told to.
    fn judge(&mut self, guest: GuestId, outcome: &Outcome) {
        match outcome {
            Outcome::Signal(15) if self.leaving => {}
            Outcome::Ended(_) if guest.0 == 1 && self.doomed => {}
            other => panic!("guest {} has ended: {other:?}", guest.0),
        }
    }

    /// Every peer is gone: so must be all that was theirs.
    fn settle(mut self) -> Trace {
        self.net.faults(Faults::default());
        self.patience.set(None);
        let until = self.ms() + 60_000;
        while self.ms() < until && !self.stuck.get() && !self.hall.seats.is_empty() {
            self.turn();
            assert!(self.turns < 2 * TURNS, "the hall does not come to rest");
        }
        if self.hall.seats.is_empty() {
            return self.trace();
        }
        self.hall.audit_baseline();
        let listeners = self.hall.reactor.listener_count();
        assert_eq!(self.net.fds(0), 1 + listeners, "descriptors are left");
        self.trace()
    }

    /// The hall is empty after its signal: who waits for an answer that has begun must have got it.
    fn left(mut self) -> Trace {
        assert!(self.leaving, "the hall is empty and nobody asked for it");
        drop(std::mem::replace(
            &mut self.hall,
            Hall::new(
                SimNet::new(0).reactor(),
                self.clock.clone(),
                Logs::new(Box::new(Complaints)),
                Offload::inline(),
                self.plan.limits.http,
            ),
        ));
        for _ in 0..100_000 {
            if self.step_peers() == Wish::Done {
                return self.trace();
            }
            self.clock.advance(Duration::from_millis(5));
        }
        panic!("peers of a hall that is gone do not notice");
    }

    fn trace(&mut self) -> Trace {
        let ms = self.ms();
        mix(&mut self.digest, &self.turns.to_le_bytes());
        mix(&mut self.digest, &self.clock.now_mono().0.to_le_bytes());
        Trace { digest: self.digest, answered: self.answered, turns: self.turns, ms }
    }
}

/// The start record of `guest.wat`: its port and its ListenOptions.
fn plain_info(port: u16, flags: u32) -> Vec<u8> {
    let numbers = [
        u32::from(port),
        flags,
        HEADERS_TIMEOUT as u32,
        REQUEST_TIMEOUT as u32,
        KEEP_ALIVE as u32,
        KEEP_ALIVE_BUFFER as u32,
        0,
        0,
        0,
        0,
        0,
    ];
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The start record of the JavaScript guest.
fn script_info() -> Vec<u8> {
    let source = include_str!("server.js");
    let info = serde_json::json!({
        "argv": ["skep"], "execPath": "skep", "execArgv": [], "env": {}, "cwd": "/", "pid": 1, "ppid": 0,
        "platform": "linux", "arch": "x64", "mode": "eval", "main": null, "source": source, "inputType": "commonjs",
        "tty": [false, false, false], "uid": 1000, "gid": 1000, "hostname": "sim", "version": "0", "memoryLimit": 64 << 20,
    });
    info.to_string().into_bytes()
}

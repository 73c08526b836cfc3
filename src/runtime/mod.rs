//! The hall: the only room that sees the reactor, the protocols and the guests together. It turns
//! facts into events and commands into effects. It must not name mio or wasmtime: the rooms below
//! hide them.
//!
//! Data walks one way: fact → `inbound` → `proto` → the guest's mailbox → `deliver` → the guest's
//! outbox → `outbound` → `proto` → the stream's outbuf → one `writev` at the end of the turn.

mod admin;
mod calls;
mod clones;
mod datagrams;
mod doze;
mod effects;
mod fair;
mod http;
mod life;
mod listeners;
mod logs;
mod mailbox;
mod observe;
mod offload;
mod outcome;
mod process;
mod seat;
mod seats;
mod streams;
mod tenants;
mod timers;
mod turn;
mod watches;
mod work;

#[cfg(test)]
mod tests;

pub use crate::proto::forwarded::Believed;
pub use admin::{Count, HallReport, Report, TenantReport};
pub use calls::{Answer, CallId, Calling, HostCall};
pub use logs::{LogSink, Logs};
pub use mailbox::{Mailbox, Note};
pub use observe::{GuestView, HallView, Latencies};
pub use offload::Offload;
pub use outcome::Outcome;
pub use process::{CHILD_WORD, ChildOrder, Clones, Filter, KitSource, OPTIONS, Origin};
pub use seat::{GuestId, Hired};
pub use tenants::{
    Again, CONFIG_FILE, CordonKind, CordonOrder, CordonPlan, FrontKind, FrontPlan, Hirer, Keeper, LogFormat, LoopLink,
    Manners, NotHired, Plan, Reload, Routes, State, Stream as LogStream, TenantView, json_line,
};

use crate::policy::HttpLimits;
use crate::proto::http1;
use crate::reactor::MioKernel;
use crate::reactor::{Fact, Kernel, Key, Kind, Reactor};
use crate::time::{Clock, Expired, Mono, OsClock, Timers};
use datagrams::Datagram;
use http::client::Fed;
use http::{Conn, DateLine, Exchange};
use listeners::Listener;
use process::Processes;
use seat::Running;
use seats::Seats;
use slab::Slab;
use std::os::fd::RawFd;
use streams::Stream;

/// Bytes read from a socket at once; one buffer shared by all.
const SCRATCH: usize = 64 << 10;

/// One event loop with its guests.
pub struct Hall<K: Kernel, C: Clock> {
    reactor: Reactor<K>,
    clock: C,
    /// The turn's monotonic clock.
    now: Mono,
    /// The turn's wall clock, ns since 1970.
    wall: u64,
    timers: Timers,
    seats: Seats,
    owners: Owners,
    listeners: Slab<Listener>,
    conns: Slab<Conn>,
    exchanges: Slab<Exchange>,
    streams: Slab<Stream>,
    /// Client roles over streams that guests have themselves.
    fed: Slab<Fed>,
    datagrams: Slab<Datagram>,
    /// Streams without an owner that have bytes left, and how many when last looked.
    draining: Slab<(Key, usize)>,
    facts: Vec<Fact>,
    expired: Vec<Expired>,
    scratch: Box<[u8]>,
    parts: http1::Scratch,
    date: DateLine,
    logs: Logs,
    /// Threads that do what would hold the loop up.
    offload: Offload,
    /// What the threads have.
    flights: work::Flights,
    watches: watches::Watches,
    calls: calls::Calls,
    /// Those that guests have started, and the one that started this.
    processes: Processes,
    /// The process that started this one is gone, or makes no sense: why this one is to end.
    orphaned: Option<u32>,
    /// A guest has done to itself what this signal does.
    raised: Option<(GuestId, i32)>,
    limits: HttpLimits,
    /// What connections without a listener are held to.
    bare_limits: http1::Limits,
    /// Connections so far: part of their numbers.
    serials: u32,
    /// Turns since the kernel was last asked.
    unpolled: u8,
    /// Whose turn it is.
    fair: fair::Turns,
    dozing: doze::Dozing,
    /// What an operator sees of the loop.
    gauges: observe::Watch,
    /// Its own listeners that rest for want of descriptors.
    resting: Vec<Key>,
    /// Operators that ask.
    admin: admin::Admin,
    /// Those that the hall serves, if it does.
    tenants: tenants::Tenants,
    /// Set by a signal: no more accepting, leave when the responses in flight are out.
    leaving: Option<life::Leaving>,
    /// Outcomes nobody has asked for yet.
    ended: Vec<(GuestId, Outcome)>,
}

/// A hall on the operating system's sockets and clock.
pub type OsHall = Hall<MioKernel, OsClock>;

impl OsHall {
    /// A descriptor that can be read from when the kernel has news: for another loop to watch.
    pub fn pollable(&self) -> RawFd {
        self.reactor.pollable()
    }
}

/// What a reactor key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Nobody,
    Listener(u32),
    Conn(u32),
    Stream(u32),
    Datagram(u32),
    Channel(u32),
    Front(u32),
    /// Where operators come in, and one of them.
    Door,
    /// The same on a port.
    Gate,
    Visit(u32),
    Visitor(u32),
    /// What a process of tenants says for itself.
    Words(u32),
}

/// Owners by the place of the key: streams and listeners have places of their own.
#[derive(Debug, Default)]
struct Owners {
    streams: Vec<Owner>,
    listeners: Vec<Owner>,
    datagrams: Vec<Owner>,
    channels: Vec<Owner>,
}

impl Owners {
    fn table(&mut self, key: Key) -> &mut Vec<Owner> {
        match key.kind() {
            Kind::Listener => &mut self.listeners,
            Kind::Datagram => &mut self.datagrams,
            Kind::Channel => &mut self.channels,
            _ => &mut self.streams,
        }
    }

    fn set(&mut self, key: Key, owner: Owner) {
        let table = self.table(key);
        if table.len() <= key.index() {
            table.resize(key.index() + 1, Owner::Nobody);
        }
        table[key.index()] = owner;
    }

    /// Whoever asks checks that the resource still has this very key.
    fn get(&mut self, key: Key) -> Owner {
        self.table(key).get(key.index()).copied().unwrap_or(Owner::Nobody)
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A hall with no guest in it.
    pub fn new(reactor: Reactor<K>, clock: C, logs: Logs, offload: Offload, limits: HttpLimits) -> Hall<K, C> {
        let (now, wall) = (clock.now_mono(), clock.wall());
        Hall {
            reactor,
            clock,
            now,
            wall,
            timers: Timers::new(),
            seats: Seats::default(),
            owners: Owners::default(),
            listeners: Slab::new(),
            conns: Slab::new(),
            exchanges: Slab::new(),
            streams: Slab::new(),
            fed: Slab::new(),
            datagrams: Slab::new(),
            draining: Slab::new(),
            facts: Vec::new(),
            expired: Vec::new(),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            parts: http1::Scratch::default(),
            date: DateLine::default(),
            logs,
            offload,
            flights: Slab::new(),
            watches: watches::Watches::default(),
            calls: calls::Calls::default(),
            processes: Processes::default(),
            orphaned: None,
            raised: None,
            limits,
            bare_limits: http1::Limits { as_node: limits.as_node, ..http1::Limits::default() },
            serials: 0,
            unpolled: 0,
            fair: fair::Turns::default(),
            dozing: doze::Dozing::default(),
            gauges: observe::Watch::new(now),
            resting: Vec::new(),
            admin: admin::Admin::default(),
            tenants: tenants::Tenants::default(),
            leaving: None,
            ended: Vec::new(),
        }
    }
}

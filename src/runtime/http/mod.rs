//! HTTP connections of the hall: what one is made of, and the queue of exchanges on it. Parsing and
//! encoding are `proto`'s; bytes in and out are the reactor's. It must not know what a script does
//! with a request.
//!
//! A connection reads ahead of its answers by at most [`HttpLimits::pipelined`] requests. Answers go
//! out in the order of the requests: only the exchange at the head of the queue writes to the wire,
//! the others hold their bytes back.
//!
//! [`HttpLimits::pipelined`]: crate::policy::HttpLimits::pipelined

mod asleep;
#[cfg(test)]
mod audit;
pub(super) mod client;
mod close;
mod inbound;
mod outbound;
mod parting;
mod raw;
mod takeover;

pub(super) use parting::Departed;

use super::listeners::Listener;
use super::tenants::Trace;
use super::{Hall, Owner};
use crate::guest::{Ends, Handle};
use crate::proto::http1::{self, Decoder, Reason, ResponseFraming};
use crate::reactor::{Addr, Fact, Kernel, Key};
use crate::time::{Clock, Mono, TimerId};
use skep_abi::{ListenOptions, events, listen};
use slab::Slab;
use std::time::Duration;

/// No exchange, no listener.
pub(super) const NONE: u32 = u32::MAX;

/// Bytes waiting to be sent above which no further pipelined request is read: Node's high water mark.
const PENDING_HIGH: usize = 64 << 10;

/// Half-closed and draining connections: what is left has not been looked at yet.
const NOT_LOOKED: Mono = Mono(u64::MAX);

/// A stream of the guest's own may be this far ahead of what is parsed: rows M06, H06.
const STASH_MAX: usize = 8 << 20;

/// What a connection waits for; its timer is for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The guest: nothing that the peer could be late with.
    Nothing,
    /// The rest of a head (`headersTimeout`).
    Head,
    /// The rest of a body (`requestTimeout`).
    Request,
    /// The next request (`keepAliveTimeout`).
    KeepAlive,
    /// A last request: the listener is closed here, and others go on with it.
    Farewell,
    /// The peer to take our last bytes, or to say once more that it is there.
    Linger,
}

/// How far a connection is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// Nothing more is parsed (the peer has sent FIN, or has said that this was its last request); answers are
    /// still due.
    HalfClosed,
    /// Nothing is parsed any more; an error response goes out when the answers due are out.
    Refusing(u16),
    /// The last bytes are on their way; what still comes is thrown away, so many bytes so far.
    Lingering(u32),
    /// The reactor drains it.
    Draining,
}

/// One connection.
pub(super) struct Conn {
    /// None for one over a stream of the guest's own.
    pub key: Option<Key>,
    pub guest: u32,
    /// Where it stands among its guest's.
    pub place: u32,
    pub listener: u32,
    /// The front that it came by, if it did.
    front: u32,
    decoder: Decoder,
    /// First and last exchange of the queue.
    head: u32,
    tail: u32,
    queued: u16,
    phase: Phase,
    /// Not reading, until [`Hall::conn_go_on`].
    blocked: bool,
    /// The request at the tail may leave HTTP: the guest has to say.
    deciding: bool,
    /// The peer has sent FIN.
    ended: bool,
    /// The guest has not been told of the connection yet: nothing is parsed.
    greeting: bool,
    /// The guest has paused the socket: nothing is parsed.
    paused: bool,
    /// What is read is told as it is, too.
    tee: bool,
    /// A request of another guest's has come: it moves when nothing is owed.
    parting: bool,
    due: Due,
    timer: Option<TimerId>,
    deadline: Mono,
    /// When the first byte of the current request came. Once nothing more is parsed: what was left to be sent when
    /// last looked, or [`NOT_LOOKED`].
    started: Mono,
    requests: u32,
    serial: u32,
    /// The handle by which the guest knows it, if it asked.
    handle: Option<Handle>,
    extra: Option<Box<Extra>>,
}

/// What few connections have.
#[derive(Default)]
struct Extra {
    /// Bytes that were read and may not be parsed yet.
    stash: Vec<u8>,
    /// Exchanges that are over but for their bytes in the outgoing queue.
    done: Vec<Handle>,
    /// Bytes for a stream of the guest's own.
    out: Vec<u8>,
    idle: Option<(TimerId, Duration)>,
    /// Looks whether the peer takes what waits for it; bytes it has taken since the last look.
    slow: Option<(TimerId, usize)>,
    /// Bytes of the stash that the guest was given with the request that wants to leave HTTP.
    lent: usize,
    /// Of a connection over a stream of the guest's own: it has no listener to have them.
    options: Option<(ListenOptions, http1::Limits)>,
    /// What the refusal is for.
    fault: Option<Fault>,
    /// The peer has shut its side down: the events that the guest is still to be told before the connection ends.
    told_by: u64,
}

/// What the peer did wrong, until the answers that are due are out.
struct Fault {
    reason: Reason,
    /// What was read when it was found, and how much of that was good.
    packet: Vec<u8>,
    parsed: usize,
    /// The script answers it.
    handed_over: bool,
}

/// One request and its response.
pub(super) struct Exchange {
    conn: u32,
    next: u32,
    handle: Handle,
    /// Bytes of the body that the guest can still take.
    window: i64,
    /// The request is whole.
    received: bool,
    /// When the rate of its body was last judged, and how many bytes have come since.
    looked: Mono,
    counted: u32,
    /// When its head was read.
    begun: Mono,
    /// It was we who held the body up since then (or the peer waits for our 100): no judging.
    excused: bool,
    keep_alive: bool,
    is_head: bool,
    minor: u8,
    /// Of the response, once it has begun.
    status: u16,
    te_chunked: bool,
    over_limit: bool,
    /// `maxRequestsPerSocket` is reached with this one.
    last_allowed: bool,
    owes_continue: bool,
    watch: bool,
    promise: Promise,
    response: Response,
    /// Output of an exchange whose turn has not come.
    held: Vec<u8>,
    trace: Option<Box<Trace>>,
}

/// Whether a request has been taken over while answers before it are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    No,
    /// The exchange's handle is that of a stream; its bytes are held like a response's.
    Stream,
    /// The same, and FIN is to follow them.
    Finishing,
    /// The guest has closed that stream.
    Dropped,
}

impl Promise {
    fn is_kept(self) -> bool {
        matches!(self, Promise::Stream | Promise::Finishing)
    }
}

/// How far a response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Response {
    Awaited,
    Body(ResponseFraming),
    /// Whether the connection may go on after it.
    Ended(bool),
}

/// The Date field's value, made once a second.
#[derive(Default)]
pub(super) struct DateLine {
    second: u64,
    text: [u8; 29],
}

impl DateLine {
    pub(in crate::runtime) fn at(&mut self, wall_ns: u64) -> &[u8; 29] {
        let second = wall_ns / 1_000_000_000;
        if second != self.second || self.text[0] == 0 {
            self.second = second;
            self.text = http1::imf_fixdate(second);
        }
        &self.text
    }
}

impl Conn {
    fn new(key: Option<Key>, guest: u32, listener: u32, now: Mono, serial: u32) -> Conn {
        Conn {
            key,
            guest,
            place: 0,
            listener,
            front: NONE,
            decoder: Decoder::new(http1::Role::Server),
            head: NONE,
            tail: NONE,
            queued: 0,
            phase: Phase::Open,
            blocked: false,
            deciding: false,
            ended: false,
            greeting: false,
            paused: false,
            tee: false,
            parting: false,
            due: Due::Nothing,
            timer: None,
            deadline: now,
            started: now,
            requests: 0,
            serial,
            handle: None,
            extra: None,
        }
    }

    fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    fn idle_timer(&self) -> Option<(TimerId, Duration)> {
        self.extra.as_ref().and_then(|extra| extra.idle)
    }

    /// Nothing is asked and nothing is owed.
    fn is_idle(&self) -> bool {
        self.head == NONE && self.phase == Phase::Open && self.decoder.is_idle() && !self.has_stash()
    }

    /// Bytes wait to be parsed.
    fn has_stash(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| !extra.stash.is_empty())
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// An HTTP listener has accepted.
    pub(super) fn open_conn(&mut self, listener: u32, key: Key, peer: Addr) {
        self.listener_got_conn(listener);
        let owner = &self.listeners[listener as usize];
        let (guest, handle, local, watch) =
            (owner.guest, owner.handle, owner.local, owner.has(listen::WATCH_CONNECTIONS));
        self.serials = self.serials.wrapping_add(1);
        let index = self.conns.insert(Conn::new(Some(key), guest, listener, self.now, self.serials)) as u32;
        self.owners.set(key, Owner::Conn(index));
        let seat = &mut self.seats[guest as usize];
        self.conns[index as usize].place = seat.conns.len() as u32;
        seat.conns.push(index);
        let state = seat.guest.state_mut();
        set_ends(&mut state.conn_ends, index, Some(super::streams::ends(local, peer)));
        state.conn_traffic.resize(state.conn_ends.len(), [0; 2]);
        state.conn_traffic[index as usize] = [0; 2];
        self.expect(index, Due::Head);
        if watch && let Some(conn) = self.conn_handle(index) {
            let seat = &mut self.seats[guest as usize];
            let number = self.conns[index as usize].number(index);
            seat.held_back.push(key.index() as u32);
            seat.tell(events::HTTP_CONNECTION, Some(conn), 0, &[&handle.raw().to_le_bytes(), &number.to_le_bytes()]);
            self.conns[index as usize].greeting = true;
            self.block(index, &[]);
        }
        let idle = self.listeners[listener as usize].options.idle_timeout;
        if idle > 0 {
            self.conn_option(index, skep_abi::option::TIMEOUT, i64::from(idle));
        }
    }

    /// The guest's handle of a connection, made if it has none.
    fn conn_handle(&mut self, index: u32) -> Option<Handle> {
        let conn = &mut self.conns[index as usize];
        if conn.handle.is_none() {
            let seat = &mut self.seats[conn.guest as usize];
            conn.handle = seat.give(crate::guest::Kind::Connection, super::seat::Resource::Conn(index));
            if let Some(handle) = conn.handle {
                let state = seat.guest.state_mut();
                state.conn_handles.insert(index, handle);
                if let Some(slot) = state.handles.get_mut(handle) {
                    slot.conn = index;
                }
            }
        }
        conn.handle
    }

    /// The guest has asked for the connection's handle, which the import made.
    pub(in crate::runtime) fn name_conn(&mut self, guest: u32, exchange: Handle, handle: Handle) {
        let seat = &mut self.seats[guest as usize];
        let index = match seat.resource(exchange) {
            super::seat::Resource::Exchange(place) => self.exchanges[place as usize].conn,
            // The response has ended, its bytes have not all gone.
            super::seat::Resource::Done(index) => index,
            // Its response has ended since the guest asked, in the same turn: the import has noted the connection.
            _ => {
                let noted = seat.guest.state().handles.get(handle).map(|slot| slot.conn);
                let same = |index: &u32| {
                    let conn = self.conns.get(*index as usize);
                    conn.is_some_and(|conn| conn.guest == guest && conn.key.is_some() && conn.handle.is_none())
                };
                let Some(index) = noted.filter(same) else {
                    seat.revoke(handle);
                    return seat.tell(events::CONN_CLOSED, Some(handle), 0, &[]);
                };
                index
            }
        };
        self.conns[index as usize].handle = Some(handle);
        seat.bind(handle, super::seat::Resource::Conn(index));
    }

    /// What happened to a connection's socket.
    pub(super) fn conn_fact(&mut self, index: u32, fact: Fact) {
        match fact {
            Fact::Readable(_) => self.conn_readable(index),
            Fact::Flushed { written, pending, .. } => self.conn_flushed(index, written, pending),
            Fact::Finished(_) => self.conn_finished(index),
            Fact::Closed { error, .. } => self.lose_conn(index, error),
            Fact::Broken { error, .. } => self.lose_conn(index, Some(error)),
            _ => {}
        }
    }

    /// Whether this is still the connection of that key.
    pub(super) fn conn_has_key(&self, index: u32, key: Key) -> bool {
        self.conns.get(index as usize).is_some_and(|conn| conn.key == Some(key))
    }
}

impl Conn {
    /// A number for the guest that no other connection has or had.
    fn number(&self, index: u32) -> u64 {
        u64::from(self.serial) << 32 | u64::from(index)
    }
}

/// What the script has set for a connection.
fn options_of(listeners: &Slab<Listener>, conn: &Conn) -> ListenOptions {
    let listener = listeners.get(conn.listener as usize).map(|listener| listener.options);
    listener.or(conn.extra.as_ref().and_then(|extra| Some(extra.options?.0))).unwrap_or_default()
}

/// Writes the ends of connection `index` where imports find them.
fn set_ends(table: &mut Vec<Option<Ends>>, index: u32, ends: Option<Ends>) {
    if table.len() <= index as usize {
        table.resize_with(index as usize + 1, || None);
    }
    table[index as usize] = ends;
}

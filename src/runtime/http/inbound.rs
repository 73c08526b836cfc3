//! From a connection's bytes to the guest's events. It must not know how answers are made.
use super::super::listeners::Listener;
use super::super::seat::{Resource, Seat};
use super::super::seats::Seats;
use super::super::tenants::{Tenants, Trace};
use super::{
    Conn, Due, Exchange, Extra, Hall, NONE, NOT_LOOKED, PENDING_HIGH, Phase, Promise, Response, STASH_MAX, options_of,
};
use crate::guest::Kind;
use crate::proto::forwarded::Retold;
use crate::proto::http1::{
    self, BodyKind, Expect, Head, HeaderId, Item, Method, Reason, Span, StartLine, Step, Trailers,
};
use crate::reactor::{Kernel, Read};
use crate::runtime::streams::{WINDOW, touch};
use crate::time::{Clock, Mono};
use skep_abi::{Field, ListenOptions, Request, events, listen, request};
use slab::Slab;

/// Reads of one connection in one turn: bounds the turn.
const READS: usize = 4;

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Reads what may be read now.
    pub(super) fn conn_readable(&mut self, index: u32) {
        for _ in 0..READS {
            let Some(conn) = self.conns.get_mut(index as usize) else { return };
            // A fact of the same batch may be older than the close.
            let Some(key) = conn.key.filter(|_| conn.phase != Phase::Draining) else { return };
            let seat = &mut self.seats[conn.guest as usize];
            if seat.guest.is_asleep() {
                return self.knock(index, key);
            }
            if conn.blocked || seat.mail.is_full() {
                if !conn.blocked {
                    seat.held_back.push(key.index() as u32);
                }
                return self.block(index, &[]);
            }
            match self.reactor.read(key, &mut self.scratch) {
                Ok(Read::Data { count, more }) => {
                    touch(&mut self.timers, conn.idle_timer(), self.now);
                    let (tee, traffic) = (conn.tee, &mut seat.guest.state_mut().conn_traffic);
                    if let Some([_, received]) = traffic.get_mut(index as usize) {
                        *received += count as u64;
                    }
                    let scratch = std::mem::take(&mut self.scratch);
                    // First, since what is parsed may end the connection for whoever looks at its bytes.
                    if tee {
                        self.tell_raw(index, &scratch[..count]);
                    }
                    self.conn_bytes(index, &scratch[..count]);
                    self.scratch = scratch;
                    if !more {
                        return;
                    }
                }
                Ok(Read::WouldBlock) => return,
                Ok(Read::Eof) => return self.conn_eof(index),
                Err(error) => return self.lose_conn(index, Some(error)),
            }
        }
    }

    /// Bytes have come, from the socket or from the guest.
    pub(super) fn conn_bytes(&mut self, index: u32, bytes: &[u8]) {
        let conn = &mut self.conns[index as usize];
        match conn.phase {
            Phase::Open if conn.blocked => {
                let stash = &mut conn.extra().stash;
                stash.extend_from_slice(bytes);
                if stash.len() > STASH_MAX {
                    self.lose_conn(index, None);
                }
            }
            Phase::Open => self.parse(index, bytes),
            Phase::Lingering(seen) => {
                let seen = seen.saturating_add(bytes.len() as u32);
                conn.phase = Phase::Lingering(seen);
                if seen > self.limits.linger_bytes {
                    self.close_conn(index);
                }
            }
            _ => {}
        }
    }

    /// Parses until the input or the room is used up.
    fn parse(&mut self, index: u32, mut input: &[u8]) {
        if self.conns[index as usize].decoder.is_idle() {
            self.conns[index as usize].started = self.now;
        }
        // The whole packet, and the request event that may still be extended: the last in the mailbox.
        let (packet, mut open) = (input, None);
        loop {
            if self.must_wait(index) {
                return self.block(index, input);
            }
            let conn = &mut self.conns[index as usize];
            let listener = self.listeners.get(conn.listener as usize);
            let limits = limits_of(listener, conn.extra.as_deref(), &self.bare_limits);
            let require_host = limits.require_host;
            let Step { consumed, item } = conn.decoder.decode(input, limits, &mut self.parts);
            let rest = &input[consumed.min(input.len())..];
            match item {
                Item::NeedMore => break,
                Item::Head(head) => {
                    let seat = &mut self.seats[conn.guest as usize];
                    if let Some(whole) = strays(&mut self.tenants, seat, conn, &head, rest, self.now) {
                        return self.part(index, &whole);
                    }
                    let ListenOptions { flags, max_requests: most, .. } = options_of(&self.listeners, conn);
                    let upgrade = wanted_upgrade(conn, &head, flags);
                    if lacks_host(&head, require_host) && !upgrade {
                        return self.bad_request(index, Reason::MissingHost, packet, packet.len() - rest.len());
                    }
                    if head.method() == Some(Method::Connect) && flags & listen::CONNECT == 0 {
                        // As Node: without a listener for it, no tunnel and no answer.
                        return self.lose_conn(index, None);
                    }
                    let told = tell(&self.tenants, seat, conn, index, &head);
                    let queued = |told| Ok((told, enqueue(seat, &mut self.exchanges, conn, index, &head, self.now)?));
                    let (mut told, at) = match told.and_then(queued) {
                        Ok(both) => both,
                        Err(status) => return self.refuse(index, status),
                    };
                    let owner = listener.map_or(0, |listener| listener.handle.raw());
                    let exchange = self.exchanges[at as usize].note(conn.requests, most, owes_continue(&head, flags));
                    exchange.trace = told.trace.take();
                    open = Some(request_event(seat, conn.number(index), owner, exchange, &told, upgrade));
                    lend_rest(seat, conn, open.filter(|_| upgrade && !has_body(&head)), rest, flags);
                    self.continue_if_owed(index);
                }
                Item::Body(bytes) => {
                    open = body_event(tail_of(&mut self.seats, &mut self.exchanges, conn), open, bytes);
                }
                Item::End(trailers) => {
                    let (seat, exchange) = tail_of(&mut self.seats, &mut self.exchanges, conn);
                    end_event(seat, exchange, open.take(), &trailers);
                    conn.started = self.now;
                    if matches!(exchange.response, Response::Ended(_)) && !self.advance_on(index) {
                        return;
                    }
                }
                Item::UpgradePending | Item::Tunnel => {
                    conn.deciding = true;
                    return self.block(index, rest);
                }
                // What follows the last message is nobody's; the answer that is due goes out.
                Item::Error(Reason::ClosedConnection) if conn.head != NONE => {
                    conn.phase = Phase::HalfClosed;
                    return self.expect(index, Due::Nothing);
                }
                Item::Error(reason) => return self.bad_request(index, reason, packet, packet.len() - rest.len()),
            }
            input = rest;
        }
        self.expect_next(index);
    }

    /// What was answered already leaves the queue; whether the connection is still there.
    fn advance_on(&mut self, index: u32) -> bool {
        self.advance(index);
        self.conns.contains(index as usize)
    }

    /// Too much is unanswered, unread or unsent to parse on.
    fn must_wait(&self, index: u32) -> bool {
        let conn = &self.conns[index as usize];
        if conn.deciding || conn.greeting || conn.paused || conn.phase != Phase::Open {
            return true;
        }
        let receiving = self.exchanges.get(conn.tail as usize).filter(|exchange| !exchange.received);
        if let Some(exchange) = receiving {
            return exchange.window <= 0;
        }
        // That the last request leaves HTTP must be known before the guest says so, however much waits.
        if conn.decoder.is_deciding() {
            return false;
        }
        u32::from(conn.queued) >= self.limits.pipelined
            || conn.key.is_some_and(|key| self.reactor.pending_out(key).is_ok_and(|bytes| bytes > PENDING_HIGH))
    }

    /// Keeps the rest until there is room.
    pub(super) fn block(&mut self, index: u32, rest: &[u8]) {
        let conn = &mut self.conns[index as usize];
        conn.blocked = true;
        if !rest.is_empty() {
            // What is stashed was read before what is left: parse() is never run with a stash waiting.
            conn.extra().stash.extend_from_slice(rest);
        }
        if let Some(key) = conn.key {
            let _gone = self.reactor.pause(key);
        }
        // It is not the peer that is late now, but for a body (`requestTimeout` is for all of it).
        match self.exchanges.get_mut(conn.tail as usize).filter(|exchange| !exchange.received) {
            Some(exchange) => {
                exchange.excused = true;
                self.expect(index, Due::Request);
            }
            None => self.expect(index, Due::Nothing),
        }
    }

    /// Room may have been made: parses what was kept, then reads on.
    pub(in crate::runtime) fn conn_go_on(&mut self, index: u32) {
        let Some(conn) = self.conns.get_mut(index as usize) else { return };
        if conn.parting {
            return self.part_if_free(index);
        }
        if !conn.blocked || self.must_wait(index) {
            return;
        }
        let conn = &mut self.conns[index as usize];
        conn.blocked = false;
        let stash = conn.extra.as_mut().map(|extra| std::mem::take(&mut extra.stash)).unwrap_or_default();
        if conn.phase == Phase::Open {
            // Also without a byte: the end of a message may be due, and what the peer may be late with.
            self.parse(index, &stash);
        }
        let Some(conn) = self.conns.get(index as usize) else { return };
        if !conn.blocked
            && let Some(key) = conn.key
        {
            let _gone = self.reactor.resume(key);
        }
    }

    /// The guest can take more of a body.
    pub(in crate::runtime) fn exchange_credit(&mut self, index: u32, bytes: u32) {
        let exchange = &mut self.exchanges[index as usize];
        exchange.window = exchange.window.saturating_add(i64::from(bytes)).min(1 << 40);
        let conn = exchange.conn;
        self.conn_go_on(conn);
    }

    /// Nothing more will come.
    pub(super) fn conn_eof(&mut self, index: u32) {
        use crate::proto::http1::EofKind;
        let conn = &mut self.conns[index as usize];
        conn.ended = true;
        let (total, told) = self.seats[conn.guest as usize].mail.progress();
        let told_by = (told < total).then_some(total);
        if let Some(handle) = conn.handle.filter(|_| conn.key.is_some()) {
            self.seats[conn.guest as usize].tell(events::CONN_END, Some(handle), 0, &[]);
        }
        match conn.phase {
            Phase::Open => match conn.decoder.eof() {
                EofKind::Premature => self.bad_request(index, Reason::PrematureEof, &[], 0),
                EofKind::Clean | EofKind::Complete if conn.head == NONE => self.close_conn(index),
                EofKind::Clean | EofKind::Complete => self.half_close(index, told_by),
            },
            Phase::HalfClosed => self.half_close(index, told_by),
            Phase::Lingering(_) => self.close_conn(index),
            Phase::Refusing(_) | Phase::Draining => {}
        }
    }

    /// The peer has shut its side down, or has gone: that looks the same. As in Node it is taken for gone, so that a
    /// script learns of it without writing, unless it has said otherwise (`httpAllowHalfOpen`). FIN often comes with the
    /// request: what the script answers when it is told of that (event `told_by`) goes out first.
    fn half_close(&mut self, index: u32, told_by: Option<u64>) {
        let conn = &mut self.conns[index as usize];
        conn.phase = Phase::HalfClosed;
        conn.started = NOT_LOOKED;
        if options_of(&self.listeners, conn).flags & listen::HALF_OPEN != 0 {
            return self.expect(index, Due::Nothing);
        }
        match told_by {
            Some(told_by) => {
                conn.extra().told_by = told_by;
                self.expect(index, Due::Linger);
            }
            None => self.draining_late(index),
        }
    }

    /// What the peer may be late with, once the input is used up.
    fn expect_next(&mut self, index: u32) {
        let conn = &self.conns[index as usize];
        let receiving = self.exchanges.get(conn.tail as usize).is_some_and(|exchange| !exchange.received);
        let due = match () {
            () if receiving => Due::Request,
            () if conn.decoder.is_in_head() => Due::Head,
            () if conn.head != NONE => Due::Nothing,
            () if conn.requests == 0 => Due::Head,
            () => Due::KeepAlive,
        };
        self.expect(index, due);
    }
}

/// The limits of a connection: its listener's, or without one its own.
fn limits_of<'a>(
    listener: Option<&'a Listener>,
    extra: Option<&'a Extra>,
    bare: &'a http1::Limits,
) -> &'a http1::Limits {
    let own = || extra.and_then(|extra| extra.options.as_ref()).map_or(bare, |(_, limits)| limits);
    listener.map_or_else(own, |listener| &listener.limits)
}

/// A request that came to one tenant's connection and is another's: its head, and all that followed.
fn strays(
    tenants: &mut Tenants,
    seat: &mut Seat,
    conn: &Conn,
    head: &Head<'_>,
    rest: &[u8],
    now: Mono,
) -> Option<Vec<u8>> {
    let stays = !conn.is_routed() || tenants.admits(conn, &mut seat.tenancy, head, now);
    (!stays).then(|| [head.bytes, rest].concat())
}

/// Adds an exchange to the connection's queue; or what is answered when the guest has no handle left, or requests are
/// answered in its stead.
fn enqueue(
    seat: &mut Seat,
    exchanges: &mut Slab<Exchange>,
    conn: &mut Conn,
    index: u32,
    head: &Head<'_>,
    now: Mono,
) -> Result<u32, u16> {
    if let Some(status) = seat.refuses(now) {
        return Err(status);
    }
    let place = exchanges.vacant_key() as u32;
    let handle = seat.give(Kind::Exchange, Resource::Exchange(place)).ok_or(503u16)?;
    if let Some(slot) = seat.guest.state_mut().handles.get_mut(handle) {
        slot.conn = index;
    }
    exchanges.insert(Exchange {
        conn: index,
        next: NONE,
        handle,
        window: WINDOW,
        received: false,
        looked: now,
        begun: now,
        counted: 0,
        excused: head.expect == Expect::Continue100,
        keep_alive: head.keep_alive,
        is_head: head.method() == Some(Method::Head),
        minor: head.version_minor,
        status: 0,
        te_chunked: head
            .field(HeaderId::Te)
            .is_some_and(|te| te.windows(7).any(|w| w.eq_ignore_ascii_case(b"chunked"))),
        over_limit: false,
        last_allowed: false,
        owes_continue: false,
        watch: false,
        promise: Promise::No,
        response: Response::Awaited,
        held: Vec::new(),
        trace: None,
    });
    match exchanges.get_mut(conn.tail as usize) {
        Some(last) => last.next = place,
        None => conn.head = place,
    }
    conn.tail = place;
    conn.queued += 1;
    conn.requests = conn.requests.saturating_add(1);
    Ok(place)
}

impl Exchange {
    /// It is so manieth of its connection, of at most so many (`maxRequestsPerSocket`; 0 is no limit).
    fn note(&mut self, number: u32, most: u32, owes_continue: bool) -> &mut Exchange {
        self.owes_continue = owes_continue;
        self.over_limit = most > 0 && number > most;
        self.last_allowed = most > 0 && number >= most;
        self
    }
}

/// Whether the guest is to decide on an upgrade. Where the script has no listener for it, the request
/// is an ordinary one, as in Node.
fn wanted_upgrade(conn: &mut Conn, head: &Head<'_>, flags: u32) -> bool {
    let flag = if head.method() == Some(Method::Connect) { listen::CONNECT } else { listen::UPGRADE };
    let wanted = head.upgrade && flags & flag != 0;
    if head.upgrade && !wanted {
        conn.decoder.decide_upgrade(false);
    }
    wanted
}

/// Whether the host is to send 100 by itself.
fn owes_continue(head: &Head<'_>, flags: u32) -> bool {
    head.expect == Expect::Continue100 && flags & listen::CHECK_CONTINUE == 0
}

/// The guest of a connection, and the request that is read on it.
fn tail_of<'a>(
    seats: &'a mut Seats,
    exchanges: &'a mut Slab<Exchange>,
    conn: &Conn,
) -> (&'a mut Seat, &'a mut Exchange) {
    (&mut seats[conn.guest as usize], &mut exchanges[conn.tail as usize])
}

/// The codec lets requests that may leave HTTP pass without Host.
fn lacks_host(head: &Head<'_>, require_host: bool) -> bool {
    head.upgrade && require_host && head.version_minor == 1 && head.field(HeaderId::Host).is_none()
}

fn has_body(head: &Head<'_>) -> bool {
    matches!(head.body, BodyKind::Chunked | BodyKind::Length(1..))
}

/// What came after a head that asks to leave HTTP goes with it, for the script to have at once. It stays in the stash,
/// too, until the guest has decided.
fn lend_rest(seat: &mut Seat, conn: &mut Conn, at: Option<usize>, rest: &[u8], flags: u32) {
    // Of a front's connection the next bytes may be another guest's, if the upgrade is refused.
    let lends = flags & listen::UPGRADE_HEAD != 0 && !conn.is_routed();
    let Some(at) = at.filter(|_| lends) else { return };
    let most = seat.mail.piece();
    let lent = rest.len().min(most);
    if lent > 0 && seat.mail.extend_request(at, &rest[..lent], most) {
        conn.extra().lent = lent;
    }
}

/// A head, and how it is told if that is not as it was sent.
struct Told<'a> {
    head: &'a Head<'a>,
    retold: Option<Retold>,
    trace: Option<Box<Trace>>,
}

/// What the guest is told of a head; what came by a front may have lines of the front's own, and be traced. A status when it
/// would not fit into the guest's inbox: the decoder held the head to what was sent.
fn tell<'a>(tenants: &Tenants, seat: &mut Seat, conn: &Conn, index: u32, head: &'a Head<'a>) -> Result<Told<'a>, u16> {
    if !conn.is_routed() {
        return Ok(Told { head, retold: None, trace: None });
    }
    let (retold, trace) = tenants.retell(seat.guest.state_mut(), index, head);
    let fits = retold.as_ref().is_none_or(|told| seat.mail.takes_head(told.fields.len(), told.bytes.len()));
    if fits { Ok(Told { head, retold, trace }) } else { Err(431) }
}

/// Queues HTTP_REQUEST; answers where it stands.
fn request_event(
    seat: &mut Seat,
    number: u64,
    owner: u64,
    exchange: &Exchange,
    told: &Told<'_>,
    upgrade: bool,
) -> usize {
    let head = told.head;
    let (table, bytes) =
        told.retold.as_ref().map_or((head.fields, head.bytes), |retold| (&retold.fields, &retold.bytes));
    let (method, target) = match head.start {
        StartLine::Request { method, target } => (method, target),
        StartLine::Status { .. } => (Method::Get, Span::default()),
    };
    let has = |on: bool, bit: u16| if on { bit } else { 0 };
    let chunked = head.body == BodyKind::Chunked;
    let flags = has(head.keep_alive, request::KEEP_ALIVE)
        | has(has_body(head), request::HAS_BODY)
        | has(upgrade, request::UPGRADE)
        | has(head.expect == Expect::Continue100, request::EXPECT_CONTINUE)
        | has(head.expect == Expect::Other, request::EXPECT_OTHER)
        | has(chunked, request::CHUNKED)
        | has(exchange.over_limit, request::OVER_LIMIT);
    let record = Request {
        listener: owner,
        conn: number,
        method: method_number(method),
        minor: head.version_minor,
        flags,
        target: target.start,
        target_len: target.len,
        field_count: table.len() as u32,
        raw_len: bytes.len() as u32,
        body_len: 0,
    };
    let fields = table.iter().map(told_field);
    seat.mail.push_request(events::HTTP_REQUEST, exchange.handle.raw(), &record, fields, bytes)
}

/// One line of a head's field table.
pub(super) fn told_field(field: &http1::Field) -> Field {
    Field {
        name: field.name,
        name_len: field.name_len,
        known: field.id as u16,
        value: field.value,
        value_len: field.value_len,
    }
}

/// Body bytes: into the request's event while it may still be extended, else as an event of their own. Answers
/// where that event stands if it may be extended further.
fn body_event((seat, exchange): (&mut Seat, &mut Exchange), open: Option<usize>, bytes: &[u8]) -> Option<usize> {
    exchange.window -= bytes.len() as i64;
    exchange.counted = exchange.counted.saturating_add(bytes.len() as u32);
    let most = seat.mail.piece();
    let open = open.filter(|&at| bytes.len() <= most && seat.mail.extend_request(at, bytes, most));
    if open.is_none() {
        seat.tell_bytes(events::HTTP_BODY, exchange.handle, bytes);
    }
    open
}

/// The message is whole: the request's event says so, or an event of its own.
fn end_event(seat: &mut Seat, exchange: &mut Exchange, open: Option<usize>, trailers: &Trailers<'_>) {
    exchange.received = true;
    let whole = trailers.fields.is_empty() && open.is_some_and(|at| seat.mail.complete_request(at));
    if !whole {
        seat.tell(events::HTTP_END, Some(exchange.handle), 0, &[&trailer_lines(trailers)]);
    }
}

/// The boundary's number of a method: its place in Node's list.
pub(in crate::runtime) fn method_number(method: Method) -> u8 {
    if method == Method::Query { 34 } else { method as u8 }
}

/// Trailers as the guest takes them.
pub(super) fn trailer_lines(trailers: &Trailers<'_>) -> Vec<u8> {
    let mut lines = Vec::new();
    for field in trailers.fields {
        lines.extend_from_slice(field.name_in(trailers.bytes));
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(field.value_in(trailers.bytes));
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

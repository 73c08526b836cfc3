//! How connections end: refusals, timeouts, aborts, closing. It must not know why a script wants it.
use super::super::timers::Token;
use super::{Conn, Due, Exchange, Fault, Hall, NONE, NOT_LOOKED, Phase, Promise, Response, options_of, set_ends};
use crate::guest::Handle;
use crate::proto::http1::{Reason, encode_error_response};
use crate::reactor::{Closing, Errno, Kernel};
use crate::runtime::Owner;
use crate::runtime::listeners::errno;
use crate::runtime::seat::{Resource, Running, Seat};
use crate::time::{Clock, Mono, TimerId};
use skep_abi::{events, listen};
use std::time::Duration;

/// How long answers that are due may hold up a refusal.
const REFUSING_MS: u32 = 250;

/// What is due then is looked at in the next turn, not in this one.
const NEXT_TURN: Duration = Duration::from_nanos(1);

/// When to look again whether a guest that computes, or is held, has been told of what came.
const GUEST_BUSY: Duration = Duration::from_millis(1);

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// The peer broke a rule (or was too late): an answer, and the end. Both come after the answers that are due. Who
    /// answers is the script, where it listens for faults, and else we are; a script that only holds the connection's
    /// socket is told when we have.
    pub(super) fn bad_request(&mut self, index: u32, reason: Reason, packet: &[u8], parsed: usize) {
        let conn = &mut self.conns[index as usize];
        // Node answers a missing Host itself, without 'clientError'.
        let listens = options_of(&self.listeners, conn).flags & listen::CLIENT_ERROR != 0;
        // Whose a request of a front's would have been nobody knows: its bytes are shown to none.
        let handed_over = listens && reason != Reason::MissingHost && !conn.is_routed();
        // A request whose body went wrong is lost; one that was whole still gets its answer first.
        let half = self.exchanges.get(conn.tail as usize).is_some_and(|exchange| !exchange.received);
        let silent = half && self.exchanges[conn.tail as usize].response != Response::Awaited;
        // The script may come to hold the socket while answers are due.
        let packet = &packet[..packet.len().min(self.seats[conn.guest as usize].mail.piece())];
        conn.extra().fault = Some(Fault { reason, packet: packet.to_vec(), parsed, handed_over });
        if half {
            self.abort_last(index);
        }
        if silent && !handed_over {
            return self.lose_conn(index, None);
        }
        self.refuse(index, reason.status());
    }

    /// Answers with an error and closes, after the answers that are due.
    pub(super) fn refuse(&mut self, index: u32, status: u16) {
        let conn = &mut self.conns[index as usize];
        conn.phase = Phase::Refusing(status);
        if conn.head == NONE {
            self.send_refusal(index, status);
        } else {
            self.expect(index, Due::Linger);
        }
    }

    /// Writes one minimal response, and lingers; or has the script do so.
    pub(super) fn send_refusal(&mut self, index: u32, status: u16) {
        let conn = &mut self.conns[index as usize];
        let fault = conn.extra.as_mut().and_then(|extra| extra.fault.take());
        if let Some(fault) = fault.as_ref().filter(|fault| fault.handed_over) {
            return self.hand_over_fault(index, fault);
        }
        let Some(key) = conn.key else {
            encode_error_response(&mut conn.extra().out, status);
            self.flush_attached(index);
            return self.lose_conn(index, None);
        };
        match self.reactor.out_buffer(key) {
            Ok(out) => encode_error_response(out, status),
            Err(error) => return self.lose_conn(index, Some(error)),
        }
        if let (Some(fault), Some(holder)) = (fault.filter(|_| !conn.is_routed()), conn.handle) {
            self.tell_fault(index, &fault, holder);
        }
        self.linger(index);
    }

    /// Half-closes, and reads a little on: a socket closed with unread bytes resets, and the peer may lose what was
    /// written to it (R11).
    pub(super) fn linger(&mut self, index: u32) {
        let conn = &mut self.conns[index as usize];
        let Some(key) = conn.key.filter(|_| !conn.ended) else { return self.close_conn(index) };
        conn.phase = Phase::Lingering(0);
        conn.blocked = false;
        let _broken = self.reactor.shutdown_write(key);
        let _gone = self.reactor.resume(key);
        self.expect(index, Due::Linger);
    }

    /// The last answer is out: what the peer has sent since must not cost it that.
    pub(super) fn finish_conn(&mut self, index: u32) {
        if self.conns[index as usize].ended || !self.may_have_unread(index) {
            return self.close_conn(index);
        }
        self.abort_all(index, skep_abi::errno::ECONNRESET as u32);
        self.linger(index);
    }

    /// Closes when what is queued has gone out.
    pub(super) fn close_conn(&mut self, index: u32) {
        self.abort_all(index, 0);
        let conn = &mut self.conns[index as usize];
        let Some(key) = conn.key else { return self.lose_conn(index, None) };
        match self.reactor.close(key) {
            Ok(Closing::Draining) => {
                conn.phase = Phase::Draining;
                conn.started = NOT_LOOKED;
                self.expect(index, Due::Linger);
            }
            _ => self.forget_conn(index, None),
        }
    }

    /// The connection is gone: whoever waits for it is told.
    pub(super) fn lose_conn(&mut self, index: u32, error: Option<Errno>) {
        let Some(conn) = self.conns.get(index as usize) else { return };
        if let Some(key) = conn.key {
            self.cut(key);
        }
        self.abort_all(index, error.map_or(skep_abi::errno::ECONNRESET as u32, errno));
        self.forget_conn(index, error);
    }

    /// Takes the connection out of every table; its socket is not touched.
    pub(super) fn forget_conn(&mut self, index: u32, error: Option<Errno>) {
        self.tell_done(index);
        self.flush_attached(index);
        let conn = self.conns.remove(index as usize);
        if let Some(key) = conn.key {
            self.owners.set(key, Owner::Nobody);
            self.tenants.tales.forget(key);
        }
        self.cancel_timers(&conn);
        if let Some(seat) = self.seats.get_mut(conn.guest as usize) {
            if conn.key.is_some() {
                seat.conns.swap_remove(conn.place as usize);
                if let Some(moved) = seat.conns.get(conn.place as usize) {
                    self.conns[*moved as usize].place = conn.place;
                }
            }
            let state = seat.guest.state_mut();
            set_ends(&mut state.conn_ends, index, None);
            state.conn_handles.remove(&index);
            state.conn_tls.remove(&index);
            if let Some(handle) = conn.handle {
                seat.revoke(handle);
                seat.tell(events::CONN_CLOSED, Some(handle), error.map_or(0, errno), &[]);
            }
        }
        if conn.key.is_some() {
            self.listener_lost_conn(conn.listener);
        }
    }

    /// Every exchange of the connection is told that it is over.
    pub(super) fn abort_all(&mut self, index: u32, error: u32) {
        let conn = &mut self.conns[index as usize];
        let mut place = std::mem::replace(&mut conn.head, NONE);
        conn.tail = NONE;
        conn.queued = 0;
        while let Some(exchange) = self.exchanges.try_remove(place as usize) {
            place = exchange.next;
            tell_aborted(&mut self.seats[conn.guest as usize], &exchange, error);
        }
    }

    /// The exchange that was being received is lost.
    fn abort_last(&mut self, index: u32) {
        let conn = &mut self.conns[index as usize];
        let last = conn.tail;
        let mut before = NONE;
        let mut place = conn.head;
        while place != last {
            before = place;
            place = self.exchanges[place as usize].next;
        }
        match self.exchanges.get_mut(before as usize) {
            Some(exchange) => exchange.next = NONE,
            None => conn.head = NONE,
        }
        conn.tail = before;
        conn.queued -= 1;
        let exchange = self.exchanges.remove(last as usize);
        tell_aborted(&mut self.seats[conn.guest as usize], &exchange, skep_abi::errno::ECONNRESET as u32);
    }

    /// The guest gives an exchange up, or broke its rules: the connection goes.
    pub(in crate::runtime) fn abort_exchange(&mut self, place: u32) {
        let conn = self.exchanges[place as usize].conn;
        self.close_conn_by_guest(conn);
    }

    /// The guest destroys a connection: queued bytes still go out.
    pub(in crate::runtime) fn close_conn_by_guest(&mut self, index: u32) {
        if self.conns[index as usize].phase != Phase::Draining {
            self.close_conn(index);
        }
    }

    /// `closeIdleConnections` and `closeAllConnections`.
    pub(in crate::runtime) fn close_conns_of(&mut self, guest: u32, handle: Handle, idle: bool) {
        if let Resource::Listener(listener) = self.seats[guest as usize].resource(handle) {
            if idle && self.listeners[listener as usize].joint {
                self.bid_farewell(listener);
            } else if idle {
                self.close_idle_conns(Some(listener));
            } else {
                self.close_each(|conn| conn.listener == listener);
            }
        }
    }

    /// Closes connections that nobody uses: of one listener, or all.
    pub(in crate::runtime) fn close_idle_conns(&mut self, listener: Option<u32>) {
        for index in self.conns_that(|conn| conn.is_unused(listener)) {
            self.close_if_idle(index);
        }
    }

    /// The service goes on in other processes, and nobody is to notice that this one leaves: a request may be on its way
    /// on a connection that looks idle, so each may be asked once more, and says with its answer that it was the last.
    fn bid_farewell(&mut self, listener: u32) {
        for index in self.conns_that(|conn| conn.is_unused(Some(listener))) {
            self.expect(index, Due::Farewell);
        }
    }

    fn close_each(&mut self, which: impl Fn(&Conn) -> bool) {
        for index in self.conns_that(which) {
            self.close_conn_by_guest(index);
        }
    }

    fn conns_that(&self, which: impl Fn(&Conn) -> bool) -> Vec<u32> {
        let conns = self.conns.iter().filter(|(_, conn)| conn.key.is_some() && which(conn));
        conns.map(|(index, _)| index as u32).collect()
    }

    /// What has come by now is answered yet.
    fn close_if_idle(&mut self, index: u32) {
        self.conn_readable(index);
        if self.conns.get(index as usize).is_some_and(Conn::is_idle) {
            self.close_conn_by_guest(index);
        }
    }

    /// All connections of a guest that is gone.
    pub(in crate::runtime) fn drop_conns(&mut self, guest: u32) {
        let found: Vec<usize> =
            self.conns.iter().filter(|(_, conn)| conn.guest == guest).map(|(index, _)| index).collect();
        for index in found {
            let conn = self.conns.remove(index);
            self.cancel_timers(&conn);
            let mut place = conn.head;
            while let Some(exchange) = self.exchanges.try_remove(place as usize) {
                place = exchange.next;
            }
            if let Some(key) = conn.key {
                self.owners.set(key, Owner::Nobody);
                self.tenants.tales.forget(key);
                self.let_drain(key);
            }
        }
    }

    fn cancel_timers(&mut self, conn: &Conn) {
        let slow = conn.extra.as_ref().and_then(|extra| extra.slow).map(|(timer, _)| timer);
        for timer in [conn.timer, conn.idle_timer().map(|(timer, _)| timer), slow].into_iter().flatten() {
            self.timers.cancel(timer);
        }
    }

    /// Sets what the peer may be late with.
    pub(super) fn expect(&mut self, index: u32, due: Due) {
        let limits = &self.limits;
        let conn = &mut self.conns[index as usize];
        let options = options_of(&self.listeners, conn);
        let (from, span) = match due {
            Due::Nothing => (self.now, 0),
            Due::Head => (conn.started, least(options.headers_timeout, options.request_timeout)),
            Due::Request => return self.expect_body(index, options.request_timeout),
            Due::KeepAlive if options.keep_alive_timeout == 0 => (self.now, 0),
            Due::KeepAlive => (self.now, options.keep_alive_timeout.saturating_add(options.keep_alive_buffer)),
            Due::Farewell => (self.now, limits.farewell_ms),
            Due::Linger if conn.phase == Phase::HalfClosed && conn.started == NOT_LOOKED => {
                conn.due = due;
                return self.expect_until(index, self.now.plus(NEXT_TURN));
            }
            Due::Linger if matches!(conn.phase, Phase::Draining | Phase::HalfClosed) => {
                (self.now, limits.rate_grace_ms)
            }
            Due::Linger if matches!(conn.phase, Phase::Refusing(_)) => (self.now, REFUSING_MS),
            Due::Linger => (self.now, limits.linger_ms),
        };
        if span == 0 {
            conn.due = Due::Nothing;
            return;
        }
        conn.due = due;
        self.expect_until(index, from.plus(Duration::from_millis(u64::from(span))));
    }

    /// A body: all of it within `requestTimeout`, and looked at now and then whether it still flows.
    fn expect_body(&mut self, index: u32, request_timeout: u32) {
        let conn = &mut self.conns[index as usize];
        let whole = (request_timeout > 0).then(|| conn.started.plus(Duration::from_millis(u64::from(request_timeout))));
        let grace = Duration::from_millis(u64::from(self.limits.rate_grace_ms));
        let exchange = self.exchanges.get(conn.tail as usize).filter(|_| conn.key.is_some());
        let look = exchange.map(|exchange| exchange.looked.plus(grace));
        conn.due = Due::Nothing;
        if let Some(deadline) = whole.into_iter().chain(look).min() {
            conn.due = Due::Request;
            self.expect_until(index, deadline);
        }
    }

    fn expect_until(&mut self, index: u32, deadline: Mono) {
        let conn = &mut self.conns[index as usize];
        conn.deadline = deadline;
        match conn.timer {
            Some(timer) if self.timers.rearm(timer, deadline) => {}
            _ => conn.timer = Some(self.timers.arm(deadline, Token::Conn(index).pack())),
        }
    }

    /// The timer of what was due. It may be early: deadlines that moved away leave it armed.
    pub(in crate::runtime) fn conn_timer(&mut self, index: u32, id: TimerId) {
        let Some(conn) = self.conns.get_mut(index as usize) else { return };
        if conn.timer != Some(id) {
            return;
        }
        conn.timer = None;
        match conn.due {
            Due::Nothing => {}
            Due::Head => self.bad_request(index, Reason::RequestTimeout, &[], 0),
            Due::Request => self.body_late(index),
            Due::KeepAlive => self.idled(index),
            Due::Farewell => self.close_if_idle(index),
            Due::Linger if matches!(conn.phase, Phase::Draining | Phase::HalfClosed) => self.draining_late(index),
            Due::Linger => self.linger_over(index),
        }
    }

    /// No request has come for `keepAliveTimeout`.
    fn idled(&mut self, index: u32) {
        let conn = &mut self.conns[index as usize];
        let told = options_of(&self.listeners, conn).flags & listen::TELL_IDLE != 0;
        match conn.handle.filter(|_| told) {
            Some(handle) => {
                conn.due = Due::Nothing;
                self.seats[conn.guest as usize].tell(events::CONN_TIMEOUT, Some(handle), 0, &[]);
            }
            None => self.close_conn(index),
        }
    }

    /// What was waited for at the end has not come: the answers before a refusal, or the peer's FIN.
    fn linger_over(&mut self, index: u32) {
        let conn = &self.conns[index as usize];
        let begun =
            |place: u32| self.exchanges.get(place as usize).is_some_and(|first| first.response != Response::Awaited);
        match conn.phase {
            // As in Node, which does not wait at all: the refusal takes the place of an answer that is not there yet.
            Phase::Refusing(status) if !begun(conn.head) => {
                self.abort_all(index, skep_abi::errno::ECONNRESET as u32);
                self.send_refusal(index, status);
            }
            Phase::Refusing(_) => self.lose_conn(index, None),
            // Our last bytes have not even gone out: whether they go at all is looked at by [`Hall::watch_slow`].
            Phase::Lingering(_)
                if conn.key.is_some_and(|key| self.reactor.pending_out(key).is_ok_and(|left| left > 0)) => {}
            _ => self.close_conn(index),
        }
    }

    /// A body has not come whole by `requestTimeout`, or trickles (slow POST).
    fn body_late(&mut self, index: u32) {
        let conn = &self.conns[index as usize];
        let options = options_of(&self.listeners, conn);
        let whole = conn.started.plus(Duration::from_millis(u64::from(options.request_timeout)));
        let late = options.request_timeout > 0 && self.now >= whole;
        let least = u64::from(self.limits.min_body_bytes_per_second) * u64::from(self.limits.rate_grace_ms) / 1000;
        let Some(exchange) = self.exchanges.get_mut(conn.tail as usize) else { return };
        let waits_for_us = exchange.excused && exchange.counted == 0;
        let slow = !exchange.excused && u64::from(exchange.counted) < least;
        if late || slow {
            return self.bad_request(index, Reason::RequestTimeout, &[], 0);
        }
        exchange.looked = self.now;
        exchange.counted = 0;
        exchange.excused = conn.blocked || waits_for_us;
        self.expect(index, Due::Request);
    }

    /// A peer that does not take our last bytes: as long as some go, it may go on.
    pub(super) fn draining_late(&mut self, index: u32) {
        let conn = &mut self.conns[index as usize];
        if conn.phase == Phase::HalfClosed && conn.started == NOT_LOOKED {
            let told_by = conn.extra.as_ref().map_or(0, |extra| extra.told_by);
            let seat = &self.seats[conn.guest as usize];
            if seat.running == Running::Yielded || seat.mail.progress().1 < told_by {
                return self.expect_until(index, self.now.plus(GUEST_BUSY));
            }
        }
        let left = conn.key.and_then(|key| self.reactor.pending_out(key).ok()).unwrap_or(0) as u64;
        let least = u64::from(self.limits.min_drain_bytes_per_second) * u64::from(self.limits.rate_grace_ms) / 1000;
        let before = std::mem::replace(&mut conn.started, Mono(left));
        // The script may have added some to a half-closed connection meanwhile: then there is no telling.
        let slow = before != NOT_LOOKED && before.0 >= left && before.0 - left < least;
        if left == 0 || slow {
            return self.lose_conn(index, None);
        }
        self.expect(index, Due::Linger);
    }
}

/// The shorter of two timeouts, of which 0 is none.
fn least(a: u32, b: u32) -> u32 {
    if a == 0 || b == 0 { a.max(b) } else { a.min(b) }
}

impl Conn {
    /// Nobody uses it, of this listener or of any. A script that reads a socket's bytes itself is using it.
    fn is_unused(&self, listener: Option<u32>) -> bool {
        self.is_idle() && listener.is_none_or(|listener| self.listener == listener && !self.tee)
    }
}

fn tell_aborted(seat: &mut Seat, exchange: &Exchange, error: u32) {
    let event = match exchange.promise {
        Promise::No => events::HTTP_ABORTED,
        Promise::Dropped => return,
        _ => events::STREAM_CLOSED,
    };
    seat.revoke(exchange.handle);
    seat.tell(event, Some(exchange.handle), error, &[]);
}

//! From a guest's commands to a connection's bytes. It must not know how requests are read.
use super::super::listeners::Listener;
use super::super::seat::{Resource, Seat, set_pending};
use super::{Conn, Due, Exchange, Hall, NONE, Phase, Response, options_of};
use crate::guest::{Body, Handle, Span};
use crate::proto::http1::{self, Accepted, Removed, ResponseHead, Sent};
use crate::reactor::{Kernel, Reactor};
use crate::time::{Clock, Mono};
use skep_abi::{events, respond, write};

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Status line, fields and the first or only part of a body.
    pub(in crate::runtime) fn respond(
        &mut self,
        guest: u32,
        handle: Handle,
        status: u16,
        flags: u32,
        fields: Span,
        body: Body,
    ) {
        let Resource::Exchange(place) = self.seats[guest as usize].resource(handle) else { return };
        let exchange = &mut self.exchanges[place as usize];
        if exchange.response != Response::Awaited {
            return self.abort_exchange(place);
        }
        let conn = &mut self.conns[exchange.conn as usize];
        exchange.owes_continue = false;
        if conn.deciding && conn.tail == place {
            // An ordinary answer refuses the upgrade.
            conn.deciding = false;
            if let Some(extra) = conn.extra.as_mut() {
                extra.lent = 0;
            }
            conn.decoder.decide_upgrade(false);
        }
        // A closing server's answers say nothing of it, as in Node; the connection goes when it is idle. Where other
        // processes go on, who is told asks them, and loses nothing.
        let is_last = conn.tail == place && !conn.has_stash() && !conn.tee;
        let closes = |listener: &Listener| listener.closing && listener.joint && is_last;
        let closing = self.leaving.is_some() || self.listeners.get(conn.listener as usize).is_some_and(closes);
        let options = options_of(&self.listeners, conn);
        let outbox = &self.seats[guest as usize].guest.state().outbox;
        let (reason, fields) = split_reason(outbox.bytes(fields), flags);
        let head = ResponseHead {
            request_version_minor: exchange.minor,
            method_is_head: exchange.is_head,
            status,
            reason,
            fields,
            content_length: (flags & respond::IMPLICIT != 0 && flags & respond::END != 0).then_some(body.len() as u64),
            use_chunked_by_default: flags & respond::NO_CHUNKED == 0 && (exchange.minor == 1 || exchange.te_chunked),
            should_keep_alive: exchange.keep_alive && flags & respond::CLOSE == 0,
            send_date: flags & respond::NO_DATE == 0,
            removed: removed(flags),
            keep_alive_timeout_secs: Some(options.keep_alive_timeout / 1000).filter(|_| options.keep_alive_timeout > 0),
            max_requests: options.max_requests,
            max_requests_reached: exchange.last_allowed,
            closing,
        };
        exchange.watch |= flags & respond::WATCH != 0;
        exchange.status = status;
        let Some(out) = output(&mut self.reactor, conn, exchange, place) else { return };
        let date = self.date.at(self.wall);
        let ended = match (&body, flags & respond::END != 0) {
            (Body::Small(span), true) => http1::encode_response(out, &head, outbox.bytes(*span), date).map(Some),
            _ => http1::encode_response_head(out, &head, date).map(|framing| {
                exchange.response = Response::Body(framing);
                None
            }),
        };
        match ended {
            Err(_) => self.abort_exchange(place),
            Ok(Some(sent)) => self.response_ended(place, sent),
            Ok(None) if body.is_empty() && flags & respond::END == 0 => {}
            Ok(None) => self.write_to(place, body, flags & respond::END != 0),
        }
    }

    /// More of a body.
    pub(in crate::runtime) fn write_body(&mut self, guest: u32, handle: Handle, flags: u32, body: Body) {
        if let Resource::Exchange(place) = self.seats[guest as usize].resource(handle) {
            self.exchanges[place as usize].watch |= flags & write::WATCH != 0;
            self.write_to(place, body, flags & write::END != 0);
        }
    }

    fn write_to(&mut self, place: u32, body: Body, end: bool) {
        let exchange = &mut self.exchanges[place as usize];
        let Response::Body(mut framing) = exchange.response else { return self.abort_exchange(place) };
        let conn = &mut self.conns[exchange.conn as usize];
        let outbox = &self.seats[conn.guest as usize].guest.state().outbox;
        let direct = conn.key.filter(|_| conn.head == place && framing.is_chunked());
        let written = match (body, direct) {
            (Body::Own(bytes), Some(key)) => {
                let (line, len) = http1::chunk_head(bytes.len());
                let reactor = &mut self.reactor;
                let _broken = reactor
                    .send(key, &line[..len])
                    .and_then(|()| reactor.send_vec(key, bytes))
                    .and_then(|()| reactor.send(key, b"\r\n"));
                Ok(Accepted::All)
            }
            (body, _) => {
                let Some(out) = output(&mut self.reactor, conn, exchange, place) else { return };
                let bytes = match &body {
                    Body::Small(span) => outbox.bytes(*span),
                    Body::Own(bytes) => bytes,
                };
                http1::encode_body(&mut framing, out, bytes)
            }
        };
        self.exchanges[place as usize].response = Response::Body(framing);
        match written {
            Err(_) => self.abort_exchange(place),
            Ok(_) if end => self.end_to(place, &[]),
            Ok(Accepted::All) => {}
            Ok(_) => self.dropped(place),
        }
    }

    /// Bytes that never reach the wire wait for nothing: no flush will tell the guest to go on.
    fn dropped(&mut self, place: u32) {
        let exchange = &self.exchanges[place as usize];
        let seat = &mut self.seats[self.conns[exchange.conn as usize].guest as usize];
        set_pending(seat.guest.state_mut(), exchange.handle, 0);
        tell_drained(seat, exchange.handle);
    }

    /// The end of a message, with trailers.
    pub(in crate::runtime) fn end_response(&mut self, guest: u32, handle: Handle, flags: u32, trailers: Span) {
        if let Resource::Exchange(place) = self.seats[guest as usize].resource(handle) {
            self.exchanges[place as usize].watch |= flags & write::WATCH != 0;
            let trailers = self.seats[guest as usize].guest.state().outbox.bytes(trailers).to_vec();
            self.end_to(place, &trailers);
        }
    }

    fn end_to(&mut self, place: u32, trailers: &[u8]) {
        let exchange = &mut self.exchanges[place as usize];
        let Response::Body(mut framing) = exchange.response else { return self.abort_exchange(place) };
        let conn = &mut self.conns[exchange.conn as usize];
        let Some(out) = output(&mut self.reactor, conn, exchange, place) else { return };
        match http1::encode_end(&mut framing, out, trailers) {
            Ok(sent) => self.response_ended(place, sent),
            Err(_) => self.abort_exchange(place),
        }
    }

    /// 100, 102, 103.
    pub(in crate::runtime) fn inform(&mut self, guest: u32, handle: Handle, status: u16, fields: Span) {
        let Resource::Exchange(place) = self.seats[guest as usize].resource(handle) else { return };
        let exchange = &mut self.exchanges[place as usize];
        if exchange.response != Response::Awaited || exchange.minor == 0 {
            return;
        }
        if status == 100 {
            exchange.owes_continue = false;
        }
        let conn = &mut self.conns[exchange.conn as usize];
        let fields = self.seats[guest as usize].guest.state().outbox.bytes(fields);
        let Some(out) = output(&mut self.reactor, conn, exchange, place) else { return };
        if http1::encode_informational(out, status, fields).is_err() {
            self.abort_exchange(place);
        }
    }

    /// The script wants to know when the response is out.
    pub(in crate::runtime) fn watch(&mut self, guest: u32, handle: Handle) {
        let seat = &mut self.seats[guest as usize];
        match seat.resource(handle) {
            Resource::Exchange(place) => self.exchanges[place as usize].watch = true,
            // The response is on its way and will be told.
            _ if seat.guest.state().handles.get(handle).is_some() => {}
            // Asked in the turn in which the response ended, and its exchange has left the queue.
            _ => seat.tell(events::HTTP_DONE, Some(handle), 0, &[]),
        }
    }

    /// Sends 100 if the head of the queue waits for it.
    pub(super) fn continue_if_owed(&mut self, index: u32) {
        let conn = &mut self.conns[index as usize];
        let place = conn.head;
        let Some(exchange) = self.exchanges.get_mut(place as usize) else { return };
        if std::mem::take(&mut exchange.owes_continue)
            && let Some(out) = output(&mut self.reactor, conn, exchange, place)
        {
            http1::encode_informational(out, 100, b"").expect("100 is informational and has no fields");
        }
    }

    fn response_ended(&mut self, place: u32, sent: Sent) {
        let exchange = &mut self.exchanges[place as usize];
        exchange.response = Response::Ended(sent.keep_alive);
        let (conn, status, trace) = (exchange.conn, exchange.status, exchange.trace.take());
        let guest = self.conns[conn as usize].guest;
        let seat = &mut self.seats[guest as usize];
        let span = Mono(seat.guest.state().meter.left_at).since(exchange.begun);
        seat.served.answered(status, span, self.now);
        if let Some(trace) = trace {
            self.trace_ended(guest, &trace, status, span);
        }
        if self.conns[conn as usize].head == place {
            self.advance(conn);
        } else if self.conns[conn as usize].key.is_none() {
            self.flush_attached(conn);
        }
    }

    /// Exchanges at the head of the queue that are over leave it; the next may write.
    pub(super) fn advance(&mut self, index: u32) {
        loop {
            let conn = &mut self.conns[index as usize];
            let Some(exchange) = self.exchanges.get(conn.head as usize) else { break };
            let Response::Ended(keep_alive) = exchange.response else { break };
            if !exchange.received && keep_alive {
                break;
            }
            let keep_alive = keep_alive && exchange.received;
            let next = exchange.next;
            let over = self.exchanges.remove(conn.head as usize);
            conn.head = next;
            conn.queued -= 1;
            if next == NONE {
                conn.tail = NONE;
            }
            self.leave_queue(index, over.handle, over.watch);
            if !keep_alive {
                return if over.received { self.finish_conn(index) } else { self.linger(index) };
            }
            self.release_held(index);
            if !self.conns.contains(index as usize) {
                return;
            }
        }
        self.flush_attached(index);
        if self.conns.get(index as usize).is_some_and(|conn| conn.head == NONE) {
            self.queue_empty(index);
        }
        self.conn_go_on(index);
    }

    /// The exchange's handle goes: at once, or for who watches it when its bytes are out.
    fn leave_queue(&mut self, index: u32, handle: Handle, watch: bool) {
        let conn = &mut self.conns[index as usize];
        let seat = &mut self.seats[conn.guest as usize];
        let unsent = conn.key.is_some_and(|key| self.reactor.pending_out(key).is_ok_and(|bytes| bytes > 0));
        if watch && unsent {
            // The handle lives on, and leads to its connection; the exchange's place is given to another.
            seat.bind(handle, Resource::Done(index));
            conn.extra().done.push(handle);
        } else {
            seat.revoke(handle);
            if watch {
                seat.tell(events::HTTP_DONE, Some(handle), 0, &[]);
            }
        }
    }

    /// What the new head of the queue has held back goes out.
    fn release_held(&mut self, index: u32) {
        let conn = &mut self.conns[index as usize];
        let place = conn.head;
        let Some(exchange) = self.exchanges.get_mut(place as usize) else { return };
        let held = std::mem::take(&mut exchange.held);
        if !held.is_empty()
            && let Some(out) = output(&mut self.reactor, conn, exchange, place)
        {
            out.extend_from_slice(&held);
        }
        if exchange.promise.is_kept() {
            return self.keep_promise(index);
        }
        self.continue_if_owed(index);
    }

    /// Nothing is owed: the connection idles, closes, or refuses.
    fn queue_empty(&mut self, index: u32) {
        let conn = &self.conns[index as usize];
        let closing = self.listeners.get(conn.listener as usize).is_some_and(|listener| listener.closing);
        let parts = conn.is_routed() && self.leaving.is_none() && (closing || self.is_parting(conn.guest));
        match conn.phase {
            Phase::Refusing(status) => self.send_refusal(index, status),
            Phase::HalfClosed => self.finish_conn(index),
            Phase::Open if parts && conn.decoder.is_idle() && !conn.blocked => {
                self.conns[index as usize].parting = true;
                self.block(index, &[]);
            }
            Phase::Open if self.leaving.is_some() || (closing && !conn.tee && conn.decoder.is_idle()) => {
                self.finish_conn(index)
            }
            Phase::Open if conn.decoder.is_idle() && !conn.blocked => self.expect(index, Due::KeepAlive),
            _ => {}
        }
    }

    /// Bytes of the connection's queue were written.
    pub(super) fn conn_flushed(&mut self, index: u32, written: usize, pending: usize) {
        let Some(conn) = self.conns.get_mut(index as usize) else { return };
        crate::runtime::streams::touch(&mut self.timers, conn.idle_timer(), self.now);
        let (named, phase) = (conn.handle.is_some(), conn.phase);
        let seat = &mut self.seats[conn.guest as usize];
        if let Some([sent, _]) = seat.guest.state_mut().conn_traffic.get_mut(index as usize) {
            *sent += written as u64;
        }
        if let Some(exchange) = self.exchanges.get(conn.head as usize) {
            set_pending(seat.guest.state_mut(), exchange.handle, pending as u32);
            if pending == 0 {
                tell_drained(seat, exchange.handle);
            }
        }
        if named {
            self.raw_flushed(index, pending);
        }
        if pending == 0 {
            self.not_slow(index);
            self.tell_done(index);
            if matches!(phase, Phase::Lingering(_)) {
                return self.expect(index, Due::Linger);
            }
        } else if phase != Phase::Draining {
            self.watch_slow(index, written);
        }
        self.conn_go_on(index);
    }

    /// Responses whose last byte is with the kernel.
    pub(super) fn tell_done(&mut self, index: u32) {
        let conn = &mut self.conns[index as usize];
        let Some(extra) = conn.extra.as_mut().filter(|extra| !extra.done.is_empty()) else { return };
        let seat = &mut self.seats[conn.guest as usize];
        for handle in extra.done.drain(..) {
            seat.revoke(handle);
            seat.tell(events::HTTP_DONE, Some(handle), 0, &[]);
        }
    }
}

/// Where an exchange writes: the wire if its turn has come, else its own buffer.
fn output<'a, K: Kernel>(
    reactor: &'a mut Reactor<K>,
    conn: &'a mut Conn,
    exchange: &'a mut Exchange,
    place: u32,
) -> Option<&'a mut Vec<u8>> {
    if conn.head != place {
        return Some(&mut exchange.held);
    }
    match conn.key {
        Some(key) => reactor.out_buffer(key).ok(),
        None => Some(&mut conn.extra().out),
    }
}

/// The guest may write on, if it was told to wait.
fn tell_drained(seat: &mut Seat, handle: Handle) {
    if let Some(slot) = seat.guest.state_mut().handles.get_mut(handle)
        && std::mem::take(&mut slot.wants_drain)
    {
        seat.tell(events::HTTP_DRAIN, Some(handle), 0, &[]);
    }
}

/// The reason phrase that may open the field block, and the fields.
fn split_reason(block: &[u8], flags: u32) -> (Option<&[u8]>, &[u8]) {
    if flags & respond::REASON == 0 {
        return (None, block);
    }
    match block.windows(2).position(|pair| pair == b"\r\n") {
        Some(end) => (Some(&block[..end]), &block[end + 2..]),
        None => (Some(block), &[]),
    }
}

fn removed(flags: u32) -> Removed {
    Removed {
        connection: flags & respond::REMOVED_CONNECTION != 0,
        content_length: flags & respond::REMOVED_CONTENT_LENGTH != 0,
        transfer_encoding: flags & respond::REMOVED_TRANSFER_ENCODING != 0,
    }
}

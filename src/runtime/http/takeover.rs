//! Connections that leave HTTP (upgrade, CONNECT, a fault the script wants to answer itself), and
//! those over a stream that the guest has itself. It must not know what is spoken then.
use super::super::seat::Resource;
use super::super::streams::Stream;
use super::{Conn, Due, Fault, Hall, Phase, Promise, Response};
use crate::guest::{Body, Handle, Kind};
use crate::reactor::{Addr, Kernel, Key};
use crate::time::Clock;
use skep_abi::{ListenOptions, events, listen};

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// The guest takes the connection of an exchange; the stream's handle has been made.
    pub(in crate::runtime) fn upgrade(&mut self, guest: u32, exchange: Handle, stream: Handle) {
        let place = match self.seats[guest as usize].resource(exchange) {
            Resource::Exchange(place) => place,
            _ => return self.no_stream(guest, stream),
        };
        let exchange = &mut self.exchanges[place as usize];
        let index = exchange.conn;
        let conn = &mut self.conns[index as usize];
        let decides = conn.key.is_some() && conn.tail == place && conn.deciding;
        if !decides || exchange.response != Response::Awaited {
            self.no_stream(guest, stream);
            return self.abort_exchange(place);
        }
        let before = std::mem::replace(&mut exchange.handle, stream);
        exchange.promise = Promise::Stream;
        let seat = &mut self.seats[guest as usize];
        seat.revoke(before);
        seat.bind(stream, Resource::Promised(place));
        if conn.head == place {
            self.keep_promise(index);
        }
    }

    /// The answers before it are out: the connection is the guest's now, with what it has written meanwhile.
    pub(super) fn keep_promise(&mut self, index: u32) {
        let conn = &mut self.conns[index as usize];
        let key = conn.key.expect("only a connection with a socket is promised");
        let over = self.exchanges.remove(conn.head as usize);
        conn.head = super::NONE;
        conn.tail = super::NONE;
        self.turn_into_stream(index, key, over.handle);
        if over.promise == Promise::Finishing {
            let _broken = self.reactor.shutdown_write(key);
        }
    }

    pub(in crate::runtime) fn promise_write(&mut self, place: u32, body: &Body) {
        let exchange = &mut self.exchanges[place as usize];
        let guest = self.conns[exchange.conn as usize].guest;
        match body {
            Body::Own(bytes) => exchange.held.extend_from_slice(bytes),
            Body::Small(span) => {
                exchange.held.extend_from_slice(self.seats[guest as usize].guest.state().outbox.bytes(*span));
            }
        }
    }

    pub(in crate::runtime) fn promise_shutdown(&mut self, place: u32) {
        self.exchanges[place as usize].promise = Promise::Finishing;
    }

    /// The guest closes a stream that it has not got yet: what it wrote goes out in its turn, then the connection
    /// closes.
    pub(in crate::runtime) fn drop_promise(&mut self, place: u32) {
        let exchange = &mut self.exchanges[place as usize];
        exchange.promise = Promise::Dropped;
        exchange.response = Response::Ended(false);
        let handle = exchange.handle;
        let seat = &mut self.seats[self.conns[exchange.conn as usize].guest as usize];
        seat.revoke(handle);
        seat.tell(events::STREAM_CLOSED, Some(handle), 0, &[]);
    }

    /// The handle that was promised leads nowhere.
    fn no_stream(&mut self, guest: u32, stream: Handle) {
        let seat = &mut self.seats[guest as usize];
        seat.revoke(stream);
        seat.tell(events::STREAM_CLOSED, Some(stream), skep_abi::errno::EINVAL as u32, &[]);
    }

    /// The connection becomes a plain stream; bytes that were read and not parsed come first.
    fn turn_into_stream(&mut self, index: u32, key: Key, stream: Handle) {
        self.expect(index, Due::Nothing);
        let conn = &mut self.conns[index as usize];
        let (guest, listener) = (conn.guest, conn.listener);
        let mut stash = conn.extra.as_mut().map(|extra| std::mem::take(&mut extra.stash)).unwrap_or_default();
        stash.drain(..conn.extra.as_ref().map_or(0, |extra| extra.lent).min(stash.len()));
        if let Some(handle) = conn.handle.take() {
            self.seats[guest as usize].revoke(handle);
        }
        let counted = Some(listener).filter(|&listener| self.listener_got_conn(listener));
        let ends = self.seats[guest as usize].guest.state().conn_ends.get(index as usize).cloned().flatten();
        self.forget_conn(index, None);
        let place = self.streams.vacant_key() as u32;
        self.seats[guest as usize].bind(stream, Resource::Stream(place));
        self.adopt_stream(Stream::new(guest, stream, key, counted), None, Addr::Unix);
        let seat = &mut self.seats[guest as usize];
        if let Some(ends) = ends {
            seat.guest.state_mut().ends.insert(stream, ends);
        }
        if !stash.is_empty() {
            seat.tell_bytes(events::STREAM_DATA, stream, &stash);
        }
        let _gone = self.reactor.resume(key);
    }

    /// The connection leaves HTTP, whatever is due on it: a stream of the guest's.
    pub(in crate::runtime) fn conn_into_stream(&mut self, index: u32) -> Option<Handle> {
        let conn = &self.conns[index as usize];
        let (guest, key) = (conn.guest, conn.key?);
        let handle = self.give(guest, Kind::Stream, Resource::None)?;
        self.abort_all(index, skep_abi::errno::ECONNRESET as u32);
        let before = self.conns[index as usize].handle;
        self.turn_into_stream(index, key, handle);
        if let Some(before) = before {
            self.seats[guest as usize].tell(events::CONN_CLOSED, Some(before), 0, &[]);
        }
        Some(handle)
    }

    /// A fault that the script wants to see: it gets the stream, and answers itself. (Over a stream of its own it has
    /// that.)
    pub(super) fn hand_over_fault(&mut self, index: u32, fault: &Fault) {
        self.abort_all(index, skep_abi::errno::ECONNRESET as u32);
        let conn = &self.conns[index as usize];
        let Some(key) = conn.key else {
            if let Some(handle) = conn.handle {
                self.tell_fault(index, fault, handle);
            }
            return self.lose_conn(index, None);
        };
        let Some(stream) = self.give(conn.guest, Kind::Stream, Resource::None) else {
            return self.lose_conn(index, None);
        };
        self.tell_fault(index, fault, stream);
        self.turn_into_stream(index, key, stream);
    }

    /// CLIENT_ERROR: of a stream to answer on, or of a connection whose peer was answered.
    pub(super) fn tell_fault(&mut self, index: u32, fault: &Fault, handle: Handle) {
        let conn = &self.conns[index as usize];
        let (guest, number) = (conn.guest, conn.number(index));
        let owner = self.listeners.get(conn.listener as usize).map_or(0, |listener| listener.handle.raw());
        let (code, message) = (fault.reason.code(), fault.reason.message());
        let mut head = Vec::with_capacity(32);
        head.extend_from_slice(&owner.to_le_bytes());
        head.extend_from_slice(&number.to_le_bytes());
        head.extend_from_slice(&(fault.parsed as u32).to_le_bytes());
        head.extend_from_slice(&(code.len() as u16).to_le_bytes());
        head.extend_from_slice(&(message.len() as u16).to_le_bytes());
        let parts: [&[u8]; 4] = [&head, code.as_bytes(), message.as_bytes(), &fault.packet];
        let answered = if fault.handed_over { 0 } else { skep_abi::client_error::ANSWERED };
        let status = u32::from(fault.reason.status()) | answered;
        self.seats[guest as usize].tell(events::CLIENT_ERROR, Some(handle), status, &parts);
    }

    /// An HTTP connection over a stream of the guest's own.
    pub(in crate::runtime) fn attach(
        &mut self,
        guest: u32,
        handle: Handle,
        listener: Option<Handle>,
        options: ListenOptions,
    ) {
        if options.flags & listen::CLIENT != 0 {
            return self.attach_client(guest, handle, &options);
        }
        let listener = listener.map(|listener| self.seats[guest as usize].resource(listener));
        let listener = if let Some(Resource::Listener(index)) = listener { index } else { super::NONE };
        self.serials = self.serials.wrapping_add(1);
        let index = self.conns.insert(Conn::new(None, guest, listener, self.now, self.serials)) as u32;
        self.conns[index as usize].handle = Some(handle);
        // Whoever has the stream decides what else is spoken on it: no taking over here.
        let flags = options.flags & !(listen::UPGRADE | listen::CONNECT);
        let options = ListenOptions { flags, ..options };
        let limits = self.decoder_limits(guest, &options);
        self.conns[index as usize].extra().options = Some((options, limits));
        self.expect(index, Due::Head);
        let seat = &mut self.seats[guest as usize];
        seat.bind(handle, Resource::Conn(index));
        seat.guest.state_mut().conn_handles.insert(index, handle);
    }

    /// Bytes that came on such a stream.
    pub(in crate::runtime) fn feed(&mut self, guest: u32, handle: Handle, data: Body) {
        let resource = self.seats[guest as usize].resource(handle);
        let bytes = match data {
            Body::Small(span) => self.seats[guest as usize].guest.state().outbox.bytes(span).to_vec(),
            Body::Own(bytes) => bytes,
        };
        let index = match resource {
            Resource::Conn(index) => index,
            Resource::Fed(index) => return self.fed_bytes(index, &bytes),
            Resource::Stream(index) => return self.client_bytes(index, &bytes),
            _ => return,
        };
        if bytes.is_empty() {
            self.conn_eof(index);
        }
        for piece in bytes.chunks(super::super::SCRATCH) {
            if self.conns.contains(index as usize) {
                self.conn_bytes(index, piece);
            }
        }
        if self.conns.contains(index as usize) {
            self.flush_attached(index);
        }
    }

    /// What an attached connection wants sent goes to the guest.
    pub(super) fn flush_attached(&mut self, index: u32) {
        let Some(conn) = self.conns.get_mut(index as usize).filter(|conn| conn.key.is_none()) else { return };
        let (guest, handle, phase) = (conn.guest, conn.handle, conn.phase);
        let out = conn.extra.as_mut().map(|extra| std::mem::take(&mut extra.out)).unwrap_or_default();
        let seat = &mut self.seats[guest as usize];
        if let Some(handle) = handle {
            seat.tell_bytes(events::CONN_OUT, handle, &out);
        }
        debug_assert!(phase != Phase::Draining, "nothing drains without a socket");
    }
}

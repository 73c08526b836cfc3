//! Plain streams: connections that speak no HTTP here (accepted by plain listeners, opened by the
//! guest, or taken over from HTTP). It must not know what their bytes mean.
use super::http::client::Client;
use super::listeners::errno;
use super::seat::{Resource, set_pending};
use super::timers::Token;
use super::{Hall, Note, Owner};
use crate::guest::{Body, Ends, Handle, Kind, Target};
use crate::reactor::{self, Addr, Closing, ConnectError, Errno, Fact, Kernel, Key, Read};
use crate::time::{Clock, TimerId};
use skep_abi::{connect, events, listen, option};
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes that a guest may be sent before it asks for more.
pub(super) const WINDOW: i64 = 64 << 10;

/// Reads of one stream in one turn: bounds the turn.
const READS: usize = 4;

/// STREAM_CLOSED's flag: our own address could not be had.
const OWN_ADDRESS: u16 = 1;

/// One stream of one guest.
#[cfg_attr(test, derive(Debug))]
pub(super) struct Stream {
    pub guest: u32,
    pub handle: Handle,
    pub key: Key,
    /// The listener that counts it, if one does.
    pub listener: Option<u32>,
    /// Its bytes are read as responses.
    pub client: Option<Box<Client>>,
    /// It is an output of a child that is kept: the child, and which.
    pub kept_for: Option<(u32, u32)>,
    /// Bytes the guest can still take.
    pub credit: i64,
    paused: bool,
    pub connecting: bool,
    /// The peer has sent FIN.
    ended: bool,
    /// The guest has shut its side down.
    finished: bool,
    idle: Option<(TimerId, Duration)>,
}

impl Stream {
    pub fn new(guest: u32, handle: Handle, key: Key, listener: Option<u32>) -> Stream {
        Stream {
            guest,
            handle,
            key,
            listener,
            client: None,
            kept_for: None,
            credit: WINDOW,
            paused: false,
            connecting: false,
            ended: false,
            finished: false,
            idle: None,
        }
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A plain listener has accepted.
    pub(super) fn open_accepted(&mut self, listener: u32, key: Key, peer: Addr) {
        let (guest, owner, paused, mut local) = {
            let listener = &self.listeners[listener as usize];
            (listener.guest, listener.handle, listener.has(listen::PAUSED), listener.local)
        };
        // Of a listener on every address only the connection knows which one it was reached by.
        if local.is_some_and(|local| local.ip().is_unspecified())
            && let Ok(Addr::Ip(own)) = self.reactor.local_addr(key)
        {
            local = Some(own);
        }
        let index = self.streams.vacant_key() as u32;
        let Some(handle) = self.give(guest, Kind::Stream, Resource::Stream(index)) else {
            let _gone = self.reactor.reset(key);
            return;
        };
        self.listener_got_conn(listener);
        let mut stream = Stream::new(guest, handle, key, Some(listener));
        if paused {
            stream.credit = 0;
        }
        self.adopt_stream(stream, local, peer);
        let seat = &mut self.seats[guest as usize];
        seat.tell(events::ACCEPTED, Some(handle), 0, &[&owner.raw().to_le_bytes()]);
    }

    /// Puts a stream into the tables. Its handle must lead to the vacant place already.
    pub(super) fn adopt_stream(&mut self, stream: Stream, local: Option<SocketAddr>, peer: Addr) {
        let (guest, handle, key) = (stream.guest, stream.handle, stream.key);
        let index = self.streams.insert(stream) as u32;
        self.owners.set(key, Owner::Stream(index));
        let ends = ends(local, peer);
        self.seats[guest as usize].guest.state_mut().ends.insert(handle, ends);
    }

    /// Opens a stream to where the policy has granted.
    pub(super) fn connect(&mut self, guest: u32, handle: Handle, to: Target, flags: u32) {
        let (opened, peer) = match &to {
            Target::Tcp { to, local } => {
                let wish = reactor::ConnectOptions { nodelay: flags & connect::NO_DELAY != 0, local: *local };
                (self.reactor.connect_tcp(*to.get(), &wish), Addr::Ip(*to.get()))
            }
            Target::Unix(path) => (self.reactor.connect_unix(path).map_err(ConnectError::Peer), Addr::Unix),
        };
        match opened {
            Ok(key) => {
                let index = self.streams.vacant_key() as u32;
                self.seats[guest as usize].bind(handle, Resource::Stream(index));
                let mut stream = Stream { connecting: true, ..Stream::new(guest, handle, key, None) };
                if flags & connect::PAUSED != 0 {
                    stream.credit = 0;
                }
                self.adopt_stream(stream, None, peer);
            }
            Err(error) => {
                let seat = &mut self.seats[guest as usize];
                seat.revoke(handle);
                let (flags, error) = match error {
                    ConnectError::Local(error) => (OWN_ADDRESS, error),
                    ConnectError::Peer(error) => (0, error),
                };
                let note = Note { kind: events::STREAM_CLOSED, flags, handle: handle.raw(), value: errno(error) };
                seat.mail.push(note, &[]);
            }
        }
    }

    pub(super) fn stream_connected(&mut self, index: u32, result: reactor::Result<()>) {
        match result {
            Ok(()) => {
                let stream = &mut self.streams[index as usize];
                stream.connecting = false;
                let (guest, handle, key) = (stream.guest, stream.handle, stream.key);
                let seat = &mut self.seats[guest as usize];
                if let Ok(Addr::Ip(local)) = self.reactor.local_addr(key)
                    && let Some(Ends::Tcp { local: known, .. }) = seat.guest.state_mut().ends.get_mut(&handle)
                {
                    *known = local;
                }
                seat.tell(events::STREAM_OPEN, Some(handle), 0, &[]);
            }
            Err(error) => self.lose_stream(index, Some(error)),
        }
    }

    /// Reads what the guest has credit and room for.
    pub(super) fn stream_readable(&mut self, index: u32) {
        for _ in 0..READS {
            let Some(stream) = self.streams.get_mut(index as usize) else { return };
            if let Some((child, at)) = stream.kept_for {
                match self.reactor.read(stream.key, &mut self.scratch) {
                    Ok(Read::Data { count, .. }) => {
                        let scratch = std::mem::take(&mut self.scratch);
                        self.child_wrote(child, at, &scratch[..count]);
                        self.scratch = scratch;
                        continue;
                    }
                    Ok(Read::WouldBlock) => return,
                    Ok(Read::Eof) | Err(_) => return self.lose_stream(index, None),
                }
            }
            let seat = &mut self.seats[stream.guest as usize];
            if stream.credit <= 0 || seat.mail.is_full() {
                stream.paused = true;
                if seat.mail.is_full() {
                    seat.held_back.push(stream.key.index() as u32);
                }
                let _gone = self.reactor.pause(stream.key);
                return;
            }
            let most = self.scratch.len().min(stream.credit as usize);
            match self.reactor.read(stream.key, &mut self.scratch[..most]) {
                Ok(Read::Data { count, more }) => {
                    touch_stream(&mut self.timers, stream, index, self.now);
                    if stream.client.is_some() {
                        let scratch = std::mem::take(&mut self.scratch);
                        self.client_bytes(index, &scratch[..count]);
                        self.scratch = scratch;
                    } else {
                        stream.credit -= count as i64;
                        seat.tell_bytes(events::STREAM_DATA, stream.handle, &self.scratch[..count]);
                    }
                    if !more {
                        return;
                    }
                }
                Ok(Read::WouldBlock) => return,
                Ok(Read::Eof) => return self.stream_ended(index),
                Err(error) => return self.lose_stream(index, Some(error)),
            }
        }
    }

    fn stream_ended(&mut self, index: u32) {
        let stream = &mut self.streams[index as usize];
        stream.ended = true;
        if let Some(client) = &mut stream.client {
            client.ended(&mut self.seats[stream.guest as usize], stream.handle);
        }
        self.seats[stream.guest as usize].tell(events::STREAM_END, Some(stream.handle), 0, &[]);
        if stream.finished {
            self.lose_stream(index, None);
        }
    }

    /// FIN has gone out after the last byte.
    pub(super) fn stream_finished(&mut self, index: u32) {
        let stream = &mut self.streams[index as usize];
        stream.finished = true;
        self.seats[stream.guest as usize].tell(events::STREAM_FINISHED, Some(stream.handle), 0, &[]);
        if stream.ended {
            self.lose_stream(index, None);
        }
    }

    /// Bytes of its queue were written.
    pub(super) fn stream_flushed(&mut self, index: u32, pending: usize) {
        let stream = &mut self.streams[index as usize];
        touch_stream(&mut self.timers, stream, index, self.now);
        let seat = &mut self.seats[stream.guest as usize];
        let handle = stream.handle;
        set_pending(seat.guest.state_mut(), handle, pending as u32);
        if pending == 0
            && let Some(slot) = seat.guest.state_mut().handles.get_mut(handle)
            && std::mem::take(&mut slot.wants_drain)
        {
            seat.tell(events::STREAM_DRAIN, Some(handle), 0, &[]);
        }
        if pending == 0 && !self.processes.is_quiet() {
            self.send_all_waiting();
        }
    }

    /// The stream is over; the guest is told and its handle goes.
    pub(super) fn lose_stream(&mut self, index: u32, error: Option<Errno>) {
        let Some(stream) = self.streams.try_remove(index as usize) else { return };
        if let Some((timer, _)) = stream.idle {
            self.timers.cancel(timer);
        }
        self.owners.set(stream.key, Owner::Nobody);
        self.let_drain(stream.key);
        if let Some((child, _)) = stream.kept_for {
            return self.child_output_over(child);
        }
        if let Some(seat) = self.seats.get_mut(stream.guest as usize) {
            seat.revoke(stream.handle);
            seat.tell(events::STREAM_CLOSED, Some(stream.handle), error.map_or(0, errno), &[]);
        }
        if let Some(listener) = stream.listener {
            self.listener_lost_conn(listener);
        }
    }

    /// The guest writes.
    pub(super) fn stream_write(&mut self, index: u32, body: Body) {
        let Stream { guest, key, .. } = self.streams[index as usize];
        // A broken stream shows as a fact of its own; what is written until then is lost with it.
        let _broken = match body {
            Body::Own(bytes) => self.reactor.send_vec(key, bytes),
            Body::Small(span) => self.reactor.send(key, self.seats[guest as usize].guest.state().outbox.bytes(span)),
        };
    }

    /// The guest can take more.
    pub(super) fn stream_credit(&mut self, index: u32, bytes: u32) {
        let stream = &mut self.streams[index as usize];
        stream.credit = stream.credit.saturating_add(i64::from(bytes)).min(1 << 40);
        self.stream_go_on(index);
    }

    /// Reads again if it was paused and may.
    pub(super) fn stream_go_on(&mut self, index: u32) {
        let Some(stream) = self.streams.get_mut(index as usize) else { return };
        if stream.paused && stream.credit > 0 {
            stream.paused = false;
            let _gone = self.reactor.resume(stream.key);
        }
    }

    /// The guest closes: what is queued still goes out. Its handle goes at once.
    pub(super) fn close_stream(&mut self, index: u32, reset: bool) {
        let key = self.streams[index as usize].key;
        if reset {
            let _gone = self.reactor.reset(key);
        }
        self.lose_stream(index, None);
    }

    /// Closes a stream that nobody owns any more; what it has queued still goes out, if the peer takes it.
    pub(super) fn let_drain(&mut self, key: Key) {
        if self.reactor.close(key) == Ok(Closing::Draining) {
            let left = self.reactor.pending_out(key).unwrap_or(0);
            let index = self.draining.insert((key, left)) as u32;
            self.drain_later(index);
        }
    }

    fn drain_later(&mut self, index: u32) {
        let grace = Duration::from_millis(u64::from(self.limits.rate_grace_ms));
        self.timers.arm(self.now.plus(grace), Token::Draining(index).pack());
    }

    /// A peer that took too little of what is left for it is cut off.
    pub(super) fn draining_timer(&mut self, index: u32) {
        let (key, before) = self.draining[index as usize];
        let left = self.reactor.pending_out(key).unwrap_or(0);
        let least = self.limits.min_drain_bytes_per_second as usize * self.limits.rate_grace_ms as usize / 1000;
        if left == 0 || before.saturating_sub(left) < least {
            self.draining.remove(index as usize);
            let _gone = self.reactor.reset(key);
        } else {
            self.draining[index as usize].1 = left;
            self.drain_later(index);
        }
    }

    /// Ends a stream whose rest is of no use: a half-sent message must not look whole.
    pub(super) fn cut(&mut self, key: Key) {
        let _gone = match self.reactor.pending_out(key) {
            Ok(0) => self.reactor.close(key).map(|_| ()),
            _ => self.reactor.reset(key),
        };
    }

    /// nodelay, keepalive, timeout.
    pub(super) fn stream_option(&mut self, index: u32, which: u32, value: i64) {
        let stream = &mut self.streams[index as usize];
        let _optional = match which {
            option::NO_DELAY => self.reactor.set_nodelay(stream.key, value != 0),
            option::KEEP_ALIVE => {
                let idle = (value >= 0).then(|| Duration::from_secs(value.clamp(1, 32_767) as u64));
                self.reactor.set_keepalive(stream.key, idle)
            }
            _ => {
                if let Some((timer, _)) = stream.idle.take() {
                    self.timers.cancel(timer);
                }
                if value > 0 {
                    let span = Duration::from_millis(value as u64);
                    let timer = self.timers.arm(self.now.plus(span), Token::StreamIdle(index).pack());
                    stream.idle = Some((timer, span));
                }
                Ok(())
            }
        };
    }

    pub(super) fn stream_idle_timer(&mut self, index: u32, id: TimerId) {
        let Some(stream) = self.streams.get_mut(index as usize) else { return };
        let Some((timer, span)) = stream.idle else { return };
        if timer == id {
            // Once: traffic arms it anew.
            stream.idle = Some((timer, span));
            self.seats[stream.guest as usize].tell(events::STREAM_TIMEOUT, Some(stream.handle), 0, &[]);
        }
    }

    /// All streams of a guest that is gone; what they had queued still goes out.
    pub(super) fn drop_streams(&mut self, guest: u32) {
        let gone: Vec<usize> =
            self.streams.iter().filter(|(_, stream)| stream.guest == guest).map(|(i, _)| i).collect();
        for index in gone {
            self.lose_stream(index as u32, None);
        }
    }

    /// What happened to a stream.
    pub(super) fn stream_fact(&mut self, index: u32, fact: Fact) {
        match fact {
            Fact::Readable(_) => self.stream_readable(index),
            Fact::Flushed { pending, .. } => self.stream_flushed(index, pending),
            Fact::Finished(_) => self.stream_finished(index),
            Fact::Connected { result, .. } => self.stream_connected(index, result),
            Fact::Broken { error, .. } => self.lose_stream(index, Some(error)),
            _ => {}
        }
    }
}

/// As [`touch`]; a timer that has fired is armed anew.
fn touch_stream(timers: &mut crate::time::Timers, stream: &mut Stream, index: u32, now: crate::time::Mono) {
    if let Some((timer, span)) = stream.idle
        && !timers.rearm(timer, now.plus(span))
    {
        stream.idle = Some((timers.arm(now.plus(span), Token::StreamIdle(index).pack()), span));
    }
}

/// Traffic has moved the idle deadline.
pub(super) fn touch(timers: &mut crate::time::Timers, idle: Option<(TimerId, Duration)>, now: crate::time::Mono) {
    if let Some((timer, span)) = idle {
        timers.rearm(timer, now.plus(span));
    }
}

/// Both ends as the guest may ask for them.
pub(super) fn ends(local: Option<SocketAddr>, peer: Addr) -> Ends {
    match peer {
        Addr::Ip(peer) => {
            let any = SocketAddr::new([0, 0, 0, 0].into(), 0);
            Ends::Tcp { local: local.unwrap_or(any), peer: Some(peer) }
        }
        Addr::Unix => Ends::Unix { local: String::new() },
    }
}

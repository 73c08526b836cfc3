//! Stream: one connection, and the reactor's operations on it.
//!
//! It must not know what the bytes mean. What happens to a connection is told once: a read's result
//! or a fact, whichever comes first.

use std::io::IoSlice;
use std::time::Duration;

use crate::tls::Session;

use super::errno::Errno;
use super::kernel::{Kernel, Socket};
use super::key::Key;
use super::outbuf::{OutBuf, SLICES, Spares};
use super::readiness::{Edges, Readiness};
use super::veil::Taken;
use super::{Addr, Closing, Fact, Reactor, Read, Result};

/// Bytes offered to one `writev`: about what a socket's buffer takes at once. Bounds the time one
/// stream can take of a flush; what is left goes with the next.
pub(super) const FLUSH_MAX: usize = 256 * 1024;

/// Streams written in one flush: bounds a turn. The others come first in the next.
pub(super) const FLUSH_BUDGET: usize = 256;

/// State of one connection. An idle one costs one of these and nothing else.
#[derive(Debug)]
pub(super) struct Stream<S> {
    pub(super) socket: S,
    pub(super) ready: Readiness,
    pub(super) stage: Stage,
    pub(super) sending: Sending,
    /// [`Fact::PeerClosed`] was told.
    told_closed: bool,
    /// Another process has it too.
    pub(super) shared: bool,
    pub(super) out: OutBuf,
    /// What is said on it is not what is on the wire.
    pub(super) veil: Option<Box<Session>>,
}

/// The connection as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    Open,
    /// Closed by its owner, with bytes still to be written.
    Draining,
    /// Dead, and the owner was told.
    Broken,
}

/// Our direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    Open,
    /// FIN follows what is pending.
    Ending,
    /// FIN is sent.
    Ended,
}

impl<S: Socket> Stream<S> {
    pub(super) fn connecting(socket: S) -> Stream<S> {
        Stream::new(socket, Stage::Connecting, Readiness::armed())
    }

    pub(super) fn accepted(socket: S) -> Stream<S> {
        Stream::new(socket, Stage::Open, Readiness::connected())
    }

    fn new(socket: S, stage: Stage, ready: Readiness) -> Stream<S> {
        let out = OutBuf::default();
        Stream { socket, ready, stage, sending: Sending::Open, told_closed: false, shared: false, out, veil: None }
    }

    pub(super) fn socket(&self) -> &S {
        &self.socket
    }

    /// Whether a flush would do something now.
    pub(super) fn flushable(&self) -> bool {
        let work = match &self.veil {
            None => self.out.pending() > 0 || self.sending == Sending::Ending,
            Some(veil) => self.has_sealable(veil),
        };
        work && self.ready.may_write() && matches!(self.stage, Stage::Open | Stage::Draining)
    }

    /// `EPIPE` when nothing more can be sent.
    fn check_sendable(&self) -> Result<()> {
        let alive = matches!(self.stage, Stage::Connecting | Stage::Open);
        if alive && self.sending == Sending::Open { Ok(()) } else { Err(Errno::EPIPE) }
    }

    /// Bytes that are not with the kernel.
    fn pending(&self) -> usize {
        self.out.pending() + self.veil.as_ref().map_or(0, |veil| veil.waiting().len())
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<Taken> {
        if self.veil.is_some() {
            return self.read_veiled(buf);
        }
        loop {
            match self.socket.read(buf) {
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(Taken::Blocked),
                Err(error) => return Err(error),
                Ok(0) => return Ok(Taken::End),
                Ok(count) => {
                    let short = count < buf.len() && self.socket.short_read_drains();
                    return Ok(Taken::Bytes { count, short });
                }
            }
        }
    }

    /// Writes what one call takes. Returns how much, and whether all that was offered.
    fn write(&mut self, spares: &mut Spares) -> Result<(usize, bool)> {
        if self.veil.is_some() {
            return self.write_veiled(spares);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let (count, offered) = self.out.front(&mut slices, FLUSH_MAX);
        loop {
            match self.socket.write(&slices[..count]) {
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
                Ok(written) => {
                    self.out.advance(written, spares);
                    return Ok((written, written == offered));
                }
            }
        }
    }
}

impl<K: Kernel> Reactor<K> {
    /// Reads what is there, at most `buf.len()` bytes, which must not be 0 (`EINVAL`). An error is
    /// the connection's end: what was to be written is dropped and the owner closes the key.
    pub fn read(&mut self, key: Key, buf: &mut [u8]) -> Result<Read> {
        let stream = self.streams.get_mut(key).ok_or(Errno::EBADF)?;
        match stream.stage {
            Stage::Open | Stage::Broken if !buf.is_empty() => {}
            Stage::Connecting => return Err(Errno::ENOTCONN),
            Stage::Draining => return Err(Errno::EBADF),
            _ => return Err(Errno::EINVAL),
        }
        let taken = stream.read(buf);
        if stream.veil.is_some() && stream.flushable() && stream.ready.soil() {
            // Reading has made something to say.
            self.dirty.push(key);
        }
        match taken {
            Ok(Taken::End) => {
                stream.ready.read_ended();
                Ok(Read::Eof)
            }
            Ok(Taken::Bytes { count, short }) => {
                if short {
                    stream.ready.read_short();
                }
                let more = stream.ready.may_read();
                if stream.ready.enqueue() {
                    self.run.push_back(key);
                }
                Ok(Read::Data { count, more })
            }
            Ok(Taken::Nothing { short }) => {
                if short {
                    stream.ready.read_short();
                }
                Ok(Read::WouldBlock)
            }
            Ok(Taken::Blocked) => {
                stream.ready.read_blocked();
                Ok(Read::WouldBlock)
            }
            Err(error) => {
                stream.ready.read_ended();
                stream.stage = Stage::Broken;
                stream.out.clear(&mut self.spares);
                Err(error)
            }
        }
    }

    /// Stops [`Fact::Readable`] for a stream, or accepting for a listener. What arrives stays in the
    /// kernel, which is the backpressure; nothing is forgotten.
    pub fn pause(&mut self, key: Key) -> Result<()> {
        self.readiness(key)?.pause();
        if key.kind() == super::Kind::Listener { self.settle_watch(key) } else { Ok(()) }
    }

    /// Undoes [`pause`](Reactor::pause): what arrived meanwhile is told at the next wait.
    pub fn resume(&mut self, key: Key) -> Result<()> {
        if self.streams.get(key).is_some_and(|stream| stream.stage == Stage::Draining) {
            return Err(Errno::EBADF);
        }
        let ready = self.readiness(key)?;
        ready.resume();
        if ready.enqueue() {
            match key.kind() {
                super::Kind::Stream => self.run.push_back(key),
                _ => self.acceptable.push_back(key),
            }
        }
        if key.kind() == super::Kind::Listener { self.settle_watch(key) } else { Ok(()) }
    }

    /// Appends a copy of `bytes` to what is to be written. `EPIPE` after [`Reactor::shutdown_write`]
    ///, [`close`](Reactor::close) or the connection's end.
    pub fn send(&mut self, key: Key, bytes: &[u8]) -> Result<()> {
        let (stream, spares) = self.sendable(key)?;
        stream.out.push(bytes, spares);
        Ok(())
    }

    /// The same with bytes that are given away: many are not copied.
    pub fn send_vec(&mut self, key: Key, bytes: Vec<u8>) -> Result<()> {
        let (stream, spares) = self.sendable(key)?;
        stream.out.push_vec(bytes, spares);
        Ok(())
    }

    /// The end of what is to be written, for an encoder to append to. It may hold bytes of earlier
    /// sends, which must stay as they are: append only.
    pub fn out_buffer(&mut self, key: Key) -> Result<&mut Vec<u8>> {
        let (stream, spares) = self.sendable(key)?;
        Ok(stream.out.tail(spares))
    }

    /// Drained buffers of big pieces, empty, for whoever makes the next ones. It may be swapped for another list, and
    /// grows by what is drained.
    pub fn spare_buffers(&mut self) -> &mut Vec<Vec<u8>> {
        &mut self.spares.big
    }

    /// Bytes that are sent but not yet written, for backpressure.
    pub fn pending_out(&self, key: Key) -> Result<usize> {
        Ok(self.streams.get(key).ok_or(Errno::EBADF)?.pending())
    }

    /// Sends FIN after what is pending; [`Fact::Finished`] tells. Reading goes on.
    pub fn shutdown_write(&mut self, key: Key) -> Result<()> {
        let (stream, _) = self.sendable(key)?;
        stream.sending = Sending::Ending;
        Ok(())
    }

    /// Closes a stream after what is pending is written, or a listener at once. Bytes that have
    /// arrived and are not read make the kernel reset the connection, by which the peer may lose the
    /// last of what was written: where that matters, first [`Reactor::shutdown_write`]
    /// and read to the end. An attempt to connect is given up, with what
    /// was sent on it.
    pub fn close(&mut self, key: Key) -> Result<Closing> {
        if let Some(listener) = self.listeners.remove(key) {
            self.drop_listener(listener);
            return Ok(Closing::Done);
        }
        let stream = self.streams.get_mut(key).ok_or(Errno::EBADF)?;
        match stream.stage {
            Stage::Draining => Err(Errno::EBADF),
            Stage::Open if stream.has_last_words() => {
                stream.stage = Stage::Draining;
                stream.ready.pause();
                if stream.flushable() && stream.ready.soil() {
                    self.dirty.push(key);
                }
                Ok(Closing::Draining)
            }
            Stage::Open | Stage::Connecting | Stage::Broken => {
                self.forget(key);
                Ok(Closing::Done)
            }
        }
    }

    /// Closes a stream at once, with a reset (RST), dropping what is pending. The key is dead.
    pub fn reset(&mut self, key: Key) -> Result<()> {
        let stream = self.streams.get_mut(key).ok_or(Errno::EBADF)?;
        stream.socket.reset_on_close();
        self.forget(key);
        Ok(())
    }

    /// TCP_NODELAY; nothing on a UNIX socket.
    pub fn set_nodelay(&mut self, key: Key, on: bool) -> Result<()> {
        self.streams.get_mut(key).ok_or(Errno::EBADF)?.socket.set_nodelay(on)
    }

    /// SO_KEEPALIVE with the idle time before the first probe (whole seconds, at least one), or off.
    pub fn set_keepalive(&mut self, key: Key, idle: Option<Duration>) -> Result<()> {
        self.streams.get_mut(key).ok_or(Errno::EBADF)?.socket.set_keepalive(idle)
    }

    /// The peer's address; `ENOTCONN` when there is no connection (any more).
    pub fn peer_addr(&self, key: Key) -> Result<Addr> {
        self.streams.get(key).ok_or(Errno::EBADF)?.socket.peer_addr()
    }

    pub(super) fn stream_local_addr(&self, key: Key) -> Result<Addr> {
        self.streams.get(key).ok_or(Errno::EBADF)?.socket.local_addr()
    }

    /// [`Reactor::flush`] for every stream once, where no turn comes after this one.
    pub fn flush_all(&mut self, facts: &mut Vec<Fact>) {
        for _ in 0..self.dirty.len().div_ceil(FLUSH_BUDGET) {
            self.flush(facts);
        }
    }

    /// Writes what is to be written: one `writev` for each stream that was sent something or has
    /// room again; of very many some are left for the next call, as [`Reactor::is_busy`] tells. Appends what came of it.
    pub fn flush(&mut self, facts: &mut Vec<Fact>) {
        let mut dirty = std::mem::take(&mut self.dirty);
        let mut rest = if dirty.len() > FLUSH_BUDGET { dirty.split_off(FLUSH_BUDGET) } else { Vec::new() };
        dirty.retain(|&key| self.flush_one(key, facts));
        debug_assert!(self.dirty.is_empty(), "flushing dirties nothing");
        // Those that can take more come after those that had no turn.
        if rest.is_empty() {
            self.dirty = dirty;
        } else {
            rest.append(&mut dirty);
            self.dirty = rest;
        }
        if !self.dirty_channels.is_empty() {
            self.flush_channels(facts);
        }
    }

    /// Returns whether the stream stays on the dirty list: its socket may take more at once.
    fn flush_one(&mut self, key: Key, facts: &mut Vec<Fact>) -> bool {
        let Some(stream) = self.streams.get_mut(key) else {
            return false;
        };
        if stream.flushable() && (stream.pending() > 0 || stream.veil.is_some()) {
            match stream.write(&mut self.spares) {
                Ok((written, whole)) => {
                    if !whole {
                        stream.ready.write_blocked();
                    }
                    let pending = stream.pending();
                    if stream.stage == Stage::Open {
                        facts.push(Fact::Flushed { key, written, pending });
                    }
                }
                Err(Errno::EAGAIN) => stream.ready.write_blocked(),
                Err(error) => {
                    self.broken(key, error, facts);
                    return false;
                }
            }
        }
        if stream.pending() == 0 && stream.stage != Stage::Connecting {
            if stream.sending == Sending::Ending && stream.stage != Stage::Broken {
                stream.sending = Sending::Ended;
                // Fails only on a connection that is dead, of which an edge tells or has told.
                let _ = stream.socket.shutdown_write();
                if stream.stage == Stage::Open {
                    facts.push(Fact::Finished(key));
                }
            }
            if stream.stage == Stage::Draining {
                self.forget(key);
                facts.push(Fact::Closed { key, error: None });
                return false;
            }
        }
        let more = stream.flushable();
        if !more {
            stream.ready.cleaned();
        }
        more
    }

    /// Takes in an edge.
    pub(super) fn stream_signalled(&mut self, key: Key, edges: Edges, facts: &mut Vec<Fact>) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        if stream.stage == Stage::Connecting && !connect_ended(stream, key, facts) {
            return;
        }
        stream.ready.signalled(edges);
        if stream.flushable() && stream.ready.soil() {
            self.dirty.push(key);
        }
        if stream.ready.enqueue() {
            self.run.push_back(key);
        }
        let unread = !stream.ready.will_read();
        if edges.error && unread {
            if let Some(error) = stream.socket.take_error() {
                self.broken(key, error, facts);
            }
        } else if edges.read_closed
            && stream.ready.is_paused()
            && stream.stage == Stage::Open
            && !std::mem::replace(&mut stream.told_closed, true)
        {
            facts.push(Fact::PeerClosed(key));
        }
    }

    /// Registers a stream with the kernel and gives it its key.
    pub(super) fn add_stream(&mut self, stream: Stream<K::Stream>) -> Result<Key> {
        let key = self.streams.insert(stream);
        let stream = self.streams.get_mut(key).expect("just inserted");
        if let Err(error) = self.kernel.watch_stream(&mut stream.socket, key) {
            self.forget(key);
            return Err(error);
        }
        Ok(key)
    }

    /// The connection is dead: tells it, once, and drops what was to be written.
    fn broken(&mut self, key: Key, error: Errno, facts: &mut Vec<Fact>) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        match stream.stage {
            Stage::Broken => {}
            Stage::Draining => {
                self.forget(key);
                facts.push(Fact::Closed { key, error: Some(error) });
            }
            Stage::Connecting | Stage::Open => {
                stream.stage = Stage::Broken;
                stream.ready.read_ended();
                stream.ready.cleaned();
                stream.out.clear(&mut self.spares);
                facts.push(Fact::Broken { key, error });
            }
        }
    }

    /// Closes the socket and frees the place.
    fn forget(&mut self, key: Key) {
        if let Some(mut stream) = self.streams.remove(key) {
            if stream.shared {
                self.kernel.unwatch_stream(&mut stream.socket);
            }
            stream.out.clear(&mut self.spares);
        }
    }

    /// The stream to send to, which goes on the dirty list.
    fn sendable(&mut self, key: Key) -> Result<(&mut Stream<K::Stream>, &mut Spares)> {
        let stream = self.streams.get_mut(key).ok_or(Errno::EBADF)?;
        stream.check_sendable()?;
        // While connecting or blocked, the edge that ends it puts it there.
        if stream.stage == Stage::Open && stream.ready.may_write() && stream.ready.soil() {
            self.dirty.push(key);
        }
        Ok((stream, &mut self.spares))
    }

    fn readiness(&mut self, key: Key) -> Result<&mut Readiness> {
        match key.kind() {
            super::Kind::Stream => self.streams.get_mut(key).map(|stream| &mut stream.ready),
            _ => self.listeners.get_mut(key).map(|listener| &mut listener.ready),
        }
        .ok_or(Errno::EBADF)
    }
}

/// Looks whether a connection attempt has ended, and tells how. The edge may be a spurious one.
fn connect_ended<S: Socket>(stream: &mut Stream<S>, key: Key, facts: &mut Vec<Fact>) -> bool {
    let result = match stream.socket.take_error() {
        Some(error) => Err(error),
        None if stream.socket.peer_addr() == Err(Errno::ENOTCONN) => return false,
        None => Ok(()),
    };
    stream.stage = if result.is_ok() { Stage::Open } else { Stage::Broken };
    facts.push(Fact::Connected { key, result });
    stream.ready.signalled(Edges { write: true, ..Edges::default() });
    if result.is_err() {
        stream.ready.read_ended();
    }
    true
}

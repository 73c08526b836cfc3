//! Listener: accepting within a budget, and surviving the want of descriptors.
//!
//! It must not know who the connections are for. Running out of descriptors is ordinary under
//! attack: a connection that can not be accepted would wait in the queue, and its edge is used up.
//! So one descriptor is held in reserve: it is given up, waiting connections are accepted and reset
//! one by one, which tells the clients at once, and it is taken back. Then the listener rests until
//! the owner, who has a clock, rearms it: the rate of shedding is bounded.

use std::os::fd::OwnedFd;
use std::time::Duration;

use super::errno::Errno;
use super::kernel::{Kernel, Listening, Socket};
use super::key::Key;
use super::readiness::{Edges, Readiness};
use super::stream::Stream;
use super::{Addr, Fact, Kind, Reactor, Result};

/// Connections taken from one listener before the next has its turn.
const ROUND: usize = 16;

/// Connections reset in one go when there are no descriptors: with [`RETRY_AFTER`] 2,560 a second,
/// at some 5 µs each.
const SHED_MAX: usize = 256;

/// How long a listener rests when nothing can be accepted.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// State of one listener.
#[derive(Debug)]
pub(super) struct Listener<L> {
    socket: L,
    pub(super) ready: Readiness,
    /// Waits to be rearmed.
    resting: bool,
    /// Its connections go to other processes: [`Fact::Acceptable`] instead of [`Fact::Accepted`].
    raw: bool,
    /// Another process has it too.
    pub(super) shared: bool,
    /// The kernel tells of it.
    watched: bool,
}

impl<L> Listener<L> {
    pub(super) fn socket(&self) -> &L {
        &self.socket
    }
}

/// How a round of accepting ended.
enum Round {
    /// The budget is used up.
    More,
    /// The queue is empty.
    Empty,
    /// Nothing can be accepted.
    Exhausted(Errno),
}

impl<K: Kernel> Reactor<K> {
    /// Accepts waiting connections, at most `max` over all listeners in turn, as
    /// [`Fact::Accepted`]; resting and paused listeners are passed over. To be called each turn.
    pub fn accept_more(&mut self, max: usize, facts: &mut Vec<Fact>) {
        let mut left = max;
        while left > 0 {
            let Some(key) = self.acceptable.pop_front() else {
                return;
            };
            let Some(listener) = self.listeners.get_mut(key) else {
                continue;
            };
            if listener.ready.dequeue() {
                continue;
            }
            if listener.raw {
                // It comes again at the next wait, until an accept has found nothing or it is paused.
                listener.ready.unqueue();
                facts.push(Fact::Acceptable(key));
                self.acceptable_raw.push(key);
                continue;
            }
            match self.accept_round(key, left.min(ROUND), facts, &mut left) {
                Round::More => self.acceptable.push_back(key),
                Round::Empty => self.listener_drained(key),
                Round::Exhausted(error) => self.shed(key, error, facts),
            }
        }
    }

    /// Lets a listener that [`Fact::AcceptPaused`] told of try again.
    pub fn rearm(&mut self, listener: Key) -> Result<()> {
        let state = self.listeners.get_mut(listener).ok_or(Errno::EBADF)?;
        if std::mem::take(&mut state.resting) {
            // The edge was used up: only an attempt shows whether there is something.
            state.ready.retry_read();
            if state.ready.enqueue() {
                self.acceptable.push_back(listener);
            }
        }
        Ok(())
    }

    /// From now on the listener's connections are taken by [`Reactor::accept_raw`], or as before.
    pub fn set_raw(&mut self, listener: Key, raw: bool) -> Result<()> {
        self.listeners.get_mut(listener).ok_or(Errno::EBADF)?.raw = raw;
        Ok(())
    }

    /// Takes one connection to be given away; none when nobody waits: [`Fact::Acceptable`] will tell. An error is a
    /// lack of descriptors or memory: the owner rests the listener and calls [`Reactor::rearm`].
    pub fn accept_raw(&mut self, key: Key) -> Result<Option<OwnedFd>> {
        let listener = self.listeners.get_mut(key).ok_or(Errno::EBADF)?;
        loop {
            match self.kernel.accept_raw(&mut listener.socket) {
                Ok(fd) => return Ok(Some(fd)),
                Err(Errno::EAGAIN) => {
                    listener.ready.read_blocked();
                    return Ok(None);
                }
                Err(error) if is_of_connection(error) => {}
                Err(error) => {
                    listener.resting = true;
                    listener.ready.read_blocked();
                    return Err(error);
                }
            }
        }
    }

    /// Listeners whose connections are given away and that may have more.
    pub(super) fn settle_raw(&mut self) {
        for key in std::mem::take(&mut self.acceptable_raw) {
            if let Some(listener) = self.listeners.get_mut(key)
                && listener.ready.enqueue()
            {
                self.acceptable.push_back(key);
            }
        }
    }

    /// The address of a stream's or listener's own end; of a listener on port 0 the port it got.
    pub fn local_addr(&self, key: Key) -> Result<Addr> {
        match key.kind() {
            Kind::Listener => self.listeners.get(key).ok_or(Errno::EBADF)?.socket.local_addr(),
            _ => self.stream_local_addr(key),
        }
    }

    /// Registers a listener with the kernel and gives it its key.
    pub(super) fn add_listener(&mut self, socket: K::Listener, shared: bool) -> Result<Key> {
        let ready = Readiness::armed();
        let listener = Listener { socket, ready, resting: false, raw: false, shared, watched: false };
        let key = self.listeners.insert(listener);
        if let Err(error) = self.settle_watch(key) {
            self.listeners.remove(key);
            return Err(error);
        }
        Ok(key)
    }

    /// Whoever takes nothing from a listener that others have is not to be woken in their place.
    pub(super) fn settle_watch(&mut self, key: Key) -> Result<()> {
        let listener = self.listeners.get_mut(key).ok_or(Errno::EBADF)?;
        let wanted = !(listener.shared && listener.ready.is_paused());
        if wanted == listener.watched {
            return Ok(());
        }
        match (wanted, listener.shared) {
            (false, _) => self.kernel.unwatch_listener(&mut listener.socket),
            // What waits already makes an edge.
            (true, true) => self.kernel.watch_shared_listener(&mut listener.socket, key)?,
            (true, false) => self.kernel.watch_listener(&mut listener.socket, key)?,
        }
        listener.watched = wanted;
        Ok(())
    }

    /// Closes one that has left the tables.
    pub(super) fn drop_listener(&mut self, mut listener: Listener<K::Listener>) {
        if listener.shared {
            self.kernel.unwatch_listener(&mut listener.socket);
        }
    }

    /// Takes in an edge.
    pub(super) fn listener_signalled(&mut self, key: Key, edges: Edges) {
        let Some(listener) = self.listeners.get_mut(key) else {
            return;
        };
        // While resting, the attempt that rearming makes will find it.
        if listener.resting {
            return;
        }
        listener.ready.signalled(Edges { read: edges.read || edges.error, ..Edges::default() });
        if listener.ready.enqueue() {
            self.acceptable.push_back(key);
        }
    }

    fn accept_round(&mut self, key: Key, quota: usize, facts: &mut Vec<Fact>, left: &mut usize) -> Round {
        for _ in 0..quota {
            let Some(listener) = self.listeners.get_mut(key) else {
                return Round::Empty;
            };
            *left -= 1;
            let (socket, peer) = match listener.socket.accept() {
                Ok(accepted) => accepted,
                Err(Errno::EAGAIN) => return Round::Empty,
                Err(error) if is_of_connection(error) => continue,
                Err(error) => return Round::Exhausted(error),
            };
            match self.add_stream(Stream::accepted(socket)) {
                Ok(stream) => facts.push(Fact::Accepted { listener: key, stream, peer }),
                // Closed again. That the kernel can not watch it is a want of memory too.
                Err(error) => return Round::Exhausted(error),
            }
        }
        Round::More
    }

    /// Resets what waits, as far as the reserve helps, and lets the listener rest.
    fn shed(&mut self, key: Key, error: Errno, facts: &mut Vec<Fact>) {
        let Some(listener) = self.listeners.get_mut(key) else {
            return;
        };
        let mut shed = 0;
        let helps = matches!(error, Errno::EMFILE | Errno::ENFILE);
        if helps && self.kernel.spend_reserve() {
            for _ in 0..SHED_MAX {
                match listener.socket.accept() {
                    Ok((mut socket, _)) => {
                        socket.reset_on_close();
                        shed += 1;
                    }
                    Err(error) if is_of_connection(error) => {}
                    // The queue is empty, or another thread took the descriptor.
                    Err(_) => break,
                }
            }
            self.kernel.refill_reserve();
        }
        listener.resting = true;
        self.listener_drained(key);
        let retry_after = RETRY_AFTER;
        facts.push(Fact::AcceptPaused { listener: key, error, shed, retry_after });
    }

    /// Arms the listener again: the next connection makes an edge.
    fn listener_drained(&mut self, key: Key) {
        if let Some(listener) = self.listeners.get_mut(key) {
            listener.ready.read_blocked();
            listener.ready.dequeue();
        }
    }
}

/// Whether the error is about the one connection that would have been accepted: the next may do.
/// Linux passes on what the network already knows of the connection; see accept(2).
fn is_of_connection(error: Errno) -> bool {
    matches!(
        error,
        Errno::ECONNABORTED
            | Errno::EINTR
            | Errno::EPROTO
            | Errno::EPERM
            | Errno::ENETDOWN
            | Errno::ENOPROTOOPT
            | Errno::EHOSTDOWN
            | Errno::EHOSTUNREACH
            | Errno::ENOTSUP
            | Errno::ENETUNREACH
            | Errno::ETIMEDOUT
    )
}

//! The reactor: the only room that knows mio and file descriptors. It returns facts and calls
//! nobody; it must not know Wasm, protocols, guests, policies or the time.
//!
//! A loop uses it like this, each turn:
//!
//! 1. [`Reactor::wait`] gives facts. It does not block while work is left over.
//! 2. The owner acts on them: [`Reactor::read`], [`Reactor::send`] and the rest. Nothing is written
//!    yet: what is sent gathers in the stream's outbuf.
//! 3. [`Reactor::accept_more`] takes in new connections, within a budget.
//! 4. [`Reactor::flush`] makes one `writev` for each stream that has something to write.
//!
//! *Invariants.* A stream with work left is on the run list, or armed in the kernel: no wake-up is
//! lost (see `readiness.rs`). A [`Key`] names one resource, once. Every call is bounded. A stream is
//! registered with the kernel once, for both directions; after that no `epoll_ctl` is made for it.
//! Whoever gets [`Fact::Readable`] and neither reads nor pauses gets it again, and the loop spins.
//!
//! SIGPIPE: Rust's runtime ignores it in every program whose `main` is Rust's, and on Linux each
//! write asks for none besides; a broken connection shows as `EPIPE`.

mod changes;
mod channel;
mod datagram;
mod errno;
mod inbox;
mod inputs;
mod kernel;
mod key;
mod listener;
mod mio_channel;
mod mio_datagram;
mod mio_kernel;
mod outbuf;
pub mod process;
mod readiness;
mod sharing;
mod signals;
pub mod sim;
mod standard;
mod stream;
mod sys;
mod table;
mod veil;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use changes::Change;
pub use datagram::{DatagramOption, DatagramOptions, Interface};
pub use errno::Errno;
pub use inbox::Waker;
pub use inputs::{Inputs, Ringer, inputs};
pub use kernel::{ChannelSocket, DatagramSocket, Edge, Kernel, Listening, Socket};
pub use key::{Key, Kind};
pub use mio_kernel::MioKernel;
pub use readiness::Edges;
pub use standard::StandardStreams;

use channel::Channel;
use datagram::Datagram;
use key::Slab;
use listener::Listener;
use outbuf::Spares;
use stream::Stream;

/// What an operation of the reactor gives. A stale or wrong key is `EBADF`.
pub type Result<T> = std::result::Result<T, Errno>;

/// The reactor on the operating system's sockets.
pub type OsReactor = Reactor<MioKernel>;

/// The address of one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addr {
    /// TCP.
    Ip(SocketAddr),
    /// A UNIX socket. Its path is known to whoever opened it.
    Unix,
}

/// How to listen. The defaults are Node's.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// Connections the kernel queues before they are accepted; the system may cut it.
    pub backlog: u32,
    /// On an IPv6 address: take no IPv4 connections. Off, `::` takes both.
    pub ipv6_only: bool,
    /// TCP_NODELAY on accepted connections.
    pub nodelay: bool,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions { backlog: 511, ipv6_only: false, nodelay: true }
    }
}

/// How to connect.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// TCP_NODELAY.
    pub nodelay: bool,
    /// Our address, when it matters; port 0 lets the system choose.
    pub local: Option<SocketAddr>,
}

/// Why an attempt to connect could not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// Our own address can not be had.
    Local(Errno),
    /// Anything else.
    Peer(Errno),
}

impl From<Errno> for ConnectError {
    fn from(error: Errno) -> ConnectError {
        ConnectError::Peer(error)
    }
}

/// Something that has happened. Facts may be about a key that the owner has closed since, earlier in
/// the same batch: its operations then give `EBADF`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Reading gives something: bytes, the end, or an error. Comes again at every wait until a read
    /// has drained the stream or it is paused.
    Readable(Key),
    /// Some of the outbuf was written. `pending` bytes are left; 0 means drained.
    Flushed {
        /// The stream.
        key: Key,
        /// Bytes written now.
        written: usize,
        /// Bytes still to be written.
        pending: usize,
    },
    /// All was written and FIN was sent, as [`Reactor::shutdown_write`] asked.
    Finished(Key),
    /// A stream that [`Reactor::close`] left draining is closed; the key is dead. With an error if
    /// some bytes could not be written.
    Closed {
        /// The stream.
        key: Key,
        /// What kept the rest from being written.
        error: Option<Errno>,
    },
    /// A connection has come, on [`Reactor::accept_more`].
    Accepted {
        /// The listener it came to.
        listener: Key,
        /// The new stream, to be closed by the owner.
        stream: Key,
        /// The other end.
        peer: Addr,
    },
    /// Connections may wait at a listener that [`Reactor::set_raw`] was called of. Comes again at every wait until
    /// [`Reactor::accept_raw`] has found none, or it is paused.
    Acceptable(Key),
    /// Nothing can be accepted now: no descriptors or memory are left. `shed` waiting connections
    /// were taken with the reserve descriptor and reset. The listener rests until the owner calls
    /// [`Reactor::rearm`], which is wished after `retry_after`.
    AcceptPaused {
        /// The listener.
        listener: Key,
        /// `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM` or another reason.
        error: Errno,
        /// Connections reset.
        shed: usize,
        /// When to try again.
        retry_after: Duration,
    },
    /// A connection attempt has ended. After an error the owner closes the key.
    Connected {
        /// The stream.
        key: Key,
        /// Whether it is connected.
        result: Result<()>,
    },
    /// The peer has sent FIN and the stream is paused: there may be unread bytes before it. A stream
    /// that is not paused learns it from [`Read::Eof`]. Told once.
    PeerClosed(Key),
    /// The connection is dead: a write failed, or an error came while nobody was reading. What was
    /// to be written is dropped. Told once, and not if a read has told it. The owner closes the key.
    Broken {
        /// The stream.
        key: Key,
        /// `ECONNRESET`, `EPIPE`, `ETIMEDOUT` or another reason.
        error: Errno,
    },
    /// A message that [`Reactor::send_datagram`] queued has gone, or could not.
    Sent {
        /// The socket.
        key: Key,
        /// Bytes of the message.
        bytes: usize,
        /// Whether the kernel took it.
        result: Result<()>,
    },
    /// A signal that was asked for.
    Signal(i32),
    /// Something watched has changed: [`Reactor::take_changes`] tells what.
    Changed,
    /// A [`Waker`] was used.
    Woken,
}

/// What a read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Bytes.
    Data {
        /// How many, at least one.
        count: usize,
        /// Whether to read on at once may give more. If not, the stream is drained and
        /// [`Fact::Readable`] will tell of what comes; if so, it comes again at the next wait.
        more: bool,
    },
    /// Nothing now; [`Fact::Readable`] will tell.
    WouldBlock,
    /// The peer has sent all it will. Nothing is readable from now on; writing may go on.
    Eof,
}

/// What [`Reactor::close`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// It is closed; the key is dead.
    Done,
    /// Bytes are still to be written. [`Fact::Closed`] comes when that is done, or has failed; until
    /// then the key can be [reset](Reactor::reset), and its pending bytes asked for.
    Draining,
}

/// `Readable` facts of one wait: bounds a turn. The rest come first at the next one.
const READABLE_BUDGET: usize = 1024;

/// Streams and listeners, their readiness and their pending output.
#[derive(Debug)]
pub struct Reactor<K: Kernel> {
    kernel: K,
    streams: Slab<Stream<K::Stream>>,
    listeners: Slab<Listener<K::Listener>>,
    datagrams: Slab<Datagram<K::Datagram>>,
    channels: Slab<Channel<K::Channel>>,
    /// Streams that are readable, and those that were at the last look. In order of service.
    run: VecDeque<Key>,
    /// Streams to flush.
    dirty: Vec<Key>,
    /// Listeners with something to accept.
    acceptable: VecDeque<Key>,
    /// Those of them that were told as [`Fact::Acceptable`] since the last wait.
    acceptable_raw: Vec<Key>,
    /// Datagram sockets with messages.
    readable_datagrams: VecDeque<Key>,
    /// Channels with something to read, and those with something to write.
    readable_channels: VecDeque<Key>,
    dirty_channels: Vec<Key>,
    spares: Spares,
    edges: Vec<Edge>,
}

impl<K: Kernel> Reactor<K> {
    /// A reactor with nothing in it.
    pub fn with_kernel(kernel: K) -> Reactor<K> {
        Reactor {
            kernel,
            streams: Slab::new(Kind::Stream),
            listeners: Slab::new(Kind::Listener),
            datagrams: Slab::new(Kind::Datagram),
            channels: Slab::new(Kind::Channel),
            run: VecDeque::new(),
            dirty: Vec::new(),
            acceptable: VecDeque::new(),
            acceptable_raw: Vec::new(),
            readable_datagrams: VecDeque::new(),
            readable_channels: VecDeque::new(),
            dirty_channels: Vec::new(),
            spares: Spares::default(),
            edges: Vec::new(),
        }
    }

    /// Waits for something to happen, at most `timeout` (`None`: for ever; rounded up to the kernel's
    /// milliseconds), and appends what has. Does not block while anything is readable, unflushed or
    /// acceptable. May return with no facts: ask the clock and wait again.
    pub fn wait(&mut self, timeout: Option<Duration>, facts: &mut Vec<Fact>) -> Result<()> {
        self.settle();
        let timeout = if self.is_busy() { Some(Duration::ZERO) } else { timeout };
        let mut edges = std::mem::take(&mut self.edges);
        let polled = self.kernel.poll(timeout, &mut edges, facts);
        for Edge { key, edges } in edges.drain(..) {
            match key.kind() {
                Kind::Stream => self.stream_signalled(key, edges, facts),
                Kind::Listener => self.listener_signalled(key, edges),
                Kind::Datagram => self.datagram_signalled(key, edges, facts),
                Kind::Channel => self.channel_signalled(key, edges),
                Kind::Control => {}
            }
        }
        self.edges = edges;
        self.tell_readable(facts);
        self.tell_readable_datagrams(facts);
        self.tell_readable_channels(facts);
        polled
    }

    /// Whether there is work that no news of the kernel will tell of.
    pub fn is_busy(&self) -> bool {
        !(self.run.is_empty()
            && self.dirty.is_empty()
            && self.acceptable.is_empty()
            && self.readable_datagrams.is_empty()
            && self.readable_channels.is_empty()
            && self.dirty_channels.is_empty())
    }

    /// Listens on a TCP address. SO_REUSEADDR is set, SO_REUSEPORT is not, as Node does; port 0 lets
    /// the system choose. Errors: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, `EMFILE`.
    pub fn listen_tcp(&mut self, addr: SocketAddr, options: &ListenOptions) -> Result<Key> {
        let socket = self.kernel.listen_tcp(addr, options)?;
        self.add_listener(socket, false)
    }

    /// Listens on a UNIX socket that is made at `path` and removed when it is closed. Errors:
    /// `EADDRINUSE` if the path exists, `ENAMETOOLONG` from 108 bytes on (104 on macOS).
    pub fn listen_unix(&mut self, path: &Path, options: &ListenOptions) -> Result<Key> {
        let socket = self.kernel.listen_unix(path, options)?;
        self.add_listener(socket, false)
    }

    /// Begins to connect; [`Fact::Connected`] tells how it ends. What is sent before that is kept.
    /// An error that shows at once (`EMFILE`, `ENETUNREACH`...) is returned and there is no key.
    pub fn connect_tcp(
        &mut self,
        addr: SocketAddr,
        options: &ConnectOptions,
    ) -> std::result::Result<Key, ConnectError> {
        let socket = self.kernel.connect_tcp(addr, options)?;
        self.add_stream(Stream::connecting(socket)).map_err(ConnectError::Peer)
    }

    /// The same for a UNIX socket. Its errors mostly show at once: `ENOENT`, `ECONNREFUSED`,
    /// `EACCES`, and on Linux `EAGAIN` when the listener's queue is full.
    pub fn connect_unix(&mut self, path: &Path) -> Result<Key> {
        let socket = self.kernel.connect_unix(path)?;
        self.add_stream(Stream::connecting(socket))
    }

    /// Has `signal` told as [`Fact::Signal`] instead of doing what it does by default, from now on
    /// and in the whole process. `EINVAL` for SIGKILL, SIGSTOP and those that mean a fault.
    pub fn watch_signal(&mut self, signal: i32) -> Result<()> {
        self.kernel.watch_signal(signal)
    }

    /// For each signal that is watched, what can be read from once it has come and was not told: for whoever has to wait on the
    /// loop's own thread.
    pub fn signal_ends(&self) -> Vec<(i32, Arc<dyn AsFd + Send + Sync>)> {
        self.kernel.signal_ends()
    }

    /// Watches a file or folder, open to be looked at; answers the system's number for it, the same for the same entry.
    pub fn watch_entry(&mut self, entry: BorrowedFd<'_>) -> Result<i32> {
        self.kernel.watch_entry(entry)
    }

    /// Watches it no longer.
    pub fn unwatch_entry(&mut self, watch: i32) {
        self.kernel.unwatch_entry(watch);
    }

    /// What has changed since the last call.
    pub fn take_changes(&mut self, changes: &mut Vec<Change>) {
        self.kernel.take_changes(changes);
    }

    /// A handle by which other threads end a wait.
    pub fn waker(&self) -> Waker {
        self.kernel.waker()
    }

    /// Streams that are open, draining ones included.
    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// Listeners that are open.
    pub fn listener_count(&self) -> usize {
        self.listeners.len()
    }

    /// Takes from the run list what has nothing more to do.
    fn settle(&mut self) {
        self.settle_datagrams();
        self.settle_channels();
        self.settle_raw();
        let streams = &mut self.streams;
        self.run.retain(|&key| streams.get_mut(key).is_some_and(|stream| !stream.ready.dequeue()));
    }

    /// Tells of readable streams, each once, those that waited longest first.
    fn tell_readable(&mut self, facts: &mut Vec<Fact>) {
        for _ in 0..self.run.len().min(READABLE_BUDGET) {
            let key = self.run.pop_front().expect("counted");
            let Some(stream) = self.streams.get_mut(key) else {
                continue;
            };
            if !stream.ready.dequeue() {
                facts.push(Fact::Readable(key));
                self.run.push_back(key);
            }
        }
    }
}

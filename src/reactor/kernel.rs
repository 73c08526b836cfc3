//! Kernel: what the reactor asks of an operating system. The seam between the bookkeeping, which is
//! the same for all, and the two that provide sockets: mio's ([`super::mio_kernel`]) and the
//! simulated one ([`super::sim`]).
//!
//! It must not know the bookkeeping: a kernel signals edges and does one operation at a time.

use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::changes::Change;
use super::errno::Errno;
use super::inbox::Waker;
use super::key::Key;
use super::readiness::Edges;
use super::{
    Addr, ConnectError, ConnectOptions, DatagramOption, DatagramOptions, Fact, Interface, ListenOptions, Result,
};

/// The edges of one resource.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// Whose. May be stale: the resource may be gone since.
    pub key: Key,
    /// What.
    pub edges: Edges,
}

/// A source of sockets and of their edges.
pub trait Kernel {
    /// A connection, or an attempt at one. Dropping it closes it.
    type Stream: Socket;
    /// A listening socket. Dropping it closes it.
    type Listener: Listening<Stream = Self::Stream>;

    /// A datagram socket. Dropping it closes it.
    type Datagram: DatagramSocket;

    /// A channel to another process. Dropping it closes it.
    type Channel: ChannelSocket;

    /// Waits until there are edges, or until `timeout` has passed (`None`: for ever). Appends edges
    /// of resources to `edges`; signals and wake-ups to `facts`. A bounded number of them. Being
    /// interrupted is no error; it just returns early.
    fn poll(&mut self, timeout: Option<Duration>, edges: &mut Vec<Edge>, facts: &mut Vec<Fact>) -> Result<()>;

    /// Has the edges of `stream` signalled under `key` from now on, the present state included.
    fn watch_stream(&mut self, stream: &mut Self::Stream, key: Key) -> Result<()>;

    /// The same for a listener.
    fn watch_listener(&mut self, listener: &mut Self::Listener, key: Key) -> Result<()>;

    /// The same for a listener that other processes have too: where the kernel can, a connection wakes one of those that
    /// wait, and not all.
    fn watch_shared_listener(&mut self, listener: &mut Self::Listener, key: Key) -> Result<()> {
        self.watch_listener(listener, key)
    }

    /// The same for a datagram socket.
    fn watch_datagram(&mut self, socket: &mut Self::Datagram, key: Key) -> Result<()>;

    /// The same for a channel.
    fn watch_channel(&mut self, channel: &mut Self::Channel, key: Key) -> Result<()>;

    /// Opens a UDP socket.
    fn bind_datagram(&mut self, addr: SocketAddr, options: &DatagramOptions) -> Result<Self::Datagram>;

    /// Opens a listening TCP socket.
    fn listen_tcp(&mut self, addr: SocketAddr, options: &ListenOptions) -> Result<Self::Listener>;

    /// Opens a listening UNIX socket at `path`.
    fn listen_unix(&mut self, path: &Path, options: &ListenOptions) -> Result<Self::Listener>;

    /// Begins to connect.
    fn connect_tcp(
        &mut self,
        addr: SocketAddr,
        options: &ConnectOptions,
    ) -> std::result::Result<Self::Stream, ConnectError>;

    /// Begins to connect.
    fn connect_unix(&mut self, path: &Path) -> Result<Self::Stream>;

    /// A channel of one end of a pair of UNIX sockets.
    fn adopt_channel(&mut self, fd: OwnedFd) -> Result<Self::Channel>;

    /// A connection that came from elsewhere. `ENOTSOCK`, `EPROTOTYPE` when it is none.
    fn adopt_stream(&mut self, fd: OwnedFd) -> Result<Self::Stream>;

    /// A listening socket that came from elsewhere. A path that it has stays when it is closed.
    fn adopt_listener(&mut self, fd: OwnedFd) -> Result<Self::Listener>;

    /// A datagram socket that came from elsewhere.
    fn adopt_datagram(&mut self, fd: OwnedFd) -> Result<Self::Datagram>;

    /// Another descriptor of the same connection.
    fn share_stream(&self, stream: &Self::Stream) -> Result<OwnedFd>;

    /// The same for a listener.
    fn share_listener(&self, listener: &Self::Listener) -> Result<OwnedFd>;

    /// The same for a datagram socket.
    fn share_datagram(&self, socket: &Self::Datagram) -> Result<OwnedFd>;

    /// No more edges of it: what another process has open too must be told before it is closed here.
    fn unwatch_stream(&mut self, stream: &mut Self::Stream);

    /// The same for a listener.
    fn unwatch_listener(&mut self, listener: &mut Self::Listener);

    /// The same for a datagram socket.
    fn unwatch_datagram(&mut self, socket: &mut Self::Datagram);

    /// Takes a connection from a listener's queue to be given away: no edges of it are wanted.
    fn accept_raw(&mut self, listener: &mut Self::Listener) -> Result<OwnedFd>;

    /// Has `signal` told as a fact instead of doing what it does by default.
    fn watch_signal(&mut self, signal: i32) -> Result<()>;

    /// For each signal that is watched, what can be read from once it has come and was not told; none where nobody waits
    /// otherwise.
    fn signal_ends(&self) -> Vec<(i32, Arc<dyn AsFd + Send + Sync>)> {
        Vec::new()
    }

    /// Has changes of a file or folder told by [`Fact::Changed`] and [`Kernel::take_changes`]; `ENOSYS` where there is no
    /// such source.
    fn watch_entry(&mut self, entry: BorrowedFd<'_>) -> Result<i32>;

    /// Watches it no longer.
    fn unwatch_entry(&mut self, watch: i32);

    /// What has changed, a bounded number; the rest is told again.
    fn take_changes(&mut self, changes: &mut Vec<Change>);

    /// A handle by which other threads end a wait.
    fn waker(&self) -> Waker;

    /// Gives up the descriptor held in reserve, so that one accept can succeed. False if there is
    /// none.
    fn spend_reserve(&mut self) -> bool;

    /// Tries to hold a descriptor in reserve again.
    fn refill_reserve(&mut self);
}

/// A stream socket. No operation blocks; `EAGAIN` and `EINTR` are errors like others here.
pub trait Socket {
    /// Reads into `buf`, which is not empty; 0 is the end.
    fn read(&mut self, buf: &mut [u8]) -> Result<usize>;

    /// Writes from `slices`, at least one, none of them empty, in order. Never raises SIGPIPE.
    fn write(&mut self, slices: &[IoSlice<'_>]) -> Result<usize>;

    /// Sends FIN.
    fn shutdown_write(&mut self) -> Result<()>;

    /// What the socket has died of or failed to connect for, once.
    fn take_error(&mut self) -> Option<Errno>;

    /// Makes the close that follows a reset.
    fn reset_on_close(&mut self);

    /// Whether a read that gives less than it asked for proves that nothing is left.
    fn short_read_drains(&self) -> bool;

    /// TCP_NODELAY. Nothing on a UNIX socket.
    fn set_nodelay(&mut self, on: bool) -> Result<()>;

    /// SO_KEEPALIVE, with the idle time before the first probe (whole seconds, at least one); `None`
    /// turns it off. Nothing on a UNIX socket.
    fn set_keepalive(&mut self, idle: Option<Duration>) -> Result<()>;

    /// Our address.
    fn local_addr(&self) -> Result<Addr>;

    /// The peer's address; `ENOTCONN` while there is no connection.
    fn peer_addr(&self) -> Result<Addr>;
}

/// A listening socket.
pub trait Listening {
    /// What it accepts.
    type Stream;

    /// Takes one connection from the queue.
    fn accept(&mut self) -> Result<(Self::Stream, Addr)>;

    /// Our address.
    fn local_addr(&self) -> Result<Addr>;
}

/// A datagram socket. No operation blocks; `EAGAIN` and `EINTR` are errors like others here.
pub trait DatagramSocket {
    /// Takes the next message; what does not fit is cut off.
    fn receive(&mut self, buf: &mut [u8]) -> Result<(usize, SocketAddr)>;

    /// Messages that there was no room for, since the socket was made, in a number that begins anew after its largest; none
    /// where the system does not tell.
    fn lost(&self) -> Option<u32>;

    /// Sends one message; without an address, to where it is connected.
    fn send(&mut self, bytes: &[u8], to: Option<SocketAddr>) -> Result<()>;

    /// Connects it, or takes that back.
    fn connect(&mut self, to: Option<SocketAddr>) -> Result<()>;

    /// Sets an option.
    fn set(&mut self, option: DatagramOption) -> Result<()>;

    /// Joins or leaves a multicast group.
    fn member(&mut self, group: IpAddr, interface: Interface, join: bool) -> Result<()>;

    /// Our address.
    fn local_addr(&self) -> Result<SocketAddr>;
}

/// One end of a channel. No operation blocks; `EAGAIN` and `EINTR` are errors like others here.
pub trait ChannelSocket {
    /// Reads into `buf`, which is not empty; 0 is the end. Descriptors that came with these bytes are appended to `fds`.
    /// `EMSGSIZE` when there were more of them than a peer of ours ever sends at once.
    fn receive(&mut self, buf: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<usize>;

    /// Writes from `slices`, in order; a descriptor goes with the first byte.
    fn send(&mut self, slices: &[IoSlice<'_>], fd: Option<BorrowedFd<'_>>) -> Result<usize>;
}

//! The operating system's sockets, by mio: epoll on Linux, kqueue on macOS.
//!
//! It must not know the bookkeeping of readiness: it passes on what mio says, each resource being
//! registered once, for both directions, edge-triggered.

use std::io::IoSlice;
use std::net::{SocketAddr, TcpListener as StdTcpListener, TcpStream as StdTcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mio::event::{Event, Source};
use mio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use mio::{Events, Interest, Poll, Registry, Token};

use super::changes::{Change, Changes};
use super::errno::Errno;
use super::inbox::Waker;
use super::kernel::{Edge, Kernel, Listening, Socket};
use super::key::{Key, Kind};
use super::mio_channel::OsChannel;
use super::mio_datagram::OsDatagram;
use super::readiness::Edges;
use super::signals::Signals;
use super::sys::{self, Adopted, Family};
use super::table;
use super::{Addr, ConnectError, ConnectOptions, DatagramOptions, Fact, ListenOptions, Reactor, Result};

/// Events fetched by one wait, 12 KiB of them. The others come with the next.
const EVENTS: usize = 1024;

/// The place of the waker among the control keys; signals follow.
const WAKER: u32 = 0;

/// The place of watched files, beyond any signal's.
const CHANGES: u32 = 1024;

/// epoll or kqueue, with a waker, signals and a reserve descriptor.
#[derive(Debug)]
pub struct MioKernel {
    poll: Poll,
    events: Events,
    waker: Waker,
    signals: Signals,
    changes: Changes,
    reserve: Option<OwnedFd>,
}

impl Reactor<MioKernel> {
    /// A reactor on the operating system's sockets. Takes three descriptors.
    pub fn new() -> Result<Reactor<MioKernel>> {
        let poll = Poll::new()?;
        let reserve = sys::reserve();
        reserve.iter().for_each(table::begin);
        let waker = mio::Waker::new(poll.registry(), control(WAKER))?;
        Ok(Reactor::with_kernel(MioKernel {
            poll,
            events: Events::with_capacity(EVENTS),
            waker: Waker::new(Some(waker)),
            signals: Signals::new(),
            changes: Changes::default(),
            reserve,
        }))
    }

    /// A descriptor that can be read from when [`Reactor::wait`] would give facts: for another loop to watch.
    pub fn pollable(&self) -> RawFd {
        self.kernel.poll.as_raw_fd()
    }
}

impl Kernel for MioKernel {
    type Stream = OsStream;
    type Listener = OsListener;
    type Datagram = OsDatagram;
    type Channel = OsChannel;

    fn poll(&mut self, timeout: Option<Duration>, edges: &mut Vec<Edge>, facts: &mut Vec<Fact>) -> Result<()> {
        let more = self.changes.more();
        let timeout = if more { Some(Duration::ZERO) } else { timeout };
        if more {
            facts.push(Fact::Changed);
        }
        match self.poll.poll(&mut self.events, timeout).map_err(Errno::from) {
            // What mio left in `events` is empty then.
            Err(Errno::EINTR) => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            let key = Key::from_bits(event.token().0 as u64);
            if key.kind() != Kind::Control {
                edges.push(Edge { key, edges: edges_of(event) });
            } else if key.index() == WAKER as usize {
                if self.waker.take() {
                    facts.push(Fact::Woken);
                }
            } else if key.index() == CHANGES as usize {
                facts.push(Fact::Changed);
            } else if let Some(signal) = self.signals.take(key.index() - 1) {
                facts.push(Fact::Signal(signal));
            }
        }
        Ok(())
    }

    fn watch_stream(&mut self, stream: &mut OsStream, key: Key) -> Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        table::note(&*stream);
        match stream {
            OsStream::Tcp(tcp) => register(self.poll.registry(), tcp, key, interest),
            OsStream::Unix(unix) => register(self.poll.registry(), unix, key, interest),
        }
    }

    fn watch_listener(&mut self, listener: &mut OsListener, key: Key) -> Result<()> {
        table::note(&*listener);
        sys::watch_listener(&self.poll, listener, token(key), false)
    }

    fn watch_shared_listener(&mut self, listener: &mut OsListener, key: Key) -> Result<()> {
        sys::watch_listener(&self.poll, listener, token(key), true)
    }

    fn watch_channel(&mut self, channel: &mut OsChannel, key: Key) -> Result<()> {
        register(self.poll.registry(), channel.source(), key, Interest::READABLE | Interest::WRITABLE)
    }

    fn adopt_channel(&mut self, fd: OwnedFd) -> Result<OsChannel> {
        OsChannel::new(fd)
    }

    fn adopt_stream(&mut self, fd: OwnedFd) -> Result<OsStream> {
        Ok(match sys::adopt(&fd, Adopted::Stream)? {
            Family::Ip => OsStream::Tcp(TcpStream::from_std(StdTcpStream::from(fd))),
            Family::Unix => OsStream::Unix(UnixStream::from_std(StdUnixStream::from(fd))),
        })
    }

    fn adopt_listener(&mut self, fd: OwnedFd) -> Result<OsListener> {
        Ok(match sys::adopt(&fd, Adopted::Listener)? {
            Family::Ip => OsListener::Tcp(TcpListener::from_std(StdTcpListener::from(fd))),
            Family::Unix => OsListener::Unix(UnixListener::from_std(StdUnixListener::from(fd)), None),
        })
    }

    fn adopt_datagram(&mut self, fd: OwnedFd) -> Result<OsDatagram> {
        match sys::adopt(&fd, Adopted::Datagram)? {
            Family::Ip => Ok(OsDatagram::from_fd(fd)),
            Family::Unix => Err(Errno::EPROTOTYPE),
        }
    }

    fn share_stream(&self, stream: &OsStream) -> Result<OwnedFd> {
        sys::duplicate(stream)
    }

    fn share_listener(&self, listener: &OsListener) -> Result<OwnedFd> {
        match listener {
            OsListener::Tcp(tcp) => sys::duplicate(tcp),
            OsListener::Unix(unix, _) => sys::duplicate(unix),
        }
    }

    fn share_datagram(&self, socket: &OsDatagram) -> Result<OwnedFd> {
        sys::duplicate(socket.fd())
    }

    fn unwatch_stream(&mut self, stream: &mut OsStream) {
        // Fails only when it is not watched, which is what is wanted.
        let _ = match stream {
            OsStream::Tcp(tcp) => self.poll.registry().deregister(tcp),
            OsStream::Unix(unix) => self.poll.registry().deregister(unix),
        };
    }

    fn unwatch_listener(&mut self, listener: &mut OsListener) {
        sys::unwatch_listener(&self.poll, listener);
    }

    fn unwatch_datagram(&mut self, socket: &mut OsDatagram) {
        let _ = self.poll.registry().deregister(socket.source());
    }

    fn accept_raw(&mut self, listener: &mut OsListener) -> Result<OwnedFd> {
        match listener {
            OsListener::Tcp(tcp) => sys::accept(&*tcp),
            OsListener::Unix(unix, _) => sys::accept(&*unix),
        }
    }

    fn watch_datagram(&mut self, socket: &mut OsDatagram, key: Key) -> Result<()> {
        table::note(socket.fd());
        register(self.poll.registry(), socket.source(), key, Interest::READABLE | Interest::WRITABLE)
    }

    fn bind_datagram(&mut self, addr: SocketAddr, options: &DatagramOptions) -> Result<OsDatagram> {
        OsDatagram::bind(addr, options)
    }

    fn listen_tcp(&mut self, addr: SocketAddr, options: &ListenOptions) -> Result<OsListener> {
        let fd = sys::listen_tcp(addr, options)?;
        Ok(OsListener::Tcp(TcpListener::from_std(StdTcpListener::from(fd))))
    }

    fn listen_unix(&mut self, path: &Path, options: &ListenOptions) -> Result<OsListener> {
        let fd = sys::listen_unix(path, options)?;
        let listener = UnixListener::from_std(StdUnixListener::from(fd));
        // A name in no folder goes with its socket.
        let is_abstract = path.as_os_str().as_encoded_bytes().starts_with(b"\0");
        Ok(OsListener::Unix(listener, (!is_abstract).then(|| UnlinkOnDrop(path.to_path_buf()))))
    }

    fn connect_tcp(
        &mut self,
        addr: SocketAddr,
        options: &ConnectOptions,
    ) -> std::result::Result<OsStream, ConnectError> {
        let fd = sys::connect_tcp(addr, options)?;
        Ok(OsStream::Tcp(TcpStream::from_std(StdTcpStream::from(fd))))
    }

    fn connect_unix(&mut self, path: &Path) -> Result<OsStream> {
        let fd = sys::connect_unix(path)?;
        Ok(OsStream::Unix(UnixStream::from_std(StdUnixStream::from(fd))))
    }

    fn watch_signal(&mut self, signal: i32) -> Result<()> {
        self.signals.watch(signal, self.poll.registry(), |at| control(WAKER + 1 + at as u32))
    }

    fn signal_ends(&self) -> Vec<(i32, Arc<dyn AsFd + Send + Sync>)> {
        self.signals.ends()
    }

    fn watch_entry(&mut self, entry: BorrowedFd<'_>) -> Result<i32> {
        self.changes.watch(entry, self.poll.registry(), control(CHANGES))
    }

    fn unwatch_entry(&mut self, watch: i32) {
        self.changes.unwatch(watch);
    }

    fn take_changes(&mut self, changes: &mut Vec<Change>) {
        self.changes.take(changes);
    }

    fn waker(&self) -> Waker {
        self.waker.clone()
    }

    fn spend_reserve(&mut self) -> bool {
        self.reserve.take().is_some()
    }

    fn refill_reserve(&mut self) {
        if self.reserve.is_none() {
            self.reserve = sys::reserve();
        }
    }
}

/// The token of one of the reactor's own resources.
fn control(index: u32) -> Token {
    token(Key::new(Kind::Control, index, 1))
}

fn token(key: Key) -> Token {
    Token(key.to_bits() as usize)
}

fn register(registry: &Registry, source: &mut impl Source, key: Key, interest: Interest) -> Result<()> {
    Ok(registry.register(source, token(key), interest)?)
}

/// A hang-up (both directions closed) is a reason to read to the end and to try to write.
fn edges_of(event: &Event) -> Edges {
    Edges {
        read: event.is_readable(),
        write: event.is_writable() || event.is_write_closed(),
        read_closed: event.is_read_closed(),
        error: event.is_error(),
    }
}

/// A connection.
#[derive(Debug)]
pub enum OsStream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a UNIX socket.
    Unix(UnixStream),
}

impl AsFd for OsStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            OsStream::Tcp(tcp) => tcp.as_fd(),
            OsStream::Unix(unix) => unix.as_fd(),
        }
    }
}

impl Socket for OsStream {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        sys::read(self, buf)
    }

    fn write(&mut self, slices: &[IoSlice<'_>]) -> Result<usize> {
        sys::write(self, slices)
    }

    fn shutdown_write(&mut self) -> Result<()> {
        Ok(rustix::net::shutdown(self, rustix::net::Shutdown::Write)?)
    }

    fn take_error(&mut self) -> Option<Errno> {
        match self {
            OsStream::Tcp(tcp) => tcp.take_error(),
            OsStream::Unix(unix) => unix.take_error(),
        }
        .map_or_else(|error| Some(error.into()), |error| error.map(Errno::from))
    }

    fn reset_on_close(&mut self) {
        sys::reset_on_close(self);
    }

    fn short_read_drains(&self) -> bool {
        matches!(self, OsStream::Tcp(_))
    }

    fn set_nodelay(&mut self, on: bool) -> Result<()> {
        match self {
            OsStream::Tcp(tcp) => Ok(tcp.set_nodelay(on)?),
            OsStream::Unix(_) => Ok(()),
        }
    }

    fn set_keepalive(&mut self, idle: Option<Duration>) -> Result<()> {
        match self {
            OsStream::Tcp(tcp) => sys::set_keepalive(tcp, idle),
            OsStream::Unix(_) => Ok(()),
        }
    }

    fn local_addr(&self) -> Result<Addr> {
        match self {
            OsStream::Tcp(tcp) => Ok(Addr::Ip(tcp.local_addr()?)),
            OsStream::Unix(_) => Ok(Addr::Unix),
        }
    }

    fn peer_addr(&self) -> Result<Addr> {
        match self {
            OsStream::Tcp(tcp) => Ok(Addr::Ip(tcp.peer_addr()?)),
            OsStream::Unix(unix) => Ok(unix.peer_addr().map(|_| Addr::Unix)?),
        }
    }
}

/// A listening socket.
#[derive(Debug)]
pub enum OsListener {
    /// Over TCP.
    Tcp(TcpListener),
    /// Over a UNIX socket, whose path goes with it where it was opened.
    Unix(UnixListener, Option<UnlinkOnDrop>),
}

impl AsFd for OsListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            OsListener::Tcp(tcp) => tcp.as_fd(),
            OsListener::Unix(unix, _) => unix.as_fd(),
        }
    }
}

impl Listening for OsListener {
    type Stream = OsStream;

    fn accept(&mut self) -> Result<(OsStream, Addr)> {
        match self {
            OsListener::Tcp(tcp) => {
                let (stream, peer) = tcp.accept()?;
                Ok((OsStream::Tcp(stream), Addr::Ip(peer)))
            }
            OsListener::Unix(unix, _) => {
                let (stream, _) = unix.accept()?;
                Ok((OsStream::Unix(stream), Addr::Unix))
            }
        }
    }

    fn local_addr(&self) -> Result<Addr> {
        match self {
            OsListener::Tcp(tcp) => Ok(Addr::Ip(tcp.local_addr()?)),
            OsListener::Unix(..) => Ok(Addr::Unix),
        }
    }
}

/// Removes a UNIX socket's path when its listener is closed, as libuv does.
#[derive(Debug)]
pub struct UnlinkOnDrop(PathBuf);

impl Drop for UnlinkOnDrop {
    fn drop(&mut self) {
        // It may be gone already, or be out of reach for a confined process: nothing to be done.
        let _ = rustix::fs::unlink(&self.0);
    }
}

//! The simulated kernel: sockets in memory, edge-triggered as the real ones are, with faults drawn
//! from a seed. For deterministic tests of the reactor and of the whole runtime.
//!
//! It must not know the bookkeeping it is there to try, nor any clock: [`SimNet::on_idle`] says that
//! time would pass, and whoever has a virtual clock moves it.
//!
//! An edge is signalled when something changes, and once: what is readable and was not read after
//! its edge is never told again. So a wake-up that the reactor loses is lost, and shows.

mod calls;
mod channel;
mod datagram;
mod end;
mod faults;
mod net;
mod peer;
mod rng;

use std::cell::RefCell;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

pub use channel::SimChannel;
pub use datagram::SimDatagram;
pub use faults::Faults;
pub use peer::{SimNet, SimPeer};
pub use rng::Rng;

use super::errno::Errno;
use super::inbox::Waker;
use super::kernel::{Edge, Kernel, Listening, Socket};
use super::key::Key;
use super::{Addr, Change, ConnectError, ConnectOptions, DatagramOptions, Fact, ListenOptions, Reactor, Result};
use net::{Net, Place, Target};

/// A reactor in the simulation.
pub type SimReactor = Reactor<SimKernel>;

/// One process's view of the simulated network.
#[derive(Debug)]
pub struct SimKernel {
    net: Rc<RefCell<Net>>,
    id: usize,
    waker: Waker,
}

impl SimKernel {
    fn new(net: Rc<RefCell<Net>>) -> SimKernel {
        let id = net.borrow_mut().add_process();
        SimKernel { net, id, waker: Waker::new(None) }
    }

    /// A descriptor of this process, or `EMFILE`.
    fn take_fd(&self) -> Result<()> {
        self.net.borrow_mut().take_fd(self.id)
    }

    fn stream(&self, end: usize) -> SimStream {
        SimStream { net: Rc::clone(&self.net), end, process: self.id }
    }

    fn listen(&mut self, place: Place, options: &ListenOptions) -> Result<SimListener> {
        self.take_fd()?;
        let port = self.net.borrow_mut().listen(place, options.backlog as usize);
        if port.is_err() {
            self.net.borrow_mut().give_fd(self.id);
        }
        Ok(SimListener { net: Rc::clone(&self.net), port: port?, process: self.id })
    }

    fn connect(&mut self, place: Place, local: Option<SocketAddr>) -> Result<SimStream> {
        self.take_fd()?;
        let end = self.net.borrow_mut().connect(place, local);
        if end.is_err() {
            self.net.borrow_mut().give_fd(self.id);
        }
        Ok(self.stream(end?))
    }
}

impl Kernel for SimKernel {
    type Stream = SimStream;
    type Listener = SimListener;
    type Datagram = SimDatagram;
    type Channel = SimChannel;

    fn poll(&mut self, timeout: Option<Duration>, edges: &mut Vec<Edge>, facts: &mut Vec<Fact>) -> Result<()> {
        let (before, told) = (edges.len(), facts.len());
        self.net.borrow_mut().gather(self.id, false, edges, facts);
        if self.waker.take() {
            facts.push(Fact::Woken);
        }
        let idle = edges.len() == before && facts.len() == told;
        if idle && timeout != Some(Duration::ZERO) {
            // A real wait would last until what is under way has come.
            self.net.borrow_mut().gather(self.id, true, edges, facts);
            if edges.len() == before && facts.len() == told {
                Net::idle(&self.net, timeout);
            }
        }
        Ok(())
    }

    fn watch_stream(&mut self, stream: &mut SimStream, key: Key) -> Result<()> {
        self.net.borrow_mut().watch(Target::End(stream.end), self.id, key);
        Ok(())
    }

    fn watch_listener(&mut self, listener: &mut SimListener, key: Key) -> Result<()> {
        self.net.borrow_mut().watch(Target::Port(listener.port), self.id, key);
        Ok(())
    }

    fn watch_datagram(&mut self, socket: &mut SimDatagram, _key: Key) -> Result<()> {
        match *socket {}
    }

    fn watch_channel(&mut self, channel: &mut SimChannel, _key: Key) -> Result<()> {
        match *channel {}
    }

    fn adopt_channel(&mut self, _fd: OwnedFd) -> Result<SimChannel> {
        Err(Errno::ENOSYS)
    }

    fn adopt_stream(&mut self, _fd: OwnedFd) -> Result<SimStream> {
        Err(Errno::ENOSYS)
    }

    fn adopt_listener(&mut self, _fd: OwnedFd) -> Result<SimListener> {
        Err(Errno::ENOSYS)
    }

    fn adopt_datagram(&mut self, _fd: OwnedFd) -> Result<SimDatagram> {
        Err(Errno::ENOSYS)
    }

    fn share_stream(&self, _stream: &SimStream) -> Result<OwnedFd> {
        Err(Errno::ENOSYS)
    }

    fn share_listener(&self, _listener: &SimListener) -> Result<OwnedFd> {
        Err(Errno::ENOSYS)
    }

    fn share_datagram(&self, socket: &SimDatagram) -> Result<OwnedFd> {
        match *socket {}
    }

    fn unwatch_stream(&mut self, _stream: &mut SimStream) {}

    fn unwatch_listener(&mut self, _listener: &mut SimListener) {}

    fn unwatch_datagram(&mut self, socket: &mut SimDatagram) {
        match *socket {}
    }

    fn accept_raw(&mut self, _listener: &mut SimListener) -> Result<OwnedFd> {
        Err(Errno::ENOSYS)
    }

    fn bind_datagram(&mut self, _addr: SocketAddr, _options: &DatagramOptions) -> Result<SimDatagram> {
        Err(Errno::ENOTSUP)
    }

    fn listen_tcp(&mut self, addr: SocketAddr, options: &ListenOptions) -> Result<SimListener> {
        self.listen(Place::Ip(addr), options)
    }

    fn listen_unix(&mut self, path: &Path, options: &ListenOptions) -> Result<SimListener> {
        self.listen(Place::Path(path.to_path_buf()), options)
    }

    fn connect_tcp(
        &mut self,
        addr: SocketAddr,
        options: &ConnectOptions,
    ) -> std::result::Result<SimStream, ConnectError> {
        Ok(self.connect(Place::Ip(addr), options.local)?)
    }

    fn connect_unix(&mut self, path: &Path) -> Result<SimStream> {
        self.connect(Place::Path(path.to_path_buf()), None)
    }

    fn watch_signal(&mut self, signal: i32) -> Result<()> {
        self.net.borrow_mut().watch_signal(self.id, signal);
        Ok(())
    }

    fn watch_entry(&mut self, _entry: BorrowedFd<'_>) -> Result<i32> {
        Err(Errno::ENOSYS)
    }

    fn unwatch_entry(&mut self, _watch: i32) {}

    fn take_changes(&mut self, _changes: &mut Vec<Change>) {}

    fn waker(&self) -> Waker {
        self.waker.clone()
    }

    fn spend_reserve(&mut self) -> bool {
        self.net.borrow_mut().spend_reserve(self.id)
    }

    fn refill_reserve(&mut self) {
        self.net.borrow_mut().refill_reserve(self.id);
    }
}

/// A simulated connection, as the reactor holds it.
#[derive(Debug)]
pub struct SimStream {
    net: Rc<RefCell<Net>>,
    end: usize,
    process: usize,
}

impl Socket for SimStream {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        self.net.borrow_mut().read(self.end, buf)
    }

    fn write(&mut self, slices: &[IoSlice<'_>]) -> Result<usize> {
        self.net.borrow_mut().write(self.end, slices)
    }

    fn shutdown_write(&mut self) -> Result<()> {
        self.net.borrow_mut().shutdown(self.end)
    }

    fn take_error(&mut self) -> Option<Errno> {
        self.net.borrow_mut().end_mut(self.end).error.take()
    }

    fn reset_on_close(&mut self) {
        self.net.borrow_mut().end_mut(self.end).reset_on_close = true;
    }

    fn short_read_drains(&self) -> bool {
        !self.net.borrow_mut().end_mut(self.end).unix
    }

    fn set_nodelay(&mut self, _on: bool) -> Result<()> {
        Ok(())
    }

    fn set_keepalive(&mut self, _idle: Option<Duration>) -> Result<()> {
        Ok(())
    }

    fn local_addr(&self) -> Result<Addr> {
        Ok(self.net.borrow_mut().end_mut(self.end).local)
    }

    fn peer_addr(&self) -> Result<Addr> {
        self.net.borrow_mut().end_mut(self.end).connected_to()
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        let mut net = self.net.borrow_mut();
        net.close(self.end);
        net.give_fd(self.process);
    }
}

/// A simulated listener, as the reactor holds it.
#[derive(Debug)]
pub struct SimListener {
    net: Rc<RefCell<Net>>,
    port: usize,
    process: usize,
}

impl Listening for SimListener {
    type Stream = SimStream;

    fn accept(&mut self) -> Result<(SimStream, Addr)> {
        let (end, peer) = self.net.borrow_mut().accept(self.port, self.process)?;
        Ok((SimStream { net: Rc::clone(&self.net), end, process: self.process }, peer))
    }

    fn local_addr(&self) -> Result<Addr> {
        Ok(self.net.borrow().port_addr(self.port))
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let mut net = self.net.borrow_mut();
        net.close_port(self.port);
        net.give_fd(self.process);
    }
}

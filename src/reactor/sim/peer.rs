//! The test's side of the simulated network: the network as a whole, and peers, which are the other
//! ends of the reactor's connections.
//!
//! It must not know the reactor's keys. A peer sees the bytes at once: lateness and cuts are for the
//! side under test.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::super::errno::Errno;
use super::super::{Addr, Reactor, Result};
use super::faults::Faults;
use super::net::{Net, Place};
use super::{Rng, SimKernel};

/// A simulated network. Clones are the same network.
#[derive(Clone, Debug)]
pub struct SimNet {
    net: Rc<RefCell<Net>>,
}

impl SimNet {
    /// A network whose dice start from `seed`, without faults.
    pub fn new(seed: u64) -> SimNet {
        SimNet { net: Rc::new(RefCell::new(Net::new(seed))) }
    }

    /// A reactor of a new process on this network. Several can talk to each other.
    pub fn reactor(&self) -> Reactor<SimKernel> {
        Reactor::with_kernel(SimKernel::new(Rc::clone(&self.net)))
    }

    /// Sets what goes wrong from now on.
    pub fn faults(&self, faults: Faults) {
        self.net.borrow_mut().faults = faults;
    }

    /// Called when a wait finds nothing and nothing is under way, with the wait's timeout: the place
    /// to move a virtual clock. A wait without timeout that comes here would last for ever.
    pub fn on_idle(&self, hook: impl FnMut(Option<Duration>) + 'static) {
        self.net.borrow_mut().on_idle = Some(Box::new(hook));
    }

    /// How often a wait found nothing and nothing under way.
    pub fn idles(&self) -> u64 {
        self.net.borrow().idles
    }

    /// Connects to a listener, as a client from outside. `ECONNREFUSED` if nobody listens there or
    /// its queue is full.
    pub fn connect(&self, addr: SocketAddr) -> Result<SimPeer> {
        self.peer(Place::Ip(addr))
    }

    /// The same by path; `ENOENT` if nobody listens there.
    pub fn connect_unix(&self, path: &Path) -> Result<SimPeer> {
        self.peer(Place::Path(path.to_path_buf()))
    }

    fn peer(&self, place: Place) -> Result<SimPeer> {
        let end = self.net.borrow_mut().connect_now(&place)?;
        Ok(SimPeer { net: Rc::clone(&self.net), end })
    }

    /// A server of the outside world: connections to `addr` succeed, [`accept_at`](SimNet::accept_at)
    /// gives them. Any other address without a listener refuses.
    pub fn serve(&self, addr: SocketAddr) {
        self.net.borrow_mut().served.entry(addr).or_default();
    }

    /// The next connection that has come to a served address.
    pub fn accept_at(&self, addr: SocketAddr) -> Option<SimPeer> {
        let end = self.net.borrow_mut().served.get_mut(&addr)?.pop_front()?;
        Some(SimPeer { net: Rc::clone(&self.net), end })
    }

    /// An address that never answers.
    pub fn silence(&self, addr: SocketAddr) {
        self.net.borrow_mut().silent.push(addr);
    }

    /// Raises a signal in every process that watches it.
    pub fn raise(&self, signal: i32) {
        self.net.borrow_mut().raise(signal);
    }

    /// Limits the descriptors of a process (they are numbered in order of their reactors, from 0):
    /// `EMFILE` beyond.
    pub fn limit_fds(&self, process: usize, limit: usize) {
        self.net.borrow_mut().limit_fds(process, limit);
    }

    /// The descriptors a process holds, its reserve included.
    pub fn fds(&self, process: usize) -> usize {
        self.net.borrow().fds(process)
    }

    /// A number below `bound` from the network's dice, so that one seed decides everything.
    pub fn dice(&self, bound: usize) -> usize {
        self.net.borrow_mut().rng.below(bound)
    }

    /// Dice of their own, drawn from the network's.
    pub fn fork_dice(&self) -> Rng {
        Rng::new(self.net.borrow_mut().rng.draw())
    }
}

/// The other end of one of the reactor's connections. Dropping it closes it.
#[derive(Debug)]
pub struct SimPeer {
    net: Rc<RefCell<Net>>,
    end: usize,
}

impl SimPeer {
    /// Sends bytes, however many: the network takes them all. `EPIPE` or `ECONNRESET` when the
    /// connection is dead.
    pub fn send(&self, bytes: &[u8]) -> Result<()> {
        self.net.borrow_mut().push(self.end, bytes)
    }

    /// Takes all that the reactor's side has written so far.
    pub fn read_all(&self) -> Vec<u8> {
        self.read(usize::MAX)
    }

    /// Takes at most `max` bytes of it.
    pub fn read(&self, max: usize) -> Vec<u8> {
        let mut net = self.net.borrow_mut();
        let end = net.end_mut(self.end);
        let count = end.bytes.len().min(max);
        let bytes: Vec<u8> = end.bytes.drain(..count).collect();
        end.arrived = 0;
        if count > 0 {
            net.made_room(self.end);
        }
        bytes
    }

    /// How many bytes are taken before the writer has to wait; 0 stops it (a zero window).
    pub fn set_window(&self, bytes: usize) {
        let mut net = self.net.borrow_mut();
        net.end_mut(self.end).window = bytes;
        net.made_room(self.end);
    }

    /// Sends FIN; reading goes on.
    pub fn shutdown(&self) -> Result<()> {
        self.net.borrow_mut().shutdown(self.end)
    }

    /// Resets the connection.
    pub fn reset(self) {
        self.net.borrow_mut().end_mut(self.end).reset_on_close = true;
    }

    /// Closes it: FIN, or a reset if something is left unread.
    pub fn close(self) {}

    /// Whether the reactor's side has sent FIN and all before it was taken.
    pub fn saw_end(&self) -> bool {
        let mut net = self.net.borrow_mut();
        let end = net.end_mut(self.end);
        end.fin && end.bytes.is_empty()
    }

    /// What the connection died of, if it was reset.
    pub fn saw_reset(&self) -> Option<Errno> {
        let mut net = self.net.borrow_mut();
        let end = net.end_mut(self.end);
        end.dead.then(|| end.error.unwrap_or(Errno::ECONNRESET))
    }

    /// Its own address.
    pub fn local_addr(&self) -> Addr {
        self.net.borrow_mut().end_mut(self.end).local
    }
}

impl Drop for SimPeer {
    fn drop(&mut self) {
        self.net.borrow_mut().close(self.end);
    }
}

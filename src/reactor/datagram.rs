//! Datagram: sockets that send and receive whole messages, and what waits to be sent on them.
//!
//! It must not know what a message means. Each operation is tried at once; what the kernel does not take waits in order,
//! and is told with [`Fact::Sent`] when it has gone. A message that nobody reads is the kernel's to drop.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::errno::Errno;
use super::kernel::{DatagramSocket, Kernel};
use super::key::Key;
use super::readiness::{Edges, Readiness};
use super::{Fact, Reactor, Result};

/// After so much of what the system keeps messages in it is asked whether it had room for all: a small part of what a socket's queue
/// holds when it overflows, and many messages for one question.
const LOOK_AFTER: usize = 32 << 10;

/// What the least message takes of it.
const LEAST: usize = 768;

/// How to open a datagram socket.
#[derive(Clone, Copy, Debug, Default)]
pub struct DatagramOptions {
    /// On an IPv6 address: no IPv4.
    pub ipv6_only: bool,
    /// SO_REUSEADDR: several sockets may have the address, for multicast.
    pub reuse_address: bool,
}

/// What can be set on a datagram socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramOption {
    Broadcast(bool),
    Ttl(u32),
    MulticastTtl(u32),
    MulticastLoop(bool),
    RecvBuffer(u32),
    SendBuffer(u32),
}

/// State of one socket.
#[derive(Debug)]
pub(super) struct Datagram<S> {
    socket: S,
    ready: Readiness,
    queue: VecDeque<(Option<SocketAddr>, Vec<u8>)>,
    /// What was received since the system was asked what was lost, and what it said then.
    taken: usize,
    lost: u32,
    /// Another process has it too.
    pub(super) shared: bool,
}

impl<S> Datagram<S> {
    pub(super) fn socket(&self) -> &S {
        &self.socket
    }
}

impl<S: DatagramSocket> Datagram<S> {
    /// What it has lost until now is nobody's here.
    pub fn forget_lost(&mut self) {
        self.lost = self.socket.lost().unwrap_or(0);
    }
}

impl<K: Kernel> Reactor<K> {
    /// Opens a socket with this address. Errors: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, `EMFILE`.
    pub fn bind_datagram(&mut self, addr: SocketAddr, options: &DatagramOptions) -> Result<Key> {
        let socket = self.kernel.bind_datagram(addr, options)?;
        self.add_datagram(socket)
    }

    /// Registers a socket with the kernel and gives it its key.
    pub(super) fn add_datagram(&mut self, socket: K::Datagram) -> Result<Key> {
        let key = self.datagrams.insert(Datagram {
            socket,
            ready: Readiness::connected(),
            queue: VecDeque::new(),
            taken: 0,
            lost: 0,
            shared: false,
        });
        let datagram = self.datagrams.get_mut(key).expect("just inserted");
        if let Err(error) = self.kernel.watch_datagram(&mut datagram.socket, key) {
            self.datagrams.remove(key);
            return Err(error);
        }
        Ok(key)
    }

    /// The next message and who sent it; `None` when there is none: [`Fact::Readable`] will tell.
    pub fn receive(&mut self, key: Key, buf: &mut [u8]) -> Result<Option<(usize, SocketAddr)>> {
        let datagram = self.datagrams.get_mut(key).ok_or(Errno::EBADF)?;
        loop {
            match datagram.socket.receive(buf) {
                Ok(message) => {
                    datagram.taken = datagram.taken.saturating_add(message.0.max(LEAST));
                    return Ok(Some(message));
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    datagram.ready.read_blocked();
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Messages that the system had no room for, since this was last asked. It is looked at when enough was received to
    /// matter; `now`: in any case.
    pub fn take_lost(&mut self, key: Key, now: bool) -> u32 {
        let Some(datagram) = self.datagrams.get_mut(key) else { return 0 };
        if datagram.taken < if now { 1 } else { LOOK_AFTER } {
            return 0;
        }
        datagram.taken = 0;
        let Some(lost) = datagram.socket.lost() else { return 0 };
        lost.wrapping_sub(std::mem::replace(&mut datagram.lost, lost))
    }

    /// Sends a message, or queues it when the kernel has no room (`Ok(false)`): [`Fact::Sent`] follows then.
    pub fn send_datagram(&mut self, key: Key, to: Option<SocketAddr>, bytes: &[u8]) -> Result<bool> {
        let datagram = self.datagrams.get_mut(key).ok_or(Errno::EBADF)?;
        if datagram.queue.is_empty() && datagram.ready.may_write() {
            match try_send(&mut datagram.socket, to, bytes) {
                Err(Errno::EAGAIN) => datagram.ready.write_blocked(),
                other => return other.map(|()| true),
            }
        }
        datagram.queue.push_back((to, bytes.to_vec()));
        Ok(false)
    }

    /// Has the socket send to, and receive from, this address only; `None` takes that back.
    pub fn connect_datagram(&mut self, key: Key, to: Option<SocketAddr>) -> Result<()> {
        self.datagrams.get_mut(key).ok_or(Errno::EBADF)?.socket.connect(to)
    }

    /// Sets an option.
    pub fn set_datagram(&mut self, key: Key, option: DatagramOption) -> Result<()> {
        self.datagrams.get_mut(key).ok_or(Errno::EBADF)?.socket.set(option)
    }

    /// Joins a multicast group on an interface (an IPv4 address, or an IPv6 index), or leaves it.
    pub fn member_datagram(
        &mut self,
        key: Key,
        group: std::net::IpAddr,
        interface: Interface,
        join: bool,
    ) -> Result<()> {
        self.datagrams.get_mut(key).ok_or(Errno::EBADF)?.socket.member(group, interface, join)
    }

    /// Its own address.
    pub fn datagram_addr(&self, key: Key) -> Result<SocketAddr> {
        self.datagrams.get(key).ok_or(Errno::EBADF)?.socket.local_addr()
    }

    /// Reads no more until [`Reactor::resume_datagram`]; the kernel keeps what comes, as far as it has room.
    pub fn pause_datagram(&mut self, key: Key) -> Result<()> {
        self.datagrams.get_mut(key).ok_or(Errno::EBADF)?.ready.pause();
        Ok(())
    }

    /// Reads again.
    pub fn resume_datagram(&mut self, key: Key) -> Result<()> {
        let datagram = self.datagrams.get_mut(key).ok_or(Errno::EBADF)?;
        datagram.ready.resume();
        if datagram.ready.enqueue() {
            self.readable_datagrams.push_back(key);
        }
        Ok(())
    }

    /// Closes it; what waits to be sent is dropped.
    pub fn close_datagram(&mut self, key: Key) -> Result<()> {
        let mut datagram = self.datagrams.remove(key).ok_or(Errno::EBADF)?;
        if datagram.shared {
            self.kernel.unwatch_datagram(&mut datagram.socket);
        }
        Ok(())
    }

    /// Takes in an edge.
    pub(super) fn datagram_signalled(&mut self, key: Key, edges: Edges, facts: &mut Vec<Fact>) {
        let Some(datagram) = self.datagrams.get_mut(key) else { return };
        // An error is one of the messages to come: there is no end to read.
        datagram.ready.signalled(Edges { read: edges.read || edges.error, write: edges.write, ..Edges::default() });
        while datagram.ready.may_write()
            && let Some((to, bytes)) = datagram.queue.front()
        {
            match try_send(&mut datagram.socket, *to, bytes) {
                Err(Errno::EAGAIN) => datagram.ready.write_blocked(),
                result => {
                    facts.push(Fact::Sent { key, bytes: bytes.len(), result });
                    datagram.queue.pop_front();
                }
            }
        }
        if datagram.ready.enqueue() {
            self.readable_datagrams.push_back(key);
        }
    }

    /// Tells of sockets with messages, each once a wait; those read to the end leave the list.
    pub(super) fn tell_readable_datagrams(&mut self, facts: &mut Vec<Fact>) {
        for _ in 0..self.readable_datagrams.len() {
            let key = self.readable_datagrams.pop_front().expect("counted");
            let Some(datagram) = self.datagrams.get_mut(key) else { continue };
            if !datagram.ready.dequeue() {
                facts.push(Fact::Readable(key));
                self.readable_datagrams.push_back(key);
            }
        }
    }

    /// Takes from the list what has nothing more to do.
    pub(super) fn settle_datagrams(&mut self) {
        let datagrams = &mut self.datagrams;
        self.readable_datagrams.retain(|&key| datagrams.get_mut(key).is_some_and(|datagram| !datagram.ready.dequeue()));
    }
}

/// Where a multicast group is joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// Its IPv4 address; the unspecified one leaves the choice to the system.
    Address(std::net::Ipv4Addr),
    /// Its number; 0 leaves the choice to the system.
    Index(u32),
}

fn try_send(socket: &mut impl DatagramSocket, to: Option<SocketAddr>, bytes: &[u8]) -> Result<()> {
    loop {
        match socket.send(bytes, to) {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

//! What travels with a message: a stream, a listener, a UDP socket. It leaves here deregistered, after the bytes that were
//! to be written on it; it arrives as a handle of the guest's own. It must not know why it is sent.
use super::super::datagrams::Datagram;
use super::super::listeners::{Listener, errno};
use super::super::seat::Resource;
use super::super::streams::Stream;
use super::super::{Hall, Owner};
use crate::guest::{Ends, Handle, Kind};
use crate::proto::ipc::Fault;
use crate::reactor::{Addr, Kernel, Key, process};
use crate::time::Clock;
use skep_abi::{ListenOptions, attached, events};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// One thing on its way out.
pub(super) struct Attach {
    /// One of the constants `attached`.
    pub kind: u32,
    what: What,
}

enum What {
    /// It goes for good: the place in the hall's table, and the handle that must still lead there.
    Stream { guest: u32, handle: Handle },
    /// A copy, or what has left the tables already.
    Ready(OwnedFd),
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// What stands behind the handle, to be sent. A stream that goes for good stays until its bytes are out.
    pub(super) fn attached(&mut self, guest: u32, handle: Handle, keep: bool) -> Option<Attach> {
        if let Resource::Conn(index) = self.seats[guest as usize].resource(handle) {
            return self.attach_conn(guest, index);
        }
        let (kind, fd) = match self.seats[guest as usize].resource(handle) {
            Resource::Stream(index) if keep => {
                (attached::STREAM, self.reactor.share(self.streams[index as usize].key).ok()?)
            }
            Resource::Stream(_) => {
                return Some(Attach { kind: attached::STREAM, what: What::Stream { guest, handle } });
            }
            Resource::Listener(index) => {
                let fd = self.reactor.share(self.listeners[index as usize].key?).ok()?;
                if !keep {
                    self.close_listener(index);
                }
                (attached::LISTENER, fd)
            }
            Resource::Datagram(index) => {
                let fd = self.reactor.share(self.datagrams[index as usize].key).ok()?;
                if keep {
                    self.datagrams[index as usize].shared = true;
                } else {
                    self.lose_datagram(index, None);
                }
                (attached::DATAGRAM, fd)
            }
            _ => return None,
        };
        Some(Attach { kind, what: What::Ready(fd) })
    }

    /// An HTTP connection leaves HTTP and goes for good.
    fn attach_conn(&mut self, guest: u32, index: u32) -> Option<Attach> {
        let handle = self.conn_into_stream(index)?;
        Some(Attach { kind: attached::STREAM, what: What::Stream { guest, handle } })
    }

    /// Whether bytes are to be written on it first.
    pub(super) fn goes_later(&self, attach: &Attach) -> bool {
        match &attach.what {
            What::Stream { guest, handle } => {
                let place = self.seats.get(*guest as usize).map(|seat| seat.resource_of(*handle));
                match place {
                    Some(Resource::Stream(index)) => {
                        let key = self.streams[index as usize].key;
                        self.reactor.pending_out(key).is_ok_and(|pending| pending > 0)
                    }
                    _ => false,
                }
            }
            What::Ready(_) => false,
        }
    }

    /// The descriptor; what goes for good is gone here. None when it has been lost meanwhile.
    pub(super) fn detach(&mut self, attach: &Attach) -> Option<OwnedFd> {
        match &attach.what {
            What::Ready(fd) => process::duplicate(fd).ok(),
            What::Stream { guest, handle } => {
                let Resource::Stream(index) = self.seats.get(*guest as usize)?.resource_of(*handle) else {
                    return None;
                };
                let fd = self.reactor.share(self.streams[index as usize].key).ok();
                self.lose_stream(index, None);
                fd
            }
        }
    }

    /// What came with a message becomes a handle of the guest's; none when it has no room for one.
    pub(super) fn take_attached(&mut self, guest: u32, kind: u64, fd: OwnedFd) -> Result<Option<(u64, u32)>, Fault> {
        let (handle, kind) = match u32::try_from(kind) {
            Ok(attached::STREAM) => (self.take_stream(guest, fd)?, attached::STREAM),
            Ok(attached::LISTENER) => (self.take_listener(guest, fd)?, attached::LISTENER),
            Ok(attached::DATAGRAM) => (self.take_datagram(guest, fd)?, attached::DATAGRAM),
            _ => return Err(Fault::OutOfPlace),
        };
        Ok(handle.map(|handle| (handle.raw(), kind)))
    }

    /// A socket that the process was given becomes the stream that the guest has a handle for already.
    pub(in crate::runtime) fn open_given(&mut self, guest: u32, handle: Handle, socket: &OwnedFd) {
        let adopted = process::duplicate(socket).and_then(|fd| self.reactor.adopt_stream(fd, false));
        match adopted {
            Ok(key) => {
                let index = self.streams.vacant_key() as u32;
                self.seats[guest as usize].bind(handle, Resource::Stream(index));
                self.seat_stream(guest, handle, key);
            }
            Err(error) => {
                let seat = &mut self.seats[guest as usize];
                seat.revoke(handle);
                seat.tell(events::STREAM_CLOSED, Some(handle), errno(error), &[]);
            }
        }
    }

    fn take_stream(&mut self, guest: u32, fd: OwnedFd) -> Result<Option<Handle>, Fault> {
        let key = self.reactor.adopt_stream(fd, false).map_err(|_| Fault::UnexpectedDescriptor)?;
        let index = self.streams.vacant_key() as u32;
        let Some(handle) = self.give(guest, Kind::Stream, Resource::Stream(index)) else {
            let _gone = self.reactor.reset(key);
            return Ok(None);
        };
        self.seat_stream(guest, handle, key);
        Ok(Some(handle))
    }

    /// A stream that came from elsewhere, whose handle leads to the vacant place, is not read before its guest asks.
    fn seat_stream(&mut self, guest: u32, handle: Handle, key: Key) {
        let local = match self.reactor.local_addr(key) {
            Ok(Addr::Ip(local)) => Some(local),
            _ => None,
        };
        let peer = match (self.reactor.peer_addr(key), local) {
            (Ok(peer), _) => peer,
            // It is over already, which reading will show.
            (Err(_), Some(local)) => Addr::Ip(SocketAddr::new(local.ip(), 0)),
            (Err(_), None) => Addr::Unix,
        };
        let mut stream = Stream::new(guest, handle, key, None);
        stream.credit = 0;
        self.adopt_stream(stream, local, peer);
    }

    fn take_listener(&mut self, guest: u32, fd: OwnedFd) -> Result<Option<Handle>, Fault> {
        let key = self.reactor.adopt_listener(fd).map_err(|_| Fault::UnexpectedDescriptor)?;
        let state = self.seats[guest as usize].guest.state_mut();
        let room = state.listeners < state.limits.listeners;
        let index = self.listeners.vacant_key() as u32;
        let handle = if room { self.give(guest, Kind::Listener, Resource::Listener(index)) } else { None };
        let Some(handle) = handle else {
            let _gone = self.reactor.close(key);
            return Ok(None);
        };
        // Until the guest has said how it wants them, connections stay in the kernel.
        let _fresh = self.reactor.pause(key);
        let local = match self.reactor.local_addr(key) {
            Ok(Addr::Ip(local)) => Some(local),
            _ => None,
        };
        let options = ListenOptions::default();
        let limits = self.decoder_limits(guest, &options);
        let listener =
            Listener { rests: true, joint: true, ..Listener::new(guest, handle, Some(key), options, limits) };
        self.listeners.insert(Listener { local, ..listener });
        self.owners.set(key, Owner::Listener(index));
        let state = self.seats[guest as usize].guest.state_mut();
        state.listeners += 1;
        let ends = match local {
            Some(local) => Ends::Tcp { local, peer: None },
            None => Ends::Unix { local: String::new() },
        };
        state.ends.insert(handle, ends);
        Ok(Some(handle))
    }

    fn take_datagram(&mut self, guest: u32, fd: OwnedFd) -> Result<Option<Handle>, Fault> {
        let key = self.reactor.adopt_datagram(fd).map_err(|_| Fault::UnexpectedDescriptor)?;
        let index = self.datagrams.vacant_key() as u32;
        let Some(handle) = self.give(guest, Kind::Datagram, Resource::Datagram(index)) else {
            let _gone = self.reactor.close_datagram(key);
            return Ok(None);
        };
        let mut datagram = Datagram::new(guest, handle, key);
        datagram.shared = true;
        self.datagrams.insert(datagram);
        self.owners.set(key, Owner::Datagram(index));
        if let Ok(local) = self.reactor.datagram_addr(key) {
            let ends = Ends::Tcp { local, peer: None };
            self.seats[guest as usize].guest.state_mut().ends.insert(handle, ends);
        }
        Ok(Some(handle))
    }
}

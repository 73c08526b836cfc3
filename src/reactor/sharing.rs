//! Sharing: sockets that come from another process, and those that go there.
//!
//! It must not know how they travel. A socket that another process has too is taken off the kernel's list before it is
//! closed: as long as it is open anywhere the kernel would go on telling of it, and not take another of its number.

use std::os::fd::OwnedFd;

use super::errno::Errno;
use super::kernel::Kernel;
use super::key::Key;
use super::stream::Stream;
use super::{Kind, Reactor, Result};

impl<K: Kernel> Reactor<K> {
    /// Takes in a connection. `ENOTSOCK` or `EPROTOTYPE` when the descriptor is none. `alone`: no other process is going
    /// to have it for long.
    pub fn adopt_stream(&mut self, fd: OwnedFd, alone: bool) -> Result<Key> {
        let socket = self.kernel.adopt_stream(fd)?;
        let key = self.add_stream(Stream::accepted(socket))?;
        if !alone {
            self.streams.get_mut(key).expect("just added").shared = true;
        }
        Ok(key)
    }

    /// Takes in a listener. When it is closed its path, if it has one, stays.
    pub fn adopt_listener(&mut self, fd: OwnedFd) -> Result<Key> {
        let socket = self.kernel.adopt_listener(fd)?;
        self.add_listener(socket, true)
    }

    /// Takes in a datagram socket.
    pub fn adopt_datagram(&mut self, fd: OwnedFd) -> Result<Key> {
        let socket = self.kernel.adopt_datagram(fd)?;
        let key = self.add_datagram(socket)?;
        let datagram = self.datagrams.get_mut(key).expect("just added");
        datagram.shared = true;
        // What it lost before it came here is not ours.
        datagram.forget_lost();
        Ok(key)
    }

    /// Another descriptor of what the key names, to be sent elsewhere. It stays open here until it is closed here. `ENOTSUP`
    /// for a stream with TLS: nobody else could make sense of its bytes. A stream's may be the one in reserve: who closes the stream
    /// next has it [kept](Reactor::keep_reserve) again.
    pub fn share(&mut self, key: Key) -> Result<OwnedFd> {
        match key.kind() {
            Kind::Stream => {
                let stream = self.streams.get_mut(key).ok_or(Errno::EBADF)?;
                if stream.veil.is_some() {
                    return Err(Errno::ENOTSUP);
                }
                stream.shared = true;
                match self.kernel.share_stream(stream.socket()) {
                    Err(Errno::EMFILE | Errno::ENFILE) if self.kernel.spend_reserve() => {
                        self.kernel.share_stream(stream.socket())
                    }
                    shared => shared,
                }
            }
            Kind::Listener => {
                let listener = self.listeners.get_mut(key).ok_or(Errno::EBADF)?;
                listener.shared = true;
                let fd = self.kernel.share_listener(listener.socket())?;
                self.settle_watch(key)?;
                Ok(fd)
            }
            Kind::Datagram => {
                let datagram = self.datagrams.get_mut(key).ok_or(Errno::EBADF)?;
                datagram.shared = true;
                self.kernel.share_datagram(datagram.socket())
            }
            _ => Err(Errno::EBADF),
        }
    }

    /// Holds a descriptor in reserve again, where none is held.
    pub fn keep_reserve(&mut self) {
        self.kernel.refill_reserve();
    }
}

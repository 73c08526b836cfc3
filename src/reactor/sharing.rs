//! Sharing: sockets that come from another process, and those that go there.
//!
//! It must not know how they travel. A socket that leaves is taken off the kernel's list first: as long as another process
//! has it open the kernel would go on telling of it.

use std::os::fd::OwnedFd;

use super::errno::Errno;
use super::kernel::Kernel;
use super::key::Key;
use super::stream::Stream;
use super::{Kind, Reactor, Result};

impl<K: Kernel> Reactor<K> {
    /// Takes in a connection. `ENOTSOCK` or `EPROTOTYPE` when the descriptor is none.
    pub fn adopt_stream(&mut self, fd: OwnedFd) -> Result<Key> {
        let socket = self.kernel.adopt_stream(fd)?;
        self.add_stream(Stream::accepted(socket))
    }

    /// Takes in a listener. When it is closed its path, if it has one, stays.
    pub fn adopt_listener(&mut self, fd: OwnedFd) -> Result<Key> {
        let socket = self.kernel.adopt_listener(fd)?;
        self.add_listener(socket)
    }

    /// Takes in a datagram socket.
    pub fn adopt_datagram(&mut self, fd: OwnedFd) -> Result<Key> {
        let socket = self.kernel.adopt_datagram(fd)?;
        self.add_datagram(socket)
    }

    /// Another descriptor of what the key names, to be sent elsewhere. It stays open here.
    pub fn share(&mut self, key: Key) -> Result<OwnedFd> {
        self.shared(key, false)
    }

    /// The same, and it is closed here; what was to be written on it and is not yet is dropped: see
    /// [`Reactor::pending_out`].
    pub fn release(&mut self, key: Key) -> Result<OwnedFd> {
        let fd = self.shared(key, true)?;
        match key.kind() {
            Kind::Datagram => self.close_datagram(key)?,
            Kind::Listener => drop(self.listeners.remove(key)),
            _ => self.forget(key),
        }
        Ok(fd)
    }

    fn shared(&mut self, key: Key, last: bool) -> Result<OwnedFd> {
        match key.kind() {
            Kind::Stream => {
                let stream = self.streams.get_mut(key).ok_or(Errno::EBADF)?;
                self.kernel.share_stream(stream.socket_mut(), last)
            }
            Kind::Listener => {
                let listener = self.listeners.get_mut(key).ok_or(Errno::EBADF)?;
                self.kernel.share_listener(listener.socket_mut(), last)
            }
            Kind::Datagram => {
                let datagram = self.datagrams.get_mut(key).ok_or(Errno::EBADF)?;
                self.kernel.share_datagram(datagram.socket_mut(), last)
            }
            _ => Err(Errno::EBADF),
        }
    }
}

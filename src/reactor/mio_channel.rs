//! The operating system's channels: UNIX stream sockets that carry descriptors, by mio. It must not know frames nor the
//! bookkeeping of readiness.

use std::io::IoSlice;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as StdUnixStream;

use mio::event::Source;
use mio::net::UnixStream;

use super::kernel::ChannelSocket;
use super::sys::{self, Adopted, Family};
use super::{Errno, Result};

/// One end of a pair.
#[derive(Debug)]
pub struct OsChannel(UnixStream);

impl OsChannel {
    pub(super) fn new(fd: OwnedFd) -> Result<OsChannel> {
        match sys::adopt(&fd, Adopted::Stream)? {
            Family::Unix => Ok(OsChannel(UnixStream::from_std(StdUnixStream::from(fd)))),
            Family::Ip => Err(Errno::EPROTOTYPE),
        }
    }

    /// For registering.
    pub(super) fn source(&mut self) -> &mut impl Source {
        &mut self.0
    }
}

impl ChannelSocket for OsChannel {
    fn receive(&mut self, buf: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<usize> {
        sys::receive_with_fds(&self.0, buf, fds)
    }

    fn send(&mut self, slices: &[IoSlice<'_>], fd: Option<BorrowedFd<'_>>) -> Result<usize> {
        sys::send_with_fd(&self.0, slices, fd)
    }
}

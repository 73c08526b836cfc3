//! Channels of the simulated kernel: it has one process only, so there are none, and that shows in the type. It must not
//! know anything.

use std::io::IoSlice;
use std::os::fd::{BorrowedFd, OwnedFd};

use super::super::Result;
use super::super::kernel::ChannelSocket;

/// A simulated channel: opening one is refused.
#[derive(Debug)]
pub enum SimChannel {}

impl ChannelSocket for SimChannel {
    fn receive(&mut self, _buf: &mut [u8], _fds: &mut Vec<OwnedFd>) -> Result<usize> {
        match *self {}
    }

    fn send(&mut self, _slices: &[IoSlice<'_>], _fd: Option<BorrowedFd<'_>>) -> Result<usize> {
        match *self {}
    }
}

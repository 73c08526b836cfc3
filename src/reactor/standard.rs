//! Standard output and error, without blocking: what does not go out now is the caller's to keep. It
//! must not know who writes there.
//!
//! The descriptors are shared with the shell and other programs, so they are never made non-blocking;
//! instead the kernel is asked first, and no more is written than it says it takes.
use super::sys;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::BorrowedFd;
use rustix::fs::FileType;
use rustix::io::Errno;
use std::io;

/// Bytes that a pipe which polls as writable takes without blocking (POSIX's least PIPE_BUF is 512;
/// Linux and macOS have 4096 and 512).
const PIPE_TAKES: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// The two standard outputs.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardStreams;

impl StandardStreams {
    /// Writes what `fd` (1 or 2) takes now; 0 when it would block.
    pub fn write(&mut self, fd: u8, bytes: &[u8]) -> io::Result<usize> {
        let fd = descriptor(fd);
        let most = match rustix::fs::fstat(fd) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => bytes.len(),
            Ok(_) if !ready(fd, &Timespec { tv_sec: 0, tv_nsec: 0 }) => return Ok(0),
            Ok(_) => bytes.len().min(PIPE_TAKES),
            Err(error) => return Err(error.into()),
        };
        match rustix::io::write(fd, &bytes[..most]) {
            Ok(count) => Ok(count),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Columns and rows of the terminal that `fd` is.
    pub fn window(&self, fd: u8) -> Option<(u16, u16)> {
        sys::window(descriptor(fd))
    }

    /// Waits until `fd` takes more, or a while: the caller may have other things to look after.
    pub fn wait(&mut self, fd: u8) {
        ready(descriptor(fd), &Timespec { tv_sec: 0, tv_nsec: 50_000_000 });
    }
}

fn ready(fd: BorrowedFd<'_>, timeout: &Timespec) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    matches!(poll(&mut fds, Some(timeout)), Ok(1..)) && !fds[0].revents().is_empty()
}

fn descriptor(fd: u8) -> BorrowedFd<'static> {
    if fd == 2 { rustix::stdio::stderr() } else { rustix::stdio::stdout() }
}

//! Channel: bytes and descriptors both ways between two processes, and what waits to be sent.
//!
//! It must not know frames: what is sent in one call stays together only in that its descriptor travels with its first
//! byte. The receiver sees bytes, and descriptors in their order.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::{AsFd as _, OwnedFd};

use super::errno::Errno;
use super::kernel::{ChannelSocket, Kernel};
use super::key::Key;
use super::readiness::{Edges, Readiness};
use super::{Fact, Reactor, Read, Result};

/// Parcels in one system call.
const SLICES: usize = 16;

/// System calls that one flush makes for one channel: bounds the turn.
const WRITES: usize = 64;

/// State of one channel.
#[derive(Debug)]
pub(super) struct Channel<S> {
    socket: S,
    ready: Readiness,
    queue: VecDeque<Parcel>,
    pending: usize,
    broken: bool,
}

#[derive(Debug)]
struct Parcel {
    bytes: Vec<u8>,
    /// How much of it is written.
    at: usize,
    fd: Option<OwnedFd>,
}

impl<S: ChannelSocket> Channel<S> {
    /// One system call: the first parcel with its descriptor, and those after it that have none.
    fn write(&mut self) -> Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for parcel in self.queue.iter().take(SLICES) {
            if count > 0 && parcel.fd.is_some() {
                break;
            }
            slices[count] = IoSlice::new(&parcel.bytes[parcel.at..]);
            count += 1;
        }
        let fd = self.queue.front().and_then(|parcel| parcel.fd.as_ref().map(|fd| fd.as_fd()));
        loop {
            match self.socket.send(&slices[..count], fd) {
                Err(Errno::EINTR) => {}
                result => return result,
            }
        }
    }

    fn advance(&mut self, mut written: usize) {
        self.pending -= written;
        while let Some(parcel) = self.queue.front_mut() {
            // With its first byte the descriptor has gone.
            if written > 0 {
                parcel.fd = None;
            }
            let left = parcel.bytes.len() - parcel.at;
            if written < left {
                parcel.at += written;
                return;
            }
            written -= left;
            self.queue.pop_front();
        }
    }

    /// Writes what the kernel takes; answers how much, and whether it may take more at once.
    fn flush(&mut self) -> Result<(usize, bool)> {
        let mut total = 0;
        for _ in 0..WRITES {
            if self.queue.is_empty() || !self.ready.may_write() {
                return Ok((total, false));
            }
            match self.write() {
                Ok(written) => {
                    self.advance(written);
                    total += written;
                }
                Err(Errno::EAGAIN) => self.ready.write_blocked(),
                Err(error) => return Err(error),
            }
        }
        Ok((total, !self.queue.is_empty() && self.ready.may_write()))
    }
}

impl<K: Kernel> Reactor<K> {
    /// A channel over one end of a pair of UNIX sockets.
    pub fn open_channel(&mut self, fd: OwnedFd) -> Result<Key> {
        let socket = self.kernel.adopt_channel(fd)?;
        let ready = Readiness::connected();
        let channel = Channel { socket, ready, queue: VecDeque::new(), pending: 0, broken: false };
        let key = self.channels.insert(channel);
        let channel = self.channels.get_mut(key).expect("just inserted");
        if let Err(error) = self.kernel.watch_channel(&mut channel.socket, key) {
            self.channels.remove(key);
            return Err(error);
        }
        Ok(key)
    }

    /// Queues bytes, not none, and a descriptor that goes with the first of them. Written at the end of the turn, or by
    /// [`Reactor::push_channel`].
    pub fn send_parcel(&mut self, key: Key, bytes: Vec<u8>, fd: Option<OwnedFd>) -> Result<()> {
        let channel = self.channels.get_mut(key).ok_or(Errno::EBADF)?;
        if channel.broken || bytes.is_empty() {
            return Err(Errno::EPIPE);
        }
        channel.pending += bytes.len();
        channel.queue.push_back(Parcel { bytes, at: 0, fd });
        if channel.ready.may_write() && channel.ready.soil() {
            self.dirty_channels.push(key);
        }
        Ok(())
    }

    /// Writes what the kernel takes now; answers how much.
    pub fn push_channel(&mut self, key: Key) -> Result<usize> {
        let channel = self.channels.get_mut(key).ok_or(Errno::EBADF)?;
        if channel.broken {
            return Err(Errno::EPIPE);
        }
        // What is left shows at the flush; an error shows there again.
        channel.flush().map(|(written, _)| written)
    }

    /// Bytes that wait to be written.
    pub fn channel_pending(&self, key: Key) -> usize {
        self.channels.get(key).map_or(0, |channel| channel.pending)
    }

    /// Parcels that are not wholly written: at most so many descriptors wait.
    pub fn channel_parcels(&self, key: Key) -> usize {
        self.channels.get(key).map_or(0, |channel| channel.queue.len())
    }

    /// Reads what is there, at most `buf.len()` bytes; descriptors that came with them are appended to `fds`. Of a
    /// channel a short read proves nothing: it is read until it would block.
    pub fn receive_parcels(&mut self, key: Key, buf: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<Read> {
        let channel = self.channels.get_mut(key).ok_or(Errno::EBADF)?;
        loop {
            match channel.socket.receive(buf, fds) {
                Ok(0) => {
                    channel.ready.read_ended();
                    return Ok(Read::Eof);
                }
                Ok(count) => return Ok(Read::Data { count, more: true }),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    channel.ready.read_blocked();
                    return Ok(Read::WouldBlock);
                }
                Err(error) => {
                    channel.ready.read_ended();
                    return Err(error);
                }
            }
        }
    }

    /// Stops [`Fact::Readable`]: what arrives stays in the kernel.
    pub fn pause_channel(&mut self, key: Key) -> Result<()> {
        self.channels.get_mut(key).ok_or(Errno::EBADF)?.ready.pause();
        Ok(())
    }

    /// Undoes it.
    pub fn resume_channel(&mut self, key: Key) -> Result<()> {
        let channel = self.channels.get_mut(key).ok_or(Errno::EBADF)?;
        channel.ready.resume();
        if channel.ready.enqueue() {
            self.readable_channels.push_back(key);
        }
        Ok(())
    }

    /// Closes it; what waits to be sent is dropped.
    pub fn close_channel(&mut self, key: Key) -> Result<()> {
        self.channels.remove(key).map(|_| ()).ok_or(Errno::EBADF)
    }

    /// Takes in an edge.
    pub(super) fn channel_signalled(&mut self, key: Key, edges: Edges) {
        let Some(channel) = self.channels.get_mut(key) else { return };
        channel.ready.signalled(edges);
        if !channel.queue.is_empty() && channel.ready.may_write() && channel.ready.soil() {
            self.dirty_channels.push(key);
        }
        if channel.ready.enqueue() {
            self.readable_channels.push_back(key);
        }
    }

    /// Writes what is queued, for each channel that has something.
    pub(super) fn flush_channels(&mut self, facts: &mut Vec<Fact>) {
        let mut dirty = std::mem::take(&mut self.dirty_channels);
        dirty.retain(|&key| {
            let Some(channel) = self.channels.get_mut(key) else { return false };
            let flushed = channel.flush();
            let more = matches!(flushed, Ok((_, true)));
            if !more {
                channel.ready.cleaned();
            }
            match flushed {
                Ok((written, _)) => facts.push(Fact::Flushed { key, written, pending: channel.pending }),
                Err(error) => {
                    channel.broken = true;
                    channel.queue.clear();
                    channel.pending = 0;
                    facts.push(Fact::Broken { key, error });
                }
            }
            more
        });
        self.dirty_channels = dirty;
    }

    /// Tells of readable channels, each once a wait.
    pub(super) fn tell_readable_channels(&mut self, facts: &mut Vec<Fact>) {
        for _ in 0..self.readable_channels.len() {
            let key = self.readable_channels.pop_front().expect("counted");
            let Some(channel) = self.channels.get_mut(key) else { continue };
            if !channel.ready.dequeue() {
                facts.push(Fact::Readable(key));
                self.readable_channels.push_back(key);
            }
        }
    }

    /// Takes from the list what has nothing more to do.
    pub(super) fn settle_channels(&mut self) {
        let channels = &mut self.channels;
        self.readable_channels.retain(|&key| channels.get_mut(key).is_some_and(|channel| !channel.ready.dequeue()));
    }
}

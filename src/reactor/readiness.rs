//! Readiness: the edge-triggered bookkeeping of one stream or listener. The only place that decides
//! whether a kernel edge is still to come.
//!
//! It must not know sockets, keys or bytes. It is told what the kernel signalled and how each
//! operation ended, and says whether the owner has something to do.
//!
//! The kernel tells of a change once. *Invariant:* each direction is either **armed** (its bit is
//! clear: the last operation proved the kernel empty, or full, so that the next change makes an
//! edge) or **ready** (its bit is set: there may be work, and the resource stays on the run list, or
//! on the dirty list, until an operation clears the bit). A bit is set by edges only, and cleared
//! only by an operation's outcome:
//!
//! - `EAGAIN` clears it: the kernel has said so itself.
//! - A read that gave less than it asked for clears it on sockets where that proves the kernel
//!   empty: TCP, on epoll and on kqueue. What comes later makes a new edge. This saves the second
//!   read of each request.
//! - A write that took less than offered clears it: the kernel marked the socket as waiting for
//!   room and will signal.
//! - The exception is a FIN or an error that arrived together with, or just behind, the last bytes.
//!   If it came before the event was fetched, the event says so (`EPOLLRDHUP`, `EV_EOF`): that is
//!   remembered in `read_closed`, and from then on a short read proves nothing and reading goes on
//!   until it says end or error. If it came after the event was fetched, then the FIN itself is a
//!   new edge. There is no third case, so the end of a stream is never missed.
//!
//! On UNIX sockets a read also stops short at a message that carries descriptors, and on TCP at the
//! mark of urgent data. The first is why [`short_read_drains`](super::kernel::Socket) is asked per
//! socket. The second is only ever done to itself by a peer that sends urgent data: such a
//! connection waits for its next packet, or for its timeout.

/// What the kernel signalled, in one event. An event may be spurious, late, or several in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    /// Bytes, a connection to accept, or an end may be there to read.
    pub read: bool,
    /// There may be room to write, or a connection attempt has ended.
    pub write: bool,
    /// The peer has sent all it will send.
    pub read_closed: bool,
    /// The connection is dead, and the socket knows why.
    pub error: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Readiness(u8);

const READABLE: u8 = 1;
const WRITABLE: u8 = 1 << 1;
/// The kernel has told of a FIN or an error that no read has met yet.
const READ_CLOSED: u8 = 1 << 2;
/// A read met the end: nothing will ever be readable.
const ENDED: u8 = 1 << 3;
/// The owner does not want to read now. The bits go on being kept; the bytes stay in the kernel.
const PAUSED: u8 = 1 << 4;
/// On the run list (at most once).
const QUEUED: u8 = 1 << 5;
/// On the dirty list (at most once).
const DIRTY: u8 = 1 << 6;

impl Readiness {
    /// Armed both ways.
    pub(super) fn armed() -> Readiness {
        Readiness(0)
    }

    /// Armed for reading; writable, as every new connection is.
    pub(super) fn connected() -> Readiness {
        Readiness(WRITABLE)
    }

    /// Takes in an event.
    pub(super) fn signalled(&mut self, edges: Edges) {
        if (edges.read || edges.read_closed || edges.error) && !self.has(ENDED) {
            self.set(READABLE);
            if edges.read_closed || edges.error {
                self.set(READ_CLOSED);
            }
        }
        // A dead connection is written to once more, so that the write brings out the error.
        if edges.write || edges.error {
            self.set(WRITABLE);
        }
    }

    /// A read took all there was, by the rule above. (One that may have left something is not told.)
    pub(super) fn read_short(&mut self) {
        if !self.has(READ_CLOSED) {
            self.clear(READABLE);
        }
    }

    /// A read found nothing. If the kernel had told of a FIN it was wrong, or we were: the next one
    /// makes an edge.
    pub(super) fn read_blocked(&mut self) {
        self.clear(READABLE | READ_CLOSED);
    }

    /// A read met the end or an error.
    pub(super) fn read_ended(&mut self) {
        self.clear(READABLE | READ_CLOSED);
        self.set(ENDED);
    }

    /// A write was refused, or took less than offered.
    pub(super) fn write_blocked(&mut self) {
        self.clear(WRITABLE);
    }

    pub(super) fn pause(&mut self) {
        self.set(PAUSED);
    }

    pub(super) fn resume(&mut self) {
        self.clear(PAUSED);
    }

    /// Asks for a try without an edge: the last one was used up before the owner was done.
    pub(super) fn retry_read(&mut self) {
        self.set(READABLE);
    }

    /// Whether the owner should read (or accept) now.
    pub(super) fn runnable(self) -> bool {
        self.0 & (READABLE | PAUSED) == READABLE
    }

    /// Whether another read may give something.
    pub(super) fn may_read(self) -> bool {
        self.has(READABLE)
    }

    /// Whether a write may take something.
    pub(super) fn may_write(self) -> bool {
        self.has(WRITABLE)
    }

    /// Whether the owner will learn of an end or error by reading.
    pub(super) fn will_read(self) -> bool {
        self.0 & (PAUSED | ENDED) == 0
    }

    pub(super) fn is_paused(self) -> bool {
        self.has(PAUSED)
    }

    /// Whether to put it on the run list now: it has work and is not on it. Marks it as queued.
    pub(super) fn enqueue(&mut self) -> bool {
        let wanted = self.runnable() && !self.has(QUEUED);
        if wanted {
            self.set(QUEUED);
        }
        wanted
    }

    /// Whether to take it off the run list: it has no work. Marks it as not queued.
    pub(super) fn dequeue(&mut self) -> bool {
        let done = !self.runnable();
        if done {
            self.clear(QUEUED);
        }
        done
    }

    /// It has left the run list, work or not.
    pub(super) fn unqueue(&mut self) {
        self.clear(QUEUED);
    }

    /// Whether to put it on the dirty list now: it is not on it. Marks it as dirty.
    pub(super) fn soil(&mut self) -> bool {
        let wanted = !self.has(DIRTY);
        self.set(DIRTY);
        wanted
    }

    /// It has left the dirty list.
    pub(super) fn cleaned(&mut self) {
        self.clear(DIRTY);
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    fn set(&mut self, bits: u8) {
        self.0 |= bits;
    }

    fn clear(&mut self, bits: u8) {
        self.0 &= !bits;
    }
}

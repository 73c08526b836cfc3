//! One end of a simulated connection: what has arrived, what is under way, and what the kernel would
//! say of it.
//!
//! It must not know the other end nor the dice; [`super::net`] moves bytes and time.

use std::collections::VecDeque;

use super::super::errno::Errno;
use super::super::key::Key;
use super::super::readiness::Edges;
use super::super::{Addr, Result};
use super::net::Place;

/// How a connection attempt stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Under way to this place.
    Pending(Place),
    /// Connected, now or once.
    Done,
    /// Refused.
    Failed,
}

#[derive(Debug)]
pub(super) struct End {
    /// Bytes sent to this end: the first `arrived` can be read, the others are under way.
    pub(super) bytes: VecDeque<u8>,
    pub(super) arrived: usize,
    /// FIN follows the bytes.
    pub(super) fin: bool,
    pub(super) fin_arrived: bool,
    /// SO_ERROR.
    pub(super) error: Option<Errno>,
    /// Reset: nothing goes in or out any more.
    pub(super) dead: bool,
    /// Our FIN is sent.
    pub(super) finished: bool,
    /// Its handle exists.
    pub(super) open: bool,
    pub(super) reset_on_close: bool,
    /// How many bytes it holds before the sender has to wait.
    pub(super) window: usize,
    pub(super) attempt: Attempt,
    pub(super) peer: usize,
    pub(super) local: Addr,
    pub(super) remote: Addr,
    pub(super) unix: bool,
    /// Which process has registered it, and as what.
    pub(super) watch: Option<(usize, Key)>,
    /// Its edge is waiting to be fetched.
    pub(super) queued: bool,
    /// A write found no room: an edge is due when there is some.
    pub(super) wants_room: bool,
    /// The same, while there is room: a write was cut short by the dice.
    pub(super) owed_room: bool,
    /// On the list of ends for which something is under way.
    pub(super) moving: bool,
}

impl End {
    pub(super) fn new(peer: usize, local: Addr, remote: Addr, unix: bool) -> End {
        End {
            bytes: VecDeque::new(),
            arrived: 0,
            fin: false,
            fin_arrived: false,
            error: None,
            dead: false,
            finished: false,
            open: true,
            reset_on_close: false,
            window: 64 * 1024,
            attempt: Attempt::Done,
            peer,
            local,
            remote,
            unix,
            watch: None,
            queued: false,
            wants_room: false,
            owed_room: false,
            moving: false,
        }
    }

    /// The present state, as epoll reports it with any edge. `room`: the peer can take bytes.
    pub(super) fn level(&self, room: bool) -> Edges {
        match self.attempt {
            Attempt::Pending(_) => return Edges::default(),
            Attempt::Failed => {
                return Edges { read: true, write: true, read_closed: true, error: self.error.is_some() };
            }
            Attempt::Done => {}
        }
        Edges {
            read: self.arrived > 0 || self.fin_arrived || self.dead,
            write: room || self.dead,
            read_closed: self.fin_arrived || self.dead,
            error: self.error.is_some(),
        }
    }

    /// Whether anything has still to arrive, or to be told.
    pub(super) fn has_moving(&self) -> bool {
        self.arrived < self.bytes.len()
            || (self.fin && !self.fin_arrived)
            || self.owed_room
            || matches!(self.attempt, Attempt::Pending(_))
    }

    /// Reads what has arrived.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        if self.attempt != Attempt::Done {
            return Err(self.error.take().unwrap_or(Errno::ENOTCONN));
        }
        if self.arrived > 0 {
            let count = self.arrived.min(buf.len());
            for (to, from) in buf.iter_mut().zip(self.bytes.drain(..count)) {
                *to = from;
            }
            self.arrived -= count;
            return Ok(count);
        }
        match self.error.take() {
            Some(error) => Err(error),
            None if self.fin_arrived || self.dead => Ok(0),
            None => Err(Errno::EAGAIN),
        }
    }

    /// It was reset: what had arrived can still be read, what was under way is lost.
    pub(super) fn die(&mut self, error: Errno) {
        if !self.dead {
            self.dead = true;
            self.error = Some(error);
            self.bytes.truncate(self.arrived);
        }
    }

    pub(super) fn connected_to(&self) -> Result<Addr> {
        if self.attempt == Attempt::Done && !self.dead { Ok(self.remote) } else { Err(Errno::ENOTCONN) }
    }
}

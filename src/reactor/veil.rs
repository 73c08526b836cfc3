//! Veil: a stream whose bytes on the wire are TLS's. What its owner reads and sends is what is said in them, by the same
//! operations; the handshake takes place within the owner's reads and the flushes that follow.
//!
//! It must not know certificates, nor what is said. Bytes wait in the outbuf as they do on any stream, and are sealed no
//! sooner than they can go: what is pending is bounded as everywhere.
//!
//! *Invariant:* what came is given out before the wire is read again, so that a stream with something said and unread is
//! never armed in the kernel only. *Invariant:* whoever is not done shaking hands is flushed for the handshake's sake only.

use std::io::{self, IoSlice};

use crate::tls::{Plain, Session};

use super::errno::Errno;
use super::kernel::{Kernel, Socket};
use super::key::Key;
use super::outbuf::{SLICES, Spares};
use super::stream::{FLUSH_MAX, Sending, Stage, Stream};
use super::{Reactor, Result};

/// Reads of the wire in one read that give nothing to say: bounds what a peer can have done with empty records.
const WIRE_READS: usize = 8;

/// What one read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// `short`: nothing is kept here, and the kernel gave less than was asked for.
    Bytes {
        count: usize,
        short: bool,
    },
    /// Nothing yet; `short` as above.
    Nothing {
        short: bool,
    },
    /// The kernel has nothing.
    Blocked,
    End,
}

/// A socket as TLS wants to read it.
struct Wire<'a, S> {
    socket: &'a mut S,
    /// The read was shorter than asked for, on a socket where that says something.
    short: bool,
}

impl<S: Socket> io::Read for Wire<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.socket.read(buf) {
                Err(Errno::EINTR) => {}
                Err(error) => return Err(io::Error::from_raw_os_error(error.raw())),
                Ok(count) => {
                    self.short = count < buf.len() && self.socket.short_read_drains();
                    return Ok(count);
                }
            }
        }
    }
}

impl<K: Kernel> Reactor<K> {
    /// Has a stream that nothing was sent on yet speak TLS; what was read of it, if anything, the session has. `EINVAL` when
    /// it does already.
    pub fn set_veil(&mut self, key: Key, session: Session) -> Result<()> {
        let stream = self.streams.get_mut(key).ok_or(Errno::EBADF)?;
        if stream.veil.is_some() {
            return Err(Errno::EINVAL);
        }
        stream.veil = Some(Box::new(session));
        if stream.flushable() && stream.ready.soil() {
            // What was read has made something to say.
            self.dirty.push(key);
        }
        Ok(())
    }

    /// The session of a stream that speaks TLS.
    pub fn veil(&self, key: Key) -> Option<&Session> {
        self.streams.get(key)?.veil.as_deref()
    }
}

impl<S: Socket> Stream<S> {
    pub(super) fn read_veiled(&mut self, buf: &mut [u8]) -> Result<Taken> {
        let Stream { socket, veil: Some(veil), .. } = self else { return Err(Errno::EINVAL) };
        let mut wire = Wire { socket, short: false };
        for _ in 0..WIRE_READS {
            match veil.read(buf) {
                Plain::Bytes(count) => {
                    let short = wire.short && !veil.has_more();
                    return Ok(Taken::Bytes { count, short });
                }
                Plain::End => return Ok(Taken::End),
                // What a short read left nothing behind for needs no second one.
                Plain::Nothing if wire.short => return Ok(Taken::Nothing { short: true }),
                Plain::Nothing => {}
            }
            match veil.take_in(&mut wire) {
                // An end without a word is an end too: what must be whole has its length in it.
                Ok(0) => return Ok(Taken::End),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Taken::Blocked),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    if !veil.waiting().is_empty() {
                        // The peer is told why, if there is room; either way this is the end.
                        let _ = wire.socket.write(&[IoSlice::new(veil.waiting())]);
                    }
                    return Err(Errno::EPROTO);
                }
                Err(error) => return Err(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)),
            }
        }
        Ok(Taken::Nothing { short: false })
    }

    /// Seals what there is, as far as it can go now, and writes what one call takes.
    pub(super) fn write_veiled(&mut self, spares: &mut Spares) -> Result<(usize, bool)> {
        let ends = self.sending == Sending::Ending || self.stage == Stage::Draining;
        let Stream { socket, out, veil: Some(veil), .. } = self else { return Err(Errno::EINVAL) };
        let mut slices = [IoSlice::new(&[]); SLICES];
        let (count, _) = out.front(&mut slices, FLUSH_MAX);
        let mut sealed = 0;
        for slice in &slices[..count] {
            let taken = veil.seal(slice);
            sealed += taken;
            if taken < slice.len() {
                break;
            }
        }
        out.advance(sealed, spares);
        if ends && out.pending() == 0 && !veil.is_handshaking() {
            veil.close();
        }
        let offered = veil.waiting().len();
        if offered == 0 {
            return Ok((0, true));
        }
        loop {
            match socket.write(&[IoSlice::new(veil.waiting())]) {
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
                Ok(written) => {
                    veil.advance(written);
                    return Ok((written, written == offered));
                }
            }
        }
    }

    /// Whether a flush of a stream with this veil would do something.
    pub(super) fn has_sealable(&self, veil: &Session) -> bool {
        if veil.is_handshaking() {
            // FIN without a word, when nothing is to be said.
            return !veil.waiting().is_empty() || (self.sending == Sending::Ending && self.out.pending() == 0);
        }
        let ends = self.sending == Sending::Ending || (self.stage == Stage::Draining && !veil.is_closed());
        !veil.waiting().is_empty() || self.out.pending() > 0 || ends
    }

    /// Whether closing has to wait for something to be written. Hands that are not shaken will not be: nothing can be said.
    pub(super) fn has_last_words(&self) -> bool {
        match &self.veil {
            None => self.out.pending() > 0,
            Some(veil) if veil.is_handshaking() => !veil.waiting().is_empty() && self.out.pending() == 0,
            Some(veil) => !veil.waiting().is_empty() || self.out.pending() > 0 || !veil.is_closed(),
        }
    }
}

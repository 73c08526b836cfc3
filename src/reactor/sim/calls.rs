//! The system calls of the simulated network: listen, accept, connect, read, write, shutdown, close.
//!
//! It must not know when edges are fetched; [`super::net`] does that.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddr};

use super::super::errno::Errno;
use super::super::{Addr, Result};
use super::end::{Attempt, End};
use super::net::{Net, Place, Port, Target};

impl Net {
    pub(super) fn listen(&mut self, place: Place, backlog: usize) -> Result<usize> {
        let place = match place {
            Place::Ip(mut addr) if addr.port() == 0 => {
                addr.set_port(self.ephemeral());
                Place::Ip(addr)
            }
            place => place,
        };
        if self.ports.iter().flatten().any(|port| port.place == place) {
            return Err(Errno::EADDRINUSE);
        }
        let queue = VecDeque::new();
        self.ports.push(Some(Port { place, queue, backlog, watch: None, queued: false }));
        Ok(self.ports.len() - 1)
    }

    /// Takes a connection from the queue, with a descriptor.
    pub(super) fn accept(&mut self, port: usize, process: usize) -> Result<(usize, Addr)> {
        if self.port_mut(port).queue.is_empty() {
            return Err(Errno::EAGAIN);
        }
        if self.rng.chance(self.faults.no_fd) {
            return Err(Errno::EMFILE);
        }
        self.take_fd(process)?;
        let end = self.port_mut(port).queue.pop_front().expect("just looked");
        if self.rng.chance(self.faults.aborted) {
            self.give_fd(process);
            self.end_mut(end).reset_on_close = true;
            self.close(end);
            return Err(Errno::ECONNABORTED);
        }
        Ok((end, self.end(end).remote))
    }

    pub(super) fn port_addr(&self, port: usize) -> Addr {
        match self.ports[port].as_ref().map(|port| &port.place) {
            Some(Place::Ip(addr)) => Addr::Ip(*addr),
            _ => Addr::Unix,
        }
    }

    pub(super) fn close_port(&mut self, port: usize) {
        let Some(closed) = self.ports[port].take() else {
            return;
        };
        if let Some((process, key)) = closed.watch {
            self.remember_closed(process, key);
        }
        for end in closed.queue {
            self.end_mut(end).reset_on_close = true;
            self.close(end);
        }
    }

    pub(super) fn port_mut(&mut self, port: usize) -> &mut Port {
        self.ports[port].as_mut().expect("a port lives as long as its handle")
    }

    /// The listener that a connection to `place` comes to.
    pub(super) fn find_port(&self, place: &Place) -> Option<usize> {
        self.ports.iter().position(|port| match (port.as_ref().map(|port| &port.place), place) {
            (Some(Place::Ip(at)), Place::Ip(to)) => at == to || (at.port() == to.port() && at.ip().is_unspecified()),
            (Some(at), to) => at == to,
            (None, _) => false,
        })
    }

    /// Puts a connection's far end into a listener's queue; false if that is full.
    pub(super) fn enqueue(&mut self, port: usize, end: usize) -> bool {
        let listener = self.port_mut(port);
        if listener.queue.len() > listener.backlog {
            return false;
        }
        listener.queue.push_back(end);
        self.signal(Target::Port(port));
        true
    }

    fn ephemeral(&mut self) -> u16 {
        self.next_port = self.next_port.checked_add(1).unwrap_or(49152);
        self.next_port
    }

    /// Begins to connect; returns the near end.
    pub(super) fn connect(&mut self, place: Place, local: Option<SocketAddr>) -> Result<usize> {
        let near = self.ends.len();
        let unix = matches!(place, Place::Path(_));
        let (from, to) = match &place {
            Place::Ip(to) => {
                let from = local.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 0)));
                let port = if from.port() == 0 { self.ephemeral() } else { from.port() };
                (Addr::Ip(SocketAddr::new(from.ip(), port)), Addr::Ip(*to))
            }
            Place::Path(_) if self.find_port(&place).is_none() => return Err(Errno::ENOENT),
            Place::Path(_) => (Addr::Unix, Addr::Unix),
        };
        self.ends.push(Some(End::new(near + 1, from, to, unix)));
        self.ends.push(Some(End::new(near, to, from, unix)));
        self.end_mut(near).attempt = Attempt::Pending(place.clone());
        if unix {
            self.resolve(near, &place);
        } else {
            self.set_moving(near);
        }
        Ok(near)
    }

    /// Finishes at once what `connect` began; the near end, or why there is none.
    pub(super) fn connect_now(&mut self, place: &Place) -> Result<usize> {
        let end = self.connect(place.clone(), None)?;
        if matches!(self.end(end).attempt, Attempt::Pending(_)) {
            self.resolve(end, place);
        }
        match self.end_mut(end).error.take() {
            Some(error) => {
                self.close(end);
                Err(error)
            }
            None => Ok(end),
        }
    }

    pub(super) fn read(&mut self, index: usize, buf: &mut [u8]) -> Result<usize> {
        if self.rng.chance(self.faults.interrupted) {
            return Err(Errno::EINTR);
        }
        let short = self.end(index).unix && self.rng.chance(self.faults.short);
        let max = if short { self.rng.cut(buf.len()) } else { buf.len() };
        let result = self.end_mut(index).read(&mut buf[..max]);
        if result.is_ok() {
            self.made_room(index);
        }
        result
    }

    /// Bytes were taken from `index`: its peer may write again.
    pub(super) fn made_room(&mut self, index: usize) {
        let peer = self.end(index).peer;
        if self.room(peer) > 0
            && let Some(writer) = self.ends[peer].as_mut()
            && std::mem::take(&mut writer.wants_room)
        {
            self.signal(Target::End(peer));
        }
    }

    /// How many bytes `index` can write now.
    pub(super) fn room(&self, index: usize) -> usize {
        let Some(end) = self.ends[index].as_ref() else {
            return 0;
        };
        match self.ends[end.peer].as_ref() {
            Some(peer) if peer.open => peer.window.saturating_sub(peer.bytes.len()),
            // Whatever is sent to nobody is taken, and answered with a reset.
            _ => usize::MAX,
        }
    }

    pub(super) fn write(&mut self, index: usize, slices: &[IoSlice<'_>]) -> Result<usize> {
        if self.rng.chance(self.faults.interrupted) {
            return Err(Errno::EINTR);
        }
        self.check_writable(index)?;
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let room = self.room(index);
        let fits = offered.min(room);
        let cut = fits > 1 && self.rng.chance(self.faults.short);
        let taken = if cut { self.rng.cut(fits - 1) } else { fits };
        let end = self.end_mut(index);
        if taken < offered {
            // Out of room, or as good as: one edge will tell when there is some.
            if taken == room { end.wants_room = true } else { end.owed_room = true }
        }
        if taken == 0 {
            return Err(Errno::EAGAIN);
        }
        self.deliver(index, slices, taken);
        self.set_moving(index);
        Ok(taken)
    }

    /// A peer's bytes: taken whole, whatever the window.
    pub(super) fn push(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        self.check_writable(index)?;
        if !bytes.is_empty() {
            self.deliver(index, &[IoSlice::new(bytes)], bytes.len());
        }
        Ok(())
    }

    fn check_writable(&mut self, index: usize) -> Result<()> {
        let end = self.end_mut(index);
        if end.attempt != Attempt::Done {
            return Err(Errno::EAGAIN);
        }
        if let Some(error) = end.error.take() {
            return Err(error);
        }
        if end.dead || end.finished { Err(Errno::EPIPE) } else { Ok(()) }
    }

    fn deliver(&mut self, index: usize, slices: &[IoSlice<'_>], mut taken: usize) {
        let peer = self.end(index).peer;
        match self.ends[peer].as_mut().filter(|peer| peer.open) {
            Some(to) if !to.dead => {
                for slice in slices {
                    let part = &slice[..slice.len().min(taken)];
                    to.bytes.extend(part);
                    taken -= part.len();
                }
                self.set_moving(peer);
            }
            _ => self.kill(index, Errno::ECONNRESET),
        }
    }

    pub(super) fn shutdown(&mut self, index: usize) -> Result<()> {
        let end = self.end_mut(index);
        if end.dead {
            return Err(Errno::ENOTCONN);
        }
        end.finished = true;
        let peer = end.peer;
        if let Some(to) = self.ends[peer].as_mut() {
            to.fin = true;
            self.set_moving(peer);
        }
        Ok(())
    }

    /// The handle is gone: FIN, or a reset when that was asked for or bytes were left unread.
    pub(super) fn close(&mut self, index: usize) {
        let end = self.end_mut(index);
        let rude = end.reset_on_close || !end.bytes.is_empty();
        let peer = end.peer;
        end.open = false;
        if let Some((process, key)) = end.watch.take() {
            self.remember_closed(process, key);
        }
        if rude {
            self.kill(peer, Errno::ECONNRESET);
        } else if !self.end(index).finished {
            // On a dead connection there is nothing to tell.
            let _ = self.shutdown(index);
        }
        // Who had no room is told as soon as a probe of the window is answered: with a reset.
        self.made_room(index);
        let alone = self.ends[peer].as_ref().is_none_or(|peer| !peer.open);
        if alone {
            self.ends[peer] = None;
            self.ends[index] = None;
        }
    }
}

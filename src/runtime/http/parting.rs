//! Connections of a front, which may serve several tenants in turn: how one leaves the guest that has it. What one tenant
//! does to a connection must not show on it to the next: raw bytes are never written to one that others may get, and what
//! is read of it is told as requests only. It must not know whose the next request is.
use super::{Conn, Hall, NONE, Phase, Response};
use crate::guest::Ends;
use crate::proto::http1::{Decoder, Role, encode_error_response};
use crate::reactor::{Addr, Kernel, Key};
use crate::time::Clock;

/// What is left of a connection that left its guest.
pub(in crate::runtime) struct Departed {
    pub front: u32,
    pub peer: Addr,
    pub stash: Vec<u8>,
}

impl Conn {
    /// It came by a front.
    pub(in crate::runtime) fn is_routed(&self) -> bool {
        self.front != NONE
    }

    /// By which front it came, and its key if it has had a request before.
    pub(in crate::runtime) fn way(&self) -> (u32, Option<Key>) {
        (self.front, self.key.filter(|_| self.requests > 0))
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A visitor's connection has been opened: where it came by, and what was read of it so far.
    pub(in crate::runtime) fn conn_from_front(&mut self, index: u32, front: u32, bytes: &[u8]) {
        self.conns[index as usize].front = front;
        if !bytes.is_empty() {
            self.conn_bytes(index, bytes);
        }
    }

    /// A request that is not this guest's has come: it waits here until nothing is owed, then moves.
    pub(super) fn part(&mut self, index: u32, bytes: &[u8]) {
        let conn = &mut self.conns[index as usize];
        conn.decoder = Decoder::new(Role::Server);
        conn.parting = true;
        self.block(index, bytes);
        self.part_if_free(index);
    }

    /// Asks for the move when the time has come.
    pub(super) fn part_if_free(&mut self, index: u32) {
        if let Some(key) = self.conns[index as usize].key.filter(|_| self.conn_may_part(index)) {
            self.tenants.may_move(key);
        }
    }

    /// Whether nothing is owed on this connection, and nothing half said.
    pub(in crate::runtime) fn conn_may_part(&self, index: u32) -> bool {
        let conn = &self.conns[index as usize];
        let sent = conn.key.is_some_and(|key| self.reactor.pending_out(key) == Ok(0));
        // What is stashed goes with it.
        let free = conn.head == NONE && conn.phase == Phase::Open && conn.decoder.is_idle();
        conn.is_routed() && free && sent && !conn.ended && !conn.greeting
    }

    /// Those that came by a front and are to leave when they may.
    pub(in crate::runtime) fn conns_of_front(&self, front: u32) -> Vec<Key> {
        let of = self.conns.iter().filter(|(_, conn)| conn.front == front);
        of.filter(|(index, _)| self.conn_may_part(*index as u32)).filter_map(|(_, conn)| conn.key).collect()
    }

    /// Those of a guest for which that holds.
    pub(in crate::runtime) fn conns_that_may_part(&self, guest: u32) -> Vec<Key> {
        let of = self.seats.get(guest as usize).map_or(&[][..], |seat| &seat.conns);
        let may = of.iter().filter(|index| self.conn_may_part(**index));
        may.filter_map(|index| self.conns[*index as usize].key).collect()
    }

    /// The connection leaves its guest, which sees it close; the socket goes on.
    pub(in crate::runtime) fn depart(&mut self, index: u32) -> Departed {
        let conn = &mut self.conns[index as usize];
        let stash = conn.extra.as_mut().map(|extra| std::mem::take(&mut extra.stash)).unwrap_or_default();
        let (front, guest) = (conn.front, conn.guest);
        let peer =
            match self.seats.get(guest as usize).and_then(|seat| seat.guest.state().conn_ends.get(index as usize)) {
                Some(Some(Ends::Tcp { peer: Some(peer), .. })) => Addr::Ip(*peer),
                _ => Addr::Unix,
            };
        // What is known of the connection goes with it.
        let key = self.conns[index as usize].key;
        let tale = key.and_then(|key| self.tenants.tales.take(key));
        self.forget_conn(index, None);
        if let (Some(key), Some(tale)) = (key, tale) {
            self.tenants.tales.keep(key, tale);
        }
        Departed { front, peer, stash }
    }

    /// A tenant's guest is about to go: who waits for an answer that has not begun is told that there will be none.
    pub(in crate::runtime) fn answer_for_the_dead(&mut self, guest: u32) {
        let of = self.seats.get(guest as usize).map_or(&[][..], |seat| &seat.conns);
        for conn in of.iter().map(|index| &self.conns[*index as usize]).filter(|conn| conn.is_routed()) {
            let first = self.exchanges.get(conn.head as usize);
            if first.is_some_and(|first| first.response == Response::Awaited)
                && matches!(conn.phase, Phase::Open | Phase::HalfClosed)
                && let Some(out) = conn.key.and_then(|key| self.reactor.out_buffer(key).ok())
            {
                encode_error_response(out, 502);
            }
        }
    }
}

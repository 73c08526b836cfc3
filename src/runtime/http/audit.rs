//! What must hold of connections and exchanges between any two turns; for tests. It must not repair
//! anything.
use super::{Exchange, Hall, NONE, Phase, Promise};
use crate::guest::Kind;
use crate::reactor::Kernel;
use crate::runtime::Owner;
use crate::time::Clock;

/// Most bytes that a connection may keep unparsed: one read, and what was left of the one before.
const STASH: usize = 2 * crate::runtime::SCRATCH;

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Panics when the tables contradict each other.
    pub(in crate::runtime) fn audit(&mut self) {
        let (mut queued, mut done) = (0, 0);
        for (index, conn) in &self.conns {
            let mut place = conn.head;
            let mut last = NONE;
            let mut length = 0;
            while place != NONE {
                let exchange = self.exchanges.get(place as usize).expect("a queue names exchanges that are");
                assert_eq!(exchange.conn as usize, index, "an exchange knows its connection");
                assert!(exchange.received || exchange.next == NONE, "only the last is still being received");
                (last, place) = (place, exchange.next);
                length += 1;
                assert!(length <= self.exchanges.len(), "a queue has an end");
            }
            assert_eq!(
                (last, length),
                (conn.tail, usize::from(conn.queued)),
                "tail and length of the queue of {index}"
            );
            assert!(length <= self.limits.pipelined as usize, "{length} requests read ahead");
            queued += length;
            if let Some(extra) = &conn.extra {
                done += extra.done.len();
                assert!(extra.stash.len() <= STASH, "{} bytes stashed", extra.stash.len());
                assert!(
                    extra.stash.is_empty() || conn.blocked || conn.phase != Phase::Open,
                    "a stash waits, nobody is blocked"
                );
            }
            if let Some(key) = conn.key {
                assert_eq!(self.owners.get(key), Owner::Conn(index as u32), "a key leads to its connection");
                assert!(self.reactor.pending_out(key).is_ok(), "a connection's key is alive");
            }
        }
        assert_eq!(queued, self.exchanges.len(), "every exchange stands in a queue");
        for key in self.tenants.tales.keys() {
            let owner = self.owners.get(key);
            assert!(matches!(owner, Owner::Visitor(_) | Owner::Conn(_)), "a tale of nobody's: {owner:?}");
        }
        self.audit_seats(queued + done);
        self.audit_listeners();
        self.seats.audit();
    }

    fn audit_seats(&self, exchanges: usize) {
        let mut found = 0;
        for (index, seat) in self.seats.iter() {
            let state = seat.guest.state();
            found += state.handles.iter().filter(|(_, slot)| slot.kind == Kind::Exchange).count();
            let conns =
                self.conns.iter().filter(|(_, conn)| conn.guest as usize == index && conn.key.is_some()).count();
            assert_eq!(seat.conns.len(), conns, "connections of guest {index}");
            for (place, conn) in seat.conns.iter().enumerate() {
                let conn = &self.conns[*conn as usize];
                assert_eq!((conn.guest as usize, conn.place as usize), (index, place), "a connection of guest {index}");
            }
            let pending: u64 = state
                .handles
                .iter()
                .filter(|(_, slot)| slot.kind != Kind::Listener)
                .map(|(_, slot)| u64::from(slot.pending))
                .sum();
            assert_eq!(state.pending_total, pending, "bytes that wait of guest {index}");
            let streams = self.streams.iter().filter(|(_, stream)| stream.guest as usize == index).count();
            let kept = |exchange: &Exchange| {
                self.conns[exchange.conn as usize].guest as usize == index && exchange.promise.is_kept()
            };
            let streams = streams + self.exchanges.iter().filter(|(_, exchange)| kept(exchange)).count();
            let handles = state.handles.iter().filter(|(_, slot)| slot.kind == Kind::Stream).count();
            assert_eq!(streams, handles, "streams of guest {index}");
        }
        let promised = self.exchanges.iter().filter(|(_, exchange)| exchange.promise != Promise::No).count();
        assert_eq!(found, exchanges - promised, "every exchange has one handle");
    }

    fn audit_listeners(&self) {
        for (index, listener) in &self.listeners {
            let conns =
                self.conns.iter().filter(|(_, conn)| conn.listener as usize == index && conn.key.is_some()).count();
            let streams = self.streams.iter().filter(|(_, stream)| stream.listener == Some(index as u32)).count();
            assert_eq!(listener.conns as usize, conns + streams, "connections of listener {index}");
        }
    }

    /// How the connections stand, for a failure's message.
    pub(in crate::runtime) fn books(&self) -> String {
        let line = |(index, conn): (usize, &super::Conn)| {
            let exchange = self
                .exchanges
                .get(conn.head as usize)
                .map(|exchange| (exchange.response, exchange.received, exchange.window));
            let pending = conn.key.map(|key| self.reactor.pending_out(key));
            let due = (conn.due, conn.timer.is_some());
            format!(
                "conn {index}: {:?} blocked {} queued {} {due:?} pending {pending:?} first {exchange:?}\n",
                conn.phase, conn.blocked, conn.queued
            )
        };
        let conns: String = self.conns.iter().map(line).collect();
        let streams =
            self.streams.iter().map(|(_, stream)| (stream, self.reactor.pending_out(stream.key))).collect::<Vec<_>>();
        format!("{conns}streams {streams:?}\n{:?}", self.timers)
    }

    /// What is left when every peer is gone: nothing but the listeners.
    pub(in crate::runtime) fn audit_baseline(&mut self) {
        self.audit();
        let left = [
            ("connections", self.conns.len()),
            ("exchanges", self.exchanges.len()),
            ("streams", self.streams.len()),
            ("draining streams", self.draining.len()),
            ("timers", self.timers.len()),
            ("the reactor's streams", self.reactor.stream_count()),
        ];
        for (what, count) in left {
            assert_eq!(count, 0, "{what} are left");
        }
        assert_eq!(self.reactor.listener_count(), self.listeners.len(), "listeners of the reactor");
        for (index, seat) in self.seats.iter() {
            let state = seat.guest.state();
            let listeners = self.listeners.iter().filter(|(_, listener)| listener.guest as usize == index).count();
            assert_eq!(state.handles.len(), listeners, "handles of guest {index}");
            assert_eq!(state.listeners as usize, listeners, "the guest's count of listeners");
            assert!(
                state.conn_ends.iter().all(Option::is_none) && state.conn_handles.is_empty(),
                "ends of connections"
            );
            assert_eq!(state.ends.len(), listeners, "ends of handles");
            assert!(state.blobs.is_empty() && state.blob_bytes == 0, "blobs");
            assert!(
                seat.mail.is_empty() && seat.held_back.is_empty() && seat.timer.is_none(),
                "mail, held back, timer"
            );
        }
    }
}

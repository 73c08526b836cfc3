//! What a script does with the socket beneath an HTTP connection: raw bytes, FIN, reset, pause, options. It
//! must not know what is parsed or encoded.
use super::super::timers::Token;
use super::{Hall, NONE, Phase};
use crate::guest::Body;
use crate::reactor::Kernel;
use crate::runtime::seat::set_pending;
use crate::runtime::streams::touch;
use crate::time::{Clock, TimerId};
use skep_abi::{events, option};
use std::time::Duration;

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Raw bytes go out after what has been sent of the responses so far.
    pub(in crate::runtime) fn conn_write(&mut self, index: u32, body: Body) {
        let conn = &self.conns[index as usize];
        let Some(key) = conn.key else { return };
        if conn.is_routed() {
            // The peer might take it for the answer of another guest.
            return self.lose_conn(index, None);
        }
        let outbox = &self.seats[conn.guest as usize].guest.state().outbox;
        let sent = match body {
            Body::Own(bytes) => self.reactor.send_vec(key, bytes),
            Body::Small(span) => self.reactor.send(key, outbox.bytes(span)),
        };
        if sent.is_err() {
            // Nothing will flush what was refused.
            self.raw_flushed(index, 0);
        }
    }

    /// The connection's own queue, as the guest may know it: that of its raw writes.
    pub(super) fn raw_flushed(&mut self, index: u32, pending: usize) {
        let conn = &self.conns[index as usize];
        let Some(handle) = conn.handle else { return };
        let seat = &mut self.seats[conn.guest as usize];
        let Some(slot) = seat.guest.state_mut().handles.get_mut(handle) else { return };
        let left = slot.pending.min(pending as u32);
        let drained = left == 0 && std::mem::take(&mut slot.wants_drain);
        if left != slot.pending {
            set_pending(seat.guest.state_mut(), handle, left);
        }
        if drained {
            seat.tell(events::STREAM_DRAIN, Some(handle), 0, &[]);
        }
    }

    /// FIN after what is queued: that ends the connection, but for what the peer still says.
    pub(in crate::runtime) fn conn_shutdown(&mut self, index: u32) {
        match self.conns[index as usize].phase {
            Phase::Lingering(_) | Phase::Draining => {}
            _ => self.linger(index),
        }
    }

    /// FIN has gone out.
    pub(super) fn conn_finished(&mut self, index: u32) {
        let Some(conn) = self.conns.get(index as usize) else { return };
        if let Some(handle) = conn.handle {
            self.seats[conn.guest as usize].tell(events::STREAM_FINISHED, Some(handle), 0, &[]);
        }
    }

    /// RST, at once.
    pub(in crate::runtime) fn reset_conn(&mut self, index: u32) {
        let Some(key) = self.conns[index as usize].key else { return self.lose_conn(index, None) };
        let _gone = self.reactor.reset(key);
        self.abort_all(index, 0);
        self.forget_conn(index, None);
    }

    /// Bytes have been read: the guest may want to see them as they are.
    pub(super) fn tell_raw(&mut self, index: u32, bytes: &[u8]) {
        if let Some(conn) = self.conns.get(index as usize)
            && conn.tee
            && let Some(handle) = conn.handle
        {
            self.seats[conn.guest as usize].tell_bytes(events::STREAM_DATA, handle, bytes);
        }
    }

    /// The guest has heard of the connection.
    pub(in crate::runtime) fn conn_greeted(&mut self, index: u32) {
        if let Some(conn) = self.conns.get_mut(index as usize) {
            conn.greeting = false;
        }
        self.conn_go_on(index);
    }

    fn pause_conn(&mut self, index: u32, on: bool) {
        self.conns[index as usize].paused = on;
        if !on {
            self.conn_go_on(index);
        } else if !self.conns[index as usize].blocked && self.conns[index as usize].phase == Phase::Open {
            self.block(index, &[]);
        }
    }

    /// Something waits for a peer that takes nothing now: it is looked at until all has gone.
    pub(super) fn watch_slow(&mut self, index: u32, written: usize) {
        let grace = Duration::from_millis(u64::from(self.limits.rate_grace_ms));
        let conn = &mut self.conns[index as usize];
        match conn.extra().slow {
            Some((_, ref mut taken)) => *taken = taken.saturating_add(written),
            None => {
                let timer = self.timers.arm(self.now.plus(grace), Token::ConnSlow(index).pack());
                conn.extra().slow = Some((timer, written));
            }
        }
    }

    /// All has gone.
    pub(super) fn not_slow(&mut self, index: u32) {
        let slow = self.conns[index as usize].extra.as_mut().and_then(|extra| extra.slow.take());
        if let Some((timer, _)) = slow {
            self.timers.cancel(timer);
        }
    }

    /// A peer that took too little since the last look is cut off.
    pub(in crate::runtime) fn conn_slow_timer(&mut self, index: u32, id: TimerId) {
        let limits = &self.limits;
        let least = limits.min_drain_bytes_per_second as usize * limits.rate_grace_ms as usize / 1000;
        let grace = Duration::from_millis(u64::from(limits.rate_grace_ms));
        let Some(conn) = self.conns.get_mut(index as usize) else { return };
        let Some(extra) = conn.extra.as_mut() else { return };
        let Some((_, taken)) = extra.slow.take_if(|(timer, _)| *timer == id) else { return };
        let left = conn.key.and_then(|key| self.reactor.pending_out(key).ok()).unwrap_or(0);
        if left == 0 {
            return;
        }
        if taken < least.min(left) {
            return self.lose_conn(index, None);
        }
        extra.slow = Some((self.timers.arm(self.now.plus(grace), Token::ConnSlow(index).pack()), 0));
    }

    /// Whether bytes of the peer may stand unread in the kernel or here: closed now, the connection would be reset,
    /// and the peer could lose what was written to it last (RFC 9112 section 9.6).
    pub(super) fn may_have_unread(&self, index: u32) -> bool {
        let conn = &self.conns[index as usize];
        conn.blocked || conn.has_stash() || conn.head != NONE || !(conn.decoder.is_idle() || conn.decoder.is_closed())
    }

    pub(in crate::runtime) fn conn_idle_timer(&mut self, index: u32, id: TimerId) {
        let Some(conn) = self.conns.get_mut(index as usize) else { return };
        let Some((timer, span)) = conn.idle_timer().filter(|(timer, _)| *timer == id) else { return };
        let again = self.timers.arm(self.now.plus(span), Token::ConnIdle(index).pack());
        debug_assert_ne!(timer, again);
        conn.extra().idle = Some((again, span));
        match conn.handle {
            Some(handle) => self.seats[conn.guest as usize].tell(events::CONN_TIMEOUT, Some(handle), 0, &[]),
            // No script has asked for it: there is nobody to be told.
            None => self.close_conn_by_guest(index),
        }
    }

    /// Options of a connection that the guest has a handle of.
    pub(in crate::runtime) fn conn_option(&mut self, index: u32, which: u32, value: i64) {
        let conn = &mut self.conns[index as usize];
        let Some(key) = conn.key else { return };
        let _optional = match which {
            option::PAUSE => return self.pause_conn(index, value != 0),
            option::TEE => {
                conn.tee = value != 0 && !conn.is_routed();
                return;
            }
            option::NO_DELAY => self.reactor.set_nodelay(key, value != 0),
            option::KEEP_ALIVE => {
                let idle = (value >= 0).then(|| Duration::from_secs(value.clamp(1, 32_767) as u64));
                self.reactor.set_keepalive(key, idle)
            }
            _ => {
                if let Some((timer, _)) = conn.extra().idle.take() {
                    self.timers.cancel(timer);
                }
                if value > 0 {
                    let span = Duration::from_millis(value as u64);
                    let timer = self.timers.arm(self.now.plus(span), Token::ConnIdle(index).pack());
                    conn.extra().idle = Some((timer, span));
                }
                Ok(())
            }
        };
        touch(&mut self.timers, self.conns[index as usize].idle_timer(), self.now);
    }
}

//! Guests of tenants that have had nothing to do for a while give back the pages that they have written; the next event finds
//! them as they were. One a turn, and none is looked at more often than it may fall asleep. It must not know how pages are
//! kept (the guest's).
use super::Hall;
use super::seat::Running;
use super::timers::Token;
use crate::reactor::Kernel;
use crate::time::{Clock, Mono};
use std::collections::VecDeque;
use std::time::Duration;

/// Guests that have run, and when to look at each.
#[derive(Debug, Default)]
pub(super) struct Dozing {
    queue: VecDeque<(u32, Mono)>,
    armed: bool,
}

impl Dozing {
    /// Looks to come.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.queue.len()
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A guest has run.
    pub(super) fn may_doze_later(&mut self, index: usize) {
        let (now, after) = (self.now, self.doze_after());
        let seat = &mut self.seats[index];
        seat.ran = now;
        if seat.tenancy.is_some() && seat.dozes_at.is_none() {
            self.queue_doze(index as u32, now.plus(after));
            self.arm_dozing();
        }
    }

    fn queue_doze(&mut self, index: u32, due: Mono) {
        self.seats[index as usize].dozes_at = Some(due);
        self.dozing.queue.push_back((index, due));
    }

    /// Whoever is first in the queue has maybe done nothing since.
    pub(super) fn doze_timer(&mut self) {
        self.dozing.armed = false;
        if let Some((index, due)) = self.dozing.queue.pop_front_if(|(_, due)| *due <= self.now) {
            self.doze(index, due);
        }
        self.arm_dozing();
    }

    fn doze(&mut self, index: u32, due: Mono) {
        let after = self.doze_after();
        // The entry may be that of who sat there before.
        let Some(seat) = self.seats.get_mut(index as usize).filter(|seat| seat.dozes_at == Some(due)) else { return };
        seat.dozes_at = None;
        if seat.guest.is_asleep() {
            // It is queued again when it has run.
            return;
        }
        let idle_until = seat.ran.plus(after);
        if due < idle_until || seat.is_busy() || seat.running == Running::Yielded {
            return self.queue_doze(index, idle_until.max(self.now.plus(after / 2)));
        }
        let began = self.clock.now_mono();
        let _kept = seat.guest.awake().doze();
        let ended = self.clock.now_mono();
        seat.guest.state_mut().worked_for(ended.0, ended.since(began));
    }

    fn doze_after(&self) -> Duration {
        self.tenants.doze_after()
    }

    fn arm_dozing(&mut self) {
        if !self.dozing.armed
            && let Some((_, due)) = self.dozing.queue.front()
        {
            self.timers.arm(*due, Token::Doze.pack());
            self.dozing.armed = true;
        }
    }
}

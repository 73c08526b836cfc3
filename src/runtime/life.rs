//! A guest's life from its first event to its last: start, signals, beforeExit, exit, dismissal. It
//! must not know what a guest does with its life.
use super::seat::{GuestId, Hired, Running, Seat, Stage, deadline};
use super::timers::Token;
use super::{Hall, Outcome};
use crate::guest::Kind;
use crate::reactor::Kernel;
use crate::time::{Clock, TimerId};
use skep_abi::events;
use std::time::Duration;

/// The hall is to be empty soon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaving {
    pub signal: i32,
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Seats a guest and sends it START.
    pub fn seat(&mut self, mut guest: Hired) -> GuestId {
        let mut seed = [0u8; 32];
        guest.state_mut().outside.random(&mut seed);
        let mut seat = Seat::new(guest);
        seat.tell(events::START, None, 0, &[&seed]);
        GuestId(self.seats.insert(seat) as u32)
    }

    /// The next guest that has ended, and how.
    pub fn ended(&mut self) -> Option<(GuestId, Outcome)> {
        self.ended.pop()
    }

    /// Has this signal told to the guests that watch it, or end the hall.
    pub fn handle_signal(&mut self, signal: i32) -> crate::reactor::Result<()> {
        self.reactor.watch_signal(signal)
    }

    /// A signal has come.
    pub(super) fn signal(&mut self, signal: i32) {
        let mut told = false;
        for (_, seat) in &mut self.seats {
            if seat.watches(signal) {
                seat.tell(events::SIGNAL, None, signal as u32, &[]);
                told = true;
            }
        }
        if !told {
            self.leave(signal);
        }
    }

    /// Stops accepting; responses in flight may finish. Whoever computes, or the second signal, ends it.
    fn leave(&mut self, signal: i32) {
        let computing = self.seats.iter().any(|(_, seat)| seat.running == Running::Yielded);
        if self.leaving.is_some() || computing {
            self.leaving = Some(Leaving { signal });
            return self.leave_now();
        }
        self.leaving = Some(Leaving { signal });
        self.stop_accepting();
        self.close_idle_conns(None);
        if self.exchanges.is_empty() {
            return self.leave_now();
        }
        let grace = Duration::from_millis(u64::from(self.limits.drain_ms));
        self.timers.arm(self.now.plus(grace), Token::Leave.pack());
    }

    /// Ends every guest where it stands.
    pub(super) fn leave_now(&mut self) {
        let Some(Leaving { signal }) = self.leaving else { return };
        let all: Vec<usize> = self.seats.iter().map(|(index, _)| index).collect();
        for index in all {
            self.dismiss(GuestId(index as u32), Outcome::Signal(signal));
        }
    }

    /// The guest's one timer is set or cleared.
    pub(super) fn arm_guest(&mut self, index: u32, due: Option<u64>, keep: bool) {
        let seat = &mut self.seats[index as usize];
        seat.timer_keeps = keep;
        match (due.map(deadline), seat.timer) {
            (Some(due), Some(id)) if self.timers.rearm(id, due) => {}
            (Some(due), _) => seat.timer = Some(self.timers.arm(due, Token::Guest(index).pack())),
            (None, Some(id)) => {
                self.timers.cancel(id);
                seat.timer = None;
            }
            (None, None) => {}
        }
    }

    pub(super) fn guest_timer(&mut self, index: u32, id: TimerId) {
        if let Some(seat) = self.seats.get_mut(index as usize)
            && seat.timer == Some(id)
        {
            seat.timer = None;
            seat.tell(events::TIMER, None, 0, &[]);
        }
    }

    /// Guests that have nothing left are asked once, then told; connections of the dead are gone.
    pub(super) fn reap(&mut self) {
        if self.leaving.is_some() && self.exchanges.is_empty() {
            self.leave_now();
        }
        for index in 0..self.seats.capacity() {
            let Some(seat) = self.seats.get_mut(index) else { continue };
            if seat.is_alive() {
                if seat.stage == Stage::Asked && !seat.is_busy() {
                    seat.stage = Stage::Live;
                }
                continue;
            }
            match seat.stage {
                Stage::Live => {
                    seat.stage = Stage::Asked;
                    seat.tell(events::BEFORE_EXIT, None, 0, &[]);
                }
                Stage::Asked => {
                    seat.stage = Stage::Told;
                    seat.tell(events::EXIT, None, 0, &[]);
                }
                Stage::Told => self.dismiss(GuestId(index as u32), Outcome::Exited(0)),
            }
        }
    }

    /// Ends a guest: all that stood behind its handles is closed.
    pub(super) fn dismiss(&mut self, id: GuestId, outcome: Outcome) {
        let Some(mut seat) = self.seats.try_remove(id.0 as usize) else { return };
        if let Some(timer) = seat.timer.take() {
            self.timers.cancel(timer);
        }
        self.drop_listeners(id.0);
        self.drop_conns(id.0);
        self.drop_streams(id.0);
        debug_assert!(seat.guest.state().handles.iter().all(|(_, slot)| slot.kind != Kind::Free));
        self.ended.push((id, outcome));
    }
}

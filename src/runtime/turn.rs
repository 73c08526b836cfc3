//! One turn of the loop, its phases in order. It must not know what any phase does inside.
use super::effects::{A_TURN, WHOLE};
use super::seat::{GuestId, Running, Seat};
use super::{Hall, Outcome};
use crate::guest::{Turn, Verdict, make_spare};
use crate::reactor::{Fact, Kernel};
use crate::time::Clock;
use std::time::Duration;

/// Turns that may pass without asking the kernel while guests are busy.
const UNPOLLED_TURNS: u8 = 3;

/// And time spent in guests meanwhile: what comes for their neighbours waits no longer than for one that computes.
const LONG: Duration = Duration::from_micros(500);

/// Connections taken in one turn: bounds the turn. Each costs some system calls, which may take 100 µs together.
const ACCEPT_BUDGET: usize = 32;

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Turns until no guest is left.
    pub fn run(&mut self) {
        while !self.seats.is_empty() || self.tenants.is_open() {
            self.turn();
        }
        self.reactor.flush_all(&mut Vec::new());
        self.last_words();
        self.part_from_children();
        self.part_from_cordons();
    }

    /// One turn. Sleeps until there is something to do.
    pub fn turn(&mut self) {
        self.turn_within(None);
    }

    /// One turn, in which the sleep is no longer than that.
    pub fn turn_within(&mut self, most: Option<Duration>) {
        let mut facts = std::mem::take(&mut self.facts);
        self.poll(most, &mut facts);
        self.now = self.clock.now_mono();
        self.wall = self.clock.wall();
        self.reactor.accept_more(ACCEPT_BUDGET, &mut facts);
        self.take_in(&mut facts);
        self.collect_work();
        self.fire_timers();
        self.tend_processes();
        self.tend_sleepers();
        self.tend_tenants();
        self.run_guests(&mut facts);
        self.reactor.flush(&mut facts);
        self.take_in(&mut facts);
        self.facts = facts;
        self.tend_processes();
        self.reap();
        self.tend_tenants();
        if self.has_left() {
            self.close_tenants();
        }
        self.gauges.turn_ended(self.now, self.clock.now_mono());
    }

    /// One stretch of one guest, and what it has asked for.
    pub(super) fn run_guest(&mut self, index: usize) {
        if !self.is_awake(index) {
            return;
        }
        if self.seats[index].owes() {
            return self.go_on_carrying_out(index);
        }
        let seat = &mut self.seats[index];
        std::mem::swap(self.reactor.spare_buffers(), &mut seat.guest.state_mut().outbox.spares);
        let turn = enter(seat, self.now.0, self.wall);
        std::mem::swap(self.reactor.spare_buffers(), &mut seat.guest.state_mut().outbox.spares);
        self.carry_out(index as u32, if matches!(turn, Turn::Ended(_)) { WHOLE } else { A_TURN });
        if !self.seats.contains(index) {
            return;
        }
        let yielded = turn == Turn::Yielded;
        match turn {
            Turn::Yielded => {
                let seat = &mut self.seats[index];
                seat.running = Running::Yielded;
                seat.yielded_at.get_or_insert(self.now);
                self.begin_call(index as u32);
                self.hold_for_log(index as u32);
            }
            Turn::Done { wants } => {
                let seat = &mut self.seats[index];
                seat.running = Running::Idle;
                seat.yielded_at = None;
                seat.soon = wants & skep_abi::wants::SOON != 0;
                self.take_clones(index);
            }
            Turn::Ended(verdict) => {
                let outcome = Outcome::of(verdict, self.seats[index].guest.awake().was_starved());
                return self.dismiss(GuestId(index as u32), outcome);
            }
        }
        self.tell_work(index);
        self.release_held_back(index);
        if self.seats.contains(index) {
            self.may_doze_later(index);
            self.account(index, yielded);
        }
    }

    /// What was left of what a guest had asked for when its stretch ended, or more of it.
    fn go_on_carrying_out(&mut self, index: usize) {
        self.carry_out(index as u32, A_TURN);
        if !self.seats.contains(index) {
            return;
        }
        if self.seats[index].running == Running::Idle {
            self.take_clones(index);
        }
        self.tell_work(index);
        self.release_held_back(index);
    }

    /// Asks the kernel what has happened, and sleeps while there is nothing to do. While guests are busy it is asked
    /// in every fourth turn only, if those were short: a stream that is written as fast as it drains needs no more.
    fn poll(&mut self, most: Option<Duration>, facts: &mut Vec<Fact>) {
        let sleep = match (self.sleep(), most) {
            (Some(own), Some(most)) => Some(own.min(most)),
            (own, most) => own.or(most),
        };
        let may_pass = self.unpolled < UNPOLLED_TURNS && self.fair.unasked < LONG && most != Some(Duration::ZERO);
        // What comes for one that falls asleep has it stay awake, the sooner the better.
        if sleep == Some(Duration::ZERO) && may_pass && !self.tenants.has_pieces() {
            self.unpolled += 1;
            return;
        }
        if sleep != Some(Duration::ZERO) {
            make_spare();
        }
        self.unpolled = 0;
        self.fair.unasked = Duration::ZERO;
        if let Err(error) = self.reactor.wait(sleep, facts) {
            panic!("the kernel's poll failed: {}", error.name());
        }
    }

    /// Whether a guest has something to do.
    pub fn is_busy(&self, guest: GuestId) -> bool {
        self.seats.get(guest.0 as usize).is_some_and(Seat::is_busy)
    }

    /// How long nothing will happen here unless the kernel has news; none: for ever.
    pub fn idle_time(&mut self) -> Option<Duration> {
        if self.reactor.is_busy() { Some(Duration::ZERO) } else { self.sleep() }
    }

    /// How long the kernel may let us sleep.
    fn sleep(&mut self) -> Option<Duration> {
        if self.offload.is_due() || self.tenants.is_due() || self.seats.any_ready() {
            return Some(Duration::ZERO);
        }
        let due = self.timers.next_deadline()?;
        Some(due.since(self.gauges.turn_over))
    }
}

/// Delivers the next batch, or goes on where the guest had to yield.
fn enter(seat: &mut Seat, mono: u64, wall: u64) -> Turn {
    if seat.running == Running::Yielded {
        return seat.guest.awake().resume();
    }
    if seat.soon {
        seat.soon = false;
        seat.tell(skep_abi::events::SOON, None, 0, &[]);
    }
    let limit = seat.guest.state().limits.batch_events;
    let (mono, wall) = (seat.guest.state().mono(mono), seat.guest.state().clock_of(wall));
    let Some((batch, count)) = seat.mail.batch(mono, wall, limit) else {
        return Turn::Ended(Verdict::Broken);
    };
    let size = batch.len();
    let turn = seat.guest.awake().deliver(batch);
    seat.mail.delivered(size, count);
    turn
}

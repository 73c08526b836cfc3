//! Who runs, in which order, for how long, and who rests: guests take turns from a moving place, those with little to do
//! before those that compute, and one that has used up its CPU time or bytes is not entered until it has some. It must
//! not know what a guest computes.
use super::seat::{GuestId, Seat};
use super::seats::Rank;
use super::timers::Token;
use super::work::Errand;
use super::{Hall, Outcome};
use crate::guest::{GuestState, Verdict};
use crate::policy::{AtLimit, Bound};
use crate::reactor::{Fact, Kernel};
use crate::time::{Clock, Mono, TimerId};
use std::collections::BTreeSet;
use std::time::Duration;

/// Guests that do not compute run so long in one turn, but for the last of them, whose slice bounds it. What comes for the
/// others is then looked at.
const TURN_BUDGET: Duration = Duration::from_micros(2500);

/// Who ran so long without a pause computes, as who had to yield: it comes after those that do not.
const HEAVY: Duration = Duration::from_millis(1);

/// Who rests gets so much before it goes on, or the whole burst: each entry has a price.
const CPU_QUANTUM_NS: u64 = 1_000_000;
const BYTES_QUANTUM: u64 = 64 << 10;

/// How often a guest's log is told of its limits.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// How often a process at the root of a tree looks whether one below asks to have the folders measured: nothing else tells it.
const LISTENING: Duration = Duration::from_secs(1);

/// A guest that is not entered for now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    pub timer: TimerId,
    since: Mono,
    /// What is done with requests meanwhile.
    at: AtLimit,
}

/// What its log was told of the limits it has met.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    hits: [u32; Bound::ALL.len()],
    dropped: (u64, u64),
    at: Option<Mono>,
}

/// Where the next turn begins, and what it may still spend.
#[derive(Debug, Default)]
pub(super) struct Turns {
    next: u32,
    next_heavy: u32,
    /// Time spent in guests in this turn, and on what they asked for.
    spent: Duration,
    /// The same since the kernel was last asked.
    pub unasked: Duration,
    /// Folders are being measured: of one tenant at a time, as who looks names up has the same threads.
    pub is_walking: bool,
    /// Guests that have run since, and are looked at when it is over.
    unmeasured: BTreeSet<usize>,
    /// It looks before long what is asked below.
    listens: bool,
}

impl Turns {
    pub fn spent(&mut self, span: Duration) {
        self.spent += span;
        self.unasked += span;
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Every guest that has something to do gets one bounded stretch, as far as the turn's budget goes: those that do not
    /// compute first, whose answers go out at once, then one of those that do. So who computes holds up nobody by more
    /// than a slice, however many there are of them, and a request that came during one slice is answered before the next.
    pub(super) fn run_guests(&mut self, facts: &mut Vec<Fact>) {
        self.fair.spent = Duration::ZERO;
        self.free_held();
        self.fair.next = self.go_round(self.fair.next, Rank::Light, TURN_BUDGET);
        // One that computes is never shut out by those that do not.
        if self.seats.any(Rank::Heavy) {
            self.reactor.flush(facts);
            self.take_in(facts);
            self.fair.next_heavy = self.go_round(self.fair.next_heavy, Rank::Heavy, Duration::ZERO);
        }
    }

    /// One round from this place, until the budget is spent: one guest at least. Answers where the next one begins.
    fn go_round(&mut self, from: u32, rank: Rank, budget: Duration) -> u32 {
        let mut next = from;
        for mut places in [from..u32::MAX, 0..from] {
            while let Some(index) = self.seats.next(rank, places.clone()) {
                self.run_guest(index as usize);
                next = index + 1;
                places.start = next;
                if self.fair.spent >= budget {
                    return next;
                }
            }
        }
        next
    }

    /// Those that are held and need not be any more may go on.
    fn free_held(&mut self) {
        let mut from = 0;
        while let Some(index) = self.seats.next(Rank::Held, from..u32::MAX) {
            self.is_held(index as usize);
            from = index + 1;
        }
    }

    /// Accounts for the stretch that a guest has had; it may have to rest, or to end.
    pub(super) fn account(&mut self, index: usize, yielded: bool) {
        let seat = &mut self.seats[index];
        let state = seat.guest.state_mut();
        let (last, waits) = (state.meter.last, state.awaits());
        self.fair.spent(last);
        seat.heavy = (yielded && !waits) || last >= HEAVY;
        if let Some((until, at, bound)) = over(state) {
            state.meter.hit(bound);
            match at {
                AtLimit::End => return self.dismiss(GuestId(index as u32), Outcome::Ended(Verdict::Over(bound))),
                AtLimit::Throttle | AtLimit::Shed | AtLimit::Refuse => self.rest(index, Mono(until), at),
            }
        }
        self.tend_hoard(index);
        self.tell_limits(index);
    }

    /// What a guest may write is measured now and then; one after the other, or what a guest that rests from now on has written would
    /// not be measured.
    fn tend_hoard(&mut self, index: usize) {
        let state = self.seats[index].guest.state_mut();
        if self.fair.is_walking && state.has_hoard() {
            self.fair.unmeasured.insert(index);
        }
        let work = state.tend_hoard(self.now.0, !self.fair.is_walking);
        if state.measures_for_children() && !self.fair.listens {
            self.fair.listens = true;
            self.timers.arm(self.now.plus(LISTENING), Token::Hoards.pack());
        }
        if let Some(work) = work {
            self.fair.is_walking = true;
            self.send_on(Errand::Walk, work);
        }
    }

    /// What a guest may write has been measured.
    pub(super) fn walk_is_over(&mut self) {
        self.fair.is_walking = false;
        while !self.fair.is_walking
            && let Some(index) = self.fair.unmeasured.pop_first()
        {
            if self.seats.contains(index) {
                self.tend_hoard(index);
            }
        }
    }

    /// Who measures for others may have been asked to.
    pub(super) fn hoards_timer(&mut self) {
        self.fair.listens = false;
        let those = |(index, seat): (usize, &Seat)| seat.guest.state().measures_for_children().then_some(index);
        let indexes: Vec<usize> = self.seats.iter().filter_map(those).collect();
        indexes.into_iter().for_each(|index| self.tend_hoard(index));
    }

    fn rest(&mut self, index: usize, until: Mono, at: AtLimit) {
        let timer = self.timers.arm(until, Token::Rest(index as u32).pack());
        let seat = &mut self.seats[index];
        if let Some(before) = seat.rest.replace(Rest { timer, since: self.now, at }) {
            self.timers.cancel(before.timer);
        }
    }

    /// A guest has rested.
    pub(super) fn rested(&mut self, index: u32, id: TimerId) {
        let Some(seat) = self.seats.get_mut(index as usize) else { return };
        if let Some(rest) = seat.rest.take_if(|rest| rest.timer == id) {
            let meter = &mut seat.guest.state_mut().meter;
            meter.rests += 1;
            meter.rested += self.now.since(rest.since);
        }
    }

    /// A guest goes on before its time: its limits are others now.
    pub(super) fn end_rest(&mut self, index: u32) {
        let rest = self.seats.get(index as usize).and_then(|seat| seat.rest);
        if let Some(Rest { timer, .. }) = rest {
            self.timers.cancel(timer);
            self.rested(index, timer);
        }
    }

    /// Tells a guest's log which of its limits it has met since it was last told.
    fn tell_limits(&mut self, index: usize) {
        let seat = &mut self.seats[index];
        let state = seat.guest.state();
        if !state.limits.tell_limits || state.meter.all_hits() == seat.told.hits {
            return;
        }
        if seat.told.at.is_some_and(|at| self.now.since(at) < TELL_EVERY) {
            return;
        }
        let line = limits_line(state, &seat.told);
        let meter = &state.meter;
        let dropped = (meter.log_dropped, meter.log_dropped_bytes);
        seat.told = Told { hits: meter.all_hits(), dropped, at: Some(self.now) };
        self.log_of_host(index as u32, line.as_bytes());
    }
}

/// The rate that the guest is over, until when, and what is to be done about it.
fn over(state: &mut GuestState) -> Option<(u64, AtLimit, Bound)> {
    let (now, limits) = (state.meter.left_at, &state.limits);
    let cpu = limits.cpu_ns.and_then(|rate| {
        let bucket = &mut state.usage.cpu;
        match state.purse {
            Some(_) => {
                // While a row is taken back its share is missing for a moment.
                let before = state.usage.tree_cpu;
                state.usage.tree_cpu = before.max(state.tree_cpu);
                bucket.charge_late(rate, now, state.usage.tree_cpu - before);
            }
            None => bucket.charge(rate, now, state.meter.last.as_nanos() as u64),
        }
        let until = bucket.is_overdrawn(rate, now).then(|| bucket.ready_at(rate, now, CPU_QUANTUM_NS))?;
        Some((until, limits.at_cpu, Bound::Cpu))
    });
    let bytes = limits.bytes_out.and_then(|rate| {
        let bucket = &mut state.usage.bytes_out;
        let until = bucket.is_overdrawn(rate, now).then(|| bucket.ready_at(rate, now, BYTES_QUANTUM))?;
        Some((until, limits.at_bytes_out, Bound::BytesOut))
    });
    cpu.into_iter().chain(bytes).max_by_key(|(until, ..)| *until)
}

/// One line, however much has happened.
fn limits_line(state: &GuestState, told: &Told) -> String {
    let mut line = String::from("skep: at its limits:");
    let met = Bound::ALL.iter().zip(told.hits).map(|(bound, before)| (bound, state.meter.hits(*bound) - before));
    for (bound, times) in met.filter(|(_, times)| *times > 0) {
        line.push_str(&format!(" {} {times} x ({}),", bound.name(), bound.consequence()));
    }
    line.pop();
    let (calls, bytes) = told.dropped;
    let (calls, bytes) = (state.meter.log_dropped - calls, state.meter.log_dropped_bytes - bytes);
    if calls > 0 {
        line.push_str(&format!("; {calls} writes of {bytes} bytes were dropped"));
    }
    line.push('\n');
    line
}

impl Seat {
    /// Whether it may be entered and has something to do, and among whom.
    pub fn rank(&self) -> Option<Rank> {
        match () {
            () if self.hold.is_some() => Some(Rank::Held),
            () if self.rest.is_some() || !self.is_busy() || self.guest.is_rising() => None,
            // What it has asked for comes before what it waits for.
            () if self.guest.state().awaits() && !self.owes() => None,
            () if self.heavy => Some(Rank::Heavy),
            () => Some(Rank::Light),
        }
    }

    /// What a request is to be answered with in its stead, if it is; counts that.
    pub fn refuses(&mut self, now: Mono) -> Option<u16> {
        let resting = self.rest.and_then(|rest| rest.at.answer());
        let state = self.guest.state_mut();
        let mut over = || {
            let fits = state.limits.requests.is_none_or(|rate| state.usage.requests.take(rate, now.0, 1));
            if fits { None } else { state.limits.at_requests.answer() }
        };
        let (status, bound) = match resting {
            Some(answer) => answer,
            None => {
                let answer = over()?;
                state.meter.hit(Bound::Requests);
                answer
            }
        };
        state.meter.hit(bound);
        Some(status)
    }
}

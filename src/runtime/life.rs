//! A guest's life from its first event to its last: start, signals, beforeExit, exit, dismissal. It
//! must not know what a guest does with its life.
use super::effects::WHOLE;
use super::seat::{GuestId, Hired, Running, Seat, Stage, deadline};
use super::timers::Token;
use super::{Hall, Outcome};
use crate::guest::{Alarm, Bell};
use crate::policy::Meter;
use crate::reactor::{Fact, Kernel, process};
use crate::time::{Clock, TimerId};
use skep_abi::events;
use std::time::Duration;

/// The hall is to be empty soon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaving {
    pub signal: i32,
    /// Some guest computed when the signal came: turns begun by then. If none begins soon, it never ends.
    patience: Option<u64>,
}

const SIGHUP: i32 = 1;
const SIGWINCH: i32 = 28;

/// How long a guest that computes while responses are in flight may go on after a signal.
const PATIENCE: Duration = Duration::from_millis(250);

/// Signals that do nothing where nobody watches them: SIGCHLD, SIGCONT, SIGURG, SIGWINCH.
const HARMLESS: [i32; 4] = if cfg!(target_os = "linux") { [17, 18, 23, 28] } else { [20, 19, 16, 28] };

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Seats a guest and sends it START.
    pub fn seat(&mut self, mut guest: Hired) -> GuestId {
        let mut seed = [0u8; 32];
        guest.state_mut().outside.random(&mut seed);
        if !self.tenants.is_open() {
            // A tenant has nothing to wait for.
            let bells = self.reactor.signal_ends().into_iter().map(|(signal, end)| Bell { signal, end });
            guest.state_mut().alarm = Alarm::new(bells.collect());
        }
        let mut seat = Seat::new(guest);
        seat.tell(events::START, None, 0, &[&seed]);
        GuestId(self.seats.insert(seat) as u32)
    }

    /// The next guest that has ended, and how.
    pub fn ended(&mut self) -> Option<(GuestId, Outcome)> {
        self.ended.pop()
    }

    /// The guest stays when it has nothing left to wait for: it may be called.
    pub fn keep_seated(&mut self, guest: GuestId) {
        self.seats[guest.0 as usize].resident = true;
    }

    /// Ends a guest where it stands.
    pub fn end(&mut self, guest: GuestId, code: i32) {
        self.dismiss(guest, Outcome::Exited(code));
    }

    /// What a guest has used so far; none when it has ended.
    pub fn meter(&self, guest: GuestId) -> Option<Meter> {
        self.seats.get(guest.0 as usize).map(|seat| seat.guest.state().meter)
    }

    /// Has this signal told to the guests that watch it, or end the hall.
    pub fn handle_signal(&mut self, signal: i32) -> crate::reactor::Result<()> {
        self.reactor.watch_signal(signal)
    }

    /// A signal has come.
    pub(super) fn signal(&mut self, signal: i32) {
        if signal == process::CHILD_SIGNAL {
            self.reap_children();
        }
        if self.tenants.is_open() && !HARMLESS.contains(&signal) {
            // The operator's, and no tenant may stand in its way.
            if signal == SIGHUP {
                self.reload_tenants(super::tenants::Again::All);
            } else {
                self.leave(signal);
            }
            return;
        }
        if signal == SIGWINCH {
            self.look_at_windows();
        }
        let mut told = false;
        for (_, seat) in self.seats.iter_mut() {
            if seat.watches(signal) {
                seat.tell_signal(signal);
                told = true;
            }
        }
        if !told && !HARMLESS.contains(&signal) {
            self.leave(signal);
        }
    }

    /// Those who know how large their terminals are will find what they are now.
    fn look_at_windows(&mut self) {
        let now = [1, 2].map(|fd| self.logs.window(fd));
        for (_, seat) in self.seats.iter_mut() {
            for (window, now) in seat.guest.state_mut().windows.iter_mut().zip(now) {
                *window = now.filter(|_| window.is_some());
            }
        }
    }

    /// A guest does a signal to itself: at once, and not to its neighbours.
    pub(super) fn raise(&mut self, guest: u32, signal: i32) {
        let seat = &mut self.seats[guest as usize];
        if seat.watches(signal) {
            return seat.tell_signal(signal);
        }
        if !HARMLESS.contains(&signal) {
            self.raised = Some((GuestId(guest), signal));
        }
    }

    /// Stops accepting; responses in flight may finish. The second signal ends it, and so does a guest that
    /// computes for no response, or for ever.
    pub(super) fn leave(&mut self, signal: i32) {
        let computing = self.seats.iter().any(|(_, seat)| seat.running == Running::Yielded);
        let again = self.leaving.is_some();
        self.leaving = Some(Leaving { signal, patience: computing.then(|| self.turns_begun()) });
        self.end_cordons_by(signal);
        self.stop_accepting();
        self.close_idle_conns(None);
        if again || self.nothing_in_flight() {
            return self.leave_now();
        }
        let grace = if computing { PATIENCE } else { self.drain_time() };
        self.timers.arm(self.now.plus(grace), Token::Leave.pack());
    }

    /// The time for responses in flight is over, or the patience with a guest that computes.
    pub(super) fn leave_timer(&mut self) {
        let turns = self.turns_begun();
        let drain = self.drain_time();
        let patience = self.leaving.as_mut().and_then(|leaving| leaving.patience.take());
        if patience.is_some_and(|before| turns > before) {
            self.timers.arm(self.now.plus(drain), Token::Leave.pack());
        } else {
            self.leave_now();
        }
    }

    fn drain_time(&self) -> Duration {
        Duration::from_millis(u64::from(self.limits.drain_ms))
    }

    fn turns_begun(&self) -> u64 {
        self.seats.iter().map(|(_, seat)| seat.guest.state().meter.turns).sum()
    }

    /// No response is due, and all that was given, on tunnels and plain streams too, is with the kernel.
    fn nothing_in_flight(&self) -> bool {
        let sent = |key| !self.reactor.pending_out(key).is_ok_and(|bytes| bytes > 0);
        !self.tenants.have_processes()
            && self.exchanges.is_empty()
            && self.conns.iter().all(|(_, conn)| conn.key.is_none_or(sent))
            && self.streams.iter().all(|(_, stream)| sent(stream.key))
            && self.draining.iter().all(|(_, (key, _))| sent(*key))
    }

    /// Ends every guest where it stands.
    pub(super) fn leave_now(&mut self) {
        let Some(Leaving { signal, .. }) = self.leaving else { return };
        let all: Vec<usize> = self.seats.iter().map(|(index, _)| index).collect();
        for index in all {
            self.dismiss(GuestId(index as u32), Outcome::Signal(signal));
        }
        self.close_tenants();
    }

    /// The guest's one timer is set or cleared.
    pub(super) fn arm_guest(&mut self, index: u32, due: Option<u64>, keep: bool) {
        let seat = &mut self.seats[index as usize];
        seat.timer_keeps = keep;
        let state = seat.guest.state();
        match (due.map(|due| deadline(state.outside_at(due))), seat.timer) {
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
        if self.leaving.is_some() && self.nothing_in_flight() {
            self.leave_now();
        }
        let unasked = self.seats.take_unasked();
        for &index in &unasked {
            self.reap_one(index as usize);
        }
        self.seats.give_back(unasked);
    }

    fn reap_one(&mut self, index: usize) {
        // Looked at without a trace: a seat that has not changed is not looked at again.
        let Some(seat) = self.seats.get(index) else { return };
        let (alive, stage) = (seat.is_alive(), seat.stage);
        if alive {
            if stage == Stage::Asked && (seat.waits() || !seat.is_busy()) {
                self.seats[index].stage = Stage::Live;
            }
            return;
        }
        let (stage, event) = match stage {
            Stage::Live => (Stage::Asked, events::BEFORE_EXIT),
            Stage::Asked => (Stage::Told, events::EXIT),
            Stage::Told => return self.dismiss(GuestId(index as u32), Outcome::Exited(0)),
        };
        let seat = &mut self.seats[index];
        seat.stage = stage;
        seat.tell(event, None, 0, &[]);
    }

    /// What was printed goes out, however slowly it is taken; a signal ends that too.
    pub(super) fn last_words(&mut self) {
        let mut facts = Vec::new();
        while self.leaving.is_none() && self.logs.wait() {
            if self.reactor.wait(Some(Duration::ZERO), &mut facts).is_err() {
                return;
            }
            for fact in facts.drain(..) {
                if let Fact::Signal(signal) = fact {
                    self.ended.iter_mut().for_each(|(_, outcome)| *outcome = Outcome::Signal(signal));
                    return;
                }
            }
        }
        self.logs.pump(|_, _| {});
    }

    /// Ends a guest: all that stood behind its handles is closed.
    pub(super) fn dismiss(&mut self, id: GuestId, outcome: Outcome) {
        // What it asked for before its end is done, as far as it was not yet.
        self.carry_out(id.0, WHOLE);
        if let Some(tenancy) = self.seats.get(id.0 as usize).and_then(|seat| seat.tenancy) {
            self.rescue_conns(id.0);
            self.last_lines(id.0, tenancy.tenant);
            self.tenants.is_gone(tenancy.tenant, id, &outcome);
        }
        let Some(mut seat) = self.seats.remove(id.0 as usize) else { return };
        if let Some(timer) = seat.timer.take() {
            self.timers.cancel(timer);
        }
        if let Some(rest) = seat.rest.take() {
            self.timers.cancel(rest.timer);
        }
        self.drop_watches(id.0);
        self.drop_work(id.0);
        self.drop_calls(id.0);
        self.drop_listeners(id.0);
        self.drop_conns(id.0);
        self.drop_streams(id.0);
        self.fed.retain(|_, fed| fed.guest != id.0);
        self.drop_datagrams(id.0);
        self.drop_children(id.0);
        if seat.tenancy.is_none() {
            self.ended.push((id, outcome));
        }
    }
}

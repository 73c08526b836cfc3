//! Tenants that sleep: an instance that has nothing to do, and has had nothing for a while, gives its memory back and goes on
//! when something comes for it. The hall keeps meanwhile what it has: listeners, timers, connections. It must not know what
//! is put aside of a guest, nor where.
//!
//! | an instance that sleeps is woken by | which |
//! |---|---|
//! | bytes on a connection, or a new one | knocks: it is woken before anything is read as a request, so one that cannot be woken loses none |
//! | anything else (a timer, a signal, bytes of a stream) | has an event, and is woken when it is to be entered |
//!
//! Who cannot be woken starts anew, and is told so in its log.
use super::super::seat::{GuestId, Running, Seat, Stage as Life};
use super::super::{Hall, Owner};
use super::life::Instance;
use super::visitors::Phase;
use super::{Tenancy, Tenants, ms};
use crate::guest::handles::Client;
use crate::guest::{Den, Kind};
use crate::reactor::{Kernel, Key};
use crate::time::{Clock, Mono};
use std::time::Duration;

/// Guests are woken so long in one turn; others that are knocked at wait for the next. One at least is woken.
const WAKING: Duration = Duration::from_millis(2);

/// One is put to sleep in a turn, and the next one after so long.
const APART: Duration = Duration::from_millis(1);

impl Tenancy {
    /// Of an instance that starts.
    pub fn new(tenant: u32, now: Mono) -> Tenancy {
        Tenancy { tenant, parting: false, used: now, requests: 0, restless: None }
    }
}

impl Tenants {
    /// A connection has something for a guest that sleeps.
    pub fn knock(&mut self, key: Key) {
        self.knocking.push_back(key);
    }

    /// Somebody waits for a guest to wake.
    pub fn is_knocked_at(&self) -> bool {
        !self.knocking.is_empty()
    }
}

impl Seat {
    /// Whether it holds nothing but what the hall can hold for it. What is under way would be over while it sleeps, or keeps
    /// others waiting: requests in flight, bytes to be sent, work off the loop, processes, calls.
    fn may_sleep(&self) -> bool {
        let state = self.guest.state();
        let quiet = self.running == Running::Idle && !self.is_busy() && self.stage == Life::Live;
        let free = self.rest.is_none() && self.hold.is_none() && self.clones.is_empty() && !self.is_held_back();
        let parked = state.pending_total == 0 && state.operations == 0 && state.children.is_empty();
        quiet && free && parked && state.handles.iter().all(|(_, slot)| rests(slot.kind, slot.client))
    }

    fn is_held_back(&self) -> bool {
        let held = [&self.held_back, &self.held_datagrams, &self.held_channels];
        self.signals_due != 0 || held.iter().any(|held| !held.is_empty())
    }

    /// When it was last left, on the hall's clock.
    fn left_at(&self) -> u64 {
        self.guest.state().meter.left_at
    }
}

/// Whether a handle of this kind may be had by a guest that sleeps.
fn rests(kind: Kind, client: Client) -> bool {
    match kind {
        Kind::Exchange | Kind::Operation | Kind::Child | Kind::Channel | Kind::Call | Kind::HostCall => false,
        Kind::Stream | Kind::Attached => matches!(client, Client::No | Client::Idle),
        Kind::Free | Kind::Blob | Kind::File | Kind::Folder | Kind::Listener => true,
        Kind::Connection | Kind::Datagram | Kind::Watch => true,
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Tenants may sleep from here on: their memory lies there.
    pub fn set_den(&mut self, den: Den) {
        self.tenants.den = Some(den);
    }

    pub(super) fn sleeps(&self, guest: GuestId) -> bool {
        self.seats.get(guest.0 as usize).is_some_and(|seat| seat.guest.is_asleep())
    }

    /// An instance that serves may have been without work for so long that it stops, or sleeps; or when to look again.
    pub(super) fn unused_late(&mut self, tenant: u32, instance: Instance) -> Option<Mono> {
        let stop = self.idle_late(tenant);
        let sleep = if self.is_parting(instance.guest.0) { None } else { self.sleep_late(tenant, instance.guest) };
        [stop, sleep].into_iter().flatten().min()
    }

    /// Puts it to sleep, if it is time to.
    fn sleep_late(&mut self, tenant: u32, guest: GuestId) -> Option<Mono> {
        let span = self.tenants.all[tenant as usize].plan.hibernate?;
        let den = self.tenants.den.clone()?;
        let seat = self.seats.get(guest.0 as usize)?;
        let (left_at, tenancy) = (seat.left_at(), seat.tenancy?);
        if seat.guest.is_asleep() {
            return None;
        }
        let due = tenancy.used.max(Mono(left_at)).plus(span);
        if self.now < due {
            return Some(due);
        }
        let later = Some(self.now.plus(span));
        if tenancy.restless == Some(left_at) || !seat.may_sleep() || self.has_near_timer(seat) {
            return later;
        }
        if self.tenants.slept == self.now {
            return Some(self.now.plus(APART));
        }
        self.tenants.slept = self.now;
        let seat = &mut self.seats[guest.0 as usize];
        let began = self.clock.now_mono();
        let slept = seat.guest.sleep(&den, self.tenants.limits.hibernate_bytes);
        let ended = self.clock.now_mono();
        seat.guest.state_mut().worked_for(ended.0, ended.since(began));
        match slept {
            Ok(()) => {
                self.tenants.all[tenant as usize].hibernations += 1;
                None
            }
            Err(why) => {
                let known = tenancy.restless.is_some();
                seat.tenancy = Some(Tenancy { restless: Some(left_at), ..tenancy });
                if !known {
                    self.say(tenant, &format!("stays awake: {why:#}"));
                }
                later
            }
        }
    }

    fn has_near_timer(&self, seat: &Seat) -> bool {
        let near = self.now.plus(ms(self.tenants.limits.near_timer_ms));
        seat.timer.and_then(|timer| self.timers.deadline(timer)).is_some_and(|due| due < near)
    }

    /// A guest is to be entered: wakes it if it sleeps. False: it is gone, another begins in its stead.
    pub(in crate::runtime) fn is_awake(&mut self, index: usize) -> bool {
        let seat = &mut self.seats[index];
        if !seat.guest.is_asleep() {
            return true;
        }
        let (id, tenancy) = (GuestId(index as u32), seat.tenancy);
        let began = self.clock.now_mono();
        let woken = seat.guest.wake();
        let ended = self.clock.now_mono();
        seat.guest.state_mut().worked_for(ended.0, ended.since(began));
        self.fair.spent += ended.since(began);
        let Some(Tenancy { tenant, .. }) = tenancy else { return woken.is_ok() };
        let Err(why) = woken else {
            let this = &mut self.tenants.all[tenant as usize];
            this.wakes += 1;
            let span = [this.plan.hibernate, this.plan.idle].into_iter().flatten().min();
            if let Some(span) = span {
                self.look_at(tenant, self.now.plus(span));
            }
            return true;
        };
        self.say(tenant, &format!("cannot be woken, and starts anew: {why:#}"));
        let served = !self.is_parting(id.0);
        // It has failed in nothing: the next start need not wait.
        self.drop_instance(tenant, id);
        if served && self.leaving.is_none() {
            self.start_instance(tenant);
        }
        false
    }

    /// Wakes those that are knocked at, as many as a turn has time for.
    pub(super) fn answer_knocks(&mut self) {
        if self.tenants.knocking.is_empty() {
            return;
        }
        let began = self.clock.now_mono();
        while let Some(key) = self.tenants.knocking.pop_front() {
            self.answer_knock(key);
            if self.clock.now_mono().since(began) >= WAKING {
                return;
            }
        }
    }

    /// A connection goes on where it had to wait, or becomes nobody's with its guest.
    fn answer_knock(&mut self, key: Key) {
        match self.owners.get(key) {
            Owner::Conn(index) if self.conn_has_key(index, key) => {
                let guest = self.conns[index as usize].guest;
                if self.is_awake(guest as usize) {
                    self.conn_go_on(index);
                }
            }
            Owner::Visitor(index) if self.visitor_has_key(index, key) => {
                let visitor = &self.tenants.visitors[index as usize];
                let Phase::Waiting(tenant) = visitor.phase else { return };
                let shared = self.tenants.is_shared(visitor.front);
                if let Some(listener) = self.choose_listener(tenant, shared) {
                    self.is_awake(self.listeners[listener as usize].guest as usize);
                }
                self.tenants.seeking.push_back(key);
            }
            _ => {}
        }
    }
}

//! Tenants that sleep: an instance that has nothing to do, and has had nothing for a while, gives its memory back and goes on
//! when something comes for it. The hall keeps meanwhile what it has: listeners, timers, connections. It must not know what
//! is put aside of a guest, nor where, nor in which pieces (`falling.rs`, `rising.rs`).
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

/// Whether a guest can be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    Awake,
    /// It will be, or will be gone.
    Rising,
    /// It could not be woken: another begins in its stead.
    Gone,
}

impl Tenancy {
    /// Of an instance that starts.
    pub fn new(tenant: u32, now: Mono) -> Tenancy {
        Tenancy { tenant, parting: false, used: now, requests: 0, restless: None, drowsy: false }
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
    pub(super) fn may_sleep(&self) -> bool {
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

    /// A piece of whoever is on the way to sleep, and of whoever is on the way back.
    pub(in crate::runtime) fn tend_sleepers(&mut self) {
        self.rise_more();
        self.fall_more();
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

    /// Has it fall asleep, if it is time to and it is its turn; or when to look again.
    pub(super) fn sleep_late(&mut self, tenant: u32, guest: GuestId) -> Option<Mono> {
        let span = self.tenants.all[tenant as usize].plan.hibernate?;
        let seat = self.seats.get(guest.0 as usize).filter(|_| self.tenants.den.is_some())?;
        let (left_at, tenancy) = (seat.left_at(), seat.tenancy?);
        if seat.guest.is_asleep() || seat.guest.falls() || tenancy.drowsy {
            return None;
        }
        let due = tenancy.used.max(Mono(left_at)).plus(span);
        if self.now < due {
            return Some(due);
        }
        if tenancy.restless == Some(left_at) || !seat.may_sleep() || self.has_near_timer(seat) {
            return Some(self.now.plus(span));
        }
        self.fall(tenant, guest)
    }

    /// It could not be put to sleep as it is.
    pub(super) fn stays_awake(&mut self, tenant: u32, guest: GuestId, why: &str) {
        let Some(seat) = self.seats.get_mut(guest.0 as usize) else { return };
        seat.guest.stay_awake();
        let left_at = seat.left_at();
        let Some(tenancy) = seat.tenancy.as_mut() else { return };
        if tenancy.restless.replace(left_at).is_none() {
            self.say(tenant, &format!("stays awake: {why}"));
        }
        // To be looked at it was roused.
        self.may_doze_later(guest.0 as usize);
        self.look_at_sleep(tenant);
    }

    /// The tenant is looked at when it may sleep or stop.
    pub(super) fn look_at_sleep(&mut self, tenant: u32) {
        let plan = &self.tenants.all[tenant as usize].plan;
        if let Some(span) = [plan.hibernate, plan.idle].into_iter().flatten().min() {
            self.look_at(tenant, self.now.plus(span));
        }
    }

    pub(super) fn has_near_timer(&self, seat: &Seat) -> bool {
        let near = self.now.plus(ms(self.tenants.limits.near_timer_ms));
        seat.timer.and_then(|timer| self.timers.deadline(timer)).is_some_and(|due| due < near)
    }

    /// A guest is to be entered: wakes it if it sleeps. False: it cannot be entered yet, or is gone.
    pub(in crate::runtime) fn is_awake(&mut self, index: usize) -> bool {
        self.wake(index) == Woken::Awake
    }

    pub(super) fn wake(&mut self, index: usize) -> Woken {
        let guest = &mut self.seats[index].guest;
        if !guest.is_asleep() {
            return Woken::Awake;
        }
        if guest.is_rising() {
            return Woken::Rising;
        }
        let began = self.clock.now_mono();
        let woken = self.seats[index].guest.wake();
        self.count_waking(index, began);
        match woken {
            Ok(true) => {
                self.has_woken(index);
                Woken::Awake
            }
            Ok(false) => {
                self.call_sleeper(index);
                Woken::Rising
            }
            Err(why) => {
                self.is_lost(index, &format!("{why:#}"));
                Woken::Gone
            }
        }
    }

    /// What has been done since then was done to wake it.
    pub(super) fn count_waking(&mut self, index: usize, began: Mono) {
        let ended = self.clock.now_mono();
        self.seats[index].guest.state_mut().worked_for(ended.0, ended.since(began));
        self.fair.spent(ended.since(began));
    }

    pub(super) fn has_woken(&mut self, index: usize) {
        if let Some(Tenancy { tenant, .. }) = self.seats[index].tenancy {
            self.tenants.all[tenant as usize].wakes += 1;
            self.look_at_sleep(tenant);
        }
    }

    /// It cannot be woken.
    pub(super) fn is_lost(&mut self, index: usize, why: &str) {
        let (id, tenancy) = (GuestId(index as u32), self.seats[index].tenancy);
        let Some(Tenancy { tenant, .. }) = tenancy else { return };
        self.say(tenant, &format!("cannot be woken, and starts anew: {why}"));
        let served = !self.is_parting(id.0);
        // It has failed in nothing: the next start need not wait.
        self.drop_instance(tenant, id);
        if served && self.leaving.is_none() {
            self.start_instance(tenant);
        }
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
                if self.wake_for(guest, key) == Woken::Awake {
                    self.conn_go_on(index);
                }
            }
            Owner::Visitor(index) if self.visitor_has_key(index, key) => {
                let visitor = &self.tenants.visitors[index as usize];
                let Phase::Waiting(tenant) = visitor.phase else { return };
                let shared = self.tenants.is_shared(visitor.front);
                let listener = self.choose_listener(tenant, shared);
                let guest = listener.map(|listener| self.listeners[listener as usize].guest);
                let woken = guest.map(|guest| self.wake_for(guest, key));
                if woken != Some(Woken::Rising) {
                    self.tenants.seeking.push_back(key);
                }
            }
            _ => {}
        }
    }
}

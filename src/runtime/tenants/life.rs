//! The life of a tenant: instances that start with the first request, listen, are replaced by newer code, stopped when
//! nobody asks for them, and started anew with patience when they fail. It must not know connections.
//!
//! | an instance is | it gets requests | it goes on to |
//! |---|---|---|
//! | starting | no: they wait | serving, when it has listened; gone, when it ends or takes too long |
//! | serving | yes | draining, when a newer one serves or it idles; gone, when it ends |
//! | draining | only what it has begun | gone, when all of that is over |
use super::super::seat::{GuestId, Running, Seat};
use super::super::timers::Token;
use super::super::{Hall, Outcome};
use super::crews::Dealt;
use super::handover::Bid;
use super::keeper::NotHired;
use super::keepsakes::Kept;
use super::snapshots::Bud;
use super::watching::Changed;
use super::{Plan, Tenancy, ms};
use crate::guest::Kind;
use crate::policy::{Backoff, BackoffLimits, Crew, Instances};
use crate::reactor::{Kernel, Key};
use crate::time::{Clock, Mono, TimerId};
use skep_abi::events;
use std::collections::VecDeque;
use std::time::Duration;

const SIGTERM: i32 = 15;

/// How often an instance that is to go is looked at: what ends with it tells nobody.
const LOOK: Duration = Duration::from_millis(50);

/// `Retry-After` while an operator holds a tenant: nobody knows how long.
pub(super) const HELD_SECONDS: u64 = 60;

/// One tenant.
pub(super) struct Tenant {
    pub plan: Plan,
    pub instances: Vec<Instance>,
    /// Visitors that wait for an instance.
    waiting: VecDeque<Key>,
    /// Whose turn it is among several instances.
    pub next: usize,
    /// Failures in a row, and until when no other start is tried.
    pub backoff: Backoff,
    timer: Option<(TimerId, Mono)>,
    /// Its code is being made ready: an instance is started when it is.
    pub preparing: bool,
    /// Counts up with each deploy.
    pub edition: u32,
    /// Starts so far.
    pub starts: u64,
    /// How many instances there are to be, and when that is looked at next.
    pub crew: Crew,
    pub look: Option<Mono>,
    /// Its connections that are placed again.
    pub dealt: Dealt,
    /// How often an instance was put to sleep, and woken.
    pub hibernations: u64,
    pub wakes: u64,
    /// How often one has ended that was not to.
    pub crashes: u64,
    /// Where its next start begins, and how many of these were taken.
    pub bud: Option<Bud>,
    pub snapshots: u64,
    /// Where its snapshot is kept on disk, and whether it was looked for there.
    pub kept: Kept,
    /// Its files have.
    pub changed: Option<Changed>,
    /// When one that served has ended that was not to.
    pub missed: Option<Mono>,
    /// It has left the configuration.
    pub gone: bool,
    /// An operator has stopped it: no request starts it.
    pub held: bool,
}

/// One guest of a tenant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instance {
    pub guest: GuestId,
    pub stage: Stage,
    since: Mono,
    pub edition: u32,
    /// It has been told that it is to go.
    told: bool,
    /// It began from the tenant's snapshot.
    revived: bool,
    /// Where its requests were last sent.
    pub listener: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Starting,
    Serving,
    Draining,
}

/// How a tenant is, for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its next request starts it.
    Stopped,
    Starting,
    Running,
    /// It has failed; no start is tried for so long.
    Failed(Duration),
}

impl Tenant {
    pub fn new(plan: Plan) -> Tenant {
        Tenant {
            crew: Crew::new(plan.instances),
            look: None,
            dealt: Dealt::default(),
            plan,
            instances: Vec::new(),
            waiting: VecDeque::new(),
            next: 0,
            backoff: Backoff::default(),
            timer: None,
            preparing: false,
            edition: 0,
            starts: 0,
            hibernations: 0,
            wakes: 0,
            crashes: 0,
            bud: None,
            snapshots: 0,
            kept: Kept::default(),
            changed: None,
            missed: None,
            gone: false,
            held: false,
        }
    }

    /// A number that no tenant has.
    pub fn nobody() -> Tenant {
        Tenant {
            gone: true,
            ..Tenant::new(Plan {
                name: String::new(),
                instances: Instances::fixed(0),
                idle: None,
                hibernate: None,
                keep: false,
                elsewhere: false,
            })
        }
    }

    /// It is to be so from here on.
    pub fn plan(&mut self, plan: Plan) {
        if std::mem::take(&mut self.gone) {
            self.backoff.forget();
        }
        self.crew.fit(plan.instances);
        self.plan = plan;
    }

    pub fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    pub fn state(&self, now: Mono) -> State {
        let has = |stage| self.instances.iter().any(|instance| instance.stage == stage);
        match () {
            () if has(Stage::Serving) => State::Running,
            () if has(Stage::Starting) || self.preparing => State::Starting,
            () => match self.backoff.may_start(now.0) {
                Ok(()) => State::Stopped,
                Err(wait) => State::Failed(wait),
            },
        }
    }

    /// One failure more, after a life so long.
    fn failed(&mut self, now: Mono, lived: Duration) {
        self.backoff.failed(&BackoffLimits::default(), now.0, lived);
    }

    fn seconds_left(&self, now: Mono) -> u64 {
        self.backoff.may_start(now.0).err().map_or(1, |wait| wait.as_secs() + 1)
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A visitor waits for an instance; one is started if none is. An error is how many seconds there will be none.
    pub(super) fn await_instance(&mut self, tenant: u32, visitor: Key) -> Result<(), u64> {
        let (now, most) = (self.now, self.tenants.limits.waiting as usize);
        let this = &mut self.tenants.all[tenant as usize];
        if this.held {
            return Err(HELD_SECONDS);
        }
        match this.state(now) {
            State::Failed(_) => return Err(this.seconds_left(now)),
            // It has closed its listener.
            State::Running => return Err(1),
            State::Stopped => {
                self.start_instances(tenant);
                if self.tenants.all[tenant as usize].state(now) != State::Starting {
                    return Err(self.tenants.all[tenant as usize].seconds_left(now));
                }
            }
            State::Starting => {}
        }
        let this = &mut self.tenants.all[tenant as usize];
        if this.waiting.len() >= most {
            return Err(1);
        }
        this.waiting.push_back(visitor);
        Ok(())
    }

    /// As many as the tenant wants, of its code as it is now, with those that there are.
    pub(super) fn start_instances(&mut self, tenant: u32) {
        let this = &mut self.tenants.all[tenant as usize];
        this.preparing = false;
        let is_there = |one: &&Instance| one.edition == this.edition && one.stage != Stage::Draining;
        let there = this.instances.iter().filter(is_there).count();
        for _ in there..usize::from(this.crew.wanted().max(1)) {
            if !self.start_instance(tenant) {
                return;
            }
        }
    }

    pub(super) fn start_instance(&mut self, tenant: u32) -> bool {
        if self.recalls(tenant) {
            self.tenants.all[tenant as usize].preparing = true;
            return false;
        }
        if let Some(id) = self.revive(tenant) {
            self.admit(tenant, id, true);
            // It listens already.
            self.tenants.ready.push((tenant, id));
            return true;
        }
        let Some(keeper) = self.tenants.keeper.as_mut() else { return false };
        let guest = match keeper.hirer().hire(tenant) {
            Ok(guest) => guest,
            Err(NotHired::NotYet) => {
                self.tenants.all[tenant as usize].preparing = true;
                self.look_at(tenant, self.now.plus(LOOK));
                self.want_modules();
                return false;
            }
            Err(NotHired::Failed(why)) => {
                self.say(tenant, &format!("cannot be started: {why}"));
                self.tenants.all[tenant as usize].failed(self.now, Duration::ZERO);
                return false;
            }
        };
        let id = self.seat(guest);
        self.admit(tenant, id, false);
        true
    }

    /// A guest is an instance of this tenant's.
    fn admit(&mut self, tenant: u32, id: GuestId, revived: bool) {
        self.seats[id.0 as usize].tenancy = Some(Tenancy::new(tenant, self.now));
        self.apply_patch(tenant, id);
        let this = &mut self.tenants.all[tenant as usize];
        this.starts += 1;
        let edition = this.edition;
        let (stage, since, told) = (Stage::Starting, self.now, false);
        this.instances.push(Instance { guest: id, stage, since, edition, told, revived, listener: None });
        self.look_at(tenant, self.now.plus(ms(self.tenants.limits.start_ms)));
        self.watch_tenant(tenant);
    }

    /// An instance has listened: requests go to it, and older ones are done.
    pub(super) fn instance_ready(&mut self, tenant: u32, guest: GuestId) {
        let now = self.now;
        let this = &mut self.tenants.all[tenant as usize];
        let Some(instance) = this.instances.iter_mut().find(|one| one.guest == guest && one.stage == Stage::Starting)
        else {
            return;
        };
        instance.stage = Stage::Serving;
        instance.since = now;
        let edition = instance.edition;
        let waiting = std::mem::take(&mut this.waiting);
        let old = |one: &&Instance| one.edition < edition && one.stage != Stage::Draining;
        let old: Vec<GuestId> = this.instances.iter().filter(old).map(|one| one.guest).collect();
        let idle = [this.plan.idle, this.plan.hibernate].into_iter().flatten().min();
        if !old.is_empty() {
            self.say(tenant, "new code serves; the old instance finishes what it has begun");
        }
        old.into_iter().for_each(|guest| self.drain_instance(tenant, guest));
        self.tenants.seeking.extend(waiting);
        if let Some(idle) = idle {
            self.look_at(tenant, now.plus(idle));
        }
    }

    /// An instance gets no more requests, and ends when it has nothing left to do.
    pub(super) fn drain_instance(&mut self, tenant: u32, guest: GuestId) {
        let now = self.now;
        let this = &mut self.tenants.all[tenant as usize];
        let Some(instance) = this.instances.iter_mut().find(|one| one.guest == guest) else { return };
        if std::mem::replace(&mut instance.stage, Stage::Draining) == Stage::Draining {
            return;
        }
        instance.since = now;
        if let Some(tenancy) = self.seats.get_mut(guest.0 as usize).and_then(|seat| seat.tenancy.as_mut()) {
            tenancy.parting = true;
        }
        self.part_with_idle(guest.0);
        self.look_at(tenant, now.plus(LOOK));
    }

    /// An instance is gone.
    pub(super) fn instance_gone(&mut self, tenant: u32, guest: GuestId, how: &str) {
        let now = self.now;
        let Some(this) = self.tenants.all.get_mut(tenant as usize) else { return };
        let Some(at) = this.instances.iter().position(|one| one.guest == guest) else { return };
        let instance = this.instances.remove(at);
        if this.instances.is_empty() {
            self.unwatch_tenant(tenant);
        }
        let this = &mut self.tenants.all[tenant as usize];
        let elder = |one: &Instance| one.stage != Stage::Draining && one.edition < instance.edition;
        let goes_on = this.instances.iter().any(elder);
        if instance.revived && instance.stage != Stage::Draining {
            self.bud_failed(tenant, now.since(instance.since));
        }
        let this = &mut self.tenants.all[tenant as usize];
        if instance.stage == Stage::Draining {
            return;
        }
        let lived = if instance.stage == Stage::Serving { now.since(instance.since) } else { Duration::ZERO };
        this.failed(now, lived);
        this.crashes += 1;
        if instance.stage == Stage::Serving {
            this.missed = Some(now);
        }
        match instance.stage {
            Stage::Starting if goes_on => {
                self.say(tenant, &format!("new code {how} before it listened; the old goes on"));
            }
            Stage::Starting => self.say(tenant, &format!("{how} before it listened")),
            _ => self.say(tenant, how),
        }
        self.stop_waiting(tenant);
        if let Some(next) = self.replace_missing(tenant) {
            self.look_at(tenant, next);
        }
    }

    /// Who waits for an instance is turned away if none is to come.
    fn stop_waiting(&mut self, tenant: u32) {
        let now = self.now;
        let this = &mut self.tenants.all[tenant as usize];
        if this.state(now) == State::Starting {
            return;
        }
        let seconds = if this.held { HELD_SECONDS } else { this.seconds_left(now) };
        for key in std::mem::take(&mut this.waiting) {
            if let Some(index) = self.visitor_of(key) {
                self.give_elsewhere(index, tenant, seconds);
            }
        }
    }

    /// Has the tenant's code as it is now take over, if an older one runs.
    pub fn deploy(&mut self, tenant: u32) {
        if self.tenants.tenant(tenant).is_none() || self.bid_of(tenant, Bid::Deploy) {
            return;
        }
        let this = &mut self.tenants.all[tenant as usize];
        this.backoff.forget();
        let begun: Vec<GuestId> =
            this.instances.iter().filter(|one| one.stage == Stage::Starting).map(|one| one.guest).collect();
        let runs = !this.instances.is_empty();
        this.edition += 1;
        // Code that is older than what is to be started now needs no chance any more.
        for guest in begun {
            self.drop_instance(tenant, guest);
        }
        let this = &self.tenants.all[tenant as usize];
        // What an operator has stopped stays so until he says otherwise.
        if !this.held && (runs || !this.waiting.is_empty()) {
            self.start_instances(tenant);
            self.stop_waiting(tenant);
        }
    }

    /// Ends the tenant's instances when what they have begun is over; the next request starts it again.
    pub fn stop_tenant(&mut self, tenant: u32) {
        if self.bid_of(tenant, Bid::Stop) {
            return;
        }
        let Some(this) = self.tenants.all.get_mut(tenant as usize) else { return };
        (this.preparing, this.missed) = (false, None);
        let all: Vec<Instance> = this.instances.clone();
        for instance in all {
            self.drain_instance(tenant, instance.guest);
        }
        self.stop_waiting(tenant);
    }

    /// It has left the configuration.
    pub(super) fn close_tenant(&mut self, tenant: u32) {
        // Who leaves a process of tenants may be in another: where all are known it is forgotten.
        if !self.tenants.is_cordon() {
            self.forget_kept(tenant);
        }
        let this = &mut self.tenants.all[tenant as usize];
        (this.gone, this.bud) = (true, None);
        self.tenants.seeking.extend(std::mem::take(&mut this.waiting));
        self.stop_tenant(tenant);
        self.tenants.rings.forget(tenant);
    }

    /// Ends an instance, and it concerns nobody: what has its place next is not taken for it.
    pub(super) fn drop_instance(&mut self, tenant: u32, guest: GuestId) {
        self.tenants.all[tenant as usize].instances.retain(|one| one.guest != guest);
        self.dismiss(guest, Outcome::Exited(0));
        self.tenants.gone.retain(|(_, gone, _)| *gone != guest);
    }

    /// The tenant is to be looked at by then.
    pub(super) fn look_at(&mut self, tenant: u32, when: Mono) {
        let this = &mut self.tenants.all[tenant as usize];
        match this.timer {
            Some((_, due)) if due <= when => {}
            Some((id, _)) if self.timers.rearm(id, when) => this.timer = Some((id, when)),
            _ => this.timer = Some((self.timers.arm(when, Token::Tenant(tenant).pack()), when)),
        }
    }

    /// It is time to look at a tenant: starts that took too long, instances to stop, and those that are stopping.
    pub(in crate::runtime) fn tenant_timer(&mut self, tenant: u32, id: TimerId) {
        // All may have been ended in this turn.
        if self.tenants.keeper.is_none() {
            return;
        }
        let Some(this) = self.tenants.all.get_mut(tenant as usize) else { return };
        if this.timer.is_none_or(|(timer, _)| timer != id) {
            return;
        }
        this.timer = None;
        if let Some(next) = self.deploy_changed(tenant) {
            self.look_at(tenant, next);
        }
        let looks = [self.look_at_crew(tenant), self.replace_missing(tenant)];
        if let Some(next) = looks.into_iter().flatten().min() {
            self.look_at(tenant, next);
        }
        self.start_prepared(tenant);
        for instance in self.tenants.all[tenant as usize].instances.clone() {
            let next = match instance.stage {
                Stage::Starting => self.start_late(tenant, instance),
                Stage::Serving => self.unused_late(tenant, instance),
                Stage::Draining => self.drain_late(tenant, instance),
            };
            if let Some(next) = next {
                self.look_at(tenant, next);
            }
        }
    }

    /// What it has waited for may be ready.
    pub(super) fn start_prepared(&mut self, tenant: u32) {
        if self.tenants.all[tenant as usize].preparing {
            self.start_instances(tenant);
            self.stop_waiting(tenant);
        }
    }

    /// It has not listened in time; or when to look again.
    fn start_late(&mut self, tenant: u32, instance: Instance) -> Option<Mono> {
        let limit = self.tenants.limits.start_ms;
        let due = instance.since.plus(ms(limit));
        if self.now < due {
            return Some(due);
        }
        self.say(tenant, &format!("has not listened within {} s", limit / 1000));
        self.dismiss(instance.guest, Outcome::Exited(1));
        None
    }

    /// Nobody has asked the tenant for so long that it may stop, if its instances hold nothing but their listeners. They go
    /// together: one of several that went alone would be replaced.
    pub(super) fn idle_late(&mut self, tenant: u32) -> Option<Mono> {
        let idle = self.tenants.all[tenant as usize].plan.idle?;
        let its = self.tenants.all[tenant as usize].instances.iter().filter(|one| one.stage == Stage::Serving);
        let its: Vec<GuestId> = its.map(|one| one.guest).collect();
        let used = |guest: &GuestId| Some(self.seats.get(guest.0 as usize)?.tenancy?.used);
        let due = its.iter().filter_map(used).max()?.plus(idle);
        if self.now < due {
            return Some(due);
        }
        if !its.iter().all(|guest| self.only_listens(*guest)) {
            return Some(self.now.plus(idle));
        }
        its.into_iter().for_each(|guest| self.drain_instance(tenant, guest));
        None
    }

    /// It may go when nothing of what it had begun is left, or too much time has passed.
    fn drain_late(&mut self, tenant: u32, instance: Instance) -> Option<Mono> {
        let limits = self.tenants.limits;
        let seat = self.seats.get_mut(instance.guest.0 as usize)?;
        let waited = self.now.since(instance.since);
        let over = waited >= ms(limits.drain_ms);
        if seat.conns.is_empty() && !instance.told && !over && seat.watches(SIGTERM) {
            seat.tell(events::SIGNAL, None, SIGTERM as u32, &[]);
            return self.mark_told(tenant, instance);
        }
        let farewell = instance.told && waited >= ms(limits.farewell_ms);
        // Its timers have had a moment: who wants longer listens for SIGTERM.
        let waits = !instance.told && waited >= ms(limits.farewell_ms) && self.only_waits(instance.guest);
        if over || farewell || waits || self.only_listens(instance.guest) {
            self.dismiss(instance.guest, Outcome::Exited(0));
            return None;
        }
        self.part_with_idle(instance.guest.0);
        Some(self.now.plus(LOOK))
    }

    /// From now on its farewell counts.
    fn mark_told(&mut self, tenant: u32, instance: Instance) -> Option<Mono> {
        let all = self.tenants.all[tenant as usize].instances.iter_mut();
        for one in all.filter(|one| one.guest == instance.guest) {
            one.told = true;
            one.since = self.now;
        }
        Some(self.now.plus(LOOK))
    }

    /// Nothing but a new connection would ever wake it.
    fn only_listens(&self, guest: GuestId) -> bool {
        let has_timer = |seat: &Seat| seat.timer_keeps && seat.timer.is_some();
        self.only_waits(guest) && !self.seats.get(guest.0 as usize).is_some_and(has_timer)
    }

    /// The same, but for its timers.
    fn only_waits(&self, guest: GuestId) -> bool {
        let Some(seat) = self.seats.get(guest.0 as usize) else { return true };
        let listeners = seat.guest.state().handles.iter().filter(|(_, slot)| slot.kind == Kind::Listener).count();
        let idle = seat.conns.iter().filter(|index| self.conn_may_part(**index)).count();
        let quiet = seat.running == Running::Idle && !seat.is_busy();
        quiet && seat.conns.len() <= idle && seat.guest.state().handles.kept() <= listeners
    }
}

/// How a guest ended, after its tenant's name.
pub(super) fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Exited(code) => format!("exited with code {code}"),
        Outcome::Signal(signal) => format!("was ended by signal {signal}"),
        Outcome::Ended(verdict) => format!("was {verdict}"),
        Outcome::OutOfMemory(verdict) => format!("was refused more memory, and {verdict}"),
        Outcome::Orphaned => "lost its process".into(),
    }
}

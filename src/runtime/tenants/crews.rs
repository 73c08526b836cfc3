//! Tenants whose instances become more under load and fewer after it: looked at once a second while there is load, or more
//! of them than there need be. When there is one more, each connection is dealt anew with its next request, since clients
//! keep theirs for long. In the process with the fronts the same is done for processes of tenants: how many each has to have.
//! Whatever their number, one that has ended and was not to is replaced while others serve, here or elsewhere, with the patience of
//! all starts.
//! It must not know how the number is judged (policy's).
use super::super::Hall;
use super::super::seat::GuestId;
use super::handover::Bid;
use super::life::Stage;
use super::{Tenants, ms};
use crate::guest::Kind;
use crate::policy::{Change, Instances};
use crate::reactor::{Kernel, Key};
use crate::time::{Clock, Mono};
use std::collections::HashSet;

/// Connections that are dealt anew.
#[derive(Debug, Default)]
pub(super) struct Dealt {
    /// So many are to be.
    pub left: u32,
    /// These leave this process, if they can.
    keys: HashSet<Key>,
}

impl Tenants {
    /// A tenant has a request: whether it wants other instances is looked at.
    pub(super) fn stir(&mut self, tenant: u32) {
        let Some(this) = self.all.get_mut(tenant as usize) else { return };
        if this.plan.instances.scale() && this.look.is_none() && !self.is_cordon {
            // Looked at from the next turn on.
            this.look = Some(Mono(0));
            self.stirred.push(tenant);
        }
    }

    /// Whether a process is to have no instance of this tenant, as its load is.
    pub(super) fn is_unwanted_at(&self, tenant: u32, cordon: u32) -> bool {
        let scaling = self.all.get(tenant as usize).filter(|this| this.plan.instances.scale());
        scaling.is_some_and(|this| self.cordons.share(tenant, cordon, this.crew.wanted()) == 0)
    }

    /// A process that has all of these tenants, another one than `avoid` if there is any.
    pub(super) fn choose_home(&mut self, tenants: &[u32], avoid: Option<u32>) -> Option<u32> {
        let all = &self.all;
        let wanted = |tenant: u32| {
            let this = all.get(tenant as usize)?;
            this.plan.instances.scale().then(|| this.crew.wanted())
        };
        self.cordons.choose(tenants, avoid, wanted)
    }

    /// Whether a connection that has a request after others is to be dealt anew; with its first it has been.
    pub(super) fn deals_anew(&mut self, tenant: u32, key: Option<Key>) -> bool {
        let is_cordon = self.is_cordon;
        let Some(this) = self.all.get_mut(tenant as usize) else { return false };
        let Some(key) = key.filter(|_| this.dealt.left > 0) else { return false };
        this.dealt.left -= 1;
        if is_cordon {
            this.dealt.keys.insert(key);
        }
        true
    }

    /// Whether this visitor of a process of tenants is for the process with the fronts to place.
    pub(super) fn goes_back(&mut self, tenant: u32, key: Key) -> bool {
        let is_cordon = self.is_cordon;
        let Some(this) = self.all.get_mut(tenant as usize).filter(|_| is_cordon) else { return false };
        let unwanted = this.plan.instances.scale() && this.crew.wanted() == 0;
        this.dealt.keys.remove(&key) || unwanted
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Tenants that have had a request are looked at from now on.
    pub(super) fn look_at_stirred(&mut self) {
        for tenant in std::mem::take(&mut self.tenants.stirred) {
            let next = self.now.plus(ms(self.tenants.limits.look_ms));
            self.tenants.all[tenant as usize].look = Some(next);
            self.look_at(tenant, next);
        }
    }

    /// Looks at a tenant, if it is time to; when to look again.
    pub(super) fn look_at_crew(&mut self, tenant: u32) -> Option<Mono> {
        let due = self.tenants.all[tenant as usize].look?;
        if self.now < due {
            return Some(due);
        }
        let requests = self.requests_under_way(tenant);
        let this = &mut self.tenants.all[tenant as usize];
        let plan = this.plan.instances;
        if let Some(change) = this.crew.look(plan, requests) {
            self.resize(tenant, change);
        }
        let this = &mut self.tenants.all[tenant as usize];
        // Its next request has it looked at again.
        let over = !plan.scale() || (requests == 0 && this.crew.wanted() <= plan.least);
        this.look = (!over).then(|| self.now.plus(ms(self.tenants.limits.look_ms)));
        this.look
    }

    /// Requests that a tenant has been told and has not answered, and those that wait for it.
    pub(super) fn requests_under_way(&self, tenant: u32) -> u64 {
        let this = &self.tenants.all[tenant as usize];
        let guests = this.instances.iter().filter_map(|one| self.seats.get(one.guest.0 as usize));
        let own = guests.map(|seat| {
            let slots = seat.guest.state().handles.iter();
            slots.filter(|(_, slot)| slot.kind == Kind::Exchange).count() as u64
        });
        let waiting = this.waiting_count() as u64;
        own.sum::<u64>().saturating_add(waiting).saturating_add(self.load_elsewhere(tenant))
    }

    fn resize(&mut self, tenant: u32, change: Change) {
        let wanted = self.tenants.all[tenant as usize].crew.wanted();
        let words = match change {
            Change::More => "its load wants one more",
            Change::Fewer => "its load wants one fewer",
        };
        self.say(tenant, &format!("instances: {wanted}: {words}"));
        if self.tenants.are_apart() {
            return self.bid_crew(tenant, change == Change::More);
        }
        self.man(tenant, change == Change::More);
    }

    /// As many instances as are wanted, where it runs.
    fn man(&mut self, tenant: u32, more: bool) {
        let this = &self.tenants.all[tenant as usize];
        let wanted = usize::from(this.crew.wanted());
        let here = || this.instances.iter().filter(|one| one.stage != Stage::Draining);
        // Where newer code starts the older goes when that serves, and not for its sake.
        let is_new = |one: &super::life::Instance| one.edition == this.edition;
        let counts = |one: &&super::life::Instance| wanted == 0 || is_new(one) || !here().any(is_new);
        let all: Vec<GuestId> = here().filter(counts).map(|one| one.guest).collect();
        // The youngest go first.
        for guest in all.iter().skip(wanted) {
            self.drain_instance(tenant, *guest);
        }
        if more && all.len() < wanted && !self.tenants.all[tenant as usize].held {
            self.deal_anew(tenant);
            (all.len()..wanted).all(|_| self.start_instance(tenant));
        }
    }

    /// A tenant that serves has as many instances as it is to have: those that have ended are started anew, or when to try.
    /// Where none is left, here or elsewhere, the next request starts them.
    pub(super) fn replace_missing(&mut self, tenant: u32) -> Option<Mono> {
        // What is being made ready comes by itself.
        let is_open = |this: &&super::life::Tenant| !this.gone && !this.held && !this.preparing;
        let this = self.tenants.all.get(tenant as usize).filter(is_open)?;
        let count = |stage| this.instances.iter().filter(|one| one.stage == stage).count();
        let (serving, starting) = (count(Stage::Serving), count(Stage::Starting));
        let wanted = usize::from(this.crew.wanted());
        let goes_on = serving > 0 || this.is_missed(self.now);
        if !goes_on || serving + starting >= wanted || self.leaving.is_some() {
            return None;
        }
        if let Err(wait) = this.backoff.may_start(self.now.0) {
            return Some(self.now.plus(wait));
        }
        let here = if this.plan.elsewhere { " here" } else { "" };
        self.say(tenant, &format!("instances{here}: {} of {wanted} are there, others are started", serving + starting));
        self.man(tenant, true);
        // Failures are looked at when it is told of them; what cannot even begin has failed already.
        let wait = self.tenants.all[tenant as usize].backoff.may_start(self.now.0).err()?;
        Some(self.now.plus(wait))
    }

    /// Each of its connections is placed again with its next request.
    fn deal_anew(&mut self, tenant: u32) {
        let this = &mut self.tenants.all[tenant as usize];
        let conns = this
            .instances
            .iter()
            .filter_map(|one| self.seats.get(one.guest.0 as usize))
            .map(|seat| seat.conns.len() as u32);
        this.dealt = Dealt { left: conns.fold(0, u32::saturating_add), keys: HashSet::new() };
    }

    /// In the process with the fronts: how many instances of a tenant each process is to have.
    fn bid_crew(&mut self, tenant: u32, more: bool) {
        for index in self.tenants.cordons.of(tenant).to_vec() {
            self.bid_share(index, tenant, more);
        }
        self.start_homes(tenant);
    }

    /// The same for one process.
    pub(super) fn bid_share(&mut self, index: u32, tenant: u32, more: bool) {
        let Some(this) = self.tenants.tenant(tenant).filter(|this| this.plan.instances.scale()) else { return };
        let wanted = this.crew.wanted();
        let cordons = &self.tenants.cordons;
        let Some(slot) = cordons.all.get(index as usize).and_then(|cordon| cordon.slot(tenant)) else { return };
        let share = cordons.share(tenant, index, wanted);
        self.bid(index, &Bid::Instances(slot, share, more));
    }

    /// In a process of tenants: so many instances from here on; connections are dealt anew by the process with the fronts.
    pub(super) fn man_by_bid(&mut self, tenant: u32, wanted: u16, more: bool) {
        let Some(this) = self.tenants.tenant(tenant) else { return };
        this.crew.set(wanted);
        self.man(tenant, more);
        if more {
            self.deal_anew(tenant);
        }
    }
}

impl super::life::Tenant {
    /// Whether one is to be started where none is left: others serve elsewhere, as far as is known here, so no request may come here
    /// that would start it. For as long as it would have lived without a request.
    fn is_missed(&self, now: Mono) -> bool {
        let lately = |since: Mono| self.plan.idle.is_none_or(|idle| now.since(since) < idle);
        self.plan.elsewhere && self.missed.is_some_and(lately)
    }
}

impl super::cordons::Cordons {
    /// How many of so many instances of a tenant a process has. Different tenants begin at different ones.
    pub(super) fn share(&self, tenant: u32, index: u32, wanted: u16) -> u16 {
        let homes = self.of(tenant);
        let at = homes.iter().position(|home| *home == index);
        at.map_or(0, |at| {
            let place = (at + homes.len() - tenant as usize % homes.len()) % homes.len();
            Instances::share(wanted, place, homes.len())
        })
    }
}

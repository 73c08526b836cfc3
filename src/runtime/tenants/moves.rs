//! Connections that change hands: from visitor to a tenant's, and back when nothing is owed on them. It must not know why.
use super::super::http::{Conn, Departed};
use super::super::listeners::Listener;
use super::super::seat::{GuestId, Resource};
use super::super::{Hall, Owner};
use super::life::{Instance, Stage};
use super::visitors::{Phase, Refusal};
use super::{Front, Tenancy};
use crate::guest::Kind;
use crate::policy::AtLimit;
use crate::proto::http1::{Head, HeaderId};
use crate::reactor::{Kernel, Key};
use crate::time::{Clock, Mono};
use skep_abi::listen;

impl super::Tenants {
    /// Whether a request that came on a connection of this tenancy's is for it; then it is noted.
    pub fn admits(&mut self, conn: &Conn, tenancy: &mut Option<Tenancy>, head: &Head<'_>, now: Mono) -> bool {
        let (front, key) = conn.way();
        let Some(tenancy) = tenancy.as_mut().filter(|tenancy| !tenancy.parting) else { return false };
        let only = self.fronts.get(front as usize).and_then(Front::only);
        let whose = only.or_else(|| self.routes.find(head.field(HeaderId::Host), head.target()));
        if whose != Some(tenancy.tenant) || self.deals_anew(tenancy.tenant, key) {
            return false;
        }
        self.stir(tenancy.tenant);
        tenancy.used = now;
        tenancy.requests += 1;
        true
    }

    /// A connection owes nothing: it may become a visitor.
    pub fn may_move(&mut self, key: Key) {
        self.moving.push(key);
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// The listener that a new connection of this tenant's goes to, if one of its instances has one: rather of one that is awake.
    pub(super) fn choose_listener(&mut self, tenant: u32, http: bool) -> Option<u32> {
        let this = self.tenants.tenant(tenant)?;
        let (count, start) = (this.instances.len(), this.next);
        let mut asleep = None;
        for at in (start..start + count).map(|step| step % count) {
            let instance = self.tenants.all[tenant as usize].instances[at];
            if instance.stage == Stage::Serving
                && let Some(listener) = self.listener_of(instance, http)
            {
                self.tenants.all[tenant as usize].instances[at].listener = Some(listener);
                if self.sleeps(instance.guest) {
                    asleep.get_or_insert((at, listener));
                    continue;
                }
                self.tenants.all[tenant as usize].next = at + 1;
                return Some(listener);
            }
        }
        let (at, listener) = asleep?;
        self.tenants.all[tenant as usize].next = at + 1;
        Some(listener)
    }

    /// The listener of an instance that requests go to: the first that speaks HTTP, or where that is not needed, the
    /// first of all.
    fn listener_of(&self, Instance { guest, listener, .. }: Instance, http: bool) -> Option<u32> {
        let is_its = |one: &Listener| one.guest == guest.0 && one.is_virtual && !one.closing;
        let is_still =
            |index: &u32| self.listeners.get(*index as usize).is_some_and(|one| is_its(one) && one.has(listen::HTTP));
        if let Some(before) = listener.filter(|index| http && is_still(index)) {
            return Some(before);
        }
        let seat = self.seats.get(guest.0 as usize)?;
        let handles = || seat.guest.state().handles.iter().filter(|(_, slot)| slot.kind == Kind::Listener);
        let resources = || handles().map(|(handle, _)| seat.resource_of(handle));
        let indices =
            || resources().filter_map(|it| if let Resource::Listener(index) = it { Some(index) } else { None });
        let mine = || indices().filter(|index| self.listeners.get(*index as usize).is_some_and(is_its));
        let first = mine().filter(|index| self.listeners[*index as usize].has(listen::HTTP)).min();
        if http { first.or_else(|| mine().min()) } else { mine().min() }
    }

    /// A visitor goes to an instance of its tenant, or waits for one.
    pub(super) fn place_visitor(&mut self, key: Key) {
        let Some(index) = self.visitor_of(key) else { return };
        let visitor = &self.tenants.visitors[index as usize];
        let Phase::Waiting(tenant) = visitor.phase else { return };
        let shared = self.tenants.is_shared(visitor.front);
        let is_named = visitor.hello.is_some();
        let gone = self.leaving.is_some() || self.tenants.tenant(tenant).is_none();
        if gone && !(self.tenants.is_cordon() && self.give_back_visitor(index)) {
            return self.turn_away(index, Refusal::Unavailable(1), false);
        }
        match (gone, self.tenants.are_apart()) {
            (true, _) => return,
            (false, true) if is_named => return self.place_named(index),
            (false, true) => return self.place_apart(index, tenant),
            (false, false) if self.tenants.goes_back(tenant, key) && self.give_back_visitor(index) => return,
            (false, false) => {}
        }
        match self.choose_listener(tenant, shared) {
            Some(listener) if self.is_crowded(listener) => {
                let guest = self.listeners[listener as usize].guest as usize;
                let refusal = match self.seats[guest].guest.state().limits.at_connections {
                    AtLimit::Refuse => Refusal::TooMany,
                    _ => Refusal::Unavailable(1),
                };
                self.turn_away(index, refusal, false);
            }
            Some(listener) if shared && !self.listeners[listener as usize].has(listen::HTTP) => {
                self.turn_away(index, Refusal::NoServer, false);
            }
            Some(listener) if self.sleeps(GuestId(self.listeners[listener as usize].guest)) => self.tenants.knock(key),
            Some(listener) => self.hand_over(index, listener),
            None => match self.await_instance(tenant, key) {
                Ok(()) => {}
                Err(seconds) => self.give_elsewhere(index, tenant, seconds),
            },
        }
    }

    /// A visitor becomes a connection of a tenant's listener, with all that it has sent so far.
    fn hand_over(&mut self, index: u32, listener: u32) {
        let visitor = self.take_visitor(index);
        let key = visitor.key;
        let _gone = self.reactor.resume(key);
        self.take_connection(listener, key, visitor.peer);
        if let Owner::Conn(index) = self.owners.get(key) {
            self.tell_tls(index, key);
            return self.conn_from_front(index, visitor.front, &visitor.bytes);
        }
        // Whoever speaks something else is not told.
        self.tenants.tales.forget(key);
        if let Owner::Stream(index) = self.owners.get(key)
            && !visitor.bytes.is_empty()
        {
            // What has come already was meant for a server that spoke HTTP.
            self.close_stream(index, true);
        }
    }

    /// The guest may ask for what is known of the TLS that its connection came in.
    fn tell_tls(&mut self, index: u32, key: Key) {
        let Some(name) = self.tls_of(key).map(Box::from) else { return };
        let seat = &mut self.seats[self.conns[index as usize].guest as usize];
        seat.guest.state_mut().conn_tls.insert(index, name);
    }

    /// A connection that owes nothing becomes a visitor, with what it has sent since.
    pub(super) fn move_out(&mut self, key: Key) {
        let Owner::Conn(index) = self.owners.get(key) else { return };
        if !self.conn_has_key(index, key) || !self.conn_may_part(index) {
            return;
        }
        let Departed { front, peer, stash } = self.depart(index);
        self.visitor_again(front, key, peer, None, &stash);
    }

    /// Idle connections of an instance that gets no more requests.
    pub(super) fn part_with_idle(&mut self, guest: u32) {
        for key in self.conns_that_may_part(guest) {
            self.tenants.may_move(key);
        }
    }

    /// An instance is about to go: connections that owe nothing stay with the hall, the others hear of it.
    pub(in crate::runtime) fn rescue_conns(&mut self, guest: u32) {
        for key in self.conns_that_may_part(guest) {
            self.move_out(key);
        }
        self.answer_for_the_dead(guest);
    }
}

//! What an operator orders of one tenant. It must not know how orders come.
use super::cordons::Stage;
use super::handover::Bid;
use super::life::State;
use crate::policy::Limits;
use crate::reactor::Kernel;
use crate::runtime::Hall;
use crate::time::Clock;

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Ends the tenant's instances when what they have begun is over; no request starts it until it is ordered to.
    pub(in crate::runtime) fn hold_tenant(&mut self, tenant: u32) {
        let Some(this) = self.tenants.tenant(tenant) else { return };
        this.held = true;
        self.say(tenant, "was stopped by an operator");
        if !self.bid_of(tenant, |slot| Bid::Hold(slot, true)) {
            self.stop_tenant(tenant);
        }
    }

    /// The same in a process of tenants, by order of the one with the fronts.
    pub(super) fn hold_by_bid(&mut self, tenant: u32, held: bool) {
        let Some(this) = self.tenants.tenant(tenant) else { return };
        this.held = held;
        if held {
            self.stop_tenant(tenant);
        }
    }

    /// It may run again, and does.
    pub(in crate::runtime) fn start_tenant(&mut self, tenant: u32) {
        let now = self.now;
        let Some(this) = self.tenants.tenant(tenant) else { return };
        this.held = false;
        this.backoff.forget();
        // No guest runs in the process that has the fronts.
        if self.bid_of(tenant, |slot| Bid::Hold(slot, false)) {
            return self.start_at_homes(tenant);
        }
        if self.tenants.all[tenant as usize].state(now) == State::Stopped {
            self.start_instances(tenant);
        }
    }

    /// In the process with the fronts: all processes of a tenant are to start it, also those that are to be started first.
    fn start_at_homes(&mut self, tenant: u32) {
        for index in self.tenants.cordons.of(tenant).to_vec() {
            if !self.tenants.is_unwanted_at(tenant, index) {
                self.tenants.cordons.all[index as usize].order_start(tenant);
                self.bid_starts(index);
            }
        }
        self.start_homes(tenant);
    }

    /// What an operator has said of a tenant holds in every process and loop, also in one that came later, or to which the tenant
    /// has come; `again`, perhaps: then it may have heard otherwise.
    pub(super) fn tell_orders(&mut self, index: u32, tenant: u32, again: bool) {
        let cordon = self.tenants.cordons.all.get(index as usize).filter(|cordon| cordon.stage == Stage::Serving);
        let Some(slot) = cordon.and_then(|cordon| cordon.slot(tenant)) else { return };
        if let Some(body) = self.patch_of(tenant) {
            self.bid(index, &Bid::Limits(slot, body));
        }
        let held = self.tenants.tenant(tenant).is_some_and(|this| this.held);
        if held || again {
            self.bid(index, &Bid::Hold(slot, held));
        }
    }

    /// A process that serves is told which of its tenants it is to start.
    pub(super) fn bid_starts(&mut self, index: u32) {
        for (tenant, slot) in self.tenants.cordons.all[index as usize].take_starts() {
            if self.tenants.tenant(tenant).is_some_and(|this| !this.held) {
                self.bid(index, &Bid::Start(slot));
            }
        }
    }

    /// Its code as it is now takes over, whatever it was stopped for.
    pub(in crate::runtime) fn deploy_tenant(&mut self, tenant: u32) {
        if let Some(this) = self.tenants.tenant(tenant) {
            this.held = false;
            let _apart = self.bid_of(tenant, |slot| Bid::Hold(slot, false));
            self.deploy(tenant);
        }
    }

    /// What a tenant is configured to have.
    pub(in crate::runtime) fn limits_of_tenant(&mut self, tenant: u32) -> Option<Limits> {
        self.tenants.keeper.as_mut()?.hirer().limits(tenant)
    }
}

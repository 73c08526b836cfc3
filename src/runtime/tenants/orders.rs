//! What an operator orders of one tenant. It must not know how orders come.
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
        self.stop_tenant(tenant);
    }

    /// It may run again, and does.
    pub(in crate::runtime) fn start_tenant(&mut self, tenant: u32) {
        let now = self.now;
        let Some(this) = self.tenants.tenant(tenant) else { return };
        this.held = false;
        this.backoff.forget();
        if this.state(now) == State::Stopped {
            self.start_instances(tenant);
        }
    }

    /// Its code as it is now takes over, whatever it was stopped for.
    pub(in crate::runtime) fn deploy_tenant(&mut self, tenant: u32) {
        if let Some(this) = self.tenants.tenant(tenant) {
            this.held = false;
            self.deploy(tenant);
        }
    }

    /// What a tenant is configured to have.
    pub(in crate::runtime) fn limits_of_tenant(&mut self, tenant: u32) -> Option<Limits> {
        self.tenants.keeper.as_mut()?.limits(tenant)
    }
}

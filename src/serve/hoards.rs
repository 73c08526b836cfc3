//! The hoards of tenants: one for each, as long as this process lives, whatever becomes of its instances, and whichever loops these are
//! in. It must not know what lies in one.
use super::tenant::Tenant;
use crate::policy::Hoard;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// By tenants' names. Only who starts an instance looks here.
#[derive(Clone, Default)]
pub struct Hoards(Arc<Mutex<HashMap<String, Arc<Hoard>>>>);

impl Hoards {
    /// What an instance of this tenant draws from, which is measured before long; none where nothing is bounded, or nothing may be
    /// written. With its instances in several processes each of these has a share.
    pub fn of(&self, tenant: &Tenant, processes: u16) -> Option<Arc<Hoard>> {
        let writes = tenant.grants.folders.iter().any(|grant| grant.write);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.remove(&tenant.name).filter(|_| writes);
        let hoard = match known {
            Some(hoard) => hoard,
            None if writes => Arc::new(Hoard::new(&tenant.limits)?),
            None => return None,
        };
        hoard.set_limits(&tenant.limits);
        hoard.divide(processes.into());
        hoard.ask();
        all.insert(tenant.name.clone(), Arc::clone(&hoard));
        Some(hoard)
    }
}

//! The hoards of tenants: one for each, as long as this process lives, whatever becomes of its instances, and whichever loops these are
//! in. It must not know what lies in one.
use super::tenant::Tenant;
use crate::policy::Hoard;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// By tenants' names. Only who starts an instance looks here.
#[derive(Clone, Default)]
pub struct Hoards(Arc<Mutex<HashMap<String, Known>>>);

/// One, and the bounds that its tenant was configured to have when it was last asked for: an operator may have set others since.
type Known = (Arc<Hoard>, [Option<u64>; 3]);

impl Hoards {
    /// What an instance of this tenant draws from, which is measured before long; none where nothing is bounded, or nothing may be
    /// written. With its instances in several processes each of these has a share.
    pub fn of(&self, tenant: &Tenant, processes: u16) -> Option<Arc<Hoard>> {
        let writes = tenant.grants.folders.iter().any(|grant| grant.write);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.remove(&tenant.name).filter(|_| writes);
        let limits = &tenant.limits;
        let bounds = [limits.disk_bytes, limits.disk_entries, limits.disk_file_bytes];
        let (hoard, before) = match known {
            Some(known) => known,
            None if writes => (Arc::new(Hoard::new(limits)?), bounds),
            None => return None,
        };
        if before != bounds {
            hoard.set_limits(limits);
        }
        hoard.divide(processes.into());
        hoard.ask();
        all.insert(tenant.name.clone(), (Arc::clone(&hoard), bounds));
        Some(hoard)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tenant::plain;
    use super::*;
    use crate::policy::{FolderGrant, Full, Limits};

    #[test]
    fn what_an_operator_has_set_outlives_another_start_and_not_another_configuration() {
        let hoards = Hoards::default();
        let mut tenant = plain("a");
        tenant.grants.folders.push(FolderGrant { folder: "/nowhere".into(), write: true });
        let hoard = hoards.of(&tenant, 1).expect("it is bounded");
        hoard.set_limits(&Limits { disk_entries: Some(1), ..(*tenant.limits).clone() });
        // An instance is started elsewhere.
        let other = hoards.of(&tenant, 1).expect("it is bounded");
        assert!(Arc::ptr_eq(&hoard, &other));
        assert_eq!((hoard.enter(), hoard.enter()), (Ok(()), Err(Full::Entries)));
        tenant.limits.disk_entries = Some(2);
        hoards.of(&tenant, 1);
        assert_eq!((hoard.enter(), hoard.enter()), (Ok(()), Err(Full::Entries)));
    }
}

//! Folders of running tenants: when something in one has changed, and nothing more for a moment, the tenant's code as it is
//! now is deployed. A tenant that does not run is not watched: its next start reads what is there. It must not know paths.
use super::super::Hall;
use super::{Again, ms};
use crate::reactor::{Change, Kernel};
use crate::time::{Clock, Mono};
use std::collections::HashMap;
use std::os::fd::AsFd as _;

/// Who writes files does so in several steps: quiet for so long means that they are done.
const SETTLED_MS: u32 = 300;

/// The system's numbers of watched folders, and whose they are.
#[derive(Default)]
pub(super) struct Folders {
    tenants: HashMap<i32, Vec<u32>>,
    /// The same the other way round.
    numbers: HashMap<u32, Vec<i32>>,
    /// The system watches no more of them, which was told once: there may be thousands.
    short: bool,
}

/// What has changed of a tenant, and when last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changed {
    at: Mono,
    /// The configuration has, and something else.
    config: bool,
    code: bool,
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A tenant runs: its folders are watched, as far as the system can.
    pub(super) fn watch_tenant(&mut self, tenant: u32) {
        let Some(keeper) = self.tenants.keeper.as_mut() else { return };
        for folder in keeper.hirer().folders(tenant) {
            match self.reactor.watch_entry(folder.as_fd()) {
                Ok(number) => {
                    let whose = self.tenants.folders.tenants.entry(number).or_default();
                    if !whose.contains(&tenant) {
                        whose.push(tenant);
                        self.tenants.folders.numbers.entry(tenant).or_default().push(number);
                    }
                }
                Err(error) if !std::mem::replace(&mut self.tenants.folders.short, true) => {
                    let name = error.name();
                    self.say(tenant, &format!("its folder is not watched ({name}): SIGHUP deploys what has changed"));
                }
                Err(_) => {}
            }
        }
    }

    /// It runs no longer.
    pub(super) fn unwatch_tenant(&mut self, tenant: u32) {
        let Folders { tenants, numbers, .. } = &mut self.tenants.folders;
        let mut free = numbers.remove(&tenant).unwrap_or_default();
        free.retain(|number| {
            let Some(whose) = tenants.get_mut(number) else { return false };
            whose.retain(|other| *other != tenant);
            whose.is_empty()
        });
        free.iter().for_each(|number| drop(tenants.remove(number)));
        for number in free {
            if !self.guests_watch(number) {
                self.reactor.unwatch_entry(number);
            }
        }
    }

    /// Whether a folder is watched for a tenant's sake.
    pub(in crate::runtime) fn tenants_watch(&self, number: i32) -> bool {
        self.tenants.folders.tenants.contains_key(&number)
    }

    /// Something in a watched folder has changed.
    pub(in crate::runtime) fn folder_changed(&mut self, change: &Change) {
        // What editors and copying tools leave beside a file for a moment.
        if change.name.starts_with(b".") || change.name.ends_with(b"~") {
            return;
        }
        let config = change.name == super::CONFIG_FILE.as_bytes();
        let at = self.now;
        for tenant in self.tenants.folders.tenants.get(&change.watch).cloned().unwrap_or_default() {
            let Some(this) = self.tenants.tenant(tenant) else { continue };
            let before = this.changed.unwrap_or(Changed { at, config: false, code: false });
            this.changed = Some(Changed { at, config: before.config || config, code: before.code || !config });
            self.look_at(tenant, at.plus(ms(SETTLED_MS)));
        }
    }

    /// Deploys what has changed and settled; when to look again, if it has not settled.
    pub(super) fn deploy_changed(&mut self, tenant: u32) -> Option<Mono> {
        let changed = self.tenants.all[tenant as usize].changed?;
        let due = changed.at.plus(ms(SETTLED_MS));
        if self.now < due {
            return Some(due);
        }
        self.tenants.all[tenant as usize].changed = None;
        if changed.config {
            self.reload_tenants(Again::Of(tenant));
        }
        if changed.code {
            self.tenants.deploying.insert(tenant);
        }
        None
    }
}

//! Tenants as an operator sees them. It must not know how they are shown.
use super::life::State;
use crate::reactor::Kernel;
use crate::runtime::observe::{Word, known_word};
use crate::runtime::seat::GuestId;
use crate::runtime::{GuestView, Hall, Latencies};
use crate::time::Clock;
use serde::{Deserialize, Serialize};

/// States of a tenant, the one that counts for several processes first.
const STATES: [&str; 6] = ["running", "resting", "sleeping", "starting", "failed", "stopped"];

/// Of two states of a tenant in two processes, whether the first counts.
pub(in crate::runtime) fn counts_before(state: &str, other: &str) -> bool {
    let rank = |state: &str| STATES.iter().position(|known| *known == state).unwrap_or(STATES.len());
    rank(state) < rank(other)
}

/// One tenant with the guests that run for it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TenantView {
    pub number: u32,
    pub name: String,
    /// `stopped`, `starting`, `running`, `failed`, or that of all its guests where that says
    /// more (`resting`, `sleeping`).
    #[serde(deserialize_with = "known_word")]
    pub state: Word,
    pub starts: u64,
    pub hibernations: u64,
    pub wakes: u64,
    /// Instances that have ended and were not to.
    pub crashes: u64,
    /// Snapshots that were taken; bytes of the one that there is, and whether it is on disk, too.
    pub snapshots: u64,
    pub snapshot_bytes: u64,
    pub snapshot_kept: bool,
    /// An operator has stopped it.
    pub held: bool,
    pub guests: Vec<GuestView>,
    /// Numbers of the processes that they are in.
    pub processes: Vec<u32>,
    /// What these are called here, or the loops of this one.
    #[serde(skip)]
    pub homes: Vec<String>,
}

impl TenantView {
    /// A number of all its guests.
    pub fn sum(&self, number: impl Fn(&GuestView) -> u64) -> u64 {
        self.guests.iter().map(number).fold(0, u64::saturating_add)
    }

    /// Latencies of the last seconds.
    pub fn recent(&self) -> Latencies {
        let mut all = Latencies::default();
        self.guests.iter().for_each(|guest| all.merge(&guest.recent));
        all
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// All tenants by name.
    pub fn view_tenants(&self) -> Vec<TenantView> {
        let known = self.tenants.all.iter().enumerate().filter(|(_, tenant)| !tenant.gone);
        let view = |(number, tenant): (usize, &super::life::Tenant)| {
            if self.tenants.are_apart() {
                let held = tenant.held;
                return TenantView { held, ..self.view_apart(number as u32, &tenant.plan.name) };
            }
            let guests: Vec<GuestView> =
                tenant.instances.iter().filter_map(|instance| self.view_guest(instance.guest)).collect();
            let all = |state| !guests.is_empty() && guests.iter().all(|guest| guest.state == state);
            let state = match tenant.state(self.now) {
                State::Stopped => "stopped",
                State::Starting => "starting",
                State::Running if all("resting") => "resting",
                State::Running if all("sleeping") => "sleeping",
                State::Running => "running",
                State::Failed(_) => "failed",
            };
            let processes = if guests.is_empty() { Vec::new() } else { vec![std::process::id()] };
            TenantView {
                number: number as u32,
                name: tenant.plan.name.clone(),
                state,
                starts: tenant.starts,
                hibernations: tenant.hibernations,
                wakes: tenant.wakes,
                crashes: tenant.crashes,
                snapshots: tenant.snapshots,
                snapshot_bytes: tenant.bud.as_ref().map_or(0, |bud| bud.snapshot.bytes()),
                snapshot_kept: tenant.kept.is_there,
                held: tenant.held,
                guests,
                processes,
                homes: Vec::new(),
            }
        };
        let mut all: Vec<TenantView> = known.map(view).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    pub(in crate::runtime) fn tenant_named(&self, name: &str) -> Option<u32> {
        let known = |tenant: &super::life::Tenant| !tenant.gone && tenant.plan.name == name;
        self.tenants.all.iter().position(known).map(|number| number as u32)
    }

    pub(in crate::runtime) fn guests_of(&self, tenant: u32) -> Vec<GuestId> {
        let tenant = self.tenants.all.get(tenant as usize);
        tenant.map_or_else(Vec::new, |tenant| tenant.instances.iter().map(|instance| instance.guest).collect())
    }
}

//! What the process with the fronts tells each process of tenants: their definitions with nothing left to be read elsewhere,
//! and nothing of tenants that are not its own. It must not know when that is, nor how it travels.
use super::cordon::{Told, ToldTenant};
use super::keeper::environment;
use super::modules::{Modules, is_module};
use super::spread::{Share, Spread, modules_apart, shares, spread};
use super::tenant::Tenant;
use crate::guest::Kit;
use crate::policy::{Instances, ServeLimits};
use crate::runtime::{CordonKind, CordonOrder, CordonPlan, Manners, NotHired, Routes};
use crate::tls::Identity;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// How tenants are spread, and over what.
#[derive(Clone, Debug, Default)]
pub struct Apart {
    pub wish: Spread,
    pub cores: u16,
    /// What the kernel lacks to confine a process is an error.
    pub required: bool,
    /// What is done to every request.
    pub manners: Manners,
    /// For hosts that no tenant has a certificate for.
    pub otherwise: Option<Identity>,
    /// In which each process has its den.
    pub dens: Option<PathBuf>,
    pub shares: Vec<Share>,
    /// Whether tenants are in processes: as it was at the start.
    pub began: Option<bool>,
}

const RESTART: &str = "groups and processes of tenants need a restart: all tenants stay in one process";

pub type Numbered<'a> = [(u32, &'a Tenant)];

impl Apart {
    /// Spreads these tenants as they are now.
    pub fn arrange_again(&mut self, tenants: &Numbered<'_>) {
        let _said = self.arrange(tenants, self.otherwise.clone(), self.manners);
    }

    /// Spreads these tenants. Answers what the operator is to know of it.
    pub fn arrange(
        &mut self,
        tenants: &Numbered<'_>,
        otherwise: Option<Identity>,
        manners: Manners,
    ) -> Option<&'static str> {
        let list: Vec<&Tenant> = tenants.iter().map(|(_, tenant)| *tenant).collect();
        let wanted = spread(&list, self.wish, self.cores);
        // A process that has run guests is none that others are kept apart from, and one that has not runs none.
        let apart = *self.began.get_or_insert(!wanted.is_empty());
        self.shares = if apart {
            modules_apart(&list, shares(&list, self.wish, self.cores), |tenant| is_module(&tenant.main))
        } else {
            Vec::new()
        };
        (self.otherwise, self.manners) = (otherwise, manners);
        (!apart && !wanted.is_empty()).then_some(RESTART)
    }

    /// Processes that there are to be.
    pub fn plans(&self, tenants: &Numbered<'_>, modules: &Modules<Kit>) -> Vec<CordonPlan> {
        let plan = |share: &Share| CordonPlan {
            name: share.name.clone(),
            tenants: share.tenants.iter().map(|(at, _)| tenants[*at].0).collect(),
            shape: shape(tenants, share, modules),
            kind: CordonKind::Process,
        };
        self.shares.iter().map(plan).collect()
    }

    /// What one of them is told.
    ///
    /// # Errors
    /// When a secret cannot be read, or a module is not ready yet.
    pub fn tell(
        &self,
        tenants: &Numbered<'_>,
        place: u32,
        modules: &mut Modules<Kit>,
    ) -> Result<CordonOrder, NotHired> {
        let share = self.shares.get(place as usize);
        let share = share.ok_or_else(|| NotHired::Failed("there is no such process".into()))?;
        let slots: HashMap<u32, u32> = share.tenants.iter().map(|(at, _)| tenants[*at].0).zip(0..).collect();
        let mut own = Vec::new();
        for (at, instances) in &share.tenants {
            let processes =
                self.shares.iter().filter(|share| share.tenants.iter().any(|(other, _)| other == at)).count();
            own.push(told(tenants[*at].1, *instances, processes as u16).map_err(NotHired::Failed)?);
        }
        let kits = add_modules(&mut own, modules)?;
        let needs = own.iter().any(|tenant| tenant.identity.is_none());
        let told = Told {
            routes: routes(tenants, |number| slots.get(&number).copied()),
            otherwise: self.otherwise.as_ref().filter(|_| needs).map(Identity::pem),
            forwarded: self.manners.forwarded.map(|whom| super::word_of(whom).to_owned()),
            trace: self.manners.trace,
            required: self.required,
            dens: self.dens.clone(),
            // In powers of two: one process more is no news to all others.
            den_bytes: ServeLimits::default().dens_bytes / self.shares.len().max(1).next_power_of_two() as u64,
            tenants: own,
        };
        let hive = serde_json::to_vec(&told)
            .map_err(|error| NotHired::Failed(format!("its configuration cannot be told: {error}")))?;
        Ok(CordonOrder { hive, modules: kits, shape: shape(tenants, share, modules) })
    }
}

/// What cannot be added to a process later: what the kernel has been asked to leave to it, and code.
fn shape(tenants: &Numbered<'_>, share: &Share, modules: &Modules<Kit>) -> String {
    let own = share.tenants.iter().map(|(at, _)| tenants[*at].1);
    let kept: Vec<_> =
        own.map(|tenant| (&tenant.grants.net, &tenant.grants.folders, modules.last(&tenant.main))).collect();
    format!("{kept:?}")
}

/// What has become of their modules, and those that are ready.
fn add_modules(own: &mut [ToldTenant], modules: &mut Modules<Kit>) -> Result<Vec<(u32, Kit)>, NotHired> {
    let (mut kits, mut waits) = (Vec::new(), false);
    for (slot, tenant) in (0..).zip(own) {
        tenant.module = match modules.get(&tenant.main) {
            Ok(None) => None,
            Ok(Some((stamp, kit))) => {
                kits.push((slot, kit));
                Some(Ok(stamp))
            }
            Err(NotHired::Failed(why)) => Some(Err(why)),
            Err(NotHired::NotYet) => {
                waits = true;
                None
            }
        };
    }
    if waits { Err(NotHired::NotYet) } else { Ok(kits) }
}

fn told(tenant: &Tenant, share: u16, processes: u16) -> Result<ToldTenant, String> {
    // Of those that change the process with the fronts says how many, each time.
    let scaling = tenant.instances.scale().then_some(Instances { least: 0, ..tenant.instances });
    let instances = scaling.unwrap_or(Instances::fixed(share));
    Ok(ToldTenant {
        name: tenant.name.clone(),
        folder: tenant.folder.clone(),
        main: tenant.main.clone(),
        env: environment(tenant).map_err(|why| format!("{}: {why}", tenant.name))?,
        grants: tenant.grants.clone(),
        limits: (*tenant.limits).clone(),
        module: None,
        instances,
        processes,
        idle: tenant.idle,
        hibernate: tenant.hibernate,
        snapshot: tenant.snapshot,
        keep: tenant.keep,
        hosts: tenant.hosts.clone(),
        identity: tenant.identity.as_ref().map(Identity::pem),
    })
}

/// Host, path, and whose: none is another cordon's.
pub type Route = (String, String, Option<u32>);

/// Stands in a routing table for whoever is not among the tenants of this cordon.
const OTHERS: u32 = u32::MAX;

/// The table that they make.
pub fn table(routes: &[Route]) -> Routes {
    let mut table = Routes::default();
    for (host, path, whose) in routes {
        let _others = table.add(host, path, whose.unwrap_or(OTHERS));
    }
    table
}

/// Hosts and paths of those that have a place; of others only what would else be taken for theirs.
pub fn routes(tenants: &Numbered<'_>, slot: impl Fn(u32) -> Option<u32>) -> Vec<Route> {
    let its = tenants.iter().filter(|(number, _)| slot(*number).is_some());
    let own: HashSet<&str> = its.flat_map(|(_, tenant)| &tenant.hosts).map(String::as_str).collect();
    let mut routes = Vec::new();
    for (number, tenant) in tenants {
        let whose = slot(*number);
        for host in &tenant.hosts {
            if whose.is_some() || is_covered(&own, host) {
                routes.push((host.clone(), tenant.path.clone(), whose));
            }
        }
    }
    routes
}

/// Whether requests for a host could be taken for those of `own`: names, `*.name` or `*`.
fn is_covered(own: &HashSet<&str>, host: &str) -> bool {
    let mut dots = host.match_indices('.').map(|(at, _)| &host[at..]);
    own.contains("*") || own.contains(host) || dots.any(|suffix| own.contains(format!("*{suffix}").as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::cache::CacheFolder;
    use crate::guest::{Engine, EngineOptions};
    use crate::serve::tenant::plain;

    #[test]
    fn a_process_is_told_of_its_own_tenants_only() {
        let tenant = |name: &str, group: &str, hosts: &[&str]| {
            let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
            let env = [("WORD".to_owned(), format!("secret of {name}"))].into();
            Tenant { group: Some(group.into()), hosts, env, ..plain(name) }
        };
        let all = [
            tenant("a", "one", &["a.example", "*.wild.example"]),
            tenant("b", "two", &["b.example", "b.wild.example", "a.example"]),
            tenant("c", "three", &["*"]),
        ];
        let numbered: Vec<(u32, &Tenant)> = (7..).zip(&all).collect();
        let mut apart = Apart { cores: 1, ..Apart::default() };
        apart.arrange(&numbered, None, Manners::default());
        let engine = Engine::new(&EngineOptions::default()).expect("an engine can be made");
        let mut modules = Modules::new(engine, CacheFolder(None));
        let plans = apart.plans(&numbered, &modules);
        let names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
        assert_eq!(names, ["one/1", "three/1", "two/1"]);
        assert_eq!(plans[2].tenants, [8]);
        let order = apart.tell(&numbered, 0, &mut modules).unwrap_or_else(|why| panic!("{why:?}"));
        assert_eq!(order.shape, plans[0].shape);
        let text = String::from_utf8(order.hive).expect("JSON is text");
        assert!(text.contains("secret of a") && !text.contains("secret of b") && !text.contains("secret of c"));
        assert!(text.contains("b.wild.example") && !text.contains("\"b.example\""), "what it could mistake: {text}");
        let told: Told = serde_json::from_str(&text).expect("it comes out as it went in");
        assert_eq!(told.tenants[0].grants, all[0].grants);
        let others: Vec<&str> =
            told.routes.iter().filter(|route| route.2.is_none()).map(|route| route.0.as_str()).collect();
        assert_eq!(others, ["b.wild.example", "a.example"]);
        assert!(apart.tell(&numbered, 9, &mut modules).is_err());
    }
}

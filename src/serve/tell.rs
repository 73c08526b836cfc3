//! What the process with the fronts tells each process of tenants: their definitions with nothing left to be read elsewhere,
//! and nothing of tenants that are not its own. It must not know when that is, nor how it travels.
use super::cordon::{Told, ToldTenant};
use super::keeper::environment;
use super::spread::{Share, Spread, shares, spread};
use super::tenant::Tenant;
use crate::runtime::{CordonPlan, Manners};
use crate::tls::Identity;
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

type Numbered<'a> = [(u32, &'a Tenant)];

impl Apart {
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
        self.shares = if apart { shares(&list, self.wish, self.cores) } else { Vec::new() };
        (self.otherwise, self.manners) = (otherwise, manners);
        (!apart && !wanted.is_empty()).then_some(RESTART)
    }

    /// Processes that there are to be.
    pub fn plans(&self, tenants: &Numbered<'_>) -> Vec<CordonPlan> {
        let plan = |share: &Share| CordonPlan {
            name: share.name.clone(),
            tenants: share.tenants.iter().map(|(at, _)| tenants[*at].0).collect(),
            shape: self.shape(tenants, share),
        };
        self.shares.iter().map(plan).collect()
    }

    /// What the kernel has been asked to leave to a process: nothing can be added to it later.
    fn shape(&self, tenants: &Numbered<'_>, share: &Share) -> String {
        let grants = share.tenants.iter().map(|(at, _)| &tenants[*at].1.grants);
        let kept: Vec<_> = grants.map(|grants| (&grants.net, &grants.folders)).collect();
        format!("{kept:?}")
    }

    /// What one of them is told.
    ///
    /// # Errors
    /// When a secret cannot be read.
    pub fn tell(&self, tenants: &Numbered<'_>, place: u32) -> Result<Vec<u8>, String> {
        let share = self.shares.get(place as usize).ok_or("there is no such process")?;
        let own = share.tenants.iter().map(|(at, instances)| told(tenants[*at].1, *instances));
        let own = own.collect::<Result<Vec<_>, _>>()?;
        let needs = own.iter().any(|tenant| tenant.identity.is_none());
        let told = Told {
            routes: routes(tenants, share),
            otherwise: self.otherwise.as_ref().filter(|_| needs).map(Identity::pem),
            forwarded: self.manners.forwarded.map(|whom| super::word_of(whom).to_owned()),
            trace: self.manners.trace,
            required: self.required,
            dens: self.dens.clone(),
            tenants: own,
        };
        serde_json::to_vec(&told).map_err(|error| format!("its configuration cannot be told: {error}"))
    }
}

fn told(tenant: &Tenant, instances: u16) -> Result<ToldTenant, String> {
    Ok(ToldTenant {
        name: tenant.name.clone(),
        folder: tenant.folder.clone(),
        main: tenant.main.clone(),
        env: environment(tenant).map_err(|why| format!("{}: {why}", tenant.name))?,
        grants: tenant.grants.clone(),
        limits: tenant.limits.0.clone(),
        instances,
        idle: tenant.idle,
        hibernate: tenant.hibernate,
        hosts: tenant.hosts.clone(),
        identity: tenant.identity.as_ref().map(Identity::pem),
    })
}

/// Its own tenants' hosts and paths; of others only what would else be taken for theirs.
fn routes(tenants: &Numbered<'_>, share: &Share) -> Vec<(String, String, Option<u32>)> {
    let slot = |at: usize| share.tenants.iter().position(|(own, _)| *own == at).map(|slot| slot as u32);
    let own: Vec<&String> = share.tenants.iter().flat_map(|(at, _)| &tenants[*at].1.hosts).collect();
    let mut routes = Vec::new();
    for (at, (_, tenant)) in tenants.iter().enumerate() {
        let whose = slot(at);
        for host in &tenant.hosts {
            if whose.is_some() || own.iter().any(|own| covers(own, host)) {
                routes.push((host.clone(), tenant.path.clone(), whose));
            }
        }
    }
    routes
}

/// Whether requests for `other` could be taken for those of `own`.
fn covers(own: &str, other: &str) -> bool {
    match own.strip_prefix('*') {
        Some("") => true,
        // With the dot before it.
        Some(suffix) => other.ends_with(suffix),
        None => own == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let plans = apart.plans(&numbered);
        let names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
        assert_eq!(names, ["one/1", "three/1", "two/1"]);
        assert_eq!(plans[2].tenants, [8]);
        let text = String::from_utf8(apart.tell(&numbered, 0).expect("it can be told")).expect("JSON is text");
        assert!(text.contains("secret of a") && !text.contains("secret of b") && !text.contains("secret of c"));
        assert!(text.contains("b.wild.example") && !text.contains("\"b.example\""), "what it could mistake: {text}");
        let told: Told = serde_json::from_str(&text).expect("it comes out as it went in");
        assert_eq!(told.tenants[0].grants, all[0].grants);
        let others: Vec<&str> =
            told.routes.iter().filter(|route| route.2.is_none()).map(|route| route.0.as_str()).collect();
        assert_eq!(others, ["b.wild.example", "a.example"]);
        assert!(apart.tell(&numbered, 9).is_err());
    }
}

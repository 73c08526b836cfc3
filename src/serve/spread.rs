//! Which processes tenants run in: those of different groups never in one, those of a group over as many as there are, and
//! several instances of one in different ones first. It must not know how a process is started.
use super::tenant::Tenant;
use std::collections::BTreeMap;

/// What the operator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Processes of each group, and of the tenants without one together; none: one for each group, and as many for the others
    /// as `spread` is told.
    pub processes: Option<u16>,
    /// Each tenant has a process of its own.
    pub per_tenant: bool,
    /// Loops of one process; none: one a core.
    pub loops: Option<u16>,
}

/// One process: what it is called, and which tenants run in it, with how many instances of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub name: String,
    /// By their places among all.
    pub tenants: Vec<(usize, u16)>,
}

/// What tenants without a group are called together.
const DEFAULT: &str = "default";

/// Every process, in order; none when all that is wanted is one for all.
pub fn spread(tenants: &[&Tenant], wish: Spread, cores: u16) -> Vec<Share> {
    let shares = shares(tenants, wish, cores);
    let ungrouped = tenants.iter().all(|tenant| tenant.group.is_none());
    if shares.len() == 1 && !wish.per_tenant && ungrouped { Vec::new() } else { shares }
}

/// Every process, in order.
pub fn shares(tenants: &[&Tenant], wish: Spread, cores: u16) -> Vec<Share> {
    let mut groups: BTreeMap<(bool, String), Vec<usize>> = BTreeMap::new();
    for (at, tenant) in tenants.iter().enumerate() {
        let name = match &tenant.group {
            _ if wish.per_tenant => tenant.name.clone(),
            Some(group) => group.clone(),
            None => DEFAULT.into(),
        };
        groups.entry((tenant.group.is_some() || wish.per_tenant, name)).or_default().push(at);
    }
    let mut shares = Vec::new();
    for ((named, name), members) in groups {
        let wanted = wish.processes.unwrap_or(if named { 1 } else { cores }).max(1);
        shares.extend(over(tenants, &name, &members, wanted));
    }
    shares
}

/// The same, but that tenants whose programs are modules are with nobody who has no host in common with them: another module means
/// another process, and with it new instances of all that are in it.
pub fn modules_apart(tenants: &[&Tenant], shares: Vec<Share>, is_module: impl Fn(&Tenant) -> bool) -> Vec<Share> {
    let mut all = Vec::new();
    for share in shares {
        let members: Vec<usize> = share.tenants.iter().map(|(at, _)| *at).collect();
        let (mut own, mut others) = (Vec::new(), Share { name: share.name.clone(), tenants: Vec::new() });
        for clan in clans(tenants, &members) {
            let its = share.tenants.iter().copied().filter(|(at, _)| clan.contains(at));
            match clan.iter().find(|at| is_module(tenants[**at])) {
                Some(at) => {
                    let name = format!("{}/{}", share.name, tenants[*at].name);
                    own.push(Share { name, tenants: its.collect() });
                }
                None => others.tenants.extend(its),
            }
        }
        if !others.tenants.is_empty() {
            all.push(others);
        }
        all.extend(own);
    }
    all
}

/// One group over at most so many processes: no more than it has instances.
fn over(tenants: &[&Tenant], name: &str, members: &[usize], wanted: u16) -> Vec<Share> {
    let instances = |at: &usize| usize::from(tenants[*at].instances.most.max(1));
    let count = members.iter().map(instances).sum::<usize>().min(usize::from(wanted)).max(1);
    let mut shares: Vec<Share> =
        (1..=count).map(|number| Share { name: format!("{name}/{number}"), tenants: Vec::new() }).collect();
    let mut next = 0;
    for clan in clans(tenants, members) {
        let widest = clan.iter().map(instances).max().unwrap_or(1);
        for at in &clan {
            // All of a clan begin at one process, so that one has them all.
            for step in 0..instances(at).min(count) {
                let here = instances(at) / count + usize::from(step < instances(at) % count);
                shares[(next + step) % count].tenants.push((*at, here as u16));
            }
        }
        next += widest;
    }
    shares.retain(|share| !share.tenants.is_empty());
    shares
}

/// Tenants that have a host in common, directly or by others: a connection with TLS is made for a host, and can be served by
/// one process only.
pub fn clans(tenants: &[&Tenant], members: &[usize]) -> Vec<Vec<usize>> {
    let mut clans: Vec<Vec<usize>> = Vec::new();
    let mut homes: BTreeMap<&str, usize> = BTreeMap::new();
    for at in members {
        let known: Vec<usize> =
            tenants[*at].hosts.iter().filter_map(|host| homes.get(host.as_str()).copied()).collect();
        let home = known.first().copied().unwrap_or(clans.len());
        if home == clans.len() {
            clans.push(Vec::new());
        }
        clans[home].push(*at);
        for other in known.into_iter().filter(|other| *other != home) {
            let moved = std::mem::take(&mut clans[other]);
            for at in &moved {
                tenants[*at].hosts.iter().for_each(|host| {
                    homes.insert(host, home);
                });
            }
            clans[home].extend(moved);
        }
        tenants[*at].hosts.iter().for_each(|host| {
            homes.insert(host, home);
        });
    }
    clans.retain(|clan| !clan.is_empty());
    clans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Instances;
    use crate::serve::tenant::plain;

    fn tenant(name: &str, group: Option<&str>, instances: u16, hosts: &[&str]) -> Tenant {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Tenant { group: group.map(str::to_owned), instances: Instances::fixed(instances), hosts, ..plain(name) }
    }

    fn told(tenants: &[Tenant], wish: Spread, cores: u16) -> Vec<String> {
        let one = |share: Share| {
            let who: Vec<String> = share.tenants.iter().map(|(at, n)| format!("{}x{n}", tenants[*at].name)).collect();
            format!("{}: {}", share.name, who.join(" "))
        };
        spread(&tenants.iter().collect::<Vec<_>>(), wish, cores).into_iter().map(one).collect()
    }

    #[test]
    fn groups_are_apart_and_one_process_is_none() {
        let three = [tenant("a", None, 1, &[]), tenant("b", Some("x"), 1, &[]), tenant("c", None, 1, &[])];
        assert_eq!(told(&three, Spread::default(), 1), ["default/1: ax1 cx1", "x/1: bx1"]);
        assert_eq!(told(&three, Spread::default(), 8), ["default/1: ax1", "default/2: cx1", "x/1: bx1"]);
        let per_tenant = Spread { per_tenant: true, ..Spread::default() };
        assert_eq!(told(&three, per_tenant, 1), ["a/1: ax1", "b/1: bx1", "c/1: cx1"]);
        assert!(told(&three[..1], Spread::default(), 8).is_empty(), "one tenant needs one process");
        assert_eq!(told(&three[..1], per_tenant, 8).len(), 1, "its own, and not that of the fronts");
        let two = [three[0].clone(), three[2].clone()];
        assert!(told(&two, Spread { processes: Some(1), ..Spread::default() }, 8).is_empty());
        // A group may be called as those without one are.
        let both = [tenant("a", None, 1, &[]), tenant("b", Some("default"), 1, &[])];
        assert_eq!(told(&both, Spread::default(), 1).len(), 2);
    }

    #[test]
    fn a_module_is_with_those_of_its_hosts() {
        let all = [
            tenant("script", None, 1, &["a"]),
            tenant("wasm", None, 1, &["b"]),
            tenant("both", None, 1, &["b", "c"]),
            tenant("other", None, 1, &["d"]),
        ];
        let list: Vec<&Tenant> = all.iter().collect();
        let apart = modules_apart(&list, shares(&list, Spread::default(), 1), |tenant| tenant.name == "wasm");
        let told: Vec<(&str, Vec<usize>)> =
            apart.iter().map(|it| (it.name.as_str(), it.tenants.iter().map(|it| it.0).collect())).collect();
        assert_eq!(told, [("default/1", vec![0, 3]), ("default/1/wasm", vec![1, 2])]);
    }

    #[test]
    fn instances_are_in_different_processes_first() {
        let one = [tenant("a", None, 5, &[])];
        assert_eq!(told(&one, Spread::default(), 2), ["default/1: ax3", "default/2: ax2"]);
        assert_eq!(told(&one, Spread::default(), 8).len(), 5);
        let two = [tenant("a", None, 1, &[]), tenant("b", None, 2, &[])];
        assert_eq!(told(&two, Spread::default(), 2), ["default/1: ax1 bx1", "default/2: bx1"]);
    }

    #[test]
    fn who_shares_a_host_shares_a_process() {
        let tenants = [
            tenant("a", None, 1, &["x"]),
            tenant("b", None, 1, &["y"]),
            tenant("c", None, 2, &["x", "y"]),
            tenant("d", None, 1, &["z"]),
        ];
        let shares = spread(&tenants.iter().collect::<Vec<_>>(), Spread::default(), 2);
        let has = |share: &Share, at: usize| share.tenants.iter().any(|(other, _)| *other == at);
        assert!(shares.iter().any(|share| has(share, 0) && has(share, 1) && has(share, 2)));
    }
}

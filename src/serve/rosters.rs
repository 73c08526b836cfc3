//! Which loop of this process serves which tenants. Who has a place keeps it: of one tenant's change the others hear nothing. It
//! must not know what a loop is.
use super::spread::clans;
use super::tenant::Tenant;
use crate::runtime::{CordonKind, CordonPlan};
use std::collections::{HashMap, HashSet};

/// All loops.
#[derive(Debug, Default)]
pub struct Rosters {
    pub all: Vec<Roster>,
    /// Where each tenant's first instance is.
    first: HashMap<u32, usize>,
}

/// One loop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    /// Tenants by their places, those that have left among them: a place is never another's.
    pub places: Vec<u32>,
    slots: HashMap<u32, u32>,
    /// Those that it serves, and with how many instances; how many that are together.
    pub serves: HashMap<u32, u16>,
    load: u64,
}

impl Roster {
    fn add(&mut self, tenant: u32, instances: u16) {
        self.slots.entry(tenant).or_insert_with(|| {
            self.places.push(tenant);
            self.places.len() as u32 - 1
        });
        self.load += u64::from(instances);
        self.serves.insert(tenant, instances);
    }

    /// The place of one that it serves.
    pub fn slot(&self, tenant: u32) -> Option<u32> {
        self.serves.get(&tenant).and_then(|_| self.slots.get(&tenant).copied())
    }
}

impl Rosters {
    pub fn new(loops: u16) -> Rosters {
        Rosters { all: vec![Roster::default(); usize::from(loops.max(1))], first: HashMap::new() }
    }

    /// Spreads these tenants: those that have a loop stay there, others go where the fewest instances are. Tenants that have a host in common
    /// begin at the same loop, so that one has them all. Whether any loop serves others than before.
    pub fn arrange(&mut self, tenants: &[(u32, &Tenant)]) -> bool {
        let served: Vec<HashMap<u32, u16>> =
            self.all.iter_mut().map(|roster| std::mem::take(&mut roster.serves)).collect();
        self.all.iter_mut().for_each(|roster| roster.load = 0);
        let before = std::mem::take(&mut self.first);
        let list: Vec<&Tenant> = tenants.iter().map(|(_, tenant)| *tenant).collect();
        let members: Vec<usize> = (0..list.len()).collect();
        let known = |clan: &Vec<usize>| clan.iter().find_map(|at| before.get(&tenants[*at].0).copied());
        let (old, new): (Vec<_>, Vec<_>) = clans(&list, &members).into_iter().partition(|clan| known(clan).is_some());
        for clan in old {
            let first = known(&clan).unwrap_or_default();
            self.place(tenants, &clan, first);
        }
        for clan in new {
            let first = (0..self.all.len()).min_by_key(|at| self.all[*at].load).unwrap_or_default();
            self.place(tenants, &clan, first);
        }
        let differs = |(roster, served): (&Roster, &HashMap<u32, u16>)| {
            roster.serves.len() != served.len() || roster.serves.keys().any(|tenant| !served.contains_key(tenant))
        };
        self.all.iter().zip(&served).any(differs)
    }

    fn place(&mut self, tenants: &[(u32, &Tenant)], clan: &[usize], first: usize) {
        let loops = self.all.len();
        for at in clan {
            let (number, tenant) = tenants[*at];
            self.first.insert(number, first);
            let most = usize::from(tenant.instances.most.max(1));
            for step in 0..most.min(loops) {
                let here = most / loops + usize::from(step < most % loops);
                self.all[(first + step) % loops].add(number, here as u16);
            }
        }
    }

    /// As the hall is to know them.
    pub fn plans(&self) -> Vec<CordonPlan> {
        let plan = |(at, roster): (usize, &Roster)| {
            let left: HashSet<u32> =
                roster.places.iter().copied().filter(|tenant| !roster.serves.contains_key(tenant)).collect();
            let (name, kind) = (format!("loop/{}", at + 1), CordonKind::Loop { left });
            CordonPlan { name, tenants: roster.places.clone(), kind, shape: String::new() }
        };
        self.all.iter().enumerate().map(plan).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Instances;
    use crate::serve::tenant::plain;

    fn tenant(name: &str, instances: u16, hosts: &[&str]) -> Tenant {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Tenant { instances: Instances::fixed(instances), hosts, ..plain(name) }
    }

    /// Who is served where, in order of places.
    fn served(rosters: &Rosters) -> Vec<Vec<(u32, u16)>> {
        let of = |roster: &Roster| {
            let its = roster.places.iter().filter_map(|tenant| Some((*tenant, *roster.serves.get(tenant)?)));
            its.collect()
        };
        rosters.all.iter().map(of).collect()
    }

    #[test]
    fn who_has_a_loop_stays_there_and_places_are_nobody_elses() {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| tenant(name, 1, &[name]));
        let mut rosters = Rosters::new(2);
        rosters.arrange(&[(0, &a), (1, &b), (2, &c)]);
        assert_eq!(served(&rosters), [vec![(0, 1), (2, 1)], vec![(1, 1)]]);
        rosters.arrange(&[(1, &b), (2, &c)]);
        assert_eq!(served(&rosters), [vec![(2, 1)], vec![(1, 1)]], "nobody is moved");
        assert!(rosters.all[0].slot(0).is_none() && rosters.all[0].slot(2) == Some(1));
        rosters.arrange(&[(1, &b), (2, &c), (3, &d), (0, &a)]);
        let plans = rosters.plans();
        assert_eq!(plans[0].tenants, [0, 2, 3], "who comes again has its place again, or begins elsewhere");
        assert_eq!(plans[0].kind, CordonKind::Loop { left: HashSet::from([0]) });
        assert_eq!(served(&rosters), [vec![(2, 1), (3, 1)], vec![(1, 1), (0, 1)]]);
    }

    #[test]
    fn instances_are_in_different_loops_and_who_shares_a_host_begins_where_the_others_do() {
        let (a, b) = (tenant("a", 5, &["x"]), tenant("b", 1, &["y"]));
        let mut rosters = Rosters::new(2);
        rosters.arrange(&[(0, &a), (1, &b)]);
        assert_eq!(served(&rosters), [vec![(0, 3)], vec![(0, 2), (1, 1)]], "three here and two there");
        let both = tenant("c", 1, &["x", "y"]);
        rosters.arrange(&[(0, &a), (1, &b), (2, &both)]);
        assert!([0, 1, 2].iter().all(|tenant| rosters.all[0].serves.contains_key(tenant)), "{rosters:?}");
    }
}

//! Fronts: the hall's own listeners, as the configuration wants them. One that it names no longer is closed, and what came
//! by it goes on until it is done. It must not know what comes in.
use super::super::{Hall, Owner};
use super::{Front, FrontKind, FrontPlan, Tenants};
use crate::proto::forwarded::Believed;
use crate::reactor::{self, Addr, Errno, Kernel, Key};
use crate::time::Clock;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

/// What is done to every request that came by a front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// Scripts are told where a request comes from; the client's own word counts for nothing, or as a proxy's.
    pub forwarded: Option<Believed>,
    /// Requests have a `traceparent`, and their ends are logged.
    pub trace: bool,
}

impl Front {
    /// Whose all its connections are; none: the routing table says.
    pub fn only(&self) -> Option<u32> {
        match self.plan.kind {
            FrontKind::Only(tenant) => Some(tenant),
            FrontKind::Shared | FrontKind::Tls => None,
        }
    }

    /// Nobody comes by it any more.
    pub fn is_closed(&self) -> bool {
        self.key.is_none() && !self.elsewhere
    }
}

impl Tenants {
    /// Whether the routing table says whose a front's requests are; one that is not known any more was like that.
    pub fn is_shared(&self, front: u32) -> bool {
        self.fronts.get(front as usize).is_none_or(|front| front.only().is_none())
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// What is done to requests from here on.
    pub fn set_manners(&mut self, manners: Manners) {
        self.tenants.manners = manners;
    }

    /// Listens for tenants. Answers where.
    ///
    /// # Errors
    /// Those of listening.
    pub fn add_front(&mut self, plan: FrontPlan) -> reactor::Result<SocketAddr> {
        self.open_front(plan).map(|(_, local)| local)
    }

    /// As [`Hall::add_front`]; with its place.
    fn open_front(&mut self, plan: FrontPlan) -> reactor::Result<(usize, SocketAddr)> {
        let wish = reactor::ListenOptions { nodelay: true, ..reactor::ListenOptions::default() };
        let key = self.reactor.listen_tcp(plan.at, &wish)?;
        let local = match self.reactor.local_addr(key) {
            Ok(Addr::Ip(local)) => local,
            _ => plan.at,
        };
        Ok((self.place_front(key, plan), local))
    }

    /// This listener is that front's.
    fn place_front(&mut self, key: Key, plan: FrontPlan) -> usize {
        let same = |front: &Front| front.is_closed() && (front.plan.at, front.plan.kind) == (plan.at, plan.kind);
        // Connections know their front by its place, which is so never another's.
        let place = match self.tenants.fronts.iter().position(same) {
            Some(place) => place,
            None => self.tenants.fronts.len(),
        };
        let front = Front { key: Some(key), plan, elsewhere: false };
        match self.tenants.fronts.get_mut(place) {
            Some(old) => *old = front,
            None => self.tenants.fronts.push(front),
        }
        self.owners.set(key, Owner::Front(place as u32));
        place
    }

    /// The fronts are to be these. All of those that are to be opened are, or none, and then none is closed; answers where. An address
    /// that is one front's and is to be another's changes hands: nobody who knocks meanwhile is refused.
    ///
    /// # Errors
    /// Where nobody can listen, and why.
    pub fn arrange_fronts(&mut self, plans: &[FrontPlan]) -> Result<Vec<SocketAddr>, (SocketAddr, Errno)> {
        let what = |plan: &FrontPlan| (plan.at, plan.kind);
        let wanted: HashMap<_, _> = plans.iter().map(|plan| (what(plan), *plan)).collect();
        let open = || self.tenants.fronts.iter().enumerate().filter(|(_, front)| !front.is_closed());
        let here: HashSet<_> = open().map(|(_, front)| what(&front.plan)).collect();
        let over = open().filter(|(_, front)| front.key.is_some() && !wanted.contains_key(&what(&front.plan)));
        let over: HashMap<SocketAddr, usize> = over.map(|(place, front)| (front.plan.at, place)).collect();
        let missing = plans.iter().filter(|plan| !here.contains(&what(plan))).copied();
        // Of several for one address the first has it; the others are refused before anything is closed.
        let mut taken = HashSet::new();
        let inherits = |plan: &FrontPlan| over.contains_key(&plan.at) && taken.insert(plan.at);
        let (heirs, others): (Vec<FrontPlan>, Vec<FrontPlan>) = missing.partition(inherits);
        let mut opened = Vec::new();
        for plan in others {
            match self.open_front(plan) {
                Ok(front) => opened.push(front),
                Err(error) => {
                    opened.into_iter().for_each(|(place, _)| self.close_front(place));
                    return Err((plan.at, error));
                }
            }
        }
        for plan in heirs {
            if let Some(key) = over.get(&plan.at).and_then(|place| self.tenants.fronts[*place].key.take()) {
                self.place_front(key, plan);
                self.part_from_front(over[&plan.at]);
            }
        }
        for place in 0..self.tenants.fronts.len() {
            let front = &mut self.tenants.fronts[place];
            match wanted.get(&what(&front.plan)) {
                Some(plan) => front.plan = *plan,
                None => self.close_front(place),
            }
        }
        Ok(opened.into_iter().map(|(_, at)| at).collect())
    }

    fn close_front(&mut self, place: usize) {
        if self.stop_front(place) {
            self.part_from_front(place);
        }
    }

    /// Nobody comes by it any more; who is here and owes nothing leaves.
    fn part_from_front(&mut self, place: usize) {
        let idle: Vec<Key> = self.conns_of_front(place as u32);
        idle.into_iter().for_each(|key| self.tenants.may_move(key));
        self.drop_idle_visitors(place as u32);
    }

    /// Nobody comes by it any more; whether that was otherwise.
    fn stop_front(&mut self, place: usize) -> bool {
        let Some(key) = self.tenants.fronts[place].key.take() else { return false };
        self.owners.set(key, Owner::Nobody);
        let _gone = self.reactor.close(key);
        true
    }

    /// No more connections come.
    pub(in crate::runtime) fn close_fronts(&mut self) {
        for place in 0..self.tenants.fronts.len() {
            self.stop_front(place);
        }
        self.drop_visitors();
    }
}

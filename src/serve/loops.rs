//! Loops of this process: what each is told, as what has changed since it was last told, and a loop's own life. All is one process, so
//! what is told is shared and not copied. It must not know how connections come to a loop.
use super::keeper::plan;
use super::rosters::{Roster, Rosters};
use super::stall::Stall;
use super::tell::{Route, routes, table};
use super::tenant::Tenant;
use crate::guest::Den;
use crate::launch::{self, say};
use crate::policy::{Instances, Limits, ServeLimits};
use crate::runtime::{Again, Hirer, Keeper, LoopLink, Manners, Plan, Reload};
use crate::tls::Acceptor;
use anyhow::{Result, anyhow};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Loops where nobody says how many: one a core. Beyond so many an operator says what he wants.
const MOST: usize = 64;

/// A loop's stack is what a process's first thread has.
const STACK: usize = 8 << 20;

/// As many as this process may use at once.
pub fn cores() -> u16 {
    thread::available_parallelism().map_or(1, |cores| cores.get().min(MOST) as u16)
}

/// One tenant as a loop is told of it, and with how many instances.
type Told = (Arc<Tenant>, Instances);

/// What a loop is told: tenants by their places, as far as they differ, and the rest if it does.
#[derive(Default)]
pub struct News {
    tenants: Vec<(u32, Option<Told>)>,
    routes: Option<Vec<Route>>,
    acceptor: Option<Acceptor>,
    manners: Manners,
}

/// What a loop was told, and the way there.
#[derive(Default)]
struct Known {
    tenants: Vec<Option<Told>>,
    /// Which of the tables that there were.
    table: u64,
    manners: Manners,
    news: Option<Sender<News>>,
}

/// All of them, as the process with the fronts has them.
pub struct Loops {
    pub rosters: Rosters,
    known: HashMap<u32, Known>,
    /// Counts up with each other routing table.
    pub table: u64,
    pub acceptor: Option<Acceptor>,
    pub manners: Manners,
    pub den: Option<Den>,
}

impl Loops {
    pub fn new(rosters: Rosters, den: Option<Den>) -> Loops {
        let (known, manners) = (HashMap::new(), Manners::default());
        Loops { rosters, known, table: 1, acceptor: None, manners, den }
    }
}

impl Known {
    /// What differs from what it was told: nothing, maybe.
    fn differs(&mut self, roster: &Roster, all: &[Option<Arc<Tenant>>]) -> Vec<(u32, Option<Told>)> {
        self.tenants.resize(roster.places.len(), None);
        let mut news = Vec::new();
        for ((slot, number), known) in (0..).zip(&roster.places).zip(&mut self.tenants) {
            let now = roster.serves.get(number).and_then(|share| {
                let tenant = all.get(*number as usize)?.clone()?;
                let scaling = tenant.instances.scale().then_some(Instances { least: 0, ..tenant.instances });
                Some((tenant, scaling.unwrap_or(Instances::fixed(*share))))
            });
            let same = match (&now, &*known) {
                (Some(now), Some(known)) => Arc::ptr_eq(&now.0, &known.0) && now.1 == known.1,
                (None, None) => true,
                _ => false,
            };
            if !same {
                known.clone_from(&now);
                news.push((slot, now));
            }
        }
        news
    }
}

impl Loops {
    /// Of one loop, what it has not been told.
    fn news(&mut self, place: u32, all: &[Option<Arc<Tenant>>]) -> Option<News> {
        let roster = self.rosters.all.get(place as usize)?;
        let known = self.known.entry(place).or_default();
        let tenants = known.differs(roster, all);
        let other_table = std::mem::replace(&mut known.table, self.table) != self.table;
        let other_manners = std::mem::replace(&mut known.manners, self.manners) != self.manners;
        if tenants.is_empty() && !other_table && !other_manners && self.acceptor.is_none() {
            return None;
        }
        let every = || (0..).zip(all).filter_map(|(number, tenant)| Some((number, tenant.as_deref()?)));
        let routes = other_table.then(|| routes(&every().collect::<Vec<_>>(), |number| roster.slot(number)));
        Some(News { tenants, routes, acceptor: self.acceptor.clone(), manners: self.manners })
    }

    /// Starts one.
    ///
    /// # Errors
    /// When the system has no thread for it.
    pub fn start(
        &mut self,
        place: u32,
        stall: Stall,
        all: &[Option<Arc<Tenant>>],
        link: LoopLink,
    ) -> Result<(), String> {
        self.known.remove(&place);
        let first = self.news(place, all).unwrap_or_default();
        let (sender, news) = channel();
        let den = self.den.clone();
        let run = move || {
            if let Err(why) = live(stall, first, news, link, den) {
                say(&format!("a loop cannot be started: {why:#}"));
            }
        };
        let name = format!("skep-loop-{}", place + 1);
        let begun = thread::Builder::new().name(name).stack_size(STACK).spawn(run);
        begun.map_err(|error| format!("no thread: {error}"))?;
        self.known.entry(place).or_default().news = Some(sender);
        Ok(())
    }

    /// Lays ready what it has not been told; whether there is anything.
    pub fn tell(&mut self, place: u32, all: &[Option<Arc<Tenant>>]) -> bool {
        let Some(news) = self.news(place, all) else { return false };
        let sender = self.known.get(&place).and_then(|known| known.news.as_ref());
        // One that has ended is told all when it is started anew.
        sender.is_some_and(|sender| sender.send(news).is_ok())
    }
}

/// A loop's keeper of its tenants.
struct Inmates {
    stall: Stall,
    instances: Vec<Instances>,
    news: Receiver<News>,
}

impl Inmates {
    /// Takes in what it is told; what the hall is to make of it.
    fn take(&mut self, news: News) -> Reload {
        let (mut plans, mut gone) = (Vec::new(), Vec::new());
        for (slot, told) in news.tenants {
            let at = slot as usize;
            if self.stall.tenants.len() <= at {
                self.stall.tenants.resize(at + 1, None);
                self.instances.resize(at + 1, Instances::fixed(0));
            }
            let before = self.stall.tenants[at].take();
            match told {
                Some((tenant, instances)) => {
                    // Instances are in different loops first, and there are several.
                    let elsewhere = tenant.instances.most > 1;
                    plans.push((slot, Plan { instances, elsewhere, ..plan(&tenant) }));
                    (self.stall.tenants[at], self.instances[at]) = (Some(tenant), instances);
                }
                None => gone.extend(before.map(|_| slot)),
            }
        }
        let tenants = &self.stall.tenants;
        let is_used = |main: &std::path::Path| tenants.iter().flatten().any(|tenant| tenant.main == main);
        if !gone.is_empty() {
            self.stall.modules.retain(is_used);
        }
        Reload {
            notes: Vec::new(),
            routes: news.routes.map(|routes| table(&routes)),
            plans,
            gone,
            deploy: Vec::new(),
            acceptor: news.acceptor,
            fronts: Vec::new(),
            manners: news.manners,
            cordons: Vec::new(),
        }
    }
}

impl Keeper for Inmates {
    fn hirer(&mut self) -> &mut dyn Hirer {
        &mut self.stall
    }

    fn reload(&mut self, _what: Again) -> Result<Reload, String> {
        Err("the whole configuration is another thread's to read".into())
    }

    fn renew(&mut self, _nothing: &[u8]) -> Option<Reload> {
        let news = self.news.try_recv().ok()?;
        Some(self.take(news))
    }
}

/// A loop's life, on a thread of its own.
fn live(stall: Stall, first: News, news: Receiver<News>, link: LoopLink, den: Option<Den>) -> Result<()> {
    let clock = stall.clock().clone();
    let mut hall = launch::new_loop(clock, Limits::default().http)?;
    let mut inmates = Inmates { stall, instances: Vec::new(), news };
    let Reload { routes, plans, acceptor, manners, .. } = inmates.take(first);
    hall.open_cordon(Box::new(inmates), ServeLimits::default(), routes.unwrap_or_default(), plans);
    hall.set_acceptor(acceptor);
    hall.set_manners(manners);
    den.into_iter().for_each(|den| hall.set_den(den));
    hall.join_fronts_here(link).map_err(|error| anyhow!("the channel cannot be watched: {}", error.name()))?;
    hall.run();
    if hall.leave_fronts() {
        // The process ends next: the system takes back gigabytes of address space faster than we could.
        std::mem::forget(hall);
    }
    Ok(())
}

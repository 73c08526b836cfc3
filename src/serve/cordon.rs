//! A process of tenants: what it is told of them, and its life. It has their definitions from the process with the fronts, with
//! secrets and keys that are theirs, and nothing of others' but which of their hosts must not be taken for its own. It must not
//! know how connections come to it.
use super::den;
use super::hoards::Hoards;
use super::keeper::{begin, bounds, folders_of, state};
use super::limits::of_tenant;
use super::modules::{Stamp, module};
use super::tell::{Route, table};
use super::tenant::Tenant;
use crate::guest::{Cell, Den, Engine, EngineOptions, GuestState, Kit, Snapshot};
use crate::launch::{self, Link, Nest};
use crate::policy::{Grants, Instances, Limits, Run, ServeLimits};
use crate::runtime::{Again, Hired, Hirer, Keeper, Manners, NotHired, Plan, Reload, Routes};
use crate::time::OsClock;
use crate::tls::{Acceptor, Identity};
use anyhow::{Context as _, Result, anyhow};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

/// What a process is told.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Told {
    /// A tenant's place is its number here.
    pub tenants: Vec<ToldTenant>,
    pub routes: Vec<Route>,
    /// Certificate and key for hosts of theirs that have none of their own.
    pub otherwise: Option<(String, String)>,
    /// What scripts are told of where requests come from: `set`, `trust`, or nothing.
    pub forwarded: Option<String>,
    pub trace: bool,
    /// What the kernel lacks is an error.
    pub required: bool,
    /// In which its own den is to be, if its tenants are to sleep.
    pub dens: Option<PathBuf>,
    /// What the files in it may have together.
    pub den_bytes: u64,
}

/// One tenant, with nothing left to be read from elsewhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToldTenant {
    pub name: String,
    pub folder: PathBuf,
    pub main: PathBuf,
    /// Its whole environment, secrets included.
    pub env: Map<String, Value>,
    pub grants: Grants,
    pub limits: Limits,
    pub instances: Instances,
    /// Processes that it has instances in.
    pub processes: u16,
    pub idle: Option<Duration>,
    pub hibernate: Option<Duration>,
    pub snapshot: bool,
    pub keep: bool,
    pub hosts: Vec<String>,
    pub identity: Option<(String, String)>,
    /// Of a program that is a module: the one that came with it, or why there is none.
    pub module: Option<Result<Stamp, String>>,
}

impl ToldTenant {
    fn plan(&self) -> Plan {
        let ToldTenant { name, instances, idle, hibernate, keep, .. } = self;
        let (name, elsewhere) = (name.clone(), self.processes > 1);
        Plan { name, instances: *instances, idle: *idle, hibernate: *hibernate, keep: *keep, elsewhere }
    }

    fn tenant(&self) -> Tenant {
        Tenant {
            name: self.name.clone(),
            folder: self.folder.clone(),
            main: self.main.clone(),
            hosts: self.hosts.clone(),
            path: String::new(),
            port: None,
            identity: None,
            env: BTreeMap::new(),
            secrets: BTreeMap::new(),
            grants: self.grants.clone(),
            limits: Box::new(self.limits.clone()),
            instances: self.instances,
            idle: self.idle,
            hibernate: self.hibernate,
            snapshot: self.snapshot,
            keep: self.keep,
            group: None,
        }
    }
}

impl Told {
    fn read(text: &[u8]) -> Option<Told> {
        let told: Told = serde_json::from_slice(text).ok()?;
        let known = told.tenants.len() as u32;
        told.routes.iter().all(|(_, _, whose)| whose.is_none_or(|whose| whose < known)).then_some(told)
    }

    fn routes(&self) -> Routes {
        table(&self.routes)
    }

    fn acceptor(&self) -> Option<Acceptor> {
        let read = |pem: &(String, String)| Identity::from_pem(pem.0.as_bytes(), pem.1.as_bytes()).ok();
        let catches = |tenant: &&ToldTenant| tenant.hosts.iter().any(|host| host == "*");
        let catching =
            || self.tenants.iter().filter(catches).find_map(|tenant| tenant.identity.as_ref().and_then(read));
        let otherwise = self.otherwise.as_ref().and_then(read).or_else(catching);
        let mut named = Vec::new();
        for tenant in &self.tenants {
            if let Some(identity) = tenant.identity.as_ref().and_then(read) {
                let hosts = tenant.hosts.iter().filter(|host| *host != "*");
                named.extend(hosts.map(|host| (host.clone(), identity.clone())));
            }
        }
        (otherwise.is_some() || !named.is_empty()).then(|| Acceptor::new(named, otherwise))
    }

    fn manners(&self) -> Manners {
        Manners { forwarded: self.forwarded.as_deref().and_then(super::believed), trace: self.trace }
    }

    /// All that any of them may: what the kernel is to leave to this process.
    pub fn union(&self) -> Grants {
        let mut all = Grants { listen_none: true, listen_virtual: true, run: Run::None, ..Grants::default() };
        for tenant in &self.tenants {
            all.net.extend(tenant.grants.net.iter().cloned());
            all.folders.extend(tenant.grants.folders.iter().cloned());
        }
        all
    }
}

/// The keeper of a process's tenants.
struct Held {
    told: Told,
    cell: Cell,
    /// Of modules that this process was given.
    modules: HashMap<(PathBuf, Stamp), Cell>,
    /// Modules that there can be no cell of, and why.
    refused: HashMap<PathBuf, (Stamp, String)>,
    /// Tenants that wait for a process that has theirs.
    wanted: Vec<u32>,
    clock: OsClock,
    den: Option<Den>,
    hoards: Hoards,
}

impl Held {
    /// What it was told of its den holds from here on.
    fn bound_den(&self) {
        self.den.iter().for_each(|den| den.set_most(self.told.den_bytes));
    }

    /// The cell of a tenant's program as it is now.
    fn cell(&mut self, slot: u32) -> Result<Cell, NotHired> {
        let told = self.told.tenants.get(slot as usize);
        let told = told.ok_or_else(|| NotHired::Failed("it is not configured".into()))?;
        let Some(stamp) = module(&told.main) else { return Ok(self.cell.clone()) };
        if let Some(cell) = self.modules.get(&(told.main.clone(), stamp)) {
            return Ok(cell.clone());
        }
        match self.refused.get(&told.main) {
            Some((refused, why)) if *refused == stamp => Err(NotHired::Failed(why.clone())),
            _ => {
                self.wanted.push(slot);
                Err(NotHired::NotYet)
            }
        }
    }

    /// A new instance's state.
    fn state(&mut self, slot: u32) -> Result<GuestState, NotHired> {
        let told = self.told.tenants.get(slot as usize);
        let told = told.ok_or_else(|| NotHired::Failed("it is not configured".into()))?;
        let tenant = told.tenant();
        let mut state = state(&tenant, told.env.clone(), &self.clock).map_err(NotHired::Failed)?;
        state.draw_from(self.hoards.of(&tenant, told.processes));
        Ok(state)
    }
}

impl Hirer for Held {
    fn hire(&mut self, tenant: u32) -> Result<Hired, NotHired> {
        let cell = self.cell(tenant)?;
        let mut state = self.state(tenant)?;
        let told = &self.told.tenants[tenant as usize];
        // A module's own heap knows no START but the first.
        if told.snapshot && module(&told.main).is_none() {
            state.keep_ledger(bounds());
        }
        cell.spawn(state).map_err(|error| NotHired::Failed(format!("{error:#}")))
    }

    fn revive(&mut self, tenant: u32, from: &mut Snapshot) -> Result<Hired, String> {
        match (self.cell(tenant), self.state(tenant)) {
            (Ok(cell), Ok(state)) if self.told.tenants[tenant as usize].snapshot => {
                begin(from, &cell, state, &self.clock)
            }
            _ => Err("its configuration has changed".into()),
        }
    }

    fn folders(&mut self, tenant: u32) -> Vec<OwnedFd> {
        self.told.tenants.get(tenant as usize).map(|told| folders_of(&told.tenant())).unwrap_or_default()
    }
}

impl Keeper for Held {
    fn hirer(&mut self) -> &mut dyn Hirer {
        self
    }

    fn reload(&mut self, _what: Again) -> Result<Reload, String> {
        Err("the whole configuration is another process's to read".into())
    }

    fn renew(&mut self, hive: &[u8]) -> Option<Reload> {
        let told = Told::read(hive)?;
        let gone = (told.tenants.len() as u32..self.told.tenants.len() as u32).collect();
        self.told = told;
        self.bound_den();
        Some(Reload {
            notes: Vec::new(),
            routes: Some(self.told.routes()),
            plans: plans(&self.told),
            gone,
            deploy: Vec::new(),
            acceptor: self.told.acceptor(),
            fronts: Vec::new(),
            manners: self.told.manners(),
            cordons: Vec::new(),
        })
    }

    fn wanted(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.wanted)
    }

    fn refused(&mut self, tenant: u32, why: String) {
        if let Some(told) = self.told.tenants.get(tenant as usize)
            && let Some(stamp) = module(&told.main)
        {
            self.refused.insert(told.main.clone(), (stamp, why));
        }
    }
}

fn plans(told: &Told) -> Vec<(u32, Plan)> {
    told.tenants.iter().enumerate().map(|(number, tenant)| (number as u32, tenant.plan())).collect()
}

/// The life of a process of tenants, from its first message on.
///
/// # Errors
/// When what it is told makes no sense, or it cannot be confined.
pub fn run(text: &[u8], (kit, modules): (&Kit, &[(u64, Kit)]), nest: Option<Nest>, link: Link) -> Result<i32> {
    let told = Told::read(text).context("what this process is to serve makes no sense")?;
    let (engine, cell) = match nest {
        Some(nest) => (nest.engine.clone(), nest.cell.with_image(kit.image().clone())),
        None => {
            let engine = Engine::new(&EngineOptions::default())?;
            let cell = kit.cell(&engine)?;
            (engine, cell)
        }
    };
    let (modules, refused) = modules_of(&told, modules, &engine)?;
    let clock = OsClock::new();
    let mut hall = launch::new_hall(clock.clone(), of_tenant().http, true)?;
    // Made before nothing can be made any more: of all that is there, the kernel leaves this process its own.
    let den = told.dens.as_deref().and_then(den);
    launch::confine_tenants(&told.union(), den.as_ref().map(Den::folder), told.required)?;
    let (routes, acceptor, plans, manners) = (told.routes(), told.acceptor(), plans(&told), told.manners());
    let held =
        Held { told, cell, modules, refused, wanted: Vec::new(), clock, den: den.clone(), hoards: Hoards::default() };
    held.bound_den();
    hall.open_cordon(Box::new(held), ServeLimits::default(), routes, plans);
    hall.set_acceptor(acceptor);
    hall.set_manners(manners);
    den.iter().for_each(|den| hall.set_den(den.clone()));
    hall.join_fronts(link.channel, link.decoder, link.fds)
        .map_err(|error| anyhow!("the channel cannot be watched: {}", error.name()))?;
    hall.run();
    den.iter().for_each(Den::close);
    // The process ends next: the system takes back gigabytes of address space and a thread faster than we could.
    std::mem::forget((hall, engine));
    Ok(0)
}

type Given = (HashMap<(PathBuf, Stamp), Cell>, HashMap<PathBuf, (Stamp, String)>);

/// What this process was given of its tenants' modules. Their code is mapped here: later the kernel lets nothing be.
fn modules_of(told: &Told, kits: &[(u64, Kit)], engine: &Engine) -> Result<Given> {
    let (mut cells, mut refused) = (HashMap::new(), HashMap::new());
    for (slot, tenant) in (0..).zip(&told.tenants) {
        match &tenant.module {
            Some(Ok(stamp)) => {
                let kit = kits.iter().find(|(number, _)| *number == slot).map(|(_, kit)| kit);
                let cell = kit.context("a module was told of and did not come")?.cell(engine)?;
                cells.insert((tenant.main.clone(), *stamp), cell);
            }
            Some(Err(why)) => {
                if let Some(stamp) = module(&tenant.main) {
                    refused.insert(tenant.main.clone(), (stamp, why.clone()));
                }
            }
            None => {}
        }
    }
    Ok((cells, refused))
}

//! The keeper of the tenants: makes an instance's guest from what was configured, when the hall asks for one. It must not
//! know when that is.
use super::Wish;
use super::config::Hive;
use super::modules::Modules;
use super::register::Register;
use super::tell::Apart;
use super::tenant::Tenant;
use crate::guest::cache::Digests;
use crate::guest::{Bounds, Cell, Engine, Entropy, GuestState, Keepsake, Keepsakes, Kit, Snapshot, Surroundings};
use crate::launch::{Confine, Order, Program, World, say, start_info};
use crate::policy::{FolderGrant, Limits, ServeLimits};
use crate::runtime::{
    Again, CordonOrder, CordonPlan, FrontKind, FrontPlan, Hired, Keeper, Manners, NotHired, Plan, Reload, Routes,
};
use crate::time::{Clock as _, OsClock};
use rustix::fs::{Mode, OFlags};
use serde_json::{Map, Value};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;

/// Folders of one tenant that are watched at most: what lies deeper is deployed by a signal.
const FOLDERS: usize = 64;

/// Enough to watch a folder by.
#[cfg(target_os = "linux")]
const LOOK: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const LOOK: OFlags = OFlags::RDONLY;

/// The tenants by number. A number is never another name's.
pub struct Bees {
    wish: Wish,
    numbers: HashMap<String, u32>,
    tenants: Vec<Option<Rc<Tenant>>>,
    register: Register,
    /// Of scripts.
    cell: Cell,
    modules: Modules<Cell>,
    /// For other processes.
    kits: Modules<Kit>,
    clock: OsClock,
    /// Tenants are spread over processes as this says.
    apart: Apart,
    shelf: Shelf,
}

/// Where snapshots lie that outlive this process: opened when the first tenant wants that.
pub struct Shelf {
    /// None: there is no folder for them.
    pub folder: Option<PathBuf>,
    pub engine: Engine,
    /// Of the guest that runs scripts.
    pub digests: Digests,
    opened: OnceCell<Option<Keepsakes>>,
}

impl Shelf {
    pub fn new(folder: Option<PathBuf>, engine: Engine, digests: Digests) -> Shelf {
        Shelf { folder, engine, digests, opened: OnceCell::new() }
    }

    fn keepsakes(&self, cell: &Cell) -> Option<&Keepsakes> {
        let limits = ServeLimits::default();
        let bounds = (limits.snapshot_files, limits.snapshots_disk_bytes, limits.snapshot_bytes * 2);
        let open = || {
            let folder = self.folder.as_ref()?;
            let opened = Keepsakes::open(folder, &self.engine, self.digests, cell, bounds);
            opened.inspect_err(|why| say(&format!("snapshots cannot be kept: {}: {why:#}", folder.display()))).ok()
        };
        self.opened.get_or_init(open).as_ref()
    }
}

impl Bees {
    pub fn new(
        wish: Wish,
        hive: &Hive,
        cell: Cell,
        (modules, kits): (Modules<Cell>, Modules<Kit>),
        clock: OsClock,
        (apart, shelf, register): (Apart, Shelf, Register),
    ) -> Bees {
        let (numbers, tenants) = (HashMap::new(), Vec::new());
        let mut bees = Bees { wish, numbers, tenants, register, cell, modules, kits, clock, apart, shelf };
        let _none = bees.take(hive);
        bees
    }

    /// These are the tenants from now on. Answers what the operator is to know of it.
    fn take(&mut self, hive: &Hive) -> Option<&'static str> {
        self.tenants.iter_mut().for_each(|tenant| *tenant = None);
        for tenant in &hive.tenants {
            let next = self.tenants.len() as u32;
            let number = *self.numbers.entry(tenant.name.clone()).or_insert(next);
            if number == next {
                self.tenants.push(None);
            }
            self.tenants[number as usize] = Some(tenant.clone());
        }
        let is_used = |main: &std::path::Path| hive.tenants.iter().any(|tenant| tenant.main == main);
        self.modules.retain(is_used);
        self.kits.retain(is_used);
        let manners = self.manners(hive);
        let all = numbered(&self.tenants);
        self.apart.arrange(&all, hive.identity.clone(), manners)
    }

    /// Processes that tenants are to be in; none: this one.
    pub fn cordons(&self) -> Vec<CordonPlan> {
        self.apart.plans(&numbered(&self.tenants), &self.kits)
    }

    fn all(&self) -> impl Iterator<Item = (u32, &Tenant)> {
        self.tenants.iter().enumerate().filter_map(|(number, tenant)| Some((number as u32, &**tenant.as_ref()?)))
    }

    /// Whose requests are whose.
    pub fn routes(&self) -> Routes {
        let mut routes = Routes::default();
        for (number, tenant) in self.all() {
            for host in &tenant.hosts {
                let taken = routes.add(host, &tenant.path, number);
                debug_assert_eq!(taken, None, "the configuration was checked");
            }
        }
        routes
    }

    /// What the hall is to know of each.
    pub fn plans(&self) -> Vec<(u32, Plan)> {
        self.all().map(|(number, tenant)| (number, plan(tenant))).collect()
    }

    /// Where to listen, for all and for tenants with ports of their own; none when there is nowhere.
    pub fn fronts(&self, hive: &Hive) -> Option<Vec<FrontPlan>> {
        let wish = &self.wish;
        let clear = if wish.listen.is_empty() { &hive.listen } else { &wish.listen };
        let ip = clear.iter().chain(&hive.https).next()?.ip();
        let own = self.all().filter_map(|(number, tenant)| Some((SocketAddr::new(ip, tenant.port?), number)));
        let shared =
            clear.iter().map(|at| (*at, FrontKind::Shared)).chain(hive.https.iter().map(|at| (*at, FrontKind::Tls)));
        let all = shared.chain(own.map(|(at, tenant)| (at, FrontKind::Only(tenant))));
        Some(all.map(|(at, kind)| FrontPlan { at, kind, proxied: wish.proxied || hive.proxied.holds(at) }).collect())
    }

    pub fn manners(&self, hive: &Hive) -> Manners {
        Manners { forwarded: self.wish.forwarded.or(hive.forwarded), trace: self.wish.trace || hive.trace }
    }
}

impl Bees {
    /// The module that a tenant's program is, if it is one, and what the host knows of a new instance.
    fn prepare(&mut self, tenant: u32) -> Result<(Option<Cell>, GuestState), NotHired> {
        let tenant = self.tenants.get(tenant as usize).and_then(Option::as_deref);
        let tenant = tenant.ok_or_else(|| NotHired::Failed("it is not configured".into()))?;
        let module = self.modules.get(&tenant.main)?.map(|(_, cell)| cell);
        let env = environment(tenant).map_err(NotHired::Failed)?;
        let state = state(tenant, env, &self.clock).map_err(NotHired::Failed)?;
        Ok((module, state))
    }
}

/// A guest that begins from a snapshot, if it holds.
pub fn begin(from: &mut Snapshot, cell: &Cell, state: GuestState, clock: &OsClock) -> Result<Hired, String> {
    from.holds(cell, &state, clock.wall())?;
    from.spawn(state, clock.now_mono().0).map_err(|error| format!("{error:#}"))
}

/// How much may be asked again of what a tenant has been told of files.
pub fn bounds() -> Bounds {
    let limits = ServeLimits::default();
    Bounds { bytes: limits.snapshot_ledger_bytes, told: limits.snapshot_told_bytes }
}

impl Keeper for Bees {
    fn folders(&mut self, tenant: u32) -> Vec<OwnedFd> {
        self.tenants.get(tenant as usize).and_then(Option::as_deref).map(folders_of).unwrap_or_default()
    }

    fn hire(&mut self, tenant: u32) -> Result<Hired, NotHired> {
        let (module, mut state) = self.prepare(tenant)?;
        let wished = self.tenants[tenant as usize].as_ref().is_some_and(|tenant| tenant.snapshot);
        // A module's own heap knows no START but the first.
        if wished && module.is_none() {
            state.keep_ledger(bounds());
        }
        let spawned = module.as_ref().unwrap_or(&self.cell).spawn(state);
        spawned.map_err(|error| NotHired::Failed(format!("{error:#}")))
    }

    fn revive(&mut self, tenant: u32, from: &mut Snapshot) -> Result<Hired, String> {
        let wished = self.tenants.get(tenant as usize).and_then(Option::as_ref).is_some_and(|tenant| tenant.snapshot);
        match self.prepare(tenant) {
            Ok((None, state)) if wished => begin(from, &self.cell, state, &self.clock),
            _ => Err("its configuration has changed".into()),
        }
    }

    fn keepsake(&mut self, tenant: u32) -> Option<Keepsake> {
        let tenant = self.tenants.get(tenant as usize)?.as_ref().filter(|tenant| tenant.snapshot && tenant.keep)?;
        let words = [tenant.folder.as_os_str().as_encoded_bytes(), tenant.name.as_bytes()];
        Some(self.shelf.keepsakes(&self.cell)?.of(&words))
    }

    fn recall(&mut self, from: &Keepsake, bytes: &[u8]) -> Result<(Snapshot, Vec<u8>), String> {
        from.snapshot(bytes, &self.cell).map_err(|why| format!("{why:#}"))
    }

    fn limits(&mut self, tenant: u32) -> Option<Limits> {
        self.tenants.get(tenant as usize)?.as_ref().map(|tenant| (*tenant.limits).clone())
    }

    fn cordon(&mut self, cordon: u32) -> Result<CordonOrder, NotHired> {
        self.apart.tell(&numbered(&self.tenants), cordon, &mut self.kits)
    }

    fn other_module(&mut self, tenant: u32) -> Result<Vec<CordonPlan>, NotHired> {
        let tenant = self.tenants.get(tenant as usize).and_then(Option::as_ref);
        let tenant = tenant.ok_or_else(|| NotHired::Failed("it is not configured".into()))?;
        self.kits.get(&tenant.main)?;
        // Who has a module may have had a script.
        self.apart.arrange_again(&numbered(&self.tenants));
        Ok(self.cordons())
    }

    fn reload(&mut self, what: Again) -> Result<Reload, String> {
        let only = match what {
            Again::Of(tenant) => self.tenants.get(tenant as usize).and_then(Option::as_ref).map(|it| it.name.clone()),
            Again::All | Again::Changes => None,
        };
        let hive = Hive::read_again(&self.wish.place, &mut self.register, only.as_deref());
        let hive = hive.map_err(|fault| fault.to_string())?;
        let before = self.tenants.clone();
        let note = self.take(&hive).map(str::to_owned);
        let notes = note.into_iter().chain([format!("{} tenants", hive.tenants.len())]).collect();
        let (mut plans, mut gone, mut deploy, mut other_routes) = (Vec::new(), Vec::new(), Vec::new(), false);
        for (number, now) in (0..).zip(&self.tenants) {
            let was = before.get(number as usize).and_then(Option::as_ref);
            let same = |was: &&Rc<Tenant>, now: &Rc<Tenant>| Rc::ptr_eq(was, now) || **was == *now;
            match (was, now) {
                (Some(was), Some(now)) if same(&was, now) => deploy.extend((what == Again::All).then_some(number)),
                (was, Some(now)) => {
                    other_routes |= was.is_none_or(|was| was.hosts != now.hosts || was.path != now.path);
                    plans.push((number, plan(now)));
                    deploy.extend(was.map(|_| number).or((what == Again::All).then_some(number)));
                }
                (Some(_), None) => {
                    other_routes = true;
                    gone.push(number);
                }
                (None, None) => {}
            }
        }
        let fronts = self.fronts(&hive).unwrap_or_default();
        let (manners, cordons) = (self.manners(&hive), self.cordons());
        let routes = other_routes.then(|| self.routes());
        Ok(Reload { notes, routes, plans, gone, deploy, fronts, manners, acceptor: hive.acceptor, cordons })
    }
}

/// What the hall is to know of one.
fn plan(tenant: &Tenant) -> Plan {
    let Tenant { name, instances, idle, hibernate, keep, .. } = tenant;
    let keep = *keep && tenant.snapshot;
    Plan { name: name.clone(), instances: *instances, idle: *idle, hibernate: *hibernate, keep }
}

/// Tenants with their numbers, in order.
fn numbered(tenants: &[Option<Rc<Tenant>>]) -> Vec<(u32, &Tenant)> {
    (0..).zip(tenants).filter_map(|(number, tenant)| Some((number, &**tenant.as_ref()?))).collect()
}

/// This folder and those in it, but for packages and what is hidden; none where the tenant may write itself.
pub fn folders_of(tenant: &Tenant) -> Vec<OwnedFd> {
    let writes = |grant: &FolderGrant| {
        grant.write && (grant.folder.starts_with(&tenant.folder) || tenant.folder.starts_with(&grant.folder))
    };
    if tenant.grants.folders.iter().any(writes) {
        return Vec::new();
    }
    let (mut found, mut left) = (Vec::new(), vec![tenant.folder.clone()]);
    while let Some(folder) = left.pop() {
        let flags = LOOK | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(open) = rustix::fs::open(&folder, flags, Mode::empty()) else { continue };
        found.push(open);
        if found.len() >= FOLDERS {
            break;
        }
        let inner = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        left.extend(inner.map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            !name.starts_with('.') && name != "node_modules" && path.is_dir() && !path.is_symlink()
        }));
    }
    found
}

/// A tenant's variables: those of this process that it may see, its own, its secrets.
pub fn environment(tenant: &Tenant) -> Result<Map<String, Value>, String> {
    let mut env: Map<String, Value> = Map::new();
    let own =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    env.extend(own.filter(|(name, _)| tenant.grants.env(name)).map(|(name, value)| (name, value.into())));
    env.extend(tenant.env.iter().map(|(name, value)| (name.clone(), value.clone().into())));
    for (name, secret) in &tenant.secrets {
        let value = secret.read().map_err(|why| format!("secret {name}: {why}"))?;
        env.insert(name.clone(), value.into());
    }
    Ok(env)
}

/// What the host knows of a new instance.
pub fn state(tenant: &Tenant, env: Map<String, Value>, clock: &OsClock) -> Result<GuestState, String> {
    let order = Order {
        program: Program::File(tenant.main.clone()),
        args: Vec::new(),
        node_flags: Vec::new(),
        grants: tenant.grants.clone(),
        limits: (*tenant.limits).clone(),
        check: false,
        confine: Confine::default(),
    };
    let world = World { env, folder: Some(tenant.folder.clone()), ..World::default() };
    let info = start_info(&order, &world).map_err(|error| format!("{error:#}"))?;
    let outside = Box::new(Surroundings(clock.clone(), Entropy::Os));
    Ok(GuestState::new(order.grants, order.limits, outside, info.into_bytes()))
}

//! The keeper of the tenants: makes an instance's guest from what was configured, when the hall asks for one. It must not
//! know when that is.
use super::Wish;
use super::config::Hive;
use super::loops::Loops;
use super::modules::Modules;
use super::register::Register;
use super::stall::Stall;
use super::tell::Apart;
use super::tenant::Tenant;
use crate::guest::{Bounds, Cell, Entropy, GuestState, Kit, Snapshot, Surroundings};
use crate::launch::{Confine, Order, Program, World, start_info};
use crate::policy::{FolderGrant, ServeLimits};
use crate::runtime::{
    Again, CordonOrder, CordonPlan, FrontKind, FrontPlan, Hired, Hirer, Keeper, LoopLink, Manners, NotHired, Plan,
    Reload, Routes,
};
use crate::time::{Clock as _, OsClock};
use rustix::fs::{Mode, OFlags};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

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
    stall: Stall,
    register: Register,
    /// For other processes.
    kits: Modules<Kit>,
    /// Tenants are spread over processes as this says.
    apart: Apart,
    /// They are spread over these.
    loops: Option<Loops>,
}

impl Bees {
    pub fn new(
        wish: Wish,
        hive: &Hive,
        (stall, kits): (Stall, Modules<Kit>),
        (apart, register): (Apart, Register),
        loops: Option<Loops>,
    ) -> Bees {
        let mut bees = Bees { wish, numbers: HashMap::new(), stall, register, kits, apart, loops };
        let _none = bees.take(hive);
        // Who is in processes of groups is in no loop.
        bees.loops = bees.loops.take().filter(|_| bees.apart.began != Some(true));
        bees
    }

    /// These are the tenants from now on. Answers what the operator is to know of it.
    fn take(&mut self, hive: &Hive) -> Option<&'static str> {
        let tenants = &mut self.stall.tenants;
        tenants.iter_mut().for_each(|tenant| *tenant = None);
        for tenant in &hive.tenants {
            let next = tenants.len() as u32;
            let number = *self.numbers.entry(tenant.name.clone()).or_insert(next);
            if number == next {
                tenants.push(None);
            }
            tenants[number as usize] = Some(tenant.clone());
        }
        let used: HashSet<&std::path::Path> = hive.tenants.iter().map(|tenant| tenant.main.as_path()).collect();
        let is_used = |main: &std::path::Path| used.contains(main);
        self.stall.modules.retain(is_used);
        self.kits.retain(is_used);
        let manners = self.manners(hive);
        let all = numbered(&self.stall.tenants);
        if let Some(loops) = &mut self.loops {
            loops.table += u64::from(loops.rosters.arrange(&all));
            (loops.acceptor, loops.manners) = (hive.acceptor.clone(), manners);
        }
        self.apart.arrange(&all, hive.identity.clone(), manners)
    }

    /// Processes or loops that tenants are to be in; none: this one.
    pub fn cordons(&self) -> Vec<CordonPlan> {
        if let Some(loops) = &self.loops {
            return loops.rosters.plans();
        }
        self.apart.plans(&numbered(&self.stall.tenants), &self.kits)
    }

    fn all(&self) -> impl Iterator<Item = (u32, &Tenant)> {
        self.stall.tenants.iter().enumerate().filter_map(|(number, tenant)| Some((number as u32, &**tenant.as_ref()?)))
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
    fn hirer(&mut self) -> &mut dyn Hirer {
        &mut self.stall
    }

    fn start_loop(&mut self, place: u32, link: LoopLink) -> Result<(), String> {
        let stall = self.stall.another();
        let loops = self.loops.as_mut().ok_or("there are no loops")?;
        loops.start(place, stall, &self.stall.tenants, link)
    }

    fn tell_loop(&mut self, place: u32) -> bool {
        let tenants = &self.stall.tenants;
        self.loops.as_mut().is_some_and(|loops| loops.tell(place, tenants))
    }

    fn cordon(&mut self, cordon: u32) -> Result<CordonOrder, NotHired> {
        self.apart.tell(&numbered(&self.stall.tenants), cordon, &mut self.kits)
    }

    fn other_module(&mut self, tenant: u32) -> Result<Vec<CordonPlan>, NotHired> {
        let tenant = self.stall.tenant(tenant).ok_or_else(|| NotHired::Failed("it is not configured".into()))?;
        self.kits.get(&tenant.main)?;
        // Who has a module may have had a script.
        self.apart.arrange_again(&numbered(&self.stall.tenants));
        Ok(self.cordons())
    }

    fn reload(&mut self, what: Again) -> Result<Reload, String> {
        let only = match what {
            Again::Of(tenant) => self.stall.tenant(tenant).map(|it| it.name.clone()),
            Again::All | Again::Changes => None,
        };
        let hive = Hive::read_again(&self.wish.place, &mut self.register, only.as_deref());
        let hive = hive.map_err(|fault| fault.to_string())?;
        let before = self.stall.tenants.clone();
        let note = self.take(&hive).map(str::to_owned);
        let notes = note.into_iter().chain([format!("{} tenants", hive.tenants.len())]).collect();
        let (mut plans, mut gone, mut deploy, mut other_routes) = (Vec::new(), Vec::new(), Vec::new(), false);
        for (number, now) in (0..).zip(&self.stall.tenants) {
            let was = before.get(number as usize).and_then(Option::as_ref);
            let same = |was: &&Arc<Tenant>, now: &Arc<Tenant>| Arc::ptr_eq(was, now) || **was == *now;
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
        self.loops.iter_mut().for_each(|loops| loops.table += u64::from(other_routes));
        let fronts = self.fronts(&hive).unwrap_or_default();
        let (manners, cordons) = (self.manners(&hive), self.cordons());
        let routes = other_routes.then(|| self.routes());
        Ok(Reload { notes, routes, plans, gone, deploy, fronts, manners, acceptor: hive.acceptor, cordons })
    }
}

/// What the hall is to know of one.
pub fn plan(tenant: &Tenant) -> Plan {
    let Tenant { name, instances, idle, hibernate, keep, .. } = tenant;
    let keep = *keep && tenant.snapshot;
    Plan { name: name.clone(), instances: *instances, idle: *idle, hibernate: *hibernate, keep, elsewhere: false }
}

/// Tenants with their numbers, in order.
fn numbered(tenants: &[Option<Arc<Tenant>>]) -> Vec<(u32, &Tenant)> {
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
    let mut state = GuestState::new(order.grants, order.limits, outside, info.into_bytes());
    state.has_neighbours = true;
    Ok(state)
}

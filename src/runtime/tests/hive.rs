//! A calm hall with one tenant of the JavaScript guest, another with the same code that a test may ask too (`Host: other`), and
//! a den for its sleep. It must not know what a test is after.
use super::calm::{Calm, SECOND};
use super::sim::{engine, script};
use crate::guest::cache::Digests;
use crate::guest::{Bounds, Den, Entropy, GuestState, Keepsake, Keepsakes, Snapshot, Surroundings};
use crate::policy::{Grants, Instances, Limits, ServeLimits};
use crate::reactor::sim::SimPeer;
use crate::runtime::tenants::TenantView;
use crate::runtime::{Again, FrontKind, FrontPlan, Hired, Hirer, Keeper, Manners, NotHired, Plan, Reload, Routes};
use crate::time::{Clock as _, VirtualClock};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// After which the tenants of these tests sleep.
pub(super) const HIBERNATE: Duration = Duration::from_secs(10);

/// 2026-01-01.
const WALL: u64 = 1_767_225_600_000_000_000;

/// Idle connections stay for as long as their peers like.
const PRELUDE: &str = "const serve = (answer) => {
  const server = require('http').createServer(answer);
  server.keepAliveTimeout = 0;
  server.listen(80);
};";

/// Hires guests that run what `code` holds then.
struct Only {
    code: Rc<RefCell<String>>,
    clock: VirtualClock,
    hired: u8,
    /// Begin where their top level had run.
    snapshot: bool,
    /// Where snapshots are kept, if they are.
    shelf: Option<Keepsakes>,
    /// As the tenant is to be when all is read again.
    plan: Rc<RefCell<Option<Plan>>>,
}

impl Only {
    fn state(&mut self, tenant: u32) -> GuestState {
        self.hired += 1;
        let outside = Box::new(Surroundings(self.clock.clone(), Entropy::seeded(&[self.hired; 32])));
        let info = serde_json::json!({
            "argv": ["skep", "main", tenant.to_string()], "execPath": "skep", "execArgv": [], "env": {}, "envHidden": false, "info": null, "argv0": null,
            "fork": false, "cwd": "/", "pid": 2, "ppid": 1, "nameservers": [], "platform": "linux", "arch": "x64",
            "mode": "eval", "main": null, "source": format!("{PRELUDE}{}", self.code.borrow()), "inputType": "commonjs",
            "tty": [false, false, false], "uid": 0, "gid": 0, "hostname": "localhost", "version": "0",
            "memoryLimit": 256 << 20,
        });
        let limits = Limits { slice: Duration::from_secs(3600), cpu_ns: None, ..Limits::tenant() };
        let grants = Grants { listen_none: true, listen_virtual: true, ..Grants::default() };
        GuestState::new(grants, limits, outside, info.to_string().into_bytes())
    }
}

impl Hirer for Only {
    /// Code that is empty is not ready yet.
    fn hire(&mut self, tenant: u32) -> Result<Hired, NotHired> {
        if self.code.borrow().is_empty() {
            return Err(NotHired::NotYet);
        }
        let mut state = self.state(tenant);
        if self.snapshot {
            state.keep_ledger(Bounds { bytes: 1 << 10, told: 1 << 10 });
        }
        script().spawn(state).map_err(|error| NotHired::Failed(format!("{error:#}")))
    }

    fn revive(&mut self, tenant: u32, from: &mut Snapshot) -> Result<Hired, String> {
        let state = self.state(tenant);
        from.holds(script(), &state, self.clock.wall())?;
        from.spawn(state, self.clock.now_mono().0).map_err(|error| error.to_string())
    }

    fn keepsake(&mut self, tenant: u32) -> Option<Keepsake> {
        self.shelf.as_ref().filter(|_| tenant == 0).map(|shelf| shelf.of(&[b"a"]))
    }

    fn recall(&mut self, from: &Keepsake, bytes: &[u8]) -> Result<(Snapshot, Vec<u8>), String> {
        from.snapshot(bytes, script()).map_err(|why| format!("{why:#}"))
    }

    fn folders(&mut self, _tenant: u32) -> Vec<OwnedFd> {
        Vec::new()
    }
}

impl Keeper for Only {
    fn hirer(&mut self) -> &mut dyn Hirer {
        self
    }

    fn reload(&mut self, _what: Again) -> Result<Reload, String> {
        let plan = self.plan.borrow().clone().ok_or("it has no configuration")?;
        Ok(Reload {
            notes: Vec::new(),
            routes: None,
            plans: vec![(0, plan)],
            gone: Vec::new(),
            deploy: Vec::new(),
            acceptor: None,
            fronts: vec![FRONT],
            manners: Manners::default(),
            cordons: Vec::new(),
        })
    }
}

const FRONT: FrontPlan = FrontPlan {
    at: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 80),
    kind: FrontKind::Shared,
    proxied: false,
};

/// The hall, and what stands around it.
pub(super) struct Hive {
    pub calm: Calm,
    pub code: Rc<RefCell<String>>,
    /// And where it is.
    pub den: Den,
    place: PathBuf,
    plan: Rc<RefCell<Option<Plan>>>,
}

impl Drop for Hive {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.place);
    }
}

impl Hive {
    pub fn new(code: &str) -> Hive {
        Hive::with(code, |_, _| {})
    }

    /// With other limits, or another plan.
    pub fn with(code: &str, change: impl FnOnce(&mut Plan, &mut ServeLimits)) -> Hive {
        Hive::made(code, (false, None), change)
    }

    /// Its guests begin where their top level had run; it is stopped when nobody asks for a while.
    pub fn budding(code: &str, change: impl FnOnce(&mut ServeLimits)) -> Hive {
        Hive::made(code, (true, None), |plan, limits| {
            (plan.hibernate, plan.idle) = (None, Some(HIBERNATE));
            change(limits);
        })
    }

    /// And the snapshot outlives the hall, in this folder.
    pub fn keeping(code: &str, folder: &Path) -> Hive {
        let digests = Digests::of(skep_js_guest::WASM);
        let shelf = Keepsakes::open(folder, engine(), digests, script(), (8, 1 << 30, 64 << 20));
        let shelf = shelf.expect("the folder is good");
        Hive::made(code, (true, Some(shelf)), |plan, _| {
            (plan.hibernate, plan.idle, plan.keep) = (None, Some(HIBERNATE), true);
        })
    }

    /// The tenant's configuration is another.
    pub fn reload(&mut self, change: impl FnMut(&mut Plan)) {
        self.plan.borrow_mut().iter_mut().for_each(change);
        self.calm.hall.reload_tenants(Again::All).expect("it is in order");
    }

    fn made(
        code: &str,
        (snapshot, shelf): (bool, Option<Keepsakes>),
        change: impl FnOnce(&mut Plan, &mut ServeLimits),
    ) -> Hive {
        let mut calm = Calm::new(WALL);
        let code = Rc::new(RefCell::new(code.to_owned()));
        let known = Rc::new(RefCell::new(None));
        let (clock, plan) = (calm.clock.clone(), known.clone());
        let keeper = Only { code: code.clone(), clock, hired: 0, snapshot, shelf, plan };
        let mut plan = Plan {
            name: "a".into(),
            instances: Instances::fixed(1),
            idle: None,
            hibernate: Some(HIBERNATE),
            keep: false,
            elsewhere: false,
        };
        let mut limits = ServeLimits { idle_ms: 3_600_000, ..ServeLimits::default() };
        change(&mut plan, &mut limits);
        known.replace(Some(plan.clone()));
        let mut routes = Routes::default();
        assert_eq!((routes.add("*", "/", 0), routes.add("other", "/", 1)), (None, None));
        let other = Plan {
            name: "other".into(),
            instances: Instances::fixed(1),
            idle: None,
            hibernate: None,
            keep: false,
            elsewhere: false,
        };
        calm.hall.open_tenants(Box::new(keeper), limits, routes, vec![(0, plan), (1, other)]);
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system has random bytes");
        let place = std::env::temp_dir().join(format!("skep-dens-{:x}", u64::from_le_bytes(random)));
        let den = Den::open(&place).expect("a den can be made");
        calm.hall.set_den(den.clone());
        calm.hall.add_front(FRONT).expect("the simulation has ports");
        Hive { calm, code, den, place, plan: known }
    }

    pub fn pass(&mut self, span: Duration) {
        self.calm.pass(span);
    }

    /// Lets it fall asleep.
    pub fn rest(&mut self) {
        self.pass(HIBERNATE + 2 * SECOND);
        assert_eq!(self.view().state, "sleeping", "{}", self.log());
    }

    pub fn connect(&self) -> SimPeer {
        self.calm.net.connect(FRONT.at).expect("the front listens")
    }

    /// One request on this connection, and the text of its answer.
    pub fn ask(&mut self, peer: &SimPeer, path: &str) -> String {
        self.ask_host(peer, "a", path)
    }

    /// The same of a tenant.
    pub fn ask_host(&mut self, peer: &SimPeer, host: &str, path: &str) -> String {
        peer.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).expect("the connection is open");
        self.answer(peer)
    }

    /// The text of the answer that is due.
    pub fn answer(&mut self, peer: &SimPeer) -> String {
        let mut answer = Vec::new();
        for _ in 0..20 {
            self.pass(Duration::from_millis(1));
            answer.extend(peer.read_all());
            let text = String::from_utf8_lossy(&answer);
            if let Some((_, body)) = text.split_once("\r\n\r\n").filter(|(_, body)| !body.is_empty()) {
                return body.into();
            }
        }
        panic!("no answer has come but {:?}; the log says {}", String::from_utf8_lossy(&answer), self.log());
    }

    pub fn view(&self) -> TenantView {
        self.calm.hall.view_tenants().remove(0)
    }

    pub fn log(&self) -> String {
        self.calm.paper.text()
    }

    /// The files of those that sleep.
    pub fn files(&self) -> Vec<PathBuf> {
        let entries = |path: &PathBuf| -> Vec<PathBuf> {
            std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
        };
        entries(&self.place).iter().flat_map(entries).collect()
    }
}

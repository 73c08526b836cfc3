//! A hall of tenants as a process has one, with real sockets, clocks and the JavaScript guest: neighbours that serve, one
//! attacker, and what became of it. It must not know what an attack is about.
use crate::load::{self, Seen};
use skep::guest::cache::{CacheFolder, load_or_build};
use skep::guest::{Cell, Engine, EngineOptions, Entropy, GuestState, Surroundings};
use skep::policy::{Bound, FolderGrant, Grants, Limits, NetRule, Rate};
use skep::reactor::OsReactor;
use skep::runtime::{GuestId, GuestView, Hall, HallView, LogSink, Logs, Offload, Outcome};
use skep::time::OsClock;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

const NEIGHBOURS: usize = 4;

/// What an attacker must come to before its row passes.
pub enum Expect {
    /// It is alive and was made to rest for its CPU time.
    Throttled,
    /// It met this bound, whether it is alive or not.
    Met(Bound),
    /// It says this.
    Says(&'static str),
    /// It is gone by itself or by a limit; a word of how.
    Ends(&'static str),
}

/// One attack.
pub struct Row {
    pub id: &'static str,
    pub script: &'static str,
    pub expect: Expect,
}

/// Long enough for what a row waits for, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long the neighbours are watched at least, while the attack goes on.
fn watched() -> Duration {
    let seconds = std::env::var("SKEP_HOSTILE_SECONDS").ok().and_then(|text| text.parse().ok());
    seconds.map_or(Duration::from_millis(700), Duration::from_secs_f64)
}

fn is_long() -> bool {
    watched() > Duration::from_secs(2)
}

/// A folder that guests may read, as a tenant its own; a row that wants files puts them there.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hive");
        std::fs::create_dir_all(&folder).expect("a folder can be made here");
        folder
    })
}

/// A tenant's limits, tighter: what takes long at the defaults is seen soon.
fn limits() -> Limits {
    let cpu_ns = Some(Rate { per_second: 250_000_000, burst: 200_000_000 });
    let log_bytes = Some(Rate { per_second: 100_000, burst: 200_000 });
    Limits { memory_bytes: 64 << 20, cpu_ns, log_bytes, ..Limits::tenant() }
}

fn cell() -> &'static (Engine, Cell) {
    static CELL: OnceLock<(Engine, Cell)> = OnceLock::new();
    CELL.get_or_init(|| {
        let engine = Engine::new(&EngineOptions::default()).expect("an engine can be made here");
        let folder = CacheFolder::from_environment();
        let cell = load_or_build(&engine, skep_js_guest::WASM, &folder, |_| {}).expect("the guest is accepted");
        (engine, cell)
    })
}

#[derive(Clone, Default)]
struct Paper(Rc<RefCell<String>>);

impl LogSink for Paper {
    fn write(&mut self, _fd: u8, bytes: &[u8]) -> std::io::Result<usize> {
        let mut paper = self.0.borrow_mut();
        if paper.len() < 1 << 20 {
            paper.push_str(&String::from_utf8_lossy(bytes));
        }
        Ok(bytes.len())
    }

    fn wait(&mut self, _fd: u8) {}
}

fn info(source: &str, port: u16) -> Vec<u8> {
    let info = serde_json::json!({
        "argv": ["skep"], "execPath": "skep", "execArgv": [], "env": { "PORT": port.to_string(), "DIR": folder() }, "cwd": "/",
        "pid": 1, "ppid": 0, "platform": "linux", "arch": "x64", "mode": "eval", "main": null, "source": source,
        "inputType": "commonjs", "tty": [false, false, false], "uid": 1000, "gid": 1000, "hostname": "hive",
        "version": "0", "memoryLimit": 64 << 20,
    });
    info.to_string().into_bytes()
}

/// A server that says its port.
const GOOD: &str = "var body = 'x'.repeat(2048);
var server = require('http').createServer(function (request, response) {
  response.writeHead(200, { 'Content-Length': 2048 });
  response.end(body);
});
server.listen(0, '127.0.0.1', function () { console.log('PORT ' + server.address().port); });";

/// What the test asks of the hall's thread, which does one thing a turn.
enum Ask {
    Attack(&'static str, u16),
    Look(Sender<Look>),
    Stop,
}

/// What is to be seen of the attacker.
struct Look {
    view: Option<GuestView>,
    ended: Option<String>,
    said: String,
    hall: HallView,
}

struct Room {
    hall: Hall<skep::reactor::MioKernel, OsClock>,
    clock: OsClock,
    paper: Paper,
    attacker: Option<GuestId>,
    ended: Option<String>,
}

impl Room {
    fn new() -> Room {
        let (clock, paper) = (OsClock::new(), Paper::default());
        let reactor = OsReactor::new().expect("an event loop can be made");
        let offload = Offload::threads(reactor.waker());
        let logs = Logs::new(Box::new(paper.clone()));
        let hall = Hall::new(reactor, clock.clone(), logs, offload, Limits::default().http);
        Room { hall, clock, paper, attacker: None, ended: None }
    }

    fn seat(&mut self, script: &str, port: u16) -> GuestId {
        self.seat_with(script, port, limits()).expect("a guest can be spawned")
    }

    fn seat_with(&mut self, script: &str, port: u16, limits: Limits) -> Option<GuestId> {
        let net = vec![NetRule { host: Some([127, 0, 0, 1].into()), port: Some(port) }];
        let folders = vec![FolderGrant { folder: folder().to_owned(), write: false }];
        let grants = Grants { net, folders, ..Grants::default() };
        let outside = Box::new(Surroundings(self.clock.clone(), Entropy::Os));
        let state = GuestState::new(grants, limits, outside, info(script, port));
        Some(self.hall.seat(cell().1.spawn(state).ok()?))
    }

    fn turn(&mut self) {
        self.hall.turn();
        while let Some((id, outcome)) = self.hall.ended() {
            assert_eq!(Some(id), self.attacker, "a neighbour has ended: {outcome:?}\n{}", self.paper.0.borrow());
            self.ended = Some(match outcome {
                Outcome::Ended(verdict) => verdict.to_string(),
                other => format!("{other:?}"),
            });
        }
    }

    fn look(&self) -> Look {
        Look {
            view: self.attacker.and_then(|id| self.hall.view_guest(id)),
            ended: self.ended.clone(),
            said: self.paper.0.borrow().clone(),
            hall: self.hall.view(),
        }
    }
}

/// The hall's thread: answers where its neighbours listen, then turns and does what it is asked.
fn keep(asks: &Receiver<Ask>, ports: &Sender<Vec<u16>>) {
    let mut room = Room::new();
    for _ in 0..NEIGHBOURS {
        room.seat(GOOD, 9);
    }
    let until = Instant::now() + DEADLINE;
    loop {
        room.turn();
        let found: Vec<u16> =
            room.paper.0.borrow().lines().filter_map(|line| line.strip_prefix("PORT ")?.parse().ok()).collect();
        if found.len() == NEIGHBOURS {
            room.paper.0.borrow_mut().clear();
            room.hall.forget_longest_turn();
            ports.send(found).expect("the test waits");
            break;
        }
        assert!(Instant::now() < until, "the neighbours do not listen");
    }
    loop {
        match asks.try_recv() {
            Ok(Ask::Attack(script, port)) => room.attacker = Some(room.seat(script, port)),
            Ok(Ask::Look(to)) => to.send(room.look()).expect("the test waits"),
            Ok(Ask::Stop) => return,
            Err(_) => {}
        }
        room.turn();
    }
}

/// A hall with neighbours under load.
struct Hive {
    asks: Sender<Ask>,
    ports: Vec<u16>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Hive {
    fn new() -> Hive {
        let (asks, received) = channel();
        let (told, ports) = channel();
        let thread = thread::spawn(move || keep(&received, &told));
        let ports = ports.recv_timeout(DEADLINE).expect("the neighbours listen");
        Hive { asks, ports, thread: Some(thread) }
    }

    /// The load of all neighbours for so long.
    fn load(&self, span: Duration) -> Seen {
        let each = if is_long() { 250 } else { 100 };
        let threads: Vec<_> = self.ports.iter().map(|port| load::begin(*port, each, span)).collect();
        let mut seen = Seen::default();
        threads.into_iter().for_each(|thread| seen.add(thread.join().expect("a client")));
        seen
    }

    /// The hall sleeps while nothing happens: the load wakes it.
    fn look(&self) -> Look {
        let (to, look) = channel();
        self.asks.send(Ask::Look(to)).expect("the hall's thread lives");
        let _woken = std::net::TcpStream::connect(("127.0.0.1", self.ports[0]));
        look.recv_timeout(DEADLINE).expect("the hall turns")
    }
}

impl Drop for Hive {
    fn drop(&mut self) {
        let _ended = self.asks.send(Ask::Stop);
        let _woken = std::net::TcpStream::connect(("127.0.0.1", self.ports[0]));
        let ended = self.thread.take().map(thread::JoinHandle::join);
        if !thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the hall's thread has panicked");
        }
    }
}

/// Whether the attack has come to what is expected; else what is there instead.
fn is_met(expect: &Expect, look: &Look) -> Result<(), String> {
    let begun = look.said.contains("BEGUN");
    let met = begun
        && match (expect, &look.view, &look.ended) {
            (Expect::Throttled, Some(view), _) => view.meter.hits(Bound::Cpu) > 0 && view.meter.rests > 0,
            (Expect::Met(bound), Some(view), _) => view.meter.hits(*bound) > 0,
            (Expect::Says(text), ..) => look.said.contains(text),
            (Expect::Ends(how), _, Some(ended)) => ended.contains(how),
            _ => false,
        };
    if met {
        return Ok(());
    }
    let said: String = look.said.chars().take(2000).collect();
    Err(format!("ended: {:?}\nmeter: {:?}\nsaid: {said}", look.ended, look.view.as_ref().map(|view| view.meter)))
}

/// One row at a time: two loops on one core would measure each other.
static ONE: Mutex<()> = Mutex::new(());

/// How a script ends that is alone in a hall with so much memory, and what it has said; none if it cannot start with that.
pub fn alone(script: &str, memory_bytes: u64) -> Option<(String, String)> {
    let mut room = Room::new();
    room.attacker = Some(room.seat_with(script, 9, Limits { memory_bytes, cpu_ns: None, ..limits() })?);
    let until = Instant::now() + DEADLINE;
    while room.ended.is_none() {
        room.turn();
        assert!(Instant::now() < until, "with {memory_bytes} bytes it does not end: {}", room.paper.0.borrow());
    }
    let look = room.look();
    Some((look.ended.expect("it has ended"), look.said))
}

/// Runs a row: a baseline where times are measured, then the attack under load until it has come to what is expected.
pub fn run(row: &Row) {
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let hive = Hive::new();
    let mut before = hive.load(watched() / if is_long() { 4 } else { 7 });
    let until = Instant::now() + DEADLINE;
    hive.asks.send(Ask::Attack(row.script, hive.ports[0])).expect("the hall's thread lives");
    let mut during = hive.load(watched());
    let look = loop {
        let look = hive.look();
        match is_met(&row.expect, &look) {
            Ok(()) => break look,
            Err(why) => assert!(Instant::now() < until, "{}: {why}", row.id),
        }
        during.add(hive.load(Duration::from_millis(200)));
    };
    let after = hive.load(Duration::from_millis(100));
    assert!(before.failed.is_empty(), "{}: before the attack: {:?}", row.id, before.failed);
    assert!(during.failed.is_empty(), "{}: {:?}", row.id, &during.failed[..during.failed.len().min(5)]);
    assert!(after.failed.is_empty(), "{}: afterwards: {:?}", row.id, after.failed);
    println!(
        "HOSTILE {} requests {} p50 {} p99 {} p999 {} baseline_p99 {} longest_turn {}",
        row.id,
        during.micros.len(),
        during.quantile(0.5),
        during.quantile(0.99),
        during.quantile(0.999),
        before.quantile(0.99),
        look.hall.longest_turn.as_micros(),
    );
}

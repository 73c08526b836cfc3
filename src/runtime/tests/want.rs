//! Want of memory (row M02): the paths of `want/paths.js`, each with its n-th allocation refused, and with all from the n-th on. Whatever
//! becomes of such a guest, it says nothing that is wrong, it comes to an end or to rest, its neighbour answers, and who gets its memory
//! next finds nothing there. `SKEP_WANT=all` refuses each n in turn, `SKEP_WANT=300` so many of a path and way; `SKEP_WANT_PATH=NAME` takes
//! one path, and `SKEP_WANT_AT=N` one n, with all that is said. `SKEP_JS_GUEST=FILE`, where the test runs, tries that guest. It must not
//! know how an allocation is refused (`famine.rs`).
use super::calm::Paper;
use super::famine;
use super::paced::Paced;
use crate::guest::cache::{CacheFolder, load_or_build};
use crate::guest::{Cell, Engine, EngineOptions, GuestState, TrapReason, Verdict};
use crate::policy::{Grants, Limits, NetRule};
use crate::reactor::sim::{SimKernel, SimNet, SimPeer};
use crate::runtime::{GuestId, Hall, Offload, Outcome};
use crate::time::{Clock, VirtualClock};
use std::cell::Cell as Shared;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// 2026-01-01.
const WALL: u64 = 1_767_225_600_000_000_000;

/// What a slice costs, however long it took: an end by the budget is one after so many slices.
const SLICE_CPU: u64 = 10_000_000;
const SLICE: Duration = Duration::from_millis(20);
const BUDGET: Duration = Duration::from_secs(5);

/// Virtual time after which a guest waits for what will never come.
const PATIENCE: Duration = Duration::from_secs(600);

/// How many n of each path and way are tried, where the environment does not say.
const TRIED: usize = 8;

const WRONG: &str = "a wrong result";

/// What must not be, in the tally.
const FAULT: &str = "fault";

/// Fills a page of each guest's memory; every so many lives it is looked for.
const SECRET: [u8; 64] = [0xa7; 64];
const LOOKED: u64 = 16;

const PRELUDE: &str = include_str!("want/prelude.js");
const PATHS: &str = include_str!("want/paths.js");

/// Paths whose result may lack something without a word: streams of the web's kind take an error of their own steps for one of the
/// stream that is read, and a promise without a reader has it.
const LOSSY: [&str; 1] = ["web streams"];

const GOOD: &str = "require('http').createServer(function (q, s) { s.end('good ' + q.url); }).listen(8001, '127.0.0.1').keepAliveTimeout = 0;";

/// Which allocations fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    None,
    /// The n-th.
    One,
    /// All from the n-th on, until the path has come to something.
    Many,
    /// All from the n-th on, for good.
    All,
}

fn cell() -> &'static Cell {
    static CELL: OnceLock<Cell> = OnceLock::new();
    CELL.get_or_init(|| {
        let other = std::env::var_os("SKEP_JS_GUEST").map(|file| std::fs::read(file).expect("SKEP_JS_GUEST is a file"));
        let wasm = other.as_deref().unwrap_or(skep_js_guest::WASM);
        let (wasm, asked) = famine::weave(wasm).expect("the guest is built as it is known");
        println!("{asked} places of the guest allocate");
        let options = EngineOptions { quick_compile: true, ..EngineOptions::default() };
        let engine = Engine::new(&options).expect("an engine can be made here");
        load_or_build(&engine, &wasm, &CacheFolder(None), |_| {}).expect("the guest is accepted")
    })
}

/// What one run came to.
#[derive(Debug)]
struct Run {
    said: String,
    /// None: it waits for what does not come.
    ended: Option<Outcome>,
}

impl Run {
    fn line(&self, mark: char) -> Option<&str> {
        self.said.lines().find_map(|line| line.strip_prefix(mark))
    }

    /// In a word; an error where it is what must not be.
    fn kind(&self, right: &str) -> Result<String, String> {
        if matches!(self.ended, Some(Outcome::Ended(Verdict::HostFault(_) | Verdict::Broken))) {
            return Err("a fault of the host's".into());
        }
        // An unreachable place is where the guest ends itself. Any other trap is memory that it took for something else.
        if let Some(Outcome::Ended(Verdict::Trapped(trap))) = &self.ended
            && trap.reason != TrapReason::Unreachable
        {
            return Err(format!("a trap, {:?}", trap.reason));
        }
        match (self.line('@'), &self.ended) {
            (Some(word), _) if word.starts_with("MADE") && word != right => Err(WRONG.into()),
            (Some(word), _) => Ok(word.split(' ').next().unwrap_or(word).to_lowercase()),
            (None, None) => Ok("waits".into()),
            (None, Some(Outcome::Exited(code))) => Ok(format!("exit {code}")),
            (None, Some(Outcome::Ended(Verdict::Trapped(trap)))) => Ok(format!("trap {:?}", trap.reason)),
            (None, Some(other)) => Ok(format!("{other:?}")),
        }
    }
}

/// A hall with a neighbour, which one guest after another comes to.
struct Room {
    hall: Hall<SimKernel, VirtualClock>,
    clock: VirtualClock,
    paper: Paper,
    /// Nothing would ever happen any more.
    still: Rc<Shared<bool>>,
    peer: SimPeer,
    lives: u64,
}

impl Room {
    fn new() -> Room {
        let (net, clock, paper, still) =
            (SimNet::new(1), VirtualClock::new(WALL), Paper::default(), Rc::new(Shared::new(false)));
        let mut hall = Hall::new(net.reactor(), clock.clone(), paper.logs(), Offload::inline(), Limits::default().http);
        let (hook, lost) = (clock.clone(), still.clone());
        net.on_idle(move |timeout| match timeout {
            Some(span) => hook.advance(span),
            None => lost.set(true),
        });
        hall.seat(cell().spawn(state(&clock, GOOD, Limits::default())).expect("a guest can be spawned"));
        let at = SocketAddr::from(([127, 0, 0, 1], 8001));
        let peer = loop {
            hall.turn();
            if let Ok(peer) = net.connect(at) {
                break peer;
            }
        };
        Room { hall, clock, paper, still, peer, lives: 0 }
    }

    fn run(&mut self, path: &str, way: Way, n: usize) -> Run {
        let limits = Limits { slice: SLICE, cpu_total: Some(BUDGET), memory_bytes: 64 << 20, ..Limits::tenant() };
        let limits = Limits { cpu_ns: None, tell_limits: false, log_bytes: None, ..limits };
        let mut guest =
            cell().spawn(state(&self.clock, &script(path, way, n), limits)).expect("a guest can be spawned");
        if self.lives.is_multiple_of(LOOKED) {
            let bytes = guest.state().memory_bytes() as u32;
            let seen = memchr::memmem::find(&guest.peek(0, bytes), &SECRET);
            assert_eq!(seen, None, "life {} finds what another had", self.lives);
        }
        self.lives += 1;
        self.paper.clear();
        self.still.set(false);
        let id = self.hall.seat(guest);
        let until = self.clock.now_mono().plus(PATIENCE);
        let ended = loop {
            self.hall.turn();
            self.hall.audit();
            if let Some(outcome) = self.over(id) {
                break Some(outcome);
            }
            if self.still.get() || self.clock.now_mono() > until {
                self.hall.end(id, 0);
                self.over(id).expect("it is ended");
                break None;
            }
        };
        let said = self.paper.text();
        self.ask(&said);
        Run { said, ended }
    }

    fn over(&mut self, id: GuestId) -> Option<Outcome> {
        let (who, outcome) = self.hall.ended()?;
        assert_eq!(who, id, "the neighbour has ended: {outcome:?}\n{}", self.paper.text());
        Some(outcome)
    }

    /// The neighbour answers.
    fn ask(&mut self, said: &str) {
        let life = self.lives;
        self.peer.send(format!("GET /{life} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).expect("the connection is open");
        let mut answer = Vec::new();
        for _ in 0..100 {
            self.hall.turn();
            answer.extend(self.peer.read_all());
            if answer.ends_with(format!("good /{life}").as_bytes()) {
                return;
            }
        }
        panic!("the neighbour does not answer after\n{said}\nbut {}", String::from_utf8_lossy(&answer));
    }
}

fn state(clock: &VirtualClock, source: &str, limits: Limits) -> GuestState {
    let info = serde_json::json!({
        "argv": ["skep"], "execPath": "skep", "execArgv": [], "env": {}, "cwd": "/", "pid": 2, "ppid": 1, "platform": "linux", "arch": "x64",
        "mode": "eval", "main": null, "source": source, "inputType": "commonjs", "tty": [false, false, false], "uid": 1000, "gid": 1000,
        "hostname": "hive", "version": "0", "memoryLimit": 64 << 20,
    });
    let grants =
        Grants { net: vec![NetRule { host: Some(IpAddr::from([127, 0, 0, 1])), port: None }], ..Grants::default() };
    // The clock moves when nothing is to be done; each slice costs the same.
    let now = clock.clone();
    let outside = Paced::new(clock.clone(), move |_entered| (now.now_mono().0, SLICE_CPU));
    GuestState::new(grants, limits, Box::new(outside), info.to_string().into_bytes())
}

/// Nobody catches what the path `uncaught` throws.
fn script(path: &str, way: Way, n: usize) -> String {
    let (from, to) = match way {
        Way::None => (1, 0),
        Way::One => (n as u64, n as u64),
        Way::Many | Way::All => (n as u64, u64::from(u32::MAX)),
    };
    PRELUDE
        .replace("FROM", &from.to_string())
        .replace("TO", &to.to_string())
        .replace("GIVEN_BACK", if way == Way::All { "false" } else { "true" })
        .replace("CAUGHT", if path.contains("on purpose") { "false" } else { "true" })
        .replace("PATH", path.trim())
}

fn paths() -> Vec<(&'static str, &'static str)> {
    let wanted = std::env::var("SKEP_WANT_PATH").ok();
    let all = PATHS.split("\n// == ").skip(1).map(|part| part.split_once('\n').expect("a path has a name and a text"));
    all.filter(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted == name)).collect()
}

/// Paths whose single refusals are all tried: few enough, and a value went missing there without a word at one or two of them.
const WHOLE: &[&str] = &["json", "exceptions"];

/// Those n of all that are tried.
fn tried(name: &str, all: usize, way: Way) -> Vec<usize> {
    if let Some(at) = std::env::var("SKEP_WANT_AT").ok().and_then(|text| text.parse().ok()) {
        return vec![at];
    }
    if way == Way::One && WHOLE.contains(&name) {
        return (1..=all).collect();
    }
    let most = match std::env::var("SKEP_WANT").as_deref() {
        Ok("all") => all,
        Ok(most) => most.parse().expect("SKEP_WANT is a number, or all"),
        Err(_) => TRIED,
    };
    let stride = all.div_ceil(most.max(1)).max(1);
    let first = 1 + stride * way as usize / 4;
    (first..=all).step_by(stride).collect()
}

/// What each way of each path came to: how often.
type Tally = BTreeMap<(&'static str, Way, String), (usize, usize)>;

fn sweep(room: &mut Room, (name, path): (&'static str, &'static str), tally: &mut Tally) -> usize {
    let plenty = room.run(path, Way::None, 0);
    let again = room.run(path, Way::None, 0);
    assert_eq!(plenty.said, again.said, "{name}: two runs with all they need");
    let right = plenty.line('@').unwrap_or_default().to_owned();
    let counted = plenty.line('#').and_then(|line| line.split(' ').next()?.parse().ok());
    let uncaught = path.contains("on purpose");
    assert!(right.starts_with("MADE") || uncaught, "{name}: {plenty:?}");
    let all: usize = counted.unwrap_or_else(|| panic!("{name}: {plenty:?}"));
    assert!(all > 10, "{name} allocates {all} times");
    for way in [Way::One, Way::Many, Way::All] {
        for n in tried(name, all, way) {
            let run = room.run(path, way, n);
            if std::env::var_os("SKEP_WANT_AT").is_some() {
                println!("{name} {way:?} {n}: {:?}\n{}", run.ended, run.said);
            }
            let kind = run.kind(&right).unwrap_or_else(|what| {
                println!("{what}: {name} {way:?} {n}\n{right}\n{run:?}");
                if LOSSY.contains(&name) && what == WRONG { "less" } else { FAULT }.into()
            });
            tally.entry((name, way, kind)).or_insert((0, n)).0 += 1;
        }
    }
    all
}

#[test]
fn m02_each_allocation_fails_in_its_turn() {
    let (paths, next) = (paths(), AtomicUsize::new(0));
    assert!(!paths.is_empty());
    let tally = Mutex::new(Tally::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let (mut room, mut own) = (Room::new(), Tally::new());
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let all = sweep(&mut room, *path, &mut own);
                    println!("{}: {all} allocations", path.0);
                }
                tally.lock().expect("no thread has panicked").append(&mut own);
            });
        }
    });
    let tally = tally.into_inner().expect("no thread has panicked");
    let mut sums: BTreeMap<(Way, &str), usize> = BTreeMap::new();
    for ((name, way, kind), (times, first)) in &tally {
        println!("{name} {way:?}: {kind} {times} (first at {first})");
        *sums.entry((*way, kind)).or_default() += times;
    }
    println!("M02 {sums:?}");
    assert!(sums.iter().all(|((_, kind), _)| *kind != FAULT), "{sums:?}");
    assert!(sums.iter().any(|((_, kind), _)| *kind == "thrown"), "{sums:?}");
}

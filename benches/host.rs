//! What the host's own parts cost, in nanoseconds: decoding and encoding, the mailbox, entering a guest, timers, and a
//! request through the whole hall over sockets in memory. `cargo bench --bench host` prints the numbers and their ratio to
//! benches/baseline.json; `cargo bench --bench host -- --save` writes that file, and `-- --tenants` tells of tenants with the
//! JavaScript guest: their start, their memory, and 5,000 of them at once; `-- --metering` what it costs that a guest can be
//! made to yield. It measures and never fails: time is no test. It must not know what a number should be.
use skep::guest::cache::{CacheFolder, load_or_build};
use skep::guest::{Cell, Den, Done, Engine, EngineOptions, Entropy, GuestState, Occupant, Surroundings, Turn};
use skep::policy::{Grants, Instances, Limits, ServeLimits};
use skep::proto::http1::{
    Decoder, Item, Limits as DecoderLimits, ResponseHead, Role, Scratch, encode_response, imf_fixdate,
};
use skep::reactor::sim::{SimKernel, SimNet, SimPeer};
use skep::runtime::{
    Again, FrontKind, FrontPlan, Hall, Hired, Hirer, Keeper, LogSink, Logs, Mailbox, NotHired, Note, Offload, Plan,
    Reload, Routes,
};
use skep::time::{Mono, Timers, VirtualClock};
use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// Rounds of each measurement; the best counts, as noise only adds.
const ROUNDS: usize = 7;

/// How long a round lasts, about.
const ROUND: Duration = Duration::from_millis(60);

const HELLO: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:1337\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";

/// Nanoseconds of one call of `work`, which does `each` of what is measured.
fn measure(each: u64, mut work: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut count = 0_u64;
    while begun.elapsed() < ROUND {
        work();
        count += 1;
    }
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        (0..count).for_each(|_| work());
        best = best.min(begun.elapsed().as_nanos() as f64 / (count * each) as f64);
    }
    best
}

fn decode() -> f64 {
    let (limits, mut scratch, mut decoder) = (DecoderLimits::default(), Scratch::default(), Decoder::new(Role::Server));
    measure(1, || {
        let mut at = 0;
        loop {
            let step = decoder.decode(&HELLO[at..], &limits, &mut scratch);
            at += step.consumed;
            match step.item {
                Item::NeedMore => break,
                item => drop(black_box(item)),
            }
        }
    })
}

fn encode() -> f64 {
    let date = imf_fixdate(1_767_225_600);
    let mut out = Vec::new();
    let head = ResponseHead {
        fields: b"Content-Type: text/plain\r\n",
        content_length: Some(12),
        keep_alive_timeout_secs: Some(5),
        ..ResponseHead::default()
    };
    measure(1, || {
        out.clear();
        black_box(encode_response(&mut out, &head, b"Hello World\n", &date).is_ok());
    })
}

/// 16 events in, one batch out; an event.
fn mailbox() -> f64 {
    let mut mailbox = Mailbox::new(64 << 10);
    measure(16, || {
        for kind in 0..16 {
            mailbox.push(Note { kind, ..Note::default() }, &[HELLO]);
        }
        let (batch, count) = mailbox.batch(1, 2, 1024).expect("they fit");
        let size = black_box(batch).len();
        mailbox.delivered(size, count);
    })
}

fn timers_arm() -> f64 {
    let mut timers = Timers::new();
    let mut now = 0;
    measure(1, || {
        now += 1;
        let id = timers.arm(Mono(now + 5_000_000_000), now);
        timers.cancel(id);
    })
}

fn timers_rearm() -> f64 {
    let mut timers = Timers::new();
    let ids: Vec<_> = (0..10_000).map(|at| timers.arm(Mono(5_000_000_000 + at), at)).collect();
    let mut turn = 0;
    measure(1, || {
        turn += 1;
        black_box(timers.rearm(ids[turn as usize % ids.len()], Mono(5_000_000_000 + turn)));
    })
}

struct Nowhere;

impl LogSink for Nowhere {
    fn write(&mut self, _fd: u8, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn wait(&mut self, _fd: u8) {}
}

fn state(clock: &VirtualClock) -> GuestState {
    let outside = Box::new(Surroundings(clock.clone(), Entropy::seeded(&[1; 32])));
    let limits = Limits { slice: Duration::from_secs(3600), ..Limits::default() };
    GuestState::new(Grants::default(), limits, outside, b"{}".to_vec())
}

fn hello_cell() -> Cell {
    let engine = Engine::new(&EngineOptions::default()).expect("an engine can be made here");
    let wasm = wat::parse_str(include_str!("../tests/guests/hello.wat")).expect("the guest is well-formed");
    load_or_build(&engine, &wasm, &CacheFolder(None), |_| {}).expect("the guest is accepted")
}

/// Into a guest and out again, with nothing to do there.
fn deliver(cell: &Cell) -> f64 {
    let mut guest = cell.spawn(state(&VirtualClock::new(0))).expect("a guest can be spawned");
    let mut batch = [0; 24];
    batch[4] = 24;
    measure(1, || assert!(matches!(guest.deliver(&batch), Turn::Done { .. })))
}

fn spawn(cell: &Cell) -> f64 {
    let clock = VirtualClock::new(0);
    measure(1, || drop(black_box(cell.spawn(state(&clock)))))
}

/// A hall with the hello guest, and a client.
fn hall(cell: &Cell) -> (Hall<SimKernel, VirtualClock>, SimPeer) {
    let (net, clock) = (SimNet::new(1), VirtualClock::new(1_767_225_600_000_000_000));
    let limits = Limits::default();
    let mut hall =
        Hall::new(net.reactor(), clock.clone(), Logs::new(Box::new(Nowhere)), Offload::inline(), limits.http);
    hall.seat(cell.spawn(state(&clock)).expect("a guest can be spawned"));
    loop {
        hall.turn();
        if let Ok(peer) = net.connect(([127, 0, 0, 1], 1337).into()) {
            return (hall, peer);
        }
    }
}

/// Requests through the whole hall, `depth` at once; one request.
fn request(cell: &Cell, depth: usize) -> f64 {
    let (mut hall, peer) = hall(cell);
    let requests = HELLO.repeat(depth);
    measure(depth as u64, || {
        peer.send(&requests).expect("the connection lives");
        let mut answers = 0;
        while answers < depth {
            hall.turn();
            let bytes = peer.read_all();
            answers += bytes.windows(12).filter(|window| *window == b"Hello World\n").count();
        }
    })
}

/// A guest to sleep and awake again, having written a page.
fn sleep(cell: &Cell) -> f64 {
    let den = Den::open(&std::env::temp_dir().join("skep-bench-dens")).expect("a den can be made");
    let mut seat = Occupant::Awake(cell.spawn(state(&VirtualClock::new(0))).expect("a guest can be spawned"));
    let mut batch = [0; 24];
    batch[4] = 24;
    measure(1, || {
        assert!(matches!(seat.awake().deliver(&batch), Turn::Done { .. }));
        seat.begin_sleep(1 << 20).expect("it sleeps between two turns");
        let write = seat.fall_on(&den, 1 << 20).expect("the den takes it").expect("it has written little");
        assert!(matches!(write.run(), Done::Number(0)));
        drop(seat.fall_asleep().expect("nobody has entered it"));
        assert!(seat.wake().expect("it wakes"), "its file is in memory");
    })
}

/// A script, as a tenant of a process that runs others.
const TENANT: &str = "require('http').createServer((req, res) => res.end('Hello World\\n')).listen(1337, '127.0.0.1')";

fn tenant_state(clock: &VirtualClock, source: &str) -> GuestState {
    let info = serde_json::json!({
        "argv": ["skep"], "execPath": "skep", "execArgv": [], "env": {}, "envHidden": false, "info": null, "argv0": null,
        "fork": false, "cwd": "/", "pid": 2, "ppid": 1, "nameservers": [], "platform": "linux", "arch": "x64",
        "mode": "eval", "main": null, "source": source, "inputType": "commonjs", "tty": [false, false, false],
        "uid": 0, "gid": 0, "hostname": "localhost", "version": "0", "memoryLimit": 256 << 20,
    });
    let outside = Box::new(Surroundings(clock.clone(), Entropy::seeded(&[1; 32])));
    let limits = Limits { slice: Duration::from_secs(3600), ..Limits::default() };
    let grants = Grants { listen_any: true, ..Grants::default() };
    GuestState::new(grants, limits, outside, info.to_string().into_bytes())
}

/// A tenant of the JavaScript guest, from nothing until its first response has come.
fn tenant(cell: &Cell) -> Hall<SimKernel, VirtualClock> {
    answering(cell, |clock| tenant_state(clock, TENANT)).0
}

/// A guest that has answered a request, alone in a hall, and who has asked.
fn answering(cell: &Cell, state: impl Fn(&VirtualClock) -> GuestState) -> (Hall<SimKernel, VirtualClock>, SimPeer) {
    let (net, clock) = (SimNet::new(1), VirtualClock::new(1_767_225_600_000_000_000));
    let http = Limits::default().http;
    let mut hall = Hall::new(net.reactor(), clock.clone(), Logs::new(Box::new(Nowhere)), Offload::inline(), http);
    hall.seat(cell.spawn(state(&clock)).expect("a guest can be spawned"));
    let peer = (0..100).find_map(|_| {
        hall.turn();
        net.connect(([127, 0, 0, 1], 1337).into()).ok()
    });
    let peer = peer.expect("the tenant listens");
    peer.send(HELLO).expect("the connection lives");
    await_answer(&mut hall, &peer);
    (hall, peer)
}

fn await_answer(hall: &mut Hall<SimKernel, VirtualClock>, peer: &SimPeer) {
    let answered = (0..1000).any(|_| {
        hall.turn();
        peer.read_all().windows(11).any(|window| window == b"Hello World")
    });
    assert!(answered, "the tenant answers");
}

/// Who hires the one tenant of a hall.
struct Only(Cell, VirtualClock);

impl Hirer for Only {
    fn hire(&mut self, _tenant: u32) -> Result<Hired, NotHired> {
        let mut state = tenant_state(&self.1, TENANT);
        state.grants = Grants { listen_none: true, listen_virtual: true, ..Grants::default() };
        self.0.spawn(state).map_err(|error| NotHired::Failed(format!("{error:#}")))
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
        Err("it has no configuration".into())
    }
}

/// A tenant that sleeps, and is woken by a request on a connection that it had: medians of both, and bytes on disk.
fn hibernate(cell: &Cell) {
    let (net, clock) = (SimNet::new(1), VirtualClock::new(1_767_225_600_000_000_000));
    let http = Limits::default().http;
    let mut hall = Hall::new(net.reactor(), clock.clone(), Logs::new(Box::new(Nowhere)), Offload::inline(), http);
    let mut routes = Routes::default();
    routes.add("*", "/", 0);
    let after = Duration::from_secs(1);
    let (name, instances) = ("a".into(), Instances::fixed(1));
    let plan = Plan { name, instances, idle: None, hibernate: Some(after), keep: false, elsewhere: false };
    hall.open_tenants(Box::new(Only(cell.clone(), clock.clone())), ServeLimits::default(), routes, vec![(0, plan)]);
    let place = std::env::temp_dir().join("skep-bench-dens");
    hall.set_den(Den::open(&place).expect("a den can be made"));
    let front = hall
        .add_front(FrontPlan { at: ([127, 0, 0, 1], 80).into(), kind: FrontKind::Shared, proxied: false })
        .expect("the simulation has ports");
    let peer = net.connect(front).expect("the front listens");
    let (mut falls, mut wakes) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let began = Instant::now();
        peer.send(HELLO).expect("the connection lives");
        while !peer.read_all().windows(11).any(|window| window == b"Hello World") {
            hall.turn_within(Some(Duration::ZERO));
        }
        wakes.push(began.elapsed());
        clock.advance(2 * after);
        let began = Instant::now();
        while hall.view_tenants()[0].state != "sleeping" {
            hall.turn_within(Some(Duration::ZERO));
        }
        falls.push(began.elapsed());
        // Less than a second, for the connection to stay.
        clock.advance(after / 2);
    }
    wakes.remove(0);
    let median = |spans: &mut Vec<Duration>| {
        spans.sort();
        (spans[spans.len() / 2].as_micros(), spans[spans.len() * 99 / 100].as_micros())
    };
    let ((fall, worst_fall), (wake, worst_wake)) = (median(&mut falls), median(&mut wakes));
    println!("tenant, to sleep: {fall} us, p99 {worst_fall} us");
    println!("tenant, awake to its first response: {wake} us, p99 {worst_wake} us");
    println!("tenant, asleep: {} bytes on disk", hall.view_tenants()[0].guests[0].at_rest_bytes);
}

/// KiB of this process that nobody else has.
fn private_kib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let number = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_ascii_whitespace().nth(1)?.parse::<f64>().ok()
    };
    ["Private_Dirty:", "Private_Clean:"].iter().filter_map(|name| number(name)).sum()
}

/// The built-in JavaScript guest, from the user's cache.
fn script_cell(options: &EngineOptions) -> Cell {
    let engine = Engine::new(options).expect("an engine can be made here");
    let scripts = skep::program::of_scripts(None).expect("it is built in");
    load_or_build(&engine, scripts.file(), &CacheFolder::from_environment(), |_| {}).expect("the guest is accepted")
}

/// Time and memory of tenants that answer, and many that live at once.
fn tenants(cell: &Cell) {
    let first = measure(1, || drop(black_box(tenant(cell))));
    println!("tenant, until its first response: {:.0} us", first / 1000.0);
    hibernate(cell);
    let before = private_kib();
    let some: Vec<_> = (0..50).map(|_| tenant(cell)).collect();
    println!("tenant, live and idle, with a loop of its own: {:.0} KiB", (private_kib() - before) / 50.0);
    drop(some);
    let clock = VirtualClock::new(0);
    let before = private_kib();
    let many: Vec<_> =
        (0..5000).map(|_| cell.spawn(tenant_state(&clock, TENANT)).expect("there is room for 5,000")).collect();
    println!("cell, live and not started, of 5000: {:.1} KiB", (private_kib() - before) / 5000.0);
    drop(many);
}

/// What a server does before it answers.
const WORK: [(&str, &str); 6] = [
    ("nothing", ""),
    ("calls", "const f = n => n < 2 ? n : f(n - 1) + f(n - 2); f(17)"),
    ("a loop", "let x = 1; for (let i = 0; i < 30000; i++) x = (x * 16807) % 2147483647"),
    (
        "JSON",
        "for (let i = 0; i < 20; i++) JSON.parse(JSON.stringify({ list: [1, 2, 3], text: 'abc', i, deep: { a: [{ b: 1 }] } }))",
    ),
    ("sorting", "Array.from({ length: 2000 }, (_, i) => (i * 7919) % 2003).sort((a, b) => a - b)"),
    ("an expression", "'abcabcabd'.repeat(50).replace(/(a|b)+c(?=abd)/g, '$1')"),
];

/// Rounds of one program with slices and without; the least time of each counts, as noise only adds.
const METERED_ROUNDS: usize = 60;

/// Requests to a script whose code can be made to yield, with a tenant's slices, beside the same code without the checks.
fn metering() {
    let sliced = script_cell(&EngineOptions::default());
    let endless = script_cell(&EngineOptions { endless_turns: true, ..EngineOptions::default() });
    let mut ratios = Vec::new();
    for (name, work) in WORK {
        let source = format!(
            "require('http').createServer((req, res) => {{ {work}; res.end('Hello World\\n') }}).listen(1337, '127.0.0.1')"
        );
        let begin = |cell| {
            answering(cell, |clock| {
                let mut state = tenant_state(clock, &source);
                state.limits.slice = Limits::tenant().slice;
                state
            })
        };
        let mut both = [begin(&sliced), begin(&endless)];
        let mut best = [Duration::MAX; 2];
        for _ in 0..METERED_ROUNDS {
            for ((hall, peer), best) in both.iter_mut().zip(&mut best) {
                let begun = Instant::now();
                for _ in 0..20 {
                    peer.send(HELLO).expect("the connection lives");
                    await_answer(hall, peer);
                }
                *best = begun.elapsed().min(*best);
            }
        }
        let [on, off] = best.map(|span| span.as_secs_f64() * 1e6 / 20.0);
        ratios.push(on / off);
        println!("{name:<16}{on:>10.1} us with slices{off:>10.1} us without{:>8.3}", on / off);
    }
    println!("geometric mean {:.3}", ratios.iter().product::<f64>().powf(1.0 / ratios.len() as f64));
}

fn main() {
    let cell = hello_cell();
    if std::env::args().any(|arg| arg == "--tenants") {
        return tenants(&script_cell(&EngineOptions::default()));
    }
    if std::env::args().any(|arg| arg == "--metering") {
        return metering();
    }
    let results = [
        ("decode hello", decode()),
        ("encode hello", encode()),
        ("mailbox, an event", mailbox()),
        ("timer, arm and cancel", timers_arm()),
        ("timer, rearm among 10000", timers_rearm()),
        ("guest, an empty turn", deliver(&cell)),
        ("guest, spawn and drop", spawn(&cell)),
        ("guest, a turn, asleep, awake", sleep(&cell)),
        ("hall, a request", request(&cell, 1)),
        ("hall, a request of 16 pipelined", request(&cell, 16)),
    ];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/baseline.json");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let baseline: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    println!("{:<34}{:>10}{:>10}{:>8}", "ns", "now", "baseline", "ratio");
    for (name, now) in results {
        match baseline[name].as_f64() {
            Some(before) => println!("{name:<34}{now:>10.1}{before:>10.1}{:>8.2}", now / before),
            None => println!("{name:<34}{now:>10.1}{:>10}{:>8}", "-", "-"),
        }
    }
    if std::env::args().any(|arg| arg == "--save") {
        let rounded = results.map(|(name, now)| (name.to_owned(), serde_json::json!((now * 10.0).round() / 10.0)));
        let map: serde_json::Map<_, _> = rounded.into_iter().collect();
        let text = serde_json::to_string_pretty(&map).expect("numbers are JSON");
        std::fs::write(&path, text + "\n").expect("the baseline can be written");
        println!("saved to {}", path.display());
    }
}

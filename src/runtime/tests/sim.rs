//! The runs: many seeds, each once; a few twice, to see that a seed is a run. `SKEP_SEEDS=n` asks for
//! more or fewer, `SKEP_SEED=n` for one, with its trace. They must not know what a run consists of.
use super::world::{Server, Trace, World};
use crate::guest::cache::{CacheFolder, load_or_build};
use crate::guest::{Cell, Engine, EngineOptions};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub(super) fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(&EngineOptions::default()).expect("an engine can be made here"))
}

/// `guest.wat`, compiled once.
pub(super) fn plain() -> &'static Cell {
    static CELL: OnceLock<Cell> = OnceLock::new();
    CELL.get_or_init(|| {
        let wasm = wat::parse_str(include_str!("guest.wat")).expect("the guest is well-formed");
        load_or_build(engine(), &wasm, &CacheFolder(None), |_| {}).expect("the guest is accepted")
    })
}

/// The JavaScript guest, from the user's cache if it is there.
pub(super) fn script() -> &'static Cell {
    static CELL: OnceLock<Cell> = OnceLock::new();
    CELL.get_or_init(|| {
        let folder = CacheFolder::from_environment();
        load_or_build(engine(), skep_js_guest::WASM, &folder, |_| {}).expect("the JavaScript guest is accepted")
    })
}

/// A number that the environment may give.
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Says which seed it was when a run fails.
struct Flag(u64, &'static str);

impl Drop for Flag {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SEED={} fails; again: SKEP_SEED={} cargo test --release --lib {}", self.0, self.0, self.1);
        }
    }
}

fn run(seed: u64, server: Server<'_>, name: &'static str) -> Trace {
    let _flag = Flag(seed, name);
    World::new(seed, server).run()
}

/// Runs `count` seeds on two threads; what they came to.
fn run_all(count: u64, server: fn() -> Server<'static>, name: &'static str) {
    if let Some(seed) = variable("SKEP_SEED") {
        println!("{:?}", run(seed, server(), name));
        return;
    }
    let (next, answered) = (AtomicU64::new(0), AtomicUsize::new(0));
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        return;
                    }
                    answered.fetch_add(run(seed, server(), name).answered, Ordering::Relaxed);
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    println!("{count} seeds, {} answers, {:.0} seeds a second", answered.into_inner(), count as f64 / seconds);
}

#[test]
fn a_thousand_runs() {
    let count = variable("SKEP_SEEDS").unwrap_or(if cfg!(debug_assertions) { 200 } else { 1000 });
    run_all(count, || Server::Plain(plain()), "a_thousand_runs");
}

#[test]
fn runs_with_the_javascript_guest() {
    let count = variable("SKEP_SEEDS").map_or(if cfg!(debug_assertions) { 5 } else { 50 }, |count| count.div_ceil(20));
    run_all(count, || Server::Script(script()), "runs_with_the_javascript_guest");
}

#[test]
fn one_seed_is_one_run() {
    for seed in 0..20 {
        let (one, other) =
            (run(seed, Server::Plain(plain()), "one_seed"), run(seed, Server::Plain(plain()), "one_seed"));
        assert_eq!(one, other, "SEED={seed}");
    }
    let (one, other) = (run(3, Server::Script(script()), "one_seed"), run(3, Server::Script(script()), "one_seed"));
    assert_eq!(one, other, "the JavaScript guest, SEED=3");
}

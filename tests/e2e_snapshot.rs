//! Tenants that begin from a snapshot of their own, with a real `skep serve`: whose top level runs once, however often they are
//! started, and whose next beginning is never older than their code. They must not know what a snapshot is made of.
mod support;

use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use support::serve::{Admin, Hive, serving, tenants};
use support::{eventually, file, folder, own_cache};

const STATE: &str = "const fs = require('fs'), crypto = require('crypto'), { performance } = require('perf_hooks');
  console.log('the top level runs');
  let extra; try { extra = require('./extra.js'); } catch { extra = 'none'; }
  const lib = require('./lib.js'), top = Math.random(), began = Date.now();
  let fired = 0, requests = 0; setTimeout(() => fired++, 300).unref();
  process.on('SIGUSR2', () => {});
  const seen = new Map([[lib, 'in a map']]);
  require('http').createServer((req, res) => {
    if (req.url === '/die') process.exit(7);
    res.end(JSON.stringify({ lib, extra, top, fired, requests: ++requests, random: Math.random(), uuid: crypto.randomUUID(),
      bytes: crypto.randomBytes(8).toString('hex'), age: Date.now() - began, now: Date.now(), up: process.uptime(), perf: performance.now(),
      secret: process.env.SECRET, seen: seen.get(lib), pid: process.pid }));
  }).listen(80);";

const CONFIG: &str = "snapshot = true\nidle = '100ms'\nhibernate = false\nenv = { SECRET = 'xyzzy' }\n";

struct World {
    place: PathBuf,
    hive: Hive,
    admin: Admin,
}

impl World {
    fn start(config: &str, script: &str, words: &[&str]) -> World {
        let place = tenants(&[
            ("a/index.js", script),
            ("a/lib.js", "module.exports = 'one';"),
            ("a/skep.toml", config),
            ("a/secret", "first\n"),
        ]);
        let admin = Admin::in_folder(&folder());
        let words: Vec<&str> = admin.words().into_iter().chain(words.iter().copied()).collect();
        World { hive: Hive::start_with(&place, &words), place, admin }
    }

    /// With its snapshot on disk, in this cache folder.
    fn keeping(place: &Path, cache: &Path, config: &str) -> World {
        file(place, "a/skep.toml", config);
        let admin = Admin::in_folder(&folder());
        let hive = Hive::start_after("", serving(place, &admin.words()).env("SKEP_CACHE_DIR", cache));
        World { hive, place: place.into(), admin }
    }

    /// It ends as an operator ends it; the next may begin.
    fn ends(self) -> Vec<String> {
        self.hive.server.signal("TERM");
        self.hive.server.end().out.lines().map(str::to_owned).collect()
    }

    fn life(&self) -> Value {
        serde_json::from_str(&self.hive.get("a.localhost", "/").text()).expect("it answers JSON")
    }

    /// Lines of the log up to one with this in it.
    fn said(&mut self, part: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.contains(part)) {
            lines.push(self.hive.server.line());
        }
        lines
    }

    fn stops(&self) {
        eventually("it is stopped", || self.admin.tenant("a")["state"] == "stopped");
    }

    fn dies(&self) {
        let _gone = self.hive.get("a.localhost", "/die");
        eventually("the next begins", || self.hive.get("a.localhost", "/").status == 200);
    }
}

#[test]
fn the_top_level_runs_once_and_each_life_is_its_own() {
    once(&[]);
}

#[test]
fn in_a_process_of_tenants_too() {
    once(&["--process-per-tenant"]);
}

fn once(words: &[&str]) {
    let mut world = World::start(CONFIG, STATE, words);
    let next = || {
        let life = world.life();
        world.stops();
        life
    };
    let lives = [next(), next(), next()];
    for life in &lives {
        assert_eq!((&life["lib"], &life["extra"], &life["secret"]), (&"one".into(), &"none".into(), &"xyzzy".into()));
        assert_eq!((&life["requests"], &life["top"]), (&1.into(), &lives[0]["top"]));
        assert_eq!((&life["seen"], &life["pid"]), (&"in a map".into(), &lives[0]["pid"]));
    }
    for key in ["random", "uuid", "bytes"] {
        assert!(lives[0][key] != lives[1][key] && lives[1][key] != lives[2][key], "{key} differs in each life");
    }
    let number = |life: usize, key: &str| lives[life][key].as_f64().expect("a number");
    assert!(number(1, "now") > number(0, "now") && number(2, "age") > number(1, "age"), "dates move on");
    assert!(number(2, "up") < number(2, "age") / 1000.0, "it has not lived since its top level ran");
    file(&world.place, "a/lib.js", "console.log('the end'); module.exports = 'two';");
    assert_eq!(world.life()["lib"], "two");
    let lines = world.said("the end");
    assert_eq!(lines.iter().filter(|line| line.contains("the top level runs")).count(), 2, "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("lib.js has changed")), "{lines:?}");
}

#[test]
fn what_was_missing_and_is_there_makes_another() {
    let world = World::start(CONFIG, STATE, &[]);
    assert_eq!(world.life()["extra"], "none");
    world.stops();
    file(&world.place, "a/extra.js", "module.exports = 'some';");
    let first = world.life();
    assert_eq!(first["extra"], "some");
    world.stops();
    let second = world.life();
    assert_eq!((&second["extra"], &second["top"]), (&"some".into(), &first["top"]));
    world.stops();
    std::fs::remove_file(world.place.join("a/extra.js")).expect("it can be removed");
    assert_eq!(world.life()["extra"], "none");
}

#[test]
fn a_secret_that_changes_makes_another() {
    let config = "snapshot = true\nidle = '100ms'\nhibernate = false\nsecrets = { SECRET = { file = 'secret' } }\n";
    let world = World::start(config, STATE, &[]);
    let first = world.life();
    assert_eq!(first["secret"], "first");
    world.stops();
    file(&world.place, "a/secret", "second\n");
    let second = world.life();
    assert_eq!(second["secret"], "second");
    assert_ne!(first["top"], second["top"]);
}

#[test]
fn timers_of_the_top_level_fire_in_each_life_and_it_sleeps_and_wakes() {
    let world = World::start("snapshot = true\nhibernate = '100ms'\n", STATE, &[]);
    let wakes = || world.admin.tenant("a")["wakes"].as_u64().expect("a number");
    let mut top = Value::Null;
    for _ in 0..2 {
        eventually("the timer of its top level fires", || world.life()["fired"] == 1);
        let state = world.life();
        assert!(top == Value::Null || top == state["top"]);
        top = state["top"].clone();
        eventually("it sleeps", || world.admin.tenant("a")["state"] == "sleeping");
        let before = wakes();
        let woken = world.life();
        assert_eq!(woken["top"], top);
        assert_eq!(woken["requests"].as_u64(), state["requests"].as_u64().map(|count| count + 1));
        assert_eq!(wakes(), before + 1);
        // Long enough ago for nobody to think that the snapshot is to blame.
        eventually("it has lived for a while", || world.life()["up"].as_f64().is_some_and(|up| up > 1.1));
        world.dies();
    }
}

#[test]
fn several_instances_of_a_loop_begin_from_one_and_differ() {
    let world = World::start(&format!("{}instances = 2\n", CONFIG.replace("100ms", "3s")), STATE, &["--loops", "1"]);
    world.life();
    world.stops();
    let lives = [world.life(), world.life(), world.life(), world.life()];
    assert!(lives.iter().all(|life| life["top"] == lives[0]["top"]), "one snapshot");
    assert_eq!(lives.iter().map(|life| life["requests"].as_u64()).sum::<Option<u64>>(), Some(6), "two instances");
    assert_ne!(lives[0]["random"], lives[1]["random"]);
}

#[test]
fn where_none_can_be_taken_its_log_says_why_and_it_is_served_all_the_same() {
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = other.local_addr().expect("it is bound").port();
    for (code, why) in [
        (format!("require('net').connect({port});").as_str(), "it has an open connection"),
        ("globalThis.open = require('fs').openSync(__filename);", "it has a file or folder open"),
        ("require('fs').watch(__dirname);", "it watches a file"),
        ("(function again() { setImmediate(again); })();", "it does not come to rest"),
        ("globalThis.big = Buffer.alloc(48 << 20, 1);", "of its memory, and a snapshot may have"),
        ("for (let i = 0; i < 9000; i++) require('fs').existsSync(`${__dirname}/${i}`);", "can be looked at again"),
    ] {
        let config = format!("snapshot = true\nhibernate = false\n[grants]\nnet = ['127.0.0.1:{port}']\n");
        let mut world = World::start(&config, &format!("{code} {STATE}"), &[]);
        let first = world.life();
        assert_eq!(first["requests"], 1, "{code}");
        let lines = world.said("no snapshot is taken");
        assert!(lines.last().is_some_and(|line| line.contains(why)), "{code}: {lines:?}");
        world.dies();
        assert_ne!(world.life()["top"], first["top"]);
    }
}

#[test]
fn what_ends_at_once_is_not_tried_twice() {
    let script = "const born = Date.now(); console.log('the top level runs');
      require('http').createServer((req, res) => { if (Date.now() - born > process.uptime() * 1000 + 300) process.exit(1); res.end('up'); }).listen(80);";
    let config = "snapshot = true\nidle = '500ms'\nhibernate = false\n";
    let mut world = World::start(config, script, &[]);
    assert_eq!(world.hive.get("a.localhost", "/").text(), "up");
    world.stops();
    assert_eq!(world.hive.get("a.localhost", "/").status, 502, "it is as old as its top level");
    world.said("its snapshot is gone");
    eventually("its code is run again", || world.hive.get("a.localhost", "/").status == 200);
}

/// Of a tenant whose snapshot is kept.
const KEEP: &str = "snapshot = 'keep'\nidle = '100ms'\nhibernate = false\nenv = { SECRET = 'xyzzy' }\n";

fn tenant_a() -> PathBuf {
    tenants(&[("a/index.js", STATE), ("a/lib.js", "module.exports = 'one';")])
}

/// Files of snapshots, but not their seals.
fn snapshots(cache: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(cache.join("snapshots")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "snapshot")).collect()
}

/// A life in a process of its own, and what that has printed.
fn one_life(place: &Path, cache: &Path, config: &str) -> (Value, Vec<String>, Value) {
    let world = World::keeping(place, cache, config);
    let life = world.life();
    if config.contains("keep") {
        eventually("it is kept", || world.admin.tenant("a")["snapshotsKept"] == 1);
    }
    let told = world.admin.tenant("a");
    (life, world.ends(), told)
}

fn ran(lines: &[String]) -> bool {
    lines.iter().any(|line| line.contains("the top level runs"))
}

#[test]
fn a_snapshot_that_is_kept_is_where_the_next_process_begins() {
    let (place, cache) = (tenant_a(), own_cache());
    let (first, lines, told) = one_life(&place, &cache, KEEP);
    assert!(ran(&lines), "{lines:?}");
    assert!(told["snapshotBytes"].as_u64() > Some(0) && told["snapshots"] == 1, "{told}");
    let files = snapshots(&cache);
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((files.len(), mode(&files[0]), mode(&cache.join("snapshots"))), (1, 0o600, 0o700));
    for _ in 0..2 {
        let (next, lines, told) = one_life(&place, &cache, KEEP);
        assert!(!ran(&lines) && told["snapshots"] == 0, "{lines:?}");
        assert_eq!((&next["top"], &next["secret"], &next["requests"]), (&first["top"], &"xyzzy".into(), &1.into()));
        assert!(next["pid"] != first["pid"] && next["random"] != first["random"], "it knows where it is");
    }
    // Another secret, and another file: each makes another, and there is one.
    let other = KEEP.replace("xyzzy", "plugh");
    let (next, lines, _) = one_life(&place, &cache, &other);
    assert!(ran(&lines) && next["secret"] == "plugh", "{lines:?}");
    file(&place, "a/lib.js", "module.exports = 'two';");
    let (next, lines, _) = one_life(&place, &cache, &other);
    assert!(ran(&lines) && next["lib"] == "two", "{lines:?}");
    assert!(!ran(&one_life(&place, &cache, &other).1) && snapshots(&cache).len() == 1);
}

#[test]
fn s01_a_kept_snapshot_that_is_not_as_it_was_is_as_good_as_none() {
    let (place, cache) = (tenant_a(), own_cache());
    let (first, ..) = one_life(&place, &cache, KEEP);
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.clear(),
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| *bytes.last_mut().expect("it has bytes") ^= 1,
        |bytes| bytes[100] ^= 0x80,
    ];
    for damage in damages {
        let path = snapshots(&cache).remove(0);
        let mut bytes = std::fs::read(&path).expect("it is ours");
        damage(&mut bytes);
        std::fs::write(&path, bytes).expect("it is ours");
        let (next, lines, _) = one_life(&place, &cache, KEEP);
        assert!(ran(&lines) && next["top"] != first["top"], "{lines:?}");
        assert!(
            lines.iter().any(|line| line.contains("its kept snapshot is of no use, its code is run: ")),
            "{lines:?}"
        );
        assert!(!ran(&one_life(&place, &cache, KEEP).1), "the next one is good");
    }
}

#[test]
fn what_ends_at_once_is_not_kept_and_nothing_is_where_nobody_has_asked_for_it() {
    let (place, cache) = (tenant_a(), own_cache());
    one_life(&place, &cache, &KEEP.replace("'keep'", "true"));
    assert!(!cache.join("snapshots").exists(), "it is in memory only");
    let script = "require('http').createServer((req, res) => res.end('{}')).listen(80);
      const began = process.pid; setInterval(() => { if (process.pid !== began) process.exit(3); }, 1).unref();";
    file(&place, "a/index.js", script);
    let world = World::keeping(&place, &cache, KEEP);
    world.life();
    eventually("it is kept", || snapshots(&cache).len() == 1);
    world.ends();
    let world = World::keeping(&place, &cache, KEEP);
    let _first = world.hive.get("a.localhost", "/");
    eventually("it is not kept any more", || {
        let _again = world.hive.get("a.localhost", "/");
        world.admin.tenant("a")["crashes"].as_u64() >= Some(1)
    });
    eventually("its code runs", || world.hive.get("a.localhost", "/").status == 200);
    // It leaves the configuration, and takes what it had with it.
    eventually("it is kept anew", || snapshots(&cache).len() == 1);
    file(&world.place, "a/skep.toml", &KEEP.replace("'keep'", "false"));
    world.hive.server.signal("HUP");
    eventually("it is gone", || snapshots(&cache).is_empty());
}

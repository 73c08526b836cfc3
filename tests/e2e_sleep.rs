//! Tenants that sleep, with a real `skep serve`: memory put aside on disk and taken up again, on real sockets and clocks. They
//! must not know how.
mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use support::serve::{Admin, Hive, serving, tenants};
use support::{Client, eventually, folder, own_cache, signal};

/// Counts its requests, keeps a secret, and has something that no garbage collection may lose.
const COUNT: &str = "let count = 0; const kept = new Map([['secret', process.env.SECRET]]);
  const server = require('http').createServer((req, res) => res.end(`${++count} ${kept.get('secret')} ${Math.random()}`));
  server.keepAliveTimeout = 0; server.listen(80);";

fn start(config: &str) -> (Hive, Admin) {
    start_in(&own_cache(), config)
}

/// With this cache folder, in which the den is.
fn start_in(cache: &Path, config: &str) -> (Hive, Admin) {
    let place = tenants(&[("a/index.js", COUNT), ("a/skep.toml", config)]);
    let admin = Admin::in_folder(&folder());
    (Hive::start_after("", serving(&place, &admin.words()).env("SKEP_CACHE_DIR", cache)), admin)
}

fn sleeps(admin: &Admin) -> bool {
    admin.tenant("a")["state"] == "sleeping"
}

/// The process of a tenant, when it sleeps there.
fn asleep_in(admin: &Admin, name: &str) -> u32 {
    eventually("it sleeps", || admin.tenant(name)["state"] == "sleeping");
    let tenant = admin.tenant(name);
    assert_eq!(tenant["memoryBytes"], 0, "{tenant}");
    tenant["processes"][0].as_u64().expect("it is in one") as u32
}

/// The count and the secret of an answer, and what differs each time.
fn ask(client: &mut Client) -> (String, String) {
    ask_of(client, "a")
}

fn ask_of(client: &mut Client, name: &str) -> (String, String) {
    client.send(format!("GET / HTTP/1.1\r\nHost: {name}.localhost\r\n\r\n"));
    let text = client.response().text();
    let (known, random) = text.rsplit_once(' ').expect("three words");
    (known.into(), random.into())
}

/// Files of sleepers of this process, whose dens are beside the cache.
fn files(pid: u32) -> Vec<PathBuf> {
    let entries = |path: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let held = entries(Path::new(&format!("/proc/{pid}/fd"))).into_iter().filter_map(|fd| fd.read_link().ok());
    held.filter(|path| path.to_string_lossy().contains("/dens/den-")).flat_map(|den| entries(&den)).collect()
}

#[test]
fn a_tenant_sleeps_on_disk_and_goes_on_where_it_was() {
    let (hive, admin) = start("hibernate = '50ms'\nenv = { SECRET = 'xyzzy' }\n");
    let mut client = hive.client();
    let (known, first) = ask(&mut client);
    assert_eq!(known, "1 xyzzy");
    eventually("it sleeps", || sleeps(&admin));
    let tenant = admin.tenant("a");
    assert_eq!((tenant["hibernations"].as_u64(), tenant["memoryBytes"].as_u64()), (Some(1), Some(0)));
    let pid = hive.server.pid();
    let asleep = files(pid);
    assert_eq!(asleep.len(), 1);
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let den = asleep[0].parent().expect("it lies in a den").to_owned();
    assert_eq!((mode(&asleep[0]), mode(&den)), (0o600, 0o700));
    let (known, second) = ask(&mut client);
    assert_eq!(known, "2 xyzzy", "the same connection, the same heap");
    assert_ne!(first, second);
    eventually("it sleeps again", || sleeps(&admin));
    let bytes = std::fs::read(&files(pid)[0]).expect("it is ours to read");
    std::fs::write(&files(pid)[0], &bytes[..bytes.len() / 2]).expect("it is ours to write");
    assert_eq!(ask(&mut client).0, "1 xyzzy", "s01: a new life, on the same connection");
    let tenant = admin.tenant("a");
    assert_eq!((tenant["starts"].as_u64(), tenant["wakes"].as_u64()), (Some(2), Some(1)));
    eventually("the next one sleeps", || sleeps(&admin));
    signal(pid, "TERM");
    eventually("nothing is left on disk", || !den.exists());
}

#[test]
fn what_a_killed_process_leaves_is_swept_by_the_next() {
    let cache = own_cache();
    let (hive, admin) = start_in(&cache, "hibernate = '50ms'\n");
    ask(&mut hive.client());
    eventually("it sleeps", || sleeps(&admin));
    let left = files(hive.server.pid()).remove(0);
    drop(hive);
    assert!(left.exists(), "it was killed");
    let (next, admin) = start_in(&cache, "hibernate = false\n");
    eventually("it is gone", || !left.exists());
    ask(&mut next.client());
    assert_eq!(admin.tenant("a")["state"], "running");
}

#[test]
fn tenants_of_processes_sleep_in_dens_of_their_own_and_a_killed_process_loses_its_own() {
    let config = "hibernate = '50ms'\nenv = { SECRET = 'xyzzy' }\n";
    let apart = format!("group = 'other'\n{config}");
    let files_of = [("a/index.js", COUNT), ("a/skep.toml", config), ("b/index.js", COUNT), ("b/skep.toml", &apart)];
    let (place, admin) = (tenants(&files_of), Admin::in_folder(&folder()));
    let mut hive = Hive::start_after("", serving(&place, &admin.words()).env("SKEP_CACHE_DIR", own_cache()));
    let (mut one, mut other) = (hive.client(), hive.client());
    assert_eq!((ask_of(&mut one, "a").0, ask_of(&mut other, "b").0), ("1 xyzzy".into(), "1 xyzzy".into()));
    let (a, b) = (asleep_in(&admin, "a"), asleep_in(&admin, "b"));
    assert!(a != b && ![a, b].contains(&hive.server.pid()), "{a} and {b} are processes of their own");
    let (of_a, of_b) = (files(a), files(b));
    assert!(of_a.len() == 1 && of_b.len() == 1 && of_a[0].parent() != of_b[0].parent(), "{of_a:?} {of_b:?}");
    assert_eq!(ask_of(&mut one, "a").0, "2 xyzzy", "the same connection, the same heap");
    asleep_in(&admin, "a");
    signal(b, "KILL");
    hive.server.until(&format!("skep: tenants of other/1: process {b} was ended by signal 9"));
    eventually("it is served anew", || hive.get("b.localhost", "/").text().starts_with("1 xyzzy"));
    assert_eq!(ask_of(&mut one, "a").0, "3 xyzzy", "its neighbour sleeps and wakes as before");
    assert_eq!((asleep_in(&admin, "a"), admin.tenant("a")["wakes"].as_u64()), (a, Some(2)));
    assert!(!of_b[0].exists(), "the next process has swept what it left");
    signal(hive.server.pid(), "TERM");
    eventually("nothing is left on disk", || !of_a[0].parent().expect("its den").exists());
}

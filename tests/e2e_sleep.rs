//! Tenants that sleep, with a real `skep serve`: memory put aside on disk and taken up again, on real sockets and clocks. They
//! must not know how.
mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use support::serve::{Admin, Hive, tenants};
use support::{Client, eventually, folder, signal};

/// Counts its requests, keeps a secret, and has something that no garbage collection may lose.
const COUNT: &str = "let count = 0; const kept = new Map([['secret', process.env.SECRET]]);
  const server = require('http').createServer((req, res) => res.end(`${++count} ${kept.get('secret')} ${Math.random()}`));
  server.keepAliveTimeout = 0; server.listen(80);";

fn start(config: &str) -> (Hive, Admin) {
    let place = tenants(&[("a/index.js", COUNT), ("a/skep.toml", config)]);
    let admin = Admin::in_folder(&folder());
    (Hive::start_with(&place, &admin.words()), admin)
}

fn sleeps(admin: &Admin) -> bool {
    admin.tenant("a")["state"] == "sleeping"
}

/// The count and the secret of an answer, and what differs each time.
fn ask(client: &mut Client) -> (String, String) {
    client.send("GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n");
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
    let (hive, admin) = start("hibernate = '50ms'\n");
    ask(&mut hive.client());
    eventually("it sleeps", || sleeps(&admin));
    let left = files(hive.server.pid()).remove(0);
    drop(hive);
    assert!(left.exists(), "it was killed");
    let (next, admin) = start("hibernate = false\n");
    eventually("it is gone", || !left.exists());
    ask(&mut next.client());
    assert_eq!(admin.tenant("a")["state"], "running");
}

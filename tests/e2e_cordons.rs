//! `skep serve` over processes: which tenants share one, connections that go from one to another, what the end of one does to
//! the others, and orders that reach them. It must not know what passes between the processes.
mod support;

use std::path::PathBuf;
use support::processes::lives;
use support::serve::{Admin, Hive, Load, ask, plain, tenants, version};
use support::{Client, eventually, file, folder, signal};

/// Two tenants without a group, and one of a group.
fn three() -> PathBuf {
    tenants(&[
        ("a/index.js", &plain("a")),
        ("b/index.js", &plain("b")),
        ("b/skep.toml", "group = 'other'\n"),
        ("c/index.js", &plain("c")),
    ])
}

#[test]
fn groups_are_in_different_processes_and_none_is_the_fronts() {
    let hive = Hive::start_with(&three(), &["--processes", "1"]);
    let [a, b, c] = ["a.localhost", "b.localhost", "c.localhost"].map(|host| hive.pid(host));
    assert_eq!(a, c, "the same group");
    assert_ne!(a, b, "different groups");
    assert!(![a, b].contains(&hive.server.pid()), "the process with the fronts runs no guest");
    assert_eq!(hive.get("nobody.example", "/").status, 404);
}

#[test]
fn one_connection_goes_from_process_to_process() {
    let hive = Hive::start_with(&three(), &["--processes", "1"]);
    hive.serves_in_order(&["a", "b", "c"], &["a", "b", "b", "a", "c", "b", "a"]);
}

#[test]
fn the_end_of_one_process_is_nothing_to_the_others() {
    let mut hive = Hive::start_with(&three(), &["--processes", "1"]);
    let (a, b) = (hive.pid("a.localhost"), hive.pid("b.localhost"));
    let mut neighbour = hive.client();
    assert_eq!(ask(&mut neighbour, "a.localhost", "/0").text(), "a /0");
    for round in 1..4 {
        let pid = if round == 1 { b } else { hive.pid("b.localhost") };
        signal(pid, "KILL");
        hive.server.until(&format!("skep: tenants of other/1: process {pid} was ended by signal 9"));
        assert_eq!(ask(&mut neighbour, "a.localhost", &format!("/{round}")).text(), format!("a /{round}"));
        eventually("it is started anew", || hive.get("b.localhost", "/").status == 200);
        assert_ne!(hive.pid("b.localhost"), pid);
    }
    assert_eq!(hive.pid("a.localhost"), a, "nobody has touched it");
}

#[test]
fn an_operator_is_answered_while_the_processes_leave_one_by_one() {
    let slow = "require('http').createServer((req, res) => {
      if (req.url === '/pid') return res.end(String(process.pid));
      res.write('begun');
    }).listen(80);";
    let place = tenants(&[("a/index.js", &plain("a")), ("b/index.js", slow)]);
    let admin = Admin::in_folder(&folder());
    let [flag, socket] = admin.words();
    let hive = Hive::start_with(&place, &["--process-per-tenant", flag, socket]);
    let (a, _b) = (hive.pid("a.localhost"), hive.pid("b.localhost"));
    let mut held = hive.client();
    held.send("GET / HTTP/1.1\r\nHost: b.localhost\r\n\r\n");
    held.through(b"begun");
    hive.server.signal("TERM");
    eventually("it has left", || !lives(a));
    for path in ["/tenants", "/metrics", "/tenants/a"] {
        let answer = admin.ask("GET", path, "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

#[test]
fn each_tenant_may_have_a_process_of_its_own() {
    let hive = Hive::start_with(&three(), &["--process-per-tenant"]);
    let mut pids = ["a.localhost", "b.localhost", "c.localhost"].map(|host| hive.pid(host));
    pids.sort_unstable();
    assert!(pids[0] != pids[1] && pids[1] != pids[2], "{pids:?}");
}

#[test]
fn new_code_takes_over_in_processes_and_no_request_fails() {
    let place =
        tenants(&[("a/index.js", &version(0)), ("a/skep.toml", "instances = 2\n"), ("b/index.js", &plain("b"))]);
    let hive = Hive::start_with(&place, &["--processes", "2"]);
    eventually("it serves from both", || {
        (0..8).map(|_| hive.pid("a.localhost")).any(|pid| pid != hive.pid("a.localhost"))
    });
    let load = Load::start(hive.server.port);
    for number in 1..=3 {
        file(&place, "a/index.js", &version(number));
        hive.server.signal("HUP");
        eventually("all instances are new", || {
            (0..6).all(|_| hive.get("a.localhost", "/").text() == format!("v{number}"))
        });
    }
    load.end();
}

#[test]
fn load_brings_instances_to_other_processes_and_connections_go_there() {
    let late = "require('http').createServer((req, res) => {
      if (req.url === '/pid') return res.end(String(process.pid));
      setTimeout(() => res.end('late'), 4000);
    }).listen(80);";
    let config = "instances = { min = 1, max = 2, requests = 2 }\n";
    let place = tenants(&[("a/index.js", late), ("a/skep.toml", config), ("b/index.js", &plain("b"))]);
    let admin = Admin::in_folder(&folder());
    let hive = Hive::start_with(&place, &[&["--processes", "2"][..], &admin.words()].concat());
    let mut clients: Vec<Client> = (0..6).map(|_| hive.client()).collect();
    let pids = |clients: &mut Vec<Client>| {
        let pid = |client: &mut Client| ask(client, "a.localhost", "/pid").text();
        clients.iter_mut().map(pid).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(pids(&mut clients).len(), 1, "one instance is in one process");
    let request = "GET /late HTTP/1.1\r\nHost: a.localhost\r\n\r\n";
    clients.iter_mut().for_each(|client| client.send(request));
    eventually("there are two", || admin.tenant("a")["processes"].as_array().is_some_and(|all| all.len() == 2));
    clients.iter_mut().for_each(|client| assert_eq!(client.response().text(), "late"));
    assert_eq!(pids(&mut clients).len(), 2, "connections that were there go to both");
    assert_eq!(hive.get("b.localhost", "/").text(), "b /");
}

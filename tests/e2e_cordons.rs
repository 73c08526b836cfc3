//! `skep serve` over processes: which tenants share one, connections that go from one to another, what the end of one does to
//! the others, and orders that reach them. It must not know what passes between the processes.
mod support;

use std::path::{Path, PathBuf};
use support::{Client, Response, Server, eventually, file, folder, signal, skep};

/// A server that says its tenant's name, its process and what was asked.
fn plain(name: &str) -> String {
    format!(
        "require('http').createServer((req, res) => {{
           if (req.url === '/pid') return res.end(String(process.pid));
           res.end('{name} ' + req.url);
         }}).listen(80);"
    )
}

/// A server that answers with its version, slowly when asked to.
fn version(number: u32) -> String {
    format!(
        "require('http').createServer((req, res) => {{
           if (req.url === '/pid') return res.end(String(process.pid));
           if (req.url === '/slow') return setTimeout(() => res.end('v{number}'), 100);
           res.end('v{number}');
         }}).listen(80);"
    )
}

fn hive(files: &[(&str, &str)]) -> PathBuf {
    let place = folder();
    for (name, text) in files {
        file(&place, name, text);
    }
    place
}

/// Two tenants without a group, and one of a group.
fn three() -> PathBuf {
    hive(&[
        ("a/index.js", &plain("A")),
        ("b/index.js", &plain("B")),
        ("b/skep.toml", "group = 'other'\n"),
        ("c/index.js", &plain("C")),
    ])
}

struct Hive {
    server: Server,
}

impl Hive {
    fn start(place: &Path, words: &[&str]) -> Hive {
        let mut command = skep();
        command.arg("serve").arg(place).args(["--listen", "127.0.0.1:0"]).args(words);
        let mut shell = std::process::Command::new("sh");
        shell.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        shell.args(["-c", "exec \"$@\" 2>&1", "sh"]).arg(command.get_program()).args(command.get_args());
        shell.stdin(std::process::Stdio::null());
        let mut server = Server::spawn(&mut shell);
        let port = loop {
            let line = server.line();
            if let Some(port) = line.strip_prefix("skep: listening on 127.0.0.1:") {
                break port.parse().expect("a port");
            }
        };
        server.port = port;
        Hive { server }
    }

    fn client(&self) -> Client {
        self.server.client()
    }

    fn get(&self, host: &str, path: &str) -> Response {
        ask(&mut self.client(), host, path)
    }

    fn pid(&self, host: &str) -> u32 {
        let answer = self.get(host, "/pid");
        answer.text().parse().unwrap_or_else(|_| panic!("a number of a process, not {} {}", answer.head, answer.text()))
    }
}

fn ask(client: &mut Client, host: &str, path: &str) -> Response {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.response()
}

#[test]
fn groups_are_in_different_processes_and_none_is_the_fronts() {
    let hive = Hive::start(&three(), &["--processes", "1"]);
    let [a, b, c] = ["a.localhost", "b.localhost", "c.localhost"].map(|host| hive.pid(host));
    assert_eq!(a, c, "the same group");
    assert_ne!(a, b, "different groups");
    assert!(![a, b].contains(&hive.server.pid()), "the process with the fronts runs no guest");
    assert_eq!(hive.get("nobody.example", "/").status, 404);
}

#[test]
fn one_connection_goes_from_process_to_process() {
    let hive = Hive::start(&three(), &["--processes", "1"]);
    let mut client = hive.client();
    for round in 0..3 {
        for name in ["A", "B", "C"] {
            let host = format!("{}.localhost", name.to_lowercase());
            assert_eq!(ask(&mut client, &host, &format!("/{round}")).text(), format!("{name} /{round}"));
        }
    }
    let hosts = ["a", "b", "b", "a", "c", "b", "a"];
    let request = |(at, host): (usize, &&str)| format!("GET /{at} HTTP/1.1\r\nHost: {host}.localhost\r\n\r\n");
    let all: String = hosts.iter().enumerate().map(request).collect();
    client.send(&all);
    all.bytes().for_each(|byte| client.send([byte]));
    for _ in 0..2 {
        for (at, host) in hosts.iter().enumerate() {
            assert_eq!(client.response().text(), format!("{} /{at}", host.to_uppercase()));
        }
    }
}

#[test]
fn the_end_of_one_process_is_nothing_to_the_others() {
    let mut hive = Hive::start(&three(), &["--processes", "1"]);
    let (a, b) = (hive.pid("a.localhost"), hive.pid("b.localhost"));
    let mut neighbour = hive.client();
    assert_eq!(ask(&mut neighbour, "a.localhost", "/0").text(), "A /0");
    for round in 1..4 {
        let pid = if round == 1 { b } else { hive.pid("b.localhost") };
        signal(pid, "KILL");
        hive.server.until(&format!("skep: tenants of other/1: process {pid} was ended by signal 9"));
        assert_eq!(ask(&mut neighbour, "a.localhost", &format!("/{round}")).text(), format!("A /{round}"));
        eventually("it is started anew", || hive.get("b.localhost", "/").status == 200);
        assert_ne!(hive.pid("b.localhost"), pid);
    }
    assert_eq!(hive.pid("a.localhost"), a, "nobody has touched it");
}

#[test]
fn each_tenant_may_have_a_process_of_its_own() {
    let hive = Hive::start(&three(), &["--process-per-tenant"]);
    let mut pids = ["a.localhost", "b.localhost", "c.localhost"].map(|host| hive.pid(host));
    pids.sort_unstable();
    assert!(pids[0] != pids[1] && pids[1] != pids[2], "{pids:?}");
}

#[test]
fn new_code_takes_over_in_processes_and_no_request_fails() {
    let place = hive(&[("a/index.js", &version(0)), ("a/skep.toml", "instances = 2\n"), ("b/index.js", &plain("B"))]);
    let hive = Hive::start(&place, &["--processes", "2"]);
    eventually("it serves from both", || {
        (0..8).map(|_| hive.pid("a.localhost")).any(|pid| pid != hive.pid("a.localhost"))
    });
    let port = hive.server.port;
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|number| {
            let done = done.clone();
            std::thread::spawn(move || {
                let (mut client, mut count) = (Client::connect(port), 0);
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    if number == 3 {
                        client = Client::connect(port);
                    }
                    let path = if count % 7 == 0 { "/slow" } else { "/" };
                    let answer = ask(&mut client, "a.localhost", path);
                    assert_eq!(answer.status, 200, "request {count} of client {number}: {}", answer.head);
                    assert_eq!(ask(&mut client, "b.localhost", "/").text(), "B /");
                    count += 1;
                }
                count
            })
        })
        .collect();
    for number in 1..=3 {
        file(&place, "a/index.js", &version(number));
        hive.server.signal("HUP");
        eventually("all instances are new", || {
            (0..6).all(|_| hive.get("a.localhost", "/").text() == format!("v{number}"))
        });
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    let counts: Vec<u32> = load.into_iter().map(|thread| thread.join().expect("no request fails")).collect();
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

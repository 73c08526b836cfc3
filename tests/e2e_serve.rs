//! `skep serve` on real sockets: whose a request is, connections that change hands, tenants that start, fail, are replaced
//! and stopped, and what a configuration may not say.
mod support;

use std::path::{Path, PathBuf};
use support::{Client, Response, Server, eventually, file, finish, folder, piped, skep};

/// A server that says its tenant's name and what was asked.
fn plain(name: &str) -> String {
    format!("require('http').createServer((req, res) => res.end('{name} ' + req.url)).listen(80);")
}

/// A folder with these files, `tenant/file` each.
fn hive(files: &[(&str, &str)]) -> PathBuf {
    let place = folder();
    for (name, text) in files {
        file(&place, name, text);
    }
    place
}

/// Serves a folder or file; lines before the first request are read off.
struct Hive {
    server: Server,
}

impl Hive {
    fn start(place: &Path) -> Hive {
        Hive::start_with(place, &[])
    }

    fn start_with(place: &Path, words: &[&str]) -> Hive {
        let mut command = skep();
        command.arg("serve").arg(place).args(["--listen", "127.0.0.1:0"]).args(words);
        // Both outputs in one pipe, as an operator's terminal shows them.
        let mut shell = std::process::Command::new("sh");
        shell.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        shell.args(["-c", "exec \"$@\" 2>&1", "sh"]).arg(command.get_program()).args(command.get_args());
        shell.stdin(std::process::Stdio::null());
        let mut server = Server::spawn(&mut shell);
        let line = server.line();
        let port = line.strip_prefix("skep: listening on 127.0.0.1:").and_then(|port| port.parse().ok());
        server.port = port.unwrap_or_else(|| panic!("it says where it listens, not {line:?}"));
        Hive { server }
    }

    fn client(&self) -> Client {
        self.server.client()
    }

    /// One request on a connection of its own.
    fn get(&self, host: &str, path: &str) -> Response {
        let mut client = self.client();
        ask(&mut client, host, path)
    }
}

/// One request on this connection.
fn ask(client: &mut Client, host: &str, path: &str) -> Response {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.response()
}

#[test]
fn requests_reach_their_tenants_by_host_and_path() {
    let place = hive(&[
        ("a/index.js", &plain("A")),
        ("b/server.js", &plain("B")),
        ("b/skep.toml", "hosts = ['b.example', '*.b.example']\n"),
        ("c/app.js", &plain("C")),
        ("c/skep.toml", "hosts = 'b.example'\npath = '/c'\nmain = 'app.js'\n"),
    ]);
    let hive = Hive::start(&place);
    assert_eq!(hive.get("a.localhost", "/x").text(), "A /x");
    assert_eq!(hive.get("A.LocalHost:8080", "/x").text(), "A /x");
    assert_eq!(hive.get("b.example", "/").text(), "B /");
    assert_eq!(hive.get("x.y.b.example", "/c").text(), "B /c");
    assert_eq!(hive.get("b.example", "/c/d?e").text(), "C /c/d?e");
    assert_eq!(hive.get("b.example", "/cd").text(), "B /cd");
    let nobody = hive.get("other.example", "/");
    assert_eq!((nobody.status, nobody.text().as_str()), (404, "no such host\n"));
    assert_eq!(nobody.field("connection"), Some("close"));
}

#[test]
fn one_connection_serves_several_tenants_in_order() {
    let place = hive(&[("a/index.js", &plain("A")), ("b/index.js", &plain("B"))]);
    let hive = Hive::start(&place);
    let mut client = hive.client();
    for round in 0..3 {
        assert_eq!(ask(&mut client, "a.localhost", &format!("/{round}")).text(), format!("A /{round}"));
        assert_eq!(ask(&mut client, "b.localhost", &format!("/{round}")).text(), format!("B /{round}"));
    }
    // All at once, byte by byte and in one go: answers come in order, each from whom it was asked.
    let hosts = ["a", "a", "b", "a", "b", "b", "a"];
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
fn a_body_is_read_by_its_tenant_only() {
    let echo = "require('http').createServer((req, res) => {
        let body = ''; req.on('data', (d) => body += d).on('end', () => res.end('NAME ' + body));
      }).listen(80);";
    let place = hive(&[("a/index.js", &echo.replace("NAME", "A")), ("b/index.js", &echo.replace("NAME", "B"))]);
    let hive = Hive::start(&place);
    let mut client = hive.client();
    let inner = "GET /steal HTTP/1.1\r\nHost: b.localhost\r\n\r\n";
    client.send(format!("POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: {}\r\n\r\n{inner}", inner.len()));
    client.send("POST / HTTP/1.1\r\nHost: b.localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    assert_eq!(client.response().text(), format!("A {inner}"));
    assert_eq!(client.response().text(), "B abc");
}

#[test]
fn one_that_dies_answers_502_and_its_neighbours_go_on() {
    let deadly = "const http = require('http'); console.log('born');
      http.createServer((req, res) => { if (req.url === '/die') process.exit(3); if (req.url !== '/wait') res.end('up'); })
        .listen(80);";
    let place = hive(&[("a/index.js", deadly), ("b/index.js", &plain("B"))]);
    let mut hive = Hive::start(&place);
    let mut neighbour = hive.client();
    assert_eq!(ask(&mut neighbour, "b.localhost", "/1").text(), "B /1");
    let (mut idle, mut waiting) = (hive.client(), hive.client());
    assert_eq!(ask(&mut idle, "a.localhost", "/").text(), "up");
    waiting.send("GET /wait HTTP/1.1\r\nHost: a.localhost\r\n\r\n");
    assert_eq!(ask(&mut idle, "a.localhost", "/").text(), "up", "what was sent before has come");
    assert_eq!(hive.get("a.localhost", "/die").status, 502);
    assert_eq!(waiting.response().status, 502);
    assert_eq!(ask(&mut neighbour, "b.localhost", "/2").text(), "B /2");
    // The idle connection is still there: it waits out the back-off in 503s, or is served by the next instance.
    eventually("the tenant is started anew", || hive.get("a.localhost", "/").text() == "up");
    assert_eq!(ask(&mut idle, "b.localhost", "/3").text(), "B /3", "the hall has kept it");
    let lines = hive.server.until("skep: a: exited with code 3");
    assert!(lines.contains(&"a: born".to_owned()), "{lines:?}");
}

#[test]
fn one_that_cannot_start_is_tried_again_with_patience() {
    let place = hive(&[("a/index.js", "console.log('try'); throw new Error('no');"), ("b/index.js", &plain("B"))]);
    let mut hive = Hive::start(&place);
    for _ in 0..20 {
        let answer = hive.get("a.localhost", "/");
        assert_eq!(answer.status, 503);
        assert!(answer.field("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{}", answer.head);
    }
    hive.server.until("skep: a: exited with code 1 before it listened");
    assert_eq!(hive.get("b.localhost", "/").text(), "B /");
    // Mended, and deployed, it serves at once.
    file(&place, "a/index.js", &plain("A"));
    hive.server.signal("HUP");
    eventually("the mended tenant serves", || hive.get("a.localhost", "/").text() == "A /");
}

#[test]
fn what_a_configuration_may_not_say_is_told_with_its_place() {
    let script = ("a/index.js", "0");
    let fault = |files: &[(&str, &str)]| {
        let place = hive(files);
        let done = finish(piped(skep().arg("serve").arg(&place).arg("--check")).spawn().expect("it starts"));
        assert_eq!(done.code, Some(1), "{done:?}");
        done.err.replace(&format!("{}/", place.display()), "")
    };
    let one = |text: &str| fault(&[script, ("a/skep.toml", text)]);
    assert_eq!(one("hosts = 'a'\nhotsts = 'b'\n"), "skep: a/skep.toml:2: hotsts: there is no such key\n");
    assert_eq!(one("hosts = [\n 'a',\n 7]\n"), "skep: a/skep.toml:3: hosts: a string is needed, not integer\n");
    assert_eq!(one("port = 70000"), "skep: a/skep.toml:1: port: a number from 1 to 65535 is needed\n");
    assert_eq!(
        one("[limits]\nhandles = 9\nmemory = '1G'\n"),
        "skep: a/skep.toml:3: limits.memory: there is no such key\n"
    );
    assert_eq!(
        one("[limits]\nmemory_bytes = 'much'\n"),
        "skep: a/skep.toml:2: limits.memory_bytes: a size such as 64M or 1G is needed\n"
    );
    assert!(one("main = 'b.js'").starts_with("skep: a/skep.toml:1: main: cannot find the script "));
    assert!(one("main = '../../../../../../../../etc/passwd'").contains(":1: main: "));
    assert!(one("idle = true").contains("a/skep.toml:1: idle: a time such as 30s is needed, or false"));
    assert!(one("[grants]\nnet = 'example.org'").contains(":2: grants.net: an address is needed"));
    assert!(one("[grants]\nfs = 'nowhere'").contains(":2: grants.fs: nowhere: No such file"));
    assert!(one("[secrets]\nX = { file = 'none' }").contains(":2: secrets.X: "));
    assert!(one("path = '/a/../b'").contains(":1: path: "));
    assert!(one("hosts = 'a:80'").contains(":1: hosts: "));
    assert!(one("x = = 1").starts_with("skep: a/skep.toml:1: "));
    assert!(fault(&[("a/none.txt", "")]).contains("no folder in it has a script"));
    let both = fault(&[
        script,
        ("a/skep.toml", "hosts = 'x.example'"),
        ("b/index.js", "0"),
        ("b/skep.toml", "hosts = 'X.example'"),
    ]);
    assert_eq!(both, "skep: b/skep.toml: b.hosts: x.example/ is tenant a's already\n");
}

//! The operator's socket and `skep top`, with a real `skep serve`. They must not know how the hall counts.
mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Instant;
use support::{DEADLINE, file, finish, folder, piped, skep};

struct Hive {
    child: Child,
    socket: PathBuf,
    port: u16,
}

impl Hive {
    /// Two tenants: one that serves, one that computes for ever.
    fn start() -> Hive {
        let folder = folder();
        file(&folder, "tenants/good/index.js", "require('http').createServer((q, s) => s.end('good')).listen(80);");
        let hog = "require('http').createServer((q, s) => { s.end('hog'); for (;;) {} }).listen(80);";
        file(&folder, "tenants/hog/index.js", hog);
        let socket = folder.join("a");
        let mut command = skep();
        command.arg("serve").arg(folder.join("tenants")).args(["--listen", "127.0.0.1:0"]).arg("--admin").arg(&socket);
        let mut child = piped(&mut command).spawn().expect("the program starts");
        let err = child.stderr.take().expect("standard error is a pipe");
        let mut lines = BufReader::new(err).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let at = line.strip_prefix("skep: listening on ")?.to_owned();
            at.rsplit_once(':')?.1.parse().ok()
        });
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Hive { child, socket, port: port.expect("it says where it listens") }
    }

    fn ask(&self, request: &str) -> String {
        let until = Instant::now() + DEADLINE;
        let mut stream = loop {
            match UnixStream::connect(&self.socket) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
        stream.write_all(request.as_bytes()).expect("it listens");
        let mut answer = String::new();
        let _reset = stream.read_to_string(&mut answer);
        answer
    }

    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
    }

    fn put(&self, path: &str, body: &str) -> String {
        self.ask(&format!("PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// A request to a tenant.
    fn visit(&self, tenant: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
        let request = format!("GET / HTTP/1.1\r\nHost: {tenant}.localhost\r\nConnection: close\r\n\r\n");
        let _reset = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn tenant(&self, name: &str) -> serde_json::Value {
        let answer = self.get(&format!("/tenants/{name}"));
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

impl Drop for Hive {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

#[test]
fn tenants_are_seen_ordered_about_and_bounded() {
    let hive = Hive::start();
    assert_eq!(hive.tenant("good")["state"], "stopped");
    let mode = std::fs::metadata(&hive.socket).expect("the socket is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it is its owner's alone");
    assert!(hive.visit("good").starts_with("HTTP/1.1 200 "));
    let good = hive.tenant("good");
    assert_eq!((&good["state"], &good["requests"], &good["instances"]), (&"running".into(), &1.into(), &1.into()));
    assert!(good["cpuNs"].as_u64() > Some(0) && good["memoryBytes"].as_u64() > Some(1 << 20), "{good}");

    let tight = r#"{"cpu_ns_per_second": 20000000, "cpu_burst_ns": 10000000}"#;
    assert!(hive.put("/tenants/hog/limits", tight).starts_with("HTTP/1.1 200 "));
    assert!(hive.visit("hog").starts_with("HTTP/1.1 200 "));
    let until = Instant::now() + DEADLINE;
    while hive.tenant("hog")["rests"].as_u64() < Some(2) {
        assert!(Instant::now() < until, "{}", hive.tenant("hog"));
    }
    assert!(hive.visit("good").starts_with("HTTP/1.1 200 "));
    let metrics = hive.get("/metrics");
    assert!(metrics.contains("\nskep_tenant_responses_total{tenant=\"good\",class=\"2xx\"} 2\n"), "{metrics}");
    assert!(metrics.contains("skep_tenant_limit_hits_total{tenant=\"hog\",limit=\"cpu\"}"), "{metrics}");

    let post = |path: &str| hive.ask(&format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"));
    assert!(post("/tenants/good/stop").starts_with("HTTP/1.1 202 "));
    while hive.tenant("good")["state"] != "stopped" {
        assert!(Instant::now() < until, "{}", hive.tenant("good"));
    }
    assert!(post("/tenants/good/deploy").starts_with("HTTP/1.1 202 "));
    assert!(hive.visit("good").starts_with("HTTP/1.1 200 "), "the next request starts it again");

    let top = finish(piped(skep().args(["top", "--once", "--socket"]).arg(&hive.socket)).spawn().expect("it starts"));
    assert_eq!(top.code, Some(0), "{}", top.err);
    assert!(top.out.contains("\ngood ") && top.out.contains("\nhog ") && top.out.contains("cpu "), "{}", top.out);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let hive = Hive::start();
    let status = |answer: &str| answer.get(9..12).and_then(|text| text.parse().ok()).unwrap_or(0);
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(100_000));
    let plain = [
        ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /tenants/nobody HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GET /tenants/good/x/y HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("DELETE /tenants HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("GET /tenants/good/stop HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("GET /tenants/%67ood HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /tenants?x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("nonsense\r\n\r\n", 400),
        (long.as_str(), 431),
    ];
    for (request, expected) in plain {
        let answer = hive.ask(request);
        assert_eq!(status(&answer), expected, "{:?}: {answer}", &request[..request.len().min(80)]);
    }
    for body in ["", "[]", "{\"memory_bytes\": 0}", "{\"sockets\": 1, \"nothing\": 2}", "{\"at_cpu\": \"maybe\"}"] {
        assert_eq!(status(&hive.put("/tenants/good/limits", body)), 400, "{body}");
    }
    assert_eq!(status(&hive.put("/tenants/good/limits", &" ".repeat(100_000))), 413);
    for _ in 0..40 {
        drop(UnixStream::connect(&hive.socket));
    }
    let _idle: Vec<_> = (0..40).map(|_| UnixStream::connect(&hive.socket)).collect();
    assert_eq!(status(&hive.get("/hall")), 200, "those that say nothing make room");
    assert!(hive.visit("good").starts_with("HTTP/1.1 200 "));
}

#[test]
fn top_says_when_nobody_answers() {
    let nowhere = folder().join("nobody");
    let mut command = skep();
    command.args(["top", "--once", "--socket"]).arg(nowhere).stdout(Stdio::piped()).stderr(Stdio::piped());
    let top = finish(command.spawn().expect("it starts"));
    assert_ne!(top.code, Some(0));
    assert!(top.err.contains("nobody answers at "), "{}", top.err);
}

#[test]
fn h01_a_front_without_descriptors_takes_connections_again() {
    let hive = Hive::start();
    assert!(hive.visit("good").starts_with("HTTP/1.1 200 "));
    let pid = rustix::process::Pid::from_raw(hive.child.id() as i32).expect("it has a number");
    let open = std::fs::read_dir(format!("/proc/{}/fd", hive.child.id())).expect("it lives").count() as u64;
    let few = rustix::process::Rlimit { current: Some(open + 3), maximum: Some(open + 3) };
    rustix::process::prlimit(Some(pid), rustix::process::Resource::Nofile, few).expect("a limit can be lowered");
    let crowd: Vec<_> = (0..50).map(|_| TcpStream::connect(("127.0.0.1", hive.port))).collect();
    std::thread::sleep(std::time::Duration::from_millis(300));
    drop(crowd);
    let until = Instant::now() + DEADLINE;
    while !hive.visit("good").starts_with("HTTP/1.1 200 ") {
        assert!(Instant::now() < until, "it takes no connection any more");
    }
}

//! The operator's socket and `skep top`, with a real `skep serve`. They must not know how the hall counts.
mod support;

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use support::serve::{Admin, Hive, plain, tenants};
use support::{eventually, finish, folder, piped, skep, text};

/// Two tenants: one that serves, one that computes for ever.
fn start() -> (Hive, Admin) {
    let hog = "require('http').createServer((q, s) => { s.end('hog'); for (;;) {} }).listen(80);";
    let place = tenants(&[("good/index.js", &plain("good")), ("hog/index.js", hog)]);
    let admin = Admin::in_folder(&folder());
    (Hive::start_with(&place, &admin.words()), admin)
}

/// A request to a tenant.
fn visit(hive: &Hive, name: &str) -> u16 {
    hive.get(&format!("{name}.localhost"), "/").status
}

#[test]
fn tenants_are_seen_ordered_about_and_bounded() {
    let (hive, admin) = start();
    assert_eq!(admin.tenant("good")["state"], "stopped");
    let mode = std::fs::metadata(&admin.socket).expect("the socket is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it is its owner's alone");
    assert_eq!(visit(&hive, "good"), 200);
    let good = admin.tenant("good");
    assert_eq!((&good["state"], &good["requests"], &good["instances"]), (&"running".into(), &1.into(), &1.into()));
    assert!(good["cpuNs"].as_u64() > Some(0) && good["memoryBytes"].as_u64() > Some(1 << 20), "{good}");

    let tight = r#"{"cpu_ns_per_second": 20000000, "cpu_burst_ns": 10000000}"#;
    assert_eq!(admin.ask("PUT", "/tenants/hog/limits", tight).status, 200);
    assert_eq!(visit(&hive, "hog"), 200);
    eventually("it has to rest", || admin.tenant("hog")["rests"].as_u64() >= Some(2));
    assert_eq!(visit(&hive, "good"), 200);
    let metrics = admin.ask("GET", "/metrics", "").text();
    assert!(metrics.contains("\nskep_tenant_responses_total{tenant=\"good\",class=\"2xx\"} 2\n"), "{metrics}");
    assert!(metrics.contains("skep_tenant_limit_hits_total{tenant=\"hog\",limit=\"cpu\"}"), "{metrics}");

    assert_eq!(admin.ask("POST", "/tenants/good/stop", "").status, 202);
    eventually("it is stopped", || admin.tenant("good")["state"] == "stopped");
    assert_eq!(admin.ask("POST", "/tenants/good/deploy", "").status, 202);
    assert_eq!(visit(&hive, "good"), 200, "the next request starts it again");

    let top = finish(piped(skep().args(["top", "--once", "--socket"]).arg(&admin.socket)).spawn().expect("it starts"));
    assert_eq!(top.code, Some(0), "{}", top.err);
    assert!(top.out.contains("\ngood ") && top.out.contains("\nhog ") && top.out.contains("cpu "), "{}", top.out);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let (hive, admin) = start();
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
        let answer = admin.exchange(request);
        assert_eq!(answer.status, expected, "{:?}: {}", &request[..request.len().min(80)], answer.text());
    }
    for body in ["", "[]", "{\"memory_bytes\": 0}", "{\"sockets\": 1, \"nothing\": 2}", "{\"at_cpu\": \"maybe\"}"] {
        assert_eq!(admin.ask("PUT", "/tenants/good/limits", body).status, 400, "{body}");
    }
    assert_eq!(admin.ask("PUT", "/tenants/good/limits", &" ".repeat(100_000)).status, 413);
    for _ in 0..40 {
        drop(UnixStream::connect(&admin.socket));
    }
    let _idle: Vec<_> = (0..40).map(|_| UnixStream::connect(&admin.socket)).collect();
    assert_eq!(admin.ask("GET", "/hall", "").status, 200, "those that say nothing make room");
    assert_eq!(visit(&hive, "good"), 200);
}

#[test]
fn top_says_when_nobody_answers() {
    let nowhere = folder().join("nobody");
    let mut command = skep();
    command.args(["top", "--once", "--socket"]).arg(nowhere);
    let top = finish(piped(&mut command).spawn().expect("it starts"));
    assert_ne!(top.code, Some(0));
    assert!(top.err.contains("nobody answers at "), "{}", top.err);
}

#[test]
fn h01_a_front_without_descriptors_takes_connections_again() {
    let (hive, _admin) = start();
    assert_eq!(visit(&hive, "good"), 200);
    let pid = rustix::process::Pid::from_raw(hive.server.pid() as i32).expect("it has a number");
    let open = hive.server.fds() as u64;
    let few = rustix::process::Rlimit { current: Some(open + 3), maximum: Some(open + 3) };
    rustix::process::prlimit(Some(pid), rustix::process::Resource::Nofile, few).expect("a limit can be lowered");
    let crowd: Vec<_> = (0..50).map(|_| TcpStream::connect(("127.0.0.1", hive.server.port))).collect();
    std::thread::sleep(std::time::Duration::from_millis(300));
    drop(crowd);
    // Where there is no room yet a connection ends without an answer.
    eventually("it takes connections again", || {
        let mut client = hive.client();
        client.try_send("GET / HTTP/1.1\r\nHost: good.localhost\r\nConnection: close\r\n\r\n")
            && text(&client.to_end()).starts_with("HTTP/1.1 200 ")
    });
}

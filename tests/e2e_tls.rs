//! TLS in front of tenants, on real sockets with rustls's own client: whose certificate is shown, whose answer comes, and
//! what a configuration may not say of certificates. It must not know how records are made.
mod support;
#[path = "support/tls.rs"]
mod tls;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use support::serve::{Hive, ask, faults, plain};
use support::{eventually, file, folder};
use tls::{OWN, Root, Tls, certify, connect};

/// Two tenants, each with a certificate, behind TLS only.
fn two() -> (PathBuf, Vec<Root>) {
    let place = folder();
    file(&place, "skep.toml", "https = '127.0.0.1:0'\n");
    let roots = ["a", "b"].map(|name| {
        file(&place, &format!("{name}/index.js"), &plain(name));
        file(&place, &format!("{name}/skep.toml"), OWN);
        certify(&place.join(name), &format!("{name}.localhost"))
    });
    (place, roots.to_vec())
}

fn trusts(port: u16, roots: &[Root], host: &str) -> Tls {
    connect(port, roots, host).expect("a certificate that is trusted")
}

fn get(tls: &mut Tls, host: &str, path: &str) -> (u16, String) {
    let answer = ask(tls, host, path);
    (answer.status, answer.text())
}

fn distrusts(port: u16, roots: &[Root], host: &str, why: &str) {
    assert!(connect(port, roots, host).is_err(), "{why}");
}

#[test]
fn each_name_has_its_certificate_and_its_tenant() {
    let (place, roots) = two();
    let server = Hive::configured(&place, &[]).server;
    for (at, name) in ["a", "b"].iter().enumerate() {
        let host = format!("{name}.localhost");
        let mut tls = trusts(server.port, &roots[at..=at], &host);
        for round in 0..3 {
            let answer = get(&mut tls, &host, &format!("/{round}"));
            assert_eq!(answer, (200, format!("{name} /{round}")));
        }
        // The other's certificate is not this name's.
        distrusts(server.port, &roots[1 - at..=1 - at], &host, "a certificate that is not trusted");
    }
    distrusts(server.port, &roots, "c.localhost", "nobody has a certificate for it");
}

#[test]
fn a_name_leads_to_its_tenants_own_process() {
    let (place, roots) = two();
    let server = Hive::configured(&place, &["--process-per-tenant"]).server;
    let mut pids = vec![server.pid().to_string()];
    for (at, name) in ["a", "b"].iter().enumerate() {
        let host = format!("{name}.localhost");
        let mut tls = trusts(server.port, &roots[at..=at], &host);
        for round in 0..2 {
            let answer = get(&mut tls, &host, &format!("/{round}"));
            assert_eq!(answer, (200, format!("{name} /{round}")));
        }
        pids.push(get(&mut tls, &host, "/pid").1);
        // Its process has no other's key, and takes the connection for nobody else.
        let other = format!("{}.localhost", ["b", "a"][at]);
        assert_eq!(get(&mut tls, &other, "/").0, 421);
        distrusts(server.port, &roots[1 - at..=1 - at], &host, "a certificate that is not trusted");
    }
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 3, "two processes, and that of the fronts");
    distrusts(server.port, &roots, "c.localhost", "nobody has a certificate for it");
}

#[test]
fn a_connection_made_for_one_host_serves_no_other() {
    let (place, roots) = two();
    let server = Hive::configured(&place, &[]).server;
    let mut tls = trusts(server.port, &roots, "a.localhost");
    assert_eq!(get(&mut tls, "A.localhost:8443", "/1").0, 200);
    assert_eq!(get(&mut tls, "b.localhost", "/2").0, 421);
    assert_eq!(tls.stream.read(&mut [0; 8]).expect("an end in order"), 0);
    let mut tls = trusts(server.port, &roots, "a.localhost");
    assert_eq!(get(&mut tls, "b.localhost", "/2").0, 421);
}

#[test]
fn much_goes_both_ways() {
    let place = folder();
    file(&place, "skep.toml", &format!("https = '127.0.0.1:0'\n{OWN}"));
    let echo = "require('http').createServer((req, res) => {
        res.setHeader('content-length', req.headers['content-length']); req.pipe(res); }).listen(80);";
    file(&place, "a/index.js", echo);
    let root = certify(&place, "a.localhost");
    let server = Hive::configured(&place, &[]).server;
    let mut tls = trusts(server.port, &[root], "a.localhost");
    let body: String = (0..300_000).map(|at| format!("{at:07}")).collect();
    let request =
        format!("POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: {}\r\n\r\n{}", body.len(), &body[..100_000]);
    // Sent in parts, so that neither side has to keep all of it.
    tls.stream.write_all(request.as_bytes()).expect("taken");
    let mut sent = 100_000;
    let mut back = Vec::new();
    let mut buf = [0; 16_384];
    while sent < body.len() {
        let next = body.len().min(sent + 100_000);
        tls.stream.write_all(&body.as_bytes()[sent..next]).expect("taken");
        sent = next;
        while back.len() + 400_000 < sent {
            let count = tls.stream.read(&mut buf).expect("an answer");
            back.extend_from_slice(&buf[..count]);
        }
    }
    while !back.ends_with(&body.as_bytes()[body.len() - 21..]) {
        let count = tls.stream.read(&mut buf).expect("an answer");
        assert!(count > 0, "the rest is missing");
        back.extend_from_slice(&buf[..count]);
    }
    let head = back.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    assert!(back[head..] == *body.as_bytes(), "bytes were lost or altered");
}

#[test]
fn who_speaks_no_tls_gets_no_answer() {
    let (place, roots) = two();
    let server = Hive::configured(&place, &[]).server;
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
    socket.write_all(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n").expect("taken");
    let mut back = Vec::new();
    // The rest that was not read makes it a reset at times.
    let _ = socket.read_to_end(&mut back);
    assert!(back.is_empty() || back[0] == 0x15, "an alert at most");
    let mut tls = trusts(server.port, &roots, "a.localhost");
    assert_eq!(get(&mut tls, "a.localhost", "/").0, 200);
}

#[test]
fn a_renewed_certificate_is_shown_after_a_signal() {
    let (place, roots) = two();
    let mut server = Hive::configured(&place, &[]).server;
    let mut kept = trusts(server.port, &roots, "a.localhost");
    assert_eq!(get(&mut kept, "a.localhost", "/").0, 200);
    let renewed = certify(&place.join("a"), "a.localhost");
    server.signal("HUP");
    server.until("skep: 2 tenants");
    let trusting = [renewed];
    eventually("the new certificate", || {
        connect(server.port, &trusting, "a.localhost").is_ok_and(|mut tls| get(&mut tls, "a.localhost", "/").0 == 200)
    });
    assert_eq!(get(&mut kept, "a.localhost", "/").0, 200);
}

#[test]
fn certificates_that_cannot_be_used_are_told_with_file_line_and_key() {
    let cases = [
        ("https = '127.0.0.1:0'\n", "skep.toml: https: there is no certificate"),
        ("\ncertificate = 'cert.pem'\n", "skep.toml:2: certificate: its key is missing"),
        ("key = 'key.pem'\n", "skep.toml:1: key: its certificate is missing"),
        ("certificate = 'none.pem'\nkey = 'key.pem'\n", "none.pem cannot be read"),
        ("certificate = 'key.pem'\nkey = 'key.pem'\n", "skep.toml:1: certificate: the certificate cannot be used"),
        ("certificate = 'cert.pem'\nkey = 'cert.pem'\n", "skep.toml:2: key: the private key cannot be used"),
        ("certificate = 'cert.pem'\nkey = 'other.pem'\n", "skep.toml:2: key: the private key is not that of"),
    ];
    for (text, wanted) in cases {
        let place = folder();
        certify(&place, "other.localhost");
        std::fs::rename(place.join("key.pem"), place.join("other.pem")).expect("both are here");
        certify(&place, "a.localhost");
        file(&place, "a/index.js", &plain("a"));
        file(&place, "skep.toml", text);
        let told = faults(&place, &place);
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

//! What a guest in C does by the boundary's calls alone, without the words of its SDK: bodies, connections, names, requests, UDP, files,
//! input, timers, signals. It must not know how a host carries calls out.
#![cfg(target_os = "linux")]
#[path = "support/guests.rs"]
mod guests;
mod support;

use guests::build_c;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use support::{Server, answering_datagrams, folder, free_port, signal, skep};

/// The module, and the port that it listens on.
fn guest() -> &'static (PathBuf, u16) {
    static GUEST: OnceLock<(PathBuf, u16)> = OnceLock::new();
    GUEST.get_or_init(|| {
        let free = free_port();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/calls.c");
        (build_c(&source, &folder(), &format!("PORT={free}")), free)
    })
}

fn start(options: &[&str]) -> Server {
    let (module, port) = guest();
    let mut command = skep();
    let mut server = Server::spawn(command.arg("run").args(options).arg(module).stdin(Stdio::null()));
    assert_eq!(server.line(), "ready");
    server.port = *port;
    server
}

/// What the path is answered with, asked with this field.
fn ask(server: &Server, path: &str, name: &str, value: impl std::fmt::Display) -> String {
    let mut client = server.client();
    client.send(format!("GET /{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{name}: {value}\r\n\r\n"));
    client.response().text()
}

// One test, for all of it is behind one port.
#[test]
fn by_calls_alone() {
    let here = folder();
    std::fs::write(here.join("file"), "contents").expect("it can be written");
    let grant = format!("--allow-fs={}", here.display());
    let mut server = start(&["--allow-net=127.0.0.1", &grant]);
    let mut client = server.client();
    let body: Vec<u8> = (0..400_000u32).map(|at| (at * 31) as u8).collect();
    client.send(format!("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
    client.send(&body);
    assert!(client.response().body == body, "what was sent comes back");
    assert_eq!(ask(&server, "timer", "X", 1), "timer");
    assert_eq!(ask(&server, "name", "X", 1).trim(), "4 127.0.0.1");
    assert_eq!(ask(&server, "file", "X-Path", here.join("file").display()), "contents");
    assert_eq!(ask(&server, "file", "X-Path", "/etc/passwd"), "failed");
    assert_eq!(ask(&server, "input", "X", 1), "", "its end");
    let echo = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = echo.local_addr().expect("it is bound").port();
    let serving = std::thread::spawn(move || {
        let mut buffer = [0; 1000];
        for answer in ["pong", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nserved"] {
            let mut peer = echo.accept().expect("it connects").0;
            let count = peer.read(&mut buffer).expect("it says something");
            assert!(count > 0);
            peer.write_all(answer.as_bytes()).expect("it listens");
        }
    });
    assert_eq!(ask(&server, "connect", "X-Port", port), "pong");
    assert_eq!(ask(&server, "get", "X-Port", port), "served");
    serving.join().expect("both came");
    assert_eq!(ask(&server, "connect", "X-Port", port), "closed", "nobody listens there any more");
    let (port, answering) = answering_datagrams();
    assert_eq!(ask(&server, "udp", "X-Port", port), "datagram back");
    answering.join().expect("it came");
    let mut client = server.client();
    client.send("GET /signal HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(server.line(), "watching");
    signal(server.pid(), "USR1");
    assert_eq!(client.response().text(), "signal");
    server.signal("TERM");
    server.end();
    // Without grants the calls answer what they do in any language.
    let server = start(&[]);
    for path in ["connect", "udp", "get"] {
        assert_eq!(ask(&server, path, "X-Port", 9), "refused", "{path}");
    }
}

//! Guests in Rust and C, built with every compiler that can be had and served by the program. `guests/sdk.rs` uses all of
//! the Rust SDK; the examples are what the README shows.
#[path = "support/called.rs"]
mod called;
#[path = "support/guests.rs"]
mod guests;
mod support;

use called::{answers_calls, failed};
use guests::{Compiler, build_c, compilers};
use serde_json::json;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use support::{Client, Server, finish, folder, piped, skep, text};

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn sdk_guest(compiler: &Compiler) -> PathBuf {
    compiler.build(&source("tests/guests/sdk.rs"), &folder())
}

/// The same of the first compiler, built once; none where there is no compiler.
fn guest() -> Option<&'static Path> {
    static GUEST: OnceLock<Option<PathBuf>> = OnceLock::new();
    GUEST.get_or_init(|| compilers().first().map(sdk_guest)).as_deref()
}

fn with_words(module: &Path, words: &[&str]) -> support::Finished {
    finish(piped(skep().arg("run").arg(module).args(words)).spawn().expect("the program starts"))
}

/// The guest, and the port of its echo.
fn start(module: &Path, options: &[&str]) -> (Server, String) {
    let mut server = Server::spawn(skep().arg("run").args(options).arg(module));
    let (mut port, mut echo) = (None, None);
    while port.is_none() || echo.is_none() {
        let line = server.line();
        match line.split_once(' ') {
            Some(("PORT", number)) => port = number.parse().ok(),
            Some(("ECHO", address)) => echo = Some(address.to_owned()),
            _ => panic!("it says {line:?}"),
        }
    }
    server.port = port.expect("a port was said");
    (server, echo.expect("an address was said"))
}

fn post(server: &Server, path: &str, body: &str) -> support::Response {
    let mut client = server.client();
    let length = body.len();
    client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"));
    client.send(body);
    client.response()
}

#[test]
fn a_rust_guest_of_every_compiler_serves() {
    for compiler in compilers() {
        let module = sdk_guest(compiler);
        let (server, _) = start(&module, &[]);
        assert_eq!(server.get("/hello").text(), "Hello World\n", "{}", compiler.name);
        assert_eq!(post(&server, "/sum", &"x".repeat(70_000)).text(), "70000 bytes", "{}", compiler.name);
        server.signal("TERM");
        assert_eq!(server.end().code, Some(0), "{}", compiler.name);
        let panicked = with_words(&module, &["panic"]);
        assert!(panicked.err.contains("as was asked"), "{}: {}", compiler.name, panicked.err);
        assert_ne!(panicked.code, Some(0), "{}", compiler.name);
        assert_eq!(with_words(&module, &["exit"]).code, Some(7), "{}", compiler.name);
    }
}

#[test]
fn requests_and_responses_in_all_their_ways() {
    let Some(guest) = guest() else { return };
    let (mut server, _) = start(guest, &[]);
    let mut client = server.client();
    client.send("GET /head?a=1 HTTP/1.1\r\nHost: a\r\nUser-Agent: me\r\nConnection: close\r\n\r\n");
    let response = client.response();
    assert_eq!((response.status, response.text().as_str()), (201, "GET Some(\"a=1\") me 3"));
    assert_eq!(response.field("X-Peer"), Some("127.0.0.1"));
    let body = "y".repeat(300_000);
    assert_eq!(post(&server, "/echo", &body).text(), body);
    assert_eq!(server.line(), "DONE true");
    assert_eq!(post(&server, "/sum", &"x".repeat(2 << 20)).status, 413);
    let mut client = server.client();
    client.send("POST /later HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 40000\r\n\r\n");
    (0..4).for_each(|_| client.send("x".repeat(10_000)));
    assert_eq!(client.response().text(), "40000 bytes");
    assert_eq!(server.get("/many").body.len(), 4 << 20);
    let response = server.get("/trailers");
    assert_eq!((response.text().as_str(), response.trailers.trim()), ("body", "X-Sum: 4"));
    assert_eq!(server.get("/late").text(), "late");
    assert_eq!(server.get("/nowhere").status, 404);
    // What forgets to answer is answered for; what cannot be sent is said on standard error, and answered too.
    assert_eq!(server.get("/forgotten").status, 500);
    assert_eq!(server.get("/broken").status, 500);
    assert_eq!(server.exchange("GET /abort HTTP/1.1\r\nHost: a\r\n\r\n"), "");
    // A body that nobody reads does not stand in the way of the next request.
    let mut client = server.client();
    client.send(format!("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n{}", "z".repeat(200_000)));
    assert_eq!(client.response().status, 200);
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().text(), "Hello World\n");
    server.signal("TERM");
    let end = server.end();
    assert!(end.err.contains("a response failed: EINVAL"), "{}", end.err);
}

#[test]
fn no_field_is_laid_into_another() {
    let Some(guest) = guest() else { return };
    let (mut server, _) = start(guest, &[]);
    let text = server.exchange("GET /inject HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert!(!text.contains("Set-Cookie") && !text.contains("Y: b"), "{text}");
    assert_eq!((server.line().as_str(), server.line().as_str()), ("Err(\"EINVAL\")", "EINVAL"));
}

#[test]
fn what_a_response_holds_is_freed_with_its_client() {
    let Some(guest) = guest() else { return };
    let (mut server, _) = start(guest, &[]);
    let mut client = server.client();
    client.send("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(client.through(b"\r\n\r\n").starts_with("HTTP/1.1 200 "));
    drop(client);
    assert_eq!(server.line(), "FREED");
}

#[test]
fn streams_upgrades_and_tasks() {
    let Some(guest) = guest() else { return };
    let (server, echo) = start(guest, &["--allow-net"]);
    let (_, port) = echo.rsplit_once(':').expect("an address has a port");
    let mut client = Client::connect(port.parse().expect("a port is a number"));
    let bytes: Vec<u8> = (0..500_000u32).map(|at| (at * 31) as u8).collect();
    client.send(&bytes);
    assert!(client.exactly(bytes.len()) == bytes, "what was sent comes back");
    client.half_close();
    assert_eq!(client.to_end(), b"");
    let mut client = server.client();
    client.send(format!("GET /through HTTP/1.1\r\nHost: a\r\nX-To: {echo}\r\nConnection: close\r\n\r\n"));
    assert_eq!(client.response().text(), "ping");
    let mut client = server.client();
    client.send("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello");
    assert!(client.through(b"\r\n\r\n").starts_with("HTTP/1.1 101 "));
    assert_eq!(text(&client.exactly(5)), "hello");
}

#[test]
fn a_guest_forks_itself() {
    let Some(guest) = guest() else { return };
    let (mut server, _) = start(guest, &["--allow-fork=4"]);
    for _ in 0..2 {
        assert_eq!(server.get("/fork").text(), "child: hi");
        assert_eq!(server.line(), "CHILD 0");
    }
    let (server, _) = start(guest, &[]);
    assert_eq!(server.get("/fork").status, 500, "it needs a grant");
    server.signal("TERM");
    assert!(server.end().err.contains("EACCES"));
}

#[test]
fn timers_come_in_their_order() {
    let Some(guest) = guest() else { return };
    let ended = with_words(guest, &["timers"]);
    assert_eq!((ended.code, ended.out.trim()), (Some(0), "first second third"), "{}", ended.err);
}

#[test]
fn a_denial_names_the_grant() {
    let Some(guest) = guest() else { return };
    let ended = with_words(guest, &["denied"]);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert!(lines[0].starts_with("EACCES: ") && lines[0].contains("--allow-net=127.0.0.1:1"), "{}", ended.out);
    assert_eq!(lines[1], "EINVAL");
}

/// A port that was free a moment ago.
fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// Whoever answers as the example says it does.
fn try_out(example: &str, mut server: Server, port: u16) {
    assert!(server.line().to_lowercase().contains("server"), "{example} says where it listens");
    server.port = port;
    let mut client = server.client();
    if example == "hello" {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.response().text(), "Hello World\n");
    } else {
        let bytes = vec![b'e'; 400_000];
        client.send(&bytes);
        assert!(client.exactly(bytes.len()) == bytes, "what was sent comes back");
    }
    server.signal("TERM");
    server.end();
}

#[test]
fn the_examples_in_c_serve() {
    for example in ["hello", "echo"] {
        let port = port();
        let file = source(&format!("guest-sdk/c/examples/{example}.c"));
        let module = build_c(&file, &folder(), &format!("PORT={port}"));
        try_out(example, Server::spawn(skep().arg("run").arg(module)), port);
    }
}

#[test]
fn the_examples_in_rust_serve() {
    let Some(compiler) = compilers().first() else { return };
    for example in ["hello", "echo"] {
        let port = port();
        let module = compiler.build(&source(&format!("guest-sdk/examples/{example}.rs")), &folder());
        try_out(example, Server::spawn(skep().arg("run").arg(module).arg(port.to_string())), port);
    }
}

#[test]
fn a_guest_in_rust_is_called_by_a_program() {
    let Some(guest) = guest() else { return };
    // Of what has been restored the timer is set with this host.
    answers_calls(guest, |runtime, guest| {
        assert!(failed(runtime, guest, "later", json!(1)).contains("no answer"));
        assert_eq!(failed(runtime, guest, "ask", json!("no, at length")), "Error: ".to_owned() + &"no".repeat(50_000));
    });
}

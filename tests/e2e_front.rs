//! What stands in front of tenants: proxies that tell who a connection is from, lines that scripts are told of a request's
//! way, TLS that ends before them, and fronts that come and go with the configuration. It must not know how heads are kept.
mod support;
#[path = "support/tls.rs"]
mod tls;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use support::serve::{Hive, tenants};
use support::{Client, DEADLINE, Server, file, free_port};
use tls::{OWN, certify, veil};

/// Says what it knows of a request's way.
const TELLS: &str = "require('http').createServer((req, res) => {
    const { remoteAddress, remotePort, encrypted, servername } = req.socket;
    const told = Object.fromEntries(Object.entries(req.headers).filter(([name]) => /forwarded|real-ip|traceparent/.test(name)));
    res.end(JSON.stringify({ remoteAddress, remotePort, encrypted: String(encrypted), servername: String(servername), told,
      raw: req.rawHeaders.length }));
  }).listen(80);";

fn serve(place: &Path, words: &[&str]) -> Server {
    Hive::configured(place, words).server
}

fn place(config: &str) -> PathBuf {
    tenants(&[("skep.toml", config), ("a/index.js", TELLS)])
}

const ASK: &str = "GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n";

fn told<S: Read + Write>(client: &mut Client<S>) -> serde_json::Value {
    let response = client.response();
    serde_json::from_str(&response.text())
        .unwrap_or_else(|error| panic!("{error}: {} {}", response.status, response.text()))
}

fn v2(body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16).to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..], &length, body].concat()
}

#[test]
fn a_proxy_tells_who_it_is() {
    let server = serve(&place("listen = '127.0.0.1:0'\nproxy_protocol = true\n"), &[]);
    for slow in [false, true] {
        let mut client = server.client();
        let all = format!("PROXY TCP4 192.0.2.7 10.0.0.1 12345 80\r\n{ASK}");
        if slow {
            all.bytes().for_each(|byte| client.send([byte]))
        } else {
            client.send(&all)
        }
        for _ in 0..2 {
            let answer = told(&mut client);
            assert_eq!((&answer["remoteAddress"], &answer["remotePort"]), (&"192.0.2.7".into(), &12345.into()));
            assert_eq!(answer["encrypted"], "undefined");
            client.send(ASK);
        }
    }
    let mut client = server.client();
    let tls = [&[1, 187, 0, 80][..], &[0x20, 0, 5, 1, 0, 0, 0, 0], &[2, 0, 9], b"A.Example"].concat();
    client.send([v2(&[&[192, 0, 2, 9, 10, 0, 0, 1][..], &tls].concat()), ASK.into()].concat());
    let answer = told(&mut client);
    assert_eq!((&answer["remoteAddress"], &answer["remotePort"]), (&"192.0.2.9".into(), &443.into()));
    assert_eq!((&answer["encrypted"], &answer["servername"]), (&"true".into(), &"a.example".into()));
    // What the proxy asks for itself is its own.
    let mut client = server.client();
    client.send([&b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"[..], ASK.as_bytes()].concat());
    assert_eq!(told(&mut client)["remoteAddress"], "127.0.0.1");
}

#[test]
fn whoever_does_not_begin_as_a_proxy_is_not_served() {
    let server = serve(&place("listen = '127.0.0.1:0'\nproxy_protocol = '127.0.0.1:0'\n"), &[]);
    let lies = [
        ASK.to_owned(),
        format!("PROXY TCP4 192.0.2.7 10.0.0.1 99999 80\r\n{ASK}"),
        format!("PROXY UNKNOWN{}\r\n{ASK}", " x".repeat(100)),
        "\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c............".to_owned(),
        "PROXY TCP4 192.0.2.7".to_owned(),
    ];
    for lie in lies {
        let mut socket = TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
        socket.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
        let _reset = socket.write_all(lie.as_bytes());
        let _reset = socket.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _reset = socket.read_to_end(&mut answer);
        assert!(answer.is_empty(), "{lie:?} is answered {:?}", String::from_utf8_lossy(&answer));
    }
    let mut client = server.client();
    client.send(format!("PROXY UNKNOWN\r\n{ASK}"));
    assert_eq!(told(&mut client)["remoteAddress"], "127.0.0.1", "others are served");
}

#[test]
fn without_the_flag_a_header_is_a_bad_request_and_says_nothing() {
    let server = serve(&place("listen = '127.0.0.1:0'\n"), &[]);
    let mut client = server.client();
    client.send(format!("PROXY TCP4 192.0.2.7 10.0.0.1 12345 80\r\n{ASK}"));
    assert_eq!(client.response().status, 400);
}

#[test]
fn a_port_of_its_own_has_a_proxy_too() {
    let port = free_port();
    let place = place("listen = '127.0.0.1:0'\n");
    let raw = "require('net').createServer((socket) => socket.on('data', (data) => socket.end(socket.remoteAddress + ' ' + data))).listen(1);";
    file(&place, "raw/index.js", raw);
    file(&place, "raw/skep.toml", &format!("port = {port}\n"));
    let mut server = serve(&place, &["--proxy-protocol"]);
    while !server.line().starts_with("skep: 2 tenants") {}
    let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    socket.write_all(b"PROXY TCP6 2001:db8::7 ::1 1 2\r\nhello").expect("it reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    assert_eq!(answer, "2001:db8::7 hello");
}

#[test]
fn a_requests_way_is_told_and_nobody_is_believed() {
    let server = serve(&place("listen = '127.0.0.1:0'\n"), &["--forwarded"]);
    let lies =
        "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n";
    let mut client = server.client();
    client.send(format!("GET / HTTP/1.1\r\nHost: a.localhost:81\r\n{lies}\r\n"));
    let answer = told(&mut client);
    let expected = serde_json::json!({
        "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http", "x-forwarded-host": "a.localhost:81",
    });
    assert_eq!((&answer["told"], &answer["raw"]), (&expected, &8.into()));
    // With a body, in pieces, pipelined: what frames the message is untouched.
    for _ in 0..3 {
        client.send(format!("POST / HTTP/1.1\r\nHost: a.localhost\r\n{lies}Content-Length: 3\r\n\r\nabc{ASK}"));
    }
    for _ in 0..6 {
        assert_eq!(told(&mut client)["told"]["x-forwarded-for"], "127.0.0.1");
    }
}

#[test]
fn a_proxys_word_counts_where_it_is_trusted() {
    let server = serve(&place("listen = '127.0.0.1:0'\nforwarded = 'trust'\nproxy_protocol = true\n"), &[]);
    let mut client = server.client();
    client.send("PROXY TCP4 192.0.2.7 10.0.0.1 12345 80\r\n");
    client.send(
        "GET / HTTP/1.1\r\nHost: a.localhost\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n",
    );
    let expected = serde_json::json!({
        "x-forwarded-for": "203.0.113.9, 192.0.2.7", "x-forwarded-proto": "https", "x-forwarded-host": "a.localhost",
    });
    assert_eq!(told(&mut client)["told"], expected);
}

#[test]
fn without_a_flag_heads_are_as_they_were_sent() {
    let server = serve(&place("listen = '127.0.0.1:0'\n"), &[]);
    let mut client = server.client();
    client.send("GET / HTTP/1.1\r\nHost: a.localhost\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
    assert_eq!(told(&mut client)["told"], serde_json::json!({ "x-forwarded-for": "6.6.6.6" }));
}

#[test]
fn a_script_knows_of_tls_in_front_of_it_with_a_proxy_and_without() {
    let place = place("https = '127.0.0.1:0'\nforwarded = true\n");
    let root = certify(&place.join("a"), "a.localhost");
    file(&place, "a/skep.toml", OWN);
    for words in [&[][..], &["--proxy-protocol"]] {
        let server = serve(&place, words);
        let mut client = server.client();
        if !words.is_empty() {
            client.send("PROXY TCP4 192.0.2.7 10.0.0.1 12345 80\r\n");
        }
        let mut tls = veil(client.stream, std::slice::from_ref(&root), "a.localhost").expect("it is trusted");
        let from = if words.is_empty() { "127.0.0.1" } else { "192.0.2.7" };
        for _ in 0..2 {
            tls.send(ASK);
            let answer = told(&mut tls);
            assert_eq!((&answer["encrypted"], &answer["servername"]), (&"true".into(), &"a.localhost".into()));
            assert_eq!(
                (&answer["remoteAddress"], &answer["told"]["x-forwarded-proto"]),
                (&from.into(), &"https".into())
            );
        }
    }
}

#[test]
fn fronts_come_and_go_with_the_configuration() {
    let free = || SocketAddr::from(([127, 0, 0, 1], free_port()));
    let [first, second, taken] = [free(), free(), free()];
    let place = place(&format!("listen = '{first}'\n"));
    file(
        &place,
        "b/index.js",
        "require('http').createServer((q, s) => { console.log('begun'); q.on('data', (d) => s.end('got ' + d)); }).listen(80);",
    );
    let mut server = serve(&place, &[]);
    let wait_for = |server: &mut Server, word: &str| loop {
        let line = server.line();
        if line.contains(word) {
            return line;
        }
    };
    let connect = |at: SocketAddr| TcpStream::connect(at);
    let mut old = server.client();
    old.send(ASK);
    old.response();
    // One more: both are there.
    file(&place, "skep.toml", &format!("listen = ['{first}', '{second}']\n"));
    server.signal("HUP");
    assert!(wait_for(&mut server, "listening on").ends_with(&second.to_string()));
    assert!(connect(first).is_ok() && connect(second).is_ok());
    // One that cannot be opened: everything stays.
    let _taken = TcpListener::bind(taken).expect("it was free");
    file(&place, "skep.toml", &format!("listen = ['{taken}', '{second}']\n"));
    server.signal("HUP");
    wait_for(&mut server, "fronts stay as they were");
    assert!(connect(first).is_ok(), "nothing is closed");
    // A request that is under way when its front goes is answered.
    file(
        &place,
        "b/index.js",
        "require('http').createServer((q, s) => { console.log('begun'); q.on('data', (d) => s.end('got ' + d)); }).listen(80);",
    );
    let mut slow = server.client();
    slow.send("POST / HTTP/1.1\r\nHost: b.localhost\r\nContent-Length: 1\r\n\r\n");
    wait_for(&mut server, "b: begun");
    file(&place, "skep.toml", &format!("listen = '{second}'\n"));
    server.signal("HUP");
    while connect(first).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    slow.send("x");
    assert_eq!(slow.response().text(), "got x");
    assert!(connect(second).is_ok());
}

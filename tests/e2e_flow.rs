//! Bodies, connections and time: large bodies both ways, who waits for whom, clients that vanish, closing, limits and
//! timeouts. Timeouts are set as small as a busy machine allows; no test depends on how long anything takes.
mod support;

use std::io::{Read as _, Write as _};
use std::thread;
use support::{Client, Server, eventually, many_descriptors, skep, text};

const MIB: usize = 1 << 20;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// FNV-1a, also in the script.
fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Bytes that no shifted copy of equals.
fn pattern(size: usize) -> Vec<u8> {
    let mut state = 1u32;
    (0..size)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

const HASHING: &str = "function fnv(hash, d) { for (var i = 0; i < d.length; i++) hash = Math.imul(hash ^ d[i], 0x01000193); return hash; }
function made(size) { var state = 1, b = Buffer.alloc(size);
  for (var i = 0; i < size; i++) { state = (Math.imul(state, 1664525) + 1013904223) | 0; b[i] = state >>> 24; } return b; }
";

#[test]
fn a_megabyte_goes_both_ways_unharmed() {
    let server = Server::start(&format!(
        "{HASHING} var body = made(1 << 20); serve(function (req, res) {{
      var hash = 0x811c9dc5 | 0, n = 0;
      req.on('data', function (d) {{ hash = fnv(hash, d); n += d.length; }});
      req.on('end', function () {{ res.setHeader('X-Hash', hash >>> 0); res.setHeader('X-Count', n);
        if (req.url === '/chunks') for (var i = 0; i < body.length; i += 10007) res.write(body.subarray(i, i + 10007));
        res.end(req.url === '/chunks' ? undefined : body); }});
    }});"
    ));
    let body = pattern(MIB);
    let mut client = server.client();
    for (path, framing) in
        [("/whole", format!("Content-Length: {MIB}")), ("/chunks", "Transfer-Encoding: chunked".to_owned())]
    {
        client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n"));
        if path == "/whole" {
            client.send(&body);
        } else {
            for piece in body.chunks(12_345) {
                client.send(format!("{:x}\r\n", piece.len()));
                client.send(piece);
                client.send("\r\n");
            }
            client.send("0\r\n\r\n");
        }
        let response = client.response();
        assert_eq!(response.field("x-count"), Some(MIB.to_string().as_str()));
        assert_eq!(response.field("x-hash"), Some(hash(&body).to_string().as_str()));
        assert!(response.body == body, "{path}: the same bytes back");
    }
}

#[test]
fn a_hundred_megabytes_up_and_down_leave_memory_flat() {
    let server = Server::start("var piece = Buffer.alloc(65536, 'x'); serve(function (req, res) {
      if (req.method === 'POST') { var n = 0; req.on('data', function (d) { n += d.length; }); return req.on('end', function () { res.end(String(n)); }); }
      var left = 1600;
      (function more() { while (left-- > 0) if (!res.write(piece)) return res.once('drain', more); res.end(); })();
    });");
    let mut client = server.client();
    client.send(get("/"));
    assert_eq!(client.response().body.len(), 1600 * 65536);
    let before = server.rss();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 100 * MIB));
    let piece = vec![b'y'; MIB];
    for _ in 0..100 {
        client.send(&piece);
    }
    assert_eq!(client.response().text(), (100 * MIB).to_string());
    client.send(get("/"));
    assert_eq!(client.response().body.len(), 1600 * 65536);
    assert!(server.rss() < before + (16 << 10), "{before} KiB became {} KiB", server.rss());
}

#[test]
fn h04_a_reader_that_stops_stops_the_sender() {
    let mut server = Server::start("var piece = Buffer.alloc(65536, 'x'); serve(function (req, res) {
      var sent = 0;
      (function more() { for (;;) { sent++; if (!res.write(piece)) break; } res.once('drain', more); console.log('waits'); })();
      if (req.url === '/tell') setInterval(function () { console.log('sent ' + sent); }, 20);
    });");
    let mut client = server.client();
    client.send(get("/tell"));
    let mut sent = Vec::new();
    // Twenty looks at the same number: nothing goes any more.
    while sent.len() < 20 || sent[sent.len() - 20..].windows(2).any(|pair| pair[0] != pair[1]) {
        if let Some(number) = server.line().strip_prefix("sent ") {
            sent.push(number.parse::<usize>().expect("a number"));
        }
    }
    assert!(sent.last().expect("twenty") * 65536 < 32 * MIB, "the kernel's buffers and a little more: {sent:?}");
    let before = server.rss();
    let mut buffer = vec![0; MIB];
    for _ in 0..64 {
        client.stream.read_exact(&mut buffer).expect("it goes on when it is read");
    }
    assert!(server.rss() < before + (16 << 10));
}

#[test]
fn what_a_kernel_would_take_is_drained_on_the_next_tick() {
    let server = Server::start(
        "serve(function (req, res) {
      var told = [], turn = 0;
      setImmediate(function () { turn++; });
      function next() {
        told.push(turn, res.write(Buffer.alloc(65536)), res.writableNeedDrain);
        if (told.length < 12) return res.once('drain', next);
        res.addTrailers({told: told.slice(0, 9).join()}); res.end();
      }
      next();
    });",
    );
    let mut client = server.client();
    client.send(get("/"));
    let response = client.response();
    assert_eq!(response.body.len(), 4 * 65536);
    // The third chunk is more than a turn takes, so its 'drain' is the host's, and comes when it can.
    assert_eq!(response.trailers.trim(), "told: 0,false,true,0,false,true,0,false,true");
}

#[test]
fn who_writes_to_a_corked_response_is_told_to_wait() {
    let server = Server::start(
        "serve(function (req, res) {
      var pieces = 0, text = 'x'.repeat(4096), told = [];
      function write() { do pieces++; while (res.write(pieces % 2 ? text : Buffer.from(text)) && pieces < 1000); }
      res.cork(); write();
      told.push(pieces, res.writableNeedDrain);
      res.once('drain', function () {
        told.push(res.writableCorked);
        res.cork(); write(); told.push(pieces);
        res.addTrailers({told: told.join()}); res.end();
      });
      setImmediate(function () { res.uncork(); });
    });",
    );
    let mut client = server.client();
    client.send(get("/"));
    let response = client.response();
    assert_eq!(response.body.len(), 8 * 4096);
    assert_eq!(response.trailers.trim(), "told: 4,true,0,8");
}

#[test]
fn h06_a_script_that_does_not_read_stops_the_client() {
    let mut server = Server::start("var kept; serve(function (req, res) {
      if (req.url === '/go') { kept.req.resume(); kept.req.on('end', function () { kept.res.end('at last'); }); return res.end(); }
      kept = {req: req, res: res}; console.log('has it');
    });");
    let size = 64 * MIB;
    let mut client = server.client();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"));
    server.until("has it");
    let before = server.rss();
    client.stream.set_nonblocking(true).expect("an option");
    let piece = vec![b'x'; 65536];
    let (mut sent, mut refused) = (0, 0);
    while refused < 50 && sent < size {
        match client.stream.write(&piece[..piece.len().min(size - sent)]) {
            Ok(count) => (sent, refused) = (sent + count, 0),
            Err(_) => {
                refused += 1;
                thread::sleep(std::time::Duration::from_millis(2));
            }
        }
    }
    assert!(sent < 32 * MIB, "the kernel's buffers and a little more");
    assert!(server.rss() < before + (4 << 10));
    client.stream.set_nonblocking(false).expect("an option");
    assert_eq!(server.get("/go").status, 200);
    for rest in vec![b'x'; size - sent].chunks(MIB) {
        client.send(rest);
    }
    assert_eq!(client.response().text(), "at last");
}

const COUNTING: &str = "var aborted = 0; var s = serve(function (req, res) {
  if (req.url === '/count') return s.getConnections(function (e, n) { res.end(JSON.stringify([n, aborted])); });
  req.on('aborted', function () { aborted++; });
  req.on('close', function () { console.log('req close'); });
  res.on('close', function () { console.log('res close ' + res.writableFinished); });
  req.resume();
  if (req.url === '/stream') (function more() { if (!res.destroyed) { res.write('x'.repeat(1000)); setTimeout(more, 1); } })();
  console.log('has it');
});";

#[test]
fn a_client_that_vanishes_is_told_to_the_script_and_leaks_nothing() {
    let mut server = Server::start(COUNTING);
    assert_eq!(server.get("/count").text(), "[1,0]");
    eventually("the first connection is gone", || server.get("/count").text() == "[1,0]");
    let fds = server.fds();
    let requests =
        ["POST /part HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc".to_owned(), get("/waits"), get("/stream")];
    for request in &requests {
        for rude in [false, true] {
            let mut client = server.client();
            client.send(request);
            server.until("has it");
            if rude {
                rustix_linger(&client);
            }
            drop(client);
            let told = [server.line(), server.line()];
            assert!(
                told.contains(&"req close".to_owned()) && told.contains(&"res close false".to_owned()),
                "{request:?}: {told:?}"
            );
        }
    }
    eventually("connections return", || server.get("/count").text() == "[1,2]");
    eventually("descriptors return", || server.fds() <= fds);
}

/// Makes the close that follows a reset.
fn rustix_linger(client: &Client) {
    use std::os::fd::AsFd as _;
    rustix::net::sockopt::set_socket_linger(client.stream.as_fd(), Some(std::time::Duration::ZERO)).expect("an option");
}

#[test]
fn an_abort_storm_leaves_no_connection_behind_cve_2021_22930() {
    let server = Server::start(
        "var s = serve(function (req, res) {
      if (req.url === '/count') return s.getConnections(function (e, n) { res.end(String(n)); });
      res.write('x'); setTimeout(function () { res.end('y'); }, Math.random() * 5);
    });",
    );
    let fds = server.fds();
    for round in 0..300 {
        let mut client = server.client();
        let whole = format!("{}POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde", get("/x"));
        client.send(&whole.as_bytes()[..1 + round * 7 % whole.len()]);
        if round % 2 == 0 {
            rustix_linger(&client);
        }
    }
    eventually("connections return", || server.get("/count").text() == "1");
    eventually("descriptors return", || server.fds() <= fds);
}

#[test]
fn n_1000_connections_are_served_at_once() {
    many_descriptors();
    let server = Server::start(
        "var s = serve(function (req, res) { s.getConnections(function (e, n) { res.end(req.url + ' ' + n); }); });",
    );
    let fds = server.fds();
    let mut clients: Vec<Client> = (0..1000).map(|_| server.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(get(&format!("/{number}")));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        assert!(client.response().text().starts_with(&format!("/{number} ")));
    }
    clients[0].send(get("/"));
    assert_eq!(clients[0].response().text(), "/ 1000");
    drop(clients);
    eventually("descriptors return", || server.fds() <= fds);
}

#[test]
fn close_stops_accepting_and_ends_when_the_last_response_is_out() {
    let mut server = Server::start("var s = serve(function (req, res) {
      if (req.url === '/close') { s.close(function (e) { console.log('closed ' + e); s.close(function (e) { console.log(e.code); }); }); s.on('close', function () { console.log('event'); }); }
      if (req.url === '/slow') { console.log('slow'); return setTimeout(function () { res.end('slow'); }, 30); }
      res.end('ok');
    });");
    let (mut idle, mut slow, mut closer) = (server.client(), server.client(), server.client());
    idle.send(get("/"));
    assert_eq!(idle.response().text(), "ok");
    slow.send(get("/slow"));
    server.until("slow");
    closer.send(get("/close"));
    // As in Node, the answers say nothing of it. What is idle then is closed at once, where Node waits for its time-out.
    assert_eq!(closer.response().field("connection"), Some("keep-alive"));
    assert!(closer.is_closed());
    assert!(idle.is_closed(), "idle connections are closed with the server, as in Node 19 and later");
    let response = slow.response();
    assert_eq!((response.text().as_str(), response.field("connection")), ("slow", Some("keep-alive")));
    assert!(slow.is_closed());
    let port = server.port;
    assert_eq!(server.line(), "closed undefined");
    assert_eq!(
        [server.line(), server.line(), server.line()],
        ["event", "event", "ERR_SERVER_NOT_RUNNING"],
        "Node tells it twice"
    );
    let end = server.end();
    assert_eq!((end.code, end.err.as_str()), (Some(0), ""), "nothing is left: the program ends");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn close_idle_and_close_all_connections_do_what_they_say() {
    let mut server = Server::start(
        "var s = serve(function (req, res) {
      if (req.url === '/idle') { s.closeIdleConnections(); return res.end('idle'); }
      if (req.url === '/all') return s.closeAllConnections();
      if (req.url === '/wait') { res.on('close', function () { console.log('lost'); }); return console.log('waits'); }
      res.end('ok');
    });",
    );
    let (mut idle, mut waits, mut other) = (server.client(), server.client(), server.client());
    idle.send(get("/"));
    assert_eq!(idle.response().text(), "ok");
    waits.send(get("/wait"));
    server.until("waits");
    other.send(get("/idle"));
    assert_eq!(other.response().text(), "idle");
    assert!(idle.is_closed());
    other.send(get("/all"));
    assert!(other.is_closed() && waits.is_closed());
    server.until("lost");
    assert_eq!(server.get("/").text(), "ok", "the server itself goes on");
}

#[test]
fn time_cve_2018_12122_and_2019_5737_late_heads_are_408() {
    let server = Server::start("serve(function (req, res) { res.end('ok'); }).headersTimeout = 1000;");
    for before in ["", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: "] {
        let answer = server.exchange(before);
        assert_eq!(answer, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n", "{before:?}");
    }
    let mut client = server.client();
    client.send(format!("{}GET / HT", get("/")));
    assert_eq!(client.response().text(), "ok");
    assert!(text(&client.to_end()).starts_with("HTTP/1.1 408 "), "the second head on a connection is timed as well");
    // Slowloris: each byte comes in time, the head never does.
    let mut client = server.client();
    let mut sent = 0;
    while sent < 10_000 && client.try_send("x") {
        sent += 1;
        thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(sent < 10_000);
    assert_eq!(server.get("/").text(), "ok");
}

#[test]
fn time_headers_timeout_does_not_strike_while_answers_are_due() {
    let server = Server::start(
        "var s = serve(function (req, res) { setTimeout(function () { res.end(req.url); }, req.url === '/0' ? 2500 : 0); }); s.headersTimeout = 1000;",
    );
    let mut client = server.client();
    client.send((0..100).map(|number| get(&format!("/{number}"))).collect::<String>());
    for number in 0..100 {
        assert_eq!(
            client.response().text(),
            format!("/{number}"),
            "more requests than are read ahead waited with us, not with the client"
        );
    }
}

#[test]
fn time_cve_2020_8251_bodies_that_never_end_are_408() {
    let mut server = Server::start("var s = serve(function (req, res) {
      req.resume(); req.on('aborted', function () { console.log('aborted'); }); req.on('end', function () { res.end('ok'); });
      req.on('error', function (e) { console.log(e.code); });
    }); s.requestTimeout = 1000; s.headersTimeout = 1000;");
    for part in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let answer = server.exchange(part);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
        assert_eq!([server.line(), server.line()], ["aborted", "ECONNRESET"]);
    }
    assert_eq!(server.get("/").text(), "ok");
}

#[test]
fn time_cve_2019_5739_idle_connections_are_closed() {
    let server = Server::start(
        "var s = serve(function (req, res) { res.end('ok'); }); s.keepAliveTimeout = 20; s.keepAliveTimeoutBuffer = 1;",
    );
    let mut clients: Vec<Client> = (0..50).map(|_| server.client()).collect();
    for client in &mut clients {
        client.send(get("/"));
        assert_eq!(client.response().text(), "ok");
    }
    for client in &mut clients {
        assert!(client.is_closed(), "without a word");
    }
    let server = Server::start(
        "var s = http.createServer(function (req, res) { res.end('ok'); }); s.keepAliveTimeout = 7000; up(s);",
    );
    let mut client = server.client();
    client.send(get("/"));
    assert_eq!(client.response().field("keep-alive"), Some("timeout=7"));
}

#[test]
fn time_server_timeout_is_for_silence_and_the_script_may_take_it() {
    let server = Server::start("var s = serve(function (req, res) { res.write('x'); }); s.setTimeout(1000);");
    let mut client = server.client();
    client.send(get("/"));
    let all = text(&client.to_end());
    assert!(all.starts_with("HTTP/1.1 200 ") && all.ends_with("1\r\nx\r\n"), "cut in the middle: {all:?}");
    let mut server = Server::start(
        "var s = serve(function (req, res) { res.write('x'); });
      s.setTimeout(1000, function (socket) { console.log('timeout ' + (socket.remotePort > 0)); socket.destroy(); });",
    );
    let mut client = server.client();
    client.send(get("/"));
    assert!(text(&client.to_end()).ends_with("1\r\nx\r\n"));
    assert_eq!(server.line(), "timeout true");
}

#[test]
fn limit_max_requests_per_socket_says_so_and_answers_503() {
    let server = Server::start("var s = serve(function (req, res) { res.end('ok'); }); s.maxRequestsPerSocket = 2;");
    let mut client = server.client();
    client.send(get("/").repeat(3));
    let (first, second, third) = (client.response(), client.response(), client.response());
    assert_eq!((first.status, first.field("keep-alive")), (200, Some("timeout=5, max=2")));
    assert_eq!((second.status, second.field("connection")), (200, Some("close")));
    assert_eq!(third.status, 503);
    assert!(client.is_closed());
}

#[test]
fn limit_max_connections_drops_what_is_too_much() {
    let server = Server::start(
        "var s = http.createServer(function (req, res) { res.end('ok'); }); s.maxConnections = 2; up(s);",
    );
    let mut first = server.client();
    let mut second = server.client();
    for client in [&mut first, &mut second] {
        client.send(get("/"));
        assert_eq!(client.response().text(), "ok");
    }
    assert!(server.client().is_closed());
    drop(first);
    eventually("a place is free again", || {
        let mut client = server.client();
        client.try_send(get("/")) && client.read_head().is_some()
    });
}

impl Client {
    /// A response's head, if one comes.
    fn read_head(&mut self) -> Option<String> {
        let mut bytes = [0; 4096];
        let count = self.stream.read(&mut bytes).unwrap_or(0);
        Some(text(&bytes[..count])).filter(|head| head.starts_with("HTTP/1.1 200"))
    }
}

#[test]
fn n04_a_port_in_use_is_eaddrinuse() {
    let server = Server::start("serve(function (req, res) { res.end('ok'); });");
    let code = format!("var s = require('http').createServer();
      s.on('error', function (e) {{ console.log(e.code, e.syscall, e.port === {0}, e.message); }}); s.listen({0}, '127.0.0.1');", server.port);
    let done = support::run(&code);
    assert_eq!(
        (done.code, done.out),
        (
            Some(0),
            format!("EADDRINUSE listen true listen EADDRINUSE: address already in use 127.0.0.1:{}\n", server.port)
        )
    );
    let done = support::run(&format!("require('http').createServer().listen({}, '127.0.0.1');", server.port));
    assert_eq!(done.code, Some(1), "without a listener it is an uncaught exception");
    assert!(done.err.contains("EADDRINUSE"), "{}", done.err);
    assert_eq!(server.get("/").text(), "ok");
}

#[test]
fn h01_without_descriptors_connections_are_shed_and_served_again() {
    let folder = support::folder();
    let code = "var http = require('http'); var s = http.createServer(function (req, res) { res.end('ok'); });
      s.listen(0, '127.0.0.1', function () { console.log('PORT ' + s.address().port); });";
    let path = support::file(&folder, "main.js", code);
    let program = skep();
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "ulimit -n 48 && exec \"$0\" run \"$1\""])
        .arg(program.get_program())
        .arg(path)
        .stdin(std::process::Stdio::null());
    command.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let server = Server::launch(&mut command);
    let mut first = server.client();
    first.send(get("/"));
    assert_eq!(first.response().text(), "ok");
    let mut many: Vec<Client> = (0..100).map(|_| server.client()).collect();
    let told = many
        .iter_mut()
        .filter_map(|client| {
            let _may_be_reset = client.try_send(get("/"));
            client.read_head()
        })
        .count();
    assert!((10..60).contains(&told), "{told} served, the others reset at once");
    first.send(get("/"));
    assert_eq!(first.response().text(), "ok", "who was there is not touched");
    drop(many);
    eventually("new clients are served again", || {
        let mut client = server.client();
        client.try_send(get("/")) && client.read_head().is_some()
    });
    rests(&server);
}

/// It has, sooner or later, half a second without any work.
fn rests(server: &Server) {
    eventually("it rests", || {
        let ticks = server.ticks();
        thread::sleep(std::time::Duration::from_millis(500));
        server.ticks() == ticks
    });
}

#[test]
fn a_process_that_waits_for_clients_uses_no_cpu() {
    let server = Server::start("serve(function (req, res) { res.end('ok'); }); setTimeout(function () {}, 1e8);");
    let _idle: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = server.client();
            client.send(get("/"));
            client.response();
            client
        })
        .collect();
    rests(&server);
}

#[test]
fn a_server_given_other_streams_speaks_http_on_them() {
    let server = Server::start(
        "var net = require('net');
      var s = http.createServer(function (req, res) {
        var n = 0; req.on('data', function (d) { n += d.length; });
        req.on('end', function () { res.end(req.url + ' ' + n + (req.url === '/big' ? 'x'.repeat(1 << 20) : '')); });
      });
      up(net.createServer(function (socket) { s.emit('connection', socket); }));",
    );
    let mut client = server.client();
    client.send(get("/a").repeat(2));
    assert_eq!(client.response().text(), "/a 0");
    assert_eq!(client.response().text(), "/a 0");
    client.send(format!("POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: {MIB}\r\n\r\n{}", "y".repeat(MIB)));
    assert_eq!(client.response().body.len(), MIB + 12);
    assert_eq!(server.get("/last").text(), "/last 0", "Connection: close ends it after the answer");
    assert!(server.exchange("BAD\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

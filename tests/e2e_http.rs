//! HTTP/1.1 as a client sees it: the bytes of responses, framing both ways, and what leaves HTTP. What a script
//! sees is looked at through what it answers.
mod support;

use support::{Client, Server, text};

const HELLO: &str = "serve(function (req, res) {
  res.writeHead(200, {'Content-Type': 'text/plain'});
  res.end('Hello World\\n');
});";

/// A Date value's place, so that heads can be compared whole.
fn dateless(head: &str) -> String {
    let lines = head.lines().map(|line| if line.starts_with("Date: ") { "Date: -" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn hello_has_the_bytes_of_node() {
    let server = Server::start(HELLO);
    let mut client = server.client();
    client.send(get("/"));
    let whole = client.through(b"0\r\n\r\n");
    let (head, body) = whole.split_once("\r\n\r\n").expect("a head");
    assert_eq!(
        dateless(head),
        "HTTP/1.1 200 OK\nContent-Type: text/plain\nDate: -\nConnection: keep-alive\nKeep-Alive: timeout=5\nTransfer-Encoding: chunked"
    );
    let date = head.lines().find_map(|line| line.strip_prefix("Date: ")).expect("a date");
    assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
    assert_eq!(body, "c\r\nHello World\n\r\n0\r\n\r\n");
}

#[test]
fn the_script_of_the_mission_runs_as_it_is_but_for_its_port() {
    let code = include_str!("../examples/hello.js").replace("1337, ", "0, ");
    let code = format!("var http0 = require('http'), create = http0.createServer;
      http0.createServer = function (f) {{ var s = create(f); s.on('listening', function () {{ console.log('PORT ' + s.address().port); }}); return s; }};
      console.real = console.log; console.log = function (text) {{ if (/^PORT/.test(text)) console.real(text); }};\n{code}");
    let server = Server::start(&code);
    assert_eq!(server.get("/").text(), "Hello World\n");
}

#[test]
fn listen_takes_an_empty_host_for_any_address() {
    let server = Server::start(
        "var s = http.createServer(function (req, res) { res.end('ok'); });
      s.listen(0, '', function () { console.log('PORT ' + s.address().port); });",
    );
    assert_eq!(server.get("/").text(), "ok");
}

#[test]
fn an_implicit_head_announces_the_length() {
    let server = Server::start("serve(function (req, res) { res.setHeader('X-A', 'b'); res.end('four'); });");
    let response = server.client_get("/");
    assert_eq!(response.names(), ["X-A", "Date", "Connection", "Keep-Alive", "Content-Length"]);
    assert_eq!((response.field("content-length"), response.text().as_str()), (Some("4"), "four"));
}

impl Server {
    /// A GET that leaves the connection open.
    fn client_get(&self, path: &str) -> support::Response {
        let mut client = self.client();
        client.send(get(path));
        client.response()
    }
}

#[test]
fn one_connection_carries_many_requests_and_close_ends_it() {
    let server = Server::start("var n = 0; serve(function (req, res) { res.end(req.url + ' ' + ++n); });");
    let mut client = server.client();
    for number in 1..=50 {
        client.send(get("/x"));
        assert_eq!(client.response().text(), format!("/x {number}"));
    }
    client.send("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let last = client.response();
    assert_eq!(
        (last.text().as_str(), last.field("connection"), last.field("keep-alive")),
        ("/last 51", Some("close"), None)
    );
    assert!(client.is_closed());
}

#[test]
fn http_1_0_closes_unless_asked_to_keep_alive() {
    let server = Server::start(
        "serve(function (req, res) { if (req.url === '/length') res.setHeader('Content-Length', 3);
      if (req.url === '/written') { res.write('ab'); res.end('c'); } else res.end('abc'); });",
    );
    let plain = server.exchange("GET / HTTP/1.0\r\n\r\n");
    assert!(
        plain.starts_with("HTTP/1.1 200 OK\r\n")
            && plain.contains("Connection: close\r\n")
            && plain.ends_with("\r\n\r\nabc"),
        "{plain}"
    );
    let written = server.exchange("GET /written HTTP/1.0\r\n\r\n");
    assert!(
        !written.contains("chunked") && written.ends_with("\r\n\r\nabc"),
        "the end of the connection is the end of the body: {written}"
    );
    let mut client = server.client();
    for _ in 0..3 {
        client.send("GET /length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let response = client.response();
        assert_eq!((response.field("connection"), response.text().as_str()), (Some("keep-alive"), "abc"));
    }
}

#[test]
fn head_204_and_304_have_no_body_and_the_connection_goes_on() {
    let server = Server::start(
        "serve(function (req, res) {
      var status = +req.url.slice(1) || 200;
      if (status === 200) res.setHeader('Content-Length', 5);
      res.statusCode = status; res.write('12'); res.end('345');
    });",
    );
    let mut client = server.client();
    for (method, path, status) in
        [("HEAD", "/", 200), ("GET", "/204", 204), ("GET", "/304", 304), ("HEAD", "/404", 404), ("GET", "/", 200)]
    {
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let response = client.response_to(method);
        assert_eq!(response.status, status, "{method} {path}");
        if status == 204 || status == 304 {
            break;
        }
    }
    let mut client = server.client();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response_to("HEAD").field("content-length"), Some("5"));
    client.send(get("/"));
    assert_eq!(client.response().text(), "12345");
    for path in ["/204", "/304"] {
        let all = server.exchange(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
        assert!(all.ends_with("\r\n\r\n") && !all.contains("345"), "{all}");
    }
}

#[test]
fn a_long_stream_piped_into_a_head_response_ends() {
    let server = Server::start(
        "var Readable = require('stream').Readable;
      serve(function (req, res) { var n = 0;
        new Readable({ read: function () { this.push(n++ < 64 ? Buffer.alloc(16384, 'x') : null); } }).pipe(res); });",
    );
    let mut client = server.client();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response_to("HEAD").status, 200);
    client.send(get("/"));
    assert_eq!(client.response().body.len(), 64 * 16384, "the first response was over");
}

const ECHO: &str = "serve(function (req, res) {
  var parts = [];
  req.on('data', function (d) { parts.push(d); });
  req.on('end', function () {
    res.writeHead(200, {'X-Trailers': JSON.stringify(req.trailers), 'X-Raw': JSON.stringify(req.rawTrailers), 'X-Complete': String(req.complete)});
    res.end(req.method + ' ' + Buffer.concat(parts).toString());
  });
});";

#[test]
fn a_body_with_a_length_arrives_in_any_pieces() {
    let server = Server::start(ECHO);
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world");
    assert_eq!(client.response().text(), "POST hello world");
    for piece in b"PUT /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde".chunks(1) {
        client.send(piece);
    }
    let response = client.response();
    assert_eq!((response.text().as_str(), response.field("x-complete")), ("PUT abcde", Some("true")));
}

#[test]
fn a_chunked_body_arrives_with_its_trailers() {
    let server = Server::start(ECHO);
    let mut client = server.client();
    let message = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 42\r\nContent-Length: 7\r\n\r\n";
    client.send(message);
    let whole = client.response();
    assert_eq!(whole.text(), "POST hello world");
    assert_eq!(whole.field("x-trailers"), Some(r#"{"x-sum":"42"}"#), "Content-Length has no place in trailers (R14)");
    assert_eq!(whole.field("x-raw"), Some(r#"["X-Sum","42"]"#));
    for piece in message.as_bytes().chunks(3) {
        client.send(piece);
    }
    assert_eq!(client.response().text(), "POST hello world");
}

#[test]
fn trailers_and_writes_go_out_in_chunks() {
    let server = Server::start(
        "serve(function (req, res) {
      res.writeHead(200, {'Trailer': 'Content-MD5'});
      res.write('one'); res.write(''); res.write(Buffer.from('two'));
      res.addTrailers({'Content-MD5': 'abc'}); res.end('three');
    });",
    );
    let response = server.client_get("/");
    assert_eq!((response.text().as_str(), response.trailers.as_str()), ("onetwothree", "Content-MD5: abc\r\n"));
}

#[test]
fn a_stated_length_that_the_script_breaks_ends_the_connection() {
    let server = Server::start(
        "serve(function (req, res) {
      res.writeHead(200, {'Content-Length': 5});
      res.end(req.url === '/less' ? 'abc' : 'abcdefgh');
    });",
    );
    let less = server.exchange(get("/less"));
    assert!(less.ends_with("\r\n\r\nabc"), "closed early, so that the client knows: {less}");
    let more = server.exchange(format!("{}{}", get("/more"), get("/more")));
    assert!(
        more.ends_with("\r\n\r\nabcde") && more.matches("HTTP/1.1").count() == 1,
        "what is too much never reaches the wire: {more}"
    );
}

#[test]
fn pipe_a_hundred_requests_are_answered_in_order_however_slow_the_first() {
    let server = Server::start(
        "serve(function (req, res) {
      if (req.url === '/0') setTimeout(function () { setImmediate(function () { res.end('0'); }); }, 20);
      else if (req.url.slice(1) % 3) res.end(req.url.slice(1));
      else setImmediate(function () { res.write(req.url.slice(1)); res.end(); });
    });",
    );
    let mut client = server.client();
    client.send((0..100).map(|number| get(&format!("/{number}"))).collect::<String>());
    for number in 0..100 {
        assert_eq!(client.response().text(), number.to_string());
    }
}

#[test]
fn pipe_ten_thousand_requests_sent_without_reading_are_all_answered() {
    let server = Server::start(HELLO);
    let mut client = server.client();
    let mut writer = client.stream.try_clone().expect("a second handle");
    let sender = std::thread::spawn(move || std::io::Write::write_all(&mut writer, get("/").repeat(10_000).as_bytes()));
    for _ in 0..10_000 {
        assert_eq!(client.response().body, b"Hello World\n");
    }
    sender.join().expect("the sender ends").expect("the server takes all");
}

#[test]
fn pipe_posts_follow_each_other_without_a_pause() {
    let server = Server::start(ECHO);
    let mut client = server.client();
    let one = |number: usize| {
        let body = "x".repeat(number * 100);
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    client.send((0..80).map(one).collect::<String>());
    for number in 0..80 {
        assert_eq!(client.response().body.len(), 5 + number * 100);
    }
}

#[test]
fn pipe_a_bad_second_request_is_refused_after_the_first_answer() {
    let server = Server::start("serve(function (req, res) { setTimeout(function () { res.end('first'); }, 5); });");
    let all = server.exchange(format!("{}BAD REQUEST\r\n\r\n", get("/")));
    assert_eq!(all.matches("HTTP/1.1 ").count(), 2, "{all}");
    assert!(all.contains("first") && all.ends_with("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"), "{all}");
}

#[test]
fn a_client_that_has_shut_its_side_down_gets_what_is_answered_at_once() {
    let mut server = Server::start(
        "serve(function (req, res) {
           res.on('close', function () { if (!res.writableFinished) console.log('cut ' + req.url); });
           if (req.url === '/never') return;
           Promise.resolve().then(function () { for (var end = Date.now() + 50; Date.now() < end;); res.end('at once'); });
         });",
    );
    let mut client = server.client();
    client.send(format!("{}{}", get("/"), get("/")));
    client.half_close();
    assert_eq!(text(&client.to_end()).matches("at once").count(), 2);
    let mut client = server.client();
    client.send(format!("{}{}", get("/"), get("/never")));
    client.half_close();
    assert_eq!(text(&client.to_end()).matches("HTTP/1.1 200").count(), 1);
    server.until("cut /never");
}

#[test]
fn a_client_that_has_shut_its_side_down_gets_its_answers_where_the_script_allows_it() {
    let server = Server::start(
        "serve(function (req, res) {
           var wait = { '/late': 300, '/soon': 1 }[req.url];
           if (wait) setTimeout(function () { res.end('later'); }, wait); else res.end('now');
         }).httpAllowHalfOpen = true;",
    );
    let mut client = server.client();
    client.send(format!("{}{}", get("/"), get("/late")));
    client.half_close();
    let all = text(&client.to_end());
    assert!(all.contains("now") && all.ends_with("later"), "{all}");
    let mut client = server.client();
    client.send(format!("{}BAD\r\n\r\n", get("/soon")));
    client.half_close();
    let all = text(&client.to_end());
    assert!(all.contains("later") && all.contains(" 400 "), "{all}");
    let mut client = server.client();
    client.send("BAD\r\n\r\n");
    client.half_close();
    assert_eq!(text(&client.to_end()), "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
}

#[test]
fn bytes_after_the_last_request_do_not_disturb_its_answer() {
    let server = Server::start("serve(function (req, res) { setTimeout(function () { res.end('done'); }, 5); });");
    let all =
        server.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(all.ends_with("done") && !all.contains("400"), "{all}");
}

#[test]
fn sem_expect_100_continue_is_answered_before_the_body_comes() {
    let server = Server::start(ECHO);
    let mut client = server.client();
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
        assert_eq!(client.through(b"\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("body");
        assert_eq!(client.response().text(), "POST body");
    }
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.response().status, 417);
}

#[test]
fn sem_check_continue_and_check_expectation_ask_the_script() {
    let server = Server::start("var s = serve(function (req, res) { res.end('plain'); });
      s.on('checkContinue', function (req, res) {
        if (req.url === '/no') { res.writeHead(413); return res.end('no'); }
        res.writeContinue(); req.on('data', function (d) { res.end('got ' + d); });
      });
      s.on('checkExpectation', function (req, res) { res.statusCode = 417; res.end('expected ' + req.headers.expect); });");
    let mut client = server.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.head().status, 100);
    client.send("body");
    assert_eq!(client.response().text(), "got body");
    client.send("GET / HTTP/1.1\r\nHost: a\r\nExpect: other\r\n\r\n");
    let response = client.response();
    assert_eq!((response.status, response.text().as_str()), (417, "expected other"));
    let mut client = server.client();
    client.send("POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    let response = client.response();
    assert_eq!(
        (response.status, response.field("connection")),
        (413, Some("close")),
        "a body may or may not follow: the connection cannot go on"
    );
    assert!(client.is_closed());
}

#[test]
fn sem_early_hints_and_processing_come_first() {
    let server = Server::start(
        "serve(function (req, res) {
      res.writeProcessing();
      res.writeEarlyHints({link: '</a.css>; rel=preload; as=style', 'x-id': '7'});
      res.end('late');
    });",
    );
    let mut client = server.client();
    client.send(get("/"));
    assert_eq!(client.head().head, "HTTP/1.1 102 Processing");
    let hints = client.head();
    assert_eq!(
        (hints.status, hints.field("link"), hints.field("x-id")),
        (103, Some("</a.css>; rel=preload; as=style"), Some("7"))
    );
    assert_eq!(client.response().text(), "late");
}

#[test]
fn sem_an_upgrade_hands_the_connection_over_with_the_bytes_behind_the_head() {
    let server = Server::start(
        "var s = serve(function (req, res) { res.end('plain'); });
      s.on('upgrade', function (req, socket, head) {
        socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\n');
        socket.write('[' + head + ']');
        socket.on('data', function (d) { socket.write(d); });
        socket.on('end', function () { socket.end('bye'); });
      });",
    );
    let mut client = server.client();
    client.send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly");
    assert_eq!(client.head().status, 101);
    // Bytes behind the head are the other protocol's: as `head`, or as data.
    let mut seen = client.through(b"]");
    client.send("-more");
    seen += &client.through(b"-more");
    assert!(["[early]-more", "[]early-more"].contains(&seen.as_str()), "{seen}");
    client.half_close();
    assert_eq!(text(&client.to_end()), "bye");
    assert_eq!(server.client_get("/").text(), "plain");
}

#[test]
fn sem_an_upgrade_nobody_listens_for_is_an_ordinary_request_rustsec_2026_0033() {
    let server = Server::start("serve(function (req, res) { res.end(req.url); });");
    let mut client = server.client();
    client.send(format!(
        "GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{}",
        get("/next")
    ));
    assert_eq!(client.response().text(), "/up");
    assert_eq!(client.response().text(), "/next", "what follows is the next request, not another protocol");
}

#[test]
fn sem_connect_is_a_tunnel_or_nothing() {
    let server = Server::start(
        "var s = serve(function (req, res) { res.end('request'); });
      s.on('connect', function (req, socket, head) {
        socket.write('HTTP/1.1 200 OK\\r\\n\\r\\n' + req.url + '|' + head);
        socket.on('data', function (d) { socket.end('>' + d); });
      });",
    );
    let mut client = server.client();
    client.send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
    assert_eq!(client.head().status, 200);
    assert_eq!(client.through(b"|"), "example.org:443|");
    client.send("hi");
    assert_eq!(text(&client.to_end()), ">hi");
    let server = Server::start("serve(function (req, res) { res.end('must not be asked'); });");
    assert_eq!(server.exchange("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), "", "as Node: closed without an answer");
    assert_eq!(server.get("/").status, 200);
}

#[test]
fn a_request_piped_into_its_response_comes_back() {
    let server = Server::start("serve(function (req, res) { req.pipe(res); });");
    let mut client = server.client();
    let body: Vec<u8> = (0..300_000u32).map(|number| number as u8).collect();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
    let mut writer = client.stream.try_clone().expect("a second handle");
    let copy = body.clone();
    let sender = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &copy));
    assert!(client.response().body == body, "the same bytes");
    sender.join().expect("the sender ends").expect("all was taken");
    client.send(get("/"));
    assert_eq!(client.response().status, 200);
}

#[test]
fn an_answer_before_the_body_leaves_the_connection_usable() {
    let server = Server::start("serve(function (req, res) { res.end('early ' + req.url); });");
    let mut client = server.client();
    let body = "x".repeat(1 << 20);
    for number in 0..3 {
        client.send(format!("POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        assert_eq!(client.response().text(), format!("early /{number}"));
    }
}

#[test]
fn what_a_script_is_told_of_a_request_is_what_came() {
    let server = Server::start("serve(function (req, res) {
      res.end(JSON.stringify({method: req.method, url: req.url, version: req.httpVersion, headers: req.headers, raw: req.rawHeaders,
        distinct: req.headersDistinct, proto: Object.hasOwn(req.headersDistinct, '__proto__'), peer: req.socket.remoteAddress, port: req.socket.remotePort > 0}));
    });");
    let mut client = server.client();
    client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2 \t\r\nCookie: a=b\r\nCookie: c=d\r\nSet-Cookie: e\r\nUser-Agent: f\r\nUser-Agent: g\r\n__proto__: h\r\n\r\n");
    let told = client.response().text();
    assert!(told.contains(r#""method":"OPTIONS","url":"*","version":"1.1""#), "{told}");
    assert!(told.contains(r#""x-a":"1, 2""#) && told.contains(r#""cookie":"a=b; c=d""#), "{told}");
    assert!(told.contains(r#""set-cookie":["e"]"#) && told.contains(r#""user-agent":"f""#), "{told}");
    assert!(told.contains(r#""raw":["Host","a","X-A","1","x-a","2","Cookie","a=b""#), "{told}");
    assert!(
        told.contains(r#""x-a":["1","2"]"#) && told.contains(r#""proto":true,"peer":"127.0.0.1","port":true"#),
        "{told}"
    );
}

#[test]
fn cve_2026_21710_a_field_called_proto_harms_nobody() {
    let server = Server::start(
        "serve(function (req, res) {
      res.end([req.headersDistinct.__proto__, req.headers.polluted, {}.polluted].join('|'));
    });",
    );
    let mut client = server.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n__proto__: polluted\r\nconstructor: c\r\n\r\n");
    assert_eq!(client.response().text(), "polluted||");
}

#[test]
fn resp_bytes_that_would_split_a_response_throw() {
    let server = Server::start("function code(f) { try { f(); return 'ok'; } catch (e) { return e.code; } }
      serve(function (req, res) {
        var seen = [
          code(function () { res.setHeader('a\\r\\nb', '1'); }), code(function () { res.setHeader('a', 'b\\r\\nc: d'); }),
          code(function () { res.setHeader('a', 'b\\0'); }), code(function () { res.setHeader('', '1'); }),
          code(function () { res.setHeader('a', '\\u010d\\u010a'); }), code(function () { res.setHeader('set-cookie', ['ok', 'b\\nc']); }),
          code(function () { res.writeHead(200, 'OK\\r\\nx: y'); }), code(function () { res.writeHead(200, {'x': 'a\\rb'}); }),
          code(function () { res.writeHead(99); }), code(function () { res.writeHead(1000); }),
          code(function () { res.writeEarlyHints({link: '</a>\\r\\nx: y; rel=preload'}); }), code(function () { res.addTrailers({'x': 'a\\nb'}); }),
        ];
        res.statusMessage = undefined;
        res.end(seen.join(' '));
      });");
    let response = server.client_get("/");
    let told = response.text();
    assert_eq!(told.split(' ').filter(|code| *code == "ERR_INVALID_CHAR").count(), 7, "{told}");
    assert_eq!(told.split(' ').filter(|code| *code == "ERR_INVALID_HTTP_TOKEN").count(), 2, "{told}");
    assert_eq!(told.split(' ').filter(|code| *code == "ERR_HTTP_INVALID_STATUS_CODE").count(), 2, "{told}");
    assert!(told.contains("ERR_INVALID_ARG_VALUE"), "{told}");
    assert_eq!(response.names(), ["Date", "Connection", "Keep-Alive", "Content-Length"], "nothing of it got through");
}

#[test]
fn a_write_after_the_end_is_nodes_error_and_harms_nobody() {
    let mut server = Server::start(
        "serve(function (req, res) {
      res.on('error', function (e) { console.log('error ' + e.code); });
      res.end('whole'); res.write('more', function (e) { console.log('write ' + (e && e.code)); });
      res.end('again', function (e) { console.log('end ' + (e && e.code)); });
    });",
    );
    let mut client = server.client();
    for _ in 0..2 {
        client.send(get("/"));
        assert_eq!(client.response().text(), "whole");
    }
    let mut told: Vec<String> = (0..3).map(|_| server.line()).collect();
    told.sort();
    assert_eq!(
        told,
        ["end ERR_STREAM_WRITE_AFTER_END", "error ERR_STREAM_WRITE_AFTER_END", "write ERR_STREAM_WRITE_AFTER_END"]
    );
}

#[test]
fn the_events_of_an_exchange_come_in_nodes_order() {
    let mut server = Server::start(
        "serve(function (req, res) {
      ['end', 'close'].forEach(function (e) { req.on(e, function () { console.log('req ' + e); }); });
      ['finish', 'close'].forEach(function (e) { res.on(e, function () { console.log('res ' + e); }); });
      req.resume(); req.on('end', function () { res.end('x', function () { console.log('callback'); }); });
    });",
    );
    let mut client: Client = server.client();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(client.response().text(), "x");
    let told: Vec<String> = (0..5).map(|_| server.line()).collect();
    assert_eq!(told[0], "req end");
    let place =
        |event: &str| told.iter().position(|line| line == event).unwrap_or_else(|| panic!("{event} in {told:?}"));
    assert!(place("res finish") < place("res close") && place("req end") < place("req close"), "{told:?}");
}

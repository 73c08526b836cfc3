//! Requests that are no requests, on the wire: the rules R1 to R11, the server rows of the table of Node's own security releases
//! and the families of SECURITY-CASES.md. Each gets its 4xx or 5xx and a closed connection, the script never
//! hears of it, and the next client is served.
mod support;

use support::{Server, text};

/// Answers everything with the body's length, and says how many whole requests it saw.
const SEEN: &str = "var seen = 0; serve(function (req, res) {
  var n = 0; req.on('data', function (d) { n += d.length; });
  req.on('end', function () { seen += req.url !== '/seen'; res.end(req.url === '/seen' ? String(seen) : 'body ' + n); });
});";

/// A request with these field lines.
fn with(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

fn chunked(body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

/// Sends each case whole and byte by byte, with a request behind it that must never be answered.
fn all_refused(server: &Server, cases: &[(&str, String, &[u16])]) {
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (name, bytes, statuses) in cases {
        for size in [usize::MAX, 1] {
            let mut client = server.client();
            let whole = format!("{bytes}{smuggled}");
            for piece in whole.as_bytes().chunks(size.min(whole.len())) {
                if !client.try_send(piece) {
                    break;
                }
            }
            let answer = text(&client.to_end());
            let expected = statuses.iter().any(|status| answer.starts_with(&format!("HTTP/1.1 {status} ")));
            assert!(expected, "{name}: {statuses:?} wanted, {answer:?} came for {bytes:?}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{name}: one answer, not {answer:?}");
            assert!(answer.contains("\r\nConnection: close\r\n"), "{name}: {answer:?}");
        }
    }
    assert_eq!(server.get("/ok").status, 200, "the next client is served");
}

fn none_seen(server: &Server) {
    assert_eq!(server.get("/seen").text(), "1", "only the last client's request reached the script");
}

#[test]
fn cve_rows_of_a_server_are_refused() {
    let server = Server::start(SEEN);
    let bad: &[u16] = &[400];
    all_refused(
        &server,
        &[
            ("CVE-2018-7159", with("Content-Length: 1 2\r\n"), bad),
            ("CVE-2019-15605", with("Transfer-Encoding: \x0bchunked\r\n"), bad),
            ("CVE-2019-15605", with("Transfer-Encoding: chunked-false\r\n"), bad),
            ("CVE-2020-8201", with("Content\rLength: 5\r\n"), bad),
            ("CVE-2020-8287", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), bad),
            ("CVE-2020-8287", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked-false\r\n"), bad),
            ("CVE-2021-22959", with("Content-Length : 5\r\n"), bad),
            ("CVE-2021-22960", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n"), bad),
            ("CVE-2021-22960", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n"), bad),
            ("CVE-2022-32213", with("Transfer-Encoding: chunkedchunked\r\n"), bad),
            ("CVE-2022-32213", with("Transfer-Encoding: chunked, chunked\r\n"), bad),
            ("CVE-2022-32213", with("Transfer-Encoding: identity, chunked\r\n"), &[400, 501]),
            ("CVE-2022-32214", "GET / HTTP/1.1\nHost: a\n\n".into(), bad),
            ("CVE-2022-32214", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n".into(), bad),
            ("CVE-2022-32215", with("Transfer-Encoding: chunked\r\n , identity\r\n"), bad),
            ("CVE-2022-32215", with("Transfer-Encoding:\r\n chunked\r\n"), bad),
            ("CVE-2022-35256", "GET / HTTP/1.1\r\nHost: a\r\nX: y\n\r\n".into(), bad),
            ("CVE-2023-30589", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n".into(), bad),
            ("CVE-2024-27982", with(" Content-Length: 5\r\n"), bad),
            ("CVE-2024-27982", "POST / HTTP/1.1\r\n Content-Length: 5\r\nHost: a\r\n\r\n".into(), bad),
            ("CVE-2025-23167", "GET / HTTP/1.1\r\nHost: a\r\n\rX".into(), bad),
            ("RUSTSEC-2021-0020", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), bad),
            ("RUSTSEC-2021-0078", with("Content-Length: +5\r\n"), bad),
            ("RUSTSEC-2021-0079", chunked("f0000000000000003\r\nabc\r\n0\r\n\r\n"), bad),
        ],
    );
    none_seen(&server);
}

#[test]
fn frm_lengths_and_codings_that_disagree_are_refused() {
    let server = Server::start(SEEN);
    let bad: &[u16] = &[400];
    let mut cases = vec![
        ("R1", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), bad),
        ("R1", with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), bad),
        ("R1", with("tRANSFER-eNCODING: CHUNKED\r\ncONTENT-lENGTH: 0\r\n"), bad),
        ("R2", with("Content-Length: 5\r\nContent-Length: 5\r\n"), bad),
        ("R2", with("Content-Length: 5\r\nContent-Length: 6\r\n"), bad),
        ("R2", with("Content-Length: 5, 5\r\n"), bad),
        ("R4", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), bad),
        ("R4", with("Transfer-Encoding: gzip\r\n"), &[400, 501][..]),
        ("R4", with("Transfer-Encoding: gzip, chunked\r\n"), &[400, 501][..]),
        ("R4", with("Transfer-Encoding: \r\n"), bad),
        ("R4", with("Transfer-Encoding: identity\r\n"), &[400, 501][..]),
        ("R4", with("Transfer-Encoding: \"chunked\"\r\n"), bad),
        ("R4", with("Transfer-Encoding: chunked;q=1\r\n"), bad),
    ];
    for length in ["", "-1", "0x5", "1e1", "5.0", " 5 5", "9007199254740992", "99999999999999999999", "5a", "\u{665}"] {
        cases.push(("R3", with(&format!("Content-Length: {length}\r\n")), bad));
    }
    all_refused(&server, &cases);
    none_seen(&server);
}

#[test]
fn line_and_byte_rules_are_kept() {
    let server = Server::start(SEEN);
    let bad: &[u16] = &[400];
    let mut cases = vec![
        ("R5", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), bad),
        ("R5", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n".to_owned(), bad),
        ("R6", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n".to_owned(), bad),
        ("R6", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n".to_owned(), bad),
        ("R8", "GET / HTTP/1.1\r\n\r\n".to_owned(), bad),
        ("R8", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".to_owned(), bad),
        ("R8", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n".to_owned(), bad),
        ("R8", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n".to_owned(), bad),
        ("R9", "GET / a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), bad),
        ("R9", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), bad),
        ("R9", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), bad),
        ("R9", "GET a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), bad),
        ("R10", "GET / HTTP/0.9\r\n\r\n".to_owned(), &[400, 505][..]),
        ("R10", "GET / HTTP/2.0\r\nHost: a\r\n\r\n".to_owned(), &[400, 505][..]),
        ("R10", "GET / HTTP/1.2\r\nHost: a\r\n\r\n".to_owned(), &[400, 505][..]),
        ("R10", "GET / HTTP/1.11\r\nHost: a\r\n\r\n".to_owned(), bad),
        ("R10", "GET / ICE/1.0\r\nHost: a\r\n\r\n".to_owned(), bad),
        ("R10", "GET /\r\n\r\n".to_owned(), bad),
        ("R10", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[400, 505][..]),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\r\n".to_owned(), bad),
    ];
    for byte in ['\0', '\x01', '\x08', '\x0b', '\x0c', '\x1f', '\x7f'] {
        cases.push(("R7 value", format!("GET / HTTP/1.1\r\nHost: a\r\nX: a{byte}b\r\n\r\n"), bad));
        cases.push(("R7 name", format!("GET / HTTP/1.1\r\nHost: a\r\nX{byte}Y: a\r\n\r\n"), bad));
        cases.push(("R9 target", format!("GET /{byte} HTTP/1.1\r\nHost: a\r\n\r\n"), bad));
        cases.push(("method", format!("G{byte}T / HTTP/1.1\r\nHost: a\r\n\r\n"), bad));
    }
    for name in [" ", "\t", "(", ")", "@", ",", ";", "\\", "\"", "/", "[", "]", "?", "=", "{", "}"] {
        cases.push(("R7 name", format!("GET / HTTP/1.1\r\nHost: a\r\nX{name}Y: a\r\n\r\n"), bad));
    }
    all_refused(&server, &cases);
    none_seen(&server);
}

#[test]
fn chunk_sizes_and_ends_are_strict() {
    let server = Server::start(SEEN);
    let bad: &[u16] = &[400];
    let body = |text: &str| chunked(text);
    all_refused(
        &server,
        &[
            ("0x", body("0x5\r\nhello\r\n0\r\n\r\n"), bad),
            ("+", body("+5\r\nhello\r\n0\r\n\r\n"), bad),
            ("-", body("-5\r\nhello\r\n0\r\n\r\n"), bad),
            ("_", body("1_0\r\nhello\r\n0\r\n\r\n"), bad),
            ("leading space", body(" 5\r\nhello\r\n0\r\n\r\n"), bad),
            ("trailing space", body("5 \r\nhello\r\n0\r\n\r\n"), bad),
            ("no size", body("\r\nhello\r\n0\r\n\r\n"), bad),
            ("17 digits", body("10000000000000005\r\nhello\r\n0\r\n\r\n"), bad),
            ("leading zeros overflow", body("00000000000000005\r\nhello\r\n0\r\n\r\n"), bad),
            ("LF after size", body("5\nhello\r\n0\r\n\r\n"), bad),
            ("no CRLF after data", body("5\r\nhelloX\r\n0\r\n\r\n"), bad),
            ("LF after data", body("5\r\nhello\n0\r\n\r\n"), bad),
            ("extension without ;", body("5 a=b\r\nhello\r\n0\r\n\r\n"), bad),
            ("bad trailer", body("0\r\nX : y\r\n\r\n"), bad),
            ("folded trailer", body("0\r\nX: y\r\n z\r\n\r\n"), bad),
            ("LF trailer", body("0\r\nX: y\n\r\n"), bad),
        ],
    );
    none_seen(&server);
}

#[test]
fn cve_2024_22019_endless_chunk_extensions_end_with_413() {
    let server = Server::start(SEEN);
    let extension = "x".repeat(20_000);
    let answer = server.exchange(chunked(&format!("1;{extension}\r\na\r\n0\r\n\r\n")));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let mut client = server.client();
    client.send(chunked(""));
    // A byte a chunk, each in wide clothes: far more framing than payload.
    let chunk = format!("1;{}\r\na\r\n", "y".repeat(1000));
    let mut sent = 0;
    while sent < 4 << 20 && client.try_send(&chunk) {
        sent += chunk.len();
    }
    assert!(sent < 4 << 20, "the server has had enough");
    assert_eq!(server.get("/ok").status, 200);
}

#[test]
fn limit_heads_over_max_header_size_are_431_and_at_it_are_served() {
    let server = Server::start(
        "var s = http.createServer({maxHeaderSize: 1000}, function (req, res) { res.end('ok'); }); up(s);",
    );
    let of = |size: usize| {
        let (start, end) = ("GET / HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n");
        format!("{start}{}{end}", "y".repeat(size - start.len() - end.len()))
    };
    let mut client = server.client();
    for size in [998, 999, 1000] {
        client.send(of(size));
        assert_eq!(client.response().status, 200, "{size}");
    }
    for size in [1001, 1002, 2000, 100_000] {
        let mut client = server.client();
        let _may_be_cut = client.try_send(of(size));
        assert!(text(&client.to_end()).starts_with("HTTP/1.1 431 "), "{size}");
    }
    let plain = Server::start("serve(function (req, res) { res.end('ok'); });");
    assert_eq!(
        plain
            .exchange(of(16 << 10).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").replacen(
                &"y".repeat(19),
                "",
                1
            ))
            .get(..12),
        Some("HTTP/1.1 200")
    );
    assert_eq!(plain.exchange(of((16 << 10) + 1)).get(..12), Some("HTTP/1.1 431"));
}

#[test]
fn cve_2026_58044_more_fields_than_max_headers_count_are_refused_not_hidden() {
    let server = Server::start(
        "var s = serve(function (req, res) { res.end(Object.keys(req.headers).length + ' ' + req.headers['content-length']); }); s.maxHeadersCount = 32;",
    );
    let of = |count: usize| {
        let fields: String = (0..count - 2).map(|number| format!("X{number}: y\r\n")).collect();
        format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: 3\r\n\r\nabc")
    };
    let mut client = server.client();
    for count in [31, 32] {
        client.send(of(count));
        assert_eq!(client.response().text(), format!("{count} 3"));
    }
    let answer = server.exchange(of(33));
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(server.get("/").status, 200);
}

#[test]
fn cve_2018_12121_a_thousand_oversized_heads_leave_memory_bounded() {
    let server = Server::start("serve(function (req, res) { res.end('ok'); });");
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "y".repeat(80 << 10));
    for _ in 0..20 {
        assert!(server.exchange(&head).starts_with("HTTP/1.1 431 "));
    }
    let before = server.rss();
    for _ in 0..10 {
        let mut clients: Vec<_> = (0..100).map(|_| server.client()).collect();
        for client in &mut clients {
            let _may_be_cut = client.try_send(&head);
        }
        for client in &mut clients {
            assert!(text(&client.to_end()).starts_with("HTTP/1.1 431 "));
        }
    }
    assert!(server.rss() < before + (20 << 10), "{} KiB became {} KiB", before, server.rss());
}

#[test]
fn cve_2019_15606_space_around_values_is_trimmed_the_same_everywhere() {
    let server = Server::start(
        "serve(function (req, res) { res.end(JSON.stringify([req.headers['x'], req.rawHeaders[3], req.headersDistinct['x'][0]])); });",
    );
    let mut client = server.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: \t va lue \t \r\n\r\n");
    assert_eq!(client.response().text(), r#"["va lue","va lue","va lue"]"#);
}

#[test]
fn client_error_gives_the_script_the_socket_and_nodes_codes() {
    let mut server = Server::start(
        "var s = serve(function (req, res) { res.end('ok'); });
      s.on('clientError', function (e, socket) {
        console.log(e.code + ' ' + (e.rawPacket ? e.rawPacket.length : '-'));
        socket.end('HTTP/1.1 418 I am a teapot\\r\\nConnection: close\\r\\n\\r\\n');
      });",
    );
    for (bytes, code) in [
        ("BAD / HTTP/1.1\r\n\r\n", "HPE_INVALID_METHOD 18"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\x01: y\r\n\r\n", "HPE_INVALID_HEADER_TOKEN 34"),
    ] {
        let answer = server.exchange(bytes);
        assert!(answer.starts_with("HTTP/1.1 418 "), "{answer}");
        assert_eq!(server.line(), code);
    }
    let mut client = server.client();
    let _may_be_cut = client.try_send(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "y".repeat(20_000)));
    assert!(text(&client.to_end()).starts_with("HTTP/1.1 418 "));
    assert!(server.line().starts_with("HPE_HEADER_OVERFLOW "));
    assert!(
        server.exchange("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400 "),
        "a missing Host is answered without asking"
    );
    assert_eq!(server.get("/").text(), "ok");
}

#[test]
fn what_looks_odd_and_is_allowed_is_served() {
    let server = Server::start(SEEN);
    for (bytes, body) in [
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "body 0"),
        ("GET / HTTP/1.1\r\nhOsT:a\r\nX:\r\nConnection: close\r\n\r\n", "body 0"),
        ("GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n", "body 0"),
        ("GET http://a/x?y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "body 0"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{e9}\r\nConnection: close\r\n\r\n", "body 0"),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", "body 3"),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 000003\r\nConnection: close\r\n\r\nabc", "body 3"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: cHuNkEd\r\nConnection: close\r\n\r\n0003;a=\"b c\"\r\nabc\r\n000\r\n\r\n",
            "body 3",
        ),
        ("M-SEARCH * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "body 0"),
    ] {
        for size in [usize::MAX, 1] {
            let mut client = server.client();
            for piece in bytes.as_bytes().chunks(size.min(bytes.len())) {
                client.send(piece);
            }
            let answer = text(&client.to_end());
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(body), "{bytes:?}: {answer:?}");
        }
    }
}

#[test]
fn what_nodes_parser_takes_besides_is_taken_when_the_operator_says_so() {
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    let odd = [
        ("R4", with("Transfer-Encoding: gzip, chunked\r\nConnection: close\r\n") + chunks),
        ("R8", "GET / HTTP/1.1\r\nHost: http://a.example\r\nConnection: close\r\n\r\n".to_owned()),
        ("R9", "GET http://b.example/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned()),
    ];
    let ask = |server: &Server, request: &str| {
        let mut client = server.client();
        client.send(request.as_bytes());
        text(&client.to_end())
    };
    let (strict, lax) = (Server::start(SEEN), Server::start_as(&["--http=node"], SEEN));
    for (rule, request) in &odd {
        assert!(ask(&strict, request).starts_with("HTTP/1.1 400 "), "{rule}");
        assert!(ask(&lax, request).starts_with("HTTP/1.1 200 "), "{rule}");
    }
    let both = with("Transfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n") + chunks;
    all_refused(&lax, &[("R1", both, &[400])]);
}

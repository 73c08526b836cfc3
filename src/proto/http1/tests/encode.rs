//! Heads and bodies as Node 20.20.2 sends them, compared byte by byte with what it sent on raw sockets.

use super::*;

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const D: &str = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
const KA: &str = "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

fn date() -> [u8; 29] {
    let date = imf_fixdate(784_111_777);
    assert_eq!(date, *DATE.as_bytes());
    date
}

/// Sends the writes in turn, the last with the end, and gives the wire and what is left.
fn send(head: &ResponseHead<'_>, writes: &[&str]) -> (String, Sent) {
    let mut out = vec![];
    let mut framing = encode_response_head(&mut out, head, &date()).expect("a good head");
    for data in writes {
        encode_body(&mut framing, &mut out, data.as_bytes()).expect("the message is open");
    }
    let promised = framing.keep_alive;
    let sent = encode_end(&mut framing, &mut out, b"").expect("the message is open");
    assert!(promised == sent.keep_alive || !sent.is_whole, "a whole body keeps what the head promised");
    (String::from_utf8(out).expect("the cases are text"), sent)
}

/// The wire must be the status line, `rest`, and the connection must live on or not.
fn same(id: &str, head: ResponseHead<'_>, writes: &[&str], status: &str, rest: &str, keep_alive: bool) {
    let (wire, sent) = send(&head, writes);
    assert_eq!(wire, format!("HTTP/1.1 {status}\r\n{rest}"), "{id}");
    assert_eq!(sent, Sent { keep_alive, is_whole: true }, "{id}");
}

fn head<'a>(fields: &'a str, content_length: Option<u64>) -> ResponseHead<'a> {
    ResponseHead { fields: fields.as_bytes(), content_length, ..ResponseHead::default() }
}

/// The head for an HTTP/1.0 request, kept alive or not: Node turns both defaults off.
fn ten<'a>(fields: &'a str, should_keep_alive: bool) -> ResponseHead<'a> {
    ResponseHead { request_version_minor: 0, use_chunked_by_default: false, should_keep_alive, ..head(fields, None) }
}

#[test]
fn encode_like_node_bodies() {
    let plain = "Content-Type: text/plain\r\n";
    let ok = "200 OK";
    same(
        "writeHead+end",
        head(plain, None),
        &["Hello World\n"],
        ok,
        &format!("{plain}{D}{KA}{CHUNKED}\r\nc\r\nHello World\n\r\n0\r\n\r\n"),
        true,
    );
    same(
        "setHeader+end",
        head(plain, Some(2)),
        &["hi"],
        ok,
        &format!("{plain}{D}{KA}Content-Length: 2\r\n\r\nhi"),
        true,
    );
    same("end empty", head("", Some(0)), &[], ok, &format!("{D}{KA}Content-Length: 0\r\n\r\n"), true);
    same("writeHead+end empty", head("", None), &[], ok, &format!("{D}{KA}{CHUNKED}\r\n0\r\n\r\n"), true);
    same(
        "writes",
        head("", None),
        &["abcdefghijklmnop", "", "x"],
        ok,
        &format!("{D}{KA}{CHUNKED}\r\n10\r\nabcdefghijklmnop\r\n1\r\nx\r\n0\r\n\r\n"),
        true,
    );
    let big = "a".repeat(300);
    same(
        "hex is lower case",
        head("", None),
        &[&big],
        ok,
        &format!("{D}{KA}{CHUNKED}\r\n12c\r\n{big}\r\n0\r\n\r\n"),
        true,
    );
    let cl = "Content-Length: 2\r\n";
    same("explicit length", head(cl, None), &["hi"], ok, &format!("{cl}{D}{KA}\r\nhi"), true);
    same(
        "explicit chunked",
        head(CHUNKED, Some(2)),
        &["hi"],
        ok,
        &format!("{CHUNKED}{D}{KA}\r\n2\r\nhi\r\n0\r\n\r\n"),
        true,
    );
    let chunked_off = ResponseHead { use_chunked_by_default: false, ..head("", None) };
    same("no chunks by default", chunked_off, &["a", "b"], ok, &format!("{D}Connection: close\r\n\r\nab"), false);
}

#[test]
fn encode_like_node_bodiless() {
    let to_head = |fields, length| ResponseHead { method_is_head: true, ..head(fields, length) };
    let ok = "200 OK";
    same("HEAD", to_head("A: b\r\n", None), &["hi"], ok, &format!("A: b\r\n{D}{KA}\r\n"), true);
    same("HEAD end only", to_head("", Some(2)), &["hi"], ok, &format!("{D}{KA}\r\n"), true);
    same(
        "HEAD length",
        to_head("Content-Length: 77\r\n", None),
        &[],
        ok,
        &format!("Content-Length: 77\r\n{D}{KA}\r\n"),
        true,
    );
    let with = |status, fields| ResponseHead { status, ..head(fields, None) };
    same("204", with(204, ""), &["hi"], "204 No Content", &format!("{D}{KA}\r\n"), true);
    same("304", with(304, ""), &["hi"], "304 Not Modified", &format!("{D}{KA}\r\n"), true);
    let cl = "Content-Length: 5\r\n";
    same("304 length", with(304, cl), &[], "304 Not Modified", &format!("{cl}{D}{KA}\r\n"), true);
    same(
        "304 chunked",
        with(304, CHUNKED),
        &["hi"],
        "304 Not Modified",
        &format!("{CHUNKED}{D}Connection: close\r\n\r\n"),
        false,
    );
    let up = "Connection: Upgrade\r\nUpgrade: foo\r\n";
    same("101", with(101, up), &[], "101 Switching Protocols", &format!("{up}{D}\r\n"), true);
    // Not as Node: RFC 9110 section 8.6 forbids these two in a 204.
    let between = format!("A: b\r\n{cl}C: d\r\n");
    same("204 length", with(204, &between), &["hi"], "204 No Content", &format!("A: b\r\nC: d\r\n{D}{KA}\r\n"), true);
    same("204 chunked", with(204, CHUNKED), &["hi"], "204 No Content", &format!("{D}Connection: close\r\n\r\n"), false);
}

#[test]
fn encode_like_node_http10() {
    let close = "Connection: close\r\n";
    let ok = "200 OK";
    same("1.0", ten("A: b\r\n", false), &["Hello"], ok, &format!("A: b\r\n{D}{close}\r\nHello"), false);
    same("1.0 empty", ten("", false), &[], ok, &format!("{D}{close}\r\n"), false);
    same("1.0 kept alive", ten("", true), &["a", "b"], ok, &format!("{D}{close}\r\nab"), false);
    let cl = "Content-Length: 2\r\n";
    same("1.0 kept alive, length", ten(cl, true), &["hi"], ok, &format!("{cl}{D}{KA}\r\nhi"), true);
    same("1.0 not kept alive, length", ten(cl, false), &["hi"], ok, &format!("{cl}{D}{close}\r\nhi"), false);
    same(
        "1.0 chunked",
        ten(CHUNKED, false),
        &["hi"],
        ok,
        &format!("{CHUNKED}{D}{close}\r\n2\r\nhi\r\n0\r\n\r\n"),
        false,
    );
    let insists = format!("Connection: keep-alive\r\n{CHUNKED}");
    same("1.0 chunked, says keep-alive", ten(&insists, true), &[], ok, &format!("{insists}{D}\r\n0\r\n\r\n"), false);
    let ka = "Connection: keep-alive\r\n";
    same("1.0 says keep-alive", ten(ka, false), &["hi"], ok, &format!("{ka}{D}\r\nhi"), false);
    let end_only = ResponseHead { content_length: Some(1), ..ten("", true) };
    same("1.0 end only", end_only, &["x"], ok, &format!("{D}{close}\r\nx"), false);
}

#[test]
fn encode_like_node_connection() {
    let ok = "200 OK";
    let cl = "Content-Length: 2\r\n";
    let hi = |fields| head(fields, Some(2));
    for (fields, keep_alive) in [
        ("Connection: close\r\n", false),
        ("Connection: keep-alive\r\n", true),
        ("Connection: Upgrade\r\nUpgrade: foo\r\n", true),
        ("Connection: foo\r\n", true),
        ("Connection: foo, close\r\n", false),
        ("Connection: CLOSE\r\n", false),
        ("Connection: closed\r\n", true),
        ("Connection: not-close\r\n", false),
        ("Keep-Alive: timeout=77\r\nConnection: keep-alive\r\n", true),
        ("Connection: close\r\nConnection: keep-alive\r\n", false),
    ] {
        same(fields, hi(fields), &["hi"], ok, &format!("{fields}{D}{cl}\r\nhi"), keep_alive);
    }
    let own = "Keep-Alive: timeout=77\r\n";
    same("own Keep-Alive", hi(own), &["hi"], ok, &format!("{own}{D}Connection: keep-alive\r\n{cl}\r\nhi"), true);
    let closing = ResponseHead { should_keep_alive: false, ..hi("") };
    same("shouldKeepAlive=false", closing, &["hi"], ok, &format!("{D}Connection: close\r\n{cl}\r\nhi"), false);
    let insists = ResponseHead { should_keep_alive: false, ..hi("Connection: keep-alive\r\n") };
    same(
        "keep-alive on a closing request",
        insists,
        &["hi"],
        ok,
        &format!("Connection: keep-alive\r\n{D}{cl}\r\nhi"),
        true,
    );
    let draining = ResponseHead { closing: true, ..hi("") };
    same("draining", draining, &["hi"], ok, &format!("{D}Connection: close\r\n{cl}\r\nhi"), false);
    let with = |seconds, max_requests| ResponseHead { keep_alive_timeout_secs: seconds, max_requests, ..hi("") };
    same(
        "7 s",
        with(Some(7), 0),
        &["hi"],
        ok,
        &format!("{D}Connection: keep-alive\r\nKeep-Alive: timeout=7\r\n{cl}\r\nhi"),
        true,
    );
    same(
        "0.5 s",
        with(Some(0), 0),
        &["hi"],
        ok,
        &format!("{D}Connection: keep-alive\r\nKeep-Alive: timeout=0\r\n{cl}\r\nhi"),
        true,
    );
    same("0 ms", with(None, 0), &["hi"], ok, &format!("{D}Connection: keep-alive\r\n{cl}\r\nhi"), true);
    same(
        "max",
        with(Some(5), 5),
        &["hi"],
        ok,
        &format!("{D}Connection: keep-alive\r\nKeep-Alive: timeout=5, max=5\r\n{cl}\r\nhi"),
        true,
    );
    let reached = ResponseHead { max_requests_reached: true, ..with(Some(5), 1) };
    same("max reached", reached, &["hi"], ok, &format!("{D}Connection: close\r\n{cl}\r\nhi"), true);
    let framing = encode_response_head(&mut vec![], &reached, &date()).expect("a good head");
    assert!(framing.announced_close);
}

#[test]
fn encode_like_node_removed() {
    let ok = "200 OK";
    let cl = "Content-Length: 2\r\n";
    let removed =
        |connection, content_length, transfer_encoding| Removed { connection, content_length, transfer_encoding };
    let with = |removed, length| ResponseHead { removed, ..head("", length) };
    same("connection", with(removed(true, false, false), Some(2)), &["hi"], ok, &format!("{D}{cl}\r\nhi"), true);
    same(
        "length",
        with(removed(false, true, false), Some(2)),
        &["hi"],
        ok,
        &format!("{D}{KA}{CHUNKED}\r\n2\r\nhi\r\n0\r\n\r\n"),
        true,
    );
    same("coding", with(removed(false, false, true), None), &["hi", "x"], ok, &format!("{D}{KA}\r\nhix"), false);
    same("both", with(removed(false, true, true), Some(1)), &["x"], ok, &format!("{D}{KA}\r\nx"), false);
    same("all", with(removed(true, true, true), None), &["x"], ok, &format!("{D}\r\nx"), false);
    let ten = ResponseHead { removed: removed(true, false, false), ..ten("", false) };
    same("connection in 1.0", ten, &["hi"], ok, &format!("{D}\r\nhi"), false);
    let no_date = ResponseHead { send_date: false, ..head("", Some(2)) };
    same("sendDate=false", no_date, &["hi"], ok, &format!("{KA}{cl}\r\nhi"), true);
    let own = "date: x\r\n";
    same("own Date", head(own, Some(2)), &["hi"], ok, &format!("{own}{KA}{cl}\r\nhi"), true);
}

#[test]
fn encode_like_node_reasons() {
    let with = |status, reason: Option<&'static str>| ResponseHead {
        status,
        reason: reason.map(str::as_bytes),
        ..head("", Some(0))
    };
    let rest = format!("{D}{KA}Content-Length: 0\r\n\r\n");
    same("given", with(200, Some("Fine")), &[], "200 Fine", &rest, true);
    same("empty", with(200, Some("")), &[], "200 ", &rest, true);
    same("unknown", with(299, None), &[], "299 unknown", &rest, true);
    same("404", with(404, None), &[], "404 Not Found", &rest, true);
    same("999", with(999, None), &[], "999 unknown", &rest, true);
}

#[test]
fn encode_trailers() {
    let mut out = vec![];
    let fields = "Trailer: X-T\r\n";
    let mut framing = encode_response_head(&mut out, &head(fields, Some(1)), &date()).expect("a good head");
    encode_body(&mut framing, &mut out, b"a").expect("open");
    encode_end(&mut framing, &mut out, b"X-T: v\r\nContent-Length: 9\r\nx-u:\r\n").expect("open");
    let wire = format!("HTTP/1.1 200 OK\r\n{fields}{D}{KA}{CHUNKED}\r\n1\r\na\r\n0\r\nX-T: v\r\nx-u:\r\n\r\n");
    assert_eq!(String::from_utf8_lossy(&out), wire, "Trailer makes it chunked; forbidden trailers stay behind");
    let mut out = vec![];
    let mut framing = encode_response_head(&mut out, &head("", Some(1)), &date()).expect("a good head");
    encode_body(&mut framing, &mut out, b"a").expect("open");
    let before = out.len();
    encode_end(&mut framing, &mut out, b"X-T: v\r\n").expect("open");
    assert_eq!(out.len(), before, "trailers without chunks are left out, as Node does");
}

#[test]
fn encode_informational_and_errors() {
    let mut out = vec![];
    encode_informational(&mut out, 100, b"").expect("100");
    encode_informational(&mut out, 102, b"").expect("102");
    encode_informational(&mut out, 103, b"Link: </a>; rel=preload\r\nx-a: b\r\n").expect("103");
    for status in [99, 101, 104, 200] {
        assert_eq!(encode_informational(&mut out, status, b""), Err(EncodeFault::InvalidStatus));
    }
    let wire = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nx-a: b\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&out), wire);
    for (status, reason) in [
        (400, "Bad Request"),
        (408, "Request Timeout"),
        (413, "Payload Too Large"),
        (431, "Request Header Fields Too Large"),
        (501, "Not Implemented"),
        (505, "HTTP Version Not Supported"),
    ] {
        let mut out = vec![];
        encode_error_response(&mut out, status);
        assert_eq!(String::from_utf8_lossy(&out), format!("HTTP/1.1 {status} {reason}\r\nConnection: close\r\n\r\n"));
    }
}

#[test]
fn encode_requests() {
    let base = plain_get();
    let text = |head: &RequestHead<'_>, body: &str| {
        let mut out = vec![];
        let mut framing = encode_request_head(&mut out, head).expect("a good head");
        encode_body(&mut framing, &mut out, body.as_bytes()).expect("open");
        let sent = encode_end(&mut framing, &mut out, b"").expect("open");
        (String::from_utf8_lossy(&out).into_owned(), sent.keep_alive)
    };
    let start = "GET /p HTTP/1.1\r\nHost: a\r\n";
    assert_eq!(text(&base, ""), (format!("{start}Connection: keep-alive\r\n\r\n"), true));
    assert_eq!(
        text(&RequestHead { should_keep_alive: false, ..base }, ""),
        (format!("{start}Connection: close\r\n\r\n"), false)
    );
    assert_eq!(text(&base, "smuggled"), (format!("{start}Connection: keep-alive\r\n\r\n"), true), "never unframed");
    let known = RequestHead { content_length: Some(2), ..base };
    assert_eq!(text(&known, "hi"), (format!("{start}Connection: keep-alive\r\nContent-Length: 2\r\n\r\nhi"), true));
    let post = RequestHead { method: b"POST", use_chunked_by_default: true, ..base };
    assert_eq!(
        text(&post, "hi").0,
        "POST /p HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    );
    let post = RequestHead { content_length: Some(0), ..post };
    assert_eq!(text(&post, "").0, "POST /p HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
    for method in [b"".as_slice(), b"G T", b"GET\r\n", b"G\0"] {
        assert_eq!(encode_request_head(&mut vec![], &RequestHead { method, ..base }), Err(EncodeFault::InvalidMethod));
    }
}

#[test]
fn encode_what_we_send_we_read() {
    // Every head this encoder makes is one its own client role takes, with the body that was written.
    let fields = ["", "A: b\r\n", "Connection: close\r\n", "Content-Length: 3\r\n", CHUNKED, "Keep-Alive: x\r\n"];
    for fields in fields {
        for status in [200, 204, 304, 404, 500] {
            for method_is_head in [false, true] {
                for use_chunked_by_default in [false, true] {
                    for content_length in [None, Some(3)] {
                        let response = ResponseHead {
                            status,
                            method_is_head,
                            use_chunked_by_default,
                            ..head(fields, content_length)
                        };
                        let (wire, sent) = send(&response, &["abc"]);
                        let to = if method_is_head { ResponseTo::Head } else { ResponseTo::Other };
                        let log = run(&Setup { eof: true, ..Setup::client(&[to]) }, &[wire.as_bytes()]);
                        let has_body = !method_is_head && status != 204 && status != 304;
                        assert_eq!(log.contains(&Said::Body(b"abc".to_vec())), has_body, "{wire}");
                        let wants = if log.iter().any(|said| matches!(said, Said::End(_))) {
                            EofKind::Clean
                        } else {
                            EofKind::Complete
                        };
                        assert_eq!(log.last(), Some(&Said::Eof(wants)), "{wire}");
                        assert!(
                            wants == EofKind::Clean || !sent.keep_alive,
                            "only a closing connection may end a body: {wire}"
                        );
                    }
                }
            }
        }
    }
}

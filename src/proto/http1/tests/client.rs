//! CLIENT: hostile and merely odd servers; the families mirrored.

use super::*;
use Reason::*;
use ResponseTo::{Connect, Head as ToHead, Other, Upgrade as ToUpgrade};

fn ok(lines: &str, rest: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n{rest}")
}

fn check_one(to: ResponseTo, cases: &[(&str, String, Want)]) {
    for (id, wire, want) in cases {
        check(id, &Setup::client(&[to]), wire.as_bytes(), want);
    }
}

/// RFC 9112 section 6.3: what does not end with `chunked` ends with the connection, and is given as it came.
#[test]
fn client_codings() {
    let until_close = [
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunkedchunked\r\n",
        "Transfer-Encoding: chunked;q=1\r\n",
        "Transfer-Encoding: chunked, deflate\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    ];
    for fields in until_close {
        check_one(Other, &[(fields, ok(fields, "5\r\nhello\r\n0\r\n\r\n"), Good(0, "5\r\nhello\r\n0\r\n\r\n"))]);
        check_one(ToHead, &[(fields, ok(fields, ""), Good(1, ""))]);
        let ten = ok(fields, "").replacen("HTTP/1.1", "HTTP/1.0", 1);
        check_one(Other, &[(fields, ten, Bad(TransferEncodingInHttp10))]);
        let both = format!("Content-Length: 5\r\n{fields}");
        check_one(Other, &[(fields, ok(&both, "hello"), Bad(TransferEncodingAfterLength))]);
        let both = format!("{fields}Content-Length: 5\r\n");
        check_one(Other, &[(fields, ok(&both, "hello"), Bad(LengthAfterTransferEncoding))]);
    }
    for fields in
        ["Transfer-Encoding: gzip, Chunked\r\n", "Transfer-Encoding: gzip;a=b\r\nTransfer-Encoding: chunked\r\n"]
    {
        check_one(Other, &[(fields, ok(fields, "5\r\nhello\r\n0\r\n\r\n"), Good(1, "hello"))]);
    }
    for value in [
        "",
        ",",
        "chunked,",
        ", chunked",
        "chunked, gzip, chunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "a b",
        "\"chunked\"",
        "chunked chunked",
    ] {
        let fields = format!("Transfer-Encoding: {value}\r\n");
        check_one(Other, &[(value, ok(&fields, ""), Bad(InvalidTransferEncoding))]);
    }
}

#[test]
fn client_framing() {
    check_one(
        Other,
        &[
            ("length", ok("Content-Length: 5\r\n", "hello"), Good(1, "hello")),
            ("zero", ok("Content-Length: 0\r\n", ""), Good(1, "")),
            ("chunked", ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"), Good(1, "hello")),
            ("both", ok("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", ""), Bad(TransferEncodingAfterLength)),
            ("two lengths", ok("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), Bad(DuplicateContentLength)),
            ("list length", ok("Content-Length: 5, 5\r\n", "hello"), Bad(InvalidContentLength)),
            ("negative", ok("Content-Length: -1\r\n", ""), Bad(InvalidContentLength)),
            ("chunked twice", ok("Transfer-Encoding: chunked, chunked\r\n", ""), Bad(InvalidTransferEncoding)),
            (
                "1.0 chunked",
                "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
                Bad(TransferEncodingInHttp10),
            ),
            ("204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n".into(), Good(1, "")),
            ("304", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n".into(), Good(1, "")),
            (
                "304 both",
                "HTTP/1.1 304 X\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n".into(),
                Bad(TransferEncodingAfterLength),
            ),
            ("until close", ok("", "so far"), Good(0, "so far")),
            (
                "Host means nothing here",
                ok("Host: a\r\nHost: @\r\nExpect: x\r\nContent-Length: 0\r\n", ""),
                Good(1, ""),
            ),
        ],
    );
    check_one(
        ToHead,
        &[
            ("HEAD with length", ok("Content-Length: 5\r\n", ""), Good(1, "")),
            ("HEAD chunked", ok("Transfer-Encoding: chunked\r\n", ""), Good(1, "")),
            ("HEAD without", ok("", ""), Good(1, "")),
        ],
    );
}

#[test]
fn client_status_lines() {
    let with = |line: &str| format!("{line}\r\nContent-Length: 0\r\n\r\n");
    check_one(
        Other,
        &[
            ("no phrase", with("HTTP/1.1 200"), Good(1, "")),
            ("empty phrase", with("HTTP/1.1 200 "), Good(1, "")),
            ("long phrase", with("HTTP/1.1 200 very\tOK indeed"), Good(1, "")),
            ("text phrase", with("HTTP/1.1 200 tr\u{e8}s bien"), Good(1, "")),
            ("1.0", with("HTTP/1.0 200 OK"), Good(1, "")),
            ("999", with("HTTP/1.1 999 X"), Good(1, "")),
            ("099", with("HTTP/1.1 099 X"), Bad(InvalidStatus)),
            ("two digits", with("HTTP/1.1 20 OK"), Bad(InvalidStatus)),
            ("four digits", with("HTTP/1.1 2000 OK"), Bad(InvalidStatus)),
            ("letters", with("HTTP/1.1 2x0 OK"), Bad(InvalidStatus)),
            ("no code", with("HTTP/1.1"), Bad(InvalidVersion)),
            ("two spaces", with("HTTP/1.1  200 OK"), Bad(InvalidStatus)),
            ("HTTP/2", with("HTTP/2.0 200 OK"), Bad(UnsupportedVersion)),
            ("HTTP/0.9", with("HTTP/0.9 200 OK"), Bad(UnsupportedVersion)),
            ("ICY", with("ICY 200 OK"), Bad(InvalidConstant)),
            ("RTSP", with("RTSP/1.0 200 OK"), Bad(InvalidConstant)),
            ("lower", with("http/1.1 200 OK"), Bad(InvalidConstant)),
            ("LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n".into(), Bad(CrExpected)),
            ("LF after code", "HTTP/1.1 200\nContent-Length: 0\r\n\r\n".into(), Bad(InvalidStatus)),
            ("CR", "HTTP/1.1 200 OK\rX".into(), Bad(StatusCrlfExpected)),
            ("NUL", with("HTTP/1.1 200 O\0K"), Bad(InvalidStatus)),
            ("LF in field", ok("X: y\nContent-Length: 0\r\n", ""), Bad(CrExpected)),
            ("fold", ok("X: y\r\n z\r\n", ""), Bad(ObsFold)),
            ("SP colon", ok("X : y\r\n", ""), Bad(InvalidHeaderToken)),
            ("NUL in field", ok("X: \0\r\n", ""), Bad(InvalidHeaderValue)),
            ("request", "GET / HTTP/1.1\r\n\r\n".into(), Bad(InvalidConstant)),
        ],
    );
    let log = verdict(&Setup::client(&[Other]), with("HTTP/1.1 200 tr\u{e8}s bien").as_bytes());
    assert!(matches!(&log[0], Said::Head { line, .. } if line == "200 tr\u{e8}s bien 1"), "{log:?}");
}

#[test]
fn client_interim_responses() {
    let wire = format!(
        "{}{}",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
        ok("Content-Length: 1\r\n", "x")
    );
    let log = verdict(&Setup::client(&[Other]), wire.as_bytes());
    assert!(
        matches!(&log[..], [Said::Head { .. }, Said::Head { .. }, Said::Head { .. }, Said::Body(_), Said::End(_)]),
        "{log:?}"
    );
    let interim = |count| format!("{}{}", "HTTP/1.1 102 X\r\n\r\n".repeat(count), ok("Content-Length: 0\r\n", ""));
    check("16", &Setup::client(&[Other]), interim(16).as_bytes(), &Good(1, ""));
    check("17", &Setup::client(&[Other]), interim(17).as_bytes(), &Bad(TooManyInformational));
    let million = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000_000);
    let log = run(&Setup::client(&[Other]), &[million.as_bytes()]);
    assert_eq!(log.len(), 17);
    let with_length = format!("HTTP/1.1 100 X\r\nContent-Length: 5\r\n\r\n{}", ok("Content-Length: 0\r\n", ""));
    check("1xx has no body", &Setup::client(&[Other]), with_length.as_bytes(), &Good(1, ""));
}

#[test]
fn client_tunnels() {
    let log = verdict(&Setup::client(&[Connect]), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x16\x03");
    assert!(
        matches!(&log[..], [Said::Head { upgrade: true, .. }, Said::Tunnel(bytes)] if bytes == b"\x16\x03"),
        "{log:?}"
    );
    check(
        "refused CONNECT",
        &Setup::client(&[Connect]),
        b"HTTP/1.1 407 X\r\nContent-Length: 2\r\n\r\nno",
        &Good(1, "no"),
    );
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhi";
    let log = verdict(&Setup::client(&[ToUpgrade]), switch);
    assert!(matches!(&log[..], [Said::Head { upgrade: true, .. }, Said::Tunnel(bytes)] if bytes == b"hi"), "{log:?}");
    // A 101 that nobody asked for is an answer like another, and the last: what follows is no tunnel's and no message's.
    let head = &switch[..switch.len() - 2];
    check("101 unasked", &Setup::client(&[Other]), head, &Good(1, ""));
    let log = verdict(&Setup::client(&[Other]), switch);
    assert!(
        matches!(&log[..], [Said::Head { upgrade: false, .. }, Said::End(_), Said::Fault(_, ClosedConnection)]),
        "{log:?}"
    );
    check(
        "upgrade refused",
        &Setup::client(&[ToUpgrade]),
        ok("Content-Length: 2\r\n", "no").as_bytes(),
        &Good(1, "no"),
    );
}

#[test]
fn client_keep_alive_and_next() {
    let two = format!("{}{}", ok("Content-Length: 1\r\n", "a"), ok("Content-Length: 1\r\n", "b"));
    check("two asked", &Setup::client(&[Other, Other]), two.as_bytes(), &Good(2, "ab"));
    let log = verdict(&Setup::client(&[Other]), two.as_bytes());
    assert!(matches!(log.last(), Some(Said::Fault(_, UnsolicitedResponse))), "{log:?}");
    let close =
        format!("{}{}", ok("Connection: close\r\nContent-Length: 1\r\n", "a"), ok("Content-Length: 1\r\n", "b"));
    let log = verdict(&Setup::client(&[Other, Other]), close.as_bytes());
    assert!(matches!(log.last(), Some(Said::Fault(_, ClosedConnection))), "{log:?}");
}

#[test]
fn client_eof() {
    for (wire, want) in [
        (ok("", "until close"), EofKind::Complete),
        (ok("", ""), EofKind::Complete),
        (ok("Content-Length: 5\r\n", "hell"), EofKind::Premature),
        (ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"), EofKind::Premature),
        (ok("Transfer-Encoding: chunked\r\n", "0\r\n"), EofKind::Premature),
        (ok("Content-Length: 0\r\n", ""), EofKind::Clean),
        ("HTTP/1.1 100 Continue\r\n\r\n".into(), EofKind::Premature),
        ("HTTP/1.1 200".into(), EofKind::Premature),
        (String::new(), EofKind::Premature),
    ] {
        let setup = Setup { eof: true, ..Setup::client(&[Other]) };
        assert_eq!(verdict(&setup, wire.as_bytes()).last(), Some(&Said::Eof(want)), "{wire}");
    }
}

#[test]
fn client_reset_at_each_byte() {
    let wire =
        format!("HTTP/1.1 100 X\r\n\r\n{}", ok("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nX: y\r\n\r\n"));
    let setup = Setup { eof: true, ..Setup::client(&[Other]) };
    for at in 0..wire.len() {
        assert_eq!(run(&setup, &[&wire.as_bytes()[..at]]).last(), Some(&Said::Eof(EofKind::Premature)), "{at}");
    }
}

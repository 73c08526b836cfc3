//! The rows of the CVE checklist that concern a parser, by id. Rows about timers, TLS or objects belong to other rooms.

use super::*;
use Reason::*;

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

fn refused(lines: &str, rest: &str, reason: Reason) {
    check(lines, &Setup::server(), &post(lines, rest), &Bad(reason));
    assert!((400..=501).contains(&reason.status()));
}

#[test]
fn cve_2018_7159() {
    refused("Content-Length: 1 2\r\n", "x", InvalidContentLength);
}

#[test]
fn cve_2018_12116() {
    let mut out = vec![];
    for target in ["/\u{10d}\u{10a}".as_bytes(), b"/ HTTP/1.1\r\nX: y", b"/\r\n", b"/a b", b"/\0", b"/\x7f", b""] {
        let head = RequestHead { target, ..plain_get() };
        let result = encode_request_head(&mut out, &head);
        // As UTF-8 these letters are obs-text; as latin1, which the glue must not do, they would be CR and LF.
        let is_text = target.starts_with("/\u{10d}".as_bytes());
        assert_eq!(result.is_ok(), is_text);
        assert!(!out.windows(3).any(|bytes| bytes == b"\r\nX"), "no line is split");
        out.clear();
    }
}

#[test]
fn cve_2018_12121() {
    let huge = format!("GET / HTTP/1.1\r\n{HOST}{}\r\n", "X-Y: zzzzzzzzzz\r\n".repeat(5_000));
    check("80 KB of fields", &Setup::server(), huge.as_bytes(), &Bad(HeaderOverflow));
}

#[test]
fn cve_2019_15605() {
    for value in ["chunked\u{b}", "\u{b}chunked", "xchunked", "chunked,x", "ch\u{0}unked", " chunked,", "chunKed;"] {
        let log = verdict(&Setup::server(), &post(&format!("Transfer-Encoding: {value}\r\n"), "0\r\n\r\n"));
        assert!(matches!(log[..], [Said::Fault(_, reason)] if reason.status() == 400), "{value:?}");
    }
}

#[test]
fn cve_2019_15606() {
    let log = verdict(&Setup::server(), &post("X: y \t \r\nContent-Length: 1 \t\r\n", "x"));
    let Said::Head { fields, body, .. } = &log[0] else { panic!() };
    assert_eq!((fields[1].1.as_str(), fields[2].1.as_str(), *body), ("y", "1", BodyKind::Length(1)));
}

#[test]
fn cve_2020_8201() {
    refused("Content\rLength: 5\r\n", "hello", InvalidHeaderToken);
    refused("Transfer\rEncoding: chunked\r\n", "0\r\n\r\n", InvalidHeaderToken);
}

#[test]
fn cve_2020_8287() {
    refused(&format!("{CHUNKED}Transfer-Encoding: chunked-false\r\n"), "0\r\n\r\n", InvalidTransferEncoding);
    refused(&format!("Transfer-Encoding: chunked-false\r\n{CHUNKED}"), "0\r\n\r\n", InvalidTransferEncoding);
    refused(&format!("{CHUNKED}{CHUNKED}"), "0\r\n\r\n", InvalidTransferEncoding);
}

#[test]
fn cve_2021_22959() {
    refused("Content-Length : 5\r\n", "hello", InvalidHeaderToken);
    refused("Transfer-Encoding : chunked\r\n", "0\r\n\r\n", InvalidHeaderToken);
}

#[test]
fn cve_2021_22960() {
    check("LF", &Setup::server(), &post(CHUNKED, "2;\nxx\r\n4c\r\n0\r\n\r\n"), &Bad(ChunkCrExpected));
    check("CR", &Setup::server(), &post(CHUNKED, "2;a\rb\r\nxx\r\n0\r\n\r\n"), &Bad(ChunkLfExpected));
}

#[test]
fn cve_2022_32213() {
    for value in
        ["chunkedchunked", "chunked, identity", "identity, chunked", "chunked, cow", "chunked\tchunked", "gzip,chunked"]
    {
        refused(&format!("Transfer-Encoding: {value}\r\n"), "1\r\na\r\n0\r\n\r\n", InvalidTransferEncoding);
    }
}

#[test]
fn cve_2022_32214() {
    let wire = "GET / HTTP/1.1\r\nHost: a\r\nDummy: x\nContent-Length: 23\r\n\r\nGET / HTTP/1.1\r\nDummy: ";
    check("LF delimits", &Setup::server(), wire.as_bytes(), &Bad(CrExpected));
    check("LF only", &Setup::server(), b"GET / HTTP/1.1\nHost: a\n\n", &Bad(VersionCrlfExpected));
}

#[test]
fn cve_2022_32215() {
    refused("Transfer-Encoding: chunked\r\n , identity\r\n", "0\r\n\r\n", ObsFold);
    refused("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n", ObsFold);
    refused("Transfer-Encoding:\r\n\tchunked\r\n", "0\r\n\r\n", ObsFold);
}

#[test]
fn cve_2022_35256() {
    let wire = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\rTransfer-Encoding: chunked\r\n\r\n";
    check("CR ends no field", &Setup::server(), wire.as_bytes(), &Bad(LfExpected));
}

#[test]
fn cve_2023_30589() {
    check(
        "CR delimits",
        &Setup::server(),
        b"POST / HTTP/1.1\r\nHost: a\r\nX:\rTransfer-Encoding: chunked\r\n\r\n",
        &Bad(LfExpected),
    );
    check("CR only", &Setup::server(), b"GET / HTTP/1.1\rHost: a\r\r", &Bad(VersionCrlfExpected));
}

#[test]
fn cve_2023_23936() {
    let mut out = vec![];
    let response = ResponseHead { fields: b"Host: a\r\nX: y\nInjected: z\r\n", ..Default::default() };
    assert_eq!(encode_response_head(&mut out, &response, &imf_fixdate(0)), Err(EncodeFault::InvalidValue));
    assert!(out.is_empty());
}

#[test]
fn cve_2024_22019() {
    let wire = post(CHUNKED, &format!("1;{}", "a".repeat(1_000_000)));
    let log = run(&Setup::server(), &[&wire]);
    assert!(matches!(log[1], Said::Fault(position, ChunkExtensionsOverflow) if position < 17_000), "{log:?}");
    assert_eq!(ChunkExtensionsOverflow.status(), 413);
}

#[test]
fn cve_2024_27982() {
    let wire = "GET / HTTP/1.1\r\n Content-Length: 23\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nDummy: ";
    check("first line", &Setup::server(), wire.as_bytes(), &Bad(UnexpectedSpace));
    refused("X: y\r\n Content-Length: 5\r\n", "hello", ObsFold);
}

#[test]
fn cve_2025_23167() {
    check("CR X", &Setup::server(), b"GET / HTTP/1.1\r\nHost: a\r\n\rX", &Bad(HeadersLfExpected));
    check("CR G", &Setup::server(), b"GET / HTTP/1.1\r\nHost: a\r\n\rGET / HTTP/1.1\r\n\r\n", &Bad(HeadersLfExpected));
}

#[test]
fn cve_2026_21710() {
    let log = verdict(&Setup::server(), &post("__proto__: x\r\n", ""));
    assert!(matches!(&log[0], Said::Head { fields, .. } if fields[1].0 == "__proto__"));
}

#[test]
fn cve_2026_48931() {
    let early = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    check("before any request", &Setup::client(&[]), early, &Bad(UnsolicitedResponse));
    let twice = [early.as_slice(), early].concat();
    let log = verdict(&Setup::client(&[ResponseTo::Other]), &twice);
    assert!(
        matches!(log[..], [_, Said::End(_), Said::Fault(position, UnsolicitedResponse)] if position == early.len())
    );
}

#[test]
fn cve_2026_58044() {
    let wire = post(&format!("{}Content-Length: 5\r\n", "X: y\r\n".repeat(2_000)), "hello");
    check("refused, not truncated", &Setup::server(), &wire, &Bad(TooManyHeaders));
    assert_eq!(TooManyHeaders.status(), 431);
}

#[test]
fn rustsec_2020_0008_and_2021_0020_and_0078() {
    check(
        "GET with a body",
        &Setup::server(),
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        &Good(1, "hello"),
    );
    refused(&format!("{CHUNKED}{CHUNKED}"), "0\r\n\r\n", InvalidTransferEncoding);
    refused("Content-Length: +5\r\n", "hello", InvalidContentLength);
}

#[test]
fn rustsec_2026_0034_http10_and_close_delimited() {
    let wire = "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    check("1.0 chunked", &Setup::server(), wire.as_bytes(), &Bad(TransferEncodingInHttp10));
    check("no length, no body", &Setup::server(), b"POST / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &Good(1, ""));
}

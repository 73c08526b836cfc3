//! FRM: Content-Length, Transfer-Encoding, and what happens when they meet (R1 to R4).

use super::*;
use Reason::*;

const CL5: &str = "Content-Length: 5\r\n";
const TE: &str = "Transfer-Encoding: chunked\r\n";
const CHUNKS: &str = "5\r\nhello\r\n0\r\n\r\n";

#[test]
fn frm_length_and_chunked_meet() {
    let orders = [
        (format!("{CL5}{TE}"), TransferEncodingAfterLength),
        (format!("{TE}{CL5}"), LengthAfterTransferEncoding),
        (format!("{CL5}X: y\r\n{TE}"), TransferEncodingAfterLength),
        (format!("{TE}X: y\r\n{CL5}"), LengthAfterTransferEncoding),
        ("content-length: 5\r\ntransfer-encoding: chunked\r\n".into(), TransferEncodingAfterLength),
        ("CONTENT-LENGTH: 5\r\nTRANSFER-ENCODING: CHUNKED\r\n".into(), TransferEncodingAfterLength),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n".into(), TransferEncodingAfterLength),
        (format!("{CL5}Transfer-Encoding: identity\r\n"), TransferEncodingAfterLength),
        (format!("{CL5}Transfer-Encoding:\r\n"), TransferEncodingAfterLength),
        (format!("{TE}{CL5}{TE}"), LengthAfterTransferEncoding),
        (format!("{CL5}{CL5}{TE}"), DuplicateContentLength),
        (format!("{TE}{TE}{CL5}"), InvalidTransferEncoding),
    ];
    for (lines, reason) in orders {
        for body in ["hello", CHUNKS, ""] {
            check(&lines, &Setup::server(), &post(&lines, body), &Bad(reason));
        }
    }
}

#[test]
fn frm_content_length_values() {
    let good = ["5", "05", "0000000000000000000000005", " 5", "5 ", "\t5\t", "   5   "];
    for value in good {
        check(value, &Setup::server(), &post(&format!("Content-Length:{value}\r\n"), "hello"), &Good(1, "hello"));
    }
    let bad = [
        "",
        " ",
        "+5",
        "-5",
        "-0",
        "+0",
        "5,5",
        "5, 5",
        "5,6",
        "0x5",
        "5e0",
        "5.0",
        "5 5",
        "1 2",
        "5;",
        "5h",
        "five",
        "\"5\"",
        "9007199254740992",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
        "5\u{b}",
        "\u{660}",
        "5\u{a0}",
        "5_0",
        "0b1",
        "0o5",
        "NaN",
        "Infinity",
        "5%",
        "(5)",
        ",5",
        "5,",
        "1e1",
        "٥",
        "5:",
        ":",
        "5/",
        "/",
    ];
    for value in bad {
        let wire = post(&format!("Content-Length: {value}\r\n"), "hello");
        let log = verdict(&Setup::server(), &wire);
        let is_refused = matches!(log[..], [Said::Fault(_, InvalidContentLength | InvalidHeaderValue)]);
        assert!(is_refused, "{value:?}: {log:?}");
    }
    let most = post("Content-Length: 9007199254740991\r\n", "");
    assert!(matches!(
        verdict(&Setup::server(), &most)[..],
        [Said::Head { body: BodyKind::Length(9_007_199_254_740_991), .. }]
    ));
}

#[test]
fn frm_duplicate_lengths() {
    for (first, second) in [("5", "5"), ("5", "6"), ("0", "0"), ("0", "5"), ("5", "05")] {
        let lines = format!("Content-Length: {first}\r\nContent-Length: {second}\r\n");
        check(&lines, &Setup::server(), &post(&lines, "hello"), &Bad(DuplicateContentLength));
        let apart = format!("Content-Length: {first}\r\nX: y\r\ncontent-length: {second}\r\n");
        check(&apart, &Setup::server(), &post(&apart, "hello"), &Bad(DuplicateContentLength));
    }
}

#[test]
fn frm_transfer_encoding_values() {
    for value in ["chunked", "Chunked", "CHUNKED", "chunKed", " chunked", "chunked ", "\tchunked\t"] {
        check(value, &Setup::server(), &post(&format!("Transfer-Encoding:{value}\r\n"), CHUNKS), &Good(1, "hello"));
    }
    let malformed = [
        "",
        "identity",
        "chunkedchunked",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "chunked,identity",
        "identity, chunked",
        "gzip, chunked",
        "chunked, gzip",
        "chunked;q=1",
        "chunked; foo=bar",
        "\"chunked\"",
        "'chunked'",
        "xchunked",
        "chunked x",
        "chunk",
        "chunke",
        "c hunked",
        "chunked\u{b}",
        "\u{b}chunked",
        "chunked\u{c}",
        "\u{a0}chunked",
        "chunked\u{85}",
        "Chunked, deflate",
        "br",
        "trailers",
        "x-chunked",
        "none",
        "chunked=1",
        "c\thunked",
    ];
    for value in malformed {
        let log = verdict(&Setup::server(), &post(&format!("Transfer-Encoding: {value}\r\n"), CHUNKS));
        let is_refused = matches!(log[..], [Said::Fault(_, InvalidTransferEncoding | InvalidHeaderValue)]);
        assert!(is_refused, "{value:?}: {log:?}");
    }
    for value in ["gzip", "deflate", "compress", "x-gzip", "X-Compress", "GZIP"] {
        let wire = post(&format!("Transfer-Encoding: {value}\r\n"), CHUNKS);
        check(value, &Setup::server(), &wire, &Bad(UnsupportedTransferCoding));
    }
    assert_eq!(UnsupportedTransferCoding.status(), 501);
    for lines in [
        format!("{TE}{TE}"),
        format!("{TE}Transfer-Encoding: identity\r\n"),
        format!("{TE}Transfer-Encoding: gzip\r\n"),
    ] {
        check(&lines, &Setup::server(), &post(&lines, CHUNKS), &Bad(InvalidTransferEncoding));
    }
}

#[test]
fn frm_obfuscated_names_do_not_frame() {
    // Whatever is not the very name is another field, and the body is then the next request.
    for name in [
        "Content_Length",
        "ContentLength",
        "X-Content-Length",
        "Content-Length2",
        "Transfer_Encoding",
        "Transfer-Encodings",
    ] {
        check(name, &Setup::server(), &post(&format!("{name}: 5\r\n"), ""), &Good(1, ""));
    }
    for name in [
        "Content-Length ",
        " Content-Length",
        "Content-Length\t",
        "Content Length",
        "Transfer-Encoding ",
        "Content-Length\u{b}",
        "Content\u{0}-Length",
        "Content-Length:",
        "(Content-Length",
        "\"Content-Length\"",
        "Content-Leng\u{17f}h",
    ] {
        let log = verdict(&Setup::server(), &post(&format!("X: y\r\n{name}: 5\r\n"), "hello"));
        let is_fault = matches!(log[..], [Said::Fault(_, InvalidHeaderToken | ObsFold | InvalidContentLength)]);
        assert!(is_fault, "{name:?}: {log:?}");
    }
}

#[test]
fn frm_http10() {
    let ten = |lines: &str, rest: &str| format!("POST / HTTP/1.0\r\n{lines}\r\n{rest}").into_bytes();
    check_all(
        &Setup::server(),
        &[
            ("1.0 with length", ten(CL5, "hello"), Good(1, "hello")),
            ("1.0 without", ten("", ""), Good(1, "")),
            ("1.0 chunked", ten(TE, CHUNKS), Bad(TransferEncodingInHttp10)),
            (
                "1.0 chunked, kept alive",
                ten(&format!("Connection: keep-alive\r\n{TE}"), CHUNKS),
                Bad(TransferEncodingInHttp10),
            ),
            ("1.0 both", ten(&format!("{CL5}{TE}"), CHUNKS), Bad(TransferEncodingAfterLength)),
            ("1.0 identity", ten("Transfer-Encoding: identity\r\n", ""), Bad(InvalidTransferEncoding)),
        ],
    );
}

#[test]
fn frm_every_method_may_have_a_body() {
    for &method in Method::ALL {
        let name = String::from_utf8_lossy(method.as_bytes()).into_owned();
        let target = if method == Method::Connect { "a:1" } else { "/" };
        let head = format!("{name} {target} HTTP/1.1\r\n{HOST}");
        check(&name, &Setup::server(), format!("{head}\r\n").as_bytes(), &Good(1, ""));
        check(&name, &Setup::server(), format!("{head}{CL5}\r\nhello").as_bytes(), &Good(1, "hello"));
        check(&name, &Setup::server(), format!("{head}{TE}\r\n{CHUNKS}").as_bytes(), &Good(1, "hello"));
        check(
            &name,
            &Setup::server(),
            format!("{head}{CL5}{TE}\r\n{CHUNKS}").as_bytes(),
            &Bad(TransferEncodingAfterLength),
        );
    }
}

#[test]
fn frm_body_is_not_the_next_request() {
    let wire = post(
        "Content-Length: 35\r\n",
        "GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\nGET /real HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    let log = verdict(&Setup::server(), &wire);
    assert!(matches!(&log[1], Said::Body(body) if body.starts_with(b"GET /smuggled")));
    assert!(matches!(&log[3], Said::Head { line, .. } if line == "Get /real 1"));
}

//! AS-NODE: what `as_node` takes besides, and all that it still refuses.

use super::*;
use Reason::*;

const CHUNKS: &str = "5\r\nhello\r\n0\r\n\r\n";

fn server() -> Setup {
    Setup::server().with(|limits| limits.as_node = true)
}

fn client(to: ResponseTo) -> Setup {
    Setup::client(&[to]).with(|limits| limits.as_node = true)
}

/// Each is refused without `as_node`, for the reason given.
#[test]
fn as_node_takes_more() {
    let requests = [
        (post("Transfer-Encoding: gzip, chunked\r\n", CHUNKS), "hello", InvalidTransferEncoding),
        (
            post("Transfer-Encoding: deflate\r\nTransfer-Encoding: chunked\r\n", CHUNKS),
            "hello",
            UnsupportedTransferCoding,
        ),
        (b"GET / HTTP/1.1\r\nHost: http://a.example\r\n\r\n".to_vec(), "", InvalidHost),
        (b"GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n".to_vec(), "", InvalidHost),
        (b"GET http://b.example/ HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), "", HostMismatch),
    ];
    for (wire, body, reason) in requests {
        let id = String::from_utf8_lossy(&wire).into_owned();
        check(&id, &Setup::server(), &wire, &Bad(reason));
        check(&id, &server(), &wire, &Good(1, body));
    }
    let responses = [
        ("RTSP/1.0", 0, InvalidConstant),
        ("RTSP/1.1", 1, InvalidConstant),
        ("ICE/1.0", 0, InvalidConstant),
        ("ICE/1.1", 1, InvalidConstant),
        ("HTTP/0.9", 0, UnsupportedVersion),
    ];
    for (version, minor, reason) in responses {
        for phrase in ["", " ", " All is w\u{f6}ll"] {
            let wire = format!("{version} 200{phrase}\r\nA: b\r\nContent-Length: 5\r\n\r\nhello");
            check(&wire, &Setup::client(&[ResponseTo::Other]), wire.as_bytes(), &Bad(reason));
            let log = verdict(&client(ResponseTo::Other), wire.as_bytes());
            let Said::Head { line, fields, .. } = &log[0] else { panic!("{wire}: {log:?}") };
            assert_eq!(*line, format!("200 {} {minor}", phrase.trim_start()));
            assert_eq!(fields[0], ("A".into(), "b".into()));
            check(&wire, &client(ResponseTo::Other), wire.as_bytes(), &Good(1, "hello"));
        }
    }
}

#[test]
fn as_node_frames_as_strictly() {
    let lines = [
        ("Transfer-Encoding: gzip\r\n", InvalidTransferEncoding),
        ("Transfer-Encoding: chunked, gzip\r\n", InvalidTransferEncoding),
        ("Transfer-Encoding: chunked, chunked\r\n", InvalidTransferEncoding),
        ("Transfer-Encoding: gzip, chunked;a=b\r\n", InvalidTransferEncoding),
        ("Transfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n", LengthAfterTransferEncoding),
        ("Content-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n", TransferEncodingAfterLength),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", DuplicateContentLength),
        ("Host: a\r\n", DuplicateHost),
        ("Transfer-Encoding : chunked\r\n", InvalidHeaderToken),
    ];
    for (lines, reason) in lines {
        check(lines, &server(), &post(lines, CHUNKS), &Bad(reason));
    }
    let wires = [
        ("GET / RTSP/1.0\r\n\r\n", InvalidConstant),
        ("GET / HTTP/0.9\r\n\r\n", UnsupportedVersion),
        ("GET /\r\n\r\n", InvalidVersion),
        ("GET / HTTP/1.1\r\n\r\n", MissingHost),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", TransferEncodingInHttp10),
    ];
    for (wire, reason) in wires {
        check(wire, &server(), wire.as_bytes(), &Bad(reason));
    }
    let wires = [
        ("RTSP/2.0 200 OK\r\n\r\n", InvalidConstant),
        ("RTSX/1.0 200 OK\r\n\r\n", InvalidConstant),
        ("ICE/1.2 200 OK\r\n\r\n", UnsupportedVersion),
        ("HTTP/0.8 200 OK\r\n\r\n", InvalidConstant),
        ("HTTP/2.0 200 OK\r\n\r\n", UnsupportedVersion),
        ("RTSP/1.0 99 OK\r\n\r\n", InvalidStatus),
    ];
    for (wire, reason) in wires {
        check(wire, &client(ResponseTo::Other), wire.as_bytes(), &Bad(reason));
    }
}

//! PIPE: several messages on one connection.

use super::*;
use Reason::*;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn pipe_ten_thousand() {
    let wire = GET.repeat(10_000);
    for size in [wire.len(), 1, 7, 28, 29, 4_096, 65_536] {
        let pieces: Vec<&[u8]> = wire.as_bytes().chunks(size).collect();
        let log = run(&Setup::server(), &pieces);
        assert_eq!(log.len(), 20_000, "pieces of {size}");
    }
}

#[test]
fn pipe_second_is_bad() {
    for (bad, reason) in [
        ("GET / HTTP/1.1\r\n\r\n", MissingHost),
        ("G\0T / HTTP/1.1\r\n\r\n", InvalidMethod),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", VersionCrlfExpected),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", InvalidContentLength),
        ("hello", InvalidMethod),
    ] {
        let wire = format!("{GET}{bad}{GET}");
        let log = verdict(&Setup::server(), wire.as_bytes());
        assert_eq!(log.len(), 3, "nothing is parsed after a fault");
        assert!(matches!(log[2], Said::Fault(position, found) if found == reason && position >= GET.len()), "{log:?}");
    }
}

#[test]
fn pipe_mixed_bodies() {
    let wire = [
        GET.as_bytes(),
        &post("Content-Length: 3\r\n", "abc"),
        &post("Content-Length: 0\r\n", ""),
        &post("Transfer-Encoding: chunked\r\n", "3\r\ndef\r\n0\r\n\r\n"),
        GET.as_bytes(),
        &post("Transfer-Encoding: chunked\r\n", "3\r\nghi\r\n0\r\nX: y\r\n\r\n"),
        GET.as_bytes(),
    ]
    .concat();
    check("mixed", &Setup::server(), &wire, &Good(7, "abcdefghi"));
}

#[test]
fn pipe_after_close() {
    let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let log = verdict(&Setup::server(), format!("{close}{GET}").as_bytes());
    assert!(matches!(log[..], [_, Said::End(_), Said::Fault(position, ClosedConnection)] if position == close.len()));
    check("line breaks", &Setup::server(), format!("{close}\r\n\r\n\n").as_bytes(), &Good(1, ""));
    let ten = "GET / HTTP/1.0\r\n\r\n";
    let log = verdict(&Setup::server(), format!("{ten}{GET}").as_bytes());
    assert!(matches!(log[..], [_, Said::End(_), Said::Fault(_, ClosedConnection)]));
}

#[test]
fn pipe_caller_stops() {
    // Backpressure is not calling: what was not consumed is still the caller's.
    let wire = GET.repeat(3);
    let (limits, mut scratch) = (Limits::default(), Scratch::default());
    let mut decoder = Decoder::new(Role::Server);
    let head = decoder.decode(wire.as_bytes(), &limits, &mut scratch);
    assert_eq!(head.consumed, GET.len());
    let end = decoder.decode(&wire.as_bytes()[GET.len()..], &limits, &mut scratch);
    assert!(matches!(end.item, Item::End(_)) && end.consumed == 0);
    assert!(decoder.is_idle());
    decoder.refuse_more();
    let step = decoder.decode(&wire.as_bytes()[GET.len()..], &limits, &mut scratch);
    assert!(matches!(step.item, Item::Error(ClosedConnection)));
    // Refused while a head is half here: that one is the last.
    let mut decoder = Decoder::new(Role::Server);
    assert!(matches!(decoder.decode(&wire.as_bytes()[..5], &limits, &mut scratch).item, Item::NeedMore));
    decoder.refuse_more();
    let rest = &wire.as_bytes()[5..];
    let at = decoder.decode(rest, &limits, &mut scratch).consumed;
    assert!(matches!(decoder.decode(&rest[at..], &limits, &mut scratch).item, Item::End(_)));
    assert!(matches!(decoder.decode(&rest[at..], &limits, &mut scratch).item, Item::Error(ClosedConnection)));
}

#[test]
fn pipe_eof() {
    let cases: [(&[u8], EofKind); 9] = [
        (b"", EofKind::Clean),
        (b"\r\n", EofKind::Clean),
        (GET.as_bytes(), EofKind::Clean),
        (b"G", EofKind::Premature),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r", EofKind::Premature),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell", EofKind::Premature),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", EofKind::Premature),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y", EofKind::Premature),
        (b"GET / HTTP/1.0\r\n\r\n", EofKind::Clean),
    ];
    for (wire, want) in cases {
        let setup = Setup { eof: true, ..Setup::server() };
        let log = verdict(&setup, wire);
        assert_eq!(log.last(), Some(&Said::Eof(want)), "{}", String::from_utf8_lossy(wire));
    }
}

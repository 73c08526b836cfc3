//! LIMIT: each limit at one below, exactly, and one above.

use super::*;
use Reason::*;

/// A request whose head is exactly `size` bytes.
fn head_of(size: usize) -> String {
    let frame = format!("GET / HTTP/1.1\r\n{HOST}X: \r\n\r\n").len();
    format!("GET / HTTP/1.1\r\n{HOST}X: {}\r\n\r\n", "y".repeat(size - frame))
}

#[test]
fn limit_header_size() {
    for limit in [256, 1_024, 16_384, 65_536, 200_000] {
        let setup = Setup::server().with(|limits| limits.max_header_size = limit as u32);
        check("below", &setup, head_of(limit - 1).as_bytes(), &Good(1, ""));
        check("exact", &setup, head_of(limit).as_bytes(), &Good(1, ""));
        check("above", &setup, head_of(limit + 1).as_bytes(), &Bad(HeaderOverflow));
        check("far above", &setup, head_of(limit * 3).as_bytes(), &Bad(HeaderOverflow));
        check("never ends", &setup, &head_of(limit * 3).as_bytes()[..limit + 1], &Bad(HeaderOverflow));
    }
    assert_eq!((HeaderOverflow.status(), HeaderOverflow.code()), (431, "HPE_HEADER_OVERFLOW"));
}

#[test]
fn limit_long_target_and_name() {
    let setup = Setup::server();
    let target = format!("GET /{} HTTP/1.1\r\n{HOST}\r\n", "a".repeat(16_384));
    check("target", &setup, target.as_bytes(), &Bad(HeaderOverflow));
    let name = format!("GET / HTTP/1.1\r\n{HOST}{}: y\r\n\r\n", "a".repeat(16_384));
    check("name", &setup, name.as_bytes(), &Bad(HeaderOverflow));
    let wide = Setup::server().with(|limits| limits.max_header_size = 1 << 20);
    let name = |len| format!("GET / HTTP/1.1\r\n{HOST}{}: y\r\n\r\n", "a".repeat(len));
    check("name of 65535", &wide, name(65_535).as_bytes(), &Good(1, ""));
    check("name of 65536", &wide, name(65_536).as_bytes(), &Bad(HeaderOverflow));
}

#[test]
fn limit_header_count() {
    let with = |count: usize| format!("GET / HTTP/1.1\r\n{HOST}{}\r\n", "X: y\r\n".repeat(count - 1));
    for limit in [1, 31, 32, 33, 63, 64, 65, 100, 2_000] {
        let setup = Setup::server().with(|limits| {
            limits.max_headers = limit as u32;
            limits.max_header_size = 65_536;
        });
        for count in [limit.max(2) - 1, limit] {
            let log = verdict(&setup, with(count).as_bytes());
            assert!(
                matches!(&log[0], Said::Head { fields, .. } if fields.len() == count),
                "{count} of {limit}: never truncated"
            );
        }
        check("above", &setup, with(limit + 1).as_bytes(), &Bad(TooManyHeaders));
    }
}

#[test]
fn limit_count_hides_nothing() {
    // CVE-2026-58044: the field that frames comes after as many as are kept.
    let setup = Setup::server().with(|limits| limits.max_headers = 64);
    for filler in [62, 63, 64, 65] {
        let wire = post(&format!("{}Content-Length: 5\r\n", "X: y\r\n".repeat(filler)), "hello");
        let want = if filler + 2 <= 64 { Good(1, "hello") } else { Bad(TooManyHeaders) };
        check("length behind many", &setup, &wire, &want);
    }
    let setup = Setup::server();
    let wire = post(&format!("{}Content-Length: 5\r\n", "X: y\r\n".repeat(1_500)), "hello");
    check("length behind 1500", &setup, &wire, &Good(1, "hello"));
}

#[test]
fn limit_chunk_extension() {
    for limit in [0_usize, 1, 16_384] {
        let setup = Setup::server().with(|limits| limits.max_chunk_ext = limit as u32);
        let with =
            |size: usize| post("Transfer-Encoding: chunked\r\n", &format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(size)));
        if limit > 0 {
            check("exact", &setup, &with(limit), &Good(1, "x"));
        }
        check("above", &setup, &with(limit + 1), &Bad(ChunkExtensionsOverflow));
    }
    assert_eq!(
        (ChunkExtensionsOverflow.status(), ChunkExtensionsOverflow.code()),
        (413, "HPE_CHUNK_EXTENSIONS_OVERFLOW")
    );
    let setup = Setup::server().with(|limits| limits.max_chunk_ext = 5);
    let wire = post("Transfer-Encoding: chunked\r\n", "1;aaaaa\r\nx\r\n1;bbbbb\r\ny\r\n0;ccccc\r\n\r\n");
    check("counted per chunk", &setup, &wire, &Good(1, "xy"));
}

#[test]
fn limit_trailer_size() {
    let with = |size: usize| {
        let frame = "X: \r\n\r\n".len();
        post("Transfer-Encoding: chunked\r\n", &format!("0\r\nX: {}\r\n\r\n", "y".repeat(size - frame)))
    };
    for limit in [64, 8_192] {
        let setup = Setup::server().with(|limits| limits.max_trailer_size = limit as u32);
        check("below", &setup, &with(limit - 1), &Good(1, ""));
        check("exact", &setup, &with(limit), &Good(1, ""));
        check("above", &setup, &with(limit + 1), &Bad(TrailerOverflow));
    }
    let setup = Setup::server().with(|limits| limits.max_headers = 3);
    let many = |count| post("Transfer-Encoding: chunked\r\n", &format!("0\r\n{}\r\n", "X: y\r\n".repeat(count)));
    check("three", &setup, &many(3), &Good(1, ""));
    check("four", &setup, &many(4), &Bad(TooManyHeaders));
    let setup = Setup::server().with(|limits| limits.max_trailer_size = 0);
    check("none allowed", &setup, &many(0), &Bad(TrailerOverflow));
}

#[test]
fn limit_leading_lines() {
    for limit in [0_usize, 1, 8, 255] {
        let setup = Setup::server().with(|limits| limits.leading_crlf_max = limit as u8);
        let with = |count: usize| format!("{}GET / HTTP/1.1\r\n{HOST}\r\n", "\r\n".repeat(count));
        check("exact", &setup, with(limit).as_bytes(), &Good(1, ""));
        check("above", &setup, with(limit + 1).as_bytes(), &Bad(StrayLineBreak));
    }
}

#[test]
fn limit_memory_of_a_partial_head() {
    let limits = Limits::default();
    let (mut decoder, mut scratch) = (Decoder::new(Role::Server), Scratch::default());
    let wire = head_of(16_384);
    for byte in wire.as_bytes()[..16_383].chunks(1) {
        assert!(matches!(decoder.decode(byte, &limits, &mut scratch).item, Item::NeedMore));
        assert!(decoder.buffered() <= 16_384);
        assert!(decoder.is_in_head());
    }
    let step = decoder.decode(b"\n", &limits, &mut scratch);
    assert!(matches!(step.item, Item::Head(_)));
    assert_eq!(decoder.buffered(), 0, "freed as soon as it is whole");
}

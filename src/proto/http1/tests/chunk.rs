//! CHUNK: sizes, extensions, data ends, last chunks and trailers (RFC 9112 section 7.1, R14).

use super::*;
use Reason::*;

fn chunked(body: &str) -> Vec<u8> {
    post("Transfer-Encoding: chunked\r\n", body)
}

fn check_chunks(cases: &[(&str, &str, Want)]) {
    for (id, body, want) in cases {
        check(id, &Setup::server(), &chunked(body), want);
    }
}

#[test]
fn chunk_sizes() {
    check_chunks(&[
        ("plain", "5\r\nhello\r\n0\r\n\r\n", Good(1, "hello")),
        ("two", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", Good(1, "hello")),
        ("hex lower", "a\r\n0123456789\r\n0\r\n\r\n", Good(1, "0123456789")),
        ("hex upper", "A\r\n0123456789\r\n0\r\n\r\n", Good(1, "0123456789")),
        ("leading zeros", "0000005\r\nhello\r\n000\r\n\r\n", Good(1, "hello")),
        ("16 digits", "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", Good(1, "hello")),
        ("17 digits", "00000000000000005\r\nhello\r\n0\r\n\r\n", Bad(ChunkSizeOverflow)),
        ("17 digit last", "5\r\nhello\r\n00000000000000000\r\n\r\n", Bad(ChunkSizeOverflow)),
        ("overflow", "10000000000000000\r\n", Bad(ChunkSizeOverflow)),
        ("overflow F", "fffffffffffffffff\r\n", Bad(ChunkSizeOverflow)),
        ("rust 2021-0079", "f0000000000000003\r\nabc\r\n0\r\n\r\n", Bad(ChunkSizeOverflow)),
        ("empty", "\r\nhello\r\n", Bad(InvalidChunkSize)),
        ("0x", "0x5\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("plus", "+5\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("minus", "-5\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("underscore", "0_5\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("leading SP", " 5\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("trailing SP", "5 \r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("trailing HTAB", "5\t\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("leading HTAB", "\t5\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("inner SP", "0 5\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("h", "5h\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("g", "g\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("comma", "5,5\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("dot", "5.\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("NUL", "5\0\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("colon", "5:\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("LF", "5\nhello\r\n0\r\n\r\n", Bad(ChunkCrExpected)),
        ("CR", "5\rhello\r\n0\r\n\r\n", Bad(ChunkLfExpected)),
        ("CRCRLF", "5\r\r\nhello\r\n0\r\n\r\n", Bad(ChunkLfExpected)),
    ]);
}

#[test]
fn chunk_data_ends() {
    check_chunks(&[
        ("none", "5\r\nhello0\r\n\r\n", Bad(ChunkDataCrlfExpected)),
        ("LF", "5\r\nhello\n0\r\n\r\n", Bad(ChunkDataCrlfExpected)),
        ("CR", "5\r\nhello\r0\r\n\r\n", Bad(ChunkDataCrlfExpected)),
        ("LFCR", "5\r\nhello\n\r0\r\n\r\n", Bad(ChunkDataCrlfExpected)),
        ("CRCRLF", "5\r\nhello\r\r\n0\r\n\r\n", Bad(ChunkDataCrlfExpected)),
        ("too long", "5\r\nhello!\r\n0\r\n\r\n", Bad(ChunkDataCrlfExpected)),
        ("too short", "6\r\nhello\r\n0\r\n\r\n", Bad(ChunkDataCrlfExpected)),
        ("data is CRLF", "4\r\n\r\n\r\n\r\n0\r\n\r\n", Good(1, "\r\n\r\n")),
        ("data looks like last chunk", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", Good(1, "0\r\n\r\n")),
        ("extra CRLF", "5\r\nhello\r\n\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
    ]);
}

#[test]
fn chunk_extensions() {
    check_chunks(&[
        ("name", "5;a\r\nhello\r\n0\r\n\r\n", Good(1, "hello")),
        ("value", "5;a=b\r\nhello\r\n0;c=d\r\n\r\n", Good(1, "hello")),
        ("two", "5;a=b;c\r\nhello\r\n0\r\n\r\n", Good(1, "hello")),
        ("quoted", "5;a=\"b; c\\\"\"\r\nhello\r\n0\r\n\r\n", Good(1, "hello")),
        ("quoted, then more", "5;a=\"b\";c=d\r\nhello\r\n0\r\n\r\n", Good(1, "hello")),
        ("quoted obs-text", "5;a=\"é\"\r\nhello\r\n0\r\n\r\n", Good(1, "hello")),
        ("nothing", "5;\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("SP", "5; a=b\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("SP before", "5 ;a=b\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkSize)),
        ("SP after", "5;a=b \r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("no value", "5;a=\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("no name", "5;=b\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("two semicolons", "5;;a\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("LF in name", "5;a\nhello\r\n0\r\n\r\n", Bad(ChunkCrExpected)),
        ("LF in value", "5;a=b\nhello\r\n0\r\n\r\n", Bad(ChunkCrExpected)),
        ("LF in quotes", "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", Bad(ChunkCrExpected)),
        ("CR in quotes", "5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("CR in name", "5;a\rb\r\nhello\r\n0\r\n\r\n", Bad(ChunkLfExpected)),
        ("open quotes", "5;a=\"b\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("text after quotes", "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("NUL", "5;a=\0\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("NUL in quotes", "5;a=\"\0\"\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("NUL after backslash", "5;a=\"\\\0\"\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("colon", "5;a:b\r\nhello\r\n0\r\n\r\n", Bad(InvalidChunkExtension)),
        ("bad in the last", "5\r\nhello\r\n0; \r\n\r\n", Bad(InvalidChunkExtension)),
    ]);
}

#[test]
fn chunk_last() {
    check_chunks(&[
        ("no empty line", "0\r\n", Good(0, "")),
        ("LF", "0\n\n", Bad(ChunkCrExpected)),
        ("CRLF LF", "0\r\n\n", Bad(InvalidHeaderToken)),
        ("CR X", "0\r\n\rX", Bad(HeadersLfExpected)),
        ("next request without empty line", "0\r\nGET / HTTP/1.1\r\n\r\n", Bad(InvalidHeaderToken)),
        ("only the last", "0\r\n\r\n", Good(1, "")),
    ]);
    let log = verdict(&Setup::server(), &chunked("0\r\n\r\n5\r\nhello\r\n"));
    assert!(matches!(log[..], [_, Said::End(_), Said::Fault(_, InvalidMethod)]), "{log:?}");
}

#[test]
fn chunk_trailers() {
    check_chunks(&[
        ("one", "0\r\nX: y\r\n\r\n", Good(1, "")),
        ("bare LF", "0\r\nX: y\n\r\n", Bad(CrExpected)),
        ("fold", "0\r\nX: y\r\n z\r\n\r\n", Bad(ObsFold)),
        ("fold first", "0\r\n X: y\r\n\r\n", Bad(ObsFold)),
        ("SP colon", "0\r\nX : y\r\n\r\n", Bad(InvalidHeaderToken)),
        ("NUL", "0\r\nX: \0\r\n\r\n", Bad(InvalidHeaderValue)),
        ("bare CR", "0\r\nX: a\rb\r\n\r\n", Bad(LfExpected)),
        ("no colon", "0\r\nX\r\n\r\n", Bad(InvalidHeaderToken)),
    ]);
    let log = verdict(
        &Setup::server(),
        &chunked(
            "0\r\nX-A: 1\r\nContent-Length: 9\r\nHost: evil\r\nTransfer-Encoding: chunked\r\nx-b:\t2 \r\nConnection: close\r\nCookie: c\r\nTrailer: x\r\n\r\n",
        ),
    );
    let kept = vec![("X-A".to_owned(), "1".to_owned()), ("x-b".to_owned(), "2".to_owned())];
    assert!(matches!(&log[1], Said::End(fields) if *fields == kept), "forbidden ones are dropped: {log:?}");
    let mut two = chunked("0\r\nConnection: close\r\nContent-Length: 3\r\n\r\n");
    two.extend_from_slice(&chunked("1\r\nx\r\n0\r\n\r\n"));
    check("trailers do not frame", &Setup::server(), &two, &Good(2, "x"));
}

#[test]
fn chunk_one_byte_each() {
    let body = format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(20_000));
    let log = run(&Setup::server(), &[&chunked(&body)]);
    assert!(matches!(&log[1], Said::Body(data) if data.len() == 20_000), "payload is a sixth of it: slow, not hostile");
}

#[test]
fn chunk_overhead_guard() {
    let noise = format!("1;{}\r\nx\r\n", "e".repeat(400));
    let body = format!("{}0\r\n\r\n", noise.repeat(200));
    let log = run(&Setup::server(), &[&chunked(&body)]);
    assert!(matches!(log.last(), Some(Said::Fault(_, ChunkOverhead))), "{:?}", log.last());
    let pieces = chunked(&body);
    let bytes: Vec<&[u8]> = pieces.chunks(1).collect();
    assert_eq!(run(&Setup::server(), &bytes), log);
    let fair = format!("{}0\r\n\r\n", format!("40;{}\r\n{}\r\n", "e".repeat(400), "x".repeat(64)).repeat(400));
    assert!(matches!(run(&Setup::server(), &[&chunked(&fair)]).last(), Some(Said::End(_))));
}

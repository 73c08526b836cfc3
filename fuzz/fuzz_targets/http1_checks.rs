//! What the HTTP/1.1 fuzz targets assert, as plain functions, so that `tests/http1_fuzz_smoke.rs` runs them without
//! cargo-fuzz. None may panic on any input. They check that
//! - the verdict does not depend on where the input is cut;
//! - every call consumes at most its input, and makes progress;
//! - memory kept for a connection is bounded by the limits;
//! - a head that passes has no line end but CRLF, one field a line, and framing that a plain reading of its lines agrees with;
//! - chunked payload is what a plain decoder makes of the same bytes;
//! - whatever block of fields a guest sends is refused, or read back line by line by our own client role.
#![allow(dead_code)] // each target uses one of the functions

use skep::proto::http1::{
    BodyKind, Decoder, Head, HeaderId, Item, Limits, ResponseHead, ResponseTo, Role, Scratch, encode_body, encode_end,
    encode_response_head, imf_fixdate,
};

/// What the decoder said, without borrowing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Head(Vec<u8>, Vec<(usize, usize, usize)>, BodyKind, bool, bool),
    Body(Vec<u8>),
    End(Vec<u8>, usize),
    Upgrade,
    Tunnel,
    Fault(usize, u16),
}

fn limits() -> Limits {
    // Small, so that inputs of a fuzzer's size reach them.
    Limits { max_header_size: 512, max_headers: 70, max_chunk_ext: 40, max_trailer_size: 128, ..Limits::default() }
}

/// Any bytes, as a server's input.
pub fn request(data: &[u8]) {
    all_cuts(Role::Server, data);
}

/// Any bytes, as the answer to requests whose kinds come from the first byte.
pub fn response(data: &[u8]) {
    all_cuts(Role::Client, data);
}

/// Any bytes as a chunked body.
pub fn chunked(data: &[u8]) {
    let wire = [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", data].concat();
    let log = all_cuts(Role::Server, &wire);
    let payload: Vec<u8> = log
        .iter()
        .skip(1)
        .map_while(|said| if let Said::Body(data) = said { Some(data.clone()) } else { None })
        .flatten()
        .collect();
    let (plain, is_whole) = plain_chunks(data);
    let has_ended = log.iter().any(|said| matches!(said, Said::End(..)));
    if has_ended {
        assert!(is_whole, "a plain reading sees no end");
        assert_eq!(payload, plain);
    } else {
        assert!(plain.starts_with(&payload) || payload.starts_with(&plain), "payload differs");
    }
}

/// A guest's field block, status and body.
pub fn encode(data: &[u8]) {
    let (&selector, rest) = data.split_first().unwrap_or((&0, b""));
    let block = &rest[..rest.len().min(4_096)];
    let head = ResponseHead {
        status: [200, 204, 304, 404, 500, 999][usize::from(selector % 6)],
        method_is_head: selector & 0x40 != 0,
        use_chunked_by_default: selector & 0x20 == 0,
        content_length: (selector & 0x10 != 0).then_some(5),
        fields: block,
        ..ResponseHead::default()
    };
    let mut out = b"before".to_vec();
    let Ok(mut framing) = encode_response_head(&mut out, &head, &imf_fixdate(0)) else {
        assert_eq!(out, b"before", "a refused head leaves nothing behind");
        return;
    };
    encode_body(&mut framing, &mut out, b"hello").expect("the message is open");
    let sent = encode_end(&mut framing, &mut out, b"").expect("the message is open");
    let to = if head.method_is_head { ResponseTo::Head } else { ResponseTo::Other };
    let wide = Limits { max_header_size: 65_536, max_headers: 8_192, ..Limits::default() };
    let (mut decoder, mut scratch, mut at) = (Decoder::new(Role::Client), Scratch::default(), b"before".len());
    decoder.expect_response(to);
    let mut has_ended = false;
    loop {
        let step = decoder.decode(&out[at..], &wide, &mut scratch);
        at += step.consumed;
        match step.item {
            Item::Head(head) => check_head(&head),
            Item::Body(_) => {}
            Item::End(_) => {
                has_ended = true;
                break;
            }
            Item::NeedMore => break,
            other => panic!("we read back what we sent: {other:?}"),
        }
    }
    assert_eq!(at, out.len(), "nothing follows the response");
    assert!(has_ended || !sent.keep_alive, "a connection that lives on has seen the end");
}

fn all_cuts(role: Role, data: &[u8]) -> Vec<Said> {
    let whole = run(role, data, data.len().max(1), 0);
    assert_eq!(run(role, data, 1, 0), whole, "byte by byte");
    let seed = data
        .iter()
        .fold(0x9e37_79b9_7f4a_7c15_u64, |seed, &byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!(run(role, data, 64, seed | 1), whole, "cut at random");
    whole
}

/// Feeds `data` in pieces of at most `most` bytes: of exactly that if `seed` is 0.
fn run(role: Role, data: &[u8], most: usize, seed: u64) -> Vec<Said> {
    let (limits, mut scratch, mut decoder) = (limits(), Scratch::default(), Decoder::new(role));
    let (mut log, mut at, mut seed, mut ends) = (vec![], 0, seed, 0);
    ask(role, &mut decoder, data, ends);
    let mut rest = data;
    while !rest.is_empty() {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let size = if seed == 0 { most } else { 1 + (seed % most as u64) as usize };
        let (mut piece, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        loop {
            let step = decoder.decode(piece, &limits, &mut scratch);
            assert!(step.consumed <= piece.len());
            at += step.consumed;
            piece = &piece[step.consumed..];
            match step.item {
                Item::NeedMore => {
                    assert!(piece.is_empty());
                    break;
                }
                Item::Head(head) => {
                    check_head(&head);
                    let fields = head
                        .fields
                        .iter()
                        .map(|field| (field.name as usize, field.value as usize, field.value_len as usize));
                    log.push(Said::Head(
                        head.bytes.to_vec(),
                        fields.collect(),
                        head.body,
                        head.keep_alive,
                        head.upgrade,
                    ));
                }
                Item::Body(data) => match log.last_mut() {
                    Some(Said::Body(all)) => all.extend_from_slice(data),
                    _ => log.push(Said::Body(data.to_vec())),
                },
                Item::End(trailers) => {
                    log.push(Said::End(trailers.bytes.to_vec(), trailers.fields.len()));
                    ends += 1;
                    ask(role, &mut decoder, data, ends);
                }
                Item::UpgradePending => {
                    log.push(Said::Upgrade);
                    decoder.decide_upgrade(data.len().is_multiple_of(2));
                }
                Item::Tunnel => {
                    log.push(Said::Tunnel);
                    return log;
                }
                Item::Error(reason) => {
                    log.push(Said::Fault(at, reason.status()));
                    return log;
                }
            }
            assert!(log.len() <= 2 * data.len() + 2, "each item needs bytes");
        }
        assert!(decoder.buffered() <= limits.max_header_size as usize);
    }
    log
}

fn ask(role: Role, decoder: &mut Decoder, data: &[u8], ends: usize) {
    const KINDS: [ResponseTo; 4] = [ResponseTo::Other, ResponseTo::Head, ResponseTo::Connect, ResponseTo::Upgrade];
    if role == Role::Client && ends < 3 {
        let selector = usize::from(data.last().copied().unwrap_or(0));
        decoder.expect_response(KINDS[(selector >> (2 * ends)) & 3]);
    }
}

/// A second, plain reading of a head that passed.
fn check_head(head: &Head<'_>) {
    let text = head.bytes;
    assert!(text.ends_with(b"\r\n\r\n"));
    for (position, &byte) in text.iter().enumerate() {
        assert!(byte != b'\n' || (position > 0 && text[position - 1] == b'\r'), "bare LF");
        assert!(byte != b'\r' || text.get(position + 1) == Some(&b'\n'), "bare CR");
        assert!(byte >= b' ' || matches!(byte, b'\r' | b'\n' | b'\t'), "control character");
    }
    let lines = text.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(lines, head.fields.len() + 2, "one field a line, none left out");
    let named = |name: &str| {
        let is_named = |line: &&[u8]| {
            line.split(|&byte| byte == b':').next().is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes()))
        };
        text.split(|&byte| byte == b'\n').filter(is_named).count()
    };
    let (lengths, codings) = (named("content-length"), named("transfer-encoding"));
    // A response may have several codings; one that is not chunked last ends with its connection.
    let is_request = head.method().is_some();
    assert!(lengths <= 1 && (lengths == 0 || codings == 0) && (codings <= 1 || !is_request), "one field frames");
    assert_eq!(head.field(HeaderId::ContentLength).is_some(), lengths == 1);
    match head.body {
        BodyKind::Chunked => assert!(codings >= 1 && head.version_minor == 1),
        BodyKind::Length(length) => {
            let value = head.field(HeaderId::ContentLength).expect("a length was given");
            let text = std::str::from_utf8(value).expect("digits");
            assert!(text.bytes().all(|byte| byte.is_ascii_digit()));
            assert_eq!(text.trim_start_matches('0').parse().unwrap_or(0), length);
        }
        BodyKind::None => assert!(!is_request || lengths + codings == 0),
        BodyKind::UntilClose => assert!(!is_request && lengths == 0 && !head.keep_alive),
    }
}

/// Payload, and whether the last chunk and its trailers were there, read in the plainest way.
fn plain_chunks(data: &[u8]) -> (Vec<u8>, bool) {
    let (mut payload, mut rest) = (vec![], data);
    loop {
        let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else { return (payload, false) };
        let line = rest[..end].split(|&byte| byte == b';').next().unwrap_or(b"");
        let Some(size) = std::str::from_utf8(line).ok().and_then(|hex| u64::from_str_radix(hex, 16).ok()) else {
            return (payload, false);
        };
        rest = &rest[end + 2..];
        if size == 0 {
            return (payload, rest.starts_with(b"\r\n") || rest.windows(4).any(|four| four == b"\r\n\r\n"));
        }
        let taken = usize::try_from(size).map_or(rest.len(), |size| size.min(rest.len()));
        payload.extend_from_slice(&rest[..taken]);
        rest = &rest[taken..];
        if !rest.starts_with(b"\r\n") {
            return (payload, false);
        }
        rest = &rest[2..];
    }
}

//! RESP: a hostile guest tries to make the wire say something else than the host believes.

use super::*;
use EncodeFault::*;

fn date() -> [u8; 29] {
    imf_fixdate(0)
}

fn try_fields(fields: &[u8]) -> Result<ResponseFraming, EncodeFault> {
    let mut out = b"before".to_vec();
    let result = encode_response_head(&mut out, &ResponseHead { fields, ..Default::default() }, &date());
    if result.is_err() {
        assert_eq!(out, b"before", "a refused head leaves nothing behind");
    }
    result
}

#[test]
fn resp_blocks() {
    let cases: [(&[u8], Result<(), EncodeFault>); 33] = [
        (b"", Ok(())),
        (b"A: b\r\n", Ok(())),
        (b"A:b\r\n", Ok(())),
        (b"A:\r\n", Ok(())),
        (b"A: \xe9\x80\r\n", Ok(())),
        (b"Set-Cookie: a\r\nSet-Cookie: b\r\n", Ok(())),
        (b"A: b", Err(MalformedBlock)),
        (b"A: b\r", Err(InvalidValue)),
        (b"A: b\n", Err(InvalidValue)),
        (b"A: b\r\nC", Err(MalformedBlock)),
        (b"A: b\r\nC: d", Err(MalformedBlock)),
        (b"\r\n", Err(InvalidName)),
        (b"A: b\r\n\r\n", Err(InvalidName)),
        (b"A: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Err(InvalidName)),
        (b"A: b\r\n C: d\r\n", Err(InvalidName)),
        (b"A: b\r\r\n", Err(InvalidValue)),
        (b"A: b\rc\r\n", Err(InvalidValue)),
        (b"A: b\nc\r\n", Err(InvalidValue)),
        (b"A: \0\r\n", Err(InvalidValue)),
        (b"A: \x7f\r\n", Err(InvalidValue)),
        (b"A: \x1b[31m\r\n", Err(InvalidValue)),
        (b": b\r\n", Err(InvalidName)),
        (b"A : b\r\n", Err(InvalidName)),
        (b"A b: c\r\n", Err(InvalidName)),
        (b"A\0: b\r\n", Err(InvalidName)),
        (b"A\xe9: b\r\n", Err(InvalidName)),
        (b"A\r\n", Err(InvalidName)),
        (b"A(: b\r\n", Err(InvalidName)),
        (b"Location: /\r\nSet-Cookie: x\r\n", Ok(())),
        (b"Location: /\nSet-Cookie: x\r\n", Err(InvalidValue)),
        (b"Trailer: X\r\nContent-Length: 1\r\n", Err(TrailerInvalid)),
        (b"A", Err(MalformedBlock)),
        (b"A:", Err(MalformedBlock)),
    ];
    for (block, want) in cases {
        assert_eq!(try_fields(block).map(|_| ()), want, "{:?}", String::from_utf8_lossy(block));
        let informational = encode_informational(&mut vec![], 103, block).map(|_| ());
        assert_eq!(informational, if want == Err(TrailerInvalid) { Ok(()) } else { want });
    }
}

#[test]
fn resp_every_byte() {
    for byte in 0..=255_u8 {
        let name = try_fields(&[b"A", &[byte][..], b"b: c\r\n"].concat());
        assert_eq!(name.is_ok(), is_token(&[byte]) || byte == b':', "name {byte:#x}");
        let value = try_fields(&[b"A: b", &[byte][..], b"c\r\n"].concat());
        assert_eq!(value.is_ok(), byte == b'\t' || (byte >= b' ' && byte != 0x7f), "value {byte:#x}");
        let reason = [b"O", &[byte][..], b"K"].concat();
        let head = ResponseHead { reason: Some(&reason), ..Default::default() };
        let result = encode_response_head(&mut vec![], &head, &date());
        assert_eq!(result.is_ok(), byte == b'\t' || (byte >= b' ' && byte != 0x7f), "reason {byte:#x}");
    }
}

#[test]
fn resp_framing_fields() {
    let cases: [(&[u8], EncodeFault); 14] = [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", LengthWithTransferEncoding),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", LengthWithTransferEncoding),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n", InvalidContentLength),
        (b"Content-Length: 5\r\ncontent-length: 6\r\n", InvalidContentLength),
        (b"Content-Length: abc\r\n", InvalidContentLength),
        (b"Content-Length:\r\n", InvalidContentLength),
        (b"Content-Length: -1\r\n", InvalidContentLength),
        (b"Content-Length: +1\r\n", InvalidContentLength),
        (b"Content-Length: 1, 1\r\n", InvalidContentLength),
        (b"Content-Length: 9007199254740992\r\n", InvalidContentLength),
        (b"Transfer-Encoding: chunked, gzip\r\n", InvalidTransferEncoding),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", InvalidTransferEncoding),
        (b"Transfer-Encoding: chunked, chunked\r\n", InvalidTransferEncoding),
        (b"Transfer-Encoding:\r\n", InvalidTransferEncoding),
    ];
    for (block, want) in cases {
        assert_eq!(try_fields(block), Err(want), "{}", String::from_utf8_lossy(block));
    }
}

/// A body in another coding ends with the connection, unless `chunked` is the last one; a request has no such way out.
#[test]
fn resp_codings() {
    for (value, status, is_head, wire, keep_alive) in [
        ("gzip", 200, false, "hello", false),
        ("identity", 200, false, "hello", false),
        ("gzip, Chunked", 200, false, "5\r\nhello\r\n0\r\n\r\n", true),
        ("gzip", 200, true, "", true),
        ("gzip", 304, false, "", true),
        ("gzip", 204, false, "", true),
    ] {
        let fields = format!("Transfer-Encoding: {value}\r\n");
        let head = ResponseHead { status, fields: fields.as_bytes(), method_is_head: is_head, ..Default::default() };
        let mut out = vec![];
        let sent = encode_response(&mut out, &head, b"hello", &date()).expect("a good response");
        let text = String::from_utf8(out).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert_eq!((body, sent.keep_alive), (wire, keep_alive), "{value} {status} {is_head}");
        assert_eq!(head.contains("Connection: close"), !keep_alive, "{head}");
        assert_eq!(head.contains(&fields[..fields.len() - 2]), status != 204, "{head}");
        assert!(!head.contains("Content-Length"), "{head}");
        let request = RequestHead {
            method: b"POST",
            target: b"/",
            fields: fields.as_bytes(),
            content_length: None,
            use_chunked_by_default: true,
            should_keep_alive: true,
            has_agent: false,
            removed: Removed::default(),
        };
        assert_eq!(encode_request_head(&mut vec![], &request), Err(InvalidTransferEncoding), "{value}");
    }
}

#[test]
fn resp_status() {
    for status in [0, 1, 99, 1_000, 65_535] {
        let head = ResponseHead { status, ..Default::default() };
        assert_eq!(encode_response_head(&mut vec![], &head, &date()), Err(InvalidStatus));
    }
    for status in [100, 102, 103, 199] {
        let head = ResponseHead { status, ..Default::default() };
        let framing = encode_response_head(&mut vec![], &head, &date()).expect("Node allows it");
        assert!(!framing.keep_alive && !framing.has_body(), "the peer still waits: only closing ends it");
    }
}

#[test]
fn resp_declared_length_is_kept() {
    for (declared, writes, wire, is_whole) in [
        (5, &["hello"][..], "hello", true),
        (5, &["he", "llo"], "hello", true),
        (5, &["he", "llo!"], "hello", false),
        (5, &["hello", "HTTP/1.1 200 OK\r\n\r\n"], "hello", false),
        (5, &["hell"], "hell", false),
        (5, &[], "", false),
        (0, &[], "", true),
        (0, &["x"], "", false),
    ] {
        let fields = format!("Content-Length: {declared}\r\n");
        let mut out = vec![];
        let head = ResponseHead { fields: fields.as_bytes(), ..Default::default() };
        let mut framing = encode_response_head(&mut out, &head, &date()).expect("a good head");
        let head_len = out.len();
        for data in writes {
            encode_body(&mut framing, &mut out, data.as_bytes()).expect("open");
        }
        let sent = encode_end(&mut framing, &mut out, b"").expect("open");
        assert_eq!(&out[head_len..], wire.as_bytes());
        assert_eq!(sent, Sent { keep_alive: is_whole, is_whole }, "{declared} {writes:?}");
    }
}

#[test]
fn resp_after_the_end() {
    let mut out = vec![];
    let mut framing = encode_response_head(&mut out, &ResponseHead::default(), &date()).expect("a good head");
    encode_end(&mut framing, &mut out, b"").expect("open");
    let len = out.len();
    assert_eq!(encode_body(&mut framing, &mut out, b"x"), Err(WriteAfterEnd));
    assert_eq!(encode_body(&mut framing, &mut out, b""), Err(WriteAfterEnd));
    assert_eq!(encode_end(&mut framing, &mut out, b""), Err(WriteAfterEnd));
    assert!(framing.has_ended() && out.len() == len);
}

#[test]
fn resp_bad_trailers_leave_the_message_open() {
    for block in
        [b"X: a\r\nb\r\n".as_slice(), b"X: a\n\r\n", b"\r\n", b"0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"X: \0\r\n"]
    {
        let mut out = vec![];
        let mut framing = encode_response_head(&mut out, &ResponseHead::default(), &date()).expect("a good head");
        let len = out.len();
        assert!(encode_end(&mut framing, &mut out, block).is_err());
        assert_eq!(out.len(), len);
        assert!(encode_end(&mut framing, &mut out, b"").expect("still open").keep_alive);
    }
}

#[test]
fn resp_bodiless_drops_bytes() {
    for (status, method_is_head) in [(204, false), (304, false), (200, true), (101, false)] {
        for fields in ["", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"] {
            let mut out = vec![];
            let head = ResponseHead { status, method_is_head, fields: fields.as_bytes(), ..Default::default() };
            let mut framing = encode_response_head(&mut out, &head, &date()).expect("a good head");
            let len = out.len();
            assert!(!framing.has_body());
            assert_eq!(encode_body(&mut framing, &mut out, b"hello"), Ok(Accepted::NoBody));
            assert!(encode_end(&mut framing, &mut out, b"X: y\r\n").expect("open").is_whole);
            assert_eq!(out.len(), len, "{status} {fields}");
        }
    }
}

#[test]
fn resp_seeded_blocks_never_split() {
    // Whatever block a guest makes up: it is refused, or the peer reads exactly its lines and ours.
    let parts: [&[u8]; 14] = [
        b"A",
        b": ",
        b":",
        b"\r\n",
        b"\r",
        b"\n",
        b" ",
        b"\0",
        b"Content-Length",
        b"5",
        b"chunked",
        b"Transfer-Encoding",
        b"HTTP/1.1 200 OK",
        b"\xff",
    ];
    let mut rng = Rng(7);
    let mut good = 0;
    for _ in 0..20_000 {
        let mut block = vec![];
        for _ in 0..rng.below(4) * 4 {
            // Mostly well-formed lines, so that some pass.
            if rng.below(3) > 0 {
                block.extend_from_slice(
                    [b"A: b\r\n".as_slice(), b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"x:y\r\n"]
                        [rng.below(4)],
                );
            } else {
                block.extend_from_slice(parts[rng.below(parts.len())]);
            }
        }
        let mut out = vec![];
        let head = ResponseHead { fields: &block, ..Default::default() };
        let Ok(mut framing) = encode_response_head(&mut out, &head, &date()) else { continue };
        good += 1;
        encode_body(&mut framing, &mut out, b"hello").expect("open");
        encode_end(&mut framing, &mut out, b"").expect("open");
        let log = run(&Setup::client(&[ResponseTo::Other]), &[&out]);
        assert!(
            matches!(&log[..], [Said::Head { .. }, Said::Body(body), Said::End(_)] if body == b"hello"),
            "{:?} {log:?}",
            String::from_utf8_lossy(&out)
        );
        let Said::Head { fields, .. } = &log[0] else { unreachable!() };
        let lines = block.iter().filter(|&&byte| byte == b'\n').count();
        assert!((lines + 3..=lines + 4).contains(&fields.len()), "no line more than the guest's and ours");
    }
    assert!(good > 500, "{good}");
}

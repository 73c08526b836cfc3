//! Small parts: names, methods, dates, chunk heads, codes.

use super::*;

#[test]
fn unit_header_ids() {
    let mut count = 0;
    for (id, name) in HeaderId::all() {
        assert_eq!(HeaderId::of(name), id);
        assert_eq!(HeaderId::of(&name.to_ascii_uppercase()), id);
        assert_eq!(id.lower_name(), name);
        let mut longer = name.to_vec();
        longer.push(b'x');
        assert_eq!(HeaderId::of(&longer), HeaderId::Other);
        for at in 0..name.len() {
            for bit in 0..8 {
                let mut other = name.to_vec();
                other[at] ^= 1 << bit;
                let is_case = bit == 5 && name[at].is_ascii_alphabetic();
                assert_eq!(HeaderId::of(&other) == id, is_case, "{other:?}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 79);
    for name in [b"".as_slice(), b"x", b"x-nothing", b"\xff\xfe", b"hos\xf4"] {
        assert_eq!(HeaderId::of(name), HeaderId::Other);
    }
}

#[test]
fn unit_methods() {
    assert_eq!(Method::ALL.len(), 35);
    for &method in Method::ALL {
        assert_eq!(Method::from_bytes(method.as_bytes()), Some(method));
        assert_eq!(Method::from_bytes(&method.as_bytes().to_ascii_lowercase()), None);
        let wire = [method.as_bytes(), b"X / HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let log = verdict(&Setup::server(), &wire);
        assert!(matches!(log[..], [Said::Fault(_, Reason::InvalidMethod)]), "{method:?}");
    }
    assert_eq!(Method::from_bytes(b""), None);
}

#[test]
fn unit_dates() {
    for (seconds, want) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        assert_eq!(imf_fixdate(seconds), *want.as_bytes());
    }
}

#[test]
fn unit_chunk_heads() {
    for len in (0..40).map(|bits| 1_usize << bits).flat_map(|len| [len, len + 1, len * 2 - 1]).chain([usize::MAX]) {
        let (head, used) = chunk_head(len);
        assert_eq!(String::from_utf8_lossy(&head[..used]), format!("{len:x}\r\n"));
    }
}

#[test]
#[should_panic(expected = "an empty chunk ends the body")]
fn unit_chunk_head_of_nothing() {
    chunk_head(0);
}

#[test]
fn unit_codes_are_nodes() {
    assert_eq!(Reason::InvalidHeaderToken.code(), "HPE_INVALID_HEADER_TOKEN");
    assert_eq!(Reason::LfExpected.code(), "HPE_LF_EXPECTED");
    assert_eq!(Reason::DuplicateContentLength.code(), "HPE_UNEXPECTED_CONTENT_LENGTH");
    assert_eq!(Reason::InvalidContentLength.status(), 400);
    assert_eq!(Reason::RequestTimeout.status(), 408);
    assert_eq!(EncodeFault::TrailerInvalid.code(), "ERR_HTTP_TRAILER_INVALID");
    assert_eq!(default_reason(418), "I'm a Teapot");
}

#[test]
fn unit_bytes_parsed_is_the_bad_byte() {
    for (wire, at) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n", 29),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", 14),
        ("get / HTTP/1.1\r\n\r\n", 0),
        ("\r\n\r\nGET / HTTP/3.0\r\n", 15),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5x", 57),
    ] {
        let log = verdict(&Setup::server(), wire.as_bytes());
        assert!(matches!(log.last(), Some(Said::Fault(found, _)) if *found == at), "{wire:?}: {log:?}");
    }
}

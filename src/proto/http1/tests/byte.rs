//! BYTE: every byte value in method, target, name and value: 1024 requests (R7, R9).

use super::*;

/// `before`, one byte, `after`; the byte must pass exactly if `allowed` says so.
fn each_byte(before: &str, after: &str, allowed: impl Fn(u8) -> bool, faults: &[Reason]) {
    for byte in 0..=255 {
        let mut wire = before.as_bytes().to_vec();
        wire.push(byte);
        wire.extend_from_slice(after.as_bytes());
        let log = verdict(&Setup::server(), &wire);
        let is_good = matches!(log[..], [Said::Head { .. }, Said::End(_)]);
        assert_eq!(is_good, allowed(byte), "{before:?} {byte:#x}: {log:?}");
        if !is_good {
            let [Said::Fault(position, reason)] = log[..] else { panic!("{byte:#x}: {log:?}") };
            assert!(faults.contains(&reason), "{byte:#x}: {reason:?}");
            assert!(position >= before.len() && position <= before.len() + after.len(), "{byte:#x} at {position}");
        }
    }
}

#[test]
fn byte_in_method() {
    // No byte can be put into GET that gives another known method.
    each_byte("GE", "T / HTTP/1.1\r\nHost: a\r\n\r\n", |_| false, &[Reason::InvalidMethod]);
}

#[test]
fn byte_in_target() {
    use Reason::*;
    // A URI is ASCII (RFC 3986); llhttp refuses the rest too, be it UTF-8 or not.
    let allowed = |byte: u8| (0x21..0x7f).contains(&byte);
    each_byte("GET /a", "b HTTP/1.1\r\nHost: a\r\n\r\n", allowed, &[InvalidUrl, InvalidConstant, InvalidVersion]);
}

#[test]
fn byte_in_name() {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:".contains(&byte);
    let rest = "z: y\r\n\r\n";
    each_byte("GET / HTTP/1.1\r\nHost: a\r\nX", rest, allowed, &[Reason::InvalidHeaderToken]);
}

#[test]
fn byte_in_value() {
    use Reason::*;
    let allowed = |byte: u8| byte == b'\t' || (byte >= b' ' && byte != 0x7f);
    each_byte("GET / HTTP/1.1\r\nHost: a\r\nX: y", "z\r\n\r\n", allowed, &[InvalidHeaderValue, CrExpected, LfExpected]);
}

#[test]
fn byte_in_chunk_size() {
    for byte in 0..=255_u8 {
        let mut wire = post("Transfer-Encoding: chunked\r\n", "0");
        wire.push(byte);
        wire.extend_from_slice(b"0\r\n\r\n");
        let log = verdict(&Setup::server(), &wire);
        let is_good = matches!(log[..], [Said::Head { .. }, Said::End(_)]);
        assert_eq!(is_good, byte == b'0' || byte == b';', "{byte:#x}: {log:?}");
    }
}

#[test]
fn byte_in_host() {
    for byte in 0..=255_u8 {
        let wire = [b"GET / HTTP/1.1\r\nHost: a".as_slice(), &[byte], b"b\r\n\r\n"].concat();
        let log = verdict(&Setup::server(), &wire);
        let is_good = matches!(log[..], [Said::Head { .. }, Said::End(_)]);
        assert_eq!(is_good, byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte), "{byte:#x}: {log:?}");
    }
}

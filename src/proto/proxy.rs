//! The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): what a front's own proxy tells of a connection before
//! the connection's first byte. It must not know who may be believed: that is the operator's word.
//!
//! Strict: what is not exactly a header is a fault, and nothing is guessed. No byte behind the header is asked for, so that
//! whatever follows (TLS, another protocol) stays where it is.
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

/// A line of version 1 with its end: the longest that the specification allows.
const LINE: usize = 107;

/// `PROXY UNKNOWN` with its end: no line is shorter.
const SHORTEST: usize = 15;

/// The beginning of version 2, which no other protocol begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family, length.
const FIXED: usize = 16;

/// Kinds of what may follow the addresses.
const AUTHORITY: u8 = 0x02;
const SSL: u8 = 0x20;

/// Bit of the SSL record's first byte: the client has spoken TLS.
const CLIENT_SSL: u8 = 1;

/// A name of DNS is no longer.
const NAME_BYTES: usize = 253;

/// Who the connection is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    pub peer: SocketAddr,
    /// It came to the proxy in TLS; the name that was asked for, if any was told.
    pub tls: Option<String>,
}

/// What the bytes so far come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// At least so many more bytes are the header's.
    More(usize),
    /// It is whole. None: the connection is the proxy's own, or it does not know whose it is.
    Whole(Option<Client>),
    /// It is none.
    Fault(Fault),
}

/// Why it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It begins like neither version.
    NoHeader,
    /// Version 1: the line is too long, or its words are wrong.
    Line,
    /// Version 2: no such version, command or family.
    Kind,
    /// Version 2: its length is not that of what is in it, or too large.
    Length,
    /// Version 2: the name is none.
    Name,
}

/// Reads a header from the first byte of a connection on; of version 2 at most `most` bytes.
pub fn read(bytes: &[u8], most: usize) -> Told {
    let begins = |start: &[u8]| bytes.iter().zip(start).all(|(one, other)| one == other);
    match bytes.first() {
        None => Told::More(SHORTEST),
        Some(b'P') if begins(b"PROXY ") => line(bytes),
        Some(b'\r') if begins(SIGNATURE) => binary(bytes, most).unwrap_or_else(Told::Fault),
        _ => Told::Fault(Fault::NoHeader),
    }
}

/// Version 1. What is read never goes beyond the line's end: two bytes more are certain as long as no CR was the last.
fn line(bytes: &[u8]) -> Told {
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        let certain = if bytes.last() == Some(&b'\r') { 1 } else { 2 };
        let more = SHORTEST.saturating_sub(bytes.len()).max(certain);
        return if bytes.len() + more > LINE { Told::Fault(Fault::Line) } else { Told::More(more) };
    };
    let words: Option<Vec<&str>> = core::str::from_utf8(&bytes[..end]).ok().map(|line| line.split(' ').collect());
    let client = match words.as_deref() {
        // What stands behind it is to be ignored.
        Some(["PROXY", "UNKNOWN", ..]) => return Told::Whole(None),
        Some(["PROXY", "TCP4", from, to, port, own]) => ends::<Ipv4Addr>([from, to], [port, own]),
        Some(["PROXY", "TCP6", from, to, port, own]) => ends::<Ipv6Addr>([from, to], [port, own]),
        _ => None,
    };
    client.map_or(Told::Fault(Fault::Line), |peer| Told::Whole(Some(Client { peer, tls: None })))
}

/// The client's end, if both ends make sense.
fn ends<A: FromStr + Into<IpAddr>>(addresses: [&str; 2], ports: [&str; 2]) -> Option<SocketAddr> {
    let port = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        text.parse::<u16>().ok().filter(|_| plain)
    };
    let (_, _) = (addresses[1].parse::<A>().ok()?, port(ports[1])?);
    Some(SocketAddr::new(addresses[0].parse::<A>().ok()?.into(), port(ports[0])?))
}

/// Version 2.
fn binary(bytes: &[u8], most: usize) -> Result<Told, Fault> {
    if bytes.len() < SHORTEST {
        return Ok(Told::More(SHORTEST - bytes.len()));
    }
    let Some(&[command, family, high, low]) = bytes.get(SIGNATURE.len()..FIXED) else {
        return Ok(Told::More(FIXED - bytes.len()));
    };
    let (whole, has_client) = (FIXED + usize::from(u16::from_be_bytes([high, low])), command & 15 == 1);
    let known = command >> 4 == 2 && command & 15 <= 1;
    let kept = matches!(family, 0x00 | 0x31);
    let size = match family {
        0x11 => 12,
        0x21 => 36,
        _ => 0,
    };
    if !known || (has_client && size == 0 && !kept) {
        return Err(Fault::Kind);
    }
    if whole > most || (has_client && whole < FIXED + size) {
        return Err(Fault::Length);
    }
    let Some(body) = bytes.get(FIXED..whole) else { return Ok(Told::More(whole - bytes.len())) };
    // What the proxy asks for itself, and what has no address, is as it comes.
    if !has_client || kept {
        return Ok(Told::Whole(None));
    }
    let (addresses, rest) = body.split_at(size);
    let port = u16::from_be_bytes([addresses[size - 4], addresses[size - 3]]);
    let ip: IpAddr = match *addresses {
        [a, b, c, d, ..] if size == 12 => Ipv4Addr::new(a, b, c, d).into(),
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(&addresses[..16]).expect("its size was checked")).into(),
    };
    Ok(Told::Whole(Some(Client { peer: SocketAddr::new(ip, port), tls: tls(rest)? })))
}

/// What is told beside the addresses: records of type, length and value, which fill the rest.
fn tls(mut rest: &[u8]) -> Result<Option<String>, Fault> {
    let (mut name, mut spoken) = (String::new(), false);
    while let [kind, high, low, values @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let value = values.get(..length).ok_or(Fault::Length)?;
        match *kind {
            AUTHORITY => name = server_name(value).ok_or(Fault::Name)?,
            // The client's bits, and what came of its certificate.
            SSL => spoken |= value.get(..5).ok_or(Fault::Length)?[0] & CLIENT_SSL != 0,
            _ => {}
        }
        rest = &values[length..];
    }
    if rest.is_empty() { Ok(spoken.then_some(name)) } else { Err(Fault::Length) }
}

fn server_name(value: &[u8]) -> Option<String> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    let is_name = (1..=NAME_BYTES).contains(&value.len()) && value.iter().all(plain);
    String::from_utf8(value.to_ascii_lowercase()).ok().filter(|_| is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 4096;

    /// A header of version 2.
    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body].concat()
    }

    fn four(extra: &[u8]) -> Vec<u8> {
        v2(0x21, 0x11, &[&[192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0, 80], extra].concat())
    }

    fn record(kind: u8, value: &[u8]) -> Vec<u8> {
        [&[kind], &(value.len() as u16).to_be_bytes()[..], value].concat()
    }

    fn client(peer: &str, tls: Option<&str>) -> Told {
        Told::Whole(Some(Client { peer: peer.parse().expect("an address"), tls: tls.map(str::to_owned) }))
    }

    /// Reads as a front does: never a byte more than was asked for. Answers how many that were.
    fn slowly(bytes: &[u8]) -> (Told, usize) {
        let mut have = 0;
        loop {
            match read(&bytes[..have], MOST) {
                Told::More(more) if have + more <= bytes.len() => have += more,
                Told::More(_) => return (read(bytes, MOST), bytes.len()),
                told => return (told, have),
            }
        }
    }

    #[test]
    fn both_versions_tell_who_it_is_and_take_no_byte_of_what_follows() {
        let six = [&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &[0; 16], &[1, 187, 0, 80]].concat();
        let spoken = [record(AUTHORITY, b"A.Example"), record(SSL, &[1, 0, 0, 0, 0]), record(4, b"")].concat();
        let cases: Vec<(Vec<u8>, Told)> = vec![
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 12345 80\r\n".into(), client("192.0.2.7:12345", None)),
            (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n".into(), client("[2001:db8::1]:1", None)),
            (b"PROXY UNKNOWN\r\n".into(), Told::Whole(None)),
            (b"PROXY UNKNOWN ffff:f...f:ffff what ever 1\r\n".into(), Told::Whole(None)),
            (four(b""), client("192.0.2.7:12345", None)),
            (four(&spoken), client("192.0.2.7:12345", Some("a.example"))),
            (four(&record(SSL, &[1, 0, 0, 0, 0])), client("192.0.2.7:12345", Some(""))),
            (four(&record(SSL, &[0, 0, 0, 0, 0])), client("192.0.2.7:12345", None)),
            (v2(0x21, 0x21, &six), client("[2001:db8::1]:443", None)),
            (v2(0x20, 0x00, b"health"), Told::Whole(None)),
            (v2(0x20, 0x11, b""), Told::Whole(None)),
            (v2(0x21, 0x00, b""), Told::Whole(None)),
            (v2(0x21, 0x31, &[0; 216]), Told::Whole(None)),
        ];
        for (header, expected) in cases {
            for rest in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"] {
                let all = [&header[..], rest].concat();
                assert_eq!(slowly(&all), (expected.clone(), header.len()), "{header:?}");
            }
            for cut in 0..header.len() {
                let Told::More(more) = read(&header[..cut], MOST) else { panic!("{cut} bytes of {header:?}") };
                assert!((1..=header.len() - cut).contains(&more), "{cut} bytes of {header:?} ask for {more}");
            }
        }
    }

    #[test]
    fn lies_are_faults() {
        let long = format!("PROXY TCP6 {0} {0} 65535 65535{1}\r\n", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", " ");
        let lines = [
            "GET / HTTP/1.1\r\n\r\n",
            "proxy TCP4 192.0.2.7 10.0.0.1 1 2\r\n",
            "PROXY  TCP4 192.0.2.7 10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 1 2 \r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 1 65536\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 01 2\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 +1 2\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 -1 2\r\n",
            "PROXY TCP4 192.0.2.007 10.0.0.1 1 2\r\n",
            "PROXY TCP4 ::1 10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.7 host 1 2\r\n",
            "PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n",
            "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
            "PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n",
            "PROXY UNKNOWNS\r\n",
            "PROXY TCP4 192.0.2.7 10.0.0.1 1 2\n\r\n",
            "PROXY TCP4\t192.0.2.7 10.0.0.1 1 2\r\n",
            long.as_str(),
            "\r\n\r\n\0\r\nQUIT\r",
            "\0",
            "\x16\x03\x01",
        ];
        for line in lines {
            assert!(matches!(read(line.as_bytes(), MOST), Told::Fault(_)), "{line:?}");
            assert!(matches!(slowly(line.as_bytes()).0, Told::Fault(_)), "{line:?}");
        }
        assert_eq!(slowly(&[&b"PROXY UNKNOWN "[..], &[b'x'; 500]].concat()).0, Told::Fault(Fault::Line));
        let address = &[0; 12][..];
        let binary = [
            (v2(0x11, 0x11, address), Fault::Kind),
            (v2(0x31, 0x11, address), Fault::Kind),
            (v2(0x22, 0x11, address), Fault::Kind),
            (v2(0x21, 0x12, address), Fault::Kind),
            (v2(0x21, 0x22, &[0; 36]), Fault::Kind),
            (v2(0x21, 0x32, &[0; 216]), Fault::Kind),
            (v2(0x21, 0x41, address), Fault::Kind),
            (v2(0x21, 0x11, &address[..11]), Fault::Length),
            (v2(0x21, 0x21, address), Fault::Length),
            (v2(0x21, 0x11, &[0; 5000]), Fault::Length),
            (v2(0x20, 0x11, &[0; 5000]), Fault::Length),
            (four(&[4]), Fault::Length),
            (four(&[4, 0]), Fault::Length),
            (four(&[4, 0, 1]), Fault::Length),
            (four(&[4, 255, 255, 1]), Fault::Length),
            (four(&record(SSL, &[1, 0, 0, 0])), Fault::Length),
            (four(&record(AUTHORITY, b"")), Fault::Name),
            (four(&record(AUTHORITY, b"a\r\nb")), Fault::Name),
            (four(&record(AUTHORITY, b"a b")), Fault::Name),
            (four(&record(AUTHORITY, &[b'a'; 254])), Fault::Name),
            (four(&record(AUTHORITY, "ü".as_bytes())), Fault::Name),
        ];
        for (bytes, fault) in binary {
            assert_eq!(slowly(&bytes).0, Told::Fault(fault), "{bytes:?}");
        }
        // A length that is a lie is told before its bytes have come.
        assert_eq!(read(&v2(0x21, 0x11, &[0; 5000])[..FIXED], MOST), Told::Fault(Fault::Length));
    }

    #[test]
    fn any_bytes_make_a_value_and_never_more_than_was_allowed() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        for round in 0..20_000 {
            let mut bytes = match round % 3 {
                0 => four(&[record(SSL, &[1; 5]), record(AUTHORITY, b"a.b")].concat()),
                1 => b"PROXY TCP4 192.0.2.7 10.0.0.1 12345 80\r\n".to_vec(),
                _ => v2(0x21, 0x21, &[0; 60]),
            };
            for _ in 0..1 + next() % 4 {
                let at = next() as usize % bytes.len();
                bytes[at] = next() as u8;
            }
            bytes.truncate(next() as usize % (bytes.len() + 1));
            if let Told::More(more) = read(&bytes, MOST) {
                assert!(more > 0 && bytes.len() + more <= MOST, "{bytes:?}");
            }
        }
    }
}

//! The system's resolver: getaddrinfo and getnameinfo, as work off the loop, for they wait for others. It must not know
//! who asks, nor whether he may.
use super::work::Done;
use core::net::SocketAddr;
use dns_lookup::{AddrFamily, AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo, getnameinfo};
use skep_abi::errno::{EIO, ENOTFOUND};

/// Addresses of one answer: bounds what a name server can make us hold.
const MOST: usize = 256;

/// Node's hints, which are Linux's flags.
const V4MAPPED: i32 = 8;
const ALL: i32 = 16;
const ADDRCONFIG: i32 = 32;

/// A line `family address` for each address of the name, in the resolver's order.
pub(super) fn lookup(host: &str, family: i32, hints: i32) -> Done {
    let family = match family {
        4 => AddrFamily::Inet.into(),
        6 => AddrFamily::Inet6.into(),
        _ => 0,
    };
    let flags = hints & (V4MAPPED | ALL | ADDRCONFIG);
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), protocol: 0, address: family, flags };
    let found = match getaddrinfo(Some(host), None, Some(hints)) {
        Ok(found) => found,
        Err(error) => return failed(&error),
    };
    let mut text = String::new();
    for info in found.filter_map(Result::ok).take(MOST) {
        let ip = info.sockaddr.ip();
        text.push_str(if ip.is_ipv4() { "4 " } else { "6 " });
        text.push_str(&ip.to_string());
        text.push('\n');
    }
    if text.is_empty() { Done::failed(ENOTFOUND) } else { Done::Bytes(text.into_bytes()) }
}

/// The host's name and the service's, a line each.
pub(super) fn name_of(at: &SocketAddr) -> Done {
    const NAME_REQUIRED: i32 = if cfg!(target_os = "macos") { 4 } else { 8 };
    match getnameinfo(at, NAME_REQUIRED) {
        Ok((host, service)) => Done::Bytes(format!("{host}\n{service}\n").into_bytes()),
        Err(error) => failed(&error),
    }
}

/// libuv's numbers of the resolver's errors.
fn failed(error: &LookupError) -> Done {
    Done::failed(match error.kind() {
        LookupErrorKind::Again => 3001,
        LookupErrorKind::Badflags => 3002,
        LookupErrorKind::Fail => 3004,
        LookupErrorKind::Family => 3005,
        LookupErrorKind::Memory => 3006,
        LookupErrorKind::NoData => 3007,
        LookupErrorKind::NoName => ENOTFOUND,
        LookupErrorKind::Service => 3010,
        LookupErrorKind::Socktype => 3011,
        _ => EIO,
    })
}

//! Calls that ask the system's resolver. A look-up tells others what it asks for, so it needs a grant for some address;
//! what it answers grants nothing: an address is judged when it is used. They must not know how a resolver works.
use super::super::names;
use super::super::work::{Lane, Work};
use super::net::ADDRESS_BYTES;
use super::{Answer, Call, Len, Ptr, Refusal, refuse};
use core::net::{IpAddr, SocketAddr};
use skep_abi::errno::{EINVAL, ENAMETOOLONG};

/// Characters of the longest name, with room for one that is too long and so is not found.
const NAME_BYTES: u32 = 1024;

pub(super) fn name_lookup(call: &mut Call<'_>, host: Ptr, len: Len, family: i32, hints: i32) -> Answer<i64> {
    let host = call.text(host, len, NAME_BYTES, ENAMETOOLONG)?;
    if host.is_empty() || !matches!(family, 0 | 4 | 6) {
        return refuse(EINVAL);
    }
    let host = call.state().grants.resolve(host)?.into_inner();
    call.begin(u64::from(len.0), Work::new(Lane::Slow, move || names::lookup(&host, family, hints)))
}

pub(super) fn name_of(call: &mut Call<'_>, host: Ptr, len: Len, port: i32) -> Answer<i64> {
    let host = call.text(host, len, ADDRESS_BYTES, ENAMETOOLONG)?;
    let ip: IpAddr = host.parse().map_err(|_| Refusal::Errno(EINVAL))?;
    let port = u16::try_from(port).map_err(|_| Refusal::Errno(EINVAL))?;
    call.state().grants.resolve(host)?;
    call.begin(0, Work::new(Lane::Slow, move || names::name_of(&SocketAddr::new(ip, port))))
}

//! Calls about UDP sockets. Each address that something is sent to is judged like one that is connected to, each address
//! of our own like a listener's. They must not know sockets.
use super::super::command::Command;
use super::super::handles::{Handle, Kind};
use super::super::memory;
use super::net::ADDRESS_BYTES;
use super::{Answer, Call, Len, Ptr, Refusal, refuse};
use crate::policy::{Granted, ListenAddress};
use core::net::{IpAddr, SocketAddr};
use skep_abi::errno::{EINVAL, EMSGSIZE, ENAMETOOLONG};
use skep_abi::udp;

/// Bytes of the longest message that UDP can carry, and more: the kernel says where it ends.
const MESSAGE_BYTES: u32 = 65_535;

/// Bytes of kernel memory that a script may ask for.
const BUFFER_MAX: i64 = 16 << 20;

fn ip(call: &Call<'_>, host: Ptr, len: Len) -> Answer<IpAddr> {
    let host = call.text(host, len, ADDRESS_BYTES, ENAMETOOLONG)?;
    host.parse().map_err(|_| Refusal::Errno(EINVAL))
}

fn place(call: &Call<'_>, host: Ptr, len: Len, port: i32) -> Answer<SocketAddr> {
    let port = u16::try_from(port).map_err(|_| Refusal::Errno(EINVAL))?;
    Ok(SocketAddr::new(ip(call, host, len)?, port))
}

/// A granted destination; none for an empty host.
fn target(call: &mut Call<'_>, host: Ptr, len: Len, port: i32) -> Answer<Option<Granted<SocketAddr>>> {
    if len.0 == 0 {
        return Ok(None);
    }
    let to = place(call, host, len, port)?;
    Ok(Some(call.state().grants.connect(to)?))
}

pub(super) fn udp_bind(call: &mut Call<'_>, host: Ptr, host_len: Len, port: i32, flags: i32) -> Answer<i64> {
    let at = place(call, host, host_len, port)?;
    let at = call.state().grants.bind(ListenAddress::Tcp(at))?;
    call.room(0)?;
    let handle = call.fresh_socket(Kind::Datagram)?;
    call.state().outbox.push(Command::UdpBind { handle, at, flags: flags as u32 });
    Ok(handle.raw() as i64)
}

pub(super) fn udp_connect(call: &mut Call<'_>, socket: Handle, host: Ptr, host_len: Len, port: i32) -> Answer<i32> {
    call.slot(socket, &[Kind::Datagram])?;
    let to = target(call, host, host_len, port)?;
    call.room(0)?;
    call.state().outbox.push(Command::UdpConnect { handle: socket, to });
    Ok(0)
}

pub(super) fn udp_send(
    call: &mut Call<'_>,
    socket: Handle,
    host: Ptr,
    host_len: Len,
    port: i32,
    ptr: Ptr,
    len: Len,
) -> Answer<i32> {
    call.slot(socket, &[Kind::Datagram])?;
    let to = target(call, host, host_len, port)?;
    if len.0 > MESSAGE_BYTES {
        return refuse(EMSGSIZE);
    }
    memory::bytes(call.memory, ptr, len)?;
    let waits = call.reserve(socket, &[Kind::Datagram], u64::from(len.0), false)?;
    let bytes = memory::bytes(call.memory, ptr, len)?;
    let message = call.shared.state.outbox.span(bytes);
    call.state().outbox.push(Command::UdpSend { handle: socket, to, message });
    Ok(waits)
}

pub(super) fn udp_option(call: &mut Call<'_>, socket: Handle, option: i32, value: i64) -> Answer<i32> {
    call.slot(socket, &[Kind::Datagram])?;
    let allowed = match option as u32 {
        udp::BROADCAST | udp::MULTICAST_LOOP | udp::RECEIVE => (0..=1).contains(&value),
        udp::TTL => (1..=255).contains(&value),
        udp::MULTICAST_TTL => (0..=255).contains(&value),
        udp::RECV_BUFFER | udp::SEND_BUFFER => (0..=BUFFER_MAX).contains(&value),
        _ => false,
    };
    if !allowed {
        return refuse(EINVAL);
    }
    call.room(0)?;
    call.state().outbox.push(Command::UdpOption { handle: socket, option: option as u32, value });
    Ok(0)
}

pub(super) fn udp_member(
    call: &mut Call<'_>,
    socket: Handle,
    group: Ptr,
    group_len: Len,
    interface: Ptr,
    interface_len: Len,
    join: i32,
) -> Answer<i32> {
    call.slot(socket, &[Kind::Datagram])?;
    let group = ip(call, group, group_len)?;
    let interface = call.text(interface, interface_len, ADDRESS_BYTES, ENAMETOOLONG)?;
    let numeric = interface.is_empty() || interface.parse::<u32>().is_ok() || interface.parse::<IpAddr>().is_ok();
    if !group.is_multicast() || !numeric {
        return refuse(EINVAL);
    }
    call.room(0)?;
    call.state().outbox.push(Command::UdpMember { handle: socket, group, interface, join: join != 0 });
    Ok(0)
}

//! Sys: the platform's differences, and the few socket calls that mio has no name for.
//!
//! It must not know keys or readiness. There is no `unsafe` here, nor elsewhere in this room:
//! rustix wraps what is needed. What differs between Linux and macOS stands in this file.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::net::{AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrUnix, SocketType, sockopt};

use super::errno::Errno;
use super::{ConnectError, ConnectOptions, DatagramOptions, ListenOptions, Result};

/// Asks for no SIGPIPE. macOS has no such flag; there it is a property of the socket.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGPIPE: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const NO_SIGPIPE: SendFlags = SendFlags::empty();

/// A new stream socket: non-blocking, closed on exec.
fn socket(family: AddressFamily) -> Result<OwnedFd> {
    socket_of(family, SocketType::STREAM)
}

#[cfg(not(target_vendor = "apple"))]
fn socket_of(family: AddressFamily, kind: SocketType) -> Result<OwnedFd> {
    use rustix::net::{SocketFlags, socket_with};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(family, kind, flags, None)?)
}

/// The same where it takes several steps.
#[cfg(target_vendor = "apple")]
fn socket_of(family: AddressFamily, kind: SocketType) -> Result<OwnedFd> {
    let fd = rustix::net::socket(family, kind, None)?;
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&fd, true)?;
    sockopt::set_socket_nosigpipe(&fd, true)?;
    Ok(fd)
}

/// A descriptor to hold in reserve. A socket, as opening a path may be forbidden to this process;
/// it takes a place in the system's file table too, so it helps against `ENFILE` as well.
pub(super) fn reserve() -> Option<OwnedFd> {
    socket(AddressFamily::UNIX).ok()
}

fn family(addr: SocketAddr) -> AddressFamily {
    if addr.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET }
}

/// A listening TCP socket.
pub(super) fn listen_tcp(addr: SocketAddr, options: &ListenOptions) -> Result<OwnedFd> {
    let fd = socket(family(addr))?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    if addr.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, options.ipv6_only)?;
    }
    // Accepted sockets inherit it, on Linux and on the BSDs: no call for each.
    sockopt::set_tcp_nodelay(&fd, options.nodelay)?;
    rustix::net::bind(&fd, &addr)?;
    listen(&fd, options)?;
    Ok(fd)
}

/// A UDP socket with an address.
pub(super) fn bind_datagram(addr: SocketAddr, options: &DatagramOptions) -> Result<OwnedFd> {
    let fd = socket_of(family(addr), SocketType::DGRAM)?;
    if options.reuse_address {
        sockopt::set_socket_reuseaddr(&fd, true)?;
    }
    if addr.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, options.ipv6_only)?;
    }
    rustix::net::bind(&fd, &addr)?;
    Ok(fd)
}

/// A listening UNIX socket.
pub(super) fn listen_unix(path: &Path, options: &ListenOptions) -> Result<OwnedFd> {
    let addr = SocketAddrUnix::new(path)?;
    let fd = socket(AddressFamily::UNIX)?;
    rustix::net::bind(&fd, &addr)?;
    listen(&fd, options)?;
    Ok(fd)
}

fn listen(fd: &OwnedFd, options: &ListenOptions) -> Result<()> {
    let backlog = i32::try_from(options.backlog).unwrap_or(i32::MAX);
    Ok(rustix::net::listen(fd, backlog)?)
}

/// A TCP socket that is connecting.
pub(super) fn connect_tcp(addr: SocketAddr, options: &ConnectOptions) -> std::result::Result<OwnedFd, ConnectError> {
    let fd = socket(family(addr))?;
    sockopt::set_tcp_nodelay(&fd, options.nodelay).map_err(Errno::from)?;
    if let Some(local) = options.local {
        // As libuv: a port whose last connection lingers may be had again.
        sockopt::set_socket_reuseaddr(&fd, true).map_err(Errno::from)?;
        rustix::net::bind(&fd, &local).map_err(|error| ConnectError::Local(error.into()))?;
    }
    begun(rustix::net::connect(&fd, &addr))?;
    Ok(fd)
}

/// A UNIX socket that is connecting, mostly connected.
pub(super) fn connect_unix(path: &Path) -> Result<OwnedFd> {
    let addr = SocketAddrUnix::new(path)?;
    let fd = socket(AddressFamily::UNIX)?;
    begun(rustix::net::connect(&fd, &addr))?;
    Ok(fd)
}

/// An attempt that was interrupted goes on by itself, like one in progress.
fn begun(result: rustix::io::Result<()>) -> Result<()> {
    match result.map_err(Errno::from) {
        Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(()),
        other => other,
    }
}

/// Reads from a socket.
pub(super) fn read(fd: impl AsFd, buf: &mut [u8]) -> Result<usize> {
    let (count, _) = rustix::net::recv(fd, buf, RecvFlags::empty())?;
    Ok(count)
}

/// Writes to a socket. One slice, the common case, needs no message header.
pub(super) fn write(fd: impl AsFd, slices: &[IoSlice<'_>]) -> Result<usize> {
    Ok(match slices {
        [bytes] => rustix::net::send(fd, bytes, NO_SIGPIPE)?,
        _ => rustix::net::sendmsg(fd, slices, &mut SendAncillaryBuffer::default(), NO_SIGPIPE)?,
    })
}

/// Makes the close that follows send a reset.
pub(super) fn reset_on_close(fd: impl AsFd) {
    // Fails only on what is no socket any more, for which close is all there is.
    let _ = sockopt::set_socket_linger(fd, Some(Duration::ZERO));
}

/// TCP keep-alive, with the time before the first probe; `None` turns it off.
pub(super) fn set_keepalive(fd: impl AsFd, idle: Option<Duration>) -> Result<()> {
    let fd = fd.as_fd();
    sockopt::set_socket_keepalive(fd, idle.is_some())?;
    if let Some(idle) = idle {
        sockopt::set_tcp_keepidle(fd, idle.max(Duration::from_secs(1)))?;
    }
    Ok(())
}

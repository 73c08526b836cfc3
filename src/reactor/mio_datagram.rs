//! The operating system's datagram sockets, by mio. It must not know the bookkeeping of readiness.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use mio::event::Source;
use mio::net::UdpSocket;
use rustix::net::sockopt;

use super::errno::Errno;
use super::kernel::DatagramSocket;
use super::{DatagramOption, DatagramOptions, Interface, Result, sys};

/// A UDP socket.
#[derive(Debug)]
pub struct OsDatagram(UdpSocket);

impl OsDatagram {
    pub(super) fn bind(addr: SocketAddr, options: &DatagramOptions) -> Result<OsDatagram> {
        Ok(OsDatagram::from_fd(sys::bind_datagram(addr, options)?))
    }

    /// One that came from elsewhere.
    pub(super) fn from_fd(fd: OwnedFd) -> OsDatagram {
        OsDatagram(UdpSocket::from_std(StdUdpSocket::from(fd)))
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// For registering.
    pub(super) fn source(&mut self) -> &mut impl Source {
        &mut self.0
    }
}

impl DatagramSocket for OsDatagram {
    fn receive(&mut self, buf: &mut [u8]) -> Result<(usize, SocketAddr)> {
        Ok(self.0.recv_from(buf)?)
    }

    fn lost(&self) -> Option<u32> {
        sys::lost_messages(self.fd())
    }

    fn send(&mut self, bytes: &[u8], to: Option<SocketAddr>) -> Result<()> {
        match to {
            Some(to) => self.0.send_to(bytes, to)?,
            None => self.0.send(bytes)?,
        };
        Ok(())
    }

    fn connect(&mut self, to: Option<SocketAddr>) -> Result<()> {
        match to {
            Some(to) => Ok(self.0.connect(to)?),
            None => Ok(rustix::net::connect_unspec(&self.0)?),
        }
    }

    fn set(&mut self, option: DatagramOption) -> Result<()> {
        let v6 = self.local_addr()?.is_ipv6();
        match option {
            DatagramOption::Broadcast(on) => self.0.set_broadcast(on)?,
            DatagramOption::Ttl(hops) if v6 => sockopt::set_ipv6_unicast_hops(&self.0, Some(hops as u8))?,
            DatagramOption::Ttl(hops) => self.0.set_ttl(hops)?,
            DatagramOption::MulticastTtl(hops) if v6 => sockopt::set_ipv6_multicast_hops(&self.0, hops)?,
            DatagramOption::MulticastTtl(hops) => self.0.set_multicast_ttl_v4(hops)?,
            DatagramOption::MulticastLoop(on) if v6 => self.0.set_multicast_loop_v6(on)?,
            DatagramOption::MulticastLoop(on) => self.0.set_multicast_loop_v4(on)?,
            DatagramOption::RecvBuffer(bytes) => sockopt::set_socket_recv_buffer_size(&self.0, bytes as usize)?,
            DatagramOption::SendBuffer(bytes) => sockopt::set_socket_send_buffer_size(&self.0, bytes as usize)?,
        }
        Ok(())
    }

    fn member(&mut self, group: IpAddr, interface: Interface, join: bool) -> Result<()> {
        match (group, interface) {
            (IpAddr::V4(group), interface) => {
                let at = if let Interface::Address(at) = interface { at } else { Ipv4Addr::UNSPECIFIED };
                Ok(if join { self.0.join_multicast_v4(&group, &at) } else { self.0.leave_multicast_v4(&group, &at) }?)
            }
            (IpAddr::V6(group), Interface::Index(at)) => {
                Ok(if join { self.0.join_multicast_v6(&group, at) } else { self.0.leave_multicast_v6(&group, at) }?)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }
}

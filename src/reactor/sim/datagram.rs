//! Datagrams of the simulated kernel: there are none. Nobody has one, and that shows in the type. It must not know
//! anything.

use std::net::{IpAddr, SocketAddr};

use super::super::kernel::DatagramSocket;
use super::super::{DatagramOption, Interface, Result};

/// A simulated datagram socket: opening one is refused.
#[derive(Debug)]
pub enum SimDatagram {}

impl DatagramSocket for SimDatagram {
    fn receive(&mut self, _buf: &mut [u8]) -> Result<(usize, SocketAddr)> {
        match *self {}
    }

    fn lost(&self) -> Option<u32> {
        match *self {}
    }

    fn send(&mut self, _bytes: &[u8], _to: Option<SocketAddr>) -> Result<()> {
        match *self {}
    }

    fn connect(&mut self, _to: Option<SocketAddr>) -> Result<()> {
        match *self {}
    }

    fn set(&mut self, _option: DatagramOption) -> Result<()> {
        match *self {}
    }

    fn member(&mut self, _group: IpAddr, _interface: Interface, _join: bool) -> Result<()> {
        match *self {}
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        match *self {}
    }
}

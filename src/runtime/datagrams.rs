//! UDP sockets of guests: opening, messages both ways, closing. It must not know what a message means.
use super::listeners::errno;
use super::mailbox::Note;
use super::seat::{Resource, set_pending};
use super::{Hall, Owner};
use crate::guest::{Ends, Handle, Span};
use crate::policy::{Bound, Granted, ListenAddress};
use crate::reactor::{DatagramOption, DatagramOptions, Errno, Fact, Interface, Kernel, Key};
use crate::time::Clock;
use skep_abi::{events, udp};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Messages taken from one socket in one turn: bounds the turn.
const MESSAGES: usize = 64;

/// UDP_ERROR's flag: an option could not be set.
const OF_OPTION: u16 = 1;

/// One UDP socket of one guest.
pub(super) struct Datagram {
    pub guest: u32,
    pub handle: Handle,
    pub key: Key,
    /// Bytes that wait for the kernel.
    pending: usize,
    /// The guest does not want messages now.
    stopped: bool,
    /// Other processes read from it, too: what is taken here and not wanted any more would be lost to them.
    pub shared: bool,
}

impl Datagram {
    pub fn new(guest: u32, handle: Handle, key: Key) -> Datagram {
        Datagram { guest, handle, key, pending: 0, stopped: false, shared: false }
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Opens a socket where the policy has granted it.
    pub(super) fn udp_bind(&mut self, guest: u32, handle: Handle, at: Granted<ListenAddress>, flags: u32) {
        let wish =
            DatagramOptions { ipv6_only: flags & udp::IPV6_ONLY != 0, reuse_address: flags & udp::REUSE_ADDRESS != 0 };
        let opened = match at.get() {
            ListenAddress::Tcp(at) => self.reactor.bind_datagram(*at, &wish),
            ListenAddress::Unix(_) => Err(Errno::EINVAL),
        };
        let key = match opened {
            Ok(key) => key,
            Err(error) => {
                let seat = &mut self.seats[guest as usize];
                seat.revoke(handle);
                return seat.tell(events::UDP_CLOSED, Some(handle), errno(error), &[]);
            }
        };
        let index = self.datagrams.insert(Datagram::new(guest, handle, key)) as u32;
        self.owners.set(key, Owner::Datagram(index));
        let seat = &mut self.seats[guest as usize];
        seat.bind(handle, Resource::Datagram(index));
        let local = self.reactor.datagram_addr(key).unwrap_or(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
        seat.guest.state_mut().ends.insert(handle, Ends::Tcp { local, peer: None });
        let text = local.ip().to_string();
        seat.tell(events::UDP_BOUND, Some(handle), u32::from(local.port()), &[text.as_bytes()]);
    }

    fn datagram(&mut self, guest: u32, handle: Handle) -> Option<u32> {
        match self.seats[guest as usize].resource(handle) {
            Resource::Datagram(index) => Some(index),
            _ => None,
        }
    }

    pub(super) fn udp_connect(&mut self, guest: u32, handle: Handle, to: Option<Granted<SocketAddr>>) {
        let Some(index) = self.datagram(guest, handle) else { return };
        let key = self.datagrams[index as usize].key;
        let to = to.map(Granted::into_inner);
        let result = self.reactor.connect_datagram(key, to);
        let own = self.reactor.datagram_addr(key);
        let seat = &mut self.seats[guest as usize];
        if result.is_ok()
            && let Some(Ends::Tcp { local, peer }) = seat.guest.state_mut().ends.get_mut(&handle)
        {
            *peer = to;
            *local = own.unwrap_or(*local);
        }
        seat.tell(events::UDP_CONNECTED, Some(handle), result.err().map_or(0, errno), &[]);
    }

    pub(super) fn udp_send(&mut self, guest: u32, handle: Handle, to: Option<Granted<SocketAddr>>, message: Span) {
        let Some(index) = self.datagram(guest, handle) else { return };
        let datagram = &mut self.datagrams[index as usize];
        let bytes = self.seats[guest as usize].guest.state().outbox.bytes(message);
        let len = bytes.len();
        match self.reactor.send_datagram(datagram.key, to.map(Granted::into_inner), bytes) {
            Ok(false) => datagram.pending += len,
            Ok(true) => self.udp_sent(index, 0, Ok(())),
            Err(error) => self.udp_sent(index, 0, Err(error)),
        }
    }

    /// A message is with the kernel, or lost.
    fn udp_sent(&mut self, index: u32, queued: usize, result: Result<(), Errno>) {
        let datagram = &mut self.datagrams[index as usize];
        datagram.pending = datagram.pending.saturating_sub(queued);
        let seat = &mut self.seats[datagram.guest as usize];
        set_pending(seat.guest.state_mut(), datagram.handle, datagram.pending as u32);
        seat.tell(events::UDP_SENT, Some(datagram.handle), result.err().map_or(0, errno), &[]);
    }

    pub(super) fn udp_option(&mut self, guest: u32, handle: Handle, option: u32, value: i64) {
        let Some(index) = self.datagram(guest, handle) else { return };
        let number = value as u32;
        let option = match option {
            udp::BROADCAST => DatagramOption::Broadcast(value != 0),
            udp::TTL => DatagramOption::Ttl(number),
            udp::MULTICAST_TTL => DatagramOption::MulticastTtl(number),
            udp::MULTICAST_LOOP => DatagramOption::MulticastLoop(value != 0),
            udp::RECV_BUFFER => DatagramOption::RecvBuffer(number),
            udp::SEND_BUFFER => DatagramOption::SendBuffer(number),
            _ => {
                self.datagrams[index as usize].stopped = value == 0;
                return self.datagram_go_on(index);
            }
        };
        let key = self.datagrams[index as usize].key;
        if let Err(error) = self.reactor.set_datagram(key, option) {
            self.udp_failed(index, OF_OPTION, error);
        }
    }

    pub(super) fn udp_member(&mut self, guest: u32, handle: Handle, group: IpAddr, interface: &str, join: bool) {
        let Some(index) = self.datagram(guest, handle) else { return };
        let interface = match (interface.parse(), interface.parse()) {
            (Ok(address), _) => Interface::Address(address),
            (_, Ok(number)) => Interface::Index(number),
            _ => Interface::Index(0),
        };
        let key = self.datagrams[index as usize].key;
        if let Err(error) = self.reactor.member_datagram(key, group, interface, join) {
            self.udp_failed(index, OF_OPTION, error);
        }
    }

    fn udp_failed(&mut self, index: u32, flags: u16, error: Errno) {
        let datagram = &self.datagrams[index as usize];
        let note = Note { kind: events::UDP_ERROR, flags, handle: datagram.handle.raw(), value: errno(error) };
        self.seats[datagram.guest as usize].mail.push(note, &[]);
    }

    /// What happened to a socket.
    pub(super) fn datagram_fact(&mut self, key: Key, fact: Fact) {
        let Owner::Datagram(index) = self.owners.get(key) else { return };
        if self.datagrams.get(index as usize).is_none_or(|datagram| datagram.key != key) {
            return;
        }
        match fact {
            Fact::Readable(_) => {
                self.datagram_readable(index);
                self.count_lost(index, false);
            }
            Fact::Sent { bytes, result, .. } => self.udp_sent(index, bytes, result),
            _ => {}
        }
    }

    /// Takes messages while the guest wants them and has room; the kernel keeps, and drops, the rest.
    fn datagram_readable(&mut self, index: u32) {
        for _ in 0..MESSAGES {
            let datagram = &self.datagrams[index as usize];
            let seat = &mut self.seats[datagram.guest as usize];
            let full = seat.mail.is_full() || (datagram.shared && !seat.mail.is_empty());
            if datagram.stopped || full {
                if !datagram.stopped {
                    seat.held_datagrams.push(index);
                }
                let _gone = self.reactor.pause_datagram(datagram.key);
                return;
            }
            match self.reactor.receive(datagram.key, &mut self.scratch) {
                Ok(Some((count, from))) => {
                    let address = from.ip().to_string();
                    let mut head = [0; 8];
                    head[0..2].copy_from_slice(&(address.len() as u16).to_le_bytes());
                    head[2..4].copy_from_slice(&from.port().to_le_bytes());
                    let parts = [&head[..], address.as_bytes(), &self.scratch[..count]];
                    seat.tell(events::UDP_MESSAGE, Some(datagram.handle), 0, &parts);
                }
                Ok(None) => return,
                Err(error) => return self.udp_failed(index, 0, error),
            }
        }
    }

    /// What the kernel has dropped is a bound that the guest has met: it was told of more than it took.
    fn count_lost(&mut self, index: u32, now: bool) {
        let Datagram { guest, key, .. } = self.datagrams[index as usize];
        let lost = self.reactor.take_lost(key, now);
        if let (1.., Some(seat)) = (lost, self.seats.get_mut(guest as usize)) {
            seat.guest.state_mut().meter.hit_times(Bound::Datagrams, lost);
        }
    }

    fn datagram_go_on(&mut self, index: u32) {
        if let Some(datagram) = self.datagrams.get(index as usize)
            && !datagram.stopped
        {
            let _gone = self.reactor.resume_datagram(datagram.key);
        }
    }

    /// Sockets that waited for room in this guest's mailbox go on.
    pub(super) fn release_datagrams(&mut self, guest: usize) {
        let Some(seat) = self.seats.get_mut(guest) else { return };
        if seat.held_datagrams.is_empty() || seat.mail.is_full() {
            return;
        }
        for index in std::mem::take(&mut seat.held_datagrams) {
            self.datagram_go_on(index);
        }
    }

    /// The socket is over; the guest is told and its handle goes.
    pub(super) fn lose_datagram(&mut self, index: u32, error: Option<Errno>) {
        if self.datagrams.contains(index as usize) {
            self.count_lost(index, true);
        }
        let Some(datagram) = self.datagrams.try_remove(index as usize) else { return };
        self.owners.set(datagram.key, Owner::Nobody);
        let _gone = self.reactor.close_datagram(datagram.key);
        if let Some(seat) = self.seats.get_mut(datagram.guest as usize) {
            seat.revoke(datagram.handle);
            seat.tell(events::UDP_CLOSED, Some(datagram.handle), error.map_or(0, errno), &[]);
        }
    }

    /// All sockets of a guest that is gone.
    pub(super) fn drop_datagrams(&mut self, guest: u32) {
        let mine = self.datagrams.iter().filter(|(_, datagram)| datagram.guest == guest);
        for index in mine.map(|(index, _)| index as u32).collect::<Vec<_>>() {
            self.lose_datagram(index, None);
        }
    }
}

//! Dealing: connections of a shared listener go to the workers that share it, in turn, with no script in between. The one
//! that deals keeps each connection until a worker has begun it, so that what a stalled or dead worker has not begun goes
//! to another; the rest stays in the kernel's queue. It must not know what is spoken on a connection.
use super::Hall;
use super::channel::Far;
use super::child::Stage;
use crate::guest::Handle;
use crate::proto::ipc::{Fault, Kind};
use crate::reactor::{Addr, Errno, Kernel, Key, process};
use crate::runtime::Owner;
use crate::runtime::listeners::Listener;
use crate::runtime::seat::Resource;
use crate::time::Clock;
use skep_abi::{ListenOptions, events};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Connections dealt in one turn: bounds the turn.
const DEAL_BUDGET: usize = 256;

/// A guest that has computed for longer than this has its un-begun connections given back: two slices.
const STALLED: Duration = Duration::from_millis(10);

/// How long a listener rests when nothing can be accepted.
const REST: Duration = Duration::from_millis(100);

/// Who shares a listener.
#[derive(Default)]
pub(in crate::runtime) struct Shared {
    members: Vec<Member>,
    /// Whose turn it is next, among those that are equal.
    turn: usize,
    /// Nobody can take more: the listener is paused.
    stopped: bool,
    /// Connections that came back and that nobody can take now.
    homeless: VecDeque<OwnedFd>,
}

struct Member {
    channel: u32,
    id: u32,
    unbegun: u32,
    /// It gave some back, and has not said that it is well again.
    resting: bool,
}

/// A connection that a worker was offered.
pub(super) struct Offer {
    listener: u32,
    channel: u32,
    fd: OwnedFd,
    /// For the ledger, while there is one: the worker and the other side may be gone when it is written.
    note: Option<(u32, SocketAddr)>,
}

/// A connection that this process was offered.
pub(super) struct Offered {
    number: u64,
    share: u32,
    fd: OwnedFd,
}

impl Shared {
    /// The member with the fewest connections that it has not begun; among equals the next in the ring.
    fn choose(&self, most: u32) -> Option<usize> {
        let count = self.members.len();
        let free = |member: &Member| !member.resting && member.unbegun < most;
        let ring = (0..count).map(|step| (self.turn + step) % count.max(1));
        ring.filter(|at| free(&self.members[*at])).min_by_key(|at| self.members[*at].unbegun)
    }

    fn member(&mut self, channel: u32) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.channel == channel)
    }
}

/// Where the other side of a connection is, as far as it is known.
fn peer_of(known: crate::reactor::Result<Addr>) -> Addr {
    known.unwrap_or(Addr::Ip(SocketAddr::new([0, 0, 0, 0].into(), 0)))
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A guest has a listener's connections go to a worker.
    pub(in crate::runtime) fn share_listener(&mut self, guest: u32, listener: Handle, channel: Handle, id: u32) {
        let Resource::Listener(index) = self.seats[guest as usize].resource(listener) else { return };
        let Some(channel) = self.channel_of(guest, channel) else { return };
        if !matches!(self.processes.channels[channel as usize].far, Far::Child(_)) {
            return;
        }
        let listener = &mut self.listeners[index as usize];
        let Some(key) = listener.key else { return };
        let shared = listener.shared.get_or_insert_default();
        if shared.member(channel).is_none() {
            shared.members.push(Member { channel, id, unbegun: 0, resting: false });
        }
        let _gone = self.reactor.set_raw(key, true);
        self.deal_on(index);
    }

    /// A guest takes that back.
    pub(in crate::runtime) fn unshare_listener(&mut self, guest: u32, listener: Handle, channel: Handle) {
        if let Resource::Listener(index) = self.seats[guest as usize].resource(listener)
            && let Some(channel) = self.channel_of(guest, channel)
        {
            self.remove_member(index, channel);
        }
    }

    /// Connections may wait at a listener that is shared.
    pub(in crate::runtime) fn deal(&mut self, key: Key) {
        let Owner::Listener(index) = self.owners.get(key) else { return };
        if self.listeners.get(index as usize).is_none_or(|listener| listener.key != Some(key)) {
            return;
        }
        for _ in 0..DEAL_BUDGET {
            let most = self.processes.origin.offers;
            let listener = &mut self.listeners[index as usize];
            let Some(shared) = &mut listener.shared else { return };
            let Some(at) = shared.choose(most) else {
                shared.stopped = true;
                let _gone = self.reactor.pause(key);
                return;
            };
            let fd = match shared.homeless.pop_front() {
                Some(fd) => fd,
                None => match self.reactor.accept_raw(key) {
                    Ok(Some(fd)) => fd,
                    Ok(None) => return,
                    Err(_) => return self.accept_paused(key, REST),
                },
            };
            if !self.offer(index, at, fd) {
                return self.accept_paused(key, REST);
            }
        }
    }

    /// Hands a connection to a member; not when there is no descriptor left to keep it by: it waits then.
    fn offer(&mut self, index: u32, at: usize, fd: OwnedFd) -> bool {
        let Some(shared) = &mut self.listeners[index as usize].shared else { return false };
        let member = &mut shared.members[at];
        let (channel, id) = (member.channel, member.id);
        let Ok(copy) = process::duplicate(&fd) else {
            shared.homeless.push_back(fd);
            return false;
        };
        member.unbegun += 1;
        shared.turn = (at + 1) % shared.members.len();
        self.processes.offer += 1;
        let number = self.processes.offer;
        let note =
            self.processes.ledger.as_ref().and_then(|_| Some((self.pid_behind(channel)?, process::peer_of(&fd)?)));
        self.processes.offers.insert(number, Offer { listener: index, channel, fd, note });
        self.send_control(channel, Kind::Offer, number, &id.to_le_bytes(), Some(copy));
        true
    }

    /// Somebody may have room again.
    pub(in crate::runtime) fn deal_on(&mut self, index: u32) {
        let Some(listener) = self.listeners.get_mut(index as usize) else { return };
        let (Some(key), Some(shared)) = (listener.key, &mut listener.shared) else { return };
        let homeless = !shared.homeless.is_empty();
        if std::mem::take(&mut shared.stopped) {
            let _gone = self.reactor.resume(key);
        }
        if homeless {
            self.deal(key);
        }
    }

    /// A worker has begun a connection: it is its own.
    pub(super) fn offer_begun(&mut self, channel: u32, number: u64) -> Result<(), Fault> {
        if let Some(offer) = self.take_offer(channel, number)? {
            self.note_begun(&offer);
            self.unburden(&offer, false);
        }
        Ok(())
    }

    /// A line `PID ADDRESS`.
    fn note_begun(&mut self, offer: &Offer) {
        if let (Some(ledger), Some((pid, peer))) = (&mut self.processes.ledger, offer.note)
            && let Err(error) = writeln!(ledger, "{pid} {peer}")
        {
            self.processes.ledger = None;
            self.print(None, 2, format!("skep: no more is written to the ledger: {error}\n").as_bytes());
        }
    }

    fn pid_behind(&self, channel: u32) -> Option<u32> {
        let Far::Child(child) = self.processes.channels.get(channel as usize)?.far else { return None };
        match &self.processes.children.get(child as usize)?.stage {
            Stage::Runs(process) => Some(process.id()),
            _ => None,
        }
    }

    /// A worker does not take a connection: another does.
    pub(super) fn offer_returned(&mut self, channel: u32, number: u64) -> Result<(), Fault> {
        if let Some(offer) = self.take_offer(channel, number)? {
            self.unburden(&offer, true);
            self.rehome(offer);
        }
        Ok(())
    }

    /// The offer that a worker speaks of; none when its listener was closed meanwhile.
    fn take_offer(&mut self, channel: u32, number: u64) -> Result<Option<Offer>, Fault> {
        match self.processes.offers.get(&number) {
            Some(offer) if offer.channel != channel => Err(Fault::OutOfPlace),
            None if number > self.processes.offer => Err(Fault::OutOfPlace),
            _ => Ok(self.processes.offers.remove(&number)),
        }
    }

    /// A member has one fewer to begin.
    fn unburden(&mut self, offer: &Offer, resting: bool) {
        let Some(listener) = self.listeners.get_mut(offer.listener as usize) else { return };
        let Some(shared) = &mut listener.shared else { return };
        if let Some(member) = shared.member(offer.channel) {
            member.unbegun = member.unbegun.saturating_sub(1);
            member.resting |= resting;
        }
        self.deal_on(offer.listener);
    }

    /// Finds somebody else for a connection; with its listener gone it is closed.
    fn rehome(&mut self, offer: Offer) {
        let Some(listener) = self.listeners.get_mut(offer.listener as usize) else { return };
        let Some(shared) = &mut listener.shared else { return };
        shared.homeless.push_back(offer.fd);
        if let Some(key) = listener.key {
            self.deal(key);
        }
    }

    /// A worker takes connections again.
    pub(super) fn worker_well(&mut self, channel: u32) {
        for index in self.shared_with(channel) {
            if let Some(member) = self.listeners[index as usize].shared.as_mut().and_then(|it| it.member(channel)) {
                member.resting = false;
            }
            self.deal_on(index);
        }
    }

    /// A worker has closed its listener of this number.
    pub(super) fn worker_unshares(&mut self, channel: u32, id: u64) -> Result<(), Fault> {
        for index in self.shared_with(channel) {
            let member = self.listeners[index as usize].shared.as_mut().and_then(|shared| shared.member(channel));
            if member.is_some_and(|member| u64::from(member.id) == id) {
                self.remove_member(index, channel);
            }
        }
        Ok(())
    }

    /// The other end of a channel is gone: what it has not begun goes to others.
    pub(super) fn worker_lost(&mut self, channel: u32) {
        for index in self.shared_with(channel) {
            self.remove_member(index, channel);
        }
        let its = |(number, offer): (&u64, &Offer)| (offer.channel == channel).then_some(*number);
        let mut numbers: Vec<u64> = self.processes.offers.iter().filter_map(its).collect();
        numbers.sort_unstable();
        for number in numbers {
            if let Some(offer) = self.processes.offers.remove(&number) {
                self.rehome(offer);
            }
        }
    }

    fn shared_with(&self, channel: u32) -> Vec<u32> {
        let has = |shared: &Shared| shared.members.iter().any(|member| member.channel == channel);
        let listeners = self.listeners.iter();
        let with = listeners.filter(|(_, listener)| listener.shared.as_ref().is_some_and(|shared| has(shared)));
        with.map(|(index, _)| index as u32).collect()
    }

    /// It is offered nothing more. What it has not begun it may still begin, or give back.
    fn remove_member(&mut self, index: u32, channel: u32) {
        let Some(shared) = &mut self.listeners[index as usize].shared else { return };
        shared.members.retain(|member| member.channel != channel);
        shared.turn = 0;
    }

    /// A listener is gone: so are the connections that nobody has begun.
    pub(in crate::runtime) fn drop_offers(&mut self, index: u32) {
        self.processes.offers.retain(|_, offer| offer.listener != index);
    }

    /// A guest of this process has a listener that is fed by the parent's.
    pub(in crate::runtime) fn listen_shared(&mut self, guest: u32, handle: Handle, id: u32, options: ListenOptions) {
        let limits = self.decoder_limits(guest, &options);
        let taken = self.listeners.iter().any(|(_, listener)| listener.fed == Some(id));
        if taken || self.processes.parent.is_none() || self.leaving.is_some() {
            let seat = &mut self.seats[guest as usize];
            seat.guest.state_mut().listeners -= 1;
            seat.revoke(handle);
            let error = if taken { Errno::EADDRINUSE } else { Errno::EPIPE };
            return seat.tell(events::LISTEN_FAILED, Some(handle), super::super::listeners::errno(error), &[]);
        }
        let listener = Listener { fed: Some(id), joint: true, ..Listener::new(guest, handle, None, options, limits) };
        let index = self.listeners.insert(listener) as u32;
        let seat = &mut self.seats[guest as usize];
        seat.bind(handle, Resource::Listener(index));
        self.begin_offers();
    }

    /// That listener is closed: no more of its connections, and those that were not begun go back.
    pub(in crate::runtime) fn unfeed(&mut self, id: u32) {
        if let Some(parent) = self.processes.parent {
            self.send_control(parent, Kind::Unshare, u64::from(id), &[], None);
            self.begin_offers();
        }
    }

    /// The parent offers a connection.
    pub(super) fn offered(&mut self, number: u64, share: u32, fd: OwnedFd) {
        self.processes.offered.push_back(Offered { number, share, fd });
        self.begin_offers();
    }

    /// Begins what was offered as far as its listener's guest can, and gives the rest back if that takes too long.
    pub(super) fn begin_offers(&mut self) {
        let Some(parent) = self.processes.parent else { return self.processes.offered.clear() };
        let mut busy = false;
        for _ in 0..self.processes.offered.len() {
            let Some(offered) = self.processes.offered.pop_front() else { break };
            let fed = self.listeners.iter().find(|(_, listener)| listener.fed == Some(offered.share));
            let Some((index, guest)) = fed.map(|(index, listener)| (index as u32, listener.guest)) else {
                // The guest has not come to listen yet, or does so no longer. Whoever returns one rests until it is well.
                self.processes.unwell = true;
                self.send_control(parent, Kind::Return, offered.number, &[], None);
                continue;
            };
            match self.computes(guest, STALLED) {
                _ if self.is_crowded(index) => {}
                Some(false) => {
                    busy = true;
                    self.processes.offered.push_back(offered);
                    continue;
                }
                None => {
                    self.begin_offer(parent, index, offered);
                    continue;
                }
                Some(true) => {}
            }
            busy = true;
            self.processes.unwell = true;
            self.send_control(parent, Kind::Return, offered.number, &[], None);
        }
        if !busy && self.processes.unwell && !self.is_unwell() {
            self.processes.unwell = false;
            self.send_control(parent, Kind::Well, 0, &[], None);
        }
        self.push_channel(parent);
    }

    /// Some fed listener cannot take a connection.
    fn is_unwell(&self) -> bool {
        let mut fed = self.listeners.iter().filter(|(_, listener)| listener.fed.is_some());
        fed.any(|(index, listener)| {
            self.is_crowded(index as u32) || self.computes(listener.guest, Duration::ZERO).is_some()
        })
    }

    /// The parent is told before the first byte is read: from then on the connection is lost with this process.
    fn begin_offer(&mut self, parent: u32, index: u32, offered: Offered) {
        self.send_control(parent, Kind::Begun, offered.number, &[], None);
        self.push_channel(parent);
        if let Ok(key) = self.reactor.adopt_stream(offered.fd, true) {
            let peer = peer_of(self.reactor.peer_addr(key));
            let peer = if matches!(self.reactor.local_addr(key), Ok(Addr::Unix)) { Addr::Unix } else { peer };
            self.take_connection(index, key, peer);
        }
    }
}

//! Connections between processes: from the one with the fronts to one of tenants, with what was read of them, and back when
//! they are nobody's there any more. A process of tenants is told what to do with its tenants by the same channel. It must not
//! know why a connection goes where it goes.
//!
//! *Invariant:* what comes back is a connection of a front of ours, and not more of them than were given away: a process
//! cannot bring a socket of its own before others' tenants.
use super::super::Hall;
use super::super::timers::Token;
use super::cordons::Stage;
use super::life::HELD_SECONDS;
use super::passes::Return;
use super::visitors::{Phase, Refusal};
use super::{Again, FrontKind, FrontPlan, Tenants};
use crate::proto::ipc::{Fault, Frame, Kind};
use crate::reactor::{Addr, Errno, Kernel, Key};
use crate::time::Clock;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

/// Bytes that a process of tenants may leave untaken before no more connections are given to it: it does not read, or no
/// longer fast enough.
const UNTAKEN: usize = 1 << 20;

/// Connections that wait to be sent to a process before no more are given to it: each is a descriptor of this process.
const UNTAKEN_CONNECTIONS: usize = 256;

/// What it is told may be left untaken so many times over, or so many times those bytes: it is ended then.
const UNTOLD: usize = 16;

/// Where a front is that is in another process.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// No tenant: the process looks by itself whose a connection is.
const UNKNOWN: u32 = u32::MAX;

/// A connection is given back since nobody's there has it, or since its tenant has no instance there now.
const NOBODYS: u64 = 0;
const UNMANNED: u64 = 1;

/// What is to be done with tenants, by their places in the Hive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Bid {
    Deploy(u32),
    Stop(u32),
    /// No request starts it, or requests do again.
    Hold(u32, bool),
    /// An operator wants it to run, whether or not anybody asks for it.
    Start(u32),
    /// An operator's change of limits, as he wrote it.
    Limits(u32, String),
    /// It is to have so many instances here; at once, and its connections are to be dealt anew.
    Instances(u32, u16, bool),
    /// They are so from here on.
    Renew(String),
    /// All that runs is to run its code as it is now.
    DeployAll,
    /// There is no module for it, and why.
    Refused(u32, String),
    /// Others serve them: give back what there is, and end.
    Leave,
    /// The operator ends the hall.
    Signal(i32),
}

impl Tenants {
    /// Whether this is a process of tenants, which has no fronts.
    pub fn is_cordon(&self) -> bool {
        self.is_cordon
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Has a process do something with its tenants.
    pub(super) fn bid(&mut self, index: u32, bid: &Bid) {
        let Some(channel) = self.tenants.cordons.all.get(index as usize).and_then(|cordon| cordon.channel) else {
            return;
        };
        let Ok(text) = serde_json::to_vec(bid) else { return };
        if self.unsent(channel).0 > UNTOLD * text.len().max(UNTAKEN) {
            return self.end_cordon(index, "takes nothing of what it is told");
        }
        self.send_parts(channel, Kind::Bid, 0, &text);
        self.stir_cordon(index);
    }

    /// Tells all processes that have a tenant; whether tenants are in processes at all.
    pub(super) fn bid_of(&mut self, tenant: u32, bid: impl Fn(u32) -> Bid) -> bool {
        if !self.tenants.are_apart() {
            return false;
        }
        for index in self.tenants.cordons.of(tenant).to_vec() {
            let Some(slot) = self.tenants.cordons.all[index as usize].slot(tenant) else { continue };
            self.bid(index, &bid(slot));
        }
        true
    }

    /// An operator's change of limits, for all that have a tenant and will; in how many instances it is, as far as is known.
    pub(in crate::runtime) fn bid_limits(&mut self, tenant: u32, body: &str) -> Option<usize> {
        if !self.bid_of(tenant, |slot| Bid::Limits(slot, body.into())) {
            return None;
        }
        Some(self.view_apart(tenant, "").guests.len())
    }

    /// The same for all that run.
    pub(super) fn bid_all(&mut self, bid: &Bid) {
        let all: Vec<u32> = self.tenants.cordons.all.iter().map(|(index, _)| index as u32).collect();
        all.into_iter().for_each(|index| self.bid(index, bid));
    }

    /// The operator ends the hall.
    pub(in crate::runtime) fn end_cordons_by(&mut self, signal: i32) {
        self.bid_all(&Bid::Signal(signal));
    }

    /// A visitor goes to a process of its tenant, or waits for one.
    pub(super) fn place_apart(&mut self, index: u32, tenant: u32) {
        if self.tenants.tenant(tenant).is_some_and(|this| this.held) {
            return self.turn_away(index, Refusal::Unavailable(HELD_SECONDS), false);
        }
        let avoid = self.tenants.visitors[index as usize].returned.and_then(|back| back.unmanned);
        let Some(home) = self.tenants.choose_home(&[tenant], avoid) else {
            return self.turn_away(index, Refusal::Unavailable(1), false);
        };
        self.tenants.stir(tenant);
        self.start_homes(tenant);
        self.give_visitor(index, home, Some(tenant));
    }

    /// A visitor goes to a process, or waits for it.
    pub(super) fn give_visitor(&mut self, index: u32, home: u32, tenant: Option<u32>) {
        let cordon = &self.tenants.cordons.all[home as usize];
        if cordon.stage != Stage::Serving {
            let key = self.tenants.visitors[index as usize].key;
            if let Err(seconds) = self.await_cordon(home, key) {
                self.turn_away(index, Refusal::Unavailable(seconds), false);
            }
            return;
        }
        let slot = tenant.and_then(|tenant| cordon.slot(tenant)).unwrap_or(UNKNOWN);
        let takes = |channel: &u32| {
            let (bytes, parcels) = self.unsent(*channel);
            bytes < UNTAKEN && parcels < UNTAKEN_CONNECTIONS
        };
        let Some(channel) = cordon.channel.filter(takes) else {
            return self.turn_away(index, Refusal::Unavailable(1), false);
        };
        let visitor = &self.tenants.visitors[index as usize];
        let plan = self.tenants.fronts.get(visitor.front as usize).map(|front| front.plan);
        let kind = plan.map_or(FrontKind::Shared, |plan| plan.kind);
        let fd = match self.reactor.share(visitor.key) {
            Ok(fd) => fd,
            Err(Errno::EMFILE | Errno::ENFILE) => return self.turn_away(index, Refusal::Unavailable(1), false),
            // Hands were shaken here, for a name that nobody has.
            Err(_) => return self.turn_away(index, Refusal::Misdirected, false),
        };
        let Addr::Ip(peer) = self.tenants.visitors[index as usize].peer else { return self.drop_visitor(index) };
        let visitor = self.take_visitor(index);
        let tls = self.tenants.tales.take(visitor.key).map(String::from);
        let again = visitor.returned.is_some_and(|back| back.unmanned.is_some());
        let pass = Pass { kind: code(kind), slot, peer, tls, again };
        let payload = pass.before(&visitor.bytes);
        if plan.is_some_and(|plan| plan.proxied) {
            self.keep_pass(visitor.key, pass);
        }
        // This process's descriptor; the connection goes on with the other's.
        let _gone = self.reactor.close(visitor.key);
        self.reactor.keep_reserve();
        self.tenants.cordons.all[home as usize].given += 1;
        self.send_with(channel, Kind::Hand, 0, &payload, fd);
        self.stir_cordon(home);
    }

    /// A process of tenants gives a connection back.
    pub(super) fn take_back(&mut self, index: u32, frame: &Frame<'_>, fd: OwnedFd) -> Result<(), Fault> {
        let (bytes, unmanned) = (frame.payload, (frame.id == UNMANNED).then_some(index));
        let cordon = &mut self.tenants.cordons.all[index as usize];
        cordon.given = cordon.given.checked_sub(1).ok_or(Fault::OutOfPlace)?;
        // A process that was taken over may keep it.
        let key = self.reactor.adopt_stream(fd, false).map_err(|_| Fault::UnexpectedDescriptor)?;
        let (Some(front), true) = (self.front_of(key), bytes.len() <= self.most_unread()) else {
            let _gone = self.reactor.reset(key);
            return Err(Fault::UnexpectedDescriptor);
        };
        let (visitors, most) = (self.tenants.visitors.len(), self.tenants.limits.visitors as usize);
        let end = match self.reactor.peer_addr(key) {
            Ok(Addr::Ip(end)) if self.leaving.is_none() => Some(end),
            _ => None,
        };
        let end = end.filter(|end| self.tenants.cordons.returned.takes(front, *end, visitors, most));
        match end.and_then(|end| Some((end, self.peer_of_returned(front, end, key)?))) {
            Some((end, peer)) => {
                self.visitor_again(front, key, Addr::Ip(peer), Some(Return { end, unmanned }), bytes);
            }
            // The client has gone meanwhile, or the fronts have.
            None => {
                end.into_iter().for_each(|end| self.tenants.cordons.returned.forget(front, end));
                let _gone = self.reactor.reset(key);
            }
        }
        Ok(())
    }

    /// What a proxy has told of a connection is known here, by the proxy's own end of it: a process that had the connection
    /// is not asked.
    fn keep_pass(&mut self, key: Key, pass: Pass) {
        let Ok(Addr::Ip(end)) = self.reactor.peer_addr(key) else { return };
        self.tenants.cordons.passes.keep(end, pass, self.tenants.limits.visitors as usize);
    }

    fn peer_of_returned(&mut self, front: u32, end: SocketAddr, key: Key) -> Option<SocketAddr> {
        if !self.tenants.fronts[front as usize].plan.proxied {
            return Some(end);
        }
        let pass = self.tenants.cordons.passes.take(end)?;
        if let Some(name) = pass.tls {
            self.tenants.tales.keep(key, name.into());
        }
        Some(pass.peer)
    }

    /// The plain front that a connection came by, as its own end tells.
    fn front_of(&self, key: Key) -> Option<u32> {
        let Ok(Addr::Ip(local)) = self.reactor.local_addr(key) else { return None };
        let of = |front: &super::Front| {
            // What came by one that is closed is still ours.
            let at = front.key.map_or(Some(Addr::Ip(front.plan.at)), |key| self.reactor.local_addr(key).ok());
            front.plan.kind == FrontKind::Shared && matches!(at, Some(Addr::Ip(at)) if is_at(at, local))
        };
        self.tenants.fronts.iter().position(of).map(|index| index as u32)
    }

    /// What can have been read of a connection that is given back: a head, and what came in one read with it.
    fn most_unread(&self) -> usize {
        self.limits.max_header_size_cap as usize + 2 * super::super::SCRATCH
    }

    /// A process says that a configuration has changed. A loop is believed: the folder of that tenant is read, and no other.
    pub(super) fn cordon_changed(&mut self, index: u32, slot: u64) {
        let plan = &self.tenants.cordons.all[index as usize].plan;
        if plan.is_loop() {
            let whose = usize::try_from(slot).ok().and_then(|slot| plan.tenants.get(slot).copied());
            // It may have left meanwhile.
            if let Some(tenant) = whose.filter(|tenant| plan.serves(*tenant)) {
                self.tenants.cordons.edited.insert(tenant);
            }
            return;
        }
        let due = self.tenants.cordons.all[index as usize].alarms.raise(self.now);
        let timer = match self.tenants.cordons.changed {
            Some((_, known)) if known <= due => return,
            Some((timer, _)) if self.timers.rearm(timer, due) => timer,
            _ => self.timers.arm(due, Token::Hive.pack()),
        };
        self.tenants.cordons.changed = Some((timer, due));
    }

    /// One of the folders is read that loops have told of.
    pub(super) fn read_edited(&mut self) {
        if let Some(tenant) = self.tenants.cordons.edited.pop_first() {
            self.reload_tenants(Again::Of(tenant));
        }
    }

    /// The moment has come.
    pub(in crate::runtime) fn hive_timer(&mut self) {
        self.tenants.cordons.changed = None;
        // Of what is not in order it cannot be said whether it has changed.
        let Some(changed) = self.reload_tenants(Again::Changes) else { return };
        let now = self.now;
        for (_, cordon) in &mut self.tenants.cordons.all {
            cordon.alarms.looked(now, changed);
        }
    }

    // From here on: in a process of tenants.

    /// What the process with the fronts says.
    pub(in crate::runtime) fn fronts_say(&mut self, frame: &Frame<'_>, fd: Option<OwnedFd>) -> Result<(), Fault> {
        match (frame.kind, fd) {
            (Kind::Hand, Some(fd)) => self.take_hand(frame.payload, fd),
            (Kind::Bid, _) => {
                self.tenants.bid.extend_from_slice(frame.payload);
                if frame.more {
                    return Ok(());
                }
                let text = std::mem::take(&mut self.tenants.bid);
                let bid = serde_json::from_slice(&text).map_err(|_| Fault::OutOfPlace)?;
                self.follow(bid);
                Ok(())
            }
            (Kind::Pulse, _) => {
                self.tell_beat(frame.id);
                Ok(())
            }
            (Kind::Ask, _) => {
                self.tell_views(frame.id);
                Ok(())
            }
            _ => Err(Fault::OutOfPlace),
        }
    }

    fn follow(&mut self, bid: Bid) {
        match bid {
            Bid::Deploy(tenant) => self.deploy(tenant),
            Bid::Stop(tenant) => self.stop_tenant(tenant),
            Bid::Hold(tenant, held) => self.hold_by_bid(tenant, held),
            Bid::Start(tenant) => self.start_tenant(tenant),
            Bid::Limits(tenant, body) => self.patch_by_bid(tenant, &body),
            Bid::Instances(tenant, wanted, more) => self.man_by_bid(tenant, wanted, more),
            Bid::Renew(hive) => self.renew_tenants(&hive),
            Bid::DeployAll => self.tenants.deploying.extend(0..self.tenants.all.len() as u32),
            Bid::Refused(tenant, why) => {
                self.tenants.keeper.iter_mut().for_each(|keeper| keeper.refused(tenant, why.clone()));
            }
            Bid::Leave => {
                self.tenants.leaves = true;
                for tenant in 0..self.tenants.all.len() as u32 {
                    self.close_tenant(tenant);
                }
            }
            Bid::Signal(signal) => self.leave(signal),
        }
    }

    /// A connection comes from a front.
    fn take_hand(&mut self, payload: &[u8], fd: OwnedFd) -> Result<(), Fault> {
        let (Pass { kind, slot, peer, tls, again }, bytes) = Pass::read(payload).ok_or(Fault::OutOfPlace)?;
        let key = self.reactor.adopt_stream(fd, true).map_err(|_| Fault::UnexpectedDescriptor)?;
        let front = self.virtual_front(kind_of(kind, slot).ok_or(Fault::OutOfPlace)?);
        if let Some(name) = tls {
            self.tenants.tales.keep(key, name.into());
        }
        match kind {
            TLS => self.veiled_visitor(front, key, Addr::Ip(peer), bytes),
            _ => self.known_visitor(front, key, Addr::Ip(peer), slot, again, bytes),
        }
        Ok(())
    }

    /// A front that is in another process.
    fn virtual_front(&mut self, kind: FrontKind) -> u32 {
        let known = self.tenants.fronts.iter().position(|front| front.plan.kind == kind);
        let place = known.unwrap_or(self.tenants.fronts.len());
        if known.is_none() {
            let plan = FrontPlan { at: NOWHERE, kind, proxied: false };
            self.tenants.fronts.push(super::Front { key: None, plan, elsewhere: true });
        }
        place as u32
    }

    /// There is no instance for a visitor here: where others of its tenant are elsewhere, one of these may have it, once. Else it
    /// is told for how many seconds there will be none.
    pub(super) fn give_elsewhere(&mut self, index: u32, tenant: u32, seconds: u64) {
        let (this, visitor) = (&self.tenants.all[tenant as usize], &self.tenants.visitors[index as usize]);
        let may = self.tenants.is_cordon && this.plan.elsewhere && !this.held && !visitor.last;
        if !(may && self.give_back_since(index, UNMANNED)) {
            self.turn_away(index, Refusal::Unavailable(seconds), false);
        }
    }

    /// Gives back a visitor that is not for this process's tenants.
    pub(super) fn give_back_visitor(&mut self, index: u32) -> bool {
        self.give_back_since(index, NOBODYS)
    }

    /// Gives back a visitor; not one with TLS, whose bytes nobody else can read.
    fn give_back_since(&mut self, index: u32, why: u64) -> bool {
        let Some(channel) = self.parent_channel() else { return false };
        let visitor = &self.tenants.visitors[index as usize];
        let plain = self.tenants.fronts.get(visitor.front as usize).is_some_and(|it| it.plan.kind == FrontKind::Shared);
        if !plain || matches!(visitor.phase, Phase::Leaving(_)) {
            return false;
        }
        let Ok(fd) = self.reactor.share(visitor.key) else { return false };
        let visitor = self.take_visitor(index);
        self.tenants.tales.forget(visitor.key);
        let _gone = self.reactor.close(visitor.key);
        self.reactor.keep_reserve();
        self.send_with(channel, Kind::Back, why, &visitor.bytes, fd);
        true
    }

    /// Whether a process that was told to leave has nothing left.
    pub(in crate::runtime) fn has_left(&self) -> bool {
        self.tenants.leaves && self.seats.is_empty() && self.conns.is_empty() && self.tenants.visitors.is_empty()
    }

    /// A configuration file of a tenant's has changed: all of it is the other process's to read.
    pub(super) fn tell_changed(&mut self, what: Again) {
        let whose = if let Again::Of(tenant) = what { tenant } else { UNKNOWN };
        if let Some(channel) = self.parent_channel() {
            self.send_word(channel, Kind::Changed, whose.into());
        }
    }
}

/// Whether a connection with this end of its own can have come by a listener there.
fn is_at(listener: SocketAddr, end: SocketAddr) -> bool {
    let (all, one) = (listener.ip().to_canonical(), end.ip().to_canonical());
    listener.port() == end.port() && (all.is_unspecified() || all == one)
}

/// What goes with a connection, before the bytes that were read of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pass {
    kind: u8,
    slot: u32,
    /// Where the client is: as the connection says, or the proxy that has it.
    peer: SocketAddr,
    /// It came to that proxy in TLS: the name that was asked for, which may be none.
    tls: Option<String>,
    /// Another process had no instance for it: if this one has none either, the client is told.
    again: bool,
}

impl Pass {
    #[cfg(test)]
    pub fn of(peer: SocketAddr) -> Pass {
        Pass { kind: SHARED, slot: 0, peer, tls: None, again: false }
    }

    fn before(&self, bytes: &[u8]) -> Vec<u8> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        [&(text.len() as u16).to_le_bytes(), &text[..], bytes].concat()
    }

    fn read(payload: &[u8]) -> Option<(Pass, &[u8])> {
        let (size, rest) = payload.split_first_chunk::<2>()?;
        let (text, bytes) = rest.split_at_checked(usize::from(u16::from_le_bytes(*size)))?;
        Some((serde_json::from_slice(text).ok()?, bytes))
    }
}

const SHARED: u8 = 0;
const TLS: u8 = 1;
const ONLY: u8 = 2;

fn code(kind: FrontKind) -> u8 {
    match kind {
        FrontKind::Shared => SHARED,
        FrontKind::Tls => TLS,
        FrontKind::Only(_) => ONLY,
    }
}

fn kind_of(code: u8, slot: u32) -> Option<FrontKind> {
    match code {
        SHARED => Some(FrontKind::Shared),
        TLS => Some(FrontKind::Tls),
        ONLY => Some(FrontKind::Only(slot)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_of_the_front_where_it_ends() {
        let at = |listener: &str, end: &str| is_at(listener.parse().expect("one"), end.parse().expect("one"));
        assert!(
            at("127.0.0.1:80", "127.0.0.1:80")
                && at("0.0.0.0:80", "10.0.0.7:80")
                && at("[::]:80", "[::ffff:10.0.0.7]:80")
        );
        assert!(at("127.0.0.1:80", "[::ffff:127.0.0.1]:80"));
        assert!(!at("127.0.0.1:80", "127.0.0.1:81") && !at("127.0.0.1:80", "127.0.0.2:80"));
    }

    #[test]
    fn a_bid_comes_out_as_it_went_in() {
        for bid in [Bid::Deploy(3), Bid::Limits(1, "{\"handles\":1}".into()), Bid::Leave, Bid::Signal(15)] {
            let text = serde_json::to_vec(&bid).expect("it is plain");
            assert_eq!(serde_json::from_slice::<Bid>(&text).expect("it is one of ours"), bid);
        }
        assert!(serde_json::from_slice::<Bid>(b"{\"Deploy\":-1}").is_err());
    }
}

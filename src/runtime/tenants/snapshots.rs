//! Tenants that begin from a snapshot of their own (`snapshot = true`): when an instance has listened for the first time, and has
//! nothing else to do, its snapshot is taken; only then do requests come to it. Each later start begins there, as long as it
//! would come to the same: else the code is run, and the next snapshot taken. It must not know what a guest has seen.
//!
//! | what an instance has when it has listened | what becomes of it |
//! |---|---|
//! | virtual listeners, timers, signals it listens for, promises | are in the snapshot |
//! | events, immediates, work off the loop, blobs | are waited for, `snapshot_wait_ms` at most |
//! | sockets, UDP sockets, open files and folders, watches, processes, channels | there is no snapshot, and its log says why |
use super::super::Hall;
use super::super::listeners::Listener;
use super::super::mailbox::Note;
use super::super::seat::{GuestId, Hired, Resource, Running, Seat, Stage as Life};
use super::life::Stage;
use super::ms;
use crate::guest::{Handle, Kind, Snapshot};
use crate::reactor::Kernel;
use crate::time::Clock;
use skep_abi::{ListenOptions, events, start};
use std::net::SocketAddr;
use std::time::Duration;

/// When an instance that began from a snapshot ends this soon, the snapshot may be why.
const SUSPECT: Duration = Duration::from_secs(1);

/// A tenant's beginning.
pub(super) struct Bud {
    pub snapshot: Snapshot,
    pub listeners: Vec<Parked>,
    pub signals: u64,
    /// It was taken by an earlier process: who begins from it is told which process this is.
    pub is_recalled: bool,
}

/// A listener as it stood.
#[derive(Clone, Copy)]
pub(super) struct Parked {
    pub handle: Handle,
    pub at: SocketAddr,
    pub options: ListenOptions,
}

/// What keeps a snapshot from being taken.
enum Hurdle {
    /// It will pass, maybe.
    Busy(&'static str),
    /// It will not.
    Has(&'static str),
}

impl Seat {
    fn hurdle(&self) -> Option<Hurdle> {
        let state = self.guest.state();
        if self.guest.is_asleep() || self.stage != Life::Live {
            return Some(Hurdle::Has("it is ending"));
        }
        let has = state.handles.iter().find_map(|(_, slot)| what_it_has(slot.kind));
        if let Some(what) = has.or_else(|| (!state.children.is_empty()).then_some("it has started a process")) {
            return Some(Hurdle::Has(what));
        }
        let waits = state.operations > 0 || state.handles.iter().any(|(_, slot)| slot.kind != Kind::Listener);
        if waits {
            return Some(Hurdle::Busy("work that it has begun (a file, a name, a hash) is not over"));
        }
        let busy = self.running != Running::Idle || self.is_busy() || self.rest.is_some() || self.hold.is_some();
        busy.then_some(Hurdle::Busy("it does not come to rest"))
    }
}

fn what_it_has(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Free | Kind::Listener | Kind::Operation | Kind::Blob => None,
        Kind::Stream | Kind::Attached | Kind::Exchange | Kind::Connection => Some("it has an open connection"),
        Kind::Datagram => Some("it has a UDP socket"),
        Kind::File | Kind::Folder => Some("it has a file or folder open"),
        Kind::Watch => Some("it watches a file"),
        Kind::Child | Kind::Channel => Some("it has started a process"),
        Kind::Call | Kind::HostCall => Some("it is inside a call"),
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// An instance has listened: whether its snapshot is to be taken before it serves.
    pub(super) fn buds(&mut self, tenant: u32, guest: GuestId) -> bool {
        let Some(seat) = self.seats.get(guest.0 as usize) else { return false };
        if !seat.guest.state().has_ledger() {
            return false;
        }
        if !self.tenants.budding.iter().any(|(_, one, _)| *one == guest) {
            let until = self.now.plus(ms(self.tenants.limits.snapshot_wait_ms));
            self.tenants.budding.push((tenant, guest, until));
            self.look_at(tenant, until);
        }
        true
    }

    /// Whether this is an instance that has not served yet.
    fn is_to_serve(&self, tenant: u32, guest: GuestId) -> bool {
        let its = self.tenants.all.get(tenant as usize).map(|this| this.instances.as_slice()).unwrap_or_default();
        let is_here = self.seats.contains(guest.0 as usize);
        is_here && its.iter().any(|one| one.guest == guest && one.stage == Stage::Starting)
    }

    /// Takes the snapshots whose time has come.
    pub(super) fn tend_buds(&mut self) {
        for (tenant, guest, until) in std::mem::take(&mut self.tenants.budding) {
            if !self.is_to_serve(tenant, guest) {
                continue;
            }
            let taken = match self.seats[guest.0 as usize].hurdle() {
                Some(Hurdle::Busy(_)) if self.now < until => {
                    self.tenants.budding.push((tenant, guest, until));
                    continue;
                }
                Some(Hurdle::Busy(why) | Hurdle::Has(why)) => Err(why.to_owned()),
                None => self.take_bud(tenant, guest),
            };
            self.seats[guest.0 as usize].guest.state_mut().drop_ledger();
            if let Err(why) = taken {
                self.say(tenant, &format!("no snapshot is taken, its next start runs its code again: {why}"));
            }
            self.instance_ready(tenant, guest);
        }
    }

    fn take_bud(&mut self, tenant: u32, guest: GuestId) -> Result<(), String> {
        let limits = self.tenants.limits;
        let all = || self.tenants.all.iter().filter_map(|tenant| tenant.bud.as_ref());
        if all().map(|bud| bud.snapshot.bytes()).sum::<u64>() >= limits.snapshots_bytes {
            return Err(format!("those of all tenants have {} bytes already", limits.snapshots_bytes));
        }
        let index = guest.0 as usize;
        let its = self.listeners.iter().filter(|(_, one)| one.guest == guest.0 && !one.closing);
        let parked = its.map(|(_, one)| {
            one.local.filter(|_| one.is_virtual).map(|at| Parked { handle: one.handle, at, options: one.options })
        });
        let listeners = parked.collect::<Option<Vec<Parked>>>().ok_or("it has a listener with a socket")?;
        let now = (self.clock.now_mono().0, self.clock.wall());
        let signals = self.seats[index].signals;
        let snapshot = self.seats[index].guest.awake().snapshot(now, limits.snapshot_bytes)?;
        let this = &mut self.tenants.all[tenant as usize];
        this.snapshots += 1;
        this.bud = Some(Bud { snapshot, listeners, signals, is_recalled: false });
        self.keep_bud(tenant);
        Ok(())
    }

    /// A new instance that begins from the tenant's snapshot; none when there is none that still holds.
    pub(super) fn revive(&mut self, tenant: u32) -> Option<GuestId> {
        let mut bud = self.tenants.all[tenant as usize].bud.take()?;
        let keeper = self.tenants.keeper.as_mut()?;
        let guest = match keeper.hirer().revive(tenant, &mut bud.snapshot) {
            Ok(guest) => guest,
            Err(why) => {
                self.tenants.all[tenant as usize].kept.is_there = false;
                self.say(tenant, &format!("its snapshot is gone, its code is run: {why}"));
                return None;
            }
        };
        let id = self.seat_bud(guest, &bud);
        self.tenants.all[tenant as usize].bud = Some(bud);
        Some(id)
    }

    /// An instance that began from the tenant's snapshot has failed after so long.
    pub(super) fn bud_failed(&mut self, tenant: u32, lived: Duration) {
        let ends = self.leaving.is_some();
        if !ends && lived < SUSPECT && self.tenants.all[tenant as usize].bud.take().is_some() {
            self.forget_kept(tenant);
            self.say(tenant, "its snapshot is gone: what began from it ended at once");
        }
    }

    /// Seats it as it stood: its listeners, and START. Its start record is the one that its heap has read, or it were not here;
    /// but for the process that it is in.
    fn seat_bud(&mut self, mut guest: Hired, bud: &Bud) -> GuestId {
        let mut seed = [0_u8; 32];
        guest.state_mut().outside.random(&mut seed);
        let mut seat = Seat::new(guest);
        let flags = if bud.is_recalled { start::CLONED } else { start::CLONED | start::SAME };
        seat.mail.push(Note { kind: events::START, flags, handle: 0, value: 0 }, &[&seed]);
        let id = GuestId(self.seats.insert(seat) as u32);
        for Parked { handle, at, options } in bud.listeners.iter().copied() {
            let limits = self.decoder_limits(id.0, &options);
            let listener = Listener::new(id.0, handle, None, options, limits);
            let index = self.listeners.insert(Listener { local: Some(at), is_virtual: true, ..listener }) as u32;
            self.seats[id.0 as usize].bind(handle, Resource::Listener(index));
        }
        for signal in (1..64).filter(|signal| bud.signals >> signal & 1 == 1) {
            self.signal_watch(id.0, signal, true);
        }
        id
    }
}

//! A guest's seat in the hall: the guest, its mailbox, and what stands behind each of its handles.
//! It must not know how any of these are served.
use super::fair::{Rest, Told};
use super::mailbox::{Mailbox, Note};
use super::observe::Served;
use super::process::Hold;
use super::seats::Marks;
use super::tenants::Tenancy;
use super::work::Backlog;
use crate::guest::{Guest, GuestState, Handle, Kind, Occupant};
use crate::policy::Bound;
use crate::time::{Mono, TimerId};
use skep_abi::events;

/// Names a guest within its hall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GuestId(pub u32);

/// A guest that is ready to be seated.
pub type Hired = Guest;

/// What stands behind a handle; the number indexes the hall's table of that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    None,
    Listener(u32),
    Conn(u32),
    Exchange(u32),
    Stream(u32),
    Datagram(u32),
    Watch(u32),
    Child(u32),
    Channel(u32),
    /// The stream that an exchange's connection becomes when the answers before it are out.
    Promised(u32),
    /// The connection of an exchange that is over, but for its last bytes.
    Done(u32),
    /// The client role over a stream of the guest's own.
    Fed(u32),
    /// A call by the embedding program.
    Call(u32),
    /// A call of one of its functions.
    HostCall(u32),
}

/// Whether the guest is inside a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Running {
    Idle,
    Yielded,
}

/// How far a guest's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Live,
    /// BEFORE_EXIT was sent; if nothing new came of it, EXIT follows.
    Asked,
    /// EXIT was sent.
    Told,
}

/// One guest and all that the hall knows of it.
pub(super) struct Seat {
    pub guest: Occupant,
    pub mail: Mailbox,
    resources: Vec<Resource>,
    pub running: Running,
    /// Since when it has been inside a turn.
    pub yielded_at: Option<Mono>,
    /// It is not to go on with its turn before this, or that time.
    pub hold: Option<(Hold, Option<Mono>)>,
    /// It has used up what it may, and is not entered for now.
    pub rest: Option<Rest>,
    /// It computes: those that do not come first.
    pub heavy: bool,
    /// What its log was told of its limits.
    pub told: Told,
    /// Requests answered, and how fast.
    pub served: Served,
    /// The guest has an immediate to run.
    pub soon: bool,
    pub timer: Option<TimerId>,
    pub timer_keeps: bool,
    /// It stays when it has nothing to wait for: the embedding program may call it.
    pub resident: bool,
    /// Connections of its listeners that are open, each of which knows its place here.
    pub conns: Vec<u32>,
    pub stage: Stage,
    /// Clones it has asked for, their handles and places among the children: taken when a turn has ended.
    pub clones: Vec<(Handle, u32)>,
    /// Signals it watches, a bit each.
    pub signals: u64,
    /// Those that have come while its mailbox was full: told once each when there is room, as a kernel keeps them.
    pub signals_due: u64,
    /// Its operations off the loop.
    pub work: Backlog,
    /// Connections that wait for room in the mailbox or the outbox.
    pub held_back: Vec<u32>,
    /// UDP sockets that wait for room in the mailbox.
    pub held_datagrams: Vec<u32>,
    /// Channels that wait for room in the mailbox.
    pub held_channels: Vec<u32>,
    /// When it ran last.
    pub ran: Mono,
    /// When it is looked at, since it has run after it dozed.
    pub dozes_at: Option<Mono>,
    /// Where it stands among those that have something to do.
    pub marks: Marks,
    /// Whose instance it is, where the hall serves tenants.
    pub tenancy: Option<Tenancy>,
}

impl Seat {
    pub fn new(guest: Guest) -> Seat {
        let capacity = guest.inbox_bytes().unwrap_or(0);
        Seat {
            guest: Occupant::Awake(guest),
            mail: Mailbox::new(capacity),
            resources: Vec::new(),
            running: Running::Idle,
            yielded_at: None,
            hold: None,
            rest: None,
            heavy: false,
            told: Told::default(),
            served: Served::default(),
            soon: false,
            timer: None,
            timer_keeps: false,
            resident: false,
            conns: Vec::new(),
            stage: Stage::Live,
            clones: Vec::new(),
            signals: 0,
            signals_due: 0,
            work: Backlog::default(),
            held_back: Vec::new(),
            held_datagrams: Vec::new(),
            held_channels: Vec::new(),
            ran: Mono::default(),
            dozes_at: None,
            marks: Marks::default(),
            tenancy: None,
        }
    }

    /// Queues an event.
    pub fn tell(&mut self, kind: u16, handle: Option<Handle>, value: u32, parts: &[&[u8]]) {
        let handle = handle.map_or(0, Handle::raw);
        self.mail.push(Note { kind, flags: 0, handle, value }, parts);
    }

    /// A new handle for a resource; none when the guest's limit is reached.
    pub fn give(&mut self, kind: Kind, resource: Resource) -> Option<Handle> {
        let state = self.guest.state_mut();
        let Some(handle) = state.handles.insert(kind) else {
            state.meter.hit(Bound::Handles);
            return None;
        };
        self.bind(handle, resource);
        Some(handle)
    }

    /// Puts a resource behind a handle that an import made.
    pub fn bind(&mut self, handle: Handle, resource: Resource) {
        if self.resources.len() <= handle.index() {
            self.resources.resize(handle.index() + 1, Resource::None);
        }
        self.resources[handle.index()] = resource;
    }

    /// What stands behind a live handle.
    pub fn resource(&mut self, handle: Handle) -> Resource {
        match self.guest.state_mut().handles.get(handle) {
            Some(_) => self.resources.get(handle.index()).copied().unwrap_or(Resource::None),
            None => Resource::None,
        }
    }

    /// As [`Seat::resource`].
    pub fn resource_of(&self, handle: Handle) -> Resource {
        match self.guest.state().handles.get(handle) {
            Some(_) => self.resources.get(handle.index()).copied().unwrap_or(Resource::None),
            None => Resource::None,
        }
    }

    /// Tells a signal that the guest watches. However often it comes while the guest is behind, it waits once.
    pub fn tell_signal(&mut self, signal: i32) {
        if self.mail.is_full() {
            self.signals_due |= 1 << signal;
        } else {
            self.tell(events::SIGNAL, None, signal as u32, &[]);
        }
    }

    /// There is room for what has waited.
    pub fn tell_due_signals(&mut self) {
        let due = std::mem::take(&mut self.signals_due);
        for signal in (1..64).filter(|signal| due >> signal & 1 == 1) {
            self.tell_signal(signal);
        }
    }

    /// Queues an event of bytes, or as many events as the guest's inbox needs.
    pub fn tell_bytes(&mut self, kind: u16, handle: Handle, bytes: &[u8]) {
        for piece in bytes.chunks(self.mail.piece()) {
            self.tell(kind, Some(handle), 0, &[piece]);
        }
    }

    /// Takes a handle away from the guest.
    pub fn revoke(&mut self, handle: Handle) {
        set_pending(self.guest.state_mut(), handle, 0);
        if self.guest.state_mut().handles.remove(handle).is_some()
            && let Some(resource) = self.resources.get_mut(handle.index())
        {
            *resource = Resource::None;
        }
        self.guest.state_mut().ends.remove(&handle);
    }

    /// Whether it watches this signal.
    pub fn watches(&self, signal: i32) -> bool {
        (0..64).contains(&signal) && self.signals >> signal & 1 == 1
    }

    /// Whether it has something to wait for or to do.
    pub fn is_alive(&self) -> bool {
        self.running == Running::Yielded || !self.mail.is_empty() || self.owes() || self.waits()
    }

    /// Whether there is something that will call it.
    pub fn waits(&self) -> bool {
        self.soon
            || self.resident
            || !self.conns.is_empty()
            || (self.timer_keeps && self.timer.is_some())
            || self.guest.state().handles.kept() > 0
    }

    /// Whether something that it has asked for is still to be carried out.
    pub fn owes(&self) -> bool {
        !self.guest.state().outbox.is_empty()
    }

    /// Whether the hall may not sleep for its sake.
    pub fn is_busy(&self) -> bool {
        match self.running {
            Running::Yielded => self.hold.is_none(),
            Running::Idle => self.soon || !self.mail.is_empty() || self.owes(),
        }
    }
}

/// What waits to be sent, for the guest and in all.
pub(super) fn set_pending(state: &mut GuestState, handle: Handle, pending: u32) {
    if let Some(slot) = state.handles.get_mut(handle) {
        state.pending_total = (state.pending_total + u64::from(pending)).saturating_sub(u64::from(slot.pending));
        slot.pending = pending;
    }
}

/// The number of a deadline that a guest gave, on the hall's clock.
pub(super) fn deadline(ns: u64) -> Mono {
    Mono(ns)
}

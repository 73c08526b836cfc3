//! Operations off the loop: from a guest's command to the threads, and back as OP_DONE. Each guest has a queue of its own
//! and a bounded share of the threads; what is done waits while the guest's mailbox is full, and keeps its share until it
//! is told, so that results cannot pile up. It must not know what any work does.
use super::Hall;
use super::mailbox::Note;
use super::seat::Seat;
use crate::guest::{Done, GuestState, Handle, Lane, Source, Work};
use crate::reactor::Kernel;
use crate::time::Clock;
use skep_abi::errno::{EMFILE, ENOMEM};
use skep_abi::{done, events};
use slab::Slab;
use std::collections::VecDeque;

/// Operations of one guest.
#[derive(Default)]
pub(super) struct Backlog {
    lanes: [LaneOf; 3],
    /// Done, to be told when the mailbox has room.
    done: VecDeque<(Flight, Done)>,
}

#[derive(Default)]
struct LaneOf {
    waiting: VecDeque<(Handle, Work)>,
    /// With the threads, or done and not told.
    taken: u32,
    /// What these wait for.
    busy: Vec<(i32, bool)>,
}

impl LaneOf {
    /// What is handed over next: as long as there is a share, or where each waits for something, in order for each of that.
    fn next(&mut self, share: u32, waits: bool) -> Option<(Handle, Work)> {
        if !waits {
            return if self.taken < share { self.waiting.pop_front() } else { None };
        }
        let is_free = |(_, work): &(Handle, Work)| {
            let source = work.source.as_ref().map(Source::number);
            source.is_none_or(|source| !self.busy.contains(&source))
        };
        let at = self.waiting.iter().position(is_free)?;
        self.waiting.remove(at)
    }
}

/// Work that the threads have, by the number it was ordered under.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    /// None: the guest is gone.
    guest: Option<u32>,
    /// None: the guest has forgotten it.
    operation: Option<Handle>,
    lane: Lane,
    bytes: u64,
    source: Option<(i32, bool)>,
    /// The hall's own.
    errand: Option<Errand>,
}

/// Work that the hall has done for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// This file of one that falls asleep is written.
    Fall(u64),
    /// This file of one that is to wake is read.
    Rise(u64),
    /// A tenant's snapshot is looked for on disk, and kept there.
    Recall(u32),
    Keep(u32),
    /// A guest was put aside in the middle of a call for it.
    Call,
    /// Folders are measured.
    Walk,
    /// Nobody waits for it.
    Rest,
}

pub(super) type Flights = Slab<Flight>;

impl Backlog {
    fn lane(&mut self, lane: Lane) -> &mut LaneOf {
        &mut self.lanes[lane as usize]
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A guest wants work done.
    pub(super) fn begin_work(&mut self, guest: u32, operation: Handle, work: Work) {
        self.seats[guest as usize].work.lane(work.lane).waiting.push_back((operation, work));
        self.start_work(guest);
    }

    /// Hands over as much as this guest's share allows.
    fn start_work(&mut self, guest: u32) {
        let Some(seat) = self.seats.get_mut(guest as usize) else { return };
        let share = seat.guest.state().limits.operations_at_once;
        for lane in [Lane::Slow, Lane::Quick, Lane::Input] {
            let here = seat.work.lane(lane);
            while let Some((operation, work)) = here.next(share, lane == Lane::Input) {
                let source = work.source.as_ref().map(Source::number);
                here.busy.extend(source);
                here.taken += 1;
                let flight = Flight {
                    guest: Some(guest),
                    operation: Some(operation),
                    lane,
                    bytes: work.bytes,
                    source,
                    errand: None,
                };
                self.offload.order(self.flights.insert(flight) as u32, work);
            }
        }
    }

    /// The hall wants work done for itself.
    pub(super) fn send_on(&mut self, errand: Errand, work: Work) {
        let (lane, bytes) = (work.lane, work.bytes);
        let flight = Flight { guest: None, operation: None, lane, bytes, source: None, errand: Some(errand) };
        let number = self.flights.insert(flight) as u32;
        match errand {
            // Whoever knocks waits for these, and no tenant's own work is before them.
            Errand::Rise(_) | Errand::Recall(_) => self.offload.order_soon(number, work),
            Errand::Fall(_) | Errand::Keep(_) | Errand::Call | Errand::Walk | Errand::Rest => {
                self.offload.order(number, work)
            }
        }
    }

    /// A guest is in the middle of a call that a thread is to answer.
    pub(super) fn begin_call(&mut self, guest: u32) {
        let Some(work) = self.seats[guest as usize].guest.state_mut().take_awaited() else { return };
        let (lane, errand) = (work.lane, Some(Errand::Call));
        let flight = Flight { guest: Some(guest), operation: None, lane, bytes: 0, source: None, errand };
        self.offload.order(self.flights.insert(flight) as u32, work);
    }

    /// What the threads have done goes to its owners.
    pub(super) fn collect_work(&mut self) {
        if !self.offload.is_due() {
            return;
        }
        for (number, done) in self.offload.collect() {
            let flight = self.flights.remove(number as usize);
            let guest = match (flight.errand, flight.guest) {
                (Some(Errand::Fall(file)), _) => {
                    self.has_fallen(file, &done);
                    continue;
                }
                (Some(Errand::Rise(file)), _) => {
                    self.may_rise(file, done);
                    continue;
                }
                (Some(Errand::Recall(tenant)), _) => {
                    self.may_recall(tenant, done);
                    continue;
                }
                (Some(Errand::Keep(tenant)), _) => {
                    self.has_kept(tenant, &done);
                    continue;
                }
                (Some(Errand::Walk), _) => {
                    self.walk_is_over();
                    continue;
                }
                (Some(Errand::Call), Some(guest)) => {
                    self.seats[guest as usize].guest.state_mut().end_awaited(done);
                    continue;
                }
                (None, Some(guest)) => guest,
                (Some(Errand::Rest | Errand::Call), _) | (None, None) => continue,
            };
            self.seats[guest as usize].work.done.push_back((flight, done));
            self.tell_work(guest as usize);
        }
    }

    /// Tells a guest what is done, as far as its mailbox has room; as much may start anew.
    pub(super) fn tell_work(&mut self, index: usize) {
        let Some(seat) = self.seats.get_mut(index) else { return };
        if seat.work.done.is_empty() {
            return;
        }
        while !seat.mail.is_full()
            && let Some((flight, done)) = seat.work.done.pop_front()
        {
            let lane = seat.work.lane(flight.lane);
            lane.taken -= 1;
            lane.busy.retain(|source| Some(*source) != flight.source);
            if let Some(operation) = flight.operation {
                seat.end_operation(operation, flight.bytes);
                tell(seat, operation, done);
            }
        }
        self.start_work(index as u32);
    }

    /// The guest closes an operation: nothing will be told of it. What has begun goes on, unheard.
    pub(super) fn forget_work(&mut self, guest: u32, operation: Handle) {
        let seat = &mut self.seats[guest as usize];
        for lane in [Lane::Quick, Lane::Slow, Lane::Input] {
            let waiting = &mut seat.work.lane(lane).waiting;
            if let Some(at) = waiting.iter().position(|(handle, _)| *handle == operation) {
                let bytes = waiting.remove(at).map_or(0, |(_, work)| work.bytes);
                return seat.end_operation(operation, bytes);
            }
        }
        let flights = self.flights.iter_mut().map(|(_, flight)| flight).filter(|flight| flight.guest == Some(guest));
        let done = seat.work.done.iter_mut().map(|(flight, _)| flight);
        if let Some(flight) = flights.chain(done).find(|flight| flight.operation == Some(operation)) {
            flight.operation = None;
            let bytes = flight.bytes;
            seat.end_operation(operation, bytes);
        }
    }

    /// A guest is gone: what waited goes with it, what has begun is for nobody.
    pub(super) fn drop_work(&mut self, guest: u32) {
        for (_, flight) in &mut self.flights {
            if flight.guest == Some(guest) {
                flight.guest = None;
            }
        }
    }
}

impl Seat {
    /// The operation's handle is gone, and what it held.
    pub(super) fn end_operation(&mut self, operation: Handle, bytes: u64) {
        let state: &mut GuestState = self.guest.state_mut();
        state.operations = state.operations.saturating_sub(1);
        state.operation_bytes = state.operation_bytes.saturating_sub(bytes);
        self.revoke(operation);
    }
}

/// Bytes that one event does not take become a blob.
fn tell(seat: &mut Seat, operation: Handle, done: Done) {
    let mut note = Note { kind: events::OP_DONE, flags: 0, handle: operation.raw(), value: 0 };
    let payload = match done {
        Done::Number(number) => {
            note.value = number;
            Vec::new()
        }
        Done::Bytes(bytes) if bytes.len() <= seat.mail.piece() => {
            note.value = bytes.len() as u32;
            bytes
        }
        Done::Bytes(bytes) => {
            note.value = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            match seat.guest.state_mut().keep_blob(bytes) {
                Some(blob) => {
                    note.flags = done::BLOB;
                    blob.raw().to_le_bytes().to_vec()
                }
                None => {
                    (note.flags, note.value) = (done::FAILED, ENOMEM as u32);
                    Vec::new()
                }
            }
        }
        Done::Opened(open) => match seat.guest.state_mut().keep_open(open) {
            Some(handle) => {
                note.flags = done::HANDLE;
                handle.raw().to_le_bytes().to_vec()
            }
            None => {
                (note.flags, note.value) = (done::FAILED, EMFILE as u32);
                Vec::new()
            }
        },
        Done::Failed { errno, why } => {
            (note.flags, note.value) = (done::FAILED, errno as u32);
            why.into_bytes()
        }
    };
    seat.mail.push(note, &[&payload]);
}

//! Clones: a guest as it stands when its turn has ended, for a process that goes on from there; and the seat that such a
//! guest takes. What the clone has not, since it stayed with the guest that was cloned, is told by the events that end such
//! things: a clone's script sees what it would see had all of it been closed from outside. It must not know how a
//! process is started.
//!
//! | of the guest | its clone is told |
//! |---|---|
//! | a stream | STREAM_CLOSED without an error; one that was connecting: ECANCELED |
//! | a listener | LISTENER_CLOSED |
//! | a request and its response | HTTP_ABORTED without an error |
//! | an HTTP connection | CONN_CLOSED without an error |
//! | a UDP socket | UDP_CLOSED without an error |
//! | an operation off the loop | OP_DONE: ECANCELED |
//! | a call of the embedding program's function | HOST_REPLY: ECANCELED |
//! | a call by the embedding program | nothing: an answer is answered EBADF |
//! | a watch | FS_CHANGED with FAILED: ECANCELED |
//! | blobs, open files and folders | nothing: whoever uses one is answered EBADF |
//! | children and channels | nothing: they are the guest's, the library forgets them (START, CLONED) |
//! | the clone itself | CHILD_STARTED, with 0 for a process id, last of all |
use super::Hall;
use super::mailbox::Note;
use super::seat::{GuestId, Hired, Resource, Seat};
use crate::guest::{Handle, Image, Kind, Legacy, LooseEnd, Will};
use crate::reactor::Kernel;
use crate::time::Clock;
use anyhow::{Result, ensure};
use skep_abi::errno::ECANCELED;
use skep_abi::start::{CLONED, SAME};
use skep_abi::{changed, done, events, value};

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// The guest's turn has ended: the clones it asked for are taken. While something waits to be told or done the image would lack
    /// both the news and what it is about, so that turn comes first.
    pub(super) fn take_clones(&mut self, index: usize) {
        let seat = &self.seats[index];
        if seat.clones.is_empty() || !seat.mail.is_empty() || seat.owes() {
            return;
        }
        let clones = std::mem::take(&mut self.seats[index].clones);
        let taken = if self.can_clone() {
            let image = self.seats[index].guest.awake().capture().ok();
            image.map(|image| self.legacy(index, image))
        } else {
            None
        };
        let Some(legacy) = taken else {
            return clones.iter().for_each(|(_, child)| self.start_clone(*child, None));
        };
        for (handle, child) in clones {
            let mut legacy = legacy.clone();
            legacy.will.ends.push(end(handle, events::CHILD_STARTED, 0, 0));
            self.start_clone(child, Some(legacy));
        }
    }

    /// A guest as it stands, to go on elsewhere; it goes on itself, too. Its image is whole: many start from it, and each would
    /// have to read a layer.
    ///
    /// # Errors
    /// When it is inside a turn or has something to be told; or the system has no memory for it.
    pub fn capture(&mut self, guest: GuestId) -> Result<Legacy> {
        let seat = &self.seats[guest.0 as usize];
        ensure!(!seat.is_busy() && !seat.guest.is_asleep(), "the guest is busy, or asleep");
        let image = self.seats[guest.0 as usize].guest.awake().capture_whole()?;
        Ok(self.legacy(guest.0 as usize, image))
    }

    fn legacy(&mut self, index: usize, image: Image) -> Legacy {
        let ends = self.loose_ends(index);
        let seat = &self.seats[index];
        let (generation, signals) = (seat.guest.state().handles.generation(), seat.signals);
        Legacy {
            image,
            will: Will { mono: seat.guest.state().mono(self.clock.now_mono().0), generation, signals, ends },
        }
    }

    /// What a clone of this guest has not.
    fn loose_ends(&mut self, index: usize) -> Vec<LooseEnd> {
        let seat = &mut self.seats[index];
        let state = seat.guest.state();
        let mut handles: Vec<(Handle, Kind)> = state.handles.iter().map(|(handle, slot)| (handle, slot.kind)).collect();
        handles.sort_by_key(|(_, kind)| rank(*kind));
        let ends = handles.into_iter().filter_map(|(handle, kind)| {
            let connecting = match seat.resource(handle) {
                Resource::Stream(index) => self.streams[index as usize].connecting,
                _ => false,
            };
            loose_end(handle, kind, connecting)
        });
        ends.collect()
    }

    /// Seats a clone: START, then its loose ends.
    pub fn seat_clone(&mut self, guest: Hired, will: &Will) -> GuestId {
        self.seat_image(guest, will, CLONED)
    }

    /// Seats a guest that goes on from an image in the world in which it was taken.
    pub fn seat_again(&mut self, guest: Hired, will: &Will) -> GuestId {
        self.seat_image(guest, will, CLONED | SAME)
    }

    fn seat_image(&mut self, mut guest: Hired, will: &Will, flags: u16) -> GuestId {
        let mut seed = [0u8; 32];
        guest.state_mut().outside.random(&mut seed);
        let mut seat = Seat::new(guest);
        seat.mail.push(Note { kind: events::START, flags, handle: 0, value: 0 }, &[&seed]);
        for LooseEnd { handle, kind, flags, value } in will.ends.iter().copied() {
            seat.mail.push(Note { kind, flags, handle, value }, &[]);
        }
        let index = self.seats.insert(seat) as u32;
        for signal in (1..64).filter(|signal| will.signals >> signal & 1 == 1) {
            self.signal_watch(index, signal, true);
        }
        GuestId(index)
    }
}

/// What others wait for ends first: a request before its connection, a connection before its listener.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Operation | Kind::HostCall => 0,
        Kind::Exchange => 1,
        Kind::Connection | Kind::Attached => 2,
        Kind::Stream | Kind::Datagram | Kind::Watch => 3,
        _ => 4,
    }
}

fn loose_end(handle: Handle, kind: Kind, connecting: bool) -> Option<LooseEnd> {
    let cancelled = ECANCELED as u32;
    Some(match kind {
        Kind::Operation => end(handle, events::OP_DONE, done::FAILED, cancelled),
        Kind::Exchange => end(handle, events::HTTP_ABORTED, 0, 0),
        Kind::Connection | Kind::Attached => end(handle, events::CONN_CLOSED, 0, 0),
        Kind::Stream => end(handle, events::STREAM_CLOSED, 0, if connecting { cancelled } else { 0 }),
        Kind::Datagram => end(handle, events::UDP_CLOSED, 0, 0),
        Kind::Watch => end(handle, events::FS_CHANGED, changed::FAILED, cancelled),
        Kind::Listener => end(handle, events::LISTENER_CLOSED, 0, 0),
        Kind::HostCall => end(handle, events::HOST_REPLY, value::FAILED, cancelled),
        Kind::Free | Kind::Blob | Kind::File | Kind::Folder | Kind::Child | Kind::Channel | Kind::Call => return None,
    })
}

fn end(handle: Handle, kind: u16, flags: u16, value: u32) -> LooseEnd {
    LooseEnd { handle: handle.raw(), kind, flags, value }
}

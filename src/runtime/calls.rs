//! Calls between guests and the program that this host is part of, both ways: CALL and its answer, `host_call` and its
//! HOST_REPLY. What the program is to be told waits here until it asks. A call whose time is over ends the guest if that
//! is computing, and is only given up if the guest waits for something. It must not know what is called, nor what a value
//! means.
use super::mailbox::Note;
use super::seat::{GuestId, Resource, Running, Seat};
use super::timers::Token;
use super::{Hall, Outcome};
use crate::guest::{Body, Handle, Kind, Verdict};
use crate::policy::Granted;
use crate::reactor::Kernel;
use crate::time::{Clock, TimerId};
use skep_abi::errno::ENOMEM;
use skep_abi::{events, value};
use slab::Slab;
use std::collections::VecDeque;
use std::time::Duration;

/// Names one call for as long as the hall stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId {
    serial: u64,
    index: u32,
}

/// What a guest is asked for: flags are a constant of `callee` and bits of `value`.
#[derive(Clone, Copy, Debug)]
pub struct Calling<'a> {
    pub flags: u16,
    pub name: &'a str,
    pub value: &'a [u8],
    /// From now on; without one the guest may take for ever.
    pub time: Option<Duration>,
}

/// What a call came to.
#[derive(Debug)]
pub enum Answer {
    /// Flags are bits of `value`.
    Value { flags: u16, value: Vec<u8> },
    /// The guest waits for something and has not answered in time.
    Late,
    /// It took the call's handle away without an answer.
    Dropped,
    /// The guest has ended; how, [`Hall::ended`] tells.
    Gone,
}

/// A guest calls a function of the program.
#[derive(Debug)]
pub struct HostCall {
    pub id: CallId,
    pub guest: GuestId,
    pub name: String,
    /// Bits of `value`.
    pub flags: u16,
    pub value: Vec<u8>,
}

/// Calls under way, and what the program has yet to ask for.
#[derive(Default)]
pub(super) struct Calls {
    serial: u64,
    /// To guests.
    asked: Slab<Asked>,
    /// By guests.
    hosted: Slab<Hosted>,
    answers: VecDeque<(CallId, Answer)>,
    orders: VecDeque<HostCall>,
}

struct Asked {
    serial: u64,
    guest: u32,
    handle: Handle,
    timer: Option<TimerId>,
}

struct Hosted {
    serial: u64,
    guest: u32,
    handle: Handle,
    bytes: u64,
}

impl Calls {
    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// Calls a guest; [`Hall::answer`] tells what came of it. None when the guest has too many handles.
    pub fn call(&mut self, guest: GuestId, calling: &Calling<'_>) -> Option<CallId> {
        let now = self.clock.now_mono();
        let seat = &mut self.seats[guest.0 as usize];
        let handle = seat.give(Kind::Call, Resource::None)?;
        let serial = self.calls.next();
        let asked = Asked { serial, guest: guest.0, handle, timer: None };
        let index = self.calls.asked.insert(asked) as u32;
        if let Some(time) = calling.time {
            let timer = self.timers.arm(now.plus(time), Token::Call(index).pack());
            self.calls.asked[index as usize].timer = Some(timer);
        }
        seat.bind(handle, Resource::Call(index));
        let name = calling.name.as_bytes();
        let padding = &[0; 8][..name.len().next_multiple_of(8) - name.len()];
        let mut flags = calling.flags;
        let value = seat.carried(calling.value, &mut flags);
        let note = Note { kind: events::CALL, flags, handle: handle.raw(), value: name.len() as u32 };
        seat.mail.push(note, &[name, padding, value.as_deref().unwrap_or(calling.value)]);
        Some(CallId { serial, index })
    }

    /// What the oldest answered call has come to.
    pub fn answer(&mut self) -> Option<(CallId, Answer)> {
        self.calls.answers.pop_front()
    }

    /// The oldest call by a guest that the program has not asked for.
    pub fn host_call(&mut self) -> Option<HostCall> {
        self.calls.orders.pop_front()
    }

    /// Answers a guest's call; nothing when that guest is gone or does not wait any more. Flags are bits of `value`.
    pub fn host_reply(&mut self, id: CallId, flags: u16, content: &[u8]) {
        let waits = |hosted: &&Hosted| hosted.serial == id.serial;
        if self.calls.hosted.get(id.index as usize).filter(waits).is_none() {
            return;
        }
        let Hosted { guest, handle, bytes, .. } = self.calls.hosted.remove(id.index as usize);
        let seat = &mut self.seats[guest as usize];
        seat.end_operation(handle, bytes);
        let mut flags = flags;
        let blob = seat.carried(content, &mut flags);
        let number =
            if flags & value::FAILED != 0 && blob.as_ref().is_some_and(Vec::is_empty) { ENOMEM as u32 } else { 0 };
        let note = Note { kind: events::HOST_REPLY, flags, handle: handle.raw(), value: number };
        seat.mail.push(note, &[blob.as_deref().unwrap_or(content)]);
    }

    /// A guest has answered.
    pub(super) fn call_reply(&mut self, guest: u32, call: Handle, flags: u16, body: Body) {
        let Resource::Call(index) = self.seats[guest as usize].resource(call) else { return };
        let value = self.whole(guest, body);
        self.end_call(index, Answer::Value { flags, value });
    }

    /// A guest calls.
    pub(super) fn take_host_call(&mut self, guest: u32, handle: Handle, name: Granted<String>, flags: u16, body: Body) {
        let value = self.whole(guest, body);
        let (serial, bytes) = (self.calls.next(), value.len() as u64);
        let index = self.calls.hosted.insert(Hosted { serial, guest, handle, bytes }) as u32;
        self.seats[guest as usize].bind(handle, Resource::HostCall(index));
        let id = CallId { serial, index };
        self.calls.orders.push_back(HostCall { id, guest: GuestId(guest), name: name.into_inner(), flags, value });
    }

    fn whole(&self, guest: u32, body: Body) -> Vec<u8> {
        match body {
            Body::Small(span) => self.seats[guest as usize].guest.state().outbox.bytes(span).to_vec(),
            Body::Own(bytes) => bytes,
        }
    }

    /// The guest takes the handle of a call away.
    pub(super) fn drop_call(&mut self, index: u32) {
        self.end_call(index, Answer::Dropped);
    }

    /// The guest waits no more for what it has called.
    pub(super) fn drop_host_call(&mut self, index: u32) {
        let Hosted { guest, handle, bytes, .. } = self.calls.hosted.remove(index as usize);
        self.seats[guest as usize].end_operation(handle, bytes);
    }

    fn end_call(&mut self, index: u32, answer: Answer) {
        let Asked { serial, guest, handle, timer } = self.calls.asked.remove(index as usize);
        if let Some(timer) = timer {
            self.timers.cancel(timer);
        }
        if let Some(seat) = self.seats.get_mut(guest as usize) {
            seat.revoke(handle);
        }
        self.calls.answers.push_back((CallId { serial, index }, answer));
    }

    /// The time of a call is over.
    pub(super) fn call_timer(&mut self, index: u32, id: TimerId) {
        let Some(asked) = self.calls.asked.get_mut(index as usize).filter(|asked| asked.timer == Some(id)) else {
            return;
        };
        asked.timer = None;
        let guest = asked.guest;
        // What has not begun yet would only be answered for nobody.
        if self.seats[guest as usize].running == Running::Yielded {
            return self.dismiss(GuestId(guest), Outcome::Ended(Verdict::Overdue));
        }
        self.end_call(index, Answer::Late);
    }

    /// A guest is gone, and who called it is told.
    pub(super) fn drop_calls(&mut self, guest: u32) {
        self.calls.hosted.retain(|_, hosted| hosted.guest != guest);
        let of_guest = |(index, asked): (usize, &Asked)| (asked.guest == guest).then_some(index as u32);
        let lost: Vec<u32> = self.calls.asked.iter().filter_map(of_guest).collect();
        lost.into_iter().for_each(|index| self.end_call(index, Answer::Gone));
    }
}

impl Seat {
    /// What stands for a value in an event: nothing (the value itself), or the handle of a blob with it, if it is too long.
    /// Where there is no room for one the flags say that it failed, and nothing stands for it.
    fn carried(&mut self, content: &[u8], flags: &mut u16) -> Option<Vec<u8>> {
        if content.len() <= self.mail.piece() {
            return None;
        }
        Some(match self.guest.state_mut().keep_blob(content.to_vec()) {
            Some(blob) => {
                *flags |= value::BLOB;
                blob.raw().to_le_bytes().to_vec()
            }
            None => {
                *flags |= value::FAILED;
                Vec::new()
            }
        })
    }
}

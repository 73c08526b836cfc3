//! The process that started this one, as this one sees it: its channel, its end, and the last words to it. It must not
//! know what this process was ordered to do.
use super::Hall;
use super::channel::{Channel, Far};
use crate::guest::Kind as HandleKind;
use crate::proto::ipc::{Decoder, Fault, Kind};
use crate::reactor::{Errno, Kernel, Result};
use crate::runtime::listeners::errno;
use crate::runtime::seat::GuestId;
use crate::runtime::timers::Token;
use crate::runtime::{Outcome, Running};
use crate::time::Clock;
use skep_abi::reason;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// How long the last words may take to be taken.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// The channel to the process that started this one, with what has been read from it beyond the order. The guest gets
    /// a handle of it if it is to have one; it does not keep the guest alive before it says so.
    pub fn join_parent(
        &mut self,
        guest: GuestId,
        fd: OwnedFd,
        decoder: Decoder,
        fds: VecDeque<OwnedFd>,
        user: bool,
    ) -> Result<()> {
        let key = self.reactor.open_channel(fd)?;
        let handles = &mut self.seats[guest.0 as usize].guest.state_mut().handles;
        let handle = if user { handles.insert(HandleKind::Channel) } else { None };
        if let Some(handle) = handle {
            handles.set_keep(handle, false);
        }
        self.seats[guest.0 as usize].guest.state_mut().parent_channel = handle;
        let user = handle.map(|handle| (guest.0, handle));
        let channel = self.add_channel(Channel::new(key, Far::Parent, user, decoder, fds));
        self.processes.parent = Some(channel);
        self.take_frames(channel);
        Ok(())
    }

    /// The parent is gone. The guest has a moment to end by itself.
    pub(super) fn parent_gone(&mut self, channel: u32) {
        self.processes.parent = None;
        self.drop_channel(channel, 0);
        self.nobody_answers();
        self.timers.arm(self.now.plus(self.processes.origin.orphan), Token::Orphan.pack());
        self.orphaned = Some(reason::PARENT_GONE);
    }

    /// What came from the parent is no use: nothing this process could do would be what was wanted.
    pub(super) fn parent_broke(&mut self, channel: u32, fault: Fault) {
        self.print(None, 2, format!("skep: the channel to the parent brought {fault}\n").as_bytes());
        self.processes.parent = None;
        self.drop_channel(channel, errno(Errno::EPROTO));
        self.nobody_answers();
        self.orphaned = Some(reason::PROTOCOL);
        self.timers.arm(self.now, Token::Orphan.pack());
    }

    /// The moment is over.
    pub(in crate::runtime) fn orphan_timer(&mut self) {
        let all: Vec<usize> = self.seats.iter().map(|(index, _)| index).collect();
        for index in all {
            self.dismiss(GuestId(index as u32), Outcome::Orphaned);
        }
        self.close_tenants();
    }

    /// Tells the parent how its child has ended, after all that was sent. Nothing comes after it.
    pub fn tell_end(&mut self, outcome: &Outcome) {
        let Some(parent) = self.processes.parent else { return };
        let (why, code) = (outcome.reason(), outcome.code());
        let payload = [why.to_le_bytes(), code.to_le_bytes()].concat();
        self.send_waiting(parent);
        self.send_control(parent, Kind::Ended, 0, &payload, None);
        let deadline = self.clock.now_mono().plus(LAST_WORDS);
        let mut facts = Vec::new();
        loop {
            self.reactor.flush(&mut facts);
            let left =
                self.processes.channels.get(parent as usize).map(|channel| self.reactor.channel_pending(channel.key));
            let now = self.clock.now_mono();
            if left.is_none_or(|left| left == 0) || now >= deadline {
                return;
            }
            facts.clear();
            if self.reactor.wait(Some(deadline.since(now)), &mut facts).is_err() {
                return;
            }
        }
    }

    /// Whether the guest has computed for long without coming back.
    pub(super) fn computes(&self, guest: u32, longer: Duration) -> Option<bool> {
        let seat = self.seats.get(guest as usize)?;
        let since = seat.yielded_at.filter(|_| seat.running == Running::Yielded)?;
        Some(self.now.since(since) > longer)
    }
}

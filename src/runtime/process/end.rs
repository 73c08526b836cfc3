//! The end of a child: it is waited for at once, its reason is joined from what it said and what the system says, and its
//! guest is told after its last message. It must not know how it was started.
use super::Hall;
use super::child::{SIGKILL, Stage};
use crate::guest::Handle;
use crate::proto::ipc::Fault;
use crate::reactor::process::End;
use crate::reactor::{Fact, Kernel};
use crate::runtime::mailbox::Note;
use crate::runtime::seat::Resource;
use crate::runtime::timers::Token;
use crate::time::Clock;
use skep_abi::{child_state, events, reason};
use std::time::Duration;

/// CHILD_EXIT's flag: the value is a signal.
const BY_SIGNAL: u16 = 1;

/// How long a child whose channel has ended may take to end itself.
const LINGER: Duration = Duration::from_secs(1);

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// SIGCHLD has come: whoever has ended is waited for.
    pub(in crate::runtime) fn reap_children(&mut self) {
        self.processes.nursery.reap();
        let mut ended = Vec::new();
        for (index, child) in &mut self.processes.children {
            if let Stage::Runs(process) = &mut child.stage
                && let Some(end) = process.ended()
            {
                child.stage = Stage::Ended(end);
                ended.push(index as u32);
            }
        }
        self.reap_cordons();
        self.processes.reap_strays(|pid| self.tenants.has_process(pid));
        for index in ended {
            self.take_row_back(index);
            let child = &mut self.processes.children[index as usize];
            let gone = u32::from(child.is_guest) + std::mem::take(&mut child.below);
            self.give_back(gone);
            self.settle_child(index);
        }
    }

    /// Its channel has ended: so must it.
    pub(super) fn child_channel_ended(&mut self, index: u32) {
        let child = &mut self.processes.children[index as usize];
        child.channel = None;
        if let Stage::Runs(_) = child.stage {
            self.timers.arm(self.now.plus(LINGER), Token::Child(index).pack());
        }
        self.settle_child(index);
    }

    /// It has had its time.
    pub(in crate::runtime) fn child_timer(&mut self, index: u32) {
        let Some(child) = self.processes.children.get(index as usize) else { return };
        // Its place may be another's by now, whose channel is open.
        if child.channel.is_none() && child.is_guest {
            self.signal_child(index, SIGKILL);
        }
    }

    /// It broke the protocol and was killed: nothing it says counts.
    pub(super) fn child_broke(&mut self, index: u32, fault: Fault) {
        let child = &mut self.processes.children[index as usize];
        child.channel = None;
        child.reason = Some(reason::PROTOCOL);
        let pid = match &child.stage {
            Stage::Runs(process) => process.id(),
            _ => 0,
        };
        let text = format!("skep: process {pid} was ended: its channel brought {fault}\n");
        if let Some((guest, _)) = child.owner {
            self.log(guest, 2, text.as_bytes());
        }
        self.settle_child(index);
    }

    pub(super) fn kill_broken(&mut self, index: u32) {
        self.signal_child(index, SIGKILL);
    }

    /// Tells the guest when all has come in, and forgets the child.
    pub(super) fn settle_child(&mut self, index: u32) {
        let Some(child) = self.processes.children.get(index as usize) else { return };
        let Stage::Ended(end) = child.stage else { return };
        if child.channel.is_some() {
            return;
        }
        let said = child.said.filter(|_| child.reason.is_none());
        let why = child.reason.unwrap_or(match (said, end) {
            (Some((why, _)), _) => why,
            (None, End::Signal(_)) => reason::SIGNAL,
            (None, End::Code(_)) if !child.is_guest => reason::EXIT,
            (None, End::Code(_)) => reason::UNKNOWN,
        });
        let owner = child.owner;
        let (code, signal) = match end {
            End::Code(code) => (code, 0),
            End::Signal(signal) => (0, signal),
        };
        let sync = self.child_state(owner).is_some_and(|state| {
            state.status.state = child_state::ENDED;
            (state.status.code, state.status.signal, state.status.reason) = (code, signal as u32, why);
            state.sync
        });
        if sync {
            return;
        }
        self.processes.children.remove(index as usize);
        let Some((guest, handle)) = owner else { return };
        let Some(seat) = self.seats.get_mut(guest as usize) else { return };
        let state = seat.guest.state_mut();
        let pid = state.children.get(&handle).map_or(0, |child| child.status.pid);
        state.forget_child(handle, i64::from(pid));
        seat.revoke(handle);
        let (flags, value) = if signal != 0 { (BY_SIGNAL, signal as u32) } else { (0, code as u32) };
        let note = Note { kind: events::CHILD_EXIT, flags, handle: handle.raw(), value };
        seat.mail.push(note, &[&why.to_le_bytes()]);
    }

    /// An output that is kept has given bytes; it is read on whatever the guest's mailbox holds.
    pub(in crate::runtime) fn child_wrote(&mut self, index: u32, at: u32, bytes: &[u8]) {
        let owner = self.processes.children.get(index as usize).and_then(|child| child.owner);
        if let Some(state) = self.child_state(owner) {
            state.wrote(at as usize, bytes);
        }
    }

    /// An output that is kept is over.
    pub(in crate::runtime) fn child_output_over(&mut self, index: u32) {
        if let Some(child) = self.processes.children.get_mut(index as usize) {
            child.outputs = child.outputs.saturating_sub(1);
        }
    }

    /// A guest is gone: its children are to end. A channel's end tells guests; programs get a signal.
    pub(in crate::runtime) fn drop_children(&mut self, guest: u32) {
        const SIGTERM: i32 = 15;
        let its = |owner: Option<(u32, Handle)>| owner.is_some_and(|(owner, _)| owner == guest);
        let mine: Vec<u32> = self
            .processes
            .children
            .iter()
            .filter(|(_, child)| its(child.owner))
            .map(|(index, _)| index as u32)
            .collect();
        for index in mine {
            let child = &mut self.processes.children[index as usize];
            child.owner = None;
            let (channel, program) = (child.channel.take(), !child.is_guest && !child.detached);
            if let Some(channel) = channel {
                self.drop_channel(channel, 0);
            }
            if let Stage::Wished(_) = self.processes.children[index as usize].stage {
                // The answer, if it allows it, gives it back.
                self.processes.children[index as usize].stage = Stage::Ended(End::Code(0));
            }
            if program {
                self.signal_child(index, SIGTERM);
            }
            self.settle_child(index);
        }
    }

    /// The last guest is gone. Children that are guests have seen their channels end; those that do not end by
    /// themselves are made to, and all are waited for.
    pub(in crate::runtime) fn part_from_children(&mut self) {
        self.processes.nursery.stop();
        let mut facts = Vec::new();
        let deadline = self.clock.now_mono().plus(LINGER);
        for attempt in [SIGKILL, 0] {
            while self.waits_for_children() {
                let now = self.clock.now_mono();
                if attempt == SIGKILL && now >= deadline {
                    break;
                }
                let left = if attempt == 0 { LINGER } else { deadline.since(now) };
                if self.reactor.wait(Some(left), &mut facts).is_err() {
                    return;
                }
                facts.retain(|fact| matches!(fact, Fact::Signal(_)));
                if !facts.is_empty() {
                    self.reap_children();
                    facts.clear();
                }
            }
            let alive: Vec<u32> = self.guest_children().collect();
            alive.into_iter().for_each(|index| self.signal_child(index, SIGKILL));
        }
    }

    fn guest_children(&self) -> impl Iterator<Item = u32> {
        let runs = |child: &super::Child| child.is_guest && matches!(child.stage, Stage::Runs(_));
        self.processes.children.iter().filter(move |(_, child)| runs(child)).map(|(index, _)| index as u32)
    }

    fn waits_for_children(&self) -> bool {
        self.guest_children().next().is_some()
    }

    /// A handle of a child with flag SYNC, or one that nobody listens to, is given up.
    pub(in crate::runtime) fn close_child_handle(&mut self, guest: u32, handle: Handle) {
        // What a child with flag SYNC was fed through goes with it.
        let state = self.child_state(Some((guest, handle))).filter(|state| state.sync);
        let streams: Vec<Handle> =
            state.map(|state| state.streams.iter().flatten().copied().collect()).unwrap_or_default();
        for stream in streams {
            if let Resource::Stream(index) = self.seats[guest as usize].resource(stream) {
                self.close_stream(index, false);
            }
        }
        match self.seats[guest as usize].resource(handle) {
            Resource::Child(index) => self.close_child(index),
            _ => {
                let seat = &mut self.seats[guest as usize];
                seat.guest.state_mut().children.remove(&handle);
                seat.revoke(handle);
            }
        }
    }
}

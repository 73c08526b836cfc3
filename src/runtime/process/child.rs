//! A child as the hall keeps it, and what its guest asks of it once it runs: signals, waiting, closing. It must not know
//! how it was started.
use super::{Hall, Hold};
use crate::guest::{ChildPlan, ChildState, Handle};
use crate::policy::Row;
use crate::reactor::Kernel;
use crate::reactor::process::{self, End, Process};
use crate::time::Clock;
use skep_abi::child_state;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// SIGKILL.
pub(super) const SIGKILL: i32 = 9;

/// A process that a guest has started, or has asked for.
pub(in crate::runtime) struct Child {
    /// Whoever asked; none when it is gone, or wants to hear nothing more.
    pub owner: Option<(u32, Handle)>,
    pub stage: Stage,
    /// The way to it, if it is a guest.
    pub channel: Option<u32>,
    /// Another guest, counted in the tree; else a program.
    pub is_guest: bool,
    pub detached: bool,
    /// What it said of its end: reason and code.
    pub said: Option<(u32, i32)>,
    /// Why the host ended it.
    pub reason: Option<u32>,
    /// Its row in the tree's purse.
    pub row: Option<Row>,
    /// Processes that were allowed below it.
    pub below: u32,
    /// Its outputs that are kept and not over.
    pub outputs: u32,
}

/// How far it is.
pub(in crate::runtime) enum Stage {
    /// Whether it may be started is being asked.
    Wished(Box<Wished>),
    Runs(Process),
    /// It has been waited for.
    Ended(End),
}

/// What is needed to start it.
pub(in crate::runtime) struct Wished {
    pub plan: ChildPlan,
    /// Its descriptors that are made already.
    pub ends: Vec<Option<OwnedFd>>,
    /// Its end of the channel.
    pub far: Option<OwnedFd>,
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// What the guest may know of a child.
    pub(super) fn child_state(&mut self, owner: Option<(u32, Handle)>) -> Option<&mut ChildState> {
        let (guest, handle) = owner?;
        self.seats.get_mut(guest as usize)?.guest.state_mut().children.get_mut(&handle)
    }

    pub(in crate::runtime) fn child_kill(&mut self, guest: u32, handle: Handle, signal: i32) {
        if let Some(index) = self.child_of(guest, handle) {
            self.signal_child(index, signal);
        }
    }

    /// One that is not started yet cannot be sent anything: it is not started then.
    pub(super) fn signal_child(&mut self, index: u32, signal: i32) {
        if let Stage::Runs(process) = &self.processes.children[index as usize].stage {
            // It may be dead and not waited for, which is no error.
            let _late = process.kill(signal);
        }
    }

    /// Signals to others, which the policy has allowed.
    pub(in crate::runtime) fn kill_other(&mut self, pid: i32, signal: i32) {
        // Whether it lives was looked at when the guest asked; a signal cannot be taken back either way.
        let _late = process::kill(pid, signal);
    }

    pub(in crate::runtime) fn child_wait(&mut self, guest: u32, handle: Handle, milliseconds: Option<u64>) {
        let until = milliseconds.map(|milliseconds| self.now.plus(Duration::from_millis(milliseconds)));
        self.hold(guest, Hold::Child(handle), until);
    }

    /// Whether a guest that waits for a child has to wait on.
    pub(super) fn is_awaited(&mut self, guest: u32, handle: Handle) -> bool {
        let open = match self.child_of(guest, handle) {
            Some(index) => self.processes.children[index as usize].outputs,
            None => 0,
        };
        let Some(state) = self.child_state(Some((guest, handle))) else { return false };
        // An output that is too long is told once.
        if state.status.overflow == 1 && !state.told_overflow {
            state.told_overflow = true;
            return false;
        }
        match state.status.state {
            child_state::STARTING | child_state::RUNNING => true,
            child_state::ENDED => open > 0 && !state.killed,
            _ => false,
        }
    }

    /// Whether a process that this guest asked for may still be refused.
    pub(super) fn is_starting(&self, guest: u32) -> bool {
        let its = |child: &super::Child| child.owner.is_some_and(|(owner, _)| owner == guest);
        self.processes.children.iter().any(|(_, child)| its(child) && matches!(child.stage, Stage::Wished(_)))
    }

    /// The guest wants to hear nothing more of it.
    pub(in crate::runtime) fn close_child(&mut self, index: u32) {
        let child = &mut self.processes.children[index as usize];
        if let Some((guest, handle)) = child.owner.take()
            && let Some(seat) = self.seats.get_mut(guest as usize)
        {
            seat.guest.state_mut().children.remove(&handle);
            seat.revoke(handle);
        }
        self.settle_child(index);
    }
}

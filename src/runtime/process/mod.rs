//! Other processes: those that guests of this hall have started, and the one that started this one. A child is known by its
//! channel, never by what it says; what it says that no child of ours would say ends it. It must not know how a system
//! starts a process (the reactor's), nor what a script's message means.
mod attach;
mod channel;
mod child;
mod cordon;
mod deal;
mod end;
mod nursery;
mod order;
mod parent;
mod purse;
mod start;
mod tree;

pub use nursery::Filter;
pub use order::{ChildOrder, Origin};
pub use start::{CHILD_WORD, OPTIONS};

use super::Hall;
use super::seat::{Resource, Seat};
use super::seats::Seats;
use crate::guest::{Handle, Kit};
use crate::policy::Purse;
use crate::reactor::Kernel;
use crate::time::{Clock, Mono};
use child::Child;
use deal::{Offer, Offered};
use nursery::Nursery;
use slab::Slab;
use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::os::fd::OwnedFd;
use tree::{Tree, Wisher};

pub(super) use channel::{Channel, Far, Post};
pub(super) use deal::Shared;

/// All that the hall knows of other processes.
#[derive(Default)]
pub(super) struct Processes {
    children: Slab<Child>,
    channels: Slab<Channel>,
    /// The channel to the process that started this one.
    parent: Option<u32>,
    /// What this process was started with, and hands on.
    origin: Origin,
    /// Code and image for those that it starts.
    kit: KitSource,
    nursery: Nursery,
    /// That code runs the guests of this process too.
    clones: Clones,
    tree: Tree,
    /// What the tree has used, and the cells as they are handed on.
    purse: Option<(Purse, OwnedFd)>,
    /// Wishes that were sent up and have no answer yet.
    wishes: HashMap<u64, Wisher>,
    wish: u64,
    /// Connections that were handed to children and not begun.
    offers: HashMap<u64, Offer>,
    offer: u64,
    /// Connections that the parent has offered, and this process has not begun.
    offered: VecDeque<Offered>,
    /// The parent was told that no offers are wanted.
    unwell: bool,
    /// Who begins which connection is written here, a line each.
    ledger: Option<Box<dyn Write>>,
    /// SIGCHLD is watched.
    watching: bool,
}

impl Processes {
    /// Nobody is at the other end of anything.
    pub fn is_quiet(&self) -> bool {
        self.channels.is_empty()
    }
}

/// Where the code and the image of children come from.
#[derive(Default)]
pub enum KitSource {
    /// Each finds its own.
    #[default]
    Nowhere,
    Ready(Kit),
    /// Made when the first child is started.
    Later(Box<dyn FnOnce() -> Option<Kit>>),
}

impl KitSource {
    fn get(&mut self) -> Option<&Kit> {
        if let KitSource::Later(_) = self
            && let KitSource::Later(make) = std::mem::take(self)
            && let Some(kit) = make()
        {
            *self = KitSource::Ready(kit);
        }
        match self {
            KitSource::Ready(kit) => Some(kit),
            _ => None,
        }
    }
}

/// What clones of this process's guest run.
#[derive(Default)]
pub enum Clones {
    /// There are none.
    #[default]
    None,
    /// The code of the kit that all children have.
    OfKit,
    /// The code of a module, which is the guest's own.
    OfModule(KitSource),
}

/// Why a guest that has yielded is not to be resumed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// It asked to settle, and a process of its is being started.
    Starting,
    /// Until a child has ended.
    Child(Handle),
    /// Until most of what it has printed is out.
    Log,
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// What children of this process are told of it.
    pub fn set_origin(&mut self, origin: Origin, kit: KitSource) {
        self.processes.origin = origin;
        self.processes.kit = kit;
    }

    /// Has written down which process begins which connection, so that whoever loses one can tell whose it was.
    pub fn keep_ledger(&mut self, ledger: Box<dyn Write>) {
        self.processes.ledger = Some(ledger);
    }

    /// Which code can run images of the guest here elsewhere.
    pub fn allow_clones(&mut self, clones: Clones) {
        self.processes.clones = clones;
    }

    pub(in crate::runtime) fn can_clone(&self) -> bool {
        !matches!(self.processes.clones, Clones::None)
    }

    /// Before guests run, and at the end of a turn, for what came of that: whatever waits for something that no fact
    /// tells of.
    pub(super) fn tend_processes(&mut self) {
        if !self.processes.offered.is_empty() || self.processes.unwell {
            self.begin_offers();
        }
    }

    /// Whether a guest that has yielded must wait.
    pub(super) fn is_held(&mut self, index: usize) -> bool {
        let seat = &self.seats[index];
        let Some((hold, until)) = seat.hold else { return false };
        let over = until.is_some_and(|until| until <= self.now);
        let held = !over
            && match hold {
                Hold::Starting => self.is_starting(index as u32),
                Hold::Child(child) => self.is_awaited(index as u32, child),
                Hold::Log => self.is_log_long(index as u32),
            };
        if !held {
            self.seats[index].hold = None;
        }
        held
    }

    /// Holds a guest, at most until then.
    pub(super) fn hold(&mut self, guest: u32, hold: Hold, until: Option<Mono>) {
        self.seats[guest as usize].hold = Some((hold, until));
        if let Some(until) = until {
            self.timers.arm(until, super::timers::Token::Held.pack());
        }
    }

    fn channel_of(&mut self, guest: u32, handle: Handle) -> Option<u32> {
        match self.seats[guest as usize].resource(handle) {
            Resource::Channel(index) => Some(index),
            _ => None,
        }
    }

    fn child_of(&mut self, guest: u32, handle: Handle) -> Option<u32> {
        match self.seats[guest as usize].resource(handle) {
            Resource::Child(index) => Some(index),
            _ => None,
        }
    }
}

/// The seat of a guest that may be gone.
fn seat_of(seats: &mut Seats, guest: u32) -> Option<&mut Seat> {
    seats.get_mut(guest as usize)
}

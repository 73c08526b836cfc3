//! A guest that sleeps: how its memory differs from the image that it was spawned from, in a file of the [`Den`]'s, and what the
//! host knows of it. Its memory is given back. It must not know when a guest is to sleep or to wake.
//!
//! A sleeper wakes once, as the very guest that fell asleep: nothing is repeated, so nothing has to be renewed. Who wants
//! copies takes images ([`Guest::capture`]) and sends each the START of a clone.
use super::cell::{Code, spawn};
use super::den::{Den, Kept};
use super::drift::{Base, Drift};
use super::engine::Engine;
use super::guest::{AtRest, Guest};
use super::image::{Memory, Start};
use super::state::GuestState;
use anyhow::{Error, Result};
use std::sync::Arc;

/// A guest without memory of its own.
pub struct Sleeper {
    engine: Engine,
    code: Arc<Code>,
    base: Base,
    at_rest: AtRest,
    state: GuestState,
    kept: Kept,
}

/// What a guest is made of, but for its memory.
pub(super) struct Parts {
    pub(super) engine: Engine,
    pub(super) code: Arc<Code>,
    pub(super) base: Base,
    pub(super) at_rest: AtRest,
}

impl Sleeper {
    pub(super) fn new(parts: Parts, state: GuestState, kept: Kept) -> Sleeper {
        let Parts { engine, code, base, at_rest } = parts;
        Sleeper { engine, code, base, at_rest, state, kept }
    }

    /// What the host knows of it: handles, grants, limits. Events are kept for it by whoever has it.
    pub fn state(&self) -> &GuestState {
        &self.state
    }

    /// As [`Sleeper::state`], to change it.
    pub fn state_mut(&mut self) -> &mut GuestState {
        &mut self.state
    }

    /// Bytes that are kept for it.
    pub fn own_bytes(&self) -> u64 {
        self.kept.bytes as u64
    }

    /// Bytes that a batch may have.
    pub fn inbox_bytes(&self) -> Option<usize> {
        self.at_rest.1.map(|(_, len)| len as usize)
    }

    /// Brings it back, where it was. Its file is gone then.
    ///
    /// # Errors
    /// When the file is gone or not as it was written, or the system has no memory or address space: then the guest is gone,
    /// and this is what the host knew of it.
    pub fn wake(self) -> Result<Guest, Box<(GuestState, Error)>> {
        let Sleeper { engine, code, base, at_rest: (globals, inbox), mut state, kept } = self;
        // First, while nothing has been made of what may be wrong.
        let found = kept.read().map(Drift::of_bytes).and_then(|drift| Ok((drift.memory_bytes()?, drift)));
        let (bytes, drift) = match found {
            Ok(found) => found,
            Err(error) => return Err(Box::new((state, error))),
        };
        // What it had it has: an operator's lower limit holds for what it asks for from here on.
        let limits = state.limits.clone();
        state.limits.memory_bytes = limits.memory_bytes.max(bytes as u64);
        state.limiter.set(&state.limits);
        let start = Start { memory: Memory::Shared(base.pages, base.layer), globals, inbox };
        let mut guest = spawn(&engine, &code, start, state)?;
        match guest.take_up(&drift, bytes) {
            Ok(()) => {
                guest.state_mut().set_limits(limits);
                Ok(guest)
            }
            Err(error) => Err(Box::new((guest.take_state(), error))),
        }
    }
}

/// Who sits in a seat: a guest that is awake, or one that sleeps.
#[allow(clippy::large_enum_variant, reason = "most are awake, and are reached without another step")]
pub enum Occupant {
    Awake(Guest),
    Asleep(Box<Sleeper>),
    /// It could not be woken: what the host knew of it.
    Lost(Box<GuestState>),
}

impl Occupant {
    /// What the host knows of it.
    pub fn state(&self) -> &GuestState {
        match self {
            Occupant::Awake(guest) => guest.state(),
            Occupant::Asleep(sleeper) => sleeper.state(),
            Occupant::Lost(state) => state,
        }
    }

    /// As [`Occupant::state`], to change it.
    pub fn state_mut(&mut self) -> &mut GuestState {
        match self {
            Occupant::Awake(guest) => guest.state_mut(),
            Occupant::Asleep(sleeper) => sleeper.state_mut(),
            Occupant::Lost(state) => state,
        }
    }

    /// The guest, to be entered.
    ///
    /// # Panics
    /// When it is not awake.
    pub fn awake(&mut self) -> &mut Guest {
        match self {
            Occupant::Awake(guest) => guest,
            _ => panic!("a guest that sleeps is woken before it is entered"),
        }
    }

    pub fn is_asleep(&self) -> bool {
        !matches!(self, Occupant::Awake(_))
    }

    /// Whether it is awake, and its pages have been given back.
    pub fn dozes(&self) -> bool {
        matches!(self, Occupant::Awake(guest) if guest.dozes())
    }

    /// Bytes that are kept while it sleeps; none: it is awake.
    pub fn at_rest(&self) -> Option<u64> {
        match self {
            Occupant::Asleep(sleeper) => Some(sleeper.own_bytes()),
            _ => None,
        }
    }

    /// Puts it to sleep.
    ///
    /// # Errors
    /// Those of [`Guest::hibernate`]: then it is awake as before.
    pub fn sleep(&mut self, den: &Den, most: usize) -> Result<()> {
        let guest = match self.take() {
            Occupant::Awake(guest) => guest,
            other => {
                *self = other;
                return Ok(());
            }
        };
        let (next, outcome) = match guest.hibernate(den, most) {
            Ok(sleeper) => (Occupant::Asleep(Box::new(sleeper)), Ok(())),
            Err(awake) => {
                let (guest, error) = *awake;
                (Occupant::Awake(guest), Err(error))
            }
        };
        *self = next;
        outcome
    }

    /// Wakes it, if it sleeps.
    ///
    /// # Errors
    /// Those of [`Sleeper::wake`]: then it is lost.
    pub fn wake(&mut self) -> Result<()> {
        match self.take() {
            Occupant::Asleep(sleeper) => match sleeper.wake() {
                Ok(guest) => {
                    *self = Occupant::Awake(guest);
                    Ok(())
                }
                Err(lost) => {
                    let (state, error) = *lost;
                    *self = Occupant::Lost(Box::new(state));
                    Err(error)
                }
            },
            other => {
                *self = other;
                Ok(())
            }
        }
    }

    fn take(&mut self) -> Occupant {
        std::mem::replace(self, Occupant::Lost(Box::new(GuestState::nobodys())))
    }
}

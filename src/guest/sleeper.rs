//! A guest that sleeps: its image, mostly a layer of what it has written over the image that it was spawned from, and what the
//! host knows of it. Its memory is given back. It must not know when a guest is to sleep or to wake.
//!
//! A sleeper wakes once, as the very guest that fell asleep: nothing is repeated, so nothing has to be renewed. Who wants
//! copies takes images ([`Guest::capture`]) and sends each the START of a clone.
use super::cell::Cell;
use super::guest::Guest;
use super::state::GuestState;
use anyhow::Result;

/// A guest without memory of its own.
pub struct Sleeper {
    cell: Cell,
    state: GuestState,
}

impl Sleeper {
    pub(super) fn new(cell: Cell, state: GuestState) -> Sleeper {
        Sleeper { cell, state }
    }

    /// What the host knows of it: handles, grants, limits. Events are kept for it by whoever has it.
    pub fn state(&self) -> &GuestState {
        &self.state
    }

    /// As [`Sleeper::state`], to change it.
    pub fn state_mut(&mut self) -> &mut GuestState {
        &mut self.state
    }

    /// Bytes of pages that are kept for it alone. None are when it has written nothing since it was spawned.
    pub fn own_bytes(&self) -> u64 {
        let image = self.cell.image();
        if image.is_layer() { image.own_bytes() } else { image.resident_bytes() }
    }

    /// Brings it back, where it was.
    ///
    /// # Errors
    /// When the system has no memory or address space: then the guest is gone.
    pub fn wake(self) -> Result<Guest> {
        self.cell.spawn(self.state)
    }
}

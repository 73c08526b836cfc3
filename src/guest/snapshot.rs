//! A snapshot: a guest as it stood when its top level had run, listening and at rest, for later lives of the same guest to begin
//! from. It holds what the guest has seen of the world (its start record with all secrets, what it may do, the files it has looked
//! at), so that none begins from it who would see another world. It must not know when one is taken, nor who is the same guest:
//! whoever keeps it gives it to nobody else.
//!
//! It lies in memory, as any guest does, and goes with whoever has it, unless it is kept on disk ([`Keepsake`](super::Keepsake)).
use super::cell::Cell;
use super::guest::Guest;
use super::handles::{Handle, HandleTable};
use super::image::Pages;
use super::imports::{Bounds, Ledger};
use super::state::{Ends, GuestState};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// One guest's beginning.
pub struct Snapshot {
    pub(super) cell: Cell,
    /// What the guest was spawned from.
    pub(super) base: Arc<Pages>,
    pub(super) known: Known,
}

/// What the host knows of it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Known {
    handles: HandleTable,
    ends: HashMap<Handle, Ends>,
    listeners: u32,
    /// Where its clock stood, monotonic nanoseconds.
    mono: u64,
    ledger: Ledger,
}

impl GuestState {
    /// What it is told of files is kept from here on, for a snapshot.
    pub fn keep_ledger(&mut self, bounds: Bounds) {
        self.ledger = Some(Box::new(Ledger::new(bounds, &self.limits, self.told())));
    }

    /// Whether that is so.
    pub fn has_ledger(&self) -> bool {
        self.ledger.is_some()
    }

    /// There will be no snapshot.
    pub fn drop_ledger(&mut self) {
        self.ledger = None;
    }

    /// A code of what its heap may know that is no file: the start record, grants, limits. Not which process it is in: where that
    /// is another, the guest is told.
    fn told(&self) -> [u8; 32] {
        let known = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&self.start_info);
        let text = known.map(|mut known| {
            known.retain(|name, _| name != "pid" && name != "ppid");
            serde_json::Value::from(known).to_string()
        });
        let text = text.map_or_else(|_| self.start_info.clone(), String::into_bytes);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(text.len() as u64).to_le_bytes()).update(&text);
        hasher.update(format!("{:?}{:?}", self.grants, self.limits).as_bytes());
        *hasher.finalize().as_bytes()
    }
}

impl Guest {
    /// Takes a snapshot of at most so many bytes; the guest goes on unchanged, and its ledger is closed. `now` is monotonic and
    /// since 1970.
    ///
    /// # Errors
    /// Why there can be none: for the tenant's log.
    pub fn snapshot(&mut self, now: (u64, u64), most: u64) -> Result<Snapshot, String> {
        let ledger = self.state_mut().ledger.take();
        let mut ledger = *ledger.ok_or("nobody has kept what it was told of files")?;
        let roots = Arc::clone(&self.state().roots);
        ledger.holds(&roots, now.1)?;
        let (base, written) = self.written().map_err(|error| format!("{error:#}"))?;
        if written > most {
            return Err(format!("it has written {written} bytes of its memory, and a snapshot may have {most}"));
        }
        let image = self.capture().map_err(|error| format!("{error:#}"))?;
        let cell = self.cell_of(image);
        let state = self.state();
        let (handles, ends, listeners) = (state.handles.clone(), state.ends.clone(), state.listeners);
        let known = Known { handles, ends, listeners, mono: state.mono(now.0), ledger };
        Ok(Snapshot { cell, base, known })
    }
}

impl Snapshot {
    /// Bytes that are kept for it.
    pub fn bytes(&self) -> u64 {
        let image = self.cell.image();
        if image.is_over(&self.base) { image.own_bytes() } else { image.resident_bytes() }
    }

    /// Whether a guest of this cell and with this state would come to stand as this does; `wall` is now.
    ///
    /// # Errors
    /// Why not: for the tenant's log.
    pub fn holds(&mut self, cell: &Cell, state: &GuestState, wall: u64) -> Result<(), String> {
        if !cell.image().is_over(&self.base)
            || !cell.has_code_of(&self.cell)
            || self.known.ledger.beside != state.told()
        {
            return Err("its configuration has changed".into());
        }
        self.known.ledger.holds(&state.roots, wall)
    }

    /// A guest that begins from here. What it has open is to be put behind its handles, and it is to be sent the START of a clone.
    /// Its clock goes on from where it stood.
    ///
    /// # Errors
    /// Those of [`Cell::spawn`].
    pub fn spawn(&self, mut state: GuestState, mono: u64) -> Result<Guest> {
        let Known { handles, ends, listeners, mono: stood, .. } = &self.known;
        state.handles = handles.clone();
        state.handles.set_limit(state.limits.handles);
        state.ends = ends.clone();
        state.listeners = *listeners;
        state.behind = mono.wrapping_sub(*stood) as i64;
        self.cell.spawn(state)
    }
}

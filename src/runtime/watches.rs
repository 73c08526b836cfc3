//! Watched files and folders: from the system's changes to FS_CHANGED of the guests that watch. A guest whose mailbox is
//! full misses changes, as everybody does when the kernel's own queue is full. It must not know paths.
use super::Hall;
use super::mailbox::Note;
use super::seat::Resource;
use crate::guest::Handle;
use crate::reactor::{Change, Kernel};
use crate::time::Clock;
use rustix::fd::{AsFd as _, OwnedFd};
use skep_abi::{changed, events};
use slab::Slab;
use std::collections::HashMap;

struct Watch {
    guest: u32,
    handle: Handle,
    /// The system's number for the entry; several watches of one entry share it.
    number: i32,
}

/// All watches of a hall.
#[derive(Default)]
pub(super) struct Watches {
    all: Slab<Watch>,
    by_number: HashMap<i32, Vec<u32>>,
}

impl<K: Kernel, C: Clock> Hall<K, C> {
    /// A guest watches an entry, open to be looked at.
    pub(super) fn begin_watch(&mut self, guest: u32, handle: Handle, entry: &OwnedFd) {
        match self.reactor.watch_entry(entry.as_fd()) {
            Ok(number) => {
                let index = self.watches.all.insert(Watch { guest, handle, number }) as u32;
                self.watches.by_number.entry(number).or_default().push(index);
                self.seats[guest as usize].bind(handle, Resource::Watch(index));
            }
            Err(error) => {
                let seat = &mut self.seats[guest as usize];
                let note = Note {
                    kind: events::FS_CHANGED,
                    flags: changed::FAILED,
                    handle: handle.raw(),
                    value: error.raw() as u32,
                };
                seat.mail.push(note, &[]);
                self.watch_over(guest, handle);
            }
        }
    }

    fn watch_over(&mut self, guest: u32, handle: Handle) {
        if let Some(seat) = self.seats.get_mut(guest as usize) {
            let state = seat.guest.state_mut();
            state.watches = state.watches.saturating_sub(1);
            seat.revoke(handle);
        }
    }

    /// The system has something to tell.
    pub(super) fn take_changes(&mut self) {
        let mut changes = Vec::new();
        self.reactor.take_changes(&mut changes);
        for change in &changes {
            if self.tenants_watch(change.watch) {
                self.folder_changed(change);
            }
            let Some(places) = self.watches.by_number.get(&change.watch) else { continue };
            for place in places {
                let watch = &self.watches.all[*place as usize];
                if let Some(seat) = self.seats.get_mut(watch.guest as usize)
                    && !seat.mail.is_full()
                {
                    let note =
                        Note { kind: events::FS_CHANGED, flags: 0, handle: watch.handle.raw(), value: bits(change) };
                    seat.mail.push(note, &[&change.name]);
                }
            }
        }
    }

    /// Ends a watch, and the system's when it was the last of its entry.
    pub(super) fn close_watch(&mut self, index: u32) {
        let Some(watch) = self.watches.all.try_remove(index as usize) else { return };
        if let Some(places) = self.watches.by_number.get_mut(&watch.number) {
            places.retain(|place| *place != index);
            if places.is_empty() {
                self.watches.by_number.remove(&watch.number);
            }
            if !self.guests_watch(watch.number) && !self.tenants_watch(watch.number) {
                self.reactor.unwatch_entry(watch.number);
            }
        }
        self.watch_over(watch.guest, watch.handle);
    }

    /// Whether a guest watches the entry of this number.
    pub(super) fn guests_watch(&self, number: i32) -> bool {
        self.watches.by_number.contains_key(&number)
    }

    /// A guest is gone.
    pub(super) fn drop_watches(&mut self, guest: u32) {
        let its = |(index, watch): (usize, &Watch)| (watch.guest == guest).then_some(index as u32);
        let mine: Vec<u32> = self.watches.all.iter().filter_map(its).collect();
        mine.into_iter().for_each(|index| self.close_watch(index));
    }
}

fn bits(change: &Change) -> u32 {
    let bit = |is: bool, bit: u32| if is { bit } else { 0 };
    bit(change.renamed, changed::RENAMED) | bit(change.changed, changed::CHANGED)
}

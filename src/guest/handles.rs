//! A guest's own table of handles: generational numbers of one kind each, with the little that an
//! import must know at once (bytes waiting, credit). It must not know what stands behind a handle:
//! the runtime keeps that, at the same index.

use serde::{Deserialize, Serialize};

/// A name that a guest has for one resource; below 2^53, so that JavaScript numbers hold it. Low 24
/// bits index, above them a generation that starts at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Handle(u64);

const INDEX_BITS: u32 = 24;
const GENERATION_MAX: u32 = (1 << 28) - 1;

impl Handle {
    /// From the raw number that a guest gave; any number will do, a lookup tells.
    pub fn from_raw(raw: i64) -> Handle {
        Handle(raw as u64)
    }

    /// The number that travels.
    pub fn raw(self) -> u64 {
        self.0
    }

    /// Slot in the table.
    pub fn index(self) -> usize {
        (self.0 & ((1 << INDEX_BITS) - 1)) as usize
    }

    fn generation(self) -> u64 {
        self.0 >> INDEX_BITS
    }
}

/// What a handle names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Free,
    Blob,
    Listener,
    /// A request and its response.
    Exchange,
    /// An HTTP connection, once a script has asked for it.
    Connection,
    /// An HTTP connection over a stream of the guest's own.
    Attached,
    Stream,
    /// A UDP socket.
    Datagram,
    /// Work off the loop whose end has not been told yet.
    Operation,
    /// A regular file or a folder, open.
    File,
    /// A folder that is read entry by entry.
    Folder,
    /// A watched file or folder.
    Watch,
    /// A process that this guest has started.
    Child,
    /// The way to a child, or to the process that started this one.
    Channel,
    /// A call by the program that this host is part of, to be answered.
    Call,
    /// A call of one of that program's functions.
    HostCall,
}

/// Where a stream stands in HTTP's client role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Client {
    /// Its bytes are not read as responses.
    No,
    /// Nothing is due.
    Idle,
    /// A response is due.
    Due,
    /// Inside a response.
    Busy,
}

/// What is known at once of a handle.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Slot {
    generation: u32,
    pub kind: Kind,
    /// Keeps the loop alive.
    pub keep: bool,
    /// The guest was told that much waits, or refused: it expects a DRAIN event.
    pub wants_drain: bool,
    /// The guest has ended the message or shut the stream down: nothing more may be written.
    pub ended: bool,
    /// Bytes that wait to be sent (an exchange: on its connection).
    pub pending: u32,
    /// For an exchange: number of its connection.
    pub conn: u32,
    /// For a stream, or an attached connection; the runtime keeps it.
    pub client: Client,
    /// A socket that the guest has opened itself.
    pub opened: bool,
}

/// The table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HandleTable {
    slots: Vec<Slot>,
    free: Vec<u32>,
    kept: usize,
    opened: u32,
    limit: u32,
    /// Of slots that were never used.
    first: u32,
}

impl HandleTable {
    pub fn new(limit: u32) -> HandleTable {
        HandleTable {
            slots: Vec::new(),
            free: Vec::new(),
            kept: 0,
            opened: 0,
            limit: limit.min(1 << INDEX_BITS),
            first: 1,
        }
    }

    /// A table none of whose handles has been given by one that had come to `generation`: a clone's heap remembers those.
    pub fn beyond(limit: u32, generation: u32) -> HandleTable {
        HandleTable { first: generation.saturating_add(1).min(GENERATION_MAX), ..HandleTable::new(limit) }
    }

    /// The highest generation of any slot.
    pub fn generation(&self) -> u32 {
        self.slots.iter().map(|slot| slot.generation).max().unwrap_or(self.first)
    }

    /// Takes a slot; none when the limit is reached. Blobs, open files and exchanges do not keep the loop alive
    /// by themselves: a connection does, and that is counted by the runtime.
    pub fn insert(&mut self, kind: Kind) -> Option<Handle> {
        let keep = !matches!(kind, Kind::Blob | Kind::Exchange | Kind::Connection | Kind::File | Kind::Folder);
        let index = match self.free.pop() {
            Some(index) => index,
            None if (self.slots.len() as u64) < u64::from(self.limit) => {
                self.slots.push(Slot { generation: self.first, ..Slot::vacant() });
                (self.slots.len() - 1) as u32
            }
            None => return None,
        };
        let slot = &mut self.slots[index as usize];
        *slot = Slot { kind, keep, ..Slot { generation: slot.generation, ..Slot::vacant() } };
        self.kept += usize::from(keep);
        Some(Handle(u64::from(index) | u64::from(slot.generation) << INDEX_BITS))
    }

    /// The live slot of this handle.
    pub fn get(&self, handle: Handle) -> Option<&Slot> {
        self.slots.get(handle.index()).filter(|slot| slot.is(handle))
    }

    /// The live slot of this handle.
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut Slot> {
        self.slots.get_mut(handle.index()).filter(|slot| slot.is(handle))
    }

    /// The live slot of this handle if it is of that kind.
    pub fn of(&mut self, handle: Handle, kind: Kind) -> Option<&mut Slot> {
        self.get_mut(handle).filter(|slot| slot.kind == kind)
    }

    /// Frees the slot; a generation that would repeat retires it.
    pub fn remove(&mut self, handle: Handle) -> Option<Kind> {
        let slot = self.slots.get_mut(handle.index()).filter(|slot| slot.is(handle))?;
        let kind = slot.kind;
        self.kept -= usize::from(slot.keep);
        self.opened -= u32::from(slot.opened);
        *slot = Slot { generation: slot.generation + 1, ..Slot::vacant() };
        if slot.generation < GENERATION_MAX {
            self.free.push(handle.index() as u32);
        }
        Some(kind)
    }

    /// Whether a handle keeps the loop alive.
    pub fn set_keep(&mut self, handle: Handle, keep: bool) -> bool {
        let Some(slot) = self.slots.get_mut(handle.index()).filter(|slot| slot.is(handle)) else {
            return false;
        };
        self.kept = self.kept + usize::from(keep) - usize::from(slot.keep);
        slot.keep = keep;
        true
    }

    /// Takes a slot for a socket that the guest opens itself.
    pub fn insert_opened(&mut self, kind: Kind) -> Option<Handle> {
        let handle = self.insert(kind)?;
        self.slots[handle.index()].opened = true;
        self.opened += 1;
        Some(handle)
    }

    /// Sockets that the guest has opened itself.
    pub fn opened(&self) -> u32 {
        self.opened
    }

    /// How many handles there may be; those that are more already stay.
    pub fn set_limit(&mut self, limit: u32) {
        self.limit = limit.min(1 << INDEX_BITS);
    }

    /// Handles that keep the loop alive.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Handles in use.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// No handle is in use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every live handle.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &Slot)> {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.kind != Kind::Free)
            .map(|(index, slot)| (Handle(index as u64 | u64::from(slot.generation) << INDEX_BITS), slot))
    }
}

impl Slot {
    fn vacant() -> Slot {
        Slot {
            generation: 1,
            kind: Kind::Free,
            keep: false,
            wants_drain: false,
            ended: false,
            pending: 0,
            conn: 0,
            client: Client::No,
            opened: false,
        }
    }

    fn is(&self, handle: Handle) -> bool {
        self.kind != Kind::Free && u64::from(self.generation) == handle.generation()
    }
}

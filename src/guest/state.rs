//! What the host knows of one guest and an import may read or change: its handles, its outbox, its
//! grants and limits, its clock and entropy. It must not know Wasm (engine.rs does) nor sockets.
use super::alarm::Alarm;
use super::child::ChildState;
use super::command::Outbox;
use super::handles::{Handle, HandleTable, Kind};
use super::imports::{Awaited, Ledger, Roots, measuring};
use super::limiter::Limiter;
use super::work::{Done, Open, Work};
use crate::policy::{Bound, Grants, Hoard, Limits, Meter, Purse, Usage};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Children that have ended and are remembered.
const PAST_CHILDREN: usize = 64;

/// Both ends of a connection or stream, or of a listener.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Ends {
    Tcp { local: SocketAddr, peer: Option<SocketAddr> },
    Unix { local: String },
}

/// One guest's state on the host.
pub struct GuestState {
    pub handles: HandleTable,
    pub outbox: Outbox,
    pub blobs: HashMap<Handle, Arc<[u8]>>,
    /// Bytes in `blobs`, held under [`Limits::blob_bytes`].
    pub blob_bytes: u64,
    pub grants: Grants,
    /// The granted folders, opened when first used.
    pub(in crate::guest) roots: Arc<Roots>,
    /// What is open, by handle, held under [`Limits::files`].
    pub files: HashMap<Handle, Open>,
    pub limits: Limits,
    pub meter: Meter,
    /// What is used of its rates.
    pub usage: Usage,
    /// What is used by the whole tree, where limits are the tree's.
    pub purse: Option<Purse>,
    /// What all of it had used when this guest was last left, ns.
    pub tree_cpu: u64,
    /// The CPU that it had used itself when the tree's was used up.
    overdrawn_at: Option<Duration>,
    /// What Wasm itself is asked for.
    pub(in crate::guest) limiter: Limiter,
    pub outside: Box<dyn Outside>,
    /// JSON that `start_info` answers with.
    pub start_info: Vec<u8>,
    /// Others share its thread: what it waits for must not hold them up.
    pub has_neighbours: bool,
    /// The call in the middle of which it was put aside.
    pub(in crate::guest) awaited: Option<Box<Awaited>>,
    /// What it has been told of files, while a snapshot may be taken.
    pub(in crate::guest) ledger: Option<Box<Ledger>>,
    /// Nanoseconds by which its monotonic clock is behind the one outside: it began from a snapshot, and has not lived since then.
    pub behind: i64,
    /// Columns and rows of the terminals that standard output and error are; written by the runtime.
    pub windows: [Option<(u16, u16)>; 2],
    /// What ends a call of it that waits.
    pub alarm: Alarm,
    /// Text of the last refusal, for the call `why`.
    pub why: String,
    /// Ends of accepted connections, by connection number (`Slot::conn`); written by the runtime.
    pub conn_ends: Vec<Option<Ends>>,
    /// Names that the clients of those that came in TLS have asked for, maybe none, by connection number; written by the runtime.
    pub conn_tls: HashMap<u32, Box<str>>,
    /// Bytes that accepted connections have sent and received, by connection number; written by the runtime.
    pub conn_traffic: Vec<[u64; 2]>,
    /// Handles of connections whose handle a script has asked for, by connection number.
    pub conn_handles: HashMap<u32, Handle>,
    /// Ends of listeners and streams, by handle; written by the runtime.
    pub ends: HashMap<Handle, Ends>,
    /// Bytes of log that wait; the runtime lowers it as they are written.
    pub log_pending: u32,
    /// It was told that no more can wait.
    pub log_full: bool,
    /// Bytes that wait to be sent in all connections; the runtime keeps it.
    pub pending_total: u64,
    /// Listeners open now.
    pub listeners: u32,
    /// Watched files and folders, held under [`Limits::watches`].
    pub watches: u32,
    /// Processes that it has started, by handle; the runtime keeps what they do here.
    pub children: HashMap<Handle, ChildState>,
    /// What `child_pid` answers of those whose end has been queued and maybe not been told: the newest few.
    pub past_children: Vec<(Handle, i64)>,
    /// The way to the process that started this one, while it is open.
    pub parent_channel: Option<Handle>,
    /// Processes above this one.
    pub depth: u32,
    /// Operations off the loop that are not over.
    pub operations: u32,
    /// Bytes that these were given, held under [`Limits::operation_bytes`].
    pub operation_bytes: u64,
}

/// Nothing is outside: for a state that nobody asks.
struct Nowhere;

impl Outside for Nowhere {
    fn mono(&self) -> u64 {
        0
    }

    fn wall(&self) -> u64 {
        0
    }

    fn random(&mut self, _out: &mut [u8]) {}
}

impl GuestState {
    /// What stands where a guest's state was that has been taken out of it, until the rest goes.
    pub(super) fn nobodys() -> GuestState {
        GuestState::new(Grants::default(), Limits::default(), Box::new(Nowhere), Vec::new())
    }

    pub fn new(grants: Grants, limits: Limits, outside: Box<dyn Outside>, start_info: Vec<u8>) -> GuestState {
        GuestState {
            handles: HandleTable::new(limits.handles),
            limiter: Limiter::new(&limits),
            outbox: Outbox::default(),
            blobs: HashMap::new(),
            blob_bytes: 0,
            roots: Arc::new(Roots::with_hoard(&grants, own_hoard(&grants, &limits))),
            files: HashMap::new(),
            grants,
            limits,
            meter: Meter::default(),
            usage: Usage::default(),
            purse: None,
            tree_cpu: 0,
            overdrawn_at: None,
            outside,
            start_info,
            has_neighbours: false,
            awaited: None,
            ledger: None,
            behind: 0,
            windows: [None; 2],
            alarm: Alarm::default(),
            why: String::new(),
            conn_ends: Vec::new(),
            conn_tls: HashMap::new(),
            conn_traffic: Vec::new(),
            conn_handles: HashMap::new(),
            ends: HashMap::new(),
            log_pending: 0,
            log_full: false,
            pending_total: 0,
            listeners: 0,
            watches: 0,
            children: HashMap::new(),
            past_children: Vec::new(),
            parent_channel: None,
            depth: 0,
            operations: 0,
            operation_bytes: 0,
        }
    }

    /// Whether it is in the middle of a call that nobody has answered yet.
    pub fn awaits(&self) -> bool {
        self.awaited.as_ref().is_some_and(|awaited| !awaited.is_done())
    }

    /// What a thread is to do before it can go on; told once.
    pub fn take_awaited(&mut self) -> Option<Work> {
        self.awaited.as_mut().and_then(|awaited| awaited.take_work())
    }

    /// The thread has done it.
    pub fn end_awaited(&mut self, done: Done) {
        if let Some(awaited) = &mut self.awaited {
            awaited.end(done);
        }
    }

    /// Its own clock at a time of the one outside, monotonic nanoseconds.
    pub fn mono(&self, outside: u64) -> u64 {
        self.clock_of(outside.saturating_add_signed(self.behind.saturating_neg()))
    }

    /// A time as its clocks tell it, in nanoseconds: no finer than [`Limits::clock_ns`] (row T01).
    pub fn clock_of(&self, ns: u64) -> u64 {
        ns - ns % self.grain()
    }

    /// The time outside at which its own clock tells this one, or one after it.
    pub fn outside_at(&self, mono: u64) -> u64 {
        mono.checked_next_multiple_of(self.grain()).unwrap_or(u64::MAX).saturating_add_signed(self.behind)
    }

    fn grain(&self) -> u64 {
        self.limits.clock_ns.max(1).into()
    }

    /// For a clone: none of its handles is one that its heap remembers.
    pub fn beyond(mut self, generation: u32) -> GuestState {
        self.handles = HandleTable::beyond(self.limits.handles, generation);
        self
    }

    /// Its memory and CPU count with those of its tree from here on.
    pub fn share(&mut self, purse: Purse) {
        self.purse = Some(purse);
        // What was used before it came is nothing that it owes.
        (self.tree_cpu, self.usage.tree_cpu) = (purse.cpu(), purse.cpu());
        if self.limits.memory_of_tree {
            self.limiter.share(purse);
        }
        if self.roots.hoard.is_some() {
            self.draw_from(Hoard::of_tree(&self.limits, &purse).map(Arc::new));
        }
    }

    /// What it writes counts there, with what others do: before anything of it has run.
    pub fn draw_from(&mut self, hoard: Option<Arc<Hoard>>) {
        self.roots = Arc::new(Roots::with_hoard(&self.grants, hoard));
    }

    /// Counts what its folders had no room for, at this time outside; answers the work of measuring them, if it is time and there is
    /// somebody to do it.
    pub fn tend_hoard(&mut self, now: u64, is_free: bool) -> Option<Work> {
        let hoard = self.roots.hoard()?;
        for (bound, times) in hoard.take_met() {
            if times > 0 {
                self.meter.hit_times(bound, times);
            }
        }
        (is_free && hoard.begins(now)).then(|| measuring(Arc::clone(&self.roots), self.limits.disk_walk_entries))
    }

    /// Whether what it writes is counted.
    pub fn has_hoard(&self) -> bool {
        self.roots.hoard().is_some()
    }

    /// Whether processes below may ask to have folders measured at any time.
    pub fn measures_for_children(&self) -> bool {
        !self.children.is_empty() && self.roots.hoard().is_some_and(Hoard::is_for_others)
    }

    /// Adds one stretch of running; answers whether there is CPU left.
    pub(super) fn ran(&mut self, ns: u64) -> bool {
        self.meter.ran(Duration::from_nanos(ns));
        self.tree_cpu = self.purse.map_or(0, |purse| purse.spend(ns));
        let (Some(most), own) = (self.limits.cpu_total, self.meter.cpu) else { return true };
        match self.purse {
            None => own <= most,
            Some(_) if Duration::from_nanos(self.tree_cpu) <= most => true,
            Some(_) => own - *self.overdrawn_at.get_or_insert(own) <= self.limits.last_words,
        }
    }

    /// The host has worked so long for it alone, up to this moment: its rate pays for that.
    pub fn worked_for(&mut self, now: u64, span: Duration) {
        if let Some(rate) = self.limits.cpu_ns {
            self.usage.cpu.charge(rate, now, u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// Other limits from here on. Of what is held already nothing is taken away.
    pub fn set_limits(&mut self, limits: Limits) {
        self.handles.set_limit(limits.handles);
        self.limiter.set(&limits);
        self.roots.hoard().into_iter().for_each(|hoard| hoard.set_limits(&limits));
        self.limits = limits;
    }

    /// Linear memory now.
    pub fn memory_bytes(&self) -> u64 {
        self.limiter.memory_now as u64
    }

    /// Gives what was opened a handle; none when too much is open.
    pub fn keep_open(&mut self, open: Open) -> Option<Handle> {
        if self.files.len() >= self.limits.files as usize {
            self.meter.hit(Bound::Files);
            return None;
        }
        let kind = if matches!(open, Open::Folder(_)) { Kind::Folder } else { Kind::File };
        let handle = self.handles.insert(kind)?;
        self.files.insert(handle, open);
        Some(handle)
    }

    /// A child's handle goes; what `child_pid` answers of it is remembered for a while.
    pub fn forget_child(&mut self, child: Handle, pid: i64) {
        self.children.remove(&child);
        self.past_children.truncate(PAST_CHILDREN - 1);
        self.past_children.insert(0, (child, pid));
    }

    /// Lets go of a blob, or of an open file or folder.
    pub fn let_go(&mut self, handle: Handle) {
        self.handles.remove(handle);
        self.files.remove(&handle);
        if let Some(bytes) = self.blobs.remove(&handle) {
            self.blob_bytes = self.blob_bytes.saturating_sub(bytes.len() as u64);
        }
    }

    /// Bytes that one more blob may have.
    pub fn blob_room(&self) -> u64 {
        self.limits.blob_bytes.saturating_sub(self.blob_bytes)
    }

    /// Makes a blob of these bytes; none when it would be one too many or too large.
    pub fn keep_blob(&mut self, bytes: Vec<u8>) -> Option<Handle> {
        if self.blob_room() < bytes.len() as u64 {
            return None;
        }
        let handle = self.handles.insert(Kind::Blob)?;
        self.fill_blob(handle, bytes);
        Some(handle)
    }

    /// What the blob of this handle, which is fresh, holds. The caller has asked whether there is room.
    pub(super) fn fill_blob(&mut self, handle: Handle, bytes: Vec<u8>) {
        self.blob_bytes += bytes.len() as u64;
        self.blobs.insert(handle, Arc::from(bytes));
    }
}

/// Of a guest that may write anything, where that is bounded: its own, until it is told of another.
fn own_hoard(grants: &Grants, limits: &Limits) -> Option<Arc<Hoard>> {
    let writes = grants.folders.iter().any(|grant| grant.write);
    if writes { Hoard::new(limits).map(Arc::new) } else { None }
}

/// Where a guest's time and randomness come from: the OS, or a seed in simulations and warm-up.
pub trait Outside {
    /// Monotonic nanoseconds.
    fn mono(&self) -> u64;
    /// Nanoseconds since 1970.
    fn wall(&self) -> u64;
    /// Fills the slice with random bytes.
    fn random(&mut self, out: &mut [u8]);
    /// A stretch inside the guest begins: the monotonic time.
    fn enters(&self) -> u64 {
        self.mono()
    }
    /// It is over: the monotonic time, and the CPU nanoseconds since it began then.
    fn leaves(&self, entered: u64) -> (u64, u64) {
        let now = self.mono();
        (now, now.saturating_sub(entered))
    }
}

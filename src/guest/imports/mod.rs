//! The calls of the boundary: the trust boundary itself. A guest may be hostile down to its engine, so each
//! call checks every number when it is used, looks handles up in the guest's own table, caps lengths
//! before anything is allocated, and copies once. What is asked for becomes a command; nothing here does
//! I/O (but `fs`, the written exception). It must not know who carries commands out.
//!
//! [`linker`] walks the table in `skep_abi`: a call without a function here, or with other types, does not compile.
mod child;
mod fs;
mod fs_apart;
mod fs_entry;
mod fs_file;
mod fs_given;
mod fs_hoard;
mod fs_input;
mod fs_ledger;
mod fs_look;
mod fs_open;
mod fs_walk;
mod host;
mod http;
mod http_client;
mod names;
mod net;
mod process;
mod sys;
mod timer;
mod udp;
mod wasi;

pub(super) use fs_apart::Awaited;
pub use fs_ledger::Bounds;
pub(super) use fs_ledger::Ledger;
pub(super) use fs_open::Roots;
pub use fs_walk::measured_hoard;
pub(super) use fs_walk::measuring;

use super::command::{Body, Command};
use super::engine::{Context, Shared};
use super::handles::{Handle as Name, Kind, Slot};
use super::memory;
use super::state::GuestState;
use super::verdict::{Exit, Signalled};
use super::work::Work;
use crate::policy::{Bound, Denied};
use anyhow::{Context as _, Result};
use skep_abi::errno::{EAGAIN, EBADF, EINVAL, EMFILE, EMSGSIZE, ENOBUFS, EPIPE};
use wasmtime::{Caller, Engine, Linker, Module};

/// An error number of [`skep_abi::errno`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Errno(pub i32);

/// Why a call does not answer with a result.
#[derive(Debug)]
pub(super) enum Refusal {
    Errno(i32),
    /// `-EACCES`; the text is kept for the call `why`.
    Denied(String),
    /// Ends the guest.
    Exit(i32),
    /// Ends the guest: it waits, and this signal has come.
    Signalled(i32),
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Refusal {
        Refusal::Errno(errno.0)
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Refusal {
        Refusal::Denied(denied.0)
    }
}

/// What a call answers.
pub(super) type Answer<T> = std::result::Result<T, Refusal>;

/// Shorthand for `Err`.
fn refuse<T>(errno: i32) -> Answer<T> {
    Err(Refusal::Errno(errno))
}

/// Address in the guest's memory; any number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ptr(pub u32);

/// Byte count; any number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Len(pub u32);

/// The table's types: what travels, and what our functions get and give.
mod wire {
    pub(super) trait Take {
        type Raw;
        fn take(raw: Self::Raw) -> Self;
    }
    pub(super) trait Give {
        type Raw;
        fn give(self) -> Self::Raw;
        fn errno(errno: i32) -> Self::Raw;
    }
    pub(super) type I32 = i32;
    pub(super) type I64 = i64;
    pub(super) type Ptr = super::Ptr;
    pub(super) type Len = super::Len;
    pub(super) type Handle = super::Name;

    impl Take for I32 {
        type Raw = i32;
        fn take(raw: i32) -> i32 {
            raw
        }
    }
    impl Take for I64 {
        type Raw = i64;
        fn take(raw: i64) -> i64 {
            raw
        }
    }
    impl Take for Ptr {
        type Raw = u32;
        fn take(raw: u32) -> Ptr {
            super::Ptr(raw)
        }
    }
    impl Take for Len {
        type Raw = u32;
        fn take(raw: u32) -> Len {
            super::Len(raw)
        }
    }
    impl Take for Handle {
        type Raw = i64;
        fn take(raw: i64) -> Handle {
            Handle::from_raw(raw)
        }
    }
    impl Give for I32 {
        type Raw = i32;
        fn give(self) -> i32 {
            self
        }
        fn errno(errno: i32) -> i32 {
            -errno
        }
    }
    impl Give for I64 {
        type Raw = i64;
        fn give(self) -> i64 {
            self
        }
        fn errno(errno: i32) -> i64 {
            -i64::from(errno)
        }
    }
}

/// What one call works on, while it runs.
pub(super) struct Call<'a> {
    memory: &'a mut [u8],
    shared: &'a mut Shared,
}

/// Runs one call on the guest that makes it.
fn call_with<T>(caller: &mut Caller<'_, Context>, run: impl FnOnce(&mut Call<'_>) -> Answer<T>) -> Answer<T> {
    let (memory, context): (&mut [u8], _) = match caller.data().memory {
        Some(memory) => memory.data_and_store_mut(&mut *caller),
        None => (&mut [], caller.data_mut()),
    };
    run(&mut Call { memory, shared: context.shared() })
}

#[cfg(test)]
thread_local! {
    /// The call in which the host panics on this thread, where a test wants to see what becomes of it.
    pub(super) static FAILS: std::cell::Cell<Option<&'static str>> = const { std::cell::Cell::new(None) };
}

/// Runs one call of the boundary, and turns a refusal into what travels.
fn call<T: wire::Give>(
    caller: &mut Caller<'_, Context>,
    _name: &'static str,
    run: impl FnOnce(&mut Call<'_>) -> Answer<T>,
) -> wasmtime::Result<T::Raw> {
    #[cfg(test)]
    assert_ne!(FAILS.get(), Some(_name), "fail point");
    let answer = call_with(caller, run);
    if std::mem::take(&mut caller.data_mut().shared().settle) {
        // Its slice is over: it yields before it can ask anything else.
        caller.data_mut().end_slice();
    }
    match answer {
        Ok(answer) => Ok(answer.give()),
        Err(Refusal::Errno(errno)) => {
            if errno == skep_abi::errno::EACCES {
                // It was the system that refused: what the policy said before is not the reason.
                caller.data_mut().shared().state.why.clear();
            }
            Ok(T::errno(errno))
        }
        Err(Refusal::Denied(why)) => {
            caller.data_mut().shared().state.why = why;
            Ok(T::errno(skep_abi::errno::EACCES))
        }
        Err(Refusal::Exit(code)) => Err(wasmtime::Error::new(Exit(code))),
        Err(Refusal::Signalled(signal)) => Err(wasmtime::Error::new(Signalled(signal))),
    }
}

/// Every call by name, from the file of its group.
mod calls {
    pub(super) use super::child::{
        channel_send, child_channel, child_kill, child_output, child_pid, child_start, child_status, child_stdio,
        child_wait, clone, listen_shared, listener_share, listener_unshare, parent_channel, process_kill, signal_raise,
    };
    pub(super) use super::fs::{fs_call, fs_queue, fs_watch};
    pub(super) use super::host::{call_reply, host_call};
    pub(super) use super::http::{
        http_close_all, http_close_idle, http_conn, http_end, http_inform, http_respond, http_upgrade, http_watch,
        http_write,
    };
    pub(super) use super::http_client::{http_attach, http_client, http_expect, http_feed};
    pub(super) use super::names::{name_lookup, name_of};
    pub(super) use super::net::{
        address, connections, credit, listen, listen_set, net_connect, stream_option, stream_reset, stream_shutdown,
        stream_write, traffic,
    };
    pub(super) use super::process::{env_ask, exit, settle, signal_watch, start_info, why};
    pub(super) use super::sys::{blob_len, blob_read, clock, close, handle_ref, inbox, log, random};
    pub(super) use super::timer::timer_arm;
    pub(super) use super::udp::{udp_bind, udp_connect, udp_member, udp_option, udp_send};
}

macro_rules! register {
    ($($name:ident($($param:ident: $ty:ident),*) -> $result:ident, $doc:literal;)*) => {
        fn register(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
            $(linker.func_wrap(
                skep_abi::MODULE,
                stringify!($name),
                |mut caller: Caller<'_, Context> $(, $param: <wire::$ty as wire::Take>::Raw)*| {
                    call::<GiveOf!($result)>(&mut caller, stringify!($name), |call| {
                        calls::$name(call $(, <wire::$ty as wire::Take>::take($param))*)
                    })
                },
            )?;)*
            Ok(())
        }
    };
}

/// A handle is given as the number that it is: fresh ones are positive.
macro_rules! GiveOf {
    (Handle) => {
        i64
    };
    ($ty:ident) => {
        wire::$ty
    };
}

skep_abi::for_each_call!(register);

/// Whether this host has a function of this name for its guests.
pub(super) fn has(module: &str, name: &str) -> bool {
    match module {
        skep_abi::MODULE => skep_abi::CALLS.iter().any(|call| call.name == name),
        wasi::MODULE => wasi::NAMES.contains(&name),
        _ => false,
    }
}

/// A linker with every call, and those of WASI for a guest that imports some.
pub(super) fn linker(engine: &Engine, module: &Module) -> Result<Linker<Context>> {
    let mut linker = Linker::new(engine);
    if module.imports().any(|import| import.module() == wasi::MODULE) {
        wasi::register(&mut linker).map_err(super::engine::to_anyhow).context("WASI's calls cannot be registered")?;
    }
    register(&mut linker)
        .and_then(|()| register_waiting(&mut linker))
        .map_err(super::engine::to_anyhow)
        .context("the boundary's calls cannot be registered")?;
    Ok(linker)
}

/// The one call in the middle of which a guest may be put aside takes the place of its plain form.
fn register_waiting(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    const NAME: &str = "fs_call";
    linker.allow_shadowing(true);
    linker.func_wrap_async(
        skep_abi::MODULE,
        NAME,
        |mut caller: Caller<'_, Context>, (op, ptr, len, data, data_len): (i32, u32, u32, u32, u32)| {
            Box::new(async move {
                let (data, data_len) = (Ptr(data), Len(data_len));
                let begun = call::<wire::I64>(&mut caller, NAME, |call| {
                    calls::fs_call(call, op, Ptr(ptr), Len(len), data, data_len)
                })?;
                if caller.data_mut().shared().state.awaited.is_none() {
                    return Ok(begun);
                }
                caller.data_mut().wait().await;
                call::<wire::I64>(&mut caller, NAME, |call| fs_apart::finish(call, data, data_len))
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

impl Call<'_> {
    fn state(&mut self) -> &mut GuestState {
        &mut self.shared.state
    }

    /// A copy of text of at most `cap` bytes (a path, an address).
    fn text(&self, ptr: Ptr, len: Len, cap: u32, too_long: i32) -> Answer<String> {
        if len.0 > cap {
            return refuse(too_long);
        }
        let bytes = memory::bytes(self.memory, ptr, len)?;
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
            _ => refuse(EINVAL),
        }
    }

    /// The live slot of a handle of one of these kinds.
    fn slot(&mut self, name: Name, kinds: &[Kind]) -> Answer<&mut Slot> {
        let slot = self.shared.state.handles.get_mut(name);
        slot.filter(|slot| kinds.contains(&slot.kind)).ok_or(Refusal::Errno(EBADF))
    }

    /// A fresh handle.
    fn fresh(&mut self, kind: Kind) -> Answer<Name> {
        match self.state().handles.insert(kind) {
            Some(handle) => Ok(handle),
            None => self.at_bound(Bound::Handles, EMFILE),
        }
    }

    /// A fresh handle for a socket that the guest opens itself (row N06).
    fn fresh_socket(&mut self, kind: Kind) -> Answer<Name> {
        let now = self.now();
        let state = self.state();
        if state.handles.opened() >= state.limits.sockets {
            return self.at_bound(Bound::Sockets, EMFILE);
        }
        if state.limits.connects.is_some_and(|rate| !state.usage.connects.take(rate, now, 1)) {
            return self.at_bound(Bound::Connects, EAGAIN);
        }
        match self.state().handles.insert_opened(kind) {
            Some(handle) => Ok(handle),
            None => self.at_bound(Bound::Handles, EMFILE),
        }
    }

    /// Counts that a bound was met, and refuses.
    fn at_bound<T>(&mut self, bound: Bound, errno: i32) -> Answer<T> {
        self.state().meter.hit(bound);
        refuse(errno)
    }

    /// When the stretch began: near enough for rates, and no reading of the clock.
    fn now(&self) -> u64 {
        self.shared.entered.unwrap_or(self.shared.state.meter.left_at)
    }

    /// Whether the outbox takes this many bytes more in this slice; commands weigh something too.
    fn room(&mut self, bytes: usize) -> Answer<()> {
        let state = self.state();
        let within = state.outbox.size().saturating_add(bytes) <= state.limits.outbox_bytes;
        if within { Ok(()) } else { refuse(EAGAIN) }
    }

    /// Checks that a message may grow by `bytes` (in all; refused over the cap of one call) and accounts
    /// for them. Answers what the call answers: the bytes that wait now.
    fn reserve(&mut self, name: Name, kinds: &[Kind], bytes: u64, ends: bool) -> Answer<i32> {
        let (call_cap, cap) = (self.shared.state.limits.call_bytes, self.shared.state.limits.connection_pending_bytes);
        let guest_cap = self.shared.state.limits.guest_pending_bytes;
        let total = self.shared.state.pending_total;
        let full = self.room(usize::try_from(bytes).unwrap_or(usize::MAX)).is_err();
        let slot = self.slot(name, kinds)?;
        if slot.ended {
            return refuse(EPIPE);
        }
        if bytes > u64::from(call_cap) {
            return refuse(EMSGSIZE);
        }
        let waits = u64::from(slot.pending);
        // An empty queue takes one call of any size, or a large body could never be sent.
        if full || (waits > 0 && waits + bytes > u64::from(cap)) {
            slot.wants_drain = true;
            self.state().outbox.refused |= waits == 0;
            return refuse(EAGAIN);
        }
        if total.saturating_add(bytes) > guest_cap {
            return self.at_bound(Bound::Pending, ENOBUFS);
        }
        let now = u32::try_from(waits + bytes).unwrap_or(u32::MAX).min(i32::MAX as u32);
        slot.pending = now;
        slot.ended |= ends;
        // The queue stands for the kernel's buffer as well, into which a script elsewhere writes at once; and what is
        // written together costs less.
        slot.wants_drain |= now > skep_abi::DRAIN_ABOVE;
        let state = self.state();
        state.pending_total = total + bytes;
        state.meter.bytes_out += bytes;
        if let Some(rate) = state.limits.bytes_out {
            let at = self.now();
            self.state().usage.bytes_out.charge(rate, at, bytes);
        }
        Ok(now as i32)
    }

    /// Queues work off the loop that was given `bytes`; OP_DONE follows. Answers the operation's handle.
    fn begin(&mut self, bytes: u64, work: Work) -> Answer<i64> {
        self.room(0)?;
        let operation = self.take_operation(bytes, Kind::Operation)?;
        self.state().outbox.push(Command::Work { operation, work: work.weighing(bytes) });
        Ok(operation.raw() as i64)
    }

    /// A handle for what is done elsewhere with `bytes`, if not too much of that is under way.
    fn take_operation(&mut self, bytes: u64, kind: Kind) -> Answer<Name> {
        let state = self.state();
        let held = state.operation_bytes.saturating_add(bytes);
        // Where nothing waits, one operation of any size that a call may hand over is taken.
        if state.operations >= state.limits.operations || (state.operations > 0 && held > state.limits.operation_bytes)
        {
            return self.at_bound(Bound::Operations, EAGAIN);
        }
        let operation = self.fresh(kind)?;
        let state = self.state();
        state.operations += 1;
        state.operation_bytes = held;
        Ok(operation)
    }

    /// Copies a body into the outbox.
    fn body(&mut self, ptr: Ptr, len: Len) -> Answer<Body> {
        let bytes = memory::bytes(self.memory, ptr, len)?;
        Ok(self.shared.state.outbox.body(bytes))
    }
}

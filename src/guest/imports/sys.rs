//! Calls of every guest: inbox, clock, randomness, log, blobs, handles. They must not know what stands behind
//! a handle.
use super::super::command::Command;
use super::super::handles::{Handle, Kind};
use super::super::memory;
use super::{Answer, Call, Len, Ptr, refuse};
use crate::policy::Bound;
use skep_abi::clock::{CPU, MONOTONIC, WALL};
use skep_abi::errno::{EAGAIN, EALREADY, EBADF, EINVAL, EMSGSIZE};
use std::sync::Arc;
use std::time::Duration;

const INBOX_MIN: u32 = 4 << 10;
const INBOX_MAX: u32 = 16 << 20;

pub(super) fn inbox(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<i32> {
    if !(INBOX_MIN..=INBOX_MAX).contains(&len.0) || !ptr.0.is_multiple_of(8) {
        return refuse(EINVAL);
    }
    memory::bytes(call.memory, ptr, len)?;
    if call.shared.inbox.is_some() {
        return refuse(EALREADY);
    }
    call.shared.inbox = Some((ptr.0, len.0));
    Ok(0)
}

pub(super) fn clock(call: &mut Call<'_>, which: i32) -> Answer<i64> {
    let entered = call.shared.entered;
    let state = call.state();
    let now = match which as u32 {
        MONOTONIC => state.mono(state.outside.mono()),
        WALL => state.clock_of(state.outside.wall()),
        CPU => {
            let now = state.outside.mono();
            let slice = Duration::from_nanos(now.saturating_sub(entered.unwrap_or(now)));
            state.clock_of(u64::try_from((state.meter.cpu + slice).as_nanos()).unwrap_or(u64::MAX))
        }
        _ => return refuse(EINVAL),
    };
    Ok(i64::try_from(now).unwrap_or(i64::MAX))
}

pub(super) fn random(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<i32> {
    if len.0 > call.state().limits.random_bytes {
        return refuse(EINVAL);
    }
    let out = memory::bytes_mut(call.memory, ptr, len)?;
    call.shared.state.outside.random(out);
    Ok(0)
}

pub(super) fn log(call: &mut Call<'_>, fd: i32, ptr: Ptr, len: Len) -> Answer<i32> {
    let fd = match fd {
        1 => 1,
        2 => 2,
        _ => return refuse(EBADF),
    };
    let now = call.now();
    let state = &mut call.shared.state;
    let limits = &state.limits;
    if len.0 > limits.log_call_bytes {
        return refuse(EMSGSIZE);
    }
    if limits.log_bytes.is_some_and(|rate| !state.usage.log_bytes.take(rate, now, u64::from(len.0))) {
        // Dropped and counted: whoever floods learns nothing, and nobody waits for it.
        state.meter.hit(Bound::Log);
        state.meter.log_dropped += 1;
        state.meter.log_dropped_bytes += u64::from(len.0);
        return Ok(0);
    }
    if u64::from(state.log_pending) + u64::from(len.0) > u64::from(limits.log_pending_bytes) {
        state.log_full = true;
        return refuse(EAGAIN);
    }
    let text = memory::bytes(call.memory, ptr, len)?;
    if text.is_empty() {
        return Ok(0);
    }
    let state = &mut call.shared.state;
    let text = state.outbox.span(text);
    state.outbox.push(Command::Log { fd, text });
    state.log_pending += len.0;
    Ok(0)
}

pub(super) fn blob_len(call: &mut Call<'_>, blob: Handle) -> Answer<i64> {
    Ok(find(call, blob)?.len() as i64)
}

pub(super) fn blob_read(call: &mut Call<'_>, blob: Handle, offset: i64, ptr: Ptr, len: Len) -> Answer<i32> {
    let blob = find(call, blob)?;
    let Ok(offset) = usize::try_from(offset) else {
        return refuse(EINVAL);
    };
    let rest = blob.get(offset..).unwrap_or_default();
    let out = memory::bytes_mut(call.memory, ptr, len)?;
    let count = rest.len().min(out.len()).min(i32::MAX as usize);
    out[..count].copy_from_slice(&rest[..count]);
    Ok(count as i32)
}

fn find(call: &mut Call<'_>, blob: Handle) -> Answer<Arc<[u8]>> {
    call.slot(blob, &[Kind::Blob])?;
    let blob = call.shared.state.blobs.get(&blob);
    Ok(blob.expect("each blob's handle has its bytes").clone())
}

pub(super) fn close(call: &mut Call<'_>, handle: Handle) -> Answer<i32> {
    let state = call.state();
    let Some(slot) = state.handles.get_mut(handle) else {
        return refuse(EBADF);
    };
    if !matches!(slot.kind, Kind::Blob | Kind::File | Kind::Folder) {
        // The handle lives until its last event; from here on nothing may be written to it.
        slot.ended = true;
        call.room(0)?;
        call.state().outbox.push(Command::Close { handle });
        return Ok(0);
    }
    state.let_go(handle);
    Ok(0)
}

pub(super) fn handle_ref(call: &mut Call<'_>, handle: Handle, on: i32) -> Answer<i32> {
    if call.state().handles.set_keep(handle, on != 0) { Ok(0) } else { refuse(EBADF) }
}

//! Calls about HTTP exchanges: numbers and sizes are checked here, rules of the protocol by the HTTP room. They
//! must not know HTTP's grammar.
use super::super::command::Command;
use super::super::handles::{Handle, Kind, Slot};
use super::super::memory;
use super::{Answer, Call, Len, Ptr, refuse};
use skep_abi::errno::{EBADF, EINVAL, EMSGSIZE, EPIPE};
use skep_abi::{respond, write};

/// Every bit of [`respond`] that is defined.
const RESPOND_FLAGS: u32 = (1 << 11) - 1;

/// Every bit of [`write`] that is defined.
const WRITE_FLAGS: u32 = write::END | write::WATCH;

/// Statuses that `http_inform` sends; 101 is an upgrade's.
const INFORMATIONAL: [i32; 3] = [100, 102, 103];

fn flags(flags: i32, known: u32) -> Answer<u32> {
    if flags as u32 & !known == 0 { Ok(flags as u32) } else { refuse(EINVAL) }
}

pub(super) fn http_close_idle(call: &mut Call<'_>, listener: Handle) -> Answer<i32> {
    call.slot(listener, &[Kind::Listener])?;
    call.room(0)?;
    call.state().outbox.push(Command::CloseIdle { handle: listener });
    Ok(0)
}

pub(super) fn http_close_all(call: &mut Call<'_>, listener: Handle) -> Answer<i32> {
    call.slot(listener, &[Kind::Listener])?;
    call.room(0)?;
    call.state().outbox.push(Command::CloseAll { handle: listener });
    Ok(0)
}

#[expect(clippy::too_many_arguments, reason = "the boundary's table says so")]
pub(super) fn http_respond(
    call: &mut Call<'_>,
    exchange: Handle,
    status: i32,
    flag_bits: i32,
    fields: Ptr,
    fields_len: Len,
    body: Ptr,
    body_len: Len,
) -> Answer<i32> {
    let flags = flags(flag_bits, RESPOND_FLAGS)?;
    if !(100..=999).contains(&status) {
        return refuse(EINVAL);
    }
    if fields_len.0 > call.state().limits.http.max_header_size_cap {
        return refuse(EMSGSIZE);
    }
    memory::bytes(call.memory, fields, fields_len)?;
    memory::bytes(call.memory, body, body_len)?;
    let bytes = u64::from(fields_len.0) + u64::from(body_len.0);
    let waits = call.reserve(exchange, &[Kind::Exchange], bytes, flags & respond::END != 0)?;
    let fields = memory::bytes(call.memory, fields, fields_len)?;
    let fields = call.shared.state.outbox.span(fields);
    let body = call.body(body, body_len)?;
    call.state().outbox.push(Command::Respond { exchange, status: status as u16, flags, fields, body });
    Ok(waits)
}

pub(super) fn http_write(call: &mut Call<'_>, exchange: Handle, flag_bits: i32, ptr: Ptr, len: Len) -> Answer<i32> {
    let flags = flags(flag_bits, WRITE_FLAGS)?;
    memory::bytes(call.memory, ptr, len)?;
    let waits = call.reserve(exchange, &[Kind::Exchange], u64::from(len.0), flags & write::END != 0)?;
    let body = call.body(ptr, len)?;
    call.state().outbox.push(Command::Write { exchange, flags, body });
    Ok(waits)
}

pub(super) fn http_end(call: &mut Call<'_>, exchange: Handle, flag_bits: i32, trailers: Ptr, len: Len) -> Answer<i32> {
    let flags = flags(flag_bits, WRITE_FLAGS)?;
    if len.0 > call.state().limits.http.trailer_bytes {
        return refuse(EMSGSIZE);
    }
    memory::bytes(call.memory, trailers, len)?;
    let waits = call.reserve(exchange, &[Kind::Exchange], u64::from(len.0), true)?;
    let trailers = memory::bytes(call.memory, trailers, len)?;
    let trailers = call.shared.state.outbox.span(trailers);
    call.state().outbox.push(Command::End { exchange, flags, trailers });
    Ok(waits)
}

pub(super) fn http_inform(call: &mut Call<'_>, exchange: Handle, status: i32, fields: Ptr, len: Len) -> Answer<i32> {
    if !INFORMATIONAL.contains(&status) {
        return refuse(EINVAL);
    }
    if len.0 > call.state().limits.http.max_header_size_cap {
        return refuse(EMSGSIZE);
    }
    memory::bytes(call.memory, fields, len)?;
    let waits = call.reserve(exchange, &[Kind::Exchange], u64::from(len.0), false)?;
    let fields = memory::bytes(call.memory, fields, len)?;
    let fields = call.shared.state.outbox.span(fields);
    call.state().outbox.push(Command::Inform { exchange, status: status as u16, fields });
    Ok(waits)
}

pub(super) fn http_watch(call: &mut Call<'_>, exchange: Handle) -> Answer<i32> {
    call.slot(exchange, &[Kind::Exchange])?;
    call.room(0)?;
    call.state().outbox.push(Command::Watch { exchange });
    Ok(0)
}

pub(super) fn http_upgrade(call: &mut Call<'_>, exchange: Handle) -> Answer<i64> {
    call.room(0)?;
    let slot = call.slot(exchange, &[Kind::Exchange])?;
    if slot.ended {
        return refuse(EPIPE);
    }
    let conn = slot.conn;
    let stream = call.fresh(Kind::Stream)?;
    call.slot(exchange, &[Kind::Exchange])?.ended = true;
    call.slot(stream, &[Kind::Stream])?.conn = conn;
    let ends = call.state().conn_ends.get(conn as usize).cloned().flatten();
    if let Some(ends) = ends {
        call.state().ends.insert(stream, ends);
    }
    call.state().outbox.push(Command::Upgrade { exchange, stream });
    Ok(stream.raw() as i64)
}

pub(super) fn http_conn(call: &mut Call<'_>, exchange: Handle) -> Answer<i64> {
    let number = call.slot(exchange, &[Kind::Exchange])?.conn;
    let known = call.state().conn_handles.get(&number).copied();
    let named = |slot: &Slot| matches!(slot.kind, Kind::Connection | Kind::Attached);
    if let Some(conn) = known.filter(|conn| call.state().handles.get(*conn).is_some_and(named)) {
        return Ok(conn.raw() as i64);
    }
    call.room(0)?;
    let conn = call.fresh(Kind::Connection)?;
    let Some(slot) = call.state().handles.get_mut(conn) else {
        return refuse(EBADF);
    };
    slot.conn = number;
    call.state().conn_handles.insert(number, conn);
    call.state().outbox.push(Command::Connection { exchange, conn });
    Ok(conn.raw() as i64)
}

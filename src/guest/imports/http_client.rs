//! Calls about HTTP over streams of the guest's own: attached connections, and the client role. They must not know
//! HTTP's grammar.
use super::super::command::Command;
use super::super::handles::{Client, Handle, Kind};
use super::super::memory;
use super::{Answer, Call, Len, Ptr, net, refuse};
use skep_abi::errno::{EALREADY, EBADF, EBUSY, EINVAL, EMSGSIZE, EPIPE};
use skep_abi::{expect, listen};

pub(super) fn http_attach(call: &mut Call<'_>, listener: Handle, ptr: Ptr, len: Len) -> Answer<i64> {
    let listener = if listener.raw() == 0 {
        None
    } else {
        call.slot(listener, &[Kind::Listener])?;
        Some(listener)
    };
    let options = net::options(call, ptr, len)?;
    let client = options.flags & listen::CLIENT != 0;
    if client && listener.is_some() {
        return refuse(EINVAL);
    }
    call.room(0)?;
    let handle = call.fresh(Kind::Attached)?;
    if client {
        call.slot(handle, &[Kind::Attached])?.client = Client::Idle;
    }
    call.state().outbox.push(Command::Attach { handle, listener, options });
    Ok(handle.raw() as i64)
}

pub(super) fn http_feed(call: &mut Call<'_>, conn: Handle, ptr: Ptr, len: Len) -> Answer<i32> {
    let slot = call.slot(conn, &[Kind::Attached, Kind::Stream])?;
    let (raw, over) = (slot.kind == Kind::Stream && slot.client == Client::No, slot.ended);
    if raw {
        return refuse(EBADF);
    }
    if over && slot.kind == Kind::Attached {
        return refuse(EPIPE);
    }
    if len.0 > call.state().limits.call_bytes {
        return refuse(EMSGSIZE);
    }
    memory::bytes(call.memory, ptr, len)?;
    call.room(len.0 as usize)?;
    let data = call.body(ptr, len)?;
    call.state().outbox.push(Command::Feed { handle: conn, data });
    Ok(0)
}

pub(super) fn http_client(call: &mut Call<'_>, stream: Handle, ptr: Ptr, len: Len) -> Answer<i32> {
    if call.slot(stream, &[Kind::Stream])?.client != Client::No {
        return refuse(EALREADY);
    }
    let options = net::options(call, ptr, len)?;
    call.room(0)?;
    call.slot(stream, &[Kind::Stream])?.client = Client::Idle;
    call.state().outbox.push(Command::Client { stream, options });
    Ok(0)
}

pub(super) fn http_expect(call: &mut Call<'_>, stream: Handle, kind: i32) -> Answer<i32> {
    let kind = u32::try_from(kind).ok().filter(|kind| *kind <= expect::UPGRADE);
    match call.slot(stream, &[Kind::Stream, Kind::Attached])?.client {
        Client::No => return refuse(EBADF),
        Client::Busy => return refuse(EBUSY),
        Client::Idle | Client::Due => {}
    }
    let Some(kind) = kind else { return refuse(EINVAL) };
    call.room(0)?;
    call.slot(stream, &[Kind::Stream, Kind::Attached])?.client = Client::Due;
    call.state().outbox.push(Command::Expect { stream, kind });
    Ok(0)
}

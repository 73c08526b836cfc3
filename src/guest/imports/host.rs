//! Calls between a guest and the program that this host is part of: what the guest answers, and what it asks of that
//! program's functions. They must not know what any function does, nor who waits.
use super::super::command::Command;
use super::super::handles::{Handle, Kind};
use super::{Answer, Call, Len, Ptr, refuse};
use skep_abi::errno::{EBADF, EINVAL, EMSGSIZE, ENAMETOOLONG};
use skep_abi::value::{BYTES, FAILED};

/// Characters of the longest function's name.
const NAME_BYTES: u32 = 256;

pub(super) fn call_reply(call: &mut Call<'_>, name: Handle, flags: i32, ptr: Ptr, len: Len) -> Answer<i32> {
    let flags = bits(flags, BYTES | FAILED)?;
    if call.slot(name, &[Kind::Call])?.ended {
        return refuse(EBADF);
    }
    value(call, ptr, len)?;
    call.slot(name, &[Kind::Call])?.ended = true;
    let value = call.body(ptr, len)?;
    call.state().outbox.push(Command::Reply { call: name, flags, value });
    Ok(0)
}

pub(super) fn host_call(call: &mut Call<'_>, name: Ptr, name_len: Len, flags: i32, ptr: Ptr, len: Len) -> Answer<i64> {
    let name = call.text(name, name_len, NAME_BYTES, ENAMETOOLONG)?;
    let flags = bits(flags, BYTES)?;
    let name = call.state().grants.function(name)?;
    value(call, ptr, len)?;
    let operation = call.take_operation(u64::from(len.0), Kind::HostCall)?;
    let value = call.body(ptr, len)?;
    call.state().outbox.push(Command::HostCall { operation, name, flags, value });
    Ok(operation.raw() as i64)
}

fn bits(flags: i32, known: u16) -> Answer<u16> {
    match u16::try_from(flags) {
        Ok(flags) if flags & !known == 0 => Ok(flags),
        _ => refuse(EINVAL),
    }
}

/// Whether the bytes are there, and not too many.
fn value(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<()> {
    if len.0 > call.state().limits.call_bytes {
        return refuse(EMSGSIZE);
    }
    super::memory::bytes(call.memory, ptr, len)?;
    call.room(len.0 as usize)
}

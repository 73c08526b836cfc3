//! Calls about the guest as a program: exit, start record, signals, refusals. They must not know processes.
use super::super::command::Command;
use super::super::memory;
use super::{Answer, Call, Len, Ptr, Refusal, refuse};
use skep_abi::errno::{EINVAL, EPERM};

/// Highest signal number.
const SIGNALS: i32 = 64;

/// SIGKILL and SIGSTOP cannot be watched.
const UNWATCHABLE: [i32; 2] = [9, 19];

pub(super) fn exit(_call: &mut Call<'_>, code: i32) -> Answer<i32> {
    Err(Refusal::Exit(code))
}

pub(super) fn settle(call: &mut Call<'_>) -> Answer<i32> {
    call.shared.settle = true;
    Ok(0)
}

pub(super) fn why(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<i32> {
    Ok(memory::fill(call.memory, ptr, len, call.shared.state.why.as_bytes())?)
}

pub(super) fn start_info(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<i32> {
    Ok(memory::fill(call.memory, ptr, len, &call.shared.state.start_info)?)
}

pub(super) fn env_ask(call: &mut Call<'_>, name: Ptr, len: Len) -> Answer<i32> {
    let name = memory::bytes(call.memory, name, len)?;
    // A name that is not text is none that the start record could have held.
    let Ok(name) = std::str::from_utf8(name) else { return Ok(0) };
    call.shared.state.grants.env_ask(name)?;
    Ok(0)
}

pub(super) fn signal_watch(call: &mut Call<'_>, signal: i32, on: i32) -> Answer<i32> {
    if !(1..=SIGNALS).contains(&signal) || UNWATCHABLE.contains(&signal) {
        return refuse(EINVAL);
    }
    if call.state().grants.no_signals {
        return refuse(EPERM);
    }
    call.room(0)?;
    call.state().alarm.heed(signal, on != 0);
    call.state().outbox.push(Command::SignalWatch { signal, on: on != 0 });
    Ok(0)
}

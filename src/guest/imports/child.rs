//! Calls about other processes: children and the channels to them. They must not know how a process is started.
use super::super::handles::Handle;
use super::{Answer, Call, Len, Ptr, refuse};
use skep_abi::errno::ENOSYS;

pub(super) fn child_start(_: &mut Call<'_>, _options: Ptr, _: Len, _texts: Ptr, _: Len) -> Answer<i64> {
    refuse(ENOSYS)
}

pub(super) fn child_stdio(_: &mut Call<'_>, _child: Handle, _index: i32) -> Answer<i64> {
    refuse(ENOSYS)
}

pub(super) fn child_channel(_: &mut Call<'_>, _child: Handle) -> Answer<i64> {
    refuse(ENOSYS)
}

pub(super) fn child_pid(_: &mut Call<'_>, _child: Handle) -> Answer<i64> {
    refuse(ENOSYS)
}

pub(super) fn child_kill(_: &mut Call<'_>, _child: Handle, _signal: i32) -> Answer<i32> {
    refuse(ENOSYS)
}

pub(super) fn child_wait(_: &mut Call<'_>, _child: Handle, _milliseconds: i64) -> Answer<i32> {
    refuse(ENOSYS)
}

pub(super) fn child_status(_: &mut Call<'_>, _child: Handle, _: Ptr, _: Len) -> Answer<i32> {
    refuse(ENOSYS)
}

pub(super) fn child_output(_: &mut Call<'_>, _child: Handle, _index: i32) -> Answer<i64> {
    refuse(ENOSYS)
}

pub(super) fn process_kill(_: &mut Call<'_>, _pid: i32, _signal: i32) -> Answer<i32> {
    refuse(ENOSYS)
}

pub(super) fn signal_raise(_: &mut Call<'_>, _signal: i32) -> Answer<i32> {
    refuse(ENOSYS)
}

pub(super) fn parent_channel(_: &mut Call<'_>) -> Answer<i64> {
    refuse(ENOSYS)
}

pub(super) fn channel_send(
    _: &mut Call<'_>,
    _channel: Handle,
    _flags: i32,
    _: Ptr,
    _: Len,
    _attach: Handle,
) -> Answer<i32> {
    refuse(ENOSYS)
}

pub(super) fn listener_share(_: &mut Call<'_>, _listener: Handle, _channel: Handle, _id: i32) -> Answer<i32> {
    refuse(ENOSYS)
}

pub(super) fn listener_unshare(_: &mut Call<'_>, _listener: Handle, _channel: Handle) -> Answer<i32> {
    refuse(ENOSYS)
}

pub(super) fn listen_shared(_: &mut Call<'_>, _id: i32, _options: Ptr, _: Len) -> Answer<i64> {
    refuse(ENOSYS)
}

pub(super) fn clone(_: &mut Call<'_>) -> Answer<i64> {
    refuse(ENOSYS)
}

//! Calls about other processes: children, the channels to them, signals. They must not know how a process is started,
//! nor what a message contains.
use super::super::child::{ChildEnd, ChildPlan, ChildProgram, ChildState};
use super::super::command::Command;
use super::super::handles::{Handle, Kind};
use super::super::memory;
use super::super::work::Open;
use super::net;
use super::{Answer, Call, Len, Ptr, Refusal, refuse};
use crate::policy::Bound;
use skep_abi::errno::{E2BIG, EAGAIN, EBADF, EINVAL, EMFILE, ENOENT, EPIPE, ESRCH};
use skep_abi::{ChildOptions, ChildStatus, ChildStdio, attached, channel, child, child_state, child_stdio as stdio};
use std::path::PathBuf;

const OPTIONS: usize = size_of::<ChildOptions>();
const ENTRY: usize = size_of::<ChildStdio>();

/// Highest signal number.
const SIGNALS: i32 = 64;

/// The largest number of a shared listener.
const SHARES: i32 = i32::MAX;

/// Options and descriptors as a guest hands them over.
struct Wish {
    options: ChildOptions,
    entries: Vec<ChildStdio>,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn wish(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<Wish> {
    let most = call.state().limits.child_descriptors as usize;
    let len_is = len.0 as usize;
    if len_is < OPTIONS || len_is > OPTIONS + most * ENTRY {
        return refuse(EINVAL);
    }
    let bytes = memory::bytes(call.memory, ptr, len)?;
    let field = |at: usize| word(bytes, at * 4);
    let options = ChildOptions {
        flags: field(0),
        args: field(1),
        env: field(2),
        stdio: field(3),
        max_buffer: field(4),
        uid: field(5) as i32,
        gid: field(6) as i32,
        unused: 0,
    };
    let entries: Vec<ChildStdio> = bytes[OPTIONS..]
        .chunks_exact(ENTRY)
        .map(|entry| ChildStdio {
            kind: word(entry, 0),
            number: word(entry, 4),
            handle: u64::from_le_bytes(entry[8..16].try_into().expect("eight bytes")),
        })
        .collect();
    let known = child::GUEST | child::CHANNEL | child::DETACHED | child::CLONE_ENV | child::SYNC;
    let guest = options.flags & child::GUEST != 0;
    let channel = options.flags & child::CHANNEL != 0;
    let whole = OPTIONS + entries.len() * ENTRY == len_is && entries.len() == options.stdio as usize;
    if !whole || options.flags & !known != 0 || (channel && !guest) || (channel && options.flags & child::SYNC != 0) {
        return refuse(EINVAL);
    }
    Ok(Wish { options, entries })
}

/// The texts of a child: length-prefixed strings.
fn texts(call: &mut Call<'_>, ptr: Ptr, len: Len) -> Answer<Vec<String>> {
    if len.0 > call.state().limits.order_bytes {
        return refuse(E2BIG);
    }
    let mut rest = memory::bytes(call.memory, ptr, len)?;
    let mut texts = Vec::new();
    while !rest.is_empty() {
        let Some((size, after)) = rest.split_first_chunk::<4>() else { return refuse(EINVAL) };
        let size = u32::from_le_bytes(*size) as usize;
        let Some((text, after)) = after.split_at_checked(size) else { return refuse(EINVAL) };
        match std::str::from_utf8(text) {
            Ok(text) if !text.contains('\0') => texts.push(text.to_owned()),
            _ => return refuse(EINVAL),
        }
        rest = after;
    }
    Ok(texts)
}

pub(super) fn child_start(
    call: &mut Call<'_>,
    options: Ptr,
    options_len: Len,
    text: Ptr,
    text_len: Len,
) -> Answer<i64> {
    let Wish { options, entries } = wish(call, options, options_len)?;
    let mut texts = texts(call, text, text_len)?.into_iter();
    let counted = u64::from(options.args) + u64::from(options.env) + 3;
    if texts.len() as u64 != counted {
        return refuse(EINVAL);
    }
    let mut next = || texts.next().expect("counted");
    let (program, argv0, folder) = (next(), next(), next());
    let args = (0..options.args).map(|_| next()).collect();
    let env: Vec<String> = (0..options.env).map(|_| next()).collect();
    let guest = options.flags & child::GUEST != 0;
    let program = if guest {
        if serde_json::from_str::<serde_json::Value>(&program).is_err() {
            return refuse(EINVAL);
        }
        ChildProgram::Guest { text: program, grant: call.state().grants.fork()? }
    } else {
        ChildProgram::Path(call.state().grants.run(&program)?)
    };
    let folder = Some(PathBuf::from(folder)).filter(|folder| !folder.as_os_str().is_empty());
    let state = call.state();
    if guest && state.depth >= state.limits.fork_depth || state.children.len() >= state.limits.children as usize {
        return call.at_bound(Bound::Processes, EAGAIN);
    }
    call.room(0)?;
    let sync = options.flags & child::SYNC != 0;
    check_ends(call, &entries)?;
    let (child, ends, state) = make(call, &entries, &options)?;
    let user = |id: i32| u32::try_from(id).ok();
    let plan = ChildPlan {
        program,
        argv0,
        folder,
        args,
        env: (options.flags & child::CLONE_ENV == 0).then_some(env),
        stdio: ends,
        detached: options.flags & child::DETACHED != 0,
        sync,
        user: user(options.uid),
        group: user(options.gid),
        channel: state.channel,
    };
    call.state().children.insert(child, state);
    call.state().outbox.push(Command::ChildStart { child, plan: Box::new(plan) });
    Ok(child.raw() as i64)
}

/// Whether every descriptor can be given.
fn check_ends(call: &mut Call<'_>, entries: &[ChildStdio]) -> Answer<()> {
    for entry in entries {
        match entry.kind {
            stdio::IGNORE | stdio::PIPE | stdio::CHANNEL => {}
            stdio::INHERIT if entry.number == 0 => call.state().grants.input()?,
            stdio::INHERIT if entry.number <= 2 => {}
            stdio::STREAM => {
                call.slot(Handle::from_raw(entry.handle as i64), &[Kind::Stream])?;
            }
            stdio::FILE => {
                call.slot(Handle::from_raw(entry.handle as i64), &[Kind::File])?;
            }
            _ => return refuse(EINVAL),
        }
    }
    Ok(())
}

/// The handles of a child: its own, its streams', its channel's. All or none.
fn make(
    call: &mut Call<'_>,
    entries: &[ChildStdio],
    options: &ChildOptions,
) -> Answer<(Handle, Vec<ChildEnd>, ChildState)> {
    let mut made = Vec::new();
    let mut fresh = |call: &mut Call<'_>, kind: Kind| {
        let handle = call.state().handles.insert(kind);
        made.extend(handle);
        if handle.is_none() {
            for handle in made.drain(..) {
                call.state().handles.remove(handle);
            }
        }
        handle.ok_or(Refusal::Errno(EMFILE))
    };
    let sync = options.flags & child::SYNC != 0;
    let max_buffer = if sync { kept_bytes(call, entries.len(), options.max_buffer)? } else { options.max_buffer };
    let mut state = ChildState { sync, max_buffer, ..ChildState::default() };
    let child = fresh(call, Kind::Child)?;
    if options.flags & child::CHANNEL != 0 {
        state.channel = Some(fresh(call, Kind::Channel)?);
    }
    let mut ends = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let handle = Handle::from_raw(entry.handle as i64);
        let kept = sync && index > 0 && entry.kind == stdio::PIPE;
        let (mut stream, mut output) = (None, None);
        ends.push(match entry.kind {
            stdio::INHERIT => ChildEnd::Inherit(entry.number as u8),
            stdio::PIPE if kept => {
                output = Some(Vec::new());
                ChildEnd::Pipe(None)
            }
            stdio::PIPE => {
                stream = Some(fresh(call, Kind::Stream)?);
                ChildEnd::Pipe(stream)
            }
            stdio::STREAM => ChildEnd::Stream(handle),
            stdio::FILE => match call.state().files.get(&handle) {
                Some(Open::File(file)) => ChildEnd::File(file.clone()),
                Some(Open::Way(way)) => ChildEnd::Way(way.clone()),
                _ => ChildEnd::Null,
            },
            stdio::CHANNEL => ChildEnd::Absent,
            _ => ChildEnd::Null,
        });
        state.streams.push(stream);
        state.outputs.push(output);
    }
    Ok((child, ends, state))
}

/// Bytes that are kept of each output: as many as are asked for (0: as many as may be), of what all children of a guest
/// may leave on the host together.
fn kept_bytes(call: &mut Call<'_>, outputs: usize, asked: u32) -> Answer<u32> {
    let kept = |state: &ChildState| state.outputs.iter().flatten().count() as u64 * u64::from(state.max_buffer);
    let state = call.state();
    let taken: u64 = state.children.values().map(kept).sum();
    let left = state.limits.blob_bytes.saturating_sub(taken) / outputs.max(1) as u64;
    let asked = if asked == 0 { u32::MAX } else { asked };
    let bytes = u32::try_from(left).unwrap_or(u32::MAX).min(asked);
    if bytes == 0 { refuse(EAGAIN) } else { Ok(bytes) }
}

/// What is known of a child whose handle lives.
fn known<'a>(call: &'a mut Call<'_>, child: Handle) -> Answer<&'a mut ChildState> {
    call.slot(child, &[Kind::Child])?;
    call.state().children.get_mut(&child).ok_or(Refusal::Errno(EBADF))
}

pub(super) fn child_stdio(call: &mut Call<'_>, child: Handle, index: i32) -> Answer<i64> {
    let streams = &known(call, child)?.streams;
    let stream = usize::try_from(index).ok().and_then(|index| streams.get(index).copied().flatten());
    stream.map(|stream| stream.raw() as i64).ok_or(Refusal::Errno(ENOENT))
}

pub(super) fn child_channel(call: &mut Call<'_>, child: Handle) -> Answer<i64> {
    let channel = known(call, child)?.channel;
    channel.map(|channel| channel.raw() as i64).ok_or(Refusal::Errno(ENOENT))
}

pub(super) fn child_pid(call: &mut Call<'_>, child: Handle) -> Answer<i64> {
    if let Some((_, pid)) = call.state().past_children.iter().find(|(past, _)| *past == child) {
        return Ok(*pid);
    }
    let status = known(call, child)?.status;
    match status.state {
        child_state::STARTING => refuse(EAGAIN),
        child_state::FAILED => refuse(status.code),
        _ => Ok(i64::from(status.pid)),
    }
}

pub(super) fn child_kill(call: &mut Call<'_>, child: Handle, signal: i32) -> Answer<i32> {
    if !(0..=SIGNALS).contains(&signal) {
        return refuse(EINVAL);
    }
    let known = known(call, child)?;
    if !matches!(known.status.state, child_state::STARTING | child_state::RUNNING) {
        return refuse(ESRCH);
    }
    known.killed |= signal != 0;
    call.room(0)?;
    if signal != 0 {
        call.state().outbox.push(Command::ChildKill { child, signal });
    }
    Ok(0)
}

pub(super) fn child_wait(call: &mut Call<'_>, child: Handle, milliseconds: i64) -> Answer<i32> {
    known(call, child)?;
    call.room(0)?;
    let milliseconds = u64::try_from(milliseconds).ok();
    call.state().outbox.push(Command::ChildWait { child, milliseconds });
    call.shared.settle = true;
    Ok(0)
}

pub(super) fn child_status(call: &mut Call<'_>, child: Handle, ptr: Ptr, len: Len) -> Answer<i32> {
    let ChildStatus { state, pid, code, signal, reason, overflow } = known(call, child)?.status;
    let words = [state, pid, code as u32, signal, reason, overflow];
    let record: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    Ok(memory::fill(call.memory, ptr, len, &record)?)
}

pub(super) fn child_output(call: &mut Call<'_>, child: Handle, index: i32) -> Answer<i64> {
    let room = usize::try_from(call.state().blob_room()).unwrap_or(usize::MAX);
    let output = output_of(known(call, child)?, index)?;
    // What there is no room for stays until there is.
    let most = output.len().min(room);
    if most == 0 && !output.is_empty() {
        return refuse(EAGAIN);
    }
    let blob = call.fresh(Kind::Blob)?;
    let output = output_of(known(call, child)?, index)?;
    let rest = output.split_off(most);
    let bytes = std::mem::replace(output, rest);
    call.state().fill_blob(blob, bytes);
    Ok(blob.raw() as i64)
}

/// What is kept of an output.
fn output_of(child: &mut ChildState, index: i32) -> Answer<&mut Vec<u8>> {
    let output = usize::try_from(index).ok().and_then(|index| child.outputs.get_mut(index)).and_then(Option::as_mut);
    output.ok_or(Refusal::Errno(ENOENT))
}

pub(super) fn process_kill(call: &mut Call<'_>, pid: i32, signal: i32) -> Answer<i32> {
    if !(0..=SIGNALS).contains(&signal) {
        return refuse(EINVAL);
    }
    let own = |state: &ChildState| {
        state.status.state == child_state::RUNNING && i32::try_from(state.status.pid) == Ok(pid) && pid > 0
    };
    let found = call.state().children.iter().find(|(_, state)| own(state)).map(|(child, _)| *child);
    if let Some(child) = found {
        return child_kill(call, child, signal);
    }
    if !call.state().grants.signal_anyone() || pid == 0 {
        return refuse(ESRCH);
    }
    let whom = rustix::process::Pid::from_raw(pid.saturating_abs()).ok_or(Refusal::Errno(ESRCH))?;
    let lives =
        if pid > 0 { rustix::process::test_kill_process(whom) } else { rustix::process::test_kill_process_group(whom) };
    match lives {
        Err(rustix::io::Errno::PERM) => return refuse(skep_abi::errno::EPERM),
        Err(_) => return refuse(ESRCH),
        Ok(()) => {}
    }
    call.room(0)?;
    if signal != 0 {
        call.state().outbox.push(Command::Kill { pid, signal });
    }
    Ok(0)
}

pub(super) fn signal_raise(call: &mut Call<'_>, signal: i32) -> Answer<i32> {
    if !(0..=SIGNALS).contains(&signal) {
        return refuse(EINVAL);
    }
    call.room(0)?;
    if signal != 0 {
        call.state().outbox.push(Command::Raise { signal });
        call.shared.settle = true;
    }
    Ok(0)
}

pub(super) fn parent_channel(call: &mut Call<'_>) -> Answer<i64> {
    let channel = call.state().parent_channel;
    channel.map(|channel| channel.raw() as i64).ok_or(Refusal::Errno(ENOENT))
}

pub(super) fn channel_send(
    call: &mut Call<'_>,
    channel: Handle,
    flags: i32,
    ptr: Ptr,
    len: Len,
    attach: Handle,
) -> Answer<i32> {
    let flags = flags as u32;
    let known = channel::INTERNAL | channel::MORE | channel::KEEP;
    let none = attach.raw() == u64::from(attached::NOTHING);
    if flags & !known != 0 || (!none && flags & channel::MORE != 0) {
        return refuse(EINVAL);
    }
    if len.0 > call.state().limits.frame_bytes {
        return refuse(skep_abi::errno::EMSGSIZE);
    }
    memory::bytes(call.memory, ptr, len)?;
    if !none {
        let kinds = [Kind::Stream, Kind::Connection, Kind::Listener, Kind::Datagram];
        let slot = *call.slot(attach, &kinds)?;
        if slot.ended {
            return refuse(EPIPE);
        }
    }
    let waits = call.reserve(channel, &[Kind::Channel], u64::from(len.0), false)?;
    let body = call.body(ptr, len)?;
    let attach = (!none).then_some(attach);
    call.state().outbox.push(Command::ChannelSend { channel, flags, body, attach });
    Ok(waits)
}

/// A number that both sides have for a shared listener.
fn number(id: i32) -> Answer<u32> {
    if (0..=SHARES).contains(&id) { Ok(id as u32) } else { refuse(EINVAL) }
}

pub(super) fn listener_share(call: &mut Call<'_>, listener: Handle, channel: Handle, id: i32) -> Answer<i32> {
    let id = number(id)?;
    call.slot(listener, &[Kind::Listener])?;
    call.slot(channel, &[Kind::Channel])?;
    call.room(0)?;
    call.state().outbox.push(Command::Share { listener, channel, id });
    Ok(0)
}

pub(super) fn listener_unshare(call: &mut Call<'_>, listener: Handle, channel: Handle) -> Answer<i32> {
    call.slot(listener, &[Kind::Listener])?;
    call.slot(channel, &[Kind::Channel])?;
    call.room(0)?;
    call.state().outbox.push(Command::Unshare { listener, channel });
    Ok(0)
}

pub(super) fn listen_shared(call: &mut Call<'_>, id: i32, ptr: Ptr, len: Len) -> Answer<i64> {
    let id = number(id)?;
    let options = net::options(call, ptr, len)?;
    if call.state().parent_channel.is_none() {
        return refuse(EPIPE);
    }
    if call.state().listeners >= call.state().limits.listeners {
        return call.at_bound(Bound::Listeners, EMFILE);
    }
    call.room(0)?;
    let handle = call.fresh(Kind::Listener)?;
    call.state().listeners += 1;
    call.state().outbox.push(Command::ListenShared { handle, id, options });
    Ok(handle.raw() as i64)
}

pub(super) fn clone(call: &mut Call<'_>) -> Answer<i64> {
    let grant = call.state().grants.fork()?;
    let state = call.state();
    if state.depth >= state.limits.fork_depth || state.children.len() >= state.limits.children as usize {
        return call.at_bound(Bound::Processes, EAGAIN);
    }
    call.room(0)?;
    let options = ChildOptions { flags: child::GUEST | child::CHANNEL, ..ChildOptions::default() };
    let (child, _, state) = make(call, &[], &options)?;
    let plan = ChildPlan {
        program: ChildProgram::Clone { legacy: None, grant },
        argv0: String::new(),
        folder: None,
        args: Vec::new(),
        env: None,
        // Two that read one input would each miss what the other has read.
        stdio: vec![ChildEnd::Null, ChildEnd::Inherit(1), ChildEnd::Inherit(2)],
        detached: false,
        sync: false,
        user: None,
        group: None,
        channel: state.channel,
    };
    call.state().children.insert(child, state);
    call.state().outbox.push(Command::Clone { child, plan: Box::new(plan) });
    Ok(child.raw() as i64)
}

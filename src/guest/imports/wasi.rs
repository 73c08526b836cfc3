//! The few calls of WASI preview 1 that a standard library built for `wasm32-wasip1` makes by itself (a panic's text, a map's
//! random key, a clock), for guests that keep the rules of the boundary otherwise. Each does what the boundary's own call
//! does; there are no files, words or variables here: those come by `fs_*` and the start record. It must not know WASI
//! programs (`_start`): they are no guests.
use super::super::engine::Context;
use super::super::memory;
use super::super::verdict::{Exit, Signalled};
use super::{Answer, Call, Len, Ptr, Refusal, call_with, refuse, sys};
use skep_abi::errno::{EAGAIN, EBADF, EFAULT, EINVAL, EMSGSIZE, ENOSYS, ESPIPE};
use wasmtime::{Caller, Linker};

/// Module name of these imports.
pub(super) const MODULE: &str = "wasi_snapshot_preview1";

/// Pieces that one call of `fd_write` gathers; `writev` has the same bound.
const PIECES: u32 = 1024;

/// Bytes of one call of `random`.
const RANDOM_PIECE: u32 = 64 << 10;

/// Random bytes that one call gives: a few milliseconds.
const RANDOM_MOST: u32 = 1 << 20;

/// WASI's numbers for the errors that these calls have.
fn number(errno: i32) -> i32 {
    match errno {
        EAGAIN => 6,
        EBADF => 8,
        EFAULT => 21,
        EINVAL => 28,
        EMSGSIZE => 35,
        ESPIPE => 70,
        _ => 52,
    }
}

/// What travels: 0 or an error.
fn answer(caller: &mut Caller<'_, Context>, run: impl FnOnce(&mut Call<'_>) -> Answer<()>) -> wasmtime::Result<i32> {
    match call_with(caller, run) {
        Ok(()) => Ok(0),
        Err(Refusal::Errno(errno)) => Ok(number(errno)),
        Err(Refusal::Denied(_)) => Ok(number(ENOSYS)),
        Err(Refusal::Exit(code)) => Err(wasmtime::Error::new(Exit(code))),
        Err(Refusal::Signalled(signal)) => Err(wasmtime::Error::new(Signalled(signal))),
    }
}

macro_rules! register {
    ($linker:ident, $($name:ident($($param:ident: $ty:ty),*);)*) => {
        $($linker.func_wrap(MODULE, stringify!($name), |mut caller: Caller<'_, Context> $(, $param: $ty)*| {
            answer(&mut caller, |call| $name(call $(, $param)*))
        })?;)*
    };
}

/// Every name that [`register`] knows.
pub(super) const NAMES: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_close",
    "fd_fdstat_get",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_read",
    "fd_seek",
    "fd_write",
    "poll_oneoff",
    "proc_exit",
    "random_get",
    "sched_yield",
];

pub(super) fn register(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    register! {
        linker,
        args_get(_words: u32, _text: u32);
        args_sizes_get(count: u32, bytes: u32);
        clock_res_get(clock: i32, out: u32);
        clock_time_get(clock: i32, _precision: i64, out: u32);
        environ_get(_words: u32, _text: u32);
        environ_sizes_get(count: u32, bytes: u32);
        fd_close(_fd: i32);
        fd_fdstat_get(fd: i32, out: u32);
        fd_prestat_dir_name(_fd: i32, _out: u32, _len: u32);
        fd_prestat_get(_fd: i32, _out: u32);
        fd_read(_fd: i32, _pieces: u32, _count: u32, _out: u32);
        fd_seek(fd: i32, _offset: i64, _whence: i32, _out: u32);
        fd_write(fd: i32, pieces: u32, count: u32, out: u32);
        poll_oneoff(_asked: u32, _told: u32, _count: u32, _out: u32);
        random_get(at: u32, len: u32);
        sched_yield();
    }
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(Exit(code)))
    })?;
    Ok(())
}

fn put(call: &mut Call<'_>, at: u32, bytes: &[u8]) -> Answer<()> {
    memory::bytes_mut(call.memory, Ptr(at), Len(bytes.len() as u32))?.copy_from_slice(bytes);
    Ok(())
}

fn args_get(_: &mut Call<'_>, _words: u32, _text: u32) -> Answer<()> {
    Ok(())
}

fn args_sizes_get(call: &mut Call<'_>, count: u32, bytes: u32) -> Answer<()> {
    put(call, count, &[0; 4])?;
    put(call, bytes, &[0; 4])
}

fn environ_get(_: &mut Call<'_>, _words: u32, _text: u32) -> Answer<()> {
    Ok(())
}

fn environ_sizes_get(call: &mut Call<'_>, count: u32, bytes: u32) -> Answer<()> {
    args_sizes_get(call, count, bytes)
}

/// WASI numbers its clocks: 0 is the wall, 1 monotonic.
fn clock_of(clock: i32) -> Answer<i32> {
    match clock {
        0 => Ok(skep_abi::clock::WALL as i32),
        1 => Ok(skep_abi::clock::MONOTONIC as i32),
        _ => refuse(EINVAL),
    }
}

fn clock_res_get(call: &mut Call<'_>, clock: i32, out: u32) -> Answer<()> {
    clock_of(clock)?;
    let grain = call.state().limits.clock_ns;
    put(call, out, &u64::from(grain).to_le_bytes())
}

fn clock_time_get(call: &mut Call<'_>, clock: i32, _precision: i64, out: u32) -> Answer<()> {
    let now = sys::clock(call, clock_of(clock)?)?;
    put(call, out, &now.to_le_bytes())
}

fn random_get(call: &mut Call<'_>, at: u32, len: u32) -> Answer<()> {
    // The whole range is checked before any of it is filled.
    memory::bytes(call.memory, Ptr(at), Len(len))?;
    // A guest asks whether its slice is over between two calls, not within one.
    if len > RANDOM_MOST {
        return refuse(EINVAL);
    }
    for start in (0..len).step_by(RANDOM_PIECE as usize) {
        sys::random(call, Ptr(at + start), Len((len - start).min(RANDOM_PIECE)))?;
    }
    Ok(())
}

fn fd_close(_: &mut Call<'_>, _fd: i32) -> Answer<()> {
    refuse(EBADF)
}

fn fd_read(_: &mut Call<'_>, _fd: i32, _pieces: u32, _count: u32, _out: u32) -> Answer<()> {
    refuse(EBADF)
}

fn fd_prestat_get(_: &mut Call<'_>, _fd: i32, _out: u32) -> Answer<()> {
    refuse(EBADF)
}

fn fd_prestat_dir_name(_: &mut Call<'_>, _fd: i32, _out: u32, _len: u32) -> Answer<()> {
    refuse(EBADF)
}

fn is_output(fd: i32) -> Answer<()> {
    if matches!(fd, 1 | 2) { Ok(()) } else { refuse(EBADF) }
}

fn fd_seek(_: &mut Call<'_>, fd: i32, _offset: i64, _whence: i32, _out: u32) -> Answer<()> {
    is_output(fd)?;
    refuse(ESPIPE)
}

/// A character device that is written to.
fn fd_fdstat_get(call: &mut Call<'_>, fd: i32, out: u32) -> Answer<()> {
    is_output(fd)?;
    let mut stat = [0; 24];
    stat[0] = 2;
    stat[8] = 1 << 6;
    put(call, out, &stat)
}

fn fd_write(call: &mut Call<'_>, fd: i32, pieces: u32, count: u32, out: u32) -> Answer<()> {
    is_output(fd)?;
    if count > PIECES {
        return refuse(EINVAL);
    }
    let table = memory::bytes(call.memory, Ptr(pieces), Len(count * 8))?.to_vec();
    let mut written = 0u32;
    for piece in table.chunks_exact(8) {
        let word = |at: usize| u32::from_le_bytes(piece[at..at + 4].try_into().expect("a slice of four bytes"));
        let cap = call.shared.state.limits.log_call_bytes;
        let len = word(4).min(cap);
        match sys::log(call, fd, Ptr(word(0)), Len(len)) {
            Ok(_) => written = written.saturating_add(len),
            Err(refusal) if written == 0 => return Err(refusal),
            Err(_) => break,
        }
        if len < word(4) {
            break;
        }
    }
    put(call, out, &written.to_le_bytes())
}

/// An evented guest waits for events, by returning.
fn poll_oneoff(_: &mut Call<'_>, _asked: u32, _told: u32, _count: u32, _out: u32) -> Answer<()> {
    refuse(ENOSYS)
}

fn sched_yield(_: &mut Call<'_>) -> Answer<()> {
    Ok(())
}

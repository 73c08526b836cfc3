//! One more descriptor of a plain program's: a way both ways that reads and writes block on, as `NODE_CHANNEL_FD` names one. WASI
//! gives such descriptors as folders only, so the calls about this number are answered here, and those about any other go
//! on to wasmtime-wasi. It must not know what is said on the way.
use super::module::WASI;
use super::run::State;
use crate::guest::engine::to_anyhow;
use skep_abi::exports;
use std::io::{self, ErrorKind, Read, Write};
use wasmtime::{AsContextMut as _, Caller, Extern, Linker};
use wasmtime_wasi::p1::wasi_snapshot_preview1::{self as wasi, WasiSnapshotPreview1 as _};
use wiggle::GuestMemory;

/// Its number: beyond all that a program can have opened.
pub const WIRE: u32 = 1 << 20;

/// Buffers of one call.
const BUFFERS: u32 = 1024;

/// Bytes that one call writes, as many as a message may have: buffers may lie over each other, and a program asks whether its time is over
/// between two calls.
const AT_ONCE: u32 = 256 << 20;

/// Pieces that one call writes, of what the other end takes at once: a message of two bytes costs it as much as a long one.
const PIECES: u32 = 1024;

// WASI's numbers.
pub(super) const SUCCESS: i32 = 0;
const BADF: i32 = 8;
const FAULT: i32 = 21;
const INVAL: i32 = 28;
const IO: i32 = 29;
const MSGSIZE: i32 = 35;
const PIPE: i32 = 64;
const SOCKET: u8 = 6;
const MAY_READ: u64 = 1 << 1;
const MAY_WRITE: u64 = 1 << 6;

/// Both directions.
pub(super) struct Wire {
    pub reader: Box<dyn Read + Send>,
    pub writer: Box<dyn Write + Send>,
}

/// Has the calls about the number answered here.
pub(super) fn add(linker: &mut Linker<State>) -> anyhow::Result<()> {
    linker
        .func_wrap_async(WASI, "fd_read", |mut caller: Caller<'_, State>, at: (i32, i32, i32, i32)| {
            Box::new(async move {
                let (memory, state) = parts(&mut caller)?;
                if is_wire(at.0) {
                    return Ok(code(read(memory, state, [at.1, at.2, at.3])));
                }
                wasi::fd_read(&mut state.wasi, &mut GuestMemory::Unshared(memory), at.0, at.1, at.2, at.3).await
            })
        })
        .map_err(to_anyhow)?;
    linker
        .func_wrap_async(WASI, "fd_write", |mut caller: Caller<'_, State>, at: (i32, i32, i32, i32)| {
            Box::new(async move {
                let (memory, state) = parts(&mut caller)?;
                fd_write(memory, state, at).await
            })
        })
        .map_err(to_anyhow)?;
    linker
        .func_wrap_async(WASI, "fd_close", |mut caller: Caller<'_, State>, (number,): (i32,)| {
            Box::new(async move {
                let (memory, state) = parts(&mut caller)?;
                fd_close(memory, state, number).await
            })
        })
        .map_err(to_anyhow)?;
    linker
        .func_wrap_async(WASI, "fd_fdstat_get", |mut caller: Caller<'_, State>, (number, out): (i32, i32)| {
            Box::new(async move {
                let (memory, state) = parts(&mut caller)?;
                if is_wire(number) {
                    return Ok(code(tell_kind(memory, state, out)));
                }
                wasi::fd_fdstat_get(&mut state.wasi, &mut GuestMemory::Unshared(memory), number, out).await
            })
        })
        .map_err(to_anyhow)?;
    Ok(())
}

/// Of this number, or any other.
pub(super) async fn fd_write(memory: &mut [u8], state: &mut State, at: (i32, i32, i32, i32)) -> wasmtime::Result<i32> {
    if is_wire(at.0) {
        return Ok(code(write(memory, state, [at.1, at.2, at.3])));
    }
    wasi::fd_write(&mut state.wasi, &mut GuestMemory::Unshared(memory), at.0, at.1, at.2, at.3).await
}

/// The same.
pub(super) async fn fd_close(memory: &mut [u8], state: &mut State, number: i32) -> wasmtime::Result<i32> {
    if is_wire(number) {
        return Ok(state.wire.take().map_or(BADF, |_| SUCCESS));
    }
    wasi::fd_close(&mut state.wasi, &mut GuestMemory::Unshared(memory), number).await
}

fn is_wire(number: i32) -> bool {
    number as u32 == WIRE
}

/// What a call may have the host copy is counted for each call anew, as the library does it.
pub(super) fn parts<'a>(caller: &'a mut Caller<'_, State>) -> wasmtime::Result<(&'a mut [u8], &'a mut State)> {
    let Some(Extern::Memory(memory)) = caller.get_export(exports::MEMORY) else {
        return Err(wasmtime::Error::msg("the program exports no memory"));
    };
    let fuel = caller.as_context_mut().hostcall_fuel();
    let (memory, state) = memory.data_and_store_mut(caller);
    state.wasi.set_hostcall_fuel(fuel);
    Ok((memory, state))
}

/// A call's outcome as its number; errors are WASI's.
fn code(outcome: Result<(), i32>) -> i32 {
    outcome.err().unwrap_or(SUCCESS)
}

fn errno(error: &io::Error) -> i32 {
    match error.kind() {
        ErrorKind::InvalidInput => INVAL,
        ErrorKind::FileTooLarge => MSGSIZE,
        ErrorKind::BrokenPipe => PIPE,
        _ => IO,
    }
}

pub(super) fn slice(memory: &mut [u8], at: u32, len: u32) -> Result<&mut [u8], i32> {
    let end = (at as usize).checked_add(len as usize).ok_or(FAULT)?;
    memory.get_mut(at as usize..end).ok_or(FAULT)
}

pub(super) fn put(memory: &mut [u8], at: i32, bytes: &[u8]) -> Result<(), i32> {
    slice(memory, at as u32, bytes.len() as u32)?.copy_from_slice(bytes);
    Ok(())
}

/// Address and length of each buffer.
pub(super) fn buffers(memory: &mut [u8], at: i32, count: i32) -> Result<Vec<(u32, u32)>, i32> {
    let count = u32::try_from(count).ok().filter(|count| *count <= BUFFERS).ok_or(INVAL)?;
    let word = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let table = slice(memory, at as u32, count * 8)?;
    Ok(table.chunks_exact(8).map(|pair| (word(pair), word(&pair[4..]))).collect())
}

/// Waits for something, and gives as much of it as the first buffer takes.
fn read(memory: &mut [u8], state: &mut State, [at, count, out]: [i32; 3]) -> Result<(), i32> {
    let wire = state.wire.as_mut().ok_or(BADF)?;
    let first = buffers(memory, at, count)?.into_iter().find(|(_, len)| *len > 0);
    slice(memory, out as u32, 4)?;
    let read = match first {
        Some((at, len)) => wire.reader.read(slice(memory, at, len)?).map_err(|error| errno(&error))?,
        None => 0,
    };
    put(memory, out, &(read as u32).to_le_bytes())
}

/// Writes all, or the first of it where that is much, and waits until it is taken.
fn write(memory: &mut [u8], state: &mut State, [at, count, out]: [i32; 3]) -> Result<(), i32> {
    let wire = state.wire.as_mut().ok_or(BADF)?;
    slice(memory, out as u32, 4)?;
    let (mut written, mut pieces) = (0u32, PIECES);
    for (at, len) in buffers(memory, at, count)? {
        let len = len.min(AT_ONCE - written);
        written += say(&mut wire.writer, slice(memory, at, len)?, &mut pieces).map_err(|error| errno(&error))?;
    }
    put(memory, out, &written.to_le_bytes())
}

/// In so many pieces at most; answers how much of it that was.
fn say(to: &mut dyn Write, bytes: &[u8], pieces: &mut u32) -> io::Result<u32> {
    let mut said = 0;
    while said < bytes.len() && *pieces > 0 {
        match to.write(&bytes[said..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => said += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        *pieces -= 1;
    }
    Ok(said as u32)
}

/// A socket that can be read and written.
fn tell_kind(memory: &mut [u8], state: &State, out: i32) -> Result<(), i32> {
    state.wire.as_ref().ok_or(BADF)?;
    let mut record = [0; 24];
    record[0] = SOCKET;
    record[8..16].copy_from_slice(&(MAY_READ | MAY_WRITE).to_le_bytes());
    put(memory, out, &record)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a line at once.
    struct Lines(usize);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            Ok(bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn p11_one_call_says_a_long_message_whole_and_of_many_only_some() {
        let (mut lines, mut pieces) = (Lines(0), PIECES);
        let long = [&[b'1'; 3 << 20][..], b"\n"].concat();
        assert_eq!((say(&mut lines, &long, &mut pieces).ok(), lines.0), (Some(long.len() as u32), 1));
        let many = b"0\n".repeat(1 << 20);
        let said = say(&mut lines, &many, &mut pieces).ok();
        assert_eq!((said, lines.0, pieces), (Some(2 * (PIECES - 1)), PIECES as usize, 0));
        assert_eq!(say(&mut lines, &many, &mut pieces).ok(), Some(0), "nor has the next buffer any");
    }
}

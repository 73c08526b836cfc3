//! The calls by which a plain program makes files larger, and makes and removes names, where that is bounded: each asks the hoard
//! before it goes on to wasmtime-wasi, and tells it after. What there is now it asks wasmtime-wasi too, by the program's own
//! descriptors and paths. The program has one thread, so nothing of its own happens in between. It must not know how much there
//! may be, nor which folders are whose.
use super::module::WASI;
use super::run::State;
use super::wire::{self, SUCCESS, parts, put, slice};
use crate::guest::engine::to_anyhow;
use crate::policy::{Full, Hoard, Holder, Moving, Place, Stretch, Stuff};
use std::sync::{Arc, Weak};
use wasmtime::{Caller, Linker, Result};
use wasmtime_wasi::p1::wasi_snapshot_preview1 as wasi;
use wiggle::GuestMemory;

// WASI's numbers.
const DQUOT: i32 = 19;
const EXIST: i32 = 20;
const FBIG: i32 = 22;
const FOLDER: u8 = 3;
const FILE: u8 = 4;
const CREATE: i32 = 1;
const TRUNCATE: i32 = 8;
const APPEND: u8 = 1;
const FOLLOW: i32 = 1;

/// Bytes of a file's record.
const RECORD: usize = 64;

/// Bytes of a path: no system takes a longer one.
const PATH: u32 = 4096;

/// Device and number: wasmtime-wasi tells a code of both as one.
fn id(number: u64) -> (u64, u64) {
    (0, number)
}

fn refused(full: Full) -> i32 {
    match full {
        Full::Bytes | Full::Entries => DQUOT,
        Full::File => FBIG,
    }
}

/// What a program sees of a file.
#[derive(Clone, Copy)]
struct Seen {
    number: u64,
    kind: u8,
    names: u64,
    size: u64,
}

impl Seen {
    fn of(record: &[u8]) -> Seen {
        let word = |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().expect("eight bytes"));
        Seen { number: word(8), kind: record[16], names: word(24), size: word(32) }
    }

    fn is_file(&self) -> bool {
        self.kind == FILE
    }

    /// As the hoard counts it.
    fn bytes(&self) -> u64 {
        if self.is_file() { self.size } else { 0 }
    }
}

/// A path in the program's memory, and the folder that it begins at.
#[derive(Clone, Copy)]
struct Path {
    folder: i32,
    at: i32,
    len: i32,
    follow: i32,
}

async fn see(state: &mut State, number: i32) -> Result<Option<Seen>> {
    let mut record = [0; RECORD];
    let told = wasi::fd_filestat_get(&mut state.wasi, &mut GuestMemory::Unshared(&mut record), number, 0).await?;
    Ok((told == SUCCESS).then(|| Seen::of(&record)))
}

async fn see_at(memory: &mut [u8], state: &mut State, path: Path) -> Result<Option<Seen>> {
    let Ok(name) = slice(memory, path.at as u32, path.len as u32) else { return Ok(None) };
    if name.len() > PATH as usize {
        return Ok(None);
    }
    let mut room = vec![0; RECORD];
    room.extend_from_slice(name);
    let (at, out) = (RECORD as i32, 0);
    let mut own = GuestMemory::Unshared(&mut room);
    let told = wasi::path_filestat_get(&mut state.wasi, &mut own, path.folder, path.follow, at, path.len, out).await?;
    Ok((told == SUCCESS).then(|| Seen::of(&room)))
}

/// It has gone on: the file of this descriptor is as large as it is.
async fn over(state: &mut State, hoard: &Hoard, number: i32, stretch: Stretch) -> Result<()> {
    let size = see(state, number).await?.map(|seen| seen.size);
    hoard.over(stretch, || size);
    Ok(())
}

/// Where a writing by this descriptor begins.
async fn place(state: &mut State, number: i32, at: Option<i64>) -> Result<Place> {
    let mut record = [0; RECORD];
    let told = wasi::fd_fdstat_get(&mut state.wasi, &mut GuestMemory::Unshared(&mut record), number, 0).await?;
    if told == SUCCESS && record[2] & APPEND != 0 {
        return Ok(Place::End);
    }
    if let Some(at) = at {
        return Ok(Place::At(at as u64));
    }
    let told = wasi::fd_tell(&mut state.wasi, &mut GuestMemory::Unshared(&mut record), number, 0)?;
    let here = u64::from_le_bytes(record[..8].try_into().expect("eight bytes"));
    Ok(Place::Here(if told == SUCCESS { here } else { 0 }))
}

/// `fd_write`, or `fd_pwrite` with `at`: the first buffer with anything in it, which is what wasmtime-wasi writes.
async fn write(memory: &mut [u8], state: &mut State, call: [i32; 4], at: Option<i64>) -> Result<i32> {
    let [number, buffers, count, out] = call;
    let Some(hoard) = state.hoard.clone() else { return pass(memory, state, call, at).await };
    let Some(seen) = see(state, number).await?.filter(Seen::is_file) else {
        return pass(memory, state, call, at).await;
    };
    // What cannot be read as a whole is refused as a whole: wasmtime-wasi would go by its beginning, which nobody has counted.
    let all = match wire::buffers(memory, buffers, count) {
        Ok(all) => all,
        Err(errno) => return Ok(errno),
    };
    let Some((first, (_, len))) = (0..).zip(all).find(|(_, (_, len))| *len > 0) else {
        return pass(memory, state, call, at).await;
    };
    let buffer = buffers as u32 + first * 8;
    let place = place(state, number, at).await?;
    let stretch = match hoard.book().write(id(seen.number), seen.size, place, len.into()) {
        Ok(stretch) => stretch,
        Err(full) => return Ok(refused(full)),
    };
    let shorter = (stretch.len as u32).min(len);
    // Its own words, but for the length; they are as they were when it sees them again.
    let done = match put(memory, buffer as i32 + 4, &shorter.to_le_bytes()) {
        Ok(()) => pass(memory, state, [number, buffer as i32, 1, out], at).await,
        Err(errno) => Ok(errno),
    };
    let _was_there = put(memory, buffer as i32 + 4, &len.to_le_bytes());
    over(state, &hoard, number, stretch).await?;
    done
}

async fn pass(memory: &mut [u8], state: &mut State, call: [i32; 4], at: Option<i64>) -> Result<i32> {
    let [number, buffers, count, out] = call;
    match at {
        None => wire::fd_write(memory, state, (number, buffers, count, out)).await,
        Some(at) => {
            let mut memory = GuestMemory::Unshared(memory);
            wasi::fd_pwrite(&mut state.wasi, &mut memory, number, buffers, count, at, out).await
        }
    }
}

async fn set_size(memory: &mut [u8], state: &mut State, (number, size): (i32, i64)) -> Result<i32> {
    let (hoard, seen) = (state.hoard.clone(), see(state, number).await?.filter(Seen::is_file));
    let stretch = match (&hoard, seen) {
        (Some(hoard), Some(seen)) => match hoard.book().resize(id(seen.number), seen.size, size as u64) {
            Ok(stretch) => Some(stretch),
            Err(full) => return Ok(refused(full)),
        },
        _ => None,
    };
    let done = wasi::fd_filestat_set_size(&mut state.wasi, &mut GuestMemory::Unshared(memory), number, size).await;
    if let (Some(hoard), Some(stretch)) = (&hoard, stretch) {
        over(state, hoard, number, stretch).await?;
    }
    done
}

type OpenCall = (i32, i32, i32, i32, i32, i64, i64, i32, i32);

async fn open(memory: &mut [u8], state: &mut State, call: OpenCall) -> Result<i32> {
    let (folder, links, at, len, how, rights, inherited, flags, out) = call;
    let hoard = state.hoard.clone();
    let path = Path { folder, at, len, follow: links & FOLLOW };
    let before = if hoard.is_some() { see_at(memory, state, path).await? } else { None };
    let is_new = how & CREATE != 0 && before.is_none();
    let walks = walks(state);
    if is_new && let Some(Err(full)) = hoard.as_ref().map(|hoard| hoard.enter()) {
        return Ok(refused(full));
    }
    let truncated = before.filter(|seen| how & TRUNCATE != 0 && seen.is_file());
    // It only becomes smaller.
    let stretch =
        hoard.as_ref().zip(truncated).and_then(|(hoard, seen)| hoard.book().resize(id(seen.number), seen.size, 0).ok());
    let done = {
        let mut memory = GuestMemory::Unshared(&mut *memory);
        let wasi = &mut state.wasi;
        wasi::path_open(wasi, &mut memory, folder, links, at, len, how, rights, inherited, flags, out).await
    };
    let Some(hoard) = hoard else { return done };
    if let Some(stretch) = stretch {
        let size = see_at(memory, state, path).await?.map(|seen| seen.size);
        hoard.over(stretch, || size);
    }
    hoard.landed(walks, Stuff::Entries, is_new.into());
    if !matches!(done, Ok(SUCCESS)) {
        if is_new {
            hoard.leave();
        }
        return done;
    }
    let Ok(number) = slice(memory, out as u32, 4) else { return done };
    let number = i32::from_le_bytes([number[0], number[1], number[2], number[3]]);
    if let Some(seen) = see(state, number).await?.filter(Seen::is_file) {
        let open = Arc::new(());
        let holder: Weak<()> = Arc::downgrade(&open);
        hoard.book().opened(id(seen.number), seen.size, holder as Holder);
        state.open.insert(number as u32, open);
    }
    done
}

async fn close(memory: &mut [u8], state: &mut State, number: i32) -> Result<i32> {
    let done = wire::fd_close(memory, state, number).await;
    if let Ok(SUCCESS) = done {
        state.open.remove(&(number as u32));
        state.hoard.iter().for_each(|hoard| hoard.tidy());
    }
    done
}

async fn renumber(memory: &mut [u8], state: &mut State, (from, to): (i32, i32)) -> Result<i32> {
    let done = wasi::fd_renumber(&mut state.wasi, &mut GuestMemory::Unshared(memory), from, to).await;
    if let (Ok(SUCCESS), true) = (&done, from != to) {
        state.open.remove(&(to as u32));
        if let Some(open) = state.open.remove(&(from as u32)) {
            state.open.insert(to as u32, open);
        }
        state.hoard.iter().for_each(|hoard| hoard.tidy());
    }
    done
}

/// Whether there may be one more name, then how many walks there were when it was asked for; else what the call answers.
async fn adds(memory: &mut [u8], state: &mut State, path: Path) -> Result<std::result::Result<u64, i32>> {
    let walks = walks(state);
    let Some(Err(full)) = state.hoard.as_ref().map(|hoard| hoard.enter()) else { return Ok(Ok(walks)) };
    let is_there = see_at(memory, state, path).await?.is_some();
    Ok(Err(if is_there { EXIST } else { refused(full) }))
}

/// The name has come to be, or has not after all.
fn added(state: &State, walks: u64, done: Result<i32>) -> Result<i32> {
    let is_there = matches!(done, Ok(SUCCESS));
    state.hoard.iter().for_each(|hoard| {
        hoard.landed(walks, Stuff::Entries, 1);
        if !is_there {
            hoard.leave();
        }
    });
    done
}

/// A name is gone, and perhaps what it stood for, which was there when there were so many walks.
fn gone(state: &State, what: Option<Seen>, walks: u64) {
    let Some(hoard) = &state.hoard else { return };
    hoard.leave();
    if let Some(seen) = what.filter(|seen| seen.is_file() && seen.names <= 1) {
        hoard.book().lost(id(seen.number), seen.size, walks);
    }
}

/// It has its other name, if it has.
fn moved(state: &State, moving: Option<Moving>, done: &Result<i32>) {
    if let (Some(hoard), Some(moving), Ok(SUCCESS)) = (&state.hoard, moving, done) {
        hoard.moved(moving);
    }
}

/// Walks so far.
fn walks(state: &State) -> u64 {
    state.hoard.as_ref().map_or(0, |hoard| hoard.walks())
}

async fn make_folder(memory: &mut [u8], state: &mut State, (folder, at, len): (i32, i32, i32)) -> Result<i32> {
    let walks = match adds(memory, state, Path { folder, at, len, follow: 0 }).await? {
        Ok(walks) => walks,
        Err(errno) => return Ok(errno),
    };
    let done = wasi::path_create_directory(&mut state.wasi, &mut GuestMemory::Unshared(memory), folder, at, len).await;
    added(state, walks, done)
}

type LinkCall = (i32, i32, i32, i32, i32, i32, i32);

async fn link(memory: &mut [u8], state: &mut State, call: LinkCall) -> Result<i32> {
    let (from, links, at, len, folder, to, to_len) = call;
    let walks = match adds(memory, state, Path { folder, at: to, len: to_len, follow: 0 }).await? {
        Ok(walks) => walks,
        Err(errno) => return Ok(errno),
    };
    // The process at the root of the tree may be measuring meanwhile.
    let seen = see_at(memory, state, Path { folder: from, at, len, follow: links & FOLLOW }).await?;
    let moving = state.hoard.as_ref().zip(seen).map(|(hoard, seen)| hoard.moves(seen.bytes(), 0));
    let mut memory = GuestMemory::Unshared(memory);
    let done = wasi::path_link(&mut state.wasi, &mut memory, from, links, at, len, folder, to, to_len).await;
    moved(state, moving, &done);
    added(state, walks, done)
}

async fn symlink(memory: &mut [u8], state: &mut State, call: (i32, i32, i32, i32, i32)) -> Result<i32> {
    let (text, text_len, folder, at, len) = call;
    let walks = match adds(memory, state, Path { folder, at, len, follow: 0 }).await? {
        Ok(walks) => walks,
        Err(errno) => return Ok(errno),
    };
    let mut memory = GuestMemory::Unshared(memory);
    let done = wasi::path_symlink(&mut state.wasi, &mut memory, text, text_len, folder, at, len).await;
    added(state, walks, done)
}

async fn remove(memory: &mut [u8], state: &mut State, call: (i32, i32, i32), is_folder: bool) -> Result<i32> {
    let (folder, at, len) = call;
    let (what, walks) = (see_at(memory, state, Path { folder, at, len, follow: 0 }).await?, walks(state));
    let mut memory = GuestMemory::Unshared(memory);
    let done = match is_folder {
        true => wasi::path_remove_directory(&mut state.wasi, &mut memory, folder, at, len).await,
        false => wasi::path_unlink_file(&mut state.wasi, &mut memory, folder, at, len).await,
    };
    if let Ok(SUCCESS) = done {
        gone(state, what, walks);
    }
    done
}

async fn rename(memory: &mut [u8], state: &mut State, call: (i32, i32, i32, i32, i32, i32)) -> Result<i32> {
    let (from, at, len, folder, to, to_len) = call;
    let what = see_at(memory, state, Path { folder: from, at, len, follow: 0 }).await?;
    let over = see_at(memory, state, Path { folder, at: to, len: to_len, follow: 0 }).await?;
    let walks = walks(state);
    let moving = state.hoard.as_ref().zip(what).map(|(hoard, seen)| match seen.kind {
        FOLDER => hoard.moves_folder(),
        _ => hoard.moves(seen.bytes(), 1),
    });
    let mut memory = GuestMemory::Unshared(memory);
    let done = wasi::path_rename(&mut state.wasi, &mut memory, from, at, len, folder, to, to_len).await;
    moved(state, moving, &done);
    let same = what.map(|seen| seen.number) == over.map(|seen| seen.number);
    if let (Ok(SUCCESS), Some(_), false) = (&done, over, same) {
        gone(state, over, walks);
    }
    done
}

macro_rules! ask {
    ($linker:ident, $($name:literal: $call:ty => |$memory:ident, $state:ident, $at:ident| $run:expr;)*) => {
        $($linker
            .func_wrap_async(WASI, $name, |mut caller: Caller<'_, State>, $at: $call| {
                Box::new(async move {
                    let ($memory, $state) = parts(&mut caller)?;
                    $run.await
                })
            })
            .map_err(to_anyhow)?;)*
    };
}

/// Has these calls ask first.
pub(super) fn add(linker: &mut Linker<State>) -> anyhow::Result<()> {
    ask! { linker,
        "fd_write": (i32, i32, i32, i32) => |memory, state, at| write(memory, state, [at.0, at.1, at.2, at.3], None);
        "fd_pwrite": (i32, i32, i32, i64, i32) =>
            |memory, state, at| write(memory, state, [at.0, at.1, at.2, at.4], Some(at.3));
        "fd_filestat_set_size": (i32, i64) => |memory, state, at| set_size(memory, state, at);
        "path_open": OpenCall => |memory, state, at| open(memory, state, at);
        "fd_close": (i32,) => |memory, state, at| close(memory, state, at.0);
        "fd_renumber": (i32, i32) => |memory, state, at| renumber(memory, state, at);
        "path_create_directory": (i32, i32, i32) => |memory, state, at| make_folder(memory, state, at);
        "path_link": LinkCall => |memory, state, at| link(memory, state, at);
        "path_symlink": (i32, i32, i32, i32, i32) => |memory, state, at| symlink(memory, state, at);
        "path_unlink_file": (i32, i32, i32) => |memory, state, at| remove(memory, state, at, false);
        "path_remove_directory": (i32, i32, i32) => |memory, state, at| remove(memory, state, at, true);
        "path_rename": (i32, i32, i32, i32, i32, i32) => |memory, state, at| rename(memory, state, at);
    }
    Ok(())
}

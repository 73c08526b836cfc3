//! Warm-up: a guest is started once, outside any grant and with time that repeats, is handed its library, and is
//! captured. Every later guest starts from that image. It must not know where the result is kept.
use super::cell::{Cell, Code};
use super::engine::Engine;
use super::entropy::Entropy;
use super::guest::Guest;
use super::handles::{Handle, Kind};
use super::image::{Image, PagesWriter};
use super::module::Parts;
use super::state::{GuestState, Outside};
use super::verdict::{Turn, Verdict};
use crate::policy::{Grants, Limits};
use anyhow::{Result, anyhow, bail, ensure};
use skep_abi::events::WARM;
use skep_abi::{Batch, Event, VERSION};
use std::cell::Cell as Counter;
use std::ops::Range;
use std::sync::Arc;

/// Slices that warming may take: a minute of work.
const SLICES: u32 = 12_000;

/// 2000-01-01, the wall clock while warming.
const WARM_WALL: u64 = 946_684_800_000_000_000;

/// Nanoseconds by which the clock moves each time it is asked: loops that wait for it end.
const WARM_TICK: u64 = 1000;

/// A clock that is the same each time. Entropy is the system's: the key of the engine's hashes stays in the image.
struct Repeating {
    mono: Counter<u64>,
    entropy: Entropy,
}

impl Outside for Repeating {
    fn mono(&self) -> u64 {
        self.mono.set(self.mono.get() + WARM_TICK);
        self.mono.get()
    }

    fn wall(&self) -> u64 {
        WARM_WALL
    }

    fn random(&mut self, out: &mut [u8]) {
        self.entropy.fill(out);
    }
}

/// Warms a guest up.
///
/// # Errors
/// When the guest was built for another version of the boundary, ends, asks for something that is not its to
/// ask yet, or writes to its log: the log's text is the error's.
pub(super) fn warm(engine: &Engine, code: Arc<Code>, parts: &Parts, wasm: &[u8]) -> Result<Image> {
    let initial = initial(parts, wasm)?;
    let mut guest = Cell::new(engine, code, initial).spawn(state())?;
    start(&mut guest)?;
    let capacity =
        guest.inbox_bytes().ok_or_else(|| anyhow!("the guest did not tell its inbox (call `inbox`) at start"))?;
    for (name, text) in &parts.library {
        let name = module_name(wasm, name)?;
        ensure!(name.len() + 64 <= capacity, "the library's module name {name:?} is too long");
        let blob = give_blob(&mut guest, &wasm[text.clone()])?;
        turn(&mut guest, &batch(name.as_bytes(), Some(blob)))?;
    }
    turn(&mut guest, &batch(b"", None))?;
    guest.capture_whole()
}

/// The image that a guest has before it ran: its data segments in zeros.
fn initial(parts: &Parts, wasm: &[u8]) -> Result<Image> {
    let bound = Limits::default().memory_bytes;
    let bytes = parts.memory_bytes;
    ensure!(bytes <= bound, "the guest starts with {bytes} bytes of memory; at most {bound} are given");
    let mut memory = vec![0; bytes as usize];
    for (address, range) in &parts.segments {
        let start = *address as usize;
        memory[start..start + range.len()].copy_from_slice(&wasm[range.clone()]);
    }
    let mut pages = PagesWriter::new(memory.len())?;
    pages.write_memory(&memory)?;
    Ok(Image { pages: Arc::new(pages.finish()?), layer: None, globals: Vec::new(), inbox: None })
}

fn state() -> GuestState {
    let grants = Grants { listen_none: true, ..Grants::default() };
    let outside = Repeating { mono: Counter::new(0), entropy: Entropy::Os };
    GuestState::new(grants, Limits::default(), Box::new(outside), Vec::new())
}

/// Constructors, then the version.
fn start(guest: &mut Guest) -> Result<()> {
    guest.begin_initialize()?;
    finish(guest)?;
    guest.begin_abi()?;
    let version = finish(guest)?;
    ensure!(
        version as u32 == VERSION,
        "the guest was built for version {version} of the boundary; this host has {VERSION}"
    );
    Ok(())
}

/// Runs what was begun to its end.
fn finish(guest: &mut Guest) -> Result<i32> {
    if !guest.is_running() {
        return Ok(0);
    }
    for _ in 0..SLICES {
        match guest.slice() {
            Ok(std::task::Poll::Pending) => {}
            Ok(std::task::Poll::Ready(answer)) => {
                check(guest, None)?;
                return Ok(answer);
            }
            Err(verdict) => check(guest, Some(&verdict))?,
        }
    }
    bail!("the guest does not come to an end of its start")
}

fn turn(guest: &mut Guest, batch: &[u8]) -> Result<()> {
    let mut turn = guest.deliver(batch);
    for _ in 0..SLICES {
        match turn {
            Turn::Yielded => turn = guest.resume(),
            Turn::Done { .. } => return check(guest, None),
            Turn::Ended(verdict) => return check(guest, Some(&verdict)),
        }
    }
    bail!("the guest does not come to an end of its warm-up")
}

/// Nothing may have been asked for, logged or ended.
fn check(guest: &mut Guest, verdict: Option<&Verdict>) -> Result<()> {
    use super::command::Command;
    let outbox = &mut guest.state_mut().outbox;
    let commands = outbox.take();
    let mut log = Vec::new();
    for command in &commands {
        match command {
            Command::Log { text, .. } => log.extend_from_slice(outbox.bytes(*text)),
            other => bail!("the guest asked for {other:?} while warming up"),
        }
    }
    outbox.recycle(commands);
    let log = String::from_utf8_lossy(&log);
    match verdict {
        Some(verdict) => bail!("the guest failed while warming up: {verdict}\n{log}"),
        None if !log.is_empty() => bail!("the guest wrote to its log while warming up: {log}"),
        None => Ok(()),
    }
}

fn module_name<'a>(wasm: &'a [u8], range: &Range<usize>) -> Result<&'a str> {
    let name = std::str::from_utf8(&wasm[range.clone()])?;
    ensure!(!name.is_empty(), "a module of the library has no name");
    Ok(name)
}

fn give_blob(guest: &mut Guest, text: &[u8]) -> Result<Handle> {
    let state = guest.state_mut();
    let handle = state.handles.insert(Kind::Blob).ok_or_else(|| anyhow!("the library has too many modules"))?;
    state.blob_bytes += text.len() as u64;
    state.blobs.insert(handle, Arc::from(text));
    Ok(handle)
}

/// One WARM event, laid out as in the inbox.
fn batch(name: &[u8], blob: Option<Handle>) -> Vec<u8> {
    let padded = name.len().next_multiple_of(8);
    let size = (size_of::<Event>() + padded) as u32;
    let mut out = Vec::with_capacity(size_of::<Batch>() + size as usize);
    out.extend_from_slice(&1u32.to_le_bytes());
    out.extend_from_slice(&(size_of::<Batch>() as u32 + size).to_le_bytes());
    out.extend_from_slice(&0u64.to_le_bytes());
    out.extend_from_slice(&WARM_WALL.to_le_bytes());
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&WARM.to_le_bytes());
    out.extend_from_slice(&0u16.to_le_bytes());
    out.extend_from_slice(&blob.map_or(0, Handle::raw).to_le_bytes());
    out.extend_from_slice(&(name.len() as u32).to_le_bytes());
    out.extend_from_slice(&0u32.to_le_bytes());
    out.extend_from_slice(name);
    out.resize(size_of::<Batch>() + size as usize, 0);
    out
}

//! The nursery, seen from within: a process that has mapped the code of children, runs no guest, and becomes a child whenever
//! it is told to, by copying itself. It must not know what a child is to run.
use crate::confine::{self, Processes};
use crate::guest::{Cell, Engine, EngineOptions, Kit};
use crate::proto::ipc::{Decoder, Frame, Kind};
use crate::reactor::{Errno, process};
use crate::runtime::Filter;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// It ends when it has not been needed for so long.
const IDLE: Duration = Duration::from_secs(30);

/// Bytes read at once: a few frames.
const READ: usize = 4096;

/// What a child has of the nursery that it was.
pub(crate) struct Nest {
    pub engine: Engine,
    pub cell: Cell,
    pub kit: Kit,
    /// Its system calls are filtered.
    pub filtered: bool,
}

/// Its only duty. Returns in each child, which has `channel` for its own from then on.
pub(super) fn serve(channel: &mut OwnedFd, mut decoder: Decoder, kit: Kit, filter: Filter) -> Result<Nest> {
    let engine = Engine::new(&EngineOptions::default())?;
    let cell = kit.cell(&engine)?;
    let kind = match filter {
        Filter::None => None,
        Filter::Own => Some(Processes::Own),
        Filter::Programs => Some(Processes::Programs),
    };
    if let Some(kind) = kind {
        let report = confine::filter(kind)?;
        ensure!(report.lacking.is_empty(), "the kernel does not filter system calls");
    }
    process::set_patience(channel, IDLE).map_err(|error| anyhow!("the channel waits for ever: {}", error.name()))?;
    let (mut fds, mut buffer) = (VecDeque::new(), vec![0; READ]);
    loop {
        let mut wish = None;
        while let Some(frame) = decoder.next_frame().map_err(|fault| anyhow!("the channel brought {fault}"))? {
            if let Some(detached) = wanted(&frame)? {
                wish = Some((detached, taken(&mut fds)?));
            }
        }
        if let Some((detached, [output, error, far])) = wish {
            let answer = match process::sibling() {
                Ok(None) => {
                    process::hatch(channel, &far, [&output, &error], detached)
                        .map_err(|error| anyhow!("there is no standard output: {}", error.name()))?;
                    return Ok(Nest { engine, cell, kit, filtered: kind.is_some() });
                }
                Ok(Some(pid)) => pid as i32,
                Err(error) => -error.raw(),
            };
            process::send(channel, &answer.to_le_bytes(), &[])
                .map_err(|error| anyhow!("the channel takes nothing: {}", error.name()))?;
        }
        let mut came = Vec::new();
        match process::receive(channel, &mut buffer, &mut came) {
            // What was sent just before is heard; whatever comes later, its sender learns that it was not.
            Err(Errno::EAGAIN) => process::refuse(channel),
            // Nobody needs it, or whom it is for is gone.
            Ok(0) => std::process::exit(0),
            Ok(count) => decoder.feed(&buffer[..count], came.len()),
            Err(error) => bail!("the channel cannot be read: {}", error.name()),
        }
        fds.extend(came);
    }
}

/// Whether the frame asks for a child, and whether with a session of its own.
fn wanted(frame: &Frame<'_>) -> Result<Option<bool>> {
    match frame.kind {
        Kind::Output => Ok(None),
        Kind::Hatch => Ok(Some(frame.payload == [1])),
        kind => bail!("the channel brought {kind:?} to a nursery"),
    }
}

/// Two outputs and a channel, in the order in which they came.
fn taken(fds: &mut VecDeque<OwnedFd>) -> Result<[OwnedFd; 3]> {
    let three: Vec<OwnedFd> = fds.drain(..).collect();
    three.try_into().ok().context("a child has two outputs and a channel")
}

//! The nursery, seen from the process that has it: one process of ours that has mapped the kit's code and runs nothing, but
//! makes a child of this process whenever it is told to, by copying itself. What a new process would do first (load the
//! program, make an engine, filter its system calls) has been done there, and those pages are shared. It ends when it is
//! not used for a while. It must not know what a child is to run.
use super::Processes;
use super::child::{Child, Stage};
use crate::guest::Kit;
use crate::proto::ipc::{self, Frame, Kind};
use crate::reactor::Errno;
use crate::reactor::process::{self, Process, Spawn};
use std::fs::File;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

type Result<T, E = Errno> = std::result::Result<T, E>;

/// How long a nursery may take to answer before children are started without one: the loop waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);

/// Nurseries that did not work before no more are started.
const TRIES: u32 = 3;

/// What the hall keeps of it.
#[derive(Default)]
pub(super) struct Nursery {
    running: Option<Running>,
    failures: u32,
}

struct Running {
    process: Process,
    channel: OwnedFd,
    filter: Filter,
}

/// How the system calls of its children are filtered, as the frame Nest says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Filter {
    None = 0,
    /// They start processes of ours.
    Own = 1,
    /// They start programs.
    Programs = 2,
}

impl Filter {
    /// From the frame's byte.
    pub fn of(byte: u8) -> Option<Filter> {
        [Filter::None, Filter::Own, Filter::Programs].into_iter().find(|filter| *filter as u8 == byte)
    }
}

/// Why the nursery has made no child.
enum Failure {
    /// It has not heard of the wish, and never will.
    Unheard,
    /// There may be one, or be one soon, and nobody knows its number: what it was given must not be used again.
    Lost,
}

impl From<Errno> for Failure {
    fn from(_: Errno) -> Failure {
        Failure::Unheard
    }
}

impl Processes {
    /// A child made by the nursery; none when it has to be started in the other way. `stdio` is the child's end of its
    /// channel, and its outputs.
    pub(super) fn hatch(
        &mut self,
        stdio: &[Option<OwnedFd>],
        filter: Filter,
        detached: bool,
    ) -> Result<Option<Process>> {
        if !cfg!(target_os = "linux") || self.nursery.failures >= TRIES {
            return Ok(None);
        }
        let Some(kit) = self.kit.get() else { return Ok(None) };
        if self.nursery.running.as_ref().is_some_and(|running| running.filter != filter) {
            self.nursery.stop();
        }
        // One that has ended since, for want of use, is replaced once.
        for fresh in [false, true] {
            if self.nursery.running.is_none() {
                self.nursery.running = Running::start(&self.origin.program, kit, filter).ok();
            }
            let Some(running) = &self.nursery.running else { break };
            match running.hatch(stdio, detached) {
                Ok(process) => return Ok(Some(process)),
                Err(Failure::Unheard) => self.nursery.stop(),
                Err(Failure::Lost) => {
                    self.nursery.stop();
                    self.nursery.failures += 1;
                    return Err(Errno::EAGAIN);
                }
            }
            self.nursery.failures += u32::from(fresh);
        }
        Ok(None)
    }

    /// Waits for what a nursery may have made without telling.
    pub(super) fn reap_strays(&self, others: impl Fn(u32) -> bool) {
        if self.nursery.failures > 0 {
            let runs = |pid: u32| {
                let is = |child: &Child| matches!(&child.stage, Stage::Runs(process) if process.id() == pid);
                others(pid) || self.children.iter().any(|(_, child)| is(child))
            };
            process::reap_strays(runs);
        }
    }
}

impl Nursery {
    /// Ends it. Children that it has made are this process's, and stay.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.process.end();
        }
    }

    /// It is waited for, if it has ended by itself.
    pub fn reap(&mut self) {
        if self.running.as_mut().is_some_and(|running| running.process.ended().is_some()) {
            self.running = None;
        }
    }
}

impl Running {
    fn start(program: &Path, kit: &Kit, filter: Filter) -> Result<Running> {
        let (channel, theirs) = process::waiting_pair()?;
        process::set_patience(&channel, PATIENCE)?;
        let process = Process::start(Spawn {
            program: program.to_path_buf(),
            argv0: Some("skep".into()),
            args: vec![super::CHILD_WORD.into()],
            env: Vec::new(),
            folder: None,
            stdio: vec![Some(theirs)],
            detached: false,
            user: None,
            group: None,
        })?;
        let running = Running { process, channel, filter };
        let mut bytes = Vec::new();
        put(&mut bytes, Kind::Code, true, &[]);
        put(&mut bytes, Kind::Image, true, &kit.head());
        put(&mut bytes, Kind::Nest, false, &[filter as u8]);
        running.send(&bytes, &[kit.code_file(), kit.image_file()])?;
        Ok(running)
    }

    fn hatch(&self, stdio: &[Option<OwnedFd>], detached: bool) -> Result<Process, Failure> {
        let null = OwnedFd::from(File::options().read(true).write(true).open("/dev/null").map_err(Errno::from)?);
        let given = |at: usize| stdio.get(at).and_then(Option::as_ref);
        let channel = given(0).ok_or(Errno::EINVAL)?;
        let fds = [given(1).unwrap_or(&null).as_fd(), given(2).unwrap_or(&null).as_fd(), channel.as_fd()];
        let mut bytes = Vec::new();
        put(&mut bytes, Kind::Output, true, &[]);
        put(&mut bytes, Kind::Output, true, &[]);
        put(&mut bytes, Kind::Hatch, true, &[u8::from(detached)]);
        self.send(&bytes, &fds)?;
        let pid = self.answer().map_err(|_| Failure::Lost)?;
        if pid < 0 {
            return Err(Failure::Unheard);
        }
        Process::hatched(pid).map_err(|_| Failure::Lost)
    }

    fn answer(&self) -> Result<i32> {
        let (mut answer, mut got) = ([0; 4], 0);
        while got < answer.len() {
            match process::receive(&self.channel, &mut answer[got..], &mut Vec::new())? {
                0 => return Err(Errno::EPIPE),
                count => got += count,
            }
        }
        Ok(i32::from_le_bytes(answer))
    }

    fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<()> {
        process::send(&self.channel, bytes, fds)
    }
}

fn put(out: &mut Vec<u8>, kind: Kind, fd: bool, payload: &[u8]) {
    ipc::encode(out, &Frame { kind, fd, more: false, id: 0, payload });
}

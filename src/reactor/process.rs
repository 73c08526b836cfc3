//! Process: starting another one, and learning of its end. It must not know what runs there, nor why.
//!
//! Every descriptor that this process opens is closed on exec, so a child gets what it is given and nothing else. Its
//! environment is what it is given too. The end is told by SIGCHLD, which the owner watches; [`Process::ended`] asks.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions};

use super::errno::Errno;
use super::{Result, sys};

/// SIGCHLD.
pub const CHILD_SIGNAL: i32 = Signal::CHILD.as_raw();

/// What to start.
#[derive(Debug)]
pub struct Spawn {
    /// A path, or a name to be looked for in the child's PATH.
    pub program: PathBuf,
    pub argv0: Option<OsString>,
    pub args: Vec<OsString>,
    pub env: Vec<(OsString, OsString)>,
    pub folder: Option<PathBuf>,
    /// Its descriptors from 0 on; none is `/dev/null` below 3, and nothing from there on.
    pub stdio: Vec<Option<OwnedFd>>,
    /// In a session of its own.
    pub detached: bool,
    pub user: Option<u32>,
    pub group: Option<u32>,
}

/// A process that was started and has not been waited for. Dropping it leaves it alone.
#[derive(Debug)]
pub struct Process {
    way: Way,
}

/// How it came to be.
#[derive(Debug)]
enum Way {
    Started(Child),
    /// A process of ours made it, as a child of this one.
    Hatched(Pid),
}

/// How a process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Code(i32),
    Signal(i32),
}

impl Process {
    /// Starts one. Errors are those of the system: `ENOENT`, `EACCES`, `EAGAIN`, `E2BIG`...
    pub fn start(spawn: Spawn) -> Result<Process> {
        let mut command = Command::new(&spawn.program);
        command.args(&spawn.args).env_clear().envs(spawn.env);
        if let Some(argv0) = &spawn.argv0 {
            command.arg0(argv0);
        }
        if let Some(folder) = &spawn.folder {
            command.current_dir(folder);
        }
        if let Some(group) = spawn.group {
            command.gid(group);
        }
        if let Some(user) = spawn.user {
            command.uid(user);
        }
        let mut stdio = spawn.stdio.into_iter();
        let mut next = || stdio.next().flatten().map_or_else(Stdio::null, Stdio::from);
        command.stdin(next()).stdout(next()).stderr(next());
        let more = (3..).zip(stdio).filter_map(|(number, fd)| Some((number, fd?))).collect();
        sys::prepare(&mut command, more, spawn.detached)?;
        Ok(Process { way: Way::Started(command.spawn()?) })
    }

    /// A process that another of ours has made by [`sibling`], if it is a child of this one.
    pub fn hatched(pid: i32) -> Result<Process> {
        let pid = Pid::from_raw(pid).filter(|_| pid > 0).ok_or(Errno::ESRCH)?;
        let asks = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        rustix::process::waitid(WaitId::Pid(pid), asks)?;
        Ok(Process { way: Way::Hatched(pid) })
    }

    pub fn id(&self) -> u32 {
        match &self.way {
            Way::Started(child) => child.id(),
            Way::Hatched(pid) => pid.as_raw_nonzero().get() as u32,
        }
    }

    /// Whether it has ended, and how. It is waited for by that: its number may be another's then.
    pub fn ended(&mut self) -> Option<End> {
        let (code, signal) = match &mut self.way {
            Way::Started(child) => {
                let status = child.try_wait().ok().flatten()?;
                (status.code(), status.signal())
            }
            Way::Hatched(pid) => {
                let (_, status) = rustix::process::waitpid(Some(*pid), WaitOptions::NOHANG).ok().flatten()?;
                (status.exit_status(), status.terminating_signal())
            }
        };
        Some(match code {
            Some(code) => End::Code(code),
            None => End::Signal(signal.unwrap_or(0)),
        })
    }

    /// Ends it at once and waits for that.
    pub fn end(mut self) {
        // It may be dead and not waited for, which is no error.
        let _late = self.kill(Signal::KILL.as_raw());
        match &mut self.way {
            Way::Started(child) => drop(child.wait()),
            Way::Hatched(pid) => drop(rustix::process::waitpid(Some(*pid), WaitOptions::empty())),
        }
    }

    /// Sends it a signal; 0 only asks. To be called only before [`Process::ended`] has told of its end.
    pub fn kill(&self, signal: i32) -> Result<()> {
        kill(self.id() as i32, signal)
    }
}

/// Sends a signal to any process; 0 only asks.
pub fn kill(pid: i32, signal: i32) -> Result<()> {
    let whom = Pid::from_raw(pid.abs()).ok_or(Errno::ESRCH)?;
    let signal = match signal {
        0 => None,
        number => Some(Signal::from_named_raw(number).ok_or(Errno::EINVAL)?),
    };
    let done = match (pid > 0, signal) {
        (true, Some(signal)) => rustix::process::kill_process(whom, signal),
        (true, None) => rustix::process::test_kill_process(whom),
        (false, Some(signal)) => rustix::process::kill_process_group(whom, signal),
        (false, None) => rustix::process::test_kill_process_group(whom),
    };
    Ok(done?)
}

/// Two ends of a way for bytes, closed on exec. The first does not block; the second is for another process, and does.
pub fn pair() -> Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = sys::pair()?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, theirs))
}

/// Where the other side of a TCP connection is, while it is known.
pub fn peer_of(fd: &OwnedFd) -> Option<SocketAddr> {
    rustix::net::getpeername(fd).ok()??.try_into().ok()
}

/// The same, where both ends block: for [`send`] and [`receive`].
pub fn waiting_pair() -> Result<(OwnedFd, OwnedFd)> {
    sys::pair()
}

/// Another descriptor of the same open file, closed on exec.
pub fn duplicate(fd: impl std::os::fd::AsFd) -> Result<OwnedFd> {
    sys::duplicate(fd)
}

/// Numbers that this process shares with whoever is handed the file.
pub fn share_cells(count: usize) -> Result<(OwnedFd, &'static [AtomicU64])> {
    let file = sys::shared_file((count * size_of::<AtomicU64>()) as u64)?;
    let cells = sys::shared_cells(&file, count)?;
    Ok((file, cells))
}

/// The numbers of a file that was handed on. `EINVAL` when it is not such a file.
pub fn map_cells(file: &OwnedFd, count: usize) -> Result<&'static [AtomicU64]> {
    sys::shared_cells(file, count)
}

/// For a process that was just started by another of ours: closes whatever it was given beyond its standard descriptors,
/// has the system end it when its parent ends (where the system can), and takes the channel, which stands where standard
/// input will.
pub fn arrive() -> Result<OwnedFd> {
    sys::close_others();
    sys::die_with_parent();
    Ok(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?)
}

/// Makes this the process's standard input.
pub fn set_input(fd: &OwnedFd) -> Result<()> {
    Ok(rustix::stdio::dup2_stdin(fd)?)
}

/// Reads from a channel that nobody watches yet, waiting for it.
pub fn receive(channel: &OwnedFd, buf: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<usize> {
    loop {
        match sys::receive_with_fds(channel, buf, fds) {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// Bounds how long [`receive`] waits: `EAGAIN` then.
pub fn set_patience(channel: &OwnedFd, patience: Duration) -> Result<()> {
    Ok(rustix::net::sockopt::set_socket_timeout(channel, rustix::net::sockopt::Timeout::Recv, Some(patience))?)
}

/// Writes all of it to a channel that nobody watches, and the descriptors with the first byte.
pub fn send(channel: &OwnedFd, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<()> {
    let (mut sent, mut fds) = (0, fds);
    while sent < bytes.len() {
        match sys::send_with_fds(channel, &bytes[sent..], fds) {
            Ok(count) => (sent, fds) = (sent + count, &[]),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes a process like this one, which goes on from here too and is told `None`. It is a child of this one's parent, who
/// takes it by [`Process::hatched`]. Only a process with one thread can.
pub fn sibling() -> Result<Option<u32>> {
    sys::sibling()
}

/// Waits for children that have ended and that nobody knows.
pub fn reap_strays(known: impl Fn(u32) -> bool) {
    while let Some(pid) = sys::ended_child().filter(|pid| !known(*pid)) {
        let done = Pid::from_raw(pid as i32).map(|pid| rustix::process::waitpid(Some(pid), WaitOptions::NOHANG));
        if !matches!(done, Some(Ok(Some(_)))) {
            return;
        }
    }
}

/// Nothing can be sent to this process any more by this channel; what has been sent already can be read.
pub fn refuse(channel: &OwnedFd) {
    // Fails only for what is no socket, from which nothing comes either.
    let _ = rustix::net::shutdown(channel, rustix::net::Shutdown::Read);
}

/// For what [`sibling`] has made: has these for its channel, which stands where that of the process it was made from
/// stood, and for its outputs; ends with its parent, and has a session of its own if it is to.
pub fn hatch(place: &mut OwnedFd, channel: &OwnedFd, outputs: [&OwnedFd; 2], session: bool) -> Result<()> {
    sys::die_with_parent();
    sys::replace(place, channel)?;
    rustix::stdio::dup2_stdout(outputs[0])?;
    rustix::stdio::dup2_stderr(outputs[1])?;
    if session {
        rustix::process::setsid()?;
    }
    Ok(())
}

/// Ends this process as the signal ends one that does not care.
pub fn die_of(signal: i32) {
    // It returns for signals that end nobody, and then there is an exit code.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

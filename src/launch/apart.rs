//! A guest's module that nobody vouches for is compiled and warmed up by a process of its own (row W01): `skep check`, with limits
//! on its CPU, memory and time. What it makes it leaves in the cache, from which this process takes it. It must not know
//! what a module is.
use crate::guest::cache::{CacheFolder, FOLDER_VARIABLE};
use anyhow::{Context as _, Result, bail};
use rustix::process::Resource;
use std::fmt;
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// CPU seconds: the JavaScript engine takes one or two.
const CPU_SECONDS: u64 = 60;

/// Bytes that it may have in use. (A memory's reservation of address space is not counted.)
const DATA_BYTES: u64 = 4 << 30;

/// However little of it it gets: the whole time.
const TIME: Duration = Duration::from_secs(180);

/// Bytes of what it says that are repeated.
const SAID_BYTES: u64 = 64 << 10;

const GIVEN_UP: &str = "the module takes too long to compile, or too much memory: it was given up";

/// Whoever compiles the module as it is finds this wrong with it.
#[derive(Debug)]
pub(crate) struct AtFault(String);

impl fmt::Display for AtFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AtFault {}

/// Has the module in this file compiled into the cache.
///
/// # Errors
/// When it is refused, in the words of whoever refuses it; when it takes too long; or when no process can be started.
pub(super) fn build(program: &Path, module: &Path, folder: &Path) -> Result<()> {
    let mut command = Command::new(program);
    command.arg("check").arg(module).env_clear().env(FOLDER_VARIABLE, folder);
    let (status, said) = run(command, TIME)?;
    judge(status, &said)
}

/// What its end says of the module; none: its time was over.
fn judge(status: Option<ExitStatus>, said: &str) -> Result<()> {
    match status.map(|status| (status.success(), status.code())) {
        Some((true, _)) => Ok(()),
        Some((false, Some(_))) => Err(AtFault(reason(said).to_owned()).into()),
        // By a limit of the kernel's: it would be the same the next time.
        Some((false, None)) => Err(AtFault(GIVEN_UP.into()).into()),
        None => bail!(GIVEN_UP),
    }
}

/// The last line of ours, and what stands below it.
fn reason(said: &str) -> &str {
    said.rsplit_once("skep: ").map_or(said, |(_, reason)| reason).trim_end()
}

/// Runs it within the limits; none of a status when its time was over.
fn run(mut command: Command, time: Duration) -> Result<(Option<ExitStatus>, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("no process can be started to compile the module")?;
    limit(&child, Resource::Cpu, CPU_SECONDS);
    limit(&child, Resource::Data, DATA_BYTES);
    let pipe = child.stderr.take().expect("it was asked for");
    // All of it is read, or a talkative one would wait for ever; what is beyond the bound is dropped.
    let reader = std::thread::spawn(move || {
        let mut said = String::new();
        let mut pipe = pipe;
        let kept = pipe.by_ref().take(SAID_BYTES).read_to_string(&mut said);
        let _dropped = std::io::copy(&mut pipe, &mut std::io::sink());
        kept.map(|_| said).unwrap_or_default()
    });
    let status = wait(&mut child, time)?;
    Ok((status, reader.join().unwrap_or_default()))
}

/// A system that refuses, or cannot, leaves the time as the only limit.
#[cfg(target_os = "linux")]
fn limit(child: &Child, resource: Resource, most: u64) {
    use rustix::process::{Pid, Rlimit, prlimit};
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let _refused = prlimit(pid, resource, Rlimit { current: Some(most), maximum: Some(most) });
}

#[cfg(not(target_os = "linux"))]
fn limit(_child: &Child, _resource: Resource, _most: u64) {}

fn wait(child: &mut Child, time: Duration) -> Result<Option<ExitStatus>> {
    let until = Instant::now() + time;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= until {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Where there is no folder to leave anything in there is nothing to gain: this process has to compile it anyway.
pub(super) fn is_possible(folder: &CacheFolder) -> Option<&Path> {
    folder.0.as_deref().filter(|_| cfg!(target_os = "linux"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_is_given_up() {
        let mut sleeper = Command::new("sleep");
        sleeper.arg("60");
        let begun = Instant::now();
        let (status, _) = run(sleeper, Duration::from_millis(50)).expect("it can be started");
        assert!(status.is_none() && begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn the_reason_is_the_last_line_of_ours() {
        let said = "skep: compiling the guest for this machine (once)\nskep: the guest has a start function\nmore\n";
        assert_eq!(reason(said), "the guest has a start function\nmore");
        assert_eq!(reason("nothing of ours\n"), "nothing of ours");
    }

    #[test]
    fn whoever_says_too_much_is_heard_in_part() {
        let mut talker = Command::new("sh");
        talker.args(["-c", "yes | head -c 1000000 >&2; exit 3"]);
        let (status, said) = run(talker, Duration::from_secs(30)).expect("it can be started");
        assert_eq!((status.and_then(|status| status.code()), said.len()), (Some(3), 64 << 10));
    }

    #[test]
    fn the_module_is_at_fault_unless_there_was_no_time() {
        let judged = |words: &str, time| {
            let mut shell = Command::new("sh");
            shell.args(["-c", words]);
            let (status, said) = run(shell, time).expect("it can be started");
            judge(status, &said)
        };
        let (long, short) = (Duration::from_secs(60), Duration::from_millis(50));
        assert!(judged("exit 0", long).is_ok());
        let refused = judged("echo skep: it is no guest >&2; exit 1", long).expect_err("it is refused");
        assert_eq!((refused.is::<AtFault>(), refused.to_string().as_str()), (true, "it is no guest"));
        let killed = judged("kill -KILL $$", long).expect_err("it is given up");
        assert_eq!((killed.is::<AtFault>(), killed.to_string().as_str()), (true, GIVEN_UP));
        let slow = judged("exec sleep 60", short).expect_err("it is given up");
        assert_eq!((slow.is::<AtFault>(), slow.to_string().as_str()), (false, GIVEN_UP));
    }
}

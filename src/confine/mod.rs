//! Confinement: what the kernel is asked to refuse this process from here on, whatever its code believes. It stands
//! below the checks of `policy` and the calls of `guest`, and shares nothing with them: plain paths, ports and
//! numbers come in, a report comes out. It must not know grants, guests or sockets, nor why something is allowed.
//!
//! The order is: limits of resources, then Landlock (paths, TCP ports, signals), then seccomp (system calls). Nothing
//! of it can be taken back, and threads and processes that are started later inherit it. Threads that run already do
//! not inherit Landlock: so it is applied while there is one thread only, and says so in the report when it was not.
//!
//! Linux only. Elsewhere everything is reported as lacking.
#[cfg(target_os = "linux")]
mod beyond;
#[cfg(target_os = "linux")]
mod denied;
#[cfg(target_os = "linux")]
mod landlock;
#[cfg(target_os = "linux")]
mod rlimits;
#[cfg(target_os = "linux")]
mod seccomp;

use anyhow::Result;
use std::path::PathBuf;

/// What a process may still do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Files and folders that it may read.
    pub read: Vec<PathBuf>,
    /// Those that it may change too.
    pub write: Vec<PathBuf>,
    /// Folders of its own, in which it may make and remove plain files, and nothing else.
    pub keep: Vec<PathBuf>,
    /// TCP ports that it may listen on.
    pub bind: Ports,
    /// TCP ports of others that it may connect to.
    pub connect: Ports,
    /// It asks the system's resolver for names.
    pub resolver: bool,
    pub processes: Processes,
    /// The system calls of this process are filtered already, as [`filter`] does.
    pub filtered: bool,
}

/// Ports by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    Any,
    Only(Vec<u16>),
}

impl Default for Ports {
    fn default() -> Ports {
        Ports::Only(Vec::new())
    }
}

/// Processes that it may start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Processes {
    #[default]
    None,
    /// This program again. They inherit the confinement, and confine themselves further.
    Own,
    /// Other programs, which somebody has granted by name, and which inherit all of it. They need files and ports that nobody
    /// has named: so no Landlock, and of system calls they lose what a container's programs have lost.
    Programs,
    /// The same, and nothing but the limits of resources holds them.
    Anything,
}

/// What has been done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Layers that hold now, by name.
    pub holds: Vec<&'static str>,
    /// What the kernel could not be asked for, and what that leaves open.
    pub lacking: Vec<String>,
}

/// Confines this process, as far as the kernel can.
///
/// # Errors
/// When the kernel has a layer and refuses it: then nothing of the guest may run.
pub fn apply(confinement: &Confinement) -> Result<Report> {
    let mut report = Report::default();
    confine(confinement, &mut report)?;
    Ok(report)
}

/// Filters the system calls of this process and all that it makes, for processes of ours that start these. It is a part of what
/// [`apply`] does for such, and the only one that is the same for all of them.
///
/// # Errors
/// When the kernel has filters and refuses them.
pub fn filter(processes: Processes) -> Result<Report> {
    let mut report = Report::default();
    filter_calls(&Confinement { processes, ..Confinement::default() }, &mut report)?;
    Ok(report)
}

/// What [`apply`] would report as lacking in any process here: so that it is told once, before there are many.
pub fn lacking() -> Vec<String> {
    kernel_lacks()
}

#[cfg(target_os = "linux")]
fn kernel_lacks() -> Vec<String> {
    let mut all = landlock::lacking();
    all.extend(seccomp::lacking());
    all
}

#[cfg(not(target_os = "linux"))]
fn kernel_lacks() -> Vec<String> {
    vec!["this system has neither Landlock nor seccomp: only Skep's own checks hold".into()]
}

#[cfg(target_os = "linux")]
fn confine(confinement: &Confinement, report: &mut Report) -> Result<()> {
    rlimits::apply()?;
    report.holds.push("rlimits");
    match confinement.processes {
        Processes::Anything => return Ok(()),
        Processes::Programs => {}
        Processes::None | Processes::Own => landlock::apply(confinement, report)?,
    }
    if confinement.filtered && confinement.processes != Processes::None {
        report.holds.push("seccomp");
        return Ok(());
    }
    filter_calls(confinement, report)
}

#[cfg(target_os = "linux")]
fn filter_calls(confinement: &Confinement, report: &mut Report) -> Result<()> {
    seccomp::apply(confinement, report)
}

#[cfg(not(target_os = "linux"))]
fn filter_calls(_confinement: &Confinement, report: &mut Report) -> Result<()> {
    report.lacking = kernel_lacks();
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn confine(_confinement: &Confinement, report: &mut Report) -> Result<()> {
    report.lacking = kernel_lacks();
    Ok(())
}

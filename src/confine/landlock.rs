//! Landlock: paths, TCP ports and signals. The kernel refuses what is not named here, in every thread that is started
//! later and every process of them, for good. It must not know who grants what.
//!
//! Landlock knows TCP ports, not addresses, and no ranges: where any port may do it is not asked at all, and the
//! host's own check stands alone. Opened descriptors keep working; connected pairs of UNIX sockets too.
use super::{Confinement, Ports, Processes, Report};
use anyhow::{Context as _, Result};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort, PathBeneath, PathFd,
    RestrictSelf, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope, make_bitflags,
};
use std::path::{Path, PathBuf};

/// What is asked for; an older kernel gives less, and the report says what.
const WANTED: ABI = ABI::V6;

/// What the system's resolver reads.
const RESOLVER: [&str; 6] =
    ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services"];

/// Reading a folder and what is in it.
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});

/// Running a program.
const RUN: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | Execute});

/// Plain files in a folder, and nothing that could be taken for more.
const KEEP: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile | ReadDir | MakeReg | RemoveFile});

/// What a new process of this program opens before it confines itself.
const NULL: &str = "/dev/null";

pub(super) fn apply(confinement: &Confinement, report: &mut Report) -> Result<()> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    let abi = version(&restrict(confinement).context("Landlock refuses")?.landlock);
    report.lacking.extend(lacks(abi));
    if abi > 0 {
        report.holds.push("landlock");
        if threads > 1 {
            report.lacking.push(format!("{} threads were started before Landlock was applied", threads - 1));
        }
    }
    Ok(())
}

/// What this kernel's Landlock does not know.
pub(super) fn lacking() -> Vec<String> {
    // Asked for nothing, it tells its version and does nothing.
    let status = RestrictSelf::default().no_new_privs(false).apply();
    lacks(status.map_or(0, |status| version(&status.landlock)))
}

/// The version that holds; none is 0.
fn version(status: &LandlockStatus) -> i32 {
    match status {
        LandlockStatus::Available { effective_abi, .. } => *effective_abi as i32,
        _ => 0,
    }
}

fn lacks(version: i32) -> Vec<String> {
    if version == 0 {
        return vec!["the kernel has no Landlock: paths and ports are judged by Skep alone".into()];
    }
    let since = [(4, "TCP ports"), (5, "ioctl of devices"), (6, "signals and abstract UNIX sockets")];
    let missing = since.iter().filter(|(since, _)| version < *since);
    missing.map(|(_, what)| format!("the kernel's Landlock (version {version}) does not know {what}")).collect()
}

fn restrict(confinement: &Confinement) -> Result<RestrictionStatus> {
    // From 9 on connecting to a UNIX socket by its path is a right of its own; nobody is told where it is missing.
    let files = AccessFs::from_all(ABI::V9);
    let rules = Ruleset::default().set_compatibility(CompatLevel::BestEffort);
    let mut rules = rules.handle_access(files)?.scope(Scope::from_all(WANTED))?;
    for (ports, access) in ports(confinement) {
        if matches!(ports, Ports::Only(_)) {
            rules = rules.handle_access(access)?;
        }
    }
    let mut rules = rules.create()?;
    rules = paths(rules, &confinement.read, READ)?;
    rules = paths(rules, &confinement.write, writing())?;
    rules = paths(rules, &confinement.keep, KEEP)?;
    if confinement.resolver {
        rules = paths(rules, &RESOLVER.map(PathBuf::from), READ)?;
    }
    if confinement.processes == Processes::Own {
        rules = paths(rules, &own_program(), RUN)?;
        rules = paths(rules, &[PathBuf::from(NULL)], make_bitflags!(AccessFs::{ReadFile | WriteFile}))?;
    }
    for (ports, access) in ports(confinement) {
        if let Ports::Only(list) = ports {
            rules = rules.add_rules(list.iter().map(|port| Ok::<_, anyhow::Error>(NetPort::new(*port, access))))?;
        }
    }
    Ok(rules.restrict_self()?)
}

fn ports(confinement: &Confinement) -> [(&Ports, AccessNet); 2] {
    [(&confinement.bind, AccessNet::BindTcp), (&confinement.connect, AccessNet::ConnectTcp)]
}

/// All but running programs and making devices.
fn writing() -> BitFlags<AccessFs> {
    let never = make_bitflags!(AccessFs::{Execute | MakeChar | MakeBlock | IoctlDev});
    AccessFs::from_all(ABI::V9) & !never
}

/// A path that is not there grants nothing. One that is a file takes the rights that files have.
fn paths(rules: RulesetCreated, paths: &[PathBuf], access: BitFlags<AccessFs>) -> Result<RulesetCreated> {
    let rule = |path: &PathBuf| {
        let fd = PathFd::new(path).ok()?;
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(ABI::V9) };
        Some(Ok::<_, anyhow::Error>(PathBeneath::new(fd, access)))
    };
    rules.add_rules(paths.iter().filter_map(rule))
}

/// Where libraries stand when nobody says which: what is not this program's is refused by the confinement that keeps us
/// from asking.
const LIBRARIES: [&str; 4] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];

/// This program's file and the libraries that it runs with.
fn own_program() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        ["/proc/self/exe", "/etc/ld.so.cache", "/etc/ld.so.preload"].map(PathBuf::from).into();
    match std::fs::read_to_string("/proc/self/maps") {
        Ok(maps) => files.extend(maps.lines().filter_map(executable)),
        Err(_) => files.extend(LIBRARIES.map(PathBuf::from)),
    }
    files.sort();
    files.dedup();
    files
}

/// The file of a line of `maps`, if it is mapped as code.
fn executable(line: &str) -> Option<PathBuf> {
    let mut words = line.split_ascii_whitespace();
    let access = words.nth(1)?;
    let path = words.nth(3).filter(|path| access.contains('x') && path.starts_with('/'))?;
    Path::new(path).is_file().then(|| PathBuf::from(path))
}

//! System calls that are left to a confined process, as two filters. The first ends the process at once for what only an
//! intruder asks for; the second lets through what the host needs and answers ENOSYS to everything else, so that a
//! library that tries something new takes its older way. It must not know paths, ports or guests.
//!
//! The list was found by tracing the end-to-end tests: files, watches, sockets, names, timers, threads, memory. Memory
//! that can be executed is not to be had any more: all code is compiled or loaded before.
use super::beyond::{BEYOND, BEYOND_HERE};
use super::{Confinement, Processes, Report, denied};
use anyhow::{Context as _, Result};
use libc::{c_int, c_long};
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};
use std::collections::BTreeMap;

pub(super) type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Calls within the process that no part of the host makes either, and that an intruder would begin with: with all that reach
/// beyond it they are deadly.
const ODD: &[c_long] = &[libc::SYS_chroot, libc::SYS_personality];

/// Starting programs: as deadly where no process may be started.
const PROGRAMS: &[c_long] = &[libc::SYS_execve, libc::SYS_execveat];

/// What the host may call with any arguments: what they name is judged by Landlock and by the host.
const FREE: &[c_long] = &[
    // Waiting, time, threads.
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_ppoll,
    libc::SYS_eventfd2,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_timer_create,
    libc::SYS_timer_settime,
    libc::SYS_timer_delete,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_membarrier,
    libc::SYS_restart_syscall,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Signals of our own.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_memfd_create,
    // Descriptors.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv2,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_pipe2,
    libc::SYS_sendfile,
    libc::SYS_copy_file_range,
    // Sockets.
    libc::SYS_socketpair,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept4,
    libc::SYS_connect,
    libc::SYS_shutdown,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    // Files and folders.
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_newfstatat,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fadvise64,
    libc::SYS_getcwd,
    libc::SYS_umask,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_rm_watch,
    // What a process may know of itself.
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrlimit,
    libc::SYS_getpriority,
];

/// Older forms of the same that x86 still has, and its C library still uses.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_epoll_wait,
    libc::SYS_poll,
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_chmod,
    libc::SYS_time,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// Starting this program again: what the library does before and after, and what the new process does to load itself and
/// to confine itself further.
const AGAIN: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_set_tid_address,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_chdir,
    libc::SYS_fchdir,
    libc::SYS_prctl,
    libc::SYS_seccomp,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_restrict_self,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_kill,
    libc::SYS_tgkill,
];

/// Families of sockets; netlink is how the resolver asks which addresses this machine has.
const FAMILIES: [c_int; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// What terminals and descriptors are asked. Nothing that writes into a terminal's input is among them.
const IOCTLS: [u64; 6] = [libc::TCGETS, libc::TIOCGWINSZ, libc::FIONBIO, libc::FIONREAD, libc::FIOCLEX, libc::FIONCLEX];

/// New namespaces, in whatever way a process is made.
pub(super) const NAMESPACES: u64 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u64;

/// The kernel's list of what a filter may answer; without filters there is none.
const ACTIONS: &str = "/proc/sys/kernel/seccomp/actions_avail";

pub(super) fn apply(confinement: &Confinement, report: &mut Report) -> Result<()> {
    let Some(arch) = arch() else {
        report.lacking.push(NO_ARCH.into());
        return Ok(());
    };
    let programs = match confinement.processes {
        Processes::Programs => denied::filters(arch)?,
        processes => own_filters(processes == Processes::Own, arch)?,
    };
    for program in &programs {
        match apply_filter_all_threads(program) {
            Ok(()) => {}
            // A kernel that was built without filters knows no such operation.
            Err(Error::Seccomp(error)) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) => {
                report.lacking.push(NO_FILTERS.into());
                return Ok(());
            }
            Err(error) => return Err(error).context("seccomp refuses"),
        }
    }
    report.holds.push("seccomp");
    Ok(())
}

/// For who starts nothing, or this program again.
fn own_filters(again: bool, arch: TargetArch) -> Result<[BpfProgram; 2]> {
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    Ok([
        filter(deadly(again), SeccompAction::Allow, SeccompAction::KillProcess, arch)?,
        filter(open_calls(again)?, unknown, SeccompAction::Allow, arch)?,
    ])
}

const NO_ARCH: &str = "there is no seccomp filter for this kind of processor: system calls are not restricted";
const NO_FILTERS: &str = "the kernel has no seccomp filters: system calls are not restricted";

/// What this kernel and processor lack.
pub(super) fn lacking() -> Option<String> {
    let missing =
        if arch().is_none() { Some(NO_ARCH) } else { (!std::path::Path::new(ACTIONS).exists()).then_some(NO_FILTERS) };
    missing.map(str::to_owned)
}

fn arch() -> Option<TargetArch> {
    TargetArch::try_from(std::env::consts::ARCH).ok()
}

pub(super) fn filter(
    rules: Rules,
    otherwise: SeccompAction,
    matched: SeccompAction,
    arch: TargetArch,
) -> Result<BpfProgram> {
    let filter = SeccompFilter::new(rules, otherwise, matched, arch)?;
    Ok(BpfProgram::try_from(filter)?)
}

fn deadly(again: bool) -> Rules {
    let programs = if again { &[] } else { PROGRAMS };
    [BEYOND, BEYOND_HERE, ODD, programs].into_iter().flatten().map(|call| (*call, Vec::new())).collect()
}

/// What may be called.
fn open_calls(again: bool) -> Result<Rules> {
    let own = u64::from(std::process::id());
    let mut rules: Rules = FREE.iter().chain(OLDER).map(|call| (*call, Vec::new())).collect();
    let families = FAMILIES.iter().map(|family| rule(&[equal(0, *family as u64)?]));
    rules.insert(libc::SYS_socket, families.collect::<Result<_>>()?);
    let ioctls = IOCTLS.iter().map(|request| rule(&[equal(1, *request)?]));
    rules.insert(libc::SYS_ioctl, ioctls.collect::<Result<_>>()?);
    // Signals to itself: an abort, and the signals that a script sends to its own process.
    rules.insert(libc::SYS_tgkill, vec![rule(&[equal(0, own)?])?]);
    rules.insert(libc::SYS_kill, vec![rule(&[equal(0, own)?])?]);
    // Limits of its own, and not those of others of the same user.
    rules.insert(libc::SYS_prlimit64, vec![rule(&[equal(0, 0)?])?]);
    let named = rule(&[equal(0, libc::PR_SET_NAME as u64)?])?;
    rules.insert(libc::SYS_prctl, vec![named]);
    let data = rule(&[masked(2, libc::PROT_EXEC as u64, 0)?])?;
    rules.insert(libc::SYS_mmap, vec![data.clone()]);
    rules.insert(libc::SYS_mprotect, vec![data]);
    // A thread; the newer clone3 hides its flags from filters, and the library falls back from it.
    let kind = (libc::CLONE_THREAD | libc::CLONE_VM) as u64;
    let thread = rule(&[masked(0, kind | NAMESPACES, kind)?])?;
    rules.insert(libc::SYS_clone, vec![thread]);
    if again {
        rules.extend(AGAIN.iter().map(|call| (*call, Vec::new())));
        rules.insert(libc::SYS_clone, vec![rule(&[masked(0, NAMESPACES, 0)?])?]);
        #[cfg(target_arch = "x86_64")]
        rules.extend([(libc::SYS_vfork, Vec::new())]);
    }
    Ok(rules)
}

pub(super) fn rule(conditions: &[SeccompCondition]) -> Result<SeccompRule> {
    Ok(SeccompRule::new(conditions.to_vec())?)
}

/// An argument of 32 bits, as these all are: what stands above them the kernel does not look at either.
pub(super) fn equal(argument: u8, value: u64) -> Result<SeccompCondition> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?)
}

/// Bits of an argument.
pub(super) fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)?)
}

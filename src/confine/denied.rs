//! System calls that are refused to a process that may start programs, and to those programs: what container runtimes refuse
//! to an ordinary program. Everything else is allowed, since nobody knows what a program needs; what is refused answers
//! EPERM, as without the privilege, and clone3 ENOSYS, so that libraries take the older call, whose flags can be seen. It must
//! not know paths, ports or guests.
//!
//! It comes with `no_new_privs`, as every filter does here: set-user-id bits and file capabilities give nothing.
use super::seccomp::{NAMESPACES, Rules, equal, filter, masked, rule};
use anyhow::Result;
use libc::c_long;
use seccompiler::{BpfProgram, SeccompAction, TargetArch};

/// The kernel itself, the machine's clock and names, other processes' memory, mounts, keys: each of them reaches beyond the
/// process.
const DENIED: &[c_long] = &[
    // The kernel and the machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Programs in the kernel, and ways around a filter.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // What is mounted, and where.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_pivot_root,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // Keys are the user's, not the process's.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
];

/// What only one kind of processor has.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_kexec_file_load,
    libc::SYS_ioperm,
    libc::SYS_iopl,
    libc::SYS__sysctl,
    libc::SYS_sysfs,
    libc::SYS_uselib,
    libc::SYS_ustat,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[libc::SYS_kexec_file_load];

/// The calls of the processor's third way, by which each of these could be made under another number.
#[cfg(target_arch = "x86_64")]
const THIRD_WAY: std::ops::Range<c_long> = 0x4000_0000..0x4000_0000 + 548;
#[cfg(not(target_arch = "x86_64"))]
const THIRD_WAY: std::ops::Range<c_long> = 0..0;

/// Requests that write into a terminal's input.
const INPUT_OF_OTHERS: [u64; 2] = [libc::TIOCSTI, libc::TIOCLINUX];

/// Two filters: what is refused, and what cannot be judged.
pub(super) fn filters(arch: TargetArch) -> Result<[BpfProgram; 2]> {
    let mut rules: Rules = DENIED.iter().chain(OLDER).map(|call| (*call, Vec::new())).collect();
    let inputs = INPUT_OF_OTHERS.iter().map(|request| rule(&[equal(1, *request)?]));
    rules.insert(libc::SYS_ioctl, inputs.collect::<Result<_>>()?);
    rules.insert(libc::SYS_socket, vec![rule(&[equal(0, libc::AF_VSOCK as u64)?])?]);
    // One rule a flag: whichever of them is set.
    let flags = (0..u64::BITS).map(|bit| 1 << bit).filter(|flag| NAMESPACES & flag != 0);
    rules.insert(libc::SYS_clone, flags.map(|flag| rule(&[masked(0, flag, flag)?])).collect::<Result<_>>()?);
    let unseen: Rules = THIRD_WAY.chain([libc::SYS_clone3]).map(|call| (call, Vec::new())).collect();
    let refuse = |errno: i32| SeccompAction::Errno(errno as u32);
    Ok([
        filter(rules, SeccompAction::Allow, refuse(libc::EPERM), arch)?,
        filter(unseen, SeccompAction::Allow, refuse(libc::ENOSYS), arch)?,
    ])
}

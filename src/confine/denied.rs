//! System calls that are refused to a process that may start programs, and to those programs: what container runtimes refuse
//! to an ordinary program. Everything else is allowed, since nobody knows what a program needs; what is refused answers
//! EPERM, as without the privilege, and clone3 ENOSYS, so that libraries take the older call, whose flags can be seen. It must
//! not know paths, ports or guests.
//!
//! It comes with `no_new_privs`, as every filter does here: set-user-id bits and file capabilities give nothing.
use super::beyond::{BEYOND, BEYOND_HERE};
use super::seccomp::{NAMESPACES, Rules, equal, filter, masked, rule};
use anyhow::Result;
#[cfg(target_arch = "x86_64")]
use seccompiler::sock_filter;
use seccompiler::{BpfProgram, SeccompAction, TargetArch};

/// Bit of a number that names the processor's third way to call, by which each call could be made under another number.
#[cfg(target_arch = "x86_64")]
const THIRD_WAY: u32 = 0x4000_0000;

/// Requests that write into a terminal's input.
const INPUT_OF_OTHERS: [u64; 2] = [libc::TIOCSTI, libc::TIOCLINUX];

/// Two filters: what is refused, and what cannot be judged.
pub(super) fn filters(arch: TargetArch) -> Result<[BpfProgram; 2]> {
    let mut rules: Rules = BEYOND.iter().chain(BEYOND_HERE).map(|call| (*call, Vec::new())).collect();
    let inputs = INPUT_OF_OTHERS.iter().map(|request| rule(&[equal(1, *request)?]));
    rules.insert(libc::SYS_ioctl, inputs.collect::<Result<_>>()?);
    rules.insert(libc::SYS_socket, vec![rule(&[equal(0, libc::AF_VSOCK as u64)?])?]);
    // One rule a flag: whichever of them is set.
    let flags = (0..u64::BITS).map(|bit| 1 << bit).filter(|flag| NAMESPACES & flag != 0);
    rules.insert(libc::SYS_clone, flags.map(|flag| rule(&[masked(0, flag, flag)?])).collect::<Result<_>>()?);
    let unseen = Rules::from([(libc::SYS_clone3, Vec::new())]);
    let refuse = |errno: i32| SeccompAction::Errno(errno as u32);
    let mut unseen = filter(unseen, SeccompAction::Allow, refuse(libc::ENOSYS), arch)?;
    #[cfg(target_arch = "x86_64")]
    unseen.splice(0..0, third_way());
    Ok([filter(rules, SeccompAction::Allow, refuse(libc::EPERM), arch)?, unseen])
}

/// Before a filter's rules, which know one number at a time: every number with that bit answers ENOSYS.
#[cfg(target_arch = "x86_64")]
fn third_way() -> [sock_filter; 3] {
    // The number is what the kernel's record of a call begins with.
    let load = sock_filter { code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, jt: 0, jf: 0, k: 0 };
    let test = sock_filter { code: (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16, jt: 0, jf: 1, k: THIRD_WAY };
    let answer = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
    [load, test, sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: answer }]
}

//! The cases: what a confined process tries, and how that must end. It must not know how cases are started, nor which calls
//! the filters name: what must be refused is written down here a second time, by what it would give, so that a call that
//! is lost there is missed here.
use super::world::World;
use skep::confine::{Confinement, Ports, Processes, apply};
use std::fs;
use std::io::Error;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::process::Command;

/// The layer that refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    Landlock,
    Seccomp,
    /// Nothing refuses: what must still work.
    None,
}

/// How a case ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its own checks hold.
    Passes,
    /// The kernel ends the process.
    Killed,
}

pub struct Case {
    pub name: &'static str,
    pub layer: Layer,
    pub end: End,
    processes: Processes,
    attempt: fn(&World),
}

const fn refused(name: &'static str, layer: Layer, attempt: fn(&World)) -> Case {
    Case { name, layer, end: End::Passes, processes: Processes::None, attempt }
}

const fn deadly(name: &'static str, attempt: fn(&World)) -> Case {
    Case { name, layer: Layer::Seccomp, end: End::Killed, processes: Processes::None, attempt }
}

const fn with_processes(case: Case) -> Case {
    Case { processes: Processes::Own, ..case }
}

/// Of a process that may start programs.
const fn of_programs(case: Case) -> Case {
    Case { processes: Processes::Programs, ..case }
}

pub const CASES: &[Case] = &[
    refused("reading_outside", Layer::Landlock, |_| denied(fs::read("/etc/passwd"))),
    refused("listing_outside", Layer::Landlock, |_| denied(fs::read_dir("/home"))),
    refused("reading_other_processes", Layer::Landlock, |_| denied(fs::read("/proc/1/status"))),
    refused("writing_outside", Layer::Landlock, |_| denied(fs::write("/tmp/skep-confine", "x"))),
    refused("writing_where_reading_is_granted", Layer::Landlock, |world| {
        denied(fs::write(world.read.join("file"), "y"));
        denied(fs::write(world.read.join("new"), "y"));
        denied(fs::remove_file(world.read.join("file")));
        denied(fs::create_dir(world.read.join("folder")));
    }),
    refused("linking_out_of_a_grant", Layer::Landlock, |world| {
        let linked = fs::hard_link("/etc/passwd", world.write.join("passwd")).expect_err("it is refused");
        assert!(matches!(linked.raw_os_error(), Some(libc::EXDEV | libc::EACCES)), "{linked}");
        std::os::unix::fs::symlink("/etc/passwd", world.write.join("link")).expect("a link is only a text");
        denied(fs::read(world.write.join("link")));
    }),
    refused("anything_but_files_in_a_folder_of_its_own", Layer::Landlock, |world| {
        let own = |name: &str| world.keep.join(name);
        fs::write(own("file"), "x").expect("a file of its own");
        assert_eq!(fs::read(own("file")).expect("it can be read"), b"x");
        denied(fs::create_dir(own("folder")));
        denied(std::os::unix::fs::symlink("file", own("link")));
        denied(std::os::unix::net::UnixListener::bind(own("socket")));
        let moved = fs::rename(own("file"), world.write.join("file")).expect_err("it is refused");
        assert!(matches!(moved.raw_os_error(), Some(libc::EXDEV | libc::EACCES)), "{moved}");
        denied(fs::remove_dir(&world.keep));
        fs::remove_file(own("file")).expect("it goes");
    }),
    refused("connecting", Layer::Landlock, |world| denied(TcpStream::connect(local(world.other_port)))),
    refused("listening", Layer::Landlock, |_| denied(TcpListener::bind(local(0)))),
    refused("abstract_sockets_of_others", Layer::Landlock, abstract_socket),
    refused("a_thread_has_no_more", Layer::Landlock, |_| {
        let read = || denied(fs::read("/etc/passwd"));
        std::thread::spawn(read).join().expect("a thread can be made, and is refused");
    }),
    with_processes(refused("running_programs", Layer::Landlock, |_| denied(Command::new("/bin/true").status()))),
    with_processes(refused("signals_to_others", Layer::Landlock, |_| {
        let parent = rustix::process::getppid().expect("there is one");
        let sent = rustix::process::kill_process(parent, rustix::process::Signal::USR1);
        assert_eq!(sent.expect_err("it is refused").raw_os_error(), libc::EPERM);
    })),
    with_processes(refused("a_new_process_has_no_more", Layer::Landlock, |_| assert!(again("read")))),
    deadly("running_a_program", |_| call(libc::SYS_execve, [c"/bin/true".as_ptr() as u64, 0, 0])),
    deadly("tracing", |_| call(libc::SYS_ptrace, [u64::from(libc::PTRACE_TRACEME), 0, 0])),
    deadly("reading_memory_of_others", |_| call(libc::SYS_process_vm_readv, [parent(), 0, 0])),
    deadly("writing_memory_of_others", |_| call(libc::SYS_process_vm_writev, [parent(), 0, 0])),
    deadly("programs_in_the_kernel", |_| call(libc::SYS_bpf, [0, 0, 0])),
    deadly("a_second_way_to_call_the_kernel", |_| call(libc::SYS_io_uring_setup, [8, 0, 0])),
    deadly("namespaces", |_| call(libc::SYS_unshare, [libc::CLONE_NEWUSER as u64, 0, 0])),
    deadly("mounting", |_| call(libc::SYS_mount, [0, 0, 0])),
    deadly("faults_of_its_own", |_| call(libc::SYS_userfaultfd, [0, 0, 0])),
    deadly("the_clock_of_the_machine", |_| call(libc::SYS_clock_settime, [0, 0, 0])),
    deadly("another_root", |_| call(libc::SYS_chroot, [0, 0, 0])),
    deadly("keys", |_| call(libc::SYS_keyctl, [0, 0, 0])),
    with_processes(deadly("tracing_where_processes_may_be_started", |_| call(libc::SYS_ptrace, [0, 0, 0]))),
    refused("processes", Layer::Seccomp, |_| {
        assert_eq!(raw(libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0]), Err(libc::ENOSYS));
        assert_eq!(raw(libc::SYS_clone3, [0, 0, 0]), Err(libc::ENOSYS));
    }),
    with_processes(refused("namespaces_of_a_new_process", Layer::Seccomp, |_| {
        let flags = (libc::CLONE_NEWUSER | libc::SIGCHLD) as u64;
        assert_eq!(raw(libc::SYS_clone, [flags, 0, 0]), Err(libc::ENOSYS));
    })),
    refused("sockets_of_other_families", Layer::Seccomp, |_| {
        for family in [libc::AF_PACKET, libc::AF_VSOCK, libc::AF_ALG, libc::AF_BLUETOOTH] {
            let socket = raw(libc::SYS_socket, [family as u64, libc::SOCK_RAW as u64, 0]);
            assert_eq!(socket, Err(libc::ENOSYS), "family {family}");
        }
    }),
    refused("memory_that_can_be_executed", Layer::Seccomp, executable_memory),
    refused("input_put_into_a_terminal", Layer::Seccomp, |_| {
        assert_eq!(raw(libc::SYS_ioctl, [0, libc::TIOCSTI, 0]), Err(libc::ENOSYS));
    }),
    refused("limits_of_others", Layer::Seccomp, |_| {
        assert_eq!(raw(libc::SYS_prlimit64, [parent(), 7, 0]), Err(libc::ENOSYS));
        assert_eq!(raw(libc::SYS_prlimit64, [0, 7, 0]), Ok(0));
    }),
    refused("signals", Layer::Seccomp, |_| assert_eq!(raw(libc::SYS_kill, [parent(), 0, 0]), Err(libc::ENOSYS))),
    of_programs(refused("the_kernel_beside_programs", Layer::Seccomp, |_| {
        let gains = [
            ("another tree of files", libc::SYS_mount),
            ("a tree of files less", libc::SYS_umount2),
            ("another root", libc::SYS_pivot_root),
            ("namespaces of its own", libc::SYS_unshare),
            ("namespaces of others", libc::SYS_setns),
            ("files by their numbers", libc::SYS_open_by_handle_at),
            ("a program in the kernel", libc::SYS_bpf),
            ("counters of the processor", libc::SYS_perf_event_open),
            ("the kernel's page faults", libc::SYS_userfaultfd),
            ("calls without a filter", libc::SYS_io_uring_setup),
            ("a module by its bytes", libc::SYS_init_module),
            ("a module by its file", libc::SYS_finit_module),
            ("a module less", libc::SYS_delete_module),
            ("another kernel", libc::SYS_kexec_load),
            ("the machine's end", libc::SYS_reboot),
            ("the machine's memory", libc::SYS_swapon),
            ("the machine's clock", libc::SYS_clock_settime),
            ("its older way", libc::SYS_settimeofday),
            ("the user's keys", libc::SYS_keyctl),
            ("one more of them", libc::SYS_add_key),
            ("one of somebody", libc::SYS_request_key),
        ];
        for (what, call) in gains {
            assert_eq!(raw(call, [0; 3]), Err(libc::EPERM), "{what}");
        }
    })),
    of_programs(refused("others_beside_programs", Layer::Seccomp, |_| {
        let seize = 0x4206; // PTRACE_SEIZE
        assert_eq!(raw(libc::SYS_ptrace, [seize, parent(), 0]), Err(libc::EPERM));
        for call in [libc::SYS_process_vm_readv, libc::SYS_process_vm_writev, libc::SYS_kcmp] {
            assert_eq!(raw(call, [parent(), 0, 0]), Err(libc::EPERM));
        }
        assert_eq!(raw(libc::SYS_ioctl, [0, libc::TIOCSTI, 0]), Err(libc::EPERM));
    })),
    of_programs(refused("namespaces_beside_programs", Layer::Seccomp, |_| {
        for flag in [libc::CLONE_NEWUSER, libc::CLONE_NEWNS, libc::CLONE_NEWPID, libc::CLONE_NEWNET] {
            let made = raw(libc::SYS_clone, [(flag | libc::SIGCHLD) as u64, 0, 0]);
            assert_eq!(made, Err(libc::EPERM));
        }
        assert_eq!(raw(libc::SYS_clone3, [0, 0, 0]), Err(libc::ENOSYS), "its flags cannot be seen");
    })),
    #[cfg(target_arch = "x86_64")]
    of_programs(refused("a_third_way_beside_programs", Layer::Seccomp, |_| {
        for call in [libc::SYS_mount, 520, 547, 0x3fff_ffff] {
            assert_eq!(raw(0x4000_0000 | call, [0; 3]), Err(libc::ENOSYS), "call {call}");
        }
    })),
    of_programs(refused("a_program_has_no_more", Layer::Seccomp, |_| {
        let status = Command::new("/bin/cat").arg("/proc/self/status").output().expect("programs may be started");
        let text = String::from_utf8_lossy(&status.stdout);
        for line in ["NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t2"] {
            assert!(text.contains(line), "{line}: {text}");
        }
    })),
    of_programs(refused("what_programs_need_works", Layer::None, |_| {
        let done =
            Command::new("/bin/sh").args(["-c", "read line < /etc/passwd && kill -0 $$ && echo $line | cat"]).output();
        let done = done.expect("a shell may be started");
        assert!(done.status.success() && !done.stdout.is_empty(), "{done:?}");
        std::thread::spawn(|| ()).join().expect("a thread");
    })),
    refused("what_is_granted_works", Layer::None, granted),
    with_processes(refused("this_program_again_works", Layer::None, |_| assert!(again("nothing")))),
    refused("no_core_file", Layer::None, |_| {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    }),
    with_processes(refused("no_new_privileges", Layer::None, |_| {
        assert!(rustix::thread::no_new_privs().expect("it can be asked"), "no new privileges");
    })),
];

/// In the case's own process.
pub fn attempt(name: &str) {
    let world = World::of_environment();
    let case = CASES.iter().find(|case| case.name == name).expect("a case of this name");
    // What std looks up at the first thread is not for a confined process to find.
    let program = std::env::current_exe().expect("this program");
    let confinement = Confinement {
        read: vec![world.read.clone(), program],
        write: vec![world.write.clone()],
        keep: vec![world.keep.clone()],
        bind: Ports::default(),
        connect: Ports::Only(vec![world.port]),
        resolver: true,
        processes: case.processes,
        filtered: false,
    };
    let report = apply(&confinement).expect("this kernel confines");
    assert!(report.holds.contains(&"rlimits"));
    (case.attempt)(&world);
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn parent() -> u64 {
    u64::from(std::os::unix::process::parent_id())
}

/// Landlock's answer.
fn denied<T>(result: Result<T, Error>) {
    let error = result.err().expect("it is refused");
    assert_eq!(error.raw_os_error(), Some(libc::EACCES), "{error}");
}

fn raw(call: libc::c_long, [a, b, c]: [u64; 3]) -> Result<i64, i32> {
    // SAFETY: each caller passes numbers, null, or a text that lives as long as the program.
    let answer = unsafe { libc::syscall(call, a, b, c, 0u64, 0u64, 0u64) };
    if answer < 0 { Err(Error::last_os_error().raw_os_error().expect("a number")) } else { Ok(answer) }
}

/// For what the kernel does not answer.
fn call(call: libc::c_long, arguments: [u64; 3]) {
    let answer = raw(call, arguments);
    panic!("the kernel answers {answer:?}");
}

fn again(what: &str) -> bool {
    let program = std::env::current_exe().expect("this program");
    let done = Command::new(program).args(["--again", what]).env_clear().status();
    done.expect("this program may be started again").success()
}

fn abstract_socket(_: &World) {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
    let name = |text: String| SocketAddr::from_abstract_name(text).expect("a name");
    // One of its own it may reach.
    let own = name(format!("skep-confine-{}", std::process::id()));
    let _listener = UnixListener::bind_addr(&own).expect("a name of its own");
    UnixStream::connect_addr(&own).expect("its own socket");
    let world = name(format!("skep-confine-world-{}", parent()));
    let refused = UnixStream::connect_addr(&world).expect_err("it is refused");
    assert_eq!(refused.raw_os_error(), Some(libc::EPERM));
    let (one, _two) = UnixDatagram::pair().expect("pairs are no way out");
    one.send(b"x").expect("and work");
}

fn executable_memory(_: &World) {
    let map = |access: i32| {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), 4096, access, flags, -1, 0) };
        if at == libc::MAP_FAILED { Err(Error::last_os_error().raw_os_error().expect("a number")) } else { Ok(at) }
    };
    assert_eq!(map(libc::PROT_READ | libc::PROT_EXEC), Err(libc::ENOSYS));
    let data = map(libc::PROT_READ | libc::PROT_WRITE).expect("memory for data");
    assert_eq!(raw(libc::SYS_mprotect, [data as u64, 4096, libc::PROT_EXEC as u64]), Err(libc::ENOSYS));
}

fn granted(world: &World) {
    assert_eq!(fs::read(world.read.join("file")).expect("a granted file"), b"x");
    assert_eq!(fs::read_dir(&world.read).expect("a granted folder").count(), 1);
    let file = world.write.join("new");
    fs::write(&file, "x").expect("a file where writing is granted");
    fs::rename(&file, world.write.join("other")).expect("another name");
    fs::remove_file(world.write.join("other")).expect("it goes");
    TcpStream::connect(local(world.port)).expect("the port that is granted");
    ("localhost", 80).to_socket_addrs().expect("the resolver works");
    std::thread::spawn(|| ()).join().expect("a thread");
}

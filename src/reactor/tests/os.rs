//! What only the operating system can show. Nothing sleeps here: a child process or a peer that
//! blocks does the waiting.

use std::io::{Read as _, Write as _};
use std::net::{Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::super::*;
use super::bench::*;

/// A path of its own for each test, removed with it.
struct Path1(PathBuf);

impl Path1 {
    fn new(name: &str) -> Path1 {
        let path = std::env::temp_dir().join(format!("skep-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Path1(path)
    }
}

impl Drop for Path1 {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn accept_one(bench: &mut OsBench) -> Key {
    for _ in 0..TURNS {
        let mut facts = bench.turn();
        facts.clear();
        bench.reactor().accept_more(1, &mut facts);
        if let Some(Fact::Accepted { stream, .. }) = facts.first() {
            return *stream;
        }
    }
    panic!("nothing came");
}

#[test]
fn unix_sockets() {
    let mut bench = OsBench::new();
    let path = Path1::new("unix");
    let options = ListenOptions::default();
    let listener = bench.0.listen_unix(&path.0, &options).expect("the path is free");
    assert_eq!(bench.0.listen_unix(&path.0, &options), Err(Errno::EADDRINUSE));
    assert_eq!(bench.0.local_addr(listener), Ok(Addr::Unix));
    let mut peer = UnixStream::connect(&path.0).expect("it listens");
    let key = accept_one(&mut bench);
    // The message is read in parts, and short reads do not lose the rest.
    peer.write_all(&pattern(100_000, 1)).expect("there is room");
    peer.shutdown(std::net::Shutdown::Write).expect("it is connected");
    let (bytes, end) = bench.read_to_end(key);
    assert!(bytes == pattern(100_000, 1) && end.is_ok());
    bench.0.send(key, b"thanks").expect("it is open");
    assert_eq!(bench.0.set_nodelay(key, true), Ok(()));
    assert_eq!(bench.0.close(key), Ok(Closing::Draining));
    bench.until(|fact| (*fact == Fact::Closed { key, error: None }).then_some(()));
    let mut back = Vec::new();
    peer.read_to_end(&mut back).expect("it was closed in order");
    assert_eq!(back, b"thanks");
    assert_eq!(bench.0.close(listener), Ok(Closing::Done));
    assert!(!path.0.exists(), "the path goes with the listener");
}

#[test]
fn connecting_to_a_unix_socket() {
    let mut bench = OsBench::new();
    let path = Path1::new("connect");
    assert_eq!(bench.0.connect_unix(&path.0), Err(Errno::ENOENT));
    let listener = std::os::unix::net::UnixListener::bind(&path.0).expect("the path is free");
    let key = bench.0.connect_unix(&path.0).expect("it listens");
    bench.0.send(key, b"early").expect("it is kept");
    bench.until(|fact| (*fact == Fact::Connected { key, result: Ok(()) }).then_some(()));
    bench.0.shutdown_write(key).expect("it is open");
    bench.until(|fact| (*fact == Fact::Finished(key)).then_some(()));
    let (mut peer, _) = listener.accept().expect("it is connected");
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).expect("it ends");
    assert_eq!(bytes, b"early");
    drop(listener);
    assert_eq!(bench.0.connect_unix(&path.0), Err(Errno::ECONNREFUSED));
}

#[test]
fn a_unix_path_has_a_limit() {
    let mut bench = OsBench::new();
    let long = std::env::temp_dir().join("x".repeat(120));
    let options = ListenOptions::default();
    assert_eq!(bench.0.listen_unix(&long, &options), Err(Errno::ENAMETOOLONG));
    assert_eq!(bench.0.connect_unix(&long), Err(Errno::ENAMETOOLONG));
    let zero = std::path::Path::new("with\0zero");
    assert_eq!(bench.0.listen_unix(zero, &options), Err(Errno::EINVAL));
}

#[test]
fn listening_options() {
    let mut bench = OsBench::new();
    let (_, addr) = bench.listen();
    let options = ListenOptions::default();
    assert_eq!(bench.0.listen_tcp(addr, &options), Err(Errno::EADDRINUSE));
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
    assert_eq!(bench.0.listen_tcp(elsewhere, &options), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(bench.0.listener_count(), 1);
    for nodelay in [true, false] {
        let options = ListenOptions { nodelay, ..ListenOptions::default() };
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut listener = bench.0.kernel.listen_tcp(any, &options).expect("port 0");
        let Ok(Addr::Ip(addr)) = listener.local_addr() else { panic!("it is bound") };
        let _peer = TcpStream::connect(addr).expect("it listens");
        let (stream, _) = listener.accept().expect("it is connected");
        assert_eq!(rustix::net::sockopt::tcp_nodelay(&stream), Ok(nodelay), "it is inherited");
    }
}

#[test]
fn the_unspecified_address_takes_both_families() {
    let mut bench = OsBench::new();
    for ipv6_only in [false, true] {
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        let options = ListenOptions { ipv6_only, ..ListenOptions::default() };
        // Where the machine has no IPv6 there is nothing to see.
        let Ok(listener) = bench.0.listen_tcp(any, &options) else {
            return;
        };
        let Ok(Addr::Ip(addr)) = bench.0.local_addr(listener) else { panic!("it is bound") };
        let v4 = TcpStream::connect(("127.0.0.1", addr.port()));
        assert_eq!(v4.is_ok(), !ipv6_only);
    }
}

#[test]
fn a_connection_that_is_gone_before_it_is_accepted() {
    let mut bench = OsBench::new();
    let (_, addr) = bench.listen();
    let gone = bench.dial(addr);
    gone.reset();
    let (key, mut peer) = bench.pair(addr);
    // The first one is accepted, dead; or never seen. Either way the second gets through.
    peer.send(b"x");
    let mut keys = vec![key];
    for _ in 0..TURNS {
        let mut facts = bench.turn();
        bench.0.accept_more(8, &mut facts);
        for fact in facts {
            match fact {
                Fact::Accepted { stream, .. } => keys.push(stream),
                Fact::Readable(key) => match bench.0.read(key, &mut [0; 8]) {
                    Ok(Read::Data { count: 1, .. }) => return,
                    Ok(_) => {}
                    Err(error) => {
                        assert_eq!(error, Errno::ECONNRESET);
                        assert_eq!(bench.0.close(key), Ok(Closing::Done));
                    }
                },
                other => panic!("{other:?}"),
            }
        }
    }
    panic!("the second one was lost, {keys:?}");
}

#[test]
fn another_thread_ends_the_wait() {
    let mut bench = OsBench::new();
    let waker = bench.0.waker();
    for _ in 0..100 {
        let waker = waker.clone();
        let thread = std::thread::spawn(move || (0..10).all(|_| waker.wake().is_ok()));
        bench.until(|fact| (*fact == Fact::Woken).then_some(()));
        assert!(thread.join().expect("it does not panic"));
        // What is left of the ten rings is at most one more fact.
        let mut facts = Vec::new();
        bench.0.wait(Some(Duration::ZERO), &mut facts).expect("the kernel can wait");
        assert!(facts.len() <= 1);
    }
}

#[test]
fn signals_are_facts() {
    use signal_hook::consts::{SIGKILL, SIGSEGV, SIGUSR1, SIGUSR2};
    let mut bench = OsBench::new();
    for signal in [SIGUSR1, SIGUSR2, SIGUSR1] {
        bench.0.watch_signal(signal).expect("it can be caught");
    }
    assert_eq!(bench.0.watch_signal(SIGKILL), Err(Errno::EINVAL));
    assert_eq!(bench.0.watch_signal(SIGSEGV), Err(Errno::EINVAL));
    for signal in [SIGUSR2, SIGUSR1, SIGUSR2] {
        signal_hook::low_level::raise(signal).expect("it is our own process");
        let came = bench.until(|fact| match fact {
            Fact::Signal(signal) => Some(*signal),
            _ => None,
        });
        assert_eq!(came, signal);
    }
    let mut facts = Vec::new();
    bench.0.wait(Some(Duration::ZERO), &mut facts).expect("the kernel can wait");
    assert_eq!(facts, []);
}

#[test]
fn addresses_and_options() {
    let mut bench = OsBench::new();
    let (_, addr) = bench.listen();
    let peer = TcpStream::connect(addr).expect("it listens");
    let key = accept_one(&mut bench);
    assert_eq!(bench.0.local_addr(key), Ok(Addr::Ip(addr)));
    let peers = peer.local_addr().expect("it is bound");
    assert_eq!(bench.0.peer_addr(key), Ok(Addr::Ip(peers)));
    assert_eq!(bench.0.set_keepalive(key, Some(Duration::ZERO)), Ok(()));
    assert_eq!(bench.0.set_keepalive(key, None), Ok(()));
    assert_eq!(bench.0.set_nodelay(key, false), Ok(()));
    let local = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    let options = ConnectOptions { nodelay: true, local };
    let near = bench.0.connect_tcp(addr, &options).expect("it listens");
    bench.until(|fact| (*fact == Fact::Connected { key: near, result: Ok(()) }).then_some(()));
    let local = Some(SocketAddr::from(([192, 0, 2, 1], 0)));
    let options = ConnectOptions { local, ..options };
    assert_eq!(bench.0.connect_tcp(addr, &options), Err(ConnectError::Local(Errno::EADDRNOTAVAIL)));
}

#[test]
fn a_thousand_connections() {
    in_a_child("a_thousand_connections", || {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("lower");
        let mut bench = OsBench::new();
        let mut dice = bench.dice();
        let (_, addr) = bench.listen();
        let mut echo = Echo::default();
        let mut peers = Vec::new();
        for _ in 0..1000 {
            peers.push(bench.dial(addr));
            if peers.len() % 8 == 0 {
                echo.turn(&mut bench, &mut dice);
            }
        }
        while echo.accepted < 1000 {
            echo.turn(&mut bench, &mut dice);
        }
        for round in 0..3 {
            let bytes = pattern(2000, round);
            for peer in &mut peers {
                assert_eq!(peer.send(&bytes), Some(bytes.len()));
            }
            let mut back = vec![Vec::new(); peers.len()];
            while back.iter().any(|back| back.len() < bytes.len()) {
                echo.turn(&mut bench, &mut dice);
                for (peer, back) in peers.iter_mut().zip(&mut back) {
                    if back.len() < bytes.len() {
                        back.extend(peer.read());
                    }
                }
            }
            assert!(back.iter().all(|back| *back == bytes));
        }
        drop(peers);
        while !echo.open.is_empty() {
            echo.turn(&mut bench, &mut dice);
        }
        assert_eq!(bench.0.stream_count(), 0);
    });
}

/// RLIMIT_NOFILE 64 and 500 clients, in two processes: no client waits, those that have a
/// connection keep it, and accepting goes on when descriptors are free again.
#[test]
fn running_out_of_descriptors() {
    in_a_child("running_out_of_descriptors", || {
        let mut bench = OsBench::new();
        let (listener, addr) = bench.listen();
        // The clients are made first, then the limit: they keep their descriptors.
        let mut peers: Vec<_> = (0..500).map(|_| bench.dial(addr)).collect();
        let limit = getrlimit(Resource::Nofile);
        let lowest = 500 + 40;
        setrlimit(Resource::Nofile, Rlimit { current: Some(lowest), ..limit }).expect("lower");
        let (mut accepted, mut shed, mut rests) = (Vec::new(), 0, 0);
        while accepted.len() + shed < 500 {
            let mut facts = bench.turn();
            facts.clear();
            bench.0.accept_more(64, &mut facts);
            for fact in facts {
                match fact {
                    Fact::Accepted { stream, .. } => accepted.push(stream),
                    Fact::AcceptPaused { listener: of, error, shed: count, retry_after } => {
                        assert_eq!((of, error), (listener, Errno::EMFILE));
                        assert!(retry_after > Duration::ZERO);
                        shed += count;
                        rests += 1;
                        // Resting, it does nothing, and does not keep the loop busy.
                        let mut facts = Vec::new();
                        bench.0.accept_more(64, &mut facts);
                        assert_eq!(facts, []);
                        bench.0.rearm(listener).expect("it is open");
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(accepted.len() >= 10 && shed >= 400 && rests <= 4, "{} {shed}", accepted.len());
        // Each client either lives or was reset.
        let (mut living, mut reset) = (Vec::new(), 0);
        for (at, peer) in peers.iter_mut().enumerate() {
            if peer.saw_reset() { reset += 1 } else { living.push(at) }
        }
        assert_eq!((living.len(), reset), (accepted.len(), shed));
        for &at in &living {
            assert_eq!(peers[at].send(b"alive"), Some(5));
        }
        let (mut heard, mut dice, mut echo) = (0, bench.dice(), Echo::default());
        echo.open.extend(accepted.iter().map(|&key| (key, false)));
        while heard < 5 * living.len() {
            echo.turn(&mut bench, &mut dice);
            heard += living.iter().map(|&at| peers[at].read().len()).sum::<usize>();
        }
        // Descriptors are free again: so are connections.
        peers.clear();
        while !echo.open.is_empty() {
            echo.turn(&mut bench, &mut dice);
        }
        let (key, mut peer) = bench.pair(addr);
        peer.send(b"new");
        peer.shutdown();
        assert_eq!(bench.read_to_end(key).0, b"new");
    });
}

/// How many descriptors fit into this process's table.
#[cfg(target_os = "linux")]
fn table_size() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the process has a status");
    let size = status.lines().find_map(|line| line.strip_prefix("FDSize:")).expect("Linux tells it");
    size.trim().parse().expect("a number")
}

/// Nobody waits for the kernel to make the table of descriptors larger: it is when a quarter is used.
#[test]
#[cfg(target_os = "linux")]
fn the_table_of_descriptors_is_grown_before_it_is_full() {
    in_a_child("the_table_of_descriptors_is_grown_before_it_is_full", || {
        let mut bench = OsBench::new();
        assert_eq!(table_size(), 1024);
        let (_, addr) = bench.listen();
        let mut pairs: Vec<_> = (0..100).map(|_| bench.pair(addr)).collect();
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(table_size(), 1024);
        pairs.extend((0..100).map(|_| bench.pair(addr)));
        let until = Instant::now() + Duration::from_secs(20);
        while table_size() < 2048 {
            assert!(Instant::now() < until, "the table has {} places at some 400 descriptors", table_size());
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(pairs);
        // Where fewer may be open, as many as may.
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(700), ..limit }).expect("lower");
        let _other = OsBench::new();
    });
}

/// Whether of three that sleep at one listener exactly one was woken; each connection is taken once, however.
#[cfg(target_os = "linux")]
fn one_is_woken() -> bool {
    const SLEEP: Duration = Duration::from_millis(800);
    let mut owner = OsReactor::new().expect("a reactor");
    let key = owner.listen_tcp(([127, 0, 0, 1], 0).into(), &ListenOptions::default()).expect("a listener");
    let Ok(Addr::Ip(at)) = owner.local_addr(key) else { panic!("it has an address") };
    // It takes nothing itself, as a primary whose workers accept.
    owner.pause(key).expect("it is there");
    let sleepers: Vec<_> = (0..3)
        .map(|_| {
            let fd = owner.share(key).expect("a copy");
            std::thread::spawn(move || {
                let mut reactor = OsReactor::new().expect("a reactor");
                reactor.adopt_listener(fd).expect("it listens");
                let (begun, mut facts) = (Instant::now(), Vec::new());
                reactor.wait(Some(SLEEP), &mut facts).expect("the kernel waits");
                let woken = begun.elapsed() < SLEEP - Duration::from_millis(50);
                reactor.accept_more(16, &mut facts);
                (woken, facts.len())
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    let _peer = std::net::TcpStream::connect(at).expect("it listens");
    let seen: Vec<(bool, usize)> = sleepers.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    let taken: usize = seen.iter().map(|(_, taken)| taken).sum();
    assert!(taken <= 1, "{seen:?}");
    if taken == 0 {
        // All had given up before it came.
        return false;
    }
    let mut facts = Vec::new();
    owner.wait(Some(Duration::ZERO), &mut facts).expect("the kernel answers");
    owner.accept_more(16, &mut facts);
    assert_eq!(facts, [], "the owner is not told");
    seen.iter().filter(|(woken, _)| *woken).count() == 1
}

/// On a busy machine one may not sleep yet when the connection comes.
#[cfg(target_os = "linux")]
#[test]
fn a_connection_wakes_one_of_those_that_share_a_listener() {
    assert!((0..5).any(|_| one_is_woken()));
}

#[test]
fn p05_descriptors_beyond_what_a_peer_sends_are_an_error_and_none_stays_open() {
    use std::os::fd::AsFd as _;
    in_a_child("p05_descriptors_beyond_what_a_peer_sends_are_an_error_and_none_stays_open", || {
        let open = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let (ours, theirs) = process::pair().expect("a pair");
        let before = open();
        let flood = |count: usize| {
            let fds = vec![theirs.as_fd(); count];
            let mut space = vec![std::mem::MaybeUninit::uninit(); 4096];
            let mut rights = rustix::net::SendAncillaryBuffer::new(&mut space);
            assert!(rights.push(rustix::net::SendAncillaryMessage::ScmRights(&fds)));
            let bytes = [std::io::IoSlice::new(b"x")];
            let sent = rustix::net::sendmsg(&theirs, &bytes, &mut rights, rustix::net::SendFlags::empty());
            assert_eq!(sent, Ok(1));
        };
        let (mut buf, mut fds) = ([0; 16], Vec::new());
        flood(1);
        assert_eq!(process::receive(&ours, &mut buf, &mut fds), Ok(1));
        assert_eq!((fds.len(), open()), (1, before + 1));
        fds.clear();
        for count in [64, 253] {
            flood(count);
            // The kernel has cut the list off (MSG_CTRUNC) and closed the rest; what did come goes with `fds`.
            assert_eq!(process::receive(&ours, &mut buf, &mut fds), Err(Errno::EMSGSIZE), "{count}");
            fds.clear();
            assert_eq!(open(), before, "{count}");
        }
    });
}

/// Runs `test` in a process of its own: limits and the number of descriptors are the process's.
fn in_a_child(name: &str, test: impl FnOnce()) {
    const MARK: &str = "SKEP_TEST_CHILD";
    if std::env::var(MARK).is_ok_and(|of| of == name) {
        return test();
    }
    let this = std::env::current_exe().expect("the test runs");
    let path = module_path!().split_once("::").expect("a crate and a module").1;
    let status = Command::new(this)
        .args(["--exact", &format!("{path}::{name}"), "--nocapture"])
        .env(MARK, name)
        .status()
        .expect("the test can be started again");
    assert!(status.success());
}

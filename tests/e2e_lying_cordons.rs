//! A process of tenants that lies to the one with the fronts, as one that was taken over could: it is ended for it and its
//! tenants come back, the others are served all the while, and nothing stays behind. It must not know who deals with a lie.
#![cfg(target_os = "linux")]
mod support;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use support::processes::lives;
use support::{Client, Server, eventually, file, folder, signal, skep};

const SERVING: u8 = 8;
const BACK: u8 = 9;
const VIEWS: u8 = 10;
const CHANGED: u8 = 11;
const HAND: u8 = 37;

/// Flags of a frame.
const WITH: u8 = 1;
const MORE: u8 = 2;

/// A tenant that does what it is to, and one for each lie: in processes of their own, so that no lie waits for another's
/// process to come back.
struct Hive {
    server: Server,
    neighbour: Client,
    admin: PathBuf,
    lies: usize,
    /// Those that were ended.
    liars: Vec<(String, u32)>,
    descriptors: usize,
}

impl Hive {
    fn start(count: usize) -> Hive {
        Hive::start_with(count, "")
    }

    /// Liars are configured so.
    fn start_with(count: usize, config: &str) -> Hive {
        let place = folder();
        for number in 0..count {
            file(&place, &format!("liar{number}/skep.toml"), config);
        }
        let names = (0..count).map(|number| format!("liar{number}"));
        for name in names.chain(["good".into()]) {
            let code = "require('http').createServer((req, res) => res.end(String(process.pid))).listen(80);";
            file(&place, &format!("{name}/index.js"), code);
        }
        let admin = folder().join("admin.sock");
        let mut command = skep();
        command
            .arg("serve")
            .arg(&place)
            .args(["--listen", "127.0.0.1:0", "--process-per-tenant", "--admin"])
            .arg(&admin);
        let mut shell = std::process::Command::new("sh");
        shell.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        shell.args(["-c", "exec \"$@\" 2>&1", "sh"]).arg(command.get_program()).args(command.get_args());
        let mut server = Server::spawn(shell.stdin(std::process::Stdio::null()));
        let line = server.line();
        let port = line.strip_prefix("skep: listening on 127.0.0.1:").and_then(|port| port.parse().ok());
        server.port = port.unwrap_or_else(|| panic!("where it listens, not {line:?}"));
        let neighbour = server.client();
        let mut hive = Hive { server, neighbour, admin, lies: 0, liars: Vec::new(), descriptors: 0 };
        hive.ask_neighbour();
        for number in 0..count {
            assert!(hive.visit(&format!("liar{number}")).1.is_some(), "it is served");
        }
        hive.descriptors = hive.server.fds();
        hive
    }

    fn ask_neighbour(&mut self) {
        self.neighbour.send("GET / HTTP/1.1\r\nHost: good.localhost\r\n\r\n");
        assert_eq!(self.neighbour.response().status, 200, "others are served");
    }

    /// The process of a tenant; the connection is open until it is dropped.
    fn visit(&self, name: &str) -> (Client, Option<u32>) {
        let mut client = self.server.client();
        client.send(format!("GET / HTTP/1.1\r\nHost: {name}.localhost\r\n\r\n"));
        let answer = client.response();
        let pid = (answer.status == 200).then(|| answer.text().parse().expect("a number"));
        (client, pid)
    }

    /// The next liar lies: it is ended with these words.
    fn ends(&mut self, what: &str, words: &str, lie: impl FnOnce(&Hive, &Liar)) {
        let name = format!("liar{}", self.lies);
        self.lies += 1;
        // Two connections are given to it besides the one that started it.
        let ((_one, pid), _two) = (self.visit(&name), self.visit(&name));
        let pid = pid.expect("it is served");
        let liar = Liar::find(pid);
        lie(self, &liar);
        // As long as anybody has the channel it has not ended.
        drop(liar);
        let lines = self.server.until(&format!("skep: tenants of {name}/1: process {pid} {words}"));
        assert!(!lines.iter().any(|line| line.contains("panicked")), "{what}: {lines:?}");
        self.ask_neighbour();
        self.liars.push((name, pid));
    }

    fn breaks(&mut self, what: &str, fault: &str, lie: impl FnOnce(&Hive, &Liar)) {
        self.ends(what, &format!("its channel brought {fault}, and was ended by signal 9"), lie);
    }

    /// Has an operator ask how all are, and the liar, who does not answer by itself any more, lie while it is waited for.
    fn asked(&self, liar: &Liar, lie: impl FnOnce()) {
        signal(liar.pid, "STOP");
        let mut socket = UnixStream::connect(&self.admin).expect("it listens");
        socket.write_all(b"GET /tenants HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("taken");
        let unread = || rustix::io::ioctl_fionread(&liar.channel).expect("a socket");
        eventually("the question has come", || unread() >= 16);
        lie();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("good"), "{answer}");
    }

    /// All come back, and no descriptor was left by what they sent.
    fn all_come_back(self) {
        for (name, pid) in &self.liars {
            eventually("it is started anew", || self.visit(name).1.is_some_and(|other| other != *pid));
        }
        eventually("descriptors are as many as before", || self.server.fds() == self.descriptors);
    }
}

/// The inside of a process of tenants.
struct Liar {
    pid: u32,
    process: OwnedFd,
    channel: OwnedFd,
}

impl Liar {
    fn find(pid: u32) -> Liar {
        let number = Pid::from_raw(pid as i32).expect("not zero");
        let process = pidfd_open(number, PidfdFlags::empty()).expect("it lives");
        let is_channel = |fd: &OwnedFd| {
            let local = rustix::net::getsockname(fd).map(|at| at.address_family());
            local == Ok(rustix::net::AddressFamily::UNIX) && rustix::net::getpeername(fd).is_ok()
        };
        let channel = descriptors(&process).into_iter().find(is_channel).expect("it has a channel");
        Liar { pid, process, channel }
    }

    /// A connection that it was given.
    fn connection(&self) -> OwnedFd {
        let is_one = |fd: &OwnedFd| {
            let end = rustix::net::getpeername(fd).ok().flatten();
            end.is_some_and(|end| SocketAddr::try_from(end).is_ok())
        };
        descriptors(&self.process).into_iter().find(is_one).expect("it has a connection")
    }

    /// Sends bytes with descriptors; what the other side does not want to hear any more is lost.
    fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) {
        let (mut at, mut fds) = (0, fds);
        while at < bytes.len() {
            let mut space = vec![std::mem::MaybeUninit::uninit(); 4096];
            let mut rights = rustix::net::SendAncillaryBuffer::new(&mut space);
            assert!(fds.is_empty() || rights.push(rustix::net::SendAncillaryMessage::ScmRights(fds)));
            let flags = rustix::net::SendFlags::NOSIGNAL;
            match rustix::net::sendmsg(&self.channel, &[std::io::IoSlice::new(&bytes[at..])], &mut rights, flags) {
                Ok(count) => (at, fds) = (at + count, &[]),
                Err(rustix::io::Errno::AGAIN) => std::thread::yield_now(),
                Err(_ended) => return,
            }
        }
    }
}

/// Copies of all that a process has open.
fn descriptors(process: &OwnedFd) -> Vec<OwnedFd> {
    let copy = |number| pidfd_getfd(process, number, PidfdGetfdFlags::empty()).ok();
    (0..64).filter_map(copy).collect()
}

fn frame(kind: u8, flags: u8, id: u64, payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_le_bytes()[..], &[kind, flags, 0, 0], &id.to_le_bytes(), payload].concat()
}

#[test]
fn p04_frames_that_none_of_ours_sends_end_the_process_that_sent_them() {
    let place = "a frame out of place";
    let cases: [(&str, Vec<u8>, &str); 11] = [
        ("nonsense", vec![0xff; 64], "a frame of no known kind"),
        ("an unknown kind", frame(99, 0, 0, b""), "a frame of no known kind"),
        ("an unknown flag", frame(CHANGED, 0x80, 0, b""), "a frame with an unknown flag"),
        ("an endless frame", frame(VIEWS, 0, 0, &[b' '; (1 << 20) + 1]), "a frame that is too long"),
        ("one of the other side", frame(HAND, WITH, 0, b"{}"), "a frame that only the other side sends"),
        ("one between scripts", frame(32, 0, 0, b"{}"), place),
        ("the end of a guest", frame(1, 0, 0, &[0; 8]), place),
        ("serving twice", frame(SERVING, 0, 0, b""), place),
        ("the answer to no question", frame(VIEWS, 0, 0, b"[]"), place),
        ("a connection that is not there", frame(BACK, 0, 0, b""), "a frame without its descriptor"),
        ("a connection that has not come", frame(BACK, WITH, 0, b""), "a frame without its descriptor"),
    ];
    let mut hive = Hive::start(cases.len() + 1);
    for (what, bytes, fault) in &cases {
        hive.breaks(what, fault, |_, liar| liar.send(bytes, &[]));
    }
    hive.ends("a frame cut short", "was ended by signal 9", |_, liar| {
        liar.send(&frame(CHANGED, 0, 0, b"")[..7], &[]);
        rustix::net::shutdown(&liar.channel, rustix::net::Shutdown::Write).expect("it is connected");
    });
    hive.all_come_back();
}

#[test]
fn p05_what_is_no_connection_of_ours_cannot_be_given_back() {
    let passwd: OwnedFd = std::fs::File::open("/etc/passwd").expect("it is there").into();
    let (pipe, _end) = std::io::pipe().expect("a pipe");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let foreign = TcpStream::connect(listener.local_addr().expect("its port")).expect("it listens");
    let (unix, _other) = UnixStream::pair().expect("a pair");
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let cases = [
        ("a file", passwd.as_fd()),
        ("a pipe", pipe.as_fd()),
        ("a listener", listener.as_fd()),
        ("a connection to elsewhere", foreign.as_fd()),
        ("a pair of its own", unix.as_fd()),
        ("datagrams", datagrams.as_fd()),
    ];
    let nobodys = "a descriptor that belongs to no frame";
    let mut hive = Hive::start(cases.len() + 5);
    for (what, fd) in cases {
        hive.breaks(what, nobodys, |_, liar| liar.send(&frame(BACK, WITH, 0, b""), &[fd]));
    }
    hive.breaks("its own end of the front", nobodys, |hive, liar| {
        // The client's end: its own port is not the front's.
        let client = TcpStream::connect(("127.0.0.1", hive.server.port)).expect("it listens");
        liar.send(&frame(BACK, WITH, 0, b""), &[client.as_fd()]);
    });
    hive.breaks("a descriptor with what has none", nobodys, |_, liar| {
        liar.send(&frame(CHANGED, 0, 0, b""), &[passwd.as_fd()]);
    });
    hive.breaks("a flood of descriptors", nobodys, |_, liar| {
        liar.send(&frame(BACK, WITH, 0, b""), &[unix.as_fd(); 200]);
    });
    hive.breaks("more than can be unread", nobodys, |_, liar| {
        liar.send(&frame(BACK, WITH, 0, &[b'x'; 1 << 20]), &[liar.connection().as_fd()]);
    });
    // Three were given.
    hive.breaks("more than were given", "a frame out of place", |_, liar| {
        let one = liar.connection();
        (0..4).for_each(|_| liar.send(&frame(BACK, WITH, 0, b""), &[one.as_fd()]));
    });
    hive.all_come_back();
}

/// How a tenant is, as a process tells it.
fn view(number: u32) -> String {
    format!(
        "[{{\"number\":{number},\"name\":\"good\",\"state\":\"running\",\"starts\":18446744073709551615,\"hibernations\":0,
          \"wakes\":0,\"held\":false,\"guests\":[],\"processes\":[1]}}]"
    )
}

#[test]
fn p04_a_process_tells_of_its_own_tenants_and_once_a_question() {
    let place = "a frame out of place";
    let mut hive = Hive::start(5);
    hive.breaks("of a tenant that is not its own", place, |hive, liar| {
        hive.asked(liar, || liar.send(&frame(VIEWS, 0, 1, view(1).as_bytes()), &[]));
    });
    hive.breaks("twice to one question", place, |hive, liar| {
        let answer = frame(VIEWS, 0, 2, view(0).as_bytes());
        hive.asked(liar, || liar.send(&answer, &[]));
        assert!(lives(liar.pid), "the first answer is as good as any");
        liar.send(&frame(VIEWS, 0, 1, view(0).as_bytes()), &[]);
    });
    hive.breaks("to a question that is not asked yet", place, |hive, liar| {
        hive.asked(liar, || liar.send(&frame(VIEWS, 0, 99, b"[]"), &[]));
    });
    hive.breaks("without an end", "a message that is too long", |hive, liar| {
        let part = frame(VIEWS, MORE, 4, &[b' '; 100_000]);
        hive.asked(liar, || (0..8).for_each(|_| liar.send(&part, &[])));
    });
    hive.breaks("a flood of what may be said", "a frame of no known kind", |hive, liar| {
        liar.send(&frame(CHANGED, 0, 0, b"").repeat(100_000), &[]);
        assert!(hive.visit("good").1.is_some(), "others are served meanwhile");
        liar.send(&frame(99, 0, 0, b""), &[]);
    });
    hive.all_come_back();
}

#[test]
fn p04_a_process_that_takes_nothing_costs_a_bounded_number_of_bytes_and_descriptors() {
    let mut hive = Hive::start_with(2, &format!("env = {{ LONG = '{}' }}\n", "x".repeat(3 << 20)));
    hive.ends("no orders", "takes nothing of what it is told, and was ended by signal 9", |hive, liar| {
        signal(liar.pid, "STOP");
        for _ in 0..40 {
            if !lives(liar.pid) {
                return;
            }
            hive.server.signal("HUP");
            // It answers operators when the signal before has been dealt with.
            hive.asked(liar, || ());
        }
        panic!("it has left 120 MiB untaken, and lives");
    });
    let (_client, pid) = hive.visit("liar1");
    let pid = pid.expect("it is served");
    signal(pid, "STOP");
    let wait = |_| {
        let mut client = hive.server.client();
        client.send("GET / HTTP/1.1\r\nHost: liar1.localhost\r\n\r\n");
        client
    };
    let mut clients: Vec<Client> = (0..900).map(wait).collect();
    assert_eq!(clients.last_mut().expect("there are many").response().status, 503);
    assert!(hive.server.fds() < hive.descriptors + 700, "connections that wait to be taken");
    hive.ask_neighbour();
    signal(pid, "KILL");
}

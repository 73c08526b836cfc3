//! A process of tenants that lies to the one with the fronts, as one that was taken over could: it is ended for it and its
//! tenants come back, the others are served all the while, and nothing stays behind. It must not know who deals with a lie.
#![cfg(target_os = "linux")]
mod support;

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use support::processes::lives;
use support::serve::{Admin, Hive, ask, plain, tenants};
use support::{Client, eventually, file, folder, many_descriptors, signal};

const SERVING: u8 = 8;
const BACK: u8 = 9;
const VIEWS: u8 = 10;
const CHANGED: u8 = 11;
const LINES: u8 = 12;
const WANT: u8 = 13;
const BEAT: u8 = 14;
const HAND: u8 = 37;

/// Flags of a frame.
const WITH: u8 = 1;
const MORE: u8 = 2;

/// A tenant that does what it is to, and one for each lie: in processes of their own, so that no lie waits for another's
/// process to come back.
struct Liars {
    place: PathBuf,
    hive: Hive,
    neighbour: Client,
    admin: Admin,
    lies: usize,
    /// Those that were ended.
    ended: Vec<(String, u32)>,
    descriptors: usize,
}

impl Liars {
    fn start(count: usize) -> Liars {
        Liars::start_with(count, "")
    }

    /// They are configured so.
    fn start_with(count: usize, config: &str) -> Liars {
        let place = tenants(&[("good/index.js", &plain("good"))]);
        for number in 0..count {
            file(&place, &format!("liar{number}/skep.toml"), config);
            file(&place, &format!("liar{number}/index.js"), &plain("liar"));
        }
        let admin = Admin::in_folder(&folder());
        let [flag, socket] = admin.words();
        let hive = Hive::start_with(&place, &["--process-per-tenant", flag, socket]);
        let neighbour = hive.client();
        let mut liars = Liars { place, hive, neighbour, admin, lies: 0, ended: Vec::new(), descriptors: 0 };
        liars.ask_neighbour();
        for number in 0..count {
            assert!(liars.visit(&format!("liar{number}")).1.is_some(), "it is served");
        }
        // The connections of those visits go when they go.
        let look = |_| {
            std::thread::sleep(Duration::from_millis(10));
            liars.hive.server.fds()
        };
        liars.descriptors = (0..20).map(look).min().expect("twenty");
        liars
    }

    fn ask_neighbour(&mut self) {
        assert_eq!(ask(&mut self.neighbour, "good.localhost", "/").status, 200, "others are served");
    }

    /// The process of a tenant; the connection is open until it is dropped.
    fn visit(&self, name: &str) -> (Client, Option<u32>) {
        let mut client = self.hive.client();
        let answer = ask(&mut client, &format!("{name}.localhost"), "/pid");
        let pid = (answer.status == 200).then(|| answer.text().parse().expect("a number"));
        (client, pid)
    }

    /// The next liar lies: it is ended with these words.
    fn ends(&mut self, what: &str, words: &str, lie: impl FnOnce(&Liars, &Liar)) {
        let name = format!("liar{}", self.lies);
        self.lies += 1;
        // Two connections are given to it besides the one that started it.
        let ((_one, pid), _two) = (self.visit(&name), self.visit(&name));
        let pid = pid.expect("it is served");
        let liar = Liar::find(pid);
        lie(self, &liar);
        // As long as anybody has the channel it has not ended.
        drop(liar);
        let lines = self.hive.server.until(&format!("skep: tenants of {name}/1: process {pid} {words}"));
        assert!(!lines.iter().any(|line| line.contains("panicked")), "{what}: {lines:?}");
        self.ask_neighbour();
        self.ended.push((name, pid));
    }

    fn breaks(&mut self, what: &str, fault: &str, lie: impl FnOnce(&Liars, &Liar)) {
        self.ends(what, &format!("its channel brought {fault}, and was ended by signal 9"), lie);
    }

    /// Has an operator ask how all are, and the liar, who does not answer by itself any more, lie while it is waited for.
    fn asked(&self, liar: &Liar, lie: impl FnOnce()) {
        signal(liar.pid, "STOP");
        let mut operator = self.admin.connect();
        operator.send("GET /tenants HTTP/1.1\r\nHost: x\r\n\r\n");
        let unread = || rustix::io::ioctl_fionread(&liar.channel).expect("a socket");
        eventually("the question has come", || unread() >= 16);
        lie();
        let answer = operator.response();
        assert!(answer.status == 200 && answer.text().contains("good"), "{}", answer.text());
    }

    /// All come back, and no descriptor was left by what they sent.
    fn all_come_back(self) {
        for (name, pid) in &self.ended {
            eventually("it is started anew", || self.visit(name).1.is_some_and(|other| other != *pid));
        }
        eventually("descriptors are as many as before", || self.hive.server.fds() <= self.descriptors);
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

/// Copies of all that a process has open, but for its standard streams.
fn descriptors(process: &OwnedFd) -> Vec<OwnedFd> {
    let copy = |number| pidfd_getfd(process, number, PidfdGetfdFlags::empty()).ok();
    (3..64).filter_map(copy).collect()
}

fn frame(kind: u8, flags: u8, id: u64, payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_le_bytes()[..], &[kind, flags, 0, 0], &id.to_le_bytes(), payload].concat()
}

#[test]
fn p04_frames_that_none_of_ours_sends_end_the_process_that_sent_them() {
    let place = "a frame out of place";
    let cases: [(&str, Vec<u8>, &str); 14] = [
        ("nonsense", vec![0xff; 64], "a frame of no known kind"),
        ("an unknown kind", frame(99, 0, 0, b""), "a frame of no known kind"),
        ("an unknown flag", frame(CHANGED, 0x80, 0, b""), "a frame with an unknown flag"),
        ("an endless frame", frame(VIEWS, 0, 0, &[b' '; (1 << 20) + 1]), "a frame that is too long"),
        ("one of the other side", frame(HAND, WITH, 0, b"{}"), "a frame that only the other side sends"),
        ("one between scripts", frame(32, 0, 0, b"{}"), place),
        ("the end of a guest", frame(1, 0, 0, &[0; 8]), place),
        ("serving twice", frame(SERVING, 0, 0, b""), place),
        ("the answer to no question", frame(VIEWS, 0, 0, b"[]"), place),
        ("the module of a tenant that it has not", frame(WANT, 0, 1, b""), place),
        ("a beat that nobody has asked for", frame(BEAT, 0, 1 << 40, b"[0,[]]"), place),
        ("a beat of another's tenant", frame(BEAT, 0, 0, b"[0,[[1,7]]]"), place),
        ("a connection that is not there", frame(BACK, 0, 0, b""), "a frame without its descriptor"),
        ("a connection that has not come", frame(BACK, WITH, 0, b""), "a frame without its descriptor"),
    ];
    let mut liars = Liars::start(cases.len() + 1);
    for (what, bytes, fault) in &cases {
        liars.breaks(what, fault, |_, liar| liar.send(bytes, &[]));
    }
    liars.ends("a frame cut short", "was ended by signal 9", |_, liar| {
        liar.send(&frame(CHANGED, 0, 0, b"")[..7], &[]);
        rustix::net::shutdown(&liar.channel, rustix::net::Shutdown::Write).expect("it is connected");
    });
    liars.all_come_back();
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
    let mut liars = Liars::start(cases.len() + 5);
    for (what, fd) in cases {
        liars.breaks(what, nobodys, |_, liar| liar.send(&frame(BACK, WITH, 0, b""), &[fd]));
    }
    liars.breaks("its own end of the front", nobodys, |liars, liar| {
        // The client's end: its own port is not the front's.
        let client = TcpStream::connect(("127.0.0.1", liars.hive.server.port)).expect("it listens");
        liar.send(&frame(BACK, WITH, 0, b""), &[client.as_fd()]);
    });
    liars.breaks("a descriptor with what has none", nobodys, |_, liar| {
        liar.send(&frame(CHANGED, 0, 0, b""), &[passwd.as_fd()]);
    });
    liars.breaks("a flood of descriptors", nobodys, |_, liar| {
        liar.send(&frame(BACK, WITH, 0, b""), &[unix.as_fd(); 200]);
    });
    liars.breaks("more than can be unread", nobodys, |_, liar| {
        liar.send(&frame(BACK, WITH, 0, &[b'x'; 1 << 20]), &[liar.connection().as_fd()]);
    });
    // Three were given.
    liars.breaks("more than were given", "a frame out of place", |_, liar| {
        let one = liar.connection();
        (0..4).for_each(|_| liar.send(&frame(BACK, WITH, 0, b""), &[one.as_fd()]));
    });
    liars.all_come_back();
}

#[test]
fn p05_copies_of_one_connection_are_one_descriptor_of_the_fronts() {
    let mut liars = Liars::start(1);
    for _ in 0..200 {
        assert!(liars.visit("liar0").1.is_some(), "it is served");
    }
    liars.breaks("a flood of copies", "a frame of no known kind", |_, liar| {
        let one = liar.connection();
        (0..200).for_each(|_| liar.send(&frame(BACK, WITH, 0, b""), &[one.as_fd()]));
        liar.send(&frame(99, 0, 0, b""), &[]);
    });
    let now = liars.hive.server.fds();
    assert!(now <= liars.descriptors + 8, "{now} descriptors, {} before", liars.descriptors);
    liars.all_come_back();
}

/// How a tenant is, as a process tells it.
fn view(number: u32) -> String {
    format!(
        "[{{}},[{{\"number\":{number},\"name\":\"good\",\"state\":\"running\",\"starts\":18446744073709551615,\"hibernations\":0,
          \"wakes\":0,\"crashes\":0,\"snapshots\":0,\"snapshot_bytes\":0,\"snapshot_kept\":false,\"held\":false,\"guests\":[],\"processes\":[1]}}]]"
    )
}

#[test]
fn p04_a_process_tells_of_its_own_tenants_and_once_a_question() {
    let place = "a frame out of place";
    let mut liars = Liars::start(5);
    liars.breaks("of a tenant that is not its own", place, |liars, liar| {
        liars.asked(liar, || liar.send(&frame(VIEWS, 0, 1, view(1).as_bytes()), &[]));
    });
    liars.breaks("twice to one question", place, |liars, liar| {
        let answer = frame(VIEWS, 0, 2, view(0).as_bytes());
        liars.asked(liar, || liar.send(&answer, &[]));
        assert!(lives(liar.pid), "the first answer is as good as any");
        liar.send(&frame(VIEWS, 0, 1, view(0).as_bytes()), &[]);
    });
    liars.breaks("to a question that is not asked yet", place, |liars, liar| {
        liars.asked(liar, || liar.send(&frame(VIEWS, 0, 99, b"[]"), &[]));
    });
    liars.breaks("without an end", "a message that is too long", |liars, liar| {
        let part = frame(VIEWS, MORE, 4, &[b' '; 100_000]);
        liars.asked(liar, || (0..8).for_each(|_| liar.send(&part, &[])));
    });
    liars.breaks("a flood of what may be said", "a frame of no known kind", |liars, liar| {
        liar.send(&frame(CHANGED, 0, 0, b"").repeat(100_000), &[]);
        assert!(liars.visit("good").1.is_some(), "others are served meanwhile");
        liar.send(&frame(99, 0, 0, b""), &[]);
    });
    liars.all_come_back();
}

#[test]
fn p04_an_answer_about_many_tenants_has_its_bound_too() {
    let place = tenants(&[("good/index.js", &plain("good"))]);
    for number in 0..200 {
        file(&place, &format!("liar{number}/skep.toml"), "group = 'liars'\n");
        file(&place, &format!("liar{number}/index.js"), &plain("liar"));
    }
    let admin = Admin::in_folder(&folder());
    let [flag, socket] = admin.words();
    let mut hive = Hive::start_with(&place, &["--processes", "1", flag, socket]);
    let pid = hive.pid("liar7.localhost");
    let liar = Liar::find(pid);
    signal(pid, "STOP");
    let mut operator = admin.connect();
    operator.send("GET /tenants HTTP/1.1\r\nHost: x\r\n\r\n");
    eventually("the question has come", || rustix::io::ioctl_fionread(&liar.channel).expect("a socket") >= 16);
    // Each tenant may have a guest and one that takes its place: some 7 MiB.
    let part = frame(VIEWS, MORE, 1, &[b' '; 1 << 20]);
    (0..16).for_each(|_| liar.send(&part, &[]));
    drop(liar);
    let fault = "its channel brought a message that is too long, and was ended by signal 9";
    hive.server.until(&format!("skep: tenants of liars/1: process {pid} {fault}"));
    assert_eq!(operator.response().status, 200);
    assert_eq!(hive.get("good.localhost", "/").status, 200);
}

#[test]
fn p04_a_process_that_takes_nothing_costs_a_bounded_number_of_bytes_and_descriptors() {
    let long = |number| format!("env = {{ LONG = '{number}{}' }}\n", "x".repeat(3 << 20));
    many_descriptors();
    let mut liars = Liars::start_with(2, &long(0));
    let (client, pid) = liars.visit("liar0");
    let pid = pid.expect("it is served");
    let liar = Liar::find(pid);
    signal(pid, "STOP");
    for _ in 0..8 {
        liars.hive.server.signal("HUP");
        liars.hive.server.until("skep: 3 tenants");
    }
    let unread = rustix::io::ioctl_fionread(&liar.channel).expect("a socket");
    assert!(unread < 16 << 10, "{unread} bytes: what has not changed is not told again");
    drop(liar);
    signal(pid, "CONT");
    assert_eq!(liars.visit("liar0").1, Some(pid), "it goes on");
    drop(client);
    liars.ends("no orders", "takes nothing of what it is told, and was ended by signal 9", |liars, liar| {
        signal(liar.pid, "STOP");
        for round in 1..=40 {
            if !lives(liar.pid) {
                return;
            }
            file(&liars.place, "liar0/skep.toml", &long(round));
            liars.hive.server.signal("HUP");
            // It answers operators when the signal before has been dealt with.
            liars.asked(liar, || ());
        }
        panic!("it has left 120 MiB untaken, and lives");
    });
    let (_client, pid) = liars.visit("liar1");
    let pid = pid.expect("it is served");
    signal(pid, "STOP");
    let wait = |_| {
        let mut client = liars.hive.server.client();
        client.send("GET / HTTP/1.1\r\nHost: liar1.localhost\r\n\r\n");
        client
    };
    let mut clients: Vec<Client> = (0..900).map(wait).collect();
    assert_eq!(clients.last_mut().expect("there are many").response().status, 503);
    assert!(liars.hive.server.fds() < liars.descriptors + 700, "connections that wait to be taken");
    liars.ask_neighbour();
    signal(pid, "KILL");
}

/// A line of a log, as a process tells it.
fn line(slot: u32, stream: u8, text: &[u8]) -> Vec<u8> {
    [&slot.to_le_bytes()[..], &[stream], &(text.len() as u32).to_le_bytes(), text].concat()
}

#[test]
fn p04_a_process_prints_for_its_own_tenants_and_no_more_than_they_may() {
    let place = "a frame out of place";
    let cases = [
        ("for a tenant that is not its own", line(1, 0, b"good: all is well")),
        ("on no known stream", line(0, 4, b"x")),
        ("half a line", line(0, 0, b"one")[..11].to_vec()),
        ("a line without an end", line(0, 0, &[b'x'; 100_000])),
        ("a trace that is none", line(0, 3, b"{\"tenant\":\"good\"}")),
    ];
    let mut hive = Liars::start(cases.len() + 1);
    for (what, bytes) in &cases {
        hive.breaks(what, place, |_, liar| liar.send(&frame(LINES, 0, 0, bytes), &[]));
    }
    let name = format!("liar{}", cases.len());
    let (_client, pid) = hive.visit(&name);
    let liar = Liar::find(pid.expect("it is served"));
    let forged = line(0, 0, b"x\n{\"tenant\":\"good\"}\ngood: \x1b[2J");
    liar.send(&frame(LINES, 0, 0, &forged), &[]);
    let shown = format!("{name}: x\\x0a{{\"tenant\":\"good\"}}\\x0agood: \\x1b[2J");
    hive.hive.server.until(&shown);
    // 64 MiB in lines, where a tenant has one a second: read by nobody but who asks. Each frame is so small that the channel
    // takes it whole or not at all: the process itself goes on, and must not say anything in the middle of one.
    let flood = frame(LINES, 0, 0, &line(0, 0, &[b'y'; 1000]).repeat(16));
    (0..4096).for_each(|_| liar.send(&flood, &[]));
    hive.ask_neighbour();
    let told = "lines of ";
    let kept = || hive.admin.ask("GET", &format!("/tenants/{name}/logs"), "").text();
    eventually("what was dropped is told", || {
        liar.send(&frame(LINES, 0, 0, &line(0, 0, b"on")), &[]);
        let kept = kept();
        assert!(kept.len() < 512 << 10, "{} bytes are kept", kept.len());
        kept.contains(told) && kept.contains("were dropped: more than it may print")
    });
    assert!(lives(liar.pid), "it may go on");
    assert!(!hive.admin.ask("GET", "/tenants/good/logs", "").text().contains("yyy"));
    hive.all_come_back();
}

#[test]
fn a_process_that_goes_on_no_more_is_ended() {
    let mut hive = Liars::start(1);
    let (_client, pid) = hive.visit("liar0");
    let pid = pid.expect("it is served");
    signal(pid, "STOP");
    hive.hive
        .server
        .until(&format!("skep: tenants of liar0/1: process {pid} does not answer, and was ended by signal 9"));
    assert!(hive.visit("good").1.is_some(), "who has nothing to do is not taken for silent");
    eventually("it is started anew", || hive.visit("liar0").1.is_some_and(|other| other != pid));
}

#[test]
fn p04_false_alarms_of_a_process_are_heard_ever_less_often() {
    let mut liars = Liars::start(1);
    let (_client, pid) = liars.visit("liar0");
    let liar = Liar::find(pid.expect("it is served"));
    // As it began.
    liars.hive.server.until("skep: 2 tenants");
    let began = Instant::now();
    liar.send(&frame(CHANGED, 0, 0, b""), &[]);
    liars.hive.server.until("skep: 2 tenants");
    liar.send(&frame(CHANGED, 0, 0, b""), &[]);
    liars.hive.server.until("skep: 2 tenants");
    // The first is heard after half a second, the next a second later.
    assert!(began.elapsed() >= Duration::from_millis(1500), "{:?}", began.elapsed());
    liars.ask_neighbour();
}

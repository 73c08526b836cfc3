//! kill -9 of one of four workers, again and again, under load: nothing is refused, nothing hangs, and no request is lost but
//! on connections that a killed worker had begun, as the primary's ledger tells. benches/processes.py does it 200 times and
//! measures. It must not know how connections are dealt.
#![cfg(target_os = "linux")]
mod support;

use rustix::net::{AddressFamily, SocketType};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use support::{DEADLINE, Server, file, folder, skep};

const KILLS: usize = 20;
const CLIENTS: u32 = 4;

/// A request that takes longer hangs. (The bench says 1 s, on a machine that does nothing else.)
const SLOW: Duration = Duration::from_secs(10);

const PRIMARY: &str = "var cluster = require('cluster'), http = require('http');
if (cluster.isPrimary) {
  for (var i = 0; i < 4; i++) cluster.fork();
  cluster.on('listening', function (w, a) { console.log('UP ' + w.process.pid + ' ' + a.port); });
  cluster.on('exit', function (w, c, s) { console.log('DOWN ' + w.process.pid + ' ' + s); cluster.fork(); });
} else {
  http.createServer(function (q, s) { s.end('fine'); }).listen(0, '127.0.0.1');
}";

#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    served: AtomicU32,
    refused: AtomicU32,
    slow: AtomicU32,
    connections: AtomicU32,
    lost: Mutex<Vec<Ipv4Addr>>,
}

impl Seen {
    /// A connection from an address of its own, by which it can be told apart: ports come again.
    fn connect(&self, port: u16) -> Option<(Ipv4Addr, TcpStream)> {
        let [_, a, b, c] = self.connections.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let own = Ipv4Addr::new(127, a + 1, b, c);
        let fd = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        rustix::net::bind(&fd, &SocketAddr::from((own, 0))).expect("an address on this machine");
        rustix::net::connect(&fd, &SocketAddr::from(([127, 0, 0, 1], port))).ok()?;
        Some((own, TcpStream::from(fd)))
    }
}

/// One connection after another, one request each.
fn ask(port: u16, seen: &Seen) {
    while !seen.stop.load(Ordering::Relaxed) {
        let Some((own, mut stream)) = seen.connect(port) else {
            seen.refused.fetch_add(1, Ordering::Relaxed);
            return;
        };
        stream.set_read_timeout(Some(DEADLINE)).expect("a time-out");
        let begun = Instant::now();
        let mut answer = Vec::new();
        let sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        // An error shows in what has come.
        let _lost = sent.and_then(|()| stream.read_to_end(&mut answer));
        seen.slow.fetch_add(u32::from(begun.elapsed() > SLOW), Ordering::Relaxed);
        if answer.ends_with(b"fine") {
            seen.served.fetch_add(1, Ordering::Relaxed);
        } else {
            seen.lost.lock().expect("no client panics with it").push(own);
        }
    }
}

/// Which process has begun which connection.
fn ledger(path: &Path) -> BTreeMap<Ipv4Addr, String> {
    let text = std::fs::read_to_string(path).expect("the primary keeps it");
    let line = |line: &str| {
        let (pid, peer) = line.split_once(' ')?;
        Some((peer.rsplit_once(':')?.0.parse().ok()?, pid.to_owned()))
    };
    text.lines().map(|each| line(each).unwrap_or_else(|| panic!("no line of a ledger: {each}"))).collect()
}

#[test]
fn only_what_a_killed_worker_had_begun_is_lost() {
    let script = file(&folder(), "main.js", PRIMARY);
    let path = folder().join("ledger");
    let mut server = Server::spawn(skep().args(["run", "--allow-fork=8"]).arg(script).env("SKEP_LEDGER", &path));
    let (mut up, mut port) = (Vec::new(), 0);
    let mut take = |server: &mut Server, up: &mut Vec<String>| {
        let line = server.line();
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] == "UP" {
            up.push(words[1].to_owned());
            port = words[2].parse().expect("a port");
        } else {
            assert_eq!(words[2], "SIGKILL", "{line}");
            up.retain(|pid| pid != words[1]);
        }
        port
    };
    let mut port = 0;
    while up.len() < 4 {
        port = take(&mut server, &mut up);
    }
    let seen = Arc::new(Seen::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let seen = seen.clone();
            thread::spawn(move || ask(port, &seen))
        })
        .collect();
    let (mut slowest, mut killed) = (Duration::ZERO, BTreeSet::new());
    for kill in 0..KILLS {
        let served = seen.served.load(Ordering::Relaxed);
        while seen.served.load(Ordering::Relaxed) < served + 20 {
            assert!(clients.iter().all(|client| !client.is_finished()), "a client has failed");
            thread::sleep(Duration::from_millis(1));
        }
        let victim = up[kill * 7 % 4].clone();
        let began = Instant::now();
        killed.insert(victim.clone());
        support::signal(victim.parse().expect("a number"), "KILL");
        while up.contains(&victim) || up.len() < 4 {
            take(&mut server, &mut up);
        }
        slowest = slowest.max(began.elapsed());
    }
    seen.stop.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().expect("no client fails"));
    assert_eq!((seen.refused.load(Ordering::Relaxed), seen.slow.load(Ordering::Relaxed)), (0, 0));
    let begun = ledger(&path);
    for own in seen.lost.lock().expect("all clients are done").iter() {
        let owner = begun.get(own);
        assert!(owner.is_some_and(|pid| killed.contains(pid)), "lost, and begun by {owner:?}; killed were {killed:?}");
    }
    assert!(begun.len() as u32 >= seen.served.load(Ordering::Relaxed), "what was served was begun");
    assert!(slowest < Duration::from_secs(20), "{slowest:?}");
    server.signal("TERM");
    let done = server.end();
    assert_eq!(done.err, "");
}

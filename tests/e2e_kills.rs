//! kill -9 of one of four workers, again and again, under load: nothing is refused, nothing hangs, and no request is lost but
//! on connections that a killed worker had begun. benches/processes.py does it 200 times and measures. It must not know how
//! connections are dealt.
mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::{DEADLINE, Server, file, folder, skep};

const KILLS: usize = 20;
const CLIENTS: u32 = 4;

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
    lost: AtomicU32,
    refused: AtomicU32,
}

/// One connection after another, one request each. A hang is a failure by its time-out.
fn ask(port: u16, seen: &Seen) {
    while !seen.stop.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
            seen.refused.fetch_add(1, Ordering::Relaxed);
            return;
        };
        stream.set_read_timeout(Some(DEADLINE)).expect("a time-out");
        let mut answer = Vec::new();
        let sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let got = sent.and_then(|()| stream.read_to_end(&mut answer));
        if let Err(error) = &got {
            let hung = matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
            assert!(!hung, "a request hangs");
        }
        let count = if answer.ends_with(b"fine") { &seen.served } else { &seen.lost };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn only_what_a_killed_worker_had_begun_is_lost() {
    let script = file(&folder(), "main.js", PRIMARY);
    let mut server = Server::spawn(skep().args(["run", "--allow-fork=8"]).arg(script));
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
    let mut slowest = Duration::ZERO;
    for kill in 0..KILLS {
        let served = seen.served.load(Ordering::Relaxed);
        while seen.served.load(Ordering::Relaxed) < served + 20 {
            assert!(clients.iter().all(|client| !client.is_finished()), "a client has failed");
            thread::sleep(Duration::from_millis(1));
        }
        let victim = up[kill * 7 % 4].clone();
        let began = Instant::now();
        support::signal(victim.parse().expect("a number"), "KILL");
        while up.contains(&victim) || up.len() < 4 {
            take(&mut server, &mut up);
        }
        slowest = slowest.max(began.elapsed());
    }
    seen.stop.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().expect("no client fails"));
    let lost = seen.lost.load(Ordering::Relaxed);
    assert_eq!(seen.refused.load(Ordering::Relaxed), 0);
    // A client has one connection at a time, so each kill can take one of each at most; mostly it takes none or one.
    assert!(lost <= KILLS as u32 * 2, "{lost} lost of {}", seen.served.load(Ordering::Relaxed));
    assert!(slowest < Duration::from_secs(20), "{slowest:?}");
    server.signal("TERM");
    let done = server.end();
    assert_eq!(done.err, "");
}

//! Rolling reloads: a worker leaves while others go on, and no client is to notice. What it was asked before it left, and what
//! comes soon after on a connection that it has, it answers, and says with the answer that it was the last. benches/
//! processes.py does it 50 times and measures. It must not know how connections are dealt.
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::{Client, Server, file, folder, skep};

const RELOADS: usize = 8;
const CLIENTS: usize = 6;

/// Workers are replaced one after another at SIGUSR2. With `none` each has the listener itself.
const PRIMARY: &str = "var cluster = require('cluster'), http = require('http');
if (cluster.isPrimary) {
  if (process.argv[2] === 'none') cluster.schedulingPolicy = cluster.SCHED_NONE;
  var up = 0;
  for (var i = 0; i < 2; i++) cluster.fork();
  cluster.on('listening', function (w, a) { if (++up === 2) console.log('PORT ' + a.port); });
  process.on('SIGUSR2', function () {
    var old = Object.values(cluster.workers);
    (function next() {
      var worker = old.pop();
      if (!worker) return console.log('RELOADED');
      cluster.fork().once('listening', function () { worker.once('exit', next); worker.disconnect(); });
    })();
  });
} else {
  http.createServer(function (q, s) { s.end(String(process.pid)); }).listen(0, '127.0.0.1');
}";

/// A worker that leaves waits a second for the next request: who is held up for longer finds the connection closed.
const LATE: Duration = Duration::from_millis(700);

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn start(policy: &str) -> Server {
    let script = file(&folder(), "main.js", PRIMARY);
    Server::launch(skep().args(["run", "--allow-fork=8"]).arg(script).arg(policy))
}

/// Asks again and again, as a client does that keeps its connections. A request without an answer fails it.
fn ask(port: u16, stop: &AtomicBool, served: &AtomicU32) {
    while !stop.load(Ordering::Relaxed) {
        let (mut client, mut last) = (Client::connect(port), Instant::now());
        for _ in 0..50 {
            if last.elapsed() > LATE {
                break;
            }
            client.send(GET);
            let answer = client.response();
            assert_eq!(answer.status, 200);
            last = Instant::now();
            served.fetch_add(1, Ordering::Relaxed);
            if answer.field("connection") == Some("close") {
                break;
            }
        }
    }
}

fn nothing_is_lost(policy: &str) {
    let mut server = start(policy);
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let client = |_| {
        let (port, stop, served) = (server.port, stop.clone(), served.clone());
        thread::spawn(move || ask(port, &stop, &served))
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    for _ in 0..RELOADS {
        let before = served.load(Ordering::Relaxed);
        server.signal("USR2");
        server.until("RELOADED");
        assert!(served.load(Ordering::Relaxed) > before, "the service goes on");
    }
    stop.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().expect("no request of a client fails"));
}

#[test]
fn a_reload_loses_no_request() {
    nothing_is_lost("dealt");
}

#[test]
fn a_reload_loses_no_request_where_workers_accept_themselves() {
    nothing_is_lost("none");
}

#[test]
fn a_worker_that_leaves_answers_once_more_and_says_so() {
    let mut server = start("dealt");
    let mut idle: Vec<Client> = (0..4).map(|_| server.client()).collect();
    let mut quiet: Vec<Client> = (0..2).map(|_| server.client()).collect();
    let fresh: Vec<Client> = (0..4).map(|_| server.client()).collect();
    let old: Vec<String> = idle
        .iter_mut()
        .map(|client| {
            client.send(GET);
            client.response().text()
        })
        .collect();
    for client in &mut quiet {
        client.send(GET);
        assert_eq!(client.response().field("connection"), Some("keep-alive"));
    }
    let begun = Instant::now();
    server.signal("USR2");
    // Each asks on until it is told: a connection that was never asked anything is no different.
    let mut all: Vec<(Client, Instant)> = idle.into_iter().chain(fresh).map(|client| (client, begun)).collect();
    while !all.is_empty() {
        all.retain_mut(|(client, last)| {
            if last.elapsed() > LATE {
                return false;
            }
            client.send(GET);
            let answer = client.response();
            assert_eq!(answer.status, 200);
            *last = Instant::now();
            let told = answer.field("connection") == Some("close");
            assert!(!told || client.is_closed());
            !told
        });
        thread::sleep(Duration::from_millis(5));
    }
    server.until("RELOADED");
    assert!(begun.elapsed() > Duration::from_secs(1), "who said nothing more was waited for");
    assert!(quiet.iter_mut().all(Client::is_closed), "and then closed");
    assert!(!old.contains(&server.get("/").text()), "nobody of old is left");
}

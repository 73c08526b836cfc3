//! Workers that share a listener: connections are dealt evenly, a worker that computes is passed over, and what a dead one
//! had not begun goes to another. It must not know how Node's interface is written.
#![cfg(target_os = "linux")]
mod support;

use std::collections::BTreeMap;
use std::time::Duration;
use support::{Client, Server, file, folder, skep};

/// Workers that say who they are; `/spin` computes for two seconds, `/hang` for ever, `/die` ends at once.
const WORKERS: &str = "const cluster = require('cluster'), http = require('http');
    if (cluster.isPrimary) {
      const count = +process.argv[2];
      let up = 0;
      cluster.on('listening', (worker, address) => {
        console.error('worker', worker.process.pid);
        if (++up === count) console.log('PORT ' + address.port);
      });
      cluster.on('exit', (worker, code, signal) => console.log('exit', code, signal));
      for (let i = 0; i < count; i++) cluster.fork();
    } else {
      http.createServer((req, res) => {
        if (req.url === '/hang') for (;;);
        if (req.url === '/spin') { const end = Date.now() + 2000; while (Date.now() < end); }
        if (req.url === '/die') process.exit(9);
        res.setHeader('Connection', 'close');
        res.end(String(process.pid));
      }).listen(0, '127.0.0.1');
    }";

fn workers(count: u32) -> Server {
    let path = file(&folder(), "main.js", WORKERS);
    Server::launch(skep().arg("--allow-fork=8").arg(path).arg(count.to_string()))
}

#[test]
fn connections_are_dealt_evenly() {
    let server = workers(4);
    let mut by = BTreeMap::new();
    for _ in 0..80 {
        *by.entry(server.get("/").text()).or_insert(0) += 1;
    }
    assert_eq!(by.len(), 4, "{by:?}");
    assert!(by.values().all(|count| *count == 20), "{by:?}");
}

#[test]
fn a_worker_that_computes_is_passed_over() {
    let server = workers(2);
    let mut slow = server.client();
    slow.send("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n");
    std::thread::sleep(Duration::from_millis(100));
    // Whoever is dealt to the one that computes waits for ever.
    for _ in 0..40 {
        assert_eq!(server.get("/").status, 200);
    }
}

#[test]
fn what_a_dead_worker_had_not_begun_goes_to_another() {
    let mut server = workers(2);
    let mut slow = server.client();
    slow.send("GET /spin HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut others: Vec<Client> = (0..30).map(|_| server.client()).collect();
    for other in &mut others {
        other.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let mut last = server.client();
    last.send("GET /die HTTP/1.1\r\nHost: a\r\n\r\n");
    for other in &mut others {
        assert_eq!(other.response().status, 200);
    }
    assert_eq!(server.line(), "exit 9 null");
    assert_eq!(slow.response().status, 200);
    assert_eq!(server.get("/").status, 200, "the service goes on");
}

//! `skep serve` for tests: scripts that tenants are, the program on a folder of them, requests by host, an operator's socket,
//! and checks that hold however tenants are spread. It must not know what else any test is about.
use super::{Client, DEADLINE, Response, Server, eventually, file, finish, folder, merged, piped, skep};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};

/// A server that says its tenant's name and what was asked, or its process.
pub fn plain(name: &str) -> String {
    format!(
        "require('http').createServer((req, res) => {{
           if (req.url === '/pid') return res.end(String(process.pid));
           res.end('{name} ' + req.url);
         }}).listen(80);"
    )
}

/// A server that answers with its version, slowly when asked to; or with its process, or what one instance alone says.
pub fn version(number: u32) -> String {
    format!(
        "const id = Math.random(); require('http').createServer((req, res) => {{
           if (req.url === '/pid') return res.end(String(process.pid));
           if (req.url === '/slow') return setTimeout(() => res.end('v{number}'), 100);
           res.end(req.url === '/id' ? String(id) : 'v{number}');
         }}).listen(80);"
    )
}

/// A folder with these files, `tenant/file` each.
pub fn tenants(files: &[(&str, &str)]) -> PathBuf {
    let place = folder();
    for (name, text) in files {
        file(&place, name, text);
    }
    place
}

/// What `--check` says against a folder or file; paths are told from this folder on.
pub fn faults(place: &Path, base: &Path) -> String {
    let done = finish(piped(skep().arg("serve").arg(place).arg("--check")).spawn().expect("it starts"));
    assert_eq!(done.code, Some(1), "{done:?}");
    done.err.replace(&format!("{}/", base.display()), "")
}

/// One request on this connection.
pub fn ask<S: Read + Write>(client: &mut Client<S>, host: &str, path: &str) -> Response {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    client.response()
}

/// Where a line says that it listens.
pub fn address(line: &str) -> Option<SocketAddr> {
    let line = line.strip_prefix("skep: ").unwrap_or(line);
    line.strip_prefix("listening on ")?.split(' ').next()?.parse().ok()
}

/// The program on tenants, at a port of its own.
pub fn serving(place: &Path, words: &[&str]) -> Command {
    let mut command = skep();
    command.arg("serve").arg(place).args(["--listen", "127.0.0.1:0"]).args(words);
    command
}

/// A program that serves tenants; lines until it listens are read off.
pub struct Hive {
    pub server: Server,
}

impl Hive {
    pub fn start(place: &Path) -> Hive {
        Hive::start_with(place, &[])
    }

    pub fn start_with(place: &Path, words: &[&str]) -> Hive {
        Hive::start_after("", &serving(place, words))
    }

    /// Where the configuration says where it listens.
    pub fn configured(place: &Path, words: &[&str]) -> Hive {
        Hive::start_after("", skep().arg("serve").arg(place).args(words))
    }

    /// Both outputs in one pipe, as an operator's terminal shows them, after this line of the shell.
    pub fn start_after(line: &str, command: &Command) -> Hive {
        let mut server = Server::spawn(&mut merged(command, line));
        server.port = loop {
            let line = server.line();
            if let Some(at) = address(&line) {
                break at.port();
            }
            // Where it ends before it listens, the test shows why.
            println!("{line}");
        };
        Hive { server }
    }

    pub fn client(&self) -> Client {
        self.server.client()
    }

    /// One request on a connection of its own.
    pub fn get(&self, host: &str, path: &str) -> Response {
        ask(&mut self.client(), host, path)
    }

    /// The process that a host's tenant runs in.
    pub fn pid(&self, host: &str) -> u32 {
        let answer = self.get(host, "/pid");
        answer.text().parse().unwrap_or_else(|_| panic!("a number of a process, not {} {}", answer.head, answer.text()))
    }

    /// One connection asks these plain tenants in turn, and then, all at once and byte by byte, in this order: answers come in
    /// order, each from whom it was asked.
    pub fn serves_in_order(&self, names: &[&str], order: &[&str]) {
        let mut client = self.client();
        for round in 0..3 {
            for name in names {
                let answer = ask(&mut client, &format!("{name}.localhost"), &format!("/{round}"));
                assert_eq!(answer.text(), format!("{name} /{round}"));
            }
        }
        let request = |(at, name): (usize, &&str)| format!("GET /{at} HTTP/1.1\r\nHost: {name}.localhost\r\n\r\n");
        let all: String = order.iter().enumerate().map(request).collect();
        client.send(&all);
        all.bytes().for_each(|byte| client.send([byte]));
        for _ in 0..2 {
            for (at, name) in order.iter().enumerate() {
                assert_eq!(client.response().text(), format!("{name} /{at}"));
            }
        }
    }
}

/// Clients that ask tenant a, of any version, and plain tenant b all the while, one of them on a connection each time.
pub struct Load {
    done: Arc<AtomicBool>,
    clients: Vec<JoinHandle<u32>>,
}

impl Load {
    pub fn start(port: u16) -> Load {
        let done = Arc::new(AtomicBool::new(false));
        let client = |number| {
            let done = done.clone();
            spawn(move || {
                let (mut client, mut count) = (Client::connect(port), 0);
                while !done.load(Ordering::Relaxed) {
                    if number == 3 {
                        client = Client::connect(port);
                    }
                    let path = if count % 7 == 0 { "/slow" } else { "/" };
                    let answer = ask(&mut client, "a.localhost", path);
                    assert_eq!(answer.status, 200, "request {count} of client {number}: {}", answer.head);
                    assert!(answer.text().starts_with('v'), "{}", answer.text());
                    assert_eq!(ask(&mut client, "b.localhost", "/").text(), "b /");
                    count += 1;
                }
                count
            })
        };
        let clients = (0..4).map(client).collect();
        Load { done, clients }
    }

    /// No request has failed, and each client has made some.
    pub fn end(self) {
        self.done.store(true, Ordering::Relaxed);
        let count = |client: JoinHandle<u32>| client.join().expect("no request fails");
        let counts: Vec<u32> = self.clients.into_iter().map(count).collect();
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    }
}

/// An operator's socket.
pub struct Admin {
    pub socket: PathBuf,
}

impl Admin {
    /// The words for the program that make this socket, in a folder.
    pub fn in_folder(folder: &Path) -> Admin {
        Admin { socket: folder.join("admin") }
    }

    pub fn words(&self) -> [&str; 2] {
        ["--admin", self.socket.to_str().expect("a path in UTF-8")]
    }

    /// A connection, as soon as it listens.
    pub fn connect(&self) -> Client<UnixStream> {
        let mut stream = None;
        eventually("the operator's socket", || {
            stream = UnixStream::connect(&self.socket).ok();
            stream.is_some()
        });
        let stream = stream.expect("it was waited for");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        Client::over(stream)
    }

    /// One request, as it stands.
    pub fn exchange(&self, request: &str) -> Response {
        let mut client = self.connect();
        client.send(request);
        client.response()
    }

    pub fn ask(&self, method: &str, path: &str, body: &str) -> Response {
        let length = body.len();
        self.exchange(&format!("{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}"))
    }

    pub fn json(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let answer = self.ask(method, path, body);
        let value = serde_json::from_str(&String::from_utf8_lossy(&answer.body));
        (answer.status, value.unwrap_or_else(|error| panic!("{error}: {}", answer.text())))
    }

    /// How a tenant is.
    pub fn tenant(&self, name: &str) -> Value {
        self.json("GET", &format!("/tenants/{name}"), "").1
    }
}

//! What the SDK in C has words for: other programs, what comes with a message, calls of an embedding program, HTTP servers that are
//! asked, words and variables; and what bounds such a guest. It must not know how the host does any of it.
#![cfg(target_os = "linux")]
#[path = "support/called.rs"]
mod called;
#[path = "support/guests.rs"]
mod guests;
mod support;

use called::answers_calls;
use guests::build_c;
use serde_json::json;
use skep::{CallError, Policy, Runtime};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::Duration;
use support::{Finished, Server, answering_datagrams, file, finish, folder, free_port, piped, skep};

fn guest() -> &'static Path {
    static GUEST: OnceLock<PathBuf> = OnceLock::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/sdk.c");
    GUEST.get_or_init(|| build_c(&source, &folder(), "NOTHING"))
}

fn run(grants: &[&str], words: &[&str]) -> Finished {
    let mut command = skep();
    command.env("MADE", "q\"\u{e9}").arg("run").args(grants).arg(guest()).args(words);
    finish(piped(&mut command).spawn().expect("the program starts"))
}

/// What it prints, line by line, in the order of letters: what a program writes and its end come as they come.
fn sorted(done: &Finished) -> Vec<&str> {
    assert!(done.code == Some(0), "{done:?}");
    let mut lines: Vec<&str> = done.out.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn words_and_variables() {
    let done = run(&["--allow-env=MADE"], &["words", "a\"b", "\u{e9}\\\n", ""]);
    assert_eq!(done.out, "5 words\n3 a\"\n4 \u{e9}\\\n\n0 \n-2 \n4 q\"\u{e9}\n", "{done:?}");
    // What was not granted is not there.
    assert!(run(&[], &["words"]).out.ends_with("-2 words\n"));
    assert_eq!(says("child.send('variable'); console.log(await next()); child.disconnect();"), "-2\n3 null\n");
}

#[test]
fn other_programs_are_started_and_heard() {
    // What it writes is read while it is still being fed: neither waits for the other for ever.
    assert_eq!(sorted(&run(&["--allow-run=cat"], &["spawn", "cat"])), ["3000000 read", "exited 0", "started"]);
    let script = "wc -c; pwd; echo \"$GIVEN$HOME\" >&2; exit 3";
    let done = run(&["--allow-run=sh"], &["spawn", "sh", "-c", script]);
    let lines = sorted(&done);
    let told: String = done.out.lines().filter_map(|line| line.strip_prefix("out ")).collect();
    assert!(done.out.contains("out 3000000\n") && done.out.contains("/\n"), "{told:?}");
    for line in ["10 read", "err value", "exited 3", "started"] {
        assert!(lines.contains(&line), "{line}: {done:?}");
    }
    assert_eq!(sorted(&run(&["--allow-run=sleep"], &["kill", "sleep", "600"])), ["0 read", "killed 15", "started"]);
}

#[test]
fn a_program_that_was_not_granted_is_refused_by_name() {
    let done = run(&["--allow-run=cat"], &["spawn", "sh"]);
    assert!(done.out.starts_with("-13 ") && done.out.contains("--allow-run=sh"), "{done:?}");
    let done = run(&["--allow-run"], &["spawn", "/nothing/such"]);
    assert!(done.out.contains("failed 2\n"), "{done:?}");
    assert_eq!(run(&["--allow-run"], &["lies"]).out, "-22 -7 -9\n");
}

#[test]
fn files_one_operation_after_the_other() {
    let here = folder();
    let mut command = skep();
    let grant = format!("--allow-fs={}:rw", here.display());
    command.current_dir(&here).args(["run", &grant]).arg(guest()).args(["files", "one", "two"]);
    let done = finish(piped(&mut command).spawn().expect("the program starts"));
    let expected = "opened\n8 \n1 \n4 nXen\n0 \nfailed 2\n8 conXents\nfailed 13\n";
    assert_eq!((done.out.as_str(), done.code), (expected, Some(0)), "{done:?}");
    assert_eq!(std::fs::read(here.join("two")).expect("it was made"), b"conXents");
}

#[test]
fn input_comes_to_its_end() {
    let mut command = skep();
    command.arg("run").arg(guest()).arg("input");
    let mut child = piped(&mut command).stdin(Stdio::piped()).spawn().expect("the program starts");
    child.stdin.take().expect("it is a pipe").write_all(&[b'x'; 30_000]).expect("the pipe takes it");
    assert_eq!(finish(child).out, "30000 read\n");
}

#[test]
fn names_streams_and_datagrams() {
    let (port, serving) = server(|peer| {
        let mut said = [0; 4];
        peer.read_exact(&mut said).expect("it says something");
        assert_eq!(&said, b"ping");
        say(peer, "pong");
    });
    assert_eq!(run(&["--allow-net"], &["name", &port]).out, "open\npong\n0 closed\n");
    serving.join().expect("it came");
    assert_eq!(run(&["--allow-net"], &["name", &port]).out, "111 closed\n", "nobody listens there any more");
    let refused = run(&[], &["name", &port]).out;
    assert!(refused.contains(&format!("--allow-net=127.0.0.1:{port}")), "{refused}");
    let (port, answering) = answering_datagrams();
    let done = run(&["--allow-net=127.0.0.1"], &["udp", &port.to_string()]);
    assert_eq!(done.out, "datagram back of 127.0.0.1 there\n");
    answering.join().expect("it came");
}

#[test]
fn connections_leave_http() {
    let mut server = Server::spawn(skep().arg("run").arg(guest()).arg("Upgrade"));
    server.port = server.line().strip_prefix("PORT ").and_then(|port| port.parse().ok()).expect("it says its port");
    assert_eq!(server.get("/").text(), "plain");
    let mut client = server.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello");
    assert!(client.through(b"\r\n\r\n").starts_with("HTTP/1.1 101 "));
    assert_eq!(client.exactly(5), b"hello");
    let bytes = vec![b'x'; 300_000];
    client.send(&bytes);
    assert!(client.exactly(bytes.len()) == bytes, "what is sent comes back");
}

#[test]
fn timers_and_signals() {
    // Those for the same moment in the order in which they were set; what is cancelled keeps nobody.
    assert_eq!(sorted(&run(&[], &["time"])), ["0-2 58 acdz0", "again and again"]);
    let mut server = Server::spawn(skep().arg("run").arg(guest()).arg("Signals"));
    assert_eq!(server.line(), "00 -22 ready");
    server.signal("USR1");
    assert_eq!(server.line(), "signal 10");
    server.signal("TERM");
    assert_eq!(server.line(), "signal 15");
    assert_eq!(server.end().code, Some(5));
}

/// Runs a script that has the module as its child; what it says.
fn says(script: &str) -> String {
    let used = "const http = require('http'), net = require('net'), { fork } = require('child_process');
        const child = fork(GUEST, ['messages']);
        const next = () => new Promise((then) => child.once('message', (m, handle) => then(handle ?? m)));
        const get = (port) => new Promise((done, fail) => http.get({ port, host: '127.0.0.1', agent: false }, (res) => {
          let text = ''; res.on('data', (d) => { text += d; }); res.on('end', () => done(text)); }).on('error', fail));
        const read = (port) => new Promise((done) => { let text = '';
          net.connect(port, '127.0.0.1').on('data', (d) => { text += d; }).on('error', (e) => done(e.code)).on('end', () => done(text)); });
        const open = (server) => new Promise((then) => server.listen(0, '127.0.0.1', () => then(server.address().port)));
        child.on('exit', (...end) => console.log(...end));";
    let script = file(
        &folder(),
        "main.mjs",
        &format!(
            "import {{ createRequire }} from 'module'; const require = createRequire(import.meta.url), GUEST = {:?};\n{used}\n{script}",
            guest()
        ),
    );
    let mut command = skep();
    let done = finish(piped(command.args(["run", "-A"]).arg(&script)).spawn().expect("the program starts"));
    assert_eq!(done.code, Some(0), "{} {}", done.out, done.err);
    done.out
}

#[test]
fn a_server_that_comes_with_a_message_is_served_in_c() {
    let said = says(
        "const own = http.createServer(), plain = net.createServer();
         const port = await open(own), other = await open(plain);
         child.send('http', own); await next(); own.close();
         console.log(await get(port), await get(port));
         child.send('stop'); await next();
         child.send('net', plain); await next(); plain.close();
         console.log(await read(other));
         child.send('stop'); await next();
         console.log(await read(other));
         child.disconnect();",
    );
    assert_eq!(said, "in C in C\na stream in C\nECONNREFUSED\n3 null\n");
}

#[test]
fn a_listener_of_c_goes_to_a_script() {
    let said = says(
        "child.send('own');
         const server = await next();
         console.log(server instanceof net.Server);
         const { port } = server.address();
         server.on('connection', (socket) => socket.end('a stream of the script'));
         const seen = new Set();
         for (let i = 0; i < 200 && seen.size < 2; i++) seen.add(await read(port));
         console.log([...seen].every((text) => text.startsWith('a stream ')));
         server.close(); child.disconnect();",
    );
    assert_eq!(said, "true\ntrue\n3 null\n");
}

#[test]
fn a_server_waits_for_its_streams_that_are_served_in_c() {
    let said = says(
        "const server = net.createServer({ pauseOnConnect: true }, (socket) => child.send('take', socket));
         const port = await open(server), clients = [];
         for (let i = 0; i < 3; i++) {
           const client = net.connect(port, '127.0.0.1');
           clients.push(client);
           await new Promise((then) => client.once('data', then));
         }
         const count = () => new Promise((then) => server.getConnections((e, n) => then(n)));
         console.log(await count());
         let closed = false;
         server.close(() => { closed = true; console.log('closed'); child.disconnect(); });
         clients[0].end(); clients[1].end();
         await new Promise((then) => clients[1].once('close', then));
         while (await count() > 1) continue;
         console.log(closed);
         clients[2].end();",
    );
    assert_eq!(said, "3\nfalse\nclosed\n3 null\n");
}

#[test]
fn a_program_calls_what_c_answers() {
    answers_calls(guest(), |_, _| ());
}

#[test]
fn a_refusal_is_whole_and_lets_go_of_what_the_call_was_given() {
    let mut runtime = Runtime::new().expect("a runtime can be made here");
    let module = runtime.module(&std::fs::read(guest()).expect("it was built")).expect("it is a guest");
    let called = runtime.guest_of(&module, &Policy::default().env("CALLED", "1")).expect("a guest can be spawned");
    // As long as it may be, and one more letter: a text is told whole or not at all.
    for (length, told) in [(984, 984), (985, 0)] {
        let Err(CallError::Threw(thrown)) = runtime.call(called, "nothing", vec![b'x'; length]) else {
            panic!("{length} are refused");
        };
        assert_eq!((thrown.name.as_str(), thrown.message.len()), ("Error", told));
    }
    let idle = runtime.guest_of(&module, &Policy::default().listen()).expect("a guest can be spawned");
    let large = vec![0; 8 << 20];
    // Together more than a guest may hold.
    for _ in 0..70 {
        let error = runtime.call(idle, "count", large.clone()).expect_err("nobody answers").to_string();
        assert!(error.contains("answers no calls"), "{error}");
    }
}

#[test]
fn what_it_uses_is_bounded() {
    let done = run(&["--cpu=50ms"], &["x"]);
    assert!(done.code == Some(134) && done.err.contains("CPU budget"), "{done:?}");
    let done = run(&["--memory=16M"], &["grow"]);
    assert!(done.out.starts_with("16777216 at most\n"), "{done:?}");
    assert!(done.out.ends_with("\nno more\n") || done.err.contains("memory"), "{done:?}");
    let mut runtime = Runtime::new().expect("a runtime can be made here");
    let module = runtime.module(&std::fs::read(guest()).expect("it was built")).expect("it is a guest");
    let policy = Policy::default().env("CALLED", "1").memory(16 << 20);
    let first = runtime.guest_of(&module, &policy).expect("a guest can be spawned");
    assert_eq!(runtime.call(first, "grow", json!(1)), Ok(json!(0).into()), "64 MiB of 16");
    let hurried = policy.deadline(Duration::from_millis(200));
    let second = runtime.guest_of(&module, &hurried).expect("a guest can be spawned");
    let ended = runtime.call(second, "spin", json!(1));
    assert!(matches!(&ended, Err(CallError::Ended(_))), "{ended:?}");
}

/// A server of one connection; answers its port.
fn server(serve: impl FnOnce(&mut TcpStream) + Send + 'static) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port().to_string();
    let serving = std::thread::spawn(move || {
        let mut peer = listener.accept().expect("it connects").0;
        peer.set_read_timeout(Some(Duration::from_secs(60))).expect("a deadline");
        serve(&mut peer);
    });
    (port, serving)
}

/// Reads up to and with this.
fn until(peer: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let (mut read, mut piece) = (Vec::new(), [0; 1]);
    while !read.ends_with(end) {
        peer.read_exact(&mut piece).expect("it goes on");
        read.push(piece[0]);
    }
    read
}

fn head(peer: &mut TcpStream) -> String {
    String::from_utf8(until(peer, b"\r\n\r\n")).expect("it is text")
}

fn say(peer: &mut TcpStream, text: impl AsRef<[u8]>) {
    peer.write_all(text.as_ref()).expect("it listens");
}

fn ask(port: &str, words: &[&str]) -> String {
    let done = run(&["--allow-net=127.0.0.1"], &[&["ask", port], words].concat());
    assert_eq!(done.code, Some(0), "{done:?}");
    done.out
}

#[test]
fn questions_go_one_after_the_other_on_one_connection() {
    let (port, serving) = server(|peer| {
        assert_eq!(head(peer), "GET /first HTTP/1.1\r\nHost: a:1\r\nX-Own: 1\r\n\r\n");
        say(peer, "HTTP/1.1 103 Early Hints\r\nX-Field: early\r\n\r\n");
        say(peer, "HTTP/1.1 200 OK\r\nX-Field: first\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = [&b"c350\r\n"[..], &[b'x'; 50_000], b"\r\n"].concat();
        // More than a stream's first credit, by far.
        (0..40).for_each(|_| say(peer, &chunk));
        say(peer, "0\r\nTrailer: 1\r\n\r\n");
        assert_eq!(head(peer), "GET /again HTTP/1.1\r\nHost: a:1\r\n\r\n");
        say(peer, "HTTP/1.1 200 OK\r\nX-Field: second\r\nContent-Length: 6\r\n\r\nsecond");
    });
    assert_eq!(ask(&port, &["a:1"]), "103 early\n200 first\n2000000 got\n1 again\n200 second\n6 got\nclosed 0\n");
    serving.join().expect("it was asked so");
}

#[test]
fn a_body_goes_in_parts_as_its_server_takes_it() {
    let (port, serving) = server(|peer| {
        let asked = head(peer);
        assert!(
            asked.starts_with("POST /first") && asked.ends_with("\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "{asked}"
        );
        let mut body = 0;
        loop {
            let line = String::from_utf8(until(peer, b"\r\n")).expect("it is text");
            let length = usize::from_str_radix(line.trim(), 16).expect("a chunk's length");
            let mut chunk = vec![0; length + 2];
            peer.read_exact(&mut chunk).expect("the chunk is whole");
            assert!(chunk.ends_with(b"\r\n"));
            body += length;
            if length == 0 {
                break;
            }
        }
        // Without a length it goes to the connection's end.
        say(peer, format!("HTTP/1.0 200 OK\r\nX-Field: all\r\n\r\n{body}"));
    });
    assert_eq!(ask(&port, &["a", "p"]).replace("1 again\n", ""), "200 all\n7 got\nclosed 0\n");
    serving.join().expect("it was asked so");
}

#[test]
fn what_frames_an_answer_is_the_host_s() {
    let once = |words: &[&str], asked: &'static str, answer: &'static str| {
        let (port, serving) = server(move |peer| {
            let head = head(peer);
            assert!(head.starts_with(asked), "{head}");
            say(peer, answer);
            // The guest closes, or is told that this end has.
            peer.shutdown(std::net::Shutdown::Write).expect("it is open");
            let _rest = peer.read_to_end(&mut Vec::new());
        });
        let said = ask(&port, words);
        serving.join().expect("it was asked so");
        said
    };
    let body = once(
        &["a", "b"],
        "POST /first HTTP/1.1\r\nHost: a\r\nX-Own: 1\r\nContent-Length: 4\r\n\r\n",
        "HTTP/1.1 204 No\r\n\r\n",
    );
    assert!(body.starts_with("204 \n0 got\n"), "{body}");
    let none = once(&["a", "h"], "HEAD /first", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    assert!(none.starts_with("200 \n0 got\n"), "a HEAD has no body: {none}");
    assert_eq!(
        once(&["a", "o"], "GET", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
        "200 \nclosed 0\n",
        "not whole"
    );
    let two = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx";
    assert_eq!(once(&["a", "o"], "GET", two), "fault\nclosed 0\n");
    assert_eq!(once(&["a", "o"], "GET", "SSH-2.0-x\r\n"), "fault\nclosed 0\n");
}

#[test]
fn a_server_that_was_not_granted_is_not_asked() {
    assert_eq!(run(&[], &["ask", "9", "a"]).out, "-13\n");
    assert_eq!(ask(&free_port().to_string(), &["a"]), "closed 111\n", "ECONNREFUSED");
}

//! Sockets and names, from a script's side: what net, dgram and dns do with real ones, and what no grant gets. Every peer
//! is the script itself or this test: nothing leaves the machine.
mod support;

use std::io::Read;
use std::net::{TcpListener, UdpSocket};
use std::thread;
use support::{Finished, Server, eventually, file, folder, free_port, run, run_as, skep};

fn ok(done: &Finished) -> &str {
    assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "{}", done.out);
    &done.out
}

#[test]
fn a_server_knows_its_port_as_soon_as_it_listens() {
    let code = "const s = require('net').createServer().listen(0); const { port } = s.address();
        s.on('listening', () => { console.log(port > 0 && port === s.address().port); s.close(); });";
    assert_eq!(ok(&run(code)), "true\n");
}

#[test]
fn a_connection_has_the_end_that_was_asked_for() {
    let code = "const net = require('net');
        const s = net.createServer((c) => { console.log(c.remotePort === FREE, c.remoteAddress); c.end(); s.close(); });
        s.listen(0, '127.0.0.1', () => net.connect({ port: s.address().port, host: '127.0.0.1', localAddress: '127.0.0.1', localPort: FREE }));";
    assert_eq!(ok(&run_as(&["-A"], &code.replace("FREE", &free_port().to_string()))), "true 127.0.0.1\n");
    let taken = "const net = require('net'), s = net.createServer().listen(0, '127.0.0.1'), { port } = s.address();
        net.connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1', localPort: port })
          .on('error', (e) => { console.log(e.syscall, e.code); s.close(); });";
    assert_eq!(ok(&run_as(&["-A"], taken)), "bind EADDRINUSE\n");
}

#[test]
fn the_next_address_is_tried_and_all_errors_are_told() {
    let code = "const net = require('net');
        const lookup = (host, options, cb) => cb(null, [{ address: '127.0.0.2', family: 4 }, { address: '127.0.0.1', family: 4 }]);
        const s = net.createServer((c) => c.end('here')).listen(0, '127.0.0.1'), { port } = s.address();
        const c = net.connect({ port, host: 'two.example', lookup });
        c.on('data', (d) => console.log(String(d), c.autoSelectFamilyAttemptedAddresses.length)).on('close', () => s.close(() => {
          net.connect({ port, host: 'two.example', lookup }).on('error', (e) => console.log(e.constructor.name, e.code, e.errors.length));
        }));";
    assert_eq!(ok(&run_as(&["-A"], code)), "here 2\nAggregateError ECONNREFUSED 2\n");
}

/// Rows N01 to N03: what a name leads to is judged when it is connected, whoever resolved it.
#[test]
fn n01_the_address_that_a_lookup_gave_is_judged() {
    let code = "const net = require('net');
        const lookup = (host, options, cb) => cb(null, [{ address: '127.0.0.1', family: 4 }]);
        net.connect({ port: 9, host: 'innocent.example', lookup }).on('error', (e) => console.log(e.code, /--allow-net/.test(e.message)));";
    assert_eq!(ok(&run_as(&["--allow-net=192.0.2.1"], code)), "ERR_ACCESS_DENIED true\n");
}

#[test]
fn a_pause_keeps_bytes_in_the_kernel() {
    let code = "const net = require('net');
        const s = net.createServer({ pauseOnConnect: true }, (c) => {
          setImmediate(() => setImmediate(() => { console.log(c.bytesRead); c.on('data', (d) => console.log(String(d))).resume(); s.close(); }));
        }).listen(0, '127.0.0.1');
        net.connect(s.address().port, '127.0.0.1').end('late');";
    assert_eq!(ok(&run_as(&["-A"], code)), "0\nlate\n");
}

/// The peer's end of it stays open: once all is sent, nothing is left that the program would wait for.
#[test]
fn a_socket_that_nobody_reads_keeps_the_program_while_it_sends_and_no_longer() {
    const BYTES: u64 = 24 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let peer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let count = std::io::copy(&mut Read::by_ref(&mut stream).take(BYTES), &mut std::io::sink()).expect("its bytes");
        (count, stream)
    });
    let code = format!(
        "const c = require('net').connect({port}, '127.0.0.1'), piece = Buffer.alloc(1 << 20), stop = {BYTES} / piece.length;
        let written = 0, told = 0;
        const write = () => {{ while (written < stop) if (written++, !c.write(piece, () => ++told)) return; }};
        c.on('connect', () => {{ c.pause(); write(); }}).on('drain', write);
        process.on('exit', () => console.log(told, c.destroyed));"
    );
    assert_eq!(ok(&run_as(&["-A"], &code)), "24 false\n");
    assert_eq!(peer.join().expect("the peer").0, BYTES);
}

/// A name that begins with NUL is in no folder, so a grant of one is none of it.
#[cfg(target_os = "linux")]
#[test]
fn an_abstract_socket_is_for_who_is_granted_every_folder() {
    let code = "const net = require('net'), path = '\\0skep-' + process.pid + '-' + process.hrtime()[1];
        const s = net.createServer((c) => c.end('here')).on('error', (e) => console.log('listen', e.code)).listen(path, () => {
          console.log(s.address() === path, require('fs').existsSync(path.slice(1)));
          net.connect(s.address()).on('data', (d) => console.log(String(d))).on('close', () => s.close());
        });
        net.connect('\\0nobody').on('error', (e) => console.log('connect', e.code));";
    let mut lines: Vec<String> = ok(&run_as(&["-A"], code)).lines().map(String::from).collect();
    lines.sort_unstable();
    assert_eq!(lines, ["connect ECONNREFUSED", "here", "true false"]);
    let denied = run_as(&["--allow-net", "--allow-listen", "--allow-fs=/tmp:rw"], code);
    assert_eq!(ok(&denied), "listen ERR_ACCESS_DENIED\nconnect ERR_ACCESS_DENIED\n");
}

#[test]
fn messages_go_to_and_fro() {
    let code = "const dgram = require('dgram'), a = dgram.createSocket('udp4'), b = dgram.createSocket('udp4');
        a.on('message', (m, from) => { console.log(String(m), from.address, from.size); a.send('pong', from.port, from.address, () => a.close()); });
        b.on('message', (m) => { console.log(String(m)); b.close(); });
        a.bind(0, '127.0.0.1', () => b.send(['pi', 'ng'], a.address().port, '127.0.0.1'));";
    assert_eq!(ok(&run_as(&["-A"], code)), "ping 127.0.0.1 4\npong\n");
}

#[test]
fn nothing_is_resolved_or_sent_without_a_grant() {
    let code = "const dns = require('dns'), dgram = require('dgram');
        const told = (e) => console.log(e.code, /--allow-net/.test(e.message));
        dns.lookup('example.org', (e) => { told(e);
          dns.lookupService('127.0.0.1', 80, (e) => { told(e);
            dns.resolve4('example.org', (e) => { told(e);
              const s = dgram.createSocket('udp4'); s.send('x', 9, '127.0.0.1', (e) => { told(e); s.close(); }); }); }); });";
    let done = run(code);
    assert_eq!(ok(&done), "ERR_ACCESS_DENIED true\n".repeat(4));
}

#[test]
fn numeric_names_need_no_resolver() {
    let code = "require('dns').lookup('127.0.0.1', (e, a, f) => console.log(e, a, f));";
    assert_eq!(ok(&run(code)), "null 127.0.0.1 4\n");
    let local = "require('dns').lookup('localhost', { all: true }, (e, all) => console.log(e, all.length > 0));";
    assert_eq!(ok(&run_as(&["-A"], local)), "null true\n");
}

/// A name server that gives this answer to the first question, with the question's own id and name.
fn name_server(answer: impl FnOnce(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let at = socket.local_addr().expect("it is bound").to_string();
    std::thread::spawn(move || {
        let mut question = [0; 512];
        let (len, from) = socket.recv_from(&mut question).expect("a question");
        for message in answer(&question[..len]) {
            socket.send_to(&message, from).expect("sent");
        }
    });
    at
}

/// The question turned into an answer with one A record.
fn answered(question: &[u8], id_off_by: u8, address: [u8; 4]) -> Vec<u8> {
    let mut message = question.to_vec();
    message[1] = message[1].wrapping_add(id_off_by);
    message[2] = 0x81;
    message[7] = 1;
    message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    message.extend_from_slice(&address);
    message
}

/// More than any answer takes.
const PATIENT: u32 = 20_000;

fn resolving(server: &str, timeout: u32) -> Finished {
    let code = format!(
        "const r = new (require('dns').Resolver)({{ timeout: {timeout}, tries: 1 }}); r.setServers(['{server}']);
         r.resolve4('example.org', (e, all) => console.log(e ? e.code : all));"
    );
    run_as(&["-A"], &code)
}

#[test]
fn a_name_servers_answer_is_taken_and_anothers_is_not() {
    let at = name_server(|question| vec![answered(question, 1, [6, 6, 6, 6]), answered(question, 0, [1, 2, 3, 4])]);
    assert_eq!(ok(&resolving(&at, PATIENT)), "[ '1.2.3.4' ]\n");
}

#[test]
fn hostile_answers_are_errors() {
    type Spoil = fn(Vec<u8>) -> Vec<u8>;
    let spoilt: [(Spoil, &str); 4] = [
        (|m| m[..m.len() - 2].to_vec(), "EBADRESP"),
        (
            |mut m| {
                let at = m.len() - 16;
                m[at + 1] = at as u8;
                m
            },
            "EBADRESP",
        ),
        (
            |mut m| {
                m[3] = 3;
                m
            },
            "ENOTFOUND",
        ),
        (
            |mut m| {
                m[7] = 0;
                m
            },
            "ENODATA",
        ),
    ];
    for (spoil, expected) in spoilt {
        let at = name_server(move |question| vec![spoil(answered(question, 0, [1, 2, 3, 4]))]);
        assert_eq!(ok(&resolving(&at, PATIENT)), format!("{expected}\n"));
    }
}

#[test]
fn a_silent_name_server_is_a_timeout() {
    let at = name_server(|_| Vec::new());
    assert_eq!(ok(&resolving(&at, 300)), "ETIMEOUT\n");
}

#[test]
fn a_sockets_methods_may_be_replaced_at_any_time() {
    let told = ok(&run_as(&["-A"], include_str!("js/socket_methods.js"))).to_owned();
    let plain = "plain p object\n";
    let spied = [
        "own o push,object",
        "own o emit,object",
        "own o object,_write",
        "socket s push,object",
        "socket s emit,object",
        "socket s object,_write",
        "duplex d push,object",
        "duplex d emit,object",
        "readable r push,object",
        "readable r emit,object",
        "emitter e emit,object",
    ];
    let spied: String = spied.iter().map(|line| format!("{line}\n{plain}")).collect();
    let rest = "paused p resumed,object\ncorked c object,uncorked\nencoded e string\n28 28 true true\nERR_STREAM_WRITE_AFTER_END\n";
    assert_eq!(told, format!("{}{spied}{rest}", "warm w object\n".repeat(3)));
}

/// All of them are sent within one turn of the guest's: the host has taken what its mailbox holds, and no more.
#[test]
fn h07_datagrams_without_end_wait_in_the_kernel_or_are_lost_there() {
    let here = folder();
    let code = "const fs = require('fs'), socket = require('dgram').createSocket('udp4');
      let count = 0;
      socket.on('message', (message) => {
        if (String(message) === 'end') { fs.writeFileSync(__dirname + '/ended', String(count)); return socket.close(); }
        if (count++ === 0) while (!fs.existsSync(__dirname + '/sent'));
      });
      socket.bind(0, '127.0.0.1', () => console.log(String(socket.address().port)));";
    let script = file(&here, "main.js", code);
    let mut server = Server::spawn(skep().arg("run").arg(format!("--allow-fs={}:rw", here.display())).arg(script));
    let port: u16 = server.line().trim().parse().expect("it says its port");
    let ours = UdpSocket::bind("127.0.0.1:0").expect("a port");
    for _ in 0..100_000 {
        ours.send_to(b"0123456789", ("127.0.0.1", port)).expect("the kernel takes it, or drops it");
    }
    file(&here, "sent", "");
    let mut count = String::new();
    eventually("it goes on", || {
        let _ended = ours.send_to(b"end", ("127.0.0.1", port));
        count = std::fs::read_to_string(here.join("ended")).unwrap_or_default();
        !count.is_empty()
    });
    let count: u32 = count.parse().expect("a number");
    assert!((1..50_000).contains(&count), "{count} of 100000");
}

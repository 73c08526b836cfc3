//! Guests that are not JavaScript as workers of a script's cluster, and sockets that travel between them and scripts. It must
//! not know how messages travel.
#![cfg(target_os = "linux")]
#[path = "support/guests.rs"]
mod guests;
mod support;

use guests::{build_c, compilers};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use support::{file, finish, folder, piped, skep};

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests").join(name)
}

/// The guest in Rust, by the first compiler that can be had; none where there is none.
fn in_rust(name: &str) -> Option<PathBuf> {
    compilers().first().map(|compiler| compiler.build(&source(name), &folder()))
}

fn in_c(name: &str) -> PathBuf {
    build_c(&source(name), &folder(), "NOTHING")
}

const USED: &str = "const cluster = require('cluster'), http = require('http'), net = require('net');
    const { fork } = require('child_process'), guest = __dirname + '/guest.wasm';
    const get = (port) => new Promise((done, fail) => http.get({ port, host: '127.0.0.1', agent: false }, (res) => {
      let text = ''; res.on('data', (d) => { text += d; }); res.on('end', () => done(text)); }).on('error', fail));\n";

/// Runs a script beside the module; what it says.
fn says(module: &Path, script: &str) -> String {
    let script = file(module.parent().expect("it lies in a folder"), "main.js", &(USED.to_owned() + script));
    let mut command = skep();
    let done = finish(piped(command.args(["run", "-A"]).arg(&script)).spawn().expect("the program starts"));
    assert_eq!(done.code, Some(0), "{} {}", done.out, done.err);
    done.out
}

/// In both languages the same.
fn each_says(rust: &str, c: &str, script: &str, expected: &str) {
    for module in in_rust(rust).into_iter().chain([in_c(c)]) {
        assert_eq!(says(&module, script), expected, "{}", module.display());
    }
}

#[test]
fn workers_share_what_the_primary_opens() {
    each_says(
        "worker.rs",
        "worker.c",
        "cluster.setupPrimary({ exec: guest });
         const ports = new Set();
         for (let i = 0; i < 3; i++) cluster.fork();
         cluster.on('listening', async (worker, { port }) => {
           ports.add(port);
           if (Object.values(cluster.workers).some((w) => w.state !== 'listening')) return;
           const seen = {};
           for (let i = 0; i < 30; i++) { const id = await get(port); seen[id] = (seen[id] ?? 0) + 1; }
           console.log(ports.size, Object.keys(seen).join(), Object.values(seen).every((n) => n >= 5));
           cluster.disconnect(() => console.log('gone'));
         });",
        "1 1,2,3 true\ngone\n",
    );
}

#[test]
fn events_come_in_their_order() {
    each_says(
        "worker.rs",
        "worker.c",
        "cluster.setupPrimary({ exec: guest, serialization: 'json' });
         const seen = [], worker = cluster.fork();
         for (const name of ['fork', 'online', 'listening', 'disconnect', 'exit']) cluster.on(name, (w) => seen.push(name, w === worker));
         worker.on('listening', ({ addressType, address, port }) => {
           seen.push([addressType, address, port > 0].join(' '));
           worker.send({ a: ['\u{e9}', 1] });
         });
         worker.on('message', (m) => { seen.push(JSON.stringify(m)); worker.disconnect(); });
         worker.on('exit', (code, signal) => seen.push(`${code} ${signal} ${worker.exitedAfterDisconnect} ${worker.isDead()}`));
         process.on('exit', () => console.log(seen.join(', ')));",
        "fork, true, online, true, 4 127.0.0.1 true, listening, true, {\"a\":[\"\u{e9}\",1]}, disconnect, true, \
         0 null true true, exit, true\n",
    );
}

#[test]
fn without_dealing_every_worker_accepts_for_itself() {
    each_says(
        "worker.rs",
        "worker.c",
        "cluster.schedulingPolicy = cluster.SCHED_NONE; cluster.setupPrimary({ exec: guest });
         let up = 0;
         cluster.fork(); cluster.fork();
         cluster.on('listening', async (worker, { port }) => {
           if (++up < 2) return;
           const seen = new Set(); for (let i = 0; i < 20; i++) seen.add(await get(port));
           console.log([...seen].every((id) => id === '1' || id === '2')); cluster.disconnect(() => console.log('gone'));
         });",
        "true\ngone\n",
    );
}

#[test]
fn a_worker_that_is_killed_is_told_of_and_others_go_on() {
    each_says(
        "worker.rs",
        "worker.c",
        "cluster.setupPrimary({ exec: guest, serialization: 'advanced' });
         cluster.fork(); cluster.fork();
         let up = 0;
         cluster.on('listening', (worker, { port }) => {
           if (++up < 2) return;
           cluster.once('exit', async (dead, code, signal) => {
             console.log(code, signal, dead.exitedAfterDisconnect);
             const seen = new Set(); for (let i = 0; i < 6; i++) seen.add(await get(port));
             console.log(seen.size, !seen.has(`${dead.id}`));
             for (const left of Object.values(cluster.workers)) { left.once('exit', (...end) => console.log(...end)); left.process.disconnect(); }
           });
           worker.kill();
         });",
        // Without its primary a worker has nothing to do.
        "null SIGTERM false\n1 true\n0 null\n",
    );
}

#[test]
fn a_worker_may_leave_and_an_address_may_be_taken() {
    let Some(module) = in_rust("worker.rs") else { return };
    let said = says(
        &module,
        "cluster.setupPrimary({ exec: guest });
         const taken = net.createServer().listen(0, '127.0.0.1'), worker = cluster.fork();
         worker.on('listening', ({ port }) => {
           const other = cluster.fork({ PORT: taken.address().port });
           other.on('message', async (m) => {
             console.log(m); other.disconnect(); taken.close();
             console.log(await get(port));
             worker.on('disconnect', () => console.log('leaves', worker.exitedAfterDisconnect));
             worker.on('exit', (...end) => console.log(...end));
             worker.send('leave');
           });
         });",
    );
    assert_eq!(said, "EADDRINUSE\n1\nleaves true\n0 null\n");
}

/// Only the primary speaks for the primary.
#[test]
fn a_child_of_a_worker_cannot_have_it_leave() {
    let liar = in_c("liar.c");
    let script = format!(
        "cluster.setupPrimary({{ exec: guest }});
         const worker = cluster.fork({{ LIAR: {liar:?} }});
         worker.on('listening', ({{ port }}) => {{
           worker.on('message', async (m) => {{ console.log(m, await get(port)); worker.disconnect(); }});
           worker.send('fork');
         }});
         worker.on('exit', (...end) => console.log(...end));"
    );
    each_says("worker.rs", "worker.c", &script, "lied 1\n0 null\n");
}

/// Whoever opened it: the listener's owner knows it by one handle, and hears of its end once.
#[test]
fn a_listener_in_c_ends_once_and_says_its_port() {
    let module = in_c("worker.c");
    for policy in ["SCHED_RR", "SCHED_NONE"] {
        let said = says(
            &module,
            &format!(
                "cluster.schedulingPolicy = cluster.{policy}; cluster.setupPrimary({{ exec: guest }});
                 const worker = cluster.fork({{ TELL: '1' }});
                 worker.on('listening', async ({{ port }}) => {{
                   const text = await get(port);
                   worker.on('exit', () => console.log(`${{port}}`.padStart(5, '0'), text));
                   worker.disconnect();
                 }});"
            ),
        );
        let port = said.lines().nth(1).and_then(|line| line.get(..5)).unwrap_or_else(|| panic!("{policy}: {said}"));
        assert_eq!(said, format!("own {port}\n{port} 1\n"), "{policy}");
    }
}

#[test]
fn a_path_in_c_is_one_of_the_worker_s_own_folder() {
    let said = says(
        &in_c("worker.c"),
        "const fs = require('fs'), own = fs.realpathSync(__dirname) + '/own', deep = own + ('/' + 'd'.repeat(200)).repeat(5);
         fs.mkdirSync(deep, { recursive: true });
         cluster.setupPrimary({ exec: guest, cwd: own });
         const worker = cluster.fork({ PLACE: 'at' });
         worker.on('listening', ({ address, addressType }) => {
           console.log(address === own + '/at', addressType);
           http.get({ socketPath: own + '/at', agent: false }, (res) => {
             res.on('data', (d) => console.log(`${d}`)).on('end', () => worker.disconnect());
           }).on('error', (error) => { console.log(error.code); worker.disconnect(); });
         });
         worker.on('exit', (...end) => {
           console.log(...end);
           // What the primary cannot be told is not listened on.
           cluster.setupPrimary({ cwd: deep });
           cluster.fork({ PLACE: 'at' }).on('exit', (code) => console.log(code === require('os').constants.errno.ENAMETOOLONG));
         });",
    );
    assert_eq!(said, "true -1\n1\n0 null\ntrue\n");
}

#[test]
fn sockets_travel_both_ways() {
    let Some(module) = in_rust("family.rs") else { return };
    let said = says(
        &module,
        "const child = fork(guest);
         child.on('message', (m, handle) => {
           if (handle instanceof net.Socket) { console.log(JSON.stringify(m)); handle.end('by the parent'); return; }
           if (handle instanceof net.Server) {
             console.log(JSON.stringify(m), handle.address().port > 0);
             handle.on('connection', (socket) => socket.end('by the server'));
             net.connect(handle.address().port, '127.0.0.1').on('data', (d) => { console.log(`${d}`); handle.close(); last(); });
             return;
           }
           console.log(JSON.stringify(m));
           if (m !== 'serves') return;
           // Who has it accepts from it: here nobody answers.
           const { port } = own.address(); own.close();
           get(port).then((text) => { console.log(text.trim()); child.send('a listener'); });
         });
         const server = net.createServer({ pauseOnConnect: true }, (socket) => child.send(seen++ ? 'back' : 'keep', socket));
         let seen = 0;
         server.listen(0, '127.0.0.1', () => {
           const one = net.connect(server.address().port, '127.0.0.1', () => { one.write('you'); });
           let text = ''; one.on('data', (d) => { text += d; if (text === 'hello you') { server.getConnections((e, n) => { console.log(text, n); one.end(); }); } });
           one.on('end', () => {
             const two = net.connect(server.address().port, '127.0.0.1');
             two.on('data', (d) => { console.log(`${d}`); server.close(() => { console.log('closed'); next(); }); });
           });
         });
         const own = http.createServer();
         function next() { own.listen(0, '127.0.0.1', () => child.send('serve', own)); }
         function last() { child.on('exit', (...end) => console.log(...end)); child.disconnect(); }",
    );
    let expected = "hello you 1\n{\"here\":\"again\"}\nby the parent\nclosed\n\"serves\"\nserved\n\"take it\" true\nby the server\n3 null\n";
    assert_eq!(said, expected);
}

#[test]
fn a_socket_goes_to_a_guest_in_c_and_comes_back() {
    let said = says(
        &in_c("worker.c"),
        "const child = fork(guest);
         child.on('exit', (...end) => console.log(...end));
         child.on('message', (m, socket) => { console.log(JSON.stringify(m), socket._handle.constructor.name); socket.end('and back'); });
         const server = net.createServer({ pauseOnConnect: true }, (socket) => child.send({ deep: [[['\"', {}]]] }, socket));
         server.listen(0, '127.0.0.1', () => {
           let text = '';
           net.connect(server.address().port, '127.0.0.1').on('data', (d) => { text += d; })
             .on('end', () => { console.log(text); server.close(); child.disconnect(); });
         });",
    );
    assert_eq!(said, "{\"back\":[\"}\"]} TCP\ngreetings and back\n3 null\n");
}

/// The acknowledgement of a socket finds the channel full: it goes when there is room, and the next socket after it.
#[test]
fn a_word_that_a_full_channel_does_not_take_in_c_goes_later() {
    let said = says(
        &in_c("worker.c"),
        "const child = fork(guest);
         let large = 0, backs = 0;
         child.on('exit', (...end) => console.log(large > 2, ...end));
         child.on('message', (m, socket) => { if (socket) socket.end('and back'); else if (m.length > 1000) large++; });
         const server = net.createServer({ pauseOnConnect: true }, (socket) => {
           sockets.push(socket);
           if (sockets.length === 3) { child.send('fill'); for (const one of sockets) child.send({ one: 1 }, one); }
         });
         const sockets = [];
         server.listen(0, '127.0.0.1', () => {
           for (let i = 0; i < 3; i++) {
             let text = '';
             net.connect(server.address().port, '127.0.0.1').on('data', (d) => { text += d; })
               .on('end', () => { console.log(text.startsWith('greetings ')); if (++backs === 3) { server.close(); child.disconnect(); } });
           }
         });",
    );
    assert_eq!(said, "true\n".repeat(3) + "true 3 null\n");
}

/// What scripts of the tests of UDP sockets have: what the peer says, in turn, and sockets.
const DATAGRAMS: &str = "const dgram = require('dgram'), heard = [], waiting = [];
    peer.on('message', (m, socket) => { const it = { m, socket }; waiting.length ? waiting.shift()(it) : heard.push(it); });
    const next = () => heard.length ? Promise.resolve(heard.shift()) : new Promise((then) => waiting.push(then));
    const open = (address, port = 0) => new Promise((then, fail) => {
      const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
      socket.on('error', fail).bind(port, address, () => then(socket)); });
    const hears = (client) => new Promise((then) => client.once('message', (m, from) => then([`${m}`, from.port])));
    // Over IPv6 it is the same, where there is any.
    async function each(test) {
      const six = await open('::1').then((socket) => { socket.close(); return true; }, () => false);
      const said = await test('127.0.0.1'), other = six ? await test('::1') : said;
      console.log(said.join('\\n')); if (`${said}` !== `${other}`) console.log('IPv6', other);
      peer.disconnect();
    }\n";

/// The guests of those tests, built once; each test has its own folder with them.
fn datagram_guests() -> (Option<PathBuf>, PathBuf) {
    static BUILT: OnceLock<(Option<PathBuf>, PathBuf)> = OnceLock::new();
    let (rust, c) = BUILT.get_or_init(|| (in_rust("datagrams.rs"), in_c("datagrams.c")));
    let copy = |module: &PathBuf| {
        let own = folder().join("guest.wasm");
        std::fs::copy(module, &own).expect("it can be copied");
        own
    };
    (rust.as_ref().map(copy), copy(c))
}

/// The script beside a guest of each language, as its parent and as its child.
fn with_datagrams(test: &str, expected: &str) {
    let (rust, c) = datagram_guests();
    for module in rust.into_iter().chain([c]) {
        let ends = "peer.on('exit', (...end) => console.log(...end));";
        let said = says(&module, &format!("const peer = fork(guest);{DATAGRAMS}{ends}{test}"));
        assert_eq!(said, format!("{expected}0 null\n"), "{}", module.display());
        let script = format!("{USED}const peer = process;{DATAGRAMS}{test}");
        let script = file(module.parent().expect("it lies in a folder"), "child.js", &script);
        assert_eq!(forks(&module, &[&script.to_string_lossy()]), expected, "{}", module.display());
    }
}

/// Runs a module that forks the file which its first word names; what both say.
fn forks(module: &Path, words: &[&str]) -> String {
    let mut command = skep();
    let done = finish(piped(command.args(["run", "-A"]).arg(module).args(words)).spawn().expect("the program starts"));
    assert_eq!(done.code, Some(0), "{} {}", done.out, done.err);
    done.out
}

#[test]
fn a_udp_socket_of_a_script_is_used_by_a_guest() {
    with_datagrams(
        "each(async (address) => {
           const socket = await open(address), client = await open(address), { port } = socket.address(), said = [];
           peer.send('use', socket); said.push((await next()).m);
           socket.close(); // Each datagram comes to one of those that have it.
           client.send('x', port, address);
           const [text, from] = await hears(client); said.push(text, from === port);
           client.send('', port, address); said.push((await next()).m);
           (await open(address, port)).close(); client.close();
           return said;
         });",
        "has it\nhere: x\ntrue\nclosed\n",
    );
}

#[test]
fn what_comes_before_a_guest_listens_is_not_lost() {
    with_datagrams(
        "each(async (address) => {
           const socket = await open(address), client = await open(address), { port } = socket.address(), said = [];
           peer.send('later', socket); said.push((await next()).m);
           socket.close();
           await new Promise((then) => client.send('early', port, address, then));
           peer.send('nothing'); said.push((await next()).m);
           peer.send('listen'); said.push((await hears(client))[0]);
           client.send('', port, address); said.push((await next()).m);
           client.close();
           const other = await open(address), { port: place } = other.address();
           peer.send('forget', other); said.push((await next()).m);
           other.close();
           peer.send('nothing'); said.push((await next()).m);
           (await open(address, place)).close(); // Nobody has it any more.
           return said;
         });",
        "has it\nwhat?\nhere: early\nclosed\nhas it\nwhat?\n",
    );
}

#[test]
fn a_udp_socket_of_a_guest_is_used_by_a_script_and_sent_twice() {
    with_datagrams(
        "each(async (address) => {
           const client = await open(address), still = hears(client), said = [];
           peer.send(`yours ${address} ${client.address().port}`);
           const one = await next(), two = await next(), { port } = two.socket.address(), [text, from] = await still;
           said.push(one.m, two.m, text, from === port, one.socket.address().port === port);
           said.push(two.socket instanceof dgram.Socket, two.socket.type === (address === '::1' ? 'udp6' : 'udp4'));
           one.socket.close();
           two.socket.on('message', (m, from) => two.socket.send(`back ${m}`, from.port, from.address));
           client.send('x', port, address);
           const [back, source] = await hears(client); said.push(back, source === port);
           two.socket.close(); client.close();
           return said;
         });",
        "one\ntwo\nstill mine\ntrue\ntrue\ntrue\ntrue\nback x\ntrue\n",
    );
}

/// A closed socket, a handle of another kind, or of nothing: errors, after which the channel is as it was.
#[test]
fn what_is_no_open_udp_socket_is_not_sent() {
    let test = "(async () => {
        peer.send('wrong'); console.log((await next()).m.join());
        const socket = await open('127.0.0.1'); peer.send('forget', socket); console.log((await next()).m);
        socket.close(); peer.disconnect();
      })();";
    let of = |module: &Path| says(module, &format!("const peer = fork(guest);{DATAGRAMS}{test}"));
    let (rust, c) = datagram_guests();
    if let Some(module) = rust {
        assert_eq!(of(&module), "EPIPE,EBADF,EBADF\nhas it\n");
    }
    assert_eq!(of(&c), "-22,-9,-9,-9,-9,-9,-9,-32,-9,-9\nhas it\n");
}

/// Words that name another kind than what came: a script's library ends who sends them, a guest goes by what came.
#[test]
fn words_that_lie_about_what_came() {
    let (rust, liar) = datagram_guests();
    let ends = "peer.on('exit', (...end) => console.log(...end)); peer.send('lie');";
    assert_eq!(says(&liar, &format!("const peer = fork(guest);{ends}")), "null SIGKILL\n");
    for module in rust.into_iter().chain([liar.clone()]) {
        let said = forks(&liar, &[&module.to_string_lossy(), "lie"]);
        assert_eq!(said, "\"a listener\"\n\"has it\"\n", "{}", module.display());
    }
}

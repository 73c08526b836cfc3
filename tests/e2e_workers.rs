//! cluster as a script sees it: workers behind one address, their events, their end. It must not know how connections are dealt.
mod support;

use support::{Server, run_as, skep};

/// Runs a script that may do everything, as `PRIMARY` and as `WORKER`.
fn says(primary: &str, worker: &str, expected: &str) {
    let code = format!(
        "const cluster = require('cluster'), http = require('http'), net = require('net'), assert = require('assert');
         if (cluster.isPrimary) {{ {primary} }} else {{ {worker} }}"
    );
    let done = run_as(&["-A"], &code);
    assert_eq!((done.code, done.out.as_str()), (Some(0), expected), "{}", done.err);
}

const GET: &str =
    "const get = (port) => new Promise((done, fail) => http.get({ port, host: '127.0.0.1', agent: false }, (res) => {
   let text = ''; res.on('data', (d) => { text += d; }); res.on('end', () => done(text)); }).on('error', fail));";

#[test]
fn workers_share_port_zero_and_each_gets_its_part() {
    says(
        &format!(
            "{GET} const ports = new Set();
             for (let i = 0; i < 3; i++) cluster.fork();
             cluster.on('listening', async (worker, address) => {{
               ports.add(address.port);
               if (Object.values(cluster.workers).some((w) => w.state !== 'listening')) return;
               const seen = {{}};
               for (let i = 0; i < 30; i++) {{ const id = await get(address.port); seen[id] = (seen[id] ?? 0) + 1; }}
               console.log(ports.size, Object.keys(seen).join(), Object.values(seen).every((n) => n >= 5));
               cluster.disconnect(() => console.log('gone'));
             }});"
        ),
        "http.createServer((req, res) => res.end(`${cluster.worker.id}`)).listen(0, '127.0.0.1');",
        "1 1,2,3 true\ngone\n",
    );
}

#[test]
fn events_come_in_their_order() {
    says(
        "const seen = []; const worker = cluster.fork();
         for (const name of ['fork', 'online', 'listening', 'disconnect', 'exit']) cluster.on(name, (w) => { assert.strictEqual(w, worker); seen.push(name); });
         worker.on('listening', ({ addressType, address, port }) => { seen.push([addressType, address, port > 0].join(' ')); worker.disconnect(); });
         worker.on('exit', (code, signal) => seen.push(`${code} ${signal} ${worker.exitedAfterDisconnect} ${worker.isDead()}`));
         process.on('exit', () => console.log(seen.join(', ')));",
        "net.createServer().listen(0, '127.0.0.1');",
        "fork, online, 4 127.0.0.1 true, listening, disconnect, 0 null true true, exit\n",
    );
}

#[test]
fn an_address_that_is_taken_is_told_to_the_worker() {
    says(
        "const server = net.createServer().listen(0, '127.0.0.1', () => {
           const worker = cluster.fork({ PORT: server.address().port });
           worker.on('message', (m) => { console.log(m); worker.disconnect(); server.close(); });
         });",
        "net.createServer().listen(+process.env.PORT, '127.0.0.1').on('error', (error) => process.send(error.code + ' ' + error.syscall));",
        "EADDRINUSE bind\n",
    );
}

#[test]
fn without_dealing_every_worker_accepts_for_itself() {
    says(
        &format!(
            "{GET} cluster.schedulingPolicy = cluster.SCHED_NONE; let up = 0;
             cluster.fork(); cluster.fork();
             cluster.on('listening', async (worker, {{ port }}) => {{
               if (++up < 2) return;
               const seen = new Set(); for (let i = 0; i < 20; i++) seen.add(await get(port));
               console.log([...seen].every((id) => id === '1' || id === '2')); cluster.disconnect();
             }});"
        ),
        "http.createServer((req, res) => res.end(`${cluster.worker.id}`)).listen(0, '127.0.0.1');",
        "true\n",
    );
}

#[test]
fn udp_is_shared_and_unix_sockets_too() {
    says(
        "const dgram = require('dgram'), fs = require('fs'), client = dgram.createSocket('udp4'), path = fs.mkdtempSync(require('os').tmpdir() + '/skep-') + '/s';
         const worker = cluster.fork({ PATH_: path }); let timer;
         worker.on('listening', ({ addressType, port }) => {
           if (addressType === 'udp4') timer = setInterval(() => client.send('x', port, '127.0.0.1'), 20);
           else net.connect(path).on('data', (d) => { console.log(`${d}`, addressType); fs.rmSync(path.slice(0, -2), { force: true, recursive: true }); worker.disconnect(); });
         });
         worker.on('message', (m) => { console.log(m); clearInterval(timer); client.close(); worker.send('next'); });",
        "const socket = require('dgram').createSocket('udp4');
         socket.on('message', () => { socket.close(); process.send('a message'); }); socket.bind(0, '127.0.0.1');
         process.once('message', () => net.createServer((s) => s.end('by path')).listen(process.env.PATH_));",
        "a message\nby path -1\n",
    );
}

#[test]
fn the_example_outlives_a_killed_worker() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/cluster.js");
    let mut server = Server::spawn(skep().args(["run", "--allow-fork=8", path, "0"]));
    let pid =
        |line: &str| line.split(' ').nth(1).and_then(|word| word.parse::<u32>().ok()).expect("a line names a worker");
    let lines: Vec<String> = (0..4).map(|_| server.line()).collect();
    let victim = pid(&lines[0]);
    let killed = std::process::Command::new("kill").args(["-9", &victim.to_string()]).status();
    assert!(killed.expect("kill runs").success(), "the worker is there");
    assert_eq!(server.line(), format!("worker {victim} ended with SIGKILL; another takes its place"));
    let next = server.line();
    assert!(next.contains(" serves port ") && pid(&next) != victim, "{next}");
}

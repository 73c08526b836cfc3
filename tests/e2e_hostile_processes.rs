//! Hostile processes, rows P01 to P11 where a person would meet them: fork bombs, programs that were not granted, injected
//! environments, forged messages, orphans, signals. Frames that no child of ours would send are tests/e2e_fork.rs's. It
//! must not know how processes are kept.
mod support;

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use support::processes::lives;
use support::{Finished, Server, eventually, file, folder, run_as, skep};

/// Runs a script that may start processes.
fn forks(most: &str, source: &str) -> Finished {
    run_as(&[&format!("--allow-fork={most}"), "--allow-env"], source)
}

#[test]
fn p01_a_fork_bomb_is_counted_as_a_whole() {
    let done = forks(
        "6",
        "var { fork } = require('child_process'), left = 200, refused = 0, started = 0;
        function bomb() {
          if (left-- === 0) return over();
          var child = fork(__filename, ['bomb'], { stdio: 'ignore' });
          child.on('spawn', function () { started++; });
          child.on('error', function (e) { refused += e.code === 'EAGAIN' ? 1 : 1000; });
          child.on('exit', function () {});
          setImmediate(bomb);
        }
        function over() {
          if (process.argv[2] === 'bomb') return setInterval(function () {}, 1000);
          setTimeout(function () { console.log(started <= 6, refused >= 194, refused < 1000); process.exit(); }, 300);
        }
        bomb();",
    );
    assert_eq!(done.out, "true true true\n", "{}", done.err);
}

#[test]
fn p02_other_programs_are_denied() {
    let done = forks(
        "4",
        "var cp = require('child_process');
        function told(name) { return function (e) { console.log(name, e.code); }; }
        cp.spawn('/bin/sh', ['-c', 'echo x']).on('error', told('spawn'));
        cp.exec('echo x', told('exec')); cp.execFile('/bin/true', told('execFile'));
        cp.spawn('ls', { shell: true }).on('error', told('shell'));
        console.log('sync', cp.spawnSync('/bin/true').error.code);",
    );
    let mut lines: Vec<&str> = done.out.lines().collect();
    lines.sort_unstable();
    let denied = "ERR_ACCESS_DENIED";
    let expected: Vec<String> =
        ["exec", "execFile", "shell", "spawn", "sync"].iter().map(|name| format!("{name} {denied}")).collect();
    assert_eq!(lines, expected, "{}", done.err);
}

#[test]
fn p03_a_child_is_given_nothing_but_its_order() {
    let evil = folder();
    let evil = file(&evil, "evil.js", "console.log('evil');");
    let code = format!(
        "var {{ fork }} = require('child_process');
        if (process.argv[2]) {{ console.log(Object.keys(process.env).sort().join(), process.execArgv.length); process.send('up'); process.on('message', function () {{}}); }}
        else {{
          var env = {{ NODE_OPTIONS: '--require={0}', LD_PRELOAD: '/nowhere.so', A: '1' }};
          var child = fork(__filename, ['x'], {{ env: env, execArgv: [] }});
          child.on('message', function () {{ console.log('PID ' + child.pid); }});
          process.on('SIGTERM', function () {{ process.exit(); }});
        }}",
        evil.display()
    );
    let script = file(&folder(), "main.js", &code);
    let mut server = Server::spawn(skep().args(["run", "--allow-fork=2", "--allow-env"]).arg(script));
    assert_eq!(server.line(), "A,LD_PRELOAD,NODE_OPTIONS 0");
    let pid: u32 = server.line()["PID ".len()..].parse().expect("a number");
    let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).expect("the child lives");
    assert_eq!(read("environ"), b"", "an environment of its own it has only in the guest");
    assert_eq!(read("cmdline"), b"skep\0child\0");
    server.signal("TERM");
    assert_eq!(server.end().out, "");
}

#[test]
fn p04_nonsense_on_the_channel_ends_a_child_at_once() {
    let frame = |len: u32, kind: u8, flags: u8, body: &[u8]| {
        let mut bytes = len.to_le_bytes().to_vec();
        bytes.extend_from_slice(&[kind, flags, 0, 0]);
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(body);
        bytes
    };
    let cases = [
        ("nothing", Vec::new()),
        ("half a head", vec![0; 7]),
        ("an endless frame", frame(u32::MAX, 16, 0, b"{")),
        ("an unknown kind", frame(0, 99, 0, b"")),
        ("an unknown flag", frame(2, 16, 0x80, b"{}")),
        ("a child's frame", frame(8, 1, 0, &[0; 8])),
        ("a descriptor that is none", frame(0, 17, 1, b"")),
        ("an order that makes no sense", frame(2, 16, 0, b"{}")),
        ("an order cut short", frame(100, 16, 0, b"{\"mode\":\"eval\"")),
        ("a will without an image", frame(4, 22, 0, b"will")),
        ("an order of deep JSON", frame(100_000, 16, 0, &[b'['; 100_000])),
    ];
    for (name, bytes) in cases {
        let (mut ours, theirs) = UnixStream::pair().expect("a pair");
        let mut command = skep();
        command.arg("child").stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("it starts");
        drop(command);
        // It may have gone already.
        let _gone = ours.write_all(&bytes);
        let _gone = ours.shutdown(Shutdown::Write);
        let done = support::finish(child);
        assert_eq!((done.code, done.out.as_str()), (Some(1), ""), "{name}: {}", done.err);
        assert!(done.err.starts_with("skep: "), "{name}: {}", done.err);
        let mut rest = Vec::new();
        let _reset = ours.read_to_end(&mut rest);
    }
}

#[test]
fn p06_a_script_cannot_speak_for_the_library() {
    let done = forks(
        "4",
        "var cluster = require('cluster');
        if (cluster.isPrimary) {
          var worker = cluster.fork(), seen = 0;
          worker.on('message', function (m) { seen++; if (m === 'last') { console.log('seen', seen, worker.isConnected()); worker.kill(); } });
          cluster.on('listening', function () { console.log('listening'); });
          worker.process.on('internalMessage', function (m) { console.log('internal', m.cmd); });
          worker.on('exit', function () { console.log('exit'); });
        } else {
          [{ act: 'ack' }, { do: 'listening', address: '0.0.0.0', port: 80 }, { do: 'nonsense' }, { act: 'handle', type: 'net.Socket' }]
            .forEach(function (m) { process.send(m); });
          process.send({ cmd: 'NODE_HANDLE', type: 'net.Socket' }); process.send({ cmd: 'NODE_cluster', act: 'listening' });
          process.send('last');
        }",
    );
    assert_eq!(done.out, "internal NODE_HANDLE\ninternal NODE_cluster\nseen 5 true\nexit\n", "{}", done.err);
}

#[test]
fn p07_what_a_message_holds_stays_in_the_guest() {
    let done = forks(
        "4",
        "var { fork } = require('child_process');
        if (process.argv[2]) {
          var deep = {}, at = deep; for (var i = 0; i < 500; i++) at = at.a = {};
          var ring = { self: null }; ring.self = ring;
          process.send(JSON.parse('{\"__proto__\": {\"evil\": 1}, \"constructor\": {\"prototype\": {\"evil\": 1}}}'));
          process.send(deep); process.send(ring); process.send([, 1]); process.send('\\u0000\\ud800');
          process.disconnect();
        } else {
          var child = fork(__filename, ['x'], { serialization: 'advanced' }), count = 0;
          child.on('message', function (m) {
            count++;
            if (count === 1) console.log(({}).evil, Object.keys(m).join());
            if (count === 3) console.log(m.self === m);
          });
          child.on('exit', function (c, s) { console.log(count, c, s); });
        }",
    );
    assert_eq!(done.out, "undefined __proto__,constructor\ntrue\n5 0 null\n", "{}", done.err);
}

#[test]
fn p08_a_worker_listens_where_its_primary_may() {
    let done = forks(
        "4",
        "var cluster = require('cluster'), net = require('net');
        if (cluster.isPrimary) {
          cluster.fork().on('listening', function () { console.log('listening'); }).on('exit', function (c, s) { console.log(c, s); });
        } else {
          net.createServer().on('error', function (e) {
            console.log(e.code);
            net.createServer().on('error', function (e) { console.log(e.code); process.exit(5); }).listen('skep-p08.sock');
          }).listen(81);
        }",
    );
    assert_eq!(done.out, "EACCES\nEACCES\n5 null\n", "{}", done.err);
}

#[test]
fn p09_no_orphan_and_no_zombie() {
    let code = "var { fork } = require('child_process');
      if (process.argv[2] === 'leaf') { console.log('PID ' + process.pid); for (;;); }
      if (process.argv[2] === 'middle') { fork(__filename, ['leaf']); console.log('PID ' + process.pid); setInterval(function () {}, 1000); return; }
      fork(__filename, ['middle']); var brief = fork(__filename, ['leaf']);
      setTimeout(function () { brief.kill('SIGKILL'); }, 50);
      brief.on('exit', function (c, s) { console.log('GONE ' + brief.pid + ' ' + s); });";
    let script = file(&folder(), "main.js", code);
    let mut server = Server::spawn(skep().args(["run", "--allow-fork=8"]).arg(script));
    let (mut pids, mut gone) = (Vec::new(), None);
    while pids.len() < 2 || gone.is_none() {
        let line = server.line();
        let word = line.split(' ').nth(1).map(|pid| pid.parse::<u32>().expect("a number"));
        if line.starts_with("GONE") {
            assert!(line.ends_with(" SIGKILL"), "{line}");
            gone = word;
        } else {
            pids.extend(word);
        }
        pids.retain(|pid| Some(*pid) != gone);
    }
    let gone = gone.expect("it was told");
    assert!(std::fs::metadata(format!("/proc/{gone}")).is_err(), "it was waited for when its end was told");
    server.signal("KILL");
    assert_eq!(server.end().code, None);
    eventually("its processes end", || pids.iter().all(|pid| !lives(*pid)));
}

#[test]
fn p10_only_children_can_be_signalled() {
    let done = forks(
        "4",
        "var { fork } = require('child_process');
        function tries(pid, signal) { try { return process.kill(pid, signal); } catch (e) { return e.code; } }
        if (process.argv[2]) {
          console.log([tries(process.ppid, 9), tries(process.ppid, 0), tries(1, 0), tries(-1, 9), tries(process.pid, 0)].join());
          process.send(0); setInterval(function () {}, 1000);
        } else {
          var child = fork(__filename, ['x']);
          child.on('message', function () { console.log(tries(1, 0), tries(child.pid, 0), tries(child.pid, 'SIGKILL')); });
          child.on('exit', function (c, s) { console.log(c, s, tries(child.pid, 0)); });
        }",
    );
    assert_eq!(done.out, "ESRCH,ESRCH,ESRCH,ESRCH,true\nESRCH true true\nnull SIGKILL ESRCH\n", "{}", done.err);
}

#[test]
fn p11_a_child_has_no_more_than_its_parent() {
    let code = "var { fork } = require('child_process');
      if (process.argv[2]) {
        var all = []; try { for (;;) all.push(new Uint8Array(4 << 20).fill(1)); } catch (e) { console.log(e.name, all.length < 16); }
        try { require('fs').readFileSync('/etc/passwd'); } catch (e) { console.log(e.code); }
        require('net').connect(9, '127.0.0.1').on('error', function (e) { console.log(e.code); });
      } else {
        fork(__filename, ['x'], { execArgv: ['--max-old-space-size=4096'] });
      }";
    let done = run_as(&["--allow-fork=2", "--memory=64M"], code);
    let denied = "ERR_ACCESS_DENIED";
    let lines: Vec<&str> = done.out.lines().collect();
    assert_eq!(lines[1..], [denied, denied], "{} {}", done.out, done.err);
    assert!(lines[0].ends_with("Error true"), "{}", done.out);
}

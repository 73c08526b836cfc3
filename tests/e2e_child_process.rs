//! child_process as a script sees it: other guests, programs, messages, handles that travel. Each script checks itself; what it
//! says is what was promised. It must not know how a process is started.
mod support;

use support::run_as;

/// Runs a script that may do everything; a script begins as the parent, and `CHILD` is the code of its children.
fn says(parent: &str, child: &str, expected: &str) {
    let code = format!(
        "const cp = require('child_process'), net = require('net'), assert = require('assert');
         if (process.argv[2] === 'child') {{ {child} }} else {{
           const start = (options, ...args) => cp.fork(__filename, ['child', ...args], options); {parent} }}"
    );
    let done = run_as(&["-A"], &code);
    assert_eq!((done.code, done.out.as_str()), (Some(0), expected), "{}", done.err);
}

#[test]
fn messages_travel_both_ways_and_in_order() {
    says(
        "const child = start(), got = [];
         child.on('message', (m) => { got.push(m); if (m === 'last') child.disconnect(); });
         child.on('exit', (code, signal) => console.log(JSON.stringify(got), code, signal));
         for (const m of [1, 'two', { three: [3] }, null, true, 'last']) child.send(m);",
        "process.on('message', (m) => process.send(m));",
        "[1,\"two\",{\"three\":[3]},null,true,\"last\"] 0 null\n",
    );
}

#[test]
fn a_message_of_megabytes_arrives_whole_and_send_tells_of_backpressure() {
    says(
        "const child = start(), text = '\\u00df'.repeat(3e6); let full = false;
         for (let i = 0; i < 3; i++) full = child.send(text) === false || full;
         child.on('message', (m) => { console.log(full, m); child.disconnect(); });",
        "let n = 0; process.on('message', (m) => { assert.strictEqual(m.length, 3e6); if (++n === 3) process.send(n); });",
        "true 3\n",
    );
}

#[test]
fn advanced_serialization_keeps_what_json_loses() {
    says(
        "const child = start({ serialization: 'advanced' });
         const value = { map: new Map([[1, new Set(['x'])]]), date: new Date(7), big: 7n, bytes: new Uint8Array([1, 2]), not: undefined };
         value.self = value;
         child.on('message', (m) => { assert.deepStrictEqual(m, value); assert.ok(m.self === m); console.log('same'); child.disconnect(); });
         child.send(value);",
        "process.on('message', (m) => process.send(m));",
        "same\n",
    );
}

#[test]
fn ends_are_told_apart() {
    says(
        "const ends = ['code', 'throw', 'kill', 'abort'].map((how) => new Promise((done) => {
           const controller = new AbortController();
           const child = start({ stdio: ['ignore', 'ignore', 'ignore', 'ipc'], signal: controller.signal }, how);
           child.on('error', (error) => assert.strictEqual(error.name, 'AbortError'));
           if (how === 'kill') child.on('message', () => assert.ok(child.kill('SIGKILL')));
           if (how === 'abort') child.on('message', () => controller.abort());
           let seen = '';
           for (const name of ['spawn', 'exit', 'close']) child.on(name, (...args) => { seen += name + args + ' '; });
           child.on('close', () => done(how + ': ' + seen.trim()));
         }));
         Promise.all(ends).then((lines) => console.log(lines.join('\\n')));",
        "const how = process.argv[3]; if (how === 'code') process.exit(7); if (how === 'throw') throw new Error('x');
         process.send('up'); setInterval(() => {}, 1000);",
        "code: spawn exit7, close7,\nthrow: spawn exit1, close1,\nkill: spawn exit,SIGKILL close,SIGKILL\nabort: spawn exit,SIGTERM close,SIGTERM\n",
    );
}

/// What is told of the ends of such children, by name: one after another, for limits are those of all together.
fn ends(kinds: &str, cpu: &str) -> Vec<String> {
    let code = "const { fork } = require('child_process'), how = process.argv[2], all = [];
      if (how === 'code') process.exit(7);
      if (how === 'self') { process.kill(process.pid, 'SIGTERM'); console.log('it goes on'); }
      if (how === 'heard') { process.once('SIGUSR2', () => process.exit(3)); process.kill(process.pid, 'SIGUSR2'); setInterval(() => {}, 1000); }
      if (how === 'killed') { process.send('up'); setInterval(() => {}, 1000); }
      if (how === 'spins') for (;;);
      if (how === 'objects') for (;;) all.push(new Array(1000).fill(0).map((x) => [x]));
      if (how === 'bytes') for (;;) all.push(new Uint8Array(4 << 20).fill(1));
      if (how === 'copes') { try { for (;;) all.push(new Uint8Array(4 << 20).fill(1)); } catch { all.length = 0; } setTimeout(() => process.exit(4), 20); }
      const kinds = 'KINDS'.split(' ');
      const next = () => {
        const each = kinds.shift();
        if (each === undefined) return;
        const child = fork(__filename, [each], { stdio: ['ignore', 'inherit', 'ignore', 'ipc'] });
        child.on('message', () => child.kill('SIGKILL'));
        child.on('exit', (code, signal) => { console.log(each, code, signal, child.exitReason); next(); });
        if (child.exitReason !== null) throw new Error('it has not ended');
      };
      if (!how) next();";
    let done = run_as(&["--allow-fork=16", "--memory=64M", cpu], &code.replace("KINDS", kinds));
    let mut lines: Vec<String> = done.out.lines().map(String::from).collect();
    lines.sort_unstable();
    assert!(!lines.is_empty(), "{}", done.err);
    lines
}

#[test]
fn the_host_tells_why_a_child_has_ended() {
    let expected = [
        "bytes 1 null memory",
        "code 7 null exit",
        "copes 4 null exit",
        "heard 3 null exit",
        "killed null SIGKILL signal",
        "objects 1 null memory",
        "self null SIGTERM signal",
    ];
    assert_eq!(ends("code self heard killed objects bytes copes", "--cpu=60s"), expected);
    assert_eq!(ends("spins", "--cpu=1s"), ["spins 134 null deadline"]);
}

#[test]
fn the_standard_streams_are_pipes_when_asked() {
    says(
        "const child = start({ silent: true, env: { WHO: 'bee' }, cwd: '/' }); let out = '', err = '';
         child.stdout.on('data', (d) => { out += d; }); child.stderr.on('data', (d) => { err += d; });
         child.on('close', () => console.log(out, err)); child.stdin.end('hello');",
        "let text = ''; process.stdin.on('data', (d) => { text += d; });
         process.stdin.on('end', () => { process.stdout.write(text + ' ' + process.env.WHO); process.stderr.write(process.cwd()); process.disconnect(); });",
        "hello bee /\n",
    );
}

#[test]
fn the_environment_holds_nothing_of_ours_and_a_forged_one_means_nothing() {
    says(
        "const child = start({ env: { A: '1', NODE_UNIQUE_ID: '5', NODE_CHANNEL_FD: '3' } });
         child.on('message', (m) => console.log(m));",
        "process.send([Object.keys(process.env).sort().join(), require('cluster').isPrimary, process.env.NODE_CHANNEL_SERIALIZATION_MODE === undefined].join(' '));",
        "A,NODE_CHANNEL_FD,NODE_UNIQUE_ID true true\n",
    );
}

#[test]
fn exec_path_is_another_guest() {
    says(
        "const run = (...words) => cp.spawnSync(process.execPath, words, { encoding: 'utf8' });
         console.log(run('-p', '6 * 7').stdout.trim(), run('-e', 'process.exit(3)').status, run(__filename, 'child', 'x y').stdout.trim());
         console.log(cp.execFileSync(process.execPath, ['-'], { input: 'console.log(process.argv.length)', encoding: 'utf8' }).trim());",
        "console.log(process.argv.slice(2).join('|'), process.send === undefined);",
        "42 3 child|x y true\n1\n",
    );
}

#[test]
fn sockets_and_servers_travel() {
    says(
        "const child = start(), server = net.createServer((socket) => child.send('socket', socket));
         server.listen(0, '127.0.0.1', () => {
           const client = net.connect(server.address().port, '127.0.0.1'); let text = '';
           client.on('data', (d) => { text += d; });
           client.on('end', () => {
             console.log(text);
             const second = net.createServer(() => assert.fail('the parent has closed it')).listen(0, '127.0.0.1', () => {
               const { port } = second.address();
               child.send('server', second, () => second.close());
               child.once('message', () => net.connect(port, '127.0.0.1').on('data', (d) => { console.log(`${d}`); server.close(); child.disconnect(); }));
             });
           });
         });",
        "process.on('message', (m, handle) => {
           if (m === 'socket') handle.end('from the child');
           else { handle.on('connection', (socket) => { socket.end('served by it'); handle.close(); }); process.send('listening'); }
         });",
        "from the child\nserved by it\n",
    );
}

#[test]
fn programs_run_with_the_grant_and_are_refused_without() {
    let code = "const { exec, spawn } = require('child_process');
        exec('echo out; echo err >&2; exit 3', (error, stdout, stderr) => console.log(error.code, error.cmd !== undefined, stdout, stderr));
        spawn('/no/such/program').on('error', (error) => console.log(error.code, error.path));";
    let done = run_as(&["-A"], code);
    let mut lines: Vec<_> = done.out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["", " err", "3 true out", "ENOENT /no/such/program"], "{}", done.err);
    let denied = run_as(
        &["--allow-fork=1"],
        "require('child_process').spawn('ls').on('error', (error) => console.log(error.code, error.message));
         const { error } = require('child_process').spawnSync('ls'); console.log(error.code);",
    );
    assert!(
        denied.out.contains("ERR_ACCESS_DENIED") && denied.out.contains("--allow-run"),
        "{} {}",
        denied.out,
        denied.err
    );
}

#[test]
fn without_a_grant_nothing_is_forked() {
    let done = run_as(
        &[],
        "require('child_process').fork(__filename).on('error', (error) => console.log(error.code, error.message));",
    );
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert!(done.out.starts_with("ERR_ACCESS_DENIED") && done.out.contains("--allow-fork"), "{}", done.out);
}

#[test]
fn the_example_runs() {
    let done = run_as(&["--allow-fork=1"], include_str!("../examples/fork.js"));
    assert!(
        done.out.contains("fib(27) is 196418") && done.out.ends_with("ended with 0\n"),
        "{} {}",
        done.out,
        done.err
    );
}

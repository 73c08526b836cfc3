//! Clones: a script goes on in a second process from its heap as it stands. What the clone keeps, what it has anew, what it is
//! told of all that it has not, and how the two talk. It must not know how an image is taken.
mod support;

use support::{Finished, run_as};

/// Runs a script that may start processes. Both processes write to the same output.
fn both(source: &str) -> Finished {
    run_as(&["--allow-fork=4", "--allow-net", "--allow-fs=/etc", "--allow-env", "--allow-fs=/tmp"], source)
}

/// Its lines, in an order of their own: two processes write them.
fn lines(done: &Finished) -> Vec<&str> {
    assert_eq!(done.err, "", "{}", done.out);
    let mut lines: Vec<&str> = done.out.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_clone_goes_on_with_the_heap_as_it_stands() {
    let done = both(
        "var { clone } = require('skep:process');
        var map = new Map([['a', 1]]), weak = new WeakMap(), key = {}, pid = process.pid; weak.set(key, 'w');
        function* count() { var i = 0; for (;;) yield ++i; }
        var counter = count(); counter.next();
        process.env.B = '2'; process.chdir('/tmp');
        class Box { #v = 5; get v() { return this.#v; } }
        var box = new Box(), late = 'before';
        clone().then(function (child) {
          if (child) {
            console.log('parent', child.pid > 0 && child.pid !== pid, child.connected);
            child.on('exit', function (code, signal) { console.log('exit', code, signal); });
            return;
          }
          map.set('b', 2);
          console.log([late, counter.next().value, map.size, weak.get(key), box.v, process.env.B, process.cwd()].join());
          console.log(process.pid !== pid, process.ppid === pid, require('skep:process').clone === clone);
          process.exit(3);
        });
        late = 'after';",
    );
    assert_eq!(lines(&done), ["after,2,2,w,5,2,/tmp", "exit 3 null", "parent true true", "true true true"]);
}

#[test]
fn both_talk_over_a_channel() {
    let done = both(
        "require('skep:process').clone({ serialization: 'advanced' }).then(function (child) {
          if (child) {
            child.on('message', function (m) { console.log('got', m instanceof Map, m.get('n')); child.send(new Set([1, 2])); });
            child.on('disconnect', function () { console.log('disconnect'); });
          } else {
            process.on('message', function (m) { console.log('clone got', m.size); process.disconnect(); });
            process.send(new Map([['n', 1n]]));
          }
        });",
    );
    assert_eq!(lines(&done), ["clone got 2", "disconnect", "got true 1n"]);
}

#[test]
fn a_clone_can_be_killed_and_can_clone() {
    let done = both(
        "var { clone } = require('skep:process'), depth = 0;
        clone().then(function down(child) {
          if (child === null) {
            depth++;
            console.log('depth', depth);
            if (depth < 3) return clone().then(down);
            setInterval(function () {}, 1000);
            process.send('last');
          } else {
            child.on('message', function () { child.kill('SIGKILL'); });
            child.on('exit', function (code, signal) { console.log('at', depth, code, signal); });
          }
        });",
    );
    assert_eq!(lines(&done), ["at 0 0 null", "at 1 0 null", "at 2 null SIGKILL", "depth 1", "depth 2", "depth 3"]);
}

#[test]
fn what_must_not_repeat_is_renewed() {
    let done = both(
        "var vm = require('vm'), crypto = require('crypto'), realm = vm.createContext({});
        vm.runInContext('Math.random()', realm); Math.random(); crypto.randomUUID();
        Promise.all([require('skep:process').clone(), require('skep:process').clone()]).then(function () {
          console.log(Math.random()); console.log(vm.runInContext('Math.random()', realm)); console.log(crypto.randomUUID());
          process.exit();
        });",
    );
    // The parent ends first, and its clones with it: at least its own are there, and no two are alike.
    let lines = lines(&done);
    let mut distinct = lines.clone();
    distinct.dedup();
    assert!(lines.len() >= 3 && distinct == lines, "{lines:?}");
}

#[test]
fn timers_go_on_by_the_same_clock() {
    let done = both(
        "var ticks = 0, pid = process.pid;
        function who() { return process.pid === pid ? 'parent' : 'clone'; }
        setTimeout(function () { console.log('later', who()); }, 60);
        setImmediate(function () { console.log('soon', who()); });
        var every = setInterval(function () { if (++ticks === 3) { clearInterval(every); console.log('thrice', who()); } }, 5);
        process.nextTick(function () { require('skep:process').clone(); });",
    );
    assert_eq!(
        lines(&done),
        ["later clone", "later parent", "soon clone", "soon parent", "thrice clone", "thrice parent"]
    );
}

#[test]
fn what_stayed_with_the_parent_is_told_as_ended() {
    let done = both(
        "var net = require('net'), http = require('http'), fs = require('fs'), dgram = require('dgram');
        var { clone } = require('skep:process'), pid = process.pid;
        function say(text) { if (process.pid !== pid) console.log(text); }
        var server = http.createServer(function (req, res) {
          res.write('half'); res.on('close', function () { say('response closed ' + res.writableFinished); });
          req.on('aborted', function () { say('request aborted'); });
        });
        server.on('close', function () { say('server closed ' + server.listening); });
        server.listen(0, '127.0.0.1', function () {
          var socket = net.connect(server.address().port, '127.0.0.1', function () { socket.write('GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'); });
          socket.on('error', function (e) { say('socket error ' + e.code); }).on('close', function (bad) { say('socket closed ' + bad + socket.destroyed); });
          socket.once('data', function () {
            var udp = dgram.createSocket('udp4').bind(0, '127.0.0.1', function () {
              udp.on('close', function () { say('udp closed'); });
              var watch = fs.watch('/tmp').on('close', function () { say('watch closed'); });
              var fd = fs.openSync('/etc/hostname');
              fs.readFile('/etc/hostname', function (e) { say('file ' + (e && e.code)); });
              clone().then(function (child) {
                if (child) { child.on('exit', function () { process.exit(); }); return; }
                say('done'); try { fs.readSync(fd, Buffer.alloc(1)); } catch (e) { say('open file ' + e.code); }
                net.createServer().listen(0, '127.0.0.1', function () { say('again ' + (this.address().port > 0)); this.close(); });
              });
            });
          });
        });",
    );
    let expected = [
        "again true",
        "done",
        "file ECANCELED",
        "open file EBADF",
        "request aborted",
        "response closed false",
        "server closed false",
        "socket closed falsetrue",
        "udp closed",
        "watch closed",
    ];
    assert_eq!(lines(&done), expected);
}

#[test]
fn other_children_stay_with_the_parent() {
    let done = both(
        "var { fork } = require('child_process'), { clone } = require('skep:process'), pid = process.pid;
        if (process.argv[2] === 'other') {
          process.on('message', function (m) { process.send(m); });
        } else {
          var other = fork(__filename, ['other']);
          other.on('exit', function () { console.log('exit heard by', process.pid === pid ? 'parent' : 'clone'); });
          other.once('message', function () {
            clone().then(function (child) {
              if (child === null) {
                console.log('clone', other.connected, other.kill());
                return;
              }
              child.on('exit', function () {
                other.once('message', function (m) { console.log('parent', m); other.disconnect(); });
                other.send('still');
              });
            });
          });
          other.send('up');
        }",
    );
    assert_eq!(lines(&done), ["clone false false", "exit heard by parent", "parent still"]);
}

#[test]
fn workers_start_from_the_primary_as_it_stands() {
    let done = both(
        "var cluster = require('cluster'), http = require('http'), warm = new Map();
        for (var i = 0; i < 1000; i++) warm.set(i, i * i);
        var served = 0, port = 0;
        cluster.on('clone', function (worker) {
          http.createServer(function (req, res) { res.end(cluster.isWorker + ' ' + warm.get(30) + ' ' + worker.id + ' ' + process.env.X); })
            .listen(0, '127.0.0.1');
        });
        var listening = 0;
        cluster.on('listening', function (worker, address) {
          port = address.port;
          if (++listening < 2) return;
          (function next() {
            if (served === 4) { console.log('primary', cluster.isPrimary); return cluster.disconnect(); }
            http.get({ port: port, host: '127.0.0.1', agent: false }, function (res) {
              var text = ''; res.on('data', function (d) { text += d; });
              res.on('end', function () { console.log(text); served++; next(); });
            });
          })();
        });
        cluster.fork({ clone: true, X: 'x' }); cluster.fork({ clone: true, X: 'x' });",
    );
    let expected = ["primary true", "true 900 1 x", "true 900 1 x", "true 900 2 x", "true 900 2 x"];
    assert_eq!(lines(&done), expected);
}

#[test]
fn clones_need_a_grant() {
    let done = run_as(&[], "require('skep:process').clone().catch(function (e) { console.log(e.code, e.message); })");
    assert_eq!(done.out, "ERR_ACCESS_DENIED starting a process is not granted: it needs --allow-fork\n");
}

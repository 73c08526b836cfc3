//! A script as a process: how it ends and what it says then, signals, timers, limits, and an output nobody reads. Rows C01
//! to C06, H03, H11, H12, L01, M01, M04 where a person would meet them: at the command line.
mod support;

use std::io::Read as _;
use std::process::Stdio;
use support::{Server, eventually, file, finish, folder, piped, run, run_as, signal, skep, wait};

/// Code, standard output and standard error's first line.
fn told(code: &str) -> (Option<i32>, String) {
    let done = run(code);
    (done.code, done.out)
}

#[test]
fn exit_codes_are_nodes() {
    for (code, expected) in [
        ("", 0),
        ("process.exit()", 0),
        ("process.exit(7)", 7),
        ("process.exitCode = 3", 3),
        ("process.exitCode = 3; process.exit()", 3),
        ("process.exitCode = 3; process.exit(4)", 4),
        ("process.on('exit', function () { process.exitCode = 9; })", 9),
        ("process.on('exit', function () { process.exit(11); })", 11),
        ("setTimeout(function () { process.exit(5); }, 1); setInterval(function () {}, 1000)", 5),
        ("process.nextTick(function () { process.exit(6); })", 6),
        ("Promise.resolve().then(function () { process.exit(8); })", 8),
        ("setImmediate(function () { process.exit(12); })", 12),
        ("process.on('beforeExit', function () { process.exit(13); })", 13),
        ("throw new Error('x')", 1),
        ("setTimeout(function () { throw new Error('x'); }, 1)", 1),
        ("Promise.reject(new Error('x'))", 1),
        ("process.on('uncaughtException', function () {}); throw 1", 0),
        ("process.on('uncaughtException', function () { throw 2; }); throw 1", 7),
        ("process.on('unhandledRejection', function () {}); Promise.reject(1)", 0),
        ("var p = Promise.reject(1); process.nextTick(function () { p.catch(function () {}); })", 0),
    ] {
        let done = run(code);
        assert_eq!(done.code, Some(expected), "{code}: {}", done.err);
    }
}

#[test]
fn h12_exit_inside_any_callback_ends_at_once() {
    let done = run("var EventEmitter = require('events'), e = new EventEmitter();
      process.on('exit', function (c) { console.log('exit ' + c); });
      e.on('x', function () { [1, 2].forEach(function () { ({ get a() { process.exit(21); } }).a; console.log('no'); }); });
      new Promise(function () { e.emit('x'); console.log('no'); }); console.log('no');");
    assert_eq!((done.code, done.out.as_str()), (Some(21), "exit 21\n"));
    let mut server =
        Server::start("serve(function (req, res) { res.write('x'); console.log('before'); process.exit(22); });");
    let mut client = server.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    server.until("before");
    let _cut = client.to_end();
    assert_eq!(server.end().code, Some(22));
}

#[test]
fn an_uncaught_exception_shows_its_place_and_its_line() {
    let folder = folder();
    let path = file(
        &folder,
        "broken.js",
        "function inner() {\n  throw new TypeError('so it is');\n}\nfunction outer() { inner(); }\nouter();\n",
    );
    let done = finish(piped(skep().arg(&path)).spawn().expect("the program starts"));
    assert_eq!(done.code, Some(1));
    let place = format!("{}:2", path.display());
    assert!(done.err.contains(&place) && done.err.contains("TypeError: so it is"), "{}", done.err);
    assert!(
        done.err.contains("at inner (") && done.err.contains("at outer (") && done.err.contains("broken.js:4"),
        "{}",
        done.err
    );
    let done = run("\n\nPromise.reject(new RangeError('nobody looked'));");
    assert!(done.err.contains("RangeError: nobody looked") && done.err.contains("main.js:3"), "{}", done.err);
    let done = run("\nvar = 1;");
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("SyntaxError") && done.err.contains("main.js:2"), "{}", done.err);
}

#[test]
fn before_exit_and_exit_come_when_nothing_is_left() {
    let (code, out) = told("var n = 0;
      process.on('beforeExit', function (c) { console.log('beforeExit ' + c); if (n++ < 2) setTimeout(function () { console.log('again'); }, 1); else if (n < 5) setImmediate(function () { console.log('soon'); }); });
      process.on('exit', function (c) { console.log('exit ' + c); setTimeout(function () { console.log('never'); }, 0); });
      setTimeout(function () { console.log('timer'); }, 2);");
    assert_eq!(code, Some(0));
    assert_eq!(
        out,
        "timer\nbeforeExit 0\nagain\nbeforeExit 0\nagain\nbeforeExit 0\nsoon\nbeforeExit 0\nsoon\nbeforeExit 0\nexit 0\n"
    );
}

#[test]
fn what_is_unreferenced_does_not_keep_a_program_alive() {
    let (code, out) = told(
        "var t = setInterval(function () { console.log('no'); }, 60000); t.unref();
      var s = require('http').createServer().listen(0, '127.0.0.1', function () {
        console.log('listening'); s.unref(); setTimeout(function () { console.log('last'); }, 5).unref().ref(); });",
    );
    assert_eq!((code, out.as_str()), (Some(0), "listening\nlast\n"));
}

#[test]
fn timers_ticks_jobs_and_immediates_run_in_nodes_order() {
    let (_, out) = told("var out = []; function p(x) { return function () { out.push(x); }; }
      setImmediate(p('immediate')); setTimeout(p('10'), 10); setTimeout(p('5'), 5); setTimeout(p('5b'), 5);
      setTimeout(function () { out.push('0'); process.nextTick(p('tick in timer')); Promise.resolve().then(p('job in timer')); }, 0);
      setTimeout(p('after'), 0);
      Promise.resolve().then(p('job')); process.nextTick(p('tick')); queueMicrotask(p('job 2')); out.push('sync');
      process.on('exit', function () { console.log(out.join(',')); });");
    let places = ["sync,tick,job,job 2,", "0,tick in timer,job in timer,after", "5,5b", "10"];
    let mut from = 0;
    for place in places {
        let at = out[from..].find(place).unwrap_or_else(|| panic!("{place} in {out}"));
        from += at;
    }
    assert!(out.contains("immediate"), "{out}");
}

#[test]
fn h03_odd_delays_and_cleared_timers() {
    let (code, out) = told("var n = 0, all = [];
      [NaN, -1, 'x', undefined, 2147483648, Infinity].forEach(function (d) { setTimeout(function () { n++; }, d); });
      for (var i = 0; i < 20000; i++) all.push(setTimeout(function () { n++; if (n === 10000) all.forEach(clearTimeout); }, 1));
      process.on('exit', function () { console.log(n); });");
    assert_eq!((code, out.as_str()), (Some(0), "10000\n"));
}

#[test]
fn c01_to_c06_a_script_that_never_yields_is_stopped_by_its_cpu_limit() {
    for code in [
        "for (;;) {}",
        "setTimeout(function () { for (;;) {} }, 1)",
        "process.on('exit', function () { for (;;) {} })",
        "(function again() { Promise.resolve().then(again); })()",
        "(function again() { queueMicrotask(again); })()",
        "(function again() { process.nextTick(again); })()",
        "(function again() { setImmediate(again); })()",
        "(async function () { for (;;) await 0; })()",
        "/(a+)+$/.test('a'.repeat(100000) + 'b')",
        "var a = Array(3e6).fill(0).map(function (x, i) { return -i; }); for (;;) a.sort().reverse()",
        "process.on('SIGINT', function () {}); for (;;) {}",
    ] {
        let done = run_as(&["--cpu=150ms", "--memory=256M"], &format!("console.log('begun'); {code}"));
        assert!(done.code.is_some_and(|code| code != 0), "{code}: {:?}", done.code);
        assert!(done.err.contains("CPU") && done.err.contains("--cpu"), "{code}: {}", done.err);
        assert!(!done.err.contains("panicked"), "{}", done.err);
        assert_eq!(done.out, "begun\n", "{code}: what it had said was printed");
    }
}

#[test]
fn c01_an_interrupt_ends_what_never_yields_at_once() {
    for code in [
        "for (;;) {}",
        "(function again() { process.nextTick(again); })()",
        "serve(function (req, res) { console.log('in'); for (;;) {} })",
    ] {
        for (name, expected) in [("INT", 130), ("TERM", 143)] {
            let code = format!("console.log('begun'); {code}");
            let mut server;
            if code.contains("serve") {
                server = Server::spawn(skep().arg(file(&folder(), "main.js", &format!("var http = require('http'); function serve(f) {{ var s = http.createServer(f); s.listen(0, '127.0.0.1', function () {{ console.log('PORT ' + s.address().port); }}); }} {code}"))));
                server.until("begun");
                server.port = server.line()[5..].parse().expect("a port");
                let mut client = server.client();
                client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
                server.until("in");
            } else {
                server = Server::spawn(skep().arg(file(&folder(), "main.js", &code)));
                server.until("begun");
            }
            server.signal(name);
            assert_eq!(server.end().code, Some(expected), "{code}");
        }
    }
}

#[test]
fn signals_let_responses_in_flight_finish_and_close_what_idles() {
    for (name, expected) in [("INT", 130), ("TERM", 143)] {
        let mut server = Server::start("serve(function (req, res) {
          if (req.url !== '/slow') return res.end('ok');
          res.write('begun '); console.log('in');
          process.stdout.write(''); var t = setInterval(function () { if (--left === 0) { clearInterval(t); res.end('x'.repeat(3000000)); } }, 5), left = 20;
        }); process.on('exit', function () { console.log('no exit event, as in Node'); });");
        let (mut slow, mut idle) = (server.client(), server.client());
        idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(idle.response().text(), "ok");
        slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        server.until("in");
        server.signal(name);
        assert!(idle.is_closed(), "who idles is let go at once");
        let port = server.port;
        eventually("nobody new is taken", || std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
        assert_eq!(slow.response().body.len(), 6 + 3_000_000, "the response is whole");
        assert!(slow.is_closed());
        let end = server.end();
        assert_eq!((end.code, end.out.as_str()), (Some(expected), ""));
    }
}

#[test]
fn a_second_signal_does_not_wait() {
    let mut server = Server::start("serve(function (req, res) { res.write('x'); console.log('in'); });");
    let mut client = server.client();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    server.until("in");
    server.signal("TERM");
    let port = server.port;
    eventually("the first is seen", || std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    server.signal("INT");
    assert_eq!(server.end().code, Some(130));
}

#[test]
fn a_script_may_watch_signals() {
    let mut server = Server::start("var n = 0;
      ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'].forEach(function (name) { process.on(name, function (s, code) { console.log(s + ' ' + code); if (++n === 4) process.exit(40); }); });
      process.on('SIGWINCH', no); process.removeListener('SIGWINCH', no); function no() {}
      serve(function () {});");
    server.signal("WINCH");
    for (name, line) in [("INT", "SIGINT 2"), ("TERM", "SIGTERM 15"), ("HUP", "SIGHUP 1"), ("USR2", "SIGUSR2 12")] {
        server.signal(name);
        assert_eq!(server.line(), line);
    }
    assert_eq!(server.end().code, Some(40));
}

#[test]
fn m04_deep_recursion_of_any_kind_is_a_range_error() {
    let done = run("function name(f) { try { f(); return 'ok'; } catch (e) { return e.name; } }
      var a = {}; a.toString = function () { return '' + a; };
      var g = { get x() { return this.x; } };
      var p = new Proxy({}, { get: function (t, k, r) { return r[k]; } });
      class C { y = new C(); }
      [ function () { (function f() { f(); })(); },
        function () { function x() { y(); } function y() { x(); } x(); },
        function () { '' + a; }, function () { g.x; }, function () { p.x; }, function () { new C(); },
        function () { JSON.parse('['.repeat(2e5)); }, function () { JSON.parse('{\"a\":'.repeat(2e5)); },
        function () { var o = []; for (var i = 0; i < 2e5; i++) o = [o]; JSON.stringify(o); },
        function () { new Function('('.repeat(1e5) + ')'.repeat(1e5)); }, function () { new Function('return ' + '['.repeat(1e5) + ']'.repeat(1e5)); },
        function () { new RegExp('('.repeat(1e5) + ')'.repeat(1e5)); },
        function () { var [x = (function f() { f(); })()] = []; },
      ].forEach(function (f, i) { console.log(i + ' ' + name(f)); });
      setTimeout(function () { console.log('timer ' + name(function f() { f(); })); }, 1);
      Promise.resolve().then(function () { console.log('job ' + name(function f() { f(); })); });");
    assert_eq!(done.code, Some(0), "{} {}", done.out, done.err);
    for line in done.out.lines() {
        let error = line.split_once(' ').expect("a number and a name").1;
        let allowed: &[&str] = if line.starts_with("11 ") || line.starts_with("9 ") || line.starts_with("10 ") {
            &["RangeError", "SyntaxError", "InternalError", "ok"]
        } else {
            &["RangeError"]
        };
        assert!(allowed.contains(&error), "{line}");
    }
    assert_eq!(done.out.lines().count(), 15, "{}", done.out);
}

#[test]
fn m01_filling_memory_ends_the_guest_with_a_message_and_never_the_host() {
    for code in [
        "var a = []; for (;;) a.push({x: 1, y: [1, 2, 3]})",
        "var a = []; for (;;) a.push(Buffer.alloc(65536))",
        "var s = 'x'; for (;;) s += s + 'é'",
        "var m = new Map(); for (var i = 0; ; i++) m.set(i, String(i))",
        "setTimeout(function () { var a = []; for (;;) a.push(new Array(1000).fill(0)); }, 1)",
        "Promise.resolve().then(function () { var a = []; for (;;) a.push(new Uint8Array(100000)); })",
    ] {
        let done = run_as(&["--memory=32M", "--cpu=30s"], code);
        assert!(done.code.is_some_and(|code| code != 0), "{code}: {:?} {}", done.code, done.err);
        let text = done.err.to_lowercase();
        assert!(
            text.contains("memory") || text.contains("rangeerror") || text.contains("too long"),
            "{code}: {}",
            done.err
        );
        assert!(
            !text.contains("panicked") && !text.contains("fault of the host") && !text.contains("--cpu"),
            "{code}: {}",
            done.err
        );
    }
    let (code, out) = told("try { 'x'.repeat(2 ** 30); console.log('ok'); } catch (e) { console.log(e.name); }
      try { new Array(2 ** 32); } catch (e) { console.log(e.name); } try { Buffer.alloc(2 ** 40); } catch (e) { console.log(e.name); }
      console.log('alive');");
    assert_eq!((code, out.as_str()), (Some(0), "RangeError\nRangeError\nRangeError\nalive\n"));
}

#[test]
fn m01_a_script_that_caught_its_want_of_memory_goes_on() {
    let done = run_as(&["--memory=32M"], "var n = 0;
      for (var round = 0; round < 3; round++) { try { var a = []; for (;;) a.push(new Uint8Array(1 << 20)); } catch (e) { n++; a = null; } }
      console.log(n);");
    assert_eq!((done.code, done.out.as_str()), (Some(0), "3\n"), "{}", done.err);
}

#[test]
fn h11_a_throw_in_any_callback_is_an_uncaught_exception() {
    for code in [
        "setTimeout(t, 1)",
        "setImmediate(t)",
        "process.nextTick(t)",
        "queueMicrotask(t)",
        "setInterval(t, 1)",
        "new (require('events'))().on('x', t).emit('x')",
        "new (require('events'))().emit('error', new Error('mine'))",
        "require('http').createServer().listen(0, '127.0.0.1', t)",
        "process.on('beforeExit', t)",
        "process.on('exit', t)",
        "require('stream').Readable.from(['a']).on('data', t)",
        "new (require('stream').Writable)({ write: function (d, e, cb) { cb(new Error('mine')); } }).write('x')",
    ] {
        let done = run(&format!("function t() {{ throw new Error('mine'); }} {code}"));
        assert!(matches!(done.code, Some(1 | 7)), "{code}: {:?}", done.code);
        assert_eq!(done.err.matches("Error: mine").count(), 1, "{code}: said once: {}", done.err);
    }
}

#[test]
fn h11_a_throw_in_a_request_handler_ends_the_script_and_its_clients_know() {
    let server = Server::start(
        "serve(function (req, res) { if (req.url === '/bad') throw new Error('mine'); res.end('ok'); });",
    );
    assert_eq!(server.get("/").text(), "ok");
    assert_eq!(server.exchange("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n"), "");
    let end = server.end();
    assert_eq!(end.code, Some(1));
    assert!(end.err.contains("Error: mine") && end.err.contains("main.js"), "{}", end.err);
}

#[test]
fn l01_output_into_a_pipe_nobody_reads_holds_up_nothing_and_loses_nothing() {
    let mut command = skep();
    command.arg(file(&folder(), "main.js", "var line = 'x'.repeat(999) + '\\n';
      var http = require('http'); var s = http.createServer(function (req, res) { res.end('ok'); s.close(); });
      s.listen(0, '127.0.0.1', function () { process.stderr.write('PORT ' + s.address().port + '\\n'); for (var i = 0; i < 600; i++) process.stdout.write(line); });"));
    let mut child = piped(&mut command).spawn().expect("the program starts");
    let mut port = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stderr.as_mut().expect("a pipe")), &mut port)
        .expect("a line");
    let port = port.trim().strip_prefix("PORT ").and_then(|port| port.parse().ok()).expect("a port");
    let mut client = support::Client::connect(port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().text(), "ok", "served while 600 KB wait to be read");
    let mut out = Vec::new();
    child.stdout.take().expect("a pipe").read_to_end(&mut out).expect("it can be read");
    assert_eq!(out.len(), 600_000, "nothing is lost at the end");
    assert_eq!(wait(&mut child).code(), Some(0));
}

#[test]
fn l01_an_interrupt_ends_a_script_whose_last_words_nobody_reads() {
    let mut child = piped(skep().args([
        "-e",
        "process.stderr.write('x'); for (var i = 0; i < 300; i++) process.stdout.write('y'.repeat(1000));",
    ]))
    .spawn()
    .expect("the program starts");
    let mut begun = [0];
    child.stderr.as_mut().expect("a pipe").read_exact(&mut begun).expect("it began");
    // It has nothing left but to write; the signal may come before that or then.
    signal(child.id(), "INT");
    assert_eq!(wait(&mut child).code(), Some(130));
}

#[test]
fn l01_a_closed_pipe_is_no_reason_to_panic() {
    for code in [
        "for (var i = 0; i < 2000; i++) console.log('x'.repeat(100));",
        "setInterval(function () { console.log('x'); }, 1); setTimeout(process.exit, 30);",
    ] {
        let mut child = piped(skep().args(["-e", code])).spawn().expect("the program starts");
        drop(child.stdout.take());
        let mut err = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("text");
        let code = wait(&mut child).code();
        assert!(matches!(code, Some(0 | 1)), "{code:?}: {err}");
        assert!(!err.contains("panicked"), "{err}");
    }
    let mut child = skep()
        .args(["-e", "console.error('x'); console.log('y'); throw 1"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stderr.take());
    assert_eq!(wait(&mut child).code(), Some(1));
}

#[test]
fn l01_a_flood_of_output_is_bounded_in_memory_and_comes_whole_to_who_reads() {
    let done = run("for (var i = 0; i < 20000; i++) console.log(i + ' ' + 'x'.repeat(100));");
    assert_eq!(done.code, Some(0));
    let numbers: Vec<usize> = done.out.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
    assert!(numbers.is_sorted() && numbers.last() == Some(&19999), "in order, to the last");
    assert_eq!(numbers.len(), 20_000);
}

#[test]
fn a_reader_that_comes_late_gets_every_line() {
    // More than the pipe and the host hold for it.
    let script = "for (var i = 0; i < 30000; i++) console.log(i + ' ' + 'x'.repeat(100));";
    let child = piped(skep().args(["-e", script])).spawn().expect("the program starts");
    let stat = format!("/proc/{}/stat", child.id());
    let asleep = || std::fs::read_to_string(&stat).is_ok_and(|text| text.contains(") S "));
    let used = || {
        let text = std::fs::read_to_string(&stat).expect("it has not been waited for");
        text.split(' ').nth(13).map(str::to_owned)
    };
    // It has begun, and then waits for whoever reads.
    eventually("it works", || used().is_some_and(|ticks| ticks != "0"));
    eventually("it waits", asleep);
    let done = finish(child);
    let numbers: Vec<usize> = done.out.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
    assert_eq!((done.code, numbers.len()), (Some(0), 30_000), "{}", done.err);
    assert!(numbers.is_sorted(), "in order");
}

#[test]
fn a_closed_standard_input_is_no_trouble() {
    let mut command = std::process::Command::new("sh");
    let program = skep();
    command.args(["-c", "exec \"$0\" -e 'console.log(1)' <&-"]).arg(program.get_program());
    command.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let done = finish(piped(&mut command).spawn().expect("a shell"));
    assert_eq!((done.code, done.out.as_str()), (Some(0), "1\n"), "{}", done.err);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "exec \"$0\" -e 'console.log(1)' >&- 2>&-"]).arg(skep().get_program());
    command.envs(program.get_envs().filter_map(|(key, value)| Some((key, value?))));
    assert_eq!(wait(&mut command.spawn().expect("a shell")).code(), Some(0));
}

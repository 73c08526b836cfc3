//! Rows of handles, network, logs and code: attackers that want more of the host than is theirs. PORT is a neighbour's.
use crate::hive::{Expect, Row, folder, run};
use skep::policy::Bound;

#[test]
fn h01_n06_sockets_without_end() {
    let script = "console.log('BEGUN'); var open = 0, told = 0, errors = {};
        function fault(e) { told++; errors[e.code] = (errors[e.code] || 0) + 1; }
        for (var i = 0; i < 1000; i++) {
          try {
            var socket = require('net').connect(+process.env.PORT, '127.0.0.1');
            socket.on('connect', function () { open++; told++; });
            socket.on('error', fault);
          } catch (e) { fault(e); }
        }
        var look = setInterval(function () {
          var refused = (errors.EMFILE || 0) + (errors.EAGAIN || 0), done = told >= 1000 && open <= 64 && refused >= 900;
          console.log('SOCKETS ' + done, open, JSON.stringify(errors));
          if (done) clearInterval(look);
        }, 100);
        setInterval(function () {}, 1000);";
    run(&Row { id: "H01", script, expect: Expect::Says("SOCKETS true") });
}

#[test]
fn h02_listeners_without_end() {
    let script = "console.log('BEGUN'); var errors = 0, up = 0;
        for (var i = 0; i < 500; i++) {
          var server = require('net').createServer();
          server.on('error', function (e) { errors += e.code === 'EMFILE'; }); server.listen(0, '127.0.0.1', function () { up++; });
        }
        var look = setInterval(function () {
          var done = up <= 16 && up + errors === 500;
          console.log('LISTENERS ' + done, up, errors);
          if (done) clearInterval(look);
        }, 100);
        setInterval(function () {}, 1000);";
    run(&Row { id: "H02", script, expect: Expect::Says("LISTENERS true") });
}

#[test]
fn h03_timers_without_end() {
    let script = "console.log('BEGUN'); for (var i = 0; i < 1e5; i++) setTimeout(function () {}, i % 7);
        [NaN, -1, 2 ** 31, Infinity, '5', null].forEach(function (ms) { setTimeout(function () {}, ms); });
        setInterval(function () { for (var i = 0; i < 1000; i++) clearTimeout(setTimeout(function () {}, 0)); }, 0);";
    run(&Row { id: "H03", script, expect: Expect::Throttled });
}

#[test]
fn h05_writes_that_ignore_backpressure() {
    let script = "console.log('BEGUN'); var net = require('net'), piece = Buffer.alloc(1 << 20);
        var socket = net.connect(+process.env.PORT, '127.0.0.1'); socket.on('error', function () {});
        socket.write('POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 999999999999\\r\\n\\r\\n');
        for (;;) socket.write(Buffer.from(piece));";
    run(&Row { id: "H05", script, expect: Expect::Ends("") });
}

#[test]
fn h11_a_throw_that_nobody_catches() {
    let script = "console.log('BEGUN'); setTimeout(function () { throw new Error('mine alone'); }, 5);";
    run(&Row { id: "H11", script, expect: Expect::Ends("Exited(1)") });
}

#[test]
fn h12_exit_in_the_middle() {
    let script = "console.log('BEGUN'); Promise.resolve().then(function () { process.exit(3); });";
    run(&Row { id: "H12", script, expect: Expect::Ends("Exited(3)") });
}

#[test]
fn l01_lines_without_end() {
    let script = "console.log('BEGUN'); (function next() { for (var i = 0; i < 200; i++) console.log('x'.repeat(1000)); setImmediate(next); })();";
    run(&Row { id: "L01", script, expect: Expect::Met(Bound::Log) });
}

#[test]
fn n01_addresses_that_are_not_granted() {
    let script = "console.log('BEGUN'); var codes = {}, all = ['::1', '::', '::2', 'fd00::1', 'fe80::1', 'fe80::1%lo', 'ff02::1', 'ff05::2', '2001:db8::1', '::127.0.0.1', '[::1]',
          'localhost', 'localhost.', 'LOCALHOST', '0', '0x0', '127.0.0.1.', ' 127.0.0.1', '127.0.0.1\\t', '127.0.0.1%lo'];
        [[127, 0, 0, 1], [127, 255, 255, 254], [10, 0, 0, 1], [172, 16, 0, 1], [192, 168, 1, 1], [169, 254, 169, 254], [100, 64, 0, 1], [0, 0, 0, 0], [224, 0, 0, 1], [255, 255, 255, 255]].forEach(function (b) {
          var number = b[0] * 16777216 + (b[1] << 16) + (b[2] << 8) + b[3], dotted = b.join('.');
          function parts(base, before) { return b.map(function (one) { return before + one.toString(base); }).join('.'); }
          var words = ((b[0] << 8) + b[1]).toString(16) + ':' + ((b[2] << 8) + b[3]).toString(16);
          all.push(dotted, String(number), '0x' + number.toString(16), '0' + number.toString(8), parts(16, '0x'), parts(8, '0'), b[0] + '.' + (number % 16777216),
            b[0] + '.' + b[1] + '.' + (number % 65536), '::ffff:' + dotted, '::ffff:' + words, '64:ff9b::' + words, '2002:' + words + '::1');
        });
        all.forEach(function (host) {
          function count(e) { codes[e.code] = (codes[e.code] || 0) + 1; }
          try { require('net').connect({ host: host, port: 1 }).on('error', count).on('connect', function () { console.log('CONNECTED ' + host); }); } catch (e) { count(e); }
        });
        // None of these is said of a connection that was tried.
        var none = ['ERR_ACCESS_DENIED', 'EINVAL', 'ENOTFOUND', 'EAI_AGAIN', 'EAGAIN'];
        var look = setInterval(function () {
          var denied = none.reduce(function (sum, code) { return sum + (codes[code] || 0); }, 0);
          console.log('DENIED ' + all.length + ' ' + (denied === all.length), JSON.stringify(codes));
          if (denied === all.length) clearInterval(look);
        }, 100);
        setInterval(function () {}, 1000);";
    run(&Row { id: "N01", script, expect: Expect::Says("DENIED 140 true") });
}

#[test]
fn n07_a_descriptor_is_no_handle() {
    let script = "console.log('BEGUN'); var errors = 0;
        for (var fd = 0; fd < 20; fd++) { try { new (require('net').Socket)({ fd: fd }); } catch (e) { errors++; } }
        console.log('REFUSED ' + errors); setInterval(function () {}, 1000);";
    run(&Row { id: "N07", script, expect: Expect::Says("REFUSED 20") });
}

#[test]
fn s02_bytes_that_claim_to_be_code() {
    let script = "console.log('BEGUN'); var errors = 0;
        for (var i = 0; i < 200; i++) { try { require('v8').deserialize(require('crypto').randomBytes(50)); } catch (e) { errors++; } }
        var run = new (require('vm').Script)('40 + 2', { cachedData: require('crypto').randomBytes(100) });
        console.log('IGNORED ' + (errors > 150 && run.runInThisContext() === 42)); setInterval(function () {}, 1000);";
    run(&Row { id: "S02", script, expect: Expect::Says("IGNORED true") });
}

/// Whatever tells a time is asked until it has gone on; each is a multiple of the tenants' tenth of a millisecond.
#[test]
fn t01_no_clock_is_fine() {
    let script = "console.log('BEGUN');
        var performance = require('perf_hooks').performance, fs = require('fs'), zero = performance.now();
        // In tenths of a millisecond.
        var clocks = {
          hrtime: function () { return Number(process.hrtime.bigint()) / 1e5; },
          pair: function () { var t = process.hrtime(); return t[0] * 1e4 + t[1] / 1e5; },
          now: function () { return performance.now() * 10; },
          mark: function () { return performance.mark('m').startTime * 10; },
          origin: function () { return (performance.timeOrigin + performance.now()) * 10; },
          event: function () { return new Event('e').timeStamp * 10; },
          date: function () { return Date.now() * 10; },
          uptime: function () { return process.uptime() * 1e4; },
          user: function () { return process.cpuUsage().user / 100; },
          system: function () { return process.cpuUsage().system / 100; },
          usage: function () { return process.resourceUsage().userCPUTime / 100; },
          file: function () { return Number(fs.statSync(process.env.DIR, { bigint: true }).mtimeNs % 10000000000n) / 1e5; },
        };
        var fine = [];
        function look(name) {
          for (var i = 0, steps = 0, last = clocks[name](); i < 20000 && steps < 20; i++) {
            var time = clocks[name]();
            if (Math.abs(time - Math.round(time)) > 0.02) { fine.push(name + ' ' + time); return; }
            if (time !== last) steps++;
            last = time;
          }
        }
        Object.keys(clocks).forEach(look);
        var timers = 0;
        setTimeout(function tick() {
          // A timer comes at a time of the same clock, and never before its own.
          look('hrtime');
          if (performance.now() - zero < 3) fine.push('a timer of 3 ms after ' + (performance.now() - zero));
          if (++timers < 5) return setTimeout(tick, 1);
          console.log('COARSE ' + (fine.length === 0), fine.join('; '));
          setInterval(function () {}, 1000);
        }, 3);";
    run(&Row { id: "T01", script, expect: Expect::Says("COARSE true") });
}

#[test]
fn w01_there_is_no_compiler_for_guests() {
    let script =
        "console.log('BEGUN'); console.log('COMPILER ' + typeof WebAssembly); setInterval(function () {}, 1000);";
    run(&Row { id: "W01", script, expect: Expect::Says("COMPILER undefined") });
}

#[test]
fn w02_source_without_end() {
    let script = "console.log('BEGUN'); for (var i = 0;; i++) new Function('a', 'return a + ' + i + '/*' + 'x'.repeat(1000) + '*/')(1);";
    run(&Row { id: "W02", script, expect: Expect::Throttled });
}

#[test]
fn w03_modules_in_circles_and_by_the_thousand() {
    let place = folder();
    let file =
        |name: String, text: String| std::fs::write(place.join(name), text).expect("the folder can be written to");
    (0..3000).for_each(|n| file(format!("chain{n}.js"), format!("module.exports = require('./chain{}.js');", n + 1)));
    (0..300).for_each(|n| {
        file(format!("circle{n}.js"), format!("exports.next = require('./circle{}.js');", (n + 1) % 300))
    });
    (0..1000).for_each(|n| {
        file(format!("m{n}.mjs"), format!("import * as next from './m{}.mjs'; export let n = {n};", (n + 1) % 1000));
    });
    for name in ["bomb", "main"] {
        std::fs::create_dir_all(place.join(name)).expect("the folder can be written to");
    }
    let deep = 200_000;
    file("bomb/package.json".into(), format!("{{\"a\":{}{}}}", "[".repeat(deep), "]".repeat(deep)));
    file("main/package.json".into(), "{\"main\":\"../main\"}".into());
    let script = "console.log('BEGUN'); var said = [], dir = process.env.DIR;
        function tell(name, one) { try { said.push(name + ' ' + one()); } catch (e) { said.push(name + ' ' + (e.code || e.name)); } }
        tell('chain', function () { return require(dir + '/chain0.js'); });
        tell('circle', function () { return typeof require(dir + '/circle0.js').next; });
        tell('bomb', function () { return require(dir + '/bomb'); });
        tell('main', function () { return require(dir + '/main'); });
        tell('data', function () { return require('data:text/javascript,1'); });
        tell('file', function () { return require('file:///etc/passwd'); });
        for (var i = 0; i < 2000; i++) try { require(dir + '/missing' + i); } catch (e) {}
        import(dir + '/m0.mjs').then(function (m) { said.push('circle ' + typeof m.n); }, function (e) { said.push('circle ' + e); })
          .then(function () { return import('http://127.0.0.1/x.js'); }).catch(function (e) { said.push('http ' + e.code); })
          .then(function () { console.log('MODULES ' + said.join(', ')); });
        setInterval(function () {}, 1000);";
    let said = "MODULES chain RangeError, circle object, bomb RangeError, main MODULE_NOT_FOUND, data MODULE_NOT_FOUND, \
                file MODULE_NOT_FOUND, circle number, http ERR_UNSUPPORTED_ESM_URL_SCHEME";
    run(&Row { id: "W03", script, expect: Expect::Says(said) });
}

#[test]
fn f08_nothing_of_the_process_is_written_down() {
    let script = "console.log('BEGUN'); var v8 = require('v8'), codes = [];
        [function () { v8.writeHeapSnapshot(); }, function () { v8.getHeapSnapshot(); }, function () { process.report.writeReport(); }, function () { process.report.getReport(); },
         function () { require('trace_events').createTracing({ categories: ['v8'] }).enable(); }, function () { require('inspector').open(0); },
         function () { v8.setFlagsFromString('--trace_opt'); }].forEach(function (one) { try { one(); codes.push('done'); } catch (e) { codes.push(e.code); } });
        console.log('REFUSED ' + codes.every(function (code) { return code === 'ERR_METHOD_NOT_IMPLEMENTED'; }), codes.length); setInterval(function () {}, 1000);";
    run(&Row { id: "F08", script, expect: Expect::Says("REFUSED true 7") });
}

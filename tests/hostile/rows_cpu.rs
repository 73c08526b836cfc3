//! Rows C01 to C13: attackers that want all of the CPU. They are made to rest, and their neighbours do not notice.
use crate::hive::{Expect, Row, run};

fn throttled(id: &'static str, script: &'static str) {
    run(&Row { id, script, expect: Expect::Throttled });
}

#[test]
fn c01_endless_loop_at_load() {
    throttled("C01", "console.log('BEGUN'); for (;;) {}");
}

#[test]
fn c01_endless_loop_in_a_timer() {
    throttled("C01", "console.log('BEGUN'); setTimeout(function () { for (;;) {} }, 1);");
}

#[test]
fn c01_endless_loop_in_an_exit_handler() {
    throttled("C01", "console.log('BEGUN'); process.on('exit', function () { for (;;) {} });");
}

#[test]
fn c01_endless_loop_in_a_request_handler() {
    throttled(
        "C01",
        "var http = require('http'); var server = http.createServer(function () { for (;;) {} });
        server.listen(0, '127.0.0.1', function () { console.log('BEGUN'); server.emit('request', {}, {}); });",
    );
}

#[test]
fn c02_promises_that_never_end() {
    throttled("C02", "console.log('BEGUN'); (function next() { Promise.resolve().then(next); })();");
}

#[test]
fn c02_microtasks_that_never_end() {
    throttled("C02", "console.log('BEGUN'); (function next() { queueMicrotask(next); })();");
}

#[test]
fn c02_an_async_iterator_that_never_ends() {
    throttled(
        "C02",
        "console.log('BEGUN');
        (async function () { for await (var x of (async function* () { for (;;) yield 1; })()) {} })();",
    );
}

#[test]
fn c03_next_ticks_that_never_end() {
    throttled("C03", "console.log('BEGUN'); (function next() { process.nextTick(next); })();");
}

#[test]
fn c04_immediates_and_timers_without_delay() {
    throttled(
        "C04",
        "console.log('BEGUN');
        function soon() { setImmediate(soon); } function later() { setTimeout(later, 0); }
        for (var i = 0; i < 1000; i++) { soon(); later(); }",
    );
}

#[test]
fn c05_regular_expressions_that_go_back() {
    throttled(
        "C05",
        "console.log('BEGUN');
        [/(a+)+$/, /(a|aa)+$/, /(a|a?)+$/, /^(([a-z])+.)+[A-Z]([a-z])+$/, /(.*a){25}$/, /(?<=(a+)+)b$/].forEach(function (one) {
          setTimeout(function () { one.test('a'.repeat(60) + '!'); }, 0);
        });",
    );
}

#[test]
fn c06_one_huge_built_in() {
    throttled(
        "C06",
        "console.log('BEGUN');
        var each = [
          function () { 'x'.repeat(1 << 25).split(''); },
          function () { Array(1e8).fill(1); },
          function () { var a = []; for (var i = 0; i < 3e5; i++) a.push(Math.random()); a.sort(); },
          function () { JSON.parse('[' + '1,'.repeat(1e6) + '1]'); },
          function () { String(7n ** 1000000n); },
        ];
        each.forEach(function (one) { setInterval(function () { try { one(); } catch (e) { } }, 0); });",
    );
}

#[test]
fn c07_copies_of_whole_memory() {
    throttled(
        "C07",
        "console.log('BEGUN'); var a = new Uint8Array(16 << 20), b = new Uint8Array(16 << 20);
        for (;;) { a.set(b); b.fill(1); a.copyWithin(1, 0); }",
    );
}

#[test]
fn c08_digests_without_end() {
    throttled("C08", "console.log('BEGUN'); require('crypto').pbkdf2Sync('p', 's', 1e8, 64, 'sha512');");
}

#[test]
fn c08_compression_without_end() {
    throttled(
        "C08",
        "console.log('BEGUN'); var zlib = require('zlib'), data = Buffer.alloc(8 << 20, 'abcdefghij');
        for (;;) zlib.deflateSync(data, { level: 9 });",
    );
}

#[test]
fn c09_objects_that_run_code_when_they_are_read() {
    throttled(
        "C09",
        "console.log('BEGUN');
        var trap = new Proxy(function () {}, { get: function () { for (;;) {} } });
        [function () { console.log(trap); }, function () { Buffer.from(trap); }, function () { JSON.stringify({ toJSON: function () { for (;;) {} } }); },
         function () { require('fs').readFileSync({ toString: function () { for (;;) {} } }); }, function () { require('net').connect(trap); },
         function () { new URL({ toString: function () { for (;;) {} } }); }].forEach(function (one) { setTimeout(function () { try { one(); } catch (e) {} }, 0); });",
    );
}

#[test]
fn c10_nothing_waits_for_shared_memory() {
    let script = "console.log('BEGUN');
        try { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); console.log('WAITED'); }
        catch (e) { console.log('THROWN ' + e.name); }
        setInterval(function () {}, 1000);";
    run(&Row { id: "C10", script, expect: Expect::Says("THROWN TypeError") });
}

#[test]
fn c11_bursts_of_a_millisecond() {
    throttled(
        "C11",
        "console.log('BEGUN');
        setInterval(function () { var from = performance.now(); while (performance.now() - from < 1) {} }, 1);",
    );
}

#[test]
fn c12_garbage_without_end() {
    throttled(
        "C12",
        "console.log('BEGUN'); var registry = new FinalizationRegistry(function () {});
        (function next() {
          for (var i = 0; i < 1e5; i++) { var a = {}, b = { a: a }; a.b = b; if (i % 100 === 0) registry.register(a, i); }
          setImmediate(next);
        })();",
    );
}

#[test]
fn c13_keys_that_look_alike() {
    throttled(
        "C13",
        "console.log('BEGUN'); var text = '{';
        for (var i = 0; i < 1e5; i++) text += '\"' + (i * 65536) + '\":1,';
        text += '\"x\":1}';
        for (;;) JSON.parse(text);",
    );
}

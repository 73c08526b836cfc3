//! Rows M01 to M10 as a script can do them: attackers that want memory, the guest's own or the host's.
use crate::hive::{Expect, Row, alone, run};
use skep::policy::Bound;

#[test]
fn m01_memory_without_end() {
    let script = "console.log('BEGUN'); var all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1));";
    run(&Row { id: "M01", script, expect: Expect::Ends("") });
}

#[test]
fn m01_memory_without_end_that_is_caught() {
    let script = "console.log('BEGUN'); var all = [];
        try { for (;;) all.push(new Uint8Array(1 << 20).fill(1)); } catch (e) { all = null; console.log('THROWN ' + e.name); }
        setInterval(function () {}, 1000);";
    run(&Row { id: "M01", script, expect: Expect::Says("THROWN ") });
}

#[test]
fn m01_small_objects_without_end() {
    let script = "console.log('BEGUN'); var all = []; for (;;) all.push({ a: 1 });";
    run(&Row { id: "M01", script, expect: Expect::Ends("") });
}

#[test]
fn m01_want_of_memory_is_counted() {
    let script = "console.log('BEGUN'); setInterval(function () {
          var all = []; try { for (;;) all.push(new Uint8Array(4 << 20).fill(1)); } catch (e) {}
        }, 10);";
    run(&Row { id: "M01", script, expect: Expect::Met(Bound::Memory) });
}

#[test]
fn m02_want_of_memory_in_every_path() {
    let script = "console.log('BEGUN'); var hold = [], round = 0;
        try { for (;;) hold.push(new Uint8Array(1 << 18)); } catch (e) {}
        var paths = [
          function () { return JSON.parse('[' + '{\"a\":[1,2,3]},'.repeat(2000) + '1]'); }, function () { return 'x'.repeat(1e6).split('').map(String); },
          function () { return new RegExp('(a|b)*'.repeat(500)).exec('ab'.repeat(1000)); }, function () { return Buffer.alloc(1 << 20).toString('hex'); },
          function () { return new Function('a', 'return ' + '[a,'.repeat(500) + '1' + ']'.repeat(500)); }, function () { return 3n ** 200000n; },
          function () { return require('zlib').gzipSync(Buffer.alloc(1 << 18)); }, function () { return new Map(Array(50000).fill(0).map(function (_, i) { return [i, {}]; })); },
          async function () { await Promise.all(Array(20000).fill(0).map(async function () {})); }, function () { return structuredClone({ a: Array(50000).fill({}) }); },
        ];
        (function next() {
          hold.splice(0, round % 3);
          for (var i = 0; i < paths.length; i++) { try { var r = paths[i](); if (r && r.catch) r.catch(function () {}); } catch (e) {} }
          if (++round === 6) { hold = null; console.log('SURVIVED'); setInterval(function () {}, 1000); return; }
          setImmediate(next);
        })();";
    run(&Row { id: "M02", script, expect: Expect::Says("SURVIVED") });
}

/// Each run has a little more memory than the one before, so that each allocation that lets it grow is the one that fails.
#[test]
fn m02_each_growth_is_the_last_one_in_its_turn() {
    let script = "var done = 0, paths = [
          function () { return JSON.parse('[' + '{\"a\":[1,2,3]},'.repeat(3000) + '1]'); }, function () { return 'x'.repeat(2e5).split('').map(String); },
          function () { return new RegExp('(a|b)*'.repeat(300)).exec('ab'.repeat(1000)); }, function () { return Buffer.alloc(1 << 19).toString('hex'); },
          function () { return new Function('a', 'return ' + '[a,'.repeat(300) + '1' + ']'.repeat(300)); }, function () { return 3n ** 100000n; },
          function () { return require('zlib').gzipSync(Buffer.alloc(1 << 17)); }, function () { return new Map(Array(20000).fill(0).map(function (_, i) { return [i, {}]; })); },
          async function () { await Promise.all(Array(5000).fill(0).map(async function () {})); }, function () { return structuredClone({ a: Array(20000).fill({}) }); },
        ];
        paths.forEach(function (one) { try { var made = one(); done++; if (made && made.catch) made.catch(function () {}); } catch (e) {} });
        console.log('DONE ' + done); process.exit(0);";
    let (_, plenty) = alone(script, 128 << 20).expect("it starts with plenty");
    assert!(plenty.contains("DONE"), "{plenty}");
    let (mut all, mut some, mut ended) = (0, 0, 0);
    for step in 0..120 {
        let Some((end, said)) = alone(script, (2 << 20) + (step << 18)) else { continue };
        assert!(!end.contains("fault of the host") && !end.contains("could not take"), "step {step}: {end}\n{said}");
        match said.as_str() {
            said if *said == *plenty => all += 1,
            said if said.contains("DONE") => some += 1,
            _ => ended += 1,
        }
    }
    println!("M02: {all} runs had enough, {some} went on without, {ended} ended");
    assert!(all > 0 && some > 0, "{all} runs had enough, {some} went on without, {ended} ended");
}

#[test]
fn m04_stacks_without_end() {
    let script = "console.log('BEGUN');
        var shapes = [
          function plain() { plain(); }, function () { (function a() { b(); function b() { a(); } })(); },
          function () { var o = { get x() { return this.x; } }; o.x; }, function () { var p = new Proxy({}, { get: function (t, k, r) { return r[k]; } }); p.x; },
          function () { var o = { toString: function () { return '' + this; } }; '' + o; }, function () { var a = []; for (var i = 0; i < 1e5; i++) a = [a]; JSON.stringify(a); },
          function () { new RegExp('('.repeat(1e4) + ')'.repeat(1e4)); }, function () { Math.max.apply(null, Array(1e6)); },
          function () { var f = function (a) { var [b] = [f(a)]; }; f(1); }, function () { class A { x = new A(); } new A(); },
          function () { new Function('('.repeat(1e5) + ')'.repeat(1e5)); }, function () { JSON.parse('['.repeat(1e5)); },
        ];
        var thrown = 0;
        function all(then) { shapes.forEach(function (one) { try { one(); } catch (e) { thrown++; } }); then(); }
        all(function () { setTimeout(all, 0, function () { queueMicrotask(all.bind(null, function () { console.log('THROWN ' + (thrown >= 30)); setInterval(function () {}, 1000); })); }); });";
    run(&Row { id: "M04", script, expect: Expect::Says("THROWN true") });
}

#[test]
fn m06_m07_large_things_into_the_host() {
    let script = "console.log('BEGUN'); var errors = 0, large = 'x'.repeat(4 << 20);
        process.on('uncaughtException', function () { errors++; });
        [function () { require('fs').readFileSync(large); }, function () { require('crypto').randomBytes(2 ** 31); },
         function () { require('net').connect({ host: large, port: 1 }); }, function () { require('net').createServer().listen(large); },
         function () { require('child_process').spawn(large); }, function () { require('http').get({ host: '127.0.0.1', port: 1, headers: { a: large + '\\n' } }); },
         function () { Buffer.alloc(2 ** 40); }, function () { Buffer.allocUnsafe(2 ** 31); }].forEach(function (one) {
          try { var made = one(); if (made && made.on) made.on('error', function () { errors++; }); } catch (e) { errors++; }
        });
        var look = setInterval(function () { console.log('ERRORS ' + (errors >= 7), errors); if (errors >= 7) clearInterval(look); }, 100);
        setInterval(function () {}, 1000);";
    run(&Row { id: "M07", script, expect: Expect::Says("ERRORS true") });
}

#[test]
fn m10_a_bomb_of_zeros() {
    let script = "console.log('BEGUN'); var zlib = require('zlib');
        var bomb = zlib.gzipSync(Buffer.alloc(24 << 20)); console.log(bomb.length);
        try { for (var all = [];;) all.push(zlib.gunzipSync(bomb)); } catch (e) { all = null; console.log('THROWN ' + e.name); }
        setInterval(function () {}, 1000);";
    run(&Row { id: "M10", script, expect: Expect::Says("THROWN ") });
}

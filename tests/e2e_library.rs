//! The library beside the network: contexts that follow asynchronous work, digests, compression, lines. Each script checks
//! itself; what it says is what was promised.
mod support;

use support::{run, run_as};

fn says(code: &str, expected: &str) {
    let done = run(code);
    assert_eq!((done.code, done.out.as_str()), (Some(0), expected), "{}", done.err);
}

#[test]
fn a_store_follows_every_kind_of_work_and_nothing_else() {
    says(
        "const { AsyncLocalStorage } = require('async_hooks'), als = new AsyncLocalStorage(), seen = [];
         const note = (name) => seen.push(name + ':' + als.getStore());
         als.run(1, () => {
           process.nextTick(note, 'tick'); setTimeout(note, 1, 'timer'); setImmediate(note, 'immediate');
           queueMicrotask(() => note('microtask')); Promise.resolve().then(() => note('then'));
           (async () => { await null; note('await'); })();
           require('fs').stat('.', () => note('fs'));
         });
         als.run(2, () => {}); note('outside');
         process.on('exit', () => console.log(seen.sort().join(' ')));",
        "await:1 fs:1 immediate:1 microtask:1 outside:undefined then:1 tick:1 timer:1\n",
    );
}

#[test]
fn errors_speak_v8s_words() {
    says(include_str!("js/error_words.js"), "words ok\n");
}

#[test]
fn shared_shapes_and_short_ways_are_not_noticed() {
    says(include_str!("js/shapes.js"), "ok\n");
}

#[test]
fn instructions_that_are_done_in_pairs_are_not_noticed() {
    says(include_str!("js/pairs.js"), "ok\n");
}

#[test]
fn a_script_that_runs_in_the_midst_of_a_fast_way_breaks_nothing() {
    let done = run_as(&["-A"], include_str!("js/fast_ways.js"));
    assert_eq!((done.code, done.out.as_str()), (Some(0), "http 200\nnet 60 60\n"), "{}", done.err);
}

#[test]
fn tests_of_a_programs_own_run_and_report() {
    let done = run(include_str!("js/node_test.js"));
    assert_eq!(done.code, Some(1), "{}", done.err);
    let wanted = |line: &&str| {
        let line = line.trim_start();
        ["ok ", "not ok ", "1..", "# a word", "# tests", "failureType"].iter().any(|start| line.starts_with(start))
            || ["# pass ", "# fail ", "# cancelled ", "# skipped ", "# todo "]
                .iter()
                .any(|start| line.starts_with(start))
    };
    let lines: Vec<&str> = done.out.lines().filter(wanted).collect();
    assert_eq!(lines.join("\n"), include_str!("js/node_test.tap").trim_end(), "{}", done.out);
}

#[test]
fn words_numbers_and_dates_are_written_in_english() {
    says(include_str!("js/intl.js"), include_str!("js/intl.txt"));
}

#[test]
fn ciphers_give_and_refuse_as_in_node() {
    says(include_str!("js/ciphers.js"), include_str!("js/ciphers.txt"));
}

#[test]
fn lines_are_read_evaluated_and_printed() {
    says(include_str!("js/repl.js"), include_str!("js/repl.txt"));
}

#[test]
fn values_become_bytes_in_the_format_of_v8() {
    says(include_str!("js/v8.js"), "v8 ok\n");
}

#[test]
fn a_signal_keeps_none_of_those_that_follow_it_unheard() {
    let done = run_as(&["--expose-gc"], include_str!("js/abort.js"));
    assert_eq!((done.code, done.out.as_str()), (Some(0), "abort ok\n"), "{}", done.err);
}

#[test]
fn a_kept_connection_serves_each_request_in_its_own_context() {
    let done = run_as(
        &["-A"],
        "const http = require('http'), { AsyncLocalStorage } = require('async_hooks'), als = new AsyncLocalStorage();
         const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
         const server = http.createServer((req, res) => { res.write('a'); setImmediate(() => res.end('b')); });
         let left = 3;
         server.listen(0, '127.0.0.1', () => {
           for (const i of [1, 2, 3]) als.run(i, () => http.get({ port: server.address().port, host: '127.0.0.1', agent }, (res) => {
             const at = als.getStore(); res.resume();
             res.on('end', () => { console.log(i, at, als.getStore()); if (--left === 0) { agent.destroy(); server.close(); } });
           }));
         });",
    );
    assert_eq!((done.code, done.out.as_str()), (Some(0), "1 1 1\n2 2 2\n3 3 3\n"), "{}", done.err);
}

#[test]
fn hooks_see_ids_in_their_order_and_cost_nothing_when_disabled() {
    says(
        "const { createHook, executionAsyncId } = require('async_hooks'), log = [];
         const name = {}, hook = createHook({
           init(id, type, trigger) { name[id] = type; log.push('init ' + type + (name[trigger] ? ' by ' + name[trigger] : '')); },
           before(id) { log.push('before ' + name[id] + (id === executionAsyncId() ? '' : '?')); },
           after(id) { log.push('after ' + name[id]); },
         }).enable();
         setTimeout(() => { process.nextTick(() => { hook.disable(); setTimeout(() => console.log(log.join(', ')), 1); }); }, 1);",
        "init Timeout, before Timeout, init TickObject by Timeout, after Timeout, before TickObject\n",
    );
}

#[test]
fn digests_are_the_standards() {
    says(
        "const { createHash: h, createHmac: m, pbkdf2Sync: p } = require('crypto');
         console.log(h('md5').update('abc').digest('hex'));
         console.log(h('sha1').update('a').update('bc').digest('hex'));
         console.log(h('sha256').update(Buffer.alloc(64)).digest('hex').slice(0, 16));
         console.log(h('sha512').update('').digest('hex').slice(0, 16));
         console.log(m('sha256', 'key').update('The quick brown fox jumps over the lazy dog').digest('hex').slice(0, 16));
         console.log(p('password', 'salt', 2, 20, 'sha1').toString('hex'));",
        "900150983cd24fb0d6963f7d28e17f72\na9993e364706816aba3e25717850c26c9cd0d89d\nf5a5fd42d16a2030\n\
         cf83e1357eefb8bd\nf7bc83f430538424\nea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957\n",
    );
}

#[test]
fn what_is_compressed_comes_back_and_bombs_are_cut_off() {
    says(
        "const zlib = require('zlib'), text = Buffer.from('skep '.repeat(5000));
         for (const [a, b] of [['gzip', 'gunzip'], ['deflate', 'inflate'], ['deflateRaw', 'inflateRaw'], ['brotliCompress', 'brotliDecompress']]) {
           const packed = zlib[a + 'Sync'](text);
           console.log(a, packed.length < 300, zlib[b + 'Sync'](packed).equals(text));
         }
         try { zlib.gunzipSync(zlib.gzipSync(Buffer.alloc(1e6)), { maxOutputLength: 1e5 }); } catch (e) { console.log(e.code); }
         try { zlib.inflateSync(Buffer.from('garbage')); } catch (e) { console.log(e.code, e.message); }
         console.log(zlib.crc32('hello'));
         zlib.gunzip(zlib.gzipSync('x').subarray(0, 15), (e) => console.log(e.code));",
        "gzip true true\ndeflate true true\ndeflateRaw true true\nbrotliCompress true true\nERR_BUFFER_TOO_LARGE\n\
         Z_DATA_ERROR incorrect header check\n907060870\nZ_BUF_ERROR\n",
    );
}

#[test]
fn lines_come_whole_however_they_were_cut() {
    says(
        "const readline = require('readline'), { PassThrough } = require('stream');
         const input = new PassThrough(), rl = readline.createInterface({ input });
         (async () => { for await (const line of rl) console.log(JSON.stringify(line)); })();
         for (const piece of ['on', 'e\\r', '\\ntwo\\nth', 'ree']) input.write(piece);
         input.end();",
        "\"one\"\n\"two\"\n\"three\"\n",
    );
}

#[test]
fn recursion_goes_as_deep_as_programs_go_and_ends_in_an_error() {
    says(
        "let n = 0; const f = () => { n++; f(); };
         try { f(); } catch (e) { console.log(e instanceof RangeError, n > 5000); }",
        "true true\n",
    );
}

/// Not only not there: whoever calls it is told what is missing.
#[test]
fn what_is_not_built_is_there_and_throws() {
    let code =
        "const missing = [Intl.supportedValuesOf, require('node:test').run, require('v8').getHeapSnapshot, require('tls').connect];
        for (const f of missing) {
          try { const made = f('x'); console.log(made); } catch (e) { console.log(e.code); }
        }";
    let done = run_as(&[], code);
    assert_eq!(done.out, "ERR_METHOD_NOT_IMPLEMENTED\n".repeat(4), "{}", done.err);
}

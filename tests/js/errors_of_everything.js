// Calls whatever there is with whatever makes no sense, and keeps all that any error says: message, stack, every property.
const seen = new Set(), known = new Set();
function note(error, depth = 0) {
  if (error === null || (typeof error !== 'object' && typeof error !== 'function')) return void seen.add(String(error));
  if (known.has(error) || depth > 3) return;
  known.add(error);
  if (!(error instanceof Error)) return;
  for (const name of Object.getOwnPropertyNames(error).concat('message', 'stack', 'name', 'cause')) {
    try { note(error[name], depth + 1); } catch (other) { seen.add(String(other)); }
  }
}
process.on('uncaughtException', note).on('unhandledRejection', note);
const names = ['child_process', 'cluster', 'crypto', 'dgram', 'dns', 'dns/promises', 'fs', 'fs/promises', 'http', 'http2', 'https', 'inspector', 'net',
  'os', 'tls', 'trace_events', 'url', 'v8', 'vm', 'wasi', 'worker_threads', 'zlib', 'nowhere', '../nobody'];
const skipped = /^(exit|reallyExit|abort|kill|_?kill|_debug\w*|openStdin|setInterval|on|once|off|emit|addListener|removeAllListeners|removeListener|log|error|warn|info|debug|dir|table|trace|group\w*|assert|setUncaughtExceptionCaptureCallback|start|createInterface|chdir|toggle\w*|_tickCallback|sleep|emitWarning|runMain|Module|_load)$/;
const callback = (...all) => all.forEach((one) => note(one));
const values = [undefined, -1, 2 ** 40, '', '/etc/shadow', '/nowhere/x', '../nobody/index.js', '/proc/1/maps', '/dev/mem', '/tmp', 'a\0b', {}, [], callback,
  Buffer.alloc(3), 'http://127.0.0.1:1/', '127.0.0.1', { host: '127.0.0.1', port: 1 }, { path: '/nowhere.sock' }, { get host() { throw new TypeError('mine'); } }, Symbol('s'), 9n];
function attempt(act) {
  try {
    const made = act();
    if (made && typeof made.then === 'function') made.then(undefined, note);
    if (made && typeof made.on === 'function') { made.on('error', note); if (typeof made.resume === 'function') made.resume(); }
    return made;
  } catch (error) { note(error); }
}
function* all() {
  for (const name of names) {
    const it = attempt(() => require(name));
    if (!it) continue;
    for (const key of Object.getOwnPropertyNames(it)) {
      let made; try { made = it[key]; } catch (error) { note(error); continue; }
      if (typeof made !== 'function' || skipped.test(key)) continue;
      for (const value of values) {
        yield () => attempt(() => made.call(it, value, callback));
        yield () => attempt(() => made.call(it, value, value, callback));
        if (/^[A-Z]/.test(key)) yield () => attempt(() => new made(value, value));
      }
    }
  }
  for (const code of ['import("/etc/shadow")', 'import("../nobody/index.js")', 'null.x', 'x.y', '(', 'new Array(-1)', 'JSON.parse("{")', 'structuredClone(() => 1)',
    'fetch("https://127.0.0.1:1")', 'fetch("http://127.0.0.1:1")', '(function f() { f() })()', '"x".repeat(2 ** 40)', 'new WebAssembly.Module()']) {
    yield () => attempt(() => (0, eval)(code));
    yield () => attempt(() => new (require('vm').Script)(code, { filename: 'a.js' }).runInNewContext());
  }
}
const rest = all();
let done = false;
(function some() {
  for (let count = 0; count < 50; count++) {
    const next = rest.next();
    if (next.done) return void setTimeout(() => { done = true; }, 300);
    next.value();
  }
  setImmediate(some);
})();

require('http').createServer((req, res) => res.end(done ? JSON.stringify([...seen]) : '')).listen(80);

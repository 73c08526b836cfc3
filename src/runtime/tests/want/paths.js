// Ways through the engine and the library, each of which allocates as it goes. Each begins with a line `// == NAME` and is one function:
// what it returns (or resolves to, or hands to `done`) is the same whenever it has the memory it needs. None catches an error.

// == parse
function () {
  var text = 'class A extends Object { #p = 1; static s = 2; get v() { return this.#p; } set v(x) { this.#p = x; } *g() { yield* [1, 2]; } static { this.t = 3; } }\n' +
    'var { a = 1, ...rest } = { b: 2, c: 3 }, [x, , y = 4] = [1, 2], t = `x${a}y${rest.b}`;\n' +
    'outer: for (var i = 0; i < 3; i++) { for (var k of [1, 2]) { if (k > 1) continue outer; switch (i) { case 1: break outer; default: } } }\n' +
    'try { null.x; } catch { a ??= 2; } finally { a ||= 3; }\n' +
    'var f = async (p, q = p, ...r) => { for await (var z of r) await z; }, re = /(?<n>a+)|b/gu, n = 123n ** 2n, o = { __proto__: null, [t]: f?.name, "s": 1.5e3 };\n' +
    'return [a, x, y, t, i, re.source, String(n), Object.keys(o), new A().v, A.s + A.t, [...new A().g()]];';
  return new Function(text)();
}

// == parse tables
function () {
  var names = Array.from({ length: 26 }, function (_, i) { return 'v' + i; });
  var text = 'class Empty {} class Brand { #m() { return 1; } static { this.made = new this().#m(); } }\n' +
    'switch (names.length) { case 1: default: } switch (0) { default: case 5: }\n' +
    'function full() { var ' + names.join() + '; return () => [this === undefined, new.target === undefined, arguments.length, v25]; }\n' +
    'class Full extends Object { constructor() { var ' + names.join() + '; super(); eval("var late = v0"); } }\n' +
    'for (using x of [null]); { using y = null; }\n' +
    'return [typeof Empty, Brand.made, full.call(5)(), typeof new Full()];';
  return new Function('names', text)(names);
}

// == parse deep
function () {
  var depth = 40;
  var made = new Function('a', 'return ' + '[a,'.repeat(depth) + '1' + ']'.repeat(depth))(7);
  return JSON.stringify(made).length + eval('('.repeat(depth) + '5' + ')'.repeat(depth));
}

// == parse errors
function () {
  var said = [];
  ['var = 1', 'a b', '{', '"x', '/(/', 'let a; let a', 'for (;', '({a:1,', 'x => {', 'class { constructor(){} constructor(){} }', 'import.meta', '`${'].forEach(function (text) {
    try { new Function(text); said.push('none'); } catch (error) { if (!(error instanceof SyntaxError)) throw error; said.push(error.name); }
  });
  return said;
}

// == closures
function () {
  var all = [];
  for (let i = 0; i < 20; i++) all.push(function () { let k = i; return function () { return k++ + i; }; });
  function curry(a) { return (b) => (...c) => a + b + c.length + arguments.length; }
  return [all.map(function (one) { var f = one(); f(); return f(); }), curry(1)(2)(3, 4), (function () { return arguments; })(1, 2).length, eval.call(null, '1+1'),
    curry.bind(null, 1).call(null)(2)(), Math.max.apply(null, [1, 5, 2])];
}

// == classes
function () {
  class A { static made = 0; #x; constructor(x) { this.#x = x; A.made++; } get x() { return this.#x; } static of(...all) { return all.map((x) => new this(x)); } #p() { return this.#x * 2; } p() { return this.#p(); } has(o) { return #x in o; } }
  class B extends A { constructor(x) { super(x); this.y = super.x; } p() { return super.p() + 1; } [Symbol.toPrimitive]() { return this.y; } static [Symbol.hasInstance](o) { return 'y' in o; } }
  var made = B.of(1, 2, 3);
  return [made.map((b) => [b.x, b.y, b.p(), +b, b.has({})]), A.made, made[0] instanceof B, new (class extends Array { get last() { return this[this.length - 1]; } })(1, 2, 3).last,
    Reflect.construct(A, [9], B).x, Object.getOwnPropertyNames(B.prototype)];
}

// == objects
function () {
  var o = {}, i;
  for (i = 0; i < 40; i++) o['k' + i] = i;
  for (i = 0; i < 40; i += 3) delete o['k' + i];
  Object.defineProperty(o, 'g', { get: function () { return 7; }, enumerable: true, configurable: true });
  var p = Object.create(o, { own: { value: 1, writable: true } }), sealed = Object.freeze({ a: [1], s: Symbol.for('x') });
  for (var key in p) i += key.length;
  return [Object.keys(o).length, o.g, p.own, i, Object.entries({ a: 1, b: 2 }), Object.assign({}, o, { z: 1 }).z, Object.fromEntries([['a', 1]]), Object.isFrozen(sealed),
    Object.groupBy([1, 2, 3], (x) => (x & 1 ? 'odd' : 'even')), { ...o }.k1, Object.getOwnPropertyDescriptors({ get x() { return 1; } }).x.set === undefined, Symbol.keyFor(sealed.s)];
}

// == arrays
function () {
  var a = Array.from({ length: 60 }, (_, i) => (i * 37) % 61);
  var sorted = a.toSorted((x, y) => x - y), holes = [1, , 3];
  holes.length = 10; a.splice(5, 10, 'x', 'y'); a.unshift(1, 2, 3); a.push.apply(a, sorted);
  return [a.length, sorted[3], holes.flat().length, [[1, [2, [3]]]].flat(9), a.slice(1, 4).concat([9], holes).length, a.reverse().indexOf('x'), [3, 1, 2].sort(), a.filter(Number.isInteger).map(String).join('').length,
    [...a.entries()].length, Array.of(1, 2).with(0, 5), a.copyWithin(0, 5).length, [1, 2, 3].reduceRight((x, y) => x * 10 + y), a.includes(NaN), [1, 2].toString(), a.findLast((x) => x === 'y')];
}

// == generators
function () {
  function* inner(n) { try { var got = yield n; while (got > 0) got = yield got * 2; } finally { yield 'end'; } }
  function* outer() { yield* inner(1); yield* [10, 20]; return 5; }
  var it = outer(), seen = [it.next().value, it.next(3).value, it.next(4).value, it.next(0).value, it.next().value];
  var stopped = inner(1); stopped.next();
  return [seen, stopped.return(8).value, [...outer()].length, Iterator.from([1, 2, 3, 4]).filter((x) => x % 2).map((x) => x * 3).toArray(), [...outer().take(2)], Array.from(new Set(outer())).length];
}

// == async
async function () {
  var wait = (value) => new Promise((resolve) => setImmediate(resolve, value));
  async function* numbers(n) { for (var i = 0; i < n; i++) { await null; yield i; } }
  var seen = [];
  for await (var one of numbers(5)) seen.push(one);
  try { await Promise.reject(new TypeError('x')); } catch (error) { if (error.message !== 'x') throw error; seen.push(error.name); }
  await using_();
  async function using_() { seen.push(await wait('w')); await Promise.all([wait(1), wait(2)]).then((all) => seen.push(all)); }
  return seen;
}

// == promises
function () {
  var later = (value, bad) => new Promise((yes, no) => queueMicrotask(() => (bad ? no(new Error(value)) : yes(value))));
  return Promise.allSettled([later(1), later('b', true), Promise.race([later(2), later(3)]), Promise.any([later('c', true), later(4)]), Promise.any([later('d', true)])])
    .then((all) => all.map((one) => { if ([one.reason].concat(one.reason?.errors).some((error) => error instanceof InternalError)) throw one.reason; return one.status + (one.value ?? one.reason.message); }))
    .finally(() => later(5)).then((all) => Promise.all([...all, { then: (yes) => yes('thenable') }, Promise.withResolvers().promise === 0]));
}

// == regexps
function () {
  var text = 'The 2nd of 12 foxes, aged 3 and 44; ümlaut 𝒳 end';
  return [text.match(/\d+/g), text.replace(/(?<n>\d+)(\w*)/g, (all, n, rest, at, whole, groups) => groups.n * 2 + rest), [...text.matchAll(/(?<=a)\w/g)].length, text.split(/[ ,;]+/),
    /^(?:(a+)+|b*)*$/.exec('aaaaaaab')?.[0], /\p{Lu}/u.exec(text)[0], /(.)(?!\1)/su.test(text), /e(?=nd)/y.exec(text), text.search(/𝒳/v), new RegExp('(a|b)*?'.repeat(20) + 'c').exec('ababc').length,
    /(?<y>\d{4})-(?<m>\d\d)/d.exec('on 2026-11').indices.groups.m, 'aXbX'.replaceAll('X', '$&$`'), RegExp.escape ? RegExp.escape('a.b') : 'a', /[\w--[a-d]]/v.test('z')];
}

// == collections
function () {
  var map = new Map(), weak = new WeakMap(), set = new Set(), keys = [];
  for (var i = 0; i < 50; i++) { var key = { i }; keys.push(key); map.set(i % 7 ? key : 'k' + i, i); weak.set(key, i); set.add(i % 10); }
  for (i = 0; i < 50; i += 2) { map.delete(keys[i]); weak.delete(keys[i]); }
  var ref = new WeakRef(keys[3]), registry = new FinalizationRegistry(function () {});
  registry.register(keys[4], 1, keys[4]); registry.unregister(keys[4]);
  return [map.size, set.size, weak.get(keys[3]), weak.has(keys[2]), ref.deref().i, [...map.keys()].length, set.union(new Set([99])).size, set.isSubsetOf(new Set([1])), [...Map.groupBy([1, 2, 3], (x) => x % 2)].length,
    new Map([...map].reverse()).size];
}

// == proxies
function () {
  var log = [], handler = {};
  Reflect.ownKeys(Reflect).filter((name) => typeof name === 'string').forEach((trap) => { handler[trap] = function () { log.push(trap); return Reflect[trap].apply(Reflect, arguments); }; });
  var p = new Proxy(function (a) { this && (this.a = a); return a; }, handler);
  p.x = 1; delete p.x; 'y' in p; p(3); new p({}); Object.keys(p); Object.getPrototypeOf(p); Object.defineProperty(p, 'z', { value: 1, configurable: true }); Object.isExtensible(p); for (var k in p) log.push(k);
  var revoked = Proxy.revocable([1, 2], {}); var n = revoked.proxy.length; revoked.revoke();
  return [log, n, JSON.stringify(new Proxy({ a: [1] }, {})), Array.isArray(new Proxy([], {}))];
}

// == json
function () {
  var text = JSON.stringify({ list: Array.from({ length: 30 }, (_, i) => ({ id: i, name: 'n' + i, tags: ['a', 'ü', '\u2028"'], nested: { x: i / 3, y: null, z: true } })), date: new Date(0), big: { toJSON: () => 'j' } });
  var back = JSON.parse(text), revived = JSON.parse('{"a":[1,2,{"b":3}],"c":"\\u00fc\\n"}', (key, value) => (typeof value === 'number' ? value + 1 : value));
  return [text.length, back.list[29], revived, JSON.stringify(back.list.slice(0, 3), null, 2).length, JSON.stringify(back, ['list', 'id'], '\t').length, JSON.stringify('x'.repeat(100) + '\ud800')];
}

// == bigints
function () {
  var a = 3n ** 500n, b = -(7n ** 211n);
  return [(a * b).toString(36).length, (a / 12345678901234567890n % 997n).toString(), BigInt('0x' + 'f'.repeat(100)).toString().length, String((a << 77n) >> 60n).length, (a & b | ~a ^ b).toString(16).length, BigInt.asUintN(64, b).toString(), BigInt.asIntN(128, a).toString(),
    BigInt(2 ** 60) === 1n << 60n, Number(a) > 1e200, (-a).toLocaleString().length, 5n > 4, new BigInt64Array([1n, b % 9n]).join()];
}

// == typed arrays
function () {
  var buffer = new ArrayBuffer(64, { maxByteLength: 256 }), view = new DataView(buffer), f = Float64Array.from({ length: 20 }, (_, i) => Math.sin(i));
  view.setFloat32(0, 1.5); view.setBigUint64(8, 123n); buffer.resize(128);
  var u = new Uint8Array(buffer);
  u.set([9, 8, 7], 100);
  return [u.subarray(98, 104).join(), f.toSorted().at(0), [...new Int16Array([3, 1, 2]).sort((x, y) => y - x)], buffer.transfer(16).byteLength, buffer.detached, new Uint8ClampedArray([300, -1]).map((x) => x / 2).join(),
    new Uint16Array(new Set([1, 2])).length, f.slice(3, 5).length, new Float32Array(f).filter((x) => x > 0).length, new Uint32Array(3000).fill(7).reduce((x, y) => x + y)];
}

// == strings
function () {
  var rope = '', wide = '';
  for (var i = 0; i < 60; i++) { rope += 'part' + i; wide = '\u20ac' + wide + String.fromCharCode(300 + i); }
  return [rope.length, rope.indexOf('part59'), rope.slice(3, 30).toUpperCase(), wide.normalize('NFD').length, wide.charCodeAt(61), 'ab'.repeat(500).replaceAll('ba', 'x').length, 'x'.padStart(30, 'ab'), '\u00e9\u00df'.toUpperCase(), rope.split('part').length,
    [...'a𝒳b'].length, 'a,b'.split(','), String.raw`\n${1}`, ' t '.trim(), 'b'.localeCompare('a'), encodeURIComponent(wide).length, decodeURIComponent('%E2%82%AC'), escape(wide).length, (12345.678).toFixed(1), (255).toString(2), parseFloat('1.5e3x'), (1e21 + 0.1).toPrecision(5), 'x'.at(-1),
    rope.concat(wide).isWellFormed(), '\ud800'.toWellFormed().length, Symbol('s').toString(), ('' + rope + wide).match(/part5\d/g).length];
}

// == dates
function () {
  var d = new Date(Date.UTC(2026, 10, 23, 12, 34, 56));
  return [d.toISOString(), d.toUTCString(), d.toString().length, d.toLocaleDateString('en-US'), d.toLocaleTimeString('en-US'), new Date('2026-01-02T03:04:05Z').getTime(), Date.parse('Mon, 02 Jan 2006 15:04:05 GMT'), JSON.stringify({ d }), d.setUTCMonth(5), new Date(NaN) + ''];
}

// == exceptions
function () {
  function deep(n) { if (n === 0) throw new RangeError('deep', { cause: new Error('why') }); try { deep(n - 1); } finally { deep.last = n; } }
  var seen = [];
  try { deep(10); } catch (error) { if (error.message !== 'deep' || !error.cause.message) throw error; seen.push(error.stack.split('\n').length > 5, error.cause.message, deep.last); }
  try { null.property; } catch (error) { if (!(error instanceof TypeError) || !error.message) throw error; seen.push(error.message); }
  try { nowhere; } catch (error) { if (!(error instanceof ReferenceError) || !error.message) throw error; seen.push(error.message); }
  var o = {}; Error.captureStackTrace(o); if (!o.stack) throw o; seen.push(typeof o.stack);
  var before = Error.prepareStackTrace;
  Error.prepareStackTrace = function (error, sites) { return sites.map(function (site) { return site.getFunctionName() + typeof site.getLineNumber(); }); };
  try { seen.push(new Error('x').stack.length > 0); } finally { Error.prepareStackTrace = before; }
  return [seen, new AggregateError([1, 2], 'm').errors.length, String(new (class Own extends Error { get name() { return 'Own'; } })('y')), new DOMException('a', 'AbortError').code];
}

// == uncaught
function () { setTimeout(function () { throw new TypeError('on purpose'); }, 1); }

// == clones
function () {
  var shared = { a: 1 }, loop = { shared, list: [shared, new Date(5), /x/g, new Map([[1, new Set([2])]]), new Uint8Array([1, 2]), 5n, new Error('e'), undefined, 'ü'] };
  loop.self = loop;
  var made = structuredClone(loop), moved = structuredClone(new ArrayBuffer(8), {});
  return [made.self === made, made.list[0] === made.shared, made.list[1].getTime(), made.list[3].get(1).has(2), made.list[4].join(), String(made.list[5]), made.list[6].message, made.list.length, moved.byteLength, require('v8').deserialize(require('v8').serialize({ a: [1, 'x'] }))];
}

// == modules
function () {
  return ['util', 'url', 'querystring', 'path', 'assert', 'string_decoder', 'os', 'zlib', 'readline', 'async_hooks', 'diagnostics_channel', 'perf_hooks', 'vm', 'tty', 'punycode', 'stream/promises', 'timers/promises', 'fs']
    .map(function (name) { return Object.keys(require('node:' + name)).length > 0; });
}

// == imports
async function () {
  var url = await import('node:url'), events = await import('events'), bad;
  try { await import('node:nothing'); } catch (error) { if (!error.code) throw error; bad = error.code; }
  var data = await import('data:text/javascript,export let a = 1; export default class {}; export * as all from "node:path"; await 0;').catch(function (error) { if (!error.code) throw error; return error.code; });
  return [new url.URL('http://a/b').pathname, typeof events.once, bad, typeof data === 'string' ? data : data.a];
}

// == timers
function (done) {
  var seen = [], every = setInterval(function () { seen.push('i'); if (seen.length > 12) { clearInterval(every); done(null, seen); } }, 2);
  for (let i = 0; i < 10; i++) setTimeout(function () { seen.push(i); }, i % 3).unref().ref();
  setImmediate(function () { process.nextTick(function () { seen.push('t'); queueMicrotask(function () { seen.push('m'); }); }); });
  clearTimeout(setTimeout(function () {}, 5));
}

// == events
function () {
  var EventEmitter = require('events'), one = new EventEmitter({ captureRejections: true }), seen = [];
  one.on('a', function (x, y) { seen.push(x, y); }).once('a', seen.push.bind(seen)).prependListener('a', function f() { one.off('a', f); });
  one.emit('a', 1, 2); one.emit('a', 3, 4);
  var target = new EventTarget(), stop = new AbortController();
  target.addEventListener('x', function (event) { seen.push(event.type); }, { signal: stop.signal }); target.dispatchEvent(new Event('x')); stop.abort(); target.dispatchEvent(new Event('x'));
  // What a listener throws is told later.
  return new Promise(setImmediate).then(function () { return [seen.length, seen[0], one.listenerCount('a'), stop.signal.aborted, one.eventNames()]; });
}

// == context
function () {
  var { AsyncLocalStorage } = require('async_hooks'), store = new AsyncLocalStorage();
  return Promise.all([1, 2, 3].map(function (n) { return store.run({ n }, async function () { await null; await new Promise(setImmediate); return store.getStore().n; }); }));
}

// == buffers
function () {
  var b = Buffer.from('héllo wörld €'), all = ['hex', 'base64', 'base64url', 'latin1', 'utf16le', 'ascii', 'binary'].map(function (name) { return Buffer.from(b.toString(name), name).length; });
  var c = Buffer.concat([b, Buffer.alloc(50, 'ab'), b.subarray(2, 5)]);
  c.writeDoubleBE(1.5, 3); c.writeBigInt64LE(-5n, 20); c.swap16 && c.subarray(0, 4).swap16();
  return [all, c.length, c.readDoubleBE(3), String(c.readBigInt64LE(20)), c.indexOf('wör'), c.includes('zz'), Buffer.compare(b, c), b.equals(Buffer.from(b)), c.fill('xyz').toString('utf8', 0, 7), JSON.stringify(b.subarray(0, 3)), btoa(atob('YWJj')), new TextDecoder().decode(new TextEncoder().encode('ü€')),
    Buffer.from('zz', 'hex').length, b.toString().length, require('string_decoder').StringDecoder.name, Buffer.byteLength('€'), new Blob(['ab', b]).size];
}

// == urls
function () {
  var u = new URL('../x/y?a=1&b=2#h', 'https://us%20er:pw@ex%41mple.com:8080/p/q/'), legacy = require('url').parse('http://a.com:80/p?q=1#f', true);
  u.searchParams.append('c d', 'ü'); u.port = '443'; u.searchParams.sort();
  return [u.href, u.origin, [...u.searchParams].length, legacy.query.q, require('url').format(legacy), require('url').resolve('/a/b', '../c'), URL.canParse('x'), require('querystring').stringify({ a: [1, 2], b: 'ü' }), require('querystring').parse('a=1&a=2&b=%20').a, require('url').fileURLToPath('file:///a%20b'), require('url').domainToASCII('ü.de')];
}

// == inspect
function () {
  var util = require('util'), o = { a: 1, b: 'x', c: [1, , 3], d: new Map([['k', { deep: { deeper: { deepest: 1 } } }]]), e: new Set([1]), f: function name() {}, g: class A {}, h: Symbol('s'), i: new Date(0), j: /x/, k: null, l: new Uint8Array(3), m: Promise.resolve(4), n: new Proxy({}, {}), o: 5n };
  o.self = o;
  return [util.inspect(o, { depth: 5, compact: false, sorted: true }).length, util.format('%s %d %i %j %o %%', 'a', 1.5, 2.7, { x: 1 }, [1]), util.inspect(new Error('e')).indexOf('Error: e'), util.isDeepStrictEqual({ a: [1] }, { a: [1] }), util.types.isRegExp(/x/), util.inspect('a\'b'), util.styleText ? util.styleText('red', 'x').length : 0, util.stripVTControlCharacters('\x1b[1mx')];
}

// == console
function () {
  console.log('%s is %d', 'it', 5, { a: [1, 2] }); console.error(new Map([[1, 2]])); console.table([{ a: 1, b: 2 }]); console.group('g'); console.dir({ a: 1 }, { depth: 0 }); console.groupEnd(); console.assert(false, 'no'); console.count(); process.stdout.write('line\n');
  return 'logged';
}

// == asserts
function () {
  var assert = require('assert'), seen = [];
  [function () { assert.strictEqual(1, 2); }, function () { assert.deepStrictEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }); }, function () { assert(false, 'm'); }, function () { assert.match('a', /b/); }].forEach(function (one) {
    try { one(); } catch (error) { if (error.code !== 'ERR_ASSERTION') throw error; seen.push(error.message.length); }
  });
  assert.throws(function () { throw new TypeError('x'); }, TypeError); assert.deepEqual(new Map([[1, { a: 1 }]]), new Map([[1, { a: 1 }]]));
  return seen;
}

// == streams
function (done) {
  var { Readable, Transform, Writable, PassThrough, pipeline } = require('stream'), got = [];
  pipeline(Readable.from(['ab', 'cd', 'ef'.repeat(50)]), new Transform({ transform: function (chunk, _, next) { next(null, String(chunk).toUpperCase()); } }), new PassThrough({ highWaterMark: 10 }),
    new Writable({ write: function (chunk, _, next) { got.push(String(chunk)); setImmediate(next); } }), function (error) { done(error, got.join('').length); });
}

// == web streams
async function () {
  var stream = new ReadableStream({ start: function (to) { ['a', 'b', 'c'].forEach(function (x) { to.enqueue(x); }); to.close(); } });
  var got = [], [one, two] = stream.pipeThrough(new TransformStream({ transform: function (chunk, to) { to.enqueue(chunk + chunk); } })).tee();
  for await (var chunk of one) got.push(chunk);
  return [got, (await two.getReader().read()).value, await new Response('{"a":1}', { headers: { 'x-y': '1' } }).json(), [...new Headers({ a: 'b' })], await new Blob(['x']).text()];
}

// == compression
function () {
  var zlib = require('zlib'), text = Buffer.from('some text, again and again; '.repeat(60));
  return [zlib.gunzipSync(zlib.gzipSync(text)).equals(text), zlib.inflateSync(zlib.deflateSync(text, { level: 9 })).length, zlib.inflateRawSync(zlib.deflateRawSync(text)).length, zlib.unzipSync(zlib.gzipSync('x')).toString(), zlib.crc32('abc')];
}

// == brotli
function () {
  var zlib = require('zlib'), text = Buffer.from('some text, again and again; '.repeat(60));
  return zlib.brotliDecompressSync(zlib.brotliCompressSync(text, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4, [zlib.constants.BROTLI_PARAM_LGWIN]: 12 } })).equals(text);
}

// == compressed streams
function (done) {
  var zlib = require('zlib'), got = [], gzip = zlib.createGzip(), gunzip = zlib.createGunzip();
  gzip.on('error', done); gunzip.on('error', done);
  gzip.pipe(gunzip).on('data', function (chunk) { got.push(chunk); }).on('end', function () { done(null, Buffer.concat(got).length); });
  gzip.write('abc'.repeat(300)); gzip.flush(function () { gzip.end('d'); });
}

// == digests
function () {
  var crypto = require('crypto'), all = ['md5', 'sha1', 'sha256', 'sha512'].map(function (name) { return crypto.createHash(name).update('a').update(Buffer.from('b')).copy().digest('hex').length; });
  return [all, crypto.createHmac('sha256', 'key').update('x').digest('base64'), crypto.randomBytes(10).length, crypto.randomUUID().length, crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('a')), crypto.randomInt(5) < 5, crypto.getHashes().length > 3];
}

// == server
function (done) {
  var http = require('http'), body = 'x'.repeat(300), server = http.createServer(function (request, response) {
    var got = '';
    request.setEncoding('utf8'); request.on('error', done); response.on('error', done);
    request.on('data', function (chunk) { got += chunk; });
    request.on('end', function () {
      response.setHeader('X-One', ['a', 'b']); response.writeHead(201, 'Made', { 'Content-Type': 'text/plain' });
      response.write(request.method + request.url + request.headers['x-ask'] + request.headers.from); response.end(got.length + body);
    });
  });
  server.on('error', done);
  server.listen(8100, '127.0.0.1', function () {
    var all = [], agent = new http.Agent({ keepAlive: true });
    (function ask(left) {
      var request = http.request({ port: 8100, host: '127.0.0.1', method: 'POST', path: '/p?q=' + left, agent, headers: { 'X-Ask': 'ü'.length, From: ['a', 'b'] } }, function (response) {
        var got = [];
        response.on('error', done); response.on('data', function (chunk) { got.push(chunk); });
        response.on('end', function () { all.push([response.statusCode, response.headers['x-one'], Buffer.concat(got).length]); if (left > 1) ask(left - 1); else { agent.destroy(); server.close(function () { done(null, all); }); } });
      });
      request.on('error', done); request.write('part'); request.end(body);
    })(2);
  });
}

// == sockets
function (done) {
  var net = require('net'), server = net.createServer({ allowHalfOpen: true }, function (socket) { socket.on('error', done); socket.pipe(socket); });
  server.on('error', done);
  server.listen(8101, '127.0.0.1', function () {
    var got = '', socket = net.connect(8101, '127.0.0.1');
    socket.setEncoding('utf8').on('error', done).on('data', function (chunk) { got += chunk; }).on('close', function () { server.close(); done(null, got.length); });
    socket.write('hello'); socket.end(Buffer.alloc(2000, 'x'));
  });
}

// == fetches
async function () {
  var http = require('http'), server = http.createServer(function (request, response) { request.resume(); response.setHeader('content-type', 'application/json'); response.end('{"a":[1,2,3]}'); });
  await new Promise(function (resolve, reject) { server.on('error', reject); server.listen(8102, '127.0.0.1', resolve); });
  var response = await fetch('http://127.0.0.1:8102/x', { method: 'POST', body: new URLSearchParams({ a: 'b' }) });
  var made = [response.status, await response.json(), response.headers.get('content-type')];
  server.close(); server.closeAllConnections();
  return made;
}

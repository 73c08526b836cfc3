// Tests of the engine as it is built and patched, on a glue that does nothing but evaluate (test/glue).
//   node --test js-guest/build/test/          SKEP_CC and the build's cache count here as for the guest itself.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const HERE = dirname(fileURLToPath(import.meta.url));
const HOST_STACK_MB = 24;

class Guest {
  constructor(module, hashKey = 1n) {
    this.wasm = new WebAssembly.Instance(module, {}).exports;
    this.wasm._initialize();
    this.wasm.start(hashKey);
  }

  eval(text) {
    const bytes = Buffer.from(text);
    const at = this.wasm.buffer(bytes.length);
    Buffer.from(this.wasm.memory.buffer).set(bytes, at);
    const answer = this.wasm.eval(at, bytes.length);
    const memory = Buffer.from(this.wasm.memory.buffer);
    return memory.toString('utf8', answer, memory.indexOf(0, answer));
  }
}

// One text in a thread with a stack of a size that is ours to say.
if (!isMainThread) {
  const { module, text } = workerData;
  let answer;
  try {
    const guest = new Guest(module);
    answer = guest.eval(text);
    // It must be fit for more afterwards.
    if (guest.eval('1+1') !== '=2') answer = 'the guest is broken';
  } catch (error) {
    answer = `TRAP ${error.message}`;
  }
  parentPort.postMessage(answer);
} else {
  runTests();
}

function inThread(module, text) {
  const options = { workerData: { module, text }, resourceLimits: { stackSizeMb: HOST_STACK_MB } };
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), options);
    worker.once('message', resolve).once('error', reject);
  });
}

async function runTests() {
  const { DEEP } = await import('./deep.mjs');
  const folder = mkdtempSync(join(tmpdir(), 'skep-engine-'));
  let module;
  after(() => rmSync(folder, { recursive: true }));
  before(() => {
    const file = join(folder, 'engine.wasm');
    const args = [join(HERE, '..', 'main.mjs'), '--quiet', '--glue', join(HERE, 'glue'), '--lib', folder, '--out', file];
    const run = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    module = new WebAssembly.Module(readFileSync(file));
  });

  test('the module imports nothing and exports what an image needs', () => {
    assert.deepEqual(WebAssembly.Module.imports(module), []);
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    for (const name of ['memory', '__stack_pointer', '__indirect_function_table']) assert.ok(names.includes(name), name);
  });

  test('endless recursion is a RangeError in V8\'s words', async () => {
    assert.equal(await inThread(module, 'function f(){f()} f()'), '!RangeError: Maximum call stack size exceeded');
  });

  test('no depth of anything is a trap', async () => {
    for (const text of DEEP) {
      const answer = await inThread(module, text);
      assert.match(answer, /^=|^!(RangeError|SyntaxError|InternalError|TypeError|ReferenceError)/, text.slice(0, 120));
    }
  });

  test('a reseeded guest draws other numbers, the same ones for the same seed', () => {
    const draw = (seed) => {
      const guest = new Guest(module);
      guest.wasm.reseed(seed);
      return guest.eval('Math.random()+" "+Math.random()');
    };
    assert.equal(draw(1n), draw(1n));
    assert.notEqual(draw(1n), draw(2n));
  });

  test('a key changes where things lie, not what is found', () => {
    const text = 'var o={};for(let i=0;i<1e4;i++)o["k"+i]=i;var m=new Map;for(let i=0;i<1e4;i++)m.set(i/2,i).set("s"+i,i);'
      + '[o.k77,m.get(38.5),m.get("s9"),m.get(NaN),m.size,Object.keys(o)[5]]+""';
    for (const key of [0n, 1n, 0xffffffffffffffffn]) assert.equal(new Guest(module, key).eval(text), '=77,77,9,,20000,k5');
  });

  test('a copy of a heap gets a key of its own, and finds what was there before', () => {
    const before = 'var o={},m=new Map,w=new WeakMap,y=Symbol.for("y");for(let i=0;i<5e3;i++){o["k"+i]=i;m.set("s"+i,i).set(i/2,i)}'
      + 'w.set(o,1)';
    const fill = 'for(let i=0;i<5e3;i++){o["n"+i]=i;m.set("t"+i,i);delete o["k"+2*i]}m.delete("s9");"done"';
    const ask = '[o.k77,o["k"+78],o.n4999,m.get("s8"),m.has("s9"),m.get(38.5),m.get("t4"),m.size,w.get(o),Symbol.for("y")===y,'
      + 'Object.keys(o).length,Symbol.for("z")===Symbol.for("z")]+""';
    const wanted = '=77,,4999,8,false,77,4,14999,1,true,7500,true';
    const grown = (key) => {
      const guest = new Guest(module, 7n);
      assert.equal(guest.eval(before), '=[object WeakMap]');
      assert.equal(guest.wasm.freeze(), 0);
      guest.wasm.renew(key);
      assert.equal(guest.eval(fill), '=done');
      assert.equal(guest.eval(ask), wanted);
      const memory = Buffer.from(guest.wasm.memory.buffer.slice());
      guest.wasm.renew(key + 5n); // a fork of a guest that has lived
      assert.equal(guest.eval(ask), wanted);
      assert.equal(guest.eval(fill.replaceAll('"n"', '"u"')), '=done');
      return memory;
    };
    const [one, same, other] = [grown(1n), grown(1n), grown(2n)];
    assert.ok(one.equals(same));
    // The key itself is eight bytes; the chains of ten thousand names are many more.
    assert.ok(one.filter((byte, at) => byte !== other[at]).length > 10000);
  });

  test('cycles are collected, young or old, and what is held stays', () => {
    const guest = new Guest(module);
    const cycles = 'for(let i=0;i<2e5;i++){const a={i},b={a,f(){return a}};a.b=b;a.w=new WeakMap([[b,a]]);kept[i%1000]=i%7?{a:kept}:b}';
    assert.equal(guest.eval('globalThis.kept=[];globalThis.held=new WeakRef(globalThis.old={n:{m:[1,2,{x:3}]}});0'), '=0');
    const sizes = [];
    for (let round = 0; round < 6; round++) {
      assert.match(guest.eval(`${cycles} old.self=old; old.young={old,round:${round}}; kept.length+":"+kept.filter(x=>x.f?x.f().b===x:x.a===kept).length`), /^=1000:1000$/);
      sizes.push(guest.wasm.memory.buffer.byteLength);
    }
    assert.ok(sizes[5] < 48 << 20 && sizes[5] <= sizes[1] * 1.25, sizes.join());
    assert.equal(guest.eval('[old.self===old,old.young.round,old.n.m[2].x,held.deref()===old]+""'), '=true,5,3,true');
    // The glue collects after each text, all of it.
    assert.equal(guest.eval('old=null;kept=null;0'), '=0');
    assert.equal(guest.eval('held.deref()===undefined'), '=true');
  });

  test('a long string is the same string however it was put together', () => {
    const text = 'var q="x".repeat(9000);var s=q+"y"+q;var t=[q,q].join("y");var m=new Map();for(let i=0;i<999;i++)m.set(i,i);'
      + 'm.set(s,"r");[m.get(t),m.has(t),s==t,t==s,s!=t,s===t,s==t+"a"]+""';
    assert.equal(new Guest(module).eval(text), '=r,true,true,true,false,true,false');
  });

  test('what is bytecode in upstream\'s sources finds its names', () => {
    const guest = new Guest(module);
    guest.eval('var all; Array.fromAsync([1, Promise.resolve(2)], (x) => x * 2).then((list) => { all = list + "" })');
    assert.equal(guest.eval('all'), '=2,4');
    assert.equal(guest.eval('[...Iterator.zip([[1, 2], [3, 4]], { mode: "strict" })] + ""'), '=1,3,2,4');
    assert.equal(guest.eval('JSON.stringify([...Iterator.zipKeyed({ a: [1, 2], b: [3] }, { mode: "longest" })])'), '=[{"a":1,"b":3},{"a":2}]');
  });

  test('dates are written for people as in en-US', () => {
    const guest = new Guest(module);
    assert.equal(guest.eval('new Date(0).toLocaleString()'), '=1/1/1970, 12:00:00 AM');
    assert.equal(guest.eval('new Date(1e12).toLocaleDateString() + " " + new Date(1e12).toLocaleTimeString()'), '=9/9/2001 1:46:40 AM');
  });

  test('large blocks move, fill and grow in pieces', () => {
    const text = 'var a=new Uint8Array(3e5).map((x,i)=>i*7);var b=a.slice();a.copyWithin(1,0);var ok=a[0]===b[0];'
      + 'for(let i=1;i<3e5;i++)ok&&=a[i]===b[i-1];a.set(b);a.copyWithin(0,1);for(let i=1;i<3e5;i++)ok&&=a[i-1]===b[i];'
      + 'a.fill(9);ok&&=a.every(x=>x===9);var g=[];for(let i=0;i<2e5;i++)g.push(i);ok&&=g.every((x,i)=>x===i);ok+""';
    assert.equal(new Guest(module).eval(text), '=true');
  });
}

// JSON.parse and JSON.stringify in the guest against Node's own, and the direct ways (engine-ext/json_*.h) against the
// engine's general ones, which a reviver or a replacer that changes nothing asks for. The values come from a seed.
//   node --test js-guest/build/test/json.test.mjs          SEED=n COUNT=n for other and more values
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Values } from './json-values.mjs';
import { CASES, TEXTS } from './json-cases.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const SEED = Number(process.env.SEED ?? 1);
const COUNT = Number(process.env.COUNT ?? 1000);
const BATCH = 200;

// Defined alike here and in the guest: everything about a value that a program could tell, as text.
const SHOW = `
  var show = (v) => {
    if (Object.is(v, -0)) return '-0';
    if (typeof v === 'string') return '"' + Array.from({ length: v.length }, (_, i) => v.charCodeAt(i)) + '"';
    if (typeof v !== 'object' || v === null) return String(v);
    const proto = Object.getPrototypeOf(v);
    const head = Array.isArray(v) ? 'A' + v.length : proto === Object.prototype ? 'O' : '?';
    return head + '{' + Reflect.ownKeys(v).map((k) => {
      const d = Object.getOwnPropertyDescriptor(v, k);
      const flags = (d.writable ? 'w' : '') + (d.enumerable ? 'e' : '') + (d.configurable ? 'c' : '');
      return show(k) + flags + show(d.value);
    }).join() + '}';
  };
  var attempt = (run, words) => {
    try { return show(run()); } catch (e) { return e.name + (words ? ': ' + e.message : ''); }
  };
`;
const here = new Function(`${SHOW}; return { show, attempt };`)();

class Guest {
  constructor(module) {
    this.wasm = new WebAssembly.Instance(module, {}).exports;
    this.wasm._initialize();
    this.wasm.start(1n);
    this.eval(SHOW);
  }

  // A lone surrogate does not survive UTF-8: everything outside ASCII goes as an escape.
  eval(text) {
    const ascii = text.replace(/[^\n -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
    const bytes = Buffer.from(ascii);
    const at = this.wasm.buffer(bytes.length);
    Buffer.from(this.wasm.memory.buffer).set(bytes, at);
    const answer = this.wasm.eval(at, bytes.length);
    const memory = Buffer.from(this.wasm.memory.buffer);
    const shown = memory.toString('utf8', answer, memory.indexOf(0, answer));
    assert.ok(shown.startsWith('='), `${text.slice(0, 300)}\n${shown}`);
    return shown.slice(1);
  }
}

let module;
const folder = mkdtempSync(join(tmpdir(), 'skep-json-'));
after(() => rmSync(folder, { recursive: true }));
before(() => {
  const file = join(folder, 'engine.wasm');
  const args = [join(HERE, '..', 'main.mjs'), '--quiet', '--glue', join(HERE, 'glue'), '--lib', folder, '--out', file];
  const run = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  module = new WebAssembly.Module(readFileSync(file));
});

// Runs `run(item)` for each item in the guest, many at a time.
function inGuest(guest, items, run) {
  const answers = [];
  for (let at = 0; at < items.length; at += BATCH) {
    const list = items.slice(at, at + BATCH).map((item) => JSON.stringify(item)).join();
    answers.push(...guest.eval(`[${list}].map(${run}).join("\\n")`).split('\n'));
  }
  return answers;
}

function compareTexts(texts) {
  const guest = new Guest(module);
  const direct = inGuest(guest, texts, '(t) => attempt(() => JSON.parse(t), true)');
  const general = inGuest(guest, texts, '(t) => attempt(() => JSON.parse(t, (k, v) => v), true)');
  const names = inGuest(guest, texts, '(t) => attempt(() => JSON.parse(t))');
  texts.forEach((text, i) => {
    const note = JSON.stringify(text).slice(0, 400);
    assert.equal(direct[i], general[i], note);
    assert.equal(names[i], here.attempt(() => JSON.parse(text)), note);
  });
}

test('what is valid is read as Node reads it, in any order of shapes', () => {
  const values = new Values(SEED);
  compareTexts(Array.from({ length: COUNT }, () => values.text()));
});

test('what is broken is refused in the words of the general parser', () => {
  const values = new Values(SEED + 1);
  compareTexts(Array.from({ length: COUNT }, () => values.broken()));
});

test('texts that have been trouble', () => compareTexts(TEXTS));

test('numbers are read to the last bit and written as short as they can be', () => {
  const values = new Values(SEED + 2);
  const texts = Array.from({ length: COUNT * 2 }, () => values.number());
  compareTexts(texts);
  const guest = new Guest(module);
  const written = inGuest(guest, texts, '(t) => JSON.stringify(JSON.parse(t)) + " " + JSON.parse(t)');
  texts.forEach((text, i) => assert.equal(written[i], `${JSON.stringify(JSON.parse(text))} ${JSON.parse(text)}`, text));
});

test('a value is written as Node writes it', () => {
  const values = new Values(SEED + 3);
  const texts = Array.from({ length: COUNT }, () => values.text());
  const guest = new Guest(module);
  const written = inGuest(guest, texts, '(t) => show(JSON.stringify(JSON.parse(t)))');
  const general = inGuest(guest, texts, '(t) => show(JSON.stringify(JSON.parse(t), (k, v) => v))');
  texts.forEach((text, i) => {
    assert.equal(written[i], general[i], text);
    assert.equal(written[i], here.show(JSON.stringify(JSON.parse(text))), text);
  });
});

test('toJSON, getters, proxies, boxes, cycles: what a script can see of the writing', () => {
  for (const source of CASES) {
    const program = `(() => { ${source} })()`;
    const want = here.attempt(() => (0, eval)(program));
    assert.equal(new Guest(module).eval(`attempt(() => ${program})`), want, source);
  }
});

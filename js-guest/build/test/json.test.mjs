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
import { Guest, here, inThread } from './json-guest.mjs';
import { Values } from './json-values.mjs';
import { CASES, TEXTS } from './json-cases.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const SEED = Number(process.env.SEED ?? 1);
const COUNT = Number(process.env.COUNT ?? 1000);
const BATCH = 200;

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

test('toJSON, getters, proxies, boxes, cycles: what a script can see of the writing', async () => {
  const programs = CASES.map((source) => `attempt(() => (() => { ${source} })())`);
  const answers = await inThread(module, programs);
  CASES.forEach((source, i) => {
    assert.equal(answers[i], here.attempt(() => (0, eval)(`(() => { ${source} })()`)), source);
  });
});

// Checks that the guest is the same bytes when it is built anew elsewhere: two copies of the sources in folders of
// different names and depth, each with a cache of its own.
//   node js-guest/build/repro.mjs [--quick] [build options such as --glue DIR]
// --quick links and adds the library anew but takes the compiled objects and the tools from the usual cache.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cache, sha256 } from './cache.mjs';
import { fail } from './fail.mjs';
import { readOptions } from './options.mjs';

const PARTS = ['build', 'engine', 'engine-ext', 'glue', 'lib', 'overlay', 'patches', 'package.json', 'package-lock.json'];
const KEPT_WHEN_QUICK = ['engine', 'npm', 'obj'];

function copySources(from, to) {
  for (const part of PARTS) {
    if (existsSync(join(from, part))) cpSync(join(from, part), join(to, 'js-guest', part), { recursive: true });
  }
  const include = join(from, '..', 'guest-sdk', 'include');
  if (existsSync(include)) cpSync(include, join(to, 'guest-sdk', 'include'), { recursive: true });
}

function buildIn(folder, usual, quick, args) {
  const cache = new Cache(join(folder, 'cache'));
  for (const kind of quick ? KEPT_WHEN_QUICK : []) {
    if (existsSync(join(usual.cache, kind))) cpSync(join(usual.cache, kind), join(cache.root, kind), { recursive: true });
  }
  const out = join(folder, 'guest.wasm');
  const script = join(folder, 'js-guest', 'build', 'main.mjs');
  const run = spawnSync(process.execPath, [script, ...args, '--out', out, '--cache', cache.root], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (run.status !== 0) fail('the build failed');
  return sha256(readFileSync(out));
}

const args = process.argv.slice(2).filter((arg) => arg !== '--quick');
const quick = process.argv.includes('--quick');
const usual = readOptions([...args, '--out', 'unused'], process.env);
const root = mkdtempSync(join(tmpdir(), 'skep-repro-'));
try {
  const folders = [join(root, 'a'), join(root, 'b', 'deeper', 'and deeper')];
  // Both at once: somebody may be editing.
  for (const folder of folders) copySources(usual.guestRoot, folder);
  const hashes = folders.map((folder) => buildIn(folder, usual, quick, args));
  console.log(hashes.join('\n'));
  if (hashes[0] !== hashes[1]) fail('two builds of the same sources differ');
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}

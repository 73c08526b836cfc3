// Two builds in folders of different names give the same bytes (linking and library anew, objects from the cache;
// `repro.mjs` without --quick compiles twice). Must not know what the guest is made of.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('two builds give the same bytes', () => {
  const script = join(dirname(dirname(fileURLToPath(import.meta.url))), 'repro.mjs');
  const run = spawnSync(process.execPath, [script, '--quick', '--quiet'], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  const [first, second] = run.stdout.trim().split('\n').slice(-2);
  assert.match(first, /^[0-9a-f]{64}$/);
  assert.equal(first, second);
});

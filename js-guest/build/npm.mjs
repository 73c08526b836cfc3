// Installs the packages that package-lock.json pins, into the cache, never into the source tree.
// npm checks each one against its integrity hash. Knows nothing about what they are used for.
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyOf } from './cache.mjs';
import { fail, progress } from './fail.mjs';

// Returns the node_modules folder.
export async function installPackages(cache, guestRoot) {
  const files = ['package.json', 'package-lock.json'];
  // Of package.json only the dependencies count here: a changed skepLib entry needs no new install.
  const { dependencies } = JSON.parse(readFileSync(join(guestRoot, files[0]), 'utf8'));
  const lock = readFileSync(join(guestRoot, files[1]));
  const key = keyOf(lock, JSON.stringify(dependencies), process.platform, process.arch);
  const root = await cache.folder('npm', key, (dir) => {
    for (const file of files) copyFileSync(join(guestRoot, file), join(dir, file));
    progress('npm: installing the pinned compiler and packages (about 120 MB on disk)');
    runNpm(dir);
  });
  return join(root, 'node_modules');
}

// No install script of any package is run.
function runNpm(dir) {
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const shell = process.platform === 'win32';
  const run = spawnSync('npm', args, { cwd: dir, encoding: 'utf8', shell });
  if (run.error) {
    fail(`cannot run npm: ${run.error.message}`,
      'npm comes with Node.js (20 or newer). Without it, name a ready-made guest: SKEP_JS_GUEST=FILE.');
  }
  if (run.status !== 0) {
    fail('npm could not install the packages that js-guest/package-lock.json pins:',
      ...run.stderr.trim().split('\n').slice(0, 20),
      'Check that npm reaches its registry (npm ping), or that its cache holds them, then build again.',
      'A ready-made guest needs none of them: SKEP_JS_GUEST=FILE.');
  }
}

// Builds the JavaScript guest: engine and glue to objects, objects to a module, library appended. Everything is kept
// in a cache under the hash of what it was made from, so a run does only what changed. Options: see options.mjs.
import { existsSync, readFileSync } from 'node:fs';
import { Cache, sha256, writeAtomic } from './cache.mjs';
import { pinnedSources } from './engine.mjs';
import { BuildError, fail, progress } from './fail.mjs';
import { finish } from './finish.mjs';
import { readLibrary } from './library.mjs';
import { installPackages } from './npm.mjs';
import { buildModule } from './objects.mjs';
import { readOptions } from './options.mjs';
import { Sources } from './sources.mjs';
import { pickToolchain } from './toolchain.mjs';

const OLDEST_NODE = 20;

async function main() {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    fail(`Node.js ${process.versions.node} is too old to build the guest`, `Install Node.js ${OLDEST_NODE} or newer.`);
  }
  const options = readOptions(process.argv.slice(2), process.env);
  progress.quiet = options.quiet;
  const guest = options.readyMade ? takeReadyMade(options.readyMade) : await build(options);
  // An unchanged file keeps its time, so that nothing behind it is built again.
  if (!existsSync(options.out) || !readFileSync(options.out).equals(guest)) writeAtomic(options.out, guest);
  progress(`${options.out}: ${guest.length} bytes, sha256 ${sha256(guest).slice(0, 16)}`);
}

async function build(options) {
  const cache = new Cache(options.cache);
  let modules = null;
  const installModules = () => (modules ??= installPackages(cache, options.guestRoot));
  const library = await readLibrary(cache, options, installModules);
  const sources = new Sources(await pinnedSources(cache, options.guestRoot), options);
  const linked = await buildModule(cache, pickToolchain(options, cache, installModules), sources);
  return finish(linked, library, options.keepNames);
}

function takeReadyMade(path) {
  if (!existsSync(path)) fail(`SKEP_JS_GUEST=${path}: no such file`);
  progress('taking the ready-made guest of SKEP_JS_GUEST');
  return readFileSync(path);
}

try {
  await main();
} catch (error) {
  process.stderr.write(error instanceof BuildError ? `js-guest: ${error.message}\n` : `js-guest: ${error.stack}\n`);
  process.exitCode = 1;
}

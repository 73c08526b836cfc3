// Compiles a guest in C where no clang for wasm32 is installed: the compiler that npm brings for the JavaScript guest, or the
// one that SKEP_CC names. Knows nothing about what is compiled.
//
//   node guest-sdk/c/cc.mjs FILE.c... -o OUT.wasm [-D NAME=VALUE]... [--command]
//
// With a clang and wasm-ld of one's own the same is
//   clang --target=wasm32 -O2 -ffreestanding -nostdlib -Wl,--no-entry -o OUT.wasm guest-sdk/c/skep_*.c FILE.c...
// With --command what is built is no guest of the SDK's but a plain program with a main, for WASI.
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Cache } from '../../js-guest/build/cache.mjs';
import { BuildError, fail } from '../../js-guest/build/fail.mjs';
import { installPackages } from '../../js-guest/build/npm.mjs';
import { pickToolchain } from '../../js-guest/build/toolchain.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '..', '..');

// The SDK's part of a guest.
const OWN = ['skep_guest.c', 'skep_host.c', 'skep_http.c', 'skep_io.c', 'skep_process.c', 'skep_text.c', 'skep_worker.c'];

// npm's clang takes ".." for ".": with -I. the headers are found by it, too.
const COMPILE = ['-O2', '-Wall', '-Wextra', '-ffreestanding', '-c', '-I.'];
// A plain WASI program stands on the C library that the compiler has.
const COMPILE_COMMAND = ['-O2', '-Wall', '-Wextra', '-c'];
const LINK_COMMAND = ['-Wl,--strip-all'];
const LINK = ['-nostdlib', '-Wl,--no-entry', '-Wl,--strip-all'];

async function main() {
  const { values, positionals } = parseArgs({
    options: {
      output: { type: 'string', short: 'o' },
      define: { type: 'string', short: 'D', multiple: true },
      command: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  if (!values.output || positionals.length === 0) fail('usage: node guest-sdk/c/cc.mjs FILE.c... -o OUT.wasm [-D NAME=VALUE]... [--command]');
  mkdirSync(join(root, 'target', 'skep-js-guest', 'stage'), { recursive: true });
  const cache = new Cache(join(root, 'target', 'skep-js-guest'));
  const environment = { systemClang: process.env.SKEP_CC || null, sysroot: process.env.SKEP_SYSROOT || null };
  const toolchain = pickToolchain(environment, cache, () => installPackages(cache, join(root, 'js-guest')));
  const lane = await toolchain.lane(false);
  try {
    const own = values.command ? [] : OWN.map((file) => join(here, file));
    writeFileSync(values.output, await build(lane, cache, own, positionals, values));
  } finally {
    lane.close();
  }
}

// The headers stand as in the tree, whose examples include them by "../skep_guest.h".
function headers() {
  return {
    'c/skep_guest.h': join(here, 'skep_guest.h'),
    'c/skep_own.h': join(here, 'skep_own.h'),
    'include/skep.h': join(here, '..', 'include', 'skep.h'),
  };
}

async function build(lane, cache, own, others, { command, define = [] }) {
  const words = [...(command ? COMPILE_COMMAND : COMPILE), '-Ic', '-Iinclude', ...define.map((name) => `-D${name}`)];
  const objects = {};
  for (const [place, file] of [...own, ...others].entries()) {
    const source = place < own.length ? `c/${basename(file)}` : `c/guest/${place}-${basename(file)}`;
    const inputs = { ...headers(), [source]: resolve(file) };
    const bytes = await lane.clang(['clang', ...words, source], inputs, 'out.o');
    const object = join(cache.root, 'stage', `${process.pid}-${place}.o`);
    writeFileSync(object, bytes);
    objects[`${place}.o`] = object;
  }
  return lane.clang(['clang', ...(command ? LINK_COMMAND : LINK), ...Object.keys(objects)], objects, 'out.wasm');
}

try {
  await main();
} catch (error) {
  process.stderr.write(error instanceof BuildError ? `cc: ${error.message}\n` : `cc: ${error.stack}\n`);
  process.exitCode = 1;
}

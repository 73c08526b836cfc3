// The build's command line and environment, read in one place. Knows no other part of the build.
//
//   node js-guest/build/main.mjs --out FILE [--cache DIR] [--glue DIR]... [--lib DIR]... [--inputs FILE] [--quiet]
//
//   --out FILE      the guest to write
//   --cache DIR     products kept from run to run (default: target/skep-js-guest beside js-guest)
//   --glue DIR      C sources in place of js-guest/glue; may be repeated. The base files there (BASE_GLUE) always count
//   --lib DIR       JavaScript modules in place of js-guest/lib; may be repeated, a later folder wins
//
//   SKEP_CC=PATH              compile with this clang (wasm32 target, wasm-ld beside it) in place of npm's
//   SKEP_SYSROOT=DIR          its WASI sysroot, where it does not find one by itself
//   SKEP_JS_GUEST=FILE        copy this ready-made guest, build nothing
//   SKEP_JS_GUEST_NAMES=1     keep function names in the guest, for profiling
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fail } from './fail.mjs';

export const BASE_GLUE = ['bulk_memory.c', 'wasi_stubs.c'];

export function readOptions(argv, env) {
  const guestRoot = dirname(dirname(fileURLToPath(import.meta.url)));
  const values = parse(argv);
  if (!values.out) fail('--out FILE is missing');
  const dirs = (list, usual) => (list ?? [join(guestRoot, usual)]).map((dir) => resolve(dir));
  return {
    guestRoot,
    out: resolve(values.out),
    cache: resolve(values.cache ?? join(guestRoot, '..', 'target', 'skep-js-guest')),
    glue: dirs(values.glue, 'glue'),
    baseGlue: join(guestRoot, 'glue'),
    engineExt: join(guestRoot, 'engine-ext'),
    lib: dirs(values.lib, 'lib'),
    sdkInclude: join(guestRoot, '..', 'guest-sdk', 'include'),
    quiet: values.quiet ?? false,
    readyMade: env.SKEP_JS_GUEST || null,
    systemClang: env.SKEP_CC || null,
    sysroot: env.SKEP_SYSROOT || null,
    keepNames: Boolean(env.SKEP_JS_GUEST_NAMES) && env.SKEP_JS_GUEST_NAMES !== '0',
  };
}

function parse(argv) {
  const options = {
    out: { type: 'string' },
    cache: { type: 'string' },
    glue: { type: 'string', multiple: true },
    lib: { type: 'string', multiple: true },
    quiet: { type: 'boolean' },
  };
  try {
    return parseArgs({ args: argv, options, strict: true }).values;
  } catch (error) {
    return fail(error.message, 'See the head of js-guest/build/options.mjs.');
  }
}

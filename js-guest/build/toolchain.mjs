// The two compilers that can build the guest, behind one shape: { id, lanes(n) -> [lane] } and
// lane.clang(args, inputs, output) -> bytes, lane.close(). Knows nothing about caching or what is compiled.
//
// `inputs` maps the paths that `args` names, as the compiler sees them, to files on disk. Both compilers see the same
// relative paths, so no folder of this machine can get into the output.
import { execFile, fork, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from './fail.mjs';

export function pickToolchain(options, cache, installModules) {
  return options.systemClang ? systemToolchain(options, cache) : npmToolchain(installModules);
}

// ---- clang as Wasm, from npm: each lane is a process of its own, since a compiler run blocks its thread.

function npmToolchain(installModules) {
  return {
    // The version is in the lock file, which names the folder; asking costs no start of the compiler.
    async id() {
      const manifest = join(await installModules(), '@yowasp', 'clang', 'package.json');
      return `npm clang ${JSON.parse(readFileSync(manifest, 'utf8')).version}`;
    },
    async lane(heavy) {
      return startWorker(join(await installModules(), '@yowasp', 'clang', 'gen', 'bundle.js'), heavy);
    },
  };
}

function startWorker(bundle, heavy) {
  // A short run ends sooner when V8 never optimises the compiler; a long one (quickjs.c) gains from it.
  const execArgv = heavy ? [] : ['--liftoff-only'];
  const script = join(dirname(fileURLToPath(import.meta.url)), 'clang-worker.mjs');
  const child = fork(script, [bundle], { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'advanced' });
  let waiting = null;
  child.on('message', (answer) => waiting?.resolve(answer));
  child.on('exit', (code) => waiting?.reject(new Error(`the compiler process ended (${code}); is memory short?`)));
  return {
    async clang(args, inputs, output) {
      const answer = await new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        child.send({ args, inputs, output });
      });
      waiting = null;
      return checked(answer, args);
    },
    close: () => child.kill(),
  };
}

// ---- a clang of the developer's own

function systemToolchain({ systemClang, sysroot }, cache) {
  const version = spawnSync(systemClang, ['--version'], { encoding: 'utf8' });
  if (version.error || version.status !== 0) {
    fail(`SKEP_CC=${systemClang} does not run: ${version.error?.message ?? version.stderr}`);
  }
  // The older name of the target: sysroots that distributions pack lie in folders of that name.
  const target = ['--target=wasm32-wasi', '-Wno-deprecated', ...(sysroot ? [`--sysroot=${sysroot}`] : [])];
  // Two installs of one version can differ in their libraries: the sysroot is part of the name.
  const id = `system ${systemClang} ${version.stdout.split('\n')[0]} ${sysroot ?? ''}`;
  return {
    id: async () => id,
    lane: async () => ({
      clang: (args, inputs, output) => runInStage(cache, systemClang, [...target, ...args.slice(1)], inputs, output),
      close() {},
    }),
  };
}

async function runInStage(cache, program, args, inputs, output) {
  mkdirSync(join(cache.root, 'stage'), { recursive: true });
  const stage = mkdtempSync(join(cache.root, 'stage', 's'));
  try {
    for (const [name, file] of Object.entries(inputs)) {
      mkdirSync(dirname(join(stage, name)), { recursive: true });
      copyFileSync(file, join(stage, name));
    }
    const prefix = [`-ffile-prefix-map=${stage}/=`];
    const answer = await new Promise((resolve) => {
      execFile(program, [...prefix, ...args, '-o', output], { cwd: stage }, (error, _out, stderr) => {
        resolve({ stderr, error: error && !stderr ? error.message : null, failed: Boolean(error) });
      });
    });
    if (!answer.failed) answer.bytes = readFileSync(join(stage, output));
    return checked(answer, args);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

function checked({ bytes, stderr, error }, args) {
  if (!bytes) fail(`clang failed: ${args.filter((arg) => arg.endsWith('.c')).join(' ') || 'link'}`, stderr || error || '');
  if (stderr) process.stderr.write(stderr);
  return bytes;
}

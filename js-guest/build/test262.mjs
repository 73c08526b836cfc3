// Runs test262 on the engine as it is built and patched, and holds the outcome against upstream's own list of errors.
//   node js-guest/build/test262.mjs --suite DIR --conf FILE --errors FILE
//        [--grep TEXT] [--jobs 2] [--timeout 60] [--failed FILE]
//
//   --suite DIR     a checkout of tc39/test262, of the commit that quickjs-ng's tag v0.16.2 pins (5ef1e5723be9)
//   --conf, --errors    test262.conf and test262_errors.txt of that tag
//   --grep TEXT     only tests with TEXT in their path
//   --timeout N     seconds for one run of one test
//   --failed FILE   writes every failure there, known or not, a line each
//
// As upstream's runner does, each test is run sloppy and strict unless its flags say otherwise. Skipped are what the
// conf excludes, features that it skips, what one thread cannot do (agents; blocking in Atomics.wait), and
// UNLIKE_UPSTREAM.
// Ends with 1 when a run fails that is not in upstream's list. Must not know the engine's inside.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { readConf, readErrors, runName } from './test262/conf.mjs';
import { readMeta } from './test262/meta.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const HOST_STACK_MB = 48;
const NICE = 5;
const PROGRESS_RUNS = 5000;
const AGENT = /\$262\.agent\b/;

// What upstream has and we have not, on purpose: a reason for each.
const UNLIKE_UPSTREAM = new Map([
  ['error-stack-accessor', 'as in Node 20, an error owns its stack (patches/40-stack-traces.patch)'],
]);

const { values: options } = parseArgs({
  options: {
    suite: { type: 'string' },
    conf: { type: 'string' },
    errors: { type: 'string' },
    grep: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
    timeout: { type: 'string', default: '60' },
    failed: { type: 'string' },
  },
});

function buildEngine() {
  const folder = mkdtempSync(join(tmpdir(), 'skep-test262-'));
  try {
    const file = join(folder, 'engine.wasm');
    const args = [join(HERE, 'main.mjs'), '--quiet', '--glue', join(HERE, 'test262', 'glue'), '--lib', folder, '--out', file];
    const run = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'inherit', 'inherit'] });
    if (run.status !== 0) process.exit(2);
    return new WebAssembly.Module(readFileSync(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// ---- which runs there are

function* testsOf(suite, conf, skipped) {
  const skip = (reason) => skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
  const files = readdirSync(join(suite, 'test'), { recursive: true }).sort()
    .map((name) => `test262/test/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.js') && !path.includes('_FIXTURE') && path.includes(options.grep));
  for (const path of files) {
    if (conf.excluded(path)) {
      skip('excluded by the conf');
      continue;
    }
    const text = readFileSync(join(suite, path.slice('test262/'.length)), 'utf8');
    const meta = readMeta(text);
    const reason = reasonToSkip(meta, text, conf);
    if (reason) skip(reason);
    else yield* runsOf(path, meta);
  }
}

function reasonToSkip({ features, flags, includes }, text, conf) {
  const unknown = features.find((name) => !conf.features.has(name));
  if (unknown) return `feature that the conf does not name: ${unknown}`;
  if (features.some((name) => conf.features.get(name))) return 'feature that the conf skips';
  const unlike = features.find((name) => UNLIKE_UPSTREAM.has(name));
  if (unlike) return `${unlike}: ${UNLIKE_UPSTREAM.get(unlike)}`;
  if (flags.includes('CanBlockIsTrue')) return 'the thread would have to block';
  if (includes.includes('atomicsHelper.js') || AGENT.test(text)) return 'agents (threads)';
  return null;
}

function* runsOf(path, meta) {
  const is = (flag) => meta.flags.includes(flag);
  if (!is('onlyStrict')) yield { path, meta, strict: false };
  if (!is('noStrict') && !is('raw') && !is('module')) yield { path, meta, strict: true };
}

// ---- running them

// One lane is one thread at a time; a test that takes too long costs the thread.
async function runLane(module, suite, tests, tell) {
  let worker = null;
  for (const test of tests) {
    worker ??= new Worker(join(HERE, 'test262', 'worker.mjs'), {
      workerData: { module, suite },
      resourceLimits: { stackSizeMb: HOST_STACK_MB },
    });
    const verdict = await runOne(worker, test);
    if (verdict === null) {
      await worker.terminate();
      worker = null;
    }
    tell(test, verdict ?? `no end within ${options.timeout} s`);
  }
  await worker?.terminate();
}

// The verdict, or null when the worker is of no use any more.
function runOne(worker, test) {
  return new Promise((done) => {
    const onMessage = ({ verdict }) => end(verdict);
    const onError = (error) => {
      process.stderr.write(`${test.path}: ${error.message}\n`);
      end(null);
    };
    const timer = setTimeout(() => end(null), Number(options.timeout) * 1000);
    const end = (verdict) => {
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError);
      done(verdict);
    };
    worker.on('message', onMessage).on('error', onError);
    worker.postMessage(test);
  });
}

async function main() {
  for (const name of ['suite', 'conf', 'errors']) {
    if (!options[name]) throw new Error(`--${name} is missing: see the head of ${fileURLToPath(import.meta.url)}`);
  }
  setPriority(NICE);
  const suite = resolve(options.suite);
  const known = readErrors(options.errors);
  const skipped = new Map();
  const outcome = { passed: 0, known: [], changed: [], fresh: [], mended: [] };
  const tests = testsOf(suite, readConf(options.conf), skipped);
  const module = buildEngine();
  let runs = 0;
  const tell = (test, verdict) => {
    count(outcome, known, runName(test.path, test.strict), verdict);
    if (++runs % PROGRESS_RUNS === 0) process.stderr.write(`${runs} runs, now at ${test.path}\n`);
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, () => runLane(module, suite, tests, tell)));
  report(outcome, skipped);
  process.exitCode = outcome.fresh.length > 0 ? 1 : 0;
}

function count(outcome, known, name, verdict) {
  const before = known.get(name);
  if (verdict === '') {
    outcome.passed++;
    if (before !== undefined) outcome.mended.push(name);
  } else if (before === undefined) {
    outcome.fresh.push(`${name}: ${verdict}`);
    process.stdout.write(`NEW ${name}: ${verdict}\n`);
  } else {
    outcome.known.push(`${name}: ${verdict}`);
    if (before !== verdict.trim()) outcome.changed.push(`${name}: ${verdict}, upstream: ${before}`);
  }
}

function report({ passed, known, changed, fresh, mended }, skipped) {
  for (const line of changed) process.stdout.write(`OTHER WORDS ${line}\n`);
  for (const line of mended) process.stdout.write(`PASSES, but not upstream ${line}\n`);
  for (const [reason, number] of skipped) process.stdout.write(`skipped ${number} tests: ${reason}\n`);
  process.stdout.write(`runs: ${passed} passed, ${known.length + fresh.length} failed, of which ${known.length} are in `
    + `upstream's list and ${fresh.length} are not; ${mended.length} of the list pass\n`);
  if (options.failed) writeFileSync(options.failed, [...known, ...fresh].map((line) => `${line}\n`).join(''));
}

await main();

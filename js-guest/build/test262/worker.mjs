// A thread that runs tests of test262, each in an instance of its own. Gets { path, strict, meta }, answers
// { verdict: '' } or what went wrong. Must not know upstream's lists, nor what was run before.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';

const { module, suite } = workerData;
const MODULE = 1;
const STRICT = 2;
const ASYNC = 4;
const EARLY = 1;
const harness = new Map();

class Instance {
  printed = [];
  #loaded = null;

  constructor() {
    const text = (at, size) => Buffer.from(this.wasm.memory.buffer, at, size).toString('utf8');
    const skep = {
      print: (at, size) => { this.printed.push(text(at, size)); },
      clock: () => Date.now(),
      load: (at, size) => {
        this.#loaded = readTest(text(at, size));
        return this.#loaded?.length ?? -1;
      },
      take: (at) => { this.#loaded.copy(Buffer.from(this.wasm.memory.buffer), at); },
    };
    this.wasm = new WebAssembly.Instance(module, { skep }).exports;
    this.wasm._initialize();
    this.wasm.start(1n);
  }

  evaluate(bytes, name, flags) {
    return this.wasm.evaluate(this.#put(bytes), bytes.length, this.#put(Buffer.from(`${name}\0`)), flags);
  }

  message() {
    const size = this.wasm.message_size();
    return Buffer.from(this.wasm.memory.buffer, this.wasm.message(), size).toString('utf8');
  }

  #put(bytes) {
    const at = this.wasm.buffer(bytes.length);
    bytes.copy(Buffer.from(this.wasm.memory.buffer), at);
    return at;
  }
}

// A name begins with test262/, as in upstream's lists.
function readTest(name) {
  try {
    return readFileSync(join(suite, '..', name.replace(/^test262/, suite.split('/').at(-1))));
  } catch {
    return null;
  }
}

function include(instance, file) {
  if (!harness.has(file)) harness.set(file, readTest(`test262/harness/${file}`));
  if (instance.evaluate(harness.get(file), file, 0) !== 0) throw new Error(`${file}: ${instance.message()}`);
}

function run({ path, strict, meta: { flags, includes, negative } }) {
  const instance = new Instance();
  const is = (flag) => flags.includes(flag);
  if (!is('raw')) {
    for (const file of ['assert.js', 'sta.js', ...(is('async') ? ['doneprintHandle.js'] : []), ...includes]) include(instance, file);
  }
  const bits = (is('module') ? MODULE : 0) | (strict ? STRICT : 0) | (is('async') ? ASYNC : 0);
  const failed = instance.evaluate(readTest(path), path, bits);
  if (negative) return judgeNegative(negative, failed, failed ? instance.message() : '', is('module'));
  if (failed) return instance.message() || 'an empty exception';
  return is('async') ? judgeAsync(instance.printed) : '';
}

// As upstream's runner judges: by the error's type. ($DONOTEVALUATE, which such tests call, throws what is of none.) An
// error of a script's syntax must come before any of it has run, too; a module's may wait for the linking.
function judgeNegative({ phase, type }, failed, message, isModule) {
  if (!failed) return 'expected error';
  if (message.split(':')[0] !== type) return `unexpected error type: ${message}`;
  return phase === 'parse' && failed !== EARLY && !isModule ? `not before it ran: ${message}` : '';
}

function judgeAsync(printed) {
  const failure = printed.find((line) => line.startsWith('Test262:AsyncTestFailure'));
  if (failure) return failure;
  return printed.filter((line) => line === 'Test262:AsyncTestComplete').length === 1 ? '' : 'TypeError: $DONE() not called';
}

parentPort.on('message', (test) => {
  let verdict;
  try {
    verdict = run(test);
  } catch (error) {
    verdict = `TRAP ${error.message}`;
  }
  parentPort.postMessage({ verdict });
});

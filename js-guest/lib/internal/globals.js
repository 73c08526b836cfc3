// The global scope: what Node puts there beside the language's own. What is big is made when it is first touched. Must not
// know how any of it works.
'use strict';

const tasks = internalBinding('tasks');

function define(name, value, enumerable = false) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable });
}

// A getter that becomes a plain property when it is used or set.
function lazy(name, load, enumerable = false) {
  Object.defineProperty(globalThis, name, {
    configurable: true,
    enumerable,
    get() {
      const value = load();
      define(name, value, enumerable);
      return value;
    },
    set(value) { define(name, value, enumerable); },
  });
}

// A module that is not built gives a function that throws.
function member(id, name) {
  const { ids } = require('internal/bootstrap');
  if (!ids.has(id) && !require('internal/missing').ids.includes(id)) return missing(name);
  return require(id)[name];
}

define('global', globalThis, true);
Object.defineProperty(globalThis, Symbol.toStringTag, { value: 'global', writable: false, configurable: true, enumerable: false });
// What the engine brings and Node 20 has not.
for (const name of ['performance', 'navigator', 'DOMException', 'queueMicrotask', 'btoa', 'atob']) delete globalThis[name];

delete Error.isError;
require('internal/locale').install();

let theProcess = process;
Object.defineProperty(globalThis, 'process', {
  configurable: true, enumerable: false, get: () => theProcess, set(value) { theProcess = value; },
});
let theBuffer;
Object.defineProperty(globalThis, 'Buffer', {
  configurable: true, enumerable: false, get: () => theBuffer ??= require('buffer').Buffer, set(value) { theBuffer = value; },
});

// ---- Timers and tasks: enumerable, as in Node ----

function queueMicrotask(callback) {
  require('internal/validators').validateFunction(callback, 'callback');
  tasks.enqueueMicrotask(callback);
}

const timers = require('timers');
for (const name of ['clearImmediate', 'setImmediate', 'clearInterval', 'clearTimeout', 'setInterval', 'setTimeout']) {
  define(name, timers[name], true);
}
define('queueMicrotask', queueMicrotask, true);
lazy('structuredClone', () => member('internal/structured_clone', 'structuredClone'), true);
lazy('atob', () => require('buffer').atob, true);
lazy('btoa', () => require('buffer').btoa, true);
lazy('performance', () => require('perf_hooks').performance, true);

// ---- Classes ----

const CLASSES = {
  'internal/event_target': ['Event', 'EventTarget'],
  'internal/abort_controller': ['AbortController', 'AbortSignal'],
  'internal/domexception': ['DOMException'],
  'internal/encoding': ['TextEncoder', 'TextDecoder'],
  'internal/deps/undici': ['FormData', 'Headers', 'Request', 'Response'],
  'buffer': ['Blob', 'File'],
  'perf_hooks': ['PerformanceEntry', 'PerformanceMark', 'PerformanceMeasure', 'PerformanceObserver',
    'PerformanceObserverEntryList', 'PerformanceResourceTiming'],
  'stream/web': ['ReadableStream', 'ReadableStreamDefaultReader', 'ReadableStreamBYOBReader', 'ReadableStreamBYOBRequest',
    'ReadableByteStreamController', 'ReadableStreamDefaultController', 'TransformStream', 'TransformStreamDefaultController',
    'WritableStream', 'WritableStreamDefaultController', 'WritableStreamDefaultWriter', 'ByteLengthQueuingStrategy',
    'CountQueuingStrategy', 'TextEncoderStream', 'TextDecoderStream', 'CompressionStream', 'DecompressionStream'],
  'worker_threads': ['MessageChannel', 'MessagePort', 'MessageEvent', 'BroadcastChannel'],
};
for (const [id, names] of Object.entries(CLASSES)) {
  for (const name of names) lazy(name, () => member(id, name));
}
lazy('Intl', () => member('internal/intl/intl', 'Intl'));
lazy('console', () => require('console'));
lazy('crypto', () => require('crypto').webcrypto, true);
lazy('Crypto', () => require('crypto').webcrypto.constructor);

for (const name of ['CryptoKey', 'SubtleCrypto']) lazy(name, () => require('internal/crypto/subtle')[name]);

define('fetch', function fetch(input, init = undefined) {
  return require('internal/fetch').fetch(input, init, fetch);
}, true);

// ---- Not built ----

// Whoever can do without looks for the names: there is no WebSocket and no EventSource, as in Node 20; nor is there
// WebAssembly, which would need a compiler in the guest.
delete globalThis.WebAssembly;

module.exports = { define, lazy };

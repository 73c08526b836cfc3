// Signals that follow others: each fires once, in order, and a long-lived signal keeps none of those that nobody holds or
// listens to. Prints `abort ok`. What Node prints is the same.
'use strict';
const assert = require('assert');
const { getEventListeners } = require('events');
const seen = [];
const long = new AbortController(), other = new AbortController();

// Nobody listens: nothing stays.
for (let i = 0; i < 1000; i++) AbortSignal.any([long.signal, other.signal]);
assert.strictEqual(getEventListeners(long.signal, 'abort').length, 0);

// Nobody holds them, somebody listens: they fire.
const listen = (name, signals) => {
  AbortSignal.any(signals).addEventListener('abort', ({ target }) => seen.push(`${name}:${target.reason}`));
};
listen('one', [long.signal]);
listen('both', [other.signal, long.signal]);
const inner = AbortSignal.any([long.signal]);
listen('nested', [inner]);
AbortSignal.any([long.signal]).onabort = () => seen.push('handler');
const left = AbortSignal.any([long.signal]);
const late = () => seen.push('never');
left.addEventListener('abort', late);
left.removeEventListener('abort', late);
long.signal.addEventListener('abort', (event) => {
  seen.push('source');
  event.stopImmediatePropagation();
});

// Collected, if the engine collects: the weak reference tells.
let weak;
(() => { weak = new WeakRef(AbortSignal.any([long.signal])); })();

setTimeout(() => {
  globalThis.gc?.();
  if (globalThis.gc) assert.strictEqual(weak.deref(), undefined);
  long.abort('why');
  other.abort('too late');
  assert.deepStrictEqual(seen, ['source', 'one:why', 'both:why', 'nested:why', 'handler']);
  assert.strictEqual(inner.reason, 'why');
  assert.strictEqual(left.aborted, true);
  const done = AbortSignal.any([other.signal, long.signal]);
  assert.deepStrictEqual([done.aborted, done.reason], [true, 'too late']);
  assert.strictEqual(AbortSignal.any([]).aborted, false);
  assert.throws(() => AbortSignal.any([{}]), { code: 'ERR_INVALID_ARG_TYPE' });
  console.log('abort ok');
}, 1);

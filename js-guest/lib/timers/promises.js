// node:timers/promises: timers as promises and async iterators, ended early by an AbortSignal. Must not know how timers
// are kept.
'use strict';

const { Timeout, Immediate, start, stop, stopImmediate } = require('internal/timers');
const { AbortError, codes: { ERR_ILLEGAL_CONSTRUCTOR, ERR_INVALID_THIS } } = require('internal/errors');
const { validateAbortSignal, validateBoolean, validateObject } = require('internal/validators');

// What a bad argument is told by: a rejected promise, never a throw.
function readOptions(options) {
  validateObject(options, 'options');
  const { signal, ref = true } = options;
  validateAbortSignal(signal, 'options.signal');
  validateBoolean(ref, 'options.ref');
  return { signal, ref };
}

function wait(begin, end, value, options) {
  let settings;
  try {
    settings = readOptions(options);
  } catch (error) {
    return Promise.reject(error);
  }
  const { signal, ref } = settings;
  if (signal?.aborted) return Promise.reject(new AbortError(undefined, { cause: signal.reason }));
  return new Promise((resolve, reject) => {
    function onAbort() {
      end(handle);
      reject(new AbortError(undefined, { cause: signal.reason }));
    }
    const handle = begin(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(value);
    }, ref);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function setTimeout(after, value, options = {}) {
  return wait((done, ref) => {
    const timer = new Timeout(done, after, undefined, false, ref);
    start(timer);
    return timer;
  }, stop, value, options);
}

function setImmediate(value, options = {}) {
  return wait((done, ref) => {
    const immediate = new Immediate(done, undefined);
    if (!ref) immediate.unref();
    return immediate;
  }, stopImmediate, value, options);
}

async function* setInterval(after, value, options = {}) {
  const { signal, ref } = readOptions(options);
  if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
  let due = 0;
  let wake;
  const interval = new Timeout(() => {
    due++;
    wake?.();
  }, after, undefined, true, ref);
  start(interval);
  const onAbort = () => {
    stop(interval);
    wake?.();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal?.aborted) {
      if (due === 0) await new Promise((resolve) => { wake = resolve; });
      for (; due > 0; due--) yield value;
    }
    throw new AbortError(undefined, { cause: signal?.reason });
  } finally {
    stop(interval);
    signal?.removeEventListener('abort', onAbort);
  }
}

const kScheduler = Symbol('kScheduler');

class Scheduler {
  constructor() {
    throw new ERR_ILLEGAL_CONSTRUCTOR();
  }

  yield() {
    if (!this[kScheduler]) throw new ERR_INVALID_THIS('Scheduler');
    return setImmediate();
  }

  wait(delay, options) {
    if (!this[kScheduler]) throw new ERR_INVALID_THIS('Scheduler');
    return setTimeout(delay, undefined, options);
  }
}

const scheduler = Object.create(Scheduler.prototype, { [kScheduler]: { value: true } });

module.exports = { setTimeout, setImmediate, setInterval, scheduler };

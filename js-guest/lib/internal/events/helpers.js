// events.once (a promise) and events.on (an async iterator), for emitters and event targets. Knows nothing of how
// an emitter keeps its listeners: public methods only.
'use strict';

const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');
const { validateAbortSignal, validateInteger } = require('internal/validators');

const AsyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype);

function listen(target, name, listener, once) {
  if (typeof target.on === 'function') {
    if (once) target.once(name, listener);
    else target.on(name, listener);
  } else if (typeof target.addEventListener === 'function') {
    target.addEventListener(name, listener, { once });
  } else {
    throw new ERR_INVALID_ARG_TYPE('emitter', 'EventEmitter', target);
  }
}

function unlisten(target, name, listener) {
  if (typeof target.removeListener === 'function') target.removeListener(name, listener);
  else if (typeof target.removeEventListener === 'function') target.removeEventListener(name, listener);
  else throw new ERR_INVALID_ARG_TYPE('emitter', 'EventEmitter', target);
}

module.exports = function({ kErrorMonitor, AbortError, validateObject }) {
  async function once(emitter, name, options = {}) {
    validateObject(options, 'options');
    const { signal } = options;
    validateAbortSignal(signal, 'options.signal');
    if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
    return new Promise((resolve, reject) => {
      const onError = (error) => {
        emitter.removeListener(name, onEvent);
        if (signal) unlisten(signal, 'abort', onAbort);
        reject(error);
      };
      const onEvent = (...args) => {
        if (typeof emitter.removeListener === 'function') emitter.removeListener('error', onError);
        if (signal) unlisten(signal, 'abort', onAbort);
        resolve(args);
      };
      const onAbort = () => {
        unlisten(emitter, name, onEvent);
        unlisten(emitter, 'error', onError);
        reject(new AbortError(undefined, { cause: signal.reason }));
      };
      listen(emitter, name, onEvent, true);
      if (name !== 'error' && typeof emitter.once === 'function') emitter.once('error', onError);
      if (signal) listen(signal, 'abort', onAbort, true);
    });
  }

  function on(emitter, name, options = {}) {
    validateObject(options, 'options');
    const { signal } = options;
    validateAbortSignal(signal, 'options.signal');
    if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
    // Both spellings were released; the second one is the older.
    const highWaterMark = options.highWaterMark ?? options.highWatermark ?? Number.MAX_SAFE_INTEGER;
    const lowWaterMark = options.lowWaterMark ?? options.lowWatermark ?? 1;
    validateInteger(highWaterMark, 'options.highWaterMark', 1);
    validateInteger(lowWaterMark, 'options.lowWaterMark', 1);

    const events = [];
    const waiting = [];
    const listening = [];
    let paused = false, failure = null, finished = false;

    const add = (target, type, listener, onlyOnce) => {
      listen(target, type, listener, onlyOnce);
      listening.push([target, type, listener]);
    };
    const close = () => {
      for (const [target, type, listener] of listening.splice(0)) unlisten(target, type, listener);
      finished = true;
      for (const { resolve } of waiting.splice(0)) resolve({ value: undefined, done: true });
      return Promise.resolve({ value: undefined, done: true });
    };
    const fail = (error) => {
      const first = waiting.shift();
      if (first) first.reject(error);
      else failure = error;
      close();
    };
    const onEvent = (...args) => {
      const first = waiting.shift();
      if (first) {
        first.resolve({ value: args, done: false });
        return;
      }
      events.push(args);
      if (!paused && events.length > highWaterMark && typeof emitter.pause === 'function') {
        paused = true;
        emitter.pause();
      }
    };
    const onAbort = () => fail(new AbortError(undefined, { cause: signal.reason }));

    const iterator = Object.setPrototypeOf({
      next() {
        if (events.length > 0) {
          const value = events.shift();
          if (paused && events.length < lowWaterMark) {
            emitter.resume();
            paused = false;
          }
          return Promise.resolve({ value, done: false });
        }
        if (failure) {
          const rejection = Promise.reject(failure);
          failure = null;
          return rejection;
        }
        if (finished) return close();
        return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
      },
      return() { return close(); },
      throw(error) {
        if (!(error instanceof Error)) throw new ERR_INVALID_ARG_TYPE('EventEmitter.AsyncIterator', 'Error', error);
        fail(error);
      },
      [Symbol.asyncIterator]() { return this; },
    }, AsyncIteratorPrototype);

    add(emitter, name, onEvent, false);
    if (name !== 'error' && typeof emitter.on === 'function') add(emitter, 'error', fail, false);
    for (const type of options.close ?? []) add(emitter, type, close, false);
    if (signal) add(signal, 'abort', onAbort, true);
    return iterator;
  }

  return { once, on };
};

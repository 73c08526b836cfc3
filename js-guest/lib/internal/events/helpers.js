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

// events.on's iterator: what was emitted and not yet asked for, or who asked and has not been answered.
class EventIterator {
  #emitter;
  #low;
  #high;
  #events = [];
  #waiting = [];
  #listening = [];
  #paused = false;
  #failure = null;
  #finished = false;

  constructor(emitter, low, high) {
    this.#emitter = emitter;
    this.#low = low;
    this.#high = high;
  }

  // For who wants to see how far the reader is behind.
  watermark() {
    const events = () => this.#events.length, paused = () => this.#paused;
    return { get size() { return events(); }, low: this.#low, high: this.#high, get isPaused() { return paused(); } };
  }

  add(target, type, listener, onlyOnce = false) {
    listen(target, type, listener, onlyOnce);
    this.#listening.push([target, type, listener]);
  }

  take = (...args) => {
    const first = this.#waiting.shift();
    if (first) {
      first.resolve({ value: args, done: false });
      return;
    }
    this.#events.push(args);
    if (!this.#paused && this.#events.length > this.#high && typeof this.#emitter.pause === 'function') {
      this.#paused = true;
      this.#emitter.pause();
    }
  };

  fail = (error) => {
    const first = this.#waiting.shift();
    if (first) first.reject(error);
    else this.#failure = error;
    this.close();
  };

  close = () => {
    for (const [target, type, listener] of this.#listening.splice(0)) unlisten(target, type, listener);
    this.#finished = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  };

  next() {
    if (this.#events.length > 0) {
      const value = this.#events.shift();
      if (this.#paused && this.#events.length < this.#low) {
        this.#emitter.resume();
        this.#paused = false;
      }
      return Promise.resolve({ value, done: false });
    }
    if (this.#failure) {
      const rejection = Promise.reject(this.#failure);
      this.#failure = null;
      return rejection;
    }
    if (this.#finished) return this.close();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
}

// What a caller sees of it: next, return, throw, and that it can be iterated.
function publicIterator(inner) {
  return Object.setPrototypeOf({
    next: () => inner.next(),
    return: () => inner.close(),
    throw(error) {
      if (!(error instanceof Error)) throw new ERR_INVALID_ARG_TYPE('EventEmitter.AsyncIterator', 'Error', error);
      inner.fail(error);
    },
    [Symbol.asyncIterator]() { return this; },
    [Symbol.for('nodejs.watermarkData')]: inner.watermark(),
  }, AsyncIteratorPrototype);
}

module.exports = function({ AbortError, validateObject }) {
  function signalOf(options) {
    validateObject(options, 'options');
    const { signal } = options;
    validateAbortSignal(signal, 'options.signal');
    if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
    return signal;
  }

  async function once(emitter, name, options = {}) {
    const signal = signalOf(options);
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
    const signal = signalOf(options);
    // Both spellings were released; the second one is the older.
    const high = options.highWaterMark ?? options.highWatermark ?? Number.MAX_SAFE_INTEGER;
    const low = options.lowWaterMark ?? options.lowWatermark ?? 1;
    validateInteger(high, 'options.highWaterMark', 1);
    validateInteger(low, 'options.lowWaterMark', 1);
    const inner = new EventIterator(emitter, low, high);
    inner.add(emitter, name, inner.take);
    if (name !== 'error' && typeof emitter.on === 'function') inner.add(emitter, 'error', inner.fail);
    for (const type of options.close ?? []) inner.add(emitter, type, inner.close);
    if (signal) inner.add(signal, 'abort', () => inner.fail(new AbortError(undefined, { cause: signal.reason })), true);
    return publicIterator(inner);
  }

  return { once, on };
};

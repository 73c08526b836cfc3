// A Readable as an async iterator. An object with methods, where Node has a generator: what is there already costs one
// promise, and return() destroys the stream at once. Must not know how a chunk is kept.
'use strict';

const eos = require('./end-of-stream');
const { destroyer } = require('./destroy');
const { aggregateTwoErrors } = require('internal/errors');
const { validateObject } = require('internal/validators');

const AsyncIteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype);
const nop = () => {};
const result = (value) => ({ value, done: false });
const NEW = 0;
const READING = 1;
const DONE = 2;

class ReadableIterator {
  #options;
  #phase = NEW;
  #failure; // undefined while the stream goes on, null after a good end
  #wake = nop;
  #cleanup = nop;
  #pending = 0; // requests without an answer
  #last; // the answer to the latest of them
  #onReadable = () => { this.#awake(); };

  constructor(stream, options) {
    this.stream = stream;
    this.#options = options;
  }

  next() { return this.#inTurn(() => this.#step()); }
  return(value) { return this.#inTurn(() => this.#leave(value)); }
  throw(error) { return this.#inTurn(() => this.#fail(error)); }

  // One request after the other, as a generator answers them.
  #inTurn(request) {
    if (this.#pending === 0) return request();
    this.#last = this.#later(this.#last, request, request);
    return this.#last;
  }

  // Requests that queue up already go on waiting for the one they wait for.
  #later(promise, answer, failed) {
    const answered = promise.then((value) => {
      this.#pending--;
      return answer(value);
    }, (error) => {
      this.#pending--;
      return failed(error);
    });
    if (this.#pending++ === 0) this.#last = answered;
    return answered;
  }

  #awake() {
    const wake = this.#wake;
    this.#wake = nop;
    wake();
  }

  #start() {
    this.#phase = READING;
    const { stream } = this;
    stream.on('readable', this.#onReadable);
    this.#cleanup = eos(stream, { writable: false }, (error) => {
      this.#failure = error ? aggregateTwoErrors(this.#failure, error) : null;
      this.#awake();
    });
  }

  #step() {
    if (this.#phase === DONE) return Promise.resolve({ value: undefined, done: true });
    if (this.#phase === NEW) this.#start();
    const { stream } = this;
    let chunk;
    try {
      chunk = stream.destroyed ? null : stream.read();
    } catch (error) {
      return this.#fail(error);
    }
    // A tick later, as a generator's yield: what is aborted meanwhile is not begun.
    if (chunk !== null) return this.#later(Promise.resolve(chunk), result, (error) => this.#fail(error));
    if (this.#failure) return this.#fail(this.#failure);
    if (this.#failure === null) return this.#leave(undefined);
    return this.#later(new Promise((resolve) => { this.#wake = resolve; }), () => this.#step());
  }

  #fail(error) {
    if (this.#phase === READING) {
      this.#failure = error = aggregateTwoErrors(this.#failure, error);
      this.#finish();
    }
    this.#phase = DONE;
    return Promise.reject(error);
  }

  #leave(value) {
    if (this.#phase === READING) this.#finish();
    this.#phase = DONE;
    return Promise.resolve(value).then((result) => ({ value: result, done: true }));
  }

  #finish() {
    const { stream } = this;
    const failure = this.#failure;
    const destroys = failure || this.#options?.destroyOnReturn !== false;
    if (destroys && (failure === undefined || stream._readableState.autoDestroy)) {
      destroyer(stream, null);
    } else {
      stream.off('readable', this.#onReadable);
      this.#cleanup();
    }
  }
}
Object.setPrototypeOf(ReadableIterator.prototype, AsyncIteratorPrototype);

module.exports = function addIterator(Readable) {
  function iterate(stream, options) {
    if (typeof stream.read !== 'function') stream = Readable.wrap(stream, { objectMode: true });
    return new ReadableIterator(stream, options);
  }
  Readable.prototype[Symbol.asyncIterator] = function() {
    return iterate(this);
  };
  Readable.prototype.iterator = function(options) {
    if (options !== undefined) validateObject(options, 'options');
    return iterate(this, options);
  };
};

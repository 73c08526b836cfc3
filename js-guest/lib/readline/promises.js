// node:readline/promises: Interface whose questions are promises, and Readline, which gathers terminal commands until they are
// committed. Must not know lines or keys.
'use strict';

const { Interface: Base } = require('internal/readline/interface');
const { CSI, lineClearing, motion } = require('internal/readline/callbacks');
const { validateAbortSignal, validateBoolean, validateInteger } = require('internal/validators');
const { AbortError, codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');

class Interface extends Base {
  question(query, options = {}) {
    return new Promise((resolve, reject) => {
      let done = resolve;
      const signal = options?.signal;
      if (signal) {
        validateAbortSignal(signal, 'options.signal');
        if (signal.aborted) {
          reject(new AbortError(undefined, { cause: signal.reason }));
          return;
        }
        const onAbort = () => {
          this._questionCancel();
          reject(new AbortError(undefined, { cause: signal.reason }));
        };
        signal.addEventListener('abort', onAbort, { once: true });
        done = (answer) => {
          signal.removeEventListener('abort', onAbort);
          resolve(answer);
        };
      }
      this._question(query, done);
    });
  }
}

class Readline {
  #stream;
  #autoCommit = false;
  #commands = [];

  constructor(stream, options = undefined) {
    if (typeof stream?.write !== 'function' || typeof stream.on !== 'function') {
      throw new ERR_INVALID_ARG_TYPE('stream', 'Writable', stream);
    }
    this.#stream = stream;
    if (options?.autoCommit === undefined) return;
    validateBoolean(options.autoCommit, 'options.autoCommit');
    this.#autoCommit = options.autoCommit;
  }

  #add(data) {
    if (this.#autoCommit) process.nextTick(() => this.#stream.write(data));
    else this.#commands.push(data);
    return this;
  }

  cursorTo(x, y = undefined) {
    validateInteger(x, 'x');
    if (y !== undefined && y !== null) validateInteger(y, 'y');
    return this.#add(y === undefined || y === null ? `${CSI}${x + 1}G` : `${CSI}${y + 1};${x + 1}H`);
  }

  moveCursor(dx, dy) {
    if (dx || dy) {
      validateInteger(dx, 'dx');
      validateInteger(dy, 'dy');
      this.#add(motion(dx, dy));
    }
    return this;
  }

  clearLine(dir) {
    validateInteger(dir, 'dir', -1, 1);
    return this.#add(lineClearing(dir));
  }

  clearScreenDown() { return this.#add(`${CSI}0J`); }

  commit() {
    return new Promise((resolve) => {
      this.#stream.write(this.#commands.join(''), () => resolve());
      this.#commands = [];
    });
  }

  rollback() {
    this.#commands = [];
    return this;
  }
}

module.exports = {
  Interface,
  Readline,
  createInterface: (input, output, completer, terminal) => new Interface(input, output, completer, terminal),
};

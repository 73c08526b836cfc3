// node:readline: Interface with callbacks, and functions on terminals. Must not know lines or keys.
'use strict';

const { Interface: Base } = require('internal/readline/interface');
const { emitKeypressEvents } = require('internal/readline/keys');
const { clearLine, clearScreenDown, cursorTo, moveCursor } = require('internal/readline/callbacks');
const { promisify } = require('internal/util');
const { validateAbortSignal } = require('internal/validators');
const { AbortError } = require('internal/errors');

function Interface(input, output, completer, terminal) {
  if (!(this instanceof Interface)) return new Interface(input, output, completer, terminal);
  Reflect.apply(Base, this, [input, output, completer, terminal]);
  // A completer of one argument answers at once.
  const given = this.completer;
  if (typeof given === 'function' && given.length !== 2) this.completer = (line, callback) => callback(null, given(line));
}
Object.setPrototypeOf(Interface.prototype, Base.prototype);
Object.setPrototypeOf(Interface, Base);

// Answers the callback that the question gets, or undefined when it was cancelled before it was asked.
function cancellable(rl, signal, callback) {
  if (!signal) return callback;
  validateAbortSignal(signal, 'options.signal');
  if (signal.aborted) return undefined;
  const onAbort = () => rl._questionCancel();
  signal.addEventListener('abort', onAbort, { once: true });
  const cleanup = () => signal.removeEventListener('abort', onAbort);
  return typeof callback !== 'function' ? cleanup : (answer) => {
    cleanup();
    return callback(answer);
  };
}

function question(query, options, callback) {
  callback = typeof options === 'function' ? options : callback;
  const signal = options === null || typeof options !== 'object' ? undefined : options.signal;
  const ask = cancellable(this, signal, callback);
  if (typeof ask === 'function') this._question(query, ask);
}

Object.defineProperty(question, promisify.custom, {
  configurable: true,
  value: function question(query, options) {
    const signal = options?.signal;
    if (signal?.aborted) return Promise.reject(new AbortError(undefined, { cause: signal.reason }));
    return new Promise((resolve, reject) => {
      if (!signal) {
        this.question(query, options, resolve);
        return;
      }
      const onAbort = () => reject(new AbortError(undefined, { cause: signal.reason }));
      signal.addEventListener('abort', onAbort, { once: true });
      this.question(query, options, (answer) => {
        signal.removeEventListener('abort', onAbort);
        resolve(answer);
      });
    });
  },
});

function tabComplete(last) {
  this.pause();
  this.completer(this.line.slice(0, this.cursor), (error, value) => {
    this.resume();
    if (error) this._completionFailed(error);
    else this._tabCompleter(last, value);
  });
}

for (const [name, value] of Object.entries({ question, _tabComplete: tabComplete })) {
  Object.defineProperty(Interface.prototype, name, { value, writable: true, configurable: true, enumerable: name === 'question' });
}

module.exports = {
  Interface,
  clearLine,
  clearScreenDown,
  createInterface: (input, output, completer, terminal) => new Interface(input, output, completer, terminal),
  cursorTo,
  emitKeypressEvents,
  moveCursor,
};
Object.defineProperty(module.exports, 'promises', {
  configurable: true, enumerable: true, get: () => require('readline/promises'),
});

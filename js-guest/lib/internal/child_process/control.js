// What `process.channel` and `subprocess.channel` are: whether the channel keeps the loop alive. Must not know messages.
'use strict';

const EventEmitter = require('events');
const streams = internalBinding('stream');

class Control extends EventEmitter {
  #handle;
  #holders = 0;
  #counted = false;
  #said = false; // by the script, which then has the last word

  constructor(handle) {
    super();
    this.#handle = handle;
  }

  // From now on only who holds it keeps it alive.
  count() {
    this.#counted = true;
    this.#apply();
  }

  hold() {
    this.#holders++;
    this.#apply();
  }

  release() {
    this.#holders--;
    this.#apply();
  }

  #apply() {
    if (this.#counted && !this.#said && this.#handle !== 0) streams.ref(this.#handle, this.#holders > 0);
  }

  ref() {
    this.#said = true;
    if (this.#handle !== 0) streams.ref(this.#handle, true);
  }

  unref() {
    this.#said = true;
    if (this.#handle !== 0) streams.ref(this.#handle, false);
  }

  end() {
    this.#handle = 0;
  }

  get fd() {
    return this.#handle === 0 ? -1 : 3;
  }
}
for (const name of ['count', 'hold', 'release', 'end']) Object.defineProperty(Control.prototype, name, { enumerable: false });

module.exports = { Control };

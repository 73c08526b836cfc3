// process.stdin: a Readable over what the host reads, one piece at a time and none before a script asks. A reading that
// waits keeps the program alive unless the stream is paused or let go. Must not know what standard input is.
'use strict';

const { Readable } = require('stream');
const { state } = require('internal/process/lifecycle');

const PIECE = 65536;

class Input extends Readable {
  #operation = 0; // the reading under way
  #unheld = false;

  constructor() {
    super({ highWaterMark: PIECE });
    this.fd = 0;
    if (state.info.tty?.[0]) {
      this._type = 'tty';
      this.isTTY = true;
      this.isRaw = false;
    }
    this.on('pause', () => this.#hold());
    this.on('resume', () => this.#hold());
  }

  #hold() {
    if (this.#operation === 0) return;
    const waits = !this.isPaused() || this.listenerCount('readable') > 0;
    internalBinding('fs').ref(this.#operation, waits && !this.#unheld && !this.destroyed);
  }

  _read() {
    const { ops, queue } = require('internal/fs/request');
    const data = Buffer.allocUnsafeSlow(PIECE);
    const started = (operation) => {
      this.#operation = operation;
      this.#hold();
    };
    queue({ op: ops.READ_INPUT, syscall: 'read', kind: 'move', fd: 0, data, offset: 0, length: PIECE, a: -1, started }, (error, count) => {
      this.#operation = 0;
      if (error !== null) this.destroy(error);
      else this.push(count === 0 ? null : count * 2 < PIECE ? Buffer.from(data.subarray(0, count)) : data.subarray(0, count));
    });
  }

  _destroy(error, callback) {
    this.#hold();
    callback(error);
  }

  ref() {
    this.#unheld = false;
    this.#hold();
    return this;
  }

  unref() {
    this.#unheld = true;
    this.#hold();
    return this;
  }
}

module.exports = { Input };

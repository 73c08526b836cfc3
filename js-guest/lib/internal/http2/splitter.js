// A connection's incoming bytes cut into frames, however they come: a frame that lies whole in a chunk is not copied. Looks
// at a frame's length before it keeps anything. Knows no type of frame.
'use strict';

const { FrameFault, HEAD, ID_MASK, PREFACE } = require('internal/http2/frames');

const FRAME_SIZE_ERROR = 6;
class BadPreface extends Error {}

class Splitter {
  // `onFrame(type, flags, id, payload)` answers false when nothing more is wanted.
  constructor(expectsPreface, onFrame) {
    this.onFrame = onFrame;
    this.most = 16384;
    this.prefaceLeft = expectsPreface ? PREFACE.length : 0;
    this.held = null; // the beginning of a frame
    this.have = 0;
    this.need = 0;
    this.bytes = null; // what is being fed, and how much of it has been given: for who is interrupted by a throw
    this.given = 0;
  }

  get rest() { return this.bytes?.subarray(this.given) ?? null; }

  feed(bytes) {
    this.bytes = bytes;
    this.given = bytes.length;
    let at = this.prefaceLeft > 0 ? this.preface(bytes) : 0;
    while (at < bytes.length) {
      if (this.held !== null) {
        const end = this.fill(bytes, at);
        at = end;
        if (this.held !== null && this.have < this.need) break;
        const whole = this.held;
        this.held = null;
        this.given = at;
        if (!this.give(whole, 0, whole.length)) return;
        continue;
      }
      const left = bytes.length - at;
      const size = left >= HEAD ? this.size(bytes, at) : HEAD;
      if (left < size || left < HEAD) {
        this.hold(bytes, at, size);
        break;
      }
      this.given = at + size;
      if (!this.give(bytes, at, at + size)) return;
      at += size;
    }
    this.bytes = null;
  }

  preface(bytes) {
    const from = PREFACE.length - this.prefaceLeft;
    const count = Math.min(bytes.length, this.prefaceLeft);
    for (let i = 0; i < count; i++) {
      if (bytes[i] !== PREFACE[from + i]) throw new BadPreface();
    }
    this.prefaceLeft -= count;
    return count;
  }

  size(bytes, at) {
    const length = bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2];
    if (length > this.most) throw new FrameFault(FRAME_SIZE_ERROR, 'a frame larger than was allowed');
    return HEAD + length;
  }

  hold(bytes, at, size) {
    this.held = Buffer.allocUnsafe(size);
    this.need = size;
    this.have = bytes.copy(this.held, 0, at);
  }

  // First up to the head, which tells how much more.
  fill(bytes, at) {
    const count = Math.min(this.need - this.have, bytes.length - at);
    bytes.copy(this.held, this.have, at, at + count);
    this.have += count;
    at += count;
    if (this.have !== HEAD || this.need !== HEAD) return at;
    const size = this.size(this.held, 0);
    if (size === HEAD) return at;
    const larger = Buffer.allocUnsafe(size);
    this.held.copy(larger, 0, 0, HEAD);
    this.held = larger;
    this.need = size;
    return this.fill(bytes, at);
  }

  give(bytes, at, end) {
    const id = bytes.readUInt32BE(at + 5) & ID_MASK;
    return this.onFrame(bytes[at + 3], bytes[at + 4], id, bytes.subarray(at + HEAD, end));
  }
}

module.exports = { BadPreface, Splitter };

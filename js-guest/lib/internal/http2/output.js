// What a connection has said and its socket has not taken yet: frames, one after the other in one piece of memory, so that a
// tick's frames cost one allocation and one write. Knows no stream.
'use strict';

const { HEAD } = require('internal/http2/frames');

const LEAST = 512, MOST = 131072;

class Output {
  constructor() {
    this.bytes = null;
    this.size = 0;
    this.frames = 0; // how many pieces were added
    this.usual = LEAST; // what was taken last
  }

  // Room for `more`; answers where it begins.
  reserve(more) {
    const wanted = this.size + more;
    if (this.bytes === null) {
      this.bytes = Buffer.allocUnsafeSlow(Math.max(wanted, this.usual));
    } else if (wanted > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.bytes.length));
      this.bytes.copy(larger, 0, 0, this.size);
      this.bytes = larger;
    }
    return this.size;
  }

  add(bytes) {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
    this.size = at + bytes.length;
    this.frames++;
  }

  // A frame without padding, whose payload is a part of `from`.
  frame(kind, flags, id, from, start, end) {
    const length = end - start, at = this.reserve(HEAD + length), { bytes } = this;
    bytes[at] = length >> 16;
    bytes[at + 1] = length >> 8;
    bytes[at + 2] = length;
    bytes[at + 3] = kind;
    bytes[at + 4] = flags;
    bytes[at + 5] = id >>> 24;
    bytes[at + 6] = id >> 16;
    bytes[at + 7] = id >> 8;
    bytes[at + 8] = id;
    if (length > 0) from.copy(bytes, at + HEAD, start, end);
    this.size = at + HEAD + length;
    this.frames++;
  }

  // All of it, for whoever keeps it: the memory is not used again.
  take() {
    const { bytes, size } = this;
    this.bytes = null;
    this.size = 0;
    this.frames = 0;
    // A few bytes must not keep much memory where a socket is slow.
    this.usual = Math.min(MOST, Math.max(LEAST, size + (size >> 2)));
    if (size * 2 < bytes.length && bytes.length > LEAST) return Buffer.from(bytes.subarray(0, size));
    return bytes.subarray(0, size);
  }
}

module.exports = { Output };

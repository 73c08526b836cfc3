// node:string_decoder: bytes that come in pieces, to strings without a character torn apart. Keeps the few bytes of an
// unfinished character between calls. Must not know streams.
'use strict';

const { Buffer } = require('buffer');
const { normalEncoding } = internalBinding('buffer');
const { codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_THIS, ERR_UNKNOWN_ENCODING } } = require('internal/errors');

const kPending = Symbol('kPending');
const NOTHING = Buffer.alloc(0);

function StringDecoder(encoding) {
  const known = encoding === undefined || encoding === null || encoding === '' ? 'utf8' : normalEncoding(`${encoding}`);
  if (known === undefined) throw new ERR_UNKNOWN_ENCODING(encoding);
  this.encoding = known;
  this[kPending] = NOTHING;
}

// The length of the character that a lead byte opens, 0 for none.
function utf8Length(lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  // Node waits for the rest of four bytes behind F5..F7 too, which can never be right.
  return lead >= 0xF0 && lead <= 0xF7 ? 4 : 0;
}

// The second byte is bound closer for some leads (no overlong forms, no surrogates, no more than U+10FFFF).
function secondFits(lead, second) {
  if (lead === 0xE0) return second >= 0xA0;
  if (lead === 0xED) return second <= 0x9F;
  if (lead === 0xF0) return second >= 0x90;
  if (lead === 0xF4) return second <= 0x8F;
  return true;
}

// How many bytes at the end begin a character that more bytes may finish.
function unfinishedUtf8(bytes) {
  const { length } = bytes;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back];
    if ((byte & 0xC0) === 0x80) continue;
    const wanted = utf8Length(byte);
    if (wanted <= back) return 0;
    return back > 1 && !secondFits(byte, bytes[length - back + 1]) ? 0 : back;
  }
  return 0;
}

function unfinishedUtf16(bytes) {
  const odd = bytes.length % 2;
  if (odd === 1) return 1;
  return bytes.length >= 2 && (bytes[bytes.length - 1] & 0xFC) === 0xD8 ? 2 : 0;
}

function unfinished(encoding, bytes) {
  switch (encoding) {
    case 'utf8': return unfinishedUtf8(bytes);
    case 'utf16le': return unfinishedUtf16(bytes);
    case 'base64':
    case 'base64url': return bytes.length % 3;
    default: return 0;
  }
}

StringDecoder.prototype.write = function write(buf) {
  if (typeof buf === 'string') return buf;
  if (!ArrayBuffer.isView(buf)) throw new ERR_INVALID_ARG_TYPE('buf', ['Buffer', 'TypedArray', 'DataView'], buf);
  if (this[kPending] === undefined) throw new ERR_INVALID_THIS('StringDecoder');
  let bytes = Buffer.from(buf.buffer, buf.byteOffset, buf.byteLength);
  if (this[kPending].length > 0) bytes = Buffer.concat([this[kPending], bytes]);
  // Half a pair that waits already goes on waiting when one byte comes.
  const waits = this.encoding === 'utf16le' && bytes.length === 3 && this[kPending].length === 2;
  const held = waits ? 3 : unfinished(this.encoding, bytes);
  const end = bytes.length - held;
  // A copy: the caller may write over its buffer.
  this[kPending] = held === 0 ? NOTHING : Buffer.from(bytes.subarray(end));
  return bytes.toString(this.encoding, 0, end);
};

StringDecoder.prototype.end = function end(buf) {
  const text = buf === undefined ? '' : this.write(buf);
  const pending = this[kPending];
  this[kPending] = NOTHING;
  return text + pending.toString(this.encoding);
};

// Undocumented, kept for those who use it.
StringDecoder.prototype.text = function text(buf, offset) {
  this[kPending] = NOTHING;
  return this.write(buf.slice(offset));
};

function wanted(decoder) {
  const pending = decoder[kPending];
  if (pending.length === 0) return 0;
  if (decoder.encoding === 'utf8') return utf8Length(pending[0]);
  if (decoder.encoding === 'utf16le') return pending.length === 1 ? 2 : 4;
  return 3;
}

Object.defineProperties(StringDecoder.prototype, {
  lastChar: {
    configurable: true,
    enumerable: true,
    get() {
      const bytes = Buffer.alloc(4);
      this[kPending].copy(bytes);
      return bytes;
    },
  },
  lastNeed: {
    configurable: true,
    enumerable: true,
    get() { return Math.max(0, wanted(this) - this[kPending].length); },
  },
  lastTotal: {
    configurable: true,
    enumerable: true,
    get() { return wanted(this); },
  },
});

module.exports = { StringDecoder };

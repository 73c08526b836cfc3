// TextEncoder and TextDecoder for UTF-8, UTF-16 and latin1. Must not know Buffer.
'use strict';

const binding = internalBinding('buffer');
const {
  codes: { ERR_ENCODING_INVALID_ENCODED_DATA, ERR_ENCODING_NOT_SUPPORTED, ERR_INVALID_ARG_TYPE, ERR_INVALID_THIS },
} = require('internal/errors');
const { validateObject, validateString, kValidateObjectAllowObjectsAndNull } = require('internal/validators');
const { isAnyArrayBuffer, isArrayBufferView, isUint8Array } = require('internal/util/types');

const inspectCustom = Symbol.for('nodejs.util.inspect.custom');
const LABELS = new Map();
for (const [name, labels] of [
  ['utf-8', 'unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8'],
  ['utf-16le', 'csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le'],
  ['utf-16be', 'unicodefffe utf-16be'],
  ['windows-1252', 'ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 ' +
    'iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252'],
]) {
  for (const label of labels.split(' ')) LABELS.set(label, name);
}

// The 32 places where windows-1252 and Unicode differ.
const WINDOWS_1252 =
  '\u20AC\x81\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\x8D\u017D\x8F' +
  '\x90\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\x9D\u017E\u0178';

function getEncodingFromLabel(label) {
  return LABELS.get(`${label}`.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '').toLowerCase());
}

class TextEncoder {
  #brand;

  static #check(value) {
    if (value === null || typeof value !== 'object' || !(#brand in value)) throw new ERR_INVALID_THIS('TextEncoder');
  }

  get encoding() {
    TextEncoder.#check(this);
    return 'utf-8';
  }

  encode(input = '') {
    TextEncoder.#check(this);
    return binding.encodeUtf8(`${input}`);
  }

  encodeInto(source, destination) {
    TextEncoder.#check(this);
    validateString(source, 'src');
    if (!isUint8Array(destination)) throw new ERR_INVALID_ARG_TYPE('dest', 'Uint8Array', destination);
    const [read, written] = binding.encodeInto(source, destination);
    return { read, written };
  }

  [inspectCustom](depth, options) {
    TextEncoder.#check(this);
    if (typeof depth === 'number' && depth < 0) return this;
    const shown = Object.defineProperty({}, 'constructor', { value: TextEncoder });
    shown.encoding = this.encoding;
    return require('internal/util/inspect').inspect(shown, options);
  }
}

function bytesOf(input) {
  if (isAnyArrayBuffer(input)) return new Uint8Array(input);
  if (isArrayBufferView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  throw new ERR_INVALID_ARG_TYPE('list', ['ArrayBuffer', 'ArrayBufferView'], input);
}

function joined(first, second) {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

const NOTHING = new Uint8Array(0);

class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  #pending = NOTHING;
  #sawStart = false;

  constructor(encoding = 'utf-8', options = {}) {
    encoding = `${encoding}`;
    validateObject(options, 'options', kValidateObjectAllowObjectsAndNull);
    this.#encoding = getEncodingFromLabel(encoding);
    if (this.#encoding === undefined) throw new ERR_ENCODING_NOT_SUPPORTED(encoding);
    this.#fatal = Boolean(options?.fatal);
    this.#ignoreBOM = Boolean(options?.ignoreBOM);
  }

  static #check(value) {
    if (value === null || typeof value !== 'object' || !(#encoding in value)) throw new ERR_INVALID_THIS('TextDecoder');
  }

  get encoding() {
    TextDecoder.#check(this);
    return this.#encoding;
  }

  get fatal() {
    TextDecoder.#check(this);
    return this.#fatal;
  }

  get ignoreBOM() {
    TextDecoder.#check(this);
    return this.#ignoreBOM;
  }

  decode(input = NOTHING, options = {}) {
    TextDecoder.#check(this);
    let bytes = bytesOf(input);
    validateObject(options, 'options', kValidateObjectAllowObjectsAndNull);
    const stream = Boolean(options?.stream);
    if (!stream && this.#pending.length === 0 && !this.#sawStart && this.#encoding === 'utf-8') {
      return this.#checked(binding.decodeUtf8(bytes, this.#ignoreBOM, this.#fatal));
    }
    bytes = joined(this.#pending, bytes);
    const held = stream ? this.#unfinished(bytes) : 0;
    const end = bytes.length - held;
    this.#pending = bytes.slice(end);
    let text = this.#decodeWhole(bytes.subarray(0, end));
    if (!this.#sawStart && text.length > 0) {
      if (!this.#ignoreBOM && this.#encoding !== 'windows-1252' && text[0] === '\uFEFF') text = text.slice(1);
      this.#sawStart = true;
    }
    if (!stream) {
      this.#pending = NOTHING;
      this.#sawStart = false;
    }
    return text;
  }

  #checked(text) {
    if (text !== undefined) return text;
    this.#pending = NOTHING;
    this.#sawStart = false;
    throw new ERR_ENCODING_INVALID_ENCODED_DATA(this.#encoding, undefined);
  }

  // How many bytes at the end wait for more.
  #unfinished(bytes) {
    if (this.#encoding === 'windows-1252') return 0;
    if (this.#encoding === 'utf-8') {
      const max = Math.min(3, bytes.length);
      for (let back = 1; back <= max; back++) {
        const byte = bytes[bytes.length - back];
        if ((byte & 0xC0) === 0x80) continue;
        const wanted = byte >= 0xF0 && byte <= 0xF4 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1;
        if (byte > 0xF4 || wanted <= back) return 0;
        // What can no longer be a character is replaced now.
        const part = bytes.subarray(bytes.length - back);
        const filled = joined(part, new Uint8Array(wanted - back).fill(0x80));
        const other = joined(part, new Uint8Array(wanted - back).fill(0xBF));
        return binding.isUtf8(filled) || binding.isUtf8(other) ? back : 0;
      }
      return 0;
    }
    const odd = bytes.length % 2;
    const high = bytes.length - odd - (this.#encoding === 'utf-16le' ? 1 : 2);
    return odd + (high >= 0 && (bytes[high] & 0xFC) === 0xD8 ? 2 : 0);
  }

  #decodeWhole(bytes) {
    if (this.#encoding === 'utf-8') return this.#checked(binding.decodeUtf8(bytes, true, this.#fatal));
    if (this.#encoding === 'windows-1252') {
      const text = binding.methods.latin1Slice.call(bytes);
      return text.replace(/[\x80-\x9F]/g, (char) => WINDOWS_1252[char.charCodeAt(0) - 0x80]);
    }
    const whole = bytes.length - bytes.length % 2;
    let units = bytes.subarray(0, whole);
    if (this.#encoding === 'utf-16be') units = binding.methods.swap16.call(units.slice());
    const raw = binding.methods.ucs2Slice.call(units);
    const text = binding.toWellFormed(raw) + (whole < bytes.length ? '\uFFFD' : '');
    return this.#checked(this.#fatal && text !== raw ? undefined : text);
  }

  [inspectCustom](depth, options) {
    TextDecoder.#check(this);
    if (typeof depth === 'number' && depth < 0) return this;
    const shown = Object.defineProperty({}, 'constructor', { value: TextDecoder });
    shown.encoding = this.encoding;
    shown.fatal = this.fatal;
    shown.ignoreBOM = this.ignoreBOM;
    return require('internal/util/inspect').inspect(shown, options);
  }
}

function finish(Class, name, properties) {
  for (const property of properties) Object.defineProperty(Class.prototype, property, { enumerable: true });
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { configurable: true, value: name });
}
finish(TextEncoder, 'TextEncoder', ['encode', 'encodeInto', 'encoding']);
finish(TextDecoder, 'TextDecoder', ['decode', 'encoding', 'fatal', 'ignoreBOM']);

module.exports = { TextEncoder, TextDecoder, getEncodingFromLabel };

// TextEncoder and TextDecoder; encodings that are not Unicode's are decoded by internal/encoding_legacy. Must not know
// Buffer.
'use strict';

const binding = internalBinding('buffer');
const {
  codes: { ERR_ENCODING_INVALID_ENCODED_DATA, ERR_ENCODING_NOT_SUPPORTED, ERR_INVALID_ARG_TYPE, ERR_INVALID_THIS },
} = require('internal/errors');
const { decoderFor, getEncodingFromLabel } = require('internal/encoding_legacy');
const { validateObject, validateString, kValidateObjectAllowObjectsAndNull } = require('internal/validators');
const { isAnyArrayBuffer, isArrayBufferView, isUint8Array } = require('internal/util/types');

const inspectCustom = Symbol.for('nodejs.util.inspect.custom');
const UNICODE = new Set(['utf-8', 'utf-16le', 'utf-16be']);

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
  #legacy; // the decoder of an encoding that is not Unicode's
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
    if (!UNICODE.has(this.#encoding)) return this.#decodeLegacy(bytes, stream);
    bytes = joined(this.#pending, bytes);
    const held = stream ? this.#unfinished(bytes) : 0;
    const end = bytes.length - held;
    this.#pending = bytes.slice(end);
    let text = this.#decodeWhole(bytes.subarray(0, end));
    if (!this.#sawStart && text.length > 0) {
      if (!this.#ignoreBOM && text[0] === '\uFEFF') text = text.slice(1);
      this.#sawStart = true;
    }
    if (!stream) {
      this.#pending = NOTHING;
      this.#sawStart = false;
    }
    return text;
  }

  #decodeLegacy(bytes, stream) {
    this.#legacy ??= decoderFor(this.#encoding, this.#fatal);
    return this.#checked(this.#legacy(bytes, stream));
  }

  #checked(text) {
    if (text !== undefined) return text;
    this.#legacy = undefined;
    this.#pending = NOTHING;
    this.#sawStart = false;
    throw new ERR_ENCODING_INVALID_ENCODED_DATA(this.#encoding, undefined);
  }

  // How many bytes at the end wait for more.
  #unfinished(bytes) {
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

// CompressionStream and DecompressionStream: zlib's streams as web streams. Must not know how to compress.
'use strict';

const { customInspect } = require('internal/webstreams/classes');
const { customInspectSymbol } = require('internal/util');
const { codes: { ERR_INVALID_ARG_VALUE, ERR_INVALID_THIS } } = require('internal/errors');

const FORMATS = {
  'deflate': ['createDeflate', 'createInflate'],
  'deflate-raw': ['createDeflateRaw', 'createInflateRaw'],
  'gzip': ['createGzip', 'createGunzip'],
};

// The pair of web streams over zlib's stream; 0 compresses, 1 decompresses.
function pairFor(format, direction) {
  if (typeof format !== 'string' || !Object.hasOwn(FORMATS, format)) throw new ERR_INVALID_ARG_VALUE('format', format);
  const handle = require('zlib')[FORMATS[format][direction]]();
  return require('internal/webstreams/adapters').newReadableWritablePairFromDuplex(handle);
}

class CompressionStream {
  #transform;

  constructor(format) { this.#transform = pairFor(format, 0); }

  static #check(value) {
    if (value === null || typeof value !== 'object' || !(#transform in value)) throw new ERR_INVALID_THIS('CompressionStream');
  }

  get readable() { CompressionStream.#check(this); return this.#transform.readable; }
  get writable() { CompressionStream.#check(this); return this.#transform.writable; }

  [customInspectSymbol](depth, options) {
    const { readable, writable } = this;
    return Reflect.apply(customInspect, this, [depth, options, 'CompressionStream', { readable, writable }]);
  }
}

class DecompressionStream {
  #transform;

  constructor(format) { this.#transform = pairFor(format, 1); }

  static #check(value) {
    if (value === null || typeof value !== 'object' || !(#transform in value)) throw new ERR_INVALID_THIS('DecompressionStream');
  }

  get readable() { DecompressionStream.#check(this); return this.#transform.readable; }
  get writable() { DecompressionStream.#check(this); return this.#transform.writable; }

  [customInspectSymbol](depth, options) {
    const { readable, writable } = this;
    return Reflect.apply(customInspect, this, [depth, options, 'DecompressionStream', { readable, writable }]);
  }
}

for (const Class of [CompressionStream, DecompressionStream]) {
  for (const property of ['readable', 'writable']) Object.defineProperty(Class.prototype, property, { enumerable: true });
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { configurable: true, value: Class.name });
}

module.exports = { CompressionStream, DecompressionStream };

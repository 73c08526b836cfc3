// node:zlib: DEFLATE in its wrappings and Brotli, as streams, in one call with a callback, and at once. The codecs are C
// (glue/zlib.c). Must not know how a stream takes its steps.
'use strict';

const assert = require('assert');
const native = internalBinding('zlib');
const { constants, codes } = require('internal/zlib/constants');
const { ZlibBase, processChunkSync, inRange, fail } = require('internal/zlib/base');
const { isAnyArrayBuffer, isArrayBufferView, isUint8Array } = require('internal/util/types');
const { validateFunction, validateUint32 } = require('internal/validators');
const { codes: {
  ERR_BROTLI_INVALID_PARAM, ERR_BUFFER_TOO_LARGE, ERR_INVALID_ARG_TYPE, ERR_ZLIB_INITIALIZATION_FAILED,
} } = require('internal/errors');

const { DEFLATE, INFLATE, GZIP, GUNZIP, DEFLATERAW, INFLATERAW, UNZIP, BROTLI_DECODE, BROTLI_ENCODE } = constants;
const BYTES = ['Buffer', 'TypedArray', 'DataView', 'ArrayBuffer'];

function inherit(Class, Base) {
  Object.setPrototypeOf(Class.prototype, Base.prototype);
  Object.setPrototypeOf(Class, Base);
}

// ---- DEFLATE ----

const ZLIB_FLAGS = {
  flush: constants.Z_NO_FLUSH, finishFlush: constants.Z_FINISH, fullFlush: constants.Z_FULL_FLUSH, most: constants.Z_BLOCK,
};

// 0 is "as the header says", for who reads one.
function windowBitsOf(options, mode) {
  const bits = options?.windowBits;
  if (options && (bits === undefined || bits === null || bits === 0) && [INFLATE, GUNZIP, UNZIP].includes(mode)) return 0;
  return inRange(bits, 'options.windowBits', mode === GZIP ? 9 : 8, 15, 15);
}

function dictionaryOf(options) {
  const dictionary = options?.dictionary;
  if (dictionary === undefined || isArrayBufferView(dictionary)) return dictionary;
  if (isAnyArrayBuffer(dictionary)) return Buffer.from(dictionary);
  throw new ERR_INVALID_ARG_TYPE('options.dictionary', BYTES, dictionary);
}

function Zlib(options, mode) {
  const windowBits = windowBitsOf(options, mode);
  const level = inRange(options?.level, 'options.level', -1, 9, -1);
  const memLevel = inRange(options?.memLevel, 'options.memLevel', 1, 9, 8);
  const strategy = inRange(options?.strategy, 'options.strategy', 0, 4, 0);
  const handle = native.make(mode, windowBits, level, memLevel, strategy, dictionaryOf(options));
  if (handle === null) throw new ERR_ZLIB_INITIALIZATION_FAILED();
  Reflect.apply(ZlibBase, this, [options, handle, ZLIB_FLAGS]);
  this._level = level;
  this._strategy = strategy;
  this._mode = mode;
}
inherit(Zlib, ZlibBase);

// What is in the codec goes out under the old parameters first.
Zlib.prototype.params = function(level, strategy, callback) {
  inRange(level, 'level', -1, 9);
  inRange(strategy, 'strategy', 0, 4);
  if (this._level === level && this._strategy === strategy) {
    process.nextTick(callback);
    return;
  }
  this.flush(constants.Z_SYNC_FLUSH, () => {
    assert(this._handle, 'zlib binding closed');
    if (fail(this, this._handle.params(level, strategy)) || this.destroyed) return;
    this._level = level;
    this._strategy = strategy;
    if (callback) callback();
  });
};

// ---- Brotli ----

const BROTLI_FLAGS = {
  flush: constants.BROTLI_OPERATION_PROCESS, finishFlush: constants.BROTLI_OPERATION_FINISH,
  fullFlush: constants.BROTLI_OPERATION_FLUSH, most: constants.BROTLI_OPERATION_EMIT_METADATA,
};
const MOST_BROTLI_PARAM = constants.BROTLI_PARAM_NDIRECT;

function brotliParams(given = {}) {
  const params = new Uint32Array(MOST_BROTLI_PARAM + 1).fill(-1);
  for (const name of Object.keys(given)) {
    const key = +name;
    if (!(key >= 0 && key <= MOST_BROTLI_PARAM && params[key] === 0xffffffff)) throw new ERR_BROTLI_INVALID_PARAM(name);
    const value = given[name];
    if (typeof value !== 'number' && typeof value !== 'boolean') {
      throw new ERR_INVALID_ARG_TYPE('options.params[key]', 'number', value);
    }
    params[key] = value;
  }
  return params;
}

function Brotli(options, mode) {
  assert(mode === BROTLI_DECODE || mode === BROTLI_ENCODE);
  const handle = native.make(mode, brotliParams(options?.params));
  if (handle === null) throw new ERR_ZLIB_INITIALIZATION_FAILED();
  Reflect.apply(ZlibBase, this, [options, handle, BROTLI_FLAGS]);
}
inherit(Brotli, Zlib);

// ---- The classes ----

// zlib's raw DEFLATE knows no window of 256 bytes.
const nineBits = (options) => (options?.windowBits === 8 ? { ...options, windowBits: 9 } : options);

const CLASSES = {};
function define(name, Base, mode, prepare = (options) => options) {
  const Class = { [name]: function(options) {
    if (!(this instanceof Class)) return new Class(options);
    Reflect.apply(Base, this, [prepare(options), mode]);
  } }[name];
  inherit(Class, Base);
  CLASSES[name] = Class;
}
define('Deflate', Zlib, DEFLATE);
define('Inflate', Zlib, INFLATE);
define('Gzip', Zlib, GZIP);
define('Gunzip', Zlib, GUNZIP);
define('DeflateRaw', Zlib, DEFLATERAW, nineBits);
define('InflateRaw', Zlib, INFLATERAW);
define('Unzip', Zlib, UNZIP);
define('BrotliCompress', Brotli, BROTLI_ENCODE);
define('BrotliDecompress', Brotli, BROTLI_DECODE);

// ---- In one call ----

function collect(engine, input, callback) {
  validateFunction(callback, 'callback');
  if (isArrayBufferView(input) && !isUint8Array(input)) input = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  else if (isAnyArrayBuffer(input)) input = Buffer.from(input);
  const pieces = [];
  let length = 0;
  engine.on('data', (piece) => {
    pieces.push(piece);
    length += piece.length;
    if (length <= engine._maxOutputLength) return;
    engine.close();
    engine.removeAllListeners('end');
    callback.call(engine, new ERR_BUFFER_TOO_LARGE(engine._maxOutputLength));
  });
  engine.on('error', (error) => {
    engine.removeAllListeners('end');
    callback.call(engine, error);
  });
  engine.on('end', () => {
    const buffer = pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, length);
    engine.close();
    callback.call(engine, null, engine._info ? { buffer, engine } : buffer);
  });
  engine.end(input);
}

function atOnce(engine, input) {
  if (typeof input === 'string') input = Buffer.from(input);
  else if (isAnyArrayBuffer(input)) input = Buffer.from(input);
  else if (!isArrayBufferView(input)) throw new ERR_INVALID_ARG_TYPE('buffer', ['string', ...BYTES], input);
  const buffer = processChunkSync(engine, input, engine._finishFlushFlag);
  return engine._info ? { buffer, engine } : buffer;
}

function crc32(data, value = 0) {
  if (typeof data !== 'string' && !isArrayBufferView(data)) {
    throw new ERR_INVALID_ARG_TYPE('data', ['Buffer', 'TypedArray', 'DataView', 'string'], data);
  }
  validateUint32(value, 'value');
  return native.crc32(data, value);
}

// ---- Exports ----

module.exports = { crc32, ...CLASSES };

const lower = (name) => name[0].toLowerCase() + name.slice(1);
for (const name of Object.keys(CLASSES)) {
  const Class = CLASSES[name];
  // The functions carry Node's own names for them.
  module.exports[lower(name)] = function asyncBufferWrapper(buffer, options, callback) {
    if (typeof options === 'function') [callback, options] = [options, {}];
    return collect(new Class(options), buffer, callback);
  };
  module.exports[`${lower(name)}Sync`] = function syncBufferWrapper(buffer, options) {
    return atOnce(new Class(options), buffer);
  };
}
for (const name of Object.keys(CLASSES)) {
  const create = (options) => new CLASSES[name](options);
  Object.defineProperty(module.exports, `create${name}`, { value: create, enumerable: true, configurable: false, writable: false });
}
Object.defineProperty(module.exports, 'constants', { value: constants, enumerable: true, configurable: false });
Object.defineProperty(module.exports, 'codes', { value: codes, enumerable: true, writable: false });
for (const [name, value] of Object.entries(constants)) {
  if (!name.startsWith('BROTLI')) Object.defineProperty(module.exports, name, { value, enumerable: false });
}

// ZlibBase: the stream that every compressor and decompressor is, and the same work done at once. It takes steps of the
// native codec, each from one piece of input into one piece of output. Must not know which codec.
'use strict';

const assert = require('assert');
const { Transform, finished } = require('stream');
const { deprecate } = require('internal/util');
const { constants, kMaxLength } = require('internal/zlib/constants');
const { genericNodeError, codes: { ERR_BUFFER_TOO_LARGE, ERR_OUT_OF_RANGE } } = require('internal/errors');
const { validateNumber } = require('internal/validators');
const timers = internalBinding('timers');

const kFlush = Symbol('kFlushFlag');
const kError = Symbol('kError');

// ---- Options ----

function isFiniteOption(number, name) {
  if (number === undefined || Number.isNaN(number)) return false;
  if (Number.isFinite(number)) return true;
  validateNumber(number, name);
  throw new ERR_OUT_OF_RANGE(name, 'a finite number', number);
}

function inRange(number, name, lower, upper, usual) {
  if (!isFiniteOption(number, name)) return usual;
  if (number < lower || number > upper) throw new ERR_OUT_OF_RANGE(name, `>= ${lower} and <= ${upper}`, number);
  return number;
}

function chunkSizeOf(options) {
  const size = options?.chunkSize;
  if (!isFiniteOption(size, 'options.chunkSize')) return constants.Z_DEFAULT_CHUNK;
  if (size < constants.Z_MIN_CHUNK) throw new ERR_OUT_OF_RANGE('options.chunkSize', `>= ${constants.Z_MIN_CHUNK}`, size);
  return size;
}

// ---- The stream ----

// `flags`: the codec's flush for what comes, for the end and for flush(), and the greatest that an option may name.
function ZlibBase(options, handle, flags) {
  this._chunkSize = chunkSizeOf(options);
  this._defaultFlushFlag = inRange(options?.flush, 'options.flush', 0, flags.most, flags.flush);
  this._finishFlushFlag = inRange(options?.finishFlush, 'options.finishFlush', 0, flags.most, flags.finishFlush);
  this._maxOutputLength = inRange(options?.maxOutputLength, 'options.maxOutputLength', 1, kMaxLength, kMaxLength);
  if (options && (options.encoding || options.objectMode || options.writableObjectMode)) {
    options = { ...options, encoding: null, objectMode: false, writableObjectMode: false };
  }
  Reflect.apply(Transform, this, [{ autoDestroy: true, ...options }]);
  this[kError] = null;
  this.bytesWritten = 0;
  this._handle = handle;
  this._writeState = new Uint32Array(2); // what a step leaves of its output and of its input
  this._outBuffer = Buffer.allocUnsafe(this._chunkSize);
  this._outOffset = 0;
  this._defaultFullFlushFlag = flags.fullFlush;
  this._info = options?.info;
}
Object.setPrototypeOf(ZlibBase.prototype, Transform.prototype);
Object.setPrototypeOf(ZlibBase, Transform);

Object.defineProperty(ZlibBase.prototype, '_closed', { configurable: true, enumerable: true, get() { return !this._handle; } });
Object.defineProperty(ZlibBase.prototype, 'bytesRead', {
  configurable: true,
  enumerable: true,
  get: deprecate(function() { return this.bytesWritten; }, 'zlib.bytesRead is deprecated and will change its meaning in the ' +
    'future. Use zlib.bytesWritten instead.', 'DEP0108'),
  set(value) { this.bytesWritten = value; },
});

ZlibBase.prototype.reset = function() {
  assert(this._handle, 'zlib binding closed');
  fail(this, this._handle.reset());
};

ZlibBase.prototype._flush = function(callback) {
  this._transform(Buffer.alloc(0), '', callback);
};

ZlibBase.prototype._final = function(callback) {
  callback();
};

// A flush goes through the stream like data, as an empty piece that carries its kind.
function flushPiece(kind) {
  const piece = Buffer.alloc(0);
  piece[kFlush] = kind;
  return piece;
}

ZlibBase.prototype.flush = function(kind, callback) {
  if (typeof kind === 'function' || (kind === undefined && !callback)) {
    callback = kind;
    kind = this._defaultFullFlushFlag;
  }
  if (this.writableFinished) {
    if (callback) process.nextTick(callback);
  } else if (this.writableEnded) {
    if (callback) this.once('end', callback);
  } else {
    this.write(flushPiece(kind), '', callback);
  }
};

ZlibBase.prototype.close = function(callback) {
  if (callback) finished(this, callback);
  this.destroy();
};

ZlibBase.prototype._destroy = function(error, callback) {
  closeHandle(this);
  callback(error);
};

// From the weakest to the strongest.
const { Z_NO_FLUSH, Z_BLOCK, Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FINISH } = constants;
const STRENGTH = [];
[Z_NO_FLUSH, Z_BLOCK, Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FINISH].forEach((flag, i) => { STRENGTH[flag] = i; });
const stronger = (a, b) => (STRENGTH[a] > STRENGTH[b] ? a : b);

ZlibBase.prototype._transform = function(chunk, encoding, callback) {
  let flush = this._defaultFlushFlag;
  if (typeof chunk[kFlush] === 'number') flush = chunk[kFlush];
  // The last piece finishes the stream.
  if (this.writableEnded && this.writableLength === chunk.byteLength) flush = stronger(flush, this._finishFlushFlag);
  processChunk(this, chunk, flush, callback);
};

// Old code calls it.
ZlibBase.prototype._processChunk = function(chunk, flush, callback) {
  return typeof callback === 'function' ? processChunk(this, chunk, flush, callback) : processChunkSync(this, chunk, flush);
};

// ---- Steps ----

function closeHandle(stream) {
  stream._handle?.close();
  stream._handle = null;
}

// There is no way back from a fault of the codec's.
function fail(stream, fault) {
  if (fault === undefined) return false;
  const [message, code, number] = fault;
  const error = genericNodeError(message, { errno: number, code });
  error.errno = number;
  error.code = code;
  stream.destroy(error);
  stream[kError] = error;
  return true;
}

function freshOutput(stream) {
  stream._outOffset = 0;
  stream._outBuffer = Buffer.allocUnsafe(stream._chunkSize);
}

// One step: what it wrote, and whether the output was filled, so that more may wait in the codec.
function step(stream, work) {
  const room = stream._chunkSize - stream._outOffset, before = work.left;
  const fault = stream._handle.write(work.flush, work.chunk, work.at, before, stream._outBuffer, stream._outOffset, room,
                                     stream._writeState);
  if (fault !== undefined) return fault;
  const [outLeft, inLeft] = stream._writeState;
  const wrote = room - outLeft;
  work.out = wrote > 0 ? stream._outBuffer.slice(stream._outOffset, stream._outOffset + wrote) : null;
  stream._outOffset += wrote;
  work.at += before - inLeft;
  work.left = inLeft;
  work.filled = outLeft === 0;
  if (work.filled || stream._outOffset >= stream._chunkSize) freshOutput(stream);
  return undefined;
}

function processChunkSync(stream, chunk, flush) {
  const work = { chunk, flush, at: 0, left: chunk.byteLength, out: null, filled: false };
  const pieces = [];
  let length = 0;
  do {
    const fault = step(stream, work);
    if (fault !== undefined) {
      stream.on('error', () => {}); // it is thrown, and not emitted besides
      fail(stream, fault);
      throw stream[kError];
    }
    if (work.out === null) continue;
    pieces.push(work.out);
    length += work.out.byteLength;
    if (length > stream._maxOutputLength) {
      closeHandle(stream);
      throw new ERR_BUFFER_TOO_LARGE(stream._maxOutputLength);
    }
  } while (work.filled);
  stream.bytesWritten = work.at;
  closeHandle(stream);
  if (pieces.length === 1) return pieces[0];
  return Buffer.concat(pieces, length);
}

// Never at once: a step that is asked for in a turn is made in the next.
function later(fn) {
  timers.later({ _onImmediate() {
    timers.refImmediate(-1);
    fn();
  } });
}

function processChunk(stream, chunk, flush, callback) {
  if (!stream._handle) {
    process.nextTick(callback);
    return;
  }
  const work = { chunk, flush, at: 0, left: chunk.byteLength, out: null, filled: false, callback };
  later(() => runStep(stream, work));
}

function runStep(stream, work) {
  if (stream.destroyed || !stream._handle) {
    work.callback();
    return;
  }
  const before = work.left;
  if (fail(stream, step(stream, work))) return;
  stream.bytesWritten += before - work.left;
  const full = work.out !== null && !stream.push(work.out);
  if (stream.destroyed) work.callback();
  else if (!work.filled) endStep(stream, work);
  else if (!full) later(() => runStep(stream, work));
  else resumeWhenRead(stream, work);
}

// Input that is left although there was room is what the codec does not want: garbage behind the end.
function endStep(stream, work) {
  if (work.left > 0) stream.push(null);
  work.callback();
}

function resumeWhenRead(stream, work) {
  const read = stream._read;
  stream._read = function(n) {
    this._read = read;
    later(() => runStep(this, work));
    this._read(n);
  };
}

module.exports = { ZlibBase, processChunkSync, inRange, fail };

// Readable, in place of the package's: Node 20's order of events, with as few calls and new objects a chunk as it allows.
// Here are the constructor, push and what happens to a chunk; reading, piping and iterating are in files beside this
// one. Must not know where data comes from.
'use strict';

const { EventEmitter } = require('events');
const { Buffer } = require('buffer');
const { nextTick } = require('process');
const { StringDecoder } = require('string_decoder');
const { Stream } = require('./legacy');
const destroyImpl = require('./destroy');
const eos = require('./end-of-stream');
const { addAbortSignal } = require('./add-abort-signal');
const { ReadableState, kPaused } = require('./readable_state');
const { maybeReadMore, emitReadable, emitReadableNow } = require('./readable_read');
const {
  AbortError,
  codes: {
    ERR_INVALID_ARG_TYPE, ERR_METHOD_NOT_IMPLEMENTED, ERR_STREAM_PUSH_AFTER_EOF, ERR_STREAM_UNSHIFT_AFTER_END_EVENT,
  },
} = require('internal/errors');

const { errorOrDestroy } = destroyImpl;

// Given by Duplex when it is there.
let isDuplexStream = () => false;

function Readable(options) {
  if (!(this instanceof Readable)) return new Readable(options);
  const isDuplex = isDuplexStream(this);
  initialise(this, options, isDuplex);
  if (options && options.signal && !isDuplex) addAbortSignal(options.signal, this);
  EventEmitter.init.call(this, options);
  if (typeof this._construct === 'function') destroyImpl.construct(this, () => constructed(this));
}

module.exports = Readable;
Readable.ReadableState = ReadableState;
for (const [name, value] of Object.entries({
  useDuplex(test) { isDuplexStream = test; }, initialise, constructed,
})) {
  Object.defineProperty(Readable, name, { value, enumerable: false });
}
Object.setPrototypeOf(Readable.prototype, Stream.prototype);
Object.setPrototypeOf(Readable, Stream);

function initialise(stream, options, isDuplex) {
  stream._readableState = new ReadableState(options, stream, isDuplex);
  if (options === undefined || options === null) return;
  if (typeof options.read === 'function') stream._read = options.read;
  if (typeof options.destroy === 'function') stream._destroy = options.destroy;
  if (typeof options.construct === 'function') stream._construct = options.construct;
}

function constructed(stream) {
  if (stream._readableState.needReadable) maybeReadMore(stream, stream._readableState);
}

// ---- Chunks that arrive ----

Readable.prototype.push = function(chunk, encoding) {
  const state = this._readableState;
  return state.objectMode ? addObject(this, state, chunk, encoding) : addBytes(this, state, chunk, encoding);
};

Readable.prototype.unshift = function(chunk, encoding) {
  const state = this._readableState;
  return state.objectMode ? unshiftObject(this, state, chunk) : unshiftBytes(this, state, chunk, encoding);
};

const wantsMore = (state) => !state.ended && (state.length < state.highWaterMark || state.length === 0);

function addObject(stream, state, chunk, encoding) {
  if (chunk === null) {
    state.reading = false;
    endOfChunks(stream, state);
    return false;
  }
  if (state.ended) {
    errorOrDestroy(stream, new ERR_STREAM_PUSH_AFTER_EOF());
    return false;
  }
  if (state.destroyed || state.errored !== null) return false;
  state.reading = false;
  if (state.decoder !== null && !encoding) chunk = state.decoder.write(chunk);
  addChunk(stream, state, chunk, 1);
  return wantsMore(state);
}

function invalidChunk(stream, chunk) {
  errorOrDestroy(stream, new ERR_INVALID_ARG_TYPE('chunk', ['string', 'Buffer', 'Uint8Array'], chunk));
  return false;
}

function addBytes(stream, state, chunk, encoding) {
  let decoded = false;
  if (chunk === null) {
    state.reading = false;
    endOfChunks(stream, state);
    return false;
  }
  if (typeof chunk === 'string') {
    encoding = encoding || state.defaultEncoding;
    decoded = state.encoding === encoding;
    if (!decoded) chunk = Buffer.from(chunk, encoding);
  } else if (!(chunk instanceof Buffer)) {
    if (chunk === undefined) return nothingCame(stream, state);
    if (!Stream._isUint8Array(chunk)) return invalidChunk(stream, chunk);
    chunk = Stream._uint8ArrayToBuffer(chunk);
  }
  if (chunk.length === 0) return nothingCame(stream, state);
  if (state.ended) {
    errorOrDestroy(stream, new ERR_STREAM_PUSH_AFTER_EOF());
    return false;
  }
  if (state.destroyed || state.errored !== null) return false;
  state.reading = false;
  if (state.decoder !== null && !decoded) {
    chunk = state.decoder.write(chunk);
    if (chunk.length === 0) return nothingCame(stream, state);
  }
  addChunk(stream, state, chunk, chunk.length);
  return wantsMore(state);
}

function nothingCame(stream, state) {
  state.reading = false;
  maybeReadMore(stream, state);
  return wantsMore(state);
}

function addChunk(stream, state, chunk, length) {
  if (state.flowing && state.length === 0 && !state.sync && stream._events.data !== undefined) {
    // Whoever was waited for has been written to by now, or is no more.
    if (state.multiAwaitDrain) state.awaitDrainWriters.clear();
    else state.awaitDrainWriters = null;
    state.dataEmitted = true;
    stream.emit('data', chunk);
  } else {
    state.length += length;
    state.buffer.push(chunk);
    if (state.needReadable) emitReadable(stream, state);
  }
  if (!state.readingMore) maybeReadMore(stream, state);
}

function unshiftObject(stream, state, chunk) {
  if (chunk === null) {
    state.reading = false;
    endOfChunks(stream, state);
    return false;
  }
  return addToFront(stream, state, chunk, 1);
}

function unshiftBytes(stream, state, chunk, encoding) {
  if (chunk === null) return unshiftObject(stream, state, chunk);
  if (typeof chunk === 'string') {
    encoding = encoding || state.defaultEncoding;
    if (state.encoding !== encoding) {
      chunk = Buffer.from(chunk, encoding);
      if (state.encoding) chunk = chunk.toString(state.encoding);
    }
  } else if (chunk !== undefined && !(chunk instanceof Buffer)) {
    if (!Stream._isUint8Array(chunk)) return invalidChunk(stream, chunk);
    chunk = Stream._uint8ArrayToBuffer(chunk);
  }
  return chunk && chunk.length > 0 ? addToFront(stream, state, chunk, chunk.length) : wantsMore(state);
}

function addToFront(stream, state, chunk, length) {
  if (state.endEmitted) {
    errorOrDestroy(stream, new ERR_STREAM_UNSHIFT_AFTER_END_EVENT());
  } else if (state.destroyed || state.errored) {
    return false;
  } else if (state.flowing && state.length === 0 && !state.sync && stream._events.data !== undefined) {
    addChunk(stream, state, chunk, length);
  } else {
    state.length += length;
    state.buffer.unshift(chunk);
    if (state.needReadable) emitReadable(stream, state);
    maybeReadMore(stream, state);
  }
  return wantsMore(state);
}

function endOfChunks(stream, state) {
  if (state.ended) return;
  if (state.decoder) {
    const rest = state.decoder.end();
    if (rest && rest.length) {
      state.buffer.push(rest);
      state.length += state.objectMode ? 1 : rest.length;
    }
  }
  state.ended = true;
  if (state.sync) {
    // push(null) within _read: wait for who reads now.
    emitReadable(stream, state);
  } else {
    state.needReadable = false;
    state.emittedReadable = true;
    emitReadableNow(stream);
  }
}

// ---- Reading, and the rest of the class ----

Readable.prototype._read = function(n) {
  throw new ERR_METHOD_NOT_IMPLEMENTED('_read()');
};

Readable.prototype.setEncoding = function(enc) {
  const decoder = new StringDecoder(enc);
  const state = this._readableState;
  state.decoder = decoder;
  state.encoding = decoder.encoding;
  // What waits already is decoded now.
  let content = '';
  for (const data of state.buffer) content += decoder.write(data);
  state.buffer.clear();
  if (content !== '') state.buffer.push(content);
  state.length = content.length;
  return this;
};

Readable.prototype.isPaused = function() {
  const state = this._readableState;
  return state[kPaused] === true || state.flowing === false;
};

Readable.prototype.destroy = destroyImpl.destroy;
Readable.prototype._undestroy = destroyImpl.undestroy;
Readable.prototype._destroy = function(err, cb) {
  cb(err);
};
Readable.prototype[EventEmitter.captureRejectionSymbol] = function(err) {
  this.destroy(err);
};

Readable.prototype[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')] = function() {
  let error;
  if (!this.destroyed) {
    error = this.readableEnded ? null : new AbortError();
    this.destroy(error);
  }
  return new Promise((resolve, reject) => {
    eos(this, (failure) => (failure && failure !== error ? reject(failure) : resolve(null)));
  });
};

require('./readable_read').addMethods(Readable);
require('./readable_flow')(Readable);
require('./readable_pipe')(Readable);
require('./readable_iterator')(Readable);
require('./readable_properties')(Readable);

const from = require('./from');
let adapters;
const web = () => adapters ??= require('internal/webstreams/adapters');

Readable.from = function(iterable, opts) {
  return from(Readable, iterable, opts);
};
Readable.fromWeb = function(readableStream, options) {
  return web().newStreamReadableFromReadableStream(readableStream, options);
};
Readable.toWeb = function(streamReadable, options) {
  return web().newReadableStreamFromStreamReadable(streamReadable, options);
};

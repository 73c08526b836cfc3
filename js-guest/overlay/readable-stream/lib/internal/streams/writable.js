// Writable, in place of the package's: Node 20's order of events, with as few calls and new objects a chunk as it allows.
// How a stream ends is in writable_finish. Must not know what is written where.
'use strict';

const { EventEmitter } = require('events');
const { Buffer } = require('buffer');
const { nextTick } = require('process');
const { Stream } = require('./legacy');
const destroyImpl = require('./destroy');
const { addAbortSignal } = require('./add-abort-signal');
const WritableState = require('./writable_state');
const { finishMaybe, finishedCallbacks } = require('./writable_finish');
const {
  ERR_INVALID_ARG_TYPE, ERR_METHOD_NOT_IMPLEMENTED, ERR_MULTIPLE_CALLBACK, ERR_STREAM_ALREADY_FINISHED,
  ERR_STREAM_CANNOT_PIPE, ERR_STREAM_DESTROYED, ERR_STREAM_NULL_VALUES, ERR_STREAM_WRITE_AFTER_END, ERR_UNKNOWN_ENCODING,
} = require('internal/errors').codes;

const { errorOrDestroy } = destroyImpl;
const { NONE } = WritableState;
const plainInstanceOf = Function.prototype[Symbol.hasInstance];
const nop = () => {};

// Given by Duplex when it is there.
let isDuplexStream = () => false;

function Writable(options) {
  const isDuplex = isDuplexStream(this);
  if (!isDuplex && !Reflect.apply(plainInstanceOf, Writable, [this])) return new Writable(options);
  initialise(this, options, isDuplex);
  EventEmitter.init.call(this, options);
  if (typeof this._construct === 'function') destroyImpl.construct(this, () => constructed(this));
}

module.exports = Writable;
Writable.WritableState = WritableState;
Writable.useDuplex = (test) => { isDuplexStream = test; };
Writable.initialise = initialise;
Writable.constructed = constructed;
Object.setPrototypeOf(Writable.prototype, Stream.prototype);
Object.setPrototypeOf(Writable, Stream);
for (const hidden of ['useDuplex', 'initialise', 'constructed']) {
  Object.defineProperty(Writable, hidden, { enumerable: false });
}

function initialise(stream, options, isDuplex) {
  const state = new WritableState(options, stream, isDuplex);
  state.onwrite = (error) => onwrite(stream, state, error);
  stream._writableState = state;
  if (options === undefined || options === null) return;
  if (typeof options.write === 'function') stream._write = options.write;
  if (typeof options.writev === 'function') stream._writev = options.writev;
  if (typeof options.destroy === 'function') stream._destroy = options.destroy;
  if (typeof options.final === 'function') stream._final = options.final;
  if (typeof options.construct === 'function') stream._construct = options.construct;
  if (options.signal) addAbortSignal(options.signal, stream);
}

function constructed(stream) {
  const state = stream._writableState;
  if (!state.writing) clearBuffer(stream, state);
  if (state.ending) finishMaybe(stream, state);
}

Object.defineProperty(Writable, Symbol.hasInstance, {
  __proto__: null,
  value: function(object) {
    if (Reflect.apply(plainInstanceOf, this, [object])) return true;
    if (this !== Writable) return false;
    return object && object._writableState instanceof WritableState;
  },
});

// ---- Writing ----

// The chunk as bytes, unless strings may stay. Nothing else may be written outside of object mode.
function bytesOf(chunk) {
  if (Stream._isUint8Array(chunk)) return Stream._uint8ArrayToBuffer(chunk);
  throw new ERR_INVALID_ARG_TYPE('chunk', ['string', 'Buffer', 'Uint8Array'], chunk);
}

function checkedEncoding(encoding) {
  if (encoding !== 'buffer' && encoding !== 'utf8' && !Buffer.isEncoding(encoding)) throw new ERR_UNKNOWN_ENCODING(encoding);
  return encoding;
}

// True or false for what write() answers, or the error that the stream ends with.
function writeChunk(stream, chunk, encoding, callback) {
  const state = stream._writableState;
  if (typeof callback !== 'function') callback = nop;
  if (chunk === null) throw new ERR_STREAM_NULL_VALUES();
  let length = 1;
  if (!state.objectMode) {
    encoding = encoding ? checkedEncoding(encoding) : state.defaultEncoding;
    if (typeof chunk !== 'string') {
      if (!(chunk instanceof Buffer)) chunk = bytesOf(chunk);
      encoding = 'buffer';
    } else if (state.decodeStrings) {
      chunk = Buffer.from(chunk, encoding);
      encoding = 'buffer';
    }
    length = chunk.length;
  }
  if (state.ending || state.destroyed) return refuse(stream, state, callback);
  state.pendingcb++;
  const waiting = state.length += length;
  const room = waiting < state.highWaterMark;
  if (!room) state.needDrain = true;
  if (state.writing || state.corked !== 0 || state.errored !== null || !state.constructed) {
    enqueue(state, chunk, encoding, callback);
  } else {
    state.writelen = length;
    state.writecb = callback;
    state.writing = true;
    state.sync = true;
    stream._write(chunk, encoding, state.onwrite);
    state.sync = false;
  }
  return room && state.errored === null && !state.destroyed;
}

function refuse(stream, state, callback) {
  const error = state.ending ? new ERR_STREAM_WRITE_AFTER_END() : new ERR_STREAM_DESTROYED('write');
  nextTick(callback, error);
  errorOrDestroy(stream, error, true);
  return error;
}

function enqueue(state, chunk, encoding, callback) {
  if (state.buffered === NONE) state.buffered = [{ chunk, encoding, callback }];
  else state.buffered.push({ chunk, encoding, callback });
  if (encoding !== 'buffer') state.allBuffers = false;
  if (callback !== nop) state.allNoop = false;
}

Writable.prototype.write = function(chunk, encoding, cb) {
  if (typeof encoding === 'function') {
    cb = encoding;
    encoding = null;
  }
  return writeChunk(this, chunk, encoding, cb) === true;
};

Writable.prototype.end = function(chunk, encoding, cb) {
  const state = this._writableState;
  if (typeof chunk === 'function') {
    cb = chunk;
    chunk = encoding = null;
  } else if (typeof encoding === 'function') {
    cb = encoding;
    encoding = null;
  }
  let error;
  if (chunk !== null && chunk !== undefined) {
    const result = writeChunk(this, chunk, encoding, undefined);
    if (typeof result !== 'boolean') error = result;
  }
  if (state.corked !== 0) {
    state.corked = 1;
    this.uncork();
  }
  if (error === undefined) {
    if (!state.ending && !state.errored) {
      state.ending = true;
      finishMaybe(this, state, true);
      state.ended = true;
    } else if (state.finished) {
      error = new ERR_STREAM_ALREADY_FINISHED('end');
    } else if (state.destroyed) {
      error = new ERR_STREAM_DESTROYED('end');
    }
  }
  if (typeof cb === 'function') {
    error ??= state.errored;
    if (error || state.finished) nextTick(cb, error);
    else if (state.onFinished === null) state.onFinished = [cb];
    else state.onFinished.push(cb);
  }
  return this;
};

Writable.prototype._write = function(chunk, encoding, cb) {
  if (!this._writev) throw new ERR_METHOD_NOT_IMPLEMENTED('_write()');
  this._writev([{ chunk, encoding }], cb);
};
Writable.prototype._writev = null;

Writable.prototype.pipe = function() {
  errorOrDestroy(this, new ERR_STREAM_CANNOT_PIPE());
};

Writable.prototype.cork = function() {
  this._writableState.corked++;
};

Writable.prototype.uncork = function() {
  const state = this._writableState;
  if (state.corked === 0) return;
  state.corked--;
  if (!state.writing) clearBuffer(this, state);
};

Writable.prototype.setDefaultEncoding = function setDefaultEncoding(encoding) {
  if (typeof encoding === 'string') encoding = encoding.toLowerCase();
  if (!Buffer.isEncoding(encoding)) throw new ERR_UNKNOWN_ENCODING(encoding);
  this._writableState.defaultEncoding = encoding;
  return this;
};

// ---- What has been written ----

function onwrite(stream, state, error) {
  const { sync, writecb: callback } = state;
  if (callback === null) {
    errorOrDestroy(stream, new ERR_MULTIPLE_CALLBACK());
    return;
  }
  state.writing = false;
  state.writecb = null;
  state.length -= state.writelen;
  state.writelen = 0;
  if (error) {
    writeFailed(stream, state, error, callback, sync);
    return;
  }
  if (state.bufferedIndex < state.buffered.length) clearBuffer(stream, state);
  if (!sync) {
    afterWrite(stream, state, 1, callback);
  } else if (callback === nop) {
    if (!state.afterWritePending && ((state.needDrain && state.length === 0) || state.destroyed)) {
      state.afterWritePending = true;
      nextTick(afterWrite, stream, state, 1, callback);
    } else {
      state.pendingcb--;
      if (state.ending) finishMaybe(stream, state, true);
    }
  } else {
    laterTell(stream, state, callback);
  }
}

// Most write() calls carry the same callback: one tick tells for all of them.
function laterTell(stream, state, callback) {
  const info = state.afterWriteTickInfo;
  if (info !== null && info.callback === callback) {
    info.count++;
    return;
  }
  state.afterWriteTickInfo = { count: 1, callback, stream, state };
  state.afterWritePending = true;
  nextTick(afterWriteTick, state.afterWriteTickInfo);
}

function afterWriteTick({ stream, state, count, callback }) {
  state.afterWriteTickInfo = null;
  afterWrite(stream, state, count, callback);
}

function afterWrite(stream, state, count, callback) {
  state.afterWritePending = false;
  if (state.needDrain && state.length === 0 && !state.ending && !stream.destroyed) {
    state.needDrain = false;
    stream.emit('drain');
  }
  for (; count > 0; count--) {
    state.pendingcb--;
    callback(null);
  }
  if (state.destroyed) failBuffered(state);
  if (state.ending) finishMaybe(stream, state, true);
}

function writeFailed(stream, state, error, callback, sync) {
  if (!state.errored) state.errored = error;
  // The readable half of a duplex must know too.
  const readable = stream._readableState;
  if (readable && !readable.errored) readable.errored = error;
  if (sync) nextTick(tellFailed, stream, state, error, callback);
  else tellFailed(stream, state, error, callback);
}

// Callbacks first, then what waited, then 'error'.
function tellFailed(stream, state, error, callback) {
  state.pendingcb--;
  callback(error);
  failBuffered(state);
  errorOrDestroy(stream, error);
}

function failBuffered(state) {
  if (state.writing) return;
  const { buffered } = state;
  for (let n = state.bufferedIndex; n < buffered.length; n++) {
    const { chunk, callback } = buffered[n];
    state.length -= state.objectMode ? 1 : chunk.length;
    callback(state.errored ?? new ERR_STREAM_DESTROYED('write'));
  }
  finishedCallbacks(state, state.errored ?? new ERR_STREAM_DESTROYED('end'));
  resetBuffer(state);
}

// ---- What waits to be written ----

function resetBuffer(state) {
  state.buffered = NONE;
  state.bufferedIndex = 0;
  state.allBuffers = true;
  state.allNoop = true;
}

function clearBuffer(stream, state) {
  if (state.bufferProcessing || state.corked !== 0 || state.destroyed || !state.constructed) return;
  const waiting = state.buffered.length - state.bufferedIndex;
  if (waiting === 0) return;
  state.bufferProcessing = true;
  if (waiting > 1 && stream._writev) writeAll(stream, state, waiting);
  else writeOneByOne(stream, state);
  state.bufferProcessing = false;
}

function writeAll(stream, state, waiting) {
  const { buffered, bufferedIndex: first, allNoop } = state;
  state.pendingcb -= waiting - 1;
  const callback = allNoop ? nop : (error) => {
    for (let n = first; n < buffered.length; n++) buffered[n].callback(error);
  };
  // A list that nobody will call back through can be handed out itself.
  const chunks = allNoop && first === 0 ? buffered : buffered.slice(first);
  chunks.allBuffers = state.allBuffers;
  beginWrite(state, state.length, callback);
  stream._writev(chunks, state.onwrite);
  state.sync = false;
  resetBuffer(state);
}

function beginWrite(state, length, callback) {
  state.writelen = length;
  state.writecb = callback;
  state.writing = true;
  state.sync = true;
}

function writeOneByOne(stream, state) {
  const { buffered, objectMode } = state;
  let i = state.bufferedIndex;
  do {
    const { chunk, encoding, callback } = buffered[i];
    buffered[i++] = null;
    beginWrite(state, objectMode ? 1 : chunk.length, callback);
    if (state.destroyed) state.onwrite(new ERR_STREAM_DESTROYED('write'));
    else stream._write(chunk, encoding, state.onwrite);
    state.sync = false;
  } while (i < buffered.length && !state.writing);
  if (i === buffered.length) {
    resetBuffer(state);
  } else if (i > 256) {
    buffered.splice(0, i);
    state.bufferedIndex = 0;
  } else {
    state.bufferedIndex = i;
  }
}

// ---- Its end by force ----

Writable.prototype.destroy = function(error, cb) {
  const state = this._writableState;
  const owes = state.bufferedIndex < state.buffered.length || state.onFinished !== null;
  if (!state.destroyed && owes) nextTick(failBuffered, state);
  destroyImpl.destroy.call(this, error, cb);
  return this;
};
Writable.prototype._undestroy = destroyImpl.undestroy;
Writable.prototype._destroy = function(error, cb) {
  cb(error);
};
Writable.prototype[EventEmitter.captureRejectionSymbol] = function(error) {
  this.destroy(error);
};

require('./writable_properties')(Writable);

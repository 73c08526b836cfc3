// What read() gives, and when a Readable asks its source for more. Must not know who listens.
'use strict';

const { nextTick } = require('process');
const { errorOrDestroy } = require('./destroy');
const { codes: { ERR_OUT_OF_RANGE } } = require('internal/errors');

const MAX_HIGH_WATER_MARK = 0x40000000;

// The next power of two: a read of n bytes raises the mark, though not by a little each time.
function raisedMark(n) {
  if (n > MAX_HIGH_WATER_MARK) throw new ERR_OUT_OF_RANGE('size', '<= 1GiB', n);
  return 2 ** Math.ceil(Math.log2(n));
}

function howMuchToRead(n, state) {
  const { length } = state;
  if (n <= 0 || (length === 0 && state.ended)) return 0;
  if (state.objectMode) return 1;
  if (n !== n) { // NaN: all, or a chunk at a time when data flows
    return state.flowing && length !== 0 ? state.buffer.head.data.length : length;
  }
  if (n <= length) return n;
  return state.ended ? length : 0;
}

function fromList(n, state) {
  if (state.length === 0) return null;
  const { buffer } = state;
  if (state.objectMode) return buffer.shift();
  if (n && n < state.length) return buffer.consume(n, state.decoder);
  let all;
  if (state.decoder) all = buffer.join('');
  else if (buffer.length === 1) all = buffer.first();
  else all = buffer.concat(state.length);
  buffer.clear();
  return all;
}

function callRead(stream, state) {
  state.reading = true;
  state.sync = true;
  if (state.length === 0) state.needReadable = true;
  try {
    stream._read(state.highWaterMark);
  } catch (error) {
    errorOrDestroy(stream, error);
  }
  state.sync = false;
}

// read(0) with enough there: only tell.
function onlyTells(state) {
  if (!state.needReadable) return false;
  if (state.ended) return true;
  return state.highWaterMark !== 0 ? state.length >= state.highWaterMark : state.length > 0;
}

function read(n) {
  if (n === undefined) n = NaN;
  else if (n !== 0 && !Number.isInteger(n)) n = Number.parseInt(n, 10);
  const state = this._readableState;
  const asked = n;
  if (n > state.highWaterMark) state.highWaterMark = raisedMark(n);
  if (n !== 0) {
    state.emittedReadable = false;
  } else if (onlyTells(state)) {
    if (state.length === 0 && state.ended) endReadable(this, state);
    else emitReadable(this, state);
    return null;
  }
  n = howMuchToRead(n, state);
  if (n === 0 && state.ended) {
    if (state.length === 0) endReadable(this, state);
    return null;
  }
  if (!state.reading && (state.needReadable || state.length === 0 || state.length - n < state.highWaterMark) &&
      !state.ended && !state.destroyed && state.errored === null && state.constructed) {
    callRead(this, state);
    // A source that pushed at once may have changed what there is.
    if (!state.reading) n = howMuchToRead(asked, state);
  }
  const chunk = n > 0 ? fromList(n, state) : null;
  if (chunk === null) {
    state.needReadable = state.length <= state.highWaterMark;
    n = 0;
  } else {
    state.length -= n;
    if (state.multiAwaitDrain) state.awaitDrainWriters.clear();
    else state.awaitDrainWriters = null;
  }
  if (state.length === 0) {
    if (!state.ended) state.needReadable = true;
    else if (asked !== n) endReadable(this, state);
  }
  if (chunk !== null && !state.errorEmitted && !state.closeEmitted) {
    state.dataEmitted = true;
    this.emit('data', chunk);
  }
  return chunk;
}

// ---- 'readable', and reading ahead ----

function emitReadable(stream, state) {
  state.needReadable = false;
  if (state.emittedReadable) return;
  state.emittedReadable = true;
  nextTick(emitReadableNow, stream);
}

function emitReadableNow(stream) {
  const state = stream._readableState;
  if (!state.destroyed && !state.errored && (state.length > 0 || state.ended)) {
    stream.emit('readable');
    state.emittedReadable = false;
  }
  // Who listens has to be told again when less than the mark is left.
  state.needReadable = !state.flowing && !state.ended && state.length <= state.highWaterMark;
  while (state.flowing && stream.read() !== null);
}

function maybeReadMore(stream, state) {
  if (state.readingMore || !state.constructed) return;
  state.readingMore = true;
  nextTick(readMore, stream, state);
}

function readMore(stream, state) {
  while (!state.reading && !state.ended &&
         (state.length < state.highWaterMark || (state.flowing && state.length === 0))) {
    const before = state.length;
    stream.read(0);
    if (before === state.length) break;
  }
  state.readingMore = false;
}

// ---- 'end' ----

function endReadable(stream, state) {
  if (state.endEmitted) return;
  state.ended = true;
  nextTick(emitEnd, state, stream);
}

function emitEnd(state, stream) {
  if (state.errored || state.closeEmitted || state.endEmitted || state.length !== 0) return;
  state.endEmitted = true;
  stream.emit('end');
  if (stream.writable && stream.allowHalfOpen === false) {
    nextTick(endWritable, stream);
  } else if (state.autoDestroy) {
    // A duplex waits for its writable half, unless there is none.
    const writable = stream._writableState;
    if (!writable || (writable.autoDestroy && (writable.finished || writable.writable === false))) stream.destroy();
  }
}

function endWritable(stream) {
  if (stream.writable && !stream.writableEnded && !stream.destroyed) stream.end();
}

function addMethods(Readable) {
  Readable.prototype.read = read;
  Readable._fromList = fromList;
}

module.exports = { addMethods, emitReadable, emitReadableNow, maybeReadMore };

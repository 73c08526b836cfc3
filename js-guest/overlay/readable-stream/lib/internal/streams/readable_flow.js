// Flowing and paused: what listening for 'data' and 'readable', resume() and pause() do. Must not know chunks.
'use strict';

const { nextTick } = require('process');
const { Stream } = require('./legacy');
const { kPaused } = require('./readable_state');
const { emitReadable } = require('./readable_read');

function on(event, listener) {
  const result = Stream.prototype.on.call(this, event, listener);
  if (event === 'data') {
    const state = this._readableState;
    // With 'readable' listened for, data flows only by read().
    state.readableListening = this.listenerCount('readable') > 0;
    if (state.flowing !== false) this.resume();
  } else if (event === 'readable') {
    const state = this._readableState;
    if (!state.endEmitted && !state.readableListening) {
      state.readableListening = state.needReadable = true;
      state.flowing = false;
      state.emittedReadable = false;
      if (state.length) emitReadable(this, state);
      else if (!state.reading) nextTick(readNothing, this);
    }
  }
  return result;
}

function readNothing(stream) {
  stream.read(0);
}

function removeListener(event, listener) {
  const result = Stream.prototype.removeListener.call(this, event, listener);
  // Later, since a listener is often only replaced by another.
  if (event === 'readable') nextTick(updateListening, this);
  return result;
}

function removeAllListeners(event) {
  const result = Stream.prototype.removeAllListeners.apply(this, arguments);
  if (event === 'readable' || event === undefined) nextTick(updateListening, this);
  return result;
}

function updateListening(stream) {
  const state = stream._readableState;
  state.readableListening = stream.listenerCount('readable') > 0;
  if (state.resumeScheduled && state[kPaused] === false) state.flowing = true;
  else if (stream.listenerCount('data') > 0) stream.resume();
  else if (!state.readableListening) state.flowing = null;
}

function resume() {
  const state = this._readableState;
  if (!state.flowing) {
    state.flowing = !state.readableListening;
    if (!state.resumeScheduled) {
      state.resumeScheduled = true;
      nextTick(resumeNow, this, state);
    }
  }
  state[kPaused] = false;
  return this;
}

function resumeNow(stream, state) {
  if (!state.reading) stream.read(0);
  state.resumeScheduled = false;
  stream.emit('resume');
  while (state.flowing && stream.read() !== null);
  if (state.flowing && !state.reading) stream.read(0);
}

function pause() {
  const state = this._readableState;
  if (state.flowing !== false) {
    state.flowing = false;
    this.emit('pause');
  }
  state[kPaused] = true;
  return this;
}

module.exports = function addFlow(Readable) {
  const target = Readable.prototype;
  target.on = on;
  target.addListener = on;
  target.removeListener = removeListener;
  target.off = removeListener;
  target.removeAllListeners = removeAllListeners;
  target.resume = resume;
  target.pause = pause;
};

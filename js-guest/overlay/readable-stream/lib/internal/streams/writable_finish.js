// How a Writable ends by itself: _final, 'prefinish', 'finish', then destroy(). Must not know how chunks are written.
'use strict';

const { nextTick } = require('process');
const { errorOrDestroy } = require('./destroy');
const { codes: { ERR_MULTIPLE_CALLBACK } } = require('internal/errors');

function needFinish(state) {
  return state.ending && state.length === 0 && !state.writing && !state.finished && state.constructed &&
    !state.destroyed && state.errored === null && state.buffered.length === 0 && !state.errorEmitted && !state.closeEmitted;
}

function finishedCallbacks(state, error) {
  const list = state.onFinished;
  if (list === null) return;
  state.onFinished = null;
  for (let i = 0; i < list.length; i++) list[i](error);
}

function afterFinal(stream, state, error) {
  if (state.prefinished) {
    errorOrDestroy(stream, error ?? new ERR_MULTIPLE_CALLBACK());
    return;
  }
  state.pendingcb--;
  if (error) {
    finishedCallbacks(state, error);
    errorOrDestroy(stream, error, state.sync);
  } else if (needFinish(state)) {
    state.prefinished = true;
    stream.emit('prefinish');
    // 'finish' never comes within the callback of _final.
    state.pendingcb++;
    nextTick(finish, stream, state);
  }
}

function prefinish(stream, state) {
  if (state.prefinished || state.finalCalled) return;
  state.finalCalled = true;
  if (typeof stream._final !== 'function' || state.destroyed) {
    state.prefinished = true;
    stream.emit('prefinish');
    return;
  }
  state.sync = true;
  state.pendingcb++;
  try {
    stream._final((error) => afterFinal(stream, state, error));
  } catch (error) {
    afterFinal(stream, state, error);
  }
  state.sync = false;
}

function finishLater(stream, state) {
  if (needFinish(state)) finish(stream, state);
  else state.pendingcb--;
}

function finishMaybe(stream, state, later) {
  if (!needFinish(state)) return;
  prefinish(stream, state);
  if (state.pendingcb !== 0) return;
  if (later) {
    state.pendingcb++;
    nextTick(finishLater, stream, state);
  } else if (needFinish(state)) {
    state.pendingcb++;
    finish(stream, state);
  }
}

function finish(stream, state) {
  state.pendingcb--;
  state.finished = true;
  finishedCallbacks(state, null);
  stream.emit('finish');
  if (!state.autoDestroy) return;
  // A duplex waits for its readable half, unless there is none.
  const readable = stream._readableState;
  if (!readable || (readable.autoDestroy && (readable.endEmitted || readable.readable === false))) stream.destroy();
}

module.exports = { finishMaybe, finishedCallbacks };

// What the adapters ask of node:stream, loaded when they are first used: node:stream loads them, too. Knows no web stream.
'use strict';

const { AbortError } = require('internal/errors');

const stream = () => require('stream');

// The end of a stream as the other side is told of it: to be closed early is to be aborted.
function endReason(error) {
  if (error?.code !== 'ERR_STREAM_PREMATURE_CLOSE') return error;
  return new AbortError(undefined, { cause: error });
}

// Calls back and, should that throw, lets `failed` have the error on a tick of its own.
function callSafely(callback, error, failed) {
  try {
    callback(error);
  } catch (thrown) {
    process.nextTick(failed, thrown);
  }
}

function rethrow(error) {
  throw error;
}

module.exports = {
  callSafely, endReason, rethrow,
  destroy: (target, error) => stream().destroy(target, error),
  finished: (target, callback) => stream().finished(target, callback),
  isDestroyed: (target) => stream().isDestroyed(target),
  isReadable: (target) => stream().isReadable(target),
  isWritable: (target) => stream().isWritable(target),
};

// A stream.Readable as a ReadableStream, and back. Must not know where data comes from.
'use strict';

const { Buffer } = require('buffer');
const { CountQueuingStrategy, ReadableStream, isReadableStream } = require('internal/webstreams/classes');
const {
  callSafely, destroy, endReason, finished, isDestroyed, isReadable, rethrow,
} = require('internal/webstreams/node_streams');
const { codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE } } = require('internal/errors');
const { validateBoolean, validateObject } = require('internal/validators');

function newReadableStreamFromStreamReadable(streamReadable, options = {}) {
  if (typeof streamReadable?._readableState !== 'object') {
    throw new ERR_INVALID_ARG_TYPE('streamReadable', 'stream.Readable', streamReadable);
  }
  if (isDestroyed(streamReadable) || !isReadable(streamReadable)) {
    const readable = new ReadableStream();
    readable.cancel();
    return readable;
  }
  const { readableObjectMode: objectMode, readableHighWaterMark: highWaterMark } = streamReadable;
  const strategy = options?.strategy ?? (objectMode ? new CountQueuingStrategy({ highWaterMark }) : { highWaterMark });
  let controller;

  function onData(chunk) {
    // A view of the chunk's own bytes, since what is enqueued may be transferred.
    if (Buffer.isBuffer(chunk) && !objectMode) chunk = new Uint8Array(chunk);
    controller.enqueue(chunk);
    if (controller.desiredSize <= 0) streamReadable.pause();
  }

  streamReadable.pause();
  const cleanup = finished(streamReadable, (error) => {
    cleanup();
    // What fails after the end concerns nobody.
    streamReadable.on('error', () => {});
    if (error) controller.error(endReason(error));
    else controller.close();
  });
  streamReadable.on('data', onData);

  return new ReadableStream({
    start(given) { controller = given; },
    pull() { streamReadable.resume(); },
    cancel(reason) { destroy(streamReadable, reason); },
  }, strategy);
}

function readOptions(options) {
  validateObject(options, 'options');
  const { highWaterMark, encoding, objectMode = false, signal } = options;
  if (encoding !== undefined && !Buffer.isEncoding(encoding)) {
    throw new ERR_INVALID_ARG_VALUE(encoding, 'options.encoding');
  }
  validateBoolean(objectMode, 'options.objectMode');
  return { highWaterMark, encoding, objectMode, signal };
}

function newStreamReadableFromReadableStream(readableStream, options = {}) {
  if (!isReadableStream(readableStream)) {
    throw new ERR_INVALID_ARG_TYPE('readableStream', 'ReadableStream', readableStream);
  }
  const settings = readOptions(options);
  const { Readable } = require('stream');
  const reader = readableStream.getReader();
  let closed = false;

  const readable = new Readable({
    ...settings,
    read() {
      reader.read().then(
        ({ value, done }) => { readable.push(done ? null : value); },
        (error) => { destroy(readable, error); });
    },
    destroy(error, callback) {
      const done = () => callSafely(callback, error, rethrow);
      if (closed) done();
      else reader.cancel(error).then(done, done);
    },
  });

  reader.closed.then(
    () => { closed = true; },
    (error) => {
      closed = true;
      destroy(readable, error);
    });
  return readable;
}

module.exports = { newReadableStreamFromStreamReadable, newStreamReadableFromReadableStream, readOptions };

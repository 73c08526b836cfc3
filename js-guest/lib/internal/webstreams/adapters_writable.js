// A stream.Writable as a WritableStream, and back. Must not know where data goes.
'use strict';

const { Buffer } = require('buffer');
const { CountQueuingStrategy, WritableStream, isWritableStream } = require('internal/webstreams/classes');
const {
  callSafely, destroy, endReason, finished, isDestroyed, isWritable,
} = require('internal/webstreams/node_streams');
const { AbortError, codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');
const { createDeferredPromise, normalizeEncoding } = require('internal/util');
const { validateBoolean, validateObject } = require('internal/validators');

// An HTTP message is written to, too, and has no state of a Writable.
const canBeWrittenTo = (value) => typeof value?._writableState === 'object' ||
  (typeof value?.write === 'function' && typeof value?.end === 'function' && typeof value?.on === 'function');

function newWritableStreamFromStreamWritable(streamWritable) {
  if (streamWritable === null || !canBeWrittenTo(streamWritable)) {
    throw new ERR_INVALID_ARG_TYPE('streamWritable', 'stream.Writable', streamWritable);
  }
  if (isDestroyed(streamWritable) || !isWritable(streamWritable)) {
    const writable = new WritableStream();
    writable.close();
    return writable;
  }
  const highWaterMark = streamWritable.writableHighWaterMark;
  const strategy = streamWritable.writableObjectMode ? new CountQueuingStrategy({ highWaterMark }) : { highWaterMark };
  let controller;
  let drained; // a promise while the stream is full
  let closed; // a promise once close() was asked for

  const cleanup = finished(streamWritable, (error) => {
    cleanup();
    streamWritable.on('error', () => {});
    const ended = closed;
    closed = undefined;
    if (error) {
      const reason = endReason(error);
      drained?.reject(reason);
      ended?.reject(reason);
      controller.error(reason);
    } else if (ended !== undefined) {
      ended.resolve();
    } else {
      controller.error(new AbortError());
    }
  });
  streamWritable.on('drain', () => drained?.resolve());

  return new WritableStream({
    start(given) { controller = given; },
    write(chunk) {
      if (!streamWritable.writableNeedDrain && streamWritable.write(chunk)) return undefined;
      drained = createDeferredPromise();
      return drained.promise.finally(() => { drained = undefined; });
    },
    abort(reason) { destroy(streamWritable, reason); },
    close() {
      if (closed === undefined && !streamWritable.writableEnded) {
        closed = createDeferredPromise();
        streamWritable.end();
      }
      return closed === undefined ? Promise.resolve() : closed.promise;
    },
  }, strategy);
}

// A string as the bytes that a WritableStream of bytes takes.
function encoded(chunk, encoding) {
  if (normalizeEncoding(encoding) === 'utf8') return new TextEncoder().encode(chunk);
  const bytes = Buffer.from(chunk, encoding);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// What the two adapters that write to a WritableStream do alike. `isClosed` tells whether the writer is done.
function writerMethods(writer, stream, settings) {
  const fail = (error) => destroy(stream(), error);
  const asBytes = (chunk, encoding) =>
    (typeof chunk === 'string' && settings.decodeStrings && !settings.objectMode ? encoded(chunk, encoding) : chunk);
  return {
    writev(chunks, callback) {
      const done = (error) => callSafely(callback, error, fail);
      writer.ready
        .then(() => Promise.all(chunks.map(({ chunk, encoding }) => writer.write(asBytes(chunk, encoding)))))
        .then(() => done(), done);
    },
    write(chunk, encoding, callback) {
      const done = (error) => callSafely(callback, error, fail);
      writer.ready.then(() => writer.write(asBytes(chunk, encoding))).then(() => done(), done);
    },
    final(callback) {
      const done = (error) => callSafely(callback, error, fail);
      if (settings.isClosed()) return;
      writer.close().then(() => done(), done);
    },
  };
}

function newStreamWritableFromWritableStream(writableStream, options = {}) {
  if (!isWritableStream(writableStream)) {
    throw new ERR_INVALID_ARG_TYPE('writableStream', 'WritableStream', writableStream);
  }
  validateObject(options, 'options');
  const { highWaterMark, decodeStrings = true, objectMode = false, signal } = options;
  validateBoolean(objectMode, 'options.objectMode');
  validateBoolean(decodeStrings, 'options.decodeStrings');
  const { Writable } = require('stream');
  const writer = writableStream.getWriter();
  let closed = false;

  const writable = new Writable({
    highWaterMark,
    objectMode,
    decodeStrings,
    signal,
    ...writerMethods(writer, () => writable, { decodeStrings, objectMode, isClosed: () => closed }),
    destroy(error, callback) {
      const done = () => callSafely(callback, error, (thrown) => { throw thrown; });
      if (closed) {
        done();
      } else if (error !== null && error !== undefined) {
        writer.abort(error).then(done, done);
      } else {
        writer.close().then(done, done);
      }
    },
  });

  writer.closed.then(
    () => { closed = true; },
    (error) => {
      closed = true;
      destroy(writable, error);
    });
  return writable;
}

module.exports = { newWritableStreamFromStreamWritable, newStreamWritableFromWritableStream, writerMethods };

// A pair of a ReadableStream and a WritableStream as one stream.Duplex. Must not know what flows.
'use strict';

const { isReadableStream, isWritableStream } = require('internal/webstreams/classes');
const { readOptions } = require('internal/webstreams/adapters_readable');
const { writerMethods } = require('internal/webstreams/adapters_writable');
const { callSafely, destroy, rethrow } = require('internal/webstreams/node_streams');
const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');
const { validateBoolean, validateObject } = require('internal/validators');

function readPair(pair, options) {
  validateObject(pair, 'pair');
  const { readable, writable } = pair;
  if (!isReadableStream(readable)) throw new ERR_INVALID_ARG_TYPE('pair.readable', 'ReadableStream', readable);
  if (!isWritableStream(writable)) throw new ERR_INVALID_ARG_TYPE('pair.writable', 'WritableStream', writable);
  const settings = readOptions(options);
  const { allowHalfOpen = false, decodeStrings = true } = options;
  validateBoolean(allowHalfOpen, 'options.allowHalfOpen');
  validateBoolean(decodeStrings, 'options.decodeStrings');
  return { ...settings, allowHalfOpen, decodeStrings };
}

function newDuplex(pair = {}, options = {}) {
  const settings = readPair(pair, options);
  const { Duplex } = require('stream');
  const writer = pair.writable.getWriter();
  const reader = pair.readable.getReader();
  let writableClosed = false;
  let readableClosed = false;

  const duplex = new Duplex({
    ...settings,
    ...writerMethods(writer, () => duplex, { ...settings, isClosed: () => writableClosed }),
    read() {
      reader.read().then(
        ({ value, done }) => { duplex.push(done ? null : value); },
        (error) => { destroy(duplex, error); });
    },
    destroy(error, callback) {
      const done = () => callSafely(callback, error, rethrow);
      const ends = [];
      if (!writableClosed) ends.push(writer.abort(error));
      if (!readableClosed) ends.push(reader.cancel(error));
      if (ends.length === 0) done();
      else Promise.all(ends).then(done, done);
    },
  });

  writer.closed.then(() => { writableClosed = true; }, (error) => {
    writableClosed = true;
    readableClosed = true;
    destroy(duplex, error);
  });
  reader.closed.then(() => { readableClosed = true; }, (error) => {
    writableClosed = true;
    readableClosed = true;
    destroy(duplex, error);
  });
  return duplex;
}

module.exports = { newDuplex };

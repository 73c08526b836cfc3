// Node's streams as web streams and back: the pairs are here, each direction in a file beside this one. Loads node:stream
// late, which knows this module. Must not know what flows.
'use strict';

const { newReadableStreamFromStreamReadable, newStreamReadableFromReadableStream } =
  require('internal/webstreams/adapters_readable');
const { newWritableStreamFromStreamWritable, newStreamWritableFromWritableStream } =
  require('internal/webstreams/adapters_writable');
const { ReadableStream, WritableStream } = require('internal/webstreams/classes');
const { isDestroyed, isReadable, isWritable } = require('internal/webstreams/node_streams');
const { newDuplex } = require('internal/webstreams/adapters_duplex');
const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');

function closedWritable() {
  const writable = new WritableStream();
  writable.close();
  return writable;
}

function cancelledReadable() {
  const readable = new ReadableStream();
  readable.cancel();
  return readable;
}

function newReadableWritablePairFromDuplex(duplex) {
  if (typeof duplex?._writableState !== 'object' || typeof duplex?._readableState !== 'object') {
    throw new ERR_INVALID_ARG_TYPE('duplex', 'stream.Duplex', duplex);
  }
  if (isDestroyed(duplex)) return { writable: closedWritable(), readable: cancelledReadable() };
  return {
    writable: isWritable(duplex) ? newWritableStreamFromStreamWritable(duplex) : closedWritable(),
    readable: isReadable(duplex) ? newReadableStreamFromStreamReadable(duplex) : cancelledReadable(),
  };
}

module.exports = {
  newReadableStreamFromStreamReadable,
  newReadableWritablePairFromDuplex,
  newStreamDuplexFromReadableWritablePair: newDuplex,
  newStreamReadableFromReadableStream,
  newStreamWritableFromWritableStream,
  newWritableStreamFromStreamWritable,
};

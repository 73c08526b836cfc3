// A Readable as an async iterator. Must not know how a chunk is kept.
'use strict';

const eos = require('./end-of-stream');
const { destroyer } = require('./destroy');
const { aggregateTwoErrors } = require('internal/errors');
const { validateObject } = require('internal/validators');

const nop = () => {};

// `failure` is undefined while the stream goes on, null after a good end.
async function* chunksOf(stream, options) {
  let wake = nop;
  let failure;
  function onReadable() {
    wake();
    wake = nop;
  }
  stream.on('readable', onReadable);
  const cleanup = eos(stream, { writable: false }, (error) => {
    failure = error ? aggregateTwoErrors(failure, error) : null;
    wake();
    wake = nop;
  });
  const waits = (resolve) => { wake = resolve; };
  try {
    for (;;) {
      const chunk = stream.destroyed ? null : stream.read();
      if (chunk !== null) yield chunk;
      else if (failure) throw failure;
      else if (failure === null) return;
      else await new Promise(waits);
    }
  } catch (error) {
    failure = aggregateTwoErrors(failure, error);
    throw failure;
  } finally {
    if ((failure || options?.destroyOnReturn !== false) && (failure === undefined || stream._readableState.autoDestroy)) {
      destroyer(stream, null);
    } else {
      stream.off('readable', onReadable);
      cleanup();
    }
  }
}

module.exports = function addIterator(Readable) {
  function iterate(stream, options) {
    if (typeof stream.read !== 'function') stream = Readable.wrap(stream, { objectMode: true });
    const iterator = chunksOf(stream, options);
    iterator.stream = stream;
    return iterator;
  }
  Readable.prototype[Symbol.asyncIterator] = function() {
    return iterate(this);
  };
  Readable.prototype.iterator = function(options) {
    if (options !== undefined) validateObject(options, 'options');
    return iterate(this, options);
  };
};

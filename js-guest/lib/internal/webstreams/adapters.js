// Node's streams as web streams and back. Not built yet.
'use strict';

const { error } = require('internal/missing');

for (const name of ['newStreamReadableFromReadableStream', 'newReadableStreamFromStreamReadable',
  'newStreamWritableFromWritableStream', 'newWritableStreamFromStreamWritable', 'newStreamDuplexFromReadableWritablePair',
  'newReadableWritablePairFromDuplex']) {
  exports[name] = () => { throw error(name); };
}

// node:stream: the package readable-stream (Node's own streams, kept in step with it) over our events and Buffer. What it
// leaves to others, web streams, throws. Must not know who streams what.
'use strict';

const stream = require('internal/deps/readable-stream');
const { stub } = require('internal/missing');

for (const Class of [stream.Readable, stream.Writable, stream.Duplex]) {
  for (const name of ['fromWeb', 'toWeb']) {
    Object.defineProperty(Class, name, { value: stub(`stream.${Class.name}`, name), writable: true, configurable: true, enumerable: true });
  }
}

module.exports = stream;

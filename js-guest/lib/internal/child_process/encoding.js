// Messages as bytes: JSON text, or the structured clone's format, which says so by its first byte. Must not know channels.
'use strict';

const VERSION_TAG = 0xff; // never the first byte of UTF-8 text

function encode(value, mode) {
  if (mode === 'advanced') return require('internal/v8/defaults').serialize(value);
  return JSON.stringify(value) ?? 'null';
}

// Throws at whatever is neither.
function decode(bytes) {
  if (bytes.length > 0 && bytes[0] === VERSION_TAG) return require('internal/v8/defaults').deserialize(bytes);
  return JSON.parse(bytes.utf8Slice(0, bytes.length));
}

module.exports = { encode, decode };

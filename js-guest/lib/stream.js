// node:stream: the package readable-stream (Node's own streams, kept in step with it) over our events and Buffer, with its
// classes made anew for speed (js-guest/overlay). Must not know who streams what.
'use strict';

module.exports = require('internal/deps/readable-stream');

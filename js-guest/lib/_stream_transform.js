// node:_stream_transform, an old name of stream.Transform. Must not know more.
'use strict';

module.exports = require('stream').Transform;

// node:_stream_passthrough, an old name of stream.PassThrough. Must not know more.
'use strict';

module.exports = require('stream').PassThrough;

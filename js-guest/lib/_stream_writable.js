// node:_stream_writable, an old name of stream.Writable. Must not know more.
'use strict';

module.exports = require('stream').Writable;

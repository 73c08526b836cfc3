// node:_stream_readable, an old name of stream.Readable. Must not know more.
'use strict';

module.exports = require('stream').Readable;

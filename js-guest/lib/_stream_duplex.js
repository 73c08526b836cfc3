// node:_stream_duplex, an old name of stream.Duplex. Must not know more.
'use strict';

module.exports = require('stream').Duplex;

// node:_stream_wrap, deprecated in Node and not built here. Must not know streams.
'use strict';

module.exports = require('internal/missing').stub('_stream_wrap', 'JSStreamSocket');

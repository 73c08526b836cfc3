// node:constants, deprecated: one flat object of what os, fs and crypto call their constants. Must not know more.
'use strict';

const os = require('os').constants;

module.exports = Object.freeze({ ...os.dlopen, ...os.errno, ...os.priority, ...os.signals, ...require('fs').constants });

// node:stream/promises. Must not know streams.
'use strict';

const { pipeline, finished } = require('stream').promises;

module.exports = { finished, pipeline };

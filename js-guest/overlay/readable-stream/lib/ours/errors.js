// In place of the package's copies of Node's errors: ours, so that codes, stacks and messages are one kind everywhere.
'use strict';

module.exports = require('internal/errors');

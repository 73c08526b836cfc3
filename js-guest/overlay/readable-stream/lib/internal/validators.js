// In place of the package's copies of Node's validators: ours.
'use strict';

module.exports = require('internal/validators');

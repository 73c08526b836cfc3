// node:dns/promises: it is made beside node:dns. Must not know more.
'use strict';

module.exports = require('dns').promises;

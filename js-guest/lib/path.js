// node:path: names of files as text. Both kinds of path live in internal/path/; the host is POSIX.
'use strict';

const posix = require('internal/path/posix');
const win32 = require('internal/path/win32');

posix.posix = win32.posix = posix;
posix.win32 = win32.win32 = win32;

module.exports = posix;

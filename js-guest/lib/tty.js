// node:tty: whether a descriptor is a terminal. Streams over terminals are process.stdout and stderr alone. Must not know
// the log.
'use strict';

const { state } = require('internal/process/lifecycle');
const { stub } = require('internal/missing');

module.exports = {
  isatty: (fd) => Number.isInteger(fd) && fd >= 0 && fd <= 2 && state.info.tty?.[fd] === true,
  ReadStream: stub('tty', 'ReadStream'),
  WriteStream: stub('tty', 'WriteStream'),
};

// process.stdout, stderr and stdin, made when they are first touched. Output goes to the host's log, which takes it at
// once. Must not know console.
'use strict';

const native = internalBinding('process');
const { state } = require('internal/process/lifecycle');

function makeOutput(fd) {
  const { Writable } = require('stream');
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, encoding, callback) {
      native.log(fd, typeof chunk === 'string' && encoding !== 'utf8' && encoding !== 'utf-8' ? Buffer.from(chunk, encoding) : chunk);
      callback();
    },
  });
  stream.fd = fd;
  stream._isStdio = true;
  stream.destroySoon = stream.destroy;
  // Never truly closed: what comes after destroy() is still printed, as in Node.
  stream._destroy = function(error, callback) {
    callback(error);
  };
  if (state.info.tty?.[fd]) describeTerminal(stream);
  else stream._type = 'fs';
  return stream;
}

// What a terminal says that knows nothing of its size.
const USUAL = [80, 24];

function sizeOf(fd) {
  const { call, ops } = internalBinding('fs');
  const size = call(ops.WINDOW_SIZE, 0, undefined, undefined, 0, 0, fd, 0);
  return size > 0 ? [size >>> 16, size & 0xffff] : USUAL;
}

function describeTerminal(stream) {
  stream._type = 'tty';
  stream.isTTY = true;
  [stream.columns, stream.rows] = sizeOf(stream.fd);
  stream.getWindowSize = () => [stream.columns, stream.rows];
  stream._refreshSize = () => {
    const [columns, rows] = sizeOf(stream.fd);
    if (columns === stream.columns && rows === stream.rows) return;
    [stream.columns, stream.rows] = [columns, rows];
    stream.emit('resize');
  };
  process.on('SIGWINCH', stream._refreshSize);
  stream.getColorDepth = (env = process.env) => (env.NO_COLOR || env.TERM === 'dumb' ? 1 : 4);
  stream.hasColors = (count = 16) => count <= 2 ** stream.getColorDepth();
}

function makeInput() {
  const { Input } = require('internal/process/stdin');
  return new Input();
}

const getters = {};

function lazy(name, make) {
  let stream;
  getters[name] = function() {
    return stream ??= make();
  };
  getters[name].isMade = () => stream !== undefined;
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: getters[name] });
}

// Whether no script has seen the stream or put another in its place: what is written then may go to the host at once.
function isUntouched(name) {
  return !getters[name].isMade() && Object.getOwnPropertyDescriptor(process, name)?.get === getters[name];
}

lazy('stdout', () => makeOutput(1));
lazy('stderr', () => makeOutput(2));
lazy('stdin', makeInput);

function writeError(text) {
  if (isUntouched('stderr')) native.log(2, text);
  else process.stderr.write(text);
}

module.exports = { isUntouched, writeError };

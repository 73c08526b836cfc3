// Descriptors beyond the standard ones that the process was given by the one that started it. At once they are read and
// written as any; a socket that is used later is a stream of the loop, so that nobody waits for it. Must not know who holds
// the other end.
'use strict';

const native = internalBinding('fs');
const { Pipe } = require('internal/net/handle');

const { ops } = native;
const streams = new Map(); // by the descriptor's handle: the Socket that asynchronous operations go through, and how many wait
const NO_ERROR = 0, EBADF = -9, EIO = -5, EINVAL = -22, ESPIPE = -29;

// The stream of the socket behind a descriptor's handle; an error number when it is none.
const openStream = (file) => native.call(ops.OPEN_STREAM, file, undefined, undefined, 0, 0, 0, 0);

class GivenPipe extends Pipe {
  #fd;

  constructor(stream, fd, file) {
    super(stream, null, true);
    this.#fd = fd;
    this.file = file;
  }

  get fd() { return this.#fd; }
}

// For `new net.Socket({ fd })`; undefined when there is no such socket.
function openHandle(fd, file) {
  const stream = openStream(file);
  return stream > 0 ? new GivenPipe(stream, fd, file) : undefined;
}

// ---- Operations that come later ----

function streamOf(file) {
  const known = streams.get(file);
  if (known !== undefined) return known;
  const stream = openStream(file);
  if (stream < 0) return undefined;
  const { Socket } = require('internal/net/socket');
  const socket = new Socket({ handle: new Pipe(stream, null, true), allowHalfOpen: true, manualStart: true });
  socket.on('error', () => {});
  socket.unref();
  const made = { socket, waiting: 0 };
  streams.set(file, made);
  return made;
}

// An operation keeps the loop alive until it is done. Answers what is to be called then.
function held(stream, done) {
  if (stream.waiting++ === 0) stream.socket.ref();
  return (outcome) => {
    if (--stream.waiting === 0) stream.socket.unref();
    done(outcome);
  };
}

const errnoOf = (error) => error?.errno ?? EIO;

// What has come is taken.
function read(socket, target, done) {
  const count = Math.min(target.length, socket.readableLength);
  if (count > 0) {
    target.set(socket.read(count));
    done(count);
  } else if (socket.readableEnded || socket._readableState.ended || socket.destroyed) {
    done(socket.errored ? errnoOf(socket.errored) : socket.destroyed && !socket._readableState.ended ? EBADF : 0);
  } else {
    const again = () => {
      for (const name of ['readable', 'end', 'close']) socket.off(name, again);
      read(socket, target, done);
    };
    for (const name of ['readable', 'end', 'close']) socket.on(name, again);
    socket.read(0);
  }
}

// A request READ or WRITE: what `send` of internal/fs/request answers; undefined when it is for the host after all.
function queue(request, file, done) {
  const stream = streamOf(file);
  if (stream === undefined) return undefined;
  const { socket } = stream;
  const { data, offset, length } = request;
  if (typeof request.a === 'number' ? request.a >= 0 : request.a >= 0n) return ESPIPE;
  if (data === undefined) return EINVAL;
  const bytes = new Uint8Array(data.buffer, data.byteOffset + offset, length);
  const ended = held(stream, done);
  if (request.op === ops.READ) setImmediate(length === 0 ? () => ended(0) : () => read(socket, bytes, ended));
  else socket.write(bytes, (error) => ended(error ? errnoOf(error) : length));
  return NO_ERROR;
}

// The descriptor is closed.
function forget(file) {
  const stream = streams.get(file);
  streams.delete(file);
  stream?.socket.destroySoon();
}

module.exports = { openHandle, queue, forget };

// net.Socket: a Duplex over a stream handle of the host, or a facade over an HTTP connection's handle. Here: its making,
// reading, writing and end; how it connects is in internal/net/connect, what can be set and asked in
// internal/net/socket_options. What is unread stays in the kernel: credit is granted as the reader takes bytes.
'use strict';

const { EventEmitter } = require('events');
const stream = require('stream');
const native = internalBinding('stream');
const { errnoException, codes: {
  ERR_INVALID_ARG_VALUE, ERR_INVALID_FD_TYPE, ERR_INVALID_HANDLE_TYPE, ERR_SOCKET_CLOSED,
  ERR_SOCKET_CLOSED_BEFORE_CONNECTION,
} } = require('internal/errors');
const { validateAbortSignal, validateInt32, validateNumber } = require('internal/validators');
const { event, EAGAIN } = require('internal/net/options');
const { TCP, Pipe } = require('internal/net/handle');
const onread = require('internal/net/onread');
const { kInUse } = onread;

const HIGH_WATER = 131072;
// What a stream may send us before we ask for more, and the part of it that is given back at once: in a lump, so that
// small messages cost no call each.
const WINDOW = 65536;
const LUMP = 32768;
const EPIPE = 32;

const kHandle = Symbol('kHandle');
const kObject = Symbol('kObject');
const kFacade = Symbol('kFacade');
const kOwed = Symbol('kOwed');
const kWaiting = Symbol('kWaiting');
const kFinal = Symbol('kFinal');
const kPeer = Symbol('kPeer');
const kLocal = Symbol('kLocal');
const kClosing = Symbol('kClosing');
const kServer = Symbol('kServer');
const kBytesRead = Symbol('kBytesRead');
const kBytesWritten = Symbol('kBytesWritten');
const kRefed = Symbol('kRefed');
const kTimer = Symbol('kTimer');
const kNoDelay = Symbol('kSetNoDelay');
const kKeepAlive = Symbol('kSetKeepAlive');
const kKeepAliveDelay = Symbol('kSetKeepAliveInitialDelay');
const kIsPipe = Symbol('kIsPipe');
const kUnread = Symbol('kUnread'); // nobody has asked for its bytes yet
const kAsleep = Symbol('kAsleep'); // keeps nothing alive, whatever its user asked for

function Socket(options) {
  if (!(this instanceof Socket)) return new Socket(options);
  for (const name of ['objectMode', 'readableObjectMode', 'writableObjectMode']) {
    if (options?.[name]) throw new ERR_INVALID_ARG_VALUE(`options.${name}`, options[name], 'is not supported');
  }
  options = typeof options === 'number' ? { fd: options } : { ...options };
  if (options.signal !== undefined) validateAbortSignal(options.signal, 'options.signal');
  setUp(this);
  this[kNoDelay] = Boolean(options.noDelay);
  this[kKeepAlive] = Boolean(options.keepAlive);
  this[kKeepAliveDelay] = keepAliveDelay(options);
  if (options.fd !== undefined && options.handle === undefined) {
    validateInt32(options.fd, 'fd', 0);
    options.handle = require('internal/fs/request').givenHandle(options.fd);
    if (options.handle === undefined) throw new ERR_INVALID_FD_TYPE('UNKNOWN');
  }
  const { handle } = options;
  stream.Duplex.call(this, {
    ...options, allowHalfOpen: Boolean(options.allowHalfOpen), emitClose: false, autoDestroy: true, decodeStrings: false,
    read: undefined, write: undefined, construct: undefined, handle: undefined,
  });
  this.on('end', onReadableEnd);
  onread.setUp(this, options.onread);
  if (handle) {
    takeHandle(this, handle);
    if (options.readable !== false && !options.manualStart && !options.pauseOnCreate) this.read(0);
  }
}
Object.setPrototypeOf(Socket.prototype, stream.Duplex.prototype);
Object.setPrototypeOf(Socket, stream.Duplex);

function keepAliveDelay({ keepAliveInitialDelay: delay }) {
  if (delay === undefined) return 0;
  validateNumber(delay, 'options.keepAliveInitialDelay');
  return Math.max(0, ~~(delay / 1000));
}

function setUp(socket) {
  socket.connecting = false;
  socket._hadError = false;
  socket._parent = null;
  socket._host = null;
  socket._pendingData = null;
  socket._pendingEncoding = '';
  socket[kHandle] = 0;
  socket[kObject] = null;
  socket[kFacade] = false;
  socket[kOwed] = 0;
  socket[kWaiting] = null;
  socket[kFinal] = null;
  socket[kPeer] = null;
  socket[kLocal] = null;
  socket[kClosing] = 0;
  socket[kServer] = null;
  socket[kBytesRead] = 0;
  socket[kBytesWritten] = 0;
  socket[kRefed] = true;
  socket[kTimer] = null;
  socket[kIsPipe] = false;
  socket[kUnread] = false;
  socket[kAsleep] = false;
  socket[kInUse] = false;
  socket.server = null;
  socket._server = null;
}

// After the peer's FIN nothing more is written, unless half-open was asked for.
function onReadableEnd() {
  if (!this.allowHalfOpen) this.write = writeAfterEnd;
}

function writeAfterEnd(chunk, encoding, cb) {
  if (!this.writableEnded) return stream.Duplex.prototype.write.apply(this, arguments);
  if (typeof encoding === 'function') cb = encoding;
  const error = Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' });
  if (typeof cb === 'function') process.nextTick(cb, error);
  this.destroy(error);
  return false;
}

// A socket over a handle that the host has made (accepted, taken over from HTTP) or a connection's handle.
Socket.adopt = function(handle, { facade = false, allowHalfOpen = false, server = null, paused = false, highWaterMark, Class = Socket } = {}) {
  const socket = new Class(highWaterMark === undefined ? { allowHalfOpen } : { allowHalfOpen, highWaterMark });
  socket[kHandle] = handle;
  socket[kFacade] = facade;
  socket.server = socket[kServer] = socket._server = server;
  if (facade) return socket;
  native.attachObject(handle, socket);
  if (paused) {
    socket[kOwed] = WINDOW;
    socket.pause();
    letSleep(socket);
  } else {
    socket.read(0);
  }
  return socket;
};

// A facade whose connection has left HTTP becomes a socket like any other.
Socket.convert = function(socket, handle, server) {
  socket[kFacade] = false;
  socket[kHandle] = handle;
  socket.server = socket._server = server;
  native.attachObject(handle, socket);
  socket.read(0);
};

function takeHandle(socket, handle) {
  socket[kHandle] = handle.id ?? -1;
  if (handle.unread) socket[kOwed] = WINDOW;
  socket[kObject] = handle;
  handle.owner = socket;
  socket[kIsPipe] = handle instanceof Pipe;
  if (handle.id > 0) native.attachObject(handle.id, socket);
}

Object.defineProperty(Socket.prototype, '_handle', {
  configurable: true,
  get() {
    if (this[kObject] !== null) return this[kObject];
    if (!this[kHandle] && !this.connecting) return null;
    return this[kObject] = new (this[kIsPipe] ? Pipe : TCP)(this[kHandle], this);
  },
  set(handle) {
    if (handle) takeHandle(this, handle);
    else this[kHandle] = 0, this[kObject] = null;
  },
});

// `_handle.close()`, past the socket: what is written from now on fails.
Socket.prototype._handleClosed = function() {
  if (this[kHandle]) this[kHandle] = -1;
};

// The handle has gone to another process: the socket is not told of its end.
function giveAway(socket) {
  socket[kHandle] = 0;
  socket[kObject] = null;
  socket[kServer] = null;
  socket.setTimeout(0);
}

// ---- Reading ----

Socket.prototype._read = function() {
  if (this[kOwed] < LUMP) {
    if (this.connecting) this.once('connect', this._read);
    return;
  }
  this[kUnread] = false;
  if (this[kAsleep]) wakeUp(this);
  const owed = this[kOwed];
  this[kOwed] = 0;
  if (this[kHandle] > 0) native.credit(this[kHandle], owed);
};

// A stream that nobody reads keeps the loop alive only while it sends.
function letSleep(socket) {
  socket[kUnread] = true;
  rest(socket);
}

// As in libuv: a stream that reads nothing, now or ever more, and has nothing to send is open and keeps nothing alive.
function rest(socket) {
  if (!socket[kUnread] && !socket._readableState.ended) return;
  if (socket[kAsleep] || !(socket[kHandle] > 0) || socket[kWaiting] || socket[kFinal]) return;
  socket[kAsleep] = true;
  native.ref(socket[kHandle], false);
}

function wakeUp(socket) {
  socket[kAsleep] = false;
  if (socket[kRefed] && socket[kHandle] > 0) native.ref(socket[kHandle], true);
}

const { push } = stream.Duplex.prototype;
const { _read } = Socket.prototype;

// A chunk for a reader that flows and has nothing waiting is emitted at once, in C (stream_fast.c) but for the first. The
// stream stays as a read(0) would leave it, so none follows on a tick; nor is credit due. All else is push's, as is
// everything of who has replaced it.
function onData(socket, bytes, count) {
  const owed = socket[kOwed] + count, state = socket._readableState;
  socket[kBytesRead] += count;
  if (state.reading && state.flowing && owed < LUMP && state.length === 0 && !state.sync && !state.ended &&
      !socket[kInUse] && state.decoder === null && !state.multiAwaitDrain && !state.destroyed && state.errored === null &&
      !state.readingMore && socket._events.data !== undefined && socket.push === push && socket._read === _read) {
    socket[kOwed] = owed;
    if (state.awaitDrainWriters !== null) state.awaitDrainWriters = null;
    state.dataEmitted = true;
    socket.emit('data', bytes);
  } else {
    pushData(socket, bytes, owed);
  }
}

function pushData(socket, bytes, owed) {
  if (socket.destroyed) return;
  if (socket[kInUse]) {
    socket[kOwed] += onread.deliver(socket, bytes);
    socket._read();
    return;
  }
  socket[kOwed] = owed;
  if (socket.push(bytes) && owed >= LUMP) socket._read();
}

// Only a script's own buffer is stopped here: else the stream's buffer, and the credit that it holds back, will do.
Socket.prototype.pause = function() {
  if (this[kInUse] && !this.connecting) onread.pause(this);
  return stream.Duplex.prototype.pause.call(this);
};

function goOn(socket) {
  if (!socket[kInUse] || socket.connecting || !socket[onread.kStopped]) return;
  onread.resume(socket);
  socket[kOwed] += onread.deliver(socket);
  socket._read();
  if (socket._endHeld && onread.isEmpty(socket)) onEnd(socket);
}

Socket.prototype.resume = function() {
  goOn(this);
  return stream.Duplex.prototype.resume.call(this);
};

Socket.prototype.read = function(n) {
  if (this[kInUse] && this[onread.kStopped]) goOn(this);
  return stream.Duplex.prototype.read.call(this, n);
};

function onEnd(socket) {
  if (socket[kInUse] && !onread.isEmpty(socket)) {
    socket._endHeld = true;
    return;
  }
  socket._endHeld = false;
  socket.push(null);
  socket.read(0);
  rest(socket);
}

// ---- Writing ----

function notABuffer() {
  return Object.assign(new TypeError('Second argument must be a buffer'), { code: 'ERR_INVALID_ARG_TYPE' });
}

function _write(chunk, encoding, cb) {
  if (encoding === 'buffer' && typeof chunk === 'string') throw notABuffer();
  if (this.connecting) writeLater(this, chunk, encoding, () => this._write(chunk, encoding, cb), cb);
  else writeNow(this, chunk, encoding, cb);
}
Socket.prototype._write = _write;

Socket.prototype._writev = function(chunks, cb) {
  if (this.connecting) writeLater(this, chunks, '', () => this._writev(chunks, cb), cb);
  else writeList(this, chunks, 0, cb);
};

// Until there is a connection; or until it is clear that there will be none.
function writeLater(socket, data, encoding, write, cb) {
  socket._pendingData = data;
  socket._pendingEncoding = encoding;
  const onClose = () => cb(new ERR_SOCKET_CLOSED_BEFORE_CONNECTION());
  socket.once('connect', () => {
    socket.off('close', onClose);
    write();
  });
  socket.once('close', onClose);
}

// Each chunk is a call of its own: what is queued in one turn goes out in one write. A loop, for there may be more chunks
// than a stack has room for.
function writeList(socket, chunks, at, cb) {
  let running = false;
  const next = (error) => {
    if (error || ++at === chunks.length) {
      at = chunks.length;
      cb(error);
    } else if (!running) {
      run();
    }
  };
  const run = () => {
    running = true;
    for (let before = -1; at > before && at < chunks.length;) {
      before = at;
      writeNow(socket, chunks[at].chunk, chunks[at].encoding, next);
    }
    running = false;
  };
  run();
}

// The host takes so much a call, of a tenant 16 MiB; a character of text is three bytes at most.
const MOST_AT_ONCE = 4 << 20;

function inSlices(chunk, encoding) {
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
  const slices = [];
  for (let at = 0; at < bytes.length; at += MOST_AT_ONCE) {
    slices.push({ chunk: bytes.subarray(at, at + MOST_AT_ONCE), encoding: 'buffer' });
  }
  return slices;
}

function writeNow(socket, chunk, encoding, cb) {
  if (chunk.length > MOST_AT_ONCE) {
    writeList(socket, inSlices(chunk, encoding), 0, cb);
    return;
  }
  socket._pendingData = null;
  const handle = socket[kHandle];
  if (!handle) {
    cb(new ERR_SOCKET_CLOSED());
    return;
  }
  let latin1 = false;
  if (typeof chunk === 'string' && encoding !== 'utf8' && encoding !== 'utf-8') {
    latin1 = encoding === 'latin1' || encoding === 'binary';
    if (!latin1) chunk = Buffer.from(chunk, encoding);
  }
  const waiting = native.write(handle, chunk, latin1);
  if (waiting === EAGAIN) {
    socket[kWaiting] = () => writeNow(socket, chunk, latin1 ? 'latin1' : 'utf8', cb);
    if (socket[kAsleep]) wakeUp(socket);
    return;
  }
  if (waiting < 0) {
    cb(errnoException(waiting, 'write'));
    return;
  }
  socket[kBytesWritten] += typeof chunk === 'string' && !latin1 ? Buffer.byteLength(chunk) : chunk.length;
  if (waiting > HIGH_WATER) {
    socket[kWaiting] = cb;
    if (socket[kAsleep]) wakeUp(socket);
  } else {
    cb();
  }
}

const nop = () => {};

// What a write that went past the stream's state (stream_fast.c) does to it when much waits, as it would be after _write.
function overflow(socket, length) {
  const state = socket._writableState;
  state.pendingcb++;
  state.length = state.writelen = length;
  state.writecb = nop;
  state.writing = true;
  state.sync = false;
  socket[kWaiting] = state.onwrite;
  if (socket[kAsleep]) wakeUp(socket);
}

Socket.prototype.write = native.setupSocket(
  { kOwed, kBytesRead, kInUse, kHandle, kBytesWritten, push, _read, _write, emit: stream.Duplex.prototype.emit },
  [Socket.prototype, stream.Duplex.prototype, stream.Readable.prototype, stream.Stream.prototype, EventEmitter.prototype],
  Buffer.prototype, stream.Duplex.prototype.write, overflow);

function resumeWriting(socket) {
  const next = socket[kWaiting];
  socket[kWaiting] = null;
  if (next) next();
  rest(socket);
}

Socket.prototype._final = function(cb) {
  if (this.connecting) {
    this.once('connect', () => this._final(cb));
    return;
  }
  if (!this[kHandle]) {
    cb();
    return;
  }
  const answer = native.shutdown(this[kHandle]);
  if (answer < 0) {
    cb();
  } else {
    this[kFinal] = cb;
    if (this[kAsleep]) wakeUp(this);
  }
};

// ---- The end ----

Socket.prototype._destroy = function(error, cb) {
  this.connecting = false;
  clearTimeout(this[kTimer]);
  const handle = this[kHandle], object = this[kObject];
  this[kHandle] = 0;
  this[kObject] = null;
  this[kLocal] = null;
  if (object?.fd >= 0) closeGiven(object);
  this[kFinal] = this[kWaiting] = null;
  if (error) this._hadError = true; // http sets it, too
  // 'close' follows when the host says that the stream is gone.
  let answer = -1;
  if (handle > 0) answer = this.resetAndClosing ? native.reset(handle) : native.close(handle);
  this.resetAndClosing = false;
  if (answer === 0 && !this[kFacade]) this[kClosing] = handle;
  cb(error);
  if (!this[kClosing]) process.nextTick(emitClose, this, Boolean(error));
  const server = this[kServer];
  this[kServer] = null;
  if (server && !this[kFacade]) server._left?.();
};

// The socket was made from a descriptor, which goes with it.
function closeGiven({ fd, file }) {
  const { handleOf, takeDescriptor } = require('internal/fs/request');
  if (handleOf(fd) === file) native.close(takeDescriptor(fd));
}

function emitClose(socket, hadError) {
  const w = socket._writableState, r = socket._readableState;
  if (w) w.closeEmitted = true;
  if (r) r.closeEmitted = true;
  socket.emit('close', hadError);
}

Socket.prototype.destroySoon = function() {
  if (this.writable) this.end();
  if (this.writableFinished) this.destroy();
  else this.once('finish', this.destroy);
};

Socket.prototype.resetAndDestroy = function() {
  if (!this[kHandle] && !this.connecting) {
    this.destroy(new ERR_SOCKET_CLOSED());
    return this;
  }
  if (this[kIsPipe]) throw new ERR_INVALID_HANDLE_TYPE();
  if (this.connecting) this.once('connect', () => this._reset());
  else this._reset();
  return this;
};

Socket.prototype._reset = function() {
  this.resetAndClosing = true;
  return this.destroy();
};

Socket.prototype.end = function(data, encoding, cb) {
  stream.Duplex.prototype.end.call(this, data, encoding, cb);
  return this;
};

// The host's stream is gone. What was read before is still delivered.
function onClosed(socket, handle, errno) {
  native.detachObject(handle);
  if (socket[kClosing] === handle) {
    socket[kClosing] = 0;
    emitClose(socket, Boolean(socket.errored));
    return;
  }
  if (socket[kHandle] !== handle && socket[kHandle] !== -1) return;
  // Asked for once more, for it will not be there later.
  socket[kHandle] = 0;
  if (errno) socket.destroy(errnoException(-errno, errno === EPIPE ? 'write' : 'read'));
  else if (socket.readableEnded || !socket._readableState.ended) socket.destroy();
  else socket.once('end', () => socket.destroy());
}

function finished(socket) {
  const cb = socket[kFinal];
  socket[kFinal] = null;
  cb?.();
  rest(socket);
}

// What the host says of a stream; `flags` are the event's.
function onStreamEvent(socket, kind, handle, value, flags) {
  switch (kind) {
    case event.STREAM_OPEN:
      socket._opened(handle);
      break;
    case event.STREAM_END:
      if (!socket.destroyed) onEnd(socket);
      break;
    case event.STREAM_DRAIN:
      resumeWriting(socket);
      break;
    case event.STREAM_FINISHED:
      finished(socket);
      break;
    case event.STREAM_TIMEOUT:
      socket._onTimeout();
      break;
    case event.STREAM_CLOSED:
      if (socket.connecting && socket[kHandle] === handle) socket._failed(handle, value, flags);
      else onClosed(socket, handle, value);
      break;
  }
}

module.exports = {
  Socket, onData, onStreamEvent, emitClose, giveAway, letSleep, WINDOW, ERR_SOCKET_CLOSED_BEFORE_CONNECTION, kHandle, kObject, kFacade, kOwed,
  kPeer, kLocal, kClosing, kServer, kBytesRead, kBytesWritten, kRefed, kAsleep, kTimer, kNoDelay, kKeepAlive, kKeepAliveDelay, kIsPipe,
};

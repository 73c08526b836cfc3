// net.Socket: a Duplex over a stream handle of the host, or a facade over an HTTP connection's handle. What is unread
// stays in the kernel: credit is granted as the reader takes bytes.
'use strict';

const stream = require('stream');
const native = internalBinding('stream');
const { errnoException, exceptionWithHostPort, codes: {
  ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_MISSING_ARGS, ERR_SOCKET_CLOSED, ERR_SOCKET_CLOSED_BEFORE_CONNECTION,
} } = require('internal/errors');
const { validateAbortSignal, validateFunction, validateNumber, validatePort, validateString } = require('internal/validators');
const { isIP, parseRecord, numericHost, notFound } = require('internal/net/address');
const { event, option, EAGAIN, normalizeArgs } = require('internal/net/options');

const HIGH_WATER = 16384;
const kHandle = Symbol('kHandle');
const kFacade = Symbol('kFacade');
const kOwed = Symbol('kOwed');
const kWaiting = Symbol('kWaiting');
const kFinal = Symbol('kFinal');
const kAddresses = Symbol('kAddresses');
const kPending = Symbol('kPending');
const kServer = Symbol('kServer');
const kBytesRead = Symbol('kBytesRead');
const kBytesWritten = Symbol('kBytesWritten');
const kRefed = Symbol('kRefed');

function Socket(options) {
  if (!(this instanceof Socket)) return new Socket(options);
  if (options?.objectMode) {
    throw new ERR_INVALID_ARG_VALUE('options.objectMode', options.objectMode, 'is not supported');
  }
  if (options?.readableObjectMode || options?.writableObjectMode) {
    const name = options.readableObjectMode ? 'readableObjectMode' : 'writableObjectMode';
    throw new ERR_INVALID_ARG_VALUE(`options.${name}`, options[name], 'is not supported');
  }
  options = typeof options === 'number' ? { fd: options } : { ...options };
  if (options.signal !== undefined) validateAbortSignal(options.signal, 'options.signal');
  this.connecting = false;
  this._hadError = false;
  this._parent = null;
  this._host = null;
  this[kHandle] = 0;
  this[kFacade] = false;
  this[kOwed] = 0;
  this[kWaiting] = null;
  this[kFinal] = null;
  this[kAddresses] = null;
  this[kPending] = null;
  this[kServer] = null;
  this[kBytesRead] = 0;
  this[kBytesWritten] = 0;
  this[kRefed] = true;
  this.server = null;
  stream.Duplex.call(this, {
    ...options, allowHalfOpen: Boolean(options.allowHalfOpen), emitClose: false, autoDestroy: true, decodeStrings: false,
    read: undefined, write: undefined, construct: undefined,
  });
  this.on('end', onReadableEnd);
}
Object.setPrototypeOf(Socket.prototype, stream.Duplex.prototype);
Object.setPrototypeOf(Socket, stream.Duplex);

// After the peer's FIN nothing more is written, unless half-open was asked for.
function onReadableEnd() {
  if (!this.allowHalfOpen) this.write = writeAfterEnd;
}

function writeAfterEnd(chunk, encoding, cb) {
  if (!this.writableEnded) this.end();
  if (this.writableEnded && !this.writableFinished && chunk === undefined) return true;
  if (typeof encoding === 'function') cb = encoding;
  const error = Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' });
  if (typeof cb === 'function') process.nextTick(cb, error);
  this.destroy(error);
  return false;
}

// A socket over a handle that the host has made (accepted, taken over from HTTP) or a connection's handle.
Socket.adopt = function(handle, { facade = false, allowHalfOpen = false, server = null, Class = Socket } = {}) {
  const socket = new Class({ allowHalfOpen });
  socket[kHandle] = handle;
  socket[kFacade] = facade;
  socket.server = socket[kServer] = socket._server = server;
  if (!facade) {
    native.attachObject(handle, socket);
    socket[kAddresses] = { peer: parseRecord(native.address(handle, 1)), local: parseRecord(native.address(handle, 0)) };
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

// ---- Reading ----

Socket.prototype._read = function() {
  if (this.connecting || !this[kOwed]) return;
  const owed = this[kOwed];
  this[kOwed] = 0;
  if (this[kHandle]) native.credit(this[kHandle], owed);
};

function onData(socket, bytes) {
  socket[kBytesRead] += bytes.length;
  if (socket.destroyed) return;
  if (socket.push(bytes)) native.credit(socket[kHandle], bytes.length);
  else socket[kOwed] += bytes.length;
}

// ---- Writing ----

Socket.prototype._write = function(chunk, encoding, cb) {
  if (this.connecting) {
    this[kPending] = () => this._write(chunk, encoding, cb);
    this.once('close', closedEarly);
    return;
  }
  if (!this[kHandle]) {
    cb(new ERR_SOCKET_CLOSED());
    return;
  }
  let latin1 = false;
  if (typeof chunk === 'string' && encoding !== 'utf8' && encoding !== 'utf-8') {
    latin1 = encoding === 'latin1' || encoding === 'binary';
    if (!latin1) chunk = Buffer.from(chunk, encoding);
  }
  const waiting = native.write(this[kHandle], chunk, latin1);
  if (waiting === EAGAIN) {
    this[kWaiting] = () => this._write(chunk, latin1 ? 'latin1' : 'utf8', cb);
    return;
  }
  if (waiting < 0) {
    cb(errnoException(waiting, 'write'));
    return;
  }
  this[kBytesWritten] += typeof chunk !== 'string' ? chunk.length : latin1 ? chunk.length : Buffer.byteLength(chunk);
  if (waiting > HIGH_WATER) this[kWaiting] = cb;
  else cb();
};

function closedEarly() {
  this[kPending] = null;
}

function resumeWriting(socket) {
  const next = socket[kWaiting];
  socket[kWaiting] = null;
  if (next) next();
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
    if (this[kFacade]) native.close(this[kHandle]);
    cb();
  } else if (this[kFacade]) {
    cb();
  } else {
    this[kFinal] = cb;
  }
};

// ---- The end ----

Socket.prototype._destroy = function(error, cb) {
  this.connecting = false;
  const handle = this[kHandle];
  this[kHandle] = 0;
  const waiting = this[kFinal];
  this[kFinal] = null;
  if (waiting) waiting(error);
  if (handle) {
    if (!this[kFacade]) native.detachObject(handle);
    native.close(handle);
  }
  cb(error);
  process.nextTick(emitClose, this, Boolean(error));
  const server = this[kServer];
  this[kServer] = null;
  if (server && !this[kFacade]) server._left?.();
};

function emitClose(socket, hadError) {
  socket._hadError = hadError;
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
  if (this.connecting) {
    this.once('connect', () => this.resetAndDestroy());
  } else if (this[kHandle]) {
    native.reset(this[kHandle]);
    this.destroy();
  } else {
    this.destroy(new ERR_SOCKET_CLOSED());
  }
  return this;
};

Socket.prototype.end = function(data, encoding, cb) {
  stream.Duplex.prototype.end.call(this, data, encoding, cb);
  return this;
};

// The host's stream is gone. What was read before is still delivered.
function onClosed(socket, errno) {
  native.detachObject(socket[kHandle]);
  socket[kHandle] = 0;
  if (socket.connecting) {
    const { address, port } = socket[kPending]?.target ?? socket._target ?? {};
    socket.destroy(exceptionWithHostPort(-errno, 'connect', address, port));
  } else if (errno) {
    socket.destroy(errnoException(-errno, 'read'));
  } else if (socket.readableEnded || !socket._readableState.ended) {
    socket.destroy();
  } else {
    socket.once('end', () => socket.destroy());
  }
}

// ---- Connecting ----

Socket.prototype.connect = function(...args) {
  const [options, cb] = Array.isArray(args[0]) ? args[0] : normalizeArgs(args);
  if (cb !== null) this.once('connect', cb);
  const { port, path } = options;
  if (path === undefined && port === undefined) throw new ERR_MISSING_ARGS(['options', 'port', 'path']);
  if (path === undefined) {
    if (typeof port !== 'number' && typeof port !== 'string') {
      throw new ERR_INVALID_ARG_TYPE('options.port', ['number', 'string'], port);
    }
    validatePort(port);
  } else {
    validateString(path, 'options.path');
  }
  this.connecting = true;
  if (options.timeout) this.setTimeout(options.timeout);
  const host = options.host ?? 'localhost';
  const address = path ?? numericHost(host, options.family);
  this._host = path === undefined && !isIP(host) ? host : null;
  if (address === undefined) {
    process.nextTick(() => {
      const error = notFound(host);
      this.emit('lookup', error, undefined, undefined, host);
      this.destroy(error);
    });
    return this;
  }
  this._target = { address, port: path === undefined ? Number(port) : undefined };
  const handle = native.connect(address, path === undefined ? Number(port) : -1, [0]);
  if (handle < 0) {
    const error = connectError(handle, address, this._target.port);
    process.nextTick(() => this.destroy(error));
    return this;
  }
  this[kHandle] = handle;
  native.attachObject(handle, this);
  if (!this[kRefed]) native.ref(handle, false);
  return this;
};

const EACCES = 13;

// A refusal by the policy says which flag would have granted it.
function connectError(result, address, port) {
  const denied = result === -EACCES && internalBinding('process').makeErrno(EACCES, 'connect');
  return denied ? Object.assign(denied, { address, port }) : exceptionWithHostPort(result, 'connect', address, port);
}

function onOpen(socket) {
  socket.connecting = false;
  const handle = socket[kHandle];
  socket[kAddresses] = { peer: parseRecord(native.address(handle, 1)), local: parseRecord(native.address(handle, 0)) };
  if (socket.timeout) native.option(handle, option.TIMEOUT, socket.timeout);
  const pending = socket[kPending];
  socket[kPending] = null;
  if (pending) {
    socket.removeListener('close', closedEarly);
    pending();
  }
  socket.emit('connect');
  socket.emit('ready');
  if (!socket.isPaused()) socket.read(0);
}

function connect(...args) {
  const normalized = normalizeArgs(args);
  const socket = new Socket(normalized[0]);
  if (normalized[0].timeout) socket.setTimeout(normalized[0].timeout);
  return socket.connect(normalized);
}

// ---- Options ----

Socket.prototype.setTimeout = function(msecs, callback) {
  if (this.destroyed) return this;
  validateNumber(msecs, 'msecs');
  if (msecs < 0 || !Number.isFinite(msecs)) {
    const { codes: { ERR_OUT_OF_RANGE } } = require('internal/errors');
    throw new ERR_OUT_OF_RANGE('msecs', 'a non-negative finite number', msecs);
  }
  if (msecs > 0x7fffffff) {
    process.emitWarning(`${msecs} does not fit into a 32-bit signed integer.\n` +
                        'Timer duration was truncated to 2147483647.', 'TimeoutOverflowWarning');
    msecs = 0x7fffffff;
  }
  this.timeout = msecs;
  if (this[kHandle]) native.option(this[kHandle], option.TIMEOUT, msecs);
  if (msecs === 0) {
    if (callback !== undefined) {
      validateFunction(callback, 'callback');
      this.removeListener('timeout', callback);
    }
  } else if (callback !== undefined) {
    validateFunction(callback, 'callback');
    this.once('timeout', callback);
  }
  return this;
};

Socket.prototype._onTimeout = function() {
  this.emit('timeout');
};

Socket.prototype.setNoDelay = function(enable) {
  if (this[kHandle]) native.option(this[kHandle], option.NO_DELAY, enable === undefined || enable ? 1 : 0);
  return this;
};

Socket.prototype.setKeepAlive = function(enable, initialDelay) {
  const seconds = Math.max(0, ~~(initialDelay / 1000)) || 1;
  if (this[kHandle]) native.option(this[kHandle], option.KEEP_ALIVE, enable ? seconds : -1);
  return this;
};

Socket.prototype.ref = function() {
  this[kRefed] = true;
  if (this[kHandle]) native.ref(this[kHandle], true);
  return this;
};

Socket.prototype.unref = function() {
  this[kRefed] = false;
  if (this[kHandle]) native.ref(this[kHandle], false);
  return this;
};

Socket.prototype.address = function() {
  const { local } = addressesOf(this);
  return local?.family ? local : {};
};

// A connection's addresses are asked for when somebody wants them, and kept for after its end.
function addressesOf(socket) {
  if (socket[kAddresses] === null) {
    if (!socket[kHandle] || socket.connecting) return {};
    const handle = socket[kHandle];
    socket[kAddresses] = { peer: parseRecord(native.address(handle, 1)), local: parseRecord(native.address(handle, 0)) };
  }
  return socket[kAddresses];
}

function getter(name, get) {
  Object.defineProperty(Socket.prototype, name, { configurable: true, enumerable: true, get });
}

getter('remoteAddress', function() { return addressesOf(this).peer?.address; });
getter('remoteFamily', function() { return addressesOf(this).peer?.family; });
getter('remotePort', function() { return addressesOf(this).peer?.port; });
getter('localAddress', function() { return addressesOf(this).local?.address; });
getter('localFamily', function() { return addressesOf(this).local?.family; });
getter('localPort', function() { return addressesOf(this).local?.port; });
getter('bytesRead', function() { return this[kBytesRead]; });
getter('_bytesDispatched', function() { return this[kBytesWritten]; });
getter('bytesWritten', function() { return this[kBytesWritten] + this.writableLength; });
getter('pending', function() { return !this[kHandle] || this.connecting; });
getter('bufferSize', function() { return this[kHandle] ? this.writableLength : undefined; });
getter('_connecting', function() { return this.connecting; });
getter('readyState', function() {
  if (this.connecting) return 'opening';
  if (this.readable && this.writable) return 'open';
  if (this.readable) return 'readOnly';
  return this.writable ? 'writeOnly' : 'closed';
});
Object.defineProperty(Socket.prototype, '_handle', {
  configurable: true,
  get() { return this[kHandle] ? { fd: -1, handle: this[kHandle] } : null; },
  set() {},
});

// What the host says of a stream.
function onStreamEvent(socket, kind, handle, value) {
  switch (kind) {
    case event.STREAM_OPEN: onOpen(socket); break;
    case event.STREAM_END:
      socket.push(null);
      socket.read(0);
      break;
    case event.STREAM_DRAIN: resumeWriting(socket); break;
    case event.STREAM_FINISHED: {
      const cb = socket[kFinal];
      socket[kFinal] = null;
      cb?.();
      break;
    }
    case event.STREAM_TIMEOUT: socket._onTimeout(); break;
    case event.STREAM_CLOSED: onClosed(socket, value); break;
  }
}

module.exports = {
  Socket, connect, onData, onStreamEvent, kHandle, kFacade, kServer, ERR_SOCKET_CLOSED_BEFORE_CONNECTION,
};

// What can be set on a net.Socket and asked of it: time-outs, TCP's options, addresses, counters. Must not know how it
// connects or reads.
'use strict';

const native = internalBinding('stream');
const { Socket, kHandle, kObject, kPeer, kLocal, kBytesRead, kBytesWritten, kRefed, kTimer, kAsleep, kNoDelay, kKeepAlive,
  kKeepAliveDelay } = require('internal/net/socket');
const { codes: { ERR_OUT_OF_RANGE } } = require('internal/errors');
const { validateFunction, validateNumber } = require('internal/validators');
const { parseRecord } = require('internal/net/address');
const { option } = require('internal/net/options');

const LONGEST = 0x7fffffff;

// ---- Time without traffic ----

function duration(msecs) {
  validateNumber(msecs, 'msecs');
  if (msecs < 0 || !Number.isFinite(msecs)) throw new ERR_OUT_OF_RANGE('msecs', 'a non-negative finite number', msecs);
  if (msecs <= LONGEST) return msecs;
  process.emitWarning(`${msecs} does not fit into a 32-bit signed integer.\n` +
                      'Timer duration was truncated to 2147483647.', 'TimeoutOverflowWarning');
  return LONGEST;
}

// The host watches a stream; before there is one, a timer of ours does.
Socket.prototype.setTimeout = function(msecs, callback) {
  if (this.destroyed) return this;
  this.timeout = msecs;
  msecs = duration(msecs);
  clearTimeout(this[kTimer]);
  this[kTimer] = null;
  if (this[kHandle] > 0) native.option(this[kHandle], option.TIMEOUT, msecs);
  else if (msecs > 0) this[kTimer] = setTimeout(() => this._onTimeout(), msecs).unref();
  if (callback !== undefined) {
    validateFunction(callback, 'callback');
    if (msecs === 0) this.removeListener('timeout', callback);
    else this.once('timeout', callback);
  }
  return this;
};

Socket.prototype._onTimeout = function() {
  this.emit('timeout');
};

// Traffic that the host does not see (a stream over this socket) moves the deadline too.
Socket.prototype._unrefTimer = function() {
  for (let socket = this; socket; socket = socket._parent) {
    if (socket[kHandle] > 0 && socket.timeout) native.option(socket[kHandle], option.TIMEOUT, socket.timeout);
    else socket[kTimer]?.refresh();
  }
};

// ---- TCP's options ----

Socket.prototype.setNoDelay = function(enable) {
  const wanted = enable === undefined ? true : Boolean(enable);
  const handle = this._handle;
  if (wanted === this[kNoDelay] && handle) return this;
  this[kNoDelay] = wanted;
  handle?.setNoDelay?.(wanted);
  return this;
};

Socket.prototype.setKeepAlive = function(setting, msecs) {
  const enable = Boolean(setting), delay = ~~(msecs / 1000);
  const handle = this._handle;
  const same = enable === this[kKeepAlive] && (!enable || this[kKeepAliveDelay] === delay);
  if (same && handle) return this;
  this[kKeepAlive] = enable;
  this[kKeepAliveDelay] = delay;
  handle?.setKeepAlive?.(enable, delay);
  return this;
};

Socket.prototype.ref = function() {
  this[kRefed] = true;
  if (this[kHandle] > 0 && !this[kAsleep]) native.ref(this[kHandle], true);
  return this;
};

Socket.prototype.unref = function() {
  this[kRefed] = false;
  if (this[kHandle] > 0) native.ref(this[kHandle], false);
  return this;
};

// ---- Addresses ----

function ask(socket, side) {
  const object = socket[kObject];
  if (object !== null) {
    const out = {};
    return (side ? object.getpeername(out) : object.getsockname(out)) === 0 ? out : null;
  }
  const record = parseRecord(native.address(socket[kHandle], side));
  return record?.family ? record : null;
}

// The peer's address is known on after the end, if it was asked for before; ours is not. As in Node.
Socket.prototype._getpeername = function() {
  if (this[kPeer] !== null) return this[kPeer];
  if (!this[kHandle] || this.connecting) return {};
  this[kPeer] = ask(this, 1);
  return this[kPeer] ?? {};
};

Socket.prototype._getsockname = function() {
  if (!this[kHandle]) return {};
  if (this[kLocal] !== null) return this[kLocal];
  const known = ask(this, 0);
  if (!this.connecting) this[kLocal] = known;
  return known ?? {};
};

Socket.prototype.address = function() {
  return this._getsockname();
};

// ---- Properties ----

function getter(name, get) {
  Object.defineProperty(Socket.prototype, name, { configurable: true, enumerable: true, get });
}

getter('remoteAddress', function() { return this._getpeername().address; });
getter('remoteFamily', function() { return this._getpeername().family; });
getter('remotePort', function() { return this._getpeername().port; });
getter('localAddress', function() { return this._getsockname().address; });
getter('localFamily', function() { return this._getsockname().family; });
getter('localPort', function() { return this._getsockname().port; });
getter('bytesRead', function() { return this[kBytesRead]; });
getter('_bytesDispatched', function() { return this[kBytesWritten]; });
getter('pending', function() { return !this[kHandle] || this.connecting; });
getter('bufferSize', function() { return this[kHandle] || this.connecting ? this.writableLength : undefined; });
getter('_connecting', function() { return this.connecting; });

const sizeOf = (chunk, encoding) => (typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length);

// What was written, and what waits to be: in the stream's buffer, or for the connection.
getter('bytesWritten', function() {
  let bytes = this[kBytesWritten];
  for (const { chunk, encoding } of this.writableBuffer ?? []) bytes += sizeOf(chunk, encoding);
  const data = this._pendingData;
  if (Array.isArray(data)) for (const { chunk, encoding } of data) bytes += sizeOf(chunk, encoding);
  else if (data) bytes += sizeOf(data, this._pendingEncoding);
  return bytes;
});

getter('readyState', function() {
  if (this.connecting) return 'opening';
  if (this.readable && this.writable) return 'open';
  if (this.readable) return 'readOnly';
  return this.writable ? 'writeOnly' : 'closed';
});

// node:dgram: UDP sockets. A socket of the host comes into being when it is bound; what is sent before that waits. What can
// be set on a socket is in internal/dgram/options. Must not know what a message means.
'use strict';

const EventEmitter = require('events');
const { channel } = require('diagnostics_channel');
const streams = internalBinding('stream');
const { native, event, flag, option } = require('internal/dns/udp');
const { EACCES, denied } = require('internal/net/denied');
const { exceptionWithHostPort, errnoException, codes: {
  ERR_BUFFER_OUT_OF_BOUNDS, ERR_INVALID_ARG_TYPE, ERR_INVALID_FD_TYPE, ERR_MISSING_ARGS, ERR_SOCKET_ALREADY_BOUND,
  ERR_SOCKET_BAD_PORT, ERR_SOCKET_BAD_TYPE, ERR_SOCKET_DGRAM_IS_CONNECTED, ERR_SOCKET_DGRAM_NOT_CONNECTED,
  ERR_SOCKET_DGRAM_NOT_RUNNING,
} } = require('internal/errors');
const { validateAbortSignal, validateFunction, validateNumber, validatePort, validateString } = require('internal/validators');
const { parseRecord } = require('internal/net/address');
const { kAdopt, kBound, kHandleOf, kRest, asker } = require('internal/dgram/shared');

const kState = Symbol('state');
const UNBOUND = 0, BINDING = 1, BOUND = 2;
const DISCONNECTED = 0, CONNECTING = 1, CONNECTED = 2;
const EAGAIN = -11;
const OF_OPTION = 1;

function makeLookup(lookup, family) {
  if (lookup !== undefined) validateFunction(lookup, 'lookup');
  return (host, callback) => {
    const address = host || (family === 6 ? '::1' : '127.0.0.1');
    if (lookup === undefined) require('dns').lookup(address, family, callback);
    else lookup(address, family, callback);
  };
}

const made = channel('udp.socket');

function Socket(type, listener) {
  EventEmitter.call(this);
  let options = {};
  if (type !== null && typeof type === 'object') {
    options = type;
    type = options.type;
    if (options.recvBufferSize !== undefined) validateNumber(options.recvBufferSize, 'options.recvBufferSize');
    if (options.sendBufferSize !== undefined) validateNumber(options.sendBufferSize, 'options.sendBufferSize');
  }
  if (type !== 'udp4' && type !== 'udp6') throw new ERR_SOCKET_BAD_TYPE();
  const family = type === 'udp6' ? 6 : 4;
  this.type = type;
  this[kState] = {
    handle: 0, closed: false, bind: UNBOUND, connect: DISCONNECTED, family, refed: true, queue: null, sends: [], port: undefined,
    host: undefined, lookup: makeLookup(options.lookup, family), connectCallback: null, onconnect: null, bytes: 0,
    reuseAddr: Boolean(options.reuseAddr), ipv6Only: Boolean(options.ipv6Only),
    recvBufferSize: options.recvBufferSize, sendBufferSize: options.sendBufferSize,
    reads: true, release: null,
  };
  if (typeof listener === 'function') this.on('message', listener);
  const { signal } = options;
  if (signal !== undefined) closeOnAbort(this, signal);
  if (made.hasSubscribers) made.publish({ socket: this });
}
Object.setPrototypeOf(Socket.prototype, EventEmitter.prototype);
Object.setPrototypeOf(Socket, EventEmitter);

function closeOnAbort(socket, signal) {
  validateAbortSignal(signal, 'options.signal');
  const close = () => {
    if (!socket[kState].closed) socket.close();
  };
  if (signal.aborted) {
    close();
    return;
  }
  signal.addEventListener('abort', close, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', close));
}

function healthCheck(socket) {
  if (socket[kState].closed) throw new ERR_SOCKET_DGRAM_NOT_RUNNING();
}

// ---- bind ----

Socket.prototype.bind = function(port_, address_) {
  healthCheck(this);
  const state = this[kState];
  if (state.bind !== UNBOUND) throw new ERR_SOCKET_ALREADY_BOUND();
  state.bind = BINDING;
  const callback = arguments.length > 0 && arguments[arguments.length - 1];
  if (typeof callback === 'function') bindCallback(this, callback);
  let port = port_, address = typeof address_ === 'function' ? '' : address_, exclusive = false;
  if (port !== null && typeof port === 'object') {
    exclusive = Boolean(port.exclusive);
    if (typeof port.fd === 'number') throw new ERR_INVALID_FD_TYPE('UNKNOWN'); // a cell has no descriptors
    address = port.address || '';
    port = port.port;
  }
  if (typeof port === 'function' || port === undefined || port === null) port = 0;
  state.lookup(address || (state.family === 4 ? '0.0.0.0' : '::'), (error, ip) => {
    if (state.closed) return;
    if (error) {
      state.bind = UNBOUND;
      this.emit('error', error);
      return;
    }
    if (asker.share === null || exclusive) bindNow(this, ip, port | 0);
    else bindShared(this, ip, port | 0);
  });
  return this;
};

function bindShared(socket, ip, port) {
  const { family, ipv6Only, reuseAddr } = socket[kState];
  asker.share(socket, { address: ip, port, family: `udp${family}`, ipv6Only, reuseAddr });
}

function bindCallback(socket, callback) {
  const forget = () => {
    socket.removeListener('error', forget);
    socket.removeListener('listening', onListening);
  };
  function onListening() {
    forget();
    callback.call(socket);
  }
  socket.on('error', forget);
  socket.on('listening', onListening);
}

function bindNow(socket, ip, port) {
  const state = socket[kState];
  const flags = (state.ipv6Only ? flag.IPV6_ONLY : 0) | (state.reuseAddr ? flag.REUSE_ADDRESS : 0);
  const handle = native.bind(ip, port, flags);
  [state.boundTo, state.boundPort] = [ip, port];
  if (handle < 0) {
    state.bind = UNBOUND;
    socket.emit('error', handle === EACCES ? denied('bind', { address: ip, port }) : exceptionWithHostPort(handle, 'bind', ip, port));
    return;
  }
  take(socket, handle);
  if (!state.reads) native.option(handle, option.RECEIVE, 0);
  if (state.recvBufferSize) native.option(handle, option.RECV_BUFFER, state.recvBufferSize);
  if (state.sendBufferSize) native.option(handle, option.SEND_BUFFER, state.sendBufferSize);
}

function take(socket, handle) {
  const state = socket[kState];
  state.handle = handle;
  native.attachObject(handle, socket);
  if (!state.refed) streams.ref(handle, false);
}

Object.defineProperties(Socket.prototype, {
  [kHandleOf]: { value() { return this[kState].bind === BOUND ? this[kState].handle : 0; } },
  [kRest]: { value() { this[kState].reads = false; } },
  [kBound]: {
    value(handle, release = null) {
      take(this, handle);
      this[kState].release = release;
      this[kState].bind = BOUND;
    },
  },
});
Object.defineProperty(Socket, kAdopt, {
  value(type, handle) {
    const socket = new Socket(type);
    socket[kBound](handle);
    return socket;
  },
});

// What was asked for before the socket was bound.
function enqueue(socket, work) {
  const state = socket[kState];
  if (state.queue !== null) {
    state.queue.push(work);
    return;
  }
  state.queue = [work];
  const done = () => {
    socket.removeListener('error', failed);
    const { queue } = state;
    state.queue = null;
    for (const each of queue ?? []) each();
  };
  function failed() {
    socket.removeListener('listening', done);
    state.queue = null;
  }
  socket.once('listening', done);
  socket.once('error', failed);
}

function bindFirst(socket) {
  if (socket[kState].bind === UNBOUND) socket.bind({ port: 0, exclusive: true });
}

// ---- connect ----

Socket.prototype.connect = function(port, address, callback) {
  validatePort(port, 'Port', false);
  if (typeof address === 'function') [address, callback] = ['', address];
  else if (address === undefined) address = '';
  validateString(address, 'address');
  const state = this[kState];
  if (state.connect !== DISCONNECTED) throw new ERR_SOCKET_DGRAM_IS_CONNECTED();
  state.connect = CONNECTING;
  bindFirst(this);
  if (state.bind !== BOUND) enqueue(this, () => connectSoon(this, port, address, callback));
  else connectSoon(this, port, address, callback);
};

function connectSoon(socket, port, address, callback) {
  const state = socket[kState];
  if (callback) socket.once('connect', callback);
  state.lookup(address, (error, ip) => {
    if (state.closed) return;
    if (error) {
      connectFailed(socket, error, callback);
      return;
    }
    const answer = native.connect(state.handle, ip, port | 0);
    if (answer < 0) {
      connectFailed(socket, answer === EACCES ? denied('connect', { address: ip, port }) :
        exceptionWithHostPort(answer, 'connect', ip, port), callback);
      return;
    }
    state.onconnect = (errno) => {
      if (errno !== 0) {
        connectFailed(socket, exceptionWithHostPort(-errno, 'connect', ip, port), callback);
        return;
      }
      state.connect = CONNECTED;
      socket.emit('connect');
    };
  });
}

function connectFailed(socket, error, callback) {
  socket[kState].connect = DISCONNECTED;
  if (callback) {
    socket.removeListener('connect', callback);
    process.nextTick(callback, error);
  } else {
    process.nextTick(() => socket.emit('error', error));
  }
}

Socket.prototype.disconnect = function() {
  const state = this[kState];
  if (state.connect !== CONNECTED) throw new ERR_SOCKET_DGRAM_NOT_CONNECTED();
  const answer = native.connect(state.handle, '', 0);
  if (answer < 0) throw errnoException(answer, 'connect');
  state.connect = DISCONNECTED;
  state.onconnect = null;
};

// ---- send ----

const isBytes = (value) => ArrayBuffer.isView(value);

function toBytes(value) {
  if (typeof value === 'string') return Buffer.from(value);
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function slice(buffer, offset, length) {
  if (typeof buffer !== 'string' && !isBytes(buffer)) {
    throw new ERR_INVALID_ARG_TYPE('buffer', ['Buffer', 'TypedArray', 'DataView', 'string'], buffer);
  }
  const bytes = toBytes(buffer);
  offset >>>= 0;
  length >>>= 0;
  if (offset > bytes.length) throw new ERR_BUFFER_OUT_OF_BOUNDS('offset');
  if (offset + length > bytes.length) throw new ERR_BUFFER_OUT_OF_BOUNDS('length');
  return bytes.subarray(offset, offset + length);
}

// One message of a string, bytes, or a list of them.
function messageOf(buffer) {
  if (Array.isArray(buffer)) {
    for (const part of buffer) {
      if (typeof part !== 'string' && !isBytes(part)) throw new ERR_INVALID_ARG_TYPE('buffer list arguments', ['Buffer', 'TypedArray', 'DataView', 'string'], buffer);
    }
    return Buffer.concat(buffer.map(toBytes));
  }
  if (typeof buffer !== 'string' && !isBytes(buffer)) {
    throw new ERR_INVALID_ARG_TYPE('buffer', ['Buffer', 'TypedArray', 'DataView', 'string'], buffer);
  }
  return toBytes(buffer);
}

// (buffer, offset, length, port, address, cb), (buffer, port, address, cb), and on a connected socket without the place.
Socket.prototype.send = function(buffer, offset, length, port, address, callback) {
  healthCheck(this);
  const state = this[kState];
  const connected = state.connect === CONNECTED;
  let message;
  if (!connected) {
    if (address || (port && typeof port !== 'function')) {
      message = slice(buffer, offset, length);
    } else {
      [callback, port, address] = [port, offset, length];
    }
  } else if (typeof length === 'number') {
    message = slice(buffer, offset, length);
    if (typeof port === 'function') [callback, port] = [port, null];
    else if ((port !== undefined && port !== null) || address) throw new ERR_SOCKET_DGRAM_IS_CONNECTED();
  } else {
    message = messageOf(buffer);
    if (offset !== undefined && typeof offset !== 'function') throw new ERR_SOCKET_DGRAM_IS_CONNECTED();
    callback = offset;
  }
  if (message === undefined) message = messageOf(buffer);
  if (!connected) port = checkedPort(port);
  if (typeof callback !== 'function') callback = undefined;
  if (typeof address === 'function') [callback, address] = [address, undefined];
  else if (address !== undefined && address !== null) validateString(address, 'address');
  bindFirst(this);
  const go = () => sendSoon(this, message, port, address, callback);
  if (state.bind !== BOUND) enqueue(this, go);
  else go();
};

Socket.prototype.sendto = function(buffer, offset, length, port, address, callback) {
  validateNumber(offset, 'offset');
  validateNumber(length, 'length');
  validateNumber(port, 'port');
  validateString(address, 'address');
  this.send(buffer, offset, length, port, address, callback);
};

function checkedPort(port) {
  const number = typeof port === 'symbol' ? NaN : Number(port);
  if ((typeof port !== 'number' && typeof port !== 'string') || (number >>> 0) !== number || number > 0xffff || number === 0) {
    throw new ERR_SOCKET_BAD_PORT('Port', port, false);
  }
  return number;
}

function sendSoon(socket, message, port, address, callback) {
  const state = socket[kState];
  if (state.connect === CONNECTED) {
    sendNow(socket, message, 0, '', callback);
    return;
  }
  state.lookup(address, (error, ip) => {
    if (state.closed) return;
    if (error) report(socket, error, callback);
    else sendNow(socket, message, port, ip, callback);
  });
}

function sendNow(socket, message, port, ip, callback) {
  const state = socket[kState];
  const answer = native.send(state.handle, message, ip, port);
  if (answer >= 0) {
    state.bytes += message.length;
    state.sends.push({ callback, ip, port, bytes: message.length });
  } else if (answer === EAGAIN) {
    setImmediate(() => { if (!state.closed) sendNow(socket, message, port, ip, callback); });
  } else {
    report(socket, answer === EACCES ? denied('send', { address: ip, port }) : exceptionWithHostPort(answer, 'send', ip, port), callback);
  }
}

function report(socket, error, callback) {
  if (callback) process.nextTick(callback, error);
  else process.nextTick(() => socket.emit('error', error));
}

function sent(socket, errno) {
  const state = socket[kState];
  const { callback, ip, port, bytes } = state.sends.shift() ?? {};
  state.bytes -= bytes;
  if (errno === 0) callback?.(null, bytes);
  else if (callback) callback(exceptionWithHostPort(-errno, 'send', ip || undefined, port));
}

// ---- What the host says ----

Socket.prototype.onUdp = function(kind, value, extra, port) {
  const state = this[kState];
  switch (kind) {
    case event.BOUND:
      state.bind = BOUND;
      if (!state.closed) this.emit('listening');
      break;
    case event.MESSAGE:
      if (!state.closed) {
        this.emit('message', value, { address: extra, family: extra.includes(':') ? 'IPv6' : 'IPv4', port, size: value.length });
      }
      break;
    case event.SENT: sent(this, value); break;
    case event.CONNECTED: state.onconnect?.(value); break;
    case event.ERROR:
      if (!state.closed) this.emit('error', errnoException(-value, extra === OF_OPTION ? 'setsockopt' : 'recvmsg'));
      break;
    case event.CLOSED: {
      native.detachObject(state.handle);
      state.handle = 0;
      if (state.closed) break;
      state.bind = UNBOUND;
      if (value === 0) { // a clone: the socket stayed with the process that was cloned
        this.close();
        break;
      }
      this.emit('error', exceptionWithHostPort(-value, 'bind', state.boundTo, state.boundPort));
      break;
    }
  }
};

// ---- The rest ----

Socket.prototype.close = function(callback) {
  const state = this[kState];
  if (typeof callback === 'function') this.on('close', callback);
  if (state.queue !== null) {
    state.queue.push(() => this.close());
    return this;
  }
  healthCheck(this);
  state.closed = true;
  state.release?.();
  if (state.handle) streams.close(state.handle);
  process.nextTick(() => this.emit('close'));
  return this;
};

if (Symbol.asyncDispose) {
  Socket.prototype[Symbol.asyncDispose] = async function() {
    if (this[kState].closed) return;
    await new Promise((resolve, reject) => this.close((error) => (error ? reject(error) : resolve())));
  };
}

function addressOf(socket, side) {
  const { handle } = socket[kState];
  if (!handle) return null;
  let text = streams.address(handle, side);
  if (typeof text === 'number' && side === 0 && streams.settle() === 0) text = streams.address(handle, side);
  return parseRecord(text);
}

Socket.prototype.address = function() {
  healthCheck(this);
  const known = addressOf(this, 0);
  if (known === null) throw errnoException(-9, 'getsockname');
  return known;
};

Socket.prototype.remoteAddress = function() {
  healthCheck(this);
  if (this[kState].connect !== CONNECTED) throw new ERR_SOCKET_DGRAM_NOT_CONNECTED();
  return addressOf(this, 1);
};

function keep(socket, on) {
  const state = socket[kState];
  state.refed = on;
  if (state.handle) streams.ref(state.handle, on);
  return socket;
}

Socket.prototype.ref = function() { return keep(this, true); };
Socket.prototype.unref = function() { return keep(this, false); };
Socket.prototype.getSendQueueSize = function() { return this[kState].bytes; };
Socket.prototype.getSendQueueCount = function() { return this[kState].sends.length; };

require('internal/dgram/options').install(Socket, kState, healthCheck, enqueue);

module.exports = {
  createSocket: (type, listener) => new Socket(type, listener),
  Socket,
  _createSocketHandle: undefined,
};

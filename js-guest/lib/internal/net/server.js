// net.Server: listening, whatever speaks on the connections. http.Server builds on it: `_options` and `_accepted` are
// what it overrides. Knows no protocol.
'use strict';

const EventEmitter = require('events');
const native = internalBinding('stream');
const { errnoException, uvExceptionWithHostPort, codes: {
  ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_SERVER_ALREADY_LISTEN, ERR_SERVER_NOT_RUNNING,
} } = require('internal/errors');
const { validateAbortSignal, validateNumber, validatePort } = require('internal/validators');
const { parseRecord, numericHost, notFound, toNumber } = require('internal/net/address');
const { Socket, onData, onStreamEvent } = require('internal/net/socket');
const { event, flag, option, normalizeArgs } = require('internal/net/options');

const kListener = Symbol('kListener');
const kAddress = Symbol('kAddress');
const kRefed = Symbol('kRefed');
const BACKLOG = 511;

function Server(options, connectionListener) {
  if (!(this instanceof Server)) return new Server(options, connectionListener);
  EventEmitter.call(this);
  if (typeof options === 'function') {
    connectionListener = options;
    options = {};
  } else if (options === undefined || options === null) {
    options = {};
  } else if (typeof options !== 'object') {
    throw new ERR_INVALID_ARG_TYPE('options', 'Object', options);
  }
  if (typeof connectionListener === 'function') this.on('connection', connectionListener);
  if (options.keepAliveInitialDelay !== undefined) {
    validateNumber(options.keepAliveInitialDelay, 'options.keepAliveInitialDelay');
  }
  if (options.highWaterMark !== undefined) validateNumber(options.highWaterMark, 'options.highWaterMark');
  this._connections = 0;
  this[kListener] = 0;
  this[kAddress] = null;
  this[kRefed] = true;
  this._closing = false;
  this._connectionKey = undefined;
  this.allowHalfOpen = options.allowHalfOpen || false;
  this.pauseOnConnect = Boolean(options.pauseOnConnect);
  this.noDelay = Boolean(options.noDelay);
  this.keepAlive = Boolean(options.keepAlive);
  this.keepAliveInitialDelay = ~~((options.keepAliveInitialDelay ?? 0) / 1000);
}
Object.setPrototypeOf(Server.prototype, EventEmitter.prototype);
Object.setPrototypeOf(Server, EventEmitter);

// The listen options of this kind of server, as the host wants them.
Server.prototype._options = function(ipv6Only) {
  return [(ipv6Only ? flag.IPV6_ONLY : 0) | (this.noDelay ? flag.NO_DELAY : 0) |
          (this.keepAlive ? flag.TCP_KEEP_ALIVE : 0) | (this.allowHalfOpen ? flag.HALF_OPEN : 0)];
};

// ---- listen ----

Server.prototype.listen = function(...args) {
  const [options, cb] = normalizeArgs(args);
  if (this[kListener]) throw new ERR_SERVER_ALREADY_LISTEN();
  if (cb !== null) this.once('listening', cb);
  const backlog = options.backlog || (args.length > 1 && toNumber(args[1])) || (args.length > 2 && toNumber(args[2])) || BACKLOG;
  if (options.signal !== undefined) watchSignal(this, options.signal);
  let { port } = options;
  if (args.length === 0 || typeof args[0] === 'function' || (port === undefined && 'port' in options) || port === null) {
    port = 0;
  }
  if (typeof port === 'number' || typeof port === 'string') {
    validatePort(port, 'options.port');
    open(this, options.host, port | 0, backlog, Boolean(options.ipv6Only));
    return this;
  }
  if (typeof options.path === 'string' && options.path !== '') {
    this._pipeName = options.path;
    openAt(this, options.path, -1, backlog, false);
    return this;
  }
  if (!('port' in options || 'path' in options)) {
    throw new ERR_INVALID_ARG_VALUE('options', options, 'must have the property "port" or "path"');
  }
  throw new ERR_INVALID_ARG_VALUE('options', options);
};

function watchSignal(server, signal) {
  validateAbortSignal(signal, 'options.signal');
  const close = () => server.close();
  if (signal.aborted) {
    process.nextTick(close);
    return;
  }
  signal.addEventListener('abort', close, { once: true });
  server.once('close', () => signal.removeEventListener('abort', close));
}

function fail(server, error) {
  server._failed?.();
  process.nextTick(() => server.emit('error', error));
}

// Without a host: every address, by IPv6 where the machine has it.
function open(server, host, port, backlog, ipv6Only) {
  if (host) {
    const address = numericHost(host);
    if (address === undefined) fail(server, notFound(host));
    else openAt(server, address, port, backlog, ipv6Only);
    return;
  }
  openAt(server, '::', port, backlog, ipv6Only, () => openAt(server, '0.0.0.0', port, backlog, false));
}

const NO_IPV6 = new Set([97, 99, 22]);

function openAt(server, address, port, backlog, ipv6Only, otherwise) {
  const handle = native.listen(address, port, backlog, server._options(ipv6Only));
  server._asked = { address, port: port < 0 ? undefined : port };
  if (handle < 0) {
    if (otherwise && NO_IPV6.has(-handle)) otherwise();
    else fail(server, listenError(server, handle));
    return;
  }
  server._otherwise = otherwise;
  server[kListener] = handle;
  server._connectionKey = `${port < 0 ? -1 : address.includes(':') ? 6 : 4}:${address}:${port}`;
  native.attachObject(handle, server);
  server._opened?.(handle);
  if (!server[kRefed]) native.ref(handle, false);
}

function listenError(server, errno) {
  const { address, port } = server._asked;
  if (-errno === 13 || -errno === 1) {
    const denied = internalBinding('process').makeErrno?.(-errno, 'listen');
    if (denied) return Object.assign(denied, { address, port });
  }
  return uvExceptionWithHostPort(errno, 'listen', address, port);
}

// ---- What the host says of a listener ----

function onListenerEvent(server, kind, handle, value, text) {
  switch (kind) {
    case event.LISTENING: {
      const { address, port } = server._asked;
      const told = text ? text.split(' ').pop() : address;
      if (port === undefined) server[kAddress] = server._pipeName;
      else server[kAddress] = { address: told || address, family: (told || address).includes(':') ? 'IPv6' : 'IPv4', port: value };
      server.emit('listening');
      break;
    }
    case event.LISTEN_FAILED: {
      const { _otherwise: otherwise } = server;
      server._released?.(handle);
      native.detachObject(handle);
      server[kListener] = 0;
      server._otherwise = undefined;
      if (otherwise && NO_IPV6.has(value)) otherwise();
      else server.emit('error', listenError(server, -value));
      break;
    }
    case event.LISTENER_CLOSED:
      server._released?.(handle);
      native.detachObject(handle);
      server._closing = false;
      if (server[kListener] === handle) server[kListener] = 0;
      server[kAddress] = null;
      server.emit('close');
      break;
    case event.ACCEPTED: server._accepted(handle); break;
  }
}

Server.prototype._accepted = function(handle) {
  if (this.maxConnections !== undefined && this.maxConnections !== null && this._connections >= this.maxConnections) {
    const peer = parseRecord(native.address(handle, 1)), local = parseRecord(native.address(handle, 0));
    native.close(handle);
    this.emit('drop', {
      localAddress: local?.address, localPort: local?.port, localFamily: local?.family,
      remoteAddress: peer?.address, remotePort: peer?.port, remoteFamily: peer?.family,
    });
    return;
  }
  const socket = Socket.adopt(handle, { allowHalfOpen: this.allowHalfOpen, server: this });
  if (this.pauseOnConnect) socket.pause();
  if (this.keepAlive && this.keepAliveInitialDelay) native.option(handle, option.KEEP_ALIVE, this.keepAliveInitialDelay);
  this._connections++;
  this.emit('connection', socket);
};

Server.prototype._left = function() {
  this._connections--;
};

// ---- The rest ----

Object.defineProperty(Server.prototype, 'listening', {
  configurable: true, enumerable: true, get() { return this[kListener] !== 0 && !this._closing; },
});
Object.defineProperty(Server.prototype, '_handle', {
  configurable: true,
  get() { return this[kListener] && !this._closing ? { handle: this[kListener] } : null; },
  set() {},
});

Server.prototype.address = function() {
  if (this._closing || !this[kListener]) return null;
  if (this[kAddress] === null) {
    const known = parseRecord(native.address(this[kListener], 0));
    if (known?.family) return known;
  }
  return this[kAddress];
};

Server.prototype.close = function(cb) {
  const open = this[kListener] !== 0 && !this._closing;
  if (typeof cb === 'function') {
    if (open) this.once('close', cb);
    else this.once('close', () => cb(new ERR_SERVER_NOT_RUNNING()));
  }
  if (open) {
    this._closing = true;
    native.close(this[kListener]);
  } else if (!this._closing) {
    process.nextTick(() => this.emit('close'));
  }
  return this;
};

Server.prototype[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')] = async function() {
  if (!this._handle) return;
  await new Promise((resolve, reject) => this.close((error) => (error ? reject(error) : resolve())));
};

Server.prototype.getConnections = function(cb) {
  process.nextTick(cb, null, this._connections);
  return this;
};

Server.prototype.ref = function() {
  this[kRefed] = true;
  if (this[kListener]) native.ref(this[kListener], true);
  return this;
};

Server.prototype.unref = function() {
  this[kRefed] = false;
  if (this[kListener]) native.ref(this[kListener], false);
  return this;
};

Server.prototype[EventEmitter.captureRejectionSymbol] = function(error, name, socket) {
  if (name === 'connection') socket.destroy(error);
  else this.emit('error', error);
};

native.setup(onData, (object, kind, handle, value, text) => {
  if (kind <= event.ACCEPTED) onListenerEvent(object, kind, handle, value, text);
  else onStreamEvent(object, kind, handle, value);
});

module.exports = { Server, kListener, errnoException };

// net.Server: listening, whatever speaks on the connections. http.Server builds on it: `_options` and `_accepted` are
// what it overrides. Knows no protocol.
'use strict';

const EventEmitter = require('events');
const native = internalBinding('stream');
const { errnoException, uvExceptionWithHostPort, codes: {
  ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_SERVER_ALREADY_LISTEN, ERR_SERVER_NOT_RUNNING,
} } = require('internal/errors');
const { validateAbortSignal, validateNumber, validatePort } = require('internal/validators');
const { channel } = require('diagnostics_channel');
const { isIP, parseRecord, toNumber } = require('internal/net/address');
const { EACCES, denied } = require('internal/net/denied');
const { Handle, TCP, Pipe } = require('internal/net/handle');
const { Socket, onData, onStreamEvent, kServer, kNoDelay, kKeepAlive, kKeepAliveDelay } = require('internal/net/socket');
const { event, flag, option, isPipeName, normalizeArgs } = require('internal/net/options');

const kListener = Symbol('kListener');
let hasBegun = false; // whether anything has ever listened here
const kObject = Symbol('kObject');
const kAddress = Symbol('kAddress');
const kAsked = Symbol('kAsked');
const kClosing = Symbol('kClosing');
const kLeaving = Symbol('kLeaving');
const kRefed = Symbol('kRefed');
// Of a cluster's worker: lets go of what the primary shares with this server.
const kRelease = Symbol('kRelease');
const BACKLOG = 511;
const EINVAL = -22;

const newSocket = channel('net.server.socket');

// In a cluster's worker: who asks the primary for a listener, as share(server, { address, port, ... }).
let share = null;
const shareBy = (asker) => { share = asker; };

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
  this[kObject] = null;
  this[kAddress] = null;
  this[kAsked] = null;
  this[kClosing] = 0;
  this[kLeaving] = 0;
  this[kRefed] = true;
  this[kRelease] = null;
  this._workers = [];
  this._connectionKey = undefined;
  this._unref = false;
  this.allowHalfOpen = options.allowHalfOpen || false;
  this.pauseOnConnect = Boolean(options.pauseOnConnect);
  this.noDelay = Boolean(options.noDelay);
  this.keepAlive = Boolean(options.keepAlive);
  this.keepAliveInitialDelay = Math.max(0, ~~((options.keepAliveInitialDelay ?? 0) / 1000));
  this.highWaterMark = options.highWaterMark;
}
Object.setPrototypeOf(Server.prototype, EventEmitter.prototype);
Object.setPrototypeOf(Server, EventEmitter);

// The listen options of this kind of server, as the host wants them.
Server.prototype._options = function(ipv6Only) {
  return [(ipv6Only ? flag.IPV6_ONLY : 0) | (this.noDelay ? flag.NO_DELAY : 0) |
          (this.keepAlive ? flag.TCP_KEEP_ALIVE : 0) | (this.allowHalfOpen ? flag.HALF_OPEN : 0) |
          (this.pauseOnConnect ? flag.PAUSED : 0)];
};

// ---- listen ----

Server.prototype.listen = function(...args) {
  const [given, cb] = normalizeArgs(args);
  if (this[kListener]) throw new ERR_SERVER_ALREADY_LISTEN();
  if (cb !== null) this.once('listening', cb);
  const fromArgs = toNumber(args.length > 1 && args[1]) || toNumber(args.length > 2 && args[2]);
  let options = given._handle || given.handle || given;
  if (options instanceof Handle) return listenOn(this, options, given);
  if (options.signal !== undefined) watchSignal(this, options.signal);
  if (typeof options.fd === 'number' && options.fd >= 0) {
    // A cell has no descriptors, so that none of them is a listening socket.
    fail(this, uvExceptionWithHostPort(EINVAL, 'listen', null, undefined));
    return this;
  }
  const backlog = options.backlog || fromArgs || BACKLOG;
  let { port } = options;
  if (args.length === 0 || typeof args[0] === 'function' || (port === undefined && 'port' in options) || port === null) {
    port = 0;
  }
  if (typeof port === 'number' || typeof port === 'string') {
    validatePort(port, 'options.port');
    open(this, options.host, port | 0, backlog, Boolean(options.ipv6Only), Boolean(options.exclusive));
    return this;
  }
  if (options.path && isPipeName(options.path)) {
    this._pipeName = options.path;
    const mode = (options.readableAll ? 0o444 : 0) | (options.writableAll ? 0o222 : 0);
    if (mode && options.path[0] === '\0') {
      throw new ERR_INVALID_ARG_VALUE(
        'options', options, 'can not set readableAll or writableAllt to true when path is abstract unix socket');
    }
    if (share !== null && !options.exclusive) {
      share(this, { address: options.path, port: -1, family: -1, backlog, ipv6Only: false, mode });
      return this;
    }
    openAt(this, options.path, -1, backlog, false);
    if (this[kAsked] !== null) this[kAsked].mode = mode;
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

// A listener that has come from elsewhere: another server's `_handle`, another process's.
function listenOn(server, object, given) {
  if (!(object.id > 0)) throw new ERR_INVALID_ARG_VALUE('options', given, 'the handle is closed');
  const handle = object.id;
  native.detachObject(handle);
  native.listenSet(handle, server._options(false));
  const pipe = object instanceof Pipe;
  if (pipe) server._pipeName ??= '';
  begin(server, handle, { address: '', port: pipe ? undefined : 0, otherwise: undefined });
  object.owner = server;
  process.nextTick(() => { if (server[kListener] === handle) server.emit('listening'); });
  return server;
}

// Without a host: every address, by IPv6 where the machine has it.
function open(server, host, port, backlog, ipv6Only, exclusive) {
  if (share !== null && !exclusive) {
    openShared(server, host, port, backlog, ipv6Only);
  } else if (!host) {
    openAt(server, '::', port, backlog, ipv6Only, () => openAt(server, '0.0.0.0', port, backlog, false));
  } else if (isIP(host)) {
    openAt(server, host, port, backlog, ipv6Only);
  } else {
    require('dns').lookup(host, (error, address) => {
      if (error) server.emit('error', error);
      else openAt(server, address, port, backlog, ipv6Only);
    });
  }
}

function openShared(server, host, port, backlog, ipv6Only) {
  const ask = (address, family) => share(server, { address, port, family, backlog, ipv6Only, mode: 0 });
  if (!host || isIP(host)) {
    ask(host || null, host ? isIP(host) : 4);
    return;
  }
  require('dns').lookup(host, (error, address, family) => {
    if (error) server.emit('error', error);
    else ask(address, family);
  });
}

const NO_IPV6 = new Set([97, 99, 22]);

function openAt(server, address, port, backlog, ipv6Only, otherwise) {
  const handle = native.listen(address, port, backlog, server._options(ipv6Only));
  const asked = { address, port: port < 0 ? undefined : port, otherwise };
  if (handle < 0) {
    if (otherwise && NO_IPV6.has(-handle)) otherwise();
    else fail(server, handle === EACCES ? denied('listen', { address, port: asked.port }) : listenError(asked, handle));
    return;
  }
  server._connectionKey = `${port < 0 ? -1 : address.includes(':') ? 6 : 4}:${address}:${port}`;
  begin(server, handle, asked);
}

// The server has this listener from now on.
function begin(server, handle, asked, known = null) {
  hasBegun = true;
  server[kAsked] = asked;
  server[kAddress] = known;
  server[kListener] = handle;
  native.attachObject(handle, server);
  server._opened?.(handle);
  if (!server[kRefed]) native.ref(handle, false);
}

function listenError({ address, port }, errno) {
  return uvExceptionWithHostPort(errno, 'listen', address, port);
}

// `readableAll`, `writableAll`: others than the socket's owner may connect.
function letIn(path, mode) {
  const fs = require('fs');
  fs.chmodSync(path, (fs.statSync(path).mode & 0o777) | mode);
}

// ---- What the host says of a listener ----

function onListenerEvent(server, kind, handle, value) {
  switch (kind) {
    case event.LISTENING:
      if (server[kListener] !== handle) break;
      if (server[kAsked].mode) letIn(server._pipeName, server[kAsked].mode);
      server.emit('listening');
      break;
    case event.LISTEN_FAILED: {
      server._released?.(handle);
      native.detachObject(handle);
      if (server[kListener] !== handle) break;
      const asked = server[kAsked];
      server[kListener] = 0;
      server[kObject] = null;
      if (asked.otherwise && NO_IPV6.has(value)) asked.otherwise();
      else server.emit('error', listenError(asked, -value));
      break;
    }
    case event.LISTENER_CLOSED:
      server._released?.(handle);
      native.detachObject(handle);
      // In a clone nobody has asked for it: the listener stayed with the process that was cloned.
      if (server[kListener] === handle) server[kListener] = 0;
      else server[kClosing]--;
      if (server[kLeaving] === handle) server[kLeaving] = 0;
      if (server[kListener] === 0 && server[kClosing] === 0) emitClose(server);
      break;
    case event.ACCEPTED:
      if (server[kObject] === null) server._accepted(handle);
      else server[kObject].onconnection(0, new (server[kAsked].port === undefined ? Pipe : TCP)(handle));
      break;
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
  const paused = this.pauseOnConnect;
  const socket = Socket.adopt(handle, { allowHalfOpen: this.allowHalfOpen, server: this, paused, highWaterMark: this.highWaterMark });
  socket[kNoDelay] = this.noDelay;
  if (this.keepAlive) {
    socket[kKeepAlive] = true;
    socket[kKeepAliveDelay] = this.keepAliveInitialDelay;
    if (this.keepAliveInitialDelay) native.option(handle, option.KEEP_ALIVE, this.keepAliveInitialDelay);
  }
  this._connections++;
  this.emit('connection', socket);
  if (newSocket.hasSubscribers) newSocket.publish({ socket });
};

// The same for who has put itself between, through `_handle.onconnection`.
function onconnection(error, handle) {
  const { owner: server } = this;
  if (error) {
    server.emit('error', errnoException(error, 'accept'));
    return;
  }
  const socket = new Socket({ handle, allowHalfOpen: server.allowHalfOpen, readable: true, writable: true });
  if (server.noDelay) {
    socket[kNoDelay] = true;
    handle.setNoDelay(true);
  }
  if (server.keepAlive) {
    socket[kKeepAlive] = true;
    socket[kKeepAliveDelay] = server.keepAliveInitialDelay;
    handle.setKeepAlive(true, server.keepAliveInitialDelay);
  }
  server._connections++;
  socket.server = socket._server = socket[kServer] = server;
  server.emit('connection', socket);
}

// Sockets of it that other processes have are waited for, too.
function emitClose(server) {
  let left = server._workers.length;
  if (left === 0) {
    server.emit('close');
    return;
  }
  for (const worker of [...server._workers]) worker.close(() => { if (--left === 0) server.emit('close'); });
}

Server.prototype._setupWorker = function(worker) {
  this._workers.push(worker);
};

Server.prototype._left = function() {
  this._connections--;
};

// The listener that is open, or the last one while its connections last; or 0.
const listenerOf = (server) => server[kListener] || server[kLeaving];

// ---- The rest ----

Object.defineProperty(Server.prototype, 'listening', {
  configurable: true, enumerable: true, get() { return this[kListener] !== 0; },
});
Object.defineProperty(Server.prototype, '_handle', {
  configurable: true,
  get() {
    if (!this[kListener]) return null;
    if (this[kObject] === null) {
      this[kObject] = new (this[kAsked].port === undefined ? Pipe : TCP)(this[kListener], this);
      this[kObject].onconnection = onconnection;
    }
    return this[kObject];
  },
  set() {},
});

// The host knows once it has opened the listener; who cannot wait for 'listening' has it done now.
Server.prototype.address = function() {
  if (!this[kListener]) return null;
  if (this[kAsked].port === undefined) return this._pipeName;
  if (this[kObject] !== null && Object.hasOwn(this[kObject], 'getsockname')) {
    const out = {};
    const error = this[kObject].getsockname(out);
    if (error) throw errnoException(error, 'address');
    return out;
  }
  if (this[kAddress] === null) {
    let text = native.address(this[kListener], 0);
    if (typeof text === 'number' && native.settle() === 0) text = native.address(this[kListener], 0);
    this[kAddress] = parseRecord(text);
  }
  return this[kAddress] && { ...this[kAddress] };
};

Server.prototype.close = function(cb) {
  const handle = this[kListener];
  if (typeof cb === 'function') {
    if (handle) this.once('close', cb);
    else this.once('close', () => cb(new ERR_SERVER_NOT_RUNNING()));
  }
  if (handle) {
    this[kListener] = 0;
    this[kObject] = null;
    this[kLeaving] = handle;
    this[kClosing]++;
    const release = this[kRelease];
    this[kRelease] = null;
    release?.();
    // What is left to wait for are its connections, and they keep the program alive themselves.
    if (native.connections(handle) > 0) native.ref(handle, false);
    native.close(handle);
  } else if (this[kClosing] === 0) {
    process.nextTick(() => this.emit('close'));
  }
  return this;
};

Server.prototype[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')] = async function() {
  if (!this[kListener]) return;
  await new Promise((resolve, reject) => this.close((error) => (error ? reject(error) : resolve())));
};

Server.prototype.getConnections = function(cb) {
  let left = this._workers.length, sum = this._connections;
  if (left === 0) process.nextTick(cb, null, sum);
  for (const worker of [...this._workers]) {
    worker.getConnections((error, count) => {
      sum += count;
      if (--left === 0) cb(null, sum);
    });
  }
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

native.setupData(onData);
native.setup((object, kind, handle, value, text) => {
  if (kind <= event.ACCEPTED) onListenerEvent(object, kind, handle, value, text);
  else onStreamEvent(object, kind, handle, value, text);
});

module.exports = { Server, kListener, kRelease, begin, listenerOf, shareBy, hasListened: () => hasBegun };

// http.Server and ServerResponse. The protocol is the host's and the hot path is C (glue/http*.c): here are options,
// listeners' flags, and what is rare: upgrades, expectations, client errors, timeouts, connections of the script's own.
'use strict';

const net = require('net');
const EventEmitter = require('events');
const native = internalBinding('http');
const streams = internalBinding('stream');
const { kListener, listenerOf } = require('internal/net/server');
const { codes, connResetException } = require('internal/errors');
const { ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE } = codes;
const {
  validateBoolean, validateFunction, validateInteger, validateLinkHeaderValue, validateObject,
} = require('internal/validators');
const { flag } = require('internal/net/options');
const STATUS_CODES = require('internal/http/status');
const connections = require('internal/http/connections');
const incoming = require('_http_incoming');
const outgoing = require('internal/http/response');
const { IncomingMessage } = incoming;
const { OutgoingMessage } = require('_http_outgoing');
const specials = require('internal/http/special');
const observed = require('internal/http/observed');
const wire = require('internal/http/wire');
const { validateHeaderName, validateHeaderValue } = require('_http_common');

// ---- ServerResponse ----

// The request at hand has no content yet: to ask for its fields now would fix them as none.
let unfilled = false;

function ServerResponse(req, options) {
  let made = this;
  if (new.target !== undefined) made = native.newResponse(new.target.prototype, req);
  else native.adoptResponse(this, req);
  if (options?.rejectNonStandardBodyWrites) made._rejectNonStandardBodyWrites = true;
  if (req?.method === 'HEAD') made._hasBody = false;
  if (req && !unfilled && (req.httpVersionMajor < 1 || req.httpVersionMinor < 1)) {
    made.useChunkedEncodingByDefault = /(?:^|\W)chunked(?:$|\W)/i.test(req.headers?.te);
    made.shouldKeepAlive = false;
  }
  return new.target === undefined ? undefined : made;
}
Object.setPrototypeOf(ServerResponse.prototype, OutgoingMessage.prototype);
Object.setPrototypeOf(ServerResponse, OutgoingMessage);
outgoing.install(ServerResponse.prototype);
native.setupResponse(ServerResponse.prototype, ServerResponse.prototype);

// What is called on a response by way of OutgoingMessage.prototype reaches the response's own (cookies does that).
for (const [name, { value: general }] of Object.entries(Object.getOwnPropertyDescriptors(OutgoingMessage.prototype))) {
  const own = Object.getOwnPropertyDescriptor(ServerResponse.prototype, name)?.value;
  if (name === 'constructor' || typeof general !== 'function' || typeof own !== 'function') continue;
  OutgoingMessage.prototype[name] = { [name](a, b, c) {
    return (this instanceof ServerResponse ? own : general).call(this, a, b, c);
  } }[name];
}

// Once the head is made, the message that goes with the status is readable.
{
  const { prototype } = ServerResponse;
  const plain = Object.getOwnPropertyDescriptor(prototype, 'statusMessage');
  Object.defineProperty(prototype, 'statusMessage', {
    ...plain,
    get() {
      const own = plain.get.call(this);
      return own === undefined && this.headersSent ? STATUS_CODES[this.statusCode] || 'unknown' : own;
    },
  });
  prototype.writeHeader = prototype.writeHead;
}

ServerResponse.prototype.writeContinue = function(cb) {
  this._inform(100);
  this._sent100 = true;
  if (typeof cb === 'function') process.nextTick(cb);
};

ServerResponse.prototype.writeProcessing = function(cb) {
  this._inform(102);
  if (typeof cb === 'function') process.nextTick(cb);
};

ServerResponse.prototype.writeEarlyHints = function(hints, cb) {
  validateObject(hints, 'hints');
  if (hints.link === null || hints.link === undefined) return;
  const link = validateLinkHeaderValue(hints.link);
  if (link.length === 0) return;
  let lines = `Link: ${link}\r\n`;
  for (const name of Object.keys(hints)) {
    if (name === 'link') continue;
    validateHeaderName(name);
    validateHeaderValue(name, hints[name]);
    lines += `${name}: ${hints[name]}\r\n`;
  }
  this._inform(103, lines);
  if (typeof cb === 'function') process.nextTick(cb);
};

ServerResponse.prototype._finish = function() {
  this.emit('prefinish');
};

// ---- Server ----

const kOptions = Symbol('kOptions');
const kReady = Symbol('kReady');
const kConnectionsCheckingInterval = Symbol('http.server.connectionsCheckingInterval');
const kInterval = Symbol('kInterval');
const listeners = new Map(); // listener handle to server
const kMaxHeaderSize = 16384;

function Server(options, requestListener) {
  if (!(this instanceof Server)) return new Server(options, requestListener);
  if (typeof options === 'function') {
    requestListener = options;
    options = { __proto__: null };
  } else if (options === undefined || options === null) {
    options = { __proto__: null };
  } else {
    validateObject(options, 'options');
  }
  this[kOptions] = readOptions(options);
  net.Server.call(this, {
    allowHalfOpen: true, noDelay: options.noDelay ?? true, keepAlive: options.keepAlive,
    keepAliveInitialDelay: options.keepAliveInitialDelay, highWaterMark: options.highWaterMark,
  });
  if (requestListener) {
    validateFunction(requestListener, 'requestListener');
    this.on('request', requestListener);
  }
  this.on('connection', connectionListener);
  this[kReady] = true;
}
Object.setPrototypeOf(Server.prototype, net.Server.prototype);
Object.setPrototypeOf(Server, net.Server);

function integer(options, name, fallback) {
  if (options[name] === undefined) return fallback;
  validateInteger(options[name], name, 0);
  return options[name];
}

function boolean(options, name, fallback) {
  if (options[name] === undefined) return fallback;
  validateBoolean(options[name], `options.${name}`);
  return options[name];
}

function readOptions(options) {
  const requestTimeout = integer(options, 'requestTimeout', 300_000);
  const headersTimeout = integer(options, 'headersTimeout', Math.min(60_000, requestTimeout));
  if (requestTimeout > 0 && headersTimeout > 0 && headersTimeout > requestTimeout) {
    throw new ERR_OUT_OF_RANGE('headersTimeout', '<= requestTimeout', options.headersTimeout);
  }
  const read = {
    IncomingMessage: options.IncomingMessage || IncomingMessage,
    ServerResponse: options.ServerResponse || ServerResponse,
    requestTimeout,
    headersTimeout,
    keepAliveTimeout: integer(options, 'keepAliveTimeout', 5000),
    connectionsCheckingInterval: integer(options, 'connectionsCheckingInterval', 30_000),
    maxHeaderSize: integer(options, 'maxHeaderSize', undefined),
    insecureHTTPParser: boolean(options, 'insecureHTTPParser', undefined),
    requireHostHeader: boolean(options, 'requireHostHeader', true),
    joinDuplicateHeaders: boolean(options, 'joinDuplicateHeaders', undefined),
    rejectNonStandardBodyWrites: boolean(options, 'rejectNonStandardBodyWrites', false),
    uniqueHeaders: uniqueNames(options.uniqueHeaders),
    timeout: 0,
    maxHeadersCount: null,
    maxRequestsPerSocket: 0,
    maxConnections: undefined,
    httpAllowHalfOpen: false,
  };
  return read;
}

function uniqueNames(list) {
  if (!Array.isArray(list)) return null;
  return new Set(list.flat().map((name) => String(name).toLowerCase()));
}

// ---- Limits that go to the host, when set and when changed ----

for (const name of ['timeout', 'keepAliveTimeout', 'headersTimeout', 'requestTimeout', 'maxHeadersCount',
                    'maxRequestsPerSocket', 'maxHeaderSize', 'requireHostHeader', 'connectionsCheckingInterval',
                    'maxConnections', 'httpAllowHalfOpen']) {
  Object.defineProperty(Server.prototype, name, {
    configurable: true,
    enumerable: true,
    get() { return this[kOptions]?.[name]; },
    set(value) {
      if (this[kOptions] === undefined) return;
      this[kOptions][name] = value;
      update(this);
    },
  });
}
for (const name of ['joinDuplicateHeaders', 'rejectNonStandardBodyWrites', 'insecureHTTPParser']) {
  Object.defineProperty(Server.prototype, name, {
    configurable: true, enumerable: true, get() { return this[kOptions]?.[name]; }, set(value) { this[kOptions][name] = value; },
  });
}

function count(server, event) {
  return server.listenerCount(event);
}

// A script that wants to hear of idle connections gets their sockets; the host then leaves the closing to it.
function tellsTimeouts(server) {
  return count(server, 'timeout') > 0;
}

Server.prototype._options = function(ipv6Only) {
  const set = this[kOptions];
  const watch = count(this, 'connection') > 1 || tellsTimeouts(this);
  const flags = flag.HTTP | flag.UPGRADE_HEAD |
    (set.httpAllowHalfOpen ? flag.HALF_OPEN : 0) |
    (set.requireHostHeader ? flag.REQUIRE_HOST : 0) |
    (watch ? flag.WATCH_CONNECTIONS : 0) |
    (count(this, 'upgrade') ? flag.UPGRADE : 0) |
    (count(this, 'connect') ? flag.CONNECT : 0) |
    (count(this, 'clientError') ? flag.CLIENT_ERROR : 0) |
    (tellsTimeouts(this) ? flag.TELL_IDLE : 0) |
    (count(this, 'checkContinue') ? flag.CHECK_CONTINUE : 0) |
    (ipv6Only ? flag.IPV6_ONLY : 0) |
    (this.noDelay ? flag.NO_DELAY : 0) |
    (this.keepAlive ? flag.TCP_KEEP_ALIVE : 0);
  return [
    flags, set.headersTimeout, set.requestTimeout, set.keepAliveTimeout, 0, set.maxHeaderSize || kMaxHeaderSize,
    set.maxHeadersCount ?? 2000, set.maxRequestsPerSocket ?? 0, tellsTimeouts(this) ? 0 : set.timeout,
    set.maxConnections ?? 0,
  ];
};

function update(server) {
  if (server[kListener]) streams.listenSet(server[kListener], server._options(false));
}

// Which events a script listens for decides what the host tells: each change of listeners is told on.
const TOLD = new Set(['connection', 'upgrade', 'connect', 'clientError', 'checkContinue', 'timeout']);
for (const name of ['on', 'addListener', 'prependListener', 'removeListener', 'off', 'removeAllListeners']) {
  const plain = EventEmitter.prototype[name];
  Server.prototype[name] = function(event, listener) {
    const result = plain.apply(this, arguments);
    if (this[kReady] && (event === undefined || TOLD.has(event))) update(this);
    return result;
  };
}

Server.prototype._opened = function(handle) {
  const set = this[kOptions];
  const custom = set.IncomingMessage !== IncomingMessage || set.ServerResponse !== ServerResponse || set.uniqueHeaders !== null;
  listeners.set(handle, this);
  native.serve(handle, this, custom, Boolean(set.joinDuplicateHeaders), Boolean(set.rejectNonStandardBodyWrites));
};

Server.prototype._released = function(handle) {
  listeners.delete(handle);
  native.unserve(handle);
};

// In Node an interval looks for connections that are late; here the host has a timer for each. Who asks for the interval
// gets one that lives as long as the server listens, and finds nothing left to do.
Object.defineProperty(Server.prototype, kConnectionsCheckingInterval, {
  configurable: true,
  get() {
    const interval = this[kInterval] ??= setInterval(() => {}, this.connectionsCheckingInterval).unref();
    if (!this.listening) clearInterval(interval);
    else if (!this.listeners('close').includes(stopChecking)) this.prependListener('close', stopChecking);
    return interval;
  },
});

function stopChecking() {
  clearInterval(this[kInterval]);
}

Server.prototype.close = function(cb) {
  this.closeIdleConnections();
  return net.Server.prototype.close.call(this, cb);
};

Server.prototype.closeIdleConnections = function() {
  if (listenerOf(this)) streams.closeIdle(listenerOf(this));
};

Server.prototype.closeAllConnections = function() {
  if (listenerOf(this)) streams.closeAll(listenerOf(this));
};

Server.prototype.getConnections = function(cb) {
  const open = listenerOf(this) ? Math.max(0, streams.connections(listenerOf(this))) : 0;
  process.nextTick(cb, null, open);
  return this;
};

Server.prototype.setTimeout = function(msecs, callback) {
  this.timeout = msecs;
  if (callback) this.on('timeout', callback);
  return this;
};

Server.prototype[EventEmitter.captureRejectionSymbol] = function(error, event, ...args) {
  if (event !== 'request') {
    net.Server.prototype[EventEmitter.captureRejectionSymbol].call(this, error, event, ...args);
    return;
  }
  const res = args[1];
  if (res.headersSent || res.writableEnded) {
    res.destroy();
    return;
  }
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  res.statusCode = 500;
  res.end(STATUS_CODES[500]);
};

// ---- Connections ----

// 'connection' with a stream of the script's own: the host's codec reads it through us.
function connectionListener(socket) {
  if (socket?.[specials.kFacade]) return;
  socket.server ??= this;
  const [flags, ...options] = this._options(false);
  connections.attach(this, socket, 0, [flags | flag.CLIENT_ERROR, ...options]); // the answer is to go to that stream
}

function makeMessages(server) {
  const set = server[kOptions];
  const req = new set.IncomingMessage(null);
  unfilled = true;
  try {
    // The constructor sees a request that is filled only later; what its version means for framing the host decides.
    const res = new set.ServerResponse(req, { rejectNonStandardBodyWrites: set.rejectNonStandardBodyWrites });
    if (set.uniqueHeaders) res._uniqueHeaders = set.uniqueHeaders;
    return [req, res];
  } finally {
    unfilled = false;
  }
}

function throwCode(code, ...args) {
  throw new codes[code](...args);
}

function toBuffer(chunk, encoding) {
  if (Array.isArray(chunk)) return Buffer.concat(chunk);
  return Buffer.from(chunk, encoding);
}

// A chunk larger than the host takes in one call.
function slices(chunk, encoding, size) {
  const whole = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
  const list = [];
  for (let at = 0; at < whole.length; at += size) list.push(whole.subarray(at, at + size));
  return list;
}

// In the order of the HOOK_ names in glue/http.h.
native.setup([
  throwCode,
  outgoing.failLater,
  toBuffer,
  incoming.makeState,
  incoming.resume,
  specials.dispatch,
  makeMessages,
  (exchange, number, listener, named) => connections.socketOf(exchange, number, listeners.get(listener) ?? null, named),
  incoming.onAborted,
  () => {},
  process.nextTick,
  specials.clientError,
  specials.connection,
  connections.onConnEvent,
  slices,
  connections.serverOf,
  observed.onRequest,
  wire.act,
]);

module.exports = {
  STATUS_CODES, Server, ServerResponse, _connectionListener: connectionListener, kConnectionsCheckingInterval, kServerResponse: Symbol('ServerResponse'),
  connResetException, ERR_INVALID_ARG_TYPE,
};

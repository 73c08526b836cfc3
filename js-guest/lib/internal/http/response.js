// ServerResponse: what is rare. Headers, write and end are C (glue/http_response.c, http_write.c); framing is the
// host's. What it inherits from OutgoingMessage (_http_outgoing.js) is for messages that JavaScript frames, so all of it
// is overridden here or there.
'use strict';

const {
  codes: {
    ERR_HTTP_HEADERS_SENT, ERR_HTTP_TRAILER_INVALID, ERR_INVALID_ARG_TYPE, ERR_METHOD_NOT_IMPLEMENTED,
    ERR_STREAM_CANNOT_PIPE, ERR_INVALID_CHAR,
  },
} = require('internal/errors');
const codes = require('internal/errors').codes;
const STATUS_CODES = require('internal/http/status');
const { validateHeaderName, _checkInvalidHeaderChar } = require('_http_common');
const { kFacade } = require('internal/net/socket');
const wire = require('internal/http/wire');

const kErrored = Symbol('kErrored');
const kSocket = Symbol('kSocket');
const HIGH_WATER = 16384;

// Gathered here, and put on ServerResponse.prototype by install().
const prototype = {};

function data(values) {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(prototype, name, { value, writable: true, enumerable: true, configurable: true });
  }
}
data({ writable: true, _defaultKeepAlive: true, maxRequestsOnConnectionReached: false, _keepAliveTimeout: 0, _onPendingData: () => {} });

function getter(name, get, set) {
  Object.defineProperty(prototype, name, { configurable: true, get, set });
}

function install(target) {
  getter('writableObjectMode', () => false);
  getter('writableHighWaterMark', () => HIGH_WATER);
  getter('errored', function() { return this[kErrored] ?? null; });
  getter('closed', function() { return this._closed; });
  getter('_header', headerText, function(value) {
    Object.defineProperty(this, '_header', { value, writable: true, enumerable: true, configurable: true });
  });
  getter('chunkedEncoding', isChunked, function(value) {
    Object.defineProperty(this, 'chunkedEncoding', { value, writable: true, enumerable: true, configurable: true });
  });
  getter('socket', socketOf, setSocket);
  getter('connection', socketOf, setSocket);
  getter('_headers', function() {
    warnOnce('_headers');
    return this.getHeaders();
  }, function(headers) {
    warnOnce('_headers');
    for (const name of this.getHeaderNames()) this.removeHeader(name);
    for (const [name, value] of Object.entries(headers ?? {})) this.setHeader(name, value);
  });
  getter('_headerNames', function() {
    warnOnce('_headerNames');
    const names = { __proto__: null };
    for (const name of this.getRawHeaderNames()) names[name.toLowerCase()] = name;
    return names;
  }, () => warnOnce('_headerNames'));
  Object.defineProperties(target, Object.getOwnPropertyDescriptors(prototype));
}

const warned = new Set();

function warnOnce(name) {
  if (warned.has(name)) return;
  warned.add(name);
  process.emitWarning(`OutgoingMessage.prototype.${name} is deprecated`, 'DeprecationWarning', 'DEP0066');
}

// The head as text, for those who peek; what the host adds is not in it.
function headerText() {
  const lines = this._lines;
  if (lines === null || lines === undefined) return null;
  return `HTTP/1.1 ${this.statusCode} ${this.statusMessage ?? STATUS_CODES[this.statusCode] ?? 'unknown'}\r\n${lines}\r\n`;
}

function isChunked() {
  const lines = this._lines;
  if (lines === null || lines === undefined || !this._hasBody || !this.useChunkedEncodingByDefault) return false;
  return /^transfer-encoding:.*chunked/im.test(lines) || !(/^content-length:/im.test(lines) || this.finished);
}

function socketOf() {
  if (this[kSocket] !== undefined) return this[kSocket];
  // A response cut short keeps its socket: whether that is writable tells that it is over.
  if (this._detached && this.writableFinished) return null;
  const socket = this.req?.socket ?? null;
  // Whoever has the socket from here may ask it what is under way. (Of a connection, the host knows.)
  if (socket && !socket[kFacade] && (socket._httpMessage ?? null) === null) socket._httpMessage = this;
  return socket;
}

function setSocket(value) {
  this[kSocket] = value;
}

prototype.assignSocket = function(socket) {
  if (socket._httpMessage) throw new codes.ERR_HTTP_SOCKET_ASSIGNED();
  socket._httpMessage = this;
  this[kSocket] = socket;
  if (!this._exchange && !socket[kFacade]) wire.assign(this, socket);
  this.emit('socket', socket);
};

prototype.detachSocket = function(socket) {
  socket._httpMessage = null;
  this[kSocket] = null;
  if (this._wired) wire.detach(this);
};

prototype._implicitHeader = function() {
  throw new ERR_METHOD_NOT_IMPLEMENTED('_implicitHeader()');
};

// Old programs call this with a part of the body, or with nothing to send the head.
prototype._send = function(data, encoding, cb) {
  if (data?.length) return this.write(data, encoding, cb);
  this.flushHeaders();
  if (typeof cb === 'function') process.nextTick(cb);
  return true;
};

// Past all framing, for those who know what they do.
prototype._writeRaw = function(data, encoding, cb) {
  return this.socket.write(data, encoding, cb);
};

prototype._renderHeaders = function() {
  if (this.headersSent) throw new ERR_HTTP_HEADERS_SENT('render');
  const headers = {};
  for (const name of this.getRawHeaderNames()) headers[name] = this.getHeader(name);
  return headers;
};

prototype.setHeaders = function(headers) {
  if (this.headersSent) throw new ERR_HTTP_HEADERS_SENT('set');
  if (!headers || Array.isArray(headers) || typeof headers.keys !== 'function' || typeof headers.get !== 'function') {
    throw new ERR_INVALID_ARG_TYPE('headers', ['Headers', 'Map'], headers);
  }
  const cookies = [];
  for (const [name, value] of headers) {
    if (name === 'set-cookie') {
      if (Array.isArray(value)) cookies.push(...value);
      else cookies.push(value);
      continue;
    }
    this.setHeader(name, value);
  }
  if (cookies.length) this.setHeader('set-cookie', cookies);
  return this;
};

// Of a field that may stand only once, all values are one.
function fieldValues(message, name, value) {
  if (!Array.isArray(value)) return [value];
  return message._uniqueHeaders?.has(name.toLowerCase()) ? [value.join('; ')] : value;
}

prototype.addTrailers = function(headers) {
  let lines = '';
  const isArray = Array.isArray(headers);
  for (const key of isArray ? headers.keys() : Object.keys(headers)) {
    const [name, value] = isArray ? headers[key] : [key, headers[key]];
    validateHeaderName(name, 'Trailer name');
    for (const one of fieldValues(this, name, value)) {
      if (_checkInvalidHeaderChar(one)) throw new ERR_INVALID_CHAR('trailer content', name);
      lines += `${name}: ${one}\r\n`;
    }
  }
  this._trailer = lines;
};

prototype.setTimeout = function(msecs, callback) {
  if (callback) this.on('timeout', callback);
  const { socket } = this;
  if (socket) {
    if (!socket[kFacade]) socket._httpMessage ??= this;
    socket.setTimeout(msecs);
  } else {
    this.once('socket', (given) => given.setTimeout(msecs));
  }
  return this;
};

prototype.destroy = function(error) {
  if (this.destroyed) return this;
  const { socket } = this;
  this.destroyed = true;
  this[kErrored] = error;
  if (socket) socket.destroy(error);
  else this.once('socket', (given) => given.destroy(error));
  return this;
};

prototype.pipe = function() {
  this.emit('error', new ERR_STREAM_CANNOT_PIPE());
};

prototype[require('events').captureRejectionSymbol] = function(error) {
  this.destroy(error);
};

// From C: an error of write or end, told later: to the callback, and as 'error' while there is a stream.
function failLater(message, code, cb, ...args) {
  const name = code === 'ERR_STREAM_DESTROYED' ? ['write'] : args;
  const error = new codes[code](...name);
  if (code === 'ERR_STREAM_ALREADY_FINISHED') {
    cb(error);
  } else if (message.destroyed) {
    if (typeof cb === 'function') process.nextTick(cb, error);
  } else {
    process.nextTick(emitError, message, error, cb);
  }
}

function emitError(message, error, cb) {
  if (typeof cb === 'function') cb(error);
  if (typeof message.emit === 'function' && !message.destroyed) message.emit('error', error);
}

module.exports = { install, failLater, kErrored };

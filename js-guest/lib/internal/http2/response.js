// Http2ServerResponse: what http's ServerResponse is, over a server's stream. Knows no request's inside.
'use strict';

const EventEmitter = require('events');
const { Stream } = require('stream');
const { kRequest, socketOf } = require('internal/http2/compat_socket');
const { kState: kStreamState } = require('internal/http2/stream');
const { _checkIsHttpToken } = require('_http_common');
const { codes: {
  ERR_HTTP2_HEADERS_SENT, ERR_HTTP2_INFO_STATUS_NOT_ALLOWED, ERR_HTTP2_INVALID_CONNECTION_HEADERS, ERR_HTTP2_INVALID_HEADER_VALUE,
  ERR_HTTP2_INVALID_STREAM, ERR_HTTP2_PSEUDOHEADER_NOT_ALLOWED, ERR_HTTP2_STATUS_INVALID, ERR_INVALID_ARG_VALUE,
  ERR_INVALID_HTTP_TOKEN, ERR_STREAM_WRITE_AFTER_END,
} } = require('internal/errors');
const { validateFunction, validateLinkHeaderValue, validateObject, validateString } = require('internal/validators');

const { on } = EventEmitter.prototype; // for what a stream's own on() has no business with

const kStream = Symbol('kStream');
const kState = Symbol('kState');
const kResponse = Symbol('kResponse');

const PSEUDO = new Set([':status', ':method', ':path', ':authority', ':scheme']);
const CONNECTION = new Set(['connection', 'upgrade', 'http2-settings', 'keep-alive', 'proxy-connection', 'transfer-encoding']);

let warned = false;
function warnOfMessage() {
  if (warned) return;
  warned = true;
  process.emitWarning('Status message is not supported by HTTP/2 (RFC7540 8.1.2.4)', 'UnsupportedWarning');
}

function keyOf(name) {
  validateString(name, 'name');
  return name.trim().toLowerCase();
}

function checkHeader(name, value) {
  if (name === '' || typeof name !== 'string' || name.includes(' ')) throw new ERR_INVALID_HTTP_TOKEN('Header name', name);
  if (PSEUDO.has(name)) throw new ERR_HTTP2_PSEUDOHEADER_NOT_ALLOWED();
  if (value === undefined || value === null) throw new ERR_HTTP2_INVALID_HEADER_VALUE(value, name);
  if (CONNECTION.has(name) || (name === 'te' && value !== 'trailers')) connectionHeader(name, value);
}

// A message's own connection headers have no place here. `connection: close` is passed over by who wrote for HTTP/1.1.
function connectionHeader(name, value) {
  if (name === 'connection') {
    process.emitWarning('The provided connection header is not valid, the value will be dropped from the header and will never be in use.',
      'UnsupportedWarning');
    return;
  }
  throw new ERR_HTTP2_INVALID_CONNECTION_HEADERS(name, value);
}

class Http2ServerResponse extends Stream {
  constructor(stream, options) {
    super(options);
    this[kState] = {
      closed: false, ending: false, destroyed: false, headRequest: false, sendDate: true, statusCode: 200,
      headers: { __proto__: null }, trailers: { __proto__: null },
    };
    this[kStream] = stream;
    stream[kResponse] = this;
    this.writable = true;
    this.req = stream[kRequest];
    on.call(stream, 'drain', onDrain);
    on.call(stream, 'close', onClose);
    on.call(stream, 'wantTrailers', onWantTrailers);
    on.call(stream, 'timeout', onTimeout);
  }

  // Users of streams look here for what has been sent.
  get _header() { return this.headersSent; }
  get writableEnded() { return this[kState].ending; }
  get finished() { return this[kState].ending; }
  get writableCorked() { return this[kStream].writableCorked; }
  get writableHighWaterMark() { return this[kStream].writableHighWaterMark; }
  get writableFinished() { return this[kStream].writableFinished; }
  get writableLength() { return this[kStream].writableLength; }
  get stream() { return this[kStream]; }
  get headersSent() { return this[kStream].headersSent; }
  get socket() { return this[kState].closed ? undefined : socketOf(this[kStream]); }
  get connection() { return this.socket; }

  get sendDate() { return this[kState].sendDate; }
  set sendDate(value) { this[kState].sendDate = Boolean(value); }

  get statusCode() { return this[kState].statusCode; }
  set statusCode(code) {
    code |= 0;
    if (code >= 100 && code < 200) throw new ERR_HTTP2_INFO_STATUS_NOT_ALLOWED();
    if (code < 100 || code > 599) throw new ERR_HTTP2_STATUS_INVALID(code);
    this[kState].statusCode = code;
  }

  get statusMessage() {
    warnOfMessage();
    return '';
  }
  set statusMessage(message) { warnOfMessage(); }

  // ---- Fields ----

  setHeader(name, value) {
    const key = keyOf(name);
    if (this.headersSent) throw new ERR_HTTP2_HEADERS_SENT();
    if (this[kState].closed) return;
    put(this, key, value);
  }

  appendHeader(name, value) {
    const key = keyOf(name);
    if (this.headersSent) throw new ERR_HTTP2_HEADERS_SENT();
    if (this[kState].closed) return;
    const before = this[kState].headers[key];
    put(this, key, before === undefined ? value : [].concat(before, value));
  }

  getHeader(name) { return this[kState].headers[keyOf(name)]; }
  hasHeader(name) { return keyOf(name) in this[kState].headers; }
  getHeaderNames() { return Object.keys(this[kState].headers); }
  getHeaders() { return Object.assign({ __proto__: null }, this[kState].headers); }

  removeHeader(name) {
    const key = keyOf(name);
    if (this.headersSent) throw new ERR_HTTP2_HEADERS_SENT();
    if (this[kState].closed) return;
    if (key === 'date') this[kState].sendDate = false;
    delete this[kState].headers[key];
  }

  setTrailer(name, value) {
    const key = keyOf(name);
    checkHeader(key, value);
    this[kState].trailers[key] = value;
  }

  addTrailers(headers) {
    for (const name of Object.keys(headers)) this.setTrailer(name, headers[name]);
  }

  // ---- The head ----

  writeHead(statusCode, statusMessage, headers) {
    const state = this[kState];
    if (state.closed || this[kStream].destroyed) return this;
    if (this.headersSent) throw new ERR_HTTP2_HEADERS_SENT();
    if (typeof statusMessage === 'string') warnOfMessage();
    if (headers === undefined && typeof statusMessage === 'object') headers = statusMessage;
    if (Array.isArray(headers)) putArray(this, headers);
    else if (headers !== null && typeof headers === 'object') {
      for (const name of Object.keys(headers)) put(this, keyOf(name), headers[name]);
    }
    this.statusCode = statusCode;
    begin(this);
    return this;
  }

  flushHeaders() {
    if (!this[kState].closed && !this.headersSent) this.writeHead(this[kState].statusCode);
  }

  writeContinue() {
    if (this.headersSent || this[kState].closed) return false;
    this[kStream].additionalHeaders({ ':status': 100 });
    return true;
  }

  writeEarlyHints(hints) {
    validateObject(hints, 'hints');
    const link = validateLinkHeaderValue(hints.link);
    if (link.length === 0) return false;
    if (this.headersSent || this[kState].closed) return false;
    const { link: _, ...others } = hints;
    this[kStream].additionalHeaders({ ...others, ':status': 103, 'Link': link });
    return true;
  }

  // ---- The body ----

  cork() { this[kStream].cork(); }
  uncork() { this[kStream].uncork(); }

  write(chunk, encoding, cb) {
    const state = this[kState];
    if (typeof encoding === 'function') {
      cb = encoding;
      encoding = 'utf8';
    }
    let error;
    if (state.ending) error = new ERR_STREAM_WRITE_AFTER_END();
    else if (state.closed) error = new ERR_HTTP2_INVALID_STREAM();
    else if (state.destroyed) return false;
    if (error) {
      if (typeof cb === 'function') process.nextTick(cb, error);
      this.destroy(error);
      return false;
    }
    const stream = this[kStream];
    if (!stream.headersSent) this.writeHead(state.statusCode);
    return stream.write(chunk, encoding, cb);
  }

  end(chunk, encoding, cb) {
    const state = this[kState], stream = this[kStream];
    if (typeof chunk === 'function') {
      cb = chunk;
      chunk = null;
    } else if (typeof encoding === 'function') {
      cb = encoding;
      encoding = 'utf8';
    }
    if ((state.closed || state.ending) && state.headRequest === stream.headRequest) {
      if (typeof cb === 'function') process.nextTick(cb);
      return this;
    }
    if (chunk !== null && chunk !== undefined) this.write(chunk, encoding);
    state.headRequest = stream.headRequest;
    state.ending = true;
    if (typeof cb === 'function') (stream.writableEnded ? this : stream).once('finish', cb);
    if (!stream.headersSent) this.writeHead(state.statusCode);
    if (state.closed || stream.destroyed) {
      onClose.call(stream);
      return this;
    }
    // Without trailers the last bytes carry the end.
    if (Object.keys(state.trailers).length === 0) stream[kStreamState].waitForTrailers = false;
    stream.end();
    return this;
  }

  destroy(error) {
    if (this[kState].destroyed) return;
    this[kState].destroyed = true;
    this[kStream].destroy(error);
  }

  setTimeout(msecs, callback) {
    if (!this[kState].closed) this[kStream].setTimeout(msecs, callback);
    return this;
  }

  createPushResponse(headers, callback) {
    validateFunction(callback, 'callback');
    if (this[kState].closed) {
      process.nextTick(callback, new ERR_HTTP2_INVALID_STREAM());
      return;
    }
    this[kStream].pushStream(headers, {}, (error, stream, sent, options) => {
      if (error) callback(error);
      else callback(null, new Http2ServerResponse(stream, options));
    });
  }
}

function put(response, key, value) {
  checkHeader(key, value);
  if (key === 'connection') return;
  if (!_checkIsHttpToken(key)) throw new ERR_INVALID_HTTP_TOKEN('Header name', key);
  response[kState].headers[key] = value;
}

// [[name, value]...] or [name, value, name, value...]
function putArray(response, headers) {
  if (headers.length > 0 && Array.isArray(headers[0])) {
    for (const [name, value] of headers) put(response, keyOf(name), value);
    return;
  }
  if (headers.length % 2 === 1) throw new ERR_INVALID_ARG_VALUE('headers', headers);
  for (let i = 0; i < headers.length; i += 2) put(response, keyOf(headers[i]), headers[i + 1]);
}

function begin(response) {
  const state = response[kState];
  state.headers[':status'] = state.statusCode;
  response[kStream].respond(state.headers, { endStream: state.ending, waitForTrailers: true, sendDate: state.sendDate });
}

// ---- The stream's events ----

function onDrain() {
  this[kResponse]?.emit('drain');
}

function onTimeout() {
  this[kResponse]?.emit('timeout');
}

function onWantTrailers() {
  const response = this[kResponse];
  if (response !== undefined) this.sendTrailers(response[kState].trailers);
}

function onClose() {
  const response = this[kResponse];
  if (response === undefined) return;
  response[kState].closed = true;
  response.emit('finish');
  response.emit('close');
}

module.exports = { Http2ServerResponse };

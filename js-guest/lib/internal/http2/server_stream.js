// What only a server's streams do: respond, push, and send informational heads and files. Knows no frame.
'use strict';

const { Http2Stream, kRecord, kSession, kState } = require('internal/http2/stream');
const { anyPseudo, responsePseudo, toFields } = require('internal/http2/headers');
const { utcDate } = require('internal/http');
const { codes: {
  ERR_HTTP2_HEADERS_AFTER_RESPOND, ERR_HTTP2_HEADERS_SENT, ERR_HTTP2_INFO_STATUS_NOT_ALLOWED, ERR_HTTP2_INVALID_INFO_STATUS,
  ERR_HTTP2_INVALID_STREAM, ERR_HTTP2_NESTED_PUSH, ERR_HTTP2_OUT_OF_STREAMS, ERR_HTTP2_PUSH_DISABLED,
  ERR_HTTP2_STATUS_101, ERR_HTTP2_STATUS_INVALID, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE,
} } = require('internal/errors');
const { validateFunction } = require('internal/validators');

const NO_PAYLOAD = new Set([204, 205, 304]);

function needObject(value, name, types = 'Object') {
  if (value !== undefined && (value === null || typeof value !== 'object' || Array.isArray(value))) {
    throw new ERR_INVALID_ARG_TYPE(name, types, value);
  }
}

// A copy: what a script gave stays as it was.
function copyOf(headers) {
  return Object.assign({ __proto__: null }, headers);
}

// A response's headers as they will be sent, with Node's defaults.
function prepare(stream, headers, options) {
  needObject(headers, 'headers', ['Object', 'Array']);
  headers = copyOf(headers);
  headers[':status'] = headers[':status'] == null ? 200 : headers[':status'] | 0;
  if ((options.sendDate == null || options.sendDate) && headers.date == null) headers.date = utcDate();
  const status = headers[':status'];
  if (status < 200) throw status >= 100 ? new ERR_HTTP2_INFO_STATUS_NOT_ALLOWED() : new ERR_HTTP2_STATUS_INVALID(status);
  if (status > 599) throw new ERR_HTTP2_STATUS_INVALID(status);
  return headers;
}

class ServerHttp2Stream extends Http2Stream {
  constructor(session, record, options, headers) {
    super(session, record, options);
    this[kState].protocol = headers[':scheme'];
    this[kState].authority = headers[':authority'];
    this[kState].isPush = false;
    this.headRequest = false;
  }

  get _isServerSide() { return true; }
  get headersSent() { return this[kState].headersSent; }

  get pushAllowed() {
    const session = this[kSession];
    return !this.destroyed && !this.closed && session !== undefined && !session.closed && !session.destroyed &&
      session._connection.remote.enablePush;
  }

  respond(headers, options) {
    const state = this[kState];
    if (this.destroyed || this.closed) throw new ERR_HTTP2_INVALID_STREAM();
    if (this.headersSent) throw new ERR_HTTP2_HEADERS_SENT();
    needObject(options, 'options');
    options = { ...options };
    headers = prepare(this, headers, options);
    if (NO_PAYLOAD.has(headers[':status']) || this.headRequest) options.endStream = true;
    const list = toFields(headers, responsePseudo);
    sendHead(this, headers, list, Boolean(options.endStream), Boolean(options.waitForTrailers));
    if (options.endStream) this.end();
  }

  _beforeData() { this.respond(); }

  additionalHeaders(headers) {
    if (this.destroyed || this.closed) throw new ERR_HTTP2_INVALID_STREAM();
    if (this.headersSent) throw new ERR_HTTP2_HEADERS_AFTER_RESPOND();
    needObject(headers, 'headers');
    headers = copyOf(headers);
    const status = headers[':status'];
    if (status !== undefined) {
      headers[':status'] = status | 0;
      if (headers[':status'] === 101) throw new ERR_HTTP2_STATUS_101();
      if (headers[':status'] < 100 || headers[':status'] >= 200) throw new ERR_HTTP2_INVALID_INFO_STATUS(headers[':status']);
    }
    const list = toFields(headers, responsePseudo);
    (this[kState].infoHeaders ??= []).push(headers);
    this._moved();
    this[kSession]._connection.headers(this[kRecord], list, false);
  }

  pushStream(headers, options, callback) {
    if (!this.pushAllowed) throw new ERR_HTTP2_PUSH_DISABLED();
    if (this[kState].isPush) throw new ERR_HTTP2_NESTED_PUSH();
    if (typeof options === 'function') {
      callback = options;
      options = undefined;
    }
    validateFunction(callback, 'callback');
    needObject(options, 'options');
    needObject(headers, 'headers');
    headers = requestOf(this, copyOf(headers));
    const isHead = headers[':method'] === 'HEAD';
    const session = this[kSession];
    const list = toFields(headers, anyPseudo);
    const record = session._connection.push(this[kRecord], null, list);
    if (record === undefined) {
      process.nextTick(callback, new ERR_HTTP2_OUT_OF_STREAMS());
      return;
    }
    const stream = new ServerHttp2Stream(session, record, { ...options, readable: false }, headers);
    stream[kState].isPush = true;
    stream[kState].sentHeaders = headers;
    stream.push(null);
    if (isHead) {
      stream.headRequest = true;
      stream.end();
    }
    process.nextTick(callback, null, stream, headers, 0);
  }

  respondWithFile(path, headers, options) { require('internal/http2/file').respondWithFile(this, path, headers, options); }
  respondWithFD(fd, headers, options) { require('internal/http2/file').respondWithFD(this, fd, headers, options); }
}

function sendHead(stream, headers, list, ends, waitForTrailers) {
  const state = stream[kState];
  state.headersSent = true;
  state.sentHeaders = headers;
  state.waitForTrailers = waitForTrailers && !ends;
  stream._moved();
  stream[kSession]._connection.headers(stream[kRecord], list, ends);
}

// A promise names a whole request; what is not given is the first request's.
function requestOf(stream, headers) {
  headers[':method'] ??= 'GET';
  if (headers[':authority'] === undefined && headers.host === undefined) headers[':authority'] = stream[kState].authority;
  headers[':scheme'] ??= stream[kState].protocol;
  headers[':path'] ??= '/';
  const method = headers[':method'];
  if (method !== 'GET' && method !== 'HEAD') throw new ERR_INVALID_ARG_VALUE('headers[:method]', method);
  return headers;
}

module.exports = { NO_PAYLOAD, ServerHttp2Stream, needObject, prepare, sendHead };

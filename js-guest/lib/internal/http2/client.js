// http2.connect and the client's session: requests, and what they wait for. Knows no frame.
'use strict';

const { CLIENT, Http2Session } = require('internal/http2/session');
const { ClientHttp2Stream, kAttach, kState, priorityOf } = require('internal/http2/stream');
const { checkConnect, toFields } = require('internal/http2/headers');
const { promisify } = require('internal/util');
const { _checkIsHttpToken } = require('_http_common');
const settings = require('internal/http2/settings');
const { needObject } = require('internal/http2/server_stream');
const { AbortError, codes: {
  ERR_HTTP2_GOAWAY_SESSION, ERR_HTTP2_INVALID_SESSION, ERR_HTTP2_OUT_OF_STREAMS,
  ERR_HTTP2_STREAM_SELF_DEPENDENCY, ERR_HTTP2_UNSUPPORTED_PROTOCOL, ERR_INVALID_ARG_TYPE,
  ERR_INVALID_HTTP_TOKEN,
} } = require('internal/errors');
const { validateAbortSignal, validateBoolean } = require('internal/validators');

const NO_BODY = new Set(['GET', 'HEAD', 'DELETE']);

class ClientHttp2Session extends Http2Session {
  constructor(options, socket) {
    super(CLIENT, options, socket);
    this._authority = undefined;
    this._protocol = 'http:';
  }

  // A client tells its settings first, and that it takes what it does.
  _sendFirst() {
    this._pendingSettings++;
    this._sendSettings(settings.validate(this._options.settings ?? {}));
  }

  request(headersParam, options) {
    if (this.destroyed) throw new ERR_HTTP2_INVALID_SESSION();
    if (this.closed) throw new ERR_HTTP2_GOAWAY_SESSION();
    needObject(headersParam, 'headers');
    needObject(options, 'options');
    const headers = Object.assign({ __proto__: null }, headersParam);
    options = { ...options };
    complete(this, headers);
    const priority = priorityOf(options);
    if (options.signal !== undefined) validateAbortSignal(options.signal, 'options.signal');
    if (options.endStream === undefined) options.endStream = NO_BODY.has(headers[':method']);
    else validateBoolean(options.endStream, 'options.endStream');
    if (options.waitForTrailers !== undefined) validateBoolean(options.waitForTrailers, 'options.waitForTrailers');
    const list = this._fields(headers);
    const stream = new ClientHttp2Stream(this, null, {});
    stream[kState].sentHeaders = headers;
    stream[kState].waitForTrailers = Boolean(options.waitForTrailers) && !options.endStream;
    if (options.endStream) stream.end();
    const hasPriority = options.weight !== undefined || options.parent !== undefined || options.exclusive !== undefined;
    const begin = () => beginRequest(this, stream, list, options, hasPriority ? priority : null);
    if (watchSignal(stream, options.signal)) return stream;
    this._whenConnected(begin);
    return stream;
  }

  // A name that cannot be sent ends the session, as in Node.
  _fields(headers) {
    for (const name of Object.keys(headers)) {
      if (name[0] !== ':' && name !== '' && !_checkIsHttpToken(name)) {
        const error = new ERR_INVALID_HTTP_TOKEN('Header name', name);
        this.destroy(error);
        throw error;
      }
    }
    return toFields(headers);
  }
}

// The pseudo-headers of a request that names only some.
function complete(session, headers) {
  headers[':method'] ??= 'GET';
  const isConnect = headers[':method'] === 'CONNECT';
  if (!isConnect || headers[':protocol'] !== undefined) {
    if (headers[':authority'] === undefined && headers.host === undefined) headers[':authority'] = session._authority;
    headers[':scheme'] ??= session._protocol.slice(0, -1);
    headers[':path'] ??= '/';
  } else {
    checkConnect(headers);
  }
}

// Answers whether the stream was aborted before it began.
function watchSignal(stream, signal) {
  if (signal === undefined) return false;
  const abort = () => stream.destroy(new AbortError(undefined, { cause: signal.reason }));
  if (signal.aborted) {
    abort();
    return true;
  }
  signal.addEventListener('abort', abort, { once: true });
  stream.once('close', () => signal.removeEventListener('abort', abort));
  return false;
}

function beginRequest(session, stream, list, options, priority) {
  if (stream.destroyed || session.destroyed) return;
  if (session.closed && !stream.closed) {
    stream.destroy(new ERR_HTTP2_GOAWAY_SESSION());
    return;
  }
  const connection = session._connection;
  if (priority !== null && priority.parent === connection.nextId) {
    stream.destroy(new ERR_HTTP2_STREAM_SELF_DEPENDENCY());
    return;
  }
  const record = connection.request(stream, list, options.endStream, priority);
  if (record === undefined) {
    stream.destroy(new ERR_HTTP2_OUT_OF_STREAMS());
    return;
  }
  stream[kAttach](record);
}

// ---- connect ----

function authorityOf(authority) {
  if (typeof authority === 'string') return new URL(authority);
  needObject(authority, 'authority', ['string', 'Object', 'URL']);
  if (authority === undefined) throw new ERR_INVALID_ARG_TYPE('authority', ['string', 'Object', 'URL'], authority);
  return authority;
}

function hostOf(authority) {
  const { hostname, host } = authority;
  if (hostname) return hostname[0] === '[' ? hostname.slice(1, -1) : hostname;
  return host || 'localhost';
}

function connect(authority, options, listener) {
  if (typeof options === 'function') {
    listener = options;
    options = undefined;
  }
  needObject(options, 'options');
  options = { ...options };
  authority = authorityOf(authority);
  checkOptions(options);
  const protocol = authority.protocol || options.protocol || 'https:';
  const port = String(authority.port !== '' && authority.port !== undefined ? authority.port : protocol === 'http:' ? 80 : 443);
  const host = hostOf(authority);
  let socket;
  if (typeof options.createConnection === 'function') socket = options.createConnection(authority, options);
  else if (protocol === 'http:') socket = require('net').connect({ port, host, ...options });
  else if (protocol === 'https:') throw require('internal/missing').error('http2.connect over TLS');
  else throw new ERR_HTTP2_UNSUPPORTED_PROTOCOL(protocol);
  const session = new ClientHttp2Session(options, socket);
  session._authority = options.servername && port === '443' ? options.servername : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  session._protocol = protocol;
  if (typeof listener === 'function') session.once('connect', listener);
  return session;
}

function checkOptions(options) {
  const { validateUint32 } = require('internal/validators');
  if (options.maxSessionInvalidFrames !== undefined) validateUint32(options.maxSessionInvalidFrames, 'maxSessionInvalidFrames');
  if (options.maxSessionRejectedStreams !== undefined) validateUint32(options.maxSessionRejectedStreams, 'maxSessionRejectedStreams');
  settings.validate(options.settings);
}

Object.defineProperty(connect, promisify.custom, {
  __proto__: null,
  value: (authority, options) => new Promise((resolve, reject) => {
    const session = connect(authority, options, () => {
      session.removeListener('error', reject);
      resolve(session);
    });
    session.once('error', reject);
  }),
});

module.exports = { ClientHttp2Session, connect };

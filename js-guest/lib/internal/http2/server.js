// http2.createServer: a net.Server whose connections are sessions. Knows no frame.
'use strict';

const { Server: NetServer } = require('internal/net/server');
const { Http2Session, SERVER } = require('internal/http2/session');
const settings = require('internal/http2/settings');
const compat = require('internal/http2/compat');
const { needObject } = require('internal/http2/server_stream');
const EventEmitter = require('events');
const { validateFunction, validateUint32 } = require('internal/validators');
const frames = require('internal/http2/frames');
const { codes: { ERR_HTTP2_ALTSVC_INVALID_ORIGIN, ERR_HTTP2_ALTSVC_LENGTH, ERR_HTTP2_INVALID_ORIGIN, ERR_HTTP2_INVALID_SESSION,
  ERR_HTTP2_ORIGIN_LENGTH, ERR_INVALID_ARG_TYPE, ERR_INVALID_CHAR, ERR_OUT_OF_RANGE } } = require('internal/errors');

const MOST_TEXT = 16382;

class ServerHttp2Session extends Http2Session {
  constructor(options, socket, server) {
    super(SERVER, options, socket);
    this._server = server;
  }

  get server() { return this._server; }

  _sendFirst() {
    this._pendingSettings++;
    this._sendSettings(this._options.settings ?? {});
  }

  altsvc(alt, originOrStream) {
    if (this.destroyed) throw new ERR_HTTP2_INVALID_SESSION();
    let id = 0, origin = '';
    if (typeof originOrStream === 'string') {
      origin = new URL(originOrStream).origin;
      if (origin === 'null') throw new ERR_HTTP2_ALTSVC_INVALID_ORIGIN();
    } else if (typeof originOrStream === 'number') {
      if (originOrStream >>> 0 !== originOrStream || originOrStream === 0) {
        throw new ERR_OUT_OF_RANGE('originOrStream', `> 0 && < ${2 ** 32}`, originOrStream);
      }
      id = originOrStream;
    } else if (originOrStream !== undefined) {
      origin = originOrStream !== null && typeof originOrStream === 'object' ? originOrStream.origin : undefined;
      if (typeof origin !== 'string') throw new ERR_INVALID_ARG_TYPE('originOrStream', ['string', 'number', 'URL', 'object'], originOrStream);
      if (origin === 'null' || origin.length === 0) throw new ERR_HTTP2_ALTSVC_INVALID_ORIGIN();
    }
    if (typeof alt !== 'string') throw new ERR_INVALID_ARG_TYPE('alt', 'string', alt);
    // eslint-disable-next-line no-control-regex
    if (!/^[\x09\x20-\x5b\x5d-\x7e\x80-\xff\\]*$/.test(alt)) throw new ERR_INVALID_CHAR('alt');
    if (alt.length + origin.length > MOST_TEXT) throw new ERR_HTTP2_ALTSVC_LENGTH();
    if (id === 0 || this._streams.has(id)) this._connection.send(frames.altsvc(id, origin, alt));
  }

  origin(...origins) {
    if (this.destroyed) throw new ERR_HTTP2_INVALID_SESSION();
    if (origins.length === 0) return;
    const names = origins.map((given) => {
      const origin = typeof given === 'string' ? new URL(given).origin : given?.origin;
      if (typeof origin !== 'string') throw new ERR_INVALID_ARG_TYPE('origin', ['string', 'URL', 'object'], given);
      if (origin === 'null' || origin === '') throw new ERR_HTTP2_INVALID_ORIGIN();
      return origin;
    });
    if (names.reduce((sum, name) => sum + name.length + 2, 0) > MOST_TEXT) throw new ERR_HTTP2_ORIGIN_LENGTH();
    this._connection.send(frames.origin(names));
  }
}

// ---- From a socket to a session ----

function onConnection(socket) {
  const session = new ServerHttp2Session(this._options2 ?? {}, socket, this);
  session.on('stream', (...args) => this.emit('stream', ...args));
  session.on('error', (error) => this.emit('sessionError', error, session));
  session.on('priority', (...args) => this.emit('priority', ...args));
  if (this.timeout) session.setTimeout(this.timeout, sessionTimedOut);
  this.emit('session', session);
}

function sessionTimedOut() {
  if (this.destroyed) return;
  if (!this.server.emit('timeout', this)) this.destroy();
}

function optionsOf(options) {
  needObject(options, 'options');
  options = { ...options };
  options.allowHalfOpen = true;
  settings.validate(options.settings, 'options.settings');
  options.settings = { ...options.settings };
  for (const name of ['maxSessionInvalidFrames', 'maxSessionRejectedStreams', 'streamResetRate', 'streamResetBurst']) {
    if (options[name] !== undefined) validateUint32(options[name], name);
  }
  if (options.unknownProtocolTimeout !== undefined) validateUint32(options.unknownProtocolTimeout, 'unknownProtocolTimeout');
  options.Http2ServerRequest ??= compat.Http2ServerRequest;
  options.Http2ServerResponse ??= compat.Http2ServerResponse;
  return options;
}

class Http2Server extends NetServer {
  constructor(options, onRequest) {
    options = optionsOf(options);
    super(options, onConnection);
    this._options2 = options;
    this.timeout = 0;
    // The classes of http are for who listens for requests.
    const setUp = (event) => {
      if (event !== 'request') return;
      this.removeListener('newListener', setUp);
      this.on('stream', (stream, headers, flags, raw) => compat.onServerStream(this, options, stream, headers, flags, raw));
    };
    this.on('newListener', setUp);
    if (typeof onRequest === 'function') this.on('request', onRequest);
  }

  setTimeout(msecs, callback) {
    this.timeout = msecs;
    if (callback !== undefined) {
      validateFunction(callback, 'callback');
      this.on('timeout', callback);
    }
    return this;
  }

  updateSettings(given) {
    needObject(given, 'settings');
    settings.validate(given);
    this._options2.settings = { ...this._options2.settings, ...given };
  }

  [EventEmitter.captureRejectionSymbol](error, event, ...args) {
    if (event === 'stream') {
      const [stream] = args;
      if (stream.headersSent) {
        stream.destroy(error);
      } else {
        stream.respond({ ':status': 500 });
        stream.end();
      }
    } else if (event === 'request') {
      const [, response] = args;
      if (response.headersSent || response.stream.closed) {
        response.stream.destroy(error);
        return;
      }
      response.statusCode = 500;
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      response.end('Internal Server Error');
    } else {
      super[EventEmitter.captureRejectionSymbol](error, event, ...args);
    }
  }
}

function createServer(options, handler) {
  if (typeof options === 'function') {
    handler = options;
    options = undefined;
  }
  return new Http2Server(options, handler);
}

// A session over a stream that somebody else has accepted.
function performServerHandshake(socket, options = {}) {
  return new ServerHttp2Session(optionsOf(options), socket, undefined);
}

module.exports = { Http2Server, ServerHttp2Session, createServer, performServerHandshake };

// Http2ServerRequest: what http's IncomingMessage is, over a server's stream. Knows no response.
'use strict';

const EventEmitter = require('events');
const { Readable } = require('stream');
const { kRequest, socketOf } = require('internal/http2/compat_socket');
const { codes: { ERR_INVALID_ARG_VALUE } } = require('internal/errors');
const { validateString } = require('internal/validators');

const { on } = EventEmitter.prototype; // for what a stream's own on() has no business with

const kStream = Symbol('kStream');
const kState = Symbol('kState');

class Http2ServerRequest extends Readable {
  constructor(stream, headers, options, rawHeaders) {
    super({ autoDestroy: false, ...options });
    this[kState] = {
      closed: false, didRead: false, aborted: false, headers, rawHeaders, trailers: {}, rawTrailers: [],
    };
    this[kStream] = stream;
    stream[kRequest] = this;
    on.call(stream, 'trailers', onTrailers);
    on.call(stream, 'end', onEnd);
    on.call(stream, 'error', onError);
    on.call(stream, 'aborted', onAborted);
    on.call(stream, 'close', onClose);
    on.call(stream, 'timeout', onTimeout);
    on.call(this, 'pause', onPause);
    on.call(this, 'resume', onResume);
  }

  get aborted() { return this[kState].aborted; }
  get complete() { return this[kState].aborted || this.readableEnded || this[kState].closed || this[kStream].destroyed; }
  get stream() { return this[kStream]; }
  get headers() { return this[kState].headers; }
  get rawHeaders() { return this[kState].rawHeaders; }
  get trailers() { return this[kState].trailers; }
  get rawTrailers() { return this[kState].rawTrailers; }
  get httpVersionMajor() { return 2; }
  get httpVersionMinor() { return 0; }
  get httpVersion() { return '2.0'; }
  get socket() { return socketOf(this[kStream]); }
  get connection() { return this.socket; }
  get method() { return this[kState].headers[':method']; }
  get authority() { return this[kState].headers[':authority'] ?? this[kState].headers.host ?? ''; }
  get scheme() { return this[kState].headers[':scheme']; }
  get url() { return this[kState].headers[':path']; }

  set method(value) {
    validateString(value, 'method');
    if (value.trim() === '') throw new ERR_INVALID_ARG_VALUE('method', value);
    this[kState].headers[':method'] = value;
  }

  set authority(value) {
    validateString(value, 'authority');
    this[kState].headers[':authority'] = value;
  }

  set scheme(value) {
    validateString(value, 'scheme');
    this[kState].headers[':scheme'] = value;
  }

  set url(value) { this[kState].headers[':path'] = value; }

  setTimeout(msecs, callback) {
    if (!this[kState].closed) this[kStream].setTimeout(msecs, callback);
    return this;
  }

  // The stream is read for who reads the request, and only then.
  _read() {
    const state = this[kState], stream = this[kStream];
    if (state.didRead) {
      process.nextTick(resume, stream);
    } else if (!state.closed) {
      state.didRead = true;
      stream.on('data', onData);
    }
  }
}

const resume = (stream) => { if (!stream.destroyed) stream.resume(); };

function onData(chunk) {
  const request = this[kRequest];
  if (request !== undefined && !request.push(chunk)) this.pause();
}

function onTrailers(trailers, flags, raw) {
  const request = this[kRequest];
  if (request === undefined) return;
  Object.assign(request[kState].trailers, trailers);
  request[kState].rawTrailers.push(...raw);
}

function onEnd() {
  this[kRequest]?.push(null);
}

// A stream's error is its own: who has a request hears of 'aborted' and 'close'.
function onError() {}

function onAborted() {
  const request = this[kRequest];
  if (request === undefined || request[kState].closed) return;
  request[kState].aborted = true;
  request.emit('aborted');
}

function onClose() {
  const request = this[kRequest];
  if (request === undefined) return;
  request[kState].closed = true;
  request.push(null);
  if (request.readableFlowing === null && request.readableLength === 0) request.resume(); // so that who waits for its end hears of it
  request.emit('close');
}

function onTimeout() {
  this[kRequest]?.emit('timeout');
}

function onPause() {
  this[kStream].pause();
}

function onResume() {
  if (this[kState].didRead) this[kStream].resume();
}

module.exports = { Http2ServerRequest };

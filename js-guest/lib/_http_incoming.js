// IncomingMessage: what is rare or needs the stream machinery. The object itself, its accessors and the flow of a body
// to plain 'data' listeners are C (glue/http_request.c); `_readableState` is made here, when something asks for it.
'use strict';

const native = internalBinding('http');
const { Readable } = require('stream');
const { IncomingMessage } = require('internal/http/incoming_message');
const { connResetException } = require('internal/errors');

// Bits of http_req (glue/http.h).
const COMPLETE = 1, FLOWING = 2, END_EMITTED = 8, DUMPED = 16, CONSUMED = 32, CLOSE_EMITTED = 128, DESTROYED = 1024;
const TOUCHED = 4096, LET_GO = 1 << 15;

Object.setPrototypeOf(IncomingMessage.prototype, Readable.prototype);
Object.setPrototypeOf(IncomingMessage, Readable);
native.setupRequest(IncomingMessage.prototype, Readable.prototype.on);

const { prototype } = IncomingMessage;
prototype.statusCode = null;
prototype.statusMessage = null;
prototype._consuming = false;

// The Readable side comes into being: with what has arrived, at the point that the plain flow has reached.
function makeState(req) {
  // A response is read at the pace of its socket. (A request's socket is not made for this.)
  const options = Object.hasOwn(req, 'req') ? { highWaterMark: req.socket?.readableHighWaterMark } : undefined;
  const state = new Readable.ReadableState(options, req, false);
  state.readingMore = true;
  const info = native.requestInfo(req);
  req._readableState = state;
  if (info === null) return state;
  const [exchange, , bits] = info;
  native.markRequest(req, TOUCHED);
  const body = native.takeBody(req);
  if (Array.isArray(body)) body.forEach((chunk) => req.push(chunk));
  else if (body !== undefined) req.push(body);
  if (bits & END_EMITTED) {
    state.ended = state.endEmitted = true;
    if (bits & (CLOSE_EMITTED | DESTROYED)) state.destroyed = state.closed = state.closeEmitted = true;
    else process.nextTick(() => req.destroy()); // between 'end' and 'close': that is the state's to tell now
    return state;
  }
  if (bits & DESTROYED) state.destroyed = state.closed = true;
  if (bits & COMPLETE && exchange) {
    // Who comes to listen is told of the body: one 'readable' for both.
    if (body !== undefined) state.emittedReadable = true;
    req.push(null);
    if (body !== undefined) state.emittedReadable = false;
  }
  if (bits & (FLOWING | DUMPED)) Readable.prototype.resume.call(req);
  else if (bits & LET_GO) process.nextTick(dumpUnread, req); // its response has ended
  return state;
}

function dumpUnread(req) {
  if (!req._consumed) req._dump();
}

prototype._read = function() {
  if (!this._consumed) {
    this._readableState.readingMore = false;
    this._consumed = true;
  }
  native.grantCredit(this);
};

prototype._dump = function() {
  if (this._dumped) return;
  this._dumped = true;
  this.removeAllListeners('data');
  this.resume();
};

// A destroyed request takes its connection with it, unless it had been read to its end.
prototype._destroy = function(error, cb) {
  if (!this.readableEnded || !this.complete) {
    this.aborted = true;
    this.emit('aborted');
  }
  const exchange = native.requestInfo(this)?.[0];
  const { aborted } = this;
  if (aborted && exchange) {
    const { socket } = this;
    if (socket && !socket.destroyed) socket.destroy(error);
  } else if (aborted && Object.hasOwn(this, 'socket') && this.socket && !this.socket.destroyed) {
    this.socket.destroy(error);
  }
  process.nextTick(finishDestroy, this, error, cb);
};

// An error nobody listens for is not thrown: a client that goes away is no fault of the script's.
function finishDestroy(req, error, cb) {
  if (req.listenerCount('error') === 0) cb();
  else cb(error);
}

function onAborted(req) {
  req.destroy(connResetException('aborted'));
}

prototype.setTimeout = function(msecs, callback) {
  if (callback) this.on('timeout', callback);
  this.socket.setTimeout(msecs);
  return this;
};

function distinct(raw) {
  const fields = {};
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i].toLowerCase();
    // Defined, not set: a peer may send a field that is called __proto__.
    if (Object.hasOwn(fields, name)) fields[name].push(raw[i + 1]);
    else define(fields, name, [raw[i + 1]]);
  }
  return fields;
}

// Made on the first touch and kept as an own property.
function lazy(name, make) {
  Object.defineProperty(prototype, name, {
    configurable: true,
    get() {
      const value = make(this);
      define(this, name, value);
      return value;
    },
    set(value) { define(this, name, value); },
  });
}

function define(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

lazy('headersDistinct', (req) => distinct(req.rawHeaders ?? []));
// Trailers come last, so they are kept only once the message is whole.
function trailing(name, make) {
  Object.defineProperty(prototype, name, {
    configurable: true,
    get() {
      const value = make(this.rawTrailers ?? [], this);
      if (this.complete) define(this, name, value);
      return value;
    },
    set(value) { define(this, name, value); },
  });
}
trailing('trailers', (raw, req) => native.joinFields(raw, Boolean(req.joinDuplicateHeaders)));
trailing('trailersDistinct', (raw) => distinct(raw));

Object.defineProperty(prototype, 'client', {
  configurable: true,
  get() { return this.socket; },
  set(value) { define(this, 'client', value); },
});

// _addHeaderLine(name, value, into): one field by Node's joining rules; some packages build messages with it.
prototype._addHeaderLine = function(name, value, into) {
  const raw = [];
  for (const [key, held] of Object.entries(into)) {
    for (const one of Array.isArray(held) ? held : [held]) raw.push(key, one);
  }
  raw.push(name, value);
  Object.assign(into, native.joinFields(raw, Boolean(this.joinDuplicateHeaders)));
};

prototype._addHeaderLines = function(headers, count) {
  for (let i = 0; i + 1 < count; i += 2) this._addHeaderLine(headers[i], headers[i + 1], this.headers);
};

module.exports = {
  IncomingMessage, makeState, onAborted, resume: (req) => Readable.prototype.resume.call(req), CONSUMED,
};

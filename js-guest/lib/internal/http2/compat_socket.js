// `request.socket` of the http-like classes: a stream that answers for its session's socket. Knows neither's inside.
'use strict';

const { codes: { ERR_HTTP2_NO_SOCKET_MANIPULATION } } = require('internal/errors');
const { kSocket } = require('internal/http2/session');

const kRequest = Symbol('kRequest');
const kSocketProxy = Symbol('kSocketProxy');

const OF_STREAM = new Set(['on', 'once', 'end', 'emit', 'destroy']);
const SHOWN = new Set(['writable', 'destroyed']);
const FORBIDDEN = new Set(['write', 'read', 'pause', 'resume']);

const bound = (object, name) => {
  const value = object[name];
  return typeof value === 'function' ? value.bind(object) : value;
};
// Past the stream's end there is only the stream to answer.
const behind = (stream) => stream.session?.[kSocket] ?? stream;

const handler = {
  has: (stream, name) => name in stream || name in behind(stream),
  get(stream, name) {
    if (OF_STREAM.has(name)) return bound(stream, name);
    if (SHOWN.has(name)) return stream[name];
    if (name === 'readable') return !stream.destroyed && (stream[kRequest] ?? stream).readable;
    if (name === 'setTimeout') return bound(stream.session ?? stream, name);
    if (FORBIDDEN.has(name)) throw new ERR_HTTP2_NO_SOCKET_MANIPULATION();
    return bound(behind(stream), name);
  },
  getPrototypeOf: (stream) => Reflect.getPrototypeOf(behind(stream)),
  set(stream, name, value) {
    if (OF_STREAM.has(name) || SHOWN.has(name) || name === 'readable') stream[name] = value;
    else if (name === 'setTimeout') (stream.session ?? stream).setTimeout = value;
    else if (FORBIDDEN.has(name)) throw new ERR_HTTP2_NO_SOCKET_MANIPULATION();
    else behind(stream)[name] = value;
    return true;
  },
};

function socketOf(stream) {
  return stream[kSocketProxy] ??= new Proxy(stream, handler);
}

module.exports = { kRequest, socketOf };

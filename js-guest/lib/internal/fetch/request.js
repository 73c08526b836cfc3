// The Request that a handler is given: made of the host's request, as far as the handler looks at it. Must not know
// handlers or responses.
'use strict';

const { Request, Headers, inside } = require('internal/deps/undici');
const { kState, kHeaders, kSignal, kConstruct, HeadersList, setHeadersGuard, setHeadersList, makeRequest, IncomingBody } = inside;

const kMessage = Symbol('kMessage'); // the http.IncomingMessage
const kAnswer = Symbol('kAnswer'); // the http.ServerResponse
const kUrl = Symbol('kUrl');

// A target and a host that are what the URL parser would make of them.
const PLAIN_TARGET = /^\/(?:[A-Za-z0-9\-_~!$&()*+,;=:@/%]|\.(?![./?]|$))*(?:\?[A-Za-z0-9\-._~!$&()*+,;=:@/?%]*)?$/;
const PLAIN_HOST = /^[a-z](?:[a-z0-9-]*[a-z])?(?:\.[a-z](?:[a-z0-9-]*[a-z])?)*(?::(?!80$|0)\d{2,4})?$/;

function urlOf(message) {
  const { headers, url: target, socket } = message;
  const scheme = socket?.encrypted ? 'https:' : 'http:';
  const host = headers.host ?? 'localhost';
  if (scheme === 'http:' && PLAIN_TARGET.test(target) && PLAIN_HOST.test(host)) return `http://${host}${target}`;
  if (!target.startsWith('/')) { // a proxy's absolute form, or OPTIONS *
    try {
      return new URL(target).href;
    } catch {
      return new URL(`${scheme}//${host}/`).href;
    }
  }
  return new URL(`${scheme}//${host}${target}`).href;
}

function headersOf(message) {
  const list = new HeadersList();
  const { rawHeaders } = message;
  for (let i = 0; i < rawHeaders.length; i += 2) list.append(rawHeaders[i].toLowerCase(), rawHeaders[i + 1], true);
  return list;
}

function bodyOf(message) {
  const { method } = message;
  if (method === 'GET' || method === 'HEAD') return null;
  const { headers } = message;
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  return hasBody ? new IncomingBody(message) : null;
}

// Aborted when the client goes before it has its answer.
function signalOf(response) {
  const controller = new AbortController();
  const gone = () => {
    if (!response.writableFinished) controller.abort(new DOMException('The client has gone.', 'AbortError'));
  };
  if (response.closed || response.destroyed) gone();
  else response.once('close', gone);
  response[kSignal] = controller; // which the signal does not hold
  return controller.signal;
}

// An accessor that becomes a plain property when it is first asked.
function lazily(make) {
  return (key) => ({
    configurable: true,
    get() {
      const value = make(this);
      Object.defineProperty(this, key, { value, writable: true, configurable: true, enumerable: false });
      return value;
    },
    set(value) { Object.defineProperty(this, key, { value, writable: true, configurable: true, enumerable: false }); },
  });
}

function stateOf(request) {
  const message = request[kMessage];
  const state = makeRequest({ method: message.method, urlList: [new URL(request.url)], mode: 'cors', body: bodyOf(message) });
  state.headersList = headersOf(message);
  return state;
}

function makeHeaders(request) {
  const headers = new Headers(kConstruct);
  setHeadersList(headers, request[kState].headersList);
  setHeadersGuard(headers, 'immutable');
  return headers;
}

const LazyRequest = Object.create(Request.prototype, {
  [kState]: lazily(stateOf)(kState),
  [kHeaders]: lazily(makeHeaders)(kHeaders),
  [kSignal]: lazily((request) => signalOf(request[kAnswer]))(kSignal),
  [kUrl]: lazily((request) => urlOf(request[kMessage]))(kUrl),
  url: { configurable: true, enumerable: true, get() { return this[kUrl]; } },
  method: { configurable: true, enumerable: true, get() { return this[kMessage].method; } },
});

// As a constructor it gives each request the same shape at once.
function HandlersRequest(message, response) {
  this[kMessage] = message;
  this[kAnswer] = response;
}
HandlersRequest.prototype = LazyRequest;

const requestOf = (message, response) => new HandlersRequest(message, response);

module.exports = { requestOf };

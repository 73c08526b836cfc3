// What makes an HTTP connection's socket behave as a net.Socket that http has set up: its bytes are parsed by the host, so
// it reads none itself until a script listens for 'data'; pausing it pauses the host. It shows the listeners, the parser
// and the response under way that Node's has. Knows no header.
'use strict';

const native = internalBinding('stream');
const http = internalBinding('http');
const { EventEmitter } = require('events');
const { Socket, kFacade, kHandle } = require('internal/net/socket');
const { option } = require('internal/net/options');
const parser = require('internal/http/parser');

const PLAIN = ['on', 'addListener', 'prependListener', 'setEncoding'];
const RESPONSES = {
  __proto__: null,
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};
const kNumber = Symbol('kNumber');
const kMessage = Symbol('kMessage');
const kParser = Symbol('kParser');
const kMoved = Symbol('kMoved');
const kCounts = Symbol('kCounts');
const kTls = Symbol('kTls');

// As in Node, these stand on the socket itself until somebody asks for its bytes.
function listenerOf(name) {
  const plain = Socket.prototype[name];
  return function(event, listener) {
    const result = plain.call(this, event, listener);
    if (event === 'data' || event === 'readable') unconsume(this);
    if (event === 'data' && !this.isPaused()) this.resume();
    return result;
  };
}
const on = listenerOf('on'), prependListener = listenerOf('prependListener');

function setEncoding() {
  const { codes: { ERR_HTTP_SOCKET_ENCODING } } = require('internal/errors');
  throw new ERR_HTTP_SOCKET_ENCODING();
}

function unconsume(socket) {
  if (!socket[kFacade] || !Object.hasOwn(socket, 'on')) return;
  for (const name of PLAIN) delete socket[name];
  if (socket[kHandle]) native.option(socket[kHandle], option.TEE, 1);
}

// ---- What such a socket has beside a plain one's ----

const prototype = Object.create(Socket.prototype, {
  bytesRead: counter(1),
  bytesWritten: counter(0),
  // TLS ends before the script: what is known of it, on connections that came so. As on Node's tls.TLSSocket.
  encrypted: veiled('encrypted', () => true),
  servername: veiled('servername', (name) => name || false),
  // The response whose turn it is.
  _httpMessage: {
    configurable: true,
    get() { return this[kMessage] === undefined ? http.underWay(this[kNumber] ?? 0)[1] : this[kMessage]; },
    set(value) { this[kMessage] = value ?? undefined; },
  },
  parser: {
    configurable: true,
    get() {
      if (this[kParser] === undefined && !this.destroyed) this[kParser] = parser.view(this, () => http.underWay(this[kNumber] ?? 0)[0]);
      return this[kParser] ?? null;
    },
    set(value) { this[kParser] = value ?? null; },
  },
  // The host says when nothing has moved. Called by anybody else, it is as in Node: what moves is not late.
  _onTimeout: {
    configurable: true,
    writable: true,
    value: function _onTimeout() {
      const moved = traffic(this);
      if (this[kMoved] !== moved && this[kHandle]) {
        this[kMoved] = moved;
        this._unrefTimer();
      } else {
        Socket.prototype._onTimeout.call(this);
      }
    },
  },
});

// The host knows the name that a client has asked for while the connection is open: asked once, it is known on.
function veiled(name, told) {
  return {
    configurable: true,
    get() {
      if (this[kTls] === undefined && this[kHandle]) {
        const answer = native.address(this[kHandle], 2);
        this[kTls] = typeof answer === 'string' ? answer : null;
      }
      return typeof this[kTls] === 'string' ? told(this[kTls]) : undefined;
    },
    set(value) {
      Object.defineProperty(this, name, { configurable: true, enumerable: true, writable: true, value });
    },
  };
}

// The host counts what goes over an HTTP connection.
function counter(side) {
  return {
    configurable: true,
    get() {
      const counts = this[kCounts] ??= [0, 0];
      if (this[kHandle]) counts[side] = Math.max(counts[side], native.traffic(this[kHandle], side));
      return counts[side];
    },
  };
}

const traffic = (socket) => (socket[kHandle] ? native.traffic(socket[kHandle], 0) + native.traffic(socket[kHandle], 1) : 0);

function timedOut(socket) {
  socket[kMoved] = traffic(socket);
  socket._onTimeout();
}

// The host does what these would do; that they stand here tells a script that http has the socket.
const LISTENERS = {
  error: onError, pause: onPause, resume: onResume, timeout: onTimeout, drain: onDrain, data: onData, end: onEnd, close: onClose,
};

const names = Object.keys(LISTENERS);
const { addListener } = EventEmitter.prototype;

function dress(socket, number) {
  Object.setPrototypeOf(socket, prototype);
  Object.assign(socket, { on, addListener: on, prependListener, setEncoding });
  socket[kNumber] = number;
  for (const name of names) addListener.call(socket, name, LISTENERS[name]);
  addListener.call(socket, 'close', onResponseClose);
}

// The connection's number was not known before.
function setNumber(socket, number) {
  socket[kNumber] = number;
}

// The connection has left HTTP: a socket like any other.
function undress(socket) {
  for (const name of PLAIN) delete socket[name];
  for (const name of names) socket.removeListener(name, LISTENERS[name]);
  socket.removeListener('close', onResponseClose);
  freeParser(socket);
  Object.setPrototypeOf(socket, Socket.prototype);
  socket.parser = null;
  socket._httpMessage = null;
}

// ---- Its listeners ----

function onData() {}

function onEnd() {}

function onDrain() {}

function onClose() {
  freeParser(this);
}

function onResponseClose() {}

function freeParser(socket) {
  const own = socket[kParser];
  socket[kParser] = null;
  if (own) parser.freeView(own);
}

// A time-out that nobody handles ends the connection.
function onTimeout() {
  const req = this.parser?.incoming, res = this._httpMessage;
  const byRequest = req && !req.complete && req.emit('timeout', this);
  const byResponse = res && res.emit('timeout', this);
  const byServer = this.server && this.server.emit('timeout', this);
  if (!byRequest && !byResponse && !byServer) this.destroy();
}

function onPause() {
  if (this[kFacade] && this[kHandle]) native.option(this[kHandle], option.PAUSE, 1);
}

function onResume() {
  if (this[kFacade] && this[kHandle]) native.option(this[kHandle], option.PAUSE, 0);
}

function noop() {}

let warned = false;

// One that is still open after its first error is the script's to close.
function warnOfOpen() {
  if (warned) return;
  warned = true;
  process.emitWarning('An error event has already been emitted on the socket. ' +
                      "Please use the destroy method on the socket while handling a 'clientError' event.");
}

// An answer may only stand where none has begun: it would be taken for a part of that.
function onError(error) {
  this.removeListener('error', onError);
  if (this.listenerCount('error', noop) === 0) this.on('error', noop);
  else warnOfOpen();
  if (this.server?.emit('clientError', error, this)) return;
  refuse(this, error.code);
  this.destroy(error);
}

function refuse(socket, code) {
  const message = socket._httpMessage;
  if (socket.writable && !(message?._headerSent && !message.finished)) {
    socket.write(`HTTP/1.1 ${RESPONSES[code] ?? '400 Bad Request'}\r\nConnection: close\r\n\r\n`);
  }
}

module.exports = { dress, undress, setNumber, timedOut, onError };

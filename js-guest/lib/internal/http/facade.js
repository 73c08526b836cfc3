// What makes an HTTP connection's socket behave as a net.Socket: its bytes are parsed by the host, so it reads none
// itself until a script listens for 'data'; pausing it pauses the host. Knows no request and no response.
'use strict';

const native = internalBinding('stream');
const { Socket, kFacade, kHandle } = require('internal/net/socket');
const { option } = require('internal/net/options');

const PLAIN = ['on', 'addListener', 'prependListener', 'setEncoding'];
const RESPONSES = {
  __proto__: null,
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

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

function dress(socket) {
  Object.assign(socket, { on, addListener: on, prependListener, setEncoding });
  Object.defineProperties(socket, { bytesRead: counter(1), bytesWritten: counter(0) });
  const { prototype } = Socket;
  prototype.on.call(socket, 'error', onError);
  prototype.on.call(socket, 'pause', onPause);
  prototype.on.call(socket, 'resume', onResume);
}

// The host counts what goes over an HTTP connection.
function counter(side) {
  let last = 0;
  return {
    configurable: true,
    get() {
      if (this[kHandle]) last = Math.max(last, native.traffic(this[kHandle], side));
      return last;
    },
  };
}

// The connection has left HTTP: a socket like any other.
function undress(socket) {
  for (const name of [...PLAIN, 'bytesRead', 'bytesWritten']) delete socket[name];
  socket.removeListener('error', onError);
  socket.removeListener('pause', onPause);
  socket.removeListener('resume', onResume);
}

function onPause() {
  if (this[kFacade] && this[kHandle]) native.option(this[kHandle], option.PAUSE, 1);
}

function onResume() {
  if (this[kFacade] && this[kHandle]) native.option(this[kHandle], option.PAUSE, 0);
}

function noop() {}

// An answer may only stand where none has begun: it would be taken for a part of that.
function onError(error) {
  this.removeListener('error', onError);
  if (this.listenerCount('error', noop) === 0) this.on('error', noop);
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

module.exports = { dress, undress, onError };

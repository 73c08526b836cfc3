// http.ClientRequest: a request, the socket that carries it, and the response it gets. Bytes of responses are judged by
// the host (internal/http/reader.js). Knows no pool: the agent gives it a socket.
'use strict';

const net = require('net');
const native = internalBinding('http');
const diagnostics = require('diagnostics_channel');
const { OutgoingMessage, parseUniqueHeadersOption } = require('_http_outgoing');
const agents = require('_http_agent');
const { kOutHeaders, kNeedDrain, kUniqueHeaders } = require('internal/http');
const { readArguments, apply, fields } = require('internal/http/client_options');
const { readerOf, setup } = require('internal/http/reader');
const observed = require('internal/http/observed');
const { getTimerDuration } = require('internal/timers');
const { finished } = require('stream');
const { connResetException, codes: { ERR_HTTP_HEADERS_SENT } } = require('internal/errors');

const kError = Symbol('kError');
const started = diagnostics.channel('http.client.request.start');
const failed = diagnostics.channel('http.client.request.error');
const answered = diagnostics.channel('http.client.response.finish');

// Bits of the record's flags.
const KEEP_ALIVE = 1, UPGRADE = 8;

function ClientRequest(input, options, cb) {
  OutgoingMessage.call(this);
  [options, cb] = readArguments(input, options, cb);
  const [target, defaultPort] = apply(this, options, options._defaultAgent || agents.globalAgent);
  if (cb) this.once('response', cb);
  this._ended = false;
  this.res = null;
  this.aborted = false;
  this.timeoutCb = null;
  this.upgradeOrConnect = false;
  this.parser = null;
  this.maxHeadersCount = null;
  this.reusedSocket = false;
  this[kUniqueHeaders] = parseUniqueHeadersOption(options.uniqueHeaders);
  fields(this, options, target, defaultPort);
  if (this.agent) this.agent.addRequest(this, target);
  else connectAlone(this, target);
}
Object.setPrototypeOf(ClientRequest.prototype, OutgoingMessage.prototype);
Object.setPrototypeOf(ClientRequest, OutgoingMessage);

// Without an agent: a connection for this request only.
function connectAlone(req, options) {
  req._last = true;
  req.shouldKeepAlive = false;
  if (options.socketPath) options = { ...options, path: options.socketPath };
  else if (options.path) options = { ...options, path: undefined };
  if (typeof options.createConnection !== 'function') {
    req.onSocket(net.createConnection(options));
    return;
  }
  let told = false;
  const oncreate = (error, socket) => {
    if (told) return;
    told = true;
    if (error) process.nextTick(emitError, req, error);
    else req.onSocket(socket);
  };
  try {
    const made = options.createConnection(options, oncreate);
    if (made) oncreate(null, made);
  } catch (error) {
    oncreate(error);
  }
}

const { prototype } = ClientRequest;

prototype._requestLine = function() {
  return `${this.method} ${this.path} HTTP/1.1\r\n`;
};

prototype._implicitHeader = function() {
  if (this._header) throw new ERR_HTTP_HEADERS_SENT('render');
  this._storeHeader(this._requestLine(), this[kOutHeaders]);
};

prototype._finish = function() {
  OutgoingMessage.prototype._finish.call(this);
  observed.sent(this);
  if (started.hasSubscribers) started.publish({ request: this });
};

// The host must know what is asked before the answer can come.
prototype._writeRaw = function(data, encoding, cb) {
  this.parser?.expect(this);
  return OutgoingMessage.prototype._writeRaw.call(this, data, encoding, cb);
};

prototype._flushOutput = function(socket) {
  if (this.outputData.length) this.parser?.expect(this);
  return OutgoingMessage.prototype._flushOutput.call(this, socket);
};

function emitError(req, error) {
  if (failed.hasSubscribers) failed.publish({ request: req, error });
  req.emit('error', error);
}

function emitClose(req) {
  req._closed = true;
  req.emit('close');
}

// ---- The end of it ----

prototype.abort = function() {
  if (this.aborted) return;
  this.aborted = true;
  process.nextTick(emitAbort, this);
  this.destroy();
};

function emitAbort(req) {
  req.emit('abort');
}

prototype.destroy = function(error) {
  if (this.destroyed) return this;
  this.destroyed = true;
  if (this.res) this.res._dump(); // nobody wants the rest
  this[kError] = error;
  this.socket?.destroy(error);
  return this;
};

Object.defineProperty(prototype, 'errored', {
  configurable: true, enumerable: true, get() { return this[kError] ?? null; },
});

// ---- A socket ----

prototype.onSocket = function(socket, error) {
  process.nextTick(takeSocket, this, socket, error);
};

function takeSocket(req, socket, error) {
  if (!req.destroyed && !error) {
    carry(req, socket);
    req._flush();
    return;
  }
  error = req[kError] ?? error;
  if (!socket) {
    giveUp(req, error);
  } else if (!error && req.agent && !socket.destroyed) {
    giveUp(req, error);
    socket.emit('free');
  } else {
    finished(socket.destroy(error), (late) => {
      giveUp(req, error ?? (late?.code === 'ERR_STREAM_PREMATURE_CLOSE' ? null : late));
    });
  }
}

function giveUp(req, error) {
  req.destroyed = true;
  if (!req.aborted && !error) error = connResetException('socket hang up');
  if (error) emitError(req, error);
  emitClose(req);
}

const onSocket = { data: onData, end: onEnd, close: onClose, error: onSocketError, drain: onDrain };
const eventNames = Object.keys(onSocket);

function carry(req, socket) {
  const reader = readerOf(socket, [0, 0, 0, 0, req.maxHeaderSize ?? 0, 0]);
  req.socket = socket;
  req.parser = socket.parser = reader;
  socket._httpMessage = req;
  reader.carry(req, onHead);
  for (const name of eventNames) socket.on(name, onSocket[name]);
  if (req.timeout !== undefined || req.agent?.options?.timeout) listenForTimeout(req);
  req.emit('socket', socket);
}

function letParserGo(req, socket) {
  if (req) req.parser = null;
  if (!socket) return;
  socket.parser?.release();
  socket.parser = null;
}

function detach(socket, names) {
  for (const name of names) socket.removeListener(name, onSocket[name]);
}

function onData(chunk) {
  this.parser?.feed(chunk);
}

function onDrain() {
  const req = this._httpMessage;
  if (!req || req.finished || !req[kNeedDrain]) return;
  req[kNeedDrain] = false;
  req.emit('drain');
}

function onEnd() {
  if (isLate(this)) {
    this.parser.end();
    setImmediate(ended, this);
  } else {
    ended(this);
  }
}

// What was fed of a stream that is not ours is told after this turn: its end is no news before.
const isLate = (socket) => socket.parser?.isOwn === false;

function ended(socket) {
  const req = socket._httpMessage;
  if (req && !req.res && !socket._hadError) hangUp(req, socket);
  letParserGo(req, socket);
  socket.end();
}

function hangUp(req, socket) {
  socket._hadError = true;
  emitError(req, connResetException('socket hang up'));
}

function onClose() {
  if (isLate(this)) setImmediate(closed, this);
  else closed(this);
}

function closed(socket) {
  const req = socket._httpMessage;
  if (!req) return;
  req.destroyed = true;
  const { res } = req;
  if (res) {
    if (!res.complete) res.destroy(connResetException('aborted'));
    emitClose(req);
    if (!res.aborted && res.readable) res.push(null);
  } else {
    if (!socket._hadError) hangUp(req, socket);
    emitClose(req);
  }
  req.outputData.length = 0;
  letParserGo(req, socket);
}

function onSocketError(error) {
  const req = this._httpMessage;
  if (req) {
    this._hadError = true;
    emitError(req, error);
  }
  letParserGo(req, this);
  detach(this, ['data', 'end']);
  this.destroy();
}

// ---- A response ----

setup(onHead, onFault);

function onHead(reader, res, flags) {
  const { socket } = reader;
  const req = reader.outgoing;
  if (!req || req.res) {
    socket.destroy(); // nobody asked, or it was answered already
    return;
  }
  if (flags & UPGRADE) {
    takeOver(req, res, socket, reader);
  } else if (res.statusCode < 200 && res.statusCode !== 101) {
    inform(req, res);
  } else {
    respond(req, res, socket, flags);
  }
}

function inform(req, res) {
  if (res.statusCode === 100) req.emit('continue');
  const { statusCode, statusMessage, httpVersion, httpVersionMajor, httpVersionMinor, headers, rawHeaders } = res;
  req.emit('information', {
    statusCode, statusMessage, httpVersion, httpVersionMajor, httpVersionMinor, headers, rawHeaders,
  });
}

function respond(req, res, socket, flags) {
  if (req.shouldKeepAlive && !(flags & KEEP_ALIVE) && !req.upgradeOrConnect) req.shouldKeepAlive = false;
  if (req.joinDuplicateHeaders) res.joinDuplicateHeaders = true;
  req.res = res;
  res.req = req;
  observed.answered(req, res);
  if (answered.hasSubscribers) answered.publish({ request: req, response: res });
  res.on('end', onResponseEnd);
  req.on('finish', onRequestFinish);
  socket.on('timeout', onResponseTimeout);
  if (req.aborted || !req.emit('response', res)) res._dump();
}

// The connection leaves HTTP, and is the script's if it listens for that.
function takeOver(req, res, socket, reader) {
  req.res = res;
  res.req = req;
  res.upgrade = true;
  const head = native.takeBody(res) ?? Buffer.alloc(0);
  native.letGo(reader.handle, res);
  detach(socket, ['data', 'end', 'drain']);
  if (req.timeoutCb) socket.removeListener('timeout', req.timeoutCb);
  socket.removeListener('timeout', onResponseTimeout);
  reader.leave(head.length);
  letParserGo(req, socket);
  const event = req.method === 'CONNECT' ? 'connect' : 'upgrade';
  if (req.listenerCount(event) === 0) {
    socket.destroy();
    return;
  }
  req.upgradeOrConnect = true;
  socket.emit('agentRemove');
  detach(socket, ['close', 'error']);
  socket._httpMessage = null;
  req.emit(event, res, socket, head);
  req.destroyed = true;
  emitClose(req);
}

// What came is no response, or more than one.
function onFault(reader, error) {
  const { socket } = reader;
  // What stands behind a whole response in the same bytes is that request's fault.
  const req = reader.outgoing ?? (error.bytesParsed > 0 ? reader.answered : null);
  letParserGo(req, socket);
  detach(socket, ['data', 'end']);
  socket.destroy();
  // A second response to one request goes unsaid, as in Node.
  if (!req || (req.res && error.reason === 'Unsolicited response')) return;
  socket._hadError = true;
  emitError(req, error);
}

function onResponseTimeout() {
  this._httpMessage?.res?.emit('timeout');
}

// The response was read to its end: the socket is free once the request is out, too.
function onResponseEnd() {
  const { req } = this;
  const { socket } = req;
  if (socket) {
    if (req.timeoutCb) socket.removeListener('timeout', emitTimeout);
    socket.removeListener('timeout', onResponseTimeout);
  }
  req._ended = true;
  if (!req.shouldKeepAlive) {
    letParserGo(req, socket);
    if (!socket.writable) return;
    if (typeof socket.destroySoon === 'function') socket.destroySoon();
    else socket.end();
  } else if (req.writableFinished && !this.aborted) {
    release(req);
  }
}

function onRequestFinish() {
  if (this.shouldKeepAlive && this._ended) release(this);
}

function release(req) {
  const { socket } = req;
  if (req.timeoutCb) {
    socket.setTimeout(0, req.timeoutCb);
    req.timeoutCb = null;
  }
  letParserGo(req, socket);
  detach(socket, eventNames);
  socket.removeListener('timeout', onResponseTimeout);
  req.destroyed = true;
  if (req.res) req.res.socket = null; // destroying it later is no matter of the socket's
  process.nextTick(emitFree, req);
}

function emitFree(req) {
  emitClose(req);
  req.socket?.emit('free');
}

// ---- Time-outs and options of the socket ----

function emitTimeout() {
  this._httpMessage?.emit('timeout');
}

function listenForTimeout(req) {
  if (req.timeoutCb) return;
  req.timeoutCb = emitTimeout;
  if (req.socket) req.socket.once('timeout', emitTimeout);
  else req.on('socket', (socket) => socket.once('timeout', emitTimeout));
}

prototype.setTimeout = function(msecs, callback) {
  if (this._ended) return this;
  listenForTimeout(this);
  msecs = getTimerDuration(msecs, 'msecs');
  if (callback) this.once('timeout', callback);
  if (this.socket) setSocketTimeout(this.socket, msecs);
  else this.once('socket', (socket) => setSocketTimeout(socket, msecs));
  return this;
};

function setSocketTimeout(socket, msecs) {
  if (socket.connecting) socket.once('connect', () => socket.setTimeout(msecs));
  else socket.setTimeout(msecs);
}

prototype.clearTimeout = function(cb) {
  this.setTimeout(0, cb);
};

function whenConnected(req, method, args) {
  const call = (socket) => {
    if (typeof socket[method] === 'function') socket[method](...args);
  };
  const connected = (socket) => {
    if (socket.writable && !socket.connecting) call(socket);
    else socket.once('connect', () => call(socket));
  };
  if (req.socket) connected(req.socket);
  else req.once('socket', connected);
}

prototype.setNoDelay = function(noDelay) {
  whenConnected(this, 'setNoDelay', [noDelay]);
};

prototype.setSocketKeepAlive = function(enable, initialDelay) {
  whenConnected(this, 'setKeepAlive', [enable, initialDelay]);
};

module.exports = { ClientRequest };

// Http2Session: a connection over a socket, as scripts see it. Here: what a server's and a client's have in common; the rules of
// the protocol are in internal/http2/connection. Knows no frame.
'use strict';

const EventEmitter = require('events');
const { AsyncResource } = require('async_hooks');
const timeout = require('internal/http2/timeout');
const { Connection } = require('internal/http2/connection');
const { SessionHooks } = require('internal/http2/session_hooks');
const { proxyOf } = require('internal/http2/socket_proxy');
const settings = require('internal/http2/settings');
const { code: rst } = require('internal/http2/errors');
const { codes: {
  ERR_HTTP2_INVALID_SESSION, ERR_HTTP2_MAX_PENDING_SETTINGS_ACK, ERR_HTTP2_PING_CANCEL, ERR_HTTP2_PING_LENGTH,
  ERR_HTTP2_SESSION_ERROR, ERR_HTTP2_SETTINGS_CANCEL, ERR_HTTP2_SOCKET_BOUND, ERR_HTTP2_STREAM_CANCEL, ERR_INVALID_ARG_TYPE,
  ERR_OUT_OF_RANGE, ERR_SOCKET_CLOSED,
} } = require('internal/errors');
const { validateFunction, validateInt32, validateNumber } = require('internal/validators');

const kSession = Symbol('kHttp2Session'); // on a socket
const kSocket = Symbol('kSocket');
const PIECE = 65536; // what one write to the socket takes at most, more or less
const SERVER = 0, CLIENT = 1;

// Node's defaults; sizes are octets but for maxSessionMemory, which a script gives in MB.
function limitsOf(options) {
  const take = (name, otherwise) => (options[name] === undefined ? otherwise : options[name]);
  return {
    maxDeflateDynamicTableSize: take('maxDeflateDynamicTableSize', 4096),
    maxSettings: Math.max(1, take('maxSettings', 32)),
    maxSessionMemory: take('maxSessionMemory', 10) * 1000000,
    maxHeaderListPairs: take('maxHeaderListPairs', 128),
    maxOutstandingPings: take('maxOutstandingPings', 10),
    maxOutstandingSettings: Math.max(1, take('maxOutstandingSettings', 10)),
    maxSessionInvalidFrames: take('maxSessionInvalidFrames', 1000),
    maxSessionRejectedStreams: take('maxSessionRejectedStreams', 100),
    maxSendHeaderBlockLength: take('maxSendHeaderBlockLength', 65536),
    maxReservedRemoteStreams: take('maxReservedRemoteStreams', 200),
    peerMaxConcurrentStreams: take('peerMaxConcurrentStreams', 100),
    paddingStrategy: options.paddingStrategy,
    streamResetBurst: take('streamResetBurst', 1000),
    streamResetRate: take('streamResetRate', 33),
    now: Date.now,
  };
}

class Http2Session extends EventEmitter {
  constructor(type, options, socket) {
    super();
    if (!socket._handle || socket[kSession]) {
      if (socket[kSession]) throw new ERR_HTTP2_SOCKET_BOUND();
    }
    socket[kSession] = this;
    this._type = type;
    this._options = options;
    this._limits = limitsOf(options);
    this._streams = new Map();
    this._pending = new Set();
    this._pings = [];
    this._pendingSettings = 0;
    this._closed = false;
    this._destroyed = false;
    this._goawayCode = null;
    this._destroyCode = rst.NO_ERROR;
    this._blocked = false; // the socket takes no more for now
    this._scheduled = false;
    this._originSet = undefined;
    this._connection = null;
    this._waiters = []; // for the connection
    this._seen = { local: null, remote: null }; // settings as they were shown
    this[kSocket] = socket;
    this._proxy = null;
    this.timeout = 0;
    listen(this, socket);
    const emitConnect = () => {
      if (!this._destroyed) this.emit('connect', this, socket);
    };
    if (socket.connecting || socket.secureConnecting) {
      socket.once('connect', () => {
        begun(this, socket);
        emitConnect();
      });
    } else {
      begun(this, socket);
      process.nextTick(emitConnect);
    }
  }

  // ---- What can be asked ----

  get type() { return this._type; }
  get connecting() { return this._connection === null && !this._destroyed; }
  get closed() { return this._closed; }
  get destroyed() { return this._destroyed; }
  get encrypted() { return this[kSocket] === undefined ? undefined : Boolean(this[kSocket].encrypted); }
  get alpnProtocol() { return this[kSocket] === undefined || this.connecting ? undefined : this[kSocket].alpnProtocol || 'h2c'; }
  get originSet() { return this.encrypted && !this._destroyed ? [...(this._originSet ?? [])] : undefined; }
  get pendingSettingsAck() { return this._pendingSettings > 0; }
  get _endCode() { return this._goawayCode || this._destroyCode; }

  get socket() {
    if (this._proxy === null && this[kSocket] !== undefined) this._proxy = proxyOf(this, this[kSocket]);
    return this._proxy ?? undefined;
  }

  // The same object until something changes.
  get localSettings() { return this._show('local'); }
  get remoteSettings() { return this._show('remote'); }
  _show(side) {
    if (this._connection === null || this._destroyed) return {};
    return this._seen[side] ??= { ...this._connection[side] };
  }

  get state() {
    const c = this._connection;
    if (c === null || this._destroyed) return {};
    return {
      effectiveLocalWindowSize: c.recvTarget, effectiveRecvDataLength: c.owed, nextStreamID: c.nextId,
      localWindowSize: c.recvWindow, lastProcStreamID: c.lastPeerId, remoteWindowSize: c.sendWindow,
      outboundQueueSize: c.out.frames, deflateDynamicTableSize: c.encoder.table.size, inflateDynamicTableSize: c.decoder.table.size,
    };
  }

  // ---- What can be done ----

  setTimeout(msecs, callback) { return timeout.set(this, msecs, callback, onTimeout); }
  ref() { this[kSocket]?.ref?.(); }
  unref() { this[kSocket]?.unref?.(); }

  // `fn` once there is a connection.
  _whenConnected(fn) {
    if (this._connection === null) this._waiters.push(fn);
    else fn();
  }

  setLocalWindowSize(size) {
    if (this._destroyed) throw new ERR_HTTP2_INVALID_SESSION();
    validateInt32(size, 'windowSize', 0);
    this._whenConnected(() => this._connection.setLocalWindowSize(size));
  }

  setNextStreamID(id) {
    if (this._destroyed) throw new ERR_HTTP2_INVALID_SESSION();
    validateNumber(id, 'id');
    if (!(id > 0 && id <= 2 ** 32 - 1)) throw new ERR_OUT_OF_RANGE('id', '> 0 and <= 4294967295', id);
    this._whenConnected(() => this._connection.setNextId(id));
  }

  settings(wanted, callback) {
    if (this._destroyed) throw new ERR_HTTP2_INVALID_SESSION();
    if (wanted === null || typeof wanted !== 'object') throw new ERR_INVALID_ARG_TYPE('settings', 'Object', wanted);
    wanted = { ...settings.validate(wanted) };
    if (callback !== undefined) validateFunction(callback, 'callback');
    this._pendingSettings++;
    if (callback !== undefined) callback = inScope(callback, 'HTTP2SETTINGS');
    this._whenConnected(() => this._sendSettings(wanted, callback));
  }

  _sendSettings(wanted, callback) {
    if (this._destroyed) return;
    if (this._connection.unacked.length >= this._limits.maxOutstandingSettings) {
      this._pendingSettings--;
      this.destroy(new ERR_HTTP2_MAX_PENDING_SETTINGS_ACK());
      return;
    }
    this._connection.settings(wanted, { callback, at: performance.now() });
  }

  ping(payload, callback) {
    if (this._destroyed) throw new ERR_HTTP2_INVALID_SESSION();
    if (typeof payload === 'function') {
      callback = payload;
      payload = undefined;
    }
    if (payload !== undefined && !ArrayBuffer.isView(payload)) {
      throw new ERR_INVALID_ARG_TYPE('payload', ['Buffer', 'TypedArray', 'DataView'], payload);
    }
    if (payload !== undefined && payload.byteLength !== 8) throw new ERR_HTTP2_PING_LENGTH();
    validateFunction(callback, 'callback');
    payload = payload === undefined ? pingPayload() : new Uint8Array(payload.buffer, payload.byteOffset, 8);
    return this._ping(payload, inScope(callback, 'HTTP2PING'));
  }

  _ping(payload, callback) {
    if (this._connection === null) {
      this._waiters.push(() => { if (!this._destroyed) this._ping(payload, callback); });
      return true;
    }
    if (this._pings.length >= this._limits.maxOutstandingPings) {
      process.nextTick(callback, new ERR_HTTP2_PING_CANCEL());
      return false;
    }
    this._pings.push({ callback, payload: Buffer.from(payload), at: performance.now() });
    this._connection.ping(payload);
    return true;
  }

  goaway(code = rst.NO_ERROR, lastStreamID = 0, opaqueData) {
    if (this._destroyed) throw new ERR_HTTP2_INVALID_SESSION();
    if (opaqueData !== undefined && !ArrayBuffer.isView(opaqueData)) {
      throw new ERR_INVALID_ARG_TYPE('opaqueData', ['Buffer', 'TypedArray', 'DataView'], opaqueData);
    }
    validateNumber(code, 'code');
    validateNumber(lastStreamID, 'lastStreamID');
    const bytes = opaqueData && new Uint8Array(opaqueData.buffer, opaqueData.byteOffset, opaqueData.byteLength);
    this._whenConnected(() => this._connection.goaway(code, lastStreamID > 0 ? lastStreamID : this._connection.lastPeerId, bytes));
  }

  // ---- The end ----

  // No new streams; 'close' when those that are open have ended.
  close(callback) {
    if (this._closed || this._destroyed) return;
    this._closed = true;
    if (typeof callback === 'function') this.once('close', callback);
    this.goaway();
    this._maybeDestroy();
  }

  destroy(error = rst.NO_ERROR, code) {
    if (this._destroyed) return;
    if (typeof error === 'number') {
      code = error;
      error = code !== rst.NO_ERROR ? new ERR_HTTP2_SESSION_ERROR(code) : undefined;
    }
    if (code === undefined && error != null) code = rst.INTERNAL_ERROR;
    this._finish(error, code ?? rst.NO_ERROR);
  }

  _finish(error, code) {
    const socket = this[kSocket], connection = this._connection;
    this._destroyed = true;
    this._destroyCode = code;
    timeout.clear(this);
    this.removeAllListeners('timeout');
    if (connection !== null) connection.silent = true;
    const cancel = new ERR_HTTP2_STREAM_CANCEL(error);
    for (const stream of this._pending) stream.destroy(cancel);
    for (const stream of [...this._streams.values()]) stream.destroy(error);
    for (const { callback, payload, at } of this._pings.splice(0)) {
      process.nextTick(callback, new ERR_HTTP2_PING_CANCEL(), performance.now() - at, payload);
    }
    for (const { done } of connection?.unacked.splice(0) ?? []) {
      if (done.callback) process.nextTick(done.callback, new ERR_HTTP2_SETTINGS_CANCEL());
    }
    if (connection !== null) {
      if (connection.goawaySent === null || code !== rst.NO_ERROR) connection.finish(code);
      connection.failed = true;
      if (!socket.destroyed) this._flush(true, socket);
    }
    this._release(socket, error);
  }

  // The socket ends after what was written; 'close' follows its.
  _release(socket, error) {
    const emitEnd = () => {
      if (error) this.emit('error', error);
      this.emit('close');
    };
    socket.removeListener('data', this._onData);
    socket.removeListener('drain', this._onDrain);
    unbind(this, socket);
    if (socket.destroyed) {
      process.nextTick(emitEnd);
      return;
    }
    socket.once('close', emitEnd);
    socket.resume?.(); // so that the peer's end is seen
    if (error && !this._connection) {
      socket.destroy(error);
      return;
    }
    socket.end(() => setImmediate(() => socket.destroy()));
    // Who broke the rules may not read what it is told either.
    if (error) setImmediate(() => setImmediate(() => socket.destroy()));
  }

  _maybeDestroy(error) {
    if (this._destroyed) return;
    if (error != null) {
      this.destroy(error);
      return;
    }
    if (this._closed && this._streams.size === 0 && this._pending.size === 0 && this._pings.length === 0) this.destroy();
  }

  [EventEmitter.captureRejectionSymbol](error, event, ...args) {
    if (event === 'stream') args[0].destroy(error);
    else this.destroy(error);
  }

  // ---- Bytes ----

  _schedule() {
    if (this._scheduled || this._destroyed) return;
    this._scheduled = true;
    process.nextTick(flushNow, this);
  }

  // `all`: the socket buffers what it cannot send, as nothing comes after.
  _flush(all, socket = this[kSocket]) {
    const connection = this._connection;
    let wrote = false, whole = false;
    try {
      while ((all || !this._blocked) && connection.hasOutput && !socket.destroyed) {
        const bytes = connection.take(PIECE);
        if (bytes === null) break;
        wrote = true;
        if (!socket.write(bytes)) this._blocked = true;
      }
      whole = true;
    } finally {
      // What a script's callback throws must not hold up the bytes behind it.
      if (!whole) this._schedule();
    }
    if (wrote) timeout.refresh(this);
  }
}

function flushNow(session) {
  session._scheduled = false;
  if (!session._destroyed && session[kSocket] !== undefined) session._flush(false);
}

// A callback that will run once, in the asynchronous context it was given in.
function inScope(callback, type) {
  const scope = new AsyncResource(type, { requireManualDestroy: true });
  return (...args) => {
    try {
      scope.runInAsyncScope(callback, undefined, ...args);
    } finally {
      scope.emitDestroy();
    }
  };
}

let pingCount = 0;
function pingPayload() {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(++pingCount >>> 0, 4);
  return payload;
}

function onTimeout(session) {
  if (!session._destroyed) session.emit('timeout');
}

// ---- The socket ----

function begun(session, socket) {
  if (session._destroyed) return;
  const connection = new Connection(session._type === SERVER, new SessionHooks(session), session._limits);
  session._connection = connection;
  socket.setNoDelay?.();
  session._sendFirst();
  socket.on('data', session._onData);
  for (const fn of session._waiters.splice(0)) fn();
}

function listen(session, socket) {
  session._onData = (bytes) => {
    timeout.refresh(session);
    receive(session, bytes);
  };
  session._onDrain = () => {
    session._blocked = false;
    if (!session._destroyed && session._connection !== null) session._flush(false);
  };
  socket.on('drain', session._onDrain);
  socket.on('error', (error) => socketError(session, error));
  socket.on('close', () => socketClosed(session));
  socket.on('end', () => {
    if (!session._destroyed) socketClosed(session);
  });
}

// What a listener throws must not lose the frames behind it.
function receive(session, bytes) {
  let whole = false;
  try {
    session._connection.receive(bytes);
    whole = true;
  } finally {
    if (!whole) process.nextTick(receiveRest, session);
  }
}

function receiveRest(session) {
  const { rest } = session._connection.splitter;
  if (rest !== null && !session._destroyed) receive(session, rest);
}

function socketError(session, error) {
  if (session._destroyed) return;
  // After its GOAWAY the peer may leave as it likes.
  if (error.code === 'ECONNRESET' && session._goawayCode !== null) session.destroy();
  else session.destroy(error);
}

function socketClosed(session) {
  if (session._destroyed) return;
  const error = session.connecting ? new ERR_SOCKET_CLOSED() : null;
  session._closed = true;
  for (const stream of [...session._pending]) stream.close(rst.CANCEL);
  for (const stream of [...session._streams.values()]) stream.close(rst.CANCEL);
  session.destroy(error ?? rst.NO_ERROR);
}

function unbind(session, socket) {
  socket[kSession] = undefined;
  session[kSocket] = undefined;
  session._proxy = null;
}

module.exports = { CLIENT, Http2Session, SERVER, kSession, kSocket };

// Http2Stream: a Duplex over one record of a connection, from its birth to 'close'. What only a server's streams can do is in
// internal/http2/server_stream; a client's is here whole, as it does no more. Knows no frame.
'use strict';

const { AsyncResource } = require('async_hooks');
const { Duplex } = require('stream');
const { inspect } = require('internal/util/inspect');
const timeout = require('internal/http2/timeout');
const { noPseudo, toFields } = require('internal/http2/headers');
const { code: rst, nameOf } = require('internal/http2/errors');
const { AbortError, codes: {
  ERR_HTTP2_INVALID_STREAM, ERR_HTTP2_STREAM_ERROR, ERR_HTTP2_STREAM_SELF_DEPENDENCY, ERR_HTTP2_TRAILERS_ALREADY_SENT,
  ERR_HTTP2_TRAILERS_NOT_READY,
} } = require('internal/errors');
const { validateBoolean, validateFunction, validateInteger, validateNumber, validateObject } = require('internal/validators');

const kSession = Symbol('kSession');
const kRecord = Symbol('kRecord');
const kState = Symbol('kState');
const kAttach = Symbol('kAttach');

// Whether the peer is told of a stream's end: not when it is the one who said so.
const tell = { NEVER: 0, IN_TURN: 1, NOW: 2 };

function onTimeout(stream) {
  if (!stream.destroyed) stream.emit('timeout');
}

const USUAL = { allowHalfOpen: true, autoDestroy: false, decodeStrings: false };

class Http2Stream extends Duplex {
  constructor(session, record, options) {
    super(options === USUAL ? USUAL : { ...options, ...USUAL });
    this[kSession] = session;
    this[kRecord] = null;
    this[kState] = {
      closed: false, aborted: false, rstCode: rst.NO_ERROR, didRead: false, endAfterHeaders: false, waitForTrailers: false,
      trailersReady: false, trailersSent: false, ticks: 0, late: 0, writable: true, sentHeaders: undefined, sentTrailers: undefined,
      infoHeaders: undefined, headersSent: false,
    };
    this.timeout = 0;
    this._scope = null; // the asynchronous context that events come in, if not the socket's
    if (record === null) {
      session._pending.add(this);
      this.cork();
    } else {
      this[kAttach](record);
    }
  }

  // The stream is one of the connection's from here on.
  [kAttach](record) {
    this[kRecord] = record;
    record.owner = this;
    const session = this[kSession];
    session._pending.delete(this);
    session._streams.set(record.id, this);
    if (this.writableCorked) this.uncork();
    this.emit('ready');
  }

  // ---- What can be asked ----

  get id() { return this[kRecord]?.id; }
  get pending() { return this[kRecord] === null; }
  get session() { return this[kSession]; }
  get aborted() { return this[kState].aborted; }
  get closed() { return this[kState].closed; }
  get rstCode() { return this[kState].rstCode; }
  get endAfterHeaders() { return this[kState].endAfterHeaders; }
  get sentHeaders() { return this[kState].sentHeaders; }
  get sentTrailers() { return this[kState].sentTrailers; }
  get sentInfoHeaders() { return this[kState].infoHeaders; }
  get bufferSize() { return this.writableLength; }

  get state() {
    const record = this[kRecord];
    if (this.destroyed || record === null) return {};
    const local = record.localEnded, remote = record.remoteEnded;
    return {
      state: record.closed ? 7 : local && remote ? 7 : local ? 5 : remote ? 6 : 2,
      weight: record.priority?.weight ?? 16, sumDependencyWeight: 0, localClose: Number(local), remoteClose: Number(remote), localWindowSize: record.recvWindow,
    };
  }

  // ---- Time ----

  setTimeout(msecs, callback) { return timeout.set(this, msecs, callback, onTimeout); }

  _moved() {
    timeout.refresh(this);
    if (this[kSession] !== undefined) timeout.refresh(this[kSession]);
  }

  // ---- Writing ----

  _write(chunk, encoding, cb) {
    writeBytes(this, typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk, cb);
  }

  // What was corked, or written while there was no connection, goes as one.
  _writev(chunks, cb) {
    writeBytes(this, Buffer.concat(chunks.map(({ chunk, encoding }) => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk))), cb);
  }

  // A server's stream answers 200 when nothing else was said.
  _beforeData() {}

  // The connection asks whether the bytes being written are the last of the stream, so that they can carry its end.
  isLast() {
    const state = this._writableState;
    return state.ending && state.length === state.writelen && !this[kState].waitForTrailers;
  }

  _final(cb) {
    if (this[kRecord] === null) {
      this.once('ready', () => this._final(cb));
      return;
    }
    this.on('finish', () => this._maybeDestroy()); // after the script's own listeners
    const state = this[kState];
    // A head without a body carries the end itself, whenever it comes.
    if (this[kRecord].closed || this[kRecord].localEnded || (!state.headersSent && (this.headRequest || this.closed))) {
      process.nextTick(cb); // its last bytes go first
      return;
    }
    if (!state.headersSent) this._beforeData();
    if (state.waitForTrailers) {
      cb();
      state.trailersReady = true;
      if (!this.emit('wantTrailers')) this.sendTrailers({});
      return;
    }
    this[kSession]._connection.end(this[kRecord], cb);
  }

  sendTrailers(headers) {
    const state = this[kState];
    if (this.destroyed || this.closed) throw new ERR_HTTP2_INVALID_STREAM();
    if (state.trailersSent) throw new ERR_HTTP2_TRAILERS_ALREADY_SENT();
    if (!state.trailersReady) throw new ERR_HTTP2_TRAILERS_NOT_READY();
    validateObject(headers, 'headers');
    headers = { __proto__: null, ...headers };
    const list = toFields(headers, noPseudo);
    state.trailersSent = true;
    state.sentTrailers = headers;
    const connection = this[kSession]._connection;
    if (list.fields.length > 0) connection.headers(this[kRecord], list, true);
    else connection.end(this[kRecord]);
  }

  // ---- Reading ----

  _read() {
    const state = this[kState];
    if (this.destroyed) {
      this.push(null);
      return;
    }
    state.didRead = true;
    settle(this);
  }

  read(count) {
    const chunk = super.read(count);
    if (chunk !== null) settle(this);
    return chunk;
  }

  // What the connection tells comes in its order: after an event that waits for its tick, so does all else.
  _later(fn) {
    const state = this[kState];
    state.ticks++;
    process.nextTick(() => {
      state.ticks--;
      this._run(fn);
    });
  }

  // Past the jobs too: who awaits a response has begun to read when its end comes.
  _afterwards(fn) {
    const state = this[kState];
    state.ticks++;
    process.nextTick(queueMicrotask, () => {
      state.ticks--;
      this._run(fn);
    });
  }

  _run(fn) {
    if (this._scope === null) fn();
    else this._scope.runInAsyncScope(fn);
  }

  _inOrder(fn) {
    if (this[kState].ticks > 0) this._later(fn);
    else this._run(fn);
  }

  _data(bytes) {
    this._moved();
    const state = this[kState];
    if (state.ticks === 0 && this._scope === null) {
      this._take(bytes);
      return;
    }
    state.late += bytes.length;
    this._inOrder(() => {
      state.late -= bytes.length;
      this._take(bytes);
    });
  }

  _take(bytes) {
    if (this.destroyed || this.readableEnded || this._readableState.ended) {
      if (this[kRecord] !== null && !this[kRecord].closed) this[kSession]?._connection.consumed(this[kRecord], bytes.length);
      return;
    }
    this.push(bytes);
    settle(this);
  }

  _ended() {
    this._afterwards(() => {
      if (this.destroyed || this._readableState.ended) return;
      this.push(null);
      // So that an end nobody's reading waits for is noticed.
      if (this.readableLength === 0 && this.readableFlowing === null) this.read(0);
    });
  }

  _head(event, headers, flags, raw) {
    this._moved();
    this._later(() => {
      if (!this.destroyed || event === 'trailers') this.emit(event, headers, flags, raw);
    });
  }

  // ---- The end ----

  close(code = rst.NO_ERROR, callback) {
    validateInteger(code, 'code', 0, 2 ** 32 - 1);
    if (callback !== undefined) validateFunction(callback, 'callback');
    if (this.closed) return;
    if (callback !== undefined) this.once('close', callback);
    shut(this, code, tell.IN_TURN);
  }

  // The record is gone, by either side's doing.
  _closed(code) {
    this._afterwards(() => onClosed(this, code));
  }

  _maybeDestroy(code = rst.NO_ERROR) {
    if (code !== rst.NO_ERROR) {
      this.destroy();
      return;
    }
    if (!this.writableFinished) return;
    if (!this.readable && this.closed) {
      this.destroy();
      return;
    }
    // An answer that is whole, to a request whose body nobody wants: the peer need not send it.
    const state = this[kState];
    if (state.headersSent && this._isServerSide && !state.trailersReady && !state.didRead && this.readableFlowing === null) {
      this.close();
    }
  }

  _destroy(error, cb) {
    const session = this[kSession], state = this[kState], record = this[kRecord];
    let code = this.closed ? this.rstCode : session._endCode;
    if (!code && error != null) code = error instanceof AbortError || error.name === 'AbortError' ? rst.CANCEL : rst.INTERNAL_ERROR;
    timeout.clear(this);
    if (!this.closed) shut(this, code, record !== null ? tell.NOW : tell.NEVER);
    this.push(null);
    if (record !== null) {
      if (!record.closed) session._connection.reset(record, code || rst.NO_ERROR);
      session._streams.delete(record.id);
    } else {
      session._pending.delete(this);
    }
    if (error == null && code !== rst.NO_ERROR && code !== rst.CANCEL) error = new ERR_HTTP2_STREAM_ERROR(nameOf(code));
    this[kSession] = undefined;
    this._scope?.emitDestroy();
    setImmediate(() => session._maybeDestroy());
    cb(error);
  }

  [inspect.custom](depth, options) {
    if (typeof depth === 'number' && depth < 0) return this;
    return `Http2Stream ${inspect({
      id: this.id ?? '<pending>', closed: this.closed, destroyed: this.destroyed, state: this.state,
      readableState: this._readableState, writableState: this._writableState,
    }, options)}`;
  }

  // ---- Priority: told, and without effect ----

  priority(options) {
    if (this.destroyed) throw new ERR_HTTP2_INVALID_STREAM();
    validateObject(options, 'options');
    const priority = priorityOf(options);
    if (priority.parent === this.id) throw new ERR_HTTP2_STREAM_SELF_DEPENDENCY();
    if (options.silent) return;
    const send = () => this[kSession]?._connection.priority(this[kRecord], priority);
    if (this.pending) this.once('ready', send);
    else send();
  }
}

// What has left the stream's buffer has been read. It is not enough to look when more is asked for: that is before the last
// chunk leaves.
function settle(stream) {
  const record = stream[kRecord];
  if (record === null || record.closed) return;
  const count = record.unread - stream.readableLength - stream[kState].late;
  if (count > 0) stream[kSession]._connection.consumed(record, count);
}

function writeBytes(stream, bytes, cb) {
  if (stream[kRecord] === null) {
    stream.once('ready', () => writeBytes(stream, bytes, cb));
    return;
  }
  stream._moved();
  if (!stream[kState].headersSent) stream._beforeData();
  stream[kSession]._connection.write(stream[kRecord], bytes, cb);
}

// { parent, weight, exclusive } of a script's options.
function priorityOf(options) {
  const { weight = 16, parent = 0, exclusive = false, silent } = options;
  if (options.weight !== undefined) validateNumber(weight, 'options.weight');
  if (options.parent !== undefined) validateNumber(parent, 'options.parent', 0, 2 ** 31 - 1);
  if (options.exclusive !== undefined) validateBoolean(exclusive, 'options.exclusive');
  if (silent !== undefined) validateBoolean(silent, 'options.silent');
  return { weight: Math.min(256, Math.max(1, weight)), parent, exclusive };
}

// From here on the stream is closed to its script; its writable side ends.
function shut(stream, code, telling) {
  const state = stream[kState];
  state.closed = true;
  state.rstCode = code;
  if (stream.timeout !== 0) stream.setTimeout(0);
  const { ending } = stream._writableState;
  if (!ending) {
    if (!state.aborted || state.endAfterHeaders) {
      state.aborted = true;
      stream.emit('aborted');
    }
    stream.end();
  }
  if (telling === tell.NEVER) return;
  const finish = () => sayReset(stream, code);
  if (!ending || stream.writableFinished || code !== rst.NO_ERROR || stream.destroyed || telling === tell.NOW) finish();
  else stream.once('finish', finish);
}

function sayReset(stream, code) {
  if (stream.pending) {
    stream.push(null);
    stream.once('ready', () => sayReset(stream, code));
    return;
  }
  const session = stream[kSession], record = stream[kRecord];
  if (session === undefined || record.closed) {
    if (!stream.destroyed) onClosed(stream, code);
    return;
  }
  session._connection.reset(record, code);
  onClosed(stream, code);
}

function onClosed(stream, code) {
  if (stream.destroyed) return;
  if (!stream.closed) shut(stream, code, tell.NEVER);
  if (!stream.readable || code !== rst.NO_ERROR) {
    stream._maybeDestroy(code);
    return;
  }
  // What has come is still read; the end follows it.
  stream.on('end', () => stream._maybeDestroy());
  stream.push(null);
  if (!stream[kState].didRead && stream.readableFlowing === null && stream.readableLength === 0) stream.resume();
  else stream.read(0);
}

class ClientHttp2Stream extends Http2Stream {
  constructor(session, record, options) {
    super(session, record, options);
    if (record === null) this._scope = new AsyncResource('HTTP2STREAM', { requireManualDestroy: true });
    this[kState].headersSent = true; // the request is what began it
  }
}


module.exports = { USUAL, ClientHttp2Stream, Http2Stream, kAttach, kRecord, kSession, kState, priorityOf };

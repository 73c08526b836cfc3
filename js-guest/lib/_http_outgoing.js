// OutgoingMessage: a message that JavaScript frames and writes to a socket: requests, and what a script constructs.
// Responses of servers are C (internal/http/response.js). Knows no request and no agent.
'use strict';

const { Stream } = require('stream');
const { kOutHeaders, kNeedDrain, kSocket, kBytesWritten, kUniqueHeaders } = require('internal/http');
const { methods, uniqueNames } = require('internal/http/head');
const { validateHeaderName, validateHeaderValue } = require('_http_common');
const { isUint8Array } = require('internal/util/types');
const { captureRejectionSymbol } = require('events');
const { codes: {
  ERR_HTTP_BODY_NOT_ALLOWED, ERR_HTTP_CONTENT_LENGTH_MISMATCH, ERR_INVALID_ARG_TYPE, ERR_METHOD_NOT_IMPLEMENTED,
  ERR_STREAM_ALREADY_FINISHED, ERR_STREAM_CANNOT_PIPE, ERR_STREAM_DESTROYED, ERR_STREAM_NULL_VALUES,
  ERR_STREAM_WRITE_AFTER_END,
} } = require('internal/errors');

const HIGH_WATER = 16384;
const kCorked = Symbol('corked');
const kChunks = Symbol('kChunkedBuffer');
const kChunksLength = Symbol('kChunkedLength');
const kErrored = Symbol('errored');
const kHighWaterMark = Symbol('kHighWaterMark');
const kRejectNonStandardBodyWrites = Symbol('kRejectNonStandardBodyWrites');

const nop = () => {};

function OutgoingMessage(options) {
  Stream.call(this);
  // In order of sending; until a socket is there.
  this.outputData = [];
  this.outputSize = 0;
  this.writable = true;
  this.destroyed = false;
  this.finished = false;
  this._header = null;
  this._headerSent = false;
  this[kOutHeaders] = null;
  this[kSocket] = null;
  this[kHighWaterMark] = options?.highWaterMark ?? HIGH_WATER;
  if (options?.rejectNonStandardBodyWrites) this[kRejectNonStandardBodyWrites] = true;
}
Object.setPrototypeOf(OutgoingMessage.prototype, Stream.prototype);
Object.setPrototypeOf(OutgoingMessage, Stream);

const { prototype } = OutgoingMessage;

// What most messages never change.
Object.assign(prototype, {
  _last: false,
  chunkedEncoding: false,
  shouldKeepAlive: true,
  maxRequestsOnConnectionReached: false,
  _defaultKeepAlive: true,
  useChunkedEncodingByDefault: true,
  sendDate: false,
  _removedConnection: false,
  _removedContLen: false,
  _removedTE: false,
  strictContentLength: false,
  _contentLength: null,
  _hasBody: true,
  _trailer: '',
  _closed: false,
  _keepAliveTimeout: 0,
  _onPendingData: nop,
});
Object.assign(prototype, methods);
Object.assign(prototype, {
  [kBytesWritten]: 0, [kNeedDrain]: false, [kCorked]: 0, [kChunks]: null, [kChunksLength]: 0, [kUniqueHeaders]: null,
  [kErrored]: null, [kRejectNonStandardBodyWrites]: false,
});

function getter(name, get, set) {
  Object.defineProperty(prototype, name, { configurable: true, enumerable: true, get, set });
}

getter('errored', function() { return this[kErrored]; });
getter('closed', function() { return this._closed; });
getter('headersSent', function() { return Boolean(this._header); });
getter('writableEnded', function() { return this.finished; });
getter('writableObjectMode', () => false);
getter('writableCorked', function() { return this[kCorked]; });
getter('writableNeedDrain', function() { return !this.destroyed && !this.finished && this[kNeedDrain]; });
getter('writableFinished', function() {
  return this.finished && this.outputSize === 0 && (!this[kSocket] || this[kSocket].writableLength === 0);
});
getter('writableLength', function() {
  return this.outputSize + this[kChunksLength] + (this[kSocket] ? this[kSocket].writableLength : 0);
});
getter('writableHighWaterMark', function() {
  return this[kSocket] ? this[kSocket].writableHighWaterMark : this[kHighWaterMark];
});
const socket = [function() { return this[kSocket]; }, function(value) { this[kSocket] = value; }];
getter('socket', ...socket);
getter('connection', ...socket);

// ---- Deprecated views of the headers ----

const warned = new Set();

function warnOnce(name) {
  if (warned.has(name)) return;
  warned.add(name);
  process.emitWarning(`OutgoingMessage.prototype.${name} is deprecated`, 'DeprecationWarning', 'DEP0066');
}

getter('_headers', function() {
  warnOnce('_headers');
  return this.getHeaders();
}, function(headers) {
  warnOnce('_headers');
  if (headers === null || headers === undefined) {
    this[kOutHeaders] = null;
    return;
  }
  this[kOutHeaders] = { __proto__: null };
  for (const name of Object.keys(headers)) this[kOutHeaders][name.toLowerCase()] = [name, headers[name]];
});
getter('_headerNames', function() {
  warnOnce('_headerNames');
  if (this[kOutHeaders] === null) return null;
  const names = { __proto__: null };
  for (const [key, [name]] of Object.entries(this[kOutHeaders])) names[key] = name;
  return names;
}, function(names) {
  warnOnce('_headerNames');
  if (names === null || typeof names !== 'object' || this[kOutHeaders] === null) return;
  for (const key of Object.keys(names)) {
    if (this[kOutHeaders][key]) this[kOutHeaders][key][0] = names[key];
  }
});

// ---- Writing ----

const lengthOf = (chunk, encoding) => (typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.byteLength);

function countsLength(message) {
  return message.strictContentLength && message._contentLength !== null && message._contentLength !== undefined &&
    message._hasBody && !message._removedContLen && !message.chunkedEncoding && !message.hasHeader('transfer-encoding');
}

function fail(message, error, cb) {
  if (message.destroyed) process.nextTick(cb, error);
  else process.nextTick(emitFailure, message, error, cb);
}

function emitFailure(message, error, cb) {
  cb(error);
  if (typeof message.emit === 'function' && !message.destroyed) message.emit('error', error);
}

function checkLength(message, length, atEnd) {
  const sent = message[kBytesWritten] + length;
  if (countsLength(message) && (atEnd ? sent !== message._contentLength : sent > message._contentLength)) {
    throw new ERR_HTTP_CONTENT_LENGTH_MISMATCH(sent, message._contentLength);
  }
  message[kBytesWritten] = sent;
}

function write(message, chunk, encoding, cb, atEnd) {
  if (typeof cb !== 'function') cb = nop;
  if (chunk === null) throw new ERR_STREAM_NULL_VALUES();
  if (typeof chunk !== 'string' && !isUint8Array(chunk)) {
    throw new ERR_INVALID_ARG_TYPE('chunk', ['string', 'Buffer', 'Uint8Array'], chunk);
  }
  if (message.finished || message.destroyed) {
    fail(message, message.finished ? new ERR_STREAM_WRITE_AFTER_END() : new ERR_STREAM_DESTROYED('write'), cb);
    return false;
  }
  if (message.strictContentLength) checkLength(message, lengthOf(chunk, encoding), atEnd);
  if (!message._header) {
    if (atEnd) message._contentLength = lengthOf(chunk, encoding);
    message._implicitHeader();
  }
  if (!message._hasBody) {
    if (message[kRejectNonStandardBodyWrites]) throw new ERR_HTTP_BODY_NOT_ALLOWED();
    process.nextTick(cb);
    return true;
  }
  const room = message.chunkedEncoding && chunk.length !== 0
    ? writeChunk(message, chunk, encoding, cb)
    : message._send(chunk, encoding, cb);
  if (!room) message[kNeedDrain] = true;
  return room;
}

function writeChunk(message, chunk, encoding, cb) {
  const length = lengthOf(chunk, encoding);
  if (message[kCorked] && message._headerSent) {
    (message[kChunks] ??= []).push({ chunk, encoding, cb });
    message[kChunksLength] += length;
    return message[kChunksLength] < message[kHighWaterMark];
  }
  message._send(`${length.toString(16)}\r\n`, 'latin1', null);
  message._send(chunk, encoding, null);
  return message._send('\r\n', 'latin1', cb);
}

Object.assign(prototype, {
  write(chunk, encoding, cb) {
    if (typeof encoding === 'function') {
      cb = encoding;
      encoding = null;
    }
    return write(this, chunk, encoding, cb, false);
  },

  end(chunk, encoding, cb) {
    if (typeof chunk === 'function') {
      cb = chunk;
      chunk = encoding = null;
    } else if (typeof encoding === 'function') {
      cb = encoding;
      encoding = null;
    }
    if (this.finished) return endAgain(this, chunk, cb);
    if (chunk) {
      write(this, chunk, encoding, null, true);
    } else if (!this._header) {
      this._contentLength = 0;
      this._implicitHeader();
    }
    if (typeof cb === 'function') this.once('finish', cb);
    if (countsLength(this) && this[kBytesWritten] !== this._contentLength) {
      throw new ERR_HTTP_CONTENT_LENGTH_MISMATCH(this[kBytesWritten], this._contentLength);
    }
    if (this[kCorked]) endCork(this);
    const finish = () => emitFinish(this);
    if (this._hasBody && this.chunkedEncoding) this._send(`0\r\n${this._trailer}\r\n`, 'latin1', finish);
    else if (!this._headerSent || this.writableLength || chunk) this._send('', 'latin1', finish);
    else process.nextTick(finish);
    this.finished = true;
    const own = this[kSocket];
    if (this.outputData.length === 0 && own && own._httpMessage === this) this._finish();
    return this;
  },

  // The head goes out with the first part of the body.
  _send(data, encoding, cb) {
    if (!this._headerSent && this._header !== null) {
      const head = this._header;
      if (typeof data === 'string' && (encoding === 'utf8' || encoding === 'latin1' || !encoding)) {
        data = head + data;
      } else {
        this.outputData.unshift({ data: head, encoding: 'latin1', callback: null });
        this.outputSize += head.length;
        this._onPendingData(head.length);
      }
      this._headerSent = true;
    }
    return this._writeRaw(data, encoding, cb);
  },

  _writeRaw(data, encoding, cb) {
    const own = this[kSocket];
    if (own && own.destroyed) return false; // nobody is left to read it
    if (typeof encoding === 'function') {
      cb = encoding;
      encoding = null;
    }
    if (own && own._httpMessage === this && own.writable) {
      if (this.outputData.length) this._flushOutput(own);
      return own.write(data, encoding, cb);
    }
    this.outputData.push({ data, encoding, callback: cb });
    this.outputSize += data.length;
    this._onPendingData(data.length);
    return this.outputSize < this[kHighWaterMark];
  },

  // A socket is there, or has room again.
  _flush() {
    const own = this[kSocket];
    if (!own || !own.writable) return;
    const room = this._flushOutput(own);
    if (this.finished) {
      this._finish();
    } else if (room && this[kNeedDrain]) {
      this[kNeedDrain] = false;
      this.emit('drain');
    }
  },

  _flushOutput(own) {
    const waiting = this.outputData;
    if (waiting.length === 0) return undefined;
    this.outputData = [];
    let room;
    for (const { data, encoding, callback } of waiting) room = own.write(data, encoding, callback);
    this._onPendingData(-this.outputSize);
    this.outputSize = 0;
    return room;
  },

  _finish() {
    this.emit('prefinish');
  },

  _implicitHeader() {
    throw new ERR_METHOD_NOT_IMPLEMENTED('_implicitHeader()');
  },

  flushHeaders() {
    if (!this._header) this._implicitHeader();
    this._send('');
  },

  cork() {
    this[kCorked]++;
    this[kSocket]?.cork();
  },

  // What was held back is one chunk.
  uncork() {
    this[kCorked]--;
    this[kSocket]?.uncork();
    const held = this[kChunks];
    if (this[kCorked] || !held?.length) return;
    this._send(`${this[kChunksLength].toString(16)}\r\n`, 'latin1', null);
    for (const { chunk, encoding } of held) this._send(chunk, encoding, null);
    this[kChunks] = null;
    this[kChunksLength] = 0;
    this._send('\r\n', 'latin1', () => held.forEach(({ cb }) => cb()));
  },

  setTimeout(msecs, callback) {
    if (callback) this.on('timeout', callback);
    if (this[kSocket]) this[kSocket].setTimeout(msecs);
    else this.once('socket', (given) => given.setTimeout(msecs));
    return this;
  },

  destroy(error) {
    if (this.destroyed) return this;
    this.destroyed = true;
    this[kErrored] = error;
    if (this[kSocket]) this[kSocket].destroy(error);
    else this.once('socket', (given) => given.destroy(error));
    return this;
  },

  pipe() {
    this.emit('error', new ERR_STREAM_CANNOT_PIPE());
  },

  [captureRejectionSymbol](error) {
    this.destroy(error);
  },
});

// However often it was corked.
function endCork(message) {
  message[kCorked] = 1;
  const state = message[kSocket]?._writableState;
  if (state?.corked) state.corked = 1;
  message.uncork();
}

function endAgain(message, chunk, cb) {
  if (chunk) {
    fail(message, new ERR_STREAM_WRITE_AFTER_END(), typeof cb === 'function' ? cb : nop);
  } else if (typeof cb === 'function') {
    if (message.writableFinished) cb(new ERR_STREAM_ALREADY_FINISHED('end'));
    else message.on('finish', cb);
  }
  return message;
}

function emitFinish(message) {
  if (message[kSocket]?._hadError) return;
  message.emit('finish');
}

module.exports = {
  OutgoingMessage, validateHeaderName, validateHeaderValue, kHighWaterMark, parseUniqueHeadersOption: uniqueNames,
};

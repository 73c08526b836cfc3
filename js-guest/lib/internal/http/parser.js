// HTTPParser: Node's parser object, for scripts that drive one themselves (`_http_common`, process.binding('http_parser')).
// It never sees a connection of the host's: those are parsed there. Of such a connection's parser this makes the view that
// `socket.parser` is. What is framed how stands in internal/http/framing; must not know servers or requests.
'use strict';

const framing = require('internal/http/framing');
const { codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE } } = require('internal/errors');

const REQUEST = 1, RESPONSE = 2;
const kOnMessageBegin = 0, kOnHeaders = 1, kOnHeadersComplete = 2, kOnBody = 3, kOnMessageComplete = 4, kOnExecute = 5;
const kOnTimeout = 6;

// Fields are told in lots of so many pairs when there are more.
const LOT = 64;
const SKIP_BODY = 1, UPGRADE = 2;

class HTTPParser {
  #machine = null;
  #buffer = null;
  #running = false;
  #source = null;

  initialize(type, resource, maxHeaderSize = 0, lenientFlags = 0) {
    if (type !== REQUEST && type !== RESPONSE) throw new ERR_INVALID_ARG_VALUE('type', type);
    if (lenientFlags) throw require('internal/missing').error('lenient HTTP parsing');
    this.#machine = new framing.Machine(type === REQUEST, maxHeaderSize || 16384);
  }

  // Answers how many bytes were taken, or what is wrong with them as an Error; what a callback throws is thrown.
  execute(buffer, offset = 0, length = buffer?.length - offset) {
    const machine = this.#machine;
    if (!(buffer instanceof Uint8Array)) throw new ERR_INVALID_ARG_TYPE('buffer', ['Buffer', 'Uint8Array'], buffer);
    if (machine === null) throw new ERR_INVALID_ARG_VALUE('parser', this, 'is not initialized');
    this.#buffer = Buffer.from(buffer.buffer, buffer.byteOffset + offset, length);
    return this.#run(machine, this.#buffer);
  }

  // The end of the bytes: an Error where a message is not whole.
  finish() {
    const machine = this.#machine;
    if (machine === null) return undefined;
    const answer = this.#run(machine, null);
    return answer instanceof Error ? answer : undefined;
  }

  #run(machine, bytes) {
    if (this.#running) return undefined;
    this.#running = true;
    try {
      let at = 0;
      for (;;) {
        const found = bytes === null ? machine.end() : machine.next(bytes, at);
        if (found.used !== undefined) at += found.used;
        if (found.kind === framing.MORE) return at;
        if (found.kind === framing.FAULT) return faultOf(found, at);
        if (this.#tell(machine, found) || found.kind === framing.LEFT) return at;
        if (bytes === null && found.kind === framing.END) return at;
      }
    } finally {
      this.#running = false;
      this.#buffer = null;
    }
  }

  // True when the bytes that follow are no message's.
  #tell(machine, found) {
    switch (found.kind) {
      case framing.BEGIN:
        this[kOnMessageBegin]?.();
        break;
      case framing.HEAD:
        machine.decide(this.#tellHead(found));
        break;
      case framing.BODY:
        this[kOnBody]?.(found.bytes);
        break;
      case framing.END:
        if (found.trailers.length) this[kOnHeaders]?.(found.trailers, '');
        this[kOnMessageComplete]?.();
        return machine.hasLeft;
    }
    return false;
  }

  #tellHead({ major, minor, headers, method, url, status, reason, upgrade, keepAlive }) {
    let target = url;
    const many = headers.length > LOT;
    for (let at = 0; many && at < headers.length; at += LOT) {
      this[kOnHeaders]?.(headers.slice(at, at + LOT), target);
      target = '';
    }
    const answer = this[kOnHeadersComplete]?.(major, minor, many ? undefined : headers, method, many ? undefined : url,
                                              status, reason, upgrade, keepAlive);
    return { skipBody: answer === SKIP_BODY, upgrade: answer === UPGRADE };
  }

  // ---- Bytes of a socket, without a 'data' listener of the script's ----

  consume(handle) {
    const socket = handle?.owner;
    if (typeof socket?.on !== 'function') throw new ERR_INVALID_ARG_TYPE('handle', 'Stream handle', handle);
    this.unconsume();
    const onData = (chunk) => {
      const answer = this.execute(chunk);
      if (answer instanceof Error) prepareError(answer, this, chunk);
      this[kOnExecute]?.(answer);
    };
    const onEnd = () => this.finish();
    socket.on('data', onData);
    socket.on('end', onEnd);
    this.#source = { socket, onData, onEnd };
  }

  unconsume() {
    if (this.#source === null) return;
    const { socket, onData, onEnd } = this.#source;
    this.#source = null;
    socket.removeListener('data', onData);
    socket.removeListener('end', onEnd);
  }

  pause() { this.#source?.socket.pause(); }

  resume() { this.#source?.socket.resume(); }

  getCurrentBuffer() { return this.#buffer; }

  close() { this.#machine = null; }

  free() {}

  remove() {}
}

// For...in and scripts of old look for these on the class.
Object.assign(HTTPParser, {
  REQUEST, RESPONSE, kOnMessageBegin, kOnHeaders, kOnHeadersComplete, kOnBody, kOnMessageComplete, kOnExecute, kOnTimeout,
  kLenientNone: 0, kLenientHeaders: 1, kLenientChunkedLength: 2, kLenientKeepAlive: 4, kLenientAll: 255,
});

function faultOf({ code, reason }, bytesParsed) {
  return Object.assign(new Error('Parse Error'), { bytesParsed, code, reason });
}

function prepareError(error, parser, rawPacket) {
  error.rawPacket = rawPacket || parser.getCurrentBuffer();
  if (typeof error.reason === 'string') error.message = `Parse Error: ${error.reason}`;
}

// ---- Parsers that make messages, and the list of idle ones ----

function onHeaders(headers, url) {
  this._headers.push(...headers);
  this._url += url;
}

function onHeadersComplete(major, minor, headers, method, url, statusCode, statusMessage, upgrade, shouldKeepAlive) {
  const { IncomingMessage } = require('_http_incoming');
  const { methods } = require('_http_common');
  headers ??= this._headers.splice(0);
  url ??= this._url;
  this._url = '';
  const incoming = this.incoming = new (this.socket?.server?.[kIncomingMessage] ?? IncomingMessage)(this.socket);
  define(incoming, {
    httpVersionMajor: major, httpVersionMinor: minor, httpVersion: `${major}.${minor}`, url, upgrade,
    joinDuplicateHeaders: this.joinDuplicateHeaders, rawHeaders: headers, headers: {}, rawTrailers: [],
  });
  if (typeof method === 'number') define(incoming, { method: methods[method] });
  else define(incoming, { statusCode, statusMessage });
  const most = this.maxHeaderPairs > 0 ? Math.min(this.maxHeaderPairs, headers.length) : headers.length;
  incoming._addHeaderLines(headers, most);
  return this.onIncoming?.(incoming, shouldKeepAlive);
}

function define(target, values) {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  }
}

function onBody(chunk) {
  this.incoming?.push(chunk);
}

function onMessageComplete() {
  const { incoming } = this;
  if (!incoming) return;
  define(incoming, { complete: true });
  if (this._headers.length) incoming.rawTrailers = this._headers.splice(0);
  incoming.push(null);
}

const kIncomingMessage = Symbol('IncomingMessage');

function clean(parser) {
  Object.assign(parser, {
    _headers: [], _url: '', socket: null, incoming: null, outgoing: null, maxHeaderPairs: 2000, _consumed: false,
    onIncoming: null, joinDuplicateHeaders: null,
  });
  parser[kOnMessageBegin] = parser[kOnExecute] = parser[kOnTimeout] = null;
}

function make() {
  const parser = new HTTPParser();
  clean(parser);
  parser[kOnHeaders] = onHeaders;
  parser[kOnHeadersComplete] = onHeadersComplete;
  parser[kOnBody] = onBody;
  parser[kOnMessageComplete] = onMessageComplete;
  return parser;
}

const parsers = {
  name: 'parsers',
  ctor: make,
  max: 1000,
  list: [],
  hasItems() { return this.list.length > 0; },
  alloc() { return this.list.pop() ?? this.ctor(); },
  free(parser) {
    if (this.list.length >= this.max) return false;
    this.list.push(parser);
    return true;
  },
};

function freeParser(parser, req, socket) {
  if (parser) {
    parser.unconsume();
    clean(parser);
    parser.remove();
    if (parsers.free(parser)) parser.free();
    else setImmediate(() => parser.close()); // its stack has unwound by then
  }
  if (req) req.parser = null;
  if (socket) socket.parser = null;
}

// ---- The parser of a connection that the host parses ----

function view(socket, incoming) {
  const parser = make();
  Object.assign(parser, { socket, _consumed: true, onIncoming: noMore });
  parser[kOnTimeout] = () => {
    if (!socket.server?.emit('timeout', socket)) socket.destroy();
  };
  Object.defineProperty(parser, 'incoming', { configurable: true, enumerable: true, get: incoming, set: shadow });
  return parser;
}

// The host makes the messages.
function noMore() {}

function shadow(value) {
  Object.defineProperty(this, 'incoming', { value, writable: true, configurable: true, enumerable: true });
}

function freeView(parser) {
  clean(parser);
  parser.free();
}

module.exports = { HTTPParser, parsers, freeParser, prepareError, view, freeView, kIncomingMessage };

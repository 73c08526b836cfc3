// The framing of HTTP/1.x for parsers that a script drives itself (internal/http/parser): bytes in, one item at a time out.
// It refuses what the host refuses (threat model, rules R1 to R7 and R10), but for Host, which is a server's to ask for.
// Must not know callbacks or sockets.
'use strict';

const { methods } = internalBinding('http');

// Items.
const MORE = 0, BEGIN = 1, HEAD = 2, BODY = 3, END = 4, LEFT = 5, FAULT = 6;
// States.
const START = 0, FIELDS = 1, LENGTH = 2, SIZE = 3, DATA = 4, DATA_END = 5, TRAILERS = 6, REST = 7, DONE = 8, GONE = 9;
const CLOSED = 10, FAILED = 11, AWAITED = 12;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const BAD_TARGET = /[^\x21-\x7e]/;
const EMPTY_LINES = 8;
const SIZE_DIGITS = 16;
const MOST_FIELDS = 2000;
// What would frame or route a message has no place behind it.
const FORBIDDEN_TRAILERS = new Set(['content-length', 'transfer-encoding', 'host', 'trailer', 'connection', 'upgrade', 'te',
  'keep-alive', 'expect']);

const fault = (code, reason) => ({ kind: FAULT, code: `HPE_${code}`, reason });
const FAULTS = {
  overflow: fault('HEADER_OVERFLOW', 'Header overflow'),
  cr: fault('CR_EXPECTED', 'Missing expected CR after header value'),
  lf: fault('LF_EXPECTED', 'Missing expected LF after header value'),
  method: fault('INVALID_METHOD', 'Invalid method encountered'),
  constant: fault('INVALID_CONSTANT', 'Expected HTTP/'),
  version: fault('INVALID_VERSION', 'Invalid HTTP version'),
  url: fault('INVALID_URL', 'Invalid characters in url'),
  status: fault('INVALID_STATUS', 'Invalid status code'),
  token: fault('INVALID_HEADER_TOKEN', 'Invalid header token'),
  value: fault('INVALID_HEADER_TOKEN', 'Invalid header value char'),
  fold: fault('INVALID_HEADER_TOKEN', 'Unexpected whitespace after header value'),
  length: fault('INVALID_CONTENT_LENGTH', 'Invalid character in Content-Length'),
  twoLengths: fault('UNEXPECTED_CONTENT_LENGTH', 'Content-Length already present'),
  lengthAndCoding: fault('UNEXPECTED_CONTENT_LENGTH', "Content-Length can't be present with Transfer-Encoding"),
  coding: fault('INVALID_TRANSFER_ENCODING', 'Invalid `Transfer-Encoding` header value'),
  size: fault('INVALID_CHUNK_SIZE', 'Invalid character in chunk size'),
  sizeOverflow: fault('INVALID_CHUNK_SIZE', 'Chunk size overflow'),
  extension: fault('STRICT', 'Invalid character in chunk extensions'),
  extensions: fault('CHUNK_EXTENSIONS_OVERFLOW', 'Chunk extensions overflow'),
  dataEnd: fault('STRICT', 'Expected LF after chunk data'),
  closed: fault('CLOSED_CONNECTION', 'Data after `Connection: close`'),
  end: fault('INVALID_EOF_STATE', 'Invalid EOF state'),
};

const hasToken = (list, token) => list.split(',').some((one) => one.trim().toLowerCase() === token);

function trim(text) {
  let from = 0, to = text.length;
  while (from < to && (text[from] === ' ' || text[from] === '\t')) from++;
  while (to > from && (text[to - 1] === ' ' || text[to - 1] === '\t')) to--;
  return text.slice(from, to);
}

const isChunkedLast = (codings) => /(^|,)[ \t]*chunked$/i.test(codings);

// A request's is exactly one `chunked`. A response's may be any list with one such at most; where it is not the last, the
// body ends with the connection.
function mayBeCodings(codings, isRequest) {
  if (isRequest) return codings.toLowerCase() === 'chunked';
  const list = codings.split(',').map(trim);
  return list.every((coding) => TOKEN.test(trim(coding.split(';')[0]))) &&
    list.filter((coding) => coding.toLowerCase() === 'chunked').length < 2;
}

// One message after the other of one direction.
class Machine {
  constructor(isRequest, most) {
    this.isRequest = isRequest;
    this.most = most;
    this.line = ''; // what has come of a line
    this.failed = null;
    this.begin();
  }

  begin() {
    this.state = START;
    this.hasBegun = this.hasLeft = this.isTunnel = false;
    this.size = 0; // bytes of the section so far
    this.empty = 0;
    this.left = 0; // bytes of body or chunk to come
    this.start = null;
    this.fields = [];
    this.framing = { length: -1, coding: '', connection: '', upgrade: false };
  }

  // The next item of `bytes` from `at` on; `used` says how many of them are done with.
  next(bytes, at) {
    this.bytes = bytes;
    this.from = this.at = at;
    let item;
    do item = this.step(); while (item === undefined);
    item = { ...item, used: this.at - this.from };
    if (item.kind === FAULT) {
      this.state = FAILED;
      this.failed = item;
    }
    return item;
  }

  // The stream's end.
  end() {
    if (this.state === REST) {
      this.state = CLOSED;
      return { kind: END, trailers: [] };
    }
    if (this.state === CLOSED || this.state === GONE || (this.state === START && !this.hasBegun)) return { kind: MORE };
    return this.state === FAILED ? this.failed : FAULTS.end;
  }

  step() {
    switch (this.state) {
      case START: return this.startLine();
      case FIELDS: return this.field(false);
      case TRAILERS: return this.field(true);
      case LENGTH: return this.body(DONE);
      case DATA: return this.body(DATA_END);
      case SIZE: return this.chunkSize();
      case DATA_END: return this.dataEnd();
      case REST: return this.at < this.bytes.length ? this.take(this.bytes.length - this.at) : { kind: MORE };
      case DONE: return this.done([]);
      case GONE: return { kind: LEFT };
      case CLOSED: return this.closed();
      case FAILED: return { ...this.failed };
    }
    return { kind: MORE };
  }

  // A line without its CRLF, once it is whole; undefined before, or a fault.
  readLine(most, overflow) {
    const { bytes, at } = this;
    let to = bytes.indexOf(10, at);
    const isWhole = to !== -1;
    if (!isWhole) to = bytes.length;
    this.size += to - at + (isWhole ? 1 : 0);
    if (this.size > most) return overflow;
    const line = this.line + bytes.latin1Slice(at, to);
    const cr = line.indexOf('\r');
    if (cr !== -1 && (cr !== line.length - 1)) return FAULTS.lf;
    this.at = isWhole ? to + 1 : to;
    if (!isWhole) {
      this.line = line;
      return undefined;
    }
    if (cr === -1) return FAULTS.cr;
    this.line = '';
    return line.slice(0, -1);
  }

  startLine() {
    const { bytes, isRequest } = this;
    if (this.at >= bytes.length) return { kind: MORE };
    if (!this.hasBegun && bytes[this.at] !== 13 && bytes[this.at] !== 10 && this.line === '') {
      this.hasBegun = true;
      return { kind: BEGIN };
    }
    const line = this.readLine(this.most, FAULTS.overflow);
    if (typeof line === 'object') return line;
    const early = line ?? this.line;
    const wrong = early === '' || early === '\r' ? undefined : isRequest ? methodFault(early) : versionFault(early);
    if (wrong) return wrong;
    if (line === undefined) return { kind: MORE };
    if (line === '') {
      this.size = 0;
      return ++this.empty > EMPTY_LINES ? FAULTS.cr : undefined;
    }
    this.start = isRequest ? readRequestLine(line) : readStatusLine(line);
    if (this.start.kind === FAULT) return this.start;
    this.state = FIELDS;
    return undefined;
  }

  field(isTrailer) {
    const line = this.readLine(this.most, FAULTS.overflow);
    if (line === undefined) return { kind: MORE };
    if (typeof line === 'object') return line;
    if (line === '') return isTrailer ? this.done(this.fields) : this.head();
    if (line[0] === ' ' || line[0] === '\t') return FAULTS.fold;
    const colon = line.indexOf(':');
    const name = line.slice(0, colon), value = trim(line.slice(colon + 1));
    if (colon < 1 || !TOKEN.test(name)) return FAULTS.token;
    if (BAD_VALUE.test(value)) return FAULTS.value;
    if (this.fields.length / 2 >= MOST_FIELDS) return FAULTS.overflow;
    const key = name.toLowerCase();
    if (isTrailer) {
      if (!FORBIDDEN_TRAILERS.has(key)) this.fields.push(name, value);
      return undefined;
    }
    this.fields.push(name, value);
    return this.notice(key, value);
  }

  // What a field means for the framing.
  notice(key, value) {
    const { framing } = this;
    switch (key) {
      case 'content-length':
        if (framing.coding !== '') return FAULTS.lengthAndCoding;
        if (framing.length !== -1) return FAULTS.twoLengths;
        if (!/^[0-9]+$/.test(value) || Number(value) > Number.MAX_SAFE_INTEGER) return FAULTS.length;
        framing.length = Number(value);
        break;
      case 'transfer-encoding':
        if (framing.length !== -1) return FAULTS.lengthAndCoding;
        framing.coding += framing.coding === '' ? value : `,${value}`;
        if (this.start.minor === 0 || !mayBeCodings(framing.coding, this.isRequest)) return FAULTS.coding;
        break;
      case 'connection':
        framing.connection += `,${value}`;
        break;
      case 'upgrade':
        framing.upgrade = true;
        break;
    }
    return undefined;
  }

  head() {
    const { start, framing, isRequest } = this;
    const { connection } = framing;
    const isBodiless = !isRequest && (start.status < 200 || start.status === 204 || start.status === 304);
    if (isBodiless) this.after = DONE;
    else if (framing.coding !== '') this.after = isChunkedLast(framing.coding) ? SIZE : REST;
    else if (framing.length > 0) this.after = LENGTH;
    else this.after = isRequest || framing.length === 0 ? DONE : REST;
    this.isTunnel = isRequest && methods[start.method] === 'CONNECT';
    this.keepAlive = this.after !== REST &&
      (start.minor === 0 ? hasToken(connection, 'keep-alive') : !hasToken(connection, 'close'));
    const upgrade = this.isTunnel || (framing.upgrade && hasToken(connection, 'upgrade') && (isRequest || start.status === 101));
    this.state = AWAITED;
    const headers = this.fields;
    this.fields = [];
    return { kind: HEAD, major: 1, ...start, headers, upgrade, keepAlive: this.keepAlive };
  }

  // What the owner says to a head: no body (the answer to HEAD), or another protocol from here on.
  decide({ skipBody, upgrade }) {
    this.hasLeft = upgrade || this.isTunnel;
    this.state = skipBody || this.hasLeft ? DONE : this.after;
    this.left = this.framing.length;
    this.size = 0;
  }

  take(count) {
    const bytes = this.bytes.subarray(this.at, this.at + count);
    this.at += bytes.length;
    return { kind: BODY, bytes };
  }

  body(then) {
    if (this.at >= this.bytes.length) return { kind: MORE };
    const item = this.take(this.left);
    this.left -= item.bytes.length;
    if (this.left === 0) this.state = then;
    return item;
  }

  chunkSize() {
    const line = this.readLine(this.most, FAULTS.extensions);
    if (line === FAULTS.cr || line === FAULTS.lf) return FAULTS.extension;
    if (typeof line === 'object') return line;
    const given = line ?? this.line;
    const [digits] = /^[0-9a-fA-F]*/.exec(given);
    if (digits.length > SIZE_DIGITS) return FAULTS.sizeOverflow;
    const rest = given.slice(digits.length);
    if (rest !== '' && rest !== '\r' && (rest[0] !== ';' || digits === '')) return FAULTS.size;
    if (BAD_VALUE.test(rest.replace(/\r$/, ''))) return FAULTS.extension;
    if (line === undefined) return { kind: MORE };
    const size = Number.parseInt(digits, 16);
    if (digits === '') return FAULTS.size;
    if (size > Number.MAX_SAFE_INTEGER) return FAULTS.sizeOverflow;
    this.left = size;
    this.size = 0;
    this.state = size > 0 ? DATA : TRAILERS;
    return undefined;
  }

  dataEnd() {
    const { bytes } = this;
    if (this.at >= bytes.length) return { kind: MORE };
    const wanted = this.line === '' ? 13 : 10;
    if (bytes[this.at] !== wanted) return FAULTS.dataEnd;
    this.at++;
    this.line = wanted === 13 ? '\r' : '';
    if (wanted === 10) this.state = SIZE;
    return undefined;
  }

  done(trailers) {
    const { hasLeft, keepAlive } = this;
    if (hasLeft) {
      this.state = GONE;
    } else {
      this.begin();
      if (!keepAlive) this.state = CLOSED;
    }
    return { kind: END, trailers };
  }

  closed() {
    const { bytes } = this;
    while (this.at < bytes.length && (bytes[this.at] === 13 || bytes[this.at] === 10)) this.at++;
    return this.at < bytes.length ? FAULTS.closed : { kind: MORE };
  }
}

// Of as much of the line as has come.
function methodFault(text) {
  const space = text.indexOf(' ');
  const word = space === -1 ? text : text.slice(0, space);
  const isKnown = space === -1 ? methods.some((method) => method.startsWith(word)) : methods.includes(word);
  return isKnown ? undefined : FAULTS.method;
}

function versionFault(text) {
  return 'HTTP/'.startsWith(text.slice(0, 5)) ? undefined : FAULTS.constant;
}

function readRequestLine(line) {
  const parts = line.split(' ');
  const [method, url, version] = parts;
  if (parts.length < 3 || !version.startsWith('HTTP/')) return FAULTS.constant;
  if (parts.length > 3 || !/^HTTP\/1\.[01]$/.test(version)) return FAULTS.version;
  if (url === '' || BAD_TARGET.test(url)) return FAULTS.url;
  return { method: methods.indexOf(method), url, minor: Number(version[7]), status: undefined, reason: undefined };
}

function readStatusLine(line) {
  if (!/^HTTP\/1\.[01]( |$)/.test(line)) return FAULTS.version;
  const found = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: (.*))?$/.exec(line);
  if (found === null) return FAULTS.status;
  const [, minor, status, reason = ''] = found;
  if (BAD_VALUE.test(reason)) return FAULTS.value;
  return { method: undefined, url: undefined, minor: Number(minor), status: Number(status), reason };
}

module.exports = { Machine, MORE, BEGIN, HEAD, BODY, END, LEFT, FAULT };

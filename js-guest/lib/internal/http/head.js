// The head of a message that JavaScript frames: the header methods of OutgoingMessage, and the text that they come to
// with what Node adds (Date, Connection, Content-Length, Transfer-Encoding). Knows no socket.
'use strict';

const { kOutHeaders, kUniqueHeaders, utcDate } = require('internal/http');
const {
  validateHeaderName, validateHeaderValue, chunkExpression, _checkInvalidHeaderChar, _checkIsHttpToken,
} = require('_http_common');
const { codes: {
  ERR_HTTP_HEADERS_SENT, ERR_HTTP_TRAILER_INVALID, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_INVALID_CHAR,
  ERR_INVALID_HTTP_TOKEN,
} } = require('internal/errors');
const { validateString } = require('internal/validators');

const CLOSE = /(?:^|\W)close(?:$|\W)/i;
const BODILESS = new Set([204, 304]);

// ---- Header methods: [name as given, value] by lower-cased name ----

const methods = {
  setHeader(name, value) {
    if (this._header) throw new ERR_HTTP_HEADERS_SENT('set');
    validateHeaderName(name);
    validateHeaderValue(name, value);
    (this[kOutHeaders] ??= { __proto__: null })[name.toLowerCase()] = [name, value];
    return this;
  },

  setHeaders(headers) {
    if (this._header) throw new ERR_HTTP_HEADERS_SENT('set');
    if (!headers || Array.isArray(headers) || typeof headers.keys !== 'function' || typeof headers.get !== 'function') {
      throw new ERR_INVALID_ARG_TYPE('headers', ['Headers', 'Map'], headers);
    }
    const cookies = [];
    for (const [name, value] of headers) {
      if (name !== 'set-cookie') this.setHeader(name, value);
      else if (Array.isArray(value)) cookies.push(...value);
      else cookies.push(value);
    }
    if (cookies.length) this.setHeader('set-cookie', cookies);
    return this;
  },

  appendHeader(name, value) {
    if (this._header) throw new ERR_HTTP_HEADERS_SENT('append');
    validateHeaderName(name);
    validateHeaderValue(name, value);
    const headers = this[kOutHeaders] ??= { __proto__: null };
    const entry = headers[name.toLowerCase()];
    if (entry) entry[1] = [].concat(entry[1], value);
    else headers[name.toLowerCase()] = [name, value];
    return this;
  },

  getHeader(name) {
    validateString(name, 'name');
    return this[kOutHeaders]?.[name.toLowerCase()]?.[1];
  },

  hasHeader(name) {
    validateString(name, 'name');
    return Boolean(this[kOutHeaders]?.[name.toLowerCase()]);
  },

  getHeaderNames() {
    return Object.keys(this[kOutHeaders] ?? {});
  },

  getRawHeaderNames() {
    return Object.values(this[kOutHeaders] ?? {}).map(([name]) => name);
  },

  getHeaders() {
    const all = { __proto__: null };
    for (const [key, [, value]] of Object.entries(this[kOutHeaders] ?? {})) all[key] = value;
    return all;
  },

  removeHeader(name) {
    validateString(name, 'name');
    if (this._header) throw new ERR_HTTP_HEADERS_SENT('remove');
    const key = name.toLowerCase();
    if (key === 'connection') this._removedConnection = true;
    else if (key === 'content-length') this._removedContLen = true;
    else if (key === 'transfer-encoding') this._removedTE = true;
    else if (key === 'date') this.sendDate = false;
    if (this[kOutHeaders]) delete this[kOutHeaders][key];
  },

  _renderHeaders() {
    if (this._header) throw new ERR_HTTP_HEADERS_SENT('render');
    const headers = {};
    for (const [name, value] of Object.values(this[kOutHeaders] ?? {})) headers[name] = value;
    return headers;
  },

  addTrailers(headers) {
    this._trailer = '';
    const isArray = Array.isArray(headers);
    for (const key of isArray ? headers.keys() : Object.keys(headers)) {
      const [name, value] = isArray ? headers[key] : [key, headers[key]];
      if (typeof name !== 'string' || !name || !_checkIsHttpToken(name)) throw new ERR_INVALID_HTTP_TOKEN('Trailer name', name);
      const isOne = !Array.isArray(value) || this[kUniqueHeaders]?.has(name.toLowerCase());
      const list = isOne ? [Array.isArray(value) ? value.join('; ') : value] : value;
      for (const one of list) {
        if (_checkInvalidHeaderChar(one)) throw new ERR_INVALID_CHAR('trailer content', name);
        this._trailer += `${name}: ${one}\r\n`;
      }
    }
  },

  _storeHeader,
};

// ---- The text ----

// Name and value of each field of a head in any of its forms; `checked` when setHeader has seen them.
function eachField(headers, add) {
  if (!headers) return;
  if (!Array.isArray(headers)) {
    for (const name of Object.keys(headers)) add(name, headers[name]);
  } else if (headers.length > 0 && Array.isArray(headers[0])) {
    for (const [name, value] of headers) add(name, value);
  } else {
    if (headers.length % 2 !== 0) throw new ERR_INVALID_ARG_VALUE('headers', headers);
    for (let i = 0; i < headers.length; i += 2) add(headers[i], headers[i + 1]);
  }
}

// What a field means for the framing and the connection.
function notice(message, seen, name, value) {
  switch (name.toLowerCase()) {
    case 'connection':
      seen.connection = true;
      message._removedConnection = false;
      if (CLOSE.test(value)) message._last = true;
      else message.shouldKeepAlive = true;
      break;
    case 'transfer-encoding':
      seen.coding = true;
      message._removedTE = false;
      if (chunkExpression.test(value)) message.chunkedEncoding = true;
      break;
    case 'content-length':
      seen.length = true;
      message._contentLength = +value;
      message._removedContLen = false;
      break;
    case 'date': seen.date = true; break;
    case 'expect': seen.expect = true; break;
    case 'trailer': seen.trailer = true; break;
    case 'keep-alive': message._defaultKeepAlive = false; break;
  }
}

// A file's name outside ASCII was given as UTF-8: the head is latin1, so its bytes go out as they are.
const asBytes = (value) => Buffer.from(value, 'latin1').toString();

function field(message, seen, name, value, check) {
  if (check) validateHeaderName(name);
  if (message._contentLength && name.length === 19 && name.toLowerCase() === 'content-disposition') {
    value = Array.isArray(value) ? value.map(asBytes) : asBytes(value);
  }
  const line = (one) => {
    if (check) validateHeaderValue(name, one);
    seen.text += `${name}: ${one}\r\n`;
    notice(message, seen, name, one);
  };
  if (!Array.isArray(value)) {
    line(value);
    return;
  }
  const key = name.toLowerCase();
  const joined = message[kUniqueHeaders]?.has(key) || (value.length > 1 && key === 'cookie');
  if (joined) line(value.join('; '));
  else value.forEach(line);
}

function connectionLines(message, seen) {
  if (message._removedConnection) {
    message._last = !message.shouldKeepAlive;
    return '';
  }
  if (seen.connection) return '';
  const keep = message.shouldKeepAlive && (seen.length || message.useChunkedEncodingByDefault || message.agent);
  if (!keep || message.maxRequestsOnConnectionReached) {
    if (!keep) message._last = true;
    return 'Connection: close\r\n';
  }
  if (!message._keepAliveTimeout || !message._defaultKeepAlive) return 'Connection: keep-alive\r\n';
  const max = ~~message._maxRequestsPerSocket > 0 ? `, max=${message._maxRequestsPerSocket}` : '';
  return `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(message._keepAliveTimeout / 1000)}${max}\r\n`;
}

function framingLine(message, seen) {
  if (seen.length || seen.coding) return '';
  if (!message._hasBody) {
    message.chunkedEncoding = false;
  } else if (!message.useChunkedEncodingByDefault) {
    message._last = true;
  } else if (!seen.trailer && !message._removedContLen && typeof message._contentLength === 'number') {
    return `Content-Length: ${message._contentLength}\r\n`;
  } else if (!message._removedTE) {
    message.chunkedEncoding = true;
    return 'Transfer-Encoding: chunked\r\n';
  } else {
    message._last = true; // with neither, only the connection's end can end the body
  }
  return '';
}

function _storeHeader(firstLine, headers) {
  const seen = {
    text: firstLine, connection: false, length: false, coding: false, date: false, expect: false, trailer: false,
  };
  if (headers !== null && headers !== undefined && headers === this[kOutHeaders]) {
    for (const key of Object.keys(headers)) field(this, seen, headers[key][0], headers[key][1], false);
  } else {
    eachField(headers, (name, value) => field(this, seen, name, value, true));
  }
  if (this.sendDate && !seen.date) seen.text += `Date: ${utcDate()}\r\n`;
  if (this.chunkedEncoding && BODILESS.has(this.statusCode)) {
    this.chunkedEncoding = false;
    this.shouldKeepAlive = false;
  }
  seen.text += connectionLines(this, seen);
  seen.text += framingLine(this, seen);
  if (!this.chunkedEncoding && seen.trailer) throw new ERR_HTTP_TRAILER_INVALID();
  this._header = `${seen.text}\r\n`;
  this._headerSent = false;
  if (seen.expect) this._send(''); // the peer is asked before the body is made
}

// `uniqueHeaders`: names, or lists of them, whose values go into one line.
function uniqueNames(list) {
  if (!Array.isArray(list)) return null;
  return new Set(list.flat().map((name) => String(name).toLowerCase()));
}

module.exports = { methods, uniqueNames };

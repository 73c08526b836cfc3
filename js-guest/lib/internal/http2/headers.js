// Header lists: a script's object, checked, to fields, and the peer's fields to an object. What makes a message malformed
// (RFC 9113, section 8.2 and 8.3) is told here. Knows no stream and no bytes.
'use strict';

const { codes: {
  ERR_HTTP2_CONNECT_AUTHORITY, ERR_HTTP2_CONNECT_PATH, ERR_HTTP2_CONNECT_SCHEME, ERR_HTTP2_HEADER_SINGLE_VALUE,
  ERR_HTTP2_INVALID_CONNECTION_HEADERS, ERR_HTTP2_INVALID_PSEUDOHEADER, ERR_INVALID_ARG_VALUE, ERR_INVALID_HTTP_TOKEN,
} } = require('internal/errors');

const { _checkInvalidHeaderChar, _checkIsHttpToken } = require('_http_common');

const kSensitiveHeaders = Symbol('sensitiveHeaders');

const SINGLE = new Set((':status :method :authority :scheme :path :protocol access-control-allow-credentials access-control-max-age ' +
  'access-control-request-method age authorization content-encoding content-language content-length content-location content-md5 ' +
  'content-range content-type date dnt etag expires from host if-match if-modified-since if-none-match if-range ' +
  'if-unmodified-since last-modified location max-forwards proxy-authorization range referer retry-after tk ' +
  'upgrade-insecure-requests user-agent x-content-type-options').split(' '));
const CONNECTION = new Set(['connection', 'upgrade', 'http2-settings', 'keep-alive', 'proxy-connection', 'transfer-encoding']);
const PSEUDO = new Set([':status', ':method', ':authority', ':scheme', ':path', ':protocol']);

// ---- Ours ----

const isTrailers = (value) => value === 'trailers';

// What is known of names as scripts write them. They are few, unless somebody makes them up: those are not kept.
const known = new Map();
const MANY_NAMES = 512;

function factsOf(name) {
  let facts = known.get(name);
  if (facts !== undefined) return facts;
  const key = name.toLowerCase();
  facts = { key, isSingle: SINGLE.has(key), isPseudo: key[0] === ':', isForbidden: CONNECTION.has(key) };
  if (known.size < MANY_NAMES) known.set(name, facts);
  return facts;
}

// Which pseudo-headers may be said, by who says what.
const anyPseudo = (key) => {
  if (!PSEUDO.has(key)) throw new ERR_HTTP2_INVALID_PSEUDOHEADER(key);
};
const responsePseudo = (key) => {
  if (key !== ':status') throw new ERR_HTTP2_INVALID_PSEUDOHEADER(key);
};
const noPseudo = (key) => {
  throw new ERR_HTTP2_INVALID_PSEUDOHEADER(key);
};

// { fields: [name, value, name, value...], never: Set or null }. Pseudo-headers come first.
function toFields(headers, checkPseudo = anyPseudo) {
  const pseudo = [], fields = [], seen = [];
  const sensitive = headers[kSensitiveHeaders];
  if (sensitive !== undefined && !Array.isArray(sensitive)) {
    throw new ERR_INVALID_ARG_VALUE('headers[http2.neverIndex]', sensitive);
  }
  for (const name of Object.keys(headers)) {
    let value = headers[name];
    if (value === undefined || name === '') continue;
    const { key, isSingle, isPseudo, isForbidden } = factsOf(name);
    if (Array.isArray(value)) {
      if (value.length === 0) continue;
      if (value.length === 1) value = String(value[0]);
      else if (isSingle) throw new ERR_HTTP2_HEADER_SINGLE_VALUE(key);
    } else if (typeof value !== 'string') {
      value = String(value);
    }
    if (isSingle) {
      if (seen.includes(key)) throw new ERR_HTTP2_HEADER_SINGLE_VALUE(key);
      seen.push(key);
    }
    if (isPseudo) {
      checkPseudo(key);
      pseudo.push(key, value);
      continue;
    }
    if (key.includes(' ')) throw new ERR_INVALID_HTTP_TOKEN('Header name', key);
    if (isForbidden || (key === 'te' && !isTrailers(value))) throw new ERR_HTTP2_INVALID_CONNECTION_HEADERS(key);
    if (typeof value === 'string') fields.push(key, value);
    else for (const one of value) fields.push(key, String(one));
  }
  return {
    fields: pseudo.length === 0 ? fields : pseudo.concat(fields),
    never: sensitive === undefined || sensitive.length === 0 ? null : new Set(sensitive.map((name) => String(name).toLowerCase())),
  };
}

// CONNECT names a place and nothing else, unless it is the extended one of RFC 8441.
function checkConnect(headers) {
  if (headers[':protocol'] !== undefined) return;
  if (headers[':authority'] === undefined) throw new ERR_HTTP2_CONNECT_AUTHORITY();
  if (headers[':scheme'] !== undefined) throw new ERR_HTTP2_CONNECT_SCHEME();
  if (headers[':path'] !== undefined) throw new ERR_HTTP2_CONNECT_PATH();
}

// ---- The peer's ----

// As http's headers, and with the names that no one on the way may keep.
function toObject(fields, never) {
  const headers = { __proto__: null };
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i];
    let value = fields[i + 1];
    if (name === ':status') value |= 0;
    const before = headers[name];
    if (before === undefined) headers[name] = name === 'set-cookie' ? [value] : value;
    else if (SINGLE.has(name)) continue;
    else if (name === 'cookie') headers[name] = `${before}; ${value}`;
    else if (name === 'set-cookie') before.push(value);
    else headers[name] = `${before}, ${value}`;
  }
  headers[kSensitiveHeaders] = never;
  return headers;
}

const isName = (name) => _checkIsHttpToken(name) && name === name.toLowerCase();
const isBlank = (code) => code === 32 || code === 9;

// What could split a message, or would not come through as it is (RFC 9113, section 8.2.1).
function isBadValue(value) {
  if (value === '') return false;
  return isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(value.length - 1)) || _checkInvalidHeaderChar(value);
}

// Checks one list of the peer's as it is decoded. `kind`: request, response, push or trailers. `fault` is what is wrong first.
class ListCheck {
  constructor(kind, extendedConnect) {
    this.kind = kind;
    this.extended = extendedConnect;
    this.pseudo = { __proto__: null };
    this.regular = false;
    this.fault = null;
    this.length = -1; // content-length
  }

  // Answers whether the field is kept.
  field(name, value) {
    if (this.fault !== null) return false;
    this.kept = true;
    if (name.charCodeAt(0) === 58) this.pseudoField(name, value);
    else this.regularField(name, value);
    return this.kept;
  }

  // A server's field that could split a message is left out, as nghttp2 does; a client's makes the request malformed.
  badValue(name) {
    if (this.kind === 'request') this.fault = `the value of ${name}`;
    else this.kept = false;
  }

  pseudoField(name, value) {
    const wanted = this.kind === 'trailers' ? false : this.kind === 'response' ? name === ':status' : name !== ':status' && PSEUDO.has(name);
    if (!wanted || this.regular || this.pseudo[name] !== undefined || isBadValue(value)) {
      this.fault = `${name} is not for here`;
    }
    this.pseudo[name] = value;
  }

  regularField(name, value) {
    this.regular = true;
    if (!isName(name)) this.fault = 'a name is no lower-case token';
    else if (isBadValue(value)) this.badValue(name);
    else if (CONNECTION.has(name) && name !== 'http2-settings') this.fault = `${name} belongs to HTTP/1.1`;
    else if (name === 'te' && value.toLowerCase() !== 'trailers') this.fault = 'te is more than trailers';
    else if (name === 'content-length' && this.kind !== 'trailers') this.contentLength(value);
    else if (name === 'host') this.host = value;
  }

  contentLength(value) {
    const length = /^\d{1,15}$/.test(value) ? Number(value) : -1;
    if (length === -1 || this.length !== -1) this.fault = 'content-length';
    this.length = length;
  }

  // Answers what is wrong, or null.
  end() {
    if (this.fault !== null || this.kind === 'trailers') return this.fault;
    const { pseudo } = this;
    if (this.kind === 'response') return /^[1-9]\d\d$/.test(pseudo[':status'] ?? '') && pseudo[':status'] !== '101' ? null : ':status';
    const method = pseudo[':method'];
    if (method === undefined || !_checkIsHttpToken(method)) return ':method';
    if (pseudo[':protocol'] !== undefined && !(this.extended && method === 'CONNECT')) return ':protocol';
    if (method === 'CONNECT' && pseudo[':protocol'] === undefined) {
      return pseudo[':scheme'] === undefined && pseudo[':path'] === undefined && pseudo[':authority'] ? null : 'CONNECT';
    }
    if (!pseudo[':scheme'] || !pseudo[':path']) return ':scheme or :path';
    const path = pseudo[':path'], scheme = pseudo[':scheme'];
    if (path.charCodeAt(0) !== 47 && path !== '*' && (scheme === 'http' || scheme === 'https')) return ':path';
    if (pseudo[':authority'] === '' || (pseudo[':authority'] === undefined && !this.host)) return ':authority';
    return null;
  }
}

module.exports = { kSensitiveHeaders, ListCheck, anyPseudo, checkConnect, noPseudo, responsePseudo, toFields, toObject };

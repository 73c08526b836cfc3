// node:querystring: name=value&name=value. Must not know URLs.
'use strict';

const { Buffer } = require('buffer');
const { codes: { ERR_INVALID_URI } } = require('internal/errors');

const UNRESERVED = new Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()");
const isHex = (code) => (code >= 48 && code <= 57) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102);

// Percent-encoded bytes as a Buffer; what is no escape stays.
function unescapeBuffer(s, decodeSpaces) {
  const out = Buffer.allocUnsafe(s.length);
  let length = 0;
  for (let i = 0; i < s.length; i++) {
    let code = s.charCodeAt(i);
    if (code === 43 && decodeSpaces) {
      code = 32;
    } else if (code === 37 && isHex(s.charCodeAt(i + 1)) && isHex(s.charCodeAt(i + 2))) {
      code = parseInt(s.slice(i + 1, i + 3), 16);
      i += 2;
    }
    out[length++] = code;
  }
  return length === s.length ? out : out.slice(0, length);
}

function unescape(s, decodeSpaces) {
  try {
    return decodeURIComponent(s);
  } catch {
    return QueryString.unescapeBuffer(s, decodeSpaces).toString();
  }
}

function encodeText(text, unreserved) {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    let code = text.codePointAt(i);
    if (code >= 0xD800 && code <= 0xDFFF && i + 1 < text.length) {
      // Half a pair makes a pair with whatever follows it, as in Node.
      code = 0x10000 + (((code & 0x3FF) << 10) | (text.charCodeAt(i + 1) & 0x3FF));
    }
    if (code > 0xFFFF) i++;
    const char = String.fromCodePoint(code);
    if (unreserved.has(char)) {
      out += char;
    } else {
      if (code >= 0xD800 && code <= 0xDFFF) throw new ERR_INVALID_URI();
      out += code < 0x80 ? `%${code.toString(16).toUpperCase().padStart(2, '0')}` :
        Buffer.from(char).toString('hex').toUpperCase().replace(/../g, '%$&');
    }
  }
  return out;
}

function escape(text) {
  if (typeof text !== 'string') text = typeof text === 'object' ? String(text) : `${text}`;
  return /^[A-Za-z0-9\-_.!~*'()]*$/.test(text) ? text : encodeText(text, UNRESERVED);
}

function primitiveText(value) {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return `${value}`;
  if (typeof value === 'bigint') return `${value}`;
  return typeof value === 'boolean' ? (value ? 'true' : 'false') : '';
}

const encodePrimitive = (value, encode) => {
  const text = primitiveText(value);
  return text === '' ? '' : encode(text);
};

function stringify(object, sep, eq, options) {
  sep ||= '&';
  eq ||= '=';
  let encode = QueryString.escape;
  if (options && typeof options.encodeURIComponent === 'function') encode = options.encodeURIComponent;
  if (object === null || typeof object !== 'object') return '';
  const fields = [];
  for (const key of Object.keys(object)) {
    const name = encodePrimitive(key, encode) + eq;
    const value = object[key];
    for (const item of Array.isArray(value) ? value : [value]) fields.push(name + encodePrimitive(item, encode));
  }
  return fields.join(sep);
}

function decodeWith(text, decode) {
  try {
    return decode(text);
  } catch {
    return QueryString.unescape(text, true);
  }
}

function add(result, key, value) {
  if (!(key in result)) result[key] = value;
  else if (Array.isArray(result[key])) result[key].push(value);
  else result[key] = [result[key], value];
}

function parse(text, sep, eq, options) {
  const result = { __proto__: null };
  if (typeof text !== 'string' || text.length === 0) return result;
  sep = sep ? `${sep}` : '&';
  eq = eq ? `${eq}` : '=';
  let limit = 1000;
  if (options && typeof options.maxKeys === 'number') limit = options.maxKeys > 0 ? options.maxKeys : Infinity;
  let decode = QueryString.unescape;
  if (options && typeof options.decodeURIComponent === 'function') decode = options.decodeURIComponent;
  const isCustom = decode !== unescape;
  const read = (part) => {
    const spaced = part.replaceAll('+', isCustom ? '%20' : ' ');
    return spaced.length > 0 && (isCustom || spaced.includes('%')) ? decodeWith(spaced, decode) : spaced;
  };
  for (let at = 0; at < text.length && limit > 0;) {
    let end = text.indexOf(sep, at);
    if (end === -1) end = text.length;
    if (end > at) {
      const field = text.slice(at, end);
      const middle = field.indexOf(eq);
      if (middle === -1) add(result, read(field), '');
      else add(result, read(field.slice(0, middle)), read(field.slice(middle + eq.length)));
      limit--;
    }
    at = end + sep.length;
  }
  return result;
}

const QueryString = module.exports = {
  unescapeBuffer,
  unescape,
  escape,
  stringify,
  encode: stringify,
  parse,
  decode: parse,
};

// The WHATWG URL parser: text to a record { scheme, username, password, host, port, path, query, fragment } and back.
// `path` is an array of segments, or a string for an opaque one; null marks what is absent. Must not know the URL class.
'use strict';

const { parseHost } = require('internal/url/host');
const { encodeUtf8, toWellFormed } = internalBinding('buffer');

const SPECIAL = { 'http': 80, 'https': 443, 'ws': 80, 'wss': 443, 'ftp': 21, 'file': null };
const isSpecial = (url) => Object.hasOwn(SPECIAL, url.scheme);

// What must be percent-encoded in each place.
const SETS = {
  control: /[^\x20-\x7E]/gu,
  fragment: /[^\x21\x23-\x3B\x3D\x3F-\x5F\x61-\x7E]/gu,
  query: /[^\x21\x24-\x3B\x3D\x3F-\x7E]/gu,
  specialQuery: /[^\x21\x24-\x26\x28-\x3B\x3D\x3F-\x7E]/gu,
  path: /[^\x21\x24-\x3B\x3D\x40-\x5F\x61-\x7A\x7C\x7E]/gu,
  userinfo: /[^\x21\x24-\x2E\x30-\x39\x41-\x5A\x5F\x61-\x7A\x7E]/gu,
};

const HEX = Array.from({ length: 256 }, (_, i) => `%${i.toString(16).toUpperCase().padStart(2, '0')}`);

function percentEncode(text, set) {
  return toWellFormed(text).replace(set, (char) => {
    let out = '';
    for (const byte of encodeUtf8(char)) out += HEX[byte];
    return out;
  });
}

const isSingleDot = (segment) => segment === '.' || /^%2e$/i.test(segment);
const isDoubleDot = (segment) => /^(?:\.|%2e){2}$/i.test(segment);
const isDriveLetter = (segment) => /^[a-zA-Z][:|]$/.test(segment);
const startsWithDriveLetter = (text) => /^[a-zA-Z][:|](?:$|[/\\?#])/.test(text);

function emptyUrl() {
  return { scheme: '', username: '', password: '', host: null, port: null, path: [], query: null, fragment: null };
}

function shorten(url) {
  if (url.scheme === 'file' && url.path.length === 1 && /^[a-zA-Z]:$/.test(url.path[0])) return;
  url.path.pop();
}

// Cuts a text into what comes before '?' and '#', the query and the fragment (null when absent).
function cutTail(text) {
  let fragment = null;
  let query = null;
  const hash = text.indexOf('#');
  if (hash !== -1) {
    fragment = text.slice(hash + 1);
    text = text.slice(0, hash);
  }
  const mark = text.indexOf('?');
  if (mark !== -1) {
    query = text.slice(mark + 1);
    text = text.slice(0, mark);
  }
  return { text, query, fragment };
}

function setTail(url, query, fragment) {
  url.query = query === null ? null : encodeQuery(url, query);
  url.fragment = fragment === null ? null : percentEncode(fragment, SETS.fragment);
}

const encodeQuery = (url, query) => percentEncode(query, isSpecial(url) ? SETS.specialQuery : SETS.query);

// Appends segments of a path to url.path, resolving dots.
function parsePath(url, text) {
  const segments = text.split(isSpecial(url) ? /[/\\]/ : '/');
  segments.forEach((segment, i) => {
    const isLast = i === segments.length - 1;
    if (isDoubleDot(segment)) {
      shorten(url);
      if (isLast) url.path.push('');
    } else if (isSingleDot(segment)) {
      if (isLast) url.path.push('');
    } else {
      if (url.scheme === 'file' && url.path.length === 0 && isDriveLetter(segment)) segment = `${segment[0]}:`;
      url.path.push(percentEncode(segment, SETS.path));
    }
  });
}

function parsePort(url, text) {
  if (text === '') {
    url.port = null;
    return true;
  }
  if (!/^[0-9]+$/.test(text)) return false;
  const port = parseInt(text, 10);
  if (port > 65535) return false;
  url.port = port === SPECIAL[url.scheme] ? null : port;
  return true;
}

// user:password@host:port; false when it is no authority.
function parseAuthority(url, authority) {
  const at = authority.lastIndexOf('@');
  let host = authority;
  if (at !== -1) {
    const userinfo = authority.slice(0, at);
    host = authority.slice(at + 1);
    if (host === '') return false;
    const colon = userinfo.indexOf(':');
    url.username = percentEncode(colon === -1 ? userinfo : userinfo.slice(0, colon), SETS.userinfo);
    url.password = colon === -1 ? '' : percentEncode(userinfo.slice(colon + 1), SETS.userinfo);
  }
  const match = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(host);
  if (match === null) return false;
  const [, name, port = ''] = match;
  if (name === '') {
    if (isSpecial(url) || match[2] !== undefined || at !== -1) return false;
    url.host = '';
    return true;
  }
  url.host = parseHost(name, !isSpecial(url), (text) => percentEncode(text, SETS.control));
  return url.host !== null && parsePort(url, port);
}

function parseAfterAuthoritySlashes(url, text) {
  const end = text.search(isSpecial(url) ? /[/\\]/ : /\//);
  const authority = end === -1 ? text : text.slice(0, end);
  if (!parseAuthority(url, authority)) return null;
  if (end !== -1) parsePath(url, text.slice(end + 1));
  else if (isSpecial(url)) url.path = [''];
  return url;
}

function parseFile(url, text, base) {
  url.host = '';
  const isSlash = (char) => char === '/' || char === '\\';
  if (isSlash(text[0]) && isSlash(text[1])) {
    const rest = text.slice(2);
    const end = rest.search(/[/\\]/);
    const name = end === -1 ? rest : rest.slice(0, end);
    if (isDriveLetter(name)) {
      parsePath(url, rest);
      return url;
    }
    if (name !== '') {
      url.host = parseHost(name, false);
      if (url.host === null) return null;
      if (url.host === 'localhost') url.host = '';
    }
    if (end === -1) url.path = [''];
    else parsePath(url, rest.slice(end + 1));
    return url;
  }
  if (isSlash(text[0])) {
    if (base?.scheme === 'file') {
      url.host = base.host;
      if (!startsWithDriveLetter(text.slice(1)) && /^[a-zA-Z]:$/.test(base.path[0] ?? '')) url.path.push(base.path[0]);
    }
    parsePath(url, text.slice(1));
    return url;
  }
  if (base?.scheme === 'file') return parseRelativePath(url, text, base);
  parsePath(url, text);
  return url;
}

function parseRelativePath(url, text, base) {
  url.username = base.username;
  url.password = base.password;
  url.host = base.host;
  url.port = base.port;
  if (text === '') {
    url.path = [...base.path];
    return url;
  }
  if (url.scheme === 'file' && startsWithDriveLetter(text)) {
    url.path = [];
  } else {
    url.path = [...base.path];
    shorten(url);
  }
  parsePath(url, text);
  return url;
}

function parseRelative(url, text, base) {
  const slash = isSpecial(url) ? /^[/\\]/ : /^\//;
  if (slash.test(text)) {
    if (slash.test(text.slice(1))) {
      const rest = isSpecial(url) ? text.replace(/^[/\\]+/, '') : text.slice(2);
      return parseAfterAuthoritySlashes(url, rest);
    }
    url.username = base.username;
    url.password = base.password;
    url.host = base.host;
    url.port = base.port;
    parsePath(url, text.slice(1));
    return url;
  }
  return parseRelativePath(url, text, base);
}

function parseOpaqueOrPath(url, text) {
  if (text.startsWith('//')) return parseAfterAuthoritySlashes(url, text.slice(2));
  if (text.startsWith('/')) {
    parsePath(url, text.slice(1));
    return url;
  }
  url.path = percentEncode(text, SETS.control);
  return url;
}

// A URL's record, or null.
function parseUrl(input, base = null) {
  input = input.replace(/^[\0-\x20]+|[\0-\x20]+$/g, '').replace(/[\t\n\r]/g, '');
  const url = emptyUrl();
  const scheme = /^([a-zA-Z][a-zA-Z0-9+\-.]*):/.exec(input);
  if (scheme === null) return parseWithBase(url, input, base);
  url.scheme = scheme[1].toLowerCase();
  const { text, query, fragment } = cutTail(input.slice(scheme[0].length));
  let made;
  if (url.scheme === 'file') {
    made = parseFile(url, text, base?.scheme === 'file' ? base : null);
  } else if (isSpecial(url)) {
    const isRelative = base !== null && base.scheme === url.scheme && !/^[/\\]{2}/.test(text);
    made = isRelative && !text.startsWith('//') && !/^[/\\][/\\]/.test(text) ? parseRelative(url, text, base) :
      parseAfterAuthoritySlashes(url, text.replace(/^[/\\]*/, ''));
  } else {
    made = parseOpaqueOrPath(url, text);
  }
  if (made === null) return null;
  finishTail(made, text, query, fragment, scheme && made.scheme === base?.scheme ? base : null);
  return made;
}

function parseWithBase(url, input, base) {
  if (base === null) return null;
  const { text, query, fragment } = cutTail(input);
  url.scheme = base.scheme;
  if (typeof base.path === 'string') {
    if (text !== '' || query !== null || fragment === null) return null;
    Object.assign(url, { ...base });
    url.fragment = percentEncode(fragment, SETS.fragment);
    return url;
  }
  const made = url.scheme === 'file' ? parseFile(url, text, base) : parseRelative(url, text, base);
  if (made === null) return null;
  finishTail(made, text, query, fragment, base);
  return made;
}

// A reference that is nothing but a fragment keeps its base's query.
function finishTail(url, text, query, fragment, base) {
  setTail(url, query, fragment);
  if (text === '' && query === null && base !== null && typeof base.path !== 'string') url.query = base.query;
}

function pathText(url) {
  return typeof url.path === 'string' ? url.path : url.path.map((segment) => `/${segment}`).join('');
}

function hostText(url) {
  return url.port === null ? url.host : `${url.host}:${url.port}`;
}

function serialize(url, withFragment = true) {
  let text = `${url.scheme}:`;
  if (url.host !== null) {
    text += '//';
    if (url.username !== '' || url.password !== '') {
      text += `${url.username}${url.password === '' ? '' : `:${url.password}`}@`;
    }
    text += hostText(url);
  } else if (typeof url.path !== 'string' && url.path.length > 1 && url.path[0] === '') {
    // Without this the path would read as a host.
    text += '/.';
  }
  text += pathText(url);
  if (url.query !== null) text += `?${url.query}`;
  if (withFragment && url.fragment !== null) text += `#${url.fragment}`;
  return text;
}

module.exports = {
  SETS, SPECIAL, encodeQuery, hostText, isSpecial, parseAuthority, parsePath, parsePort, parseUrl, pathText, percentEncode,
  serialize,
};

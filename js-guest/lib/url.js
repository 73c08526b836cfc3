// node:url: the legacy parser, and the WHATWG classes of internal/url. Must not open anything.
'use strict';

const {
  URL, URLSearchParams, domainToASCII, domainToUnicode, encodeHost, fileURLToPath, pathToFileURL, urlToHttpOptions,
} = require('internal/url');
const { codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_URL } } = require('internal/errors');
const { validateObject, validateString } = require('internal/validators');
const querystring = require('querystring');
const globals = require('internal/globals');

// Each by name: express makes one of these for every request.
function Url() {
  this.protocol = null;
  this.slashes = null;
  this.auth = null;
  this.host = null;
  this.port = null;
  this.hostname = null;
  this.hash = null;
  this.search = null;
  this.query = null;
  this.pathname = null;
  this.path = null;
  this.href = null;
}

const HOSTLESS = new Set(['javascript', 'javascript:']);
const SLASHED = new Set(['http', 'https', 'ftp', 'gopher', 'file', 'ws', 'wss'].flatMap((name) => [name, `${name}:`]));
const FORBIDDEN_HOST = /[\0\t\n\r #%/:<>?@[\\\]^|]/;
const FORBIDDEN_HOST_IPV6 = /[\0\t\n\r #%/<>?@\\^|]/;

// What a path, query or fragment must not hold as it is.
const ESCAPES = new Map([...'\t\n\r "\'<>\\^`{|}'].map((char) =>
  [char, `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`]));
const autoEscape = (rest) => rest.replace(/[\t\n\r "'<>\\^`{|}]/g, (char) => ESCAPES.get(char));

// Backslashes before a '?' or '#' are slashes; white space around is dropped.
function clean(url) {
  url = url.replace(/^[\s\uFEFF]+|[\s\uFEFF]+$/g, '');
  const end = url.search(/[?#]/);
  const head = end === -1 ? url : url.slice(0, end);
  return head.replaceAll('\\', '/') + (end === -1 ? '' : url.slice(end));
}

function urlParse(url, parseQueryString, slashesDenoteHost) {
  if (url instanceof Url) return url;
  const result = new Url();
  result.parse(url, parseQueryString, slashesDenoteHost);
  return result;
}

Url.prototype.parse = function parse(url, parseQueryString, slashesDenoteHost) {
  validateString(url, 'url');
  let rest = clean(url);
  const proto = /^[a-z0-9.+-]+:/i.exec(rest)?.[0];
  const lowerProto = proto?.toLowerCase();
  if (proto) {
    this.protocol = lowerProto;
    rest = rest.slice(proto.length);
  }
  let slashes = false;
  if (slashesDenoteHost || proto || /^\/\/[^@/]+@[^@/]+/.test(rest)) {
    slashes = rest.startsWith('//');
    if (slashes && !(lowerProto && HOSTLESS.has(lowerProto))) {
      rest = rest.slice(2);
      this.slashes = true;
    }
  }
  if (!HOSTLESS.has(lowerProto) && (slashes || (proto && !SLASHED.has(proto)))) {
    rest = this.takeHost(rest, url, lowerProto);
  }
  if (!HOSTLESS.has(lowerProto)) rest = autoEscape(rest);
  this.takeTail(rest, parseQueryString);
  if (SLASHED.has(lowerProto) && this.hostname && !this.pathname) this.pathname = '/';
  if (this.pathname || this.search) this.path = (this.pathname || '') + (this.search || '');
  this.href = this.format();
  return this;
};

// Reads user, host and port off the front; answers what is left.
Url.prototype.takeHost = function takeHost(rest, url, lowerProto) {
  // The host ends at the first of these; an @ before '/', '?' or '#' ends the user's part.
  const hard = rest.search(/[/?#]/);
  const at = rest.lastIndexOf('@', hard === -1 ? Infinity : hard - 1);
  let start = 0;
  if (at !== -1 && (hard === -1 || at < hard)) {
    this.auth = decodeURIComponent(rest.slice(0, at));
    start = at + 1;
  }
  const end = rest.slice(start).search(/[\t\n\r "#%'/;<>?\\^`{|}]/);
  const hostEnd = end === -1 ? rest.length : start + end;
  this.host = rest.slice(start, hostEnd);
  rest = rest.slice(hostEnd);
  this.parseHost();
  if (typeof this.hostname !== 'string') this.hostname = '';
  const { hostname } = this;
  const isIpv6 = hostname[0] === '[' && hostname[hostname.length - 1] === ']';
  if (!isIpv6) rest = this.trimHostname(rest, hostname);
  if (this.hostname.length > 255) this.hostname = '';
  else this.hostname = this.hostname.toLowerCase();
  if (this.hostname !== '') this.checkHostname(isIpv6, url, lowerProto);
  this.host = this.hostname + (this.port ? `:${this.port}` : '');
  if (isIpv6) {
    this.hostname = this.hostname.slice(1, -1);
    if (rest[0] !== '/') rest = `/${rest}`;
  }
  return rest;
};

// A character that no host may have begins the path.
Url.prototype.trimHostname = function trimHostname(rest, hostname) {
  const bad = hostname.search(/[^a-zA-Z0-9.\-+_\x80-\uFFFF]/);
  if (bad === -1) return rest;
  if (bad >= 0 && FORBIDDEN_HOST.test(hostname)) return rest;
  this.hostname = hostname.slice(0, bad);
  return `/${hostname.slice(bad)}${rest}`;
};

Url.prototype.checkHostname = function checkHostname(isIpv6, url) {
  if (isIpv6) {
    if (FORBIDDEN_HOST_IPV6.test(this.hostname)) throw new ERR_INVALID_URL(url);
    return;
  }
  if (/[^\0-\x7F]/.test(this.hostname)) this.hostname = encodeHost(this.hostname) ?? '';
  if (this.hostname === '' || FORBIDDEN_HOST.test(this.hostname)) throw new ERR_INVALID_URL(url);
};

Url.prototype.takeTail = function takeTail(rest, parseQueryString) {
  const hash = rest.indexOf('#');
  if (hash !== -1) {
    this.hash = rest.slice(hash);
    rest = rest.slice(0, hash);
  }
  const mark = rest.indexOf('?');
  if (mark !== -1) {
    this.search = rest.slice(mark);
    this.query = rest.slice(mark + 1);
    if (parseQueryString) this.query = querystring.parse(this.query);
    rest = rest.slice(0, mark);
  } else if (parseQueryString) {
    this.search = null;
    this.query = { __proto__: null };
  }
  if (rest.length > 0) this.pathname = rest;
};

Url.prototype.parseHost = function parseHost() {
  let { host } = this;
  const port = /:[0-9]*$/.exec(host)?.[0];
  if (port !== undefined) {
    if (port !== ':') this.port = port.slice(1);
    host = host.slice(0, -port.length);
  }
  if (host) this.hostname = host;
};

function urlFormat(urlObject, options) {
  if (typeof urlObject === 'string') {
    urlObject = urlParse(urlObject);
  } else if (typeof urlObject !== 'object' || urlObject === null) {
    throw new ERR_INVALID_ARG_TYPE('urlObject', ['Object', 'string'], urlObject);
  } else if (urlObject instanceof URL) {
    return formatWhatwg(urlObject, options);
  }
  return Url.prototype.format.call(urlObject);
}

function formatWhatwg(url, options) {
  let { fragment = true, unicode = false, search = true, auth = true } = {};
  if (options) {
    validateObject(options, 'options');
    if (options.fragment != null) fragment = Boolean(options.fragment);
    if (options.unicode != null) unicode = Boolean(options.unicode);
    if (options.search != null) search = Boolean(options.search);
    if (options.auth != null) auth = Boolean(options.auth);
  }
  const copy = new URL(url.href);
  if (!fragment) copy.hash = '';
  if (!search) copy.search = '';
  if (!auth) {
    copy.username = '';
    copy.password = '';
  }
  if (!unicode || copy.hostname === '') return copy.href;
  return copy.href.replace(copy.hostname, domainToUnicode(copy.hostname));
}

Url.prototype.format = function format() {
  let auth = this.auth ? `${querystring.escape(this.auth).replace(/%3A/i, ':')}@` : '';
  let protocol = this.protocol || '';
  let pathname = this.pathname || '';
  let hash = this.hash || '';
  let host = '';
  let query = '';
  if (this.host) {
    host = auth + this.host;
  } else if (this.hostname) {
    host = auth + (this.hostname.includes(':') && this.hostname[0] !== '[' ? `[${this.hostname}]` : this.hostname);
    if (this.port) host += `:${this.port}`;
  }
  auth = '';
  if (this.query !== null && typeof this.query === 'object') query = querystring.stringify(this.query);
  let search = this.search || (query && `?${query}`) || '';
  if (protocol && !protocol.endsWith(':')) protocol += ':';
  pathname = pathname.replace(/[?#]/g, encodeURIComponent);
  if (this.slashes || SLASHED.has(protocol)) {
    if (this.slashes || host) {
      if (pathname && pathname[0] !== '/') pathname = `/${pathname}`;
      host = `//${host}`;
    } else if (protocol === 'file:') {
      host = '//';
    }
  }
  search = search.replaceAll('#', '%23');
  if (hash && hash[0] !== '#') hash = `#${hash}`;
  if (search && search[0] !== '?') search = `?${search}`;
  return protocol + host + pathname + search + hash;
};

const urlResolve = (source, relative) => urlParse(source, false, true).resolve(relative);
const urlResolveObject = (source, relative) => (source ? urlParse(source, false, true).resolveObject(relative) : relative);

Url.prototype.resolve = function resolve(relative) {
  return this.resolveObject(urlParse(relative, false, true)).format();
};

function finishPath(result) {
  if (result.pathname !== null || result.search !== null) {
    result.path = (result.pathname ? result.pathname : '') + (result.search ? result.search : '');
  }
  result.href = result.format();
  return result;
}

// A reference with a protocol of its own that differs.
function resolveOther(result, relative) {
  if (!SLASHED.has(relative.protocol)) {
    for (const key of Object.keys(relative)) result[key] = relative[key];
    result.href = result.format();
    return result;
  }
  result.protocol = relative.protocol;
  if (!relative.host && !/^file:?$/.test(relative.protocol) && !HOSTLESS.has(relative.protocol)) {
    const names = (relative.pathname || '').split('/');
    while (names.length > 0 && !(relative.host = names.shift()));
    relative.host ||= '';
    relative.hostname ||= '';
    if (names[0] !== '') names.unshift('');
    if (names.length < 2) names.unshift('');
    result.pathname = names.join('/');
  } else {
    result.pathname = relative.pathname;
  }
  for (const key of ['search', 'query', 'port']) result[key] = relative[key];
  result.host = relative.host || '';
  result.auth = relative.auth;
  result.hostname = relative.hostname || relative.host;
  result.slashes ||= relative.slashes;
  return finishPath(result);
}

Url.prototype.resolveObject = function resolveObject(relative) {
  if (typeof relative === 'string') relative = urlParse(relative, false, true);
  const result = Object.assign(new Url(), this);
  result.hash = relative.hash;
  if (relative.href === '') {
    result.href = result.format();
    return result;
  }
  if (relative.slashes && !relative.protocol) {
    for (const key of Object.keys(relative)) {
      if (key !== 'protocol') result[key] = relative[key];
    }
    if (SLASHED.has(result.protocol) && result.hostname && !result.pathname) result.path = result.pathname = '/';
    result.href = result.format();
    return result;
  }
  if (relative.protocol && relative.protocol !== result.protocol) return resolveOther(result, relative);
  return resolveSame(result, relative);
};

function resolveSame(result, relative) {
  const isSourceAbs = result.pathname?.[0] === '/';
  const isRelAbs = Boolean(relative.host) || relative.pathname?.[0] === '/';
  let mustEndAbs = isRelAbs || isSourceAbs || Boolean(result.host && relative.pathname);
  const removeAllDots = mustEndAbs;
  let names = result.pathname?.split('/') ?? [];
  const relNames = relative.pathname?.split('/') ?? [];
  const noLeadingSlashes = result.protocol && !SLASHED.has(result.protocol);
  if (noLeadingSlashes) {
    result.hostname = '';
    result.port = null;
    if (result.host) {
      if (names[0] === '') names[0] = result.host;
      else names.unshift(result.host);
    }
    result.host = '';
    if (relative.protocol) {
      relative.hostname = null;
      relative.port = null;
      result.auth = null;
      if (relative.host) {
        if (relNames[0] === '') relNames[0] = relative.host;
        else relNames.unshift(relative.host);
      }
      relative.host = null;
    }
    mustEndAbs &&= relNames[0] === '' || names[0] === '';
  }
  if (isRelAbs) {
    if (relative.host || relative.host === '') {
      if (result.host !== relative.host) result.auth = null;
      result.host = relative.host;
      result.port = relative.port;
    }
    if (relative.hostname || relative.hostname === '') {
      if (result.hostname !== relative.hostname) result.auth = null;
      result.hostname = relative.hostname;
    }
    result.search = relative.search;
    result.query = relative.query;
    names = relNames;
  } else if (relNames.length > 0) {
    names.pop();
    names = names.concat(relNames);
    result.search = relative.search;
    result.query = relative.query;
  } else if (relative.search !== null && relative.search !== undefined) {
    if (noLeadingSlashes) takeHostFrom(result, names);
    result.search = relative.search;
    result.query = relative.query;
    return finishPath(result);
  }
  return resolveNames(result, relative, names, { mustEndAbs, removeAllDots, noLeadingSlashes });
}

// Where a protocol has no slashes, the first name of the path stands for the host.
function takeHostFrom(result, names) {
  result.hostname = result.host = names.shift();
  const authInHost = result.host && result.host.indexOf('@') > 0 && result.host.split('@');
  if (authInHost) {
    result.auth = authInHost.shift();
    result.host = result.hostname = authInHost.shift();
  }
}

function resolveNames(result, relative, names, { mustEndAbs, removeAllDots, noLeadingSlashes }) {
  if (names.length === 0) {
    result.pathname = null;
    result.path = result.search ? `/${result.search}` : null;
    result.href = result.format();
    return result;
  }
  const last = names[names.length - 1];
  const hasTrailingSlash = ((result.host || relative.host || names.length > 1) && (last === '.' || last === '..')) || last === '';
  let up = 0;
  for (let i = names.length - 1; i >= 0; i--) {
    if (names[i] === '.') {
      names.splice(i, 1);
    } else if (names[i] === '..') {
      names.splice(i, 1);
      up++;
    } else if (up > 0) {
      names.splice(i, 1);
      up--;
    }
  }
  if (!mustEndAbs && !removeAllDots) {
    while (up-- > 0) names.unshift('..');
  }
  if (mustEndAbs && names[0] !== '' && (!names[0] || names[0][0] !== '/')) names.unshift('');
  if (hasTrailingSlash && !names.join('/').endsWith('/')) names.push('');
  const isAbsolute = names[0] === '' || (names[0] && names[0][0] === '/');
  if (noLeadingSlashes) {
    result.hostname = result.host = isAbsolute ? '' : names.length > 0 ? names.shift() : '';
    const authInHost = result.host && result.host.indexOf('@') > 0 ? result.host.split('@') : false;
    if (authInHost) {
      result.auth = authInHost.shift();
      result.host = result.hostname = authInHost.shift();
    }
  }
  mustEndAbs ||= Boolean(result.host && names.length);
  if (mustEndAbs && !isAbsolute) names.unshift('');
  if (names.length === 0) {
    result.pathname = null;
    result.path = null;
  } else {
    result.pathname = names.join('/');
  }
  result.auth = relative.auth || result.auth;
  result.slashes ||= relative.slashes;
  return finishPath(result);
}

// Helpers of the parser, not part of the objects that scripts list.
for (const key of ['takeHost', 'trimHostname', 'checkHostname', 'takeTail']) {
  Object.defineProperty(Url.prototype, key, { enumerable: false });
}

// As in Node, plain properties from the start, where the other classes have getters.
globals.define('URL', URL);
globals.define('URLSearchParams', URLSearchParams);

module.exports = {
  Url,
  parse: urlParse,
  resolve: urlResolve,
  resolveObject: urlResolveObject,
  format: urlFormat,
  URL,
  URLSearchParams,
  domainToASCII,
  domainToUnicode,
  pathToFileURL,
  fileURLToPath,
  urlToHttpOptions,
};

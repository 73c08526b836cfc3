// The URL class and what turns URLs into paths and options. Parsing is internal/url/parser. Must not know legacy url.parse.
'use strict';

const {
  codes: {
    ERR_INVALID_ARG_TYPE, ERR_INVALID_FILE_URL_HOST, ERR_INVALID_FILE_URL_PATH,
    ERR_INVALID_URL, ERR_INVALID_URL_SCHEME, ERR_MISSING_ARGS,
  },
} = require('internal/errors');
const { validateString } = require('internal/validators');
const parser = require('internal/url/parser');
const { parseHost, domainToASCII, domainToUnicode } = require('internal/url/host');
const { URLSearchParams, attach, replace } = require('internal/url/search_params');
const { toWellFormed } = internalBinding('buffer');

const inspectCustom = Symbol.for('nodejs.util.inspect.custom');

class URL {
  #record;
  #params;

  constructor(input, base = undefined) {
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('url');
    input = toWellFormed(`${input}`);
    let baseRecord = null;
    if (base !== undefined) {
      base = toWellFormed(`${base}`);
      baseRecord = parser.parseUrl(base);
    }
    this.#record = base !== undefined && baseRecord === null ? null : parser.parseUrl(input, baseRecord);
    if (this.#record === null) throw new ERR_INVALID_URL(input, base);
  }

  static canParse(input, base = undefined) {
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('url');
    input = toWellFormed(`${input}`);
    if (base === undefined) return parser.parseUrl(input) !== null;
    const baseRecord = parser.parseUrl(toWellFormed(`${base}`));
    return baseRecord !== null && parser.parseUrl(input, baseRecord) !== null;
  }

  static createObjectURL(object) {
    return require('internal/blob').createObjectURL(object);
  }

  static revokeObjectURL(url) {
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('url');
    require('internal/blob').revokeObjectURL(url);
  }

  // The engine refuses what is no URL, in Node's words.
  static #check(value) {
    return value.#record;
  }

  get href() {
    return parser.serialize(URL.#check(this));
  }

  set href(value) {
    URL.#check(this);
    const input = toWellFormed(`${value}`);
    const record = parser.parseUrl(input);
    if (record === null) throw new ERR_INVALID_URL(input);
    this.#record = record;
    this.#refreshParams();
  }

  get origin() {
    return originOf(URL.#check(this));
  }

  get protocol() {
    return `${URL.#check(this).scheme}:`;
  }

  set protocol(value) {
    const record = URL.#check(this);
    const match = /^([a-zA-Z][a-zA-Z0-9+\-.]*):?/.exec(`${value}`.replace(/[\t\n\r]/g, ''));
    if (match === null || !/^[^:]*(:|$)/.test(value)) return;
    const [, name] = match;
    const rest = `${value}`.replace(/[\t\n\r]/g, '').slice(name.length);
    if (rest !== '' && rest[0] !== ':') return;
    const scheme = name.toLowerCase();
    if (Object.hasOwn(parser.SPECIAL, scheme) !== parser.isSpecial(record)) return;
    const hasAuthority = record.username !== '' || record.password !== '' || record.port !== null;
    if (scheme === 'file' && hasAuthority) return;
    if (record.scheme === 'file' && record.host === '') return;
    record.scheme = scheme;
    if (record.port === parser.SPECIAL[scheme]) record.port = null;
  }

  get username() {
    return URL.#check(this).username;
  }

  set username(value) {
    const record = URL.#check(this);
    if (record.host === null || record.host === '' || record.scheme === 'file') return;
    record.username = parser.percentEncode(`${value}`, parser.SETS.userinfo);
  }

  get password() {
    return URL.#check(this).password;
  }

  set password(value) {
    const record = URL.#check(this);
    if (record.host === null || record.host === '' || record.scheme === 'file') return;
    record.password = parser.percentEncode(`${value}`, parser.SETS.userinfo);
  }

  get host() {
    const record = URL.#check(this);
    return record.host === null ? '' : parser.hostText(record);
  }

  set host(value) {
    setHost(URL.#check(this), `${value}`, true);
  }

  get hostname() {
    return URL.#check(this).host ?? '';
  }

  set hostname(value) {
    setHost(URL.#check(this), `${value}`, false);
  }

  get port() {
    const { port } = URL.#check(this);
    return port === null ? '' : `${port}`;
  }

  set port(value) {
    const record = URL.#check(this);
    if (record.host === null || record.host === '' || record.scheme === 'file') return;
    const text = `${value}`.replace(/[\t\n\r]/g, '');
    if (text === '') {
      record.port = null;
      return;
    }
    const digits = /^[0-9]+/.exec(text);
    if (digits !== null) parser.parsePort(record, digits[0]);
  }

  get pathname() {
    return parser.pathText(URL.#check(this));
  }

  set pathname(value) {
    const record = URL.#check(this);
    if (typeof record.path === 'string') return;
    const text = `${value}`.replace(/[\t\n\r]/g, '');
    record.path = [];
    const isSlash = parser.isSpecial(record) ? /^[/\\]/ : /^\//;
    if (text === '' && !parser.isSpecial(record)) return;
    parser.parsePath(record, isSlash.test(text) ? text.slice(1) : text);
  }

  get search() {
    const { query } = URL.#check(this);
    return query === null || query === '' ? '' : `?${query}`;
  }

  set search(value) {
    const record = URL.#check(this);
    const text = toWellFormed(`${value}`).replace(/[\t\n\r]/g, '');
    if (text === '') record.query = null;
    else record.query = parser.encodeQuery(record, text[0] === '?' ? text.slice(1) : text);
    this.#refreshParams();
  }

  get searchParams() {
    const record = URL.#check(this);
    if (this.#params === undefined) {
      this.#params = new URLSearchParams(record.query ?? '');
      if (record.query !== null) replace(this.#params, record.query);
      attach(this.#params, () => {
        const query = this.#params.toString();
        this.#record.query = query === '' ? null : query;
      });
    }
    return this.#params;
  }

  get hash() {
    const { fragment } = URL.#check(this);
    return fragment === null || fragment === '' ? '' : `#${fragment}`;
  }

  set hash(value) {
    const record = URL.#check(this);
    const text = toWellFormed(`${value}`).replace(/[\t\n\r]/g, '');
    if (text === '') record.fragment = null;
    else record.fragment = parser.percentEncode(text[0] === '#' ? text.slice(1) : text, parser.SETS.fragment);
  }

  toString() {
    return parser.serialize(URL.#check(this));
  }

  toJSON() {
    return parser.serialize(URL.#check(this));
  }

  #refreshParams() {
    if (this.#params !== undefined) replace(this.#params, this.#record.query ?? '');
  }

  [inspectCustom](depth, options) {
    URL.#check(this);
    if (typeof depth === 'number' && depth < 0) return this;
    const shown = Object.create({ constructor: this.constructor === undefined ? URL : this.constructor });
    for (const key of SHOWN) shown[key] = this[key];
    return `${this.constructor.name} ${require('internal/util/inspect').inspect(shown, options)}`.replace(
      /^(\S+) \1 /, '$1 ');
  }
}

const SHOWN = ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search',
  'searchParams', 'hash'];
for (const key of [...SHOWN, 'toString', 'toJSON']) Object.defineProperty(URL.prototype, key, { enumerable: true });
for (const key of ['canParse', 'createObjectURL', 'revokeObjectURL']) Object.defineProperty(URL, key, { enumerable: true });
Object.defineProperty(URL.prototype, Symbol.toStringTag, { value: 'URL', configurable: true });

function originOf(record) {
  if (record.scheme === 'blob') {
    const inner = parser.parseUrl(parser.pathText(record));
    return inner !== null && (inner.scheme === 'http' || inner.scheme === 'https') ? originOf(inner) : 'null';
  }
  if (!parser.isSpecial(record) || record.scheme === 'file') return 'null';
  return `${record.scheme}://${parser.hostText(record)}`;
}

function setHost(record, value, withPort) {
  if (typeof record.path === 'string') return;
  const text = value.replace(/[\t\n\r]/g, '').replace(parser.isSpecial(record) ? /[/\\?#].*$/s : /[/?#].*$/s, '');
  const match = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(text);
  if (match === null) return;
  const [, name, port] = match;
  if (!withPort && port !== undefined) return;
  if (name === '') {
    const hasAuthority = record.username !== '' || record.password !== '' || record.port !== null;
    if (parser.isSpecial(record) && record.scheme !== 'file') return;
    if (hasAuthority || port !== undefined) return;
    record.host = '';
    return;
  }
  const host = parseHost(name, !parser.isSpecial(record), (t) => parser.percentEncode(t, parser.SETS.control));
  if (host === null) return;
  record.host = record.scheme === 'file' && host === 'localhost' ? '' : host;
  const digits = /^[0-9]+/.exec(port ?? '');
  if (withPort && digits !== null) parser.parsePort(record, digits[0]);
}

const isURL = (value) => Boolean(value?.href && value.protocol && value.auth === undefined && value.path === undefined);

function urlToHttpOptions(url) {
  const { hostname, pathname, port, username, password, search } = url;
  const options = {
    __proto__: null,
    ...url,
    protocol: url.protocol,
    hostname: hostname && hostname[0] === '[' ? hostname.slice(1, -1) : hostname,
    hash: url.hash,
    search,
    pathname,
    path: `${pathname || ''}${search || ''}`,
    href: url.href,
  };
  if (port !== '') options.port = Number(port);
  if (username || password) options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return options;
}

function fileURLToPath(path) {
  if (typeof path === 'string') path = new URL(path);
  else if (!isURL(path)) throw new ERR_INVALID_ARG_TYPE('path', ['string', 'URL'], path);
  if (path.protocol !== 'file:') throw new ERR_INVALID_URL_SCHEME('file');
  if (path.hostname !== '') throw new ERR_INVALID_FILE_URL_HOST('linux');
  if (/%2f/i.test(path.pathname)) throw new ERR_INVALID_FILE_URL_PATH('must not include encoded / characters');
  return decodeURIComponent(path.pathname);
}

function pathToFileURL(filepath) {
  validateString(filepath, 'path');
  let resolved = require('path').resolve(filepath);
  if (filepath.endsWith('/') && !resolved.endsWith('/')) resolved += '/';
  const encoded = resolved.replace(/[%\\\n\r\t?#]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
  return new URL(`file://${encoded}`);
}

const toPathIfFileURL = (value) => (isURL(value) ? fileURLToPath(value) : value);

const checked = (convert) => (domain) => {
  if (domain === undefined) throw new ERR_MISSING_ARGS('domain');
  const host = parseHost(toWellFormed(`${domain}`), false);
  return host === null ? '' : convert(host);
};

module.exports = {
  URL,
  URLSearchParams,
  domainToASCII: checked((host) => host),
  domainToUnicode: checked(domainToUnicode),
  encodeHost: domainToASCII,
  fileURLToPath,
  isURL,
  pathToFileURL,
  toPathIfFileURL,
  urlToHttpOptions,
};

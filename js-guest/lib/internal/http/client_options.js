// The arguments of http.request in all their forms, checked and set on the request. Knows no socket.
'use strict';

const { URL, isURL, urlToHttpOptions } = require('internal/url');
const { validateInteger, validateBoolean } = require('internal/validators');
const { getTimerDuration } = require('internal/timers');
const { _checkIsHttpToken } = require('_http_common');
const { addAbortSignal } = require('stream');
const { codes: {
  ERR_INVALID_ARG_TYPE, ERR_INVALID_HTTP_TOKEN, ERR_INVALID_PROTOCOL, ERR_METHOD_NOT_IMPLEMENTED,
  ERR_UNESCAPED_CHARACTERS,
} } = require('internal/errors');

const BAD_PATH = /[^\u0021-\u00ff]/;
// Methods whose requests usually have no body.
const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

// (url[, options][, cb]) or (options[, cb]) as [options, cb].
function readArguments(input, options, cb) {
  if (typeof input === 'string') {
    input = urlToHttpOptions(new URL(input));
  } else if (isURL(input)) {
    input = urlToHttpOptions(input);
  } else {
    cb = options;
    options = input;
    input = null;
  }
  if (typeof options === 'function') return [input || {}, options];
  return [Object.assign(input || {}, options), cb];
}

function host(value, name) {
  if (value !== null && value !== undefined && typeof value !== 'string') {
    throw new ERR_INVALID_ARG_TYPE(`options.${name}`, ['string', 'undefined', 'null'], value);
  }
  return value;
}

function chooseAgent(options, defaultAgent) {
  const { agent } = options;
  if (agent === false) return new defaultAgent.constructor();
  if (agent === null || agent === undefined) {
    return typeof options.createConnection === 'function' ? agent : defaultAgent;
  }
  if (typeof agent.addRequest !== 'function') {
    throw new ERR_INVALID_ARG_TYPE('options.agent', ['Agent-like Object', 'undefined', 'false'], agent);
  }
  return agent;
}

function chooseMethod(method) {
  if (method !== null && method !== undefined && typeof method !== 'string') {
    throw new ERR_INVALID_ARG_TYPE('options.method', 'string', method);
  }
  if (!method) return 'GET';
  if (!_checkIsHttpToken(method)) throw new ERR_INVALID_HTTP_TOKEN('Method', method);
  return method.toUpperCase();
}

// What a connection is made by: the options with host and port filled in.
function target(req, options, defaultAgent) {
  const { agent } = req;
  const protocol = options.protocol || defaultAgent.protocol;
  const expected = agent?.protocol || defaultAgent.protocol;
  if (options.path && BAD_PATH.test(String(options.path))) throw new ERR_UNESCAPED_CHARACTERS('Request path');
  if (protocol !== expected) throw new ERR_INVALID_PROTOCOL(protocol, expected);
  const defaultPort = options.defaultPort || agent?.defaultPort;
  req.protocol = protocol;
  const made = { __proto__: null, ...options };
  made.port = options.port || defaultPort || 80;
  made.host = host(options.hostname, 'hostname') || host(options.host, 'host') || 'localhost';
  req.host = made.host;
  req.socketPath = options.socketPath;
  return [made, defaultPort];
}

function limits(req, options) {
  if (options.maxHeaderSize !== undefined) validateInteger(options.maxHeaderSize, 'maxHeaderSize', 0);
  req.maxHeaderSize = options.maxHeaderSize;
  if (options.insecureHTTPParser !== undefined) {
    validateBoolean(options.insecureHTTPParser, 'options.insecureHTTPParser');
    // There is one parser, and it is strict.
    if (options.insecureHTTPParser) throw new ERR_METHOD_NOT_IMPLEMENTED('insecureHTTPParser');
  }
  req.insecureHTTPParser = options.insecureHTTPParser;
  if (options.joinDuplicateHeaders !== undefined) {
    validateBoolean(options.joinDuplicateHeaders, 'options.joinDuplicateHeaders');
  }
  req.joinDuplicateHeaders = options.joinDuplicateHeaders;
}

function hostHeader(made, defaultPort) {
  let text = made.host;
  const colon = text.indexOf(':');
  if (colon !== -1 && text.includes(':', colon + 1) && text[0] !== '[') text = `[${text}]`;
  return made.port && +made.port !== defaultPort ? `${text}:${made.port}` : text;
}

function fields(req, options, made, defaultPort) {
  if (Array.isArray(options.headers)) {
    req._storeHeader(req._requestLine(), options.headers);
    return;
  }
  if (options.headers) {
    if (Array.isArray(options.headers.host)) {
      throw new ERR_INVALID_ARG_TYPE('options.headers.host', 'string', options.headers.host);
    }
    for (const name of Object.keys(options.headers)) req.setHeader(name, options.headers[name]);
  }
  const wanted = options.setHost !== undefined ? Boolean(options.setHost) : options.setDefaultHeaders !== false;
  if (made.host && wanted && !req.getHeader('host')) req.setHeader('Host', hostHeader(made, defaultPort));
  if (options.auth && !req.getHeader('Authorization')) {
    req.setHeader('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`);
  }
  if (req.getHeader('expect')) req._implicitHeader();
}

// Sets the request up, but for its fields; answers what the connection is made by, and the port that goes without saying.
function apply(req, options, defaultAgent) {
  req.agent = chooseAgent(options, defaultAgent);
  const [made, defaultPort] = target(req, options, defaultAgent);
  if (options.setDefaultHeaders === false) req._removedConnection = req._removedContLen = req._removedTE = true;
  if (options.timeout !== undefined) req.timeout = getTimerDuration(options.timeout, 'timeout');
  if (options.signal) {
    addAbortSignal(options.signal, req);
    delete made.signal;
  }
  req.method = chooseMethod(options.method);
  limits(req, options);
  req.path = options.path || '/';
  if (BODILESS.has(req.method)) req.useChunkedEncodingByDefault = false;
  if (req.agent) {
    // An agent that will never use the connection again need not ask for it to be kept.
    req.shouldKeepAlive = Boolean(req.agent.keepAlive) || Number.isFinite(req.agent.maxSockets);
    req._last = !req.shouldKeepAlive;
  }
  return [made, defaultPort];
}

module.exports = { readArguments, apply, fields };

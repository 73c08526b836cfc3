// node:util: gathers what lives in internal/util. Must not do anything itself beyond the old isX helpers.
'use strict';

const { isDeepStrictEqual } = require('internal/util/comparisons');
const { format, formatWithOptions, inspect, stripVTControlCharacters } = require('internal/util/inspect');
const {
  callbackify, deprecate, getSystemErrorMap, getSystemErrorName, inherits, isError, promisify, styleText, toUSVString,
} = require('internal/util');
const { debuglog } = require('internal/util/debuglog');
const { TextDecoder, TextEncoder } = require('internal/encoding');
const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');
const { validateAbortSignal, validateObject, validateString } = require('internal/validators');
const types = require('internal/util/types');

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function timestamp() {
  const now = new Date();
  const two = (number) => `${number}`.padStart(2, '0');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(':');
  return `${now.getDate()} ${MONTHS[now.getMonth()]} ${time}`;
}

function log(...args) {
  console.log('%s - %s', timestamp(), format(...args));
}

function _extend(target, source) {
  if (source === null || typeof source !== 'object') return target;
  return Object.assign(target, source);
}

async function aborted(signal, resource) {
  if (signal === undefined) throw new ERR_INVALID_ARG_TYPE('signal', 'AbortSignal', signal);
  validateAbortSignal(signal, 'signal');
  if (resource === null || (typeof resource !== 'object' && typeof resource !== 'function')) validateObject(resource, 'resource');
  if (signal.aborted) return undefined;
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

const notTransferable = (name) => () => {
  const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');
  throw new ERR_METHOD_NOT_IMPLEMENTED(name);
};

// A file of NAME=value lines, as `node --env-file` reads it.
function parseEnv(content) {
  validateString(content, 'content');
  const result = {};
  const line = /^[ \t]*(?:export[ \t]+)?([^\s=#]+)[ \t]*=[ \t]*("(?:[^"])*"|'(?:[^'])*'|`(?:[^`])*`|[^#\r\n]*)?.*$/gm;
  for (const [, name, raw = ''] of content.matchAll(line)) {
    let value = raw.trim();
    const [mark] = value;
    if (value.length > 1 && (mark === '"' || mark === '\'' || mark === '`') && value.endsWith(mark)) {
      value = value.slice(1, -1);
      if (mark === '"') value = value.replaceAll('\\n', '\n');
    }
    result[name] = value;
  }
  return result;
}

const isPrimitive = (value) => value === null || (typeof value !== 'object' && typeof value !== 'function');

module.exports = {
  _errnoException: (...args) => new (require('internal/errors').ErrnoException)(...args),
  _exceptionWithHostPort: (...args) => new (require('internal/errors').ExceptionWithHostPort)(...args),
  _extend: deprecate(_extend, 'The `util._extend` API is deprecated. Please use Object.assign() instead.', 'DEP0060'),
  callbackify,
  debug: debuglog,
  debuglog,
  deprecate,
  format,
  formatWithOptions,
  getSystemErrorMap,
  getSystemErrorName,
  inherits,
  inspect,
  isArray: Array.isArray,
  isBoolean: (value) => typeof value === 'boolean',
  isBuffer: (value) => require('buffer').Buffer.isBuffer(value),
  isDate: types.isDate,
  isDeepStrictEqual,
  isError,
  isFunction: (value) => typeof value === 'function',
  isNull: (value) => value === null,
  isNullOrUndefined: (value) => value === null || value === undefined,
  isNumber: (value) => typeof value === 'number',
  isObject: (value) => value !== null && typeof value === 'object',
  isPrimitive,
  isRegExp: types.isRegExp,
  isString: (value) => typeof value === 'string',
  isSymbol: (value) => typeof value === 'symbol',
  isUndefined: (value) => value === undefined,
  log,
  parseEnv,
  promisify,
  stripVTControlCharacters,
  styleText,
  toUSVString,
  TextDecoder,
  TextEncoder,
  aborted,
  transferableAbortController: notTransferable('transferableAbortController'),
  transferableAbortSignal: notTransferable('transferableAbortSignal'),
  types,
};

// Seldom wanted, so they are not run while the library is evaluated by those who only want the above.
require('internal/util').defineLazyProperties(module.exports, 'internal/util/parse_args', ['parseArgs']);
require('internal/util').defineLazyProperties(module.exports, 'internal/mime', ['MIMEType', 'MIMEParams']);

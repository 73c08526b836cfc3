// The messages of Node's error codes that depend on what they are about: each function takes the constructor's
// arguments and answers the text; `this` is the error under construction. Throws nothing of its own.
'use strict';

let lazyInspect;
function inspect(value, options) {
  lazyInspect ??= require('internal/util/inspect').inspect;
  return lazyInspect(value, options);
}

// a; a or b; a, b, or c
function formatList(list, word = 'and') {
  if (list.length < 3) return list.join(` ${word} `);
  return `${list.slice(0, -1).join(', ')}, ${word} ${list[list.length - 1]}`;
}

// "type string ('x')", "an instance of Foo", "undefined": what was received in place of what was wanted.
function describe(value) {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'object') {
    if (value.constructor?.name) return `an instance of ${value.constructor.name}`;
    return inspect(value, { depth: -1 });
  }
  if (typeof value === 'string') {
    if (value.length > 28) value = `${value.slice(0, 25)}...`;
    return value.includes("'") ? `type string (${JSON.stringify(value)})` : `type string ('${value}')`;
  }
  let text = inspect(value, { colors: false });
  if (text.length > 28) text = `${text.slice(0, 25)}...`;
  return `type ${typeof value} (${text})`;
}

const PRIMITIVES = new Set([
  'string', 'function', 'number', 'object', 'Function', 'Object', 'boolean', 'bigint', 'symbol',
]);
const CLASS_NAME = /^([A-Z][a-z0-9]*)+$/;

function expectation(expected) {
  const types = [];
  const classes = [];
  const others = [];
  for (const name of [expected].flat()) {
    if (PRIMITIVES.has(name)) types.push(name.toLowerCase());
    else if (CLASS_NAME.test(name)) classes.push(name);
    else others.push(name);
  }
  // Beside class names, 'object' reads as one of them.
  const at = types.indexOf('object');
  if (classes.length > 0 && at !== -1) {
    types.splice(at, 1);
    classes.push('Object');
  }
  const parts = [];
  if (types.length > 0) parts.push(`${types.length > 1 ? 'one of type' : 'of type'} ${formatList(types, 'or')}`);
  if (classes.length > 0) parts.push(`an instance of ${formatList(classes, 'or')}`);
  if (others.length > 1) parts.push(`one of ${formatList(others, 'or')}`);
  else if (others.length === 1) parts.push(`${others[0].toLowerCase() === others[0] ? '' : 'an '}${others[0]}`);
  return parts.join(' or ');
}

function subject(name) {
  if (name.endsWith(' argument')) return name;
  return `"${name}" ${name.includes('.') ? 'property' : 'argument'}`;
}

function withSeparators(digits) {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, '_');
}

function outOfRangeValue(value) {
  if (Number.isInteger(value) && Math.abs(value) > 2 ** 32) return withSeparators(String(value));
  if (typeof value === 'bigint') {
    const big = value > 2n ** 32n || value < -(2n ** 32n);
    return `${big ? withSeparators(String(value)) : value}n`;
  }
  return inspect(value);
}

function argValue(name, value, reason = 'is invalid') {
  let text = inspect(value);
  if (text.length > 128) text = `${text.slice(0, 128)}...`;
  return `The ${name.includes('.') ? 'property' : 'argument'} '${name}' ${reason}. Received ${text}`;
}

function missingArgs(...names) {
  const quoted = names.map((name) => (Array.isArray(name) ? name.map((n) => `"${n}"`).join(' or ') : `"${name}"`));
  return `The ${formatList(quoted)} argument${quoted.length > 1 ? 's' : ''} must be specified`;
}

function packageTarget(packagePath, key, target, isImport = false, base = undefined) {
  const kind = isImport ? 'imports' : 'exports';
  const from = base ? ` imported from ${base}` : '';
  const relative = typeof target === 'string' && !isImport && target.length > 0 && !target.startsWith('./');
  const hint = relative ? '; targets must start with "./"' : '';
  const what = key === '.' ? 'main target ' : 'target ';
  const where = `in the package config ${packagePath}package.json${from}${hint}`;
  const named = key === '.' ? '' : ` for '${key}'`;
  return `Invalid "${kind}" ${what}${JSON.stringify(target)} defined${named} ${where}`;
}

function requireEsm(filename, hasEsmSyntax, parentPath = null) {
  const text = `require() of ES Module ${filename}${parentPath ? ` from ${parentPath}` : ''} not supported.`;
  if (!parentPath) return text;
  const name = filename.slice(filename.lastIndexOf('/') + 1);
  const what = hasEsmSyntax ? `${name} in ${parentPath}` : filename;
  return `${text}\nInstead change the require of ${what} to a dynamic import() which is available in all CommonJS modules.`;
}

const REPORT = 'This is caused by either a bug in Node.js or incorrect usage of Node.js internals.\n' +
  'Please open an issue with this stack trace at https://github.com/nodejs/node/issues\n';

const imported = (base) => (base ? ` imported from ${base}` : '');

function invalidSetting(name, actual, min, max) {
  this.actual = actual;
  if (min !== undefined) {
    this.min = min;
    this.max = max;
  }
  return `Invalid value for setting "${name}": ${actual}`;
}

exports.TypeError = {
  HTTP2_INVALID_SETTING_VALUE: invalidSetting,
  AMBIGUOUS_ARGUMENT: (name, reason) => `The "${name}" argument is ambiguous. ${reason}`,
  ENCODING_INVALID_ENCODED_DATA(encoding, errno) {
    this.errno = errno;
    return `The encoded data was not valid for encoding ${encoding}`;
  },
  HTTP_INVALID_HEADER_VALUE: (value, name) => `Invalid value "${value}" for header "${name}"`,
  INVALID_ARG_TYPE: (name, expected, actual) =>
    `The ${subject(name)} must be ${expectation(expected)}. Received ${describe(actual)}`,
  INVALID_ARG_VALUE: argValue,
  INVALID_CHAR: (name, field) => `Invalid character in ${name}${field === undefined ? '' : ` ["${field}"]`}`,
  INVALID_FILE_URL_HOST: (platform) => `File URL host must be "localhost" or empty on ${platform}`,
  INVALID_HTTP_TOKEN: (name, field) => `${name} must be a valid HTTP token ["${field}"]`,
  INVALID_MIME_SYNTAX: (production, text, index) =>
    `The MIME syntax for a ${production} in "${text}" is invalid${index === -1 ? '' : ` at ${index}`}`,
  INVALID_MODULE_SPECIFIER: (request, reason, base) => `Invalid module "${request}" ${reason}${imported(base)}`,
  INVALID_RETURN_PROPERTY: (input, name, prop, value) =>
    `Expected a valid ${input} to be returned for the "${prop}" from the "${name}" hook but got ${describe(value)}.`,
  INVALID_RETURN_PROPERTY_VALUE: (input, name, prop, value) =>
    `Expected ${input} to be returned for the "${prop}" from the "${name}" hook but got ${describe(value)}.`,
  INVALID_RETURN_VALUE: (input, name, value) =>
    `Expected ${input} to be returned from the "${name}" function but got ${describe(value)}.`,
  INVALID_URL(input, base = null) {
    this.input = input;
    if (base !== null) this.base = base;
    return 'Invalid URL';
  },
  INVALID_URL_SCHEME: (expected) =>
    `The URL must be ${Array.isArray(expected) && expected.length > 1 ? 'one of' : 'of'} scheme ` +
    formatList([expected].flat(), 'or'),
  MISSING_ARGS: missingArgs,
  PACKAGE_IMPORT_NOT_DEFINED: (specifier, packagePath, base) =>
    `Package import specifier "${specifier}" is not defined` +
    `${packagePath ? ` in package ${packagePath}package.json` : ''} imported from ${base}`,
  PARSE_ARGS_UNKNOWN_OPTION: (option, allowPositionals) =>
    `Unknown option '${option}'` + (allowPositionals ? '. To specify a positional argument starting with a \'-\', ' +
      `place it at the end of the command after '--', as in '-- "${option}"` : ''),
  UNKNOWN_FILE_EXTENSION: (extension, path) => `Unknown file extension "${extension}" for ${path}`,
  UNKNOWN_SIGNAL: (signal, wrongCase = false) =>
    `Unknown signal: ${signal}${wrongCase ? ' (signals must use all capital letters)' : ''}`,
  UNSUPPORTED_RESOLVE_REQUEST: (reference, base) =>
    `Failed to resolve module specifier "${reference}" from "${base}": Invalid relative URL or base scheme is not ` +
    'hierarchical.',
};

exports.Error = {
  DNS_SET_SERVERS_FAILED: (error, servers) => `c-ares failed to set servers: "${error}" [${servers}]`,
  FALSY_VALUE_REJECTION(reason) {
    this.reason = reason;
    return 'Promise was rejected with falsy value';
  },
  HTTP2_STREAM_CANCEL(error) {
    if (!error) return 'The pending stream has been canceled';
    this.cause = error;
    return `The pending stream has been canceled (caused by: ${typeof error.message === 'string' ? error.message : error})`;
  },
  INTERNAL_ASSERTION: (message) => (message === undefined ? REPORT : `${message}\n${REPORT}`),
  INVALID_PACKAGE_CONFIG: (path, base, message) =>
    `Invalid package config ${path}${base ? ` while importing ${base}` : ''}${message ? `. ${message}` : ''}`,
  INVALID_PACKAGE_TARGET: packageTarget,
  MODULE_NOT_FOUND(path, base, exactUrl) {
    if (exactUrl) this.url = String(exactUrl);
    return `Cannot find ${exactUrl ? 'module' : 'package'} '${path}' imported from ${base}`;
  },
  PACKAGE_PATH_NOT_EXPORTED: (packagePath, subpath, base) =>
    (subpath === '.' ? `No "exports" main defined in ${packagePath}package.json` :
      `Package subpath '${subpath}' is not defined by "exports" in ${packagePath}package.json`) + imported(base),
  REQUIRE_ESM: requireEsm,
  UNHANDLED_ERROR: (what) => (what === undefined ? 'Unhandled error.' : `Unhandled error. (${what})`),
  UNSUPPORTED_DIR_IMPORT(path, base, exactUrl) {
    if (exactUrl) this.url = String(exactUrl);
    return `Directory import '${path}' is not supported resolving ES modules imported from ${base}`;
  },
  UNSUPPORTED_ESM_URL_SCHEME: (url, supported) =>
    `Only URLs with a scheme in: ${formatList(supported)} are supported by the default ESM loader. ` +
    `Received protocol '${url.protocol}'`,
};

exports.RangeError = {
  BUFFER_OUT_OF_BOUNDS: (name) =>
    (name ? `"${name}" is outside of buffer bounds` : 'Attempt to access memory outside buffer bounds'),
  INVALID_ADDRESS_FAMILY(family, host, port) {
    this.host = host;
    this.port = port;
    return `Invalid address family: ${family} ${host}:${port}`;
  },
  OUT_OF_RANGE: (name, range, value, isWholeMessage = false) =>
    `${isWholeMessage ? name : `The value of "${name}" is out of range.`} It must be ${range}. ` +
    `Received ${outOfRangeValue(value)}`,
  SOCKET_BAD_PORT: (name, port, allowZero = true) =>
    `${name} should be ${allowZero ? '>=' : '>'} 0 and < 65536. Received ${describe(port)}.`,
};

exports.formatList = formatList;
exports.describe = describe;

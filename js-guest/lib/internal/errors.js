// Node's errors: `codes.ERR_*` classes, system errors with errno and syscall, AbortError. Messages live in
// internal/errors/messages and internal/errors/sentences. Knows no module that makes use of it, and loads
// inspect only when a message needs it.
'use strict';

const messages = require('internal/errors/messages');
const sentences = require('internal/errors/sentences');
const uv = require('internal/uv');

const kIsNodeError = Symbol('kIsNodeError');
const codes = {};

function defineHidden(target, name, value) {
  // No prototype: a script may have given Object.prototype a `get`.
  Object.defineProperty(target, name, { __proto__: null, value, enumerable: false, writable: true, configurable: true });
}

// The stack from the caller of `above`, under a header of our own. Called before the error has a message, so
// that a header the engine wrote is one line at most. A stack that Error.prepareStackTrace made is left alone.
function captureStack(error, above, header) {
  Error.captureStackTrace(error, above);
  const { stack } = error;
  if (typeof stack !== 'string') return;
  const at = stack.search(/^ {4}at /m);
  defineHidden(error, 'stack', at === -1 ? header : `${header}\n${stack.slice(at).trimEnd()}`);
}

function fill(template, args) {
  return template.replace(/\$([1-4])/g, (_, digit) => shown(args[digit - 1]));
}

// An object without words of its own is shown as it is made, not as [object Object].
function shown(value) {
  if (typeof value !== 'object' || value === null) return value;
  return require('internal/util/inspect').format('%s', value);
}

function makeCode(key, text, Base) {
  class NodeError extends Base {
    constructor(...args) {
      const limit = Error.stackTraceLimit;
      // The stack is captured below, without the frames of this constructor.
      Error.stackTraceLimit = 0;
      super();
      Error.stackTraceLimit = limit;
      this.code = key;
      const message = typeof text === 'string' ? fill(text, args) : text.apply(this, args);
      captureStack(this, NodeError, `${Base.name} [${key}]: ${message}`);
      defineHidden(this, 'message', message);
    }

    toString() {
      return `${this.name} [${key}]: ${this.message}`;
    }
  }
  defineHidden(NodeError.prototype, 'constructor', Base);
  Object.defineProperty(NodeError.prototype, kIsNodeError, { value: true });
  NodeError.HideStackFramesError = NodeError;
  return NodeError;
}

// Declares codes.KEY with classes for the further bases as its properties (codes.ERR_INVALID_STATE.TypeError).
function E(key, text, Base, ...otherBases) {
  const main = makeCode(key, text, Base);
  for (const Other of otherBases) main[Other.name] = makeCode(key, text, Other);
  codes[key] = main;
}

const FURTHER_BASES = {
  HTTP2_INVALID_SETTING_VALUE: [RangeError],
  INVALID_STATE: [TypeError, RangeError],
  OPERATION_FAILED: [TypeError],
  INVALID_ARG_VALUE: [RangeError],
  INVALID_RETURN_VALUE: [RangeError],
};

function declareAll() {
  const bases = { Error, TypeError, RangeError, URIError };
  for (const [name, Base] of Object.entries(bases)) {
    for (const [key, text] of [...Object.entries(messages[name] ?? {}), ...Object.entries(sentences[name] ?? {})]) {
      E(`ERR_${key}`, text, Base, ...(FURTHER_BASES[key] ?? []));
    }
  }
}
declareAll();

// A failed system call, as an options bag tells of it: { code, errno, syscall, message, path, dest }.
class SystemErrorBase extends Error {
  constructor(key, prefix, context) {
    super();
    let message = `${prefix}: ${context.syscall} returned ${context.code} (${context.message})`;
    if (context.path !== undefined) message += ` ${context.path}`;
    if (context.dest !== undefined) message += ` => ${context.dest}`;
    this.code = key;
    captureStack(this, new.target, `SystemError [${key}]: ${message}`);
    defineHidden(this, 'name', 'SystemError');
    defineHidden(this, 'message', message);
    Object.defineProperty(this, 'info', { value: context, enumerable: true, configurable: true, writable: false });
    passThrough(this, context, 'errno', (value) => value);
    passThrough(this, context, 'syscall', (value) => value);
    if (context.path !== undefined) passThrough(this, context, 'path', (value) => value?.toString());
    if (context.dest !== undefined) passThrough(this, context, 'dest', (value) => value?.toString());
  }

  toString() {
    return `${this.name} [${this.code}]: ${this.message}`;
  }
}

function passThrough(error, context, key, read) {
  Object.defineProperty(error, key, {
    get: () => read(context[key]),
    set: (value) => { context[key] = value; },
    enumerable: true,
    configurable: true,
  });
}

function declareSystemError(key, prefix) {
  const Class = class NodeError extends SystemErrorBase {
    constructor(context) {
      super(key, prefix, context);
    }
  };
  Class.HideStackFramesError = Class;
  codes[key] = Class;
}
declareSystemError('ERR_SYSTEM_ERROR', 'A system error occurred');
declareSystemError('ERR_FS_EISDIR', 'Path is a directory');
declareSystemError('ERR_FS_CP_EEXIST', 'Target already exists');
declareSystemError('ERR_FS_CP_EINVAL', 'Invalid src or dest');
declareSystemError('ERR_FS_CP_FIFO_PIPE', 'Cannot copy a FIFO pipe');
declareSystemError('ERR_FS_CP_SOCKET', 'Cannot copy a socket file');
declareSystemError('ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY', 'Cannot overwrite symlink in subdirectory of self');
declareSystemError('ERR_FS_CP_UNKNOWN', 'Cannot copy an unknown file type');
declareSystemError('ERR_FS_CP_DIR_TO_NON_DIR', 'Cannot overwrite non-directory with directory');
declareSystemError('ERR_FS_CP_NON_DIR_TO_DIR', 'Cannot overwrite directory with non-directory');
declareSystemError('ERR_SOCKET_BUFFER_SIZE', 'Could not get or set buffer size');
declareSystemError('ERR_TTY_INIT_FAILED', 'TTY initialization failed');

// The errors below are plain Errors whose class only builds them, as in Node: `constructor` is Error.
function plainError(above, message, fields) {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new Error(message);
  Error.stackTraceLimit = limit;
  captureStack(error, above, `Error: ${message}`);
  return Object.assign(error, fields);
}

const pathText = (value) => (value === undefined || value === null ? undefined : value.toString());

// { errno or code, syscall, message?, path?, dest? }, of a call on the file system or a process.
function UVException(context) {
  const errno = context.errno ?? uv.errnoOf(context.code);
  const code = context.errno === undefined ? context.code : uv.errname(context.errno);
  const path = pathText(context.path);
  const dest = pathText(context.dest);
  let message = `${code}: ${context.message || uv.errtext(errno)}, ${context.syscall}`;
  if (path) message += ` '${path}'`;
  if (dest) message += ` -> '${dest}'`;
  const fields = { errno, code, syscall: context.syscall };
  if (path) fields.path = path;
  if (dest) fields.dest = dest;
  return plainError(UVException, message, fields);
}

function whereText(address, port) {
  if (port && port > 0) return ` ${address}:${port}`;
  return address ? ` ${address}` : '';
}

// listen EADDRINUSE: address already in use 127.0.0.1:80
function UVExceptionWithHostPort(errno, syscall, address, port) {
  const code = uv.errname(errno);
  const message = `${syscall} ${code}: ${uv.errtext(errno)}${whereText(address, port)}`;
  const fields = { code, errno, syscall, address };
  if (port) fields.port = port;
  return plainError(UVExceptionWithHostPort, message, fields);
}

// connect ECONNREFUSED 127.0.0.1:80 - Local (127.0.0.1:5000)
function ExceptionWithHostPort(errno, syscall, address, port, additional) {
  const code = uv.errname(errno);
  let message = `${syscall} ${code}${whereText(address, port)}`;
  if (additional) message += ` - Local (${additional})`;
  const fields = { errno, code, syscall, address };
  if (port) fields.port = port;
  return plainError(ExceptionWithHostPort, message, fields);
}

function ErrnoException(errno, syscall, original) {
  const code = uv.errname(errno);
  const message = original ? `${syscall} ${code} ${original}` : `${syscall} ${code}`;
  return plainError(ErrnoException, message, { errno, code, syscall });
}

function DNSException(code, syscall, hostname) {
  let errno;
  if (typeof code === 'number') {
    errno = code;
    // A resolver's "no such name" and "no data" are one thing to a script.
    code = errno === uv.UV_EAI_NODATA || errno === uv.UV_EAI_NONAME ? 'ENOTFOUND' : uv.errname(errno);
  }
  const message = `${syscall} ${code}${hostname ? ` ${hostname}` : ''}`;
  const fields = { errno, code, syscall };
  if (hostname) fields.hostname = hostname;
  return plainError(DNSException, message, fields);
}

function ConnResetException(message) {
  return plainError(ConnResetException, message, { code: 'ECONNRESET' });
}

function genericNodeError(message, properties) {
  return plainError(genericNodeError, message, properties);
}

class AbortError extends Error {
  constructor(message = 'The operation was aborted', options = undefined) {
    if (options !== undefined && typeof options !== 'object') {
      throw new codes.ERR_INVALID_ARG_TYPE('options', 'Object', options);
    }
    super(message, options);
    this.code = 'ABORT_ERR';
    this.name = 'AbortError';
  }
}

// Both of two errors that met in one place: the outer's message and code, the inner in front.
function aggregateTwoErrors(innerError, outerError) {
  if (!innerError || !outerError || innerError === outerError) return innerError || outerError;
  if (Array.isArray(outerError.errors)) {
    outerError.errors.push(innerError);
    return outerError;
  }
  const error = new AggregateError([outerError, innerError], outerError.message);
  error.code = outerError.code;
  return error;
}

class NodeAggregateError extends AggregateError {
  constructor(errors, message) {
    super(errors, message);
    this.code = errors[0]?.code;
  }

  get ['constructor']() {
    return AggregateError;
  }
}

// Node takes a validator's own frames from the stack. Here the extra frame stays: a wrapper for each check would
// cost each good call, to tidy a bad one's trace.
function hideStackFrames(fn) {
  fn.withoutStackTrace = fn;
  return fn;
}

function isErrorStackTraceLimitWritable() {
  const own = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit');
  if (own === undefined) return Object.isExtensible(Error);
  return own.writable ?? own.set !== undefined;
}

// Whether an error is the engine's own for a stack that ran out.
function isStackOverflowError(error) {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded';
}

module.exports = {
  AbortError,
  ConnResetException,
  connResetException: ConnResetException,
  DNSException,
  dnsException: DNSException,
  E,
  ErrnoException,
  errnoException: ErrnoException,
  ExceptionWithHostPort,
  exceptionWithHostPort: ExceptionWithHostPort,
  NodeAggregateError,
  UVException,
  uvException: UVException,
  UVExceptionWithHostPort,
  uvExceptionWithHostPort: UVExceptionWithHostPort,
  aggregateTwoErrors,
  captureStack,
  codes,
  determineSpecificType: sentences.describe,
  formatList: sentences.formatList,
  genericNodeError,
  hideStackFrames,
  isErrorStackTraceLimitWritable,
  isStackOverflowError,
  kIsNodeError,
  uvErrmapGet: (errno) => uv.getErrorMap().get(errno),
};

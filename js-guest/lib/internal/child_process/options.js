// What spawn and its kin are given: the forms of their arguments and options, checked with Node's errors and brought into
// one shape. Must not know how a process is started.
'use strict';

const { codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_UNKNOWN_SIGNAL } } = require('internal/errors');
const {
  validateBoolean, validateObject, validateString,
} = require('internal/validators');
const { SIGNALS } = require('internal/process/lifecycle');

// What the library itself tells a child of ours, out of reach of a script's options.
const kInfo = Symbol('kInfo');

const isNothing = (value) => value === undefined || value === null;

function refuseNull(value, name) {
  if (typeof value === 'string' && value.includes('\u0000')) {
    throw new ERR_INVALID_ARG_VALUE(name, value, 'must be a string without null bytes');
  }
}

// ---- Signals, times, sizes ----

function toSignal(signal) {
  if (typeof signal === 'number') {
    if (Object.values(SIGNALS).includes(signal)) return signal;
  } else if (typeof signal === 'string') {
    const number = SIGNALS[signal.toUpperCase()];
    if (number !== undefined) return number;
  }
  throw new ERR_UNKNOWN_SIGNAL(signal);
}

const signalNames = new Map();
for (const [name, number] of Object.entries(SIGNALS)) if (!signalNames.has(number)) signalNames.set(number, name);
const signalName = (number) => signalNames.get(number) ?? `SIG${number}`;

function toKillSignal(signal) {
  if (typeof signal === 'string' || typeof signal === 'number') return toSignal(signal);
  if (!isNothing(signal)) throw new ERR_INVALID_ARG_TYPE('options.killSignal', ['string', 'number'], signal);
  return undefined;
}

function validateTimeout(timeout) {
  if (!isNothing(timeout) && !(Number.isInteger(timeout) && timeout >= 0)) {
    throw new ERR_OUT_OF_RANGE('timeout', 'an unsigned integer', timeout);
  }
}

function validateMaxBuffer(size) {
  if (!isNothing(size) && !(typeof size === 'number' && size >= 0)) {
    throw new ERR_OUT_OF_RANGE('options.maxBuffer', 'a positive number', size);
  }
}

// ---- Where and as whom ----

function toFolder(cwd) {
  if (isNothing(cwd)) return undefined;
  const path = require('internal/fs/validate').toPath(cwd, 'options.cwd');
  return typeof path === 'string' ? path : Buffer.from(path).toString();
}

const CHECKS = {
  detached: validateBoolean, windowsHide: validateBoolean, windowsVerbatimArguments: validateBoolean, argv0: validateString,
  uid: validateId, gid: validateId,
};

function validateId(value, name) {
  if (value !== (value | 0)) throw new ERR_INVALID_ARG_TYPE(name, 'int32', value);
}

// Inherited names count, as they do in Node; what is undefined is left out.
function toPairs(env) {
  const pairs = [];
  for (const key in env) { // eslint-disable-line guard-for-in
    const value = env[key];
    if (value === undefined) continue;
    refuseNull(key, `options.env['${key}']`);
    refuseNull(value, `options.env['${key}']`);
    pairs.push(`${key}=${value}`);
  }
  return pairs;
}

// ---- (file, args, options) ----

// A copy without what Object.prototype was given by somebody.
const copyOf = (options) => ({ __proto__: null, ...options });

function splitArguments(args, options) {
  if (Array.isArray(args)) return [[...args], options];
  if (isNothing(args)) return [[], options];
  if (typeof args !== 'object') throw new ERR_INVALID_ARG_TYPE('args', 'object', args);
  return [[], args];
}

function toShell(file, args, shell) {
  if (typeof shell !== 'string' && typeof shell !== 'boolean') {
    throw new ERR_INVALID_ARG_TYPE('options.shell', ['boolean', 'string'], shell);
  }
  refuseNull(shell, 'options.shell');
  if (!shell) return [file, args];
  return [typeof shell === 'string' ? shell : '/bin/sh', ['-c', [file, ...args].join(' ')]];
}

// Everything that starts one program: { ...options, file, args (with argv0), envPairs, cwd }.
function normalizeSpawn(file, args, options) {
  validateString(file, 'file');
  refuseNull(file, 'file');
  if (file.length === 0) throw new ERR_INVALID_ARG_VALUE('file', file, 'cannot be empty');
  [args, options] = splitArguments(args, options);
  args.forEach((arg, i) => refuseNull(arg, `args[${i}]`));
  if (options === undefined) options = {};
  else validateObject(options, 'options');
  options = copyOf(options);
  const cwd = toFolder(options.cwd);
  for (const [name, check] of Object.entries(CHECKS)) {
    if (!isNothing(options[name])) check(options[name], `options.${name}`);
  }
  refuseNull(options.argv0, 'options.argv0');
  if (!isNothing(options.shell)) [file, args] = toShell(file, args, options.shell);
  args.unshift(typeof options.argv0 === 'string' ? options.argv0 : file);
  const env = options.env || process.env;
  return { ...options, __proto__: null, file, args, cwd, detached: Boolean(options.detached), envPairs: toPairs(env) };
}

// execFile's (file[, args][, options][, callback]).
function normalizeExecFile(file, args, options, callback) {
  if (Array.isArray(args)) {
    args = [...args];
  } else if (args !== null && typeof args === 'object') {
    [args, options, callback] = [null, args, options];
  } else if (typeof args === 'function') {
    [args, options, callback] = [null, null, args];
  }
  args ??= [];
  if (typeof options === 'function') callback = options;
  else if (!isNothing(options)) validateObject(options, 'options');
  options = typeof options === 'function' || isNothing(options) ? copyOf() : options;
  if (!isNothing(callback) && typeof callback !== 'function') throw new ERR_INVALID_ARG_TYPE('callback', 'Function', callback);
  if (!Array.isArray(args)) throw new ERR_INVALID_ARG_TYPE('args', 'Array', args);
  if (!isNothing(options.argv0)) validateString(options.argv0, 'options.argv0');
  refuseNull(options.argv0, 'options.argv0');
  return { file, args, options: copyOf(options), callback };
}

function normalizeExec(command, options, callback) {
  validateString(command, 'command');
  refuseNull(command, 'command');
  if (typeof options === 'function') [options, callback] = [undefined, options];
  options = copyOf(options);
  options.shell = typeof options.shell === 'string' ? options.shell : true;
  return { file: command, options, callback };
}

module.exports = {
  toSignal, toKillSignal, signalName, validateTimeout, validateMaxBuffer, normalizeSpawn, normalizeExecFile, normalizeExec,
  refuseNull, copyOf, isNothing, kInfo,
};

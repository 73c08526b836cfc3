// Uncaught exceptions and unhandled rejections: who is asked, what is printed, which code the process ends with. Must not
// know what threw.
'use strict';

const native = internalBinding('process');
const tasks = internalBinding('tasks');
const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');

let capture = null;

function setCapture(fn) {
  if (fn === null) {
    capture = null;
    return;
  }
  if (typeof fn !== 'function') throw new ERR_INVALID_ARG_TYPE('fn', ['Function', 'null'], fn);
  if (capture !== null) {
    const { codes } = require('internal/errors');
    throw new codes.ERR_UNCAUGHT_EXCEPTION_CAPTURE_ALREADY_SET();
  }
  capture = fn;
}

// ---- What is printed ----

function describe(error) {
  const { inspect } = require('internal/util/inspect');
  const { excerptOf, isDecorated } = require('internal/process/excerpt');
  if (error instanceof Error || require('internal/util/types').isNativeError(error)) {
    const excerpt = excerptOf(error);
    const shown = isDecorated(error) ? error.stack : inspect(error, { colors: false, customInspect: false });
    return `${excerpt}${excerpt && '\n'}${shown}\n`;
  }
  const name = process.argv0?.slice(process.argv0.lastIndexOf('/') + 1) || 'skep';
  const head = `\n${excerptOf(error)}`;
  if (error !== null && (typeof error === 'object' || typeof error === 'function')) return `${head}${inspect(error)}\n`;
  return `${head}${String(error)}\n(Use \`${name} --trace-uncaught ...\` to show where the exception was thrown)\n`;
}

function print(error) {
  let text;
  try {
    text = describe(error);
  } catch {
    try {
      text = `${error?.stack ?? error}\n`;
    } catch {
      text = 'Uncaught exception that cannot be printed\n';
    }
  }
  native.log(2, `${text}\nSkep v${process.versions.skep}\n`);
}

// ---- Who is asked ----

function uncaught(error, fromPromise) {
  const origin = fromPromise ? 'unhandledRejection' : 'uncaughtException';
  let fallen;
  try {
    process.emit('uncaughtExceptionMonitor', error, origin);
    if (capture !== null) {
      capture(error);
      return;
    }
    if (process.emit('uncaughtException', error, origin)) return;
  } catch (second) {
    fallen = { second };
  }
  if (fallen !== undefined) {
    print(fallen.second);
    native.exit(7);
  }
  die(error);
}

function die(error) {
  print(error);
  try {
    if (!process._exiting) {
      process._exiting = true;
      process.exitCode = 1;
      process.emit('exit', 1);
    }
  } catch {
    // What an exit handler throws now would only hide the first error.
  }
  native.exit(process.exitCode ?? 1);
}

// ---- Rejections ----

const told = new WeakSet();

function mode() {
  for (const flag of process.execArgv) {
    if (flag.startsWith('--unhandled-rejections=')) return flag.slice('--unhandled-rejections='.length);
  }
  return 'throw';
}

function rejectionError(reason) {
  if (reason !== null && typeof reason === 'object' && Object.hasOwn(reason, 'stack')) return reason;
  const { inspect } = require('internal/util/inspect');
  let shown;
  try {
    shown = reason instanceof Error ? reason.stack : inspect(reason);
  } catch {
    shown = String(reason);
  }
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new Error('This error originated either by throwing inside of an async function without a catch block, ' +
    'or by rejecting a promise which was not handled with .catch(). The promise rejected with the reason ' +
    `"${noSideEffects(reason, shown)}".`);
  Error.stackTraceLimit = limit;
  Object.defineProperty(error, 'name', { value: 'UnhandledPromiseRejection', enumerable: false, writable: true, configurable: true });
  Object.defineProperty(error, 'stack', { value: `UnhandledPromiseRejection: ${error.message}`, enumerable: false, writable: true, configurable: true });
  error.code = 'ERR_UNHANDLED_REJECTION';
  return error;
}

// As V8 shows a value without running script: strings bare, objects by their class.
function noSideEffects(reason, shown) {
  if (typeof reason === 'string') return reason;
  if (typeof reason === 'function') return Function.prototype.toString.call(reason);
  if (reason !== null && typeof reason === 'object') return `#<${reason.constructor?.name || 'Object'}>`;
  return typeof reason === 'symbol' ? reason.toString() : shown;
}

let warnings = 0;

function warn(reason, promise) {
  warnings++;
  const hint = 'Unhandled promise rejection. This error originated either by throwing inside of an async function without ' +
    'a catch block, or by rejecting a promise which was not handled with .catch(). To terminate the node process on ' +
    'unhandled promise rejection, use the CLI flag `--unhandled-rejections=strict` (see ' +
    `https://nodejs.org/api/cli.html#cli_unhandled_rejections_mode). (rejection id: ${warnings})`;
  const warning = new Error(hint);
  warning.name = 'UnhandledPromiseRejectionWarning';
  if (typeof reason?.stack === 'string') {
    warning.stack = reason.stack;
    process.emitWarning(reason.stack, 'UnhandledPromiseRejectionWarning');
  } else {
    process.emitWarning(noSideEffects(reason, String(reason)), 'UnhandledPromiseRejectionWarning');
  }
  process.emitWarning(warning);
}

function judgeOne(promise, reason) {
  told.add(promise);
  switch (mode()) {
    case 'strict': {
      uncaught(rejectionError(reason), true);
      if (!process.emit('unhandledRejection', reason, promise)) warn(reason, promise);
      return;
    }
    case 'warn':
      process.emit('unhandledRejection', reason, promise);
      warn(reason, promise);
      return;
    case 'none':
      process.emit('unhandledRejection', reason, promise);
      return;
    case 'warn-with-error-codes':
      if (process.emit('unhandledRejection', reason, promise)) return;
      warn(reason, promise);
      process.exitCode = 1;
      return;
    default:
      if (!process.emit('unhandledRejection', reason, promise)) uncaught(rejectionError(reason), true);
  }
}

// Lists from glue/tasks.c: promises with their reasons in turn, and promises that have found a handler since.
function judge(rejected, handled) {
  for (const promise of handled) {
    if (!told.has(promise)) continue;
    told.delete(promise);
    attempt(() => process.emit('rejectionHandled', promise));
  }
  for (let i = 0; i < rejected.length; i += 2) attempt(judgeOne, rejected[i], rejected[i + 1]);
}

function attempt(fn, ...args) {
  try {
    fn(...args);
  } catch (error) {
    uncaught(error, false);
  }
}

function badCallback(value) {
  throw new ERR_INVALID_ARG_TYPE('callback', 'Function', value);
}

tasks.setHandlers(uncaught, judge, badCallback);

module.exports = { uncaught, setCapture, hasCapture: () => capture !== null };

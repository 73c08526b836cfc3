// process.emitWarning and what is printed for a 'warning'. Must not know what is warned of.
'use strict';

const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');
const { validateString } = require('internal/validators');

let hinted = false;

const traced = (warning) => process.traceProcessWarnings || process.execArgv.includes('--trace-warnings') ||
  (warning.name === 'DeprecationWarning' && (process.traceDeprecation || process.execArgv.includes('--trace-deprecation')));

function shown(warning) {
  try {
    if (typeof warning.toString === 'function') return `${warning.toString()}`;
  } catch {
    // A warning that cannot be shown must not end the program.
  }
  return Error.prototype.toString.call(warning);
}

function text(warning) {
  const isDeprecation = warning.name === 'DeprecationWarning';
  let message = `(node:${process.pid}) ${warning.code ? `[${warning.code}] ` : ''}`;
  const trace = traced(warning);
  if (trace && warning.stack) message += `${warning.stack}`;
  else message += shown(warning);
  if (typeof warning.detail === 'string') message += `\n${warning.detail}`;
  if (!trace && !hinted) {
    hinted = true;
    const name = require('path').basename(process.argv0 || 'node', '.exe');
    message += `\n(Use \`${name} --trace-${isDeprecation ? 'deprecation' : 'warnings'} ...\` to show where the warning was created)`;
  }
  return `${message}\n`;
}

// The first listener of 'warning': a program that wants silence removes it, as in Node.
function onWarning(warning) {
  if (!(warning instanceof Error)) return;
  if (warning.name === 'DeprecationWarning' && process.noDeprecation) return;
  if (process.execArgv.includes('--no-warnings') || process.env.NODE_NO_WARNINGS === '1') return;
  require('internal/process/stdio').writeError(text(warning));
}

function emit(warning) {
  process.emit('warning', warning);
}

function make(warning, type, code, above, detail) {
  const limit = Error.stackTraceLimit;
  const isDeprecation = type === 'DeprecationWarning';
  if (isDeprecation && !process.traceDeprecation && !process.throwDeprecation) Error.stackTraceLimit = 0;
  const made = new Error(warning);
  Error.stackTraceLimit = limit;
  made.name = String(type || 'Warning');
  if (code !== undefined) made.code = code;
  if (detail !== undefined) made.detail = detail;
  Error.captureStackTrace(made, above || process.emitWarning);
  return made;
}

function emitWarning(warning, type, code, above) {
  let detail;
  if (type !== null && typeof type === 'object' && !Array.isArray(type)) {
    above = type.ctor;
    code = type.code;
    if (typeof type.detail === 'string') detail = type.detail;
    type = type.type || 'Warning';
  } else if (typeof type === 'function') {
    above = type;
    code = '';
    type = 'Warning';
  }
  if (type !== undefined) validateString(type, 'type');
  if (typeof code === 'function') {
    above = code;
    code = '';
  } else if (code !== undefined) {
    validateString(code, 'code');
  }
  if (typeof warning === 'string') warning = make(warning, type, code || undefined, above, detail);
  else if (!(warning instanceof Error)) throw new ERR_INVALID_ARG_TYPE('warning', ['Error', 'string'], warning);
  if (warning.name === 'DeprecationWarning') {
    if (process.noDeprecation) return;
    if (process.throwDeprecation) {
      process.nextTick(() => { throw warning; });
      return;
    }
  }
  process.nextTick(emit, warning);
}

module.exports = { emitWarning, onWarning };

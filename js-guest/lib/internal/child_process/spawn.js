// spawn and fork: a ChildProcess, started, with its timeout and abort signal. Must not know the host.
'use strict';

const { ChildProcess } = require('internal/child_process/child');
const { spread } = require('internal/child_process/stdio');
const { normalizeSpawn, toKillSignal, validateTimeout, copyOf, refuseNull, isNothing, kInfo } = require('internal/child_process/options');
const { AbortError, codes: { ERR_CHILD_PROCESS_IPC_REQUIRED } } = require('internal/errors');
const { validateAbortSignal, validateArray, validateObject } = require('internal/validators');

function abort(child, killSignal, reason) {
  try {
    if (child.kill(killSignal)) child.emit('error', new AbortError(undefined, { cause: reason }));
  } catch (error) {
    child.emit('error', error);
  }
}

function killOnAbort(child, signal, killSignal) {
  const onAbort = () => abort(child, killSignal, signal.reason);
  if (signal.aborted) {
    process.nextTick(onAbort);
    return;
  }
  signal.addEventListener('abort', onAbort, { once: true });
  child.once('exit', () => signal.removeEventListener('abort', onAbort));
}

function killLater(child, timeout, killSignal) {
  const timer = setTimeout(() => {
    try {
      child.kill(killSignal);
    } catch (error) {
      child.emit('error', error);
    }
  }, timeout);
  child.once('exit', () => clearTimeout(timer));
}

function spawn(file, args, options) {
  const settings = normalizeSpawn(file, args, options);
  validateTimeout(settings.timeout);
  if (settings.signal !== undefined) validateAbortSignal(settings.signal, 'options.signal');
  const killSignal = toKillSignal(settings.killSignal);
  const child = new ChildProcess();
  child.spawn(settings);
  if (settings.timeout > 0) killLater(child, settings.timeout, killSignal);
  if (settings.signal !== undefined) killOnAbort(child, settings.signal, killSignal);
  return child;
}

// ---- fork ----

function forkArguments(modulePath, args, options) {
  modulePath = require('internal/fs/validate').toPath(modulePath, 'modulePath');
  if (isNothing(args)) {
    args = [];
  } else if (typeof args === 'object' && !Array.isArray(args)) {
    [args, options] = [[], args];
  } else {
    validateArray(args, 'args');
  }
  if (!isNothing(options)) validateObject(options, 'options');
  return [modulePath, [...args], copyOf(options)];
}

// The flags of this process, without the code that it was given by -e.
function ownFlags() {
  const at = process._eval === undefined ? -1 : process.execArgv.lastIndexOf(process._eval);
  return at > 0 ? process.execArgv.toSpliced(at - 1, 2) : process.execArgv;
}

// `info`: what the library wants the child to know.
function fork(modulePath, args, options, info) {
  [modulePath, args, options] = forkArguments(modulePath, args, options);
  options.execPath ||= process.execPath;
  refuseNull(options.execPath, 'options.execPath');
  const execArgv = options.execArgv || ownFlags();
  validateArray(execArgv, 'options.execArgv');
  execArgv.forEach((flag, i) => refuseNull(flag, `options.execArgv[${i}]`));
  if (typeof options.stdio === 'string') {
    options.stdio = spread(options.stdio, ['ipc']);
  } else if (!Array.isArray(options.stdio)) {
    options.stdio = spread(options.silent ? 'pipe' : 'inherit', ['ipc']);
  } else if (!options.stdio.includes('ipc')) {
    throw new ERR_CHILD_PROCESS_IPC_REQUIRED('options.stdio');
  }
  options.shell = false;
  options[kInfo] = info;
  return spawn(options.execPath, [...execArgv, modulePath, ...args], options);
}

module.exports = { spawn, fork };

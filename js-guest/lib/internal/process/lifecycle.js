// A process from START to EXIT: what the start record fills in, the exit event and code, signals. Must not know scripts.
'use strict';

const native = internalBinding('process');
const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');
const { validateInteger } = require('internal/validators');
const { environment } = require('internal/process/environment');

// Names by number, as Linux has them.
const SIGNALS = {
  SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6, SIGIOT: 6, SIGBUS: 7, SIGFPE: 8, SIGKILL: 9,
  SIGUSR1: 10, SIGSEGV: 11, SIGUSR2: 12, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15, SIGCHLD: 17, SIGSTKFLT: 16, SIGCONT: 18,
  SIGSTOP: 19, SIGTSTP: 20, SIGTTIN: 21, SIGTTOU: 22, SIGURG: 23, SIGXCPU: 24, SIGXFSZ: 25, SIGVTALRM: 26, SIGPROF: 27,
  SIGWINCH: 28, SIGIO: 29, SIGPOLL: 29, SIGPWR: 30, SIGSYS: 31,
};

let exitCode;
// Milliseconds of the monotonic clock: the guest's start and the steps of it, the end of its script, the end of its loop.
const state = { info: {}, startedAt: 0, steps: undefined, loopAt: 0, loopCpu: 0, exitAt: 0 };

// ---- START ----

function begin(info, startedAt) {
  const { argv } = info;
  state.info = info;
  state.startedAt = startedAt;
  process.argv = argv;
  process.argv0 = argv[0];
  process.execPath = argv[0];
  process.execArgv = info.execArgv ?? [];
  process.env = environment(info);
  process.pid = info.pid ?? 1;
  process.title = argv[0];
  if (info.platform !== undefined) process.platform = info.platform;
  if (info.arch !== undefined) process.arch = info.arch;
  if (info.version !== undefined) process.versions.skep = info.version;
}

// A clone goes on with what the script has made of its process, under a number of its own.
function resume(info, startedAt) {
  state.info = { ...state.info, pid: info.pid, ppid: info.ppid, info: info.info };
  state.startedAt = startedAt;
  process.pid = info.pid;
}

// ---- Exit ----

function checkExitCode(code) {
  if (code === undefined || code === null) return;
  let value = code;
  if (typeof code === 'string' && code !== '') {
    value = Number(code);
    if (Number.isNaN(value)) value = code;
  }
  validateInteger(value, 'code');
}

Object.defineProperty(process, 'exitCode', {
  configurable: true,
  enumerable: true,
  get: () => exitCode,
  set(code) {
    checkExitCode(code);
    exitCode = code ?? undefined;
  },
});

function exit(code) {
  if (arguments.length !== 0) process.exitCode = code;
  if (!process._exiting) {
    process._exiting = true;
    state.exitAt = native.now(0);
    process.emit('exit', process.exitCode || 0);
  }
  process.reallyExit(process.exitCode || 0);
}

function onBeforeExit() {
  if (process._exiting) return;
  process.emit('beforeExit', process.exitCode || 0);
}

// The host's last word. A main module that waits for something that can never come has its own code.
function onExit(proposed, forced) {
  if (!forced && exitCode === undefined && require('internal/modules/run_main').isPending()) {
    native.log(2, `Warning: Detected unsettled top-level await at ${process.argv[1] ?? '[eval1]'}\n`);
    exitCode = 13;
  }
  if (exitCode === undefined && proposed !== 0) exitCode = proposed;
  exit();
}

// ---- Signals ----

const nameOf = new Map();
for (const [name, number] of Object.entries(SIGNALS)) if (!nameOf.has(number)) nameOf.set(number, name);

function onSignal(number) {
  const name = nameOf.get(number);
  if (name !== undefined) process.emit(name, name, number);
}

function watchSignals() {
  process.on('newListener', (event) => {
    const number = isSignal(event);
    if (number && process.listenerCount(event) === 0) native.signalWatch(number, true);
  });
  process.on('removeListener', (event) => {
    const number = isSignal(event);
    if (number && process.listenerCount(event) === 0) native.signalWatch(number, false);
  });
}

const isSignal = (event) => (typeof event === 'string' && event.startsWith('SIG') ? SIGNALS[event] : undefined);

function kill(pid, signal) {
  if (pid != (pid | 0)) throw new ERR_INVALID_ARG_TYPE('pid', 'number', pid); // eslint-disable-line eqeqeq
  let number = signal === undefined ? SIGNALS.SIGTERM : signal;
  if (typeof number !== 'number') {
    number = SIGNALS[signal];
    if (number === undefined) throw new (require('internal/errors').codes.ERR_UNKNOWN_SIGNAL)(signal);
  }
  const { ErrnoException } = require('internal/errors');
  if (number < 0 || number > 64 || number !== (number | 0)) throw new ErrnoException(-22, 'kill');
  const result = process._kill(pid | 0, number);
  if (result) throw new ErrnoException(result, 'kill');
  return true;
}

// A guest may signal itself and its children; 0 or a negative errno, as a system call.
function killPid(pid, number) {
  const child = internalBinding('child');
  return pid === process.pid || pid === 0 ? child.raise(number) : child.killPid(pid, number);
}

module.exports = { begin, resume, exit, beforeExit: onBeforeExit, signal: onSignal, watchSignals, kill, killPid, state, SIGNALS, onExit };

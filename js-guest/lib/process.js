// node:process, the object `process` itself. What a start fills in stands in internal/process/lifecycle. Must not know
// the host but through its binding.
'use strict';

const native = internalBinding('process');
const tasks = internalBinding('tasks');
const EventEmitter = require('events');
const { validateArray, validateNumber, validateObject, validateString, validateUint32, parseFileMode } = require('internal/validators');
const lifecycle = require('internal/process/lifecycle');
const exceptions = require('internal/process/exceptions');
const { emitWarning, onWarning } = require('internal/process/warning');
const { codes } = require('internal/errors');

// ---- The object ----

const proto = Object.create(EventEmitter.prototype, {
  constructor: { value: function process() {}, writable: true, configurable: true, enumerable: false },
});
proto.constructor.prototype = proto;
Object.setPrototypeOf(process, proto);
Object.defineProperty(process, Symbol.toStringTag, { value: 'process', configurable: true, enumerable: false });
EventEmitter.call(process);

function define(values) {
  for (const [key, value] of Object.entries(values)) {
    Object.defineProperty(process, key, { value, writable: true, configurable: true, enumerable: true });
  }
}

const frozen = (value) => Object.freeze(value);

define({
  version: 'v20.11.1',
  versions: { node: '20.11.1', skep: '0.1.0', quickjs: native.engineVersion, modules: '115', uv: '1.46.0', v8: '11.3.244.8-node.17' },
  arch: 'x64',
  platform: 'linux',
  release: { name: 'node', lts: 'Iron' },
  argv: [], execArgv: [], env: {}, pid: 1, ppid: 0, execPath: '', argv0: '', title: 'skep', debugPort: 9229,
  features: frozen({ inspector: false, debug: false, uv: true, ipv6: true, tls_alpn: false, tls_sni: false, tls_ocsp: false, tls: false, cached_builtins: true }),
  config: frozen({ target_defaults: frozen({}), variables: frozen({ v8_enable_i18n_support: 0, node_module_version: 115, napi_build_version: '9' }) }),
  moduleLoadList: [],
  domain: null,
  _exiting: false,
});

Object.defineProperty(process, 'ppid', { configurable: true, enumerable: true, get: () => lifecycle.state.info.ppid ?? 0 });
Object.defineProperty(process, 'allowedNodeEnvironmentFlags', {
  configurable: true,
  enumerable: true,
  get: () => require('internal/process/flags').flags,
});

// ---- Tasks ----

define({
  nextTick(callback, ...args) {
    if (process._exiting && typeof callback === 'function') return;
    tasks.nextTick(callback, ...args);
  },
  _tickCallback() { tasks.runMicrotasks(); },
  emitWarning,
  setUncaughtExceptionCaptureCallback: exceptions.setCapture,
  hasUncaughtExceptionCaptureCallback: exceptions.hasCapture,
  _fatalException(error) { exceptions.uncaught(error, false); return true; },
});
process.nextTick = tasks.nextTick;

// ---- Place ----

define({
  cwd: () => lifecycle.state.info.cwd ?? '/',
  chdir(directory) {
    validateString(directory, 'directory');
    lifecycle.state.info.cwd = require('internal/fs/request').enterFolder(directory);
  },
  umask(mask) {
    if (mask === undefined) return umask;
    const before = umask;
    umask = parseFileMode(mask, 'mask') & 0o777;
    return before;
  },
});
let umask = 0o22;

// ---- Clocks and memory ----

function hrtime(since) {
  const now = native.hrtime(0);
  if (since === undefined) return now;
  validateArray(since, 'time');
  if (since.length !== 2) throw new codes.ERR_OUT_OF_RANGE('time', 2, since.length);
  let seconds = now[0] - since[0];
  let nanos = now[1] - since[1];
  if (nanos < 0) {
    seconds--;
    nanos += 1e9;
  }
  return [seconds, nanos];
}
hrtime.bigint = native.hrtimeBigInt;

function checkUsage(value, name) {
  validateNumber(value, name);
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new codes.ERR_INVALID_ARG_VALUE.RangeError(name, value);
}

function cpuUsage(since) {
  const user = Math.floor(native.now(2) * 1000);
  if (!since) return { user, system: 0 };
  validateObject(since, 'prevValue');
  checkUsage(since.user, 'prevValue.user');
  checkUsage(since.system, 'prevValue.system');
  return { user: user - since.user, system: 0 - since.system };
}

function memoryUsage() {
  const [whole, total, used] = native.memory();
  return { rss: whole, heapTotal: total, heapUsed: Math.min(used, total), external: 0, arrayBuffers: 0 };
}
memoryUsage.rss = () => native.memory()[0];

define({
  hrtime,
  cpuUsage,
  memoryUsage,
  uptime: () => (native.now(0) - lifecycle.state.startedAt) / 1000,
  constrainedMemory: () => 0,
  resourceUsage() {
    const { user, system } = cpuUsage();
    return {
      userCPUTime: user, systemCPUTime: system, maxRSS: Math.ceil(native.memory()[0] / 1024), sharedMemorySize: 0,
      unsharedDataSize: 0, unsharedStackSize: 0, minorPageFault: 0, majorPageFault: 0, swappedOut: 0, fsRead: 0, fsWrite: 0,
      ipcSent: 0, ipcReceived: 0, signalsCount: 0, voluntaryContextSwitches: 0, involuntaryContextSwitches: 0,
    };
  },
  getActiveResourcesInfo: () => require('internal/process/active').activeResources(),
  _getActiveHandles: () => require('internal/process/active').activeHandles(),
  _getActiveRequests: () => require('internal/process/active').activeRequests(),
  _startProfilerIdleNotifier() {},
  _stopProfilerIdleNotifier() {},
});

// ---- Users, signals, exit ----

const id = (key) => () => lifecycle.state.info[key] ?? 0;
function checkId(value, name) {
  if (typeof value === 'string') return;
  if (typeof value !== 'number') throw new codes.ERR_INVALID_ARG_TYPE(name, ['number', 'string'], value);
  validateUint32(value, name);
}

// Users and groups are numbers here: who asks by name asks for one that is not known.
function refuseName(value, kind) {
  if (typeof value === 'string') throw new codes.ERR_UNKNOWN_CREDENTIAL(kind, value);
}

const notPermitted = (name) => (value, extra) => {
  const kind = name === 'setuid' || name === 'seteuid' ? 'User' : 'Group';
  if (name === 'setgroups') {
    validateArray(value, 'groups');
    value.forEach((group, i) => checkId(group, `groups[${i}]`));
    value.forEach((group) => refuseName(group, kind));
  } else if (name === 'initgroups') {
    checkId(value, 'user');
    checkId(extra, 'extraGroup');
    refuseName(extra, 'Group');
    refuseName(value, 'User');
  } else {
    checkId(value, 'id');
    refuseName(value, kind);
  }
  throw new (require('internal/errors').ErrnoException)(-1, name);
};

define({
  getuid: id('uid'), geteuid: id('uid'), getgid: id('gid'), getegid: id('gid'), getgroups: () => [id('gid')()],
  kill: lifecycle.kill,
  _kill: lifecycle.killPid,
  exit: lifecycle.exit,
  reallyExit: (code) => native.exit(code),
  abort: () => native.exit(134),
});
for (const name of ['setuid', 'seteuid', 'setgid', 'setegid', 'initgroups', 'setgroups']) define({ [name]: notPermitted(name) });

const notHere = (name) => ({ [name](...args) { throw require('internal/missing').error(`process.${name}`); } })[name];
for (const name of ['_debugProcess', '_debugEnd', '_rawDebug', 'setSourceMapsEnabled', 'openStdin', '_linkedBinding']) {
  define({ [name]: notHere(name) });
}
process._rawDebug = (...args) => native.log(2, `${require('util').format(...args)}\n`);
process.setSourceMapsEnabled = (on) => require('internal/validators').validateBoolean(on, 'val');

// What the system's loader would say; a library that it would take cannot run in a cell.
function whyNotLoaded(filename) {
  const bytes = internalBinding('fs').read(filename, false);
  if (typeof bytes === 'number') return 'cannot open shared object file: No such file or directory';
  if (bytes.length < 64) return 'file too short';
  return bytes.toString('latin1', 0, 4) === '\x7fELF' ? 'native addons do not run here' : 'invalid ELF header';
}

define({
  dlopen(module, filename) {
    if (module === null || typeof module !== 'object') throw new codes.ERR_INVALID_ARG_TYPE('module', 'Object', module);
    validateString(filename, 'filename');
    throw Object.assign(new Error(`${filename}: ${whyNotLoaded(filename)}`), { code: 'ERR_DLOPEN_FAILED' });
  },
  binding(name) {
    if (name === 'http_parser') {
      const { HTTPParser } = require('internal/http/parser');
      return { HTTPParser, methods: internalBinding('http').methods.slice() };
    }
    if (name === 'tty_wrap') {
      const { isatty } = require('tty');
      return { isTTY: isatty, TTY: require('internal/missing').stub('tty_wrap', 'TTY') };
    }
    const error = new Error(`No such module: ${name}`);
    error.code = 'ERR_INVALID_MODULE';
    throw error;
  },
  assert(value, message) {
    if (!assertWarned) emitWarning('process.assert() is deprecated. Please use the `assert` module instead.', 'DeprecationWarning', 'DEP0100');
    assertWarned = true;
    if (!value) throw new codes.ERR_ASSERTION(message || 'assertion error');
  },
  openStdin() {
    process.stdin.resume();
    return process.stdin;
  },
});

let assertWarned = false;
const report = { directory: '', filename: '', compact: false, signal: 'SIGUSR2', reportOnFatalError: false, reportOnSignal: false, reportOnUncaughtException: false };
report.writeReport = notHere('report.writeReport');
report.getReport = notHere('report.getReport');
define({ report });

lifecycle.watchSignals();
process.on('warning', onWarning);
require('internal/process/stdio');

module.exports = process;

// node:os: what the start record grants; of the machine besides, which a guest does not see, plain fixed values: one processor,
// the loopback, no load. Must not know the host.
'use strict';

const { state, SIGNALS } = require('internal/process/lifecycle');
const { validateInt32 } = require('internal/validators');
const native = internalBinding('process');

const text = (fn) => Object.assign(fn, { [Symbol.toPrimitive]: fn });

const errno = {};
const rows = native.errorNames();
for (let i = 0; i < rows.length; i += 3) if (rows[i + 1] < 1000) errno[rows[i]] = rows[i + 1];

const trimmed = (path) => (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);

function userInfo(options = undefined) {
  const { uid = 0, gid = 0 } = state.info;
  const given = process.env, encoding = options !== null && typeof options === 'object' ? options.encoding : undefined;
  const as = (value) => (encoding === 'buffer' ? Buffer.from(value) : Buffer.isEncoding(encoding) ? Buffer.from(value).toString(encoding) : value);
  return {
    uid, gid, username: as(given.USER ?? 'guest'), homedir: as(module.exports.homedir()), shell: as(given.SHELL ?? '/bin/sh'),
  };
}

// Niceness is the host's to give: what a guest sets, it reads back, and that is all.
const priorities = new Map();
const own = (pid) => pid === 0 || pid === process.pid;

function noSuchProcess(syscall) {
  const { ERR_SYSTEM_ERROR } = require('internal/errors').codes;
  return new ERR_SYSTEM_ERROR({ errno: -3, code: 'ESRCH', message: 'no such process', syscall });
}

function getPriority(pid = 0) {
  validateInt32(pid, 'pid');
  if (!own(pid)) throw noSuchProcess('uv_os_getpriority');
  return priorities.get(0) ?? 0;
}

function setPriority(pid, priority) {
  if (priority === undefined) [priority, pid] = [pid, 0];
  validateInt32(pid, 'pid');
  validateInt32(priority, 'priority', -20, 19);
  if (!own(pid)) throw noSuchProcess('uv_os_setpriority');
  priorities.set(0, priority);
}

const LOOPBACK = { mac: '00:00:00:00:00:00', internal: true };

function networkInterfaces() {
  return {
    lo: [
      { address: '127.0.0.1', netmask: '255.0.0.0', family: 'IPv4', ...LOOPBACK, cidr: '127.0.0.1/8' },
      { address: '::1', netmask: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', family: 'IPv6', ...LOOPBACK, cidr: '::1/128', scopeid: 0 },
    ],
  };
}

module.exports = {
  EOL: '\n',
  devNull: '/dev/null',
  arch: text(() => process.arch),
  platform: text(() => process.platform),
  type: text(() => 'Linux'),
  machine: text(() => 'wasm32'),
  hostname: text(() => state.info.hostname ?? 'localhost'),
  homedir: text(() => process.env.HOME ?? '/'),
  tmpdir: text(() => trimmed(process.env.TMPDIR || process.env.TMP || process.env.TEMP || '/tmp')),
  endianness: text(() => 'LE'),
  release: text(() => state.info.version ?? '0.1.0'),
  version: text(() => `Skep ${state.info.version ?? '0.1.0'}`),
  availableParallelism: text(() => 1),
  uptime: text(() => native.now(0) / 1000),
  cpus: () => [{ model: 'skep', speed: 0, times: { user: Math.floor(native.now(2)), nice: 0, sys: 0, idle: 0, irq: 0 } }],
  totalmem: text(() => state.info.memory ?? native.memory()[0]),
  freemem: text(() => Math.max(0, (state.info.memory ?? native.memory()[0]) - native.memory()[1])),
  loadavg: () => [0, 0, 0],
  networkInterfaces,
  userInfo,
  getPriority,
  setPriority,
  constants: Object.freeze({
    __proto__: null,
    UV_UDP_REUSEADDR: 4,
    dlopen: Object.freeze({ __proto__: null, RTLD_LAZY: 1, RTLD_NOW: 2, RTLD_GLOBAL: 256, RTLD_LOCAL: 0, RTLD_DEEPBIND: 8 }),
    errno: Object.freeze(Object.assign({ __proto__: null }, errno)),
    signals: Object.freeze(Object.assign({ __proto__: null }, SIGNALS)),
    priority: Object.freeze({ __proto__: null, PRIORITY_LOW: 19, PRIORITY_BELOW_NORMAL: 10, PRIORITY_NORMAL: 0,
      PRIORITY_ABOVE_NORMAL: -7, PRIORITY_HIGH: -14, PRIORITY_HIGHEST: -20 }),
  }),
};
Object.defineProperties(module.exports, {
  EOL: { writable: false }, devNull: { writable: false }, constants: { writable: false },
});

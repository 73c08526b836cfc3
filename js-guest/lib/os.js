// node:os: true values of the start record, and not-implemented errors for the machine that a guest does not see. Must not
// know the host.
'use strict';

const { state, SIGNALS } = require('internal/process/lifecycle');
const { error } = require('internal/missing');
const native = internalBinding('process');

const missing = (name) => ({ [name]() { throw error(`os.${name}`); } })[name];
const text = (fn) => Object.assign(fn, { [Symbol.toPrimitive]: fn });

const errno = {};
const rows = native.errorNames();
for (let i = 0; i < rows.length; i += 3) if (rows[i + 1] < 1000) errno[rows[i]] = rows[i + 1];

const trimmed = (path) => (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);

function userInfo() {
  const { uid = 0, gid = 0 } = state.info;
  return { uid, gid, username: process.env.USER ?? 'guest', homedir: module.exports.homedir(), shell: null };
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
  uptime: text(() => Math.floor(native.now(0) / 1000)),
  cpus: () => [{ model: 'skep', speed: 0, times: { user: Math.floor(native.now(2)), nice: 0, sys: 0, idle: 0, irq: 0 } }],
  totalmem: text(() => state.info.memory ?? native.memory()[0]),
  freemem: text(() => Math.max(0, (state.info.memory ?? native.memory()[0]) - native.memory()[1])),
  loadavg: () => [0, 0, 0],
  networkInterfaces: missing('networkInterfaces'),
  userInfo,
  getPriority: () => 0,
  setPriority: missing('setPriority'),
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

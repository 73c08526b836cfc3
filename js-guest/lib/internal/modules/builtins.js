// Which names are Node's own modules, and which of them only with the prefix `node:`. Must not know what is in them.
'use strict';

const PUBLIC = [
  '_http_agent', '_http_client', '_http_common', '_http_incoming', '_http_outgoing', '_http_server', '_stream_duplex',
  '_stream_passthrough', '_stream_readable', '_stream_transform', '_stream_wrap', '_stream_writable', '_tls_common',
  '_tls_wrap', 'assert', 'assert/strict', 'async_hooks', 'buffer', 'child_process', 'cluster', 'console', 'constants',
  'crypto', 'dgram', 'diagnostics_channel', 'dns', 'dns/promises', 'domain', 'events', 'fs', 'fs/promises', 'http', 'http2',
  'https', 'inspector', 'inspector/promises', 'module', 'net', 'os', 'path', 'path/posix', 'path/win32', 'perf_hooks',
  'process', 'punycode', 'querystring', 'readline', 'readline/promises', 'repl', 'stream', 'stream/consumers',
  'stream/promises', 'stream/web', 'string_decoder', 'sys', 'timers', 'timers/promises', 'tls', 'trace_events', 'tty', 'url',
  'util', 'util/types', 'v8', 'vm', 'wasi', 'worker_threads', 'zlib',
];
const PREFIXED = ['sea', 'test', 'test/reporters'];
// Ours: a scheme of its own, so that they can be taken for nobody's.
const OWN = ['skep:host', 'skep:process'];

const bare = new Set([...PUBLIC, ...OWN]);
const prefixed = new Set([...PUBLIC, ...PREFIXED]);
let internals = false;

module.exports = {
  builtinModules: PUBLIC,
  all: [...PUBLIC, ...PREFIXED],
  isBuiltin(id) {
    if (typeof id !== 'string') return false;
    return id.startsWith('node:') ? prefixed.has(id.slice(5)) : module.exports.canBeRequiredBare(id);
  },
  canBeRequiredBare(id) {
    return bare.has(id) || (internals && id.startsWith('internal/'));
  },
  // --expose-internals
  exposeInternals() {
    internals = true;
  },
};

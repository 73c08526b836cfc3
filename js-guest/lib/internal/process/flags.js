// process.allowedNodeEnvironmentFlags: the flags that NODE_OPTIONS may hold in Node, whatever they mean here. Must not know
// what any flag does.
'use strict';

const FLAGS = `--abort-on-uncaught-exception --allow-addons --allow-child-process --allow-fs-read --allow-fs-write
  --allow-wasi --allow-worker --conditions --diagnostic-dir --disable-proto --disable-warning --dns-result-order
  --enable-etw-profiling --enable-fips --enable-network-family-autoselection --enable-source-maps
  --experimental-abortcontroller --experimental-default-type --experimental-detect-module --experimental-fetch
  --experimental-global-customevent --experimental-global-navigator --experimental-global-webcrypto
  --experimental-import-meta-resolve --experimental-json-modules --experimental-loader --experimental-modules
  --experimental-network-imports --experimental-permission --experimental-print-required-tla --experimental-repl-await
  --experimental-report --experimental-require-module --experimental-shadow-realm --experimental-specifier-resolution
  --experimental-top-level-await --experimental-vm-modules --experimental-wasi-unstable-preview1
  --experimental-wasm-modules --experimental-websocket --experimental-worker --extra-info-on-fatal-exception
  --force-async-hooks-checks --force-context-aware --force-fips --force-node-api-uncaught-exceptions-policy
  --frozen-intrinsics --heapsnapshot-near-heap-limit --heapsnapshot-signal --huge-max-old-generation-size --icu-data-dir
  --import --input-type --insecure-http-parser --interpreted-frames-native-stack --jitless --loader
  --max-http-header-size --max-old-space-size --max-semi-space-size --napi-modules --network-family-autoselection
  --network-family-autoselection-attempt-timeout --node-memory-debug --node-snapshot --openssl-config
  --openssl-legacy-provider --openssl-shared-config --pending-deprecation --perf-basic-prof
  --perf-basic-prof-only-functions --perf-prof --perf-prof-unwinding-info --preserve-symlinks --preserve-symlinks-main
  --prof-process --redirect-warnings --report-compact --report-dir --report-directory --report-filename
  --report-on-fatalerror --report-on-signal --report-signal --report-uncaught-exception --require --secure-heap
  --secure-heap-min --snapshot-blob --stack-trace-limit --test-name-pattern --test-only --test-reporter
  --test-reporter-destination --throw-deprecation --title --tls-cipher-list --tls-keylog --tls-max-v1.2 --tls-max-v1.3
  --tls-min-v1.0 --tls-min-v1.1 --tls-min-v1.2 --tls-min-v1.3 --trace-deprecation --trace-event-categories
  --trace-event-file-pattern --trace-events-enabled --trace-exit --trace-promises --trace-sigint --trace-sync-io
  --trace-tls --trace-uncaught --trace-warnings --track-heap-objects --unhandled-rejections --use-bundled-ca
  --use-largepages --use-openssl-ca --v8-pool-size --verify-base-objects --warnings --watch-path --zero-fill-buffers
  -C -r`.split(/\s+/);

const known = new Set(FLAGS);
const bare = new Set(FLAGS.map((flag) => flag.replace(/^--?/, '')));

// A set that answers for `--a_b=c` as for `--a-b`, and that nobody can change: the true one is out of reach.
class FlagSet extends Set {
  add() { return this; }
  delete() { return false; }
  clear() {}

  has(flag) {
    if (typeof flag !== 'string') return false;
    const name = flag.replaceAll('_', '-');
    return /^--?/.test(name) ? known.has(name.replace(/=.*$/s, '')) : bare.has(name);
  }

  get size() { return known.size; }
  forEach(callback, thisArg) { for (const flag of known) Reflect.apply(callback, thisArg, [flag, flag, this]); }
  entries() { return known.entries(); }
  keys() { return known.keys(); }
  values() { return known.values(); }
  [Symbol.iterator]() { return known.values(); }
}

const flags = Object.freeze(new FlagSet());
Object.freeze(FlagSet.prototype);

module.exports = { flags };

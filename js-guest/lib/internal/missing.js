// Node's modules that are not built: each exists, and each of its functions throws ERR_METHOD_NOT_IMPLEMENTED when it is
// called. Nothing pretends. Must not know why something is missing.
'use strict';

function error(name) {
  const { codes } = require('internal/errors');
  if (codes.ERR_METHOD_NOT_IMPLEMENTED !== undefined) return new codes.ERR_METHOD_NOT_IMPLEMENTED(name);
  return Object.assign(new Error(`The ${name} method is not implemented`), { code: 'ERR_METHOD_NOT_IMPLEMENTED' });
}

// A function, or a class when the name is written as one.
function stub(module, name) {
  const full = `${module}.${name}`;
  if (/^[A-Z]/.test(name)) {
    return { [name]: class { constructor() { throw error(full); } } }[name];
  }
  return { [name]() { throw error(full); } }[name];
}

const words = (text) => text.trim().split(/\s+/);

const FUNCTIONS = {
  'https': words('Agent Server createServer get request'),
  'inspector': words('Session open close url waitForDebugger'),
  'inspector/promises': words('Session open close url waitForDebugger'),
  'tls': words('Server SecureContext TLSSocket checkServerIdentity connect createSecureContext createSecurePair createServer getCiphers'),
  '_tls_common': words('SecureContext createSecureContext'),
  '_tls_wrap': words('Server TLSSocket connect createServer'),
  'trace_events': words('createTracing getEnabledCategories'),
  'wasi': words('WASI'),
  'test/reporters': words('dot junit spec tap lcov'),
  'sea': words('isSea getAsset getAssetAsBlob getRawAsset'),
};

const VALUES = {
  'sea': { isSea: () => false },
  'tls': { DEFAULT_MIN_VERSION: 'TLSv1.2', DEFAULT_MAX_VERSION: 'TLSv1.3', rootCertificates: [] },
  'https': { globalAgent: undefined },
};

function make(id) {
  const names = FUNCTIONS[id];
  if (names === undefined) return undefined;
  const made = {};
  for (const name of names) made[name] = stub(id, name);
  return Object.assign(made, VALUES[id]);
}

module.exports = { error, stub, make, ids: Object.keys(FUNCTIONS) };

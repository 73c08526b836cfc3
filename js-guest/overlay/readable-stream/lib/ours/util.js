// In place of the package's stand-ins for Node's internal/util: what its streams ask of it, from our modules. Loads late
// what itself needs streams.
'use strict';

const { createDeferredPromise, deprecate, kEmptyObject, once } = require('internal/util');
const types = require('internal/util/types');

const debug = () => {};
debug.enabled = false;

module.exports = {
  AggregateError,
  kEmptyObject,
  once,
  createDeferredPromise,
  deprecate,
  types,
  debuglog: () => debug,
  inspect: (value, options) => require('internal/util/inspect').inspect(value, options),
  isBlob: (value) => require('internal/blob').isBlob(value),
  addAbortListener: (signal, listener) => require('events').addAbortListener(signal, listener),
  AbortSignalAny: (signals) => AbortSignal.any(signals),
  promisify: { custom: Symbol.for('nodejs.util.promisify.custom') },
};

// setTimeout() of sessions and streams: 'timeout' when nothing has come or gone for so long. Knows neither.
'use strict';

const { validateFunction, validateNumber } = require('internal/validators');
const { codes: { ERR_OUT_OF_RANGE } } = require('internal/errors');

const kTimer = Symbol('kTimer');
const LONGEST = 0x7fffffff;

function set(owner, msecs, callback, onTimeout) {
  if (owner.destroyed) return owner;
  validateNumber(msecs, 'msecs');
  if (msecs < 0 || !Number.isFinite(msecs)) throw new ERR_OUT_OF_RANGE('msecs', 'a non-negative finite number', msecs);
  if (callback !== undefined) validateFunction(callback, 'callback');
  owner.timeout = msecs;
  clear(owner);
  if (msecs === 0) {
    if (callback !== undefined) owner.removeListener('timeout', callback);
    return owner;
  }
  owner[kTimer] = setTimeout(onTimeout, Math.min(msecs, LONGEST), owner);
  owner[kTimer].unref();
  if (callback !== undefined) owner.once('timeout', callback);
  return owner;
}

// Something has moved.
function refresh(owner) {
  const timer = owner[kTimer];
  if (timer !== undefined && timer !== null) timer.refresh();
}

function clear(owner) {
  if (owner[kTimer]) clearTimeout(owner[kTimer]);
  owner[kTimer] = null;
}

module.exports = { clear, refresh, set };

// node:timers: setTimeout and its kin, checked and turned into the classes of internal/timers. Must not know the order in
// which anything fires.
'use strict';

const { TIMEOUT_MAX, Timeout, Immediate, start, stop, stopImmediate, byNumber } = require('internal/timers');
const { validateFunction } = require('internal/validators');
const { codes: { ERR_OUT_OF_RANGE } } = require('internal/errors');

function setTimeout(callback, after, ...args) {
  validateFunction(callback, 'callback');
  const timer = new Timeout(callback, after, args.length === 0 ? undefined : args, false, true);
  start(timer);
  return timer;
}

function setInterval(callback, repeat, ...args) {
  validateFunction(callback, 'callback');
  const timer = new Timeout(callback, repeat, args.length === 0 ? undefined : args, true, true);
  start(timer);
  return timer;
}

function clearTimeout(timer) {
  if (timer?._onTimeout) {
    stop(timer);
    return;
  }
  if (typeof timer === 'number' || typeof timer === 'string') {
    const known = byNumber.get(Number(timer));
    if (known !== undefined) stop(known);
  }
}

function clearInterval(timer) {
  clearTimeout(timer);
}

function setImmediate(callback, ...args) {
  validateFunction(callback, 'callback');
  return new Immediate(callback, args.length === 0 ? undefined : args);
}

function clearImmediate(immediate) {
  if (!immediate || immediate._destroyed || !(immediate instanceof Immediate)) return;
  stopImmediate(immediate);
}

// The lists of Node's first years; deprecated, and kept for programs that set a timeout on objects of their own. The
// objects that are active stand in one ring, as they always did.
const ring = {};
ring._idleNext = ring._idlePrev = ring;

function unlink(item) {
  if (item._idleNext) item._idleNext._idlePrev = item._idlePrev;
  if (item._idlePrev) item._idlePrev._idleNext = item._idleNext;
  item._idleNext = item._idlePrev = null;
}

function append(item) {
  item._idleNext = ring;
  item._idlePrev = ring._idlePrev;
  ring._idlePrev._idleNext = item;
  ring._idlePrev = item;
}

function unenroll(item) {
  if (item._skepTimer) stop(item._skepTimer);
  item._skepTimer = undefined;
  unlink(item);
  item._idleTimeout = -1;
}

function enroll(item, msecs) {
  require('internal/validators').validateNumber(msecs, 'msecs');
  if (msecs < 0 || !Number.isFinite(msecs)) throw new ERR_OUT_OF_RANGE('msecs', 'a non-negative finite number', msecs);
  if (msecs > TIMEOUT_MAX) {
    process.emitWarning(`${msecs} does not fit into a 32-bit signed integer.` +
                        `\nTimer duration was truncated to ${TIMEOUT_MAX}.`, 'TimeoutOverflowWarning');
    msecs = TIMEOUT_MAX;
  }
  unenroll(item);
  item._idleTimeout = msecs;
}

function activate(item, refed) {
  if (!(item._idleTimeout >= 0)) return;
  if (item._skepTimer) {
    stop(item._skepTimer);
    unlink(item);
  }
  const timer = new Timeout(() => {
    unlink(item);
    item._onTimeout?.();
  }, item._idleTimeout, undefined, false, refed);
  Object.defineProperty(item, '_skepTimer', { value: timer, configurable: true, writable: true, enumerable: false });
  start(timer);
  item._idleStart = timer._idleStart;
  append(item);
}

function deprecated(fn, message, code) {
  let warned = false;
  return { [fn.name](...args) {
    if (!warned) process.emitWarning(message, 'DeprecationWarning', code, module.exports[fn.name]);
    warned = true;
    return fn(...args);
  } }[fn.name];
}

module.exports = {
  setTimeout, clearTimeout, setImmediate, clearImmediate, setInterval, clearInterval,
  _unrefActive: deprecated(function _unrefActive(item) { activate(item, false); },
    'timers._unrefActive() is deprecated. Please use timeout.refresh() instead.', 'DEP0127'),
  active: deprecated(function active(item) { activate(item, true); },
    'timers.active() is deprecated. Please use timeout.refresh() instead.', 'DEP0126'),
  unenroll: deprecated(unenroll, 'timers.unenroll() is deprecated. Please use clearTimeout instead.', 'DEP0096'),
  enroll: deprecated(enroll, 'timers.enroll() is deprecated. Please use setTimeout instead.', 'DEP0095'),
};

function definePromisified(fn, name) {
  Object.defineProperty(fn, Symbol.for('nodejs.util.promisify.custom'), {
    enumerable: true,
    get: () => require('timers/promises')[name],
  });
}
definePromisified(setTimeout, 'setTimeout');
definePromisified(setImmediate, 'setImmediate');

Object.defineProperty(module.exports, 'promises', {
  configurable: true,
  enumerable: true,
  get: () => require('timers/promises'),
});

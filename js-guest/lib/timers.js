// node:timers: setTimeout and its kin, checked and turned into the classes of internal/timers. Must not know the order in
// which anything fires.
'use strict';

const { Timeout, Immediate, start, stop, stopImmediate, byNumber } = require('internal/timers');
const { validateFunction } = require('internal/validators');

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

// The lists of Node's first years; deprecated, and kept for programs that set a timeout on objects of their own.
function unenroll(item) {
  if (item._skepTimer) stop(item._skepTimer);
  item._skepTimer = undefined;
  item._idleTimeout = -1;
}

function enroll(item, msecs) {
  require('internal/validators').validateNumber(msecs, 'msecs');
  unenroll(item);
  item._idleTimeout = msecs;
}

function activate(item, refed) {
  if (!(item._idleTimeout >= 0)) return;
  if (item._skepTimer) stop(item._skepTimer);
  const timer = new Timeout(() => item._onTimeout?.(), item._idleTimeout, undefined, false, refed);
  Object.defineProperty(item, '_skepTimer', { value: timer, configurable: true, writable: true, enumerable: false });
  start(timer);
}

module.exports = {
  setTimeout, clearTimeout, setImmediate, clearImmediate, setInterval, clearInterval,
  _unrefActive(item) { activate(item, false); },
  active(item) { activate(item, true); },
  unenroll, enroll,
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

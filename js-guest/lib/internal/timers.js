// The classes Timeout and Immediate, and what fires them. The order of firing is C's business (glue/timers.c). Must not
// know promises.
'use strict';

const native = internalBinding('timers');
const tasks = internalBinding('tasks');
const asyncWork = internalBinding('async');
const { state: hooks, emitDestroy } = require('internal/async_hooks');

const TIMEOUT_MAX = 2 ** 31 - 1;
const kContext = Symbol('kContext');
const kRefed = Symbol('kRefed');
const kSlot = Symbol('kSlot');
const kPrimitive = Symbol('kHasPrimitive');

// Timers whose number was asked for, so that clearTimeout(number) finds them.
const byNumber = new Map();

function clampDelay(after) {
  after *= 1; // undefined and objects too, as Node coerces
  if (after >= 1 && after <= TIMEOUT_MAX) return Math.trunc(after);
  if (after > TIMEOUT_MAX) {
    process.emitWarning(`${after} does not fit into a 32-bit signed integer.` +
                        '\nTimeout duration was set to 1.', 'TimeoutOverflowWarning');
  }
  return 1;
}

class Timeout {
  constructor(callback, after, args, repeats, refed) {
    after = clampDelay(after);
    this._idleTimeout = after;
    this._idleStart = null;
    this._onTimeout = callback;
    this._timerArgs = args;
    this._repeat = repeats ? after : null;
    this._destroyed = false;
    this[kRefed] = refed;
    this[kSlot] = -1;
    asyncWork.stamp(this, 'Timeout', kContext);
  }

  refresh() {
    if (this[kRefed] || !this._destroyed) start(this);
    return this;
  }

  unref() {
    if (this[kRefed]) {
      this[kRefed] = false;
      if (this[kSlot] >= 0) native.setRef(this[kSlot], false);
    }
    return this;
  }

  ref() {
    if (this[kRefed] === false) {
      this[kRefed] = true;
      if (this[kSlot] >= 0) native.setRef(this[kSlot], true);
    }
    return this;
  }

  hasRef() {
    return this[kRefed];
  }

  close() {
    stop(this);
    return this;
  }

  [Symbol.dispose ?? Symbol.for('nodejs.dispose')]() {
    stop(this);
  }

  [Symbol.toPrimitive]() {
    const id = this[asyncWork.id];
    if (!this[kPrimitive]) {
      Object.defineProperty(this, kPrimitive, { value: true, enumerable: false });
      byNumber.set(id, this);
    }
    return id;
  }
}

function start(timer) {
  if (timer[kSlot] >= 0) native.remove(timer[kSlot]);
  timer._idleStart = native.now();
  timer._destroyed = false;
  timer[kSlot] = native.insert(timer, timer._idleTimeout, timer[kRefed], timer._idleStart);
}

// Enough for a timer that fires no more; `clear` forgets the callback too, as Node does.
function destroy(timer) {
  timer._destroyed = true;
  if (hooks.on) emitDestroy(timer[asyncWork.id]);
  if (timer[kPrimitive]) byNumber.delete(timer[asyncWork.id]);
}

function stop(timer) {
  if (timer[kSlot] >= 0) {
    native.remove(timer[kSlot]);
    timer[kSlot] = -1;
  }
  if (firing.timer === timer) firing.count = 0;
  if (timer._destroyed) return;
  timer._idleTimeout = -1;
  timer._onTimeout = null;
  destroy(timer);
}

function callTimer(timer) {
  const args = timer._timerArgs;
  if (args === undefined) timer._onTimeout();
  else Reflect.apply(timer._onTimeout, timer, args);
}

// The timer whose callback runs counts as one that is active.
const firing = { count: 0, timer: null };

function fireTimer(timer) {
  timer[kSlot] = -1;
  if (!timer._onTimeout) return;
  const context = timer[kContext];
  const before = context === undefined ? undefined : tasks.getContext();
  if (context !== undefined) tasks.setContext(context);
  firing.count = timer[kRefed] ? 1 : 0;
  firing.timer = timer;
  try {
    callTimer(timer);
  } finally {
    firing.count = 0;
    firing.timer = null;
    if (context !== undefined) tasks.setContext(before);
    // A repeat set by hand counts too; a callback may have stopped or refreshed its own timer.
    if (timer[kSlot] < 0 && !timer._destroyed) {
      if (timer._repeat && timer._idleTimeout !== -1) {
        timer._idleTimeout = timer._repeat;
        start(timer);
      } else {
        destroy(timer);
      }
    }
  }
}

class Immediate {
  constructor(callback, args) {
    this._onImmediate = callback;
    this._argv = args;
    this._destroyed = false;
    this[kRefed] = true;
    asyncWork.stamp(this, 'Immediate', kContext);
    native.later(this);
  }

  ref() {
    if (this[kRefed] === false) {
      this[kRefed] = true;
      native.refImmediate(1);
    }
    return this;
  }

  unref() {
    if (this[kRefed] === true) {
      this[kRefed] = false;
      native.refImmediate(-1);
    }
    return this;
  }

  hasRef() {
    return Boolean(this[kRefed]);
  }

  [Symbol.dispose ?? Symbol.for('nodejs.dispose')]() {
    stopImmediate(this);
  }
}

function stopImmediate(immediate) {
  if (immediate._destroyed) return;
  immediate._destroyed = true;
  if (hooks.on) emitDestroy(immediate[asyncWork.id]);
  if (immediate[kRefed]) native.refImmediate(-1);
  immediate[kRefed] = null;
  immediate._onImmediate = null;
}

function fireImmediate(immediate) {
  const callback = immediate._onImmediate;
  if (immediate._destroyed || !callback) return;
  immediate._destroyed = true;
  if (immediate[kRefed]) native.refImmediate(-1);
  immediate[kRefed] = null;
  const context = immediate[kContext];
  const before = context === undefined ? undefined : tasks.getContext();
  if (context !== undefined) tasks.setContext(context);
  try {
    const args = immediate._argv;
    if (args === undefined) immediate._onImmediate();
    else Reflect.apply(callback, immediate, args);
  } finally {
    immediate._onImmediate = null;
    if (hooks.on) emitDestroy(immediate[asyncWork.id]);
    if (context !== undefined) tasks.setContext(before);
  }
}

native.setFire(fireTimer, fireImmediate);

// A duration as sockets and requests take it.
function getTimerDuration(msecs, name) {
  const { validateNumber } = require('internal/validators');
  const { codes: { ERR_OUT_OF_RANGE } } = require('internal/errors');
  validateNumber(msecs, name);
  if (msecs < 0 || !Number.isFinite(msecs)) throw new ERR_OUT_OF_RANGE(name, 'a non-negative finite number', msecs);
  if (msecs <= TIMEOUT_MAX) return msecs;
  process.emitWarning(`${msecs} does not fit into a 32-bit signed integer.\n` +
                      `Timer duration was truncated to ${TIMEOUT_MAX}.`, 'TimeoutOverflowWarning');
  return TIMEOUT_MAX;
}

module.exports = {
  getTimerDuration, TIMEOUT_MAX, Timeout, Immediate, start, stop, stopImmediate, byNumber, kContext, kRefed, firing,
  // For sockets and servers: a timer of ours that keeps no loop alive.
  setUnrefTimeout(callback, after) {
    const timer = new Timeout(callback, after, undefined, false, false);
    start(timer);
    return timer;
  },
};

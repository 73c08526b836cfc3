// EventEmitter. Adding, removing and emitting are C (glue/events.c) over the `_events` property; here are the
// constructor, limits and warnings, captured rejections. The promise helpers are in internal/events/helpers.
'use strict';

const native = internalBinding('events');
const {
  AbortError, codes: { ERR_INVALID_ARG_TYPE, ERR_UNHANDLED_ERROR },
} = require('internal/errors');
const { validateAbortSignal, validateBoolean, validateNumber, validateObject } = require('internal/validators');

const kCapture = Symbol('kCapture');
const kErrorMonitor = Symbol('events.errorMonitor');
const kRejection = Symbol.for('nodejs.rejection');
const kMaxEventTargetListeners = Symbol('events.maxEventTargetListeners');
const kMaxEventTargetListenersWarned = Symbol('events.maxEventTargetListenersWarned');

let defaultMaxListeners = 10;

function EventEmitter(options) {
  EventEmitter.init.call(this, options);
}

module.exports = EventEmitter;
EventEmitter.EventEmitter = EventEmitter;
EventEmitter.usingDomains = false;
EventEmitter.captureRejectionSymbol = kRejection;
EventEmitter.errorMonitor = kErrorMonitor;
EventEmitter.kMaxEventTargetListeners = kMaxEventTargetListeners;
EventEmitter.kMaxEventTargetListenersWarned = kMaxEventTargetListenersWarned;

Object.defineProperties(EventEmitter, {
  captureRejections: {
    enumerable: true,
    configurable: true,
    get() { return EventEmitter.prototype[kCapture]; },
    set(value) {
      validateBoolean(value, 'EventEmitter.captureRejections');
      EventEmitter.prototype[kCapture] = value;
    },
  },
  defaultMaxListeners: {
    enumerable: true,
    get() { return defaultMaxListeners; },
    set(value) {
      validateNumber(value, 'defaultMaxListeners', 0);
      defaultMaxListeners = value;
    },
  },
});

Object.defineProperty(EventEmitter.prototype, kCapture, { value: false, writable: true, enumerable: false });
EventEmitter.prototype._events = undefined;
EventEmitter.prototype._eventsCount = 0;
EventEmitter.prototype._maxListeners = undefined;

EventEmitter.init = function(options) {
  if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
    this._events = { __proto__: null };
    this._eventsCount = 0;
  }
  this._maxListeners ||= undefined;
  if (options?.captureRejections) {
    validateBoolean(options.captureRejections, 'options.captureRejections');
    this[kCapture] = Boolean(options.captureRejections);
  } else if (EventEmitter.prototype[kCapture]) {
    this[kCapture] = true;
  }
};

function maxListenersOf(emitter) {
  return emitter._maxListeners === undefined ? defaultMaxListeners : emitter._maxListeners;
}

// ---- What C calls when the straight way ends ----

function inspectOr(value) {
  try {
    return require('internal/util/inspect').inspect(value);
  } catch {
    return String(value);
  }
}

function unhandled(emitter, error) {
  if (error instanceof Error) {
    throw error;
  }
  const wrapped = new ERR_UNHANDLED_ERROR(inspectOr(error));
  wrapped.context = error;
  throw wrapped;
}

function leak(emitter, type, list) {
  const limit = maxListenersOf(emitter);
  if (!(limit > 0 && list.length > limit) || list.warned) return;
  list.warned = true;
  const warning = new Error(
    `Possible EventEmitter memory leak detected. ${list.length} ${String(type)} listeners ` +
    `added to ${inspectEmitter(emitter)}. Use emitter.setMaxListeners() to increase limit`);
  warning.name = 'MaxListenersExceededWarning';
  warning.emitter = emitter;
  warning.type = type;
  warning.count = list.length;
  process.emitWarning(warning);
}

function inspectEmitter(emitter) {
  try {
    return require('internal/util/inspect').inspect(emitter, { depth: -1 });
  } catch {
    return '[EventEmitter]';
  }
}

// A listener of an emitter that captures rejections answered with an object: a promise is watched.
function capture(emitter, result, type, args) {
  try {
    const { then } = result;
    if (typeof then !== 'function') return;
    then.call(result, undefined, (error) => process.nextTick(rejected, emitter, error, type, args));
  } catch (error) {
    emitter.emit('error', error);
  }
}

function rejected(emitter, error, type, args) {
  if (typeof emitter[kRejection] === 'function') {
    emitter[kRejection](error, type, ...args);
    return;
  }
  // An 'error' listener that rejects must not be watched again.
  const before = emitter[kCapture];
  try {
    emitter[kCapture] = false;
    emitter.emit('error', error);
  } finally {
    emitter[kCapture] = before;
  }
}

function invalid(listener) {
  throw new ERR_INVALID_ARG_TYPE('listener', 'Function', listener);
}

native.setup(kCapture, kErrorMonitor, unhandled, leak, capture, invalid);

// ---- Methods ----

function method(name, fn) {
  EventEmitter.prototype[name] = fn;
}

method('setMaxListeners', function setMaxListeners(n) {
  validateNumber(n, 'setMaxListeners', 0);
  this._maxListeners = n;
  return this;
});
method('getMaxListeners', function getMaxListeners() {
  return maxListenersOf(this);
});
method('emit', native.emit);
method('addListener', native.addListener);
method('on', native.addListener);
method('prependListener', native.prependListener);
method('once', native.once);
method('prependOnceListener', native.prependOnceListener);
method('removeListener', native.removeListener);
method('off', native.removeListener);
method('removeAllListeners', function removeAllListeners(type) {
  const events = this._events;
  if (events === undefined) return this;
  if (events.removeListener === undefined) {
    if (arguments.length === 0) {
      this._events = { __proto__: null };
      this._eventsCount = 0;
    } else if (events[type] !== undefined) {
      if (--this._eventsCount === 0) this._events = { __proto__: null };
      else delete events[type];
    }
    return this;
  }
  if (arguments.length === 0) {
    for (const key of Reflect.ownKeys(events)) {
      if (key !== 'removeListener') this.removeAllListeners(key);
    }
    this.removeAllListeners('removeListener');
    this._events = { __proto__: null };
    this._eventsCount = 0;
    return this;
  }
  const list = events[type];
  if (typeof list === 'function') {
    this.removeListener(type, list);
  } else if (list !== undefined) {
    for (let i = list.length - 1; i >= 0; i--) this.removeListener(type, list[i]);
  }
  return this;
});

function listenersOf(emitter, type, unwrap) {
  const list = emitter._events?.[type];
  if (list === undefined) return [];
  if (typeof list === 'function') return unwrap ? [list.listener || list] : [list];
  return unwrap ? Array.from(list, (entry) => entry.listener || entry) : Array.from(list);
}

method('listeners', function listeners(type) {
  return listenersOf(this, type, true);
});
method('rawListeners', function rawListeners(type) {
  return listenersOf(this, type, false);
});
method('listenerCount', native.listenerCount);
method('eventNames', function eventNames() {
  return this._eventsCount > 0 ? Reflect.ownKeys(this._events) : [];
});

// ---- Functions of the module ----

EventEmitter.listenerCount = function(emitter, type) {
  if (typeof emitter.listenerCount === 'function') return emitter.listenerCount(type);
  return native.listenerCount.call(emitter, type);
};

EventEmitter.getEventListeners = function getEventListeners(emitterOrTarget, type) {
  if (typeof emitterOrTarget?.listeners === 'function') return emitterOrTarget.listeners(type);
  if (typeof EventTarget === 'function' && emitterOrTarget instanceof EventTarget) {
    return require('internal/event_target').listenersOf(emitterOrTarget, type);
  }
  throw new ERR_INVALID_ARG_TYPE('emitter', ['EventEmitter', 'EventTarget'], emitterOrTarget);
};

EventEmitter.getMaxListeners = function getMaxListeners(emitterOrTarget) {
  if (typeof emitterOrTarget?.getMaxListeners === 'function') return maxListenersOf(emitterOrTarget);
  if (typeof EventTarget === 'function' && emitterOrTarget instanceof EventTarget) {
    return emitterOrTarget[kMaxEventTargetListeners] ?? defaultMaxListeners;
  }
  throw new ERR_INVALID_ARG_TYPE('emitter', ['EventEmitter', 'EventTarget'], emitterOrTarget);
};

EventEmitter.setMaxListeners = function setMaxListeners(n = defaultMaxListeners, ...targets) {
  validateNumber(n, 'setMaxListeners', 0);
  if (targets.length === 0) {
    defaultMaxListeners = n;
    return;
  }
  for (const target of targets) {
    if (typeof EventTarget === 'function' && target instanceof EventTarget) {
      target[kMaxEventTargetListeners] = n;
      target[kMaxEventTargetListenersWarned] = false;
    } else if (typeof target?.setMaxListeners === 'function') {
      target.setMaxListeners(n);
    } else {
      throw new ERR_INVALID_ARG_TYPE('eventTargets', ['EventEmitter', 'EventTarget'], target);
    }
  }
};

EventEmitter.addAbortListener = function addAbortListener(signal, listener) {
  if (signal === undefined) throw new ERR_INVALID_ARG_TYPE('signal', 'AbortSignal', signal);
  validateAbortSignal(signal, 'signal');
  if (typeof listener !== 'function') throw new ERR_INVALID_ARG_TYPE('listener', 'Function', listener);
  const { kResistStopPropagation } = require('internal/event_target');
  let remove;
  if (signal.aborted) {
    queueMicrotask(() => listener());
  } else {
    signal.addEventListener('abort', listener, { __proto__: null, once: true, [kResistStopPropagation]: true });
    remove = () => signal.removeEventListener('abort', listener);
  }
  return { __proto__: null, [Symbol.dispose ?? Symbol.for('nodejs.dispose')]() { remove?.(); } };
};

const helpers = require('internal/events/helpers')({ AbortError, validateObject });
EventEmitter.once = helpers.once;
EventEmitter.on = helpers.on;

// AsyncResource is loaded when the first such emitter is made, since most programs make none.
let resourceEmitter;
Object.defineProperty(EventEmitter, 'EventEmitterAsyncResource', {
  enumerable: true,
  configurable: true,
  get() {
    resourceEmitter ??= require('internal/events/resource')(EventEmitter);
    return resourceEmitter;
  },
});

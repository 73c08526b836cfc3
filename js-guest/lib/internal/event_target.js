// EventTarget and NodeEventTarget. What a listener throws is an uncaught exception of its own tick, as in Node. Must not
// know who dispatches.
'use strict';

const {
  codes: { ERR_EVENT_RECURSION, ERR_INVALID_ARG_TYPE, ERR_INVALID_THIS, ERR_MISSING_ARGS },
} = require('internal/errors');
const {
  Event, CustomEvent, kTrustEvent, enumerable, beginDispatch, endDispatch, isDispatching, isStopped,
} = require('internal/event');
const { kValidateObjectAllowObjects, validateAbortSignal, validateObject, validateString } = require('internal/validators');
const customInspectSymbol = Symbol.for('nodejs.util.inspect.custom');

const kIsEventTarget = Symbol.for('nodejs.event_target');
const kListeners = Symbol('kEvents');
const kHybridDispatch = Symbol.for('nodejs.internal.kHybridDispatch');
const kHandlers = Symbol('kHandlers');
const kNewListener = Symbol('kNewListener');
const kRemoveListener = Symbol('kRemoveListener');
const kCreateEvent = Symbol('kCreateEvent');
const kResistStopPropagation = Symbol('kResistStopPropagation');
const kWeakHandler = Symbol('kWeak');
const { kMaxEventTargetListeners, kMaxEventTargetListenersWarned } = require('events');

// ---- Targets ----

const isTarget = (value) => value?.constructor?.[kIsEventTarget] === true;

function checkTarget(value) {
  if (!isTarget(value)) throw new ERR_INVALID_THIS('EventTarget');
}

function readListenerOptions(options) {
  if (typeof options === 'boolean') return { capture: options };
  if (options === null || options === undefined) return {};
  validateObject(options, 'options', kValidateObjectAllowObjects);
  const { signal } = options;
  return {
    once: !!options.once, capture: !!options.capture, passive: !!options.passive, signal,
    isNodeStyle: !!options[kNodeStyle], resist: !!options[kResistStopPropagation], weak: options[kWeakHandler],
  };
}
const kNodeStyle = Symbol('kIsNodeStyleListener');

function isListener(listener) {
  if (typeof listener === 'function' || (listener !== null && typeof listener === 'object')) return true;
  if (listener === null || listener === undefined) return false;
  throw new ERR_INVALID_ARG_TYPE('listener', 'EventListener', listener);
}

function initEventTarget(self) {
  Object.defineProperty(self, kListeners, { value: new Map(), writable: true, configurable: true, enumerable: false });
}

class EventTarget {
  static [kIsEventTarget] = true;

  constructor() {
    initEventTarget(this);
  }

  [kNewListener](size, type) {
    const most = this[kMaxEventTargetListeners] ?? require('events').defaultMaxListeners;
    if (!(most > 0) || size <= most || this[kMaxEventTargetListenersWarned]) return;
    Object.defineProperty(this, kMaxEventTargetListenersWarned, { value: true, writable: true, configurable: true, enumerable: false });
    const { inspect } = require('internal/util/inspect');
    const warning = new Error(`Possible EventTarget memory leak detected. ${size} ${type} listeners added to ` +
      `${inspect(this, { depth: -1 })}. Use events.setMaxListeners() to increase limit`);
    process.emitWarning(Object.assign(warning, { name: 'MaxListenersExceededWarning', target: this, type, count: size }));
  }

  [kRemoveListener]() {}

  addEventListener(type, listener, options = {}) {
    checkTarget(this);
    if (arguments.length < 2) throw new ERR_MISSING_ARGS('type', 'listener');
    const settings = readListenerOptions(options);
    if (settings.signal !== undefined) validateAbortSignal(settings.signal, 'options.signal');
    if (!isListener(listener)) {
      const warning = new Error(`addEventListener called with ${listener} which has no effect.`);
      process.emitWarning(Object.assign(warning, { name: 'AddEventListenerArgumentTypeWarning', target: this, type }));
      return;
    }
    type = `${type}`;
    if (settings.signal) {
      if (settings.signal.aborted) return;
      settings.signal.addEventListener('abort', () => this.removeEventListener(type, listener, options),
                                       { once: true, [kResistStopPropagation]: true });
    }
    let list = this[kListeners].get(type);
    const capture = !!settings.capture;
    if (list === undefined) list = [];
    else if (list.some((entry) => entry.listener === listener && entry.capture === capture)) return;
    list = [...list, { listener, capture, once: settings.once, passive: settings.passive, removed: false,
                       isNodeStyle: settings.isNodeStyle, resist: settings.resist }];
    this[kListeners].set(type, list);
    this[kNewListener](list.length, type, listener, settings.once, capture, settings.passive, settings.weak);
  }

  removeEventListener(type, listener, options = {}) {
    checkTarget(this);
    if (arguments.length < 2) throw new ERR_MISSING_ARGS('type', 'listener');
    if (!isListener(listener)) return;
    type = `${type}`;
    const capture = typeof options === 'boolean' ? options : !!options?.capture;
    const list = this[kListeners].get(type);
    const at = list?.findIndex((entry) => entry.listener === listener && entry.capture === capture) ?? -1;
    if (at < 0) return;
    this.#drop(type, list, list[at]);
  }

  #drop(type, list, entry) {
    entry.removed = true;
    const rest = list.filter((other) => other !== entry);
    if (rest.length === 0) this[kListeners].delete(type);
    else this[kListeners].set(type, rest);
    this[kRemoveListener](rest.length, type, entry.listener, entry.capture);
  }

  dispatchEvent(event) {
    checkTarget(this);
    if (arguments.length < 1) throw new ERR_MISSING_ARGS('event');
    if (!(event instanceof Event)) throw new ERR_INVALID_ARG_TYPE('event', 'Event', event);
    if (isDispatching(event)) throw new ERR_EVENT_RECURSION(event.type);
    this[kHybridDispatch](event, event.type, event);
    return !event.defaultPrevented;
  }

  // `event` is made when the first listener wants one, if there is none yet.
  [kHybridDispatch](value, type, event) {
    if (event !== undefined) beginDispatch(event, this);
    const list = this[kListeners].get(type);
    if (list !== undefined) {
      // A list is never changed in place, so it can be walked as it is.
      for (let i = 0; i < list.length; i++) {
        const entry = list[i];
        if (entry.removed || (event !== undefined && isStopped(event) && !entry.resist)) continue;
        if (entry.once) this.#drop(type, this[kListeners].get(type) ?? [], entry);
        if (event === undefined && !entry.isNodeStyle) {
          event = this[kCreateEvent](value, type);
          beginDispatch(event, this);
        }
        this.#call(entry, entry.isNodeStyle ? value : event);
      }
    }
    if (event !== undefined) endDispatch(event);
  }

  #call(entry, argument) {
    try {
      const { listener } = entry;
      const result = typeof listener === 'function' ? listener.call(this, argument) : listener.handleEvent?.(argument);
      if (result !== undefined && result !== null && typeof result.then === 'function') {
        result.then(undefined, (error) => process.nextTick(() => { throw error; }));
      }
    } catch (error) {
      process.nextTick(() => { throw error; });
    }
  }

  [kCreateEvent](value, type) {
    return new Event(type);
  }

  [customInspectSymbol](depth, options, inspect) {
    checkTarget(this);
    const name = this.constructor.name;
    if (depth < 0) return name;
    inspect ??= require('internal/util/inspect').inspect;
    return `${name} ${inspect({}, { ...options, depth: typeof options.depth === 'number' ? options.depth - 1 : options.depth })}`;
  }
}
enumerable(EventTarget.prototype, ['addEventListener', 'removeEventListener', 'dispatchEvent']);
Object.defineProperty(EventTarget.prototype, Symbol.toStringTag, { value: 'EventTarget', configurable: true });

// An EventTarget with the names of an EventEmitter.
class NodeEventTarget extends EventTarget {
  static [kIsEventTarget] = true;
  static defaultMaxListeners = 10;

  [kCreateEvent](value, type) { return new CustomEvent(type, { detail: value }); }
  setMaxListeners(count) { require('events').setMaxListeners(count, this); }
  getMaxListeners() { return this[kMaxEventTargetListeners] ?? NodeEventTarget.defaultMaxListeners; }
  eventNames() { return [...this[kListeners].keys()]; }
  listenerCount(type) { return this[kListeners].get(`${type}`)?.length ?? 0; }
  off(type, listener, options) { this.removeEventListener(type, listener, options); return this; }
  removeListener(type, listener, options) { this.removeEventListener(type, listener, options); return this; }
  on(type, listener) { this.addEventListener(type, listener, { [kNodeStyle]: true }); return this; }
  addListener(type, listener) { return this.on(type, listener); }
  once(type, listener) { this.addEventListener(type, listener, { once: true, [kNodeStyle]: true }); return this; }
  emit(type, value) {
    validateString(type, 'type');
    const had = this.listenerCount(type) > 0;
    this[kHybridDispatch](value, type);
    return had;
  }

  removeAllListeners(type) {
    if (type === undefined) this[kListeners].clear();
    else this[kListeners].delete(`${type}`);
    return this;
  }
}

// onabort and its kin: one listener, in the place where it was first set.
function defineEventHandler(prototype, name, type = name) {
  const property = `on${name}`;
  Object.defineProperty(prototype, property, {
    configurable: true,
    enumerable: true,
    get() { return this[kHandlers]?.get(type)?.handler ?? null; },
    set(value) {
      if (!this[kHandlers]) Object.defineProperty(this, kHandlers, { value: new Map(), enumerable: false });
      const handler = typeof value === 'function' || (typeof value === 'object' && value !== null) ? value : null;
      let wrapped = this[kHandlers].get(type);
      if (wrapped) {
        if (handler === null) {
          this.removeEventListener(type, wrapped);
          this[kHandlers].delete(type);
        } else {
          wrapped.handler = handler;
        }
        return;
      }
      if (handler === null) return;
      wrapped = function(...args) {
        if (typeof wrapped.handler === 'function') return Reflect.apply(wrapped.handler, this, args);
      };
      wrapped.handler = handler;
      this[kHandlers].set(type, wrapped);
      this.addEventListener(type, wrapped);
    },
  });
}

// Whom events.getEventListeners tells of, in order.
function listenersOf(target, type) {
  return (target[kListeners]?.get(`${type}`) ?? []).map((entry) => entry.listener);
}

module.exports = {
  listenersOf,
  Event, CustomEvent, EventTarget, NodeEventTarget, defineEventHandler, initEventTarget, isEventTarget: isTarget, kCreateEvent,
  kNewListener, kRemoveListener, kTrustEvent, kResistStopPropagation, kWeakHandler, kEvents: kListeners,
  kMaxEventTargetListeners,
};

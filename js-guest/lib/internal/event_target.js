// Event, EventTarget, CustomEvent and NodeEventTarget. What a listener throws is an uncaught exception of its own tick, as
// in Node. Must not know who dispatches.
'use strict';


const {
  codes: { ERR_EVENT_RECURSION, ERR_INVALID_ARG_TYPE, ERR_INVALID_THIS, ERR_MISSING_ARGS },
} = require('internal/errors');
const { kValidateObjectAllowObjects, validateAbortSignal, validateObject, validateString } = require('internal/validators');
const customInspectSymbol = Symbol.for('nodejs.util.inspect.custom');

const kIsEventTarget = Symbol.for('nodejs.event_target');
const kListeners = Symbol('kEvents');
const kStop = Symbol('kStop');
const kTarget = Symbol('kTarget');
const kPhase = Symbol('kIsBeingDispatched');
const kHybridDispatch = Symbol.for('nodejs.internal.kHybridDispatch');
const kTrusted = Symbol('kTrustEvent');
const kHandlers = Symbol('kHandlers');
const kNewListener = Symbol('kNewListener');
const kRemoveListener = Symbol('kRemoveListener');
const kCreateEvent = Symbol('kCreateEvent');
const kResistStopPropagation = Symbol('kResistStopPropagation');
const kWeakHandler = Symbol('kWeak');
const kMaxEventTargetListeners = Symbol.for('skep.maxEventTargetListeners');

class Event {
  #type;
  #cancelable = false;
  #bubbles = false;
  #composed = false;
  #prevented = false;
  #stopped = false;
  #timestamp;

  constructor(type, options = undefined) {
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('type');
    if (options !== undefined && options !== null) validateObject(options, 'options', kValidateObjectAllowObjects);
    this.#type = `${type}`;
    this.#cancelable = !!options?.cancelable;
    this.#bubbles = !!options?.bubbles;
    this.#composed = !!options?.composed;
    this[kTarget] = null;
    this[kPhase] = false;
    this[kStop] = false;
    this[kTrusted] = !!options?.[kTrusted];
    this.#timestamp = require('perf_hooks').performance.now();
    for (const key of [kTarget, kPhase, kStop, kTrusted]) Object.defineProperty(this, key, { enumerable: false });
  }

  static #check(value) {
    if (value === null || typeof value !== 'object' || !(#type in value)) throw new ERR_INVALID_THIS('Event');
  }

  [customInspectSymbol](depth, options, inspect) {
    Event.#check(this);
    const name = this.constructor.name;
    if (depth < 0) return name;
    inspect ??= require('internal/util/inspect').inspect;
    return `${name} ${inspect({
      type: this.#type, defaultPrevented: this.#prevented, cancelable: this.#cancelable, timeStamp: this.#timestamp,
    }, { ...options, depth: typeof options.depth === 'number' ? options.depth - 1 : options.depth })}`;
  }

  stopImmediatePropagation() { Event.#check(this); this.#stopped = true; this[kStop] = true; }
  preventDefault() { Event.#check(this); this.#prevented = true; }
  get target() { Event.#check(this); return this[kTarget]; }
  get currentTarget() { Event.#check(this); return this[kPhase] ? this[kTarget] : null; }
  get srcElement() { Event.#check(this); return this[kTarget]; }
  get type() { Event.#check(this); return this.#type; }
  get cancelable() { Event.#check(this); return this.#cancelable; }
  get defaultPrevented() { Event.#check(this); return this.#cancelable && this.#prevented; }
  get timeStamp() { Event.#check(this); return this.#timestamp; }
  composedPath() { Event.#check(this); return this[kPhase] ? [this[kTarget]] : []; }
  get returnValue() { Event.#check(this); return !this.#cancelable || !this.#prevented; }
  get bubbles() { Event.#check(this); return this.#bubbles; }
  get composed() { Event.#check(this); return this.#composed; }
  get eventPhase() { Event.#check(this); return this[kPhase] ? Event.AT_TARGET : Event.NONE; }
  get cancelBubble() { Event.#check(this); return this.#stopped; }
  set cancelBubble(value) { Event.#check(this); if (value) this.#stopped = true; }
  stopPropagation() { Event.#check(this); this.#stopped = true; }
  initEvent(type, bubbles = false, cancelable = false) {
    Event.#check(this);
    if (this[kPhase]) return;
    this.#type = `${type}`;
    this.#bubbles = !!bubbles;
    this.#cancelable = !!cancelable;
  }

  static NONE = 0;
  static CAPTURING_PHASE = 1;
  static AT_TARGET = 2;
  static BUBBLING_PHASE = 3;
}

function enumerable(prototype, names) {
  for (const name of names) {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
    Object.defineProperty(prototype, name, { ...descriptor, enumerable: true });
  }
}
enumerable(Event.prototype, ['stopImmediatePropagation', 'preventDefault', 'target', 'currentTarget', 'srcElement', 'type',
  'cancelable', 'defaultPrevented', 'timeStamp', 'composedPath', 'returnValue', 'bubbles', 'composed', 'eventPhase',
  'cancelBubble', 'stopPropagation', 'initEvent']);
Object.defineProperty(Event.prototype, Symbol.toStringTag, { value: 'Event', configurable: true });
Object.defineProperty(Event.prototype, 'isTrusted', {
  configurable: true, enumerable: true, get() { return this[kTrusted] ?? false; },
});

class CustomEvent extends Event {
  #detail;

  constructor(type, options) {
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('type');
    super(type, options);
    this.#detail = options?.detail ?? null;
  }

  get detail() { return this.#detail; }
}
enumerable(CustomEvent.prototype, ['detail']);
Object.defineProperty(CustomEvent.prototype, Symbol.toStringTag, { value: 'CustomEvent', configurable: true });

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
    if (!(most > 0) || size <= most || this[Symbol.for('skep.warned')]) return;
    Object.defineProperty(this, Symbol.for('skep.warned'), { value: true, enumerable: false });
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
    if (list === undefined) this[kListeners].set(type, list = []);
    const capture = !!settings.capture;
    if (list.some((entry) => entry.listener === listener && entry.capture === capture)) return;
    list.push({ listener, capture, once: settings.once, passive: settings.passive, removed: false,
                isNodeStyle: settings.isNodeStyle, resist: settings.resist });
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
    if (event[kPhase]) throw new ERR_EVENT_RECURSION(event.type);
    this[kHybridDispatch](event, event.type, event);
    return !event.defaultPrevented;
  }

  [kHybridDispatch](value, type, event) {
    const make = () => {
      if (event === undefined) {
        event = this[kCreateEvent](value, type);
        event[kTarget] = this;
        event[kPhase] = true;
      }
      return event;
    };
    if (event !== undefined) {
      event[kTarget] = this;
      event[kPhase] = true;
    }
    const list = this[kListeners].get(type);
    for (const entry of list?.slice() ?? []) {
      if (entry.removed || (event?.[kStop] && !entry.resist)) continue;
      if (entry.once) this.#drop(type, this[kListeners].get(type) ?? [], entry);
      this.#call(entry, entry.isNodeStyle ? value : make());
    }
    if (event !== undefined) event[kPhase] = false;
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

module.exports = {
  Event, CustomEvent, EventTarget, NodeEventTarget, defineEventHandler, initEventTarget, isEventTarget: isTarget, kCreateEvent,
  kNewListener, kRemoveListener, kTrustEvent: kTrusted, kResistStopPropagation, kWeakHandler, kEvents: kListeners,
  kMaxEventTargetListeners,
};

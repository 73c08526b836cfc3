// Event and CustomEvent. An event's flags are the bits of one number, since events are made often. Must not know
// listeners.
'use strict';

const { codes: { ERR_INVALID_THIS, ERR_MISSING_ARGS } } = require('internal/errors');
const { kValidateObjectAllowObjects, validateObject } = require('internal/validators');

const customInspectSymbol = Symbol.for('nodejs.util.inspect.custom');
const kTrustEvent = Symbol('kTrustEvent');

const BUBBLES = 1;
const CANCELABLE = 2;
const COMPOSED = 4;
const PREVENTED = 8;
const STOPPED = 16;
const STOPPED_NOW = 32;
const DISPATCHING = 64;
const TRUSTED = 128;

let performance;

// For who dispatches; given by the class, which alone reaches its private fields.
let beginDispatch;
let endDispatch;
let isDispatching;
let isStopped;

class Event {
  #type;
  #flags = 0;
  #target = null;
  #timestamp;

  constructor(type, options = undefined) {
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('type');
    if (options !== undefined && options !== null) {
      validateObject(options, 'options', kValidateObjectAllowObjects);
      const { bubbles, cancelable, composed } = options;
      this.#flags = (bubbles ? BUBBLES : 0) | (cancelable ? CANCELABLE : 0) | (composed ? COMPOSED : 0) |
        (options[kTrustEvent] ? TRUSTED : 0);
    }
    this.#type = `${type}`;
    performance ??= require('perf_hooks').performance;
    this.#timestamp = performance.now();
  }

  static {
    beginDispatch = (event, target) => {
      event.#target = target;
      event.#flags |= DISPATCHING;
    };
    endDispatch = (event) => { event.#flags &= ~DISPATCHING; };
    isDispatching = (event) => (event.#flags & DISPATCHING) !== 0;
    isStopped = (event) => (event.#flags & STOPPED_NOW) !== 0;
  }

  static #flagsOf(value) {
    if (value === null || typeof value !== 'object' || !(#flags in value)) throw new ERR_INVALID_THIS('Event');
    return value.#flags;
  }

  [customInspectSymbol](depth, options, inspect) {
    Event.#flagsOf(this);
    const { name } = this.constructor;
    if (depth < 0) return name;
    inspect ??= require('internal/util/inspect').inspect;
    return `${name} ${inspect({
      type: this.#type, defaultPrevented: this.defaultPrevented, cancelable: this.cancelable, timeStamp: this.#timestamp,
    }, { ...options, depth: typeof options.depth === 'number' ? options.depth - 1 : options.depth })}`;
  }

  stopImmediatePropagation() { this.#flags = Event.#flagsOf(this) | STOPPED | STOPPED_NOW; }
  preventDefault() { this.#flags = Event.#flagsOf(this) | PREVENTED; }
  get target() { Event.#flagsOf(this); return this.#target; }
  get currentTarget() { return Event.#flagsOf(this) & DISPATCHING ? this.#target : null; }
  get srcElement() { Event.#flagsOf(this); return this.#target; }
  get type() { Event.#flagsOf(this); return this.#type; }
  get cancelable() { return (Event.#flagsOf(this) & CANCELABLE) !== 0; }
  get defaultPrevented() { return (Event.#flagsOf(this) & (CANCELABLE | PREVENTED)) === (CANCELABLE | PREVENTED); }
  get timeStamp() { Event.#flagsOf(this); return this.#timestamp; }
  composedPath() { return Event.#flagsOf(this) & DISPATCHING ? [this.#target] : []; }
  get returnValue() { return (Event.#flagsOf(this) & (CANCELABLE | PREVENTED)) !== (CANCELABLE | PREVENTED); }
  get bubbles() { return (Event.#flagsOf(this) & BUBBLES) !== 0; }
  get composed() { return (Event.#flagsOf(this) & COMPOSED) !== 0; }
  get eventPhase() { return Event.#flagsOf(this) & DISPATCHING ? Event.AT_TARGET : Event.NONE; }
  get cancelBubble() { return (Event.#flagsOf(this) & STOPPED) !== 0; }
  set cancelBubble(value) { if (value) this.#flags = Event.#flagsOf(this) | STOPPED; }
  stopPropagation() { this.#flags = Event.#flagsOf(this) | STOPPED; }
  get isTrusted() { return (Event.#flagsOf(this) & TRUSTED) !== 0; }

  initEvent(type, bubbles = false, cancelable = false) {
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('type');
    const flags = Event.#flagsOf(this);
    if (flags & DISPATCHING) return;
    this.#type = `${type}`;
    this.#flags = (flags & ~(BUBBLES | CANCELABLE)) | (bubbles ? BUBBLES : 0) | (cancelable ? CANCELABLE : 0);
  }
}

function enumerable(prototype, names) {
  for (const name of names) Object.defineProperty(prototype, name, { enumerable: true });
}
enumerable(Event.prototype, ['stopImmediatePropagation', 'preventDefault', 'target', 'currentTarget', 'srcElement', 'type',
  'cancelable', 'defaultPrevented', 'timeStamp', 'composedPath', 'returnValue', 'bubbles', 'composed', 'eventPhase',
  'cancelBubble', 'stopPropagation', 'isTrusted', 'initEvent']);
Object.defineProperty(Event.prototype, Symbol.toStringTag, { value: 'Event', configurable: true });
for (const [value, name] of ['NONE', 'CAPTURING_PHASE', 'AT_TARGET', 'BUBBLING_PHASE'].entries()) {
  Object.defineProperty(Event, name, { value, enumerable: true });
}

class CustomEvent extends Event {
  #detail;

  constructor(type, options) {
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('type');
    super(type, options);
    this.#detail = options?.detail ?? null;
  }

  get detail() {
    if (this === null || typeof this !== 'object' || !(#detail in this)) throw new ERR_INVALID_THIS('CustomEvent');
    return this.#detail;
  }
}
enumerable(CustomEvent.prototype, ['detail']);
Object.defineProperty(CustomEvent.prototype, Symbol.toStringTag, { value: 'CustomEvent', configurable: true });

module.exports = { Event, CustomEvent, kTrustEvent, enumerable, beginDispatch, endDispatch, isDispatching, isStopped };

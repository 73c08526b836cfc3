// AbortController and AbortSignal. Must not know what is aborted.
'use strict';

const {
  EventTarget, Event, defineEventHandler, initEventTarget, kTrustEvent, kResistStopPropagation, kNewListener, kRemoveListener,
} = require('internal/event_target');
const { codes: { ERR_ILLEGAL_CONSTRUCTOR, ERR_INVALID_ARG_TYPE, ERR_INVALID_THIS } } = require('internal/errors');
const { validateUint32 } = require('internal/validators');
const { setUnrefTimeout } = require('internal/timers');

const customInspectSymbol = Symbol.for('nodejs.util.inspect.custom');
const kSignal = Symbol('kSignal');
const kMake = Symbol('kMake');
const kAborted = Symbol('kAborted');
const kReason = Symbol('kReason');
// Of a signal that follows others: these, none of which follows any, and the reference that each of them has to it.
const kSources = Symbol('kSources');
const kReference = Symbol('kReference');
// Of one that is followed: weak references to its followers, and those of them that somebody listens to. What nobody listens
// to nobody can miss.
const kFollowers = Symbol('kFollowers');
const kHeard = Symbol('kHeard');

const domError = (message, name) => new DOMException(message, name);

function inspectAs(self, object, depth, options) {
  if (depth < 0) return `[${self.constructor.name}]`;
  const { inspect } = require('internal/util/inspect');
  return `${self.constructor.name} ${inspect(object, { ...options, depth: options.depth === null ? null : options.depth - 1 })}`;
}

// Given by the class itself: they reach its private fields.
let fire;
let is;

function checkSignal(value) {
  if (value === null || typeof value !== 'object' || !is(value)) throw new ERR_INVALID_THIS('AbortSignal');
}

const hidden = (object, key, value) => Object.defineProperty(object, key, { value, enumerable: false });

function forget(reference, sources) {
  for (const source of sources) source[kFollowers].delete(reference);
}
const gone = new FinalizationRegistry(({ reference, sources }) => forget(reference, sources));

function follow(signal, sources) {
  const reference = new WeakRef(signal);
  hidden(signal, kSources, sources);
  hidden(signal, kReference, reference);
  for (const source of sources) {
    if (source[kFollowers] === undefined) {
      hidden(source, kFollowers, new Set());
      hidden(source, kHeard, new Set());
    }
    source[kFollowers].add(reference);
  }
  gone.register(signal, { reference, sources }, reference);
}

function leave(signal) {
  gone.unregister(signal[kReference]);
  forget(signal[kReference], signal[kSources]);
  for (const source of signal[kSources]) source[kHeard].delete(signal);
}

class AbortSignal extends EventTarget {
  // Properties, not private fields: as in Node a Proxy of a signal is a signal, too.
  [kAborted] = false;
  [kReason] = undefined;

  constructor(token) {
    if (token !== kMake) throw new ERR_ILLEGAL_CONSTRUCTOR();
    super();
  }

  static {
    is = (value) => value[kAborted] !== undefined;
    fire = (signal, reason) => {
      if (signal[kAborted]) return;
      const all = [signal];
      for (const reference of signal[kFollowers] ?? []) all.push(reference.deref());
      const fired = all.filter((one) => one !== undefined && !one[kAborted]);
      for (const one of fired) {
        one[kAborted] = true;
        one[kReason] = reason;
      }
      for (const one of fired) {
        if (one[kSources] !== undefined) leave(one);
        one.dispatchEvent(new Event('abort', { [kTrustEvent]: true }));
      }
    };
  }

  get aborted() { checkSignal(this); return this[kAborted]; }
  get reason() { checkSignal(this); return this[kReason]; }

  [kNewListener](size, type) {
    super[kNewListener](...arguments);
    if (type === 'abort' && !this[kAborted]) for (const source of this[kSources] ?? []) source[kHeard].add(this);
  }

  [kRemoveListener](size, type) {
    if (type === 'abort' && size === 0) for (const source of this[kSources] ?? []) source[kHeard].delete(this);
  }

  throwIfAborted() {
    checkSignal(this);
    if (this[kAborted]) throw this[kReason];
  }

  [customInspectSymbol](depth, options) {
    return inspectAs(this, { aborted: this.aborted }, depth, options);
  }

  static abort(reason = domError('This operation was aborted', 'AbortError')) {
    const signal = new AbortSignal(kMake);
    signal[kAborted] = true;
    signal[kReason] = reason;
    return signal;
  }

  static timeout(delay) {
    validateUint32(delay, 'delay', false);
    const signal = new AbortSignal(kMake);
    setUnrefTimeout(() => fire(signal, domError('The operation was aborted due to timeout', 'TimeoutError')), delay);
    return signal;
  }

  static any(signals) {
    if (signals === null || typeof signals !== 'object' || typeof signals[Symbol.iterator] !== 'function') {
      throw new ERR_INVALID_ARG_TYPE('signals', 'Iterable', signals);
    }
    const list = [...signals];
    const made = new AbortSignal(kMake);
    for (const source of list) {
      if (source === null || typeof source !== 'object' || !is(source)) {
        throw new ERR_INVALID_ARG_TYPE('signals', 'AbortSignal', source);
      }
      if (source.aborted) {
        made[kAborted] = true;
        made[kReason] = source.reason;
        return made;
      }
    }
    follow(made, new Set(list.flatMap((source) => [...(source[kSources] ?? [source])])));
    return made;
  }
}

for (const name of ['aborted', 'reason', 'throwIfAborted']) {
  Object.defineProperty(AbortSignal.prototype, name, { enumerable: true });
}
Object.defineProperty(AbortSignal.prototype, Symbol.toStringTag, { value: 'AbortSignal', configurable: true });
defineEventHandler(AbortSignal.prototype, 'abort');

class AbortController {
  #signal;

  get signal() { return this.#signal ??= new AbortSignal(kMake); }

  abort(reason = domError('This operation was aborted', 'AbortError')) {
    fire(this.#signal ??= new AbortSignal(kMake), reason);
  }

  [customInspectSymbol](depth, options) {
    return inspectAs(this, { signal: this.signal }, depth, options);
  }
}
for (const name of ['signal', 'abort']) Object.defineProperty(AbortController.prototype, name, { enumerable: true });
Object.defineProperty(AbortController.prototype, Symbol.toStringTag, { value: 'AbortController', configurable: true });

// A signal aborted with its listeners' owner gone is what util.aborted waits for.
async function aborted(signal, resource) {
  if (signal === undefined) throw new ERR_INVALID_ARG_TYPE('signal', 'AbortSignal', signal);
  require('internal/validators').validateAbortSignal(signal, 'signal');
  if (resource === null || (typeof resource !== 'object' && typeof resource !== 'function')) {
    throw new ERR_INVALID_ARG_TYPE('resource', ['Object'], resource);
  }
  if (signal.aborted) return undefined;
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true, [kResistStopPropagation]: true });
  });
}

module.exports = {
  AbortController, AbortSignal, aborted, initEventTarget,
  transferableAbortSignal: () => { throw require('internal/missing').error('util.transferableAbortSignal'); },
  transferableAbortController: () => { throw require('internal/missing').error('util.transferableAbortController'); },
};
module.exports.default = AbortController;

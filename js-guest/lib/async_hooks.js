// node:async_hooks: AsyncLocalStorage, AsyncResource and createHook. The context is one immutable Map that nextTick, timers,
// immediates, microtasks, promises and the host's handles carry along (glue/tasks.c, glue/async.c,
// patches/23-async-context.patch). Must not know what the stores hold.
'use strict';

const native = internalBinding('async');
const tasks = internalBinding('tasks');
const hooks = require('internal/async_hooks');
const { codes: { ERR_ASYNC_CALLBACK, ERR_ASYNC_TYPE, ERR_INVALID_ASYNC_ID } } = require('internal/errors');
const { validateFunction, validateString } = require('internal/validators');

class AsyncLocalStorage {
  #enabled = false;

  static bind(fn) { return AsyncResource.bind(fn); }

  static snapshot() { return AsyncLocalStorage.bind((fn, ...args) => fn(...args)); }

  #with(store) {
    this.#enabled = true;
    return new Map(tasks.getContext()).set(this, store);
  }

  #without() {
    const context = new Map(tasks.getContext());
    context.delete(this);
    return context.size === 0 ? undefined : context;
  }

  run(store, callback, ...args) {
    if (this.#enabled && Object.is(store, this.getStore())) return Reflect.apply(callback, null, args);
    return native.within(this.#with(store), callback, null, ...args);
  }

  exit(callback, ...args) {
    if (!this.#enabled) return Reflect.apply(callback, null, args);
    return native.within(this.#without(), callback, null, ...args);
  }

  enterWith(store) {
    tasks.setContext(this.#with(store));
  }

  getStore() {
    return this.#enabled ? tasks.getContext()?.get(this) : undefined;
  }

  disable() {
    this.#enabled = false;
    tasks.setContext(this.#without());
  }

  // Gives a resource the store of another, as Node's own bookkeeping does under this name.
  _propagate(resource, triggerResource) {
    const context = AsyncResource._contextOf(triggerResource);
    if (context?.has(this)) AsyncResource._addTo(resource, this, context.get(this));
  }
}

const collected = new FinalizationRegistry((token) => {
  if (!token.destroyed) hooks.emitDestroy(token.id);
});

class AsyncResource {
  #id;
  #trigger;
  #context;
  #token; // only with a destroy hook that the collector may have to call

  constructor(type, options = {}) {
    validateString(type, 'type');
    let trigger = options, manual = false;
    if (typeof options !== 'number') {
      trigger = options.triggerAsyncId === undefined ? native.executionAsyncId() : options.triggerAsyncId;
      manual = Boolean(options.requireManualDestroy);
    }
    if (!Number.isSafeInteger(trigger) || trigger < -1) throw new ERR_INVALID_ASYNC_ID('triggerAsyncId', trigger);
    if (hooks.state.on && type.length === 0) throw new ERR_ASYNC_TYPE(type);
    this.#id = native.newId();
    this.#trigger = trigger;
    this.#context = tasks.getContext();
    if (hooks.state.on) this.#tell(type, manual);
  }

  #tell(type, manual) {
    hooks.emitInit(this.#id, type, this.#trigger, this);
    if (manual) return;
    this.#token = { id: this.#id, destroyed: false };
    collected.register(this, this.#token);
  }

  static _contextOf(resource) { return #context in resource ? resource.#context : undefined; }

  static _addTo(resource, storage, store) {
    if (#context in resource) resource.#context = new Map(resource.#context).set(storage, store);
  }

  runInAsyncScope(fn, thisArg, ...args) {
    return native.run(this, this.#id, this.#trigger, this.#context, fn, thisArg, ...args);
  }

  emitDestroy() {
    if (this.#token !== undefined) this.#token.destroyed = true;
    hooks.emitDestroy(this.#id);
    return this;
  }

  asyncId() { return this.#id; }

  triggerAsyncId() { return this.#trigger; }

  bind(fn, thisArg) {
    validateFunction(fn, 'fn');
    const resource = this;
    const bound = thisArg === undefined ?
      function(...args) { return resource.runInAsyncScope(fn, this, ...args); } :
      (...args) => resource.runInAsyncScope(fn, thisArg, ...args);
    Object.defineProperties(bound, {
      length: { __proto__: null, configurable: true, enumerable: false, value: fn.length, writable: false },
      asyncResource: { __proto__: null, configurable: true, enumerable: true, value: this, writable: true },
    });
    return bound;
  }

  static bind(fn, type, thisArg) {
    type ||= fn.name;
    return new AsyncResource(type || 'bound-anonymous-fn').bind(fn, thisArg);
  }
}

const NAMES = ['init', 'before', 'after', 'destroy', 'promiseResolve'];

class AsyncHook {
  #entry = { self: this };

  constructor(callbacks) {
    for (const name of NAMES) {
      const callback = callbacks[name];
      if (callback !== undefined && typeof callback !== 'function') throw new ERR_ASYNC_CALLBACK(`hook.${name}`);
      this.#entry[name] = callback;
    }
  }

  enable() {
    hooks.enable(this.#entry);
    return this;
  }

  disable() {
    hooks.disable(this.#entry);
    return this;
  }
}

// The kinds of work that have a name here; those of Node's own machinery are not among them.
const asyncWrapProviders = {
  __proto__: null, NONE: 0, FSREQCALLBACK: 1, FSREQPROMISE: 2, GETADDRINFOREQWRAP: 3, HTTPINCOMINGMESSAGE: 4, HTTPCLIENTREQUEST: 5,
  PROMISE: 6, TCPWRAP: 7, TCPCONNECTWRAP: 8, TCPSERVERWRAP: 9, ZLIB: 10,
};

module.exports = {
  AsyncLocalStorage,
  createHook: (callbacks) => new AsyncHook(callbacks),
  executionAsyncId: () => native.executionAsyncId(),
  triggerAsyncId: () => native.triggerAsyncId(),
  executionAsyncResource: () => native.executionAsyncResource(),
  asyncWrapProviders: Object.freeze(asyncWrapProviders),
  AsyncResource,
};

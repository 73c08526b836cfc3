// node:async_hooks: AsyncLocalStorage and AsyncResource. The context is one immutable Map that nextTick, timers, immediates,
// microtasks and promises carry along (glue/tasks.c, patches/23-async-context.patch). createHook is missing: the engine tells
// nobody of each resource. Ids count AsyncResources only. Must not know what the stores hold.
'use strict';

const tasks = internalBinding('tasks');
const { codes: { ERR_ASYNC_CALLBACK, ERR_ASYNC_TYPE, ERR_INVALID_ASYNC_ID } } = require('internal/errors');
const { validateFunction, validateString, validateObject } = require('internal/validators');
const { error: missing } = require('internal/missing');

let lastId = 1;
let current = { id: 1, trigger: 0, resource: {} };

function within(context, fn, self, args) {
  const before = tasks.getContext();
  tasks.setContext(context);
  try {
    return Reflect.apply(fn, self, args);
  } finally {
    tasks.setContext(before);
  }
}

class AsyncLocalStorage {
  #enabled = false;

  static bind(fn) { return AsyncResource.bind(fn); }

  static snapshot() {
    const context = tasks.getContext();
    return (fn, ...args) => within(context, fn, undefined, args);
  }

  #with(store) {
    this.#enabled = true;
    return new Map(tasks.getContext()).set(this, store);
  }

  run(store, callback, ...args) {
    return within(this.#with(store), callback, null, args);
  }

  exit(callback, ...args) {
    const context = new Map(tasks.getContext());
    context.delete(this);
    return within(context.size === 0 ? undefined : context, callback, null, args);
  }

  enterWith(store) {
    tasks.setContext(this.#with(store));
  }

  getStore() {
    return this.#enabled ? tasks.getContext()?.get(this) : undefined;
  }

  disable() {
    this.#enabled = false;
    const context = new Map(tasks.getContext());
    if (context.delete(this)) tasks.setContext(context.size === 0 ? undefined : context);
  }
}

class AsyncResource {
  #id;
  #trigger;
  #context;

  constructor(type, options = {}) {
    validateString(type, 'type');
    let trigger = options;
    if (typeof options !== 'number') {
      if (options !== null) validateObject(options, 'options');
      trigger = options?.triggerAsyncId ?? current.id;
    }
    if (!Number.isSafeInteger(trigger) || trigger < -1) throw new ERR_INVALID_ASYNC_ID('triggerAsyncId', trigger);
    if (type.length === 0) throw new ERR_ASYNC_TYPE(type);
    this.#id = ++lastId;
    this.#trigger = trigger;
    this.#context = tasks.getContext();
  }

  runInAsyncScope(fn, self, ...args) {
    const before = current;
    current = { id: this.#id, trigger: this.#trigger, resource: this };
    try {
      return within(this.#context, fn, self, args);
    } finally {
      current = before;
    }
  }

  emitDestroy() { return this; }
  asyncId() { return this.#id; }
  triggerAsyncId() { return this.#trigger; }

  bind(fn, self) {
    validateFunction(fn, 'fn');
    const resource = this;
    const bound = self === undefined ?
      function(...args) { return resource.runInAsyncScope(fn, this, ...args); } :
      (...args) => resource.runInAsyncScope(fn, self, ...args);
    Object.defineProperties(bound, {
      length: { configurable: true, enumerable: false, value: fn.length, writable: false },
      asyncResource: { configurable: true, enumerable: true, value: this, writable: true },
    });
    return bound;
  }

  static bind(fn, type, self) {
    return new AsyncResource(type || fn.name || 'bound-anonymous-fn').bind(fn, self);
  }
}

function createHook(callbacks) {
  validateObject(callbacks, 'hook');
  for (const name of ['init', 'before', 'after', 'destroy', 'promiseResolve']) {
    if (callbacks[name] !== undefined && typeof callbacks[name] !== 'function') throw new ERR_ASYNC_CALLBACK(`hook.${name}`);
  }
  return {
    enable() { throw missing('async_hooks.createHook'); },
    disable() { return this; },
  };
}

module.exports = {
  AsyncLocalStorage, AsyncResource, createHook,
  executionAsyncId: () => current.id,
  triggerAsyncId: () => current.trigger,
  executionAsyncResource: () => current.resource,
  asyncWrapProviders: Object.freeze({ __proto__: null, NONE: 0 }),
};

// Functions and methods that remember how they were called, and give way to others for a while. Must not know tests.
'use strict';

const { codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE } } = require('internal/errors');
const { validateBoolean, validateFunction, validateInteger, validateObject } = require('internal/validators');
const { stub } = require('internal/missing');

class MockFunctionContext {
  #calls = [];
  #original;
  #implementation;
  #once = new Map();
  #times;
  #putBack;

  constructor(original, implementation, times, putBack) {
    this.#original = original;
    this.#implementation = implementation;
    this.#times = times;
    this.#putBack = putBack;
  }

  get calls() {
    return this.#calls.slice();
  }

  callCount() {
    return this.#calls.length;
  }

  mockImplementation(implementation) {
    validateFunction(implementation, 'implementation');
    this.#implementation = implementation;
  }

  mockImplementationOnce(implementation, onCall) {
    validateFunction(implementation, 'implementation');
    const next = this.#calls.length;
    const call = onCall ?? next;
    validateInteger(call, 'onCall', next);
    this.#once.set(call, implementation);
  }

  restore() {
    this.#implementation = this.#original;
    this.#once.clear();
    this.#putBack?.();
  }

  resetCalls() {
    this.#calls = [];
  }

  // Called for each call of the mock; `fn` is what answers.
  static record(context, self, args, target) {
    const number = context.#calls.length;
    const fn = context.#once.get(number) ?? context.#implementation;
    context.#once.delete(number);
    if (number + 1 === context.#times) context.restore();
    const made = { arguments: args, error: undefined, result: undefined, stack: new Error(), target, this: self };
    try {
      made.result = target ? Reflect.construct(fn, args, target) : Reflect.apply(fn, self, args);
      if (target) made.this = made.result;
      return made.result;
    } catch (error) {
      made.error = error;
      throw error;
    } finally {
      context.#calls.push(made);
    }
  }
}

const { record } = MockFunctionContext;
delete MockFunctionContext.record;

function makeMock(original, implementation, times, putBack) {
  const context = new MockFunctionContext(original, implementation, times, putBack);
  const mock = new Proxy(original, {
    apply: (_, self, args) => record(context, self, args, undefined),
    construct: (_, args, target) => record(context, undefined, args, target === mock ? original : target),
    get: (target, key, receiver) => (key === 'mock' ? context : Reflect.get(target, key, receiver)),
  });
  return mock;
}

function readTimes({ times = Infinity }) {
  if (times !== Infinity) validateInteger(times, 'options.times', 1);
  return times;
}

function findDescriptor(object, name) {
  for (let at = object; at !== null && at !== undefined; at = Object.getPrototypeOf(at)) {
    const descriptor = Object.getOwnPropertyDescriptor(at, name);
    if (descriptor) return descriptor;
  }
  return undefined;
}

class MockTracker {
  #mocks = [];
  #timers;

  get timers() {
    this.#timers ??= Object.fromEntries(['enable', 'tick', 'runAll', 'reset'].map((name) => [name, stub('test', `mock.timers.${name}`)]));
    return this.#timers;
  }

  fn(original = function() {}, implementation = original, options = {}) {
    if (original !== null && typeof original === 'object') {
      options = original;
      original = function() {};
      implementation = original;
    } else if (implementation !== null && typeof implementation === 'object') {
      options = implementation;
      implementation = original;
    }
    validateFunction(original, 'original');
    validateFunction(implementation, 'implementation');
    validateObject(options, 'options');
    const mock = makeMock(original, implementation, readTimes(options));
    this.#mocks.push(mock.mock);
    return mock;
  }

  method(object, name, implementation, options = {}) {
    if (object === null || (typeof object !== 'object' && typeof object !== 'function')) {
      throw new ERR_INVALID_ARG_TYPE('object', 'Object', object);
    }
    if (typeof name !== 'string' && typeof name !== 'symbol') {
      throw new ERR_INVALID_ARG_TYPE('methodName', ['string', 'symbol'], name);
    }
    if (implementation !== null && typeof implementation === 'object') {
      options = implementation;
      implementation = undefined;
    }
    validateObject(options, 'options');
    const { getter = false, setter = false } = options;
    validateBoolean(getter, 'options.getter');
    validateBoolean(setter, 'options.setter');
    if (getter && setter) throw new ERR_INVALID_ARG_VALUE('options.setter', setter, "cannot be used with 'options.getter'");
    const part = getter ? 'get' : setter ? 'set' : 'value';
    const descriptor = findDescriptor(object, name);
    const original = descriptor?.[part];
    if (typeof original !== 'function') {
      throw new ERR_INVALID_ARG_VALUE('methodName', original, 'must be a method');
    }
    if (implementation !== undefined) validateFunction(implementation, 'implementation');
    return this.#replace(object, name, part, descriptor, implementation ?? original, readTimes(options));
  }

  #replace(object, name, part, descriptor, implementation, times) {
    const isOwn = Object.hasOwn(object, name);
    const putBack = () => {
      if (isOwn) Object.defineProperty(object, name, descriptor);
      else delete object[name];
    };
    const mock = makeMock(descriptor[part], implementation, times, putBack);
    Object.defineProperty(object, name, { ...descriptor, configurable: true, [part]: mock });
    this.#mocks.push(mock.mock);
    return mock;
  }

  getter(object, name, implementation, options = {}) {
    return this.#accessor(object, name, implementation, options, 'getter', 'setter');
  }

  setter(object, name, implementation, options = {}) {
    return this.#accessor(object, name, implementation, options, 'setter', 'getter');
  }

  #accessor(object, name, implementation, options, which, other) {
    if (implementation !== null && typeof implementation === 'object') {
      options = implementation;
      implementation = undefined;
    }
    if (options[which] === false) throw new ERR_INVALID_ARG_VALUE(`options.${which}`, false, 'cannot be false');
    return this.method(object, name, implementation, { ...options, [which]: true, [other]: options[other] ?? false });
  }

  reset() {
    this.restoreAll();
    this.#mocks = [];
  }

  restoreAll() {
    for (const mock of this.#mocks) mock.restore();
  }
}

module.exports = { MockTracker };

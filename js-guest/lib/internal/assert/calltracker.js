// assert.CallTracker: functions that must be called so many times.
'use strict';

const {
  codes: { ERR_INVALID_ARG_VALUE, ERR_UNAVAILABLE_DURING_EXIT },
} = require('internal/errors');
const AssertionError = require('internal/assert/assertion_error');
const { validateUint32 } = require('internal/validators');

const noop = () => {};

class CallTrackerContext {
  #expected;
  #calls = [];
  #name;
  #stackTrace;

  constructor({ expected, stackTrace, name }) {
    this.#expected = expected;
    this.#stackTrace = stackTrace;
    this.#name = name;
  }

  track(thisArg, args) {
    this.#calls.push(Object.freeze({ thisArg, arguments: Object.freeze(args.slice()) }));
  }

  get delta() {
    return this.#calls.length - this.#expected;
  }

  reset() {
    this.#calls = [];
  }

  getCalls() {
    return Object.freeze(this.#calls.slice());
  }

  report() {
    if (this.delta === 0) return undefined;
    const message = `Expected the ${this.#name} function to be executed ${this.#expected} time(s) but was executed ` +
      `${this.#calls.length} time(s).`;
    return {
      message, actual: this.#calls.length, expected: this.#expected, operator: this.#name, stack: this.#stackTrace,
    };
  }
}

class CallTracker {
  #contexts = new Set();
  #byFunction = new WeakMap();

  #contextOf(tracked) {
    const context = this.#byFunction.get(tracked);
    if (context === undefined) throw new ERR_INVALID_ARG_VALUE('tracked', tracked, 'is not a tracked function');
    return context;
  }

  reset(tracked) {
    if (tracked === undefined) {
      for (const context of this.#contexts) context.reset();
    } else {
      this.#contextOf(tracked).reset();
    }
  }

  getCalls(tracked) {
    return this.#contextOf(tracked).getCalls();
  }

  calls(fn, expected = 1) {
    if (process._exiting) throw new ERR_UNAVAILABLE_DURING_EXIT();
    if (typeof fn === 'number') {
      expected = fn;
      fn = noop;
    } else if (fn === undefined) {
      fn = noop;
    }
    validateUint32(expected, 'expected', true);
    const context = new CallTrackerContext({ expected, stackTrace: new Error(), name: fn.name || 'calls' });
    const tracked = new Proxy(fn, {
      __proto__: null, // a trap that somebody put on Object.prototype is none
      apply(target, thisArg, args) {
        context.track(thisArg, args);
        return Reflect.apply(target, thisArg, args);
      },
    });
    this.#contexts.add(context);
    this.#byFunction.set(tracked, context);
    return tracked;
  }

  report() {
    return [...this.#contexts].map((context) => context.report()).filter((report) => report !== undefined);
  }

  verify() {
    const details = this.report();
    if (details.length === 0) return;
    const message = details.length === 1 ? details[0].message :
      'Functions were not called the expected number of times';
    throw new AssertionError({ message, details });
  }
}

module.exports = CallTracker;

// One test of node:test, or one suite of them: its options, its hooks, its children in order, and what came of it. Must not
// know how results are printed, nor when the program ends.
'use strict';

const { AsyncLocalStorage } = require('async_hooks');
const { codes: { ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE } } = require('internal/errors');
const { validateAbortSignal, validateNumber } = require('internal/validators');
const { isPromise } = require('util/types');
const { clearTimeout, setTimeout } = require('timers');

const LONGEST_TIMEOUT = 2 ** 31 - 1;

// The test that asynchronous work belongs to.
const running = new AsyncLocalStorage();

const HOOKS = ['before', 'after', 'beforeEach', 'afterEach'];
const nothing = () => {};

// (name, options, fn), each of which may be left out.
function readArguments(name, options, fn) {
  if (typeof name === 'function') return { name: '', options: {}, fn: name };
  if (name !== null && typeof name === 'object') return { name: '', options: name, fn: options };
  if (typeof options === 'function') return { name, options: {}, fn: options };
  return { name, options: options ?? {}, fn };
}

function readConcurrency(value, inherited) {
  if (value === undefined || value === null) return inherited;
  if (typeof value === 'boolean') return value ? Infinity : 1;
  if (typeof value !== 'number') throw new ERR_INVALID_ARG_TYPE('options.concurrency', ['boolean', 'number'], value);
  if (!(value >= 1)) throw new ERR_OUT_OF_RANGE('options.concurrency', '>= 1', value);
  return value;
}

// What failed a test; what the test's own code threw is its cause.
class TestFailure extends Error {
  constructor(cause, failureType) {
    super(typeof cause === 'string' ? cause : cause?.message ?? require('internal/util/inspect').inspect(cause));
    this.code = 'ERR_TEST_FAILURE';
    this.failureType = failureType;
    this.cause = cause;
  }
}

const failure = (cause, failureType) => (cause instanceof TestFailure ? cause : new TestFailure(cause, failureType));

// Calls a test's or a hook's function; settles when it has, by what it returns or by its callback.
function call(fn, self, args) {
  if (fn.length < args.length + 1) return new Promise((resolve) => resolve(Reflect.apply(fn, self, args)));
  return new Promise((resolve, reject) => {
    let calls = 0;
    const returned = Reflect.apply(fn, self, [...args, (error) => {
      calls++;
      if (calls > 1) throw new TestFailure('callback invoked multiple times', 'multipleCallbackInvocations');
      if (error) reject(error);
      else resolve();
    }]);
    if (isPromise(returned)) {
      reject(new TestFailure('passed a callback but also returned a Promise', 'callbackAndPromisePresent'));
    }
  });
}

class Test {
  constructor(parent, given, kind) {
    const { name, options, fn } = given;
    const { skip, todo, only, timeout, signal, concurrency } = options;
    if (timeout !== undefined && timeout !== null && timeout !== Infinity) {
      validateNumber(timeout, 'options.timeout', 0, LONGEST_TIMEOUT);
    }
    if (signal !== undefined) validateAbortSignal(signal, 'options.signal');
    this.parent = parent;
    this.kind = kind;
    this.name = typeof name === 'string' && name !== '' ? name : (fn?.name || '<anonymous>');
    this.fn = fn ?? nothing;
    this.only = Boolean(only);
    this.skipped = skip !== undefined && skip !== false;
    this.todo = todo !== undefined && todo !== false;
    this.message = typeof skip === 'string' ? skip : typeof todo === 'string' ? todo : undefined;
    this.timeout = timeout ?? Infinity;
    this.outerSignal = signal;
    this.concurrency = readConcurrency(concurrency, parent ? parent.concurrency : 1);
    this.controller = new AbortController();
    this.hooks = { before: [], after: [], beforeEach: [], afterEach: [] };
    this.children = [];
    this.waiting = [];
    this.active = 0;
    this.diagnostics = [];
    this.error = undefined;
    this.finished = false;
    this.startedAt = 0;
    this.duration = 0;
    this.settled = new Promise((resolve) => { this.settle = resolve; });
  }

  get passed() {
    return this.error === undefined;
  }

  // ---- Children ----

  add(given, kind) {
    const Kind = kind === 'suite' ? Suite : Test;
    const child = new Kind(this, given, kind);
    this.children.push(child);
    if (this.finished) child.cancel('test could not be started because its parent finished', 'parentAlreadyFinished');
    else this.start(child);
    return child;
  }

  start(child) {
    if (!this.mayStart || this.active >= this.concurrency) {
      this.waiting.push(child);
      return;
    }
    this.active++;
    child.run().then(() => {
      this.active--;
      while (this.waiting.length > 0 && this.active < this.concurrency) this.start(this.waiting.shift());
    });
  }

  get mayStart() {
    return true;
  }

  // ---- Hooks ----

  hook(kind, fn, options) {
    if (typeof fn !== 'function') throw new ERR_INVALID_ARG_TYPE('fn', 'Function', fn);
    this.hooks[kind].push({ fn, timeout: options?.timeout ?? Infinity });
  }

  async runHooks(kind, argument) {
    for (const { fn, timeout } of this.hooks[kind]) {
      try {
        await this.limited(() => call(fn, undefined, [argument]), timeout);
      } catch (error) {
        throw failure(Object.assign(new Error(`failed running ${kind} hook`, { cause: error })), 'hookFailed');
      }
    }
  }

  // From the outermost parent inwards, or back.
  async eachHooks(kind) {
    const line = [];
    for (let at = this.parent; at; at = at.parent) line.unshift(at);
    if (kind === 'afterEach') line.reverse();
    for (const test of line) await test.runHooks(kind, this.context);
  }

  // ---- Running ----

  // Settles as `work` does, but no later than the time-out or a signal.
  limited(work, timeout) {
    const signals = [this.controller.signal, this.outerSignal].filter(Boolean);
    if (signals.some((signal) => signal.aborted)) {
      return Promise.reject(new TestFailure('The test was aborted', 'cancelledByParent'));
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(failure(this.cancelled ?? 'The test was aborted', 'cancelledByParent'));
      for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
      const late = () =>
        reject(new TestFailure(`test timed out after ${timeout}ms`, 'testTimeoutFailure'));
      const timer = timeout === Infinity ? undefined : setTimeout(late, timeout);
      Promise.resolve().then(work).then(resolve, reject).finally(() => {
        if (timer) clearTimeout(timer);
        for (const signal of signals) signal.removeEventListener('abort', onAbort);
      });
    });
  }

  fail(error, type = 'testCodeFailure') {
    this.error ??= failure(error, type);
  }

  async run() {
    if (this.finished) return;
    this.startedAt = performance.now();
    if (!this.skipped) await running.run(this, () => this.body());
    this.end();
  }

  async body() {
    try {
      await this.limited(async () => {
        await this.eachHooks('beforeEach');
        if (this.hooks.before.length > 0) await this.runHooks('before', this.context);
        await call(this.fn, this.context, [this.context]);
      }, this.timeout);
    } catch (error) {
      this.fail(error);
    }
    await this.cleanUp();
    if (this.children.some((child) => !child.passed && !child.todo)) this.failOfChildren();
  }

  failOfChildren() {
    const count = this.children.filter((child) => !child.passed && !child.todo).length;
    this.fail(new TestFailure(`${count} subtest${count === 1 ? '' : 's'} failed`, 'subtestsFailed'));
  }

  async cleanUp() {
    for (const child of this.children) {
      if (!child.finished) child.cancel('test did not finish before its parent and was cancelled', 'cancelledByParent');
    }
    try {
      await this.runHooks('after', this.context);
      await this.eachHooks('afterEach');
    } catch (error) {
      this.fail(error);
    }
    this.tracker?.reset();
  }

  cancel(message, type) {
    if (this.finished) return;
    this.cancelled = new TestFailure(message, type);
    for (const child of this.children) child.cancel(message, type);
    this.fail(this.cancelled);
    this.controller.abort();
    this.end();
  }

  end() {
    if (this.finished) return;
    this.finished = true;
    this.duration = this.startedAt ? performance.now() - this.startedAt : 0;
    this.settle();
    this.onEnd?.();
  }

  get context() {
    this.ownContext ??= new (require('internal/test/context').TestContext)(this);
    return this.ownContext;
  }
}

// A suite's function only declares: what it declares runs when the suite does.
class Suite extends Test {
  #open = false;

  constructor(parent, given, kind) {
    super(parent, given, kind);
    this.built = this.skipped ? Promise.resolve() : running.run(this, () => call(this.fn, this.context, [this.context]));
    this.built.catch((error) => this.fail(error));
  }

  get mayStart() {
    return this.#open;
  }

  get context() {
    this.ownContext ??= new (require('internal/test/context').SuiteContext)(this);
    return this.ownContext;
  }

  async body() {
    try {
      await this.built;
      await this.limited(async () => {
        await this.runHooks('before', this.context);
        this.#open = true;
        const waiting = this.waiting.splice(0);
        for (const child of waiting) this.start(child);
        await Promise.all(this.children.map((child) => child.settled));
      }, this.timeout);
    } catch (error) {
      this.fail(error);
    }
    for (const child of this.children) {
      if (!child.finished) child.cancel('test did not finish before its parent and was cancelled', 'cancelledByParent');
    }
    try {
      await this.runHooks('after', this.context);
    } catch (error) {
      this.fail(error);
    }
    if (this.children.some((child) => !child.passed && !child.todo)) this.failOfChildren();
  }
}

module.exports = { HOOKS, Test, TestFailure, failure, readArguments, running };

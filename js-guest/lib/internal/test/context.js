// What a test's function is given: the `t` of (t) => {}, and a suite's smaller one. Must not know how tests run.
'use strict';

const { readArguments } = require('internal/test/test');
const { MockTracker } = require('internal/test/mock');

class TestContext {
  #test;

  constructor(test) {
    this.#test = test;
  }

  get name() {
    return this.#test.name;
  }

  get signal() {
    return this.#test.controller.signal;
  }

  get mock() {
    this.#test.tracker ??= new MockTracker();
    return this.#test.tracker;
  }

  diagnostic(message) {
    this.#test.diagnostics.push(String(message));
  }

  // Which of the subtests run is --test-only's business, which is not taken.
  runOnly() {}

  skip(message) {
    this.#test.skipped = true;
    if (message !== undefined) this.#test.message = message;
  }

  todo(message) {
    this.#test.todo = true;
    if (message !== undefined) this.#test.message = message;
  }

  test(name, options, fn) {
    return this.#test.add(readArguments(name, options, fn), 'test').settled;
  }

  before(fn, options) {
    this.#test.hook('before', fn, options);
  }

  after(fn, options) {
    this.#test.hook('after', fn, options);
  }

  beforeEach(fn, options) {
    this.#test.hook('beforeEach', fn, options);
  }

  afterEach(fn, options) {
    this.#test.hook('afterEach', fn, options);
  }
}

class SuiteContext {
  #suite;

  constructor(suite) {
    this.#suite = suite;
  }

  get name() {
    return this.#suite.name;
  }

  get signal() {
    return this.#suite.controller.signal;
  }
}

module.exports = { SuiteContext, TestContext };

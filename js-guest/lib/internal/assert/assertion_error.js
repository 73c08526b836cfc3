// assert.AssertionError. Must not know assert's functions.
'use strict';

const { inspect } = require('internal/util/inspect');
const { captureStack } = require('internal/errors');
const { validateObject } = require('internal/validators');
const { messageFor } = require('internal/assert/diff');

const MAX_LINES = 10;

function shortened(value) {
  const lines = value.split('\n', MAX_LINES + 1);
  if (lines.length <= MAX_LINES) return value;
  lines.length = MAX_LINES;
  return `${lines.join('\n')}\n...`;
}

class AssertionError extends Error {
  constructor(options) {
    validateObject(options, 'options');
    const { message, operator, stackStartFn, details, stackStartFunction, actual, expected } = options;
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message != null ? String(message) : messageFor(actual, expected, operator));
    Error.stackTraceLimit = limit;
    this.generatedMessage = !message;
    this.code = 'ERR_ASSERTION';
    if (details) {
      this.actual = undefined;
      this.expected = undefined;
      this.operator = undefined;
      for (let i = 0; i < details.length; i++) {
        this[`message ${i}`] = details[i].message;
        this[`actual ${i}`] = details[i].actual;
        this[`expected ${i}`] = details[i].expected;
        this[`operator ${i}`] = details[i].operator;
        this[`stack trace ${i}`] = details[i].stack;
      }
    } else {
      this.actual = actual;
      this.expected = expected;
      this.operator = operator;
    }
    captureStack(this, stackStartFn || stackStartFunction, `AssertionError [ERR_ASSERTION]: ${this.message}`);
    Object.defineProperty(this, 'name', {
      __proto__: null, value: 'AssertionError', enumerable: false, writable: true, configurable: true,
    });
  }

  toString() {
    return `${this.name} [${this.code}]: ${this.message}`;
  }

  [inspect.custom](recurseTimes, ctx) {
    // Long strings are cut: they stand in the message already.
    const { actual, expected } = this;
    if (typeof actual === 'string') this.actual = shortened(actual);
    if (typeof expected === 'string') this.expected = shortened(expected);
    const text = inspect(this, { ...ctx, customInspect: false, depth: 0 });
    this.actual = actual;
    this.expected = expected;
    return text;
  }
}

module.exports = AssertionError;

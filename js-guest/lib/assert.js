// node:assert. How two values compare is internal/util/comparisons, how a failure reads internal/assert/. Must not know
// any kind of test runner.
'use strict';

const {
  codes: { ERR_AMBIGUOUS_ARGUMENT, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_INVALID_RETURN_VALUE, ERR_MISSING_ARGS },
} = require('internal/errors');
const AssertionError = require('internal/assert/assertion_error');
const CallTracker = require('internal/assert/calltracker');
const { inspect } = require('internal/util/inspect');
const { isDeepEqual, isDeepStrictEqual } = require('internal/util/comparisons');
const { isPromise, isRegExp } = require('internal/util/types');
const { isError, deprecate } = require('internal/util');
const { validateFunction } = require('internal/validators');

const NO_EXCEPTION = {};

function innerFail(options) {
  if (options.message instanceof Error) throw options.message;
  throw new AssertionError(options);
}

function generated(options, isGenerated) {
  const error = new AssertionError(options);
  error.generatedMessage = isGenerated;
  return error;
}

function innerOk(fn, argCount, value, message) {
  if (value) return;
  let isGenerated = false;
  if (argCount === 0) {
    isGenerated = true;
    message = 'No value argument passed to `assert.ok()`';
  } else if (message == null) {
    isGenerated = true;
    const place = {};
    Error.captureStackTrace(place, fn);
    const code = require('internal/assert/expression').expressionAt(`${place.stack}`);
    if (code !== undefined) message = `The expression evaluated to a falsy value:\n\n  ${code}\n`;
  } else if (message instanceof Error) {
    throw message;
  }
  throw generated({ actual: value, expected: true, message, operator: '==', stackStartFn: fn }, isGenerated);
}

function ok(...args) {
  innerOk(ok, args.length, ...args);
}
const assert = ok;

assert.ok = ok;

let warnedOfFail = false;

assert.fail = function fail(actual, expected, message, operator, stackStartFn) {
  const count = arguments.length;
  let internalMessage = false;
  if (actual == null && count <= 1) {
    internalMessage = 'Failed';
  } else if (count === 1) {
    message = actual;
    actual = undefined;
  } else {
    if (!warnedOfFail) {
      warnedOfFail = true;
      process.emitWarning(
        'assert.fail() with more than one argument is deprecated. Please use assert.strictEqual() instead or only ' +
        'pass a message.', 'DeprecationWarning', 'DEP0094');
    }
    if (count === 2) operator = '!=';
  }
  if (message instanceof Error) throw message;
  const options = { actual, expected, operator: operator === undefined ? 'fail' : operator, stackStartFn: stackStartFn || fail };
  if (message !== undefined) options.message = message;
  if (internalMessage) options.message = internalMessage;
  const error = new AssertionError(options);
  if (internalMessage) error.generatedMessage = true;
  throw error;
};

assert.AssertionError = AssertionError;

// Each compares two values: its name, and whether they pass.
const COMPARISONS = {
  /* eslint-disable eqeqeq */
  equal: ['==', (a, b) => a == b || (Number.isNaN(a) && Number.isNaN(b))],
  notEqual: ['!=', (a, b) => a != b && !(Number.isNaN(a) && Number.isNaN(b))],
  /* eslint-enable eqeqeq */
  deepEqual: ['deepEqual', isDeepEqual],
  notDeepEqual: ['notDeepEqual', (a, b) => !isDeepEqual(a, b)],
  deepStrictEqual: ['deepStrictEqual', isDeepStrictEqual],
  notDeepStrictEqual: ['notDeepStrictEqual', (a, b) => !isDeepStrictEqual(a, b)],
  strictEqual: ['strictEqual', Object.is],
  notStrictEqual: ['notStrictEqual', (a, b) => !Object.is(a, b)],
};

for (const [name, [operator, passes]] of Object.entries(COMPARISONS)) {
  const compare = { [name](actual, expected, message) {
    if (arguments.length < 2) throw new ERR_MISSING_ARGS('actual', 'expected');
    if (!passes(actual, expected)) innerFail({ actual, expected, message, operator, stackStartFn: compare });
  } }[name];
  assert[name] = compare;
}

// What of an error its validation object speaks of, so that a difference shows no more.
class Comparison {
  constructor(object, keys, actual) {
    for (const key of keys) {
      if (!(key in object)) continue;
      const matches = actual !== undefined && typeof actual[key] === 'string' && isRegExp(object[key]) &&
        object[key].exec(actual[key]) !== null;
      this[key] = matches ? actual[key] : object[key];
    }
  }
}

function compareKey(actual, expected, key, message, keys, fn) {
  if (key in actual && isDeepStrictEqual(actual[key], expected[key])) return;
  if (message) innerFail({ actual, expected, message, operator: fn.name, stackStartFn: fn });
  const error = new AssertionError({
    actual: new Comparison(actual, keys),
    expected: new Comparison(expected, keys, actual),
    operator: 'deepStrictEqual',
    stackStartFn: fn,
  });
  error.actual = actual;
  error.expected = expected;
  error.operator = fn.name;
  throw error;
}

function matchObject(actual, expected, message, fn) {
  if (typeof actual !== 'object' || actual === null) {
    const error = new AssertionError({ actual, expected, message, operator: 'deepStrictEqual', stackStartFn: fn });
    error.operator = fn.name;
    throw error;
  }
  const keys = Object.keys(expected);
  if (expected instanceof Error) keys.push('name', 'message');
  else if (keys.length === 0) throw new ERR_INVALID_ARG_VALUE('error', expected, 'may not be an empty object');
  for (const key of keys) {
    if (typeof actual[key] === 'string' && isRegExp(expected[key]) && expected[key].exec(actual[key]) !== null) continue;
    compareKey(actual, expected, key, message, keys, fn);
  }
}

// Why a thrown value is not what a function (a class or a validation function) asks for; undefined when it is.
function functionFailure(actual, expected) {
  if (expected.prototype !== undefined && actual instanceof expected) return undefined;
  if (Object.prototype.isPrototypeOf.call(Error, expected)) {
    let reason = `The error is expected to be an instance of "${expected.name}". Received `;
    if (!isError(actual)) return `${reason}"${inspect(actual, { depth: -1 })}"`;
    reason += `"${actual.name}"`;
    return `${reason}\n\nError message:\n\n${actual.message}`;
  }
  const result = Reflect.apply(expected, {}, [actual]);
  if (result === true) return undefined;
  const name = expected.name ? `"${expected.name}" ` : '';
  const reason = `The ${name}validation function is expected to return "true". Received ${inspect(result)}`;
  return isError(actual) ? `${reason}\n\nCaught error:\n\n${actual}` : reason;
}

function expectedException(actual, expected, message, fn) {
  let reason;
  if (typeof expected === 'function') {
    reason = functionFailure(actual, expected);
  } else if (isRegExp(expected)) {
    const text = String(actual);
    if (expected.exec(text) === null) {
      reason = `The input did not match the regular expression ${inspect(expected)}. Input:\n\n${inspect(text)}\n`;
    }
  } else {
    matchObject(actual, expected, message, fn);
  }
  if (reason === undefined) return;
  if (message instanceof Error) throw message;
  throw generated({ actual, expected, message: message || reason, operator: fn.name, stackStartFn: fn }, !message);
}

function getActual(fn) {
  validateFunction(fn, 'fn');
  try {
    fn();
  } catch (error) {
    return error;
  }
  return NO_EXCEPTION;
}

const isThenable = (value) =>
  isPromise(value) || (value !== null && typeof value === 'object' && typeof value.then === 'function' &&
    typeof value.catch === 'function');

async function waitForActual(promiseFn) {
  let promise;
  if (typeof promiseFn === 'function') {
    promise = promiseFn();
    if (!isThenable(promise)) throw new ERR_INVALID_RETURN_VALUE('instance of Promise', 'promiseFn', promise);
  } else if (isThenable(promiseFn)) {
    promise = promiseFn;
  } else {
    throw new ERR_INVALID_ARG_TYPE('promiseFn', ['Function', 'Promise'], promiseFn);
  }
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return NO_EXCEPTION;
}

function checkAmbiguous(actual, text) {
  if (typeof actual === 'object' && actual !== null) {
    if (actual.message === text) {
      throw new ERR_AMBIGUOUS_ARGUMENT('error/message', `The error message "${actual.message}" is identical to the message.`);
    }
  } else if (actual === text) {
    throw new ERR_AMBIGUOUS_ARGUMENT('error/message', `The error "${actual}" is identical to the message.`);
  }
}

function expectsError(fn, actual, args) {
  let [error, message] = args;
  if (typeof error === 'string') {
    if (args.length === 2) throw new ERR_INVALID_ARG_TYPE('error', ['Object', 'Error', 'Function', 'RegExp'], error);
    checkAmbiguous(actual, error);
    message = error;
    error = undefined;
  } else if (error != null && typeof error !== 'object' && typeof error !== 'function') {
    throw new ERR_INVALID_ARG_TYPE('error', ['Object', 'Error', 'Function', 'RegExp'], error);
  }
  if (actual === NO_EXCEPTION) {
    const kind = fn === assert.rejects ? 'rejection' : 'exception';
    const details = `${error && error.name ? ` (${error.name})` : ''}${message ? `: ${message}` : '.'}`;
    innerFail({
      actual: undefined, expected: error, operator: fn.name, message: `Missing expected ${kind}${details}`, stackStartFn: fn,
    });
  }
  if (error) expectedException(actual, error, message, fn);
}

function hasMatchingError(actual, expected) {
  if (typeof expected !== 'function') {
    if (isRegExp(expected)) return expected.exec(String(actual)) !== null;
    throw new ERR_INVALID_ARG_TYPE('expected', ['Function', 'RegExp'], expected);
  }
  if (expected.prototype !== undefined && actual instanceof expected) return true;
  if (Object.prototype.isPrototypeOf.call(Error, expected)) return false;
  return Reflect.apply(expected, {}, [actual]) === true;
}

function expectsNoError(fn, actual, error, message) {
  if (actual === NO_EXCEPTION) return;
  if (typeof error === 'string') {
    message = error;
    error = undefined;
  }
  if (error && !hasMatchingError(actual, error)) throw actual;
  const kind = fn === assert.doesNotReject ? 'rejection' : 'exception';
  innerFail({
    actual,
    expected: error,
    operator: fn.name,
    message: `Got unwanted ${kind}${message ? `: ${message}` : '.'}\nActual message: "${actual && actual.message}"`,
    stackStartFn: fn,
  });
}

assert.throws = function throws(fn, ...args) {
  expectsError(throws, getActual(fn), args);
};

assert.rejects = async function rejects(promiseFn, ...args) {
  expectsError(rejects, await waitForActual(promiseFn), args);
};

assert.doesNotThrow = function doesNotThrow(fn, ...args) {
  expectsNoError(doesNotThrow, getActual(fn), ...args);
};

assert.doesNotReject = async function doesNotReject(fn, ...args) {
  expectsNoError(doesNotReject, await waitForActual(fn), ...args);
};

assert.ifError = function ifError(value) {
  if (value === null || value === undefined) return;
  let message = 'ifError got unwanted exception: ';
  if (typeof value === 'object' && typeof value.message === 'string') {
    message += value.message.length === 0 && value.constructor ? value.constructor.name : value.message;
  } else {
    message += inspect(value);
  }
  const error = generated({ actual: value, expected: null, operator: 'ifError', message, stackStartFn: ifError }, false);
  // The frames of the original, less those both stacks end with.
  if (typeof value.stack === 'string' && typeof error.stack === 'string') {
    const at = value.stack.indexOf('\n    at');
    if (at !== -1) error.stack = joinStacks(error.stack, value.stack.slice(at + 1).split('\n'));
  }
  throw error;
};

function joinStacks(stack, originalFrames) {
  const frames = stack.split('\n');
  for (const frame of originalFrames) {
    const shared = frames.indexOf(frame);
    if (shared !== -1) {
      frames.length = shared;
      break;
    }
  }
  return `${frames.join('\n')}\n${originalFrames.join('\n')}`;
}

function internalMatch(string, regexp, message, fn) {
  if (!isRegExp(regexp)) throw new ERR_INVALID_ARG_TYPE('regexp', 'RegExp', regexp);
  const wanted = fn === assert.match;
  if (typeof string === 'string' && (regexp.exec(string) !== null) === wanted) return;
  if (message instanceof Error) throw message;
  let reason;
  if (typeof string !== 'string') {
    reason = `The "string" argument must be of type string. Received type ${typeof string} (${inspect(string)})`;
  } else {
    const start = wanted ? 'The input did not match the regular expression ' :
      'The input was expected to not match the regular expression ';
    reason = `${start}${inspect(regexp)}. Input:\n\n${inspect(string)}\n`;
  }
  throw generated(
    { actual: string, expected: regexp, message: message || reason, operator: fn.name, stackStartFn: fn }, !message);
}

assert.match = function match(string, regexp, message) {
  internalMatch(string, regexp, message, match);
};

assert.doesNotMatch = function doesNotMatch(string, regexp, message) {
  internalMatch(string, regexp, message, doesNotMatch);
};

assert.CallTracker = deprecate(CallTracker, 'assert.CallTracker is deprecated.', 'DEP0173');

function strict(...args) {
  innerOk(strict, args.length, ...args);
}

assert.strict = Object.assign(strict, assert, {
  equal: assert.strictEqual,
  deepEqual: assert.deepStrictEqual,
  notEqual: assert.notStrictEqual,
  notDeepEqual: assert.notDeepStrictEqual,
});
assert.strict.strict = assert.strict;

module.exports = assert;

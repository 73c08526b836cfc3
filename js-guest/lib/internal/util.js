// Helpers that several modules of the library share, and the parts of node:util that are about functions: promisify,
// deprecate, callbackify, inherits. Must not load what it does not need while the library is evaluated.
'use strict';

const {
  codes: { ERR_FALSY_VALUE_REJECTION, ERR_INVALID_ARG_TYPE, ERR_NO_CRYPTO },
} = require('internal/errors');
const { validateFunction, validateString, validateObject } = require('internal/validators');

const customInspectSymbol = Symbol.for('nodejs.util.inspect.custom');
const kCustomPromisify = Symbol.for('nodejs.util.promisify.custom');
// Names for the values of a callback that has several: the promise gets an object of them.
const customPromisifyArgs = Symbol('customPromisifyArgs');
const kEmptyObject = Object.freeze({ __proto__: null });

function promisify(original) {
  validateFunction(original, 'original');
  const custom = original[kCustomPromisify];
  if (custom) {
    validateFunction(custom, 'util.promisify.custom');
    return Object.defineProperty(custom, kCustomPromisify, {
      value: custom, enumerable: false, writable: false, configurable: true,
    });
  }
  const names = original[customPromisifyArgs];
  function fn(...args) {
    return new Promise((resolve, reject) => {
      Reflect.apply(original, this, [...args, (error, ...values) => {
        if (error) return reject(error);
        if (names === undefined || values.length <= 1) return resolve(values[0]);
        resolve(Object.fromEntries(names.map((name, i) => [name, values[i]])));
      }]);
    });
  }
  Object.setPrototypeOf(fn, Object.getPrototypeOf(original));
  Object.defineProperty(fn, kCustomPromisify, { value: fn, enumerable: false, writable: false, configurable: true });
  const own = Object.getOwnPropertyDescriptors(original);
  for (const key of Reflect.ownKeys(own)) Object.setPrototypeOf(own[key], null);
  return Object.defineProperties(fn, own);
}
promisify.custom = kCustomPromisify;

function callbackify(original) {
  validateFunction(original, 'original');
  function callbackified(...args) {
    const callback = args.pop();
    validateFunction(callback, 'last argument');
    const done = callback.bind(this);
    Reflect.apply(original, this, args).then(
      (value) => process.nextTick(done, null, value),
      (reason) => process.nextTick(done, reason || falsyRejection(reason)));
  }
  const own = Object.getOwnPropertyDescriptors(original);
  // One more parameter, the callback.
  if (typeof own.length.value === 'number') own.length.value++;
  if (typeof own.name.value === 'string') own.name.value += 'Callbackified';
  return Object.defineProperties(callbackified, own);
}

function falsyRejection(reason) {
  const error = new ERR_FALSY_VALUE_REJECTION(reason);
  Error.captureStackTrace(error, falsyRejection);
  return error;
}

const warnedCodes = new Set();

function deprecate(fn, message, code) {
  if (process.noDeprecation === true) return fn;
  if (code !== undefined) validateString(code, 'code');
  let warned = false;
  function deprecated(...args) {
    if (!warned) {
      warned = true;
      if (code === undefined) {
        process.emitWarning(message, 'DeprecationWarning', deprecated);
      } else if (!warnedCodes.has(code)) {
        process.emitWarning(message, 'DeprecationWarning', code, deprecated);
        warnedCodes.add(code);
      }
    }
    if (new.target) return Reflect.construct(fn, args, new.target);
    return Reflect.apply(fn, this, args);
  }
  Object.setPrototypeOf(deprecated, fn);
  // Whatever is an instance of fn is one of the deprecated function.
  if (fn.prototype) deprecated.prototype = fn.prototype;
  return deprecated;
}

function inherits(ctor, superCtor) {
  if (ctor === undefined || ctor === null) throw new ERR_INVALID_ARG_TYPE('ctor', 'Function', ctor);
  if (superCtor === undefined || superCtor === null) throw new ERR_INVALID_ARG_TYPE('superCtor', 'Function', superCtor);
  if (superCtor.prototype === undefined) {
    throw new ERR_INVALID_ARG_TYPE('superCtor.prototype', 'Object', superCtor.prototype);
  }
  Object.defineProperty(ctor, 'super_', { value: superCtor, writable: true, configurable: true });
  Object.setPrototypeOf(ctor.prototype, superCtor.prototype);
}

function once(fn) {
  let called = false;
  return function(...args) {
    if (called) return undefined;
    called = true;
    return Reflect.apply(fn, this, args);
  };
}

// 'utf8', 'utf16le', 'latin1'... or undefined when there is no such encoding. No encoding means UTF-8.
function normalizeEncoding(encoding) {
  if (encoding === undefined || encoding === null || encoding === '') return 'utf8';
  return internalBinding('buffer').normalEncoding(`${encoding}`);
}

function assertCrypto() {
  throw new ERR_NO_CRYPTO();
}

function spliceOne(list, index) {
  for (; index + 1 < list.length; index++) list[index] = list[index + 1];
  list.pop();
}

function defineLazyProperties(target, id, keys, enumerable = true) {
  for (const key of keys) {
    Object.defineProperty(target, key, {
      configurable: true,
      enumerable,
      get() {
        const value = require(id)[key];
        Object.defineProperty(target, key, { value, writable: true, enumerable, configurable: true });
        return value;
      },
      set(value) { Object.defineProperty(target, key, { value, writable: true, enumerable, configurable: true }); },
    });
  }
}

function defineReplaceableLazyAttribute(target, id, keys, writable = true) {
  defineLazyProperties(target, id, keys, writable);
}

function exposeInterface(target, name, value) {
  Object.defineProperty(target, name, { value, writable: true, enumerable: false, configurable: true });
}

const kEnumerableProperty = Object.assign({ __proto__: null }, { enumerable: true });

function getConstructorOf(object) {
  while (object) {
    const own = Object.getOwnPropertyDescriptor(object, 'constructor');
    if (own !== undefined && typeof own.value === 'function' && own.value.name !== '') return own.value;
    object = Object.getPrototypeOf(object);
  }
  return undefined;
}

function getSystemErrorName(errno) {
  const { codes: { ERR_OUT_OF_RANGE } } = require('internal/errors');
  if (typeof errno !== 'number') throw new ERR_INVALID_ARG_TYPE('err', 'number', errno);
  if (errno >= 0 || !Number.isSafeInteger(errno)) throw new ERR_OUT_OF_RANGE('err', 'a negative integer', errno);
  return require('internal/uv').errname(errno);
}

const getSystemErrorMap = () => new Map(require('internal/uv').getErrorMap());

function createDeferredPromise() {
  let resolve;
  let reject;
  const promise = new Promise((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

function lazyDOMException(message, name) {
  return new (require('internal/domexception').DOMException)(message, name);
}

function toUSVString(input) {
  return internalBinding('buffer').toWellFormed(`${input}`);
}

function emitExperimentalWarning(feature) {
  if (warnedCodes.has(feature)) return;
  warnedCodes.add(feature);
  process.emitWarning(`${feature} is an experimental feature and might change at any time`, 'ExperimentalWarning');
}

// Once per code, for the library's own deprecations.
function deprecationWarning(message, code) {
  if (warnedCodes.has(code)) return;
  warnedCodes.add(code);
  process.emitWarning(message, 'DeprecationWarning', code);
}

const isError = (value) => require('internal/util/inspect_error').isError(value);

function styleText(format, text) {
  validateString(text, 'text');
  const { inspect } = require('internal/util/inspect');
  const { validateOneOf } = require('internal/validators');
  let left = '';
  let right = '';
  for (const key of [format].flat()) {
    const codes = inspect.colors[key];
    if (codes == null) validateOneOf(key, 'format', Object.keys(inspect.colors));
    left += `\u001b[${codes[0]}m`;
    right = `\u001b[${codes[1]}m${right}`;
  }
  return `${left}${text}${right}`;
}

function filterOwnProperties(source, keys) {
  validateObject(source, 'source');
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(source, key)).map((key) => [key, source[key]]));
}

module.exports = {
  assertCrypto,
  callbackify,
  createDeferredPromise,
  customInspectSymbol,
  customPromisifyArgs,
  defineLazyProperties,
  defineReplaceableLazyAttribute,
  deprecate,
  deprecationWarning,
  emitExperimentalWarning,
  exposeInterface,
  filterOwnProperties,
  getConstructorOf,
  getSystemErrorMap,
  getSystemErrorName,
  inherits,
  isError,
  kEmptyObject,
  kEnumerableProperty,
  lazyDOMException,
  normalizeEncoding,
  once,
  promisify,
  spliceOne,
  styleText,
  toUSVString,
};

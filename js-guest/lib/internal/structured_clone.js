// structuredClone: a deep copy by the HTML standard's rules. Must not call a script's code but for getters.
'use strict';

const types = require('internal/util/types');
const { DOMException } = require('internal/domexception');
const { codes: { ERR_MISSING_ARGS, ERR_INVALID_ARG_TYPE } } = require('internal/errors');
const { detach } = internalBinding('util');

// A property of what is no ArrayBuffer and can be handed over all the same: a port, which stays what it is.
const kTransferable = Symbol('kTransferable');
// A method that makes the copy, of objects of the library's own.
const kClone = Symbol('kClone');

const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

function describe(value) {
  if (typeof value === 'symbol') return value.toString();
  if (typeof value === 'function') return Function.prototype.toString.call(value);
  return `#<${value.constructor?.name || 'Object'}>`;
}

const fail = (value) => new DOMException(`${describe(value)} could not be cloned.`, 'DataCloneError');

function cloneError(error, memory) {
  const name = `${error.name}`;
  const Base = Object.hasOwn(ERRORS, name) ? ERRORS[name] : Error;
  const made = new Base();
  memory.set(error, made);
  const define = (key, value) =>
    Object.defineProperty(made, key, { value, writable: true, enumerable: false, configurable: true });
  const own = Object.getOwnPropertyDescriptor(error, 'message');
  if (own !== undefined && 'value' in own) define('message', `${own.value}`);
  define('stack', error.stack === undefined ? undefined : `${error.stack}`);
  if (Object.hasOwn(error, 'cause')) define('cause', clone(error.cause, memory));
  return made;
}

function cloneView(view, memory) {
  const buffer = clone(view.buffer, memory);
  if (types.isDataView(view)) return new DataView(buffer, view.byteOffset, view.byteLength);
  const Class = globalThis[tagOf(view)];
  return new Class(buffer, view.byteOffset, view.length);
}

const typedArrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
const tagOf = (view) => typedArrayTag.call(view);

function cloneBuffer(buffer) {
  if (types.isSharedArrayBuffer(buffer)) return buffer;
  if (buffer.detached) throw new DOMException('An ArrayBuffer is detached and could not be cloned.', 'DataCloneError');
  if (!buffer.resizable) return ArrayBuffer.prototype.slice.call(buffer, 0);
  const copy = new ArrayBuffer(buffer.byteLength, { maxByteLength: buffer.maxByteLength });
  new Uint8Array(copy).set(new Uint8Array(buffer));
  return copy;
}

// What is copied as a whole; undefined for objects whose properties are walked.
function cloneExotic(value, memory) {
  if (types.isBoxedPrimitive(value)) {
    if (types.isSymbolObject(value)) throw fail(value);
    return Object(value.valueOf());
  }
  if (types.isDate(value)) return new Date(Date.prototype.getTime.call(value));
  if (types.isRegExp(value)) return new RegExp(value.source, value.flags);
  if (types.isAnyArrayBuffer(value)) return cloneBuffer(value);
  if (types.isArrayBufferView(value)) return cloneView(value, memory);
  if (types.isNativeError(value)) return cloneError(value, memory);
  const { isBlob, cloneBlob } = require('internal/blob');
  if (isBlob(value)) return cloneBlob(value);
  if (value instanceof DOMException) return new DOMException(value.message, value.name);
  return value[kClone]?.();
}

const isUnclonable = (value) =>
  types.isPromise(value) || types.isProxy(value) || types.isWeakMap(value) || types.isWeakSet(value) ||
  types.isGeneratorObject(value) || types.isModuleNamespaceObject(value) || value instanceof WeakRef ||
  value[kTransferable] === true;

function clone(value, memory) {
  if (typeof value === 'function' || typeof value === 'symbol') throw fail(value);
  if (typeof value !== 'object' || value === null) return value;
  if (memory.has(value)) return memory.get(value);
  if (isUnclonable(value)) throw fail(value);
  const exotic = cloneExotic(value, memory);
  if (exotic !== undefined) {
    memory.set(value, exotic);
    return exotic;
  }
  if (types.isMap(value)) {
    const copy = new Map();
    memory.set(value, copy);
    for (const [key, item] of [...Map.prototype.entries.call(value)]) copy.set(clone(key, memory), clone(item, memory));
    return copy;
  }
  if (types.isSet(value)) {
    const copy = new Set();
    memory.set(value, copy);
    for (const item of [...Set.prototype.values.call(value)]) copy.add(clone(item, memory));
    return copy;
  }
  const copy = Array.isArray(value) ? new Array(value.length) : {};
  memory.set(value, copy);
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(value, key)) continue;
    const item = clone(value[key], memory);
    Object.defineProperty(copy, key, { value: item, writable: true, enumerable: true, configurable: true });
  }
  return copy;
}

function readTransfer(list) {
  if (list === undefined || list === null) return [];
  if (typeof list !== 'object' || typeof list[Symbol.iterator] !== 'function') {
    throw new ERR_INVALID_ARG_TYPE('options.transfer', 'Iterable', list);
  }
  return [...list];
}

function structuredClone(value, options = undefined) {
  if (arguments.length === 0) throw new ERR_MISSING_ARGS('The value argument');
  if (options != null && typeof options !== 'object' && typeof options !== 'function') {
    throw new ERR_INVALID_ARG_TYPE('options', 'Object', options);
  }
  const memory = new Map();
  const transfer = readTransfer(options?.transfer);
  for (const item of transfer) {
    if (item?.[kTransferable]) {
      memory.set(item, item);
      continue;
    }
    if (!types.isArrayBuffer(item)) {
      throw new DOMException('Found invalid object in transferList', 'DataCloneError');
    }
    if (item.detached) throw new DOMException('An ArrayBuffer is detached and could not be cloned.', 'DataCloneError');
    if (memory.has(item)) throw new DOMException('ArrayBuffer occurs in the transfer list more than once', 'DataCloneError');
    memory.set(item, cloneBuffer(item));
  }
  const copy = clone(value, memory);
  for (const item of transfer) if (types.isArrayBuffer(item)) detach(item);
  return copy;
}

module.exports = { structuredClone, kTransferable, kClone };

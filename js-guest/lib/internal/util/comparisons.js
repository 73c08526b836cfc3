// Deep equality, loose and strict, for assert and util. Must not format anything.
'use strict';

const { compare } = internalBinding('buffer');
const { getOwnNonIndexProperties, constants: { ONLY_ENUMERABLE } } = internalBinding('util');
const types = require('internal/util/types');

const LOOSE = false;
const STRICT = true;
const isError = (value) => types.isNativeError(value) || value instanceof Error;
const isObject = (value) => value !== null && typeof value === 'object';

function enumerableSymbols(value) {
  return Object.getOwnPropertySymbols(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
}

// Loosely, symbols do not count.
function namedKeys(value, strict) {
  const keys = getOwnNonIndexProperties(value, ONLY_ENUMERABLE);
  return strict ? keys : keys.filter((key) => typeof key !== 'symbol');
}

const sameBytes = (a, b) => a.byteLength === b.byteLength && compare(a, b) === 0;

function sameFloats(a, b) {
  if (a.byteLength !== b.byteLength) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !(Number.isNaN(a[i]) && Number.isNaN(b[i]))) return false;
  }
  return true;
}

function sameBoxed(a, b) {
  if (types.isNumberObject(a)) {
    return types.isNumberObject(b) && Object.is(Number.prototype.valueOf.call(a), Number.prototype.valueOf.call(b));
  }
  if (types.isStringObject(a)) {
    return types.isStringObject(b) && String.prototype.valueOf.call(a) === String.prototype.valueOf.call(b);
  }
  if (types.isBooleanObject(a)) {
    return types.isBooleanObject(b) && Boolean.prototype.valueOf.call(a) === Boolean.prototype.valueOf.call(b);
  }
  if (types.isBigIntObject(a)) {
    return types.isBigIntObject(b) && BigInt.prototype.valueOf.call(a) === BigInt.prototype.valueOf.call(b);
  }
  return types.isSymbolObject(b) && Symbol.prototype.valueOf.call(a) === Symbol.prototype.valueOf.call(b);
}

const sameRegExps = (a, b) => a.source === b.source && a.flags === b.flags && a.lastIndex === b.lastIndex;

// undefined when neither is a primitive.
function comparePrimitives(a, b, strict) {
  if (a === b) return a !== 0 || !strict || Object.is(a, b);
  if (strict) {
    if (typeof a !== 'object') return typeof a === 'number' && Number.isNaN(a) && Number.isNaN(b);
    return isObject(a) && isObject(b) ? undefined : false;
  }
  if (!isObject(a)) {
    if (isObject(b)) return false;
    // eslint-disable-next-line eqeqeq
    return a == b || (Number.isNaN(a) && Number.isNaN(b));
  }
  return isObject(b) ? undefined : false;
}

function innerDeepEqual(a, b, strict, memos) {
  const known = comparePrimitives(a, b, strict);
  if (known !== undefined) return known;
  if (strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  const tag = Object.prototype.toString.call(a);
  if (tag !== Object.prototype.toString.call(b)) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    const keysA = namedKeys(a, strict);
    const keysB = namedKeys(b, strict);
    return keysA.length === keysB.length && keyCheck(a, b, strict, memos, kIsArray, keysA);
  }
  if (tag === '[object Object]' && !hasInside(a) && !hasInside(b)) return keyCheck(a, b, strict, memos, kNoIterator);
  return compareInside(a, b, strict, memos);
}

// Whether there is more to an object than its properties, whatever its tag says.
const hasInside = (value) =>
  types.isDate(value) || types.isRegExp(value) || isError(value) || types.isArrayBufferView(value) ||
  types.isSet(value) || types.isMap(value) || types.isAnyArrayBuffer(value) || types.isBoxedPrimitive(value) ||
  Array.isArray(value);

const kNoIterator = 0;
const kIsArray = 1;
const kIsSet = 2;
const kIsMap = 3;

function compareInside(a, b, strict, memos) {
  if (types.isDate(a)) {
    if (!types.isDate(b)) return false;
    const [timeA, timeB] = [Date.prototype.getTime.call(a), Date.prototype.getTime.call(b)];
    if (timeA !== timeB && !(Number.isNaN(timeA) && Number.isNaN(timeB))) return false;
  } else if (types.isRegExp(a)) {
    if (!types.isRegExp(b) || !sameRegExps(a, b)) return false;
  } else if (isError(a)) {
    if (!sameErrors(a, b, strict, memos)) return false;
  } else if (types.isArrayBufferView(a)) {
    return compareViews(a, b, strict, memos);
  } else if (types.isSet(a)) {
    return types.isSet(b) && a.size === b.size && keyCheck(a, b, strict, memos, kIsSet);
  } else if (types.isMap(a)) {
    return types.isMap(b) && a.size === b.size && keyCheck(a, b, strict, memos, kIsMap);
  } else if (types.isAnyArrayBuffer(a)) {
    if (!types.isAnyArrayBuffer(b) || !sameBytes(new Uint8Array(a), new Uint8Array(b))) return false;
  } else if (types.isBoxedPrimitive(a)) {
    if (!sameBoxed(a, b)) return false;
  } else if (hasInside(b) || Array.isArray(b)) {
    return false;
  }
  return keyCheck(a, b, strict, memos, kNoIterator);
}

// An error's words are compared though they are not enumerable.
function sameErrors(a, b, strict, memos) {
  if (!isError(b)) return false;
  for (const key of ['message', 'name']) {
    if (a[key] !== b[key]) return false;
  }
  for (const key of ['cause', 'errors']) {
    if (Object.hasOwn(a, key) !== Object.hasOwn(b, key)) return false;
    if (Object.hasOwn(a, key) && !innerDeepEqual(a[key], b[key], strict, memos)) return false;
  }
  return true;
}

// The kind of the memory, whatever the prototype and tag say. A DataView has none.
const kindGetter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
const viewKind = (view) => kindGetter.call(view);

function compareViews(a, b, strict, memos) {
  if (!types.isArrayBufferView(b) || viewKind(a) !== viewKind(b)) return false;
  const isFloat = types.isFloat32Array(a) || types.isFloat64Array(a);
  // Loosely, 0 and -0 are alike in floats, and all other bytes count.
  if (!strict && isFloat ? !sameFloats(a, b) : !sameBytes(a, b)) return false;
  const keysA = namedKeys(a, strict);
  const keysB = namedKeys(b, strict);
  return keysA.length === keysB.length && keyCheck(a, b, strict, memos, kNoIterator, keysA);
}

function keyCheck(a, b, strict, memos, kind, keys) {
  if (keys === undefined) {
    keys = Object.keys(a);
    if (keys.length !== Object.keys(b).length) return false;
  }
  for (const key of keys) {
    if (!Object.prototype.propertyIsEnumerable.call(b, key)) return false;
  }
  if (strict) {
    const symbols = enumerableSymbols(a);
    if (symbols.length !== enumerableSymbols(b).length) return false;
    for (const symbol of symbols) {
      if (!Object.prototype.propertyIsEnumerable.call(b, symbol)) return false;
    }
    if (typeof keys[0] !== 'symbol' && symbols.length > 0) keys = [...new Set([...keys, ...symbols])];
  }
  if (keys.length === 0 && (kind === kNoIterator || (kind === kIsArray && a.length === 0) || a.size === 0)) return true;
  return withMemos(a, b, strict, memos, keys, kind);
}

// A pair that is being compared already counts as equal where it meets itself again.
function withMemos(a, b, strict, memos, keys, kind) {
  if (memos === undefined) {
    memos = { first: new Map(), second: new Map(), position: 0 };
  } else {
    const seenA = memos.first.get(a);
    if (seenA !== undefined) {
      const seenB = memos.second.get(b);
      if (seenB !== undefined) return true;
    }
    memos.position++;
  }
  memos.first.set(a, memos.position);
  memos.second.set(b, memos.position);
  const equal = contentsEqual(a, b, strict, keys, memos, kind);
  memos.first.delete(a);
  memos.second.delete(b);
  return equal;
}

function contentsEqual(a, b, strict, keys, memos, kind) {
  if (kind === kIsSet) {
    if (!setsEqual(a, b, strict, memos)) return false;
  } else if (kind === kIsMap) {
    if (!mapsEqual(a, b, strict, memos)) return false;
  } else if (kind === kIsArray && !itemsEqual(a, b, strict, memos)) {
    return false;
  }
  for (const key of keys) {
    if (!innerDeepEqual(a[key], b[key], strict, memos)) return false;
  }
  return true;
}

function itemsEqual(a, b, strict, memos) {
  for (let i = 0; i < a.length; i++) {
    if (Object.hasOwn(a, i)) {
      if (!Object.hasOwn(b, i) || !innerDeepEqual(a[i], b[i], strict, memos)) return false;
    } else if (Object.hasOwn(b, i)) {
      return false;
    } else {
      return sparseEqual(a, b, i, strict, memos);
    }
  }
  return true;
}

// From the first hole on, only what is there is walked.
function sparseEqual(a, b, from, strict, memos) {
  const keysA = Object.keys(a);
  if (keysA.length !== Object.keys(b).length) return false;
  for (let i = from; i < keysA.length; i++) {
    const key = keysA[i];
    if (!Object.hasOwn(b, key) || !innerDeepEqual(a[key], b[key], strict, memos)) return false;
  }
  return true;
}

// Takes an item equal to `value` out of the set; false when there is none.
function takeEqual(set, value, strict, memos) {
  for (const candidate of set) {
    if (innerDeepEqual(value, candidate, strict, memos)) {
      set.delete(candidate);
      return true;
    }
  }
  return false;
}

// Loosely: a primitive that is equal to itself alone under ==, undefined when others may be, or the other of null and
// undefined.
function looselyOnly(value) {
  switch (typeof value) {
    case 'undefined': return null;
    case 'object': return undefined; // null
    case 'symbol': return false;
    case 'string': return Number.isNaN(+value) ? false : true;
    case 'number': return !Number.isNaN(value);
    default: return true;
  }
}

function mayMatchLoosely(a, b, value) {
  const other = looselyOnly(value);
  if (other === null || other === undefined) return b.has(other) && !a.has(other);
  return other;
}

function setsEqual(a, b, strict, memos) {
  const left = new Set();
  for (const value of a) {
    if (isObject(value)) {
      left.add(value);
    } else if (!b.has(value)) {
      if (strict || !mayMatchLoosely(a, b, value)) return false;
      left.add(value);
    }
  }
  if (left.size === 0) return true;
  const candidates = new Set();
  for (const value of b) {
    if (isObject(value) || (!strict && !a.has(value))) candidates.add(value);
  }
  // The same object on both sides matches itself before anything is compared.
  for (const value of left) {
    if (candidates.delete(value)) left.delete(value);
  }
  for (const value of left) {
    if (!takeEqual(candidates, value, strict, memos)) return false;
  }
  return candidates.size === 0;
}

function takeEqualEntry(candidates, map, key, value, strict, memos) {
  for (const other of candidates) {
    if (innerDeepEqual(key, other, strict, memos) && innerDeepEqual(value, map.get(other), strict, memos)) {
      candidates.delete(other);
      return true;
    }
  }
  return false;
}

function mapsEqual(a, b, strict, memos) {
  const left = new Set();
  for (const [key, value] of a) {
    if (isObject(key)) {
      left.add(key);
      continue;
    }
    const other = b.get(key);
    if ((other === undefined && !b.has(key)) || !innerDeepEqual(value, other, strict, memos)) {
      if (strict || looselyOnly(key) === false) return false;
      left.add(key);
    }
  }
  if (left.size === 0) return true;
  const candidates = new Set();
  for (const [key, value] of b) {
    const matched = !isObject(key) && a.has(key) && !left.has(key) && innerDeepEqual(a.get(key), value, strict, memos);
    if (!matched) candidates.add(key);
  }
  for (const key of left) {
    if (!takeEqualEntry(candidates, b, key, a.get(key), strict, memos)) return false;
  }
  return candidates.size === 0;
}

const isDeepEqual = (a, b) => innerDeepEqual(a, b, LOOSE);
const isDeepStrictEqual = (a, b) => innerDeepEqual(a, b, STRICT);

module.exports = { isDeepEqual, isDeepStrictEqual };

// URLSearchParams. Tells the URL it belongs to about changes through a function; must not know URLs otherwise.
'use strict';

const {
  codes: { ERR_ARG_NOT_ITERABLE, ERR_INVALID_THIS, ERR_INVALID_TUPLE, ERR_MISSING_ARGS },
} = require('internal/errors');
const { validateFunction } = require('internal/validators');
const { encodeUtf8, toWellFormed, methods: { utf8Slice, latin1Slice } } = internalBinding('buffer');

const inspectCustom = Symbol.for('nodejs.util.inspect.custom');
const text = (value) => toWellFormed(`${value}`);

function decode(part) {
  part = part.replaceAll('+', ' ');
  if (!part.includes('%')) return part;
  const bytes = latin1Slice.call(encodeUtf8(part)).replace(/%([0-9a-fA-F]{2})/g, (_, hex) =>
    String.fromCharCode(parseInt(hex, 16)));
  return utf8Slice.call(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}

function encode(part) {
  if (/^[A-Za-z0-9*\-._]*$/.test(part)) return part;
  return part.replace(/[^A-Za-z0-9*\-._]/gu, (char) => {
    if (char === ' ') return '+';
    let out = '';
    for (const byte of encodeUtf8(char)) out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    return out;
  });
}

function parse(query) {
  const list = [];
  for (const field of query.split('&')) {
    if (field === '') continue;
    const middle = field.indexOf('=');
    if (middle === -1) list.push([decode(field), '']);
    else list.push([decode(field.slice(0, middle)), decode(field.slice(middle + 1))]);
  }
  return list;
}

function pairsOf(init) {
  if (init[Symbol.iterator] !== undefined && init[Symbol.iterator] !== null) {
    if (typeof init[Symbol.iterator] !== 'function') throw new ERR_ARG_NOT_ITERABLE('Query pairs');
    const list = [];
    for (const pair of init) {
      const isIterable = pair !== null && (typeof pair === 'object' || typeof pair === 'function') &&
        typeof pair[Symbol.iterator] === 'function';
      if (!isIterable) throw new ERR_INVALID_TUPLE('Each query pair', '[name, value]');
      const items = [...pair];
      if (items.length !== 2) throw new ERR_INVALID_TUPLE('Each query pair', '[name, value]');
      list.push(items.map(text));
    }
    return list;
  }
  const map = new Map();
  for (const key of Reflect.ownKeys(init)) {
    const own = Reflect.getOwnPropertyDescriptor(init, key);
    if (own !== undefined && own.enumerable) map.set(text(key), text(init[key]));
  }
  return [...map];
}

// Set by the class: what a URL needs of its params.
let attach;
let replace;
let listOf;

class URLSearchParams {
  #list = [];
  #changed = undefined;

  static {
    attach = (params, onChange) => { params.#changed = onChange; };
    replace = (params, query) => { params.#list = parse(query); };
    listOf = (params) => params.#list;
  }

  constructor(init = undefined) {
    if (init === undefined || init === null) return;
    if (typeof init === 'object' || typeof init === 'function') {
      this.#list = pairsOf(init);
    } else {
      const query = text(init);
      this.#list = parse(query[0] === '?' ? query.slice(1) : query);
    }
  }

  static #check(value) {
    if (value === null || typeof value !== 'object' || !(#list in value)) throw new ERR_INVALID_THIS('URLSearchParams');
  }

  get size() {
    URLSearchParams.#check(this);
    return this.#list.length;
  }

  append(name, value) {
    URLSearchParams.#check(this);
    if (arguments.length < 2) throw new ERR_MISSING_ARGS('name', 'value');
    this.#list.push([text(name), text(value)]);
    this.#changed?.();
  }

  delete(name, value = undefined) {
    URLSearchParams.#check(this);
    if (arguments.length < 1) throw new ERR_MISSING_ARGS('name');
    name = text(name);
    if (value !== undefined) value = text(value);
    this.#list = this.#list.filter((pair) => pair[0] !== name || (value !== undefined && pair[1] !== value));
    this.#changed?.();
  }

  get(name) {
    URLSearchParams.#check(this);
    if (arguments.length < 1) throw new ERR_MISSING_ARGS('name');
    name = text(name);
    return this.#list.find((pair) => pair[0] === name)?.[1] ?? null;
  }

  getAll(name) {
    URLSearchParams.#check(this);
    if (arguments.length < 1) throw new ERR_MISSING_ARGS('name');
    name = text(name);
    return this.#list.filter((pair) => pair[0] === name).map((pair) => pair[1]);
  }

  has(name, value = undefined) {
    URLSearchParams.#check(this);
    if (arguments.length < 1) throw new ERR_MISSING_ARGS('name');
    name = text(name);
    if (value !== undefined) value = text(value);
    return this.#list.some((pair) => pair[0] === name && (value === undefined || pair[1] === value));
  }

  set(name, value) {
    URLSearchParams.#check(this);
    if (arguments.length < 2) throw new ERR_MISSING_ARGS('name', 'value');
    name = text(name);
    value = text(value);
    const first = this.#list.find((pair) => pair[0] === name);
    if (first === undefined) {
      this.#list.push([name, value]);
    } else {
      first[1] = value;
      this.#list = this.#list.filter((pair) => pair === first || pair[0] !== name);
    }
    this.#changed?.();
  }

  sort() {
    URLSearchParams.#check(this);
    this.#list.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    this.#changed?.();
  }

  forEach(callback, thisArg = undefined) {
    URLSearchParams.#check(this);
    validateFunction(callback, 'callback');
    for (let i = 0; i < this.#list.length; i++) callback.call(thisArg, this.#list[i][1], this.#list[i][0], this);
  }

  entries() {
    URLSearchParams.#check(this);
    return makeIterator(this, 'entries');
  }

  keys() {
    URLSearchParams.#check(this);
    return makeIterator(this, 'keys');
  }

  values() {
    URLSearchParams.#check(this);
    return makeIterator(this, 'values');
  }

  toString() {
    URLSearchParams.#check(this);
    return this.#list.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  }

  [inspectCustom](recurseTimes, ctx) {
    URLSearchParams.#check(this);
    if (typeof recurseTimes === 'number' && recurseTimes < 0) return ctx.stylize('[Object]', 'special');
    const { inspect } = require('internal/util/inspect');
    const output = this.#list.map(([name, value]) => `${inspect(name, ctx)} => ${inspect(value, ctx)}`);
    if (output.length === 0) return `${this.constructor.name} {}`;
    const length = output.reduce((sum, item) => sum + item.length + 2, -2);
    if (length > ctx.breakLength) return `${this.constructor.name} {\n  ${output.join(',\n  ')} }`;
    return `${this.constructor.name} { ${output.join(', ')} }`;
  }
}

const kState = Symbol('state');
const PICK = { entries: (pair) => [pair[0], pair[1]], keys: (pair) => pair[0], values: (pair) => pair[1] };

const iteratorProto = Object.setPrototypeOf({
  next() {
    const state = this?.[kState];
    if (state === undefined) throw new ERR_INVALID_THIS('URLSearchParamsIterator');
    const list = listOf(state.params);
    if (state.index >= list.length) return { value: undefined, done: true };
    return { value: PICK[state.kind](list[state.index++]), done: false };
  },

  [inspectCustom](recurseTimes, ctx) {
    const state = this?.[kState];
    if (state === undefined) throw new ERR_INVALID_THIS('URLSearchParamsIterator');
    if (typeof recurseTimes === 'number' && recurseTimes < 0) return ctx.stylize('[Object]', 'special');
    const { inspect } = require('internal/util/inspect');
    const items = listOf(state.params).slice(state.index).map(PICK[state.kind]);
    const inner = { ...ctx, depth: recurseTimes == null ? null : recurseTimes - 1 };
    const output = items.map((item) => inspect(item, inner));
    const length = output.reduce((sum, item) => sum + item.length + 2, -2);
    if (length > ctx.breakLength) return `URLSearchParams Iterator {\n  ${output.join(',\n  ')} }`;
    return `URLSearchParams Iterator { ${output.join(', ')} }`;
  },
}, Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())));
Object.defineProperty(iteratorProto, Symbol.toStringTag, { value: 'URLSearchParams Iterator', configurable: true });
Object.defineProperty(iteratorProto, inspectCustom, { enumerable: false });

function makeIterator(params, kind) {
  const iterator = Object.create(iteratorProto);
  Object.defineProperty(iterator, kState, { value: { params, kind, index: 0 } });
  return iterator;
}

for (const key of ['append', 'delete', 'entries', 'forEach', 'get', 'getAll', 'has', 'keys', 'set', 'size', 'sort',
  'toString', 'values']) {
  Object.defineProperty(URLSearchParams.prototype, key, { enumerable: true });
}
Object.defineProperty(URLSearchParams.prototype, Symbol.toStringTag, { value: 'URLSearchParams', configurable: true });
Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, {
  value: URLSearchParams.prototype.entries, writable: true, configurable: true,
});

module.exports = { URLSearchParams, attach, replace };

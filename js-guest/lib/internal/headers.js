// Headers, as the Fetch standard has it: a list of fields by lower-cased name, sorted and combined when it is looked
// through. Must not know requests, or what is sent.
'use strict';

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BAD_VALUE = /[\0\r\n]/;

const kInspect = Symbol.for('nodejs.util.inspect.custom');

function byteString(value, what) {
  const text = `${value}`;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 255) {
      throw new TypeError(`Cannot convert argument to a ByteString because the character at index ${i} has a value of ` +
                          `${text.charCodeAt(i)} which is greater than 255.`, { cause: what });
    }
  }
  return text;
}

function readName(given, method) {
  const name = byteString(given, method);
  if (!NAME.test(name)) throw new TypeError(`Headers.${method}: "${name}" is an invalid header name.`);
  return name.toLowerCase();
}

// Without a regular expression for the end: it would take its time over a long run of blanks.
function normalise(text) {
  let from = 0, to = text.length;
  const isBlank = (i) => text[i] === ' ' || text[i] === '\t' || text[i] === '\r' || text[i] === '\n';
  while (from < to && isBlank(from)) from++;
  while (to > from && isBlank(to - 1)) to--;
  return text.slice(from, to);
}

function readValue(given, method) {
  const value = normalise(byteString(given, method));
  if (BAD_VALUE.test(value)) throw new TypeError(`Headers.${method}: ${JSON.stringify(value)} is an invalid header value.`);
  return value;
}

function need(given, count, method) {
  if (given < count) {
    throw new TypeError(`Headers.${method}: ${count} argument${count > 1 ? 's' : ''} required, but ` +
                        `${given === 0 ? 'none' : `only ${given}`} found.`);
  }
}

class Headers {
  // By lower-cased name: the values, as they were appended.
  #fields = new Map();
  #list = null; // sorted, until something changes

  constructor(init = undefined) {
    if (init === undefined) return;
    if (init === null || (typeof init !== 'object' && typeof init !== 'function')) {
      throw new TypeError('Headers constructor: Argument 1 could not be converted to one of: ' +
                          'sequence<sequence<ByteString>>, record<ByteString, ByteString>.');
    }
    if (typeof init[Symbol.iterator] === 'function') this.#fillPairs(init);
    else for (const key of Reflect.ownKeys(init)) this.#fillKey(init, key);
  }

  #fillPairs(pairs) {
    for (const pair of pairs) {
      if (pair === null || typeof pair !== 'object' || typeof pair[Symbol.iterator] !== 'function') {
        throw new TypeError('Headers constructor: init is a sequence, but not of pairs.');
      }
      const list = [...pair];
      if (list.length !== 2) {
        throw new TypeError(`Headers constructor: expected name/value pair to be length 2, found ${list.length}.`);
      }
      this.append(list[0], list[1]);
    }
  }

  #fillKey(record, key) {
    if (!Reflect.getOwnPropertyDescriptor(record, key)?.enumerable) return;
    if (typeof key === 'symbol') throw new TypeError('Headers constructor: a symbol is no header name.');
    this.append(key, record[key]);
  }

  // Sorted by name; values of one name in one, but each cookie is a line of its own.
  #sorted() {
    if (this.#list !== null) return this.#list;
    const list = this.#list = [];
    for (const name of [...this.#fields.keys()].sort()) {
      const values = this.#fields.get(name);
      if (name === 'set-cookie') for (const value of values) list.push([name, value]);
      else list.push([name, values.join(name === 'cookie' ? '; ' : ', ')]);
    }
    return list;
  }

  // Each step looks anew: what is changed meanwhile is seen.
  *#walk(pick) {
    for (let at = 0; ; at++) {
      const list = this.#sorted();
      if (at >= list.length) return;
      yield pick(list[at]);
    }
  }

  static #check(self) {
    if (self === null || typeof self !== 'object' || !(#fields in self)) throw new TypeError('Illegal invocation');
  }

  append(name, value) {
    Headers.#check(this);
    need(arguments.length, 2, 'append');
    const key = readName(name, 'append'), text = readValue(value, 'append');
    const values = this.#fields.get(key);
    this.#list = null;
    if (values) values.push(text);
    else this.#fields.set(key, [text]);
  }

  delete(name) {
    Headers.#check(this);
    need(arguments.length, 1, 'delete');
    if (this.#fields.delete(readName(name, 'delete'))) this.#list = null;
  }

  get(name) {
    Headers.#check(this);
    need(arguments.length, 1, 'get');
    const key = readName(name, 'get');
    return this.#fields.get(key)?.join(key === 'cookie' ? '; ' : ', ') ?? null;
  }

  has(name) {
    Headers.#check(this);
    need(arguments.length, 1, 'has');
    return this.#fields.has(readName(name, 'has'));
  }

  set(name, value) {
    Headers.#check(this);
    need(arguments.length, 2, 'set');
    const key = readName(name, 'set');
    this.#fields.set(key, [readValue(value, 'set')]);
    this.#list = null;
  }

  getSetCookie() {
    Headers.#check(this);
    return [...this.#fields.get('set-cookie') ?? []];
  }

  keys() {
    Headers.#check(this);
    return iterator(this.#walk(([name]) => name));
  }

  values() {
    Headers.#check(this);
    return iterator(this.#walk(([, value]) => value));
  }

  entries() {
    Headers.#check(this);
    return iterator(this.#walk(([name, value]) => [name, value]));
  }

  forEach(callback, self = undefined) {
    Headers.#check(this);
    need(arguments.length, 1, 'forEach');
    if (typeof callback !== 'function') {
      throw new TypeError("Failed to execute 'forEach' on 'Headers': parameter 1 is not of type 'Function'.");
    }
    for (const [name, value] of this.#walk((pair) => pair)) callback.call(self, value, name, this);
  }

  [kInspect](depth, options) {
    const { inspect } = require('internal/util/inspect');
    return `Headers ${inspect(Object.fromEntries(this.#sorted()), { ...options, depth: depth ?? null })}`;
  }
}

const HeadersIterator = Object.create(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())), {
  next: {
    configurable: true, enumerable: true, writable: true,
    value: function next() { return this[kSteps].next(); },
  },
  [Symbol.toStringTag]: { configurable: true, value: 'Headers Iterator' },
});
const kSteps = Symbol('kSteps');

function iterator(steps) {
  return Object.create(HeadersIterator, { [kSteps]: { value: steps } });
}

for (const name of ['append', 'delete', 'get', 'has', 'set', 'getSetCookie', 'keys', 'values', 'entries', 'forEach']) {
  Object.defineProperty(Headers.prototype, name, { enumerable: true });
}
Object.defineProperties(Headers.prototype, {
  [Symbol.iterator]: { configurable: true, writable: true, value: Headers.prototype.entries },
  [Symbol.toStringTag]: { configurable: true, value: 'Headers' },
  [kInspect]: { enumerable: false },
});

module.exports = { Headers };

// PerformanceObserver, and the timeline that it observes. Must not know how an entry comes about.
'use strict';

const { codes: { ERR_ILLEGAL_CONSTRUCTOR, ERR_INVALID_ARG_TYPE, ERR_MISSING_ARGS } } = require('internal/errors');
const { validateFunction, validateObject } = require('internal/validators');
const { PerformanceEntry, kMake, kInspect } = require('internal/perf/entries');

const TYPES = ['dns', 'function', 'gc', 'http', 'mark', 'measure', 'net', 'resource'];
const KEPT = new Set(['mark', 'measure', 'resource']);

let kept = [];
const observers = new Set();
const waiting = new Set(); // observers that have entries to be told

let changed = () => {};

const byStart = (list) => list.sort((a, b) => a.startTime - b.startTime);
const named = (list, name, type) => list.filter((entry) => entry.name === name && (type === undefined || entry.entryType === type));

class PerformanceObserverEntryList {
  #list;

  constructor(token, list) {
    if (token !== kMake) throw new ERR_ILLEGAL_CONSTRUCTOR();
    this.#list = byStart(list);
  }

  getEntries() { return this.#list.slice(); }

  getEntriesByType(type) { return this.#list.filter((entry) => entry.entryType === `${type}`); }

  getEntriesByName(name, type = undefined) {
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('name');
    return named(this.#list, `${name}`, type);
  }

  [kInspect](depth, options) {
    if (depth < 0) return this;
    const { inspect } = require('internal/util/inspect');
    return `PerformanceObserverEntryList ${inspect(this.#list, { ...options, depth: options.depth === null ? null : options.depth - 1 })}`;
  }
}

class PerformanceObserver {
  #callback;
  #types = new Set();
  #multiple = undefined; // entryTypes or type: the first observe() decides
  #buffer = [];

  static get supportedEntryTypes() { return TYPES.slice(); }

  constructor(callback) {
    validateFunction(callback, 'callback');
    this.#callback = callback;
  }

  observe(options = {}) {
    validateObject(options, 'options');
    const { entryTypes, type, buffered } = options;
    if (entryTypes === undefined && type === undefined) throw new ERR_MISSING_ARGS('options.entryTypes', 'options.type');
    if (entryTypes != null && type != null) {
      throw new ERR_INVALID_ARG_TYPE('options.entryTypes', 'undefined', entryTypes);
    }
    if (entryTypes !== undefined && !Array.isArray(entryTypes)) {
      throw new ERR_INVALID_ARG_TYPE('options.entryTypes', 'string[]', entryTypes);
    }
    const multiple = entryTypes !== undefined;
    if (this.#multiple !== undefined && this.#multiple !== multiple) {
      throw new DOMException('PerformanceObserver can not change to ' + (multiple ? 'multiple' : 'single') + ' observations',
                             'InvalidModificationError');
    }
    this.#multiple = multiple;
    if (multiple) this.#types = new Set(entryTypes.filter((name) => TYPES.includes(name)));
    else if (TYPES.includes(type)) this.#types.add(type);
    if (this.#types.size === 0) {
      this.disconnect();
      return;
    }
    observers.add(this);
    changed();
    if (buffered && !multiple) for (const entry of kept) if (entry.entryType === type) this[kMake](entry);
  }

  disconnect() {
    observers.delete(this);
    waiting.delete(this);
    this.#buffer = [];
    this.#types.clear();
    this.#multiple = undefined;
    changed();
  }

  takeRecords() {
    const list = this.#buffer;
    this.#buffer = [];
    return list;
  }

  observes(type) { return this.#types.has(type); }

  [kMake](entry) {
    if (!this.#types.has(entry.entryType)) return;
    this.#buffer.push(entry);
    if (waiting.size === 0) setImmediate(tellAll);
    waiting.add(this);
  }

  tell() {
    const list = this.takeRecords();
    if (list.length > 0) Reflect.apply(this.#callback, this, [new PerformanceObserverEntryList(kMake, list), this]);
  }

  [kInspect](depth, options) {
    if (depth < 0) return this;
    const { inspect } = require('internal/util/inspect');
    return `PerformanceObserver ${inspect({
      connected: observers.has(this), pending: waiting.has(this), entryTypes: [...this.#types], buffer: this.#buffer,
    }, { ...options, depth: options.depth === null ? null : options.depth - 1 })}`;
  }
}

function tellAll() {
  const now = [...waiting];
  waiting.clear();
  for (const observer of now) observer.tell();
}
for (const name of ['observes', 'tell']) Object.defineProperty(PerformanceObserver.prototype, name, { enumerable: false });

// An entry of the timeline, or one that only observers see.
function enqueue(entry) {
  if (!(entry instanceof PerformanceEntry)) throw new ERR_INVALID_ARG_TYPE('entry', 'PerformanceEntry', entry);
  if (KEPT.has(entry.entryType)) kept.push(entry);
  for (const observer of observers) observer[kMake](entry);
  return entry;
}

const hasObserver = (type) => [...observers].some((observer) => observer.observes(type));

module.exports = {
  PerformanceObserver, PerformanceObserverEntryList, enqueue, hasObserver,
  onChange(fn) { changed = fn; },
  clear(type, name) {
    name = name === undefined ? undefined : `${name}`;
    kept = kept.filter((entry) => entry.entryType !== type || (name !== undefined && entry.name !== name));
  },
  entries: () => byStart(kept.slice()),
  entriesByName: (name, type) => byStart(named(kept, name, type)),
  entriesByType: (type) => byStart(kept.filter((entry) => entry.entryType === type)),
  lastMark: (name) => kept.findLast((entry) => entry.entryType === 'mark' && entry.name === name),
  countOf: (type) => kept.reduce((count, entry) => count + (entry.entryType === type), 0),
};

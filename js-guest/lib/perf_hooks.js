// node:perf_hooks: now, timeOrigin, marks, measures and observers of them. Histograms and the event loop's figures are not
// built and throw. Must not know what is measured.
'use strict';

const native = internalBinding('process');
const { EventTarget } = require('internal/event_target');
const { codes } = require('internal/errors');
const { validateFunction, validateObject } = require('internal/validators');
const { stub, error: missing } = require('internal/missing');
const { state } = require('internal/process/lifecycle');

const kMake = Symbol('kMake');
const entries = [];
const observers = new Set();

const now = () => native.now(0) - state.startedAt;

class PerformanceEntry {
  constructor(token, name, entryType, startTime, duration, detail) {
    if (token !== kMake) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    Object.defineProperties(this, {
      name: { value: name, enumerable: true }, entryType: { value: entryType, enumerable: true },
      startTime: { value: startTime, enumerable: true }, duration: { value: duration, enumerable: true },
    });
    if (detail !== undefined) Object.defineProperty(this, 'detail', { value: detail, enumerable: true });
  }

  toJSON() {
    const { name, entryType, startTime, duration, detail } = this;
    return { name, entryType, startTime, duration, detail };
  }
}

class PerformanceMark extends PerformanceEntry {
  constructor(name, options = {}) {
    if (arguments.length === 0) throw new codes.ERR_MISSING_ARGS('name');
    validateObject(options ?? {}, 'options');
    const startTime = options?.startTime ?? now();
    if (typeof startTime !== 'number') throw new codes.ERR_INVALID_ARG_TYPE('startTime', 'number', startTime);
    if (startTime < 0) throw new codes.ERR_PERFORMANCE_INVALID_TIMESTAMP(startTime);
    super(kMake, `${name}`, 'mark', startTime, 0, options?.detail == null ? null : structuredClone(options.detail));
  }
}

class PerformanceMeasure extends PerformanceEntry {}
class PerformanceResourceTiming extends PerformanceEntry {}

function record(entry) {
  entries.push(entry);
  for (const observer of observers) observer[kMake](entry);
  return entry;
}

function timeOf(mark) {
  if (mark === undefined) return undefined;
  if (typeof mark === 'number') {
    if (mark < 0) throw new codes.ERR_PERFORMANCE_INVALID_TIMESTAMP(mark);
    return mark;
  }
  const found = entries.findLast((entry) => entry.entryType === 'mark' && entry.name === `${mark}`);
  if (found === undefined) throw new DOMException(`The "${mark}" performance mark has not been set`, 'SyntaxError');
  return found.startTime;
}

function measure(name, from, to) {
  let start = from;
  let end = to;
  let duration;
  let detail = null;
  if (from !== null && typeof from === 'object') {
    ({ start, end, duration } = from);
    detail = from.detail === undefined ? null : structuredClone(from.detail);
  }
  let endTime = timeOf(end);
  let startTime = timeOf(start);
  if (endTime === undefined) endTime = startTime !== undefined && duration !== undefined ? startTime + duration : now();
  if (startTime === undefined) startTime = duration !== undefined ? endTime - duration : 0;
  return record(new PerformanceMeasure(kMake, `${name}`, 'measure', startTime, endTime - startTime, detail));
}

const clear = (type, name) => {
  for (let i = entries.length - 1; i >= 0; i--) {
    if (entries[i].entryType === type && (name === undefined || entries[i].name === `${name}`)) entries.splice(i, 1);
  }
};

const sorted = (list) => list.sort((a, b) => a.startTime - b.startTime);

class Performance extends EventTarget {
  constructor(token) {
    if (token !== kMake) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    super();
  }

  get timeOrigin() { return native.now(1) - now(); }
  now() { return now(); }
  mark(name, options) { return record(new PerformanceMark(name, options)); }
  measure(name, from, to) { return measure(name, from, to); }
  clearMarks(name) { clear('mark', name); }
  clearMeasures(name) { clear('measure', name); }
  clearResourceTimings() {}
  setResourceTimingBufferSize() {}
  getEntries() { return sorted(entries.slice()); }
  getEntriesByName(name, type) {
    return sorted(entries.filter((entry) => entry.name === `${name}` && (type === undefined || entry.entryType === type)));
  }

  getEntriesByType(type) { return sorted(entries.filter((entry) => entry.entryType === `${type}`)); }
  eventLoopUtilization() { throw missing('performance.eventLoopUtilization'); }
  timerify(fn) {
    validateFunction(fn, 'fn');
    throw missing('performance.timerify');
  }

  get nodeTiming() { throw missing('performance.nodeTiming'); }
  toJSON() { return { timeOrigin: this.timeOrigin }; }
}

class PerformanceObserverEntryList {
  #list;

  constructor(token, list) {
    if (token !== kMake) throw new codes.ERR_ILLEGAL_CONSTRUCTOR();
    this.#list = sorted(list);
  }

  getEntries() { return this.#list.slice(); }
  getEntriesByType(type) { return this.#list.filter((entry) => entry.entryType === `${type}`); }
  getEntriesByName(name, type) {
    return this.#list.filter((entry) => entry.name === `${name}` && (type === undefined || entry.entryType === type));
  }
}

class PerformanceObserver {
  #callback;
  #types = new Set();
  #buffer = [];
  #queued = false;

  static get supportedEntryTypes() { return ['mark', 'measure']; }

  constructor(callback) {
    validateFunction(callback, 'callback');
    this.#callback = callback;
  }

  observe(options = {}) {
    validateObject(options, 'options');
    const { entryTypes, type, buffered } = options;
    if (entryTypes === undefined && type === undefined) throw new codes.ERR_MISSING_ARGS('options.entryTypes', 'options.type');
    if (entryTypes !== undefined) this.#types = new Set(entryTypes);
    else this.#types.add(type);
    observers.add(this);
    if (buffered) for (const entry of entries) this[kMake](entry);
  }

  disconnect() {
    observers.delete(this);
    this.#buffer = [];
    this.#types.clear();
  }

  takeRecords() {
    const list = this.#buffer;
    this.#buffer = [];
    return list;
  }

  [kMake](entry) {
    if (!this.#types.has(entry.entryType)) return;
    this.#buffer.push(entry);
    if (this.#queued) return;
    this.#queued = true;
    setImmediate(() => {
      this.#queued = false;
      const list = this.takeRecords();
      if (list.length > 0) this.#callback(new PerformanceObserverEntryList(kMake, list), this);
    });
  }
}

for (const [Class, tag] of [[Performance, 'Performance'], [PerformanceEntry, 'PerformanceEntry'], [PerformanceMark, 'PerformanceMark'],
  [PerformanceMeasure, 'PerformanceMeasure']]) {
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: tag, configurable: true });
}

module.exports = {
  performance: new Performance(kMake),
  Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver, PerformanceObserverEntryList,
  PerformanceResourceTiming,
  createHistogram: stub('perf_hooks', 'createHistogram'),
  monitorEventLoopDelay: stub('perf_hooks', 'monitorEventLoopDelay'),
  constants: { NODE_PERFORMANCE_GC_MAJOR: 4, NODE_PERFORMANCE_GC_MINOR: 1, NODE_PERFORMANCE_GC_INCREMENTAL: 8, NODE_PERFORMANCE_GC_WEAKCB: 16 },
};

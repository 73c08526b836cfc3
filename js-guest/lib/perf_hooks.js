// node:perf_hooks: the clock, marks and measures, timed functions, and the figures of the loop. Must not know how observers
// are told.
'use strict';

const { EventTarget, Event } = require('internal/event_target');
const { codes: {
  ERR_ILLEGAL_CONSTRUCTOR, ERR_INVALID_ARG_TYPE, ERR_INVALID_THIS, ERR_MISSING_ARGS, ERR_PERFORMANCE_INVALID_TIMESTAMP,
  ERR_PERFORMANCE_MEASURE_INVALID_OPTIONS,
} } = require('internal/errors');
const { validateFunction, validateObject } = require('internal/validators');
const {
  PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceNodeEntry, PerformanceResourceTiming, cloned, kMake, kInspect,
} = require('internal/perf/entries');
const timeline = require('internal/perf/observe');
const time = require('internal/perf/time');
const { RecordableHistogram, createHistogram, monitorEventLoopDelay } = require('internal/perf/histogram');

const { now } = time;
const nodeTiming = new time.PerformanceNodeTiming();

// ---- Measures ----

function timeOf(mark) {
  if (mark === undefined) return undefined;
  if (typeof mark === 'number') {
    if (mark < 0) throw new ERR_PERFORMANCE_INVALID_TIMESTAMP(mark);
    return mark;
  }
  const name = `${mark}`;
  if (time.isStep(name)) return nodeTiming[name];
  const found = timeline.lastMark(name);
  if (found === undefined) throw new DOMException(`The "${name}" performance mark has not been set`, 'SyntaxError');
  return found.startTime;
}

function checkMeasure({ start, end, duration }, endMark) {
  if (endMark !== undefined) throw new ERR_PERFORMANCE_MEASURE_INVALID_OPTIONS('endMark must not be specified');
  if (start === undefined && end === undefined) {
    throw new ERR_PERFORMANCE_MEASURE_INVALID_OPTIONS('One of options.start or options.end is required');
  }
  if (start !== undefined && end !== undefined && duration !== undefined) {
    throw new ERR_PERFORMANCE_MEASURE_INVALID_OPTIONS('Must not have options.start, options.end, and options.duration specified');
  }
}

function measure(name, from, endMark) {
  let start = from, end = endMark, duration, detail = null;
  if (from !== null && typeof from === 'object') {
    const given = ['start', 'end', 'duration', 'detail'].some((key) => from[key] !== undefined);
    if (given) checkMeasure(from, endMark);
    ({ start, duration } = from);
    end = given ? from.end : endMark;
    detail = cloned(from.detail);
  }
  const ended = timeOf(end) ?? (start !== undefined && duration !== undefined ? timeOf(start) + duration : now());
  const started = start !== undefined ? timeOf(start) : duration !== undefined ? ended - duration : 0;
  return timeline.enqueue(new PerformanceMeasure(kMake, name, 'measure', started, ended - started, detail));
}

// ---- Functions ----

function timerify(fn, options = {}) {
  validateFunction(fn, 'fn');
  validateObject(options, 'options');
  const { histogram } = options;
  if (histogram !== undefined && !(histogram instanceof RecordableHistogram)) {
    throw new ERR_INVALID_ARG_TYPE('options.histogram', 'RecordableHistogram', histogram);
  }
  function done(args, start) {
    const duration = now() - start;
    histogram?.record(Math.max(1, Math.ceil(duration * 1e6)));
    if (!timeline.hasObserver('function')) return;
    const entry = new PerformanceNodeEntry(kMake, fn.name, 'function', start, duration, args);
    args.forEach((arg, i) => { entry[i] = arg; });
    timeline.enqueue(entry);
  }
  function timerified(...args) {
    const start = now();
    const result = new.target !== undefined ? Reflect.construct(fn, args, fn) : Reflect.apply(fn, this, args);
    if (new.target === undefined && typeof result?.finally === 'function') return result.finally(() => done(args, start));
    done(args, start);
    return result;
  }
  Object.defineProperties(timerified, {
    length: { configurable: false, enumerable: true, value: fn.length },
    name: { configurable: false, enumerable: true, value: `timerified ${fn.name}` },
  });
  return timerified;
}

// ---- Resources: a buffer of so many; when it is full, an event, and then what waited is added ----

const buffer = { size: 250, waiting: [], told: false };

function addResource(entry) {
  if (timeline.countOf('resource') < buffer.size && !buffer.told) {
    timeline.enqueue(entry);
    return;
  }
  buffer.waiting.push(entry);
  if (buffer.told) return;
  buffer.told = true;
  setImmediate(bufferFull);
}

function bufferFull() {
  while (buffer.waiting.length > 0) {
    const before = buffer.waiting.length;
    if (timeline.countOf('resource') >= buffer.size) performance.dispatchEvent(new Event('resourcetimingbufferfull'));
    while (buffer.waiting.length > 0 && timeline.countOf('resource') < buffer.size) timeline.enqueue(buffer.waiting.shift());
    if (buffer.waiting.length >= before) buffer.waiting = [];
  }
  buffer.told = false;
}

// ---- performance ----

class Performance extends EventTarget {
  #onFull = null;

  constructor(token) {
    if (token !== kMake) throw new ERR_ILLEGAL_CONSTRUCTOR();
    super();
  }

  static #check(value) {
    if (value === null || typeof value !== 'object' || !(#onFull in value)) throw new ERR_INVALID_THIS('Performance');
  }

  clearMarks(name = undefined) {
    Performance.#check(this);
    timeline.clear('mark', name);
  }

  clearMeasures(name = undefined) {
    Performance.#check(this);
    timeline.clear('measure', name);
  }

  clearResourceTimings(name = undefined) {
    Performance.#check(this);
    timeline.clear('resource', name);
  }

  getEntries() {
    Performance.#check(this);
    return timeline.entries();
  }

  getEntriesByName(name, type = undefined) {
    Performance.#check(this);
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('name');
    return timeline.entriesByName(`${name}`, type === undefined ? undefined : `${type}`);
  }

  getEntriesByType(type) {
    Performance.#check(this);
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('type');
    return timeline.entriesByType(`${type}`);
  }

  mark(name, options = {}) {
    Performance.#check(this);
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('name');
    return timeline.enqueue(new PerformanceMark(name, options));
  }

  measure(name, startOrOptions = {}, endMark = undefined) {
    Performance.#check(this);
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('name');
    return measure(`${name}`, startOrOptions, endMark);
  }

  now() {
    Performance.#check(this);
    return now();
  }

  setResourceTimingBufferSize(size) {
    Performance.#check(this);
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('maxSize');
    buffer.size = Number(size);
  }

  get timeOrigin() {
    Performance.#check(this);
    return time.timeOrigin();
  }

  toJSON() {
    Performance.#check(this);
    return { nodeTiming: this.nodeTiming, timeOrigin: this.timeOrigin, eventLoopUtilization: this.eventLoopUtilization() };
  }

  get onresourcetimingbufferfull() { return this.#onFull; }

  set onresourcetimingbufferfull(listener) {
    if (this.#onFull !== null) this.removeEventListener('resourcetimingbufferfull', this.#onFull);
    this.#onFull = typeof listener === 'function' ? listener : null;
    if (this.#onFull !== null) this.addEventListener('resourcetimingbufferfull', this.#onFull);
  }

  [kInspect](depth, options) {
    if (depth < 0) return this;
    const { inspect } = require('internal/util/inspect');
    const inner = { ...options, depth: options.depth === null ? null : options.depth - 1 };
    return `Performance ${inspect({ nodeTiming: this.nodeTiming, timeOrigin: this.timeOrigin }, inner)}`;
  }
}

const NODES = {
  eventLoopUtilization: time.eventLoopUtilization,
  nodeTiming,
  markResourceTiming(timing, url, initiatorType, global, cacheMode) {
    const entry = new PerformanceResourceTiming(kMake, url, timing, initiatorType, cacheMode);
    addResource(entry);
    return entry;
  },
  timerify,
};
for (const [name, value] of Object.entries(NODES)) {
  Object.defineProperty(Performance.prototype, name, { value, enumerable: false, configurable: true, writable: true });
}
for (const name of Object.getOwnPropertyNames(Performance.prototype)) {
  if (name !== 'constructor' && !(name in NODES)) Object.defineProperty(Performance.prototype, name, { enumerable: true });
}
Object.defineProperty(Performance.prototype, Symbol.toStringTag, { value: 'Performance', configurable: true });

const performance = new Performance(kMake);

module.exports = {
  Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver: timeline.PerformanceObserver,
  PerformanceObserverEntryList: timeline.PerformanceObserverEntryList, PerformanceResourceTiming,
  monitorEventLoopDelay, createHistogram,
  performance,
  constants: {
    NODE_PERFORMANCE_GC_MAJOR: 4, NODE_PERFORMANCE_GC_MINOR: 1, NODE_PERFORMANCE_GC_INCREMENTAL: 8, NODE_PERFORMANCE_GC_WEAKCB: 16,
    NODE_PERFORMANCE_GC_FLAGS_NO: 0, NODE_PERFORMANCE_GC_FLAGS_CONSTRUCT_RETAINED: 2, NODE_PERFORMANCE_GC_FLAGS_FORCED: 4,
    NODE_PERFORMANCE_GC_FLAGS_SYNCHRONOUS_PHANTOM_PROCESSING: 8, NODE_PERFORMANCE_GC_FLAGS_ALL_AVAILABLE_GARBAGE: 16,
    NODE_PERFORMANCE_GC_FLAGS_ALL_EXTERNAL_MEMORY: 32, NODE_PERFORMANCE_GC_FLAGS_SCHEDULE_IDLE: 64,
  },
};

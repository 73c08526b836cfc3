// The entries of the performance timeline: their classes, what they show of themselves. Must not know who observes them.
'use strict';

const { codes: { ERR_ILLEGAL_CONSTRUCTOR, ERR_INVALID_ARG_TYPE, ERR_MISSING_ARGS, ERR_PERFORMANCE_INVALID_TIMESTAMP } } =
  require('internal/errors');
const { validateObject } = require('internal/validators');

const kMake = Symbol('kMake');
const kInspect = Symbol.for('nodejs.util.inspect.custom');

function tagged(Class, names) {
  for (const name of names) Object.defineProperty(Class.prototype, name, { enumerable: true });
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: Class.name, configurable: true });
}

class PerformanceEntry {
  #name;
  #entryType;
  #startTime;
  #duration;

  constructor(token, name, entryType, startTime, duration) {
    if (token !== kMake) throw new ERR_ILLEGAL_CONSTRUCTOR();
    this.#name = name;
    this.#entryType = entryType;
    this.#startTime = startTime;
    this.#duration = duration;
  }

  get name() { return this.#name; }

  get entryType() { return this.#entryType; }

  get startTime() { return this.#startTime; }

  get duration() { return this.#duration; }

  toJSON() {
    return { name: this.name, entryType: this.entryType, startTime: this.startTime, duration: this.duration };
  }

  [kInspect](depth, options) {
    if (depth < 0) return this;
    const { inspect } = require('internal/util/inspect');
    const inner = { ...options, depth: options.depth === null || options.depth === undefined ? null : options.depth - 1 };
    return `${this.constructor.name} ${inspect(this.toJSON(), inner)}`;
  }
}
tagged(PerformanceEntry, ['name', 'entryType', 'startTime', 'duration', 'toJSON']);

class DetailedEntry extends PerformanceEntry {
  #detail;

  constructor(token, name, entryType, startTime, duration, detail) {
    super(token, name, entryType, startTime, duration);
    this.#detail = detail;
  }

  get detail() { return this.#detail; }

  toJSON() { return { ...super.toJSON(), detail: this.detail }; }
}

// A copy of its own, so that later changes do not reach it.
const cloned = (detail) => (detail === undefined || detail === null ? null : structuredClone(detail));

class PerformanceMark extends DetailedEntry {
  constructor(name, options = undefined) {
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('name');
    name = `${name}`;
    options ??= {};
    validateObject(options, 'options');
    const startTime = options.startTime ?? require('internal/perf/time').now();
    if (typeof startTime !== 'number') throw new ERR_INVALID_ARG_TYPE('startTime', 'number', startTime);
    if (startTime < 0) throw new ERR_PERFORMANCE_INVALID_TIMESTAMP(startTime);
    super(kMake, name, 'mark', startTime, 0, cloned(options.detail));
  }
}
tagged(PerformanceMark, []);

class PerformanceMeasure extends DetailedEntry {}
tagged(PerformanceMeasure, []);

// What Node itself measures: functions under timerify, requests.
class PerformanceNodeEntry extends DetailedEntry {}

// ---- Resources, as the Fetch standard times them ----

class PerformanceResourceTiming extends PerformanceEntry {
  #timing;
  #initiatorType;
  #cacheMode;

  constructor(token, name, timing, initiatorType, cacheMode) {
    super(token, name, 'resource', timing?.startTime, timing?.endTime - timing?.startTime);
    this.#timing = timing;
    this.#initiatorType = initiatorType;
    this.#cacheMode = cacheMode;
  }

  get initiatorType() { return this.#initiatorType; }

  get nextHopProtocol() { return this.#timing.finalConnectionTimingInfo?.ALPNNegotiatedProtocol; }

  get workerStart() { return this.#timing.finalServiceWorkerStartTime; }

  get redirectStart() { return this.#timing.redirectStartTime; }

  get redirectEnd() { return this.#timing.redirectEndTime; }

  get fetchStart() { return this.#timing.postRedirectStartTime; }

  get domainLookupStart() { return this.#timing.finalConnectionTimingInfo?.domainLookupStartTime; }

  get domainLookupEnd() { return this.#timing.finalConnectionTimingInfo?.domainLookupEndTime; }

  get connectStart() { return this.#timing.finalConnectionTimingInfo?.connectionStartTime; }

  get connectEnd() { return this.#timing.finalConnectionTimingInfo?.connectionEndTime; }

  get secureConnectionStart() { return this.#timing.finalConnectionTimingInfo?.secureConnectionStartTime; }

  get requestStart() { return this.#timing.finalNetworkRequestStartTime; }

  get responseStart() { return this.#timing.finalNetworkResponseStartTime; }

  get responseEnd() { return this.#timing.endTime; }

  // The standard's: a head counts 300, and what came from a cache nothing.
  get transferSize() {
    if (this.#cacheMode === 'local') return 0;
    return this.#cacheMode === 'validated' ? 300 : this.#timing.encodedBodySize + 300;
  }

  get encodedBodySize() { return this.#timing.encodedBodySize; }

  get decodedBodySize() { return this.#timing.decodedBodySize; }

  toJSON() {
    const json = super.toJSON();
    for (const name of RESOURCE_NAMES) json[name] = this[name];
    return json;
  }
}
const RESOURCE_NAMES = ('initiatorType nextHopProtocol workerStart redirectStart redirectEnd fetchStart domainLookupStart '
  + 'domainLookupEnd connectStart connectEnd secureConnectionStart requestStart responseStart responseEnd transferSize '
  + 'encodedBodySize decodedBodySize').split(' ');
tagged(PerformanceResourceTiming, [...RESOURCE_NAMES, 'toJSON']);

module.exports = {
  PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceNodeEntry, PerformanceResourceTiming, cloned, kMake, kInspect,
};

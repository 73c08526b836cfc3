// Histogram, RecordableHistogram and the delay of the event loop: counts in buckets as wide as the wanted digits allow, as
// HdrHistogram has them. Must not know what is measured.
'use strict';

const native = internalBinding('process');
const { codes: { ERR_ILLEGAL_CONSTRUCTOR, ERR_INVALID_ARG_TYPE, ERR_INVALID_THIS, ERR_OUT_OF_RANGE } } = require('internal/errors');
const { validateInteger, validateNumber, validateObject } = require('internal/validators');
const { kClone } = require('internal/structured_clone');

const kMake = Symbol('kMake');
const kInspect = Symbol.for('nodejs.util.inspect.custom');
const MOST = 2n ** 63n - 1n;

class Buckets {
  constructor(lowest = 1, highest = Number.MAX_SAFE_INTEGER, figures = 3) {
    this.lowest = lowest;
    this.highest = highest;
    this.exact = 2 ** Math.ceil(Math.log2(2 * 10 ** figures)); // below it, each value has a bucket of its own
    this.reset();
  }

  reset() {
    this.counts = new Map(); // a bucket's first value -> how many
    this.count = 0;
    this.exceeds = 0;
    this.least = Infinity;
    this.most = 0;
    this.last = 0;
  }

  width(value) {
    return value < this.exact ? 1 : 2 ** (Math.floor(Math.log2(value)) - Math.log2(this.exact) + 1);
  }

  first(value) { return value - value % this.width(value); }

  end(value) { return this.first(value) + this.width(value) - 1; }

  record(value, times = 1) {
    if (value > this.highest || value < 0) {
      this.exceeds += times;
      return;
    }
    const first = this.first(value);
    this.counts.set(first, (this.counts.get(first) ?? 0) + times);
    this.count += times;
    if (value < this.least && value > 0) this.least = value;
    if (value > this.most) this.most = value;
  }

  add(other) {
    for (const [value, times] of other.counts) this.record(value, times);
    this.exceeds += other.exceeds;
  }

  sorted() { return [...this.counts].sort((a, b) => a[0] - b[0]); }

  middle(first) { return first + Math.floor(this.width(first) / 2); }

  mean() {
    let sum = 0;
    for (const [value, times] of this.counts) sum += this.middle(value) * times;
    return this.count === 0 ? NaN : sum / this.count;
  }

  deviation() {
    const mean = this.mean();
    let sum = 0;
    for (const [value, times] of this.counts) sum += (this.middle(value) - mean) ** 2 * times;
    return this.count === 0 ? NaN : Math.sqrt(sum / this.count);
  }

  percentile(percentile) {
    const wanted = Math.max(1, Math.floor(percentile / 100 * this.count + 0.5));
    let seen = 0;
    for (const [value, times] of this.sorted()) if ((seen += times) >= wanted) return this.end(value);
    return 0;
  }

  // Half of what is left at a time, up to the whole.
  percentiles(convert) {
    const result = new Map();
    let seen = 0, next = 0;
    for (const [value, times] of this.sorted()) {
      seen += times;
      while (seen < this.count && next <= seen / this.count * 100) {
        result.set(next, convert(this.end(value)));
        next += 100 / 2 ** (Math.floor(Math.log2(100 / (100 - next))) + 1);
      }
      if (seen === this.count && result.size === 0) result.set(0, convert(this.end(value)));
    }
    return result.set(100, convert(this.count === 0 ? 0 : this.end(this.most)));
  }
}

class Histogram {
  #buckets;

  constructor(token, buckets) {
    if (token !== kMake) throw new ERR_ILLEGAL_CONSTRUCTOR();
    this.#buckets = buckets;
  }

  static of(value) {
    if (value === null || typeof value !== 'object' || !(#buckets in value)) throw new ERR_INVALID_THIS('Histogram');
    return value.#buckets;
  }

  static is(value) { return value !== null && typeof value === 'object' && #buckets in value; }

  get count() { return Histogram.of(this).count; }

  get countBigInt() { return BigInt(Histogram.of(this).count); }

  get min() { return Number(this.minBigInt); }

  get minBigInt() {
    const { least, count } = Histogram.of(this);
    return count === 0 ? MOST : least === Infinity ? 0n : BigInt(this.#buckets.first(least));
  }

  get max() { return Number(this.maxBigInt); }

  get maxBigInt() {
    const { most } = Histogram.of(this);
    return most === 0 ? 0n : BigInt(this.#buckets.end(most));
  }

  get mean() { return Histogram.of(this).mean(); }

  get exceeds() { return Histogram.of(this).exceeds; }

  get exceedsBigInt() { return BigInt(Histogram.of(this).exceeds); }

  get stddev() { return Histogram.of(this).deviation(); }

  percentile(percentile) {
    const buckets = Histogram.of(this);
    validateNumber(percentile, 'percentile');
    if (Number.isNaN(percentile) || percentile <= 0 || percentile > 100) {
      throw new ERR_OUT_OF_RANGE('percentile', '> 0 && <= 100', percentile);
    }
    return buckets.percentile(percentile);
  }

  percentileBigInt(percentile) { return BigInt(this.percentile(percentile)); }

  get percentiles() { return Histogram.of(this).percentiles(Number); }

  get percentilesBigInt() { return Histogram.of(this).percentiles(BigInt); }

  reset() { Histogram.of(this).reset(); }

  toJSON() {
    const { count, min, max, mean, exceeds, stddev } = this;
    return { count, min, max, mean, exceeds, stddev, percentiles: Object.fromEntries(this.percentiles) };
  }

  [kInspect](depth, options) {
    if (depth < 0) return `[${this.constructor.name}]`;
    const { inspect } = require('internal/util/inspect');
    const { min, max, mean, exceeds, stddev, count, percentiles } = this;
    const inner = { ...options, depth: options.depth === null ? null : options.depth - 1 };
    return `Histogram ${inspect({ min, max, mean, exceeds, stddev, count, percentiles }, inner)}`;
  }

  // The same counts, seen from elsewhere.
  [kClone]() { return new (this instanceof RecordableHistogram ? RecordableHistogram : Histogram)(kMake, this.#buckets); }
}

class RecordableHistogram extends Histogram {
  record(value) {
    const buckets = Histogram.of(this);
    if (typeof value === 'bigint') {
      if (value < 1n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
        throw new ERR_OUT_OF_RANGE('val', `>= 1 && <= ${Number.MAX_SAFE_INTEGER}`, value);
      }
    } else {
      validateInteger(value, 'val', 1);
    }
    buckets.record(Number(value));
  }

  // Nanoseconds since the last time.
  recordDelta() {
    const buckets = Histogram.of(this), time = native.now(0) * 1e6;
    if (buckets.last > 0 && time > buckets.last) buckets.record(Math.floor(time - buckets.last));
    buckets.last = time;
  }

  add(other) {
    const buckets = Histogram.of(this);
    if (!Histogram.is(other)) throw new ERR_INVALID_ARG_TYPE('other', 'RecordableHistogram', other);
    buckets.add(Histogram.of(other));
  }
}

function checkBound(value, name, least) {
  if (typeof value !== 'bigint') validateInteger(value, name, least);
  else if (value < BigInt(least)) throw new ERR_OUT_OF_RANGE(name, `>= ${least} && <= ${MOST}`, value);
  return Number(value);
}

function createHistogram(options = {}) {
  validateObject(options, 'options');
  const { lowest = 1, highest = Number.MAX_SAFE_INTEGER, figures = 3 } = options;
  const low = checkBound(lowest, 'options.lowest', 1);
  const high = checkBound(highest, 'options.highest', 2 * low);
  validateInteger(figures, 'options.figures', 1, 5);
  return new RecordableHistogram(kMake, new Buckets(low, high, figures));
}

// How late a timer comes, in nanoseconds, once each `resolution` milliseconds.
class IntervalHistogram extends Histogram {
  #resolution;
  #timer;

  constructor(token, buckets, resolution) {
    super(token, buckets);
    this.#resolution = resolution;
  }

  enable() {
    if (this.#timer !== undefined) return false;
    let last = native.now(0);
    this.#timer = setInterval(() => {
      const time = native.now(0);
      if (time > last) Histogram.of(this).record(Math.floor((time - last) * 1e6));
      last = time;
    }, this.#resolution).unref();
    return true;
  }

  disable() {
    if (this.#timer === undefined) return false;
    clearInterval(this.#timer);
    this.#timer = undefined;
    return true;
  }
}

function monitorEventLoopDelay(options = {}) {
  validateObject(options, 'options');
  const { resolution = 10 } = options;
  validateInteger(resolution, 'options.resolution', 1);
  return new IntervalHistogram(kMake, new Buckets(1, 3.6e12, 3), resolution);
}

module.exports = { Histogram, RecordableHistogram, createHistogram, monitorEventLoopDelay };

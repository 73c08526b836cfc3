// What strings, numbers and dates say in the words of the United States: their methods with `locale` in the name, and how
// digits are written, which Intl.NumberFormat uses too. Every locale is taken for en-US, as in a Node that was built with that
// one alone. Must not know where it is asked from.
'use strict';

const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');

const BigIntValue = BigInt.prototype.valueOf;
const NumberValue = Number.prototype.valueOf;

// The decimal digits of a finite number that is not negative, from its shortest form, and how many stand before the point.
function digitsOf(value) {
  const [mantissa, exponent = '0'] = String(value).split('e');
  const [whole, fraction = ''] = mantissa.split('.');
  return { digits: whole + fraction, point: whole.length + Number(exponent) };
}

// Half a unit goes up, as in Intl. Returns [whole, fraction].
function round({ digits, point }, places) {
  if (point < 0) {
    digits = '0'.repeat(-point) + digits;
    point = 0;
  }
  const end = point + places;
  if (digits.length <= end) return [digits.padEnd(point, '0').slice(0, point), digits.slice(point)];
  const up = digits.charCodeAt(end) >= 53; // '5'
  let kept = BigInt(digits.slice(0, end) || '0');
  if (up) kept += 1n;
  const text = String(kept).padStart(end, '0');
  return [text.slice(0, text.length - places), text.slice(text.length - places)];
}

function places(options, name, least, usual) {
  const value = options[name];
  if (value === undefined) return usual;
  const number = Math.floor(Number(value));
  if (!(number >= least && number <= 100)) throw new RangeError(`${name} value is out of range.`);
  return number;
}

function write(parts, options, percent) {
  const fewest = places(options, 'minimumFractionDigits', 0, undefined);
  const most = places(options, 'maximumFractionDigits', 0, undefined);
  if (fewest > most) throw new RangeError('maximumFractionDigits value is out of range.');
  const usual = percent ? 0 : 3;
  const max = most ?? Math.max(usual, fewest ?? 0);
  const [whole, fraction] = round(parts, max);
  const plain = whole.replace(/^0+(?=\d)/, '') || '0';
  const grouped = options.useGrouping === false ? plain : plain.replace(/\B(?=(\d{3})+$)/g, ',');
  const shown = fraction.replace(/0+$/, '').padEnd(Math.min(fewest ?? 0, max), '0');
  return grouped + (shown === '' ? '' : `.${shown}`) + (percent ? '%' : '');
}

// What would come out wrong is refused.
function checkOptions(options) {
  const { style = 'decimal', notation = 'standard' } = options;
  if (style !== 'decimal' && style !== 'percent') throw new ERR_METHOD_NOT_IMPLEMENTED(`toLocaleString with the style ${style}`);
  if (notation !== 'standard') throw new ERR_METHOD_NOT_IMPLEMENTED(`toLocaleString with the notation ${notation}`);
  for (const name of ['minimumSignificantDigits', 'maximumSignificantDigits', 'minimumIntegerDigits']) {
    if (options[name] !== undefined) throw new ERR_METHOD_NOT_IMPLEMENTED(`toLocaleString with ${name}`);
  }
  return style === 'percent';
}

function format(negative, parts, given) {
  const options = given === undefined ? {} : Object(given);
  const percent = checkOptions(options);
  if (percent) parts.point += 2;
  return (negative ? '-' : '') + write(parts, options, percent);
}

function writeNumber(value, options) {
  if (typeof value === 'bigint') {
    const digits = String(value < 0n ? -value : value);
    return format(value < 0n, { digits, point: digits.length }, options);
  }
  if (!Number.isFinite(value)) {
    const sign = checkOptions(Object(options)) ? '%' : '';
    return (Number.isNaN(value) ? 'NaN' : value < 0 ? '-∞' : '∞') + sign;
  }
  return format(value < 0 || Object.is(value, -0), digitsOf(Math.abs(value)), options);
}

// The common styles stay with the short way; what it refuses, Intl.NumberFormat may know.
function numberText(value, [locales, options]) {
  if (options?.style !== 'currency' && options?.signDisplay === undefined) return writeNumber(value, options);
  return new (require('internal/intl/number_format').NumberFormat)(locales, options).format(value);
}

const methods = [
  [Number.prototype, { toLocaleString() { return numberText(NumberValue.call(this), arguments); } }],
  [BigInt.prototype, { toLocaleString() { return numberText(BigIntValue.call(this), arguments); } }],
  [String.prototype, { localeCompare(that) { return require('internal/intl/collator').localeCompare.call(this, that, arguments[1], arguments[2]); } }],
  [Date.prototype, {
    toLocaleString() { return require('internal/intl/date_time_format').toLocaleString.apply(this, arguments); },
    toLocaleDateString() { return require('internal/intl/date_time_format').toLocaleDateString.apply(this, arguments); },
    toLocaleTimeString() { return require('internal/intl/date_time_format').toLocaleTimeString.apply(this, arguments); },
  }],
];

function install() {
  for (const [proto, from] of methods) {
    for (const [name, value] of Object.entries(from)) {
      Object.defineProperty(proto, name, { value, writable: true, configurable: true, enumerable: false });
    }
  }
}

module.exports = { install, writeNumber };

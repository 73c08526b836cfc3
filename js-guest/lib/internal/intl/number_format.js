// Numbers, shares and sums of money in English. What it does not know (units, compact notation, currencies without a sign of
// their own in its table) it refuses. Must not know how digits are made: internal/locale does.
'use strict';

const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');
const { callable, choose, finish, readOptions, resolve } = require('internal/intl/locales');
const { writeNumber } = require('internal/locale');

const SIGNS = {
  USD: '$', EUR: '€', GBP: '£', JPY: '¥', INR: '₹', CNY: 'CN¥', KRW: '₩', ILS: '₪', VND: '₫', BRL: 'R$', CAD: 'CA$', AUD: 'A$',
  MXN: 'MX$', NZD: 'NZ$', HKD: 'HK$', TWD: 'NT$', CHF: 'CHF\u00a0', SEK: 'SEK\u00a0', NOK: 'NOK\u00a0', DKK: 'DKK\u00a0',
  PLN: 'PLN\u00a0', CZK: 'CZK\u00a0', RUB: 'RUB\u00a0', TRY: 'TRY\u00a0', ZAR: 'ZAR\u00a0', SGD: 'SGD\u00a0', HUF: 'HUF\u00a0',
};
const WHOLE = new Set(['JPY', 'KRW', 'VND']);

function readSettings(locales, given) {
  const style = choose(given, 'style', ['decimal', 'percent', 'currency', 'unit'], 'decimal');
  const notation = choose(given, 'notation', ['standard', 'scientific', 'engineering', 'compact'], 'standard');
  if (style === 'unit' || notation !== 'standard') {
    throw new ERR_METHOD_NOT_IMPLEMENTED(`Intl.NumberFormat with the ${style === 'unit' ? 'style unit' : `notation ${notation}`}`);
  }
  let currency;
  if (style === 'currency') {
    if (given.currency === undefined) throw new TypeError('Currency code is required with currency style.');
    currency = String(given.currency).toUpperCase();
    if (!/^[A-Z]{3}$/.test(currency)) throw new RangeError(`Invalid currency code : ${given.currency}`);
    const display = choose(given, 'currencyDisplay', ['code', 'symbol', 'narrowSymbol', 'name'], 'symbol');
    if (display !== 'symbol' && display !== 'code') throw new ERR_METHOD_NOT_IMPLEMENTED(`Intl.NumberFormat with currencyDisplay ${display}`);
    if (display === 'symbol' && SIGNS[currency] === undefined) throw new ERR_METHOD_NOT_IMPLEMENTED(`Intl.NumberFormat with the currency ${currency}`);
  }
  const usual = style === 'currency' ? (WHOLE.has(currency) ? [0, 0] : [2, 2]) : style === 'percent' ? [0, 0] : [0, 3];
  const minimum = given.minimumFractionDigits, maximum = given.maximumFractionDigits;
  const fewest = minimum === undefined ? Math.min(usual[0], maximum ?? 100) : Number(minimum);
  return {
    locale: resolve(locales), numberingSystem: 'latn', style, ...(currency && { currency, currencyDisplay: given.currencyDisplay ?? 'symbol', currencySign: 'standard' }),
    minimumIntegerDigits: 1, minimumFractionDigits: fewest,
    maximumFractionDigits: maximum === undefined ? Math.max(usual[1], fewest) : Number(maximum),
    useGrouping: given.useGrouping === false || given.useGrouping === 'false' ? false : 'auto', notation,
    signDisplay: choose(given, 'signDisplay', ['auto', 'never', 'always', 'exceptZero', 'negative'], 'auto'),
    roundingIncrement: 1, roundingMode: 'halfExpand', roundingPriority: 'auto', trailingZeroDisplay: 'auto',
  };
}

const isNegative = (value) => (typeof value === 'bigint' ? value < 0n : value < 0 || Object.is(value, -0));

function signOf(value, magnitude, display) {
  const isZero = !/[1-9∞N]/.test(magnitude);
  if (display === 'never' || (isZero && (display === 'exceptZero' || display === 'negative'))) return '';
  if (isNegative(value)) return '-';
  return display === 'always' || display === 'exceptZero' ? '+' : '';
}

class NumberFormat {
  #settings;
  #given;
  #format;

  constructor(locales, options) {
    this.#given = readOptions(options);
    this.#settings = readSettings(locales, this.#given);
    writeNumber(0, this.#digits); // what is wrong with the digits shows at once
  }

  get #digits() {
    const { style, minimumFractionDigits, maximumFractionDigits, useGrouping } = this.#settings;
    const { minimumSignificantDigits, maximumSignificantDigits, minimumIntegerDigits } = this.#given;
    return {
      style: style === 'percent' ? 'percent' : 'decimal', minimumFractionDigits, maximumFractionDigits,
      useGrouping: useGrouping !== false, minimumSignificantDigits, maximumSignificantDigits, minimumIntegerDigits,
    };
  }

  get format() {
    this.#format ??= (value) => this.#write(typeof value === 'bigint' ? value : Number(value));
    return this.#format;
  }

  #write(value) {
    const { style, currency, currencyDisplay, signDisplay } = this.#settings;
    const magnitude = writeNumber(isNegative(value) ? -value : value, this.#digits);
    const sign = signOf(value, magnitude, signDisplay);
    const money = style !== 'currency' ? '' : currencyDisplay === 'code' ? `${currency}\u00a0` : SIGNS[currency];
    return sign + money + magnitude;
  }

  formatToParts(value) {
    const { style } = this.#settings, parts = [];
    const rest = /^([-+]?)([^\d∞N]*)(\d[\d,]*|∞|NaN)(?:\.(\d+))?(%?)$/.exec(this.format(value));
    if (rest === null) throw new ERR_METHOD_NOT_IMPLEMENTED('Intl.NumberFormat.formatToParts');
    const [, sign, money, whole, fraction, percent] = rest;
    if (sign) parts.push({ type: sign === '-' ? 'minusSign' : 'plusSign', value: sign });
    if (money && style === 'currency') {
      parts.push({ type: 'currency', value: money.trim() });
      if (money.endsWith('\u00a0')) parts.push({ type: 'literal', value: '\u00a0' });
    }
    whole.split(',').forEach((value, i) => {
      if (i > 0) parts.push({ type: 'group', value: ',' });
      parts.push({ type: whole === '∞' ? 'infinity' : whole === 'NaN' ? 'nan' : 'integer', value });
    });
    if (fraction) parts.push({ type: 'decimal', value: '.' }, { type: 'fraction', value: fraction });
    if (percent) parts.push({ type: 'percentSign', value: '%' });
    return parts;
  }

  resolvedOptions() {
    return { ...this.#settings };
  }
}

module.exports = { NumberFormat: callable(finish(NumberFormat, 'NumberFormat')) };

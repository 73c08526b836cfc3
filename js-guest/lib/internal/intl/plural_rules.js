// English has one and other, and four ways to end an ordinal. Must not know what is counted.
'use strict';

const { choose, finish, readOptions, resolve } = require('internal/intl/locales');

function ordinal(number) {
  const [ten, hundred] = [number % 10, number % 100];
  if (ten === 1 && hundred !== 11) return 'one';
  if (ten === 2 && hundred !== 12) return 'two';
  return ten === 3 && hundred !== 13 ? 'few' : 'other';
}

class PluralRules {
  #locale;
  #type;
  #digits;

  constructor(locales, options) {
    const given = readOptions(options);
    this.#locale = resolve(locales);
    this.#type = choose(given, 'type', ['cardinal', 'ordinal'], 'cardinal');
    this.#digits = Number(given.minimumFractionDigits ?? 0);
  }

  select(value) {
    const number = Math.abs(Number(value));
    if (this.#type === 'ordinal') return ordinal(number);
    return number === 1 && this.#digits === 0 ? 'one' : 'other'; // 1.0 is plural
  }

  resolvedOptions() {
    const ordinals = this.#type === 'ordinal';
    return {
      locale: this.#locale, type: this.#type, minimumIntegerDigits: 1, minimumFractionDigits: this.#digits,
      maximumFractionDigits: Math.max(3, this.#digits), pluralCategories: ordinals ? ['few', 'one', 'two', 'other'] : ['one', 'other'],
      roundingIncrement: 1, roundingMode: 'halfExpand', roundingPriority: 'auto', trailingZeroDisplay: 'auto',
    };
  }
}

module.exports = { PluralRules: finish(PluralRules, 'PluralRules') };

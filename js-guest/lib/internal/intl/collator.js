// Order of words in English: letters before their accents, accents before capitals, punctuation before digits before letters.
// Other scripts follow by code point. Must not know who sorts.
'use strict';

const { callable, choose, finish, readOptions, resolve } = require('internal/intl/locales');

const MARKS = /\p{M}+/gu;
const rank = (char) => (/\s/.test(char) ? 0 : /[\p{P}\p{S}]/u.test(char) ? 1 : /\p{N}/u.test(char) ? 2 : 3);

// What a collator of ICU's orders punctuation by, as far as it is ASCII.
const PUNCTUATION = '_-,;:!?.\'"()[]{}@*/\\&#%`^+<=>|~$';

function primary(text) {
  return text.normalize('NFD').replace(MARKS, '').toLowerCase();
}

function compareChars(a, b) {
  const ranks = rank(a) - rank(b);
  if (ranks !== 0) return ranks;
  const [x, y] = [PUNCTUATION.indexOf(a), PUNCTUATION.indexOf(b)];
  if (x >= 0 && y >= 0) return x - y;
  return a.codePointAt(0) - b.codePointAt(0);
}

const DIGITS = /\d+/y;

function takeNumber(text, at) {
  DIGITS.lastIndex = at;
  return DIGITS.exec(text)?.[0];
}

function comparePrimary(a, b, numeric) {
  let i = 0, j = 0;
  while (i < a.length && j < b.length) {
    if (numeric) {
      const x = takeNumber(a, i), y = takeNumber(b, j);
      if (x !== undefined && y !== undefined) {
        const [m, n] = [BigInt(x), BigInt(y)];
        if (m !== n) return m < n ? -1 : 1;
        i += x.length;
        j += y.length;
        continue;
      }
    }
    const x = String.fromCodePoint(a.codePointAt(i)), y = String.fromCodePoint(b.codePointAt(j));
    if (x !== y) {
      const order = compareChars(x, y);
      if (order !== 0) return order;
    }
    i += x.length;
    j += y.length;
  }
  return (a.length - i) - (b.length - j);
}

const sign = (number) => (number < 0 ? -1 : number > 0 ? 1 : 0);
const byCode = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const accents = (text) => text.normalize('NFD').toLowerCase();

// Small letters come before capitals, unless it is asked otherwise.
function compareCase(a, b, upperFirst) {
  const [x, y] = [a.normalize('NFD'), b.normalize('NFD')];
  for (let i = 0; i < x.length && i < y.length; i++) {
    if (x[i] !== y[i]) return (x[i] === x[i].toLowerCase() ? -1 : 1) * (upperFirst ? -1 : 1);
  }
  return 0;
}

const plain = /^[a-z]*$/;

function compareText(a, b, { sensitivity, numeric, caseFirst, ignorePunctuation }) {
  if (a === b) return 0;
  if (plain.test(a) && plain.test(b)) return byCode(a, b);
  if (ignorePunctuation) [a, b] = [a, b].map((text) => text.replace(/[\p{P}\s]/gu, ''));
  const first = sign(comparePrimary(primary(a), primary(b), numeric));
  if (first !== 0 || sensitivity === 'base') return first;
  const second = sensitivity === 'case' ? 0 : byCode(accents(a), accents(b));
  if (second !== 0 || sensitivity === 'accent') return second;
  return compareCase(a, b, caseFirst === 'upper');
}

class Collator {
  #settings;
  #compare;

  constructor(locales, options) {
    const given = readOptions(options);
    this.#settings = {
      locale: resolve(locales),
      usage: choose(given, 'usage', ['sort', 'search'], 'sort'),
      sensitivity: choose(given, 'sensitivity', ['base', 'accent', 'case', 'variant'], 'variant'),
      ignorePunctuation: Boolean(given.ignorePunctuation),
      collation: 'default',
      numeric: Boolean(given.numeric),
      caseFirst: choose(given, 'caseFirst', ['upper', 'lower', 'false'], 'false'),
    };
  }

  get compare() {
    this.#compare ??= (a, b) => compareText(String(a), String(b), this.#settings);
    return this.#compare;
  }

  resolvedOptions() {
    return { ...this.#settings };
  }
}

const usual = { sensitivity: 'variant', numeric: false, caseFirst: 'false', ignorePunctuation: false };

function localeCompare(that, locales, options) {
  if (this === undefined || this === null) throw new TypeError('String.prototype.localeCompare called on null or undefined');
  if (locales === undefined && options === undefined) return compareText(String(this), String(that), usual);
  return new Collator(locales, options).compare(this, that);
}

module.exports = { Collator: callable(finish(Collator, 'Collator')), localeCompare };

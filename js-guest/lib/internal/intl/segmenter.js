// Text in the pieces that a reader takes for one character (UAX #29, extended grapheme clusters). Words and sentences need
// dictionaries and rules that are not here: they are refused. Must not know what the pieces are for.
'use strict';

const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');
const { choose, finish, readOptions, resolve } = require('internal/intl/locales');

const TAIL = '[\\p{M}\\u200d\\p{EMod}\\u{e0020}-\\u{e007f}]*';
const L = '[\\u1100-\\u115f\\ua960-\\ua97c]', V = '[\\u1160-\\u11a7\\ud7b0-\\ud7c6]', T = '[\\u11a8-\\u11ff\\ud7cb-\\ud7fb]';
// A line's end; a flag; emoji joined into one; a syllable of Hangul; any character with what is set upon it.
const CLUSTER = new RegExp(
  `\\r\\n|\\p{Cc}|\\p{RI}\\p{RI}${TAIL}` +
  `|\\p{ExtPict}${TAIL}(?:(?<=\\u200d)\\p{ExtPict}${TAIL})*` +
  `|(?:${L}+(?:[\\uac00-\\ud7a3]|${V}+)?|[\\uac00-\\ud7a3]|${V}+)${V}*${T}*${TAIL}|[^]${TAIL}`, 'gu');

class Segments {
  #text;

  constructor(text) {
    this.#text = text;
  }

  containing(at = 0) {
    const index = Math.trunc(Number(at)) || 0;
    if (index < 0 || index >= this.#text.length) return undefined;
    for (const segment of this) {
      if (index < segment.index + segment.segment.length) return segment;
    }
    return undefined;
  }

  *[Symbol.iterator]() {
    for (const match of this.#text.matchAll(CLUSTER)) yield { segment: match[0], index: match.index, input: this.#text };
  }
}

class Segmenter {
  #locale;

  constructor(locales, options) {
    this.#locale = resolve(locales);
    const granularity = choose(readOptions(options), 'granularity', ['grapheme', 'word', 'sentence'], 'grapheme');
    if (granularity !== 'grapheme') throw new ERR_METHOD_NOT_IMPLEMENTED(`Intl.Segmenter with the granularity ${granularity}`);
  }

  segment(input) {
    return new Segments(String(input));
  }

  resolvedOptions() {
    return { locale: this.#locale, granularity: 'grapheme' };
  }
}

module.exports = { Segmenter: finish(Segmenter, 'Segmenter') };

// node:punycode: RFC 3492, and host names made of it. Must not know URLs.
'use strict';

const {
  codes: { ERR_INVALID_ARG_TYPE },
} = require('internal/errors');

const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const FIRST_BIAS = 72;
const FIRST_CODE = 128;
const MAX_INT = 0x7FFFFFFF;

const overflow = () => new RangeError('Overflow: input needs wider integers to process');
const invalid = () => new RangeError('Invalid input');

function adapt(delta, points, isFirst) {
  delta = isFirst ? Math.floor(delta / DAMP) : delta >> 1;
  delta += Math.floor(delta / points);
  let k = 0;
  for (; delta > ((BASE - T_MIN) * T_MAX) >> 1; k += BASE) delta = Math.floor(delta / (BASE - T_MIN));
  return Math.floor(k + (BASE - T_MIN + 1) * delta / (delta + SKEW));
}

const threshold = (k, bias) => (k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias);

const digitOf = (code) => {
  if (code >= 0x30 && code < 0x3A) return 26 + (code - 0x30);
  if (code >= 0x41 && code < 0x5B) return code - 0x41;
  if (code >= 0x61 && code < 0x7B) return code - 0x61;
  return BASE;
};
const charOf = (digit) => String.fromCharCode(digit < 26 ? digit + 97 : digit + 22);

const ucs2 = {
  decode(string) {
    return Array.from(string, (char) => char.codePointAt(0));
  },
  encode(codePoints) {
    let text = '';
    for (const code of codePoints) text += String.fromCodePoint(code);
    return text;
  },
};

function decode(input) {
  const output = [];
  const lastDash = Math.max(input.lastIndexOf('-'), 0);
  for (let j = 0; j < lastDash; j++) {
    if (input.charCodeAt(j) >= 0x80) throw new RangeError('Illegal input >= 0x80 (not a basic code point)');
    output.push(input.charCodeAt(j));
  }
  let code = FIRST_CODE;
  let bias = FIRST_BIAS;
  let i = 0;
  for (let at = lastDash > 0 ? lastDash + 1 : 0; at < input.length;) {
    const before = i;
    for (let weight = 1, k = BASE; ; k += BASE) {
      if (at >= input.length) throw invalid();
      const digit = digitOf(input.charCodeAt(at++));
      if (digit >= BASE) throw invalid();
      if (digit > Math.floor((MAX_INT - i) / weight)) throw overflow();
      i += digit * weight;
      const t = threshold(k, bias);
      if (digit < t) break;
      if (weight > Math.floor(MAX_INT / (BASE - t))) throw overflow();
      weight *= BASE - t;
    }
    const length = output.length + 1;
    bias = adapt(i - before, length, before === 0);
    if (Math.floor(i / length) > MAX_INT - code) throw overflow();
    code += Math.floor(i / length);
    i %= length;
    if (code > 0x10FFFF) throw invalid();
    output.splice(i++, 0, code);
  }
  return String.fromCodePoint(...output);
}

function encodeDelta(delta, bias) {
  let text = '';
  let rest = delta;
  for (let k = BASE; ; k += BASE) {
    const t = threshold(k, bias);
    if (rest < t) return text + charOf(rest);
    text += charOf(t + (rest - t) % (BASE - t));
    rest = Math.floor((rest - t) / (BASE - t));
  }
}

function encode(input) {
  const points = ucs2.decode(input);
  let output = points.filter((point) => point < 0x80).map((point) => String.fromCharCode(point)).join('');
  const basic = output.length;
  let handled = basic;
  if (basic > 0) output += '-';
  let code = FIRST_CODE;
  let delta = 0;
  let bias = FIRST_BIAS;
  while (handled < points.length) {
    let next = MAX_INT;
    for (const point of points) {
      if (point >= code && point < next) next = point;
    }
    if (next - code > Math.floor((MAX_INT - delta) / (handled + 1))) throw overflow();
    delta += (next - code) * (handled + 1);
    code = next;
    for (const point of points) {
      if (point < code && ++delta > MAX_INT) throw overflow();
      if (point !== code) continue;
      output += encodeDelta(delta, bias);
      bias = adapt(delta, handled + 1, handled === basic);
      delta = 0;
      handled++;
    }
    delta++;
    code++;
  }
  return output;
}

// Applies fn to each label of a domain, or of what follows the @ of an address.
function mapDomain(domain, fn) {
  if (typeof domain !== 'string') throw new ERR_INVALID_ARG_TYPE('domain', 'string', domain);
  const at = domain.lastIndexOf('@');
  const labels = domain.slice(at + 1).replace(/[\x2E\u3002\uFF0E\uFF61]/g, '.').split('.');
  return domain.slice(0, at + 1) + labels.map(fn).join('.');
}

const toUnicode = (input) =>
  mapDomain(input, (label) => (label.startsWith('xn--') ? decode(label.slice(4).toLowerCase()) : label));
const toASCII = (input) => mapDomain(input, (label) => (/[^\0-\x7F]/.test(label) ? `xn--${encode(label)}` : label));

module.exports = { version: '2.1.0', ucs2, decode, encode, toASCII, toUnicode };

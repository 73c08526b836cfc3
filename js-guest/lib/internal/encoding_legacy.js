// The encodings of the Encoding Standard beside UTF-8, UTF-16 and windows-1252: their labels, and decoders on the tables of
// npm's @exodus/bytes, which are loaded when the first of them is wanted. Must not know TextDecoder.
'use strict';

const { labels } = require('internal/deps/encoding-labels');
const { latin1Slice } = internalBinding('buffer').methods;

const MULTI_BYTE = new Set(['gbk', 'gb18030', 'big5', 'euc-jp', 'iso-2022-jp', 'shift_jis', 'euc-kr']);

const names = new Map();
for (const [name, others] of Object.entries(labels)) {
  // What "replacement" stands for cannot be decoded by anybody.
  if (name === 'replacement') continue;
  for (const label of [name, ...others]) names.set(label, name);
}

function getEncodingFromLabel(label) {
  return names.get(`${label}`.replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '').toLowerCase());
}

// The 128 characters behind ASCII of each encoding that was asked for.
const upperHalves = new Map([['windows-1252',
  // The 32 places where windows-1252 and Unicode differ.
  '\u20AC\x81\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\x8D\u017D\x8F' +
  '\x90\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\x9D\u017E\u0178' +
  String.fromCharCode(...Array.from({ length: 96 }, (_, i) => i + 0xA0))]]);

function upperHalf(name) {
  let half = upperHalves.get(name);
  if (half === undefined) {
    half = String.fromCharCode(...require('internal/deps/legacy-encodings').getEncoding(name));
    upperHalves.set(name, half);
  }
  return half;
}

function singleByteDecoder(name, fatal) {
  const half = upperHalf(name);
  return (bytes) => {
    let bad = false;
    const text = Reflect.apply(latin1Slice, bytes, []).replace(/[\x80-\xFF]/g, (char) => {
      const mapped = half[char.charCodeAt(0) - 0x80];
      bad ||= mapped === '\uFFFD';
      return mapped;
    });
    return bad && fatal ? undefined : text;
  };
}

function multiByteDecoder(name, fatal) {
  const { multibyteDecoder } = require('internal/deps/legacy-encodings');
  const decode = multibyteDecoder(name, !fatal);
  return (bytes, stream) => {
    try {
      return decode(bytes, stream);
    } catch {
      return undefined;
    }
  };
}

// (bytes, more to come?) => text, or undefined where bytes are none of the encoding and `fatal` forbids a guess.
function decoderFor(name, fatal) {
  return MULTI_BYTE.has(name) ? multiByteDecoder(name, fatal) : singleByteDecoder(name, fatal);
}

module.exports = { getEncodingFromLabel, decoderFor };

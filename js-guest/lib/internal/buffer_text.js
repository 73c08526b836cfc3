// The functions of node:buffer that are not Buffer's: atob, btoa, transcode, isUtf8, isAscii. Must not know streams.
'use strict';

const binding = internalBinding('buffer');
const {
  codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_STATE, ERR_MISSING_ARGS },
  genericNodeError,
} = require('internal/errors');
const { isAnyArrayBuffer, isTypedArray, isUint8Array } = require('internal/util/types');
const { DOMException } = require('internal/domexception');

function btoa(input) {
  if (arguments.length === 0) throw new ERR_MISSING_ARGS('input');
  input = `${input}`;
  for (let i = 0; i < input.length; i++) {
    if (input.charCodeAt(i) > 255) throw new DOMException('Invalid character', 'InvalidCharacterError');
  }
  return binding.fromString(input, 'latin1').base64Slice();
}

function atob(input) {
  if (arguments.length === 0) throw new ERR_MISSING_ARGS('input');
  let text = `${input}`.replace(/[\t\n\f\r ]/g, '');
  if (/[^A-Za-z0-9+/=]/.test(text)) throw new DOMException('Invalid character', 'InvalidCharacterError');
  if (text.length % 4 === 0) text = text.replace(/={1,2}$/, '');
  if (text.length % 4 === 1 || text.includes('=')) {
    throw new DOMException('The string to be decoded is not correctly encoded.', 'InvalidCharacterError');
  }
  return binding.fromString(text, 'base64').latin1Slice();
}

const TRANSCODABLE = new Set(['utf8', 'utf16le', 'latin1', 'ascii']);

function decode(source, encoding) {
  const bytes = binding.fromView(source);
  if (encoding !== 'ascii') return bytes.toString(encoding);
  return bytes.latin1Slice().replace(/[\x80-\xFF]/g, '\uFFFD');
}

// What an encoding cannot say becomes '?'.
function encode(text, encoding) {
  if (encoding === 'latin1') text = text.replace(/[\u{100}-\u{10FFFF}]/gu, '?');
  if (encoding === 'ascii') text = text.replace(/[\u{80}-\u{10FFFF}]/gu, '?');
  return binding.fromString(text, encoding);
}

function transcode(source, fromEncoding, toEncoding) {
  if (!isUint8Array(source)) throw new ERR_INVALID_ARG_TYPE('source', ['Buffer', 'Uint8Array'], source);
  if (source.length === 0) return binding.alloc(0);
  const normal = (name) => (name ? binding.normalEncoding(`${name}`) : 'utf8');
  const from = normal(fromEncoding);
  const to = normal(toEncoding);
  if (!TRANSCODABLE.has(from) || !TRANSCODABLE.has(to)) {
    throw genericNodeError('Unable to transcode Buffer [U_ILLEGAL_ARGUMENT_ERROR]',
      { code: 'U_ILLEGAL_ARGUMENT_ERROR', errno: 1 });
  }
  return encode(decode(source, from), to);
}

function checked(input, test) {
  if (!isTypedArray(input) && !isAnyArrayBuffer(input)) {
    throw new ERR_INVALID_ARG_TYPE('input', ['ArrayBuffer', 'Buffer', 'TypedArray'], input);
  }
  const buffer = isTypedArray(input) ? input.buffer : input;
  if (buffer.detached) throw new ERR_INVALID_STATE('Cannot validate on a detached buffer');
  return test(input);
}

const isUtf8 = (input) => checked(input, binding.isUtf8);
const isAscii = (input) => checked(input, binding.isAscii);

module.exports = { atob, btoa, transcode, isUtf8, isAscii };

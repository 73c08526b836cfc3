// Options that both halves of a stream read: high water marks and the default encoding. Must not know streams.
'use strict';

const { Buffer } = require('buffer');
const { validateInteger } = require('internal/validators');
const { codes: { ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_ENCODING } } = require('internal/errors');

let bytesMark = 16 * 1024;
let objectsMark = 16;

function getDefaultHighWaterMark(objectMode) {
  return objectMode ? objectsMark : bytesMark;
}

function setDefaultHighWaterMark(objectMode, value) {
  validateInteger(value, 'value', 0);
  if (objectMode) objectsMark = value;
  else bytesMark = value;
}

function getHighWaterMark(state, options, duplexKey, isDuplex) {
  const mark = options.highWaterMark ?? (isDuplex ? options[duplexKey] : null);
  if (mark === null || mark === undefined) return getDefaultHighWaterMark(state.objectMode);
  if (!Number.isInteger(mark) || mark < 0) {
    throw new ERR_INVALID_ARG_VALUE(isDuplex ? `options.${duplexKey}` : 'options.highWaterMark', mark);
  }
  return mark;
}

function validDefaultEncoding(encoding) {
  if (encoding === 'utf8' || encoding === 'utf-8' || Buffer.isEncoding(encoding)) return encoding;
  throw new ERR_UNKNOWN_ENCODING(encoding);
}

module.exports = { getHighWaterMark, getDefaultHighWaterMark, setDefaultHighWaterMark, validDefaultEncoding };

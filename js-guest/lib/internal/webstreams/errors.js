// The errors of web streams: the words are the standard's reference implementation's, which throws plain TypeErrors and
// RangeErrors; the codes are Node's, found by those words. Must not know streams.
'use strict';

const {
  codes: { ERR_ILLEGAL_CONSTRUCTOR, ERR_INVALID_STATE, ERR_INVALID_THIS }, captureStack,
} = require('internal/errors');

const WRONG_THIS = /can only be used on an? (\w+)$/;
const WRONG_TYPE = /is not (?:an object|a function|an? \w+Stream|an AbortSignal|iterable)\.?$|must be (?:an array buffer view|a WritableStream)|can only respond with array buffer views/i;
const WRONG_VALUE = /not a valid enumeration value|is not a finite number|outside the accepted range/;
const MISSING = /^(?:Parameter \d+|.+) is required in '/;

function coded(Base, code, message, above) {
  const error = new Base(message);
  error.code = code;
  captureStack(error, above, `${Base.name} [${code}]: ${message}`);
  return error;
}

function StreamTypeError(message) {
  const wrongThis = WRONG_THIS.exec(message);
  if (wrongThis !== null) return new ERR_INVALID_THIS(wrongThis[1]);
  if (message === 'Illegal constructor') return new ERR_ILLEGAL_CONSTRUCTOR();
  if (MISSING.test(message)) return coded(TypeError, 'ERR_MISSING_ARGS', message, StreamTypeError);
  if (WRONG_TYPE.test(message)) return coded(TypeError, 'ERR_INVALID_ARG_TYPE', message, StreamTypeError);
  if (WRONG_VALUE.test(message)) return coded(TypeError, 'ERR_INVALID_ARG_VALUE', message, StreamTypeError);
  return new ERR_INVALID_STATE.TypeError(message);
}

function StreamRangeError(message) {
  return coded(RangeError, 'ERR_INVALID_ARG_VALUE', message, StreamRangeError);
}

module.exports = { StreamTypeError, StreamRangeError };

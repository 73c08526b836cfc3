// What Buffer throws when its part in C finds something wrong: called with what it was and the values at hand.
// Must not know Buffer itself.
'use strict';

const {
  codes: {
    ERR_BUFFER_OUT_OF_BOUNDS, ERR_INVALID_ARG_TYPE, ERR_INVALID_BUFFER_SIZE, ERR_OUT_OF_RANGE, ERR_UNKNOWN_ENCODING,
  },
  genericNodeError,
} = require('internal/errors');

// The range of a whole number of so many bytes, as Node words it.
function boundsText(size, signed, big = false) {
  const n = big ? 'n' : '';
  if (size > 4) {
    if (!signed) return `>= 0${n} and < 2${n} ** ${size * 8}${n}`;
    return `>= -(2${n} ** ${size * 8 - 1}${n}) and < 2${n} ** ${size * 8 - 1}${n}`;
  }
  if (!signed) return `>= 0 and <= ${2 ** (8 * size) - 1}`;
  return `>= -${2 ** (8 * size - 1)} and <= ${2 ** (8 * size - 1) - 1}`;
}

function badOffset(offset, max) {
  if (typeof offset !== 'number') throw new ERR_INVALID_ARG_TYPE('offset', 'number', offset);
  if (Math.floor(offset) !== offset) throw new ERR_OUT_OF_RANGE('offset', 'an integer', offset);
  if (max < 0) throw new ERR_BUFFER_OUT_OF_BOUNDS();
  throw new ERR_OUT_OF_RANGE('offset', `>= 0 and <= ${max}`, offset);
}

function badSize(size) {
  if (typeof size !== 'number') throw new ERR_INVALID_ARG_TYPE('byteLength', 'number', size);
  if (Math.floor(size) !== size) throw new ERR_OUT_OF_RANGE('byteLength', 'an integer', size);
  throw new ERR_OUT_OF_RANGE('byteLength', '>= 1 and <= 6', size);
}

function badRange(value, size, signed, offset) {
  if (size === 1 && offset !== undefined && typeof offset !== 'number') {
    throw new ERR_INVALID_ARG_TYPE('offset', 'number', offset);
  }
  // The small fixed sizes and the widths given as an argument are worded alike but for these.
  throw new ERR_OUT_OF_RANGE('value', boundsText(size, signed), value);
}

function argumentMustBe(what) {
  const error = genericNodeError(`argument must be a ${what}`, { code: 'ERR_INVALID_ARG_TYPE' });
  Object.setPrototypeOf(error, TypeError.prototype);
  throw error;
}

function fail(what, ...values) {
  switch (what) {
    case 'view': return argumentMustBe('buffer');
    case 'argument': return argumentMustBe('string');
    case 'encoding': throw new ERR_UNKNOWN_ENCODING(values[0]);
    case 'swap': throw new ERR_INVALID_BUFFER_SIZE(`${values[0]}-bits`);
    case 'offset': throw new ERR_BUFFER_OUT_OF_BOUNDS('offset');
    case 'bounds': throw new ERR_BUFFER_OUT_OF_BOUNDS();
    case 'numberOffset': return badOffset(...values);
    case 'numberSize': return badSize(...values);
    case 'numberRange': return badRange(...values);
    default: // 'string'
      throw genericNodeError('Cannot create a string longer than 0xffffff0 characters', { code: 'ERR_STRING_TOO_LONG' });
  }
}

module.exports = { fail, boundsText };

// The wire format of V8's ValueSerializer, version 15: its tags, as numbers. Data only.
'use strict';

const code = (character) => character.charCodeAt(0);

const tag = {
  VERSION: 0xff, PADDING: 0, OBJECT_COUNT: code('?'), HOLE: code('-'), UNDEFINED: code('_'), NULL: code('0'), TRUE: code('T'), FALSE: code('F'),
  INT32: code('I'), UINT32: code('U'), DOUBLE: code('N'), BIGINT: code('Z'), UTF8: code('S'), LATIN1: code('"'), UTF16: code('c'),
  REFERENCE: code('^'), OBJECT: code('o'), END_OBJECT: code('{'), DENSE: code('A'), END_DENSE: code('$'), SPARSE: code('a'),
  END_SPARSE: code('@'), DATE: code('D'), TRUE_OBJECT: code('y'), FALSE_OBJECT: code('x'), NUMBER_OBJECT: code('n'), BIGINT_OBJECT: code('z'),
  STRING_OBJECT: code('s'), REGEXP: code('R'), MAP: code(';'), END_MAP: code(':'), SET: code("'"), END_SET: code(','), BUFFER: code('B'),
  RESIZABLE: code('~'), TRANSFERRED: code('t'), VIEW: code('V'), SHARED: code('u'), HOST: code('\\'), ERROR: code('r'),
};

const VERSION = 15;
const VIEWS = {
  b: 'Int8Array', B: 'Uint8Array', C: 'Uint8ClampedArray', w: 'Int16Array', W: 'Uint16Array', d: 'Int32Array', D: 'Uint32Array', f: 'Float32Array',
  F: 'Float64Array', q: 'BigInt64Array', Q: 'BigUint64Array', '?': 'DataView',
};
const REGEXP_FLAGS = [['g', 1], ['i', 2], ['m', 4], ['y', 8], ['u', 16], ['s', 32], ['d', 128], ['v', 256]];
const ERRORS = { E: 'EvalError', R: 'RangeError', F: 'ReferenceError', S: 'SyntaxError', T: 'TypeError', U: 'URIError' };
const ERROR_PART = { MESSAGE: code('m'), CAUSE: code('c'), STACK: code('s'), END: code('.') };
// The order in which DefaultSerializer numbers views.
const HOST_VIEWS = [
  'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array',
  'DataView', 'Buffer', 'BigInt64Array', 'BigUint64Array',
];

module.exports = { tag, VERSION, VIEWS, REGEXP_FLAGS, ERRORS, ERROR_PART, HOST_VIEWS };

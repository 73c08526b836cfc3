// Whether an input that is no script yet may become one by further lines. Must not know where it comes from.
'use strict';

const vm = require('vm');

const END = /^(?:Unexpected end of input|unexpected end of comment)$/;

function isUnfinished(error, code) {
  if (error?.name !== 'SyntaxError') return false;
  if (END.test(error.message)) return true;
  // A template may go on, and a string whose line ends with a backslash.
  return endsWith(code, '`') || (/\\\n$/.test(code) && (endsWith(code, '\'') || endsWith(code, '"')));
}

function endsWith(code, quote) {
  try {
    new vm.Script(code + quote);
    return true;
  } catch (error) {
    return END.test(error.message);
  }
}

module.exports = { isUnfinished };

// Characters of a line: how long one is in code units, and what words have in common. Must not know terminals.
'use strict';

const isPair = (text, at) => at >= 0 && text.codePointAt(at) >= 0x10000;

// The length of the character before `at`, and of that at it; combining marks count by themselves.
function charLengthLeft(text, at) {
  if (at <= 0) return 0;
  return (at > 1 && isPair(text, at - 2)) || isPair(text, at - 1) ? 2 : 1;
}

function charLengthAt(text, at) {
  // At the end too, so that a cursor may be moved by it.
  if (text.length <= at) return 1;
  return isPair(text, at) ? 2 : 1;
}

function commonPrefix(strings) {
  if (strings.length === 0) return '';
  const sorted = strings.toSorted ? strings.toSorted() : [...strings].sort();
  const first = sorted[0], last = sorted[sorted.length - 1];
  let i = 0;
  while (i < first.length && first[i] === last[i]) i++;
  return first.slice(0, i);
}

const reversed = (text) => [...text].reverse().join('');

module.exports = { charLengthLeft, charLengthAt, commonPrefix, reversed };

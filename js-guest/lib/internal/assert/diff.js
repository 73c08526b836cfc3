// The words and line-by-line differences in an AssertionError's message. Must not know assert's functions.
'use strict';

const { inspect } = require('internal/util/inspect');

const SENTENCES = {
  deepStrictEqual: 'Expected values to be strictly deep-equal:',
  strictEqual: 'Expected values to be strictly equal:',
  strictEqualObject: 'Expected "actual" to be reference-equal to "expected":',
  deepEqual: 'Expected values to be loosely deep-equal:',
  notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
  notStrictEqual: 'Expected "actual" to be strictly unequal to:',
  notStrictEqualObject: 'Expected "actual" not to be reference-equal to "expected":',
  notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:',
  notIdentical: 'Values have same structure but are not reference-equal:',
  notDeepEqualUnequal: 'Expected values not to be loosely deep-equal:',
};

const SHORT = 12; // two values that together are this long are shown as `a !== b`
const MAX_LINES = 50;

const isObject = (value) => value !== null && typeof value === 'object';

const show = (value) => inspect(value, {
  compact: false, customInspect: false, depth: 1000, maxArrayLength: Infinity, showHidden: false, showProxy: false,
  sorted: true, getters: true,
});

function paint() {
  const stream = process.stderr;
  if (!stream?.isTTY || !(stream.getColorDepth?.() > 2)) return { blue: '', green: '', red: '', white: '' };
  return { blue: '\u001b[34m', green: '\u001b[32m', red: '\u001b[31m', white: '\u001b[39m' };
}

function shorten(lines, color) {
  if (lines.length <= MAX_LINES) return lines;
  return [...lines.slice(0, 46), `${color.blue}...${color.white}`];
}

// The lines both sides end with are told in part: at most three, and the first of them.
function commonEnd(actual, expected, color) {
  let end = '';
  let other = '';
  let count = 0;
  while (actual.length > 0 && expected.length > 0 && actual[actual.length - 1] === expected[expected.length - 1]) {
    const line = actual.pop();
    expected.pop();
    if (count++ < 3) end = `\n  ${line}${end}`;
    else other = line;
  }
  const skipped = count >= 5;
  if (skipped) end = `\n${color.blue}...${color.white}${end}`;
  if (other !== '') end = `\n  ${other}${end}`;
  return { end, skipped };
}

// The equal lines just before a difference, when more than the two that were printed have passed.
function context(state, lines, i, color) {
  const { identical } = state;
  state.identical = 0;
  if (identical <= 2) return;
  if (identical > 4) {
    if (identical === 5) {
      state.text += `\n  ${lines[i - 3]}`;
      state.printed++;
    } else {
      state.text += `\n${color.blue}...${color.white}`;
      state.skipped = true;
    }
  }
  if (identical > 3) {
    state.text += `\n  ${lines[i - 2]}`;
    state.printed++;
  }
  state.text += `\n  ${lines[i - 1]}`;
  state.printed++;
}

function compareLine(state, actual, expected, i, color) {
  let line = actual[i];
  const wanted = expected[i];
  // A comma alone is no difference: one side goes on, the other ends.
  let differ = line !== wanted && (!line.endsWith(',') || line.slice(0, -1) !== wanted);
  if (differ && wanted.endsWith(',') && wanted.slice(0, -1) === line) {
    differ = false;
    line += ',';
  }
  if (differ) {
    context(state, actual, i, color);
    state.text += `\n${color.green}+${color.white} ${line}`;
    state.other += `\n${color.red}-${color.white} ${wanted}`;
    state.printed += 2;
    return;
  }
  state.text += state.other;
  state.other = '';
  state.identical++;
  if (state.identical <= 2) {
    state.text += `\n  ${line}`;
    state.printed++;
  }
}

function diffLines(actual, expected, sentence, indicator, color) {
  const { end, skipped } = commonEnd(actual, expected, color);
  const most = Math.max(actual.length, expected.length);
  const shared = Math.min(actual.length, expected.length);
  const longer = actual.length < most ? expected : actual;
  const state = { text: '', other: '', identical: 0, printed: 0, skipped };
  const head = `${sentence}\n${color.green}+ actual${color.white} ${color.red}- expected${color.white}`;
  const skippedNote = ` ${color.blue}...${color.white} Lines skipped`;
  for (let i = 0; i < most; i++) {
    if (i < shared) {
      compareLine(state, actual, expected, i, color);
    } else {
      context(state, longer, i, color);
      if (longer === actual) state.text += `\n${color.green}+${color.white} ${longer[i]}`;
      else state.other += `\n${color.red}-${color.white} ${longer[i]}`;
      state.printed++;
    }
    if (state.printed > MAX_LINES && i < most - 2) {
      const dots = `${color.blue}...${color.white}`;
      return `${head}${skippedNote}\n${state.text}\n${dots}${state.other}\n${dots}`;
    }
  }
  return `${head}${state.skipped ? skippedNote : ''}\n${state.text}${state.other}${end}${indicator}`;
}

// Where two short lines begin to differ, as a caret under them.
function caret(a, b) {
  let i = 0;
  while (a[i] === b[i]) i++;
  return i > 2 ? `\n  ${' '.repeat(i)}^` : '';
}

// An error without its stack, which would differ where nothing else does.
function withoutStack(error) {
  const copy = Object.assign({ __proto__: Object.getPrototypeOf(error) }, error);
  for (const key of ['message', 'cause']) {
    if (Object.hasOwn(error, key)) Object.defineProperty(copy, key, { value: error[key], configurable: true });
  }
  return copy;
}

function diffMessage(actual, expected, operator) {
  const color = paint();
  if (actual instanceof Error && expected instanceof Error) {
    actual = withoutStack(actual);
    expected = withoutStack(expected);
  }
  const whole = show(actual);
  const actualLines = whole.split('\n');
  const expectedLines = show(expected).split('\n');
  const bothObjects = (isObject(actual) && isObject(expected)) ||
    (typeof actual === 'function' && typeof expected === 'function');
  if (operator === 'strictEqual' && bothObjects) operator = 'strictEqualObject';
  let indicator = '';
  const [a] = actualLines;
  const [b] = expectedLines;
  if (actualLines.length === 1 && expectedLines.length === 1 && a !== b) {
    const length = a.length + b.length;
    if (length <= SHORT) {
      if (!isObject(actual) && !isObject(expected) && (actual !== 0 || expected !== 0)) {
        return `${SENTENCES[operator]}\n\n${a} !== ${b}\n`;
      }
    } else if (operator !== 'strictEqualObject' && length < (process.stderr?.isTTY ? process.stderr.columns : 80)) {
      indicator = caret(a, b);
    }
  }
  if (actualLines.length === expectedLines.length && actualLines.every((line, i) => line === expectedLines[i])) {
    return `${SENTENCES.notIdentical}\n\n${shorten(whole.split('\n'), color).join('\n')}\n`;
  }
  return diffLines(actualLines, expectedLines, SENTENCES[operator], indicator, color);
}

function negativeMessage(actual, operator) {
  const color = paint();
  const lines = shorten(show(actual).split('\n'), color);
  const isReference = operator === 'notStrictEqual' && (isObject(actual) || typeof actual === 'function');
  const sentence = SENTENCES[isReference ? 'notStrictEqualObject' : operator];
  if (lines.length === 1) return `${sentence}${lines[0].length > 5 ? '\n\n' : ' '}${lines[0]}`;
  return `${sentence}\n\n${lines.join('\n')}\n`;
}

const cut = (text, max) => (text.length > max ? `${text.slice(0, max - 3)}...` : text);

function looseMessage(actual, expected, operator) {
  const left = show(actual);
  const right = show(expected);
  if (operator === 'notDeepEqual' && left === right) return cut(`${SENTENCES[operator]}\n\n${left}`, 1024);
  const a = cut(left, 512);
  const b = cut(right, 512);
  if (operator === 'deepEqual') return `${SENTENCES.deepEqual}\n\n${a}\n\nshould loosely deep-equal\n\n${b}`;
  const sentence = SENTENCES[`${operator}Unequal`];
  if (sentence !== undefined) return `${sentence}\n\n${a}\n\nshould not loosely deep-equal\n\n${b}`;
  return `${a} ${operator} ${b}`;
}

function messageFor(actual, expected, operator) {
  if (operator === 'deepStrictEqual' || operator === 'strictEqual') return diffMessage(actual, expected, operator);
  if (operator === 'notDeepStrictEqual' || operator === 'notStrictEqual') return negativeMessage(actual, operator);
  return looseMessage(actual, expected, operator);
}

module.exports = { messageFor };

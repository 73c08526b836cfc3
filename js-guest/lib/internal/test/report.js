// What came of a test and its children as text: TAP, as a pipe gets it, or lines for a terminal. Must not know how tests run,
// nor where the text goes.
'use strict';

const { inspect } = require('internal/util/inspect');

const NO_COLORS = { pass: '', fail: '', note: '', dim: '', end: '' };
const COLORS = { pass: '\x1b[32m', fail: '\x1b[31m', note: '\x1b[34m', dim: '\x1b[90m', end: '\x1b[39m' };

const oneLine = (text) => text.replaceAll('\\', '\\\\').replaceAll('#', '\\#').replace(/[\n\r\t]/g, (c) => ({ '\n': '\\n', '\r': '\\r', '\t': '\\t' })[c]);
const stackLines = (error) => {
  const stack = typeof error?.stack === 'string' ? error.stack : '';
  return stack.split('\n').filter((line) => /^\s+at /.test(line) && !line.includes('node:internal/test/')).map((line) => line.trim().slice(3));
};

// ---- TAP ----

function yamlText(indent, key, text) {
  if (!text.includes('\n')) return `${indent}  ${key}: ${inspect(text)}\n`;
  return `${indent}  ${key}: |-\n${text.split('\n').map((line) => `${indent}    ${line}\n`).join('')}`;
}

function yamlValue(indent, key, value) {
  if (typeof value === 'string') return yamlText(indent, key, value);
  return yamlText(indent, key, inspect(value)).replace(/^(\s+\w+: )'(.*)'\n$/, '$1$2\n');
}

function yamlError(indent, failure) {
  const error = failure.failureType === 'testCodeFailure' ? failure.cause : failure;
  let text = yamlText(indent, 'failureType', failure.failureType);
  text += yamlText(indent, 'error', error instanceof Error ? error.message : failure.message);
  if (error instanceof Error) {
    text += yamlText(indent, 'code', String(error.code ?? 'ERR_TEST_FAILURE'));
    if (error.name && error.name !== 'Error') text += yamlText(indent, 'name', error.name);
    if (error.name === 'AssertionError') {
      text += yamlValue(indent, 'expected', error.expected) + yamlValue(indent, 'actual', error.actual);
      if (error.operator) text += yamlText(indent, 'operator', error.operator);
    }
    const lines = error === failure ? [] : stackLines(error);
    if (lines.length > 0) text += `${indent}  stack: |-\n${lines.map((line) => `${indent}    ${line}\n`).join('')}`;
  }
  return text;
}

function directive(test) {
  const word = test.skipped ? ' # SKIP' : test.todo ? ' # TODO' : '';
  return word && test.message ? `${word} ${oneLine(test.message)}` : word;
}

function tap(test, number, depth) {
  const indent = '    '.repeat(depth);
  let text = `${indent}# Subtest: ${oneLine(test.name)}\n`;
  test.children.forEach((child, i) => { text += tap(child, i + 1, depth + 1); });
  if (test.children.length > 0) text += `${indent}    1..${test.children.length}\n`;
  text += `${indent}${test.passed ? 'ok' : 'not ok'} ${number} - ${oneLine(test.name)}${directive(test)}\n`;
  text += `${indent}  ---\n${indent}  duration_ms: ${test.duration}\n`;
  if (test.kind === 'suite') text += yamlText(indent, 'type', 'suite');
  if (!test.passed) text += yamlError(indent, test.error);
  text += `${indent}  ...\n`;
  for (const message of test.diagnostics) text += `${indent}# ${oneLine(message)}\n`;
  return text;
}

// ---- For a terminal ----

function spec(test, depth, colors) {
  const indent = '  '.repeat(depth), time = `${colors.dim}(${test.duration.toFixed(6)}ms)${colors.end}`;
  const says = test.skipped ? ` # ${test.message ?? 'SKIP'}` : test.todo ? ` # ${test.message ?? 'TODO'}` : '';
  const color = test.skipped ? colors.dim : test.passed ? colors.pass : colors.fail;
  const sign = test.skipped ? '﹣' : test.passed ? '✔' : '✖';
  let text = '';
  if (test.children.length > 0) {
    text += `${indent}▶ ${test.name}\n${test.children.map((child) => spec(child, depth + 1, colors)).join('')}`;
  }
  text += `${indent}${color}${sign} ${test.name}${colors.end} ${time}${says}\n`;
  if (!test.passed && test.error.failureType !== 'subtestsFailed') {
    const shown = inspect(test.error.failureType === 'testCodeFailure' ? test.error.cause : test.error.message);
    text += `${shown.split('\n').map((line) => `${indent}  ${line}`).join('\n')}\n\n`;
  }
  for (const message of test.diagnostics) text += `${indent}${colors.note}ℹ ${message}${colors.end}\n`;
  return text;
}

// ---- Both ----

function count(test, sums) {
  for (const child of test.children) {
    count(child, sums);
    if (child.kind === 'suite') {
      sums.suites++;
      continue;
    }
    sums.tests++;
    const cancelled = child.cancelled !== undefined || child.error?.failureType === 'testTimeoutFailure';
    sums[child.skipped ? 'skipped' : child.todo ? 'todo' : child.passed ? 'pass' : cancelled ? 'cancelled' : 'fail']++;
  }
  return sums;
}

class Report {
  #isTerminal;
  #colors;

  constructor(isTerminal, hasColors) {
    this.#isTerminal = isTerminal;
    this.#colors = hasColors ? COLORS : NO_COLORS;
  }

  begin() {
    return this.#isTerminal ? '' : 'TAP version 13\n';
  }

  test(test, number) {
    return this.#isTerminal ? spec(test, 0, this.#colors) : tap(test, number, 0);
  }

  end(root, duration) {
    const sums = count(root, { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 });
    const lines = [...root.diagnostics, ...Object.entries({ ...sums, duration_ms: duration }).map((pair) => pair.join(' '))];
    const { note, end } = this.#colors;
    const plan = this.#isTerminal ? '' : `1..${root.children.length}\n`;
    return plan + lines.map((line) => (this.#isTerminal ? `${note}ℹ ${line}${end}\n` : `# ${line}\n`)).join('');
  }
}

module.exports = { Report };

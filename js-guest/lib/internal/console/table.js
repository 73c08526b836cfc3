// console.table: rows and columns drawn with lines. Must not know streams.
'use strict';

const { previewEntries } = internalBinding('util');
const { getStringWidth, inspect } = require('internal/util/inspect');
const { isMap, isMapIterator, isSet, isSetIterator } = require('internal/util/types');

const INDEX = '(index)';
const ITERATION = '(iteration index)';
const KEY = 'Key';
const VALUES = 'Values';

const pad = (cell, width) => ` ${cell}${' '.repeat(width - getStringWidth(cell))} `;

function draw(head, columns) {
  const longest = Math.max(...columns.map((column) => column.length));
  const rows = [];
  for (let i = 0; i < longest; i++) {
    rows.push(columns.map((column) => (Object.hasOwn(column, i) ? column[i] : '')));
  }
  const widths = head.map((title, i) =>
    Math.max(getStringWidth(title), ...rows.map((row) => getStringWidth(row[i]))));
  const line = (left, middle, right) => left + widths.map((width) => '─'.repeat(width + 2)).join(middle) + right;
  const row = (cells) => `│${cells.map((cell, i) => pad(cell, widths[i])).join('│')}│`;
  return [line('┌', '┬', '┐'), row(head), line('├', '┼', '┤'), ...rows.map(row), line('└', '┴', '┘')].join('\n');
}

// The text for a value with rows in it.
function tableOf(data, properties, inspectOptions) {
  const show = (value) => {
    const isWide = value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 2;
    return inspect(value, { maxArrayLength: 3, breakLength: Infinity, ...inspectOptions, depth: isWide ? -1 : 0 });
  };
  const indexes = (length) => Array.from({ length }, (_, i) => show(i));

  let items = data;
  let isPairs = isMap(data);
  if (isMapIterator(data)) [items, isPairs] = previewEntries(data, true);
  if (isPairs) {
    const entries = isMap(data) ? [...data] :
      Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i], items[2 * i + 1]]);
    const keys = entries.map(([key]) => show(key));
    return draw([ITERATION, KEY, VALUES], [indexes(keys.length), keys, entries.map(([, value]) => show(value))]);
  }
  if (isSetIterator(data)) items = previewEntries(data);
  if (isSetIterator(data) || isMapIterator(data) || isSet(data)) {
    const values = [...items].map(show);
    return draw([ITERATION, VALUES], [indexes(values.length), values]);
  }
  return objectTable(data, properties, show);
}

function objectTable(data, properties, show) {
  const columns = { __proto__: null };
  const primitives = [];
  const rowNames = Object.keys(data);
  rowNames.forEach((name, i) => {
    const item = data[name];
    const isPrimitive = item === null || (typeof item !== 'function' && typeof item !== 'object');
    if (isPrimitive && properties === undefined) {
      primitives[i] = show(item);
      return;
    }
    for (const key of properties || Object.keys(item)) {
      columns[key] ??= [];
      columns[key][i] = !isPrimitive && Object.hasOwn(item, key) ? show(item[key]) : '';
    }
  });
  const head = [INDEX, ...Object.keys(columns)];
  const body = [rowNames, ...Object.values(columns)];
  if (primitives.length > 0) {
    head.push(VALUES);
    body.push(primitives);
  }
  return draw(head, body);
}

module.exports = { tableOf };

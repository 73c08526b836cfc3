// The parts of inspect that deal with text alone: quoting, colours, widths, digits, columns. Must not look into objects.
'use strict';

const ESCAPE_SEQUENCES = /[\u001B\u009B][[\]()#;?]*(?:(?:(?:(?:;[-a-zA-Z\d/#&.:=?%@~_]+)*|[a-zA-Z\d]+(?:;[-a-zA-Z\d/#&.:=?%@~_]*)*)?(?:\u0007|\u001B\u005C|\u009C))|(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-ntqry=><~]))/g;
const NEEDS_ESCAPE =
  /[\x00-\x1f\x27\x5c\x7f-\x9f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const NEEDS_ESCAPE_ALL = new RegExp(NEEDS_ESCAPE, 'g');
const SHORT_ESCAPES = {
  '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r', '\'': '\\\'', '\\': '\\\\',
};

function escapeChar(char) {
  const short = SHORT_ESCAPES[char];
  if (short !== undefined) return short;
  const code = char.charCodeAt(0);
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.toUpperCase().padStart(2, '0')}` : `\\u${hex}`;
}

// In quotes of the kind that spares the most escapes.
function quote(text) {
  let mark = '\'';
  if (text.includes('\'')) {
    if (!text.includes('"')) mark = '"';
    else if (!text.includes('`') && !text.includes('${')) mark = '`';
  }
  if (!NEEDS_ESCAPE.test(text)) return mark + text + mark;
  const escaped = text.replace(NEEDS_ESCAPE_ALL, (char) => (char === '\'' && mark !== '\'' ? char : escapeChar(char)));
  return mark + escaped + mark;
}

const escapeControls = (text) => text.replace(/[\x00-\x1f\x27\x5c\x7f-\x9f]/g, escapeChar);

function stripVTControlCharacters(text) {
  return text.replace(ESCAPE_SEQUENCES, '');
}

const isZeroWidth = (code) =>
  code <= 0x1F || (code >= 0x7F && code <= 0x9F) || (code >= 0x300 && code <= 0x36F) ||
  (code >= 0x200B && code <= 0x200F) || (code >= 0x20D0 && code <= 0x20FF) || (code >= 0xFE00 && code <= 0xFE0F) ||
  (code >= 0xFE20 && code <= 0xFE2F) || (code >= 0xE0100 && code <= 0xE01EF);

const isFullWidth = (code) =>
  code >= 0x1100 && (code <= 0x115F || code === 0x2329 || code === 0x232A ||
  (code >= 0x2E80 && code <= 0x3247 && code !== 0x303F) || (code >= 0x3250 && code <= 0x4DBF) ||
  (code >= 0x4E00 && code <= 0xA4C6) || (code >= 0xA960 && code <= 0xA97C) || (code >= 0xAC00 && code <= 0xD7A3) ||
  (code >= 0xF900 && code <= 0xFAFF) || (code >= 0xFE10 && code <= 0xFE19) || (code >= 0xFE30 && code <= 0xFE6B) ||
  (code >= 0xFF01 && code <= 0xFF60) || (code >= 0xFFE0 && code <= 0xFFE6) || (code >= 0x1B000 && code <= 0x1B001) ||
  (code >= 0x1F200 && code <= 0x1F251) || (code >= 0x1F300 && code <= 0x1F64F) || (code >= 0x20000 && code <= 0x3FFFD));

// How many columns of a terminal a string takes.
function getStringWidth(text, removeControlChars = true) {
  if (removeControlChars) text = stripVTControlCharacters(text);
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text.normalize('NFC')) {
    const code = char.codePointAt(0);
    if (isFullWidth(code)) width += 2;
    else if (!isZeroWidth(code)) width += 1;
  }
  return width;
}

const groupDigits = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, '_');

function formatNumber(stylize, number, separator) {
  if (!separator) return stylize(Object.is(number, -0) ? '-0' : `${number}`, 'number');
  const whole = Math.trunc(number);
  const text = String(whole);
  if (whole === number) {
    const plain = Number.isFinite(number) && !text.includes('e');
    return stylize(Object.is(number, -0) ? '-0' : plain ? groupDigits(text) : text, 'number');
  }
  if (Number.isNaN(number)) return stylize(text, 'number');
  const fraction = String(number).slice(text.length + 1).replace(/(\d{3})(?=\d)/g, '$1_');
  return stylize(`${groupDigits(text)}.${fraction}`, 'number');
}

function formatBigInt(stylize, number, separator) {
  return stylize(`${separator ? groupDigits(String(number)) : number}n`, 'bigint');
}

// Items of a long array in columns. Answers the items as they were when columns do not suit them.
function groupArrayElements(ctx, output, value) {
  const hasMore = ctx.maxArrayLength < output.length;
  const count = hasMore ? output.length - 1 : output.length;
  const gap = 2;
  let total = 0;
  let longest = 0;
  const widths = new Array(count);
  for (let i = 0; i < count; i++) {
    widths[i] = getStringWidth(output[i], ctx.colors);
    total += widths[i] + gap;
    if (longest < widths[i]) longest = widths[i];
  }
  const column = longest + gap;
  const suits = column * 3 + ctx.indentationLvl < ctx.breakLength && (total / column > 5 || longest <= 6);
  if (!suits) return output;
  const bias = Math.sqrt(column - total / output.length);
  const biased = Math.max(column - 3 - bias, 1);
  const columns = Math.min(
    // A block about 2.5 times as wide as high looks square.
    Math.round(Math.sqrt(2.5 * biased * count) / biased),
    Math.floor((ctx.breakLength - ctx.indentationLvl) / column),
    ctx.compact * 4,
    15,
  );
  if (columns <= 1) return output;
  return layOut(output, widths, count, columns, gap, padsStart(output, value), hasMore);
}

// Numbers line up on the right, all else on the left.
function padsStart(output, value) {
  if (value === undefined) return true;
  for (let i = 0; i < output.length; i++) {
    if (typeof value[i] !== 'number' && typeof value[i] !== 'bigint') return false;
  }
  return true;
}

function layOut(output, widths, count, columns, gap, atStart, hasMore) {
  const columnWidths = [];
  for (let i = 0; i < columns; i++) {
    let width = 0;
    for (let j = i; j < count; j += columns) {
      if (widths[j] > width) width = widths[j];
    }
    columnWidths.push(width + gap);
  }
  const rows = [];
  for (let i = 0; i < count; i += columns) {
    const last = Math.min(i + columns, count) - 1;
    let row = '';
    for (let j = i; j < last; j++) {
      const cell = `${output[j]}, `;
      const size = columnWidths[j - i] + output[j].length - widths[j];
      row += atStart ? cell.padStart(size) : cell.padEnd(size);
    }
    const size = columnWidths[last - i] + output[last].length - widths[last] - gap;
    rows.push(row + (atStart ? output[last].padStart(size) : output[last]));
  }
  if (hasMore) rows.push(output[count]);
  return rows;
}

function fitsOneLine(ctx, output, start, base) {
  let total = output.length + start;
  if (total + output.length > ctx.breakLength) return false;
  for (let i = 0; i < output.length; i++) {
    total += ctx.colors ? stripVTControlCharacters(output[i]).length : output[i].length;
    if (total > ctx.breakLength) return false;
  }
  return base === '' || !base.includes('\n');
}

// The entries between their braces, on one line where the options let them.
function joinEntries(ctx, output, base, braces, isArray, recurseTimes, value) {
  const pad = ' '.repeat(ctx.indentationLvl);
  if (ctx.compact === true) {
    if (fitsOneLine(ctx, output, 0, base)) {
      return `${braces[0]}${base ? ` ${base}` : ''} ${output.join(', ')} ${braces[1]}`;
    }
    const opening = base === '' && braces[0].length === 1 ? ' ' : `${base ? ` ${base}` : ''}\n${pad}  `;
    return `${braces[0]}${opening}${output.join(`,\n${pad}  `)} ${braces[1]}`;
  }
  const front = base ? `${base} ` : '';
  if (typeof ctx.compact === 'number' && ctx.compact >= 1) {
    const entries = output.length;
    if (isArray && entries > 6) output = groupArrayElements(ctx, output, value);
    if (ctx.currentDepth - recurseTimes < ctx.compact && entries === output.length) {
      const start = output.length + ctx.indentationLvl + braces[0].length + base.length + 10;
      if (fitsOneLine(ctx, output, start, base)) {
        const joined = output.join(', ');
        if (!joined.includes('\n')) return `${front}${braces[0]} ${joined} ${braces[1]}`;
      }
    }
  }
  return `${front}${braces[0]}\n${pad}  ${joinLong(output, `,\n${pad}  `)}\n${pad}${braces[1]}`;
}

// Long texts stay in pieces that the engine knows of: joined anew at each level, a deep value would be copied as often.
const LONG = 4096;

function joinLong(output, separator) {
  let length = 0;
  for (const entry of output) length += entry.length;
  if (length < LONG) return output.join(separator);
  let text = output[0];
  for (let i = 1; i < output.length; i++) text += separator + output[i];
  return text;
}

module.exports = {
  escapeControls,
  formatBigInt,
  formatNumber,
  getStringWidth,
  groupArrayElements,
  joinEntries,
  quote,
  stripVTControlCharacters,
};

// The line of source that an error comes from, with a caret below its column, as it is printed above an uncaught error and
// stands in the stack of a syntax error. Must not know who prints it.
'use strict';

const native = internalBinding('modules');
const fs = internalBinding('fs');

const LONGEST_LINE = 2000;

const toPath = (file) => (file.startsWith('file://') ? decodeURIComponent(file.slice(7)) : file);

// `text` is the source when it is known, `first` the number of its first line.
function excerptAt([file, line, column], text, first = 1) {
  if (file.startsWith('eval at ')) return '';
  if (text === undefined && /^(file:\/\/)?\//.test(file)) text = fs.read(toPath(file), true);
  const head = `${file}:${line}\n`;
  if (typeof text !== 'string') return head;
  const source = lineOf(text, line - first);
  if (source === undefined || source.length > LONGEST_LINE) return head;
  const token = /^(?:[\w$]+|["'`])/.exec(source.slice(column - 1));
  const carets = text === undefined || first === undefined ? '^' : '^'.repeat(Math.max(1, token?.[0].length ?? 1));
  return `${head}${source}\n${source.slice(0, column - 1).replace(/[^\t]/g, ' ')}${carets}\n`;
}

function lineOf(text, index) {
  let at = 0;
  for (; index > 0; index--) {
    at = text.indexOf('\n', at) + 1;
    if (at === 0) return undefined;
  }
  const end = text.indexOf('\n', at);
  return text.slice(at, end < 0 ? undefined : end).replace(/\r$/, '');
}

// Where an uncaught value comes from: its throw, if that was the last one, or the first frame of its stack.
function placeOf(error) {
  const thrown = native.throwPlace(error);
  if (thrown !== undefined && !thrown[0].startsWith('node:')) return thrown;
  const stack = error !== null && typeof error === 'object' ? error.stack : undefined;
  if (typeof stack !== 'string') return undefined;
  const at = stack.search(/^ {4}at /m);
  const end = stack.indexOf('\n', at);
  const frame = at < 0 ? '' : stack.slice(at, end < 0 ? undefined : end);
  const found = /^ {4}at (?:.*\()?((?:file:\/\/)?\/[^\n]*?):(\d+):(\d+)\)?$/.exec(frame);
  return found === null ? undefined : [found[1], Number(found[2]), Number(found[3])];
}

const decorated = new WeakSet();

// A syntax error's stack opens with its place.
function decorate(error, text, first) {
  const place = native.errorPlace(error);
  if (place === undefined) return;
  const excerpt = excerptAt(place, text, first);
  if (excerpt === '') return;
  decorated.add(error);
  error.stack = `${excerpt}\n${error.stack}`;
}

// What is printed above an uncaught error; nothing for one whose stack says it already.
function excerptOf(error) {
  if (error !== null && typeof error === 'object' && decorated.has(error)) return '';
  const place = placeOf(error);
  if (place === undefined) return '';
  return excerptAt(place).replace(/\^+\n$/, '^\n');
}

native.setDecorate(decorate);

module.exports = { excerptOf, isDecorated: (error) => decorated.has(error) };

// The source text of a failed assert(...) call, for its message: found from the stack, read from the file. Answers
// undefined whenever anything is in doubt; must not throw.
'use strict';

const CLOSERS = { '(': ')', '[': ']', '{': '}' };

// Where a bracket that opens at `start` closes, strings and templates skipped; -1 when it does not.
function closingOf(text, start) {
  const open = [];
  for (let i = start; i < text.length; i++) {
    const char = text[i];
    if (char === '\'' || char === '"' || char === '`') {
      for (i++; i < text.length && text[i] !== char; i++) {
        if (text[i] === '\\') i++;
      }
    } else if (CLOSERS[char] !== undefined) {
      open.push(CLOSERS[char]);
    } else if (char === open[open.length - 1]) {
      open.pop();
      if (open.length === 0) return i;
    }
  }
  return -1;
}

function sourceOf(file) {
  if (!/^\//.test(file)) return undefined;
  const text = internalBinding('fs').read(file, true);
  return typeof text === 'string' ? text : undefined;
}

function indentless(code, column) {
  const lines = code.split('\n');
  return lines.map((line, i) => {
    if (i === 0) return line;
    const spaces = line.length - line.trimStart().length;
    return line.slice(Math.min(spaces, column));
  }).join('\n  ');
}

function expressionAt(stack) {
  try {
    const frame = /^ {4}at .*?\(?(\/[^():]+):(\d+):(\d+)\)?$/m.exec(stack);
    if (frame === null) return undefined;
    const [, file, line, column] = frame;
    const text = sourceOf(file);
    if (text === undefined) return undefined;
    const lines = text.split('\n');
    const row = lines[line - 1];
    // The engine points at or into the call; it begins with its name.
    const names = [...row.matchAll(/[\p{ID_Continue}$]+(?:\.[\p{ID_Continue}$]+)*\s*\(/gu)].filter(({ index }) => index < column);
    const call = names.reverse().find(({ 0: name }) => /^(?:assert|ok|a|strict)\b|\.ok\s*\(/.test(name));
    if (call === undefined) return undefined;
    const rest = lines.slice(line - 1).join('\n');
    const end = closingOf(rest, call.index + call[0].length - 1);
    if (end === -1) return undefined;
    return indentless(rest.slice(call.index, end + 1), call.index);
  } catch {
    return undefined;
  }
}

module.exports = { expressionAt };

// The editor of one line in a terminal: what each key does to the text, the cursor, the kill ring, undo and history. Its
// functions are methods of Interface's, under its symbols. Must not know where lines go.
'use strict';

const { charLengthAt, charLengthLeft, commonPrefix, reversed } = require('internal/readline/text');
const { clearScreenDown, cursorTo, moveCursor } = require('internal/readline/callbacks');
const { getStringWidth, inspect, stripVTControlCharacters } = require('internal/util/inspect');

const MOST_KILLED = 32;
const MOST_UNDO = 2048;

const lineEnding = /\r?\n|\r(?!\n)|\u2028|\u2029/g;

class LineEditor {
  constructor(rl) {
    this.rl = rl;
    this.undoStack = [];
    this.redoStack = [];
    this.killRing = [];
    this.killCursor = 0;
    this.yanking = false;
    this.search = null; // what was typed before the arrows began to look through history
    this.previousKey = null;
    this.sawReturnAt = 0;
  }

  // ---- Text ----

  remember(text = this.rl.line, cursor = this.rl.cursor) {
    this.redoStack = [];
    if (this.undoStack.push({ text, cursor }) > MOST_UNDO) this.undoStack.shift();
  }

  set(text, cursor) {
    this.rl.line = text;
    this.rl.cursor = cursor;
    this.refresh();
  }

  insert(text) {
    const { rl } = this;
    this.remember();
    if (rl.cursor < rl.line.length) {
      this.set(rl.line.slice(0, rl.cursor) + text + rl.line.slice(rl.cursor), rl.cursor + text.length);
      return;
    }
    const before = this.cursorPos();
    rl.line += text;
    rl.cursor += text.length;
    if (before.rows < this.cursorPos().rows) this.refresh();
    else this.write(text);
  }

  // From the cursor back by `count` characters, or on.
  remove(back, on) {
    const { rl } = this, { line, cursor } = rl;
    if (back === 0 && on === 0) return;
    this.remember();
    this.set(line.slice(0, cursor - back) + line.slice(cursor + on), cursor - back);
  }

  deleteLeft() {
    const { line, cursor } = this.rl;
    if (cursor > 0 && line.length > 0) this.remove(charLengthLeft(line, cursor), 0);
  }

  deleteRight() {
    const { line, cursor } = this.rl;
    if (cursor < line.length) this.remove(0, charLengthAt(line, cursor));
  }

  wordBefore() {
    return /^\s*(?:[^\w\s]+|\w+)?/.exec(reversed(this.rl.line.slice(0, this.rl.cursor)))[0].length;
  }

  deleteWordLeft() {
    if (this.rl.cursor > 0) this.remove(this.wordBefore(), 0);
  }

  deleteWordRight() {
    const { line, cursor } = this.rl;
    if (cursor < line.length) this.remove(0, /^(?:\s+|\W+|\w+)\s*/.exec(line.slice(cursor))[0].length);
  }

  wordLeft() {
    if (this.rl.cursor > 0) this.move(-this.wordBefore());
  }

  wordRight() {
    const { line, cursor } = this.rl;
    if (cursor < line.length) this.move(/^(?:\s+|[^\w\s]+|\w+)\s*/.exec(line.slice(cursor))[0].length);
  }

  // ---- Kill ring ----

  kill(text) {
    if (!text || text === this.killRing[0]) return;
    this.killRing.unshift(text);
    this.killCursor = 0;
    if (this.killRing.length > MOST_KILLED) this.killRing.pop();
  }

  deleteLineLeft() {
    const { line, cursor } = this.rl;
    this.remember();
    this.kill(line.slice(0, cursor));
    this.set(line.slice(cursor), 0);
  }

  deleteLineRight() {
    const { line, cursor } = this.rl;
    this.remember();
    this.kill(line.slice(cursor));
    this.set(line.slice(0, cursor), cursor);
  }

  yank() {
    if (this.killRing.length === 0) return;
    this.yanking = true;
    this.insert(this.killRing[this.killCursor]);
  }

  yankPop() {
    if (!this.yanking || this.killRing.length <= 1) return;
    const { line, cursor } = this.rl;
    const last = this.killRing[this.killCursor];
    this.killCursor = (this.killCursor + 1) % this.killRing.length;
    const head = line.slice(0, cursor - last.length) + this.killRing[this.killCursor];
    this.set(head + line.slice(cursor), head.length);
  }

  // ---- Undo ----

  swap(from, to) {
    if (from.length === 0) return;
    to.push({ text: this.rl.line, cursor: this.rl.cursor });
    const { text, cursor } = from.pop();
    this.set(text, cursor);
  }

  undo() { this.swap(this.undoStack, this.redoStack); }

  redo() { this.swap(this.redoStack, this.undoStack); }

  // ---- History ----

  historyNext() {
    const { rl } = this;
    if (rl.historyIndex < 0) return;
    this.remember();
    const search = this.search || '';
    let index = rl.historyIndex - 1;
    while (index >= 0 && (!rl.history[index].startsWith(search) || rl.line === rl.history[index])) index--;
    this.show(index, index === -1 ? search : rl.history[index]);
  }

  historyPrev() {
    const { rl } = this;
    if (rl.historyIndex >= rl.history.length || rl.history.length === 0) return;
    this.remember();
    const search = this.search || '';
    let index = rl.historyIndex + 1;
    while (index < rl.history.length && (!rl.history[index].startsWith(search) || rl.line === rl.history[index])) index++;
    this.show(index, index === rl.history.length ? search : rl.history[index]);
  }

  show(index, text) {
    this.rl.historyIndex = index;
    this.set(text, text.length);
  }

  addHistory() {
    const { rl } = this;
    if (rl.line.length === 0) return '';
    if (!rl.history || rl.historySize === 0 || rl.line.trim().length === 0) return rl.line;
    if (rl.history.length === 0 || rl.history[0] !== rl.line) {
      if (rl.removeHistoryDuplicates) {
        const known = rl.history.indexOf(rl.line);
        if (known !== -1) rl.history.splice(known, 1);
      }
      rl.history.unshift(rl.line);
      if (rl.history.length > rl.historySize) rl.history.pop();
    }
    rl.historyIndex = -1;
    const line = rl.history[0];
    rl.emit('history', rl.history);
    return line;
  }

  // ---- Completion ----

  // `last`: tab was the key before as well.
  complete(last, [completions, completeOn]) {
    if (!completions || completions.length === 0) return;
    const { rl } = this;
    const prefix = commonPrefix(completions.filter((entry) => entry !== ''));
    if (prefix.startsWith(completeOn) && prefix.length > completeOn.length) {
      this.insert(prefix.slice(completeOn.length));
    } else if (!completeOn.startsWith(prefix)) {
      const head = rl.line.slice(0, rl.cursor - completeOn.length) + prefix;
      this.set(head + rl.line.slice(rl.cursor), head.length);
    } else if (last) {
      this.remember();
      this.write(this.table(completions));
      this.refresh();
    }
  }

  table(completions) {
    const widths = completions.map((entry) => getStringWidth(entry));
    const width = Math.max(...widths) + 2;
    let most = Math.floor(this.rl.columns / width) || 1;
    if (most === Infinity) most = 1;
    let output = '\r\n', column = 0, gap = 0;
    completions.forEach((entry, i) => {
      if (entry === '' || column === most) {
        output += '\r\n';
        column = gap = 0;
      } else {
        output += ' '.repeat(gap);
      }
      if (entry === '') {
        output += '\r\n';
        return;
      }
      output += entry;
      gap = width - widths[i];
      column++;
    });
    return column === 0 ? output : `${output}\r\n\r\n`;
  }

  completionFailed(error) { this.write(`Tab completion error: ${inspect(error)}`); }

  // ---- The screen ----

  write(text) { this.rl._writeToOutput(text); }

  displayPos(text) {
    const width = this.rl.columns;
    let offset = 0, rows = 0;
    for (const character of stripVTControlCharacters(text)) {
      if (character === '\n') {
        rows += Math.ceil(offset / width) || 1;
        offset = 0;
      } else if (character === '\t') {
        offset += this.rl.tabSize - (offset % this.rl.tabSize);
      } else {
        const cells = getStringWidth(character, false);
        if (cells === 2 && (offset + 1) % width === 0) offset++; // it does not fit into the last column
        offset += cells;
      }
    }
    const cols = offset % width;
    return { cols, rows: rows + (offset - cols) / width };
  }

  cursorPos() { return this.displayPos(this.rl.getPrompt() + this.rl.line.slice(0, this.rl.cursor)); }

  refresh() {
    const { rl } = this;
    const text = rl.getPrompt() + rl.line;
    const end = this.displayPos(text), cursor = this.cursorPos();
    const above = rl.prevRows || 0;
    if (above > 0) moveCursor(rl.output, 0, -above);
    cursorTo(rl.output, 0);
    clearScreenDown(rl.output);
    this.write(text);
    if (end.cols === 0) this.write(' '); // has the terminal make the new row
    cursorTo(rl.output, cursor.cols);
    const below = end.rows - cursor.rows;
    if (below > 0) moveCursor(rl.output, 0, -below);
    rl.prevRows = cursor.rows;
  }

  move(by) {
    if (by === 0) return;
    const { rl } = this;
    const before = this.cursorPos();
    rl.cursor = Math.min(Math.max(rl.cursor + by, 0), rl.line.length);
    const after = this.cursorPos();
    if (before.rows === after.rows) moveCursor(rl.output, after.cols - before.cols, 0);
    else this.refresh();
  }

  // ---- A line is done ----

  clear() {
    this.move(Infinity);
    this.write('\r\n');
    this.rl.line = '';
    this.rl.cursor = 0;
    this.rl.prevRows = 0;
  }

  finish() {
    const line = this.addHistory();
    this.undoStack = [];
    this.redoStack = [];
    this.clear();
    this.rl._onLine(line);
  }

  // What is typed or pasted: every line ending in it finishes a line.
  type(text) {
    const lines = text.split(lineEnding); // at once: a listener may type, too
    const rest = lines.pop();
    for (const line of lines) {
      this.insert(line);
      this.finish();
    }
    if (rest !== '' || lines.length === 0) this.insert(rest);
  }
}

module.exports = { LineEditor, lineEnding };

// readline.Interface: lines out of a stream, a question at a time, in a terminal through an editor. The callback form and the
// promise form are built on it. Must not know keys.
'use strict';

const EventEmitter = require('events');
const { StringDecoder } = require('string_decoder');
const { LineEditor, lineEnding } = require('internal/readline/edit');
const { press } = require('internal/readline/bindings');
const { emitKeypressEvents } = require('internal/readline/keys');
const {
  validateAbortSignal, validateArray, validateNumber, validateString, validateUint32,
} = require('internal/validators');
const { codes: { ERR_INVALID_ARG_VALUE, ERR_USE_AFTER_CLOSE } } = require('internal/errors');

const HISTORY = 30;
const LEAST_CRLF_DELAY = 100;
const LINES_AHEAD = 1024; // of the iterator, before the input is paused

const kEdit = Symbol('kEdit');
const kPrompt = Symbol('kPrompt');
const kOldPrompt = Symbol('kOldPrompt');
const kCallback = Symbol('kQuestionCallback');
const kBuffer = Symbol('kLineBuffer');
const kDecoder = Symbol('kDecoder');
const kLines = Symbol('kLineObjectStream');

// The arguments, as an object of options or in the old order.
function settingsOf(input, output, completer, terminal) {
  const settings = { input, output, completer, terminal };
  if (!input?.input) return settings;
  const given = input;
  for (const name of ['input', 'output', 'completer', 'terminal', 'history', 'historySize', 'signal', 'removeHistoryDuplicates',
    'crlfDelay', 'prompt', 'tabSize', 'escapeCodeTimeout']) settings[name] = given[name];
  if (settings.signal) validateAbortSignal(settings.signal, 'options.signal');
  if (settings.tabSize !== undefined) validateUint32(settings.tabSize, 'tabSize', true);
  if (settings.escapeCodeTimeout !== undefined && !Number.isFinite(settings.escapeCodeTimeout)) {
    throw new ERR_INVALID_ARG_VALUE('input.escapeCodeTimeout', settings.escapeCodeTimeout);
  }
  return settings;
}

function checkSettings(settings) {
  const { completer, history, historySize, output } = settings;
  if (completer !== undefined && typeof completer !== 'function') throw new ERR_INVALID_ARG_VALUE('completer', completer);
  if (history === undefined) settings.history = [];
  else validateArray(history, 'history');
  if (historySize === undefined) settings.historySize = HISTORY;
  validateNumber(settings.historySize, 'historySize', 0);
  if (settings.terminal === undefined && !(output === null || output === undefined)) settings.terminal = Boolean(output.isTTY);
}

function Interface(input, output, completer, terminal) {
  const settings = settingsOf(input, output, completer, terminal);
  this.isCompletionEnabled = true;
  this.escapeCodeTimeout = settings.escapeCodeTimeout ?? 500;
  this.tabSize = settings.tabSize ?? 8;
  Reflect.apply(EventEmitter, this, []);
  checkSettings(settings);
  this.line = '';
  this.output = settings.output;
  this.input = settings.input;
  this.history = settings.history;
  this.historySize = settings.historySize;
  this.removeHistoryDuplicates = Boolean(settings.removeHistoryDuplicates);
  this.crlfDelay = settings.crlfDelay ? Math.max(LEAST_CRLF_DELAY, settings.crlfDelay) : LEAST_CRLF_DELAY;
  this.completer = settings.completer;
  this.terminal = Boolean(settings.terminal);
  this[kEdit] = new LineEditor(this);
  this[kCallback] = null;
  this[kBuffer] = null;
  this.setPrompt(settings.prompt ?? '> ');
  listen(this);
  if (settings.signal) watchSignal(this, settings.signal);
  this.input.resume();
}
Object.setPrototypeOf(Interface.prototype, EventEmitter.prototype);
Object.setPrototypeOf(Interface, EventEmitter);

// ---- What it listens to, until it is closed ----

function listen(rl) {
  const { input, output, terminal } = rl;
  const pairs = [[input, 'error', (error) => rl.emit('error', error)]];
  if (terminal) {
    emitKeypressEvents(input, rl);
    pairs.push([input, 'keypress', (text, key) => onKeypress(rl, text, key)], [input, 'end', () => endWith(rl, rl.line)]);
    rl._setRawMode(true);
    rl.cursor = 0;
    rl.historyIndex = -1;
    if (output !== null && output !== undefined) pairs.push([output, 'resize', () => rl._refreshLine()]);
  } else {
    rl[kDecoder] = new StringDecoder('utf8');
    pairs.push([input, 'data', (data) => rl._normalWrite(data)], [input, 'end', () => endWith(rl, rl[kBuffer])]);
  }
  for (const [emitter, name, listener] of pairs) emitter.on(name, listener);
  rl.once('close', () => {
    for (const [emitter, name, listener] of pairs) emitter.removeListener(name, listener);
  });
}

function onKeypress(rl, text, key) {
  rl._ttyWrite(text, key);
  // Half of a pair is nothing that could be shown: the line is drawn anew with the whole.
  const first = key?.sequence ? key.sequence.codePointAt(0) : 0;
  if (first >= 0xd800 && first <= 0xdfff) rl._refreshLine();
}

// What stands in the line when the input ends is a line.
function endWith(rl, rest) {
  if (typeof rest === 'string' && rest.length > 0) rl.emit('line', rest);
  rl.close();
}

function watchSignal(rl, signal) {
  const onAborted = () => rl.close();
  if (signal.aborted) {
    process.nextTick(onAborted);
    return;
  }
  signal.addEventListener('abort', onAborted, { once: true });
  rl.once('close', () => signal.removeEventListener('abort', onAborted));
}

// ---- Methods; those with an underscore are what Node's had before they became private ----

const methods = {
  getPrompt() { return this[kPrompt]; },

  setPrompt(prompt) { this[kPrompt] = prompt; },

  _setRawMode(mode) {
    const before = this.input.isRaw;
    if (typeof this.input.setRawMode === 'function') this.input.setRawMode(mode);
    return before;
  },

  prompt(preserveCursor) {
    if (this.paused) this.resume();
    if (this.terminal && process.env.TERM !== 'dumb') {
      if (!preserveCursor) this.cursor = 0;
      this._refreshLine();
    } else {
      this._writeToOutput(this[kPrompt]);
    }
  },

  _question(query, callback) {
    if (this.closed) throw new ERR_USE_AFTER_CLOSE('readline');
    if (this[kCallback]) {
      this.prompt();
      return;
    }
    this[kOldPrompt] = this[kPrompt];
    this.setPrompt(query);
    this[kCallback] = callback;
    this.prompt();
  },

  _questionCancel() {
    if (!this[kCallback]) return;
    this[kCallback] = null;
    this.setPrompt(this[kOldPrompt]);
    this.clearLine();
  },

  _onLine(line) {
    const callback = this[kCallback];
    if (!callback) {
      this.emit('line', line);
      return;
    }
    this[kCallback] = null;
    this.setPrompt(this[kOldPrompt]);
    callback(line);
  },

  _writeToOutput(text) {
    validateString(text, 'stringToWrite');
    if (this.output !== null && this.output !== undefined) this.output.write(text);
  },

  _refreshLine() { this[kEdit].refresh(); },

  _addHistory() { return this[kEdit].addHistory(); },

  close() {
    if (this.closed) return;
    this.pause();
    if (this.terminal) this._setRawMode(false);
    this.closed = true;
    this.emit('close');
  },

  pause() {
    if (this.paused) return undefined;
    this.input.pause();
    this.paused = true;
    this.emit('pause');
    return this;
  },

  resume() {
    if (!this.paused) return undefined;
    this.input.resume();
    this.paused = false;
    this.emit('resume');
    return this;
  },

  write(data, key) {
    if (this.paused) this.resume();
    if (this.terminal) this._ttyWrite(data, key);
    else this._normalWrite(data);
  },

  _normalWrite(data) {
    if (data === undefined) return;
    const edit = this[kEdit];
    let text = this[kDecoder].write(data);
    if (edit.sawReturnAt && Date.now() - edit.sawReturnAt <= this.crlfDelay) {
      if (text.charCodeAt(0) === 10) text = text.slice(1);
      edit.sawReturnAt = 0;
    }
    lineEnding.lastIndex = 0;
    if (!lineEnding.test(text)) {
      if (text) this[kBuffer] = (this[kBuffer] ?? '') + text;
      return;
    }
    edit.sawReturnAt = text.endsWith('\r') ? Date.now() : 0;
    const lines = ((this[kBuffer] ?? '') + text).split(lineEnding);
    // A listener may write to us: what is left is in its place before the first hears of a line.
    this[kBuffer] = lines.pop();
    for (const line of lines) this._onLine(line);
  },

  _insertString(text) { this[kEdit].insert(text); },

  async _tabComplete(last) {
    this.pause();
    let value;
    try {
      value = await this.completer(this.line.slice(0, this.cursor));
    } catch (error) {
      this[kEdit].completionFailed(error);
      return;
    } finally {
      this.resume();
    }
    this._tabCompleter(last, value);
  },

  _tabCompleter(last, value) { this[kEdit].complete(last, value); },

  _completionFailed(error) { this[kEdit].completionFailed(error); },

  clearLine() { this[kEdit].clear(); },

  _getDisplayPos(text) { return this[kEdit].displayPos(text); },

  getCursorPos() { return this[kEdit].cursorPos(); },

  _moveCursor(by) { this[kEdit].move(by); },

  _ttyWrite(text, key) { press(this[kEdit], text, key); },

  [Symbol.asyncIterator]() {
    this[kLines] ??= linesOf(this);
    return this[kLines];
  },
};
for (const [action, method] of Object.entries({
  _deleteLeft: 'deleteLeft', _deleteRight: 'deleteRight', _deleteWordLeft: 'deleteWordLeft', _deleteWordRight: 'deleteWordRight',
  _deleteLineLeft: 'deleteLineLeft', _deleteLineRight: 'deleteLineRight', _wordLeft: 'wordLeft', _wordRight: 'wordRight',
  _historyNext: 'historyNext', _historyPrev: 'historyPrev', _line: 'finish',
})) methods[action] = function() { this[kEdit][method](); };

for (const name of Reflect.ownKeys(methods)) {
  Object.defineProperty(Interface.prototype, name, { value: methods[name], writable: true, configurable: true, enumerable: false });
}

Object.defineProperty(Interface.prototype, 'columns', {
  configurable: true,
  enumerable: true,
  get() { return this.output?.columns || Infinity; },
});

const kWatermark = Symbol.for('nodejs.watermarkData');
const firstOf = ({ done, value }) => ({ done, value: done ? undefined : value[0] });

function linesOf(rl) {
  const events = EventEmitter.on(rl, 'line', { close: ['close'], highWaterMark: LINES_AHEAD });
  return {
    __proto__: Object.getPrototypeOf(events),
    next: () => events.next().then(firstOf),
    return: () => events.return(),
    throw: (error) => events.throw(error),
    [Symbol.asyncIterator]() { return this; },
    [kWatermark]: events[kWatermark],
  };
}

module.exports = { Interface };

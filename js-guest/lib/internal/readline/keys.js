// What a terminal sends, as keys: a machine that is fed characters and emits 'keypress'. Must not know lines.
'use strict';

const { StringDecoder } = require('string_decoder');
const { charLengthAt } = require('internal/readline/text');

const ESCAPE = '\x1b';
const kDecoder = Symbol('keypress-decoder');
const kKeys = Symbol('escape-decoder');

// What follows ESC [ or ESC O, without the digits of its modifier: the name, and s(hift) or c(trl) that it implies. xterm,
// gnome, rxvt, putty, Cygwin and the Linux console.
const CODES = new Map();
function codes(name, list, implied = '') {
  for (const code of list.split(' ')) CODES.set(code, [name, implied]);
}
'[P OP [11~ [[A'.split(' ').forEach((code) => CODES.set(code, ['f1', '']));
codes('f2', '[Q OQ [12~ [[B');
codes('f3', '[R OR [13~ [[C');
codes('f4', '[S OS [14~ [[D');
codes('f5', '[15~ [[E');
[17, 18, 19, 20, 21, 23, 24].forEach((number, i) => codes(`f${i + 6}`, `[${number}~`));
codes('up', '[A OA');
codes('down', '[B OB');
codes('right', '[C OC');
codes('left', '[D OD');
codes('clear', '[E OE');
codes('end', '[F OF [4~ [8~');
codes('home', '[H OH [1~ [7~');
codes('insert', '[2~');
codes('delete', '[3~');
codes('pageup', '[5~ [[5~');
codes('pagedown', '[6~ [[6~');
codes('paste-start', '[200~');
codes('paste-end', '[201~');
codes('up', '[a', 's');
codes('down', '[b', 's');
codes('right', '[c', 's');
codes('left', '[d', 's');
codes('clear', '[e', 's');
codes('insert', '[2$', 's');
codes('delete', '[3$', 's');
codes('pageup', '[5$', 's');
codes('pagedown', '[6$', 's');
codes('home', '[7$', 's');
codes('end', '[8$', 's');
codes('up', 'Oa', 'c');
codes('down', 'Ob', 'c');
codes('right', 'Oc', 'c');
codes('left', 'Od', 'c');
codes('clear', 'Oe', 'c');
codes('insert', '[2^', 'c');
codes('delete', '[3^', 'c');
codes('pageup', '[5^', 'c');
codes('pagedown', '[6^', 'c');
codes('home', '[7^', 'c');
codes('end', '[8^', 'c');
codes('tab', '[Z', 's');

function useModifier(key, modifier) {
  key.ctrl = Boolean(modifier & 4);
  key.meta = Boolean(modifier & 10);
  key.shift = Boolean(modifier & 1);
}

function useCode(key, code) {
  key.code = code;
  const known = CODES.get(code);
  if (known === undefined) {
    key.name = 'undefined';
    return;
  }
  key.name = known[0];
  if (known[1] === 's') key.shift = true;
  else if (known[1] === 'c') key.ctrl = true;
}

const isDigit = (character) => character >= '0' && character <= '9';

// ESC O letter, or ESC O modifier letter.
function* singleShift(key) {
  let character = yield, modifier = 0;
  key.sequence += character;
  if (isDigit(character)) {
    modifier = (character >> 0) - 1;
    character = yield;
    key.sequence += character;
  }
  useModifier(key, modifier);
  useCode(key, `O${character}`);
}

// ESC [ letter, ESC [ number ; modifier letter, ESC [ [ letter and their kin.
function* controlSequence(key) {
  let character = yield, code = '[';
  key.sequence += character;
  if (character === '[') {
    code += character;
    character = yield;
    key.sequence += character;
  }
  // Up to three digits, then perhaps a modifier, then what ends it.
  const start = key.sequence.length - 1;
  if (isDigit(character)) {
    for (let i = 0; i < 2 && isDigit(character); i++) key.sequence += character = yield;
    if (isDigit(character)) key.sequence += character = yield;
  }
  if (character === ';') {
    key.sequence += character = yield;
    if (isDigit(character)) key.sequence += yield;
  }
  const rest = key.sequence.slice(start);
  let match;
  let modifier = 0;
  if ((match = /^(?:(\d\d?)(?:;(\d))?([~^$])|(\d{3}~))$/.exec(rest))) {
    code += match[4] ?? match[1] + match[3];
    modifier = (match[2] ?? 1) - 1;
  } else if ((match = /^((\d;)?(\d))?([A-Za-z])$/.exec(rest))) {
    code += match[4];
    modifier = (match[3] ?? 1) - 1;
  } else {
    code += rest;
  }
  useModifier(key, modifier);
  useCode(key, code);
}

function plainKey(key, character, escaped) {
  const control = character.charCodeAt(0);
  if (character === '\r') key.name = 'return', key.meta = escaped;
  else if (character === '\n') key.name = 'enter', key.meta = escaped;
  else if (character === '\t') key.name = 'tab', key.meta = escaped;
  else if (character === '\b' || character === '\x7f') key.name = 'backspace', key.meta = escaped;
  else if (character === ESCAPE) key.name = 'escape', key.meta = escaped;
  else if (character === ' ') key.name = 'space', key.meta = escaped;
  else if (!escaped && control <= 0x1a) key.name = String.fromCharCode(control + 96), key.ctrl = true;
  else if (/^[0-9A-Za-z]$/.test(character)) {
    key.name = character.toLowerCase();
    key.shift = /^[A-Z]$/.test(character);
    key.meta = escaped;
  } else if (escaped) {
    // Meta and a character of no name.
    key.name = character.length ? undefined : 'escape';
    key.meta = true;
  }
}

function* emitKeys(stream) {
  for (;;) {
    let character = yield, escaped = false;
    const key = { sequence: character, name: undefined, ctrl: false, meta: false, shift: false };
    if (character === ESCAPE) {
      escaped = true;
      key.sequence += character = yield;
      if (character === ESCAPE) key.sequence += character = yield;
    }
    const sequence = escaped && (character === 'O' || character === '[');
    if (sequence) yield* (character === 'O' ? singleShift(key) : controlSequence(key));
    else plainKey(key, character, escaped);
    const text = key.sequence;
    if (text.length !== 0 && (key.name !== undefined || escaped)) stream.emit('keypress', escaped ? undefined : text, key);
    else if (charLengthAt(text, 0) === text.length) stream.emit('keypress', text, key); // one character, or half of a pair
  }
}

// What is pasted completes nothing: only the last character of what came at once may.
function feed(stream, text, iface, triggerEscape, delay) {
  let length = 0, timer;
  for (const character of text) {
    length += character.length;
    iface.isCompletionEnabled = length === text.length;
    try {
      stream[kKeys].next(character);
      // An escape at the end may be a key or the beginning of one.
      if (length === text.length && character === ESCAPE) timer = setTimeout(triggerEscape, delay);
    } catch (error) {
      // A listener threw, and with it the generator ended.
      stream[kKeys] = emitKeys(stream);
      stream[kKeys].next();
      throw error;
    }
  }
  return timer;
}

// `iface` is told through its isCompletionEnabled.
function emitKeypressEvents(stream, iface = {}) {
  if (stream[kDecoder]) return;
  stream[kDecoder] = new StringDecoder('utf8');
  stream[kKeys] = emitKeys(stream);
  stream[kKeys].next();
  const triggerEscape = () => stream[kKeys].next('');
  const { escapeCodeTimeout = 500 } = iface;
  let timer;

  function onNewListener(event) {
    if (event !== 'keypress') return;
    stream.on('data', onData);
    stream.removeListener('newListener', onNewListener);
  }

  function onData(input) {
    if (stream.listenerCount('keypress') === 0) { // nobody looks
      stream.removeListener('data', onData);
      stream.on('newListener', onNewListener);
      return;
    }
    const text = stream[kDecoder].write(input);
    if (!text) return;
    clearTimeout(timer);
    timer = feed(stream, text, iface, triggerEscape, escapeCodeTimeout);
  }

  if (stream.listenerCount('keypress') > 0) stream.on('data', onData);
  else stream.on('newListener', onNewListener);
}

module.exports = { emitKeypressEvents };

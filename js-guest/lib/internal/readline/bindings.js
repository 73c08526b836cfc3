// Which key does what in a line. Must not know how it is done.
'use strict';

const { charLengthAt, charLengthLeft } = require('internal/readline/text');
const { clearScreenDown, cursorTo } = require('internal/readline/callbacks');

const left = (edit) => edit.move(-charLengthLeft(edit.rl.line, edit.rl.cursor));
const right = (edit) => edit.move(charLengthAt(edit.rl.line, edit.rl.cursor));

function suspend({ rl }) {
  if (process.platform === 'win32') return;
  if (rl.listenerCount('SIGTSTP') > 0) {
    rl.emit('SIGTSTP');
    return;
  }
  process.once('SIGCONT', () => {
    if (rl.paused) return;
    rl.pause();
    rl.emit('SIGCONT');
    rl._setRawMode(true);
    rl._refreshLine();
  });
  rl._setRawMode(false);
  process.kill(process.pid, 'SIGTSTP');
}

const CTRL = {
  c({ rl }) {
    if (rl.listenerCount('SIGINT') > 0) rl.emit('SIGINT');
    else rl.close();
  },
  h: (edit) => edit.deleteLeft(),
  d(edit) {
    const { rl } = edit;
    if (rl.cursor === 0 && rl.line.length === 0) rl.close();
    else if (rl.cursor < rl.line.length) edit.deleteRight();
  },
  u: (edit) => edit.deleteLineLeft(),
  k: (edit) => edit.deleteLineRight(),
  a: (edit) => edit.move(-Infinity),
  e: (edit) => edit.move(Infinity),
  b: left,
  f: right,
  l(edit) {
    cursorTo(edit.rl.output, 0, 0);
    clearScreenDown(edit.rl.output);
    edit.refresh();
  },
  n: (edit) => edit.historyNext(),
  p: (edit) => edit.historyPrev(),
  y: (edit) => edit.yank(),
  z: suspend,
  w: (edit) => edit.deleteWordLeft(),
  backspace: (edit) => edit.deleteWordLeft(),
  delete: (edit) => edit.deleteWordRight(),
  left: (edit) => edit.wordLeft(),
  right: (edit) => edit.wordRight(),
};

const META = {
  b: (edit) => edit.wordLeft(),
  f: (edit) => edit.wordRight(),
  d: (edit) => edit.deleteWordRight(),
  delete: (edit) => edit.deleteWordRight(),
  backspace: (edit) => edit.deleteWordLeft(),
  y: (edit) => edit.yankPop(),
};

const CTRL_SHIFT = { backspace: (edit) => edit.deleteLineLeft(), delete: (edit) => edit.deleteLineRight() };

const PLAIN = {
  return(edit) {
    edit.sawReturnAt = Date.now();
    edit.finish();
  },
  // The second half of \r\n, unless it comes late.
  enter(edit) {
    if (edit.sawReturnAt === 0 || Date.now() - edit.sawReturnAt > edit.rl.crlfDelay) edit.finish();
    edit.sawReturnAt = 0;
  },
  backspace: (edit) => edit.deleteLeft(),
  delete: (edit) => edit.deleteRight(),
  left,
  right,
  home: (edit) => edit.move(-Infinity),
  end: (edit) => edit.move(Infinity),
  up: (edit) => edit.historyPrev(),
  down: (edit) => edit.historyNext(),
};

// The arrows look for what stands before the cursor when they begin.
function trackSearch(edit, key) {
  const arrow = (key.name === 'up' || key.name === 'down') && !key.ctrl && !key.meta && !key.shift;
  if (arrow) {
    edit.search ??= edit.rl.line.slice(0, edit.rl.cursor);
  } else if (edit.search !== null) {
    edit.search = null;
    if (edit.rl.history.length === edit.rl.historyIndex) edit.rl.historyIndex = -1;
  }
}

function pressPlain(edit, text, key, previous) {
  const { rl } = edit;
  if (edit.sawReturnAt && key.name !== 'enter') edit.sawReturnAt = 0;
  if (Object.hasOwn(PLAIN, key.name ?? '')) PLAIN[key.name](edit);
  else if (key.name === 'tab' && typeof rl.completer === 'function' && rl.isCompletionEnabled) {
    rl._tabComplete(Boolean(previous && previous.name === 'tab'));
  } else if (typeof text === 'string' && text) edit.type(text);
}

function press(edit, text, key) {
  const previous = edit.previousKey;
  key ||= {};
  edit.previousKey = key;
  if (!key.meta || key.name !== 'y') edit.yanking = false;
  trackSearch(edit, key);
  const first = typeof key.sequence === 'string' ? key.sequence.codePointAt(0) : undefined;
  if (first === 0x1f) edit.undo();
  else if (first === 0x1e) edit.redo();
  else if (key.name === 'escape') return;
  else if (key.ctrl || key.meta) {
    const table = key.ctrl ? (key.shift ? CTRL_SHIFT : CTRL) : META;
    if (Object.hasOwn(table, key.name ?? '')) table[key.name](edit);
  } else pressPlain(edit, text, key, previous);
}

module.exports = { press };

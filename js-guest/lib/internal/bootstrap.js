// The first JavaScript that runs: the table of built-in modules, and the evaluation of all of them while the engine is
// warmed up, so that a start costs none of it. Must not know what any module does.
'use strict';

const builtins = internalBinding('builtins');

// Names under which bundled npm packages ask for what is ours.
const ALIASES = new Map([
  ['abort-controller', 'internal/abort_controller'],
  ['sys', 'util'],
  ['skep:host', 'skep/host'],
  ['skep:process', 'skep/process'],
]);

// Large and rarely wanted: their text waits in the image, and is evaluated for who asks first.
const LATER = new Set(['internal/deps/legacy-encodings', 'internal/deps/noble-ciphers', 'internal/deps/noble-rare',
  'internal/crypto/modes']);
const LATER_FOLDERS = /^(?:internal\/)?(?:readline|repl|v8)(?:\/|$)/;

// Functions whose text can be asked for; the others' is not kept in the image.
const WITH_TEXT = new Set(['internal/http/incoming_message']);

const loaded = new Map();
const failed = new Map(); // id -> what its evaluation threw, thrown again at whoever asks
const ids = new Set(builtins.ids());

function load(id) {
  let record = loaded.get(id);
  if (record !== undefined) return record.exports;
  if (failed.has(id)) throw failed.get(id);
  record = { id, exports: {}, loaded: false };
  loaded.set(id, record);
  try {
    const compiled = ids.has(id) ? builtins.compile(id, WITH_TEXT.has(id)) : undefined;
    if (compiled === undefined) {
      record.exports = missing(id);
    } else {
      compiled.call(record.exports, record.exports, requireBuiltin, record, process, internalBinding);
    }
  } catch (error) {
    loaded.delete(id);
    if (ids.has(id)) failed.set(id, error);
    throw error;
  }
  record.loaded = true;
  return record.exports;
}

// A module of Node's that nobody has built: its functions throw when they are called.
function missing(id) {
  if (ids.has('internal/missing')) {
    const made = requireBuiltin('internal/missing').make(id);
    if (made !== undefined) return made;
  }
  const error = new Error(`No such built-in module: ${id}`);
  error.code = 'ERR_UNKNOWN_BUILTIN_MODULE';
  throw error;
}

function requireBuiltin(id) {
  if (id.startsWith('node:')) id = id.slice(5);
  return load(ALIASES.get(id) ?? id);
}

// A module that fails now fails again, with its error, when somebody asks for it.
function evaluate(id) {
  try {
    if (!failed.has(id)) load(id);
  } catch (error) {
    const text = `skep: lib/${id}.js failed to load: ${error?.stack ?? error}\n`;
    internalBinding('process').log(2, text);
  }
}

module.exports = { requireBuiltin, ids };
loaded.set('internal/bootstrap', { id: 'internal/bootstrap', exports: module.exports, loaded: true });

// process and the globals first: others look at them while they are evaluated.
for (const id of ['internal/errors', 'process', 'internal/globals']) {
  if (ids.has(id)) evaluate(id);
}
for (const id of ids) {
  if (id !== 'internal/bootstrap' && !LATER.has(id) && !LATER_FOLDERS.test(id)) evaluate(id);
}
if (ids.has('internal/missing')) {
  for (const id of requireBuiltin('internal/missing').ids) evaluate(id);
}

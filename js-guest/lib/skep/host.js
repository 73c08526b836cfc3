// skep:host: the program that this runtime is part of. It calls what the script exports, and `functions` are those of its own
// that it has granted, by name: each takes one value and answers a promise. A value is whatever JSON can say, or bytes (a
// Uint8Array). Must not know what travels beneath (glue/host.c).
'use strict';

const native = internalBinding('host');
const esm = require('internal/modules/esm');
const runMain = require('internal/modules/run_main');
const { codes: { ERR_ACCESS_DENIED, ERR_INVALID_ARG_TYPE }, ErrnoException } = require('internal/errors');

const { parse, stringify } = JSON;
const FUNCTION = 0;
const SCRIPT = 1;
const MODULE = 2;
const EACCES = -13;

// ---- Functions of the program ----

const pending = new Map(); // by handle: [resolve, reject]

function refusal(errno) {
  const why = errno === EACCES ? internalBinding('stream').why() : '';
  return why ? new ERR_ACCESS_DENIED(why) : new ErrnoException(errno, 'host_call');
}

const isBytes = (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;
const packed = (value) => (isBytes(value) ? value : stringify(value) ?? 'null');

function call(name, value) {
  if (typeof name !== 'string') throw new ERR_INVALID_ARG_TYPE('name', 'string', name);
  return new Promise((resolve, reject) => {
    const handle = native.call(name, packed(value));
    if (handle < 0) reject(refusal(handle));
    else pending.set(handle, [resolve, reject]);
  });
}

function onReply(handle, bytes, failed, value) {
  const waiting = pending.get(handle);
  if (waiting === undefined) return;
  pending.delete(handle);
  const [resolve, reject] = waiting;
  if (failed) reject(typeof value === 'number' ? new ErrnoException(-value, 'host_call') : new Error(value));
  else resolve(bytes ? value : parse(typeof value === 'string' ? value : value.toString()));
}

const made = new Map();

// `then` is asked for by whoever awaits the object itself.
const functions = new Proxy(Object.freeze({ __proto__: null }), {
  get(target, name) {
    if (typeof name !== 'string' || name === 'then') return undefined;
    if (!made.has(name)) made.set(name, (value) => call(name, value));
    return made.get(name);
  },
});

// ---- What the program calls ----

const exported = []; // the newest first

function find(name) {
  for (const exports of exported) {
    if (Object.hasOwn(exports, name) && typeof exports[name] === 'function') return exports[name];
  }
  // A script's, as CommonJS has it.
  const own = globalThis.module?.exports;
  if (own !== undefined && own !== null && Object.hasOwn(own, name) && typeof own[name] === 'function') return own[name];
  throw new TypeError(`nothing that is called ${JSON.stringify(name)} and is a function is exported`);
}

async function keep(loading) {
  exported.unshift(await loading);
}

const urlOf = (name) => `file://${process.cwd() === '/' ? '' : process.cwd()}/${name || '[module]'}`;

function perform(callee, name, value) {
  if (callee === FUNCTION) return find(name)(value);
  if (callee === SCRIPT) return runMain.runScript(value, name || '[script]');
  if (callee === MODULE) return keep(esm.textModule(value, urlOf(name)));
  return keep(esm.importFrom(name.startsWith('/') ? esm.toUrl(name) : name, urlOf('')));
}

const isLater = (value) => value !== null && typeof value === 'object' && typeof value.then === 'function';

function answer(handle, value) {
  let text;
  try {
    text = packed(value);
  } catch (error) {
    fail(handle, error);
    return;
  }
  const result = native.reply(handle, false, text);
  if (result < 0) fail(handle, new ErrnoException(result, 'call_reply'));
}

// Whatever was thrown; a look at it may throw, too.
function fail(handle, error) {
  let text;
  try {
    const { name, message, stack } = error;
    text = stringify({ name: `${name}`, message: `${message}`, stack: `${stack}` });
  } catch {
    try {
      text = stringify({ name: 'Error', message: String(error), stack: '' });
    } catch {
      text = '{"name":"Error","message":"what was thrown has no text","stack":""}';
    }
  }
  native.reply(handle, true, text);
}

function onCall(handle, callee, bytes, name, raw) {
  try {
    if (raw === null) throw new RangeError('there is no room for what the call is given');
    const text = bytes || typeof raw === 'string' ? raw : raw.toString();
    const result = perform(callee, name, bytes || callee !== FUNCTION ? text : parse(text));
    if (isLater(result)) Promise.resolve(result).then((value) => answer(handle, value), (error) => fail(handle, error));
    else answer(handle, result);
  } catch (error) {
    fail(handle, error);
  }
}

native.setHandlers(onCall, onReply);

module.exports = { functions, call };

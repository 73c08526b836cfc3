// The program: the main script as CommonJS or as an ES module, or the text of -e and -p. Must not know what comes before
// (internal/main) and what comes after (exit).
'use strict';

const native = internalBinding('modules');
const path = require('path');
const { Module } = require('internal/modules/cjs');
const esm = require('internal/modules/esm');
const packages = require('internal/modules/package');

// The promise of the main module's evaluation: one that never settles is told of at exit.
let pending;

// As a job: what a module queues comes before the ticks it queues, and its throw is a rejection.
function runModule(start) {
  pending = Promise.resolve().then(start);
  const mine = pending;
  pending.then(() => { if (pending === mine) pending = undefined; }, (error) => {
    pending = undefined;
    require('internal/process/exceptions').uncaught(error, false);
  });
}

// --import: one after the other, and then the program.
function importFirst(specifiers, then) {
  runModule(async () => {
    const base = `file://${process.cwd()}/`;
    for (const specifier of specifiers) await esm.importFrom(specifier, base);
    pending = undefined;
    process.nextTick(then);
  });
}

function resolveMain(main) {
  const found = Module._findPath(path.resolve(main), null, true);
  if (found) return found;
  throw require('internal/modules/errors').moduleNotFound(path.resolve(main), []);
}

function runMain(main) {
  const file = resolveMain(main);
  const isModule = file.endsWith('.mjs') ||
    (!file.endsWith('.cjs') && packages.scopeOf(file)?.type === 'module' && /\.js$|\/[^./]+$/.test(file));
  if (isModule) runModule(async () => serveIfHandler(await esm.runFile(file)));
  else Module._load(file, null, true);
}

// A module that has a handler to show for itself, and has not listened, is served.
function serveIfHandler(namespace) {
  const handler = namespace.default;
  if (handler === undefined || handler === null || typeof handler.fetch !== 'function') return;
  if (!require('internal/net/server').hasListened()) require('internal/fetch/serve').serve(handler);
}

function evalModule(source) {
  runModule(() => esm.runText(source, `file://${process.cwd()}/[eval1]`));
}

function evalScript(source, print) {
  defineGlobals();
  process._eval = source;
  const result = native.script(source, '[eval]', 1);
  if (print) console.log(result);
}

let defined = false;

// A script that is not the program; answers its completion value.
function runScript(source, name) {
  if (!defined) defineGlobals();
  return native.script(source, name, 1);
}

// What scripts find that have no module around them.
function defineGlobals() {
  defined = true;
  const module = new Module('[eval]');
  module.filename = path.join(process.cwd(), '[eval]');
  module.paths = Module._nodeModulePaths(process.cwd());
  const { makeRequire } = require('internal/modules/cjs');
  const globals = { module, exports: module.exports, require: makeRequire(module), __filename: '[eval]', __dirname: '.' };
  for (const [key, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, key, { value, writable: true, configurable: true, enumerable: true });
  }
  const { builtinModules } = require('internal/modules/builtins');
  for (const id of builtinModules) {
    if (id.startsWith('_') || id.includes('/') || Object.hasOwn(globalThis, id)) continue;
    defineLazy(id);
  }
}

// The program's text comes on standard input.
function runInput(type) {
  const pieces = [];
  process.stdin.on('data', (piece) => pieces.push(piece));
  process.stdin.on('end', () => {
    const source = Buffer.concat(pieces).toString();
    if (type === 'module') evalModule(source);
    else evalScript(source, false);
  });
}

// -e and -p know Node's modules by name.
function defineLazy(id) {
  Object.defineProperty(globalThis, id, {
    configurable: true,
    enumerable: false,
    get() {
      const value = require('internal/bootstrap').requireBuiltin(id);
      Object.defineProperty(globalThis, id, { value, writable: true, configurable: true, enumerable: false });
      return value;
    },
    set(value) {
      Object.defineProperty(globalThis, id, { value, writable: true, configurable: true, enumerable: true });
    },
  });
}

function check(main) {
  const file = resolveMain(main);
  const { readText } = require('internal/modules/cjs');
  const text = esm.stripShebang(readText(file));
  if (file.endsWith('.mjs') || packages.scopeOf(file)?.type === 'module') native.check(text, file, 1, true);
  else native.check(`(function (exports, require, module, __filename, __dirname) {\n\n${text}\n})`, file, -1, false);
}

module.exports = {
  runMain, importFirst, evalModule, evalScript, runScript, runInput, check, isPending: () => pending !== undefined,
};

// What a module that is no ES module's text exports, and what it does when it is evaluated: CommonJS (its names are found
// by reading it, as Node finds them), JSON, Node's own. Must not know how modules are found or linked.
'use strict';

const path = require('path');
const { Module, readText } = require('internal/modules/cjs');
const { requireBuiltin } = require('internal/bootstrap');
const lexer = require('internal/deps/cjs-module-lexer');

// ---- CommonJS ----

const lexed = new Map(); // file -> { names: Set, reexports }

function lex(file) {
  let known = lexed.get(file);
  if (known !== undefined) return known;
  known = { names: new Set(), reexports: [] };
  lexed.set(file, known);
  try {
    const { exports, reexports } = lexer.parse(readText(file));
    known.names = new Set(exports);
    known.reexports = reexports;
  } catch {
    // Not read as CommonJS: it has its default export alone.
  }
  return known;
}

// The names of a file and of all that it re-exports; a file is looked at once, so cycles end.
function namesOf(file, seen = new Set(), into = new Set()) {
  seen.add(file);
  const { names, reexports } = lex(file);
  for (const name of names) into.add(name);
  for (const request of reexports) {
    const next = resolveReexport(request, file);
    if (next !== undefined && !seen.has(next)) namesOf(next, seen, into);
  }
  return into;
}

function resolveReexport(request, file) {
  try {
    const parent = { id: file, filename: file, paths: Module._nodeModulePaths(path.dirname(file)) };
    const found = Module._resolveFilename(request, parent);
    return /\.(js|cjs)$|\/[^.]+$/.test(found) && path.isAbsolute(found) ? found : undefined;
  } catch {
    return undefined; // its absence is told when the file runs
  }
}

function commonjs(file) {
  const names = namesOf(file);
  names.delete('default');
  const list = [...names].filter((name) => name.isWellFormed());
  return { names: [...list, 'default'], run: () => runCommonjs(file, list) };
}

function runCommonjs(file, names) {
  const cached = Module._cache[file];
  const exported = cached?.loaded ? cached.exports : Module._load(file, undefined, false);
  const values = { __proto__: null, default: exported };
  if (exported === null || (typeof exported !== 'object' && typeof exported !== 'function')) return values;
  for (const name of names) {
    if (!Object.hasOwn(exported, name)) continue;
    try {
      values[name] = exported[name];
    } catch {
      values[name] = undefined;
    }
  }
  return values;
}

// ---- JSON ----

const withoutBom = (text) => (text.charCodeAt(0) === 0xFEFF ? text.slice(1) : text);

function json(text, name) {
  return {
    names: ['default'],
    run() {
      try {
        return { default: JSON.parse(withoutBom(text)) };
      } catch (error) {
        error.message = `${name}: ${error.message}`;
        throw error;
      }
    },
  };
}

function jsonFile(file) {
  return {
    names: ['default'],
    // A file that CommonJS has read already is the same object.
    run: () => (Module._cache[file]?.loaded ? { default: Module._cache[file].exports } : json(readText(file), file).run()),
  };
}

// ---- Node's own ----

const builtinValues = new Map(); // url -> the objects that were given out

function builtin(url) {
  const exported = requireBuiltin(url);
  const names = Object.keys(exported).filter((key) => key !== 'default');
  const values = { __proto__: null };
  builtinValues.set(url, { values, exported, names });
  return {
    names: [...names, 'default'],
    run() {
      fill(values, exported, names);
      return values;
    },
  };
}

function fill(values, exported, names) {
  for (const key of names) {
    // A getter may warn or build something big: it is asked, as Node does, but its failure is not ours.
    try {
      values[key] = exported[key];
    } catch {
      values[key] = undefined;
    }
  }
  values.default = exported;
}

// module.syncBuiltinESMExports(): answers [url, names, values] of each module whose exports have to be set again.
function refreshBuiltins() {
  const changed = [];
  for (const [url, { values, exported, names }] of builtinValues) {
    fill(values, exported, names);
    changed.push([url, [...names, 'default'], values]);
  }
  return changed;
}

module.exports = { commonjs, json, jsonFile, builtin, refreshBuiltins };

// ES modules: what a specifier means (the algorithm of Node's documentation), what kind of module a file is, and what one
// that is no JavaScript exports. The engine calls these through glue/modules.c. Must not know how modules are linked.
'use strict';

const fs = internalBinding('fs');
const native = internalBinding('modules');
const path = require('path');
const packages = require('internal/modules/package');
const errors = require('internal/modules/errors');
const { Module, makeRequire, readText, realpath } = require('internal/modules/cjs');
const { isBuiltin } = require('internal/modules/builtins');
const { requireBuiltin } = require('internal/bootstrap');

const FILE = 1;
const FOLDER = 2;
const CONDITIONS = new Set(['node', 'import']);

const toUrl = (file) => `file://${encodeURI(file).replace(/[?#]/g, (c) => (c === '?' ? '%3F' : '%23'))}`;

function toPath(url) {
  const end = url.search(/[?#]/);
  return decodeURIComponent((end < 0 ? url : url.slice(0, end)).slice('file://'.length));
}

// A script's name is its path, a module's its URL.
const basePath = (base) => (base.startsWith('file://') ? toPath(base) :
  base.startsWith('/') ? base : `${process.cwd()}/${base}`);

// ---- Resolving ----

function resolve(specifier, base, type) {
  if (type !== undefined && type !== 'json') throw errors.attributeUnsupported(type);
  const url = resolveUrl(specifier, base);
  const json = url.startsWith('data:') ? url.startsWith('data:application/json') : /\.json([?#]|$)/.test(url);
  if (json && type !== 'json') throw errors.attributeMissing(url, 'type', 'json');
  return url;
}

function resolveUrl(specifier, base) {
  if (specifier.startsWith('node:')) {
    if (!isBuiltin(specifier)) throw errors.unknownBuiltin(specifier);
    return specifier;
  }
  if (/^(\/|\.\.?(\/|$))/.test(specifier)) return resolveRelative(specifier, base);
  if (specifier.startsWith('file:')) return checkFile(toPath(new URL(specifier).href), queryOf(specifier), base);
  if (specifier.startsWith('data:')) return specifier;
  const scheme = /^([a-z][a-z0-9+.-]*:)/i.exec(specifier);
  if (scheme !== null && !isBuiltin(specifier)) throw errors.unsupportedScheme(scheme[1]);
  return resolveBare(specifier, base);
}

const queryOf = (text) => /[?#].*$/.exec(text)?.[0] ?? '';

function resolveRelative(specifier, base) {
  const query = queryOf(specifier);
  const name = decodeURIComponent(specifier.slice(0, specifier.length - query.length));
  if (/%2f|%5c/i.test(specifier)) {
    throw errors.invalidSpecifier(specifier, 'must not include encoded "/" or "\\" characters', basePath(base));
  }
  const absolute = path.resolve(path.dirname(basePath(base)), name);
  return checkFile(absolute, query, base, name.endsWith('/'));
}

function checkFile(file, query, base, isFolder = false) {
  const kind = isFolder ? FOLDER : fs.kind(file);
  if (kind === FOLDER) throw errors.unsupportedDirectory(file, basePath(base));
  if (kind !== FILE) throw errors.esmNotFound(file, 'module', basePath(base));
  return toUrl(realpath(file)) + query;
}

function resolveBare(specifier, base) {
  if (isBuiltin(specifier)) return `node:${specifier}`;
  const from = basePath(base);
  if (specifier.startsWith('#')) {
    const found = packages.resolveImports(specifier, from, CONDITIONS, (bare) => resolveUrl(bare, base));
    return found.startsWith('/') ? checkFile(found, '', base) : found;
  }
  const parts = packages.splitName(specifier);
  if (parts === undefined) throw errors.invalidSpecifier(specifier, 'is not a valid package name', from);
  const own = packages.scopeOf(from);
  if (own?.exports !== undefined && own.name === parts[0]) {
    return checkFile(packages.resolveExports(own, parts[1], CONDITIONS, from), '', base);
  }
  for (const folder of Module._nodeModulePaths(path.dirname(from))) {
    const root = `${folder}/${parts[0]}`;
    if (fs.kind(root) !== FOLDER) continue;
    const pkg = packages.read(root);
    if (pkg?.exports !== undefined) return checkFile(packages.resolveExports(pkg, parts[1], CONDITIONS, from), '', base);
    if (parts[1] !== '.') return checkFile(path.resolve(root, parts[1]), '', base);
    return checkFile(legacyMain(root, pkg, from), '', base);
  }
  throw errors.esmNotFound(parts[0], 'package', from);
}

function legacyMain(root, pkg, from) {
  const main = pkg?.main;
  const names = main === undefined ? [] : ['', '.js', '.json', '.node', '/index.js', '/index.json', '/index.node'].map((e) => main + e);
  for (const name of [...names, 'index.js', 'index.json', 'index.node']) {
    const file = path.resolve(root, name);
    if (fs.kind(file) === FILE) return file;
  }
  throw errors.esmNotFound(root, 'package', from);
}

// ---- Loading ----

// 'module', 'commonjs', 'json', or an error for what cannot be told.
function formatOf(file) {
  const extension = path.extname(file);
  if (extension === '.mjs') return 'module';
  if (extension === '.cjs') return 'commonjs';
  if (extension === '.json') return 'json';
  if (extension === '.js') return packages.scopeOf(file)?.type === 'module' ? 'module' : 'commonjs';
  if (extension === '' && packages.scopeOf(file)?.type !== 'module') return 'commonjs';
  if (extension === '') return 'module';
  throw errors.unknownExtension(extension, file);
}

const builtinValues = new Map(); // url -> the object its exports were taken from

function load(url) {
  if (url.startsWith('node:')) return builtin(url);
  if (url.startsWith('data:')) return loadData(url);
  const file = toPath(url);
  const format = formatOf(file);
  if (format === 'module') return stripShebang(readText(file));
  if (format === 'json') return { default: parseJson(readText(file), file) };
  return commonjs(file);
}

const stripShebang = (text) => (text.startsWith('#!') ? `//${text.slice(2)}` : text);

function parseJson(text, file) {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xFEFF ? text.slice(1) : text);
  } catch (error) {
    error.message = `${file}: ${error.message}`;
    throw error;
  }
}

function loadData(url) {
  const match = /^data:([^,;]*)((?:;[^,]*)?),([^]*)$/.exec(url);
  if (match === null) throw new TypeError(`Invalid URL: ${url}`);
  const [, type, parameters, body] = match;
  const text = /;base64$/i.test(parameters) ? Buffer.from(decodeURIComponent(body), 'base64').toString() : decodeURIComponent(body);
  if (type === 'text/javascript') return text;
  if (type === 'application/json') return { default: JSON.parse(text) };
  throw errors.make(RangeError, 'ERR_UNKNOWN_MODULE_FORMAT', `Unknown module format: ${type || null} for URL ${url}`);
}

// A CommonJS module runs when it is linked; its properties are then the exports, beside `default`.
function commonjs(file) {
  const cached = Module._cache[file];
  const exported = cached?.loaded ? cached.exports : Module._load(file, undefined, false);
  const values = { __proto__: null };
  if (exported !== null && (typeof exported === 'object' || typeof exported === 'function')) {
    for (const key of Object.keys(exported)) {
      if (key !== 'default' && isName(key)) values[key] = exported[key];
    }
  }
  values.default = exported;
  values['module.exports'] = exported;
  return values;
}

const isName = (key) => key.isWellFormed();

function builtin(url) {
  const exported = requireBuiltin(url);
  const values = { __proto__: null };
  fillBuiltin(values, exported);
  builtinValues.set(url, { values, exported });
  return values;
}

function fillBuiltin(values, exported) {
  for (const key of Object.keys(exported)) {
    if (key === 'default') continue;
    const got = Object.getOwnPropertyDescriptor(exported, key);
    // A getter may warn or build something big: it is asked, as Node does, but its failure is not ours.
    try {
      values[key] = 'value' in got ? got.value : exported[key];
    } catch {
      values[key] = undefined;
    }
  }
  values.default = exported;
}

function meta(url, object) {
  if (url.startsWith('file://')) {
    const file = toPath(url);
    object.dirname = path.dirname(file);
    object.filename = file;
  }
  object.resolve = (specifier) => {
    try {
      return resolveUrl(`${specifier}`, url);
    } catch (error) {
      if (error.code === 'ERR_UNSUPPORTED_DIR_IMPORT' || error.code === 'ERR_MODULE_NOT_FOUND') {
        if (/^(\.|\/|file:)/.test(specifier)) return toUrl(path.resolve(path.dirname(toPath(url)), specifier));
      }
      throw error;
    }
  };
  object.url = url;
}

native.setHooks(resolve, load, meta);

module.exports = {
  toUrl, toPath, formatOf, resolveUrl, stripShebang, makeRequire,
  runFile(file) { return native.run(toUrl(file), stripShebang(readText(file))); },
  runText(text, url) { return native.run(url, text); },
  syncBuiltins() {
    for (const { values, exported } of builtinValues.values()) fillBuiltin(values, exported);
  },
};

// ES modules: what a specifier means (the algorithm of Node's documentation), what kind of module a file is, import.meta,
// and require() of an ES module. The engine calls these through glue/modules.c. Must not know how modules are linked.
'use strict';

const fs = internalBinding('fs');
const native = internalBinding('modules');
const path = require('path');
const packages = require('internal/modules/package');
const errors = require('internal/modules/errors');
const translators = require('internal/modules/translators');
const { Module, makeRequire, readText, realpath, userConditions, setEsmLoader } = require('internal/modules/cjs');
const { isBuiltin } = require('internal/modules/builtins');

const FILE = 1;
const FOLDER = 2;
const CONDITIONS = new Set(['node', 'import']);
const FACADE = 'skep:required?';

const conditions = () => (userConditions.length === 0 ? CONDITIONS : new Set([...CONDITIONS, ...userConditions]));

const ESCAPES = { '?': '%3F', '#': '%23', '\\': '%5C', '\n': '%0A', '\r': '%0D', '\t': '%09' };
const toUrl = (file) => `file://${encodeURI(file).replace(/[?#\\\n\r\t]/g, (c) => ESCAPES[c])}`;

function toPath(url) {
  const end = url.search(/[?#]/);
  return decodeURIComponent((end < 0 ? url : url.slice(0, end)).slice('file://'.length));
}

// A script's name is its path, a module's its URL; code of eval has the name of who called it.
function basePath(base) {
  if (base.startsWith('eval at ')) base = /\(((?!eval at )[^()]*):\d+:\d+\)/.exec(base)?.[1] ?? '';
  if (base.startsWith('file://')) return toPath(base);
  return base.startsWith('/') ? base : `${process.cwd()}/${base}`;
}

// ---- Resolving ----

function resolve(specifier, base, attributes) {
  const type = checkAttributes(attributes, specifier);
  const url = resolveUrl(specifier, base);
  const json = url.startsWith('data:') ? /^data:application\/json[;,]/.test(url) : /\.json([?#]|$)/.test(url);
  if (json && type !== 'json') throw errors.attributeMissing(url, 'type', 'json');
  if (!json && type === 'json' && !url.startsWith(FACADE)) throw errors.attributeIncompatible(url, 'json');
  return url;
}

// Of attributes only `type` means something; others are passed over.
function checkAttributes(attributes, specifier) {
  const type = attributes?.type;
  if (type !== undefined && type !== 'json') throw errors.attributeUnsupported(type, specifier);
  return type;
}

function resolveUrl(specifier, base) {
  if (specifier.startsWith(FACADE)) return specifier;
  if (specifier.startsWith('node:')) {
    if (!isBuiltin(specifier)) throw errors.unknownBuiltin(specifier);
    return specifier;
  }
  if (/^(\/|\.\.?(\/|$))/.test(specifier)) return resolveRelative(specifier, base);
  if (specifier.startsWith('file:')) return resolveFileUrl(specifier, base);
  if (specifier.startsWith('data:')) return specifier;
  const scheme = /^([a-z][a-z0-9+.-]*:)/i.exec(specifier);
  if (scheme !== null && !isBuiltin(specifier)) throw errors.unsupportedScheme(scheme[1]);
  return resolveBare(specifier, base);
}

const queryOf = (text) => /[?#].*$/s.exec(text)?.[0] ?? '';

function resolveFileUrl(specifier, base) {
  const { href, pathname } = new URL(specifier);
  refuseSeparators(pathname, basePath(base));
  return checkFile(toPath(href), queryOf(href), base, pathname.endsWith('/'));
}

function refuseSeparators(shown, from, text = shown) {
  if (/%2f|%5c/i.test(text)) {
    throw errors.invalidSpecifier(shown, 'must not include encoded "/" or "\\" characters', from);
  }
}

function resolveRelative(specifier, base) {
  if (base.startsWith('data:')) throw errors.unsupportedRequest(specifier, base);
  const query = queryOf(specifier);
  const name = specifier.slice(0, specifier.length - query.length);
  const from = basePath(base);
  refuseSeparators(path.resolve(path.dirname(from), name), from, name);
  const absolute = path.resolve(path.dirname(from), decodeURIComponent(name));
  return checkFile(absolute, query, base, name.endsWith('/'));
}

function checkFile(file, query, base, isFolder = false) {
  const kind = isFolder ? FOLDER : fs.kind(file);
  if (kind === FOLDER) throw errors.unsupportedDirectory(isFolder ? `${file}/` : file, basePath(base), toUrl(file));
  if (kind === -13 || kind === -1) throw errors.denied(file, fs.why());
  if (kind !== FILE) throw errors.esmNotFound(file, 'module', basePath(base), toUrl(file));
  const real = process.execArgv.length > 0 && process.execArgv.includes('--preserve-symlinks') ? file : realpath(file);
  return toUrl(real) + query;
}

function resolveBare(specifier, base) {
  if (isBuiltin(specifier)) return `node:${specifier}`;
  if (base.startsWith('data:')) throw errors.unsupportedRequest(specifier, base);
  const from = basePath(base);
  if (specifier.startsWith('#')) {
    const found = packages.resolveImports(specifier, from, conditions(), (bare) => resolveUrl(bare, base));
    return found.startsWith('/') ? checkFile(found, '', base) : found;
  }
  const parts = packages.splitName(specifier);
  if (parts === undefined) throw errors.invalidSpecifier(specifier, 'is not a valid package name', from);
  const own = packages.scopeOf(from);
  if (own?.exports !== undefined && own.name === parts[0]) {
    return checkFile(packages.resolveExports(own, parts[1], conditions(), from), '', base);
  }
  for (const folder of Module._nodeModulePaths(path.dirname(from))) {
    const root = `${folder}/${parts[0]}`;
    if (fs.kind(root) !== FOLDER) continue;
    const pkg = packages.read(root);
    if (pkg?.exports !== undefined) return checkFile(packages.resolveExports(pkg, parts[1], conditions(), from), '', base);
    if (parts[1] !== '.') return checkFile(path.resolve(root, parts[1]), '', base, parts[1].endsWith('/'));
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
  throw errors.esmNotFound(`${root}/`, 'package', from);
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
  throw errors.unknownExtension(extension, file);
}

function load(url) {
  if (url.startsWith('node:')) return translators.builtin(url);
  if (url.startsWith('data:')) return loadData(url);
  if (url.startsWith(FACADE)) return facade(url.slice(FACADE.length));
  const file = toPath(url);
  const format = formatOf(file);
  if (format === 'module') return stripShebang(readText(file));
  return format === 'json' ? translators.jsonFile(file) : translators.commonjs(file);
}

const stripShebang = (text) => (text.startsWith('#!') ? `//${text.slice(2)}` : text);

function loadData(url) {
  const match = /^data:([^,;]*)((?:;[^,]*)?),([^]*)$/.exec(url);
  if (match === null) throw errors.invalidUrl(url);
  const [, type, parameters, body] = match;
  const raw = decodeURIComponent(queryless(body));
  const text = /;base64$/i.test(parameters) ? Buffer.from(raw, 'base64').toString() : raw;
  if (type === 'text/javascript') return text;
  if (type === 'application/json') return translators.json(text, url);
  throw errors.make(RangeError, 'ERR_UNKNOWN_MODULE_FORMAT', `Unknown module format: ${type || null} for URL ${url}`);
}

const queryless = (body) => body.replace(/#.*$/s, '');

// ---- import.meta ----

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
      const isMissing = error.code === 'ERR_UNSUPPORTED_DIR_IMPORT' || error.code === 'ERR_MODULE_NOT_FOUND';
      if (isMissing && error.url !== undefined) return error.url;
      throw error;
    }
  };
  object.url = url;
}

// ---- require() of an ES module ----

// With a default export, the namespace says __esModule, as what compilers made of ES modules does.
const facade = (url) => {
  const from = JSON.stringify(url);
  return `export * from ${from}; export { default } from ${from}; export const __esModule = true;`;
};

function requireModule(file, parent) {
  const url = toUrl(file);
  const namespace = native.require(url, url);
  if (namespace === 1) throw errors.requireAsync(file, parent);
  if (namespace === 2) throw errors.requireCycle(file, parent);
  if (Object.hasOwn(namespace, 'module.exports')) return namespace['module.exports'];
  if (!Object.hasOwn(namespace, 'default') || Object.hasOwn(namespace, '__esModule')) return namespace;
  return native.require(FACADE + url, url);
}

native.setHooks(resolve, load, meta);
setEsmLoader({ requireModule, formatOf });

module.exports = {
  toUrl, toPath, formatOf, resolveUrl, stripShebang, makeRequire,
  runFile(file) { return native.import(toUrl(file), toUrl(file)); },
  runText(text, url) { return native.run(url, text)[1]; },
  // The promise of the namespace of a module of this text.
  async textModule(text, url) {
    const [namespace, evaluated] = native.run(url, text);
    await evaluated;
    return namespace;
  },
  importFrom(specifier, base) { return native.import(specifier, base); },
  syncBuiltins() {
    for (const [url, names, values] of translators.refreshBuiltins()) native.setExports(url, names, values);
  },
};

// package.json: reading it, and what its "exports" and "imports" say a specifier means (the algorithm of Node's
// documentation). Must not know require or import.
'use strict';

const fs = internalBinding('fs');
const errors = require('internal/modules/errors');

const FILE = 1;
const cache = new Map(); // folder -> record or null

function read(folder) {
  let known = cache.get(folder);
  if (known !== undefined) return known;
  const file = folder === '/' ? '/package.json' : `${folder}/package.json`;
  const text = fs.kind(file) === FILE ? fs.read(file, true) : -1;
  known = typeof text === 'string' ? parse(text, folder, file) : null;
  cache.set(folder, known);
  return known;
}

function parse(text, folder, file) {
  let json;
  try {
    json = JSON.parse(text);
  } catch (error) {
    error.message = `Error parsing ${file}: ${error.message}`;
    error.path = file;
    throw error;
  }
  if (json === null || typeof json !== 'object') json = {};
  // Its own properties only: a program may have put a getter on Object.prototype.
  const { name, main, type, exports, imports } = Object.assign({ __proto__: null }, json);
  return {
    folder,
    name: typeof name === 'string' ? name : undefined,
    main: typeof main === 'string' ? main : undefined,
    type: type === 'module' || type === 'commonjs' ? type : 'none',
    exports: exports ?? undefined,
    imports: imports !== null && typeof imports === 'object' ? imports : undefined,
  };
}

// The package that a file belongs to: the nearest package.json above, not beyond a node_modules folder.
function scopeOf(path) {
  for (let end = path.lastIndexOf('/'); end >= 0; end = path.lastIndexOf('/', end - 1)) {
    const folder = path.slice(0, end) || '/';
    if (folder.endsWith('/node_modules')) return null;
    const found = read(folder);
    if (found !== null) return found;
    if (end === 0) break;
  }
  return null;
}

// 'foo/bar' -> ['foo', './bar'], '@a/b' -> ['@a/b', '.']; undefined when it is no package's name.
function splitName(specifier) {
  const match = /^((?:@[^/\\%]+\/)?[^@./\\%][^/\\%]*)(\/.*)?$/s.exec(specifier);
  return match === null ? undefined : [match[1], match[2] === undefined ? '.' : `.${match[2]}`];
}

const BAD_SEGMENT = /(^|\\|\/)((\.|%2e)(\.|%2e)?|(n|%6e|%4e)(o|%6f|%4f)(d|%64|%44)(e|%65|%45)(_|%5f)(m|%6d|%4d)(o|%6f|%4f)(d|%64|%44)(u|%75|%55)(l|%6c|%4c)(e|%65|%45)(s|%73|%53))(\\|\/|$)/i;

// One target string of exports or imports, as an absolute path; null when it says "not here".
function resolveString(pkg, target, star, key, context) {
  if (!target.startsWith('./')) {
    if (context.isImport && !target.startsWith('../') && !target.startsWith('/') && !isUrl(target)) {
      return context.bare(star === undefined ? target : target.replaceAll('*', star));
    }
    throw errors.invalidTarget(pkg.folder, key, target, context.isImport, context.base);
  }
  if (BAD_SEGMENT.test(target.slice(2))) {
    throw errors.invalidTarget(pkg.folder, key, target, context.isImport, context.base);
  }
  if (star !== undefined && BAD_SEGMENT.test(star)) {
    throw errors.invalidSpecifier(star, `request is not a valid match in pattern "${key}"`, context.base);
  }
  const inside = target.slice(2);
  return `${pkg.folder === '/' ? '' : pkg.folder}/${star === undefined ? inside : inside.replaceAll('*', () => star)}`;
}

const isUrl = (text) => /^[a-z][a-z0-9+.-]*:/i.test(text);

// undefined: no condition matched; null: forbidden.
function resolveTarget(pkg, target, star, key, context) {
  if (typeof target === 'string') return resolveString(pkg, target, star, key, context);
  if (Array.isArray(target)) return resolveList(pkg, target, star, key, context);
  if (target === null) return null;
  if (typeof target === 'object') {
    for (const condition of Object.keys(target)) {
      if (/^(0|[1-9]\d*)$/.test(condition)) {
        throw errors.invalidConfig(`${pkg.folder}/package.json`, context.base, '"exports" cannot contain numeric property keys.');
      }
      if (condition !== 'default' && !context.conditions.has(condition)) continue;
      const found = resolveTarget(pkg, target[condition], star, key, context);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  throw errors.invalidTarget(pkg.folder, key, target, context.isImport, context.base);
}

function resolveList(pkg, targets, star, key, context) {
  let last = null;
  for (const target of targets) {
    try {
      const found = resolveTarget(pkg, target, star, key, context);
      if (found === undefined) continue;
      if (found !== null) return found;
      last = null;
    } catch (error) {
      if (error.code !== 'ERR_INVALID_PACKAGE_TARGET') throw error;
      last = error;
    }
  }
  if (last !== null) throw last;
  return null;
}

// The pattern key that fits best: the one with the longest text before its star.
function bestPattern(map, subpath) {
  let best;
  let bestStar = -1;
  for (const key of Object.keys(map)) {
    const star = key.indexOf('*');
    if (star === -1 || star !== key.lastIndexOf('*')) continue;
    const tail = key.slice(star + 1);
    if (subpath.length < key.length || !subpath.startsWith(key.slice(0, star)) || !subpath.endsWith(tail)) continue;
    if (star > bestStar || (star === bestStar && key.length > best.length)) [best, bestStar] = [key, star];
  }
  return best;
}

function resolveMap(pkg, map, subpath, context) {
  if (Object.hasOwn(map, subpath) && !subpath.includes('*') && !subpath.endsWith('/')) {
    return resolveTarget(pkg, map[subpath], undefined, subpath, context);
  }
  const key = bestPattern(map, subpath);
  if (key === undefined) return undefined;
  const star = key.indexOf('*');
  const matched = subpath.slice(star, subpath.length - (key.length - star - 1));
  return resolveTarget(pkg, map[key], matched, key, context);
}

// Whether "exports" is the main's target itself, rather than a map of subpaths.
function isSugar(pkg, base) {
  const { exports } = pkg;
  if (typeof exports !== 'object' || Array.isArray(exports)) return true;
  const keys = Object.keys(exports);
  const dots = keys.filter((key) => key.startsWith('.')).length;
  if (dots !== 0 && dots !== keys.length) {
    throw errors.invalidConfig(`${pkg.folder}/package.json`, base,
      '"exports" cannot contain some keys starting with \'.\' and some not. The exports object must either be an object ' +
      'of package subpath keys or an object of main entry condition name keys only.');
  }
  return dots === 0;
}

function resolveExports(pkg, subpath, conditions, base) {
  const map = isSugar(pkg, base) ? { '.': pkg.exports } : pkg.exports;
  const found = resolveMap(pkg, map, subpath, { conditions, base, isImport: false });
  if (found === undefined || found === null) throw errors.notExported(pkg.folder, subpath, base);
  return found;
}

// `bare` resolves a target that is another package.
function resolveImports(specifier, fromPath, conditions, bare) {
  if (specifier === '#' || specifier.startsWith('#/') || specifier.endsWith('/')) {
    throw errors.invalidSpecifier(specifier, 'is not a valid internal imports specifier name', fromPath);
  }
  const pkg = scopeOf(fromPath);
  if (pkg?.imports !== undefined) {
    const found = resolveMap(pkg, pkg.imports, specifier, { conditions, base: fromPath, isImport: true, bare });
    if (found !== undefined && found !== null) return found;
  }
  throw errors.importNotDefined(specifier, pkg?.folder, fromPath);
}

module.exports = { read, scopeOf, splitName, resolveExports, resolveImports, cache };

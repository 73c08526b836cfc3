// CommonJS: the class Module, require, the look-up of files and folders, the wrapper, the extensions. Programs patch
// Module._load, _resolveFilename, _extensions and prototype._compile: so every step goes through them. Must not know ES
// modules beyond telling that a file is one.
'use strict';

const fs = internalBinding('fs');
const native = internalBinding('modules');
const path = require('path');
const packages = require('internal/modules/package');
const errors = require('internal/modules/errors');
const { requireBuiltin } = require('internal/bootstrap');
const types = require('internal/util/types');
const { isBuiltin, canBeRequiredBare } = require('internal/modules/builtins');
const { validateString } = require('internal/validators');
const { codes: { ERR_INVALID_ARG_VALUE } } = require('internal/errors');

const FILE = 1;
const FOLDER = 2;
const CONDITIONS = new Set(['node', 'require']);
const userConditions = []; // of --conditions
const conditions = () => (userConditions.length === 0 ? CONDITIONS : new Set([...CONDITIONS, ...userConditions]));

// internal/modules/esm stands above this module and gives its functions when it is loaded.
let esm;

const relativeCache = Object.create(null);
const wrapper = ['(function (exports, require, module, __filename, __dirname) { ', '\n});'];
let patchedWrap = false;

function Module(id = '', parent) {
  this.id = id;
  this.path = path.dirname(id);
  // Defined, not set: a program may have put a setter on Object.prototype.
  Object.defineProperty(this, 'exports', { value: {}, writable: true, enumerable: true, configurable: true });
  Object.defineProperty(this, kParent, { value: parent, writable: true, enumerable: false, configurable: true });
  if (parent?.children && !parent.children.includes(this)) parent.children.push(this);
  this.filename = null;
  this.loaded = false;
  this.children = [];
}
const kParent = Symbol('parent');

Module._cache = Object.create(null);
Module._pathCache = Object.create(null);
Module._extensions = Object.create(null);
Module.globalPaths = [];
Module._debug = () => {};
Module.Module = Module;
Module.wrapper = new Proxy(wrapper, {
  set(target, key, value) {
    patchedWrap = true;
    return Reflect.set(target, key, value);
  },
});
let wrap = (script) => wrapper[0] + script + wrapper[1];
Object.defineProperty(Module, 'wrap', {
  get: () => wrap,
  set(value) {
    patchedWrap = true;
    wrap = value;
  },
});

const PARENT_DEPRECATED = 'module.parent is deprecated due to accuracy issues. Please use require.main to find program ' +
  'entry point instead.';
let parentWarned = false;

function warnOfParent() {
  if (parentWarned || !process.execArgv.includes('--pending-deprecation')) return;
  parentWarned = true;
  process.emitWarning(PARENT_DEPRECATED, 'DeprecationWarning', 'DEP0144');
}

Object.defineProperty(Module.prototype, 'parent', {
  configurable: true,
  get() {
    warnOfParent();
    return this[kParent];
  },
  set(value) {
    warnOfParent();
    Object.defineProperty(this, kParent, { value, writable: true, enumerable: false, configurable: true });
  },
});
let preloading = false;
Object.defineProperty(Module.prototype, 'isPreloading', { configurable: true, get: () => preloading });

// ---- Looking up ----

const hasFlag = (flag) => process.execArgv.length > 0 && process.execArgv.includes(flag);

const realpath = (file, isMain) => {
  if (hasFlag(isMain ? '--preserve-symlinks-main' : '--preserve-symlinks')) return path.resolve(file);
  const real = fs.realpath(file);
  return typeof real === 'string' ? real : file;
};

function deniedCheck(kind, file) {
  if (kind !== -13 && kind !== -1) return;
  throw errors.denied(file, fs.why());
}

let denied; // the last refusal of a look-up: told when nothing else was found

function kindOf(file) {
  const kind = fs.kind(file);
  if (kind === -13 || kind === -1) denied = file;
  return kind;
}

function tryExtensions(base, extensions, isMain) {
  for (let i = 0; i < extensions.length; i++) { // no iterators here: a program may have deleted them
    const extension = extensions[i];
    if (kindOf(base + extension) === FILE) return realpath(base + extension, isMain);
  }
  return false;
}

function tryPackage(folder, extensions, original, isMain) {
  const main = packages.read(folder)?.main;
  if (!main) return tryExtensions(path.resolve(folder, 'index'), extensions, isMain);
  const file = path.resolve(folder, main);
  let found = kindOf(file) === FILE && realpath(file, isMain);
  found ||= tryExtensions(file, extensions, isMain) || tryExtensions(path.resolve(file, 'index'), extensions, isMain);
  if (found) return found;
  found = tryExtensions(path.resolve(folder, 'index'), extensions, isMain);
  const packageJson = path.resolve(folder, 'package.json');
  if (found === false) {
    const error = new Error(`Cannot find module '${file}'. Please verify that the package.json has a valid "main" entry`);
    throw Object.assign(error, { code: 'MODULE_NOT_FOUND', path: packageJson, requestPath: original });
  }
  process.emitWarning(`Invalid 'main' field in '${packageJson}' of '${main}'. ` +
    'Please either fix that or report it to the module author', 'DeprecationWarning', 'DEP0128');
  return found;
}

function lookUp(base, trailingSlash, request, isMain) {
  const extensions = Object.keys(Module._extensions);
  const kind = kindOf(base);
  if (!trailingSlash) {
    if (kind === FILE) return realpath(base, isMain);
    const found = tryExtensions(base, extensions, isMain);
    if (found) return found;
  }
  return kind === FOLDER ? tryPackage(base, extensions, request, isMain) : false;
}

// A package's "exports", seen from a node_modules folder.
function exportsOf(folder, request) {
  const parts = packages.splitName(request);
  if (parts === undefined) return undefined;
  const pkg = packages.read(path.resolve(folder, parts[0]));
  if (pkg === null || pkg.exports === undefined) return undefined;
  return finish(packages.resolveExports(pkg, parts[1], conditions(), null), request);
}

function finish(file, request) {
  if (kindOf(file) === FILE) return realpath(file);
  const error = new Error(`Cannot find module '${file}'`);
  throw Object.assign(error, { code: 'MODULE_NOT_FOUND', path: request });
}

Module._findPath = function(request, paths, isMain) {
  const absolute = path.isAbsolute(request);
  if (absolute) paths = [''];
  else if (!paths || paths.length === 0) return false;
  const key = `${request}\x00${paths.join('\x00')}`;
  const known = Module._pathCache[key];
  if (known) return known;
  const trailingSlash = /(?:^|\/)\.?\.$|\/$/.test(request);
  const upwards = request.startsWith('../'); // out of a folder that need not be there any more
  for (let i = 0; i < paths.length; i++) {
    const folder = paths[i] && path.resolve(paths[i]);
    if (folder && !upwards && kindOf(folder) !== FOLDER) continue;
    let found = absolute ? undefined : exportsOf(folder, request);
    found ??= lookUp(path.resolve(folder, request), trailingSlash, request, isMain);
    if (found) {
      Module._pathCache[key] = found;
      return found;
    }
  }
  return false;
};

Module._nodeModulePaths = function(from) {
  from = path.resolve(from);
  const found = [];
  for (let end = from === '/' ? 0 : from.length; end > 0;) {
    const at = from.lastIndexOf('/', end - 1);
    if (from.slice(at + 1, end) !== 'node_modules') found.push(`${from.slice(0, end)}/node_modules`);
    end = at;
  }
  found.push('/node_modules');
  return found;
};

Module._stat = (file) => {
  const kind = fs.kind(path.resolve(file));
  return kind < 0 ? kind : kind === FOLDER ? 1 : 0;
};

const isRelative = (request) => /^\.\.?(\/|$)/.test(request);

Module._resolveLookupPaths = function(request, parent) {
  if (canBeRequiredBare(request) || (request.startsWith('node:') && isBuiltin(request))) return null;
  if (!isRelative(request)) {
    const paths = parent?.paths?.length ? parent.paths.concat(Module.globalPaths) : Module.globalPaths.slice();
    return paths;
  }
  if (!parent?.id || !parent.filename) return ['.'].concat(Module._nodeModulePaths('.'), Module.globalPaths);
  return [path.dirname(parent.filename)];
};

function pathsFromOptions(request, options) {
  if (!Array.isArray(options.paths)) throw new ERR_INVALID_ARG_VALUE('options.paths', options.paths);
  if (isRelative(request)) return options.paths;
  const fake = new Module('', null);
  const paths = [];
  for (const from of options.paths) {
    fake.paths = Module._nodeModulePaths(from);
    for (const folder of Module._resolveLookupPaths(request, fake)) if (!paths.includes(folder)) paths.push(folder);
  }
  return paths;
}

// '#name' and the package's own name, both by the package.json above the parent.
function resolveByScope(request, parent) {
  const from = parent?.filename ?? (parent?.id === '[eval]' ? `${process.cwd()}/[eval]` : undefined);
  if (from === undefined || from === null) return undefined;
  if (request[0] === '#') {
    const found = packages.resolveImports(request, from, conditions(), (bare) => (isBuiltin(bare) ? bare :
      Module._resolveFilename(bare, parent)));
    return isBuiltin(found) ? found : finish(found, request);
  }
  const parts = packages.splitName(request);
  const pkg = parts && packages.scopeOf(from);
  if (!pkg || pkg.exports === undefined || pkg.name !== parts[0]) return undefined;
  return finish(packages.resolveExports(pkg, parts[1], conditions(), from), request);
}

Module._resolveFilename = function(request, parent, isMain, options) {
  if (canBeRequiredBare(request) || (request.startsWith('node:') && isBuiltin(request))) return request;
  const paths = options !== null && typeof options === 'object' && options.paths !== undefined ?
    pathsFromOptions(request, options) : Module._resolveLookupPaths(request, parent);
  denied = undefined;
  if (!isRelative(request) && !path.isAbsolute(request)) {
    const found = resolveByScope(request, parent);
    if (found) return found;
  }
  const found = Module._findPath(request, paths, isMain);
  if (found) return found;
  if (denied !== undefined && !request.includes('node_modules') && denied.includes(path.basename(request))) {
    deniedCheck(kindOf(denied), denied);
  }
  const stack = [];
  for (let cursor = parent; cursor; cursor = cursor[kParent]) stack.push(cursor.filename || cursor.id);
  throw errors.moduleNotFound(request, stack);
};

// ---- Loading ----

Module._load = function(request, parent, isMain) {
  const key = parent && `${parent.path}\x00${request}`;
  if (key) {
    const known = relativeCache[key];
    const cached = known !== undefined && Module._cache[known];
    if (cached) {
      addChild(parent, cached);
      return cached.loaded ? cached.exports : partial(cached);
    }
    delete relativeCache[key];
  }
  if (request.startsWith('node:')) {
    if (!isBuiltin(request)) throw errors.unknownBuiltin(request);
    return requireBuiltin(request);
  }
  const filename = Module._resolveFilename(request, parent, isMain);
  const cached = Module._cache[filename];
  if (cached !== undefined) {
    addChild(parent, cached);
    return cached.loaded ? cached.exports : partial(cached);
  }
  if (canBeRequiredBare(filename) || (filename.startsWith('node:') && isBuiltin(filename))) return requireBuiltin(filename);
  return loadFile(filename, parent, isMain, key);
};

function loadFile(filename, parent, isMain, key) {
  const module = new Module(filename, parent);
  if (isMain) {
    process.mainModule = module;
    mainModule = module;
    module.id = '.';
  }
  Module._cache[filename] = module;
  if (key !== undefined && key !== null) relativeCache[key] = filename;
  let threw = true;
  try {
    module.load(filename);
    threw = false;
  } finally {
    if (threw) {
      delete Module._cache[filename];
      if (key) delete relativeCache[key];
      const at = parent?.children?.indexOf(module);
      if (at >= 0) parent.children.splice(at, 1);
    } else if (isPlain(module.exports) && Object.getPrototypeOf(module.exports) === missed) {
      Object.setPrototypeOf(module.exports, Object.prototype);
    }
  }
  return module.exports;
}

let mainModule;

function addChild(parent, child) {
  if (parent?.children && !parent.children.includes(child)) parent.children.push(child);
}

// What a cycle sees of a module that is still running: a look at what is not there yet is warned of.
function partial(module) {
  const { exports } = module;
  if (isPlain(exports) && !types.isProxy(Object.getPrototypeOf(exports)) && Object.getPrototypeOf(exports) === Object.prototype && !exports.__esModule) {
    Object.setPrototypeOf(exports, missed);
  }
  return exports;
}

// A proxy's traps must not run for our curiosity.
const isPlain = (value) => value !== null && typeof value === 'object' && !types.isProxy(value);

const missed = new Proxy({}, {
  get(target, key) {
    if (key in target || key === '__esModule') return target[key];
    warnOfCycle(key);
    return undefined;
  },
  getOwnPropertyDescriptor(target, key) {
    if (Object.hasOwn(target, key) || key === '__esModule') return Object.getOwnPropertyDescriptor(target, key);
    warnOfCycle(key);
    return undefined;
  },
});

function warnOfCycle(key) {
  process.emitWarning(`Accessing non-existent property '${String(key)}' of module exports inside circular dependency`);
}

Module.prototype.load = function(filename) {
  this.filename = filename;
  this.paths = Module._nodeModulePaths(path.dirname(filename));
  const extension = extensionOf(filename);
  if (filename.endsWith('.mjs') && !Module._extensions['.mjs']) loadEsModule(this, filename);
  else Module._extensions[extension](this, filename);
  this.loaded = true;
};

// An ES module, with all it imports, at once; its namespace is what require answers.
function loadEsModule(module, filename) {
  const parent = module[kParent]?.filename;
  if (hasFlag('--no-experimental-require-module')) throw errors.requireEsm(filename, parent);
  module.exports = esm.requireModule(filename, parent);
}

function extensionOf(filename) {
  const name = path.basename(filename);
  for (let at = name.indexOf('.', 1); at > 0; at = name.indexOf('.', at + 1)) {
    if (Module._extensions[name.slice(at)]) return name.slice(at);
  }
  return '.js';
}

Module.prototype.require = function(id) {
  validateString(id, 'id');
  if (id === '') throw new ERR_INVALID_ARG_VALUE('id', id, 'must be a non-empty string');
  return Module._load(id, this, false);
};

// A first line "#!..." stays a line, as a comment. The wrapper stands on line -1, so that lines and columns stay the file's (0 would
// mean 1).
function compileWrapped(content, filename) {
  if (content.startsWith('#!')) content = `//${content.slice(2)}`;
  if (patchedWrap) return native.script(Module.wrap(content), filename, 1);
  return native.script(`(function (exports, require, module, __filename, __dirname) {\n\n${content}\n})`, filename, -1);
}

Module.prototype._compile = function(content, filename) {
  const compiled = compileWrapped(content, filename);
  const require = makeRequire(this);
  return compiled.call(this.exports, this.exports, require, this, filename, path.dirname(filename));
};

function define(object, key, value) {
  Object.defineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
}

function makeRequire(module) {
  const require = function require(id) {
    return module.require(id);
  };
  require.resolve = function resolve(request, options) {
    validateString(request, 'request');
    return Module._resolveFilename(request, module, false, options);
  };
  require.resolve.paths = function paths(request) {
    validateString(request, 'request');
    return Module._resolveLookupPaths(request, module);
  };
  // Defined, not set: a program may have put setters on Object.prototype.
  define(require, 'main', process.mainModule ?? mainModule);
  define(require, 'extensions', Module._extensions);
  define(require, 'cache', Module._cache);
  return require;
}

// ---- Extensions ----

const withoutBom = (text) => (text.charCodeAt(0) === 0xFEFF ? text.slice(1) : text);

function readText(filename) {
  const text = fs.read(filename, true);
  if (typeof text === 'string') return text;
  deniedCheck(text, filename);
  const { UVException } = require('internal/errors');
  throw new UVException({ errno: text, syscall: 'open', path: filename });
}

// Programs that stand in for the file system put their own readFileSync into fs: then it is asked.
const publicFs = require('fs');
const { readFileSync } = publicFs;
const textOf = (filename) => (publicFs.readFileSync === readFileSync ? readText(filename) : publicFs.readFileSync(filename, 'utf8'));

Module._extensions['.js'] = function(module, filename) {
  if (filename.endsWith('.js') && packages.scopeOf(filename)?.type === 'module') {
    loadEsModule(module, filename);
    return;
  }
  module._compile(withoutBom(textOf(filename)), filename);
};

Module._extensions['.json'] = function(module, filename) {
  const content = textOf(filename);
  try {
    module.exports = JSON.parse(withoutBom(content));
  } catch (error) {
    error.message = `${filename}: ${error.message}`;
    throw error;
  }
};

Module._extensions['.node'] = function(module, filename) {
  process.dlopen(module, filename);
};

Module._initPaths = function() {
  const paths = (process.env.NODE_PATH ?? '').split(':').filter(Boolean);
  if (process.env.HOME) paths.push(path.resolve(process.env.HOME, '.node_modules'), path.resolve(process.env.HOME, '.node_libraries'));
  Module.globalPaths = paths;
};

// -r: as if a module in the working folder had required them.
Module._preloadModules = function(requests) {
  if (!Array.isArray(requests)) return;
  preloading = true;
  const parent = new Module('internal/preload', null);
  parent.paths = Module._nodeModulePaths(process.cwd());
  try {
    for (const request of requests) parent.require(request);
  } finally {
    preloading = false;
  }
};

module.exports = {
  Module, makeRequire, readText, compileWrapped, kParent, realpath, userConditions,
  setEsmLoader(loader) { esm = loader; },
};

// The loader's errors, with Node's texts: people search for them, and programs read code and requireStack. Must not know
// how anything is found.
'use strict';

function make(Base, code, message) {
  const limit = Error.stackTraceLimit;
  const error = new Base(message);
  Error.stackTraceLimit = limit;
  if (typeof error.stack === 'string') {
    const at = error.stack.indexOf('\n    at ');
    const stack = `${Base.name} [${code}]: ${message}${at < 0 ? '' : error.stack.slice(at)}`;
    Object.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true, enumerable: false });
  }
  error.code = code;
  Object.defineProperty(error, 'toString', {
    value() { return `${this.name} [${code}]: ${this.message}`; }, enumerable: false, configurable: true, writable: true,
  });
  return error;
}

const from = (base, word = 'imported from') => (base ? ` ${word} ${base}` : '');

// require's: a plain Error with the chain of modules that asked.
function moduleNotFound(request, requireStack) {
  let message = `Cannot find module '${request}'`;
  if (requireStack.length > 0) message += `\nRequire stack:\n- ${requireStack.join('\n- ')}`;
  const error = new Error(message);
  error.code = 'MODULE_NOT_FOUND';
  error.requireStack = requireStack;
  return error;
}

// `url`, when the look-up came as far as one place.
function esmNotFound(what, kind, base, url) {
  const error = make(Error, 'ERR_MODULE_NOT_FOUND', `Cannot find ${kind} '${what}'${from(base)}`);
  if (url !== undefined) error.url = url;
  return error;
}

function denied(file, why) {
  const error = new Error(`EACCES: ${why || 'permission denied'}, open '${file}'`);
  return Object.assign(error, { errno: -13, code: 'EACCES', syscall: 'open', path: file });
}

function notExported(packagePath, subpath, base) {
  const file = `${packagePath}/package.json`;
  const message = subpath === '.' ?
    `No "exports" main defined in ${file}${from(base)}` :
    `Package subpath '${subpath}' is not defined by "exports" in ${file}${from(base)}`;
  return make(Error, 'ERR_PACKAGE_PATH_NOT_EXPORTED', message);
}

const importNotDefined = (specifier, packagePath, base) => make(TypeError, 'ERR_PACKAGE_IMPORT_NOT_DEFINED',
  `Package import specifier "${specifier}" is not defined${packagePath ? ` in package ${packagePath}/package.json` : ''}${from(base)}`);

function invalidTarget(packagePath, key, target, isImport, base) {
  const shown = JSON.stringify(target);
  const relative = typeof target === 'string' && !isImport && target.length > 0 && !target.startsWith('./');
  const file = `${packagePath}/package.json`;
  const tail = `${from(base)}${relative ? '; targets must start with "./"' : ''}`;
  const message = key === '.' ?
    `Invalid "exports" main target ${shown} defined in the package config ${file}${tail}` :
    `Invalid "${isImport ? 'imports' : 'exports'}" target ${shown} defined for '${key}' in the package config ${file}${tail}`;
  return make(Error, 'ERR_INVALID_PACKAGE_TARGET', message);
}

const invalidConfig = (file, base, message) => make(Error, 'ERR_INVALID_PACKAGE_CONFIG',
  `Invalid package config ${file}${base ? ` while importing ${base}` : ''}${message ? `. ${message}` : ''}`);

const invalidSpecifier = (request, reason, base) => make(TypeError, 'ERR_INVALID_MODULE_SPECIFIER',
  `Invalid module "${request}" ${reason}${from(base)}`);

function unsupportedDirectory(path, base, url) {
  const error = make(Error, 'ERR_UNSUPPORTED_DIR_IMPORT',
    `Directory import '${path}' is not supported resolving ES modules${from(base)}`);
  if (url !== undefined) error.url = url;
  return error;
}

const unsupportedRequest = (specifier, base) => make(TypeError, 'ERR_UNSUPPORTED_RESOLVE_REQUEST',
  `Failed to resolve module specifier "${specifier}" from "${base}": Invalid relative URL or base scheme is not hierarchical.`);

function invalidUrl(url) {
  const { codes: { ERR_INVALID_URL } } = require('internal/errors');
  return new ERR_INVALID_URL(url);
}

const unknownExtension = (ext, path) => make(TypeError, 'ERR_UNKNOWN_FILE_EXTENSION',
  `Unknown file extension "${ext}" for ${path}`);

const unknownBuiltin = (id) => make(Error, 'ERR_UNKNOWN_BUILTIN_MODULE', `No such built-in module: ${id}`);

function requireEsm(filename, parent) {
  let message = `require() of ES Module ${filename}${parent ? ` from ${parent}` : ''} not supported.`;
  message += filename.endsWith('.mjs') ?
    `\nInstead change the require of ${filename} to a dynamic import() which is available in all CommonJS modules.` :
    `\n${filename.slice(filename.lastIndexOf('/') + 1)} is treated as an ES module file as it is a .js file whose nearest ` +
    'parent package.json contains "type": "module" which declares all .js files in that package scope as ES modules.\n' +
    `Instead either rename ${filename.slice(filename.lastIndexOf('/') + 1)} to end in .cjs, change the requiring code to use ` +
    'dynamic import() which is available in all CommonJS modules, or change "type": "module" to "type": "commonjs" in ' +
    'package.json to treat all .js files as CommonJS (using .mjs for all ES modules instead).\n';
  return make(Error, 'ERR_REQUIRE_ESM', message);
}

const unsupportedScheme = (protocol) => make(Error, 'ERR_UNSUPPORTED_ESM_URL_SCHEME',
  'Only URLs with a scheme in: file, data, and node are supported by the default ESM loader. ' +
  `Received protocol '${protocol}'`);

const attributeMissing = (url, key, value) => make(TypeError, 'ERR_IMPORT_ASSERTION_TYPE_MISSING',
  `Module "${url}" needs an import attribute of type "${value}"`);

const attributeUnsupported = (type) => make(TypeError, 'ERR_IMPORT_ASSERTION_TYPE_UNSUPPORTED',
  `Import attribute type "${type}" is unsupported`);

const attributeIncompatible = (url, type) => make(TypeError, 'ERR_IMPORT_ASSERTION_TYPE_FAILED',
  `Module "${url}" is not of type "${type}"`);

const requireAsync = (filename, parent) => make(Error, 'ERR_REQUIRE_ASYNC_MODULE',
  'require() cannot be used on an ESM graph with top-level await. Use import() instead. To see where the top-level await ' +
  `comes from, use --experimental-print-required-tla.${parent ? `\n  From ${parent}` : ''}\n  Requiring ${filename}`);

const requireCycle = (filename, parent) => make(Error, 'ERR_REQUIRE_CYCLE_MODULE',
  `Cannot require() ES Module ${filename} in a cycle.${parent ? ` (from ${parent})` : ''}`);

module.exports = {
  make, moduleNotFound, esmNotFound, notExported, importNotDefined, invalidTarget, invalidConfig, invalidSpecifier,
  unsupportedDirectory, unknownExtension, unknownBuiltin, requireEsm, unsupportedScheme, attributeMissing,
  attributeUnsupported, attributeIncompatible, requireAsync, requireCycle, denied, unsupportedRequest,
  invalidUrl,
};

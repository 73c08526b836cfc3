// node:vm: scripts in this context and in contexts of their own (internal/vm). What would need a second engine beside the
// running one (timeout, cached code, vm's own ES modules) throws. Must not know modules.
'use strict';

const native = internalBinding('modules');
const contexts = require('internal/vm');
const { error, stub } = require('internal/missing');
const {
  validateObject, validateString, validateArray, validateStringArray, validateInt32, validateBoolean, validateUint32,
  kValidateObjectAllowObjects,
} = require('internal/validators');
const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');

function settings(options, fallback) {
  if (typeof options === 'string') return { filename: options, lineOffset: 0 };
  if (options !== undefined) validateObject(options, 'options');
  const { filename = fallback, lineOffset = 0, columnOffset = 0, produceCachedData = false, cachedData } = options ?? {};
  validateString(filename, 'options.filename');
  validateInt32(lineOffset, 'options.lineOffset');
  validateInt32(columnOffset, 'options.columnOffset');
  validateBoolean(produceCachedData, 'options.produceCachedData');
  if (cachedData !== undefined && !ArrayBuffer.isView(cachedData)) {
    throw new ERR_INVALID_ARG_TYPE('options.cachedData', ['Buffer', 'TypedArray', 'DataView'], cachedData);
  }
  return { filename, lineOffset };
}

function checkRun(options = {}) {
  validateObject(options, 'options');
  const { timeout, breakOnSigint, displayErrors } = options;
  if (timeout !== undefined) {
    validateUint32(timeout, 'options.timeout', true);
    throw error('vm with options.timeout');
  }
  if (breakOnSigint !== undefined) validateBoolean(breakOnSigint, 'options.breakOnSigint');
  if (displayErrors !== undefined) validateBoolean(displayErrors, 'options.displayErrors');
}

function checkContext(object) {
  validateObject(object, 'contextifiedObject', kValidateObjectAllowObjects);
  if (!contexts.isContext(object)) throw new ERR_INVALID_ARG_TYPE('contextifiedObject', 'vm.Context', object);
}

class Script {
  #code;
  #filename;
  #line;

  constructor(code, options = {}) {
    const { filename, lineOffset } = settings(options, 'evalmachine.<anonymous>');
    this.#code = `${code}`;
    this.#filename = filename;
    this.#line = lineOffset + 1;
    this.cachedDataRejected = options?.cachedData === undefined ? undefined : true;
    this.sourceMapURL = undefined;
    native.check(this.#code, filename, this.#line, false);
  }

  runInThisContext(options) {
    checkRun(options);
    return native.script(this.#code, this.#filename, this.#line);
  }

  runInContext(contextifiedObject, options) {
    checkContext(contextifiedObject);
    checkRun(options);
    return contexts.runIn(contextifiedObject, this.#code, this.#filename, this.#line);
  }

  runInNewContext(contextObject, options) {
    return this.runInContext(createContext(contextObject, contextOptions(options)), options);
  }

  createCachedData() { throw error('vm.Script.prototype.createCachedData'); }
}

const CONTEXT_NAMES = ['contextName', 'contextOrigin'];

// The options of a context among those of a run.
function contextOptions(options) {
  if (options === undefined) return undefined;
  validateObject(options, 'options');
  for (const name of CONTEXT_NAMES) if (options[name] !== undefined) validateString(options[name], `options.${name}`);
  if (options.contextCodeGeneration !== undefined) validateObject(options.contextCodeGeneration, 'options.contextCodeGeneration');
  return undefined;
}

function createContext(contextObject = {}, options = {}) {
  validateObject(contextObject, 'contextObject', kValidateObjectAllowObjects);
  if (contexts.isContext(contextObject)) return contextObject;
  validateObject(options, 'options');
  const { name, origin, codeGeneration, microtaskMode } = options;
  if (name !== undefined) validateString(name, 'options.name');
  if (origin !== undefined) validateString(origin, 'options.origin');
  if (codeGeneration !== undefined) validateObject(codeGeneration, 'options.codeGeneration');
  if (microtaskMode !== undefined) throw error('vm.createContext with microtaskMode');
  return contexts.contextify(contextObject);
}

// As a string the options are the file's name.
const asOptions = (options) => (typeof options === 'string' ? { filename: options } : options);

function runInContext(code, contextifiedObject, options) {
  checkContext(contextifiedObject);
  const all = asOptions(options);
  return new Script(code, all).runInContext(contextifiedObject, all);
}

function runInNewContext(code, contextObject, options) {
  const all = asOptions(options);
  return new Script(code, all).runInNewContext(contextObject, all);
}

function runInThisContext(code, options) {
  const all = asOptions(options);
  return new Script(code, all).runInThisContext(all);
}

function compileFunction(code, params, options = {}) {
  validateString(code, 'code');
  validateObject(options, 'options');
  if (params !== undefined) validateStringArray(params, 'params');
  const { filename, lineOffset } = settings(options, '');
  const { parsingContext, contextExtensions = [] } = options;
  validateArray(contextExtensions, 'options.contextExtensions');
  if (contextExtensions.length > 0) throw error('vm.compileFunction with contextExtensions');
  const text = `(function (${(params ?? []).join(',')}) {\n\n${code}\n})`;
  if (parsingContext === undefined) return native.script(text, filename, lineOffset - 1);
  if (parsingContext === null || typeof parsingContext !== 'object' || !contexts.isContext(parsingContext)) {
    throw new ERR_INVALID_ARG_TYPE('options.parsingContext', 'Context', parsingContext);
  }
  return contexts.runIn(parsingContext, text, filename, lineOffset - 1);
}

module.exports = {
  Script, compileFunction, createContext, runInContext, runInNewContext, runInThisContext,
  createScript: (code, options) => new Script(code, asOptions(options)),
  measureMemory: stub('vm', 'measureMemory'),
  isContext(object) {
    validateObject(object, 'object', kValidateObjectAllowObjects);
    return contexts.isContext(object);
  },
  constants: Object.freeze({ __proto__: null, USE_MAIN_CONTEXT_DEFAULT_LOADER: Symbol('vm_dynamic_import_main_context_default') }),
};

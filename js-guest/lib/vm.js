// node:vm for this context: Script and runInThisContext are real. A new context would need a second realm and throws. Must
// not know modules.
'use strict';

const native = internalBinding('modules');
const { error, stub } = require('internal/missing');
const { validateObject, validateString, validateArray, validateStringArray } = require('internal/validators');

function settings(options, fallback) {
  if (typeof options === 'string') return { filename: options, lineOffset: 0 };
  if (options !== undefined) validateObject(options, 'options');
  const { filename = fallback, lineOffset = 0 } = options ?? {};
  validateString(filename, 'options.filename');
  return { filename, lineOffset };
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
    this.cachedDataRejected = undefined;
    this.sourceMapURL = undefined;
    native.check(this.#code, filename, this.#line, false);
  }

  runInThisContext() { return native.script(this.#code, this.#filename, this.#line); }
  runInContext() { throw error('vm.Script.prototype.runInContext'); }
  runInNewContext() { throw error('vm.Script.prototype.runInNewContext'); }
  createCachedData() { throw error('vm.Script.prototype.createCachedData'); }
}

function compileFunction(code, params = [], options = {}) {
  validateString(code, 'code');
  validateArray(params, 'params');
  validateStringArray(params, 'params');
  const { filename, lineOffset } = settings(options, '');
  if (options.parsingContext !== undefined || options.contextExtensions?.length) throw error('vm.compileFunction in a context');
  return native.script(`(function (${params.join(',')}) {\n\n${code}\n})`, filename, lineOffset - 1);
}

module.exports = {
  Script, compileFunction,
  createScript: (code, options) => new Script(code, options),
  runInThisContext: (code, options) => new Script(code, options).runInThisContext(),
  createContext: stub('vm', 'createContext'),
  runInContext: stub('vm', 'runInContext'),
  runInNewContext: stub('vm', 'runInNewContext'),
  measureMemory: stub('vm', 'measureMemory'),
  isContext(object) {
    validateObject(object, 'object', require('internal/validators').kValidateObjectAllowObjects);
    return false;
  },
  constants: Object.freeze({ __proto__: null, USE_MAIN_CONTEXT_DEFAULT_LOADER: Symbol('vm_dynamic_import_main_context_default') }),
};

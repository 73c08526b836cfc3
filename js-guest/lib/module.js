// node:module: the class Module with what programs ask of it. Must not know how files are found (internal/modules).
'use strict';

const { Module, makeRequire } = require('internal/modules/cjs');
const { builtinModules, isBuiltin } = require('internal/modules/builtins');
const path = require('path');
const { codes: { ERR_INVALID_ARG_VALUE } } = require('internal/errors');

function createRequire(filename) {
  let file = filename;
  if (filename instanceof URL || (typeof filename === 'string' && filename.startsWith('file:'))) {
    try {
      file = require('url').fileURLToPath(filename);
    } catch {
      file = undefined;
    }
  }
  if (typeof file !== 'string' || !path.isAbsolute(file)) {
    throw new ERR_INVALID_ARG_VALUE('filename', filename, 'must be a file URL object, file URL string, or absolute path string');
  }
  const folder = file.endsWith('/') ? path.join(file, 'noop.js') : file;
  const module = new Module(folder);
  module.filename = folder;
  module.paths = Module._nodeModulePaths(path.dirname(folder));
  return makeRequire(module);
}

function syncBuiltinESMExports() {
  require('internal/modules/esm').syncBuiltins();
}

class SourceMap {
  constructor() {
    throw require('internal/missing').error('module.SourceMap');
  }
}

Module.builtinModules = builtinModules.slice();
Module.isBuiltin = isBuiltin;
Module.createRequire = createRequire;
Module.syncBuiltinESMExports = syncBuiltinESMExports;
Module.findSourceMap = () => undefined;
Module.SourceMap = SourceMap;
Module.register = () => { throw require('internal/missing').error('module.register'); };
Module.runMain = (main = process.argv[1]) => require('internal/modules/run_main').runMain(main);

module.exports = Module;

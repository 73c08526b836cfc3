// START: the guest has come to life. Makes process true, then runs the program. As little as possible happens here: all
// that can be done before the image is taken is done there. Must not know how a script is loaded.
'use strict';

const native = internalBinding('process');
const lifecycle = require('internal/process/lifecycle');
const runMain = require('internal/modules/run_main');
const { Module } = require('internal/modules/cjs');
const builtins = require('internal/modules/builtins');

function inputType(execArgv) {
  const at = execArgv.findIndex((flag) => flag.startsWith('--input-type'));
  if (at < 0) return 'commonjs';
  return execArgv[at].includes('=') ? execArgv[at].split('=')[1] : execArgv[at + 1];
}

function start(info) {
  lifecycle.begin(info);
  const { execArgv } = process;
  if (execArgv.length > 0 && execArgv.includes('--expose-internals')) builtins.exposeInternals();
  if (execArgv.length > 0 && execArgv.includes('--expose-gc')) {
    Object.defineProperty(globalThis, 'gc', { value: native.gc, writable: true, configurable: true, enumerable: false });
  }
  Module._initPaths();
  if (info.mode === 'check') runMain.check(info.main);
  else if (info.mode === 'file') runMain.runMain(info.main);
  else if (inputType(execArgv) === 'module') runMain.evalModule(info.source);
  else runMain.evalScript(info.source, info.mode === 'print');
}

native.setEvents(start, lifecycle.beforeExit, lifecycle.onExit, lifecycle.signal);

// START: the guest has come to life. Makes process true, then runs the program. As little as possible happens here: all
// that can be done before the image is taken is done there. Must not know how a script is loaded.
'use strict';

const native = internalBinding('process');
const lifecycle = require('internal/process/lifecycle');
const runMain = require('internal/modules/run_main');
const { Module, userConditions } = require('internal/modules/cjs');
const builtins = require('internal/modules/builtins');

function inputType(execArgv) {
  const at = execArgv.findIndex((flag) => flag.startsWith('--input-type'));
  if (at < 0) return 'commonjs';
  return execArgv[at].includes('=') ? execArgv[at].split('=')[1] : execArgv[at + 1];
}

const CLONED = 1; // a flag of START

function start(info, flags) {
  if (flags & CLONED) {
    lifecycle.resume(info, native.now(0));
    require('internal/child_process/clone').renew();
    return;
  }
  const origin = native.now(0), entered = native.now(0);
  lifecycle.begin(info, origin);
  const begun = native.now(0);
  const { execArgv } = process;
  if (execArgv.length > 0) applyFlags(execArgv);
  const ready = native.now(0);
  Module._initPaths();
  const channelAt = info.info?.channelAt ?? -1;
  if (info.descriptors || channelAt >= 0) require('internal/fs/request').begin(info.descriptors ?? [], channelAt);
  if (info.channel || info.info) require('internal/child_process/child_side').setup(info.info);
  lifecycle.state.steps = [entered, begun, ready, native.now(0)];
  const preload = valuesOf(execArgv, '--require');
  if (preload.length > 0) Module._preloadModules(preload);
  const imports = valuesOf(execArgv, '--import');
  if (imports.length > 0) runMain.importFirst(imports, () => runProgram(info));
  else runProgram(info);
}

const SHORT = { '--require': '-r', '--conditions': '-C' };

// `--name=value`, `--name value` and `-n value`.
const valuesOf = (execArgv, name) => execArgv.flatMap((flag, i) => {
  if (flag.startsWith(`${name}=`)) return [flag.slice(name.length + 1)];
  return (flag === name || flag === SHORT[name]) && i + 1 < execArgv.length ? [execArgv[i + 1]] : [];
});

function applyFlags(execArgv) {
  if (execArgv.includes('--expose-internals')) builtins.exposeInternals();
  if (execArgv.includes('--expose-gc')) {
    Object.defineProperty(globalThis, 'gc', { value: native.gc, writable: true, configurable: true, enumerable: false });
  }
  if (execArgv.includes('--no-deprecation')) process.noDeprecation = true;
  if (execArgv.includes('--throw-deprecation')) process.throwDeprecation = true;
  if (execArgv.includes('--trace-deprecation')) process.traceDeprecation = true;
  const [limit] = valuesOf(execArgv, '--stack-trace-limit');
  if (limit !== undefined) Error.stackTraceLimit = Number(limit);
  userConditions.push(...valuesOf(execArgv, '--conditions'));
}

function runProgram(info) {
  if (info.mode === 'check') runMain.check(info.main);
  else if (info.mode === 'file') runMain.runMain(info.main);
  else if (info.mode === 'host') require('skep:host'); // the program that this host is part of says what is run
  else if (info.mode === 'stdin') runMain.runInput(inputType(process.execArgv));
  else if (inputType(process.execArgv) === 'module') runMain.evalModule(info.source);
  else runMain.evalScript(info.source, info.mode === 'print');
  const { state } = lifecycle;
  state.loopAt = native.now(0);
  state.loopCpu = native.now(2);
}

native.setEvents(start, lifecycle.beforeExit, lifecycle.onExit, lifecycle.signal);

// node:child_process: the module itself. How each function works is in internal/child_process.
'use strict';

const { ChildProcess } = require('internal/child_process/child');
const { exec, execFile } = require('internal/child_process/exec');
const { fork, spawn } = require('internal/child_process/spawn');
const { execFileSync, execSync, spawnSync } = require('internal/child_process/sync');

module.exports = {
  _forkChild: undefined,
  ChildProcess,
  exec,
  execFile,
  execFileSync,
  execSync,
  fork: (modulePath, args, options) => fork(modulePath, args, options),
  spawn,
  spawnSync,
};
Object.defineProperty(module.exports.fork, 'length', { value: 1, configurable: true });

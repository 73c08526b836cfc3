// node:fs/promises: the calls of internal/fs/calls as promises. Must not know the host.
'use strict';

const calls = require('internal/fs/calls');
const { stub } = require('internal/missing');

// Always a rejection, never a throw; settled in a later tick, as a file's answer would be.
function promised(name) {
  return {
    async [name](...args) {
      await undefined;
      return calls[name](...args);
    },
  }[name];
}

for (const name of ['access', 'appendFile', 'lstat', 'readFile', 'readdir', 'realpath', 'stat', 'writeFile']) {
  exports[name] = promised(name);
}
for (const name of ['chmod', 'chown', 'copyFile', 'cp', 'lchmod', 'lchown', 'link', 'lutimes', 'mkdir', 'mkdtemp', 'open', 'opendir',
  'readlink', 'rename', 'rm', 'rmdir', 'statfs', 'symlink', 'truncate', 'unlink', 'utimes', 'watch']) {
  const throws = stub('fs.promises', name);
  exports[name] = { async [name](...args) { return throws(...args); } }[name];
}

Object.defineProperty(exports, 'constants', { enumerable: true, get: () => require('fs').constants });

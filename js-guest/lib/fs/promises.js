// node:fs/promises: Node's promise forms of what internal/fs offers. Must not know the host.
'use strict';

const { operations } = require('internal/fs/operations');
const { promise, runPromise } = require('internal/fs/request');
const sequences = require('internal/fs/sequences');
const { FileHandle, isIterable, open, writeData } = require('internal/fs/file_handle');
const { opendirPromise } = require('internal/fs/dir');
const { getOptions } = require('internal/fs/validate');
const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Always a rejection, never a throw.
const PLAIN = ['access', 'chmod', 'chown', 'copyFile', 'lchown', 'link', 'lstat', 'lutimes', 'mkdir', 'mkdtemp', 'readlink', 'rename', 'stat',
               'statfs', 'symlink', 'unlink', 'utimes'];
for (const name of PLAIN) {
  const make = operations[name];
  exports[name] = {
    async [name](...args) {
      const request = make(...args);
      const answer = await promise(request);
      return request.kind === undefined ? undefined : answer;
    },
  }[name];
}

Object.assign(exports, {
  open: { async open(path, flags, mode) { return open(path, flags, mode); } }.open,
  opendir: { async opendir(path, options) { return opendirPromise(path, options); } }.opendir,
  async realpath(path, options) {
    return promise({ ...operations.realpath(path, options), syscall: 'realpath' });
  },
  async lchmod() {
    throw new ERR_METHOD_NOT_IMPLEMENTED('lchmod()');
  },
  async readFile(path, options) {
    if (path instanceof FileHandle) return path.readFile(options);
    return runPromise(sequences.readFileSteps(path, options));
  },
  async writeFile(path, data, options) {
    options = getOptions(options, { encoding: 'utf8', mode: 0o666, flag: 'w', flush: false });
    if (path instanceof FileHandle) return path.writeFile(data, options);
    if (!isIterable(data)) return runPromise(sequences.writeFileSteps(path, data, options));
    sequences.checkAborted(options.signal);
    const handle = await open(path, options.flag || 'w', options.mode);
    try {
      return await writeData(handle.fd, data, options);
    } finally {
      await handle.close();
    }
  },
  async appendFile(path, data, options) {
    if (path instanceof FileHandle) return path.appendFile(data, options);
    return runPromise(sequences.appendFileSteps(path, data, options));
  },
  async truncate(path, length = 0) {
    return runPromise(sequences.truncateSteps(path, length));
  },
  async readdir(path, options) {
    return runPromise(sequences.readdirSteps(path, options));
  },
  async rm(path, options) {
    return runPromise(sequences.rmSteps(path, options, pause));
  },
  async rmdir(path, options) {
    return runPromise(sequences.rmdirSteps(path, options, pause));
  },
  async cp(src, dest, options) {
    return runPromise(require('internal/fs/cp').cpSteps(src, dest, options));
  },
  watch(path, options) {
    return require('internal/fs/watchers').watchPromise(path, options);
  },
});

Object.defineProperty(exports, 'constants', { enumerable: true, value: require('internal/fs/constants') });

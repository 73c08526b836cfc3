// node:fs: whole files, read and written at once, in Node's three forms. Everything else of Node's fs is there and throws
// ERR_METHOD_NOT_IMPLEMENTED. Must not know the host (internal/fs/calls does).
'use strict';

const calls = require('internal/fs/calls');
const { Stats, Dirent } = require('internal/fs/stats');
const { stub } = require('internal/missing');
const { validateFunction } = require('internal/validators');

const constants = Object.freeze({
  __proto__: null,
  UV_FS_SYMLINK_DIR: 1, UV_FS_SYMLINK_JUNCTION: 2, O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2, UV_DIRENT_UNKNOWN: 0, UV_DIRENT_FILE: 1,
  UV_DIRENT_DIR: 2, UV_DIRENT_LINK: 3, UV_DIRENT_FIFO: 4, UV_DIRENT_SOCKET: 5, UV_DIRENT_CHAR: 6, UV_DIRENT_BLOCK: 7,
  EXTENSIONLESS_FORMAT_JAVASCRIPT: 0, EXTENSIONLESS_FORMAT_WASM: 1, S_IFMT: 61440, S_IFREG: 32768, S_IFDIR: 16384, S_IFCHR: 8192,
  S_IFBLK: 24576, S_IFIFO: 4096, S_IFLNK: 40960, S_IFSOCK: 49152, O_CREAT: 64, O_EXCL: 128, UV_FS_O_FILEMAP: 0, O_NOCTTY: 256,
  O_TRUNC: 512, O_APPEND: 1024, O_DIRECTORY: 65536, O_NOATIME: 262144, O_NOFOLLOW: 131072, O_SYNC: 1052672, O_DSYNC: 4096,
  O_DIRECT: 16384, O_NONBLOCK: 2048, S_IRWXU: 448, S_IRUSR: 256, S_IWUSR: 128, S_IXUSR: 64, S_IRWXG: 56, S_IRGRP: 32, S_IWGRP: 16,
  S_IXGRP: 8, S_IRWXO: 7, S_IROTH: 4, S_IWOTH: 2, S_IXOTH: 1, F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1, UV_FS_COPYFILE_EXCL: 1,
  COPYFILE_EXCL: 1, UV_FS_COPYFILE_FICLONE: 2, COPYFILE_FICLONE: 2, UV_FS_COPYFILE_FICLONE_FORCE: 4, COPYFILE_FICLONE_FORCE: 4,
});

// What a system says is the callback's; what is wrong with the arguments is thrown.
function withCallback(name, arity) {
  const call = calls[name];
  return {
    [name](...args) {
      const callback = args.at(-1);
      validateFunction(callback, 'cb');
      if (args.length <= arity) calls.toPath(args[0]);
      let result;
      try {
        result = call(...args.slice(0, -1));
      } catch (error) {
        if (error.syscall === undefined) throw error;
        setImmediate(callback, error);
        return;
      }
      if (result === undefined) setImmediate(callback, null);
      else setImmediate(callback, null, result);
    },
  }[name];
}

function sync(name) {
  const call = calls[name];
  return { [`${name}Sync`](...args) { return call(...args); } }[`${name}Sync`];
}

for (const name of ['access', 'appendFile', 'lstat', 'readFile', 'readdir', 'realpath', 'stat', 'writeFile']) {
  exports[name] = withCallback(name, 1);
  exports[`${name}Sync`] = sync(name);
}
exports.realpath.native = exports.realpath;
exports.realpathSync.native = exports.realpathSync;
exports.existsSync = function existsSync(path) { return calls.exists(path); };
exports.exists = function exists(path, callback) {
  validateFunction(callback, 'cb');
  setImmediate(callback, calls.exists(path));
};
Object.defineProperty(exports.exists, Symbol.for('nodejs.util.promisify.custom'), {
  value: async (path) => calls.exists(path), enumerable: false,
});

const MISSING = `chmod chown close copyFile cp fchmod fchown fdatasync fstat fsync ftruncate futimes lchmod lchown link lutimes mkdir
  mkdtemp open opendir read readlink readv rename rm rmdir statfs symlink truncate unlink utimes write writev`.split(/\s+/);
for (const name of MISSING) {
  exports[name] = stub('fs', name);
  exports[`${name}Sync`] = stub('fs', `${name}Sync`);
}
for (const name of ['createReadStream', 'createWriteStream', 'openAsBlob', 'unwatchFile', 'watch', 'watchFile', 'Dir', 'ReadStream',
  'WriteStream', 'FileReadStream', 'FileWriteStream', '_toUnixTimestamp']) exports[name] = stub('fs', name);

Object.assign(exports, { Stats, Dirent, constants, F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 });
Object.defineProperty(exports, 'promises', {
  configurable: true, enumerable: true, get: () => require('fs/promises'),
});

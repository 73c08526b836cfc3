// The operations on paths and descriptors, each as a function from Node's arguments to one request. fs and fs.promises make
// their forms of them. Must not know in which form an operation is wanted.
'use strict';

const { ops } = require('internal/fs/request');
const { StatFs, toStats } = require('internal/fs/stats');
const {
  accessMode, checkOwner, getOptions, rmdirOptions, stringToFlags, toFd, toPath, toUnixTimestamp,
} = require('internal/fs/validate');
const { parseFileMode, validateBoolean, validateInteger, validateString } = require('internal/validators');
const { codes: { ERR_FS_INVALID_SYMLINK_TYPE } } = require('internal/errors');

// Seconds travel as the bits of a double.
const seconds = new Float64Array(1);
const bits = new BigInt64Array(seconds.buffer);
function timeBits(time, name) {
  seconds[0] = toUnixTimestamp(time, name);
  return bits[0];
}

const modeNow = (mode) => mode & ~process.umask();

// Paths come as bytes; a script gets them in its encoding.
function encoded(options) {
  const encoding = options.encoding ?? 'utf8';
  if (encoding === 'buffer') return (bytes) => bytes;
  return (bytes) => bytes.toString(encoding);
}

const statFinish = (words, request) => toStats(words, request.bigint);
const MISSING = [-2, -20]; // ENOENT, ENOTDIR

function stat(op, syscall, path, options) {
  path = toPath(path);
  return {
    op, syscall, path, kind: 'words', bigint: options?.bigint === true, finish: (words, r) => words && statFinish(words, r),
    lenient: options?.throwIfNoEntry === false ? MISSING : undefined,
  };
}

let templateWarned = false;
function warnOfTemplate(prefix) {
  const last = typeof prefix === 'string' ? prefix.at(-1) : String.fromCharCode(prefix.at(-1));
  if (last !== 'X' || templateWarned) return;
  templateWarned = true;
  process.emitWarning('mkdtemp() templates ending with X are not portable. For details see: https://nodejs.org/api/fs.html');
}

const operations = {
  access(path, mode) {
    path = toPath(path);
    return { op: ops.ACCESS, syscall: 'access', path, mode: accessMode(mode, 7) };
  },
  chmod(path, mode) {
    path = toPath(path);
    return { op: ops.CHANGE_MODE, syscall: 'chmod', path, mode: parseFileMode(mode, 'mode') };
  },
  fchmod(fd, mode) {
    fd = toFd(fd);
    return { op: ops.SET_MODE, syscall: 'fchmod', fd, mode: parseFileMode(mode, 'mode') };
  },
  chown(path, uid, gid) {
    path = toPath(path);
    checkOwner(uid, gid);
    return { op: ops.CHANGE_OWNER, syscall: 'chown', path, a: uid, b: gid };
  },
  lchown(path, uid, gid) {
    return { ...operations.chown(path, uid, gid), op: ops.CHANGE_OWNER_OF_LINK, syscall: 'lchown' };
  },
  fchown(fd, uid, gid) {
    fd = toFd(fd);
    checkOwner(uid, gid);
    return { op: ops.SET_OWNER, syscall: 'fchown', fd, a: uid, b: gid };
  },
  copyFile(from, to, mode) {
    from = toPath(from, 'src');
    to = toPath(to, 'dest');
    return { op: ops.COPY, syscall: 'copyfile', path: from, other: to, dest: to, flags: accessMode(mode, 7) };
  },
  fdatasync(fd) {
    return { op: ops.SYNC_DATA, syscall: 'fdatasync', fd: toFd(fd) };
  },
  fstat(fd, options) {
    fd = toFd(fd);
    const bigint = options?.bigint === true;
    return { op: ops.FSTAT, syscall: 'fstat', fd, a: fd, kind: 'words', bigint, finish: statFinish };
  },
  fsync(fd) {
    return { op: ops.SYNC, syscall: 'fsync', fd: toFd(fd) };
  },
  ftruncate(fd, length = 0) {
    fd = toFd(fd);
    validateInteger(length, 'len');
    return { op: ops.TRUNCATE, syscall: 'ftruncate', fd, a: Math.max(0, length) };
  },
  futimes(fd, atime, mtime) {
    fd = toFd(fd);
    return { op: ops.SET_TIMES, syscall: 'futime', fd, a: timeBits(atime, 'atime'), b: timeBits(mtime, 'mtime') };
  },
  utimes(path, atime, mtime) {
    path = toPath(path);
    return { op: ops.CHANGE_TIMES, syscall: 'utime', path, a: timeBits(atime, 'atime'), b: timeBits(mtime, 'mtime') };
  },
  lutimes(path, atime, mtime) {
    return { ...operations.utimes(path, atime, mtime), op: ops.CHANGE_TIMES_OF_LINK, syscall: 'lutime' };
  },
  link(from, to) {
    from = toPath(from, 'existingPath');
    to = toPath(to, 'newPath');
    return { op: ops.LINK, syscall: 'link', path: from, other: to, dest: to };
  },
  lstat: (path, options) => stat(ops.LSTAT, 'lstat', path, options),
  stat: (path, options) => stat(ops.STAT, 'stat', path, options),
  statfs(path, options) {
    path = toPath(path);
    const bigint = options?.bigint === true;
    return { op: ops.STATFS, syscall: 'statfs', path, kind: 'words', bigint, finish: (words) => new StatFs(...words) };
  },
  mkdir(path, options) {
    let mode = 0o777;
    let recursive = false;
    if (typeof options === 'number' || typeof options === 'string') {
      mode = parseFileMode(options, 'mode');
    } else if (options) {
      if (options.recursive !== undefined) recursive = options.recursive;
      if (options.mode !== undefined) mode = parseFileMode(options.mode, 'options.mode');
    }
    path = toPath(path);
    validateBoolean(recursive, 'options.recursive');
    const request = { op: ops.MAKE_FOLDER, syscall: 'mkdir', path, mode: modeNow(mode), finish: () => undefined };
    if (!recursive) return request;
    const finish = (bytes) => (bytes.length === 0 ? undefined : bytes.toString().replace(/(?<=.)\/+$/, ''));
    // What a relative path starts from must be there already.
    const isRelative = typeof path === 'string' && path[0] !== '/';
    return { ...request, flags: 1, kind: 'text', finish, a: isRelative ? Buffer.byteLength(process.cwd()) : 0 };
  },
  mkdtemp(prefix, options) {
    options = getOptions(options);
    prefix = toPath(prefix, 'prefix');
    warnOfTemplate(prefix);
    const shownPath = typeof prefix === 'string' ? `${prefix}XXXXXX` : `${Buffer.from(prefix)}XXXXXX`;
    const relative = typeof prefix === 'string' && prefix[0] !== '/';
    const decode = encoded(options);
    const finish = (bytes) => decode(relative ? bytes.subarray(Buffer.byteLength(process.cwd()) + 1) : bytes);
    return { op: ops.MAKE_TEMPORARY, syscall: 'mkdtemp', path: prefix, shownPath, kind: 'text', finish };
  },
  open(path, flags, mode) {
    path = toPath(path);
    const flagsNumber = stringToFlags(flags);
    mode = parseFileMode(mode, 'mode', 0o666);
    return { op: ops.OPEN, syscall: 'open', path, flags: flagsNumber, mode: modeNow(mode) };
  },
  readlink(path, options) {
    options = getOptions(options);
    path = toPath(path, 'oldPath');
    return { op: ops.READ_LINK, syscall: 'readlink', path, kind: 'text', finish: encoded(options) };
  },
  realpath(path, options) {
    options = getOptions(options);
    path = toPath(path);
    if (path.length === 0) path = '.';
    return { op: ops.REAL_PATH, syscall: 'lstat', path, kind: 'text', finish: encoded(options) };
  },
  rename(from, to) {
    from = toPath(from, 'oldPath');
    to = toPath(to, 'newPath');
    return { op: ops.RENAME, syscall: 'rename', path: from, other: to, dest: to };
  },
  rmdir(path, options) {
    path = toPath(path);
    rmdirOptions(options);
    return { op: ops.REMOVE_FOLDER, syscall: 'rmdir', path };
  },
  symlink(target, path, type) {
    if (type != null) {
      validateString(type, 'type');
      if (!['dir', 'file', 'junction'].includes(type)) throw new ERR_FS_INVALID_SYMLINK_TYPE(type);
    }
    target = toPath(target, 'target');
    path = toPath(path);
    return { op: ops.SYMLINK, syscall: 'symlink', path, shownPath: target, other: target, dest: path, raw: true };
  },
  unlink(path) {
    return { op: ops.REMOVE, syscall: 'unlink', path: toPath(path) };
  },
};

module.exports = { encoded, modeNow, operations };

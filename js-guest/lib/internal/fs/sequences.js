// What takes several operations: whole files, truncating by path, removing and listing trees. Each is a generator that
// yields requests; who drives it decides whether that is at once or off the loop. Must not know callbacks and promises.
'use strict';

const { addDescriptor, ops, takeDescriptor } = require('internal/fs/request');
const { operations } = require('internal/fs/operations');
const { Dirent, kindOfMode } = require('internal/fs/stats');
const {
  checkData, getOptions, rmOptions, rmdirOptions, toPath,
} = require('internal/fs/validate');
const { validateBoolean, validateInteger } = require('internal/validators');
const {
  AbortError, UVException, codes: { ERR_FS_EISDIR, ERR_FS_FILE_TOO_LARGE },
} = require('internal/errors');

const FOLDER = 2;
const LINK = 3;
const READ_STEP = 64 << 10;
const READ_MOST = 1 << 20;
const WRITE_STEP = 8 << 20;
// So that there is something left to be aborted.
const ABORTABLE_STEP = 512 << 10;
const MOST_BYTES = 2 ** 31 - 1;

// Its name among the files, which no grant of folders can hold: it need not be a file.
const STANDARD_INPUT = '/dev/stdin';

const isDescriptor = (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0;

function checkAborted(signal) {
  if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
}

// ---- Descriptors ----

function* openSteps(path, flags, mode) {
  return addDescriptor(yield operations.open(path, flags, mode));
}

const closeRequest = (fd) => ({ op: ops.CLOSE, syscall: 'close', handle: takeDescriptor(fd) });

// ---- Whole files ----

function* readAll(fd, signal) {
  const { size } = yield operations.fstat(fd);
  if (size > MOST_BYTES) throw new ERR_FS_FILE_TOO_LARGE(size);
  const parts = [];
  let total = 0;
  for (;;) {
    checkAborted(signal);
    const length = Math.max(READ_STEP, Math.min(READ_MOST, size - total));
    const data = Buffer.allocUnsafeSlow(length);
    const count = yield { op: fd === 0 ? ops.READ_INPUT : ops.READ, syscall: 'read', kind: 'move', fd, data, offset: 0, length, a: -1 };
    if (count === 0) break;
    total += count;
    parts.push(count === length ? data : data.subarray(0, count));
    if (total === size && count < length) break;
  }
  checkAborted(signal);
  return parts.length === 1 && parts[0].byteLength === parts[0].buffer.byteLength ? parts[0] : Buffer.concat(parts, total);
}

const decoded = (bytes, encoding) => (encoding && encoding !== 'buffer' ? bytes.toString(encoding) : bytes);

function* wholeFile(path) {
  try {
    return yield { op: ops.READ_FILE, syscall: 'open', path, kind: 'bytes' };
  } catch (error) {
    if (error.code !== 'EFBIG') throw error;
    const { size } = yield operations.stat(path);
    throw size > MOST_BYTES ? new ERR_FS_FILE_TOO_LARGE(size) : error;
  }
}

function* readFileSteps(path, options) {
  options = getOptions(options, { flag: 'r' });
  const { encoding, signal } = options;
  checkAborted(signal);
  if (path === STANDARD_INPUT) path = 0;
  if (isDescriptor(path)) return decoded(yield* readAll(path, signal), encoding);
  const flag = options.flag || 'r';
  path = toPath(path);
  if (flag === 'r') {
    const bytes = yield* wholeFile(path);
    checkAborted(signal);
    return decoded(bytes, encoding);
  }
  const fd = yield* openSteps(path, flag, 0o666);
  try {
    return decoded(yield* readAll(fd, signal), encoding);
  } finally {
    yield closeRequest(fd);
  }
}

function* writeAll(fd, data, encoding, signal, position = -1) {
  const bytes = typeof data === 'string' ? Buffer.from(data, encoding || 'utf8') : data;
  for (let at = 0; at < bytes.byteLength;) {
    checkAborted(signal);
    const length = Math.min(bytes.byteLength - at, signal ? ABORTABLE_STEP : WRITE_STEP);
    const a = position < 0 ? -1 : position + at;
    at += yield { op: ops.WRITE, syscall: 'write', kind: 'move', fd, data: bytes, offset: at, length, a };
  }
}

function writeOptions(options, flag) {
  options = getOptions(options, { encoding: 'utf8', mode: 0o666, flag, flush: false });
  const flush = options.flush ?? false;
  validateBoolean(flush, 'options.flush');
  return { ...options, flag: options.flag || flag, flush };
}

// `hooks` may put the script's own fsync and close in the place of ours.
function* writeFileSteps(path, data, options, flag = 'w') {
  options = writeOptions(options, flag);
  checkData(data);
  const { encoding, signal, flush } = options;
  if (isDescriptor(path)) {
    checkAborted(signal);
    yield* writeAll(path, data, encoding, signal);
    if (flush) yield operations.fsync(path);
    return undefined;
  }
  path = toPath(path);
  checkAborted(signal);
  const fd = yield* openSteps(path, options.flag, options.mode ?? 0o666);
  try {
    yield* writeAll(fd, data, encoding, signal);
    if (flush) yield operations.fsync(fd);
  } finally {
    yield closeRequest(fd);
  }
  return undefined;
}

function* appendFileSteps(path, data, options) {
  options = getOptions(options, { encoding: 'utf8', mode: 0o666, flag: 'a' });
  options = { ...options };
  if (!options.flag || isDescriptor(path)) options.flag = 'a';
  yield* writeFileSteps(path, data, options, 'a');
}

function* truncateSteps(path, length = 0) {
  validateInteger(length, 'len');
  const fd = yield* openSteps(path, 'r+', 0o666);
  try {
    yield operations.ftruncate(fd, Math.max(0, length));
  } finally {
    yield closeRequest(fd);
  }
}

// ---- Listing ----

const join = (folder, name) => {
  if (typeof folder === 'string' && typeof name === 'string') return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
  return Buffer.concat([Buffer.from(folder), Buffer.from('/'), Buffer.from(name)]);
};

// Rows of [name, kind], in the order of their bytes.
function* entriesOf(path, asBuffer, syscall = 'scandir') {
  const bytes = yield { op: ops.LIST, syscall, path, kind: 'bytes' };
  const flat = internalBinding('fs').entries(bytes, asBuffer);
  const rows = [];
  for (let i = 0; i < flat.length; i += 2) {
    let kind = flat[i + 1];
    // Some file systems tell names only.
    if (kind === 0) kind = kindOfMode((yield operations.lstat(join(path, flat[i]))).mode);
    rows.push([flat[i], kind]);
  }
  return rows;
}

function readdirOptions(path, options) {
  options = getOptions(options);
  path = toPath(path);
  if (options.recursive != null) validateBoolean(options.recursive, 'options.recursive');
  return { path, withFileTypes: options.withFileTypes === true, recursive: options.recursive === true, encoding: options.encoding };
}

function* readdirSteps(path, given) {
  const { path: top, withFileTypes, recursive, encoding } = readdirOptions(path, given);
  const raw = encoding !== undefined && encoding !== 'utf8' && encoding !== 'utf-8';
  const named = (name) => (raw && encoding !== 'buffer' ? name.toString(encoding) : name);
  const found = [];
  const folders = [[top, '']];
  for (const [folder, prefix] of folders) {
    for (const [name, kind] of yield* entriesOf(folder, raw)) {
      const relative = prefix === '' ? name : join(prefix, name);
      found.push(withFileTypes ? new Dirent(named(name), kind, folder) : named(relative));
      if (recursive && kind === FOLDER) folders.push([join(folder, name), relative]);
    }
  }
  return found;
}

// ---- Removing ----

const RETRY_CODES = new Set(['EBUSY', 'EMFILE', 'ENFILE', 'ENOTEMPTY', 'EPERM']);

function* removeTree(path, options, isTop) {
  let tries = 0;
  for (;;) {
    try {
      yield* removeOnce(path, options);
      return;
    } catch (error) {
      if (error.code === 'ENOENT' && (!isTop || options.force)) return;
      if (!RETRY_CODES.has(error.code) || tries >= options.maxRetries) throw error;
      tries++;
      if (options.pause) yield options.pause(tries * options.retryDelay);
    }
  }
}

function* removeOnce(path, options) {
  const stats = yield { ...operations.lstat(path), syscall: options.syscall };
  if (!stats.isDirectory()) {
    yield operations.unlink(path);
    return;
  }
  // By their bytes: a name need not be text.
  for (const [name, kind] of yield* entriesOf(path, true, 'rm')) {
    const below = join(path, name);
    if (kind === FOLDER) yield* removeTree(below, options, false);
    else yield* removeFile(below, options);
  }
  yield operations.rmdir(path);
}

function* removeFile(path, options) {
  try {
    yield operations.unlink(path);
  } catch {
    // Gone, or something else by now: looked at again.
    yield* removeTree(path, options, false);
  }
}

function* rmSteps(path, options, pause) {
  path = toPath(path);
  options = { ...rmOptions(options), syscall: 'rm', pause };
  const stats = yield { ...operations.lstat(path), syscall: 'rm', lenient: options.force ? [-2] : undefined };
  if (stats === undefined) return;
  if (stats.isDirectory() && !options.recursive) {
    throw new ERR_FS_EISDIR({ code: 'EISDIR', message: 'is a directory', path, syscall: 'rm', errno: 21 });
  }
  yield* removeTree(path, options, true);
}

let warned = false;

// With `recursive`, which is deprecated, it removes trees; of what is missing or no folder it tells as rmdir does.
function* rmdirSteps(path, options, pause) {
  path = toPath(path);
  options = rmdirOptions(options);
  if (!options.recursive) {
    yield operations.rmdir(path);
    return;
  }
  if (!warned) {
    warned = true;
    process.emitWarning('In future versions of Node.js, fs.rmdir(path, { recursive: true }) will be removed. ' +
      'Use fs.rm(path, { recursive: true }) instead', 'DeprecationWarning', 'DEP0147');
  }
  const stats = yield { ...operations.lstat(path), syscall: 'rmdir' };
  if (!stats.isDirectory()) throw new UVException({ errno: -20, syscall: 'rmdir', path });
  yield* removeTree(path, { ...options, syscall: 'rmdir', pause }, true);
}

module.exports = {
  LINK, appendFileSteps, checkAborted, closeRequest, entriesOf, isDescriptor, join, openSteps, readAll, readFileSteps,
  readdirSteps, rmSteps, rmdirSteps, truncateSteps, writeAll, writeFileSteps,
};

// node:fs: Node's callback and synchronous forms of what internal/fs offers. Must not know the host.
'use strict';

const constants = require('internal/fs/constants');
const content = require('internal/fs/content');
const { operations } = require('internal/fs/operations');
const { absolute, addDescriptor, doSync, ops, queue, run, runSync } = require('internal/fs/request');
const sequences = require('internal/fs/sequences');
const { Dirent, Stats } = require('internal/fs/stats');
const { getOptions, toFd, toPath, toUnixTimestamp } = require('internal/fs/validate');
const { validateFunction, validateInteger, validateObject, validateString } = require('internal/validators');

const fs = exports;
const { checkCallback } = content;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function named(name, fn, length = fn.length) {
  return Object.defineProperties(fn, { name: { value: name, configurable: true }, length: { value: length, configurable: true } });
}

// ---- Single operations ----

// The callback is the last argument; what stands before it may be left out.
function split(args) {
  const at = args.findLastIndex((value) => typeof value === 'function');
  return at < 1 ? [args, args.at(-1)] : [args.slice(0, at), args[at]];
}

function defineOperation(name) {
  const make = operations[name];
  fs[name] = named(name, (...args) => {
    const [rest, callback] = split(args);
    const request = make(...rest);
    checkCallback(callback);
    // Whether it went well is all that most tell.
    queue(request, (error, answer) => {
      if (error !== null) callback(error);
      else if (request.kind === undefined || answer === undefined) callback(null);
      else callback(null, answer);
    });
  }, make.length + 1);
  const answers = (request, answer) => (request.kind === undefined ? undefined : answer);
  fs[`${name}Sync`] = named(`${name}Sync`, (...args) => {
    const request = make(...args);
    return answers(request, doSync(request));
  }, make.length);
}

const PLAIN = ['access', 'chmod', 'chown', 'copyFile', 'fchmod', 'fchown', 'fdatasync', 'fstat', 'fsync', 'ftruncate', 'futimes', 'lchown',
               'link', 'lstat', 'lutimes', 'mkdir', 'mkdtemp', 'readlink', 'rename', 'stat', 'statfs', 'symlink', 'unlink',
               'utimes'];
PLAIN.forEach(defineOperation);

// A callback is asked for before the paths here.
for (const name of ['stat', 'lstat', 'fstat']) {
  const inner = fs[name];
  fs[name] = named(name, function(target, options, callback) {
    if (typeof options === 'function') [callback, options] = [options, { bigint: false }];
    checkCallback(callback);
    inner(target, options ?? {}, callback);
  }, 2);
}

// Linux has no modes of links.
fs.lchmod = undefined;
fs.lchmodSync = undefined;

// ---- open and close ----

fs.open = function open(path, flags, mode, callback) {
  path = toPath(path);
  if (arguments.length < 3) [callback, flags, mode] = [flags, 'r', 0o666];
  else if (typeof mode === 'function') [callback, mode] = [mode, 0o666];
  const request = operations.open(path, flags, mode);
  checkCallback(callback);
  queue(request, (error, handle) => (error === null ? callback(null, addDescriptor(handle)) : callback(error)));
};

fs.openSync = function openSync(path, flags, mode) {
  return addDescriptor(doSync(operations.open(path, flags, mode)));
};

function ignoreError(error) {
  if (error) throw error;
}

fs.close = function close(fd, callback = ignoreError) {
  fd = toFd(fd);
  if (callback !== ignoreError) checkCallback(callback);
  queue(sequences.closeRequest(fd), (error) => callback(error));
};

fs.closeSync = function closeSync(fd) {
  doSync(sequences.closeRequest(toFd(fd)));
};

for (const name of ['read', 'readSync', 'readv', 'readvSync', 'write', 'writeSync', 'writev', 'writevSync']) fs[name] = content[name];

// ---- Whole files ----

fs.readFile = function readFile(path, options, callback) {
  callback ||= options;
  validateFunction(callback, 'cb');
  options = getOptions(options, { flag: 'r' });
  run(sequences.readFileSteps(path, options), (error, data) => (error ? callback(error) : callback(null, data)));
};

fs.readFileSync = function readFileSync(path, options) {
  return runSync(sequences.readFileSteps(path, options));
};

const settled = (callback) => (error) => callback(error);

fs.writeFile = function writeFile(path, data, options, callback) {
  callback ||= options;
  validateFunction(callback, 'cb');
  run(patchedLater(sequences.writeFileSteps(path, data, options)), settled(callback));
};

fs.writeFileSync = function writeFileSync(path, data, options) {
  runSync(patched(sequences.writeFileSteps(path, data, options)));
};

fs.appendFile = function appendFile(path, data, options, callback) {
  callback ||= options;
  validateFunction(callback, 'cb');
  run(patchedLater(sequences.appendFileSteps(path, data, options)), settled(callback));
};

fs.appendFileSync = function appendFileSync(path, data, options) {
  runSync(patched(sequences.appendFileSteps(path, data, options)));
};

// Scripts that put something else in the place of fsyncSync, or of fsync, see it used. `instead` answers what is to be yielded
// for a request to flush, and undefined where nothing was put in its place.
function* flushingBy(steps, instead) {
  let answer;
  for (let state = steps.next(); ; state = steps.next(answer)) {
    if (state.done) return state.value;
    try {
      const other = state.value.op === ops.SYNC ? instead(state.value.fd) : undefined;
      answer = other === undefined ? yield state.value : other.now ? other.answer : yield other.later;
    } catch (error) {
      const next = steps.throw(error);
      if (next.done) return next.value;
      yield next.value;
    }
  }
}
const { fsync, fsyncSync } = fs;

const patched = (steps) => flushingBy(steps, (fd) => (fs.fsyncSync === fsyncSync ? undefined : { now: true, answer: fs.fsyncSync(fd) }));

const patchedLater = (steps) => flushingBy(steps, (fd) => (fs.fsync === fsync ? undefined : {
  later: new Promise((resolve, reject) => fs.fsync(fd, (error) => (error ? reject(error) : resolve()))),
}));

fs.truncate = function truncate(path, length, callback) {
  if (typeof path === 'number') {
    showTruncateDeprecation();
    return fs.ftruncate(path, length, callback);
  }
  if (typeof length === 'function') [callback, length] = [length, 0];
  else if (length === undefined) length = 0;
  validateInteger(length, 'len');
  checkCallback(callback);
  return run(sequences.truncateSteps(path, length), settled(callback));
};

fs.truncateSync = function truncateSync(path, length) {
  if (typeof path === 'number') {
    showTruncateDeprecation();
    return fs.ftruncateSync(path, length);
  }
  return runSync(sequences.truncateSteps(path, length === undefined ? 0 : length));
};

let truncateWarned = false;
function showTruncateDeprecation() {
  if (truncateWarned) return;
  truncateWarned = true;
  process.emitWarning('Using fs.truncate with a file descriptor is deprecated. Please use fs.ftruncate with a file descriptor instead.',
                      'DeprecationWarning', 'DEP0081');
}

// ---- exists ----

fs.exists = function exists(path, callback) {
  checkCallback(callback);
  let request;
  try {
    request = operations.access(path);
  } catch {
    return callback(false);
  }
  return queue(request, (error) => callback(error === null));
};
Object.defineProperty(fs.exists, Symbol.for('nodejs.util.promisify.custom'), {
  value: { exists: (path) => new Promise((resolve) => fs.exists(path, resolve)) }.exists, enumerable: false,
});

fs.existsSync = function existsSync(path) {
  try {
    return internalBinding('fs').kind(absolute(toPath(path))) >= 0;
  } catch {
    return false;
  }
};

// ---- Paths ----

function defineRealpath(name, syscall) {
  const request = (path, options) => ({ ...operations.realpath(path, options), syscall });
  const call = named(name, (path, options, callback) => {
    callback = checkCallback(callback || options);
    queue(request(path, options), callback);
  });
  const sync = named(`${name}Sync`, (path, options) => doSync(request(path, options)));
  return [call, sync];
}
[fs.realpath, fs.realpathSync] = defineRealpath('realpath', 'lstat');
[fs.realpath.native, fs.realpathSync.native] = defineRealpath('native', 'realpath');

// ---- Folders and trees ----

fs.readdir = function readdir(path, options, callback) {
  callback = checkCallback(typeof options === 'function' ? options : callback);
  run(sequences.readdirSteps(path, options), (error, found) => (error ? callback(error) : callback(null, found)));
};

fs.readdirSync = function readdirSync(path, options) {
  return runSync(sequences.readdirSteps(path, options));
};

fs.rm = function rm(path, options, callback) {
  if (typeof options === 'function') [callback, options] = [options, undefined];
  checkCallback(callback);
  run(sequences.rmSteps(path, options, pause), settled(callback));
};

fs.rmSync = function rmSync(path, options) {
  runSync(sequences.rmSteps(path, options));
};

fs.rmdir = function rmdir(path, options, callback) {
  if (typeof options === 'function') [callback, options] = [options, undefined];
  checkCallback(callback);
  run(sequences.rmdirSteps(path, options, pause), settled(callback));
};

fs.rmdirSync = function rmdirSync(path, options) {
  runSync(sequences.rmdirSteps(path, options));
};

fs.cp = function cp(src, dest, options, callback) {
  if (typeof options === 'function') [callback, options] = [options, undefined];
  checkCallback(callback);
  run(require('internal/fs/cp').cpSteps(src, dest, options), settled(callback));
};

fs.cpSync = function cpSync(src, dest, options) {
  runSync(require('internal/fs/cp').cpSteps(src, dest, options, true));
};

fs.openAsBlob = async function openAsBlob(path, options = {}) {
  validateObject(options, 'options');
  const { type = '' } = options;
  validateString(type, 'options.type');
  return require('internal/blob').fileBlob(path, fs.statSync(path), type);
};

// ---- What other files make ----

const { Dir, opendir, opendirSync } = require('internal/fs/dir');
const { unwatchFile, watch, watchFile } = require('internal/fs/watchers');

Object.assign(fs, {
  opendir, opendirSync, watch, watchFile, unwatchFile, Dir, Dirent, Stats,
  F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1,
});
fs._toUnixTimestamp = toUnixTimestamp;

const streams = () => require('internal/fs/streams');

fs.createReadStream = function createReadStream(path, options) {
  return new (streams().ReadStream)(path, options);
};
fs.createWriteStream = function createWriteStream(path, options) {
  return new (streams().WriteStream)(path, options);
};

function defineClass(name, from) {
  let value;
  Object.defineProperty(fs, name, {
    configurable: true, enumerable: true, get: () => value ??= streams()[from], set: (given) => { value = given; },
  });
}
defineClass('ReadStream', 'ReadStream');
defineClass('WriteStream', 'WriteStream');
defineClass('FileReadStream', 'ReadStream');
defineClass('FileWriteStream', 'WriteStream');

Object.defineProperties(fs, {
  constants: { configurable: false, enumerable: true, value: constants },
  promises: { configurable: true, enumerable: true, get: () => require('fs/promises') },
});

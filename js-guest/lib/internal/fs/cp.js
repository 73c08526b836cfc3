// fs.cp: copies files, links and trees, as a sequence of requests. What must not be copied into what is looked at first, by
// identity and by path. Must not know who drives the sequence.
'use strict';

const { dirname, isAbsolute, join, parse, resolve, sep } = require('path');
const { operations } = require('internal/fs/operations');
const { readdirSteps } = require('internal/fs/sequences');
const { cpOptions, toPath } = require('internal/fs/validate');
const {
  codes: {
    ERR_FS_CP_DIR_TO_NON_DIR, ERR_FS_CP_EEXIST, ERR_FS_CP_EINVAL, ERR_FS_CP_FIFO_PIPE, ERR_FS_CP_NON_DIR_TO_DIR, ERR_FS_CP_SOCKET,
    ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY, ERR_FS_CP_UNKNOWN, ERR_FS_EISDIR, ERR_INVALID_RETURN_VALUE,
  },
} = require('internal/errors');

const EEXIST = 17;
const ENOTDIR = 20;
const EISDIR = 21;
const EINVAL = 22;
const CODES = { [EEXIST]: 'EEXIST', [ENOTDIR]: 'ENOTDIR', [EISDIR]: 'EISDIR', [EINVAL]: 'EINVAL' };
const OWNER_WRITES = 0o200;

function fail(Class, message, path, errno) {
  throw new Class({ message, path, syscall: 'cp', errno, code: CODES[errno] });
}

const MISSING = [-2];

function* statOf(path, options, lenient) {
  const make = options.dereference ? operations.stat : operations.lstat;
  return yield { ...make(path, { bigint: true }), lenient };
}

const isSame = (a, b) => a.ino === b.ino && a.dev === b.dev;

function isBelow(folder, path) {
  const steps = resolve(path).split(sep);
  return resolve(folder).split(sep).every((step, at) => step === '' || steps[at] === step);
}

function* checkPaths(src, dest, options) {
  const from = yield* statOf(src, options);
  const to = yield* statOf(dest, options, MISSING);
  if (to) {
    if (isSame(from, to)) fail(ERR_FS_CP_EINVAL, 'src and dest cannot be the same', dest, EINVAL);
    if (from.isDirectory() && !to.isDirectory()) {
      fail(ERR_FS_CP_DIR_TO_NON_DIR, `cannot overwrite directory ${src} with non-directory ${dest}`, dest, EISDIR);
    }
    if (!from.isDirectory() && to.isDirectory()) {
      fail(ERR_FS_CP_NON_DIR_TO_DIR, `cannot overwrite non-directory ${src} with directory ${dest}`, dest, ENOTDIR);
    }
  }
  if (from.isDirectory() && isBelow(src, dest)) {
    fail(ERR_FS_CP_EINVAL, `cannot copy ${src} to a subdirectory of self ${dest}`, dest, EINVAL);
  }
  return { from, to };
}

// The folder that is copied may be reached again through a link above the target.
function* checkParents(src, from, dest) {
  const own = resolve(dirname(src));
  let parent = resolve(dirname(dest));
  while (parent !== own && parent !== parse(parent).root) {
    const stats = yield { ...operations.stat(parent, { bigint: true }), lenient: MISSING };
    if (!stats) return;
    if (isSame(from, stats)) fail(ERR_FS_CP_EINVAL, `cannot copy ${src} to a subdirectory of self ${dest}`, dest, EINVAL);
    parent = dirname(parent);
  }
}

function* passesFilter(src, dest, options, sync) {
  if (!options.filter) return true;
  const answer = options.filter(src, dest);
  if (answer === null || typeof answer !== 'object' || typeof answer.then !== 'function') return answer;
  if (sync) throw new ERR_INVALID_RETURN_VALUE('boolean', 'filter', answer);
  return yield answer;
}

function* copyEntry(src, dest, from, to, options, sync) {
  if (from.isDirectory() && options.recursive) return yield* copyFolder(src, dest, from, to, options, sync);
  if (from.isDirectory()) fail(ERR_FS_EISDIR, 'Recursive option not enabled, cannot copy a directory: ' + src, src, EISDIR);
  if (from.isFile() || from.isCharacterDevice() || from.isBlockDevice()) return yield* copyFile(src, dest, from, to, options);
  if (from.isSymbolicLink()) return yield* copyLink(src, dest, to, options);
  if (from.isSocket()) fail(ERR_FS_CP_SOCKET, `cannot copy a socket file: ${dest}`, dest, EINVAL);
  if (from.isFIFO()) fail(ERR_FS_CP_FIFO_PIPE, `cannot copy a FIFO pipe: ${dest}`, dest, EINVAL);
  return fail(ERR_FS_CP_UNKNOWN, `cannot copy an unknown file type: ${dest}`, dest, EINVAL);
}

function* copyFile(src, dest, from, to, options) {
  if (to) {
    if (!options.force) {
      if (options.errorOnExist) fail(ERR_FS_CP_EEXIST, `${dest} already exists`, dest, EEXIST);
      return;
    }
    yield operations.unlink(dest);
  }
  yield operations.copyFile(src, dest, options.mode);
  if (!options.preserveTimestamps) return;
  const mode = Number(from.mode) & 0o777;
  if ((mode & OWNER_WRITES) === 0) yield operations.chmod(dest, mode | OWNER_WRITES);
  // Reading it may have changed its time of access.
  const now = yield operations.stat(src);
  yield operations.utimes(dest, now.atimeMs / 1000, now.mtimeMs / 1000);
  yield operations.chmod(dest, mode);
}

function* copyFolder(src, dest, from, to, options, sync) {
  if (!to) yield operations.mkdir(dest);
  for (const name of yield* readdirSteps(src)) {
    const [below, target] = [join(src, name), join(dest, name)];
    if (!(yield* passesFilter(below, target, options, sync))) continue;
    const stats = yield* checkPaths(below, target, options);
    yield* copyEntry(below, target, stats.from, stats.to, options, sync);
  }
  if (!to) yield operations.chmod(dest, Number(from.mode) & 0o777);
}

function* copyLink(src, dest, to, options) {
  let target = yield operations.readlink(src);
  if (!options.verbatimSymlinks && !isAbsolute(target)) target = resolve(dirname(src), target);
  if (to) {
    let old = yield { ...operations.readlink(dest), lenient: [-EINVAL] };
    if (old !== undefined) {
      if (!isAbsolute(old)) old = resolve(dirname(dest), old);
      if (isBelow(target, old)) fail(ERR_FS_CP_EINVAL, `cannot copy ${target} to a subdirectory of self ${old}`, dest, EINVAL);
      const stats = yield operations.stat(src);
      if (stats.isDirectory() && isBelow(old, target)) {
        fail(ERR_FS_CP_SYMLINK_TO_SUBDIRECTORY, `cannot overwrite ${old} with ${target}`, dest, EINVAL);
      }
      yield operations.unlink(dest);
    }
  }
  yield operations.symlink(target, dest);
}

function* cpSteps(src, dest, options, sync = false) {
  options = cpOptions(options);
  src = String(toPath(src, 'src'));
  dest = String(toPath(dest, 'dest'));
  return yield* copyTop(src, dest, options, sync);
}

function* copyTop(src, dest, options, sync) {
  if (!(yield* passesFilter(src, dest, options, sync))) return;
  const { from, to } = yield* checkPaths(src, dest, options);
  yield* checkParents(src, from, dest);
  if (!(yield { ...operations.stat(dirname(dest)), lenient: MISSING })) yield operations.mkdir(dirname(dest), { recursive: true });
  yield* copyEntry(src, dest, from, to, options, sync);
}

module.exports = { cpSteps };

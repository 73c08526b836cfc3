// path.win32. Text alone: no drive is ever looked at.
'use strict';

const { validateString } = require('internal/validators');
const common = require('internal/path/common');

const isSeparator = (code) => code === 47 || code === 92;
const isLetter = (code) => (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
const separatorAt = (path, i) => i < path.length && isSeparator(path.charCodeAt(i));
const dots = (path, allowAboveRoot) => common.resolveDots(path, allowAboveRoot, '\\', isSeparator);

function skip(path, i, separators) {
  while (i < path.length && isSeparator(path.charCodeAt(i)) === separators) i++;
  return i;
}

// { device, absolute, end }: the drive ('c:') or share ('\\server\share') in front, whether a root follows, and
// where the rest begins. `uncOnly` tells a share that has nothing behind it.
function rootOf(path) {
  if (separatorAt(path, 0)) {
    if (separatorAt(path, 1)) {
      const serverEnd = skip(path, 2, false);
      const shareStart = skip(path, serverEnd, true);
      const shareEnd = skip(path, shareStart, false);
      if (serverEnd > 2 && shareStart > serverEnd && shareEnd > shareStart) {
        const device = `\\\\${path.slice(2, serverEnd)}\\${path.slice(shareStart, shareEnd)}`;
        return { device, absolute: true, end: shareEnd, unc: true, uncOnly: shareEnd === path.length };
      }
    }
    return { device: '', absolute: true, end: 1 };
  }
  if (path.length >= 2 && path[1] === ':' && isLetter(path.charCodeAt(0))) {
    const absolute = separatorAt(path, 2);
    return { device: path.slice(0, 2), absolute, end: absolute ? 3 : 2 };
  }
  return { device: '', absolute: false, end: 0 };
}

// The directory a relative path on a drive is relative to.
function workingDirectory(device) {
  if (device.length === 0) return process.cwd();
  const path = process.env[`=${device}`] || process.cwd();
  const other = path.slice(0, 2).toLowerCase() !== device.toLowerCase() && path[2] === '\\';
  return path === undefined || other ? `${device}\\` : path;
}

function resolve(...args) {
  let device = '';
  let tail = '';
  let absolute = false;
  for (let i = args.length - 1; i >= -1; i--) {
    const path = i >= 0 ? args[i] : workingDirectory(device);
    if (i >= 0) validateString(path, `paths[${i}]`);
    if (path.length === 0) continue;
    const root = rootOf(path);
    if (root.device.length > 0) {
      if (device.length > 0) {
        // Another drive's path has no say.
        if (root.device.toLowerCase() !== device.toLowerCase()) continue;
      } else {
        ({ device } = root);
      }
    }
    if (absolute) {
      if (device.length > 0) break;
    } else {
      tail = `${path.slice(root.end)}\\${tail}`;
      ({ absolute } = root);
      if (absolute && device.length > 0) break;
    }
  }
  tail = dots(tail, !absolute);
  return absolute ? `${device}\\${tail}` : `${device}${tail}` || '.';
}

function normalize(path) {
  validateString(path, 'path');
  if (path.length === 0) return '.';
  if (path.length === 1) return separatorAt(path, 0) ? '\\' : path;
  const { device, absolute, end, uncOnly } = rootOf(path);
  if (uncOnly) return `${device}\\`;
  let tail = end < path.length ? dots(path.slice(end), !absolute) : '';
  if (tail.length === 0 && !absolute) tail = '.';
  if (tail.length > 0 && separatorAt(path, path.length - 1)) tail += '\\';
  return absolute ? `${device}\\${tail}` : `${device}${tail}`;
}

function isAbsolute(path) {
  validateString(path, 'path');
  if (path.length === 0) return false;
  return separatorAt(path, 0) || (path.length > 2 && isLetter(path.charCodeAt(0)) && path[1] === ':' && separatorAt(path, 2));
}

function join(...args) {
  for (let i = 0; i < args.length; i++) validateString(args[i], 'path');
  const parts = args.filter((part) => part.length > 0);
  if (parts.length === 0) return '.';
  let joined = parts.join('\\');
  const [first] = parts;
  // Two separators in front make a share of what follows: only a first part that is itself one may do so.
  const leading = skip(first, 0, true);
  const isShare = leading === 2 && first.length > 2;
  const mayLookLikeOne = leading > 0 && !isShare;
  if (mayLookLikeOne || leading > 2) joined = `\\${joined.slice(skip(joined, 0, true))}`;
  return normalize(joined);
}

// The names of a resolved path, its root one of them.
function namesOf(path) {
  return path.split('\\').filter(Boolean);
}

function relative(from, to) {
  validateString(from, 'from');
  validateString(to, 'to');
  if (from === to) return '';
  const fromPath = resolve(from);
  const toPath = resolve(to);
  if (fromPath === toPath || fromPath.toLowerCase() === toPath.toLowerCase()) return '';
  const fromNames = namesOf(fromPath);
  const toNames = namesOf(toPath);
  let same = 0;
  const max = Math.min(fromNames.length, toNames.length);
  while (same < max && fromNames[same].toLowerCase() === toNames[same].toLowerCase()) same++;
  // Nothing in common: another drive, or another server or share.
  if (max > 0 && same === 0) return toPath;
  return [...fromNames.slice(same).map(() => '..'), ...toNames.slice(same)].join('\\');
}

function toNamespacedPath(path) {
  if (typeof path !== 'string' || path.length === 0) return path;
  const resolved = resolve(path);
  if (resolved.length <= 2) return path;
  if (resolved.startsWith('\\\\')) {
    if (resolved[2] === '?' || resolved[2] === '.') return path;
    return `\\\\?\\UNC\\${resolved.slice(2)}`;
  }
  if (isLetter(resolved.charCodeAt(0)) && resolved.slice(1, 3) === ':\\') return `\\\\?\\${resolved}`;
  return path;
}

// How much of a path is its root, for dirname and parse: a share's root takes the separator behind it.
function rootLength(path) {
  const { end, unc } = rootOf(path);
  return unc && end < path.length ? end + 1 : end;
}

function dirname(path) {
  validateString(path, 'path');
  if (path.length === 0) return '.';
  if (path.length === 1) return separatorAt(path, 0) ? path : '.';
  const root = rootOf(path);
  if (root.uncOnly) return path;
  const from = rootLength(path);
  const { start, end } = common.lastName(path, from, isSeparator);
  if (end !== -1 && start > from) return path.slice(0, start - 1);
  return from === 0 ? '.' : path.slice(0, from);
}

const driveLength = (path) => (path.length >= 2 && isLetter(path.charCodeAt(0)) && path[1] === ':' ? 2 : 0);

function basename(path, suffix) {
  common.checkBasename(path, suffix);
  return common.basenameOf(path, suffix, driveLength(path), isSeparator);
}

function extname(path) {
  validateString(path, 'path');
  return common.extnameOf(path, driveLength(path), isSeparator);
}

function parse(path) {
  validateString(path, 'path');
  const result = { root: '', dir: '', base: '', ext: '', name: '' };
  if (path.length === 0) return result;
  const root = rootOf(path);
  if (root.uncOnly) return { ...result, root: path, dir: path };
  const from = rootLength(path);
  result.root = path.slice(0, from);
  const { start, base, name, ext } = common.nameFields(path, from, isSeparator);
  Object.assign(result, { base, ext, name });
  result.dir = base !== '' && start > from ? path.slice(0, start - 1) : result.root;
  return result;
}

module.exports = {
  resolve,
  normalize,
  isAbsolute,
  join,
  relative,
  toNamespacedPath,
  dirname,
  basename,
  extname,
  format: common.format.bind(null, '\\'),
  parse,
  sep: '\\',
  delimiter: ';',
  win32: null,
  posix: null,
  _makeLong: toNamespacedPath,
};

// path.posix. Must not know drives; asks the process for nothing but its working directory.
'use strict';

const { validateString } = require('internal/validators');
const common = require('internal/path/common');

const isSlash = (code) => code === 47;
const dots = (path, allowAboveRoot) => common.resolveDots(path, allowAboveRoot, '/', isSlash);

function resolve(...args) {
  let resolved = '';
  let absolute = false;
  for (let i = args.length - 1; i >= -1 && !absolute; i--) {
    const path = i >= 0 ? args[i] : process.cwd();
    if (i >= 0) validateString(path, `paths[${i}]`);
    if (path.length === 0) continue;
    resolved = `${path}/${resolved}`;
    absolute = path[0] === '/';
  }
  resolved = dots(resolved, !absolute);
  if (absolute) return `/${resolved}`;
  return resolved.length > 0 ? resolved : '.';
}

function normalize(path) {
  validateString(path, 'path');
  if (path.length === 0) return '.';
  const absolute = path[0] === '/';
  const trailing = path[path.length - 1] === '/';
  let result = dots(path, !absolute);
  if (result.length === 0) {
    if (absolute) return '/';
    return trailing ? './' : '.';
  }
  if (trailing) result += '/';
  return absolute ? `/${result}` : result;
}

function isAbsolute(path) {
  validateString(path, 'path');
  return path.length > 0 && path[0] === '/';
}

function join(...args) {
  for (let i = 0; i < args.length; i++) validateString(args[i], 'path');
  const joined = args.filter((part) => part.length > 0).join('/');
  return joined.length === 0 ? '.' : normalize(joined);
}

function relative(from, to) {
  validateString(from, 'from');
  validateString(to, 'to');
  if (from === to) return '';
  from = resolve(from);
  to = resolve(to);
  if (from === to) return '';
  const fromNames = from.split('/').filter(Boolean);
  const toNames = to.split('/').filter(Boolean);
  let same = 0;
  while (same < fromNames.length && same < toNames.length && fromNames[same] === toNames[same]) same++;
  return [...fromNames.slice(same).map(() => '..'), ...toNames.slice(same)].join('/');
}

function toNamespacedPath(path) {
  return path;
}

function dirname(path) {
  validateString(path, 'path');
  if (path.length === 0) return '.';
  const absolute = path[0] === '/';
  const { start, end } = common.lastName(path, absolute ? 1 : 0, isSlash);
  if (end === -1 || start <= (absolute ? 1 : 0)) {
    if (!absolute) return '.';
    return start === 1 && end !== -1 && path[1] === '/' ? '//' : '/';
  }
  // The separators in front of the name go, but for a root of two slashes.
  const cut = start - 1;
  return absolute && cut === 1 ? '//' : path.slice(0, cut);
}

function basename(path, suffix) {
  common.checkBasename(path, suffix);
  return common.basenameOf(path, suffix, 0, isSlash);
}

function extname(path) {
  validateString(path, 'path');
  return common.extnameOf(path, 0, isSlash);
}

function parse(path) {
  validateString(path, 'path');
  const result = { root: '', dir: '', base: '', ext: '', name: '' };
  if (path.length === 0) return result;
  const absolute = path[0] === '/';
  if (absolute) result.root = '/';
  const { start, base, name, ext } = common.nameFields(path, absolute ? 1 : 0, isSlash);
  Object.assign(result, { base, ext, name });
  if (base !== '' && start > 0) result.dir = absolute && start === 1 ? '/' : path.slice(0, start - 1);
  else if (absolute) result.dir = '/';
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
  format: common.format.bind(null, '/'),
  parse,
  sep: '/',
  delimiter: ':',
  win32: null,
  posix: null,
  _makeLong: toNamespacedPath,
};

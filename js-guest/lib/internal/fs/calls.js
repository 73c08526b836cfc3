// The file calls that are built, each synchronous over internalBinding('fs'). fs offers them in three forms. Must not know
// callbacks and promises.
'use strict';

const native = internalBinding('fs');
const { UVException, codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_FS_FILE_TOO_LARGE } } = require('internal/errors');
const { validateObject } = require('internal/validators');
const { Stats, Dirent } = require('internal/fs/stats');

const F_OK = 0;
const R_OK = 4;
const W_OK = 2;
const X_OK = 1;

function toPath(path, name = 'path') {
  if (typeof path !== 'string') {
    if (path instanceof URL) path = require('url').fileURLToPath(path);
    else if (ArrayBuffer.isView(path) && path instanceof Uint8Array) path = Buffer.from(path).toString();
    else throw new ERR_INVALID_ARG_TYPE(name, ['string', 'Buffer', 'URL'], path);
  }
  if (path.includes('\u0000')) {
    throw new ERR_INVALID_ARG_VALUE(name, path, 'must be a string, Uint8Array, or URL without null bytes');
  }
  return path[0] === '/' ? path : require('path').resolve(path);
}

function fail(errno, syscall, path, shown) {
  const error = new UVException({ errno, syscall, path: shown ?? path, message: errno === -13 || errno === -1 ? native.why() || undefined : undefined });
  throw error;
}

function readOptions(options, fallback) {
  if (options === null || options === undefined || typeof options === 'function') return fallback;
  if (typeof options === 'string') options = { ...fallback, encoding: options };
  else validateObject(options, 'options', 0);
  const { encoding } = options;
  if (encoding && encoding !== 'buffer' && !Buffer.isEncoding(encoding)) {
    throw new ERR_INVALID_ARG_VALUE('encoding', encoding, 'is invalid encoding');
  }
  return { ...fallback, ...options };
}

const isUtf8 = (encoding) => encoding === 'utf8' || encoding === 'utf-8';

function readFile(path, options) {
  options = readOptions(options, { flag: 'r' });
  checkDescriptor(path, 'fs.readFile of a descriptor');
  const file = toPath(path);
  const result = native.read(file, isUtf8(options.encoding));
  if (typeof result === 'number') fail(result, result === -21 ? 'read' : 'open', result === -21 ? undefined : String(path));
  if (typeof result === 'string' || !options.encoding || options.encoding === 'buffer') return result;
  return result.toString(options.encoding);
}

// Descriptors are not built: a file is read and written whole.
function checkDescriptor(path, name) {
  if (typeof path === 'number') throw require('internal/missing').error(name);
}

const toBytes = (data, encoding) => {
  if (typeof data === 'string') return isUtf8(encoding ?? 'utf8') ? data : Buffer.from(data, encoding);
  if (ArrayBuffer.isView(data)) return data;
  throw new ERR_INVALID_ARG_TYPE('data', ['string', 'Buffer', 'TypedArray', 'DataView'], data);
};

const WRITE_FLAGS = { 'w': 0, 'w+': 0, 'a': 1, 'a+': 1, 'wx': 2, 'xw': 2, 'wx+': 2, 'as': 1 };

function writeFile(path, data, options) {
  options = readOptions(options, { encoding: 'utf8', mode: 0o666, flag: 'w' });
  const flags = WRITE_FLAGS[options.flag ?? 'w'];
  if (flags === undefined) throw new ERR_INVALID_ARG_VALUE('flags', options.flag);
  const bytes = toBytes(data, options.encoding);
  checkDescriptor(path, 'fs.writeFile of a descriptor');
  const result = native.write(toPath(path), bytes, flags);
  if (result < 0) fail(result, 'open', String(path));
}

const appendFile = (path, data, options) => writeFile(path, data, { flag: 'a', ...readOptions(options, { encoding: 'utf8' }) });

function statOf(path, follow, syscall, options) {
  const result = native.stat(toPath(path), follow);
  if (typeof result !== 'number') return new Stats(result, options?.bigint === true);
  if (options?.throwIfNoEntry === false && (result === -2 || result === -20)) return undefined;
  return fail(result, syscall, String(path));
}

function access(path, mode = F_OK) {
  const result = native.stat(toPath(path), true);
  if (typeof result === 'number') fail(result, 'access', String(path));
  if ((mode & X_OK) !== 0 && (result[1] & 0o111) === 0) fail(-13, 'access', String(path));
}

function exists(path) {
  try {
    return native.kind(toPath(path)) >= 0;
  } catch {
    return false;
  }
}

function realpath(path, options) {
  options = readOptions(options, { encoding: 'utf8' });
  const result = native.realpath(toPath(path));
  if (typeof result === 'number') fail(result, 'lstat', String(path));
  return options.encoding === 'buffer' ? Buffer.from(result) : result;
}

function readdir(path, options) {
  options = readOptions(options, { encoding: 'utf8' });
  const entries = [];
  list(toPath(path), String(path), '', options, entries);
  return entries;
}

function list(folder, shown, prefix, options, entries) {
  const result = native.list(folder);
  if (typeof result === 'number') fail(result, 'scandir', shown);
  const rows = [];
  for (let i = 0; i < result.length; i += 2) rows.push([result[i], result[i + 1]]);
  rows.sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, kind] of rows) {
    if (options.withFileTypes) entries.push(new Dirent(name, prefix === '' ? shown : `${shown}/${prefix.slice(0, -1)}`, kind));
    else entries.push(options.encoding === 'buffer' ? Buffer.from(prefix + name) : prefix + name);
    if (options.recursive && kind === 2) list(`${folder}/${name}`, shown, `${prefix}${name}/`, options, entries);
  }
}

module.exports = {
  F_OK, R_OK, W_OK, X_OK, toPath,
  access, appendFile, exists, readFile, readdir, realpath, writeFile,
  stat: (path, options) => statOf(path, true, 'stat', options),
  lstat: (path, options) => statOf(path, false, 'lstat', options),
};

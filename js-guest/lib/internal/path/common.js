// What both kinds of path do alike, told which characters separate. Must not know roots or drives.
'use strict';

const { validateObject, validateString } = require('internal/validators');

// Takes out '.' and resolves '..' against the names before it; what climbs above the start stays when that is allowed.
function resolveDots(path, allowAboveRoot, separator, isSeparator) {
  const names = [];
  let depth = 0;
  for (let start = 0, i = 0; i <= path.length; i++) {
    if (i < path.length && !isSeparator(path.charCodeAt(i))) continue;
    const name = path.slice(start, i);
    start = i + 1;
    if (name === '..') {
      if (depth > 0) {
        names.pop();
        depth--;
      } else if (allowAboveRoot) {
        names.push('..');
      }
    } else if (name !== '' && name !== '.') {
      names.push(name);
      depth++;
    }
  }
  return names.join(separator);
}

// Where the last name begins and ends at or behind `from`, without the separators behind it; start is `from` and end -1
// when there is none.
function lastName(path, from, isSeparator) {
  let end = -1;
  for (let i = path.length - 1; i >= from; i--) {
    const separates = isSeparator(path.charCodeAt(i));
    if (!separates && end === -1) end = i + 1;
    if (separates && end !== -1) return { start: i + 1, end };
  }
  return { start: from, end };
}

// Where the extension of a name begins in path, or -1: a dot that is neither first nor, after only a dot, last ('..').
function extensionStart(path, start, end) {
  const dot = path.lastIndexOf('.', end - 1);
  if (end === -1 || dot <= start) return -1;
  if (dot === start + 1 && end === start + 2 && path[start] === '.') return -1;
  return dot;
}

function basenameOf(path, suffix, from, isSeparator) {
  const { start, end } = lastName(path, from, isSeparator);
  const suffixed = suffix !== undefined && suffix.length > 0 && suffix.length <= path.length;
  // Node's answer for separators alone, when a suffix is given.
  if (end === -1) return suffixed && suffix !== path ? path.slice(from) : '';
  const name = path.slice(start, end);
  if (!suffixed) return name;
  if (suffix === path) return '';
  return name.endsWith(suffix) && name !== suffix ? name.slice(0, -suffix.length) : name;
}

function extnameOf(path, from, isSeparator) {
  const { start, end } = lastName(path, from, isSeparator);
  const dot = extensionStart(path, start, end);
  return dot === -1 ? '' : path.slice(dot, end);
}

// The fields of parse() that come from the last name.
function nameFields(path, from, isSeparator) {
  const { start, end } = lastName(path, from, isSeparator);
  if (end === -1) return { start, base: '', name: '', ext: '' };
  const dot = extensionStart(path, start, end);
  const base = path.slice(start, end);
  return { start, base, name: dot === -1 ? base : path.slice(start, dot), ext: dot === -1 ? '' : path.slice(dot, end) };
}

function formatExt(ext) {
  return ext ? `${ext[0] === '.' ? '' : '.'}${ext}` : '';
}

function format(separator, pathObject) {
  validateObject(pathObject, 'pathObject');
  const dir = pathObject.dir || pathObject.root;
  const base = pathObject.base || `${pathObject.name || ''}${formatExt(pathObject.ext)}`;
  if (!dir) return base;
  return dir === pathObject.root ? `${dir}${base}` : `${dir}${separator}${base}`;
}

function checkBasename(path, suffix) {
  if (suffix !== undefined) validateString(suffix, 'suffix');
  validateString(path, 'path');
}

module.exports = { basenameOf, checkBasename, extnameOf, format, lastName, nameFields, resolveDots };

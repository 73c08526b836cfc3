// Whether a file is the program that runs here: by the same path, as a link to it, or as its copy. Starting it means another
// guest. Must not know how one is started.
'use strict';

const fs = require('fs');
const path = require('path');

const PIECE = 1 << 20;

function isCopy(a, b) {
  const [one, other] = [fs.statSync(a), fs.statSync(b)];
  if (one.size !== other.size || !other.isFile()) return false;
  const files = [fs.openSync(a, 'r'), fs.openSync(b, 'r')];
  try {
    const [mine, its] = [Buffer.allocUnsafe(PIECE), Buffer.allocUnsafe(PIECE)];
    for (let at = 0; at < one.size;) {
      const count = fs.readSync(files[0], mine, 0, PIECE, at);
      if (count === 0 || fs.readSync(files[1], its, 0, count, at) !== count || mine.compare(its, 0, count, 0, count) !== 0) return false;
      at += count;
    }
    return true;
  } finally {
    files.forEach((file) => fs.closeSync(file));
  }
}

// The path that the file's guest has as its `execPath`; undefined when it is another program. A file that this guest may not
// look at is none of ours: the host judges it as any other.
function ownPath(file, folder) {
  const { execPath } = process;
  if (file === execPath) return execPath;
  if (!file.includes('/')) return undefined;
  try {
    const real = fs.realpathSync(path.resolve(folder, file)), own = fs.realpathSync(execPath);
    return real === own || isCopy(own, real) ? real : undefined;
  } catch {
    return undefined;
  }
}

module.exports = { ownPath };

// Stats and Dirent, filled from what the host's record tells: kind, mode, size, mtime, inode. The rest is 0. Must not know
// paths.
'use strict';

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;

class Stats {
  constructor([kind, mode, size, mtime, ino, mtimeNs], bigint) {
    // A host that gives permissions alone still says which kind it is.
    if ((mode & S_IFMT) === 0) mode |= kind === 1 ? S_IFREG : kind === 2 ? S_IFDIR : 0;
    const n = bigint ? (value) => BigInt(Math.trunc(value)) : (value) => value;
    this.dev = n(0);
    this.mode = n(mode);
    this.nlink = n(1);
    this.uid = n(0);
    this.gid = n(0);
    this.rdev = n(0);
    this.blksize = n(4096);
    this.ino = n(ino);
    this.size = n(size);
    this.blocks = n(Math.ceil(size / 512));
    for (const key of ['atime', 'mtime', 'ctime', 'birthtime']) this[`${key}Ms`] = n(mtime);
    if (bigint) for (const key of ['atime', 'mtime', 'ctime', 'birthtime']) this[`${key}Ns`] = mtimeNs;
    for (const key of ['atime', 'mtime', 'ctime', 'birthtime']) this[key] = new Date(mtime);
  }

  isFile() { return (Number(this.mode) & S_IFMT) === S_IFREG; }
  isDirectory() { return (Number(this.mode) & S_IFMT) === S_IFDIR; }
  isSymbolicLink() { return (Number(this.mode) & S_IFMT) === S_IFLNK; }
  isFIFO() { return (Number(this.mode) & S_IFMT) === 0o010000; }
  isSocket() { return (Number(this.mode) & S_IFMT) === 0o140000; }
  isBlockDevice() { return (Number(this.mode) & S_IFMT) === 0o060000; }
  isCharacterDevice() { return (Number(this.mode) & S_IFMT) === 0o020000; }
}

class Dirent {
  #kind;

  constructor(name, path, kind) {
    this.name = name;
    this.path = path;
    this.parentPath = path;
    this.#kind = kind;
  }

  isFile() { return this.#kind === 1; }
  isDirectory() { return this.#kind === 2; }
  // The host tells files and folders from the rest, and no more.
  isSymbolicLink() { return false; }
  isFIFO() { return false; }
  isSocket() { return false; }
  isBlockDevice() { return false; }
  isCharacterDevice() { return false; }
}

module.exports = { Stats, Dirent };

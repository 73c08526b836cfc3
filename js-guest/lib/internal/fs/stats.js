// Stats, BigIntStats, StatFs and Dirent: what the host's records say, in Node's shapes. Must not know how they are asked
// for.
'use strict';

const { S_IFMT, S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFBLK, S_IFCHR } = require('internal/fs/constants');

const KINDS = {
  isDirectory: S_IFDIR, isFile: S_IFREG, isBlockDevice: S_IFBLK, isCharacterDevice: S_IFCHR, isSymbolicLink: S_IFLNK,
  isFIFO: S_IFIFO, isSocket: S_IFSOCK,
};
const TIMES = ['atime', 'mtime', 'ctime', 'birthtime'];

// Made by scripts too: `new fs.Stats(dev, mode, ...)`.
function StatsBase(dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks) {
  this.dev = dev;
  this.mode = mode;
  this.nlink = nlink;
  this.uid = uid;
  this.gid = gid;
  this.rdev = rdev;
  this.blksize = blksize;
  this.ino = ino;
  this.size = size;
  this.blocks = blocks;
}

for (const [name, kind] of Object.entries(KINDS)) {
  StatsBase.prototype[name] = { [name]() { return this._checkModeProperty(kind); } }[name];
}
StatsBase.prototype._checkModeProperty = function(kind) {
  return (Number(this.mode) & S_IFMT) === kind;
};

const dateOf = (ms) => new Date(Math.round(Number(ms)));

function setDates(stats) {
  for (const name of TIMES) stats[name] = dateOf(stats[`${name}Ms`]);
}

function Stats(dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks, atimeMs, mtimeMs, ctimeMs, birthtimeMs) {
  StatsBase.call(this, dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks);
  this.atimeMs = atimeMs;
  this.mtimeMs = mtimeMs;
  this.ctimeMs = ctimeMs;
  this.birthtimeMs = birthtimeMs;
  setDates(this);
}
Object.setPrototypeOf(Stats.prototype, StatsBase.prototype);
Object.setPrototypeOf(Stats, StatsBase);

function BigIntStats(dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks, atimeNs, mtimeNs, ctimeNs, birthtimeNs) {
  StatsBase.call(this, dev, mode, nlink, uid, gid, rdev, blksize, ino, size, blocks);
  this.atimeMs = atimeNs / 1_000_000n;
  this.mtimeMs = mtimeNs / 1_000_000n;
  this.ctimeMs = ctimeNs / 1_000_000n;
  this.birthtimeMs = birthtimeNs / 1_000_000n;
  this.atimeNs = atimeNs;
  this.mtimeNs = mtimeNs;
  this.ctimeNs = ctimeNs;
  this.birthtimeNs = birthtimeNs;
  setDates(this);
}
Object.setPrototypeOf(BigIntStats.prototype, StatsBase.prototype);
Object.setPrototypeOf(BigIntStats, StatsBase);

const ms = (seconds, nanos) => seconds * 1000 + nanos / 1e6;
const ns = (seconds, nanos) => seconds * 1_000_000_000n + nanos;

// From the words of a FileStat record.
function toStats(w, bigint) {
  if (bigint) {
    return new BigIntStats(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], ns(w[10], w[11]), ns(w[12], w[13]),
                           ns(w[14], w[15]), ns(w[16], w[17]));
  }
  return new Stats(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], ms(w[10], w[11]), ms(w[12], w[13]),
                   ms(w[14], w[15]), ms(w[16], w[17]));
}

function StatFs(type, bsize, blocks, bfree, bavail, files, ffree) {
  Object.assign(this, { type, bsize, blocks, bfree, bavail, files, ffree });
}

// ---- Dirent ----

const ENTRY_KINDS = { isFile: 1, isDirectory: 2, isSymbolicLink: 3, isFIFO: 4, isSocket: 5, isCharacterDevice: 6, isBlockDevice: 7 };
const kKind = Symbol('type');

class Dirent {
  constructor(name, kind, path) {
    this.name = name;
    this.parentPath = path;
    this.path = path;
    this[kKind] = kind;
  }
}
for (const [name, kind] of Object.entries(ENTRY_KINDS)) {
  Object.defineProperty(Dirent.prototype, name, {
    value: { [name]() { return this[kKind] === kind; } }[name], writable: true, configurable: true,
  });
}

// libuv's number of what a mode says, for a file system that does not tell with the name.
function kindOfMode(mode) {
  const at = [S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK].indexOf(Number(mode) & S_IFMT);
  return at + 1;
}

module.exports = { BigIntStats, Dirent, StatFs, Stats, kindOfMode, toStats };

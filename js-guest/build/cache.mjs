// The build's store: every product lies under a name made from a hash of all that it was made from.
// Knows nothing about compilers or JavaScript; a hit is trusted, a write is atomic, old entries may be deleted at will.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

let serial = 0;

export function sha256(data) {
  return createHash('sha256').update(data).digest('hex');
}

// Each part is hashed with its length, so that no two lists of parts look alike.
export function keyOf(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest('hex').slice(0, 32);
}

export function writeAtomic(path, data) {
  mkdirSync(dirname(path), { recursive: true });
  const temp = `${path}.${process.pid}.${serial++}.tmp`;
  writeFileSync(temp, data);
  renameSync(temp, path);
}

export class Cache {
  constructor(root) {
    this.root = root;
    mkdirSync(root, { recursive: true });
  }

  path(kind, name) {
    return join(this.root, kind, name);
  }

  get(kind, name) {
    const path = this.path(kind, name);
    return existsSync(path) ? readFileSync(path) : null;
  }

  put(kind, name, data) {
    writeAtomic(this.path(kind, name), data);
  }

  // A folder made whole or not at all: `fill` works in a temporary one. Two builds racing make the same bytes,
  // so the loser drops its own.
  async folder(kind, name, fill) {
    const path = this.path(kind, name);
    if (existsSync(path)) return path;
    const temp = `${path}.${process.pid}.${serial++}.tmp`;
    mkdirSync(temp, { recursive: true });
    try {
      await fill(temp);
      renameSync(temp, path);
    } catch (error) {
      rmSync(temp, { recursive: true, force: true });
      if (!existsSync(path)) throw error;
    }
    return path;
  }
}

// What a Blob's bytes are taken from: memory, a window of a file, or several of these in a row. A source is read from one
// place to another, at any time, and never changes: a file that has changed since cannot be read. Must not know Blob.
'use strict';

const { Buffer } = require('buffer');
const { DOMException } = require('internal/domexception');

class MemorySource {
  constructor(bytes) { this.bytes = bytes; }

  get length() { return this.bytes.length; }
  get isFile() { return false; }

  slice(start, end) { return new MemorySource(this.bytes.subarray(start, end)); }

  async read(start, end) { return this.bytes.subarray(start, end); }
}

const unreadable = () => new DOMException('The blob could not be read', 'NotReadableError');

class FileSource {
  constructor(path, stats, start = 0, length = stats.size) {
    this.path = path;
    this.stats = stats;
    this.start = start;
    this.length = length;
  }

  get isFile() { return true; }

  slice(start, end) { return new FileSource(this.path, this.stats, this.start + start, end - start); }

  #isAsItWas({ size, mtimeMs }) {
    return size === this.stats.size && mtimeMs === this.stats.mtimeMs;
  }

  // Looked at as soon as somebody reads, so that what changes the file later in the same turn is told by the next read.
  async read(start, end) {
    const fs = require('fs');
    let file;
    try {
      if (!this.#isAsItWas(fs.statSync(this.path))) throw unreadable();
      if (start === end) return Buffer.alloc(0);
      file = await fs.promises.open(this.path, 'r');
      if (!this.#isAsItWas(await file.stat())) throw unreadable();
      const bytes = Buffer.allocUnsafeSlow(end - start);
      for (let at = 0; at < bytes.length;) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, this.start + start + at);
        if (bytesRead === 0) throw unreadable();
        at += bytesRead;
      }
      return bytes;
    } catch {
      throw unreadable();
    } finally {
      await file?.close();
    }
  }
}

// Sources in a row, and where each begins.
class JoinedSource {
  #parts;
  #starts = [];

  constructor(parts) {
    this.#parts = parts;
    this.length = 0;
    for (const part of parts) {
      this.#starts.push(this.length);
      this.length += part.length;
    }
  }

  get isFile() { return true; }

  // [part, from, to] of each that lies between the two places.
  * #within(start, end) {
    for (const [i, part] of this.#parts.entries()) {
      const from = Math.max(start - this.#starts[i], 0);
      const to = Math.min(end - this.#starts[i], part.length);
      if (from < to) yield [part, from, to];
    }
  }

  slice(start, end) {
    return new JoinedSource(Array.from(this.#within(start, end), ([part, from, to]) => part.slice(from, to)));
  }

  async read(start, end) {
    const pieces = [];
    for (const [part, from, to] of this.#within(start, end)) pieces.push(await part.read(from, to));
    return Buffer.concat(pieces);
  }
}

// Memory stays one piece; only a file makes it a row.
function join(parts) {
  if (parts.some((part) => part.isFile)) return parts.length === 1 ? parts[0] : new JoinedSource(parts);
  return new MemorySource(parts.length === 1 ? Buffer.from(parts[0].bytes) : Buffer.concat(parts.map(({ bytes }) => bytes)));
}

module.exports = { MemorySource, FileSource, join };

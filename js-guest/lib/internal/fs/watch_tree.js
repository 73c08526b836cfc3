// Watches a folder with all below it: one watcher for each folder, more as folders appear. Must not know how one folder is
// watched.
'use strict';

const EventEmitter = require('events');
const { sep, join, relative } = require('path');
const { validateBoolean } = require('internal/validators');
const { assertEncoding } = require('internal/fs/validate');

class TreeWatcher extends EventEmitter {
  #top;
  #options;
  #watchers = new Map(); // by the folder's path
  #closed = false;

  constructor(path, options) {
    super();
    validateBoolean(options.persistent, 'options.persistent');
    validateBoolean(options.recursive, 'options.recursive');
    if (options.encoding != null) assertEncoding(options.encoding);
    this.#top = String(path);
    this.#options = { persistent: options.persistent, encoding: options.encoding };
    this.#add(this.#top, true);
  }

  #add(path, isTop = false, found = undefined) {
    const { watch, readdirSync } = require('fs');
    if (this.#closed || this.#watchers.has(path)) return;
    let watcher;
    let entries = [];
    try {
      watcher = watch(path, { persistent: this.#options.persistent });
      entries = isTop || found ? readdirSync(path, { withFileTypes: true }) : entries;
    } catch (error) {
      if (isTop && error.code !== 'ENOTDIR') throw error;
      if (!isTop) return;
    }
    this.#watchers.set(path, watcher);
    watcher.on('change', (type, name) => this.#changed(path, type, name));
    watcher.on('error', () => this.#drop(path));
    for (const entry of entries) {
      const below = join(path, entry.name);
      found?.(below);
      if (entry.isDirectory()) this.#add(below, false, found ?? (() => {}));
    }
  }

  #drop(path) {
    this.#watchers.get(path)?.close();
    this.#watchers.delete(path);
  }

  #tell(type, path) {
    const name = path === this.#top ? require('path').basename(path) : relative(this.#top, path);
    const { encoding } = this.#options;
    this.emit('change', type, encoding === 'buffer' ? Buffer.from(name) :
      encoding && encoding !== 'utf8' ? Buffer.from(name).toString(encoding) : name);
  }

  #changed(folder, type, name) {
    const { lstatSync } = require('fs');
    let isFolder = false;
    const path = this.#isFile(folder) ? folder : join(folder, name);
    const exists = lstatSync(path, { throwIfNoEntry: false });
    isFolder = exists?.isDirectory() === true;
    if (!exists) {
      for (const known of this.#watchers.keys()) {
        if (known !== this.#top && (known === path || known.startsWith(path + sep))) this.#drop(known);
      }
    }
    this.#tell(type, path);
    // What was made in it before it could be watched is told of too.
    if (isFolder && !this.#watchers.has(path)) this.#add(path, false, (below) => this.#tell('rename', below));
  }

  // A tree may be a single file.
  #isFile(path) {
    return path === this.#top && require('fs').statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true;
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const path of [...this.#watchers.keys()]) this.#drop(path);
    process.nextTick(() => this.emit('close'));
  }

  ref() {
    for (const watcher of this.#watchers.values()) watcher.ref();
    return this;
  }

  unref() {
    for (const watcher of this.#watchers.values()) watcher.unref();
    return this;
  }

  [Symbol.asyncIterator]() {
    return EventEmitter.on(this, 'change', { close: ['close'] });
  }
}

module.exports = { TreeWatcher };

// fs.Dir: a folder read entry by entry, so that a large one never stands in memory whole. Must not know how entries come.
'use strict';

const { join } = require('internal/fs/sequences');
const { ops, doSync, promise, queue, run, runSync } = require('internal/fs/request');
const { operations } = require('internal/fs/operations');
const { Dirent, kindOfMode } = require('internal/fs/stats');
const { getOptions, toPath } = require('internal/fs/validate');
const { validateFunction, validateUint32 } = require('internal/validators');
const { codes: { ERR_DIR_CLOSED, ERR_DIR_CONCURRENT_OPERATION, ERR_MISSING_ARGS } } = require('internal/errors');

const FOLDER = 2;
const openRequest = (path) => ({ op: ops.OPEN_FOLDER, syscall: 'opendir', path });

class Dir {
  #handle;
  #path;
  #options;
  #folder;         // the one that is read now: the top, or one below it
  #ready = [];     // entries read and not given
  #folders = [];   // folders to be read after this one
  #waiting = null; // callbacks of reads that came while one was under way
  #closed = false;

  constructor(handle, path, options) {
    if (handle == null) throw new ERR_MISSING_ARGS('handle');
    this.#handle = handle;
    this.#path = this.#folder = path;
    this.#options = { bufferSize: 32, ...getOptions(options, { encoding: 'utf8' }) };
    validateUint32(this.#options.bufferSize, 'options.bufferSize', true);
  }

  get path() { return this.#path; }

  read(callback) {
    if (this.#closed) throw new ERR_DIR_CLOSED();
    if (callback === undefined) {
      return new Promise((resolve, reject) => this.#read((error, entry) => (error ? reject(error) : resolve(entry))));
    }
    validateFunction(callback, 'callback');
    return this.#read(callback);
  }

  #read(callback) {
    if (this.#waiting !== null) {
      this.#waiting.push(() => (this.#closed ? callback(new ERR_DIR_CLOSED()) : this.#read(callback)));
      return;
    }
    if (this.#ready.length > 0) {
      const entry = this.#ready.shift();
      process.nextTick(callback, null, entry);
      return;
    }
    this.#waiting = [];
    run(this.#next(), (error, entry) => {
      process.nextTick(() => this.#release());
      callback(error, entry);
    });
  }

  #release() {
    const due = this.#waiting ?? [];
    this.#waiting = null;
    for (const go of due) go();
  }

  readSync() {
    if (this.#closed) throw new ERR_DIR_CLOSED();
    if (this.#waiting !== null) throw new ERR_DIR_CONCURRENT_OPERATION();
    return this.#ready.length > 0 ? this.#ready.shift() : runSync(this.#next());
  }

  * #next() {
    const { bufferSize, encoding = 'utf8', recursive } = this.#options;
    const raw = encoding !== 'utf8' && encoding !== 'utf-8';
    for (;;) {
      const bytes = yield { op: ops.READ_FOLDER, syscall: 'scandir', shownPath: this.#path, handle: this.#handle, a: bufferSize, kind: 'bytes' };
      const flat = internalBinding('fs').entries(bytes, raw);
      for (let i = 0; i < flat.length; i += 2) yield* this.#take(flat[i], flat[i + 1], raw ? encoding : undefined, recursive);
      if (this.#ready.length > 0) return this.#ready.shift();
      if (this.#folders.length === 0) return null;
      this.#folder = this.#folders.shift();
      const handle = yield openRequest(this.#folder);
      internalBinding('fs').close(this.#handle);
      this.#handle = handle;
    }
  }

  * #take(name, kind, encoding, recursive) {
    if (kind === 0) kind = kindOfMode((yield operations.lstat(join(this.#folder, name))).mode);
    if (recursive && kind === FOLDER) this.#folders.push(join(this.#folder, name));
    const given = encoding === undefined || encoding === 'buffer' ? name : name.toString(encoding);
    this.#ready.push(new Dirent(given, kind, this.#folder));
  }

  #closeRequest() {
    this.#closed = true;
    return { op: ops.CLOSE, syscall: 'closedir', handle: this.#handle };
  }

  close(callback) {
    if (callback === undefined) {
      if (this.#closed) return Promise.reject(new ERR_DIR_CLOSED());
      return new Promise((resolve, reject) => this.#close((error) => (error ? reject(error) : resolve())));
    }
    validateFunction(callback, 'callback');
    if (this.#closed) {
      process.nextTick(callback, new ERR_DIR_CLOSED());
      return undefined;
    }
    return this.#close(callback);
  }

  #close(callback) {
    if (this.#waiting !== null) {
      this.#waiting.push(() => this.#close(callback));
      return;
    }
    queue(this.#closeRequest(), (error) => callback(error));
  }

  closeSync() {
    if (this.#closed) throw new ERR_DIR_CLOSED();
    if (this.#waiting !== null) throw new ERR_DIR_CONCURRENT_OPERATION();
    doSync(this.#closeRequest());
  }

  // By hand, not as a generator: it begins to close in the very call of return().
  entries() {
    let over = false;
    const end = async () => {
      if (over) return;
      over = true;
      await this.close();
    };
    return {
      next: async () => {
        if (over) return { value: undefined, done: true };
        let entry = null;
        try {
          entry = await this.read();
        } finally {
          if (entry === null) await end();
        }
        return { value: entry ?? undefined, done: entry === null };
      },
      async return(value) {
        await end();
        return { value, done: true };
      },
      [Symbol.asyncIterator]() { return this; },
    };
  }
}
Object.defineProperties(Dir.prototype, {
  [Symbol.asyncIterator]: { value: Dir.prototype.entries, enumerable: false, writable: true, configurable: true },
});

function openDir(path, options) {
  path = toPath(path);
  options = getOptions(options, { encoding: 'utf8' });
  if (options.bufferSize !== undefined) validateUint32(options.bufferSize, 'options.bufferSize', true);
  return { ...openRequest(path), finish: (handle) => new Dir(handle, path, options) };
}

function opendir(path, options, callback) {
  callback = typeof options === 'function' ? options : callback;
  validateFunction(callback, 'callback');
  queue(openDir(path, options), callback);
}

module.exports = {
  Dir, opendir,
  opendirSync: (path, options) => doSync(openDir(path, options)),
  opendirPromise: async (path, options) => promise(openDir(path, options)),
};

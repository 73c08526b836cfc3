// fs.watch (the host tells of changes), fs.watchFile (it is asked, off the loop, time and again) and fs.promises.watch. Must
// not know how trees are watched (internal/fs/watch_tree does).
'use strict';

const EventEmitter = require('events');
const native = internalBinding('fs');
const { absolute, ops, queue } = require('internal/fs/request');
const { toStats } = require('internal/fs/stats');
const { getOptions, toPath } = require('internal/fs/validate');
const { AbortError, UVException, codes: { ERR_ACCESS_DENIED } } = require('internal/errors');
const {
  validateAbortSignal, validateBoolean, validateFunction, validateObject, validateUint32,
} = require('internal/validators');

const EAGAIN = -11;
const ENOSYS = -38;
const EACCES = -13;
const ECANCELED = -125;
const RENAMED = 1;
const CHANGED = 2;
const POLL_MS = 100;

const kStart = Symbol('kFSWatchStart');
const watching = new Map(); // by handle of the host

const basename = (path) => require('path').basename(typeof path === 'string' ? path : Buffer.from(path).toString());

function watchError(path, errno) {
  const why = errno === EACCES ? native.why() : '';
  const error = why ? new ERR_ACCESS_DENIED(why) : new UVException({ errno, syscall: 'watch', path: String(path) });
  error.filename = path;
  return error;
}

class FSWatcher extends EventEmitter {
  #handle = 0;
  #poller;
  #name;
  #path;
  #encoding;
  #closed = false;

  [kStart](path, persistent, encoding = 'utf8') {
    this.#path = path;
    this.#name = Buffer.from(basename(path));
    this.#encoding = encoding;
    let handle = native.watch(absolute(path));
    if (handle === EAGAIN) {
      // Where it is would have to be asked of the disk: that is done apart, and then the system knows.
      require('fs').statSync(path, { throwIfNoEntry: false });
      handle = native.watch(absolute(path));
    }
    if (handle === ENOSYS || handle === EAGAIN) return this.#poll(path, persistent);
    if (handle < 0) throw watchError(path, handle);
    this.#handle = handle;
    watching.set(handle, this);
    if (!persistent) this.unref();
    return undefined;
  }

  // Where the system tells nothing: asking.
  #poll(path, persistent) {
    this.#poller = new StatWatcher(path, POLL_MS, false, persistent);
    this.#poller.on('change', () => this.tell(CHANGED, undefined));
  }

  tell(what, name) {
    const bytes = name ?? this.#name;
    const given = this.#encoding === 'buffer' ? bytes : bytes.toString(this.#encoding);
    if (!this.#closed && (what & RENAMED)) this.emit('change', 'rename', given);
    if (!this.#closed && (what & CHANGED)) this.emit('change', 'change', given);
  }

  // It could not be watched after all; or this is a clone, and the watch stayed with the process that was cloned.
  fail(errno) {
    watching.delete(this.#handle);
    this.#handle = 0;
    if (errno === ECANCELED) {
      this.close();
      return;
    }
    const error = watchError(this.#path, errno);
    this.close();
    this.emit('error', error);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#poller?.stop();
    if (this.#handle !== 0) {
      watching.delete(this.#handle);
      native.close(this.#handle);
      this.#handle = 0;
    }
    process.nextTick(() => this.emit('close'));
  }

  ref() {
    if (this.#handle !== 0) native.ref(this.#handle, true);
    this.#poller?.ref();
    return this;
  }

  unref() {
    if (this.#handle !== 0) native.ref(this.#handle, false);
    this.#poller?.unref();
    return this;
  }
}

native.setWatchHandler((handle, what, name, errno) => {
  const watcher = watching.get(handle);
  if (errno < 0) watcher?.fail(errno);
  else watcher?.tell(what, name);
});

function watchOptions(options) {
  options = { ...getOptions(options) };
  options.persistent ??= true;
  options.recursive ??= false;
  return options;
}

function onAbort(signal, watcher) {
  validateAbortSignal(signal, 'options.signal');
  if (signal.aborted) {
    process.nextTick(() => watcher.close());
    return;
  }
  const stop = () => watcher.close();
  signal.addEventListener('abort', stop, { once: true });
  watcher.once('close', () => signal.removeEventListener('abort', stop));
}

function watch(path, options, listener) {
  if (typeof options === 'function') listener = options;
  options = watchOptions(options);
  path = toPath(path, 'filename');
  let watcher;
  if (options.recursive) {
    watcher = new (require('internal/fs/watch_tree').TreeWatcher)(path, options);
  } else {
    watcher = new FSWatcher();
    watcher[kStart](path, options.persistent, options.encoding);
  }
  if (listener) watcher.addListener('change', listener);
  if (options.signal) onAbort(options.signal, watcher);
  return watcher;
}

// ---- watchFile ----

const FIELDS = ['ctimeMs', 'mtimeMs', 'birthtimeMs', 'size', 'mode', 'uid', 'gid', 'ino', 'dev'];
const same = (a, b) => FIELDS.every((name) => a[name] === b[name]);
const noStats = (bigint) => toStats(new Array(18).fill(bigint ? 0n : 0), bigint);

class StatWatcher extends EventEmitter {
  #path;
  #interval;
  #bigint;
  #timer;
  #known;
  #stopped = false;
  #kept;

  constructor(path, interval, bigint, persistent) {
    super();
    this.#path = path;
    this.#interval = interval;
    this.#bigint = bigint;
    this.#kept = persistent;
    this.#ask();
  }

  #ask() {
    queue({ op: ops.STAT, syscall: 'stat', path: this.#path, kind: 'words', bigint: this.#bigint }, (error, words) => {
      if (this.#stopped) return;
      const now = error ? noStats(this.#bigint) : toStats(words, this.#bigint);
      const before = this.#known;
      this.#known = now;
      this.#timer = setTimeout(() => this.#ask(), this.#interval);
      if (!this.#kept) this.#timer.unref();
      // What is missing from the start is told too, once.
      if (before === undefined ? error : !same(before, now)) this.emit('change', now, before ?? noStats(this.#bigint));
    });
  }

  start() { return this; }

  stop() {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#timer);
    process.nextTick(() => this.emit('stop'));
  }

  ref() {
    this.#kept = true;
    this.#timer?.ref();
    return this;
  }

  unref() {
    this.#kept = false;
    this.#timer?.unref();
    return this;
  }
}

const polled = new Map(); // by path

function watchFile(path, options, listener) {
  path = require('path').resolve(String(toPath(path, 'filename')));
  if (options === null || typeof options !== 'object') [listener, options] = [options, {}];
  const { interval = 5007, persistent = true, bigint = false } = options;
  validateFunction(listener, 'listener');
  let watcher = polled.get(path);
  if (watcher === undefined) {
    validateUint32(interval, 'interval');
    watcher = new StatWatcher(path, interval, bigint, persistent);
    polled.set(path, watcher);
  }
  watcher.addListener('change', listener);
  return watcher;
}

function unwatchFile(path, listener) {
  path = require('path').resolve(String(toPath(path, 'filename')));
  const watcher = polled.get(path);
  if (watcher === undefined) return;
  if (typeof listener === 'function') watcher.removeListener('change', listener);
  else watcher.removeAllListeners('change');
  if (watcher.listenerCount('change') > 0) return;
  watcher.stop();
  polled.delete(path);
}

// ---- promises.watch ----

async function* watchPromise(path, options = {}) {
  path = toPath(path);
  validateObject(options, 'options');
  const { persistent = true, recursive = false, encoding = 'utf8', signal } = options;
  validateBoolean(persistent, 'options.persistent');
  validateBoolean(recursive, 'options.recursive');
  validateAbortSignal(signal, 'options.signal');
  getOptions({ encoding });
  if (signal?.aborted) throw new AbortError(undefined, { cause: signal.reason });
  const events = [];
  let wake;
  let failure;
  const push = () => wake?.();
  const watcher = watch(path, { persistent, recursive, encoding });
  watcher.on('change', (eventType, filename) => {
    events.push({ __proto__: null, eventType, filename });
    push();
  });
  watcher.on('error', (error) => { failure = error; push(); });
  const stop = () => { failure = new AbortError(undefined, { cause: signal.reason }); push(); };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      while (events.length > 0) yield events.shift();
      if (failure) throw failure;
      await new Promise((resolve) => { wake = resolve; });
    }
  } finally {
    watcher.close();
    signal?.removeEventListener('abort', stop);
  }
}

module.exports = { FSWatcher, StatWatcher, kStart, unwatchFile, watch, watchFile, watchPromise };

// ChildProcess: one process that this guest has started: its streams, its channel, its end. What it runs is told to the
// host in one record; what comes of it, the host tells in events. Must not know fork or exec.
'use strict';

const EventEmitter = require('events');
const native = internalBinding('child');
const streams = internalBinding('stream');
const { ErrnoException } = require('internal/errors');
const { validateArray, validateObject, validateOneOf, validateString } = require('internal/validators');
const { EACCES, denied } = require('internal/net/denied');
const { toEntries, toStream, kind } = require('internal/child_process/stdio');
const { kInfo, signalName, toSignal } = require('internal/child_process/options');
const { onChannelEvent } = require('internal/child_process/channel');
const ipc = require('internal/child_process/ipc');
const commandLine = require('internal/child_process/command_line');
const { ownPath } = require('internal/child_process/own_program');

const event = { STARTED: 70, FAILED: 71, EXIT: 72 };
const flag = { GUEST: 1, CHANNEL: 2, DETACHED: 4, SYNC: 16 };
const BY_SIGNAL = 1;
const ESRCH = -3, EBADF = -9, EINVAL = -22, ENOSYS = -38;
// Failures of a start that Node tells by 'error', later; any other is thrown.
const TOLD_LATER = new Set([-13, -11, -24, -23, -2]);

const REASONS = ['unknown', 'exit', 'signal', 'trap', 'deadline', 'memory', 'protocol', 'parent-gone'];

const kReason = Symbol('kReason'); // why it has ended
const kTold = Symbol('kTold'); // of a clone: called once, with its process id or an error number

// What `_handle` is: a process as long as it runs.
class Process {
  #id;

  constructor(id, pid) {
    this.#id = id;
    this.pid = pid;
  }

  kill(signal) { return native.kill(this.#id, signal); }
  ref() { streams.ref(this.#id, true); }
  unref() { streams.ref(this.#id, false); }
}

function ChildProcess() {
  EventEmitter.call(this);
  this._closesNeeded = 1;
  this._closesGot = 0;
  this.connected = false;
  this.signalCode = null;
  this.exitCode = null;
  this.killed = false;
  this.spawnfile = null;
  this._handle = null;
}
Object.setPrototypeOf(ChildProcess.prototype, EventEmitter.prototype);
Object.setPrototypeOf(ChildProcess, EventEmitter);

// ---- Start ----

function checkOptions(options) {
  validateObject(options, 'options');
  validateOneOf(options.serialization, 'options.serialization', [undefined, 'json', 'advanced']);
  if (options.envPairs !== undefined) validateArray(options.envPairs, 'options.envPairs');
  validateString(options.file, 'options.file');
  if (options.args !== undefined) validateArray(options.args, 'options.args');
}

// What the host wants to know: the head of its record, and all texts.
function describe(options, channel, more = 0) {
  const [argv0 = options.file, ...args] = options.args ?? [];
  const pairs = options.envPairs ?? [];
  const flags = more | (channel < 0 ? 0 : flag.CHANNEL) | (options.detached ? flag.DETACHED : 0);
  const folder = require('path').resolve(options.cwd ?? '');
  const user = [options.maxBuffer ?? 0, options.uid ?? -1, options.gid ?? -1];
  const execPath = ownPath(options.file, folder);
  if (execPath === undefined) {
    return { head: [flags, args.length, pairs.length, ...user], texts: [options.file, argv0, folder, ...args, ...pairs] };
  }
  const { args: rest, ...order } = commandLine.read(args);
  if (order.main !== undefined) order.main = require('path').resolve(folder, order.main);
  order.info = { serialization: options.serialization ?? 'json', execPath, ...options[kInfo] };
  if (channel >= 0) order.info.channelAt = channel;
  return {
    head: [flags | flag.GUEST, rest.length, pairs.length, ...user], texts: [JSON.stringify(order), argv0, folder, ...rest, ...pairs],
  };
}

const flatten = (entries) => entries.flatMap((entry) => [entry.kind, entry.number, entry.handle]);

function begin(child, options, entries, channel) {
  const { head, texts } = describe(options, channel);
  const handle = native.start(head, flatten(entries), texts);
  if (handle < 0) return { error: handle, refused: handle === EACCES };
  native.attachObject(handle, child);
  // Once it has begun it may be gone, and then its handle tells nothing any more.
  const ends = entries.map((entry, index) => (entry.kind === kind.PIPE ? native.stdio(handle, index) : 0));
  const link = channel < 0 ? 0 : native.channel(handle);
  streams.settle();
  const pid = native.pid(handle);
  if (pid >= 0) child.pid = pid;
  else if (pid !== EBADF) return { error: forget(handle, [...ends, link], pid), refused: false };
  child._handle = new Process(handle, child.pid);
  return { error: 0, ends, link };
}

// Its CHILD_FAILED is for nobody, and neither are its streams.
function forget(handle, ends, error) {
  native.detachObject(handle);
  for (const end of ends) if (end > 0) streams.close(end);
  return error;
}

ChildProcess.prototype.spawn = function(options) {
  checkOptions(options);
  const { entries, channel } = toEntries(options.stdio || 'pipe', false);
  this.spawnfile = options.file;
  this.spawnargs = options.args ?? [];
  const { error, refused, ends, link } = begin(this, options, entries, channel);
  if (error !== 0 && !TOLD_LATER.has(error)) throw new ErrnoException(error, 'spawn');
  if (error === 0) process.nextTick(() => this.emit('spawn'));
  else process.nextTick(onFailed, this, refused ? denied(`spawn ${options.file}`) : new ErrnoException(error, `spawn ${options.file}`));
  this.stdio = entries.map((entry, index) => (entry.kind === kind.PIPE ? openStream(this, index, ends?.[index] ?? 0) : null));
  [this.stdin, this.stdout, this.stderr] = this.stdio;
  if (link > 0) openChannel(this, link, options.serialization ?? 'json');
  return error;
};

function openStream(child, index, handle) {
  const stream = toStream(handle > 0 ? handle : -1, index);
  child._closesNeeded++;
  stream.on('close', () => maybeClose(child));
  if (handle <= 0) stream.destroy();
  return stream;
}

function openChannel(child, link, mode) {
  child._closesNeeded++;
  ipc.open(child, link, mode, {
    onBroken: () => child.kill('SIGKILL'),
    onClosed: () => maybeClose(child),
  });
}

// ---- End ----

function maybeClose(child) {
  child._closesGot++;
  if (child._closesGot === child._closesNeeded) child.emit('close', child.exitCode, child.signalCode);
}

function onFailed(child, error) {
  child._handle = null;
  Object.assign(error, { path: child.spawnfile, spawnargs: child.spawnargs.slice(1) });
  child.exitCode = error.errno ?? EACCES;
  child.stdin?.destroy();
  child.emit('error', error);
  process.nextTick(drain, child);
  maybeClose(child);
}

// What nobody reads is read away, so that its end is seen.
function drain(child) {
  for (const stream of child.stdio) {
    if (stream !== null && stream.readable && !stream._readableState.readableListening) stream.resume();
  }
}

function onExit(child, value, bySignal, reason) {
  child[kReason] = REASONS[reason];
  if (bySignal) child.signalCode = signalName(value);
  else child.exitCode = value;
  child._handle = null;
  child.stdin?.destroy();
  child.emit('exit', child.exitCode, child.signalCode);
  process.nextTick(drain, child);
  maybeClose(child);
}

function onChildEvent(child, number, handle, value, flags, reason) {
  if (number === event.STARTED) {
    child.pid ??= value;
    child[kTold]?.(value);
    return;
  }
  native.detachObject(handle);
  if (number === event.EXIT) onExit(child, value, (flags & BY_SIGNAL) !== 0, reason);
  else if (child[kTold] !== undefined) onNoClone(child, value);
  else onFailed(child, new ErrnoException(-value, `spawn ${child.spawnfile}`));
}

// ---- Clones ----

// A clone of this process, which the host knows under this handle already. It writes where this process writes.
function adopt(handle, mode) {
  const child = new ChildProcess();
  child.spawnfile = process.execPath;
  child.spawnargs = [process.execPath, ...process.argv.slice(1)];
  child.stdio = [child.stdin, child.stdout, child.stderr] = [null, null, null];
  child._handle = new Process(handle, undefined);
  native.attachObject(handle, child);
  openChannel(child, native.channel(handle), mode);
  return child;
}

function onNoClone(child, errno) {
  child._handle = null;
  child[kTold](-errno);
}

// In a clone: this child, or the channel to one, belongs to the process that was cloned.
function forsake(object) {
  if (!(object instanceof ChildProcess)) {
    object.forsake?.();
    return;
  }
  object._handle = null;
  object.connected = false;
}

// ---- While it runs ----

ChildProcess.prototype.kill = function(signal) {
  const number = signal === 0 ? 0 : toSignal(signal === undefined ? 'SIGTERM' : signal);
  if (!this._handle) return false;
  const answer = this._handle.kill(number);
  if (answer === 0) {
    this.killed = true;
    return true;
  }
  if (answer === EINVAL || answer === ENOSYS) throw new ErrnoException(answer, 'kill');
  // EBADF: it has ended, and its event is on the way.
  if (answer !== ESRCH && answer !== EBADF) this.emit('error', new ErrnoException(answer, 'kill'));
  return false;
};

ChildProcess.prototype[Symbol.dispose ?? Symbol.for('nodejs.dispose')] = function() {
  if (!this.killed) this.kill();
};

// Beyond Node: why the host of a forked child says that it has ended; see the table `reason` of the boundary.
Object.defineProperty(ChildProcess.prototype, 'exitReason', {
  configurable: true,
  get() { return this[kReason] ?? null; },
});

ChildProcess.prototype.ref = function() {
  this._handle?.ref();
};

ChildProcess.prototype.unref = function() {
  this._handle?.unref();
};

native.setup((object, number, handle, value, flags, bytes, attached, attachedKind) => {
  if (number > event.EXIT) onChannelEvent(object, number, handle, value, flags, bytes, attached, attachedKind);
  else onChildEvent(object, number, handle, value, flags, bytes);
});

module.exports = { ChildProcess, adopt, forsake, kTold, describe, flatten, flag };

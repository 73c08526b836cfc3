// pipe(), unpipe() and wrap(): a Readable and who takes its data. Must not know how a chunk is kept.
'use strict';

const process = require('process');
const { prependListener } = require('./legacy');
const { destroyer, errorOrDestroy } = require('./destroy');

// One destination of a source. Its listeners are fields, so that each can be taken off again.
class Pipe {
  constructor(source, target) {
    this.source = source;
    this.target = target;
    this.cleaned = false;
    this.ondrain = null;
    this.ondata = (chunk) => {
      if (target.write(chunk) === false) this.hold();
    };
    this.onend = () => { target.end(); };
    this.unpipe = () => { source.unpipe(target); };
    this.onunpipe = (readable, info) => {
      if (readable !== source || !info || info.hasUnpiped !== false) return;
      info.hasUnpiped = true;
      this.cleanup();
    };
    this.onclose = () => {
      target.removeListener('finish', this.onfinish);
      this.unpipe();
    };
    this.onfinish = () => {
      target.removeListener('close', this.onclose);
      this.unpipe();
    };
    this.onerror = (error) => { this.failed(error); };
  }

  start(ends) {
    const { source, target } = this;
    const state = source._readableState;
    const atEnd = ends ? this.onend : this.unpipe;
    if (state.endEmitted) process.nextTick(atEnd);
    else source.once('end', atEnd);
    target.on('unpipe', this.onunpipe);
    source.on('data', this.ondata);
    prependListener(target, 'error', this.onerror);
    target.once('close', this.onclose);
    target.once('finish', this.onfinish);
    target.emit('pipe', source);
    if (target.writableNeedDrain === true) this.hold();
    else if (!state.flowing) source.resume();
  }

  // The target is full: the source waits until it has drained.
  hold() {
    const { source, target } = this;
    if (!this.cleaned) {
      const state = source._readableState;
      if (state.pipes.length === 1 && state.pipes[0] === target) {
        state.awaitDrainWriters = target;
        state.multiAwaitDrain = false;
      } else if (state.pipes.length > 1 && state.pipes.includes(target)) {
        state.awaitDrainWriters.add(target);
      }
      source.pause();
    }
    if (this.ondrain === null) {
      this.ondrain = () => drained(source, target);
      target.on('drain', this.ondrain);
    }
  }

  failed(error) {
    const { target } = this;
    this.unpipe();
    target.removeListener('error', this.onerror);
    if (target.listenerCount('error') !== 0) return;
    const state = target._writableState || target._readableState;
    if (state && !state.errorEmitted) errorOrDestroy(target, error);
    else target.emit('error', error);
  }

  cleanup() {
    const { source, target } = this;
    target.removeListener('close', this.onclose);
    target.removeListener('finish', this.onfinish);
    if (this.ondrain !== null) target.removeListener('drain', this.ondrain);
    target.removeListener('error', this.onerror);
    target.removeListener('unpipe', this.onunpipe);
    source.removeListener('end', this.onend);
    source.removeListener('end', this.unpipe);
    source.removeListener('data', this.ondata);
    this.cleaned = true;
    // Another may wait for the source that this one holds: it is not held by a target that is gone.
    const waits = this.ondrain !== null && source._readableState.awaitDrainWriters;
    if (waits && (!target._writableState || target._writableState.needDrain)) this.ondrain();
  }
}

function drained(source, target) {
  const state = source._readableState;
  if (state.awaitDrainWriters === target) state.awaitDrainWriters = null;
  else if (state.multiAwaitDrain) state.awaitDrainWriters.delete(target);
  const free = !state.awaitDrainWriters || state.awaitDrainWriters.size === 0;
  if (free && source.listenerCount('data')) source.resume();
}

function pipe(target, options) {
  const state = this._readableState;
  if (state.pipes.length === 1 && !state.multiAwaitDrain) {
    state.multiAwaitDrain = true;
    state.awaitDrainWriters = new Set(state.awaitDrainWriters ? [state.awaitDrainWriters] : []);
  }
  state.pipes.push(target);
  const ends = (!options || options.end !== false) && target !== process.stdout && target !== process.stderr;
  new Pipe(this, target).start(ends);
  return target;
}

function unpipe(target) {
  const state = this._readableState;
  if (state.pipes.length === 0) return this;
  if (!target) {
    const targets = state.pipes;
    state.pipes = [];
    this.pause();
    for (let i = 0; i < targets.length; i++) targets[i].emit('unpipe', this, { hasUnpiped: false });
    return this;
  }
  const at = state.pipes.indexOf(target);
  if (at === -1) return this;
  state.pipes.splice(at, 1);
  if (state.pipes.length === 0) this.pause();
  target.emit('unpipe', this, { hasUnpiped: false });
  return this;
}

// A stream of Node's first kind, read as one of today's.
function wrap(old) {
  let paused = false;
  old.on('data', (chunk) => {
    if (!this.push(chunk) && old.pause) {
      paused = true;
      old.pause();
    }
  });
  old.on('end', () => { this.push(null); });
  old.on('error', (error) => { errorOrDestroy(this, error); });
  old.on('close', () => { this.destroy(); });
  old.on('destroy', () => { this.destroy(); });
  this._read = () => {
    if (paused && old.resume) {
      paused = false;
      old.resume();
    }
  };
  for (const key of Object.keys(old).slice(1)) {
    if (this[key] === undefined && typeof old[key] === 'function') this[key] = old[key].bind(old);
  }
  return this;
}

module.exports = function addPipe(Readable) {
  Readable.prototype.pipe = pipe;
  Readable.prototype.unpipe = unpipe;
  Readable.prototype.wrap = wrap;
  Readable.wrap = function(source, options) {
    return new Readable({
      objectMode: source.readableObjectMode ?? source.objectMode ?? true,
      ...options,
      destroy(error, callback) {
        destroyer(source, error);
        callback(error);
      },
    }).wrap(source);
  };
};

// send, disconnect and 'message' of a process object: of a child in its parent, and of `process` in the child. A message with
// a handle is acknowledged by the other side; what is sent until then waits, as in Node. Must not know which end it is.
'use strict';

const { Channel } = require('internal/child_process/channel');
const handles = require('internal/child_process/handles');
const counts = require('internal/child_process/socket_counts');
const streams = internalBinding('stream');
const { codes: { ERR_INVALID_ARG_TYPE, ERR_IPC_CHANNEL_CLOSED, ERR_IPC_DISCONNECTED, ERR_MISSING_ARGS } } = require('internal/errors');
const { validateObject } = require('internal/validators');

const kPipe = Symbol('kPipe'); // the Ipc of a target
const kInternal = Symbol('kInternal'); // what cluster wants to hear of a target: (message, attached, kind)
const MOST_HELD = 4096;
const SENDABLE = ['string', 'object', 'number', 'boolean'];

class Ipc {
  #target;
  #held = []; // messages for a listener that has not come yet
  #backlog = null; // what waits for the acknowledgement of a handle
  #leaving = false;

  constructor(target, handle, mode, { onBroken, onClosed }) {
    this.#target = target;
    this.counts = new counts.Counts(this);
    this.onBroken = onBroken;
    this.onClosed = onClosed;
    this.channel = new Channel(handle, mode, {
      message: (value, internal, attached, kind) => this.#receive(value, internal, attached, kind),
      broken: () => this.break(),
      closed: () => this.#closed(),
    });
    target.on('newListener', (name) => {
      if (name === 'message' && this.#held.length > 0) process.nextTick(() => this.#release());
    });
  }

  get target() { return this.#target; }

  // ---- Out ----

  send(message, object, options, callback) {
    if (message === undefined) throw new ERR_MISSING_ARGS('message');
    if (!SENDABLE.includes(typeof message)) throw new ERR_INVALID_ARG_TYPE('message', SENDABLE, message);
    const type = object === undefined || object === null ? null : handles.typeOf(object);
    if (this.#backlog !== null) {
      this.#backlog.push([message, object, options, callback]);
      return this.#backlog.length === 1;
    }
    const parcel = type === null ? null : handles.pack(type, object, options, this);
    const done = callback ?? ((error) => {
      if (error !== null && !options.swallowErrors) this.#target.emit('error', error);
    });
    // A handle that is gone already: the message travels alone.
    if (parcel === null) return this.channel.post(message, false, null, done);
    this.#backlog = [];
    return this.channel.post({ act: 'handle', type, ...parcel.notes, message }, true, parcel.attach, done);
  }

  // A word of the library's own: it never waits. The other end may be a guest in another language, so it is always JSON.
  tell(message, attach = null, callback = undefined) {
    return this.channel.post(message, true, attach, callback, 'json');
  }

  #acknowledged() {
    const backlog = this.#backlog ?? [];
    this.#backlog = null;
    for (const each of backlog) this.send(...each);
    if (this.#leaving && this.#backlog === null) this.#close();
  }

  // ---- In ----

  #receive(value, internal, attached, kind) {
    if (!internal) {
      if (attached) streams.close(attached);
      this.#deliver(value, undefined);
      return;
    }
    let then;
    try {
      then = this.#understand(value, attached, kind);
    } catch {
      if (attached) streams.close(attached);
      this.break();
      return;
    }
    then?.();
  }

  // What is to be done about an internal message; throws when it makes no sense.
  #understand(value, attached, kind) {
    switch (value.act) {
      case 'ack': return () => this.#acknowledged();
      case 'sockets': return this.counts.understand(value);
      case 'handle': {
        // The socket may have been lost on its way.
        const object = attached ? handles.unpack(value, attached, kind, this) : undefined;
        return () => {
          this.tell({ act: 'ack' });
          this.#deliver(value.message, object);
        };
      }
      default: {
        const hear = this.#target[kInternal];
        if (hear === undefined) throw new TypeError('unknown message');
        return hear(value, attached, kind);
      }
    }
  }

  #deliver(message, object) {
    const target = this.#target;
    const internal = typeof message === 'object' && message !== null && typeof message.cmd === 'string' && message.cmd.startsWith('NODE_');
    if (internal) target.emit('internalMessage', message, object);
    else if (target.listenerCount('message') > 0) target.emit('message', message, object);
    else if (this.#held.length < MOST_HELD) this.#held.push([message, object]);
  }

  #release() {
    if (this.#target.listenerCount('message') === 0) return;
    const held = this.#held;
    this.#held = [];
    for (const [message, object] of held) this.#target.emit('message', message, object);
  }

  // ---- End ----

  break() {
    this.onBroken();
    this.#close();
  }

  disconnect() {
    this.#leaving = true;
    if (this.#backlog === null || this.#backlog.length === 0) this.#close();
  }

  #close() {
    this.channel.close();
    this.#detach();
  }

  #closed() {
    this.#detach();
    for (const [, , , callback] of this.#backlog ?? []) {
      if (callback !== undefined) process.nextTick(callback, new ERR_IPC_CHANNEL_CLOSED());
    }
    this.#backlog = null;
    this.counts.end();
    this.onClosed();
  }

  // The target has no channel from now on, and is told so on a tick.
  #detach() {
    const target = this.#target;
    if (target[kPipe] !== this) return;
    target[kPipe] = null;
    target.connected = false;
    target.channel = null;
    process.nextTick(() => target.emit('disconnect'));
  }
}

// ---- What scripts see ----

function send(message, handle, options, callback) {
  if (typeof handle === 'function') [handle, options, callback] = [undefined, undefined, handle];
  else if (typeof options === 'function') [options, callback] = [undefined, options];
  else if (options !== undefined) validateObject(options, 'options');
  if (typeof callback !== 'function') callback = undefined;
  if (this.connected) return this._send(message, handle, { swallowErrors: false, ...options }, callback);
  const error = new ERR_IPC_CHANNEL_CLOSED();
  if (callback !== undefined) process.nextTick(callback, error);
  else process.nextTick(() => this.emit('error', error));
  return false;
}

function sendNow(message, handle, options, callback) {
  const settings = typeof options === 'boolean' ? { swallowErrors: options } : options ?? {};
  return this[kPipe].send(message, handle, settings, typeof callback === 'function' ? callback : undefined);
}

function disconnect() {
  if (!this.connected) {
    this.emit('error', new ERR_IPC_DISCONNECTED());
    return;
  }
  this.connected = false;
  this[kPipe]?.disconnect();
}

function open(target, handle, mode, told) {
  const ipc = new Ipc(target, handle, mode, told);
  target[kPipe] = ipc;
  target.channel = ipc.channel.control;
  Object.defineProperty(target, '_channel', {
    configurable: true,
    enumerable: true,
    get() { return this.channel; },
    set(value) { this.channel = value; },
  });
  target.connected = true;
  target.send = send;
  target._send = sendNow;
  target.disconnect = disconnect;
  target._disconnect = function() { this[kPipe]?.disconnect(); };
  return ipc;
}

const ipcOf = (target) => target[kPipe] ?? null;

module.exports = { open, ipcOf, kInternal };

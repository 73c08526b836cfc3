// MessageChannel, MessagePort, MessageEvent and BroadcastChannel within one guest: what is posted is cloned at once and comes
// on a later pass of the loop, one message a task. Must not know threads: there are none.
'use strict';

const {
  Event, EventTarget, NodeEventTarget, defineEventHandler, kCreateEvent, kNewListener, kRemoveListener,
} = require('internal/event_target');
const { structuredClone, kTransferable } = require('internal/structured_clone');
const { DOMException } = require('internal/domexception');
const { customInspectSymbol } = require('internal/util');
const {
  codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_THIS, ERR_MISSING_ARGS },
} = require('internal/errors');
const { clearInterval, setImmediate, setInterval } = require('timers');

const kMake = Symbol('kMake');
const LONGEST_MS = 2 ** 31 - 1;

class MessageEvent extends Event {
  #fields;

  constructor(type, options = {}) {
    super(type, options);
    const { data = null, origin = '', lastEventId = '', source = null, ports = [] } = options ?? {};
    this.#fields = { data, origin: `${origin}`, lastEventId: `${lastEventId}`, source, ports: [...ports] };
  }

  get data() { return this.#fields.data; }
  get origin() { return this.#fields.origin; }
  get lastEventId() { return this.#fields.lastEventId; }
  get source() { return this.#fields.source; }
  get ports() { return this.#fields.ports; }
}

function readTransfer(options) {
  if (options === undefined || options === null) return undefined;
  if (typeof options !== 'object') throw new ERR_INVALID_ARG_TYPE('transferList', ['Object', 'Array'], options);
  return typeof options[Symbol.iterator] === 'function' ? { transfer: options } : options;
}

// A loop stays alive for who listens, as long as it is asked to: a timer that is never due.
class KeepAlive {
  #timer;

  set(wanted) {
    if (wanted && this.#timer === undefined) {
      this.#timer = setInterval(() => {}, LONGEST_MS);
    } else if (!wanted && this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  get on() { return this.#timer !== undefined; }
}

let entangle; // (a, b): given by the class
let receive; // (port): the oldest message that waits, as { message }

class MessagePort extends NodeEventTarget {
  #peer = null;
  #queue = [];
  #started = false;
  #closed = false;
  #alive = new KeepAlive();
  #scheduled = false;

  constructor(token) {
    if (token !== kMake) throw new TypeError('Illegal constructor');
    super();
  }

  static {
    entangle = (a, b) => {
      a.#peer = b;
      b.#peer = a;
    };
    receive = (port) => {
      if (port === null || typeof port !== 'object' || !(#queue in port)) {
        throw new ERR_INVALID_ARG_TYPE('port', 'MessagePort', port);
      }
      return port.#queue.length === 0 ? undefined : { message: port.#queue.shift() };
    };
  }

  get [kTransferable]() { return true; }

  postMessage(message, options) {
    if (!(#queue in this)) throw new ERR_INVALID_THIS('MessagePort');
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('message');
    const settings = readTransfer(options);
    if (settings?.transfer && [...settings.transfer].includes(this)) {
      throw new DOMException('Transfer list contains source port', 'DataCloneError');
    }
    const copy = structuredClone(message, settings);
    if (this.#peer === null) return;
    this.#peer.#queue.push(copy);
    this.#peer.#schedule();
  }

  start() {
    if (this.#closed) return;
    this.#started = true;
    this.#schedule();
  }

  #schedule() {
    if (!this.#started || this.#scheduled || this.#queue.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#started || this.#queue.length === 0) return;
      const data = this.#queue.shift();
      this.#schedule();
      this.emit('message', data);
    });
  }

  [kCreateEvent](data, type) {
    return type === 'message' || type === 'messageerror' ? new MessageEvent(type, { data }) : new Event(type);
  }

  [kNewListener](size, type, ...rest) {
    super[kNewListener](size, type, ...rest);
    if (type !== 'message') return;
    this.ref();
    this.start();
  }

  [kRemoveListener](size, type, ...rest) {
    super[kRemoveListener](size, type, ...rest);
    if (type === 'message' && size === 0) this.unref();
  }

  close(callback) {
    if (typeof callback === 'function') this.once('close', callback);
    if (this.#closed) return;
    const peer = this.#peer;
    this.#end();
    peer?.#end();
  }

  // What waits already still comes, before 'close'.
  #end() {
    if (this.#closed) return;
    this.#closed = true;
    this.#peer = null;
    const told = () => {
      if (this.#started && this.#queue.length > 0) {
        setImmediate(told);
        return;
      }
      this.#alive.set(false);
      this.emit('close');
    };
    setImmediate(told);
  }

  ref() { if (!this.#closed) this.#alive.set(true); }
  unref() { this.#alive.set(false); }
  hasRef() { return this.#alive.on; }

  [customInspectSymbol]() {
    return `MessagePort { active: ${!this.#closed}, refed: ${this.#alive.on} }`;
  }
}
defineEventHandler(MessagePort.prototype, 'message');
defineEventHandler(MessagePort.prototype, 'messageerror');

class MessageChannel {
  constructor() {
    this.port1 = new MessagePort(kMake);
    this.port2 = new MessagePort(kMake);
    entangle(this.port1, this.port2);
  }
}

// ---- Channels by name ----

const channels = new Map();

class BroadcastChannel extends EventTarget {
  #name;
  #closed = false;
  #alive = new KeepAlive();

  constructor(name) {
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('name');
    super();
    this.#name = `${name}`;
    if (!channels.has(this.#name)) channels.set(this.#name, new Set());
    channels.get(this.#name).add(this);
    this.#alive.set(true);
  }

  get name() {
    if (!(#name in this)) throw new ERR_INVALID_THIS('BroadcastChannel');
    return this.#name;
  }

  postMessage(message) {
    if (!(#name in this)) throw new ERR_INVALID_THIS('BroadcastChannel');
    if (arguments.length === 0) throw new ERR_MISSING_ARGS('message');
    if (this.#closed) throw new DOMException('BroadcastChannel is closed.', 'InvalidStateError');
    for (const other of channels.get(this.#name)) {
      if (other === this) continue;
      const data = structuredClone(message);
      setImmediate(() => {
        if (!other.#closed) other.dispatchEvent(new MessageEvent('message', { data }));
      });
    }
  }

  close() {
    if (!(#name in this)) throw new ERR_INVALID_THIS('BroadcastChannel');
    if (this.#closed) return;
    this.#closed = true;
    this.#alive.set(false);
    const all = channels.get(this.#name);
    all.delete(this);
    if (all.size === 0) channels.delete(this.#name);
  }

  ref() { if (!this.#closed) this.#alive.set(true); return this; }
  unref() { this.#alive.set(false); return this; }

  [customInspectSymbol](depth, options) {
    if (depth < 0) return 'BroadcastChannel';
    const { inspect } = require('internal/util/inspect');
    return `BroadcastChannel ${inspect({ name: this.#name, active: !this.#closed }, options)}`;
  }
}
defineEventHandler(BroadcastChannel.prototype, 'message');
defineEventHandler(BroadcastChannel.prototype, 'messageerror');

for (const [Class, names] of [[MessageEvent, ['data', 'origin', 'lastEventId', 'source', 'ports']],
  [BroadcastChannel, ['name', 'postMessage', 'close']]]) {
  for (const name of names) Object.defineProperty(Class.prototype, name, { enumerable: true });
}

module.exports = { BroadcastChannel, MessageChannel, MessageEvent, MessagePort, receiveMessageOnPort: receive };

// Duplex, in place of the package's: a Readable with Writable's methods, made in one pass. Must not know what flows.
'use strict';

const { EventEmitter } = require('events');
const destroyImpl = require('./destroy');
const Readable = require('./readable');
const Writable = require('./writable');

module.exports = Duplex;
Object.setPrototypeOf(Duplex.prototype, Readable.prototype);
Object.setPrototypeOf(Duplex, Readable);
for (const method of Object.keys(Writable.prototype)) {
  if (!Duplex.prototype[method]) Duplex.prototype[method] = Writable.prototype[method];
}
Duplex.prototype.destroy = Writable.prototype.destroy;

const isDuplex = (stream) => stream instanceof Duplex;
Readable.useDuplex(isDuplex);
Writable.useDuplex(isDuplex);

function Duplex(options) {
  if (!(this instanceof Duplex)) return new Duplex(options);
  Readable.initialise(this, options, true);
  this.allowHalfOpen = true;
  if (options) {
    if (options.allowHalfOpen === false) this.allowHalfOpen = false;
    if (options.readable === false) {
      Object.assign(this._readableState, { readable: false, ended: true, endEmitted: true });
    }
  }
  Writable.initialise(this, options, true);
  if (options && options.writable === false) {
    Object.assign(this._writableState, { writable: false, ending: true, ended: true, finished: true });
  }
  EventEmitter.init.call(this, options);
  if (typeof this._construct === 'function') {
    destroyImpl.construct(this, () => {
      Readable.constructed(this);
      Writable.constructed(this);
    });
  }
}

for (const name of ['writable', 'writableHighWaterMark', 'writableObjectMode', 'writableBuffer', 'writableLength',
  'writableFinished', 'writableCorked', 'writableEnded', 'writableNeedDrain', 'writableAborted']) {
  Object.defineProperty(Duplex.prototype, name, {
    __proto__: null, ...Object.getOwnPropertyDescriptor(Writable.prototype, name),
  });
}

Object.defineProperty(Duplex.prototype, 'destroyed', {
  __proto__: null,
  configurable: true,
  get() {
    const { _readableState: r, _writableState: w } = this;
    return r === undefined || w === undefined ? false : r.destroyed && w.destroyed;
  },
  set(value) {
    // Before the constructor has run there is nothing to say it of.
    if (this._readableState && this._writableState) this._readableState.destroyed = this._writableState.destroyed = value;
  },
});

let adapters;
const web = () => adapters ??= require('internal/webstreams/adapters');

Duplex.fromWeb = function(pair, options) {
  return web().newStreamDuplexFromReadableWritablePair(pair, options);
};
Duplex.toWeb = function(duplex) {
  return web().newReadableWritablePairFromDuplex(duplex);
};

let duplexify;
Duplex.from = function(body) {
  duplexify ??= require('./duplexify');
  return duplexify(body, 'body');
};

// Transform, in place of the package's: a Duplex whose output is made of its input. Must not know the making.
'use strict';

const { nextTick } = require('process');
const Duplex = require('./duplex');
const { getHighWaterMark } = require('./state');
const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');

module.exports = Transform;
Object.setPrototypeOf(Transform.prototype, Duplex.prototype);
Object.setPrototypeOf(Transform, Duplex);

const kCallback = Symbol('kCallback');

function Transform(options) {
  if (!(this instanceof Transform)) return new Transform(options);
  const mark = options ? getHighWaterMark(this, options, 'readableHighWaterMark', true) : null;
  if (mark === 0) {
    // Who wants nothing buffered wants nothing buffered before the transformation either.
    const writableHighWaterMark = options.writableHighWaterMark || 0;
    options = { ...options, highWaterMark: null, readableHighWaterMark: mark, writableHighWaterMark };
  }
  Duplex.call(this, options);
  // _read is ours and never pushes by itself, so the first push may be emitted at once.
  this._readableState.sync = false;
  this[kCallback] = null;
  if (options) {
    if (typeof options.transform === 'function') this._transform = options.transform;
    if (typeof options.flush === 'function') this._flush = options.flush;
  }
  // Some streams define _final beside _flush, or in its place: then 'prefinish' does what our _final would have.
  this.on('prefinish', prefinish);
}

function final(cb) {
  if (typeof this._flush !== 'function' || this.destroyed) {
    this.push(null);
    if (cb) cb();
    return;
  }
  this._flush((error, data) => {
    if (error) {
      if (cb) cb(error);
      else this.destroy(error);
      return;
    }
    if (data !== null && data !== undefined) this.push(data);
    this.push(null);
    if (cb) cb();
  });
}

function prefinish() {
  if (this._final !== final) final.call(this);
}

Transform.prototype._final = final;

Transform.prototype._transform = function(chunk, encoding, callback) {
  throw new ERR_METHOD_NOT_IMPLEMENTED('_transform()');
};

Transform.prototype._write = function(chunk, encoding, callback) {
  const r = this._readableState;
  const before = r.length;
  this._transform(chunk, encoding, (error, value) => {
    if (error) {
      callback(error);
      return;
    }
    if (value !== null && value !== undefined) this.push(value);
    if (r.ended && !this._writableState.ended) {
      // push(null) within _transform: let 'end' be told first.
      nextTick(callback);
    } else if (this._writableState.ended || before === r.length || r.length < r.highWaterMark) {
      callback();
    } else {
      this[kCallback] = callback;
    }
  });
};

Transform.prototype._read = function() {
  const callback = this[kCallback];
  if (!callback) return;
  this[kCallback] = null;
  callback();
};

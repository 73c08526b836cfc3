// The accessors of Writable.prototype: what a script may ask of a stream's state. Changes nothing.
'use strict';

function define(prototype, name, get, set, enumerable = false) {
  Object.defineProperty(prototype, name, { __proto__: null, get, set, enumerable, configurable: true });
}

module.exports = function addProperties(Writable) {
  const target = Writable.prototype;
  define(target, 'closed', function() { return this._writableState ? this._writableState.closed : false; });
  define(target, 'destroyed', function() {
    return this._writableState ? this._writableState.destroyed : false;
  }, function(value) {
    if (this._writableState) this._writableState.destroyed = value;
  });
  define(target, 'writable', function() {
    const w = this._writableState;
    // What is errored may be told to be writable by nobody.
    return !!w && w.writable !== false && !w.destroyed && !w.errored && !w.ending && !w.ended;
  }, function(value) {
    if (this._writableState) this._writableState.writable = !!value;
  });
  define(target, 'writableFinished', function() { return this._writableState ? this._writableState.finished : false; });
  define(target, 'writableObjectMode', function() { return this._writableState ? this._writableState.objectMode : false; });
  define(target, 'writableBuffer', function() { return this._writableState && this._writableState.getBuffer(); });
  define(target, 'writableEnded', function() { return this._writableState ? this._writableState.ending : false; });
  define(target, 'writableNeedDrain', function() {
    const w = this._writableState;
    return w ? !w.destroyed && !w.ending && w.needDrain : false;
  });
  define(target, 'writableHighWaterMark', function() { return this._writableState && this._writableState.highWaterMark; });
  define(target, 'writableCorked', function() { return this._writableState ? this._writableState.corked : 0; });
  define(target, 'writableLength', function() { return this._writableState && this._writableState.length; });
  define(target, 'errored', function() { return this._writableState ? this._writableState.errored : null; });
  define(target, 'writableAborted', function() {
    const w = this._writableState;
    return !!(w.writable !== false && (w.destroyed || w.errored) && !w.finished);
  });
  let adapters;
  const web = () => adapters ??= require('internal/webstreams/adapters');
  Writable.fromWeb = function(writableStream, options) {
    return web().newStreamWritableFromWritableStream(writableStream, options);
  };
  Writable.toWeb = function(streamWritable) {
    return web().newWritableStreamFromStreamWritable(streamWritable);
  };
};

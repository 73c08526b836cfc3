// The accessors of Readable.prototype: what a script may ask of a stream's state. Changes nothing by itself.
'use strict';

module.exports = function addProperties(Readable) {
  function define(name, get, set) {
    Object.defineProperty(Readable.prototype, name, { __proto__: null, get, set, enumerable: false, configurable: true });
  }
  // From the state, or `otherwise` for an object that is no stream yet.
  function fromState(name, key, otherwise) {
    define(name, function() { return this._readableState ? this._readableState[key] : otherwise; });
  }
  define('readable', function() {
    const r = this._readableState;
    // `r.readable` is false for a Duplex without a readable half.
    return !!r && r.readable !== false && !r.destroyed && !r.errorEmitted && !r.endEmitted;
  }, function(value) {
    if (this._readableState) this._readableState.readable = !!value;
  });
  define('readableDidRead', function() { return this._readableState.dataEmitted; });
  define('readableAborted', function() {
    const r = this._readableState;
    return !!(r.readable !== false && (r.destroyed || r.errored) && !r.endEmitted);
  });
  define('readableHighWaterMark', function() { return this._readableState.highWaterMark; });
  define('readableBuffer', function() { return this._readableState && this._readableState.buffer; });
  define('readableFlowing', function() { return this._readableState.flowing; }, function(value) {
    if (this._readableState) this._readableState.flowing = value;
  });
  define('readableLength', function() { return this._readableState.length; });
  fromState('readableObjectMode', 'objectMode', false);
  fromState('readableEncoding', 'encoding', null);
  fromState('errored', 'errored', null);
  fromState('closed', 'closed', false);
  fromState('readableEnded', 'endEmitted', false);
  define('destroyed', function() { return this._readableState ? this._readableState.destroyed : false; }, function(value) {
    if (this._readableState) this._readableState.destroyed = value;
  });
};

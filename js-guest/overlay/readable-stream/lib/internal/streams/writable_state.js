// What a Writable knows of itself. Flags that rarely change stand on the prototype, since making properties is what a new
// stream costs most. Must not know how writing goes.
'use strict';

const { getHighWaterMark, getDefaultHighWaterMark, validDefaultEncoding } = require('./state');

const NONE = Object.freeze([]);

function WritableState(options, stream, isDuplex) {
  this.length = 0;
  this.pendingcb = 0;
  this.writing = false;
  this.sync = true;
  this.needDrain = false;
  this.writelen = 0;
  this.writecb = null;
  this.buffered = NONE;
  this.bufferedIndex = 0;
  if (options === undefined || options === null) {
    this.highWaterMark = getDefaultHighWaterMark(false);
    return;
  }
  if (options.objectMode || (isDuplex && options.writableObjectMode)) this.objectMode = true;
  this.highWaterMark = getHighWaterMark(this, options, 'writableHighWaterMark', isDuplex);
  if (options.decodeStrings === false) this.decodeStrings = false;
  if (options.emitClose === false) this.emitClose = false;
  if (options.autoDestroy === false) this.autoDestroy = false;
  const { defaultEncoding } = options;
  if (defaultEncoding) this.defaultEncoding = validDefaultEncoding(defaultEncoding);
}

Object.assign(WritableState.prototype, {
  objectMode: false,
  decodeStrings: true,
  defaultEncoding: 'utf8',
  corked: 0,
  finalCalled: false,
  ending: false,
  ended: false,
  finished: false,
  destroyed: false,
  bufferProcessing: false,
  allBuffers: true,
  allNoop: true,
  // Callbacks of end(), until 'finish'.
  onFinished: null,
  // Callbacks of writes that were done at once, told together on the next tick.
  afterWriteTickInfo: null,
  afterWritePending: false,
  constructed: true,
  prefinished: false,
  errorEmitted: false,
  emitClose: true,
  autoDestroy: true,
  errored: null,
  closed: false,
  closeEmitted: false,
});

WritableState.prototype.getBuffer = function getBuffer() {
  return this.buffered.slice(this.bufferedIndex);
};

Object.defineProperty(WritableState.prototype, 'bufferedRequestCount', {
  __proto__: null,
  get() { return this.buffered.length - this.bufferedIndex; },
});

WritableState.NONE = NONE;

module.exports = WritableState;

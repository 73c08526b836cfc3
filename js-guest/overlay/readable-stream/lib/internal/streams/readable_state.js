// What a Readable knows of itself. Flags that rarely change stand on the prototype, since making properties is what a new
// stream costs most. Must not know how reading goes.
'use strict';

const { StringDecoder } = require('string_decoder');
const BufferList = require('./buffer_list');
const { getHighWaterMark, getDefaultHighWaterMark, validDefaultEncoding } = require('./state');

const kPaused = Symbol('kPaused');

function ReadableState(options, stream, isDuplex) {
  this.length = 0;
  this.flowing = null;
  this.buffer = new BufferList();
  this.ended = false;
  this.reading = false;
  // Until the first read() nothing may be emitted at once.
  this.sync = true;
  // read() has answered null, so 'readable' is awaited.
  this.needReadable = false;
  this.emittedReadable = false;
  this.awaitDrainWriters = null;
  this.pipes = [];
  if (options === undefined || options === null) {
    this.highWaterMark = getDefaultHighWaterMark(false);
    return;
  }
  if (options.objectMode || (isDuplex && options.readableObjectMode)) this.objectMode = true;
  this.highWaterMark = getHighWaterMark(this, options, 'readableHighWaterMark', isDuplex);
  if (options.emitClose === false) this.emitClose = false;
  if (options.autoDestroy === false) this.autoDestroy = false;
  const { defaultEncoding, encoding } = options;
  if (defaultEncoding) this.defaultEncoding = validDefaultEncoding(defaultEncoding);
  if (encoding) {
    this.decoder = new StringDecoder(encoding);
    this.encoding = encoding;
  }
}

Object.assign(ReadableState.prototype, {
  objectMode: false,
  endEmitted: false,
  constructed: true,
  readableListening: false,
  resumeScheduled: false,
  [kPaused]: null,
  errorEmitted: false,
  emitClose: true,
  autoDestroy: true,
  destroyed: false,
  errored: null,
  closed: false,
  closeEmitted: false,
  defaultEncoding: 'utf8',
  // Whether awaitDrainWriters is a Set of several destinations.
  multiAwaitDrain: false,
  readingMore: false,
  dataEmitted: false,
  decoder: null,
  encoding: null,
});

Object.defineProperties(ReadableState.prototype, {
  pipesCount: { __proto__: null, get() { return this.pipes.length; } },
  paused: {
    __proto__: null,
    get() { return this[kPaused] !== false; },
    set(value) { this[kPaused] = !!value; },
  },
});

module.exports = { ReadableState, kPaused };

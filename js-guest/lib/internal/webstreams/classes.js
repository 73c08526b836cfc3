// The classes of the standard's reference implementation (npm: web-streams-polyfill), with what Node's have beside them:
// how they are shown, and the symbols under which node:stream asks a web stream for its state. Knows the
// implementation's own fields; nothing else does.
'use strict';

const streams = require('internal/deps/web-streams');
const { createDeferredPromise, customInspectSymbol } = require('internal/util');
const { codes: { ERR_INVALID_THIS } } = require('internal/errors');

const {
  ByteLengthQueuingStrategy, CountQueuingStrategy, ReadableByteStreamController, ReadableStream, ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest, ReadableStreamDefaultController, ReadableStreamDefaultReader, TransformStream,
  TransformStreamDefaultController, WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter,
} = streams;

const kIsDisturbed = Symbol.for('nodejs.stream.disturbed');
const kIsErrored = Symbol.for('nodejs.stream.errored');
const kIsReadable = Symbol.for('nodejs.stream.readable');
const kIsWritable = Symbol.for('nodejs.stream.writable');
const kIsClosedPromise = Symbol.for('nodejs.webstream.isClosedPromise');
const kControllerErrorFunction = Symbol.for('nodejs.webstream.controllerErrorFunction');
const kClosed = Symbol('kClosed');

// Since the implementation keeps its state in ordinary properties, a brand is one of them.
const isA = (Class, field) => (value) =>
  value !== null && typeof value === 'object' && Object.hasOwn(value, field) && value instanceof Class;

const isReadableStream = isA(ReadableStream, '_readableStreamController');
const isWritableStream = isA(WritableStream, '_writableStreamController');
const isTransformStream = isA(TransformStream, '_transformStreamController');

// ---- How they are shown ----

function customInspect(depth, options, name, data) {
  if (depth < 0) return this;
  const { inspect } = require('internal/util/inspect');
  return `${name} ${inspect(data, { ...options, depth: options.depth == null ? null : options.depth - 1 })}`;
}

function showAs(Class, brand, describe) {
  Object.defineProperty(Class.prototype, customInspectSymbol, {
    configurable: true,
    writable: true,
    value(depth, options) {
      if (this === null || typeof this !== 'object' || !Object.hasOwn(this, brand)) throw new ERR_INVALID_THIS(Class.name);
      return Reflect.apply(customInspect, this, [depth, options, Class.name, describe(this)]);
    },
  });
}

showAs(ReadableStream, '_readableStreamController', (stream) => ({
  locked: stream.locked, state: stream._state,
  supportsBYOB: stream._readableStreamController instanceof ReadableByteStreamController,
}));
showAs(ReadableStreamDefaultReader, '_readRequests', (reader) => ({
  stream: reader._ownerReadableStream, readRequests: reader._readRequests.length, close: reader._closedPromise,
}));
showAs(ReadableStreamBYOBReader, '_readIntoRequests', (reader) => ({
  stream: reader._ownerReadableStream, requests: reader._readIntoRequests.length, close: reader._closedPromise,
}));
showAs(ReadableStreamBYOBRequest, '_view', (request) => ({
  view: request._view, controller: request._associatedReadableByteStreamController,
}));
showAs(ReadableStreamDefaultController, '_controlledReadableStream', () => ({}));
showAs(ReadableByteStreamController, '_controlledReadableByteStream', () => ({}));
showAs(WritableStream, '_writableStreamController', (stream) => ({ locked: stream.locked, state: stream._state }));
showAs(WritableStreamDefaultWriter, '_ownerWritableStream', (writer) => ({
  stream: writer._ownerWritableStream, close: writer._closedPromise, ready: writer._readyPromise,
  desiredSize: writer._ownerWritableStream === undefined ? undefined : writer.desiredSize,
}));
showAs(WritableStreamDefaultController, '_controlledWritableStream', (controller) => ({
  stream: controller._controlledWritableStream,
}));
showAs(TransformStream, '_transformStreamController', (stream) => ({
  readable: stream._readable, writable: stream._writable, backpressure: stream._backpressure,
}));
showAs(TransformStreamDefaultController, '_controlledTransformStream', (controller) => ({
  stream: controller._controlledTransformStream,
}));
showAs(ByteLengthQueuingStrategy, '_byteLengthQueuingStrategyHighWaterMark', (strategy) => ({
  highWaterMark: strategy.highWaterMark,
}));
showAs(CountQueuingStrategy, '_countQueuingStrategyHighWaterMark', (strategy) => ({
  highWaterMark: strategy.highWaterMark,
}));

// ---- What node:stream asks ----

function settle(deferred, stream) {
  if (stream._state === 'closed') deferred.resolve();
  // A stream's error is stored in the same step, though not always before its state.
  else if (stream._state === 'errored') queueMicrotask(() => deferred.reject(stream._storedError));
}

// A promise for the end of a stream, whoever reads it: made when first asked for, and then the state is watched.
function closedPromise(stream) {
  if (stream[kClosed] !== undefined) return stream[kClosed];
  const deferred = createDeferredPromise();
  deferred.promise.catch(() => {});
  Object.defineProperty(stream, kClosed, { value: deferred });
  let state = stream._state;
  Object.defineProperty(stream, '_state', {
    enumerable: true,
    configurable: true,
    get: () => state,
    set(value) {
      state = value;
      settle(deferred, stream);
    },
  });
  settle(deferred, stream);
  return deferred;
}

function answers(Class, symbol, get) {
  Object.defineProperty(Class.prototype, symbol, { configurable: true, get });
}
answers(ReadableStream, kIsDisturbed, function() { return this._disturbed; });
answers(ReadableStream, kIsErrored, function() { return this._state === 'errored'; });
answers(ReadableStream, kIsReadable, function() { return this._state === 'readable'; });
answers(WritableStream, kIsErrored, function() { return this._state === 'errored'; });
answers(WritableStream, kIsWritable, function() { return this._state === 'writable'; });
for (const [Class, controller] of [[ReadableStream, '_readableStreamController'], [WritableStream, '_writableStreamController']]) {
  answers(Class, kIsClosedPromise, function() { return closedPromise(this); });
  answers(Class, kControllerErrorFunction, function() { return (error) => this[controller].error(error); });
}
answers(TransformStream, kIsClosedPromise, function() { return closedPromise(this._readable); });

module.exports = { ...streams, isReadableStream, isWritableStream, isTransformStream, customInspect };

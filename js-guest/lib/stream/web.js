// node:stream/web: the standard's streams. Must not know how they work.
'use strict';

const classes = require('internal/webstreams/classes');
const { TextEncoderStream, TextDecoderStream } = require('internal/webstreams/encoding');
const { CompressionStream, DecompressionStream } = require('internal/webstreams/compression');

module.exports = {
  ReadableStream: classes.ReadableStream,
  ReadableStreamDefaultReader: classes.ReadableStreamDefaultReader,
  ReadableStreamBYOBReader: classes.ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest: classes.ReadableStreamBYOBRequest,
  ReadableByteStreamController: classes.ReadableByteStreamController,
  ReadableStreamDefaultController: classes.ReadableStreamDefaultController,
  TransformStream: classes.TransformStream,
  TransformStreamDefaultController: classes.TransformStreamDefaultController,
  WritableStream: classes.WritableStream,
  WritableStreamDefaultController: classes.WritableStreamDefaultController,
  WritableStreamDefaultWriter: classes.WritableStreamDefaultWriter,
  ByteLengthQueuingStrategy: classes.ByteLengthQueuingStrategy,
  CountQueuingStrategy: classes.CountQueuingStrategy,
  TextEncoderStream,
  TextDecoderStream,
  CompressionStream,
  DecompressionStream,
};

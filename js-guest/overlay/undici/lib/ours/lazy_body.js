// Bodies without a stream: one whose bytes are all here, and one that an http.IncomingMessage brings. They are read, copied
// and sent as they are; the stream that the standard gives every body is made when somebody asks for it. Must not know
// requests or responses.
'use strict';

const { isDisturbed: isStreamDisturbed } = require('node:stream');
const { isArrayBuffer } = require('node:util/types');

class LazyBody {
  constructor(source) {
    this.source = source;
    this._stream = null;
    this._consumed = false;
  }

  get stream() {
    if (this._stream === null) {
      this._stream = this._makeStream();
      if (this._consumed) this._stream.getReader().cancel(); // and it stays locked, as by whoever has read it
    }
    return this._stream;
  }

  set stream(value) { this._stream = value; }
}

class WholeBody extends LazyBody {
  get length() { return Buffer.byteLength(this.source); }

  copy() { return new WholeBody(this.source); }

  // All bytes, once.
  consume() {
    this._consumed = true;
    return this.source;
  }

  async readAll() {
    const source = this.consume();
    return typeof source === 'string' ? Buffer.from(source) : source;
  }

  _makeStream() {
    const { source } = this;
    return new ReadableStream({
      type: 'bytes',
      pull(controller) {
        const bytes = typeof source === 'string' ? new TextEncoder().encode(source) : new Uint8Array(source);
        if (bytes.byteLength > 0) controller.enqueue(bytes);
        queueMicrotask(() => close(controller));
      },
    });
  }
}

// Its length is nobody's to say before it has come.
class IncomingBody extends LazyBody {
  constructor(message) {
    super(null);
    this._message = message;
    this.length = null;
  }

  readAll() {
    this._consumed = true;
    const message = this._message;
    return new Promise((resolve, reject) => {
      const chunks = [];
      message.on('data', (chunk) => chunks.push(chunk));
      message.on('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
      message.on('error', reject);
    });
  }

  _makeStream() {
    const message = this._message;
    if (this._consumed) return new ReadableStream({ type: 'bytes' });
    return new ReadableStream({
      type: 'bytes',
      start(controller) {
        message.on('data', (chunk) => {
          controller.enqueue(new Uint8Array(chunk));
          if (controller.desiredSize <= 0) message.pause();
        });
        message.on('end', () => close(controller));
        message.on('error', (error) => controller.error(error));
        message.pause();
      },
      pull() { message.resume(); },
      cancel(reason) { message.destroy(reason instanceof Error ? reason : undefined); },
    });
  }
}

function close(controller) {
  try {
    controller.close();
    controller.byobRequest?.respond(0);
  } catch {
    // Somebody has closed or cancelled it meanwhile.
  }
}

// [body, type], or null when its bytes are not all here, or are somebody else's to encode.
function wholeBody(object) {
  if (typeof object === 'string') return [new WholeBody(object), 'text/plain;charset=UTF-8'];
  if (object instanceof URLSearchParams) {
    return [new WholeBody(object.toString()), 'application/x-www-form-urlencoded;charset=UTF-8'];
  }
  if (isArrayBuffer(object)) return [new WholeBody(new Uint8Array(object.slice())), null];
  if (ArrayBuffer.isView(object)) {
    const { buffer, byteOffset, byteLength } = object;
    return [new WholeBody(new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength))), null];
  }
  return null;
}

// Whether nobody has touched it yet, so that it can be read by readAll().
const isUntouched = (body) => body instanceof LazyBody && body._stream === null && !body._consumed;

// And whether its bytes are all here besides.
const isWhole = (body) => body instanceof WholeBody && body._stream === null && !body._consumed;

function isDisturbed(body) {
  if (body instanceof LazyBody && body._stream === null) return body._consumed;
  return isStreamDisturbed(body.stream);
}

module.exports = { IncomingBody, wholeBody, isUntouched, isWhole, isDisturbed };

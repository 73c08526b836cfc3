// TextEncoderStream and TextDecoderStream: the codecs of internal/encoding as transform streams. Must not know how either
// works.
'use strict';

const { TextDecoder, TextEncoder } = require('internal/encoding');
const { TransformStream, customInspect } = require('internal/webstreams/classes');
const { customInspectSymbol } = require('internal/util');
const { codes: { ERR_INVALID_THIS } } = require('internal/errors');

class TextEncoderStream {
  #handle = new TextEncoder();
  #pendingHigh = '';
  #transform;

  constructor() {
    this.#transform = new TransformStream({
      transform: (chunk, controller) => {
        // Half a pair waits for the other half, in whatever chunk it comes.
        let text = this.#pendingHigh + `${chunk}`;
        const last = text.charCodeAt(text.length - 1);
        this.#pendingHigh = last >= 0xD800 && last <= 0xDBFF ? text.at(-1) : '';
        if (this.#pendingHigh !== '') text = text.slice(0, -1);
        const bytes = this.#handle.encode(text);
        if (bytes.byteLength > 0) controller.enqueue(bytes);
      },
      flush: (controller) => {
        if (this.#pendingHigh !== '') controller.enqueue(new Uint8Array([0xEF, 0xBF, 0xBD]));
      },
    });
  }

  static #check(value) {
    if (value === null || typeof value !== 'object' || !(#handle in value)) throw new ERR_INVALID_THIS('TextEncoderStream');
  }

  get encoding() { TextEncoderStream.#check(this); return this.#handle.encoding; }
  get readable() { TextEncoderStream.#check(this); return this.#transform.readable; }
  get writable() { TextEncoderStream.#check(this); return this.#transform.writable; }

  [customInspectSymbol](depth, options) {
    TextEncoderStream.#check(this);
    const { encoding, readable, writable } = this;
    return Reflect.apply(customInspect, this, [depth, options, 'TextEncoderStream', { encoding, readable, writable }]);
  }
}

class TextDecoderStream {
  #handle;
  #transform;

  constructor(encoding = 'utf-8', options = {}) {
    this.#handle = new TextDecoder(encoding, options);
    this.#transform = new TransformStream({
      transform: (chunk, controller) => {
        const text = this.#handle.decode(chunk, { stream: true });
        if (text !== '') controller.enqueue(text);
      },
      flush: (controller) => {
        const text = this.#handle.decode();
        if (text !== '') controller.enqueue(text);
      },
    });
  }

  static #check(value) {
    if (value === null || typeof value !== 'object' || !(#handle in value)) throw new ERR_INVALID_THIS('TextDecoderStream');
  }

  get encoding() { TextDecoderStream.#check(this); return this.#handle.encoding; }
  get fatal() { TextDecoderStream.#check(this); return this.#handle.fatal; }
  get ignoreBOM() { TextDecoderStream.#check(this); return this.#handle.ignoreBOM; }
  get readable() { TextDecoderStream.#check(this); return this.#transform.readable; }
  get writable() { TextDecoderStream.#check(this); return this.#transform.writable; }

  [customInspectSymbol](depth, options) {
    TextDecoderStream.#check(this);
    const { encoding, fatal, ignoreBOM, readable, writable } = this;
    return Reflect.apply(customInspect, this,
                         [depth, options, 'TextDecoderStream', { encoding, fatal, ignoreBOM, readable, writable }]);
  }
}

function finish(Class, properties) {
  for (const property of properties) Object.defineProperty(Class.prototype, property, { enumerable: true });
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { configurable: true, value: Class.name });
}
finish(TextEncoderStream, ['encoding', 'readable', 'writable']);
finish(TextDecoderStream, ['encoding', 'fatal', 'ignoreBOM', 'readable', 'writable']);

module.exports = { TextEncoderStream, TextDecoderStream };

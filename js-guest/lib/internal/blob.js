// Blob and File, all in memory. Must not know files: openAsBlob is the file system's.
'use strict';

const { Buffer } = require('buffer');
const { encodeUtf8, decodeUtf8, toWellFormed } = internalBinding('buffer');
const {
  codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_INVALID_THIS, ERR_MISSING_ARGS },
} = require('internal/errors');
const { validateDictionary } = require('internal/validators');
const { isAnyArrayBuffer, isArrayBufferView } = require('internal/util/types');

const inspectCustom = Symbol.for('nodejs.util.inspect.custom');
const kNoCopy = Symbol('kNoCopy');
const DISALLOWED_TYPE = /[^\u{0020}-\u{007E}]/u;

const bytesOf = (value) => (isAnyArrayBuffer(value) ? new Uint8Array(value) :
  new Uint8Array(value.buffer, value.byteOffset, value.byteLength));

function sourceBytes(source, endings) {
  if (isBlob(source)) return source[kNoCopy]();
  if (isAnyArrayBuffer(source) || isArrayBufferView(source)) return bytesOf(source);
  let text = toWellFormed(`${source}`);
  if (endings === 'native') text = text.replace(/\r\n|\r|\n/g, '\n');
  return encodeUtf8(text);
}

const normalType = (type) => {
  const text = `${type}`;
  return DISALLOWED_TYPE.test(text) ? '' : text.toLowerCase();
};

// Set inside the class, where the private field can be asked for.
let isBlob;

class Blob {
  #bytes;
  #type;

  constructor(sources = [], options = {}) {
    if (sources === null || typeof sources[Symbol.iterator] !== 'function' || typeof sources === 'string') {
      throw new ERR_INVALID_ARG_TYPE('sources', 'a sequence', sources);
    }
    validateDictionary(options, 'options');
    const { type = '', endings = 'transparent' } = options ?? {};
    const wantedEndings = `${endings}`;
    if (wantedEndings !== 'transparent' && wantedEndings !== 'native') {
      throw new ERR_INVALID_ARG_VALUE('options.endings', wantedEndings);
    }
    const parts = [];
    for (const source of sources) parts.push(sourceBytes(source, wantedEndings));
    this.#bytes = Buffer.concat(parts);
    this.#type = normalType(type);
  }

  static #window(bytes, type) {
    const blob = new Blob();
    blob.#bytes = bytes;
    blob.#type = type;
    return blob;
  }

  [kNoCopy]() {
    return this.#bytes;
  }

  static {
    isBlob = (value) => value !== null && typeof value === 'object' && #bytes in value;
  }

  get type() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    return this.#type;
  }

  get size() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    return this.#bytes.length;
  }

  slice(start = 0, end = undefined, contentType = '') {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    return Blob.#window(this.#bytes.subarray(start, end ?? this.#bytes.length), normalType(contentType));
  }

  async arrayBuffer() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    return new Uint8Array(this.#bytes).buffer;
  }

  async bytes() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    return new Uint8Array(this.#bytes);
  }

  async text() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    return decodeUtf8(this.#bytes, false, false);
  }

  stream() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    const { ReadableStream } = require('stream/web');
    const bytes = this.#bytes;
    const CHUNK = 65536;
    let at = 0;
    return new ReadableStream({
      type: 'bytes',
      pull(controller) {
        if (at >= bytes.length) {
          controller.close();
          controller.byobRequest?.respond(0);
          return;
        }
        const end = Math.min(at + CHUNK, bytes.length);
        controller.enqueue(new Uint8Array(bytes.subarray(at, end)));
        at = end;
      },
    });
  }

  [inspectCustom](depth, options) {
    if (depth < 0) return this;
    const { inspect } = require('internal/util/inspect');
    const inner = { ...options, depth: options.depth == null ? null : options.depth - 1 };
    return `Blob ${inspect({ size: this.size, type: this.type }, inner)}`;
  }
}

class File extends Blob {
  #name;
  #lastModified;

  constructor(fileBits, fileName, options = {}) {
    if (arguments.length < 2) throw new ERR_MISSING_ARGS('fileBits', 'fileName');
    super(fileBits, options);
    const { lastModified } = options ?? {};
    this.#lastModified = lastModified === undefined ? Date.now() : Math.trunc(Number(lastModified)) || 0;
    this.#name = toWellFormed(`${fileName}`);
  }

  get name() {
    if (!(#name in this)) throw new ERR_INVALID_THIS('File');
    return this.#name;
  }

  get lastModified() {
    if (!(#name in this)) throw new ERR_INVALID_THIS('File');
    return this.#lastModified;
  }

  [inspectCustom](depth, options) {
    if (depth < 0) return this;
    const { inspect } = require('internal/util/inspect');
    const inner = { ...options, depth: options.depth == null ? null : options.depth - 1 };
    const { size, type, name, lastModified } = this;
    return `File ${inspect({ size, type, name, lastModified }, inner)}`;
  }
}

function tag(Class, name, properties) {
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: name, configurable: true });
  for (const property of properties) Object.defineProperty(Class.prototype, property, { enumerable: true });
}
tag(Blob, 'Blob', ['size', 'type', 'slice', 'stream', 'text', 'arrayBuffer', 'bytes']);
tag(File, 'File', ['name', 'lastModified']);

// What URL.createObjectURL has given a name, until it is revoked.
const objectUrls = new Map();

function createObjectURL(blob) {
  if (!isBlob(blob)) throw new ERR_INVALID_ARG_TYPE('obj', 'Blob', blob);
  const url = `blob:nodedata:${require('internal/uuid').randomUUID()}`;
  objectUrls.set(url, blob);
  return url;
}

function revokeObjectURL(url) {
  objectUrls.delete(`${url}`);
}

function resolveObjectURL(url) {
  return objectUrls.get(`${url}`);
}

module.exports = { Blob, File, createObjectURL, revokeObjectURL, resolveObjectURL, isBlob };

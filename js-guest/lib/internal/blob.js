// Blob and File. Must not know where their bytes are: internal/blob_source does.
'use strict';

const { FileSource, MemorySource, join } = require('internal/blob_source');
const { encodeUtf8, decodeUtf8, toWellFormed } = internalBinding('buffer');
const {
  codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_INVALID_STATE, ERR_INVALID_THIS, ERR_MISSING_ARGS },
} = require('internal/errors');
const { validateDictionary } = require('internal/validators');
const { isAnyArrayBuffer, isArrayBufferView } = require('internal/util/types');

const inspectCustom = Symbol.for('nodejs.util.inspect.custom');
const kSource = Symbol('kSource');
const STREAM_CHUNK = 65536;
const DISALLOWED_TYPE = /[^\u{0020}-\u{007E}]/u;

const bytesOf = (value) => (isAnyArrayBuffer(value) ? new Uint8Array(value) :
  new Uint8Array(value.buffer, value.byteOffset, value.byteLength));

function sourceOf(source, endings) {
  if (isBlob(source)) return source[kSource]();
  if (isAnyArrayBuffer(source) || isArrayBufferView(source)) return new MemorySource(bytesOf(source));
  let text = toWellFormed(`${source}`);
  if (endings === 'native') text = text.replace(/\r\n|\r|\n/g, '\n');
  return new MemorySource(encodeUtf8(text));
}

const normalType = (type) => {
  const text = `${type}`;
  return DISALLOWED_TYPE.test(text) ? '' : text.toLowerCase();
};

// A place in a blob as slice() counts: from the end when it is negative, never outside.
function place(value, length) {
  const at = Math.trunc(Number(value)) || 0;
  return at < 0 ? Math.max(length + at, 0) : Math.min(at, length);
}

// Set inside the class, where the private fields can be asked for.
let isBlob;
let fileBlob;

class Blob {
  #source;
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
    for (const source of sources) parts.push(sourceOf(source, wantedEndings));
    this.#source = join(parts);
    this.#type = normalType(type);
  }

  static #over(source, type) {
    const blob = new Blob();
    blob.#source = source;
    blob.#type = type;
    return blob;
  }

  [kSource]() {
    return this.#source;
  }

  static {
    isBlob = (value) => value !== null && typeof value === 'object' && #source in value;
    fileBlob = (path, stats, type) => Blob.#over(new FileSource(path, stats), normalType(type));
  }

  get type() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    return this.#type;
  }

  get size() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    return this.#source.length;
  }

  slice(start = 0, end = undefined, contentType = '') {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    const { length } = this.#source;
    const from = place(start, length);
    const to = Math.max(from, place(end ?? length, length));
    return Blob.#over(this.#source.slice(from, to), normalType(contentType));
  }

  async arrayBuffer() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    return (await this.#whole()).buffer;
  }

  async bytes() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    return this.#whole();
  }

  // A copy of all bytes. A file is looked at even when it was empty, since it may have changed.
  async #whole() {
    return new Uint8Array(await this.#source.read(0, this.#source.length));
  }

  async text() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    return decodeUtf8(await this.#source.read(0, this.#source.length), false, false);
  }

  stream() {
    if (!isBlob(this)) throw new ERR_INVALID_THIS('Blob');
    const { ReadableStream } = require('stream/web');
    const source = this.#source;
    let at = 0;
    return new ReadableStream({
      type: 'bytes',
      async pull(controller) {
        const end = Math.min(at + STREAM_CHUNK, source.length);
        if (at < end || source.isFile) {
          const bytes = await source.read(at, end);
          at = end;
          if (bytes.length > 0) {
            controller.enqueue(new Uint8Array(bytes));
            return;
          }
        }
        controller.close();
        controller.byobRequest?.respond(0);
      },
    }, { highWaterMark: 0 });
  }

  [inspectCustom](depth, options) {
    if (depth < 0) return '[Blob]';
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
    this.#lastModified = lastModified === undefined ? Date.now() : Math.trunc(+lastModified) || 0;
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
    if (depth < 0) return '[File]';
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
  return objectUrls.get(`${url}`.split('#', 1)[0]);
}

// A copy for structuredClone: the bytes never change, so the blob itself will do.
function cloneBlob(blob) {
  if (blob[kSource]().isFile) throw new ERR_INVALID_STATE('File-backed Blobs are not cloneable');
  return blob;
}

module.exports = { Blob, File, cloneBlob, fileBlob, createObjectURL, revokeObjectURL, resolveObjectURL, isBlob };

// v8.Serializer: values to bytes in V8's format. Objects are written once and then referred to by number, so cycles are no
// trouble. It calls no script's code but getters and its own hooks.
'use strict';

const types = require('internal/util/types');
const { tag, VERSION, VIEWS, REGEXP_FLAGS, ERRORS, ERROR_PART } = require('internal/v8/format');
const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');

const viewTags = new Map(Object.entries(VIEWS).map(([letter, name]) => [name, letter.charCodeAt(0)]));
const errorTags = new Map(Object.entries(ERRORS).map(([letter, name]) => [name, letter.charCodeAt(0)]));
const tagOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
const isLatin1 = (text) => !/[^\u0000-\u00ff]/.test(text); // eslint-disable-line no-control-regex

// ---- Bytes ----

class Bytes {
  #buffer = Buffer.allocUnsafeSlow(64);
  #view = new DataView(this.#buffer.buffer);
  length = 0;

  #room(count) {
    const wanted = this.length + count;
    if (wanted <= this.#buffer.length) return;
    const bigger = Buffer.allocUnsafeSlow(Math.max(wanted, this.#buffer.length * 2));
    bigger.set(this.#buffer.subarray(0, this.length));
    this.#buffer = bigger;
    this.#view = new DataView(bigger.buffer);
  }

  byte(value) {
    if (this.length === this.#buffer.length) this.#room(1);
    this.#buffer[this.length++] = value;
  }

  // Seven bits a byte, the lowest first; any whole number below 2^53.
  varint(value) {
    while (value >= 128) {
      this.byte((value % 128) | 128);
      value = Math.floor(value / 128);
    }
    this.byte(value);
  }

  double(value) {
    this.#room(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  raw(bytes) {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  text(text, encoding, size) {
    this.#room(size);
    this.#buffer.write(text, this.length, size, encoding);
    this.length += size;
  }

  take() {
    const taken = Buffer.from(this.#buffer.subarray(0, this.length));
    this.length = 0;
    return taken;
  }
}

const bytesOf = (value) => {
  if (types.isAnyArrayBuffer(value)) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new ERR_INVALID_ARG_TYPE('source', ['ArrayBuffer', 'TypedArray', 'DataView'], value);
};

// ---- Values ----

const isUnclonable = (value) =>
  types.isPromise(value) || types.isProxy(value) || types.isWeakMap(value) || types.isWeakSet(value) ||
  types.isGeneratorObject(value) || types.isModuleNamespaceObject(value) || types.isSymbolObject(value) || value instanceof WeakRef;

class Serializer {
  #bytes = new Bytes();
  #ids = new Map();
  #transferred = new Map();
  #viewsAreHost = false;

  writeHeader() {
    this.#bytes.byte(tag.VERSION);
    this.#bytes.byte(VERSION);
  }

  writeValue(value) {
    this.#write(value);
    return true;
  }

  releaseBuffer() { return this.#bytes.take(); }
  transferArrayBuffer(id, buffer) { this.#transferred.set(buffer, id); }
  writeUint32(value) { this.#bytes.varint(value >>> 0); }
  writeUint64(high, low) {
    let rest = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    for (; rest >= 128n; rest >>= 7n) this.#bytes.byte(Number(rest & 127n) | 128);
    this.#bytes.byte(Number(rest));
  }

  writeDouble(value) { this.#bytes.double(value); }
  writeRawBytes(source) { this.#bytes.raw(bytesOf(source)); }
  _setTreatArrayBufferViewsAsHostObjects(on) { this.#viewsAreHost = Boolean(on); }

  #fail(value) {
    const Class = this._getDataCloneError ?? Error;
    const text = typeof value === 'object' ? `#<${value.constructor?.name || 'Object'}>` : String(value);
    throw new Class(`${text} could not be cloned.`);
  }

  #write(value) {
    const bytes = this.#bytes;
    switch (typeof value) {
      case 'undefined': bytes.byte(tag.UNDEFINED); break;
      case 'boolean': bytes.byte(value ? tag.TRUE : tag.FALSE); break;
      case 'number': this.#number(value); break;
      case 'bigint': bytes.byte(tag.BIGINT); this.#bigint(value); break;
      case 'string': this.#string(value); break;
      case 'object':
        if (value === null) bytes.byte(tag.NULL);
        else this.#object(value);
        break;
      default: this.#fail(value);
    }
  }

  #number(value) {
    if (value === (value | 0) && !Object.is(value, -0)) {
      this.#bytes.byte(tag.INT32);
      this.#bytes.varint(((value << 1) ^ (value >> 31)) >>> 0);
    } else {
      this.#bytes.byte(tag.DOUBLE);
      this.#bytes.double(value);
    }
  }

  // Sign and length in bytes, then the digits, eight bytes at a time.
  #bigint(value) {
    const digits = [];
    for (let rest = value < 0n ? -value : value; rest > 0n; rest >>= 64n) {
      for (let at = 0n; at < 64n; at += 8n) digits.push(Number((rest >> at) & 255n));
    }
    this.#bytes.varint((digits.length * 2) + (value < 0n ? 1 : 0));
    this.#bytes.raw(digits);
  }

  #string(text) {
    const bytes = this.#bytes;
    if (isLatin1(text)) {
      bytes.byte(tag.LATIN1);
      bytes.varint(text.length);
      bytes.text(text, 'latin1', text.length);
      return;
    }
    const size = text.length * 2;
    const width = size < 128 ? 1 : size < 16384 ? 2 : size < 2097152 ? 3 : size < 268435456 ? 4 : 5;
    if ((bytes.length + 1 + width) % 2 === 1) bytes.byte(tag.PADDING);
    bytes.byte(tag.UTF16);
    bytes.varint(size);
    bytes.text(text, 'utf16le', size);
  }

  #object(value) {
    const known = this.#ids.get(value);
    if (known !== undefined) {
      this.#bytes.byte(tag.REFERENCE);
      this.#bytes.varint(known);
      return;
    }
    if (ArrayBuffer.isView(value) && !this.#viewsAreHost && !this.#ids.has(value.buffer)) this.#object(value.buffer);
    if (isUnclonable(value)) this.#fail(value);
    this.#ids.set(value, this.#ids.size);
    if (Array.isArray(value)) this.#array(value);
    else if (!this.#exotic(value)) this.#plain(value);
  }

  #plain(value) {
    this.#bytes.byte(tag.OBJECT);
    const count = this.#properties(value, Object.keys(value));
    this.#bytes.byte(tag.END_OBJECT);
    this.#bytes.varint(count);
  }

  // A getter may take away what comes after it.
  #properties(value, keys) {
    let count = 0;
    for (const key of keys) {
      if (!Object.hasOwn(value, key)) continue;
      const item = value[key];
      const index = key >>> 0;
      if (`${index}` === key && index !== 0xffffffff) this.#number(index);
      else this.#string(key);
      this.#write(item);
      count++;
    }
    return count;
  }

  #array(value) {
    const bytes = this.#bytes;
    const keys = Object.keys(value), { length } = value;
    const isDense = keys.length >= length && (length === 0 || keys[length - 1] === `${length - 1}`);
    bytes.byte(isDense ? tag.DENSE : tag.SPARSE);
    bytes.varint(length);
    let count;
    if (isDense) {
      for (let i = 0; i < length; i++) {
        if (i in value) this.#write(value[i]);
        else bytes.byte(tag.HOLE);
      }
      count = this.#properties(value, keys.slice(length));
    } else {
      count = this.#properties(value, keys);
    }
    bytes.byte(isDense ? tag.END_DENSE : tag.END_SPARSE);
    bytes.varint(count);
    bytes.varint(length);
  }

  // What is more than its properties; answers whether it was.
  #exotic(value) {
    const bytes = this.#bytes;
    if (types.isDate(value)) {
      bytes.byte(tag.DATE);
      bytes.double(Date.prototype.getTime.call(value));
    } else if (types.isMap(value)) {
      this.#collection(tag.MAP, tag.END_MAP, [...Map.prototype.entries.call(value)].flat(1));
    } else if (types.isSet(value)) {
      this.#collection(tag.SET, tag.END_SET, [...Set.prototype.values.call(value)]);
    } else if (types.isRegExp(value)) {
      bytes.byte(tag.REGEXP);
      this.#string(value.source);
      bytes.varint(REGEXP_FLAGS.reduce((sum, [letter, bit]) => sum + (value.flags.includes(letter) ? bit : 0), 0));
    } else if (types.isAnyArrayBuffer(value)) {
      this.#buffer(value);
    } else if (ArrayBuffer.isView(value)) {
      this.#view(value);
    } else if (types.isBoxedPrimitive(value)) {
      this.#boxed(value.valueOf());
    } else if (types.isNativeError(value)) {
      this.#error(value);
    } else {
      return false;
    }
    return true;
  }

  #collection(begin, end, items) {
    this.#bytes.byte(begin);
    for (const item of items) this.#write(item);
    this.#bytes.byte(end);
    this.#bytes.varint(items.length);
  }

  #boxed(value) {
    const bytes = this.#bytes;
    switch (typeof value) {
      case 'boolean': bytes.byte(value ? tag.TRUE_OBJECT : tag.FALSE_OBJECT); break;
      case 'number': bytes.byte(tag.NUMBER_OBJECT); bytes.double(value); break;
      case 'bigint': bytes.byte(tag.BIGINT_OBJECT); this.#bigint(value); break;
      default: bytes.byte(tag.STRING_OBJECT); this.#string(value);
    }
  }

  #buffer(buffer) {
    const bytes = this.#bytes;
    if (types.isSharedArrayBuffer(buffer)) {
      if (typeof this._getSharedArrayBufferId !== 'function') this.#fail(buffer);
      const id = this._getSharedArrayBufferId(buffer);
      bytes.byte(tag.SHARED);
      bytes.varint(id >>> 0);
      return;
    }
    if (this.#transferred.has(buffer)) {
      bytes.byte(tag.TRANSFERRED);
      bytes.varint(this.#transferred.get(buffer) >>> 0);
      return;
    }
    if (buffer.detached) this.#fail(buffer);
    bytes.byte(buffer.resizable ? tag.RESIZABLE : tag.BUFFER);
    bytes.varint(buffer.byteLength);
    if (buffer.resizable) bytes.varint(buffer.maxByteLength);
    bytes.raw(new Uint8Array(buffer));
  }

  #view(view) {
    if (this.#viewsAreHost) {
      if (typeof this._writeHostObject !== 'function') this.#fail(view);
      this.#bytes.byte(tag.HOST);
      this._writeHostObject(view);
      return;
    }
    this.#bytes.byte(tag.VIEW);
    this.#bytes.varint(viewTags.get(types.isDataView(view) ? 'DataView' : tagOf.call(view)));
    this.#bytes.varint(view.byteOffset);
    this.#bytes.varint(view.byteLength);
    this.#bytes.varint(0);
  }

  #error(error) {
    const bytes = this.#bytes;
    bytes.byte(tag.ERROR);
    const kind = errorTags.get(`${error.name}`);
    if (kind !== undefined) bytes.varint(kind);
    const message = Object.getOwnPropertyDescriptor(error, 'message');
    if (message !== undefined && 'value' in message) {
      bytes.varint(ERROR_PART.MESSAGE);
      this.#string(`${message.value}`);
    }
    if (Object.hasOwn(error, 'cause')) {
      bytes.varint(ERROR_PART.CAUSE);
      this.#write(error.cause);
    }
    if (typeof error.stack === 'string') {
      bytes.varint(ERROR_PART.STACK);
      this.#string(error.stack);
    }
    bytes.varint(ERROR_PART.END);
  }
}

module.exports = { Serializer, tagOf };

// v8.Deserializer: bytes in V8's format to values. The bytes may be anybody's: every length is held against what is left
// before anything is made of it, properties are the value's own whatever they are called, and what makes no sense throws.
'use strict';

const types = require('internal/util/types');
const { tag, VERSION, VIEWS, REGEXP_FLAGS, ERRORS, ERROR_PART } = require('internal/v8/format');
const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');

const OLDEST = 13; // what views and strings look like has changed before
const MOST_RESERVED = 64 << 20; // of a resizable buffer, beyond what it holds
const globals = {
  ArrayBuffer, DataView, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array,
  BigInt64Array, BigUint64Array, Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError,
};

const bad = () => new Error('Unable to deserialize cloned data.');

// As CreateDataProperty: a name that Object.prototype has, too, becomes the object's own.
function put(target, key, value) {
  if (key in target) Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  else target[key] = value;
}

function define(target, key, value) {
  Object.defineProperty(target, key, { value, writable: true, enumerable: false, configurable: true });
}

class Deserializer {
  #at = 0;
  #view;
  #version = 0;
  #objects = [];
  #transferred = new Map();

  constructor(buffer) {
    if (!ArrayBuffer.isView(buffer)) throw new ERR_INVALID_ARG_TYPE('buffer', ['Buffer', 'TypedArray', 'DataView'], buffer);
    this.buffer = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  // ---- Bytes ----

  #byte() {
    if (this.#at >= this.#view.byteLength) throw bad();
    return this.#view.getUint8(this.#at++);
  }

  #varint() {
    let value = 0, scale = 1, byte;
    do {
      byte = this.#byte();
      value += (byte & 127) * scale;
      scale *= 128;
      if (scale > 2 ** 49 && byte >= 128) throw bad();
    } while (byte >= 128);
    return value;
  }

  #double() {
    if (this.#view.byteLength - this.#at < 8) throw bad();
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  // Where so many bytes begin.
  #skip(length) {
    if (!(length <= this.#view.byteLength - this.#at)) throw bad();
    const from = this.#at;
    this.#at += length;
    return from;
  }

  // What each takes a byte of at least cannot be more than the bytes that are left.
  #count() {
    const count = this.#varint();
    if (count > this.#view.byteLength - this.#at) throw bad();
    return count;
  }

  #tag() {
    let value;
    do value = this.#byte(); while (value === tag.PADDING);
    return value;
  }

  #peek() {
    const at = this.#at;
    const value = at < this.#view.byteLength ? this.#tag() : -1;
    this.#at = at;
    return value;
  }

  // ---- What scripts call ----

  readHeader() {
    if (this.#peek() === tag.VERSION) {
      this.#tag();
      this.#version = this.#varint();
    }
    if (this.#version < OLDEST || this.#version > VERSION) {
      throw new Error(`Unable to deserialize cloned data due to invalid or unsupported version.`);
    }
    return true;
  }

  readValue() { return this.#read(); }
  getWireFormatVersion() { return this.#version; }
  transferArrayBuffer(id, buffer) { this.#transferred.set(id, buffer); }
  readUint32() { return this.#varint() >>> 0; }
  readUint64() {
    let value = 0n, shift = 0n, byte;
    do {
      byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
      if (shift > 70n) throw bad();
    } while (byte >= 128);
    return [Number((value >> 32n) & 0xffffffffn), Number(value & 0xffffffffn)];
  }

  readDouble() { return this.#double(); }
  _readRawBytes(length) { return this.#skip(length); }
  readRawBytes(length) {
    const from = this.#skip(length);
    return this.buffer.subarray(from, from + length);
  }

  // ---- Values ----

  #read() {
    const what = this.#tag();
    switch (what) {
      case tag.UNDEFINED: return undefined;
      case tag.NULL: return null;
      case tag.TRUE: return true;
      case tag.FALSE: return false;
      case tag.INT32: {
        const value = this.#varint() >>> 0;
        return (value >>> 1) ^ -(value & 1);
      }
      case tag.UINT32: return this.#varint() >>> 0;
      case tag.DOUBLE: return this.#double();
      case tag.BIGINT: return this.#bigint();
      case tag.UTF8: case tag.LATIN1: case tag.UTF16: return this.#string(what);
      case tag.OBJECT_COUNT:
        this.#varint();
        return this.#read();
      case tag.REFERENCE: {
        const id = this.#varint();
        if (id >= this.#objects.length) throw bad();
        return this.#withView(this.#objects[id]);
      }
      default: return this.#object(what);
    }
  }

  #bigint() {
    const field = this.#varint();
    const length = Math.floor(field / 2);
    const from = this.#skip(length);
    const hex = Buffer.from(this.buffer.subarray(from, from + length)).reverse().toString('hex');
    const value = BigInt(`0x${hex || '0'}`);
    return field % 2 === 1 ? -value : value;
  }

  #string(what) {
    const length = this.#varint();
    if (what === tag.UTF16 && length % 2 === 1) throw bad();
    const from = this.#skip(length);
    const encoding = what === tag.UTF8 ? 'utf8' : what === tag.LATIN1 ? 'latin1' : 'utf16le';
    return this.buffer.toString(encoding, from, from + length);
  }

  #text() {
    const what = this.#tag();
    if (what !== tag.UTF8 && what !== tag.LATIN1 && what !== tag.UTF16) throw bad();
    return this.#string(what);
  }

  #keep(object) {
    this.#objects.push(object);
    return object;
  }

  #object(what) {
    switch (what) {
      case tag.OBJECT: return this.#properties(this.#keep({}), tag.END_OBJECT);
      case tag.DENSE: return this.#dense();
      case tag.SPARSE: return this.#sparse();
      case tag.DATE: return this.#keep(new Date(this.#double()));
      case tag.TRUE_OBJECT: return this.#keep(Object(true));
      case tag.FALSE_OBJECT: return this.#keep(Object(false));
      case tag.NUMBER_OBJECT: return this.#keep(Object(this.#double()));
      case tag.BIGINT_OBJECT: return this.#keep(Object(this.#bigint()));
      case tag.STRING_OBJECT: return this.#keep(Object(this.#text()));
      case tag.REGEXP: return this.#regexp();
      case tag.MAP: return this.#map();
      case tag.SET: return this.#set();
      case tag.BUFFER: case tag.RESIZABLE: case tag.TRANSFERRED: case tag.SHARED: return this.#withView(this.#keep(this.#buffer(what)));
      case tag.ERROR: return this.#error();
      case tag.HOST: return this.#host();
      default: throw bad();
    }
  }

  // Pairs up to the end; then how many there were.
  #properties(target, end) {
    let count = 0;
    while (this.#peek() !== end) {
      const key = this.#read();
      if (typeof key !== 'string' && typeof key !== 'number') throw bad();
      put(target, key, this.#read());
      count++;
    }
    this.#tag();
    if (this.#varint() !== count) throw bad();
    return target;
  }

  #dense() {
    const length = this.#count();
    const array = this.#keep(new Array(length));
    for (let i = 0; i < length; i++) {
      if (this.#peek() === tag.HOLE) this.#tag();
      else put(array, i, this.#read());
    }
    this.#properties(array, tag.END_DENSE);
    if (this.#varint() !== length) throw bad();
    return array;
  }

  #sparse() {
    const length = this.#varint();
    if (length > 0xffffffff) throw bad();
    const array = this.#keep([]);
    array.length = length;
    this.#properties(array, tag.END_SPARSE);
    if (this.#varint() !== length) throw bad();
    return array;
  }

  #map() {
    const map = this.#keep(new Map());
    let count = 0;
    for (; this.#peek() !== tag.END_MAP; count += 2) {
      const key = this.#read();
      map.set(key, this.#read());
    }
    this.#tag();
    if (this.#varint() !== count) throw bad();
    return map;
  }

  #set() {
    const set = this.#keep(new Set());
    let count = 0;
    for (; this.#peek() !== tag.END_SET; count++) set.add(this.#read());
    this.#tag();
    if (this.#varint() !== count) throw bad();
    return set;
  }

  #regexp() {
    const source = this.#text(), bits = this.#varint();
    return this.#keep(new RegExp(source, REGEXP_FLAGS.map(([letter, bit]) => ((bits & bit) !== 0 ? letter : '')).join('')));
  }

  #buffer(what) {
    const length = this.#varint();
    if (what === tag.TRANSFERRED || what === tag.SHARED) {
      const given = what === tag.SHARED && typeof this._getSharedArrayBuffer === 'function' ? this._getSharedArrayBuffer(length) :
        this.#transferred.get(length);
      if (given === undefined) throw bad();
      return given;
    }
    const most = what === tag.RESIZABLE ? this.#varint() : undefined;
    const from = this.#skip(length);
    if (most !== undefined && (most < length || most - length > MOST_RESERVED)) throw bad();
    const made = most === undefined ? new ArrayBuffer(length) : new ArrayBuffer(length, { maxByteLength: most });
    new Uint8Array(made).set(this.buffer.subarray(from, from + length));
    return made;
  }

  // A buffer's view comes right after it.
  #withView(buffer) {
    if (!types.isAnyArrayBuffer(buffer) || this.#peek() !== tag.VIEW) return buffer;
    this.#tag();
    const name = VIEWS[String.fromCharCode(this.#varint())];
    const offset = this.#varint(), length = this.#varint();
    if (this.#version >= 14) this.#varint();
    if (name === undefined || offset + length > buffer.byteLength) throw bad();
    const Class = globals[name];
    const size = Class.BYTES_PER_ELEMENT ?? 1;
    if (offset % size !== 0 || length % size !== 0) throw bad();
    return this.#keep(new Class(buffer, offset, length / size));
  }

  #error() {
    const id = this.#objects.length;
    this.#keep(undefined);
    let Class = Error, made;
    const parts = {};
    const make = () => made ??= this.#objects[id] = new Class();
    for (;;) {
      const part = this.#varint();
      if (part === ERROR_PART.END) break;
      if (part === ERROR_PART.MESSAGE) parts.message = this.#text();
      else if (part === ERROR_PART.STACK) parts.stack = this.#text();
      else if (part === ERROR_PART.CAUSE) make(), parts.cause = this.#read();
      else if (ERRORS[String.fromCharCode(part)] !== undefined && made === undefined) Class = globals[ERRORS[String.fromCharCode(part)]];
      else throw bad();
    }
    make();
    for (const [key, value] of Object.entries(parts)) define(made, key, value);
    return made;
  }

  #host() {
    if (typeof this._readHostObject !== 'function') throw bad();
    const object = this._readHostObject();
    if (typeof object !== 'object' || object === null) throw new TypeError('readHostObject must return an object');
    return this.#keep(object);
  }
}

module.exports = { Deserializer };

// node:buffer: the Buffer class over Uint8Array. Bytes are moved by internalBinding('buffer') in C; here the
// arguments are read as Node reads them. Must not know where bytes come from or go.
'use strict';

const binding = internalBinding('buffer');
const { fail, boundsText } = require('internal/buffer_errors');
const {
  codes: {
    ERR_BUFFER_OUT_OF_BOUNDS, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, ERR_UNKNOWN_ENCODING,
  },
} = require('internal/errors');
const {
  validateArray, validateBuffer, validateInteger, validateNumber, validateString,
} = require('internal/validators');
const { isAnyArrayBuffer, isArrayBufferView, isUint8Array } = require('internal/util/types');
const { normalEncoding } = binding;

const kMaxLength = 0x7FFFFFFF;
// The engine's (patches/26-length-limits.patch).
const kStringMaxLength = 2 ** 28 - 16;
let inspectMaxBytes = 50;

class FastBuffer extends Uint8Array {
  // Its parameters are spelled out since a spread would walk an iterator for each Buffer.
  constructor(bufferOrLength, byteOffset, length) {
    super(bufferOrLength, byteOffset, length);
  }
}

let warned = false;
function warnOfConstructor() {
  if (warned || process?.noDeprecation) return;
  warned = true;
  process?.emitWarning?.(
    'Buffer() is deprecated due to security and usability issues. Please use the Buffer.alloc(), ' +
    'Buffer.allocUnsafe(), or Buffer.from() methods instead.', 'DeprecationWarning', 'DEP0005', Buffer);
}

function Buffer(arg, encodingOrOffset, length) {
  warnOfConstructor();
  if (typeof arg === 'number') {
    if (typeof encodingOrOffset === 'string') throw new ERR_INVALID_ARG_TYPE('string', 'string', arg);
    return Buffer.alloc(arg);
  }
  return Buffer.from(arg, encodingOrOffset, length);
}

Object.setPrototypeOf(Buffer, Uint8Array);
Buffer.prototype = FastBuffer.prototype;
Object.defineProperty(Buffer, Symbol.species, {
  configurable: true,
  enumerable: false,
  get() { return FastBuffer; },
});

// No pool: an ArrayBuffer of its own costs less here than a slice's bookkeeping. The property stays for those who set it.
Buffer.poolSize = 8 * 1024;

function validateSize(size) {
  validateNumber(size, 'size', 0, kMaxLength);
}

function validateOffset(value, name, min = 0, max = kMaxLength) {
  validateInteger(value, name, min, max);
}

Buffer.alloc = function alloc(size, fillValue, encoding) {
  validateSize(size);
  const buffer = binding.alloc(size);
  if (fillValue === undefined || fillValue === 0 || size <= 0) return buffer;
  return fill(buffer, fillValue, 0, buffer.length, encoding);
};

Buffer.allocUnsafe = function allocUnsafe(size) {
  validateSize(size);
  return binding.alloc(size);
};

Buffer.allocUnsafeSlow = function allocUnsafeSlow(size) {
  validateSize(size);
  return binding.alloc(size);
};

function SlowBuffer(size) {
  validateSize(size);
  return binding.alloc(size);
}
Object.setPrototypeOf(SlowBuffer.prototype, Uint8Array.prototype);
Object.setPrototypeOf(SlowBuffer, Uint8Array);

function fromString(string, encoding) {
  if (typeof encoding !== 'string' || encoding.length === 0) return binding.fromString(string, undefined);
  return binding.fromString(string, encoding);
}

function fromArrayBuffer(object, byteOffset, length) {
  byteOffset = byteOffset === undefined ? 0 : +byteOffset || 0;
  const maxLength = object.byteLength - byteOffset;
  if (maxLength < 0) throw new ERR_BUFFER_OUT_OF_BOUNDS('offset');
  if (length === undefined) {
    // A resizable buffer's length is followed only by views that are given none.
    if (object.resizable && byteOffset === 0) return new FastBuffer(object);
    length = maxLength;
  } else {
    length = +length;
    if (!(length > 0)) length = 0;
    else if (length > maxLength) throw new ERR_BUFFER_OUT_OF_BOUNDS('length');
  }
  return new FastBuffer(object, byteOffset, length);
}

function fromArrayLike(list) {
  const { length } = list;
  if (!(length > 0)) return binding.alloc(0);
  if (isUint8Array(list)) return binding.fromView(list);
  if (length > kMaxLength) throw new ERR_OUT_OF_RANGE('length', `<= ${kMaxLength}`, length);
  const buffer = binding.alloc(length);
  buffer.set(list, 0);
  return buffer;
}

function fromObject(object) {
  if (object.length !== undefined || isAnyArrayBuffer(object.buffer)) {
    if (typeof object.length !== 'number') return binding.alloc(0);
    return fromArrayLike(object);
  }
  if (object.type === 'Buffer' && Array.isArray(object.data)) return fromArrayLike(object.data);
  return undefined;
}

Buffer.from = function from(value, encodingOrOffset, length) {
  if (typeof value === 'string') return fromString(value, encodingOrOffset);
  if (typeof value === 'object' && value !== null) {
    if (isAnyArrayBuffer(value)) return fromArrayBuffer(value, encodingOrOffset, length);
    const plain = value.valueOf && value.valueOf();
    if (plain != null && plain !== value && (typeof plain === 'string' || typeof plain === 'object')) {
      return from(plain, encodingOrOffset, length);
    }
    const made = fromObject(value);
    if (made !== undefined) return made;
    if (typeof value[Symbol.toPrimitive] === 'function') {
      const primitive = value[Symbol.toPrimitive]('string');
      if (typeof primitive === 'string') return fromString(primitive, encodingOrOffset);
    }
  }
  throw new ERR_INVALID_ARG_TYPE(
    'first argument', ['string', 'Buffer', 'ArrayBuffer', 'Array', 'Array-like Object'], value);
};

Buffer.of = function of(...items) {
  const buffer = binding.alloc(items.length);
  for (let i = 0; i < items.length; i++) buffer[i] = items[i];
  return buffer;
};

Buffer.copyBytesFrom = function copyBytesFrom(view, offset, length) {
  if (!isArrayBufferView(view) || view instanceof DataView) throw new ERR_INVALID_ARG_TYPE('view', ['TypedArray'], view);
  const viewLength = view.length;
  if (viewLength === 0) return binding.alloc(0);
  let end = viewLength;
  if (offset === undefined) offset = 0;
  else validateInteger(offset, 'offset', 0);
  if (offset >= viewLength) return binding.alloc(0);
  if (length !== undefined) {
    validateInteger(length, 'length', 0);
    end = Math.min(viewLength, offset + length);
  }
  const part = view.slice(offset, end);
  return binding.fromView(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
};

Buffer.isBuffer = function isBuffer(value) {
  return typeof value !== 'string' && value instanceof Buffer; // a body is a string most often
};

Buffer.isEncoding = function isEncoding(encoding) {
  return typeof encoding === 'string' && encoding.length !== 0 && normalEncoding(encoding) !== undefined;
};

Buffer.compare = function compare(buf1, buf2) {
  if (!isUint8Array(buf1)) throw new ERR_INVALID_ARG_TYPE('buf1', ['Buffer', 'Uint8Array'], buf1);
  if (!isUint8Array(buf2)) throw new ERR_INVALID_ARG_TYPE('buf2', ['Buffer', 'Uint8Array'], buf2);
  return buf1 === buf2 ? 0 : binding.compare(buf1, buf2);
};

Buffer.concat = function concat(list, length) {
  validateArray(list, 'list');
  if (list.length === 0) return binding.alloc(0);
  if (length === undefined) {
    length = 0;
    for (let i = 0; i < list.length; i++) {
      if (list[i].length) length += list[i].length;
    }
  } else {
    validateOffset(length, 'length');
  }
  const whole = Buffer.allocUnsafe(length);
  let at = 0;
  for (let i = 0; i < list.length; i++) {
    const part = list[i];
    if (!isUint8Array(part)) throw new ERR_INVALID_ARG_TYPE(`list[${i}]`, ['Buffer', 'Uint8Array'], part);
    at += binding.copy(part, whole, at, 0, part.length);
  }
  return whole;
};

Buffer.byteLength = function byteLength(string, encoding) {
  if (typeof string === 'string') return binding.byteLength(string, encoding);
  if (isArrayBufferView(string) || isAnyArrayBuffer(string)) return string.byteLength;
  throw new ERR_INVALID_ARG_TYPE('string', ['string', 'Buffer', 'ArrayBuffer'], string);
};

const proto = Buffer.prototype;

function hide(target, name, value) {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
}

hide(proto, 'constructor', Buffer);
Object.defineProperty(proto, 'constructor', { enumerable: false });
for (const [name, method] of Object.entries(Object.getOwnPropertyDescriptors(binding.methods))) {
  hide(proto, name, method.value);
  // readUint8 is readUInt8's second name.
  if (name.includes('UInt')) hide(proto, name.replace('UInt', 'Uint'), method.value);
}

Object.defineProperty(proto, 'parent', {
  enumerable: true,
  get() { return this instanceof Buffer ? this.buffer : undefined; },
});
Object.defineProperty(proto, 'offset', {
  enumerable: true,
  get() { return this instanceof Buffer ? this.byteOffset : undefined; },
});

function checkBig(value, min, max) {
  if (value > max || value < min) throw new ERR_OUT_OF_RANGE('value', boundsText(8, min < 0n, true), value);
  // What is no BigInt fails as mixing the two types does.
  if (typeof value !== 'bigint') throw new TypeError('Cannot mix BigInt and other types, use explicit conversions');
}

function guardBig(name, min, max) {
  const write = binding.methods[name];
  const guarded = { [name](value, offset = 0) {
    checkBig(value, min, max);
    return write.call(this, value, offset);
  } }[name];
  hide(proto, name, guarded);
  if (name.includes('UInt')) hide(proto, name.replace('UInt', 'Uint'), guarded);
}
for (const end of ['LE', 'BE']) {
  guardBig(`writeBigUInt64${end}`, 0n, 0xFFFFFFFFFFFFFFFFn);
  guardBig(`writeBigInt64${end}`, -0x8000000000000000n, 0x7FFFFFFFFFFFFFFFn);
}

const toInteger = (value, otherwise) => {
  value = +value;
  return !Number.isNaN(value) && value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ?
    Math.trunc(value) : otherwise;
};

proto.copy = function copy(target, targetStart, sourceStart, sourceEnd) {
  if (!isUint8Array(target)) throw new ERR_INVALID_ARG_TYPE('target', ['Buffer', 'Uint8Array'], target);
  if (targetStart === undefined) {
    targetStart = 0;
  } else {
    targetStart = toInteger(targetStart, 0);
    if (targetStart < 0) throw new ERR_OUT_OF_RANGE('targetStart', '>= 0', targetStart);
  }
  if (sourceStart === undefined) {
    sourceStart = 0;
  } else {
    sourceStart = toInteger(sourceStart, 0);
    if (sourceStart < 0 || sourceStart > this.length) {
      throw new ERR_OUT_OF_RANGE('sourceStart', `>= 0 && <= ${this.length}`, sourceStart);
    }
  }
  if (sourceEnd === undefined) {
    sourceEnd = this.length;
  } else {
    sourceEnd = toInteger(sourceEnd, 0);
    if (sourceEnd < 0) throw new ERR_OUT_OF_RANGE('sourceEnd', '>= 0', sourceEnd);
  }
  if (targetStart >= target.length || sourceStart >= sourceEnd) return 0;
  return binding.copy(this, target, targetStart, sourceStart, sourceEnd - sourceStart);
};

proto.equals = function equals(otherBuffer) {
  if (!isUint8Array(otherBuffer)) {
    throw new ERR_INVALID_ARG_TYPE('otherBuffer', ['Buffer', 'Uint8Array'], otherBuffer);
  }
  return this === otherBuffer || (this.byteLength === otherBuffer.byteLength && binding.compare(this, otherBuffer) === 0);
};

proto.compare = function compare(target, targetStart, targetEnd, sourceStart, sourceEnd) {
  if (!isUint8Array(target)) throw new ERR_INVALID_ARG_TYPE('target', ['Buffer', 'Uint8Array'], target);
  if (arguments.length === 1) return binding.compare(this, target);
  if (targetStart === undefined) targetStart = 0;
  else validateOffset(targetStart, 'targetStart');
  if (targetEnd === undefined) targetEnd = target.length;
  else validateOffset(targetEnd, 'targetEnd', 0, target.length);
  if (sourceStart === undefined) sourceStart = 0;
  else validateOffset(sourceStart, 'sourceStart');
  if (sourceEnd === undefined) sourceEnd = this.length;
  else validateOffset(sourceEnd, 'sourceEnd', 0, this.length);
  if (sourceStart >= sourceEnd) return targetStart >= targetEnd ? 0 : -1;
  if (targetStart >= targetEnd) return 1;
  return binding.compareRange(this, sourceStart, sourceEnd, target, targetStart, targetEnd);
};

function search(buffer, value, byteOffset, encoding, forward) {
  validateBuffer(buffer);
  if (typeof byteOffset === 'string') {
    encoding = byteOffset;
    byteOffset = undefined;
  } else if (byteOffset > 0x7FFFFFFF) {
    byteOffset = 0x7FFFFFFF;
  } else if (byteOffset < -0x80000000) {
    byteOffset = -0x80000000;
  }
  byteOffset = +byteOffset;
  if (Number.isNaN(byteOffset)) byteOffset = forward ? 0 : (buffer.length || buffer.byteLength);
  byteOffset = Math.trunc(byteOffset);
  if (typeof value === 'number') return binding.indexOf(buffer, value >>> 0, byteOffset, undefined, forward);
  const known = encoding === undefined ? 'utf8' : normalEncoding(`${encoding}`);
  if (typeof value === 'string') {
    if (known === undefined) throw new ERR_UNKNOWN_ENCODING(encoding);
    return binding.indexOf(buffer, value, byteOffset, known, forward);
  }
  if (isUint8Array(value)) return binding.indexOf(buffer, value, byteOffset, known ?? 'utf8', forward);
  throw new ERR_INVALID_ARG_TYPE('value', ['number', 'string', 'Buffer', 'Uint8Array'], value);
}

proto.indexOf = function indexOf(value, byteOffset, encoding) {
  return search(this, value, byteOffset, encoding, true);
};

proto.lastIndexOf = function lastIndexOf(value, byteOffset, encoding) {
  return search(this, value, byteOffset, encoding, false);
};

proto.includes = function includes(value, byteOffset, encoding) {
  return search(this, value, byteOffset, encoding, true) !== -1;
};

function fill(buffer, value, offset, end, encoding) {
  if (typeof value === 'string') {
    if (offset === undefined || typeof offset === 'string') {
      encoding = offset;
      offset = 0;
      end = buffer.length;
    } else if (typeof end === 'string') {
      encoding = end;
      end = buffer.length;
    }
    const known = encoding === undefined || encoding === null || encoding === '' ? 'utf8' : normalEncoding(encoding);
    if (known === undefined) {
      validateString(encoding, 'encoding');
      throw new ERR_UNKNOWN_ENCODING(encoding);
    }
    encoding = known;
    if (value.length === 0) value = 0;
  } else {
    encoding = undefined;
  }
  if (offset === undefined) {
    offset = 0;
    end = buffer.length;
  } else {
    validateNumber(offset, 'offset', 0);
    if (end === undefined) end = buffer.length;
    else validateNumber(end, 'end', 0, buffer.length);
    if (offset >= end) return buffer;
  }
  if (typeof value === 'boolean') value = +value;
  if (!binding.fill(buffer, value, offset, end, encoding)) throw new ERR_INVALID_ARG_VALUE('value', value);
  return buffer;
}

proto.fill = function(value, offset, end, encoding) {
  return fill(this, value, offset, end, encoding);
};
Object.defineProperty(proto.fill, 'name', { value: 'fill' });

const WRITERS = {
  utf8: 'utf8Write', utf16le: 'ucs2Write', latin1: 'latin1Write', ascii: 'asciiWrite', hex: 'hexWrite',
  base64: 'base64Write', base64url: 'base64urlWrite',
};

proto.write = function write(string, offset, length, encoding) {
  if (offset === undefined) return this.utf8Write(string, 0, this.length);
  if (length === undefined && typeof offset === 'string') {
    encoding = offset;
    length = this.length;
    offset = 0;
  } else {
    validateOffset(offset, 'offset', 0, this.length);
    const remaining = this.length - offset;
    if (length === undefined) {
      length = remaining;
    } else if (typeof length === 'string') {
      encoding = length;
      length = remaining;
    } else {
      validateOffset(length, 'length', 0, this.length);
      if (length > remaining) length = remaining;
    }
  }
  if (!encoding) return this.utf8Write(string, offset, length);
  const known = normalEncoding(`${encoding}`);
  if (known === undefined) throw new ERR_UNKNOWN_ENCODING(encoding);
  return this[WRITERS[known]](string, offset, length);
};

proto.toJSON = function toJSON() {
  if (!(this.length > 0)) return { type: 'Buffer', data: [] };
  const data = new Array(this.length);
  for (let i = 0; i < this.length; i++) data[i] = this[i];
  return { type: 'Buffer', data };
};

proto.toLocaleString = proto.toString;

proto[Symbol.for('nodejs.util.inspect.custom')] = function inspect(recurseTimes, ctx) {
  const shown = Math.min(inspectMaxBytes, this.length);
  let text = this.hexSlice(0, shown).replace(/(.{2})/g, '$1 ').trim();
  const remaining = this.length - inspectMaxBytes;
  if (remaining > 0) text += ` ... ${remaining} more byte${remaining > 1 ? 's' : ''}`;
  if (ctx) {
    const extras = { __proto__: null };
    let any = false;
    const { getOwnNonIndexProperties, constants } = internalBinding('util');
    const filter = ctx.showHidden ? constants.ALL_PROPERTIES : constants.ONLY_ENUMERABLE;
    for (const key of getOwnNonIndexProperties(this, filter)) {
      any = true;
      extras[key] = this[key];
    }
    if (any) {
      if (this.length !== 0) text += ', ';
      const options = { ...ctx, breakLength: Infinity, compact: true };
      // Without "[Object: null prototype] { " and " }".
      text += require('internal/util/inspect').inspect(extras, options).slice(27, -2);
    }
  }
  let name;
  try {
    ({ constructor: { name } } = this);
  } catch {
    name = 'Buffer';
  }
  return `<${name} ${text}>`;
};
proto.inspect = proto[Symbol.for('nodejs.util.inspect.custom')];

binding.setHooks(Buffer, fail);

const { atob, btoa, transcode, isUtf8, isAscii } = require('internal/buffer_text');

module.exports = {
  Buffer,
  SlowBuffer,
  transcode,
  isUtf8,
  isAscii,
  kMaxLength,
  kStringMaxLength,
  btoa,
  atob,
};

Object.defineProperties(module.exports, {
  constants: {
    configurable: false,
    enumerable: true,
    value: Object.freeze(Object.defineProperties({}, {
      MAX_LENGTH: { value: kMaxLength, enumerable: true },
      MAX_STRING_LENGTH: { value: kStringMaxLength, enumerable: true },
    })),
  },
  INSPECT_MAX_BYTES: {
    configurable: true,
    enumerable: true,
    get() { return inspectMaxBytes; },
    set(value) {
      validateNumber(value, 'INSPECT_MAX_BYTES', 0);
      inspectMaxBytes = value;
    },
  },
});

// Blob builds on streams, which build on this module.
for (const name of ['Blob', 'File', 'resolveObjectURL']) {
  Object.defineProperty(module.exports, name, {
    configurable: true,
    enumerable: true,
    get() { return require('internal/blob')[name]; },
  });
}

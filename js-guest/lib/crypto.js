// node:crypto: random bytes (the host's), digests, keys out of passwords, ciphers, and timingSafeEqual; key objects and
// signatures throw. Must not know algorithms.
'use strict';

const native = internalBinding('process');
const { Hash, Hmac, hash, createHash, createHmac } = require('internal/crypto/hash');
const kdf = require('internal/crypto/kdf');
const cipher = require('internal/crypto/cipher');
const { getHashes } = require('internal/crypto/algorithms');
const { stub } = require('internal/missing');
const { validateFunction, validateNumber, validateObject, validateBoolean } = require('internal/validators');
const { codes: { ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE } } = require('internal/errors');

const MOST_BYTES = 2 ** 31 - 1;

function checkSize(size, name, most = MOST_BYTES) {
  validateNumber(size, name);
  if (Number.isNaN(size) || size > most || size < 0) throw new ERR_OUT_OF_RANGE(name, `>= 0 && <= ${most}`, size);
  return size >>> 0;
}

function randomBytes(size, callback) {
  size = checkSize(size, 'size');
  if (callback !== undefined) validateFunction(callback, 'callback');
  const bytes = Buffer.alloc(size);
  native.random(bytes);
  if (callback === undefined) return bytes;
  process.nextTick(callback, null, bytes);
  return undefined;
}

const isBytes = (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;

function fill(buffer, offset, size) {
  if (!isBytes(buffer)) throw new ERR_INVALID_ARG_TYPE('buf', ['ArrayBuffer', 'ArrayBufferView'], buffer);
  const scale = buffer.BYTES_PER_ELEMENT ?? 1;
  offset = checkSize((offset ?? 0) * scale, 'offset', buffer.byteLength);
  size = size === undefined ? buffer.byteLength - offset : checkSize(size * scale, 'size', MOST_BYTES);
  if (size + offset > buffer.byteLength) throw new ERR_OUT_OF_RANGE('size + offset', `<= ${buffer.byteLength}`, size + offset);
  native.random(new Uint8Array(buffer.buffer ?? buffer, (buffer.byteOffset ?? 0) + offset, size));
  return buffer;
}

function randomFill(buffer, offset, size, callback) {
  if (typeof offset === 'function') [callback, offset, size] = [offset, 0, undefined];
  else if (typeof size === 'function') [callback, size] = [size, undefined];
  validateFunction(callback, 'callback');
  fill(buffer, offset, size);
  process.nextTick(callback, null, buffer);
}

const MOST_INT = 2 ** 48 - 1;

function randomInt(min, max, callback) {
  if (max === undefined || typeof max === 'function') [callback, max, min] = [max, min, 0];
  if (callback !== undefined) validateFunction(callback, 'callback');
  if (!Number.isSafeInteger(min)) throw new ERR_INVALID_ARG_TYPE('min', 'a safe integer', min);
  if (!Number.isSafeInteger(max)) throw new ERR_INVALID_ARG_TYPE('max', 'a safe integer', max);
  if (max <= min) throw new ERR_OUT_OF_RANGE('max', `greater than the value of "min" (${min})`, max);
  const range = max - min;
  if (!(range <= MOST_INT)) throw new ERR_OUT_OF_RANGE(max === undefined ? 'max' : 'max - min', `<= ${MOST_INT}`, range);
  // Values past the last whole multiple of the range would make its first ones likelier: they are drawn again.
  const limit = MOST_INT - (MOST_INT % range);
  let drawn;
  do drawn = randomBytes(6).readUIntBE(0, 6);
  while (drawn >= limit);
  const result = drawn % range + min;
  if (callback === undefined) return result;
  process.nextTick(callback, undefined, result);
  return undefined;
}

function randomUUID(options) {
  if (options !== undefined) {
    validateObject(options, 'options');
    if (options.disableEntropyCache !== undefined) validateBoolean(options.disableEntropyCache, 'options.disableEntropyCache');
  }
  const bytes = randomBytes(16);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function timingSafeEqual(a, b) {
  if (!isBytes(a)) throw new ERR_INVALID_ARG_TYPE('buf1', ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'], a);
  if (!isBytes(b)) throw new ERR_INVALID_ARG_TYPE('buf2', ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'], b);
  const view = (value) => new Uint8Array(value.buffer ?? value, value.byteOffset ?? 0, value.byteLength);
  const [left, right] = [view(a), view(b)];
  if (left.length !== right.length) {
    const { ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH: Unequal } = require('internal/errors').codes;
    throw new Unequal();
  }
  return internalBinding('crypto').equal(left, right);
}

// ---- Web Crypto ----

const kMake = Symbol('kMake');

class Crypto {
  constructor(token) {
    if (token !== kMake) throw new (require('internal/errors').codes.ERR_ILLEGAL_CONSTRUCTOR)();
  }

  get subtle() { return require('internal/crypto/subtle').subtle; }

  getRandomValues(array) {
    const types = require('internal/util/types');
    if (!types.isTypedArray(array) || types.isFloat32Array(array) || types.isFloat64Array(array)) {
      throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError');
    }
    if (array.byteLength > 65536) {
      throw new DOMException(`The requested length exceeds 65,536 bytes`, 'QuotaExceededError');
    }
    native.random(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    return array;
  }

  randomUUID(options) { return randomUUID(options); }
}
Object.defineProperty(Crypto.prototype, Symbol.toStringTag, { value: 'Crypto', configurable: true });
for (const name of ['subtle', 'getRandomValues', 'randomUUID']) Object.defineProperty(Crypto.prototype, name, { enumerable: true });

const webcrypto = new Crypto(kMake);

module.exports = {
  randomBytes, pseudoRandomBytes: randomBytes, rng: randomBytes, prng: randomBytes,
  randomFill, randomFillSync: fill, randomInt, randomUUID, timingSafeEqual,
  Hash, Hmac, hash, createHash, createHmac, ...kdf, ...cipher,
  webcrypto,
  getRandomValues: (array) => webcrypto.getRandomValues(array),
  getHashes, getCurves: () => [], getFips: () => 0,
  constants: {},
};

for (const name of `checkPrime checkPrimeSync createDiffieHellman
  createDiffieHellmanGroup createECDH createPrivateKey createPublicKey createSecretKey createSign createVerify
  diffieHellman generateKey generateKeyPair generateKeyPairSync generateKeySync generatePrime generatePrimeSync
  getDiffieHellman privateDecrypt privateEncrypt publicDecrypt publicEncrypt
  secureHeapUsed setEngine setFips sign verify Certificate DiffieHellman DiffieHellmanGroup
  ECDH KeyObject Sign Verify X509Certificate`.split(/\s+/)) module.exports[name] = stub('crypto', name);
Object.defineProperty(module.exports, 'subtle', { configurable: true, enumerable: false, get: () => webcrypto.subtle });

// Web Crypto's SubtleCrypto with what needs no cipher and no public key: digest, and HMAC, PBKDF2 and HKDF keys made of raw
// bytes. Every other algorithm is refused as the standard has it: NotSupportedError. Must not know digests but by name.
'use strict';

const { begin, beginHmac, findDigest, secretBytes } = require('internal/crypto/algorithms');
const kdf = require('internal/crypto/kdf');
const { codes: { ERR_ILLEGAL_CONSTRUCTOR, ERR_INVALID_ARG_TYPE, ERR_INVALID_THIS } } = require('internal/errors');

const native = internalBinding('crypto');

const kMake = Symbol('kMake');
const kBytes = Symbol('kBytes');

// Bytes of a block of each digest: the length of an HMAC key that nobody gave a length.
const HASHES = new Map([['SHA-1', 64], ['SHA-256', 64], ['SHA-384', 128], ['SHA-512', 128]]);

const USAGES = { HMAC: ['sign', 'verify'], PBKDF2: ['deriveKey', 'deriveBits'], HKDF: ['deriveKey', 'deriveBits'] };

const article = (name) => `${name === 'PBKDF2' ? 'a' : 'an'} ${name}`;

const fail = (name, message) => new DOMException(message, name);
const unsupported = (message = 'Unrecognized algorithm name') => fail('NotSupportedError', message);

// ---- What callers may write ----

// The algorithm as an object whose name is written as the standard writes it.
function algorithmOf(value, known) {
  const object = typeof value === 'string' ? { name: value } : value;
  if (object === null || typeof object !== 'object') throw new ERR_INVALID_ARG_TYPE('algorithm', ['string', 'Object'], value);
  const wanted = String(object.name).toUpperCase();
  const name = known.find((one) => one === wanted);
  if (name === undefined) throw unsupported();
  return { ...object, name };
}

const hashOf = (algorithm) => algorithmOf(algorithm.hash, [...HASHES.keys()]).name;

const digestOf = (name) => findDigest(name.replace('-', ''));

// A copy: the caller may change his bytes while we wait.
function bytesOf(value, name) {
  if (typeof value === 'string') throw new ERR_INVALID_ARG_TYPE(name, ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'], value);
  return new Uint8Array(secretBytes(value, name, ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView']));
}

const buffer = (bytes) => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);

// ---- Keys ----

class CryptoKey {
  #type = 'secret';
  #algorithm;
  #extractable;
  #usages;

  constructor(token, bytes, algorithm, extractable, usages) {
    if (token !== kMake) throw new ERR_ILLEGAL_CONSTRUCTOR();
    this.#algorithm = algorithm;
    this.#extractable = extractable;
    this.#usages = usages;
    Object.defineProperty(this, kBytes, { value: bytes });
  }

  get type() { return this.#type; }
  get extractable() { return this.#extractable; }
  get algorithm() { return this.#algorithm; }
  get usages() { return this.#usages; }

  static is(value) { return value !== null && typeof value === 'object' && #usages in value; }
}
const isKey = CryptoKey.is;
delete CryptoKey.is;

function keyFor(key, name, usage) {
  if (!isKey(key)) throw new ERR_INVALID_ARG_TYPE('key', 'CryptoKey', key);
  if (key.algorithm.name !== name || !key.usages.includes(usage)) {
    throw fail('InvalidAccessError', `Unable to use this key to ${usage}`);
  }
  return key[kBytes];
}

function makeKey(bytes, algorithm, extractable, usages) {
  const allowed = USAGES[algorithm.name];
  const list = [...new Set(usages)];
  if (list.some((usage) => !allowed.includes(usage))) throw fail('SyntaxError', `Unsupported key usage for ${article(algorithm.name)} key`);
  if (algorithm.name !== 'HMAC') {
    if (extractable) throw fail('SyntaxError', `${algorithm.name} keys are not extractable`);
    if (list.length === 0) throw fail('SyntaxError', 'Usages cannot be empty when importing a secret key.');
    return new CryptoKey(kMake, bytes, { name: algorithm.name }, false, list);
  }
  if (bytes.length === 0) throw fail('DataError', 'Zero-length key is not supported');
  if (list.length === 0) throw fail('SyntaxError', 'Usages cannot be empty when importing a secret key.');
  if (algorithm.length !== undefined && algorithm.length !== bytes.length * 8) throw fail('DataError', 'Invalid key length');
  const told = { name: 'HMAC', hash: { name: hashOf(algorithm) }, length: bytes.length * 8 };
  return new CryptoKey(kMake, bytes, told, Boolean(extractable), list);
}

function mac(key, usage, data) {
  const bytes = keyFor(key, 'HMAC', usage);
  const state = beginHmac(digestOf(key.algorithm.hash.name), bytes);
  state.update(bytesOf(data, 'data'));
  return state.digest();
}

// ---- Derived bits ----

const done = (work, ...args) => new Promise((resolve, reject) => {
  work(...args, (error, key) => (error ? reject(fail('OperationError', error.message)) : resolve(key)));
});

async function derive(algorithm, key, length, usage) {
  const wanted = algorithmOf(algorithm, ['PBKDF2', 'HKDF']);
  const secret = keyFor(key, wanted.name, usage);
  if (length === null || length === undefined) throw fail('OperationError', 'length cannot be null');
  if (length % 8 !== 0) throw fail('OperationError', 'length must be a multiple of 8');
  const [digest, salt] = [hashOf(wanted).replace('-', ''), bytesOf(wanted.salt, 'algorithm.salt')];
  if (wanted.name === 'HKDF') {
    const made = await done(kdf.hkdf, digest, secret, salt, bytesOf(wanted.info, 'algorithm.info'), length / 8);
    return buffer(new Uint8Array(made));
  }
  if (wanted.iterations === 0) throw fail('OperationError', 'iterations cannot be zero');
  return buffer(await done(kdf.pbkdf2, secret, salt, wanted.iterations, length / 8, digest));
}

const lengthOf = (algorithm) => algorithm.length ?? HASHES.get(hashOf(algorithm)) * 8;

// ---- The interface ----

class SubtleCrypto {
  constructor(token) {
    if (token !== kMake) throw new ERR_ILLEGAL_CONSTRUCTOR();
  }

  async digest(algorithm, data) {
    const { name } = algorithmOf(algorithm, [...HASHES.keys()]);
    const state = begin(digestOf(name));
    state.update(bytesOf(data, 'data'));
    return buffer(state.digest());
  }

  async importKey(format, keyData, algorithm, extractable, usages) {
    const wanted = algorithmOf(algorithm, Object.keys(USAGES));
    if (format !== 'raw') throw unsupported(`Unable to import ${wanted.name} key using ${format} format`);
    return makeKey(bytesOf(keyData, 'keyData'), wanted, extractable, usages);
  }

  async exportKey(format, key) {
    if (!isKey(key)) throw new ERR_INVALID_ARG_TYPE('key', 'CryptoKey', key);
    if (!key.extractable) throw fail('InvalidAccessError', 'key is not extractable');
    if (format !== 'raw') throw unsupported(`Unable to export a raw ${key.algorithm.name} key using ${format} format`);
    return buffer(key[kBytes].slice());
  }

  async generateKey(algorithm, extractable, usages) {
    const wanted = algorithmOf(algorithm, ['HMAC']);
    const length = lengthOf(wanted);
    if (!(length > 0 && length % 8 === 0 && length <= 2 ** 20)) throw fail('OperationError', 'Invalid key length');
    return makeKey(require('crypto').randomFillSync(new Uint8Array(length / 8)), wanted, extractable, usages);
  }

  async sign(algorithm, key, data) {
    algorithmOf(algorithm, ['HMAC']);
    return buffer(mac(key, 'sign', data));
  }

  async verify(algorithm, key, signature, data) {
    algorithmOf(algorithm, ['HMAC']);
    const [right, given] = [mac(key, 'verify', data), bytesOf(signature, 'signature')];
    return right.length === given.length && native.equal(right, given);
  }

  async deriveBits(algorithm, key, length) { return derive(algorithm, key, length, 'deriveBits'); }

  async deriveKey(algorithm, key, derived, extractable, usages) {
    const wanted = algorithmOf(derived, ['HMAC']);
    const bits = await derive(algorithm, key, lengthOf(wanted), 'deriveKey');
    return makeKey(new Uint8Array(bits), wanted, extractable, usages);
  }
}

// What needs a cipher.
for (const name of ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey']) {
  const refuse = { async [name]() { throw unsupported(); } }[name];
  Object.defineProperty(SubtleCrypto.prototype, name, { value: refuse, writable: true, configurable: true });
}

function tooFew(name, wanted, given) {
  const error = new TypeError(`Failed to execute '${name}' on 'SubtleCrypto': ` +
    `${wanted} argument${wanted === 1 ? '' : 's'} required, but only ${given} present.`);
  return Object.assign(error, { code: 'ERR_MISSING_ARGS' });
}

// As Web IDL has it: methods are enumerable, and say what `this` and how many arguments they want.
for (const name of Object.getOwnPropertyNames(SubtleCrypto.prototype)) {
  if (name === 'constructor') continue;
  const method = SubtleCrypto.prototype[name];
  const checked = { async [name](...args) {
    if (!(this instanceof SubtleCrypto)) throw new ERR_INVALID_THIS('SubtleCrypto');
    if (args.length < method.length) throw tooFew(name, method.length, args.length);
    return method.apply(this, args);
  } }[name];
  Object.defineProperty(checked, 'length', { value: method.length, configurable: true });
  Object.defineProperty(SubtleCrypto.prototype, name, { value: checked, writable: true, enumerable: true, configurable: true });
}
for (const Class of [SubtleCrypto, CryptoKey]) {
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: Class.name, configurable: true });
}
for (const name of ['type', 'extractable', 'algorithm', 'usages']) Object.defineProperty(CryptoKey.prototype, name, { enumerable: true });

module.exports = { CryptoKey, SubtleCrypto, isKey, subtle: new SubtleCrypto(kMake) };

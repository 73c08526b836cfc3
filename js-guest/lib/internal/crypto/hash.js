// crypto.Hash and Hmac, and hash(): objects that take data until they are asked for the digest, and streams to who uses
// them as such. Must not know algorithms.
'use strict';

const { lazyTransform } = require('internal/crypto/lazy_transform');
const { begin, beginHmac, exactly, findDigest, digestFor, dataBytes, secretBytes, toBuffer } = require('internal/crypto/algorithms');
const { isUint8Array } = require('internal/util/types');
const { validateString, validateUint32 } = require('internal/validators');
const { codes: { ERR_CRYPTO_HASH_FINALIZED, ERR_INVALID_ARG_VALUE } } = require('internal/errors');

const kState = Symbol('kState'); // the algorithm's own object
const kDigest = Symbol('kDigest');
const kLength = Symbol('kLength'); // of who asked for another one than the digest's
const kFinalized = Symbol('kFinalized');
const kOptions = Symbol('kOptions');

const Digester = lazyTransform(kState, kOptions);

Digester.prototype._transform = function(chunk, encoding, callback) {
  this[kState].update(dataBytes(chunk, encoding, 'data'));
  callback();
};

Digester.prototype._flush = function(callback) {
  this.push(this.digest());
  callback();
};

function update(data, encoding) {
  if (this[kFinalized]) throw new ERR_CRYPTO_HASH_FINALIZED();
  // As it is, where the state is C's: it knows UTF-8, and bytes when it sees them.
  const plain = this[kDigest].kind !== undefined &&
    (typeof data === 'string' ? encoding === undefined || encoding === 'utf8' : isUint8Array(data));
  this[kState].update(plain ? data : dataBytes(data, encoding, 'data'));
  return this;
}

const encoded = (buffer, encoding) => (Buffer.isEncoding(encoding) ? buffer.toString(encoding) : buffer);

// ---- Hash ----

function Hash(algorithm, options) {
  if (!new.target) return new Hash(algorithm, options);
  if (options === undefined) {
    // What nearly everybody asks for: express does once a response.
    const digest = exactly(algorithm);
    if (digest !== undefined && digest.kind !== undefined) {
      this[kState] = begin(digest);
      this[kDigest] = digest;
      return;
    }
  }
  const original = typeof algorithm === 'object' && algorithm instanceof Hash ? algorithm : undefined;
  if (original === undefined && typeof algorithm !== 'string') validateString(algorithm, 'algorithm');
  const length = options !== null && typeof options === 'object' ? options.outputLength : undefined;
  if (length !== undefined) validateUint32(length, 'options.outputLength');
  const digest = original === undefined ? findDigest(algorithm) : original[kDigest];
  if (digest === undefined) throw new Error('Digest method not supported');
  if (length !== undefined && length !== digest.length && !digest.anyLength) throw notOfThatLength();
  this[kState] = original === undefined ? begin(digest) : original[kState].clone();
  this[kDigest] = digest;
  if (length !== undefined) this[kLength] = length;
  if (options !== undefined) this[kOptions] = options;
}
Object.setPrototypeOf(Hash.prototype, Digester.prototype);
Object.setPrototypeOf(Hash, Digester);

// As OpenSSL says it: programs match on it.
function notOfThatLength() {
  return Object.assign(new Error('error:030000B2:digital envelope routines::not XOF or invalid length'), {
    library: 'digital envelope routines', reason: 'not XOF or invalid length', code: 'ERR_OSSL_EVP_NOT_XOF_OR_INVALID_LENGTH',
  });
}

function finish(state, digest, length) {
  if (!digest.anyLength) return toBuffer(state.digest());
  return length === 0 ? Buffer.alloc(0) : toBuffer(state.xof(length));
}

Hash.prototype.update = update;

Hash.prototype.digest = function(outputEncoding) {
  if (this[kFinalized]) throw new ERR_CRYPTO_HASH_FINALIZED();
  this[kFinalized] = true;
  const digest = this[kDigest];
  // C's writes its text itself, where it knows the encoding.
  if (digest.kind !== undefined) return this[kState].digest(outputEncoding);
  return encoded(finish(this[kState], digest, this[kLength] ?? digest.length), outputEncoding);
};

Hash.prototype.copy = function(options) {
  if (this[kFinalized]) throw new ERR_CRYPTO_HASH_FINALIZED();
  return new Hash(this, options);
};

// ---- Hmac ----

const KEY = ['string', 'ArrayBuffer', 'Buffer', 'TypedArray', 'DataView', 'KeyObject', 'CryptoKey'];

function Hmac(algorithm, key, options) {
  if (!new.target) return new Hmac(algorithm, key, options);
  validateString(algorithm, 'hmac');
  const bytes = secretBytes(key, 'key', KEY, Buffer.isEncoding(options?.encoding) ? options.encoding : 'utf8');
  const digest = digestFor(algorithm);
  this[kState] = beginHmac(digest, bytes);
  this[kDigest] = digest;
  this[kFinalized] = false;
  this[kOptions] = options;
}
Object.setPrototypeOf(Hmac.prototype, Digester.prototype);
Object.setPrototypeOf(Hmac, Digester);

Hmac.prototype.update = update;

// Asked twice, it answers with nothing, where a Hash throws.
Hmac.prototype.digest = function(outputEncoding) {
  if (this[kFinalized]) return encoded(Buffer.alloc(0), outputEncoding);
  this[kFinalized] = true;
  return encoded(toBuffer(this[kState].digest()), outputEncoding);
};

// ---- In one call ----

function hash(algorithm, input, outputEncoding = 'hex') {
  validateString(algorithm, 'algorithm');
  const bytes = dataBytes(input, 'utf8', 'input');
  validateString(outputEncoding, 'outputEncoding');
  if (outputEncoding !== 'buffer' && !Buffer.isEncoding(outputEncoding)) {
    throw new ERR_INVALID_ARG_VALUE('outputEncoding', outputEncoding);
  }
  const digest = findDigest(algorithm);
  if (digest === undefined) throw new Error(`Digest method ${algorithm} is not supported`);
  return encoded(finish(begin(digest).update(bytes), digest, digest.length), outputEncoding);
}

module.exports = {
  Hash, Hmac, hash,
  createHash: (algorithm, options) => new Hash(algorithm, options),
  createHmac: (algorithm, key, options) => new Hmac(algorithm, key, options),
};

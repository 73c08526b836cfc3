// The digests there are, by every name that Node's OpenSSL knows them by, and bytes out of what a caller may pass. The
// common algorithms are in C (glue/digest.c), the others @noble/hashes'; hash.js and kdf.js see it besides. Must not know streams or encodings of results.
'use strict';

const native = internalBinding('crypto');
const noble = require('internal/deps/noble-hashes');
const { validateEncoding } = require('internal/validators');
const { codes: { ERR_CRYPTO_INVALID_DIGEST, ERR_INVALID_ARG_TYPE } } = require('internal/errors');

// Name, the other names that getHashes tells, those that it does not, and the length of a digest of those that are rare:
// their module is evaluated at their first use.
const TABLE = [['md5', ['RSA-MD5', 'md5WithRSAEncryption', 'ssl3-md5'], []],
  ['sha1', ['RSA-SHA1', 'RSA-SHA1-2', 'sha1WithRSAEncryption', 'ssl3-sha1'], ['sha-1']],
  ['ripemd160', ['RSA-RIPEMD160', 'ripemd', 'ripemd160WithRSA', 'rmd160'], ['ripemd-160']]];
for (const bits of ['224', '256', '384', '512', '512-224', '512-256']) {
  const slashed = bits.replace('-', '/');
  TABLE.push([`sha${bits}`, [`RSA-SHA${slashed}`, `sha${bits}WithRSAEncryption`], [`sha-${slashed}`, `sha2-${slashed}`]]);
}
for (const bits of [224, 256, 384, 512]) {
  TABLE.push([`sha3-${bits}`, [`RSA-SHA3-${bits}`, `id-rsassa-pkcs1-v1_5-with-sha3-${bits}`], [], bits / 8]);
}
for (const bits of [128, 256]) TABLE.push([`shake${bits}`, [], [`shake-${bits}`], bits / 8]);

const byName = new Map();
const names = [];
for (const [name, told, untold, length] of TABLE) {
  const key = name.replace('-', '_');
  // A digest of any length wanted: SHAKE's. `length` is what it gives when nobody says.
  const digest = {
    implementation: noble[key], length: length ?? noble[key].outputLen, anyLength: name.startsWith('shake'), kind: native.kinds[key],
  };
  if (length !== undefined) {
    Object.defineProperty(digest, 'implementation', { get: () => require('internal/deps/noble-rare')[key] });
  }
  for (const alias of [name, ...told, ...untold]) byName.set(alias.toLowerCase(), digest);
  names.push(name, ...told);
}
names.sort();

// The exact name first: it is what nearly everybody writes.
const exactly = (name) => byName.get(name);
const findDigest = (name) => exactly(name) ?? byName.get(name.toLowerCase());

// For what is built on a digest of fixed length.
function digestFor(name) {
  const digest = findDigest(name);
  if (digest === undefined || digest.anyLength) throw new ERR_CRYPTO_INVALID_DIGEST(name);
  return digest;
}

const bytesOfView = (view) => (view instanceof Uint8Array ? view :
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength));

// What update() takes.
function dataBytes(data, encoding, name) {
  if (typeof data === 'string') {
    validateEncoding(data, encoding);
    return Buffer.from(data, Buffer.isEncoding(encoding) ? encoding : 'utf8');
  }
  if (ArrayBuffer.isView(data)) return bytesOfView(data);
  throw new ERR_INVALID_ARG_TYPE(name, ['string', 'Buffer', 'TypedArray', 'DataView'], data);
}

// What a key, a password or a salt may be.
const SECRET = ['string', 'ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'];

function secretBytes(value, name, types = SECRET, encoding = 'utf8') {
  if (typeof value === 'string') return Buffer.from(value, encoding);
  if (ArrayBuffer.isView(value)) return bytesOfView(value);
  const tag = Object.prototype.toString.call(value);
  if (tag === '[object ArrayBuffer]' || tag === '[object SharedArrayBuffer]') return new Uint8Array(value);
  throw new ERR_INVALID_ARG_TYPE(name, types, value);
}

const toBuffer = (bytes) => (bytes instanceof Buffer ? bytes : asBuffer(bytes));
const asBuffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

// An object that takes bytes: ours in C, or noble's of the same methods.
const begin = (digest) => (digest.kind !== undefined ? native.create(digest.kind) : digest.implementation.create());

const beginHmac = (digest, key) => (digest.kind !== undefined ? native.createHmac(digest.kind, key) :
  noble.hmac.create(digest.implementation, key));

module.exports = { begin, beginHmac, exactly, findDigest, digestFor, dataBytes, secretBytes, toBuffer, getHashes: () => names.slice() };

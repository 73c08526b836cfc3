// Keys out of passwords: pbkdf2, hkdf and scrypt, each also as a Sync. Those with a callback work in slices between which
// the loop turns, since one cell has one thread. PBKDF2 is C's (glue/crypto.c) where the digest is; all else is
// @noble/hashes', evaluated at its first use. Must not
// know digests but by name.
'use strict';

const { kMaxLength } = require('buffer');
const { digestFor, secretBytes, toBuffer } = require('internal/crypto/algorithms');
const { validateFunction, validateInt32, validateInteger, validateString, validateUint32 } = require('internal/validators');
const { codes: {
  ERR_CRYPTO_INVALID_KEYLEN, ERR_CRYPTO_INVALID_SCRYPT_PARAMS, ERR_CRYPTO_SCRYPT_INVALID_PARAMETER, ERR_OUT_OF_RANGE,
} } = require('internal/errors');

const native = internalBinding('crypto');
const noble = () => require('internal/deps/noble-rare');

const MOST_INT = 2 ** 31 - 1;

// On a tick of its own: what the callback throws is an uncaught exception, and no rejection.
function deliver(promise, callback) {
  promise.then((key) => process.nextTick(callback, null, key), (error) => process.nextTick(callback, error));
}

const empty = () => new Uint8Array(0);

// ---- PBKDF2 ----

function checkPbkdf2(password, salt, iterations, keylen, digest) {
  validateString(digest, 'digest');
  password = secretBytes(password, 'password');
  salt = secretBytes(salt, 'salt');
  validateInt32(iterations, 'iterations', 1, MOST_INT);
  validateInt32(keylen, 'keylen', 0, MOST_INT);
  return [digestFor(digest), password, salt, { c: iterations, dkLen: keylen }];
}

function pbkdf2Sync(password, salt, iterations, keylen, digest) {
  const args = checkPbkdf2(password, salt, iterations, keylen, digest);
  if (keylen === 0) return toBuffer(empty());
  if (args[0].kind === undefined) return toBuffer(noble().pbkdf2(args[0].implementation, ...args.slice(1)));
  const work = pbkdf2Work(...args);
  while (!work.step(iterations));
  return work.key;
}

function pbkdf2(password, salt, iterations, keylen, digest, callback) {
  if (typeof digest === 'function') [callback, digest] = [digest, undefined];
  const args = checkPbkdf2(password, salt, iterations, keylen, digest);
  validateFunction(callback, 'callback');
  if (keylen === 0 || args[0].kind === undefined) {
    const made = keylen === 0 ? Promise.resolve(empty()) : noble().pbkdf2Async(args[0].implementation, ...args.slice(1));
    deliver(made.then(toBuffer), callback);
    return;
  }
  const work = pbkdf2Work(...args);
  setImmediate(function slice() {
    if (work.step(SLICE)) callback(null, work.key);
    else setImmediate(slice);
  });
}

// Rounds between two turns of the loop: a few milliseconds.
const SLICE = 4000;

// The key as it grows: step(rounds) does at most so many, and tells whether that was all.
function pbkdf2Work(digest, password, salt, { c: rounds, dkLen }) {
  const key = Buffer.alloc(dkLen), state = Buffer.alloc(2 * digest.length);
  let number = 1, done = 0;
  return {
    key,
    step(most) {
      const now = Math.min(most, rounds - done);
      native.pbkdf2Block(digest.kind, password, salt, done === 0 ? number : 0, now, state);
      done += now;
      if (done < rounds) return false;
      state.copy(key, (number - 1) * digest.length, 0, digest.length);
      done = 0;
      return number++ * digest.length >= dkLen;
    },
  };
}

// ---- HKDF ----

const SOURCE = ['string', 'ArrayBuffer', 'TypedArray', 'DataView', 'Buffer'];
const MOST_INFO = 1024; // OpenSSL's

function checkHkdf(digest, ikm, salt, info, length) {
  validateString(digest, 'digest');
  ikm = secretBytes(ikm, 'ikm', ['string', 'SecretKeyObject', ...SOURCE.slice(1)]);
  salt = secretBytes(salt, 'salt', SOURCE);
  info = secretBytes(info, 'info', SOURCE);
  validateInteger(length, 'length', 0, kMaxLength);
  if (info.byteLength > MOST_INFO) {
    throw new ERR_OUT_OF_RANGE('info', `must not contain more than ${MOST_INFO} bytes`, info.byteLength);
  }
  return [digest, ikm, salt, info, length];
}

function makeHkdf([digest, ikm, salt, info, length]) {
  const { implementation, length: block } = digestFor(digest);
  if (length > 255 * block) throw new ERR_CRYPTO_INVALID_KEYLEN();
  const key = length === 0 ? empty() : noble().hkdf(implementation, ikm, salt, info, length);
  return key.buffer.slice(key.byteOffset, key.byteOffset + key.byteLength);
}

function hkdfSync(digest, ikm, salt, info, length) {
  return makeHkdf(checkHkdf(digest, ikm, salt, info, length));
}

// Little work, and bounded: not worth slicing.
function hkdf(digest, ikm, salt, info, length, callback) {
  const args = checkHkdf(digest, ikm, salt, info, length);
  validateFunction(callback, 'callback');
  const key = makeHkdf(args);
  setImmediate(callback, null, key);
}

// ---- scrypt ----

// Each by its two names, of which one may be given.
const COSTS = [['N', 'cost', 16384], ['r', 'blockSize', 8], ['p', 'parallelization', 1]];
const MEMORY = 32 * 1024 * 1024;

function checkScrypt(password, salt, keylen, options) {
  password = secretBytes(password, 'password');
  salt = secretBytes(salt, 'salt');
  validateInt32(keylen, 'keylen', 0, MOST_INT);
  const made = { dkLen: keylen, maxmem: Number.MAX_SAFE_INTEGER }; // the limit is checked here, by OpenSSL's sum
  for (const [short, long, usual] of COSTS) {
    const [a, b] = [options?.[short], options?.[long]];
    if (a !== undefined) validateUint32(a, short);
    if (b !== undefined) {
      if (a !== undefined) throw new ERR_CRYPTO_SCRYPT_INVALID_PARAMETER();
      validateUint32(b, long);
    }
    made[short] = (a ?? b) || usual;
  }
  if (options?.maxmem !== undefined) validateInteger(options.maxmem, 'maxmem', 0);
  checkCosts(made, options?.maxmem || MEMORY);
  return [password, salt, made];
}

function checkCosts({ N, r, p }, maxmem) {
  const wrong = N < 2 || (N & (N - 1)) !== 0 || p > (2 ** 30 - 1) / r || (16 * r <= 31 && N >= 2 ** (16 * r));
  if (wrong) throw new ERR_CRYPTO_INVALID_SCRYPT_PARAMS('Invalid scrypt params');
  if (128 * r * (p + N + 2) > maxmem) {
    throw new ERR_CRYPTO_INVALID_SCRYPT_PARAMS(
      'Invalid scrypt params: error:030000AC:digital envelope routines::memory limit exceeded');
  }
}

function scryptSync(password, salt, keylen, options = undefined) {
  const args = checkScrypt(password, salt, keylen, options);
  return toBuffer(keylen === 0 ? empty() : noble().scrypt(...args));
}

function scrypt(password, salt, keylen, options, callback = undefined) {
  if (callback === undefined) [callback, options] = [options, undefined];
  const args = checkScrypt(password, salt, keylen, options);
  validateFunction(callback, 'callback');
  const made = keylen === 0 ? Promise.resolve(empty()) : noble().scryptAsync(...args);
  deliver(made.then(toBuffer), callback);
}

module.exports = { pbkdf2, pbkdf2Sync, hkdf, hkdfSync, scrypt, scryptSync };

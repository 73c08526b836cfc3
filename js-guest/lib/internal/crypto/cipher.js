// crypto.Cipheriv and Decipheriv, and the older Cipher and Decipher, which make key and IV from a password: names, padding,
// states and errors as Node's with OpenSSL. The modes are in internal/crypto/modes, which is evaluated at the first cipher.
// Must not know how anything is encrypted.
'use strict';

const { StringDecoder } = require('string_decoder');
const { lazyTransform } = require('internal/crypto/lazy_transform');
const { begin, dataBytes, findDigest, secretBytes, toBuffer } = require('internal/crypto/algorithms');
const { deprecate, normalizeEncoding } = require('internal/util');
const { validateInt32, validateObject, validateString } = require('internal/validators');
const { codes: {
  ERR_CRYPTO_INVALID_AUTH_TAG, ERR_CRYPTO_INVALID_IV, ERR_CRYPTO_INVALID_KEYLEN, ERR_CRYPTO_INVALID_STATE,
  ERR_CRYPTO_UNKNOWN_CIPHER, ERR_INTERNAL_ASSERTION, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_UNKNOWN_ENCODING,
} } = require('internal/errors');

const BLOCK = 16;
const NONCE = 12;
const TAG = 16;
const GCM_TAGS = [4, 8, 12, 13, 14, 15, 16];

// ---- Names ----

const NIDS = { ecb: [418, 422, 426], cbc: [419, 423, 427], ctr: [904, 905, 906], gcm: [895, 898, 901] };
const IV_LENGTHS = { ecb: 0, cbc: BLOCK, ctr: BLOCK, gcm: NONCE };
const CHACHA = { name: 'chacha20-poly1305', nid: 1018, mode: 'stream', keyLength: 32, ivLength: NONCE };

const byName = new Map([[CHACHA.name, CHACHA]]);
const names = [CHACHA.name];

function declare(mode, bits, nid) {
  const usual = `aes-${bits}-${mode}`, id = `id-aes${bits}-GCM`;
  const also = mode === 'gcm' ? [id] : mode === 'cbc' ? [`aes${bits}`] : [];
  const cipher = { name: mode === 'gcm' ? id.toLowerCase() : usual, nid, mode, keyLength: bits / 8, ivLength: IV_LENGTHS[mode] };
  for (const name of [usual, ...also]) byName.set(name.toLowerCase(), cipher);
  names.push(usual, ...also);
}

for (const [mode, nids] of Object.entries(NIDS)) [128, 192, 256].forEach((bits, at) => declare(mode, bits, nids[at]));
names.sort();

const usesBlocks = ({ mode }) => mode === 'ecb' || mode === 'cbc';
const isAead = ({ mode }) => mode === 'gcm' || mode === 'stream';
const takesIv = ({ mode, ivLength }, length) => (mode === 'gcm' ? length > 0 : length === ivLength);

function find(name) {
  const cipher = byName.get(name) ?? byName.get(name.toLowerCase());
  if (cipher === undefined) throw new ERR_CRYPTO_UNKNOWN_CIPHER();
  return cipher;
}

function getCipherInfo(nameOrNid, options) {
  if (typeof nameOrNid === 'number') validateInt32(nameOrNid, 'nameOrNid');
  else if (typeof nameOrNid !== 'string') throw new ERR_INVALID_ARG_TYPE('nameOrNid', ['string', 'number'], nameOrNid);
  if (options !== undefined) validateObject(options, 'options');
  const { keyLength, ivLength } = options ?? {};
  if (keyLength !== undefined) validateInt32(keyLength, 'options.keyLength');
  if (ivLength !== undefined) validateInt32(ivLength, 'options.ivLength');
  const wanted = typeof nameOrNid === 'string' ? byName.get(nameOrNid.toLowerCase()) :
    [...byName.values()].find(({ nid }) => nid === nameOrNid);
  if (wanted === undefined || (keyLength !== undefined && keyLength !== wanted.keyLength)) return undefined;
  if (ivLength !== undefined && !takesIv(wanted, ivLength)) return undefined;
  const info = { mode: wanted.mode, name: wanted.name, nid: wanted.nid };
  if (wanted.mode !== 'stream') info.blockSize = usesBlocks(wanted) ? BLOCK : 1;
  if (wanted.ivLength > 0) info.ivLength = ivLength ?? wanted.ivLength;
  info.keyLength = wanted.keyLength;
  return info;
}

// ---- Arguments ----

const BYTES = ['string', 'ArrayBuffer', 'Buffer', 'TypedArray', 'DataView'];
const KEY = ['ArrayBuffer', 'Buffer', 'TypedArray', 'DataView', 'string', 'KeyObject', 'CryptoKey'];

function stringOption(options, name) {
  const value = options?.[name];
  if (value === undefined || value === null) return undefined;
  validateString(value, `options.${name}`);
  return Buffer.isEncoding(value) ? value : undefined;
}

function uintOption(options, name) {
  const value = options?.[name];
  if (value === undefined || value === null) return undefined;
  if (value >>> 0 !== value) throw new ERR_INVALID_ARG_VALUE(`options.${name}`, value);
  return value;
}

function checkedTagLength(cipher, length) {
  if (!isAead(cipher)) return undefined;
  const fits = cipher.mode === 'gcm' ? GCM_TAGS.includes(length) : length > 0 && length <= TAG;
  if (length !== undefined && !fits) throw new ERR_CRYPTO_INVALID_AUTH_TAG(length);
  return length;
}

// ---- The work, without streams and encodings ----

// As OpenSSL says it: programs match on it.
function providerError(number, reason) {
  return Object.assign(new Error(`error:1C8000${number}:Provider routines::${reason}`), {
    library: 'Provider routines', reason, code: `ERR_OSSL_${reason.toUpperCase().replaceAll(' ', '_')}`,
  });
}

const wrongLength = () => providerError('6B', 'wrong final block length');
const badDecrypt = () => providerError('64', 'bad decrypt');

class Work {
  constructor(cipher, key, iv, encrypts, tagLength) {
    if (key.length !== cipher.keyLength) throw new ERR_CRYPTO_INVALID_KEYLEN();
    if (!takesIv(cipher, iv.length)) throw new ERR_CRYPTO_INVALID_IV();
    this.tagLength = checkedTagLength(cipher, tagLength);
    this.cipher = cipher;
    this.encrypts = encrypts;
    this.mode = new (require('internal/crypto/modes')[cipher.mode])(key, iv, encrypts);
    this.pads = true;
    this.rest = new Uint8Array(0); // of a block that is not whole, or that may be the last one
    this.begun = this.finished = false;
    this.tag = null;
  }

  update(bytes) {
    if (this.finished) throw new Error('Trying to add data in unsupported state');
    this.begun = true;
    return usesBlocks(this.cipher) ? this.#blocks(bytes) : this.mode.update(bytes);
  }

  #blocks(bytes) {
    const all = this.rest.length > 0 ? Buffer.concat([this.rest, bytes]) : bytes;
    // The last block of what is decrypted may be padding: it waits until it is known whether more comes.
    const kept = !this.encrypts && this.pads && all.length > 0 ? (all.length - 1) % BLOCK + 1 : all.length % BLOCK;
    const whole = all.subarray(0, all.length - kept);
    this.rest = new Uint8Array(all.subarray(whole.length));
    return this.mode.update(whole);
  }

  final() {
    if (this.finished) throw Object.assign(new Error('Invalid state'), { code: 'ERR_CRYPTO_INVALID_STATE' });
    this.finished = true;
    if (usesBlocks(this.cipher)) return this.#lastBlock();
    if (isAead(this.cipher)) this.#seal();
    return new Uint8Array(0);
  }

  #lastBlock() {
    const { rest } = this;
    if (!this.pads) {
      if (rest.length % BLOCK !== 0) throw wrongLength();
      return this.mode.update(rest);
    }
    if (!this.encrypts) return this.#unpadded(rest);
    const padded = new Uint8Array(BLOCK).fill(BLOCK - rest.length);
    padded.set(rest);
    return this.mode.update(padded);
  }

  #unpadded(rest) {
    if (rest.length !== BLOCK) throw wrongLength();
    const block = this.mode.update(rest), count = block[BLOCK - 1];
    if (count === 0 || count > BLOCK || block.subarray(BLOCK - count).some((byte) => byte !== count)) throw badDecrypt();
    return block.subarray(0, BLOCK - count);
  }

  #seal() {
    const tag = this.mode.tag();
    if (this.encrypts) {
      this.tag = tag.slice(0, this.tagLength ?? TAG);
    } else if (this.tag === null || !internalBinding('crypto').equal(tag.slice(0, this.tag.length), this.tag)) {
      throw new Error('Unsupported state or unable to authenticate data');
    }
  }

  setAuthTag(tag) {
    if (this.finished || !isAead(this.cipher) || this.tag !== null) throw new ERR_CRYPTO_INVALID_STATE('setAuthTag');
    const wanted = this.tagLength ?? (this.cipher.mode === 'gcm' ? undefined : TAG);
    const fits = wanted === undefined ? GCM_TAGS.includes(tag.length) : tag.length === wanted;
    if (!fits) throw new ERR_CRYPTO_INVALID_AUTH_TAG(tag.length);
    this.tag = new Uint8Array(tag);
  }

  setAAD(bytes) {
    if (this.finished || this.begun || !isAead(this.cipher)) throw new ERR_CRYPTO_INVALID_STATE('setAAD');
    this.mode.aad(bytes);
  }
}

// ---- What scripts see ----

const kWork = Symbol('kWork');
const kOptions = Symbol('kOptions');
const Base = lazyTransform(kWork, kOptions);

function decoderFor(decoder, encoding) {
  const known = normalizeEncoding(encoding);
  decoder ??= new StringDecoder(encoding); // it throws at an unknown one
  if (decoder.encoding === known) return decoder;
  if (known === undefined) throw new ERR_UNKNOWN_ENCODING(encoding);
  throw new ERR_INTERNAL_ASSERTION('Cannot change encoding');
}

const isText = (encoding) => Boolean(encoding) && encoding !== 'buffer';

const shared = {
  _transform(chunk, encoding, callback) {
    this.push(toBuffer(this[kWork].update(dataBytes(chunk, encoding, 'data'))));
    callback();
  },
  _flush(callback) {
    try {
      this.push(toBuffer(this[kWork].final()));
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  },
  update(data, inputEncoding, outputEncoding) {
    const result = toBuffer(this[kWork].update(dataBytes(data, inputEncoding, 'data')));
    if (!isText(outputEncoding)) return result;
    this._decoder = decoderFor(this._decoder, outputEncoding);
    return this._decoder.write(result);
  },
  final(outputEncoding) {
    const result = toBuffer(this[kWork].final());
    if (!isText(outputEncoding)) return result;
    this._decoder = decoderFor(this._decoder, outputEncoding);
    return this._decoder.end(result);
  },
  setAutoPadding(pads) {
    if (this[kWork].finished) throw new ERR_CRYPTO_INVALID_STATE('setAutoPadding');
    this[kWork].pads = pads === undefined || Boolean(pads);
    return this;
  },
};

function getAuthTag() {
  const { tag } = this[kWork];
  if (tag === null) throw new ERR_CRYPTO_INVALID_STATE('getAuthTag');
  return Buffer.from(tag);
}

function setAuthTag(tag, encoding) {
  this[kWork].setAuthTag(secretBytes(tag, 'buffer', BYTES, encoding));
  return this;
}

function setAAD(aad, options) {
  const encoding = stringOption(options, 'encoding');
  uintOption(options, 'plaintextLength');
  this[kWork].setAAD(secretBytes(aad, 'aadbuf', BYTES, encoding));
  return this;
}

function setUp(self, work, options) {
  self[kWork] = work;
  self[kOptions] = options;
  self._decoder = null;
}

function withIv(encrypts, name, key, iv, options) {
  validateString(name, 'cipher');
  key = secretBytes(key, 'key', KEY, stringOption(options, 'encoding'));
  iv = iv === null ? new Uint8Array(0) : secretBytes(iv, 'iv', BYTES);
  const tagLength = uintOption(options, 'authTagLength');
  return new Work(find(name), key, iv, encrypts, tagLength);
}

const warnOfCounter = (name) => process.emitWarning(`Use Cipheriv for counter mode of ${name}`);

// OpenSSL's EVP_BytesToKey with MD5, no salt and one round.
function fromPassword(encrypts, name, password, options) {
  validateString(name, 'cipher');
  password = secretBytes(password, 'password', BYTES);
  const tagLength = uintOption(options, 'authTagLength');
  const cipher = find(name), wanted = cipher.keyLength + cipher.ivLength;
  if (encrypts && (cipher.mode === 'ctr' || cipher.mode === 'gcm')) warnOfCounter(name);
  let made = Buffer.alloc(0), last = made;
  while (made.length < wanted) {
    last = begin(findDigest('md5')).update(Buffer.concat([last, password])).digest();
    made = Buffer.concat([made, last]);
  }
  return new Work(cipher, made.subarray(0, cipher.keyLength), made.subarray(cipher.keyLength, wanted), encrypts, tagLength);
}

function Cipheriv(cipher, key, iv, options) {
  if (!new.target) return new Cipheriv(cipher, key, iv, options);
  setUp(this, withIv(true, cipher, key, iv, options), options);
}

function Decipheriv(cipher, key, iv, options) {
  if (!new.target) return new Decipheriv(cipher, key, iv, options);
  setUp(this, withIv(false, cipher, key, iv, options), options);
}

function Cipher(cipher, password, options) {
  if (!new.target) return new Cipher(cipher, password, options);
  setUp(this, fromPassword(true, cipher, password, options), options);
}

function Decipher(cipher, password, options) {
  if (!new.target) return new Decipher(cipher, password, options);
  setUp(this, fromPassword(false, cipher, password, options), options);
}

for (const Class of [Cipheriv, Decipheriv, Cipher, Decipher]) {
  const own = Class === Cipheriv || Class === Cipher ? { getAuthTag } : { setAuthTag };
  Object.setPrototypeOf(Class.prototype, Base.prototype);
  Object.setPrototypeOf(Class, Base);
  Object.assign(Class.prototype, shared, own, { setAAD });
}

module.exports = {
  Cipheriv, Decipheriv, Cipher, Decipher, getCipherInfo,
  getCiphers: () => names.slice(),
  createCipheriv: (cipher, key, iv, options) => new Cipheriv(cipher, key, iv, options),
  createDecipheriv: (cipher, key, iv, options) => new Decipheriv(cipher, key, iv, options),
  createCipher: deprecate((cipher, password, options) => new Cipher(cipher, password, options),
    'crypto.createCipher() is deprecated.', 'DEP0106'),
  createDecipher: deprecate((cipher, password, options) => new Decipher(cipher, password, options),
    'crypto.createDecipher() is deprecated.', 'DEP0106'),
};

// Modes of operation that take their data in pieces, over @noble/ciphers' primitives, which take it whole. Each has
// update(bytes) and the AEAD ones aad(bytes) and tag() besides. Knows keys of the right length only: cipher.js has checked
// them. Must not know names, padding or errors.
'use strict';

const { cbc, chacha20, ecb, ghash, poly1305, unsafe } = require('internal/deps/noble-ciphers');

const BLOCK = 16;
const CHACHA_BLOCK = 64;
const GHASH_TABLE = 2048; // a message of so many bytes: noble's table of middle size

// A Buffer's slice() would be the same bytes.
const copy = (bytes) => new Uint8Array(bytes);

// ---- Whole blocks in, whole blocks out ----

// noble's ciphers encrypt once each.
class Ecb {
  constructor(key, iv, encrypts) {
    this.key = copy(key);
    this.encrypts = encrypts;
  }

  update(bytes) {
    const cipher = ecb(this.key, { disablePadding: true });
    return this.encrypts ? cipher.encrypt(bytes) : cipher.decrypt(bytes);
  }
}

// Each piece goes on from the last block of the one before, as it was sent.
class Cbc {
  constructor(key, iv, encrypts) {
    this.key = copy(key);
    this.iv = copy(iv);
    this.encrypts = encrypts;
  }

  update(bytes) {
    const cipher = cbc(this.key, this.iv, { disablePadding: true });
    const result = this.encrypts ? cipher.encrypt(bytes) : cipher.decrypt(bytes);
    if (bytes.length > 0) this.iv = copy((this.encrypts ? result : bytes).subarray(-BLOCK));
    return result;
  }
}

// ---- A stream of key bytes: any length in, the same length out ----

// `step` is given whole blocks and the beginning of one, and moves its counter on by the whole ones. What is used of the
// block under way is gone through again.
class KeyStream {
  constructor(block, step) {
    this.block = block;
    this.step = step;
    this.used = 0;
  }

  update(bytes) {
    const { used } = this;
    const source = new Uint8Array(used + bytes.length);
    source.set(bytes, used);
    this.used = source.length % this.block;
    return this.step(source).subarray(used);
  }
}

class Ctr extends KeyStream {
  constructor(key, iv) {
    const expanded = unsafe.expandKeyLE(key), counter = copy(iv);
    super(BLOCK, (source) => unsafe.ctrCounter(expanded, counter, source));
  }
}

// ---- Authenticated ----

// Hands whole blocks to a MAC, and fills up with zeros where the text ends.
class Blocks {
  constructor(mac) {
    this.mac = mac;
    this.rest = new Uint8Array(BLOCK);
    this.count = 0;
    this.length = 0;
  }

  update(bytes) {
    this.length += bytes.length;
    let at = 0;
    if (this.count > 0) {
      at = Math.min(BLOCK - this.count, bytes.length);
      this.rest.set(bytes.subarray(0, at), this.count);
      this.count += at;
      if (this.count === BLOCK) this.pad();
    }
    const end = bytes.length - (bytes.length - at) % BLOCK;
    if (end > at) this.mac.update(bytes.subarray(at, end));
    if (end >= at && end < bytes.length) {
      this.rest.set(bytes.subarray(end));
      this.count = bytes.length - end;
    }
  }

  pad() {
    if (this.count === 0) return;
    this.rest.fill(0, this.count);
    this.mac.update(this.rest);
    this.count = 0;
  }
}

class Aead {
  constructor(encrypts, stream, mac) {
    this.encrypts = encrypts;
    this.stream = stream;
    this.blocks = new Blocks(mac);
    this.associated = -1; // bytes, once all are there
  }

  aad(bytes) {
    this.blocks.update(bytes);
  }

  update(bytes) {
    this.#begin();
    const result = this.stream.update(bytes);
    this.blocks.update(this.encrypts ? result : bytes);
    return result;
  }

  #begin() {
    if (this.associated !== -1) return;
    this.associated = this.blocks.length;
    this.blocks.length = 0;
    this.blocks.pad();
  }

  tag() {
    this.#begin();
    this.blocks.pad();
    const { mac } = this.blocks;
    return this.seal(mac.update(this.lengths(this.associated, this.blocks.length)).digest());
  }
}

// Two lengths in bits, the first byte the highest.
function bitLengths(a, b) {
  const bytes = new Uint8Array(BLOCK), view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(a) * 8n);
  view.setBigUint64(8, BigInt(b) * 8n);
  return bytes;
}

class Gcm extends Aead {
  constructor(key, iv, encrypts) {
    const expanded = unsafe.expandKeyLE(key);
    const hashKey = ecb(key, { disablePadding: true }).encrypt(new Uint8Array(BLOCK));
    const first = firstCounter(hashKey, iv), mask = new Uint8Array(BLOCK);
    const counter = copy(first);
    // The first block of the key stream is the tag's: the text begins at the next.
    mask.set(unsafe.ctr32(expanded, false, counter, mask));
    const stream = new KeyStream(BLOCK, (source) => unsafe.ctr32(expanded, false, counter, source));
    super(encrypts, stream, ghash.create(hashKey, GHASH_TABLE));
    this.mask = mask;
  }

  lengths(associated, text) {
    return bitLengths(associated, text);
  }

  seal(digest) {
    return digest.map((byte, at) => byte ^ this.mask[at]);
  }
}

function firstCounter(hashKey, iv) {
  const counter = new Uint8Array(BLOCK);
  if (iv.length === 12) {
    counter.set(iv);
    counter[BLOCK - 1] = 1;
    return counter;
  }
  return ghash.create(hashKey, GHASH_TABLE).update(iv).update(bitLengths(0, iv.length)).digest();
}

class ChaChaPoly extends Aead {
  constructor(key, iv, encrypts) {
    key = copy(key);
    iv = copy(iv);
    let counter = 1; // block 0 is the MAC's key
    const stream = new KeyStream(CHACHA_BLOCK, (source) => {
      const result = chacha20(key, iv, source, undefined, counter);
      counter += Math.floor(source.length / CHACHA_BLOCK);
      return result;
    });
    super(encrypts, stream, poly1305.create(chacha20(key, iv, new Uint8Array(32))));
  }

  lengths(associated, text) {
    const bytes = new Uint8Array(BLOCK), view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(associated), true);
    view.setBigUint64(8, BigInt(text), true);
    return bytes;
  }

  seal(digest) {
    return digest;
  }
}

module.exports = { ecb: Ecb, cbc: Cbc, ctr: Ctr, gcm: Gcm, stream: ChaChaPoly };

// HPACK (RFC 7541): lists of fields to header blocks and back. A decoder and an encoder each have a dynamic table. A block
// that is wrong throws a CompressionError. Knows no frame, and not what a field means.
'use strict';

const huffman = require('internal/http2/huffman');

const STATIC = (':authority;:method=GET;:method=POST;:path=/;:path=/index.html;:scheme=http;:scheme=https;:status=200;' +
  ':status=204;:status=206;:status=304;:status=400;:status=404;:status=500;accept-charset;accept-encoding=gzip, deflate;' +
  'accept-language;accept-ranges;accept;access-control-allow-origin;age;allow;authorization;cache-control;' +
  'content-disposition;content-encoding;content-language;content-length;content-location;content-range;content-type;cookie;' +
  'date;etag;expect;expires;from;host;if-match;if-modified-since;if-none-match;if-range;if-unmodified-since;last-modified;' +
  'link;location;max-forwards;proxy-authenticate;proxy-authorization;range;referer;refresh;retry-after;server;set-cookie;' +
  'strict-transport-security;transfer-encoding;user-agent;vary;via;www-authenticate').split(';').map((entry) => {
  const at = entry.indexOf('=');
  return at === -1 ? { name: entry, value: '' } : { name: entry.slice(0, at), value: entry.slice(at + 1) };
});
const FIRST_DYNAMIC = STATIC.length + 1;
const OVERHEAD = 32; // what an entry costs beside its text (section 4.1)
const MOST_SIZE = 2 ** 32 - 1;

class CompressionError extends Error {}

const keyOf = (name, value) => `${name}\n${value}`;
const staticFields = new Map(), staticNames = new Map();
STATIC.forEach(({ name, value }, at) => {
  staticFields.set(keyOf(name, value), at + 1);
  if (!staticNames.has(name)) staticNames.set(name, at + 1);
});

// The entries in the order of their coming; the newest has the lowest index.
class Table {
  constructor(capacity) {
    this.capacity = capacity;
    this.size = 0;
    this.entries = [];
    this.first = 0; // of `entries`, those before it are gone
    this.dropped = 0; // how many have left the front of `entries`
    this.version = 0; // another after each change: what was made from the table before may be wrong now
  }

  get length() { return this.entries.length - this.first; }

  // undefined where there is none.
  at(index) {
    const at = this.entries.length - 1 - index;
    return at >= this.first ? this.entries[at] : undefined;
  }

  add(name, value, onEvict) {
    const size = name.length + value.length + OVERHEAD;
    this.version++;
    this.makeRoom(this.capacity - size, onEvict);
    if (size > this.capacity) return false;
    this.entries.push({ name, value, size });
    this.size += size;
    return true;
  }

  makeRoom(most, onEvict) {
    while (this.size > most && this.length > 0) {
      const entry = this.entries[this.first];
      this.entries[this.first++] = undefined;
      this.size -= entry.size;
      if (onEvict !== undefined) onEvict(entry, this.dropped + this.first - 1);
    }
    if (this.first > 64 && this.first * 2 > this.entries.length) {
      this.entries.splice(0, this.first);
      this.dropped += this.first;
      this.first = 0;
    }
  }

  resize(capacity, onEvict) {
    this.capacity = capacity;
    this.version++;
    this.makeRoom(capacity, onEvict);
  }
}

// ---- Reading ----

class Decoder {
  // `limit`: the SETTINGS_HEADER_TABLE_SIZE that the peer has acknowledged.
  constructor(limit = 4096) {
    this.limit = limit;
    this.table = new Table(limit);
    this.bytes = null;
    this.pos = 0;
  }

  // A smaller table must be confirmed by the next block.
  setLimit(limit) {
    this.limit = limit;
  }

  // Tells `onField(name, value, neverIndexed)` each field. Strings of the table are shared, not copied: naming an entry often
  // costs its reader no memory but the list's.
  decode(bytes, onField) {
    this.bytes = bytes;
    this.pos = 0;
    this.sizeUpdates();
    const { length } = bytes;
    while (this.pos < length) {
      const byte = bytes[this.pos];
      if (byte >= 0x80) {
        let index = byte & 127;
        if (index < 127) this.pos++;
        else index = this.integer(7);
        const entry = this.entry(index);
        onField(entry.name, entry.value, false);
      } else if (byte >= 0x40) {
        const name = this.name(6), value = this.string();
        this.table.add(name, value);
        onField(name, value, false);
      } else if (byte >= 0x20) {
        throw new CompressionError('a table size update after a field');
      } else {
        const name = this.name(4);
        onField(name, this.string(), byte >= 0x10);
      }
    }
    this.bytes = null;
  }

  sizeUpdates() {
    while (this.pos < this.bytes.length && (this.bytes[this.pos] & 0xe0) === 0x20) {
      const size = this.integer(5);
      if (size > this.limit) throw new CompressionError('a table larger than was allowed');
      this.table.resize(size);
    }
    if (this.table.capacity > this.limit && this.bytes.length > 0) throw new CompressionError('a smaller table was not confirmed');
  }

  entry(index) {
    const entry = index < FIRST_DYNAMIC ? STATIC[index - 1] : this.table.at(index - FIRST_DYNAMIC);
    if (entry === undefined) throw new CompressionError('no such index');
    return entry;
  }

  name(prefix) {
    const index = this.integer(prefix);
    return index === 0 ? this.string() : this.entry(index).name;
  }

  integer(prefix) {
    const { bytes } = this;
    const most = (1 << prefix) - 1;
    let value = bytes[this.pos++] & most;
    if (value < most) return value;
    for (let scale = 1; ; scale *= 128) {
      if (this.pos >= bytes.length) throw new CompressionError('an integer is cut short');
      const byte = bytes[this.pos++];
      value += (byte & 127) * scale;
      if (value > MOST_SIZE || scale > 2 ** 28) throw new CompressionError('an integer is too large');
      if (byte < 128) return value;
    }
  }

  string() {
    const { bytes } = this;
    if (this.pos >= bytes.length) throw new CompressionError('a string is missing');
    const coded = bytes[this.pos] >= 128;
    const length = this.integer(7);
    const start = this.pos, end = start + length;
    if (end > bytes.length) throw new CompressionError('a string is cut short');
    this.pos = end;
    if (!coded) return bytes.latin1Slice(start, end);
    const text = huffman.decode(bytes, start, end);
    if (text === undefined) throw new CompressionError('a string is no Huffman code');
    return text;
  }
}

// ---- Writing ----

// Values that are another in each message would push out those that come again.
const NOT_KEPT = new Set(['age', 'content-length', 'content-range', 'etag', 'if-modified-since', 'if-none-match', 'last-modified',
  'location', 'set-cookie', ':path']);

const KEPT_BLOCK = 256;

function isSame(one, other) {
  if (one.length !== other.length) return false;
  for (let i = one.length - 1; i >= 0; i--) if (one[i] !== other[i]) return false; // what changes comes late
  return true;
}

class Encoder {
  // `most`: what we want to keep at most, whatever the peer allows.
  constructor(most = 4096) {
    this.most = most;
    this.table = new Table(Math.min(4096, most));
    this.found = new Map(); // name and value to the number of its entry
    this.pendingSizes = this.table.capacity === 4096 ? [] : [this.table.capacity];
    this.bytes = Buffer.allocUnsafeSlow(1024);
    this.pos = 0;
    // A block is made of fields and table alone: what was said last needs no making while the table is the same.
    this.lastFields = null;
    this.lastBlock = null;
    this.lastVersion = -1;
    this.forget = (entry, number) => {
      const key = keyOf(entry.name, entry.value);
      if (this.found.get(key) === number) this.found.delete(key);
    };
  }

  // The peer's SETTINGS_HEADER_TABLE_SIZE. Both the smallest and the last value between two blocks are told (section 4.2).
  setLimit(limit) {
    const size = Math.min(limit, this.most);
    if (size === this.table.capacity && this.pendingSizes.length === 0) return;
    this.table.resize(size, this.forget);
    const smallest = Math.min(size, ...this.pendingSizes);
    this.pendingSizes = smallest < size ? [smallest, size] : [size];
  }

  // `fields`: name, value, name, value...; `never`: names whose values no one on the way may keep, or null.
  encode(fields, never) {
    const { version } = this.table;
    const isPlain = never === null && this.pendingSizes.length === 0;
    if (isPlain && this.lastVersion === version && isSame(fields, this.lastFields)) return this.lastBlock;
    this.pos = 0;
    for (const size of this.pendingSizes) {
      this.reserve(8);
      this.integer(size, 5, 0x20);
    }
    this.pendingSizes.length = 0;
    for (let i = 0; i < fields.length; i += 2) this.field(fields[i], fields[i + 1], never !== null && never.has(fields[i]));
    const block = Buffer.allocUnsafe(this.pos);
    this.bytes.copy(block, 0, 0, this.pos);
    if (isPlain && version === this.table.version && block.length <= KEPT_BLOCK) {
      this.lastFields = fields;
      this.lastBlock = block;
      this.lastVersion = version;
    }
    return block;
  }

  field(name, value, sensitive) {
    // What was said before, mostly: one look, one octet.
    const key = keyOf(name, value);
    const known = sensitive ? undefined : this.indexOf(key);
    if (known !== undefined) {
      this.reserve(8);
      this.integer(known, 7, 0x80);
      return;
    }
    this.newField(name, value, key, sensitive);
  }

  newField(name, value, key, sensitive) {
    // Short secrets could be guessed by how well they compress (RFC 7541, section 7.1).
    if (name === 'authorization' || (name === 'cookie' && value.length < 20)) sensitive = true;
    this.reserve(2 * (name.length + value.length) + 24);
    const nameIndex = this.nameIndex(name);
    if (sensitive) {
      this.literal(nameIndex, name, value, 4, 0x10);
      return;
    }
    const known = staticFields.get(key);
    if (known !== undefined) {
      this.integer(known, 7, 0x80);
    } else if (NOT_KEPT.has(name) || name.length + value.length + OVERHEAD > this.table.capacity / 2) {
      this.literal(nameIndex, name, value, 4, 0);
    } else {
      this.literal(nameIndex, name, value, 6, 0x40);
      this.table.add(name, value, this.forget);
      this.found.set(key, this.table.dropped + this.table.entries.length - 1);
    }
  }

  indexOf(key) {
    const number = this.found.get(key);
    if (number === undefined) return undefined;
    return FIRST_DYNAMIC + this.table.dropped + this.table.entries.length - 1 - number;
  }

  nameIndex(name) { return staticNames.get(name) ?? 0; }

  literal(nameIndex, name, value, prefix, pattern) {
    this.integer(nameIndex, prefix, pattern);
    if (nameIndex === 0) this.string(name);
    this.string(value);
  }

  integer(value, prefix, pattern) {
    const most = (1 << prefix) - 1, { bytes } = this;
    if (value < most) {
      bytes[this.pos++] = pattern | value;
      return;
    }
    bytes[this.pos++] = pattern | most;
    for (value -= most; value >= 128; value = Math.floor(value / 128)) bytes[this.pos++] = value % 128 + 128;
    bytes[this.pos++] = value;
  }

  string(text) {
    const coded = huffman.encodedLength(text);
    if (coded < text.length) {
      this.integer(coded, 7, 0x80);
      this.pos = huffman.encode(text, this.bytes, this.pos);
    } else {
      this.integer(text.length, 7, 0);
      this.pos += this.bytes.latin1Write(text, this.pos);
    }
  }

  reserve(more) {
    if (this.pos + more <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * this.bytes.length + more);
    this.bytes.copy(larger, 0, 0, this.pos);
    this.bytes = larger;
  }
}

module.exports = { CompressionError, Decoder, Encoder };

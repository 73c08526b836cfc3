// DNS messages (RFC 1035): a query's bytes, and an answer's records out of bytes that anybody may have sent. Must not know
// how they travel.
'use strict';

const { textOf } = require('internal/net/address');

const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16, AAAA: 28, SRV: 33, NAPTR: 35, ANY: 255, CAA: 257 };
const NAMES = new Map(Object.entries(TYPES).map(([name, number]) => [number, name]));
const IN = 1;
const HEADER = 12;
const LABEL_MOST = 63, NAME_MOST = 255;
const TRUNCATED = 0x0200, RESPONSE = 0x8000, RECURSION = 0x0100;

class BadMessage extends Error {}

// The labels of a name, each a length and its bytes; undefined when it is none.
function encodeName(name) {
  const parts = [];
  const labels = name.endsWith('.') ? name.slice(0, -1).split('.') : name.split('.');
  if (name !== '' && name !== '.') {
    for (const label of labels) {
      const bytes = Buffer.from(label, 'latin1');
      if (bytes.length === 0 || bytes.length > LABEL_MOST) return undefined;
      parts.push(Buffer.from([bytes.length]), bytes);
    }
  }
  const whole = Buffer.concat([...parts, Buffer.from([0])]);
  return whole.length > NAME_MOST ? undefined : whole;
}

function encodeQuery(id, name, type) {
  const labels = encodeName(name);
  if (labels === undefined) return undefined;
  const head = Buffer.alloc(HEADER), tail = Buffer.alloc(4);
  head.writeUInt16BE(id, 0);
  head.writeUInt16BE(RECURSION, 2);
  head.writeUInt16BE(1, 4);
  tail.writeUInt16BE(TYPES[type], 0);
  tail.writeUInt16BE(IN, 2);
  return Buffer.concat([head, labels, tail]);
}

// A cursor that never leaves the message.
class Reader {
  constructor(bytes, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  need(count) {
    if (this.at + count > this.end) throw new BadMessage('cut off');
    this.at += count;
    return this.at - count;
  }

  u8() { return this.bytes[this.need(1)]; }
  u16() { return this.bytes.readUInt16BE(this.need(2)); }
  u32() { return this.bytes.readUInt32BE(this.need(4)); }
  take(count) { return this.bytes.subarray(this.need(count), this.at); }
  text() { return this.take(this.u8()).toString('latin1'); }
  get left() { return this.end - this.at; }

  // Pointers lead backwards only, so that a name ends.
  name() {
    const labels = [];
    let size = 0, limit = this.at;
    for (let reader = this; ;) {
      const start = reader.at, length = reader.u8();
      if (length === 0) break;
      if ((length & 0xc0) === 0xc0) {
        const to = (length & 0x3f) << 8 | reader.u8();
        limit = Math.min(limit, start);
        if (to >= limit) throw new BadMessage('a pointer that does not lead back');
        limit = to;
        reader = new Reader(this.bytes, to);
        continue;
      }
      if (length > LABEL_MOST || (size += length + 1) > NAME_MOST) throw new BadMessage('a name too long');
      labels.push(escaped(reader.take(length)));
    }
    return labels.join('.');
  }
}

// A name goes on as text: what would not be one label, or not printable, is written as RFC 1035 says.
function escaped(bytes) {
  let text = '';
  for (const byte of bytes) {
    if (byte === 0x2e || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte > 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${String(byte).padStart(3, '0')}`;
  }
  return text;
}

const READ = {
  A: (r) => ({ address: r.take(4).join('.') }),
  AAAA: (r) => ({ address: textOf(Array.from({ length: 8 }, () => r.u16())) }),
  NS: (r) => ({ value: r.name() }),
  CNAME: (r) => ({ value: r.name() }),
  PTR: (r) => ({ value: r.name() }),
  MX: (r) => ({ priority: r.u16(), exchange: r.name() }),
  SRV: (r) => ({ priority: r.u16(), weight: r.u16(), port: r.u16(), name: r.name() }),
  TXT(r) {
    const entries = [];
    while (r.left > 0) entries.push(r.take(r.u8()).toString('utf8'));
    return { entries };
  },
  NAPTR: (r) => ({
    order: r.u16(), preference: r.u16(), flags: r.text(), service: r.text(), regexp: r.text(), replacement: r.name(),
  }),
  SOA: (r) => ({
    nsname: r.name(), hostmaster: r.name(), serial: r.u32(), refresh: r.u32(), retry: r.u32(), expire: r.u32(), minttl: r.u32(),
  }),
  CAA(r) {
    const critical = r.u8(), tag = r.text();
    return { critical, tag, value: r.take(r.left).toString('latin1') };
  },
};

function readRecord(reader) {
  reader.name();
  const number = reader.u16(), cls = reader.u16(), ttl = reader.u32(), length = reader.u16();
  const start = reader.need(length);
  const type = NAMES.get(number);
  if (cls !== IN || READ[type] === undefined) return null;
  const inner = new Reader(reader.bytes, start, start + length);
  const fields = READ[type](inner);
  if (inner.left !== 0) throw new BadMessage('a record of the wrong size');
  return { type, ttl, fields };
}

// { rcode, truncated, records } of the answer to this query; null when it answers something else; throws when it is
// malformed.
function decodeAnswer(bytes, id, name, type) {
  if (bytes.length < HEADER || bytes.readUInt16BE(0) !== id) return null;
  const flags = bytes.readUInt16BE(2);
  if (!(flags & RESPONSE)) return null;
  const reader = new Reader(bytes, 4);
  const questions = reader.u16(), answers = reader.u16();
  reader.u32();
  if (questions !== 1) return null;
  const asked = reader.name(), askedType = reader.u16(), cls = reader.u16();
  const plain = name.endsWith('.') ? name.slice(0, -1) : name;
  if (asked.toLowerCase() !== plain.toLowerCase() || askedType !== TYPES[type] || cls !== IN) return null;
  const truncated = (flags & TRUNCATED) !== 0;
  const records = [];
  if (!truncated) {
    for (let i = 0; i < answers; i++) {
      const record = readRecord(reader);
      if (record !== null) records.push(record);
    }
  }
  return { rcode: flags & 15, truncated, records };
}

module.exports = { TYPES, BadMessage, encodeQuery, decodeAnswer };

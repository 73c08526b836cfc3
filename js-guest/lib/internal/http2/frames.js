// HTTP/2 frames (RFC 9113, section 4 and 6): values to bytes, and a frame's payload to values. A payload that cannot be
// what its type says throws a FrameFault. Keeps no state, and knows no stream.
'use strict';

const type = {
  DATA: 0, HEADERS: 1, PRIORITY: 2, RST_STREAM: 3, SETTINGS: 4, PUSH_PROMISE: 5, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8,
  CONTINUATION: 9, ALTSVC: 10, ORIGIN: 12,
};
const flag = { END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 };
const HEAD = 9;
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const ID_MASK = 0x7fffffff;

// `code` is RFC 9113's; the connection ends with it.
class FrameFault extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
const PROTOCOL_ERROR = 1, FRAME_SIZE_ERROR = 6;

// ---- Writing ----

function head(length, kind, flags, id, room = length) {
  const bytes = Buffer.allocUnsafe(HEAD + room);
  bytes[0] = length >> 16;
  bytes[1] = length >> 8;
  bytes[2] = length;
  bytes[3] = kind;
  bytes[4] = flags;
  bytes.writeUInt32BE(id, 5);
  return bytes;
}

// A frame of DATA, HEADERS or PUSH_PROMISE with `padding` octets after its payload (0: none; else its own length octet is one
// of them). The payload is copied: small writes become one.
function padded(kind, flags, id, prefix, payload, start, end, padding) {
  const length = prefix.length + end - start + padding;
  const bytes = head(length, kind, padding > 0 ? flags | flag.PADDED : flags, id);
  let at = HEAD;
  if (padding > 0) bytes[at++] = padding - 1;
  bytes.set(prefix, at);
  at += prefix.length;
  payload.copy(bytes, at, start, end);
  if (padding > 1) bytes.fill(0, bytes.length - padding + 1);
  return bytes;
}

const NOTHING = Buffer.alloc(0);

function data(id, payload, start, end, ends, padding = 0) {
  return padded(type.DATA, ends ? flag.END_STREAM : 0, id, NOTHING, payload, start, end, padding);
}

// A header block as one frame, or as one with CONTINUATIONs after it.
function block(kind, flags, id, prefix, fields, most, padding = 0) {
  if (prefix.length + fields.length + padding <= most) {
    return padded(kind, flags | flag.END_HEADERS, id, prefix, fields, 0, fields.length, padding);
  }
  let at = most - prefix.length;
  const frames = [padded(kind, flags, id, prefix, fields, 0, at, 0)];
  while (at < fields.length) {
    const end = Math.min(fields.length, at + most);
    frames.push(padded(type.CONTINUATION, end === fields.length ? flag.END_HEADERS : 0, id, NOTHING, fields, at, end, 0));
    at = end;
  }
  return Buffer.concat(frames);
}

function headers(id, fields, ends, most, padding) {
  return block(type.HEADERS, ends ? flag.END_STREAM : 0, id, NOTHING, fields, most, padding);
}

function headersWithPriority(id, fields, ends, most, { parent, weight, exclusive }) {
  const prefix = Buffer.allocUnsafe(5);
  prefix.writeUInt32BE((exclusive ? 0x80000000 : 0) + parent, 0);
  prefix[4] = weight - 1;
  return block(type.HEADERS, flag.PRIORITY | (ends ? flag.END_STREAM : 0), id, prefix, fields, most);
}

function pushPromise(id, promised, fields, most) {
  const prefix = Buffer.allocUnsafe(4);
  prefix.writeUInt32BE(promised, 0);
  return block(type.PUSH_PROMISE, 0, id, prefix, fields, most);
}

function priority(id, { parent, weight, exclusive }) {
  const bytes = head(5, type.PRIORITY, 0, id);
  bytes.writeUInt32BE((exclusive ? 0x80000000 : 0) + parent, HEAD);
  bytes[HEAD + 4] = weight - 1;
  return bytes;
}

function withNumber(kind, id, number) {
  const bytes = head(4, kind, 0, id);
  bytes.writeUInt32BE(number, HEAD);
  return bytes;
}

const rstStream = (id, code) => withNumber(type.RST_STREAM, id, code);
const windowUpdate = (id, increment) => withNumber(type.WINDOW_UPDATE, id, increment);

// Pairs of an identifier and a value, flat.
function settings(pairs) {
  const bytes = head(pairs.length * 3, type.SETTINGS, 0, 0);
  for (let i = 0; i < pairs.length; i += 2) {
    bytes.writeUInt16BE(pairs[i], HEAD + i * 3);
    bytes.writeUInt32BE(pairs[i + 1], HEAD + i * 3 + 2);
  }
  return bytes;
}

const settingsAck = () => head(0, type.SETTINGS, flag.ACK, 0);

function ping(payload, ack) {
  const bytes = head(8, type.PING, ack ? flag.ACK : 0, 0);
  bytes.set(payload, HEAD);
  return bytes;
}

function goaway(lastId, code, opaque) {
  const bytes = head(8 + (opaque?.length ?? 0), type.GOAWAY, 0, 0);
  bytes.writeUInt32BE(lastId, HEAD);
  bytes.writeUInt32BE(code, HEAD + 4);
  if (opaque) bytes.set(opaque, HEAD + 8);
  return bytes;
}

function altsvc(id, origin, value) {
  const bytes = head(2 + origin.length + value.length, type.ALTSVC, 0, id);
  bytes.writeUInt16BE(origin.length, HEAD);
  bytes.latin1Write(origin, HEAD + 2);
  bytes.latin1Write(value, HEAD + 2 + origin.length);
  return bytes;
}

function origin(names) {
  const length = names.reduce((sum, name) => sum + 2 + name.length, 0);
  const bytes = head(length, type.ORIGIN, 0, 0);
  let at = HEAD;
  for (const name of names) {
    bytes.writeUInt16BE(name.length, at);
    bytes.latin1Write(name, at + 2);
    at += 2 + name.length;
  }
  return bytes;
}

// ---- Reading ----

// The payload without its padding. An empty frame for padding alone is right.
function unpadded(payload, flags) {
  if ((flags & flag.PADDED) === 0) return payload;
  if (payload.length === 0) throw new FrameFault(FRAME_SIZE_ERROR, 'a padded frame without the length of its padding');
  const padding = payload[0];
  if (padding >= payload.length) throw new FrameFault(PROTOCOL_ERROR, 'more padding than frame');
  return payload.subarray(1, payload.length - padding);
}

// What stands before a header block: { parent, weight, exclusive } or null.
function readPriority(payload) {
  if (payload.length < 5) throw new FrameFault(FRAME_SIZE_ERROR, 'a priority is cut short');
  const first = payload.readUInt32BE(0);
  return { parent: first & ID_MASK, weight: payload[4] + 1, exclusive: first > ID_MASK };
}

function exactly(payload, length, what) {
  if (payload.length !== length) throw new FrameFault(FRAME_SIZE_ERROR, `${what} has another length`);
}

function readNumber(payload, what) {
  exactly(payload, 4, what);
  return payload.readUInt32BE(0);
}

function readSettings(payload) {
  if (payload.length % 6 !== 0) throw new FrameFault(FRAME_SIZE_ERROR, 'SETTINGS that are no pairs');
  const pairs = [];
  for (let at = 0; at < payload.length; at += 6) pairs.push(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
  return pairs;
}

function readGoaway(payload) {
  if (payload.length < 8) throw new FrameFault(FRAME_SIZE_ERROR, 'a GOAWAY is cut short');
  return {
    lastId: payload.readUInt32BE(0) & ID_MASK, code: payload.readUInt32BE(4),
    opaque: payload.length > 8 ? Buffer.from(payload.subarray(8)) : undefined,
  };
}

// { origin, value } or null: an ALTSVC that makes no sense is passed over (RFC 7838, section 4).
function readAltsvc(payload) {
  const length = payload.length < 2 ? -1 : payload.readUInt16BE(0);
  if (length < 0 || 2 + length > payload.length) return null;
  return { origin: payload.latin1Slice(2, 2 + length), value: payload.latin1Slice(2 + length) };
}

function readOrigin(payload) {
  const names = [];
  for (let at = 0; at + 2 <= payload.length;) {
    const end = at + 2 + payload.readUInt16BE(at);
    if (end > payload.length) return null;
    names.push(payload.latin1Slice(at + 2, end));
    at = end;
  }
  return names;
}

module.exports = {
  type, flag, HEAD, PREFACE, ID_MASK, FrameFault, exactly,
  data, headers, headersWithPriority, pushPromise, priority, rstStream, windowUpdate, settings, settingsAck, ping, goaway,
  altsvc, origin,
  unpadded, readPriority, readNumber, readSettings, readGoaway, readAltsvc, readOrigin,
};

// What an HTTP/2 peer says, judged by RFC 9113: a function for each type of frame. What ends the connection is thrown
// (FrameFault, ConnectionFault); what ends one stream is answered with RST_STREAM. Everything that a peer can have repeated
// is counted here or bounded by the connection.
'use strict';

const frames = require('internal/http2/frames');
const { CompressionError } = require('internal/http2/hpack');
const { ListCheck } = require('internal/http2/headers');
const settings = require('internal/http2/settings');
const { code, fault, ConnectionFault } = require('internal/http2/errors');

const { type, flag, FrameFault, exactly, unpadded } = frames;
const { MOST_WINDOW } = settings;
const FIELD_OVERHEAD = 32;
const MOST_CONTINUATIONS = 8;
// Octets of a request's header block that is kept, in case that it comes again.
const KEPT_BLOCK = 256;
// A header list is at most this while decoding, whatever maxHeaderListSize says.
const MOST_LIST = 65536;
// Pieces of DATA that wait for the script, and their mean size: more and smaller ones are an attack on memory.
const MANY_PIECES = 1024, SMALL_PIECE = 64;

const protocolError = (reason) => new ConnectionFault(code.PROTOCOL_ERROR, reason);

function onFrame(connection, kind, flags, id, payload) {
  if (!connection.gotSettings) {
    if (kind !== type.SETTINGS || (flags & flag.ACK)) throw protocolError('SETTINGS expected');
    connection.gotSettings = true;
  }
  const { block } = connection;
  if (block !== null && (kind !== type.CONTINUATION || id !== block.id)) throw protocolError('CONTINUATION expected');
  handlers[kind]?.(connection, flags, id, payload);
  return !connection.failed;
}

// Whether a stream of this id has never been. Those that were begun are known by the last id of each side.
function isIdle(connection, id) {
  const isOwn = (id % 2 === 1) !== connection.isServer;
  return isOwn ? id >= connection.nextId : id > connection.lastPeerId;
}

const needStream = (id, what) => {
  if (id === 0) throw protocolError(`${what} on stream 0`);
};
const needConnection = (id, what) => {
  if (id !== 0) throw protocolError(`${what} on a stream`);
};

// The peer broke a rule within one stream.
function streamFault(connection, record, number, reason) {
  countInvalid(connection);
  connection.hooks.invalid?.(record, reason);
  connection.reset(record, number, true);
  connection.hooks.closed(record, number);
}

function countInvalid(connection) {
  if (connection.invalidFrames++ > connection.limits.maxSessionInvalidFrames) {
    const error = new ConnectionFault(code.ENHANCE_YOUR_CALM, 'too many invalid frames');
    error.custom = { code: 'ERR_HTTP2_TOO_MANY_INVALID_FRAMES', message: 'Too many invalid HTTP/2 frames' };
    throw error;
  }
}

// ---- DATA ----

function onData(connection, flags, id, payload) {
  needStream(id, 'DATA');
  const size = payload.length;
  if (size > connection.recvWindow) throw new ConnectionFault(code.FLOW_CONTROL_ERROR, 'more than the connection has room for');
  connection.recvWindow -= size;
  const data = unpadded(payload, flags);
  const record = connection.streams.get(id);
  connection.creditConnection(size);
  if (record === undefined) {
    dataForNone(connection, id);
    return;
  }
  if (record.remoteEnded) throw new ConnectionFault(code.STREAM_CLOSED, 'DATA after the end');
  if (size > record.recvWindow) {
    streamFault(connection, record, code.FLOW_CONTROL_ERROR, 'more than the stream has room for');
    return;
  }
  record.recvWindow -= size;
  record.received += data.length;
  const tooLong = record.expected >= 0 && record.received > record.expected;
  if (tooLong || (!connection.isServer && !record.gotHead) || (record.noBody && data.length > 0)) {
    streamFault(connection, record, code.PROTOCOL_ERROR, tooLong ? 'longer than its content-length' : 'a body that cannot be');
    return;
  }
  record.unread += size;
  record.pieces++;
  connection.held += size;
  if (size > data.length) connection.consumed(record, size - data.length);
  const ends = (flags & flag.END_STREAM) !== 0;
  if (data.length > 0) {
    // A listener hears of it here, and may throw.
    if (ends) connection.unsaid = record;
    connection.hooks.data(record, own(data));
    connection.unsaid = null;
  } else if (!ends) {
    countInvalid(connection); // a frame that says nothing
  }
  if (record.closed) return;
  if (ends) ended(connection, record);
  else if (record.pieces > MANY_PIECES && record.unread < record.pieces * SMALL_PIECE) {
    streamFault(connection, record, code.ENHANCE_YOUR_CALM, 'DATA in crumbs');
  }
}

// Of a stream that is gone, or never was. One that ended in order gets no more DATA from an honest peer.
function dataForNone(connection, id) {
  if (isIdle(connection, id)) throw protocolError('DATA for no stream');
  if (connection.recentResets.has(id) || (connection.goawaySent !== null && id > connection.goawaySent)) return;
  countInvalid(connection);
  connection.reply(frames.rstStream(id, code.STREAM_CLOSED));
}

// A few bytes must not keep the large chunk that they came in.
function own(data) {
  return data.length * 4 < data.buffer.byteLength ? Buffer.from(data) : data;
}

// What a throw has cut off.
function endUnsaid(connection) {
  const record = connection.unsaid;
  connection.unsaid = null;
  if (record !== null && !record.closed) ended(connection, record);
}

function ended(connection, record) {
  if (record.expected >= 0 && record.received !== record.expected && !record.noBody) {
    streamFault(connection, record, code.PROTOCOL_ERROR, 'shorter than its content-length');
    return;
  }
  record.remoteEnded = true;
  connection.hooks.ended(record);
  connection.closeIfDone(record);
}

// ---- Header blocks ----

function onHeaders(connection, flags, id, payload) {
  needStream(id, 'HEADERS');
  let part = unpadded(payload, flags);
  let priority = null;
  if (flags & flag.PRIORITY) {
    priority = frames.readPriority(part);
    if (priority.parent === id) throw protocolError('a stream that depends on itself');
    part = part.subarray(5);
  }
  begin(connection, { kind: type.HEADERS, id, flags, priority, promised: 0 }, part);
}

function onPushPromise(connection, flags, id, payload) {
  needStream(id, 'PUSH_PROMISE');
  if (connection.isServer || !connection.local.enablePush) throw protocolError('a push that was not allowed');
  const part = unpadded(payload, flags);
  if (part.length < 4) throw new FrameFault(code.FRAME_SIZE_ERROR, 'PUSH_PROMISE is cut short');
  const promised = part.readUInt32BE(0) & frames.ID_MASK;
  if (promised % 2 === 1 || promised <= connection.lastPeerId) throw protocolError('a promised stream of a wrong id');
  begin(connection, { kind: type.PUSH_PROMISE, id, flags, priority: null, promised }, part.subarray(4));
}

function begin(connection, block, part) {
  if (block.flags & flag.END_HEADERS) {
    endBlock(connection, block, part);
    return;
  }
  block.parts = [part];
  block.size = part.length;
  connection.block = block;
}

function onContinuation(connection, flags, id, payload) {
  const { block } = connection;
  if (block === null) throw protocolError('CONTINUATION of nothing');
  block.size += payload.length;
  block.parts.push(payload);
  if (block.parts.length > MOST_CONTINUATIONS + 1 || block.size > Math.max(4 * MOST_LIST, connection.splitter.most)) {
    throw new ConnectionFault(code.ENHANCE_YOUR_CALM, 'a header block without end', fault.TOO_MANY_CONTINUATIONS);
  }
  if ((flags & flag.END_HEADERS) === 0) return;
  connection.block = null;
  endBlock(connection, block, Buffer.concat(block.parts, block.size));
}

// The whole block is decoded in any case: the table must stay what the peer's is. The list is kept as far as it may be long.
function decode(connection, bytes, kind, mostList = connection.local.maxHeaderListSize) {
  const list = {
    fields: [], never: [], size: 0, tooLarge: false, wrong: null, check: new ListCheck(kind, connection.local.enableConnectProtocol),
  };
  const most = Math.min(mostList, MOST_LIST), mostFields = 2 * connection.limits.maxHeaderListPairs;
  const { version } = connection.decoder.table;
  try {
    connection.decoder.decode(bytes, (name, value, never) => {
      list.size += name.length + value.length + FIELD_OVERHEAD;
      if (list.size > most || list.fields.length >= mostFields) {
        list.tooLarge = true;
        return;
      }
      if (!list.check.field(name, value)) return;
      list.fields.push(name, value);
      if (never) list.never.push(name);
    });
  } catch (error) {
    if (error instanceof CompressionError) throw new ConnectionFault(code.COMPRESSION_ERROR, error.message);
    throw error;
  }
  if (!list.tooLarge) list.wrong = list.check.end();
  const isPlain = version === connection.decoder.table.version && list.never.length === 0;
  if (isPlain && kind === 'request' && bytes.length <= KEPT_BLOCK) {
    connection.lastRequest = { block: Buffer.from(bytes), version, list };
    return copyOf(list);
  }
  return list;
}

// A client's requests are often the same but for their ids. A block means what the table says, so it means the same as long as
// the table and our settings are; a list that a script has is never handed out again.
function decodeRequest(connection, bytes) {
  const last = connection.lastRequest;
  if (last !== null && last.version === connection.decoder.table.version && last.block.equals(bytes)) return copyOf(last.list);
  return decode(connection, bytes, 'request');
}

const copyOf = (list) => ({ ...list, fields: list.fields.slice(), never: [] });

function endBlock(connection, block, bytes) {
  if (block.kind === type.PUSH_PROMISE) {
    promised(connection, block, decode(connection, bytes, 'request'));
    return;
  }
  const { id } = block;
  const ends = (block.flags & flag.END_STREAM) !== 0;
  const record = connection.streams.get(id);
  const isRequest = record === undefined && connection.isServer;
  const list = isRequest ? decodeRequest(connection, bytes) :
    decode(connection, bytes, record?.gotHead ? 'trailers' : 'response', record?.mostList);
  if (record !== undefined && (record.opened || record.isOurs)) {
    if (!record.opened) throw protocolError('HEADERS for no stream');
    onMessage(connection, record, list, ends);
  } else if (!connection.isServer || id % 2 === 0) {
    if (isIdle(connection, id)) throw protocolError('HEADERS for no stream');
  } else if (id > connection.lastPeerId) {
    onRequest(connection, id, list, ends, block.priority);
  } else if (!connection.recentResets.has(id)) {
    throw new ConnectionFault(code.STREAM_CLOSED, 'HEADERS after the end');
  }
}

function onRequest(connection, id, list, ends, priority) {
  connection.lastPeerId = id;
  if (connection.goawaySent !== null && id > connection.goawaySent) return;
  const { limits } = connection;
  const most = Math.min(connection.local.maxConcurrentStreams, connection.peerStreamLimit);
  if (connection.peerStreams >= most || connection.memory > limits.maxSessionMemory) {
    if (connection.rejectedStreams++ > limits.maxSessionRejectedStreams) {
      throw new ConnectionFault(code.ENHANCE_YOUR_CALM, 'too many streams were rejected', fault.CALLBACK_FAILURE);
    }
    refuse(connection, id, connection.peerStreams >= most ? code.REFUSED_STREAM : code.ENHANCE_YOUR_CALM);
    return;
  }
  if (list.tooLarge || list.wrong !== null || (ends && list.check.length > 0)) {
    countInvalid(connection);
    refuse(connection, id, list.tooLarge ? code.ENHANCE_YOUR_CALM : code.PROTOCOL_ERROR);
    return;
  }
  const record = connection.open(id, false);
  connection.peerStreams++;
  record.opened = record.gotHead = true;
  countList(connection, record, list);
  record.expected = list.check.length;
  record.priority = priority;
  connection.hooks.request(record, list, ends);
  if (ends && !record.closed) ended(connection, record);
}

// A peer that names one long entry of the table again and again sends few bytes for long lists.
function countList(connection, record, list) {
  record.listSize = list.size;
  connection.listed += list.size;
}

function refuse(connection, id, number) {
  connection.rememberReset(id);
  connection.reply(frames.rstStream(id, number));
}

// HEADERS of a stream that is open: a response's, an informational one, or trailers.
function onMessage(connection, record, list, ends) {
  if (record.remoteEnded) throw new ConnectionFault(code.STREAM_CLOSED, 'HEADERS after the end');
  const isTrailers = record.gotHead;
  const { wrong } = list;
  if (list.tooLarge || wrong !== null || (isTrailers && !ends)) {
    streamFault(connection, record, list.tooLarge ? code.ENHANCE_YOUR_CALM : code.PROTOCOL_ERROR, wrong ?? 'a header list');
    return;
  }
  if (isTrailers) {
    connection.hooks.headers(record, list, 'trailers', ends);
  } else {
    const status = Number(list.check.pseudo[':status']);
    if (status < 200) {
      if (ends) streamFault(connection, record, code.PROTOCOL_ERROR, 'an informational response that ends');
      else connection.hooks.headers(record, list, 'informational', false);
      return;
    }
    record.gotHead = true;
    if (record.reserved) connection.reserved--;
    record.reserved = false;
    record.noBody = record.isHead || status === 204 || status === 304;
    record.expected = list.check.length;
    if (ends && record.expected > 0 && !record.noBody) {
      streamFault(connection, record, code.PROTOCOL_ERROR, 'shorter than its content-length');
      return;
    }
    connection.hooks.headers(record, list, 'response', ends);
  }
  if (ends && !record.closed) ended(connection, record);
}

function promised(connection, block, list) {
  const parent = connection.streams.get(block.id);
  if (parent === undefined && isIdle(connection, block.id)) throw protocolError('a push on no stream');
  connection.lastPeerId = block.promised;
  const { limits } = connection;
  const crowded = connection.reserved >= limits.maxReservedRemoteStreams || connection.memory > limits.maxSessionMemory;
  if (parent === undefined || crowded) {
    refuse(connection, block.promised, code.CANCEL);
    return;
  }
  if (list.tooLarge || list.wrong !== null) {
    countInvalid(connection);
    refuse(connection, block.promised, list.tooLarge ? code.ENHANCE_YOUR_CALM : code.PROTOCOL_ERROR);
    return;
  }
  const record = connection.open(block.promised, false);
  connection.peerStreams++;
  record.opened = record.localEnded = record.reserved = true;
  connection.reserved++;
  countList(connection, record, list);
  record.isHead = list.check.pseudo[':method'] === 'HEAD';
  connection.hooks.push(parent, record, list);
}

// ---- The rest of a stream ----

function onPriority(connection, flags, id, payload) {
  needStream(id, 'PRIORITY');
  exactly(payload, 5, 'PRIORITY');
  const priority = frames.readPriority(payload);
  if (priority.parent === id) throw protocolError('a stream that depends on itself');
  connection.hooks.priority(id, priority);
}

function onRstStream(connection, flags, id, payload) {
  needStream(id, 'RST_STREAM');
  const number = frames.readNumber(payload, 'RST_STREAM');
  if (isIdle(connection, id)) throw protocolError('RST_STREAM for no stream');
  if (connection.isServer) takeReset(connection);
  const record = connection.streams.get(id);
  if (record === undefined) return;
  connection.forget(record);
  connection.hooks.closed(record, number);
}

// Streams that are begun to be reset cost us a request each (CVE-2023-44487): a bucket lets so many through.
function takeReset(connection) {
  const { resets, limits } = connection, now = limits.now();
  resets.left = Math.min(limits.streamResetBurst, resets.left + (now - resets.at) / 1000 * limits.streamResetRate);
  resets.at = now;
  if (resets.left < 1) throw new ConnectionFault(code.ENHANCE_YOUR_CALM, 'too many streams were reset', fault.FLOODED);
  resets.left--;
}

function onWindowUpdate(connection, flags, id, payload) {
  const increment = frames.readNumber(payload, 'WINDOW_UPDATE') & frames.ID_MASK;
  if (id === 0) {
    if (increment === 0) throw protocolError('WINDOW_UPDATE of 0');
    if (connection.sendWindow + increment > MOST_WINDOW) throw new ConnectionFault(code.FLOW_CONTROL_ERROR, 'a window too large');
    connection.sendWindow += increment;
    if (connection.ready.size > 0) connection.hooks.wantsToSend();
    return;
  }
  if (isIdle(connection, id)) throw protocolError('WINDOW_UPDATE for no stream');
  const record = connection.streams.get(id);
  if (record === undefined) return;
  if (increment === 0) streamFault(connection, record, code.PROTOCOL_ERROR, 'WINDOW_UPDATE of 0');
  else if (record.sendWindow + increment > MOST_WINDOW) streamFault(connection, record, code.FLOW_CONTROL_ERROR, 'a window too large');
  else widen(connection, record, increment);
}

function widen(connection, record, by) {
  record.sendWindow += by;
  if (record.sendWindow > 0 && record.queue.length > 0) connection.makeReady(record);
}

// ---- The connection ----

function onSettings(connection, flags, id, payload) {
  needConnection(id, 'SETTINGS');
  if (flags & flag.ACK) {
    exactly(payload, 0, 'an acknowledgement');
    acknowledged(connection);
    return;
  }
  const pairs = frames.readSettings(payload);
  if (pairs.length > 2 * connection.limits.maxSettings) {
    throw new ConnectionFault(code.ENHANCE_YOUR_CALM, 'too many settings', fault.TOO_MANY_SETTINGS);
  }
  if (!connection.toldRemote) {
    connection.toldRemote = true;
    connection.remote.maxConcurrentStreams = 2 ** 32 - 1;
  }
  const before = connection.remote.initialWindowSize;
  for (let i = 0; i < pairs.length; i += 2) applyRemote(connection, pairs[i], pairs[i + 1]);
  // Once, however often it was named: each time is a step for every stream.
  shiftWindows(connection, connection.remote.initialWindowSize - before);
  connection.reply(frames.settingsAck());
  connection.hooks.remoteSettings();
}

function applyRemote(connection, number, value) {
  const { id } = settings;
  switch (number) {
    case id.enablePush:
      if (value > 1 || (value === 1 && !connection.isServer)) throw protocolError('ENABLE_PUSH');
      break;
    case id.initialWindowSize:
      if (value > MOST_WINDOW) throw new ConnectionFault(code.FLOW_CONTROL_ERROR, 'INITIAL_WINDOW_SIZE');
      break;
    case id.maxFrameSize:
      if (value < 16384 || value > 2 ** 24 - 1) throw protocolError('MAX_FRAME_SIZE');
      break;
    case id.headerTableSize:
      connection.encoder.setLimit(value);
      break;
    case id.enableConnectProtocol:
      if (value > 1 || (value === 0 && connection.remote.enableConnectProtocol)) throw protocolError('ENABLE_CONNECT_PROTOCOL');
      break;
  }
  settings.apply(connection.remote, number, value);
}

function shiftWindows(connection, by) {
  if (by === 0) return;
  for (const record of connection.streams.values()) {
    if (record.sendWindow + by > MOST_WINDOW) throw new ConnectionFault(code.FLOW_CONTROL_ERROR, 'a window too large');
    widen(connection, record, by);
  }
}

// The oldest settings that we told hold from here on.
function acknowledged(connection) {
  const told = connection.unacked.shift();
  if (told === undefined) throw protocolError('an acknowledgement of nothing');
  const { pairs } = told, { local } = connection;
  connection.lastRequest = null;
  for (let i = 0; i < pairs.length; i += 2) {
    const number = pairs[i], value = pairs[i + 1];
    if (number === settings.id.initialWindowSize) {
      for (const record of connection.streams.values()) record.recvWindow += value - local.initialWindowSize;
    } else if (number === settings.id.headerTableSize) {
      connection.decoder.setLimit(value);
    } else if (number === settings.id.maxFrameSize) {
      connection.splitter.most = value;
    }
    settings.apply(local, number, value);
  }
  connection.hooks.settingsAcknowledged(told);
}

function onPing(connection, flags, id, payload) {
  needConnection(id, 'PING');
  exactly(payload, 8, 'PING');
  const isAck = (flags & flag.ACK) !== 0;
  if (!isAck) connection.reply(frames.ping(payload, true));
  connection.hooks.ping(Buffer.from(payload), isAck);
}

function onGoaway(connection, flags, id, payload) {
  needConnection(id, 'GOAWAY');
  const { lastId, code: number, opaque } = frames.readGoaway(payload);
  connection.goawayCode = number;
  connection.hooks.goaway(number, lastId, opaque);
}

function onAltsvc(connection, flags, id, payload) {
  if (connection.isServer) return;
  const said = frames.readAltsvc(payload);
  if (said !== null && (id === 0) === (said.origin !== '')) connection.hooks.altsvc(id, said.origin, said.value);
}

function onOrigin(connection, flags, id, payload) {
  if (connection.isServer || id !== 0 || flags !== 0) return;
  const names = frames.readOrigin(payload);
  if (names !== null) connection.hooks.origin(names);
}

// Types that nobody knows are passed over.
const handlers = {
  [type.DATA]: onData, [type.HEADERS]: onHeaders, [type.PRIORITY]: onPriority, [type.RST_STREAM]: onRstStream,
  [type.SETTINGS]: onSettings, [type.PUSH_PROMISE]: onPushPromise, [type.PING]: onPing, [type.GOAWAY]: onGoaway,
  [type.WINDOW_UPDATE]: onWindowUpdate, [type.CONTINUATION]: onContinuation, [type.ALTSVC]: onAltsvc, [type.ORIGIN]: onOrigin,
};

module.exports = { endUnsaid, onFrame };

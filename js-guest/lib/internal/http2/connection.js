// An HTTP/2 connection (RFC 9113) without a socket: its streams' records, both windows, settings, and all that we say. Bytes
// come in by receive() and go out by take(); what they mean to a script is told to `hooks`. What the peer says is judged in
// internal/http2/receive. Knows no socket, no timer and no event.
'use strict';

const frames = require('internal/http2/frames');
const { BadPreface, Splitter } = require('internal/http2/splitter');
const { Decoder, Encoder } = require('internal/http2/hpack');
const { Output } = require('internal/http2/output');
const { Record } = require('internal/http2/record');
const { Padding } = require('internal/http2/padding');
const { endUnsaid, onFrame } = require('internal/http2/receive');
const settings = require('internal/http2/settings');
const { code, fault, ConnectionFault } = require('internal/http2/errors');

const { flag, type } = frames;
const FIRST_WINDOW = 65535;
const MOST_ID = 2 ** 31 - 1;
// Answers to the peer (acknowledgements, resets) that its slowness keeps here: beyond this it is flooding us.
const MOST_REPLIES = 1000;
// What a record is counted as, beside its bytes, and each piece that waits.
const RECORD_BYTES = 2048;
// Beside the text of each name and value, for the largest that their lengths take.
const FIELD_OVERHEAD = 6;
// What a reset stream may put before its RST_STREAM.
const PIECE = 65536;
// Ids of streams that we reset not long ago: the peer may not know yet.
const REMEMBERED = 128;

class Connection {
  constructor(isServer, hooks, limits) {
    this.isServer = isServer;
    this.hooks = hooks;
    this.limits = limits;
    this.streams = new Map();
    this.nextId = isServer ? 2 : 1;
    this.lastPeerId = 0;
    this.peerStreams = 0; // open ones that the peer began
    this.ownStreams = 0;
    this.waiting = []; // requests beyond the peer's maxConcurrentStreams
    this.local = settings.initial(); // what the peer has acknowledged
    this.remote = settings.initial();
    this.remote.maxConcurrentStreams = limits.peerMaxConcurrentStreams;
    this.toldRemote = false;
    this.unacked = []; // settings that the peer has not acknowledged
    this.sendWindow = FIRST_WINDOW;
    this.recvWindow = FIRST_WINDOW;
    this.recvTarget = FIRST_WINDOW;
    this.owed = 0;
    this.held = 0; // bytes with the script that it has not read
    this.listed = 0; // header lists that streams began with
    this.queued = 0; // bytes that wait for a window
    this.ready = new Set(); // records with something to send
    this.out = new Output();
    this.replies = 0;
    this.block = null; // a header block that goes on in CONTINUATIONs
    this.gotSettings = false;
    this.resets = { left: limits.streamResetBurst, at: 0 };
    this.invalidFrames = 0;
    this.silent = false; // the session is being destroyed: GOAWAY speaks for all its streams
    this.peerStreamLimit = this.local.maxConcurrentStreams; // as we told it last, acknowledged or not
    this.reserved = 0; // pushes that have not begun
    this.rejectedStreams = 0;
    this.recentResets = new Set();
    this.goawaySent = null; // the last id that it named
    this.goawayCode = null; // of the peer's
    this.failed = false;
    this.lastRequest = null; // the last plain request's block and what it means
    this.unsaid = null; // a record whose last DATA a listener threw at, so that its end was not told
    this.decoder = new Decoder();
    this.encoder = new Encoder(limits.maxDeflateDynamicTableSize);
    this.padding = new Padding(limits);
    this.splitter = new Splitter(isServer, (type, flags, id, payload) => onFrame(this, type, flags, id, payload));
    if (!isServer) this.send(frames.PREFACE);
  }

  // ---- Bytes in ----

  receive(bytes) {
    if (this.failed) return;
    try {
      endUnsaid(this);
      this.splitter.feed(bytes);
    } catch (error) {
      if (error instanceof BadPreface) this.fail(new ConnectionFault(code.PROTOCOL_ERROR, 'no preface', fault.BAD_CLIENT_MAGIC));
      else if (error instanceof frames.FrameFault) this.fail(new ConnectionFault(error.code, error.message));
      else if (error instanceof ConnectionFault) this.fail(error);
      else throw error;
    }
  }

  // Nothing is read from now on; the peer is told why.
  fail(error) {
    if (this.failed) return;
    this.finish(error.code, Buffer.from(error.message));
    this.hooks.fault(error);
  }

  // The last that is said: what streams still have to say is not sent after it.
  finish(number, opaque) {
    if (this.failed) return;
    this.goaway(number, this.lastPeerId, opaque);
    this.failed = true;
    this.ready.clear();
  }

  // ---- Bytes out ----

  send(bytes) {
    if (this.failed) return;
    this.out.add(bytes);
    this.hooks.wantsToSend();
  }

  // An answer that the peer can ask for as often as it likes.
  reply(bytes) {
    if (++this.replies > MOST_REPLIES) throw new ConnectionFault(code.ENHANCE_YOUR_CALM, 'too many answers wait', fault.FLOODED);
    this.send(bytes);
  }

  get hasOutput() {
    return this.out.size > 0 || this.canOpen || (this.ready.size > 0 && this.sendWindow > 0) || this.hasEmptyReady();
  }

  // An end without bytes needs no window.
  hasEmptyReady() {
    for (const record of this.ready) if (record.queued === 0) return true;
    return false;
  }

  get canOpen() { return this.waiting.length > 0 && this.ownStreams < this.remote.maxConcurrentStreams && !this.failed; }

  // Up to about `most` bytes for the socket, or null. Streams take turns, a frame each.
  take(most) {
    this.openWaiting();
    // Who has more is added again, and comes up after the others.
    for (const record of this.ready) {
      if (this.out.size >= most) break;
      this.sendData(record);
    }
    if (this.out.size === 0) return null;
    this.replies = 0;
    return this.out.take();
  }

  // One frame of a stream's, if the windows let it.
  sendData(record) {
    const piece = record.queue[0];
    if (piece === undefined) {
      this.ready.delete(record);
      this.endOf(record);
      return;
    }
    const left = piece.bytes.length - piece.at;
    const room = Math.min(this.remote.maxFrameSize, this.sendWindow, record.sendWindow);
    if (room <= 0 && left > 0) {
      if (record.sendWindow <= 0) this.ready.delete(record);
      return;
    }
    const count = Math.min(left, Math.max(0, room));
    const padding = this.padding.of(count, room);
    const whole = count === left;
    const ends = whole && record.queue.length === 1 && !record.leaving &&
      (record.ending || record.owner.isLast());
    if (padding > 0) this.out.add(frames.data(record.id, piece.bytes, piece.at, piece.at + count, ends, padding));
    else this.out.frame(type.DATA, ends ? flag.END_STREAM : 0, record.id, piece.bytes, piece.at, piece.at + count);
    this.sendWindow -= count + padding;
    record.sendWindow -= count + padding;
    piece.at += count;
    record.queued -= count;
    this.queued -= count;
    if (ends) {
      record.localEnded = true;
      record.tellEnded();
    }
    if (whole) record.queue.shift();
    // To the end of the line.
    this.ready.delete(record);
    if (record.queue.length > 0 || (record.ending && !record.localEnded)) this.ready.add(record);
    if (ends) this.closeIfDone(record);
    if (whole) piece.cb(); // last, as what a script does there may throw
  }

  // The last frame of a stream that has nothing more to send: an empty DATA.
  endOf(record) {
    if (record.localEnded || !record.ending || record.closed) return;
    record.localEnded = true;
    record.tellEnded();
    this.out.frame(type.DATA, flag.END_STREAM, record.id, null, 0, 0);
    this.closeIfDone(record);
  }

  // ---- Streams ----

  open(id, isOurs) {
    const record = new Record(id, this.remote.initialWindowSize, this.local.initialWindowSize, this.local.maxHeaderListSize);
    record.isOurs = isOurs;
    this.streams.set(id, record);
    return record;
  }

  // A client's request; undefined when no ids are left. Its HEADERS may have to wait for others to end.
  request(owner, { fields, never }, ends, priority) {
    if (this.nextId > MOST_ID) return undefined;
    const record = this.open(this.nextId, true);
    this.nextId += 2;
    record.owner = owner;
    record.isHead = fields[fields.indexOf(':method') + 1] === 'HEAD';
    record.priority = priority;
    this.waiting.push({ record, fields, never, ends });
    this.hooks.wantsToSend();
    return record;
  }

  openWaiting() {
    while (this.canOpen) {
      const { record, fields, never, ends } = this.waiting.shift();
      if (record.closed || this.isTooLarge(record, fields)) continue;
      record.opened = true;
      this.ownStreams++;
      const block = this.encoder.encode(fields, never);
      if (record.priority) this.send(frames.headersWithPriority(record.id, block, ends, this.remote.maxFrameSize, record.priority));
      else this.sendBlock(record, block, ends);
      if (ends) record.localEnded = true;
      if (record.queue.length > 0 || record.ending) this.ready.add(record);
    }
  }

  // A list that we would not take ourselves is not sent: the stream ends with an error.
  isTooLarge(record, fields) {
    let size = 0;
    for (const text of fields) size += text.length + FIELD_OVERHEAD;
    if (size <= this.limits.maxSendHeaderBlockLength) return false;
    this.hooks.frameError(record, type.HEADERS, code.FRAME_SIZE_ERROR);
    return true;
  }

  // A response's head, an informational one, or trailers, which a stream sends when all its bytes have gone. A block is
  // encoded in the order it is sent in: the peer's table is made from it.
  headers(record, { fields, never }, ends) {
    if (record.closed || this.isTooLarge(record, fields)) return;
    this.sendBlock(record, this.encoder.encode(fields, never), ends);
    if (!ends) return;
    record.localEnded = true;
    this.closeIfDone(record);
  }

  sendBlock(record, block, ends) {
    if (this.failed) return;
    const most = this.remote.maxFrameSize, padding = this.padding.of(block.length, most);
    if (padding === 0 && block.length <= most) {
      this.out.frame(type.HEADERS, ends ? flag.END_HEADERS | flag.END_STREAM : flag.END_HEADERS, record.id, block, 0, block.length);
      this.hooks.wantsToSend();
    } else {
      this.send(frames.headers(record.id, block, ends, most, padding));
    }
  }

  push(parent, owner, { fields, never }) {
    if (this.nextId > MOST_ID) return undefined;
    const record = this.open(this.nextId, true);
    this.nextId += 2;
    record.owner = owner;
    record.opened = true;
    record.remoteEnded = true;
    this.ownStreams++;
    record.isPush = true;
    this.send(frames.pushPromise(parent.id, record.id, this.encoder.encode(fields, never), this.remote.maxFrameSize));
    return record;
  }

  write(record, bytes, cb) {
    if (record.closed || record.localEnded) {
      cb();
      return;
    }
    record.queue.push({ bytes, at: 0, cb });
    record.queued += bytes.length;
    this.queued += bytes.length;
    this.makeReady(record);
  }

  // `cb` when the peer is told.
  end(record, cb) {
    if (record.localEnded || record.closed || record.ending) {
      if (cb !== undefined) cb();
      return;
    }
    record.ending = true;
    if (cb !== undefined) record.onEnded = cb;
    this.makeReady(record);
  }

  makeReady(record) {
    if (!record.opened || this.failed || (record.sendWindow <= 0 && record.queued > 0)) return;
    this.ready.add(record);
    this.hooks.wantsToSend();
  }

  // RST_STREAM; the peer hears of it once. `asReply`: it was the peer's frame that caused it.
  reset(record, number, asReply = false) {
    if (record.closed) return;
    const wasOpened = record.opened;
    if (!asReply && wasOpened && !this.failed && !this.silent) this.sendLast(record);
    this.forget(record);
    this.rememberReset(record.id);
    if (!wasOpened || this.failed || this.silent) return;
    if (asReply) this.reply(frames.rstStream(record.id, number));
    else this.send(frames.rstStream(record.id, number));
  }

  // What a script has written before it let go of its stream still goes, as far as there is room for it now.
  sendLast(record) {
    record.leaving = true;
    let { length } = record.queue;
    while (length > 0 && this.out.size < PIECE) {
      this.sendData(record);
      if (record.queue.length >= length && record.queue[0].at === 0) break;
      if (Math.min(this.sendWindow, record.sendWindow) <= 0) break;
      ({ length } = record.queue);
    }
  }

  rememberReset(id) {
    this.recentResets.add(id);
    if (this.recentResets.size > REMEMBERED) this.recentResets.delete(this.recentResets.values().next().value);
  }

  closeIfDone(record) {
    if (!record.localEnded || !record.remoteEnded || record.closed) return;
    this.forget(record);
    this.hooks.closed(record, code.NO_ERROR);
  }

  // The record has left; what waited of it is dropped, and its writers are released.
  forget(record) {
    record.closed = true;
    this.streams.delete(record.id);
    this.ready.delete(record);
    this.queued -= record.queued;
    this.held -= record.unread;
    this.listed -= record.listSize;
    record.unread = 0;
    record.queued = 0;
    const { queue } = record;
    record.queue = [];
    if (record.reserved) this.reserved--;
    record.reserved = false;
    // In a tick: scripts have callbacks behind theirs, and one that throws must not keep the others.
    for (const { cb } of queue) process.nextTick(cb);
    record.tellEnded();
    if (!record.isOurs) this.peerStreams--;
    else if (record.opened) this.ownStreams--;
    this.creditConnection(0);
    if (this.waiting.length > 0) this.openWaiting();
  }

  // A script's wish for its next id: one that it may not have is passed over, as nghttp2 does.
  setNextId(id) {
    const isOwn = (id % 2 === 1) !== this.isServer;
    if (isOwn && id >= this.nextId && id <= MOST_ID) this.nextId = id;
  }

  // ---- Windows ----

  // The script has read so much of a stream.
  consumed(record, count) {
    count = Math.min(count, record.unread);
    record.unread -= count;
    this.held -= count;
    if (record.unread === 0) record.pieces = 0;
    this.creditConnection(0);
    if (record.closed || record.remoteEnded) return;
    record.owed += count;
    if (record.owed * 2 < this.local.initialWindowSize || record.owed === 0) return;
    record.recvWindow += record.owed;
    this.send(frames.windowUpdate(record.id, record.owed));
    record.owed = 0;
  }

  // The connection's window is for all streams: one that is not read must not stop the others, so it is given back at once.
  // But when the script has left more unread than the session may hold in all, the peer waits.
  creditConnection(count) {
    this.owed += count;
    if (this.owed * 2 < this.recvTarget || this.owed <= 0 || this.held > this.limits.maxSessionMemory) return;
    this.recvWindow += this.owed;
    this.send(frames.windowUpdate(0, this.owed));
    this.owed = 0;
  }

  setLocalWindowSize(size) {
    const more = size - this.recvTarget;
    this.recvTarget = size;
    this.owed += more;
    if (more <= 0 || this.owed <= 0) return;
    this.recvWindow += this.owed;
    this.send(frames.windowUpdate(0, this.owed));
    this.owed = 0;
  }

  // What the script's session holds for its peer, as Node counts it for maxSessionMemory.
  get memory() {
    return this.streams.size * RECORD_BYTES + this.listed + this.held + this.queued + this.out.size +
      this.decoder.table.size + this.encoder.table.size;
  }

  // ---- The connection as a whole ----

  settings(wanted, done) {
    const pairs = settings.toPairs(wanted);
    // More than we allowed so far may come as soon as the peer knows; less only once it has said so.
    this.unacked.push({ pairs, done });
    this.send(frames.settings(pairs));
    if (wanted.maxConcurrentStreams !== undefined) this.peerStreamLimit = wanted.maxConcurrentStreams;
    if (wanted.maxFrameSize > this.splitter.most) this.splitter.most = wanted.maxFrameSize;
  }

  priority(record, priority) { if (!record.closed) this.send(frames.priority(record.id, priority)); }

  ping(payload) { this.send(frames.ping(payload, false)); }

  goaway(number, lastId, opaque) {
    this.goawaySent = Math.min(this.goawaySent ?? MOST_ID, lastId);
    this.send(frames.goaway(lastId, number, opaque));
  }
}

module.exports = { Connection };

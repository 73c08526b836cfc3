// One end of the channel between a parent and its child: frames out and in, their order, who waits for what. Both ends are
// the same code. What the other side says is hostile until it is checked: nonsense breaks the channel and nothing else.
// Must not know what a message means, nor which end it is.
'use strict';

const native = internalBinding('child');
const streams = internalBinding('stream');
const { Control } = require('internal/child_process/control');
const { encode, decode } = require('internal/child_process/encoding');
const { ErrnoException, codes: { ERR_IPC_CHANNEL_CLOSED } } = require('internal/errors');

const event = { MESSAGE: 73, DRAIN: 74, SENT: 75, CLOSED: 76 };
const flag = { INTERNAL: 1, MORE: 2, KEEP: 4 };
const EAGAIN = -11, EBADF = -9, ECONNRESET = -104;
const PART = 1 << 20; // the host's limit for one frame
const WHOLE = 256 << 20; // the longest message that is put together
const HIGH_WATER = 128 << 10;

// What is gone already, and its event still on the way: the socket that was to be sent, or the channel.
function failure(errno, attach) {
  if (errno !== EBADF) return new ErrnoException(errno, 'write');
  return attach ? new ErrnoException(ECONNRESET, 'write') : new ERR_IPC_CHANNEL_CLOSED();
}

class Channel {
  #parts = [];
  #partBytes = 0;
  #out = []; // frames that the host had no room for
  #outBytes = 0;
  #posted = 0;
  #sent = 0;
  #callbacks = new Map(); // by the number of the frame
  #closing = false;

  // `told`: what the owner wants to know: message(value, isInternal, attached, kind), broken(), closed().
  constructor(handle, mode, told) {
    this.handle = handle;
    this.mode = mode;
    this.told = told;
    this.control = new Control(handle);
    native.attachObject(handle, this);
  }

  // ---- Out ----

  // Answers whether there is room for more. `attach`: { handle, keep } or null. Throws what cannot be encoded.
  post(value, internal, attach, callback, mode = this.mode) {
    const bytes = encode(value, mode);
    if (this.handle === 0) {
      this.#abandon(attach, callback, new ERR_IPC_CHANNEL_CLOSED());
      return false;
    }
    const flags = internal ? flag.INTERNAL : 0;
    if (bytes.length <= PART / 4 || (typeof bytes !== 'string' && bytes.length <= PART)) {
      return this.#frame({ flags, bytes, attach, callback });
    }
    const whole = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    let room = true;
    for (let at = 0; at < whole.length; at += PART) {
      const last = at + PART >= whole.length;
      room = this.#frame({
        flags: flags | (last ? 0 : flag.MORE), bytes: whole.subarray(at, at + PART), attach: last ? attach : null,
        callback: last ? callback : undefined,
      });
    }
    return room;
  }

  #frame(frame) {
    const waiting = this.#out.length > 0 ? EAGAIN : this.#give(frame);
    if (waiting !== EAGAIN) return waiting < HIGH_WATER;
    this.#out.push(frame);
    this.#outBytes += frame.bytes.length;
    if (this.#out.length === 1) this.control.hold();
    return false;
  }

  #give(frame) {
    const { flags, bytes, attach, callback } = frame;
    const answer = native.send(this.handle, flags | (attach?.keep ? flag.KEEP : 0), bytes, attach?.handle ?? 0);
    if (answer === EAGAIN) return answer;
    if (answer < 0) {
      this.#abandon(attach, callback, failure(answer, attach));
      return answer;
    }
    if (this.#posted === this.#sent) this.control.hold();
    if (callback !== undefined) this.#callbacks.set(this.#posted, callback);
    this.#posted++;
    return answer;
  }

  #abandon(attach, callback, error) {
    if (attach && !attach.keep) streams.close(attach.handle);
    if (callback !== undefined) process.nextTick(callback, error);
  }

  drained() {
    while (this.#out.length > 0 && this.handle !== 0) {
      if (this.#give(this.#out[0]) === EAGAIN) return;
      this.#outBytes -= this.#out.shift().bytes.length;
      if (this.#out.length === 0) this.control.release();
    }
    if (this.#closing) this.close();
  }

  confirmed(count) {
    const until = Math.min(this.#sent + count, this.#posted);
    while (this.#sent < until) {
      const callback = this.#callbacks.get(this.#sent);
      if (callback !== undefined) {
        this.#callbacks.delete(this.#sent);
        process.nextTick(callback, null);
      }
      this.#sent++;
    }
    if (this.#sent === this.#posted) this.control.release();
  }

  // ---- In ----

  received(flags, bytes, attached, kind) {
    let value;
    try {
      const whole = this.#gather(flags, bytes);
      if (whole === undefined) return;
      value = decode(whole);
    } catch {
      if (attached) streams.close(attached);
      this.told.broken();
      return;
    }
    this.told.message(value, (flags & flag.INTERNAL) !== 0, attached, kind);
  }

  #gather(flags, bytes) {
    if ((flags & flag.MORE) === 0 && this.#parts.length === 0) return bytes;
    this.#partBytes += bytes.length;
    if (this.#partBytes > WHOLE) throw new RangeError('message too long');
    this.#parts.push(bytes);
    if (flags & flag.MORE) return undefined;
    const whole = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    return whole;
  }

  // ---- End ----

  // What was posted goes out first.
  close() {
    if (this.handle === 0) return;
    this.#closing = true;
    if (this.#out.length > 0) return;
    const { handle } = this;
    this.handle = 0;
    streams.close(handle);
  }

  // In a clone: the channel is that of the process that was cloned, and its callbacks are called there.
  forsake() {
    this.handle = 0;
    this.#callbacks.clear();
    this.#out = [];
  }

  // The host's last word.
  closed(handle) {
    native.detachObject(handle);
    this.handle = 0;
    this.control.end();
    // What the host had taken was sent, as far as anybody can tell.
    for (const callback of this.#callbacks.values()) process.nextTick(callback, null);
    for (const { attach, callback } of this.#out) this.#abandon(attach, callback, new ERR_IPC_CHANNEL_CLOSED());
    this.#callbacks.clear();
    this.#out = [];
    this.told.closed();
  }
}

function onChannelEvent(channel, kind, handle, value, flags, bytes, attached, attachedKind) {
  switch (kind) {
    case event.MESSAGE: channel.received(flags, bytes, attached, attachedKind); break;
    case event.DRAIN: channel.drained(); break;
    case event.SENT: channel.confirmed(value); break;
    case event.CLOSED: channel.closed(handle); break;
  }
}

module.exports = { Channel, onChannelEvent };

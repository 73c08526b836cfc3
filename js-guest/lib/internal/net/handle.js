// What a socket's or server's `_handle` is: an object over a number of the host, in the shape that Node's TCP and Pipe
// have, for those who look beneath. Sockets make it when it is first asked for. Must not know what a Socket does.
'use strict';

const native = internalBinding('stream');
const { parseRecord } = require('internal/net/address');
const { option } = require('internal/net/options');

const EBADF = -9, ENOTCONN = -107;

function fill(handle, side, out) {
  const record = handle.id > 0 ? parseRecord(native.address(handle.id, side)) : null;
  if (!record?.family) return side === 1 ? ENOTCONN : EBADF;
  Object.assign(out, record);
  return 0;
}

class Handle {
  // `owner`: told when the handle is closed under it. `unread`: it came from another process, without credit to read.
  constructor(id, owner = null, unread = false) {
    this.id = id;
    this.owner = owner;
    this.reading = true;
    this.unread = unread;
  }

  get fd() { return -1; }

  close(cb) {
    const { id } = this;
    this.id = -1;
    if (id > 0) native.close(id);
    this.owner?._handleClosed?.();
    if (typeof cb === 'function') setImmediate(cb);
  }

  ref() { if (this.id > 0) native.ref(this.id, true); }
  unref() { if (this.id > 0) native.ref(this.id, false); }
  getsockname(out) { return fill(this, 0, out); }
  getpeername(out) { return fill(this, 1, out); }
  setNoDelay(enable) { return this.id > 0 ? native.option(this.id, option.NO_DELAY, enable ? 1 : 0) : 0; }
  setKeepAlive(enable, seconds) {
    return this.id > 0 ? native.option(this.id, option.KEEP_ALIVE, enable ? Math.max(1, seconds) : -1) : 0;
  }
  readStart() { this.reading = true; return 0; }
  readStop() { this.reading = false; return 0; }
}

class TCP extends Handle {}
class Pipe extends Handle {}

module.exports = { Handle, TCP, Pipe };

// Responses from the host's codec, in its client role, for each stream that carries requests: a socket of ours is read by
// the host itself, bytes of any other stream are fed to it. One reader a stream, for as long as the stream lives; it
// knows the request by `socket._httpMessage`. Knows no pool.
'use strict';

const native = internalBinding('http');
const streams = internalBinding('stream');
const { Socket, kHandle, kFacade } = require('internal/net/socket');
const { flag } = require('internal/net/options');
const { errnoException } = require('internal/errors');
const connections = require('internal/http/connections');

const kReader = Symbol('kReader');
const readers = new Map(); // by the host's handle
const NOTHING = Buffer.alloc(0);

// The constants `expect`.
const OTHER = 0, HEAD = 1, CONNECT = 2, UPGRADE = 3;

class Reader {
  constructor(socket, options) {
    this.socket = socket;
    this.handle = 0;
    this.options = options;
    this.isOwn = socket instanceof Socket && !socket[kFacade];
    this.kind = -1;
    this.onClose = null;
    if (this.open()) return;
    socket.once('connect', () => {
      if (this.open() && this.outgoing) this.expect(this.outgoing);
    });
  }

  // A socket of ours has its handle when it is connected at the latest.
  open() {
    if (this.handle) return true;
    const { socket, options } = this;
    if (!this.isOwn) {
      this.handle = streams.attach(0, [flag.CLIENT, ...options]);
      if (this.handle < 0) throw errnoException(this.handle, 'attach');
      streams.ref(this.handle, false); // whether there is more to come is the stream's to say
    } else {
      if (!(socket[kHandle] > 0) || streams.client(socket[kHandle], [0, ...options]) < 0) return false;
      this.handle = socket[kHandle];
    }
    readers.set(this.handle, this);
    this.onClose = () => {
      if (this.isOwn) this.close();
      else setImmediate(() => this.close()); // what was fed is still to be told
    };
    socket.once('close', this.onClose);
    return true;
  }

  close() {
    if (!this.handle) return;
    readers.delete(this.handle);
    native.letGo(this.handle);
    if (!this.isOwn) streams.close(this.handle);
    this.handle = 0;
    this.socket[kReader] = undefined;
  }

  // The stream has left HTTP; so many bytes came with the head, and used up credit.
  leave(bytes) {
    if (this.isOwn && bytes) streams.credit(this.handle, bytes);
    this.socket.removeListener('close', this.onClose);
    this.close();
  }

  // A request has the stream. What a parser shows of it in Node is shown here.
  carry(req, onIncoming) {
    this.outgoing = req;
    this.answered = null;
    this.onIncoming = onIncoming;
    this.joinDuplicateHeaders = req.joinDuplicateHeaders;
    this.expect(req);
  }

  // It has its answer, or will have none.
  release() {
    if (this.outgoing) this.answered = this.outgoing;
    this.outgoing = this.onIncoming = this.joinDuplicateHeaders = null;
  }

  // A request is going out.
  expect(req) {
    if (req.res) return; // it has its answer; what it still sends asks for none
    const kind = req.method === 'HEAD' ? HEAD : req.method === 'CONNECT' ? CONNECT : offersUpgrade(req) ? UPGRADE : OTHER;
    if (kind === this.kind || !this.open()) return;
    this.kind = kind;
    native.expect(this.handle, kind);
  }

  // Bytes that the host has not read as a response itself.
  feed(chunk) {
    if (!this.open()) return;
    const { outgoing } = this;
    if (outgoing) this.expect(outgoing);
    streams.feed(this.handle, typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk);
  }

  end() {
    if (!this.isOwn && this.handle) streams.feed(this.handle, NOTHING);
  }
}
Object.assign(Reader.prototype, { outgoing: null, answered: null, onIncoming: null, joinDuplicateHeaders: null });

// A script that listens for an upgrade takes one, whether it has asked for it or not.
function offersUpgrade(req) {
  if (req.listenerCount('upgrade') > 0) return true;
  return req._header ? /\r\nupgrade:/i.test(req._header) : Boolean(req.getHeader('upgrade'));
}

function readerOf(socket, options) {
  return socket[kReader] ??= new Reader(socket, options);
}

// `onHead(reader, res, flags)` and `onFault(reader, error)` are the client's.
function setup(onHead, onFault) {
  native.setupClient((handle, res, status, reason, flags, size) => {
    const reader = readers.get(handle);
    if (!reader) return;
    res.statusCode = status;
    res.statusMessage = reason;
    res.socket = reader.socket;
    if (status >= 200 || status === 101) reader.kind = -1;
    onHead(reader, res, flags, size);
  }, (handle, parsed, code, message, packet) => {
    const reader = readers.get(handle);
    if (!reader) return;
    const error = new Error(`Parse Error: ${message}`);
    onFault(reader, Object.assign(error, { bytesParsed: parsed, code, reason: message, rawPacket: packet }));
  });
}

// The host will take no more of what is fed: the stream is of no use to a request.
connections.setReader((handle, errno) => {
  const reader = readers.get(handle);
  if (!reader) return;
  readers.delete(handle);
  reader.handle = 0;
  if (errno) reader.socket.destroy(errnoException(-errno, 'read'));
});

module.exports = { readerOf, setup };

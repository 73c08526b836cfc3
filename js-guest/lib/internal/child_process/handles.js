// Sockets, servers and UDP sockets as they travel: what is told of each, what the sender keeps, and what the receiver makes
// of it. Must not know the channel.
'use strict';

const native = internalBinding('stream');
const net = require('net');
const dgram = require('dgram');
const { Handle, TCP, Pipe } = require('internal/net/handle');
const { codes: { ERR_INVALID_HANDLE_TYPE } } = require('internal/errors');
const { kAdopt, kHandleOf } = require('internal/dgram/shared');
const { kListener } = require('internal/net/server');
const { kHandle, giveAway } = require('internal/net/socket');

// The host's kinds of handles that can come with a message; see the table `kinds` of the boundary.
const { STREAM, LISTENER, DATAGRAM } = internalBinding('child').kinds;

function typeOf(object) {
  if (object instanceof net.Socket) return 'net.Socket';
  if (object instanceof net.Server) return 'net.Server';
  if (object instanceof Handle) return 'net.Native';
  if (object instanceof dgram.Socket) return 'dgram.Socket';
  throw new ERR_INVALID_HANDLE_TYPE();
}

const isPipe = (id) => {
  const text = native.address(id, 0);
  return typeof text !== 'string' || !/^(?:IPv)?[46] /.test(text);
};

// { attach: { handle, keep }, notes } or null: there is nothing to be sent any more.
function pack(type, object, options, ipc) {
  switch (type) {
    case 'net.Native':
      return object.id > 0 ? { attach: { handle: object.id, keep: true }, notes: { pipe: object instanceof Pipe } } : null;
    case 'net.Server':
      return object[kListener] ? { attach: { handle: object[kListener], keep: true }, notes: { pipe: object._pipeName !== undefined } } : null;
    case 'net.Socket': return packSocket(object, Boolean(options.keepOpen), ipc);
    case 'dgram.Socket': {
      const handle = object[kHandleOf]();
      return handle ? { attach: { handle, keep: true }, notes: { family: object.type } } : null;
    }
  }
  throw new ERR_INVALID_HANDLE_TYPE();
}

function packSocket(socket, keep, ipc) {
  const handle = socket[kHandle];
  if (!(handle > 0)) return null;
  const notes = { pipe: isPipe(handle) };
  if (socket.server instanceof net.Server) notes.key = ipc.counts.sending(socket.server, keep);
  if (!keep) giveAway(socket);
  return { attach: { handle, keep }, notes };
}

function expect(kind, wanted) {
  if (kind !== wanted) throw new TypeError('not the handle that was told of');
}

// Throws when the message and what came with it do not go together.
function unpack(message, attached, kind, ipc) {
  const Class = message.pipe ? Pipe : TCP;
  switch (message.type) {
    case 'net.Native':
      if (kind !== STREAM) expect(kind, LISTENER);
      return new Class(attached);
    case 'net.Server': {
      expect(kind, LISTENER);
      const server = new net.Server();
      server.listen(new Class(attached));
      return server;
    }
    case 'net.Socket': {
      expect(kind, STREAM);
      const socket = new net.Socket({ handle: new Class(attached, null, true), readable: true, writable: true });
      if (typeof message.key === 'string') ipc.counts.received(message.key, socket);
      return socket;
    }
    case 'dgram.Socket': {
      expect(kind, DATAGRAM);
      return dgram.Socket[kAdopt](message.family === 'udp6' ? 'udp6' : 'udp4', attached);
    }
  }
  throw new TypeError('unknown type of handle');
}

module.exports = { typeOf, pack, unpack };

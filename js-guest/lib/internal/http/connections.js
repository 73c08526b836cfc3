// The sockets of HTTP connections: one facade a connection, made when a script first touches `req.socket` or when the
// server watches connections. And connections over streams that the script has itself (server.emit('connection', s)).
// Knows no request and no response.
'use strict';

const native = internalBinding('stream');
const { Socket, kHandle } = require('internal/net/socket');
const { errnoException } = require('internal/errors');
const { dress, setNumber, timedOut } = require('internal/http/facade');
const { event } = require('internal/net/options');

const byHandle = new Map(); // the connection's handle to { socket, server, own }
const byNumber = new Map(); // Request.conn to a handle

function facade(handle, server, number = 0) {
  let entry = byHandle.get(handle);
  if (!entry) {
    const socket = Socket.adopt(handle, { facade: true, allowHalfOpen: true, server });
    entry = { socket, server, own: false, number };
    byHandle.set(handle, entry);
    native.attachObject(handle, socket);
    dress(socket, number);
    if (number) byNumber.set(number, handle);
  }
  return entry;
}

// A connection that is gone, or was never there: its socket says so.
function deadSocket() {
  const socket = new Socket();
  socket.destroy();
  return socket;
}

function socketOf(exchange, number, server, named) {
  const known = byNumber.get(number);
  if (known !== undefined) return byHandle.get(known).socket;
  const handle = named > 0 ? named : native.conn(exchange);
  if (handle < 0) return deadSocket();
  const entry = facade(handle, server, number);
  if (!entry.number) {
    entry.number = number;
    setNumber(entry.socket, number);
    byNumber.set(number, handle);
  }
  return entry.socket;
}

// The socket that the script knows for a connection which is leaving HTTP, if any.
function forgetNumber(number) {
  const handle = byNumber.get(number);
  return handle === undefined ? undefined : forget(handle).socket;
}

// The server of an attached connection, by the number that its requests carry. The host tells no number when a stream is
// attached; of its first request it says whose it is.
function serverOf(exchange, number) {
  const handle = byNumber.get(number) ?? native.conn(exchange), entry = byHandle.get(handle);
  if (entry === undefined) return undefined;
  entry.number = number;
  byNumber.set(number, handle);
  return entry.server;
}

function forget(handle) {
  const entry = byHandle.get(handle);
  if (!entry) return undefined;
  byHandle.delete(handle);
  if (!entry.own) native.detachObject(handle);
  if (entry.number) byNumber.delete(entry.number);
  return entry;
}

// A stream of the script's own becomes a connection: bytes go through the host's codec and come back.
function attach(server, stream, listener, options) {
  const handle = native.attach(listener, options);
  if (handle < 0) throw errnoException(handle, 'attach');
  native.ref(handle, false); // whether there is more to come is the stream's to say
  const entry = { socket: stream, server, own: true, number: 0 };
  byHandle.set(handle, entry);
  stream.on('data', (chunk) => native.feed(handle, typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk));
  stream.on('end', () => native.feed(handle, Buffer.alloc(0)));
  stream.on('close', () => {
    if (forget(handle)) native.close(handle);
  });
  return handle;
}

// Of a stream of the script's own in the client role the host may have enough, too.
let onReaderClosed;

function onConnEvent(kind, handle, value, bytes) {
  const entry = byHandle.get(handle);
  if (!entry) {
    if (kind === event.CONN_CLOSED) onReaderClosed?.(handle, value);
    return;
  }
  const { socket, own } = entry;
  if (kind === event.CONN_OUT) {
    if (bytes && socket.writable !== false) socket.write(bytes); // one that the script has ended takes no more
  } else if (kind === event.CONN_CLOSED) {
    forget(handle);
    if (own) {
      socket.end?.();
      return;
    }
    socket[kHandle] = 0;
    socket.destroy(value ? errnoException(-value, 'read') : undefined);
  } else if (kind === event.CONN_TIMEOUT) {
    timedOut(socket);
  } else if (kind === event.CONN_END) {
    socket.push(null);
    socket.read(0);
  }
}

module.exports = {
  facade, socketOf, attach, onConnEvent, forget, forgetNumber, serverOf, byHandle,
  setReader(fn) { onReaderClosed = fn; },
};

// The rare turns of a server's life: upgrades and CONNECT, expectations, dropped requests, client errors, connections
// and their time-outs. Knows no option and no header.
'use strict';

const native = internalBinding('http');
const streams = internalBinding('stream');
const { Socket, kFacade, kHandle } = require('internal/net/socket');
const { codes: { ERR_HTTP_REQUEST_TIMEOUT } } = require('internal/errors');
const connections = require('internal/http/connections');
const { undress, onError } = require('internal/http/facade');

// Bits of skep_request.flags.
const HAS_BODY = 2, UPGRADE = 8, EXPECT_CONTINUE = 16, EXPECT_OTHER = 32, OVER_LIMIT = 128;

// ---- Requests that are more than a request ----

function dispatch(server, req, res, flags) {
  if (flags & OVER_LIMIT) {
    server.emit('dropRequest', req, req.socket);
    res.shouldKeepAlive = false;
    res.writeHead(503);
    res.end();
    return;
  }
  if (flags & UPGRADE && takesOver(server, req, res, flags)) return;
  if (flags & EXPECT_CONTINUE) {
    res._expect_continue = true;
    if (server.listenerCount('checkContinue') > 0) {
      server.emit('checkContinue', req, res);
      return;
    }
    res._sent100 = true; // by the host
  } else if (flags & EXPECT_OTHER) {
    if (server.listenerCount('checkExpectation') > 0) {
      server.emit('checkExpectation', req, res);
    } else {
      res.writeHead(417);
      res.end();
    }
    return;
  }
  server.emit('request', req, res);
}

function takesOver(server, req, res, flags) {
  const event = req.method === 'CONNECT' ? 'connect' : 'upgrade';
  if (server.listenerCount(event) === 0) {
    if (event === 'upgrade') {
      // What came after the head is the next request's, which the host has kept.
      if (!(flags & HAS_BODY)) native.takeBody(req);
      return false;
    }
    req.socket.destroy();
    return true;
  }
  const head = native.takeBody(req) ?? Buffer.alloc(0);
  const socket = takeConnection(server, req, res);
  if (socket === null) return true;
  req.upgrade = true;
  server.emit(event, req, socket, head);
  return true;
}

// The connection leaves HTTP: a stream handle of its own, under the socket that the script may know already.
function takeConnection(server, req, res) {
  const [exchange] = native.requestInfo(req);
  const { socket } = req;
  const before = socket[kHandle];
  const handle = streams.upgrade(exchange);
  native.letGo(exchange, req, res);
  if (handle < 0) {
    socket.destroy();
    return null;
  }
  connections.forget(before);
  if (!socket[kFacade]) return socket; // a stream of the script's own
  undress(socket);
  Socket.convert(socket, handle, server);
  return socket;
}

// ---- Connections ----

function connection(server, handle, number) {
  const { socket } = connections.facade(handle, server, number);
  if (server.timeout > 0 && server.listenerCount('timeout') > 0) socket.setTimeout(server.timeout);
  server.emit('connection', socket);
}

function parseError(code, message, bytesParsed, rawPacket) {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new ERR_HTTP_REQUEST_TIMEOUT();
  return Object.assign(new Error(`Parse Error: ${message}`), { bytesParsed, code, reason: message, rawPacket });
}

// A connection that the script has already: over a stream of its own, which it answers on itself; or a socket of the
// host's, who has answered.
function heldError({ socket, own }, error) {
  if (own) {
    onError.call(socket, error);
  } else {
    socket[kHandle] = 0;
    socket.destroy(error);
  }
}

// The connection has left HTTP: a stream on which the script may answer what it likes.
function clientError(server, handle, number, status, parsed, code, message, packet) {
  const held = connections.forget(handle);
  if (held) {
    heldError(held, parseError(code, message, parsed, packet));
    return;
  }
  const known = connections.forgetNumber(number);
  const socket = known?.[kFacade] ? known : Socket.adopt(handle, { allowHalfOpen: true, server: null });
  if (known === socket) {
    undress(socket);
    Socket.convert(socket, handle, null);
  }
  socket.server = server;
  const failed = (bytes, rawPacket) => onError.call(socket, parseError(code, message, bytes, rawPacket));
  if (code !== 'ERR_HTTP_REQUEST_TIMEOUT') {
    // As in Node: a parser that has failed fails again, whatever comes, until the script has closed the socket.
    socket.on('data', (chunk) => failed(0, chunk));
    socket.on('end', () => socket.end());
  }
  failed(parsed, packet);
}

module.exports = { dispatch, connection, clientError, kFacade };

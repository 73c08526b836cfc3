// The worker's side of node:cluster: its servers and UDP sockets are asked of the primary, and given back when they close or
// the worker leaves. Must not know how the primary opens them.
'use strict';

const native = internalBinding('child');
const streams = internalBinding('stream');
const cluster = require('cluster');
const path = require('path');
const primary = require('internal/cluster/primary');
const wire = require('internal/cluster/wire');
const { Worker } = require('internal/cluster/worker');
const { begin, kListener, kRelease, shareBy } = require('internal/net/server');
const { asker, kBound } = require('internal/dgram/shared');
const { exceptionWithHostPort } = require('internal/errors');

const { LISTENER, DATAGRAM } = native.kinds;
const EADDRINUSE = -98;

const owned = new Set(); // servers and sockets that listen through the primary
let leaving = false;

// ---- The same address more than once ----

// With port 0 each listen means another port: the primary tells them apart by their order in a worker.
const places = new Map();

function takeIndex({ address, port, family }) {
  const key = [address, port, family].join(' ');
  let place = places.get(key);
  if (place === undefined) places.set(key, place = { next: 0, open: 0 });
  place.open++;
  const index = place.next++;
  return [index, () => { if (--place.open === 0) places.delete(key); }];
}

// ---- Asking ----

// `take(reply, attached, kind)` answers an error number, or 0 when it listens.
function request(object, wish, take, listening) {
  // The primary works in a folder of its own.
  if (wish.port === -1) wish = { ...wish, address: path.resolve(wish.address) };
  const [index, giveBack] = takeIndex(wish);
  const place = { ...wish, index };
  const ask = { do: 'listen', ...place };
  wire.ask(process, ask, (reply, attached, kind) => {
    if (leaving) {
      // Too late: nobody would close it.
      if (attached) streams.close(attached);
      return;
    }
    const error = reply.errno || take(reply, attached, kind);
    if (error) {
      giveBack();
      if (attached) streams.close(attached);
      object.emit('error', exceptionWithHostPort(error, 'bind', wish.address, wish.port));
      return;
    }
    owned.add(object);
    listening(() => {
      owned.delete(object);
      giveBack();
      wire.say(process, { ...ask, do: 'close' });
    });
    cluster.worker.state = 'listening';
    object.emit('listening');
    wire.say(process, { ...ask, do: 'listening', port: reply.place?.port ?? wish.port });
  });
}

const MAX_CONNECTIONS = 9; // in a ListenOptions record

// A worker that is full is passed over, so the host knows the limit of any server here, and when it changes.
function tellLimit(server) {
  const options = server._options(false);
  if (Object.hasOwn(server, 'maxConnections') || !('maxConnections' in server)) {
    let limit = server.maxConnections;
    const tell = () => {
      const now = server._options(false);
      now[MAX_CONNECTIONS] = limit ?? 0;
      streams.listenSet(server[kListener], now);
    };
    Object.defineProperty(server, 'maxConnections', {
      configurable: true,
      enumerable: true,
      get: () => limit,
      set(value) {
        limit = value;
        if (server[kListener]) tell();
      },
    });
    options[MAX_CONNECTIONS] = limit ?? 0;
  }
  return options;
}

function shareServer(server, wish) {
  let handle;
  const take = (reply, attached, kind) => {
    const options = tellLimit(server);
    if (attached && kind !== LISTENER) return EADDRINUSE;
    handle = attached || native.listenShared(reply.id, options);
    if (handle < 0) return handle;
    begin(server, handle, { address: wish.address, port: wish.port === -1 ? undefined : wish.port, otherwise: undefined }, reply.place);
    return attached ? Math.min(0, streams.listenSet(handle, options)) : 0;
  };
  request(server, wish, take, (release) => { server[kRelease] = release; });
}

function shareDatagram(socket, wish) {
  let handle;
  const take = (reply, attached, kind) => {
    if (!attached || kind !== DATAGRAM) return EADDRINUSE;
    handle = attached;
    return 0;
  };
  request(socket, wish, take, (release) => socket[kBound](handle, release));
}

// ---- Leaving ----

function leave(asked) {
  const { worker } = cluster;
  worker.exitedAfterDisconnect = true;
  leaving = true;
  let waiting = 1;
  const done = () => {
    if (--waiting > 0) return;
    if (asked) process.disconnect();
    else wire.ask(process, { do: 'leaving' }, () => { if (process.connected) process.disconnect(); });
  };
  for (const object of [...owned]) {
    waiting++;
    object.close(done);
  }
  owned.clear();
  done();
}

function disconnect() {
  if (this.state !== 'disconnecting' && this.state !== 'destroying') {
    this.state = 'disconnecting';
    leave(false);
  }
  return this;
}

function destroy() {
  if (this.state === 'destroying') return;
  this.exitedAfterDisconnect = true;
  if (!this.isConnected()) process.exit(0);
  this.state = 'destroying';
  wire.ask(process, { do: 'leaving' }, () => { if (process.connected) process.disconnect(); });
  process.once('disconnect', () => process.exit(0));
}

function onDisconnect(worker) {
  worker.emit('disconnect');
  if (!worker.exitedAfterDisconnect) process.exit(0);
}

// ---- The beginning ----

function hear(message) {
  if (message.do !== 'disconnect') throw new TypeError('unknown message');
  return () => leave(true);
}

function setup(id) {
  primary.uninstall();
  const worker = new Worker({ id, process, state: 'online' });
  Object.assign(cluster, { isWorker: true, isMaster: false, isPrimary: false, worker });
  Object.assign(Worker.prototype, { disconnect, destroy });
  process.once('disconnect', () => onDisconnect(worker));
  wire.listen(process, hear);
  shareBy(shareServer);
  asker.share = shareDatagram;
  wire.say(process, { do: 'online' });
}

module.exports = { setup };

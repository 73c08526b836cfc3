// What workers listen on together: each address is opened once, here, and every worker that asks gets its part in it. TCP and
// UNIX listeners are dealt by the host, connection by connection; without dealing, and for UDP, each worker has the socket
// itself. Must not know what a worker is beyond its process.
'use strict';

const native = internalBinding('child');
const dgram = require('dgram');
const net = require('net');
const { ipcOf } = require('internal/child_process/ipc');
const { kHandleOf, kRest } = require('internal/dgram/shared');
const { kListener } = require('internal/net/server');
const { flag } = require('internal/net/options');

const EACCES = -13, EINVAL = -22;
const FAMILIES = [4, 6, -1, 'udp4', 'udp6'];

let serial = 0;

// A worker's wish, checked: only what is used of it, by name.
function readWish({ address, port, family, index, backlog, ipv6Only, reuseAddr, mode, as }) {
  const whole = (value, least, most) => Number.isInteger(value) && value >= least && value <= most;
  const good = (address === null || typeof address === 'string') && whole(port, -1, 65535) && FAMILIES.includes(family) &&
    whole(index, 0, 2 ** 31) && whole(backlog ?? 0, 0, 2 ** 31 - 1) && whole(mode ?? 0, 0, 0o777) && whole(as ?? 0, 0, 2 ** 31 - 1) &&
    (family !== -1) === (port !== -1);
  if (!good) throw new TypeError('not an address');
  return { address, port, family, index, backlog, ipv6Only: ipv6Only === true, reuseAddr: reuseAddr === true, mode: mode ?? 0, as };
}

const keyOf = ({ address, port, family, index }) => JSON.stringify([address, port, family, index]);

// Opens, and takes nothing itself.
class RestingServer extends net.Server {
  _options(ipv6Only) {
    const options = super._options(ipv6Only);
    options[0] |= flag.REST;
    return options;
  }
}

function openServer({ address, port, backlog, ipv6Only, mode }, dealing) {
  const server = dealing ? new net.Server() : new RestingServer();
  const own = { backlog, exclusive: true };
  if (port === -1) server.listen({ ...own, path: address, readableAll: (mode & 0o444) !== 0, writableAll: (mode & 0o222) !== 0 });
  else server.listen({ ...own, port, host: address ?? undefined, ipv6Only });
  return server;
}

function openDatagram({ address, port, family, ipv6Only, reuseAddr }) {
  const socket = dgram.createSocket({ type: family, reuseAddr, ipv6Only });
  socket[kRest]();
  socket.bind({ port, address: address ?? undefined, exclusive: true });
  return socket;
}

class Share {
  #members = new Set();
  #waiting = []; // [worker, reply, as], until it is known whether it is open
  #open = false;

  constructor(wish, dealing, onFailed) {
    this.id = ++serial;
    this.isDatagram = typeof wish.family === 'string';
    this.dealing = dealing && !this.isDatagram;
    this.socket = this.isDatagram ? openDatagram(wish) : openServer(wish, dealing);
    this.socket.once('listening', () => {
      this.#open = true;
      for (const each of this.#waiting.splice(0)) this.#give(...each);
    });
    this.socket.once('error', (error) => {
      onFailed();
      for (const [, reply] of this.#waiting.splice(0)) reply({ errno: error.errno ?? EACCES });
    });
  }

  // `as`: the number that the worker wants to know it by; none: ours.
  join(worker, reply, as) {
    this.#members.add(worker);
    if (this.#open) this.#give(worker, reply, as);
    else this.#waiting.push([worker, reply, as]);
  }

  #handle() {
    return this.isDatagram ? this.socket[kHandleOf]() : this.socket[kListener];
  }

  #give(worker, reply, as = this.id) {
    const ipc = ipcOf(worker.process);
    if (ipc === null) return;
    const place = this.socket.address();
    const message = { errno: 0, id: as, place: typeof place === 'string' ? null : place };
    if (!this.dealing) {
      reply(message, { handle: this.#handle(), keep: true });
      return;
    }
    const answer = native.share(this.#handle(), ipc.channel.handle, as);
    reply(answer < 0 ? { errno: answer } : message);
  }

  // Answers whether nobody is left.
  leave(worker) {
    if (!this.#members.delete(worker)) return false;
    this.#waiting = this.#waiting.filter(([other]) => other !== worker);
    const ipc = ipcOf(worker.process);
    if (this.dealing && this.#open && ipc !== null) native.unshare(this.#handle(), ipc.channel.handle);
    if (this.#members.size > 0) return false;
    this.#close();
    return true;
  }

  #close() {
    if (this.#open) this.socket.close();
    else this.socket.once('listening', () => this.socket.close());
  }
}

class Shares {
  #byKey = new Map();
  dealing = true;

  join(worker, wish, reply) {
    const key = keyOf(wish);
    let share = this.#byKey.get(key);
    if (share === undefined) {
      try {
        share = new Share(wish, this.dealing, () => this.#byKey.delete(key));
      } catch (error) {
        reply({ errno: error.errno ?? EINVAL });
        return;
      }
      this.#byKey.set(key, share);
    }
    share.join(worker, reply, wish.as);
  }

  // One of its shares, or all.
  leave(worker, wish = undefined) {
    const keys = wish === undefined ? [...this.#byKey.keys()] : [keyOf(wish)];
    for (const key of keys) if (this.#byKey.get(key)?.leave(worker)) this.#byKey.delete(key);
  }
}

module.exports = { Shares, readWish };

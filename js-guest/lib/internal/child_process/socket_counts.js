// Where a server's sockets are that were sent to other processes: `getConnections` counts them, and a server is closed when
// the last of them is. The other side tells; it is believed for numbers only. Must not know how sockets travel.
'use strict';

let serial = 0;
const keys = new WeakMap(); // server to the name that others know it by

function keyOf(server) {
  if (!keys.has(server)) keys.set(server, `${process.pid}:${++serial}`);
  return keys.get(server);
}

// One other process that has sockets of this server: what stands in `server._workers`.
class Away {
  #asked = [];
  #closing = null;

  constructor(counts, server, key) {
    this.counts = counts;
    this.server = server;
    this.key = key;
  }

  getConnections(callback) {
    this.#asked.push(callback);
    this.counts.tell({ act: 'sockets', want: 'count', key: this.key });
  }

  close(callback) {
    this.#closing = callback;
    this.counts.tell({ act: 'sockets', want: 'empty', key: this.key });
  }

  counted(count) {
    this.#asked.shift()?.(null, count);
  }

  isEmpty() {
    const callback = this.#closing;
    this.#closing = null;
    callback?.();
  }

  // The process is gone, and with it what it had.
  end() {
    const { _workers: list } = this.server;
    const at = list.indexOf(this);
    if (at !== -1) list.splice(at, 1);
    for (const callback of this.#asked.splice(0)) callback(null, 0);
    this.isEmpty();
  }
}

// Of one channel: what was sent over it (`#away`) and what came (`#here`), by the server's key.
class Counts {
  #ipc;
  #away = new Map();
  #here = new Map();

  constructor(ipc) {
    this.#ipc = ipc;
  }

  tell(message) {
    this.#ipc.tell(message);
  }

  sending(server, keep) {
    const key = keyOf(server);
    if (!this.#away.has(key)) {
      const away = new Away(this, server, key);
      this.#away.set(key, away);
      server._setupWorker(away);
    }
    if (!keep) server._connections--;
    return key;
  }

  received(key, socket) {
    let here = this.#here.get(key);
    if (here === undefined) this.#here.set(key, here = { sockets: new Set(), told: true });
    here.sockets.add(socket);
    socket.once('close', () => {
      here.sockets.delete(socket);
      this.#tellEmpty(key, here);
    });
  }

  #tellEmpty(key, here) {
    if (here.told || here.sockets.size > 0) return;
    here.told = true;
    this.tell({ act: 'sockets', is: 'empty', key });
  }

  // Answers what to do about it; throws when it makes no sense.
  understand({ want, is, key, count }) {
    if (typeof key !== 'string') throw new TypeError('no key');
    if (want !== undefined) {
      const here = this.#here.get(key) ?? { sockets: new Set(), told: true };
      if (want === 'count') return () => this.tell({ act: 'sockets', is: 'count', key, count: here.sockets.size });
      return () => {
        here.told = false;
        this.#tellEmpty(key, here);
      };
    }
    const away = this.#away.get(key);
    if (away === undefined) throw new TypeError('unknown key');
    if (is === 'empty') return () => away.isEmpty();
    if (!Number.isInteger(count) || count < 0) throw new TypeError('no count');
    return () => away.counted(count);
  }

  end() {
    for (const away of this.#away.values()) away.end();
    this.#away.clear();
  }
}

module.exports = { Counts };

// The primary's side of node:cluster: settings, workers and what they tell. A worker's words are wishes: what it may listen on
// is judged by this process's own grants. Must not know how connections are dealt out: the host does it.
'use strict';

const wire = require('internal/cluster/wire');
const { Worker } = require('internal/cluster/worker');
const { fork } = require('internal/child_process/spawn');
const { begin } = require('internal/child_process/clone');
const { Shares, readWish } = require('internal/cluster/shares');
const { codes: { ERR_INVALID_ARG_VALUE } } = require('internal/errors');

let cluster;
let ids = 0;
let isSetUp = false;
let chosenPolicy;
let leaving = []; // who waits for all workers to be gone
const alive = new Set(); // workers that have a process or a channel still

const shares = new Shares();

// ---- Settings ----

function policyOfEnvironment() {
  const name = process.env.NODE_CLUSTER_SCHED_POLICY;
  return name === 'none' ? cluster.SCHED_NONE : cluster.SCHED_RR;
}

const policy = {
  configurable: true,
  enumerable: true,
  get: () => chosenPolicy ?? policyOfEnvironment(),
  set(value) { chosenPolicy = value; },
};

function setupPrimary(options) {
  const settings = {
    args: process.argv.slice(2), exec: process.argv[1], execArgv: process.execArgv, silent: false, ...cluster.settings, ...options,
  };
  cluster.settings = settings;
  if (!isSetUp) {
    const { schedulingPolicy } = cluster;
    if (schedulingPolicy !== cluster.SCHED_NONE && schedulingPolicy !== cluster.SCHED_RR) {
      throw new ERR_INVALID_ARG_VALUE('cluster.schedulingPolicy', schedulingPolicy);
    }
    isSetUp = true;
    shares.dealing = schedulingPolicy === cluster.SCHED_RR;
  }
  process.nextTick(() => cluster.emit('setup', settings));
}

// ---- Workers ----

function startProcess(id, env) {
  const { exec, args, cwd, serialization, silent, windowsHide, execArgv, stdio, uid, gid } = cluster.settings;
  const options = {
    cwd, env: { ...process.env, ...env }, serialization, silent, windowsHide, execArgv: [...execArgv], stdio, uid, gid,
  };
  return fork(exec, args, options, { worker: id });
}

// From this process's heap as it stands; in the clone, where nothing starts from the beginning, cluster emits 'clone'.
function cloneProcess(id, env) {
  let refused;
  const child = begin({
    serialization: cluster.settings.serialization ?? 'json', worker: id, env,
    resolve: (other) => { if (other === null) cluster.emit('clone', cluster.worker); },
    reject: (error) => { refused = error; child?.emit('error', error); },
  });
  if (child === null) throw refused;
  return child;
}

function forkWorker(env) {
  cluster.setupPrimary();
  const id = ++ids;
  const { clone = false, ...rest } = env ?? {};
  const worker = new Worker({ id, process: clone === true ? cloneProcess(id, rest) : startProcess(id, env) });
  worker.on('message', (message, handle) => cluster.emit('message', worker, message, handle));
  worker.process.once('exit', (code, signal) => onExit(worker, code, signal));
  worker.process.once('disconnect', () => onDisconnect(worker));
  wire.listen(worker.process, (message) => hear(worker, message));
  process.nextTick(() => cluster.emit('fork', worker));
  cluster.workers[id] = worker;
  alive.add(worker);
  return worker;
}

function forget(worker) {
  shares.leave(worker);
  delete cluster.workers[worker.id];
}

function gone(worker) {
  forget(worker);
  alive.delete(worker);
  if (alive.size === 0) tellLeaving();
}

function tellLeaving() {
  const callbacks = leaving;
  leaving = [];
  for (const callback of callbacks) callback();
}

function onExit(worker, code, signal) {
  if (!worker.isConnected()) gone(worker);
  worker.exitedAfterDisconnect = Boolean(worker.exitedAfterDisconnect);
  worker.state = 'dead';
  worker.emit('exit', code, signal);
  cluster.emit('exit', worker, code, signal);
}

function onDisconnect(worker) {
  shares.leave(worker);
  if (worker.isDead()) gone(worker);
  worker.exitedAfterDisconnect = Boolean(worker.exitedAfterDisconnect);
  worker.state = 'disconnected';
  worker.emit('disconnect');
  cluster.emit('disconnect', worker);
}

// ---- What a worker says ----

function hear(worker, message) {
  switch (message.do) {
    case 'online': return () => {
      worker.state = 'online';
      worker.emit('online');
      cluster.emit('online', worker);
    };
    case 'leaving': return () => {
      worker.exitedAfterDisconnect = true;
      wire.answer(worker.process, message.question, {});
    };
    case 'listen': {
      const wish = readWish(message);
      return () => shares.join(worker, wish, (reply, attach) => wire.answer(worker.process, message.question, reply, attach));
    }
    case 'listening': {
      const { address, family, port } = readWish(message);
      return () => {
        worker.state = 'listening';
        const info = { addressType: family, address, port, fd: undefined };
        worker.emit('listening', info);
        cluster.emit('listening', worker, info);
      };
    }
    case 'close': {
      const wish = readWish(message);
      return () => shares.leave(worker, wish);
    }
  }
  throw new TypeError('unknown message');
}

// ---- The end of workers ----

Worker.prototype.disconnect = function() {
  this.exitedAfterDisconnect = true;
  wire.say(this.process, { do: 'disconnect' });
  forget(this);
  return this;
};

Worker.prototype.destroy = function(signal) {
  this.process.kill(signal || 'SIGTERM');
};

function disconnect(callback) {
  if (typeof callback === 'function') leaving.push(callback);
  if (alive.size === 0) process.nextTick(tellLeaving);
  for (const worker of Object.values(cluster.workers)) if (worker.isConnected()) worker.disconnect();
}

function install(object) {
  cluster = object;
  Object.assign(cluster, {
    isWorker: false, isMaster: true, isPrimary: true, workers: {}, settings: {}, setupPrimary, setupMaster: setupPrimary, fork: forkWorker,
    disconnect,
  });
  Object.defineProperty(cluster, 'schedulingPolicy', policy);
}

// A process that turns out to be a worker has none of this.
function uninstall() {
  for (const name of ['workers', 'settings', 'setupPrimary', 'setupMaster', 'fork', 'disconnect', 'schedulingPolicy']) delete cluster[name];
}

module.exports = { install, uninstall };

// http.Agent: which socket a request gets. One pool for each name (host, port, local address...): sockets in use, free
// ones that are kept alive, and requests that wait for one. Knows no byte of HTTP.
'use strict';

const net = require('net');
const EventEmitter = require('events');
const { AsyncResource } = require('async_hooks');
const { validateNumber, validateOneOf } = require('internal/validators');

const kOptions = Symbol('requestOptions');
const kResource = Symbol('requestAsyncResource');

function Agent(options) {
  if (!(this instanceof Agent)) return new Agent(options);
  EventEmitter.call(this);
  this.defaultPort = 80;
  this.protocol = 'http:';
  this.options = { __proto__: null, ...options };
  if (this.options.noDelay === undefined) this.options.noDelay = true;
  this.options.path = null; // a request's path is no UNIX socket's
  this.requests = { __proto__: null };
  this.sockets = { __proto__: null };
  this.freeSockets = { __proto__: null };
  this.keepAliveMsecs = this.options.keepAliveMsecs || 1000;
  this.keepAlive = this.options.keepAlive || false;
  this.maxSockets = this.options.maxSockets || Agent.defaultMaxSockets;
  this.maxFreeSockets = this.options.maxFreeSockets || 256;
  this.scheduling = this.options.scheduling || 'lifo';
  this.maxTotalSockets = this.options.maxTotalSockets;
  this.totalSocketCount = 0;
  validateOneOf(this.scheduling, 'scheduling', ['fifo', 'lifo']);
  if (this.maxTotalSockets !== undefined) validateNumber(this.maxTotalSockets, 'maxTotalSockets', 1);
  else this.maxTotalSockets = Infinity;
  this.on('free', onFree);
}
Object.setPrototypeOf(Agent.prototype, EventEmitter.prototype);
Object.setPrototypeOf(Agent, EventEmitter);
Agent.defaultMaxSockets = Infinity;

Agent.prototype.createConnection = net.createConnection;

// ---- A socket is free ----

// It goes to a request that waits, or into the pool, or away.
function onFree(socket, options) {
  const name = this.getName(options);
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const waiting = this.requests[name];
  if (waiting?.length) {
    const req = waiting.shift();
    if (waiting.length === 0) delete this.requests[name];
    inContext(req, () => assign(this, req, socket));
    return;
  }
  const req = socket._httpMessage;
  if (!req || !req.shouldKeepAlive || !this.keepAlive || !hasRoom(this, name) || !this.keepSocketAlive(socket)) {
    socket.destroy();
    return;
  }
  socket._httpMessage = null;
  this.removeSocket(socket, options);
  socket.once('error', onIdleError);
  (this.freeSockets[name] ??= []).push(socket);
}

function hasRoom(agent, name) {
  const free = agent.freeSockets[name]?.length ?? 0;
  const used = agent.sockets[name]?.length ?? 0;
  return agent.totalSocketCount <= agent.maxTotalSockets && free + used <= agent.maxSockets && free < agent.maxFreeSockets;
}

function onIdleError() {
  this.destroy();
  this.emit('agentRemove');
}

// A request that has waited goes on in the context it was made in.
function inContext(req, fn) {
  const resource = req[kResource];
  req[kResource] = null;
  if (resource) resource.runInAsyncScope(fn);
  else fn();
}

function assign(agent, req, socket) {
  req.onSocket(socket);
  const usual = agent.options.timeout || 0;
  if (req.timeout === undefined || req.timeout === usual) return;
  socket.setTimeout(req.timeout);
}

// ---- A request wants one ----

Agent.prototype.getName = function(options = {}) {
  let name = `${options.host || 'localhost'}:${options.port || ''}:${options.localAddress || ''}`;
  if (options.family === 4 || options.family === 6) name += `:${options.family}`;
  if (options.socketPath) name += `:${options.socketPath}`;
  return name;
};

function merged(agent, options) {
  const all = { __proto__: null, ...options, ...agent.options };
  if (all.socketPath) all.path = all.socketPath;
  else if (all.path === null) delete all.path;
  return all;
}

Agent.prototype.addRequest = function(req, options, port, localAddress) {
  if (typeof options === 'string') options = { __proto__: null, host: options, port, localAddress };
  options = merged(this, options);
  const name = this.getName(options);
  this.sockets[name] ??= [];
  const socket = takeFree(this, name);
  const count = (this.freeSockets[name]?.length ?? 0) + this.sockets[name].length;
  if (socket) {
    this.reuseSocket(socket, req);
    assign(this, req, socket);
    this.sockets[name].push(socket);
  } else if (count < this.maxSockets && this.totalSocketCount < this.maxTotalSockets) {
    this.createSocket(req, options, (error, made) => {
      if (error) req.onSocket(made, error);
      else assign(this, req, made);
    });
  } else {
    req[kOptions] = options;
    req[kResource] = new AsyncResource('QueuedRequest');
    (this.requests[name] ??= []).push(req);
  }
};

function takeFree(agent, name) {
  const free = agent.freeSockets[name];
  if (!free) return undefined;
  while (free.length && free[0].destroyed) free.shift();
  const socket = agent.scheduling === 'fifo' ? free.shift() : free.pop();
  if (free.length === 0) delete agent.freeSockets[name];
  return socket;
}

Agent.prototype.createSocket = function(req, options, cb) {
  options = merged(this, options);
  const timeout = req.timeout || this.options.timeout || undefined;
  if (timeout) options.timeout = timeout;
  const name = this.getName(options);
  options._agentKey = name;
  options.encoding = null;
  let told = false;
  const oncreate = (error, socket) => {
    if (told) return;
    told = true;
    if (error) {
      cb(error);
      return;
    }
    (this.sockets[name] ??= []).push(socket);
    this.totalSocketCount++;
    watch(this, socket, options);
    cb(null, socket);
  };
  if (this.keepAlive) {
    options.keepAlive = this.keepAlive;
    options.keepAliveInitialDelay = this.keepAliveMsecs;
  }
  const made = this.createConnection(options, oncreate);
  if (made) oncreate(null, made);
};

// What becomes of a socket while it is this agent's.
function watch(agent, socket, options) {
  const listeners = {
    free() { agent.emit('free', socket, options); },
    close() {
      agent.totalSocketCount--;
      agent.removeSocket(socket, options);
    },
    timeout() {
      const isFree = Object.values(agent.freeSockets).some((list) => list.includes(socket));
      if (isFree) socket.destroy();
    },
    // It leaves the pool, as an upgraded one does.
    agentRemove() {
      agent.totalSocketCount--;
      agent.removeSocket(socket, options);
      for (const name of Object.keys(listeners)) socket.removeListener(name, listeners[name]);
    },
  };
  for (const name of Object.keys(listeners)) socket.on(name, listeners[name]);
}

// ---- A socket is gone ----

Agent.prototype.removeSocket = function(socket, options) {
  const name = this.getName(options);
  const pools = socket.writable ? [this.sockets] : [this.sockets, this.freeSockets];
  for (const pool of pools) {
    const at = pool[name]?.indexOf(socket) ?? -1;
    if (at === -1) continue;
    pool[name].splice(at, 1);
    if (pool[name].length === 0) delete pool[name];
  }
  let req = this.requests[name]?.[0];
  if (!req) {
    // Under maxTotalSockets another name may have been waiting for this one.
    const [other] = Object.keys(this.requests);
    if (other !== undefined && !this.sockets[other]?.length) {
      req = this.requests[other][0];
      options = req[kOptions];
    }
  }
  if (!req || !options) return;
  req[kOptions] = undefined;
  this.createSocket(req, options, (error, made) => {
    if (error) req.onSocket(null, error);
    else made.emit('free');
  });
};

// Whether a socket may wait for another request; the server may have said how long.
Agent.prototype.keepSocketAlive = function(socket) {
  socket.setKeepAlive(true, this.keepAliveMsecs);
  socket.unref();
  let timeout = this.options.timeout || 0;
  const hint = /^timeout=(\d+)/.exec(socket._httpMessage?.res?.headers['keep-alive'])?.[1];
  if (hint) {
    const promised = Number.parseInt(hint) * 1000;
    if (promised < timeout) timeout = promised;
  }
  if (socket.timeout !== timeout) socket.setTimeout(timeout);
  return true;
};

Agent.prototype.reuseSocket = function(socket, req) {
  req.reusedSocket = true;
  socket.removeListener('error', onIdleError);
  socket.ref();
};

Agent.prototype.destroy = function() {
  for (const pool of [this.freeSockets, this.sockets]) {
    for (const list of Object.values(pool)) {
      for (const socket of [...list]) socket.destroy();
    }
  }
};

module.exports = { Agent, globalAgent: new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000 }) };

// http.Agent: named and configured, never used: the client is not implemented yet (it will come with the host's codec in
// its other role).
'use strict';

const EventEmitter = require('events');
const { codes: { ERR_METHOD_NOT_IMPLEMENTED, ERR_OUT_OF_RANGE } } = require('internal/errors');
const { validateNumber, validateOneOf } = require('internal/validators');

function positive(value, name) {
  validateNumber(value, name, 0);
  if (value <= 0) throw new ERR_OUT_OF_RANGE(name, '> 0', value);
}

function Agent(options) {
  if (!(this instanceof Agent)) return new Agent(options);
  EventEmitter.call(this);
  this.options = { __proto__: null, path: null, noDelay: true, ...options };
  this.defaultPort = 80;
  this.protocol = 'http:';
  this.requests = { __proto__: null };
  this.sockets = { __proto__: null };
  this.freeSockets = { __proto__: null };
  this.keepAliveMsecs = this.options.keepAliveMsecs || 1000;
  this.keepAlive = this.options.keepAlive || false;
  this.maxSockets = this.options.maxSockets || Agent.defaultMaxSockets;
  this.maxFreeSockets = this.options.maxFreeSockets || 256;
  this.scheduling = this.options.scheduling || 'lifo';
  this.maxTotalSockets = this.options.maxTotalSockets ?? Infinity;
  this.totalSocketCount = 0;
  validateOneOf(this.scheduling, 'scheduling', ['fifo', 'lifo']);
  if (this.options.maxTotalSockets !== undefined) positive(this.maxTotalSockets, 'maxTotalSockets');
}
Object.setPrototypeOf(Agent.prototype, EventEmitter.prototype);
Object.setPrototypeOf(Agent, EventEmitter);
Agent.defaultMaxSockets = Infinity;

Agent.prototype.createConnection = function() {
  throw new ERR_METHOD_NOT_IMPLEMENTED('Agent.createConnection()');
};

Agent.prototype.addRequest = function() {
  throw new ERR_METHOD_NOT_IMPLEMENTED('Agent.addRequest()');
};

Agent.prototype.getName = function(options = {}) {
  let name = `${options.host || 'localhost'}:${options.port || ''}:${options.localAddress || ''}`;
  if (options.family === 4 || options.family === 6) name += `:${options.family}`;
  if (options.socketPath) name += `:${options.socketPath}`;
  return name;
};

Agent.prototype.destroy = function() {};

module.exports = { Agent, globalAgent: new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000 }) };

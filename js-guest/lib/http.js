// node:http: the server side. The client's names exist and say that they are not implemented.
'use strict';

const { methods, validateHeaderName, validateHeaderValue } = require('_http_common');
const { IncomingMessage } = require('_http_incoming');
const { OutgoingMessage } = require('_http_outgoing');
const { Server, ServerResponse, STATUS_CODES, _connectionListener } = require('_http_server');
const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');
const { validateInteger } = require('internal/validators');

function createServer(options, listener) {
  return new Server(options, listener);
}

function missing(name) {
  throw new ERR_METHOD_NOT_IMPLEMENTED(name);
}

function request() {
  missing('http.request()');
}

function get() {
  missing('http.get()');
}

// The client will come with the host's codec in its other role; until then its classes can be named, not used.
class Agent extends require('events') {
  constructor(options) {
    super();
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
  }

  createConnection() { missing('Agent.createConnection()'); }

  addRequest() { missing('Agent.addRequest()'); }

  getName(options = {}) {
    let name = options.host || 'localhost';
    name += `:${options.port ?? ''}:${options.localAddress ?? ''}`;
    if (options.family === 4 || options.family === 6) name += `:${options.family}`;
    if (options.socketPath) name += `:${options.socketPath}`;
    return name;
  }

  destroy() {}
}
Agent.defaultMaxSockets = Infinity;

function ClientRequest() {
  missing('http.ClientRequest');
}
Object.setPrototypeOf(ClientRequest.prototype, OutgoingMessage.prototype);
Object.setPrototypeOf(ClientRequest, OutgoingMessage);

let globalAgent = new Agent({ keepAlive: true, scheduling: 'lifo', timeout: 5000 });
const maxHeaderSize = 16384;

module.exports = {
  _connectionListener,
  METHODS: methods.slice().sort(),
  STATUS_CODES,
  Agent,
  ClientRequest,
  IncomingMessage,
  OutgoingMessage,
  Server,
  ServerResponse,
  createServer,
  validateHeaderName,
  validateHeaderValue,
  get,
  request,
  setMaxIdleHTTPParsers(max) { validateInteger(max, 'max', 1); },
};
Object.defineProperties(module.exports, {
  maxHeaderSize: { configurable: true, enumerable: true, get: () => maxHeaderSize },
  globalAgent: {
    configurable: true, enumerable: true, get: () => globalAgent, set(value) { globalAgent = value; },
  },
});

// node:http: the module itself. The server is in _http_server, the client in _http_client and _http_agent.
'use strict';

const common = require('_http_common');
const { methods, validateHeaderName, validateHeaderValue } = common;
const agents = require('_http_agent');
const { ClientRequest } = require('_http_client');
const { IncomingMessage } = require('_http_incoming');
const { OutgoingMessage } = require('_http_outgoing');
const { Server, ServerResponse, STATUS_CODES, _connectionListener } = require('_http_server');
const { validateInteger } = require('internal/validators');

function createServer(options, listener) {
  return new Server(options, listener);
}

function request(url, options, cb) {
  return new ClientRequest(url, options, cb);
}

function get(url, options, cb) {
  const req = request(url, options, cb);
  req.end();
  return req;
}

const maxHeaderSize = 16384;

module.exports = {
  _connectionListener,
  METHODS: methods.filter((method) => method !== 'QUERY').sort(), // Node 20 takes no QUERY yet; we do
  STATUS_CODES,
  Agent: agents.Agent,
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
  setMaxIdleHTTPParsers(max) {
    validateInteger(max, 'max', 1);
    common.parsers.max = max;
  },
};
Object.defineProperties(module.exports, {
  maxHeaderSize: { configurable: true, enumerable: true, get: () => maxHeaderSize },
  globalAgent: {
    configurable: true, enumerable: true, get: () => agents.globalAgent, set(value) { agents.globalAgent = value; },
  },
});

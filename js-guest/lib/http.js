// node:http: the server side. The client's names exist and say that they are not implemented.
'use strict';

const { methods, validateHeaderName, validateHeaderValue } = require('_http_common');
const agents = require('_http_agent');
const { ClientRequest } = require('_http_client');
const { IncomingMessage } = require('_http_incoming');
const { OutgoingMessage } = require('_http_outgoing');
const { Server, ServerResponse, STATUS_CODES, _connectionListener } = require('_http_server');
const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');
const { validateInteger } = require('internal/validators');

function createServer(options, listener) {
  return new Server(options, listener);
}

function request() {
  throw new ERR_METHOD_NOT_IMPLEMENTED('http.request()');
}

function get() {
  throw new ERR_METHOD_NOT_IMPLEMENTED('http.get()');
}

const maxHeaderSize = 16384;

module.exports = {
  _connectionListener,
  METHODS: methods.slice().sort(),
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
  setMaxIdleHTTPParsers(max) { validateInteger(max, 'max', 1); },
};
Object.defineProperties(module.exports, {
  maxHeaderSize: { configurable: true, enumerable: true, get: () => maxHeaderSize },
  globalAgent: {
    configurable: true, enumerable: true, get: () => agents.globalAgent, set(value) { agents.globalAgent = value; },
  },
});

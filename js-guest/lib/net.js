// TCP and UNIX sockets: the module itself. Sockets, servers and lists of addresses are in internal/net.
'use strict';

const { channel } = require('diagnostics_channel');
const { isIP, isIPv4, isIPv6 } = require('internal/net/address');
const { BlockList } = require('internal/net/block_list');
const { defaults, LEAST_TIMEOUT } = require('internal/net/connect');
const { normalizeArgs } = require('internal/net/options');
const { Server } = require('internal/net/server');
const { Socket } = require('internal/net/socket');
const { SocketAddress } = require('internal/net/socket_address');
require('internal/net/socket_options');
const { validateBoolean, validateInt32 } = require('internal/validators');

const newSocket = channel('net.client.socket');

function connect(...args) {
  const normalized = normalizeArgs(args);
  const [options] = normalized;
  const socket = new Socket(options);
  if (newSocket.hasSubscribers) newSocket.publish({ socket });
  if (options.timeout) socket.setTimeout(options.timeout);
  return socket.connect(normalized);
}

function createServer(options, listener) {
  return new Server(options, listener);
}

let warned = false;

module.exports = {
  _createServerHandle: undefined,
  _normalizeArgs: normalizeArgs,
  _setSimultaneousAccepts() {
    if (!warned) {
      warned = true;
      process.emitWarning('net._setSimultaneousAccepts() is deprecated and will be removed.', 'DeprecationWarning', 'DEP0121');
    }
  },
  BlockList,
  SocketAddress,
  connect,
  createConnection: connect,
  createServer,
  isIP,
  isIPv4,
  isIPv6,
  Server,
  Socket,
  Stream: Socket,
  getDefaultAutoSelectFamily: () => defaults.autoSelectFamily,
  setDefaultAutoSelectFamily(value) {
    validateBoolean(value, 'value');
    defaults.autoSelectFamily = value;
  },
  getDefaultAutoSelectFamilyAttemptTimeout: () => defaults.attemptTimeout,
  setDefaultAutoSelectFamilyAttemptTimeout(value) {
    validateInt32(value, 'value', 1);
    defaults.attemptTimeout = Math.max(value, LEAST_TIMEOUT);
  },
};

// TCP and UNIX sockets: the module itself. Socket and Server are in internal/net; addresses as text here.
'use strict';

const { isIP, isIPv4, isIPv6 } = require('internal/net/address');
const { Socket, connect } = require('internal/net/socket');
const { Server } = require('internal/net/server');
const { validateBoolean, validateInt32 } = require('internal/validators');

function createServer(options, listener) {
  return new Server(options, listener);
}

let autoSelectFamily = true;
let autoSelectFamilyTimeout = 250;

module.exports = {
  _createServerHandle: undefined,
  connect,
  createConnection: connect,
  createServer,
  isIP,
  isIPv4,
  isIPv6,
  Server,
  Socket,
  Stream: Socket,
  getDefaultAutoSelectFamily: () => autoSelectFamily,
  setDefaultAutoSelectFamily(value) {
    validateBoolean(value, 'value');
    autoSelectFamily = value;
  },
  getDefaultAutoSelectFamilyAttemptTimeout: () => autoSelectFamilyTimeout,
  setDefaultAutoSelectFamilyAttemptTimeout(value) {
    validateInt32(value, 'value', 1);
    autoSelectFamilyTimeout = Math.max(value, 10);
  },
};

for (const name of ['BlockList', 'SocketAddress']) {
  module.exports[name] = class {
    constructor() { throw new (require('internal/errors').codes.ERR_METHOD_NOT_IMPLEMENTED)(`net.${name}`); }
  };
}

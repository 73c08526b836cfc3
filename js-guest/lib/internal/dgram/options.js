// What can be set on a dgram.Socket: broadcast, hops, multicast groups, the kernel's buffers. Must not know messages.
'use strict';

const { native, option } = require('internal/dns/udp');
const { errnoException, codes: { ERR_MISSING_ARGS, ERR_SOCKET_BAD_BUFFER_SIZE, ERR_SOCKET_BUFFER_SIZE } } = require('internal/errors');
const { validateNumber, validateString } = require('internal/validators');
const { isIP } = require('internal/net/address');
const { error: missing } = require('internal/missing');

const EBADF = -9, EINVAL = -22;
const BUFFER_MOST = 0x7fffffff;

function install(Socket, kState, healthCheck, enqueue) {
  function set(socket, which, value, syscall) {
    healthCheck(socket);
    const { handle } = socket[kState];
    const answer = handle ? native.option(handle, which, value) : EBADF;
    if (answer < 0) throw errnoException(answer, syscall);
    return value;
  }

  const methods = {
    setBroadcast(on) { set(this, option.BROADCAST, on ? 1 : 0, 'setBroadcast'); },
    setMulticastLoopback(on) {
      set(this, option.MULTICAST_LOOP, on ? 1 : 0, 'setMulticastLoopback');
      return on; // for compatibility, as Node says
    },
    setTTL(ttl) {
      validateNumber(ttl, 'ttl');
      return set(this, option.TTL, ttl, 'setTTL');
    },
    setMulticastTTL(ttl) {
      validateNumber(ttl, 'ttl');
      return set(this, option.MULTICAST_TTL, ttl, 'setMulticastTTL');
    },
    setMulticastInterface(name) {
      healthCheck(this);
      validateString(name, 'interfaceAddress');
      throw missing('dgram.setMulticastInterface');
    },
  };

  function member(socket, group, address, join, syscall) {
    healthCheck(socket);
    if (!group) throw new ERR_MISSING_ARGS('multicastAddress');
    const { handle, bind } = socket[kState];
    if (isIP(group) === 0) throw errnoException(EINVAL, syscall);
    if (!handle && bind !== 0) {
      enqueue(socket, () => member(socket, group, address, join, syscall));
      return;
    }
    const zone = typeof address === 'string' ? address.slice(address.indexOf('%') + 1) : '';
    const answer = handle ? native.member(handle, group, zone, join) : EBADF;
    if (answer < 0) throw errnoException(answer, syscall);
  }
  methods.addMembership = function(group, address) {
    healthCheck(this);
    if (this[kState].bind === 0) this.bind({ port: 0 });
    member(this, group, address, true, 'addMembership');
  };
  methods.dropMembership = function(group, address) { member(this, group, address, false, 'dropMembership'); };
  for (const name of ['addSourceSpecificMembership', 'dropSourceSpecificMembership']) {
    methods[name] = function(source, group) {
      healthCheck(this);
      validateString(source, 'sourceAddress');
      validateString(group, 'groupAddress');
      throw missing(`dgram.${name}`);
    };
  }

  // The kernel doubles what it is asked for; what it was asked for is all that is known here.
  function buffer(name, which, key, call) {
    methods[`set${name}BufferSize`] = function(size) {
      if ((size >>> 0) !== size || size > BUFFER_MOST) throw new ERR_SOCKET_BAD_BUFFER_SIZE();
      const { handle } = this[kState];
      const answer = handle ? native.option(handle, which, Math.min(size, 16 << 20)) : EBADF;
      if (answer < 0) {
        throw new ERR_SOCKET_BUFFER_SIZE({ errno: answer, code: 'EBADF', message: 'bad file descriptor', syscall: `uv_${call}_buffer_size` });
      }
      this[kState][key] = size;
    };
    methods[`get${name}BufferSize`] = function() {
      const { handle } = this[kState];
      if (!handle) {
        throw new ERR_SOCKET_BUFFER_SIZE({ errno: EBADF, code: 'EBADF', message: 'bad file descriptor', syscall: `uv_${call}_buffer_size` });
      }
      if (this[kState][key] === undefined) throw missing(`dgram.get${name}BufferSize`);
      return this[kState][key] * 2;
    };
  }
  buffer('Recv', option.RECV_BUFFER, 'recvBufferSize', 'recv');
  buffer('Send', option.SEND_BUFFER, 'sendBufferSize', 'send');

  for (const [name, method] of Object.entries(methods)) Socket.prototype[name] = method;
}

module.exports = { install };

// net.SocketAddress: an address, a port and what belongs to them, checked when it is made. Must not know sockets.
'use strict';

const { inspect } = require('internal/util/inspect');
const { genericNodeError, codes: { ERR_INVALID_ARG_VALUE } } = require('internal/errors');
const { validateObject, validatePort, validateString, validateUint32 } = require('internal/validators');
const { isIPv4, isIPv6, normalize } = require('internal/net/address');

const kDetail = Symbol('kDetail');
const FLOW_LABELS = 0x100000;

class SocketAddress {
  static isSocketAddress(value) {
    return value?.[kDetail] !== undefined;
  }

  constructor(options = {}) {
    validateObject(options, 'options');
    let { family = 'ipv4' } = options;
    if (typeof family?.toLowerCase === 'function') family = family.toLowerCase();
    const { port = 0, flowlabel = 0, address = family === 'ipv4' ? '127.0.0.1' : '::' } = options;
    if (family !== 'ipv4' && family !== 'ipv6') {
      throw new ERR_INVALID_ARG_VALUE('options.family', options.family);
    }
    validateString(address, 'options.address');
    validatePort(port, 'options.port');
    validateUint32(flowlabel, 'options.flowlabel', false);
    if (!(family === 'ipv4' ? isIPv4 : isIPv6)(address)) {
      throw genericNodeError('Invalid socket address', { code: 'ERR_INVALID_ADDRESS' });
    }
    const detail = {
      address: normalize(address), port: port | 0, family, flowlabel: family === 'ipv6' ? flowlabel % FLOW_LABELS : 0,
    };
    Object.defineProperty(this, kDetail, { value: detail });
  }

  get address() { return this[kDetail].address; }
  get port() { return this[kDetail].port; }
  get family() { return this[kDetail].family; }
  get flowlabel() { return this[kDetail].flowlabel; }

  toJSON() {
    return { ...this[kDetail] };
  }

  [inspect.custom](depth, options) {
    if (depth < 0) return this;
    return `SocketAddress ${inspect(this.toJSON(), { ...options, depth: options.depth == null ? null : options.depth - 1 })}`;
  }
}

module.exports = { SocketAddress };

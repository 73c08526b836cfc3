// net.BlockList: rules of addresses, ranges and subnets, and whether an address falls under one. Must not know sockets.
'use strict';

const { inspect } = require('internal/util/inspect');
const { codes: { ERR_INVALID_ARG_VALUE } } = require('internal/errors');
const { validateInt32, validateString } = require('internal/validators');
const { SocketAddress } = require('internal/net/socket_address');
const { wordsOf } = require('internal/net/address');

const FAMILY = { ipv4: 'IPv4', ipv6: 'IPv6' };
const BITS = { ipv4: 32, ipv6: 128 };
const MAPPED = [0, 0, 0, 0, 0, 0xffff];

function parsed(address, family, name = 'address') {
  if (SocketAddress.isSocketAddress(address)) return address;
  validateString(address, name);
  validateString(family, 'family');
  return new SocketAddress({ address, family });
}

// IPv4 in IPv6's clothes may be compared with both.
function bigOf({ address, family }) {
  const words = wordsOf(address);
  let value = 0n;
  for (const word of words) value = value << 16n | BigInt(word);
  return { value, family, mapped: family === 'ipv6' && MAPPED.every((word, i) => words[i] === word) };
}

// The value of an address among those of `family`, or undefined.
function valueIn(family, { value, family: own, mapped }) {
  if (own === family) return value;
  if (family === 'ipv4') return mapped ? value & 0xffffffffn : undefined;
  return 0xffff00000000n | value;
}

class BlockList {
  #rules = [];

  static isBlockList(value) {
    return value !== null && typeof value === 'object' && #rules in value;
  }

  #add(family, low, high, text) {
    this.#rules.unshift({ family, low, high, text });
  }

  addAddress(address, family = 'ipv4') {
    const at = parsed(address, family);
    const { value } = bigOf(at);
    this.#add(at.family, value, value, `Address: ${FAMILY[at.family]} ${at.address}`);
  }

  addRange(start, end, family = 'ipv4') {
    const first = parsed(start, family, 'start'), last = parsed(end, family, 'end');
    const low = bigOf(first).value, high = bigOf(last).value;
    if (first.family !== last.family || low > high) throw new ERR_INVALID_ARG_VALUE('start', start, 'must come before end');
    this.#add(first.family, low, high, `Range: ${FAMILY[first.family]} ${first.address}-${last.address}`);
  }

  addSubnet(network, prefix, family = 'ipv4') {
    const at = parsed(network, family, 'network');
    validateInt32(prefix, 'prefix', 0, BITS[at.family]);
    const rest = BigInt(BITS[at.family] - prefix);
    const low = bigOf(at).value >> rest << rest;
    this.#add(at.family, low, low + (1n << rest) - 1n, `Subnet: ${FAMILY[at.family]} ${at.address}/${prefix}`);
  }

  check(address, family = 'ipv4') {
    let at = address;
    if (!SocketAddress.isSocketAddress(address)) {
      validateString(address, 'address');
      validateString(family, 'family');
      try {
        at = new SocketAddress({ address, family });
      } catch (error) {
        if (error.code === 'ERR_INVALID_ADDRESS') return false; // no address falls under no rule
        throw error;
      }
    }
    const known = bigOf(at);
    return this.#rules.some((rule) => {
      const value = valueIn(rule.family, known);
      return value !== undefined && value >= rule.low && value <= rule.high;
    });
  }

  get rules() {
    return this.#rules.map((rule) => rule.text);
  }

  [inspect.custom](depth, options) {
    if (depth < 0) return this;
    return `BlockList ${inspect({ rules: this.rules }, { ...options, depth: options.depth == null ? null : options.depth - 1 })}`;
  }
}

module.exports = { BlockList };

// dns.lookup and dns.lookupService: the system's resolver, off the loop. The callback form and the promise form. Must not
// know name servers.
'use strict';

const native = internalBinding('datagram');
const perf = require('internal/net/observe');
const { EACCES, denied } = require('internal/net/denied');
const { isIP } = require('internal/net/address');
const { customPromisifyArgs } = require('internal/util');
const { dnsException, codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_MISSING_ARGS } } = require('internal/errors');
const { validateFunction, validatePort, validateString } = require('internal/validators');
const { readOptions, toASCII } = require('internal/dns/options');

let warned = false;

// Of an empty name: Node's answer is no address, in the family asked for.
function noName(hostname) {
  if (warned) return;
  warned = true;
  process.emitWarning(`The provided hostname "${hostname}" is not a valid hostname, and is supported in the dns module ` +
    'solely for compatibility.', 'DeprecationWarning', 'DEP0118');
}

function parseLines(text) {
  return text.toString().split('\n').filter(Boolean).map((line) => ({ address: line.slice(2), family: Number(line[0]) }));
}

function sorted(list, order) {
  if (order === 'verbatim') return list;
  const first = order === 'ipv6first' ? 6 : 4;
  return [...list.filter((each) => each.family === first), ...list.filter((each) => each.family !== first)];
}

// done(error, addresses): never at once.
function find(hostname, options, done) {
  const { family, hints, all, order } = options;
  if (!hostname) {
    noName(hostname);
    process.nextTick(done, null, all ? [] : [{ address: null, family: family === 6 ? 6 : 4 }]);
    return;
  }
  const numeric = isIP(hostname);
  if (numeric) {
    process.nextTick(done, null, [{ address: hostname, family: numeric }]); // whatever family was asked for
    return;
  }
  const startTime = perf.observed('dns') ? perf.start() : 0;
  const operation = native.lookup(toASCII(hostname), family, hints, (errno, text) => {
    if (errno < 0) {
      done(dnsException(errno, 'getaddrinfo', hostname));
      return;
    }
    const addresses = sorted(parseLines(text), order);
    if (startTime) {
      const told = addresses.map((each) => each.address);
      perf.stop('dns', 'lookup', startTime, { hostname, family, hints, verbatim: order === 'verbatim', addresses: told });
    }
    done(null, addresses);
  });
  if (operation < 0) {
    const error = operation === EACCES ? denied('getaddrinfo', { hostname }) : dnsException(operation, 'getaddrinfo', hostname);
    process.nextTick(done, error);
  }
}

function lookup(hostname, options, callback) {
  if (hostname) validateString(hostname, 'hostname');
  if (typeof options === 'function') {
    callback = options;
    options = undefined;
  } else if (options !== undefined && options !== null && typeof options !== 'object' && typeof options !== 'number') {
    validateFunction(arguments.length === 2 ? options : callback, 'callback');
    throw new ERR_INVALID_ARG_TYPE('options', ['integer', 'object'], options);
  }
  validateFunction(callback, 'callback');
  const read = readOptions(options);
  find(hostname, read, (error, addresses) => {
    if (error) callback(error);
    else if (read.all) callback(null, addresses);
    else callback(null, addresses[0].address, addresses[0].family);
  });
  return {};
}
Object.defineProperty(lookup, customPromisifyArgs, { value: ['address', 'family'], enumerable: false });

// Wrong arguments throw at once, as in Node.
function lookupPromise(hostname, options) {
  if (hostname) validateString(hostname, 'hostname');
  const read = readOptions(options);
  return new Promise((resolve, reject) => {
    find(hostname, read, (error, addresses) => {
      if (error) reject(error);
      else resolve(read.all ? addresses : addresses[0]);
    });
  });
}

// ---- The names of an address and a port ----

function findNames(address, port, done) {
  const startTime = perf.observed('dns') ? perf.start() : 0;
  const operation = native.nameOf(address, port, (errno, text) => {
    if (errno < 0) {
      done(dnsException(errno, 'getnameinfo', address));
      return;
    }
    const [hostname, service] = text.toString().split('\n');
    if (startTime) perf.stop('dns', 'lookupService', startTime, { host: address, port, hostname, service });
    done(null, hostname, service);
  });
  if (operation < 0) {
    const error = operation === EACCES ? denied('getnameinfo', { hostname: address }) : dnsException(operation, 'getnameinfo', address);
    process.nextTick(done, error);
  }
}

function lookupService(address, port, callback) {
  if (arguments.length !== 3) throw new ERR_MISSING_ARGS('address', 'port', 'callback');
  if (isIP(address) === 0) throw new ERR_INVALID_ARG_VALUE('address', address);
  validatePort(port);
  validateFunction(callback, 'callback');
  findNames(address, +port, callback);
  return {};
}
Object.defineProperty(lookupService, customPromisifyArgs, { value: ['hostname', 'service'], enumerable: false });

function lookupServicePromise(address, port) {
  if (arguments.length !== 2) throw new ERR_MISSING_ARGS('address', 'port');
  if (isIP(address) === 0) throw new ERR_INVALID_ARG_VALUE('address', address);
  validatePort(port);
  return new Promise((resolve, reject) => {
    findNames(address, +port, (error, hostname, service) => (error ? reject(error) : resolve({ hostname, service })));
  });
}

module.exports = { lookup, lookupService, lookupPromise, lookupServicePromise };

// node:dns without a resolver: numeric addresses and localhost are looked up, every other name is not found; what would
// ask a name server throws. dns.promises is made here too. Must not know sockets.
'use strict';

const { stub } = require('internal/missing');
const { isIP } = require('internal/net/address');
const LOCAL = [{ address: '127.0.0.1', family: 4 }, { address: '::1', family: 6 }];
const addressesOf = (name) => (name.toLowerCase() === 'localhost' ? LOCAL : []);
function notFound(hostname) {
  const error = new Error(`getaddrinfo ENOTFOUND ${hostname}`);
  return Object.assign(error, { errno: -3008, code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname });
}
const { customPromisifyArgs } = require('internal/util');
const { validateBoolean, validateFunction, validateNumber, validateOneOf, validateString } = require('internal/validators');
const { codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE } } = require('internal/errors');

const HINTS = { ADDRCONFIG: 32, ALL: 16, V4MAPPED: 8 };
const ALL_HINTS = HINTS.ADDRCONFIG | HINTS.ALL | HINTS.V4MAPPED;
const FAMILIES = [0, 4, 6];
const ORDERS = ['verbatim', 'ipv4first', 'ipv6first'];

let defaultOrder = 'verbatim';

function setDefaultResultOrder(order) {
  validateOneOf(order, 'dnsOrder', ORDERS);
  defaultOrder = order;
}
const getDefaultResultOrder = () => defaultOrder;

// ---- lookup ----

const WORDS = { IPv4: 4, IPv6: 6 };

function readOptions(options) {
  const read = { family: 0, all: false, order: defaultOrder };
  if (typeof options === 'number') {
    validateOneOf(options, 'family', FAMILIES);
    read.family = options;
    return read;
  }
  if (options === undefined || options === null) return read;
  const { hints, family, all, verbatim, order } = options;
  if (hints !== undefined && hints !== null) {
    validateNumber(hints, 'options.hints');
    if (((hints >>> 0) & ~ALL_HINTS) !== 0) throw new ERR_INVALID_ARG_VALUE('hints', hints >>> 0);
  }
  if (family !== undefined && family !== null) {
    read.family = WORDS[family] ?? family;
    validateOneOf(read.family, 'options.family', FAMILIES);
  }
  if (all !== undefined && all !== null) {
    validateBoolean(all, 'options.all');
    read.all = all;
  }
  if (verbatim !== undefined && verbatim !== null) {
    validateBoolean(verbatim, 'options.verbatim');
    read.order = verbatim ? 'verbatim' : 'ipv4first';
  }
  if (order !== undefined && order !== null) {
    validateOneOf(order, 'options.order', ORDERS);
    read.order = order;
  }
  return read;
}

let warned = false;

// Of an empty name: Node's answer is no address, in the family asked for.
function noName(hostname) {
  if (warned) return;
  warned = true;
  process.emitWarning(`The provided hostname "${hostname}" is not a valid hostname, and is supported in the dns module ` +
    'solely for compatibility.', 'DeprecationWarning', 'DEP0118');
}

// The addresses, or undefined when there are none.
function find(hostname, { family, all, order }) {
  if (!hostname) {
    noName(hostname);
    return all ? [] : [{ address: null, family: family === 6 ? 6 : 4 }];
  }
  const numeric = isIP(hostname);
  if (numeric) return [{ address: hostname, family: numeric }]; // whatever family was asked for
  const found = addressesOf(hostname).filter((each) => family === 0 || each.family === family).map((each) => ({ ...each }));
  if (found.length === 0) return undefined;
  return order === 'ipv6first' ? found.reverse() : found;
}

function lookup(hostname, options, callback) {
  if (hostname) validateString(hostname, 'hostname');
  if (typeof options === 'function') {
    callback = options;
    options = undefined;
  } else if (options !== undefined && typeof options !== 'object' && typeof options !== 'number') {
    validateFunction(arguments.length === 2 ? options : callback, 'callback');
    throw new ERR_INVALID_ARG_TYPE('options', ['integer', 'object'], options);
  }
  validateFunction(callback, 'callback');
  const read = readOptions(options);
  const found = find(hostname, read);
  if (found === undefined) process.nextTick(callback, notFound(hostname));
  else if (read.all) process.nextTick(callback, null, found);
  else process.nextTick(callback, null, found[0].address, found[0].family);
  return {};
}
Object.defineProperty(lookup, customPromisifyArgs, { value: ['address', 'family'], enumerable: false });

const promises = {
  // Wrong arguments throw at once, as in Node.
  lookup(hostname, options) {
    if (hostname) validateString(hostname, 'hostname');
    if (options !== undefined && typeof options !== 'object' && typeof options !== 'number') {
      throw new ERR_INVALID_ARG_TYPE('options', ['integer', 'object'], options);
    }
    const read = readOptions(options);
    const found = find(hostname, read);
    if (found === undefined) return Promise.reject(notFound(hostname));
    return Promise.resolve(read.all ? found : found[0]);
  },
};

// ---- The rest ----

const ERRORS = {};
for (const name of `NODATA FORMERR SERVFAIL NOTFOUND NOTIMP REFUSED BADQUERY BADNAME BADFAMILY BADRESP CONNREFUSED TIMEOUT EOF
  FILE NOMEM DESTRUCTION BADSTR BADFLAGS NONAME BADHINTS NOTINITIALIZED LOADIPHLPAPI ADDRGETNETWORKPARAMS
  CANCELLED`.split(/\s+/)) ERRORS[name] = name === 'EOF' ? 'EOF' : `E${name}`;

// No name server is asked: there is none to tell of, and none to set.
const shared = { getDefaultResultOrder, setDefaultResultOrder, getServers: () => [], ...ERRORS };

const UNBUILT = `lookupService Resolver setServers resolve resolve4 resolve6 resolveAny resolveCaa resolveCname resolveMx
  resolveNaptr resolveNs resolvePtr resolveSoa resolveSrv resolveTxt reverse`.split(/\s+/);

module.exports = { lookup, ...HINTS, ...shared };
Object.assign(promises, shared);
for (const name of UNBUILT) {
  module.exports[name] = stub('dns', name);
  promises[name] = stub('dns/promises', name);
}
Object.defineProperty(module.exports, 'promises', { configurable: true, enumerable: true, get: () => promises });

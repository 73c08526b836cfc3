// What the callback form and the promise form of dns share: constants, the order of addresses, how options are read. Must
// not know who looks up.
'use strict';

const { codes: { ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_INVALID_IP_ADDRESS } } = require('internal/errors');
const { validateArray, validateBoolean, validateInt32, validateNumber, validateOneOf, validateString } =
  require('internal/validators');
const { isIP } = require('internal/net/address');
const { domainToASCII } = require('internal/url/host');

const HINTS = { ADDRCONFIG: 32, ALL: 16, V4MAPPED: 8 };
const ALL_HINTS = HINTS.ADDRCONFIG | HINTS.ALL | HINTS.V4MAPPED;
const FAMILIES = [0, 4, 6];
const ORDERS = ['verbatim', 'ipv4first', 'ipv6first'];
const WORDS = { IPv4: 4, IPv6: 6 };

let defaultOrder = 'verbatim';

const order = {
  setDefaultResultOrder(value) {
    validateOneOf(value, 'dnsOrder', ORDERS);
    defaultOrder = value;
  },
  getDefaultResultOrder: () => defaultOrder,
};

const ERRORS = {};
for (const name of `NODATA FORMERR SERVFAIL NOTFOUND NOTIMP REFUSED BADQUERY BADNAME BADFAMILY BADRESP CONNREFUSED TIMEOUT EOF
  FILE NOMEM DESTRUCTION BADSTR BADFLAGS NONAME BADHINTS NOTINITIALIZED LOADIPHLPAPI ADDRGETNETWORKPARAMS
  CANCELLED`.split(/\s+/)) ERRORS[name] = name === 'EOF' ? 'EOF' : `E${name}`;

function validateHints(hints) {
  if ((hints & ~ALL_HINTS) !== 0) throw new ERR_INVALID_ARG_VALUE('hints', hints);
}

// The options of a look-up: { family, hints, all, order }.
function readOptions(options) {
  const read = { family: 0, hints: 0, all: false, order: defaultOrder };
  if (typeof options === 'number') {
    validateOneOf(options, 'family', FAMILIES);
    read.family = options;
    return read;
  }
  if (options === undefined || options === null) return read;
  if (typeof options !== 'object') throw new ERR_INVALID_ARG_TYPE('options', ['integer', 'object'], options);
  const { hints, family, all, verbatim, order: wished } = options;
  if (hints !== undefined && hints !== null) {
    validateNumber(hints, 'options.hints');
    read.hints = hints >>> 0;
    validateHints(read.hints);
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
  if (wished !== undefined && wished !== null) {
    validateOneOf(wished, 'options.order', ORDERS);
    read.order = wished;
  }
  return read;
}

function channelOptions(options) {
  const { timeout = -1, tries = 4 } = { ...options };
  validateInt32(timeout, 'options.timeout', -1);
  validateInt32(tries, 'options.tries', 1);
  return { timeout, tries };
}

// A name as it travels.
function toASCII(name) {
  return /^[\x20-\x7e]*$/.test(name) ? name : domainToASCII(name) || name;
}

const PORT = 53;

// `1.2.3.4`, `1.2.3.4:53`, `::1`, `[::1]:53` as [family, host, port].
function parseServer(text) {
  let family = isIP(text);
  if (family !== 0) return [family, text, PORT];
  const bracketed = text.length < 128 && /^\[([^[\]]*)\](?::(\d+))?/.exec(text);
  const plain = text.length < 128 && /^([^:[\]]+)(?::(\d+))?$/.exec(text);
  const [, host = '', port = PORT] = bracketed || plain || [];
  family = isIP(host);
  if (family === 0) throw new ERR_INVALID_IP_ADDRESS(text);
  return [family, host, Number(port)];
}

function parseServers(servers) {
  validateArray(servers, 'servers');
  const parsed = [];
  servers.forEach((server, index) => {
    validateString(server, `servers[${index}]`);
    parsed.push(parseServer(server));
  });
  return parsed;
}

function serverText([host, port]) {
  if (!port || port === PORT) return host;
  return isIP(host) === 4 ? `${host}:${port}` : `[${host}]:${port}`;
}

module.exports = { HINTS, ERRORS, order, validateHints, readOptions, channelOptions, parseServers, serverText, toASCII };

// Resolver: what name servers say, in the shapes that Node gives it; the class for callbacks and the one for promises are
// made from one table. Must not know how a server is asked.
'use strict';

const perf = require('internal/net/observe');
const { isIP, wordsOf } = require('internal/net/address');
const { dnsException, codes: { ERR_DNS_SET_SERVERS_FAILED, ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE } } = require('internal/errors');
const { validateFunction, validateString } = require('internal/validators');
const { Channel } = require('internal/dns/channel');
const { ERRORS, channelOptions, parseServers, serverText, toASCII } = require('internal/dns/options');

const EINVAL = -22;

const value = (record) => record.fields.value;
const address = (record, ttl) => (ttl ? { address: record.fields.address, ttl: record.ttl } : record.fields.address);

function caa({ fields: { critical, tag, value: text } }) {
  return { critical, [tag]: text };
}

const mx = ({ fields: { exchange, priority } }) => ({ exchange, priority });

// By type: the name of its method, and how one record of it is given.
const KINDS = {
  A: ['resolve4', address],
  CNAME: ['resolveCname', value],
  AAAA: ['resolve6', address],
  MX: ['resolveMx', mx],
  NS: ['resolveNs', value],
  TXT: ['resolveTxt', (record) => record.fields.entries],
  SRV: ['resolveSrv', ({ fields: { name, port, priority, weight } }) => ({ name, port, priority, weight })],
  PTR: ['resolvePtr', value],
  NAPTR: ['resolveNaptr', ({ fields }) => fields],
  SOA: ['resolveSoa', ({ fields }) => fields],
  CAA: ['resolveCaa', caa],
  ANY: ['resolveAny', null],
};
const ORDER = Object.keys(KINDS);

function anyRecord(record) {
  const { type, ttl, fields } = record;
  if (type === 'A' || type === 'AAAA') return { address: fields.address, ttl, type };
  if (type === 'CAA') return { ...caa(record), type };
  return { ...fields, type };
}

// What a script gets of an answer; undefined when there is nothing of this type in it.
function shaped(type, records, ttl) {
  if (type === 'ANY') {
    return records.length === 0 ? undefined :
      ORDER.flatMap((each) => records.filter((record) => record.type === each)).map(anyRecord);
  }
  const wanted = records.filter((record) => record.type === type);
  if (wanted.length === 0) return undefined;
  const found = wanted.map((record) => KINDS[type][1](record, ttl));
  return type === 'SOA' ? found[0] : found;
}

function syscallOf(type) {
  return `query${type[0]}${type.slice(1).toLowerCase()}`;
}

function ask(channel, name, type, options, done) {
  const syscall = syscallOf(type), ttl = Boolean(options?.ttl);
  const startTime = perf.observed('dns') ? perf.start() : 0;
  channel.query(toASCII(name), type, (error, records) => {
    if (error === null) {
      const result = shaped(type, records, ttl);
      if (result !== undefined) {
        if (startTime) perf.stop('dns', syscall, startTime, { host: name, ttl, result });
        done(null, result);
        return;
      }
      error = ERRORS.NODATA;
    }
    done(typeof error === 'string' ? dnsException(error, syscall, name) : Object.assign(error, { syscall, hostname: name }));
  });
}

// The name under which an address's names stand.
function reverseName(ip) {
  const words = wordsOf(ip);
  if (isIP(ip) === 4) return `${words.flatMap((word) => [word >> 8, word & 255]).reverse().join('.')}.in-addr.arpa`;
  return `${words.flatMap((word) => [...word.toString(16).padStart(4, '0')]).reverse().join('.')}.ip6.arpa`;
}

function askReverse(channel, ip, done) {
  const syscall = 'getHostByAddr';
  const startTime = perf.observed('dns') ? perf.start() : 0;
  channel.query(reverseName(ip), 'PTR', (error, records) => {
    const result = error === null ? shaped('PTR', records) : undefined;
    if (result !== undefined) {
      if (startTime) perf.stop('dns', syscall, startTime, { host: ip, ttl: false, result });
      done(null, result);
      return;
    }
    error ??= ERRORS.NOTFOUND;
    done(typeof error === 'string' ? dnsException(error, syscall, ip) : Object.assign(error, { syscall, hostname: ip }));
  });
}

class ResolverBase {
  constructor(options = undefined) {
    const { timeout, tries } = channelOptions(options);
    this._handle = new Channel(timeout, tries);
  }

  cancel() {
    this._handle.cancel();
  }

  getServers() {
    return (this._handle.getServers() || []).map(serverText);
  }

  setServers(servers) {
    const why = this._handle.setServers(parseServers(servers));
    if (why !== undefined) throw new ERR_DNS_SET_SERVERS_FAILED(why, servers);
  }

  setLocalAddress(ipv4, ipv6) {
    validateString(ipv4, 'ipv4');
    if (ipv6 !== undefined) validateString(ipv6, 'ipv6');
    this._handle.setLocalAddress(ipv4, ipv6);
  }
}

function methodFor(self, rrtype) {
  if (typeof rrtype !== 'string') throw new ERR_INVALID_ARG_TYPE('rrtype', 'string', rrtype);
  if (!Object.hasOwn(KINDS, rrtype)) throw new ERR_INVALID_ARG_VALUE('rrtype', rrtype);
  return self[KINDS[rrtype][0]];
}

class Resolver extends ResolverBase {
  resolve(name, rrtype, callback) {
    if (typeof rrtype === 'function') return this.resolve4(name, rrtype);
    return methodFor(this, rrtype).call(this, name, callback);
  }

  reverse(ip, callback) {
    validateString(ip, 'name');
    validateFunction(callback, 'callback');
    if (isIP(ip) === 0) throw dnsException(EINVAL, 'getHostByAddr', ip);
    askReverse(this._handle, ip, callback);
    return {};
  }
}

class PromiseResolver extends ResolverBase {
  resolve(name, rrtype = 'A') {
    validateString(name, 'name');
    return methodFor(this, rrtype).call(this, name);
  }

  reverse(ip) {
    validateString(ip, 'name');
    return new Promise((resolve, reject) => {
      if (isIP(ip) === 0) reject(dnsException(EINVAL, 'getHostByAddr', ip));
      else askReverse(this._handle, ip, (error, names) => (error ? reject(error) : resolve(names)));
    });
  }
}

function define(Class, name, method) {
  Object.defineProperty(method, 'name', { value: syscallOf(ORDER.find((type) => KINDS[type][0] === name)) });
  Object.defineProperty(Class.prototype, name, { value: method, writable: true, configurable: true, enumerable: true });
}

for (const [type, [name]] of Object.entries(KINDS)) {
  define(Resolver, name, function(hostname, options, callback) {
    if (arguments.length < 3) [options, callback] = [undefined, options];
    validateString(hostname, 'name');
    validateFunction(callback, 'callback');
    ask(this._handle, hostname, type, options, callback);
    return {};
  });
  define(PromiseResolver, name, function(hostname, options) {
    validateString(hostname, 'name');
    return new Promise((resolve, reject) => {
      ask(this._handle, hostname, type, options, (error, result) => (error ? reject(error) : resolve(result)));
    });
  });
}

const METHODS = ['resolve', 'reverse', ...Object.values(KINDS).map(([name]) => name)];

module.exports = { Resolver, PromiseResolver, METHODS };

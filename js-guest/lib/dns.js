// node:dns: look-ups by the system's resolver, questions to name servers, and the promise form of both, which is made here
// too. How it is done is in internal/dns.
'use strict';

const { HINTS, ERRORS, order } = require('internal/dns/options');
const { lookup, lookupService, lookupPromise, lookupServicePromise } = require('internal/dns/lookup');
const { Resolver, PromiseResolver, METHODS } = require('internal/dns/resolver');

// The resolvers behind the module's own functions; setting servers makes new ones, as queries may be under way.
let ours, theirs;

function refresh() {
  ours = new Resolver();
  theirs = new PromiseResolver();
}
refresh();

function setServers(servers) {
  const probe = new Resolver();
  probe.setServers(servers);
  refresh();
  ours._handle.list = theirs._handle.list = probe._handle.list;
}

const getServers = () => ours.getServers();

const promises = { lookup: lookupPromise, lookupService: lookupServicePromise, Resolver: PromiseResolver };
module.exports = { lookup, lookupService, Resolver, ...HINTS };

for (const name of METHODS) {
  module.exports[name] = (...args) => ours[name](...args);
  promises[name] = (...args) => theirs[name](...args);
  Object.defineProperty(module.exports[name], 'name', { value: Resolver.prototype[name].name });
  Object.defineProperty(promises[name], 'name', { value: Resolver.prototype[name].name });
}

const shared = { getServers, setServers, ...order, ...ERRORS };
Object.assign(module.exports, shared);
Object.assign(promises, shared);
Object.defineProperty(module.exports, 'promises', { configurable: true, enumerable: true, get: () => promises });

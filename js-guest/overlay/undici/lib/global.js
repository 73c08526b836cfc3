// Which dispatcher fetch uses: one that a script has set (as the package undici does, for its own and Node's fetch), else
// the one over node:http.
'use strict';

const { InvalidArgumentError } = require('./core/errors');

const globalDispatcher = Symbol.for('undici.globalDispatcher.1');

function setGlobalDispatcher(agent) {
  if (!agent || typeof agent.dispatch !== 'function') throw new InvalidArgumentError('Argument agent must implement Agent');
  Object.defineProperty(globalThis, globalDispatcher, { value: agent, writable: true, enumerable: false, configurable: false });
}

function getGlobalDispatcher() {
  return globalThis[globalDispatcher] ?? require('internal/fetch/dispatcher').theDispatcher;
}

module.exports = { setGlobalDispatcher, getGlobalDispatcher };

// node:worker_threads: a guest is one thread; what would make another throws. Must not know processes.
'use strict';

const { stub, error } = require('internal/missing');

const made = { isMainThread: true, threadId: 0, parentPort: null, workerData: null, resourceLimits: {}, SHARE_ENV: Symbol.for('nodejs.worker_threads.SHARE_ENV') };
for (const name of ['Worker', 'moveMessagePortToContext', 'postMessageToThread']) made[name] = stub('worker_threads', name);
Object.assign(made, require('internal/messaging'));

const environment = new Map();
made.getEnvironmentData = (key) => environment.get(key);
made.setEnvironmentData = (key, value) => {
  if (value === undefined) environment.delete(key);
  else environment.set(key, value);
};
made.markAsUntransferable = () => { throw error('worker_threads.markAsUntransferable'); };

module.exports = made;

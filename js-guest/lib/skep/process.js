// skep:process: what this runtime can do with a process and Node's cannot. Must not know how it is done.
'use strict';

const clones = require('internal/child_process/clone');
const { validateObject, validateOneOf } = require('internal/validators');

// A second process that goes on from this one's heap as it stands when the turn has ended: closures, modules, timers and all.
// The promise becomes the clone's ChildProcess here, and null in the clone.
function clone(options = {}) {
  validateObject(options, 'options');
  validateOneOf(options.serialization, 'options.serialization', [undefined, 'json', 'advanced']);
  return new Promise((resolve, reject) => {
    clones.begin({ serialization: options.serialization ?? 'json', resolve, reject });
  });
}

module.exports = { clone };

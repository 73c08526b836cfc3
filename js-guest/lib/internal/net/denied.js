// The error of what the policy has refused: it says which flag would have granted it. Must not know what was asked for.
'use strict';

const native = internalBinding('stream');
const { codes: { ERR_ACCESS_DENIED } } = require('internal/errors');

const EACCES = -13;

// Right after a call has answered -EACCES at once; `fields` go onto the error.
function denied(syscall, fields) {
  return Object.assign(new ERR_ACCESS_DENIED(`${syscall}: ${native.why()}`), { syscall }, fields);
}

module.exports = { EACCES, denied };

// Words between a primary and its workers, beside the scripts' messages: statements, and questions with an answer. Must not
// know what they say.
'use strict';

const { ipcOf, kInternal } = require('internal/child_process/ipc');

let serial = 0;
const waiting = new Map(); // question to callback

// `say` answers whether there was anybody to hear.
function say(target, message, attach = null, callback = undefined) {
  const ipc = ipcOf(target);
  if (ipc === null) return false;
  ipc.tell({ act: 'cluster', ...message }, attach, callback);
  return true;
}

function ask(target, message, callback) {
  const question = ++serial;
  if (say(target, { ...message, question })) waiting.set(question, callback);
}

const answer = (target, question, message, attach = null) => say(target, { ...message, to: question }, attach);

// `hear(message, attached, kind)` answers what is to be done about a message, and throws when it makes no sense.
function listen(target, hear) {
  target[kInternal] = (message, attached, kind) => {
    if (message.act !== 'cluster') throw new TypeError('unknown message');
    if (message.to === undefined) return hear(message, attached, kind);
    const callback = waiting.get(message.to);
    if (callback === undefined) throw new TypeError('an answer to nothing');
    waiting.delete(message.to);
    return () => callback(message, attached, kind);
  };
}

module.exports = { say, ask, answer, listen };

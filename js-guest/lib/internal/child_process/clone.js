// Clones of this very process. The host takes the image when the turn has ended, so what is asked for stands in the heap of
// both: in the process that was cloned it becomes a ChildProcess, in the clone it is what tells who it is. Must not know
// what is done with either.
'use strict';

const native = internalBinding('child');
const { ErrnoException, codes: { ERR_ACCESS_DENIED } } = require('internal/errors');
const { adopt, forsake, kTold } = require('internal/child_process/child');

const EACCES = -13;

// Asked for and not answered, by the host's handle.
const pending = new Map();

function refusal(errno) {
  const why = errno === EACCES ? internalBinding('stream').why() : '';
  return why ? new ERR_ACCESS_DENIED(why) : new ErrnoException(errno, 'clone');
}

// `wish`: { serialization, resolve(child or null), reject(error), worker: its number, if it is to be cluster's, env }. Answers
// the child at once; it has a process id when it is resolved.
function begin(wish) {
  const handle = native.clone();
  if (handle < 0) {
    wish.reject(refusal(handle));
    return null;
  }
  const child = adopt(handle, wish.serialization);
  pending.set(handle, wish);
  child[kTold] = (pid) => {
    child[kTold] = undefined;
    pending.delete(handle);
    if (pid < 0) wish.reject(refusal(pid));
    else wish.resolve(child);
  };
  return child;
}

// START in a clone: the children and channels are those of the process that was cloned, and nobody here hears of them. The
// host's last word on who this is comes as CHILD_STARTED of its own handle, with no process id.
function renew() {
  native.forget().forEach(forsake);
  for (const [handle, wish] of pending) {
    native.attachObject(handle, { [kTold]: () => awake(handle, wish) });
  }
}

function awake(handle, wish) {
  for (const other of pending.keys()) native.detachObject(other);
  const waiting = [...pending.values()];
  pending.clear();
  Object.assign(process.env, wish.env);
  require('internal/child_process/child_side').setup({ serialization: wish.serialization, worker: wish.worker });
  for (const { resolve, worker } of waiting) {
    if (worker === undefined || worker === wish.worker) resolve(null);
  }
}

module.exports = { begin, renew };

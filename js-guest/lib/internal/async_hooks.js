// The hooks of async_hooks.createHook: who listens, and what they are told. Ids and frames are glue/async.c's. A hook that
// throws ends the process, as in Node: nobody could catch it. Must not know what work the ids belong to.
'use strict';

const native = internalBinding('async');
const tasks = internalBinding('tasks');
const timers = internalBinding('timers');

// Others look at `on` before they pay for anything; `list` is never changed in place, so that a hook may add or remove hooks
// while they are being called.
const state = { on: false, list: [] };

function fatal(error) {
  process._rawDebug(typeof error?.stack === 'string' ? error.stack : String(error));
  process.reallyExit(1);
}

function call(name, args) {
  for (const hook of state.list) {
    const callback = hook[name];
    if (typeof callback !== 'function') continue;
    try {
      Reflect.apply(callback, hook.self, args);
    } catch (error) {
      fatal(error);
    }
  }
}

// Destroys are told later, from the loop: one may come while the collector runs.
let waiting = [];

function tellDestroyed() {
  timers.refImmediate(-1);
  const ids = waiting;
  waiting = [];
  for (const id of ids) call('destroy', [id]);
  if (waiting.length > 0) soon(); // by a destroy hook
}

function soon() {
  timers.later({ _onImmediate: tellDestroyed }); // no Immediate: it is nobody's resource
}

function emitDestroy(id) {
  if (!state.on || !(id > 0)) return;
  if (waiting.push(id) === 1) soon();
}

function onInit(id, type, trigger, resource) {
  call('init', [id, type, trigger, resource]);
  if (type === 'PROMISE' && state.list.some((hook) => hook.destroy !== undefined)) collected.register(resource, id);
}

const collected = new FinalizationRegistry(emitDestroy);

native.listen(onInit, (id) => call('before', [id]), (id) => call('after', [id]), emitDestroy,
              (id) => call('promiseResolve', [id]));

function setList(list) {
  state.list = list;
  if (state.on === list.length > 0) return;
  state.on = list.length > 0;
  native.setHooked(state.on);
}

module.exports = {
  state,
  emitDestroy,
  emitInit: onInit,
  enable(hook) {
    if (!state.list.includes(hook)) setList([...state.list, hook]);
  },
  disable(hook) {
    if (state.list.includes(hook)) setList(state.list.filter((other) => other !== hook));
  },
  // Work that ends in a callback of the host's: the callback runs as a resource of this type.
  wrapCallback(type, callback) {
    if (!state.on) return callback;
    const id = native.newId(), trigger = native.executionAsyncId();
    const resource = { [native.id]: id, [native.trigger]: trigger };
    onInit(id, type, trigger, resource);
    return function(...args) {
      try {
        return native.run(resource, id, trigger, tasks.getContext(), callback, this, ...args);
      } finally {
        emitDestroy(id);
      }
    };
  },
};

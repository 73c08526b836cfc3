// Contexts of node:vm: a realm of the engine whose global object finds its names in an object of the program's, the
// sandbox. Reads and writes of names that the realm does not bring go to the sandbox at once; what a script declares is moved
// there when the script has run. Must not know scripts' options.
'use strict';

const native = internalBinding('modules');

const contexts = new WeakMap(); // sandbox -> { global, run, own }

// What the engine brings and a new context of Node 20 has not.
const FOREIGN = ['performance', 'navigator', 'DOMException', 'queueMicrotask', 'btoa', 'atob'];

// Stands behind the realm's global object, where names are looked for that the realm has not.
const handlerOf = (sandbox, global) => ({
  __proto__: null,
  get: (target, key, receiver) => (key in sandbox ? Reflect.get(sandbox, key, sandbox) : Reflect.get(target, key, receiver)),
  has: (target, key) => key in sandbox || key in target,
  set(target, key, value, receiver) {
    if (receiver !== global) return Reflect.set(target, key, value, receiver);
    return Reflect.set(sandbox, key, value, sandbox);
  },
  getPrototypeOf: (target) => target,
});

function contextify(sandbox) {
  const [global, run] = native.newRealm();
  for (const name of FOREIGN) delete global[name];
  const proto = Object.getPrototypeOf(global);
  Object.setPrototypeOf(global, new Proxy(proto, handlerOf(sandbox, global)));
  contexts.set(sandbox, { global, run, own: new Set(Reflect.ownKeys(global)) });
  return sandbox;
}

// A name of the sandbox hides the realm's own; what a script has declared for ever takes the sandbox's value.
function hideOwn(context, sandbox) {
  const { global, own } = context;
  for (const key of Reflect.ownKeys(sandbox)) {
    if (key === 'globalThis' || !Object.hasOwn(global, key)) continue;
    if (Reflect.deleteProperty(global, key)) own.delete(key);
    else if (!own.has(key)) global[key] = sandbox[key];
  }
}

// Declarations of a script become the sandbox's.
function moveDeclared(context, sandbox) {
  for (const key of Reflect.ownKeys(context.global)) {
    if (context.own.has(key)) continue;
    const found = Reflect.getOwnPropertyDescriptor(context.global, key);
    if (!Reflect.deleteProperty(context.global, key)) {
      if ('value' in found) sandbox[key] = found.value;
      continue;
    }
    const there = Reflect.getOwnPropertyDescriptor(sandbox, key);
    if (there !== undefined && ('set' in there || there.writable === false)) {
      if ('value' in found) Reflect.set(sandbox, key, found.value);
    } else {
      Reflect.defineProperty(sandbox, key, { ...found, configurable: true });
    }
  }
}

function runIn(sandbox, code, filename, line) {
  const context = contexts.get(sandbox);
  hideOwn(context, sandbox);
  try {
    return context.run(code, filename, line);
  } finally {
    moveDeclared(context, sandbox);
  }
}

module.exports = { contextify, runIn, isContext: (object) => contexts.has(object) };

// The CallSite methods that V8 has and the engine has not, which depd (under express, koa, send) and stack-trace parsers
// call. What the engine cannot tell is answered as for a plain function. Must not know who asks.
'use strict';

function sites() {
  const before = Error.prepareStackTrace;
  Error.prepareStackTrace = (error, list) => list;
  const { stack } = new Error();
  Error.prepareStackTrace = before;
  return stack;
}

function describe() {
  const name = this.getFunctionName();
  const file = this.getFileName();
  const place = this.isNative() ? '<anonymous>' : `${file ?? '<anonymous>'}:${this.getLineNumber()}:${this.getColumnNumber()}`;
  return name ? `${name} (${place})` : place;
}

const prototype = Object.getPrototypeOf(sites()[0]);
const methods = {
  getThis() { return undefined; },
  getTypeName() { return null; },
  getMethodName() { return null; },
  getEvalOrigin() { return undefined; },
  getScriptNameOrSourceURL() { return this.getFileName(); },
  getPromiseIndex() { return null; },
  getEnclosingLineNumber() { return this.getLineNumber(); },
  getEnclosingColumnNumber() { return this.getColumnNumber(); },
  isToplevel() { return true; },
  isEval() { return false; },
  isConstructor() { return false; },
  isAsync() { return false; },
  isPromiseAll() { return false; },
  toString: describe,
};
for (const [name, value] of Object.entries(methods)) {
  if (Object.hasOwn(prototype, name)) continue;
  Object.defineProperty(prototype, name, { value, writable: true, configurable: true, enumerable: false });
}

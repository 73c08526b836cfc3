// node:domain, deprecated: errors of what runs inside go to the domain's 'error' listeners, for calls that are run, bound or
// intercepted. Implicit binding of emitters and timers is not built. Must not know what runs.
'use strict';

const EventEmitter = require('events');

const stack = [];

class Domain extends EventEmitter {
  members = [];

  add(emitter) { if (!this.members.includes(emitter)) this.members.push(emitter); }
  remove(emitter) { this.members = this.members.filter((other) => other !== emitter); }
  enter() { exports.active = process.domain = this; stack.push(this); }
  exit() {
    const at = stack.lastIndexOf(this);
    if (at === -1) return;
    stack.length = at;
    exports.active = process.domain = stack.at(-1) ?? null;
  }

  run(fn, ...args) {
    this.enter();
    try {
      return fn.apply(this, args);
    } catch (error) {
      if (this.listenerCount('error') === 0) throw error;
      error.domain = this;
      error.domainThrown = true;
      this.emit('error', error);
      return undefined;
    } finally {
      this.exit();
    }
  }

  bind(fn) {
    const self = this;
    return function(...args) { return self.run(() => fn.apply(this, args)); };
  }

  intercept(fn) {
    const self = this;
    return function(error, ...args) {
      if (error instanceof Error) {
        error.domain = self;
        error.domainThrown = false;
        self.emit('error', error);
        return undefined;
      }
      return self.run(() => fn.apply(this, args));
    };
  }
}

exports.Domain = Domain;
exports._stack = stack;
exports.active = null;
exports.create = exports.createDomain = () => new Domain();

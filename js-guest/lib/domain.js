// node:domain, deprecated: what fails in the work that a domain started is told to the domain's 'error' listeners. Which
// work is whose is async_hooks' knowledge; emitters carry their domain themselves. All of it begins with the first
// domain, so that programs without one pay nothing. Must not know what runs.
'use strict';

const EventEmitter = require('events');
const { codes: { ERR_UNHANDLED_ERROR } } = require('internal/errors');

// The domains entered and not yet left, the active one last.
const stack = [];
const domainOf = new Map(); // async id -> domain
let begun = false;

function hidden(object, name, value) {
  Object.defineProperty(object, name, { value, configurable: true, enumerable: false, writable: true });
}

function activate(domain) {
  exports.active = process.domain = domain;
  updateCapture();
}

// While a domain with listeners is entered, what nobody catches is its business.
function updateCapture() {
  process.setUncaughtExceptionCaptureCallback(null);
  if (!stack.some((domain) => domain.listenerCount('error') > 0)) return;
  process.setUncaughtExceptionCaptureCallback((error) => process.domain._errorHandler(error));
}

function clearStack() {
  stack.length = 0;
  activate(null);
}

function begin() {
  if (begun) return;
  begun = true;
  process.domain = null;
  require('async_hooks').createHook({
    init(id, type, trigger, resource) {
      const { domain } = process;
      if (domain === null || domain === undefined) return;
      domainOf.set(id, domain);
      if (resource !== null && typeof resource === 'object') hidden(resource, 'domain', domain);
    },
    before(id) { domainOf.get(id)?.enter(); },
    after(id) { domainOf.get(id)?.exit(); },
    destroy(id) { domainOf.delete(id); },
  }).enable();
  bindEmitters();
}

// ---- Emitters ----

function bindEmitters() {
  const { init } = EventEmitter;
  const { emit } = EventEmitter.prototype;
  EventEmitter.usingDomains = true;
  EventEmitter.init = function(options) {
    hidden(this, 'domain', null);
    if (exports.active && !(this instanceof Domain)) this.domain = exports.active;
    return Reflect.apply(init, this, [options]);
  };
  EventEmitter.prototype.emit = function(...args) {
    const { domain } = this;
    const heard = args[0] === 'error' && this.listenerCount('error') > 0;
    if (heard || domain === null || domain === undefined || this === process) return Reflect.apply(emit, this, args);
    if (args[0] === 'error') return emitToDomain(this, domain, args);
    domain.enter();
    const answer = Reflect.apply(emit, this, args);
    domain.exit();
    return answer;
  };
}

// Outside of the domain itself, so that its handler's own failure goes to the one around it.
function emitToDomain(emitter, domain, args) {
  const error = args.length > 1 && args[1] ? args[1] : new ERR_UNHANDLED_ERROR(args[1]);
  if (typeof error === 'object') {
    error.domainEmitter = emitter;
    hidden(error, 'domain', domain);
    error.domainThrown = false;
  }
  const before = stack.slice();
  const { active } = exports;
  let at = stack.lastIndexOf(domain);
  while (at > 0 && stack[at - 1] === domain) at--;
  if (at >= 0) {
    stack.length = at;
    activate(stack.at(-1) ?? null);
  }
  domain.emit('error', error);
  stack.splice(0, stack.length, ...before);
  activate(active);
  return false;
}

// ---- The class ----

class Domain extends EventEmitter {
  constructor() {
    begin();
    super();
    this.members = [];
    this.on('removeListener', updateCapture);
    this.on('newListener', () => { if (stack.includes(this)) process.nextTick(updateCapture); });
  }

  add(member) {
    if (member.domain === this) return;
    if (member.domain) member.domain.remove(member);
    // Two domains that are members of each other would hand an error round for ever.
    if (this.domain && member instanceof Domain) {
      for (let d = this.domain; d; d = d.domain) if (d === member) return;
    }
    hidden(member, 'domain', this);
    this.members.push(member);
  }

  remove(member) {
    member.domain = null;
    const at = this.members.indexOf(member);
    if (at !== -1) this.members.splice(at, 1);
  }

  enter() {
    stack.push(this);
    activate(this);
  }

  exit() {
    const at = stack.lastIndexOf(this);
    if (at === -1) return;
    stack.length = at;
    activate(stack.at(-1));
  }

  run(fn, ...args) {
    this.enter();
    const answer = Reflect.apply(fn, this, args);
    this.exit();
    return answer;
  }

  bind(fn) {
    const self = this;
    const bound = function(...args) {
      self.enter();
      const answer = Reflect.apply(fn, this, args);
      self.exit();
      return answer;
    };
    hidden(bound, 'domain', self);
    return bound;
  }

  intercept(fn) {
    const self = this;
    return this.bind(function(error, ...args) {
      if (!(error instanceof Error)) return Reflect.apply(fn, this, args);
      error.domainBound = fn;
      error.domainThrown = false;
      hidden(error, 'domain', self);
      self.emit('error', error);
      return undefined;
    });
  }

  _errorHandler(error) {
    if ((typeof error === 'object' && error !== null) || typeof error === 'function') {
      hidden(error, 'domain', this);
      error.domainThrown = true;
    }
    // Its handler runs outside of it, lest it be told of its own failures.
    while (exports.active === this) this.exit();
    const caught = stack.length === 0 ? this.#tellAtTop(error) : this.#tellWithin(error);
    clearStack();
    return caught;
  }

  // Nobody is around: what the handler throws is uncaught.
  #tellAtTop(error) {
    if (this.listenerCount('error') === 0) throw error;
    return this.emit('error', error);
  }

  #tellWithin(error) {
    try {
      return this.emit('error', error);
    } catch (second) {
      const outer = stack.at(-1);
      if (outer === undefined) throw second;
      activate(outer);
      return outer._errorHandler(second);
    }
  }
}

exports.Domain = Domain;
exports._stack = stack;
exports.active = null;
exports.create = exports.createDomain = () => new Domain();

// EventEmitterAsyncResource: an emitter whose listeners run in one async context. Knows async_hooks' AsyncResource
// and the EventEmitter class it is given, nothing else.
'use strict';

const { codes: { ERR_INVALID_THIS } } = require('internal/errors');

module.exports = function makeClass(EventEmitter) {
  const { AsyncResource } = require('async_hooks');

  class EventEmitterReferencingAsyncResource extends AsyncResource {
    #emitter;

    constructor(emitter, type, options) {
      super(type, options);
      this.#emitter = emitter;
    }

    get eventEmitter() { return this.#emitter; }
  }

  return class EventEmitterAsyncResource extends EventEmitter {
    #resource;

    constructor(options = undefined) {
      let name;
      if (typeof options === 'string') {
        name = options;
        options = undefined;
      } else {
        name = options?.name || new.target.name;
      }
      super(options);
      this.#resource = new EventEmitterReferencingAsyncResource(this, name, options);
    }

    static #of(emitter) {
      if (Object(emitter) !== emitter || !(#resource in emitter)) throw new ERR_INVALID_THIS('EventEmitterAsyncResource');
      return emitter.#resource;
    }

    emit(event, ...args) { return EventEmitterAsyncResource.#of(this).runInAsyncScope(super.emit, this, event, ...args); }

    emitDestroy() { EventEmitterAsyncResource.#of(this).emitDestroy(); }

    get asyncId() { return EventEmitterAsyncResource.#of(this).asyncId(); }

    get triggerAsyncId() { return EventEmitterAsyncResource.#of(this).triggerAsyncId(); }

    get asyncResource() { return EventEmitterAsyncResource.#of(this); }
  };
};

// node:diagnostics_channel: named channels, and channels that trace a call. Must not know who publishes.
'use strict';

const { codes: { ERR_INVALID_ARG_TYPE } } = require('internal/errors');
const { validateFunction } = require('internal/validators');

// Channels nobody subscribes to may be collected.
const channels = new Map();

function throwLater(error) {
  process.nextTick(() => require('internal/process/exceptions').uncaught(error, false));
}

class Channel {
  // By prototypes alone: a value that has none is an error of its own, as in Node.
  static [Symbol.hasInstance](value) {
    const prototype = Object.getPrototypeOf(value);
    return prototype === Channel.prototype || Object.prototype.isPrototypeOf.call(Channel.prototype, prototype);
  }

  constructor(name) {
    this._subscribers = undefined;
    this._stores = undefined;
    this.name = name;
  }

  subscribe(subscription) {
    validateFunction(subscription, 'subscription');
    this._subscribers = [...this._subscribers ?? [], subscription];
    keep(this);
  }

  unsubscribe(subscription) {
    const at = this._subscribers?.indexOf(subscription) ?? -1;
    if (at === -1) return false;
    this._subscribers = this._subscribers.toSpliced(at, 1);
    keep(this);
    return true;
  }

  bindStore(store, transform) {
    (this._stores ??= new Map()).set(store, transform);
    keep(this);
  }

  unbindStore(store) {
    const had = this._stores?.delete(store) ?? false;
    keep(this);
    return had;
  }

  get hasSubscribers() {
    return (this._subscribers?.length ?? 0) > 0 || (this._stores?.size ?? 0) > 0;
  }

  publish(data) {
    for (const onMessage of this._subscribers ?? []) {
      try {
        onMessage(data, this.name);
      } catch (error) {
        throwLater(error);
      }
    }
  }

  runStores(data, fn, self, ...args) {
    let run = () => {
      this.publish(data);
      return Reflect.apply(fn, self, args);
    };
    for (const [store, transform] of this._stores ?? []) {
      const inner = run;
      run = () => {
        let context = data;
        if (transform !== undefined) {
          try {
            context = transform(data);
          } catch (error) {
            throwLater(error);
            return inner();
          }
        }
        return store.run(context, inner);
      };
    }
    return run();
  }
}

// `_onChange` is the library's own: it wants to know whether anybody listens without asking each time.
function keep(made) {
  made._onChange?.();
  channels.set(made.name, made.hasSubscribers ? { strong: made, weak: undefined } : { strong: undefined, weak: new WeakRef(made) });
}

function channel(name) {
  const known = channels.get(name);
  const live = known?.strong ?? known?.weak.deref();
  if (live !== undefined) return live;
  if (typeof name !== 'string' && typeof name !== 'symbol') {
    throw new ERR_INVALID_ARG_TYPE('channel', ['string', 'symbol'], name);
  }
  const made = new Channel(name);
  keep(made);
  return made;
}

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

class TracingChannel {
  constructor(from) {
    for (const name of EVENTS) {
      if (typeof from === 'string') {
        this[name] = channel(`tracing:${from}:${name}`);
      } else {
        if (from === null || typeof from !== 'object') {
          throw new ERR_INVALID_ARG_TYPE('nameOrChannels', ['string', 'object', 'Channel'], from);
        }
        if (!(from[name] instanceof Channel)) throw new ERR_INVALID_ARG_TYPE(`nameOrChannels.${name}`, ['Channel'], from[name]);
        this[name] = from[name];
      }
    }
  }

  subscribe(handlers) {
    for (const name of EVENTS) if (handlers[name]) this[name].subscribe(handlers[name]);
  }

  unsubscribe(handlers) {
    let done = true;
    for (const name of EVENTS) if (handlers[name] && !this[name].unsubscribe(handlers[name])) done = false;
    return done;
  }

  traceSync(fn, context = {}, self, ...args) {
    return this.start.runStores(context, () => {
      try {
        const result = Reflect.apply(fn, self, args);
        context.result = result;
        return result;
      } catch (error) {
        context.error = error;
        this.error.publish(context);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }

  tracePromise(fn, context = {}, self, ...args) {
    const settle = (key, value) => {
      context[key] = value;
      if (key === 'error') this.error.publish(context);
      this.asyncStart.publish(context);
      this.asyncEnd.publish(context);
    };
    return this.start.runStores(context, () => {
      try {
        let promise = Reflect.apply(fn, self, args);
        if (!(promise instanceof Promise)) promise = Promise.resolve(promise);
        return promise.then((result) => {
          settle('result', result);
          return result;
        }, (error) => {
          settle('error', error);
          return Promise.reject(error);
        });
      } catch (error) {
        context.error = error;
        this.error.publish(context);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }

  traceCallback(fn, position = -1, context = {}, self, ...args) {
    const callback = args.at(position);
    validateFunction(callback, 'callback');
    const tracing = this;
    args.splice(position, 1, function(error, result) {
      if (error) {
        context.error = error;
        tracing.error.publish(context);
      } else {
        context.result = result;
      }
      return tracing.asyncStart.runStores(context, () => {
        try {
          return Reflect.apply(callback, this, arguments);
        } finally {
          tracing.asyncEnd.publish(context);
        }
      });
    });
    return this.start.runStores(context, () => {
      try {
        return Reflect.apply(fn, self, args);
      } catch (error) {
        context.error = error;
        this.error.publish(context);
        throw error;
      } finally {
        this.end.publish(context);
      }
    });
  }
}

module.exports = {
  channel,
  hasSubscribers: (name) => channels.get(name)?.strong !== undefined,
  subscribe(name, subscription) { return channel(name).subscribe(subscription); },
  unsubscribe(name, subscription) { return channel(name).unsubscribe(subscription); },
  tracingChannel: (nameOrChannels) => new TracingChannel(nameOrChannels),
  Channel,
};

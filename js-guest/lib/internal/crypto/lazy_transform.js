// A Transform at the first look at what makes it one: most hashes and ciphers never are one. Must not know what they do.
'use strict';

const { Transform } = require('stream');

// A base class: kMade stands on what has been constructed (and not on a prototype), kOptions may.
function lazyTransform(kMade, kOptions) {
  function Lazy() {}
  Object.setPrototypeOf(Lazy.prototype, Transform.prototype);
  Object.setPrototypeOf(Lazy, Transform);
  for (const name of ['_readableState', '_writableState']) {
    Object.defineProperty(Lazy.prototype, name, {
      configurable: true,
      get() {
        if (this === Lazy.prototype || this[kMade] === undefined) return undefined;
        Transform.call(this, this[kOptions]);
        this._writableState.decodeStrings = false;
        return this[name];
      },
      set(value) {
        Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
      },
    });
  }
  return Lazy;
}

module.exports = { lazyTransform };

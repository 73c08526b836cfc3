// util.types: what kind of object a value is, as the engine tells it. Must not look at properties.
'use strict';

const { types } = internalBinding('util');

module.exports = {
  ...types,
  isCryptoKey: (value) => require('internal/crypto/subtle').isKey(value),
  isKeyObject: () => false,
};

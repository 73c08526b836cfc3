// What both sides of http share: methods and the checks of header names and values.
'use strict';

const native = internalBinding('http');
const { codes: { ERR_HTTP_INVALID_HEADER_VALUE, ERR_INVALID_CHAR, ERR_INVALID_HTTP_TOKEN } } = require('internal/errors');

function validateHeaderName(name, label) {
  if (typeof name !== 'string' || !native.isToken(name)) throw new ERR_INVALID_HTTP_TOKEN(label || 'Header name', name);
}

function validateHeaderValue(name, value) {
  if (value === undefined) throw new ERR_HTTP_INVALID_HEADER_VALUE(value, name);
  if (native.hasBadChar(value)) throw new ERR_INVALID_CHAR('header content', name);
}

const CRLF = '\r\n';

module.exports = {
  CRLF,
  chunkExpression: /(?:^|\W)chunked(?:$|\W)/i,
  continueExpression: /(?:^|\W)100-continue(?:$|\W)/i,
  methods: native.methods,
  _checkIsHttpToken: native.isToken,
  _checkInvalidHeaderChar: native.hasBadChar,
  validateHeaderName,
  validateHeaderValue,
};

// The host parses; these are for scripts that do it themselves.
for (const name of ['HTTPParser', 'parsers', 'freeParser', 'prepareError', 'kIncomingMessage']) {
  Object.defineProperty(module.exports, name, {
    configurable: true, enumerable: true, get: () => require('internal/http/parser')[name],
  });
}

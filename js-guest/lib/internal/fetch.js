// The global fetch: undici's, whose errors show where it was called. Must not know how anything is sent.
'use strict';

const undici = require('internal/deps/undici');

// `caller` is the function whose frames are nobody's business.
function fetch(input, init, caller) {
  const place = {};
  Error.captureStackTrace(place, caller);
  return undici.fetch(input, init).catch((error) => {
    if (error !== null && typeof error === 'object') {
      const { stack } = place;
      const at = stack.indexOf('\n');
      Object.defineProperty(error, 'stack', {
        value: at < 0 ? `${error}` : `${error}${stack.slice(at)}`, writable: true, configurable: true, enumerable: false,
      });
    }
    throw error;
  });
}

module.exports = { fetch };

// What stands in for the globals of the same name in web-streams-polyfill: errors with Node's codes.
const { StreamTypeError, StreamRangeError } = require('internal/webstreams/errors');

export { StreamTypeError as TypeError, StreamRangeError as RangeError };

// Errors of HTTP/2: RFC 9113's codes by name, and the library errors by which Node tells of a peer that broke the rules.
// Knows no stream.
'use strict';

const constants = require('internal/http2/constants');
const { captureStack } = require('internal/errors');

const code = {
  NO_ERROR: 0, PROTOCOL_ERROR: 1, INTERNAL_ERROR: 2, FLOW_CONTROL_ERROR: 3, SETTINGS_TIMEOUT: 4, STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6, REFUSED_STREAM: 7, CANCEL: 8, COMPRESSION_ERROR: 9, CONNECT_ERROR: 10, ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12, HTTP_1_1_REQUIRED: 13,
};

const names = Object.keys(code).map((name) => `NGHTTP2_${name}`);
// As Node says it in messages: NGHTTP2_CANCEL, or the number when it has no name.
const nameOf = (number) => names[number] ?? number;

// nghttp2's errors, which scripts know by number and text.
const fault = {
  INVALID_ARGUMENT: -501, PROTO: -505, STREAM_ID_NOT_AVAILABLE: -509, STREAM_CLOSED: -510, FRAME_SIZE_ERROR: -522, HEADER_COMP: -523,
  FLOW_CONTROL: -524, HTTP_HEADER: -531, HTTP_MESSAGING: -532, REFUSED_STREAM: -533, INTERNAL: -534, CANCEL: -535,
  TOO_MANY_SETTINGS: -537, CALLBACK_FAILURE: -902, BAD_CLIENT_MAGIC: -903, FLOODED: -904,
  TOO_MANY_CONTINUATIONS: -905,
};
const texts = {
  '-501': 'Invalid argument',
  '-505': 'Protocol error',
  '-509': 'No more Stream ID available',
  '-510': 'Stream was already closed or invalid',
  '-522': 'The length of the frame is invalid',
  '-523': 'Header compression/decompression error',
  '-524': 'Flow control error',
  '-531': 'Invalid HTTP header field was received',
  '-532': 'Violation in HTTP messaging rule',
  '-533': 'Stream was refused',
  '-534': 'Internal error',
  '-535': 'Cancel',
  '-537': 'SETTINGS frame contained more than the maximum allowed entries',
  '-902': 'The user callback function failed',
  '-903': 'Received bad client magic byte string',
  '-904': 'Flooding was detected in this HTTP/2 session, and it must be closed',
  '-905': 'Too many CONTINUATION frames following a HEADER frame',
};

// Which of them stands for a connection's end with a code of RFC 9113.
const faultOf = {
  [code.PROTOCOL_ERROR]: fault.PROTO, [code.FLOW_CONTROL_ERROR]: fault.FLOW_CONTROL, [code.STREAM_CLOSED]: fault.STREAM_CLOSED,
  [code.FRAME_SIZE_ERROR]: fault.FRAME_SIZE_ERROR, [code.COMPRESSION_ERROR]: fault.HEADER_COMP,
  [code.ENHANCE_YOUR_CALM]: fault.FLOODED, [code.INTERNAL_ERROR]: fault.INTERNAL,
};

class NghttpError extends Error {
  constructor(errno, custom) {
    super(custom === undefined ? texts[errno] : custom.message);
    this.code = custom === undefined ? 'ERR_HTTP2_ERROR' : custom.code;
    this.errno = errno;
    captureStack(this, NghttpError, `Error [${this.code}]: ${this.message}`);
  }

  toString() {
    return `${this.name} [${this.code}]: ${this.message}`;
  }
}

// The connection cannot go on: `code` goes into GOAWAY, `errno` to the script.
class ConnectionFault extends Error {
  constructor(number, reason, errno = faultOf[number] ?? fault.PROTO) {
    super(reason);
    this.code = number;
    this.errno = errno;
  }
}

module.exports = { code, constants, fault, nameOf, ConnectionFault, NghttpError };

// node:http2, in the clear (h2c with prior knowledge). There is no TLS yet: what needs it says so. The parts are in
// internal/http2: bytes (frames, splitter, huffman, hpack), the protocol without a socket (connection, receive, record), and
// what scripts see (session, stream, server, client, compat).
'use strict';

const constants = require('internal/http2/constants');
const { connect } = require('internal/http2/client');
const { createServer, performServerHandshake } = require('internal/http2/server');
const { Http2ServerRequest, Http2ServerResponse } = require('internal/http2/compat');
const { kSensitiveHeaders } = require('internal/http2/headers');
const { getDefaultSettings, getPackedSettings, getUnpackedSettings } = require('internal/http2/settings');

function createSecureServer() {
  throw require('internal/missing').error('http2.createSecureServer');
}

module.exports = {
  connect,
  constants,
  createServer,
  createSecureServer,
  getDefaultSettings,
  getPackedSettings,
  getUnpackedSettings,
  performServerHandshake,
  sensitiveHeaders: kSensitiveHeaders,
  Http2ServerRequest,
  Http2ServerResponse,
};

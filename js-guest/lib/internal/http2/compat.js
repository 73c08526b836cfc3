// http's face on a server's stream: a request and a response for each, and the events of http.Server. The classes are in
// internal/http2/request and internal/http2/response. Knows no session's inside.
'use strict';

const { Http2ServerRequest } = require('internal/http2/request');
const { Http2ServerResponse } = require('internal/http2/response');

const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

function onServerStream(server, options, stream, headers, flags, raw) {
  const request = new options.Http2ServerRequest(stream, headers, undefined, raw);
  const response = new options.Http2ServerResponse(stream);
  if (headers[':method'] === 'CONNECT') {
    if (!server.emit('connect', request, response)) refuse(response, 405);
    return;
  }
  if (headers.expect !== undefined) {
    if (!CONTINUE.test(headers.expect)) {
      if (!server.emit('checkExpectation', request, response)) refuse(response, 417);
      return;
    }
    if (server.emit('checkContinue', request, response)) return;
    response.writeContinue();
  }
  server.emit('request', request, response);
}

function refuse(response, status) {
  response.statusCode = status;
  response.end();
}

module.exports = { Http2ServerRequest, Http2ServerResponse, onServerStream };

// http.ClientRequest: a name only; making one says that it is not implemented.
'use strict';

const { OutgoingMessage } = require('_http_outgoing');
const { codes: { ERR_METHOD_NOT_IMPLEMENTED } } = require('internal/errors');

function ClientRequest() {
  throw new ERR_METHOD_NOT_IMPLEMENTED('http.ClientRequest');
}
Object.setPrototypeOf(ClientRequest.prototype, OutgoingMessage.prototype);
Object.setPrototypeOf(ClientRequest, OutgoingMessage);

module.exports = { ClientRequest };

// The constructor of http.IncomingMessage, alone: its text is kept, for programs look in it for what Node's has (finalhandler
// for `statusMessage`). Must not know what a message does.
'use strict';

const native = internalBinding('http');

function IncomingMessage(socket) {
  const message = new.target === undefined ? this : native.newRequest(new.target.prototype, socket);
  if (new.target === undefined) native.adoptRequest(message, socket);
  // A response's. What the host makes has them from the prototype.
  message.statusCode = null;
  message.statusMessage = null;
  return new.target === undefined ? undefined : message;
}

module.exports = { IncomingMessage };

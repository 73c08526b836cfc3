// What a connection knows of one stream: where its two halves stand, their windows, and what waits to be sent. Knows no bytes
// of the wire, and nothing of its owner but that it is told.
'use strict';

class Record {
  constructor(id, sendWindow, recvWindow, mostList) {
    this.id = id;
    this.owner = null; // the Http2Stream
    this.opened = false; // the peer has been told of it, or has told us
    this.closed = false;
    this.localEnded = false; // END_STREAM was sent
    this.remoteEnded = false; // END_STREAM came
    // Sending: the peer's window may become negative (RFC 9113, section 6.9.2).
    this.sendWindow = sendWindow;
    this.queue = []; // { bytes, at, cb }
    this.queued = 0;
    this.onEnded = null; // called when END_STREAM is on its way
    this.ending = false; // nothing follows what is queued
    // Receiving.
    this.recvWindow = recvWindow;
    this.mostList = mostList; // how long a header list may be, as it was when the stream began
    this.unread = 0; // with the script, which has not read it yet
    this.pieces = 0; // in how many it came
    this.listSize = 0; // octets of the header list that it began with, while they are counted
    this.gotHead = false; // the message's final headers have come
    this.expected = -1; // content-length
    this.received = 0;
  }

  tellEnded() {
    if (this.onEnded === null) return;
    process.nextTick(this.onEnded);
    this.onEnded = null;
  }
}

// What few streams ever change.
Object.assign(Record.prototype, {
  isOurs: false, // we began it
  leaving: false, // it is being reset
  owed: 0, // read by the script, not given back to the peer yet
  noBody: false, // an answer to HEAD, a 204 or 304
  isHead: false,
  isPush: false,
  reserved: false, // promised by the peer, and not begun
  priority: null,
});

module.exports = { Record };

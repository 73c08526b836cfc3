// What keeps a process alive, for those who ask: sockets, servers, file operations, timers. Must not know how they work.
'use strict';

const streams = internalBinding('stream');
const fs = internalBinding('fs');
const timers = internalBinding('timers');

class FSReqCallback {
  constructor(oncomplete) { this.oncomplete = oncomplete; }
}

const isServer = (object) => object instanceof require('net').Server;

function typeOf(object) {
  const isPipe = object._pipeName !== undefined || object._handle?.constructor?.name === 'Pipe';
  if (isPipe) return 'PipeWrap';
  return isServer(object) ? 'TCPServerWrap' : 'TCPSocketWrap';
}

const activeHandles = () => streams.objects();
const activeRequests = () => fs.pending().map((callback) => new FSReqCallback(callback));

function activeResources() {
  const [timeouts, immediates] = timers.active();
  return [
    ...activeRequests().map(() => 'FSReqCallback'),
    ...activeHandles().map(typeOf),
    ...Array(timeouts + require('internal/timers').firing.count).fill('Timeout'),
    ...Array(immediates).fill('Immediate'),
  ];
}

module.exports = { activeHandles, activeRequests, activeResources };

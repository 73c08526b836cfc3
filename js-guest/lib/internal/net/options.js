// The record that listen and listen_set take, as the array of numbers that internalBinding('stream') wants; and the
// forms of arguments that listen and connect share. Knows no socket and no server.
'use strict';

const { toNumber } = require('internal/net/address');

// Bits of the first word (see skep.h).
const flag = {
  HTTP: 1, REQUIRE_HOST: 2, WATCH_CONNECTIONS: 4, UPGRADE: 8, CONNECT: 16, CLIENT_ERROR: 32, CHECK_CONTINUE: 64,
  IPV6_ONLY: 128, NO_DELAY: 256, TCP_KEEP_ALIVE: 512, HALF_OPEN: 1024, UPGRADE_HEAD: 2048, PAUSED: 4096,
  CLIENT: 8192, TELL_IDLE: 16384, REST: 32768,
};
const connectFlag = { NO_DELAY: 1, PAUSED: 2 };
const option = { NO_DELAY: 1, KEEP_ALIVE: 2, TIMEOUT: 3, PAUSE: 4, TEE: 5 };
const event = {
  LISTENING: 10, LISTEN_FAILED: 11, LISTENER_CLOSED: 12, ACCEPTED: 13, STREAM_OPEN: 14, STREAM_END: 16,
  STREAM_DRAIN: 17, STREAM_FINISHED: 18, STREAM_TIMEOUT: 19, STREAM_CLOSED: 20, CONN_CLOSED: 38, CONN_OUT: 39,
  CONN_TIMEOUT: 40, CONN_END: 46,
};
const EAGAIN = -11;

const kNormalized = Symbol('normalizedArgs');

// A path, as opposed to a port as text.
const isPipeName = (text) => typeof text === 'string' && toNumber(text) === false;

// (options, cb), (path, cb), (port, host, cb)... as [options, cb], marked as such.
function normalizeArgs(args) {
  let options = {};
  const [first] = args;
  if (typeof first === 'object' && first !== null) {
    options = first;
  } else if (isPipeName(first)) {
    options.path = first;
  } else if (args.length > 0) {
    options.port = first;
    if (args.length > 1 && typeof args[1] === 'string') options.host = args[1];
  }
  const last = args.length > 0 ? args[args.length - 1] : null;
  const normalized = [options, typeof last === 'function' ? last : null];
  normalized[kNormalized] = true;
  return normalized;
}

module.exports = { flag, connectFlag, option, event, EAGAIN, kNormalized, isPipeName, normalizeArgs };

// The option `onread`: what arrives goes into the script's own buffer and to its callback, not through the stream. Must
// not know how bytes arrive.
'use strict';

const kBuffer = Symbol('kBuffer');
const kNext = Symbol('kNext');
const kCallback = Symbol('kCallback');
const kHeld = Symbol('kHeld');
const kStopped = Symbol('kStopped');
// Whether a socket has one: an own property of each, as every read looks at it.
const kInUse = Symbol('kInUse');

const isBytes = (value) => value instanceof Uint8Array;

function setUp(socket, onread) {
  if (onread === undefined) return;
  if (onread === null || typeof onread !== 'object' || typeof onread.callback !== 'function') return;
  const { buffer } = onread;
  if (!isBytes(buffer) && typeof buffer !== 'function') return;
  socket[kNext] = typeof buffer === 'function' ? buffer : null;
  socket[kBuffer] = isBytes(buffer) ? buffer : buffer();
  socket[kCallback] = onread.callback;
  socket[kHeld] = [];
  socket[kStopped] = false;
  socket[kInUse] = true;
}

// Hands over what there is until the script stops it; answers the bytes that were taken.
function deliver(socket, bytes) {
  const held = socket[kHeld];
  if (bytes !== undefined) held.push(bytes);
  let taken = 0;
  while (held.length > 0 && !socket[kStopped] && !socket.destroyed) {
    const chunk = held[0], buffer = socket[kBuffer];
    const count = Math.min(chunk.length, buffer.length);
    buffer.set(chunk.subarray(0, count));
    if (count < chunk.length) held[0] = chunk.subarray(count);
    else held.shift();
    taken += count;
    const answer = socket[kCallback].call(socket, count, buffer);
    if (answer === false) socket[kStopped] = true;
    if (socket[kNext] !== null) {
      const next = socket[kNext]();
      if (isBytes(next)) socket[kBuffer] = next;
    }
  }
  return taken;
}

const pause = (socket) => { socket[kStopped] = true; };
const resume = (socket) => { socket[kStopped] = false; };
const isEmpty = (socket) => socket[kHeld].length === 0;

module.exports = { setUp, deliver, pause, resume, isEmpty, kInUse, kStopped };

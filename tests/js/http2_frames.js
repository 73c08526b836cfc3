// What the scripts of tests/e2e_http2.rs need to speak HTTP/2 byte by byte: frames out of numbers, and frames in words. Put
// before each of them. Knows nothing of http2.
'use strict';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const TYPE = ['DATA', 'HEADERS', 'PRIORITY', 'RST_STREAM', 'SETTINGS', 'PUSH_PROMISE', 'PING', 'GOAWAY', 'WINDOW_UPDATE', 'CONTINUATION'];

function frame(type, flags, id, payload = '') {
  const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload, 'hex');
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = TYPE.indexOf(type);
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, bytes]);
}

const number = (value) => value.toString(16).padStart(8, '0');
// GET http /, authority "a"; with the END_STREAM that is asked for.
const request = (id, flags = 5, more = '') => frame('HEADERS', flags, id, '82868441' + '0161' + more);
const hello = [PREFACE, frame('SETTINGS', 0, 0)];

// Each frame in a word: type, stream, and the code of what has one.
function words(bytes) {
  const out = [];
  for (let at = 0; at + 9 <= bytes.length;) {
    const length = bytes.readUIntBE(at, 3), type = TYPE[bytes[at + 3]], ack = bytes[at + 4] & 1;
    const id = bytes.readUInt32BE(at + 5), payload = bytes.subarray(at + 9, at + 9 + length);
    let word = type;
    if (id) word += `@${id}`;
    if (type === 'GOAWAY') word += `=${payload.readUInt32BE(4)}`;
    if (type === 'RST_STREAM' || type === 'WINDOW_UPDATE') word += `=${payload.readUInt32BE(0)}`;
    if ((type === 'SETTINGS' || type === 'PING') && ack) word += '+ack';
    if (type === 'DATA') word += `:${length}${ack ? '.' : ''}`;
    if (type === 'HEADERS' && ack) word += '.';
    out.push(word);
    at += 9 + length;
  }
  return out;
}

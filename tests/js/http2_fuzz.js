// Random frames, cut at random, into the protocol part with nobody behind it: it must answer or fail by its own rules, never by
// another error, and what it holds stays bounded. Run with --expose-internals by tests/e2e_http2.rs, after http2_frames.js.
const assert = require('assert');
const { Connection } = require('internal/http2/connection');

let seed = 7;
const random = (below) => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return (seed >>> 8) % below;
};

const limits = {
  maxDeflateDynamicTableSize: 4096, maxSettings: 32, maxSessionMemory: 1e6, maxHeaderListPairs: 64, maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 50, maxSendHeaderBlockLength: 65536, maxReservedRemoteStreams: 20, peerMaxConcurrentStreams: 100,
  paddingStrategy: 0, streamResetBurst: 100, streamResetRate: 1, now: () => 0,
};
const ends = {}, frames = { in: 0 };

function hooksOf(connection) {
  const owner = { isLast: () => false };
  const hooks = { fault: (error) => { ends[error.code] = (ends[error.code] ?? 0) + 1; } };
  for (const name of ['wantsToSend', 'data', 'ended', 'closed', 'priority', 'remoteSettings', 'settingsAcknowledged', 'ping', 'goaway',
    'altsvc', 'origin', 'frameError']) hooks[name] = () => {};
  const begin = (record) => {
    record.owner = owner;
    if (record.localEnded) return;
    if (random(2)) connection().headers(record, { fields: [':status', '200'], never: null }, random(2) === 0);
    else if (random(2)) connection().reset(record, 8);
    else connection().write(record, Buffer.alloc(random(40000)), () => {});
  };
  hooks.request = (record) => begin(record);
  hooks.push = (parent, record) => begin(record);
  hooks.headers = (record) => { record.owner = owner; };
  return hooks;
}

function randomFrame() {
  const kind = TYPE[random(TYPE.length)], id = random(3) ? 1 + 2 * random(6) : random(8);
  const flags = random(4) ? [0, 1, 4, 5, 8, 0x20][random(6)] : random(256);
  let payload;
  switch (random(4)) {
    case 0: payload = Buffer.alloc(random(40), random(256)); break;
    case 1: payload = Buffer.from('828684410161', 'hex'); break;
    case 2: payload = Buffer.alloc([0, 4, 5, 6, 8][random(5)], random(4)); break;
    default: payload = Buffer.from(Array.from({ length: random(60) }, () => random(256)));
  }
  frames.in++;
  return frame(kind, flags, id, payload);
}

// Right in themselves; what is wrong is when they come.
let nextId = 1;
function mildFrame() {
  const id = 1 + 2 * random(Math.max(1, nextId >> 1));
  switch (random(9)) {
    case 0: case 1: case 2: return request((nextId += 2) - 2, random(2) ? 4 : 5);
    case 3: return frame('DATA', random(2), id, Buffer.alloc(random(9000)));
    case 4: return frame('WINDOW_UPDATE', 0, random(2) ? id : 0, number(1 + random(70000)));
    case 5: return frame('RST_STREAM', 0, id, number(random(12)));
    case 6: return frame('SETTINGS', 0, 0, `0004${number(random(100000))}0001${number(random(5000))}`);
    case 7: return frame('PRIORITY', 0, id + 2, `${number(id)}10`);
    default: return request(id, 5);
  }
}

for (let round = 0; round < 1500; round++) {
  const isServer = round % 3 !== 0;
  let connection;
  nextId = 1;
  const hooks = hooksOf(() => connection);
  connection = new Connection(isServer, hooks, limits);
  if (!isServer) {
    for (let i = 0; i < 3; i++) connection.request({ isLast: () => false }, { fields: [':method', 'GET', ':path', '/'], never: null }, true, null);
  }
  connection.settings({ maxConcurrentStreams: 10 }, {});
  connection.take(65536);
  const bytes = Buffer.concat([isServer ? PREFACE : Buffer.alloc(0), frame('SETTINGS', 0, 0), ...Array.from({ length: 30 }, round % 2 ? mildFrame : randomFrame)]);
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random(random(2) ? 4 : 2000);
    connection.receive(bytes.subarray(at, at + size));
    at += size;
    if (random(3) === 0) connection.take(65536);
    assert.ok(connection.memory < 2e6 && connection.streams.size <= 30 && connection.out.frames < 1200);
    assert.ok(connection.recvWindow <= 65535 && connection.held >= 0 && connection.peerStreams >= 0 && connection.ownStreams >= 0);
  }
  for (const record of [...connection.streams.values()]) connection.reset(record, 8);
  assert.strictEqual(connection.held, 0);
  assert.strictEqual(connection.queued + connection.listed, 0);
  assert.strictEqual(connection.peerStreams, 0);
  assert.strictEqual(connection.ownStreams, 0);
}
for (const code of [1, 5, 6, 9]) assert.ok(ends[code] > 5, JSON.stringify(ends));
console.log('random frames:', frames.in);

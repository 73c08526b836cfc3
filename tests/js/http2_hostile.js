// Peers that break HTTP/2's rules, or keep them and mean harm: what a server answers, what its script hears, and that it is
// bounded. After tests/js/http2_frames.js; run by tests/e2e_http2.rs.
const net = require('net');
const http2 = require('http2');
const { Duplex } = require('stream');

// Sends the bytes to a server; tells what came back and what the script heard, in words.
async function attack(name, bytes, { options = {}, onStream = (stream) => { stream.respond(); stream.end('ok'); }, split = false } = {}) {
  const heard = [];
  let streams = 0;
  const server = http2.createServer(options);
  server.on('stream', (stream, headers) => {
    streams++;
    stream.on('error', (error) => heard.push(error.code));
    onStream(stream, headers);
  });
  server.on('sessionError', (error) => heard.push(error.code === 'ERR_HTTP2_ERROR' ? error.message : error.code));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = net.connect(server.address().port, '127.0.0.1');
  const got = [];
  socket.on('data', (chunk) => got.push(chunk)).on('error', () => {});
  const all = Buffer.concat(bytes.flat());
  if (split) for (const byte of all) socket.write(Buffer.of(byte));
  else socket.write(all);
  // The connection ends, or a ping says that all before it was seen, and a second that what was answered later has come too.
  const last = 'fedcba9876543210', lastSeen = frame('PING', 1, 0, last);
  let isAsked = false;
  const done = new Promise((resolve) => {
    socket.on('close', resolve);
    socket.on('data', () => {
      const all = Buffer.concat(got);
      if (all.includes(lastSeen)) resolve();
      if (isAsked || !words(all).includes('PING+ack')) return;
      isAsked = true;
      setImmediate(() => socket.write(frame('PING', 0, 0, last)));
    });
  });
  socket.write(frame('PING', 0, 0, '0123456789abcdef'));
  await done;
  socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  const said = words(Buffer.concat(got)).filter((word) => !word.startsWith('SETTINGS') && word !== 'PING+ack');
  const short = said.length > 6 ? [`${said.length > 900 ? 'many' : said.length} frames`, ...said.slice(-1)] : said;
  const unique = [...new Set(heard)];
  const count = streams > 900 ? 'many' : streams;
  console.log(`${name}: ${short.join(' ') || '-'} | streams ${count}${unique.length ? ` | ${unique.join('; ')}` : ''}`);
}

const repeat = (count, make) => Array.from({ length: count }, (_, i) => make(i));

async function rules() {
  await attack('no preface', [Buffer.from('GET / HTTP/1.1\r\n\r\n')]);
  await attack('no settings', [PREFACE, frame('PING', 0, 0, '0000000000000000')]);
  await attack('data on 0', [hello, frame('DATA', 0, 0, '00')]);
  await attack('data on idle', [hello, frame('DATA', 0, 1, '00')]);
  await attack('too large a frame', [hello, request(1, 4), frame('DATA', 0, 1, Buffer.alloc(16385))]);
  await attack('bad compression', [hello, frame('HEADERS', 5, 1, 'ff')]);
  await attack('no such index', [hello, frame('HEADERS', 5, 1, 'ff00')]);
  await attack('integer without end', [hello, frame('HEADERS', 5, 1, 'ffffffffffffffff')]);
  await attack('table too large', [hello, frame('HEADERS', 5, 1, '3fe2ff03')]);
  await attack('huffman eos', [hello, frame('HEADERS', 5, 1, '828684' + '4184ffffffff')]);
  await attack('continuation of nothing', [hello, frame('CONTINUATION', 4, 1, '82')]);
  await attack('interrupted block', [hello, frame('HEADERS', 1, 1, '8286'), frame('PING', 0, 0, '0000000000000000')]);
  await attack('even id', [hello, request(2)]);
  await attack('id goes back', [hello, request(5), request(3)]);
  await attack('own dependency', [hello, frame('HEADERS', 0x25, 1, '0000000110828684')]);
  await attack('too much padding', [hello, request(1, 4), frame('DATA', 8, 1, '05000000')]);
  await attack('window of 0', [hello, request(1, 4), frame('WINDOW_UPDATE', 0, 1, number(0))], { onStream() {} });
  await attack('connection window of 0', [hello, frame('WINDOW_UPDATE', 0, 0, number(0))]);
  await attack('window overflow', [hello, frame('WINDOW_UPDATE', 0, 0, number(2 ** 31 - 1))]);
  await attack('stream window overflow', [hello, request(1, 4), frame('WINDOW_UPDATE', 0, 1, number(2 ** 31 - 1))], { onStream() {} });
  await attack('setting overflow', [hello, frame('SETTINGS', 0, 0, '0004ffffffff')]);
  await attack('setting out of range', [hello, frame('SETTINGS', 0, 0, '000500000001')]);
  await attack('settings of 5 octets', [hello, frame('SETTINGS', 0, 0, '0000000000')]);
  await attack('unasked acknowledgement', [hello, frame('SETTINGS', 1, 0), frame('SETTINGS', 1, 0)]);
  await attack('ping of 7 octets', [hello, frame('PING', 0, 0, '00000000000000')]);
  await attack('answer to no ping', [hello, frame('PING', 1, 0, '0000000000000000')]);
  await attack('data after the end', [hello, request(1), frame('DATA', 0, 1, '00')], { onStream() {} });
  await attack('push to a server', [hello, request(1, 4), frame('PUSH_PROMISE', 4, 1, '00000002828684')], { onStream() {} });
  await attack('unknown frame', [hello, Buffer.from('000002fe0000000001abcd', 'hex')]);
}

// Fields as literals without indexing: 00, name, value.
const text = (value) => Buffer.concat([Buffer.of(value.length), Buffer.from(value, 'latin1')]).toString('hex');
const field = (name, value) => `00${text(name)}${text(value)}`;

async function messages() {
  const bad = (name, more) => attack(name, [hello, request(1, 5, more)]);
  await bad('upper-case name', field('A', 'b'));
  await bad('connection header', field('connection', 'close'));
  await bad('transfer-encoding', field('transfer-encoding', 'chunked'));
  await bad('te', field('te', 'gzip'));
  await bad('late pseudo-header', field('a', 'b') + field(':path', '/x'));
  await bad('second path', '84');
  await bad('status in a request', '88');
  await bad('line break', field('a', 'b\r\nc: d'));
  await bad('two lengths', field('content-length', '0') + field('content-length', '0'));
  await bad('length without body', field('content-length', '3'));
  await attack('no path', [hello, frame('HEADERS', 5, 1, '8286410161')]);
  await attack('longer than said', [hello, request(1, 4, field('content-length', '1')), frame('DATA', 1, 1, '0000')], { onStream() {} });
  await attack('shorter than said', [hello, request(1, 4, field('content-length', '3')), frame('DATA', 1, 1, '00')], { onStream() {} });
  await attack('trailers that do not end', [hello, request(1, 4), frame('HEADERS', 4, 1, field('a', 'b'))], { onStream() {} });
}

async function floods() {
  await attack('more than the window', [hello, request(1, 4), repeat(5, () => frame('DATA', 0, 1, Buffer.alloc(16384)))], { onStream() {} });
  await attack('endless continuation', [hello, frame('HEADERS', 1, 1, '828684410161'),
    repeat(50, () => frame('CONTINUATION', 0, 1, field('x', 'y'.repeat(100))))]);
  const entry = `40${text('b')}7f9d1e${Buffer.alloc(3996, 'x').toString('hex')}`; // one entry that fills the table
  await attack('header bomb', [hello, request(1, 5, entry + 'be'.repeat(8000)), request(3)]);
  await attack('many small headers', [hello, request(1, 5, field('a', '').repeat(200)), request(3)]);
  await attack('rapid reset', [hello, repeat(1500, (i) => [request(2 * i + 1), frame('RST_STREAM', 0, 2 * i + 1, number(8))]).flat()],
    { onStream() {} });
  await attack('a lower limit of resets', [hello, repeat(50, (i) => [request(2 * i + 1), frame('RST_STREAM', 0, 2 * i + 1, number(8))]).flat()],
    { onStream() {}, options: { streamResetBurst: 10, streamResetRate: 1 } });
  await attack('invalid requests', [hello, repeat(12, (i) => request(2 * i + 1, 5, '88'))], { options: { maxSessionInvalidFrames: 10 } });
  await attack('rejected streams', [hello, repeat(12, (i) => request(2 * i + 1))],
    { options: { maxSessionRejectedStreams: 10, settings: { maxConcurrentStreams: 0 } } });
  await attack('empty frames', [hello, request(1, 4), repeat(20, () => frame('DATA', 0, 1))],
    { onStream() {}, options: { maxSessionInvalidFrames: 10 } });
  await attack('many settings', [hello, frame('SETTINGS', 0, 0, '000300000001'.repeat(33))]);
  await attack('crumbs', [hello, request(1, 4), repeat(2000, () => frame('DATA', 0, 1, '00'))], { onStream() {} });
  await attack('unread bodies', [hello, repeat(40, (i) => [request(2 * i + 1, 4), frame('DATA', 0, 2 * i + 1, Buffer.alloc(16384))]).flat()],
    { onStream() {}, options: { maxSessionMemory: 0.2 } });
  // Long lists of few octets: fifteen times the entry that fills the table.
  await attack('long lists', [hello, request(1, 4, entry), repeat(40, (i) => frame('HEADERS', 4, 2 * i + 3, `828684010161${'be'.repeat(15)}`))],
    { onStream() {}, options: { maxSessionMemory: 0.4 } });
}

// Streams that were open before the session's memory was full still have windows of their own. Nothing is read here, so the
// connection's is not given back beyond it; and is again when the script reads.
async function overfilled() {
  const server = http2.createServer({ maxSessionMemory: 0.3 }), streams = [];
  server.on('stream', (stream) => streams.push(stream));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = net.connect(server.address().port, '127.0.0.1');
  const ids = repeat(20, (i) => 2 * i + 1);
  let left = 65535, sent = 0, got = Buffer.alloc(0), next = 0, pong;
  socket.write(Buffer.concat([...hello, ...ids.map((id) => request(id, 4))]));
  const pump = () => {
    while (left >= 16000 && next < 80) {
      socket.write(frame('DATA', 0, ids[next++ % 20], Buffer.alloc(16000)));
      left -= 16000;
      sent += 16000;
    }
    socket.write(frame('PING', 0, 0, '0000000000000000'));
  };
  socket.on('data', (chunk) => {
    got = Buffer.concat([got, chunk]);
    const said = words(got);
    left = 65535 - sent + said.reduce((sum, word) => sum + (word.startsWith('WINDOW_UPDATE=') ? Number(word.slice(14)) : 0), 0);
    if (said.filter((word) => word === 'PING+ack').length > (pong ?? 0)) {
      pong = said.filter((word) => word === 'PING+ack').length;
      if (next < 80 && left >= 16000) pump();
      else if (streams.some((stream) => stream.readableFlowing === null)) {
        console.log(`overfilled: ${next < 80 && sent > 300000 && sent < 400000}`);
        streams.forEach((stream) => stream.resume());
        setImmediate(pump);
      } else if (next === 80) {
        console.log('overfilled: goes on when it is read');
        socket.destroy();
        server.close();
      } else {
        setImmediate(pump);
      }
    }
  });
  pump();
  await new Promise((resolve) => server.on('close', resolve));
}

// A peer that never reads: the answers that it asks for must not pile up.
async function deaf(name, bytes) {
  let error, held = 0;
  const server = http2.createServer();
  server.on('sessionError', (thrown) => { error = thrown; });
  const peer = new Duplex({ highWaterMark: 16, read() {}, write() {} });
  server.emit('connection', peer);
  for (const chunk of bytes) {
    peer.push(chunk);
    await new Promise(setImmediate);
    held = Math.max(held, peer.writableLength);
  }
  console.log(`${name}: ${error?.message}; held ${held < 65536}`);
}

// A peer that never opens its window: a writer waits, and goes on when it may.
async function stalled() {
  const server = http2.createServer();
  let stopped = 0, drained = false;
  server.on('stream', (stream) => {
    stream.respond();
    while (stream.write(Buffer.alloc(1000))) stopped++;
    stream.on('drain', () => { drained = true; stream.end(); });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = net.connect(server.address().port, '127.0.0.1');
  const got = [];
  socket.on('data', (chunk) => got.push(chunk));
  const until = (word) => new Promise((resolve) => {
    const look = () => { if (words(Buffer.concat(got)).some((one) => one.startsWith(word))) resolve(socket.off('data', look)); };
    socket.on('data', look);
    look();
  });
  socket.write(Buffer.concat([PREFACE, frame('SETTINGS', 0, 0, '000400000000'), request(1), frame('PING', 0, 0, '0000000000000000')]));
  await until('PING+ack');
  const before = words(Buffer.concat(got)).filter((word) => word.startsWith('DATA')).length;
  socket.write(frame('WINDOW_UPDATE', 0, 1, number(60000)));
  await until('DATA@1:0.');
  const data = words(Buffer.concat(got)).filter((word) => word.startsWith('DATA'));
  console.log(`stalled: ${stopped} before waiting, ${before} sent, then ${data.join(' ')}; drained ${drained}`);
  socket.destroy();
  server.close();
}

(async () => {
  await rules();
  await messages();
  await floods();
  await deaf('ping flood', [...hello, ...repeat(40, () => Buffer.concat(repeat(100, () => frame('PING', 0, 0, '0000000000000000'))))]);
  await deaf('settings flood', [...hello, ...repeat(40, () => Buffer.concat(repeat(100, () => frame('SETTINGS', 0, 0))))]);
  await stalled();
  await overfilled();
})();

// fetch and servers that lie, flood or never end: what a script is told, and that its memory stays its own.
const net = require('net');
const zlib = require('zlib');

const bomb = zlib.gzipSync(Buffer.alloc(64 << 20));
const deflated = zlib.deflateSync(Buffer.alloc(64 << 20));
const head = (rest) => `HTTP/1.1 200 OK\r\n${rest}\r\n`;
const coded = (coding, bytes) => Buffer.concat([Buffer.from(head(`Content-Encoding: ${coding}\r\nContent-Length: ${bytes.length}\r\n`)), bytes]);

const answers = {
  '/long-head': head(`X: ${'x'.repeat(40000)}\r\n`),
  '/many-fields': head('X: y\r\n'.repeat(5000)),
  '/split': head('Content-Length: 2\r\nContent-Length: 3\r\n'),
  '/bare': 'HTTP/1.1 200 OK\nX: y\n\n',
  '/upgrade': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  '/short': head('Content-Length: 9\r\n') + 'short',
  '/nothing': '',
  '/codings': head(`Content-Encoding: ${'gzip, '.repeat(20)}gzip\r\nContent-Length: 0\r\n`),
  '/garbage': head('Content-Encoding: gzip\r\nContent-Length: 7\r\n') + 'garbage',
  '/far': 'HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n',
  '/bad-place': 'HTTP/1.1 302 Found\r\nLocation: http://[/\r\nContent-Length: 0\r\n\r\n',
  '/file': 'HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n',
  '/bomb': coded('gzip', bomb),
  '/deflated': coded('deflate', deflated),
};

const server = net.createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', (request) => {
    const path = `${request}`.split(' ')[1];
    if (path === '/endless') {
      const piece = Buffer.alloc(65536, 'e');
      socket.write(head('Transfer-Encoding: chunked\r\n'));
      const more = () => { while (!socket.destroyed && socket.write(Buffer.concat([Buffer.from('10000\r\n'), piece, Buffer.from('\r\n')]))); };
      socket.on('drain', more);
      more();
      return;
    }
    socket.end(answers[path]);
  });
});

// How much comes out, read piece by piece; a script that stops reading stops the rest.
async function pieces(response, most = Infinity) {
  let total = 0;
  for await (const piece of response.body) {
    total += piece.length;
    if (total >= most) break;
  }
  return total;
}

server.listen(0, '127.0.0.1', async () => {
  const origin = `http://127.0.0.1:${server.address().port}`;
  for (const path of Object.keys(answers)) {
    if (path === '/bomb' || path === '/deflated') continue;
    const told = await fetch(origin + path).then((response) => response.text()).catch((error) =>
      `${error.message}: ${error.cause?.code ?? error.cause?.message}`);
    console.log(path, told);
  }
  for (const path of ['/bomb', '/deflated']) {
    const before = process.memoryUsage().rss;
    console.log(path, await pieces(await fetch(origin + path)), process.memoryUsage().rss - before < 8 << 20);
  }
  console.log('endless', await pieces(await fetch(`${origin}/endless`), 1 << 20) >= 1 << 20);
  const unread = await fetch(`${origin}/endless`);
  const before = process.memoryUsage().rss;
  await new Promise((resolve) => { setTimeout(resolve, 50); });
  console.log('unread', process.memoryUsage().rss - before < 4 << 20);
  await unread.body.cancel();
  server.close();
});

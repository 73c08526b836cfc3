// Connections over streams of the script's own: limits, faults, and an end of the program.
const http = require('http'), { Duplex } = require('stream');
// Two ends of one pipe.
function pair() {
  const make = () => Object.assign(new Duplex({
    read() {},
    write(part, encoding, cb) { this.other.push(part); cb(); },
    final(cb) { this.other.push(null); cb(); },
  }));
  const one = make(), two = make();
  one.other = two;
  two.other = one;
  return [one, two];
}
const big = 'x'.repeat(40000);
function ask(options, bytes) {
  const server = http.createServer(options, (req, res) => { res.sendDate = false; res.end(String(req.headers.a?.length)); });
  server.on('clientError', (error, socket) => { console.log(error.code, error.rawPacket.length); socket.end('bye'); });
  const [client, inner] = pair();
  server.emit('connection', inner);
  client.setEncoding('latin1').on('data', (text) => console.log(JSON.stringify(text))).on('end', () => console.log('end'));
  client.write(bytes);
}
ask({ maxHeaderSize: 65536 }, `GET / HTTP/1.1\r\nHost: a\r\nA: ${big}\r\nConnection: close\r\n\r\n`);
ask({}, 'GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\nno request\r\n\r\n');

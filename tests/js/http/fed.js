// A response over a stream of the script's own that nobody reads.
const http = require('http'), { Duplex } = require('stream');
// A response that is never read: what is fed beyond the host's patience ends the request.
const piece = Buffer.alloc(1 << 20, 'x');
const stream = new Duplex({ read() {}, write(part, encoding, cb) { cb(); } });
const req = http.request({ createConnection: () => stream }, (res) => {
  res.on('error', (error) => console.log('response', error.code)).on('close', () => console.log('closed'));
  let left = 12;
  (function more() { if (left--) stream.push(piece), setImmediate(more); })();
});
req.on('error', (error) => console.log('request', error.code));
req.end();
stream.push('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');

// What a connection's socket shows of http, before and after it has left.
const http = require('http'), net = require('net');
const server = http.createServer((req, res) => {
  const { socket } = req, { parser } = socket;
  console.log(['data', 'end', 'error', 'timeout', 'drain', 'close'].map((name) => socket.listenerCount(name) > 0).join());
  console.log(parser.incoming === req, socket._httpMessage === res, parser instanceof require('_http_common').HTTPParser);
  parser.free = () => console.log('freed');
  res.end('ok');
}).listen(0, () => http.get({ port: server.address().port, agent: false }, (res) => res.resume().on('end', again)));
function again() {
  server.on('connect', (req, socket) => {
    console.log(['data', 'error', 'timeout', 'drain', 'close'].map((name) => socket.listenerCount(name)).join(), socket.parser);
    socket.end();
    server.close();
  });
  net.connect(server.address().port).on('connect', function() { this.end('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'); }).resume();
}

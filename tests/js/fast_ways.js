// A script that runs in the midst of what C does at once for a socket's chunk or a request's body: what C reads may move or
// be gone by then. Prints what Node prints.
'use strict';

const http = require('http');
const net = require('net');

const said = [];
process.on('exit', () => console.log(said.sort().join('\n')));

// Whoever looks for a listener grows the socket.
const server = net.createServer((socket) => {
  socket.on('data', () => {});
  let events = socket._events, grown = 0, got = 0;
  Object.defineProperty(socket, '_events', {
    configurable: true,
    get() {
      for (let i = 0; i < 40; i++) socket[`grown${grown++}`] = grown;
      return events;
    },
    set(value) { events = value; },
  });
  socket.on('data', (chunk) => {
    got += chunk.length;
    if (got < 60) return;
    said.push(`net ${got} ${socket.bytesRead}`);
    socket.end();
  });
}).listen(0, '127.0.0.1', () => {
  const client = net.connect(server.address().port, '127.0.0.1');
  let written = 0;
  const timer = setInterval(() => {
    if (written++ < 6) client.write('0123456789');
    else clearInterval(timer);
  }, 3);
  client.on('close', () => server.close());
  client.resume();
});

// Going on drops the body that was about to be told.
const pages = http.createServer((req, res) => {
  const { socket } = req, { resume } = socket;
  socket.resume = function() {
    req._dump();
    return resume.apply(this, arguments);
  };
  setTimeout(() => {
    req.on('data', () => {});
    setTimeout(() => res.end('ok'), 20);
  }, 60);
}).listen(0, '127.0.0.1', () => {
  const req = http.request({ host: '127.0.0.1', port: pages.address().port, method: 'POST' }, (res) => {
    res.resume();
    res.on('end', () => {
      said.push(`http ${res.statusCode}`);
      pages.close();
    });
  });
  let written = 0;
  const timer = setInterval(() => {
    if (written++ < 8) {
      req.write(Buffer.alloc(8192, 'a'));
    } else {
      clearInterval(timer);
      req.end();
    }
  }, 4);
});

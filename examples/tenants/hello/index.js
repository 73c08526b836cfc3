// An ordinary Node server. Its port is its own affair: the hall brings it the requests for hello.localhost.
const http = require('http');
http.createServer((req, res) => {
  res.writeHead(200, { 'Content-Type': 'text/plain' });
  res.end(`Hello from ${req.headers.host}\n`);
}).listen(1337);

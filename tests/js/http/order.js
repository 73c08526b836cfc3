// The order in which a request and its response close.
const http = require('http');
const server = http.createServer((req, res) => {
  if (req.url === '/late') {
    setTimeout(() => res.end('late'), 20);
    res.on('close', () => console.log('res close', req.destroyed));
    req.on('end', () => console.log('req end', req.destroyed)).on('close', () => console.log('req close', req.destroyed));
  } else {
    res.end('soon');
    res.on('finish', () => console.log('finish')).on('close', () => console.log('res close', req.destroyed));
    req.on('end', () => console.log('req end', req.destroyed)).on('close', () => console.log('req close', req.destroyed));
  }
}).listen(0, () => http.get({ port: server.address().port, agent: false }, (res) => res.resume().on('close', () =>
  http.get({ port: server.address().port, path: '/late', agent: false }, (res) => res.resume().on('close', () => server.close())))));
